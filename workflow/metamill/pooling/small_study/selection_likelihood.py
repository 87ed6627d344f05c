"""The likelihood of random effects whose studies were selected by steps of their p values.

A study with one-sided p value in interval j is published with a chance in proportion to delta_j,
delta_1 = 1. Its effect y has density delta_j(y) phi((y - mu)/s)/s/A, s^2 = v + tau2, where
A = sum of delta_j times the chance of interval j under N(mu, s^2) (Hedges 1992, doi
10.1214/ss/1177011364; Vevea and Hedges 1995, doi 10.1007/BF02294384). Parameters are
mu, t = tau2 and eta_j = log delta_j for j >= 2.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

Array = np.ndarray
_LOG_2PI = float(np.log(2 * np.pi))
_BLOCK = 2_000_000
"""Numbers of one array at most, in the scan of many means and tau2."""
_ROUNDS, _LONGEST, _CLOSE = 25, 1.5, 1e-3


@dataclass(frozen=True)
class Selected:
    """Effects y, variances v (k,); inner bounds of the intervals as effects, (k, J - 1).

    `group` (k,) is the interval of each study from 0, `counts` (J,) how many each holds. Bounds
    decrease: interval 0 lies above the first.
    """

    y: Array
    v: Array
    bounds: Array
    group: Array
    counts: Array


def selected(y: Array, v: Array, steps: tuple[float, ...]) -> Selected:
    """Studies by the intervals between the inner `steps` of one-sided p = 1 - Phi(y/sqrt(v))."""
    se = np.sqrt(v)
    bounds = -np.multiply.outer(se, ndtri(np.array(steps)))
    p = ndtr(-y / se)
    group = np.searchsorted(np.array(steps), p, side="left")
    return Selected(y, v, bounds, group, np.bincount(group, minlength=len(steps) + 1))


def loglik(data: Selected, mu: float, t: float, eta: Array) -> float:
    """The log likelihood with its constant; t >= 0, eta (J - 1,)."""
    return value_and_slopes(data, mu, t, eta)[0]


def value_and_slopes(data: Selected, mu: float, t: float, eta: Array) -> tuple[float, Array, Array]:
    """Log likelihood, gradient and Hessian in (mu, t, eta)."""
    s2 = data.v + t
    s, r = np.sqrt(s2), data.y - mu
    delta = np.concatenate([[1.0], np.exp(eta)])
    z = (data.bounds - mu) / s[:, None]
    parts = delta * _chances(z)
    a = parts.sum(axis=1)
    value = float(
        (np.log(delta)[data.group] - 0.5 * (_LOG_2PI + np.log(s2) + r**2 / s2) - np.log(a)).sum()
    )
    phi = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    jump, s1 = np.diff(delta), s[:, None]
    none = np.zeros((len(s), 1))
    by_mu = delta * np.diff(np.hstack([none, phi, none]), axis=1) / s1
    by_t = delta * np.diff(np.hstack([none, phi * z, none]), axis=1) / (2 * s1**2)
    p = 2 + len(eta)
    first = np.column_stack([by_mu.sum(axis=1), by_t.sum(axis=1), parts[:, 1:]]) / a[:, None]
    second = np.zeros((len(s), p, p))
    second[:, 0, 0] = -(jump * z * phi).sum(axis=1) / s2
    second[:, 0, 1] = second[:, 1, 0] = (jump * phi * (1 - z**2)).sum(axis=1) / (2 * s**3)
    second[:, 1, 1] = (jump * phi * z * (3 - z**2)).sum(axis=1) / (4 * s2**2)
    second[:, 0, 2:] = second[:, 2:, 0] = by_mu[:, 1:]
    second[:, 1, 2:] = second[:, 2:, 1] = by_t[:, 1:]
    inner = np.arange(2, p)
    second[:, inner, inner] = parts[:, 1:]
    gradient = -first.sum(axis=0)
    gradient[0] += (r / s2).sum()
    gradient[1] += 0.5 * (r**2 / s2**2 - 1 / s2).sum()
    gradient[2:] += data.counts[1:]
    hessian = first.T @ first - (second / a[:, None, None]).sum(axis=0)
    hessian[0, 0] -= (1 / s2).sum()
    hessian[0, 1] -= (r / s2**2).sum()
    hessian[1, 0] = hessian[0, 1]
    hessian[1, 1] += (0.5 / s2**2 - r**2 / s2**3).sum()
    return value, gradient, hessian


def _chances(z: Array) -> Array:
    """The chance of each interval, (..., J), between decreasing inner bounds z (..., J - 1)."""
    edge = np.full((*z.shape[:-1], 1), np.inf)
    upper, lower = np.concatenate([edge, z], axis=-1), np.concatenate([z, -edge], axis=-1)
    # from the nearer tail, so that a small chance keeps its digits
    flipped = lower > 0
    return np.where(flipped, ndtr(-lower) - ndtr(-upper), ndtr(upper) - ndtr(lower))


def profile(data: Selected, mu: Array, t: Array) -> tuple[Array, Array]:
    """The likelihood (g,) with eta (g, J - 1) at its best for each mu and t, both (g,).

    In eta it is concave, with one maximum where every interval holds a study.
    """
    k, bounds = data.bounds.shape
    size = max(1, _BLOCK // (k * (bounds + 1)))
    found = [_profile(data, mu[i : i + size], t[i : i + size]) for i in range(0, len(mu), size)]
    return np.concatenate([v for v, _ in found]), np.concatenate([e for _, e in found])


def _profile(data: Selected, mu: Array, t: Array) -> tuple[Array, Array]:
    s2 = data.v + t[:, None]
    chance = _chances((data.bounds - mu[:, None, None]) / np.sqrt(s2)[:, :, None])
    counts = data.counts[1:].astype(float)
    eta = np.zeros((len(mu), len(counts)))
    open_ = np.arange(len(mu))
    for _ in range(_ROUNDS):
        share = np.exp(_with_zero(eta[open_]))[:, None, :] * chance[open_]
        share = share[:, :, 1:] / share.sum(axis=2, keepdims=True)
        sums = share.sum(axis=1)
        negative = -(share.transpose(0, 2, 1) @ share)
        inner = np.arange(len(counts))
        negative[:, inner, inner] += sums + 1e-12
        step = np.linalg.solve(negative, (counts - sums)[:, :, None])[:, :, 0]
        eta[open_] += np.clip(step, -_LONGEST, _LONGEST)
        open_ = open_[np.abs(step).max(axis=1) > _CLOSE]
        if not len(open_):
            break
    a = (np.exp(_with_zero(eta))[:, None, :] * chance).sum(axis=2)
    normal = -0.5 * (_LOG_2PI + np.log(s2) + (data.y - mu[:, None]) ** 2 / s2)
    return (normal - np.log(a)).sum(axis=1) + eta @ counts, eta


def _with_zero(eta: Array) -> Array:
    return np.concatenate([np.zeros((len(eta), 1)), eta], axis=1)
