"""The normal-normal likelihood by scipy: dense scans of tau2, each peak or edge then polished.

tau2 of ML and REML and their test of tau2 = 0, profile limits of tau2, and the profile likelihood
of the mean. Data are centred and scaled; no derivative is used.
"""

from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

from metamill.record.engines.normal import Effects
from metamill.record.engines.numbers import (
    Array,
    Numbers,
    Pair,
    Pairs,
    Question,
    judged,
    natural,
    root,
    spreads,
)

_POINTS = 1000
_MAXIMUM = 1e-6
"""A maximum found without derivatives has half the digits of a double, less its flatness."""


class Profile:
    """Log-likelihoods of scaled data: restricted or not, with mu profiled out or given."""

    def __init__(self, data: Effects, restricted: bool) -> None:
        self.unit = float(np.exp(np.log(data.v).mean()))
        self.centre = float(data.y.mean())
        self.y = (data.y - self.centre) / np.sqrt(self.unit)
        self.v = data.v / self.unit
        self.restricted = restricted
        top = max(4 * float(np.ptp(self.y)) ** 2, float(self.v.max()))
        self.grid = np.append(0.0, np.geomspace(1e-7 * self.v.min(), 1e9 * top, _POINTS))

    def __call__(self, tau2: float | Array) -> Array:
        """With mu at its best, for one or many tau2."""
        total = self.v[:, None] + np.atleast_1d(tau2)
        w = 1 / total
        mu = (w * self.y[:, None]).sum(axis=0) / w.sum(axis=0)
        value = stats.norm.logpdf(self.y[:, None], mu, np.sqrt(total)).sum(axis=0)
        return value - 0.5 * np.log(w.sum(axis=0)) if self.restricted else value

    def at(self, mu: float, tau2: float | Array) -> Array:
        total = self.v[:, None] + np.atleast_1d(tau2)
        return stats.norm.logpdf(self.y[:, None], mu, np.sqrt(total)).sum(axis=0)

    def mean(self, tau2: Array) -> tuple[Array, Array]:
        """The best mu at each tau2 and its precision."""
        w = 1 / (self.v[:, None] + tau2)
        return (w * self.y[:, None]).sum(axis=0) / w.sum(axis=0), w.sum(axis=0)

    def peak(self, function: Callable[[float | Array], Array]) -> tuple[float, float]:
        """Where a function of tau2 is highest, and its value: the best point of the grid, polished.

        Every grid point that no neighbour exceeds is polished in log tau2.
        """
        heights = function(self.grid)
        padded = np.concatenate([[-np.inf], heights, [-np.inf]])
        tops = np.flatnonzero((heights >= padded[:-2]) & (heights >= padded[2:]))
        found = [(float(heights[i]), float(self.grid[i])) for i in tops]
        for i in tops[heights[tops] > heights.max() - 1.0]:
            low, high = self.grid[max(i - 1, 0)], self.grid[min(i + 1, _POINTS)]
            fit = optimize.minimize_scalar(
                lambda t: -float(function(t)[0]),
                bounds=(low, high),
                method="bounded",
                options={"xatol": 1e-10 * high, "maxiter": 200},
            )
            found.append((-float(fit.fun), float(fit.x)))
        height, place = max(found)
        return place, height

    def edges(self, critical: float) -> tuple[float, float]:
        """The outermost tau2 whose height is at least `critical`."""
        heights = self(self.grid)
        inside = np.flatnonzero(heights >= critical)

        def crossing(a: int, b: int) -> float:
            ends = self.grid[a], self.grid[b]
            options = {"xtol": 1e-300, "rtol": 1e-13, "maxiter": 500}
            return float(optimize.brentq(lambda t: float(self(t)[0]) - critical, *ends, **options))

        first, last = inside[0], inside[-1]
        low = 0.0 if first == 0 else crossing(first - 1, first)
        return low, crossing(last, last + 1)


