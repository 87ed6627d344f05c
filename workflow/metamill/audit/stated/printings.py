"""The parts of a whole as the sections of a paper print them, and whether they add up."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod

from metamill.audit.finding import CONTRADICTION, Finding
from metamill.audit.stated.statements import place
from metamill.tables.table import TableRow
from metamill.tables.values import same_level

Cell = Callable[[TableRow], str]
COUNTS = ("n", "total", "events")
_MOST = 4096
"""Combinations of different printings that are tried."""


def cell_of(column: str) -> Cell:
    """What a statement holds in a column, "" without it."""
    return lambda row: row.cells.get(column, "")


def printings(rows: Sequence[TableRow], by: str, cell: Cell) -> list[list[TableRow]]:
    """One row per part, in each way the paper prints all of them.

    Sections that print every part are taken each by itself. Where each section prints only one
    part, they are put together from all sections in every possible way.
    """
    parts: dict[str | float, list[TableRow]] = {}
    for row in rows:
        if cell(row):
            parts.setdefault(same_level(by, row.cells[by]), []).append(row)
    told = by_section(rows, by, cell)
    if len(parts) < 2 or any(1 < len(section) < len(parts) for section in told):
        return [section for section in told if len(section) == len(parts) > 1]
    if complete := [section for section in told if len(section) == len(parts)]:
        return complete
    ways = prod(len(choices) for choices in parts.values())
    return [list(way) for way in product(*parts.values())] if ways <= _MOST else []


def by_section(rows: Sequence[TableRow], by: str, cell: Cell) -> list[list[TableRow]]:
    """The parts that each section of the paper prints, the first row of each part."""
    sections: dict[str | float, dict[str | float, TableRow]] = {}
    for row in rows:
        if cell(row):
            of = sections.setdefault(same_level("section", row.cells["section"]), {})
            of.setdefault(same_level(by, row.cells[by]), row)
    return [list(of.values()) for of in sections.values()]


def against_wholes(
    ways: Sequence[Sequence[TableRow]],
    wholes: Sequence[TableRow],
    by: str,
    cell: Cell,
) -> Iterator[tuple[int, Finding]]:
    """Counts of the parts against each statement of the whole's count.

    Where several printings of the parts are put together from different sections, one that adds
    up is enough.
    """
    for whole in wholes:
        said = int(cell(whole))
        sums = [sum(int(cell(row)) for row in way) for way in ways]
        apart = [way for way, total in zip(ways, sums, strict=True) if total != said]
        if not apart or (len(apart) < len(ways) and not in_one_section(ways)):
            continue
        way = apart[0]
        column = next(name for name in COUNTS if whole.cells.get(name) == cell(whole))
        named = f"{said} ({place(whole)})"
        yield whole.line, not_adding_up(way, by, cell, named, column)


def in_one_section(ways: Sequence[Sequence[TableRow]]) -> bool:
    """Whether every printing is that of one section."""
    return all(len({row.cells["section"] for row in way}) == 1 for way in ways)


def not_adding_up(way: Sequence[TableRow], by: str, cell: Cell, whole: str, column: str) -> Finding:
    """The sum of the parts beside the whole, which stands in `column`."""
    listed = " + ".join(cell(row) for row in way)
    named = ", ".join(row.cells[by] for row in way)
    total = sum(int(cell(row)) for row in way)
    return Finding(
        "count_of_parts",
        CONTRADICTION,
        (column,),
        f"{column} {whole}",
        f"{total} ({place(way[0])})",
        f"{way[0].cells['quantity']}: {named} are {listed} = {total} ({place(way[0])}); the whole "
        f"is printed as {whole}",
        "the parts exclude each other, and all are printed",
    )
