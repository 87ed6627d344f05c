"""Residual heterogeneity: tau2 of studies about a weighted least-squares fit on a design.

y_i ~ N(x_i b, v_i + tau2). Data sets run along the last axis, the design is shared by all. The
weighted fit is a Gram-Schmidt of the columns in the inner product of the weights: no normal
equations are solved, and a data set has the same bits alone as among others. With a column of ones
every estimator is that of heterogeneity.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from metamill.pooling.maxima import (
    Array,
    at_least_two,
    blocks,
    highest_maximum,
    power_of_4,
)

_NEWTON_STEPS = 400
_EPS = np.finfo(float).eps


@dataclass(frozen=True)
class Fitted:
    """Weighted least squares at one tau2 per data set, p columns.

    `w`, `residual`: (k, m); `basis`: p arrays (k, m), orthonormal in the weights; `along`: (p, m),
    the effects along each of them; `upper`: (p, p, m), design = basis times upper; `q`: (m,), the
    weighted sum of squares of the residuals.
    """

    w: Array
    basis: tuple[Array, ...]
    upper: Array
    along: Array
    residual: Array
    q: Array

    @property
    def trace(self) -> Array:
        """tr P, P = W - W X (X'WX)^-1 X'W, by its diagonal, no term of which is negative."""
        leverage = self.w * _sum_of_squares(self.basis)
        return (self.w * np.maximum(1 - leverage, 0.0)).sum(axis=0)


def _sum_of_squares(basis: tuple[Array, ...]) -> Array:
    total = basis[0] ** 2
    for column in basis[1:]:
        total = total + column**2
    return total


def fitted(y: Array, v: Array, x: Array, tau2: Array | float) -> Fitted:
    """Fit y on the design with weights 1/(v + tau2).

    y, v: (k, m), or (k, 1, m) for tau2 of shape (g, m); x: (k, p), of full rank.
    """
    w = 1 / (v + tau2)
    count = x.shape[1]
    upper = np.zeros((count, count, *w.shape[1:]))
    along = np.zeros((count, *w.shape[1:]))
    basis: list[Array] = []
    weighted: list[Array] = []
    residual = y
    for j in range(count):
        column = x[:, j].reshape(-1, *(1,) * (w.ndim - 1))
        for i in range(j):
            upper[i, j] = (weighted[i] * column).sum(axis=0)
            column = column - upper[i, j] * basis[i]
        upper[j, j] = np.sqrt((w * column**2).sum(axis=0))
        basis.append(column / upper[j, j])
        weighted.append(w * basis[j])
        along[j] = (weighted[j] * residual).sum(axis=0)
        residual = residual - along[j] * basis[j]
    return Fitted(w, tuple(basis), upper, along, residual, (w * residual**2).sum(axis=0))


def residual_tau2(y: Array, v: Array, x: Array, method: str) -> Array:
    """tau2 by `method`, truncated at zero, shape (m,).

    y, v: (k, m), finite, v > 0; x: (k, p) of full rank, k > p. With P the residual projection at
    tau2 = 0 (or at the weights named) and RSS = y'Py:

    DL (RSS - k + p)/tr P; HE the same with equal weights, (RSS - tr PV)/(k - p), Hedges 1983
    (Raudenbush 2009, chapter 16 of the Handbook of Research Synthesis); HS (RSS - k)/sum w; SJ
    t0 y'P(t0)y/(k - p) from t0 = sum (y - mean)^2/k (Sidik and Jonkman 2005, doi
    10.1081/BIP-200067915); DL2 the general method of moments (DerSimonian and Kacker 2007) with the
    weights of DL; PM and EB the root of y'P(tau2)y = k - p (Paule and Mandel 1982; Morris 1983;
    Knapp and Hartung 2003); ML and REML the highest maximum (Raudenbush and Bryk 1985;
    Viechtbauer 2005). EE is 0. Raises KeyError for another method and ArithmeticError if an
    iteration fails.
    """
    factor = power_of_4(np.log(v).mean(axis=0))
    y, v = y / np.sqrt(factor), v / factor
    return np.maximum(_ESTIMATORS[method](y, v, x), 0.0) * factor


def _free(x: Array) -> int:
    return x.shape[0] - x.shape[1]


def _equal_effects(y: Array, v: Array, x: Array) -> Array:
    return np.zeros(y.shape[1])


def _dersimonian_laird(y: Array, v: Array, x: Array) -> Array:
    at = fitted(y, v, x, 0.0)
    return (at.q - _free(x)) / at.trace


def _two_step(y: Array, v: Array, x: Array) -> Array:
    """tr P(t)(V + t) = k - p turns the expectation of y'P(t)y into this step from t."""
    first = np.maximum(_dersimonian_laird(y, v, x), 0.0)
    at = fitted(y, v, x, first)
    return first + (at.q - _free(x)) / at.trace


def _hedges(y: Array, v: Array, x: Array) -> Array:
    at = fitted(y, np.ones_like(v), x, 0.0)
    kept = np.maximum(1 - _sum_of_squares(at.basis), 0.0)
    return (at.q - (kept * v).sum(axis=0)) / _free(x)


def _hunter_schmidt(y: Array, v: Array, x: Array) -> Array:
    at = fitted(y, v, x, 0.0)
    return (at.q - len(x)) / at.w.sum(axis=0)


