"""Categories of findings that exclude each other: do they make up their whole? (B10)"""

from collections.abc import Container, Iterator, Mapping, Sequence
from fractions import Fraction

from metamill.audit.finding import QUESTION, Finding
from metamill.audit.stated.printings import (
    against_wholes,
    by_section,
    cell_of,
    in_one_section,
    not_adding_up,
    printings,
)
from metamill.audit.stated.statements import WHO, about, alike, place
from metamill.tables.printed import Interval, rounded, value
from metamill.tables.table import TableRow


def check_categories(
    rows: Sequence[TableRow], statements: Sequence[TableRow]
) -> Iterator[tuple[int, Finding]]:
    """Counts and percentages of categories that exclude each other and are the whole."""
    first = rows[0]
    wholes = [
        row
        for row in statements
        if not row.cells.get("category")
        and alike(row.cells, first.cells, [name for name in WHO if name != "category"])
    ]
    counted = printings(rows, "category", _count)
    yield from against_wholes(counted, [row for row in wholes if _count(row)], "category", _count)
    if counted and not any(row.cells.get("events") for row in wholes):
        yield from _against_total(counted)
    yield from _differently(by_section(rows, "category", _count))
    shares = printings(rows, "category", cell_of("percent"))
    for way in shares[:1]:
        whole = next((row.cells["percent"] for row in wholes if row.cells.get("percent")), "")
        low, high = _sum(way, "percent")
        least, most = rounded(whole) if whole else (Fraction(100), Fraction(100))
        if high < least or low > most:
            listed = " + ".join(row.cells["percent"] for row in way)
            yield (
                way[-1].line,
                Finding(
                    "percent_total",
                    QUESTION,
                    ("percent",),
                    f"sum {_plain(sum(value(row.cells['percent']) for row in way))}",
                    f"{whole or 100} within rounding",
                    f"{about(first.cells | {'category': ''})}: {listed} = "
                    f"{_plain(sum(value(row.cells['percent']) for row in way))} %, where the whole "
                    f"is {whole or 100} %",
                    "the categories exclude each other, and all are printed",
                ),
            )


def _count(row: TableRow) -> str:
    return row.cells.get("events", "") or row.cells.get("n", "")


def _sum(rows: Sequence[TableRow], column: str) -> Interval:
    ends = [rounded(row.cells[column]) for row in rows]
    return sum((low for low, _ in ends), Fraction(0)), sum((high for _, high in ends), Fraction(0))


def _against_total(ways: Sequence[Sequence[TableRow]]) -> Iterator[tuple[int, Finding]]:
    """Events of the categories against the one total that all of them print."""
    apart = []
    for way in ways:
        totals = {int(row.cells["total"]) for row in way if row.cells.get("total")}
        events = [row.cells.get("events", "") for row in way]
        if len(totals) == 1 and all(events) and sum(map(int, events)) != min(totals):
            apart.append((way, min(totals)))
    if apart and (len(apart) == len(ways) or in_one_section(ways)):
        way, total = apart[0]
        named = f"{total} (their total)"
        yield way[-1].line, not_adding_up(way, "category", _count, named, "total")


def _differently(sections: Sequence[Sequence[TableRow]]) -> Iterator[tuple[int, Finding]]:
    """Sections that divide equally many units into different categories."""
    divided = [
        {row.cells["category"]: row for row in section if int(_count(row))}
        for section in sections
        if len(section) > 1
    ]
    for at, here in enumerate(divided):
        for there in divided[:at]:
            sums = [sum(int(_count(row)) for row in of.values()) for of in (there, here)]
            if sums[0] != sums[1] or here.keys() == there.keys():
                continue
            first, row = next(iter(there.values())), next(iter(here.values()))
            only, other = _listed(here, there), _listed(there, here)
            told = "; ".join(
                f"{place(at)}: {_listed(of)}" for at, of in ((first, there), (row, here))
            )
            yield (
                row.line,
                Finding(
                    "divided_differently",
                    QUESTION,
                    ("category",),
                    f"{only or 'fewer categories'} ({place(row)})",
                    f"{other or 'fewer categories'} ({place(first)})",
                    f"{row.cells['quantity']}: {sums[0]} are divided in two ways; {told}",
                    "the sections name the same thing by the same words in this table",
                ),
            )


def _listed(categories: Mapping[str, TableRow], without: Container[str] = ()) -> str:
    return ", ".join(
        f"{name} {_count(row)}" for name, row in categories.items() if name not in without
    )


def _plain(x: Fraction | int) -> str:
    return f"{float(x):.5g}"
