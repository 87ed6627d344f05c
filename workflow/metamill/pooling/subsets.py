"""Fits of many subsets of the same studies at once: all subsets, or all but one study.

The same algorithms as `pool`, on the same numbers in the same order; what the subsets share, their
effects and sampling variances, is looked at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.heterogeneity import TAU2_ESTIMATORS, i2_h2, pairs
from metamill.pooling.inverse_variance import pool
from metamill.pooling.maxima import Array, at_least_two, blocks, power_of_4
from metamill.pooling.normal_mean import RANGE, highest
from metamill.pooling.profile import check_study_data


@dataclass(frozen=True)
class SubsetFits:
    """What `pool` finds for each subset, every array of shape (m,): studies, mean, tau2, Q, I2."""

    k: Array
    mu: Array
    tau2: Array
    q: Array
    i2: Array


def fit_subsets(y: ArrayLike, v: ArrayLike, keep: ArrayLike, method: str = "REML") -> SubsetFits:
    """What `pool` gives for each column of `keep`, and for its studies alone, bit for bit.

    y, v: (k,), finite, v > 0; keep: (k, m), 1 where a study belongs to a subset and 0 where not.
    A quantity that does not exist, as I2 of one study, is nan. Raises ValueError for y and v that
    are not data, or an empty subset, KeyError for another method, and ArithmeticError if an
    iteration fails.
    """
    y, v, keep = np.asarray(y, float), np.asarray(v, float), np.asarray(keep)
    check_study_data(y, v)
    if keep.ndim != 2 or len(keep) != len(y):
        raise ValueError(f"keep has shape {keep.shape}; it must be ({len(y)}, m)")
    if method not in TAU2_ESTIMATORS:
        raise KeyError(method)
    if v.max() > RANGE * v.min():
        return _in_own_units(y, v, keep, method)
    found = np.empty((5, keep.shape[1]))
    for part in blocks(keep.shape[1], len(y)):
        kept = np.ascontiguousarray(keep[:, part], float)
        if kept.shape[1] == 1:
            found[:, part] = _block(y, v, np.repeat(kept, 2, axis=1), method)[:, :1]
        else:
            _block(y, v, kept, method, found[:, part])
    return SubsetFits(found[0].astype(int), *found[1:])


def _in_own_units(y: Array, v: Array, keep: Array, method: str) -> SubsetFits:
    """Sampling variances too far apart for common units."""
    several = at_least_two(np.arange(keep.shape[1]))
    ys, vs = (np.repeat(x[:, None], several.size, axis=1) for x in (y, v))
    fit = pool(ys, vs, method, "z", keep=keep[:, several])
    found = (fit.k, fit.mu, fit.tau2, fit.q, fit.i2)
    return SubsetFits(*(values[: keep.shape[1]] for values in found))


def _block(y: Array, v: Array, keep: Array, method: str, out: Array | None = None) -> Array:
    """k, mu, tau2, Q and I2 of each column of keep (k, m), m > 1; see `weighted` and `pool`."""
    k = keep.sum(axis=0)
    if not k.all():
        raise ValueError("nothing to pool: an analysis has no study")
    factor = power_of_4(np.log(v).mean())
    unit = np.sqrt(factor)
    first = _most_precise(v, keep)
    start = y[first]
    from_start = y[:, None] / unit - start / unit
    scaled = (v / factor)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        w = keep * (1 / scaled)
        sum_w, mean, q, part = _fitted(from_start, w)
        twice = pairs(w)
        df = k - 1
        if method == "EE":
            tau2 = np.zeros_like(q)
            i2 = 100 * np.maximum(0.0, 1 - df / q)
        else:
            if method == "DL":
                tau2 = (q - df) * sum_w / twice
            elif method in ("ML", "REML"):
                np.multiply(from_start, keep, out=part)
                tau2 = highest(part, scaled / keep, scaled[:, 0], method == "REML", first)
            else:
                columns = np.repeat(scaled, k.size, axis=1)
                tau2 = TAU2_ESTIMATORS[method](from_start, columns, keep)
            tau2 = np.where(k > 1, np.maximum(tau2, 0.0), 0.0)
            i2, _ = i2_h2(tau2, df * sum_w / twice)
            np.add(scaled, tau2, out=w)
            np.divide(keep, w, out=w)
            sum_w = w.sum(axis=0)
            w *= from_start
            mean = w.sum(axis=0) / sum_w
    out = np.empty((5, k.size)) if out is None else out
    out[0], out[1], out[2], out[3], out[4] = k, start + mean * unit, tau2 * factor, q, i2
    return out


def _fitted(y: Array, w: Array) -> tuple[Array, Array, Array, Array]:
    """sum w, the mean, Q, and an array to write over."""
    sum_w = w.sum(axis=0)
    part = w * y
    mean = part.sum(axis=0) / sum_w
    np.subtract(y, mean, out=part)
    part *= part
    part *= w
    return sum_w, mean, part.sum(axis=0), part


def _most_precise(v: Array, keep: Array) -> Array:
    """The row of the study of least v in each column, the first of several."""
    order = np.argsort(v, kind="stable")
    first = np.full(keep.shape[1], order[0])
    left = np.flatnonzero(keep[order[0]] == 0)
    for row in order[1:]:
        if not left.size:
            break
        first[left] = row
        left = left[keep[row, left] == 0]
    return first
