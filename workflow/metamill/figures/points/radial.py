"""The radial plot (Galbraith 1988): standardised effects against precision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

from metamill.config.figures import FIGURES
from metamill.config.settings import Display
from metamill.figures.axes.axis import Axis, linear_axis, log_axis
from metamill.figures.axes.effect_words import (
    Way,
    bounds_of,
    corrected_note,
    each_of,
    effect_label,
    factor_of,
    finite_effects,
    flag_notes,
    heard,
    informative_studies,
    interval_words,
    is_silent,
    label_of,
    model_label,
    model_sentence,
    noun_of,
    pooled_words,
    rows_words,
    silent_note,
    way_of,
)
from metamill.figures.axes.panel import Side
from metamill.figures.axes.plane import Plane, core_range, plane, right_axis, right_room
from metamill.figures.axes.spaced import FEWEST_TICKS, LOG
from metamill.figures.axes.ticks import tick_texts
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Box, Canvas, Line, Primitive, Text
from metamill.figures.page.text import clean
from metamill.figures.points.marks import (
    along,
    filled_pages,
    legend_rows,
    line_entry,
    listed,
    note_rows,
    outside_marker,
    settled,
    study_marker,
)
from metamill.figures.points.names import names_near, unnamed_words
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Effect, Result
from metamill.wording import capital, result_format

BAND = 2.0
"""The band reaches so far above and below the line, in standard errors."""
CSV_COLUMNS = "row,study,label,x,y,estimate,flags,in_band,inside".split(",")


@dataclass(frozen=True)
class _Radial:
    """The points (effect, 1/se, y/se) and the slope of the line."""

    result: Result
    way: Way
    points: tuple[tuple[Effect, float, float], ...]
    without: tuple[Effect, ...]
    slope: float

    def in_band(self, x: float, y: float) -> bool:
        return abs(y - self.slope * x) <= BAND


def radial(result: Result, display: Display, style: Style) -> Drawn:
    """y/se against 1/se of every study, with the pooled effect as a line through the origin.

    Not drawn for fewer than three studies, or without a pooled effect on the model scale.
    """
    title = f"{FIGURES['radial'].title}: {clean(display.title).rstrip('.')}"
    pooled = result.primary.pooled
    known = heard(result.primary.effects)
    usable = finite_effects(known)
    reason = ""
    if informative_studies(result) < FIGURES["radial"].least or len(usable) < 2:
        reason = f"it takes {FIGURES['radial'].least} studies with a standard error"
    elif pooled.mu is None or not pooled.pooled:
        reason = "there is no pooled effect on the scale of the model"
    if reason or pooled.mu is None:
        return not_drawn(title, reason, display.width_mm, style)
    kept = {id(effect) for effect in usable}
    plot = _Radial(
        result,
        way_of(result),
        tuple((e, 1 / sqrt(e.vi), e.yi / sqrt(e.vi)) for e in usable),
        tuple(e for e in known if id(e) not in kept),
        pooled.mu,
    )
    return _drawn(plot, title, display, style)


def _drawn(plot: _Radial, title: str, display: Display, style: Style) -> Drawn:
    sides = _sides(plot)
    entries = (
        line_entry("Pooled effect", style.interval_width, style.accent),
        line_entry(f"Band of ±{BAND:g}", style.rule_width, style.accent, (3.0, 2.0)),
    )
    legend = legend_rows(entries, display, style)
    held: list[tuple[Plane, list[str], int]] = []

    def draw(box: Box) -> list[Primitive]:
        room = 14.0
        for _ in range(3):
            at, axes = plane(*sides, (box[0], box[1], box[2] - room, box[3]), style)
            ticks = _scale_ticks(plot, at)
            needed = right_room([text for _, text in ticks], _label(plot), _high(at), style)
            if abs(needed - room) < 1e-6:
                break
            room = needed
        axis = right_axis(at, ticks, _label(plot), box[2], style)
        items = [*_lines(plot, at, style), *axes, *axis]
        ordered = sorted(plot.points, key=lambda point: bool(point[0].flags))
        marks = [_mark(effect, x, y, at, style) for effect, x, y in ordered]
        names, without, of = _names(plot, at, items, box, style)
        held.append((at, without, of))
        return [*items, *marks, *names]

    def compose(notes: tuple[str, ...]) -> tuple[tuple[Canvas, ...], tuple[str, ...]]:
        rows = note_rows(notes, display, style)
        wanted = min(0.7 * display.width_mm, 110.0)
        pages = filled_pages(draw, wanted, legend, rows, display, style)
        return pages, tuple(_notes(plot, *held[-1]))

    pages, notes = settled(compose)
    return Drawn(
        pages,
        _table(plot, held[-1][0]),
        " ".join((_caption(plot, held[-1][0], title, style), *notes)),
        " ".join((_alt(plot, title, style), *notes)),
    )


def _high(at: Plane) -> float:
    return at.box[3] - at.box[1]


def _sides(plot: _Radial) -> tuple[Side, Side]:
    xs, ys = [x for _, x, _ in plot.points], [y for _, _, y in plot.points]
    widest = max(xs)
    ends = [plot.slope * widest - BAND, plot.slope * widest + BAND]
    low, high = core_range(ys, 10 * BAND, [-BAND, BAND, *(e for e in ends if isfinite(e))])
    name = model_label(plot.result, plot.way)
    return (
        Side(0.0, widest, f"1 / standard error of the {name}", bounds=(0.0, float("inf"))),
        Side(low, high, f"{capital(name)} / standard error"),
    )


def _lines(plot: _Radial, at: Plane, style: Style) -> Iterable[Primitive]:
    end = at.panel.x.high * at.x_unit
    if at.outward(0.0, 0.0) == (0, 0):
        left, y = at.at(0.0, 0.0)
        yield Line(left, y, at.box[2], y, style.thin_width, style.line, role="zero")
    for shift, width, dash, role in (
        (0.0, style.interval_width, (), "estimate"),
        (-BAND, style.rule_width, (3.0, 2.0), "band"),
        (BAND, style.rule_width, (3.0, 2.0), "band"),
    ):
        points = [(0.0, shift), (end, plot.slope * end + shift)]
        yield from at.line(points, width, style.accent, role, dash)


def _mark(effect: Effect, x: float, y: float, at: Plane, style: Style) -> Primitive:
    towards = at.outward(x, y)
    if towards != (0, 0):
        return outside_marker(at.at(x, y), towards, style.point_mm, style)
    return study_marker("circle", at.at(x, y), bool(effect.flags), style.accent, style)


def _label(plot: _Radial) -> str:
    if plot.way.straight:
        return effect_label(plot.result, plot.way.scale.name == "log")
    return f"{capital(model_label(plot.result, plot.way))} (model scale)"


def _scale_ticks(plot: _Radial, at: Plane) -> list[tuple[float, str]]:
    """The effects that a line from the origin reads off on the right: (y in mm, text).

    None beyond the possible values of the measure.
    """
    end = at.panel.x.high * at.x_unit
    low, high = (value * at.y_unit / end for value in (at.panel.y.low, at.panel.y.high))
    natural, measure = plot.way.straight, plot.result.measure
    if not natural:
        found = _labelled(linear_axis(low, high, 0.0, _high(at)), 1)
    else:
        factor, bounds = factor_of(measure), bounds_of(measure)
        low, high = max(low, plot.way.model(bounds[0])), min(high, plot.way.model(bounds[1]))
        if low >= high or (plot.way.scale is LOG and max(abs(low), abs(high)) >= 300):
            return []
        ends = plot.way.natural(low), plot.way.natural(high)
        axis = linear_axis(*ends, 0.0, _high(at), bounds)
        if plot.way.scale is LOG:
            round_log = log_axis(*ends, 0.0, _high(at))
            inside = [tick for tick in round_log.ticks if ends[0] <= tick <= ends[1]]
            axis = round_log if len(inside) >= FEWEST_TICKS else axis
        found = [(plot.way.model(tick), text) for tick, text in _labelled(axis, factor)]
    return [(at.place(end, tick * end)[1], text) for tick, text in found if low <= tick <= high]


def _labelled(axis: Axis, factor: int) -> list[tuple[float, str]]:
    return [*zip(axis.ticks, tick_texts(axis, factor), strict=True)]


def _names(
    plot: _Radial, at: Plane, items: Sequence[Primitive], box: Box, style: Style
) -> tuple[list[Primitive], list[str], int]:
    """The names of studies outside the band, the farthest first, and how many these are."""
    radius = style.point_mm / 2
    beyond = [
        (abs(y - plot.slope * x), at.at(x, y), label_of(plot.result, effect))
        for effect, x, y in plot.points
        if not plot.in_band(x, y) and at.outward(x, y) == (0, 0)
    ]
    beyond.sort(key=lambda item: -item[0])
    marks = [(at.at(x, y), radius) for _, x, y in plot.points]
    taken = along(item for item in items if item.role in _KEPT_FREE)
    taken += [item.box for item in items if isinstance(item, Text)]
    area = (at.box[0] + 0.5, box[1], box[2], at.box[3] - 0.5)
    texts, without = names_near(
        [(place, radius, name) for _, place, name in beyond], marks, area, style, taken
    )
    return texts, without, len(beyond)


_KEPT_FREE = ("estimate", "band", "zero", "axis", "tick")


def _notes(plot: _Radial, at: Plane, without: Sequence[str], of: int) -> Iterable[str]:
    yield from flag_notes([effect for effect, _, _ in plot.points], "Hollow")
    yield from corrected_note(plot.result, plot.way, [effect for effect, _, _ in plot.points])
    outside = [e for e, x, y in plot.points if at.outward(x, y) != (0, 0)]
    if outside:
        form = result_format(plot.result)
        told = [
            f"{label_of(plot.result, e)} ({form.text(e.estimate)}{form.suffix})" for e in outside
        ]
        yield (
            f"Triangles at the edge point to {noun_of(plot.result)} beyond the axes, whose effects "
            f"the right axis does not show: {listed(told)}."
        )
    yield from unnamed_words(plot.result, without, of, "outside the band")
    if plot.without:
        names = [label_of(plot.result, effect) for effect in plot.without]
        yield f"Not drawn, the standard error is zero or unknown: {listed(names)}."
    yield from silent_note(plot.result)


def _table(plot: _Radial, at: Plane) -> str:
    rows: list[dict[str, Any]] = [
        {
            "row": "study",
            "study": plot.result.rows[effect.row].study,
            "label": label_of(plot.result, effect),
            "x": x,
            "y": y,
            "estimate": effect.estimate,
            "flags": "; ".join(effect.flags),
            "in_band": plot.in_band(x, y),
            "inside": at.outward(x, y) == (0, 0),
        }
        for effect, x, y in plot.points
    ]
    silent = [effect for effect in plot.result.primary.effects if is_silent(effect)]
    for effect in (*plot.without, *silent):
        row = plot.result.rows[effect.row]
        rows.append({"row": "not drawn", "study": row.study, "label": row.label})
    rows.append(
        {
            "row": "pooled",
            "x": 1.0,
            "y": plot.slope,
            "estimate": plot.result.primary.pooled.estimate,
        }
    )
    return csv_text(CSV_COLUMNS, rows)


def _caption(plot: _Radial, at: Plane, title: str, style: Style) -> str:
    more = noun_of(plot.result)
    name = model_label(plot.result, plot.way)
    scale = "" if plot.way.straight else ", on the scale of the model"
    zero = "" if at.outward(0.0, 0.0) != (0, 0) else "Thin horizontal line: zero. "
    return (
        f"{title}. Each circle is {each_of(plot.result)}: its {name} divided by its standard "
        f"error, against one divided by the standard error, so that precise {more} lie to the "
        "right. The line from the origin has the pooled effect as its slope, "
        f"{interval_words(plot.result, style.brackets)}. Dashed: two standard errors above and "
        f"below it, where about 95% of {more} would lie if all had the same true effect. "
        f"{zero}A line from the origin through {each_of(plot.result)} meets the right "
        f"axis at its effect{scale}. {model_sentence(plot.result)}"
    )


def _alt(plot: _Radial, title: str, style: Style) -> str:
    beyond = [label_of(plot.result, e) for e, x, y in plot.points if not plot.in_band(x, y)]
    named = f" ({listed(beyond)})" if beyond else ""
    pooled = capital(pooled_words(plot.result, style.brackets))
    return (
        f"{title}. Scatter plot of {rows_words(plot.result)}: effect divided by its standard error "
        f"against precision. {pooled}, the slope of the line. "
        f"Outside the band of two standard errors: {len(beyond)} of {len(plot.points)}{named}."
    )
