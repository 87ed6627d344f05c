"""Defaults, outcome and sensitivity entries laid over each other; rules a schema cannot say."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from metamill.config.settings import Display, Levels, Model, Outcome, Plan, Review, RowFilter
from metamill.errors import Problem

Path = tuple[str | int, ...]
Place = Callable[[Path], dict[str, Any]]

MODEL_KEYS = ("measure", "method", "test", "level", "prediction", "correlation", "add", "to")
ASSUMED_CORRELATIONS = (0.2, 0.5, 0.8)
CHANGE_MEASURES = ("MC", "SMCC", "SMCR")
RESERVED_NAMES = ("con", "nul", "aux", "prn", "all", "logs", "manuscript")


def resolve(
    data: Mapping[str, Any], overrides: dict[str, Any], place: Place
) -> tuple[Review, list[Problem]]:
    """The review's settings and the problems that stand against them."""
    problems: list[Problem] = []
    figures = data.get("figures", {})
    outcomes, displays = {}, {}
    for name, entry in data["outcomes"].items():
        if name in RESERVED_NAMES:
            problems.append(
                Problem(
                    rule="is reserved", advice="Choose another name", **place(("outcomes", name))
                )
            )
        outcomes[name] = _outcome(name, entry, data.get("model", {}), place, problems)
        displays[name] = _display(entry, figures)
    formats = tuple(dict.fromkeys((*figures.get("formats", Review.formats), "svg")))
    return Review(dict(data["review"]), outcomes, displays, formats, overrides), problems


def _outcome(
    name: str,
    entry: Mapping[str, Any],
    defaults: Mapping[str, Any],
    place: Place,
    problems: list[Problem],
) -> Outcome:
    at: Path = ("outcomes", name)
    exclude = tuple(
        RowFilter(_levels({k: v for k, v in item.items() if k != "reason"}), item["reason"])
        for item in entry.get("exclude", ())
    )
    primary = Plan(
        "primary",
        _model((defaults, entry), at, place, problems),
        exclude,
        same_cohort=dict(entry.get("same_cohort", {})),
    )
    plans = [primary]
    for index, change in enumerate(entry.get("sensitivity", ())):
        here = (*at, "sensitivity", index)
        if any(plan.name == f"sensitivity:{change['name']}" for plan in plans):
            problems.append(
                Problem(
                    rule="two sensitivity analyses have this name",
                    advice="Rename one",
                    value=change["name"],
                    **place((*here, "name")),
                )
            )
        model = _model((defaults, entry, change), here, place, problems)
        plans.append(
            Plan(
                f"sensitivity:{change['name']}",
                model,
                exclude,
                RowFilter(_levels(change["include"])) if "include" in change else None,
                RowFilter(_levels(change["exclude"]), f"left out by '{change['name']}'")
                if "exclude" in change
                else None,
                primary.same_cohort | change.get("same_cohort", {}),
            )
        )
    if primary.model.measure in CHANGE_MEASURES:
        for r in ASSUMED_CORRELATIONS:
            if r != primary.model.correlation:
                model = replace(primary.model, correlation=r)
                plans.append(replace(primary, name=f"sensitivity:r = {r:g}", model=model))
    return Outcome(
        name,
        entry["table"],
        _levels(entry.get("select", {})),
        tuple(plans),
        tuple(entry.get("subgroups", ())),
    )


def _model(
    layers: tuple[Mapping[str, Any], ...], at: Path, place: Place, problems: list[Problem]
) -> Model:
    """The last layer that sets a key decides it.

    A GLMM has no Knapp-Hartung variance: it takes the t interval unless `test` is set where, or
    below where, the GLMM is chosen.
    """
    chosen: dict[str, Any] = {}
    for layer in layers:
        if layer.get("method") == "GLMM":
            chosen["test"] = "t"
        elif "method" in layer and chosen.get("method") == "GLMM" and "test" not in layer:
            chosen["test"] = next(
                (e["test"] for e in reversed(layers) if "test" in e and "method" not in e),
                Model.test,
            )
        chosen |= {key: layer[key] for key in MODEL_KEYS if key in layer}
    if "level" in chosen:
        chosen["level"] = float(chosen["level"])
    model = Model(**chosen)
    if model.method == "GLMM" and model.measure != "PLO":
        problems.append(
            Problem(
                rule=f"a GLMM is fitted to proportions on the logit scale, not to {model.measure}",
                advice="Set measure: PLO, or another method",
                value="GLMM",
                **place((*at, "method")),
            )
        )
    if model.method == "GLMM" and model.test != "t":
        problems.append(
            Problem(
                rule="a GLMM has a t interval (k - 1 degrees of freedom) here",
                advice="Set test: t, or remove the line",
                value=model.test,
                **place((*at, "test")),
            )
        )
    return model


def _display(entry: Mapping[str, Any], figures: Mapping[str, Any]) -> Display:
    scale = entry.get("scale", {})
    return Display(
        title=entry["title"],
        direction=entry.get("direction"),
        minimum=scale.get("min"),
        maximum=scale.get("max"),
        important_difference=scale.get("important_difference"),
        style=figures.get("style", Display.style),
        width_mm=float(figures.get("width_mm", Display.width_mm)),
    )


def _levels(raw: Mapping[str, Any]) -> Levels:
    return {
        column: tuple(_text(v) for v in (values if isinstance(values, list) else [values]))
        for column, values in raw.items()
    }


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
