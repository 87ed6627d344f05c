"""The normal-normal likelihood: its maxima, and what its profiles say about tau2 and mu.

y_i ~ N(mu, v_i + tau2). With unequal sampling variances the profile over tau2 can have several
maxima. Nothing here follows one of them: the score is scanned over the whole range that can hold
a root, every root is bracketed, and sets of compatible values are built from monotone pieces.
The logarithm of the likelihood is smooth on the scale of log tau2 (each weight is a logistic
function of it), so a scan of a few points per e-fold misses nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, ndtr

from metamill.pooling.maxima import power_of_4
from metamill.pooling.normal_mean import maximum_likelihood, normal_mean, share_variances
from metamill.pooling.wald import check_level

Array = np.ndarray

_NEWTON_STEPS = 400
_EPS = np.finfo(float).eps
_FOLD = 0.4
_EDGE_POINTS = np.sin(0.5 * np.pi * np.linspace(0.0, 1.0, 33)) ** 2


@dataclass(frozen=True)
class Weighted:
    """Inverse-variance moments at one tau2 per analysis: w (k, m); sum_w, mu, q of shape (m,)."""

    w: Array
    sum_w: Array
    mu: Array
    residual: Array
    q: Array


@dataclass(frozen=True)
class Interval:
    """Limits of a set of compatible values; it unpacks as the pair (low, high).

    `high` is nan where the set has no upper end: one study says nothing about tau2.
    `disconnected` says that the set has several pieces and (low, high) is their hull, which also
    holds values that are not compatible.
    """

    low: float
    high: float
    disconnected: bool = False

    def __iter__(self) -> Iterator[float]:
        return iter((self.low, self.high))


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio statistic (>= 0) and its p value; both nan where there is no test."""

    statistic: float
    p_value: float


def weighted(y: Array, v: Array, keep: Array, tau2: Array | float) -> Weighted:
    """Weights 1/(v + tau2), their mean of y, and the weighted sum of squares about it."""
    w = keep / (v + tau2)
    sum_w = w.sum(axis=0)
    mu = (w * y).sum(axis=0) / sum_w
    residual = y - mu
    return Weighted(w, sum_w, mu, residual, (w * residual**2).sum(axis=0))


def origin(y: Array, v: Array, keep: Array) -> Array:
    """The effect of the most precise study in each analysis, shape (m,).

    Effects are measured from it: identical effects then differ from it by exactly zero, where
    their mean would leave a rounding error that looks like heterogeneity. The most precise study
    lies nearest to the mean, so that no far one takes its digits.
    """
    return y[np.where(keep > 0, v, np.inf).argmin(axis=0), np.arange(y.shape[1])]


def centred_and_scaled(y: Array, v: Array, keep: Array) -> tuple[Array, Array, Array]:
    """y from its origin in units of the typical error, v likewise, and the factor taken out of v.

    Every estimator is equivariant, so this changes no answer; it keeps sums of squares free of
    cancellation and the search ranges meaningful for v anywhere between 1e-100 and 1e100. The
    factor is a power of 4, which changes no digit: the same studies have the same answer to the
    last bit in whatever unit their columns are measured. Columns that share v share it.
    """
    if y.shape[1] > 1 and share_variances(v):
        factor = np.full(y.shape[1], power_of_4(np.log(v[:, :1]).mean(axis=0)))
    else:
        factor = power_of_4((keep * np.log(v)).sum(axis=0) / keep.sum(axis=0))
    return (y - origin(y, v, keep)) / np.sqrt(factor), v / factor, factor


def loglik(y: Array, v: Array, keep: Array, tau2: Array, restricted: bool) -> Array:
    """Log-likelihood (restricted or not) of tau2 with mu profiled out, up to a constant, (m,).

    y, v, keep: (k, m), or (k, 1) for m values of tau2. Viechtbauer 2005
    (doi 10.3102/10769986030003261), eqs. 9 and 10.
    """
    at = weighted(y, v, keep, tau2)
    value = -0.5 * (keep * np.log(v + tau2)).sum(axis=0) - 0.5 * at.q
    return value - 0.5 * np.log(at.sum_w) if restricted else value


