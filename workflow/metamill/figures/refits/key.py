"""Studies by number: numbers beside points that cannot be misread, and a key that names them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metamill.figures.axes.panel import names_beside
from metamill.figures.page.canvas import Box, Point, Primitive, Text, rectangle
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, shortened, width, wrap
from metamill.figures.style import Style

APART_MM = 0.7
"""Between two names: numbers that touch would read as one."""
MOST_COLUMNS = 5
NAME_MM, NAME_LINES = 30.0, 2
"""A longer name is broken into lines, and cut after these; the table of the figure has it whole."""


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
    gap: float = APART_MM,
) -> tuple[list[Text], list[int]]:
    """Names beside points, clear of each other and of `taken`: (texts, indices without room).

    `taken` may hold the points' own boxes. Points earlier in the list choose first. Between names
    on one line lie `gap` mm.
    """
    occupied = list(taken)
    texts: list[Text] = []
    without: list[int] = []
    for index, ((x, y), name) in enumerate(points):
        others = [b for b in occupied if not _is_square_at(b, x, y)]
        found, _ = names_beside([((x, y), name)], box, style, others, radius)
        if not found:
            without.append(index)
            continue
        texts += found
        left, top, right, bottom = found[0].box
        occupied.append((left - gap, top, right + gap, bottom))
    return texts, without


def _is_square_at(box: Box, x: float, y: float) -> bool:
    left, top, right, bottom = box
    off = abs(left + right - 2 * x) + abs(top + bottom - 2 * y)
    return off <= 1e-9 and abs((right - left) - (bottom - top)) <= 1e-9


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
    widest = indent + min(
        NAME_MM, max(width(entry.name, size, entry.influential) for entry in entries)
    )
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
            for index, line in enumerate(_name_lines(entry, cell - indent + 1e-6, size)):
                place = y + index * style.line_mm
                items.append(
                    Text(x + indent, place, line, size, bold, colour=style.ink, role="key name")
                )
                height = max(height, (index + 1) * style.line_mm)
        yield items, height


def _name_lines(entry: Named, room: float, size: float) -> list[str]:
    lines = wrap(entry.name, room, size, entry.influential)
    if len(lines) <= NAME_LINES:
        return lines
    last = shortened(lines[NAME_LINES - 1], room, size, entry.influential)
    return [*lines[: NAME_LINES - 1], last]
