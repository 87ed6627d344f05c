"""How much of the variance of many estimates lies between the levels of each of several factors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.profile import Array

ROUNDING = 1e-12
"""Shares and, relative to the values, deviations below this are none."""


@dataclass(frozen=True)
class MainEffects:
    """Shares of the total sum of squares, 0 to 1.

    `shares` has one per factor (eta squared); `rest` is what no factor explains alone, nan where
    the design is not balanced and shares may overlap.
    """

    shares: Array
    rest: float


def main_effects(values: ArrayLike, levels: ArrayLike) -> MainEffects | None:
    """Eta squared of each factor: the sum of squares between its levels over the total one.

    values: (n,), finite; levels: (d, n), whole numbers from 0. SS_between = sum over levels of
    n_l (mean_l - mean)^2, SS_total = sum (y - mean)^2. In a balanced design, in which every pair of
    levels of two factors occurs equally often, the factors are orthogonal and what is left is
    their interactions. None where fewer than two values differ. Raises ValueError for shapes that
    do not belong together.
    """
    y, codes = np.asarray(values, float), np.asarray(levels, int)
    if y.ndim != 1 or codes.ndim != 2 or codes.shape[1] != len(y) or not np.isfinite(y).all():
        raise ValueError("values must be (n,) and finite, levels (d, n)")
    if len(y) < 2:
        return None
    size = np.abs(y).max()
    deviation = y - y.mean()
    total = float(deviation @ deviation)
    # a variance of rounding alone is none
    if not total > len(y) * (ROUNDING * size) ** 2:
        return None
    shares = []
    for of_factor in codes:
        count = np.bincount(of_factor)
        sums = np.bincount(of_factor, deviation)
        present = count > 0
        share = float((sums[present] ** 2 / count[present]).sum()) / total
        shares.append(share if share > ROUNDING else 0.0)
    rest = max(0.0, 1 - sum(shares)) if _balanced(codes) else float("nan")
    return MainEffects(np.array(shares), rest)


def _balanced(codes: Array) -> bool:
    """Whether every pair of levels of two factors occurs as often as any other pair of theirs.

    Levels that do not occur at all are none.
    """
    codes = np.array([np.unique(of_factor, return_inverse=True)[1] for of_factor in codes])
    for i, first in enumerate(codes):
        if np.ptp(np.bincount(first)):
            return False
        for second in codes[i + 1 :]:
            pairs = np.bincount(first * (second.max() + 1) + second)
            if len(pairs) != (first.max() + 1) * (second.max() + 1) or np.ptp(pairs):
                return False
    return True
