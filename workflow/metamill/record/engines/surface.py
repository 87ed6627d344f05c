"""The maximum of a likelihood in (mu, s) and its profile in s >= 0, without derivatives.

Around a point the likelihood is evaluated on 7 x 7 points and replaced by the polynomial through
them, which has a maximum and second derivatives; the points move until the maximum is among them.
A search may start at our numbers: where it ends does not depend on them, and a coarse grid over
the whole range looks for anything higher.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial

from metamill.record.engines.numbers import Array

_HALF = 3
_OFFSETS = np.arange(-_HALF, _HALF + 1.0)
_TO_POWERS = np.linalg.inv(np.vander(_OFFSETS, increasing=True))
_ROUNDS = 80


@dataclass(frozen=True)
class Likelihood:
    """`value` takes mu and s, each (g,), to log-likelihoods (g,); `least` is the smallest sampling
    variance, which with s gives the scale on which the likelihood changes; `steps` are a small part
    of that scale in mu and in s."""

    value: Callable[[Array, Array], Array]
    least: float
    steps: Callable[[float], tuple[float, float]]


def in_variances(value: Callable[[Array, Array], Array], least: float) -> Likelihood:
    """A likelihood whose s is a variance between studies."""

    def steps(s: float) -> tuple[float, float]:
        return 0.1 * min(float(np.sqrt(least + s)), 1.5), 0.05 * (least + s)

    return Likelihood(value, least, steps)


@dataclass(frozen=True)
class Peak:
    """A maximum with its Hessian in (mu, s); s is 0 where the likelihood falls from there."""

    mu: float
    s: float
    height: float
    hessian: Array

    @property
    def covariance(self) -> Array:
        """Of (mu, s); of mu alone where s is 0."""
        if self.s > 0:
            return np.linalg.inv(-self.hessian)
        return np.array([[-1 / self.hessian[0, 0], 0.0], [0.0, 0.0]])


@dataclass(frozen=True)
class _Patch:
    """A polynomial in steps from (mu, s)."""

    mu: float
    s: float
    steps: tuple[float, float]
    powers: Array

    def derivatives(self, at: Array) -> tuple[float, Array, Array]:
        def part(i: int, j: int) -> float:
            c = self.powers
            c = polynomial.polyder(c, i, axis=0) if i else c
            c = polynomial.polyder(c, j, axis=1) if j else c
            return float(polynomial.polyval2d(at[0], at[1], c))

        gradient = np.array([part(1, 0), part(0, 1)])
        return part(0, 0), gradient, np.array([[part(2, 0), part(1, 1)], [part(1, 1), part(0, 2)]])

    def place(self, at: Array) -> tuple[float, float]:
        return self.mu + self.steps[0] * at[0], max(0.0, self.s + self.steps[1] * at[1])


def _patch(likelihood: Likelihood, mu: float, s: float, share: float = 1.0) -> _Patch:
    whole = likelihood.steps(s)
    steps = share * whole[0], share * whole[1]
    centre = max(s, _HALF * steps[1])
    grid_mu, grid_s = np.meshgrid(
        mu + steps[0] * _OFFSETS, np.maximum(centre + steps[1] * _OFFSETS, 0.0), indexing="ij"
    )
    heights = likelihood.value(grid_mu.ravel(), grid_s.ravel()).reshape(grid_mu.shape)
    top = heights.max()
    powers = _TO_POWERS @ (heights - top) @ _TO_POWERS.T
    powers[0, 0] += top
    return _Patch(mu, centre, steps, powers)


def _climb(patch: _Patch, free: Array, start: Array) -> Array:
    """The highest point of the patch uphill of `start`, within it and with s >= 0."""
    floor = np.array([-_HALF, max(-_HALF, -patch.s / patch.steps[1])])
    at = start
    for _ in range(60):
        _, gradient, hessian = patch.derivatives(at)
        movable = free & ~((at <= floor) & (gradient < 0)) & ~((at >= _HALF) & (gradient > 0))
        if not movable.any():
            return at
        part = hessian[np.ix_(movable, movable)]
        step = np.zeros(2)
        concave = np.linalg.eigvalsh(part)[-1] < 0
        step[movable] = np.linalg.solve(part, -gradient[movable]) if concave else gradient[movable]
        step *= min(1.0, 1.0 / max(np.abs(step).max(), 1e-300))
        following = np.clip(at + step, floor, _HALF)
        if np.abs(following - at).max() < 1e-13:
            return following
        at = following
    return at


def ascend(likelihood: Likelihood, mu: float, s: float) -> Peak:
    """The maximum uphill of (mu, s)."""
    for _ in range(_ROUNDS):
        patch = _patch(likelihood, mu, s)
        start = np.array([0.0, (s - patch.s) / patch.steps[1]])
        at = _climb(patch, np.array([True, True]), start)
        mu, s = patch.place(at)
        inside = abs(at[0]) < 0.5 * _HALF and (at[1] < 0.5 * _HALF or s == 0)
        if inside and (at[1] > -0.5 * _HALF or patch.s <= _HALF * patch.steps[1] * (1 + 1e-9)):
            break
    # half the steps leave a hundredth of the polynomial's error in second derivatives
    patch = _patch(likelihood, mu, s, 0.5)
    start = np.array([0.0, (s - patch.s) / patch.steps[1]])
    at = _climb(patch, np.array([True, True]), start)
    mu, s = patch.place(at)
    hessian = patch.derivatives(at)[2]
    height = float(likelihood.value(np.array([mu]), np.array([s]))[0])
    return Peak(mu, s, height, hessian / np.outer(patch.steps, patch.steps))


@dataclass(frozen=True)
class Ridge:
    """The maximum over mu at a given s, and the slope of the profile there."""

    mu: float
    s: float
    height: float
    slope: float


def along(likelihood: Likelihood, mu: float, s: float) -> Ridge:
    for _ in range(_ROUNDS):
        patch = _patch(likelihood, mu, s)
        start = np.array([0.0, (s - patch.s) / patch.steps[1]])
        at = _climb(patch, np.array([True, False]), start)
        mu = patch.place(at)[0]
        if abs(at[0]) < 0.5 * _HALF:
            break
    gradient = patch.derivatives(at)[1]
    height = float(likelihood.value(np.array([mu]), np.array([s]))[0])
    return Ridge(mu, s, height, float(gradient[1] / patch.steps[1]))


def crossing(
    likelihood: Likelihood, critical: float, start: Ridge, bounds: tuple[float, float]
) -> Ridge:
    """Where the profile passes `critical`, by Newton's method held within bounds of s."""
    low, high = bounds
    at = start
    rises = at.slope > 0
    for _ in range(100):
        above = at.height - critical
        if (above > 0) == rises:
            high = min(high, at.s)
        else:
            low = max(low, at.s)
        following = at.s - above / at.slope if at.slope else np.inf
        if not low < following < high:
            following = 0.5 * (low + high) if np.isfinite(high) else 2 * at.s + likelihood.least
        step, at = abs(following - at.s), along(likelihood, at.mu, following)
        if step <= 1e-9 * (likelihood.least + following):
            return at
    return at
