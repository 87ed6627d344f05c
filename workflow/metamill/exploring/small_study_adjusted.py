"""Pooled estimates that allow for small-study effects, beside the one that does not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.estimating.data import known
from metamill.estimating.scales import natural_limits, natural_value
from metamill.explored.small_study import (
    AdjustedEstimate,
    FilledStudy,
    Filling,
    PublicationChance,
    Selection,
)
from metamill.exploring.small_study_rules import Rules, size_predictor
from metamill.measures.registry import MEASURES
from metamill.pooling.identified import NotIdentified
from metamill.pooling.inverse_variance import pool
from metamill.pooling.small_study import (
    PrecisionEstimate,
    chooses_peese,
    limit_estimate,
    precision_estimate,
    step_selection,
    trim_and_fill,
)
from metamill.pooling.small_study.precision import CONDITION

NAMES = {
    "pet": "PET",
    "peese": "PEESE",
    "pet_peese": "PET-PEESE",
    "trim_fill_l0": "Trim and fill (L0)",
    "trim_fill_r0": "Trim and fill (R0)",
    "limit": "Limit meta-analysis",
    "selection_3": "Selection model (one step)",
    "selection_4": "Selection model (two steps)",
}
ASSUMES = {
    "pet": "that effects are linear in the standard error and that a study without any has the "
    "true one; too low where there is a true effect",
    "peese": "that effects are linear in the sampling variance and that a study without any has "
    "the true one; too far from no effect where there is none",
    "pet_peese": "as PET and PEESE; unreliable with few studies or marked heterogeneity",
    "trim_fill_l0": "that the funnel would be symmetric and that the studies with the most extreme "
    "effects on one side are missing, whatever their p values",
    "trim_fill_r0": "that the funnel would be symmetric and that the studies with the most extreme "
    "effects on one side are missing, whatever their p values",
    "limit": "that the small-study effect is linear in the total standard error, with tau2 known",
    "selection_3": "that studies are published by their one-sided p value, with one chance below "
    "0.025 and one above, and that true effects are normal",
    "selection_4": "that studies are published by their one-sided p value, with chances that "
    "change at 0.025 and 0.5, and that true effects are normal",
}
STEPS: dict[str, tuple[float, ...]] = {"selection_3": (0.025,), "selection_4": (0.025, 0.5)}
_TWO_GROUPS_BY_SIZE = ("SMD", "ROM", "COR")


@dataclass(frozen=True)
class Adjusted:
    """The estimates, and what came about on the way."""

    estimates: tuple[AdjustedEstimate, ...]
    fillings: tuple[Filling, ...] = ()
    selections: tuple[Selection, ...] = ()


def baseline_of(by: Model, data: Data) -> AdjustedEstimate:
    """The pool of the effects by the method and test that the adjusted estimates go by."""
    fit = pool(data.effects.yi, data.effects.vi, by.method, by.test, by.level)
    base = AdjustedEstimate("baseline", "Pooled estimate", "", k=int(fit.k))
    numbers = (fit.mu, fit.se, fit.mu_low, fit.mu_high)
    tau2 = None if by.method == "EE" else float(fit.tau2)
    p_value = None if MEASURES[by.measure].null is None else float(fit.p_value)
    return replace(base, **_numbers(numbers, data, by), tau2=tau2, p_value=p_value)


def adjusted_estimates(
    by: Model, data: Data, rows: Sequence[int], rules: Rules, baseline: AdjustedEstimate
) -> Adjusted:
    """Every estimate that the rules name, then those they refuse with the reason.

    `by` gives method and test, `rows` are the positions of the effects in the result.
    """
    estimates: list[AdjustedEstimate] = []
    fillings: list[Filling] = []
    selections: list[Selection] = []
    for code in rules.adjusted:
        base = AdjustedEstimate(code, NAMES[code], ASSUMES[code], k=len(rows))
        try:
            if code.startswith("trim"):
                found, filling = _filled(base, by, data, rows)
                fillings.append(filling)
            elif code.startswith("selection"):
                found, selection = _selected(base, by, data, baseline)
                selections.append(selection)
            elif code == "limit":
                found = _limit(base, by, data, baseline)
            else:
                found = _precise(base, by, data, baseline)
        except ArithmeticError as why:
            found = replace(base, refused=str(why))
        else:
            flag = rules.flags.get(code)
            found = replace(found, notes=(*found.notes, *((flag,) if flag else ())))
        estimates.append(found)
    return Adjusted((*estimates, *refused_estimates(rules)), tuple(fillings), tuple(selections))


def refused_estimates(rules: Rules) -> tuple[AdjustedEstimate, ...]:
    """What the rules refuse, each with its reason."""
    return tuple(
        AdjustedEstimate(code, NAMES[code], ASSUMES[code], refused=reason)
        for code, reason in rules.refused.items()
        if code in NAMES
    )


def _numbers(numbers: Sequence[Any], data: Data, by: Model) -> dict[str, Any]:
    mu, se, low, high = (float(x) for x in numbers)
    if not np.isfinite([low, high]).all() or se == 0:
        raise NotIdentified("the effects lie exactly on the fit, so that nothing tells its error")
    natural = natural_limits(low, high, data, by)
    return {
        "estimate": natural_value(mu, data, by),
        "ci_low": natural[0],
        "ci_high": natural[1],
        "mu": mu,
        "se": se,
        "mu_low": low,
        "mu_high": high,
    }


def _told(
    base: AdjustedEstimate, found: PrecisionEstimate, data: Data, by: Model
) -> AdjustedEstimate:
    numbers = (found.mu, found.se, found.low, found.high)
    has_null = MEASURES[by.measure].null is not None
    p_value = found.p_value if has_null else None
    return replace(base, **_numbers(numbers, data, by), p_value=p_value)


def _precise(
    base: AdjustedEstimate, by: Model, data: Data, baseline: AdjustedEstimate
) -> AdjustedEstimate:
    """PET, PEESE or the one of them that PET's own test points to."""
    y, v = data.effects.yi, data.effects.vi
    small = np.sqrt(v)
    notes: tuple[str, ...] = ()
    if by.measure in _TWO_GROUPS_BY_SIZE:
        found = size_predictor(by, data)
        if found is None:
            raise NotIdentified("not every study says its size")
        small = found[0]
        notes = (f"{found[1]} in place of the standard error, which depends on the effect",)
    taken = base.code
    if base.code == "pet_peese":
        pet = precision_estimate(y, v, small, by.level)
        taken = "peese" if chooses_peese(pet, baseline.mu or 0.0) else "pet"
        side, sign = ("beyond", "<") if taken == "peese" else ("not beyond", ">=")
        why = f"PET's estimate is {side} no effect (one-sided p {sign} {CONDITION:g})"
        notes = (*notes, f"{NAMES[taken]} taken: {why}")
    predictor = small if taken == "pet" else small**2
    return replace(
        _told(base, precision_estimate(y, v, predictor, by.level), data, by), notes=notes
    )


