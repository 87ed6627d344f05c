"""Which row of one extraction is which row of the other.

Rows are the same that agree in every column that tells rows apart and that both tables have. A row
with several counterparts is refused, a row without one is listed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from metamill.audit.second.comparison import FIRST_ONLY, SECOND_ONLY, Difference
from metamill.errors import Problem
from metamill.tables.codebook import identifies
from metamill.tables.extracted import STUDIES
from metamill.tables.risk_of_bias import FILE as RISK_OF_BIAS
from metamill.tables.table import Table, TableRow
from metamill.tables.values import same_level

_OWN_KEYS = {STUDIES: ("study",), RISK_OF_BIAS: ("study", "tool", "outcome", "domain")}
"""What identifies the rows of tables that do not hold numbers of an outcome."""

Key = tuple[str | float, ...]


@dataclass(frozen=True)
class Matched:
    """Rows found in both tables, rows of one only, and rows with several counterparts."""

    pairs: tuple[tuple[TableRow, TableRow], ...]
    first_only: tuple[TableRow, ...]
    second_only: tuple[TableRow, ...]
    ambiguous: tuple[Problem, ...]


def file_of(table: Table) -> str:
    return table.name.rpartition("/")[2]


def keys_of(file: str, columns: Iterable[str]) -> list[str]:
    """Those of the columns that identify the rows of a file, in their order."""
    own = _OWN_KEYS.get(file)
    return [column for column in columns if (column in own if own else identifies(column))]


def key_of(row: TableRow, keys: Iterable[str]) -> Key:
    return tuple(same_level(column, row.cells[column]) for column in keys)


def row_words(row: TableRow, keys: Iterable[str]) -> str:
    """What identifies a row within its study, as words."""
    return ", ".join(f"{c} {row.cells[c]}" for c in keys if c != "study" and row.cells[c])


def matched(first: Table, second: Table, keys: list[str]) -> Matched:
    """Match the rows of two tables by `keys`, columns that both have."""
    groups: dict[Key, tuple[list[TableRow], list[TableRow]]] = {}
    for side, table in enumerate((first, second)):
        for key, row in zip(_row_keys(table, keys), table.rows, strict=True):
            groups.setdefault(key, ([], []))[side].append(row)
    pairs = []
    alone: tuple[list[TableRow], list[TableRow]] = ([], [])
    ambiguous = []
    for ours, theirs in groups.values():
        if len(ours) == len(theirs) == 1:
            pairs.append((ours[0], theirs[0]))
        elif ours and theirs:
            ambiguous.append(_ambiguous(first, second, ours, theirs))
        else:
            alone[0].extend(ours)
            alone[1].extend(theirs)
    return Matched(tuple(pairs), tuple(alone[0]), tuple(alone[1]), tuple(ambiguous))


def _row_keys(table: Table, keys: list[str]) -> Iterator[Key]:
    """key_of every row, each level of a column being looked at once."""
    columns = []
    for column in keys:
        cells = [row.cells[column] for row in table.rows]
        levels = {cell: same_level(column, cell) for cell in set(cells)}
        columns.append([levels[cell] for cell in cells])
    return zip(*columns, strict=True)


def _ambiguous(
    first: Table, second: Table, ours: list[TableRow], theirs: list[TableRow]
) -> Problem:
    """Rows alike in all columns that both tables have; a column of one table tells them apart."""
    lacking = [
        f"Add the column '{column}' to {lacks.name}"
        for rows, has, lacks in ((ours, first, second), (theirs, second, first))
        for column in keys_of(file_of(has), has.columns)
        if column not in lacks.columns and len({key_of(row, [column]) for row in rows}) > 1
    ]
    rule = f"{_lines(theirs)} may be {_lines(ours)} of {first.name} alike"
    study = theirs[0].cells["study"]
    return Problem(
        second.name,
        rule,
        "; ".join(lacking),
        theirs[0].line,
        "column 'study'",
        study,
        "ambiguous-row",
    )


def _lines(rows: list[TableRow]) -> str:
    *others, last = (str(row.line) for row in rows)
    return f"each of the rows in lines {', '.join(others)} and {last}" if others else "this row"


def left_over(first: Table, second: Table, rows: Matched, keys: list[str]) -> Iterator[Difference]:
    """Rows of one extraction only, each with the row of the other that it may be.

    That is said only where one row of the study is left over on each side.
    """
    sides = (
        (FIRST_ONLY, "second", rows.first_only, second, rows.second_only),
        (SECOND_ONLY, "first", rows.second_only, first, rows.first_only),
    )
    for kind, other, alone, table, candidates in sides:
        left, theirs = _by_study(alone), _by_study(candidates)
        known = {row.cells["study"].casefold() for row in table.rows}
        for row in alone:
            study = row.cells["study"].casefold()
            meant = theirs.get(study, [])
            columns: tuple[str, ...] = ()
            if study not in known:
                note = f"the {other} extraction has no row of this study"
            elif len(meant) == len(left[study]) == 1:
                columns = tuple(c for c in keys if key_of(row, [c]) != key_of(meant[0], [c]))
                note = _may_be(row, meant[0], table.name, columns)
            else:
                named = ", ".join(key for key in keys if key != "study") or "study"
                note = f"no row of this study in the {other} extraction has the same {named}"
            yield Difference(
                table=file_of(first),
                study=row.cells["study"],
                row=row_words(row, keys),
                column="",
                first_line=row.line if kind == FIRST_ONLY else None,
                first="",
                second_line=row.line if kind == SECOND_ONLY else None,
                second="",
                kind=kind,
                note=note,
                columns=columns,
                study_absent=study not in known,
            )


def _may_be(row: TableRow, meant: TableRow, table: str, columns: tuple[str, ...]) -> str:
    differs = ", ".join(
        f"{c} ({row.cells[c] or 'blank'} here, {meant.cells[c] or 'blank'} there)" for c in columns
    )
    return f"may be the row in line {meant.line} of {table}, which differs in {differs}"


def _by_study(rows: Iterable[TableRow]) -> dict[str, list[TableRow]]:
    found: dict[str, list[TableRow]] = {}
    for row in rows:
        found.setdefault(row.cells["study"].casefold(), []).append(row)
    return found
