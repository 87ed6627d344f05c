"""The parts of a forest plot, each drawn from its own top: header, rows, axis, words, footnotes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from metamill.config.settings import Display
from metamill.figures.axes.axis import Axis
from metamill.figures.axes.directions import sides_of
from metamill.figures.axes.effect_words import effect_label
from metamill.figures.axes.ticks import tick_texts
from metamill.figures.forest.bias import bias_headers
from metamill.figures.forest.layout import Layout, group_lines, mark_width, number_texts
from metamill.figures.forest.rows import DIAMOND, Content, Row
from metamill.figures.forest.shapes import shape
from metamill.figures.page.canvas import Align, Line, Primitive, Text, moved, rectangle
from metamill.figures.page.text import (
    ASCENT,
    CAPITAL,
    DESCENT,
    MM_PER_POINT,
    TIED,
    shortened,
    tied,
    width,
    wrap,
)
from metamill.figures.review.bias_symbol import bias_symbol
from metamill.figures.review.bias_words import SIGNS
from metamill.figures.style import Style
from metamill.results import Result
from metamill.wording import number_text

MOST_LINES = 3
"""A longer name is cut; the table of the figure has it whole."""


@dataclass(frozen=True)
class Slab:
    """A strip of the page, `height` mm high, as wide as the page; items are placed from its top.

    `under` lies behind the lines of the plot. `mean` is where the mean of all studies lies. A slab
    that is kept `with_next` is not parted from the next one by the end of a page; `section` is the
    heading to repeat where a page begins with it.
    """

    height: float
    items: tuple[Primitive, ...] = ()
    under: tuple[Primitive, ...] = ()
    mean: float | None = None
    with_next: bool = False
    section: "Slab | None" = None


@dataclass(frozen=True)
class Sheet:
    """What all parts share: the result, how it is shown, and where its columns are."""

    result: Result
    display: Display
    style: Style
    said: Content
    plan: Layout
    axis: Axis | None

    @property
    def right(self) -> float:
        return self.display.width_mm - self.style.margin_mm

    @property
    def baseline(self) -> float:
        """From the top of a row to the baseline of its first line, which centres capitals."""
        return self.style.row_mm / 2 + CAPITAL / 2 * self.style.font_size * MM_PER_POINT

    def text(
        self,
        x: float,
        y: float,
        text: str,
        role: str,
        align: Align = "left",
        bold: bool = False,
        italic: bool = False,
        soft: bool = False,
    ) -> Text:
        colour = self.style.soft if soft else self.style.ink
        size = self.style.font_size
        return Text(x, y, text, size, bold, italic, align, colour, role)  # fmt: skip

    def mark(self, x: float, baseline: float, marks: str, soft: bool) -> Text:
        """Raised marks after a text that ends at x, clear of the line above."""
        colour = self.style.soft if soft else self.style.ink
        style = self.style
        high = ASCENT * style.mark_size + DESCENT * style.font_size
        room = style.line_mm - high * MM_PER_POINT
        raised = baseline - min(0.3 * style.font_size * MM_PER_POINT, room)
        return Text(x, raised, marks, self.style.mark_size, colour=colour, role="mark")

    def rule(self, y: float, left: float, right: float, thin: bool = False) -> Line:
        wide = self.style.thin_width if thin else self.style.rule_width
        colour = self.style.line if thin else self.style.ink
        return Line(left, y, right, y, wide, colour, role="rule")


def header_slab(sheet: Sheet) -> Slab:
    """The names of the columns, those of groups over them, and a rule under all."""
    plan, style = sheet.plan, sheet.style
    headers = [column.header for column in plan.data]
    groups = list(dict.fromkeys(column.group for column in plan.data if column.group))
    group_height = max(
        (len(group_lines(group, sheet.display, style)) for group in groups), default=0
    )
    data_lines = max(map(len, headers), default=0)
    group_rise = data_lines * style.line_mm + style.gap_mm / 3
    sides = _header_sides(sheet)
    lines = max(map(len, (("Study",), *headers, plan.numbers.header, plan.weight_header, *sides)))
    group_top = group_rise + (group_height - 1) * style.line_mm
    rise = max((lines - 1) * style.line_mm, group_top if groups else 0.0)
    last = sheet.baseline + rise
    items: list[Primitive] = []

    def heading(x: float, texts: Sequence[str], align: Align) -> None:
        for back, text in enumerate(reversed(texts)):
            y = last - back * style.line_mm
            items.append(sheet.text(x, y, text, "header", align, bold=True))

    heading(plan.label_left, (style.study_header,), "left")
    for right, header in zip(plan.data_rights, headers, strict=True):
        heading(right, header, "right")
    heading((plan.numbers.left + plan.numbers.right) / 2, plan.numbers.header, "center")
    if plan.weight_right is not None:
        heading(plan.weight_right, plan.weight_header, "right")
    for x, code in zip(plan.bias, bias_headers(sheet.result.bias), strict=False):
        heading(x, (code,), "center")
    for group in groups:
        items += _group_heading(sheet, group, last - group_rise)
    places: tuple[tuple[float, Align], ...] = ((plan.plot_left, "left"), (plan.plot_right, "right"))
    for (x, align), texts in zip(places, sides, strict=False):
        heading(x, texts, align)
    height = style.row_mm + rise
    items.append(sheet.rule(height, style.margin_mm, sheet.right))
    return Slab(height + style.gap_mm / 3, tuple(items))


def _on_top(sheet: Sheet) -> bool:
    """Whether the sides stand over the plot: if the style wants it and no word is broken there."""
    sides = sides_of(sheet.result, sheet.display)
    if sides is None or not sheet.style.directions_on_top:
        return False
    words = [word for side in sides for word in side.split()]
    return all(width(word, sheet.style.font_size, True) <= _half(sheet) for word in words)


def _half(sheet: Sheet) -> float:
    return (sheet.plan.plot_right - sheet.plan.plot_left - sheet.style.gap_mm) / 2


def _header_sides(sheet: Sheet) -> tuple[list[str], ...]:
    """Which side is better, for styles that say it over the plot."""
    sides = sides_of(sheet.result, sheet.display)
    if sides is None or not _on_top(sheet):
        return ()
    return tuple(wrap(side, _half(sheet), sheet.style.font_size, bold=True) for side in sides)


def _group_heading(sheet: Sheet, group: str, baseline: float) -> Iterator[Primitive]:
    """The name of a group over its columns, with a rule beneath."""
    plan, style = sheet.plan, sheet.style
    members = [i for i, column in enumerate(plan.data) if column.group == group]
    left, right = plan.data_lefts[members[0]], plan.data_rights[members[-1]]
    for back, line in enumerate(reversed(group_lines(group, sheet.display, style))):
        y = baseline - back * style.line_mm
        yield sheet.text((left + right) / 2, y, line, "header", "center", bold=True)
    yield sheet.rule(baseline + style.line_mm / 3, left, right)


def row_slab(sheet: Sheet, row: Row, shaded: bool = False) -> Slab:
    """One row with its shape; `shaded` puts the colour of the style behind it."""
    plan, style = sheet.plan, sheet.style
    start = style.row_mm / 4 if row.space_above else 0.0
    baseline, centre = start + sheet.baseline, start + style.row_mm / 2
    left = plan.label_left + row.indent * style.indent_mm
    right = plan.text_right if row.wide else plan.label_right
    size = style.font_size
    room = right - left - mark_width(row.marks, style) + 1e-6
    lines = wrap(row.label, room, size, row.bold, row.italic)
    if len(lines) > MOST_LINES and not row.wide:
        lines = [*lines[: MOST_LINES - 1], shortened(lines[MOST_LINES - 1], room, size, row.bold)]
    height = start + style.row_mm + (len(lines) - 1) * style.line_mm
    items: list[Primitive] = [
        sheet.text(left, baseline + i * style.line_mm, line, "label", "left", row.bold,
                   row.italic, row.soft)
        for i, line in enumerate(lines)
    ]  # fmt: skip
    if row.marks:
        x = left + width(lines[-1], size, row.bold, row.italic) + 0.3
        last = baseline + (len(lines) - 1) * style.line_mm
        items.append(sheet.mark(x, last, row.marks, row.soft))
    for x, text in zip(plan.data_rights, row.data, strict=False):
        if text:
            items.append(sheet.text(x, baseline, text, "data", "right", row.bold, soft=row.soft))
    items += _numbers(sheet, row, baseline)
    for x, kind in zip(plan.bias, row.bias, strict=False):
        if kind in SIGNS:
            items += bias_symbol(kind, x, centre, style.symbol_mm, style)
        elif kind:
            items.append(sheet.text(x, baseline, kind, "bias sum", "center"))
    if sheet.axis is not None:
        items += [moved(item, 0.0, centre) for item in shape(row, 0.0, sheet.axis, style)]
    box = (style.margin_mm, 0.0, sheet.right, height)
    under = (rectangle(box, style.zebra, role="zebra"),) if shaded and style.zebra else ()
    mean = centre if row.shape == DIAMOND and row.indent == 0 else None
    section = None
    if row.section:
        again = Row(f"{row.section} (continued)", bold=True, wide=True, with_next=True)
        section = row_slab(sheet, again)
    return Slab(height, tuple(items), under, mean, row.with_next, section)


def _numbers(sheet: Sheet, row: Row, baseline: float) -> Iterator[Primitive]:
    plan, numbers = sheet.plan, sheet.plan.numbers
    texts = number_texts(row, plan.form, sheet.style)
    for x, text in zip((numbers.estimate, numbers.low, numbers.high), texts, strict=True):
        if text:
            yield sheet.text(x, baseline, text, "number", "right", row.bold, soft=row.soft)
    if row.told:
        middle = (numbers.left + numbers.right) / 2
        yield sheet.text(middle, baseline, row.told, "told", "center", soft=True)
    if row.weight is not None and plan.weight_right is not None:
        text = number_text(row.weight, 1)
        yield sheet.text(plan.weight_right, baseline, text, "weight", "right")


def axis_slab(sheet: Sheet) -> Slab:
    """The axis with its ticks, its label, and which side is better."""
    style, axis, size = sheet.style, sheet.axis, sheet.style.font_size
    if axis is None:
        return Slab(0.0)
    y = style.gap_mm / 3
    items: list[Primitive] = [
        Line(axis.left, y, axis.right, y, style.rule_width, style.ink, role="axis")
    ]
    below = y + style.tick_mm + 0.5 + CAPITAL * size * MM_PER_POINT
    labels = tick_texts(axis, sheet.plan.form.factor)
    for tick, label in zip(axis.ticks, labels, strict=True):
        x = axis.position(tick)
        end = y + style.tick_mm
        items.append(Line(x, y, x, end, style.rule_width, style.ink, role="tick"))
        items.append(sheet.text(x, below, label, "tick label", "center"))
    line = below
    for text in wrap(tied(effect_label(sheet.result)), axis.right - axis.left, size):
        line += style.line_mm
        middle = (axis.left + axis.right) / 2
        items.append(sheet.text(middle, line, text, "axis label", "center"))
    if not _on_top(sheet):
        texts = list(_directions(sheet, axis, line))
        items += texts
        line = max([line, *(text.y for text in texts)])
    return Slab(line + style.line_mm / 2, tuple(items))


def _directions(sheet: Sheet, axis: Axis, line: float) -> Iterator[Text]:
    """Which side is better, under the axis label: side by side, or one under the other."""
    sides = sides_of(sheet.result, sheet.display)
    if sides is None:
        return
    style, size = sheet.style, sheet.style.font_size
    left, right = f"←{TIED}{sides[0]}", f"{sides[1]}{TIED}→"
    room = axis.right - axis.left - style.gap_mm
    words = f"{left} {right}".split(" ")
    if max(width(word, size) for word in words) > room / 2:
        limit = sheet.right - axis.left
        for arrow, side in zip("←→", sides, strict=True):
            for part in wrap(f"{arrow}{TIED}{side}", limit, size):
                line += style.line_mm
                yield sheet.text(axis.left, line, part, "direction")
        return
    fits = width(left, size) + width(right, size) <= room
    ends: tuple[tuple[str, float, Align], ...] = (
        (left, axis.left, "left"),
        (right, axis.right, "right"),
    )
    for text, x, align in ends:
        for index, part in enumerate(wrap(text, room if fits else room / 2, size), start=1):
            yield sheet.text(x, line + index * style.line_mm, part, "direction", align)


def words_slab(sheet: Sheet, axis: Slab) -> Slab:
    """Model, heterogeneity and tests: left of the axis, or under it where that is narrow."""
    plan, style = sheet.plan, sheet.style
    left, right, top = plan.label_left, plan.text_right, style.gap_mm / 2
    if right - left < style.text_min_mm:
        top, right = axis.height, sheet.right
    items, y = [], top
    for text in sheet.said.lines:
        lines, y = block(sheet, text, left, y, right, "line")
        items += lines
    return Slab(max(y, axis.height), (*axis.items, *items))


def block(
    sheet: Sheet, text: str, left: float, top: float, right: float, role: str, soft: bool = False
) -> tuple[list[Text], float]:
    """A wrapped paragraph from `top` down: (lines, where it ends)."""
    style, items = sheet.style, []
    for line in wrap(text, right - left, style.font_size):
        items.append(sheet.text(left, top + 0.75 * style.line_mm, line, role, soft=soft))
        top += style.line_mm
    return items, top


def tail_slabs(sheet: Sheet, notes: Iterable[str]) -> Iterator[Slab]:
    """The rows that are not pooled, the footnotes, and notes on the whole."""
    said, style = sheet.said, sheet.style
    if said.left_out:
        yield row_slab(sheet, Row("Not pooled", bold=True, wide=True, with_next=True,
                                  space_above=True))  # fmt: skip
        yield from (row_slab(sheet, row) for row in said.left_out)
    notes = tuple(notes)
    if not notes and not said.footnotes:
        return
    rule = sheet.rule(style.row_mm / 4, style.margin_mm, sheet.right, thin=True)
    yield Slab(style.row_mm / 4 + style.gap_mm / 3, (rule,), with_next=True)
    slabs = []
    for mark, note in said.footnotes:
        indent = max(style.indent_mm, mark_width(mark, style) + 0.5)
        left = style.margin_mm + indent
        raised = sheet.mark(style.margin_mm, 0.75 * style.line_mm, mark, soft=True)
        items, y = block(sheet, f"{note.rstrip('.')}.", left, 0.0, sheet.right, "footnote", True)
        slabs.append(Slab(y, (raised, *items)))
    for note in notes:
        items, y = block(sheet, note, style.margin_mm, 0.0, sheet.right, "footnote", True)
        slabs.append(Slab(y, tuple(items)))
    together = sum(slab.height for slab in slabs) < sheet.display.height_mm / 2
    yield from (replace(slab, with_next=together) for slab in slabs[:-1])
    yield slabs[-1]


def at_top(slab: Slab, top: float) -> Slab:
    """The slab with its items in the places they have on the page."""
    return replace(
        slab,
        items=tuple(moved(item, 0.0, top) for item in slab.items),
        under=tuple(moved(item, 0.0, top) for item in slab.under),
        mean=None if slab.mean is None else slab.mean + top,
    )