def likelihood(data: Effects, question: Question) -> Numbers | None:
    """What a likelihood of the effects gives, as far as the settings have it."""
    method, test = question.settings["method"], question.settings["test"]
    if method not in ("ML", "REML"):
        return None
    profile = Profile(data, method == "REML")
    place, height = profile.peak(profile)
    ours = data.tau2 / profile.unit
    noise = 1e-12 * (1 + abs(height)) * (1 + data.rounding / 5e-11 * 1e-3)
    at_ours = float(profile(ours)[0])
    flat = at_ours >= height - noise
    best = ours if flat else place
    gain = 2 * (max(height, at_ours) - float(profile(0.0)[0]))
    gain = gain if best > 0 else 0.0
    tau2 = best * profile.unit, _MAXIMUM * max(best * profile.unit, data.typical)
    rounding = 10 * data.rounding * max(1.0, gain) + 4 * noise
    found: Pairs = {"tau2": tau2, "tau": root(tau2)} | spreads(tau2, data.typical)
    statistic = max(gain, 0.0), rounding
    found["test likelihood ratio test of tau² = 0"] = statistic
    tail = 0.5 * float(stats.chi2.sf(statistic[0], 1)) if best > 0 else 1.0
    slope = float(stats.chi2.sf(max(0.0, statistic[0] - rounding), 1)) / 2 - tail
    found["test likelihood ratio test of tau² = 0, p"] = tail, abs(slope) if best > 0 else 0.0
    if question.settings["tau2_interval"] == "PL":
        found |= _limits_of_tau2(data, question, profile, max(height, at_ours))
    if test == "pl":
        found |= _profile_of_mu(data, question, profile, max(height, at_ours))
    return judged("scipy", question, found)


def _limits_of_tau2(data: Effects, question: Question, profile: Profile, height: float) -> Pairs:
    found: Pairs = {}
    critical = height - question.drop
    for end, value in zip(("_low", "_high"), profile.edges(critical), strict=True):
        limit = value * profile.unit, 0.0
        if value > 0:
            step = 1e-4 * (value + float(profile.v.min()))
            slope = abs(float((profile(value + step) - profile(max(value - step, 0.0)))[0])) / step
            noise = 1e-12 * (1 + abs(height)) + data.rounding
            limit = limit[0], (noise / max(slope, 1e-300) + 1e-9 * value) * profile.unit
        found |= {f"tau2{end}": limit} | spreads(limit, data.typical, end)
    return found


def _profile_of_mu(data: Effects, question: Question, profile: Profile, height: float) -> Pairs:
    """The furthest mu whose likelihood, at its own best tau2, is within the drop."""
    critical = height - question.drop
    side = float(np.sqrt(profile.unit))
    limits: list[Pair] = []
    for sign in (-1, 1):

        def edge(tau2: float | Array, sign: int = sign) -> Array:
            above = profile(tau2) - critical
            mu, precision = profile.mean(np.atleast_1d(tau2))
            reach = sign * mu + np.sqrt(2 * np.maximum(above, 0) / precision)
            return np.where(above >= 0, reach, -np.inf)

        _, furthest = profile.peak(edge)
        value = sign * furthest * side + profile.centre
        limits.append((value, (1e-8 + data.rounding) * question.sizes["mu"]))
    found: Pairs = {"mu_low": limits[0], "mu_high": limits[1]}
    ends = natural(question, None, limits[0], limits[1], "ci")
    if question.null:
        zero = -profile.centre / side
        _, without = profile.peak(lambda t: profile.at(zero, t))
        statistic = max(0.0, 2 * (height - without))
        noise = 10 * data.rounding * max(1.0, statistic) + 1e-11 * (1 + abs(height))
        values = [float(stats.chi2.sf(max(0.0, statistic + d), 1)) for d in (-noise, 0, noise)]
        found["p_value"] = values[1], max(values[0] - values[1], values[1] - values[2])
    return found | ends
