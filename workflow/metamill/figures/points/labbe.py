"""The plot of L'Abbé, Detsky and O'Rourke 1987: event rates of two groups, study by study."""

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import Any

from metamill.config.figures import FIGURES
from metamill.config.settings import Display
from metamill.figures.axes.effect_words import (
    each_of,
    flag_notes,
    label_of,
    model_sentence,
    noun_of,
    pooled_words,
    rows_words,
)
from metamill.figures.axes.panel import Side
from metamill.figures.axes.plane import Plane, plane
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Box, Canvas, Primitive, Text
from metamill.figures.page.text import clean
from metamill.figures.points.labbe_plan import COUNTS, Labbe, Point, plan_of, treated_rate
from metamill.figures.points.marks import (
    along,
    filled_pages,
    legend_rows,
    line_entry,
    listed,
    marker,
    note_rows,
    settled,
)
from metamill.figures.points.names import names_near, unnamed_words
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Result
from metamill.wording import capital, number_text

CSV_COLUMNS = (
    "row,study,label,events_treatment,total_treatment,events_control,total_control,x,y,area,flags"
).split(",")
MOST_NAMES = 25
"""Only so many of the largest studies are named, or names hide where studies lie."""


def labbe(result: Result, display: Display, style: Style) -> Drawn:
    """Event rate under treatment against that under control, with the pooled effect as a curve.

    Not drawn for other measures than OR, RR, RD and AS, for fewer than two studies with counts, or
    where no study has an event.
    """
    figure = FIGURES["labbe"]
    title = f"{figure.title}: {clean(display.title).rstrip('.')}"
    plot = plan_of(result)
    reason = ""
    if result.measure.code not in figure.measures:
        reason = "it shows event rates of two groups, which this measure does not compare"
    elif len(plot.points) < figure.least:
        reason = f"it takes {figure.least} studies with counts of both groups"
    elif not any(point.x or point.y for point in plot.points):
        reason = "no study has an event in either group"
    if reason:
        return not_drawn(title, reason, display.width_mm, style)
    return _drawn(plot, title, display, style)


def _drawn(plot: Labbe, title: str, display: Display, style: Style) -> Drawn:
    entries = [line_entry("Equal rates", style.rule_width, style.line)]
    if plot.estimate is not None:
        entries.append(line_entry("Pooled effect", style.interval_width, style.accent, (3.0, 2.0)))
    legend = legend_rows(entries, display, style)
    largest = _largest(plot, display, style)
    held: list[list[str]] = []

    def draw(box: Box) -> list[Primitive]:
        at, axes = _square(plot, display, largest, box, style)
        items = [*_lines(plot, at, style), *axes]
        ordered = sorted(plot.points, key=lambda point: -point.area)
        for point in ordered:
            items.append(_mark(point, at, largest, style))
        names, without = _names(plot, ordered, at, largest, items, box, style)
        held.append(without)
        return [*items, *names]

    margin = style.margin_mm
    whole = (margin, margin, display.width_mm - margin, margin + min(display.width_mm, 120.0))
    wanted = max(item.box[3] for item in _square(plot, display, largest, whole, style)[1]) - margin

    def compose(notes: tuple[str, ...]) -> tuple[tuple[Canvas, ...], tuple[str, ...]]:
        rows = note_rows(notes, display, style)
        pages = filled_pages(draw, wanted, legend, rows, display, style)
        return pages, tuple(_notes(plot, held[-1]))

    pages, notes = settled(compose)
    return Drawn(
        pages,
        _table(plot),
        " ".join((_caption(plot, title, display, style), *notes)),
        " ".join((_alt(plot, title, display, style), *notes)),
    )


def _square(
    plot: Labbe, display: Display, largest: float, box: Box, style: Style
) -> tuple[Plane, list[Primitive]]:
    """Axes of equal range and length in the middle of the box; no circle leaves them."""
    most = max(max(point.x, point.y) for point in plot.points)
    left, top, right, bottom = box
    across = down = min(right - left, bottom - top)
    for _ in range(20):
        room = most * largest / max(min(across, down) - 2 * largest, 1.0)
        x, y = (
            Side(
                -room,
                most + room,
                clean(f"{name}: events (%)"),
                factor=100,
                bounds=(-room, 1 + room),
            )
            for name in (display.control, display.treatment)
        )
        at, axes = plane(x, y, (left, top, right, bottom), style)
        across, down = at.box[2] - at.box[0], at.box[3] - at.box[1]
        if abs(across - down) > 1e-6:
            left += max(0.0, across - down) / 2
            right -= max(0.0, across - down) / 2
            bottom -= max(0.0, down - across)
        elif at.panel.x.ticks != at.panel.y.ticks:
            # lengths that differ in the last digit may ask for different numbers of ticks
            right -= 0.5
        else:
            break
    return at, axes


def _largest(plot: Labbe, display: Display, style: Style) -> float:
    """Radius of the largest circle: smaller where there are many, or little room."""
    many = min(1.0, (15 / len(plot.points)) ** 0.35)
    return style.area_mm / 2 * many * min(1.0, (display.width_mm / 110) ** 0.5)


