"""Why a cell of a numeric column is not one number, and what to write instead."""

import re

_NUMBER = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?")
_ANY_SIZE = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
EXTREME = "extreme-number"
_COUNT = re.compile(r"[0-9]{1,9}")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_THOUSANDS = re.compile(r"[0-9]{1,3}([, .'\u2019_][0-9]{3})+")
_SPACED = re.compile(r"[+-]?[0-9]{1,3}([ '\u2019_][0-9]{3})+(\.[0-9]*)?")
_DATE = re.compile(
    r"[0-9]{1,2}[-/. ]?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
    r"|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*[-/. ]?[0-9]{1,4}"
    r"|[0-9]{1,4}[-/][0-9]{1,2}([-/][0-9]{1,4})?",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"n/?[arsd]\.?|n\.[arsd]\.?|n\.? ?a\.?|none|null|nan|missing|unknown|unclear"
    r"|not (reported|available|stated|given|applicable)|[-\u2010-\u2015]+|\?+|\.+|#n/a|#.*[!?]",
    re.IGNORECASE,
)
_DASH = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")


def is_number(cell: str) -> bool:
    """Whether a cell is one decimal number in ASCII digits."""
    return _NUMBER.fullmatch(cell) is not None


def is_count(cell: str) -> bool:
    """Whether a cell is one whole number of at most nine ASCII digits."""
    return _COUNT.fullmatch(cell) is not None


def number_fault(cell: str, whole: bool) -> tuple[str, str, str]:
    """The rule that a cell breaks which is not one number (not a `whole` one), what to do about
    it, and the code of why."""
    small_enough = whole and is_number(cell) and not cell.isdecimal()
    if _ANY_SIZE.fullmatch(cell) and not small_enough:
        return "is beyond any real measurement", "Check the digits and the exponent", EXTREME
    advice, code = _advice(cell, whole)
    return ("is not a whole number" if whole else "is not a number"), advice, code


def _advice(cell: str, whole: bool) -> tuple[str, str]:
    if _MISSING.fullmatch(cell):
        return "Leave the cell empty if the source does not say", "missing-token"
    if (_THOUSANDS if whole else _SPACED).fullmatch(cell):
        return "Write the number without separators", "thousands-separator"
    if _DECIMAL_COMMA.fullmatch(cell):
        advice = "Write a decimal point instead of the comma, and nothing between thousands"
        return advice, "decimal-comma"
    if _DATE.fullmatch(cell):
        advice = "It looks like a date or a range: type the number again, in a cell of text"
        return advice, "date-or-range"
    if _DASH.search(cell):
        return "Write - for a minus; the two ends of a range belong into min and max", "other-dash"
    if any(not letter.isascii() and letter.isnumeric() for letter in cell):
        return "Type the number again with the digits 0-9", "other-digits"
    if whole and is_number(cell):
        return "Counts have no decimals and no sign; a percentage is not a count", "not-a-count"
    advice = "Write one number in digits 0-9; words and signs belong into the column 'note'"
    return advice, "type-error"
