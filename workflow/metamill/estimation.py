"""The pooled numbers of one analysis: which model applies, and what must not be said."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from metamill.config.settings import Model
from metamill.measures.effects import Array, Effects
from metamill.measures.limits import clopper_pearson, poisson_exact
from metamill.measures.registry import MEASURES, study_limits, to_natural
from metamill.pooling.glmm import NotIdentified, pool_proportions
from metamill.pooling.heterogeneity import i2_h2, tau2_interval, typical_variance
from metamill.pooling.inverse_variance import pool
from metamill.pooling.policy import Permission, permission
from metamill.results import Pooled


@dataclass(frozen=True)
class Data:
    """What one analysis pools: the columns of its measure, its effects, and (GEN) their scale."""

    columns: dict[str, Array]
    effects: Effects
    scale: str | None = None


def estimate(data: Data, model: Model) -> tuple[Pooled, Array | None]:
    """Pool `data` under `model`; the second value are weights in per cent, if there are any."""
    k = len(data.effects.yi)
    allowed = permission(k)
    base = Pooled(
        k,
        n=_sum(data, MEASURES[model.measure].size),
        events=_sum(data, MEASURES[model.measure].event),
    )
    if k == 0:
        return replace(base, pooled=False, notes=(allowed.note,)), None
    if k == 1:
        return replace(_one_study(base, data, model), notes=(allowed.note,)), None
    exact = _without_variation(base, data, model)
    if exact is not None:
        return exact, None
    if allowed.note and (not allowed.doubtful_prediction or _predicts(model, allowed)):
        base = replace(base, notes=(allowed.note,))
    if model.method == "GLMM":
        return _glmm(base, data, model, allowed)
    return _inverse_variance(base, data, model, allowed)


def _sum(data: Data, names: tuple[str, ...]) -> float | None:
    total = float(sum(data.columns[name].sum() for name in names)) if names else np.nan
    return None if np.isnan(total) else total


def _one_study(base: Pooled, data: Data, model: Model) -> Pooled:
    """The study's own result; nothing on the model scale where that would need a correction."""
    centre, low, high = (
        float(x[0])
        for x in study_limits(model.measure, data.columns, data.effects, model.level, data.scale)
    )
    result = replace(
        base, pooled=False, estimate=centre, ci_low=min(low, high), ci_high=max(low, high)
    )
    if MEASURES[model.measure].family in ("proportion", "rate"):
        return result
    yi, se = float(data.effects.yi[0]), float(np.sqrt(data.effects.vi[0]))
    reach = float(ndtri(0.5 + model.level / 200)) * se
    return replace(result, mu=yi, se=se, mu_low=yi - reach, mu_high=yi + reach)


def _without_variation(base: Pooled, data: Data, model: Model) -> Pooled | None:
    """No event at all, or nothing but events: no model, the exact limit of the total."""
    family = MEASURES[model.measure].family
    if family not in ("proportion", "rate"):
        return None
    events = float(data.columns["events"].sum())
    if family == "rate":
        if events > 0:
            return None
        time = float(data.columns["time"].sum())
        low, high = (float(x[0]) for x in poisson_exact(np.zeros(1), np.full(1, time), model.level))
        value, what = 0.0, "no study has an event"
    else:
        total = float(data.columns["total"].sum())
        if 0 < events < total:
            return None
        low, high = clopper_pearson(events, total, model.level)
        value = events / total
        what = "no study has an event" if events == 0 else "every unit has the event"
    note = f"{what}: no model can be fitted, the limits are exact ones of the total"
    return replace(base, pooled=False, estimate=value, ci_low=low, ci_high=high, notes=(note,))


def _glmm(
    base: Pooled, data: Data, model: Model, allowed: Permission
) -> tuple[Pooled, Array | None]:
    try:
        fit = pool_proportions(data.columns["events"], data.columns["total"], model.level)
        if np.isnan(fit.tau2_high):
            raise NotIdentified(
                "the likelihood gives the between-study variance no upper limit, so these data do "
                "not identify the model"
            )
    except NotIdentified as reason:
        return replace(base, pooled=False, notes=(f"no estimate: {reason}",)), None
    typical = typical_variance(data.effects.vi[:, None], np.ones((base.k, 1)))
    i2, h2 = i2_h2(np.array(fit.tau2), typical)
    i2_low, i2_high = (i2_h2(np.array(t), typical)[0] for t in (fit.tau2_low, fit.tau2_high))
    result = replace(
        base,
        **_on_both_scales(fit, data, model, allowed),
        tau2_low=fit.tau2_low,
        tau2_high=fit.tau2_high,
        i2=float(i2[0]),
        h2=float(h2[0]),
        i2_low=float(i2_low[0]),
        i2_high=float(i2_high[0]),
        q_test="likelihood ratio",
        marginal=fit.marginal,
        weights="approximate",
    )
    return result, fit.weights


