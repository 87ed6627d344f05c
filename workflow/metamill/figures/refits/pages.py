"""A table of estimates on an axis that shows them all."""

from dataclasses import replace
from math import isfinite
from typing import Any

from metamill.config.settings import Display
from metamill.figures.axes.axis import Axis, linear_axis, log_axis, visible_range
from metamill.figures.axes.effect_words import bounds_of
from metamill.figures.refits.places import MEAN, Table
from metamill.figures.refits.table import plot_room, table_pages
from metamill.figures.style import Style
from metamill.results import Result


def estimate_pages(table: Table, result: Result, display: Display, style: Style) -> tuple[Any, ...]:
    """The pages of a table; a note tells of estimates that lie beyond the axis."""
    left, right = plot_room(table, display.width_mm, style)
    axis = _axis(table, result, display, left, right)
    drawn = [entry.estimate for entry in table.entries if entry.estimate is not None]
    if any(axis.beyond(estimate) for estimate in drawn):
        table = replace(table, notes=(*table.notes, "Hollow: the estimate lies beyond the axis."))
    return table_pages(table, axis, display.width_mm, display.height_mm, style)


def _axis(table: Table, result: Result, display: Display, left: float, right: float) -> Axis:
    """An axis for all that is drawn, within what the measure can be."""
    studies, limits = [], []
    for entry in table.entries:
        if entry.estimate is None:
            continue
        low = entry.estimate if entry.low is None else entry.low
        high = entry.estimate if entry.high is None else entry.high
        if entry.kind == MEAN:
            limits += [value for value in (low, high) if isfinite(value)]
        studies.append((low, entry.estimate, high))
    required = [v for v in (table.null, table.centre) if v is not None and isfinite(v)]
    log = result.measure.log_axis
    seen = visible_range(studies, limits, required, log)
    if seen is None:
        seen = (0.5, 2.0) if log else (0.0, 1.0)
    if log:
        return log_axis(*seen, left, right)
    return linear_axis(*seen, left, right, bounds_of(result.measure, display))
