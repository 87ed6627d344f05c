"""Studies without names: a thin line each, in the order of their estimates."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from metamill.figures.axes.axis import Axis
from metamill.figures.axes.effect_words import noun_of
from metamill.figures.forest.rows import SQUARE, Row
from metamill.figures.forest.slabs import Sheet, Slab, row_slab
from metamill.figures.page.canvas import Circle, Line, Primitive, Text
from metamill.figures.page.text import wrap
from metamill.figures.style import Style
from metamill.wording import capital, count_text

PITCH_MM = (0.25, 1.6)
"""The least and the greatest distance of two studies."""
SHARE = 0.6
"""The share of a page that the studies take, at the greatest distance or less."""


def caterpillar_slabs(sheet: Sheet) -> list[Slab]:
    """Means, predictions and headings as rows; the studies between them as blocks of lines."""
    rows = sheet.said.rows
    studies = sum(map(_is_study, rows))
    least, greatest = PITCH_MM
    pitch = min(greatest, max(least, SHARE * sheet.display.height_mm / max(studies, 1)))
    slabs: list[Slab] = []
    for of_studies, group in groupby(rows, _is_study):
        if of_studies:
            slabs.append(_block(sheet, tuple(group), pitch))
        else:
            slabs += [row_slab(sheet, row) for row in group]
    return slabs


def _is_study(row: Row) -> bool:
    return row.shape == SQUARE or bool(row.told)


def _block(sheet: Sheet, rows: Sequence[Row], pitch: float) -> Slab:
    """The studies from the smallest to the largest estimate, and beside them how many they are."""
    style, drawn = sheet.style, [row for row in rows if row.shape == SQUARE]
    items: list[Primitive] = []
    for index, row in enumerate(drawn):
        if sheet.axis is not None:
            items += _line(row, (index + 0.5) * pitch, sheet.axis, style, pitch)
    left, right = sheet.plan.label_left, sheet.plan.text_right
    words = f"{noun_of(sheet.result, len(drawn))} by size"
    lines = wrap(words, right - left - style.indent_mm, style.font_size)
    for index, line in enumerate(lines):
        y = sheet.baseline + index * style.line_mm
        items.append(
            Text(left + style.indent_mm, y, line, style.font_size, colour=style.soft, role="label")
        )
    height = max(len(drawn) * pitch, style.row_mm + (len(lines) - 1) * style.line_mm)
    return Slab(height + style.row_mm / 4, tuple(items))


def _line(row: Row, y: float, axis: Axis, style: Style, pitch: float) -> Iterator[Primitive]:
    """One study: its interval as far as the axis goes, its estimate as a dot, hollow beyond it."""
    assert row.estimate is not None
    if row.low is not None and row.high is not None:
        left, right = axis.position(row.low), axis.position(row.high)
        if right > left:
            yield Line(left, y, right, y, style.thin_width, style.line, role="interval")
    radius = min(0.6, max(0.25, 0.4 * pitch))
    fill = style.paper if axis.beyond(row.estimate) else style.accent
    x = axis.position(row.estimate)
    yield Circle(x, y, radius, fill, style.accent, style.thin_width, role="study")


def caterpillar_notes(sheet: Sheet) -> Iterable[str]:
    """What the reader of a plot without names must know besides."""
    result, said = sheet.result, sheet.said
    pooled = result.primary.pooled
    yield "The names and numbers of the studies are in the table of this figure."
    silent = sum(bool(row.told) for row in said.rows)
    if silent:
        yield f"{count_text(silent)} studies are not estimable and have no line."
    if said.left_out:
        yield f"{count_text(len(said.left_out))} selected rows are not pooled and not shown."
    yield from (f"{capital(note)}." for note in pooled.notes)
