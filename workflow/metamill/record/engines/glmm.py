"""Mixed models of counts by brute force, and their Q by statsmodels."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import statsmodels.api as sm
from scipy import integrate, optimize, special, stats

from metamill.record.engines import likelihoods
from metamill.record.engines.likelihoods import integrated
from metamill.record.engines.numbers import (
    Array,
    Numbers,
    Pair,
    Pairs,
    Question,
    inferred,
    judged,
    law,
    moved,
    of_tail,
    predicted,
    prediction_df,
    quiet,
    root,
    spreads,
)
from metamill.record.engines.surface import Likelihood, Peak, along, ascend, crossing, in_variances

MAXIMUM = 1e-6
CURVATURE = 1e-5
"""Relative to the standard error and to the variances that tau2 is added to; the standard error
itself comes from second derivatives of a polynomial."""

FLAT = 1e-8
"""Of the likelihood gained over tau2 = 0."""

LRT = "likelihood ratio test of tau² = 0"
_COARSE_TAU = np.geomspace(0.1, 8.0, 9)
_COARSE_MU = np.linspace(-2.0, 2.0, 9)


@dataclass(frozen=True)
class Counts:
    """Informative studies: `x`, `n` are (k,), or (2, k) for two groups, treatment first.

    n is time where `rates`. `model` is PLO, IRLN, UM.FS, CM.AL or CM.EL.
    """

    x: Array
    n: Array
    model: str
    rates: bool

    @property
    def k(self) -> int:
        return int(self.x.shape[-1])

    @property
    def exact(self) -> bool:
        """Whether studies are hypergeometric; rates given their sum are binomial."""
        return self.model == "CM.EL" and not self.rates

    def likelihood(self) -> Likelihood:
        x, n, k = self.x, self.n, self.k
        none = np.full_like(x, np.inf) if self.rates else n - x
        cells = {"UM.FS": [*x, *none], "CM.AL": [*x], "PLO": [x, none], "IRLN": [x]}
        entering = [*x, *none] if self.exact else cells.get(self.model, [*x])
        least = float((1 / (np.array(entering) + 0.5)).sum(axis=0).min())
        if self.model == "UM.FS":
            return in_variances(likelihoods.two_groups(x, n, self.rates), least)
        study = self._study()
        return in_variances(lambda mu, s: integrated(study, mu, s, k).sum(axis=1), least)

    def _study(self) -> likelihoods.Study:
        x, n = self.x, self.n
        if self.model == "PLO":
            return likelihoods.binomial(x, n, np.zeros(self.k))
        if self.model == "IRLN":
            return likelihoods.poisson(x, n)
        if self.exact:
            return likelihoods.hypergeometric(x[0], n[0], x[1], n[1])
        return likelihoods.binomial(x[0], x.sum(axis=0), np.log(n[0]) - np.log(n[1]))

    def saturated(self) -> float:
        """Twice the largest log-likelihood of every study alone, of the exact model."""
        study, every = self._study(), np.arange(self.k)
        theta, width = np.zeros(self.k), 40.0
        for _ in range(40):
            near = theta[:, None] + width * np.linspace(-1, 1, 21)
            theta = near[every, study(near[None])[0].argmax(axis=1)]
            width /= 4
        return float(2 * study(theta[None, :, None])[0].sum())


def informative(x: Array, n: Array, rates: bool) -> Array:
    """Which studies of two groups say something of their ratio, (k,); x and n (2, k)."""
    events = x.sum(axis=0)
    return (events > 0) & (rates | (events < n.sum(axis=0) * (1 - 1e-12)))


def deviance(counts: Counts, question: Question) -> Numbers | None:
    """The likelihood-ratio Q: the deviance of one common effect, by a generalised linear model."""
    x, n, k = counts.x, counts.n, counts.k
    ones = np.ones((k, 1))
    binomial = sm.families.Binomial()
    if counts.model == "PLO":
        model = sm.GLM(np.column_stack([x, n - x]), ones, family=binomial)
    elif counts.model == "IRLN":
        model = sm.GLM(x, ones, family=sm.families.Poisson(), offset=np.log(n))
    elif counts.model.startswith("CM") and not counts.exact:
        offset = np.log(n[0]) - np.log(n[1])
        model = sm.GLM(np.column_stack([x[0], x[1]]), ones, family=binomial, offset=offset)
    elif counts.model == "UM.FS":
        dummies = np.tile(np.eye(k), (2, 1))
        group = np.repeat([0.5, -0.5], k)
        design = np.column_stack([group, dummies])
        if counts.rates:
            time = np.log(n.ravel())
            model = sm.GLM(x.ravel(), design, family=sm.families.Poisson(), offset=time)
        else:
            response = np.column_stack([x.ravel(), (n - x).ravel()])
            model = sm.GLM(response, design, family=binomial)
    else:
        return None
    with quiet():
        q = float(model.fit(tol=1e-14, maxiter=300).deviance)
    rounding = float(np.finfo(float).eps * (x.sum() if counts.rates else n.sum()))
    statistic = max(q, 0.0), (1e-9 + 20 * rounding) * max(1.0, q)
    found = {"q": statistic, "q_p": of_tail(statistic, k - 1), "q_df": (k - 1.0, 0.0)}
    return judged("statsmodels", question, found)


def brute_force(
    counts: Counts, question: Question, ours: Mapping[str, Any], typical: float
) -> Numbers:
    """The model by plain sums; `ours` has our mu, tau2 and its limits, where searches start."""
    likelihood = counts.likelihood()
    peak = ascend(likelihood, ours["mu"], ours["tau2"])
    peak = _anything_higher(likelihood, peak, ours["tau2_high"])
    noise = 1e-14 * counts.k * (1 + float(np.abs(counts.n).max()) ** 0.5)
    settings = question.settings
    total = likelihood.least + peak.s
    variance = float(peak.covariance[0, 0])
    se = float(np.sqrt(variance)), CURVATURE * float(np.sqrt(variance))
    mu = peak.mu, (MAXIMUM + noise) * se[0]
    tau2 = peak.s, (MAXIMUM + noise) * 10 * total if peak.s > 0 else 0.0
    df = None if settings["test"] == "z" else counts.k - 1
    found: Pairs = inferred(question, mu, se, df)
    pi_df = prediction_df(settings, counts.k)
    if pi_df is None or pi_df >= 1:
        # as many studies as say something decide whether a prediction is given
        found |= predicted(replace(question, k=counts.k), mu, se, tau2, pi_df)
    found |= {"tau2": tau2, "tau": root(tau2)} | spreads(tau2, typical)
    flat = along(likelihood, _common(likelihood, peak.mu), 0.0)
    gain = 2 * (peak.height - flat.height) if peak.s > 0 else 0.0
    statistic = max(gain, 0.0), FLAT * (1 + abs(gain)) + 100 * noise
    tail, error = of_tail(statistic, 1)
    found |= {f"test {LRT}": statistic}
    found[f"test {LRT}, p"] = (tail / 2, error / 2) if peak.s > 0 else (1.0, 0.0)
    for end, limit in _limits(likelihood, peak, flat.height, question.drop, ours):
        found |= {f"tau2{end}": limit} | spreads(limit, typical, end)
    found |= _marginal(question, peak, law(df).isf(question.tail), CURVATURE)
    if counts.exact:
        q = counts.saturated() - 2 * flat.height
        statistic = max(q, 0.0), 1e-8 * max(1.0, q)
        found |= {"q": statistic, "q_p": of_tail(statistic, counts.k - 1)}
        found["q_df"] = counts.k - 1.0, 0.0
    return judged("scipy", question, found)


def _common(likelihood: Likelihood, mu: float) -> float:
    """The mu of one common effect, by a search without derivatives."""
    fit = optimize.minimize_scalar(
        lambda x: -float(likelihood.value(np.array([x]), np.zeros(1))[0]),
        bounds=(mu - 20, mu + 20),
        method="bounded",
        options={"xatol": 1e-4 * float(np.sqrt(likelihood.least))},
    )
    return float(fit.x)


def _anything_higher(likelihood: Likelihood, peak: Peak, tau2_high: float | None) -> Peak:
    """The maximum, unless a point of a coarse grid is higher: then the maximum from there."""
    tau = np.append(_COARSE_TAU, 1.3 * np.sqrt(max(tau2_high or 0.0, peak.s)))
    spread = np.sqrt(likelihood.least + tau**2)
    mu = (peak.mu + _COARSE_MU[None, :] * np.minimum(spread, 3.0)[:, None]).ravel()
    s = np.repeat(tau**2, len(_COARSE_MU))
    heights = likelihood.value(mu, s)
    best = int(np.nanargmax(heights))
    slack = 1e-9 * (1 + abs(peak.height))
    if not heights[best] > peak.height + slack:
        return peak
    other = ascend(likelihood, float(mu[best]), float(s[best]))
    return other if other.height > peak.height + slack else peak


def _limits(
    likelihood: Likelihood, peak: Peak, flat: float, drop: float, ours: Mapping[str, Any]
) -> list[tuple[str, Pair]]:
    """The s at which the profile has lost `drop`, searched from our limits."""
    critical = peak.height - drop
    found: list[tuple[str, Pair]] = []
    bounds = {"_low": (0.0, peak.s), "_high": (peak.s, np.inf)}
    for end, (low, high) in bounds.items():
        if end == "_low" and flat >= critical - 1e-9:
            found.append((end, (0.0, 1e-9 * likelihood.least)))
            continue
        start = ours[f"tau2{end}"]
        if start is None or not low < start < high:
            start = 0.5 * peak.s if end == "_low" else 4 * (peak.s + likelihood.least)
        at = crossing(likelihood, critical, along(likelihood, peak.mu, start), (low, high))
        error = 1e-7 / max(abs(at.slope), 1e-12) + 10 * MAXIMUM * (likelihood.least + at.s)
        found.append((end, (at.s, min(error, 1e-3 * (likelihood.least + at.s)))))
    return found


def _marginal(question: Question, peak: Peak, quantile: float, slack: float) -> Pairs:
    """The mean of the natural scale over studies, with limits by the delta method on its link."""
    two_groups, logit = question.null, question.settings["measure"] == "PLO"
    tau = float(np.sqrt(peak.s))

    def mean(mu: float, tau: float) -> float:
        if not logit:
            return float(mu + tau**2 / 2)
        whole = integrate.quad(
            lambda z: special.expit(mu + tau * z) * stats.norm.pdf(z),
            *(-12, 12),
            epsabs=0,
            epsrel=1e-12,
            limit=400,
            points=[min(max(-mu / tau, -12), 12)] if tau > 0 else None,
        )[0]
        return float(special.logit(whole))

    step = 1e-4
    by_mu = (mean(peak.mu + step, tau) - mean(peak.mu - step, tau)) / (2 * step)
    by_s = 0.0
    if tau > 0:
        small = 1e-3 * tau
        by_s = (mean(peak.mu, tau + small) - mean(peak.mu, tau - small)) / (4 * small * tau)
    centre, gradient = mean(peak.mu, tau), np.array([by_mu, by_s])
    spread = float(np.sqrt(gradient @ peak.covariance @ gradient))
    error = slack * spread
    back = special.expit if logit else np.exp
    names = [f"marginal{end}" for end in ("", "_low", "_high")]
    if two_groups:
        ratio = {"OR": "odds ratio", "IRR": "incidence rate ratio"}[question.settings["measure"]]
        names = [f"also mean {ratio} over studies{end}" for end in ("", ", low", ", high")]
    places = (centre, centre - quantile * spread, centre + quantile * spread)
    return {
        name: moved(back, x, error * (quantile + 1)) for name, x in zip(names, places, strict=True)
    }
