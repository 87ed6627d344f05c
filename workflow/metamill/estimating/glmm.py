"""Generalised linear mixed models of one pool of counts, as `Pooled`."""

from dataclasses import replace
from typing import Any

import numpy as np

from metamill.config.settings import Model
from metamill.estimating.data import Data, Estimate
from metamill.estimating.inverse_variance import LRT
from metamill.estimating.scales import beyond, on_natural_scale
from metamill.explored.common import Test
from metamill.measures.registry import MEASURES
from metamill.pooling.glmm import (
    GLMMFit,
    pool_conditional,
    pool_proportions,
    pool_rate_ratios,
    pool_rates,
)
from metamill.pooling.glmm_two_groups import pool_two_groups, pool_two_rates
from metamill.pooling.heterogeneity import i2_h2, typical_variance
from metamill.pooling.identified import NotIdentified
from metamill.pooling.policy import Permission
from metamill.pooling.predictive import prediction_df, prediction_interval, probability_beyond
from metamill.results import Pooled, Quantity

_SHARED = ("mu", "se", "mu_low", "mu_high", "tau2", "tau2_low", "tau2_high", "q", "q_p")


def mixed_model(base: Pooled, data: Data, model: Model, allowed: Permission) -> Estimate:
    """A GLMM by maximum likelihood; raises NotIdentified where the counts do not tell it."""
    fit = _fitted(data, model)
    if np.isnan(fit.tau2_high):
        raise NotIdentified(
            "the likelihood gives the between-study standard deviation no upper limit below 24 "
            "(on the scale of the model), so these data do not identify the model"
        )
    pi_df = prediction_df(fit.k, model.prediction_interval)
    pi_low, pi_high = prediction_interval(fit.mu, fit.se, fit.tau2, pi_df, model.level)
    numbers: dict[str, Any] = {name: float(getattr(fit, name)) for name in _SHARED}
    limits = {"pi_low": float(pi_low), "pi_high": float(pi_high)}

    def above(threshold: float) -> float:
        return float(probability_beyond(fit.mu, fit.se, fit.tau2, pi_df, threshold))

    two_groups = MEASURES[model.measure].null is not None
    ratio = MEASURES[model.measure].natural
    mean = (fit.marginal, fit.marginal_low, fit.marginal_high)
    silent = len(fit.uninformative)
    if silent:
        note = (
            f"{silent} of {base.k} studies say nothing about the ratio, having no event in either "
            f"group or nothing else; degrees of freedom are those of {fit.k}"
        )
        base = replace(base, notes=(*base.notes, note))
    result = replace(
        base,
        **on_natural_scale(numbers | limits, data, model, allowed),
        **numbers,
        **_heterogeneity(fit, data),
        tau=float(np.sqrt(fit.tau2)),
        p_value=float(fit.p_value) if two_groups else None,
        q_df=int(fit.q_df),
        q_test="likelihood ratio",
        marginal=None if two_groups else float(fit.marginal),
        marginal_low=None if two_groups else float(fit.marginal_low),
        marginal_high=None if two_groups else float(fit.marginal_high),
        also=(Quantity(f"mean {ratio} over studies", "natural", *mean),) if two_groups else (),
        weights="approximate",
        tests=(Test(LRT, float(fit.lrt), None, float(fit.lrt_p)),),
        beyond=beyond(above, data, model, allowed),
    )
    posterior = np.asarray(fit.empirical_bayes)[:, None]
    return Estimate(result, fit.weights, None if silent else posterior)


def _fitted(data: Data, model: Model) -> GLMMFit:
    columns = data.columns
    options: dict[str, Any] = {"level": model.level, "test": model.test}
    match model.measure:
        case "PLO":
            return pool_proportions(columns["events"], columns["total"], **options)
        case "IRLN":
            return pool_rates(columns["events"], columns["time"], **options)
    size = "time" if model.measure == "IRR" else "total"
    names = [f"{name}_{arm}" for arm in ("treatment", "control") for name in ("events", size)]
    counts: dict[str, Any] = {name: columns[name] for name in names}
    fixed_effects = model.glmm == "UM.FS"
    if model.measure == "IRR":
        return (pool_two_rates if fixed_effects else pool_rate_ratios)(**counts, **options)
    if fixed_effects:
        return pool_two_groups(**counts, **options)
    return pool_conditional(**counts, **options, likelihood=model.glmm)


def _heterogeneity(fit: GLMMFit, data: Data) -> dict[str, Any]:
    """I2 and H2 from tau2 and the typical variance of the effects, as for inverse variance.

    Studies that say nothing about the effect have no part in it: their variance is that of a
    correction.
    """
    v = np.delete(data.effects.vi, list(fit.uninformative))[:, None]
    typical = typical_variance(v, np.ones_like(v))
    ends = {"": fit.tau2, "_low": fit.tau2_low, "_high": fit.tau2_high}
    found: dict[str, Any] = {}
    for end, tau2 in ends.items():
        i2, h2 = i2_h2(np.array(tau2), typical)
        found |= {f"i2{end}": float(i2[0]), f"h2{end}": float(h2[0])}
    return found
