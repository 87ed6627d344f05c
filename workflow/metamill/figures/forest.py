"""The forest plot: where each row, column, line and shape goes, and its twins in words."""

from collections.abc import Iterable, Sequence
from math import ceil, isfinite

from metamill.config.settings import Display
from metamill.figures.axis import (
    Axis,
    linear_axis,
    log_axis,
    log_tick_texts,
    tick_decimals,
    visible_range,
)
from metamill.figures.canvas import Align, Canvas, Line, Primitive, Text
from metamill.figures.columns import DataColumn, bounds, data_columns, group_name
from metamill.figures.forest_text import forest_alt, forest_caption, forest_csv
from metamill.figures.layout import Layout, lay_out, mark_width, number_texts
from metamill.figures.rows import DIAMOND, LIMITS, SQUARE, Content, Row, content
from metamill.figures.shapes import shape
from metamill.figures.style import Style
from metamill.figures.text import MM_PER_POINT, TIED, clean, tied, width, wrap
from metamill.results import Result
from metamill.wording import capital, number_text, unit_words

__all__ = ["forest", "forest_alt", "forest_caption", "forest_csv"]


def forest(result: Result, display: Display, style: Style) -> Canvas:
    """Draw the primary analysis of `result`, and its first column of subgroups if it has one.

    The canvas is exactly `display.width_mm` wide and as high as its rows need. Raises ValueError
    if that width cannot hold labels, plot and estimates even without weights and data columns.
    """
    every = data_columns(result)
    last, missing = len(style.columns_dropped), 0.0
    for count in range(last + 1):
        dropped = style.columns_dropped[:count]
        columns = () if "data" in dropped else every
        said = content(result, columns)
        plot_min = style.plot_least_mm if count == last else style.plot_min_mm
        plan = lay_out(result, display, style, said, columns, "weights" not in dropped, plot_min)
        missing = plot_min - (plan.plot_right - plan.plot_left)
        if missing < 1e-6:
            return _Drawing(result, display, style, said, plan, _left_off(dropped, every)).canvas()
    raise ValueError(
        f"the forest plot of {result.outcome} needs {ceil(display.width_mm + missing)} mm, "
        f"not {display.width_mm:g} mm"
    )


def _left_off(dropped: Sequence[str], columns: tuple[DataColumn, ...]) -> str:
    names = [name for name in dropped if name != "data" or columns]
    return f"Not shown for lack of width: {' and '.join(names)}." if names else ""


