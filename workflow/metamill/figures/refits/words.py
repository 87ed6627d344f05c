"""Forest plots of refits without the plot: their numbers as a table, alt texts and captions."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import sqrt
from typing import Any

from metamill.config.settings import PRECISION, Display
from metamill.explored.refits import Refit
from metamill.figures.page.text import clean
from metamill.files import csv_text
from metamill.results import Pooled, Result
from metamill.sentences import leave_one_out_words
from metamill.wording import (
    ABSENT,
    ROUND,
    NumberFormat,
    estimate_text,
    level_text,
    model_words,
    own_notes,
    result_format,
    significant_text,
)

LEAST = 3
"""Fewer studies leave one or none when one is left out."""


def figure_title(kind: str, display: Display) -> str:
    """The kind of figure and the outcome's title, without a full stop."""
    return f"{kind}: {clean(display.title).rstrip('.')}"


COHORT = "cohort"
"""The `unit` of a refit without all studies of a cohort."""


def in_orders(refits: Sequence[Refit]) -> list[tuple[Refit, ...]]:
    """The refits of each order in which studies are added."""
    return [tuple(part) for _, part in groupby(refits, key=lambda refit: refit.order)]


def order_words(order: str) -> str:
    """An order in words: "by year", "the most precise first"."""
    if order == PRECISION:
        return "the most precise first"
    return f"by {clean(order).replace('_', ' ')}" if order else "one after the other"


CSV_COLUMNS = "row,order,study,year,k,estimate,ci_low,ci_high,tau,i2,p_value,words,note".split(",")


def has_diamond(whole: Pooled) -> bool:
    """Whether all studies are drawn as a diamond: pooled, with an interval. Else as a circle."""
    return whole.pooled and whole.ci_low is not None and whole.ci_high is not None


def refit_csv(result: Result, refits: Sequence[Refit], told: Sequence[str]) -> str:
    """The plotted numbers, on the natural scale; `told` are the words or the years of the rows."""
    without = bool(refits[0].left_out)
    rows: list[dict[str, Any]] = []
    for index, refit in enumerate(refits):
        rows.append(
            {
                "row": "without" if without else "up to",
                "order": refit.order,
                "study": refit.left_out or refit.up_to,
                **_numbers(refit),
                "note": refit.note,
            }
        )
        if told:
            rows[-1]["words" if without else "year"] = told[index].replace(ABSENT, "")
    whole = result.primary.pooled
    if whole.estimate is not None:
        rows.append({"row": "all", "study": "", **_numbers(whole)})
    return csv_text(CSV_COLUMNS, rows)


def _numbers(item: Refit | Pooled) -> dict[str, Any]:
    names = ("k", "estimate", "ci_low", "ci_high", "i2", "p_value")
    tau = None if item.tau2 is None else sqrt(item.tau2)
    return {name: getattr(item, name) for name in names} | {"tau": tau}


def _told(item: Refit | Pooled, form: NumberFormat) -> str:
    return estimate_text(item.estimate, item.ci_low, item.ci_high, form, ROUND)


def leave_one_out_alt(result: Result, display: Display, changes: Sequence[str]) -> Iterable[str]:
    whole, form = result.primary.pooled, result_format(result)
    level = level_text(result.primary.settings)
    yield f"{figure_title('Leave-one-out forest plot', display)}."
    yield f"{len(result.leave_one_out)} studies, each left out in turn."
    yield f"Pooled {result.measure.natural} of all studies, with {level}: {_told(whole, form)}."
    sound = tuple(refit for refit in result.leave_one_out if refit.mu is not None)
    words = leave_one_out_words(sound, form)
    if words:
        yield f"{words}."
    yield from _without_model(result.leave_one_out, form)
    cohorts = [refit for refit in result.leave_cohort_out if refit.estimate is not None]
    if cohorts:
        told = (f"without {clean(refit.left_out)} {_told(refit, form)}" for refit in cohorts)
        yield f"Where studies share a cohort: {'; '.join(told)}."
    refits = (*result.leave_one_out, *result.leave_cohort_out)
    marked = [
        f"without {clean(refit.left_out)}, {_told(refit, form)}: {change[:1].lower()}{change[1:]}"
        for refit, change in zip(refits, changes, strict=True)
        if change
    ]
    if marked:
        yield f"The result changes {'. It changes '.join(marked)}."
    elif sound:
        none = "No estimate"
        if len(sound) < len(result.leave_one_out):
            none = f"Of {len(sound)} refits with a pooled estimate, none"
        null = result.measure.null is not None
        more = ", and no interval gains or loses the value of no effect" if null else ""
        yield f"{none} leaves the interval of all studies{more}."
    taus = [sqrt(refit.tau2) for refit in result.leave_one_out if refit.tau2 is not None]
    if taus:
        yield f"Tau {_range_words(significant_text(min(taus)), significant_text(max(taus)))}."


def _range_words(least: str, most: str) -> str:
    return f"is {least} throughout" if least == most else f"lies between {least} and {most}"


