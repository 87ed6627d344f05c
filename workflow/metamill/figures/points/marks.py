"""Marks of studies, legends, and pages that are filled downwards from a panel."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, cos, hypot, pi, sin

from metamill.config.settings import Display
from metamill.figures.axes.panel import paragraphs
from metamill.figures.axes.plane import Plane
from metamill.figures.page.canvas import (
    Align,
    Box,
    Canvas,
    Circle,
    Curve,
    Line,
    Point,
    Polygon,
    Primitive,
    Text,
    moved,
)
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, width, wrap
from metamill.figures.style import Style

Row = tuple[list[Primitive], float]
"""Items drawn from y = 0 down, and the height they take."""

SHAPES = ("circle", "square", "triangle", "diamond", "pentagon", "triangle down")
_CORNERS = {"square": (4, 45), "triangle": (3, -90), "diamond": (4, 0), "pentagon": (5, -90),
            "triangle down": (3, 90)}  # fmt: skip
_REACH = {"square": 1.2, "triangle": 1.5, "diamond": 1.25, "pentagon": 1.15, "triangle down": 1.5}
"""Distance of the corners in radii of the circle of about the same area."""


def marker(
    shape: str, at: Point, radius: float, fill: str | None, edge: str, line: float, role: str
) -> Primitive:
    """One of SHAPES around a point."""
    x, y = at
    if shape == "circle":
        return Circle(x, y, radius, fill, edge, line, role)
    corners, start = _CORNERS[shape]
    reach = radius * _REACH[shape]
    angles = [start * pi / 180 + 2 * pi * i / corners for i in range(corners)]
    points = tuple((x + reach * cos(a), y + reach * sin(a)) for a in angles)
    return Polygon(points, fill, edge, line, role)


def outside_marker(at: Point, towards: tuple[int, int], size: float, style: Style) -> Polygon:
    """A hollow triangle at the edge of the panel that points to where a study lies."""
    dx, dy = (step / hypot(*towards) for step in towards)
    (x, y), half = at, size / 2
    back = (x - dx * size, y - dy * size)
    points = (at, (back[0] - dy * half, back[1] + dx * half),
              (back[0] + dy * half, back[1] - dx * half))  # fmt: skip
    return Polygon(points, style.paper, style.accent, style.interval_width, "study outside")


@dataclass(frozen=True)
class Entry:
    """One entry of a legend: what draws its sample in a box, and its words."""

    sample: Callable[[Box], list[Primitive]]
    words: str


SAMPLE_MM = 6.0


def line_entry(words: str, line_width: float, colour: str, dash: tuple[float, ...] = ()) -> Entry:
    def sample(box: Box) -> list[Primitive]:
        y = (box[1] + box[3]) / 2
        return [Line(box[0], y, box[2], y, line_width, colour, dash, "legend line")]

    return Entry(sample, words)


def legend_rows(entries: Sequence[Entry], display: Display, style: Style) -> list[Row]:
    """Entries side by side as far as the page goes; the words of a long one wrap."""
    left, right = style.margin_mm, display.width_mm - style.margin_mm
    size, gap = style.font_size, 1.2
    rows: list[Row] = []
    items: list[Primitive] = []
    x, height = left, style.line_mm
    for entry in entries:
        need = SAMPLE_MM + gap + width(clean(entry.words), size)
        if items and x + need > right:
            rows.append((items, height))
            items, x, height = [], left, style.line_mm
        middle = 0.75 * style.line_mm - CAPITAL * size * MM_PER_POINT / 2
        box = (x, middle - 1.0, x + SAMPLE_MM, middle + 1.0)
        items += entry.sample(box)
        start = x + SAMPLE_MM + gap
        lines = wrap(clean(entry.words), right - start, size)
        for index, line in enumerate(lines):
            baseline = (index + 0.75) * style.line_mm
            items.append(Text(start, baseline, line, size, colour=style.ink, role="legend"))
        height = max(height, len(lines) * style.line_mm)
        x += need + style.gap_mm
    return [*rows, (items, height)] if items else rows


def note_rows(notes: Iterable[str], display: Display, style: Style) -> list[Row]:
    """Notes line by line."""
    left, right = style.margin_mm, display.width_mm - style.margin_mm
    lines, _ = paragraphs(notes, left, 0.0, right, style)
    return [
        ([moved(line, 0.0, -index * style.line_mm)], style.line_mm)
        for index, line in enumerate(lines)
    ]


def filled_pages(
    draw: Callable[[Box], list[Primitive]],
    wanted: float,
    legend: Sequence[Row],
    notes: Sequence[Row],
    display: Display,
    style: Style,
    least: float = 45.0,
) -> tuple[Canvas, ...]:
    """A panel on the first page, as high as `wanted` where it can, with what belongs under it.

    `draw` fills the box it is given. Rows that find no room go to further pages.
    """
    margin, gap = style.margin_mm, style.gap_mm / 2
    gaps = gap * (bool(legend) + bool(notes))
    under = sum(height for _, height in (*legend, *notes)) + gaps
    room = display.height_mm - 2 * margin
    height = min(wanted, max(room - under, min(least, room)))
    items = draw((margin, margin, display.width_mm - margin, margin + height))
    pages = [Canvas(display.width_mm, 0.0, items)]
    y = margin + height
    for block in (legend, notes):
        y += gap if block else 0.0
        for row, row_height in block:
            if y + row_height > display.height_mm - margin + 1e-6 and pages[-1].items:
                pages[-1].height_mm = y + margin
                pages.append(Canvas(display.width_mm, 0.0))
                y = margin
            pages[-1].add(moved(item, 0.0, y) for item in row)
            y += row_height
    pages[-1].height_mm = y + margin
    return tuple(pages)


def looks(kinds: Sequence[str], style: Style) -> dict[str, tuple[str, str]]:
    """Shape and colour of every kind: a single kind is a circle in the accent."""
    if len(kinds) == 1:
        return {kinds[0]: (SHAPES[0], style.accent)}
    count = len(style.series)
    return {
        kind: (SHAPES[index % len(SHAPES)], style.series[(index + index // count) % count])
        for index, kind in enumerate(kinds)
    }


def directions(
    sides: tuple[str, str] | None, box: Box, style: Style
) -> tuple[Callable[[Plane], list[Primitive]], Box]:
    """What the ends of the axis below mean, under it: (how to draw them, the box above them).

    Left out where both do not fit side by side.
    """
    left, top, right, bottom = box
    size = style.font_size
    texts = [] if sides is None else [f"←\u00a0{sides[0]}", f"{sides[1]}\u00a0→"]
    if not texts or sum(width(text, size) for text in texts) > right - left - AXIS_ROOM_MM:
        return lambda at: [], box

    def beneath(at: Plane) -> list[Primitive]:
        places = zip(texts, (at.box[0], at.box[2]), _ENDS, strict=True)
        baseline = bottom - 0.25 * style.line_mm
        return [
            Text(x, baseline, text, size, align=align, colour=style.ink, role="direction")
            for text, x, align in places
        ]

    return beneath, (left, top, right, bottom - style.line_mm)


AXIS_ROOM_MM = 26.0
"""At most this much of a page's width is beside the panel."""
_ENDS: tuple[Align, Align] = ("left", "right")


