"""The power printed in docs/audit/summaries.md is what the checks have."""

import re
from pathlib import Path

import pytest
from power_of_checks import debit, grim, grimmer, slip, variance_of_pain

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit" / "summaries.md"
SLIPS = ("standard error", "variance", "times 1.8", "interquartile range")
MEASURED = {"GRIM": grim, "GRIMMER": grimmer, "DEBIT": debit} | {
    name: (lambda n, name=name: slip(name, n)) for name in SLIPS
}


def printed_power():
    """(what, n, per cent held, per cent held or asked) of every row of the table of power."""
    form = r"^\| ([\w. ]+?) \| n = (\d+) \| (\d+) % \| (\d+) % \|$"
    rows = re.findall(form, PAGE.read_text("utf-8"), re.M)
    return [(what, *map(int, numbers)) for what, *numbers in rows]


def test_power_is_printed_for_every_check_and_slip():
    assert {what for what, *_ in printed_power()} == set(MEASURED)


@pytest.mark.parametrize(("what", "n", "held", "told"), printed_power())
def test_the_printed_power_is_measured(what, n, held, told):
    assert tuple(round(100 * share) for share in MEASURED[what](n)) == (held, told)


def test_the_power_against_variances_of_pain_is_measured():
    rows = re.findall(r"(\d+) % at SD ([\d.]+)", PAGE.read_text("utf-8"))
    assert len(rows) >= 3
    for held, sd in rows:
        assert round(100 * variance_of_pain(float(sd))[0]) == int(held)
