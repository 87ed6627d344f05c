"""Bayesian binomial-normal model: events_i ~ Bin(n_i, expit(theta_i)), theta_i ~ N(mu, tau2).

The model of Hamza, van Houwelingen and Stijnen 2008 (doi 10.1016/j.jclinepi.2007.03.016) with a
normal prior of mu and a half-normal prior of tau, integrated over a grid of tau and, for each tau,
a grid of mu fitted to its conditional posterior. Every study's likelihood is an integral of its
own with nodes about its own mode. All three rules are equidistant sums of smooth integrands, whose
error falls exponentially with the number of points; each is compared with a coarser sum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, xlogy

from metamill.pooling.bayes import (
    Array,
    BayesFit,
    checked_prior,
    half_line,
    joined,
    normal_mixture,
    one,
    sinc_mixture,
    summarise,
    summarise_tau,
    tau_width_ratio,
)
from metamill.pooling.glmm_families import Studies, binomial
from metamill.pooling.glmm_quadrature import along_mu, coarse_nodes, rows_at_once, values
from metamill.pooling.identified import NotIdentified

_NEGLIGIBLE = 42.0
_STEP = 0.075
_POINTS = 72
_BLOCK = 50_000
_MOST_POINTS = 100_000
# A cardinal series is as accurate as the sum over every second of its points.
_AGREEMENT = 1e-10


@dataclass(frozen=True)
class _Data:
    """Counts, also as studies of `glmm`, and priors."""

    x: Array
    n: Array
    studies: Studies
    scale: float
    mean: float
    sd: float


def _reference(x: Array | float, n: Array | float) -> Array | float:
    """A proportion near the observed one and never 0 or 1."""
    return (x + 0.5) / (n + 1)


def _log_binomial(eta: Array, x: Array | float, n: Array | float) -> Array:
    """log Bin(x | n, expit(eta)) less its value at the reference proportion.

    Differences from a value near the maximum keep the digits that sums over a million units lose.
    """
    p = _reference(x, n)
    d = eta - np.log(p / (1 - p))
    rare = eta < 0
    # Counted from the rarer outcome: the other way round two numbers as large as n would cancel.
    linear = np.where(rare, x, x - n) * d
    return linear - n * np.log1p(np.where(rare, p, 1 - p) * np.expm1(np.where(rare, d, -d)))


def _zoom(data: _Data, tau: Array, low: float, high: float) -> tuple[Array, Array, Array]:
    """For each tau the range of mu that holds its conditional posterior but exp(-42), and its peak.

    The likelihood of each study is log-concave in mu (a convolution of log-concave functions), so
    there is one peak, and the range lies between the neighbours of the points kept.
    """
    lows, highs = np.full(len(tau), low), np.full(len(tau), high)
    share = np.linspace(0, 1, 25)
    for _ in range(30):
        mu = lows[:, None] + (highs - lows)[:, None] * share
        height = _rough_height(data, mu.ravel(), np.repeat(tau, 25)).reshape(mu.shape)
        kept = height > height.max(axis=1, keepdims=True) - _NEGLIGIBLE
        first = np.maximum(kept.argmax(axis=1) - 1, 0)
        final = np.minimum(25 - kept[:, ::-1].argmax(axis=1), 24)
        rows = np.arange(len(tau))
        lows, highs = mu[rows, first], mu[rows, final]
        if (final - first).min() >= 10:
            return lows, highs, height.max(axis=1)
    raise NotIdentified("the posterior of mu could not be located")


def _height(data: _Data, mu: Array, tau: Array) -> tuple[Array, Array]:
    """Log joint density of counts, mu and tau without constants, (p,), and its studies' parts."""
    x, n = data.x[:, None], data.n[:, None]
    parts = values(data.studies, mu, tau, lambda theta: _log_binomial(theta, x, n))
    return parts.sum(axis=1) + _log_prior(data, mu, tau), parts


def _rough_height(data: _Data, mu: Array, tau: Array) -> Array:
    """As `_height` but for a constant, to five digits."""
    out = _log_prior(data, mu, tau)
    rows = rows_at_once(data.studies, 13)
    for i in range(0, len(mu), rows):
        part = mu[i : i + rows], tau[i : i + rows]
        out[i : i + rows] += along_mu(coarse_nodes(data.studies, *part), *part)[0].sum(axis=1)
    return out


def _log_prior(data: _Data, mu: Array, tau: Array) -> Array:
    return -0.5 * (((mu - data.mean) / data.sd) ** 2 + (tau / data.scale) ** 2)


@dataclass(frozen=True)
class _Grid:
    """Points (mu, tau) with masses that sum to 1, and what the marginal laws are made from.

    `gap` is the distance between neighbouring mu of a point's tau; `u`, `mass_u` and `step` are
    the quadrature of tau's coordinate; `parts` the log-likelihood of every study at every point.
    """

    mu: Array
    tau: Array
    mass: Array
    gap: Array
    parts: Array
    u: Array
    mass_u: Array
    step: float
    log_total: float


