"""A funnel plot without the plot: its numbers as a table, its notes, caption and alt text."""

from collections.abc import Iterator, Mapping
from typing import Any

from metamill.figures.axes.effect_words import (
    each_of,
    flag_notes,
    is_silent,
    label_of,
    model_label,
    model_sentence,
    noun_of,
    null_words,
    one_of,
    pooled_words,
    rows_words,
    silent_note,
)
from metamill.figures.axes.plane import Plane
from metamill.figures.points.funnel_plan import Funnel
from metamill.figures.points.marks import listed
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.wording import capital, level_text, result_format, unit_words

LEVELS = (0.10, 0.05, 0.01)
"""Two-sided p values at the borders of the contours."""
CSV_COLUMNS = "row,study,label,subgroup,x,y,flags,inside".split(",")


def funnel_csv(plan: Funnel, at: Plane, levels: Mapping[int, str]) -> str:
    """The plotted numbers: x and y of every study and of the lines, as the axes show them.

    Proportions are fractions. `inside` says whether a study lies within the axes; a study that
    could not be placed has empty x or y.
    """
    rows: list[dict[str, Any]] = []
    for effect, x, y in plan.points:
        row = plan.result.rows[effect.row]
        rows.append(
            {
                "row": "study",
                "study": row.study,
                "label": row.label,
                "subgroup": levels.get(effect.row, ""),
                "x": x,
                "y": y,
                "flags": "; ".join(effect.flags),
                "inside": at.outward(x, y) == (0, 0),
            }
        )
    silent = [effect for effect in plan.result.primary.effects if is_silent(effect)]
    for effect in (*plan.without, *silent):
        row = plan.result.rows[effect.row]
        rows.append({"row": "not drawn", "study": row.study, "label": row.label})
    if plan.centre is not None:
        rows.append({"row": "pooled", "x": plan.centre})
    if plan.null is not None:
        rows.append({"row": "no effect", "x": plan.null})
    return csv_text(CSV_COLUMNS, rows)


def funnel_notes(plan: Funnel, at: Plane) -> tuple[str, ...]:
    """What a reader of the drawing must know."""
    return tuple(_notes(plan, at))


def _notes(plan: Funnel, at: Plane) -> Iterator[str]:
    yield from flag_notes([effect for effect, _, _ in plan.points], "Hollow")
    outside = [effect for effect, x, y in plan.points if at.outward(x, y) != (0, 0)]
    if outside:
        form = result_format(plan.result)
        told = [
            f"{label_of(plan.result, e)} ({form.text(e.estimate)}{form.suffix})" for e in outside
        ]
        noun = noun_of(plan.result)
        yield f"Triangles at the edge point to {noun} beyond the axes: {listed(told)}."
    if plan.without:
        names = [label_of(plan.result, effect) for effect in plan.without]
        what = "size" if plan.by_size else "standard error"
        yield f"Not drawn, no {what} is known: {listed(names)}."
    yield from silent_note(plan.result)
    if plan.centre is None:
        yield "There is no pooled estimate to draw."


def funnel_caption(plan: Funnel, title: str, contours: bool, style: Style) -> str:
    """The title, what the shapes are and how to read them."""
    noun = noun_of(plan.result)
    settings = plan.result.primary.settings
    level = level_text(settings).removesuffix(" CI")
    said = [f"{title}. Each mark is {each_of(plan.result)}."]
    if plan.centre is not None:
        pooled = pooled_words(plan.result, style.brackets)
        said.append(f"Dashed line: {pooled}. {model_sentence(plan.result)}")
    if plan.by_size:
        said.append(
            "No limits are drawn: the standard error of a proportion or rate depends on the "
            "proportion or rate itself, so that limits would be asymmetric without any bias."
        )
    elif plan.centre is not None:
        said.append(
            f"Dotted lines: pseudo {level} limits, between which {level} of {noun} would lie if "
            "all had the same true effect; heterogeneity between studies is not in them."
        )
    if plan.null is not None:
        said.append(f"Solid line: {null_words(plan.result)}.")
    if contours:
        said.append(
            f"Shaded: the two-sided p value of a single {one_of(plan.result)} by a normal test of "
            "no effect, above 0.10 (white), from 0.10 to 0.05, from 0.05 to 0.01, and below 0.01 "
            "(lightest grey). Studies that are missing where p is high suggest that results "
            "without significance were not published; missing elsewhere suggests other causes."
        )
    said.append(
        "Asymmetry may come from reporting bias, but also from differences between small and large "
        "studies, from the measure, or from chance."
    )
    return " ".join(said)


def funnel_alt(plan: Funnel, title: str, contours: bool, style: Style) -> str:
    """The figure in one paragraph for who cannot see it."""
    result = plan.result
    what = _height_words(plan)
    said = [f"{title}. Scatter plot of {rows_words(result)}: {_x_words(plan)} against {what}."]
    said.append(f"{capital(pooled_words(result, style.brackets))}.")
    if plan.centre is not None:
        # on a model scale that falls as the estimate rises, the lower estimate is the higher value
        sign = 1 if plan.by_size or plan.way.straight else plan.way.sign
        below = sum(sign * x < sign * plan.centre for _, x, _ in plan.points)
        above = sum(sign * x > sign * plan.centre for _, x, _ in plan.points)
        said.append(f"Below the pooled estimate: {below}, above it: {above}.")
        if not plan.by_size:
            inside = sum(
                low <= x <= high
                for _, x, y in plan.points
                for low, high in (plan.limits(y, plan.centre, plan.quantile),)
            )
            level = level_text(result.primary.settings).removesuffix(" CI")
            said.append(f"{inside} of {len(plan.points)} lie within the pseudo {level} limits.")
    if contours:
        single = one_of(result)
        said.append(f"Grey regions show where a single {single} has p below 0.10, 0.05 and 0.01.")
    return " ".join(said)


def _x_words(plan: Funnel) -> str:
    if plan.by_size or plan.way.straight:
        return plan.result.measure.natural
    return model_label(plan.result, plan.way)


def _height_words(plan: Funnel) -> str:
    if not plan.by_size:
        return "standard error, the most precise on top"
    if plan.result.measure.family == "proportion":
        return f"the number of {unit_words(plan.result.unit)}, the largest on top"
    return "time at risk, the longest on top"
