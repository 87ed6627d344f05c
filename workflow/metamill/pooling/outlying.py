"""How probable counts as far out as those of a study are under what the other studies predict.

theta ~ N(mu, variance) is the effect of a new study; given theta its events are binomial, Poisson
or, for two groups given both margins, noncentral hypergeometric. The tail probability is twice the
smaller of P(X <= x) and P(X >= x), at most 1: both tails hold x itself, so that the test is exact
and, as counts are discrete, conservative.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import betainc, expit, gammainc, gammaincc, gammaln

from metamill.pooling.profile import Array

_REACH = 8.5
"""Standard deviations of theta on either side: the mass beyond is below 1e-16."""
_PER_WIDTH, _FINEST = 6, 200_000
"""Nodes to the width in which the likelihood of the counts changes, and nodes at most."""
_TABLES = 2_000_000

Tails = Callable[[Array], tuple[Array, Array]]
"""P(X <= x) and P(X >= x) at effects theta, each of their shape."""


def binomial_tail(
    events: float, total: float, mu: float, variance: float, offset: float = 0.0
) -> float:
    """The tail probability of `events` out of `total` > 0 where logit p = offset + theta.

    mu, variance (>= 0): of theta. Effective sizes need not be whole numbers: the tails are then
    those of the incomplete beta function that continues the binomial ones.
    """

    def tails(theta: Array) -> tuple[Array, Array]:
        p, q = expit(offset + theta), expit(-offset - theta)
        low = betainc(total - events, events + 1, q) if events < total else np.ones_like(p)
        high = betainc(events, total - events + 1, p) if events > 0 else np.ones_like(p)
        return low, high

    information = events * (1 - events / total)
    return _two_sided(tails, mu, variance, information)


def poisson_tail(events: float, time: float, mu: float, variance: float) -> float:
    """The tail probability of `events` in `time` > 0 at a rate exp(theta)."""

    def tails(theta: Array) -> tuple[Array, Array]:
        mean = time * np.exp(theta)
        low = gammaincc(events + 1, mean)
        high = gammainc(events, mean) if events > 0 else np.ones_like(mean)
        return low, high

    return _two_sided(tails, mu, variance, events)


def hypergeometric_tail(
    events: tuple[float, float], totals: tuple[float, float], mu: float, variance: float
) -> float:
    """The tail probability of the first group's events given both margins; theta: log odds ratio.

    `events` and `totals` are those of the two groups, whole numbers. 1 where the margins leave only
    one table.
    """
    (a, c), (n1, n2) = events, totals
    j = np.arange(max(0.0, a + c - n2), min(n1, a + c) + 1)
    log_count = -(
        gammaln(j + 1) + gammaln(n1 - j + 1) + gammaln(a + c - j + 1) + gammaln(n2 - a - c + j + 1)
    )

    def tails(theta: Array) -> tuple[Array, Array]:
        step = max(1, _TABLES // len(j))
        parts = [_sums(j, a, log_count, theta[i : i + step]) for i in range(0, len(theta), step)]
        low, high = (np.concatenate(side) for side in zip(*parts, strict=True))
        return low, high

    return _two_sided(tails, mu, variance, min(a, n1 - a, c, n2 - c))


def _sums(j: Array, a: float, log_count: Array, theta: Array) -> tuple[Array, Array]:
    log_p = log_count + theta[:, None] * (j - a)
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    whole = p.sum(axis=1)
    return p[:, j <= a].sum(axis=1) / whole, p[:, j >= a].sum(axis=1) / whole


def _two_sided(tails: Tails, mu: float, variance: float, information: float) -> float:
    """Twice the smaller tail, each the mean over theta by the trapezoidal rule.

    The rule converges exponentially where its step is finer than the width of what is averaged.
    `information` bounds that of the counts about theta, give or take a unit.
    """
    spread = float(np.sqrt(variance))
    width = 1 / np.sqrt(information + 1.0)
    count = int(min(_FINEST, 400 + _PER_WIDTH * 2 * _REACH * spread / width))
    z = np.linspace(-_REACH, _REACH, count)
    density = np.exp(-0.5 * z**2)
    density /= density.sum()
    low, high = (float(density @ side) for side in tails(mu + spread * z))
    return min(1.0, 2 * min(low, high))
