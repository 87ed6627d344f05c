"""Binomial-normal model for single-arm proportions: events_i ~ Bin(total_i, expit(mu + tau z_i)).

The random-intercept logistic model of Hamza, van Houwelingen and Stijnen 2008
(doi 10.1016/j.jclinepi.2007.03.016) and Stijnen, Hamza and Oezdemir 2010 (doi 10.1002/sim.4040),
fitted by maximum likelihood without any continuity correction. The integrals over z are adaptive:
nodes follow each study's own mode and curvature, since fixed nodes are wider apart than the
likelihood of a large study and then give a wrong answer in silence. They are spaced by a sinh
map (dense at the mode, stretching to the reach of the normal density), because Gauss-Hermite
nodes lose digits on the one-sided likelihood of a study without events when tau is large.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, chdtri, expit, gammaln, log_expit, stdtrit, xlogy

Array = np.ndarray

_NODES = np.linspace(-1.0, 1.0, 121)
_NORMAL_REACH = 9.0
_TAU_MAX = 8.0
_SINGULAR = 1e-10
_TAU_GRID = np.geomspace(0.02, _TAU_MAX, 16)


@dataclass(frozen=True)
class GLMMFit:
    """The fitted model on the logit scale; `marginal` is the mean proportion over studies.

    `estimate` of a study with random effect zero is expit(mu), the median proportion. `weights`
    (per cent) are information weights 1/(tau2 + 1/(n p (1 - p))) at the empirical Bayes
    proportions: a description, not the weights of an estimating equation. tau2_high is nan where
    the profile likelihood stays above its critical value up to the largest tau searched.
    """

    k: int
    mu: float
    se: float
    mu_low: float
    mu_high: float
    tau2: float
    tau2_low: float
    tau2_high: float
    pi_low: float
    pi_high: float
    q: float
    q_df: int
    q_p: float
    loglik: float
    marginal: float
    weights: Array
    empirical_bayes: Array


class NotIdentified(ArithmeticError):
    """The likelihood has no interior maximum, or too little information to have one."""


def _modes(x: Array, n: Array, mu: float, tau: float) -> Array:
    """z maximising the integrand of each study: the root of tau (x - n p(z)) - z, decreasing."""
    low, high = -abs(tau) * (n - x), abs(tau) * x
    z = np.zeros_like(x)
    for _ in range(200):
        p = expit(mu + tau * z)
        slope = tau * (x - n * p) - z
        low = np.where(slope > 0, z, low)
        high = np.where(slope > 0, high, z)
        newton = z + slope / (1 + tau**2 * n * p * (1 - p))
        following = np.where((newton > low) & (newton < high), newton, 0.5 * (low + high))
        if np.all(np.abs(following - z) <= 1e-13 * (1 + np.abs(z))):
            return following
        z = following
    return z


def _nodes(mode: Array, scale: Array) -> tuple[Array, Array]:
    """Nodes z and log(weight/sqrt(2 pi)), each (k, nodes), for integrands peaked at `mode`.

    The trapezoidal rule after z = mode + scale sinh(u); its error falls exponentially with the
    number of nodes for an integrand that is analytic around the real line.
    """
    reach = np.arcsinh(_NORMAL_REACH / scale)[:, None]
    u = reach * _NODES
    step = reach * (_NODES[1] - _NODES[0])
    z = mode[:, None] + scale[:, None] * np.sinh(u)
    return z, np.log(scale[:, None] * np.cosh(u) * step / np.sqrt(2 * np.pi))


@dataclass(frozen=True)
class _Likelihood:
    value: float
    gradient: Array
    hessian: Array


def _likelihood(x: Array, n: Array, mu: float, tau: float) -> _Likelihood:
    """Log-likelihood without the binomial coefficients, gradient and Hessian in (mu, tau).

    Derivatives are posterior moments over z (Louis 1982): the score is E[h'], the Hessian
    E[h''] + Var[h'] with h the binomial log-likelihood of a study.
    """
    mode = _modes(x, n, mu, tau)
    p = expit(mu + tau * mode)
    z, log_width = _nodes(mode, 1 / np.sqrt(1 + tau**2 * n * p * (1 - p)))
    eta = mu + tau * z
    log_terms = (
        x[:, None] * log_expit(eta) + (n - x)[:, None] * log_expit(-eta) - 0.5 * z**2 + log_width
    )
    top = log_terms.max(axis=1, keepdims=True)
    terms = np.exp(log_terms - top)
    total = terms.sum(axis=1, keepdims=True)
    posterior = terms / total
    p = expit(eta)
    slope = x[:, None] - n[:, None] * p
    bend = -n[:, None] * p * (1 - p)

    def mean(values: Array) -> Array:
        return (posterior * values).sum(axis=1)

    by_mu, by_tau = mean(slope), mean(z * slope)
    hessian_mu = mean(bend + slope**2) - by_mu**2
    hessian_cross = mean(z * bend + z * slope**2) - by_mu * by_tau
    hessian_tau = mean(z**2 * bend + (z * slope) ** 2) - by_tau**2
    cross = hessian_cross.sum()
    return _Likelihood(
        value=float((np.log(total) + top).sum()),
        gradient=np.array([by_mu.sum(), by_tau.sum()]),
        hessian=np.array([[hessian_mu.sum(), cross], [cross, hessian_tau.sum()]]),
    )


def _profile(x: Array, n: Array, tau: float, mu: float) -> tuple[float, float]:
    """The mu that maximises the likelihood at this tau, and that maximum."""
    at = _likelihood(x, n, mu, tau)
    for _ in range(100):
        curvature = at.hessian[0, 0]
        step = at.gradient[0] / -curvature if curvature < 0 else np.sign(at.gradient[0])
        step = float(np.clip(step, -2, 2))
        following = _likelihood(x, n, mu + step, tau)
        while following.value < at.value - 1e-9 and abs(step) > 1e-9:
            step /= 2
            following = _likelihood(x, n, mu + step, tau)
        mu, at = mu + step, following
        if abs(step) <= 1e-9 * (1 + abs(mu)):
            break
    return mu, at.value


def _common_logit(x: Array, n: Array) -> tuple[float, float]:
    """mu and log-likelihood at tau = 0: every study shares one proportion."""
    p = x.sum() / n.sum()
    return float(np.log(p / (1 - p))), float((xlogy(x, p) + xlogy(n - x, 1 - p)).sum())


def _maximise(x: Array, n: Array) -> tuple[float, float, float]:
    """mu, tau and the log-likelihood at the global maximum (tau may be 0)."""
    mu_0, value_0 = _common_logit(x, n)
    profile = []
    mu = mu_0
    for tau in _TAU_GRID:
        mu, value = _profile(x, n, tau, mu)
        profile.append((value, mu, tau))
    value, mu, tau = max(profile)
    if tau == _TAU_GRID[-1]:
        raise NotIdentified(
            "the studies are so far apart that the likelihood rises up to a between-study "
            f"standard deviation of {_TAU_MAX:g} on the logit scale"
        )
    p = x.sum() / n.sum()
    rises_at_zero = ((x - n * p) ** 2 - n * p * (1 - p)).sum() > 0
    if value <= value_0 and not rises_at_zero:
        return mu_0, 0.0, value_0
    at = _likelihood(x, n, mu, tau)
    for _ in range(200):
        try:
            step = -np.linalg.solve(at.hessian, at.gradient)
        except np.linalg.LinAlgError:
            step = at.gradient
        if at.gradient @ step < 0:
            step = at.gradient / np.abs(np.diag(at.hessian)).max()
        step = step * min(1.0, 1 / np.abs(step).max())
        following = _likelihood(x, n, mu + step[0], tau + step[1])
        slack = 1e-10 + 1e-14 * abs(at.value)
        while following.value < at.value - slack and np.abs(step).max() > 1e-12:
            step = step / 2
            following = _likelihood(x, n, mu + step[0], tau + step[1])
        gain = abs(at.gradient @ step)
        mu, tau, at = mu + step[0], tau + step[1], following
        if np.abs(step).max() <= 1e-10 * (1 + abs(mu)) or gain <= 1e-15 * abs(at.value):
            break
    else:
        raise NotIdentified("the likelihood did not converge")
    return float(mu), float(abs(tau)), at.value


def _tau_interval(
    x: Array, n: Array, mu: float, tau: float, value: float, level: float
) -> tuple[float, float]:
    """Profile-likelihood interval of tau; the lower limit is 0 where tau = 0 is compatible."""
    from scipy.optimize import brentq  # noqa: PLC0415, costs 0.15 s and only a GLMM needs it

    critical = value - chdtri(1, 1 - level / 100) / 2

    def height(candidate: float) -> float:
        if candidate == 0:
            return _common_logit(x, n)[1] - critical
        return _profile(x, n, candidate, mu)[1] - critical

    low = 0.0 if height(0.0) >= 0 else brentq(height, 0.0, tau, xtol=1e-12, rtol=1e-12)
    upper = max(2 * tau, 0.25)
    while height(upper) > 0:
        upper *= 1.6
        if upper > 3 * _TAU_MAX:
            return float(low), float("nan")
    return float(low), float(brentq(height, tau, upper, xtol=1e-12, rtol=1e-12))


def pool_proportions(events: ArrayLike, totals: ArrayLike, level: float = 95.0) -> GLMMFit:
    """Fit the binomial-normal model to `events` out of `totals`, each of shape (k,), k >= 2.

    Intervals of mu and the prediction interval use t with k - 1 degrees of freedom; tau2 has its
    profile-likelihood interval; `q` is the likelihood-ratio statistic of one common proportion
    against one proportion per study. Raises ValueError for counts that are not counts, and
    NotIdentified where no events, only events, or too wide a spread leave nothing to estimate.
    """
    x, n = np.asarray(events, float), np.asarray(totals, float)
    if x.shape != n.shape or x.ndim != 1 or len(x) < 2:
        raise ValueError("events and totals must be two vectors of one length, at least 2")
    if (x < 0).any() or (x > n).any() or (n < 1).any() or (x % 1).any() or (n % 1).any():
        raise ValueError("events must be whole numbers between 0 and totals")
    if x.sum() == 0 or x.sum() == n.sum():
        raise NotIdentified("no study has an event" if x.sum() == 0 else "every unit has an event")

    if n.max() == 1:
        raise NotIdentified("no study has more than one unit, so nothing tells tau from zero")
    k = len(x)
    mu, tau, value = _maximise(x, n)
    if tau > 0:
        information = -_likelihood(x, n, mu, tau).hessian
        lowest, highest = np.linalg.eigvalsh(information)
        if lowest <= highest * _SINGULAR:
            raise NotIdentified("the likelihood is flat at its maximum")
        se = float(np.sqrt(np.linalg.inv(information)[0, 0]))
    else:
        p = x.sum() / n.sum()
        se = float(1 / np.sqrt(n.sum() * p * (1 - p)))
    tau_low, tau_high = _tau_interval(x, n, mu, tau, value, level)

    quantile = float(stdtrit(k - 1, 0.5 + level / 200))
    reach = quantile * np.sqrt(tau**2 + se**2)
    saturated = float((xlogy(x, x / n) + xlogy(n - x, 1 - x / n)).sum())
    q = max(0.0, 2 * (saturated - _common_logit(x, n)[1]))
    coefficients = float((gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)).sum())
    own = expit(mu + tau * _modes(x, n, mu, tau))
    information_weights = 1 / (tau**2 + 1 / (n * own * (1 - own)))
    z, log_width = _nodes(np.zeros(1), np.ones(1))
    density = np.exp(log_width - 0.5 * z**2)
    return GLMMFit(
        k=k,
        mu=mu,
        se=se,
        mu_low=mu - quantile * se,
        mu_high=mu + quantile * se,
        tau2=tau**2,
        tau2_low=tau_low**2,
        tau2_high=tau_high**2,
        pi_low=float(mu - reach),
        pi_high=float(mu + reach),
        q=q,
        q_df=k - 1,
        q_p=float(chdtrc(k - 1, q)),
        loglik=value + coefficients,
        marginal=float((density * expit(mu + tau * z)).sum()),
        weights=100 * information_weights / information_weights.sum(),
        empirical_bayes=own,
    )
