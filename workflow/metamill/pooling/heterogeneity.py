"""Between-study variance: estimators of tau2, its Q-profile interval, Q, I2 and H2.

Arrays are (k, m): k studies, m analyses. `keep` is 1 where a study belongs to an analysis and 0
where it does not; the weight of a study left out is exactly zero, so one call serves a single fit,
every leave-one-out fit and every subset alike. Reviews of the estimators: Veroniki et al. 2016
(doi 10.1002/jrsm.1164) and Langan et al. 2019 (doi 10.1002/jrsm.1316).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

Array = np.ndarray

_GRID = 96
_NEWTON_STEPS = 400
_EPS = np.finfo(float).eps


@dataclass(frozen=True)
class Weighted:
    """Inverse-variance moments at one tau2 per analysis: w (k, m); sum_w, mu, q of shape (m,)."""

    w: Array
    sum_w: Array
    mu: Array
    residual: Array
    q: Array


def weighted(y: Array, v: Array, keep: Array, tau2: Array | float) -> Weighted:
    """Weights 1/(v + tau2), their mean of y, and the weighted sum of squares about it."""
    w = keep / (v + tau2)
    sum_w = w.sum(axis=0)
    mu = (w * y).sum(axis=0) / sum_w
    residual = y - mu
    return Weighted(w, sum_w, mu, residual, (w * residual**2).sum(axis=0))


def typical_variance(v: Array, keep: Array) -> Array:
    """Higgins and Thompson's (2002, eq. 9) typical sampling variance, shape (m,)."""
    w = keep / v
    k = keep.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (k - 1) * w.sum(axis=0) / _pairs(w)


def _pairs(w: Array) -> Array:
    """(sum w)^2 - sum w^2 as twice the sum over pairs, which loses no digit to one giant weight."""
    before = np.vstack([np.zeros(w.shape[1]), np.cumsum(w, axis=0)[:-1]])
    return 2 * (w * before).sum(axis=0)


def i2_h2(tau2: Array, typical: Array) -> tuple[Array, Array]:
    """I2 in per cent and H2 from tau2 and the typical variance (metafor's definition)."""
    return 100 * tau2 / (tau2 + typical), tau2 / typical + 1


def _dersimonian_laird(y: Array, v: Array, keep: Array) -> Array:
    """DerSimonian and Laird 1986, eq. 8."""
    k = keep.sum(axis=0)
    fixed = weighted(y, v, keep, 0.0)
    return (fixed.q - (k - 1)) * fixed.sum_w / _pairs(fixed.w)


def _hedges(y: Array, v: Array, keep: Array) -> Array:
    """Hedges 1983: the variance of the effects less the mean sampling variance."""
    k = keep.sum(axis=0)
    mean = (keep * y).sum(axis=0) / k
    return (keep * (y - mean) ** 2).sum(axis=0) / (k - 1) - (keep * v).sum(axis=0) / k


def _hunter_schmidt(y: Array, v: Array, keep: Array) -> Array:
    """Hunter and Schmidt 1990, as written by Viechtbauer 2005, eq. 8."""
    fixed = weighted(y, v, keep, 0.0)
    return (fixed.q - keep.sum(axis=0)) / fixed.sum_w


def _sidik_jonkman(y: Array, v: Array, keep: Array) -> Array:
    """Sidik and Jonkman 2005, started from the variance of the effects with divisor k."""
    k = keep.sum(axis=0)
    mean = (keep * y).sum(axis=0) / k
    start = (keep * (y - mean) ** 2).sum(axis=0) / k
    safe = np.where(start > 0, start, 1.0)
    return np.where(start > 0, safe * weighted(y, v, keep, safe).q / (k - 1), 0.0)


def _paule_mandel(y: Array, v: Array, keep: Array) -> Array:
    """Paule and Mandel 1982: the tau2 at which Q equals its expectation k - 1.

    The empirical Bayes estimator of Morris 1983 solves the same equation.
    """
    return solve_q(y, v, keep, keep.sum(axis=0) - 1.0)


