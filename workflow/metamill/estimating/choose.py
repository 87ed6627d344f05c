"""Which model an analysis gets, and where it gets none."""

from dataclasses import replace

from metamill.config.settings import Model
from metamill.estimating.bayes import bayesian
from metamill.estimating.beta_binomial import beta_binomial_estimate
from metamill.estimating.counts import common_effect
from metamill.estimating.data import Data, Estimate, informative_studies, known
from metamill.estimating.dependent import aggregated, robust, three_levels
from metamill.estimating.edges import one_study, without_variation
from metamill.estimating.glmm import mixed_model
from metamill.estimating.inverse_variance import inverse_variance
from metamill.estimating.notes import balance_notes, measure_notes
from metamill.estimating.scales import predicts
from metamill.measures.registry import MEASURES
from metamill.pooling.policy import Permission, permission
from metamill.results import Pooled


def estimate(data: Data, model: Model) -> Estimate:
    """Pool `data` under `model`: a number, or the reason why there is none.

    k counts independent studies, which may have several rows each where the model knows it. The
    policy of what k studies allow applies before any model is asked.
    """
    rows = len(data.effects.yi)
    k = int(data.study.max()) + 1 if rows else 0
    allowed = permission(informative_studies(data, model)) if k > 1 else permission(k)
    base = Pooled(k, policy=allowed.reason)
    if rows == k:
        size, event = MEASURES[model.measure].size, MEASURES[model.measure].event
        base = replace(base, n=_sum(data, size), events=_sum(data, event))
    if k == 0:
        return Estimate(replace(base, pooled=False, notes=(allowed.note,)))
    if k == 1:
        return Estimate(_single(base, data, model, allowed))
    proper_prior = model.method == "BAYES" and model.measure == "PLO"
    exact = None if proper_prior else without_variation(base, data, model)
    if exact is not None:
        return Estimate(exact)
    if _warns(model, allowed):
        base = replace(base, notes=(_TWO_BY_Z if k == 2 and model.test == "z" else allowed.note,))
    if rows > k:
        note = f"{rows} effects of {k} studies; rows of one study are not added up to n and events"
        base = replace(base, notes=(*base.notes, note))
    try:
        found = _pooled(base, data, model, allowed)
    except ArithmeticError as reason:
        return Estimate(replace(base, pooled=False, notes=(f"no estimate: {reason}",)))
    told = (*measure_notes(found.pooled, data, model), *balance_notes(found, data))
    notes = (*found.pooled.notes, *told)
    return replace(found, pooled=replace(found.pooled, notes=notes))


def _pooled(base: Pooled, data: Data, model: Model, allowed: Permission) -> Estimate:
    if model.aggregate:
        return aggregated(base, data, model, allowed)
    match model.method:
        case "GLMM":
            return mixed_model(base, data, model, allowed)
        case "BETABIN":
            return beta_binomial_estimate(base, data, model)
        case "MH" | "PETO":
            return common_effect(base, data, model, allowed)
        case "BAYES":
            return bayesian(base, data, model, allowed)
        case "RVE":
            return robust(base, data, model, allowed)
        case "MV":
            return three_levels(base, data, model, allowed)
    if model.test == "cr2":
        return robust(base, data, model, allowed)
    return inverse_variance(base, data, model, allowed)


_TWO_BY_Z = (
    "two studies: no prediction interval, and a normal interval that is far too short for two "
    "studies; draw no conclusion from it alone"
)


def _sum(data: Data, names: tuple[str, ...]) -> float | None:
    return known(sum(data.columns[name].sum() for name in names)) if names else None


def _single(base: Pooled, data: Data, model: Model, allowed: Permission) -> Pooled:
    """One study's own result; several rows of it are shown and not combined."""
    if len(data.effects.yi) > 1:
        note = "one study with several effects: they are shown, nothing is pooled"
        return replace(base, pooled=False, notes=(note,))
    return replace(one_study(base, data, model), notes=(allowed.note,))


def _warns(model: Model, allowed: Permission) -> bool:
    """Whether the policy's warning concerns this analysis.

    A prior makes up for a missing degree of freedom, and a doubtful prediction interval is only
    worth a word where one is shown.
    """
    if not allowed.note or model.method == "BAYES":
        return False
    if allowed.doubtful_prediction:
        return predicts(model, allowed)
    return model.method not in ("MH", "PETO")
