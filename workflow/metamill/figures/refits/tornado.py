"""The tornado plot: how far each decision moves the pooled estimate and its interval."""

from collections.abc import Iterable
from dataclasses import dataclass

from metamill.config.settings import Display
from metamill.explored.flips import Bar, Robustness
from metamill.figures.axes.axis import Axis, linear_axis, log_axis, visible_range
from metamill.figures.axes.directions import sides_of
from metamill.figures.axes.effect_words import bounds_of, effect_label, null_words
from metamill.figures.colours import tint
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Line, Polygon, Primitive, Text, rectangle
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, tied, width, wrap
from metamill.figures.refits.places import Table
from metamill.figures.refits.shapes import axis_block
from metamill.figures.refits.tornado_words import (
    analysis_name,
    bar_flip_words,
    bar_name,
    robustness_words,
    value_text,
)
from metamill.figures.refits.words import figure_title
from metamill.figures.review.paging import Block, Strip, pages
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Result
from metamill.wording import capital, level_text, model_words, result_format

LABEL_SHARE = 0.42
"""The names of decisions have at most this share of the page."""
BAR_MM = 1.9
CHANGING_MM, MOST_CHANGING = 0.8, 12
"""Between the thin lines of analyses that change a conclusion; more lie closer together."""
CSV_COLUMNS = ("row,kind,name,analyses,changed,low,at_low,high,at_high,ci_low,ci_high,value").split(
    ","
)


def tornado(result: Result, display: Display, style: Style) -> Drawn:
    """A bar for each decision, the widest on top, over the lines of the primary analysis."""
    title = figure_title("Tornado plot", display)
    found = result.explored.robustness
    if found is None:
        return not_drawn(title, "nothing is pooled with an interval", display.width_mm, style)
    if not found.bars:
        return not_drawn(title, "no other analysis was run", display.width_mm, style)
    layout = _layout(found, result, display, style)
    rows = [_primary_row(found, layout, result, style)]
    rows += [_row(bar, found, layout, result, style) for bar in found.bars]
    table = _axis_table(result, display)
    foot, height = axis_block(table, layout.axis, display.width_mm, style)
    block = Block(_head(layout, result, style), tuple(rows), Strip(height, tuple(foot)))
    made = pages((block,), _notes(found, result), display.width_mm, display.height_mm, style)
    told = " ".join(robustness_words(result))
    return Drawn(made, _csv(found), _caption(title, found, result), f"{title}. {told}")


@dataclass(frozen=True)
class _Layout:
    """Where the labels, the plot and the numbers are, in mm; the axis and what is drawn on it."""

    label_left: float
    label_right: float
    axis: Axis
    number_right: float
    centre: float
    null: float | None
    thresholds: tuple[float, ...]
    texts: dict[Bar, str]


def _layout(found: Robustness, result: Result, display: Display, style: Style) -> _Layout:
    form, size = result_format(result), style.font_size
    texts = {bar: f"{form.text(bar.low)} to {form.text(bar.high)}" for bar in found.bars}
    widest = max(width(text, size) for text in (*texts.values(), _HEADING))
    labels = [clean(bar_name(bar)) + _count(bar) for bar in found.bars]
    wanted = max(width(text, size) for text in (*labels, _PRIMARY))
    right = display.width_mm - style.margin_mm
    label_right = style.margin_mm + min(wanted, LABEL_SHARE * display.width_mm)
    plot = label_right + style.plot_gap_mm, right - widest - style.plot_gap_mm
    if plot[1] - plot[0] < style.plot_least_mm:
        widest, plot = 0.0, (plot[0], right - style.gap_mm)
        texts = dict.fromkeys(texts, "")
    null = result.measure.null
    centre = found.estimate or 0.0
    thresholds = tuple(x.value for x in found.conclusions if x.kind == "threshold")
    limits = [x for bar in found.bars for x in (bar.ci_low, bar.ci_high)]
    studies = [(bar.low, centre, bar.high) for bar in found.bars]
    own = [x for x in (found.ci_low, found.ci_high) if x is not None]
    required = [x for x in (null, centre, *own, *(v for b in found.bars for v in (b.low, b.high)))
                if x is not None]  # fmt: skip
    log = result.measure.log_axis
    seen = visible_range(studies, limits, required, log) or ((0.5, 2.0) if log else (0.0, 1.0))
    axis = (
        log_axis(*seen, *plot)
        if log
        else linear_axis(*seen, *plot, bounds_of(result.measure, display))
    )
    return _Layout(style.margin_mm, label_right, axis, right, centre, null, thresholds, texts)


_HEADING = "Estimates (%)"
_PRIMARY = "Primary analysis"


def _count(bar: Bar) -> str:
    return f" ({bar.count})" if bar.count > 1 else ""


