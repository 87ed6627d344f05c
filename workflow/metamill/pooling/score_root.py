"""The root of a likelihood score between brackets, for many data sets at once."""

from collections.abc import Callable

import numpy as np

Array = np.ndarray
Score = Callable[[Array], tuple[Array, Array]]
"""The first and second derivative of the log-likelihood at tau2, both of its shape (m,)."""

_NEWTON_STEPS = 400
_EPS = np.finfo(float).eps


def root_of_score(score: Score, low: Array, high: Array) -> Array:
    """Newton's method on the score, held inside brackets (m,) where it falls through zero.

    A column that has settled stays as it is, so that its bits do not depend on the others. Raises
    ArithmeticError if a column has not settled after 400 steps.
    """
    tau2 = 0.5 * (low + high)
    done = np.zeros(tau2.shape, bool)
    for _ in range(_NEWTON_STEPS):
        first, second = score(tau2)
        low = np.where(first > 0, tau2, low)
        high = np.where(first > 0, high, tau2)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = tau2 - first / second
        inside = (newton > low) & (newton < high)
        following = np.where(inside, newton, 0.5 * (low + high))
        settled = np.abs(following - tau2) <= 4 * _EPS * tau2
        tau2 = np.where(done, tau2, following)
        done |= settled | (high - low <= 4 * _EPS * high)
        if done.all():
            return tau2
    raise ArithmeticError("the likelihood score did not converge")


def at_least_two(columns: Array) -> Array:
    """A single column twice: numpy sums one column pairwise, and several row by row, and a data
    set must have the bits alone that it has among others."""
    return np.repeat(columns, 2) if columns.size == 1 else columns
