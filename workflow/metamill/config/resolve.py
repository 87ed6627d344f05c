"""Defaults, outcome and sensitivity entries laid over each other; rules a schema cannot say."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from metamill.config.origin import Origin
from metamill.config.plain_text import cleaned
from metamill.config.settings import Display, Levels, Model, Outcome, Plan, Review, RowFilter
from metamill.config.strict_yaml import Path
from metamill.errors import Problem

MODEL_KEYS = ("measure", "method", "test", "level", "prediction", "correlation", "add", "to")
ASSUMED_CORRELATIONS = (0.2, 0.5, 0.8)
CHANGE_MEASURES = ("MC", "SMCC", "SMCR")
_DEVICES = (
    "con",
    "nul",
    "aux",
    "prn",
    *(f"{port}{i}" for port in ("com", "lpt") for i in range(10)),
)
RESERVED_NAMES = (*_DEVICES, "all", "pooled", "logs", "manuscript")

Layer = tuple[Path, Mapping[str, Any]]
"""Settings of one place, and the path to them."""


def resolve(data: Mapping[str, Any], origin: Origin) -> tuple[Review, list[Problem]]:
    """The review's settings and the problems that stand against them."""
    problems: list[Problem] = []
    figures = data.get("figures", {})
    defaults: Layer = (("model",), data.get("model", {}))
    outcomes, displays = {}, {}
    for name, entry in data["outcomes"].items():
        at: Path = ("outcomes", name)
        if name in RESERVED_NAMES:
            advice = "Choose another name"
            problems.append(Problem(rule="is reserved", advice=advice, **origin.place(at)))
        outcomes[name] = _outcome(name, (at, entry), defaults, origin, problems)
        displays[name] = _display(entry, figures)
        if not _in_order(displays[name]):
            place = origin.place((*at, "scale"))
            problems.append(
                Problem(rule="min must be below max", advice="Swap or correct them", **place)
            )
    formats = tuple(dict.fromkeys((*figures.get("formats", Review.formats), "svg")))
    overrides = dict(origin.overrides)
    return Review(dict(data["review"]), outcomes, displays, formats, overrides), problems


def _outcome(
    name: str, own: Layer, defaults: Layer, origin: Origin, problems: list[Problem]
) -> Outcome:
    at, entry = own
    exclude = tuple(
        RowFilter(
            _levels({k: v for k, v in item.items() if k != "reason"}, (*at, "exclude", i), origin),
            cleaned(item["reason"]),
        )
        for i, item in enumerate(entry.get("exclude", ()))
    )
    model = _model((defaults, own), origin, problems)
    primary = Plan("primary", model, exclude, same_cohort=dict(entry.get("same_cohort", {})))
    plans = [primary]
    for index, change in enumerate(entry.get("sensitivity", ())):
        here = (*at, "sensitivity", index)
        plans.append(
            replace(
                primary,
                name=f"sensitivity:{cleaned(change['name'])}",
                model=_model((defaults, own, (here, change)), origin, problems),
                include=_row_filter(change, "include", here, origin, ""),
                drop=_row_filter(
                    change, "exclude", here, origin, f"left out by '{cleaned(change['name'])}'"
                ),
                same_cohort=primary.same_cohort | change.get("same_cohort", {}),
            )
        )
    if primary.model.measure in CHANGE_MEASURES:
        for r in ASSUMED_CORRELATIONS:
            if r != primary.model.correlation:
                assumed = replace(primary.model, correlation=r)
                plans.append(replace(primary, name=f"sensitivity:r = {r:g}", model=assumed))
    problems += _repeated_names(plans, (*at, "sensitivity"), entry, origin)
    select = _levels(entry.get("select", {}), (*at, "select"), origin)
    return Outcome(name, entry["table"], select, tuple(plans), tuple(entry.get("subgroups", ())))


def _repeated_names(
    plans: list[Plan], at: Path, entry: Mapping[str, Any], origin: Origin
) -> list[Problem]:
    """Names of analyses must differ by more than case; those of the r grid are taken."""
    written = len(entry.get("sensitivity", ()))
    names = [plan.name.casefold() for plan in plans[1:]]
    return [
        Problem(
            rule="another sensitivity analysis of this outcome has this name",
            advice="Rename one",
            value=plans[i + 1].name.removeprefix("sensitivity:"),
            **origin.place((*at, i, "name")),
        )
        for i in range(written)
        if names[i] in names[:i] or names[i] in names[written:]
    ]


def _model(layers: tuple[Layer, ...], origin: Origin, problems: list[Problem]) -> Model:
    """The last layer that sets a key decides it.

    A GLMM has no Knapp-Hartung variance: it takes the t interval unless `test` is set where, or
    below where, the GLMM is chosen.
    """
    chosen: dict[str, Any] = {}
    set_in = dict.fromkeys(("method", "measure", "test"), -1)
    for depth, (_, layer) in enumerate(layers):
        here = {key: layer[key] for key in MODEL_KEYS if key in layer}
        chosen |= here
        set_in |= {key: depth for key in set_in if key in here}
    if chosen.get("method") == "GLMM" and set_in["test"] < set_in["method"]:
        chosen["test"] = "t"
    if "level" in chosen:
        chosen["level"] = float(chosen["level"])
    model = Model(**chosen)
    if model.method != "GLMM":
        return model

    def refuse(key: str, depth: int, rule: str, advice: str) -> None:
        place = origin.place((*layers[depth][0], key))
        problem = Problem(rule=rule, advice=advice, value=chosen[key], **place)
        if problem not in problems:
            problems.append(problem)

    if model.measure != "PLO":
        key = max(("method", "measure"), key=lambda key: set_in[key])
        rule = f"a GLMM is fitted to proportions on the logit scale, not to {model.measure}"
        refuse(key, set_in[key], rule, "Set measure: PLO, or another method")
    if model.test != "t":
        rule = "a GLMM has a t interval (k - 1 degrees of freedom) here"
        refuse("test", set_in["test"], rule, "Set test: t, or remove the line")
    return model


def _display(entry: Mapping[str, Any], figures: Mapping[str, Any]) -> Display:
    scale, groups = entry.get("scale", {}), entry.get("groups", {})
    return Display(
        title=cleaned(entry["title"]),
        direction=entry.get("direction"),
        minimum=scale.get("min"),
        maximum=scale.get("max"),
        important_difference=scale.get("important_difference"),
        treatment=cleaned(groups.get("treatment", Display.treatment)),
        control=cleaned(groups.get("control", Display.control)),
        style=figures.get("style", Display.style),
        width_mm=float(figures.get("width_mm", Display.width_mm)),
    )


def _in_order(display: Display) -> bool:
    low, high = display.minimum, display.maximum
    return low is None or high is None or low < high


def _row_filter(
    change: Mapping[str, Any], key: str, at: Path, origin: Origin, reason: str
) -> RowFilter | None:
    if key not in change:
        return None
    return RowFilter(_levels(change[key], (*at, key), origin), reason)


def _levels(raw: Mapping[str, Any], at: Path, origin: Origin) -> Levels:
    return {
        column: tuple(origin.text((*at, column, i), v) for i, v in enumerate(values))
        if isinstance(values, list)
        else (origin.text((*at, column), values),)
        for column, values in raw.items()
    }
