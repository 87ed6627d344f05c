"""The prediction distribution: what true effects the model expects in a new study."""

from collections.abc import Iterable
from itertools import chain
from math import isfinite

from metamill.config.settings import Display
from metamill.figures.axes.directions import sides_of
from metamill.figures.axes.effect_words import (
    heard,
    is_silent,
    noun_of,
    rows_words,
    silent_note,
)
from metamill.figures.axes.panel import paragraphs
from metamill.figures.axes.spaced import Spaced, spaced_axis
from metamill.figures.colours import tint
from metamill.figures.curves.law import Law, law_of
from metamill.figures.curves.prediction_words import (
    axis_label,
    impossible_words,
    marks_of,
    prediction_caption,
    row_names,
    shades,
    within,
)
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import (
    Align,
    Canvas,
    Curve,
    Line,
    Polygon,
    Primitive,
    Text,
    rectangle,
)
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, tied, width, wrap
from metamill.figures.points.marks import direction_texts
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Beyond, Result
from metamill.sentences import beyond_words
from metamill.wording import (
    estimate_text,
    interval_text,
    level_text,
    result_format,
)

_POINTS = 241
_SPAN = 1.6
"""The axis reaches this many halves of the prediction interval to either side."""
_FARTHEST = 2.6
"""And up to this many for the value of no effect and the thresholds."""


_NAME_ROWS = 2
"""Names of vertical lines that would meet stand one above the other in so many rows."""


def prediction(result: Result, display: Display, style: Style) -> Drawn:
    """The distribution of true effects in new studies, with the mean and the studies below it.

    Its shape is that of the prediction interval (see `law.law_of`), on an axis in natural units
    that is spaced by the model's scale, so that equal areas are equal probabilities.
    """
    title = f"Prediction distribution: {clean(display.title).rstrip('.')}"
    law = law_of(result)
    if isinstance(law, str):
        return not_drawn(title, law, display.width_mm, style)
    law = within(law, result, display)
    drawing = _Drawing(result, display, style, law)
    page = drawing.page()
    caption = prediction_caption(title, result, law, drawing.drawn_roles(), drawing.cut)
    return Drawn((page,), drawing.table(), caption, drawing.alt())


