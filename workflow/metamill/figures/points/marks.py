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
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, TIED, clean, tied, width, wrap
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


def study_marker(shape: str, at: Point, flagged: bool, colour: str, style: Style) -> Primitive:
    """The mark of a study; hollow for a flagged one, and as large as it would be filled."""
    if not flagged:
        return marker(shape, at, style.point_mm / 2, colour, style.paper, style.thin_width, "study")
    # the edge of a filled mark is paper, that of a hollow one colour: half of each lies inside
    inside = (style.thin_width + style.interval_width) / 2 * MM_PER_POINT
    radius = style.point_mm / 2 - inside
    return marker(shape, at, radius, style.paper, colour, style.interval_width, "study")


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
    sample_mm: float = 6.0


REGION_MM = 4.0
"""Width of the sample of a region in a legend."""


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
        words = tied(clean(entry.words))
        need = entry.sample_mm + gap + width(words, size)
        if items and x + need > right:
            rows.append((items, height))
            items, x, height = [], left, style.line_mm
        middle = 0.75 * style.line_mm - CAPITAL * size * MM_PER_POINT / 2
        box = (x, middle - 1.0, x + entry.sample_mm, middle + 1.0)
        items += entry.sample(box)
        start = x + entry.sample_mm + gap
        lines = wrap(words, right - start, size)
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


def above_directions(
    sides: tuple[str, str] | None,
    box: Box,
    style: Style,
    draw: Callable[[Box], tuple[Plane, list[Primitive]]],
) -> tuple[Plane, list[Primitive]]:
    """What `draw` makes of the box, less the lines under it that say what the axis's ends mean."""
    left, top, right, bottom = box
    if sides is None:
        return draw(box)
    low = bottom - 0.25 * style.line_mm
    reserved, needed = 0.0, style.line_mm
    while needed > reserved + 1e-9:
        reserved = needed
        at, items = draw((left, top, right, bottom - reserved))
        texts = direction_texts(sides, at.box[0], at.box[2], right, low - reserved, style)
        needed = max(text.y for text in texts) - low + reserved
    return at, [*items, *texts]


def direction_texts(
    sides: tuple[str, str], left: float, right: float, edge: float, line: float, style: Style
) -> list[Text]:
    """Which side is better, below `line`: under the two ends of an axis from `left` to `right`.

    Each is wrapped at half the axis where both do not fit in a line, and they stand one under the
    other, as far as `edge`, only where a word is wider than that.
    """
    size = style.font_size
    words = f"←{TIED}{sides[0]}", f"{sides[1]}{TIED}→"
    room = right - left - style.gap_mm
    if max(width(word, size) for text in words for word in text.split(" ")) > room / 2:
        texts = []
        for text in (words[0], f"→{TIED}{sides[1]}"):
            for part in wrap(text, edge - left, size):
                line += style.line_mm
                texts.append(_direction(left, line, part, "left", style))
        return texts
    limit = room if sum(width(text, size) for text in words) <= room else room / 2
    ends: tuple[tuple[str, float, Align], ...] = (
        (words[0], left, "left"),
        (words[1], right, "right"),
    )
    return [
        _direction(x, line + index * style.line_mm, part, align, style)
        for text, x, align in ends
        for index, part in enumerate(wrap(text, limit, size), start=1)
    ]


def _direction(x: float, y: float, text: str, align: Align, style: Style) -> Text:
    return Text(x, y, text, style.font_size, align=align, colour=style.ink, role="direction")


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
    """Names, which may hold commas, with semicolons, and how many more there are."""
    shown = "; ".join(clean(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
