"""What mean and variance a whole can have whose parts are known within rounding, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from metamill.tables.printed import Interval


@dataclass(frozen=True)
class Part:
    """Size, and the intervals of mean and SD, of one group of patients."""

    n: int
    mean: Interval
    sd: Interval | None


def whole_mean(parts: Sequence[Part]) -> Interval:
    """The means that a whole of these parts can have."""
    size = sum(part.n for part in parts)
    low = sum((part.n * part.mean[0] for part in parts), Fraction(0))
    high = sum((part.n * part.mean[1] for part in parts), Fraction(0))
    return low / size, high / size


def whole_variance(parts: Sequence[Part]) -> Interval:
    """Bounds of the variance of a whole; every part has an SD.

    Sums of squares within the parts are taken with n and n - 1, the whole's with N and N - 1,
    whichever is wider: papers use both. Between the parts the smallest is exact; the largest is
    bounded by that around the mean of the middles of the intervals, which no smaller one exceeds.
    """
    size = sum(part.n for part in parts)
    within = [Fraction(0), Fraction(0)]
    for part in parts:
        assert part.sd is not None, "asked for parts with an SD only"
        within[0] += (part.n - 1) * max(part.sd[0], Fraction(0)) ** 2
        within[1] += part.n * part.sd[1] ** 2
    middle = sum((part.n * (part.mean[0] + part.mean[1]) / 2 for part in parts), Fraction(0)) / size
    farthest = sum(
        (
            part.n * max(abs(part.mean[0] - middle), abs(part.mean[1] - middle)) ** 2
            for part in parts
        ),
        Fraction(0),
    )
    return (within[0] + _least_between(parts)) / size, (within[1] + farthest) / max(size - 1, 1)


def _least_between(parts: Sequence[Part]) -> Fraction:
    """The smallest sum of n (m - M)^2 over all means within their intervals.

    The sum of squared distances from M to the intervals is convex in M, with a derivative that is
    linear between their ends: its zero lies where it changes sign.
    """

    def squares(centre: Fraction) -> Fraction:
        return sum((p.n * _distance(centre, p.mean) ** 2 for p in parts), Fraction(0))

    def slope(centre: Fraction) -> Fraction:
        return sum((p.n * _distance(centre, p.mean) for p in parts), Fraction(0))

    ends = sorted({end for part in parts for end in part.mean})
    for left, right in pairwise(ends):
        if slope(left) <= 0 <= slope(right):
            rise = slope(right) - slope(left)
            at = left if rise == 0 else left - slope(left) * (right - left) / rise
            return squares(at)
    return min(squares(end) for end in ends)


def _distance(x: Fraction, interval: Interval) -> Fraction:
    """From the interval to x, with its sign; 0 within."""
    low, high = interval
    return x - high if x > high else min(x - low, Fraction(0))
