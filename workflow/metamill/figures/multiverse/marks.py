"""The marks of a specification curve: one shape and colour per standing, and the curve itself."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from metamill.config.decisions import STANDINGS
from metamill.figures.axes.axis import Axis
from metamill.figures.colours import tint
from metamill.figures.multiverse.plan import Ordered
from metamill.figures.page.canvas import Box, Circle, Line, Polygon, Primitive, rectangle
from metamill.figures.style import Style

EQUIVALENT, UNCERTAIN, OTHER = range(len(STANDINGS))
LARGEST_MM, LEAST_MM = 0.8, 0.35
"""Half the size of a mark where few and where many are drawn."""
MOST_MARKS = 150
"""Marks of many specifications are thinned to about so many."""


def colour_of(standing: int, style: Style) -> str:
    """Blue, orange and grey by default, which also differ in shape."""
    return (style.series[0], style.series[1], style.line)[standing]


def mark(standing: int, x: float, y: float, half: float, style: Style, role: str) -> Primitive:
    """A disc, a triangle or a hollow square."""
    colour = colour_of(standing, style)
    if standing == EQUIVALENT:
        return Circle(x, y, half, colour, role=role)
    if standing == UNCERTAIN:
        h = 1.15 * half
        return Polygon(((x, y - h), (x + h, y + 0.8 * h), (x - h, y + 0.8 * h)), colour, role=role)
    box = (x - half, y - half, x + half, y + half)
    return rectangle(box, style.paper, colour, style.thin_width, role)


def diamond(x: float, y: float, half: float, style: Style, role: str) -> Polygon:
    """The pre-specified analysis."""
    points = ((x, y - half), (x + half, y), (x, y + half), (x - half, y))
    return Polygon(points, style.ink, style.paper, style.thin_width, role)


def place_of(index: float, count: int, box: Box) -> float:
    """Where the specification at a place of the order, from 0, lies across a box."""
    left, _, right, _ = box
    return left + (index + 0.5) / count * (right - left)


def curve(shown: Ordered, axis: Axis, box: Box, style: Style) -> Iterator[Primitive]:
    """Intervals and estimates in order: each one, or bands with some marks where they are many."""
    yield from _each(shown, axis, box, style) if shown.singly else _bands(shown, axis, box, style)


def _each(shown: Ordered, axis: Axis, box: Box, style: Style) -> Iterable[Primitive]:
    columns, count = shown.found.specifications, shown.count
    pitch = (box[2] - box[0]) / count
    half = min(LARGEST_MM, max(LEAST_MM, 0.45 * pitch))
    thick = min(style.interval_width, max(0.25, 0.5 * pitch * 72 / 25.4))
    marks: list[tuple[int, Primitive]] = []
    for index, i in enumerate(shown.order):
        x, standing = place_of(index, count, box), columns.standing[i]
        low, high, value = columns.ci_low[i], columns.ci_high[i], columns.estimate[i]
        if low is not None and high is not None:
            ends = axis.position(low), axis.position(high)
            pale = tint(colour_of(standing, style), 0.45)
            yield Line(x, ends[0], x, ends[1], thick, pale, role="interval")
        if value is not None and axis.beyond(value) == 0:
            drawn = mark(standing, x, axis.position(value), half, style, "estimate")
            marks.append((-standing, drawn))
    yield from (drawn for _, drawn in sorted(marks, key=lambda item: item[0]))


def _bands(shown: Ordered, axis: Axis, box: Box, style: Style) -> Iterable[Primitive]:
    count, bands = shown.count, shown.found.bands
    for role, share, low, high in (
        ("outer band", 0.15, "low_outer", "high_outer"),
        ("inner band", 0.35, "low", "high"),
    ):
        for band in bands:
            ends = getattr(band, low), getattr(band, high)
            if None in ends:
                continue
            left = place_of(band.first - 1.5, count, box)
            right = place_of(band.last - 0.5, count, box)
            top, bottom = sorted(axis.position(end) for end in ends)
            yield rectangle((left, top, right, bottom), tint(style.accent, share), role=role)
    columns = shown.found.specifications
    places = [
        (place_of((b.first + b.last) / 2 - 1, count, box), axis.position(b.estimate)) for b in bands
    ]
    for (x1, y1), (x2, y2) in pairwise(places):
        yield Line(x1, y1, x2, y2, style.rule_width, style.accent, role="curve")
    step = max(1, count // MOST_MARKS)
    for index in range(step // 2, count, step):
        i = shown.order[index]
        value = columns.estimate[i]
        if value is not None and axis.beyond(value) == 0:
            x, y = place_of(index, count, box), axis.position(value)
            yield mark(columns.standing[i], x, y, LEAST_MM, style, "estimate")