def _sidik_jonkman(y: Array, v: Array, x: Array) -> Array:
    # from one of the effects, so that identical effects have a variance of exactly zero
    from_first = y - y[0]
    start = ((from_first - from_first.mean(axis=0)) ** 2).mean(axis=0)
    safe = np.where(start > 0, start, 1.0)
    return np.where(start > 0, safe * fitted(y, v, x, safe).q / _free(x), 0.0)


def _paule_mandel(y: Array, v: Array, x: Array) -> Array:
    """Newton's method from zero climbs to the root, Q being convex and decreasing in tau2.

    A column that has settled stays as it is, so that its bits do not depend on the others.
    """
    tau2 = np.zeros(y.shape[1])
    done = np.zeros(tau2.shape, bool)
    for _ in range(_NEWTON_STEPS):
        at = fitted(y, v, x, tau2)
        slope = ((at.w * at.residual) ** 2).sum(axis=0)
        step = np.where(slope > 0, (at.q - _free(x)) / np.where(slope > 0, slope, 1.0), 0.0)
        tau2 = tau2 + np.where(done, 0.0, np.maximum(step, 0.0))
        done |= step <= 2 * _EPS * tau2
        if done.all():
            return tau2
    raise ArithmeticError("the Q equation did not converge")


@dataclass(frozen=True)
class NormalRegression:
    """The likelihood with b profiled out; y, v: (k, m), x: (k, p)."""

    y: Array
    v: Array
    x: Array
    restricted: bool

    @property
    def least(self) -> Array:
        return self.v.min(axis=0)

    def take(self, columns: Array) -> Self:
        y, v = (np.take(a, columns, axis=1) for a in (self.y, self.v))
        return type(self)(y, v, self.x, self.restricted)

    def slope(self, tau2: Array) -> Array:
        at = fitted(self.y[:, None], self.v[:, None], self.x, tau2)
        sum_w = at.w.sum(axis=0)
        expected = at.trace if self.restricted else sum_w
        return (((at.w * at.residual) ** 2).sum(axis=0) - expected) / sum_w**2

    def slopes(self, tau2: Array) -> tuple[Array, Array]:
        at = fitted(self.y, self.v, self.x, tau2)
        w2 = at.w**2
        sum_w, sum_w2 = at.w.sum(axis=0), w2.sum(axis=0)
        w2_r2 = w2 * at.residual**2
        first = w2_r2.sum(axis=0) - (at.trace if self.restricted else sum_w)
        second = 0.5 * sum_w2 - (at.w * w2_r2).sum(axis=0)
        weighted = [w2 * column for column in at.basis]
        for one in weighted:
            second += (one * at.residual).sum(axis=0) ** 2
        if self.restricted:
            for i, one in enumerate(weighted):
                second -= (one * at.w * at.basis[i]).sum(axis=0)
                second += 0.5 * (one * at.basis[i]).sum(axis=0) ** 2
                for column in at.basis[:i]:
                    second += (one * column).sum(axis=0) ** 2
        return 0.5 * first, second + first * sum_w2 / sum_w

    def gain(self, tau2: Array, over: Array) -> Array:
        one, other = (fitted(self.y, self.v, self.x, t) for t in (tau2, over))
        gained = -np.log((self.v + tau2) / (self.v + over)).sum(axis=0) - (one.q - other.q)
        if self.restricted:
            for j in range(self.x.shape[1]):
                gained -= 2 * np.log(one.upper[j, j] / other.upper[j, j])
        return gained


def _maximum_likelihood(y: Array, v: Array, x: Array, restricted: bool) -> Array:
    """The highest maximum, tau2 = 0 among them, in blocks that stay in the cache.

    No root lies beyond the residual sum of squares with equal weights. ML: at a root
    sum w = sum w^2 r^2 <= max(w) sum w r^2 <= max(w) sum w e^2 for any residuals e, so
    min(v) + tau2 <= max(e^2). REML: with error contrasts z that make their variances diagonal,
    l + tau2, at a root sum (z^2 - l - tau2)/(l + tau2)^2 = 0, so tau2 <= max(z^2).
    """
    estimate = np.zeros(y.shape[1])
    top = 2 * fitted(y, np.ones_like(v), x, 0.0).q
    alive = np.flatnonzero((top > 0) & (v.min(axis=0) > 0))
    for part in blocks(alive.size, len(y)) if alive.size else ():
        columns = at_least_two(alive[part])
        of = NormalRegression(
            np.take(y, columns, axis=1), np.take(v, columns, axis=1), x, restricted
        )
        estimate[columns] = highest_maximum(of, top[columns])
    return estimate


_ESTIMATORS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "EE": _equal_effects,
    "DL": _dersimonian_laird,
    "HE": _hedges,
    "HS": _hunter_schmidt,
    "SJ": _sidik_jonkman,
    "ML": lambda y, v, x: _maximum_likelihood(y, v, x, restricted=False),
    "REML": lambda y, v, x: _maximum_likelihood(y, v, x, restricted=True),
    "EB": _paule_mandel,
    "PM": _paule_mandel,
    "DL2": _two_step,
}

METHODS = tuple(_ESTIMATORS)
