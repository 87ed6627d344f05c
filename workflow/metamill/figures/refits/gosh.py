"""The GOSH plot: a cloud of the estimates of all subsets of the studies, by heterogeneity."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from math import floor, inf, log10

from metamill.config.settings import Display
from metamill.explored.gosh import Cloud, Gosh
from metamill.figures.axes.directions import important_values
from metamill.figures.axes.effect_words import bounds_of, effect_label, null_words
from metamill.figures.axes.panel import Panel, Side, frame, paragraphs
from metamill.figures.colours import tint
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import (
    Canvas,
    Circle,
    Curve,
    Line,
    Polygon,
    Primitive,
    Text,
    rectangle,
)
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, width
from metamill.figures.refits.gosh_words import LEAST_DIVIDED, gosh_csv, sentences
from metamill.figures.style import Style
from metamill.results import Result
from metamill.wording import (
    MODEL_SCALES,
    capital,
    estimate_text,
    model_words,
    number_text,
    result_format,
)

SHADES = 8
PALEST = 0.14
"""The share of the colour in the palest shade of the cloud."""
MARGINAL_MM, BETWEEN_MM = 15.0, 1.5
HEIGHT_TO_WIDTH, MOST_HIGH_MM = 0.62, 110.0
OVERLAP_MM = 0.04
"""By so much bins reach into the next row, so that no seam shows between them."""
REGION = 0.9
"""The share of the subsets with a study that lies within its outline."""
LEAST_OUTLINED = 2000
"""Fewer subsets with a study are too scattered for an outline."""


def gosh(result: Result, display: Display, style: Style) -> Drawn:
    """Every subset by its estimate (x) and heterogeneity (y), as shades by how many there are.

    Histograms beside both axes; the study whose presence moves the estimate most is laid over all
    of it in a second colour.
    """
    title = f"GOSH plot: {clean(display.title).rstrip('.')}"
    found = result.explored.gosh
    if found is None or found.cloud is None:
        reason = found.note if found and found.note else "no subsets of the studies were pooled"
        return not_drawn(title, reason, display.width_mm, style)
    words = list(sentences(found, result))
    page = _page(found, found.cloud, result, display, style)
    return Drawn(
        (page,),
        gosh_csv(found),
        _caption(found, found.cloud, result, title, words),
        " ".join((f"{title}.", *words)),
    )


def _page(found: Gosh, cloud: Cloud, result: Result, display: Display, style: Style) -> Canvas:
    margin = style.margin_mm
    right = display.width_mm - margin
    top = margin + MARGINAL_MM + BETWEEN_MM
    high = min(HEIGHT_TO_WIDTH * display.width_mm, MOST_HIGH_MM, 0.6 * display.height_mm)
    sides = _sides(cloud, result, display)
    edge = right - MARGINAL_MM - BETWEEN_MM
    panel, axes = frame(*sides, (margin, top, edge, top + high), style)
    page = Canvas(display.width_mm, top + high)
    page.add(_bins(cloud, panel, style))
    page.add(_marginals(cloud, panel, style))
    page.add(_outline(cloud, panel, style))
    page.add(_lines(result, display, panel, style))
    page.add(axes)
    page.add(_whole(result, cloud, panel, style))
    legend, bottom = _legend(found, cloud, result, display, page.height_mm + 1.5, style)
    page.add(legend)
    notes, bottom = paragraphs(_notes(cloud, result), margin, bottom, right, style)
    page.add(notes)
    page.height_mm = bottom + margin
    return page


def _sides(cloud: Cloud, result: Result, display: Display) -> tuple[Side, Side]:
    factor = result_format(result).factor
    bounds = bounds_of(result.measure, display)
    whole = result.primary.pooled.estimate
    marked = [] if whole is None else [whole]
    low, high = min([cloud.x_low, *marked]), max([cloud.x_high, *marked])
    x = Side(low, high, effect_label(result), cloud.log, factor, bounds=bounds)
    if cloud.y_is == "i2":
        return x, Side(0.0, 100.0, "I² (%)", bounds=(0.0, 100.0))
    scale = MODEL_SCALES.get(result.measure.code, "")
    label = f"τ ({scale} scale)" if scale else "τ"
    return x, Side(0.0, cloud.y_high, label, bounds=(0.0, inf))


def _levels(cloud: Cloud) -> list[list[int]]:
    """The shade of each bin by the logarithm of its count: 0 for none, 1 to SHADES."""
    most = max(map(max, cloud.counts))
    return [[_level(count, most) for count in row] for row in cloud.counts]


def _level(count: int, most: int) -> int:
    if count == 0:
        return 0
    if most == 1:
        return SHADES
    return min(SHADES, 1 + floor(SHADES * log10(count) / log10(most) + 1e-9))


def shade(level: int, style: Style) -> str:
    return tint(style.accent, PALEST + (1 - PALEST) * (level - 1) / (SHADES - 1))


def _bins(cloud: Cloud, panel: Panel, style: Style) -> Iterator[Polygon]:
    """Runs of bins of at least a shade, shade over shade, so that few shapes make the cloud."""
    levels = _levels(cloud)
    for level in range(1, SHADES + 1):
        for up, row in enumerate(levels):
            for first, last in _runs([cell >= level for cell in row]):
                box = _box(cloud, panel, first, last, up)
                yield rectangle(box, shade(level, style), role="bin")


def _runs(chosen: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and one past the last of each run of what is chosen."""
    at = 0
    for flag, members in groupby(chosen):
        count = len(list(members))
        if flag:
            yield at, at + count
        at += count


