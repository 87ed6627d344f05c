"""GRIM: which totals can a printed mean of n values on a lattice come from?

Brown and Heathers (2017): n values that are multiples of `grain` have a total that is one too, so
that their mean is a multiple of grain/n. All arithmetic is exact.
"""

from fractions import Fraction
from itertools import islice
from math import ceil, floor

from metamill.tables.printed import Interval, rounded, unit, value

_FAR = 1000
"""How many sizes are tried on each side of the printed one."""


def admissible_sums(mean: Interval, n: int, grain: Fraction) -> range:
    """Totals, in units of `grain`, of n values whose mean lies in the interval. May be empty."""
    return range(ceil(mean[0] * n / grain), floor(mean[1] * n / grain) + 1)


def fitting_sizes(
    mean: Interval, n: int, grain: Fraction, below: int = 2, above: int = 3
) -> list[int]:
    """The nearest sizes other than n that could have the mean: some smaller, some larger.

    Sizes are searched within 1000 of n and from 2 on.
    """
    smaller = (m for m in range(n - 1, max(1, n - _FAR), -1) if admissible_sums(mean, m, grain))
    larger = (m for m in range(n + 1, n + _FAR) if admissible_sums(mean, m, grain))
    return [*reversed(list(islice(smaller, below))), *islice(larger, above)]


def neighbours(mean: Fraction, n: int, grain: Fraction) -> tuple[int, int]:
    """The totals, in units of `grain`, on either side of n times the mean."""
    lower = floor(mean * n / grain)
    return lower, lower + 1


def only_half_down(cell: str, n: int, grain: Fraction) -> bool:
    """Whether the only mean that fits is a tie, printed as neither half up nor half even has it.

    595/40 = 14.875 is printed as 14.88 by both; 14.87 is rounded half down, or cut off.
    """
    sums, (low, high), x = admissible_sums(rounded(cell), n, grain), rounded(cell), value(cell)
    outer = high if x > 0 else low
    odd_last_digit = (x / unit(cell)) % 2 == 1
    return sums.stop - sums.start == 1 and sums.start * grain / n == outer and odd_last_digit


def median_fits(median: Interval, n: int, grain: Fraction) -> bool:
    """Whether n values on the lattice can have the median: one of them, or the mean of two."""
    step = grain if n % 2 else grain / 2
    return ceil(median[0] / step) <= floor(median[1] / step)
