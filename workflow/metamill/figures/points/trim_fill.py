"""A funnel plot with the studies that trim and fill adds, and both means."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from metamill.config.settings import Display
from metamill.explored.small_study import AdjustedEstimate, FilledStudy, Filling
from metamill.figures.axes.directions import sides_of
from metamill.figures.axes.plane import Plane, plane
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Box, Canvas, Line, Primitive
from metamill.figures.points.funnel_plan import Funnel, axes_of, plan_of
from metamill.figures.points.marks import (
    SHAPES,
    Entry,
    above_directions,
    filled_pages,
    legend_rows,
    line_entry,
    marker,
    note_rows,
    outside_marker,
    settled,
    study_marker,
)
from metamill.figures.points.small_study import why_not
from metamill.figures.points.small_study_words import (
    FILLED_COLUMNS,
    filled_caption,
    filling_words,
    told_estimate,
)
from metamill.figures.refits.words import figure_title
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Effect, Result
from metamill.wording import level_text, result_format

Point = tuple[Effect, float, float]


def trim_fill(result: Result, display: Display, style: Style) -> Drawn:
    """Effects against standard errors with the reflections by L0, or the reason why there are none.

    Dashed: the pooled estimate; solid: that with the studies filled in, about which the pseudo
    limits lie.
    """
    title = figure_title("Funnel plot with studies filled in", display)
    found = result.explored.small_study
    if found is None or not found.fillings or found.baseline is None:
        reasons = [] if found is None else [e for e in found.adjusted if e.code == "trim_fill_l0"]
        reason = reasons[0].refused if reasons and reasons[0].refused else why_not(found)
        return not_drawn(title, reason, display.width_mm, style)
    shown, *others = found.fillings
    code = f"trim_fill_{shown.estimator.lower()}"
    mean = next(e for e in found.adjusted if e.code == code)
    plan = _plan(result, found.baseline)
    filled = [_point(item, plan) for item in shown.studies]
    centre = mean.estimate if plan.way.straight else mean.mu
    assert centre is not None
    sides, favoured = (
        axes_of(replace(plan, points=(*plan.points, *filled)))[:2],
        sides_of(result, display),
    )
    legend = legend_rows([*_entries(result, style)], display, style)
    held: list[Plane] = []

    def draw(box: Box) -> list[Primitive]:
        at, axes = above_directions(favoured, box, style, lambda inner: plane(*sides, inner, style))
        held.append(at)
        items = [*_lines(plan, centre, at, style), *axes]
        items += [_mark(point, at, True, style) for point in filled]
        items += [_mark(point, at, False, style) for point in plan.points]
        return items

    def compose(notes: tuple[str, ...]) -> tuple[tuple[Canvas, ...], tuple[str, ...]]:
        rows = note_rows(notes, display, style)
        wanted = min(0.62 * display.width_mm, 100.0)
        pages = filled_pages(draw, wanted, legend, rows, display, style)
        return pages, tuple(_notes(shown, others, [*plan.points, *filled], held[-1]))

    pages, notes = settled(compose)
    form = result_format(result)
    means = [told_estimate(item, form) for item in (found.baseline, mean)]
    caption = filled_caption(result, title, shown, others, means)
    alt = (
        f"{title}. {len(plan.points)} studies and {shown.k0} filled in on the {shown.side}. "
        f"Pooled estimate {means[0]}; with the studies filled in {means[1]}."
    )
    return Drawn(
        pages,
        _csv(result, plan, shown, filled, centre, held[-1]),
        " ".join((caption, *notes)),
        " ".join((alt, *notes)),
    )


def _plan(result: Result, baseline: AdjustedEstimate) -> Funnel:
    """The funnel about the pool of these effects, whatever the primary analysis is."""
    plan = plan_of(result)
    return replace(plan, centre=baseline.estimate if plan.way.straight else baseline.mu)


def _point(item: FilledStudy, plan: Funnel) -> Point:
    effect = Effect(item.row, item.yi, item.vi, item.estimate, item.estimate, item.estimate, None)
    return effect, item.estimate if plan.way.straight else item.yi, item.vi**0.5


def _mark(point: Point, at: Plane, filled: bool, style: Style) -> Primitive:
    _, x, y = point
    towards = at.outward(x, y)
    if towards != (0, 0):
        return outside_marker(at.at(x, y), towards, style.point_mm, style)
    return study_marker(SHAPES[0], at.at(x, y), filled, style.accent, style)


def _entries(result: Result, style: Style) -> Iterator[Entry]:
    for words, hollow in (("Study", False), ("Filled in", True)):

        def sample(box: Box, hollow: bool = hollow) -> list[Primitive]:
            at = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            radius, edge = style.point_mm / 2, style.accent if hollow else style.paper
            fill, line = (
                (style.paper, style.interval_width) if hollow else (style.accent, style.thin_width)
            )
            return [marker(SHAPES[0], at, radius, fill, edge, line, "legend mark")]

        yield Entry(sample, words, style.point_mm)
    yield line_entry("Pooled estimate", style.rule_width, style.accent, (3.0, 2.0))
    yield line_entry("With studies filled in", style.rule_width, style.accent)
    level = level_text(result.primary.settings).removesuffix(" CI")
    yield line_entry(f"Pseudo {level} limits", style.rule_width, style.accent, (1.5, 1.5))


def _lines(plan: Funnel, centre: float, at: Plane, style: Style) -> Iterator[Primitive]:
    _, top, _, bottom = at.box
    inside = at.panel.y.low * at.y_unit
    for value, colour, dash, role in (
        (plan.null, style.line, (), "null"),
        (plan.centre, style.accent, (3.0, 2.0), "estimate"),
        (centre, style.accent, (), "estimate filled"),
    ):
        if value is not None and at.outward(value, inside)[0] == 0:
            x = at.at(value, inside)[0]
            yield Line(x, top, x, bottom, style.rule_width, colour, dash, role)
    deepest = max(at.panel.y.low, at.panel.y.high) * at.y_unit
    for end in plan.limits(deepest, centre, plan.quantile):
        yield from at.line(
            [(centre, 0.0), (end, deepest)], style.rule_width, style.accent, "limit", (1.5, 1.5)
        )


def _notes(shown: Filling, others: list[Filling], points: list[Point], at: Plane) -> Iterator[str]:
    yield f"{'. '.join(filling_words(item) for item in (shown, *others))}."
    outside = sum(at.outward(x, y) != (0, 0) for _, x, y in points)
    if outside:
        yield f"Triangles at the edge point to studies beyond the axes: {outside}."


def _csv(
    result: Result, plan: Funnel, shown: Filling, filled: list[Point], centre: float, at: Plane
) -> str:
    """The plotted numbers: x and y of studies and reflections, and both means."""
    rows: list[dict[str, Any]] = []
    for kind, points in (("study", plan.points), ("filled in", filled)):
        for effect, x, y in points:
            row = result.rows[effect.row]
            rows.append(
                {"row": kind, "study": row.study, "label": row.label, "x": x, "y": y}
                | {"estimate": effect.estimate, "inside": at.outward(x, y) == (0, 0)}
            )
    rows.append({"row": "pooled", "x": plan.centre})
    rows.append({"row": "pooled with studies filled in", "x": centre})
    return csv_text(FILLED_COLUMNS, rows)