def _grid(data: _Data, unit: float, last: float) -> _Grid:
    """The two-dimensional rule, each direction made finer until its coarser rule agrees."""
    step, points = _STEP, _POINTS
    for _ in range(8):
        grid, tau_agrees, mu_agrees = _try_grid(data, unit, last, step, points)
        if tau_agrees and mu_agrees:
            return grid
        step = step if tau_agrees else step / 2
        points = points if mu_agrees else 2 * points
        if max(_STEP / step, points / _POINTS) > 8:
            break
    raise NotIdentified("the integral over mu and tau did not converge")


def _try_grid(
    data: _Data, unit: float, last: float, step: float, points: int
) -> tuple[_Grid, bool, bool]:
    """A grid with this spacing of tau's coordinate and so many mu, and whether each is enough.

    Every third tau, and every second mu, is the same rule on a coarser grid.
    """
    low = np.log((data.x + 0.5) / (data.n - data.x + 0.5))
    span = min(data.mean, low.min()) - 12 * data.sd, max(data.mean, low.max()) + 12 * data.sd
    u = (np.arange(3 * int(np.ceil(last / (3 * step)))) + 0.5) * step
    tau = unit * np.sinh(u)
    lows, highs, peaks = _zoom(data, tau, *span)
    peaks += np.log((highs - lows) * np.cosh(u))
    kept = np.flatnonzero(peaks > peaks.max() - _NEGLIGIBLE - 4)
    gap = np.minimum((highs - lows) / points, 0.7 * tau)
    counts = 2 * np.ceil((highs - lows) / gap / 2).astype(int)[kept] + 1
    if counts.sum() > _MOST_POINTS * (points / _POINTS) * (_STEP / step):
        raise NotIdentified(
            "the prior of tau is too narrow beside what the counts tell of mu: it fixes tau at "
            "zero, so pool with equal effects instead"
        )
    owner = np.repeat(kept, counts)
    order = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    mu = lows[owner] + order * gap[owner]
    height, parts = _height(data, mu, tau[owner])
    height += np.log(gap * unit * np.cosh(u) * step)[owner]
    top = height.max()
    mass = np.exp(height - top)
    total = mass.sum()
    mass_u = np.bincount(owner, mass, len(u))
    halved = np.bincount(owner, 2 * mass * (order % 2), len(u))
    tau_agrees = abs(3 * mass_u[1::3].sum() / total - 1) <= 1e-7
    mu_agrees = np.abs(halved - mass_u).max() <= _AGREEMENT * mass_u.max()
    used = mass > 1e-17 * mass.max()
    grid = _Grid(
        mu=mu[used],
        tau=tau[owner][used],
        mass=mass[used] / mass[used].sum(),
        gap=gap[owner][used],
        parts=parts[used],
        u=u,
        mass_u=mass_u / total,
        step=step,
        log_total=float(top + np.log(total)),
    )
    return grid, bool(tau_agrees), bool(mu_agrees)