class _Data:
    """One data set in units of its typical error; each method takes many tau2 at once, (n,)."""

    def __init__(self, y: Array, v: Array) -> None:
        y, v = np.asarray(y, float)[:, None], np.asarray(v, float)[:, None]
        self.keep = np.ones_like(y)
        self.start = float(origin(y, v, self.keep)[0])
        self.y, self.v, factor = centred_and_scaled(y, v, self.keep)
        self.factor = float(factor[0])
        self.least = float(self.v.min())

    def height(self, tau2: Array, restricted: bool) -> Array:
        return loglik(self.y, self.v, self.keep, tau2, restricted)

    def score(self, tau2: Array, restricted: bool) -> tuple[Array, Array]:
        return normal_mean(self.y, self.v, restricted).slopes(tau2)

    def height_about(self, mu: float, tau2: Array) -> Array:
        w = 1 / (self.v + tau2)
        return 0.5 * np.log(w).sum(axis=0) - 0.5 * (w * (self.y - mu) ** 2).sum(axis=0)

    def score_about(self, mu: Array | float, tau2: Array) -> tuple[Array, Array]:
        """Both derivatives in tau2 at fixed mu."""
        w = 1 / (self.v + tau2)
        r2 = w**2 * (self.y - mu) ** 2
        first = 0.5 * (r2.sum(axis=0) - w.sum(axis=0))
        return first, 0.5 * (w**2).sum(axis=0) - (w * r2).sum(axis=0)

    def scan(self, distance: float) -> Array:
        """Zero and then steps of at most a half e-fold beyond every root of a score.

        At a root of ML, of REML and of ML at a fixed mean, least + tau2 is at most the square of
        the largest distance between effects (and that mean).
        """
        top = max(2 * distance**2, self.least)
        bottom = self.least * 1e-6
        return np.append(0.0, np.geomspace(bottom, top, 2 + int(np.log(top / bottom) / _FOLD)))


_Derivatives = Callable[[Array], tuple[Array, Array]]


def _root(function: _Derivatives, low: float, high: float, rising: bool) -> float:
    """The zero of `function` (value and slope at (1,) arrays) between two signs, by safe Newton."""
    x = 0.5 * (low + high)
    last = high - low
    for _ in range(_NEWTON_STEPS):
        value, slope = (float(part[0]) for part in function(np.array([x])))
        if value == 0:
            return x
        if (value > 0) == rising:
            high = x
        else:
            low = x
        newton = x - value / slope if slope else np.inf
        # A Newton step that does not halve the last one is no better than a bisection.
        good = low < newton < high and abs(newton - x) < 0.5 * last
        following = newton if good else 0.5 * (low + high)
        last = abs(following - x)
        x = following
        if last <= 2 * _EPS * x or high - low <= 2 * _EPS * high:
            return x
    raise ArithmeticError("a root of the profile likelihood did not converge")


def _crossings(function: _Derivatives, points: Array) -> tuple[Array, Array]:
    """Every zero between successive points where `function` changes sign, and which ones fall."""
    positive = function(points)[0] > 0
    cells = np.flatnonzero(positive[:-1] != positive[1:])
    roots = [_root(function, points[c], points[c + 1], not positive[c]) for c in cells]
    return np.array(roots), positive[cells]


def _pieces(data: _Data, tau2_hat: float, drop: float, restricted: bool) -> list[Array]:
    """The set of tau2 whose profile is at most `drop` below that of tau2_hat, as [low, high]."""
    critical = float(data.height(np.array([tau2_hat]), restricted)[0]) - drop
    scan = data.scan(float(np.ptp(data.y)))
    turning, _ = _crossings(lambda t: data.score(t, restricted), scan)
    points = np.unique(np.concatenate([scan, turning, [tau2_hat]]))
    # Beyond the scan the likelihood only falls, without end as there are two studies or more.
    while data.height(points[-1:], restricted)[0] > critical:
        points = np.append(points, 4 * points[-1])

    def above(tau2: Array) -> tuple[Array, Array]:
        return data.height(tau2, restricted) - critical, data.score(tau2, restricted)[0]

    edges, _ = _crossings(above, points)
    if above(points[:1])[0][0] > 0:
        edges = np.append(0.0, edges)
    # At a level so low that a double cannot tell the drop from zero the set is the estimate.
    return list(edges.reshape(-1, 2)) if edges.size else [np.array([tau2_hat, tau2_hat])]


def check_study_data(y: Array, v: Array) -> None:
    """Raises ValueError unless y, v are finite vectors of one length, at least 1, and v > 0."""
    if np.ndim(y) != 1 or np.shape(y) != np.shape(v) or np.size(y) == 0:
        raise ValueError(f"y has shape {np.shape(y)} and v {np.shape(v)}; both must be (k,), k > 0")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and np.greater(v, 0).all()):
        raise ValueError("effects must be finite and sampling variances finite and positive")


def _drop(level: float) -> float:
    check_level(level)
    return float(chdtri(1, 1 - level / 100)) / 2


def _restricted(method: str) -> bool:
    if method not in ("ML", "REML"):
        raise ValueError(f"a profile likelihood exists for ML and REML, not for {method}")
    return method == "REML"


def _tau2_hat(data: _Data, restricted: bool) -> float:
    y, v, keep = (np.repeat(x, 2, axis=1) for x in (data.y, data.v, data.keep))
    return float(maximum_likelihood(y, v, keep, restricted)[0])


