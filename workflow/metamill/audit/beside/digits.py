"""Last digits of printed numbers: whether all ten come up."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import erfc, exp, factorial, pi, prod, sqrt

from metamill.audit.finding import QUESTION, Check, Finding
from metamill.tables.table import Table
from metamill.tables.values import is_number

CHECKS = (
    Check(
        "terminal_digits",
        "B12",
        "Last digits",
        "50 means or SDs with 2 significant digits or more: p of Pearson's chi-square with 9 "
        "degrees of freedom below 0.001 (8 and without the digit 0 where no decimals end in it)",
        "Mosimann et al. 1995, Account Res 4:31",
        "coarse instruments (whole or half points), numbers read from a graph, numbers of few "
        "digits, zeros at the end that a spreadsheet cut from some numbers only or added; once in "
        "a thousand honest tables",
    ),
)
FEWEST = 50
"""Values below which the chi-square says nothing."""
LEVEL = 0.001
_FAMILIES = {"means": "mean", "SDs": "sd"}


def significant_digits(cell: str) -> int:
    """Significant digits of a printed number: 3 of "0.230", 1 of "0"."""
    return len(Decimal(cell).as_tuple().digits)


def check_digits(tables: Mapping[str, Table]) -> Iterator[tuple[str, int, Finding]]:
    """Last digits of the means and of the SDs of each table (keys are file names), told at line 1.

    A number that stands twice for one study counts once.
    """
    for name, table in tables.items():
        for words, prefix in _FAMILIES.items():
            columns = [c for c in table.columns if c == prefix or c.startswith(f"{prefix}_")]
            printed = {
                (row.cells["study"], column, cell)
                for row in table.rows
                for column in columns
                if (cell := row.cells.get(column, "")) and _is_plain(cell)
            }
            found = _judge(words, tuple(columns), [cell for _, _, cell in sorted(printed)])
            if found:
                yield name, 1, found


def _is_plain(cell: str) -> bool:
    return (
        is_number(cell)
        and cell[-1].isdigit()
        and "e" not in cell.casefold()
        and significant_digits(cell) >= 2
    )


def _judge(words: str, columns: tuple[str, ...], cells: list[str]) -> Finding | None:
    digits = "0123456789"
    if _zeros_are_cut(cells):
        # what is left of 20.0 is 20: its last digit says nothing either
        digits, cells = "123456789", [cell for cell in cells if cell[-1] != "0"]
    if len(cells) < FEWEST:
        return None
    counts = Counter(cell[-1] for cell in cells)
    chi2, p = uniform_test([counts[digit] for digit in digits])
    if p >= LEVEL:
        return None
    n, round_ones = len(cells), [digit for digit in "05" if digit in digits]
    rounded = sum(counts[digit] for digit in round_ones)
    which = f"{' and '.join(round_ones)} {'are' if len(round_ones) > 1 else 'is'}"
    usual = len(round_ones) / len(digits)
    hypothesis = (
        "0 is rare as where a spreadsheet cuts the zeros at the end, which the checks of single "
        "digits need"
        if "0" in digits and counts["0"] < n / 30
        else f"{which} frequent as where values are rounded by eye or read from a graph"
        if rounded > 2 * usual * n
        else "no common cause fits"
    )
    spread = ", ".join(f"{digit}: {counts[digit]}" for digit in digits)
    without = "" if "0" in digits else "No decimals end in 0: a spreadsheet cuts such zeros. "
    return Finding(
        "terminal_digits",
        QUESTION,
        columns,
        f"last digits of {n} {words}: {spread}",
        f"about {n / len(digits):.3g} of each",
        f"{without}Pearson's chi-square is {chi2:.4g} with {len(digits) - 1} degrees of freedom, "
        f"p = {p:.2g}; {which} {100 * rounded / n:.0f} % where {100 * usual:.0f} % is expected; "
        f"{hypothesis}",
        "all last digits are equally likely: many values, two digits or more, a fine scale",
    )


def _zeros_are_cut(cells: list[str]) -> bool:
    """Whether there are decimals, and none that end in 0."""
    decimals = [cell for cell in cells if "." in cell]
    return bool(decimals) and not any(cell.endswith("0") for cell in decimals)


def uniform_test(counts: list[int]) -> tuple[float, float]:
    """Pearson's chi-square of counts against equal shares, and its upper tail.

    With any number of degrees of freedom the tail is a finite sum (Abramowitz and Stegun 1964,
    26.4.4 for odd, 26.4.5 for even ones).
    """
    expected, df = sum(counts) / len(counts), len(counts) - 1
    x = sum((count - expected) ** 2 / expected for count in counts)
    if df % 2:
        series = sum(x ** (j - 0.5) / prod(range(1, 2 * j, 2)) for j in range(1, df // 2 + 1))
        return x, erfc(sqrt(x / 2)) + sqrt(2 / pi) * exp(-x / 2) * series
    return x, exp(-x / 2) * sum((x / 2) ** j / factorial(j) for j in range(df // 2))
