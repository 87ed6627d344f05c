"""From the bytes of a CSV file to cells of text, each with its line and column.

Nothing is guessed and nothing is converted: a cell is the text that stands in the file, so that
"2.30" keeps its zero and an author named None stays one. What is cleaned (a byte-order mark,
spaces around a cell, a typographic minus sign) is noted. Every error is collected.
"""

import csv
import io
import re
from pathlib import Path

from metamill.config.plain_text import cleaned, decoded, read_bytes
from metamill.errors import Problem
from metamill.tables.codebook import COLUMNS, is_numeric
from metamill.tables.table import Findings, Table, TableRow
from metamill.tables.values import check_repeats, check_values

MAX_BYTES = 20_000_000
MAX_CELL = 10_000
MAX_NAME = 100

_MOJIBAKE = re.compile("\u00c3[\u0080-\u00bf]|\u00e2\u20ac")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


def read_table(path: Path, name: str, findings: Findings) -> Table | None:
    """Read `path` as strict CSV. None if it cannot be read as a table at all.

    `name` is how messages call the file. Rows that break a rule are reported and kept, so that
    all errors of a file appear at once, in the order of its lines.
    """
    found = Findings()
    table = _read(path, name, found)
    findings.problems += sorted(found.problems, key=lambda problem: problem.line or 0)
    findings.notices += found.notices
    return table


def _read(path: Path, name: str, findings: Findings) -> Table | None:
    text = _text(path, name, findings)
    if text is None:
        return None
    fields = _fields(text, name, findings)
    if fields is None:
        return None
    (first, header), *body = fields
    columns = _header(header, first, name, findings)
    if columns is None:
        return None
    rows = []
    for line, cells in body:
        if not any(cell.strip() for cell in cells):
            findings.notices.append(Problem(name, "an empty row was passed over", "", line))
        elif len(cells) != len(columns):
            findings.problems.append(_wrong_length(name, line, cells, columns))
        else:
            row = {
                c: _clean(cell, c, line, name, findings)
                for c, cell in zip(columns, cells, strict=True)
            }
            rows.append(TableRow(line, row))
    if not body:
        findings.problems.append(
            Problem(name, "there is a header but no row", "Add studies", first)
        )
    table = Table(name, columns, tuple(rows))
    check_values(table, findings)
    check_repeats(table, findings)
    return table


def _text(path: Path, name: str, findings: Findings) -> str | None:
    content = read_bytes(path, name, MAX_BYTES)
    text = content if isinstance(content, Problem) else decoded(content, name)
    if isinstance(text, Problem):
        findings.problems.append(text)
        return None
    if text.startswith("\ufeff"):
        findings.notices.append(Problem(name, "a byte-order mark was passed over", "", 1))
    return text.removeprefix("\ufeff")


def _fields(text: str, name: str, findings: Findings) -> list[tuple[int, list[str]]] | None:
    """(first line, cells) of every record, header first."""
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    records: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for cells in reader:
            if cells or records:
                records.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        rule, advice = "a quotation mark is opened here and not closed", "Close it, or remove it"
        if "expected after" in str(error):
            rule = "text follows a closing quotation mark"
            advice = "Write a quotation mark inside a quoted cell twice"
        if "limit" in str(error):
            rule = f"a cell is longer than {MAX_CELL:,} characters"
            advice = "Look for a quotation mark that is not closed"
        findings.problems.append(Problem(name, rule, advice, start))
        return None
    while records and not any(cell.strip() for cell in records[-1][1]):
        records.pop()
    if not records:
        findings.problems.append(Problem(name, "the file is empty", "Add a header and rows", 1))
        return None
    return records


def _header(header: list[str], line: int, name: str, findings: Findings) -> tuple[str, ...] | None:
    columns = tuple(cleaned(cell) for cell in header)
    found: list[Problem] = []

    def wrong(rule: str, advice: str, column: str) -> None:
        found.append(Problem(name, rule, advice, line, column))

    for at, column in enumerate(columns, 1):
        if len(column) > MAX_NAME:
            wrong(f"a name of more than {MAX_NAME} characters", "Shorten it", f"column {at}")
        elif not column:
            wrong("the column has no name", "Name it or remove it", f"column {at}")
        elif column in columns[: at - 1]:
            advice = "Rename or remove one"
            wrong(
                f"the name is used twice, first in column {columns.index(column) + 1}",
                advice,
                f"column '{column}'",
            )
        elif column not in COLUMNS:
            meant = _misspelt(column, columns)
            if meant:
                wrong(
                    "looks like a misspelt column", f"Did you mean '{meant}'?", f"column '{column}'"
                )
    if "study" not in columns and not any("'study'" in problem.advice for problem in found):
        separator = _separator(header)
        if separator:
            found = [
                Problem(
                    name,
                    f"the columns are separated by {separator}",
                    "Save the table as comma-separated CSV, with decimal points",
                    line,
                )
            ]
        else:
            wrong(
                "the first row does not hold the column 'study'",
                "Begin the table with its column names",
                "",
            )
    findings.problems.extend(found)
    return None if found else columns


def _separator(header: list[str]) -> str:
    """What a header without the column 'study' seems to be separated by, if not by commas."""
    marks = {";": "semicolons", "|": "vertical bars", "\t": "tabs"}
    return next((word for mark, word in marks.items() if mark in "".join(header).strip()), "")


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


def _wrong_length(name: str, line: int, cells: list[str], columns: tuple[str, ...]) -> Problem:
    rule = f"the row has {len(cells)} cells where the header has {len(columns)}"
    advice = "A comma inside a cell needs quotation marks around the cell"
    if not any(cells[len(columns) :]) and len(cells) > len(columns):
        advice = "Remove the commas at its end"
    elif len(cells) > len(columns):
        advice += "; numbers take a decimal point, not a comma"
    return Problem(name, rule, advice, line, value=",".join(cells))


def _clean(cell: str, column: str, line: int, name: str, findings: Findings) -> str:
    at = f"column '{column}'"
    if len(cell) > MAX_CELL:
        rule, advice = f"the cell is longer than {MAX_CELL:,} characters", "Shorten it"
        findings.problems.append(Problem(name, rule, advice, line, at, cell))
    plain = cleaned(cell)
    if is_numeric(column) and "\u2212" in plain:
        plain = plain.replace("\u2212", "-")
    if plain != cell:
        findings.notices.append(Problem(name, f"was read as '{plain}'", "", line, at, cell))
    if _MOJIBAKE.search(plain):
        rule = "looks like UTF-8 that was read as another encoding"
        findings.notices.append(Problem(name, rule, "Correct the letters", line, at, cell))
    if _DIRECTION.search(plain):
        rule = "holds invisible marks that turn the direction of text"
        findings.notices.append(Problem(name, rule, "Remove them", line, at, cell))
    return plain
