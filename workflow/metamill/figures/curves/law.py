"""The distribution of true effects that an analysis implies, found again from its limits."""

from dataclasses import dataclass
from math import exp, inf, isclose, isfinite, lgamma, log, log1p, pi, sqrt

from scipy.special import ndtr, ndtri, stdtr, stdtrit

from metamill.figures.axes.effect_words import bounds_of, is_silent
from metamill.figures.axes.spaced import (
    ARCSINE,
    CLOGLOG,
    FISHER,
    IDENTITY,
    LOG,
    LOGIT,
    ROOT,
    Scale,
)
from metamill.results import MeasureText, Pooled, Result
from metamill.wording import EQUAL_EFFECTS

_SCALES = {
    "PLO": LOGIT, "PLN": LOG, "PAS": ARCSINE, "IRLN": LOG, "IRS": ROOT, "ZCOR": FISHER,
}  # fmt: skip
_AGREE = 1e-3
"""How far two roads to one number may part, relatively: less than a line is wide."""


_SAME = 1e-5
"""How exactly an interval is that of its degrees of freedom: results have ten digits."""
_NEAR_END = 1e-9
"""A limit this near to an end may have been cut there, or rounded."""

Ends = tuple[float, float]


@dataclass(frozen=True)
class Law:
    """centre + spread T on the model scale, T a t variable on `df` (inf: normal).

    `low` and `high` are the ends of the model scale beyond which no value is possible.
    """

    scale: Scale
    centre: float
    spread: float
    df: float
    low: float = -inf
    high: float = inf

    def density(self, x: float) -> float:
        """The density at x of the model scale, per unit of that scale."""
        z = (x - self.centre) / self.spread
        if not isfinite(self.df):
            return exp(-z * z / 2) / sqrt(2 * pi) / self.spread
        whole = lgamma((self.df + 1) / 2) - lgamma(self.df / 2) - log(self.df * pi) / 2
        return exp(whole - (self.df + 1) / 2 * log1p(z * z / self.df)) / self.spread

    def below(self, x: float) -> float:
        """The probability of a value below x of the model scale."""
        z = (x - self.centre) / self.spread
        return float(stdtr(self.df, z)) if isfinite(self.df) else float(ndtr(z))

    def reach(self, level: float) -> float:
        """From the centre to either limit of the central `level` per cent."""
        return self.spread * _quantile(self.df, level)


def law_of(result: Result) -> Law | str:
    """The distribution whose central part is the prediction interval, or why there is none.

    Its kind is that of the settings; its spread follows from the interval. An interval that no such
    distribution has is refused.
    """
    analysis = result.primary
    pooled, settings = analysis.pooled, analysis.settings
    if pooled.pi_low is None or pooled.pi_high is None:
        return _why_none(result)
    if settings["method"] == "BAYES":
        return "a Bayesian model has no distribution of new studies in closed form"
    if pooled.mu is None or pooled.estimate is None:
        return "the analysis has no mean"
    ends = bounds_of(result.measure)
    for scale in _scales(result.measure):
        half = _half(scale, pooled.mu, pooled.estimate, (pooled.pi_low, pooled.pi_high), ends)
        if half is not None:
            df = _df(result, half)
            spread = half / _quantile(df, settings["level"])
            low, high = (scale.forward(x) if isfinite(x) else x for x in ends)
            centre = scale.forward(pooled.estimate)
            if not low < centre < high:
                return "its mean lies at the end of the possible values"
            return Law(scale, centre, spread, df, low, high)
    if pooled.pi_low <= ends[0] and pooled.pi_high >= ends[1]:
        return "its prediction interval holds every possible value"
    return "its prediction interval is not symmetric about the mean on the scale of the model"


def _why_none(result: Result) -> str:
    settings, pooled = result.primary.settings, result.primary.pooled
    if settings["method"] in EQUAL_EFFECTS:
        return "the model has one effect common to all studies"
    if not settings["prediction"]:
        return "no prediction interval was asked for"
    if pooled.k < 3:
        return "fewer than three studies give no prediction interval"
    return "the analysis gives no prediction interval"


def _scales(measure: MeasureText) -> tuple[Scale, ...]:
    if measure.code == "GEN":
        return (LOG,) if measure.log_axis else (IDENTITY, LOG, LOGIT, CLOGLOG)
    return (LOG if measure.log_axis else _SCALES.get(measure.code, IDENTITY),)


def _half(scale: Scale, mu: float, estimate: float, limits: Ends, ends: Ends) -> float | None:
    """Half the width of the interval on the scale; None if the scale is not the model's.

    A limit at an end of the natural scale may have been cut there and tells nothing. A mean may
    have the other sign: log(-log) falls where the value rises.
    """
    centre = scale.forward(estimate)
    close = _AGREE * max(abs(mu), 1e-6)
    if not isfinite(centre) or abs(abs(centre) - abs(mu)) > close:
        return None
    below, above = centre - scale.forward(limits[0]), scale.forward(limits[1]) - centre
    known = [
        half
        for half, limit, end in zip((below, above), limits, ends, strict=True)
        if isfinite(half) and half > 0 and abs(limit - end) > _NEAR_END
    ]
    if not known or max(known) > min(known) * (1 + _AGREE):
        return None
    return sum(known) / len(known)


def _df(result: Result, half: float) -> float:
    """Degrees of freedom of the prediction, found with a spread of sqrt(tau2 + se^2).

    Those of robust and three-level models are their own and follow from the interval. Those of
    other models belong to one of several numbers of studies.
    """
    settings, pooled = result.primary.settings, result.primary.pooled
    kind = settings["prediction_interval"]
    if kind == "z":
        return inf
    spread = None if None in (pooled.tau2, pooled.se) else _spread(pooled)
    dependent, lost = settings["method"] in ("RVE", "MV"), 2 if kind == "hts" else 1
    if dependent and kind != "hts" and spread:
        return _df_with(half / spread, settings["level"])
    if dependent:
        return len({result.rows[effect.row].study for effect in result.primary.effects}) - lost
    for df in (k - lost for k in study_counts(result) if k > lost):
        if spread and isclose(_quantile(df, settings["level"]) * spread, half, rel_tol=_SAME):
            return df
    return pooled.k - lost


def _spread(pooled: Pooled) -> float:
    assert pooled.tau2 is not None
    assert pooled.se is not None
    return sqrt(pooled.tau2 + pooled.se**2)


def study_counts(result: Result) -> tuple[int, ...]:
    """The numbers of studies that degrees of freedom may go by, each once.

    All that are pooled, those with different names, and those a ratio learns something from: a
    mixed model of counts gives no weight to the others.
    """
    effects, rows = result.primary.effects, result.rows
    groups = (
        effects,
        [effect for effect in effects if not is_silent(effect)],
        [effect for effect in effects if effect.weight],
    )
    counts = [len({rows[effect.row].study for effect in group}) for group in groups]
    return tuple(dict.fromkeys((result.primary.pooled.k, *counts)))


def _df_with(quantile: float, level: float) -> float:
    """The degrees of freedom whose t has this quantile, by bisection of their logarithm."""
    low, high = log(0.1), log(1e6)
    if quantile <= _quantile(exp(high), level):
        return inf
    for _ in range(60):
        middle = (low + high) / 2
        if _quantile(exp(middle), level) > quantile:
            low = middle
        else:
            high = middle
    return exp(low)


def _quantile(df: float, level: float) -> float:
    tail = 0.5 + level / 200
    return float(stdtrit(df, tail)) if isfinite(df) else float(ndtri(tail))