def solve_q(y: Array, v: Array, keep: Array, target: Array) -> Array:
    """The tau2 >= 0 at which Q(tau2) = target, shape (m,); zero where Q(0) is already below it.

    Q is convex and decreasing in tau2 (a minimum over mu of terms (y - mu)^2/(v + tau2), each
    jointly convex), so Newton's method from zero climbs to the root without ever passing it.
    """
    tau2 = np.zeros(y.shape[1])
    for _ in range(_NEWTON_STEPS):
        at = weighted(y, v, keep, tau2)
        slope = ((at.w * at.residual) ** 2).sum(axis=0)
        step = np.where(slope > 0, (at.q - target) / np.where(slope > 0, slope, 1.0), 0.0)
        step = np.maximum(step, 0.0)
        tau2 = tau2 + step
        if np.all(step <= 2 * _EPS * tau2):
            return tau2
    raise ArithmeticError("the Q equation did not converge")


def _loglik(y: Array, v: Array, keep: Array, tau2: Array, restricted: bool) -> Array:
    at = weighted(y, v, keep, tau2)
    value = -0.5 * (keep * np.log(v + tau2)).sum(axis=0) - 0.5 * at.q
    return value - 0.5 * np.log(at.sum_w) if restricted else value


def _score(y: Array, v: Array, keep: Array, tau2: Array, restricted: bool) -> tuple[Array, Array]:
    """First and second derivative of the profile (restricted) log-likelihood in tau2."""
    at = weighted(y, v, keep, tau2)
    w2 = at.w**2
    sum_w2 = w2.sum(axis=0)
    w2_r = (w2 * at.residual).sum(axis=0)
    first = 0.5 * ((w2 * at.residual**2).sum(axis=0) - at.sum_w)
    second = 0.5 * sum_w2 - (w2 * at.w * at.residual**2).sum(axis=0) + w2_r**2 / at.sum_w
    if restricted:
        first = first + 0.5 * sum_w2 / at.sum_w
        second = second + 0.5 * (sum_w2 / at.sum_w) ** 2 - (w2 * at.w).sum(axis=0) / at.sum_w
    return first, second


def _root_of_score(
    y: Array, v: Array, keep: Array, low: Array, high: Array, restricted: bool
) -> Array:
    """Newton's method on the score, held inside brackets where it falls through zero."""
    tau2 = 0.5 * (low + high)
    for _ in range(_NEWTON_STEPS):
        first, second = _score(y, v, keep, tau2, restricted)
        low = np.where(first > 0, tau2, low)
        high = np.where(first > 0, high, tau2)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = tau2 - first / second
        inside = (newton > low) & (newton < high)
        following = np.where(inside, newton, 0.5 * (low + high))
        settled = np.abs(following - tau2) <= 4 * _EPS * tau2
        tau2 = following
        if np.all(settled | (high - low <= 4 * _EPS * high)):
            return tau2
    raise ArithmeticError("the likelihood score did not converge")


def _maximum_likelihood(y: Array, v: Array, keep: Array, restricted: bool) -> Array:
    """ML or REML by bracketing every root of the score (Viechtbauer 2005, eqs. 11 and 12).

    With unequal sampling variances the likelihood can have several maxima, so the whole range is
    scanned and the highest maximum wins; the boundary tau2 = 0 competes with the roots.
    """
    m = y.shape[1]
    kept = keep > 0
    spread = np.where(kept, y, -np.inf).max(axis=0) - np.where(kept, y, np.inf).min(axis=0)
    top = 2 * spread**2
    bottom = np.minimum(np.where(kept, v, np.inf).min(axis=0) * 1e-6, top * 1e-6)
    estimate = np.zeros(m)
    alive = np.flatnonzero(top > 0)
    if not alive.size:
        return estimate
    y, v, keep = y[:, alive], v[:, alive], keep[:, alive]
    steps = np.linspace(0.0, 1.0, _GRID)[:, None]
    grid = np.vstack([np.zeros(alive.size), bottom[alive] * (top[alive] / bottom[alive]) ** steps])
    scores = np.array([_score(y, v, keep, point, restricted)[0] for point in grid])
    falls = (scores[:-1] > 0) & (scores[1:] <= 0)
    best = np.zeros(alive.size)
    best_loglik = _loglik(y, v, keep, best, restricted)
    for turn in range(int(falls.sum(axis=0).max(initial=0))):
        columns = np.flatnonzero(falls.sum(axis=0) > turn)
        cells = np.array([np.flatnonzero(falls[:, c])[turn] for c in columns])
        part = (y[:, columns], v[:, columns], keep[:, columns])
        root = _root_of_score(
            *part, grid[cells, columns], grid[cells + 1, columns], restricted=restricted
        )
        loglik = _loglik(*part, root, restricted)
        better = loglik > best_loglik[columns]
        best[columns[better]] = root[better]
        best_loglik[columns[better]] = loglik[better]
    estimate[alive] = best
    return estimate