def tau2_profile_interval(y: Array, v: Array, level: float, method: str) -> Interval:
    """Profile-likelihood interval of tau2 (Hardy and Thompson 1996; Viechtbauer 2007).

    The tau2 whose profile (restricted) log-likelihood is within chi2(1)/2 of the highest maximum.
    y, v: shape (k,). The lower limit is 0 where tau2 = 0 is compatible. One study is compatible
    with every tau2: (0, nan). Raises ValueError for a method other than ML and REML, or a level
    outside (0, 100), or y and v that are not data.
    """
    drop, restricted = _drop(level), _restricted(method)
    check_study_data(y, v)
    if len(y) == 1:
        return Interval(0.0, float("nan"))
    data = _Data(y, v)
    pieces = _pieces(data, _tau2_hat(data, restricted), drop, restricted)
    low, high = pieces[0][0] * data.factor, pieces[-1][1] * data.factor
    return Interval(float(low), float(high), len(pieces) > 1)


def likelihood_ratio_tau2(y: Array, v: Array, method: str = "REML") -> LikelihoodRatio:
    """Likelihood-ratio test of tau2 = 0 under ML or REML.

    Twice the (restricted) log-likelihood gained over tau2 = 0; as zero is the end of the parameter
    space its law is half chi2(0), half chi2(1) (Self and Liang 1987, doi
    10.1080/01621459.1987.10478472, case 5), so p is half the chi2(1) tail, and 1 where the
    estimate is 0. y, v: shape (k,). nan for one study, which has no test. Raises ValueError for
    another method, or y and v that are not data.
    """
    restricted = _restricted(method)
    check_study_data(y, v)
    if len(y) == 1:
        return LikelihoodRatio(float("nan"), float("nan"))
    data = _Data(y, v)
    tau2 = _tau2_hat(data, restricted)
    if tau2 == 0:
        return LikelihoodRatio(0.0, 1.0)
    none, some = (weighted(data.y, data.v, data.keep, t) for t in (0.0, tau2))
    gained = none.q[0] - some.q[0] - np.log1p(tau2 / data.v).sum()
    if restricted:
        gained -= np.log(some.sum_w[0] / none.sum_w[0])
    statistic = max(0.0, float(gained))
    return LikelihoodRatio(statistic, float(ndtr(-np.sqrt(statistic))))


def _reach(data: _Data, piece: Array, critical: float, side: int) -> float:
    """The furthest mu on one side (-1, 1) over the tau2 of one piece.

    At each tau2 the likelihood is a parabola in mu, so mu(tau2) -+ sqrt(2 (height - critical)/W)
    is where it crosses the critical value. Along this edge the derivative in tau2 has the sign of
    the score at fixed mu, and the furthest point is a root where that falls, or tau2 = 0.
    """

    def edge(tau2: Array) -> Array:
        at = weighted(data.y, data.v, data.keep, tau2)
        above = np.maximum(data.height(tau2, False) - critical, 0.0)
        return at.mu + side * np.sqrt(2 * above / at.sum_w)

    def score(tau2: Array) -> tuple[Array, Array]:
        return data.score_about(edge(tau2), tau2)

    low, high = piece
    scan = data.scan(float(np.ptp(data.y)))
    inner = scan[(scan > low) & (scan < high)]
    points = np.unique(np.concatenate([low + (high - low) * _EDGE_POINTS, inner]))
    roots, falling = _crossings(score, points)
    candidates = edge(np.concatenate([points, roots[falling]]))
    return float(side * (side * candidates).max())


def mu_profile(y: Array, v: Array, tau2_hat: float, level: float) -> tuple[Interval, float]:
    """Profile-likelihood interval of mu, and the signed root of the likelihood ratio of mu = 0.

    At each mu tau2 is maximised again, by ML (Hardy and Thompson 1996, Statistics in
    Medicine 15:619-629). y, v: shape (k,), k >= 2;
    tau2_hat: their ML estimate. The sign is that of the estimate less 0; the root is compared with
    a standard normal variable, which is the chi2(1) test of its square.
    """
    drop = _drop(level)
    data = _Data(y, v)
    unit = np.sqrt(data.factor)
    tau2_hat = tau2_hat / data.factor
    peak = float(data.height(np.array([tau2_hat]), False)[0])
    pieces = _pieces(data, tau2_hat, drop, False)
    sides = sorted(
        (_reach(data, piece, peak - drop, -1), _reach(data, piece, peak - drop, 1))
        for piece in pieces
    )
    furthest = [high for _, high in sides]
    apart = any(sides[i + 1][0] > max(furthest[: i + 1]) for i in range(len(sides) - 1))
    interval = Interval(
        data.start + unit * sides[0][0], data.start + unit * max(furthest), bool(apart)
    )

    zero = -data.start / unit
    scan = data.scan(float(np.abs(data.y - zero).max()))
    roots, falling = _crossings(lambda t: data.score_about(zero, t), scan)
    at_zero = float(data.height_about(zero, np.append(0.0, roots[falling])).max())
    mean = float(weighted(data.y, data.v, data.keep, tau2_hat).mu[0])
    root = np.sign(mean - zero) * np.sqrt(max(0.0, 2 * (peak - at_zero)))
    return interval, float(root)
