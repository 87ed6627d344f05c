"""Profile-likelihood interval of the between-study standard deviation of the mixed models."""

import numpy as np
from scipy.special import chdtri

from metamill.pooling.glmm_families import Array, Studies
from metamill.pooling.glmm_maximum import (
    CONVERGED,
    FAR,
    TAU_MAX,
    Maximum,
    at_nodes,
    mu_step,
    profile,
    profile_slope,
)
from metamill.pooling.identified import NotIdentified


def interval(studies: Studies, top: Maximum, level: float) -> tuple[float, float]:
    """Profile-likelihood interval of tau at `level` per cent.

    The lower limit is 0 where tau = 0 is compatible with the data; the upper one is nan where the
    profile stays above its critical value at three times TAU_MAX. Where the values of tau that
    are compatible fall into pieces, the limits are those of the outermost.
    """
    reach = float(chdtri(1, 1 - level / 100))
    critical = top.value - 0.5 * reach
    heights, mus = (array[0] for array in top.look.heights(np.ones((1, len(studies.x)))))
    tau = top.look.tau
    inside = np.flatnonzero(heights >= critical)
    first, last = (inside[0], inside[-1]) if len(inside) else (0, 0)
    low = 0.0
    if top.value_common < critical:
        if first > 0 and heights[first - 1] < critical:
            start = _between(critical, tau, heights, first - 1)
        else:
            gain = (critical - top.value_common) / max(
                heights[0] - top.value_common, critical - top.value_common
            )
            start = float(tau[0] * np.sqrt(gain))
        start = min(start, 0.9 * top.tau)
        low = _crossing(studies, top, reach, float(mus[first]), start, 0.0, top.tau)
    if last + 1 < len(tau):
        start = max(_between(critical, tau, heights, last), 1.05 * top.tau)
        mu = float(mus[last])
    else:
        mu, at = profile(studies, 3 * TAU_MAX, float(mus[-1]))
        if at.value[0] >= critical:
            return low, float("nan")
        start = 1.5 * TAU_MAX
    return low, _crossing(studies, top, reach, mu, start, top.tau, 3 * TAU_MAX)


def _between(critical: float, tau: Array, heights: Array, i: int) -> float:
    """Where the line through two heights over log tau, at i and i + 1, meets `critical`."""
    share = (critical - heights[i]) / (heights[i + 1] - heights[i])
    return float(tau[i] * (tau[i + 1] / tau[i]) ** np.clip(share, 0, 1))


def _crossing(
    studies: Studies, top: Maximum, reach: float, mu: float, tau: float, low: float, high: float
) -> float:
    """tau in (low, high), one of which is the maximum, where the profile has lost reach/2.

    Newton's method on the root of the loss against log tau, which is near to a line, while mu
    takes its own Newton steps.
    """
    upper = low == top.tau
    nodes = None
    for _ in range(200):
        nodes, at = at_nodes(studies, nodes, mu, tau)
        by_mu, mu_mu = at.gradient[0, 0], at.hessian[0, 0]
        gain = -(by_mu**2) / mu_mu
        if gain > FAR:
            mu = mu_step(at, mu, tau)
            continue
        loss = 2 * (top.value - float(at.value[0])) - gain
        # a sign that the error of mu cannot have turned moves the bracket, and no other does
        if abs(loss - reach) > gain:
            low, high = (tau, high) if (loss < reach) == upper else (low, tau)
        root = np.sqrt(max(loss, 1e-6 * reach))
        slope = -profile_slope(at) * tau / root
        step = (np.sqrt(reach) - root) / slope if slope != 0 else np.inf
        following = float(tau * np.exp(np.clip(step, -1, 1)))
        found = abs(step) <= CONVERGED and abs(by_mu) <= 1e-4 * tau * abs(mu_mu)
        if not found and not low < following < high:
            following = float(np.sqrt(low * high)) if low > 0 else 0.5 * high
        mu, tau = mu_step(at, mu, tau, following - tau), following
        if found or high - low <= 1e-14 * high:
            return tau
    raise NotIdentified("the limits of the between-study variance did not converge")
