"""Maximum likelihood in the mixed models with one random effect.

At every tau the log-likelihood is concave in mu, because the posterior variance of a study's
effect is at most tau^2 (Brascamp and Lieb 1976). So mu is profiled out by Newton's method, and
what is left is one curve in tau. It can have several maxima: a coarse look at the whole curve
finds where, and Newton's method in (mu, tau), held inside a bracket, ends each of them.
"""

from dataclasses import dataclass

import numpy as np

from metamill.pooling.glmm_families import Array, Studies, common_effect
from metamill.pooling.glmm_quadrature import (
    Likelihood,
    Nodes,
    along_mu,
    coarse_nodes,
    evaluate,
    evaluated,
    likelihood,
    place,
    roughly_along_mu,
    total,
)
from metamill.pooling.identified import NotIdentified

TAU_MAX = 8.0
_LOG_STEP = 0.5
_FLOOR = 1e-3
CONVERGED = 1e-7
SINGULAR = 1e-10
# mu steps alone while that would raise twice the log-likelihood by more than this
FAR = 0.25
# a second maximum this much lower on the coarse curve is not the higher one
_COARSE_DOUBT = 0.5
_ROUGH_STEPS = 60


@dataclass(frozen=True)
class Curve:
    """A coarse look at the likelihood along tau (T,), at one mu (T,) near its best for each.

    `value`, `slope` and `bend` (T, k): the log-likelihood of every study there and its first and
    second derivative in mu.
    """

    tau: Array
    mu: Array
    value: Array
    slope: Array
    bend: Array

    def heights(self, keep: Array) -> tuple[Array, Array]:
        """Log-likelihood (m, T), mu profiled out by one more step, and that mu; keep: (m, k)."""
        slope, bend = keep @ self.slope.T, keep @ self.bend.T
        return keep @ self.value.T - 0.5 * slope**2 / bend, self.mu - slope / bend


@dataclass(frozen=True)
class Maximum:
    """The global maximum, the maximum at tau = 0 (`value_common`), and the curve looked at.

    `covariance` (2, 2) of (mu, tau) is the inverse of the observed information; at tau = 0 only
    the variance of mu at this tau exists, and the other entries are nan.
    """

    mu: float
    tau: float
    value: float
    covariance: Array
    value_common: float
    look: Curve


def tau_grid(studies: Studies) -> Array:
    """From well below what the largest study can resolve up to TAU_MAX, evenly in log tau."""
    lowest = min(0.05, 0.3 / float(np.sqrt(studies.information.max())))
    return np.geomspace(lowest, TAU_MAX, 1 + int(np.ceil(np.log(TAU_MAX / lowest) / _LOG_STEP)))


def curve(studies: Studies) -> Curve:
    """The look along `tau_grid`, mu by Laplace's approximation from a mean of crude effects.

    Far from its best mu a quadratic step would promise heights that are not there, and hide the
    maxima that are: steps go on until there is little to gain.
    """
    tau = tau_grid(studies)
    weights = 1 / (1 / studies.information + tau[:, None] ** 2)
    mu = (weights * studies.own).sum(axis=1) / weights.sum(axis=1)
    for _ in range(_ROUGH_STEPS):
        slope, bend = (part.sum(axis=1) for part in roughly_along_mu(studies, mu, tau))
        mu = mu + np.clip(-slope / bend, -2 * tau - 0.5, 2 * tau + 0.5)
        if (slope**2 <= -4 * FAR * bend).all():
            break
    return Curve(tau, mu, *along_mu(coarse_nodes(studies, mu, tau), mu, tau))


def peaks(heights: Array) -> list[int]:
    """Positions of the local maxima of (T,) heights, ends included, the highest first."""
    padded = np.concatenate([[-np.inf], heights, [-np.inf]])
    inside = (heights >= padded[:-2]) & (heights >= padded[2:])
    found = np.flatnonzero(inside)
    return [int(i) for i in found[np.argsort(-heights[found])]]


def maximise(studies: Studies) -> Maximum:
    """The global maximum over mu and tau in [0, TAU_MAX]; NotIdentified where there is none."""
    everyone = np.ones((1, len(studies.x)))
    mu_common = float(common_effect(studies, everyone)[0])
    at_zero = likelihood(studies, mu_common, 0.0)
    value_common = float(at_zero.value[0])
    rises_at_zero = at_zero.hessian[0, 2] > 0
    look = curve(studies)
    heights, mus = look.heights(everyone)
    best: tuple[float, float, float, Likelihood | None] = (value_common, mu_common, 0.0, None)
    for i in peaks(heights[0]):
        if heights[0, i] < max(heights[0].max(), value_common) - _COARSE_DOUBT:
            continue
        found = climb(studies, look, heights[0], mus[0], i)
        if found is None:
            continue
        value = float(found[2].value[0])
        if value > best[0] or (best[3] is None and rises_at_zero):
            best = (value, *found)
    value, mu, tau, at = best
    if at is None and rises_at_zero:
        raise NotIdentified("the likelihood did not converge")
    if tau == TAU_MAX:
        raise NotIdentified(
            "the studies are so far apart that the likelihood rises up to a between-study "
            f"standard deviation of {TAU_MAX:g} on the link scale"
        )
    if at is None:
        variance = 1 / -at_zero.hessian[0, 0]
        covariance = np.array([[variance, np.nan], [np.nan, np.nan]])
        return Maximum(mu, 0.0, value, covariance, value_common, look)
    return Maximum(mu, tau, value, _covariance(at.hessian[0]), value_common, look)


