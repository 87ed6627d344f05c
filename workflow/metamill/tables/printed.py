"""What a printed number can have been before it was rounded, in exact arithmetic.

A number printed with d decimals stands for the closed interval of half a unit of its last digit
around it, which holds every rounding rule (half up, half down, half to even). Cells are texts:
"2.30" says more than "2.3".
"""

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

Interval = tuple[Fraction, Fraction]
"""Both ends belong to it."""

_NOISE = Fraction(1, 10**12)
"""Half a unit is at least this share of the number: computers write 2.3 as 2.3000000000000003."""
_CELLS = 4096
"""Texts remembered: every check of a row reads the same few."""


@lru_cache(_CELLS)
def value(cell: str) -> Fraction:
    """The number that stands in a cell which the reader accepted as one."""
    return Fraction(Decimal(cell))


@lru_cache(_CELLS)
def unit(cell: str) -> Fraction:
    """One unit of the last digit printed, a power of ten; 1 for whole numbers that end in zeros.

    A number written with an exponent has the unit that its digits say: 100 for "1.5e3". Digits
    finer than the arithmetic of computers say nothing: of 16 digits some 12 count.
    """
    exponent = Decimal(cell).as_tuple().exponent
    assert isinstance(exponent, int), "the reader accepts numbers only"
    last = Fraction(10) ** (exponent if "e" in cell.casefold() else min(exponent, 0))
    finest = 2 * _NOISE * abs(value(cell))
    while last < finest:
        last *= 10
    return last


def decimals(cell: str) -> int:
    """How many digits after the point count."""
    return len(str(unit(cell).denominator)) - 1


@lru_cache(_CELLS)
def rounded(cell: str) -> Interval:
    """All values that some rule of rounding prints as `cell`."""
    half = unit(cell) / 2
    return value(cell) - half, value(cell) + half


@lru_cache(_CELLS)
def truncated(cell: str) -> Interval:
    """All values that print as `cell` where further digits are cut off, and the end of them.

    The end or ends farther from zero print otherwise, and belong to the interval only so that it
    is closed. A zero can come from either side, and so can digits that are a computer's noise.
    """
    x, step = value(cell), unit(cell)
    if not x or x % step:
        return x - step, x + step
    return (x, x + step) if x > 0 else (x - step, x)
