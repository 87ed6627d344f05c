"""From the rows of an analysis to what it pools: numbers, effects, and what had to be assumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metamill.config.methods import own_counts
from metamill.config.settings import Model, Plan
from metamill.errors import NumericError, Problem
from metamill.estimating import Data
from metamill.measures import effect_sizes
from metamill.measures.clusters import effective_counts, effective_flag
from metamill.measures.derive import DerivedCell
from metamill.measures.effects import Array, Effects
from metamill.measures.prepare import generic_scale, prepare
from metamill.tables.reader import TableRow


@dataclass(frozen=True)
class Prepared:
    """What rows give to pool; per row what was assumed and which numbers were derived.

    `corrects` says whether a continuity correction changes what is pooled: a model of the counts
    themselves needs none, and its effects are corrected only to be shown.
    """

    data: Data
    flags: list[list[str]]
    derived: list[tuple[DerivedCell, ...]]
    corrects: bool


def prepared_data(
    rows: list[TableRow], plan: Plan, table: str, siblings: Sequence[TableRow] = ()
) -> Prepared:
    """The data of `rows` under a plan; `siblings` are the rows that may lend a correlation.

    Rows that the audit doubts, and those that an analysis takes back from the outcome's
    exclusions, are pooled as printed. Raises NumericError, naming the row, where the cells of
    another contradict each other, or where a row gives no effect.
    """
    model, cells = plan.model, [row.cells for row in rows]
    lending = [row.cells for row in siblings] if model.sibling_correlation else []
    try:
        scale = generic_scale(cells) if model.measure == "GEN" and cells else None
        known = {
            i
            for i, row in enumerate(rows)
            if row.line in plan.doubted or _taken_back(row.cells, plan)
        }
        found = prepare(model.measure, cells, model.correlation, lending, known)
        flags = [list(item) for item in found.flags]
        for told, factor in zip(flags, found.inflation, strict=True):
            if factor > 1:
                told.append(f"variance widened by {factor:.3g} for what was estimated")
        columns = _effective(found.columns, rows, model, flags)
    except ValueError as error:
        advice = "Check the table against the source, or exclude the row with a reason"
        raise NumericError(Problem(table, str(error), advice)) from None
    own = own_counts(model.method, model.measure)
    effects = effect_sizes(
        model.measure, columns, add=None if own else model.add, to=None if own else model.to
    )
    effects = Effects(effects.yi, effects.vi * found.inflation, effects.corrected)
    _refuse_unusable(rows, effects, model, table)
    data = Data(columns, effects, _study_codes(rows, plan), scale)
    return Prepared(data, flags, list(found.derived), corrects=not own)


def _taken_back(cells: dict[str, str], plan: Plan) -> bool:
    """Whether an analysis pools a row, knowingly, that the outcome excludes."""
    excluded = any(item.matches(cells) for item in plan.exclude)
    return excluded and plan.include is not None and plan.include.matches(cells)


def _refuse_unusable(rows: list[TableRow], effects: Effects, model: Model, table: str) -> None:
    advice = "Check the row, allow a continuity correction, or exclude it with a reason"
    for row, y, v in zip(rows, effects.yi, effects.vi, strict=True):
        if not (np.isfinite(y) and np.isfinite(v) and v > 0):
            rule = f"has no usable {model.measure}: effect {y:g}, sampling variance {v:g}"
            raise NumericError(Problem(table, rule, advice, row.line, value=row.cells["study"]))


def _study_codes(rows: list[TableRow], plan: Plan) -> Array:
    """A number per independent study: rows of one study, or of one shared cohort, have the same.

    Without a model of dependence every row is a study of its own; tables in which two rows of one
    pool share a study are refused before.
    """
    if not plan.model.dependent:
        return np.arange(len(rows))
    codes: dict[tuple[str, str], int] = {}
    names = [study_name(row.cells) for row in rows]
    return np.array([codes.setdefault(name, len(codes)) for name in names], int)


def study_name(cells: Mapping[str, str]) -> tuple[str, str]:
    """What rows that depend on each other share: a cohort, or else a study."""
    kind = "cohort" if cells.get("cohort") else "study"
    return kind, cells[kind].casefold()


def _effective(
    columns: dict[str, Array], rows: list[TableRow], model: Model, flags: list[list[str]]
) -> dict[str, Array]:
    """Counts shrunk to their effective sample size where an intra-class correlation is assumed."""
    if model.icc is None:
        return columns
    arms = ("_treatment", "_control") if "events_treatment" in columns else ("",)
    found = dict(columns)
    for arm in arms:
        events, total = columns[f"events{arm}"], columns[f"total{arm}"]
        clusters = np.array([float(row.cells[f"clusters{arm}"]) for row in rows])
        found[f"events{arm}"], found[f"total{arm}"] = effective_counts(
            events, total, clusters, model.icc
        )
        for told, n, m in zip(flags, total, clusters, strict=True):
            if model.icc > 0 and n > m:
                told.append(effective_flag(n, m, model.icc))
    return found
