"""The columns of extracted data that a forest plot shows beside a study, by family of measure."""

from dataclasses import dataclass

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

LAYOUTS: dict[str, tuple[tuple[DataColumn, ...], ...]] = {
    "proportion": ((_EVENTS, DataColumn(("Total",), ("total",), total="n")),),
    "rate": ((_EVENTS, DataColumn(("Time",), ("time",), total="n")),),
    "mean": ((_SIZE, DataColumn(("Mean (SD)",), ("mean", "sd"), _MEAN_SD)),),
    "change": (
        (
            _SIZE,
            DataColumn(("Before:", "mean (SD)"), ("mean_pre", "sd_pre"), _MEAN_SD),
            DataColumn(("After:", "mean (SD)"), ("mean_post", "sd_post"), _MEAN_SD),
        ),
    ),
    "ratio": (_TWO_COUNTS, _TWO_RATES, _TWO_MEANS),
    "difference": (_TWO_COUNTS, _TWO_RATES, _TWO_MEANS),
}
"""For each family its layouts; the first whose columns the table has is used."""

_OTHERWISE = ((_SIZE,),)


def data_columns(result: Result) -> tuple[DataColumn, ...]:
    """The columns to show for a result; none where its table has none of them."""
    present = {name for row in result.rows for name, cell in row.cells.items() if cell}
    for layout in LAYOUTS.get(result.measure.family, _OTHERWISE):
        if all(name in present for column in layout for name in column.cells):
            return layout
    return ()


def group_name(group: str, display: Display) -> str:
    return {TREATMENT: display.treatment, CONTROL: display.control}.get(group, "")


def bounds(measure: MeasureText, display: Display) -> tuple[float, float]:
    """The values that the measure can take, from its family and the limits of the score."""
    infinite = float("inf")
    if measure.family == "proportion":
        return 0.0, 1.0
    if measure.family == "mean":
        low = -infinite if display.minimum is None else display.minimum
        return low, infinite if display.maximum is None else display.maximum
    raw = measure.code in ("MC", "MD")
    if raw and display.minimum is not None and display.maximum is not None:
        reach = display.maximum - display.minimum
        return -reach, reach
    return -infinite, infinite
