"""Many fits of the same studies for permutation tests and the parametric bootstrap.

Every fit is that of `regress` or `pool` for the same numbers, bit for bit.
"""

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.heterogeneity import TAU2_ESTIMATORS
from metamill.pooling.inverse_variance import pool
from metamill.pooling.maxima import (
    Array,
    Brackets,
    at_least_two,
    blocks,
    first_index,
    highest_from,
    lattice_index,
    lattice_point,
    power_of_4,
    sure_brackets,
)
from metamill.pooling.profile import check_study_data
from metamill.pooling.regression import TESTS, check_design, coefficients, design_layout
from metamill.pooling.residual_tau2 import METHODS, NormalRegression, fitted, residual_tau2

_EPS = np.finfo(float).eps
_DRAWN = 2**16
"""Numbers drawn at once: no more than so many data sets are held in memory."""


def permutation_fits(
    y: ArrayLike,
    v: ArrayLike,
    x: ArrayLike,
    method: str,
    test: str,
    permutations: ArrayLike,
) -> tuple[Array, Array]:
    """The statistics of `regress` after each permutation of the rows of the design.

    y, v: (k,); x: (k, p); permutations: (m, k), rows of the numbers 0 to k - 1: row
    permutations[i, j] of the design stands beside effect j. Returns the statistics of the
    coefficients, (p, m), and QM of all but the intercept, (m,), each what `regress` gives for the
    effects brought into the order of the design. Raises ValueError for other shapes or numbers,
    KeyError for another method or test, NotIdentified by `check_design`.
    """
    y, v, x = (np.ascontiguousarray(a, float) for a in (y, v, x))
    check_study_data(y, v)
    order = np.asarray(permutations)
    k = len(y)
    if x.ndim != 2 or len(x) != k or not np.isfinite(x).all():
        raise ValueError(f"the design has shape {x.shape}; it must be ({k}, p) and finite")
    if order.ndim != 2 or order.shape[1] != k:
        raise ValueError(f"permutations have shape {order.shape}; they must be (m, {k})")
    if test not in TESTS:
        raise KeyError(test)
    if method not in METHODS:
        raise KeyError(method)
    check_design(x, [f"column {j + 1}" for j in range(x.shape[1])])
    statistics, together = np.empty((x.shape[1], len(order))), np.empty(len(order))
    for part in blocks(len(order), k) if len(order) else ():
        these = order[part]
        if not (np.sort(these, axis=1) == np.arange(k)).all():
            raise ValueError(f"permutations must hold each of 0 to {k - 1} once in every row")
        these = these[at_least_two(np.arange(len(these)))]
        found, qm = _permuted(y, v, x, method, test, np.ascontiguousarray(these.T))
        count = part.stop - part.start
        statistics[:, part], together[part] = found[:, :count], qm[:count]
    return statistics, together


def _permuted(
    y: Array, v: Array, x: Array, method: str, test: str, order: Array
) -> tuple[Array, Array]:
    """One block; order: (k, m), m > 1."""
    layout = design_layout(x)
    unit = power_of_4(np.log(v).mean())
    y, v = y / np.sqrt(unit), v / unit
    back = np.empty_like(order)
    np.put_along_axis(back, order, np.arange(len(y))[:, None], axis=0)
    ys, vs = np.take(y, back), np.take(v, back)
    if method in ("ML", "REML"):
        tau2 = _highest(y, v, ys, vs, layout.design, order, method == "REML")
    else:
        tau2 = residual_tau2(ys, vs, layout.design, method)
    found = coefficients(fitted(ys, vs, layout.design, tau2), ys, layout, test)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = found.b / found.se
    qm = found.chi_squared if test == "z" else found.chi_squared / len(layout.tested)
    return statistic, qm


def _highest(
    y: Array, v: Array, ys: Array, vs: Array, design: Array, order: Array, restricted: bool
) -> Array:
    """tau2 of the effects in the order of the design."""
    constant = design.shape[1] == 2 and np.ptp(design[:, 0]) == 0
    if not constant or not np.ptp(y):
        return residual_tau2(ys, vs, design, "REML" if restricted else "ML")
    of = NormalRegression(ys, vs, design, restricted)
    top = 2 * fitted(ys, np.ones_like(vs), design, 0.0).q
    brackets = _by_moments(y, v, design[:, 1], order, restricted)
    # a perfect line has no residual, and no bracket
    brackets = Brackets(brackets.sure & (top > 0), brackets.low, brackets.high, brackets.start)
    return np.where(top > 0, highest_from(of, np.maximum(top, v.min()), brackets), 0.0)


