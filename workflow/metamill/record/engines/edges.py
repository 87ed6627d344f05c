"""Where nothing is pooled: totals of every analysis, one study, exact limits of a whole."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from metamill.record.engines.numbers import Numbers, Pairs, Question, judged, law, natural


def totals(
    question: Question, sizes: Sequence[float | None], events: Sequence[float | None]
) -> Numbers:
    """k, and the sums of sizes and events where every row has one."""
    found: Pairs = {"k": (float(question.k), 0.0)}
    for name, values in (("n", sizes), ("events", events)):
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            total = float(np.sum(np.array(known)))
            found[name] = total, 1e-11 * total
    return judged("numpy", question, found)


def one_proportion(events: float, total: float, question: Question) -> Numbers:
    """The observed proportion with Wilson's limits."""
    low, high = proportion_confint(events, total, alpha=2 * question.tail, method="wilson")
    found = {"estimate": events / total, "ci_low": low, "ci_high": high}
    return _exact("statsmodels", question, found)


def one_rate(events: float, time: float, question: Question) -> Numbers:
    """The observed rate with exact limits, by chi-squared quantiles."""
    tail = question.tail
    low = float(stats.chi2.ppf(tail, 2 * events)) / 2 if events > 0 else 0.0
    high = float(stats.chi2.isf(tail, 2 * events + 2)) / 2
    found = {"estimate": events / time, "ci_low": low / time, "ci_high": high / time}
    return _exact("scipy", question, found)


def one_correlation(r: float, n: float, question: Question) -> Numbers:
    """The observed correlation with the limits of Fisher's z."""
    limits = {"ci_low": r, "ci_high": r}
    if abs(r) < 1:
        z = 0.5 * np.log((1 + r) / (1 - r))
        reach = float(law(None).isf(question.tail)) / np.sqrt(n - 3)
        limits = {"ci_low": float(np.tanh(z - reach)), "ci_high": float(np.tanh(z + reach))}
    return _exact("scipy", question, {"estimate": r} | limits)


def one_effect(y: float, v: float, question: Question) -> Numbers:
    """The effect with normal limits, on both scales."""
    se = float(np.sqrt(v))
    low, high = (float(end) for end in stats.norm.interval(question.level, y, se))
    error = 1e-11 * (abs(y) + se)
    ends = {"mu_low": (low, error), "mu_high": (high, error)}
    found = {"mu": (y, error), "se": (se, error)} | ends
    found |= natural(question, (y, error), (low, error), (high, error), "ci")
    return judged("scipy", question, found)


def no_variation(events: float, total: float, question: Question, rate: bool) -> Numbers:
    """Exact limits of a whole in which no unit, or every unit, has the event."""
    tail = question.tail
    if rate:
        high = float(stats.chi2.isf(tail, 2)) / 2 / total
        return _exact("scipy", question, {"estimate": 0.0, "ci_low": 0.0, "ci_high": high})
    none = events == 0
    low = 0.0 if none else float(stats.beta.ppf(tail, total, 1))
    high = float(stats.beta.isf(tail, 1, total)) if none else 1.0
    found = {"estimate": 0.0 if none else 1.0, "ci_low": low, "ci_high": high}
    return _exact("scipy", question, found)


def _exact(engine: str, question: Question, found: Mapping[str, float]) -> Numbers:
    return judged(engine, question, {name: (float(x), 1e-9 * abs(x)) for name, x in found.items()})
