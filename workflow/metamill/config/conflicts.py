"""Model settings that do not go together."""

from collections.abc import Iterator

from metamill.config.methods import (
    DEPENDENT,
    ICC_MEASURES,
    KNOWN_TAU_SCALE,
    METHODS,
    THRESHOLD_RANGES,
    is_inverse_variance,
    takes_fractions,
)
from metamill.config.settings import Model

Conflict = tuple[str, str, str, str]


def conflicts(model: Model) -> Iterator[Conflict]:
    """Settings that do not go together: the key at fault, the rule, what to do, the code."""
    yield from _with_the_method(model)
    yield from _with_the_intervals(model)
    yield from _with_the_data(model)


def _with_the_method(model: Model) -> Iterator[Conflict]:
    method, name = METHODS[model.method], model.method
    if method.measures is not None and model.measure not in method.measures:
        rule = f"method {name} pools {method.what}, not {model.measure}"
        advice = f"Set measure: {' or '.join(method.measures)}, or another method"
        yield "method", rule, advice, "method-of-measure"
    if model.test not in method.tests:
        rule = f"is no test of method {name}"
        offered = " or ".join(test for test in method.tests if test != "posterior")
        other = ", or a method that has it (method: REML)" if name == "GLMM" else ""
        advice = f"Set test: {offered}{other}" if offered else "Remove the line"
        yield "test", rule, advice, "test-of-method"
    if name == "GLMM" and model.measure == "IRR" and model.glmm == "CM.AL":
        rule = "the conditional model of rate ratios is exact, there is no approximate one"
        yield "glmm", rule, "Set glmm: CM.EL or UM.FS", "exact-model"
    if name == "BAYES" and model.tau_prior is None and model.measure not in KNOWN_TAU_SCALE:
        rule = f"BAYES needs the scale of the prior of tau for {model.measure}"
        yield "method", rule, "Set tau_prior, in the units of the effect", "no-prior"


def _with_the_intervals(model: Model) -> Iterator[Conflict]:
    name = model.method
    if model.test == "cr2" and is_inverse_variance(name) and model.tau2_interval is not None:
        rule = "test cr2 gives no interval of tau2"
        yield "tau2_interval", rule, "Remove the line", "interval-of-method"
    elif model.tau2_interval == "PL" and name not in ("ML", "REML"):
        rule = f"the profile likelihood of tau2 belongs to ML and REML, not to {name}"
        advice = "Set method: REML, or remove the line"
        yield "tau2_interval", rule, advice, "interval-of-method"
    if model.tau2_interval == "QP" and not is_inverse_variance(name):
        rule = f"the Q-profile needs inverse-variance pooling, not {name}"
        yield "tau2_interval", rule, "Remove the line", "interval-of-method"
    if model.prediction_interval == "knha" and (
        not is_inverse_variance(name) or model.test == "cr2"
    ):
        rule = f"Knapp-Hartung needs inverse-variance pooling, not {name}"
        yield "prediction_interval", rule, "Set prediction_interval: t", "interval-of-method"


def _with_the_data(model: Model) -> Iterator[Conflict]:
    method, name = METHODS[model.method], model.method
    if model.aggregate and (model.measure == "PFT" or name == "BAYES" or model.test == "cr2"):
        rule = "aggregated effects are not pooled by PFT, BAYES or cr2"
        advice = "Set another measure, method or test, or remove the line"
        yield "aggregate", rule, advice, "aggregated-effects"
    elif model.aggregate and (method.own_counts or name in DEPENDENT):
        rule = f"method {name} cannot pool aggregated effects"
        advice = "Set a method that pools effects, for example REML"
        yield "aggregate", rule, advice, "aggregated-effects"
    low, high = THRESHOLD_RANGES.get(model.measure, (float("-inf"), float("inf")))
    if not all(low < x < high for x in model.thresholds):
        bounds = f"between {low:g} and {high:g}" if high < float("inf") else f"above {low:g}"
        rule = f"a threshold of {model.measure} lies {bounds}"
        advice = "Write proportions as 0 to 1, not in per cent"
        yield "thresholds", rule, advice, "threshold-out-of-range"
    exact = name == "GLMM" and model.measure == "OR" and model.glmm == "CM.EL"
    if model.icc is not None and exact:
        rule = "the exact likelihood CM.EL needs whole counts"
        yield "icc", rule, "Set glmm: UM.FS or CM.AL", "icc-of-method"
    elif model.icc is not None and not takes_fractions(name, model.measure, model.glmm):
        rule = f"method {name} cannot pool effective sample sizes of measure {model.measure}"
        counts = ", ".join(ICC_MEASURES)
        advice = f"They are for counts ({counts}) by inverse variance, GLMM, RVE or MV"
        yield "icc", rule, advice, "icc-of-method"
    if model.rho is not None and not (model.aggregate or name in DEPENDENT):
        rule = f"method {name} uses no correlation within studies"
        yield "rho", rule, "Set aggregate: true, or method: RVE or MV", "rho-of-method"
