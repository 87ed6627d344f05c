"""Posterior distributions as mixtures: their quantiles, shortest intervals and summaries.

A posterior found by deterministic quadrature is a finite mixture. Normal kernels arise where the
parameter is normal given tau. Sinc kernels arise where a density is known at equidistant points:
the cardinal series through them is the density, to the accuracy of the trapezoidal rule with half
as many points (Stenger 1981, doi 10.1137/1023037), and integrates in closed form.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import ndtr, ndtri, sici

from metamill.pooling.identified import NotIdentified
from metamill.pooling.wald import check_level

Array = np.ndarray

_CDF_TOLERANCE = 3e-15
# Posterior over prior width of tau or mu above which the prior, not the data, made the answer.
LEANS_ABOVE = 0.8


@dataclass(frozen=True)
class Law:
    """Distributions of t quantities: each function maps x of shape (t, m) to the same shape."""

    cdf: Callable[[Array], Array]
    density: Callable[[Array], Array]
    slope: Callable[[Array], Array]


@dataclass(frozen=True)
class Summary:
    """A posterior: moments, median, central and shortest credible interval of one level.

    The shortest interval is the narrowest that holds the level's probability (the highest density
    interval where the density has one peak). Fields are numbers, or arrays (k,) for the k studies.
    A shortest limit is nan where no narrowest interval could be confirmed.
    """

    mean: float | Array
    sd: float | Array
    median: float | Array
    low: float | Array
    high: float | Array
    shortest_low: float | Array
    shortest_high: float | Array


@dataclass(frozen=True)
class BayesFit:
    """Posterior of a random-effects model with a half-normal prior of tau.

    `mu` is the mean effect, `tau` the between-study standard deviation, `new` the true effect of a
    further study, `theta` the true effects of the k studies (shrinkage estimates), all on the model
    scale. `tau_mode` is the maximum of tau's marginal density. `tau_width_ratio` is the width of
    tau's central interval divided by the prior's, `mu_width_ratio` the sd of mu divided by the
    prior's (nan under the uniform prior): near 1 the data said nothing. `log_marginal` is the log
    probability (density) of the data; it is nan under the uniform prior of mu, which has none.
    """

    k: int
    level: float
    prior_scale: float
    mu_prior: tuple[float, float] | None
    mu: Summary
    tau: Summary
    tau_mode: float
    new: Summary
    theta: Summary
    tau_width_ratio: float
    mu_width_ratio: float
    log_marginal: float
    mu_law: Law = field(repr=False, compare=False)
    new_law: Law = field(repr=False, compare=False)

    @property
    def leans_on_prior(self) -> bool:
        """Whether the posterior of tau or of mu is nearly as wide as its prior (over 0.8)."""
        return max(self.tau_width_ratio, np.nan_to_num(self.mu_width_ratio)) > LEANS_ABOVE


def probability_above(fit: BayesFit, threshold: float) -> tuple[float, float]:
    """P(mu > threshold) and P(true effect of a new study > threshold), on the model scale."""
    if not np.isfinite(threshold):
        raise ValueError("the threshold must be a finite number")
    at = np.array([[float(threshold)]])
    mu, new = (float(law.cdf(at)[0, 0]) for law in (fit.mu_law, fit.new_law))
    return min(1.0, max(0.0, 1 - mu)), min(1.0, max(0.0, 1 - new))


def normal_mixture(weights: Array, centres: Array, widths: Array) -> Law:
    """Mixtures of normals: weights (n,) sum to 1, means and standard deviations (t, n)."""

    def standard(x: Array) -> Array:
        return (x[:, :, None] - centres[:, None, :]) / widths[:, None, :]

    def kernel(z: Array) -> Array:
        return np.exp(-0.5 * z**2) / (np.sqrt(2 * np.pi) * widths[:, None, :])

    def slope(x: Array) -> Array:
        z = standard(x)
        return (-z * kernel(z) / widths[:, None, :]) @ weights

    return Law(
        cdf=lambda x: ndtr(standard(x)) @ weights,
        density=lambda x: kernel(standard(x)) @ weights,
        slope=slope,
    )


def sinc_mixture(weights: Array, centres: Array, widths: Array) -> Law:
    """Cardinal series: masses, points and spacings, each (t, n); masses of a row sum to 1."""

    def standard(x: Array) -> Array:
        return (x[:, :, None] - centres[:, None, :]) / widths[:, None, :]

    def cdf(x: Array) -> Array:
        return ((0.5 + sici(np.pi * standard(x))[0] / np.pi) * weights[:, None, :]).sum(axis=2)

    def density(x: Array) -> Array:
        return (np.sinc(standard(x)) * (weights / widths)[:, None, :]).sum(axis=2)

    def slope(x: Array) -> Array:
        r = standard(x)
        near = np.abs(r) < 1e-4
        safe = np.where(near, 1.0, r)
        bend = np.where(near, -(np.pi**2) * r / 3, (np.cos(np.pi * r) - np.sinc(r)) / safe)
        return (bend * (weights / widths**2)[:, None, :]).sum(axis=2)

    return Law(cdf=cdf, density=density, slope=slope)


def shifted(law: Law, by: float) -> Law:
    """The laws of quantities increased by a constant."""
    return Law(
        cdf=lambda x: law.cdf(x - by),
        density=lambda x: law.density(x - by),
        slope=lambda x: law.slope(x - by),
    )


def moved(summary: Summary, by: float) -> Summary:
    """The summaries of quantities increased by a constant."""
    values = {name: value + by for name, value in vars(summary).items() if name != "sd"}
    return replace(summary, **values)


def half_line(law: Law, scale: float) -> Law:
    """Law of tau = scale |sinh(u)| from the law of u, which is symmetric about 0."""

    def coordinate(t: Array) -> tuple[Array, Array]:
        u = np.arcsinh(t / scale)
        return u, scale * np.cosh(u)

    def density(t: Array) -> Array:
        u, stretch = coordinate(t)
        return 2 * law.density(u) / stretch

    def slope(t: Array) -> Array:
        u, stretch = coordinate(t)
        return 2 * (law.slope(u) - law.density(u) * np.tanh(u)) / stretch**2

    return Law(
        cdf=lambda t: 2 * law.cdf(coordinate(t)[0]) - 1,
        density=density,
        slope=slope,
    )


def quantiles(law: Law, p: Array, low: Array, high: Array) -> Array:
    """Roots of cdf(x) = p, shape (t, m), each within [low, high]: Newton kept in a bracket.

    Raises NotIdentified where a root is not reached.
    """
    p, low, high = np.broadcast_arrays(p, low, high)
    x, last = 0.5 * (low + high), high - low
    for _ in range(400):
        gap = law.cdf(x) - p
        low, high = np.where(gap < 0, x, low), np.where(gap < 0, high, x)
        density = law.density(x)
        newton = x - gap / np.where(density > 0, density, 1)
        good = (density > 0) & (newton >= low) & (newton <= high)
        good &= np.abs(newton - x) <= 0.5 * last
        following = np.where(good, newton, 0.5 * (low + high))
        last = np.abs(following - x)
        narrow = high - low <= 4e-16 * np.maximum(np.abs(low), np.abs(high))
        if np.all((np.abs(gap) <= _CDF_TOLERANCE) | narrow | (last == 0)):
            return x
        x = np.where(np.abs(gap) <= _CDF_TOLERANCE, x, following)
    raise NotIdentified("a posterior quantile was not reached")


def _matched(law: Law, share: float, low: Array, high: Array) -> tuple[Array, Array, Array]:
    """Ends of equal density with `share` between them, by Newton's method, and whether confirmed.

    Confirmed means: the share and the densities match, and the density falls outwards.
    """
    a, b = low.copy(), high.copy()
    fine = np.zeros(a.shape, bool)
    for _ in range(60):
        ends = np.concatenate([a, b], axis=1)
        f, g = law.density(ends), law.slope(ends)
        mass = law.cdf(ends)
        if (f <= 0).any():
            f = np.where(f > 0, f, np.nan)
        fa, fb, ga, gb = f[:, :1], f[:, 1:], (g / f)[:, :1], (g / f)[:, 1:]
        missing, tilt = mass[:, 1:] - mass[:, :1] - share, np.log(fa / fb)
        width = b - a
        rounding = 1e-15 * np.maximum(np.abs(a), np.abs(b))
        fine = np.abs(missing) < 1e-13 + rounding * (fa + fb)
        fine &= np.abs(tilt) < 1e-11 * (1 + (ga - gb) * width) + rounding * (ga - gb)
        fine &= (ga > 0) & (gb < 0)
        if fine.all():
            break
        determinant = fa * gb - fb * ga
        determinant = np.where(determinant == 0, np.nan, determinant)
        step_a = (missing * gb + fb * tilt) / determinant
        step_b = (fa * tilt + ga * missing) / determinant
        size = np.maximum(np.abs(step_a), np.abs(step_b))
        damp = np.minimum(1, 0.3 * width / np.where(size > 0, size, 1))
        moved = ~fine & np.isfinite(size)
        a = np.where(moved, a + damp * step_a, a)
        b = np.where(moved, b + damp * step_b, b)
    return a, b, fine


def _one_peak(law: Law, low: Array, high: Array) -> Array:
    """Whether the density rises once and falls once between the limits, each (t, 1)."""
    f = law.density(low + (high - low) * np.linspace(0, 1, 121))
    rising = np.diff(f, axis=1) > 0
    changes = np.abs(np.diff(f, axis=1)) > 1e-9 * f.max(axis=1, keepdims=True)
    falls_before = np.logical_or.accumulate(~rising & changes, axis=1)
    return ~(falls_before & rising & changes).any(axis=1, keepdims=True)


def shortest(law: Law, share: float, low: Array, high: Array, ends: Array) -> tuple[Array, Array]:
    """Narrowest intervals holding `share`, each (t, 1), from a bracket of each law's bulk.

    `ends` (t, 2) are the central interval. Where the density has several peaks the narrowest of
    400 candidate intervals is refined instead. nan where no interval could be confirmed.
    """
    a, b, fine = _matched(law, share, ends[:, :1], ends[:, 1:])
    reach = ends[:, 1:] - ends[:, :1]
    fine &= _one_peak(law, np.maximum(low, a - reach), np.minimum(high, b + reach))
    if not fine.all():
        p = (1 - share) * np.linspace(0, 1, 402)[None, 1:-1]
        starts, stops = quantiles(law, p, low, high), quantiles(law, p + share, low, high)
        best = np.argmin(stops - starts, axis=1)[:, None]
        starts, stops = (np.take_along_axis(x, best, axis=1) for x in (starts, stops))
        near_a, near_b, near = _matched(law, share, starts, stops)
        near &= near_b - near_a <= (stops - starts) * (1 + 1e-12)
        a, b = np.where(fine, a, near_a), np.where(fine, b, near_b)
        fine = fine | near
    return np.where(fine, a, np.nan), np.where(fine, b, np.nan)


def summarise(law: Law, mean: Array, sd: Array, level: float, low: Array, high: Array) -> Summary:
    """Summary of t laws on the real line; `mean` and `sd` (t,), brackets of the bulk (t,)."""
    share = level / 100
    low, high = low[:, None], high[:, None]
    p = np.array([[0.5, 0.5 - share / 2, 0.5 + share / 2]])
    q = quantiles(law, p, low, high)
    a, b = shortest(law, share, low, high, q[:, 1:])
    return Summary(mean, sd, q[:, 0], q[:, 1], q[:, 2], a[:, 0], b[:, 0])


def one(summary: Summary, at: int = 0) -> Summary:
    """The summary of one of several quantities, as plain numbers."""
    return Summary(*(float(np.asarray(value)[at]) for value in vars(summary).values()))


def part(summary: Summary, chosen: slice) -> Summary:
    """The summaries of some of several quantities."""
    return Summary(*(np.asarray(value)[chosen] for value in vars(summary).values()))


def joined(summaries: list[Summary]) -> Summary:
    """The summaries of several quantities as one, fields (k,)."""
    fields = zip(*(vars(summary).values() for summary in summaries), strict=True)
    return Summary(*(np.concatenate(values) for values in fields))


def summarise_tau(law: Law, tau: Array, level: float) -> tuple[Summary, float]:
    """Summary and mode of tau >= 0 from its law and its quadrature points."""
    share = level / 100
    top = np.array([[tau.max()]])
    mean, sd = _moments(law, tau)
    p = np.array([[0.5, 0.5 - share / 2, 0.5 + share / 2, share]])
    q = quantiles(law, p, np.zeros((1, 1)), top)
    grid = np.concatenate([[0.0], np.linspace(0, 1, 257)[1:] * q[0, 2], tau])
    grid = np.unique(grid[grid <= q[0, 2] * 1.5])[None, :]
    mode = _mode(law, grid)
    one_sided = q[:, 3:]
    density = law.density(np.concatenate([np.zeros((1, 1)), one_sided], axis=1))
    upper = np.minimum(top, 2 * one_sided)
    single = bool(_one_peak(law, np.zeros((1, 1)), upper)[0, 0])
    a, b = np.zeros((1, 1)), one_sided
    if not (single and density[0, 0] >= density[0, 1]):
        inner_a, inner_b = shortest(law, share, np.zeros((1, 1)), top, q[:, 1:3])
        confirmed = np.isfinite(inner_a)
        if single or not confirmed.all() or (inner_b - inner_a < one_sided).all():
            a, b = inner_a, inner_b
    summary = Summary(
        mean, sd, q[0, 0], q[0, 1], q[0, 2], np.maximum(a, 0)[0, 0], np.maximum(b, 0)[0, 0]
    )
    return Summary(*(float(value) for value in vars(summary).values())), mode


def _moments(law: Law, tau: Array) -> tuple[float, float]:
    """Mean and sd of tau, by Gauss-Legendre panels over its density.

    tau itself is no even function of its coordinate, so the equidistant rule that gives the even
    moments would lose all but a few digits of the mean.
    """
    # Points that do not begin beside zero leave nothing but rounding between zero and the first.
    start = [0.0] if tau[0] < tau[1] - tau[0] else []
    edges = np.unique(np.concatenate([start, tau[::6], tau[-1:]]))
    at, weight = np.polynomial.legendre.leggauss(12)
    half = 0.5 * np.diff(edges)[:, None]
    points = edges[:-1, None] + half * (1 + at)
    mass = half * weight * law.density(points.reshape(1, -1)).reshape(points.shape)
    mean = float((mass * points).sum())
    return mean, float(np.sqrt((mass * (points - mean) ** 2).sum()))


def _mode(law: Law, grid: Array) -> float:
    """The maximum of the density over [0, last grid point], where its slope changes sign."""
    f = law.density(grid)[0]
    at = int(np.argmax(f))
    low, high = grid[0, max(at - 1, 0)], grid[0, min(at + 1, grid.shape[1] - 1)]
    if at == 0:
        inside = np.linspace(low, high, 9)[1:]
        if (law.slope(inside[None, :]) <= 0).all():
            return 0.0
        low = inside[0]
    # chords inside the bracket; an end that stays twice has its height halved (Illinois)
    at_low, at_high = law.slope(np.array([[low, high]]))[0]
    peak, stayed = low, 0
    for turn in range(200):
        last, chord = peak, at_low > 0 > at_high and turn < 60
        peak = low + (high - low) * (at_low / (at_low - at_high) if chord else 0.5)
        if peak in (low, high) or abs(peak - last) <= 1e-15 * high:
            break
        slope = law.slope(np.array([[peak]]))[0, 0]
        side = 1 if slope > 0 else -1
        if side > 0:
            low, at_low, at_high = peak, slope, at_high / (2 if stayed == side else 1)
        else:
            high, at_high, at_low = peak, slope, at_low / (2 if stayed == side else 1)
        stayed = side
    heights = law.density(np.array([[0.0, peak]]))[0]
    # A density that is flat to rounding has its peak at zero, as a falling one has.
    return 0.0 if heights[1] <= heights[0] * (1 + 1e-9) else float(peak)


def tau_width_ratio(tau: Summary, prior_scale: float, level: float) -> float:
    """Width of tau's central interval over that of its half-normal prior."""
    prior = ndtri(0.5 + np.array([50 - level / 2, 50 + level / 2]) / 200) * prior_scale
    return float((tau.high - tau.low) / (prior[1] - prior[0]))


def checked_prior(
    prior_scale: float, level: float, mu_prior: tuple[float, float] | None
) -> tuple[float, float] | None:
    """The prior of mu as floats, None for uniform. Raises ValueError for what is no prior."""
    if not (np.isfinite(prior_scale) and prior_scale > 0):
        raise ValueError("the scale of tau's half-normal prior must be finite and positive")
    check_level(level)
    if mu_prior is None:
        return None
    mean, sd = (float(value) for value in mu_prior)
    if not (np.isfinite(mean) and np.isfinite(sd) and sd > 0):
        raise ValueError("the prior of mu must be a finite mean and a finite positive sd")
    return mean, sd
