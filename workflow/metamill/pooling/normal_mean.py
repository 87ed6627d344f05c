"""ML and REML of tau2 about one mean: y_i ~ N(mu, v_i + tau2), for many data sets at once.

Where data sets share their sampling variances, as subsets of the same studies do and data drawn
from one model, the slope on the lattice of maxima.py is a function of five sums that are matrix
products. These round in another order than the slope itself, so they decide nothing that rounding
could: each carries a bound of its error, and a data set where a sign or the start of Newton's
method is in doubt is looked at by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from metamill.pooling.maxima import (
    Array,
    Brackets,
    at_least_two,
    blocks,
    first_index,
    highest_from,
    highest_maximum,
    lattice_index,
    lattice_point,
    sure_brackets,
)

_EPS = np.finfo(float).eps
_FEW = 16
"""Fewer data sets than this are looked at one by one, which takes no longer."""
_MANY = 400
"""From so many studies on the sums without one study are differences of the sums of all."""
RANGE = 2.0**200
"""Sampling variances of one table that differ by more could overflow in each other's units."""


def _summed(a: Array, b: Array) -> Array:
    """sum a b over studies, row by row as `sum` adds them, without an array of products."""
    return np.einsum("km,km->m", a, b)


@dataclass(frozen=True)
class NormalMean:
    """The likelihood with mu profiled out (Viechtbauer 2005, doi 10.3102/10769986030003261).

    y, v: (k, m), v inf where a study is left out; least: (m,). The most precise study of each data
    set stands apart: y is measured from it, `least` is its v and `v` has inf in its row. Summed
    beside the others it would take their digits where it outweighs them.
    """

    y: Array
    v: Array
    least: Array
    restricted: bool

    def take(self, columns: Array) -> Self:
        y, v, least = (np.take(a, columns, axis=-1) for a in (self.y, self.v, self.least))
        return type(self)(y, v, least, self.restricted)

    def slope(self, tau2: Array) -> Array:
        w = np.add(self.v[:, None], tau2)
        np.divide(1.0, w, out=w)
        w0 = 1 / (self.least + tau2)
        rest = w.sum(axis=0)
        sum_w = rest + w0
        part = w * self.y[:, None]
        mu = part.sum(axis=0) / sum_w
        np.subtract(self.y[:, None], mu, out=part)
        w *= w
        part *= part
        part *= w
        first = part.sum(axis=0) + (w0 * mu) ** 2
        if self.restricted:
            first -= (rest * (sum_w + w0) - w.sum(axis=0)) / sum_w
        else:
            first -= sum_w
        return first / sum_w**2

    def slopes(self, tau2: Array) -> tuple[Array, Array]:
        w = np.add(self.v, tau2)
        np.divide(1.0, w, out=w)
        w0 = 1 / (self.least + tau2)
        rest = w.sum(axis=0)
        sum_w = rest + w0
        mu = _summed(w, self.y) / sum_w
        residual = np.subtract(self.y, mu)
        w2, first_w2, first_w2_r2 = w * w, w0**2, (w0 * mu) ** 2
        rest_w2 = w2.sum(axis=0)
        part = residual * w2
        bend = part.sum(axis=0) - first_w2 * mu
        first = _summed(residual, part) + first_w2_r2
        part *= w
        sum_w2 = rest_w2 + first_w2
        second = 0.5 * sum_w2 - (_summed(residual, part) + w0 * first_w2_r2) + bend**2 / sum_w
        if self.restricted:
            first -= (rest * (sum_w + w0) - rest_w2) / sum_w
            second += 0.5 * (sum_w2 / sum_w) ** 2 - (_summed(w, w2) + w0**3) / sum_w
        else:
            first -= sum_w
        return 0.5 * first, second + first * sum_w2 / sum_w

    def gain(self, tau2: Array, over: Array) -> Array:
        one, other = self.v + tau2, self.v + over
        with np.errstate(invalid="ignore"):
            ratio = np.where(np.isfinite(one), one / other, 1.0)
        gained = -np.log(ratio).sum(axis=0) - np.log((self.least + tau2) / (self.least + over))
        (w, q), (w_over, q_over) = self._fit(tau2), self._fit(over)
        gained -= q - q_over
        return gained - np.log(w / w_over) if self.restricted else gained

    def _fit(self, tau2: Array) -> tuple[Array, Array]:
        w, w0 = 1 / (self.v + tau2), 1 / (self.least + tau2)
        sum_w = w.sum(axis=0) + w0
        mu = (w * self.y).sum(axis=0) / sum_w
        return sum_w, (w * (self.y - mu) ** 2).sum(axis=0) + w0 * mu**2


def normal_mean(y: Array, v: Array, restricted: bool, first: Array | None = None) -> NormalMean:
    """y measured from the effect of the most precise study, v inf where a study is left out.

    first: (m,), the rows of these studies where they are known.
    """
    columns = np.arange(v.shape[1])
    first = v.argmin(axis=0) if first is None else first
    others = v.copy()
    others[first, columns] = np.inf
    return NormalMean(y, others, v[first, columns], restricted)


def maximum_likelihood(y: Array, v: Array, keep: Array, restricted: bool) -> Array:
    """ML or REML, the highest maximum (Viechtbauer 2005, eqs. 11 and 12), shape (m,).

    y, v, keep: (k, m), m > 1, y measured from the effect of the most precise study of each data
    set (the first of several), v within 1e100 of 1.
    """
    estimate = np.zeros(y.shape[1])
    shared = v[:, 0] if share_variances(v) else None
    with np.errstate(divide="ignore"):
        for part in blocks(estimate.size, len(y)):
            kept = keep[:, part]
            estimate[part] = highest(y[:, part] * kept, v[:, part] / kept, shared, restricted)
    return estimate