def _box(
    cloud: Cloud, panel: Panel, first: int, last: int, up: int
) -> tuple[float, float, float, float]:
    left, right = (panel.x.position(cloud.edge(i)) for i in (first, last))
    bottom, top = (panel.y.position(_height(cloud, i)) for i in (up, up + 1))
    return left, top, right, bottom + (OVERLAP_MM if up else 0.0)


def _height(cloud: Cloud, number: int) -> float:
    return cloud.y_high * number / len(cloud.counts)


def _marginals(cloud: Cloud, panel: Panel, style: Style) -> Iterator[Primitive]:
    """Histograms of the estimate above and of heterogeneity to the right, as shares of the most.

    Those of the subsets with the study that moves the estimate most are lines over them, as high
    as they are for their own number.
    """
    _, top, right, _ = panel.box
    for counts, striking in ((cloud.counts, False), (cloud.counts_with, True)):
        across = [sum(column) for column in zip(*counts, strict=True)]
        up = [sum(row) for row in counts]
        xs = [panel.x.position(cloud.edge(i)) for i in range(len(across) + 1)]
        ys = [panel.y.position(_height(cloud, i)) for i in range(len(up) + 1)]
        base, reach = top - BETWEEN_MM, MARGINAL_MM
        yield from _histogram(across, xs, base, -reach, False, striking, style)
        yield from _histogram(up, ys, right + BETWEEN_MM, reach, True, striking, style)


def _histogram(
    counts: Sequence[int],
    ends: Sequence[float],
    base: float,
    reach: float,
    sideways: bool,
    striking: bool,
    style: Style,
) -> Iterator[Primitive]:
    most = max(counts)
    if not most:
        return
    points = [(ends[0], base)]
    for count, (start, end) in zip(counts, pairwise(ends), strict=True):
        at = base + reach * count / most
        points += [(start, at), (end, at)]
    points.append((ends[-1], base))
    if sideways:
        points = [(y, x) for x, y in points]
    if striking:
        yield Curve(tuple(points), style.rule_width, style.striking, role="histogram with")
    else:
        yield Polygon(tuple(points), tint(style.accent, 0.45), role="histogram")