def _without_model(refits: Sequence[Refit], form: NumberFormat) -> Iterable[str]:
    """Refits that are not compared, because no model was fitted; some show a crude result."""
    for refit in refits:
        if refit.mu is not None:
            continue
        reason = f" ({refit.note})" if refit.note else ""
        if refit.estimate is None:
            yield f"Without {clean(refit.left_out)} there is no estimate{reason}."
        else:
            yield (
                f"Without {clean(refit.left_out)} no model is fitted{reason}; its grey row, "
                f"{_told(refit, form)}, is not compared."
            )


def leave_one_out_caption(result: Result, display: Display, any_marked: bool) -> str:
    level = f"{result.primary.settings['level']:g}%"
    said = [
        (
            f"{figure_title('Leave-one-out forest plot', display)}. The pooled "
            f"{result.measure.natural} without each study in turn, with {level} intervals "
            "(circles and lines)."
        ),
        _whole_words(result.primary.pooled, f"and the shaded band its {level} interval"),
    ]
    if any_marked:
        said.append("Squares mark studies without which the result changes, as said in words.")
    if result.leave_cohort_out:
        said.append("Where studies share a cohort, the whole of it and its studies are left out.")
    if any(refit.mu is None for refit in result.leave_one_out):
        said.append("Grey rows have no model and are not compared.")
    if result.measure.null is not None:
        said.append("The grey line is the value of no effect.")
    said.append(f"{model_words(result.primary.settings)}.")
    return " ".join(said)


def _whole_words(whole: Pooled, band: str = "") -> str:
    """What stands for all studies: the diamond, or the grey circle of what is not pooled."""
    shape = "The diamond" if has_diamond(whole) else "The grey circle in the last row"
    what = "the estimate of all studies" if whole.pooled else "all studies, without a model"
    if not band:
        return f"{shape} is {what}, the dashed line its place."
    known = whole.ci_low is not None and whole.ci_high is not None
    return f"{shape} is {what}, the dashed line its place{f' {band}' if known else ''}."


def cumulative_alt(result: Result, display: Display) -> Iterable[str]:
    yield f"{figure_title('Cumulative forest plot', display)}."
    orders = in_orders(result.cumulative)
    for refits in orders:
        yield from _order_alt(refits, len(orders) > 1, result)


def _order_alt(refits: Sequence[Refit], several: bool, result: Result) -> Iterable[str]:
    form, level = result_format(result), level_text(result.primary.settings)
    studies = "1 study" if len(refits) == 1 else f"{len(refits)} studies"
    first, last = clean(refits[0].up_to), clean(refits[-1].up_to)
    how = f" {order_words(refits[0].order)}," if several else ""
    yield f"{studies}, added one after the other{how} from {first} to {last}."
    known = [refit for refit in refits if refit.estimate is not None]
    sound = [refit for refit in known if not refit.note] or known
    yield f"Pooled {result.measure.natural} with {level}:"
    for refit in dict.fromkeys((sound[0], sound[-1])):
        yield f"{_told(refit, form)} with k = {refit.k}, up to {clean(refit.up_to)}."
    estimates = [refit.estimate for refit in sound if refit.estimate is not None]
    if len(estimates) > 1:
        ends = (form.text(f(estimates)) + form.suffix for f in (min, max))
        yield f"From the first of these to the last the estimate {_range_words(*ends)}."
    doubtful = len(refits) - len([refit for refit in refits if not refit.note])
    if doubtful:
        rows = "1 row is" if doubtful == 1 else f"{doubtful} rows are"
        yield f"{rows} grey, with the reason in a footnote."


def cumulative_caption(result: Result, display: Display) -> str:
    level = f"{result.primary.settings['level']:g}%"
    said = [
        (
            f"{figure_title('Cumulative forest plot', display)}. The pooled "
            f"{result.measure.natural} after each further study, with {level} intervals (circles "
            "and lines); k counts studies so far."
        ),
    ]
    orders = [order_words(refits[0].order) for refits in in_orders(result.cumulative)]
    if len(orders) > 1:
        said.append(f"Studies are added in {len(orders)} orders: {'; '.join(orders)}.")
    if result.primary.pooled.estimate is not None:
        said.append(_whole_words(result.primary.pooled))
    if any(refit.note for refit in result.cumulative):
        said.append("Grey rows have a footnote.")
    if result.measure.null is not None:
        said.append("The grey line is the value of no effect.")
    said.append(f"{model_words(result.primary.settings)}.")
    return " ".join(said)


def too_little(result: Result) -> str:
    """Why an analysis cannot be repeated without each study; empty if it can."""
    whole = result.primary.pooled
    if whole.k < LEAST:
        studies = "1 study" if whole.k == 1 else f"{whole.k} studies"
        return f"it takes three studies, and this analysis has {studies}"
    if not whole.pooled or whole.estimate is None:
        notes = own_notes(whole, result.primary.effects)
        return "; ".join(("no model was fitted to all studies", *notes))
    return ""
