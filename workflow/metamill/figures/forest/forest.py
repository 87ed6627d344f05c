"""The forest plot: every study with its interval, the mean, the prediction, and what to know."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

from metamill.config.settings import Display
from metamill.figures.drawn import Drawn, TooNarrow
from metamill.figures.forest.caterpillar import caterpillar_notes, caterpillar_slabs
from metamill.figures.forest.columns import DataColumn, data_columns
from metamill.figures.forest.guides import forest_axis, guide_notes, guides
from metamill.figures.forest.layout import Layout, lay_out
from metamill.figures.forest.pages import paginate
from metamill.figures.forest.rows import SQUARE, Content, Row, content
from metamill.figures.forest.slabs import (
    Sheet,
    Slab,
    axis_slab,
    header_slab,
    row_slab,
    tail_slabs,
    words_slab,
)
from metamill.figures.forest.words import forest_alt, forest_caption, forest_csv
from metamill.figures.page.canvas import Canvas, Primitive
from metamill.figures.style import Style, suited
from metamill.results import Result


def forest(result: Result, display: Display, style: Style) -> Drawn:
    """The forest plot of the primary analysis, with its first column of subgroups if it has one.

    Above `display.caterpillar_above` studies it is a caterpillar plot, which has no names. Pages
    are exactly `display.width_mm` wide and at most `display.height_mm` high. Raises ValueError if
    that width cannot hold labels, plot and estimates even without the columns that may be left out.
    """
    if len(result.primary.effects) > display.caterpillar_above:
        pages = caterpillar_pages(result, display, style)
        return _with_twins(pages, result, display, style, caterpillar=True)
    return forest_studies(result, display, style)


def forest_studies(result: Result, display: Display, style: Style) -> Drawn:
    """The forest plot with a row for every study, however many there are; else as `forest`."""
    return _with_twins(forest_pages(result, display, style), result, display, style)


def _with_twins(
    pages: tuple[Canvas, ...],
    result: Result,
    display: Display,
    style: Style,
    caterpillar: bool = False,
) -> Drawn:
    caption = forest_caption(result, display, style, caterpillar)
    return Drawn(pages, forest_csv(result), caption, forest_alt(result, display))


def forest_pages(result: Result, display: Display, style: Style) -> tuple[Canvas, ...]:
    """The pages of `forest_studies`; raises ValueError for a width that is too small."""
    style = suited(style, result)
    sheet, left_off = _sheet(result, display, style, _attempts(style))
    shaded, rows = False, []
    for row in sheet.said.rows:
        shaded = not shaded if row.shape == SQUARE or row.told else False
        rows.append(row_slab(sheet, row, shaded))
    return _pages(sheet, rows, [*sheet.said.notes, *guide_notes(sheet), left_off])


def caterpillar_pages(result: Result, display: Display, style: Style) -> tuple[Canvas, ...]:
    """The forest plot without names, by size of the estimate; raises ValueError as forest_pages."""
    style = replace(suited(style, result), plot_max_mm=CATERPILLAR_PLOT_MM)
    short = replace(display, order="effect")
    rooms = (style.plot_max_mm, style.plot_min_mm, style.plot_least_mm)
    attempts = [_Attempt(style.dropped, False, room) for room in rooms]
    sheet, _ = _sheet(result, short, style, attempts, named=False)
    notes = [*caterpillar_notes(sheet), *guide_notes(sheet)]
    sheet = replace(sheet, said=replace(sheet.said, left_out=(), footnotes=()))
    return _pages(sheet, caterpillar_slabs(sheet), notes)


CATERPILLAR_PLOT_MM = 110.0
SMALL_LABEL_MM = 16.0
SMALL_PLOT_MM = 36.0
"""A plot that leaves room for another column may be so small."""


@dataclass(frozen=True)
class _Attempt:
    """Columns to leave off, whether counts share a column, the least plot, the least label."""

    off: tuple[str, ...]
    merged: bool
    plot_mm: float
    label_mm: float | None = None


def _attempts(style: Style) -> list[_Attempt]:
    """From everything to the least: counts are merged and the plot shrinks before a column goes."""
    found = [_Attempt((), style.merged_counts, style.plot_min_mm)]
    for count in range(len(style.dropped) + 1):
        off = style.dropped[:count]
        found += [_Attempt(off, True, style.plot_min_mm), _Attempt(off, True, SMALL_PLOT_MM)]
        if count == len(style.dropped) - 1:
            found.append(_Attempt(off, True, style.plot_least_mm))
    least = _Attempt(style.dropped, True, style.plot_least_mm)
    return [*found, least, replace(least, label_mm=SMALL_LABEL_MM)]


def _sheet(
    result: Result,
    display: Display,
    style: Style,
    attempts: Iterable[_Attempt],
    named: bool = True,
) -> tuple[Sheet, str]:
    """The first attempt that fits, and what it leaves off; studies have names if `named`."""
    every, missing = data_columns(result, style.merged_counts), 0.0
    for attempt in attempts:
        columns = data_columns(result, attempt.merged or style.merged_counts)
        columns = () if "data" in attempt.off else columns
        said = content(result, columns, style, display.order)
        if attempt.label_mm is not None:
            style = replace(style, label_min_mm=attempt.label_mm)
        measured = said if named else replace(said, rows=tuple(map(_unnamed, said.rows)))
        plan = lay_out(result, display, style, measured, columns, attempt.off, attempt.plot_mm)
        missing = _overflow(plan, display, style)
        if missing < 1e-6:
            axis = forest_axis(result, display, plan, said, style.font_size)
            sheet = Sheet(result, display, style, said, plan, axis)
            return sheet, _left_off(attempt.off, every, said)
    raise TooNarrow(
        f"the forest plot of '{display.title}' needs {ceil(display.width_mm + missing)} mm, "
        f"not {display.width_mm:g} mm"
    )


def _unnamed(row: Row) -> Row:
    return replace(row, label="", marks="") if row.shape == SQUARE or row.told else row


def _overflow(plan: Layout, display: Display, style: Style) -> float:
    """By how many mm the columns pass the right margin."""
    ends = [plan.plot_right, plan.numbers.right, plan.bias_right, *plan.data_rights]
    ends += [plan.weight_right] if plan.weight_right is not None else []
    return max(ends) - (display.width_mm - style.margin_mm)


_NAMES = {"bias": "risk of bias", "weight": "weights", "data": "data"}


def _left_off(off: Sequence[str], columns: tuple[DataColumn, ...], said: Content) -> str:
    there = {
        "bias": any(row.bias for row in said.rows),
        "weight": any(row.weight is not None for row in said.rows),
        "data": bool(columns),
    }
    names = [_NAMES[name] for name in off if there[name]]
    return f"Not shown for lack of width: {' and '.join(names)}." if names else ""


def _pages(sheet: Sheet, rows: Sequence[Slab], notes: Iterable[str]) -> tuple[Canvas, ...]:
    axis, beneath = sheet.axis, axis_slab(sheet)

    def behind(top: float, bottom: float, mean: float | None) -> Iterable[Primitive]:
        return () if axis is None else guides(sheet, axis, top, bottom, mean)

    return paginate(
        header_slab(sheet),
        rows,
        beneath,
        words_slab(sheet, beneath),
        list(tail_slabs(sheet, filter(None, notes))),
        behind,
        sheet.display.width_mm,
        sheet.display.height_mm,
        sheet.style,
    )
