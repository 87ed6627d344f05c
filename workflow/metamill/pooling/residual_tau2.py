"""Residual heterogeneity: tau2 of studies about a weighted least-squares fit on a design.

y_i ~ N(x_i b, v_i + tau2). Data sets run along the last axis, the design is shared by all. The
weighted fit is a Gram-Schmidt of the columns in the inner product of the weights: no normal
equations are solved, and a data set has the same bits alone as among others. With a column of ones
every estimator is that of heterogeneity.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from metamill.pooling.score_root import at_least_two, root_of_score

Array = np.ndarray

_GRID = 96
_FEW_COLUMNS = 4
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
    factor = np.exp(np.log(v).mean(axis=0))
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


def _loglik(y: Array, v: Array, x: Array, tau2: Array, restricted: bool) -> Array:
    """Log-likelihood (restricted or not) of tau2 with b profiled out, up to a constant."""
    at = fitted(y, v, x, tau2)
    value = -0.5 * np.log(v + tau2).sum(axis=0) - 0.5 * at.q
    if restricted:
        for j in range(x.shape[1]):
            value = value - np.log(at.upper[j, j])
    return value


def _score(
    y: Array, v: Array, x: Array, tau2: Array, restricted: bool
) -> tuple[Array, Callable[[], Array]]:
    """First derivative of `_loglik` in tau2, and the second, computed on demand."""
    at = fitted(y, v, x, tau2)
    w2 = at.w**2
    first = 0.5 * ((w2 * at.residual**2).sum(axis=0) - (at.trace if restricted else 0.0))
    if not restricted:
        first = first - 0.5 * at.w.sum(axis=0)

    def second() -> Array:
        bend = 0.5 * w2.sum(axis=0) - (w2 * at.w * at.residual**2).sum(axis=0)
        weighted = [w2 * column for column in at.basis]
        for one in weighted:
            bend = bend + (one * at.residual).sum(axis=0) ** 2
        if restricted:
            bend = bend - (w2 * at.w * _sum_of_squares(at.basis)).sum(axis=0)
            for one in weighted:
                for column in at.basis:
                    bend = bend + 0.5 * (one * column).sum(axis=0) ** 2
        return bend

    return first, second


def _derivatives(
    y: Array, v: Array, x: Array, tau2: Array, restricted: bool
) -> tuple[Array, Array]:
    first, second = _score(y, v, x, tau2, restricted)
    with np.errstate(divide="ignore", invalid="ignore"):
        return first, second()


def _maximum_likelihood(y: Array, v: Array, x: Array, restricted: bool) -> Array:
    """Every root of the score is bracketed and the highest maximum wins, tau2 = 0 among them.

    No root lies beyond the residual sum of squares with equal weights. ML: at a root
    sum w = sum w^2 r^2 <= max(w) sum w r^2 <= max(w) sum w e^2 for any residuals e, so
    min(v) + tau2 <= max(e^2). REML: with error contrasts z that make their variances diagonal,
    l + tau2, at a root sum (z^2 - l - tau2)/(l + tau2)^2 = 0, so tau2 <= max(z^2).
    """
    m = y.shape[1]
    top = 2 * fitted(y, np.ones_like(v), x, 0.0).q
    bottom = np.minimum(v.min(axis=0), top) * 1e-6
    estimate = np.zeros(m)
    alive = np.flatnonzero(bottom > 0)
    if not alive.size:
        return estimate
    alive = at_least_two(alive)
    y, v, top, bottom = (np.take(a, alive, axis=-1) for a in (y, v, top, bottom))
    steps = np.linspace(0.0, 1.0, _GRID)[:, None]
    grid = np.vstack([np.zeros(alive.size), bottom * (top / bottom) ** steps])
    if alive.size <= _FEW_COLUMNS:
        scores = _score(y[:, None], v[:, None], x, grid, restricted)[0]
    else:
        scores = np.array([_score(y, v, x, point, restricted)[0] for point in grid])
    falls = (scores[:-1] > 0) & (scores[1:] <= 0)
    best = np.zeros(alive.size)
    # next to a tiny tau2 both are as high: 0 competes only where the likelihood falls from it
    highest = np.where(scores[0] > 0, -np.inf, _loglik(y, v, x, best, restricted))
    for turn in range(int(falls.sum(axis=0).max(initial=0))):
        columns = at_least_two(np.flatnonzero(falls.sum(axis=0) > turn))
        cells = np.array([np.flatnonzero(falls[:, c])[turn] for c in columns])
        part = (np.take(y, columns, axis=1), np.take(v, columns, axis=1), x)
        ends = grid[cells, columns], grid[cells + 1, columns]
        root = root_of_score(partial(_derivatives, *part, restricted=restricted), *ends)
        height = _loglik(*part, root, restricted)
        better = height > highest[columns]
        best[columns[better]] = root[better]
        highest[columns[better]] = height[better]
    estimate[alive] = best
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
