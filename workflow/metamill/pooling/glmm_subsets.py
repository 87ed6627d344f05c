"""Many fits to subsets of the same studies at once, for leaving one out and for resampling."""

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.glmm_families import Array, Studies, take
from metamill.pooling.glmm_maximum import SINGULAR, Maximum
from metamill.pooling.glmm_quadrature import Nodes, evaluate, place, serves, total
from metamill.pooling.glmm_surface import alone, checked, identified, surface_fits

FEW = 60
_ELEMENTS = 30_000
# a last step of this size, relative to tau, leaves an error of its square
_CLOSE = 1e-6


def point_fits(studies: Studies, keep: ArrayLike) -> tuple[Array, Array, Array]:
    """mu, its standard error and tau2 (m,) of m subsets of the studies; keep: (k, m) of 0 and 1.

    As good as one fit per subset, and much faster. More than FEW subsets go to `surface_fits`.
    Few are best fitted from the maximum of all studies where they are alike, as they are when one
    study at a time is left out: nodes and the coarse curve are shared, and a subset whose maximum
    is not near that of all studies is fitted alone. nan where a subset identifies nothing.
    """
    inside = checked(studies, keep)
    if len(inside) > FEW:
        return surface_fits(studies, keep)
    mu, se, tau2 = (np.full(len(inside), np.nan) for _ in range(3))
    known = identified(studies, inside)
    left = known.copy()
    top = alone(studies)
    if top is not None and top.tau > 0 and known.any():
        columns = np.flatnonzero(known)
        near, found = _near(studies, top, inside[columns].astype(float))
        for values, fits in zip((mu, se, tau2), found, strict=True):
            values[columns[near]] = fits[near]
        left[columns[near]] = False
    for column in np.flatnonzero(left):
        single = alone(take(studies, inside[column]))
        if single is not None:
            mu[column], tau2[column] = single.mu, single.tau**2
            se[column] = np.sqrt(single.covariance[0, 0])
    return mu, se, tau2


def _near(studies: Studies, top: Maximum, keep: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    """Subsets whose maximum is near that of all studies, and mu, se and tau2 of each (m,).

    Near: the coarse curve of the subset has one peak, which is not tau = 0, and Newton's method
    from the maximum of all converges where its nodes serve. keep: (m, k).
    """
    heights, _ = top.look.heights(keep)
    rising, falling = heights[:, 1:-1] >= heights[:, :-2], heights[:, 1:-1] >= heights[:, 2:]
    single = (rising & falling).sum(axis=1) == 1
    single &= (heights[:, 0] < heights[:, 1]) & (heights[:, -1] < heights[:, -2])
    nodes = place(studies, top.mu, top.tau)
    # so many at a time that the arrays stay in the processor's cache
    size = max(1, _ELEMENTS // nodes.theta.size)
    parts = [
        _newton(nodes, top, keep[i : i + size], single[i : i + size])
        for i in range(0, len(keep), size)
    ]
    near, mu, se, tau = (np.concatenate(values) for values in zip(*parts, strict=True))
    return near, (mu, se, tau**2)


def _newton(
    nodes: Nodes, top: Maximum, keep: Array, live: Array
) -> tuple[Array, Array, Array, Array]:
    """Newton's method in (mu, tau) for each subset on shared nodes; which arrived, mu, se, tau.

    Steps that leave the neighbourhood of the start end a subset: it is not near.
    """
    mu, tau = np.full(len(keep), top.mu), np.full(len(keep), top.tau)
    done = np.zeros(len(keep), bool)
    for _ in range(10):
        at = total(evaluate(nodes, mu, tau), keep)
        (by_mu, by_tau), (mu_mu, cross, tau_tau) = at.gradient.T, at.hessian.T
        determinant = mu_mu * tau_tau - cross**2
        live = live & (determinant > SINGULAR * np.abs(mu_mu * tau_tau)) & (mu_mu < 0)
        safe = np.where(live, determinant, 1.0)
        step_mu = np.where(live, (cross * by_tau - tau_tau * by_mu) / safe, 0.0)
        step_tau = np.where(live, (cross * by_mu - mu_mu * by_tau) / safe, 0.0)
        live &= (np.abs(step_tau) < 0.3 * top.tau) & (np.abs(step_mu) < top.tau)
        mu, tau = mu + np.where(live, step_mu, 0), tau + np.where(live, step_tau, 0)
        live &= (tau > 0.5 * top.tau) & (tau < 2 * top.tau)
        tau = np.where(live, tau, top.tau)
        done = live & (np.maximum(np.abs(step_mu), np.abs(step_tau)) <= _CLOSE * tau)
        if (done | ~live).all():
            break
    mu_mu, cross, tau_tau = total(evaluate(nodes, mu, tau), keep).hessian.T
    determinant = mu_mu * tau_tau - cross**2
    near = done & (determinant > SINGULAR * np.abs(mu_mu * tau_tau)) & (mu_mu < 0)
    near &= serves(nodes, mu, tau)
    return near, mu, np.sqrt(np.where(near, -tau_tau / np.where(near, determinant, 1), 0)), tau
