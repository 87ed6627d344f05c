"""The pooled estimate beside those that allow for small-study effects, as a forest plot."""

from collections.abc import Sequence

from metamill.config.settings import Display
from metamill.explored.small_study import AdjustedEstimate, SmallStudyEffects
from metamill.figures.axes.directions import sides_of
from metamill.figures.axes.effect_words import effect_label
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.points.small_study_words import (
    estimates_alt,
    estimates_caption,
    estimates_csv,
    refused_notes,
)
from metamill.figures.refits.pages import estimate_pages
from metamill.figures.refits.places import MEAN, PLAIN, Entry, Table
from metamill.figures.refits.words import figure_title
from metamill.figures.style import Style
from metamill.results import Result
from metamill.wording import capital, level_text, result_format

TITLE = "Estimates that allow for small-study effects"


def small_study(result: Result, display: Display, style: Style) -> Drawn:
    """A row for every adjusted estimate, the pooled one as a diamond; refused ones in the notes."""
    title = figure_title(TITLE, display)
    found = result.explored.small_study
    drawn = [] if found is None else [e for e in found.adjusted if e.estimate is not None]
    if found is None or not drawn or found.baseline is None:
        return not_drawn(title, why_not(found), display.width_mm, style)
    table = _table(result, display, found, drawn)
    pages = estimate_pages(table, result, display, style)
    return Drawn(
        pages,
        estimates_csv(found),
        estimates_caption(result, title),
        estimates_alt(result, found, title),
    )


def why_not(found: SmallStudyEffects | None) -> str:
    """Why there is no adjusted estimate to draw."""
    if found is None:
        return "the result holds no exploration of small-study effects"
    if found.reason:
        return found.reason
    reasons = list(dict.fromkeys(e.refused for e in found.adjusted if e.refused))
    return reasons[0] if reasons else "no estimate that allows for small-study effects exists"


def _table(
    result: Result, display: Display, found: SmallStudyEffects, drawn: Sequence[AdjustedEstimate]
) -> Table:
    form = result_format(result)
    baseline = found.baseline
    assert baseline is not None
    return Table(
        header="Method",
        rows=tuple(_entry(e.name, e, PLAIN) for e in drawn),
        mean=_entry(baseline.name, baseline, MEAN),
        before=(),
        after=(),
        dropped=(),
        numbers=capital(result.measure.natural) + (" (%)" if form.factor == 100 else ""),
        interval=level_text(result.primary.settings),
        form=form,
        axis_label=effect_label(result),
        null=result.measure.null,
        centre=baseline.estimate,
        sides=sides_of(result, display),
        notes=refused_notes(found),
    )


def _entry(label: str, item: AdjustedEstimate, kind: str) -> Entry:
    return Entry(label, {}, item.ci_low, item.estimate, item.ci_high, kind)
