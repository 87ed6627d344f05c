"""Last digits of printed numbers: whether all ten come up."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import erfc, exp, pi, prod, sqrt

from metamill.audit.finding import QUESTION, Check, Finding
from metamill.tables.table import Table
from metamill.tables.values import is_number

CHECKS = (
    Check(
        "terminal_digits",
        "B12",
        "Last digits",
        "50 means or SDs with 2 significant digits or more: p of Pearson's chi-square with 9 "
        "degrees of freedom below 0.001",
        "Mosimann et al. 1995, Account Res 4:31",
        "coarse instruments (whole or half points), numbers read from a graph, numbers of few "
        "digits; once in a thousand honest tables",
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
    if len(cells) < FEWEST:
        return None
    counts = Counter(cell[-1] for cell in cells)
    chi2, p = uniform_test([counts[str(digit)] for digit in range(10)])
    if p >= LEVEL:
        return None
    n, zeros, fives = len(cells), counts["0"], counts["5"]
    hypothesis = (
        "0 is rare as where a spreadsheet cuts the zeros at the end, which the checks of single "
        "digits need"
        if zeros < n / 30
        else "0 and 5 are frequent as where values are rounded by eye or read from a graph"
        if zeros + fives > 0.4 * n
        else "no common cause fits"
    )
    spread = ", ".join(f"{digit}: {counts[str(digit)]}" for digit in range(10))
    return Finding(
        "terminal_digits",
        QUESTION,
        columns,
        f"last digits of {n} {words}: {spread}",
        f"about {n / 10:g} of each",
        f"Pearson's chi-square is {chi2:.4g} with 9 degrees of freedom, p = {p:.2g}; 0 and 5 are "
        f"{100 * (zeros + fives) / n:.0f} % where 20 % is expected; {hypothesis}",
        "all last digits are equally likely: many values, two digits or more, a fine scale",
    )


def uniform_test(counts: list[int]) -> tuple[float, float]:
    """Pearson's chi-square of ten counts against equal shares, and its upper tail.

    With 9 degrees of freedom the tail is a finite sum (Abramowitz and Stegun 1964, 26.4.4).
    """
    expected = sum(counts) / 10
    x = sum((count - expected) ** 2 / expected for count in counts)
    series = sum(x ** (j - 0.5) / prod(range(1, 2 * j, 2)) for j in range(1, 5))
    return x, erfc(sqrt(x / 2)) + sqrt(2 / pi) * exp(-x / 2) * series
