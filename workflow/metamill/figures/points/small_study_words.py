"""Figures of small-study effects without the drawing: tables, notes, captions and alt texts."""

from collections.abc import Sequence
from typing import Any

from metamill.explored.small_study import AdjustedEstimate, Filling, SmallStudyEffects
from metamill.figures.axes.effect_words import null_words
from metamill.files import csv_text
from metamill.results import Result
from metamill.wording import (
    NumberFormat,
    estimate_text,
    level_text,
    result_format,
)

ESTIMATES_COLUMNS = (
    "row,method,k,estimate,ci_low,ci_high,mu,se,p_value,tau2,assumes,notes,refused"
).split(",")
FILLED_COLUMNS = "row,study,label,x,y,estimate,inside".split(",")
EXPLORATORY = (
    "Exploratory: a difference is compatible with small-study effects, of which publication bias "
    "is one cause; every method rests on assumptions of its own"
)


def estimates_csv(found: SmallStudyEffects) -> str:
    """Every estimate with its assumption, and every refused one with the reason."""
    baseline = () if found.baseline is None else (found.baseline,)
    rows: list[dict[str, Any]] = []
    for item in (*baseline, *found.adjusted):
        names = ("k", "estimate", "ci_low", "ci_high", "mu", "se", "p_value", "tau2")
        kind = "refused" if item.refused else "pooled" if item in baseline else "adjusted"
        numbers = {} if item.refused else {name: getattr(item, name) for name in names}
        rows.append(
            {"row": kind, "method": item.name, "assumes": item.assumes, "refused": item.refused}
            | numbers
            | {"notes": "; ".join(item.notes)}
        )
    return csv_text(ESTIMATES_COLUMNS, rows)


def refused_notes(found: SmallStudyEffects) -> tuple[str, ...]:
    """A line for every reason why estimates are missing, with their names."""
    named: dict[str, list[str]] = {}
    for item in found.adjusted:
        if item.refused:
            named.setdefault(item.refused, []).append(item.name)
    return tuple(f"No estimate by {', '.join(names)}: {why}." for why, names in named.items())


def estimates_caption(result: Result, title: str) -> str:
    level = level_text(result.primary.settings)
    null = "" if result.measure.null is None else f"Grey line: {null_words(result)}. "
    return (
        f"{title}. Circles: estimates with {level} that allow for small-study effects; diamond and "
        f"dashed line: the pooled estimate that does not. {null}{EXPLORATORY}."
    )


def estimates_alt(result: Result, found: SmallStudyEffects, title: str) -> str:
    form = result_format(result)
    drawn = [item for item in found.adjusted if item.estimate is not None]
    told = [f"{item.name} {told_estimate(item, form)}" for item in drawn]
    baseline = [] if found.baseline is None else [told_estimate(found.baseline, form)]
    level = level_text(result.primary.settings)
    said = [f"{title}. Pooled {result.measure.natural} with {level}: {''.join(baseline)}."]
    said.append(f"Beside it: {'; '.join(told)}.")
    return " ".join((*said, *refused_notes(found)))


def told_estimate(item: AdjustedEstimate, form: NumberFormat) -> str:
    """An estimate with its interval in running text."""
    return estimate_text(item.estimate, item.ci_low, item.ci_high, form)


def filling_words(filling: Filling) -> str:
    """How many studies an estimator fills in, and where: "L0: 7 studies on the left"."""
    studies = "study" if filling.k0 == 1 else "studies"
    return f"{filling.estimator} fills in {filling.k0} {studies} on the {filling.side}"


def filled_caption(
    result: Result, title: str, shown: Filling, others: Sequence[Filling], means: Sequence[str]
) -> str:
    """The title, what marks and lines are, and what the other estimator finds."""
    level = level_text(result.primary.settings).removesuffix(" CI")
    null = "" if result.measure.null is None else f"Grey line: {null_words(result)}. "
    told = "; ".join(filling_words(item) for item in (shown, *others))
    return (
        f"{title}. Filled circles: studies; hollow ones: reflections that trim and fill adds "
        f"({told}). Dashed line: pooled estimate, {means[0]}. Solid line: with the studies filled "
        f"in, {means[1]}. Dotted lines: pseudo {level} limits around the latter. {null}"
        f"{EXPLORATORY}."
    )
