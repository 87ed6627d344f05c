"""A change that a row prints is audited as a group of its own."""

import random
from fractions import Fraction
from statistics import mean, stdev

import pytest

from metamill.audit.families import check_groups
from metamill.audit.finding import HOLDING
from metamill.audit.rows import Scale

WHOLE = Scale(step=Fraction(1), low=Fraction(0), high=Fraction(100))


def found(cells: dict[str, str], scale: Scale = WHOLE) -> dict[str, str]:
    return {item.check: item.level for item in check_groups(cells, scale, "MC")}


def test_an_sd_of_changes_beyond_both_ends_of_the_scale_is_impossible() -> None:
    cells = {"n": "30", "mean_change": "-9.1", "sd_change": "150"}
    assert found(cells)["sd_maximum"] == "impossible"
    assert "sd_maximum" not in found(cells | {"sd_change": "98"})


def test_a_change_near_the_end_of_the_scale_has_little_room() -> None:
    cells = {"n": "10", "mean_change": "-90.0", "sd_change": "60.0"}
    assert found(cells)["sd_maximum"] in ("impossible", "question")


def test_a_mean_change_that_no_whole_numbers_have_is_asked_about() -> None:
    assert found({"n": "10", "mean_change": "-10.23"}) == {"grim": "question"}
    assert found({"n": "10", "mean_change": "-10.2"}) == {}


def test_without_a_change_there_is_no_group() -> None:
    assert found({"n": "10"}) == {}


@pytest.mark.parametrize("digits", [0, 1, 2])
def test_no_true_change_is_held(digits: int) -> None:
    source = random.Random(digits)
    for _ in range(1500):
        n = source.randint(2, 60)
        scores = [(source.randint(0, 100), source.randint(0, 100)) for _ in range(n)]
        changes = [after - before for before, after in scores]
        cells = {
            "n": str(n),
            "mean_change": f"{mean(changes):.{digits}f}",
            "sd_change": f"{stdev(changes):.{digits}f}",
        }
        assert not {check: lv for check, lv in found(cells).items() if lv in HOLDING}, cells
