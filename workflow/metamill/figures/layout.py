"""Where the columns of a forest plot go: every text is measured before anything is placed."""

from collections.abc import Iterable
from dataclasses import dataclass

from metamill.config.settings import Display
from metamill.figures.columns import DataColumn, group_name
from metamill.figures.rows import Content, Row, weights_are_approximate
from metamill.figures.style import Style
from metamill.figures.text import clean, width, wrap
from metamill.results import Result
from metamill.wording import ABSENT, NumberFormat, capital, level_text, number_text, result_format


@dataclass(frozen=True)
class NumberColumn:
    """Right edges of the estimate and its two limits, which align on the decimal."""

    left: float
    right: float
    estimate: float
    low: float
    high: float
    header: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Where the columns are, in mm from the left edge."""

    label_left: float
    label_right: float
    data: tuple[DataColumn, ...]
    data_rights: tuple[float, ...]
    data_lefts: tuple[float, ...]
    plot_left: float
    plot_right: float
    numbers: NumberColumn
    weight_right: float | None
    weight_header: tuple[str, ...]
    form: NumberFormat

    @property
    def text_right(self) -> float:
        """Where rows that run on under the data columns must end."""
        return self.data_rights[-1] if self.data_rights else self.label_right


def lay_out(
    result: Result,
    display: Display,
    style: Style,
    said: Content,
    columns: tuple[DataColumn, ...],
    with_weights: bool,
    plot_min: float,
) -> Layout:
    """Give every column the width of its widest text; label and plot share what is left."""
    form = result_format(result)
    rows = (*said.rows, *said.left_out)

    def wide(text: str, bold: bool = False) -> float:
        return width(text, style.font_size, bold)

    right = display.width_mm - style.margin_mm
    weights = [row.weight for row in said.rows if row.weight is not None]
    weight_right: float | None = None
    weight_header: tuple[str, ...] = ()
    if weights and with_weights:
        approximate = weights_are_approximate(result.primary.pooled)
        weight_header = ("Approx.", "weight (%)") if approximate else ("Weight", "(%)")
        texts = [wide(number_text(weight, 1)) for weight in weights]
        weight_right = right
        right -= max(*texts, *(wide(line, True) for line in weight_header)) + style.gap_mm
    numbers = _number_column(result, style, rows, form, right)
    plot_right = numbers.left - style.plot_gap_mm

    data_widths = [
        max(
            *(wide(line, True) for line in column.header),
            *(wide(row.data[index], row.bold) for row in rows if row.data),
            0.0,
        )
        for index, column in enumerate(columns)
    ]
    _widen_for_groups(columns, data_widths, display, style)
    between = sum(data_widths) + style.gap_mm * len(columns)
    natural = max(
        (
            wide(clean(row.label), row.bold)
            + mark_width(row.marks, style)
            + row.indent * style.indent_mm
            for row in rows
            if not row.wide
        ),
        default=0.0,
    )
    natural = max(natural, wide("Study", True), style.label_min_mm)
    room = plot_right - style.plot_gap_mm - between - style.margin_mm
    plot = min(max(room - natural, plot_min), style.plot_max_mm)
    label = max(room - plot, style.label_min_mm)
    label_right = style.margin_mm + min(label, natural)
    spare = (label - min(label, natural)) / (len(columns) + 1)

    lefts, rights = [], []
    at = label_right
    for data_width in data_widths:
        at += style.gap_mm + spare
        lefts.append(at)
        at += data_width
        rights.append(at)
    return Layout(
        style.margin_mm,
        label_right,
        columns,
        tuple(rights),
        tuple(lefts),
        at + style.plot_gap_mm,
        plot_right,
        numbers,
        weight_right,
        weight_header,
        form,
    )


def _widen_for_groups(
    columns: tuple[DataColumn, ...], widths: list[float], display: Display, style: Style
) -> None:
    """Widen the first column of a group whose heading is wider than its columns together."""
    for group in dict.fromkeys(column.group for column in columns if column.group):
        members = [index for index, column in enumerate(columns) if column.group == group]
        together = sum(widths[i] for i in members) + style.gap_mm * (len(members) - 1)
        heading = width(clean(group_name(group, display)), style.font_size, True)
        widths[members[0]] += max(0.0, heading - together)


def mark_width(marks: str, style: Style) -> float:
    """The width of the raised marks after a label, with the gap before them."""
    return width(marks, style.mark_size) + 0.3 if marks else 0.0


def _number_column(
    result: Result, style: Style, rows: Iterable[Row], form: NumberFormat, right: float
) -> NumberColumn:
    texts = [(row.bold, number_texts(row, form, style)) for row in rows]
    estimate, low, high = (
        max((width(parts[i], style.font_size, bold) for bold, parts in texts), default=0.0)
        for i in range(3)
    )
    space = 1.4 * width(" ", style.font_size)
    total = estimate + space + low + space + high
    name = capital(result.measure.natural)
    name = f"{name} (%)" if form.factor == 100 else name
    opening, _, closing = style.brackets
    header = (
        *wrap(name, max(total, 30.0), style.font_size, bold=True),
        f"{opening}{level_text(result.primary.settings)}{closing}",
    )
    wanted = max(total, *(width(line, style.font_size, True) for line in header))
    inset = (wanted - total) / 2
    high_right = right - inset
    low_right = high_right - high - space
    estimate_right = low_right - low - space
    return NumberColumn(right - wanted, right, estimate_right, low_right, high_right, header)


def number_texts(row: Row, form: NumberFormat, style: Style) -> tuple[str, str, str]:
    """Estimate and limits as three texts, empty where the row has none."""
    opening, between, closing = style.brackets
    estimate = "" if row.estimate is None else form.text(row.estimate)
    if row.low is None or row.high is None:
        return estimate, "", (f"{opening}{ABSENT}{closing}" if estimate else "")
    low = f"{opening}{form.text(row.low)}{between.rstrip()}"
    return estimate, low, f"{form.text(row.high)}{closing}"
