"""The study map: which study gives data for which outcome, and how long it followed patients."""

from collections.abc import Mapping, Sequence
from math import sqrt

from metamill.config.settings import Display
from metamill.figures.axes.axis import Axis, linear_axis, log_axis, log_tick_texts, tick_decimals
from metamill.figures.colours import tint
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Align, Canvas, Circle, Line, Primitive, Text
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, width, wrap
from metamill.figures.review.paging import Block, Strip, label, name_lines, pages, row_height
from metamill.figures.review.study_cells import Cell, MapStudy, studies_of
from metamill.figures.review.study_heads import LETTERS, UPRIGHT, heads_of
from metamill.figures.review.study_key import key_block
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Result
from metamill.review_result import ReviewResult
from metamill.wording import ABSENT, capital, count_text, number_text

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
        widest = max(
            *(width(study.name, size) for study in studies), width("Study", size, bold=True)
        )
        label_mm = min(widest, 0.36 * display.width_mm)
        self.lines = [name_lines(study.name, label_mm, style) for study in studies]
        self.left = edge + label_mm + style.gap_mm
        self.room = display.width_mm - edge - self.left
        self._columns()
        self.axis = self._axis()

    def _columns(self) -> None:
        """The headings, and the outcomes of each block."""
        style, count = self.style, len(self.outcomes)
        timed = any(study.months for study in self.studies)
        least = _STRIP_LEAST_MM + style.plot_gap_mm if timed else 0.0
        wanted = _STRIP_MM + style.plot_gap_mm if timed and count > 1 else least
        self.heads = heads_of(self.titles, self.room, wanted, style)
        self.pitch = self.heads.pitch
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
        if self.heads.kind == LETTERS:
            entries = [(self.heads.lines[name][0], self.titles[name]) for name in self.outcomes]
            made.append(key_block(entries, self.display.width_mm, self.style))
        return pages(made, self._notes(), self.display.width_mm, self.display.height_mm, self.style)

    def _at(self, index: int) -> float:
        return self.left + (index + 0.5) * self.pitch

    def _block(self, names: list[str]) -> Block:
        """Some outcomes, and the studies that give data for one of them."""
        rows = [
            self._row(study, lines, names)
            for study, lines in zip(self.studies, self.lines, strict=True)
            if any(name in study.cells for name in names)
        ]
        return Block(self._head(names), tuple(rows), self._foot())

    @property
    def _right(self) -> float:
        """The right end of rows."""
        if self.axis is None:
            return self.left + self.columns * self.pitch
        return self.display.width_mm - self.style.margin_mm

    def _head(self, names: list[str]) -> Strip:
        """Names of the columns, flat or upright, or their letters."""
        style, size = self.style, self.style.font_size
        stands: list[tuple[float, Align, list[str]]] = [(style.margin_mm, "left", ["Study"])]
        if self.axis is not None:
            words = wrap("Follow-up (months)", self.axis.right - self.axis.left, size, bold=True)
            middle = (self.axis.left + self.axis.right) / 2
            stands.append((middle, "center", words))
        upright = self.heads.kind == UPRIGHT
        if not upright:
            stands += [(self._at(i), "center", self.heads.lines[n]) for i, n in enumerate(names)]
        height = (max(len(lines) for *_, lines in stands) - 1) * style.line_mm + style.row_mm
        if upright:
            lines_of = (line for name in names for line in self.heads.lines[name])
            tallest = max(width(line, size, bold=True) for line in lines_of)
            height = max(height, tallest + style.gap_mm / 2)
        items: list[Primitive] = []
        for x, align, lines in stands:
            for back, line in enumerate(reversed(lines)):
                y = height - style.line_mm / 3 - back * style.line_mm
                items.append(self._header(x, y, line, align))
        for index, name in enumerate(names if upright else ()):
            lines = self.heads.lines[name]
            first = self._at(index) - (len(lines) - 1) * style.line_mm / 2
            for number, line in enumerate(lines):
                x = first + number * style.line_mm + CAPITAL / 2 * size * MM_PER_POINT
                items.append(self._header(x, height - 1.0, line, "left", 90))
        items.append(
            Line(
                style.margin_mm, height, self._right, height, style.rule_width, style.ink,
                role="rule",
            )
        )  # fmt: skip
        return Strip(height, tuple(items))

    def _header(self, x: float, y: float, line: str, align: Align, angle: int = 0) -> Text:
        style = self.style
        return Text(
            x, y, line, style.font_size, True, align=align, colour=style.ink, role="header",
            angle=angle,
        )  # fmt: skip

    def _text(self, x: float, y: float, text: str, align: Align, role: str) -> Text:
        return Text(x, y, text, self.style.font_size, align=align, colour=self.style.ink, role=role)

    def _row(self, study: MapStudy, lines: list[str], names: list[str]) -> Strip:
        style = self.style
        height, y = row_height(len(lines), style), style.row_mm / 2
        items: list[Primitive] = []
        pale, edge = tint(style.line, 0.35), style.margin_mm
        items.append(Line(edge, height, self._right, height, style.thin_width, pale, role="row"))
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
        if len(self.blocks) > 1:
            notes.append("Under each group of outcomes stand the studies with data for one.")
        years = [study.year for study in self.studies]
        if None in years and any(year is not None for year in years):
            notes.append("Studies without a year stand last.")
        without = [f"Without data for an outcome: {', '.join(self.without)}."]
        return [" ".join(notes), *(without if self.without else [])]

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
        title = f"Study map: {clean(self.display.title).rstrip('.')}"
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
