"""The shapes of a forest plot: what stands for a study, a mean, a prediction and exact limits."""

from collections.abc import Callable, Iterable
from math import sqrt

from metamill.figures.axes.axis import Axis
from metamill.figures.forest.rows import DIAMOND, HELD_OUT, LIMITS, PREDICTION, SQUARE, Row
from metamill.figures.page.canvas import Line, Polygon, Primitive, rectangle
from metamill.figures.style import Style


def _whisker(row: Row, y: float, axis: Axis, style: Style, colour: str) -> Iterable[Primitive]:
    """The interval as a line, with an arrowhead at each end that the axis cuts off."""
    if row.low is None or row.high is None:
        return
    left, right = axis.position(row.low), axis.position(row.high)
    cut_left, cut_right = axis.beyond(row.low) < 0, axis.beyond(row.high) > 0
    yield Line(
        left + (style.arrow_mm * 0.8 if cut_left else 0.0),
        y,
        right - (style.arrow_mm * 0.8 if cut_right else 0.0),
        y,
        style.interval_width,
        colour,
        role="interval",
    )
    if cut_left:
        yield _arrow(left, y, 1, style, colour)
    if cut_right:
        yield _arrow(right, y, -1, style, colour)
    if style.caps:
        half = style.square_mm / 4
        for x, cut in ((left, cut_left), (right, cut_right)):
            if not cut:
                yield Line(x, y - half, x, y + half, style.interval_width, colour, role="cap")


def _arrow(tip: float, y: float, inward: int, style: Style, colour: str) -> Polygon:
    base = tip + inward * style.arrow_mm
    half = style.arrow_mm / 2
    return Polygon(((tip, y), (base, y - half), (base, y + half)), colour, role="arrow")


def _square(row: Row, y: float, axis: Axis, style: Style) -> Iterable[Primitive]:
    """A study: its interval and a square whose area is proportional to its weight."""
    assert row.estimate is not None
    yield from _whisker(row, y, axis, style, style.ink)
    side = style.square_plain_mm
    if row.share is not None:
        largest = min(style.square_mm, (axis.right - axis.left) / style.squares_per_axis)
        side = max(style.square_min_mm, largest * sqrt(max(row.share, 0.0)))
    x, half = axis.position(row.estimate), side / 2
    box = (x - half, y - half, x + half, y + half)
    if axis.beyond(row.estimate):
        yield rectangle(box, style.paper, style.accent, style.rule_width, role="square")
        return
    yield rectangle(box, style.accent, role="square")
    if row.low is not None and row.high is not None:
        left, right = axis.position(row.low), axis.position(row.high)
        if x - half < left < x or x < right < x + half:
            ends = max(left, x - half), min(right, x + half)
            yield Line(ends[0], y, ends[1], y, style.thin_width, style.paper, role="inner interval")


def _limits_of(row: Row) -> tuple[float, float]:
    assert row.low is not None
    assert row.high is not None
    return row.low, row.high


def _diamond(row: Row, y: float, axis: Axis, style: Style) -> Iterable[Primitive]:
    """The mean: a diamond over its interval, cut off with an arrowhead where the axis ends."""
    assert row.estimate is not None
    low, high = _limits_of(row)
    middle, half = axis.position(row.estimate), style.diamond_mm / 2
    left, right = axis.position(low), axis.position(high)
    points = [(left, y), (middle, y - half), (right, y), (middle, y + half)]
    yield Polygon(tuple(points), style.mean, role="diamond")
    if axis.beyond(low) < 0:
        yield _arrow(left, y, 1, style, style.mean)
    if axis.beyond(high) > 0:
        yield _arrow(right, y, -1, style, style.mean)


def _prediction(row: Row, y: float, axis: Axis, style: Style) -> Iterable[Primitive]:
    """The prediction interval: a flat bar, grey where it is doubtful."""
    low, high = _limits_of(row)
    colour = style.doubtful if row.soft else style.mean
    if style.prediction == "line":
        yield from _prediction_line(row, y, axis, style, colour)
        return
    left, right, half = axis.position(low), axis.position(high), style.prediction_mm / 2
    cut_left, cut_right = axis.beyond(low) < 0, axis.beyond(high) > 0
    start = left + (style.arrow_mm * 0.9 if cut_left else 0.0)
    end = right - (style.arrow_mm * 0.9 if cut_right else 0.0)
    yield rectangle((start, y - half, end, y + half), colour, role="prediction")
    if cut_left:
        yield _arrow(left, y, 1, style, colour)
    if cut_right:
        yield _arrow(right, y, -1, style, colour)


def _prediction_line(
    row: Row, y: float, axis: Axis, style: Style, colour: str
) -> Iterable[Primitive]:
    """The prediction interval as a line with an end at each limit that the axis holds."""
    low, high = _limits_of(row)
    left, right = axis.position(low), axis.position(high)
    yield Line(left, y, right, y, style.interval_width, colour, (2.0, 1.5), role="prediction")
    for value, x, inward in ((low, left, 1), (high, right, -1)):
        half = style.prediction_mm
        if axis.beyond(value):
            yield _arrow(x, y, inward, style, colour)
        else:
            yield Line(x, y - half, x, y + half, style.interval_width, colour, role="end")


def _limits(row: Row, y: float, axis: Axis, style: Style) -> Iterable[Primitive]:
    """Exact limits of a total that no model was fitted to: a line with ends, and no diamond."""
    yield from _whisker(row, y, axis, style, style.accent)
    for value in (row.low, row.high):
        if value is not None and axis.beyond(value) == 0:
            x, half = axis.position(value), style.diamond_mm / 3
            yield Line(x, y - half, x, y + half, style.interval_width, style.accent, role="end")


def _held_out(row: Row, y: float, axis: Axis, style: Style) -> Iterable[Primitive]:
    """A study that is not pooled because its numbers cannot be true: a grey interval, a cross."""
    assert row.estimate is not None
    yield from _whisker(row, y, axis, style, style.doubtful)
    if axis.beyond(row.estimate):
        return
    x, half = axis.position(row.estimate), style.square_plain_mm / 2
    for slope in (1, -1):
        ends = (x - half, y - slope * half, x + half, y + slope * half)
        yield Line(*ends, style.interval_width, style.ink, role="cross")


SHAPES: dict[str, Callable[[Row, float, Axis, Style], Iterable[Primitive]]] = {
    SQUARE: _square,
    DIAMOND: _diamond,
    PREDICTION: _prediction,
    LIMITS: _limits,
    HELD_OUT: _held_out,
}
"""For each shape of a row what it draws, given the y of the row's middle."""


def shape(row: Row, y: float, axis: Axis, style: Style) -> list[Primitive]:
    """What is drawn for a row; nothing for one without an interval or without a shape."""
    known = row.low is not None and row.high is not None
    if not row.shape or not (known or row.shape == SQUARE):
        return []
    return list(SHAPES[row.shape](row, y, axis, style))
