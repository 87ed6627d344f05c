"""Smallest and largest SD, against every sample of a few values and the printed tables."""

from fractions import Fraction
from math import sqrt

import pytest
from brute_force import quantile, samples, spread
from hypothesis import given
from hypothesis import strategies as st

from metamill.audit.summary.exact_text import root_text
from metamill.audit.summary.grim import admissible_sums
from metamill.audit.summary.order_statistics import ORDER, ordered_blocks, quartile_positions
from metamill.audit.summary.sd_limits import (
    Block,
    largest,
    smallest,
    smallest_whole,
    sum_limits,
    sum_of_squares,
    total,
)
from metamill.tables.printed import rounded


def blocks_of_range(n, low, high):
    low, high = Fraction(low), Fraction(high)
    ends = (Block(1, low, low), Block(1, high, high))
    return (ends[0], *([Block(n - 2, low, high)] if n > 2 else []), ends[1])


def root(square):
    return root_text(square)


@pytest.mark.parametrize(
    ("n", "low", "high", "mean", "popoviciu", "bhatia_davis", "least", "most"),
    [
        (30, 64, 85, "78", "10.68", "10.07", "2.897", "10.08"),
        (30, 21, 44, "33", "11.70", "11.69", "3.023", "11.70"),
        (30, 7, 9, "8.2", "1.017", "0.9965", "0.4611", "0.9965"),
        (30, 1, 3, "2.3", "1.017", "0.9702", "0.5208", "0.9803"),
        (12, 2, 4, "3", "1.044", "1.044", "0.4264", "1.044"),
        (10, 0, 2, "1", "1.054", "1.054", "0.4714", "1.054"),
    ],
)
def test_the_table_of_worked_groups(n, low, high, mean, popoviciu, bhatia_davis, least, most):
    w, m = Fraction(high - low), Fraction(mean)
    assert root(w**2 / 4 * n / (n - 1)) == popoviciu
    assert root((high - m) * (m - low) * n / (n - 1)) == bhatia_davis
    sums = admissible_sums(rounded(mean), n, Fraction(1))
    ends = (Fraction(sums[0]), Fraction(sums[-1]))
    blocks = blocks_of_range(n, low, high)
    assert root(sum_of_squares(smallest_whole(blocks, sums)) / (n - 1)) == least
    assert root(sum_of_squares(largest(blocks, ends)) / (n - 1)) == most


def test_the_row_that_fails_grim_is_bounded_with_real_values():
    mean = (Fraction("2.165") * 8, Fraction("2.175") * 8)
    blocks = blocks_of_range(8, 2, 3)
    assert root(sum_of_squares(smallest(blocks, mean)) / 7) == "0.3342"
    assert root(sum_of_squares(largest(blocks, mean)) / 7) == "0.3615"


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
def test_whole_numbers_within_a_reached_range_attain_both_bounds(n, width):
    blocks = blocks_of_range(n, 0, width)
    by_sum = {}
    for x in samples(n, width):
        if x[0] == 0 and x[-1] == width:
            by_sum.setdefault(sum(x), []).append(spread(x))
    for first in range(n * width + 1):
        for last in range(first, n * width + 1):
            within = [s for t in range(first, last + 1) for s in by_sum.get(t, [])]
            low = smallest_whole(blocks, range(first, last + 1))
            high = largest(blocks, (Fraction(first), Fraction(last)))
            if not within:
                assert low is None
                assert high is None
                continue
            assert sum_of_squares(low) == min(within)
            assert sum_of_squares(high) == max(within)
            real = smallest(blocks, (Fraction(first), Fraction(last)))
            assert sum_of_squares(real) <= min(within)


limit = st.integers(0, 4)
start = st.fractions(0, 12, max_denominator=7)
length = st.fractions(0, 5, max_denominator=7)


@st.composite
def rising_blocks(draw):
    """Up to four blocks of together at most six values, with rising limits."""
    counts = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4).filter(lambda c: sum(c) <= 6))
    lows = sorted(draw(st.lists(limit, min_size=len(counts), max_size=len(counts))))
    highs = sorted(draw(st.lists(limit, min_size=len(counts), max_size=len(counts))))
    return tuple(
        Block(count, Fraction(min(low, high)), Fraction(max(low, high)))
        for count, low, high in zip(counts, lows, highs, strict=True)
    )


@given(rising_blocks(), st.integers(0, 12), st.integers(0, 6))
def test_whole_numbers_within_any_rising_limits_attain_both_bounds(blocks, first, more):
    n = sum(block.count for block in blocks)
    limits = [block for block in blocks for _ in range(block.count)]
    within = [
        spread(x)
        for x in samples(n, 4)
        if all(b.low <= v <= b.high for v, b in zip(x, limits, strict=True))
        and first <= sum(x) <= first + more
    ]
    low = smallest_whole(blocks, range(first, first + more + 1))
    high = largest(blocks, (Fraction(first), Fraction(first + more)))
    assert (low is None) == (high is None) == (not within)
    if within:
        assert sum_of_squares(low) == min(within)
        assert sum_of_squares(high) == max(within)


