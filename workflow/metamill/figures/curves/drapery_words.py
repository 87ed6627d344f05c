"""A drapery plot without the plot: its numbers as a table, its notes, caption and alt text."""

from collections.abc import Iterable
from typing import Any

from metamill.figures.axes.effect_words import (
    corrected_note,
    flag_notes,
    interval_words,
    is_silent,
    label_of,
    model_sentence,
    noun_of,
    null_words,
    one_of,
    pooled_words,
    rows_words,
    silent_note,
)
from metamill.figures.axes.plane import Plane
from metamill.figures.curves.drapery_plan import Drapery, Interval
from metamill.figures.points.marks import listed
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.wording import capital, estimate_text, level_text, result_format

CSV_P = (1.0, 0.5, 0.2, 0.1, 0.05, 0.01, 0.001)
CSV_COLUMNS = "row,study,label,p,low,high".split(",")


def drapery_notes(plot: Drapery, at: Plane) -> Iterable[str]:
    """What a reader of the drawing must know."""
    flagged = [effect for effect, _ in plot.studies]
    yield from flag_notes(flagged, f"Of the {noun_of(plot.result)}")
    yield from corrected_note(plot.result, plot.way, flagged)
    outside = [
        label_of(plot.result, effect)
        for effect, interval in plot.studies
        if at.outward(interval(1.0)[0], 1.0)[0]
    ]
    if outside:
        yield f"The peak lies beyond the axis: {listed(outside)}."
    if plot.without:
        names = [label_of(plot.result, effect) for effect in plot.without]
        yield f"Not drawn, the standard error is zero or unknown: {listed(names)}."
    yield from silent_note(plot.result)
    if plot.doubtful:
        yield "Grey: a prediction from fewer than five studies is doubtful."
    if plot.why_no_prediction:
        yield f"No curve of a prediction: {plot.why_no_prediction}."


def drapery_csv(plot: Drapery) -> str:
    """The limits of every curve at the p values of CSV_P, as drawn; proportions are fractions."""
    curves: list[tuple[dict[str, Any], Interval]] = [
        (
            {
                "row": "study",
                "study": plot.result.rows[effect.row].study,
                "label": label_of(plot.result, effect),
            },
            interval,
        )
        for effect, interval in plot.studies
    ]
    curves.append(({"row": "pooled"}, plot.mean))
    if plot.prediction is not None:
        curves.append(({"row": "prediction"}, plot.prediction))
    rows = []
    for names, interval in curves:
        for p in CSV_P:
            low, high = plot.possible(*interval(p))
            rows.append(names | {"p": p, "low": low, "high": high})
    silent = [effect for effect in plot.result.primary.effects if is_silent(effect)]
    for effect in (*plot.without, *silent):
        row = plot.result.rows[effect.row]
        rows.append({"row": "not drawn", "study": row.study, "label": row.label})
    return csv_text(CSV_COLUMNS, rows)


def drapery_caption(plot: Drapery, title: str, style: Style) -> str:
    """The title, what the curves are and how to read them."""
    first = (
        f"{title}. For every effect on the horizontal axis a curve gives the p value of the test "
        "that this is the true effect. Where it is cut at height p lie the limits of the interval "
        f"with confidence 1 - p (right axis). Grey: single "
        f"{noun_of(plot.result)}, by normal quantiles. Bold: the mean, "
        f"{interval_words(plot.result, style.brackets)}."
    )
    said = [first]
    if plot.prediction is not None:
        said.append("Dashed: prediction for the true effect of a new study.")
    if plot.result.measure.null is not None:
        said.append(f"Vertical line: {null_words(plot.result)}.")
    said.append(f"Dotted: the height at which curves give {plot.level:g}% intervals.")
    if not plot.way.known:
        said.append("Drawn on the scale of the model, from which there is no single way back.")
    return " ".join((*said, model_sentence(plot.result)))


def drapery_alt(plot: Drapery, title: str, style: Style) -> str:
    """The figure in one paragraph for who cannot see it."""
    pooled, form = plot.result.primary.pooled, result_format(plot.result)
    first = (
        f"{title}. p-value functions of {rows_words(plot.result)} as thin grey curves, each with "
        f"its peak at the effect of the {one_of(plot.result)}, and of the mean as a bold curve. "
        f"{capital(pooled_words(plot.result, style.brackets))}."
    )
    said = [first]
    if plot.prediction is not None:
        told = estimate_text(pooled.estimate, pooled.pi_low, pooled.pi_high, form, style.brackets)
        level = level_text(plot.result.primary.settings).removesuffix(" CI")
        wider = " is wider" if _wider(plot) else ""
        said.append(f"The dashed curve of a new study{wider}: {told} ({level} prediction).")
    return " ".join(said)


def _wider(plot: Drapery) -> bool:
    """Whether the prediction reaches further than the interval of the mean."""
    if plot.prediction is None:
        return False
    p = 1 - plot.level / 100
    (low, high), (pi_low, pi_high) = plot.mean(p), plot.prediction(p)
    return pi_high - pi_low > (high - low) * (1 + 1e-6)