def _limit(
    base: AdjustedEstimate, by: Model, data: Data, baseline: AdjustedEstimate
) -> AdjustedEstimate:
    tau2 = baseline.tau2 or 0.0
    found = _told(base, limit_estimate(data.effects.yi, data.effects.vi, tau2, by.level), data, by)
    notes = (
        ("no between-study variance, so that this is PET with a known error",) if tau2 == 0 else ()
    )
    return replace(found, tau2=baseline.tau2, notes=notes)


def _filled(
    base: AdjustedEstimate, by: Model, data: Data, rows: Sequence[int]
) -> tuple[AdjustedEstimate, Filling]:
    y, v = data.effects.yi, data.effects.vi
    estimator = base.code[-2:].upper()
    found = trim_and_fill(y, v, estimator, by.method)
    fit = pool(
        np.concatenate([y, found.y]), np.concatenate([v, found.v]), by.method, by.test, by.level
    )
    filling = Filling(
        estimator,
        found.side,
        found.k0,
        known(found.se_k0),
        known(found.p_value),
        tuple(
            FilledStudy(rows[i], float(a), float(b), natural_value(float(a), data, by))
            for i, a, b in zip(found.mirrored, found.y, found.v, strict=True)
        ),
    )
    numbers = _numbers((fit.mu, fit.se, fit.mu_low, fit.mu_high), data, by)
    studies = "study" if found.k0 == 1 else "studies"
    note = f"{found.k0} {studies} filled in on the {found.side}"
    p_value = None if MEASURES[by.measure].null is None else float(fit.p_value)
    tau2 = None if by.method == "EE" else float(fit.tau2)
    return replace(base, **numbers, tau2=tau2, p_value=p_value, notes=(note,)), filling


def _selected(
    base: AdjustedEstimate, by: Model, data: Data, baseline: AdjustedEstimate
) -> tuple[AdjustedEstimate, Selection]:
    sign = -1.0 if (baseline.mu or 0.0) < 0 else 1.0
    steps = STEPS[base.code]
    fit = step_selection(data.effects.yi, data.effects.vi, steps, sign, by.level)
    ends = (0.0, *steps, 1.0)
    chances = tuple(
        PublicationChance(
            ends[j],
            ends[j + 1],
            fit.counts[j],
            float(fit.delta[j]),
            known(fit.delta_se[j]),
            known(fit.delta_low[j]),
            known(fit.delta_high[j]),
        )
        for j in range(len(fit.delta))
    )
    favours = "higher" if sign > 0 else "lower"
    selection = Selection(base.code, favours, chances, fit.lrt, fit.lrt_df, fit.lrt_p)
    few = [c for c in chances if c.count < _FEW]
    notes = ["between-study variance by maximum likelihood, normal limits"]
    notes += [f"only {c.count} studies with p between {c.above:g} and {c.upto:g}" for c in few]
    numbers = _numbers((fit.mu, fit.se, fit.low, fit.high), data, by)
    found = replace(base, **numbers, tau2=fit.tau2, p_value=fit.p_value, notes=tuple(notes))
    return found, selection


_FEW = 4
