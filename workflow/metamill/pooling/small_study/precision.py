"""The precision-effect test and estimate: the mean where the standard error is nought."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtr

from metamill.pooling.small_study.asymmetry import line

CONDITION = 0.05
"""One-sided p value of PET's intercept from which on PEESE is not taken."""


@dataclass(frozen=True)
class PrecisionEstimate:
    """A mean on the model scale with its standard error, limits and test of being 0.

    `df` is nan for a normal law.
    """

    mu: float
    se: float
    low: float
    high: float
    statistic: float
    df: float
    p_value: float

    @staticmethod
    def normal(mu: float, se: float, low: float, high: float) -> "PrecisionEstimate":
        """With limits that are known and the normal test of mu = 0."""
        statistic = mu / se
        p_value = float(2 * ndtr(-abs(statistic)))
        return PrecisionEstimate(mu, se, low, high, statistic, float("nan"), p_value)


def precision_estimate(
    y: ArrayLike, v: ArrayLike, predictor: ArrayLike, level: float = 95.0
) -> PrecisionEstimate:
    """The intercept of effects on `predictor`, weights 1/v, multiplicative dispersion, t with k-2.

    PET with the standard errors as predictor, PEESE with the variances (Stanley and Doucouliagos
    2014, doi 10.1002/jrsm.1095). Arguments and errors as in `asymmetry.line`.
    """
    fit = line(y, v, predictor, level)
    return PrecisionEstimate(
        fit.intercept,
        fit.intercept_se,
        fit.intercept_low,
        fit.intercept_high,
        fit.intercept_statistic,
        fit.df,
        fit.intercept_p,
    )


def chooses_peese(pet: PrecisionEstimate, sign: float) -> bool:
    """Whether PET-PEESE takes PEESE: PET's intercept lies beyond 0, on the side of `sign`.

    By a one-sided test at 5 per cent (Stanley and Doucouliagos 2014).
    """
    return bool(stdtr(pet.df, -np.sign(sign) * pet.statistic) < CONDITION)
