"""A panel with two axes: its frame, where a point lies, lines cut to it, names beside points."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from metamill.figures.axes.axis import TICK_ROOM_MM, Axis, linear_axis, log_axis
from metamill.figures.axes.ticks import legible, tick_texts
from metamill.figures.page.canvas import Align, Box, Curve, Line, Point, Primitive, Text
from metamill.figures.page.text import (
    ASCENT,
    CAPITAL,
    DESCENT,
    MM_PER_POINT,
    clean,
    tied,
    width,
    wrap,
)
from metamill.figures.style import Style

_TICK_GAP_MM = 1.0
"""Between a tick and its label."""
_LABEL_GAP_EM = 0.3
"""More room between the tick labels of y and its upright label, whose descenders reach there."""


@dataclass(frozen=True)
class Side:
    """What one axis shows: low..high in natural units, with its words.

    `factor` multiplies tick labels (100 for per cent); `reverse` puts `low` at the far end (a
    standard error that grows downwards); the axis stays within `bounds`.
    """

    low: float
    high: float
    label: str
    log: bool = False
    factor: int = 1
    reverse: bool = False
    bounds: tuple[float, float] = (float("-inf"), float("inf"))


@dataclass(frozen=True)
class Panel:
    """Two axes over a rectangle of the page; `y` runs from the bottom up."""

    x: Axis
    y: Axis

    @property
    def box(self) -> Box:
        top, bottom = sorted((self.y.left, self.y.right))
        left, right = sorted((self.x.left, self.x.right))
        return left, top, right, bottom

    def at(self, x: float, y: float) -> Point:
        """Where a point lies in mm; what is beyond an axis lies at its end."""
        return self.x.position(x), self.y.position(y)

    def holds(self, x: float, y: float) -> bool:
        return self.x.beyond(x) == 0 and self.y.beyond(y) == 0

    def line(
        self,
        points: Sequence[tuple[float, float]],
        line_width: float,
        colour: str,
        role: str,
        dash: tuple[float, ...] = (),
    ) -> Iterator[Curve]:
        """A line through points in natural units, without what lies outside the panel.

        Neighbouring points are joined by straight lines on the page.
        """  # fmt: skip
        placed = [(self.x.place(x), self.y.place(y)) for x, y in points]
        for part in _inside(placed, self.box):
            yield Curve(tuple(part), line_width, colour, dash, role)


def frame(x: Side, y: Side, box: Box, style: Style) -> tuple[Panel, list[Primitive]]:
    """Axes with ticks and labels; `box` is what they and the plotting area fill together.

    Left is given to the labels of y as wide as they are, below to those of x.
    """
    left, top, right, bottom = box
    size, em = style.font_size, style.font_size * MM_PER_POINT
    y_lines = wrap(tied(clean(y.label)), (bottom - top) * 0.8, size)
    _, y_texts = _axis(y, bottom, top)
    for _ in range(2):
        text_room = max(width(text, size) for text in y_texts)
        beside = text_room + style.tick_mm + 1.0 + _LABEL_GAP_EM * em
        plot_left = left + len(y_lines) * style.line_mm + beside
        x_lines = wrap(tied(clean(x.label)), right - plot_left, size)
        plot_bottom = (
            bottom - len(x_lines) * style.line_mm - style.tick_mm - _TICK_GAP_MM - 1.15 * em
        )
        y_axis, y_texts = _axis(y, plot_bottom, top)
    x_axis, x_texts = _axis(x, plot_left, right, size)
    reach = max(
        x_axis.position(tick) + width(text, size) / 2
        for tick, text in zip(x_axis.ticks, x_texts, strict=True)
    )
    if reach > right + style.margin_mm:
        right -= reach - right - style.margin_mm
        x_axis, x_texts = _axis(x, plot_left, right, size)
    items: list[Primitive] = [
        Line(plot_left, plot_bottom, right, plot_bottom, style.rule_width, style.ink, role="axis"),
        Line(plot_left, top, plot_left, plot_bottom, style.rule_width, style.ink, role="axis"),
    ]
    below = plot_bottom + style.tick_mm + _TICK_GAP_MM + CAPITAL * em
    for tick, text in zip(x_axis.ticks, x_texts, strict=True):
        at = x_axis.position(tick)
        end = plot_bottom + style.tick_mm
        items.append(Line(at, plot_bottom, at, end, style.rule_width, style.ink, role="tick"))
        items.append(_text(at, below, text, style, "center", "tick label"))
    for tick, text in zip(y_axis.ticks, y_texts, strict=True):
        at = y_axis.position(tick)
        end = plot_left - style.tick_mm
        items.append(Line(end, at, plot_left, at, style.rule_width, style.ink, role="tick"))
        place = at + CAPITAL * em / 2
        items.append(_text(end - 0.8, place, text, style, "right", "tick label"))
    middle = (plot_left + right) / 2
    for index, text in enumerate(x_lines, start=1):
        line = below + index * style.line_mm
        items.append(_text(middle, line, text, style, "center", "axis label"))
    for index, text in enumerate(y_lines):
        across = left + (index + 0.8) * style.line_mm
        centre = (top + plot_bottom) / 2
        items.append(
            Text(across, centre, text, size, align="center", colour=style.ink,
                 role="axis label", angle=90)
        )  # fmt: skip
    return Panel(x_axis, y_axis), items


def _text(x: float, y: float, text: str, style: Style, align: Align, role: str) -> Text:
    return Text(x, y, text, style.font_size, align=align, colour=style.ink, role=role)


def _axis(side: Side, start: float, end: float, size: float = 0.0) -> tuple[Axis, list[str]]:
    """An axis from `start` to `end` mm (either may be the greater) and its tick labels.

    With a `size` in points its labels stand side by side and have room there.
    """
    near, far = (end, start) if side.reverse else (start, end)
    length = abs(end - start)

    def make(room: float) -> Axis:
        if side.log:
            return log_axis(side.low, side.high, 0.0, length, room)
        return linear_axis(side.low, side.high, 0.0, length, side.bounds, room)

    axis = legible(make, size, side.factor) if size else make(TICK_ROOM_MM)
    texts = tick_texts(axis, side.factor)
    return Axis(axis.low, axis.high, near, far, axis.ticks, axis.log), texts


def _inside(points: Sequence[Point], box: Box) -> Iterator[list[Point]]:
    """The parts of a polyline that lie in a box (Liang and Barsky 1984)."""
    part: list[Point] = []
    for start, end in pairwise(points):
        kept = _segment(start, end, box)
        if kept is None:
            if part:
                yield part
            part = []
            continue
        if not part or part[-1] != kept[0]:
            if part:
                yield part
            part = [kept[0]]
        part.append(kept[1])
        if kept[1] != end:
            yield part
            part = []
    if part:
        yield part


def _segment(start: Point, end: Point, box: Box) -> tuple[Point, Point] | None:
    (x, y), (left, top, right, bottom) = start, box
    dx, dy = end[0] - x, end[1] - y
    first, last = 0.0, 1.0
    for step, room in ((-dx, x - left), (dx, right - x), (-dy, y - top), (dy, bottom - y)):
        if step == 0:
            if room < 0:
                return None
            continue
        at = room / step
        if step < 0:
            first = max(first, at)
        else:
            last = min(last, at)
        if first > last:
            return None
    into = start if first == 0.0 else (x + first * dx, y + first * dy)
    out = end if last == 1.0 else (x + last * dx, y + last * dy)
    return into, out


def names_beside(
    points: Sequence[tuple[Point, str]],
    box: Box,
    style: Style,
    taken: Iterable[Box] = (),
    radius: float = 1.2,
) -> tuple[list[Text], list[str]]:
    """The names of points in mm, beside them where there is room: (texts, names without room).

    A name overlaps neither another nor a point nor what is `taken`, and stays in `box`. Points
    earlier in the list choose first.
    """  # fmt: skip
    left, top, right, bottom = box
    occupied = [*taken, *((x - radius, y - radius, x + radius, y + radius) for (x, y), _ in points)]
    texts, without = [], []
    size, em = style.font_size, style.font_size * MM_PER_POINT
    for (x, y), name in points:
        for align, dx, dy in _BESIDE:
            text = Text(
                x + dx * (radius + 0.4),
                y + dy * (radius + 0.3) + em * _drop(dy),
                clean(name), size, align=align, colour=style.soft, role="point name",
            )  # fmt: skip
            a = text.box
            fits = a[0] >= left and a[1] >= top and a[2] <= right and a[3] <= bottom
            if fits and not any(_meet(a, b) for b in occupied):
                texts.append(text)
                occupied.append(a)
                break
        else:
            without.append(name)
    return texts, without


def _drop(dy: float) -> float:
    """From the edge of a name to its baseline, in em: beside, below or above its point."""
    if dy == 0:
        return CAPITAL / 2
    return ASCENT if dy > 0 else -DESCENT


_BESIDE: tuple[tuple[Align, float, float], ...] = (
    ("left", 1, 0), ("right", -1, 0), ("center", 0, -1), ("center", 0, 1),
    ("left", 0.7, -0.7), ("left", 0.7, 0.7), ("right", -0.7, -0.7), ("right", -0.7, 0.7),
)  # fmt: skip


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def paragraphs(
    texts: Iterable[str],
    left: float,
    top: float,
    right: float,
    style: Style,
    role: str = "note",
    soft: bool = True,
) -> tuple[list[Text], float]:
    """Paragraphs one under the other from `top` down: (lines, where they end)."""  # fmt: skip
    lines, y = [], top
    for text in texts:
        for line in wrap(tied(clean(text)), right - left, style.font_size):
            baseline = y + 0.75 * style.line_mm
            colour = style.soft if soft else style.ink
            lines.append(Text(left, baseline, line, style.font_size, colour=colour, role=role))
            y += style.line_mm
    return lines, y