@given(rising_blocks(), start, length)
def test_an_extreme_is_a_sample_within_the_limits(blocks, first, more):
    sums = (first, first + more)
    for found in (smallest(blocks, sums), largest(blocks, sums)):
        low, high = sum_limits(blocks)
        assert (found is None) == (max(low, sums[0]) > min(high, sums[1]))
        if found is None:
            continue
        values = [x for count, x in found for _ in range(count)]
        limits = [block for block in blocks for _ in range(block.count)]
        assert values == sorted(values)
        assert all(b.low <= v <= b.high for v, b in zip(values, limits, strict=True))
        assert sums[0] <= total(found) <= sums[1]
        assert sum_of_squares(found) == spread(values)


@given(rising_blocks(), start, length)
def test_real_values_on_a_fine_lattice_approach_the_real_bounds(blocks, first, more):
    fine = 420
    finer = tuple(Block(b.count, b.low * fine, b.high * fine) for b in blocks)
    real = smallest(blocks, (first, first + more))
    whole = smallest_whole(finer, range(int(first * fine), int((first + more) * fine) + 1))
    if real is not None:
        assert whole is not None
        gap = sum_of_squares(whole) / fine**2 - sum_of_squares(real)
        assert 0 <= gap <= Fraction(6, fine**2)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 101])
def test_without_a_mean_the_bounds_are_those_of_the_textbooks(n):
    blocks = blocks_of_range(n, 0, 1)
    sums = sum_limits(blocks)
    assert sum_of_squares(smallest(blocks, sums)) == Fraction(1, 2)
    assert sum_of_squares(largest(blocks, sums)) == Fraction((n // 2) * (n - n // 2), n)


@pytest.mark.parametrize("n", [3, 4, 5, 8, 30, 1000])
def test_a_standard_error_is_always_below_the_smallest_sd(n):
    blocks = blocks_of_range(n, 0, 1)
    high = largest(blocks, sum_limits(blocks))
    low = smallest(blocks, sum_limits(blocks))
    se2 = sum_of_squares(high) / (n - 1) / n
    assert (
        se2 <= Fraction(1, 4 * (n - 1)) < Fraction(1, 2 * (n - 1)) == sum_of_squares(low) / (n - 1)
    )


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_no_sample_breaks_the_limits_of_its_own_order_statistics(n):
    # every definition of a quartile, every subset that is usually printed
    subsets = (ORDER, ("q1", "median", "q3"), ("q1", "q3"), ("min", "max"))
    middle = Fraction(n + 1, 2)
    width = 3 if n > 5 else 4
    for x in samples(n, width)[:: 2 * n - 7]:
        for first, third in quartile_positions(n).values():
            at = dict(zip(ORDER, (Fraction(1), first, middle, third, Fraction(n)), strict=True))
            for names in subsets:
                printed = {name: (quantile(x, at[name]),) * 2 for name in names}
                ways = list(ordered_blocks(n, printed, Fraction(0), Fraction(width)))
                s = (Fraction(sum(x)),) * 2
                lows = [smallest(blocks, s) for blocks in ways]
                highs = [largest(blocks, s) for blocks in ways]
                assert min(sum_of_squares(y) for y in lows if y) <= spread(x)
                assert max(sum_of_squares(y) for y in highs if y) >= spread(x)


def test_quartile_positions_are_those_of_hyndman_and_fan():
    at = {name.split(" (")[0]: first for name, (first, _) in quartile_positions(27).items()}
    assert at["type 7"] == Fraction("7.5")
    assert at["type 6"] == 7
    assert at["type 4"] == Fraction("6.75")
    assert at["type 1"] == at["type 2"] == at["type 3"] == 7
    assert at["hinges"] == Fraction("7.5")
    for n in range(2, 40):
        for first, third in quartile_positions(n).values():
            assert n / 4 - 0.5 <= first <= n / 4 + 0.75
            assert 3 * n / 4 - 0.5 <= third <= 3 * n / 4 + 1.25


def test_quartiles_sharpen_the_smallest_sd_and_the_least_sharp_definition_counts():
    # 2, 21, 54, 78, 103 with mean 50.9 in 27 patients
    printed = dict(zip(ORDER, ((Fraction(x),) * 2 for x in (2, 21, 54, 78, 103)), strict=True))
    sums = (Fraction("50.85") * 27, Fraction("50.95") * 27)
    ways = ordered_blocks(27, printed, Fraction(2), Fraction(103))
    bounds = sorted(sqrt(sum_of_squares(smallest(blocks, sums)) / 26) for blocks in ways)
    assert bounds[0] == pytest.approx(23.40, abs=0.01)
    # quartiles at 7.5, halfway between two values: both are equal to it in the extreme sample
    counts = (1, 5, 2, 5, 1, 5, 2, 5, 1)
    lows = (2, 2, 21, 21, 54, 54, 78, 78, 103)
    highs = (2, 21, 21, 54, 54, 78, 78, 103, 103)
    halfway = zip(counts, lows, highs, strict=True)
    blocks = tuple(Block(k, Fraction(a), Fraction(b)) for k, a, b in halfway)
    assert sqrt(sum_of_squares(smallest(blocks, sums)) / 26) == pytest.approx(25.2, abs=0.05)
