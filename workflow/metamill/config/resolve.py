"""Defaults, outcome and sensitivity entries laid over each other; rules a schema cannot say."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from metamill.config.conflicts import conflicts
from metamill.config.figures import FIGURES, REVIEW_FIGURES
from metamill.config.layers import layered
from metamill.config.methods import ASSUMED_CORRELATIONS, ASSUMED_ICC, CHANGE_MEASURES
from metamill.config.moderating import moderators_of
from metamill.config.multiverse import decisions_of
from metamill.config.origin import Origin, shown
from metamill.config.plain_text import cleaned
from metamill.config.scores import score_of, score_problems
from metamill.config.settings import (
    YEAR,
    Acceptance,
    Display,
    Explorations,
    Model,
    Outcome,
    Plan,
    Review,
    RowFilter,
)
from metamill.config.showing import as_wanted, display_of, formats_wanted, in_order
from metamill.config.strict_yaml import Path
from metamill.errors import Problem

NATIVE_POINTS = ("MC", "MD")
"""Measures in the score's own points, where an important difference is a threshold."""
_DEVICES = (
    "con",
    "nul",
    "aux",
    "prn",
    *(f"{port}{i}" for port in ("com", "lpt") for i in range(10)),
)
RESERVED_NAMES = (*_DEVICES, "all", "pooled", "logs", "manuscript", "review")
"""Names that no folder of results may have, or that hold something else there."""

Layer = tuple[Path, Mapping[str, Any]]
"""Settings of one place, and the path to them."""


def resolve(data: Mapping[str, Any], origin: Origin) -> tuple[Review, list[Problem]]:
    """The review's settings and the problems that stand against them."""
    problems: list[Problem] = []
    figures = data.get("figures", {})
    defaults: Layer = (("model",), data.get("model", {}))
    explored = data.get("explorations", {})
    outcomes, displays = {}, {}
    for name, entry in data["outcomes"].items():
        at: Path = ("outcomes", name)
        if name in RESERVED_NAMES:
            rule, advice, code = "is reserved", "Choose another name", "reserved-name"
            problems.append(Problem(rule=rule, advice=advice, code=code, **origin.place(at)))
        outcomes[name] = _outcome(name, (at, entry), defaults, explored, origin, problems)
        displays[name] = as_wanted(display_of(entry), figures)
        if not in_order(displays[name]):
            place = origin.place((*at, "scale"))
            rule, advice, code = "min must be below max", "Swap or correct them", "min-above-max"
            problems.append(Problem(rule=rule, advice=advice, code=code, **place))
        problems += score_problems(name, entry, origin)
    about = dict(data["review"])
    review = Review(
        about,
        outcomes,
        displays,
        scores={name: score_of(name, entry, origin) for name, entry in data["outcomes"].items()},
        accepted={name: _accepted(name, entry, origin) for name, entry in data["outcomes"].items()},
        look=as_wanted(Display(cleaned(about["title"])), figures),
        figures=tuple(figures.get("draw", (*FIGURES, *REVIEW_FIGURES))),
        formats=formats_wanted(figures),
        overrides=dict(origin.overrides),
    )
    return review, problems


def _outcome(
    name: str,
    own: Layer,
    defaults: Layer,
    shared: Mapping[str, Any],
    origin: Origin,
    problems: list[Problem],
) -> Outcome:
    """`defaults` are the section `model`, `shared` the section `explorations`."""
    at, entry = own
    exclude = tuple(
        RowFilter(
            origin.levels((*at, "exclude", i), {k: v for k, v in item.items() if k != "reason"}),
            cleaned(item["reason"]),
        )
        for i, item in enumerate(entry.get("exclude", ()))
    )
    model = _model((defaults, own), origin, problems)
    important = _important_thresholds(entry, model)
    model = replace(model, thresholds=model.thresholds or important)
    primary = Plan("primary", model, exclude, same_cohort=dict(entry.get("same_cohort", {})))
    plans = [primary]
    for index, change in enumerate(entry.get("sensitivity", ())):
        here = (*at, "sensitivity", index)
        changed = _model((defaults, own, (here, change)), origin, problems)
        points = _important_thresholds(entry, changed)
        plans.append(
            replace(
                primary,
                name=f"sensitivity:{cleaned(change['name'])}",
                model=replace(changed, thresholds=changed.thresholds or points),
                include=_row_filter(change, "include", here, origin, ""),
                drop=_row_filter(
                    change, "exclude", here, origin, f"left out by '{cleaned(change['name'])}'"
                ),
                same_cohort=primary.same_cohort | change.get("same_cohort", {}),
            )
        )
    plans += _grids(primary)
    problems += _repeated_names(plans, (*at, "sensitivity"), entry, origin)
    select = origin.levels((*at, "select"), entry.get("select", {}))
    return Outcome(
        name,
        entry["table"],
        select,
        tuple(plans),
        tuple(entry.get("subgroups", ())),
        entry.get("leave_one_out", True),
        _orders(entry.get("cumulative")),
        moderators_of(entry, (*at, "moderators"), origin, problems),
        entry.get("subgroup_tau2", Outcome.subgroup_tau2),
        Explorations(**{**shared, **entry.get("explorations", {})}),
        multiverse=decisions_of(entry, (defaults, own), at, origin, problems),
    )


