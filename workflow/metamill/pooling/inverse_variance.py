"""Inverse-variance pooling: equal and random effects, five tests, prediction intervals."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtr, ndtri, stdtr

from metamill.pooling.heterogeneity import (
    TAU2_ESTIMATORS,
    Array,
    estimate_tau2,
    i2_h2,
    typical_variance,
)
from metamill.pooling.predictive import prediction_df, prediction_interval, t_quantile
from metamill.pooling.profile import mu_profile, origin, weighted
from metamill.pooling.wald import check_level

METHODS = tuple(TAU2_ESTIMATORS)
TESTS = ("z", "t", "knha", "adhoc", "pl")


@dataclass(frozen=True)
class Fit:
    """One pooled estimate per analysis, on the model scale.

    Every field is an array of shape (m,), or a number when `pool` was given one data set;
    `weights` are per cent and have the shape of y. A quantity that does not exist is nan. `pi_se`
    and `pi_df` (inf: normal) are those of the prediction, for `probability_beyond`. The limits of
    mu are the hull of several pieces where `mu_disconnected` (only test pl).
    """

    k: Array
    mu: Array
    se: Array
    mu_low: Array
    mu_high: Array
    mu_disconnected: Array
    statistic: Array
    df: Array
    p_value: Array
    tau2: Array
    q: Array
    q_df: Array
    q_p: Array
    i2: Array
    h2: Array
    pi_low: Array
    pi_high: Array
    pi_se: Array
    pi_df: Array
    weights: Array


def _checked(y: ArrayLike, v: ArrayLike, keep: ArrayLike | None) -> tuple[Array, Array, Array]:
    y, v = (np.ascontiguousarray(x, float) for x in (y, v))
    if y.shape != v.shape or y.ndim not in (1, 2):
        raise ValueError(f"y has shape {y.shape} and v {v.shape}; both must be (k,) or (k, m)")
    keep = np.ones_like(y) if keep is None else np.ascontiguousarray(keep, float)
    if keep.shape != y.shape:
        raise ValueError(f"keep has shape {keep.shape}, y has {y.shape}")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise ValueError("effects must be finite and sampling variances finite and positive")
    if y.shape[0] == 0 or (keep.sum(axis=0) < 1).any():
        raise ValueError("nothing to pool: an analysis has no study")
    return y, v, keep


def pool(
    y: ArrayLike,
    v: ArrayLike,
    method: str = "REML",
    test: str = "adhoc",
    level: float = 95.0,
    keep: ArrayLike | None = None,
    prediction: str = "t",
) -> Fit:
    """Pool effects y with sampling variances v.

    y, v: (k,) for one data set or (k, m) for m of them; keep: the same shape, 1 where a study
    belongs to an analysis. method: EE (equal effects) or an estimator of tau2. test: z (normal),
    t (k - 1 degrees of freedom), knha (Knapp and Hartung 2003, doi 10.1002/sim.1482: the variance
    times q = sum w (y - mu)^2/(k - 1)), adhoc (the same with max(1, q), Roever et al. 2015,
    doi 10.1186/s12874-015-0091-1), pl (profile likelihood, Hardy and Thompson 1996, for method ML
    only: limits by the likelihood with tau2 maximised at each mu, the p value and the statistic,
    a signed root, from its ratio at mu = 0, the se that of z). prediction: t (k - 1 degrees of
    freedom and the se of the test), z (normal), hts (t with k - 2, Higgins, Thompson and
    Spiegelhalter 2009), knha (t with k - 1 and Knapp and Hartung's se whatever the test, Partlett
    and Riley 2017). It does not exist for EE, whose I2 and H2 come from Q (Higgins and Thompson
    2002) as no tau2 is estimated. Raises ValueError for bad input, an unknown prediction, a level
    outside (0, 100) or test pl with a method other than ML, and KeyError for an unknown method or
    test.
    """
    one = np.ndim(y) == 1
    y, v, keep = _checked(y, v, keep)
    check_level(level)
    if one:
        # twice, as numpy sums a single column in another order than several
        y, v, keep = (np.repeat(x[:, None], 2, axis=1) for x in (y, v, keep))
    if test not in TESTS:
        raise KeyError(test)
    if test == "pl" and method != "ML":
        raise ValueError(f"test pl is the profile likelihood of method ML, not of {method}")

    k = keep.sum(axis=0)
    df = k - 1
    tau2 = estimate_tau2(y, v, keep, method)
    start = origin(y, v, keep)
    fixed, at = (weighted(y - start, v, keep, t) for t in (0.0, tau2))
    pi_df = prediction_df(k, prediction)
    if method == "EE":
        pi_df = np.full_like(pi_df, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        wald = 1 / at.sum_w
        knapp_hartung = wald * at.q / df
        variance = {"knha": knapp_hartung, "adhoc": np.maximum(wald, knapp_hartung)}.get(test, wald)
        se = np.sqrt(variance)
        pi_se = np.sqrt(knapp_hartung) if prediction == "knha" else se
        if method == "EE":
            i2, h2 = 100 * np.maximum(0.0, 1 - df / fixed.q), fixed.q / df
        else:
            i2, h2 = i2_h2(tau2, typical_variance(v, keep))
    mu = start + at.mu
    pi_low, pi_high = prediction_interval(mu, pi_se, tau2, pi_df, level)
    inference = (
        _profiled(y, v, keep, tau2, level)
        if test == "pl"
        else _inference(mu, se, df, "z" if test == "z" else "t", level)
    )
    fit = Fit(
        k=k.astype(int),
        mu=mu,
        se=se,
        df=np.full_like(mu, np.nan) if test in ("z", "pl") else df,
        tau2=tau2,
        q=fixed.q,
        q_df=df.astype(int),
        q_p=np.where(df > 0, chdtrc(np.maximum(df, 1), fixed.q), np.nan),
        i2=i2,
        h2=h2,
        pi_low=pi_low,
        pi_high=pi_high,
        pi_se=pi_se,
        pi_df=pi_df,
        weights=100 * at.w / at.sum_w,
        **inference,
    )
    return _single(fit) if one else fit


def _inference(mu: Array, se: Array, df: Array, law: str, level: float) -> dict[str, Array]:
    """Limits, statistic and p value of mu by the normal (z) or the t distribution."""
    tail = (1 - level / 100) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = mu / se
        if law == "z":
            quantile = np.full_like(mu, ndtri(1 - tail))
            p_value = 2 * ndtr(-np.abs(statistic))
        else:
            quantile = t_quantile(np.where(df > 0, df, np.nan), 1 - tail)
            p_value = np.where(df > 0, 2 * stdtr(np.maximum(df, 1), -np.abs(statistic)), np.nan)
        return {
            "mu_low": mu - quantile * se,
            "mu_high": mu + quantile * se,
            "mu_disconnected": np.zeros(mu.shape, bool),
            "statistic": statistic,
            "p_value": p_value,
        }


def _profiled(y: Array, v: Array, keep: Array, tau2: Array, level: float) -> dict[str, Array]:
    """The same by the profile likelihood, column by column; nan for an analysis of one study."""
    m = y.shape[1]
    low, high, statistic = np.full((3, m), np.nan)
    disconnected = np.zeros(m, bool)
    for column in np.flatnonzero(keep.sum(axis=0) > 1):
        inside = keep[:, column] > 0
        interval, statistic[column] = mu_profile(
            y[inside, column], v[inside, column], tau2[column], level
        )
        low[column], high[column] = interval
        disconnected[column] = interval.disconnected
    return {
        "mu_low": low,
        "mu_high": high,
        "mu_disconnected": disconnected,
        "statistic": statistic,
        "p_value": 2 * ndtr(-np.abs(statistic)),
    }


def _single(fit: Fit) -> Fit:
    values = {f.name: getattr(fit, f.name) for f in fields(Fit)}
    weights = values.pop("weights")[:, 0]
    return Fit(weights=weights, **{name: value[0].item() for name, value in values.items()})
