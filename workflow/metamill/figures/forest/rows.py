"""What a forest plot says, row by row, before anything has a place: words and numbers only."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from metamill.explored.common import LeftOut
from metamill.figures.axes.effect_words import is_silent
from metamill.figures.forest.bias import bias_cells, bias_headers
from metamill.figures.forest.columns import DataColumn, shown_cells
from metamill.figures.page.text import tied
from metamill.figures.style import Style
from metamill.figures.subgroups import first_subgroups, subgroup_of
from metamill.results import Analysis, Effect, Pooled, Result, held_effects
from metamill.wording import (
    EQUAL_EFFECTS,
    capital,
    effects_name,
    flag_words,
    heterogeneity_words,
    jama_p_text,
    level_words,
    model_words,
    number_text,
    own_notes,
    p_text,
    result_format,
    subgroup_words,
    typeset,
)

SQUARE, DIAMOND, PREDICTION, LIMITS = "square", "diamond", "prediction", "limits"
HELD_OUT = "held out"
NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True)
class Row:
    """One row: a label, cells of data, and what is drawn and printed of an interval.

    `shape` is one of square, diamond, prediction, limits, held out, or empty: nothing is drawn.
    `weight` is in per cent; `share` is the weight relative to the largest, None where there are
    no weights. `told` stands in place of numbers. A `wide` row runs on under the data columns.
    `bias` holds the kinds of the study's judgements, or words in their place. A row that is kept
    `with_next` is not parted from the row below by the end of a page; `section` is the heading
    under which a row stands.
    """

    label: str
    marks: str = ""
    data: tuple[str, ...] = ()
    low: float | None = None
    estimate: float | None = None
    high: float | None = None
    shape: str = ""
    weight: float | None = None
    share: float | None = None
    told: str = ""
    bold: bool = False
    italic: bool = False
    soft: bool = False
    wide: bool = False
    indent: int = 0
    space_above: bool = False
    with_next: bool = False
    bias: tuple[str, ...] = ()
    section: str = ""


@dataclass
class Footnotes:
    """Marks in the order in which their notes first occur: letters for rows that are pooled,
    numbers for rows that are not; in brackets, or a letter would read as part of a year."""

    letters: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)

    def flags(self, flags: Sequence[str]) -> str:
        for flag in flags:
            count = len(self.letters)
            mark = chr(ord("a") + count % 26) * (1 + count // 26)
            self.letters.setdefault(flag_words(flag), mark)
        marks = ",".join(self.letters[flag_words(flag)] for flag in flags)
        return f"({marks})" if marks else ""

    def reason(self, reason: str) -> str:
        return f"({self.numbers.setdefault(capital(reason), str(len(self.numbers) + 1))})"

    def lines(self) -> list[tuple[str, str]]:
        """(mark, note) of each footnote."""
        return [
            (f"({mark})", note)
            for table in (self.letters, self.numbers)
            for note, mark in table.items()
        ]


@dataclass(frozen=True)
class Content:
    """The rows above the axis, the lines beside it, the rows not pooled, and the notes."""

    rows: tuple[Row, ...]
    lines: tuple[str, ...]
    left_out: tuple[Row, ...]
    footnotes: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def content(
    result: Result, columns: tuple[DataColumn, ...], style: Style, order: str = "table"
) -> Content:
    """Everything a forest plot of the primary analysis says, subgroups included.

    `order` is one of config.figures.ORDERS; rows that are equal by it stay as in the table.
    """
    primary, footnotes, cells = result.primary, Footnotes(), shown_cells(result)
    weights = {effect.row: effect.weight for effect in primary.effects}
    largest = max((weight or 0.0 for weight in weights.values()), default=0.0)
    bias, headers = {item.study.casefold(): item for item in result.bias}, bias_headers(result.bias)

    def study(effect: Effect, indent: int = 0) -> Row:
        row, weight = result.rows[effect.row], weights.get(effect.row)
        silent = is_silent(effect)
        return Row(
            row.label,
            marks=footnotes.flags(_told_flags(effect.flags, silent)),
            data=tuple(column.text(cells[effect.row]) for column in columns),
            low=None if silent else effect.ci_low,
            estimate=None if silent else effect.estimate,
            high=None if silent else effect.ci_high,
            shape="" if silent else SQUARE,
            weight=weight,
            share=None if weight is None or largest <= 0 else weight / largest,
            told=NOT_ESTIMABLE if silent else "",
            indent=indent,
            bias=bias_cells(bias.get(row.study.casefold()), headers),
        )

    parts = first_subgroups(result)
    p_words = jama_p_text if style.jama_p else p_text
    rows: list[Row] = []
    if parts:
        for part in parts:
            rows += _subgroup(part, result, columns, study, order, p_words)
        rows += [
            Row(tied(subgroup_words(test, p_words)), wide=True, soft=True, space_above=True)
            for test in result.subgroup_tests[:1]
        ]
    else:
        rows += [study(effect) for effect in ordered(primary.effects, result, order)]
    kind = "EE" if primary.settings["method"] in EQUAL_EFFECTS else "RE"
    name = style.mean_name.format(kind=kind) or effects_name(primary.settings)
    rows += _pooled_rows(primary, columns, name)
    held = held_effects(result)
    left_out = tuple(
        _left_out(item, result, columns, footnotes, cells[item.row], held.get(item.row))
        for item in primary.left_out
    )
    return Content(
        tuple(rows),
        tuple(tied(line) for line in _lines(primary, result, p_words)),
        left_out,
        tuple(footnotes.lines()),
        tuple(_notes(primary, result)),
    )


def _told_flags(flags: Sequence[str], silent: bool) -> list[str]:
    """A row that shows no effect needs no word on how its effect came about."""
    return [flag for flag in flags if not (silent and flag.startswith("continuity correction"))]


def ordered(effects: Sequence[Effect], result: Result, order: str) -> list[Effect]:
    """Effects in one of config.figures.ORDERS; what a row does not have comes last."""
    weights = {effect.row: effect.weight for effect in result.primary.effects}

    def number(cell: str) -> float:
        try:
            return float(cell)
        except ValueError:
            return inf

    def key(effect: Effect) -> tuple[float, str]:
        row = result.rows[effect.row]
        if order == "label":
            return 0.0, row.label.casefold()
        if is_silent(effect):
            return inf, ""
        sizes = {
            "year": number(row.cells.get("year", "")),
            "effect": effect.estimate,
            "weight": -(weights.get(effect.row) or 0.0),
            "size": inf if effect.size is None else -effect.size,
        }
        return sizes.get(order, 0.0), ""

    return sorted(effects, key=key)


def _subgroup(
    part: Analysis,
    result: Result,
    columns: tuple[DataColumn, ...],
    study: Callable[[Effect, int], Row],
    order: str,
    p_words: Callable[[float | None], str],
) -> list[Row]:
    """A level's heading, its studies as the primary analysis has them, and its pooled rows."""
    primary = {effect.row: effect for effect in result.primary.effects}
    label = level_words(subgroup_of(part)[1])
    heading = Row(label, bold=True, wide=True, space_above=True, with_next=True)
    effects = ordered([primary.get(item.row, item) for item in part.effects], result, order)
    rows = [heading, *(replace(study(effect, 1), section=label) for effect in effects)]
    if part.pooled.k < 2:
        return rows
    rows += [replace(row, indent=1) for row in _pooled_rows(part, columns, "Subtotal")]
    rows = [replace(row, space_above=row is rows[0]) for row in rows]
    words = heterogeneity_words(part.pooled, result.measure, p_words)
    notes = [] if part.pooled.pooled else own_notes(part.pooled, part.effects)
    told = [f"Heterogeneity: {words}"] if words else []
    told += [capital(note) for note in notes]
    if told:
        rows[-1] = replace(rows[-1], with_next=True)
    rows += [Row(tied(text), wide=True, soft=True, indent=1) for text in told]
    return [rows[0], *(replace(row, section=label) for row in rows[1:])]


