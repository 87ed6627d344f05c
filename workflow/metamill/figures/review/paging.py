"""Rows of a table over pages: heading and foot on every page, notes after the last row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metamill.figures.axes.panel import paragraphs
from metamill.figures.page.canvas import Canvas, Primitive, Text, moved
from metamill.figures.page.text import tied, wrap
from metamill.figures.style import Style


@dataclass(frozen=True)
class Strip:
    """Items over the whole width, whose own y begins at 0, and how much height they take."""

    height: float
    items: tuple[Primitive, ...] = ()


NOTHING = Strip(0.0)


@dataclass(frozen=True)
class Block:
    """Rows under one heading, which every page of theirs repeats, as it does the foot."""

    head: Strip
    rows: tuple[Strip, ...]
    foot: Strip = NOTHING


def pages(
    blocks: Sequence[Block],
    notes: Iterable[str],
    width_mm: float,
    height_mm: float,
    style: Style,
) -> tuple[Canvas, ...]:
    """The blocks one under the other, then the notes, on pages of at most `height_mm`.

    A block begins on a new page where its heading and first row no longer fit. A row that is
    higher than a page makes its page higher.
    """
    pile = _Pile(width_mm, height_mm, style)
    for number, block in enumerate(blocks):
        around = block.head.height + block.foot.height
        first = block.rows[0].height if block.rows else 0.0
        pile.room_for(around + first, style.gap_mm if number else 0.0)
        pile.put(block.head)
        for row in block.rows:
            if pile.full(row.height + block.foot.height):
                pile.put(block.foot)
                pile.turn()
                pile.put(block.head)
            pile.put(row)
        pile.put(block.foot)
    texts, _ = paragraphs(notes, style.margin_mm, 0.0, width_mm - style.margin_mm, style)
    pile.room_for(style.line_mm, style.line_mm / 2)
    for index, text in enumerate(texts):
        if pile.full(style.line_mm):
            pile.turn()
        back = index * style.line_mm
        pile.put(Strip(style.line_mm, (moved(text, 0.0, -back),)))
    return pile.done()


class _Pile:
    """Pages that are filled from the top down."""

    def __init__(self, width_mm: float, height_mm: float, style: Style) -> None:
        self.width, self.limit, self.style = width_mm, height_mm, style
        self.whole: list[Canvas] = []
        self.items: list[Primitive] = []
        self.y = style.margin_mm

    def full(self, height: float) -> bool:
        over = self.y + height > self.limit - self.style.margin_mm + 1e-9
        return over and bool(self.items)

    def room_for(self, height: float, gap: float) -> None:
        """Leave a gap, or turn the page if what follows does not fit after it."""
        if self.full(gap + height):
            self.turn()
        else:
            self.y += gap

    def put(self, strip: Strip) -> None:
        self.items += [moved(item, 0.0, self.y) for item in strip.items]
        self.y += strip.height

    def turn(self) -> None:
        page = Canvas(self.width, self.y + self.style.margin_mm)
        page.add(self.items)
        self.whole.append(page)
        self.items, self.y = [], self.style.margin_mm

    def done(self) -> tuple[Canvas, ...]:
        if self.items or not self.whole:
            self.turn()
        return tuple(self.whole)


def label(
    lines: Sequence[str], x: float, style: Style, bold: bool = False, role: str = "label"
) -> list[Text]:
    """Lines of a row's name from the top of the row; a single line is centred in row_mm."""
    size = style.font_size
    first = style.row_mm / 2 + 0.365 * size * 25.4 / 72
    return [
        Text(x, first + i * style.line_mm, line, size, bold, colour=style.ink, role=role)
        for i, line in enumerate(lines)
    ]


def name_lines(name: str, limit: float, style: Style) -> list[str]:
    """Lines of at most `limit` mm, broken in brackets only where there is no other way."""
    lines = wrap(name, limit + 1e-6, style.font_size)
    return lines if len(lines) == 1 else wrap(tied(name), limit + 1e-6, style.font_size)


def row_height(lines: int, style: Style) -> float:
    return style.row_mm + (lines - 1) * style.line_mm
