"""GRIMMER, against every sample of a few whole numbers."""

from fractions import Fraction
from itertools import product

import pytest
from brute_force import ROUNDINGS, printed, printed_root, samples, spread, squares_by_sum

from metamill.audit.finding import IMPOSSIBLE, QUESTION, Group
from metamill.audit.summary import grimmer, reachable
from metamill.audit.summary.grim import admissible_sums
from metamill.audit.summary.grimmer import Ends, grimmer_fits
from metamill.audit.summary.group_lattice import check_sd_lattice
from metamill.tables.printed import rounded

ONE = Fraction(1)


def fits(mean, sd, n, divisor=None, ends=None, grain=ONE):
    sums = admissible_sums(rounded(mean), n, grain)
    return grimmer_fits(sums, rounded(sd), n, divisor or n - 1, grain, ends)


@pytest.mark.parametrize(("n", "width"), [(2, 6), (3, 5), (4, 4), (5, 4), (6, 3), (6, 1)])
@pytest.mark.parametrize("reached", [True, False])
def test_with_a_known_range_a_pair_passes_exactly_when_a_sample_has_it(n, width, reached):
    truth = squares_by_sum(n, width, reached)
    pairs = {
        (
            printed(Fraction(total, n), 2, rule),
            printed_root((squares - Fraction(total**2, n)) / (n - 1), 2, other),
        )
        for total, all_squares in truth.items()
        for squares in all_squares
        for rule, other in product(ROUNDINGS.values(), repeat=2)
    }
    ends = Ends(0, width, reached)
    for mean in sorted({mean for mean, _ in pairs}):
        for s in range(0, 100 * width, 2 if width < 4 else 5):
            sd = f"{s / 100:.2f}"
            assert fits(mean, sd, n, ends=ends) == ((mean, sd) in pairs), (mean, sd)
    assert all(fits(mean, sd, n, ends=ends) for mean, sd in pairs)


@pytest.mark.parametrize(("n", "width"), [(2, 9), (3, 7), (4, 6), (5, 5), (6, 4)])
def test_the_reachable_sums_of_squares_are_those_of_all_samples(n, width):
    truth = squares_by_sum(n, width, False)
    for total, bits in enumerate(reachable.sums_of_squares(n, width)):
        assert {q for q in range(bits.bit_length()) if bits >> q & 1} == truth[total]


@pytest.mark.parametrize(("n", "width"), [(2, 6), (3, 5), (4, 5), (5, 4), (6, 4)])
def test_without_the_exact_set_parity_only_lets_more_pass(n, width, monkeypatch):
    # under-flags: for n of 2, 3 and 4 some sums of squares of the right parity are not reached
    monkeypatch.setattr(grimmer, "is_small", lambda *_: False)
    ends = Ends(0, width, False)
    missed = 0
    for total, squares in squares_by_sum(n, width, False).items():
        least, most = min(squares), max(squares)
        for q in range(least - 3, most + 4):
            square = (q - Fraction(total**2, n)) / (n - 1)
            if square < 0:
                continue
            sd = rounded(printed_root(square, 12, ROUNDINGS["half even"]))
            passes = grimmer_fits(range(total, total + 1), sd, n, n - 1, ONE, ends)
            assert passes or q not in squares
            missed += passes and q not in squares
    assert missed > 0 or n >= 5


def test_a_sum_of_squares_of_the_wrong_parity_is_refused_in_large_problems():
    values = [3, 9, 14, 14, 17, 20, 22, 25, 31, 33, 38, 40]
    assert not reachable.is_small(12, 40)
    ends = Ends(0, 40, False)
    mean = printed(Fraction(sum(values), 12), 2, ROUNDINGS["half up"])
    for more in range(-10, 11):
        sd = printed_root((spread(values) + more) / 11, 5, ROUNDINGS["half up"])
        assert fits(mean, sd, 12, ends=ends) == (more % 2 == 0), more


def test_large_problems_use_bounds_and_parity():
    assert not reachable.is_small(100, 40)
    ends = Ends(0, 40, True)
    assert fits("20.00", "8.00", 100, ends=ends)
    assert not fits("20.00", "20.20", 100, ends=ends)
    assert not fits("9.93", "0.18", 30)


@pytest.mark.parametrize(
    ("mean", "sd", "n"),
    [("0.05", "0.22", 207), ("0.58", "0.49", 183), ("0.3", "0.4", 16), ("1.12", "0.45", 138)],
)
def test_valid_pairs_that_the_nearest_total_would_refuse_pass(mean, sd, n):
    assert fits(mean, sd, n)


def test_the_apgar_example_of_inspect_sr():
    possible = [f"{s / 100:.2f}" for s in range(40) if fits("9.93", f"{s / 100:.2f}", 30)]
    assert possible == ["0.25", "0.37"]
    group = Group({"n": "30", "mean": "9.93", "sd": "0.18"}, step=ONE)
    (finding,) = check_sd_lattice(group, 30)
    assert (finding.check, finding.level, finding.allowed) == ("grimmer", IMPOSSIBLE, "SD 0.25")
    group = Group({"n": "30", "mean": "9.93", "sd": "0.30"}, step=ONE)
    (finding,) = check_sd_lattice(group, 30)
    assert finding.allowed == "SD 0.25 or 0.37"


def test_an_sd_that_only_divisor_n_or_cutting_off_gives_is_a_question():
    x = next(x for x in samples(5, 4) if sum(x) == 9)
    with_n = printed_root(spread(x) / 5, 2, ROUNDINGS["half up"])
    (finding,) = check_sd_lattice(Group({"n": "5", "mean": "1.8", "sd": with_n}, step=ONE), 5)
    assert finding.level == QUESTION
    assert "divisor n instead of n - 1" in finding.arithmetic
    (finding,) = check_sd_lattice(Group({"n": "30", "mean": "9.93", "sd": "0.36"}, step=ONE), 30)
    assert finding.level == QUESTION, "0.3651 is cut off to 0.36"


def test_a_mean_that_fails_is_left_to_grim():
    assert not list(check_sd_lattice(Group({"n": "8", "mean": "2.17", "sd": "0.83"}, step=ONE), 8))


def test_the_lattice_of_several_items_is_finer():
    grain = Fraction(1, 3)
    values = [Fraction(k, 3) for k in (2, 5, 5, 7, 9)]
    mean = printed(sum(values) / 5, 2, ROUNDINGS["half up"])
    sd = printed_root(spread(values) / 4, 2, ROUNDINGS["half up"])
    assert fits(mean, sd, 5, grain=grain)
    assert not fits(mean, sd, 5), "whole numbers have no such mean"
    assert not fits(mean, "0.05", 5, grain=grain)


def test_too_many_totals_pass_untried():
    assert fits("5", "0.001", 10**9)
    assert len(admissible_sums(rounded("5"), 10**9, ONE)) > grimmer.MOST_SUMS
