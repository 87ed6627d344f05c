"""Exact numbers in words: as many digits as a reviewer needs to check them by hand."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

_PRECISE = Context(prec=400, rounding=ROUND_HALF_EVEN)
_SIGNIFICANT, _MOST = 4, 15


def decimal_text(value: Fraction, significant: int = 6) -> str:
    """The number in decimals, without an exponent and without zeros at the end."""
    if value.denominator == 1:
        return str(value.numerator)
    return _plain(_quotient(value), significant).rstrip("0").rstrip(".")


def root_text(
    square: Fraction, below: Fraction | None = None, above: Fraction | None = None
) -> str:
    """The square root to four significant digits.

    More digits are shown where four would hide that the root is less than `below`, or more than
    `above`.
    """
    root = _PRECISE.sqrt(_quotient(square))
    for significant in range(_SIGNIFICANT, _MOST):
        text = _plain(root, significant)
        shown = Fraction(text)
        if (below is None or shown < below) and (above is None or shown > above):
            break
    return text


def series(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _quotient(value: Fraction) -> Decimal:
    return _PRECISE.divide(Decimal(value.numerator), Decimal(value.denominator))


def _plain(number: Decimal, significant: int) -> str:
    if not number:
        return "0"
    last = min(0, number.adjusted() - significant + 1)
    return f"{number.quantize(Decimal(1).scaleb(last), context=_PRECISE):f}"
