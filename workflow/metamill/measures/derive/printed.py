"""What a printed number can have been before it was rounded.

A number printed with d decimals stands for the closed interval of half a unit of its last digit
around it, which holds every rounding rule (half up, half down, half to even).
"""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

Span = tuple[float, float]


def _half_unit(cell: str) -> Fraction:
    exponent = Decimal(cell).as_tuple().exponent
    assert isinstance(exponent, int), "the reader accepts numbers only"
    return Fraction(10) ** min(exponent, 0) / 2


def span(cell: str) -> Span:
    """Smallest and largest value that print as `cell`; whole numbers are exact to the unit."""
    value, half = Fraction(Decimal(cell)), _half_unit(cell)
    return float(value - half), float(value + half)


def overlap(a: Span, b: Span) -> bool:
    """Whether two intervals share a point, up to the rounding of their computation."""
    slack = 1e-9 * max(abs(x) for x in (*a, *b))
    return a[0] <= b[1] + slack and b[0] <= a[1] + slack


def at_most(x: float, limit: float) -> bool:
    """Whether `x` is at most `limit`, up to the rounding of their computation."""
    return x <= limit + 1e-9 * max(abs(x), abs(limit))


def count_from_percent(percent: str, total: str) -> int:
    """The only count of `total` units whose percentage prints as `percent`.

    Both are cells: the digits printed decide. Exact arithmetic, no rounding. Raises ValueError
    where the percentage is no percentage, or no count or several counts fit.
    """
    value, half, units = Fraction(Decimal(percent)), _half_unit(percent), int(total)
    if not 0 <= value <= 100 or units < 1:
        raise ValueError(f"{percent} % of {total} is no share of a group")
    low = max(ceil((value - half) * units / 100), 0)
    high = min(floor((value + half) * units / 100), units)
    if low == high:
        return low
    if low > high:
        below = floor(value * units / 100)
        near = " and ".join(_share(count, units) for count in (below, below + 1))
        raise ValueError(f"no count of {total} prints as {percent} %; the nearest are {near}")
    if high - low > 4:
        fits = f"all counts from {_share(low, units)} to {_share(high, units)}"
    else:
        fits = " and ".join(_share(count, units) for count in range(low, high + 1))
    raise ValueError(f"{percent} % of {total} fits {fits}, so the count is not known")


def prints_as(percent: str, count: str, total: str) -> bool:
    """Whether `count` of `total` can have been printed as `percent`; exact arithmetic."""
    if not Fraction(total) > 0:
        raise ValueError(f"{percent} % of {total} is no share of a group")
    off = 100 * Fraction(count) / Fraction(total) - Fraction(percent)
    return abs(off) <= _half_unit(percent)


def _share(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.3f} %)"
