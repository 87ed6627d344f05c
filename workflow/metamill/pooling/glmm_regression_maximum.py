"""Maximum likelihood of the coefficients of a design and tau in the mixed models.

Every study's log-likelihood is concave in its own mean for every tau (`glmm_maximum`), and so is
their sum in the coefficients, which are profiled out. The curve in tau that is left can have
several maxima: a coarse look finds where, and Newton's method in all parameters, with tau held in
a bracket, ends each of them.
"""

from dataclasses import dataclass

import numpy as np

from metamill.pooling.glmm_families import Array, Studies, loglik, slopes
from metamill.pooling.glmm_maximum import CONVERGED, FAR, SINGULAR, TAU_MAX, peaks, tau_grid
from metamill.pooling.glmm_quadrature import (
    Nodes,
    along_mu,
    coarse_nodes,
    evaluate,
    evaluated,
    place,
    roughly_along_mu,
)
from metamill.pooling.identified import NotIdentified

_FLOOR = 1e-3
_COARSE_DOUBT = 0.5
_ROUGH_STEPS = 60


@dataclass(frozen=True)
class Peak:
    """The global maximum, and the likelihood (without constant) at it and at that of tau = 0.

    `covariance` (p, p) of b is from the inverse of the observed information of b and tau together;
    at tau = 0 from that of b.
    """

    b: Array
    tau: float
    value: float
    covariance: Array
    value_common: float


@dataclass(frozen=True)
class _At:
    """Value, gradient (p + 1,) and Hessian (p + 1, p + 1) in (b, tau), tau last."""

    value: float
    gradient: Array
    hessian: Array

    def step(self, change: float = 0.0) -> Array:
        """Newton's step of b while tau changes by `change`."""
        return np.linalg.solve(
            -self.hessian[:-1, :-1], self.gradient[:-1] + self.hessian[:-1, -1] * change
        )

    def gain(self) -> float:
        """By how much the step of b would raise twice the log-likelihood."""
        return float(self.gradient[:-1] @ self.step())

    def profile(self) -> tuple[float, float]:
        """Slope and bend along tau with b at its best, to first order in the error of b."""
        drag = np.linalg.solve(-self.hessian[:-1, :-1], self.hessian[:-1, -1])
        slope = self.gradient[-1] + drag @ self.gradient[:-1]
        return float(slope), float(self.hessian[-1, -1] + drag @ self.hessian[:-1, -1])


def highest(studies: Studies, design: Array) -> Peak:
    """The global maximum over b and tau in [0, TAU_MAX]; design (k, p) of full rank, p < k.

    Raises NotIdentified where there is none, or none was reached.
    """
    if np.ptp(design) == 0 and design.shape[1] == 1:
        x, back = np.ones_like(design), np.array([[1 / design[0, 0]]])
    else:
        # orthogonal columns, so that neither units nor an origin far away cost digits
        size = np.abs(design).max(axis=0)
        x, upper = np.linalg.qr(design / size)
        x *= np.sqrt(len(x))
        back = np.linalg.inv(upper) * np.sqrt(len(x)) / size[:, None]
    b, common, rises = _without_effects(studies, x)
    best: tuple[float, Array, float, _At] = (common.value, b, 0.0, common)
    tau, heights, near = _look(studies, x)
    for i in peaks(heights):
        if heights[i] < max(heights.max(), common.value) - _COARSE_DOUBT:
            continue
        found = _climb(studies, x, tau, near, i)
        if found is None:
            continue
        if found[2].value > best[0] or (best[2] == 0 and rises):
            best = (found[2].value, *found)
    value, b, top, at = best
    if top == 0 and rises:
        raise NotIdentified("the likelihood did not converge")
    if top == TAU_MAX:
        raise NotIdentified(
            "the studies are so far apart that the likelihood rises up to a between-study "
            f"standard deviation of {TAU_MAX:g} on the link scale"
        )
    information = -at.hessian if top > 0 else -at.hessian[:-1, :-1]
    covariance = back @ _inverse(information)[: len(b), : len(b)] @ back.T
    return Peak(back @ b, top, value, covariance, common.value)


