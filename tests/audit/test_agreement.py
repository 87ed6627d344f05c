"""Agreement of two extractors: hand-worked and published examples, other software, brute force."""

import math
import random
import warnings
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metamill.audit.second.agreement import (
    FEWEST_FOR_ICC,
    FEWEST_FOR_LIMITS,
    Z95,
    bland_altman,
    cohen_kappa,
    icc,
)

CLOSED_FORM = 1e-12
LEVELS = "abcd"
levels = st.sampled_from(LEVELS)
judgements = st.lists(st.tuples(levels, levels), min_size=1, max_size=40)
printed = st.decimals(min_value=-999, max_value=999, places=2, allow_nan=False)
numbers = st.lists(st.tuples(printed, printed), min_size=FEWEST_FOR_ICC, max_size=30)


def spread_out(counts: dict[tuple[str, str], int]) -> list[tuple[str, str]]:
    return [pair for pair, count in counts.items() for _ in range(count)]


def decimals(*columns: list[float]) -> list[tuple[Decimal, ...]]:
    return [tuple(Decimal(str(x)) for x in row) for row in zip(*columns, strict=True)]


def swapped(pairs):
    return [(second, first) for first, second in pairs]


def test_two_by_two_worked_by_hand():
    # po = 35/50 = 0.7, pe = 0.5 x 0.6 + 0.5 x 0.4 = 0.5, kappa = 0.2/0.5 = 0.4;
    # A = 0.4 (1 - 1.1 x 0.6)^2 + 0.3 (1 - 0.9 x 0.6)^2 = 0.10972
    # B = 0.6^2 [0.1 (0.6 + 0.5)^2 + 0.2 (0.4 + 0.5)^2] = 0.10188, C = (0.4 - 0.5 x 0.6)^2 = 0.01
    # var = (A + B - C)/(50 x 0.5^2) = 0.2016/12.5 = 0.016128
    pairs = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    found = cohen_kappa(spread_out(pairs))
    half = 1.959963984540054 * math.sqrt(0.016128)
    assert found.pairs == 50 and found.reason == ""
    assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.4 - half, 0.4 + half))


def test_three_by_three_of_fleiss_levin_and_paik():
    # Diagnoses of 100 patients by two raters: po = 0.89, pe = 0.64 + 0.005 + 0.015 = 0.66, so that
    # kappa = 0.23/0.34 = 0.68, with a standard error that worked by hand is 0.0877.
    pairs = {
        ("psychotic", "psychotic"): 75,
        ("psychotic", "neurotic"): 1,
        ("psychotic", "organic"): 4,
        ("neurotic", "psychotic"): 5,
        ("neurotic", "neurotic"): 4,
        ("neurotic", "organic"): 1,
        ("organic", "organic"): 10,
    }
    found = cohen_kappa(spread_out(pairs))
    assert found.value == pytest.approx(0.23 / 0.34, rel=CLOSED_FORM)
    assert found.high is not None and found.value is not None
    assert (found.high - found.value) / Z95 == pytest.approx(0.0877, abs=5e-5)


