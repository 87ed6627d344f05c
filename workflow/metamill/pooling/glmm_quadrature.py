"""The marginal likelihood of the mixed models by adaptive quadrature, with its derivatives.

The likelihood of a study is the integral of exp(h(theta)) times the normal density of theta with
mean mu and standard deviation tau. The trapezoidal rule is used on nodes in theta: for an
integrand that is analytic around the real line its error falls exponentially with the number of
nodes (Trefethen and Weideman 2014, doi 10.1137/130932132). Nodes cover, study by study, the
stretch where the integrand is not negligible, and lie closer together than its own width and than
the distance pi of the nearest singularity of h allow. As they are nodes in theta, h is computed
once for them; another (mu, tau) nearby changes the normal density only.

The derivatives are posterior moments of w = (theta - mu)/tau (Louis 1982,
doi 10.1111/j.2517-6161.1982.tb01203.x).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from metamill.pooling.glmm_families import Array, Studies, falling_root, loglik, slopes

# Integrands are cut where they are exp(-34) of their peak. Nodes are sqrt(_STEP/(curvature +
# _SINGULARITY)) apart: the rule's error is exp(-2 pi^2/_STEP) for a normal density and, measured
# over all families and sizes of study, below 1e-12 for any other integrand.
_DROP = 34.0
_STEP = 0.5
_SINGULARITY = 3.0
# Nodes placed for one (mu, tau) serve another while tau is not much smaller, which would ask for
# closer nodes, and every integrand ends within them.
_TAU_RATIO = 0.85
_COVERED = -28.0

_ELEMENTS = 100_000
_COARSE = np.linspace(-2.3, 2.3, 13)


@dataclass(frozen=True)
class Nodes:
    """Nodes theta and h(theta) + log(step/sqrt(2 pi)), both of shape (..., k, nodes)."""

    theta: Array
    base: Array
    mu: float | Array
    tau: float | Array


@dataclass(frozen=True)
class Likelihood:
    """Log-likelihood, gradient and Hessian in (mu, tau), per analysis.

    `value` has shape (m,), `gradient` (m, 2), and `hessian` (m, 3) for mu mu, mu tau, tau tau.
    """

    value: Array
    gradient: Array
    hessian: Array


def modes(studies: Studies, mu: Array, tau: Array, tolerance: float | Array) -> Array:
    """theta at the peak of each study's integrand, (..., k, 1); mu, tau: numbers or (..., 1, 1).

    The penalised score h'(theta) - (theta - mu)/tau^2 decreases, so that its root is bracketed.
    """
    precision = 1 / tau**2

    def score(theta: Array) -> tuple[Array, Array]:
        slope, information = slopes(studies, theta)
        return slope - (theta - mu) * precision, information + precision

    own, information = studies.own[:, None], studies.information[:, None]
    start = (mu * precision + own * information) / (precision + information)
    return falling_root(score, start, tolerance)


def place(studies: Studies, mu: float | Array, tau: float | Array) -> Nodes:
    """Nodes (k, nodes) for the integrals at (mu, tau > 0) and its neighbourhood.

    mu: a number, or (k, 1) where every study has a mean of its own. For many pairs at once, both
    of shape (m, 1, 1), nodes are (m, k, nodes).
    """
    theta, step = _layout(studies, mu, tau)
    return Nodes(theta, loglik(studies, theta) + np.log(step / np.sqrt(2 * np.pi)), mu, tau)


def _layout(studies: Studies, mu: float | Array, tau: float | Array) -> tuple[Array, Array]:
    """theta of the nodes, and the distance between them (..., k, 1)."""
    precision = 1 / tau**2
    rough = 1e-3 / np.sqrt(precision + studies.information.max())
    mode = modes(studies, np.asarray(mu), np.asarray(tau), rough)
    curvature = slopes(studies, mode)[1] + precision
    reach = _reach(studies, mu, tau, mode, curvature)
    step = np.sqrt(_STEP / (curvature + _SINGULARITY))
    whole = reach.sum(axis=-1, keepdims=True)
    count = int(np.ceil((whole / step).max())) + 1
    step = whole / (count - 1)
    return mode - reach[..., :1] + step * np.arange(count), step


def _reach(
    studies: Studies, mu: float | Array, tau: float | Array, mode: Array, curvature: Array
) -> Array:
    """How far (..., k, 2) below and above its mode each integrand has fallen by about exp(-DROP).

    Newton's method on the logarithms of fall and distance, which is exact for a power.
    """
    precision = 1 / tau**2
    top = loglik(studies, mode) - 0.5 * precision * (mode - mu) ** 2
    side = np.array([-1.0, 1.0])
    most = np.sqrt(2 * _DROP) * tau
    distance = np.sqrt(2 * _DROP / curvature) * np.ones(2)
    for _ in range(60):
        theta = mode + side * distance
        fall = top - loglik(studies, theta) + 0.5 * precision * (theta - mu) ** 2
        enough = (fall >= _DROP - 4) & (fall <= _DROP + 16)
        if enough.all():
            break
        fall = np.maximum(fall, 1e-3)
        rise = side * ((theta - mu) * precision - slopes(studies, theta)[0])
        power = np.maximum(rise * distance / fall, 1.0)
        factor = np.exp(np.clip(np.log((_DROP + 2) / fall) / power, -2, 2))
        distance = np.minimum(distance * np.where(enough, 1.0, factor), 1.1 * most)
    return distance


def _means(mu: Array) -> Array:
    """mu, (m,) or one per study (m, k), to go with theta (m, k, nodes)."""
    return mu[:, None, None] if mu.ndim == 1 else mu[:, :, None]


def serves(nodes: Nodes, mu: Array, tau: Array) -> Array:
    """Whether nodes placed for one (mu, tau) are good for others: tau (m,), mu (m,) or (m, k)."""
    _, _, log_terms, top = _integrand(nodes, mu, tau)
    return _served(nodes, log_terms, top, tau)


def _integrand(nodes: Nodes, mu: Array, tau: Array) -> tuple[Array, Array, Array, Array]:
    """w = (theta - mu)/tau, its square, the logarithm of every term, and the largest (..., 1)."""
    w = nodes.theta - _means(mu)
    w /= tau[:, None, None]
    w2 = w * w
    log_terms = -0.5 * w2
    log_terms += nodes.base
    return w, w2, log_terms, log_terms.max(axis=-1, keepdims=True)


def _served(nodes: Nodes, log_terms: Array, top: Array, tau: Array) -> Array:
    ends = np.maximum(log_terms[..., 0], log_terms[..., -1]) - top[..., 0]
    return (ends <= _COVERED).all(axis=-1) & (tau >= _TAU_RATIO * nodes.tau)


def evaluate(nodes: Nodes, mu: Array, tau: Array) -> tuple[Array, Array, Array]:
    """Value, gradient and Hessian of every study at tau of shape (m,) and mu, (m,) or (m, k).

    Shapes (m, k), (m, k, 2) and (m, k, 3); `total` adds them up.
    """
    return _moments(*_integrand(nodes, mu, tau), tau)


def evaluated(nodes: Nodes, mu: Array, tau: Array) -> tuple[Array, Array, Array] | None:
    """`evaluate` where the nodes serve all the pairs, None where they do not."""
    terms = _integrand(nodes, mu, tau)
    if not _served(nodes, terms[2], terms[3], tau).all():
        return None
    return _moments(*terms, tau)


def _moments(
    w: Array, w2: Array, log_terms: Array, top: Array, tau: Array
) -> tuple[Array, Array, Array]:
    terms = np.subtract(log_terms, top, out=log_terms)
    np.exp(terms, out=terms)
    area = terms.sum(axis=-1)
    first = np.vecdot(terms, w) / area
    second = np.vecdot(terms, w2) / area
    terms *= w2
    third = np.vecdot(terms, w) / area
    fourth = np.vecdot(terms, w2) / area
    gradient, hessian = np.empty((*first.shape, 2)), np.empty((*first.shape, 3))
    gradient[..., 0], gradient[..., 1] = first, second - 1
    hessian[..., 0] = second - first**2 - 1
    hessian[..., 1] = third - first * second - 2 * first
    hessian[..., 2] = fourth - second**2 - 3 * second + 1
    tau = tau[:, None]
    value = top[..., 0] + np.log(area / tau)
    gradient /= tau[..., None]
    hessian /= tau[..., None] ** 2
    return value, gradient, hessian


def along_mu(nodes: Nodes, mu: Array, tau: Array) -> tuple[Array, Array, Array]:
    """Value, slope and second derivative in mu (m, k) of every study; arguments of `evaluate`."""
    w, terms, log_terms, top = _integrand(nodes, mu, tau)
    terms = np.subtract(log_terms, top, out=terms)
    np.exp(terms, out=terms)
    area = terms.sum(axis=-1)
    first = np.vecdot(terms, w) / area
    terms *= w
    second = np.vecdot(terms, w) / area
    tau = tau[:, None]
    value = top[..., 0] + np.log(area / tau)
    return value, first / tau, (second - first**2 - 1) / tau**2


def rows_at_once(studies: Studies, nodes: int) -> int:
    """For how many (mu, tau) the likelihood is computed together: a bound of the memory."""
    size = len(studies.x) if studies.support is None else len(studies.support.row)
    return max(1, _ELEMENTS // (nodes * size))


def values(
    studies: Studies, mu: Array, tau: Array, height: Callable[[Array], Array] | None = None
) -> Array:
    """Log-likelihood (m, k) of every study at many pairs of mu and tau > 0, each (m,).

    Memory is bounded: pairs are taken some at a time, best in the order of tau. `height` gives the
    log-likelihood at theta (m, k, nodes) where it is wanted with another constant than `loglik`.
    """
    out = np.empty((len(mu), len(studies.x)))
    rows = rows_at_once(studies, 60)
    for i in range(0, len(mu), rows):
        part = slice(i, i + rows)
        means, taus = mu[part, None, None], tau[part, None, None]
        theta, step = _layout(studies, means, taus)
        w = theta - means
        w /= taus
        w *= w
        w *= -0.5
        w += loglik(studies, theta) if height is None else height(theta)
        top = w.max(axis=-1, keepdims=True)
        w -= top
        area = np.exp(w, out=w).sum(axis=-1) * (step / (taus * np.sqrt(2 * np.pi)))[..., 0]
        out[part] = top[..., 0] + np.log(area)
    return out


def total(parts: tuple[Array, Array, Array], keep: Array | None = None) -> Likelihood:
    """The sum over studies; keep: (m, k), 1 where a study belongs to an analysis."""
    value, gradient, hessian = parts
    if keep is not None:
        value = value * keep
        gradient, hessian = gradient * keep[..., None], hessian * keep[..., None]
    return Likelihood(value.sum(axis=1), gradient.sum(axis=1), hessian.sum(axis=1))


def roughly_along_mu(studies: Studies, mu: Array, tau: Array) -> tuple[Array, Array]:
    """Slope and second derivative in mu (m, k) by Laplace's approximation, for a first step.

    (mode - mu)/tau^2 and -information/(1 + tau^2 information), both at the mode. tau: (m,), mu:
    (m,) or (m, k).
    """
    mu, tau = _means(mu), tau[:, None, None]
    rough = 0.02 / np.sqrt(1 / tau**2 + studies.information.max())
    slope, information = slopes(studies, modes(studies, mu, tau, rough))
    return slope[..., 0], (-information / (1 + tau**2 * information))[..., 0]


def coarse_nodes(studies: Studies, mu: Array, tau: Array) -> Nodes:
    """Nodes (m, k, 13) for m pairs (mu, tau) at once: about five digits, for a first look.

    Spaced by a sinh map, dense at the mode and reaching five standard deviations. tau: (m,); mu:
    (m,) or (m, k).
    """
    mu, tau = _means(mu), tau[:, None, None]
    rough = 0.02 / np.sqrt(1 / tau**2 + studies.information.max())
    mode = modes(studies, mu, tau, rough)
    scale = 1 / np.sqrt(slopes(studies, mode)[1] + 1 / tau**2)
    theta = mode + scale * np.sinh(_COARSE)
    width = scale * np.cosh(_COARSE) * (_COARSE[1] - _COARSE[0]) / np.sqrt(2 * np.pi)
    return Nodes(theta, loglik(studies, theta) + np.log(width), mu, tau)


def likelihood(studies: Studies, mu: float, tau: float) -> Likelihood:
    """Log-likelihood (without its constant), gradient and Hessian at mu and tau >= 0, with m = 1.

    At tau = 0 the derivatives along tau are the limits: 0, 0 and sum(h'^2 + h'').
    """
    if tau > 0:
        return total(evaluate(place(studies, mu, tau), np.array([mu]), np.array([tau])))
    theta = np.full((len(studies.x), 1), float(mu))
    slope, information = slopes(studies, theta)
    hessian = [-information.sum(), 0.0, (slope**2 - information).sum()]
    gradient = [slope.sum(), 0.0]
    return Likelihood(
        np.array([loglik(studies, theta).sum()]), np.array([gradient]), np.array([hessian])
    )
