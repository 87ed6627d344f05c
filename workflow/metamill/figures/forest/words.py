"""A forest plot without the plot: its numbers as a table, its alt text and its caption."""

from collections.abc import Iterable
from typing import Any

from metamill.config.settings import Display
from metamill.figures.axes.effect_words import is_silent, noun_of
from metamill.figures.forest.rows import NOT_ESTIMABLE
from metamill.figures.page.text import clean
from metamill.figures.style import Style
from metamill.figures.subgroups import first_subgroups, subgroup_of
from metamill.files import csv_text
from metamill.results import Analysis, Result, held_effects
from metamill.wording import (
    ROUND,
    NumberFormat,
    capital,
    count_text,
    estimate_text,
    interval_text,
    level_text,
    level_words,
    model_words,
    number_text,
    result_format,
    significant_text,
    unit_words,
)

CSV_COLUMNS = (
    "row,subgroup,study,label,events,size,estimate,ci_low,ci_high,pi_low,pi_high,weight,note"
).split(",")


def forest_csv(result: Result) -> str:
    """The plotted numbers as a table, on the natural scale, in the order of the plot.

    `row` is study, pooled (for the whole or a subgroup) or not pooled.
    """
    rows: list[dict[str, Any]] = []
    parts = first_subgroups(result)
    primary = {effect.row: effect for effect in result.primary.effects}
    for part in parts or (result.primary,):
        level = subgroup_of(part)[1] if parts else ""
        for item in part.effects:
            effect, row = primary.get(item.row, item), result.rows[item.row]
            silent = is_silent(effect)
            rows.append(
                {
                    "row": "study",
                    "subgroup": level,
                    "study": row.study,
                    "label": row.label,
                    "events": row.events,
                    "size": row.size,
                    "estimate": None if silent else effect.estimate,
                    "ci_low": None if silent else effect.ci_low,
                    "ci_high": None if silent else effect.ci_high,
                    "weight": effect.weight,
                    "note": "; ".join((*([NOT_ESTIMABLE] if silent else []), *effect.flags)),
                }
            )
        if parts:
            rows.append(_pooled(part, level))
    rows.append(_pooled(result.primary, ""))
    held = held_effects(result)
    for left in result.primary.left_out:
        row, printed = result.rows[left.row], held.get(left.row)
        rows.append(
            {
                "row": "not pooled",
                "study": row.study,
                "label": row.label,
                "events": row.events,
                "size": row.size,
                **(
                    {name: getattr(printed, name) for name in ("estimate", "ci_low", "ci_high")}
                    if printed and not is_silent(printed)
                    else {}
                ),
                "note": left.reason,
            }
        )
    return csv_text(CSV_COLUMNS, rows)


def _pooled(analysis: Analysis, level: str) -> dict[str, Any]:
    pooled = analysis.pooled
    numbers = ("events", "estimate", "ci_low", "ci_high", "pi_low", "pi_high")
    return {
        "row": "pooled" if pooled.pooled else "total",
        "subgroup": level,
        "label": model_words(analysis.settings) if pooled.pooled else "",
        "size": pooled.n,
        "note": "; ".join(pooled.notes),
        **{name: getattr(pooled, name) for name in numbers},
    }


def forest_alt(result: Result, display: Display) -> str:
    """The figure in one paragraph of plain words, for readers who do not see it."""
    return " ".join(_sentences(result, display)) + "\n"


