"""The three likelihoods of one study that the mixed models share, as functions of its effect.

Each is a one-parameter exponential family in theta, the effect of the study on the link scale:

    binomial         x out of n, logit p = offset + theta
    poisson          x events, log mean = offset + theta (offset: log time)
    hypergeometric   x events in group 1 given both margins, theta the log odds ratio (Fisher's
                     noncentral hypergeometric distribution)

All are limits or cases of sums of independent Bernoulli variables whose logits are theta plus
constants. That makes each log-likelihood concave, and analytic for imaginary parts of theta below
pi, which is what the spacing of the quadrature nodes rests on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln, xlogy

Array = np.ndarray

# exp(300) squared is finite, and no mean of a count is that large
_ETA_MAX = 300.0
_ROOT_MAX, _STEP_MAX, _TINY = 1e6, 4.0, 1e-300
_PLAIN_STEPS = 8


@dataclass(frozen=True)
class Support:
    """Every possible table of every study, one after the other; each array has shape (tables,)."""

    row: Array
    start: Array
    distance: Array
    log_count: Array


@dataclass(frozen=True)
class Studies:
    """k studies of one family; arrays of shape (k,), `support` for the hypergeometric only.

    `own` and `information` are a crude finite estimate of each study's effect and its precision
    (half an event added), used to start iterations only. `constant` is the sum of the terms of
    the log-likelihood without parameters. `reasons` say, in plain words, that no study has an
    event, that all have nothing else, and that no study can show more than one.
    """

    family: str
    x: Array
    n: Array
    offset: Array
    own: Array
    information: Array
    constant: float
    reasons: tuple[str, str, str]
    support: Support | None = None


def binomial(x: Array, n: Array, offset: Array, reasons: tuple[str, str, str]) -> Studies:
    """x events out of n > 0, at logit p = offset + theta; arrays of shape (k,)."""
    return Studies(
        "binomial",
        x,
        n,
        offset,
        own=np.log((x + 0.5) / (n - x + 0.5)) - offset,
        information=1 / (1 / (x + 0.5) + 1 / (n - x + 0.5)),
        constant=float((gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)).sum()),
        reasons=reasons,
    )


def poisson(x: Array, time: Array) -> Studies:
    """x events in time > 0, at mean time exp(theta); arrays of shape (k,)."""
    return Studies(
        "poisson",
        x,
        x,
        np.log(time),
        own=np.log((x + 0.5) / time),
        information=x + 0.5,
        constant=-float(gammaln(x + 1).sum()),
        reasons=("no study has an event", "", ""),
    )


def hypergeometric(
    a: Array, n1: Array, c: Array, n2: Array, reasons: tuple[str, str, str]
) -> Studies:
    """a events of n1 against c of n2, whole numbers, given a + c; arrays of shape (k,).

    The support is written as distances from a, and its log counts relative to that of a, so that
    the log-likelihood is -log sum exp(log_count + distance theta) and loses no digits.
    """
    low, high = np.maximum(0, a + c - n2), np.minimum(n1, a + c)
    sizes = (high - low + 1).astype(int)
    row = np.repeat(np.arange(len(a)), sizes)
    start = np.cumsum(sizes) - sizes
    j = np.arange(sizes.sum()) - start[row] + low[row]
    others = (a + c)[row] - j

    def log_tables(j: Array, others: Array, n1: Array, n2: Array) -> Array:
        return -(gammaln(j + 1) + gammaln(n1 - j + 1) + gammaln(others + 1)) - gammaln(
            n2 - others + 1
        )

    log_count = log_tables(j, others, n1[row], n2[row]) - log_tables(a, c, n1, n2)[row]
    halves = np.stack([a, n1 - a, c, n2 - c]) + 0.5
    return Studies(
        "hypergeometric",
        a,
        a + c,
        np.zeros_like(a),
        own=np.log(halves[0] * halves[3] / (halves[1] * halves[2])),
        information=1 / (1 / halves).sum(axis=0),
        constant=0.0,
        reasons=reasons,
        support=Support(row, start, j - a[row], log_count),
    )


def take(studies: Studies, keep: Array) -> Studies:
    """The studies where `keep` (k,) is true; `constant` stays that of all."""
    support = studies.support
    if support is not None:
        inside = keep[support.row]
        row = (np.cumsum(keep) - 1)[support.row[inside]]
        start = np.searchsorted(row, np.arange(keep.sum()))
        support = Support(row, start, support.distance[inside], support.log_count[inside])
    arrays = {name: getattr(studies, name)[keep] for name in ("x", "n", "offset")}
    starts = {name: getattr(studies, name)[keep] for name in ("own", "information")}
    return replace(studies, **arrays, **starts, support=support)


def bounds(studies: Studies) -> tuple[Array, Array]:
    """How many events fewer and more each study could have had, (k,); inf where without limit."""
    if studies.family == "poisson":
        return studies.x, np.full(len(studies.x), np.inf)
    if studies.support is None:
        return studies.x, studies.n - studies.x
    start = studies.support.start
    least = np.minimum.reduceat(studies.support.distance, start)
    return -least, np.maximum.reduceat(studies.support.distance, start)


def refusal(studies: Studies) -> str | None:
    """Why these studies cannot identify mu and tau, or None if nothing is plainly missing."""
    if len(studies.x) < 2:
        return "fewer than two studies are informative"
    fewer, more = bounds(studies)
    none, all_of_them, one_each = studies.reasons
    if fewer.sum() == 0:
        return none
    if more.sum() == 0:
        return all_of_them
    if (fewer + more).max() <= 1:
        return one_each
    return None


def loglik(studies: Studies, theta: Array) -> Array:
    """Log-likelihood without `constant` of each study at theta, of shape (..., k, points)."""
    if studies.support is not None:
        _, top, total = _tables(studies.support, theta)
        return _back(-(top + np.log(total)), theta)
    x = studies.x[:, None]
    eta = theta + studies.offset[:, None]
    if studies.family == "poisson":
        return x * eta - np.exp(np.minimum(eta, _ETA_MAX))
    n = studies.n[:, None]
    # both logarithms of the binomial in terms of one sign: nothing cancels; in place, as most of
    # the time of a fit to many studies goes into fresh memory
    rest = np.abs(eta)
    np.negative(rest, out=rest)
    np.exp(rest, out=rest)
    np.log1p(rest, out=rest)
    rest *= n
    value = np.where(eta < 0, x, x - n)
    value *= eta
    value -= rest
    return value


def slopes(studies: Studies, theta: Array) -> tuple[Array, Array]:
    """First derivative of the log-likelihood and minus the second, shaped as theta."""
    if studies.support is not None:
        support = studies.support
        terms, _, total = _tables(support, theta)
        mean = np.add.reduceat(terms * support.distance[:, None], support.start) / total
        spread = (support.distance[:, None] - mean[support.row]) ** 2
        variance = np.add.reduceat(terms * spread, support.start) / total
        return _back(-mean, theta), _back(variance, theta)
    x = studies.x[:, None]
    eta = theta + studies.offset[:, None]
    if studies.family == "poisson":
        mean = np.exp(np.minimum(eta, _ETA_MAX))
        return x - mean, mean
    n = studies.n[:, None]
    t = np.abs(eta)
    np.negative(t, out=t)
    np.exp(t, out=t)
    above = 1 + t
    t /= above
    mean = np.where(eta < 0, t, 1 - t)
    mean *= n
    t *= n
    t /= above
    return np.subtract(x, mean, out=mean), t


def _tables(support: Support, theta: Array) -> tuple[Array, Array, Array]:
    """Terms of the sum over the support (tables, points) over their largest, and their sums."""
    flat = np.moveaxis(theta, -2, 0).reshape(theta.shape[-2], -1)
    logs = support.log_count[:, None] + support.distance[:, None] * flat[support.row]
    top = np.maximum.reduceat(logs, support.start)
    terms = np.exp(logs - top[support.row])
    return terms, top, np.add.reduceat(terms, support.start)


def _back(flat: Array, theta: Array) -> Array:
    """(k, points) back to the shape of theta."""
    moved = np.moveaxis(theta, -2, 0).shape
    return np.moveaxis(flat.reshape(moved), 0, -2)


def saturated(studies: Studies) -> Array:
    """The largest log-likelihood of each study alone, without `constant`, of shape (k,)."""
    x, n = studies.x, studies.n
    if studies.family == "poisson":
        return xlogy(x, x) - x
    if studies.family == "binomial":
        return xlogy(x, x / n) + xlogy(n - x, 1 - x / n)
    fewer, more = bounds(studies)
    inside = (fewer > 0) & (more > 0)
    # at an end of its support the likelihood rises to one, and its logarithm to zero
    value = np.zeros(len(x))
    if inside.any():
        part = take(studies, inside)
        best = falling_root(lambda theta: slopes(part, theta), part.own[:, None], 1e-8)
        value[inside] = loglik(part, best)[:, 0]
    return value


def common_effect(studies: Studies, keep: Array) -> Array:
    """The theta that maximises the likelihood of the studies kept, sharing one theta.

    keep: (m, k), 1 where a study belongs to an analysis; returns (m,). The root is finite where
    the kept studies leave both directions open.
    """
    weight = keep * studies.information

    def score(theta: Array) -> tuple[Array, Array]:
        each = np.broadcast_to(theta[:, None, None], (*keep.shape, 1))
        slope, information = slopes(studies, each)
        return (keep * slope[..., 0]).sum(axis=1), (keep * information[..., 0]).sum(axis=1)

    return falling_root(score, (weight * studies.own).sum(axis=1) / weight.sum(axis=1), 1e-8)


def falling_root(
    function: Callable[[Array], tuple[Array, Array]], start: Array, tolerance: float | Array
) -> Array:
    """The zero of a decreasing function per element, by Newton's method inside a bracket.

    `function` gives the value and minus the derivative; iteration ends when every step is at most
    `tolerance` times 1 + |zero|, or when rounding leaves nothing to gain. As steps square the
    error, 1e-8 is every digit. The bracket costs most of the time and is seldom needed, so a few
    steps are tried without.
    """
    at = start
    for _ in range(_PLAIN_STEPS):
        value, fall = function(at)
        step = value / np.maximum(fall, _TINY)
        size = np.abs(step)
        if size.max() > _STEP_MAX:
            break
        near = (size <= tolerance * (1 + np.abs(at))).all()
        at = at + step
        if near:
            return at
    at = start
    low, high = np.full(at.shape, -_ROOT_MAX), np.full(at.shape, _ROOT_MAX)
    for _ in range(200):
        value, fall = function(at)
        low, high = np.where(value > 0, at, low), np.where(value < 0, at, high)
        step = np.clip(value / np.maximum(fall, _TINY), -_STEP_MAX, _STEP_MAX)
        following = at + step
        outside = (following < low) | (following > high)
        following = np.where(outside, 0.5 * (low + high), following)
        if np.all(np.abs(following - at) <= tolerance * (1 + np.abs(at))):
            return following
        at = following
    return at