def _axis_table(result: Result, display: Display) -> Table:
    """What the axis under the bars is made of."""
    return Table(
        "", (), None, (), (), (), "", "", result_format(result), effect_label(result),
        sides=sides_of(result, display),
    )  # fmt: skip


def _head(layout: _Layout, result: Result, style: Style) -> Strip:
    percent = " (%)" if result_format(result).factor == 100 else ""
    y = style.row_mm / 2 + CAPITAL / 2 * style.font_size * MM_PER_POINT
    items: list[Primitive] = [
        _header(layout.label_left, y, "Decision (other analyses)", "left", style)
    ]
    if any(layout.texts.values()):
        words = f"Estimates{percent}"
        items.append(_header(layout.number_right, y, words, "right", style))
    items.append(
        Line(layout.label_left, style.row_mm, layout.number_right, style.row_mm, style.rule_width,
             style.ink, role="rule")
    )  # fmt: skip
    return Strip(style.row_mm, tuple(items))


def _header(x: float, y: float, text: str, align: str, style: Style) -> Text:
    return Text(x, y, text, style.font_size, True, align=align, colour=style.ink, role="header")  # type: ignore[arg-type]


def _guides(layout: _Layout, height: float, style: Style) -> Iterable[Primitive]:
    axis = layout.axis
    lines = [(value, style.line, (1.0, 2.0), "threshold") for value in layout.thresholds]
    lines += [(layout.null, style.line, (), "null")] if layout.null is not None else []  # type: ignore[list-item]
    lines += [(layout.centre, style.accent, (3.0, 2.0), "estimate")]
    for value, colour, dash, role in lines:
        if axis.beyond(value) == 0:
            x = axis.position(value)
            yield Line(x, 0.0, x, height, style.rule_width, colour, dash, role)


def _primary_row(found: Robustness, layout: _Layout, result: Result, style: Style) -> Strip:
    axis, y = layout.axis, style.row_mm / 2 + style.row_mm / 4
    height = 1.5 * style.row_mm
    half = style.diamond_mm / 2
    low, centre, high = (
        axis.position(x) for x in (found.ci_low or 0.0, found.estimate or 0.0, found.ci_high or 0.0)
    )
    items: list[Primitive] = list(_guides(layout, height, style))
    points = ((low, y), (centre, y - half), (high, y), (centre, y + half))
    items.append(Polygon(points, style.mean, role="diamond"))
    items += _arrows(found.ci_low or 0.0, found.ci_high or 0.0, y, axis, style.mean, style)
    baseline = y + CAPITAL / 2 * style.font_size * MM_PER_POINT
    if any(layout.texts.values()):
        number = result_format(result).text(found.estimate)
        items.append(
            Text(layout.number_right, baseline, number, style.font_size, True, align="right",
                 colour=style.ink, role="number")
        )  # fmt: skip
    items.append(
        Text(layout.label_left, baseline, _PRIMARY, style.font_size, True, colour=style.ink,
             role="label")
    )  # fmt: skip
    return Strip(height, tuple(items))


def _row(bar: Bar, found: Robustness, layout: _Layout, result: Result, style: Style) -> Strip:
    size, limit = style.font_size, layout.label_right - layout.label_left + 1e-6
    label = wrap(clean(bar_name(bar)) + _count(bar), limit, size)
    words = bar_flip_words(bar, found, result)
    told = wrap(tied(words), limit, size) if words else []
    y = style.row_mm / 2
    baseline = y + CAPITAL / 2 * size * MM_PER_POINT
    height = style.row_mm + (len(label) + len(told) - 1) * style.line_mm
    height = max(height, y + BAR_MM / 2 + _changing_depth(bar) + CHANGING_MM)
    items: list[Primitive] = list(_guides(layout, height, style))
    for index, text in enumerate((*label, *told)):
        own = index < len(label)
        items.append(
            Text(layout.label_left, baseline + index * style.line_mm, text, size,
                 italic=not own, colour=style.ink if own else style.soft,
                 role="label" if own else "words")
        )  # fmt: skip
    items += _shape(bar, y, layout.axis, style)
    items += _changing(bar, y + BAR_MM / 2, layout.axis, style)
    text = layout.texts[bar]
    if text:
        items.append(
            Text(layout.number_right, baseline, text, size, align="right", colour=style.ink,
                 role="number")
        )  # fmt: skip
    return Strip(height, tuple(items))


def _shape(bar: Bar, y: float, axis: Axis, style: Style) -> Iterable[Primitive]:
    """The outermost limits as a line, arrows where it is cut off, and the estimates as a bar.

    A bar in which some analysis changes a conclusion has an edge and the colour of what strikes.
    """
    colour = style.striking if bar.changed else style.accent
    left, right = axis.position(bar.ci_low), axis.position(bar.ci_high)
    yield Line(left, y, right, y, style.interval_width, colour, role="limits")
    yield from _arrows(bar.ci_low, bar.ci_high, y, axis, colour, style)
    low, high = axis.position(bar.low), axis.position(bar.high)
    least = 0.4
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    box = low, y - BAR_MM / 2, high, y + BAR_MM / 2
    fill = tint(colour, 0.6)
    yield rectangle(box, fill, colour, style.rule_width, role="bar")


