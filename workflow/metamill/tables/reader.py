"""From the bytes of a CSV file to cells of text, each with its line and column.

Nothing is guessed and nothing is converted: a cell is the text that stands in the file, so that
"2.30" keeps its zero and an author named None stays one. What is cleaned (a byte-order mark,
spaces around a cell, a typographic minus sign) is noted. Every error is collected.
"""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from metamill.errors import Problem, did_you_mean
from metamill.tables.codebook import COLUMNS, COUNT, ORDERED, Column, identifies, is_numeric

MAX_BYTES = 20_000_000
MAX_CELL = 10_000

_NUMBER = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_COUNT = re.compile(r"[0-9]{1,9}")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_DATE = re.compile(
    r"[0-9]{1,2}[-/. ]?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
    r"|[0-9]{1,4}[-/][0-9]{1,2}([-/][0-9]{1,4})?",
    re.IGNORECASE,
)
_HIDDEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))


@dataclass(frozen=True)
class TableRow:
    """One row: the line it begins on (from 1, header included) and its cells by column name."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """A table as read: its name in messages, its columns in order, its rows."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


@dataclass
class Findings:
    """Errors that stop a run, and what was cleaned in silence otherwise."""

    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)


def number(cell: str) -> float:
    """The value of a cell that the reader accepted; nan for an empty one."""
    return float(cell) if cell else float("nan")


def read_table(path: Path, name: str, findings: Findings) -> Table | None:
    """Read `path` as strict CSV. None if it cannot be read as a table at all.

    `name` is how messages call the file. Rows that break a rule are reported and kept, so that
    all errors of a file appear at once.
    """
    text = _text(path, name, findings)
    if text is None:
        return None
    fields = _fields(text, name, findings)
    if fields is None:
        return None
    (_, header), *body = fields
    columns = _header(header, name, findings)
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
        findings.problems.append(Problem(name, "there is a header but no row", "Add studies", 1))
    table = Table(name, columns, tuple(rows))
    _check_values(table, findings)
    _check_repeats(table, findings)
    return table


def _text(path: Path, name: str, findings: Findings) -> str | None:
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        advice = f"Put {path.name} into the folder {path.parent.name}/"
        findings.problems.append(Problem(name, f"the table {what}", advice))
        return None
    content = path.read_bytes()
    if len(content) > MAX_BYTES:
        findings.problems.append(Problem(name, f"the file is larger than {MAX_BYTES:,} bytes"))
        return None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        findings.problems.append(Problem(name, "the file is UTF-16", "Save it as CSV UTF-8", 1))
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        rule = f"byte 0x{content[error.start]:02x} at position {column} is not UTF-8"
        findings.problems.append(Problem(name, rule, "Save the file as CSV UTF-8", line))
        return None
    if text.startswith("\ufeff"):
        text = text[1:]
        findings.notices.append(Problem(name, "a byte-order mark was passed over", "", 1))
    for index, line_text in enumerate(text.split("\n"), 1):
        bad = next(
            (c for c in line_text if unicodedata.category(c) == "Cc" and c not in "\t\r"), ""
        )
        if bad:
            findings.problems.append(
                Problem(name, f"the control character U+{ord(bad):04X}", "Delete it", index)
            )
            return None
    return text


def _fields(text: str, name: str, findings: Findings) -> list[tuple[int, list[str]]] | None:
    """(first line, cells) of every record, header first."""
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n")), strict=True)
    records: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for cells in reader:
            if cells or records:
                records.append((start, cells))
            start = reader.line_num + 1
    except csv.Error:
        findings.problems.append(
            Problem(name, "a quotation mark is opened here and not closed properly", "", start)
        )
        return None
    while records and not any(cell.strip() for cell in records[-1][1]):
        records.pop()
    if not records:
        findings.problems.append(Problem(name, "the file is empty", "Add a header and rows", 1))
        return None
    return records


def _header(header: list[str], name: str, findings: Findings) -> tuple[str, ...] | None:
    columns = tuple(cell.translate(_HIDDEN).strip() for cell in header)
    found: list[Problem] = []
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        separator = "semicolons" if ";" in columns[0] else "tabs"
        rule = f"the columns are separated by {separator}"
        found.append(Problem(name, rule, "Save the table as comma-separated CSV", 1))
    elif "study" not in columns:
        rule = "the first row does not hold the column 'study'"
        found.append(Problem(name, rule, "Begin the table with its column names", 1))
    for column in sorted({c for c in columns if columns.count(c) > 1}):
        rule = "the column has no name" if not column else "the column appears twice"
        found.append(Problem(name, rule, "Name or remove it", 1, f"column {column!r}"))
    if "" in columns and columns.count("") == 1:
        at = columns.index("") + 1
        found.append(Problem(name, "the column has no name", "Name it", 1, f"column {at}"))
    if not found:
        for column in columns:
            advice = did_you_mean(column, [c for c in COLUMNS if c not in columns])
            if column not in COLUMNS and advice.startswith("Did") and _nearly(column, advice):
                rule = "looks like a misspelt column"
                found.append(Problem(name, rule, advice, 1, f"column {column!r}"))
    findings.problems.extend(found)
    return None if found else columns


