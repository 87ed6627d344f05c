"""The statistics of influence that a result has, and the panel of one of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf, sqrt
from statistics import NormalDist

from metamill.explored.refits import Refit
from metamill.figures.axes.axis import Axis, linear_axis, log_tick_texts, tick_decimals
from metamill.figures.page.canvas import Box, Circle, Line, Primitive, Text, rectangle
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, width
from metamill.figures.refits.key import APART_MM, apart
from metamill.figures.style import Style
from metamill.results import Result
from metamill.wording import number_text, result_format

COOK = NormalDist().inv_cdf(0.75) ** 2
"""The median of chi-squared with one degree of freedom."""
SIGNED = ("rstudent", "dffits", "dfbetas", "estimate")
"""Statistics that may be negative."""
TWO_SIDED, TAIL = 1.96, 0.05
"""Beyond the first, or below the second, a study is an outlier."""
LARGEST_RADIUS_MM, LEAST_RADIUS_MM = 0.75, 0.3
FROM_MARKS_MM = (0.0, 0.8, 1.6, 3.0, 4.5)
"""Numbers of studies stand so much further from their marks where they have no room beside them,
but no further than the next study."""
CLEAR_MM = 0.2
"""Numbers of studies keep so far from lines."""
CHARACTERS = 8
"""Longer tick labels become powers of ten."""


@dataclass(frozen=True)
class Statistic:
    """One panel: its name, what it reads from a refit, its lines of reference.

    `centre` is where no influence lies (stems start there); `limits` are cutoffs, drawn dashed. All
    are on the scale of the statistic.
    """

    name: str
    title: str
    values: tuple[float | None, ...]
    centre: float
    limits: tuple[float, ...] = ()
    factor: int = 1

    @property
    def known(self) -> tuple[float, ...]:
        return tuple(value for value in self.values if value is not None)


def statistics(result: Result) -> tuple[Statistic, ...]:
    """The statistics that the leave-one-out refits of a result have, in the order of panels.

    Reference lines are those of metafor's help page of influence() (Viechtbauer and Cheung 2010).
    Where a model has no studentised residuals the estimate without each study takes their place.
    """
    refits, whole = result.leave_one_out, result.primary.pooled
    k = len(refits)
    if k < 2:
        return ()
    dffits = 3 * sqrt(1 / (k - 1))

    def read(
        name: str,
        title: str,
        centre: float | None,
        limits: tuple[float, ...] = (),
        value: Callable[[Refit], float | None] | None = None,
        factor: int = 1,
    ) -> Statistic | None:
        values = tuple(value(r) if value else getattr(r, name) for r in refits)
        if centre is None or all(v is None for v in values):
            return None
        return Statistic(name, title, values, centre, limits, factor)

    form = result_format(result)
    per_cent = " (%)" if form.factor == 100 else ""
    found = [
        read("rstudent", "Studentised residual", 0.0, (-TWO_SIDED, TWO_SIDED)),
        read("dffits", "DFFITS", 0.0, (-dffits, dffits)),
        read("cook", "Cook's distance", 0.0, (COOK,) if has_cutoffs(refits) else ()),
        read("covariance_ratio", "Covariance ratio", 1.0),
        read("tau", "τ without the study", whole.tau, value=_tau),
        read("q", "Q without the study", whole.q),
        read("hat", "Hat value", 1 / k, (3 / k,)),
        read("weight", "Weight (%)", 100 / k, (300 / k,)),
        read("dfbetas", "DFBETAS", 0.0, (-1.0, 1.0)),
        read("tail_p", "Tail probability", 1.0, (TAIL,)),
    ]
    if found[0] is None:
        title = f"Pooled {result.measure.natural} without the study{per_cent}"
        found.append(read("estimate", title, whole.estimate, factor=form.factor))
    return tuple(item for item in found if item is not None)


def has_cutoffs(refits: Iterable[Refit]) -> bool:
    """Whether the model is one whose studies can be called influential by cutoffs.

    Those of inverse-variance pools of one effect per study are; only they have hat values.
    """
    return any(refit.hat is not None for refit in refits)


def _tau(refit: Refit) -> float | None:
    return None if refit.tau2 is None else sqrt(refit.tau2)


def study_numbers(
    panels: Iterable[Statistic], room: float, height: float, style: Style
) -> tuple[float, ...]:
    """The studies whose numbers stand under every panel of `room` by `height` mm of a figure.

    As many as the panel with the widest labels at its side has room for.
    """
    box = 0.0, 0.0, room, height
    k, plot_left = max((len(panel.values), _plot(panel, box, style)[0]) for panel in panels)
    return _numbers(k, room - plot_left, style.font_size)


def _plot(panel: Statistic, box: Box, style: Style) -> tuple[float, float, Axis, list[str]]:
    """Left and bottom of the plotting area in `box`, the axis at its side and the tick labels."""
    left, top, _, bottom = box
    floor_y = bottom - style.tick_mm - 0.5 - 1.15 * style.font_size * MM_PER_POINT
    y_axis, y_texts = _y_axis(panel, floor_y, top)
    widest = max(width(text, style.font_size) for text in y_texts)
    return left + widest + style.tick_mm + 1.0, floor_y, y_axis, y_texts


def panel_items(
    panel: Statistic, numbers: tuple[float, ...], marked: Sequence[bool], box: Box, style: Style
) -> Iterable[Primitive]:
    """One statistic: axes, lines of reference, a stem and a marker per study.

    `numbers` are the studies, counted from 1, whose numbers stand under the panel.
    """
    _, top, right, _ = box
    size, em = style.font_size, style.font_size * MM_PER_POINT
    plot_left, floor_y, y_axis, y_texts = _plot(panel, box, style)
    k = len(panel.values)
    x_axis = Axis(0.4, k + 0.6, plot_left, right, numbers)
    thin = style.rule_width
    yield Line(plot_left, floor_y, right, floor_y, thin, style.ink, role="axis")
    yield Line(plot_left, top, plot_left, floor_y, thin, style.ink, role="axis")
    for tick, text in zip(y_axis.ticks, y_texts, strict=True):
        y, start = y_axis.position(tick), plot_left - style.tick_mm
        yield Line(start, y, plot_left, y, thin, style.ink, role="tick")
        place = y + CAPITAL * em / 2
        yield Text(
            start - 0.8, place, text, size, align="right", colour=style.ink, role="tick label"
        )
    for tick in x_axis.ticks:
        x = x_axis.position(tick)
        yield Line(x, floor_y, x, floor_y + style.tick_mm, thin, style.ink, role="tick")
        y = floor_y + style.tick_mm + 0.5 + CAPITAL * em
        yield Text(x, y, str(int(tick)), size, align="center", colour=style.ink, role="study tick")
    base = y_axis.position(panel.centre)
    yield Line(plot_left, base, right, base, thin, style.line, role="centre")
    for limit in panel.limits:
        y = y_axis.position(limit)
        yield Line(plot_left, y, right, y, thin, style.soft, (2.0, 1.5), role="limit")
    pitch = (right - plot_left) / (k + 0.2)
    radius = min(LARGEST_RADIUS_MM, max(LEAST_RADIUS_MM, 0.4 * pitch))
    places = []
    for index, value in enumerate(panel.values):
        if value is None:
            continue
        x, y = x_axis.position(index + 1), y_axis.position(value)
        colour = style.striking if marked[index] else style.line
        yield Line(x, base, x, y, style.thin_width, colour, role="stem")
        places.append((x, y, index))
    for x, y, index in sorted(places, key=lambda item: marked[item[2]]):
        if marked[index]:
            half = style.square_plain_mm / 2
            corners = (x - half, y - half, x + half, y + half)
            yield rectangle(corners, style.striking, role="influential")
        else:
            yield Circle(x, y, radius, style.accent, role="point")
    heights = [base, *(y_axis.position(limit) for limit in panel.limits)]
    lines = [(plot_left, y - CLEAR_MM, right, y + CLEAR_MM) for y in heights]
    sizes = [style.square_plain_mm / 2 if marked[index] else radius for _, _, index in places]
    marks = [
        (x - half, y - half, x + half, y + half)
        for (x, y, _), half in zip(places, sizes, strict=True)
    ]
    inside = (plot_left, top, right, floor_y)
    reaches = [reach for reach in FROM_MARKS_MM if reach == 0 or reach < 0.8 * pitch]
    yield from _numbers_beside(places, marked, marks, lines, inside, reaches, style)


def _numbers_beside(
    places: Sequence[tuple[float, float, int]],
    marked: Sequence[bool],
    marks: Sequence[Box],
    lines: Sequence[Box],
    inside: Box,
    reaches: Sequence[float],
    style: Style,
) -> Iterable[Text]:
    """The numbers of influential studies, clear of marks, of lines of reference and of stems.

    Those furthest from the line of no influence choose first.
    The first of `lines` is that of no influence, where stems begin. Where the studies stand so
    close that no place is clear of all stems, those of influential studies alone stay clear.
    """
    half, base = style.square_plain_mm / 2, (lines[0][1] + lines[0][3]) / 2
    stems = [(x - CLEAR_MM, min(y, base), x + CLEAR_MM, max(y, base)) for x, y, _ in places]
    own = [stem for stem, (_, _, index) in zip(stems, places, strict=True) if marked[index]]
    furthest = sorted(places, key=lambda place: -abs(place[1] - base))
    waiting = [((x, y), str(index + 1)) for x, y, index in furthest if marked[index]]
    told: list[Text] = []
    for kept, reach in product((stems, own), reaches):
        around = [(b[0] - APART_MM, b[1], b[2] + APART_MM, b[3]) for b in (t.box for t in told)]
        taken = [*marks, *lines, *kept, *around]
        found, without = apart(waiting, inside, taken, style, half + reach)
        told += found
        waiting = [waiting[index] for index in without]
    return told


def _y_axis(panel: Statistic, bottom: float, top: float) -> tuple[Axis, list[str]]:
    """A linear axis upwards over all values and lines, and its tick labels."""
    values = (*panel.known, panel.centre, *panel.limits)
    low, high = min(values), max(values)
    reach = max(abs(low), abs(high))
    if high - low <= 1e-9 * reach or reach == 0:
        pad = reach / 2 or 1.0
        low, high = low - (0.0 if reach == 0 else pad), high + pad
    low, high = _opened(low, high)
    length = bottom - top
    bounds = (-inf if panel.name in SIGNED else 0.0, 1.0 if panel.name == "tail_p" else inf)
    axis = linear_axis(low, high, 0.0, length, bounds)
    decimals = tick_decimals(axis, panel.factor)
    texts = [number_text(tick, decimals, panel.factor) for tick in axis.ticks]
    if max(map(len, texts)) > CHARACTERS or len(set(texts)) < len(texts):
        texts = [_short(tick * panel.factor) for tick in axis.ticks]
    return replace(axis, left=bottom, right=top), texts


def _opened(low: float, high: float) -> tuple[float, float]:
    """A little room at ends that are not 0, so that no marker sits on the frame."""
    room = 0.04 * (high - low)
    return (low if low == 0 else low - room), high + room


def _short(value: float) -> str:
    """A very large or very small tick, as a power of ten."""
    if value == 0:
        return "0"
    positive = log_tick_texts(Axis(1.0, 10.0, 0.0, 1.0, (float(f"{abs(value):.1e}"),), log=True))[0]
    return positive if value > 0 else f"\N{MINUS SIGN}{positive}"


def _numbers(k: int, room: float, size: float) -> tuple[float, ...]:
    """The studies whose numbers stand under a panel: all, or every second, fifth, tenth..."""
    widest = width(str(k), size) + 1.0
    for every in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        if every * room / (k + 0.2) >= widest:
            break
    if every == 1:
        return tuple(float(i) for i in range(1, k + 1))
    return tuple(float(i) for i in range(every, k + 1, every))
