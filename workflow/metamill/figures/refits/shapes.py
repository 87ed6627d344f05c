"""What a table of intervals draws: the shapes of its rows and the axis under them."""

from collections.abc import Iterable
from itertools import pairwise

from metamill.figures.axes.axis import Axis
from metamill.figures.axes.ticks import tick_texts
from metamill.figures.page.canvas import Align, Circle, Line, Polygon, Primitive, Text, rectangle
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, TIED, clean, tied, width, wrap
from metamill.figures.refits.places import DOUBTFUL, MEAN, STRIKING, Entry, Table
from metamill.figures.style import Style


def interval_shape(entry: Entry, y: float, axis: Axis, style: Style) -> Iterable[Primitive]:
    """An entry's interval and its marker; arrowheads where the axis cuts the interval off.

    A marker whose estimate lies beyond the axis is hollow, at its end.
    """
    if entry.estimate is None:
        return
    colours = {STRIKING: style.striking, DOUBTFUL: style.doubtful}
    colour = colours.get(entry.kind, style.accent)
    x, half = axis.position(entry.estimate), style.diamond_mm / 2
    if entry.low is not None and entry.high is not None:
        left, right = axis.position(entry.low), axis.position(entry.high)
        cut_left, cut_right = axis.beyond(entry.low) < 0, axis.beyond(entry.high) > 0
        if entry.kind == MEAN:
            points = ((left, y), (x, y - half), (right, y), (x, y + half))
            yield Polygon(points, style.accent, role="diamond")
        else:
            start = left + (0.8 * style.arrow_mm if cut_left else 0.0)
            end = right - (0.8 * style.arrow_mm if cut_right else 0.0)
            yield Line(start, y, end, y, style.interval_width, colour, role="interval")
        for cut, tip, inward in ((cut_left, left, 1), (cut_right, right, -1)):
            if cut:
                base, rise = tip + inward * style.arrow_mm, style.arrow_mm / 2
                corners = ((tip, y), (base, y - rise), (base, y + rise))
                yield Polygon(corners, colour, role="arrow")
    if entry.kind == MEAN:
        return
    outside = axis.beyond(entry.estimate) != 0
    fill, edge = (style.paper, colour) if outside else (colour, None)
    radius = style.square_plain_mm / 2
    if entry.kind == STRIKING:
        box = (x - radius, y - radius, x + radius, y + radius)
        yield rectangle(box, fill, edge, style.rule_width, role="point")
    else:
        yield Circle(x, y, radius, fill, edge, style.rule_width, role="point")


def axis_block(
    table: Table, axis: Axis, page_width: float, style: Style
) -> tuple[list[Primitive], float]:
    """The axis with its labels, drawn from y = 0 down, and its height."""
    size = style.font_size
    items: list[Primitive] = [
        Line(axis.left, 0.0, axis.right, 0.0, style.rule_width, style.ink, role="axis")
    ]
    y = style.tick_mm + 0.5 + CAPITAL * size * MM_PER_POINT
    for tick in axis.ticks:
        x = axis.position(tick)
        items.append(Line(x, 0.0, x, style.tick_mm, style.rule_width, style.ink, role="tick"))
    items += tick_labels(axis, table.form.factor, y, page_width, style)
    middle = (axis.left + axis.right) / 2
    for text in wrap(tied(clean(table.axis_label)), axis.right - axis.left, size):
        y += style.line_mm
        items.append(_axis_text(middle, y, text, "center", "axis label", style))
    if table.sides is not None:
        texts = list(_directions(table.sides, axis, y, page_width, style))
        items += texts
        y = max(text.y for text in texts)
    return items, y + style.line_mm / 2


def _directions(
    sides: tuple[str, str], axis: Axis, y: float, page_width: float, style: Style
) -> Iterable[Text]:
    """Which side is better, below `y`: under the two ends of the axis, as in the forest plot.

    One under the other only where a word is wider than half the axis.
    """
    size = style.font_size
    left, right = f"←{TIED}{sides[0]}", f"{sides[1]}{TIED}→"
    room = axis.right - axis.left - style.gap_mm
    if max(width(word, size) for word in f"{left} {right}".split(" ")) > room / 2:
        limit = page_width - style.margin_mm - axis.left
        for words in (left, f"→{TIED}{sides[1]}"):
            for text in wrap(words, limit, size):
                y += style.line_mm
                yield _axis_text(axis.left, y, text, "left", "direction", style)
        return
    limit = room if width(left, size) + width(right, size) <= room else room / 2
    ends: tuple[tuple[str, float, Align], ...] = (
        (left, axis.left, "left"),
        (right, axis.right, "right"),
    )
    for words, x, align in ends:
        for index, text in enumerate(wrap(words, limit, size), start=1):
            yield _axis_text(x, y + index * style.line_mm, text, align, "direction", style)


def tick_labels(
    axis: Axis, factor: int, y: float, page_width: float, style: Style
) -> Iterable[Text]:
    """Labels of a horizontal axis, on the page and apart: every second or third where they are
    wide."""
    labels = []
    for tick, text in zip(axis.ticks, tick_texts(axis, factor), strict=True):
        half = width(text, style.font_size) / 2
        least, most = style.margin_mm + half, page_width - style.margin_mm - half
        at = min(max(axis.position(tick), least), max(least, most))
        labels.append(_axis_text(at, y, text, "center", "tick label", style))
    every = 1
    while every < len(labels):
        boxes = [label.box for label in labels[::every]]
        if all(a[2] + 0.8 <= b[0] for a, b in pairwise(boxes)):
            break
        every += 1
    return labels[::every]


def _axis_text(x: float, y: float, text: str, align: Align, role: str, style: Style) -> Text:
    return Text(x, y, text, style.font_size, align=align, colour=style.ink, role=role)
