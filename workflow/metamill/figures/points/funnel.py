"""Funnel plots: effects against their standard errors, or proportions against their sizes."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist

from metamill.config.figures import FIGURES
from metamill.config.settings import Display
from metamill.figures.axes.directions import sides_of
from metamill.figures.axes.effect_words import informative_studies, null_words, studies_words
from metamill.figures.axes.plane import Plane, plane
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Box, Canvas, Line, Point, Polygon, Primitive, rectangle
from metamill.figures.page.text import clean
from metamill.figures.points.funnel_plan import BY_SIZE, Funnel, axes_of, plan_of
from metamill.figures.points.funnel_words import (
    LEVELS,
    funnel_alt,
    funnel_caption,
    funnel_csv,
    funnel_notes,
)
from metamill.figures.points.marks import (
    REGION_MM,
    Entry,
    Row,
    above_directions,
    filled_pages,
    legend_rows,
    line_entry,
    looks,
    marker,
    note_rows,
    outside_marker,
    settled,
    study_marker,
)
from metamill.figures.style import Style
from metamill.figures.subgroups import first_levels
from metamill.results import Effect, Result
from metamill.wording import capital, level_text

FEWEST = FIGURES["funnel"].least
REST = "Not in a subgroup"
REGIONS = ("p > 0.10", "p 0.10 to 0.05", "p 0.05 to 0.01", "p < 0.01")
"""The contours in words, from no effect outwards."""


def funnel(result: Result, display: Display, style: Style) -> Drawn:
    """Effects against standard errors with the pseudo confidence limits of the pooled estimate.

    Proportions and rates of one group are drawn against their size, without limits. With fewer
    than ten studies: the reason why there is none.
    """
    return _funnel(result, display, style, contours=False)


def funnel_contour(result: Result, display: Display, style: Style) -> Drawn:
    """The funnel plot over regions of significance around no effect (Peters et al. 2008).

    Not drawn for a measure without a value of no effect, or with fewer than ten studies.
    """
    return _funnel(result, display, style, contours=True)


def _funnel(result: Result, display: Display, style: Style, contours: bool) -> Drawn:
    figure = FIGURES["funnel_contour" if contours else "funnel"]
    title = f"{figure.title}: {clean(display.title).rstrip('.')}"
    plan = plan_of(result)
    reason = _why_not(plan, contours)
    if reason:
        return not_drawn(title, reason, display.width_mm, style)
    levels = first_levels(result)
    kinds = list(dict.fromkeys(levels.get(e.row, REST) for e, _, _ in plan.points))
    look = looks(kinds, style)
    sides, favoured = axes_of(plan), sides_of(result, display)
    legend = legend_rows([*_entries(plan, levels, look, style)], display, style)
    if contours:
        keys = zip(REGIONS, style.regions, strict=True)
        regions = [_region_entry(text, colour, style) for text, colour in keys]
        legend += legend_rows(regions, display, style)
    held: list[Plane] = []

    def draw(box: Box) -> list[Primitive]:
        at, axes = above_directions(favoured, box, style, lambda inner: plane(*sides, inner, style))
        held.append(at)
        items = [*_regions(plan, at, style)] if contours else []
        items += [*_lines(plan, at, style), *axes]
        for effect, x, y in sorted(plan.points, key=lambda point: bool(point[0].flags)):
            shape, colour = look[levels.get(effect.row, REST)]
            items.append(_mark(effect, x, y, at, shape, colour, style))
        return items

    def compose(notes: tuple[str, ...]) -> tuple[tuple[Canvas, ...], tuple[str, ...]]:
        rows: list[Row] = note_rows(notes, display, style)
        wanted = min(0.62 * display.width_mm, 100.0)
        pages = filled_pages(draw, wanted, legend, rows, display, style)
        return pages, funnel_notes(plan, held[-1])

    pages, notes = settled(compose)
    words = funnel_alt(plan, title, contours, style), funnel_caption(plan, title, contours, style)
    return Drawn(
        pages,
        funnel_csv(plan, held[-1], levels),
        " ".join((words[1], *notes)),
        " ".join((words[0], *notes)),
    )


def _why_not(plan: Funnel, contours: bool) -> str:
    measure, k = plan.result.measure, informative_studies(plan.result)
    if contours and (measure.null is None or measure.family in BY_SIZE):
        return "this measure has no value of no effect around which contours could lie"
    if k < FEWEST:
        few = f"fewer than {FEWEST} studies ({studies_words(k)})"
        return f"with {few} chance alone can make it asymmetric"
    if not plan.points:
        return "no study has both an effect and its standard error or size"
    return ""


def _mark(
    effect: Effect, x: float, y: float, at: Plane, shape: str, colour: str, style: Style
) -> Primitive:
    towards = at.outward(x, y)
    if towards != (0, 0):
        return outside_marker(at.at(x, y), towards, style.point_mm, style)
    return study_marker(shape, at.at(x, y), bool(effect.flags), colour, style)


def _entries(
    plan: Funnel,
    levels: Mapping[int, str],
    look: Mapping[str, tuple[str, str]],
    style: Style,
) -> Iterator[Entry]:
    if plan.centre is not None:
        yield line_entry("Pooled estimate", style.rule_width, style.accent, (3.0, 2.0))
        if not plan.by_size:
            level = level_text(plan.result.primary.settings).removesuffix(" CI")
            words = f"Pseudo {level} limits"
            yield line_entry(words, style.rule_width, style.accent, (1.5, 1.5))
    if plan.null is not None:
        yield line_entry(capital(null_words(plan.result)), style.rule_width, style.line)
    if levels:
        for kind, (shape, colour) in look.items():
            yield _shape_entry(kind, shape, colour, style)


def _shape_entry(words: str, shape: str, colour: str, style: Style) -> Entry:
    def sample(box: Box) -> list[Primitive]:
        at = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        radius = style.point_mm / 2
        return [marker(shape, at, radius, colour, style.paper, style.thin_width, "legend mark")]

    return Entry(sample, words, style.point_mm)


def _region_entry(words: str, colour: str, style: Style) -> Entry:
    def sample(box: Box) -> list[Primitive]:
        return [rectangle(box, colour, style.line, style.thin_width, "legend region")]

    return Entry(sample, words, REGION_MM)


def _lines(plan: Funnel, at: Plane, style: Style) -> Iterator[Primitive]:
    _, top, _, bottom = at.box
    for value, colour, dash, role in (
        (plan.null, style.line, (), "null"),
        (plan.centre, style.accent, (3.0, 2.0), "estimate"),
    ):
        if value is not None and at.outward(value, _inside(at))[0] == 0:
            x = at.at(value, _inside(at))[0]
            yield Line(x, top, x, bottom, style.rule_width, colour, dash, role)
    if plan.centre is not None and not plan.by_size:
        deepest = max(at.panel.y.low, at.panel.y.high) * at.y_unit
        for end in plan.limits(deepest, plan.centre, plan.quantile):
            yield from at.line(
                [(plan.centre, 0.0), (end, deepest)],
                style.rule_width, style.accent, "limit", (1.5, 1.5),
            )  # fmt: skip


def _inside(at: Plane) -> float:
    """A height within the panel."""
    return at.panel.y.low * at.y_unit


def _regions(plan: Funnel, at: Plane, style: Style) -> Iterator[Primitive]:
    """Cones around no effect, the widest first: inside a cone p is above its level."""
    if plan.null is None:
        return
    box = at.box
    outermost = style.regions[len(LEVELS)]
    yield rectangle(box, outermost, role="region p < 0.01")
    deepest = max(at.panel.y.low, at.panel.y.high) * at.y_unit
    for index in range(len(LEVELS) - 1, -1, -1):
        quantile = NormalDist().inv_cdf(1 - LEVELS[index] / 2)
        low, high = plan.limits(deepest, plan.null, quantile)
        apex = at.place(plan.null, 0.0)
        base = (at.place(low, deepest), at.place(high, deepest))
        shape = clipped((apex, base[1], base[0]), box[0], box[2])
        if len(shape) > 2:
            yield Polygon(tuple(shape), style.regions[index], role=f"region p > {LEVELS[index]:g}")


def clipped(points: Sequence[Point], left: float, right: float) -> list[Point]:
    """A polygon without what lies left of `left` and right of `right`; convex polygons only."""
    kept = list(points)
    for edge, sign in ((left, 1), (right, -1)):
        found: list[Point] = []
        for (x1, y1), (x2, y2) in zip(kept[-1:] + kept[:-1], kept, strict=True):
            first, second = sign * (x1 - edge) >= 0, sign * (x2 - edge) >= 0
            if first != second:
                share = (edge - x1) / (x2 - x1)
                found.append((edge, y1 + share * (y2 - y1)))
            if second:
                found.append((x2, y2))
        kept = found
        if not kept:
            break
    return kept
