"""Do a paper's statements of one number agree with each other? (B7, B10)"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from metamill.audit.counts import counts_within, percent_of, span, totals_of
from metamill.audit.finding import CONTRADICTION, INFO, QUESTION, Check, Finding
from metamill.audit.stated.same_number import SHORTENED, agreement, either, other_divisor
from metamill.measures.derive.printed import one_unit_off
from metamill.tables.printed import rounded
from metamill.tables.statements import STATEMENTS, told
from metamill.tables.table import Table, TableRow
from metamill.tables.values import same_level

CHECKS = (
    Check(
        "printed_twice",
        "B10",
        "One number printed twice",
        "statements of one quantity, group, category and occasion print numbers that round to "
        "one another",
        "arithmetic; closed rounding intervals have to meet",
        "the statements are about different patients or times, which the table does not tell apart",
    ),
    Check(
        "same_events_stated",
        "B7",
        "The same events stated out of two totals",
        "statements of one quantity with equal events have equal totals",
        "arithmetic; which of the totals was examined is for the reader to decide",
        "different patients that happen to have as many events",
    ),
    Check(
        "other_total",
        "B7",
        "Percentage out of another total",
        "a percentage that does not fit its own total is compared with every total of the study",
        "arithmetic",
        "with many totals some fit by chance",
    ),
    Check(
        "p_zero",
        "B8",
        "p printed as zero",
        "no p value is zero",
        "a p value printed as 0.000 is below half a unit of its last digit",
        "never, but software prints it so",
    ),
)
Found = Iterator[tuple[str, int, Finding]]
Topic = tuple[str | float, ...]
"""What statements of one topic share: the cells of _TOPIC, as same_level has them."""
WHO = ("study", "quantity", "group", "category", "occasion")
_TOPIC = ("study", "quantity", "category", "occasion")
_MAYBE = ("unit", "time_months")
"""Columns that tell statements apart only where both fill them in."""

_NEAR = (
    "the share is less than one unit of the last digit away, as are percentages that were made to "
    "add up to 100"
)


@dataclass(frozen=True)
class _Apart:
    """A number that two statements print differently, and what would excuse it ("": nothing)."""

    column: str
    here: str
    there: str
    excuse: str


def check_statements(statements: Table | None) -> Found:
    """Numbers that a study prints more than once, or out of totals that do not fit."""
    for rows in by_study(statements):
        topics: dict[Topic, list[TableRow]] = {}
        for row in rows:
            topics.setdefault(_topic(row), []).append(row)
        earlier: dict[Topic, list[TableRow]] = {}
        for row in rows:
            before = earlier.setdefault(_topic(row), [])
            for finding in _of_row(row, before, topics[_topic(row)], rows):
                yield STATEMENTS, row.line, finding
            before.append(row)


def _topic(row: TableRow) -> Topic:
    return tuple(same_level(name, row.cells.get(name, "")) for name in _TOPIC)


def by_study(statements: Table | None) -> list[list[TableRow]]:
    """The statements of each study; none without a table of them."""
    studies: dict[str, list[TableRow]] = {}
    for row in statements.rows if statements is not None else ():
        studies.setdefault(row.cells["study"], []).append(row)
    return list(studies.values())


def _of_row(
    row: TableRow,
    earlier: Sequence[TableRow],
    same: Sequence[TableRow],
    rows: Sequence[TableRow],
) -> Iterator[Finding]:
    """What other statements say against one.

    `earlier` and `same` are those of its topic before it and at all, `rows` those of its study.
    """
    yield from _twice(row, earlier)
    yield from _out_of_two(row, earlier)
    yield from _zero(row)
    yield from _other_totals(row, same, rows)


def place(row: TableRow) -> str:
    """Where the paper prints a statement: "discussion, L151"."""
    return ", ".join(filter(None, (row.cells.get("section"), row.cells.get("location"))))


def about(cells: Mapping[str, str]) -> str:
    """What a statement is about, in its own words: "ODI, all patients, before"."""
    named = (cells.get(name, "") for name in ("quantity", "category", "group", "occasion"))
    return ", ".join(filter(None, named))


def alike(one: Mapping[str, str], two: Mapping[str, str], columns: Sequence[str] = WHO) -> bool:
    """Whether two statements are about the same thing."""
    for name in columns:
        here, there = one.get(name, ""), two.get(name, "")
        if here != there and same_level(name, here) != same_level(name, there):
            return False
    filled = (name for name in _MAYBE if one.get(name) and two.get(name))
    return all(same_level(name, one[name]) == same_level(name, two[name]) for name in filled)


def _twice(row: TableRow, earlier: Sequence[TableRow]) -> Iterator[Finding]:
    """The numbers of a statement against the first earlier one that disagrees with each."""
    cells = row.cells
    apart: dict[int, list[_Apart]] = {}
    before = [other for other in earlier if alike(other.cells, cells)]
    for column, cell in cells.items():
        if not cell or not told(column):
            continue
        for other in before:
            there = other.cells.get(column, "")
            level = agreement(column, there, cell) if there else ""
            if level:
                excuse = SHORTENED if level == QUESTION else _divisors(column, other.cells, cells)
                apart.setdefault(other.line, []).append(_Apart(column, cell, there, excuse))
                break
    share = _share(cells)
    for other in before:
        there = other.cells.get("percent", "")
        if share is not None and there and not cells.get("percent"):
            low, high = either("percent", there)
            if not low <= share <= high and other.line not in apart:
                counted = f"{cells['events']}/{cells['total']}"
                excuse = _NEAR if one_unit_off(there, share) else ""
                said = _Apart("events", counted, f"{there} %", excuse)
                apart.setdefault(other.line, []).append(said)
    for other in before:
        if other.line in apart:
            yield _disagreement(row, other, apart[other.line])


def _divisors(column: str, one: Mapping[str, str], two: Mapping[str, str]) -> str:
    """Why two SDs may be one, where the number of patients is known."""
    sizes = {int(cells["n"]) for cells in (one, two) if cells.get("n")}
    if column != "sd" or len(sizes) != 1:
        return ""
    return other_divisor(one["sd"], two["sd"], min(sizes))


def _share(cells: Mapping[str, str]) -> Fraction | None:
    events, total = cells.get("events", ""), cells.get("total", "")
    return Fraction(100 * int(events), int(total)) if events and total else None


def _disagreement(row: TableRow, other: TableRow, apart: Sequence[_Apart]) -> Finding:
    """One finding on all that two statements differ in; a question if all of it is excused."""
    level = QUESTION if all(item.excuse for item in apart) else CONTRADICTION
    here = ", ".join(f"{item.column} {item.here}" for item in apart)
    there = ", ".join(f"{item.column} {item.there}" for item in apart)
    words = f"{about(row.cells)}: {there} in {place(other)} (line {other.line}), but {here} in "
    words += "; ".join((place(row), *dict.fromkeys(x.excuse for x in apart if x.excuse)))
    return Finding(
        "printed_twice",
        level,
        tuple(item.column for item in apart),
        f"{here} ({place(row)})",
        f"{there} ({place(other)})",
        words,
        "both statements are about the same patients at the same time",
    )


def _out_of_two(row: TableRow, earlier: Sequence[TableRow]) -> Iterator[Finding]:
    """V33: equal events of one quantity out of two totals, in two groups that are no siblings."""
    cells = row.cells
    share = _share(cells)
    if share is None or int(cells["events"]) == 0:
        return
    for other in earlier:
        there = other.cells
        if there.get("events") != cells["events"] or not there.get("total"):
            continue
        if not alike(there, cells, _TOPIC) or alike(there, cells) or _siblings(there, cells):
            continue
        shares = _share(there), share
        if int(there["total"]) != int(cells["total"]):
            one, two = (f"{c['events']}/{c['total']}" for c in (there, cells))
            yield Finding(
                "same_events_stated",
                QUESTION,
                ("total", "events"),
                f"{two} ({place(row)})",
                f"{one} ({place(other)})",
                f"{cells['quantity']}: the same {cells['events']} events are stated out of "
                f"{there['total']} ({there['group']}, {place(other)}, line {other.line}) and out "
                f"of {cells['total']} ({cells['group']}, {place(row)}), "
                f"{float(shares[0] or 0):.4g} % and {float(shares[1] or 0):.4g} %",
                "both statements count the same events",
            )
            return


def _siblings(one: Mapping[str, str], two: Mapping[str, str]) -> bool:
    whole = one.get("part_of", "")
    return bool(whole) and same_level("part_of", whole) == same_level(
        "part_of", two.get("part_of", "")
    )


def _zero(row: TableRow) -> Iterator[Finding]:
    printed = row.cells.get("p_printed", "").replace(" ", "").removeprefix("p").removeprefix("=")
    if printed and set(printed) <= set("0.") and "0" in printed:
        digits = len(printed.partition(".")[2])
        yield Finding(
            "p_zero",
            QUESTION,
            ("p_printed",),
            f"p {row.cells['p_printed']}",
            "above 0",
            f"No p value is zero; one that is printed as {printed} is below "
            f"{float(Fraction(1, 2 * 10**digits)):g}",
        )


def _other_totals(
    row: TableRow, same: Sequence[TableRow], rows: Sequence[TableRow]
) -> Iterator[Finding]:
    """Which other totals, or events, of the study would make a percentage right.

    A percentage without a total is held to those of the statements of the same thing.
    """
    percent, total = row.cells.get("percent", ""), row.cells.get("total", "")
    events = row.cells.get("events", "")
    if not percent or (events and not total):
        return
    interval = rounded(percent)
    topic = [other for other in same if alike(other.cells, row.cells, _TOPIC)]
    totals_told = [total] if total else [x for o in topic if (x := o.cells.get("total", ""))]
    if not totals_told or (events and percent_of(int(events), int(total), interval)):
        return
    fits = words = ""
    if events:
        fitting: dict[int, str] = {}
        first = {other.line for other in topic}
        tried: set[str] = set()
        for other in (*topic, *(other for other in rows if other.line not in first)):
            for n in filter(None, (other.cells.get("total"), other.cells.get("n"))):
                if n not in tried and percent_of(int(events), int(n), interval):
                    fitting.setdefault(int(n), f"{n} ({about(other.cells)}, {place(other)})")
                tried.add(n)
        if fitting:
            fits = " or ".join(map(str, fitting))
            words = f"{events} are {percent} % of {' or '.join(fitting.values())}"
    elif not any(counts_within(int(n), interval) for n in totals_told):
        for other in topic:
            k = other.cells.get("events", "")
            if k:
                totals = totals_of(int(k), interval)
                if totals is not None:
                    fits = span(totals)
                    words = (
                        f"the {k} events of {place(other)} (line {other.line}) are {percent} % of "
                        f"{fits}, so that another unit may be counted here"
                    )
                    break
    if words:
        told_totals = " or ".join(dict.fromkeys(totals_told))
        yield Finding(
            "other_total",
            INFO,
            ("percent", "total"),
            f"percent {percent} of {told_totals}",
            f"a total of {fits}",
            f"{percent} % does not fit a total of {told_totals}; {words}",
        )
