"""What the letters over the columns of a map stand for, as a list in columns."""

from collections.abc import Sequence
from math import ceil

from metamill.figures.page.canvas import Primitive, Text
from metamill.figures.page.text import width, wrap
from metamill.figures.review.paging import NOTHING, Block, Strip
from metamill.figures.style import Style

_LEAST_MM = 40.0
"""The width of a column of the list, at least, where there is more than one."""
_WRAPPED = 0.25
"""The part of the entries that may take two lines for the sake of more columns."""


def key_block(entries: Sequence[tuple[str, str]], width_mm: float, style: Style) -> Block:
    """Rows of (letter, words), read down each column; as many columns as the words leave room."""
    size, edge = style.font_size, style.margin_mm
    indent = max(width(letter, size, bold=True) for letter, _ in entries) + 1.5
    room = width_mm - 2 * edge + style.gap_mm

    def fits(across: int) -> bool:
        text_mm = room / across - style.gap_mm - indent
        lines = [len(wrap(words, text_mm, size)) for _, words in entries]
        few = sum(count > 1 for count in lines) <= _WRAPPED * len(entries)
        return few and max(lines) <= 2 and text_mm + indent >= _LEAST_MM

    across = next((n for n in range(len(entries), 1, -1) if fits(n)), 1)
    wide = room / across - style.gap_mm
    down = ceil(len(entries) / across)
    rows = []
    for row in range(down):
        items: list[Primitive] = []
        lines = 1
        for column, (letter, words) in enumerate(entries[row::down]):
            left = edge + column * (wide + style.gap_mm)
            wrapped = wrap(words, wide - indent + 1e-6, size)
            lines = max(lines, len(wrapped))
            items.append(_text(left, 0, letter, "key", style, bold=True))
            items += [
                _text(left + indent, n, line, "key words", style) for n, line in enumerate(wrapped)
            ]
        rows.append(Strip(lines * style.line_mm, tuple(items)))
    return Block(NOTHING, tuple(rows))


def _text(x: float, line: int, text: str, role: str, style: Style, bold: bool = False) -> Text:
    y = (line + 0.75) * style.line_mm
    return Text(x, y, text, style.font_size, bold, colour=style.ink, role=role)
