"""Transformations between the model scale and the natural scale."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from metamill.measures.effects import Array

Transform = Callable[[Array], Array]


def identity(x: Array) -> Array:
    return x


def _sine_squared(x: Array) -> Array:
    return np.sin(np.clip(x, 0.0, np.pi / 2)) ** 2


def _root_squared(x: Array) -> Array:
    """x^2 for x >= 0, else 0: a limit below zero must not turn into a positive rate."""
    return np.maximum(x, 0.0) ** 2


def _sizes(given: ArrayLike) -> Array:
    sizes = np.asarray(given, float)
    if sizes.size == 0 or not np.all(np.isfinite(sizes) & (sizes > 0)):
        raise ValueError("the study sizes must be numbers above zero")
    return sizes


def harmonic_mean(sizes: ArrayLike) -> float:
    """Harmonic mean of study sizes (k,); ValueError unless all are finite and above zero."""
    return float(1 / np.mean(1 / _sizes(sizes)))


def double_arcsine_to_proportion(x: Array, n: float) -> Array:
    """Invert PFT at the study size n (Miller 1978): the proportion whose PFT is x, any shape.

    0 or 1 for x beyond what 0 or n events of n give. For the mean of several studies no size is
    right: the answer depends on the one chosen (Schwarzer et al. 2019, doi 10.1002/jrsm.1348).
    """
    floor = 0.5 * np.arcsin(np.sqrt(1 / (n + 1)))
    ceiling = 0.5 * (np.arcsin(np.sqrt(n / (n + 1))) + np.pi / 2)
    sine = np.sin(2 * np.clip(x, floor, ceiling))
    squared = np.minimum((sine + (sine - 1 / sine) / n) ** 2, 1.0)
    root = np.sqrt(1 - squared)
    value = 0.5 * np.where(np.cos(2 * x) > 0, squared / (1 + root), 1 + root)
    return np.where(x <= floor, 0.0, np.where(x >= ceiling, 1.0, value))


def pft_range(x: ArrayLike, sizes: ArrayLike) -> tuple[Array, Array]:
    """The proportions that a value x of PFT stands for at the smallest and the largest study size.

    How much of a pooled proportion is the size assumed for the way back: the proportion changes
    with the size in one direction, so the value at every size from the smallest to the largest, and
    at their harmonic mean, lies between the two. x of any shape, `sizes` (k,); returns the lower
    and the upper value, of the shape of x. Raises ValueError unless all sizes are finite and above
    zero.
    """
    given = _sizes(sizes)
    ends = [
        double_arcsine_to_proportion(np.asarray(x, float), n) for n in (given.min(), given.max())
    ]
    return np.minimum(*ends), np.maximum(*ends)


BACK: dict[str, Transform] = {
    "identity": identity,
    "log": np.exp,
    "logit": expit,
    "cloglog": lambda x: np.exp(-np.exp(x)),
    "arcsine": _sine_squared,
    "square": _root_squared,
    "tanh": np.tanh,
}

FORWARD: dict[str, Transform] = {
    "identity": identity,
    "log": np.log,
    "logit": logit,
    "cloglog": lambda p: np.log(-np.log(p)),
}
"""Scales on which a study may report an estimate with its interval (measure GEN)."""
