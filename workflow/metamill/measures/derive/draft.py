"""A row on its way to completion: what is known so far, how, and within which limits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isnan, nan

from metamill.measures.derive.printed import Span, span

Cells = Mapping[str, str]


@dataclass(frozen=True)
class DerivedCell:
    """One number that no cell holds: its column, how it came about and from which columns."""

    column: str
    value: float
    how: str
    source_columns: tuple[str, ...]


@dataclass
class Draft:
    """`values` are nan where lacking; `limits` are known for reported and exactly derived ones.

    `numberless` says of columns why another form of them in the row gives no number.
    """

    cells: Cells
    values: dict[str, float]
    limits: dict[str, Span] = field(default_factory=dict)
    derived: list[DerivedCell] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    factors: dict[str, float] = field(default_factory=dict)
    numberless: dict[str, str] = field(default_factory=dict)

    def lacks(self, column: str) -> bool:
        return column in self.values and isnan(self.values[column])

    def has(self, *columns: str) -> bool:
        return all(not isnan(self.values.get(column, nan)) for column in columns)

    def add(self, column: str, value: float, how: str, sources: Iterable[str]) -> None:
        self.values[column] = value
        self.derived.append(DerivedCell(column, value, how, tuple(sources)))

    def flag(self, text: str) -> None:
        if text not in self.flags:
            self.flags.append(text)


def begin(cells: Cells, columns: Iterable[str]) -> Draft:
    """A row of which nothing but its cells is known."""
    values = {name: float(cells.get(name) or nan) for name in columns}
    return Draft(cells, values, {name: span(cells[name]) for name in values if cells.get(name)})
