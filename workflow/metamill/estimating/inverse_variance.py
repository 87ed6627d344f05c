"""Inverse-variance pooling of one analysis, as `Pooled`."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from metamill.config.settings import Model
from metamill.estimating.data import Data, Estimate, known
from metamill.estimating.scales import beyond, on_natural_scale
from metamill.explored.common import Test
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES
from metamill.pooling.heterogeneity import heterogeneity, tau2_interval
from metamill.pooling.inverse_variance import Fit, pool
from metamill.pooling.policy import Permission
from metamill.pooling.predictive import probability_beyond
from metamill.pooling.profile import likelihood_ratio_tau2
from metamill.results import Pooled

LRT = "likelihood ratio test of tau² = 0"
_SHARED = ("mu", "se", "mu_low", "mu_high", "tau2", "q", "q_p")


def inverse_variance(base: Pooled, data: Data, model: Model, allowed: Permission) -> Estimate:
    """Equal or random effects with an estimated tau2."""
    yi, vi = data.effects.yi, data.effects.vi
    fit = pool(yi, vi, model.method, model.test, model.level, prediction=model.prediction_interval)
    names = (*_SHARED, "pi_low", "pi_high")
    numbers: dict[str, Any] = {name: float(getattr(fit, name)) for name in names}
    result = replace(
        base,
        **on_natural_scale(numbers, data, model, allowed),
        **{name: numbers[name] for name in _SHARED},
        q_df=int(fit.q_df),
        tau=float(np.sqrt(fit.tau2)),
    )
    if MEASURES[model.measure].null is not None:
        result = replace(result, p_value=float(fit.p_value))
    heterogeneous = _equal_effects if model.method == "EE" else _random_effects
    result = heterogeneous(result, fit, yi, vi, model)
    knapp_hartung = "knha" in (model.test, model.prediction_interval)
    if fit.se == 0 or (knapp_hartung and _identical(yi)):
        note = (
            "the effects are identical, so Knapp-Hartung has no width: no interval; "
            "test: adhoc gives one"
        )
        withheld: dict[str, Any] = dict.fromkeys(_WITHHELD)
        told = [said for said in result.notes if said != allowed.note]
        return Estimate(replace(result, **withheld, notes=(*told, note)), fit.weights)

    def above(threshold: float) -> float:
        return float(probability_beyond(fit.mu, fit.pi_se, fit.tau2, fit.pi_df, threshold))

    return Estimate(replace(result, beyond=beyond(above, data, model, allowed)), fit.weights)


_WITHHELD = ("ci_low", "ci_high", "mu_low", "mu_high", "p_value", "se", "pi_low", "pi_high")


def _equal_effects(result: Pooled, fit: Fit, yi: Array, vi: Array, model: Model) -> Pooled:
    """No tau2; I2 and H2 stand in their usual places by their only definition, that from Q."""
    found = _numbers(asdict(heterogeneity(yi, vi, level=model.level)))
    by_q = {name: value for name, value in found.items() if "_q" in name}
    note = "equal effects: no tau2 and no prediction interval; I2 and H2 from Q"
    return replace(
        result,
        tau2=None,
        tau=None,
        i2=float(fit.i2),
        h2=float(fit.h2),
        **by_q,
        notes=(*result.notes, note),
    )


def _random_effects(result: Pooled, fit: Fit, yi: Array, vi: Array, model: Model) -> Pooled:
    kind = model.tau2_interval or "QP"
    interval = tau2_interval(yi, vi, model.level, kind, model.method)
    low, high = interval
    found = _numbers(asdict(heterogeneity(yi, vi, float(fit.tau2), low, high, model.level)))
    notes = list(result.notes)
    if high == 0:
        notes.append("Q is below its expectation by so much that the interval of tau2 is empty")
    if kind == "QP" and not low <= float(fit.tau2) <= high and high > 0:
        notes.append(
            f"tau2 by {model.method} lies outside its Q-profile interval: the two weigh studies "
            "differently"
        )
    if interval.disconnected:
        notes.append(
            "the likelihood of tau2 has several maxima: its interval is the hull of several pieces"
        )
    if fit.mu_disconnected:
        notes.append(
            "the profile likelihood of the mean has several maxima: its interval is the hull of "
            "several pieces"
        )
    tests = result.tests
    if model.method in ("ML", "REML"):
        ratio = likelihood_ratio_tau2(yi, vi, model.method)
        tests = (*tests, Test(LRT, ratio.statistic, None, ratio.p_value))
    limits = _numbers({"tau2_low": low, "tau2_high": high})
    return replace(result, **limits, **found, tests=tests, notes=tuple(notes))


def _numbers(values: dict[str, float]) -> dict[str, Any]:
    """nan, a number that does not exist, as None."""
    return {name: known(value) for name, value in values.items()}


def _identical(yi: Array) -> bool:
    """Whether effects differ by no more than the rounding of their computation."""
    return bool(np.ptp(yi) <= 1e-12 * np.abs(yi).max())
