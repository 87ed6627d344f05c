"""The beta-binomial model by scipy's distribution, maximised and profiled without derivatives."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special, stats

from metamill.record.engines.numbers import Array, Numbers, Pairs, Question, inferred, judged, moved
from metamill.record.engines.surface import Likelihood, Peak, along, ascend, crossing

MAXIMUM = 1e-6
CURVATURE = 1e-5

_RHO = "also intra-class correlation of units within studies"
_SPREAD = "also spread of study proportions, central {:g}% of the fitted distribution"
_BINOMIAL = 1e-12


def beta_binomial(x: Array, n: Array, question: Question, ours: Mapping[str, Any]) -> Numbers:
    """x of n, (k,), in mu = logit p and r = rho/(1 - rho); `ours` has our mu and rho with its
    limits, where searches start."""
    likelihood = _likelihood(x, n)
    common = float(special.logit(x.sum() / n.sum()))
    peak = _highest(likelihood, ours, common)
    # differences of log-gamma functions lose digits where r is small
    noise = 1e-15 * float((n + 1 / max(peak.s, likelihood.least)).sum())
    variance = float(peak.covariance[0, 0])
    se = float(np.sqrt(variance)), (CURVATURE + noise) * float(np.sqrt(variance))
    mu = peak.mu, (MAXIMUM + noise) * se[0]
    df = None if question.settings["test"] == "z" else len(x) - 1
    found: Pairs = inferred(question, mu, se, df)
    slack = (MAXIMUM + noise) * 10
    found[_RHO] = _share(peak.s), slack * (likelihood.least + peak.s)
    critical = peak.height - question.drop
    flat = along(likelihood, peak.mu, 0.0)
    for end, (low, high) in {"low": (0.0, peak.s), "high": (peak.s, np.inf)}.items():
        name, place = f"{_RHO}, {end}", 0.0
        if end == "high" or flat.height < critical - 1e-9:
            start = _odds(ours[f"rho_{end}"])
            if not low < start < high:
                start = 0.5 * peak.s if end == "low" else 4 * (peak.s + likelihood.least)
            at = along(likelihood, peak.mu, start)
            place = crossing(likelihood, critical, at, (low, high)).s
        found[name] = _share(place), 10 * slack * (likelihood.least + place) / (1 + place) ** 2
    name = _SPREAD.format(question.settings["level"])
    found[name] = moved(special.expit, *mu)
    for end, tail in (("low", question.tail), ("high", 1 - question.tail)):
        value = _quantile(peak.mu, peak.s, tail)
        near = _quantile(peak.mu + 100 * mu[1], peak.s + slack * (likelihood.least + peak.s), tail)
        found[f"{name}, {end}"] = value, abs(near - value) + 1e-6 * value
    return judged("scipy", question, found)


def _likelihood(x: Array, n: Array) -> Likelihood:
    """At r = 0 the binomial law, which stands for all r below 1e-12."""
    p = x.sum() / n.sum()
    least = float(1 / n.max())

    def value(mu: Array, r: Array) -> Array:
        p, q = special.expit(mu)[:, None], special.expit(-mu)[:, None]
        some = np.maximum(r, _BINOMIAL)[:, None]
        spread = stats.betabinom.logpmf(x, n, p / some, q / some).sum(axis=1)
        return np.where(r > _BINOMIAL, spread, stats.binom.logpmf(x, n, p).sum(axis=1))

    def steps(r: float) -> tuple[float, float]:
        return 0.1 * min(float(np.sqrt((least + r) / (p * (1 - p)))), 1.5), 0.05 * (least + r)

    return Likelihood(value, least, steps)


def _highest(likelihood: Likelihood, ours: Mapping[str, Any], common: float) -> Peak:
    """The maximum from our numbers, unless a coarse grid over all r has a higher point."""
    peak = ascend(likelihood, ours["mu"], _odds(ours["rho"]))
    r = np.append(0.0, np.geomspace(0.03 * likelihood.least, 20.0, 30))
    middle = np.linspace(min(common, peak.mu) - 2, max(common, peak.mu) + 2, 41)
    mu, r = (part.ravel() for part in np.meshgrid(middle, r))
    heights = likelihood.value(mu, r)
    best = int(heights.argmax())
    if heights[best] <= peak.height + 1e-9:
        return peak
    other = ascend(likelihood, float(mu[best]), float(r[best]))
    return other if other.height > peak.height + 1e-9 else peak


def _odds(rho: float | None) -> float:
    return 0.0 if not rho else rho / (1 - rho)


def _share(r: float) -> float:
    return r / (1 + r)


def _quantile(mu: float, r: float, tail: float) -> float:
    p, q = float(special.expit(mu)), float(special.expit(-mu))
    return p if r == 0 else float(stats.beta.ppf(tail, p / r, q / r))
