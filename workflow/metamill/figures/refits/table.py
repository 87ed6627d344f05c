"""A table of intervals with a plot in its midst, over as many pages as its rows need.

Figures of refits share it. Every text is measured before anything is placed; a page that goes on
repeats its header and its axis.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metamill.figures.axes.axis import Axis
from metamill.figures.page.canvas import (
    Align,
    Canvas,
    Line,
    Primitive,
    Text,
    moved,
    rectangle,
)
from metamill.figures.page.text import (
    ASCENT,
    CAPITAL,
    DESCENT,
    MM_PER_POINT,
    TIED,
    clean,
    tied,
    width,
    wrap,
)
from metamill.figures.refits.places import (
    DOUBTFUL,
    MEAN,
    Entry,
    Places,
    Table,
    decimals_from,
    header_lines,
    number_texts,
    numbers_heading,
    places_of,
)
from metamill.figures.refits.shapes import axis_block, interval_shape
from metamill.figures.style import Style
from metamill.wording import ABSENT


def plot_room(table: Table, page_width: float, style: Style) -> tuple[float, float]:
    """Left and right of the plot in mm, from which its axis is made."""
    places = places_of(table, page_width, style)
    return places.plot_left, places.plot_right


def table_pages(
    table: Table, axis: Axis, page_width: float, page_height: float, style: Style
) -> tuple[Canvas, ...]:
    """The table on pages of `page_width` mm, each as high as needed and at most `page_height` mm.

    `axis` must lie where `plot_room` says.
    """
    places = places_of(table, page_width, style)
    header, header_height = _header(table, places, page_width, style)
    foot, foot_height = axis_block(table, axis, page_width, style)
    gap, last_y = style.gap_mm / 3, page_height - style.margin_mm
    room = last_y - foot_height - gap - style.margin_mm - header_height - gap
    blocks = [
        part for entry in table.entries for part in _blocks(entry, table, places, style, room)
    ]
    pages: list[Canvas] = []
    on_page: list[tuple[_Block, float]] = []
    y = top = style.margin_mm + header_height + gap

    def close() -> float:
        page = Canvas(page_width, page_height)
        bottom = y + gap
        page.add(_guides(table, axis, top - gap, bottom, style))
        # Over the band, which begins at the rule under the header.
        page.add(moved(item, 0.0, style.margin_mm) for item in header)
        for block, at in on_page:
            page.add(_block_items(block, table, at, places, axis, style))
        page.add(moved(item, 0.0, bottom) for item in foot)
        pages.append(page)
        return bottom + foot_height

    for block in blocks:
        if on_page and y + block.height > top + room:
            pages_end = close()
            pages[-1].height_mm = pages_end + style.margin_mm
            on_page, y = [], top
        on_page.append((block, y))
        y += block.height
    end = close()
    return _with_notes(pages, end, table, places, page_width, last_y, style)


@dataclass(frozen=True)
class _Block:
    """A row or, of a label longer than a page, a part of one; lines are (text, role)."""

    entry: Entry
    lines: tuple[tuple[str, str], ...]
    first: bool
    last: bool
    height: float


def _blocks(
    entry: Entry, table: Table, places: Places, style: Style, room: float
) -> Iterable[_Block]:
    limit = places.label_right - places.label_left
    bold, size = entry.kind == MEAN, style.font_size
    mark = width(entry.mark, style.mark_size) + 0.3 if entry.mark else 0.0
    label = wrap(clean(entry.label) or ABSENT, limit - mark + 1e-6, size, bold)
    lines = [(text, "label") for text in label]
    if places.stacked:
        numbers = TIED.join(part for part in number_texts(entry, table, style) if part)
        lines += [(text, "number") for text in wrap(numbers, limit, size, bold)]
    if entry.words:
        lines += [(text, "words") for text in wrap(entry.words, limit, size)]
    most = max(1, int((room - 1.25 * style.row_mm) / style.line_mm) + 1)
    starts = range(0, len(lines), most)
    for start in starts:
        part = tuple(lines[start : start + most])
        height = style.row_mm + (len(part) - 1) * style.line_mm
        height += _space_above(entry, style) if start == 0 else 0.0
        yield _Block(entry, part, start == 0, start == starts[-1], height)


def _header(
    table: Table, places: Places, page_width: float, style: Style
) -> tuple[list[Primitive], float]:
    """The headings over a rule, drawn from y = 0 down, and their height."""
    if places.stacked:
        name, interval = numbers_heading(table, style)
        words = f"{table.header}: {name[:1].lower()}{name[1:]} {interval}"
        label_lines = wrap(words, places.label_right - places.label_left, style.font_size, True)
        number_lines: list[str] = []
    else:
        label_lines = [table.header]
        box = places.numbers_box
        number_lines = header_lines(table, style, box[1] - box[0] + 1e-6)
    rise = (max(len(label_lines), len(number_lines)) - 1) * style.line_mm
    last = _baseline(style) + rise
    items: list[Primitive] = []

    def heading(x: float, lines: Sequence[str], align: Align) -> None:
        for back, text in enumerate(reversed(lines)):
            y = last - back * style.line_mm
            items.append(Text(x, y, text, style.font_size, True, False, align, style.ink, "header"))

    heading(places.label_left, label_lines, "left")
    for column in places.columns:
        heading(column.left + column.width / 2, (column.name,), "center")
    heading(sum(places.numbers_box) / 2, number_lines, "center")
    bottom = style.row_mm + rise
    right = page_width - style.margin_mm
    items.append(
        Line(style.margin_mm, bottom, right, bottom, style.rule_width, style.ink, role="rule")
    )
    return items, bottom


def _baseline(style: Style) -> float:
    """From the top of a row to the baseline of its first line, which centres capitals."""
    return style.row_mm / 2 + CAPITAL / 2 * style.font_size * MM_PER_POINT


def _guides(
    table: Table, axis: Axis, top: float, bottom: float, style: Style
) -> Iterable[Primitive]:
    if table.band is not None:
        low, high = (axis.position(value) for value in table.band)
        yield rectangle((low, top, high, bottom), style.band, role="band")
    for value in table.important:
        if axis.beyond(value) == 0:
            x = axis.position(value)
            yield Line(x, top, x, bottom, style.rule_width, style.line, (1.0, 2.0), "important")
    if table.null is not None and axis.beyond(table.null) == 0:
        x = axis.position(table.null)
        yield Line(x, top, x, bottom, style.rule_width, style.line, role="null")
    if table.centre is not None and axis.beyond(table.centre) == 0:
        x = axis.position(table.centre)
        yield Line(x, top, x, bottom, style.rule_width, style.accent, (3.0, 2.0), "estimate")


def _rise(under_a_line: bool, style: Style) -> float:
    """How far a mark is raised: less where the line above leaves too little room."""
    rise = 0.3 * style.font_size * MM_PER_POINT
    if not under_a_line:
        return rise
    above = DESCENT * style.font_size * MM_PER_POINT
    return max(0.0, min(rise, style.line_mm - above - ASCENT * style.mark_size * MM_PER_POINT))


def _space_above(entry: Entry, style: Style) -> float:
    return style.row_mm / 4 if entry.kind == MEAN else 0.0


def _block_items(
    block: _Block, table: Table, top: float, places: Places, axis: Axis, style: Style
) -> Iterable[Primitive]:
    entry, size = block.entry, style.font_size
    bold = entry.kind == MEAN
    colour = style.soft if entry.kind == DOUBTFUL else style.ink
    top += _space_above(entry, style) if block.first else 0.0
    baseline = top + _baseline(style)
    labels = [i for i, (_, role) in enumerate(block.lines) if role == "label"]
    for index, (text, role) in enumerate(block.lines):
        y = baseline + index * style.line_mm
        words = role == "words"
        ink = style.soft if words else colour
        strong = bold and not words
        yield Text(places.label_left, y, text, size, strong, words, colour=ink, role=role)
        if labels and index == labels[-1] and entry.mark and block.last:
            x = places.label_left + width(text, size, strong) + 0.3
            raised = y - _rise(index > 0, style)
            yield Text(x, raised, entry.mark, style.mark_size, colour=style.soft, role="mark")
    if not block.first:
        return
    for column in places.columns:
        text = entry.cells.get(column.name, "")
        if text:
            x = column.left + column.point - width(text[: decimals_from(text)], size, bold)
            yield Text(x, baseline, text, size, bold, colour=colour, role="data")
    if not places.stacked:
        parts = number_texts(entry, table, style)
        for left, point, text in zip(places.number_lefts, places.number_points, parts, strict=True):
            if text:
                x = left + point - width(text[: decimals_from(text)], size, bold)
                yield Text(x, baseline, text, size, bold, colour=colour, role="number")
    yield from interval_shape(entry, top + style.row_mm / 2, axis, style)


def _with_notes(
    pages: list[Canvas],
    end: float,
    table: Table,
    places: Places,
    page_width: float,
    last_y: float,
    style: Style,
) -> tuple[Canvas, ...]:
    """Footnotes and notes under the last page, and on further ones if it is full."""
    size, right = style.font_size, page_width - style.margin_mm
    y = end
    notes = [*table.notes, *(n for name, n in table.column_notes if name not in places.missing)]
    if places.missing:
        notes.append(f"Not shown for lack of width: {', '.join(places.missing)}.")
    marks = [width(mark, style.mark_size) for mark, _ in table.footnotes]
    indent = max((style.indent_mm, *(wide + 0.8 for wide in marks)))
    lines: list[tuple[float, str, str]] = []
    for mark, note in table.footnotes:
        wrapped = wrap(tied(clean(note)), right - style.margin_mm - indent, size)
        lines += [(indent, text, mark if i == 0 else "") for i, text in enumerate(wrapped)]
    for note in notes:
        lines += [
            (0.0, text, "") for text in wrap(tied(clean(note)), right - style.margin_mm, size)
        ]
    for at, text, mark in lines:
        if y + style.line_mm > last_y:
            pages[-1].height_mm = y + style.margin_mm
            pages.append(Canvas(page_width, last_y))
            y = style.margin_mm
        baseline = y + 0.75 * style.line_mm
        x = style.margin_mm
        pages[-1].add([Text(x + at, baseline, text, size, colour=style.soft, role="note")])
        if mark:
            raised = baseline - 0.3 * size * MM_PER_POINT
            pages[-1].add([Text(x, raised, mark, style.mark_size, colour=style.soft, role="mark")])
        y += style.line_mm
    pages[-1].height_mm = y + style.margin_mm
    return tuple(pages)
