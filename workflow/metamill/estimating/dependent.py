"""Several rows per study: robust, three-level and aggregated pools, as `Pooled`."""

from dataclasses import replace
from typing import Any

import numpy as np

from metamill.config.settings import Model
from metamill.estimating.data import Data, Estimate, known
from metamill.estimating.inverse_variance import inverse_variance
from metamill.estimating.scales import beyond, on_natural_scale
from metamill.measures.effects import Array, Effects
from metamill.measures.registry import MEASURES
from metamill.pooling.dependent import aggregate, cr2, rve, three_level
from metamill.pooling.dependent.robust import RobustFit
from metamill.pooling.dependent.three_level import ThreeLevelFit
from metamill.pooling.heterogeneity import estimate_tau2, heterogeneity
from metamill.pooling.policy import Permission
from metamill.pooling.predictive import prediction_interval, probability_beyond
from metamill.results import Pooled, Quantity

_SHARED = ("mu", "se", "mu_low", "mu_high", "tau2")


def robust(base: Pooled, data: Data, model: Model, allowed: Permission) -> Estimate:
    """RVE, or the CR2 standard error of a random-effects mean; studies are the clusters."""
    yi, vi = data.effects.yi, data.effects.vi
    if model.method == "RVE":
        fit = rve(yi, vi, data.study, model.rho or 0.0, model.level)
        note = f"correlation of one study's sampling errors assumed as {model.rho:g}"
        i2 = fit.i2
    else:
        ones = np.ones((len(yi), 1))
        tau2 = float(estimate_tau2(yi[:, None], vi[:, None], ones, model.method)[0])
        fit = cr2(yi, vi, data.study, tau2, model.level)
        weights = "equal-effects weights" if model.method == "EE" else f"tau2 by {model.method}"
        note = f"{weights} as if rows were independent; the standard error is robust"
        i2 = heterogeneity(yi, vi, tau2).i2
    result = _common(base, fit, data, model, allowed)
    several = len(yi) > base.k or model.method != "RVE"
    notes = [*base.notes, *([note] if several else []), *_reliability(fit)]
    result = replace(result, i2=known(i2), notes=tuple(notes))
    if model.method == "EE":
        result = replace(result, tau2=None, tau=None, i2=None)
    return Estimate(result, fit.weights)


def three_levels(base: Pooled, data: Data, model: Model, allowed: Permission) -> Estimate:
    """Studies, rows within studies, sampling errors; tau2 is the sum of both variances."""
    rho = model.rho or 0.0
    fit = three_level(data.effects.yi, data.effects.vi, data.study, rho, model.level, model.test)
    result = _common(base, fit, data, model, allowed)
    level = (
        ("variance between studies", "sigma2_between", fit.i2_between),
        ("variance between rows of one study", "sigma2_within", fit.i2_within),
    )
    quantities = []
    for name, field, share in level:
        low, high = (getattr(fit, f"{field}_{end}") for end in ("low", "high"))
        value = float(getattr(fit, field))
        quantities += [
            Quantity(name, "model", value, known(low), known(high)),
            Quantity(f"{name}, share of the total", "percent", float(share)),
        ]
    notes = [*base.notes, f"correlation of one study's sampling errors assumed as {rho:g}"]
    if fit.disconnected:
        notes.append("an interval of a variance is the hull of several pieces")
    if model.test == "cr2":
        notes += _reliability(fit)
    result = replace(
        result,
        i2=float(fit.i2),
        q=float(fit.q),
        q_df=int(fit.q_df),
        q_p=float(fit.q_p),
        also=tuple(quantities),
        notes=tuple(notes),
    )
    return Estimate(result, fit.weights)


def _common(
    base: Pooled, fit: RobustFit | ThreeLevelFit, data: Data, model: Model, allowed: Permission
) -> Pooled:
    """Mean, interval, tau2 and prediction of a fit with its own degrees of freedom."""
    pi_df = _prediction_df(fit, model)
    pi_low, pi_high = prediction_interval(fit.mu, fit.se, fit.tau2, pi_df, model.level)
    numbers: dict[str, Any] = {name: float(getattr(fit, name)) for name in _SHARED}
    limits = {"pi_low": float(pi_low), "pi_high": float(pi_high)}

    def above(threshold: float) -> float:
        return float(probability_beyond(fit.mu, fit.se, fit.tau2, pi_df, threshold))

    null = MEASURES[model.measure].null
    return replace(
        base,
        **on_natural_scale(numbers | limits, data, model, allowed),
        **numbers,
        tau=float(np.sqrt(fit.tau2)),
        p_value=None if null is None else float(fit.p_value),
        beyond=beyond(above, data, model, allowed),
    )


def _prediction_df(fit: RobustFit | ThreeLevelFit, model: Model) -> float:
    """Degrees of freedom of a prediction: the test's own, number of studies less 1 for z."""
    if model.prediction_interval == "z":
        return float("inf")
    if model.prediction_interval == "hts":
        return float(fit.studies - 2) if fit.studies > 2 else float("nan")
    return float(fit.df) if np.isfinite(fit.df) else float(fit.studies - 1)


def _reliability(fit: RobustFit | ThreeLevelFit) -> list[str]:
    if fit.df >= 4:
        return []
    return [f"{fit.df:.1f} degrees of freedom: below 4 a robust interval is unreliable"]


def aggregated(base: Pooled, data: Data, model: Model, allowed: Permission) -> Estimate:
    """One effect per study, then inverse-variance pooling; weights are shared out to the rows."""
    yi, vi, rho = data.effects.yi, data.effects.vi, model.rho or 0.0
    found = aggregate(yi, vi, data.study, rho)
    studies = np.arange(len(found.y))
    one = Effects(found.y, found.v, np.zeros(len(found.y), bool))
    inner = inverse_variance(base, Data({}, one, studies, data.scale), model, allowed)
    notes = [
        *inner.pooled.notes,
        f"one effect per study; correlation of its sampling errors assumed as {rho:g}",
    ]
    if found.outside.any():
        count = int(found.outside.sum())
        lie = "study lies" if count == 1 else "studies lie"
        notes.append(
            f"{count} {lie} outside the range of the own rows, as a high rho with unequal "
            "variances brings about"
        )
    result = replace(inner.pooled, notes=tuple(notes))
    if inner.weights is None:
        return Estimate(result)
    return Estimate(result, _shares(vi, data.study, rho) * inner.weights[data.study])


def _shares(v: Array, study: Array, rho: float) -> Array:
    """The part of each row in the effect of its study: 1'V^-1, scaled to 1 in each study."""
    shares = np.empty(len(v))
    for code in np.unique(study):
        rows = study == code
        root = np.sqrt(v[rows])
        correlation = np.full((len(root), len(root)), rho)
        np.fill_diagonal(correlation, 1.0)
        share = np.linalg.solve(correlation * np.outer(root, root), np.ones(len(root)))
        shares[rows] = share / share.sum()
    return shares
