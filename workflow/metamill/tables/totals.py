"""Rows that are no study but the sum or the pool of the others."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from metamill.errors import Problem
from metamill.tables.number_faults import is_count
from metamill.tables.table import Findings, Table, TableRow

_NAMES = re.compile(
    r"((sub-?|grand )?totals?( events| effect)?|overall( effect| estimate)?|pooled|sum|summary"
    r"|all studies|average|combined|heterogeneity\b.*|test for .*"
    r"|((random|fixed|common)[ -]effects?|re|fe) model)( ?\(.*\))?",
    re.IGNORECASE,
)
_SIZES = ("total", "n", "total_treatment", "n_treatment")
_COUNTS = (*_SIZES, "events", "events_treatment", "events_control", "total_control", "n_control")
_FEWEST = 3


def is_named_as_total(study: str) -> bool:
    """Whether a row is called what programs and papers call the row below the studies."""
    return _NAMES.fullmatch(study.rstrip(" :")) is not None


def check_totals(table: Table, findings: Findings) -> None:
    """Rows whose counts are the sums of other studies, whatever they are called.

    The last row is refused if at least two counts, and all that it gives, are the sums of at
    least three other studies; any other row whose size is such a sum is worth a note. Sums are
    taken over the whole table and over the rows of the same unit and arm.
    """
    counts = [column for column in _COUNTS if column in table.columns]
    told: set[int] = set()
    for rows in _groups(table):
        for row, summed, given in _sums(rows, counts):
            if row.line in told or not row.cells["study"]:
                continue
            told.add(row.line)
            where, study = "column 'study'", row.cells["study"]
            if row is table.rows[-1] and len(summed) > 1 and len(summed) == given:
                rule = f"its {_and(summed)} are the sums of the other studies"
                advice = "Remove the row of totals; if it is a study, put it before another one"
                findings.problems.append(
                    Problem(table.name, rule, advice, row.line, where, study, code="total-row")
                )
            elif set(summed) & set(_SIZES):
                verb = "is the sum" if len(summed) == 1 else "are the sums"
                rule = f"its {_and(summed)} {verb} of the other studies"
                advice = "Remove the row if it is one of totals"
                findings.notices.append(
                    Problem(table.name, rule, advice, row.line, where, study, code="sum-of-others")
                )


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _groups(table: Table) -> Iterator[list[TableRow]]:
    yield list(table.rows)
    groups: Mapping[tuple[str, ...], list[TableRow]] = defaultdict(list)
    for row in table.rows:
        groups[row.cells.get("unit", ""), row.cells.get("arm", "")].append(row)
    if len(groups) > 1:
        yield from groups.values()


def _sums(rows: list[TableRow], counts: Iterable[str]) -> Iterator[tuple[TableRow, list[str], int]]:
    """Rows of studies that occur once: the columns that are sums, and how many are not zero."""
    values = {c: [int(x) if is_count(x := row.cells[c]) else 0 for row in rows] for c in counts}
    sums = {column: sum(found) for column, found in values.items()}
    times = Counter(row.cells["study"].casefold() for row in rows)
    if len(times) <= _FEWEST:
        return
    for at, row in enumerate(rows):
        given = [column for column, found in values.items() if found[at]]
        summed = [column for column in given if 2 * values[column][at] == sums[column]]
        if summed and times[row.cells["study"].casefold()] == 1:
            yield row, summed, len(given)