def _covariance(hessian: Array) -> Array:
    """Inverse of the observed information in (mu, tau)."""
    mu_mu, cross, tau_tau = -hessian
    determinant = mu_mu * tau_tau - cross**2
    if determinant <= SINGULAR * mu_mu * tau_tau or mu_mu <= 0:
        raise NotIdentified("the likelihood is flat at its maximum")
    return np.array([[tau_tau, -cross], [-cross, mu_mu]]) / determinant


def climb(
    studies: Studies, look: Curve, heights: Array, mus: Array, i: int
) -> tuple[float, float, Likelihood] | None:
    """mu, tau and the likelihood at the maximum near tau[i]; None where it lies at tau = 0.

    Where the likelihood still rises at TAU_MAX these are mu and the likelihood there.
    """
    tau = look.tau
    low = float(tau[i - 1]) if i > 0 else _FLOOR * float(tau[0])
    high = float(tau[i + 1]) if i + 1 < len(tau) else TAU_MAX
    at_tau, at_mu = float(tau[i]), float(mus[i])
    if i == len(tau) - 1:
        mu_top, at = profile(studies, TAU_MAX, at_mu)
        if profile_slope(at) > 0:
            return mu_top, TAU_MAX, at
        at_mu, at_tau = mu_top, float(np.sqrt(tau[i - 1] * TAU_MAX))
    elif i > 0:
        at_tau, at_mu = _vertex(np.log(tau[i - 1 : i + 2]), heights[i - 1 : i + 2], mus, i)
    found = newton(studies, at_mu, at_tau, low, high)
    if found is None and i > 0:
        return newton(studies, at_mu, at_tau, _FLOOR * float(tau[0]), TAU_MAX)
    return found


def _vertex(log_tau: Array, heights: Array, mus: Array, i: int) -> tuple[float, float]:
    """The top of the parabola through three evenly spaced points, and mu there by lines."""
    below, peak, above = heights
    bend = 2 * peak - below - above
    shift = 0.5 * (above - below) / bend if bend > 0 else 0.0
    shift = float(np.clip(shift, -0.9, 0.9))
    side = i + 1 if shift > 0 else i - 1
    mu = mus[i] + abs(shift) * (mus[side] - mus[i])
    return float(np.exp(log_tau[1] + shift * (log_tau[1] - log_tau[0]))), float(mu)


def profile_slope(at: Likelihood) -> float:
    """Slope along tau with mu at its best for each tau, to first order in the error of mu."""
    (by_mu, by_tau), (mu_mu, cross, _) = at.gradient[0], at.hessian[0]
    return float(by_tau - cross / mu_mu * by_mu)


def at_nodes(
    studies: Studies, nodes: Nodes | None, mu: float, tau: float
) -> tuple[Nodes, Likelihood]:
    """The likelihood at (mu, tau), on the nodes given where they serve, else on new ones."""
    mus, taus = np.array([mu]), np.array([tau])
    parts = None if nodes is None else evaluated(nodes, mus, taus)
    if nodes is None or parts is None:
        nodes = place(studies, mu, tau)
        parts = evaluate(nodes, mus, taus)
    return nodes, total(parts)


def newton(
    studies: Studies, mu: float, tau: float, low: float, high: float
) -> tuple[float, float, Likelihood] | None:
    """The stationary point with tau inside (low, high), where the profile rises, then falls.

    None where the search ends at `low`: there is no maximum away from tau = 0.
    """
    nodes, floor, close = None, low, False
    for _ in range(200):
        nodes, at = at_nodes(studies, nodes, mu, tau)
        if close:
            return mu, tau, at
        (by_mu, by_tau), (mu_mu, cross, tau_tau) = at.gradient[0], at.hessian[0]
        if -(by_mu**2) / mu_mu > FAR:
            mu = mu_step(at, mu, tau)
            continue
        slope = profile_slope(at)
        # a sign that the error of mu cannot have turned moves the bracket, and no other does
        if abs(slope) > 2 * abs(slope - by_tau):
            low, high = (tau, high) if slope > 0 else (low, tau)
        bend = tau_tau - cross**2 / mu_mu
        following = float(tau - slope / bend) if bend < 0 else np.inf
        close = abs(following - tau) <= CONVERGED * tau and abs(by_mu) <= CONVERGED * tau * -mu_mu
        if not close and not low < following < high:
            following = float(np.sqrt(low * high))
        if following <= 1.5 * floor or (high - low <= 1e-14 * high and not close):
            return None
        mu, tau = mu_step(at, mu, tau, following - tau), following
    raise NotIdentified("the likelihood did not converge")


def mu_step(at: Likelihood, mu: float, tau: float, change: float = 0.0) -> float:
    """mu after its Newton step, while tau changes by `change`; never far beyond tau."""
    step = -(at.gradient[0, 0] + at.hessian[0, 1] * change) / at.hessian[0, 0]
    return mu + float(np.clip(step, -2 - tau, 2 + tau))


def profile(studies: Studies, tau: float, mu: float) -> tuple[float, Likelihood]:
    """The mu that maximises the likelihood at this tau, and the likelihood there."""
    nodes = None
    for _ in range(100):
        nodes, at = at_nodes(studies, nodes, mu, tau)
        if abs(at.gradient[0, 0]) <= CONVERGED * tau * -at.hessian[0, 0]:
            return mu, at
        mu = mu_step(at, mu, tau)
    raise NotIdentified("the likelihood did not converge")
