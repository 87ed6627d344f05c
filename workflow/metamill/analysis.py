"""One outcome from its selected rows to its result: every analysis the settings name."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from metamill.config.settings import Model, Outcome, Plan
from metamill.errors import NumericError, Problem
from metamill.estimation import Data, estimate
from metamill.exploring.subgroups import level_of, subgroup_levels, subgroup_test
from metamill.measures import MEASURES, effect_sizes
from metamill.measures.effects import Array
from metamill.measures.prepare import generic_scale, prepare
from metamill.measures.registry import Measure, study_limits
from metamill.results import (
    Analysis,
    Effect,
    LeftOut,
    MeasureText,
    Result,
    StudyRow,
)
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection, apply_plan

_SILENT_STATUS = ("", "reported")
_WITHIN_PATIENTS = ("screw", "vertebra", "segment")


def analyse(outcome: Outcome, selection: Selection) -> Result:
    """The whole result of one outcome; raises NumericError where a number cannot be had."""
    primary = outcome.plans[0]
    measure = MEASURES[primary.model.measure]
    analyses = [_analysis(outcome, plan, selection) for plan in outcome.plans]
    tests = []
    for column in outcome.subgroups:
        levels = subgroup_levels(
            selection.rows[effect.row].cells.get(column, "") for effect in analyses[0].effects
        )
        parts = [_analysis(outcome, primary, selection, (column, level)) for level in levels]
        analyses += parts
        tests.append(subgroup_test(column, levels, [part.pooled for part in parts]))
    used = [selection.rows[effect.row] for effect in analyses[0].effects]
    units = {row.cells.get("unit") for row in used} - {None, ""}
    return Result(
        outcome=outcome.name,
        table=selection.table,
        unit=units.pop() if len(units) == 1 else None,
        measure=MeasureText(
            measure.code,
            measure.name,
            measure.natural,
            measure.family,
            None if measure.null is None else (1.0 if measure.scale == "log" else measure.null),
            measure.log_axis,
        ),
        settings=asdict(primary.model),
        rows=tuple(_study_row(row, measure) for row in selection.rows),
        analyses=tuple(analyses),
        subgroup_tests=tuple(tests),
        not_reported=selection.not_reported,
        digests={"rows": selection.digest},
        versions={name: version(name) for name in ("numpy", "scipy")},
    )


def _study_row(row: TableRow, measure: Measure) -> StudyRow:
    def total(columns: Sequence[str]) -> float | None:
        cells = [row.cells.get(column, "") for column in columns]
        return sum(map(float, cells)) if cells and all(cells) else None

    study = row.cells["study"]
    return StudyRow(
        study=study,
        label=row.cells.get("label") or study,
        line=row.line,
        cells={column: cell for column, cell in row.cells.items() if column != "label"},
        events=total(measure.event),
        size=total(measure.size),
    )


def _analysis(
    outcome: Outcome, plan: Plan, selection: Selection, level: tuple[str, str] | None = None
) -> Analysis:
    """One plan applied to the selected rows; `level` keeps one level of one column only."""
    divided = apply_plan(selection.rows, plan)
    used = divided.used
    left_out = [LeftOut(index, reason) for index, reason in divided.left_out]
    name = plan.name
    if level is not None:
        column, wanted = level
        used = tuple(
            index
            for index in used
            if level_of(selection.rows[index].cells.get(column, "")) == wanted
        )
        name, left_out = f"subgroup:{column}={wanted}", []
    rows = [selection.rows[index] for index in used]
    data, assumed = _data(rows, plan.model, selection.table)
    pooled, weights = estimate(data, plan.model)
    corrected = pooled.pooled and plan.model.method != "GLMM"
    flags = [
        (*told, *_row_flags(row, bool(data.effects.corrected[i]) and corrected))
        for i, (row, told) in enumerate(zip(rows, assumed, strict=True))
    ]
    return Analysis(
        name=name,
        settings=_model_settings(plan.model),
        effects=_effects(used, data, plan.model, weights, flags),
        pooled=replace(pooled, notes=pooled.notes + _unit_note(rows) + _flag_notes(flags)),
        left_out=tuple(left_out),
    )


def _model_settings(model: Model) -> dict[str, Any]:
    measure = MEASURES[model.measure]
    return asdict(
        replace(
            model,
            add=measure.add if model.add is None else model.add,
            to=measure.to if model.to is None else model.to,
        )
    )


def _data(rows: list[TableRow], model: Model, table: str) -> tuple[Data, list[list[str]]]:
    """What the rows give to pool, and per row what had to be assumed.

    A GLMM needs no correction; its effects are only shown, with the measure's own correction.
    """
    cells = [row.cells for row in rows]
    try:
        scale = generic_scale(cells) if model.measure == "GEN" and cells else None
        columns, assumed = prepare(model.measure, cells, model.correlation)
    except ValueError as error:
        advice = "Check the table against the source, or exclude the row with a reason"
        raise NumericError(Problem(table, str(error), advice)) from None
    own = model.method == "GLMM"
    effects = effect_sizes(
        model.measure, columns, add=None if own else model.add, to=None if own else model.to
    )
    for row, y, v in zip(rows, effects.yi, effects.vi, strict=True):
        if not (np.isfinite(y) and np.isfinite(v) and v > 0):
            raise NumericError(
                Problem(
                    table,
                    f"has no usable {model.measure}: effect {y:g}, sampling variance {v:g}",
                    "Check the row, allow a continuity correction, or exclude it with a reason",
                    row.line,
                    value=row.cells["study"],
                )
            )
    return Data(columns, effects, scale), assumed


def _row_flags(row: TableRow, corrected: bool) -> list[str]:
    """What a reader must know of a row: corrections, and how its numbers came about."""
    flags = ["continuity correction"] if corrected else []
    if row.cells.get("events_treatment") == row.cells.get("events_control") == "0":
        flags.append("no event in either group")
    status = row.cells.get("value_status", "")
    return flags if status in _SILENT_STATUS else [*flags, status.replace("_", " ")]


def _effects(
    used: tuple[int, ...],
    data: Data,
    model: Model,
    weights: Array | None,
    flags: list[tuple[str, ...]],
) -> tuple[Effect, ...]:
    if not used:
        return ()
    centre, low, high = study_limits(
        model.measure, data.columns, data.effects, model.level, data.scale
    )
    return tuple(
        Effect(
            row=index,
            yi=float(data.effects.yi[i]),
            vi=float(data.effects.vi[i]),
            estimate=float(centre[i]),
            ci_low=float(min(low[i], high[i])),
            ci_high=float(max(low[i], high[i])),
            weight=None if weights is None else float(weights[i]),
            flags=flags[i],
        )
        for i, index in enumerate(used)
    )


def _unit_note(rows: Sequence[TableRow]) -> tuple[str, ...]:
    """A warning where units share a patient; nothing corrects for it."""
    units = {row.cells.get("unit", "") for row in rows}
    if not units & set(_WITHIN_PATIENTS):
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
