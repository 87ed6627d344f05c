"""Confidence limits of one study's count, which need no continuity correction."""

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtri

from metamill.measures.effects import Array


def wilson(events: Array, total: Array, level: float) -> tuple[Array, Array]:
    """Score limits of a proportion (Wilson 1927), within [0, 1]."""
    z = ndtri(0.5 + level / 200)
    p = events / total
    centre = (p + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * np.sqrt(p * (1 - p) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
    low, high = np.where(events == 0, 0.0, centre - half), centre + half
    return low, np.where(events == total, 1.0, high)


def clopper_pearson(events: float, total: float, level: float) -> tuple[float, float]:
    """Exact limits of a proportion (Clopper and Pearson 1934)."""
    tail = (1 - level / 100) / 2
    low = 0.0 if events == 0 else float(betaincinv(events, total - events + 1, tail))
    high = 1.0 if events == total else float(betaincinv(events + 1, total - events, 1 - tail))
    return low, high


def poisson_exact(events: Array, time: Array, level: float) -> tuple[Array, Array]:
    """Exact limits of a rate (Garwood 1936), in events per unit of time."""
    tail = (1 - level / 100) / 2
    low = np.where(events > 0, gammaincinv(np.maximum(events, 1), tail), 0.0)
    return low / time, gammaincinv(events + 1, 1 - tail) / time
