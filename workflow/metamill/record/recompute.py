"""Which engines recompute an analysis, and from what."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from metamill.config.methods import is_inverse_variance
from metamill.record import tally
from metamill.record.engines import bayes, counts, dependent, edges, glmm, normal, profiles
from metamill.record.engines.beta_binomial import beta_binomial
from metamill.record.engines.natural import scale_of
from metamill.record.engines.normal import Effects
from metamill.record.engines.numbers import Array, Numbers, Question, judged
from metamill.results import Analysis, Result

LOWER_MAXIMUM = "the engine stopped at a tau2 of lower likelihood"
OF_TAU2 = ("tau2", "tau", "i2", "h2")

Ours = Mapping[str, float | None]
Known = dict[tuple[object, ...], list[Numbers]]
"""What brute force has computed already, by data and settings."""


def question_of(result: Result, analysis: Analysis, k: int) -> Question:
    """The settings of an analysis of k studies, its scale, and what its numbers measure by."""
    pooled, settings = analysis.pooled, analysis.settings
    rows = [result.rows[effect.row].cells for effect in analysis.effects]
    sizes = [effect.size or 1.0 for effect in analysis.effects] or [1.0]
    v = np.array([effect.vi for effect in analysis.effects])
    typical = Effects(v, v, 0.0).typical if len(v) > 1 else float(v.sum()) or 1.0
    spread = max(pooled.se or 0.0, float(np.sqrt(typical / max(k, 1))))
    near = spread if pooled.estimate == pooled.mu else 1e-3
    reported = rows[0].get("scale", "") if rows else ""
    return Question(
        settings=settings,
        k=k,
        null=scale_has_null(settings["measure"]),
        scale=scale_of(settings["measure"], sizes, reported),
        sizes={
            **dict.fromkeys(("mu", "mu_low", "mu_high", "se"), spread),
            **dict.fromkeys(("tau2", "tau2_low", "tau2_high"), typical),
            **dict.fromkeys(("estimate", "ci_low", "ci_high", "pi_low", "pi_high"), near),
            **dict.fromkeys(("i2", "h2", "i2_q", "h2_q", "q"), 1.0),
            **dict.fromkeys(("i2_low", "i2_high", "i2_q_low", "i2_q_high"), 1.0),
            **dict.fromkeys(("p_value", "q_p"), 1e-12),
            "tau": float(np.sqrt(typical)),
        },
    )


_COMPARING = ("OR", "RR", "RD", "AS", "MD", "SMD", "ROM", "IRR", "IRD", "MC", "SMCC", "SMCR")


def scale_has_null(measure: str) -> bool:
    """Whether a value means "no effect": two groups, two times, or a correlation."""
    return measure in (*_COMPARING, "COR", "ZCOR")


def recomputed(
    result: Result, analysis: Analysis, ours: Ours, known: Known
) -> tuple[Question, list[Numbers]]:
    """The numbers of every engine that can compute this analysis."""
    study = tally.studies(result, analysis)
    k = len(np.unique(study))
    question = question_of(result, analysis, k)
    if analysis.pooled.k and not analysis.effects:
        # an analysis that no effect could be had for says why and claims no number
        return question, []
    # rows of one study may count the same units, so they have no total
    added = tally.sums(result, analysis) if len(study) == k else ([], [])
    found = [edges.totals(question, *added)]
    pooled = analysis.pooled
    try:
        if not pooled.pooled:
            if pooled.estimate is not None:
                found.append(_shown(result, analysis, question))
        else:
            found += _pooled(result, analysis, question, study, ours, known)
    except tally.NotInTheRows:
        pass
    return question, found


def _shown(result: Result, analysis: Analysis, question: Question) -> Numbers:
    """One study's own numbers, or the exact limits of a whole."""
    measure = question.settings["measure"]
    rate = measure in ("IR", "IRLN", "IRS")
    if not rate and not measure.startswith("P"):
        return _one(result, analysis, question)
    x, n = tally.columns(result, analysis, ("events", "time" if rate else "total"))
    if question.k > 1:
        return edges.no_variation(float(x.sum()), float(n.sum()), question, rate)
    one = edges.one_rate if rate else edges.one_proportion
    return one(float(x[0]), float(n[0]), question)


def _one(result: Result, analysis: Analysis, question: Question) -> Numbers:
    effect = analysis.effects[0]
    cells = result.rows[effect.row].cells
    if question.settings["measure"] in ("COR", "ZCOR"):
        r, n = (float(x[0]) for x in tally.columns(result, analysis, ("correlation", "n")))
        return edges.one_correlation(r, n, question)
    numbers = edges.one_effect(effect.yi, effect.vi, question)
    if question.settings["measure"] == "GEN" and question.level == 0.95:
        printed = {name: float(cells[name]) for name in _PRINTED if cells.get(name)}
        return replace(numbers, values=numbers.values | printed)
    return numbers


_PRINTED = ("estimate", "ci_low", "ci_high")


