"""Every check on every number of a review: the rows of its tables, its studies, its statements."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from metamill.audit.beside import baseline, digits, peers
from metamill.audit.families import POOL_CHECKS, ROW_CHECKS
from metamill.audit.finding import HOLDING, LEVELS, Finding
from metamill.audit.number import check_number
from metamill.audit.rows import Scale, scale_from, scale_named, scale_of
from metamill.audit.second.comparison import Comparison
from metamill.audit.second.words import findings_of
from metamill.audit.stated.statements import about, check_statements
from metamill.audit.stated.subtotals import check_subtotals
from metamill.audit.studies import cohorts, overlap, timeline
from metamill.config.settings import Outcome, Review
from metamill.tables.extracted import STUDIES, Extracted
from metamill.tables.pools import apply_plan
from metamill.tables.selection import Selection
from metamill.tables.statements import STATEMENTS
from metamill.tables.table import Table, TableRow


@dataclass(frozen=True)
class Entry:
    """A finding and where it stands.

    `outcomes` are those that select the row; `about` says what a statement is about.
    """

    table: str
    line: int
    study: str
    outcomes: tuple[str, ...]
    finding: Finding
    source: str = ""
    about: str = ""


def audit_review(
    extracted: Extracted,
    statements: Table | None,
    second: Comparison | None,
    review: Review,
    selections: Mapping[str, Selection],
) -> tuple[Entry, ...]:
    """Everything that the checks find, gravest first, then by table and line.

    Outcomes without a selection are passed over. The tables must be sound: cells are taken for
    what their columns say.
    """
    outcomes = {name: review.outcomes[name] for name in selections}
    scales = {name: scale_from(review.scores[name]) for name in selections}
    of_rows = list(_of_rows(extracted, outcomes, scales, selections))
    found = [
        *of_rows,
        *_of_pools(outcomes, scales, selections),
        *_of_statements(statements, {(entry.study, entry.finding) for entry in of_rows}),
        *_of_review(extracted, statements, review, outcomes, selections),
        *_of_second(second, extracted, outcomes, selections),
    ]
    return tuple(sorted(found, key=_order))


def _order(entry: Entry) -> tuple[int, str, int, str]:
    finding = entry.finding
    return LEVELS.index(finding.level), entry.table, entry.line, finding.check


def check_row(cells: Mapping[str, str], scale: Scale, measure: str) -> Iterator[Finding]:
    """What the checks of single rows find in one."""
    for check in ROW_CHECKS:
        yield from check(cells, scale, measure)


def _of_rows(
    extracted: Extracted,
    outcomes: Mapping[str, Outcome],
    scales: Mapping[str, Scale],
    selections: Mapping[str, Selection],
) -> Iterator[Entry]:
    """Findings of each row, once for all outcomes that see it alike."""
    for name, table in extracted.tables.items():
        if name == STUDIES:
            continue
        selecting: dict[int, list[tuple[str, TableRow]]] = {}
        for outcome, selection in selections.items():
            if selection.table == table.name:
                for row in selection.rows:
                    selecting.setdefault(row.line, []).append((outcome, row))
        for row in table.rows:
            found: dict[Finding, list[str]] = {}
            for outcome, joined in selecting.get(row.line, ()):
                scale = scale_of(joined.cells, scales[outcome])
                model = outcomes[outcome].plans[0].model
                of_row = list(check_row(joined.cells, scale, model.measure))
                if not any(finding.level in HOLDING for finding in of_row):
                    of_row += check_number(joined.cells, model)
                for finding in of_row:
                    found.setdefault(finding, []).append(outcome)
            if row.line not in selecting:
                alone = check_row(row.cells, scale_of(row.cells, Scale()), "")
                found = {finding: [] for finding in alone}
            for finding, seen_by in found.items():
                yield _entry(name, row, tuple(dict.fromkeys(seen_by)), finding)


def _of_pools(
    outcomes: Mapping[str, Outcome],
    scales: Mapping[str, Scale],
    selections: Mapping[str, Selection],
) -> Iterator[Entry]:
    for name, selection in selections.items():
        for check in POOL_CHECKS:
            for at, finding in check(selection.rows, outcomes[name], scales[name]):
                table = outcomes[name].table
                yield _entry(table, selection.rows[at], (name,), finding)


def _of_review(
    extracted: Extracted,
    statements: Table | None,
    review: Review,
    outcomes: Mapping[str, Outcome],
    selections: Mapping[str, Selection],
) -> Iterator[Entry]:
    """Findings on studies, on tables as wholes, and on what papers print besides."""
    tables = dict(extracted.tables)
    found = [
        *cohorts.check_cohorts(extracted.studies, outcomes, selections),
        *cohorts.check_patients(tables),
        *overlap.check_overlap(extracted.studies, selections),
        *timeline.check_study_dates(extracted.studies, statements),
        *baseline.check_baseline(extracted.studies, statements),
        *digits.check_digits(tables),
        *peers.check_directions(outcomes, review.displays),
        *check_statements(statements),
        *check_subtotals(statements),
    ]
    if statements is not None:
        tables[STATEMENTS] = statements
    rows, nowhere = _by_place(tables), TableRow(1, {"study": ""})
    for name, line, finding in found:
        yield _entry(name, rows.get((name, line), nowhere), (), finding)


def _of_statements(
    statements: Table | None, known: Collection[tuple[str, Finding]]
) -> Iterator[Entry]:
    """What single statements say that cannot be true; `known` stands in a table row already."""
    for row in statements.rows if statements else ():
        scale = scale_of(row.cells, scale_named(row.cells.get("instrument", "")))
        for finding in check_row(row.cells, scale, ""):
            entry = _entry(STATEMENTS, row, (), finding)
            if (entry.study, entry.finding) not in known:
                yield replace(entry, about=about(row.cells))


def _of_second(
    second: Comparison | None,
    extracted: Extracted,
    outcomes: Mapping[str, Outcome],
    selections: Mapping[str, Selection],
) -> Iterator[Entry]:
    """Cells that a second extraction has otherwise, of rows that a primary analysis pools."""
    if second is None:
        return
    pooled: dict[tuple[str, int], list[str]] = {}
    for name, selection in selections.items():
        for at in apply_plan(selection.rows, outcomes[name].plans[0]).used:
            line = selection.rows[at].line
            pooled.setdefault((outcomes[name].table, line), []).append(name)
    rows = _by_place(extracted.tables)
    for name, line, finding in findings_of(second):
        if (name, line) in pooled:
            yield _entry(name, rows[name, line], tuple(pooled[name, line]), finding)


def _by_place(tables: Mapping[str, Table]) -> dict[tuple[str, int], TableRow]:
    return {(name, row.line): row for name, table in tables.items() for row in table.rows}


def _entry(table: str, row: TableRow, outcomes: tuple[str, ...], finding: Finding) -> Entry:
    finding = replace(finding, arithmetic=finding.arithmetic.rstrip("."))
    place = "; ".join(filter(None, (row.cells.get("source"), row.cells.get("location"))))
    return Entry(table, row.line, row.cells["study"], outcomes, finding, place)
