"""Rows of dependent effects: checked, sorted by study, and free of location and scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.identified import NotIdentified

Array = np.ndarray


@dataclass(frozen=True)
class Rows:
    """k rows of n studies, sorted by study; y in units of `unit` from `start`, v in unit^2.

    `order` sorts the caller's rows into these, `first` (n,) is where each study begins, `size`
    (n,) its number of rows, `index` (k,) the study of each row, and `codes` (n,) its code.
    """

    y: Array
    v: Array
    order: Array
    first: Array
    size: Array
    index: Array
    codes: Array
    start: float
    unit: float

    def sums(self, values: Array) -> Array:
        """Sums of (k,) or (k, m) values over the rows of each study."""
        return np.add.reduceat(values, self.first, axis=0)

    def unsorted(self, values: Array) -> Array:
        """(k,) values in the caller's order."""
        result = np.empty_like(values)
        result[self.order] = values
        return result


def _integers(study: ArrayLike) -> Array:
    codes = np.asarray(study)
    if codes.dtype.kind in "iu":
        return codes
    if codes.dtype.kind != "f" or not (np.isfinite(codes) & (codes % 1 == 0)).all():
        raise ValueError("study must hold whole numbers, one code for each row")
    return codes.astype(np.int64)


def rows(y: ArrayLike, v: ArrayLike, study: ArrayLike) -> Rows:
    """Check and sort effects y, sampling variances v and study codes, each of shape (k,), k >= 1.

    Effects are measured from the first row, so that identical effects differ by exactly zero, and
    in units of the typical standard error, so that every tolerance further on is relative. Raises
    ValueError for input that is not data.
    """
    y, v, codes = np.asarray(y, float), np.asarray(v, float), _integers(study)
    if not (y.ndim == 1 and y.shape == v.shape == codes.shape and len(y)):
        raise ValueError(
            f"y, v and study must be vectors of one length: {y.shape}, {v.shape}, {codes.shape}"
        )
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise ValueError("effects must be finite and sampling variances finite and positive")
    order = np.argsort(codes, kind="stable")
    names, first, index, size = np.unique(
        codes[order], return_index=True, return_inverse=True, return_counts=True
    )
    unit = float(np.exp(np.log(v).mean() / 2))
    return Rows(
        y=(y[order] - y[0]) / unit,
        v=v[order] / unit / unit,
        order=order,
        first=first,
        size=size,
        index=index,
        codes=names,
        start=float(y[0]),
        unit=unit,
    )


def several_studies(data: Rows) -> None:
    """Raise NotIdentified unless there are at least two studies."""
    if len(data.size) < 2:
        raise NotIdentified("one study: nothing tells how studies differ from each other")
