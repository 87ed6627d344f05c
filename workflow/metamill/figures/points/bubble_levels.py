"""A factor's studies in a strip per level, with the mean of each level below them."""

from collections.abc import Sequence
from math import ceil, sqrt

from metamill.config.settings import Display
from metamill.explored.regression import Regression, RegressionMean, RegressionPoint
from metamill.figures.axes.axis import Axis, linear_axis, log_axis, visible_range
from metamill.figures.axes.effect_words import bounds_of
from metamill.figures.axes.ticks import tick_texts
from metamill.figures.colours import tint
from metamill.figures.page.canvas import Circle, Line, Polygon, Primitive, Text, rectangle
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, tied, width, wrap
from metamill.figures.points.bubble_words import axis_words, moderator_name, outside_words
from metamill.figures.review.paging import Block, Strip
from metamill.figures.style import Style
from metamill.results import Result
from metamill.wording import level_words, result_format

LARGEST_MM = 2.1
LEAST_MM = 0.4
"""Radii of the greatest and of the least weight that is still told apart."""
MANY = 40
"""More studies than this have smaller circles; so many are named at most."""
_SWARM_MM = 9.0
_BARS_MM = 4.6


def radius_of(weight: float, points: Sequence[RegressionPoint]) -> float:
    """The radius in mm that makes areas proportional to weights; less where there are many."""
    most = max(item.weight for item in points)
    largest = LARGEST_MM * min(1.0, sqrt(MANY / len(points)))
    return max(LEAST_MM, largest * sqrt(weight / most)) if most > 0 else LEAST_MM


def level_block(
    item: Regression, result: Result, display: Display, style: Style
) -> tuple[Block, list[str]]:
    """The strips of the levels in their order, over one axis; and notes."""
    size, edge = style.font_size, style.margin_mm
    counts = {m.level: sum(p.level == m.level for p in item.points) for m in item.means}
    names = [tied(f"{level_words(clean(m.level))} (k = {counts[m.level]})") for m in item.means]
    label_mm = min(max(width(name, size) for name in names), 0.36 * display.width_mm)
    left, right = edge + label_mm + style.gap_mm, display.width_mm - edge - style.gap_mm
    axis = _axis(item, result, display, left, right)
    head: list[Primitive] = []
    y = 0.0
    for line in wrap(moderator_name(item), display.width_mm - 2 * edge, size, bold=True):
        y += style.line_mm
        at = y - 0.25 * style.line_mm
        head.append(Text(edge, at, line, size, True, colour=style.ink, role="header"))
    rows = tuple(
        _strip(mean, wrap(name, label_mm + 1e-6, size), item, result, axis, style)
        for mean, name in zip(item.means, names, strict=True)
    )
    foot = _axis_strip(axis, axis_words(result), result_format(result).factor, style)
    count = sum(axis.beyond(point.estimate) != 0 for point in item.points)
    block = Block(Strip(y + style.line_mm / 4, tuple(head)), rows, foot)
    return block, outside_words(result, count)


def _strip(
    mean: RegressionMean,
    lines: list[str],
    item: Regression,
    result: Result,
    axis: Axis,
    style: Style,
) -> Strip:
    """The name of a level, its studies, and under them its mean."""
    size = style.font_size
    height = max(_SWARM_MM + _BARS_MM, len(lines) * style.line_mm + 1.0)
    first = (height - (len(lines) - 1) * style.line_mm) / 2 + CAPITAL / 2 * size * MM_PER_POINT
    items: list[Primitive] = [
        Text(style.margin_mm, first + n * style.line_mm, line, size, colour=style.ink, role="label")
        for n, line in enumerate(lines)
    ]
    null = result.measure.null
    if null is not None and axis.beyond(null) == 0:
        x = axis.position(null)
        items.append(Line(x, 0, x, height, style.rule_width, style.soft, (1.0, 1.5), "null"))
    top = (height - _SWARM_MM - _BARS_MM) / 2
    own = [point for point in item.points if point.level == mean.level]
    items += _swarm(own, item, axis, top, top + _SWARM_MM, style)
    items += _mean(mean, axis, top + _SWARM_MM + _BARS_MM / 2, style)
    return Strip(height, tuple(items))