def _outline(cloud: Cloud, panel: Panel, style: Style) -> Iterator[Line]:
    """The edge of the fullest bins that together hold 90% of the subsets with the study."""
    if not _outlined(cloud):
        return
    inside = _region(cloud)
    up_count, across_count = len(inside), len(inside[0])

    def held(up: int, across: int) -> bool:
        return 0 <= up < up_count and 0 <= across < across_count and inside[up][across]

    def line(x1: float, y1: float, x2: float, y2: float) -> Line:
        return Line(x1, y1, x2, y2, style.interval_width, style.striking, role="outline")

    for up in range(up_count + 1):
        y = panel.y.position(_height(cloud, up))
        edges = [held(up, across) != held(up - 1, across) for across in range(across_count)]
        for first, last in _runs(edges):
            ends = [panel.x.position(cloud.edge(i)) for i in (first, last)]
            yield line(ends[0], y, ends[1], y)
    for across in range(across_count + 1):
        x = panel.x.position(cloud.edge(across))
        edges = [held(up, across) != held(up, across - 1) for up in range(up_count)]
        for first, last in _runs(edges):
            ends = [panel.y.position(_height(cloud, i)) for i in (first, last)]
            yield line(x, ends[0], x, ends[1])


def _outlined(cloud: Cloud) -> bool:
    return sum(map(sum, cloud.counts_with)) >= LEAST_OUTLINED


def _region(cloud: Cloud) -> list[list[bool]]:
    cells = [
        (-count, up, across)
        for up, row in enumerate(cloud.counts_with)
        for across, count in enumerate(row)
        if count
    ]
    wanted = REGION * sum(map(sum, cloud.counts_with))
    inside = [[False] * len(row) for row in cloud.counts_with]
    so_far = 0
    for minus, up, across in sorted(cells):
        if so_far >= wanted:
            break
        inside[up][across] = True
        so_far -= minus
    return inside


def _lines(result: Result, display: Display, panel: Panel, style: Style) -> Iterator[Line]:
    """The value of no effect and important differences, through cloud and histogram."""
    _, top, _, bottom = panel.box
    values: list[tuple[float | None, tuple[float, ...], str]]
    values = [(result.measure.null, (), style.line)]
    values += [(value, (0.6, 1.6), style.ink) for value in important_values(result, display)]
    for value, dash, colour in values:
        if value is not None and panel.x.beyond(value) == 0:
            x = panel.x.position(value)
            start = top - BETWEEN_MM - MARGINAL_MM
            yield Line(x, start, x, bottom, style.rule_width, colour, dash, role="value")


def _whole(result: Result, cloud: Cloud, panel: Panel, style: Style) -> Iterator[Primitive]:
    """The estimate of all studies: a dashed line, and a circle where its heterogeneity is known."""
    pooled = result.primary.pooled
    if pooled.estimate is None:
        return
    _, top, _, bottom = panel.box
    x = panel.x.position(pooled.estimate)
    start = top - BETWEEN_MM - MARGINAL_MM
    yield Line(x, start, x, bottom, style.rule_width, style.ink, (3.0, 2.0), role="whole")
    y = pooled.i2 if cloud.y_is == "i2" else pooled.tau
    if y is not None:
        yield Circle(
            x, panel.y.position(y), style.square_plain_mm / 2, style.paper, style.ink,
            style.interval_width, role="whole",
        )  # fmt: skip


