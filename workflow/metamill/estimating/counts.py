"""Mantel-Haenszel and Peto pooling of one analysis, as `Pooled`."""

from dataclasses import replace
from typing import Any

import numpy as np

from metamill.config.settings import Model
from metamill.estimating.data import Data, Estimate
from metamill.estimating.scales import on_natural_scale
from metamill.explored.common import Test
from metamill.pooling.count_tests import (
    breslow_day,
    cochran_mantel_haenszel,
    mantel_haenszel_rates,
    tarone,
)
from metamill.pooling.identified import NotIdentified
from metamill.pooling.mantel_haenszel import mantel_haenszel
from metamill.pooling.peto import peto
from metamill.pooling.policy import Permission
from metamill.results import Pooled

_SHARED = ("mu", "se", "mu_low", "mu_high", "p_value")
_NOTE = "no continuity correction; one common effect, so neither tau2 nor a prediction interval"


def common_effect(base: Pooled, data: Data, model: Model, allowed: Permission) -> Estimate:
    """MH or PETO; raises NotIdentified where the counts leave the effect undefined."""
    if model.method == "PETO":
        fit = peto(data.columns, model.level)
    else:
        fit = mantel_haenszel(data.columns, model.measure, model.level)
    numbers: dict[str, Any] = {name: float(getattr(fit, name)) for name in _SHARED}
    numbers |= {"pi_low": np.nan, "pi_high": np.nan}
    notes = [*base.notes, _NOTE]
    silent = len(fit.uninformative)
    if silent:
        notes.append(
            f"{silent} of {base.k} studies say nothing about the effect, having no event (or "
            "nothing else) in both groups, or the same in every unit"
        )
    if np.isfinite(fit.q) and fit.q_df + 1 < base.k:
        notes.append(f"Q and I2 are those of the {int(fit.q_df) + 1} studies without an empty cell")
    heterogeneity: dict[str, Any] = {"q": float(fit.q), "i2": float(fit.i2), "h2": float(fit.h2)}
    known = np.isfinite(fit.q)
    result = replace(
        base,
        **on_natural_scale(numbers, data, model, allowed),
        **{name: numbers[name] for name in _SHARED},
        **(heterogeneity if known else {}),
        q_df=int(fit.q_df) if known else None,
        q_p=float(fit.q_p) if known else None,
        weights="Peto" if model.method == "PETO" else "Mantel-Haenszel",
        tests=tuple(_tests(data, model)),
        notes=tuple(notes),
    )
    return Estimate(result, fit.weights)


def _tests(data: Data, model: Model) -> list[Test]:
    """The tests that belong to Mantel-Haenszel, as far as the counts allow each."""
    if model.method == "PETO":
        return []
    tests = {"OR": (cochran_mantel_haenszel, breslow_day, tarone), "IRR": (mantel_haenszel_rates,)}
    found = []
    for test in tests.get(model.measure, ()):
        try:
            item = test(data.columns)
        except NotIdentified:
            continue
        found.append(Test(item.name, item.statistic, item.df, item.p_value))
    return found
