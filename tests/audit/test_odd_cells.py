"""Cells that a reader accepts and nobody prints: the checks answer at once, whatever they say."""

import time
from fractions import Fraction

import pytest

from metamill.audit.review import check_row
from metamill.audit.rows import Scale, scale_of

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
    began = time.monotonic()
    for measure in ("MN", "PR", ""):
        for finding in check_row(cells, scale_of(cells, scale), measure):
            assert finding.arithmetic
    assert time.monotonic() - began < 5
