"""What a printed number can have been before it was rounded, in exact arithmetic.

A number printed with d decimals stands for the closed interval of half a unit of its last digit
around it, which holds every rounding rule (half up, half down, half to even). Cells are texts:
"2.30" says more than "2.3".
"""

from decimal import Decimal
from fractions import Fraction

Interval = tuple[Fraction, Fraction]
"""Both ends belong to it."""


def value(cell: str) -> Fraction:
    """The number that stands in a cell which the reader accepted as one."""
    return Fraction(Decimal(cell))


def unit(cell: str) -> Fraction:
    """One unit of the last digit printed; 1 for whole numbers, however many zeros they end in."""
    exponent = Decimal(cell).as_tuple().exponent
    assert isinstance(exponent, int), "the reader accepts numbers only"
    return Fraction(10) ** min(exponent, 0)


def rounded(cell: str) -> Interval:
    """All values that some rule of rounding prints as `cell`."""
    half = unit(cell) / 2
    return value(cell) - half, value(cell) + half


def truncated(cell: str) -> Interval:
    """All values that print as `cell` where further digits are cut off, and the end of them."""
    x, step = value(cell), unit(cell)
    return (x, x + step) if not cell.startswith("-") else (x - step, x)