def settled(
    compose: Callable[[tuple[str, ...]], tuple[tuple[Canvas, ...], tuple[str, ...]]],
) -> tuple[tuple[Canvas, ...], tuple[str, ...]]:
    """Pages with the notes that belong to them, though notes take room and so move the drawing.

    `compose` draws with the given notes and says which notes that drawing needs.
    """
    notes: tuple[str, ...] = ()
    for _ in range(4):
        pages, found = compose(notes)
        if found == notes:
            break
        notes = found
    return pages, notes


def along(lines: Iterable[Primitive], step_mm: float = 1.0) -> list[Box]:
    """Small boxes that cover lines and curves, so that no name is put on them."""
    boxes = []
    for line in lines:
        if not isinstance(line, Line | Curve):
            continue
        for (x1, y1), (x2, y2) in pairwise(line.points):
            parts = max(1, ceil(hypot(x2 - x1, y2 - y1) / step_mm))
            for i in range(parts):
                a, b = i / parts, (i + 1) / parts
                x = sorted((x1 + a * (x2 - x1), x1 + b * (x2 - x1)))
                y = sorted((y1 + a * (y2 - y1), y1 + b * (y2 - y1)))
                boxes.append((x[0], y[0], x[1] + 0.01, y[1] + 0.01))
    return boxes


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names with commas, and how many more there are."""
    shown = ", ".join(clean(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
