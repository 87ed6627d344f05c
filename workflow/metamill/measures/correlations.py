"""Measures of correlation of one group: Pearson's r as it is, and on Fisher's z scale.

Columns hold float arrays (k,): `correlation` without unit in [-1, 1] and `n` pairs of values.
"""

import numpy as np
from scipy.special import ndtri

from metamill.measures.effects import Array, Columns, Effects, uncorrected


def _pairs(columns: Columns) -> Array:
    """n, nan below 4: Fisher's z has no variance there, and no interval of r exists."""
    return np.where(columns["n"] > 3, columns["n"], np.nan)


def raw_correlation(columns: Columns, add: float, to: str) -> Effects:
    """COR: r, with variance (1 - r^2)^2/(n - 1) (Borenstein et al. 2009, eq. 6.1)."""
    r = columns["correlation"]
    return uncorrected(r, (1 - r**2) ** 2 / (_pairs(columns) - 1))


def fisher_z(columns: Columns, add: float, to: str) -> Effects:
    """ZCOR: atanh r, with variance 1/(n - 3) (Fisher 1921); infinite at r = -1 and 1."""
    return uncorrected(np.arctanh(columns["correlation"]), 1 / (_pairs(columns) - 3))


def fisher_limits(r: Array, n: Array, level: float) -> tuple[Array, Array]:
    """Limits of a correlation by Fisher's z, within [-1, 1]; nan with fewer than 4 pairs."""
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = ndtri(0.5 + level / 200) / np.sqrt(np.where(n > 3, n - 3, np.nan))
        z = np.arctanh(r)
        return np.tanh(z - reach), np.tanh(z + reach)
