"""Settings written at an outcome, or at one of its analyses, that would do nothing there.

A setting in the section `model` is a default for those analyses that can use it; one at an outcome
is meant for that outcome, and passing over it would hide that it has no effect.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

from metamill.config.methods import (
    CHANGE_MEASURES,
    ICC_MEASURES,
    NO_TAU2,
    own_counts,
)
from metamill.config.multiverse import model_of
from metamill.config.origin import Origin, shown
from metamill.config.resolve import NATIVE_POINTS
from metamill.config.settings import Model, Outcome, Plan
from metamill.config.strict_yaml import Path
from metamill.errors import Problem

COUNT_MEASURES = (*ICC_MEASURES, "IR", "IRLN", "IRS", "IRR", "IRD")
"""Measures made of counts, which a continuity correction may change."""
TWO_GROUP_MEASURES = ("OR", "RR", "RD", "AS", "MD", "SMD", "ROM", "IRR", "IRD")
NO_PREDICTION = (*NO_TAU2, "BETABIN")


def idle_settings(outcome: Outcome, entry: Mapping[str, Any], origin: Origin) -> list[Problem]:
    """What `entry` of config.yaml says and the `outcome` made of it does not use.

    A setting of the outcome is used where one analysis uses it that does not set its own.
    """
    at: Path = ("outcomes", outcome.name)
    primary, *others = outcome.plans
    changes = list(entry.get("sensitivity", ()))
    written = list(zip(others, changes, strict=False))
    regressed = bool(outcome.moderators)
    problems = []
    for key, unused in _UNUSED.items():
        if key in entry:
            inherit = [plan.model for plan, change in written if key not in change]
            why = unused(primary.model, True, regressed)
            if why and all(unused(model, False, False) for model in inherit):
                problems.append(_idle((*at, key), entry[key], why, origin))
        for index, (plan, change) in enumerate(written):
            why = unused(plan.model, False, False) if key in change else ""
            if why:
                here = (*at, "sensitivity", index, key)
                problems.append(_idle(here, change[key], why, origin))
    problems += _of_the_display(outcome, entry, at, origin)
    problems += _of_the_subgroups(primary.model, entry, at, origin)
    problems += _same_analyses([plan for plan, _ in written], primary, at, origin)
    problems += _of_the_multiverse(outcome, at, origin)
    return problems


def unused_keys(model: Model) -> Iterator[str]:
    """The settings of how effects are made and pooled that a model does not use."""
    for key in ("correlation", "sibling_correlation", "add", "to", "glmm", "tau_prior"):
        if _UNUSED[key](model, False, False):
            yield key


_TRIED = 2000
"""Combinations of choices in which it is looked for one that uses a setting."""


def _of_the_multiverse(outcome: Outcome, at: Path, origin: Origin) -> Iterator[Problem]:
    """Settings of a choice that no combination uses, and decisions with a single choice."""
    decisions = outcome.multiverse
    if decisions is None:
        return
    for index, decision in enumerate(decisions.of):
        here = (*at, "multiverse", index)
        if len(decision.choices) == 1:
            why = "a decision has at least two choices"
            yield _idle((*here, "choices"), None, why, origin)
        others = [other.choices for other in decisions.of if other is not decision]
        for place, choice in enumerate(decision.choices):
            for key in _UNUSED.keys() & choice.changes.keys():
                combined = islice(product(*others), _TRIED)
                models = (model_of((*rest, choice), decisions.layers)[0] for rest in combined)
                whys = [_UNUSED[key](model, False, False) for model in models]
                if all(whys):
                    where = (*here, "choices", place, key)
                    yield _idle(where, choice.changes[key], whys[0], origin)


def _idle(path: Path, value: Any, why: str, origin: Origin) -> Problem:
    said = shown(value) if isinstance(value, str | int | float) else None
    rule = f"does nothing here: {why}"
    return Problem(
        rule=rule, advice="Remove it", value=said, code="idle-setting", **origin.place(path)
    )


def _correlation(model: Model, primary: bool, regressed: bool) -> str:
    if model.measure in CHANGE_MEASURES:
        return ""
    changes = ", ".join(CHANGE_MEASURES)
    return f"{model.measure} needs no correlation of scores before and after, as {changes} do"


def _correction(model: Model, primary: bool, regressed: bool) -> str:
    if model.measure not in COUNT_MEASURES:
        return f"{model.measure} has no counts to correct"
    if own_counts(model.method, model.measure):
        return f"method {model.method} models the counts themselves and needs no correction"
    return ""


def _added(model: Model, primary: bool, regressed: bool) -> str:
    none = "to: none corrects no row" if model.to == "none" and model.add else ""
    return none or _correction(model, primary, regressed)


def _glmm(model: Model, primary: bool, regressed: bool) -> str:
    if model.method != "GLMM":
        return f"it names the mixed model of method GLMM, not one of {model.method}"
    return "" if model.measure in ("OR", "IRR") else f"{model.measure} has one group and one GLMM"


def _tau_prior(model: Model, primary: bool, regressed: bool) -> str:
    """Companions of a primary analysis take its prior."""
    if model.method == "BAYES":
        return ""
    if not primary:
        return f"method {model.method} has no prior"
    if model.dependent:
        return "an analysis of several rows of one study has no Bayesian companion"
    effective = model.icc and model.measure == "PLO"
    return "effective sample sizes have no Bayesian companion" if effective else ""


def _prediction(model: Model, primary: bool, regressed: bool) -> str:
    if not model.prediction or model.method not in NO_PREDICTION or regressed:
        return ""
    return f"method {model.method} gives no prediction interval"


def _prediction_interval(model: Model, primary: bool, regressed: bool) -> str:
    if not model.prediction:
        return "prediction: false leaves the interval out"
    if model.method == "BAYES":
        return "method BAYES predicts from its posterior"
    return _prediction(model, primary, regressed)


def _tau2_interval(model: Model, primary: bool, regressed: bool) -> str:
    return "method EE has no tau2" if model.method == "EE" else ""


_UNUSED: dict[str, Callable[[Model, bool, bool], str]] = {
    "correlation": _correlation,
    "sibling_correlation": _correlation,
    "add": _added,
    "to": _correction,
    "glmm": _glmm,
    "tau_prior": _tau_prior,
    "prediction": _prediction,
    "prediction_interval": _prediction_interval,
    "tau2_interval": _tau2_interval,
}
"""Why a model does not use a setting ("" if it does), given whether it is the primary one and
whether the outcome has moderators."""


def _of_the_display(
    outcome: Outcome, entry: Mapping[str, Any], at: Path, origin: Origin
) -> Iterator[Problem]:
    measures = [plan.model.measure for plan in outcome.plans]
    scale = entry.get("scale", {})
    key = "important_difference"
    if key in scale and not set(measures) & set(NATIVE_POINTS):
        why = f"only {' and '.join(NATIVE_POINTS)} are in the score's own points"
        yield _idle((*at, "scale", key), scale[key], why, origin)
    for key in ("min", "max", "step", "instrument"):
        if key in scale and set(measures) <= set(COUNT_MEASURES):
            why = f"{measures[0]} is made of counts and has no score"
            yield _idle((*at, "scale", key), scale[key], why, origin)
    if "groups" in entry and measures[0] not in TWO_GROUP_MEASURES:
        why = f"{measures[0]} does not compare two groups"
        yield _idle((*at, "groups"), None, why, origin)


def _of_the_subgroups(
    model: Model, entry: Mapping[str, Any], at: Path, origin: Origin
) -> Iterator[Problem]:
    key = "subgroup_tau2"
    if key not in entry:
        return
    why = "" if "subgroups" in entry else "there are no subgroups"
    if not why and entry[key] == "common" and not model.shares_tau2:
        test = f" with test {model.test}" if model.test in ("pl", "cr2") else ""
        what = " of aggregated effects" if model.aggregate else test
        why = f"method {model.method}{what} has no tau2 that levels share"
    if why:
        yield _idle((*at, key), entry[key], why, origin)


def _same_analyses(
    written: Sequence[Plan], primary: Plan, at: Path, origin: Origin
) -> Iterator[Problem]:
    """Analyses that repeat another one under another name."""

    def told(plan: Plan) -> tuple[Any, ...]:
        include, drop = (item.where if item else None for item in (plan.include, plan.drop))
        return plan.model, include, drop, plan.same_cohort

    before = [("the primary analysis", told(primary))]
    for index, plan in enumerate(written):
        name = next((name for name, other in before if other == told(plan)), None)
        if name is not None:
            rule, advice = f"is the same analysis as {name}", "Change something, or remove it"
            place = origin.place((*at, "sensitivity", index))
            said = plan.name.removeprefix("sensitivity:")
            yield Problem(rule=rule, advice=advice, value=said, code="same-analysis", **place)
        before.append((f"'{plan.name.removeprefix('sensitivity:')}'", told(plan)))