class _Drawing:
    """One prediction distribution, from the top down."""

    def __init__(self, result: Result, display: Display, style: Style, law: Law) -> None:
        self.result, self.display, self.style, self.law = result, display, style, law
        self.form = result_format(result)
        self.level = result.primary.settings["level"]
        self.marks = marks_of(result, display, self.form)
        self.names = row_names(result)
        self.effects = heard(result.primary.effects)
        self.axis = self._axis()
        self.cut = self.axis.low <= law.low, self.axis.high >= law.high
        self.curve = self._curve()

    def _axis(self) -> Spaced:
        style, law, display = self.style, self.law, self.display
        room = max(width(name, style.font_size) for name in self.names)
        left = style.margin_mm + room + style.gap_mm
        half = law.reach(self.level)
        places = [law.scale.forward(value) for value, _, _ in self.marks]
        near = [x for x in places if abs(x - law.centre) <= _FARTHEST * half]
        low = min(law.centre - _SPAN * half, *(x - 0.1 * half for x in near), law.centre)
        high = max(law.centre + _SPAN * half, *(x + 0.1 * half for x in near), law.centre)
        low, high = max(low, law.low), min(high, law.high)
        right = display.width_mm - style.margin_mm - style.gap_mm
        return spaced_axis(
            law.scale, low, high, left, right, style.font_size, self.form.factor
        )  # fmt: skip

    def _curve(self) -> list[tuple[float, float]]:
        """Points of the density on the model scale, as values and densities."""
        low, high = self.axis.low, self.axis.high
        steps = [low + (high - low) * index / (_POINTS - 1) for index in range(_POINTS)]
        places = sorted({*steps, self.law.centre, *self._cuts()})
        return [(x, self.law.density(x)) for x in places if low <= x <= high]

    def _cuts(self) -> list[float]:
        places = [self.law.scale.forward(item.threshold) for item in self._beyond]
        half = self.law.reach(self.level)
        return [x for x in (*places, self.law.centre - half, self.law.centre + half) if isfinite(x)]

    @property
    def _beyond(self) -> tuple[Beyond, ...]:
        return self.result.primary.pooled.beyond

    @property
    def _colour(self) -> str:
        doubtful = self.result.primary.pooled.pi_doubtful
        return self.style.doubtful if doubtful else self.style.accent

    def page(self) -> Canvas:
        style, display = self.style, self.display
        heads, top = self._mark_texts(style.margin_mm)
        top += style.gap_mm / 3
        high = min(45.0, max(22.0, 0.28 * display.width_mm), display.height_mm / 3)
        base = top + high
        rows, bottom = self._rows(base + style.gap_mm / 2)
        axis, y = self._axis_items(bottom)
        notes, y = paragraphs(
            self._notes(), style.margin_mm, y + style.line_mm / 2,
            display.width_mm - style.margin_mm, style,
        )  # fmt: skip
        page = Canvas(display.width_mm, y + style.margin_mm)
        page.add(
            chain(
                self._areas(top, base),
                self._guides(top, bottom),
                heads,
                [self._outline(top, base)],
                rows,
                axis,
                notes,
            )
        )
        return page

    def _at(self, x: float, density: float, top: float, base: float) -> tuple[float, float]:
        peak = self.law.density(self.law.centre)
        return self.axis.place(x), base - (base - top) * density / peak

    def _area(self, low: float, high: float, top: float, base: float, fill: str) -> Polygon:
        inside = [(x, d) for x, d in self.curve if low - 1e-12 <= x <= high + 1e-12]
        line = [self._at(x, density, top, base) for x, density in inside]
        return Polygon(((line[0][0], base), *line, (line[-1][0], base)), fill, role="area")

    def _areas(self, top: float, base: float) -> Iterable[Primitive]:
        """Pale the whole, less pale what lies beyond each threshold on its better side."""
        low, high = self.axis.low, self.axis.high
        yield self._area(low, high, top, base, tint(self._colour, 0.15))
        for item, below, share in shades(self._beyond, self._lower_is_better, self._null):
            at = self.law.scale.forward(item.threshold)
            start, end = (low, min(at, high)) if below else (max(at, low), high)
            if start < end and isfinite(at):
                yield self._area(start, end, top, base, tint(self._colour, share))

    @property
    def _null(self) -> float | None:
        return self.result.measure.null

    @property
    def _lower_is_better(self) -> bool | None:
        return {"lower": True, "higher": False}.get(self.display.direction or "")

    def _outline(self, top: float, base: float) -> Curve:
        points = tuple(self._at(x, density, top, base) for x, density in self.curve)
        return Curve(points, self.style.interval_width, self._colour, role="density")

    def _guides(self, top: float, bottom: float) -> Iterable[Line]:
        style = self.style
        for value, _, role in self.marks:
            if self.axis.beyond(value) == 0:
                x = self.axis.position(value)
                dash = () if role == "null" else (1.2, 1.2)
                yield Line(x, top, x, bottom, style.rule_width, style.soft, dash, role=role)
        x = self.axis.place(self.law.centre)
        yield Line(x, top, x, bottom, style.rule_width, self._colour, (3.0, 1.5), role="mean line")

    def drawn_roles(self) -> list[str]:
        """The roles of the vertical lines that lie on the axis."""
        return [role for value, _, role in self.marks if self.axis.beyond(value) == 0]

    def _mark_texts(self, top: float) -> tuple[list[Text], float]:
        """The names of thresholds and of no effect over their lines, where there is room."""
        style, size = self.style, self.style.font_size
        places: list[tuple[float, int, str]] = []
        taken: list[tuple[float, float, int]] = []
        for value, name, _ in self.marks:
            if self.axis.beyond(value):
                continue
            half = width(name, size) / 2
            edge = self.display.width_mm - style.margin_mm - half
            x = max(style.margin_mm + half, min(self.axis.position(value), edge))
            for row in range(_NAME_ROWS):
                beside = [(a, b) for a, b, other in taken if other == row]
                if all(x + half + 1.5 <= a or b <= x - half - 1.5 for a, b in beside):
                    taken.append((x - half, x + half, row))
                    places.append((x, row, name))
                    break
        rows = max((row for _, row, _ in places), default=-1) + 1
        texts = [
            self._text(x, top + (rows - row - 0.25) * style.line_mm, name, "center", "guide label")
            for x, row, name in places
        ]
        return texts, top + rows * style.line_mm

    def _text(self, x: float, y: float, text: str, align: Align, role: str) -> Text:
        return Text(x, y, text, self.style.font_size, align=align, colour=self.style.ink, role=role)

    def _rows(self, top: float) -> tuple[list[Primitive], float]:
        """The interval of the mean, the prediction interval and the studies, each with its name."""
        style, pooled = self.style, self.result.primary.pooled
        items: list[Primitive] = []
        drop = CAPITAL / 2 * style.font_size * MM_PER_POINT
        centres = [top + style.row_mm * (index + 0.5) for index in range(3)]
        for y, name in zip(centres, self.names, strict=True):
            items.append(self._text(style.margin_mm, y + drop, name, "left", "label"))
        mean, new, studies = centres
        if pooled.ci_low is not None and pooled.ci_high is not None:
            items += self._bar(pooled.ci_low, pooled.ci_high, mean, style.accent, "confidence")
        assert pooled.estimate is not None
        x, half = self.axis.position(pooled.estimate), style.square_plain_mm / 2
        diamond = ((x - half, mean), (x, mean - half), (x + half, mean), (x, mean + half))
        items.append(Polygon(diamond, style.paper, style.accent, style.rule_width, role="mean"))
        assert pooled.pi_low is not None
        assert pooled.pi_high is not None
        items += self._bar(pooled.pi_low, pooled.pi_high, new, self._colour, "prediction")
        items += self._rug(studies)
        return items, top + 3 * style.row_mm + style.gap_mm / 3

    def _bar(self, low: float, high: float, y: float, colour: str, role: str) -> list[Primitive]:
        """An interval; an arrowhead where the axis ends before it does."""
        half, arrow = self.style.prediction_mm / 2, self.style.arrow_mm
        left, right = self.axis.position(low), self.axis.position(high)
        items: list[Primitive] = [rectangle((left, y - half, right, y + half), colour, role=role)]
        for cut, tip, inward in (
            (self.axis.beyond(low) < 0, left, 1),
            (self.axis.beyond(high) > 0, right, -1),
        ):
            if cut:
                items.append(_arrow(tip, y, inward * arrow, colour))
        return items

    def _rug(self, y: float) -> Iterable[Primitive]:
        style = self.style
        for effect in self.effects:
            side = self.axis.beyond(effect.estimate)
            x, half = self.axis.position(effect.estimate), style.row_mm / 3
            if side:
                tip = x + side * style.arrow_mm
                yield _arrow(tip, y, -side * style.arrow_mm, None, style.ink, style.thin_width)
            else:
                yield Line(x, y - half, x, y + half, style.rule_width, style.ink, role="study")

    def _axis_items(self, y: float) -> tuple[list[Primitive], float]:
        style, axis = self.style, self.axis
        size, em = style.font_size, style.font_size * MM_PER_POINT
        items: list[Primitive] = [
            Line(axis.left, y, axis.right, y, style.rule_width, style.ink, role="axis")
        ]
        line = y + style.tick_mm + 0.5 + CAPITAL * em
        for tick, text in axis.ticks:
            x = axis.position(tick)
            end = y + style.tick_mm
            items.append(Line(x, y, x, end, style.rule_width, style.ink, role="tick"))
            reach = width(text, size) / 2
            if reach <= x <= self.display.width_mm - reach:
                items.append(self._text(x, line, text, "center", "tick label"))
        middle = (axis.left + axis.right) / 2
        for text in wrap(tied(axis_label(self.result)), axis.right - axis.left, size):
            line += style.line_mm
            items.append(self._text(middle, line, text, "center", "axis label"))
        sides = sides_of(self.result, self.display)
        if sides is not None:
            edge = self.display.width_mm - style.margin_mm
            texts = direction_texts(sides, axis.left, axis.right, edge, line, style)
            items += texts
            line = max(text.y for text in texts)
        return items, line + 0.25 * style.line_mm

    def _words(self) -> list[str]:
        pooled, form, brackets = self.result.primary.pooled, self.form, self.style.brackets
        mean = estimate_text(pooled.estimate, pooled.ci_low, pooled.ci_high, form, brackets)
        new = interval_text(pooled.pi_low, pooled.pi_high, form, brackets)
        settings = self.result.primary.settings
        told = [f"Mean {mean} ({level_text(settings)}); {self.level:g}% prediction interval {new}"]
        better = self._lower_is_better
        told += [beyond_words(item, form, better, self._null) for item in self._beyond]
        return [f"{text}." for text in told]

    def _notes(self) -> list[str]:
        notes = self._words()
        pooled = self.result.primary.pooled
        if pooled.pi_doubtful:
            notes.append("Fewer than five studies: the distribution is unreliable, drawn in grey.")
        sides = [self.axis.beyond(e.estimate) for e in self.effects]
        for side, where in ((-1, "below"), (1, "above")):
            count = sides.count(side)
            if count:
                lies = "lies" if count == 1 else "lie"
                notes.append(
                    f"{noun_of(self.result, count)} {lies} {where} the axis (hollow arrow)."
                )
        notes += silent_note(self.result)
        if any(self.cut):
            notes.append("The curve ends where no further values are possible.")
            notes += impossible_words(self.law, self.cut, self.form)
        far = [name for value, name, _ in self.marks if self.axis.beyond(value)]
        if far:
            notes.append(f"Outside the axis: {'; '.join(far)}.")
        return notes

    def alt(self) -> str:
        measure = self.result.measure
        head = f"Prediction distribution: {clean(self.display.title).rstrip('.')}."
        what = f"The true {measure.natural} that the model expects in a new study"
        said = [head, f"{what}, from {rows_words(self.result)}.", *self._notes()]
        return " ".join(said) + "\n"

    def table(self) -> str:
        """The drawn numbers, natural; densities are per unit of the model scale."""
        pooled, rows = self.result.primary.pooled, self.result.rows
        back = self.law.scale.back
        told: list[dict[str, object]] = [
            {
                "item": "mean",
                "value": pooled.estimate,
                "low": pooled.ci_low,
                "high": pooled.ci_high,
            },
            {"item": "prediction", "low": pooled.pi_low, "high": pooled.pi_high},
            *(
                {"item": "threshold", "value": item.threshold, "above": item.above}
                for item in self._beyond
            ),
            *(
                {"item": role, "value": value}
                for value, _, role in self.marks
                if role != "threshold"
            ),
            *(
                {"item": "study", "label": rows[e.row].label, "value": e.estimate}
                for e in self.effects
            ),
            *({"item": "density", "value": back(x), "density": d} for x, d in self.curve),
        ]
        told += [
            {"item": "not drawn", "label": rows[e.row].label}
            for e in self.result.primary.effects
            if is_silent(e)
        ]
        return csv_text("item,label,value,low,high,above,density".split(","), told)


def _arrow(
    tip: float,
    y: float,
    inward: float,
    fill: str | None,
    edge: str | None = None,
    line: float = 0.0,
) -> Polygon:
    half = abs(inward) / 2
    points = ((tip, y), (tip + inward, y - half), (tip + inward, y + half))
    return Polygon(points, fill, edge, line, role="arrow")
