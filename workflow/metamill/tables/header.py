"""The first row of a table: the names of its columns."""

import re
from collections.abc import Sequence

from metamill.errors import Problem
from metamill.tables.cells import clean
from metamill.tables.codebook import COLUMNS
from metamill.tables.table import Findings

MAX_NAME = 100
MAX_COLUMNS = 1000
_LOOKED_AT = 20

Record = tuple[int, list[str]]
"""The line a row begins on, and its cells as they stand in the file."""


def read_header(records: Sequence[Record], name: str, findings: Findings) -> tuple[str, ...] | None:
    """The name of every column, "" for one that is empty from top to bottom; None if unusable.

    `records` are all rows of the table called `name`, the header first.
    """
    (line, header), *body = records
    if len(header) > MAX_COLUMNS:
        rule = f"the table has more than {MAX_COLUMNS:,} columns"
        advice = "Remove what is unused"
        findings.problems.append(Problem(name, rule, advice, line, code="too-many-columns"))
        return None
    columns = tuple(clean(cell, numeric=False)[0] for cell in header)
    empty = _empty_columns(columns, body)
    found = _no_header(records, columns, name) or _wrong_names(columns, empty, line, name)
    findings.problems += found
    if found:
        return None
    findings.notices += _cleaned_names(header, columns, line, name)
    rule = "a column without a name and without a cell was passed over"
    findings.notices += [
        Problem(name, rule, "", line, f"column {at + 1}", code="empty-column")
        for at in sorted(empty)
    ]
    return columns


def _empty_columns(columns: Sequence[str], body: Sequence[Record]) -> set[int]:
    """Positions without a name and without a cell in any row of the header's length."""
    empty = {at for at, column in enumerate(columns) if not column}
    for _, cells in body:
        if not empty:
            break
        if len(cells) == len(columns):
            empty = {at for at in empty if not cells[at].strip()}
    return empty


def _no_header(records: Sequence[Record], columns: tuple[str, ...], name: str) -> list[Problem]:
    """A first row that is no header of this kind of table at all: that alone is said."""
    if "study" in columns:
        return []
    (line, header), *below = records[: _LOOKED_AT + 1]
    later = next((at for at, cells in below if "study" in map(_letters, cells)), None)
    if later is not None:
        rule = f"the first row is not the header, which seems to stand in line {later}"
        advice = f"Remove what stands above line {later}"
        return [Problem(name, rule, advice, line, code="header-not-first")]
    separator = _separator(header)
    if separator:
        rule = f"the columns are separated by {separator}"
        advice = "Save the table as comma-separated CSV, with decimal points"
        return [Problem(name, rule, advice, line, code="wrong-separator")]
    return []


def _separator(header: Sequence[str]) -> str:
    """What a header without the column 'study' seems to be separated by, if not by commas."""
    marks = {";": "semicolons", "|": "vertical bars", "\t": "tabs"}
    return next((word for mark, word in marks.items() if mark in "".join(header).strip()), "")


def _wrong_names(columns: tuple[str, ...], empty: set[int], line: int, name: str) -> list[Problem]:
    checked = (
        _wrong_name(columns, at, line, name) for at in range(len(columns)) if at not in empty
    )
    found = [problem for problem in checked if problem is not None]
    if "study" not in columns and not any("'study'" in problem.advice for problem in found):
        rule = "the first row does not hold the column 'study'"
        advice = "Begin the table with its column names"
        found.append(Problem(name, rule, advice, line, code="missing-label"))
    return found


def _wrong_name(columns: tuple[str, ...], at: int, line: int, name: str) -> Problem | None:
    column = columns[at]
    where = f"column '{column}'"
    if len(column) > MAX_NAME:
        rule, where = f"a name of more than {MAX_NAME} characters", f"column {at + 1}"
        return Problem(name, rule, "Shorten it", line, where, code="label-too-long")
    if not column:
        rule, where = "the column has no name", f"column {at + 1}"
        return Problem(name, rule, "Name it or remove it", line, where, code="blank-label")
    if column in columns[:at]:
        rule = f"the name is used twice, first in column {columns.index(column) + 1}"
        return Problem(name, rule, "Rename or remove one", line, where, code="duplicate-label")
    meant = _misspelt(column, columns) if column not in COLUMNS else None
    if meant:
        rule, advice = "looks like a misspelt column", f"Did you mean '{meant}'?"
        return Problem(name, rule, advice, line, where, code="incorrect-label")
    return None


def _cleaned_names(
    header: Sequence[str], columns: Sequence[str], line: int, name: str
) -> list[Problem]:
    notices = []
    for cell, column in zip(header, columns, strict=True):
        _, change = clean(cell, numeric=False)
        if change and column:
            rule = f"the name was read as '{column}' ({change})"
            where = f"column '{column}'"
            notices.append(Problem(name, rule, "", line, where, cell, code="cleaned-label"))
    return notices


def _misspelt(column: str, columns: tuple[str, ...]) -> str | None:
    """The known column, absent from the table, that differs in case, marks or one letter."""
    for known in COLUMNS:
        if known not in columns and (
            _letters(column) == _letters(known)
            or (len(known) > 3 and _one_slip(column.casefold(), known))
        ):
            return known
    return None


def _letters(name: str) -> str:
    return re.sub(r"[\s_.-]", "", name.casefold())


def _one_slip(word: str, known: str) -> bool:
    """One letter missing, added, changed or two swapped; 'time2' is a column of its own."""
    if re.sub(r"\D", "", word) != re.sub(r"\D", "", known) or abs(len(word) - len(known)) > 1:
        return False
    start = 0
    while word[start : start + 1] == known[start : start + 1] != "":
        start += 1
    a, b = word[start:], known[start:]
    swapped = a[:2] == b[1::-1] and a[2:] == b[2:]
    return swapped or a[1:] == b[1:] or a[1:] == b or a == b[1:]
