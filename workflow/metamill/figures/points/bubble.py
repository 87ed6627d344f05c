"""The bubble plot: effects against a moderator with the line of a meta-regression, or by level."""

from collections.abc import Iterable, Sequence
from math import inf, isfinite

from metamill.config.settings import Display
from metamill.explored.regression import Regression, RegressionMean, RegressionPoint
from metamill.figures.axes.axis import visible_range
from metamill.figures.axes.effect_words import bounds_of
from metamill.figures.axes.panel import Panel, Side, frame
from metamill.figures.colours import tint
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Canvas, Circle, Curve, Polygon, Primitive, Text
from metamill.figures.page.text import clean
from metamill.figures.points.bubble_levels import MANY, level_block, radius_of
from metamill.figures.points.bubble_words import (
    axis_words,
    bubble_alt,
    bubble_caption,
    bubble_csv,
    moderator_name,
    outside_words,
    panels_of,
    regression_words,
)
from metamill.figures.points.marks import along
from metamill.figures.points.names import names_near, unnamed_words
from metamill.figures.review.paging import NOTHING, Block, Strip, pages
from metamill.figures.style import Style
from metamill.results import Result
from metamill.wording import result_format


def bubble(result: Result, display: Display, style: Style) -> Drawn:
    """A page for each moderator: a numeric one with its line, a factor as a strip per level.

    Why a moderator has no regression is said under the last page and in the caption.
    """
    title = f"Bubble plot: {clean(display.title).rstrip('.')}"
    found = result.regressions
    fitted = [panel for item in found if item.coefficients for panel in panels_of(item)]
    if not fitted:
        reasons = [_refusal(item) for item in found] or ["no moderator is given"]
        return not_drawn(title, "; ".join(reasons), display.width_mm, style)
    refusals = [f"Not drawn: {_refusal(item)}." for item in found if not item.coefficients]
    made: list[Canvas] = []
    for number, item in enumerate(fitted, start=1):
        draw = _numeric_block if item.kind == "numeric" else level_block
        block, notes = draw(item, result, display, style)
        said = [*regression_words(item, result, style), *notes]
        said += refusals if number == len(fitted) else []
        made += pages((block,), said, display.width_mm, display.height_mm, style)
    told = "".join(f" {words}" for words in refusals)
    caption = bubble_caption(title, result, fitted).rstrip() + told + "\n"
    alt = bubble_alt(title, result, fitted, style).rstrip() + told + "\n"
    return Drawn(tuple(made), bubble_csv(result), caption, alt)


def _refusal(item: Regression) -> str:
    reason = item.notes[0] if item.notes else "there is no regression"
    return f"{moderator_name(item)}: {reason}"


def _numeric_block(
    item: Regression, result: Result, display: Display, style: Style
) -> tuple[Block, list[str]]:
    """Axes, bands, studies, line and names; and notes."""
    high = min(95.0, max(45.0, 0.6 * display.width_mm), 0.6 * display.height_mm)
    right = display.width_mm - style.margin_mm - style.gap_mm
    box = (style.margin_mm, 1.0, right, 1.0 + high)
    panel, axes = frame(*_sides(item, result, display), box, style)
    axes, rows = _apart(axes, display.width_mm), result.rows
    ordered = sorted(item.points, key=lambda p: (-p.weight, p.row))
    points = [circle for p in ordered for circle in _point(p, item, panel, style)]
    outside = sum(not panel.holds(p.x or 0.0, p.estimate) for p in ordered)
    bands = [*_bands(item.means, panel, style), *_null(result, panel, style)]
    line = list(_line(item.means, panel, style))
    marks = [((circle.x, circle.y), circle.radius) for circle in points]
    taken = along((*bands[1:], *line, *axes))
    taken += [text.box for text in axes if isinstance(text, Text)]
    named = sorted(ordered, key=lambda p: (_inside(p, item.means), -_away(p, item.means, panel)))
    wanted = [
        (panel.at(p.x or 0.0, p.estimate), radius_of(p.weight, item.points), rows[p.row].label)
        for p in named
    ]
    area = (panel.box[0], 0.0, display.width_mm - style.margin_mm, panel.box[3] - 0.5)
    names, without = names_near(wanted[:MANY], marks, area, style, taken)
    without += [name for _, _, name in wanted[MANY:]]
    notes = outside_words(result, outside)
    notes += unnamed_words(result, without, len(ordered))
    items = (*bands, *axes, *points, *line, *names)
    return Block(NOTHING, (Strip(box[3], items),)), notes


