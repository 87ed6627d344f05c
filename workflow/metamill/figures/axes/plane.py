"""Two axes that fit the page whatever their numbers are, and a second one on the right."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import floor, inf, isfinite, log10
from statistics import median

from metamill.figures.axes.panel import Panel, Side, frame
from metamill.figures.page.canvas import Box, Line, Point, Primitive, Text, moved
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


@dataclass(frozen=True)
class Plane:
    """A panel whose axes may be labelled in powers of ten of their unit."""

    panel: Panel
    x_unit: float = 1.0
    y_unit: float = 1.0

    @property
    def box(self) -> Box:
        return self.panel.box

    def at(self, x: float, y: float) -> Point:
        """Where a point lies in mm; what is beyond an axis lies at its end."""
        return self.panel.at(x / self.x_unit, y / self.y_unit)

    def place(self, x: float, y: float) -> Point:
        """Where a point would lie in mm, were the axes long enough; finite values only."""
        return self.panel.x.place(x / self.x_unit), self.panel.y.place(y / self.y_unit)

    def outward(self, x: float, y: float) -> tuple[int, int]:
        """The direction in which a point lies beyond the panel, on the page; (0, 0): inside."""
        up = self.panel.y.left > self.panel.y.right
        across = self.panel.x.beyond(x / self.x_unit)
        return across, self.panel.y.beyond(y / self.y_unit) * (-1 if up else 1)

    def line(
        self,
        points: Iterable[tuple[float, float]],
        line_width: float,
        colour: str,
        role: str,
        dash: tuple[float, ...] = (),
    ) -> Iterator[Primitive]:
        scaled = [(x / self.x_unit, y / self.y_unit) for x, y in points]
        yield from self.panel.line(scaled, line_width, colour, role, dash)


def plane(x: Side, y: Side, box: Box, style: Style) -> tuple[Plane, list[Primitive]]:
    """Axes whose ticks and labels all lie in `box` and apart from each other."""
    x_unit, x = _in_units(x)
    y_unit, y = _in_units(y)
    inner = box
    for _ in range(8):
        panel, items = frame(x, y, inner, style)
        items = _parted([_lowered(item, style) for item in _thinned(items)])
        boxes = [item.box for item in items]
        over = (
            max(0.0, box[0] - min(b[0] for b in boxes)),
            max(0.0, box[1] - min(b[1] for b in boxes)),
            max(0.0, max(b[2] for b in boxes) - box[2]),
            max(0.0, max(b[3] for b in boxes) - box[3]),
        )
        if max(over) < 1e-3:
            break
        inner = (
            inner[0] + over[0], inner[1] + over[1], inner[2] - over[2], inner[3] - over[3]
        )  # fmt: skip
    return Plane(panel, x_unit, y_unit), items


def _in_units(side: Side) -> tuple[float, Side]:
    """Very large and very small numbers are labelled in powers of ten."""
    largest = max(abs(side.low), abs(side.high)) * side.factor
    if side.log or largest == 0 or 1e-3 <= largest < 1e6:
        return 1.0, side
    exponent = 3 * floor(log10(largest) / 3)
    unit = 10.0**exponent
    raised = str(exponent).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
    bounds = (side.bounds[0] / unit, side.bounds[1] / unit)
    label = f"{side.label} (×10{raised})"
    return unit, replace(
        side, low=side.low / unit, high=side.high / unit, label=label, bounds=bounds
    )


APART_MM = 0.5


def _lowered(item: Primitive, style: Style) -> Primitive:
    """Labels below lie lower by what the lowest label on the left reaches down beside the first."""
    if not isinstance(item, Text) or item.align != "center" or item.angle != 0:
        return item
    reach = (CAPITAL / 2 + DESCENT + ASCENT - CAPITAL) * style.font_size * MM_PER_POINT
    return moved(item, 0.0, max(0.0, reach - style.tick_mm - APART_MM + 0.1))


def _parted(items: list[Primitive]) -> list[Primitive]:
    """With the upright label left of the widest tick label."""
    texts = [item for item in items if isinstance(item, Text)]
    upright = [text for text in texts if text.angle == 90]
    ticks = [text.box[0] for text in texts if text.role == "tick label" and text.align == "right"]
    if not upright or not ticks:
        return items
    overlap = max(text.box[2] for text in upright) + APART_MM - min(ticks)
    if overlap <= 0:
        return items
    kept = {id(text) for text in upright}
    return [moved(item, -overlap, 0.0) if id(item) in kept else item for item in items]


def _thinned(items: list[Primitive]) -> list[Primitive]:
    """Without the tick labels below the axis that would touch their neighbours."""
    labels = [
        item
        for item in items
        if isinstance(item, Text) and item.role == "tick label" and item.align == "center"
    ]
    for every in range(1, len(labels) + 1):
        kept = labels[::every]
        boxes = [label.box for label in kept]
        if all(b[0] - a[2] >= 0.8 for a, b in pairwise(boxes)):
            break
    lost = {id(label) for label in labels} - {id(label) for label in kept}
    return [item for item in items if id(item) not in lost]


def core_range(
    values: Sequence[float], typical: float, always: Iterable[float] = (), pad: float = 0.04
) -> tuple[float, float]:
    """The range that holds `always` and all values that do not lie far from most others.

    Far is more than ten median deviations and more than three times `typical`, a length such as
    the width of a usual interval. Both ends are padded by a share of the range.
    """
    finite = [value for value in values if isfinite(value)]
    required = [value for value in always if isfinite(value)]
    middle = median(finite) if finite else 0.0
    spread = median(abs(value - middle) for value in finite) if finite else 0.0
    reach = max(10 * spread, 3 * typical)
    kept = [value for value in finite if abs(value - middle) <= reach] + required or [0.0]
    low, high = min(kept), max(kept)
    room = pad * (high - low) or 0.5 * typical or 0.05 * abs(high) or 1.0
    return low - room, high + room


def right_axis(
    at: Plane,
    ticks: Sequence[tuple[float, str]],
    label: str,
    right: float,
    style: Style,
) -> list[Primitive]:
    """A second axis at the right end of a panel: ticks as (y in mm, text), label to read upwards.

    `right` is how far it may reach. Ticks that would touch the one before are left out.
    """
    _, top, edge, bottom = at.box
    size, em = style.font_size, style.font_size * MM_PER_POINT
    items: list[Primitive] = [
        Line(edge, top, edge, bottom, style.rule_width, style.ink, role="axis")
    ]
    last = inf
    for y, text in sorted(ticks, reverse=True):
        if last - y < style.line_mm or not top - 1e-6 <= y <= bottom + 1e-6:
            continue
        last, end = y, edge + style.tick_mm
        items.append(Line(edge, y, end, y, style.rule_width, style.ink, role="tick"))
        items.append(
            Text(end + 0.8, y + CAPITAL * em / 2, text, size, colour=style.ink,
                 role="right tick label")
        )  # fmt: skip
    lines = wrap(tied(clean(label)), bottom - top, size)
    for index, text in enumerate(reversed(lines)):
        x = right - 0.25 * em - index * style.line_mm
        items.append(
            Text(x, (top + bottom) / 2, text, size, align="center", colour=style.ink,
                 role="axis label", angle=90)
        )  # fmt: skip
    return items


def right_room(texts: Iterable[str], label: str, height: float, style: Style) -> float:
    """The width that `right_axis` takes."""
    size = style.font_size
    widest = max((width(text, size) for text in texts), default=0.0)
    lines = len(wrap(tied(clean(label)), max(height, 10.0), size))
    return style.tick_mm + 0.8 + widest + 1.0 + lines * style.line_mm
