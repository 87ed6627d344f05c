"""Do the parts of a whole add up to it, and do their means and SDs give its own? (B10)"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from metamill.audit.finding import CONTRADICTION, QUESTION, Check, Finding
from metamill.audit.stated.categories import check_categories
from metamill.audit.stated.combined import Part, whole_mean, whole_variance
from metamill.audit.stated.printings import COUNTS, against_wholes, cell_of, printings
from metamill.audit.stated.same_number import agreement
from metamill.audit.stated.statements import WHO, Found, about, alike, by_study, place
from metamill.measures.derive.printed import ROUNDED, habits
from metamill.tables.printed import Interval, value
from metamill.tables.statements import STATEMENTS
from metamill.tables.table import Table, TableRow
from metamill.tables.values import same_level

CHECKS = (
    Check(
        "count_of_parts",
        "B10",
        "Parts that do not add up",
        "the counts of groups, or of categories that exclude each other, add up to the whole's",
        "arithmetic",
        "a patient in two categories, or a category or group that the paper does not print",
    ),
    Check(
        "mean_of_parts",
        "B10",
        "Mean of the whole against its parts",
        "N M = n1 m1 + n2 m2 + ... holds within the rounding of all means",
        "arithmetic",
        "missing values in a part, or adjusted means",
    ),
    Check(
        "sd_of_parts",
        "B10",
        "SD of the whole against its parts",
        "(N - 1) S^2 = sum (n - 1) s^2 + sum n (m - M)^2 within the rounding of all numbers, with "
        "N or N - 1 as divisor",
        "arithmetic (analysis of variance)",
        "missing values in a part; a standard error in place of an SD",
    ),
    Check(
        "range_of_parts",
        "B10",
        "Range of the whole against its parts",
        "the whole's smallest and largest value are those of its parts",
        "arithmetic",
        "missing values in a part or in the whole",
    ),
    Check(
        "divided_differently",
        "B10",
        "One whole divided in two ways",
        "sections whose categories add up to the same whole name the same categories",
        "comparison of the words",
        "one section joins or splits categories of the other",
    ),
    Check(
        "percent_total",
        "B10",
        "Percentages that do not add up",
        "percentages of categories that exclude each other add up to the whole's within rounding",
        "arithmetic",
        "a category that the paper does not print, or a patient in two categories",
    ),
)
Interpreted = Callable[[str], Interval]


def check_subtotals(statements: Table | None) -> Found:
    """Every whole of the statements against its categories and its parts."""
    for rows in by_study(statements):
        for family in _families(rows, "category"):
            yield from ((STATEMENTS, *found) for found in check_categories(family, rows))
        for family in _families(rows, "part_of"):
            yield from ((STATEMENTS, *found) for found in _parts(family, rows))


def _families(rows: Sequence[TableRow], column: str) -> list[list[TableRow]]:
    """Statements that divide one whole by category, or by group where `column` is part_of."""
    families: dict[tuple[str | float, ...], list[TableRow]] = {}
    own = ("category",) if column == "category" else ("group",)
    shared = [name for name in (*WHO, "unit", "time_months", "part_of") if name not in own]
    for row in rows:
        if row.cells.get(column):
            key = tuple(same_level(name, row.cells.get(name, "")) for name in shared)
            families.setdefault(key, []).append(row)
    return list(families.values())


def _parts(
    rows: Sequence[TableRow], statements: Sequence[TableRow]
) -> Iterator[tuple[int, Finding]]:
    """Groups that make up a larger one: sizes, events, means, SDs and ranges."""
    first = rows[0].cells
    wholes = [
        row for row in statements if alike(row.cells, first | {"group": first["part_of"]}, WHO)
    ]
    for column in COUNTS:
        cell = cell_of(column)
        there = [row for row in wholes if cell(row)]
        yield from against_wholes(printings(rows, "group", cell), there, "group", cell)
    for way in printings(rows, "group", _size_of_mean)[:1]:
        for whole in wholes:
            yield from ((whole.line, finding) for finding in _summary(way, whole))


def _size_of_mean(row: TableRow) -> str:
    return row.cells.get("n", "") if row.cells.get("mean") else ""


def _summary(way: Sequence[TableRow], whole: TableRow) -> Iterator[Finding]:
    said = whole.cells.get("n", "")
    if said and int(said) != sum(int(row.cells["n"]) for row in way):
        return
    yield from _mean_or_sd(way, whole, "mean")
    if all(row.cells.get("sd") for row in way):
        yield from _mean_or_sd(way, whole, "sd")
    for name, extreme in (("min", min), ("max", max)):
        said = whole.cells.get(name, "")
        if said and all(row.cells.get(name) for row in way):
            reached = extreme((row.cells[name] for row in way), key=value)
            level = agreement(name, said, reached)
            if level:
                words = f"{about(whole.cells)}: the {name} is {said} ({place(whole)}), and "
                words += f"{reached} is that of its parts ({place(way[0])})"
                yield _apart("range_of_parts", level, name, said, reached, words)


def _mean_or_sd(way: Sequence[TableRow], whole: TableRow, name: str) -> Iterator[Finding]:
    said = whole.cells.get(name, "")
    if not said:
        return
    excuse = ""
    for how in (ROUNDED, *habits(whole.cells, *(row.cells for row in way))):
        told = how.interval(said)
        if name == "sd":
            told = (max(told[0], Fraction(0)) ** 2, told[1] ** 2)
        if _meet(_possible(way, name, how.interval), told):
            if how is ROUNDED:
                return
            excuse = how.excuse
            break
    level = QUESTION if excuse else CONTRADICTION
    low, high = _possible(way, name, ROUNDED.interval)
    limits = (
        (float(low), float(high)) if name == "mean" else (float(low) ** 0.5, float(high) ** 0.5)
    )
    allowed = f"{limits[0]:.4g} to {limits[1]:.4g}"
    listed = " and ".join(
        f"{row.cells['mean']}{' ± ' + row.cells['sd'] if name == 'sd' else ''} (n = "
        f"{row.cells['n']}, {row.cells['group']})"
        for row in way
    )
    words = f"{about(whole.cells)}: {listed} together have {_NAMED[name]} {allowed}; "
    words += f"{said} is printed in {place(whole)}"
    if excuse:
        words += f". {excuse} would explain it"
    yield _apart(f"{name}_of_parts", level, name, said, allowed, words)


_NAMED = {"mean": "a mean of", "sd": "an SD of"}


def _possible(way: Sequence[TableRow], name: str, how: Interpreted) -> Interval:
    parts = [
        Part(
            int(row.cells["n"]),
            how(row.cells["mean"]),
            how(row.cells["sd"]) if name == "sd" else None,
        )
        for row in way
    ]
    return whole_mean(parts) if name == "mean" else whole_variance(parts)


def _apart(check: str, level: str, column: str, said: str, allowed: str, words: str) -> Finding:
    who = "the parts exclude each other, are all printed, and each patient has a value"
    return Finding(check, level, (column,), f"{column} {said}", allowed, words, who)


def _meet(one: Interval, two: Interval) -> bool:
    return one[0] <= two[1] and two[0] <= one[1]
