"""The power printed in docs/audit/summaries.md is what the checks have."""

import re
from pathlib import Path

import pytest
from power_of_checks import debit, grim, grimmer, slip

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit" / "summaries.md"
SLIPS = ("standard error", "variance", "times 1.8", "interquartile range")
MEASURED = {"GRIM": grim, "GRIMMER": grimmer, "DEBIT": debit} | {
    name: (lambda n, name=name: slip(name, n)) for name in SLIPS
}


def printed_power():
    """(what, n, per cent) of every row of the tables of power."""
    rows = re.findall(r"^\| ([\w. ]+?) \| n = (\d+) \| (\d+) % \|$", PAGE.read_text("utf-8"), re.M)
    return [(what, int(n), int(share)) for what, n, share in rows]


def test_power_is_printed_for_every_check_and_slip():
    assert {what for what, _, _ in printed_power()} == set(MEASURED)


@pytest.mark.parametrize(("what", "n", "share"), printed_power())
def test_the_printed_power_is_measured(what, n, share):
    assert round(100 * MEASURED[what](n)) == share
