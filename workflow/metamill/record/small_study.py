"""Tests of small-study effects once more: regressions by statsmodels, rank correlation by scipy.

What goes by the standard errors of the effects is recomputed: Egger's test, PET, PEESE and which of
both PET-PEESE takes, and Begg and Mazumdar's test.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import statsmodels.api as sm
from scipy import stats

from metamill.explored.small_study import SmallStudyEffects
from metamill.record.engines.numbers import (
    CLOSED_FORM,
    Array,
    Numbers,
    Pair,
    Pairs,
    Question,
    judged,
    law,
    natural,
    quiet,
    two_sided,
)
from metamill.record.recompute import question_of
from metamill.results import Effect, Result

_OWN_COUNTS = ("GLMM", "MH", "PETO", "BAYES")
_OF_TEST = ("slope", "se", "low", "high", "statistic", "p_value")
_OF_ESTIMATE = ("mu", "se", "mu_low", "mu_high", "p_value", "estimate", "ci_low", "ci_high")


def recomputed(result: Result, found: SmallStudyEffects) -> tuple[Question, list[Numbers]]:
    """The numbers of the engines; none where ours are refused or go by the sizes of the studies."""
    effects = _entering(result)
    used = replace(result.primary, effects=effects)
    question = question_of(result, used, len(effects))
    y, v = (np.array([getattr(e, name) for e in effects]) for name in ("yi", "vi"))
    made = {test.code for test in found.tests if not test.refused}
    by_se = {
        e.code
        for e in found.adjusted
        if not e.refused and not any("in place of the standard error" in note for note in e.notes)
    }
    numbers = []
    if made & {"egger"} or by_se & {"pet", "peese", "pet_peese"}:
        numbers.append(_regressions(y, v, made, by_se, found, question))
    if "begg" in made:
        numbers.append(_rank(y, v, question))
    return question, numbers


def _entering(result: Result) -> tuple[Effect, ...]:
    """Studies of which a pool of the counts of two groups learns something."""
    primary = result.primary
    ratio = primary.settings["measure"] in ("OR", "RR", "IRR")
    if not ratio or primary.settings["method"] not in _OWN_COUNTS:
        return primary.effects
    return tuple(e for e in primary.effects if e.events and e.events != e.size)


def _regressions(
    y: Array, v: Array, made: set[str], by_se: set[str], found: SmallStudyEffects, ask: Question
) -> Numbers:
    """Weighted least squares on the standard errors and on the variances, as in an ordinary fit."""
    with quiet():
        fits = {
            name: sm.WLS(y, sm.add_constant(x, has_constant="add"), weights=1 / v).fit()
            for name, x in (("pet", np.sqrt(v)), ("peese", v))
        }
    pairs: Pairs = {}
    if "egger" in made:
        slope, se = _coefficient(fits["pet"], 1)
        pairs |= _named("egger", slope, se, fits["pet"].df_resid, ask, ("slope", "low", "high"))
    baseline = 0.0 if found.baseline is None else found.baseline.mu or 0.0
    for code in ("pet", "peese", "pet_peese"):
        if code not in by_se:
            continue
        taken = _taken(fits["pet"], baseline) if code == "pet_peese" else code
        mu, se = _coefficient(fits[taken], 0)
        df = fits[taken].df_resid
        named = _named(code, mu, se, df, ask, ("mu", "mu_low", "mu_high"))
        if not ask.null:
            named = {name: pair for name, pair in named.items() if "p_value" not in name}
        named.pop(f"{code}, statistic", None)
        ends = named[f"{code}, mu_low"], named[f"{code}, mu_high"]
        back = natural(ask, mu, ends[0], ends[1], "ci")
        pairs |= named | {f"{code}, {name}": pair for name, pair in back.items()}
    return judged("statsmodels", ask, pairs)


def _taken(pet: Any, baseline: float) -> str:
    """PEESE where PET's intercept lies beyond 0 on the side of the pooled estimate."""
    p = stats.t(pet.df_resid).sf(np.sign(baseline) * pet.tvalues[0])
    return "peese" if p < 0.05 else "pet"


def _coefficient(fit: Any, index: int) -> tuple[Pair, Pair]:
    """A coefficient and its standard error, with what rounding leaves open in nearly equal rows."""
    b, se = float(fit.params[index]), float(fit.bse[index])
    error = CLOSED_FORM * (1 + 1e-3 * float(fit.condition_number)) * (abs(b) + se)
    return (b, error), (se, error)


def _named(
    code: str, b: Pair, se: Pair, df: float, ask: Question, names: tuple[str, str, str]
) -> Pairs:
    quantile = float(law(df).isf(ask.tail))
    error = b[1] + quantile * se[1]
    centre, low, high = names
    return {
        f"{code}, {centre}": b,
        f"{code}, se": se,
        f"{code}, {low}": (b[0] - quantile * se[0], error),
        f"{code}, {high}": (b[0] + quantile * se[0], error),
        f"{code}, statistic": (b[0] / se[0], error / se[0] * (1 + abs(b[0]) / se[0])),
        f"{code}, p_value": two_sided(b, se, df),
    }


def _rank(y: Array, v: Array, question: Question) -> Numbers:
    """Kendall's correlation by scipy, exact without ties as long as ours is."""
    w = 1 / v
    mu = float(w @ y / w.sum())
    # twelve digits, as effects have: what is tied there stays tied
    deviation = [float(f"{d:.11e}") for d in (y - mu) / np.sqrt(v - 1 / w.sum())]
    tied = len(set(deviation)) < len(y) or len(set(v.tolist())) < len(y)
    method = "asymptotic" if tied or len(y) > _EXACT else "exact"
    with quiet():
        found = stats.kendalltau(deviation, v, method=method)
    tau, p = float(found.statistic), float(found.pvalue)
    pairs = {"begg, statistic": (tau, 1e-12), "begg, p_value": (p, 1e-9 * p)}
    return judged("scipy", question, pairs)


_EXACT = 300
"""Studies up to which the p value is exact."""


def numbers_of(ours: SmallStudyEffects) -> dict[str, float | None]:
    """Every number of ours that the engines have, by the name they give it."""
    found: dict[str, float | None] = {}
    groups: tuple[tuple[Any, Mapping[str, Any]], ...] = (
        (_OF_TEST, {item.code: item for item in ours.tests}),
        (_OF_ESTIMATE, {item.code: item for item in ours.adjusted}),
    )
    for names, items in groups:
        for code, item in items.items():
            found |= {f"{code}, {name}": getattr(item, name) for name in names}
    return found
