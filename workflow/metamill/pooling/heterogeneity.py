"""Between-study variance: estimators of tau2, its intervals, Q, and both I2 and H2.

Arrays are (k, m): k studies, m analyses. `keep` is 1 where a study belongs to an analysis and 0
where it does not; the weight of a study left out is exactly zero, so one call serves a single fit,
every leave-one-out fit and every subset alike. Reviews of the estimators: Veroniki et al. 2016
(doi 10.1002/jrsm.1164) and Langan et al. 2019 (doi 10.1002/jrsm.1316).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, ndtri

from metamill.pooling.normal_mean import maximum_likelihood
from metamill.pooling.profile import (
    Array,
    Interval,
    centred_and_scaled,
    check_study_data,
    tau2_profile_interval,
    weighted,
)
from metamill.pooling.wald import check_level

_NEWTON_STEPS = 400
_EPS = np.finfo(float).eps

_WIDE = 256

INTERVALS = ("QP", "PL")


def typical_variance(v: Array, keep: Array) -> Array:
    """Higgins and Thompson's (2002, eq. 9) typical sampling variance, shape (m,)."""
    w = keep / v
    k = keep.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (k - 1) * w.sum(axis=0) / pairs(w)


def _before(w: Array) -> Array:
    return np.vstack([np.zeros(w.shape[1]), np.cumsum(w, axis=0)[:-1]])


def pairs(w: Array) -> Array:
    """(sum w)^2 - sum w^2 as twice the sum over pairs, which loses no digit to one giant weight."""
    if w.shape[1] < _WIDE:
        before = np.cumsum(w[:-1], axis=0)
    else:
        # the same sums in the same order: numpy's cumulative sum of many columns is slow
        before = np.empty_like(w[1:])
        for i, row in enumerate(w[:-1]):
            np.add(before[i - 1] if i else 0.0, row, out=before[i])
    return 2 * np.einsum("km,km->m", w[1:], before)


def i2_h2(tau2: Array, typical: Array) -> tuple[Array, Array]:
    """I2 in per cent and H2 from tau2 and the typical variance (metafor's definition)."""
    return 100 * tau2 / (tau2 + typical), tau2 / typical + 1


def _dersimonian_laird(y: Array, v: Array, keep: Array) -> Array:
    """DerSimonian and Laird 1986, eq. 8."""
    k = keep.sum(axis=0)
    fixed = weighted(y, v, keep, 0.0)
    return (fixed.q - (k - 1)) * fixed.sum_w / pairs(fixed.w)


