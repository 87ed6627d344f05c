"""Risk of bias, study by study: a symbol or a number for every judgement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from metamill.config.settings import Display
from metamill.figures.colours import tint
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Align, Line, Primitive, Text
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, tied, width, wrap
from metamill.figures.review.bias_symbol import bias_symbol
from metamill.figures.review.bias_words import (
    Part,
    bias_alt,
    bias_csv,
    domain_names,
    parts_of,
    points_of,
    sign_words,
    silences,
    sum_text,
    unjudged_words,
)
from metamill.figures.review.paging import Block, Strip, label, name_lines, pages, row_height
from metamill.figures.style import Style
from metamill.review_result import Assessment, Judgement, ReviewResult
from metamill.tables.bias_tools import NONE, STATED, SUM

NO_DATA = "no study is judged"
_STUDY = "Study"
_APART_MM = 1.8
"""Between the headings of two columns, at least."""
_ROW_MORE = 0.9
"""A row is so many mm higher than a line of text."""
_SYMBOL = 0.65
"""A symbol's circle as a part of the height of a row."""


def risk_of_bias(review: ReviewResult, display: Display, style: Style) -> Drawn:
    """Every study in a row, every domain in a column, a block for each tool.

    Tools that give points show them as numbers, with their sum last; others symbols, with the
    stated overall judgement last.
    """
    title = f"Risk of bias: {clean(display.title).rstrip('.')}"
    parts = parts_of(review)
    if not parts:
        return not_drawn(title, NO_DATA, display.width_mm, style)
    style = replace(style, row_mm=style.line_mm + _ROW_MORE)
    names_mm = _names_mm(parts, display, style)
    blocks = [block for part in parts for block in _blocks(part, names_mm, display, style)]
    notes = [
        *domain_names(parts),
        *sign_words([part for part in parts if not part.sums]),
        *silences(parts),
        *unjudged_words(review),
    ]
    made = pages(blocks, notes, display.width_mm, display.height_mm, style)
    return Drawn(
        made, bias_csv(parts, review), _caption(title, parts), bias_alt(title, parts, review)
    )


def _names(part: Part) -> list[str]:
    return [clean(item.label) or item.study for item in part.assessments]


def _names_mm(parts: Sequence[Part], display: Display, style: Style) -> float:
    """The width for names of studies, the same for every tool."""
    size = style.font_size
    widest = max(width(name, size) for part in parts for name in _names(part))
    room = display.width_mm - 2 * style.margin_mm - style.gap_mm
    grid = max(sum(wide for _, wide in _columns(part, style)) for part in parts)
    return min(max(widest, width(_STUDY, size, bold=True)), max(0.34 * room, room - grid))


def _blocks(part: Part, names_mm: float, display: Display, style: Style) -> list[Block]:
    """The block of a part, or several where its domains do not fit side by side."""
    edge = style.margin_mm
    columns = _columns(part, style)
    left = edge + names_mm + style.gap_mm
    lines = [name_lines(name, names_mm, style) for name in _names(part)]
    made = []
    while columns:
        shown, columns = _fitting(columns, display.width_mm - edge - left)
        grid = _Grid(part, tuple(shown), left, display.width_mm - edge, style)
        rows = tuple(
            grid.row(item, wrapped) for item, wrapped in zip(part.assessments, lines, strict=True)
        )
        made.append(Block(grid.head(), rows))
    return made


Column = tuple[str, float]


def _columns(part: Part, style: Style) -> list[Column]:
    """The heading and the width of each column: domains, then the sum or the overall judgement."""
    size = style.font_size
    pitch = max(style.row_mm + 0.6, *(width(code, size, True) + _APART_MM for code in part.codes))
    columns = [(code, pitch) for code in part.codes]
    last = {SUM: "Sum", STATED: "Overall"}.get(part.tool.overall, "")
    if last:
        longest = width(f"{part.tool.most}/{part.tool.most}", size) if part.sums else 0.0
        longest = max(longest, width(last, size, bold=True))
        columns.append((last, max(pitch, longest + 2 * _APART_MM)))
    return columns


def _fitting(columns: list[Column], room: float) -> tuple[list[Column], list[Column]]:
    """The columns that fit into `room` mm, one at least, and the others."""
    count = 1
    while count < len(columns) and sum(wide for _, wide in columns[: count + 1]) <= room + 1e-9:
        count += 1
    return columns[:count], columns[count:]


@dataclass(frozen=True)
class _Grid:
    """Some columns of one part from `left` on; titles may reach to `edge`."""

    part: Part
    columns: tuple[Column, ...]
    left: float
    edge: float
    style: Style

    @property
    def right(self) -> float:
        return self.left + sum(wide for _, wide in self.columns)

    def _centres(self) -> Iterator[tuple[str, float]]:
        x = self.left
        for name, wide in self.columns:
            yield name, x + wide / 2
            x += wide

    def _text(
        self, x: float, y: float, text: str, role: str, align: Align = "center", bold: bool = False
    ) -> Text:
        style = self.style
        return Text(x, y, text, style.font_size, bold, align=align, colour=style.ink, role=role)

    def head(self) -> Strip:
        """The tool, then the codes of the domains over a rule."""
        style, edge = self.style, self.style.margin_mm
        items: list[Primitive] = []
        y = 0.0
        for line in wrap(tied(self.part.title), self.edge - edge, style.font_size, bold=True):
            y += style.line_mm
            items.append(self._text(edge, y - 0.25 * style.line_mm, line, "tool", "left", True))
        y += style.row_mm
        base = y - style.line_mm / 3
        items.append(self._text(edge, base, _STUDY, "header", "left", bold=True))
        items += [self._text(x, base, name, "header", bold=True) for name, x in self._centres()]
        items.append(Line(edge, y, self.right, y, style.rule_width, style.ink, role="rule"))
        return Strip(y, tuple(items))

    def row(self, item: Assessment, lines: Sequence[str]) -> Strip:
        style, edge = self.style, self.style.margin_mm
        height, y = row_height(len(lines), style), style.row_mm / 2
        items: list[Primitive] = [*label(lines, edge, style)]
        judged = {judgement.domain: judgement for judgement in item.judgements}
        for head, x in self._centres():
            if head in judged:
                items += self._judgement(judged[head], x, y)
            elif self.part.sums:
                items.append(self._number(x, y, sum_text(item)))
            else:
                items += self._judgement(item.overall, x, y)
        pale = tint(style.line, 0.35)
        items.append(Line(edge, height, self.right, height, style.thin_width, pale, role="row"))
        return Strip(height, tuple(items))

    def _judgement(self, judgement: Judgement | None, x: float, y: float) -> list[Primitive]:
        style = self.style
        if judgement is None:
            return bias_symbol(NONE, x, y, _SYMBOL * style.row_mm, style)
        if self.part.sums:
            points = points_of(self.part.tool, judgement)
            return [self._number(x, y, "?" if points is None else str(points))]
        return bias_symbol(judgement.kind, x, y, _SYMBOL * style.row_mm, style)

    def _number(self, x: float, y: float, text: str) -> Text:
        drop = CAPITAL / 2 * self.style.font_size * MM_PER_POINT
        return self._text(x, y + drop, text, "points")


def _caption(title: str, parts: Sequence[Part]) -> str:
    tools = "; ".join(dict.fromkeys(part.tool.reference for part in parts))
    signs = any(not part.sums for part in parts)
    how = " Signs and colours say the same; darker is worse." if signs else ""
    return f"{title}. Every judgement, study by study.{how} Tools: {tools}.\n"
