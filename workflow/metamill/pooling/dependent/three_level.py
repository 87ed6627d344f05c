"""Three-level random-effects model: studies, rows within studies, sampling errors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, chdtri, stdtrit

from metamill.pooling.dependent.likelihood import (
    BETWEEN,
    WITHIN,
    Model,
    maximise,
    model,
    moments,
    profile,
    surface,
)
from metamill.pooling.dependent.rows import Array, rows, several_studies
from metamill.pooling.dependent.sandwich import robust_variance
from metamill.pooling.identified import NotIdentified
from metamill.pooling.wald import check_level, wald

TESTS = ("z", "t", "cr2")
METHODS = ("REML", "ML")

_ROOT_STEPS = 200
_EPS = np.finfo(float).eps
_ROUNDING = 4 * _EPS


@dataclass(frozen=True)
class ThreeLevelFit:
    """The fitted model; k rows of `studies` studies.

    se, df, limits and p value are those of the test chosen (df is inf for z). tau2 is the sum of
    both variances; `disconnected` says that a profile interval is the hull of several pieces.
    i2 (per cent) is i2_between + i2_within. `weights` (k,), per cent, are those of the rows in mu;
    correlated sampling errors can make one negative.
    """

    k: int
    studies: int
    mu: float
    se: float
    df: float
    statistic: float
    p_value: float
    mu_low: float
    mu_high: float
    pi_low: float
    pi_high: float
    sigma2_between: float
    sigma2_between_low: float
    sigma2_between_high: float
    sigma2_within: float
    sigma2_within_low: float
    sigma2_within_high: float
    disconnected: bool
    tau2: float
    loglik: float
    q: float
    q_df: int
    q_p: float
    i2: float
    i2_between: float
    i2_within: float
    weights: Array


def _crossing(m: Model, which: int, critical: float, outside: float, inside: float) -> float:
    """Where the profile crosses `critical`, by Newton's method held between two signs.

    The slope of a profile is the score in its own parameter at the maximum over the other.
    """
    x = 0.5 * (outside + inside)
    last = abs(outside - inside)
    for _ in range(_ROOT_STEPS):
        at = profile(m, which, x)
        above = at.value - critical
        if above > 0:
            inside = x
        else:
            outside = x
        low, high = sorted((outside, inside))
        if abs(above) <= _ROUNDING * (len(m.y) + abs(critical)):
            return float(x)
        slope = at.score[which]
        newton = x - above / slope if slope else np.inf
        good = low < newton < high and abs(newton - x) < 0.5 * last
        following = newton if good else 0.5 * (low + high)
        last, x = abs(following - x), following
        if last <= 4 * _EPS * x or high - low <= 4 * _EPS * high:
            return float(x)
    raise ArithmeticError("the profile likelihood of a variance did not converge")


def _interval(
    m: Model, heights: Array, which: int, estimate: float, critical: float
) -> tuple[float, float, bool]:
    """Lowest and highest value whose profile reaches `critical`, and whether some between do not.

    `heights` is the likelihood on the grid: its maxima over the other parameter are lower bounds
    of the profile, so no piece of the set as wide as a grid cell is missed.
    """

    def compatible(value: float) -> bool:
        return profile(m, which, value).value > critical

    bound = heights.max(axis=1 - which)
    surely = np.append(m.axis[bound > critical], estimate)
    lowest, highest = surely.min(), surely.max()
    below = m.axis[m.axis < lowest]
    low = 0.0
    for value in below[::-1]:
        if not compatible(value):
            low = _crossing(m, which, critical, value, lowest)
            break
        lowest = value
    above = m.axis[m.axis > highest]
    step = 4 * max(highest, m.axis[-1])
    for value in (*above, *(step * 4.0 ** np.arange(300))):
        if not compatible(value):
            high = _crossing(m, which, critical, value, highest)
            break
        highest = value
    else:
        raise ArithmeticError("the profile likelihood of a variance has no upper end")
    between = m.axis[(m.axis > lowest) & (m.axis < highest) & (bound <= critical)]
    return low, high, any(not compatible(value) for value in between)


def _typical_variance(m: Model) -> float:
    """(k - 1)/tr P with both variances zero: the typical sampling variance behind I2."""
    each = m.x**2 / m.lam
    before = np.append(0.0, np.cumsum(each)[:-1])
    after = np.append(np.cumsum(each[::-1])[::-1][1:], 0.0)
    return float((len(each) - 1) * each.sum() / ((before + after) / m.lam).sum())


def three_level(
    y: ArrayLike,
    v: ArrayLike,
    study: ArrayLike,
    rho: float = 0.0,
    level: float = 95.0,
    test: str = "t",
    method: str = "REML",
) -> ThreeLevelFit:
    """Random effects for studies and for rows within studies (Konstantopoulos 2011).

    doi 10.1002/jrsm.35; with rho > 0 sampling errors of one study are correlated by rho, the
    correlated and hierarchical effects model of Pustejovsky and Tipton 2022 (doi
    10.1007/s11121-021-01246-3). y, v, study: shape (k,), at least two studies, one of them with at
    least two rows; rho in [0, 1). method: REML or ML. test: t (number of studies less one degrees
    of freedom), z, or cr2 (robust standard error, Satterthwaite degrees of freedom). Variances
    have profile-likelihood intervals, with 0 as lower limit where it is compatible. The prediction
    interval, for a new row of a new study, is mu -+ t sqrt(se^2 + tau2) with the degrees of
    freedom of the test, and those of test t for z. I2 splits by level as in Cheung 2014 (doi
    10.1037/a0032968).

    Raises ValueError for input that is not data and KeyError for an unknown test or method;
    NotIdentified for one study, one row in every study, a singular covariance of sampling errors,
    a flat likelihood, or (cr2) no robust standard error; ArithmeticError without convergence.
    """
    check_level(level)
    for name, known in ((test, TESTS), (method, METHODS)):
        if name not in known:
            raise KeyError(name)
    if not 0 <= rho < 1:
        raise ValueError(f"rho must be at least 0 and below 1, not {rho}")
    data = rows(y, v, study)
    several_studies(data)
    k, n = len(data.y), len(data.size)
    if k == n:
        raise NotIdentified(
            "every study has one row: variances between and within studies cannot be told apart"
        )
    restricted = method == "REML"
    m = model(data, rho, restricted)
    heights = surface(m)
    theta, peak = maximise(m, heights)
    critical = peak.value - chdtri(1, 1 - level / 100) / 2
    intervals = [_interval(m, heights, i, theta[i], critical) for i in (BETWEEN, WITHIN)]

    at, fixed = (moments(m, t[:1], t[1:]) for t in (theta, np.zeros(2)))
    variance, df = 1 / at.total[0], float(n - 1)
    if test == "cr2":
        d, residual = at.d[:, 0], m.y - m.x * at.mu[0]
        robust = robust_variance(data, d, m.x, theta[BETWEEN], residual)
        variance, df = robust.variance, robust.df
    unit2 = data.unit**2
    mu, se = data.start + data.unit * float(at.mu[0]), data.unit * float(np.sqrt(variance))
    inference = wald(mu, se, np.inf if test == "z" else df, level)
    reach = stdtrit(df, 0.5 + level / 200) * data.unit * np.sqrt(variance + theta.sum())
    free = k - 1 if restricted else k
    constant = -free * (0.5 * np.log(2 * np.pi) + np.log(data.unit))
    if restricted:
        constant += 0.5 * np.log(k)
    q = float(fixed.q[0])
    share = 100 / (theta.sum() + _typical_variance(m))
    (b_low, b_high, b_apart), (w_low, w_high, w_apart) = intervals
    weights = m.unrotated(at.a[:, 0] * at.shrink[data.index, 0])
    return ThreeLevelFit(
        k=k,
        studies=n,
        mu=mu,
        se=se,
        df=float("inf") if test == "z" else df,
        statistic=inference.statistic,
        p_value=inference.p_value,
        mu_low=inference.low,
        mu_high=inference.high,
        pi_low=float(mu - reach),
        pi_high=float(mu + reach),
        sigma2_between=float(theta[BETWEEN] * unit2),
        sigma2_between_low=b_low * unit2,
        sigma2_between_high=b_high * unit2,
        sigma2_within=float(theta[WITHIN] * unit2),
        sigma2_within_low=w_low * unit2,
        sigma2_within_high=w_high * unit2,
        disconnected=b_apart or w_apart,
        tau2=float(theta.sum() * unit2),
        loglik=float(peak.value + constant),
        q=q,
        q_df=k - 1,
        q_p=float(chdtrc(k - 1, q)),
        i2=min(100.0, float(share * theta.sum())),
        i2_between=float(share * theta[BETWEEN]),
        i2_within=float(share * theta[WITHIN]),
        weights=data.unsorted(100 * weights / at.total[0]),
    )
