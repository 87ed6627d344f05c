"""Settings of a model in layers: defaults, an outcome's own, those of one of its analyses."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from metamill.config.conflicts import conflicts
from metamill.config.methods import (
    DEFAULT_TAU_PRIOR,
    DEPENDENT,
    GLMM_BY_DEFAULT,
    KNOWN_TAU_SCALE,
    METHODS,
)
from metamill.config.settings import Model

MODEL_KEYS = tuple(f.name for f in fields(Model))
DEFAULT_RHO = 0.5
OUTCOME_DEPTH = 1
"""The layer of an outcome's own settings, between the section `model` and further layers."""
_DEFAULTS_ONLY = ("rho", "tau2_interval", "prediction_interval")
"""Settings that the section `model` may hold for those analyses that can use them."""


def layered(layers: Sequence[Mapping[str, Any]]) -> tuple[Model, dict[str, int]]:
    """The model that layers of settings make, and which of them decided each key that is set.

    The last layer that sets a key decides it. The first one is the section `model`, the second an
    outcome's own. A method that has no Knapp-Hartung variance takes its own first test unless
    `test` is set where, or below where, the method is chosen. Whether the settings go together is
    for config.conflicts to say.
    """
    chosen: dict[str, Any] = {}
    set_in: dict[str, int] = {}
    for depth, layer in enumerate(layers):
        here = {key: layer[key] for key in MODEL_KEYS if key in layer}
        chosen |= here
        set_in |= dict.fromkeys(here, depth)
    chosen.setdefault("method", "GLMM" if chosen["measure"] in GLMM_BY_DEFAULT else Model.method)
    method = METHODS[chosen["method"]]
    chosen_at = set_in.get("method", set_in["measure"])
    if "adhoc" not in method.tests and set_in.get("test", -1) < chosen_at:
        chosen["test"] = method.tests[0]
    _drop_what_belongs_to_another_measure(chosen, set_in)
    if set_in.get("correlation", 0) > OUTCOME_DEPTH and "sibling_correlation" not in chosen:
        chosen["sibling_correlation"] = False
    for key in ("level", "tau_prior", "rho", "icc", "correlation", "add"):
        if key in chosen:
            chosen[key] = float(chosen[key])
    if chosen["method"] == "BAYES" and chosen["measure"] in KNOWN_TAU_SCALE:
        chosen.setdefault("tau_prior", DEFAULT_TAU_PRIOR)
    chosen["thresholds"] = tuple(float(x) for x in chosen.get("thresholds", ()))
    if chosen.get("method") in DEPENDENT or chosen.get("aggregate"):
        chosen.setdefault("rho", DEFAULT_RHO)
    model = Model(**chosen)
    idle = {key for key, *_ in conflicts(model) if key in _DEFAULTS_ONLY and not set_in.get(key)}
    reset: dict[str, Any] = {key: getattr(Model, key) for key in idle}
    return replace(model, **reset), set_in


def _drop_what_belongs_to_another_measure(
    chosen: dict[str, Any], set_in: Mapping[str, int]
) -> None:
    """Thresholds and priors of tau are on the scale of the measure that they were set for.

    A prior in the section `model` stands for the measures on whose scale it is known to be
    sensible.
    """
    if set_in.get("thresholds", 0) < set_in["measure"]:
        chosen.pop("thresholds", None)
    prior = set_in.get("tau_prior", 0)
    known = prior < OUTCOME_DEPTH and chosen["measure"] in KNOWN_TAU_SCALE
    if prior < set_in["measure"] and not known:
        chosen.pop("tau_prior", None)
