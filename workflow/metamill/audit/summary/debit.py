"""DEBIT: the SD of values that are 0 or 1 follows from how many are 1 (Heathers and Brown 2019)."""

from bisect import bisect_left
from fractions import Fraction
from math import ceil, floor

from metamill.tables.printed import Interval


def debit_fits(sums: range, sd: Interval, n: int, divisor: int) -> bool:
    """Whether some total among `sums` has an SD in the interval.

    k (n - k) rises up to n/2 and falls after it, so each half is searched by bisection.
    """
    least = ceil(max(sd[0], Fraction(0)) ** 2 * n * divisor)
    most = floor(sd[1] ** 2 * n * divisor)
    start, stop = max(sums.start, 0), min(sums.stop, n + 1)
    rising = range(start, min(stop, n // 2 + 1))
    falling = range(stop - 1, max(start, n // 2 + 1) - 1, -1)
    for half in (rising, falling):
        place = bisect_left(half, least, key=lambda k: k * (n - k))
        if place < len(half) and half[place] * (n - half[place]) <= most:
            return True
    return False