def _pooled_rows(analysis: Analysis, columns: tuple[DataColumn, ...], name: str) -> list[Row]:
    """The rows of the mean and of the prediction interval; none for a single study."""
    pooled = analysis.pooled
    if pooled.k < 2:
        return []
    mean = Row(
        tied(f"{name}, k = {pooled.k}"),
        data=tuple(column.foot(analysis.totals) for column in columns),
        low=pooled.ci_low,
        estimate=pooled.estimate,
        high=pooled.ci_high,
        bold=True,
        space_above=True,
    )
    if pooled.estimate is None:
        return [replace(mean, label=tied(f"No pooled estimate, k = {pooled.k}"))]
    if not pooled.pooled:
        label = tied(f"Exact limits of the total, k = {pooled.k}")
        return [replace(mean, label=label, shape=LIMITS)]
    if pooled.pi_low is None or pooled.pi_high is None:
        return [replace(mean, shape=DIAMOND)]
    prediction = Row(
        "Prediction interval",
        low=pooled.pi_low,
        high=pooled.pi_high,
        shape=PREDICTION,
        soft=pooled.pi_doubtful,
    )
    return [replace(mean, shape=DIAMOND, with_next=True), prediction]


def _lines(
    primary: Analysis, result: Result, p_words: Callable[[float | None], str]
) -> Iterable[str]:
    """The model, heterogeneity and test of the whole, or why there is no model."""
    pooled = primary.pooled
    if not pooled.pooled:
        yield from (f"{capital(note)}." for note in own_notes(pooled, primary.effects))
        return
    yield f"{model_words(primary.settings)}."
    if pooled.marginal is not None:
        form = result_format(result)
        mean = form.text(pooled.marginal) + form.suffix
        yield f"The estimate is the median over studies; the mean over studies is {mean}."
    words = heterogeneity_words(pooled, result.measure, p_words)
    if words:
        yield f"Heterogeneity: {words}."
    if pooled.p_value is not None:
        null = "no change" if result.measure.family == "change" else "no effect"
        yield f"Test of {null}: {p_words(pooled.p_value)}."


