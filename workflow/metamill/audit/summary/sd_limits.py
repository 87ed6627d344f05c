"""The largest and the smallest SD that ordered values within limits can have, given their sum.

Values are described by `Block`s: the i-th smallest value lies between a lower and an upper limit,
and both limits rise with i. This holds a range (von Szokefalvi-Nagy 1918; Bhatia and Davis 2000),
a scale and order statistics such as quartiles alike. Sums of squares are about the mean; every
extreme is returned as a sample that has it, so that it can be checked by hand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from metamill.tables.printed import Interval

Sample = tuple[tuple[int, Fraction], ...]
"""Runs of equal values, rising: how many, which value."""


@dataclass(frozen=True)
class Block:
    """`count` values in a row of the ordered sample with the same limits."""

    count: int
    low: Fraction
    high: Fraction


def total(sample: Sample) -> Fraction:
    return sum((k * x for k, x in sample), Fraction(0))


def sum_of_squares(sample: Sample) -> Fraction:
    """Sum of squares about the mean."""
    n = sum(k for k, _ in sample)
    return sum((k * x * x for k, x in sample), Fraction(0)) - total(sample) ** 2 / n


def sum_limits(blocks: Sequence[Block]) -> Interval:
    """Least and largest sum of such values."""
    return (
        sum((b.count * b.low for b in blocks), Fraction(0)),
        sum((b.count * b.high for b in blocks), Fraction(0)),
    )


def largest(blocks: Sequence[Block], sums: Interval) -> Sample | None:
    """The sample with the largest sum of squares whose sum lies in the interval; None if none does.

    Of two values x <= y neither of which is at its outer limit, moving both apart keeps the sum
    and adds to the squares: all below some value are at their lower limits and all above it at
    their upper ones. From one such sample to the next the sum of squares is convex in the sum, so
    the maximum has no value between its limits or a sum at an end of the interval. Within a block
    it is concave in the number of values at the upper limit, so the turning point is enough.

    With whole limits and whole ends of the interval the sample is whole too.
    """
    within = _common(sums, sum_limits(blocks))
    if within is None:
        return None
    candidates = [_spread_out(blocks, within[0]), _spread_out(blocks, within[1])]
    candidates += [_spread_out(blocks, s) for s in _corner_sums(blocks, within)]
    return max(candidates, key=sum_of_squares)


def smallest(blocks: Sequence[Block], sums: Interval) -> Sample | None:
    """The sample with the smallest sum of squares whose sum lies in the interval; None if none.

    For a given sum every value is as near to one level as its limits let it be. The sum of squares
    is convex in the sum, with its minimum where the level is the mean.
    """
    within = _common(sums, sum_limits(blocks))
    if within is None:
        return None
    best = _filled(blocks, _level_at_the_mean(blocks))
    nearest = min(max(best, within[0]), within[1])
    return _levelled(blocks, _level(blocks, nearest))


def smallest_whole(blocks: Sequence[Block], sums: range) -> Sample | None:
    """`smallest` for whole numbers: limits, values and sums.

    For a given sum every value is at one of two neighbouring levels, or at its limit. Between sums
    that need only one level the sum of squares is concave in the sum, and at those sums it is that
    of `smallest`: the minimum is at an end of `sums` or at a one-level sum next to the best level
    or next to an end.
    """
    within = _common((Fraction(sums.start), Fraction(sums.stop - 1)), sum_limits(blocks))
    if within is None:
        return None
    best = _filled(blocks, _level_at_the_mean(blocks))
    nearest = min(max(best, within[0]), within[1])
    levels = {
        Fraction(whole(_level(blocks, s))) for s in (*within, nearest) for whole in (floor, ceil)
    }
    one_level = {_filled(blocks, level) for level in levels}
    candidates = {*within, *(s for s in one_level if within[0] <= s <= within[1])}
    return min((_two_levels(blocks, s) for s in sorted(candidates)), key=sum_of_squares)


def _common(one: Interval, other: Interval) -> Interval | None:
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else None


def _spread_out(blocks: Sequence[Block], s: Fraction) -> Sample:
    """The sample of sum s with as many values as can be at upper limits, from the top."""
    left = s - sum_limits(blocks)[0]
    runs: list[tuple[int, Fraction]] = []
    for block in reversed(blocks):
        width = block.high - block.low
        top = min(block.count, floor(left / width)) if width else 0
        left -= top * width
        runs.append((top, block.high))
        if left > 0 and top < block.count and width:
            runs.append((1, block.low + left))
            left, top = Fraction(0), top + 1
        runs.append((block.count - top, block.low))
    return _merged(reversed(runs))


def _corner_sums(blocks: Sequence[Block], within: Interval) -> Iterator[Fraction]:
    """Sums without a value between limits, where the sum of squares may be largest."""
    n = sum(block.count for block in blocks)
    base = sum_limits(blocks)[0]
    for block in reversed(blocks):
        width = block.high - block.low
        if not width:
            continue
        first = max(0, ceil((within[0] - base) / width))
        last = min(block.count, floor((within[1] - base) / width))
        turn = ((block.high + block.low) * Fraction(n, 2) - base) / width
        if first <= last:
            for top in {min(max(whole(turn), first), last) for whole in (floor, ceil)}:
                yield base + top * width
        base += block.count * width


def _at(block: Block, level: Fraction) -> Fraction:
    return min(max(level, block.low), block.high)


def _levelled(blocks: Sequence[Block], level: Fraction) -> Sample:
    return _merged((block.count, _at(block, level)) for block in blocks)


def _filled(blocks: Sequence[Block], level: Fraction) -> Fraction:
    free, fixed = 0, Fraction(0)
    for block in blocks:
        if block.low <= level <= block.high:
            free += block.count
        else:
            fixed += block.count * (block.low if level < block.low else block.high)
    return free * level + fixed


def _two_levels(blocks: Sequence[Block], s: Fraction) -> Sample:
    """The most equal whole numbers of sum s."""
    level = Fraction(floor(_level(blocks, s)))
    more = int(s - _filled(blocks, level))
    runs = []
    for block in blocks:
        free = block.count if block.low <= level < block.high else 0
        raised = min(free, more)
        more -= raised
        runs += [(block.count - raised, _at(block, level)), (raised, level + 1)]
    return _merged(sorted(runs, key=lambda run: run[1]))


def _level(blocks: Sequence[Block], s: Fraction) -> Fraction:
    """The level at which the values sum to s, which lies within their limits."""
    return _root(blocks, lambda level: s - _filled(blocks, level))


def _level_at_the_mean(blocks: Sequence[Block]) -> Fraction:
    n = sum(block.count for block in blocks)
    return _root(blocks, lambda level: n * level - _filled(blocks, level), rising=True)


def _root(
    blocks: Sequence[Block], function: Callable[[Fraction], Fraction], rising: bool = False
) -> Fraction:
    """Where a monotone function, linear between the limits of blocks, is 0."""
    points = sorted({x for block in blocks for x in (block.low, block.high)})
    sign = 1 if rising else -1
    before = points[0]
    for point in points:
        here = sign * function(point)
        if here >= 0:
            there = sign * function(before)
            return point if here == there else before - there * (point - before) / (here - there)
        before = point
    return before


def _merged(runs: Iterator[tuple[int, Fraction]] | Sequence[tuple[int, Fraction]]) -> Sample:
    merged: list[tuple[int, Fraction]] = []
    for count, x in runs:
        if not count:
            continue
        if merged and merged[-1][1] == x:
            merged[-1] = (merged[-1][0] + count, x)
        else:
            merged.append((count, x))
    return tuple(merged)
