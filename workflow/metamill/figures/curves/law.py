"""The distribution of true effects that an analysis implies, found again from its limits."""

from dataclasses import dataclass
from math import exp, inf, isfinite, lgamma, log, log1p, pi, sqrt

from scipy.special import ndtri, stdtrit

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
from metamill.results import MeasureText, Result
from metamill.wording import EQUAL_EFFECTS

_SCALES = {
    "PLO": LOGIT, "PLN": LOG, "PAS": ARCSINE, "IRLN": LOG, "IRS": ROOT, "ZCOR": FISHER,
}  # fmt: skip
_ENDS = {
    "PR": (0.0, 1.0), "PLN": (0.0, 1.0), "PLO": (0.0, 1.0), "PAS": (0.0, 1.0), "IR": (0.0, inf),
    "IRS": (0.0, inf), "RD": (-1.0, 1.0), "AS": (-pi / 2, pi / 2), "COR": (-1.0, 1.0),
    "ZCOR": (-1.0, 1.0),
}  # fmt: skip
"""Between what the natural values of a measure lie, where they do not go on for ever."""
_AGREE = 1e-3
"""How far two roads to one number may part, relatively: less than a line is wide."""


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
    ends = _ENDS.get(result.measure.code, (-inf, inf))
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
    """Degrees of freedom of the prediction; those of robust and three-level models follow from it.

    These have a spread of sqrt(tau2 + se^2) and degrees of freedom of their own.
    """
    settings, pooled = result.primary.settings, result.primary.pooled
    kind = settings["prediction_interval"]
    if kind == "z":
        return inf
    studies = len({result.rows[effect.row].study for effect in result.primary.effects})
    dependent = settings["method"] in ("RVE", "MV")
    if dependent and kind != "hts" and pooled.tau2 is not None and pooled.se is not None:
        return _df_with(half / sqrt(pooled.tau2 + pooled.se**2), settings["level"])
    k = studies if dependent else pooled.k
    return k - 2 if kind == "hts" else k - 1


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