def _inverse(information: Array) -> Array:
    """Its inverse; NotIdentified where it is flat in some direction."""
    size = np.sqrt(np.maximum(np.diag(information), 0.0))
    if (size > 0).all():
        scaled = information / np.outer(size, size)
        if np.linalg.eigvalsh(scaled)[0] > SINGULAR:
            return np.linalg.inv(scaled) / np.outer(size, size)
    raise NotIdentified("the likelihood is flat at its maximum")


def _first_guess(studies: Studies, x: Array, tau: Array) -> Array:
    """Weighted least squares of the crude effects of the studies, (T, p), for each tau (T,)."""
    weights = 1 / (1 / studies.information + tau[:, None] ** 2)
    normal = np.einsum("tk,kp,kq->tpq", weights, x, x)
    return np.linalg.solve(normal, ((weights * studies.own) @ x)[:, :, None])[:, :, 0]


def _at_zero(studies: Studies, x: Array, b: Array) -> _At:
    """At tau = 0, where the derivatives along tau are the limits 0, 0 and sum(h'^2 + h'')."""
    theta = (x @ b)[:, None]
    slope, information = (values[:, 0] for values in slopes(studies, theta))
    p = x.shape[1]
    hessian = np.zeros((p + 1, p + 1))
    hessian[:p, :p] = -(x.T * information) @ x
    hessian[p, p] = (slope**2 - information).sum()
    return _At(float(loglik(studies, theta).sum()), np.append(x.T @ slope, 0.0), hessian)


def _without_effects(studies: Studies, x: Array) -> tuple[Array, _At, bool]:
    """The maximum at tau = 0 and whether the likelihood rises from there."""
    b = _first_guess(studies, x, np.zeros(1))[0]
    at = _at_zero(studies, x, b)
    for _ in range(200):
        step = _clipped(x, at.step(), 4.0)
        near = at.gain() <= 1e-16
        following = _at_zero(studies, x, b + step)
        slack = 1e-13 * (1 + abs(at.value))
        while following.value < at.value - slack and np.abs(step).max() > 1e-12:
            step = step / 2
            following = _at_zero(studies, x, b + step)
        b, at = b + step, following
        if near:
            return b, at, bool(at.hessian[-1, -1] > 0)
    raise NotIdentified("the likelihood did not converge")


def _clipped(x: Array, step: Array, most: float) -> Array:
    """The step, shortened where it would move the mean of a study by more than `most`."""
    return step * min(1.0, most / max(float(np.abs(x @ step).max()), 1e-300))


def _look(studies: Studies, x: Array) -> tuple[Array, Array, Array]:
    """tau (T,), the coarse profile likelihood there (T,) and the coefficients (T, p).

    Far from its best coefficients a quadratic step would promise heights that are not there: steps
    of Laplace's approximation go on until there is little to gain.
    """
    tau = tau_grid(studies)
    b = _first_guess(studies, x, tau)
    for _ in range(_ROUGH_STEPS):
        step, gain = _steps(x, *roughly_along_mu(studies, b @ x.T, tau))
        far = np.abs(step @ x.T).max(axis=1)
        b = b + step * np.minimum(1.0, (2 * tau + 0.5) / np.maximum(far, 1e-300))[:, None]
        if (gain <= 4 * FAR).all():
            break
    mean = b @ x.T
    value, slope, bend = along_mu(coarse_nodes(studies, mean, tau), mean, tau)
    step, gain = _steps(x, slope, bend)
    return tau, value.sum(axis=1) + 0.5 * gain, b + step