@pytest.mark.parametrize("seed", range(30))
def test_kappa_and_its_error_are_those_of_statsmodels(seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsmodels.stats.inter_rater import cohens_kappa
    draw = random.Random(seed)
    size = draw.randint(2, 6)
    table = [[draw.randint(0, 9) + 9 * (i == j) for j in range(size)] for i in range(size)]
    pairs = spread_out({(i, j): table[i][j] for i in range(size) for j in range(size)})
    ours, theirs = cohen_kappa(pairs), cohens_kappa(np.array(table))
    assert ours.value == pytest.approx(theirs.kappa, rel=CLOSED_FORM)
    half = Z95 * theirs.std_kappa
    assert ours.low == pytest.approx(max(-1, theirs.kappa - half), rel=1e-9)
    assert ours.high == pytest.approx(min(1, theirs.kappa + half), rel=1e-9)


def kappa_of(shares: dict[tuple[str, str], complex]) -> complex:
    """Kappa of a table of shares, by its definition."""
    names = {level for pair in shares for level in pair}
    agreed = sum(shares.get((x, x), 0) for x in names)
    chance = sum(
        sum(p for (a, _), p in shares.items() if a == x)
        * sum(p for (_, b), p in shares.items() if b == x)
        for x in names
    )
    return (agreed - chance) / (1 - chance)


@given(judgements)
def test_kappa_is_its_definition_and_its_error_the_delta_method_by_brute_force(pairs):
    found, n = cohen_kappa(pairs), len(pairs)
    by_chance = Fraction(sum(a == b for (a, _), (_, b) in product(pairs, pairs)), n * n)
    agreed = Fraction(sum(a == b for a, b in pairs), n)
    if by_chance == 1:
        assert found.value is None and "one level only" in found.reason
        return
    assert found.value == pytest.approx(float((agreed - by_chance) / (1 - by_chance)))
    shares = {pair: count / n for pair, count in Counter(pairs).items()}
    # the multinomial delta method, with derivatives by a complex step
    slopes = {
        pair: (kappa_of(shares | {pair: share + 1e-30j})).imag / 1e-30
        for pair, share in shares.items()
    }
    mean = sum(share * slopes[pair] for pair, share in shares.items())
    variance = sum(share * (slopes[pair] - mean) ** 2 for pair, share in shares.items()) / n
    if found.low is None:
        assert variance == pytest.approx(0, abs=1e-12) and found.reason
    else:
        half = Z95 * math.sqrt(variance)
        assert found.low == pytest.approx(max(-1, found.value - half), abs=1e-9)
        assert found.high == pytest.approx(min(1, found.value + half), abs=1e-9)


@given(judgements)
def test_extractors_may_be_exchanged_and_rows_be_in_any_order(pairs):
    assert cohen_kappa(swapped(pairs)) == cohen_kappa(pairs) == cohen_kappa(sorted(pairs))


@given(st.lists(levels, min_size=1, max_size=30))
def test_identical_levels_have_kappa_1_without_an_interval_or_one_level_and_none(cells):
    found = cohen_kappa([(cell, cell) for cell in cells])
    assert (found.low, found.high) == (None, None)
    if len(set(cells)) == 1:
        assert found.value is None
        assert found.reason == "kappa: not defined, both use one level only"
    else:
        assert found.value == 1
        assert found.reason == "kappa: no interval, its large-sample variance is zero"


def test_kappa_is_0_by_definition_where_one_extractor_has_one_level():
    found = cohen_kappa([("a", "a")] * 18 + [("a", "b")] * 2)
    assert (found.value, found.low, found.high) == (0, None, None)
    assert found.reason == "kappa: 0 by definition, one extractor uses one level only"


def test_no_pair_has_no_kappa():
    found = cohen_kappa([])
    assert found.pairs == 0 and found.value is None and found.reason


WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_bland_altman_1986_two_peak_flow_meters():
    # The paper prints a mean difference of -2.1 l/min and a standard deviation of 38.8; its limits
    # take 2 for 1.96.
    found = bland_altman(decimals(WRIGHT, MINI))
    assert found.bias == pytest.approx(-2.1, abs=0.05)
    assert found.low is not None and found.high is not None
    assert (found.high - found.low) / (2 * Z95) == pytest.approx(38.8, abs=0.05)


def test_shrout_and_fleiss_1979_table_2_icc_2_1():
    judges = [
        [9, 6, 8, 7, 10, 6],
        [2, 1, 4, 1, 5, 2],
        [5, 3, 6, 2, 6, 4],
        [8, 2, 8, 6, 9, 7],
    ]
    assert icc(decimals(*judges)).value == pytest.approx(0.29, abs=0.005)


@given(numbers)
def test_limits_and_icc_are_those_of_plain_arrays(pairs):
    table = np.array(pairs, dtype=float)
    apart = table[:, 0] - table[:, 1]
    limits, found = bland_altman(pairs), icc(pairs)
    half = Z95 * apart.std(ddof=1)
    close = {"rel": 1e-9, "abs": 1e-9}
    assert limits.bias == pytest.approx(apart.mean(), **close)
    assert limits.low == pytest.approx(apart.mean() - half, **close)
    assert limits.high == pytest.approx(apart.mean() + half, **close)
    if np.ptp(table) == 0:
        assert found.value is None and "all numbers are the same" in found.reason
        return
    n, k = table.shape
    rows, readers = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    between = k * rows.var(ddof=1)
    judges = n * readers.var(ddof=1)
    left = ((table - rows - readers + table.mean()) ** 2).sum() / ((n - 1) * (k - 1))
    expected = (between - left) / (between + (k - 1) * left + k * (judges - left) / n)
    assert found.value == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_icc_is_that_of_the_mean_squares_of_statsmodels():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from statsmodels.formula.api import ols
        from statsmodels.stats.anova import anova_lm
    n, k = len(WRIGHT), 2
    long = pd.DataFrame(
        {
            "x": [*WRIGHT, *MINI],
            "study": [*range(n), *range(n)],
            "reader": [0] * n + [1] * n,
        }
    )
    between, judges, left = anova_lm(ols("x ~ C(study) + C(reader)", long).fit())["mean_sq"]
    expected = (between - left) / (between + (k - 1) * left + k * (judges - left) / n)
    assert icc(decimals(WRIGHT, MINI)).value == pytest.approx(expected, rel=CLOSED_FORM)


@given(numbers)
def test_exchanging_extractors_turns_the_limits_round_and_keeps_the_icc(pairs):
    one, other = bland_altman(pairs), bland_altman(swapped(pairs))
    assert (one.bias, one.low, one.high) == (-other.bias, -other.high, -other.low)
    mine, yours = icc(pairs).value, icc(swapped(pairs)).value
    assert (mine is None) == (yours is None)
    if mine is not None:
        assert mine == pytest.approx(yours, rel=1e-9, abs=1e-9)


@given(st.lists(printed, min_size=FEWEST_FOR_ICC, max_size=30))
def test_identical_numbers_have_limits_0_and_icc_1_or_none(cells):
    pairs = [(cell, cell) for cell in cells]
    limits, found = bland_altman(pairs), icc(pairs)
    assert (limits.bias, limits.low, limits.high) == (0, 0, 0)
    if len(set(cells)) == 1:
        assert found.value is None
    else:
        assert found.value == pytest.approx(1, rel=CLOSED_FORM)


@given(numbers, st.sampled_from(["1e-200", "0.001", "7", "1e90"]))
def test_the_unit_of_measurement_scales_the_limits_and_not_the_icc(pairs, unit):
    scaled = [tuple(x * Decimal(unit) for x in pair) for pair in pairs]
    one, other = bland_altman(pairs), bland_altman(scaled)
    assert other.bias == pytest.approx(one.bias * float(unit), rel=1e-9, abs=0)
    assert other.high - other.low == pytest.approx(
        float(unit) * (one.high - one.low), rel=1e-6, abs=float(unit) * 1e-9
    )
    mine, yours = icc(pairs).value, icc(scaled).value
    assert yours == (None if mine is None else pytest.approx(mine, rel=1e-9, abs=1e-9))


def test_a_constant_shift_has_limits_of_no_width():
    pairs = [(Decimal(i) / 10, Decimal(i) / 10 + Decimal("0.1")) for i in range(3, 10)]
    found = bland_altman(pairs)
    assert (found.bias, found.low, found.high) == (-0.1, -0.1, -0.1)


def test_a_large_origin_costs_no_digits():
    pairs = [(x + 10**14, y + 10**14) for x, y in decimals(WRIGHT, MINI)]
    near, far = decimals(WRIGHT, MINI), pairs
    assert bland_altman(far) == bland_altman(near)
    assert icc(far) == icc(near)


@pytest.mark.parametrize("n", range(7))
def test_limits_need_three_pairs_and_the_icc_five(n):
    pairs = decimals(WRIGHT[:n], MINI[:n])
    limits, found = bland_altman(pairs), icc(pairs)
    assert (limits.bias is not None) == (n >= FEWEST_FOR_LIMITS)
    assert (found.value is not None) == (n >= FEWEST_FOR_ICC)
    assert bool(limits.reason) == (n < 3) and bool(found.reason) == (n < 5)
