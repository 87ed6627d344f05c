"""The study map: which study gives data for which outcome, and how long it followed patients."""

from collections.abc import Mapping, Sequence
from math import sqrt

from metamill.config.settings import Display
from metamill.figures.axes.axis import Axis, linear_axis, log_axis, log_tick_texts, tick_decimals
from metamill.figures.colours import tint
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Align, Canvas, Circle, Line, Primitive, Text, moved
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, tied, width, wrap
from metamill.figures.review.paging import Block, Strip, label, pages, row_height
from metamill.figures.review.study_cells import Cell, MapStudy, studies_of
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Result
from metamill.review_result import ReviewResult
from metamill.wording import ABSENT, capital, count_text, number_text

_HEAD_MM = 50.0
_STRIP_MM = 38.0
_STRIP_LEAST_MM = 20.0
_LOG_FROM = 8.0
"""Follow-up spreads over a logarithmic axis where the longest is this many times the shortest."""


def study_map(
    results: Sequence[Result],
    review: ReviewResult,
    display: Display,
    style: Style,
    titles: Mapping[str, str] | None = None,
) -> Drawn:
    """Studies by year in rows, outcomes in columns, follow-up in months on an axis beside.

    `titles` are the names of outcomes; without one an outcome is called by its id.
    """
    title = f"Study map: {clean(display.title).rstrip('.')}"
    studies, without = studies_of(results, review)
    if not studies:
        return not_drawn(title, "no study gives data for an outcome", display.width_mm, style)
    drawing = _Drawing(results, studies, without, display, style, titles or {})
    return Drawn(drawing.pages(), drawing.table(), drawing.caption(), drawing.alt())


