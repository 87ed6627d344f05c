"""GRIM, against every total and under every rule of rounding."""

from fractions import Fraction

import pytest
from brute_force import ROUNDINGS, TRUNCATION, printed

from metamill.audit.finding import IMPOSSIBLE, INFO, QUESTION, Group
from metamill.audit.summary.exact_text import decimal_text
from metamill.audit.summary.grim import admissible_sums, fitting_sizes, median_fits, only_half_down
from metamill.audit.summary.group_lattice import check_grim, check_median
from metamill.tables.printed import rounded, truncated


def levels(n, mean, step=1, items=1):
    group = Group({"n": str(n), "mean": mean}, step=Fraction(step), items=items)
    return [finding.level for finding in check_grim(group, n)]


@pytest.mark.parametrize(
    ("mean", "n", "expected"),
    [
        ("2.17", 8, [IMPOSSIBLE]),
        ("2.17", 20, [IMPOSSIBLE]),
        ("22.5", 9, [QUESTION]),
        ("22.5", 8, []),
        ("71.3", 27, []),
        ("50.9", 27, []),
        ("14.87", 40, [INFO]),
        ("14.88", 40, []),
        ("14.86", 40, [IMPOSSIBLE]),
        ("3", 12, []),
        ("5.19", 28, [IMPOSSIBLE]),
        ("3.45", 20, []),
        ("0.05", 207, []),
        ("0.58", 183, []),
        ("0.3", 16, []),
        ("1.12", 138, []),
    ],
)
def test_worked_means_get_their_level(mean, n, expected):
    assert levels(n, mean) == expected


@pytest.mark.parametrize("mean", ["8.96", "9.96"])
def test_the_apgar_means_of_inspect_sr_fail_unless_digits_are_cut_off(mean):
    # 269/30 = 8.966..., 299/30 = 9.966...: no rounding prints them so, cutting off does
    assert not admissible_sums(rounded(mean), 30, Fraction(1))
    assert admissible_sums(truncated(mean), 30, Fraction(1))
    assert levels(30, mean) == [QUESTION]


def test_a_failing_mean_names_the_sizes_that_fit_and_the_nearest_totals():
    group = Group({"n": "8", "mean": "2.17"}, step=Fraction(1))
    (finding,) = check_grim(group, 8)
    assert finding.allowed == "n = 6, 12, 18, 23, ..."
    assert "17/8 = 2.125 and 18/8 = 2.25" in finding.arithmetic
    assert "no missing answer" in finding.assumption
    all_sizes = [m for m in range(2, 31) if admissible_sums(rounded("2.17"), m, Fraction(1))]
    assert all_sizes == [6, 12, 18, 23, 24, 29, 30]
    assert fitting_sizes(rounded("2.17"), 8, Fraction(1), 9, 6) == [6, 12, 18, 23, 24, 29, 30]


@pytest.mark.parametrize("step", ["1", "0.5", "2", "5", "0.1"])
@pytest.mark.parametrize("items", [1, 3, 10])
@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
def test_a_printed_mean_is_refused_exactly_when_no_total_prints_as_it(step, items, decimals):
    grain = Fraction(step) / items
    for n in (2, 5, 8, 17):
        unit = Fraction(1, 10**decimals)
        seen = {
            printed(total * grain / n, decimals, rule)
            for total in range(-3, int(3 * n / grain) + 4)
            for rule in ROUNDINGS.values()
        }
        cells = [printed(k * unit, decimals, TRUNCATION) for k in range(int(3 / unit))][:400]
        for cell in cells:
            assert bool(admissible_sums(rounded(cell), n, grain)) == (cell in seen), (cell, n)


def test_half_of_the_power_at_40_and_all_of_it_at_80_is_lost_to_ties():
    def refused(n):
        cells = [f"{k / 100:.2f}" for k in range(100)]
        return sum(not admissible_sums(rounded(c), n, Fraction(1)) for c in cells) / 100

    assert refused(40) == pytest.approx(0.40)
    assert refused(80) == 0
    assert all(refused(n) == 0 for n in (100, 137, 1000))


def test_a_tie_is_told_only_where_neither_usual_rule_prints_it():
    assert only_half_down("14.87", 40, Fraction(1))
    assert only_half_down("-14.87", 40, Fraction(1))
    assert not only_half_down("14.88", 40, Fraction(1))
    assert not only_half_down("14.62", 40, Fraction(1)), "half to even prints 14.625 as 14.62"
    for n in (8, 16, 40, 80):
        for total in range(8 * n):
            half_down = printed(Fraction(total, n), 2, ROUNDINGS["half down"])
            usual = {printed(Fraction(total, n), 2, ROUNDINGS[r]) for r in ("half up", "half even")}
            alone = len(admissible_sums(rounded(half_down), n, Fraction(1))) == 1
            assert only_half_down(half_down, n, Fraction(1)) == (alone and half_down not in usual)


@pytest.mark.parametrize(
    ("median", "n", "fits"),
    [
        ("22.5", 9, False),
        ("22.5", 8, True),
        ("22", 9, True),
        ("22.25", 8, False),
        ("22.3", 8, False),
    ],
)
def test_the_median_of_whole_numbers_is_whole_or_for_even_n_half(median, n, fits):
    assert median_fits(rounded(median), n, Fraction(1)) == fits
    group = Group({"n": str(n), "median": median}, step=Fraction(1))
    assert [f.level for f in check_median(group, n)] == ([] if fits else [IMPOSSIBLE])


def test_a_median_that_fits_when_cut_off_is_a_question():
    group = Group({"n": "3", "median": "0.3"}, step=Fraction(3), items=8)
    assert [f.level for f in check_median(group, 3)] == [QUESTION], "0.375 is one of the values"


@pytest.mark.parametrize("cell", ["1e2", "+3", ".5", "5.", "-0.5", "0", "0.00", "1E-3"])
@pytest.mark.parametrize("step", ["1", "0.5", "1000"])
def test_odd_but_valid_cells_do_not_stop_it(cell, step):
    for items in (1, 7):
        assert set(levels(7, cell, Fraction(step), items)) <= {IMPOSSIBLE, QUESTION, INFO}


def test_exact_numbers_print_without_exponents_or_lost_digits():
    assert decimal_text(Fraction(17, 8)) == "2.125"
    assert decimal_text(Fraction(1, 3)) == "0.333333"
    assert decimal_text(Fraction(10**20)) == "1" + "0" * 20
    assert decimal_text(Fraction(-5, 2)) == "-2.5"
