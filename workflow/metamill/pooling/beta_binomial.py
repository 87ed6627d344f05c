"""Beta-binomial model for single-arm proportions: study risks follow a beta distribution.

events_i given the risk p_i are binomial, p_i ~ Beta(alpha, beta) with mean p = alpha/(alpha + beta)
and intra-class correlation rho = 1/(alpha + beta + 1) (Skellam 1948; Griffiths 1973,
doi 10.2307/2529131). Written with r = rho/(1 - rho) = 1/(alpha + beta) the log-likelihood is

    sum_{j < x} log(p + j r) + sum_{j < n - x} log(1 - p + j r) - sum_{j < n} log(1 + j r)

(Prentice 1986, doi 10.1080/01621459.1986.10478275), which is the binomial one at r = 0 and loses
no digits near it, as differences of log-gamma functions do. At every r it is concave in p.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, chdtri, expit, gammaln, ndtri, stdtrit

from metamill.pooling.identified import NotIdentified
from metamill.pooling.wald import check_level

Array = np.ndarray

_EXACT = 1024
_ROOT = {"xtol": 1e-25, "rtol": 1e-14, "maxiter": 500}


@dataclass(frozen=True)
class BetaBinomialFit:
    """The fitted model; mu is logit p, p the mean proportion over studies.

    mu_low, mu_high use t with k - 1 degrees of freedom, wald_low, wald_high the normal quantile;
    se_p is the delta-method standard error of p. rho_low, rho_high are profile-likelihood limits
    of the intra-class correlation. beta_low, beta_high are the central quantiles, at the level of
    the intervals, of the fitted beta distribution of study risks; they leave out that alpha and
    beta are estimated. Where rho is 0 (plain binomial) alpha and beta are infinite.
    """

    k: int
    p: float
    se_p: float
    mu: float
    se: float
    mu_low: float
    mu_high: float
    wald_low: float
    wald_high: float
    rho: float
    rho_low: float
    rho_high: float
    alpha: float
    beta: float
    beta_low: float
    beta_high: float
    loglik: float


class _Steps(NamedTuple):
    """Points j and weights w with sum w g(j) = sum over studies of sum_{j < count} g(j)."""

    j: Array
    w: Array


def _steps(counts: Array) -> _Steps:
    """All j up to _EXACT as they are; beyond, the sum as an integral, so that time does not grow.

    sum_{j=J}^{M-1} g(j) is the integral of g from J - 1/2 to M - 1/2 less g'/24 between these
    limits (Euler-Maclaurin at midpoints; the next term is below 1e-11/J), the slopes as
    differences of neighbours, the integral by Gauss and Legendre over panels that double.
    """
    j = np.arange(min(counts.max(), _EXACT))
    points, weights = [j], [(counts[:, None] > j).sum(axis=0).astype(float)]
    node, weight = np.polynomial.legendre.leggauss(12)
    for count in counts[counts > _EXACT]:
        low, high = _EXACT - 0.5, count - 0.5
        edges = np.geomspace(low, high, int(np.ceil(np.log2(high / low))) + 1)
        half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
        points += [(middle + half * node).ravel(), np.array([_EXACT - 1, _EXACT, count - 1, count])]
        weights += [(half * weight).ravel(), np.array([-1.0, 1.0, 1.0, -1.0]) / 24]
    return _Steps(np.concatenate(points), np.concatenate(weights))


@dataclass(frozen=True)
class _Data:
    events: _Steps
    others: _Steps
    totals: _Steps
    mu_low: float
    mu_high: float


def _data(x: Array, n: Array) -> _Data:
    """The sums of the likelihood, and limits of mu that hold its maximum at every r.

    At a maximum sum w/(p + j r) over events equals the same over the others; the first is at least
    (studies with events)/p, the second at most (units without)/(1 - p), and the other way round.
    """
    y = n - x
    return _Data(
        events=_steps(x),
        others=_steps(y),
        totals=_steps(n),
        mu_low=float(np.log((x > 0).sum() / y.sum())),
        mu_high=float(np.log(x.sum() / (y > 0).sum())),
    )


def _loglik(d: _Data, mu: float, r: float) -> float:
    """Log-likelihood without the binomial coefficients."""
    p, q = expit(mu), expit(-mu)
    return float(
        d.events.w @ np.log(p + d.events.j * r)
        + d.others.w @ np.log(q + d.others.j * r)
        - d.totals.w @ np.log1p(d.totals.j * r)
    )


def _best_mu(d: _Data, r: float, mu: float) -> float:
    """The mu that maximises the likelihood at r: Newton between limits that close in.

    The root of log sum w/(p + j r) - log of the same over the others, a straight line at r = 0.
    """
    low, high = d.mu_low, d.mu_high
    mu = float(np.clip(mu, low, high))
    for _ in range(200):
        p, q = expit(mu), expit(-mu)
        inverse_p, inverse_q = 1 / (p + d.events.j * r), 1 / (q + d.others.j * r)
        a, b = d.events.w @ inverse_p, d.others.w @ inverse_q
        slope = -p * q * (d.events.w @ inverse_p**2 / a + d.others.w @ inverse_q**2 / b)
        height = np.log(a / b)
        low, high = (mu, high) if height > 0 else (low, mu)
        following = mu - height / slope
        if not low <= following <= high:
            following = (low + high) / 2
        if abs(following - mu) <= 4e-16 * (1 + abs(mu)):
            return float(following)
        mu = float(following)
    return mu


def _score_r(d: _Data, r: float, mu: float) -> float:
    """Derivative of the log-likelihood by r at fixed mu."""
    p, q = expit(mu), expit(-mu)
    return float(
        d.events.w @ (d.events.j / (p + d.events.j * r))
        + d.others.w @ (d.others.j / (q + d.others.j * r))
        - d.totals.w @ (d.totals.j / (1 + d.totals.j * r))
    )


def _information(d: _Data, mu: float, r: float) -> Array:
    """Observed information in (mu, log r) at the maximum."""
    p, q = expit(mu), expit(-mu)
    x, y, n = d.events, d.others, d.totals
    by_p, by_q, by_n = 1 / (p + x.j * r), 1 / (q + y.j * r), 1 / (1 + n.j * r)
    mu_mu = (p * q) ** 2 * (x.w @ by_p**2 + y.w @ by_q**2)
    mu_mu -= p * q * (q - p) * (x.w @ by_p - y.w @ by_q)
    cross = p * q * r * (x.w @ (x.j * by_p**2) - y.w @ (y.j * by_q**2))
    squares = x.w @ (x.j * by_p) ** 2 + y.w @ (y.j * by_q) ** 2 - n.w @ (n.j * by_n) ** 2
    return np.array([[mu_mu, cross], [cross, r**2 * squares]])


def _scan(d: _Data, mu: float, largest: float) -> tuple[Array, Array, Array]:
    """r from 0 to well past the last rise of the profile likelihood, its values and its slopes.

    r is felt from 1/(largest total) on; from there the grid has five points a decade.
    """
    grid = [0.0, *np.geomspace(0.01 / largest, 10, int(np.ceil(5 * np.log10(1e3 * largest))) + 1)]
    values, slopes = [], []
    position = 0
    while position < len(grid):
        r = grid[position]
        mu = _best_mu(d, r, mu)
        values.append(_loglik(d, mu, r))
        slopes.append(_score_r(d, r, mu))
        if position == len(grid) - 1 and (slopes[-1] > 0 or values[-1] > max(values) - 25):
            grid.append(4 * r)
        position += 1
    return np.array(grid), np.array(values), np.array(slopes)


def _limit(
    height: Array, grid: Array, start: float, side: int, function: Callable[[float], float]
) -> float:
    """Where the profile first falls below its critical value, going from start to one side."""
    from scipy.optimize import brentq  # noqa: PLC0415, costs 0.15 s and only this model needs it

    inside = start
    points = np.flatnonzero(grid > start) if side > 0 else np.flatnonzero(grid < start)[::-1]
    for point in points:
        if height[point] < 0:
            return float(brentq(function, *sorted((inside, grid[point])), **_ROOT))
        inside = grid[point]
    return 0.0 if side < 0 else float("nan")


def _checked(events: ArrayLike, totals: ArrayLike, level: float) -> tuple[Array, Array]:
    x, n = np.asarray(events, float), np.asarray(totals, float)
    if x.shape != n.shape or x.ndim != 1 or len(x) == 0:
        raise ValueError("events and totals must be two vectors of one length, at least 1")
    if not (np.isfinite(x).all() and np.isfinite(n).all()):
        raise ValueError("events and totals must be finite")
    if (x < 0).any() or (x > n).any() or (n < 1).any() or (x % 1).any() or (n % 1).any():
        raise ValueError("events must be whole numbers between 0 and totals, totals at least 1")
    check_level(level)
    if len(x) == 1:
        raise NotIdentified("one study says nothing about the spread between studies")
    if x.sum() == 0 or x.sum() == n.sum():
        raise NotIdentified("no study has an event" if x.sum() == 0 else "every unit has an event")
    if n.max() == 1:
        raise NotIdentified("no study has more than one unit, so nothing tells rho from zero")
    if not ((x > 0) & (x < n)).any():
        raise NotIdentified(
            "every study has either no event or nothing but events: the likelihood rises until "
            "the intra-class correlation is 1"
        )
    return x, n


def beta_binomial(events: ArrayLike, totals: ArrayLike, level: float = 95.0) -> BetaBinomialFit:
    """Fit the beta-binomial model to `events` out of `totals`, each (k,), k >= 2, by ML.

    The global maximum over rho is taken, rho = 0 included; there the standard error is the
    binomial one of all studies together. Raises ValueError for counts that are not counts, and
    NotIdentified for one study, no events, only events, only studies of one unit, or only
    studies at 0 and 100 per cent.
    """
    from scipy.optimize import brentq  # noqa: PLC0415

    x, n = _checked(events, totals, level)
    d = _data(x, n)
    mu_0 = float(np.log(x.sum() / (n - x).sum()))
    grid, values, slopes = _scan(d, mu_0, float(n.max()))

    def slope(r: float) -> float:
        return _score_r(d, r, _best_mu(d, r, mu_0))

    maxima = [(values[0], 0.0)] if slopes[0] <= 0 else []
    for i in np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0)):
        root = float(brentq(slope, grid[i], grid[i + 1], **_ROOT))
        maxima.append((_loglik(d, _best_mu(d, root, mu_0), root), root))
    value, r = max(maxima)
    mu = _best_mu(d, r, mu_0)
    p, q = float(expit(mu)), float(expit(-mu))
    if r > 0:
        information = _information(d, mu, r)
        if not (np.linalg.eigvalsh(information) > 0).all():
            raise NotIdentified("the likelihood is flat at its maximum")
        se = float(np.sqrt(np.linalg.inv(information)[0, 0]))
    else:
        se = float(1 / np.sqrt(n.sum() * p * q))

    critical = value - chdtri(1, 1 - level / 100) / 2

    def height(r: float) -> float:
        return _loglik(d, _best_mu(d, r, mu_0), r) - critical

    r_low, r_high = (_limit(values - critical, grid, r, side, height) for side in (-1, 1))
    k = len(x)
    tail = 0.5 + level / 200
    t, z = float(stdtrit(k - 1, tail)), float(ndtri(tail))
    alpha, beta = (p / r, q / r) if r > 0 else (float("inf"), float("inf"))
    beta_low, beta_high = _beta_quantiles(p, alpha, beta, np.array([1 - tail, tail]))
    return BetaBinomialFit(
        k=k,
        p=p,
        se_p=p * q * se,
        mu=mu,
        se=se,
        mu_low=mu - t * se,
        mu_high=mu + t * se,
        wald_low=mu - z * se,
        wald_high=mu + z * se,
        rho=r / (1 + r),
        rho_low=r_low / (1 + r_low),
        rho_high=r_high / (1 + r_high),
        alpha=alpha,
        beta=beta,
        beta_low=float(beta_low),
        beta_high=float(beta_high),
        loglik=value + float((gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)).sum()),
    )


def _beta_quantiles(p: float, alpha: float, beta: float, probabilities: Array) -> Array:
    if np.isinf(alpha):
        return np.full(probabilities.shape, p)
    return betaincinv(alpha, beta, probabilities)
