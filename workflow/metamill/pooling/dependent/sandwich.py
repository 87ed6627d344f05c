"""CR2: the bias-reduced cluster-robust variance of a pooled mean, and its degrees of freedom.

Bell and McCaffrey 2002; Tipton 2015 (doi 10.1037/met0000011); Pustejovsky and Tipton 2018 (doi
10.1080/07350015.2016.1247004), eqs. 9 to 12, for one coefficient, weights inverse to the working
covariance, and the working covariance Phi_j = diag(d) + b x x' of study j. With W = Phi^-1,
S_j = x' W_j x and S = sum S_j the estimate is sum x'W_j y_j/S, the residuals of study j have the
working covariance Phi_j - x x'/S, and A_j, its symmetric adjustment, makes the variance
sum (x' W_j A_j e_j)^2/S^2 unbiased when the working covariance is right.
"""

from dataclasses import dataclass

import numpy as np

from metamill.pooling.dependent.rows import Array, Rows
from metamill.pooling.identified import NotIdentified

_ALL_OF_THE_WEIGHT = 1e-10
_NO_SPREAD = 1e-13
_STEP, _LEFT, _RIGHT = 0.2, 39.0, 13.0


@dataclass(frozen=True)
class Robust:
    """The robust variance of the mean and its Satterthwaite degrees of freedom."""

    variance: float
    df: float


def _pairs(a: Array) -> float:
    """sum over i != j of a_i a_j, a >= 0, without the cancellation of (sum a)^2 - sum a^2."""
    return float(2 * (a[1:] * np.cumsum(a)[:-1]).sum())


def _others(a: Array) -> Array:
    """The sum of all elements but each one, a >= 0, without subtracting."""
    before = np.append(0.0, np.cumsum(a)[:-1])
    after = np.append(np.cumsum(a[::-1])[::-1][1:], 0.0)
    return before + after


def _diagonal(data: Rows, d: Array, x: Array, b: float, r: Array) -> tuple[Array, Array, Array]:
    """Eigenvalues of each Phi_j, and x and r on its eigenvectors."""
    if b == 0:
        return d, x, r
    value, x_new, r_new = d + b * x**2, x.copy(), r.copy()
    for first, size in zip(data.first, data.size, strict=True):
        if size > 1:
            at = slice(first, first + size)
            value[at], vectors = np.linalg.eigh(np.diag(d[at]) + b * np.outer(x[at], x[at]))
            x_new[at], r_new[at] = vectors.T @ x[at], vectors.T @ r[at]
    return value, x_new, r_new


def _adjusted(data: Rows, phi: Array, x: Array, others: Array, total: float) -> Array:
    """A_j W_j x for every row, with Phi_j = diag(phi).

    A_j = D' B^(-1/2) D with Phi_j = D'D and B = D (Phi_j - x x'/S) D' = Phi_j^2 - f f'/S, where
    f = D x. As B^(-1/2) = (2/pi) integral over t > 0 of (t^2 + B)^-1 and the rank-one change of
    that inverse is known, A_j W_j x needs sums of positive terms only: no eigenvalue of B is
    computed, and none is lost to a study that carries nearly all of the weight. In log t the
    trapezoidal rule converges geometrically; nothing is singular within pi/2 of the real line.
    """
    lowest = np.log(phi.min()) + 0.5 * np.log(others.min() / total)
    log_t = np.arange(lowest - _LEFT, np.log(phi.max()) + _RIGHT, _STEP)
    t = np.exp(log_t)
    column, square = phi[:, None], (x**2)[:, None]
    resolvent = 1 / (t**2 + column**2)
    numerator = data.sums(square * resolvent)
    denominator = others[:, None] + data.sums(square / column * t**2 * resolvent)
    ratio = (numerator / denominator)[data.index]
    integral = (column * resolvent * ratio * t).sum(axis=1) * _STEP
    return x * (1 / phi + 2 / np.pi * integral)


def robust_variance(data: Rows, d: Array, x: Array, b: float, residual: Array) -> Robust:
    """CR2 variance and degrees of freedom; d, x, residual (k,) in the order of `data`.

    Raises NotIdentified with fewer than two studies, where one study carries all of the weight,
    and where the studies agree so exactly that the variance would be zero.
    """
    phi, x, residual = _diagonal(data, d, x, b, residual)
    weight = data.sums(x**2 / phi)
    total, others = float(weight.sum()), _others(weight)
    if others.min() <= _ALL_OF_THE_WEIGHT * total:
        raise NotIdentified("one study carries all of the weight: no robust standard error")
    adjusted = _adjusted(data, phi, x, others, total)
    score = data.sums(adjusted * residual)
    size = data.sums(np.abs(adjusted) * (np.abs(residual) + np.abs(data.y).max()))
    if (np.abs(score) <= _NO_SPREAD * size).all():
        raise NotIdentified("the studies agree exactly: a robust standard error would be zero")
    t2 = data.sums(x * adjusted) ** 2 / total**2
    df = 1 / (((weight / total) ** 2).sum() + _pairs(t2))
    return Robust(float((score**2).sum() / total**2), float(df))