def _study_density(grid: _Grid, x: float, n: float, part: Array, theta: Array) -> Array:
    """Posterior density of one study's true logit at each `theta`, up to a constant."""
    log_mass = np.log(grid.mass) - part - np.log(grid.tau)
    out = np.empty(len(theta))
    rows = max(1, _BLOCK // len(grid.mu))
    for start in range(0, len(theta), rows):
        at = theta[start : start + rows, None]
        terms = at - grid.mu
        terms /= grid.tau
        terms *= terms
        terms *= -0.5
        terms += log_mass
        top = terms.max(axis=1)
        terms -= top[:, None]
        out[start : start + rows] = top + np.log(np.exp(terms, out=terms).sum(axis=1))
    out += _log_binomial(theta, x, n)
    return np.exp(out - out.max())


def _study_law(grid: _Grid, x: float, n: float, part: Array) -> tuple[Array, Array, float]:
    """Equidistant points, masses and spacing of one study's posterior."""
    # Without data the true logit follows the law of a new study; with data it lies in that law's
    # reach too, as every point does whose density is not negligible.
    reach = 9.5 * grid.tau
    low, high = float((grid.mu - reach).min()), float((grid.mu + reach).max())
    for _ in range(30):
        theta = np.linspace(low, high, 41)
        kept = np.flatnonzero(_study_density(grid, x, n, part, theta) > np.exp(-_NEGLIGIBLE + 6))
        first, final = max(kept[0] - 1, 0), min(kept[-1] + 1, 40)
        low, high = theta[first], theta[final]
        if final - first >= 14:
            break
    else:
        raise NotIdentified("the posterior of a study's proportion could not be located")
    for count in (129, 257, 513, 1025):
        theta = np.linspace(low, high, count)
        density = _study_density(grid, x, n, part, theta)
        if abs(2 * density[::2].sum() / density.sum() - 1) < _AGREEMENT:
            return theta, density / density.sum(), float(theta[1] - theta[0])
    raise NotIdentified("the posterior of a study's proportion did not converge")


def bayes_proportions(
    events: ArrayLike,
    totals: ArrayLike,
    prior_scale: float,
    level: float = 95.0,
    mu_prior: tuple[float, float] = (0.0, 4.0),
) -> BayesFit:
    """Posterior for `events` out of `totals`, each (k,), k >= 2; every number is a logit.

    `prior_scale` is the scale of the half-normal prior of tau, `mu_prior` the mean and sd of the
    normal prior of mu. Both are proper, so the posterior exists for any counts; where no study has
    an event (or every unit has one) it leans on the prior of mu, which `mu_width_ratio` and
    `leans_on_prior` tell. Raises ValueError for counts that are not counts and for what is no
    prior, NotIdentified where the prior all but fixes tau at zero or an integral is not reached.
    """
    x, n = np.asarray(events, float), np.asarray(totals, float)
    if x.shape != n.shape or x.ndim != 1 or len(x) < 2:
        raise ValueError("events and totals must be two vectors of one length, at least 2")
    if not (np.isfinite(x).all() and np.isfinite(n).all()):
        raise ValueError("events and totals must be finite")
    if (x < 0).any() or (x > n).any() or (n < 1).any() or (x % 1).any() or (n % 1).any():
        raise ValueError("events must be whole numbers between 0 and totals")
    prior = checked_prior(prior_scale, level, mu_prior)
    if prior is None:
        raise ValueError("mu needs a normal prior: without events a uniform one has no posterior")
    data = _Data(x, n, binomial(x, n, np.zeros_like(x), ("", "", "")), prior_scale, *prior)

    common = (x.sum() + 0.5) / (n.sum() + 1)
    information = n.sum() * common * (1 - common) + 1 / prior[1] ** 2
    unit = min(prior_scale, 1 / np.sqrt(information))
    saturated = (xlogy(x, x / n) + xlogy(n - x, 1 - x / n)).sum()
    spread = 2 * (saturated - (xlogy(x, common) + xlogy(n - x, 1 - common)).sum())
    last = float(np.arcsinh(prior_scale * np.sqrt(spread + 2 * _NEGLIGIBLE) / unit))
    grid = _grid(data, unit, last)
    tau_law = half_line(
        sinc_mixture(
            np.concatenate([grid.mass_u, grid.mass_u])[None, :] / 2,
            np.concatenate([-grid.u, grid.u])[None, :],
            np.full((1, 2 * len(grid.u)), grid.step),
        ),
        unit,
    )
    tau, tau_mode = summarise_tau(tau_law, unit * np.sinh(grid.u), level)

    def row(values: Array) -> Array:
        return values[None, :]

    mean = grid.mass @ grid.mu
    between = grid.mass @ (grid.mu - mean) ** 2
    mu_law = sinc_mixture(row(grid.mass), row(grid.mu), row(grid.gap))
    mu = summarise(
        mu_law,
        np.array([mean]),
        np.sqrt([between]),
        level,
        np.array([grid.mu.min()]),
        np.array([grid.mu.max()]),
    )
    new_law = normal_mixture(grid.mass, row(grid.mu), row(grid.tau))
    new = summarise(
        new_law,
        np.array([mean]),
        np.sqrt([between + grid.mass @ grid.tau**2]),
        level,
        np.array([(grid.mu - 9.5 * grid.tau).min()]),
        np.array([(grid.mu + 9.5 * grid.tau).max()]),
    )
    theta = []
    for i in range(len(x)):
        points, masses, gap = _study_law(grid, x[i], n[i], grid.parts[:, i])
        centre = masses @ points
        theta.append(
            summarise(
                sinc_mixture(row(masses), row(points), row(np.full(len(points), gap))),
                np.array([centre]),
                np.sqrt([masses @ (points - centre) ** 2]),
                level,
                points[:1],
                points[-1:],
            )
        )
    near = _reference(x, n)
    at_reference = xlogy(x, near) + xlogy(n - x, 1 - near)
    coefficients = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    constants = (at_reference + coefficients).sum() - np.log(np.pi * prior[1] * prior_scale)
    return BayesFit(
        k=len(x),
        level=level,
        prior_scale=float(prior_scale),
        mu_prior=prior,
        mu=one(mu),
        tau=tau,
        tau_mode=tau_mode,
        new=one(new),
        theta=joined(theta),
        tau_width_ratio=tau_width_ratio(tau, prior_scale, level),
        mu_width_ratio=float(np.sqrt(between) / prior[1]),
        log_marginal=float(grid.log_total + constants),
        mu_law=mu_law,
        new_law=new_law,
    )
