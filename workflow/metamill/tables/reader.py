"""From the bytes of a CSV file to cells of text, each with its line and column.

Nothing is guessed and nothing is converted: a cell is the text that stands in the file, so that
"2.30" keeps its zero and an author named None stays one. What is cleaned (a byte-order mark,
spaces around a cell, a typographic minus sign) is noted. Every error is collected.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from metamill.config.plain_text import decoded, read_bytes
from metamill.errors import Problem
from metamill.tables.cells import clean, damage
from metamill.tables.codebook import is_numeric
from metamill.tables.header import Record, read_header
from metamill.tables.near_ids import check_near_ids
from metamill.tables.table import MOST_NOTICES, MOST_PROBLEMS, Findings, Table, TableRow
from metamill.tables.totals import check_totals
from metamill.tables.values import check_repeats, check_values

MAX_BYTES = 20_000_000
MAX_ROWS = 100_000
MAX_CELL = 10_000


def read_table(path: Path, name: str, findings: Findings, rows_differ: bool = True) -> Table | None:
    """Read `path` as strict CSV. None if it cannot be read as a table at all.

    `name` is how messages call the file. Rows that break a rule are reported and kept, so that
    all errors of a file appear at once, in the order of its lines. With `rows_differ` two rows
    of a study must differ in a column that tells rows apart.
    """
    found = Findings()
    table = _read(path, name, found)
    if table is not None:
        check_values(table, found)
        check_totals(table, found)
        check_near_ids(table, found)
        if rows_differ:
            check_repeats(table, found)
    findings.problems += _first(found.problems, MOST_PROBLEMS, name)
    findings.notices += _first(found.notices, MOST_NOTICES, name)
    return table


def _first(found: list[Problem], most: int, name: str) -> list[Problem]:
    """The first of what was found, in the order of lines, and a word on the others."""
    told = sorted(found, key=lambda problem: problem.line or 0)[:most]
    if len(found) > most:
        rule = f"has more than {most:,} of these: only the first are listed"
        told.append(Problem(name, rule, "Mend these and check again", code="further-problems"))
    return told


def _read(path: Path, name: str, findings: Findings) -> Table | None:
    text = _text(path, name, findings)
    if text is None:
        return None
    records = _records(text, name, findings)
    if records is None:
        return None
    columns = read_header(records, name, findings)
    if columns is None:
        return None
    body = records[1:]
    if not body:
        rule = "there is a header but no row"
        problem = Problem(name, rule, "Add studies", records[0][0], code="no-rows")
        findings.problems.append(problem)
    rows = []
    numeric = [is_numeric(column) for column in columns]
    for line, cells in body:
        if len(cells) != len(columns):
            if len(findings.problems) <= MOST_PROBLEMS:
                findings.problems.append(_wrong_length(name, line, cells, columns))
            continue
        row = {}
        for column, cell, counted in zip(columns, cells, numeric, strict=True):
            if not column:
                continue
            plain, change = clean(cell, counted)
            if change or not cell.isascii() or len(cell) > MAX_CELL:
                _remark(cell, plain, change, (name, line, f"column '{column}'"), findings)
            row[column] = plain
        rows.append(TableRow(line, row))
    return Table(name, tuple(filter(None, columns)), tuple(rows))


def _text(path: Path, name: str, findings: Findings) -> str | None:
    content = read_bytes(path, name, MAX_BYTES)
    text = content if isinstance(content, Problem) else decoded(content, name)
    if isinstance(text, Problem):
        findings.problems.append(text)
        return None
    if text.startswith("\ufeff"):
        rule = "a byte-order mark was passed over"
        findings.notices.append(Problem(name, rule, "", 1, code="byte-order-mark"))
    return text.removeprefix("\ufeff")


def _records(text: str, name: str, findings: Findings) -> list[Record] | None:
    """(first line, cells) of every row that is not empty, header first."""

    def refused(rule: str, advice: str, line: int, code: str) -> None:
        findings.problems.append(Problem(name, rule, advice, line, code=code))

    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    records: list[Record] = []
    empty: list[int] = []
    start = 1
    try:
        for cells in reader:
            if not any(map(str.strip, cells)):
                empty.append(start)
            else:
                findings.notices += _empty_rows(empty, name)
                empty.clear()
                records.append((start, cells))
                if len(records) > MAX_ROWS:
                    rule = f"the table has more than {MAX_ROWS:,} rows"
                    refused(rule, "One row per study is meant", start, "too-many-rows")
                    return None
            start = reader.line_num + 1
    except csv.Error as error:
        refused(*_quoting(str(error), start))
        return None
    if not records:
        refused("the file is empty", "Add a header and rows", 1, "empty-file")
        return None
    return records


def _empty_rows(lines: Sequence[int], name: str) -> list[Problem]:
    """One note on neighbouring empty rows; those at the end of a file are worth none."""
    if not lines:
        return []
    rule = "an empty row was passed over"
    if len(lines) > 1:
        rule = f"{len(lines):,} empty rows were passed over"
    return [Problem(name, rule, "", lines[0], code="blank-row")]


def _quoting(error: str, line: int) -> tuple[str, str, int, str]:
    if "expected after" in error:
        advice = "Write a quotation mark inside a quoted cell twice"
        return "text follows a closing quotation mark", advice, line, "text-after-quote"
    if "limit" in error:
        rule = f"a cell is longer than {MAX_CELL:,} characters"
        return rule, "Look for a quotation mark that is not closed", line, "cell-too-long"
    rule = "a quotation mark is opened here and not closed"
    return rule, "Close it, or remove it", line, "unclosed-quote"


def _wrong_length(name: str, line: int, cells: list[str], columns: Sequence[str]) -> Problem:
    rule = f"the row has {len(cells)} cells where the header has {len(columns)}"
    advice, code = "An empty cell needs its comma too", "missing-cell"
    if len(cells) > len(columns):
        advice, code = "Remove the commas at its end", "extra-cell"
        if any(cells[len(columns) :]):
            advice = "A comma inside a cell needs quotation marks around the cell; "
            advice += "numbers take a decimal point, not a comma"
    return Problem(name, rule, advice, line, value=",".join(cells), code=code)


def _remark(
    cell: str, plain: str, change: str, at: tuple[str, int, str], findings: Findings
) -> None:
    """What is to be said of a cell that was cleaned, is not ASCII or is very long."""
    name, line, where = at
    if len(cell) > MAX_CELL:
        rule, advice = f"the cell is longer than {MAX_CELL:,} characters", "Shorten it"
        problem = Problem(name, rule, advice, line, where, cell, code="cell-too-long")
        findings.problems.append(problem)
    if len(findings.notices) > MOST_NOTICES:
        return
    if change:
        rule = f"was read as '{plain}' ({change})"
        findings.notices.append(Problem(name, rule, "", line, where, cell, code="cleaned-cell"))
    damaged = damage(cell, plain)
    if damaged:
        rule, advice, code = damaged
        findings.notices.append(Problem(name, rule, advice, line, where, cell, code=code))
