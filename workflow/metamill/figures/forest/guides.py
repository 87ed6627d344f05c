"""What stands behind the rows of a forest plot: its axis, the reference lines, their notes."""

from collections.abc import Iterable
from math import isfinite

from metamill.config.settings import Display
from metamill.figures.axes.axis import Axis, linear_axis, log_axis, visible_range
from metamill.figures.axes.directions import important_values
from metamill.figures.axes.effect_words import bounds_of
from metamill.figures.axes.ticks import legible
from metamill.figures.forest.bias import bias_headers, bias_legend
from metamill.figures.forest.layout import Layout
from metamill.figures.forest.rows import DIAMOND, HELD_OUT, LIMITS, SQUARE, Content
from metamill.figures.forest.slabs import Sheet
from metamill.figures.page.canvas import Line, Primitive, rectangle
from metamill.results import Result

BAND_LEAST_MM = 0.3
"""A narrower band of the important difference is left to its line."""


def forest_axis(
    result: Result, display: Display, plan: Layout, said: Content, size: float
) -> Axis | None:
    """An axis for all that is drawn, within what the measure can be."""
    studies = [
        (row.low, row.estimate, row.high)
        for row in (*said.rows, *said.left_out)
        if row.shape in (SQUARE, HELD_OUT)
        and row.low is not None
        and row.estimate is not None
        and row.high is not None
    ]
    others = [
        value
        for row in said.rows
        if row.shape and row.shape != SQUARE
        for value in (row.low, row.high)
        if value is not None and isfinite(value)
    ]
    means = [row.estimate for row in said.rows if row.shape in (DIAMOND, LIMITS)]
    required = [value for value in (*means, result.measure.null) if value is not None]
    log = result.measure.log_axis
    if result.measure.family == "proportion":
        required.append(0.0)
    seen = visible_range(studies, others, required, log) if studies else None
    if seen is None:
        return None
    ends, limits = (plan.plot_left, plan.plot_right), bounds_of(result.measure, display)

    def make(room: float) -> Axis:
        return log_axis(*seen, *ends, room) if log else linear_axis(*seen, *ends, limits, room)

    return legible(make, size, plan.form.factor)


def guides(
    sheet: Sheet, axis: Axis, top: float, bottom: float, mean: float | None
) -> Iterable[Primitive]:
    """Reference line, the region of the important difference, dashed line at the estimate."""
    style, pooled = sheet.style, sheet.result.primary.pooled
    null = sheet.result.measure.null
    floor = bottom + style.gap_mm / 3
    for value in important_values(sheet.result, sheet.display):
        if axis.beyond(value) == 0 and null is not None:
            x = axis.position(value)
            end = axis.left if value < null else axis.right
            if abs(end - x) > BAND_LEAST_MM:
                box = (min(x, end), top, max(x, end), floor)
                yield rectangle(box, style.band, role="important band")
            dots = (1.0, 2.0)
            yield Line(x, top, x, floor, style.rule_width, style.line, dots, "important")
    if null is not None and axis.beyond(null) == 0:
        x = axis.position(null)
        yield Line(x, top, x, floor, style.rule_width, style.line, role="null")
    estimate, dash = pooled.estimate, style.estimate_dash
    if pooled.pooled and estimate is not None and dash and axis.beyond(estimate) == 0:
        x, end = axis.position(estimate), floor if mean is None else mean
        yield Line(x, top, x, end, style.rule_width, style.mean, dash, "estimate")


def guide_notes(sheet: Sheet) -> Iterable[str]:
    """What the lines, the hollow squares and the symbols mean, as far as there are any."""
    axis, display = sheet.axis, sheet.display
    if axis is None:
        return
    if any(axis.beyond(value) == 0 for value in important_values(sheet.result, display)):
        yield (
            "Dotted line: important difference "
            f"({display.important_difference:g}); shaded: beyond it."
        )
    if any(
        row.shape == SQUARE and row.estimate is not None and axis.beyond(row.estimate)
        for row in sheet.said.rows
    ):
        yield "Hollow square: the estimate lies beyond the axis."
    if any(row.shape == HELD_OUT for row in sheet.said.left_out):
        yield "Cross: held out by the audit, drawn as printed."
    if sheet.plan.bias:
        yield from bias_legend(sheet.result.bias, bias_headers(sheet.result.bias))
