"""A table as read, and what was found while reading it."""

from dataclasses import dataclass, field

from metamill.errors import Problem, WrongSetting

MOST_PROBLEMS, MOST_NOTICES = 200, 1000
"""So many are told of one table, so that what a wrong file brings forth can be read."""


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
    """Errors that stop a run, what was cleaned, and settings that the tables contradict."""

    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)
    settings: list[WrongSetting] = field(default_factory=list)


def number(cell: str) -> float:
    """The value of a cell that the reader accepted; nan for an empty one."""
    return float(cell) if cell else float("nan")
