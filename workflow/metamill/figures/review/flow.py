"""The PRISMA 2020 flow diagram: how records became included studies (doi 10.1136/bmj.n71)."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil

from metamill.config.flow import Flow
from metamill.config.settings import Display
from metamill.figures.colours import tint
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import (
    Align,
    Canvas,
    Curve,
    Point,
    Polygon,
    Primitive,
    Text,
    rectangle,
)
from metamill.figures.page.canvas import Box as Area
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, TIED, clean, tied, width, wrap
from metamill.figures.review.flow_boxes import (
    ITEM,
    MAIN,
    OTHER,
    OTHER_SIDE,
    PREVIOUS,
    SIDE,
    Box,
    boxes_alt,
    boxes_csv,
    boxes_of,
    line_text,
    lists_of,
)
from metamill.figures.review.paging import pages
from metamill.figures.style import Style
from metamill.review_result import ReviewResult

_GAPS_MM = (5.0, 3.2)
"""Between boxes, and where the page is too low for that."""
_COLUMN_LEAST_MM = 27.0
_PADDING_MM = 1.3
_INDENT = 2 * TIED
"""How far the further lines of an item of a list stand in."""


def flow(review: ReviewResult, display: Display, style: Style) -> Drawn:
    """The flow diagram of the review; a number that is not known is "not reported".

    Side by side where the width allows, otherwise other methods under databases and registers.
    """
    title = f"PRISMA 2020 flow diagram: {clean(display.title).rstrip('.')}"
    if review.flow is None:
        return not_drawn(title, "no numbers of a flow are given", display.width_mm, style)
    tries = [
        _Drawing(review.flow, display, style, long_lists, gap)
        for long_lists in (True, False)
        for gap in _GAPS_MM
    ]
    drawing = next((item for item in tries if item.height <= display.height_mm), None)
    if drawing is None:
        need = ceil(min(item.height for item in tries))
        reason = f"it needs a page of {need} mm and has {display.height_mm:g} mm"
        return not_drawn(title, reason, display.width_mm, style)
    lists = [] if drawing.long_lists else list(lists_of(review.flow))
    page = Canvas(display.width_mm, drawing.height)
    page.add(drawing.items())
    more = pages((), lists, display.width_mm, display.height_mm, style) if lists else ()
    boxes = boxes_of(review.flow, long_lists=True)
    return Drawn(
        (page, *more), boxes_csv(boxes), _caption(review.flow, title), boxes_alt(boxes, title)
    )


_BANDS = (
    ("Identification", ("found",)),
    ("Screening", ("screened", "sought", "assessed")),
    ("Included", ("included", "total")),
)
_HEADINGS = {
    PREVIOUS: "Previous studies",
    MAIN: "Identification of studies by databases and registers",
    OTHER: "Identification of studies by other methods",
}


class _Drawing:
    """Boxes on a grid of rows and columns, each row as high as its highest box."""

    def __init__(
        self, found: Flow, display: Display, style: Style, long_lists: bool, gap: float
    ) -> None:
        self.style, self.display = style, display
        self.long_lists, self.gap = long_lists, gap
        boxes = boxes_of(found, long_lists)
        self.other, self.previous = found.other_methods is not None, found.previous is not None
        self.bar = style.line_mm + 1.0
        self._columns()
        self.boxes = {(self._row(box), box.column): box for box in boxes}
        self.places: dict[tuple[str, str], Area] = {}
        self.headings: list[tuple[Area, list[str]]] = []
        self._place()

    def _columns(self) -> None:
        """Left edges and the width of columns; stacked arms where they would be too narrow."""
        edge = self.style.margin_mm
        names = [PREVIOUS] * self.previous + [MAIN, SIDE] + [OTHER, OTHER_SIDE] * self.other
        room = self.display.width_mm - 2 * edge - self.bar - 2.0
        self.wide = (room - (len(names) - 1) * self.gap) / len(names)
        self.stacked = self.wide < _COLUMN_LEAST_MM and len(names) > 2
        gutter = 0.0
        if self.stacked:
            names = [MAIN, SIDE]
            gutter = 3.0
            self.wide = (room - 2 * gutter - self.gap) / 2
        left = edge + self.bar + 2.0 + gutter
        self.lefts = {name: left + i * (self.wide + self.gap) for i, name in enumerate(names)}
        if self.stacked:
            self.lefts |= {OTHER: self.lefts[MAIN], OTHER_SIDE: self.lefts[SIDE]}
            self.lefts[PREVIOUS] = self.lefts[MAIN]
        self.left_gutter = left - gutter / 2
        self.right_gutter = self.lefts[SIDE] + self.wide + gutter / 2

    def _row(self, box: Box) -> str:
        if self.stacked and box.column in (OTHER, OTHER_SIDE, PREVIOUS):
            return f"{'previous' if box.column == PREVIOUS else 'other'} {box.row}"
        return box.row

    def _sections(self) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        """(band, columns that get a heading above it, rows)."""
        if not self.stacked:
            columns = tuple(name for name in _HEADINGS if name in self.lefts)
            heads = (columns, (), ())
            return [(band, head, rows) for (band, rows), head in zip(_BANDS, heads, strict=True)]
        found = [("Identification", (MAIN,), ("found",)), ("Screening", (), _BANDS[1][1])]
        if self.other:
            found.append(("Identification", (OTHER,), ("other found",)))
            found.append(("Screening", (), ("other sought", "other assessed")))
        if self.previous:
            found.append(("Identification", (PREVIOUS,), ("previous found",)))
        found.append(("Included", (), _BANDS[2][1]))
        return found

    def _texts(self, box: Box) -> list[str]:
        lines: list[str] = []
        for words in box.lines:
            text = line_text(*words)
            room = self.wide - 2 * _PADDING_MM
            indent = _INDENT if text.startswith(ITEM) else ""
            room -= width(indent, self.style.font_size)
            first, *more = wrap(tied(text), room, self.style.font_size)
            lines += [first, *(indent + line for line in more)]
        return lines

    def _box_mm(self, box: Box) -> float:
        return len(self._texts(box)) * self.style.line_mm + 2 * _PADDING_MM

    def _place(self) -> None:
        """Give every box, heading and band its place."""
        style = self.style
        y = style.margin_mm
        self.bands: list[tuple[str, float, float]] = []
        for band, heads, rows in self._sections():
            y = self._place_headings(heads, y)
            start = y
            need = width(band, style.font_size, bold=True) + 1.0
            kept = [row for row in rows if any(at == row for at, _ in self.boxes)]
            for row in kept:
                inside = {column: box for (at, column), box in self.boxes.items() if at == row}
                own = {column: self._box_mm(box) for column, box in inside.items()}
                high = max(*own.values(), need if len(kept) == 1 else 0.0)
                for column, own_mm in own.items():
                    left, top = self.lefts[column], y + (high - own_mm) / 2
                    self.places[row, column] = (left, top, left + self.wide, top + own_mm)
                y += high + self.gap
            self.bands.append((band, start, y - self.gap))
        self.height = y - self.gap + style.margin_mm

    def _place_headings(self, columns: Sequence[str], y: float) -> float:
        if not columns:
            return y
        style = self.style
        found = []
        for column in columns:
            left = self.lefts[column]
            right = left + self.wide
            if column in (MAIN, OTHER):
                right += self.wide + self.gap
            words = wrap(_HEADINGS[column], right - left - 2 * _PADDING_MM, style.font_size, True)
            found.append((left, right, words))
        high = max(len(words) for *_, words in found) * style.line_mm + 2 * _PADDING_MM
        self.headings += [((left, y, right, y + high), words) for left, right, words in found]
        return y + high + self.gap / 2

    def items(self) -> Iterable[Primitive]:
        style = self.style
        for name, start, end in self.bands:
            yield from self._band(name, start, end)
        for area, words in self.headings:
            yield rectangle(area, tint(style.accent, 0.18), role="heading")
            spare = area[3] - area[1] - len(words) * style.line_mm - 2 * _PADDING_MM
            yield from self._lines(words, (area[0] + area[2]) / 2, area[1] + spare / 2, "heading")
        for key, place in self.places.items():
            yield rectangle(place, style.paper, style.ink, style.rule_width, role="box")
            yield from self._lines(self._texts(self.boxes[key]), place[0] + _PADDING_MM, place[1])
        yield from self._arrows()

    def _lines(
        self, words: Sequence[str], x: float, top: float, role: str = "box text"
    ) -> Iterable[Text]:
        style = self.style
        for index, line in enumerate(words):
            y = top + _PADDING_MM + (index + 0.75) * style.line_mm
            bold = role == "heading"
            align: Align = "center" if bold else "left"
            yield Text(x, y, line, style.font_size, bold, align=align, colour=style.ink, role=role)

    def _band(self, name: str, start: float, end: float) -> Iterable[Primitive]:
        """The name of a phase along the left edge."""
        style, left = self.style, self.style.margin_mm
        box = (left, start, left + self.bar, end)
        yield rectangle(box, tint(style.accent, 0.18), role="band")
        x = left + self.bar / 2 + CAPITAL / 2 * style.font_size * MM_PER_POINT
        yield Text(
            x, (start + end) / 2, name, style.font_size, True, align="center",
            colour=style.ink, role="phase", angle=90,
        )  # fmt: skip

    def _arrows(self) -> Iterable[Primitive]:
        """From box to box: down each arm, to the side, and from its end to what is included."""
        ends = []
        for column in (MAIN, OTHER) if self.other else (MAIN,):
            chain = [
                place
                for (row, at), place in self.places.items()
                if at == column and row not in ("included", "total")
            ]
            ends.append(chain[-1])
            for upper, lower in pairwise(chain):
                yield from self._down(upper, lower)
        for (row, column), place in self.places.items():
            to = self.places.get((row, {MAIN: SIDE, OTHER: OTHER_SIDE}.get(column, "")))
            if to is not None:
                y = _middle(place)
                yield from self._arrow(((place[2], y), (to[0], y)))
        included = self.places["included", MAIN]
        yield from self._to_included(ends, included)
        if self.previous:
            total = self.places["total", MAIN]
            yield from self._down(included, total)
            yield from self._to_total(total)

    def _to_included(self, ends: Sequence[Area], included: Area) -> Iterable[Primitive]:
        y = _middle(included)
        if not self.stacked:
            yield from self._down(ends[0], included)
            for end in ends[1:]:
                x = (end[0] + end[2]) / 2
                yield from self._arrow(((x, end[3]), (x, y), (included[2], y)))
            return
        x = self.left_gutter
        *above, last = ends
        if self.previous:
            above = [*above, last]
        else:
            yield from self._down(last, included)
        for end in above:
            start = _middle(end)
            yield from self._arrow(((end[0], start), (x, start), (x, y), (included[0], y)))

    def _to_total(self, total: Area) -> Iterable[Primitive]:
        """From the previous version's studies, past the boxes between."""
        y = _middle(total)
        if self.stacked:
            old, x = self.places["previous found", PREVIOUS], self.right_gutter
            start = _middle(old)
            yield from self._arrow(((old[2], start), (x, start), (x, y), (total[2], y)))
            return
        old = self.places["found", PREVIOUS]
        x = (old[0] + old[2]) / 2
        yield from self._arrow(((x, old[3]), (x, y), (total[0], y)))

    def _down(self, upper: Area, lower: Area) -> Iterable[Primitive]:
        x = (upper[0] + upper[2]) / 2
        yield from self._arrow(((x, upper[3]), (x, lower[1])))

    def _arrow(self, points: tuple[Point, ...]) -> Iterable[Primitive]:
        """A line through points, with a head at its end."""
        (x0, y0), (x, y) = points[-2:]
        size, half = self.style.arrow_mm, self.style.arrow_mm / 2
        dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
        base = (x - dx * size, y - dy * size)
        yield Curve((*points[:-1], base), self.style.rule_width, self.style.ink, role="link")
        sides = (
            (base[0] - dy * half, base[1] - dx * half),
            (base[0] + dy * half, base[1] + dx * half),
        )
        yield Polygon(((x, y), *sides), self.style.ink, role="arrow")


def _middle(place: Area) -> float:
    return (place[1] + place[3]) / 2


def _caption(found: Flow, title: str) -> str:
    source = f" Numbers from {clean(found.source).rstrip('.')}." if found.source else ""
    return f"{title}. Records, reports and studies from the search to the review.{source}\n"
