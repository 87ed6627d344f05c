"""Every sample of a few whole numbers, and summaries printed under named rules of rounding."""

from collections import defaultdict
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement

ROUNDINGS = {"half up": ROUND_HALF_UP, "half even": ROUND_HALF_EVEN, "half down": ROUND_HALF_DOWN}
TRUNCATION = ROUND_DOWN
_PRECISE = Context(prec=80)


@cache
def samples(n, width):
    """All n whole numbers from 0 to width, in order."""
    return tuple(combinations_with_replacement(range(width + 1), n))


@cache
def squares_by_sum(n, width, reached):
    """sum -> the sums of squares that samples have; `reached`: both ends occur."""
    found = defaultdict(set)
    for x in samples(n, width):
        if not reached or (x[0] == 0 and x[-1] == width):
            found[sum(x)].add(sum(v * v for v in x))
    return dict(found)


def spread(values):
    """Sum of squares about the mean."""
    return sum(v * v for v in values) - Fraction(sum(values)) ** 2 / len(values)


def printed(x, decimals, rounding):
    """The exact number x as a table prints it."""
    exact = _PRECISE.divide(Decimal(x.numerator), Decimal(x.denominator))
    # a tie is a tie only in exact arithmetic, and terminates well within 80 digits
    return str(exact.quantize(Decimal(1).scaleb(-decimals), rounding, _PRECISE))


def printed_root(square, decimals, rounding):
    """The square root of an exact number as a table prints it."""
    square = Fraction(square)
    root = _PRECISE.sqrt(_PRECISE.divide(Decimal(square.numerator), Decimal(square.denominator)))
    return str(root.quantize(Decimal(1).scaleb(-decimals), rounding, _PRECISE))


def quantile(ordered, position):
    """The value at a position from 1 to n, which may lie between two."""
    position = min(max(position, 1), len(ordered))
    j = int(position)
    above = ordered[min(j, len(ordered) - 1)]
    return ordered[j - 1] + (position - j) * (above - ordered[j - 1])