def _sentences(result: Result, display: Display) -> Iterable[str]:
    primary, form = result.primary, result_format(result)
    pooled, measure = primary.pooled, result.measure
    studies = "1 study" if pooled.k == 1 else f"{pooled.k} studies"
    yield f"Forest plot: {clean(display.title).rstrip('.')}. {studies}{_sizes(result)}."
    if pooled.estimate is not None:
        what = "Pooled" if pooled.pooled else "The study's own" if pooled.k == 1 else "Total"
        value = form.text(pooled.estimate) + form.suffix
        interval = interval_text(pooled.ci_low, pooled.ci_high, form, ROUND)
        level = level_text(primary.settings)
        yield f"{what} {measure.natural}: {value}, {level} {interval.strip('()')}{form.suffix}."
    if pooled.pooled:
        yield f"{model_words(primary.settings)}."
    if pooled.pi_low is not None and pooled.pi_high is not None:
        interval = interval_text(pooled.pi_low, pooled.pi_high, form, ROUND).strip("()")
        doubt = ", unreliable with so few studies" if pooled.pi_doubtful else ""
        yield f"Prediction interval {interval}{form.suffix}{doubt}."
    if pooled.tau is not None:
        yield f"Heterogeneity: tau {significant_text(pooled.tau)}{_i2(pooled.i2)}."
    parts = first_subgroups(result)
    if parts:
        yield f"Subgroups: {'; '.join(_part(part, form) for part in parts)}."
    yield from (f"{capital(note)}." for note in pooled.notes)
    left = len(primary.left_out)
    if left:
        yield f"{count_text(left)} selected {'row is' if left == 1 else 'rows are'} not pooled."
    held = len({note.row for note in result.audit if note.held_out})
    if held:
        noun = "row is" if held == 1 else "rows are"
        yield f"{count_text(held)} {noun} held out because the numbers printed cannot be true."


def _sizes(result: Result) -> str:
    pooled = result.primary.pooled
    told = []
    if pooled.n is not None and result.measure.family == "rate":
        told.append(f"time at risk {count_text(pooled.n)}")
    elif pooled.n is not None:
        told.append(unit_words(result.unit, pooled.n))
    if pooled.events is not None:
        told.append(f"{count_text(pooled.events)} {'event' if pooled.events == 1 else 'events'}")
    return f" with {' and '.join(told)}" if told else ""


def _i2(value: float | None) -> str:
    return "" if value is None else f", I² {number_text(value, 0)}%"


def _part(part: Analysis, form: NumberFormat) -> str:
    pooled = part.pooled
    name = f"{level_words(subgroup_of(part)[1])} (k = {pooled.k})"
    if pooled.estimate is None:
        return f"{name} no estimate"
    return f"{name} {estimate_text(pooled.estimate, pooled.ci_low, pooled.ci_high, form, ROUND)}"


def forest_caption(
    result: Result, display: Display, style: Style, caterpillar: bool = False
) -> str:
    """A caption for the figure: what it shows and how to read its lines and shapes."""
    primary = result.primary
    level = f"{primary.settings['level']:g}%"
    said = [f"Forest plot: {clean(display.title).rstrip('.')}."]
    shown = [effect for effect in primary.effects if not is_silent(effect)]
    noun = noun_of(result)
    if caterpillar:
        said.append(f"Dots and lines are {noun} with {level} intervals, by size of the estimate.")
    elif shown:
        said.append(f"Squares are {noun} with {level} intervals")
        weighted = any(effect.weight is not None for effect in shown)
        said[-1] += ", their area proportional to the weight." if weighted else "."
    if held_effects(result) and not caterpillar:
        said.append(f"Crosses are {noun} held out by the audit, as printed.")
    if primary.pooled.pooled:
        said.append(f"The diamond is the pooled {result.measure.natural} with its {level} interval")
        has_prediction = primary.pooled.pi_low is not None
        said[-1] += (
            f", the {style.prediction} the {level} prediction interval." if has_prediction else "."
        )
        if style.estimate_dash:
            said.append("Dashed line: the pooled estimate.")
        said.append(f"{model_words(primary.settings)}.")
    parts = first_subgroups(result)
    if parts:
        column = subgroup_of(parts[0])[0].replace("_", " ")
        said.append(f"Subgroups by {column}, each of two studies or more with its own mean.")
    return " ".join(said) + "\n"
