"""The Bayesian analysis of one pool, as `Pooled`."""

from dataclasses import replace
from typing import Any

import numpy as np

from metamill.config.methods import DEFAULT_TAU_PRIOR
from metamill.config.settings import Model
from metamill.estimating.data import Data, Estimate, known
from metamill.estimating.scales import beyond, natural_limits, natural_value, on_natural_scale
from metamill.measures.effects import Array
from metamill.pooling.bayes import BayesFit, Summary, probability_above
from metamill.pooling.bayes_binomial import bayes_proportions
from metamill.pooling.bayes_normal import bayes
from metamill.pooling.policy import Permission
from metamill.results import Pooled, Quantity

HALF_NORMAL_MEDIAN = 0.6745


def bayesian(base: Pooled, data: Data, model: Model, allowed: Permission) -> Estimate:
    """Random effects with a half-normal prior of tau.

    Proportions on the logit scale are modelled as counts with a normal(0, 4) prior of the mean;
    other effects as normal with a uniform prior. The estimate is the posterior median. The prior
    keeps tau finite for two studies, so a prediction is given from two studies on.
    """
    scale = model.tau_prior or DEFAULT_TAU_PRIOR
    if model.measure == "PLO":
        fit = bayes_proportions(data.columns["events"], data.columns["total"], scale, model.level)
        prior = f"half-normal({scale:g}) prior of tau, normal(0, 4) prior of the mean logit"
    else:
        fit = bayes(data.effects.yi, data.effects.vi, scale, model.level)
        prior = f"half-normal({scale:g}) prior of tau, uniform prior of the mean"
    numbers: dict[str, Any] = {"mu": fit.mu.median, "mu_low": fit.mu.low, "mu_high": fit.mu.high}
    numbers |= {"pi_low": fit.new.low, "pi_high": fit.new.high}
    predicts = replace(allowed, prediction=True, doubtful_prediction=False)
    notes = [*base.notes, prior, "the intervals are credible intervals; estimates are medians"]
    if fit.tau.low > HALF_NORMAL_MEDIAN * scale:
        notes.append(
            "data and prior disagree: the studies differ more than the prior expects; choose a "
            "wider tau_prior"
        )
    elif fit.leans_on_prior:
        notes.append("the posterior is nearly as wide as the prior: the data say little")

    def above(threshold: float) -> float:
        return probability_above(fit, threshold)[1]

    result = replace(
        base,
        **on_natural_scale(numbers, data, model, predicts),
        mu=float(fit.mu.median),
        se=float(fit.mu.sd),
        mu_low=float(fit.mu.low),
        mu_high=float(fit.mu.high),
        tau=float(fit.tau.median),
        tau2=float(fit.tau.median) ** 2,
        tau2_low=float(fit.tau.low) ** 2,
        tau2_high=float(fit.tau.high) ** 2,
        interval="credible",
        weights="none",
        beyond=beyond(above, data, model, predicts),
        also=tuple(_also(fit)),
        notes=tuple(notes),
    )
    return Estimate(result, None, _shrunken(fit.theta, data, model))


def _also(fit: BayesFit) -> list[Quantity]:
    """Shortest intervals, which are those of the scale that is pooled, and tau."""
    named = (
        ("mean effect with its shortest interval", fit.mu),
        ("effect of a new study with its shortest interval", fit.new),
        ("tau with its shortest interval", fit.tau),
    )
    found = [
        Quantity(
            f"{name} (scale of the model)",
            "model",
            float(law.median),
            known(law.shortest_low),
            known(law.shortest_high),
        )
        for name, law in named
    ]
    return [
        Quantity(
            "tau with its central interval (scale of the model)",
            "model",
            float(fit.tau.median),
            float(fit.tau.low),
            float(fit.tau.high),
        ),
        *found,
    ]


def _shrunken(theta: Summary, data: Data, model: Model) -> Array:
    """Posterior median and central interval of each study on the natural scale, shape (k, 3)."""
    rows = zip(*(np.asarray(x) for x in (theta.median, theta.low, theta.high)), strict=True)
    return np.array(
        [
            (natural_value(middle, data, model), *natural_limits(low, high, data, model))
            for middle, low, high in rows
        ]
    )