def share_variances(v: Array) -> bool:
    """Whether all columns of v (k, m) are the same, and within reach of each other."""
    return bool(v.max() <= RANGE * v.min() and (v == v[:, :1]).all())


def highest(
    y: Array, v: Array, shared: Array | None, restricted: bool, first: Array | None = None
) -> Array:
    """`maximum_likelihood` of one block: y is 0 and v inf where a study is left out.

    `shared`: the sampling variances (k,) where the columns differ in what is left out only. No root
    lies at or above d^2/2 - min(v) for REML, d^2/4 - min(v) for ML, d the largest distance between
    effects: sum w r^2 = sum over pairs of w_i w_j (y_i - y_j)^2/sum w is at most d^2 tr P/2, and at
    most d^2 sum w/4; sum w^2 r^2 is at most max(w) times that, and at a root it is tr P, or sum w.
    """
    ends = y.min(axis=0), y.max(axis=0)
    top = (0.5 if restricted else 0.25) * (ends[1] - ends[0]) ** 2
    least = v.min(axis=0) if first is None else v[first, np.arange(top.size)]
    estimate = np.zeros(top.size)
    alive = np.flatnonzero(top > least)
    if not alive.size:
        return estimate
    if alive.size < top.size:
        alive = at_least_two(alive)
        y, v, top = np.take(y, alive, axis=1), np.take(v, alive, axis=1), top[alive]
        first = None if first is None else first[alive]
    of = normal_mean(y, v, restricted, first)
    if shared is None or alive.size < _FEW:
        estimate[alive] = highest_maximum(of, top)
        return estimate
    reach = float(max(-ends[0].min(), ends[1].max()))
    brackets = _by_moments(of, (v < np.inf).astype(float), shared, top, reach)
    estimate[alive] = highest_from(of, top, brackets)
    return estimate


Summed = Callable[[Array, tuple[Array, ...]], None]
"""From weights (n, k) the sums A, D, B, E, C of `_by_moments`, each (n, m), into these arrays."""


def _products(y: Array, keep: Array) -> Summed:
    y2 = y * y

    def summed(w: Array, into: tuple[Array, ...]) -> None:
        w2 = w * w
        factors = ((w, keep), (w2, keep), (w, y), (w2, y), (w2, y2))
        for (left, right), place in zip(factors, into, strict=True):
            np.matmul(left, right, out=place)

    return summed


def _left_out(keep: Array) -> Array | None:
    """The row that each column leaves out, where there are many rows and each leaves out one."""
    k, m = keep.shape
    if k < _MANY or m < _FEW or (keep.sum(axis=0) != k - 1).any():
        return None
    return keep.argmin(axis=0)


def _differences(y: Array, out: Array, alike: Array) -> Summed:
    """The sums over all studies less those of the study left out, in place of products.

    Where `alike`, effects are measured from one and the same study.
    """
    columns = np.flatnonzero(alike)
    every = y[:, columns[0]].copy()
    every[out[columns[0]]] = y[out[columns[0]], columns[1]]

    def summed(w: Array, into: tuple[Array, ...]) -> None:
        w2 = w * w
        for part, place in zip((w, w2, w * every, w2 * every, w2 * every**2), into, strict=True):
            np.subtract(part.sum(axis=1)[:, None], part[:, out], out=place)

    return summed


def _by_moments(of: NormalMean, keep: Array, shared: Array, top: Array, reach: float) -> Brackets:
    """Where rounding cannot matter and there is at most one root: its bracket.

    With sums A = sum w, D = sum w^2, B = sum w y, E = sum w^2 y, C = sum w^2 y^2, twice the slope
    times A^2 is A^2 C - 2ABE + B^2 D - A^3 (+ AD for REML). As w <= u and |y| <= Y, `reach`, its
    terms add up to no more than A^3 (4 Y^2 u + 2), of which rounding takes a few k eps.
    """
    k, m = of.y.shape
    low = first_index(of.least)
    index = np.arange(int(low.min()), int(lattice_index(top.max()[None])[0]) + 3)
    points = np.zeros(index.size + 1)
    points[1:] = lattice_point(index)
    weights = 1 / (shared + points[:, None])
    # the largest weight is that of the most precise study
    bound = 8 * (k + 8) * _EPS * (4 * reach**2 / (shared.min() + points) + 2)
    slope, cube = np.empty((2, points.size, m))
    buffers = np.empty((5, max(1, 2**14 // m), m))
    sure, positive = np.ones(m, bool), np.empty((points.size, m), bool)
    out = _left_out(keep)
    if out is None:
        summed = _products(of.y, keep)
    else:
        # a study that is not the most precise has at most half of any sum of weights
        bound *= 2
        sure = out != shared.argmin()
        summed = _differences(of.y, out, sure)
    for start in range(0, points.size, buffers.shape[1]):
        w = weights[start : start + buffers.shape[1]]
        rows = slice(start, start + len(w))
        a, d, b, e, c = buffers[:, : len(w)]
        summed(w, (a, d, b, e, c))
        total, third = slope[rows], cube[rows]
        e *= b
        e *= 2
        c *= a
        c -= e
        b *= b
        b *= d
        np.multiply(a, a, out=third)
        if of.restricted:
            c += d
        c -= third
        c *= a
        np.add(c, b, out=total)
        third *= a
        np.multiply(third, bound[rows, None], out=a)
        np.abs(total, out=b)
        sure &= (b > a).all(axis=0)
        np.greater(total, 0.0, out=positive[rows])

    def at(row: Array) -> tuple[Array, Array]:
        columns = np.arange(m)
        value, third = slope[row, columns], cube[row, columns]
        return value / (third * np.cbrt(third)), bound[row] * third / np.abs(value)

    return sure_brackets(points, index, low, positive, sure, at)
