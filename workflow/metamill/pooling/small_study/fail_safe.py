"""Fail-safe numbers: how many unseen studies of no effect would undo a result.

Of historical interest: they say nothing of whether such studies exist, and heterogeneity does not
enter. All numbers are rounded up.
"""

from math import ceil, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

_ROUNDING = 1e-9
"""A number of studies so close above a whole one is that whole one."""


def rosenthal(y: ArrayLike, v: ArrayLike, alpha: float = 0.05) -> int:
    """Studies with z = 0 that bring the sum of z over sqrt(k) to one-sided `alpha`.

    k (Z/z_alpha)^2 - k with Z = sum z/sqrt(k) (Rosenthal 1979, doi 10.1037/0033-2909.86.3.638).
    y, v: (k,), k >= 1; 0 where the result is not significant as it is.
    """
    z = np.asarray(y, float) / np.sqrt(np.asarray(v, float))
    k = len(z)
    return _up(k * (float(z.sum()) / sqrt(k) / float(ndtri(1 - alpha))) ** 2 - k)


def orwin(y: ArrayLike, target: float) -> int:
    """Studies with effect 0 that bring the unweighted mean to `target`, on its side of 0.

    k (mean - target)/target (Orwin 1983, doi 10.3102/10769986008002157). y: (k,). Raises ValueError
    where the target does not lie between 0 and the mean, or either is 0.
    """
    y = np.asarray(y, float)
    mean = float(y.mean())
    if target == 0 or mean == 0 or not 0 < target / mean <= 1:
        raise ValueError(f"the target {target:g} does not lie between 0 and the mean {mean:g}")
    return _up(len(y) * (mean - target) / target)


def rosenberg(y: ArrayLike, v: ArrayLike, alpha: float = 0.05) -> int:
    """Studies of no effect and average weight that bring the equal-effects mean to `alpha`.

    Two-sided, normal: k ((sum w y/z_(alpha/2))^2 - sum w)/sum w (Rosenberg 2005, doi
    10.1111/j.0014-3820.2005.tb01004.x). y, v: (k,).
    """
    y, w = np.asarray(y, float), 1 / np.asarray(v, float)
    total = float(w.sum())
    needed = (float((w * y).sum()) / float(ndtri(1 - alpha / 2))) ** 2 - total
    return _up(len(y) * needed / total)


def _up(x: float) -> int:
    return max(0, ceil(x * (1 - _ROUNDING)))
