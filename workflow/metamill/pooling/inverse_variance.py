"""Inverse-variance pooling: equal and random effects, four tests, prediction interval."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtr, ndtri, stdtr, stdtrit

from metamill.pooling.heterogeneity import (
    TAU2_ESTIMATORS,
    Array,
    estimate_tau2,
    i2_h2,
    origin,
    typical_variance,
    weighted,
)

METHODS = tuple(TAU2_ESTIMATORS)
TESTS = ("z", "t", "knha", "adhoc")


@dataclass(frozen=True)
class Fit:
    """One pooled estimate per analysis, on the model scale.

    Every field is an array of shape (m,), or a number when `pool` was given one data set;
    `weights` are per cent and have the shape of y. A quantity that does not exist is nan.
    """

    k: Array
    mu: Array
    se: Array
    mu_low: Array
    mu_high: Array
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
    weights: Array


def _checked(y: ArrayLike, v: ArrayLike, keep: ArrayLike | None) -> tuple[Array, Array, Array]:
    y, v = np.asarray(y, float), np.asarray(v, float)
    if y.shape != v.shape or y.ndim not in (1, 2):
        raise ValueError(f"y has shape {y.shape} and v {v.shape}; both must be (k,) or (k, m)")
    keep = np.ones_like(y) if keep is None else np.asarray(keep, float)
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
) -> Fit:
    """Pool effects y with sampling variances v.

    y, v: (k,) for one data set or (k, m) for m of them; keep: the same shape, 1 where a study
    belongs to an analysis. method: EE (equal effects) or an estimator of tau2. test: z (normal),
    t (k - 1 degrees of freedom), knha (Knapp and Hartung 2003, doi 10.1002/sim.1482: the variance
    times q = sum w (y - mu)^2/(k - 1)), adhoc (the same with max(1, q), Roever et al. 2015,
    doi 10.1186/s12874-015-0091-1). The prediction interval is mu -+ t(k-1) sqrt(tau2 + se^2)
    (Higgins, Thompson and Spiegelhalter 2009, with k - 1 degrees of freedom); it does not exist
    for EE, whose I2 and H2 come from Q (Higgins and Thompson 2002) as no tau2 is estimated.
    Raises ValueError for bad input and KeyError for an unknown method or test.
    """
    one = np.ndim(y) == 1
    y, v, keep = _checked(y, v, keep)
    if one:
        y, v, keep = y[:, None], v[:, None], keep[:, None]
    if test not in TESTS:
        raise KeyError(test)

    k = keep.sum(axis=0)
    df = k - 1
    tau2 = estimate_tau2(y, v, keep, method)
    start = origin(y, keep)
    fixed, at = (weighted(y - start, v, keep, t) for t in (0.0, tau2))
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = 1 / at.sum_w
        if test == "knha":
            variance = variance * at.q / df
        elif test == "adhoc":
            variance = variance * np.maximum(1.0, at.q / df)
        se = np.sqrt(variance)
        tail = (1 - level / 100) / 2
        t_quantile = np.where(df > 0, stdtrit(np.maximum(df, 1), 1 - tail), np.nan)
        mu = start + at.mu
        quantile = np.full_like(mu, ndtri(1 - tail)) if test == "z" else t_quantile
        statistic = mu / se
        if test == "z":
            p_value = 2 * ndtr(-np.abs(statistic))
        else:
            p_value = np.where(df > 0, 2 * stdtr(np.maximum(df, 1), -np.abs(statistic)), np.nan)
        reach = t_quantile * np.sqrt(tau2 + variance)
        if method == "EE":
            reach = np.full_like(reach, np.nan)
        if method == "EE":
            i2, h2 = 100 * np.maximum(0.0, 1 - df / fixed.q), fixed.q / df
        else:
            i2, h2 = i2_h2(tau2, typical_variance(v, keep))
    fit = Fit(
        k=k.astype(int),
        mu=mu,
        se=se,
        mu_low=mu - quantile * se,
        mu_high=mu + quantile * se,
        statistic=statistic,
        df=np.full_like(mu, np.nan) if test == "z" else df,
        p_value=p_value,
        tau2=tau2,
        q=fixed.q,
        q_df=df.astype(int),
        q_p=np.where(df > 0, chdtrc(np.maximum(df, 1), fixed.q), np.nan),
        i2=i2,
        h2=h2,
        pi_low=mu - reach,
        pi_high=mu + reach,
        weights=100 * at.w / at.sum_w,
    )
    return _single(fit) if one else fit


def _single(fit: Fit) -> Fit:
    values = {f.name: getattr(fit, f.name) for f in fields(Fit)}
    weights = values.pop("weights")[:, 0]
    return Fit(weights=weights, **{name: value[0].item() for name, value in values.items()})