def _radius(point: Point, largest: float) -> float:
    return max(sqrt(point.area), 0.2) * largest


def _mark(point: Point, at: Plane, largest: float, style: Style) -> Primitive:
    fill = None if point.effect.flags else style.band
    place, radius = at.at(point.x, point.y), _radius(point, largest)
    return marker("circle", place, radius, fill, style.accent, style.interval_width, "study")


def _lines(plot: Labbe, at: Plane, style: Style) -> Iterable[Primitive]:
    yield from at.line([(0.0, 0.0), (1.0, 1.0)], style.rule_width, style.line, "null")
    if plot.estimate is None:
        return
    code = plot.result.measure.code
    grid = [(i / 400) ** 2 for i in range(401)]
    rates = [(x, treated_rate(code, plot.estimate, x)) for x in grid]
    points = [(x, y) for x, y in rates if y is not None]
    if len(points) > 1:
        dash = (3.0, 2.0)
        yield from at.line(points, style.interval_width, style.accent, "estimate", dash)


def _names(
    plot: Labbe,
    ordered: Sequence[Point],
    at: Plane,
    largest: float,
    items: Sequence[Primitive],
    box: Box,
    style: Style,
) -> tuple[list[Primitive], list[str]]:
    """The names of the largest studies near their circles, as far as the page goes."""
    places = [(at.at(point.x, point.y), _radius(point, largest)) for point in ordered]
    names = [label_of(plot.result, point.effect) for point in ordered]
    taken = along(item for item in items if item.role in ("null", "estimate", "axis", "tick"))
    taken += [item.box for item in items if isinstance(item, Text)]
    area = (at.box[0] + 0.5, box[1], box[2], at.box[3] - 0.5)
    wanted = [(*place, name) for place, name in zip(places, names, strict=True)][:MOST_NAMES]
    found, without = names_near(wanted, places, area, style, taken)
    return found, [*without, *names[MOST_NAMES:]]


def _notes(plot: Labbe, without: Sequence[str]) -> Iterable[str]:
    yield from flag_notes([point.effect for point in plot.points], "Circles without filling")
    yield from unnamed_words(plot.result, without, len(plot.points))
    if plot.without:
        names = [label_of(plot.result, effect) for effect in plot.without]
        yield f"Not drawn, counts of both groups are not known: {listed(names)}."
    if plot.negative:
        has = "has a weight" if plot.negative == 1 else "have a weight"
        yield (
            f"{noun_of(plot.result, plot.negative)} {has} below 0, which no area can show, and "
            "the smallest circle."
        )
    if plot.estimate is None:
        yield "There is no pooled effect to draw."


def _table(plot: Labbe) -> str:
    rows: list[dict[str, Any]] = [
        {
            "row": "study",
            "study": plot.result.rows[point.effect.row].study,
            "label": label_of(plot.result, point.effect),
            **dict(zip(COUNTS, point.counts, strict=True)),
            "x": point.x,
            "y": point.y,
            "area": point.area,
            "flags": "; ".join(point.effect.flags),
        }
        for point in plot.points
    ]
    for effect in plot.without:
        row = plot.result.rows[effect.row]
        rows.append({"row": "not drawn", "study": row.study, "label": row.label})
    if plot.estimate is not None:
        code = plot.result.measure.code
        for control in (0.0, 0.25, 0.5, 0.75, 1.0):
            rows.append(
                {"row": "pooled", "x": control, "y": treated_rate(code, plot.estimate, control)}
            )
    return csv_text(CSV_COLUMNS, rows)


def _caption(plot: Labbe, title: str, display: Display, style: Style) -> str:
    area = "weight" if plot.weighted else "number of units"
    first = (
        f"{title}. Each circle is {each_of(plot.result)}, at its event rate under "
        f"{display.control} (across) and {display.treatment} (up). Its area is proportional to "
        f"its {area}; the smallest are drawn larger than that. On the solid diagonal both rates "
        f"are equal; below it events are rarer under {display.treatment}."
    )
    said = [first]
    if plot.estimate is not None:
        natural = plot.result.measure.natural
        pooled = pooled_words(plot.result, style.brackets)
        said.append(f"Dashed: the same {natural} at every rate, {pooled}.")
    return " ".join((*said, model_sentence(plot.result)))


def _alt(plot: Labbe, title: str, display: Display, style: Style) -> str:
    below = sum(point.y < point.x for point in plot.points)
    above = sum(point.y > point.x for point in plot.points)
    lowest, highest = (
        [f"{number_text(f(getattr(p, side) for p in plot.points), 1, 100)}%" for side in "xy"]
        for f in (min, max)
    )
    return (
        f"{title}. Scatter plot of event rates of {rows_words(plot.result, silent=True)}: "
        f"{display.control} from {lowest[0]} to {highest[0]} across, {display.treatment} from "
        f"{lowest[1]} to {highest[1]} up. Below the diagonal (fewer events under "
        f"{display.treatment}): {below}, above it: {above}. "
        f"{capital(pooled_words(plot.result, style.brackets))}."
    )
