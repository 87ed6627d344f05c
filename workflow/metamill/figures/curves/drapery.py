"""The drapery plot (Rücker and Schwarzer 2021): p-value functions of studies and of their mean."""

from collections.abc import Iterable, Sequence
from math import inf, isfinite
from statistics import NormalDist

from metamill.config.figures import FIGURES
from metamill.config.settings import Display
from metamill.figures.axes.directions import sides_of
from metamill.figures.axes.effect_words import (
    bounds_of,
    effect_label,
    factor_of,
    model_label,
    null_words,
    one_of,
)
from metamill.figures.axes.panel import Side
from metamill.figures.axes.plane import Plane, core_range, plane, right_axis, right_room
from metamill.figures.curves.drapery_plan import Drapery, Interval, plan_of
from metamill.figures.curves.drapery_words import (
    drapery_alt,
    drapery_caption,
    drapery_csv,
    drapery_notes,
)
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Box, Canvas, Line, Primitive
from metamill.figures.page.text import clean
from metamill.figures.points.marks import (
    Entry,
    above_directions,
    filled_pages,
    legend_rows,
    line_entry,
    note_rows,
    settled,
)
from metamill.figures.style import Style
from metamill.results import Result
from metamill.wording import capital, number_text

LEAST_P = 0.001
CONFIDENCE = (0.5, 0.2, 0.1, 0.05, 0.01, 0.001)
"""p values of which the right axis names the confidence level."""


def drapery(result: Result, display: Display, style: Style) -> Drawn:
    """p against the effect for every study, the mean and a new study.

    Not drawn where the interval of the mean is not the estimate and a t or normal quantile of
    standard errors: then its p-value function is not known from the result.
    """
    title = f"{FIGURES['drapery'].title}: {clean(display.title).rstrip('.')}"
    found = plan_of(result)
    if isinstance(found, str):
        return not_drawn(title, found, display.width_mm, style)
    return _drawn(found, title, display, style)


def _drawn(plot: Drapery, title: str, display: Display, style: Style) -> Drawn:
    favoured = sides_of(plot.result, display)
    sides = _sides(plot)
    legend = legend_rows(_entries(plot, style), display, style)
    held: list[Plane] = []
    words = "Confidence level of the interval (%)"

    def framed(inner: Box) -> tuple[Plane, list[Primitive]]:
        texts = [number_text(1 - p, _decimals(p), 100) for p in CONFIDENCE]
        room = right_room(texts, words, inner[3] - inner[1] - 12.0, style)
        at, axes = plane(*sides, (inner[0], inner[1], inner[2] - room, inner[3]), style)
        ticks = [(at.place(_any(at), p)[1], t) for p, t in zip(CONFIDENCE, texts, strict=True)]
        return at, [*axes, *right_axis(at, ticks, words, inner[2], style)]

    def draw(box: Box) -> list[Primitive]:
        at, axes = above_directions(favoured, box, style, framed)
        held.append(at)
        return [*_curves(plot, at, style), *axes]

    def compose(notes: tuple[str, ...]) -> tuple[tuple[Canvas, ...], tuple[str, ...]]:
        rows = note_rows(notes, display, style)
        wanted = min(0.62 * display.width_mm, 100.0)
        pages = filled_pages(draw, wanted, legend, rows, display, style)
        return pages, tuple(drapery_notes(plot, held[-1]))

    pages, notes = settled(compose)
    return Drawn(
        pages,
        drapery_csv(plot),
        " ".join((drapery_caption(plot, title, style), *notes)),
        " ".join((drapery_alt(plot, title, style), *notes)),
    )


def _any(at: Plane) -> float:
    return at.panel.x.low * at.x_unit


def _decimals(p: float) -> int:
    return 1 if p < 0.01 else 0


