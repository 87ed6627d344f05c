"""What is said and marked in a prediction distribution: thresholds, names, directions, caption."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import isfinite

from metamill.config.settings import Display
from metamill.figures.axes.directions import important_values
from metamill.figures.axes.effect_words import bounds_of, heard, noun_of, null_words, one_of
from metamill.figures.curves.law import Law
from metamill.results import Beyond, Result
from metamill.sentences import probability_text
from metamill.wording import NumberFormat, capital, model_words, number_text, unit_words

SMALL = 0.001
"""A smaller probability beyond the possible values is not worth a word."""


def shades(
    items: Sequence[Beyond], lower_is_better: bool | None, null: float | None = None
) -> Iterable[tuple[Beyond, bool, float]]:
    """Each threshold with whether what lies below it is meant and how dark it is, pale first.

    The sides are those of `sentences.beyond_words`: the better one, or else the one away from
    `null`; without either nothing is shaded.
    """
    if lower_is_better is None and null is None:
        return
    sides = []
    for item in items:
        below = null is not None and item.threshold < null
        sides.append((item, below if lower_is_better is None else lower_is_better))
    for below in (True, False):
        ordered = sorted((i for i, side in sides if side == below), key=lambda i: i.threshold)
        nested = ordered[::-1] if below else ordered
        for index, item in enumerate(nested, start=1):
            yield item, below, 0.15 + 0.45 * index / len(nested)


def marks_of(result: Result, display: Display, form: NumberFormat) -> list[tuple[float, str, str]]:
    """The vertical lines: value, name and role; thresholds, no effect, important difference."""
    marks = [
        (item.threshold, form.text(item.threshold) + form.suffix, "threshold")
        for item in result.primary.pooled.beyond
    ]
    null = result.measure.null
    if null is not None:
        marks.append((null, null_words(result), "null"))
    important = important_values(result, display)
    for value in important:
        if value not in [known for known, _, _ in marks]:
            marks.append((value, "", "important"))
    return [
        (value, important_words(value), "important") if value in important else (value, name, role)
        for value, name, role in marks
    ]


def important_words(value: float) -> str:
    """The name of an important difference, with the digits in which it was given."""
    decimals = f"{abs(value):.12g}".partition(".")[2]
    return f"important difference {number_text(value, len(decimals))}"


def row_names(result: Result) -> tuple[str, str, str]:
    level = f"{result.primary.settings['level']:g}%"
    shown = noun_of(result, len(heard(result.primary.effects)))
    return f"Mean, {level} CI", f"New study, {level} PI", shown


def axis_label(result: Result) -> str:
    measure = result.measure
    name = f"True {measure.natural}"
    if measure.family == "proportion":
        return f"{name} of {unit_words(result.unit)} (%)" if result.unit else f"{name} (%)"
    if measure.family == "change":
        return f"{name} from baseline"
    return f"{name} (log scale)" if measure.log_axis else name


def within(law: Law, result: Result, display: Display) -> Law:
    """The distribution with the ends of the score that `display` names, if its mean is between."""
    low, high = (
        law.scale.forward(end) if isfinite(end) else end
        for end in bounds_of(result.measure, display)
    )
    return replace(law, low=low, high=high) if low < law.centre < high else law


def impossible_words(law: Law, cut: tuple[bool, bool], form: NumberFormat) -> Iterator[str]:
    """How much of the distribution lies beyond each end of the possible values that is drawn."""
    for end, share in zip((law.low, law.high), impossible(law, cut), strict=True):
        if share >= SMALL:
            value = law.scale.back(end)
            yield (
                f"{probability_text(share)} of the distribution lies beyond "
                f"{form.text(value)}{form.suffix}, an end that the scale of the model does not "
                "have."
            )


def impossible(law: Law, cut: tuple[bool, bool]) -> tuple[float, float]:
    """The probabilities below and above the possible values, where the axis is cut there."""
    return law.below(law.low) if cut[0] else 0.0, 1 - law.below(law.high) if cut[1] else 0.0


def prediction_caption(
    title: str, result: Result, law: Law, roles: Iterable[str], cut: tuple[bool, bool]
) -> str:
    """What is drawn, with the vertical lines of `roles`.

    `cut` says at which ends of the axis no further values are possible.
    """
    level = f"{result.primary.settings['level']:g}%"
    spacing = f" The axis is spaced by the {law.scale.name} scale." if law.scale.name else ""
    kind = "normal" if not isfinite(law.df) else f"t with {law.df:.3g} degrees of freedom"
    shaded = " Darker areas lie beyond the thresholds." if result.primary.pooled.beyond else ""
    areas = "areas are probabilities"
    if max(impossible(law, cut)) >= SMALL:
        areas += " as far as values are possible, and those printed count what lies beyond as well"
    told = "the estimates" if one_of(result) == "estimate" else "the estimates of the studies"
    where = f"on the {law.scale.name} scale" if law.scale.name else ""
    return (
        f"{title}. Distribution of the true {result.measure.natural} in "
        f"a new study ({' '.join(filter(None, (kind, where)))}); {areas}.{spacing}"
        f"{shaded} {_lines_words(result, set(roles))} Below: the mean with its {level} interval, "
        f"the {level} prediction interval and {told}, each a stroke. "
        f"{capital(model_words(result.primary.settings))}.\n"
    )


def _lines_words(result: Result, roles: set[str]) -> str:
    """The vertical lines in words."""
    dotted = [
        words
        for role, words in (("threshold", "thresholds"), ("important", "important difference"))
        if role in roles
    ]
    said = ["dashed: the mean"]
    said += [f"dotted: {' and '.join(dotted)}"] if dotted else []
    said += [f"solid: {null_words(result)}"] if "null" in roles else []
    return f"Vertical lines, {'; '.join(said)}."
