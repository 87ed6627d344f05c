"""Numbers of crowded points further away, each with a line to its point."""

from collections.abc import Iterable, Iterator, Sequence
from math import cos, hypot, radians, sin

from metamill.figures.page.canvas import Align, Box, Line, Point, Primitive, Text
from metamill.figures.page.text import CAPITAL, MM_PER_POINT
from metamill.figures.style import Style

NEAREST_MM, STEP_MM, FURTHEST_MM = (3.0, 8.0, 14.0), 3.0, 40.0
"""How far from a point its number is looked for. Where points are many, numbers that stand further
away from the first leave room for more."""
TURNS = tuple(sorted(range(-170, 190, 10), key=lambda turn: (abs(turn - 90) % 360, turn)))
"""The directions that are tried, in degrees from the right; upwards first."""
MANY = 60
"""Among more marks than these there is one attempt only."""
OFF_MM = 0.3
"""Between a line and the texts at its end and beside it."""

Segment = tuple[Point, Point]


def led(
    points: Sequence[tuple[Point, str]],
    box: Box,
    marks: Iterable[Point],
    words: Iterable[Box],
    style: Style,
    radius: float,
    gap: float,
) -> tuple[list[Primitive], list[int]]:
    """Texts and lines for points, inside `box`: (items, indices of points without room).

    Texts keep clear of `marks` of `radius` mm, of `words` and of lines, with `gap` mm to a text on
    the same line. Lines keep clear of texts, of each other and of marks that do not overlap their
    own. Of several attempts the one that has room for most points is taken.
    """
    shapes = [(x - radius, y - radius, x + radius, y + radius) for x, y in marks]
    words = list(words)
    from_left = sorted(range(len(points)), key=lambda index: points[index][0])
    best: tuple[list[Primitive], list[int]] = [], list(range(len(points)))
    orders = (range(len(points)), from_left, from_left[::-1])
    attempts = [(nearest, order) for nearest in NEAREST_MM for order in orders]
    for nearest, order in attempts if len(shapes) <= MANY else attempts[:1]:
        if best[1]:
            found = _attempt(points, order, nearest, box, shapes, words, style, radius, gap)
            best = min(best, found, key=lambda attempt: len(attempt[1]))
    return best


def _attempt(
    points: Sequence[tuple[Point, str]],
    order: Iterable[int],
    nearest: float,
    box: Box,
    shapes: Sequence[Box],
    words: Iterable[Box],
    style: Style,
    radius: float,
    gap: float,
) -> tuple[list[Primitive], list[int]]:
    taken, drawn = list(words), list[Segment]()
    items: list[Primitive] = []
    without: list[int] = []
    for index in order:
        point, name = points[index]
        others = [shape for shape in shapes if not _meets_mark(point, shape, radius)]
        places = (
            (text, line)
            for text, line in _places(point, name, nearest, style, radius)
            if _is_free(text, line, box, shapes, taken, drawn, gap)
            and not any(_cuts(line, shape) for shape in others)
        )
        text, line = next(places, (None, None))
        if text is None or line is None:
            without.append(index)
            continue
        items.append(Line(*line[0], *line[1], style.thin_width, style.line, role="leader"))
        items.append(text)
        taken.append(text.box)
        drawn.append(line)
    return items, without


def _is_free(
    text: Text,
    line: Segment,
    box: Box,
    shapes: Sequence[Box],
    taken: Sequence[Box],
    drawn: Sequence[Segment],
    gap: float,
) -> bool:
    left, top, right, bottom = text.box
    if left < box[0] or top < box[1] or right > box[2] or bottom > box[3]:
        return False
    wide = left - gap, top, right + gap, bottom
    if any(_meet(text.box, shape) for shape in shapes) or any(_meet(wide, b) for b in taken):
        return False
    if any(_cuts(line, b) for b in taken):
        return False
    return not any(_cuts(other, text.box) or _cross(line, other) for other in drawn)


def _places(
    point: Point, name: str, nearest: float, style: Style, radius: float
) -> Iterator[tuple[Text, Segment]]:
    """Where the number may stand, each with its line from the edge of the mark; nearest first."""
    x, y = point
    high = CAPITAL * style.font_size * MM_PER_POINT
    for step in range(int((FURTHEST_MM - nearest) / STEP_MM) + 1):
        reach = nearest + step * STEP_MM
        for turn in TURNS:
            dx, dy = cos(radians(turn)), -sin(radians(turn))
            start = x + radius * dx, y + radius * dy
            end = x + reach * dx, y + reach * dy
            align: Align = "center"
            at, baseline = end[0], end[1] + (-OFF_MM if dy < 0 else OFF_MM + high)
            if abs(dx) > abs(dy):
                align = "left" if dx > 0 else "right"
                at, baseline = end[0] + (OFF_MM if dx > 0 else -OFF_MM), end[1] + high / 2
            size = style.font_size
            text = Text(at, baseline, name, size, align=align, colour=style.soft, role="point name")
            yield text, (start, end)


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _meets_mark(point: Point, shape: Box, radius: float) -> bool:
    x, y = point
    return _meet((x - radius, y - radius, x + radius, y + radius), shape)


def _cuts(line: Segment, box: Box) -> bool:
    """Whether a line passes through a box, or nearer than it may: by points on it."""
    (x1, y1), (x2, y2) = line
    count = max(1, int(hypot(x2 - x1, y2 - y1) / OFF_MM))
    along = ((x1 + (x2 - x1) * i / count, y1 + (y2 - y1) * i / count) for i in range(count + 1))
    left, top, right, bottom = box
    off = OFF_MM / 2
    return any(left - off < x < right + off and top - off < y < bottom + off for x, y in along)


def _cross(a: Segment, b: Segment) -> bool:
    """Whether two lines share a point; those on one straight line count as if they did."""
    return _side(a, b[0]) * _side(a, b[1]) <= 0 and _side(b, a[0]) * _side(b, a[1]) <= 0


def _side(line: Segment, at: Point) -> float:
    (x1, y1), (x2, y2) = line
    turn = (x2 - x1) * (at[1] - y1) - (y2 - y1) * (at[0] - x1)
    return 0.0 if abs(turn) < 1e-9 else turn