def _orders(wanted: Any) -> tuple[str, ...] | None:
    """The orders in which studies are added; None where config.yaml leaves them open."""
    if wanted is None or isinstance(wanted, bool):
        return {None: None, False: (), True: (YEAR,)}[wanted]
    return (wanted,) if isinstance(wanted, str) else tuple(wanted)


def _important_thresholds(entry: Mapping[str, Any], model: Model) -> tuple[float, ...]:
    """The important difference in the direction that is better, in both where none is stated."""
    difference = entry.get("scale", {}).get("important_difference")
    if difference is None or model.measure not in NATIVE_POINTS:
        return ()
    better = {"lower": (-difference,), "higher": (difference,)}
    return better.get(entry.get("direction", ""), (-difference, difference))


def _grids(primary: Plan) -> list[Plan]:
    """The primary analysis under other values of what it has to assume."""
    model = primary.model
    grids: list[tuple[str, str, tuple[float, ...]]] = []
    if model.measure in CHANGE_MEASURES:
        grids.append(("correlation", "r", ASSUMED_CORRELATIONS))
    if model.rho is not None:
        grids.append(("rho", "rho", ASSUMED_CORRELATIONS))
    if model.icc is not None:
        grids.append(("icc", "ICC", ASSUMED_ICC))
    return [
        replace(primary, name=f"sensitivity:{name} = {x:g}", model=_assuming(model, key, x))
        for key, name, values in grids
        for x in values
        if x != getattr(model, key)
    ]


def _assuming(model: Model, key: str, value: Any) -> Model:
    """The model with another assumption, which sibling studies do not forestall."""
    siblings = model.sibling_correlation and key != "correlation"
    return replace(model, **{key: value}, sibling_correlation=siblings)


def _repeated_names(
    plans: list[Plan], at: Path, entry: Mapping[str, Any], origin: Origin
) -> list[Problem]:
    """Names of analyses must differ by more than case; those of the grids are taken."""
    written = len(entry.get("sensitivity", ()))
    names = [plan.name.casefold() for plan in plans[1:]]
    return [
        Problem(
            rule="another sensitivity analysis of this outcome has this name",
            advice="Rename one",
            value=plans[i + 1].name.removeprefix("sensitivity:"),
            code="duplicate-analysis",
            **origin.place((*at, i, "name")),
        )
        for i in range(written)
        if names[i] in names[:i] or names[i] in names[written:]
    ]


def _model(layers: tuple[Layer, ...], origin: Origin, problems: list[Problem]) -> Model:
    """The model that the layers make; settings that do not go together become problems."""
    model, set_in = layered([layer for _, layer in layers])
    for key, rule, advice, code in conflicts(model):
        blamed = max(("measure", "method"), key=lambda key: set_in.get(key, -1))
        if key != "method" and key in set_in:
            blamed = key
        at = origin.place((*layers[set_in[blamed]][0], blamed))
        said = _shown(getattr(model, blamed))
        problem = Problem(rule=rule, advice=advice, value=said, code=code, **at)
        if problem not in problems:
            problems.append(problem)
    return model


def _shown(value: Any) -> str:
    return ", ".join(map(shown, value)) if isinstance(value, tuple) else shown(value)


def _accepted(name: str, entry: Mapping[str, Any], origin: Origin) -> tuple[Acceptance, ...]:
    return tuple(
        Acceptance(
            origin.levels(
                ("outcomes", name, "audit", "accept", i),
                {k: v for k, v in item.items() if k not in ("reason", "check")},
            ),
            cleaned(item["reason"]),
            item.get("check", ""),
        )
        for i, item in enumerate(entry.get("audit", {}).get("accept", ()))
    )


def _row_filter(
    change: Mapping[str, Any], key: str, at: Path, origin: Origin, reason: str
) -> RowFilter | None:
    if key not in change:
        return None
    return RowFilter(origin.levels((*at, key), change[key]), reason)