def _inverse_variance(
    base: Pooled, data: Data, model: Model, allowed: Permission
) -> tuple[Pooled, Array | None]:
    yi, vi = data.effects.yi, data.effects.vi
    fit = pool(yi, vi, model.method, model.test, model.level)
    notes = [*base.notes, *_MEASURE_NOTES.get(model.measure, ())]
    result = replace(
        base, **_on_both_scales(fit, data, model, allowed), i2=float(fit.i2), h2=float(fit.h2)
    )
    if MEASURES[model.measure].null is not None:
        result = replace(result, p_value=float(fit.p_value))
    if model.method == "EE":
        result = replace(result, tau2=None, tau=None)
        notes.append("equal effects: no tau2 and no prediction interval; I2 and H2 from Q")
    else:
        low, high = tau2_interval(yi, vi, model.level)
        typical = typical_variance(vi[:, None], np.ones((base.k, 1)))
        i2_low, i2_high = (float(i2_h2(np.array(t), typical)[0][0]) for t in (low, high))
        result = replace(result, tau2_low=low, tau2_high=high, i2_low=i2_low, i2_high=i2_high)
        if high == 0:
            notes.append("Q is below its expectation by so much that the interval of tau2 is empty")
    if fit.se == 0 or (model.test == "knha" and _identical(yi)):
        result = replace(
            result,
            ci_low=None,
            ci_high=None,
            mu_low=None,
            mu_high=None,
            p_value=None,
            se=None,
            pi_low=None,
            pi_high=None,
        )
        notes.append(
            "the effects are identical, so Knapp-Hartung has no width: no interval; "
            "test: adhoc gives one"
        )
    return replace(result, notes=tuple(notes)), fit.weights


def _identical(yi: Array) -> bool:
    """Whether effects differ by no more than the rounding of their computation."""
    return bool(np.ptp(yi) <= 1e-12 * np.abs(yi).max())


def _predicts(model: Model, allowed: Permission) -> bool:
    return model.prediction and allowed.prediction and model.method != "EE"


def _on_both_scales(fit: object, data: Data, model: Model, allowed: Permission) -> dict[str, Any]:
    """The fields that every model has, from a Fit or a GLMMFit."""
    values = {name: float(getattr(fit, name)) for name in _SHARED}
    predicted = _predicts(model, allowed)

    def natural(*names: str) -> list[float]:
        points = np.array([values[name] for name in names])
        sizes = data.columns.get("total")
        return [float(x) for x in to_natural(model.measure, points, sizes=sizes, scale=data.scale)]

    (centre,) = natural("mu")
    low, high = sorted(natural("mu_low", "mu_high"))
    pi_low, pi_high = sorted(natural("pi_low", "pi_high"))
    least, most = MEASURES[model.measure].bounds
    low, high, pi_low, pi_high = (min(max(x, least), most) for x in (low, high, pi_low, pi_high))
    return {
        "estimate": centre,
        "ci_low": low,
        "ci_high": high,
        "pi_low": pi_low if predicted else None,
        "pi_high": pi_high if predicted else None,
        "pi_doubtful": bool(predicted and allowed.doubtful_prediction),
        "q_df": int(values.pop("q_df")),
        "tau": float(np.sqrt(values["tau2"])),
        **{name: value for name, value in values.items() if not name.startswith("pi_")},
    }


_MEASURE_NOTES = {
    "PR": ("raw proportions: limits beyond 0 and 1 are cut there",),
    "RD": ("risk differences: limits beyond -1 and 1 are cut there",),
    "PFT": (
        (
            "double arcsine: the way back to a proportion depends on the study sizes (their "
            "harmonic mean is used) and can mislead where they differ; a GLMM has no such step"
        ),
    ),
}

_SHARED = (
    "mu",
    "se",
    "mu_low",
    "mu_high",
    "pi_low",
    "pi_high",
    "tau2",
    "q",
    "q_df",
    "q_p",
)
