"""What a comparison of two extractions holds: differences to resolve, and agreement by column."""

from collections.abc import Iterable
from dataclasses import dataclass

DIFFER, BLANK, DIGITS, SPELLING = "differ", "blank", "digits", "spelling"
FIRST_ONLY, SECOND_ONLY = "first_only", "second_only"
TO_RESOLVE = (DIFFER, BLANK)
"""Cells that disagree. DIGITS and SPELLING are told, but say the same."""

CATEGORY, NUMBER = "category", "number"


@dataclass(frozen=True)
class Difference:
    """One cell, or (`column` empty) one row, in which the extractions are not the same.

    `table` is the name of the file, `row` what identifies the row within its study. Lines
    count from 1, header included; None where the row is in the other extraction only. `amount` is
    first minus second, for numbers. Of a row, `columns` are those in which it differs from the one
    row that it may be, and `study_absent` says that the other extraction has no row of the study.
    """

    table: str
    study: str
    row: str
    column: str
    first_line: int | None
    first: str
    second_line: int | None
    second: str
    kind: str
    amount: str = ""
    note: str = ""
    columns: tuple[str, ...] = ()
    study_absent: bool = False


@dataclass(frozen=True)
class Agreement:
    """How far the extractions agree in one column, one table (`column` empty) or all (both empty).

    `cells` are those filled in one extraction at least: `agree` of them say the same, `differ` do
    not, `blank` are filled in one only. `told` are among those that agree, in other digits or
    letters. A statistic is None where it does not apply or is not defined; `note` says why not.
    """

    table: str
    column: str
    kind: str
    cells: int
    agree: int
    told: int
    differ: int
    blank: int
    kappa: float | None = None
    kappa_low: float | None = None
    kappa_high: float | None = None
    bias: float | None = None
    limit_low: float | None = None
    limit_high: float | None = None
    icc: float | None = None
    note: str = ""

    @property
    def paired(self) -> int:
        """Cells filled in both extractions, which is what the statistics are made of."""
        return self.cells - self.blank

    @property
    def percent(self) -> float | None:
        """Agreement in per cent of the cells; a cell blank in one is a disagreement."""
        return 100 * self.agree / self.cells if self.cells else None

    @property
    def exact_percent(self) -> float | None:
        """Exact matches in per cent of the cells that both fill."""
        return 100 * self.agree / self.paired if self.paired else None


@dataclass(frozen=True)
class Comparison:
    """What a second extraction says of the first.

    `tables` were compared, `rows` are in both. `differences` are in the order of tables and lines,
    those of rows that only the second has at the end of their table; `columns` in the order of
    tables and columns. `uncompared` are (table, columns) that only one extraction has.
    """

    tables: tuple[str, ...]
    rows: int
    differences: tuple[Difference, ...]
    columns: tuple[Agreement, ...]
    uncompared: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def overall(self) -> Agreement:
        return total(self.columns)

    @property
    def to_resolve(self) -> tuple[Difference, ...]:
        return tuple(item for item in self.differences if item.kind in TO_RESOLVE)

    @property
    def single_rows(self) -> tuple[Difference, ...]:
        return tuple(d for d in self.differences if d.kind in (FIRST_ONLY, SECOND_ONLY))


def total(columns: Iterable[Agreement], table: str = "") -> Agreement:
    """The counts of several columns together; the other statistics mean nothing across columns."""
    found = list(columns)
    names = ("cells", "agree", "told", "differ", "blank")
    return Agreement(table, "", "", *(sum(getattr(c, name) for c in found) for name in names))


def joined(comparisons: Iterable[Comparison]) -> Comparison:
    """The comparisons of several tables as one."""
    found = list(comparisons)
    return Comparison(
        tables=tuple(name for item in found for name in item.tables),
        rows=sum(item.rows for item in found),
        differences=tuple(d for item in found for d in item.differences),
        columns=tuple(column for item in found for column in item.columns),
        uncompared=tuple(pair for item in found for pair in item.uncompared),
    )
