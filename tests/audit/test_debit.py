"""DEBIT, against every count of ones."""

from fractions import Fraction

import pytest
from brute_force import ROUNDINGS, printed, printed_root

from metamill.audit.finding import IMPOSSIBLE, QUESTION, Group
from metamill.audit.summary.debit import debit_fits
from metamill.audit.summary.grim import admissible_sums
from metamill.audit.summary.grimmer import Ends, grimmer_fits
from metamill.audit.summary.group import check_group
from metamill.tables.printed import rounded

ZERO_ONE = {"step": Fraction(1), "low": Fraction(0), "high": Fraction(1)}


def squared_sd(ones: int, n: int, divisor: int) -> Fraction:
    """Variance of n values of which `ones` are 1 and the others 0, with n - 1 or n as divisor."""
    return Fraction(ones * (n - ones), n * divisor)


def fits(mean, sd, n, divisor):
    return debit_fits(admissible_sums(rounded(mean), n, Fraction(1)), rounded(sd), n, divisor)


@pytest.mark.parametrize("n", [2, 3, 7, 16, 40, 101])
@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_a_pair_passes_exactly_when_some_count_prints_as_it(n, decimals):
    pairs = {
        (printed(Fraction(k, n), decimals, a), printed_root(squared_sd(k, n, n - 1), decimals, b))
        for k in range(n + 1)
        for a in ROUNDINGS.values()
        for b in ROUNDINGS.values()
    }
    unit = Fraction(1, 10**decimals)
    sds = [printed(k * unit, decimals, ROUNDINGS["half up"]) for k in range(0, 75, 3)]
    sds = sorted({*sds, *(sd for _, sd in pairs)})[:120]
    for mean in sorted({mean for mean, _ in pairs})[:40]:
        for sd in sds:
            assert fits(mean, sd, n, n - 1) == ((mean, sd) in pairs), (mean, sd)


@pytest.mark.parametrize(
    ("mean", "sd", "n"), [("0.05", "0.22", 207), ("0.58", "0.49", 183), ("0.3", "0.4", 16)]
)
def test_valid_binary_pairs_that_a_single_total_would_refuse_pass(mean, sd, n):
    assert fits(mean, sd, n, n - 1) or fits(mean, sd, n, n)
    assert not list(check_group(Group({"n": str(n), "mean": mean, "sd": sd}, **ZERO_ONE)))


def test_the_published_example_is_refused():
    # Heathers and Brown: 0.36 and 0.11 in 20; the mean alone is refused too
    assert not fits("0.36", "0.11", 20, 19)
    assert not fits("0.35", "0.11", 20, 19)
    group = Group({"n": "20", "mean": "0.35", "sd": "0.11"}, **ZERO_ONE)
    (finding,) = check_group(group)
    assert (finding.check, finding.level, finding.allowed) == ("debit", IMPOSSIBLE, "SD 0.49")


def test_an_sd_with_divisor_n_is_a_question():
    group = Group({"n": "4", "mean": "0.5", "sd": "0.5"}, **ZERO_ONE)
    (finding,) = check_group(group)
    assert (finding.check, finding.level) == ("debit", QUESTION)
    assert "divisor n instead of n - 1" in finding.arithmetic


def test_it_agrees_with_grimmer_on_the_range_from_0_to_1():
    for n in (5, 12, 33):
        for k in range(n + 1):
            mean = printed(Fraction(k, n), 2, ROUNDINGS["half even"])
            sums = admissible_sums(rounded(mean), n, Fraction(1))
            for s in range(60):
                sd = rounded(f"{s / 100:.2f}")
                grimmer = grimmer_fits(sums, sd, n, n - 1, Fraction(1), Ends(0, 1, False))
                assert debit_fits(sums, sd, n, n - 1) == grimmer


def test_it_speaks_only_of_zeros_and_ones():
    for other in ({"high": Fraction(2)}, {"low": None}, {"step": None}, {"items": 2}):
        group = Group({"n": "20", "mean": "0.35", "sd": "0.11"}, **(ZERO_ONE | other))
        assert "debit" not in [finding.check for finding in check_group(group)]


def test_a_million_patients_take_no_time():
    assert fits("0.5", "0.5", 10**12, 10**12 - 1)
    assert not fits("0.5", "0.4", 10**12, 10**12 - 1)
