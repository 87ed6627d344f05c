"""Every figure by name: the function that draws it."""

from collections.abc import Callable, Mapping, Sequence

from metamill.config.settings import Display
from metamill.figures.curves.drapery import drapery
from metamill.figures.curves.prediction import prediction
from metamill.figures.drawn import Drawn
from metamill.figures.forest.forest import forest, forest_studies
from metamill.figures.multiverse.specifications import multiverse
from metamill.figures.points.bubble import bubble
from metamill.figures.points.funnel import funnel, funnel_contour
from metamill.figures.points.labbe import labbe
from metamill.figures.points.radial import radial
from metamill.figures.points.small_study import small_study
from metamill.figures.points.trim_fill import trim_fill
from metamill.figures.refits.baujat import baujat
from metamill.figures.refits.forests import cumulative, leave_one_out
from metamill.figures.refits.gosh import gosh
from metamill.figures.refits.influence import influence
from metamill.figures.refits.tornado import tornado
from metamill.figures.review.bias_summary import risk_of_bias_summary
from metamill.figures.review.flow import flow
from metamill.figures.review.risk_of_bias import risk_of_bias
from metamill.figures.review.study_map import study_map
from metamill.figures.style import Style
from metamill.results import Result
from metamill.review_result import ReviewResult

OUTCOME_FIGURES: dict[str, Callable[[Result, Display, Style], Drawn]] = {
    "forest": forest,
    "forest_studies": forest_studies,
    "leave_one_out": leave_one_out,
    "cumulative": cumulative,
    "prediction": prediction,
    "drapery": drapery,
    "funnel": funnel,
    "funnel_contour": funnel_contour,
    "trim_fill": trim_fill,
    "small_study": small_study,
    "radial": radial,
    "labbe": labbe,
    "baujat": baujat,
    "influence": influence,
    "tornado": tornado,
    "gosh": gosh,
    "bubble": bubble,
    "multiverse": multiverse,
}
"""Figures of config.figures.FIGURES, each drawn from a result alone."""


def review_figure(
    name: str,
    results: Sequence[Result],
    review: ReviewResult,
    display: Display,
    style: Style,
    titles: Mapping[str, str],
) -> Drawn:
    """One of config.figures.REVIEW_FIGURES; `titles` are those of the outcomes."""
    if name == "study_map":
        return study_map(results, review, display, style, titles)
    drawing = {
        "flow": flow,
        "risk_of_bias": risk_of_bias,
        "risk_of_bias_summary": risk_of_bias_summary,
    }[name]
    return drawing(review, display, style)
