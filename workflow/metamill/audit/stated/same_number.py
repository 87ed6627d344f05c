"""Whether two printed numbers can be one, as two places of a paper shorten it."""

from fractions import Fraction

from metamill.audit.finding import CONTRADICTION, QUESTION
from metamill.measures.derive.printed import TENS, without_zeros
from metamill.tables.codebook import COLUMNS, COUNT
from metamill.tables.printed import Interval, rounded, truncated, value

SHORTENED = (
    "they are one number only where a digit was cut off, a tie broken differently, zeros added at "
    "the end or a whole number rounded to tens or hundreds"
)


def agreement(column: str, one: str, two: str) -> str:
    """Whether two printed numbers can be one: "" if so, else the level of what is wrong.

    Counts must be equal. Other numbers may be printed with different numbers of decimals: their
    rounding intervals must meet. A question where they only touch at an end, or meet if further
    digits were cut off, zeros added, or whole numbers from 100 on rounded to tens or hundreds.
    """
    if value(one) == value(two):
        return ""
    known = COLUMNS.get(column)
    if known is not None and known.kind == COUNT:
        return CONTRADICTION
    low, high = _common(rounded(one), rounded(two))
    if low < high:
        return ""
    low, high = _common(either(column, one), either(column, two))
    return QUESTION if low <= high else CONTRADICTION


def either(column: str, cell: str) -> Interval:
    """All values that print as `cell` by rounding, by cutting off digits or by adding zeros."""
    ways = [rounded(cell), truncated(cell), without_zeros(cell)]
    if abs(value(cell)) >= 100 and column != "percent":
        ways.append(TENS.interval(cell))
    return min(low for low, _ in ways), max(high for _, high in ways)


def other_divisor(one: str, two: str, n: int) -> str:
    """Whether two SDs of n values are one with n and with n - 1 as divisor: in words, or ""."""
    if n < 2:
        return ""
    ratio = Fraction(n, n - 1)
    for less, more in ((one, two), (two, one)):
        low, high = (max(x, Fraction(0)) ** 2 * ratio for x in rounded(less))
        least, most = (max(x, Fraction(0)) ** 2 for x in rounded(more))
        if max(low, least) <= min(high, most):
            sd = float(value(less)) * float(ratio) ** 0.5
            return (
                f"an SD of {less} with n as divisor is {sd:.4g} with n - 1 (n = {n}), so that both "
                "can be right"
            )
    return ""


def _common(one: Interval, two: Interval) -> Interval:
    return max(one[0], two[0]), min(one[1], two[1])
