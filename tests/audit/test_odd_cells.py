"""Cells that a reader accepts and nobody prints: the checks answer at once, whatever they say.

Limits are seconds of the processor, so that a run beside this one is no fault.
"""

import time
from fractions import Fraction
from itertools import product

import pytest

from metamill.audit.review import check_row
from metamill.audit.rows import Scale, scale_of
from metamill.tables.codebook import COLUMNS, COUNT, Column

LARGEST = "999999999"
WIDE = Scale(low=Fraction(0), high=Fraction(100))
DIGITS = {"mean": "5." + "1" * 30, "sd": "2." + "3" * 30, "min": "0.5", "max": "9." + "9" * 30}


@pytest.mark.parametrize(
    ("cells", "scale"),
    [
        ({"mean": "7", "sd": "2", "n": LARGEST, "step": "1e-9", "items": LARGEST}, Scale()),
        ({"mean": "7", "sd": "2", "n": "30", "step": "1e-21"}, Scale()),
        ({"mean": "7", "sd": "2", "n": "30"}, Scale(step=Fraction(1, 10**300))),
        ({"mean": "7", "sd": "2", "n": "30"}, Scale(step=Fraction(10**300))),
        ({"mean": "5", "sd": "2", "n": "30", "min": "0", "max": "1e99"}, Scale()),
        ({"mean": "5", "sd": "1e-99", "n": "2", "min": "1e99", "max": "9e99"}, Scale()),
        ({**DIGITS, "n": LARGEST, "step": "1e-9"}, Scale()),
        ({"mean": "50", "sd": "3", "n": LARGEST, "min": "0", "max": "100", "step": "1"}, WIDE),
        ({"mean": "50.00", "sd": "3.00", "n": "300", "step": "1", "items": "100"}, WIDE),
        ({"events": "999999998", "total": LARGEST, "percent": "0.0000000001"}, Scale()),
        ({"percent": "33." + "3" * 30, "total": LARGEST}, Scale()),
    ],
)
def test_an_odd_row_is_answered_at_once(cells: dict[str, str], scale: Scale) -> None:
    began = time.process_time()
    for measure in ("MN", "PR", ""):
        for finding in check_row(cells, scale_of(cells, scale), measure):
            assert finding.arithmetic
    assert time.process_time() - began < 5


ODD = (
    "0E20",
    "-0E20",
    "0e99",
    "0e-99",
    "1E20",
    "-1E20",
    "9e99",
    "1e-99",
    "-1e-99",
    "0",
    "1e0",
    LARGEST,
)
"""Zero and whole numbers too, whose last printed digit stands for more than any range can count."""

ROWS = (
    {"n": "8", "mean": "2.17", "sd": "0.83", "min": "2", "max": "3", "step": "1"},
    {"n": "8", "mean": "0.25", "sd": "0.46", "min": "0", "max": "1", "step": "1", "items": "1"},
    {"n": "31", "median": "5", "q1": "2.5", "q3": "8", "min": "0", "max": "10", "step": "0.5"},
    {"n": "30", "mean_pre": "78", "sd_pre": "5.4", "mean_post": "33", "sd_post": "9.1"}
    | {"min_pre": "64", "max_pre": "85", "step": "2"},
    {"n_treatment": "20", "mean_treatment": "3.1", "sd_treatment": "1.2", "n_control": "22"}
    | {"mean_control": "4.4", "sd_control": "1.4", "estimate": "-1.3", "ci_low": "-2.1"}
    | {"ci_high": "-0.5", "p_difference": "0.002"},
    {"events": "5", "total": "27", "percent": "18.5", "ci_low": "6.3", "ci_high": "38.1"},
    {"events_treatment": "3", "total_treatment": "40", "events_control": "9"}
    | {"total_control": "41", "estimate": "0.34", "ci_low": "0.10", "ci_high": "1.17"},
)


def _is_read(column: Column, cell: str) -> bool:
    """Whether the reader lets the cell through: a count in digits only, within the limits."""
    x = float(cell)
    if column.kind == COUNT and not cell.isdigit():
        return False
    return (
        (column.minimum is None or x >= column.minimum)
        and (column.maximum is None or x <= column.maximum)
        and (column.above is None or x > column.above)
        and (column.below is None or x < column.below)
    )


@pytest.mark.parametrize("cells", ROWS, ids=lambda cells: next(iter(cells)) + str(len(cells)))
def test_one_odd_cell_in_any_place_is_answered(cells: dict[str, str]) -> None:
    began, asked = time.process_time(), 0
    for name, odd, scale in product(cells, ODD, (Scale(), WIDE)):
        if not _is_read(COLUMNS[name], odd):
            continue
        changed = cells | {name: odd}
        for measure in ("MN", "PR", "MD", "OR", ""):
            assert all(f.arithmetic for f in check_row(changed, scale_of(changed, scale), measure))
            asked += 1
    assert time.process_time() - began < asked / 20
