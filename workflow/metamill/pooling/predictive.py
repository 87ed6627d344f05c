"""The distribution of the effect in a new study: prediction intervals and tail probabilities.

theta_new ~ mu + sqrt(tau2 + se^2) T, with T a t variable on some degrees of freedom, or normal.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from metamill.pooling.wald import check_level

Array = np.ndarray

# k less these degrees of freedom; None is the normal distribution.
_DEGREES_LOST: dict[str, int | None] = {"t": 1, "z": None, "hts": 2, "knha": 1}

PREDICTIONS = tuple(_DEGREES_LOST)


def prediction_df(k: ArrayLike, kind: str = "t") -> Array:
    """Degrees of freedom of a kind of prediction: inf for z, nan where k studies are too few.

    t and knha: k - 1; hts: k - 2 (Higgins, Thompson and Spiegelhalter 2009, doi
    10.1111/j.1467-985X.2008.00552.x). One study leaves no kind, as it cannot tell tau2. Raises
    ValueError for an unknown kind.
    """
    if kind not in _DEGREES_LOST:
        raise ValueError(f"prediction {kind!r} is not one of {', '.join(PREDICTIONS)}")
    k = np.asarray(k, float)
    lost = _DEGREES_LOST[kind]
    if lost is None:
        return np.where(k > 1, np.inf, np.nan)
    return np.where(k > lost, k - lost, np.nan)


def t_quantile(df: ArrayLike, probability: float) -> Array:
    """Quantile of t, one evaluation for each distinct df; normal where df is inf, nan where nan."""
    distinct, places = np.unique(np.asarray(df, float), return_inverse=True)
    students = np.isfinite(distinct)
    quantile = stdtrit(np.where(students, distinct, 1.0), probability)
    quantile = np.where(students, quantile, ndtri(probability))
    return np.where(np.isnan(distinct), np.nan, quantile)[places].reshape(np.shape(df))


def prediction_interval(
    mu: ArrayLike, se: ArrayLike, tau2: ArrayLike, df: ArrayLike, level: float = 95.0
) -> tuple[Array, Array]:
    """Limits mu -+ quantile(df) sqrt(tau2 + se^2) of the effect in a new study.

    mu, se, tau2 (in the units of se squared) and df broadcast; df from `prediction_df`, inf for the
    normal distribution. The kinds differ in df and in se: that of the chosen test for t, z and hts,
    that of Knapp and Hartung for knha (HKSJ in Partlett and Riley 2017, doi 10.1002/sim.7140). nan
    where df is nan, and where tau2 and se are both 0 (identical effects under Knapp and Hartung):
    a width of zero is no prediction. Raises ValueError for a level outside (0, 100).
    """
    check_level(level)
    mu = np.asarray(mu, float)
    reach = t_quantile(df, 0.5 + level / 200) * _scale(se, tau2)
    return mu - reach, mu + reach


def probability_beyond(
    mu: ArrayLike,
    se: ArrayLike,
    tau2: ArrayLike | None,
    df: ArrayLike,
    thresholds: ArrayLike,
) -> Array:
    """P(theta_new > threshold) by the distribution whose quantiles are the prediction interval.

    mu, se, tau2, df: numbers, as for `prediction_interval` (`pi_se` and `pi_df` of a Fit); or
    anything that broadcasts with `thresholds`, on the model scale. Both tails keep their relative
    accuracy: P(theta_new < threshold) is probability_beyond(-mu, se, tau2, df, -threshold). nan
    where the prediction interval is nan. Raises ValueError for tau2 None: equal effects have no
    distribution of effects.
    """
    if tau2 is None:
        raise ValueError("equal effects: no distribution of effects in new studies")
    df = np.asarray(df, float)
    deviate = (np.asarray(mu, float) - np.asarray(thresholds, float)) / _scale(se, tau2)
    students = np.isfinite(df)
    tail = np.where(students, stdtr(np.where(students, df, 1.0), deviate), ndtr(deviate))
    return np.where(np.isnan(df), np.nan, tail)


def _scale(se: ArrayLike, tau2: ArrayLike) -> Array:
    """sqrt(tau2 + se^2), nan where it is zero."""
    scale = np.hypot(np.sqrt(np.asarray(tau2, float)), np.asarray(se, float))
    return np.where(scale > 0, scale, np.nan)
