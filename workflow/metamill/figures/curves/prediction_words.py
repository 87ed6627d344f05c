"""What is said and marked in a prediction distribution: thresholds, names, directions, caption."""

from collections.abc import Iterable, Sequence
from math import isfinite

from metamill.config.settings import Display
from metamill.figures.axes.directions import important_values
from metamill.figures.curves.law import Law
from metamill.figures.page.text import clean
from metamill.results import Beyond, Result
from metamill.wording import NumberFormat, capital, model_words, unit_words


def shades(
    items: Sequence[Beyond], lower_is_better: bool | None
) -> Iterable[tuple[Beyond, bool, float]]:
    """Each threshold with whether what lies below it is meant and how dark it is, pale first."""
    sides = [
        (item, lower_is_better if lower_is_better is not None else item.above < 0.5)
        for item in items
    ]
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
        none = "no change" if result.measure.family == "change" else "no effect"
        marks.append((null, none, "null"))
    known = {value for value, _, _ in marks}
    for value in important_values(result, display):
        if value not in known:
            marks.append((value, f"{form.text(value)} (important)", "important"))
    return marks


def row_names(result: Result) -> tuple[str, str, str]:
    pooled, level = result.primary.pooled, f"{result.primary.settings['level']:g}%"
    count = len(result.primary.effects)
    what = "studies" if count == pooled.k else "rows"
    return f"Mean, {level} CI", f"New study, {level} PI", f"{count} {what}"


def axis_label(result: Result) -> str:
    measure = result.measure
    name = f"True {measure.natural}"
    if measure.family == "proportion":
        return f"{name} of {unit_words(result.unit)} (%)" if result.unit else f"{name} (%)"
    return f"{name} from baseline" if measure.family == "change" else name


def prediction_caption(result: Result, display: Display, law: Law) -> str:
    level = f"{result.primary.settings['level']:g}%"
    spacing = f" The axis is spaced by the {law.scale.name} scale." if law.scale.name else ""
    kind = "normal" if not isfinite(law.df) else f"t with {law.df:.3g} degrees of freedom"
    shaded = " Darker areas lie beyond the thresholds." if result.primary.pooled.beyond else ""
    where = f"on the {law.scale.name} scale" if law.scale.name else ""
    return (
        f"{clean(display.title).rstrip('.')}. Distribution of the true {result.measure.natural} in "
        f"a new study ({' '.join(filter(None, (kind, where)))}); areas are probabilities.{spacing}"
        f"{shaded} Below: the mean with its {level} interval, the {level} prediction interval and "
        f"the estimates of the studies. {capital(model_words(result.primary.settings))}.\n"
    )
