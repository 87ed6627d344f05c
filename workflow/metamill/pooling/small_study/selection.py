"""Step-function selection models by maximum likelihood, the highest maximum found for certain."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtri

from metamill.pooling.identified import NotIdentified
from metamill.pooling.inverse_variance import pool
from metamill.pooling.small_study.selection_likelihood import (
    Selected,
    loglik,
    profile,
    selected,
    value_and_slopes,
)
from metamill.pooling.wald import check_level, wald

Array = np.ndarray
_MEANS, _TAUS = 31, 16
_FARTHEST = 3.0
"""Means are looked for up to so many ranges of the effects beyond them, tau up to so many."""
_MOST_STEPS = 200
_STARTS = 12


@dataclass(frozen=True)
class SelectionFit:
    """A mean that allows for selection by p values, with the relative chances of publication.

    `steps` are the inner bounds of one-sided p, `counts` of studies and `delta` relative chances
    per interval, the first of which is 1; `delta_se`, `delta_low`, `delta_high` begin with nan,
    and limits are Wald's on the scale of the chance, not below 0. mu with its normal test and
    limits on the model scale; `tau2` by ML. `lrt` tests that all chances are equal, on `lrt_df`
    degrees of freedom. `tau2_alone` and `mu_alone` are those without selection.
    """

    steps: tuple[float, ...]
    counts: tuple[int, ...]
    mu: float
    se: float
    low: float
    high: float
    statistic: float
    p_value: float
    tau2: float
    delta: Array
    delta_se: Array
    delta_low: Array
    delta_high: Array
    loglik: float
    loglik_alone: float
    mu_alone: float
    tau2_alone: float
    lrt: float
    lrt_df: int
    lrt_p: float


def step_selection(
    y: ArrayLike,
    v: ArrayLike,
    steps: tuple[float, ...] = (0.025,),
    sign: float = 1.0,
    level: float = 95.0,
) -> SelectionFit:
    """Random effects with publication that depends on the interval of a one-sided p value.

    y, v: (k,), v > 0. steps: increasing, within (0, 1): (0.025,) is the three-parameter model,
    (0.025, 0.5) the four-parameter one. sign: 1 where large effects have small p values, -1 where
    small ones do. The likelihood is scanned over means and tau2, every maximum of the scan is
    climbed by Newton's method and the highest taken; standard errors are from the observed
    information, tau2 held at 0 where it lies there. Raises ValueError for bad steps, and
    NotIdentified where an interval holds no study, or where the likelihood is highest at or beyond
    the ends of the scan, or flat.
    """
    check_level(level)
    y, v = sign * np.asarray(y, float), np.asarray(v, float)
    if not steps or any(not 0 < a < 1 for a in steps) or sorted(set(steps)) != list(steps):
        raise ValueError(f"steps must increase within (0, 1), not {steps}")
    # powers of two, which change no digit
    unit = float(np.exp2(np.round(np.log2(np.exp(0.5 * np.log(v).mean())))))
    data = selected(y / unit, v / unit**2, steps)
    _refuse_empty(data, steps)
    alone = pool(data.y, data.v, "ML", "z")
    theta = _highest(data, float(alone.mu), float(alone.tau2))
    value, _, hessian = value_and_slopes(data, theta[0], theta[1], theta[2:])
    free = [i for i in range(len(theta)) if i != 1 or theta[1] > 0]
    covariance = _covariance(-hessian[np.ix_(free, free)])
    se = np.sqrt(np.diag(covariance))
    at = wald(theta[0], float(se[0]), np.inf, level)
    none = loglik(data, float(alone.mu), float(alone.tau2), np.zeros(len(steps)))
    ratio = max(0.0, 2 * (value - none))
    delta = np.exp(theta[2:])
    delta_se = delta * se[-len(steps) :]
    reach = float(ndtri(0.5 + level / 200)) * delta_se
    low, high = sorted((sign * unit * at.low, sign * unit * at.high))
    moved = -len(y) * float(np.log(unit))
    return SelectionFit(
        steps=tuple(steps),
        counts=tuple(int(n) for n in data.counts),
        mu=float(sign * unit * theta[0]),
        se=float(unit * se[0]),
        low=low,
        high=high,
        statistic=float(sign * at.statistic),
        p_value=at.p_value,
        tau2=float(unit**2 * theta[1]),
        delta=np.concatenate([[1.0], delta]),
        delta_se=np.concatenate([[np.nan], delta_se]),
        delta_low=np.concatenate([[np.nan], np.maximum(0.0, delta - reach)]),
        delta_high=np.concatenate([[np.nan], delta + reach]),
        loglik=value + moved,
        loglik_alone=none + moved,
        mu_alone=float(sign * unit * alone.mu),
        tau2_alone=float(unit**2 * alone.tau2),
        lrt=ratio,
        lrt_df=len(steps),
        lrt_p=float(chdtrc(len(steps), ratio)),
    )


def _refuse_empty(data: Selected, steps: tuple[float, ...]) -> None:
    ends = (0.0, *steps, 1.0)
    for j, count in enumerate(data.counts):
        if count == 0:
            raise NotIdentified(
                f"no study has a one-sided p value between {ends[j]:g} and {ends[j + 1]:g}, so "
                "that nothing tells how often such studies are published"
            )


def _highest(data: Selected, mu: float, t: float) -> Array:
    """The parameters at the highest maximum; mu and t are those without selection."""
    width = float(np.ptp(data.y)) or float(np.sqrt(data.v.max()))
    means, taus = _lattice(data, mu, t, width)
    grid_mu, grid_t = (a.ravel() for a in np.meshgrid(means, taus**2, indexing="ij"))
    values, eta = profile(data, grid_mu, grid_t)
    tops = _tops(values.reshape(len(means), len(taus)))
    starts = [np.concatenate([[grid_mu[i], grid_t[i]], eta[i]]) for i in tops]
    starts.append(np.concatenate([[mu, t], profile(data, np.array([mu]), np.array([t]))[1][0]]))
    low, high = means[0], means[-1]
    best, best_value, escaped = None, -np.inf, -np.inf
    for start in starts:
        theta, value = _climbed(data, start)
        inside = low < theta[0] < high and theta[1] < taus[-1] ** 2
        if not inside:
            escaped = max(escaped, value)
        elif value > best_value:
            best, best_value = theta, value
    if best is None or escaped > best_value:
        raise NotIdentified(
            "the likelihood keeps rising as the mean leaves the range of the effects and tau grows "
            "with it, so that these effects do not tell selection from their own spread"
        )
    return best


def _lattice(data: Selected, mu: float, t: float, width: float) -> tuple[Array, Array]:
    """Means, dense about mu and up to the farthest, and tau from 0, as increasing values."""
    error = float(1 / np.sqrt((1 / (data.v + t)).sum()))
    low = mu - data.y.min() + _FARTHEST * width
    high = data.y.max() - mu + _FARTHEST * width
    half = np.linspace(0.0, 1.0, _MEANS // 2 + 1)
    sides = []
    for far in (low, high):
        bend = float(np.arcsinh(max(far / error, 1.0)))
        sides.append(far * np.sinh(bend * half) / np.sinh(bend))
    means = np.concatenate([mu - sides[0][:0:-1], mu + sides[1]])
    least = 0.05 * float(np.sqrt(np.median(data.v)))
    most = max(_FARTHEST * width, 20 * least)
    return means, np.concatenate([[0.0], np.geomspace(least, most, _TAUS)])


def _tops(values: Array) -> list[int]:
    """Flat indices of the points of a lattice that no neighbour exceeds, the highest first."""
    padded = np.pad(values, 1, constant_values=-np.inf)
    rows, columns = values.shape
    top = np.ones_like(values, bool)
    for i, j in product((-1, 0, 1), repeat=2):
        top &= values >= padded[1 + i : 1 + i + rows, 1 + j : 1 + j + columns]
    found = np.flatnonzero(top.ravel())
    order = np.argsort(-values.ravel()[found], kind="stable")
    return [int(i) for i in found[order][:_STARTS]]


def _climbed(data: Selected, start: Array) -> tuple[Array, float]:
    """Newton's method with t >= 0, damped until every step rises; the last point and its value.

    Raises NotIdentified where it comes to no end.
    """
    theta = start.copy()
    value, gradient, hessian = value_and_slopes(data, theta[0], theta[1], theta[2:])
    damping = 0.0
    for _ in range(_MOST_STEPS):
        free = np.ones(len(theta), bool)
        free[1] = theta[1] > 0 or gradient[1] > 0
        information = -hessian[np.ix_(free, free)]
        size = np.maximum(np.abs(np.diag(information)), 1e-8)
        while True:
            ahead = np.zeros_like(theta)
            lowest = float(np.linalg.eigvalsh(information / np.sqrt(np.outer(size, size)))[0])
            shift = max(damping, 1e-3 - lowest if lowest <= 0 else 0.0)
            ahead[free] = np.linalg.solve(information + shift * np.diag(size), gradient[free])
            new = theta + ahead
            new[1] = max(new[1], 0.0)
            new[2:] = np.clip(new[2:], theta[2:] - 2, theta[2:] + 2)
            small = np.abs(new - theta) <= 1e-13 * (1 + np.abs(theta))
            if small.all():
                return theta, value
            found = value_and_slopes(data, new[0], new[1], new[2:])
            if np.isfinite(found[0]) and found[0] >= value - 1e-13 * abs(value):
                break
            damping = max(10 * damping, 1e-3)
            if damping > 1e12:
                return theta, value
        done = found[0] <= value and _decrement(information, gradient[free]) < 1e-18
        theta, damping = new, damping / 10 if damping > 1e-3 else 0.0
        value, gradient, hessian = found
        if done:
            return theta, value
        if np.abs(theta[0]) > 1e6 or theta[1] > 1e12:
            return theta, value
    raise NotIdentified("the likelihood of the selection model has no maximum that can be reached")


def _decrement(information: Array, gradient: Array) -> float:
    """Twice what a full Newton step would still add to the likelihood."""
    return abs(float(gradient @ np.linalg.solve(information, gradient)))


def _covariance(information: Array) -> Array:
    size = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    scaled = information / np.outer(size, size)
    if not np.isfinite(scaled).all() or float(np.linalg.eigvalsh(scaled)[0]) < 1e-10:
        raise NotIdentified(
            "the likelihood is flat at its maximum, so that these effects do not tell the mean "
            "from the selection"
        )
    return np.linalg.inv(scaled) / np.outer(size, size)
