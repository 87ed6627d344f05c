"""Forest plots of the primary analysis on other rows: without each study, study after study."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import sqrt
from typing import Any

from metamill.config.settings import Display
from metamill.explored.refits import Refit
from metamill.figures.axes.directions import important_values, sides_of
from metamill.figures.axes.effect_words import effect_label, way_of
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.refits.pages import estimate_pages
from metamill.figures.refits.places import DOUBTFUL, MEAN, PLAIN, STRIKING, Entry, Table, with_marks
from metamill.figures.refits.words import (
    COHORT,
    cumulative_alt,
    cumulative_caption,
    figure_title,
    has_diamond,
    in_orders,
    leave_one_out_alt,
    leave_one_out_caption,
    order_words,
    refit_csv,
    too_little,
)
from metamill.figures.style import Style
from metamill.results import Pooled, Result
from metamill.wording import (
    ABSENT,
    MODEL_SCALES,
    capital,
    jama_p_text,
    level_text,
    number_text,
    own_notes,
    p_text,
    result_format,
    significant_text,
)

TAU, I2, YEAR, K = "τ", "I² (%)", "Year", "k"


def leave_one_out(result: Result, display: Display, style: Style) -> Drawn:
    """The pooled estimate without each study, over that of all studies.

    A study is marked by its shape and in words where the estimate without it lies outside the
    interval of all studies, or on the other side of the value of no effect, or where one interval
    holds that value and the other does not. Where no model is fitted without a study nothing is
    compared: its row is grey.
    """
    whole = result.primary.pooled
    title = figure_title("Leave-one-out forest plot", display)
    if not result.leave_one_out or whole.estimate is None:
        reason = _no_leave_one_out(result)
        return not_drawn(title, reason, display.width_mm, style)
    refits = (*result.leave_one_out, *result.leave_cohort_out)
    changes = [_change(refit, result) for refit in refits]
    shared = {refit.note for refit in refits}
    common = shared.pop() if len(shared) == 1 else ""
    noted = []
    for refit, words in zip(refits, changes, strict=True):
        kind = DOUBTFUL if refit.mu is None else STRIKING if words else PLAIN
        entry = _entry(_left_out(refit), refit, result, kind, style)
        noted.append((replace(entry, words=words), "" if common else refit.note))
    notes = [f"{capital(common)}."] if common else []
    if any(changes):
        notes.append("Square: without this study the result changes as said under its name.")
    band = None
    if whole.ci_low is not None and whole.ci_high is not None:
        band = whole.ci_low, whole.ci_high
    table = _table(result, display, noted, notes, (K,), style)
    table = replace(table, band=band)
    pages = estimate_pages(table, result, display, style)
    return Drawn(
        pages,
        refit_csv(result, refits, changes),
        leave_one_out_caption(result, display, any(changes)),
        " ".join(leave_one_out_alt(result, display, changes)),
    )


def cumulative(result: Result, display: Display, style: Style) -> Drawn:
    """The pooled estimate after each further study, in the order of the result.

    What carries a note (too few studies, no estimate) is grey and has a footnote.
    """
    refits = result.cumulative
    title = figure_title("Cumulative forest plot", display)
    if not refits:
        reason = "the result holds no analysis study after study"
        return not_drawn(title, reason, display.width_mm, style)
    if all(refit.estimate is None for refit in refits):
        reason = f"no number of studies has an estimate ({refits[-1].note})"
        return not_drawn(title, reason, display.width_mm, style)
    orders = in_orders(refits)
    years = [_years(part, result) for part in orders]
    pages = [
        page
        for part, known in zip(orders, years, strict=True)
        for page in _cumulative_pages(part, known, len(orders) > 1, result, display, style)
    ]
    told = [
        year
        for part, known in zip(orders, years, strict=True)
        for year in known or [""] * len(part)
    ]
    return Drawn(
        tuple(pages),
        refit_csv(result, refits, told),
        cumulative_caption(result, display),
        " ".join(cumulative_alt(result, display)),
    )


def _cumulative_pages(
    refits: Sequence[Refit],
    years: Sequence[str],
    several: bool,
    result: Result,
    display: Display,
    style: Style,
) -> tuple[Any, ...]:
    """The pages of one order; where there are several, each says which it is."""
    noted = []
    for index, refit in enumerate(refits):
        label = f"+ {refit.up_to}" if index else refit.up_to
        entry = _entry(label, refit, result, DOUBTFUL if refit.note else PLAIN, style)
        if years:
            entry = replace(entry, cells=entry.cells | {YEAR: years[index]})
        noted.append((entry, refit.note))
    notes = []
    if any(refit.note for refit in refits):
        notes.append("Grey: see the footnote of the row.")
    table = _table(result, display, noted, notes, (YEAR, K) if years else (K,), style)
    if several:
        table = replace(table, header=f"Studies, {order_words(refits[0].order)}")
    if ABSENT in years:
        missing = f"{ABSENT} under {YEAR}: no year is known; such studies are added last."
        table = replace(table, column_notes=((YEAR, missing), *table.column_notes))
    return estimate_pages(table, result, display, style)


def _left_out(refit: Refit) -> str:
    """What a row is without: a study, or the studies of a cohort."""
    return f"without {refit.left_out}{' (one cohort)' if refit.unit == COHORT else ''}"


def _no_leave_one_out(result: Result) -> str:
    reason = too_little(result)
    return reason or "the result holds no analysis without each study"


def _change(refit: Refit, result: Result) -> str:
    """What changes without the study, in words; empty where nothing does or there is no model."""
    whole, null = result.primary.pooled, result.measure.null
    none = "no change" if result.measure.family == "change" else "no effect"
    told = []
    if refit.mu is None or refit.estimate is None or whole.estimate is None:
        return ""
    if null is not None and (whole.estimate < null) != (refit.estimate < null):
        told.append(f"estimate on the other side of {none}")
    known = whole.ci_low is not None and whole.ci_high is not None
    if known and not _within(refit.estimate, whole.ci_low, whole.ci_high):
        told.append("estimate outside the interval of all studies")
    if null is not None and known and refit.ci_low is not None and refit.ci_high is not None:
        before = _within(null, whole.ci_low, whole.ci_high)
        after = _within(null, refit.ci_low, refit.ci_high)
        if before != after:
            told.append(f"interval {'includes' if after else 'excludes'} {none}")
    return capital("; ".join(told))


def _within(value: float, low: float | None, high: float | None) -> bool:
    assert low is not None
    assert high is not None
    return low <= value <= high


def _entry(label: str, refit: Refit, result: Result, kind: str, style: Style) -> Entry:
    return Entry(
        label,
        _cells(refit, result, style),
        refit.ci_low,
        refit.estimate,
        refit.ci_high,
        kind,
    )


def _p_column(style: Style) -> str:
    return "P" if style.jama_p else "p"


def _cells(item: Refit | Pooled, result: Result, style: Style) -> dict[str, str]:
    tau = None if item.tau2 is None else sqrt(item.tau2)
    cells = {K: str(item.k), TAU: ABSENT if tau is None else significant_text(tau)}
    cells[I2] = ABSENT if item.i2 is None else number_text(item.i2, 0)
    name, told = _p_column(style), jama_p_text if style.jama_p else p_text
    p_value = told(item.p_value).removeprefix(f"{name} ").removeprefix("= ")
    cells[name] = ABSENT if item.p_value is None else p_value
    return {name: text.replace("< ", "<").replace("> ", ">") for name, text in cells.items()}


def _mean(result: Result, style: Style) -> Iterable[tuple[Entry, str]]:
    """The row of all studies, if they have an estimate, with the note of one without a model."""
    whole = result.primary.pooled
    if whole.estimate is None:
        return
    sound = has_diamond(whole)
    cells, kind = _cells(whole, result, style), MEAN if sound else DOUBTFUL
    note = "" if sound else "; ".join(own_notes(whole, result.primary.effects))
    yield Entry("All studies", cells, whole.ci_low, whole.estimate, whole.ci_high, kind), note


def _tau_scale(result: Result) -> str:
    """The name of the scale of tau; empty where it is the printed one, or not known."""
    code = result.measure.code
    return way_of(result).scale.name if code == "GEN" else MODEL_SCALES.get(code, "")


def _table(
    result: Result,
    display: Display,
    noted: Sequence[tuple[Entry, str]],
    notes: list[str],
    before: tuple[str, ...],
    style: Style,
) -> Table:
    """What both figures have in common: the mean of all studies, columns and lines."""
    whole, form = result.primary.pooled, result_format(result)
    entries, footnotes = with_marks([*noted, *_mean(result, style)])
    beside = TAU, I2, _p_column(style)
    after = tuple(n for n in beside if any(entry.cells[n] != ABSENT for entry in entries))
    scale = _tau_scale(result) if TAU in after else ""
    important = important_values(result, display)
    if important:
        notes = [*notes, f"Dotted line: important difference ({display.important_difference:g})."]
    name = capital(result.measure.natural) + (" (%)" if form.factor == 100 else "")
    return Table(
        header="Studies",
        rows=tuple(entries[: len(noted)]),
        mean=entries[-1] if len(entries) > len(noted) else None,
        before=before,
        after=after,
        dropped=(*(name for name in (I2, beside[-1], TAU) if name in after), *before),
        numbers=name,
        interval=level_text(result.primary.settings),
        form=form,
        axis_label=effect_label(result),
        null=result.measure.null,
        centre=whole.estimate,
        important=important,
        sides=sides_of(result, display),
        footnotes=tuple((mark, f"{capital(note).rstrip('.')}.") for mark, note in footnotes),
        notes=tuple(notes),
        column_notes=((TAU, f"τ is on the {scale} scale."),) if scale else (),
    )


def _years(refits: Sequence[Refit], result: Result) -> list[str]:
    """The year of each study added, where the studies are in its order and do not all name it.

    What is no year counts as not known. Nothing where no year is known.
    """
    of_label: dict[str, list[str]] = {}
    for row in (result.rows[effect.row] for effect in result.primary.effects):
        year = row.cells.get("year", "")
        of_label.setdefault(row.label, []).append(year if re.fullmatch(r"\d{4}", year) else ABSENT)
    waiting = {label: iter(sorted(years)) for label, years in of_label.items()}
    years = [next(waiting.get(refit.up_to, iter(())), ABSENT) for refit in refits]
    named = all(
        year != ABSENT and year in refit.up_to for year, refit in zip(years, refits, strict=True)
    )
    # The dash comes after every digit, as studies without a year come last.
    ordered = all(a <= b for a, b in pairwise(years))
    return [] if named or not ordered or years[0] == ABSENT else years
