"""Where the columns of a forest plot go: every text is measured before anything is placed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from metamill.config.settings import Display
from metamill.figures.forest.bias import bias_headers
from metamill.figures.forest.columns import DataColumn, group_name
from metamill.figures.forest.rows import Content, Row, weights_are_approximate
from metamill.figures.page.text import clean, width, wrap
from metamill.figures.style import Style
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
    """Where the columns are, in mm from the left edge.

    `bias` are the centres of the columns of symbols and `bias_right` their end; `text_right` is
    where rows of words, which run on under the columns beside the labels, must end.
    """

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
    bias: tuple[float, ...]
    bias_right: float
    text_right: float
    form: NumberFormat


@dataclass(frozen=True)
class _Block:
    """One column before it has a place; `index` counts the columns of data."""

    kind: str
    wide: float
    index: int = 0


def lay_out(
    result: Result,
    display: Display,
    style: Style,
    said: Content,
    columns: tuple[DataColumn, ...],
    left_off: Iterable[str],
    plot_min: float,
) -> Layout:
    """Give every column the width of its widest text; label and plot share what is left.

    `left_off` names columns ("weight", "bias") not to show. The plot has plot_min at least, unless
    the page is too narrow: then the layout ends beyond its right margin.
    """
    form, left_off = result_format(result), tuple(left_off)
    rows = (*said.rows, *said.left_out)

    def wide(text: str, bold: bool = False) -> float:
        return width(text, style.font_size, bold)

    blocks: dict[str, list[_Block]] = {"label": [_Block("label", 0.0)], "plot": [_Block("plot", 0)]}
    data_widths = [
        max(
            *(wide(line, True) for line in column.header),
            *(wide(row.data[index], row.bold) for row in rows if row.data),
            0.0,
        )
        for index, column in enumerate(columns)
    ]
    _widen_for_groups(columns, data_widths, display, style)
    blocks["data"] = [_Block("data", w, i) for i, w in enumerate(data_widths)]
    header: tuple[str, ...] = ()
    weights = [row.weight for row in said.rows if row.weight is not None]
    if weights and "weight" not in left_off:
        approximate = weights_are_approximate(result.primary.pooled)
        header = ("Approx.", "weight (%)") if approximate else ("Weight", "(%)")
        texts = [wide(number_text(weight, 1)) for weight in weights]
        blocks["weight"] = [_Block("weight", max(*texts, *(wide(line, True) for line in header)))]
    headers = bias_headers(result.bias) if any(row.bias for row in said.rows) else ()
    judged = [max(wide(header, True), style.symbol_mm) + 0.8 for header in headers]
    if headers and "bias" not in left_off:
        blocks["bias"] = [_Block("bias", sum(judged))]
    numbers = _number_column(result, style, rows, form)
    blocks["numbers"] = [_Block("numbers", numbers.right)]
    line = [block for name in style.columns for block in blocks.get(name, ())]

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
    natural = max(natural, wide(style.study_header, True), style.label_min_mm)
    gaps = [_gap(one, two, style) for one, two in pairwise(line)]
    fixed = sum(block.wide for block in line) + sum(gaps) + 2 * style.margin_mm
    if line[-1].kind == "plot":
        fixed += max(0.0, wide("100.0") / 2 - style.margin_mm + 0.3)
    room = display.width_mm - fixed
    plot = min(max(room - natural, plot_min), style.plot_max_mm)
    label = max(room - plot, style.label_min_mm)
    used = min(label, natural)
    between = [i for i in range(len(gaps)) if "plot" not in (line[i].kind, line[i + 1].kind)]
    spare = (label - used) / max(len(between), 1)
    if not between:
        used += min(label - used, max(0.0, style.text_min_mm - used))
        plot += label - used

    at = style.margin_mm
    places: dict[tuple[str, int], tuple[float, float]] = {}
    for i, block in enumerate(line):
        wanted = {"label": used, "plot": plot}.get(block.kind, block.wide)
        places[block.kind, block.index] = at, at + wanted
        at += wanted
        if i < len(gaps):
            at += gaps[i] + (spare if i in between else 0.0)
    plot_left, plot_right = places["plot", 0]
    numbers_left = places["numbers", 0][0]
    bias_left = places.get(("bias", 0), (0.0, 0.0))[0]
    return Layout(
        label_left=style.margin_mm,
        label_right=places["label", 0][1],
        data=columns,
        data_rights=tuple(places["data", i][1] for i in range(len(columns))),
        data_lefts=tuple(places["data", i][0] for i in range(len(columns))),
        plot_left=plot_left,
        plot_right=plot_right,
        numbers=_moved(numbers, numbers_left),
        weight_right=places["weight", 0][1] if ("weight", 0) in places else None,
        weight_header=header,
        bias=tuple(
            bias_left + sum(judged[:i]) + judged[i] / 2
            for i in range(len(judged) if ("bias", 0) in places else 0)
        ),
        bias_right=places.get(("bias", 0), (0.0, 0.0))[1],
        text_right=plot_left - style.plot_gap_mm,
        form=form,
    )


def _gap(one: _Block, two: _Block, style: Style) -> float:
    return style.plot_gap_mm if "plot" in (one.kind, two.kind) else style.gap_mm


def _widen_for_groups(
    columns: tuple[DataColumn, ...], widths: list[float], display: Display, style: Style
) -> None:
    """Widen the first column of a group whose heading is wider than its columns together."""
    for group in dict.fromkeys(column.group for column in columns if column.group):
        members = [index for index, column in enumerate(columns) if column.group == group]
        together = sum(widths[i] for i in members) + style.gap_mm * (len(members) - 1)
        heading = max(
            width(line, style.font_size, True) for line in group_lines(group, display, style)
        )
        widths[members[0]] += max(0.0, heading - together)


def group_lines(group: str, display: Display, style: Style) -> list[str]:
    """The name of a group over its columns, on as many lines as its length asks."""
    return wrap(clean(group_name(group, display)), style.group_max_mm, style.font_size, True)


def mark_width(marks: str, style: Style) -> float:
    """The width of the raised marks after a label, with the gap before them."""
    return width(marks, style.mark_size) + 0.3 if marks else 0.0


def _number_column(
    result: Result, style: Style, rows: Iterable[Row], form: NumberFormat
) -> NumberColumn:
    """The column as if it began at 0."""
    rows = tuple(rows)
    texts = [(row.bold, number_texts(row, form, style)) for row in rows]
    estimate, low, high = (
        max((width(parts[i], style.font_size, bold) for bold, parts in texts), default=0.0)
        for i in range(3)
    )
    told = max((width(row.told, style.font_size) for row in rows), default=0.0)
    space = 1.4 * width(" ", style.font_size)
    total = estimate + space + low + (space if low else 0.0) + high
    name = capital(result.measure.natural)
    name = f"{name} (%)" if form.factor == 100 else name
    opening, _, closing = style.brackets
    header = (
        *wrap(name, max(total, 30.0), style.font_size, bold=True),
        f"{opening}{level_text(result.primary.settings)}{closing}",
    )
    wanted = max(total, told, *(width(line, style.font_size, True) for line in header))
    high_right = wanted - (wanted - total) / 2
    low_right = high_right - high - space
    estimate_right = low_right - low - (space if low else 0.0)
    return NumberColumn(0.0, wanted, estimate_right, low_right, high_right, header)


def _moved(column: NumberColumn, left: float) -> NumberColumn:
    places = ("left", "right", "estimate", "low", "high")
    return replace(column, **{name: getattr(column, name) + left for name in places})


def number_texts(row: Row, form: NumberFormat, style: Style) -> tuple[str, str, str]:
    """Estimate and limits as three texts, empty where the row has none.

    Where nothing parts the limits but a dash, they are one text.
    """
    opening, between, closing = style.brackets
    estimate = "" if row.estimate is None else form.text(row.estimate)
    if row.low is None or row.high is None:
        return estimate, "", (f"{opening}{ABSENT}{closing}" if estimate else "")
    if between == between.strip():
        return estimate, "", f"{opening}{form.text(row.low)}{between}{form.text(row.high)}{closing}"
    low = f"{opening}{form.text(row.low)}{between.rstrip()}"
    return estimate, low, f"{form.text(row.high)}{closing}"