def _by_moments(y: Array, v: Array, z: Array, order: Array, restricted: bool) -> Brackets:
    """Where rounding cannot matter and there is at most one root: its bracket.

    The design is an intercept and z, whose rows are permuted; effects, variances and with them the
    weighted mean and its residuals e are the same in all. With Szz = sum w (z - zbar)^2 and the
    slope b = sum w e z/Szz the residuals are e - b (z - zbar), and tr P is the trace without z less
    sum w^2 (z - zbar)^2/Szz. Rounding takes no more of the slope than a few k eps
    sum w (Y^2 u + 2) times sum w z^2/Szz, as w <= u and |y| <= Y.
    """
    m = order.shape[1]
    first = int(first_index(v.min()[None])[0])
    low = np.full(m, first)
    top = 2 * ((y - y.mean()) ** 2).sum()
    index = np.arange(first, max(int(lattice_index(np.array([top]))[0]), first) + 3)
    points = np.append(0.0, lattice_point(index))
    middle = z.mean()
    moved = np.take(z - middle, order)
    square = moved * moved
    w = 1 / (v + points[:, None])
    w2 = w * w
    a, d = (part.sum(axis=1)[:, None] for part in (w, w2))
    e = y - (w @ y)[:, None] / a
    we, w2e = w * e, w2 * e
    e1, e2 = (part.sum(axis=1)[:, None] for part in (w2e, w2e * e))
    mean = (w @ moved) / a
    szz = w @ square - a * mean**2
    b = (we @ moved) / szz
    szz2 = w2 @ square - 2 * mean * (w2 @ moved) + mean**2 * d
    slope = e2 - 2 * b * (w2e @ moved - mean * e1) + b**2 * szz2 - a
    if restricted:
        slope += d / a + szz2 / szz
    bound = 160 * (len(y) + 8) * _EPS * a * ((y**2).max() * w.max(axis=1)[:, None] + 2)
    error = bound * (1 + a * ((mean + middle) ** 2 + mean**2) / np.abs(szz))

    def at(row: Array) -> tuple[Array, Array]:
        columns = np.arange(m)
        value = slope[row, columns]
        return value / a[row, 0] ** 2, error[row, columns] / np.abs(value)

    sure = (np.abs(slope) > error).all(axis=0)
    return sure_brackets(points, index, low, slope > 0, sure, at)


def parametric_bootstrap(
    y: ArrayLike, v: ArrayLike, mu: float, tau2: float, count: int, seed: int, method: str
) -> tuple[Array, Array]:
    """The means and tau2 of `count` data sets drawn from the fitted model, both of shape (count,).

    v: (k,), of the studies whose effects are y; each data set has y* ~ N(mu, v + tau2) with these
    v. The draws depend on the seed only, and the first n of them not on `count`. Raises ValueError
    for y and v that are not data, tau2 below 0 or count below 1, KeyError for another method.
    """
    y, v = np.asarray(y, float), np.asarray(v, float)
    check_study_data(y, v)
    if not (np.isfinite(mu) and np.isfinite(tau2) and tau2 >= 0 and count >= 1):
        raise ValueError(f"nothing to draw: mu {mu}, tau2 {tau2}, count {count}")
    if method not in TAU2_ESTIMATORS:
        raise KeyError(method)
    generator = np.random.default_rng(seed)
    spread = np.sqrt(v + tau2)
    width = max(64, _DRAWN // len(v))
    means, estimates = np.empty(count), np.empty(count)
    for start in range(0, count, width):
        part = slice(start, min(start + width, count))
        drawn = generator.standard_normal((width, len(v)))[: max(2, part.stop - start)]
        effects = np.ascontiguousarray((mu + drawn * spread).T)
        fit = pool(effects, np.repeat(v[:, None], effects.shape[1], axis=1), method, "z")
        means[part], estimates[part] = fit.mu[: part.stop - start], fit.tau2[: part.stop - start]
    return means, estimates
