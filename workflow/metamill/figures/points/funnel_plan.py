"""What a funnel plot shows before anything has a place: its points, its lines and its axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, log, sqrt
from statistics import NormalDist, median

from metamill.figures.axes.effect_words import (
    Way,
    bounds_of,
    effect_label,
    factor_of,
    heard,
    model_label,
    way_of,
)
from metamill.figures.axes.panel import Side
from metamill.figures.axes.plane import core_range
from metamill.results import Effect, Result
from metamill.wording import capital, unit_words

BY_SIZE = ("proportion", "rate")
"""Families whose standard errors depend on the effect itself, so that sizes are drawn."""
FARTHEST = 20.0
"""A standard error so many times the median does not stretch the axis."""


@dataclass(frozen=True)
class Funnel:
    """The points of a funnel plot: (effect, x, y) with y its standard error or size."""

    result: Result
    way: Way
    points: tuple[tuple[Effect, float, float], ...]
    without: tuple[Effect, ...]
    by_size: bool
    log_x: bool
    log_y: bool
    centre: float | None
    null: float | None
    quantile: float

    def limits(self, se: float, middle: float, quantile: float) -> tuple[float, float]:
        """middle -+ quantile se, on the axis of effects; middle as shown there."""
        if not self.log_x:
            return middle - quantile * se, middle + quantile * se
        ends = (log(middle) - quantile * se, log(middle) + quantile * se)
        low, high = (min(max(end, -600.0), 600.0) for end in ends)
        return self.way.natural(low), self.way.natural(high)


def plan_of(result: Result) -> Funnel:
    """Points, lines and scales; `without` are studies of unknown size or standard error.

    Studies of which the pool learns nothing are neither.
    """
    primary, measure, way = result.primary, result.measure, way_of(result)
    by_size = measure.family in BY_SIZE
    log_x = measure.log_axis if by_size else way.straight and way.scale.name == "log"
    points, without = [], []
    for effect in heard(primary.effects):
        x = effect.estimate if by_size or way.straight else effect.yi
        y = _size(result, effect) if by_size else sqrt(effect.vi) if effect.vi >= 0 else None
        if y is None or not isfinite(x) or not isfinite(y) or (by_size and y <= 0):
            without.append(effect)
        else:
            points.append((effect, x, y))
    heights = [y for _, _, y in points]
    pooled = primary.pooled
    natural = by_size or way.straight
    centre = (pooled.estimate if natural else pooled.mu) if pooled.pooled else None
    null = None if by_size or measure.null is None else measure.null
    return Funnel(
        result,
        way,
        tuple(points),
        tuple(without),
        by_size,
        log_x,
        by_size and bool(heights) and max(heights) > 10 * min(heights),
        None if log_x and centre is not None and centre <= 0 else centre,
        null if natural or null is None else way.model(null),
        NormalDist().inv_cdf(0.5 + primary.settings["level"] / 200),
    )


def _size(result: Result, effect: Effect) -> float | None:
    """The units of a study, or its time at risk: of a rate, nothing else says how precise it is."""
    if result.measure.family == "proportion":
        return effect.size
    text = result.rows[effect.row].cells.get("time", "")
    found = [d.value for d in result.derived if d.row == effect.row and d.column == "time"]
    try:
        return float(text) if text else found[0]
    except (ValueError, IndexError):
        return None


def axes_of(plan: Funnel) -> tuple[Side, Side]:
    """The two axes: around most studies, no effect, and as much of the limits as has room."""
    measure = plan.result.measure
    xs, ys = [x for _, x, _ in plan.points], [y for _, _, y in plan.points]
    x_log = [log(x) for x in xs if x > 0] if plan.log_x else xs
    middle = [m for m in (plan.centre, plan.null) if m is not None]
    always = [log(m) for m in middle if m > 0] if plan.log_x else middle
    if plan.by_size:
        low, high = core_range(x_log, 0.0 if len(set(x_log)) > 2 else 1.0, always)
        low = 0.0 if measure.family == "proportion" and not plan.log_x else low
    else:
        typical = 2 * plan.quantile * median(ys)
        low, high = core_range(x_log, typical, always)
        tallest = _tallest(ys)
        middle_of = always[0] if plan.centre is not None and always else None
        if middle_of is not None:
            # the funnel's own base, as far as it leaves the points at least a third of the width
            reach, span = plan.quantile * tallest, high - low
            low = min(low, max(middle_of - reach, low - span))
            high = max(high, min(middle_of + reach, high + span))
    if plan.log_x:
        low, high = (plan.way.natural(min(max(end, -300.0), 300.0)) for end in (low, high))
    natural = plan.by_size or plan.way.straight
    side = Side(
        low,
        high,
        effect_label(plan.result, plan.log_x) if natural else _model_axis(plan),
        plan.log_x,
        factor_of(measure) if natural else 1,
        bounds=bounds_of(measure) if natural and not plan.log_x else (-inf, inf),
    )
    return side, _height(plan, ys)


def _tallest(ses: Sequence[float]) -> float:
    """The largest standard error, but for one that would press all others to the top."""
    most = FARTHEST * median(ses) or inf
    return max(se for se in ses if se <= most)


def _model_axis(plan: Funnel) -> str:
    return f"{capital(model_label(plan.result, plan.way))} (model scale)"


def _height(plan: Funnel, ys: Sequence[float]) -> Side:
    if not plan.by_size:
        top = _tallest(ys) or 1.0
        words = f"Standard error of the {model_label(plan.result, plan.way)}"
        return Side(0.0, top, words, reverse=True, bounds=(0.0, inf))
    words = "Time at risk"
    if plan.result.measure.family == "proportion":
        words = f"Number of {unit_words(plan.result.unit)}"
    if plan.log_y:
        return Side(min(ys), max(ys), f"{words} (log scale)", log=True)
    return Side(0.0, max(ys) * 1.02, words, bounds=(0.0, inf))
