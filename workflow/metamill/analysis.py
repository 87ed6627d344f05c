"""One outcome from its selected rows to its result: every analysis the settings name."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from metamill.audit.finding import HOLDING
from metamill.config.methods import DEFAULT_TAU_PRIOR
from metamill.config.settings import Model, Outcome, Plan
from metamill.errors import NumericError
from metamill.estimating import Data, Estimate, estimate
from metamill.explored.common import LeftOut
from metamill.explored.refits import Refit
from metamill.exploring.automatic import automatic
from metamill.exploring.cohorts import other_level, told_apart
from metamill.exploring.companions import companions
from metamill.exploring.cumulating import cumulative_by
from metamill.exploring.doubted import doubted_rows
from metamill.exploring.explore import Base, explore
from metamill.exploring.outliers import with_tails, without_outliers
from metamill.exploring.refits import leave_one_out
from metamill.exploring.regression import regressions
from metamill.exploring.subgroups import compared, level_of, subgroup_levels
from metamill.exploring.units import unit_labels
from metamill.files import digest
from metamill.measures import MEASURES
from metamill.measures.registry import Measure, study_limits
from metamill.preparation import Prepared, prepared_data, study_name
from metamill.results import (
    Analysis,
    AuditNote,
    Derived,
    Effect,
    MeasureText,
    Pooled,
    Result,
    StudyRow,
)
from metamill.tables.assessments import Assessment
from metamill.tables.codebook import identifies
from metamill.tables.needs import WITHIN_PATIENTS
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection, apply_plan

_SILENT_STATUS = ("", "reported")
AS_PRINTED = "inconsistent as printed"
"""Flag of a row that is pooled although the audit holds it for impossible or contradictory."""


@dataclass(frozen=True)
class _Used:
    """The rows one analysis pools, as positions in the selection, and what they give to pool."""

    rows: tuple[int, ...]
    prepared: Prepared
    left_out: tuple[LeftOut, ...] = ()

    @property
    def data(self) -> Data:
        return self.prepared.data


def analyse(outcome: Outcome, selection: Selection, bias: tuple[Assessment, ...] = ()) -> Result:
    """The whole result of one outcome; raises NumericError where a number cannot be had.

    `bias` are the assessments of the selected studies, which travel with their numbers.
    """
    primary = outcome.plans[0]
    measure = MEASURES[primary.model.measure]
    pooled_rows = _used(primary, selection)
    used = [selection.rows[row] for row in pooled_rows.rows]
    beside = companions(primary, pooled_rows.data, [row.cells for row in used])
    taken = {plan.name for plan in outcome.plans}
    analyses = [_analysis(primary, pooled_rows, selection)]
    analyses += [_analysis(plan, _used(plan, selection), selection) for plan in outcome.plans[1:]]
    refits = _refits(outcome, selection, pooled_rows, analyses[0])
    cells = tuple(row.cells for row in used)
    left_out = refits.get("leave_one_out", ())
    outliers, without = without_outliers(outcome, selection, pooled_rows.data, cells, left_out)
    beside = [*doubted_rows(outcome, selection), *without, *beside]
    beside = [*beside, *automatic(outcome, selection, analyses[0], beside)]
    analyses += [_beside(plan, selection) for plan in beside if plan.name not in taken]
    analyses = [_with_measure(analysis, measure) for analysis in analyses]
    tests = []
    for column in outcome.subgroups:
        levels = subgroup_levels(
            selection.rows[effect.row].cells.get(column, "") for effect in analyses[0].effects
        )
        of_level = [_used(primary, selection, (column, level)) for level in levels]
        parts = [
            _analysis(replace(primary, name=f"subgroup:{column}={level}"), used_rows, selection)
            for level, used_rows in zip(levels, of_level, strict=True)
        ]
        shared = _in_several_levels(parts, selection)
        data = [used_rows.data for used_rows in of_level]
        tau2_of = outcome.subgroup_tau2
        parts, test = compared(column, levels, parts, data, primary.model, tau2_of, shared)
        analyses += parts
        tests.append(test)
    units = {row.cells.get("unit") for row in used} - {None, ""}
    return Result(
        outcome=outcome.name,
        table=selection.table,
        unit=units.pop() if len(units) == 1 else None,
        measure=_measure_text(measure, pooled_rows.data.scale),
        settings=asdict(primary.model),
        rows=_study_rows(selection.rows, measure, primary.model.dependent),
        analyses=tuple(analyses),
        subgroup_tests=tuple(tests),
        **refits,
        regressions=regressions(
            outcome.moderators,
            primary.model,
            pooled_rows.data,
            pooled_rows.rows,
            [row.cells for row in used],
            analyses[0].pooled,
            outcome.explorations,
        ),
        explored=explore(
            Base(
                outcome,
                selection,
                pooled_rows.rows,
                cells,
                pooled_rows.data,
                tuple(analyses),
                outliers,
                left_out,
            )
        ),
        derived=_derived(pooled_rows),
        audit=_audit_notes(outcome, selection),
        not_reported=selection.not_reported,
        bias=bias,
        digests={"rows": selection.digest, "settings": digest(outcome.to_json())},
        versions={name: version(name) for name in ("numpy", "scipy")},
    )


def _measure_text(measure: Measure, scale: str | None = None) -> MeasureText:
    """`scale` is that of reported effects: a ratio that was reported as such has a log axis."""
    return MeasureText(
        measure.code,
        measure.name,
        measure.natural,
        measure.family,
        measure.natural_null,
        measure.log_axis or scale == "log",
    )


def _with_measure(analysis: Analysis, primary: Measure) -> Analysis:
    own = MEASURES[analysis.settings["measure"]]
    return analysis if own == primary else replace(analysis, measure=_measure_text(own))


def _in_several_levels(parts: Sequence[Analysis], selection: Selection) -> int:
    """How many studies (or shared cohorts) have rows in more than one level."""
    levels = [
        {study_name(selection.rows[effect.row].cells) for effect in part.effects} for part in parts
    ]
    named = [name for level in levels for name in level]
    return len({name for name in named if named.count(name) > 1})


def _used(plan: Plan, selection: Selection, level: tuple[str, str] | None = None) -> _Used:
    """What a plan pools; `level` keeps one level of one column only."""
    divided = apply_plan(selection.rows, plan)
    rows, left_out = divided.used, tuple(LeftOut(*item) for item in divided.left_out)
    siblings = [selection.rows[row] for row in rows]
    if level is not None:
        left_out = ()
        column, wanted = level
        rows = tuple(
            row for row in rows if level_of(selection.rows[row].cells.get(column, "")) == wanted
        )
    chosen = [selection.rows[row] for row in rows]
    prepared = prepared_data(chosen, plan, selection.table, siblings)
    return _Used(rows, prepared, left_out)


def _refits(
    outcome: Outcome, selection: Selection, used: _Used, primary: Analysis
) -> dict[str, tuple[Refit, ...]]:
    """The primary analysis without each study, and study after study, as the settings ask."""
    model, data = outcome.plans[0].model, used.data
    cells = [selection.rows[row].cells for row in used.rows]
    found: dict[str, tuple[Refit, ...]] = {}
    if outcome.leave_one_out and primary.pooled.pooled:
        labels = unit_labels(data.study, cells)
        refits = leave_one_out(data, model, primary.pooled, labels)
        found["leave_one_out"] = with_tails(told_apart(refits, data, cells), data, model)
        found["leave_cohort_out"] = other_level(data, model, primary.pooled, cells)
    found["cumulative"] = cumulative_by(outcome.cumulative or (), data, model, cells)
    return found


def _derived(used: _Used) -> tuple[Derived, ...]:
    return tuple(
        Derived(row, item.column, item.value, item.how)
        for row, items in zip(used.rows, used.prepared.derived, strict=True)
        for item in items
    )


def _audit_notes(outcome: Outcome, selection: Selection) -> tuple[AuditNote, ...]:
    at = {row.line: index for index, row in enumerate(selection.rows)}
    held = apply_plan(selection.rows, outcome.plans[0]).held
    return tuple(
        AuditNote(
            at[item.line],
            item.check,
            item.level,
            item.words,
            item.level in HOLDING and at[item.line] in held,
            item.accepted,
        )
        for item in outcome.findings
    )


def _study_rows(
    rows: Sequence[TableRow], measure: Measure, dependent: bool
) -> tuple[StudyRow, ...]:
    """The rows as the result holds them; where a model pools several of one study, by name."""
    if not dependent:
        return tuple(_study_row(row, measure, "") for row in rows)
    together: dict[str, list[TableRow]] = {}
    for row in rows:
        together.setdefault(row.cells["study"].casefold(), []).append(row)
    return tuple(
        _study_row(row, measure, _apart(row, together[row.cells["study"].casefold()]))
        for row in rows
    )


def _apart(row: TableRow, others: Sequence[TableRow]) -> str:
    """The levels by which a row differs from the other rows of its study, as words."""
    names = [name for name in row.cells if identifies(name) and name != "study"]
    differing = [name for name in names if len({other.cells.get(name, "") for other in others}) > 1]
    return ", ".join(row.cells[name].replace("_", " ") for name in differing if row.cells[name])


def _study_row(row: TableRow, measure: Measure, apart: str) -> StudyRow:
    def total(columns: Sequence[str]) -> float | None:
        cells = [row.cells.get(column, "") for column in columns]
        return sum(map(float, cells)) if cells and all(cells) else None

    study = row.cells["study"]
    return StudyRow(
        study=study,
        label=(row.cells.get("label") or study) + (f" ({apart})" if apart else ""),
        line=row.line,
        cells={column: cell for column, cell in row.cells.items() if column != "label"},
        events=total(measure.event),
        size=total(measure.size),
    )


def _beside(plan: Plan, selection: Selection) -> Analysis:
    """An analysis that nobody asked for: where it has no numbers it says why and stops nothing."""
    try:
        return _analysis(plan, _used(plan, selection), selection)
    except NumericError as error:
        k = len(apply_plan(selection.rows, plan).used)
        pooled = Pooled(k, pooled=False, notes=(error.reason,))
        return Analysis(plan.name, _model_settings(plan.model), (), pooled)


def _analysis(plan: Plan, used: _Used, selection: Selection) -> Analysis:
    """What a plan makes of the rows it uses."""
    rows = [selection.rows[row] for row in used.rows]
    found = estimate(used.data, plan.model)
    correction = _correction_flag(found.pooled.pooled, used.prepared.corrects, plan.model)
    corrected = used.data.effects.corrected
    flags = [
        (
            *told,
            *(correction if corrected[i] else ()),
            *((AS_PRINTED,) if row.line in plan.doubted else ()),
            *_row_flags(row, plan.model.measure),
        )
        for i, (row, told) in enumerate(zip(rows, used.prepared.flags, strict=True))
    ]
    unit_note = () if plan.model.icc else _unit_note(rows)
    held = {item.reason for item in plan.held} & {item.reason for item in used.left_out}
    if not rows and held:
        unit_note = ("nothing to pool: the audit holds out every row that is left",)
    return Analysis(
        name=plan.name,
        settings=_model_settings(plan.model),
        effects=_effects(used, plan.model, found, flags),
        pooled=replace(found.pooled, notes=found.pooled.notes + unit_note + _flag_notes(flags)),
        left_out=used.left_out,
        totals=_totals(used.data, plan.model),
    )


def _totals(data: Data, model: Model) -> dict[str, float]:
    measure = MEASURES[model.measure]
    names = [name for name in (*measure.event, *measure.size) if name in data.columns]
    sums = {name: float(np.sum(data.columns[name])) for name in names}
    return {name: total for name, total in sums.items() if np.isfinite(total)}


def _model_settings(model: Model) -> dict[str, Any]:
    """The settings as used: what stands for the measure's or the method's own is filled in."""
    measure = MEASURES[model.measure]
    if model.method == "BAYES":
        model = replace(model, tau_prior=model.tau_prior or DEFAULT_TAU_PRIOR)
    return asdict(
        replace(
            model,
            add=measure.add if model.add is None else model.add,
            to=measure.to if model.to is None else model.to,
        )
    )


def _correction_flag(pooled: bool, corrects: bool, model: Model) -> tuple[str, ...]:
    """What a corrected effect means: pooled as it is, or only shown.

    Counts of one group are shown as they were observed whatever was pooled.
    """
    if pooled and corrects:
        return ("continuity correction",)
    shown = MEASURES[model.measure].null is not None
    return ("continuity correction, to show the row only",) if shown else ()


def _row_flags(row: TableRow, measure: str) -> list[str]:
    """What a reader must know of a row: how its numbers came about."""
    flags = []
    events = [row.cells.get(name) for name in MEASURES[measure].event]
    if len(events) > 1 and set(events) == {"0"}:
        flags.append("no event in either group")
    status = row.cells.get("value_status", "")
    return flags if status in _SILENT_STATUS else [*flags, status.replace("_", " ")]


def _effects(
    used: _Used, model: Model, found: Estimate, flags: list[tuple[str, ...]]
) -> tuple[Effect, ...]:
    data, measure = used.data, MEASURES[model.measure]
    if not used.rows:
        return ()
    limits = study_limits(model.measure, data.columns, data.effects, model.level, data.scale)

    def sums(names: Sequence[str]) -> list[float | None]:
        if not names:
            return [None] * len(used.rows)
        totals = sum(data.columns[name] for name in names)
        return [None if np.isnan(x) else float(x) for x in np.asarray(totals)]

    events, sizes = sums(measure.event), sums(measure.size)
    effects = []
    for i, row in enumerate(used.rows):
        centre, low, high = (float(x[i]) for x in limits)
        effects.append(
            Effect(
                row=row,
                yi=float(data.effects.yi[i]),
                vi=float(data.effects.vi[i]),
                estimate=centre,
                ci_low=min(low, high),
                ci_high=max(low, high),
                weight=None if found.weights is None else float(found.weights[i]),
                events=events[i],
                size=sizes[i],
                **_posterior(found, i),
                flags=flags[i],
            )
        )
    return tuple(effects)


def _posterior(found: Estimate, i: int) -> dict[str, float]:
    names = ("posterior", "posterior_low", "posterior_high")
    if found.posterior is None:
        return {}
    return dict(zip(names, (float(x) for x in found.posterior[i]), strict=False))


def _unit_note(rows: Sequence[TableRow]) -> tuple[str, ...]:
    """A warning where units share a patient; nothing corrects for it."""
    units = {row.cells.get("unit", "") for row in rows}
    if not units & set(WITHIN_PATIENTS):
        return ()
    return ("units of one patient are counted as if independent, so the intervals are too narrow",)


def _flag_notes(flags: list[tuple[str, ...]]) -> tuple[str, ...]:
    """How many rows carry each flag."""
    counted: dict[str, int] = {}
    for flag in (flag for row in flags for flag in row):
        counted[flag] = counted.get(flag, 0) + 1
    return tuple(
        f"{flag} in {count} of {len(flags)} rows" for flag, count in sorted(counted.items())
    )