class _Drawing:
    """Places one forest plot from the top down; `y` is where the next row begins."""

    def __init__(
        self,
        result: Result,
        display: Display,
        style: Style,
        said: Content,
        plan: Layout,
        left_off: str,
    ) -> None:
        self.result, self.display, self.style = result, display, style
        self.said, self.plan, self.left_off = said, plan, left_off
        self.items: list[Primitive] = []
        self.y = style.margin_mm
        self.axis = _axis(result, display, plan, said)

    def canvas(self) -> Canvas:
        self._header()
        top = self.y
        self.y += self.style.gap_mm / 3
        shapes: list[Primitive] = []
        mean_y = None
        for row in self.said.rows:
            centre = self._row(row)
            if self.axis is not None:
                shapes += shape(row, centre, self.axis, self.style)
            if row.shape == DIAMOND and row.indent == 0:
                mean_y = centre
        if self.axis is not None:
            self.y += self.style.gap_mm / 3
            self.items = [*self._guides(self.axis, top, mean_y), *self.items, *shapes]
            below = self._axis_block(self.axis)
        else:
            below = self.y
        self._model_lines(below)
        self._not_pooled()
        self._foot()
        canvas = Canvas(self.display.width_mm, self.y + self.style.margin_mm, self.display.title)
        canvas.add(self.items)
        return canvas

    def _text(
        self,
        x: float,
        y: float,
        text: str,
        align: Align = "left",
        bold: bool = False,
        italic: bool = False,
        soft: bool = False,
        role: str = "",
        size: float | None = None,
    ) -> None:
        if text:
            colour = self.style.soft if soft else self.style.ink
            size = self.style.font_size if size is None else size
            self.items.append(Text(x, y, text, size, bold, italic, align, colour, role))

    def _rule(self, y: float, left: float, right: float) -> None:
        self.items.append(
            Line(left, y, right, y, self.style.rule_width, self.style.ink, role="rule")
        )

    @property
    def _baseline(self) -> float:
        """From the top of a row to the baseline of its first line, which centres capitals."""
        return self.style.row_mm / 2 + 0.365 * self.style.font_size * MM_PER_POINT

    def _header(self) -> None:
        plan, style = self.plan, self.style
        headers = [column.header for column in plan.data]
        grouped = any(column.group for column in plan.data)
        data_lines = max(map(len, headers), default=0)
        group_rise = data_lines * style.line_mm + style.gap_mm / 3
        lines = max(map(len, (("Study",), *headers, plan.numbers.header, plan.weight_header)))
        rise = max((lines - 1) * style.line_mm, group_rise if grouped else 0.0)
        last = self.y + self._baseline + rise

        def heading(x: float, texts: Sequence[str], align: Align) -> None:
            for back, text in enumerate(reversed(texts)):
                self._text(x, last - back * style.line_mm, text, align, bold=True, role="header")

        heading(plan.label_left, ("Study",), "left")
        for right, header in zip(plan.data_rights, headers, strict=True):
            heading(right, header, "right")
        heading((plan.numbers.left + plan.numbers.right) / 2, plan.numbers.header, "center")
        if plan.weight_right is not None:
            heading(plan.weight_right, plan.weight_header, "right")
        if grouped:
            self._group_headings(last - group_rise)
        self.y += style.row_mm + rise
        self._rule(self.y, style.margin_mm, self.display.width_mm - style.margin_mm)

    def _group_headings(self, baseline: float) -> None:
        """The names of the groups over their columns, each with a rule beneath."""
        plan, style = self.plan, self.style
        groups = dict.fromkeys(column.group for column in plan.data if column.group)
        for group in groups:
            members = [i for i, column in enumerate(plan.data) if column.group == group]
            left, right = plan.data_lefts[members[0]], plan.data_rights[members[-1]]
            name = clean(group_name(group, self.display))
            self._text((left + right) / 2, baseline, name, "center", bold=True, role="header")
            self._rule(baseline + style.line_mm / 3, left, right)

    def _row(self, row: Row) -> float:
        """Write one row and return the y of the middle of its first line."""
        plan, style = self.plan, self.style
        if row.space_above:
            self.y += style.row_mm / 4
        top, baseline = self.y, self.y + self._baseline
        left = plan.label_left + row.indent * style.indent_mm
        right = plan.text_right if row.wide else plan.label_right
        marks = mark_width(row.marks, style)
        size = style.font_size
        lines = wrap(row.label, right - left - marks + 1e-6, size, row.bold, row.italic)
        for index, line in enumerate(lines):
            y = baseline + index * style.line_mm
            self._text(left, y, line, bold=row.bold, italic=row.italic, soft=row.soft, role="label")
        if row.marks:
            x = left + width(lines[-1], size, row.bold, row.italic) + 0.3
            y = baseline + (len(lines) - 1) * style.line_mm - 0.3 * size * MM_PER_POINT
            self._text(x, y, row.marks, soft=row.soft, role="mark", size=style.mark_size)
        for x, text in zip(plan.data_rights, row.data, strict=False):
            self._text(x, baseline, text, "right", row.bold, soft=row.soft, role="data")
        self._numbers(row, baseline)
        self.y += style.row_mm + (len(lines) - 1) * style.line_mm
        return top + style.row_mm / 2

    def _numbers(self, row: Row, baseline: float) -> None:
        plan = self.plan
        texts = number_texts(row, plan.form, self.style)
        places = (plan.numbers.estimate, plan.numbers.low, plan.numbers.high)
        for x, text in zip(places, texts, strict=True):
            self._text(x, baseline, text, "right", row.bold, soft=row.soft, role="number")
        if row.weight is not None and plan.weight_right is not None:
            text = number_text(row.weight, 1)
            self._text(plan.weight_right, baseline, text, "right", role="weight")

    def _guides(self, axis: Axis, top: float, mean_y: float | None) -> Iterable[Primitive]:
        """Reference line, lines of the important difference, dashed line at the estimate."""
        style, pooled = self.style, self.result.primary.pooled
        null = self.result.measure.null
        if null is not None and axis.beyond(null) == 0:
            x = axis.position(null)
            yield Line(x, top, x, self.y, style.rule_width, style.line, role="null")
        for value in _important(self.result, self.display):
            if axis.beyond(value) == 0:
                x = axis.position(value)
                dots = (1.0, 2.0)
                yield Line(x, top, x, self.y, style.rule_width, style.line, dots, "important")
        if mean_y is not None and pooled.estimate is not None and axis.beyond(pooled.estimate) == 0:
            x = axis.position(pooled.estimate)
            dashes = (3.0, 2.0)
            yield Line(x, top, x, mean_y, style.rule_width, style.accent, dashes, "estimate")

    def _axis_block(self, axis: Axis) -> float:
        """Draw the axis under the rows; return where it ends."""
        style, size = self.style, self.style.font_size
        y = self.y
        self.items.append(
            Line(axis.left, y, axis.right, y, style.rule_width, style.ink, role="axis")
        )
        factor = self.plan.form.factor
        decimals = tick_decimals(axis, factor)
        linear = [number_text(tick, decimals, factor) for tick in axis.ticks]
        labels = log_tick_texts(axis) if axis.log else linear
        below = y + style.tick_mm + 0.5 + 0.73 * size * MM_PER_POINT
        for tick, label in zip(axis.ticks, labels, strict=True):
            x = axis.position(tick)
            self.items.append(
                Line(x, y, x, y + style.tick_mm, style.rule_width, style.ink, role="tick")
            )
            self._text(x, below, label, "center", role="tick label")
        line = below
        middle = (axis.left + axis.right) / 2
        for text in wrap(tied(_axis_label(self.result)), axis.right - axis.left, size):
            line += style.line_mm
            self._text(middle, line, text, "center", role="axis label")
        return self._directions(axis, line) + style.line_mm / 2

    def _directions(self, axis: Axis, line: float) -> float:
        """Which side is better, under the axis label."""
        sides = _sides(self.result, self.display)
        if sides is None:
            return line
        style = self.style
        left, right = f"←{TIED}{sides[0]}", f"{sides[1]}{TIED}→"
        room = axis.right - axis.left - style.gap_mm
        words = f"{left} {right}".split(" ")
        if max(width(word, style.font_size) for word in words) > room / 2:
            return self._stacked_directions(sides, axis, line)
        fits = width(left, style.font_size) + width(right, style.font_size) <= room
        lowest = line
        sides_at: tuple[tuple[str, float, Align], ...] = (
            (left, axis.left, "left"),
            (right, axis.right, "right"),
        )
        for text, x, align in sides_at:
            for index, part in enumerate(wrap(text, room if fits else room / 2, style.font_size)):
                y = line + (index + 1) * style.line_mm
                self._text(x, y, part, align, role="direction")
                lowest = max(lowest, y)
        return lowest

    def _stacked_directions(self, sides: tuple[str, str], axis: Axis, line: float) -> float:
        """Where the axis is too short for both: one under the other, as far as the page goes."""
        limit = self.display.width_mm - self.style.margin_mm - axis.left
        for arrow, side in zip("←→", sides, strict=True):
            for part in wrap(f"{arrow}{TIED}{side}", limit, self.style.font_size):
                line += self.style.line_mm
                self._text(axis.left, line, part, role="direction")
        return line

    def _model_lines(self, below: float) -> None:
        """Model, heterogeneity and tests: left of the axis, or under it where that is narrow."""
        left, right = self.plan.label_left, self.plan.text_right
        if right - left < self.style.text_min_mm:
            self.y, right = below, self.display.width_mm - self.style.margin_mm
        for text in self.said.lines:
            self._block(text, left, right, soft=False)
        self.y = max(self.y, below)

    def _block(
        self, text: str, left: float, right: float, soft: bool = True, role: str = "line"
    ) -> None:
        for line in wrap(text, right - left, self.style.font_size):
            self._text(left, self.y + 0.75 * self.style.line_mm, line, soft=soft, role=role)
            self.y += self.style.line_mm

    def _not_pooled(self) -> None:
        if self.said.left_out:
            self.y += self.style.row_mm / 4
            self._row(Row("Not pooled", bold=True, wide=True))
            for row in self.said.left_out:
                self._row(row)

    def _foot(self) -> None:
        style, right = self.style, self.display.width_mm - self.style.margin_mm
        notes = [*self.said.notes, *self._important_note(), *self._hollow_note()]
        notes += [self.left_off] if self.left_off else []
        if not notes and not self.said.footnotes:
            return
        self.y += style.row_mm / 4
        self.items.append(
            Line(style.margin_mm, self.y, right, self.y, style.thin_width, style.line, role="rule")
        )
        self.y += style.gap_mm / 3
        for mark, note in self.said.footnotes:
            raised = self.y + 0.75 * style.line_mm - 0.3 * style.font_size * MM_PER_POINT
            self._text(style.margin_mm, raised, mark, soft=True, role="mark", size=style.mark_size)
            indent = max(style.indent_mm, mark_width(mark, style) + 0.5)
            self._block(f"{note.rstrip('.')}.", style.margin_mm + indent, right, role="footnote")
        for note in notes:
            self._block(note, style.margin_mm, right, role="footnote")

    def _important_note(self) -> Iterable[str]:
        if self.axis is not None and any(
            self.axis.beyond(value) == 0 for value in _important(self.result, self.display)
        ):
            yield f"Dotted line: important difference ({self.display.important_difference:g})."

    def _hollow_note(self) -> Iterable[str]:
        if self.axis is not None and any(
            row.shape == SQUARE and row.estimate is not None and self.axis.beyond(row.estimate)
            for row in self.said.rows
        ):
            yield "Hollow square: the estimate lies beyond the axis."