def _axis(item: Regression, result: Result, display: Display, left: float, right: float) -> Axis:
    log = result.measure.log_axis
    studies = [(p.estimate, p.estimate, p.estimate) for p in item.points]
    means = [x for m in item.means for x in (m.mean, m.ci_low, m.ci_high)]
    far = [x for m in item.means for x in (m.pi_low, m.pi_high) if x is not None]
    low, high = visible_range(studies, [*means, *far], [m.mean for m in item.means], log) or (0, 1)
    if log:
        return log_axis(low, high, left, right)
    return linear_axis(low, high, left, right, bounds_of(result.measure, display))


def _swarm(
    own: list[RegressionPoint],
    item: Regression,
    axis: Axis,
    top: float,
    bottom: float,
    style: Style,
) -> list[Primitive]:
    """Circles beside each other where there is room, the heaviest first and in the middle."""
    middle = (top + bottom) / 2
    placed: list[tuple[float, float, float]] = []
    for point in sorted(own, key=lambda p: (-p.weight, p.row)):
        radius = radius_of(point.weight, item.points)
        x, room = axis.position(point.estimate), (bottom - top) / 2 - radius
        steps = ceil(room / 0.6)
        lanes = [0.0, *(s * n * room / steps for n in range(1, steps + 1) for s in (-1, 1))]

        def nearest(lane: float, x: float = x, radius: float = radius) -> float:
            y = middle + lane
            gaps = (((x - a) ** 2 + (y - b) ** 2) ** 0.5 - r - radius for a, b, r in placed)
            return min(min(gaps, default=0.0), 0.0)

        lane = max(lanes, key=lambda at: (nearest(at), -abs(at), at))
        placed.append((x, middle + lane, radius))
    inside = [axis.beyond(p.estimate) == 0 for p in sorted(own, key=lambda p: (-p.weight, p.row))]
    return [
        Circle(
            x, y, radius, tint(style.accent, 0.55) if shown else style.paper,
            style.accent, style.thin_width, role="study",
        )
        for (x, y, radius), shown in zip(placed, inside, strict=True)
    ]  # fmt: skip


def _mean(mean: RegressionMean, axis: Axis, y: float, style: Style) -> list[Primitive]:
    items: list[Primitive] = []
    if mean.pi_low is not None and mean.pi_high is not None:
        ends = [axis.position(x) for x in (mean.pi_low, mean.pi_high)]
        items.append(
            Line(ends[0], y, ends[1], y, style.rule_width, style.ink, (3.0, 2.0), "prediction")
        )
        items += _heads(mean.pi_low, mean.pi_high, axis, y, style, style.ink)
    half = style.prediction_mm / 2
    left, right = (axis.position(x) for x in (mean.ci_low, mean.ci_high))
    items.append(rectangle((left, y - half, right, y + half), style.accent, role="interval"))
    items += _heads(mean.ci_low, mean.ci_high, axis, y, style, style.accent)
    x, half = axis.position(mean.mean), style.diamond_mm / 2
    points = ((x - half, y), (x, y - half), (x + half, y), (x, y + half))
    items.append(Polygon(points, style.paper, style.accent, style.interval_width, role="mean"))
    return items


def _heads(
    low: float, high: float, axis: Axis, y: float, style: Style, colour: str
) -> list[Primitive]:
    """Arrowheads where the axis ends before the interval does."""
    found: list[Primitive] = []
    half = style.arrow_mm / 2
    for value, side in ((low, -1), (high, 1)):
        if axis.beyond(value) == side:
            tip = axis.position(value)
            base = tip - side * style.arrow_mm
            found.append(Polygon(((tip, y), (base, y - half), (base, y + half)), colour,
                                 role="arrow"))  # fmt: skip
    return found


def _axis_strip(axis: Axis, words: str, factor: int, style: Style) -> Strip:
    size, y = style.font_size, 0.0
    texts = tick_texts(axis, factor)
    line = y + style.tick_mm + 0.5 + CAPITAL * size * MM_PER_POINT
    items: list[Primitive] = [
        Line(axis.left, y, axis.right, y, style.rule_width, style.ink, role="axis")
    ]
    for tick, text in zip(axis.ticks, texts, strict=True):
        x = axis.position(tick)
        items.append(Line(x, y, x, y + style.tick_mm, style.rule_width, style.ink, role="tick"))
        items.append(Text(x, line, text, size, align="center", colour=style.ink, role="tick label"))
    for part in wrap(tied(words), axis.right - axis.left, size):
        line += style.line_mm
        middle = (axis.left + axis.right) / 2
        items.append(
            Text(middle, line, part, size, align="center", colour=style.ink, role="axis label")
        )
    return Strip(line + 0.25 * style.line_mm, tuple(items))
