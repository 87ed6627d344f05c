"""Transformations between the model scale and the natural scale."""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, logit

from metamill.measures.effects import Array

Transform = Callable[[Array], Array]


def identity(x: Array) -> Array:
    return x


def _sine_squared(x: Array) -> Array:
    return np.sin(np.clip(x, 0.0, np.pi / 2)) ** 2


def double_arcsine_to_proportion(x: Array, sizes: Array) -> Array:
    """Invert PFT at the harmonic mean of the study sizes (Miller 1978).

    The answer depends on that size, not on the data alone: pools that hold studies of very
    different sizes can come back far from every study (Schwarzer et al. 2019,
    doi 10.1002/jrsm.1348).
    """
    n = 1 / np.mean(1 / sizes)
    floor = 0.5 * np.arcsin(np.sqrt(1 / (n + 1)))
    ceiling = 0.5 * (np.arcsin(np.sqrt(n / (n + 1))) + np.pi / 2)
    sine = np.sin(2 * np.clip(x, floor, ceiling))
    inner = np.clip(1 - (sine + (sine - 1 / sine) / n) ** 2, 0.0, 1.0)
    value = 0.5 * (1 - np.sign(np.cos(2 * x)) * np.sqrt(inner))
    return np.where(x <= floor, 0.0, np.where(x >= ceiling, 1.0, value))


BACK: dict[str, Transform] = {
    "identity": identity,
    "log": np.exp,
    "logit": expit,
    "cloglog": lambda x: np.exp(-np.exp(x)),
    "arcsine": _sine_squared,
}

FORWARD: dict[str, Transform] = {
    "identity": identity,
    "log": np.log,
    "logit": logit,
    "cloglog": lambda p: np.log(-np.log(p)),
}
"""Scales on which a study may report an estimate with its interval (measure GEN)."""