def _left_out(
    item: LeftOut,
    result: Result,
    columns: tuple[DataColumn, ...],
    footnotes: Footnotes,
    cells: dict[str, str],
    held: Effect | None,
) -> Row:
    """A row that is not pooled; with its effect as printed where the audit holds it out."""
    row = Row(
        result.rows[item.row].label,
        marks=footnotes.reason(typeset(item.reason)),
        data=tuple(column.text(cells) for column in columns),
        soft=True,
    )
    if held is None or is_silent(held):
        return row
    return replace(row, shape=HELD_OUT, low=held.ci_low, estimate=held.estimate, high=held.ci_high)


def _notes(primary: Analysis, result: Result) -> Iterable[str]:
    if primary.pooled.pooled:
        yield from (f"{capital(note)}." for note in own_notes(primary.pooled, primary.effects))
    yield from _subgroup_notes(primary, result)
    below = sum((effect.weight or 0.0) < 0 for effect in primary.effects)
    if below:
        noun = "row has a weight" if below == 1 else "rows have weights"
        yield f"{number_text(below, 0)} {noun} below 0, which no square can show."
    others = len(result.not_reported)
    if others:
        studies = "study of the review gives" if others == 1 else "studies of the review give"
        yield f"{number_text(others, 0)} other {studies} no data for this analysis."


def _subgroup_notes(primary: Analysis, result: Result) -> Iterable[str]:
    """What must be known of pooled subgroups and not of the whole, with their names."""
    whole = own_notes(primary.pooled, primary.effects)
    levels: dict[str, list[str]] = {}
    for part in first_subgroups(result):
        if part.pooled.pooled:
            for note in own_notes(part.pooled, part.effects):
                if note not in whole:
                    levels.setdefault(note, []).append(level_words(subgroup_of(part)[1]))
    yield from (f"{', '.join(names)}: {note}." for note, names in levels.items())


def weights_are_approximate(pooled: Pooled) -> bool:
    return pooled.weights == "approximate"
