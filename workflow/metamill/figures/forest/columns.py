"""The columns of extracted data that a forest plot shows beside a study, by measure."""

from collections.abc import Mapping
from dataclasses import dataclass

from metamill.config.settings import Display
from metamill.results import Result
from metamill.wording import ABSENT, count_text

TREATMENT, CONTROL = "treatment", "control"


@dataclass(frozen=True)
class DataColumn:
    """One column: cells of the table in a template, under a header of one or two lines.

    `totals` says whether the sums of its cells belong at its foot; `group` joins neighbouring
    columns under one heading.
    """

    header: tuple[str, ...]
    cells: tuple[str, ...]
    template: str = "{}"
    totals: bool = False
    group: str = ""

    def text(self, cells: Mapping[str, str]) -> str:
        """What a row prints; a dash where it prints nothing."""
        values = [cells.get(name, "") for name in self.cells]
        if not any(values):
            return ABSENT
        return self.template.format(*(value or ABSENT for value in values))

    def foot(self, totals: Mapping[str, float]) -> str:
        if not self.totals or not all(name in totals for name in self.cells):
            return ""
        return self.template.format(*(count_text(totals[name]) for name in self.cells))


def _arms(*columns: tuple[str, tuple[str, ...], str, bool]) -> tuple[DataColumn, ...]:
    return tuple(
        DataColumn((header,), tuple(f"{cell}_{arm}" for cell in cells), template, totals, arm)
        for arm in (TREATMENT, CONTROL)
        for header, cells, template, totals in columns
    )


_MEAN_SD = "{} ({})"
_SIZE = DataColumn(("n",), ("n",), totals=True)
_TWO_COUNTS = _arms(("Events", ("events",), "{}", True), ("Total", ("total",), "{}", True))
_TWO_RATES = _arms(("Events", ("events",), "{}", True), ("Time", ("time",), "{}", True))
_TWO_MEANS = _arms(("Mean (SD)", ("mean", "sd"), _MEAN_SD, False), ("n", ("n",), "{}", True))

_ONE_COUNT = (
    DataColumn(("Events",), ("events",), totals=True),
    DataColumn(("Total",), ("total",), totals=True),
)
_ONE_RATE = (
    DataColumn(("Events",), ("events",), totals=True),
    DataColumn(("Time",), ("time",), totals=True),
)
_ONE_MEAN = (_SIZE, DataColumn(("Mean (SD)",), ("mean", "sd"), _MEAN_SD))
_CHANGE = (
    _SIZE,
    DataColumn(("Before:", "mean (SD)"), ("mean_pre", "sd_pre"), _MEAN_SD),
    DataColumn(("After:", "mean (SD)"), ("mean_post", "sd_post"), _MEAN_SD),
)

LAYOUTS: dict[str, tuple[DataColumn, ...]] = {
    **dict.fromkeys(("PR", "PLN", "PLO", "PAS", "PFT"), _ONE_COUNT),
    **dict.fromkeys(("IR", "IRLN", "IRS"), _ONE_RATE),
    "MN": _ONE_MEAN,
    **dict.fromkeys(("MC", "SMCC", "SMCR"), _CHANGE),
    **dict.fromkeys(("OR", "RR", "RD", "AS"), _TWO_COUNTS),
    **dict.fromkeys(("MD", "SMD", "ROM"), _TWO_MEANS),
    **dict.fromkeys(("IRR", "IRD"), _TWO_RATES),
    **dict.fromkeys(("COR", "ZCOR", "GEN"), (_SIZE,)),
}
"""For each measure its columns; a correlation is printed as the estimate already."""


def data_columns(result: Result, merged: bool = False) -> tuple[DataColumn, ...]:
    """The columns to show for a result: those that some row fills.

    `merged` prints a number of events and its total in one column.
    """
    present = {name for cells in shown_cells(result) for name, cell in cells.items() if cell}
    layout = _merged(LAYOUTS[result.measure.code]) if merged else LAYOUTS[result.measure.code]
    return tuple(column for column in layout if any(name in present for name in column.cells))


def _merged(layout: tuple[DataColumn, ...]) -> tuple[DataColumn, ...]:
    """Events and total of one group as one column "events/total"."""
    columns: list[DataColumn] = []
    for column in layout:
        last = columns[-1] if columns else None
        if last and last.group == column.group and last.header == ("Events",):
            header = (f"Events/{column.header[0].lower()}",)
            cells = last.cells + column.cells
            columns[-1] = DataColumn(header, cells, "{}/{}", True, column.group)
        else:
            columns.append(column)
    return tuple(columns)


def shown_cells(result: Result) -> tuple[dict[str, str], ...]:
    """The cells of every row, with what the primary analysis derived where the table is silent.

    Whole numbers are printed as counts are everywhere.
    """
    cells = [
        {
            name: count_text(int(cell)) if cell.isdecimal() else cell
            for name, cell in row.cells.items()
        }
        for row in result.rows
    ]
    for item in result.derived:
        if not cells[item.row].get(item.column):
            cells[item.row][item.column] = count_text(item.value)
    return tuple(cells)


def group_name(group: str, display: Display) -> str:
    return {TREATMENT: display.treatment, CONTROL: display.control}.get(group, "")
