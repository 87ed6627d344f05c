"""Small-study effects of a primary analysis: what the number of studies and the measure allow."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metamill.config.methods import is_inverse_variance
from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.estimating.data import informative_rows, informative_studies
from metamill.explored.small_study import FailSafe, SmallStudyEffects
from metamill.exploring.small_study_adjusted import (
    adjusted_estimates,
    baseline_of,
    refused_estimates,
)
from metamill.exploring.small_study_rules import Rules, rules_of
from metamill.exploring.small_study_tests import small_study_tests
from metamill.measures.registry import MEASURES
from metamill.pooling.heterogeneity import heterogeneity
from metamill.pooling.policy import POLICY, permission
from metamill.pooling.small_study import orwin, rosenberg, rosenthal
from metamill.results import Pooled

LEAST = next(entry.least for entry in POLICY if entry.small_study_tests)
"""Fewer studies have no test of small-study effects."""
_MUCH = 50.0
_ALIKE = 4.0
"""Sampling variances whose extremes differ by less leave little to tell small studies by."""
_HALF = 0.5
_REGRESSES = ("z", "t", "knha", "adhoc")


def small_study_effects(
    model: Model, data: Data, rows: Sequence[int], primary: Pooled
) -> SmallStudyEffects:
    """Every test and every adjusted estimate, or the reason why there is none.

    `data` is what the primary analysis pools, `rows` the positions of its effects in the result,
    `primary` what came of it. Effects are regressed and pooled by the outcome's own method and
    test where these are of inverse variance, else by REML and adhoc.
    """
    k = informative_studies(data, model)
    if not permission(k).small_study_tests:
        few = {0: "no study", 1: "one study"}.get(k, f"{k} studies")
        reason = f"{few}, fewer than the {LEAST} that tests of small-study effects take"
        return SmallStudyEffects(k, reason)
    if len(data.effects.yi) > len(np.unique(data.study)):
        reason = (
            "several rows of one study depend on each other, which tests of small-study effects do "
            "not know: they would count one study several times"
        )
        return SmallStudyEffects(k, reason)
    if not primary.pooled:
        return SmallStudyEffects(k, "the primary analysis pools nothing")
    data, rows = _informative(model, data, rows)
    by = _by(model)
    rules = rules_of(model, data)
    notes = list(rules.notes)
    one_group_counts = rules.tests == ("size",)
    corrected = float(data.effects.corrected.mean())
    if not one_group_counts and corrected > _HALF:
        reason = (
            "more than half of the studies have an empty group: their effects would be made by the "
            "continuity correction, and so would every test"
        )
        return SmallStudyEffects(k, reason)
    tests = tuple(small_study_tests(model, by, data, rules))
    if one_group_counts:
        return SmallStudyEffects(
            k, notes=tuple(notes), tests=tests, adjusted=refused_estimates(rules)
        )
    if by.method != model.method or by.test != model.test:
        notes.append(
            f"by inverse variance, {by.method} and test {by.test}: the primary analysis is of "
            "another kind"
        )
    if corrected > 0:
        notes.append(
            f"continuity correction in {int(data.effects.corrected.sum())} of {len(rows)} rows"
        )
    notes += _cautions(data)
    try:
        baseline = baseline_of(by, data)
    except ArithmeticError as why:
        return SmallStudyEffects(k, f"no pooled estimate to compare with: {why}")
    adjusted = adjusted_estimates(by, data, rows, rules, baseline)
    return SmallStudyEffects(
        k,
        method=by.method,
        test=by.test,
        notes=tuple(notes),
        tests=tests,
        baseline=baseline,
        adjusted=adjusted.estimates,
        fillings=adjusted.fillings,
        selections=adjusted.selections,
        fail_safe=_fail_safe(by, data, rules),
    )


def _informative(model: Model, data: Data, rows: Sequence[int]) -> tuple[Data, tuple[int, ...]]:
    """Without the studies that tell a pool of counts nothing of the ratio."""
    if is_inverse_variance(model.method) or model.measure not in ("OR", "RR", "IRR"):
        return data, tuple(rows)
    informs = informative_rows(data)
    return data.take(informs), tuple(np.asarray(rows, int)[informs].tolist())


def _by(model: Model) -> Model:
    """The model by which effects are regressed and pooled here."""
    if not is_inverse_variance(model.method):
        return replace(model, method="REML", test="adhoc")
    return model if model.test in _REGRESSES else replace(model, test="t")


def _cautions(data: Data) -> list[str]:
    """Why any of these results may mislead, from the data alone (Ioannidis and Trikalinos 2007)."""
    told = []
    v = data.effects.vi
    i2 = heterogeneity(data.effects.yi, v).i2_q
    if i2 >= _MUCH:
        told.append(
            f"heterogeneity is marked (I2 {i2:.0f}%), under which tests of asymmetry are unreliable"
        )
    if v.max() < _ALIKE * v.min():
        told.append(
            "the studies are alike in precision (the largest sampling variance is "
            f"{v.max() / v.min():.1f} times the smallest), so that little tells small ones apart"
        )
    return told


def _fail_safe(by: Model, data: Data, rules: Rules) -> tuple[FailSafe, ...]:
    """Rosenthal's and Rosenberg's numbers, and Orwin's for each threshold of the settings."""
    names = {"rosenthal": "Rosenthal", "rosenberg": "Rosenberg", "orwin": "Orwin"}
    if rules.fail_safe:
        return (FailSafe("fail_safe", "Fail-safe numbers", refused=rules.fail_safe),)
    y, v = data.effects.yi, data.effects.vi
    found = [
        FailSafe("rosenthal", names["rosenthal"], rosenthal(y, v), "one-sided p = 0.05"),
        FailSafe("rosenberg", names["rosenberg"], rosenberg(y, v), "two-sided p = 0.05"),
    ]
    scale = MEASURES[by.measure].scale
    for threshold in by.thresholds if scale in ("log", "identity") else ():
        undone = f"a mean of {threshold:g}"
        try:
            target = float(np.log(threshold)) if scale == "log" else threshold
            found.append(FailSafe("orwin", names["orwin"], orwin(y, target), undone))
        except ValueError:
            why = "it does not lie between no effect and the unweighted mean"
            found.append(FailSafe("orwin", names["orwin"], undone=undone, refused=why))
    if len(found) == len(names) - 1:
        why = (
            "halving the mean takes as many studies as there are, whatever the data; thresholds "
            "give a number that says something"
        )
        found.append(FailSafe("orwin", names["orwin"], refused=why))
    return tuple(found)
