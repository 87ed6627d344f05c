"""Studies by number: numbers beside points that cannot be misread, and a key that names them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metamill.figures.axes.panel import names_beside
from metamill.figures.page.canvas import Box, Point, Primitive, Text, rectangle
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, width, wrap
from metamill.figures.style import Style

APART_MM = 0.7
"""Between two names: numbers that touch would read as one."""
MOST_COLUMNS = 5


@dataclass(frozen=True)
class Named:
    """A line of the key: the study's number and name; influential ones are bold with a square."""

    number: int
    name: str
    influential: bool = False


def apart(
    points: Sequence[tuple[Point, str]],
    box: Box,
    taken: Iterable[Box],
    style: Style,
    radius: float,
) -> tuple[list[Text], list[int]]:
    """Names beside points, clear of each other and of `taken`: (texts, indices without room).

    `taken` may hold the points' own boxes. Points earlier in the list choose first.
    """
    occupied = list(taken)
    texts: list[Text] = []
    without: list[int] = []
    for index, ((x, y), name) in enumerate(points):
        others = [b for b in occupied if abs(b[0] + b[2] - 2 * x) + abs(b[1] + b[3] - 2 * y) > 1e-9]
        found, _ = names_beside([((x, y), name)], box, style, others, radius)
        if not found:
            without.append(index)
            continue
        texts += found
        left, top, right, bottom = found[0].box
        occupied.append((left - APART_MM, top, right + APART_MM, bottom))
    return texts, without


def study_key(
    entries: Sequence[Named], room: float, style: Style
) -> Iterable[tuple[list[Primitive], float]]:
    """The key in columns, read downwards: row by row, each drawn from (0, 0), with its height."""
    if not entries:
        return
    size, half = style.font_size, style.square_plain_mm / 2
    number = max(width(str(entry.number), size, bold=True) for entry in entries)
    square = 2 * half + 0.8 if any(entry.influential for entry in entries) else 0.0
    indent = square + number + 1.0
    widest = indent + max(width(entry.name, size, bold=True) for entry in entries)
    columns = max(1, min(MOST_COLUMNS, int((room + style.gap_mm) / (widest + style.gap_mm))))
    cell = (room + style.gap_mm) / columns - style.gap_mm
    rows = -(-len(entries) // columns)
    for row in range(rows):
        items: list[Primitive] = []
        height = style.line_mm
        for column, entry in enumerate(entries[row::rows]):
            x, y = column * (cell + style.gap_mm), 0.75 * style.line_mm
            bold = entry.influential
            at = x + indent - 1.0
            items.append(
                Text(
                    at, y, str(entry.number), size, bold,
                    align="right", colour=style.ink, role="key number",
                )
            )  # fmt: skip
            if bold:
                middle = y - CAPITAL / 2 * size * MM_PER_POINT
                box = (x, middle - half, x + 2 * half, middle + half)
                items.append(rectangle(box, style.striking, role="key mark"))
            for index, line in enumerate(wrap(entry.name, cell - indent + 1e-6, size, bold)):
                place = y + index * style.line_mm
                items.append(
                    Text(x + indent, place, line, size, bold, colour=style.ink, role="key name")
                )
                height = max(height, (index + 1) * style.line_mm)
        yield items, height
