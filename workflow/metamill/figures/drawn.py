"""What drawing a figure gives: its pages, and the same thing as numbers and as words."""

from dataclasses import dataclass

from metamill.figures.page.canvas import Canvas, Text
from metamill.figures.page.text import MM_PER_POINT, clean, tied, wrap
from metamill.figures.style import Style
from metamill.files import csv_text


class TooNarrow(ValueError):
    """A page cannot hold the least that a figure needs; says how wide it would have to be."""


@dataclass(frozen=True)
class Drawn:
    """A figure: its pages, the plotted numbers as a csv table, caption and alt text in words."""

    pages: tuple[Canvas, ...]
    table: str
    caption: str
    alt: str


def not_drawn(title: str, reason: str, width_mm: float, style: Style) -> Drawn:
    """A figure that the data do not allow: a page with the reason, and no numbers."""
    words = f"{clean(title)}: not drawn, {reason}."
    size, margin = style.font_size, style.margin_mm
    lines = wrap(tied(words), width_mm - 2 * margin, size)
    height = 2 * margin + len(lines) * style.line_mm
    page = Canvas(width_mm, height)
    page.add(
        Text(
            margin,
            margin + index * style.line_mm + 0.8 * size * MM_PER_POINT,
            line,
            size,
            colour=style.ink,
            role="reason",
        )
        for index, line in enumerate(lines)
    )
    return Drawn((page,), csv_text(("note",), [{"note": words}]), words, words)
