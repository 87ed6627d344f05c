"""The columns of extracted data that a forest plot shows beside a study, by measure."""

from dataclasses import dataclass
from math import pi

from metamill.config.settings import Display
from metamill.results import MeasureText, Pooled, Result, StudyRow
from metamill.wording import ABSENT, count_text

TREATMENT, CONTROL = "treatment", "control"


@dataclass(frozen=True)
class DataColumn:
    """One column: cells of the table in a template, under a header of one or two lines.

    `total` names the pooled number that belongs at its foot; `group` joins neighbouring columns
    under one heading.
    """

    header: tuple[str, ...]
    cells: tuple[str, ...]
    template: str = "{}"
    total: str = ""
    group: str = ""

    def text(self, row: StudyRow) -> str:
        """What the table prints for the row; a dash where it prints nothing."""
        values = [row.cells.get(name, "") for name in self.cells]
        if not any(values):
            return ABSENT
        return self.template.format(*(value or ABSENT for value in values))

    def foot(self, pooled: Pooled) -> str:
        value = getattr(pooled, self.total) if self.total else None
        return "" if value is None else count_text(value)


def _arms(*columns: tuple[str, tuple[str, ...], str]) -> tuple[DataColumn, ...]:
    return tuple(
        DataColumn((header,), tuple(f"{cell}_{arm}" for cell in cells), template, group=arm)
        for arm in (TREATMENT, CONTROL)
        for header, cells, template in columns
    )


_EVENTS = DataColumn(("Events",), ("events",), total="events")
_SIZE = DataColumn(("n",), ("n",), total="n")
_MEAN_SD = "{} ({})"
_TWO_COUNTS = _arms(("Events", ("events",), "{}"), ("Total", ("total",), "{}"))
_TWO_RATES = _arms(("Events", ("events",), "{}"), ("Time", ("time",), "{}"))
_TWO_MEANS = _arms(("Mean (SD)", ("mean", "sd"), _MEAN_SD), ("n", ("n",), "{}"))

_ONE_COUNT = (_EVENTS, DataColumn(("Total",), ("total",), total="n"))
_ONE_RATE = (_EVENTS, DataColumn(("Time",), ("time",), total="n"))
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


def data_columns(result: Result) -> tuple[DataColumn, ...]:
    """The columns to show for a result; none where its table has none of them."""
    present = {name for row in result.rows for name, cell in row.cells.items() if cell}
    layout = LAYOUTS[result.measure.code]
    complete = all(name in present for column in layout for name in column.cells)
    return layout if complete else ()


def group_name(group: str, display: Display) -> str:
    return {TREATMENT: display.treatment, CONTROL: display.control}.get(group, "")


def bounds(measure: MeasureText, display: Display) -> tuple[float, float]:
    """The values that the measure can take, from its family and the limits of the score."""
    infinite = float("inf")
    if measure.family == "proportion":
        return 0.0, 1.0
    if measure.family == "rate":
        return 0.0, infinite
    if measure.family == "correlation" or measure.code == "RD":
        return -1.0, 1.0
    if measure.code == "AS":
        return -pi / 2, pi / 2
    if measure.family == "mean":
        low = -infinite if display.minimum is None else display.minimum
        return low, infinite if display.maximum is None else display.maximum
    raw = measure.code in ("MC", "MD")
    if raw and display.minimum is not None and display.maximum is not None:
        reach = display.maximum - display.minimum
        return -reach, reach
    return -infinite, infinite
