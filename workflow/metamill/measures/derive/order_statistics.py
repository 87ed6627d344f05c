"""Moments of order statistics of a normal sample, by quadrature.

The r-th of n uniform order statistics is Beta(r, n + 1 - r), and given it, what lies above it is
again an order statistic of fewer uniforms (David and Nagaraja 2003, sections 2.1 and 2.5). Beta
shapes need not be whole, so a quantile between two data points is a fractional order statistic
(Stigler 1977).
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.special import betaln, expit, log_expit, ndtri

from metamill.measures.effects import Array

_STEPS = np.linspace(-4.6, 4.6, 93)


def _beta_nodes(a: float, b: float) -> tuple[Array, Array]:
    """Nodes on the logit scale and weights for the distribution Beta(a, b), a and b at least 1.

    Steps of sinh: tails that fall like exp(-|x|) end within the nodes, and the trapezoidal rule
    has an error below 1e-12.
    """
    mode, scale = np.log(a / b), np.sqrt((a + b) / (a * b))
    x = mode + scale * np.sinh(_STEPS)
    log_density = a * log_expit(x) + b * log_expit(-x) - betaln(a, b)
    weights = np.exp(log_density) * scale * np.cosh(_STEPS) * (_STEPS[1] - _STEPS[0])
    return x, weights / weights.sum()


def _quantile(lower: Array, upper: Array) -> Array:
    """Standard normal quantile of `lower` = 1 - `upper`, without cancellation in either tail."""
    return np.where(lower < upper, ndtri(lower), -ndtri(upper))


@cache
def normal_moments(ranks: tuple[float, ...], n: int) -> tuple[Array, Array]:
    """Means (m,) and covariances (m, m) of standard normal order statistics.

    `ranks` rise from at least 1 to at most n and differ by at least 1 (equal ones are one).
    """
    m = len(ranks)
    means, second = np.empty(m), np.empty((m, m))
    for i, r in enumerate(ranks):
        x, weights = _beta_nodes(r, n + 1 - r)
        z = _quantile(expit(x), expit(-x))
        means[i], second[i, i] = weights @ z, weights @ z**2
        for j in range(i + 1, m):
            y, inner = _beta_nodes(ranks[j] - r, n + 1 - ranks[j])
            upper = expit(-x)[:, None] * expit(-y)[None, :]
            lower = expit(x)[:, None] + expit(-x)[:, None] * expit(y)[None, :]
            second[i, j] = second[j, i] = (weights * z) @ (_quantile(lower, upper) @ inner)
    covariances = second - np.outer(means, means)
    means.flags.writeable = covariances.flags.writeable = False
    return means, covariances


def linear_moments(weights: Sequence[float], ranks: Sequence[float], n: int) -> tuple[float, float]:
    """Mean and variance of a weighted sum of standard normal order statistics."""
    used = [(w, r) for w, r in zip(weights, ranks, strict=True) if w != 0]
    means, covariances = normal_moments(tuple(r for _, r in used), n)
    w = np.array([w for w, _ in used])
    return float(w @ means), float(w @ covariances @ w)