def _two_step(y: Array, v: Array, keep: Array) -> Array:
    """DerSimonian and Kacker 2007 (doi 10.1016/j.cct.2006.04.004), from DL's weights.

    The general method of moments with weights a = 1/(v + tau2_DL): what Q_a exceeds its expectation
    without heterogeneity, sum a v (1 - a/sum a), over sum a - sum a^2/sum a.
    """
    first = np.maximum(_dersimonian_laird(y, v, keep), 0.0)
    at = weighted(y, v, keep, np.where(np.isfinite(first), first, 0.0))
    others = _before(at.w) + _before(at.w[::-1])[::-1]
    expected = (at.w * v * others).sum(axis=0) / at.sum_w
    return (at.q - expected) * at.sum_w / pairs(at.w)


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
    jointly convex), so Newton's method from zero climbs to the root without ever passing it. A
    column that has settled stays as it is, so that its bits do not depend on the others.
    """
    tau2 = np.zeros(y.shape[1])
    done = np.zeros(tau2.shape, bool)
    for _ in range(_NEWTON_STEPS):
        at = weighted(y, v, keep, tau2)
        slope = ((at.w * at.residual) ** 2).sum(axis=0)
        step = np.where(slope > 0, (at.q - target) / np.where(slope > 0, slope, 1.0), 0.0)
        tau2 = tau2 + np.where(done, 0.0, np.maximum(step, 0.0))
        done |= step <= 2 * _EPS * tau2
        if done.all():
            return tau2
    raise ArithmeticError("the Q equation did not converge")


def _ml(y: Array, v: Array, keep: Array) -> Array:
    return maximum_likelihood(y, v, keep, restricted=False)


def _reml(y: Array, v: Array, keep: Array) -> Array:
    return maximum_likelihood(y, v, keep, restricted=True)


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
    "DL2": _two_step,
}


def estimate_tau2(y: Array, v: Array, keep: Array, method: str) -> Array:
    """tau2 by `method`, truncated at zero, shape (m,); zero where an analysis has one study.

    Raises KeyError for a method not in TAU2_ESTIMATORS and ArithmeticError if an iteration fails.
    """
    y, v, factor = centred_and_scaled(y, v, keep)
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = TAU2_ESTIMATORS[method](y, v, keep)
    return np.where(keep.sum(axis=0) > 1, np.maximum(raw, 0.0), 0.0) * factor


def tau2_interval(
    y: Array, v: Array, level: float = 95.0, kind: str = "QP", method: str = "REML"
) -> Interval:
    """Interval of tau2, which unpacks as (low, high).

    kind "QP": Q-profile, for every estimator (Viechtbauer 2007, doi 10.1002/sim.2514, eq. 4). Both
    limits are 0 where even tau2 = 0 leaves Q below its lower critical value (the set of compatible
    tau2 is then empty). kind "PL": profile likelihood of `method`, ML or REML (`method` counts for
    this kind only); its flag `disconnected` says that the limits are the hull of several pieces.
    y, v: shape (k,). One study is compatible with every tau2: the limits are 0 and nan, where nan
    means that there is no upper limit. Raises ValueError for y and v that are not data, a level
    outside (0, 100), another kind, or kind PL with another method.
    """
    if kind not in INTERVALS:
        raise ValueError(f"kind {kind!r} is not one of {', '.join(INTERVALS)}")
    if kind == "PL":
        return tau2_profile_interval(y, v, level, method)
    check_level(level)
    check_study_data(y, v)
    if len(y) == 1:
        return Interval(0.0, float("nan"))
    columns = np.asarray(y, float)[:, None], np.asarray(v, float)[:, None]
    keep = np.ones_like(columns[0])
    y_scaled, v_scaled, factor = centred_and_scaled(*columns, keep)
    tail = (1 - level / 100) / 2
    df = len(columns[0]) - 1
    low, high = (
        float((solve_q(y_scaled, v_scaled, keep, np.array([chdtri(df, p)])) * factor)[0])
        for p in (tail, 1 - tail)
    )
    return Interval(low, high)


@dataclass(frozen=True)
class Heterogeneity:
    """I2 (per cent) and H2 by both definitions, each with its limits; nan is what does not exist.

    `i2`, `h2` come from tau2 and the typical sampling variance, their limits from those of tau2.
    `i2_q`, `h2_q` come from Q, their limits from the standard error of ln H.
    """

    i2: float
    i2_low: float
    i2_high: float
    h2: float
    h2_low: float
    h2_high: float
    i2_q: float
    i2_q_low: float
    i2_q_high: float
    h2_q: float
    h2_q_low: float
    h2_q_high: float


def heterogeneity(
    y: Array,
    v: Array,
    tau2: float | None = None,
    tau2_low: float = float("nan"),
    tau2_high: float = float("nan"),
    level: float = 95.0,
) -> Heterogeneity:
    """I2 and H2 in both named definitions (Higgins and Thompson 2002, doi 10.1002/sim.1186).

    (a) From tau2, in the units of v: I2 = 100 tau2/(tau2 + s2) and H2 = 1 + tau2/s2, s2 the typical
    variance (eq. 9); limits of tau2, however made, give limits of both. tau2 None (equal effects)
    or a limit nan makes them nan.
    (b) From Q: H2 = max(1, Q/(k - 1)) and I2 = 100 (H2 - 1)/H2 = 100 max(0, (Q - k + 1)/Q). The
    test-based interval is exp(ln H -+ z SE(ln H)), H cut at 1 before it is taken and the lower
    limit cut at 1 after; SE(ln H) = (ln Q - ln(k - 1))/(2 (sqrt(2Q) - sqrt(2k - 3))) where Q > k,
    else sqrt((1 - 1/(3 (k - 2)^2))/(2 (k - 2))), which does not exist for k = 2.
    y, v: shape (k,). One study has neither. Raises ValueError for y and v that are not data, or a
    level outside (0, 100).
    """
    check_level(level)
    check_study_data(y, v)
    k = len(y)
    # twice, as `pool` has it: numpy sums a single column in another order than several
    columns = [np.repeat(np.asarray(x, float)[:, None], 2, axis=1) for x in (y, v)]
    keep = np.ones_like(columns[0])
    scaled = centred_and_scaled(columns[0], columns[1], keep)
    q = float(weighted(*scaled[:2], keep, 0.0).q[0])
    typical = typical_variance(columns[1], keep)[:1]
    points = np.array([np.nan if tau2 is None else tau2, tau2_low, tau2_high], float)
    i2, h2 = i2_h2(points, typical)
    h2_q = _h2_of_q(q, k, level)
    i2_q = [100 * (ratio - 1) / ratio for ratio in h2_q]
    ends = ("", "_low", "_high")
    named: dict[str, Iterable[float]] = {"i2": i2, "h2": h2, "i2_q": i2_q, "h2_q": h2_q}
    return Heterogeneity(
        **{
            name + end: float(value)
            for name, values in named.items()
            for end, value in zip(ends, values, strict=True)
        }
    )


def _h2_of_q(q: float, k: int, level: float) -> tuple[float, float, float]:
    """H2 from Q and its limits, the test-based formulas of `heterogeneity`."""
    nan = float("nan")
    if k == 1:
        return nan, nan, nan
    h2 = max(1.0, q / (k - 1))
    if q > k:
        se = 0.5 * np.log(q / (k - 1)) / (np.sqrt(2 * q) - np.sqrt(2 * k - 3))
    elif k > 2:
        se = np.sqrt((1 - 1 / (3 * (k - 2) ** 2)) / (2 * (k - 2)))
    else:
        return h2, nan, nan
    factor = float(np.exp(2 * ndtri(0.5 + level / 200) * se))
    return h2, max(1.0, h2 / factor), h2 * factor