def _apart(items: Sequence[Primitive], width_mm: float) -> list[Primitive]:
    """Axes without the labels of x that touch one of y in the corner or leave the page."""
    ticks = [i for i in items if isinstance(i, Text) and i.role == "tick label"]
    beside = [text.box for text in ticks if text.align == "right"]

    def bad(text: Text) -> bool:
        left, top, right, _ = text.box
        corner = any(left < b[2] and b[0] < right and top < b[3] for b in beside)
        return text.align == "center" and (corner or right > width_mm)

    dropped = [text for text in ticks if bad(text)]
    return [item for item in items if item not in dropped]


def _sides(item: Regression, result: Result, display: Display) -> tuple[Side, Side]:
    log = result.measure.log_axis
    xs = [p.x for p in item.points if p.x is not None]
    room = 0.04 * (max(xs) - min(xs))
    studies = [(p.estimate, p.estimate, p.estimate) for p in item.points]
    limits = [x for mean in item.means for x in (mean.ci_low, mean.ci_high)]
    far = [x for m in item.means for x in (m.pi_low, m.pi_high) if x is not None]
    required = [mean.mean for mean in item.means]
    low, high = visible_range(studies, [*limits, *far], required, log) or (0.0, 1.0)
    factor = result_format(result).factor
    bounds = bounds_of(result.measure, display)
    side = Side(low, high, axis_words(result), log, factor, bounds=bounds)
    ends = (min(xs) - room, max(xs) + room)
    return Side(*ends, moderator_name(item), bounds=ends), side


def _away(point: RegressionPoint, means: Sequence[RegressionMean], panel: Panel) -> float:
    """How many mm above or below the line a point would lie; beyond the axis first."""
    near = min(means, key=lambda m: abs((m.x or 0.0) - (point.x or 0.0)))
    if panel.y.beyond(point.estimate):
        return inf
    return abs(panel.y.position(point.estimate) - panel.y.position(near.mean))


def _inside(point: RegressionPoint, means: Sequence[RegressionMean]) -> bool:
    """Whether a point lies where new studies are expected; those outside are named first."""
    near = min(means, key=lambda m: abs((m.x or 0.0) - (point.x or 0.0)))
    if near.pi_low is None or near.pi_high is None:
        return True
    return near.pi_low <= point.estimate <= near.pi_high


def _point(
    point: RegressionPoint, item: Regression, panel: Panel, style: Style
) -> Iterable[Circle]:
    assert point.x is not None
    x, y = panel.at(point.x, point.estimate)
    inside = panel.holds(point.x, point.estimate)
    fill = tint(style.accent, 0.55) if inside else style.paper
    yield Circle(
        x,
        y,
        radius_of(point.weight, item.points),
        fill,
        style.accent,
        style.thin_width,
        "study",
    )


def _bands(means: Sequence[RegressionMean], panel: Panel, style: Style) -> Iterable[Primitive]:
    lower = [panel.at(m.x or 0.0, m.ci_low) for m in means if isfinite(m.ci_low)]
    upper = [panel.at(m.x or 0.0, m.ci_high) for m in means if isfinite(m.ci_high)]
    yield Polygon((*lower, *reversed(upper)), tint(style.accent, 0.15), role="interval band")


def _line(means: Sequence[RegressionMean], panel: Panel, style: Style) -> Iterable[Curve]:
    line = [(m.x or 0.0, m.mean) for m in means]
    yield from panel.line(line, style.interval_width * 1.4, style.accent, "regression line")
    for side in ("pi_low", "pi_high"):
        known = [(m.x or 0.0, getattr(m, side)) for m in means if getattr(m, side) is not None]
        shown = [(x, y) for x, y in known if not panel.y.log or y > 0]
        if len(shown) > 1:
            yield from panel.line(shown, style.rule_width, style.accent, "prediction", (3.0, 2.0))


def _null(result: Result, panel: Panel, style: Style) -> Iterable[Curve]:
    null = result.measure.null
    if null is not None and panel.y.beyond(null) == 0:
        ends = [(panel.x.low, null), (panel.x.high, null)]
        yield from panel.line(ends, style.rule_width, style.soft, "null", (1.0, 1.5))
