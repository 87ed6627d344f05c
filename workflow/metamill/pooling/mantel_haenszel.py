"""Mantel-Haenszel pooling of 2x2 tables and of event rates.

No cell is ever corrected: a study with an empty cell enters with its counts, as in metafor's
rma.mh with drop00 = FALSE. Notation: a events of n1 under treatment, c of n2 under control,
b = n1 - a, d = n2 - c, n = n1 + n2; for rates x1 events in time t1, x2 in t2, t = t1 + t2.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtr, ndtri

from metamill.pooling.identified import NotIdentified
from metamill.pooling.wald import check_level

Array = np.ndarray

MEASURES = ("OR", "RR", "RD", "IRR", "IRD")

# A variance below this share of the terms that cancel in it is their rounding error.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class CountsFit:
    """One pooled estimate per analysis on the model scale (log for OR, RR and IRR).

    Fields are arrays of shape (m,), or numbers when one data set was given; a quantity that does
    not exist is nan. `reason` says in words why an analysis among several has no estimate, and
    is empty where it has one. k counts the studies kept, k_informative those that enter the
    estimate or its variance. q, q_df, q_p, i2 (per cent) and h2 compare the studies whose own
    effect has a finite positive variance without correction with mu; q exists from two on.
    `weights` (per cent) and `informative` are (k,) or (k, m), zero and False where not kept.
    """

    k: Array
    k_informative: Array
    mu: Array
    se: Array
    mu_low: Array
    mu_high: Array
    statistic: Array
    p_value: Array
    q: Array
    q_df: Array
    q_p: Array
    i2: Array
    h2: Array
    reason: Array
    weights: Array
    informative: Array
    keep: Array

    @property
    def uninformative(self) -> tuple:
        """Indices of the kept studies without information; one tuple per analysis of several."""
        silent = self.keep & ~self.informative
        if silent.ndim == 1:
            return tuple(np.flatnonzero(silent).tolist())
        return tuple(tuple(np.flatnonzero(column).tolist()) for column in silent.T)


class Pooled(NamedTuple):
    """What a method says of its analyses, before intervals and heterogeneity.

    mu, variance and reason are (m,); weights, informative and each study's own effect and
    sampling variance are (k, m).
    """

    mu: Array
    variance: Array
    reason: Array
    weights: Array
    informative: Array
    effect: Array
    effect_variance: Array


class Counts(NamedTuple):
    """Events and sizes (totals or times) of both groups, and 1 where a study is kept: (k, m)."""

    x1: Array
    n1: Array
    x2: Array
    n2: Array
    keep: Array


def read_counts(
    columns: Mapping[str, ArrayLike], size: str, keep: ArrayLike | None
) -> tuple[Counts, bool]:
    """The columns as (k, m) arrays, and whether they are one data set.

    size is "total" or "time". Raises ValueError for anything that cannot be counts: a missing
    column, shapes that differ, a study without units or time, more events than units, fractions.
    """
    names = ("events_treatment", f"{size}_treatment", "events_control", f"{size}_control")
    missing = [name for name in names if name not in columns]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}")
    x1, n1, x2, n2 = (np.asarray(columns[name], float) for name in names)
    if not (x1.shape == n1.shape == x2.shape == n2.shape) or x1.ndim not in (1, 2):
        raise ValueError("the columns must have one shape, (k,) or (k, m)")
    kept = np.ones(x1.shape) if keep is None else np.asarray(keep, float)
    if kept.ndim not in (1, 2) or kept.shape[0] != x1.shape[0]:
        raise ValueError(f"keep has shape {kept.shape}, the columns have {x1.shape}")
    if x1.ndim == 2 and kept.shape != x1.shape:
        raise ValueError(f"keep has shape {kept.shape}, the columns have {x1.shape}")
    if not np.isin(kept, (0, 1)).all():
        raise ValueError("keep must hold 0 and 1 only")
    if x1.shape[0] == 0 or (kept.sum(axis=0) < 1).any():
        raise ValueError("nothing to pool: an analysis has no study")
    for events, units in ((x1, n1), (x2, n2)):
        if not (np.isfinite(events).all() and np.isfinite(units).all()):
            raise ValueError("counts and times must be finite numbers")
        if (events < 0).any() or (events % 1).any():
            raise ValueError("events must be whole numbers from 0 on")
        if (units <= 0).any():
            raise ValueError("every group needs units or time to count events in")
        if size == "total" and ((units % 1).any() or (events > units).any()):
            raise ValueError("totals must be whole numbers, no smaller than their events")
    one = kept.ndim == 1
    arrays = (array if array.ndim == 2 else array[:, None] for array in (x1, n1, x2, n2, kept))
    return Counts(*np.broadcast_arrays(*arrays)), one


def _first(*cases: tuple[Array, str]) -> Array:
    """For each analysis the words of the first condition that holds, else ''."""
    return np.select([holds for holds, _ in cases], [words for _, words in cases], default="")


def _odds_ratio(t: Counts) -> Pooled:
    """Mantel and Haenszel 1959 (doi 10.1093/jnci/22.4.719); variance of Robins, Breslow and
    Greenland 1986 (doi 10.2307/2531052)."""
    a, c = t.x1, t.x2
    b, d, n = t.n1 - a, t.n2 - c, t.n1 + t.n2
    r, s = t.keep * (a / n) * d, t.keep * (b / n) * c
    p, q = (a + d) / n, (b + c) / n
    sum_r, sum_s = r.sum(axis=0), s.sum(axis=0)
    variance = (
        (p * r).sum(axis=0) / sum_r**2
        + (p * s + q * r).sum(axis=0) / (sum_r * sum_s)
        + (q * s).sum(axis=0) / sum_s**2
    ) / 2
    zero = (
        "the pooled odds ratio is 0: no study has events under treatment and units "
        "without events under control"
    )
    infinite = (
        "the pooled odds ratio is infinite: no study has events under control and units "
        "without events under treatment"
    )
    reason = _first(
        (sum_r + sum_s == 0, "no study has both an event and a unit without one"),
        (sum_r == 0, zero),
        (sum_s == 0, infinite),
    )
    effect, own = np.log(a * d) - np.log(b * c), 1 / a + 1 / b + 1 / c + 1 / d
    return Pooled(np.log(sum_r / sum_s), variance, reason, s, r + s > 0, effect, own)


def _ratio(t: Counts, of: str, informative: Array, spread: Array, own: Array) -> Pooled:
    """sum(x1 n2/n)/sum(x2 n1/n); `spread` are the numerators of the variance of its logarithm."""
    n = t.n1 + t.n2
    r, s = t.keep * t.x1 * (t.n2 / n), t.keep * t.x2 * (t.n1 / n)
    sum_r, sum_s = r.sum(axis=0), s.sum(axis=0)
    sum_spread = (t.keep * spread).sum(axis=0)
    reason = _first(
        (sum_r + sum_s == 0, "no study has an event"),
        (sum_r == 0, f"the pooled {of} is 0: no study has an event under treatment"),
        (sum_s == 0, f"the pooled {of} is infinite: no study has an event under control"),
        (sum_spread == 0, "every unit of every study with events has one: no variance"),
    )
    effect = np.log(t.x1 / t.n1) - np.log(t.x2 / t.n2)
    variance = sum_spread / (sum_r * sum_s)
    return Pooled(np.log(sum_r / sum_s), variance, reason, s, informative, effect, own)


def _risk_ratio(t: Counts) -> Pooled:
    """Variance of Greenland and Robins 1985 (doi 10.2307/2530643).

    Its numerator (n1 n2 (a + c) - a c n)/n^2 is written as (a d n1 + b c n2)/n^2: nothing cancels.
    """
    a, c = t.x1, t.x2
    b, d, n = t.n1 - a, t.n2 - c, t.n1 + t.n2
    spread = (a / n) * (d / n) * t.n1 + (b / n) * (c / n) * t.n2
    own = b / (a * t.n1) + d / (c * t.n2)
    return _ratio(t, "risk ratio", (t.keep * (a + c)) > 0, spread, own)


def _rate_ratio(t: Counts) -> Pooled:
    """Variance of Greenland and Robins 1985 for person-time data."""
    n = t.n1 + t.n2
    events = t.x1 + t.x2
    spread = (t.n1 / n) * (t.n2 / n) * events
    return _ratio(t, "rate ratio", (t.keep * events) > 0, spread, 1 / t.x1 + 1 / t.x2)


def _risk_difference(t: Counts) -> Pooled:
    """Variance of Sato, Greenland and Robins 1989, as in metafor.

    It is consistent both for few large and for many sparse strata.
    """
    a, c = t.x1, t.x2
    b, d, n = t.n1 - a, t.n2 - c, t.n1 + t.n2
    w = t.keep * (t.n1 / n) * t.n2
    total = w.sum(axis=0)
    mu = (t.keep * (a * t.n2 - c * t.n1) / n).sum(axis=0) / total
    share_1, share_2 = t.n1 / n, t.n2 / n
    p = share_1**2 * c - share_2**2 * a + share_1 * share_2 * (t.n2 - t.n1) / 2
    q = (a * d + b * c) / (2 * n)
    sum_p, sum_q = (t.keep * p).sum(axis=0), (t.keep * q).sum(axis=0)
    variance = (mu * sum_p + sum_q) / total**2
    size = (np.abs(mu * sum_p) + sum_q) / total**2
    reason = _first(
        ((t.keep * (a + c)).sum(axis=0) == 0, "no study has an event: no variance"),
        ((t.keep * (b + d)).sum(axis=0) == 0, "every unit has an event: no variance"),
        (
            variance <= _ROUNDING * size,
            "the variance of the pooled risk difference is not positive",
        ),
    )
    own = a * b / t.n1**3 + c * d / t.n2**3
    return Pooled(mu, variance, reason, w, t.keep > 0, a / t.n1 - c / t.n2, own)


def _rate_difference(t: Counts) -> Pooled:
    """Variance of Greenland and Robins 1985 for person-time data."""
    n = t.n1 + t.n2
    w = t.keep * (t.n1 / n) * t.n2
    total = w.sum(axis=0)
    effect, own = t.x1 / t.n1 - t.x2 / t.n2, t.x1 / t.n1**2 + t.x2 / t.n2**2
    variance = (w**2 * own).sum(axis=0) / total**2
    reason = _first((variance == 0, "no study has an event: no variance"))
    mu = (t.keep * (t.x1 * (t.n2 / n) - t.x2 * (t.n1 / n))).sum(axis=0) / total
    return Pooled(mu, variance, reason, w, t.keep > 0, effect, own)


_METHODS: dict[str, tuple[str, Callable[[Counts], Pooled]]] = {
    "OR": ("total", _odds_ratio),
    "RR": ("total", _risk_ratio),
    "RD": ("total", _risk_difference),
    "IRR": ("time", _rate_ratio),
    "IRD": ("time", _rate_difference),
}


def finish(pooled: Pooled, keep: Array, level: float, one: bool) -> CountsFit:
    """Interval, z test and heterogeneity of what a method pooled.

    Raises NotIdentified where the one analysis of a single data set has no estimate.
    """
    check_level(level)
    if one and pooled.reason[0]:
        raise NotIdentified(str(pooled.reason[0]))
    exists = pooled.reason == ""
    with np.errstate(all="ignore"):
        mu = np.where(exists, pooled.mu, np.nan)
        se = np.sqrt(np.where(exists, pooled.variance, np.nan))
        own = (keep > 0) & np.isfinite(pooled.effect) & (pooled.effect_variance > 0)
        own &= np.isfinite(pooled.effect_variance)
        df = np.maximum(own.sum(axis=0) - 1, 0)
        squares = np.where(own, (pooled.effect - mu) ** 2 / pooled.effect_variance, 0.0)
        q = np.where(df > 0, squares.sum(axis=0), np.nan)
        weights = 100 * pooled.weights / pooled.weights.sum(axis=0)
        excess = np.where(q > df, 1 - df / q, 0 * q)
    reach = ndtri(0.5 + level / 200) * se
    fit = CountsFit(
        k=keep.sum(axis=0).astype(int),
        k_informative=pooled.informative.sum(axis=0),
        mu=mu,
        se=se,
        mu_low=mu - reach,
        mu_high=mu + reach,
        statistic=mu / se,
        p_value=2 * ndtr(-np.abs(mu / se)),
        q=q,
        q_df=df,
        q_p=np.where(df > 0, chdtrc(np.maximum(df, 1), q), np.nan),
        i2=100 * excess,
        h2=q / np.where(df > 0, df, 1),
        reason=pooled.reason,
        weights=np.where(exists, weights, np.nan),
        informative=pooled.informative,
        keep=keep > 0,
    )
    return _single(fit) if one else fit


def _single(fit: CountsFit) -> CountsFit:
    by_study = ("weights", "informative", "keep")
    values = {f.name: getattr(fit, f.name) for f in fields(CountsFit)}
    return CountsFit(
        **{
            name: value[:, 0] if name in by_study else value[0].item()
            for name, value in values.items()
        }
    )


def mantel_haenszel(
    columns: Mapping[str, ArrayLike],
    measure: str,
    level: float = 95.0,
    keep: ArrayLike | None = None,
) -> CountsFit:
    """Pool counts by Mantel and Haenszel's weights, without continuity correction.

    columns: events_treatment, total_treatment, events_control, total_control for OR, RR and RD,
    or time_treatment and time_control (any unit of time, IRD is per that unit) for IRR and IRD;
    each (k,) or (k, m). keep: 1 where a study belongs to an analysis, (k,) or (k, m). One data
    set gives numbers, several give arrays. Intervals and p_value are normal. A study without
    events tells nothing of OR, RR or IRR, one with nothing but events nothing of OR; all others
    are informative (RR counts a study with nothing but events as a ratio of 1). Raises KeyError
    for an unknown measure, ValueError for what cannot be counts, and NotIdentified where the
    estimate of a single analysis is 0, infinite or without a variance; of several it is nan.
    """
    size, method = _METHODS[measure]
    counts, one = read_counts(columns, size, keep)
    with np.errstate(all="ignore"):
        pooled = method(counts)
    return finish(pooled, counts.keep, level, one)