def _sides(plot: Drapery) -> tuple[Side, Side]:
    measure = plot.result.measure
    log = plot.way.known and measure.log_axis
    forward = plot.way.model if log else float
    sign = plot.way.sign if log else 1
    peaks = [forward(interval(1.0)[0]) for _, interval in plot.studies]
    spans = sorted(forward(b) - forward(a) for _, i in plot.studies for a, b in (i(0.05),))
    always = [forward(end) for end in plot.mean(LEAST_P)]
    always += [forward(end) for end in plot.prediction(0.05)] if plot.prediction else []
    if measure.null is not None:
        always.append(plot.way.model(measure.null) if log or not plot.way.known else measure.null)
    typical = abs(spans[len(spans) // 2]) if spans else 0.0
    low, high = core_range(peaks, typical, _kept(always, peaks, typical))
    low, high = low - 0.5 * typical, high + 0.5 * typical
    if log:
        ends = sorted(plot.way.natural(sign * min(max(e, -300.0), 300.0)) for e in (low, high))
        low, high = ends
    natural = plot.way.known
    x = Side(
        low,
        high,
        effect_label(plot.result)
        if natural
        else f"{capital(model_label(plot.result, plot.way))} (model scale)",
        log,
        factor_of(measure) if natural else 1,
        bounds=bounds_of(measure) if natural and not log else (-inf, inf),
    )
    return x, Side(LEAST_P, 1.0, "p value (log scale)", log=True)


def _kept(always: Sequence[float], peaks: Sequence[float], typical: float) -> list[float]:
    """Limits of the mean and of a prediction widen the axis, but not without end."""
    if not peaks:
        return [value for value in always if isfinite(value)]
    low, high = min(peaks), max(peaks)
    room = 2 * max(high - low, typical)
    return [min(max(value, low - room), high + room) for value in always]


def _curves(plot: Drapery, at: Plane, style: Style) -> Iterable[Primitive]:
    null = plot.result.measure.null
    _, top, _, bottom = at.box
    y = at.place(_any(at), 1 - plot.level / 100)[1]
    if top <= y <= bottom:
        dots = (1.0, 2.0)
        yield Line(at.box[0], y, at.box[2], y, style.rule_width, style.ink, dots, "level")
    steps = 40 if len(plot.studies) <= 60 else 24
    for _, interval in plot.studies:
        yield from _curve(interval, at, steps, style.thin_width, _grey(plot, style), "study", ())
    if null is not None:
        value = null if plot.way.known else plot.way.model(null)
        if at.outward(value, 1.0)[0] == 0:
            x = at.at(value, 1.0)[0]
            yield Line(x, top, x, bottom, style.rule_width, style.ink, role="null")
    if plot.prediction is not None:
        width = 1.6 * style.interval_width
        colour = style.doubtful if plot.doubtful else style.accent
        yield from _curve(plot.prediction, at, 60, width, colour, "prediction", (4.0, 2.0))
    yield from _curve(plot.mean, at, 60, 2.2 * style.interval_width, style.accent, "estimate", ())


def _grey(plot: Drapery, style: Style) -> str:
    """Many curves are lighter, or they would blacken the panel."""
    return style.line if len(plot.studies) <= 30 else style.faint


def _curve(
    interval: Interval,
    at: Plane,
    steps: int,
    width: float,
    colour: str,
    role: str,
    dash: tuple[float, ...],
) -> Iterable[Primitive]:
    """Both sides of a p-value function, at equal steps of the normal quantile."""
    normal = NormalDist()
    deepest = -normal.inv_cdf(LEAST_P / 2)
    grid = [min(1.0, 2 * normal.cdf(-deepest * i / steps)) for i in range(steps)] + [LEAST_P]
    pairs = [(interval(p), p) for p in grid]
    left = [(low, p) for (low, _), p in reversed(pairs)]
    right = [(high, p) for (_, high), p in pairs[1:]]
    points = [(x, p) for x, p in (*left, *right) if isfinite(x) and (x > 0 or not at.panel.x.log)]
    if len(points) > 1:
        yield from at.line(points, width, colour, role, dash)


def _entries(plot: Drapery, style: Style) -> list[Entry]:
    width = style.interval_width
    entries = [line_entry("Pooled estimate", 2.2 * width, style.accent)]
    if plot.prediction is not None:
        colour = style.doubtful if plot.doubtful else style.accent
        entries.append(line_entry("Prediction", 1.6 * width, colour, (4.0, 2.0)))
    single = f"Single {one_of(plot.result)}"
    entries.append(line_entry(single, style.thin_width, _grey(plot, style)))
    if plot.result.measure.null is not None:
        entries.append(line_entry(capital(null_words(plot.result)), style.rule_width, style.ink))
    words = f"{plot.level:g}% confidence"
    return [*entries, line_entry(words, style.rule_width, style.ink, (1.0, 2.0))]
