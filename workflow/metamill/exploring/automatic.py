"""Sensitivity analyses that every analysis gets: each changes one decision and nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from metamill.config.conflicts import conflicts
from metamill.config.methods import (
    DEFAULT_TAU_PRIOR,
    DEPENDENT,
    METHODS,
    NO_TAU2,
    is_inverse_variance,
    own_counts,
)
from metamill.config.settings import Model, Outcome, Plan
from metamill.exploring.automatic_rows import other_rows
from metamill.measures.registry import MEASURES
from metamill.results import Analysis
from metamill.tables.pools import identity
from metamill.tables.selection import Selection

TAU2_ESTIMATORS = ("REML", "DL", "PM", "ML", "SJ")
"""One of each family (Veroniki et al. 2016, doi 10.1002/jrsm.1164): restricted and full likelihood,
moments with fixed weights, moments with their own weights (EB gives the same number), model error.
"""
INTERVALS = ("adhoc", "knha", "t", "z")
QUARTER = 0.25
"""A smaller continuity correction than the usual 0.5."""
_TOUCHED = "continuity correction"

Change = tuple[str, Model]
"""What an analysis changes, in words, and its model."""


def automatic(
    outcome: Outcome, selection: Selection, primary: Analysis, others: Sequence[Plan] = ()
) -> list[Plan]:
    """Plans named "sensitivity:<what>" for every choice that could have been another one.

    One at a time: the estimator of tau2, equal effects, the kind of interval, another model of
    counts, the continuity correction where a row of `primary` (the primary analysis) has one, rows
    whose numbers the source does not print, and studies that share a cohort. `others` are further
    analyses that are run anyway. None is added that equals the primary analysis or another in model
    and rows, or whose settings do not go together. Only the rows are changed where nothing was
    pooled, as no model has been applied. Empty where the settings want none.
    """
    if not outcome.explorations.automatic_sensitivity:
        return []
    plan, rows = outcome.plans[0], selection.rows
    candidates: list[Plan] = []
    if primary.pooled.pooled and primary.pooled.k > 1:
        corrected = any(
            flag.startswith(_TOUCHED) for effect in primary.effects for flag in effect.flags
        )
        candidates += [
            replace(plan, name=f"sensitivity:{what}", model=model)
            for what, model in _other_models(plan.model, corrected)
            if not list(conflicts(model))
        ]
    candidates += other_rows(plan, selection)
    runs = [*outcome.plans, *others]
    there = {identity(rows, item) for item in runs}
    names = {item.name.casefold() for item in runs}
    found = []
    for item in candidates:
        key = identity(rows, item)
        if key not in there and item.name.casefold() not in names:
            there.add(key)
            names.add(item.name.casefold())
            found.append(item)
    return found


def _other_models(model: Model, corrected: bool) -> Iterator[Change]:
    """`corrected`: an effect of some row was computed with a continuity correction."""
    weighted = is_inverse_variance(model.method)
    if weighted and model.test != "cr2":
        yield from _of_tau2(model)
    if not (model.method in DEPENDENT or model.test in ("cr2", "posterior")):
        yield from _intervals(model)
    if model.method == "BAYES":
        yield from _instead_of_a_prior(model)
    elif model.dependent:
        yield from _of_dependence(model)
    elif METHODS[model.method].own_counts:
        yield from _instead_of_counts(model)
    if weighted and corrected and not model.dependent:
        yield from _corrections(model)


def _of_tau2(model: Model) -> Iterator[Change]:
    def with_method(method: str) -> Model:
        test = "adhoc" if model.test == "pl" and method != "ML" else model.test
        likelihood = model.tau2_interval == "PL" and method not in ("ML", "REML")
        interval = None if likelihood else model.tau2_interval
        return replace(model, method=method, test=test, tau2_interval=interval)

    for method in TAU2_ESTIMATORS:
        if method != model.method:
            yield f"tau2 by {method}", with_method(method)
    if model.method != "EE":
        yield "equal effects (no tau2)", with_method("EE")


def _intervals(model: Model) -> Iterator[Change]:
    for test in INTERVALS:
        if test != model.test and test in METHODS[model.method].tests:
            yield f"{_INTERVAL_NAMES[test]} interval", replace(model, test=test)


_INTERVAL_NAMES = {
    "adhoc": "Hartung-Knapp, max(1, q)",
    "knha": "Hartung-Knapp",
    "t": "t",
    "z": "normal",
}


def _of_dependence(model: Model) -> Iterator[Change]:
    """Other models of several rows of one study, under the same assumed correlation."""
    rho = 0.5 if model.rho is None else model.rho
    plain = replace(
        model, aggregate=False, tau2_interval=None, prediction_interval="t", rho=rho, test="t"
    )
    if model.method != "RVE":
        yield "robust variance (RVE)", replace(plain, method="RVE", test="cr2")
    if model.method != "MV":
        yield "three levels (MV)", replace(plain, method="MV")
    if not model.aggregate:
        yield (
            "one effect per study",
            replace(plain, method="REML", test="adhoc", aggregate=True),
        )


def _instead_of_a_prior(model: Model) -> Iterator[Change]:
    """Half and twice the scale of the prior of tau, and no prior."""
    scale = DEFAULT_TAU_PRIOR if model.tau_prior is None else model.tau_prior
    for other in (scale / 2, 2 * scale):
        yield f"half-normal({other:g}) prior of tau", replace(model, tau_prior=other)
    if own_counts(model.method, model.measure):
        yield "mixed model", replace(model, method="GLMM", test="t")
    else:
        yield "REML without a prior", replace(model, method="REML", test="adhoc")


def _instead_of_counts(model: Model) -> Iterator[Change]:
    """Beside a model of the counts: its other forms, and inverse variance."""
    if model.method == "GLMM" and MEASURES[model.measure].null is not None:
        for name in ("UM.FS", "CM.AL", "CM.EL"):
            if name != model.glmm:
                yield f"mixed model {name}", replace(model, glmm=name)
    plain = replace(
        model, method="REML", test="adhoc", add=None, to=None, tau2_interval=None, glmm=Model.glmm
    )
    if model.method == "BETABIN":
        yield "mixed model", replace(plain, method="GLMM", test="t")
    if model.method in ("MH", "PETO"):
        plain = replace(plain, prediction_interval="t")
        for method in ("MH", "PETO"):
            if method != model.method:
                yield _COMMON[method], replace(model, method=method, add=None, to=None)
        if model.measure in ("OR", "IRR"):
            yield "mixed model UM.FS", replace(plain, method="GLMM", test="t")
    if model.measure == "PLO":
        yield "logit, inverse variance", plain
        yield "arcsine, inverse variance", replace(plain, measure="PAS")
    elif MEASURES[model.measure].null is None:
        yield "logarithm, inverse variance", plain
    else:
        yield "inverse variance", plain


_COMMON = {"MH": "Mantel-Haenszel", "PETO": "Peto"}


def _corrections(model: Model) -> Iterator[Change]:
    """Other continuity corrections, and models that need none."""
    measure = MEASURES[model.measure]
    add = measure.add if model.add is None else model.add
    to = measure.to if model.to is None else model.to
    for other in (0.5, QUARTER):
        if other != add:
            yield f"{other:g} added to cells", replace(model, add=other)
    for rows, words in (
        ("only0", "only rows with a zero corrected"),
        ("all", "all rows corrected"),
    ):
        if rows != to:
            yield words, replace(model, to=rows)
    if measure.null is None:
        if model.measure in ("PLO", "IRLN"):
            yield "mixed model", _of_counts(model, "GLMM", "t")
        return
    yield _COMMON["MH"], _of_counts(model, "MH", "z")
    if model.measure == "OR":
        yield _COMMON["PETO"], _of_counts(model, "PETO", "z")
    if model.measure in ("OR", "IRR"):
        yield "mixed model UM.FS", _of_counts(model, "GLMM", "t")


def _of_counts(model: Model, method: str, test: str) -> Model:
    found = replace(
        model, method=method, test=test, add=None, to=None, tau2_interval=None,
        prediction_interval="t",
    )  # fmt: skip
    return found if method not in NO_TAU2 else replace(found, tau_prior=None)
