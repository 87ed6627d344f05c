"""Inverse-variance pools by PyMARE and statsmodels.

Each engine is used where it is right and kept from where it is known to go wrong: data are
centred and scaled first (PyMARE's Q-profile has an absolute tolerance), a negative
DerSimonian-Laird tau2 of statsmodels is truncated, one estimator object serves one fit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from pymare import Dataset
from pymare.estimators import (
    DerSimonianLaird,
    Hedges,
    VarianceBasedLikelihoodEstimator,
    WeightedLeastSquares,
)
from scipy import optimize, stats
from statsmodels.stats.meta_analysis import combine_effects

from metamill.record.engines.numbers import (
    AT_OUR_TAU2,
    CLOSED_FORM,
    Array,
    Numbers,
    Pair,
    Pairs,
    Question,
    inferred,
    judged,
    of_tail,
    predicted,
    prediction_df,
    quiet,
    root,
    spreads,
)

LIKELIHOOD = 1e-4
"""Relative to tau2 and the typical variance: PyMARE minimises the likelihood, which leaves half
the digits."""
Q_PROFILE = 1e-8

_FROM_THE_MEAN = ("mu", "se", "estimate", "p_value")


@dataclass(frozen=True)
class Effects:
    """Effects and variances (k,), and our tau2 with its 10 digits."""

    y: Array
    v: Array
    tau2: float

    @property
    def typical(self) -> float:
        """Typical sampling variance, by pairs of weights."""
        w = 1 / self.v
        pairs = sum(w[i] * w[:i].sum() for i in range(len(w)))
        return float((len(w) - 1) * w.sum() / 2 / pairs)

    @property
    def rounding(self) -> float:
        """What 12 digits of y and v leave uncertain, relative to sums of squares."""
        return float(5e-11 * np.abs(self.y).max() / np.sqrt(self.v.min()))


def pymare(data: Effects, question: Question) -> Numbers:
    """Means by PyMARE; tau2 where it has the estimator, otherwise everything at our tau2."""
    with quiet():
        return _pymare(data, question)


def _pymare(data: Effects, question: Question) -> Numbers:
    method, test = question.settings["method"], question.settings["test"]
    unit = float(np.exp(np.log(data.v).mean()))
    centre, side = float(data.y.mean()), float(np.sqrt(unit))
    scaled = Dataset(y=(data.y - centre) / side, v=data.v / unit)
    corrections = {"knha": "knapp-hartung", "adhoc": "knapp-hartung-conservative"}
    correction = corrections.get(test, "wald")
    moments = {"DL": DerSimonianLaird, "HE": Hedges}
    if method in moments:
        estimator = moments[method](small_sample_correction=correction)
    else:
        estimator = WeightedLeastSquares(tau2=data.tau2 / unit, small_sample_correction=correction)
    summary = estimator.fit_dataset(scaled).summary()
    mean = summary.get_fe_stats(alpha=1 - question.level)
    slack = CLOSED_FORM + data.rounding
    tau2: Pair | None = None
    if method in moments:
        tau2 = _one(summary.tau2) * unit, slack * data.typical
    elif method in ("ML", "REML"):
        own = VarianceBasedLikelihoodEstimator(method=method).fit_dataset(scaled).summary()
        value = _one(own.tau2) * unit
        tau2 = value, LIKELIHOOD * max(value, data.typical)
    mu, se = _one(mean["est"]) * side + centre, _one(mean["se"]) * side
    q = _one(summary.get_heterogeneity_stats()["Q"])
    found = _completed(data, question, mu, se, q, tau2)
    if method != "EE" and question.settings["tau2_interval"] != "PL":
        interval = summary.get_re_stats(alpha=1 - question.level)
        for end, key in (("_low", "ci_l"), ("_high", "ci_u")):
            value = _one(interval[key]) * unit
            limit = value, (Q_PROFILE + 10 * data.rounding) * max(value, data.typical)
            found |= {f"tau2{end}": limit} | spreads(limit, data.typical, end)
    exact = method in ("EE", *moments)
    return judged("PyMARE", question, found, {} if exact else _at_our_tau2(found))


def _at_our_tau2(found: Pairs) -> dict[str, str]:
    """A note for everything that was computed from our tau2."""
    starts = ("mu_", "ci_", "pi_", "beyond")
    names = [name for name in found if name in _FROM_THE_MEAN or name.startswith(starts)]
    return dict.fromkeys(names, AT_OUR_TAU2)


def statsmodels(data: Effects, question: Question) -> Numbers:
    """Weighted least squares at our tau2; tau2 by combine_effects or from its weights."""
    method, test = question.settings["method"], question.settings["test"]
    centre, k = float(data.y.mean()), len(data.y)
    y = data.y - centre
    with quiet():
        q = float(combine_effects(y, data.v, method_re="dl", use_t=True).q)
    fit = least_squares(y, data.v, data.tau2)
    factor = fit.ssr / (k - 1)
    widened = {"knha": factor, "adhoc": max(1.0, factor)}.get(test, 1.0)
    mu, wald = float(fit.params[0]) + centre, float(fit.bse[0])
    tau2 = estimated_tau2(data, method)
    found = _completed(data, question, mu, wald * np.sqrt(widened), q, tau2)
    if question.settings["prediction_interval"] == "knha":
        found |= _predicted(data, question, mu, wald * np.sqrt(factor))
    return judged("statsmodels", question, found, {} if method == "EE" else _at_our_tau2(found))


def least_squares(y: Array, v: Array, tau2: float) -> Any:
    """The mean with weights 1/(v + tau2); the error is that of known variances."""
    return sm.WLS(y, np.ones(len(y)), weights=1 / (v + tau2)).fit(cov_type="fixed scale")


def estimated_tau2(data: Effects, method: str) -> Pair | None:
    """tau2 of the methods that statsmodels has, or that follow from its weighted residuals."""
    k, v = len(data.y), data.v
    y = data.y - data.y.mean()
    error = (CLOSED_FORM + data.rounding) * data.typical
    if method in ("DL", "DL2"):
        with quiet():
            first = max(0.0, float(combine_effects(y, v, method_re="dl").tau2))
        return (first, error) if method == "DL" else (_second_step(y, v, first), 10 * error)
    if method in ("PM", "EB"):
        return _paule_mandel(y, v, data)
    if method == "HS":
        q = float(least_squares(y, v, 0.0).ssr)
        return max(0.0, (q - k) / float((1 / v).sum())), error
    if method == "HE":
        ordinary = sm.OLS(y, np.ones(k)).fit()
        return max(0.0, float(ordinary.mse_resid) - float(v.mean())), error
    if method == "SJ":
        start = float(np.var(y))
        if start == 0:
            return 0.0, error
        return start * float(least_squares(y, v, start).ssr) / (k - 1), error
    return None


def _second_step(y: Array, v: Array, first: float) -> float:
    """The general method of moments with the weights of the first step."""
    a = 1 / (v + first)
    hat = a / a.sum()
    expected, weight = float((a * v * (1 - hat)).sum()), float((a * (1 - hat)).sum())
    return max(0.0, (float(least_squares(y, v, first).ssr) - expected) / weight)


def _paule_mandel(y: Array, v: Array, data: Effects) -> Pair:
    """The tau2 at which the weighted sum of squares is k - 1, between brackets that grow."""
    df = len(y) - 1

    def excess(tau2: float) -> float:
        return float(least_squares(y, v, tau2).ssr) - df

    error = (CLOSED_FORM + data.rounding) * data.typical
    if excess(0.0) <= 0:
        return 0.0, error
    high = float(np.ptp(y) ** 2)
    while excess(high) > 0:
        high *= 4
    tau2 = float(optimize.brentq(excess, 0.0, high, xtol=1e-12 * data.typical, rtol=1e-12))
    residual = least_squares(y, v, tau2).resid
    slope = float((residual**2 / (v + tau2) ** 2).sum())
    return tau2, (1e-9 + data.rounding) * df / slope


def _completed(
    data: Effects, question: Question, mu: float, se: float, q: float, tau2: Pair | None
) -> Pairs:
    """Limits, p, prediction, Q's tail, I2 and H2 from an engine's mean, error, Q and tau2."""
    df = len(data.y) - 1
    slack = CLOSED_FORM + data.rounding
    spread = question.sizes["mu"]
    z_test = question.settings["test"] in ("z", "pl")
    mean, error = (mu, slack * spread), (se, slack * spread)
    found = inferred(question, mean, error, None if z_test else df)
    if question.settings["test"] == "pl":
        for name in ("mu_low", "mu_high", "ci_low", "ci_high", "p_value"):
            found.pop(name, None)
    statistic = q, slack * max(1.0, q)
    found |= {"q": statistic, "q_p": of_tail(statistic, df)} | by_q(question, statistic, df + 1)
    if question.settings["prediction_interval"] != "knha":
        found |= _predicted(data, question, mu, se)
    if question.settings["method"] == "EE":
        excess = 100 * max(0.0, 1 - df / q) if q > 0 else 0.0
        return found | {"h2": (q / df, statistic[1] / df), "i2": (excess, 200 * slack)}
    if tau2 is not None:
        found |= {"tau2": tau2, "tau": root(tau2)} | spreads(tau2, data.typical)
    return found


def _predicted(data: Effects, question: Question, mu: float, se: float) -> Pairs:
    slack = (CLOSED_FORM + data.rounding) * question.sizes["mu"]
    df = prediction_df(question.settings, len(data.y))
    if df is not None and df < 1:
        return {}
    tau2 = data.tau2, 1e-10 * data.tau2
    return predicted(question, (mu, slack), (se, slack), tau2, df)


def by_q(question: Question, statistic: Pair, k: int) -> Pairs:
    """H2 and I2 by Q with test-based limits (Higgins and Thompson 2002), on the log of H."""
    q, error = statistic
    h2 = max(1.0, q / (k - 1))
    width = None
    if q > k:
        width = (np.log(q) - np.log(k - 1)) / (2 * (np.sqrt(2 * q) - np.sqrt(2 * k - 3)))
    elif k > 2:
        width = np.sqrt((1 - 1 / (3 * (k - 2) ** 2)) / (2 * (k - 2)))
    ends = {"": h2}
    if width is not None:
        reach = float(stats.norm.isf(question.tail)) * width
        ends["_low"] = max(1.0, float(np.exp(np.log(h2) - 2 * reach)))
        ends["_high"] = float(np.exp(np.log(h2) + 2 * reach))
    relative = 10 * error / max(q, 1.0)
    found = {f"h2_q{end}": (value, relative * value) for end, value in ends.items()}
    return found | {
        f"i2_q{end}": (100 * (1 - 1 / value), 100 * relative) for end, value in ends.items()
    }


def _one(values: Any) -> float:
    return float(np.asarray(values).ravel()[0])


def subgroup_differences(question: Question, mu: Array, se: Array) -> Numbers:
    """Q between subgroup means: the equal-effects Q of the means as if they were studies.

    mu and se come with 10 digits, and Q is as uncertain as these leave it.
    """
    with quiet():
        q = float(combine_effects(mu - mu.mean(), se**2, method_re="dl").q)
    residual = np.abs(mu - (mu / se**2).sum() / (1 / se**2).sum()) / se
    rounding = 1e-9 * float((residual * np.abs(mu) / se + residual**2).sum())
    statistic = q, 2 * rounding
    df = len(mu) - 1
    return judged(
        "statsmodels",
        question,
        {"q": statistic, "q_p": of_tail(statistic, df), "q_df": (float(df), 0.0)},
    )
