"""Wald test and interval of one coefficient, normal or t with any positive degrees of freedom."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit


@dataclass(frozen=True)
class Wald:
    """statistic = estimate/se, its two-sided p value, limits, and the quantile behind them."""

    statistic: float
    p_value: float
    low: float
    high: float
    quantile: float


def check_level(level: float) -> None:
    """Raise ValueError for a level (per cent) outside (0, 100)."""
    if not 0 < level < 100:
        raise ValueError(f"level must lie between 0 and 100, not {level}")


def wald(estimate: float, se: float, df: float, level: float) -> Wald:
    """estimate -+ quantile se; se > 0; df may be fractional, inf is the normal distribution."""
    statistic = estimate / se
    if np.isinf(df):
        quantile, tail = ndtri(0.5 + level / 200), ndtr(-abs(statistic))
    else:
        quantile, tail = stdtrit(df, 0.5 + level / 200), stdtr(df, -abs(statistic))
    return Wald(
        statistic=float(statistic),
        p_value=float(2 * tail),
        low=float(estimate - quantile * se),
        high=float(estimate + quantile * se),
        quantile=float(quantile),
    )
