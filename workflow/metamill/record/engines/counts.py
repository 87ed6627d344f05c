"""Mantel-Haenszel and Peto: statsmodels for the odds ratio, textbook formulas for the rest."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from metamill.record.engines.numbers import (
    Array,
    Numbers,
    Pair,
    Pairs,
    Question,
    inferred,
    judged,
    of_tail,
    quiet,
)

_CORRECTED = " with continuity correction"


@dataclass(frozen=True)
class Tables:
    """Events and totals (or times) of treatment and control, (k,)."""

    a: Array
    n1: Array
    c: Array
    n2: Array

    @property
    def total(self) -> Array:
        return self.n1 + self.n2

    def informative(self) -> "Tables":
        events = self.a + self.c
        keep = (events > 0) & (events < self.total)
        return Tables(self.a[keep], self.n1[keep], self.c[keep], self.n2[keep])

    def stratified(self) -> StratifiedTable:
        cells = [[self.a, self.n1 - self.a], [self.c, self.n2 - self.c]]
        return StratifiedTable([np.array(table).T for table in np.array(cells, float).T])


def mantel_haenszel(tables: Tables, question: Question) -> list[Numbers]:
    """Mean, error and Q of a measure, and the tests that belong to it."""
    measure = question.settings["measure"]
    with np.errstate(all="ignore"):
        mu, variance = _FORMULAS[measure](tables)
        effect, own = _own(tables, measure)
        found = _pooled(question, mu, variance, effect, own)
    numbers = [judged("numpy", question, found)]
    if measure in ("OR", "RR"):
        numbers.append(_by_statsmodels(tables, question, effect, own))
    if measure == "IRR":
        numbers.append(_rate_test(tables, question))
    return numbers


def _pooled(question: Question, mu: float, variance: float, effect: Array, own: Array) -> Pairs:
    se = float(np.sqrt(variance))
    found = inferred(question, (mu, 1e-9 * se), (se, 1e-9 * se), None)
    return found | _heterogeneity(mu, effect, own)


def _heterogeneity(mu: float, effect: Array, own: Array) -> Pairs:
    """Q of the studies whose own effect has a variance, about the pooled mean."""
    use = np.isfinite(effect) & np.isfinite(own) & (own > 0)
    df = int(use.sum()) - 1
    if df < 1:
        return {}
    terms = stats.norm.logpdf(effect[use], mu, np.sqrt(own[use]))
    peak = stats.norm.logpdf(effect[use], effect[use], np.sqrt(own[use]))
    q = float(2 * (peak - terms).sum())
    statistic: Pair = q, 1e-9 * (1 + q + float(np.abs(peak).sum()))
    return {
        "q": statistic,
        "q_df": (float(df), 0.0),
        "q_p": of_tail(statistic, df),
        "h2": (q / df, statistic[1]),
        "i2": (100 * max(0.0, 1 - df / q) if q > 0 else 0.0, 200 * statistic[1] / max(q, 1.0)),
    }


def _own(t: Tables, measure: str) -> tuple[Array, Array]:
    """The effect of each study and its variance, without correction."""
    p, q = t.a / t.n1, t.c / t.n2
    if measure == "OR":
        b, d = t.n1 - t.a, t.n2 - t.c
        return np.log(t.a / b) - np.log(t.c / d), 1 / t.a + 1 / b + 1 / t.c + 1 / d
    if measure == "RR":
        return np.log(p) - np.log(q), 1 / t.a - 1 / t.n1 + 1 / t.c - 1 / t.n2
    if measure == "RD":
        return p - q, p * (1 - p) / t.n1 + q * (1 - q) / t.n2
    if measure == "IRR":
        return np.log(p) - np.log(q), 1 / t.a + 1 / t.c
    return p - q, p / t.n1 + q / t.n2


def _odds_ratio(t: Tables) -> tuple[float, float]:
    """Mantel and Haenszel 1959; Robins, Breslow and Greenland 1986, eq. 3, in matrix form."""
    n, b, d = t.total, t.n1 - t.a, t.n2 - t.c
    r, s = t.a * d / n, b * t.c / n
    p, q = (t.a + d) / n, (b + t.c) / n
    weights = np.array([[r @ p, r @ q], [s @ p, s @ q]])
    sums = np.array([r.sum(), s.sum()])
    variance = weights[0, 0] / (2 * sums[0] ** 2) + weights[1, 1] / (2 * sums[1] ** 2)
    variance += (weights[0, 1] + weights[1, 0]) / (2 * sums.prod())
    return float(np.log(sums[0]) - np.log(sums[1])), float(variance)


def _risk_ratio(t: Tables) -> tuple[float, float]:
    """Greenland and Robins 1985 in their own form, (m n1 n2 - a c n)/n^2."""
    n = t.total
    r, s = (t.a * t.n2 / n).sum(), (t.c * t.n1 / n).sum()
    spread = (((t.a + t.c) * t.n1 * t.n2 - t.a * t.c * n) / n**2).sum()
    return float(np.log(r) - np.log(s)), float(spread / (r * s))


def _risk_difference(t: Tables) -> tuple[float, float]:
    """Sato, Greenland and Robins 1989."""
    n = t.total
    weight = (t.n1 * t.n2 / n).sum()
    mu = ((t.a * t.n2 - t.c * t.n1) / n).sum() / weight
    p = (t.n1**2 * t.c - t.n2**2 * t.a + t.n1 * t.n2 * (t.n2 - t.n1) / 2) / n**2
    q = (t.a * (t.n2 - t.c) + t.c * (t.n1 - t.a)) / (2 * n)
    return float(mu), float((mu * p.sum() + q.sum()) / weight**2)


def _rate_ratio(t: Tables) -> tuple[float, float]:
    """Greenland and Robins 1985: events given their sum are binomial."""
    n = t.total
    r, s = (t.a * t.n2 / n).sum(), (t.c * t.n1 / n).sum()
    spread = stats.binom.var(t.a + t.c, t.n1 / n).sum()
    return float(np.log(r) - np.log(s)), float(spread / (r * s))


def _rate_difference(t: Tables) -> tuple[float, float]:
    """The weighted mean of the rate differences, with Poisson variances."""
    w = t.n1 * t.n2 / t.total
    share = w / w.sum()
    mu = share @ (t.a / t.n1 - t.c / t.n2)
    return float(mu), float(share**2 @ (t.a / t.n1**2 + t.c / t.n2**2))


_FORMULAS = {
    "OR": _odds_ratio,
    "RR": _risk_ratio,
    "RD": _risk_difference,
    "IRR": _rate_ratio,
    "IRD": _rate_difference,
}


def _by_statsmodels(tables: Tables, question: Question, effect: Array, own: Array) -> Numbers:
    """What StratifiedTable has: the odds ratio and its tests, the mean of the risk ratio.

    Studies without information are left out of the tests of one odds ratio, which they turn into
    nan. Of a distance below its correction nothing is left, where statsmodels squares the rest.
    """
    with quiet():
        table = tables.stratified()
        if question.settings["measure"] == "RR":
            mu = float(np.log(table.riskratio_pooled))
            return judged("statsmodels", question, {"mu": (mu, 1e-9 * question.sizes["mu"])})
        mu, se = float(table.logodds_pooled), float(table.logodds_pooled_se)
        found = _pooled(question, mu, se**2, effect, own)
        inside = tables.informative()
        name = "Cochran-Mantel-Haenszel" + _CORRECTED
        expected = inside.n1 * (inside.a + inside.c) / inside.total
        if abs((inside.a - expected).sum()) > 0.5:
            found |= _test(name, inside.stratified().test_null_odds(correction=True), 1)
        else:
            found |= {f"test {name}": (0.0, 1e-9), f"test {name}, p": (1.0, 1e-9)}
            found[f"test {name}, df"] = 1.0, 0.0
        if len(inside.a) > 1:
            for name, adjust in (("Breslow-Day", False), ("Tarone", True)):
                result = inside.stratified().test_equal_odds(adjust=adjust)
                found |= _test(name, result, len(inside.a) - 1)
    return judged("statsmodels", question, found)


def _test(name: str, result: Any, df: int) -> Pairs:
    statistic: Pair = float(result.statistic), 1e-7 * (1 + float(result.statistic))
    if not np.isfinite(statistic[0]) or statistic[0] < 0:
        return {}
    return {
        f"test {name}": statistic,
        f"test {name}, df": (float(df), 0.0),
        f"test {name}, p": of_tail(statistic, df),
    }


def _rate_test(t: Tables, question: Question) -> Numbers:
    """The score test of rates, by scipy's binomial law given the events of a study."""
    law = stats.binom(t.a + t.c, t.n1 / t.total)
    distance = max(0.0, abs(float((t.a - law.mean()).sum())) - 0.5)
    statistic: Pair = distance**2 / float(law.var().sum()), 1e-8
    name = "Mantel-Haenszel" + _CORRECTED
    found = {f"test {name}": statistic, f"test {name}, p": of_tail(statistic, 1)}
    return judged("scipy", question, found | {f"test {name}, df": (1.0, 0.0)})


def peto(tables: Tables, question: Question) -> Numbers:
    """Observed less expected events over their variance, by scipy's hypergeometric law."""
    law = stats.hypergeom(tables.total, tables.a + tables.c, tables.n1)
    with quiet():
        variance, distance = law.var(), tables.a - law.mean()
        total = float(variance.sum())
        effect = np.where(variance > 0, distance / variance, np.nan)
        mu = float(distance.sum()) / total
        found = _pooled(question, mu, 1 / total, effect, 1 / variance)
    return judged("scipy", question, found)