def _ml(y: Array, v: Array, keep: Array) -> Array:
    return _maximum_likelihood(y, v, keep, restricted=False)


def _reml(y: Array, v: Array, keep: Array) -> Array:
    return _maximum_likelihood(y, v, keep, restricted=True)


def _equal_effects(y: Array, v: Array, keep: Array) -> Array:
    return np.zeros(y.shape[1])


TAU2_ESTIMATORS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "EE": _equal_effects,
    "DL": _dersimonian_laird,
    "HE": _hedges,
    "HS": _hunter_schmidt,
    "SJ": _sidik_jonkman,
    "ML": _ml,
    "REML": _reml,
    "EB": _paule_mandel,
    "PM": _paule_mandel,
}


def origin(y: Array, keep: Array) -> Array:
    """The first study's effect in each analysis, shape (m,).

    Effects are measured from it: identical effects then differ from it by exactly zero, where
    their mean would leave a rounding error that looks like heterogeneity.
    """
    return y[keep.argmax(axis=0), np.arange(y.shape[1])]


def _centred_and_scaled(y: Array, v: Array, keep: Array) -> tuple[Array, Array, Array]:
    """y from its origin in units of the typical error, v likewise, and the factor taken out of v.

    Every estimator is equivariant, so this changes no answer; it keeps sums of squares free of
    cancellation and the search ranges meaningful for v anywhere between 1e-100 and 1e100.
    """
    factor = np.exp((keep * np.log(v)).sum(axis=0) / keep.sum(axis=0))
    return (y - origin(y, keep)) / np.sqrt(factor), v / factor, factor


def estimate_tau2(y: Array, v: Array, keep: Array, method: str) -> Array:
    """tau2 by `method`, truncated at zero, shape (m,); zero where an analysis has one study.

    Raises KeyError for a method not in TAU2_ESTIMATORS and ArithmeticError if an iteration fails.
    """
    y, v, factor = _centred_and_scaled(y, v, keep)
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = TAU2_ESTIMATORS[method](y, v, keep)
    return np.where(keep.sum(axis=0) > 1, np.maximum(raw, 0.0), 0.0) * factor


def tau2_interval(y: Array, v: Array, level: float = 95.0) -> tuple[float, float]:
    """Q-profile interval of tau2 (Viechtbauer 2007, doi 10.1002/sim.2514, eq. 4).

    y, v: shape (k,), k >= 2. Both limits are 0 where even tau2 = 0 leaves Q below its lower
    critical value (the set of compatible tau2 is then empty).
    """
    columns = np.asarray(y, float)[:, None], np.asarray(v, float)[:, None]
    keep = np.ones_like(columns[0])
    y_scaled, v_scaled, factor = _centred_and_scaled(*columns, keep)
    tail = (1 - level / 100) / 2
    df = len(columns[0]) - 1
    low, high = (
        solve_q(y_scaled, v_scaled, keep, np.array([chdtri(df, p)])) * factor
        for p in (tail, 1 - tail)
    )
    return float(low[0]), float(high[0])


def profile_loglik(y: Array, v: Array, tau2: float, restricted: bool) -> float:
    """Log-likelihood (restricted or not) of tau2 with mu profiled out, up to a constant.

    y, v: shape (k,); Viechtbauer 2005 (doi 10.3102/10769986030003261), eqs. 9 and 10.
    """
    columns = np.asarray(y, float)[:, None], np.asarray(v, float)[:, None]
    return float(_loglik(*columns, np.ones_like(columns[0]), np.array([tau2]), restricted)[0])
