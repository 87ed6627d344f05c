"""Meta-regressions by statsmodels at our tau2, and tau2 by dense matrices."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from scipy import optimize, stats

from metamill.record.engines.normal import Effects
from metamill.record.engines.numbers import (
    AT_OUR_TAU2,
    CLOSED_FORM,
    Array,
    Numbers,
    Pair,
    Pairs,
    Question,
    inferred,
    judged,
    law,
    moved,
    natural,
    of_tail,
    prediction_df,
    quiet,
    two_sided,
)

_SCAN = 400


@dataclass(frozen=True)
class Regressed:
    """Effects with our tau2, the design (k, p) with its names, places (n, p) where means are.

    `alone` says whether the intercept itself has a p value. `blocks` are the columns of each
    moderator by its name, `error` is relative to b and its standard error where these have another
    than that of rounding. `levels` says whether the places are levels, whose means are wanted on
    the model scale too.
    """

    data: Effects
    x: Array
    names: tuple[str, ...]
    places: Array
    alone: bool
    blocks: tuple[tuple[str, tuple[int, ...]], ...] = ()
    error: float | None = None
    levels: bool = False

    @property
    def df(self) -> int:
        return self.x.shape[0] - self.x.shape[1]

    @property
    def slack(self) -> float:
        return CLOSED_FORM + 10 * self.data.rounding if self.error is None else self.error


def coefficients(asked: Regressed, question: Question) -> Numbers:
    """Weighted least squares at our tau2, with the error of known variances widened by the test."""
    data, test, df = asked.data, question.settings["test"], asked.df
    with quiet():
        fit = sm.WLS(data.y, asked.x, weights=1 / (data.v + data.tau2)).fit(cov_type="fixed scale")
        fixed = sm.WLS(data.y, asked.x, weights=1 / data.v).fit(cov_type="fixed scale")
    factor = float(fit.ssr) / df
    widened = {"knha": factor, "adhoc": max(1.0, factor)}.get(test, 1.0)
    free = None if test == "z" else float(df)
    covariance = np.asarray(fit.cov_params()) * widened
    found = of_coefficients(asked, question, np.asarray(fit.params), covariance, free)
    q = float(fixed.ssr), asked.slack * max(1.0, float(fixed.ssr))
    found |= {"q": q, "q_p": of_tail(q, df), "q_df": (float(df), 0.0)}
    found |= means_at(asked, question, np.asarray(fit.params), covariance, (widened, factor))
    return judged("statsmodels", question, found, dict.fromkeys(found, AT_OUR_TAU2))


def of_coefficients(
    asked: Regressed, question: Question, params: Array, covariance: Array, free: float | None
) -> Pairs:
    """Coefficients, their tests and inflation, and those of all and of each moderator together."""
    quantile = float(law(free).isf(question.tail))
    found: Pairs = {}
    precision = np.linalg.inv(covariance[1:, 1:])
    for i, name in enumerate(asked.names):
        b, se = float(params[i]), float(np.sqrt(covariance[i, i]))
        error = asked.slack * (se + abs(b))
        found |= {f"{name}, b": (b, error), f"{name}, se": (se, error)}
        found[f"{name}, low"] = b - quantile * se, error * (1 + quantile)
        found[f"{name}, high"] = b + quantile * se, error * (1 + quantile)
        if i or asked.alone:
            found[f"{name}, statistic"] = b / se, error / se * (1 + abs(b) / se)
            found[f"{name}, p_value"] = two_sided((b, error), (se, error), free)
        if i:
            vif = se**2 * float(precision[i - 1, i - 1])
            found[f"{name}, vif"] = vif, asked.slack * vif**2
    every = tuple(range(1, len(params)))
    found |= _together(asked, params, covariance, free, every, "")
    if free is not None:
        found["qm_df2"] = free, 0.0
    for name, block in asked.blocks if len(asked.blocks) > 1 else ():
        found |= _together(asked, params, covariance, free, block, f"{name}, ")
        inside = [j - 1 for j in block]
        determinants = (
            float(np.linalg.det(a[np.ix_(inside, inside)] * scale))
            for a, scale in (
                (
                    covariance[1:, 1:],
                    np.outer(*[1 / np.sqrt(np.diag(covariance)[list(block)])] * 2),
                ),
                (precision, np.outer(*[np.sqrt(np.diag(covariance)[list(block)])] * 2)),
            )
        )
        gvif = float(np.prod(list(determinants)))
        found[f"{name}, gvif"] = gvif, 10 * asked.slack * gvif**2
    return found


def _together(
    asked: Regressed,
    params: Array,
    covariance: Array,
    free: float | None,
    columns: tuple[int, ...],
    of: str,
) -> Pairs:
    """The Wald test of some columns."""
    which = list(columns)
    b = params[which]
    wald = float(b @ np.linalg.solve(covariance[np.ix_(which, which)], b))
    error = asked.slack * (1 + wald) * 10
    if free is None:
        found = {f"{of}qm": (wald, error), f"{of}qm_p": of_tail((wald, error), len(b))}
    else:
        f = wald / len(b)
        tail = moved(lambda x: stats.f.sf(max(x, 0.0), len(b), free), f, error)
        found = {f"{of}qm": (f, error), f"{of}qm_p": tail}
    return found | {f"{of}qm_df": (float(len(b)), 0.0)}


def means_at(
    asked: Regressed,
    question: Question,
    b: Array,
    covariance: Array,
    factors: tuple[float, float],
) -> Pairs:
    """Means at the places with limits and predictions, on the natural scale."""
    settings = question.settings
    found: Pairs = {}
    free = None if settings["test"] == "z" else float(asked.df)
    reach = float(law(free).isf(question.tail))
    df = prediction_df(settings, asked.df + 1)
    widened, factor = factors
    for i, place in enumerate(asked.places):
        mean, se = float(place @ b), float(np.sqrt(place @ covariance @ place))
        error = asked.slack * (se + abs(mean)) * (1 + reach)
        ends = [(mean + sign * reach * se, error) for sign in (-1, 1)]
        named = natural(question, (mean, error), ends[0], ends[1], "ci")
        if asked.levels:
            own_error = asked.slack * (se + abs(mean))
            named |= inferred(question, (mean, own_error), (se, own_error), free)
        if settings["prediction"] and settings["method"] != "EE":
            own = (
                se * np.sqrt(factor / widened) if settings["prediction_interval"] == "knha" else se
            )
            spread = float(np.sqrt(asked.data.tau2 + own**2)) * float(law(df).isf(question.tail))
            limits = [(mean + sign * spread, error + asked.slack * spread) for sign in (-1, 1)]
            named |= natural(question, None, limits[0], limits[1], "pi")
        found |= {f"mean {i + 1}, {name}": pair for name, pair in named.items()}
    return found


def heterogeneity(asked: Regressed, question: Question) -> Numbers:
    """tau2 with and without the moderator, R2, I2 and H2, from dense projection matrices."""
    data, method = asked.data, question.settings["method"]
    y, unit = data.y - data.y.mean(), float(np.exp(np.log(data.v).mean()))
    y, v = y / np.sqrt(unit), data.v / unit
    weight = _projection(asked.x, 1 / v)
    q, typical = float(y @ weight @ y), asked.df / float(np.trace(weight))
    if method == "EE":
        share = 100 * max(0.0, 1 - asked.df / q)
        return judged(
            "numpy",
            question,
            {"i2": (share, 200 * asked.slack), "h2": (q / asked.df, asked.slack * (1 + q))},
        )
    scale = float(1 + v.max())
    error = asked.slack * 100 * scale
    residual = _tau2(y, v, asked.x, method)
    alone = _tau2(y, v, asked.x[:, :1], method)
    total = residual + typical
    found: Pairs = {
        "tau2": (residual * unit, (error + asked.slack * residual) * unit),
        "tau2_without": (alone * unit, (error + asked.slack * alone) * unit),
        "i2": (100 * residual / total, 100 * typical / total**2 * error + 100 * asked.slack),
        "h2": (total / typical, error / typical),
    }
    if alone > 0:
        share = 100 * max(0.0, 1 - residual / alone)
        moves: Pair = share, 100 * error * (1 + residual / alone) / alone + 100 * asked.slack
        found["r2"] = moves
    return judged("numpy", question, found)


def _projection(x: Array, w: Array) -> Array:
    """W - W X (X'WX)^-1 X'W."""
    wx = w[:, None] * x
    return np.diag(w) - wx @ np.linalg.solve(x.T @ wx, wx.T)


def _tau2(y: Array, v: Array, x: Array, method: str) -> float:
    k, p = x.shape
    df = k - p

    def about(tau2: float) -> tuple[Array, float]:
        weight = _projection(x, 1 / (v + tau2))
        return weight, float(y @ weight @ y)

    weight, q = about(0.0)
    moment = (q - df) / float(np.trace(weight))
    if method == "DL":
        return max(0.0, moment)
    if method == "DL2":
        weight, q = about(max(0.0, moment))
        return max(0.0, (q - float((np.diag(weight) * v).sum())) / float(np.trace(weight)))
    if method == "HS":
        return max(0.0, (q - k) / float((1 / v).sum()))
    if method == "HE":
        plain = _projection(x, np.ones(k))
        return max(0.0, float(y @ plain @ y - (np.diag(plain) * v).sum()) / df)
    if method == "SJ":
        start = float(np.var(y))
        return start * about(start)[1] / df if start > 0 else 0.0
    top = 4 * (1.0 + float(y @ y))
    if method in ("PM", "EB"):
        if q <= df:
            return 0.0
        return float(optimize.brentq(lambda t: about(t)[1] - df, 0.0, top, xtol=1e-15, rtol=1e-14))
    return _highest(y, v, x, method == "REML", top)


def _highest(y: Array, v: Array, x: Array, restricted: bool, top: float) -> float:
    """The highest point of a scan of the likelihood, and the root of its slope around it."""

    def height(tau2: float) -> float:
        w = 1 / (v + tau2)
        value = 0.5 * np.log(w).sum() - 0.5 * float(y @ _projection(x, w) @ y)
        return value - 0.5 * np.linalg.slogdet(x.T @ (w[:, None] * x))[1] * restricted

    def slope(tau2: float) -> float:
        w = 1 / (v + tau2)
        weight = _projection(x, w)
        expected = np.trace(weight) if restricted else w.sum()
        return float(((weight @ y) ** 2).sum() - expected)

    points = np.append(0.0, np.geomspace(1e-7 * float(v.min()), top, _SCAN))
    best = int(np.argmax([height(t) for t in points]))
    low, high = points[max(best - 1, 0)], points[min(best + 1, _SCAN)]
    if slope(low) <= 0:
        return float(low)
    return _root(slope, float(low), float(high))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(optimize.brentq(function, low, high, xtol=1e-15, rtol=1e-14))
