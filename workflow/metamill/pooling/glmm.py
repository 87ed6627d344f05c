"""Generalised linear mixed models with one random effect, fitted by maximum likelihood.

The effect of study i is theta_i = mu + tau z_i, z standard normal, and its counts follow

    proportions           events ~ Binomial(total, expit(theta))                          PLO
    rates                 events ~ Poisson(time exp(theta))                               IRLN
    two groups, CM.EL     events_treatment ~ Fisher's noncentral hypergeometric           OR
                          distribution given both margins, log odds ratio theta
    two groups, CM.AL     events_treatment ~ Binomial(all events, expit(theta + log of    OR
                          total_treatment/total_control)), its limit for rare events
    two groups, rates     the same with times for totals, which is exact                  IRR

Models: Hamza, van Houwelingen and Stijnen 2008 (doi 10.1016/j.jclinepi.2007.03.016) and Stijnen,
Hamza and Oezdemir 2010 (doi 10.1002/sim.4040). No continuity correction is made.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from metamill.pooling.glmm_families import (
    Array,
    Studies,
    binomial,
    hypergeometric,
    poisson,
    refusal,
    saturated,
    slopes,
)
from metamill.pooling.glmm_fit import GLMMFit, check_question, finished
from metamill.pooling.glmm_limits import interval
from metamill.pooling.glmm_maximum import Maximum, maximise
from metamill.pooling.glmm_quadrature import modes
from metamill.pooling.glmm_subsets import point_fits
from metamill.pooling.glmm_surface import surface_fits
from metamill.pooling.identified import NotIdentified, TooCostly, informs_a_ratio

__all__ = [
    "LIKELIHOODS",
    "GLMMFit",
    "NotIdentified",
    "TooCostly",
    "conditional_studies",
    "point_fits",
    "pool_conditional",
    "pool_proportions",
    "pool_rate_ratios",
    "pool_rates",
    "proportion_studies",
    "rate_ratio_studies",
    "rate_studies",
    "surface_fits",
]

LIKELIHOODS = ("CM.AL", "CM.EL")
TABLES_MAX = 20_000

_Z = np.linspace(-9.0, 9.0, 241)
_DENSITY = np.exp(-0.5 * _Z**2) * (_Z[1] - _Z[0]) / np.sqrt(2 * np.pi)

_ONE_ARM = (
    "no study has an event",
    "every unit has an event",
    "no study has more than one unit, so nothing tells tau from zero",
)
_TWO_ARMS = (
    "as many events as possible are in the control group: the ratio has no finite estimate",
    "as many events as possible are in the treatment group: the ratio has no finite estimate",
    "no study has more than one event, so nothing tells tau from zero",
)


def pool_proportions(
    events: ArrayLike, totals: ArrayLike, level: float = 95.0, test: str = "t"
) -> GLMMFit:
    """Fit the binomial-normal model to `events` out of `totals`, each of shape (k,), k >= 2.

    Counts may be fractional. test: "t" (k - 1 degrees of freedom) or "z" (normal), for the
    interval and test of mu; the prediction interval is mu -+ t(k-1) sqrt(tau2 + se^2) for both.
    level: per cent, between 0 and 100. Raises ValueError for numbers that are not counts, and
    NotIdentified where no events, only events, or too wide a spread leave nothing to estimate.
    """
    return _fit(proportion_studies(events, totals), level, test, "logit")


def pool_rates(
    events: ArrayLike, times: ArrayLike, level: float = 95.0, test: str = "t"
) -> GLMMFit:
    """Fit the Poisson-normal model to `events` in `times` (person-time), each (k,), k >= 2.

    Stijnen et al. 2010, section 5; mu is a log rate per unit of time. Arguments and errors as in
    `pool_proportions`.
    """
    return _fit(rate_studies(events, times), level, test, "log")


def pool_conditional(
    events_treatment: ArrayLike,
    total_treatment: ArrayLike,
    events_control: ArrayLike,
    total_control: ArrayLike,
    level: float = 95.0,
    test: str = "t",
    likelihood: str = "CM.EL",
) -> GLMMFit:
    """Fit the log odds ratio of two groups given each study's number of events; arrays (k,).

    likelihood: "CM.EL", exact (hypergeometric-normal model), for whole numbers, or "CM.AL",
    approximate (binomial), for rare events (Stijnen et al. 2010, section 4). Studies without an
    event in either group, or with nothing else, say nothing about the ratio: they are named in
    `uninformative` and not counted. Raises ValueError for numbers that are not counts,
    NotIdentified as in `pool_proportions` and where all events are in one group, and TooCostly
    where CM.EL would sum over more than TABLES_MAX tables.
    """
    arrays = (events_treatment, total_treatment, events_control, total_control)
    studies, informative = conditional_studies(*arrays, likelihood=likelihood)
    return _fit(studies, level, test, "log", informative)


def pool_rate_ratios(
    events_treatment: ArrayLike,
    time_treatment: ArrayLike,
    events_control: ArrayLike,
    time_control: ArrayLike,
    level: float = 95.0,
    test: str = "t",
) -> GLMMFit:
    """Fit the log rate ratio of two groups given each study's number of events; arrays (k,).

    Stijnen et al. 2010, section 6: the condition leaves a binomial model, exactly. Studies
    without an event are named in `uninformative`. Arguments and errors as in `pool_conditional`.
    """
    arrays = (events_treatment, time_treatment, events_control, time_control)
    studies, informative = rate_ratio_studies(*arrays)
    return _fit(studies, level, test, "log", informative)


def proportion_studies(events: ArrayLike, totals: ArrayLike) -> Studies:
    """The studies of `pool_proportions`, for `point_fits`."""
    x, n = _vectors(events=events, totals=totals)
    if (x < 0).any() or (n <= 0).any() or (x > n).any():
        raise ValueError("events must be between 0 and totals, and totals positive")
    return binomial(x, n, np.zeros_like(x), _ONE_ARM)


def rate_studies(events: ArrayLike, times: ArrayLike) -> Studies:
    """The studies of `pool_rates`, for `point_fits`."""
    x, time = _vectors(events=events, times=times)
    if (x < 0).any() or (time <= 0).any():
        raise ValueError("events must not be negative, and times positive")
    return poisson(x, time)


def conditional_studies(
    events_treatment: ArrayLike,
    total_treatment: ArrayLike,
    events_control: ArrayLike,
    total_control: ArrayLike,
    likelihood: str = "CM.EL",
) -> tuple[Studies, Array]:
    """The informative studies of `pool_conditional`, and which of all (k,) these are."""
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, not {likelihood!r}")
    a, n1, c, n2 = _vectors(
        events_treatment=events_treatment,
        total_treatment=total_treatment,
        events_control=events_control,
        total_control=total_control,
    )
    if (np.minimum(a, c) < 0).any() or (np.minimum(n1, n2) <= 0).any():
        raise ValueError("events must not be negative, and totals positive")
    if (a > n1).any() or (c > n2).any():
        raise ValueError("events must not exceed totals")
    informative = informs_a_ratio(a + c, n1 + n2)
    a, n1, c, n2 = (values[informative] for values in (a, n1, c, n2))
    if likelihood == "CM.AL":
        return binomial(a, a + c, np.log(n1 / n2), _TWO_ARMS), informative
    if any((values % 1 != 0).any() for values in (a, n1, c, n2)):
        raise ValueError(
            "the exact conditional likelihood (CM.EL) needs whole numbers; CM.AL does not"
        )
    tables = int((np.minimum(n1, a + c) - np.maximum(0, a + c - n2) + 1).sum())
    if tables > TABLES_MAX:
        raise TooCostly(
            f"the exact conditional likelihood (CM.EL) would sum over {tables} tables, more than "
            f"{TABLES_MAX}; the approximate one (CM.AL) has no such limit"
        )
    return hypergeometric(a, n1, c, n2, _TWO_ARMS), informative


def rate_ratio_studies(
    events_treatment: ArrayLike,
    time_treatment: ArrayLike,
    events_control: ArrayLike,
    time_control: ArrayLike,
) -> tuple[Studies, Array]:
    """The informative studies of `pool_rate_ratios`, and which of all (k,) these are."""
    a, t1, c, t2 = _vectors(
        events_treatment=events_treatment,
        time_treatment=time_treatment,
        events_control=events_control,
        time_control=time_control,
    )
    if (np.minimum(a, c) < 0).any() or (np.minimum(t1, t2) <= 0).any():
        raise ValueError("events must not be negative, and times positive")
    informative = informs_a_ratio(a + c)
    a, t1, c, t2 = (values[informative] for values in (a, t1, c, t2))
    return binomial(a, a + c, np.log(t1 / t2), _TWO_ARMS), informative


def _vectors(**arrays: ArrayLike) -> tuple[Array, ...]:
    values = tuple(np.asarray(array, float) for array in arrays.values())
    names = " and ".join(arrays)
    if any(x.ndim != 1 or x.shape != values[0].shape for x in values) or len(values[0]) < 2:
        raise ValueError(f"{names} must be vectors of one length, at least 2")
    if not all(np.isfinite(x).all() for x in values):
        raise ValueError(f"{names} must be finite")
    return values


def _fit(
    studies: Studies, level: float, test: str, link: str, informative: Array | None = None
) -> GLMMFit:
    check_question(level, test)
    reason = refusal(studies)
    if reason is not None:
        raise NotIdentified(reason)
    k = len(studies.x)
    if informative is None:
        informative = np.ones(k, bool)
    top = maximise(studies)
    mu, tau = top.mu, top.tau
    theta = modes(studies, np.array(mu), np.array(tau), 1e-8) if tau > 0 else np.full((k, 1), mu)
    information = slopes(studies, theta)[1][:, 0]
    weights = np.zeros(len(informative))
    weights[informative] = information / (1 + tau**2 * information)
    empirical_bayes = np.full(len(informative), np.nan)
    empirical_bayes[informative] = _BACK[link](theta[:, 0])
    centre, error = _marginal(top, link)
    return finished(
        top.mu,
        top.tau,
        top.covariance,
        k=k,
        level=level,
        test=test,
        tau_limits=interval(studies, top, level),
        value=top.value,
        value_common=top.value_common,
        saturated=float(saturated(studies).sum()),
        constant=studies.constant,
        back=_BACK[link],
        marginal=(centre, error),
        weights=weights,
        empirical_bayes=empirical_bayes,
        informative=informative,
    )


def _expit(x: float | Array) -> Array:
    return np.asarray(expit(x))


def _exp(x: float | Array) -> Array:
    return np.exp(np.minimum(x, 700.0))


_BACK: dict[str, Callable[[float | Array], Array]] = {"logit": _expit, "log": _exp}


def _marginal(top: Maximum, link: str) -> tuple[float, float]:
    """The link of the mean back-transformed effect, and its error by the delta method.

    For the log the mean is exp(mu + tau^2/2) and needs no integral.
    """
    if link == "log":
        centre, slope = top.mu + 0.5 * top.tau**2, np.array([1.0, top.tau])
    else:
        theta = top.mu + top.tau * _Z
        p, other = expit(theta), expit(-theta)
        mean, rest = float(_DENSITY @ p), float(_DENSITY @ other)
        centre = float(np.log(mean / rest))
        slope = np.array([_DENSITY @ (p * other), _DENSITY @ (_Z * p * other)]) / (mean * rest)
    covariance = top.covariance if top.tau > 0 else np.diag([top.covariance[0, 0], 0.0])
    return centre, float(np.sqrt(slope @ covariance @ slope))
