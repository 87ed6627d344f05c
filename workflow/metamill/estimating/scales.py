"""From the model scale to the printed one: estimates, limits, thresholds."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import logit

from metamill.config.methods import NO_TAU2
from metamill.config.settings import Model
from metamill.estimating.data import Data
from metamill.measures.registry import MEASURES, to_natural
from metamill.pooling.policy import Permission
from metamill.results import Beyond

_LIMITS = (("ci_low", "ci_high", "mu_low", "mu_high"), ("pi_low", "pi_high", "pi_low", "pi_high"))


def natural_value(x: float, data: Data, model: Model) -> float:
    """One value of the model scale on the natural scale, within the bounds of the measure."""
    sizes = data.columns.get("total")
    value = float(to_natural(model.measure, np.array([x]), sizes=sizes, scale=data.scale)[0])
    least, most = MEASURES[model.measure].bounds
    return min(max(value, least), most)


def natural_limits(low: float, high: float, data: Data, model: Model) -> tuple[float, float]:
    """Two limits of the model scale on the natural scale, the lower one first."""
    first, second = sorted(natural_value(x, data, model) for x in (low, high))
    return first, second


def predicts(model: Model, allowed: Permission) -> bool:
    """Whether this model and this number of studies give a prediction interval."""
    return model.prediction and allowed.prediction and model.method not in (*NO_TAU2, "BETABIN")


def on_natural_scale(
    values: Mapping[str, float], data: Data, model: Model, allowed: Permission
) -> dict[str, Any]:
    """estimate, ci_* and pi_* from mu, mu_low, mu_high, pi_low and pi_high (nan: has none).

    A prediction interval appears only where `allowed` and the settings permit one.
    """
    found: dict[str, Any] = {
        "estimate": natural_value(values["mu"], data, model),
        "pi_low": None,
        "pi_high": None,
    }
    for low, high, at_low, at_high in _LIMITS:
        if low == "pi_low" and not predicts(model, allowed):
            continue
        if np.isfinite(values[at_low]) and np.isfinite(values[at_high]):
            limits = natural_limits(values[at_low], values[at_high], data, model)
            found |= dict(zip((low, high), limits, strict=True))
    found["pi_doubtful"] = found["pi_low"] is not None and allowed.doubtful_prediction
    return found


def beyond(
    probability: Callable[[float], float], data: Data, model: Model, allowed: Permission
) -> tuple[Beyond, ...]:
    """For each threshold the probability that a new study's true value lies above it.

    `probability` gives that of lying above a value on the model scale. None where there is no
    prediction, as for one or two studies, and for the double arcsine, which no single size inverts.
    """
    forward = _FORWARD.get(data.scale or MEASURES[model.measure].scale)
    if not predicts(model, allowed) or forward is None:
        return ()
    bounds = MEASURES[model.measure].bounds
    found = (_beyond(c, bounds, forward, probability) for c in model.thresholds)
    return tuple(item for item in found if np.isfinite(item.above))


def _beyond(
    threshold: float,
    bounds: tuple[float, float],
    forward: Callable[[float], float],
    probability: Callable[[float], float],
) -> Beyond:
    """At and beyond the ends of the scale the answer is certain."""
    least, most = bounds
    with np.errstate(divide="ignore", invalid="ignore"):
        at = forward(threshold)
    if threshold < least or threshold >= most or not np.isfinite(at):
        return Beyond(threshold, 1.0 if threshold <= max(least, 0.0) else 0.0)
    above = probability(at)
    if forward is _complementary_log_log:
        above = 1 - above
    return Beyond(threshold, above)


def _complementary_log_log(p: float) -> float:
    return float(np.log(-np.log(p)))


_FORWARD: dict[str, Callable[[float], float]] = {
    "identity": float,
    "log": lambda x: float(np.log(x)),
    "logit": lambda p: float(logit(p)),
    "cloglog": _complementary_log_log,
    "arcsine": lambda p: float(np.arcsin(np.sqrt(p))),
    "square": lambda x: float(np.sqrt(x)),
    "tanh": lambda r: float(np.arctanh(r)),
}
"""To the model scale, for every scale with one inverse; nan where the natural scale ends."""
