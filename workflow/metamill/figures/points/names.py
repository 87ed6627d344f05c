"""Names of studies beside their marks, or a little away and joined to them by a thin line."""

from collections.abc import Iterable, Sequence
from math import cos, hypot, pi, sin

from metamill.figures.axes.effect_words import noun_of
from metamill.figures.axes.panel import names_beside
from metamill.figures.page.canvas import Align, Box, Line, Point, Primitive, Text
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean
from metamill.figures.points.marks import along, listed
from metamill.figures.style import Style
from metamill.results import Result

MOST_JOINED = 25
"""Among more marks than this, lines to names would hide where the marks lie."""
_DISTANCES_MM = (2.5, 5.0, 8.0, 12.0, 17.0, 23.0)
_DIRECTIONS = 24
_STEP_MM = 0.5
APART_MM = 1.0
"""Between a name that is away from its mark and every other mark."""


def around(at: Point, radius: float) -> Box:
    """The box of a mark."""
    return at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius


def names_near(
    points: Sequence[tuple[Point, float, str]],
    marks: Sequence[tuple[Point, float]],
    area: Box,
    style: Style,
    taken: Iterable[Box],
) -> tuple[list[Primitive], list[str]]:
    """The names of marks (place, radius, name), the first one choosing first.

    Gives texts with the lines to those that are away from their marks, and the names without room.
    `marks` are all marks (place, radius), and `taken` what else no name may lie on.
    """
    occupied, joins = [*taken, *(around(*mark) for mark in marks)], list[Box]()
    items: list[Primitive] = []
    left_over, without = [], []
    for point in points:
        at, radius, name = point
        found = names_beside([(at, name)], area, style, occupied, radius)[0]
        items += found
        occupied += [text.box for text in found]
        if not found:
            left_over.append(point)
    for point in left_over:
        at, radius, name = point
        others = [mark for mark in marks if mark != (at, radius)]
        words = [item.box for item in items if isinstance(item, Text)]
        joined = None
        if len(points) <= MOST_JOINED:
            free = (
                *occupied,
                *map(_wider, joins),
                *(_wider(around(*mark)) for mark in others),
            )
            barred = (*words, *map(_wider, joins))
            joined = _joined(at, radius, name, area, style, free, barred, others)
        if joined is None:
            without.append(name)
            continue
        items += joined
        occupied.append(joined[1].box)
        joins += along(joined[:1])
    return items, without


def _joined(
    at: Point,
    radius: float,
    name: str,
    area: Box,
    style: Style,
    occupied: Sequence[Box],
    crossing: Sequence[Box],
    marks: Sequence[tuple[Point, float]],
) -> tuple[Line, Text] | None:
    """A line from a mark to its name in the nearest free place.

    The line crosses nothing of `crossing` and none of the other `marks`, or it
    would seem to be theirs.
    """
    size = style.font_size
    for distance in _DISTANCES_MM:
        for step in range(_DIRECTIONS):
            angle = 2 * pi * step / _DIRECTIONS
            dx, dy = cos(angle), -sin(angle)
            end = at[0] + dx * (radius + distance), at[1] + dy * (radius + distance)
            align: Align = "left" if dx > -1e-9 else "right"
            text = Text(
                end[0] + (0.4 if align == "left" else -0.4),
                end[1] + CAPITAL / 2 * size * MM_PER_POINT,
                clean(name), size, align=align, colour=style.soft, role="point name",
            )  # fmt: skip
            box = text.box
            if not (box[0] >= area[0] and box[1] >= area[1] and box[2] <= area[2]):
                continue
            if box[3] > area[3] or any(_meet(box, other) for other in occupied):
                continue
            start = at[0] + dx * radius, at[1] + dy * radius
            line = Line(*start, *end, style.thin_width, style.soft, role="name line")
            parts = along((line,), _STEP_MM)
            if any(hypot(a[0] - x, a[1] - y) < r + _STEP_MM for a in parts for (x, y), r in marks):
                continue
            if not any(_meet(a, b) for a in parts for b in crossing):
                return line, text
    return None


def _wider(box: Box) -> Box:
    """With the room that keeps a name from being read as that of the mark."""
    return box[0] - APART_MM, box[1] - APART_MM, box[2] + APART_MM, box[3] + APART_MM


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def unnamed_words(result: Result, without: Sequence[str], of: int, where: str = "") -> list[str]:
    """The note on marks without a name, with the names while they are few; none for none.

    `of` counts the marks that would have one, `where` says which these are.
    """
    if not without:
        return []
    is_not = "is not" if len(without) == 1 else "are not"
    which = f"{noun_of(result, of)}{f' {where}' if where else ''}"
    names = f": {listed(without)}" if len(without) <= MOST_LISTED else ""
    return [f"{len(without)} of {which} {is_not} named for lack of room{names}."]


MOST_LISTED = 12
