"""What a printed number can have been before it was shortened.

`ROUNDED` takes a number with d decimals for the closed interval of half a unit of its last digit
around it, which holds every rule of rounding (half up, half down, half to even); `CUT` for what
prints like it where further digits were dropped; `ADDED` for what it says without zeros that a
spreadsheet put at its end (5.00 for 5); `TENS` for what it says if the zeros at the end of a whole
number are no digits either (4500 for 4450 to 4550).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, isfinite

from metamill.tables.derivations import SUFFIXES
from metamill.tables.printed import Interval, rounded, truncated, unit, value

Span = tuple[float, float]

NOISE = 1e-9
"""Relative error of computed limits: numbers that close are never called apart."""


@dataclass(frozen=True)
class Reading:
    """One way of shortening numbers: the interval of a cell, and whether its far end is open.

    `excuse` is what a reader is told where numbers agree in this reading only.
    """

    interval: Callable[[str], Interval]
    is_open: bool = False
    excuse: str = ""

    def span(self, cell: str) -> Span:
        """Smallest and largest value that `cell` can stand for."""
        low, high = self.interval(cell)
        return float(low), float(high)

    def meet(self, a: Span, b: Span) -> bool:
        """Whether two intervals share a point, up to the error of their computation."""
        size = max((abs(x) for x in (*a, *b) if isfinite(x)), default=0.0)
        slack = -NOISE * size / 1000 if self.is_open else NOISE * size
        return a[0] <= b[1] + slack and b[0] <= a[1] + slack


def without_zeros(cell: str) -> Interval:
    """What rounds to `cell` once zeros at the end of its decimals are taken away."""
    return _around(cell, min(_last_digit(cell), 0))


def _to_tens(cell: str) -> Interval:
    """What rounds to `cell` if none of the zeros at its end is a digit."""
    return _around(cell, _last_digit(cell))


def _around(cell: str, exponent: int) -> Interval:
    half = Fraction(10) ** exponent / 2
    return value(cell) - half, value(cell) + half


def _last_digit(cell: str) -> int:
    """The power of ten of the last digit that is not zero; 0 for zero itself."""
    _, digits, exponent = Decimal(cell).as_tuple()
    assert isinstance(exponent, int), "the reader accepts numbers only"
    kept = len("".join(map(str, digits)).rstrip("0"))
    return exponent + len(digits) - kept if kept else 0


ROUNDED = Reading(rounded)
CUT = Reading(truncated, is_open=True, excuse="Digits that were cut off instead of rounded")
ADDED = Reading(without_zeros, excuse="Zeros that were added at the end of decimals")
TENS = Reading(_to_tens, excuse="Whole numbers that were rounded to tens or hundreds")


def habits(*rows: Mapping[str, str]) -> tuple[Reading, ...]:
    """The readings besides ROUNDED that may save numbers of `rows`.

    Rounding to tens only where one of the rows shows it: in a mean, SD, standard error, median or
    estimate of 100 or more that ends in zero, or in all its numbers, two or more.
    """
    return (CUT, ADDED, TENS) if any(map(_in_tens, rows)) else (CUT, ADDED)


def _in_tens(cells: Mapping[str, str]) -> bool:
    numbers = {
        name: cell for name, cell in cells.items() if name in _MEASURED and cell and value(cell)
    }
    ends = {name: _last_digit(cell) > 0 for name, cell in numbers.items()}
    large = (
        ends[name] and abs(value(cell)) >= 100 for name, cell in numbers.items() if name in _CENTRAL
    )
    return any(large) or (len(ends) > 1 and all(ends.values()))


def _columns(*names: str) -> frozenset[str]:
    ends = (*SUFFIXES, "_change", "_difference")
    return frozenset(f"{name}{end}" for name in names for end in ends)


_CENTRAL = _columns("mean", "sd", "se", "median", "estimate")
_MEASURED = _CENTRAL | _columns("min", "max", "q1", "q3", "ci_low", "ci_high")


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
    low, high = (reading if reading is not TENS else ADDED).interval(percent)
    share = 100 * Fraction(count) / Fraction(total)
    return low <= share < high if reading.is_open else low <= share <= high


def one_unit_off(percent: str, share: Fraction) -> bool:
    """Whether a share, in per cent, is less than one unit of the last digit from a percentage.

    So far are percentages moved that are made to add up to 100 (34 % for 1 of 3).
    """
    return abs(share - value(percent)) < unit(percent)


def figures(x: float) -> str:
    """Four significant digits, and all digits of whole numbers."""
    return f"{x:.0f}" if 1e4 <= abs(x) < 1e15 else f"{x:.4g}"


def _share(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.3f} %)"
