"""Rank correlation of effects and their variances: Begg and Mazumdar's test."""

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.identified import NotIdentified

Array = np.ndarray
_HALF = 0.5
EXACT_UP_TO = 300
"""Studies up to which the exact distribution is used where no value is tied."""


@dataclass(frozen=True)
class RankTest:
    """Kendall's tau (tau-b where values are tied), S = concordant - discordant pairs.

    `p_value` is two-sided, `exact` says from which distribution; `ties` whether values are tied.
    """

    k: int
    tau: float
    s: int
    p_value: float
    exact: bool
    ties: bool


def rank_test(y: ArrayLike, v: ArrayLike) -> RankTest:
    """Kendall's correlation of (y - mu)/sqrt(v - var mu) with v, mu by equal effects.

    Begg and Mazumdar 1994 (doi 10.2307/2533446). y, v: (k,), k >= 3. The p value is exact for up to
    `EXACT_UP_TO` studies without ties, else normal with the variance of S for ties and without
    continuity correction. Raises NotIdentified where all effects or all variances are tied.
    """
    y, v = np.asarray(y, float), np.asarray(v, float)
    w = 1 / v
    share = w / w.sum()
    # about one of them, so that a common size of the effects costs no digit of their differences
    centred = y - y[0]
    deviation = centred - share @ centred
    # v - var mu; of one that outweighs all others these are summed, as a difference would cancel
    rest = 1 - share
    heaviest = int(np.argmax(share))
    if share[heaviest] > _HALF:
        rest[heaviest] = np.delete(share, heaviest).sum()
    return kendall(deviation / np.sqrt(v * rest), v)


def kendall(a: ArrayLike, b: ArrayLike) -> RankTest:
    """Kendall's rank correlation of a and b, each (k,); errors as in `rank_test`."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    k = len(a)
    s = 0
    for i in range(k - 1):
        s += int((np.sign(a[i + 1 :] - a[i]) * np.sign(b[i + 1 :] - b[i])).sum())
    tied_a, tied_b = _tied(a), _tied(b)
    pairs = k * (k - 1) / 2
    free = [pairs - (t * (t - 1)).sum() / 2 for t in (tied_a, tied_b)]
    if free[0] <= 0 or free[1] <= 0:
        what = "standardised effects" if free[0] <= 0 else "sampling variances"
        raise NotIdentified(f"the {what} are all the same, so that they have no order")
    ties = len(tied_a) < k or len(tied_b) < k
    tau = s / sqrt(free[0] * free[1])
    exact = not ties and k <= EXACT_UP_TO
    p_value = _exact_p(s, k) if exact else erfc(abs(s) / sqrt(2 * _variance(k, tied_a, tied_b)))
    return RankTest(k, tau, s, p_value, exact, ties)


def _tied(values: Array) -> Array:
    return np.unique(values, return_counts=True)[1].astype(float)


def _variance(k: int, tied_a: Array, tied_b: Array) -> float:
    """Variance of S with ties (Kendall 1970, chapter 4)."""

    def sums(t: Array) -> tuple[float, float, float]:
        pairs = t * (t - 1)
        return (
            float((pairs * (2 * t + 5)).sum()),
            float(pairs.sum()),
            float((pairs * (t - 2)).sum()),
        )

    (a5, a1, a2), (b5, b1, b2) = sums(tied_a), sums(tied_b)
    total = (k * (k - 1) * (2 * k + 5) - a5 - b5) / 18 + a1 * b1 / (2 * k * (k - 1))
    return total + (a2 * b2 / (9 * k * (k - 1) * (k - 2)) if k > 2 else 0.0)


def _exact_p(s: int, k: int) -> float:
    """Two-sided p of S from the number of orders of k values with each count of inversions."""
    most = k * (k - 1) // 2
    discordant = (most - abs(s)) // 2
    chance = np.zeros(discordant + 1)
    chance[0] = 1.0
    for m in range(2, k + 1):
        # the m-th value adds 0 to m - 1 inversions, each as likely
        cumulated = np.cumsum(chance)
        below = np.concatenate([np.zeros(m), cumulated[:-m]])[: len(cumulated)]
        chance = (cumulated - below) / m
    return float(min(1.0, 2 * chance.sum()))