def _changing_depth(bar: Bar) -> float:
    """How far down the thin lines under a bar reach."""
    return CHANGING_MM * min(len(bar.changing), MOST_CHANGING) if bar.count > 1 else 0.0


def _changing(bar: Bar, top: float, axis: Axis, style: Style) -> Iterable[Primitive]:
    """Under a bar of several analyses: the interval and estimate of each that changes a conclusion.

    That of a single analysis is the line through its bar.
    """
    if bar.count < 2:
        return
    step = _changing_depth(bar) / max(1, len(bar.changing))
    thin, half = style.rule_width, 0.35
    for place, item in enumerate(bar.changing, start=1):
        y = top + place * step
        left, right = axis.position(item.ci_low), axis.position(item.ci_high)
        yield Line(left, y, right, y, thin, style.striking, role="changing")
        if axis.beyond(item.estimate) == 0:
            x = axis.position(item.estimate)
            yield Line(x, y - half, x, y + half, 2 * thin, style.striking, role="changing estimate")


def _arrows(
    low: float, high: float, y: float, axis: Axis, colour: str, style: Style
) -> Iterable[Polygon]:
    """At an end of the axis that cuts an interval off."""
    left, right = axis.position(low), axis.position(high)
    for cut, tip, inward in ((axis.beyond(low) < 0, left, 1), (axis.beyond(high) > 0, right, -1)):
        if cut:
            base, rise = tip + inward * style.arrow_mm, style.arrow_mm / 2
            yield Polygon(((tip, y), (base, y - rise), (base, y + rise)), colour, role="arrow")


def _notes(found: Robustness, result: Result) -> list[str]:
    level = level_text(result.primary.settings)
    told = [
        (
            "Bar: the smallest to the largest estimate; line: the outermost limits of the other "
            f"analyses (each {level}); diamond and dashed: the primary analysis."
        )
    ]
    if any(bar.changed for bar in found.bars):
        told.append("Orange, with words under its name: some analysis changes a conclusion.")
    if any(bar.changing and bar.count > 1 for bar in found.bars):
        told.append("Thin lines under a bar: each such analysis, a stroke at its estimate.")
    thresholds = [x for x in found.conclusions if x.kind == "threshold"]
    if thresholds:
        form = result_format(result)
        values = ", ".join(value_text(x.value, form) for x in thresholds)
        told.append(f"Dotted: {'threshold' if len(thresholds) == 1 else 'thresholds'} {values}.")
    if result.measure.null is not None:
        told.append(f"Grey line: {null_words(result)}.")
    return told


def _caption(title: str, found: Robustness, result: Result) -> str:
    said = [
        (
            f"{title}. Each bar is one decision: the range of the pooled {result.measure.natural} "
            "over the analyses that differ from the primary one in this decision (their number in "
            "brackets), the widest on top; lines reach to the outermost limits of "
            "the intervals of these analyses."
        ),
        *_notes(found, result)[1:],
        f"{model_words(result.primary.settings)}.",
    ]
    return " ".join(said)


def _csv(found: Robustness) -> str:
    rows: list[dict[str, object]] = [
        {
            "row": "primary",
            "low": found.estimate,
            "high": found.estimate,
            "ci_low": found.ci_low,
            "ci_high": found.ci_high,
        }
    ]
    rows += [
        {
            "row": "bar",
            "kind": bar.kind,
            "name": capital(bar_name(bar)),
            "analyses": bar.count,
            "changed": bar.changed,
            "low": bar.low,
            "at_low": _where(bar.at_low),
            "high": bar.high,
            "at_high": _where(bar.at_high),
            "ci_low": bar.ci_low,
            "ci_high": bar.ci_high,
        }
        for bar in found.bars
    ]
    rows += [
        {
            "row": "changing",
            "kind": bar.kind,
            "name": analysis_name(item.analysis),
            "low": item.estimate,
            "high": item.estimate,
            "ci_low": item.ci_low,
            "ci_high": item.ci_high,
        }
        for bar in found.bars
        for item in bar.changing
    ]
    rows += [{"row": item.kind, "value": item.value} for item in found.conclusions]
    for flip in found.flips:
        for side, change in (("below", flip.below), ("above", flip.above)):
            if change is not None:
                rows.append({"row": f"flip {side}", "kind": flip.assumption, "value": change.value})
    return csv_text(CSV_COLUMNS, rows)


def _where(name: str) -> str:
    return analysis_name(name) if name else _PRIMARY