def _legend(
    found: Gosh, cloud: Cloud, result: Result, display: Display, top: float, style: Style
) -> tuple[list[Primitive], float]:
    """Shades with their counts, then what lines and marks mean; where it ends."""
    margin, size = style.margin_mm, style.font_size
    right = display.width_mm - margin
    em = size * MM_PER_POINT
    items: list[Primitive] = []
    y = top + 0.75 * style.line_mm
    start = Text(margin, y, "Subsets in a bin:", size, colour=style.ink, role="legend")
    items.append(start)
    x = start.box[2] + 1.5
    most = max(map(max, cloud.counts))
    for level in sorted({level for row in _levels(cloud) for level in row if level}):
        low, high = _counts_of(level, most)
        words = (
            number_text(low, 0)
            if low == high
            else f"{number_text(low, 0)}\u2013{number_text(high, 0)}"
        )
        need = 3.2 + 0.8 + width(words, size)
        if x + need > right:
            x, y = margin, y + style.line_mm
        box = (x, y - CAPITAL * em - 0.2, x + 3.2, y + 0.2)
        items.append(rectangle(box, shade(level, style), role="legend shade"))
        items.append(Text(x + 4.0, y, words, size, colour=style.ink, role="legend"))
        x += need + 2.5
    x, y = margin, y + 1.25 * style.line_mm
    for kind, words in _keys(found, cloud, result, style):
        need = 6.2 + width(words, size)
        if x + need > right and x > margin:
            x, y = margin, y + style.line_mm
        middle = y - CAPITAL * em / 2
        items += _sample(kind, x, middle, style)
        above = y - 0.75 * style.line_mm
        text, baseline = paragraphs([words], x + 6.2, above, right, style, "legend", False)
        items += text
        if len(text) > 1:
            y = baseline - 0.25 * style.line_mm
        x += need + 3.0
    return items, y + 0.6 * style.line_mm


def _counts_of(level: int, most: int) -> tuple[int, int]:
    """The least and the largest count of a shade."""
    counts = [c for c in _candidates(level, most) if _level(c, most) == level]
    return min(counts), max(counts)


def _candidates(level: int, most: int) -> Iterator[int]:
    """Counts about the ends of a shade."""
    for exponent in ((level - 1) / SHADES, level / SHADES):
        centre = round(most**exponent)
        yield from range(max(1, centre - 2), min(most, centre + 2) + 1)


def _keys(found: Gosh, cloud: Cloud, result: Result, style: Style) -> Iterator[tuple[str, str]]:
    form, whole = result_format(result), result.primary.pooled
    told = estimate_text(whole.estimate, whole.ci_low, whole.ci_high, form, style.brackets)
    yield "whole", f"All studies: {told}"
    if any(map(any, cloud.counts_with)):
        how = "outline: 90% of them" if _outlined(cloud) else "in the histograms"
        yield "outline", f"Subsets with {clean(cloud.mover)} ({how})"
    if result.measure.null is not None:
        yield "null", capital(null_words(result))


def _sample(kind: str, x: float, y: float, style: Style) -> Iterable[Primitive]:
    end = x + 5.0
    if kind == "outline":
        yield Line(x, y, end, y, style.interval_width, style.striking, role="legend line")
    elif kind == "null":
        yield Line(x, y, end, y, style.rule_width, style.line, role="legend line")
    else:
        yield Line(x, y, end, y, style.rule_width, style.ink, (3.0, 2.0), role="legend line")
        radius = style.square_plain_mm / 2
        middle = (x + end) / 2
        yield Circle(
            middle, y, radius, style.paper, style.ink, style.interval_width, role="legend mark"
        )


def _notes(cloud: Cloud, result: Result) -> Iterator[str]:
    if cloud.unplaced:
        yield (
            f"{number_text(cloud.unplaced, 0)} subsets have an estimate and no heterogeneity: they "
            "are in the table of numbers only."
        )
    yield "Histograms: each as high as its fullest bin."


def _caption(found: Gosh, cloud: Cloud, result: Result, title: str, words: Sequence[str]) -> str:
    y = "I²" if cloud.y_is == "i2" else "τ"
    clouds = ["Two clouds are a sign of two kinds of studies."] if found.k >= LEAST_DIVIDED else []
    said = [
        f"{title}.",
        f"The estimates of subsets of the studies (across) by their {y} (upwards).",
        "The darker a bin, the more subsets it holds, on a logarithmic scale.",
        *clouds,
        *words,
        "The dashed line and the circle are all studies.",
        "GOSH: graphical display of study heterogeneity (Olkin, Dahabreh and Trikalinos 2012).",
        f"{model_words(result.primary.settings)}.",
    ]
    return " ".join(said)
