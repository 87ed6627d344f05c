"""Where there is nothing to pool: one study, or no variation at all."""

from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from metamill.config.settings import Model
from metamill.estimating.data import Data
from metamill.measures.limits import clopper_pearson, poisson_exact
from metamill.measures.registry import MEASURES, study_limits
from metamill.results import Pooled


def one_study(base: Pooled, data: Data, model: Model) -> Pooled:
    """The study's own result; nothing on the model scale where that would need a correction."""
    centre, low, high = (
        float(x[0])
        for x in study_limits(model.measure, data.columns, data.effects, model.level, data.scale)
    )
    least, most = MEASURES[model.measure].bounds
    low, high = (min(max(x, least), most) for x in sorted((low, high)))
    result = replace(base, pooled=False, estimate=centre, ci_low=low, ci_high=high)
    if MEASURES[model.measure].family in ("proportion", "rate", "correlation"):
        return result
    yi, se = float(data.effects.yi[0]), float(np.sqrt(data.effects.vi[0]))
    reach = float(ndtri(0.5 + model.level / 200)) * se
    return replace(result, mu=yi, se=se, mu_low=yi - reach, mu_high=yi + reach)


def without_variation(base: Pooled, data: Data, model: Model) -> Pooled | None:
    """No event at all, or nothing but events: no model, the exact limit of the total.

    None where there is something to model. Effective sample sizes need not be whole numbers; the
    exact limits are defined for them too. Several rows of one study may count the same units, so
    they have no total to take limits of.
    """
    family = MEASURES[model.measure].family
    if len(data.study) > base.k:
        what = _same_in_every_row(data)
        if what:
            note = f"{what}: nothing can be modelled, and rows of one study have no exact limits"
            return replace(base, pooled=False, notes=(note,))
        return None
    if family == "proportion":
        return _same_proportion(base, data, model)
    if family == "rate" and data.columns["events"].sum() == 0:
        time = np.full(1, data.columns["time"].sum())
        low, high = (float(x[0]) for x in poisson_exact(np.zeros(1), time, model.level))
        return _exact(base, "no study has an event", 0.0, (low, high))
    if "events_treatment" in data.columns:
        what = _same_in_both_groups(data)
        if what:
            return replace(base, pooled=False, notes=(f"{what}: no comparison can be pooled",))
    return None


def _same_in_every_row(data: Data) -> str:
    """What leaves rows of one group without variation, in words; empty where there is some."""
    if "events_treatment" in data.columns:
        return _same_in_both_groups(data)
    if "events" not in data.columns:
        return ""
    if not data.columns["events"].any():
        return "no study has an event"
    full = "total" in data.columns and (data.columns["events"] == data.columns["total"]).all()
    return "every unit has the event" if full else ""


def _same_in_both_groups(data: Data) -> str:
    """What leaves two groups nothing to compare, in words; empty where there is something."""
    if not any(data.columns[f"events_{arm}"].any() for arm in _ARMS):
        return "no study has an event in either group"
    if "total_treatment" in data.columns and all(
        (data.columns[f"events_{arm}"] == data.columns[f"total_{arm}"]).all() for arm in _ARMS
    ):
        return "every unit of both groups has the event"
    return ""


def _same_proportion(base: Pooled, data: Data, model: Model) -> Pooled | None:
    events, total = (float(data.columns[name].sum()) for name in ("events", "total"))
    if 0 < events < total:
        return None
    what = "no study has an event" if events == 0 else "every unit has the event"
    return _exact(base, what, events / total, clopper_pearson(events, total, model.level))


def _exact(base: Pooled, what: str, value: float, limits: tuple[float, float]) -> Pooled:
    note = f"{what}: no model can be fitted, the limits are exact ones of the total"
    low, high = limits
    return replace(base, pooled=False, estimate=value, ci_low=low, ci_high=high, notes=(note,))


_ARMS = ("treatment", "control")