def _steps(x: Array, slope: Array, bend: Array) -> tuple[Array, Array]:
    """Newton's steps of the coefficients (T, p) and twice their gains (T,); slope, bend: (T, k)."""
    pull = slope @ x
    normal = np.einsum("tk,kp,kq->tpq", -bend, x, x)
    step = np.linalg.solve(normal, pull[:, :, None])[:, :, 0]
    return step, (pull * step).sum(axis=1)


def _at(studies: Studies, x: Array, nodes: Nodes | None, b: Array, tau: float) -> tuple[Nodes, _At]:
    """The likelihood at (b, tau > 0), on the nodes given where they serve, else on new ones."""
    mean, taus = (x @ b)[None], np.array([tau])
    parts = None if nodes is None else evaluated(nodes, mean, taus)
    if nodes is None or parts is None:
        nodes = place(studies, mean.T, tau)
        parts = evaluate(nodes, mean, taus)
    value, gradient, hessian = (part[0] for part in parts)
    p = x.shape[1]
    whole = np.empty((p + 1, p + 1))
    whole[:p, :p] = (x.T * hessian[:, 0]) @ x
    whole[p, :p] = whole[:p, p] = x.T @ hessian[:, 1]
    whole[p, p] = hessian[:, 2].sum()
    pull = np.append(x.T @ gradient[:, 0], gradient[:, 1].sum())
    return nodes, _At(float(value.sum()), pull, whole)


def _climb(
    studies: Studies, x: Array, tau: Array, near: Array, i: int
) -> tuple[Array, float, _At] | None:
    """b, tau and the likelihood at the maximum near tau[i]; None where it lies at tau = 0.

    Where the likelihood still rises at TAU_MAX these are b and the likelihood there.
    """
    floor = _FLOOR * float(tau[0])
    low = float(tau[i - 1]) if i > 0 else floor
    high, start = float(tau[min(i + 1, len(tau) - 1)]), float(tau[i])
    if i == len(tau) - 1:
        b, at = _settled(studies, x, near[i], TAU_MAX)
        if at.profile()[0] > 0:
            return b, TAU_MAX, at
        start = float(np.sqrt(tau[i - 1] * TAU_MAX))
    found = _newton(studies, x, near[i], start, low, high)
    if found is None and i > 0:
        return _newton(studies, x, near[i], start, floor, TAU_MAX)
    return found


def _settled(studies: Studies, x: Array, b: Array, tau: float) -> tuple[Array, _At]:
    """The maximum over b at this tau > 0."""
    nodes = None
    for _ in range(200):
        nodes, at = _at(studies, x, nodes, b, tau)
        if at.gain() <= CONVERGED**2:
            return b, at
        b = b + _clipped(x, at.step(), 2 + tau)
    raise NotIdentified("the likelihood did not converge")


def _newton(
    studies: Studies, x: Array, b: Array, tau: float, low: float, high: float
) -> tuple[Array, float, _At] | None:
    """The stationary point with tau inside (low, high), where the profile rises, then falls.

    None where the search ends at `low`: there is no maximum between the two.
    """
    nodes, floor, close = None, low, False
    for _ in range(200):
        nodes, at = _at(studies, x, nodes, b, tau)
        if close:
            return b, tau, at
        gain = at.gain()
        if gain > FAR:
            b = b + _clipped(x, at.step(), 2 + tau)
            continue
        slope, bend = at.profile()
        # a sign that the error of b cannot have turned moves the bracket, and no other does
        if abs(slope) > 2 * abs(slope - at.gradient[-1]):
            low, high = (tau, high) if slope > 0 else (low, tau)
        following = tau - slope / bend if bend < 0 else np.inf
        close = abs(following - tau) <= CONVERGED * tau and gain <= CONVERGED**2
        if not close and not low < following < high:
            following = float(np.sqrt(low * high))
        if following <= 1.5 * floor or (high - low <= 1e-14 * high and not close):
            return None
        b, tau = b + _clipped(x, at.step(following - tau), 2 + tau), float(following)
    raise NotIdentified("the likelihood did not converge")
