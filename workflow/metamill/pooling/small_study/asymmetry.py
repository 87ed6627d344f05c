"""Regression tests of funnel-plot asymmetry: effects on a measure of how small a study is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.identified import NotIdentified
from metamill.pooling.regression import RegressionFit, regress

Array = np.ndarray
_TERMS = ("the intercept", "what tells small studies apart")
_EXACT = 1e-24
"""A dispersion below this is rounding: the effects lie on the line."""


@dataclass(frozen=True)
class Asymmetry:
    """The slope of a regression test with its t or normal test; `intercept` is where size ends.

    `slope` divided by its standard error `se` is `statistic`, with `df` degrees of freedom (nan:
    normal). `low` and `high` are limits of the slope. `intercept` with its own se and limits is the
    mean at predictor 0, a study of unlimited size. `tau2` is the residual one, nan where the
    dispersion is multiplicative; `dispersion` is then sum w r^2/(k - 2).
    """

    k: int
    slope: float
    se: float
    low: float
    high: float
    statistic: float
    df: float
    p_value: float
    intercept: float
    intercept_se: float
    intercept_low: float
    intercept_high: float
    intercept_statistic: float
    intercept_p: float
    tau2: float
    dispersion: float


def told(fit: RegressionFit, additive: bool) -> Asymmetry:
    """The test that a regression on an intercept and one column, in this order, amounts to.

    `fit` is of one data set; `additive` says that its tau2 is the residual variance.
    """
    return Asymmetry(
        k=fit.k,
        slope=float(fit.b[1]),
        se=float(fit.se[1]),
        low=float(fit.low[1]),
        high=float(fit.high[1]),
        statistic=float(fit.statistic[1]),
        df=float(fit.df),
        p_value=float(fit.p_value[1]),
        intercept=float(fit.b[0]),
        intercept_se=float(fit.se[0]),
        intercept_low=float(fit.low[0]),
        intercept_high=float(fit.high[0]),
        intercept_statistic=float(fit.statistic[0]),
        intercept_p=float(fit.p_value[0]),
        tau2=float(fit.tau2) if additive else float("nan"),
        dispersion=float("nan") if additive else float(fit.dispersion),
    )


def line(y: ArrayLike, v: ArrayLike, predictor: ArrayLike, level: float = 95.0) -> Asymmetry:
    """Effects on `predictor` with weights 1/v and a multiplicative dispersion; t with k - 2.

    With the standard errors as predictor: Egger et al. 1997 (doi 10.1136/bmj.315.7109.629), whose
    regression of y/se on 1/se has this slope as its intercept. y, v, predictor: (k,), k >= 3, v > 0
    in the units of y^2. Raises NotIdentified where the predictor is the same in every study or
    the effects lie exactly on the line, ValueError for what is not data.
    """
    fit = regress(y, v, _design(predictor), "EE", "knha", level, _TERMS)
    if fit.widened <= _EXACT:
        raise NotIdentified("the effects lie exactly on a line, so that nothing tells its error")
    return told(fit, additive=False)


def mixed_line(
    y: ArrayLike,
    v: ArrayLike,
    predictor: ArrayLike,
    method: str = "REML",
    test: str = "adhoc",
    level: float = 95.0,
) -> Asymmetry:
    """Effects on `predictor` in a mixed-effects model: residual tau2 by `method`, test as named.

    With the standard errors as predictor: Sterne and Egger 2005 (Egger's test with an additive
    variance). Arguments and errors as in `line` and `regression.regress`.
    """
    fit = regress(y, v, _design(predictor), method, test, level, _TERMS)
    if fit.widened <= _EXACT:
        raise NotIdentified("the effects lie exactly on a line, so that nothing tells its error")
    return told(fit, additive=method != "EE")


def peters(
    y: ArrayLike,
    events: tuple[ArrayLike, ArrayLike],
    totals: tuple[ArrayLike, ArrayLike],
    level: float = 95.0,
) -> Asymmetry:
    """Effects on 1/total, weighted by the variance of the pooled proportion.

    y: (k,); events and totals: of the two groups, each (k,). Weights are e f/(e + f) with e events
    and f non-events of both groups together (Peters et al. 2006, doi 10.1001/jama.295.6.676); a
    study without an event, or with nothing else, has no weight and is left out. Errors as in
    `line`.
    """
    y = np.asarray(y, float)
    e = np.asarray(events[0], float) + np.asarray(events[1], float)
    n = np.asarray(totals[0], float) + np.asarray(totals[1], float)
    weight = e * (n - e) / n
    some = weight > 0
    return line(y[some], 1 / weight[some], 1 / n[some], level)


def harbord(
    events: tuple[ArrayLike, ArrayLike], totals: tuple[ArrayLike, ArrayLike], level: float = 95.0
) -> Asymmetry:
    """Z/V on 1/sqrt(V) with weights V, Z the score and V the information of the log odds ratio.

    Harbord et al. 2006 (doi 10.1002/sim.2380): Z = a - n1 e/n and V = n1 n2 e f/(n^2 (n - 1)) at an
    odds ratio of 1, treatment first. Studies with V = 0 say nothing and are left out. Arguments and
    errors as in `peters`.
    """
    a, c = (np.asarray(x, float) for x in events)
    n1, n2 = (np.asarray(x, float) for x in totals)
    n, e = n1 + n2, a + c
    with np.errstate(divide="ignore", invalid="ignore"):
        information = n1 * n2 * e * (n - e) / (n**2 * (n - 1))
    some = information > 0
    score = (a - n1 * e / n)[some]
    information = information[some]
    return line(score / information, 1 / information, 1 / np.sqrt(information), level)


def arcsine(
    events: tuple[ArrayLike, ArrayLike],
    totals: tuple[ArrayLike, ArrayLike],
    method: str = "DL",
    level: float = 95.0,
) -> Asymmetry:
    """Differences of arcsines on their standard errors, with an additive variance; t with k - 2.

    Ruecker, Schwarzer and Carpenter 2008 (doi 10.1002/sim.2971), the arcsine form of Thompson and
    Sharp's test: the variance 1/(4 n1) + 1/(4 n2) does not depend on the effect. tau2 by the
    method of moments, as they do. Arguments and errors as in `peters`.
    """
    a, c = (np.asarray(x, float) for x in events)
    n1, n2 = (np.asarray(x, float) for x in totals)
    y = np.arcsin(np.sqrt(a / n1)) - np.arcsin(np.sqrt(c / n2))
    v = 1 / (4 * n1) + 1 / (4 * n2)
    return mixed_line(y, v, np.sqrt(v), method, "t", level)


def _design(predictor: ArrayLike) -> Array:
    column = np.asarray(predictor, float)
    return np.column_stack([np.ones_like(column), column])