class _Drawing:
    """One map; the outcomes stand in as many blocks of columns as the width asks for."""

    def __init__(
        self,
        results: Sequence[Result],
        studies: list[MapStudy],
        without: list[str],
        display: Display,
        style: Style,
        titles: Mapping[str, str],
    ) -> None:
        self.studies, self.without, self.style, self.display = studies, without, style, display
        self.outcomes = [result.outcome for result in results]
        self.titles = {
            name: clean(titles.get(name, "")) or capital(name.replace("_", " "))
            for name in self.outcomes
        }
        self.most = {
            name: max((s.cells[name].size or 0.0 for s in studies if name in s.cells), default=0.0)
            for name in self.outcomes
        }
        size, edge = style.font_size, style.margin_mm
        widest = max(width(study.name, size) for study in studies)
        label_mm = min(widest, 0.36 * display.width_mm)
        self.lines = [wrap(study.name, label_mm + 1e-6, size) for study in studies]
        self.left = edge + label_mm + style.gap_mm
        self.room = display.width_mm - edge - self.left
        self._columns()
        self.axis = self._axis()

    def _columns(self) -> None:
        """Headings upright where they fit beside the follow-up, else letters; and the blocks."""
        style, count = self.style, len(self.outcomes)
        timed = any(study.months for study in self.studies)
        heads = {n: wrap(t, _HEAD_MM, style.font_size) for n, t in self.titles.items()}
        self.pitch = max(style.row_mm, (max(map(len, heads.values())) + 0.4) * style.line_mm)
        wanted = _STRIP_MM + style.plot_gap_mm if timed else 0.0
        self.lettered = count * self.pitch + wanted > self.room
        if self.lettered:
            codes = {name: _letter(index) for index, name in enumerate(self.outcomes)}
            heads = {name: [code] for name, code in codes.items()}
            widest = max(width(code, style.font_size) for code in codes.values())
            self.pitch = max(style.row_mm, widest + 1.0)
        self.heads = heads
        least = _STRIP_LEAST_MM + style.plot_gap_mm if timed else 0.0
        across = max(1, int((self.room - least) / self.pitch))
        self.blocks = [self.outcomes[i : i + across] for i in range(0, count, across)]
        self.columns = min(across, count)

    def _axis(self) -> Axis | None:
        times = [time for study in self.studies for time in study.months]
        if not times:
            return None
        left = self.left + self.columns * self.pitch + self.style.plot_gap_mm
        right = self.display.width_mm - self.style.margin_mm - 2.0
        left = max(left, right - self.style.plot_max_mm)
        positive = [time for time in times if time > 0]
        if positive and max(positive) > _LOG_FROM * min(positive):
            return log_axis(min(positive), max(positive), left, right)
        return linear_axis(0.0, max(times) or 1.0, left, right)

    def pages(self) -> tuple[Canvas, ...]:
        made = [self._block(names) for names in self.blocks]
        return pages(made, self._notes(), self.display.width_mm, self.display.height_mm, self.style)

    def _at(self, index: int) -> float:
        return self.left + (index + 0.5) * self.pitch

    def _block(self, names: list[str]) -> Block:
        rows = [
            self._row(study, lines, names)
            for study, lines in zip(self.studies, self.lines, strict=True)
        ]
        return Block(self._head(names), tuple(rows), self._foot())

    def _head(self, names: list[str]) -> Strip:
        """Names of the columns, upright, or their letters."""
        style, size = self.style, self.style.font_size
        items: list[Primitive] = []
        if self.lettered:
            height = style.row_mm
        else:
            tallest = max(width(line, size) for name in names for line in self.heads[name])
            height = tallest + style.gap_mm / 2
        for index, name in enumerate(names):
            lines = self.heads[name]
            if self.lettered:
                y = height - style.line_mm / 3
                items.append(self._text(self._at(index), y, lines[0], "center", "header"))
                continue
            first = self._at(index) - (len(lines) - 1) * style.line_mm / 2
            for number, line in enumerate(lines):
                x = first + number * style.line_mm + CAPITAL / 2 * size * MM_PER_POINT
                items.append(
                    Text(x, height - 1.0, line, size, colour=style.ink, role="header", angle=90)
                )
        y = height - style.line_mm / 3
        if self.axis is not None:
            words = wrap("Follow-up (months)", self.axis.right - self.axis.left, size)
            for back, line in enumerate(reversed(words)):
                middle = (self.axis.left + self.axis.right) / 2
                at = y - back * style.line_mm
                items.append(self._text(middle, at, line, "center", "header"))
            height = max(height, len(words) * style.line_mm)
        down = max(0.0, height - y - style.line_mm / 3)
        items = [moved(item, 0.0, down) for item in items]
        edge = self.display.width_mm - style.margin_mm
        items.append(
            Line(style.margin_mm, height, edge, height, style.rule_width, style.ink, role="rule")
        )
        return Strip(height, tuple(items))

    def _text(self, x: float, y: float, text: str, align: Align, role: str) -> Text:
        return Text(x, y, text, self.style.font_size, align=align, colour=self.style.ink, role=role)

    def _row(self, study: MapStudy, lines: list[str], names: list[str]) -> Strip:
        style = self.style
        height, y = row_height(len(lines), style), style.row_mm / 2
        items: list[Primitive] = []
        pale, edge = tint(style.line, 0.35), self.display.width_mm - style.margin_mm
        items.append(
            Line(style.margin_mm, height, edge, height, style.thin_width, pale, role="row")
        )
        items += label(lines, style.margin_mm, style)
        for index, name in enumerate(names):
            if name in study.cells:
                items.append(self._mark(study.cells[name], self.most[name], self._at(index), y))
        items += self._months(study, y)
        return Strip(height, tuple(items))

    def _mark(self, cell: Cell, most: float, x: float, y: float) -> Circle:
        """A disc with the area of its size; of plain size where none is known."""
        style = self.style
        largest = min(0.45 * style.row_mm, 0.45 * self.pitch)
        radius = style.square_plain_mm / 2
        if cell.size is not None and most > 0:
            radius = max(style.square_min_mm / 2, largest * sqrt(cell.size / most))
        if cell.pooled:
            return Circle(x, y, radius, style.accent, role="data")
        return Circle(x, y, radius, style.paper, style.accent, style.rule_width, role="not pooled")

    def _months(self, study: MapStudy, y: float) -> list[Primitive]:
        style, axis = self.style, self.axis
        if axis is None:
            return []
        if not study.months:
            drop = CAPITAL / 2 * style.font_size * MM_PER_POINT
            middle = (axis.left + axis.right) / 2
            return [
                Text(middle, y + drop, ABSENT, style.font_size, align="center", colour=style.soft,
                     role="not stated")
            ]  # fmt: skip
        items: list[Primitive] = []
        places = [axis.position(time) for time in study.months]
        if len(places) > 1:
            items.append(
                Line(min(places), y, max(places), y, style.interval_width, style.ink, role="months")
            )
        for time, x in zip(study.months, places, strict=True):
            inside = axis.beyond(time) == 0
            fill = style.ink if inside else style.paper
            items.append(Circle(x, y, 0.7, fill, style.ink, style.thin_width, role="month"))
        return items

    def _foot(self) -> Strip:
        """The axis of follow-up."""
        style, axis = self.style, self.axis
        if axis is None:
            return Strip(style.line_mm / 2)
        texts = (
            log_tick_texts(axis)
            if axis.log
            else [number_text(tick, tick_decimals(axis, 1)) for tick in axis.ticks]
        )
        y = style.gap_mm / 3
        line = y + style.tick_mm + 0.5 + CAPITAL * style.font_size * MM_PER_POINT
        items: list[Primitive] = [
            Line(axis.left, y, axis.right, y, style.rule_width, style.ink, role="axis")
        ]
        for tick, text in zip(axis.ticks, texts, strict=True):
            x = axis.position(tick)
            end = y + style.tick_mm
            items.append(Line(x, y, x, end, style.rule_width, style.ink, role="tick"))
            items.append(self._text(x, line, text, "center", "tick label"))
        return Strip(line + style.line_mm / 2, tuple(items))

    def _notes(self) -> list[str]:
        notes = ["Disc: data, its area by units within the outcome; hollow: no row is pooled."]
        if self.axis is not None:
            notes.append(f"{ABSENT} in the column of follow-up: not stated.")
            if any(self.axis.beyond(t) for s in self.studies for t in s.months):
                notes.append("A follow-up of 0 months is hollow at the end of the axis.")
        if self.lettered:
            pairs = (f"{self.heads[n][0]} = {tied(self.titles[n])}" for n in self.outcomes)
            notes.append("; ".join(pairs) + ".")
        if self.without:
            notes.append(f"Without data for an outcome: {', '.join(self.without)}.")
        return notes

    def _counts(self) -> list[tuple[str, int, int]]:
        return [
            (
                self.titles[name],
                sum(name in study.cells for study in self.studies),
                sum(name in study.cells and study.cells[name].pooled for study in self.studies),
            )
            for name in self.outcomes
        ]

    def caption(self) -> str:
        title = clean(self.display.title).rstrip(".")
        follow = " and follow-up in months" if self.axis is not None else ""
        scale = " (logarithmic axis)" if self.axis is not None and self.axis.log else ""
        return (
            f"{title}. Studies by year, the outcomes they give data for{follow}{scale}. The area "
            "of a disc is proportional to the units of the study's largest row, within each "
            "outcome; a hollow disc is a study that was selected and not pooled.\n"
        )

    def alt(self) -> str:
        title = clean(self.display.title).rstrip(".")
        counts = "; ".join(
            f"{name}: {found} {'study' if found == 1 else 'studies'}, {used} pooled"
            for name, found, used in self._counts()
        )
        times = [time for study in self.studies for time in study.months]
        said = [f"Study map: {title}. {count_text(len(self.studies))} studies in rows."]
        said.append(f"{counts}.")
        if times:
            low, high = (number_text(t, 1).removesuffix(".0") for t in (min(times), max(times)))
            said.append(f"Follow-up from {low} to {high} months.")
        if self.without:
            said.append(f"Without data for an outcome: {', '.join(self.without)}.")
        return " ".join(said) + "\n"

    def table(self) -> str:
        """One row per study and outcome, and one per follow-up."""
        rows: list[dict[str, object]] = []
        for study in self.studies:
            about = {"study": study.study, "label": study.name, "year": study.year}
            rows += [
                about | {"outcome": n, "size": c.size, "pooled": c.pooled}
                for n, c in study.cells.items()
            ]
            rows += [about | {"months": time} for time in study.months]
        rows += [{"label": name} for name in self.without]
        return csv_text("study,label,year,outcome,size,pooled,months".split(","), rows)


def _letter(index: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    before, last = divmod(index, 26)
    return (_letter(before - 1) if before else "") + chr(ord("A") + last)