def _pooled(
    result: Result,
    analysis: Analysis,
    question: Question,
    study: Array,
    ours: Ours,
    known: Known,
) -> list[Numbers]:
    method = question.settings["method"]
    data = Effects(
        np.array([effect.yi for effect in analysis.effects]),
        np.array([effect.vi for effect in analysis.effects]),
        analysis.pooled.tau2 or 0.0,
    )
    if question.settings["aggregate"]:
        data = dependent.composites(data, study, question.settings["rho"] or 0.0)
        return _inverse_variance(data, question)
    if method == "RVE":
        return [dependent.rve(data, study, question)]
    if method == "MV":
        start = {
            "between": ours.get("also variance between studies") or 0.0,
            "within": ours.get("also variance between rows of one study") or 0.0,
        }
        return [dependent.three_levels(data, study, question, start)]
    if question.settings["test"] == "cr2":
        return dependent.cr2(data, study, question)
    if is_inverse_variance(method):
        return _inverse_variance(data, question)
    if method in ("MH", "PETO"):
        x, n = tally.tables(result, analysis)
        tables = counts.Tables(x[0], n[0], x[1], n[1])
        if method == "PETO":
            return [counts.peto(tables, question)]
        return counts.mantel_haenszel(tables, question)
    if method == "BAYES":
        return [_bayes(result, analysis, question, data, ours)]
    return _counts(result, analysis, question, data, ours, known)


def _inverse_variance(data: Effects, question: Question) -> list[Numbers]:
    likelihood = profiles.likelihood(data, question)
    df = judged("numpy", question, {"q_df": (len(data.y) - 1.0, 0.0)})
    found = [normal.pymare(data, question), normal.statsmodels(data, question), df]
    if likelihood is None:
        return found
    return [_pardoned(found[0], data, question), *found[1:], likelihood]


def _pardoned(numbers: Numbers, data: Effects, question: Question) -> Numbers:
    """Mark a tau2 of PyMARE that is a lower maximum of the likelihood than ours.

    Several maxima occur where sampling variances are very unequal; nothing but tau2 and what
    follows from it is ever excused, and scipy's search of the whole range judges ours.
    """
    profile = profiles.Profile(data, question.settings["method"] == "REML")
    ours, theirs = (
        float(profile(tau2 / profile.unit)[0]) for tau2 in (data.tau2, numbers.values["tau2"])
    )
    if ours <= theirs + 1e-9:
        return numbers
    return replace(numbers, notes=numbers.notes | dict.fromkeys(OF_TAU2, LOWER_MAXIMUM))


def _bayes(
    result: Result, analysis: Analysis, question: Question, data: Effects, ours: Ours
) -> Numbers:
    ends = ("", "_low", "_high")
    start = {f"mu{end}": ours[f"mu{end}"] for end in ends}
    start |= {f"tau{end}": float(np.sqrt(ours[f"tau2{end}"] or 0.0)) for end in ends}
    for end, other in (("_low", "_high"), ("_high", "_low")):
        limit = ours[f"pi{other if question.scale.falling else end}"]
        place = None if limit is None else question.scale.forward(limit)
        known = place is not None and np.isfinite(place)
        start[f"new{end}"] = None if limit is None else place if known else np.nan
    if question.settings["measure"] != "PLO":
        return bayes.normal(data.y, data.v, question, start)
    x, n = tally.columns(result, analysis, ("events", "total"))
    return bayes.binomial(x, n, question, start)


def _counts(
    result: Result,
    analysis: Analysis,
    question: Question,
    data: Effects,
    ours: Ours,
    known: Known,
) -> list[Numbers]:
    """GLMM and BETABIN; the same data and settings are computed once."""
    settings = question.settings
    one_group = settings["measure"] in ("PLO", "IRLN")
    if one_group:
        size = "total" if settings["measure"] == "PLO" else "time"
        x, n = tally.columns(result, analysis, ("events", size))
    else:
        x, n = tally.tables(result, analysis)
    said = tuple(sorted((name, str(value)) for name, value in settings.items()))
    key = (x.tobytes(), n.tobytes(), said, ours["mu"], ours["tau2"])
    if key not in known:
        known[key] = _by_likelihood(x, n, question, ours, data)
    return known[key]


def _by_likelihood(
    x: Array, n: Array, question: Question, ours: Ours, data: Effects
) -> list[Numbers]:
    settings = question.settings
    if settings["method"] == "BETABIN":
        name = "also intra-class correlation of units within studies"
        start = {"mu": ours["mu"], "rho": ours[name]}
        start |= {f"rho_{end}": ours[f"{name}, {end}"] for end in ("low", "high")}
        return [beta_binomial(x, n, question, start)]
    rates = settings["measure"] in ("IRLN", "IRR")
    if x.ndim == 1:
        studies = glmm.Counts(x, n, settings["measure"], rates)
    else:
        # effective sizes are quotients, and a full group must stay full
        x = x if rates else np.where(n - x <= 1e-11 * n, n, x)
        keep = glmm.informative(x, n, rates)
        studies = glmm.Counts(x[:, keep], n[:, keep], settings["glmm"], rates)
        data = replace(data, y=data.y[keep], v=data.v[keep])
    deviance = glmm.deviance(studies, question)
    brute = glmm.brute_force(studies, question, ours, data.typical)
    return [brute] if deviance is None else [deviance, brute]
