"""What a printed number can have been before it was shortened.

`ROUNDED` takes a number with d decimals for the closed interval of half a unit of its last digit
around it, which holds every rule of rounding (half up, half down, half to even); `CUT` for what
prints like it where further digits were dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, isfinite

from metamill.tables.printed import Interval, rounded, truncated, unit, value

Span = tuple[float, float]

NOISE = 1e-9
"""Relative error of computed limits: numbers that close are never called apart."""


@dataclass(frozen=True)
class Reading:
    """One way of shortening numbers: the interval of a cell, and whether its far end is open."""

    interval: Callable[[str], Interval]
    is_open: bool = False

    def span(self, cell: str) -> Span:
        """Smallest and largest value that `cell` can stand for."""
        low, high = self.interval(cell)
        return float(low), float(high)

    def meet(self, a: Span, b: Span) -> bool:
        """Whether two intervals share a point, up to the error of their computation."""
        size = max((abs(x) for x in (*a, *b) if isfinite(x)), default=0.0)
        slack = -NOISE * size / 1000 if self.is_open else NOISE * size
        return a[0] <= b[1] + slack and b[0] <= a[1] + slack


def _dropped(cell: str) -> Interval:
    """What prints as `cell` with further digits dropped; a zero can come from either side."""
    step = unit(cell)
    return truncated(cell) if value(cell) else (-step, step)


ROUNDED = Reading(rounded)
CUT = Reading(_dropped, is_open=True)


def span(cell: str) -> Span:
    """Smallest and largest value that round to `cell`."""
    return ROUNDED.span(cell)


def count_from_percent(percent: str, total: str) -> int:
    """The only count of `total` units whose percentage prints as `percent`.

    Both are cells: the digits printed decide. Exact arithmetic, no rounding. Raises ValueError
    where the percentage is no percentage, or no count or several counts fit.
    """
    share, units = value(percent), int(total)
    if not 0 <= share <= 100 or units < 1:
        raise ValueError(f"{percent} % of {total} is no share of a group")
    least, most = rounded(percent)
    low = max(ceil(least * units / 100), 0)
    high = min(floor(most * units / 100), units)
    if low == high:
        return low
    if low > high:
        below = floor(share * units / 100)
        near = " and ".join(_share(count, units) for count in (below, below + 1))
        raise ValueError(f"no count of {total} prints as {percent} %; the nearest are {near}")
    if high - low > 4:
        fits = f"all counts from {_share(low, units)} to {_share(high, units)}"
    else:
        fits = " and ".join(_share(count, units) for count in range(low, high + 1))
    raise ValueError(f"{percent} % of {total} fits {fits}, so the count is not known")


def prints_as(percent: str, count: str, total: str, reading: Reading = ROUNDED) -> bool:
    """Whether `count` of `total` can have been printed as `percent`; exact arithmetic.

    Raises ValueError for a total of zero.
    """
    if not Fraction(total) > 0:
        raise ValueError(f"{percent} % of {total} is no share of a group")
    low, high = reading.interval(percent)
    share = 100 * Fraction(count) / Fraction(total)
    return low <= share < high if reading.is_open else low <= share <= high


def _share(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.3f} %)"
