"""GRIMMER: can n values on a lattice have both the printed mean and the printed SD?

Anaya (2016), Allard (2018). With whole x (values in units of the grain), total T and sum of squares
Q, the SD s obeys (divisor) s^2 = Q - T^2/n for a whole Q that is odd or even as T is and lies
between the least and the largest sum of squares of that total. Every T that the mean allows is
tried; the pair is refused only if none has such a Q. Small problems are decided exactly.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, isqrt

from metamill.audit.summary.reachable import any_reached, is_small
from metamill.tables.printed import Interval

MOST_SUMS = 20_000
"""With more totals than this nothing is tried and the pair passes: a miss, never a false flag."""


@dataclass(frozen=True)
class Ends:
    """Least and largest value in units of the grain; `reached` if both are known to occur."""

    low: int
    high: int
    reached: bool


def grimmer_fits(
    sums: range, sd: Interval, n: int, divisor: int, grain: Fraction, ends: Ends | None = None
) -> bool:
    """Whether some total among `sums` goes with an SD in the interval. `divisor` is n - 1 or n."""
    if sums.stop - sums.start > MOST_SUMS:
        return True
    least = divisor * (max(sd[0], Fraction(0)) / grain) ** 2
    most = divisor * (sd[1] / grain) ** 2
    return any(_total_fits(total, least, most, n, ends) for total in sums)


def _total_fits(total: int, least: Fraction, most: Fraction, n: int, ends: Ends | None) -> bool:
    """Whether n values of that total can have a sum of squares about their mean in least..most."""
    square = Fraction(total * total, n)
    low_q, high_q = ceil(least + square), floor(most + square)
    if high_q < low_q:
        return False
    free, low, high = n, *_widest(total, most, n, ends)
    if ends is not None and ends.reached:
        free, total = n - 2, total - low - high
        low_q, high_q = low_q - low**2 - high**2, high_q - low**2 - high**2
    # from here on x - low, from 0 to width
    width = high - low
    shift = -2 * low * total + free * low * low
    low_q, high_q, total = low_q + shift, high_q + shift, total - free * low
    if not 0 <= total <= free * width:
        return False
    if is_small(free, width):
        return any_reached(free, width, total, low_q, high_q)
    low_q, high_q = max(low_q, _least(total, free)), min(high_q, _largest(total, width))
    return low_q + (low_q - total) % 2 <= high_q


def _widest(total: int, most: Fraction, n: int, ends: Ends | None) -> tuple[int, int]:
    """The ends, or how far from the mean one of n values can be: (x - mean)^2 <= SS (n - 1)/n."""
    if ends is not None:
        return ends.low, ends.high
    far = isqrt(ceil(most)) + 1
    return total // n - far, -(-total // n) + far


def _least(total: int, n: int) -> int:
    """Least sum of squares: all values as equal as whole numbers can be."""
    each, over = divmod(total, n) if n else (0, 0)
    return n * each * each + over * (2 * each + 1)


def _largest(total: int, width: int) -> int:
    """Largest sum of squares of values from 0 to width: as many as can be at the upper end."""
    full, rest = divmod(total, width) if width else (0, 0)
    return full * width * width + rest * rest
