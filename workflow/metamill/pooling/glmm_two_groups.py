"""Two groups compared by an unconditional mixed model with a fixed effect per study.

events_treatment_i ~ Bin(n1_i, expit(alpha_i + theta_i/2)), events_control_i ~ Bin(n2_i,
expit(alpha_i - theta_i/2)), theta_i = mu + tau z_i, z_i standard normal: the logistic model of
Turner et al. 2000 (doi 10.1002/1097-0258(20001230)19:24<3417::AID-SIM614>3.0.CO;2-L) with groups
coded -1/2 and +1/2, called UM.FS in metafor; Poisson counts with log time as offset give the rate
ratio. For a given tau the likelihood is log-concave in all alpha_i and mu together, since a
log-concave integrand stays so when z is integrated out (Prekopa 1973): one damped Newton climb,
whose arrow-shaped Hessian is eliminated study by study, finds its only maximum. What is left is a
function of tau alone, whose derivatives come from the same elimination.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import (
    betaln,
    chdtri,
    expit,
    gammaln,
    log_expit,
    xlog1py,
    xlogy,
)

from metamill.pooling.glmm_fit import GLMMFit, check_question, finished
from metamill.pooling.identified import NotIdentified, informs_a_ratio

Array = np.ndarray

_NORMAL_REACH = 8.0
_NODE_SPACING = 0.08
_TAU_MAX = 8.0
_TAU_GRID = np.geomspace(0.02, _TAU_MAX, 14)
_SINGULAR = 1e-10
_EXP_MAX = 600.0
_ARMS = np.array([0.5, -0.5])


@dataclass(frozen=True)
class _Counts:
    """Events and totals (or times), each (2, k), treatment first."""

    x: Array
    n: Array
    binomial: bool

    def at(self, eta: Array) -> tuple[Array, Array, Array]:
        """Log-likelihood, its slope and its bend in the linear predictor `eta`, all (2, k)."""
        x, n = self.x, self.n
        if not self.binomial:
            mean = n * np.exp(eta)
            return x * eta - mean, x - mean, -mean
        p = expit(eta)
        value = x * log_expit(eta) + (n - x) * log_expit(-eta)
        return value, x - n * p, -n * p * (1 - p)

    def away(self, eta: Array, shift: Array) -> tuple[Array, Array, Array]:
        """The gain in log-likelihood from `eta` to `eta + shift`, and slope and bend there.

        `shift` is (2, k, nodes). A difference of two log-likelihoods of a large study would lose
        the digits that they have in common.
        """
        x, n, eta = self.x[:, :, None], self.n[:, :, None], eta[:, :, None]
        if not self.binomial:
            mean, growth = n * np.exp(eta), np.expm1(np.minimum(shift, _EXP_MAX))
            gain, mean = x * shift - mean * growth, mean * (1 + growth)
            return gain, x - mean, -mean
        # written in the rarer of event and non-event, whose probability has all its digits
        many = eta > 0
        sign = np.where(many, -1.0, 1.0)
        x, rare = np.where(many, n - x, x), expit(-np.abs(eta))
        shift = np.minimum(sign * shift, _EXP_MAX)
        growth = rare * np.expm1(shift)
        gain = x * shift - n * np.log1p(growth)
        p = rare * np.exp(shift) / (1 + growth)
        return gain, sign * (x - n * p), -n * p * (1 - rare) / (1 + growth)

    def link(self, x: Array, n: Array) -> Array:
        return np.log(x / (n - x)) if self.binomial else np.log(x / n)

    def saturated(self) -> float:
        """The log-likelihood of one risk or rate per group."""
        x, n = self.x, self.n
        if not self.binomial:
            return float((xlogy(x, x / n) - x).sum())
        return float(sum(_times_log_share(part, n).sum() for part in (x, n - x)))

    def coefficients(self) -> float:
        """What the log-likelihood has beside terms of the parameters."""
        x, n = self.x, self.n
        if self.binomial:
            return float(-(np.log(n + 1) + betaln(n - x + 1, x + 1)).sum())
        return float((xlogy(x, n) - gammaln(x + 1)).sum())


def _times_log_share(part: Array, n: Array) -> Array:
    """part log(part/n) without loss of digits where it is nearly all of n."""
    rest = xlog1py(part, -np.minimum((n - part) / n, 0.5))
    return np.where(part > n / 2, rest, xlogy(part, part / n))


@dataclass(frozen=True)
class _Point:
    """The likelihood at (alpha, mu, tau) with its derivatives, alpha eliminated from `slope`.

    `slope` and `bend` are gradient (2,) and Hessian (2, 2) in (mu, tau) when every alpha_i follows
    by a Newton step of its own: alpha + pull + drag @ step, `pull` (k,), `drag` (k, 2).
    """

    alpha: Array
    mu: float
    tau: float
    mode: Array
    value: float
    slope: Array
    bend: Array
    pull: Array
    drag: Array


def _modes(
    data: _Counts, alpha: Array, mu: float, tau: float, z: Array, tolerance: float = 1e-2
) -> tuple[Array, Array]:
    """The z at which each study's integrand peaks, from a start, and the width of the peak.

    The derivative of the log integrand falls in z, with slope -1 or steeper, so that its root
    lies between any z and z plus the derivative there. `tolerance` is in widths: nodes need no
    better root.
    """
    low, high = np.full_like(z, -np.inf), np.full_like(z, np.inf)
    for _ in range(200):
        _, slope, bend = data.at(alpha + _ARMS[:, None] * (mu + tau * z))
        rise = tau * 0.5 * (slope[0] - slope[1]) - z
        steepness = 1 - tau**2 * 0.25 * (bend[0] + bend[1])
        low = np.maximum(low, np.minimum(z, z + rise))
        high = np.minimum(high, np.maximum(z, z + rise))
        newton = z + rise / steepness
        width = 1 / np.sqrt(steepness)
        if (np.abs(newton - z) <= tolerance * width).all():
            return z, width
        z = np.where((newton >= low) & (newton <= high), newton, 0.5 * (low + high))
    raise NotIdentified("the likelihood did not converge")


def _nodes(width: Array, mode: Array) -> tuple[Array, Array]:
    """Distances of nodes from `mode`, dense there by a sinh map, and log(weight phi(z))."""
    reach = np.arcsinh(_NORMAL_REACH / width)[:, None]
    half = int(np.ceil(reach.max() / _NODE_SPACING))
    u = reach * np.linspace(-1.0, 1.0, 2 * half + 1)
    away = width[:, None] * np.sinh(u)
    weight = width[:, None] * np.cosh(u) * reach / (half * np.sqrt(2 * np.pi))
    return away, np.log(weight) - 0.5 * (mode[:, None] + away) ** 2


def _evaluate(data: _Counts, alpha: Array, mu: float, tau: float, near: Array) -> _Point:
    """Derivatives are posterior moments over z (Louis 1982): E[h'], and E[h''] + Cov[h']."""
    mode, width = _modes(data, alpha, mu, tau, near)
    away, log_weight = _nodes(width, mode)
    eta = alpha + _ARMS[:, None] * (mu + tau * mode)
    gain, slope, bend = data.away(eta, _ARMS[:, None, None] * (tau * away))
    z = mode[:, None] + away
    log_terms = gain[0] + gain[1] + log_weight
    top = log_terms.max(axis=1, keepdims=True)
    posterior = np.exp(log_terms - top)
    total = posterior.sum(axis=1, keepdims=True)
    posterior /= total

    by_theta = 0.5 * (slope[0] - slope[1])
    score = np.stack([slope[0] + slope[1], by_theta, z * by_theta])
    gradient = (posterior * score).sum(axis=2)
    score -= gradient[:, :, None]
    hessian = np.einsum("akm,bkm->abk", posterior * score, score)
    one, both = posterior * (bend[0] + bend[1]), posterior * (0.5 * (bend[0] - bend[1]))
    by_alpha, crossed = one.sum(axis=1), both.sum(axis=1)
    crossed_z, one_z, one_zz = (both * z).sum(1), (one * z).sum(1), (one * z**2).sum(1)
    hessian += np.array(
        [
            [by_alpha, crossed, crossed_z],
            [crossed, by_alpha / 4, one_z / 4],
            [crossed_z, one_z / 4, one_zz / 4],
        ]
    )
    drag = -hessian[0, 1:] / hessian[0, 0]
    return _Point(
        alpha=alpha,
        mu=mu,
        tau=tau,
        mode=mode,
        value=float((np.log(total) + top).sum() + data.at(eta)[0].sum()),
        slope=(gradient[1:] + drag * gradient[0]).sum(axis=1),
        bend=(hessian[1:, 1:] + drag[:, None] * hessian[0, 1:]).sum(axis=2),
        pull=-gradient[0] / hessian[0, 0],
        drag=drag.T,
    )


def _settled(data: _Counts, tau: float, start: _Point) -> _Point:
    """The maximum over alpha and mu at this tau."""
    lean = np.array([-start.bend[0, 1] / start.bend[0, 0], 1.0]) * (tau - start.tau)
    at = _evaluate(data, start.alpha + start.drag @ lean, start.mu + lean[0], tau, start.mode)
    for _ in range(200):
        by_mu = -at.slope[0] / at.bend[0, 0]
        by_alpha = at.pull + at.drag[:, 0] * by_mu
        longest = max(abs(by_mu), np.abs(by_alpha).max())
        share = min(1.0, 3 / longest) if longest > 0 else 1.0
        slack = 1e-9 + 1e-13 * abs(at.value)
        while True:
            alpha, mu = at.alpha + share * by_alpha, at.mu + share * by_mu
            following = _evaluate(data, alpha, mu, tau, at.mode)
            if following.value >= at.value - slack or share < 1e-9:
                break
            share /= 2
        at = following
        if longest <= 1e-7 * (1 + abs(mu)):
            return at
    raise NotIdentified("the likelihood did not converge")


def _common_effect(data: _Counts) -> _Point:
    """The maximum at tau = 0: one effect for all studies."""
    alpha = data.link(data.x.sum(axis=0), data.n.sum(axis=0))
    return _settled(data, 0.0, _evaluate(data, alpha, 0.0, 0.0, np.zeros_like(alpha)))


def _in_tau(at: _Point) -> tuple[float, float]:
    """First and second derivative in tau of the likelihood maximised over alpha and mu."""
    share = at.bend[0, 1] / at.bend[0, 0]
    return at.slope[1] - share * at.slope[0], at.bend[1, 1] - share * at.bend[0, 1]


def _in_tau2(at: _Point) -> tuple[float, float]:
    """Twice the derivative in tau2, which unlike that in tau is not zero at zero, and its slope."""
    first, second = _in_tau(at)
    return (second, 0.0) if at.tau == 0 else (first / at.tau, (second - first / at.tau) / at.tau)


def _root(
    data: _Counts, height: Callable[[_Point], tuple[float, float]], low: _Point, high: _Point
) -> _Point:
    """Where `height`, given with its slope in tau, changes sign between two points: Newton's steps
    inside a bracket that every step narrows."""
    rises = height(high)[0] > 0
    left, right = low.tau, high.tau
    tau, at = 0.5 * (left + right), low
    for _ in range(200):
        at = _settled(data, tau, at)
        value, slope = height(at)
        if (value > 0) == rises:
            right = tau
        else:
            left = tau
        following = tau - value / slope if slope != 0 else left
        if not left < following < right:
            following = 0.5 * (left + right)
        if abs(following - tau) <= 1e-11 * tau + 1e-13:
            return _settled(data, following, at)
        tau = following
    raise NotIdentified("the likelihood did not converge")


def _ascent(data: _Counts) -> tuple[_Point, list[_Point]]:
    """The global maximum, and the maxima over alpha and mu at a grid of tau with it, by tau."""
    grid = [_common_effect(data)]
    for tau in _TAU_GRID:
        grid.append(_settled(data, tau, grid[-1]))
    climbs = [_in_tau2(point)[0] > 0 for point in grid]
    tops = [] if climbs[0] else [grid[0]]
    for i in range(len(_TAU_GRID)):
        if climbs[i] and not climbs[i + 1]:
            tops.append(_root(data, _in_tau2, grid[i], grid[i + 1]))
    if climbs[-1]:
        tops.append(grid[-1])
    best = max(tops, key=lambda point: point.value)
    if best is grid[-1]:
        raise NotIdentified(
            "the studies are so far apart that the likelihood rises up to a between-study "
            f"standard deviation of {_TAU_MAX:g} of the log ratio"
        )
    return best, sorted({id(p): p for p in [*grid, *tops]}.values(), key=lambda p: p.tau)


def _tau_interval(
    data: _Counts, best: _Point, path: list[_Point], level: float
) -> tuple[float, float]:
    """Profile-likelihood interval of tau: from the first to the last tau that it does not reject.

    The lower limit is 0 where tau = 0 is not rejected, the upper nan where no tau up to three
    times the largest of the grid is rejected.
    """
    critical = best.value - chdtri(1, 1 - level / 100) / 2

    def height(at: _Point) -> tuple[float, float]:
        return at.value - critical, _in_tau(at)[0]

    path = list(path)
    while path[-1].value >= critical:
        if path[-1].tau > 3 * _TAU_MAX:
            break
        path.append(_settled(data, 1.6 * path[-1].tau, path[-1]))
    kept = [i for i, point in enumerate(path) if point.value >= critical]
    first, last = kept[0], kept[-1]
    low = 0.0 if first == 0 else _root(data, height, path[first - 1], path[first]).tau
    if last == len(path) - 1:
        return low, float("nan")
    return low, _root(data, height, path[last], path[last + 1]).tau


def _fit(data: _Counts, level: float, test: str) -> GLMMFit:
    """The model of `data`, (2, k), with the studies left out that carry no information."""
    check_question(level, test)
    rows = data.x.shape[1]
    if rows < 2:
        raise ValueError("a pool needs at least two studies")
    units = data.n.sum(axis=0) if data.binomial else None
    informative = informs_a_ratio(data.x.sum(axis=0), units)
    studies = _Counts(data.x[:, informative], data.n[:, informative], data.binomial)
    _check_identified(studies)
    k = int(informative.sum())
    best, path = _ascent(studies)
    covariance = _covariance(best)
    mu, tau = float(best.mu), float(best.tau)
    # the mean of exp(theta), on the log scale, and its gradient in (mu, tau)
    mean, gradient = mu + tau**2 / 2, np.array([1.0, tau])[: len(covariance)]
    mean_error = float(np.sqrt(gradient @ covariance @ gradient))
    z, _ = _modes(studies, best.alpha, mu, tau, best.mode, tolerance=1e-9)
    theta = mu + tau * z
    bend = studies.at(best.alpha + _ARMS[:, None] * theta)[2]
    weights, empirical_bayes = np.zeros(rows), np.full(rows, np.nan)
    weights[informative] = 1 / (tau**2 - (1 / bend).sum(axis=0))
    empirical_bayes[informative] = np.exp(theta)
    return finished(
        mu,
        tau,
        covariance,
        k=k,
        level=level,
        test=test,
        tau_limits=_tau_interval(studies, best, path, level),
        value=best.value,
        value_common=path[0].value,
        saturated=studies.saturated(),
        constant=studies.coefficients(),
        back=np.exp,
        marginal=(mean, mean_error),
        weights=weights,
        empirical_bayes=empirical_bayes,
        informative=informative,
    )


def _covariance(best: _Point) -> Array:
    """Of (mu, tau) from the observed information of all parameters; of mu alone at tau = 0."""
    information = -best.bend if best.tau > 0 else -best.bend[:1, :1]
    least, most = np.linalg.eigvalsh(information)[[0, -1]]
    if least <= most * _SINGULAR:
        raise NotIdentified("the likelihood is flat at its maximum")
    return np.linalg.inv(information)


def _check_identified(data: _Counts) -> None:
    """Raises NotIdentified where mu or tau has no finite maximum, whatever the other is.

    mu goes up without end as every alpha_i follows if no study has both a unit without event under
    treatment and an event under control, and likewise down.
    """
    (a, c), k = data.x, data.x.shape[1]
    b, d = data.n - data.x if data.binomial else np.ones_like(data.x)
    if k < 2:
        raise NotIdentified(
            f"{'only one study has' if k else 'no study has'} both events and units without"
            if data.binomial
            else f"{'only one study has' if k else 'no study has'} an event"
        )
    sides = ((a * d, "treatment", "control", "zero"), (c * b, "control", "treatment", "infinity"))
    for both, group, other, end in sides:
        if (both == 0).all():
            raise NotIdentified(
                f"no study has an event under {group} and a unit without one under {other}, so the "
                f"odds ratio goes to {end}"
                if data.binomial
                else f"no study has an event under {group}, so the rate ratio goes to {end}"
            )
    if data.binomial and ((a * b == 0) & (c * d == 0)).all():
        raise NotIdentified(
            "in every study all units of one group and none of the other have the event, so "
            "nothing limits the between-study variance"
        )


def _pairs(*columns: ArrayLike) -> tuple[Array, Array]:
    """Events and sizes, each (2, k), of treatment and control."""
    arrays = [np.asarray(column, float) for column in columns]
    if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 1:
        raise ValueError("events and sizes of both groups must be four vectors of one length")
    if not np.isfinite(arrays).all():
        raise ValueError("events and sizes must be finite numbers")
    x, n = np.array(arrays[::2]), np.array(arrays[1::2])
    if (x < 0).any():
        raise ValueError("events cannot be negative")
    if (n <= 0).any():
        raise ValueError("totals and times must be positive")
    return x, n


def pool_two_groups(
    events_treatment: ArrayLike,
    total_treatment: ArrayLike,
    events_control: ArrayLike,
    total_control: ArrayLike,
    level: float = 95.0,
    test: str = "t",
) -> GLMMFit:
    """The log odds ratio of treatment against control by maximum likelihood, arrays of shape (k,).

    Counts may be fractional (effective sizes). Studies without an event in either group, or with
    nothing but events, are left out: k and the degrees of freedom do not count them, and
    `uninformative` names them. `marginal` is the mean odds ratio over studies, `empirical_bayes`
    and `weights` are as in GLMMFit, with the information of both groups. `test` is t (k - 1
    degrees of freedom) or z; the prediction interval uses t for both. Raises ValueError for input
    that is not data (fewer than two rows, negative or infinite counts, more events than units) and
    NotIdentified with the reason for fewer than two informative studies, separation, or a tau
    above 8.
    """
    x, n = _pairs(events_treatment, total_treatment, events_control, total_control)
    if (x > n).any():
        raise ValueError("events cannot exceed totals")
    # a fraction of one unit in 1e12 is what dividing events and totals leaves, not a unit
    x = np.where(n - x <= 1e-12 * n, n, x)
    return _fit(_Counts(x, n, binomial=True), level, test)


def pool_two_rates(
    events_treatment: ArrayLike,
    time_treatment: ArrayLike,
    events_control: ArrayLike,
    time_control: ArrayLike,
    level: float = 95.0,
    test: str = "t",
) -> GLMMFit:
    """The log rate ratio of treatment against control, with Poisson events in times, both (k,).

    As `pool_two_groups`, with log time as offset; mu does not depend on the unit of time. Only
    studies without any event are left out.
    """
    x, n = _pairs(events_treatment, time_treatment, events_control, time_control)
    return _fit(_Counts(x, n, binomial=False), level, test)
