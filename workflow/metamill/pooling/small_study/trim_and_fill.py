"""Trim and fill: how many studies a funnel plot lacks on one side, and the mean with them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.identified import NotIdentified
from metamill.pooling.inverse_variance import pool
from metamill.pooling.regression import regress

Array = np.ndarray
ESTIMATORS = ("L0", "R0")
_MOST_ROUNDS = 100


@dataclass(frozen=True)
class TrimAndFill:
    """`k0` studies are missing on `side` ("left": below, or "right": above the mean).

    `se_k0` is the estimator's standard error (nan: it has none here), `p_value` that of no study
    missing (R0 only, else nan). `centre` is the mean about which the studies in `mirrored`
    (indices, the most extreme last) were reflected; `y` and `v` of the reflections have shape
    (k0,).
    """

    estimator: str
    side: str
    k0: int
    se_k0: float
    p_value: float
    centre: float
    mirrored: tuple[int, ...]
    y: Array
    v: Array


def side_of(y: ArrayLike, v: ArrayLike, method: str = "REML") -> str:
    """The side that lacks studies: left where effects grow with their standard error, or right.

    By the sign of the slope in a mixed-effects regression on the standard error. Raises
    NotIdentified where all standard errors are the same.
    """
    v = np.asarray(v, float)
    design = np.column_stack([np.ones_like(v), np.sqrt(v)])
    fit = regress(y, v, design, method, "z", names=("the intercept", "the standard error"))
    return "right" if fit.b[1] < 0 else "left"


def trim_and_fill(
    y: ArrayLike,
    v: ArrayLike,
    estimator: str = "L0",
    method: str = "REML",
    side: str | None = None,
) -> TrimAndFill:
    """Missing studies by L0 or R0 (Duval and Tweedie 2000, doi 10.1111/j.0006-341X.2000.00455.x).

    y, v: (k,), k >= 3. Studies are trimmed from the side opposite to the one that lacks some and
    the mean is estimated again by `method` until their number stays the same; those trimmed are
    reflected about that mean. side: left, right, or None for `side_of`. Ranks of equal distances
    follow the order of the effects. Raises KeyError for another estimator, ValueError for another
    side, and NotIdentified where the number does not settle or leaves no study.
    """
    if estimator not in ESTIMATORS:
        raise KeyError(estimator)
    y, v = np.asarray(y, float), np.asarray(v, float)
    side = side_of(y, v, method) if side is None else side
    if side not in ("left", "right"):
        raise ValueError(f"side must be left or right, not {side}")
    sign = 1.0 if side == "left" else -1.0
    order = np.argsort(sign * y, kind="stable")
    ordered, variances = (sign * y)[order], v[order]
    k, k0, seen = len(y), 0, set()
    while True:
        centre = float(pool(ordered[: k - k0], variances[: k - k0], method, "z").mu)
        found, error = _missing(ordered - centre, estimator)
        if found == k0:
            break
        seen.add(k0)
        if found in seen or len(seen) > _MOST_ROUNDS:
            raise NotIdentified("the number of missing studies does not settle")
        if found >= k:
            raise NotIdentified("the number of missing studies leaves none to estimate a mean from")
        k0 = found
    # chance of each sign is 1/2: P(R0 >= k0) = 2^-(k0 + 1), where k0 = 0 is no evidence at all
    p_value = (0.5 ** (k0 + 1) if k0 else 1.0) if estimator == "R0" else float("nan")
    mirrored = order[k - k0 :]
    return TrimAndFill(
        estimator,
        side,
        k0,
        error,
        p_value,
        sign * centre,
        tuple(int(i) for i in mirrored),
        2 * sign * centre - y[mirrored],
        v[mirrored],
    )


def _missing(deviation: Array, estimator: str) -> tuple[int, float]:
    """k0 and its standard error from deviations in increasing order, missing ones on the left."""
    k = len(deviation)
    ranks = np.empty(k)
    ranks[np.argsort(np.abs(deviation), kind="stable")] = np.arange(1, k + 1)
    if estimator == "R0":
        below = ranks[deviation < 0]
        # without any study below the mean the run on the right is all of them
        run = k - (below.max() if len(below) else 0)
        estimate = run - 1
        return max(0, int(np.rint(estimate))), float(np.sqrt(2 * max(0.0, estimate) + 2))
    right = ranks[deviation > 0].sum()
    x = float((4 * right - k * (k + 1)) / (2 * k - 1))
    variance = (
        k * (k + 1) * (2 * k + 1) + 10 * x**3 + 27 * x**2 + 17 * x - 18 * k * x**2 - 18 * k * x
        + 6 * k**2 * x
    ) / 24  # fmt: skip
    # the polynomial holds near the estimate's own range only; below 0 there is no standard error
    error = float(4 * np.sqrt(variance) / (2 * k - 1)) if variance >= 0 else float("nan")
    return max(0, int(np.rint(x))), error
