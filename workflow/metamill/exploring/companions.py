"""Analyses that run beside the primary one because of what it is, not because config asks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from metamill.config.methods import ASSUMED_ICC, KNOWN_TAU_SCALE, own_counts, takes_fractions
from metamill.config.settings import Plan
from metamill.estimating import Data
from metamill.estimating.data import informative_studies
from metamill.pooling.policy import permission
from metamill.tables.needs import WITHIN_PATIENTS, missing_clusters

HALF_NORMAL_SCALES = (0.5, 1.0)


def companions(primary: Plan, data: Data, rows: Sequence[Mapping[str, str]]) -> Sequence[Plan]:
    """The companions of a primary analysis of `data`, read from the cells of `rows`.

    Units within patients, where every row says of how many patients: effective sample sizes over a
    grid of intra-class correlations (Cochrane Handbook 23.1.4), as sensitivity analyses. Two to
    four studies: a Bayesian analysis with half-normal priors of tau (Friede et al. 2017, doi
    10.1002/jrsm.1217). Proportions under a GLMM: the beta-binomial model (Kuss 2015, doi
    10.1002/sim.6383). Ratios that drop studies without events in both groups: the risk difference
    that keeps them.
    """
    model, studies = primary.model, informative_studies(data, primary.model)
    added = []
    if permission(studies).bayesian_companion and model.method != "BAYES":
        of_counts = own_counts(model.method, model.measure)
        for scale in _prior_scales(primary):
            bayes = replace(
                model,
                add=None if of_counts else model.add,
                to=None if of_counts else model.to,
                method="BAYES",
                test="posterior",
                tau_prior=scale,
                tau2_interval=None,
                prediction_interval="t",
            )
            name = f"companion:Bayes, half-normal({scale:g}) prior of tau"
            added.append(replace(primary, name=name, model=bayes))
    if model.method == "GLMM" and model.measure == "PLO" and studies > 1 and not model.icc:
        beta = replace(model, method="BETABIN", prediction_interval="t")
        added.append(replace(primary, name="companion:beta-binomial", model=beta))
    drops = model.method in ("MH", "PETO", "GLMM") and model.measure in ("OR", "RR")
    if drops and _double_zero(data) and studies > 1 and not model.icc:
        kept = replace(model, measure="RD", method="MH", test="z", thresholds=())
        name = "companion:risk difference with the studies without events"
        added.append(replace(primary, name=name, model=kept))
    return added + _icc_grid(primary, rows)


def _icc_grid(primary: Plan, rows: Sequence[Mapping[str, str]]) -> list[Plan]:
    model = primary.model
    within = rows and all(
        cells.get("unit") in WITHIN_PATIENTS and not missing_clusters(model.measure, cells)
        for cells in rows
    )
    fractions = takes_fractions(model.method, model.measure, model.glmm)
    if model.icc is not None or not fractions or not within:
        return []
    return [
        replace(primary, name=f"sensitivity:ICC = {icc:g}", model=replace(model, icc=icc))
        for icc in ASSUMED_ICC
        if icc > 0
    ]


def _prior_scales(primary: Plan) -> tuple[float, ...]:
    """The prior scales that mean something on the scale that is pooled.

    0.5 and 1 are meant for log ratios, logits and standardised differences; effects in points or
    per cent have no scale that is known beforehand.
    """
    model = primary.model
    if model.dependent or (model.icc and model.measure == "PLO"):
        return ()
    if model.tau_prior is not None:
        return (model.tau_prior,)
    return HALF_NORMAL_SCALES if model.measure in KNOWN_TAU_SCALE else ()


def _double_zero(data: Data) -> bool:
    if "events_treatment" not in data.columns:
        return False
    none = (data.columns["events_treatment"] == 0) & (data.columns["events_control"] == 0)
    return bool(none.any())