def _axis(result: Result, display: Display, plan: Layout, said: Content) -> Axis | None:
    """An axis for all that is drawn, within what the measure can be."""
    studies = [
        (row.low, row.estimate, row.high)
        for row in said.rows
        if row.shape == SQUARE
        and row.low is not None
        and row.estimate is not None
        and row.high is not None
    ]
    others = [
        value
        for row in said.rows
        if row.shape and row.shape != SQUARE
        for value in (row.low, row.high)
        if value is not None and isfinite(value)
    ]
    means = [row.estimate for row in said.rows if row.shape in (DIAMOND, LIMITS)]
    required = [value for value in (*means, result.measure.null) if value is not None]
    log = result.measure.log_axis
    if result.measure.family == "proportion":
        required.append(0.0)
    seen = visible_range(studies, others, required, log) if studies else None
    if seen is None:
        return None
    if log:
        return log_axis(*seen, plan.plot_left, plan.plot_right)
    return linear_axis(*seen, plan.plot_left, plan.plot_right, bounds(result.measure, display))


def _axis_label(result: Result) -> str:
    measure = result.measure
    if measure.family == "proportion":
        of = f" of {unit_words(result.unit)}" if result.unit else ""
        return f"{capital(measure.natural)}{of} (%)"
    if measure.family == "change":
        return f"{capital(measure.natural)} from baseline"
    return f"{capital(measure.natural)}{' (log scale)' if measure.log_axis else ''}"


def _sides(result: Result, display: Display) -> tuple[str, str] | None:
    """What the left and the right of the null value mean; None where that is not known."""
    family = result.measure.family
    if display.direction is None or result.measure.null is None or family == "correlation":
        return None
    if family == "change":
        better, worse = "Improvement", "Worsening"
    else:
        better, worse = (
            f"Favours {clean(name.lower() if name[1:].islower() else name)}"
            for name in (display.treatment, display.control)
        )
    return (better, worse) if display.direction == "lower" else (worse, better)


def _important(result: Result, display: Display) -> tuple[float, ...]:
    """The important difference on the axis: on the better side, or on both if none is better."""
    difference, null = display.important_difference, result.measure.null
    if difference is None or null is None or result.measure.code not in ("MC", "MD"):
        return ()
    signs = {"lower": (-1,), "higher": (1,)}.get(display.direction or "", (-1, 1))
    return tuple(null + sign * difference for sign in signs)