def _nearly(column: str, advice: str) -> bool:
    """A misspelling changes few letters; 'scale_type' beside 'scale' is a column of its own."""
    meant = advice.split("'")[1]
    return abs(len(meant) - len(column)) <= 1 and len(column) > 2


def _wrong_length(name: str, line: int, cells: list[str], columns: tuple[str, ...]) -> Problem:
    rule = f"the row has {len(cells)} cells where the header has {len(columns)}"
    advice = "A comma inside a cell needs quotation marks around the cell"
    if len(cells) > len(columns):
        advice += "; numbers take a decimal point, not a comma"
    return Problem(name, rule, advice, line, value=",".join(cells))


def _clean(cell: str, column: str, line: int, name: str, findings: Findings) -> str:
    if len(cell) > MAX_CELL:
        rule = f"the cell is longer than {MAX_CELL:,} characters"
        findings.problems.append(Problem(name, rule, "", line, f"column '{column}'", cell[:40]))
        return ""
    cleaned = unicodedata.normalize("NFC", " ".join(cell.translate(_HIDDEN).split()))
    if is_numeric(column) and "\u2212" in cleaned:
        cleaned = cleaned.replace("\u2212", "-")
    if cleaned != cell:
        findings.notices.append(
            Problem(
                name,
                f"was read as '{cleaned}'",
                "",
                line,
                f"column '{column}'",
                cell,
            )
        )
    return cleaned


def _check_values(table: Table, findings: Findings) -> None:
    for row in table.rows:
        broken = set()
        if not row.cells["study"]:
            rule, advice = "the row names no study", "Fill in the id of the study"
            findings.problems.append(Problem(table.name, rule, advice, row.line, "column 'study'"))
        for name, cell in row.cells.items():
            column = COLUMNS.get(name)
            if column is None or not cell:
                continue
            rule, advice = _rule_broken(column, cell)
            if rule:
                broken.add(name)
                findings.problems.append(
                    Problem(table.name, rule, advice, row.line, f"column '{name}'", cell)
                )
        for low, high in ORDERED:
            small, large = row.cells.get(low, ""), row.cells.get(high, "")
            if small and large and not broken & {low, high} and number(small) > number(large):
                rule = f"is larger than {high} ({large})"
                advice = "Check both against the source"
                findings.problems.append(
                    Problem(table.name, rule, advice, row.line, f"column '{low}'", small)
                )


def _rule_broken(column: Column, cell: str) -> tuple[str, str]:
    """The rule a cell breaks and what to do, or two empty strings."""
    if column.levels and cell not in column.levels:
        return "is not a level of this column", did_you_mean(cell, column.levels)
    if column.kind not in ("count", "number"):
        return "", ""
    whole = column.kind == COUNT
    if not (_COUNT if whole else _NUMBER).fullmatch(cell):
        what = "is not a whole number" if whole else "is not a number"
        if _DECIMAL_COMMA.fullmatch(cell):
            return what, "Write a decimal point instead of the comma"
        if _DATE.fullmatch(cell):
            return f"{what}; it looks like a date or a range", "Type the number again as text"
        if whole and _NUMBER.fullmatch(cell):
            return what, "Counts have no decimals and no sign; a percentage is not a count"
        return what, "Write digits only; words belong into the column 'note'"
    value = float(cell)
    if abs(value) > 1e100:
        return "is beyond any real measurement", ""
    if column.minimum is not None and value < column.minimum:
        return f"must be at least {column.minimum:g}", "Check the source"
    if column.maximum is not None and value > column.maximum:
        return f"must be at most {column.maximum:g}", "Check the source"
    if column.above is not None and value <= column.above:
        return f"must be above {column.above:g}", "Check the source"
    return "", ""


def _check_repeats(table: Table, findings: Findings) -> None:
    """Rows of one study must differ in a column that tells rows apart."""
    keys = [column for column in table.columns if identifies(column)]
    seen: dict[tuple[str, ...], int] = {}
    for row in table.rows:
        key = tuple(row.cells[column].casefold() for column in keys)
        if key in seen:
            rule = f"repeats the row in line {seen[key]}: same {', '.join(keys)}"
            advice = "Remove one, or add a column (arm, unit, time_months) that tells them apart"
            findings.problems.append(
                Problem(table.name, rule, advice, row.line, "column 'study'", row.cells["study"])
            )
        seen.setdefault(key, row.line)
