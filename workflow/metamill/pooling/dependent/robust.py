"""Robust inference for a pooled mean: correlated-effects RVE, and CR2 after random effects."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.dependent.rows import Array, Rows, rows, several_studies
from metamill.pooling.dependent.sandwich import robust_variance
from metamill.pooling.wald import check_level, wald

RELIABLE_DF = 4.0
"""Below this many degrees of freedom the t approximation fails (Tipton 2015)."""


@dataclass(frozen=True)
class RobustFit:
    """A mean of k rows of `studies` studies with its robust standard error and t interval.

    df are Satterthwaite's, `reliable` is df >= 4, `weights` (k,) are per cent. tau2 is the
    between-study variance in the weights; i2 (per cent) is nan where the method defines none.
    """

    k: int
    studies: int
    mu: float
    se: float
    df: float
    statistic: float
    p_value: float
    mu_low: float
    mu_high: float
    tau2: float
    i2: float
    reliable: bool
    weights: Array


def _fit(
    data: Rows, by: Rows, variance: Array, tau2: float, i2: float, weights: Array, level: float
) -> RobustFit:
    """The mean of the rows of `by`, weights inverse to `variance`, robust over its studies."""
    weight = 1 / variance
    mean = float((weight * by.y).sum() / weight.sum())
    robust = robust_variance(by, variance, np.ones_like(by.y), 0.0, by.y - mean)
    mu, se = data.start + data.unit * mean, data.unit * robust.variance**0.5
    test = wald(mu, se, robust.df, level)
    return RobustFit(
        k=len(data.y),
        studies=len(data.size),
        mu=mu,
        se=se,
        df=robust.df,
        statistic=test.statistic,
        p_value=test.p_value,
        mu_low=test.low,
        mu_high=test.high,
        tau2=tau2 * data.unit**2,
        i2=i2,
        reliable=robust.df >= RELIABLE_DF,
        weights=data.unsorted(100 * weights / weights.sum()),
    )


def _one_row_each(data: Rows, mean: Array, v: Array) -> Rows:
    each = np.arange(len(mean))
    return Rows(mean, v, each, each, np.ones_like(each), each, data.codes, data.start, data.unit)


def rve(
    y: ArrayLike, v: ArrayLike, study: ArrayLike, rho: float = 0.8, level: float = 95.0
) -> RobustFit:
    """Robust variance estimation under the correlated-effects model, small-sample corrected.

    Hedges, Tipton and Johnson 2010 (doi 10.1002/jrsm.5; tau2: eq. 15, weights: eq. 16), with the
    adjustment and degrees of freedom of Tipton 2015 (doi 10.1037/met0000011). y, v, study: shape
    (k,), at least two studies; rho in [0, 1] is the assumed correlation of sampling errors within
    a study and enters tau2 only. tau2 is the moment estimate truncated at zero; i2 is
    100 (Q - E)/Q, E the expectation of Q without heterogeneity. There is no omega2: that belongs
    to the hierarchical model. Raises ValueError for bad input; NotIdentified for one study, for
    studies whose means agree exactly, and for a study that carries all of the weight.
    """
    check_level(level)
    if not 0 <= rho <= 1:
        raise ValueError(f"rho must lie between 0 and 1, not {rho}")
    data = rows(y, v, study)
    several_studies(data)
    mean, v_mean = data.sums(data.y) / data.size, data.sums(data.v) / data.size
    w = 1 / v_mean
    total = w.sum()
    centre = (w * mean).sum() / total
    within = data.sums((data.y - mean[data.index]) ** 2) / data.size
    q = float((w * (within + (mean - centre) ** 2)).sum())
    # E(Q) without heterogeneity is n - alone - rho shared.
    alone = (w / data.size).sum() / total
    shared = (w * (data.size - 1) / data.size).sum() / total
    expected = len(w) - alone - rho * shared
    pairs = 2 * (w[1:] * np.cumsum(w)[:-1]).sum()
    tau2 = max(0.0, float((q - expected) * total / pairs))
    i2 = 100 * max(0.0, 1 - expected / q) if q > 0 else 0.0
    variance = v_mean + tau2
    weights = (1 / (data.size * variance))[data.index]
    by = _one_row_each(data, mean, v_mean)
    return _fit(data, by, variance, tau2, float(i2), weights, level)


def cr2(
    y: ArrayLike, v: ArrayLike, study: ArrayLike, tau2: float, level: float = 95.0
) -> RobustFit:
    """CR2 standard error of the random-effects mean with weights 1/(v + tau2).

    Pustejovsky and Tipton 2018 (doi 10.1080/07350015.2016.1247004); rows of one study may depend
    on each other in any way. y, v, study: shape (k,), at least two studies; tau2 >= 0 as estimated
    beforehand (0 for equal effects). Raises ValueError for bad input and NotIdentified as `rve`.
    """
    check_level(level)
    if not (np.isfinite(tau2) and tau2 >= 0):
        raise ValueError(f"tau2 must be finite and not negative, not {tau2}")
    data = rows(y, v, study)
    several_studies(data)
    scaled = tau2 / data.unit**2
    variance = data.v + scaled
    return _fit(data, data, variance, scaled, float("nan"), 1 / variance, level)
