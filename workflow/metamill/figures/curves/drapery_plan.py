"""p-value functions of studies, of their mean and of a new study, as far as a result gives them."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isclose, isfinite, sqrt
from statistics import NormalDist

from scipy.special import stdtrit

from metamill.config.figures import FIGURES
from metamill.figures.axes.effect_words import (
    Way,
    bounds_of,
    finite_effects,
    heard,
    informative_studies,
    way_of,
)
from metamill.figures.curves.law import Law, law_of, study_counts
from metamill.results import Effect, Result

_AGREE = 1e-5

Interval = Callable[[float], tuple[float, float]]
"""The limits, as drawn, of all values whose p value is at least p."""


@dataclass(frozen=True)
class Drapery:
    """The curves of a drapery plot; `without` are studies that have no standard error."""

    result: Result
    way: Way
    studies: tuple[tuple[Effect, Interval], ...]
    without: tuple[Effect, ...]
    mean: Interval
    prediction: Interval | None
    why_no_prediction: str

    @property
    def doubtful(self) -> bool:
        """Whether too few studies stand behind the prediction."""
        return self.prediction is not None and self.result.primary.pooled.pi_doubtful

    @property
    def level(self) -> float:
        return float(self.result.primary.settings["level"])

    def possible(self, low: float, high: float) -> tuple[float, float]:
        """Limits as drawn without what lies beyond the possible values of the measure."""
        if not self.way.known:
            return low, high
        least, most = bounds_of(self.result.measure)
        return min(max(low, least), most), min(max(high, least), most)

    def natural(self, low: float, high: float) -> tuple[float, float]:
        """Limits of the model scale as drawn, the lower one first."""
        if not self.way.known:
            return low, high
        ends = self.way.natural(low), self.way.natural(high)
        return min(ends), max(ends)


def plan_of(result: Result) -> Drapery | str:
    """The curves of a drapery plot, or why there can be none."""
    pooled, way = result.primary.pooled, way_of(result)
    least = FIGURES["drapery"].least
    if pooled.k < least:
        return f"it takes {least} studies"
    if not pooled.pooled or pooled.mu is None or pooled.se is None or pooled.se <= 0:
        return "there is no pooled effect with a standard error"
    if informative_studies(result) < least:
        return f"it takes {least} studies with an event"
    df = _df(result, way)
    if df is None:
        return (
            "the interval of the mean is not its estimate and a quantile of standard errors, so "
            "that other levels do not follow from it"
        )
    known = heard(result.primary.effects)
    usable = finite_effects(known)
    kept = {id(effect) for effect in usable}
    without = tuple(e for e in known if id(e) not in kept)
    law = law_of(result) if way.known else "the natural scale has no way back from the model's"
    bare = Drapery(result, way, (), without, _none, None, "")

    def around(centre: float, se: float, freedom: float) -> Interval:
        def interval(p: float) -> tuple[float, float]:
            reach = _quantile(p, freedom) * se
            return bare.natural(centre - reach, centre + reach)

        return interval

    return Drapery(
        result,
        way,
        tuple((effect, around(effect.yi, sqrt(effect.vi), inf)) for effect in usable),
        without,
        around(pooled.mu, pooled.se, df),
        None if isinstance(law, str) else _predicted(law),
        law if isinstance(law, str) else "",
    )


def _none(p: float) -> tuple[float, float]:
    return 0.0, 0.0


def _predicted(law: Law) -> Interval:
    def interval(p: float) -> tuple[float, float]:
        reach = law.reach(100 * (1 - p)) if p < 1 else 0.0
        return law.scale.back(law.centre - reach), law.scale.back(law.centre + reach)

    return interval


def _quantile(p: float, df: float) -> float:
    """The quantile of which both tails together hold p."""
    if p >= 1:
        return 0.0
    return float(stdtrit(df, 1 - p / 2)) if isfinite(df) else NormalDist().inv_cdf(1 - p / 2)


def _df(result: Result, way: Way) -> float | None:
    """Degrees of freedom with which mu and se give the interval of the result; None: none do."""
    pooled, level = result.primary.pooled, result.primary.settings["level"]
    limits = (pooled.mu_low, pooled.mu_high, pooled.ci_low, pooled.ci_high)
    if None in limits or pooled.mu is None or not pooled.se or pooled.interval != "confidence":
        return None
    low, high, ci_low, ci_high = (float(x) for x in limits if x is not None)
    bounds = bounds_of(result.measure)
    for df in (inf, *(k - 1 for k in study_counts(result)), pooled.k - 2):
        if df < 1:
            continue
        reach = _quantile(1 - level / 100, df) * pooled.se
        ends = pooled.mu - reach, pooled.mu + reach
        near = _AGREE * reach
        if abs(ends[0] - low) > near or abs(ends[1] - high) > near:
            continue
        if not way.known:
            return float(df)
        drawn = sorted(min(max(way.natural(end), bounds[0]), bounds[1]) for end in ends)
        tolerance = _AGREE * (abs(drawn[1] - drawn[0]) or 1.0)
        pairs = zip(drawn, (ci_low, ci_high), strict=True)
        if all(isclose(a, b, rel_tol=_AGREE, abs_tol=tolerance) for a, b in pairs):
            return float(df)
    return None
