"""The radial plot (Galbraith 1988): standardised effects against precision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

from metamill.config.figures import FIGURES
from metamill.config.settings import Display
from metamill.figures.axes.axis import linear_axis, log_axis, log_tick_texts, tick_decimals
from metamill.figures.axes.effect_words import (
    Way,
    corrected_note,
    effect_label,
    factor_of,
    finite_effects,
    flag_notes,
    interval_words,
    label_of,
    model_label,
    model_sentence,
    pooled_words,
    rows_words,
    way_of,
)
from metamill.figures.axes.panel import Side, names_beside
from metamill.figures.axes.plane import Plane, core_range, plane, right_axis, right_room
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Box, Canvas, Line, Point, Primitive
from metamill.figures.points.marks import (
    along,
    filled_pages,
    legend_rows,
    line_entry,
    listed,
    marker,
    note_rows,
    outside_marker,
    settled,
)
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Effect, Result
from metamill.wording import capital, number_text

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
    title = f"{FIGURES['radial'].title}: {display.title}"
    pooled = result.primary.pooled
    usable = finite_effects(result.primary.effects)
    reason = ""
    if pooled.k < FIGURES["radial"].least or len(usable) < 2:
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
        tuple(e for e in result.primary.effects if id(e) not in kept),
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
    held: list[tuple[Plane, list[str]]] = []

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
        names, without = _names(plot, at, items, style)
        held.append((at, without))
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
        " ".join((_caption(plot, title), *notes)),
        " ".join((_alt(plot, title), *notes)),
    )


def _high(at: Plane) -> float:
    return at.box[3] - at.box[1]


def _sides(plot: _Radial) -> tuple[Side, Side]:
    xs, ys = [x for _, x, _ in plot.points], [y for _, _, y in plot.points]
    widest = core_range(xs, max(xs) / 10, [0.0], 0.0)[1]
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
    fill, edge = (style.paper, style.accent) if effect.flags else (style.accent, style.paper)
    width = style.interval_width if effect.flags else style.thin_width
    return marker("circle", at.at(x, y), style.point_mm / 2, fill, edge, width, "study")


def _label(plot: _Radial) -> str:
    if plot.way.straight:
        return effect_label(plot.result, plot.way.scale.name == "log")
    return f"{capital(model_label(plot.result, plot.way))} (model scale)"


def _scale_ticks(plot: _Radial, at: Plane) -> list[tuple[float, str]]:
    """The effects that a line from the origin reads off on the right: (y in mm, text)."""
    end = at.panel.x.high * at.x_unit
    low, high = (value * at.y_unit / end for value in (at.panel.y.low, at.panel.y.high))
    found: list[tuple[float, str]] = []
    natural = plot.way.straight
    if natural and plot.way.scale.name == "log":
        if high - low < 600 and max(abs(low), abs(high)) < 300:
            axis = log_axis(plot.way.natural(low), plot.way.natural(high), 0.0, _high(at))
            found = [*zip(axis.ticks, log_tick_texts(axis), strict=True)]
            inside = [tick for tick in axis.ticks if low <= plot.way.model(tick) <= high]
            if len(inside) < 3:
                found = _even(plot.way.natural(low), plot.way.natural(high), 1, at)
        found = [(plot.way.model(tick), text) for tick, text in found if tick > 0]
    else:
        found = _even(low, high, factor_of(plot.result.measure) if natural else 1, at)
    return [(at.place(end, tick * end)[1], text) for tick, text in found if low <= tick <= high]


def _even(low: float, high: float, factor: int, at: Plane) -> list[tuple[float, str]]:
    axis = linear_axis(low, high, 0.0, _high(at))
    decimals = tick_decimals(axis, factor)
    return [(tick, number_text(tick, decimals, factor)) for tick in axis.ticks]


def _names(
    plot: _Radial, at: Plane, items: Sequence[Primitive], style: Style
) -> tuple[list[Primitive], list[str]]:
    """The names of studies outside the band, the farthest first, where there is room."""
    radius = style.point_mm / 2
    beyond = [
        (abs(y - plot.slope * x), at.at(x, y), label_of(plot.result, effect))
        for effect, x, y in plot.points
        if not plot.in_band(x, y) and at.outward(x, y) == (0, 0)
    ]
    beyond.sort(key=lambda item: -item[0])
    taken = [_around(at.at(x, y), radius) for _, x, y in plot.points]
    taken += along(item for item in items if item.role in ("estimate", "band", "zero"))
    _, top, right, bottom = at.box
    area = (at.box[0] + 0.5, top, right - 0.5, bottom - 0.5)
    texts, without = names_beside(
        [(place, name) for _, place, name in beyond], area, style, taken, radius
    )
    return [*texts], without


def _around(at: Point, radius: float) -> Box:
    return at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius


def _notes(plot: _Radial, at: Plane, without: Sequence[str]) -> Iterable[str]:
    yield from flag_notes([effect for effect, _, _ in plot.points], "Hollow")
    yield from corrected_note(plot.result, plot.way, [effect for effect, _, _ in plot.points])
    outside = [label_of(plot.result, e) for e, x, y in plot.points if at.outward(x, y) != (0, 0)]
    if outside:
        yield f"Triangles at the edge point to studies beyond the axes: {listed(outside)}."
    if without:
        yield f"Outside the band, without room for the name: {listed(without)}."
    if plot.without:
        names = [label_of(plot.result, effect) for effect in plot.without]
        yield f"Not drawn, the standard error is zero or unknown: {listed(names)}."


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
    for effect in plot.without:
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


def _caption(plot: _Radial, title: str) -> str:
    name = model_label(plot.result, plot.way)
    scale = "" if plot.way.straight else ", on the scale of the model"
    return (
        f"{title}. Each circle is a study: its {name} divided by its standard error, against one "
        "divided by the standard error, so that precise studies lie to the right. The line from "
        f"the origin has the pooled effect as its slope, {interval_words(plot.result)}. Dashed: "
        "two standard errors above and below it, where about 95% of studies would lie if all had "
        "the same true effect. A line from the origin through a study meets the right axis at "
        f"its effect{scale}. {model_sentence(plot.result)}"
    )


def _alt(plot: _Radial, title: str) -> str:
    beyond = [label_of(plot.result, e) for e, x, y in plot.points if not plot.in_band(x, y)]
    named = f" ({listed(beyond)})" if beyond else ""
    return (
        f"{title}. Scatter plot of {rows_words(plot.result)}: effect divided by its standard error "
        f"against precision. {capital(pooled_words(plot.result))}, the slope of the line. "
        f"Outside the band of two standard errors: {len(beyond)} of {len(plot.points)}{named}."
    )
