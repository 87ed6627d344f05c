"""What findings do: rows that cannot be true are held out of the primary analysis.

Nothing is corrected. A row stays in the tables and figures, marked, and an analysis beside the
primary one shows what it would change. config.yaml can accept a finding with a reason; then the
row is pooled as it is printed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from metamill.audit.finding import HOLDING, in_words
from metamill.audit.review import Entry
from metamill.config.settings import Acceptance, HeldRow, Outcome, RowFilter, RowFinding
from metamill.errors import WrongSetting, did_you_mean
from metamill.measures.prepare import prepare
from metamill.tables.pools import unknown_levels
from metamill.tables.selection import Selection
from metamill.tables.table import TableRow


def held_out(
    outcome: Outcome,
    selection: Selection,
    entries: Iterable[Entry],
    accepted: Sequence[Acceptance],
) -> Outcome:
    """The outcome with what the audit says of its rows, and without those it holds out."""
    cells = {row.line: row.cells for row in selection.rows}
    own = [item for item in entries if outcome.name in item.outcomes and item.line in cells]
    findings, held = [], []
    doubts: dict[int, list[Entry]] = {}
    for entry in own:
        reason = _accepted(entry, cells[entry.line], accepted)
        finding = entry.finding
        findings.append(
            RowFinding(entry.line, finding.check, finding.level, finding.arithmetic, reason)
        )
        if finding.level in HOLDING:
            doubts.setdefault(entry.line, []).append(entry)
    for line, of_row in sorted(doubts.items()):
        if not all(_accepted(entry, cells[line], accepted) for entry in of_row):
            held.append(HeldRow(line, _reason(of_row)))
    doubted = tuple(sorted(doubts))
    plans = tuple(replace(plan, held=tuple(held), doubted=doubted) for plan in outcome.plans)
    return replace(outcome, plans=plans, findings=tuple(findings))


def _accepted(entry: Entry, cells: dict[str, str], accepted: Sequence[Acceptance]) -> str:
    """The reason with which config.yaml accepts a finding that holds a row out, or ""."""
    if entry.finding.level not in HOLDING:
        return ""
    check = entry.finding.check
    return next((item.reason for item in accepted if item.covers(cells, check)), "")


def _reason(entries: Sequence[Entry]) -> str:
    said = (
        f"{in_words(entry.finding.printed)} ({in_words(entry.finding.allowed)})"
        for entry in entries
    )
    return f"held out by the audit: {', '.join(dict.fromkeys(said))}"


def wrong_acceptances(
    outcome: Outcome,
    selection: Selection,
    entries: Sequence[Entry],
    accepted: Sequence[Acceptance],
) -> list[WrongSetting]:
    """Acceptances that name no row, that answer nothing, or whose row has no number to pool."""
    rows = {row.line: row for row in selection.rows}
    doubts = [
        (entry.finding.check, rows[entry.line])
        for entry in entries
        if outcome.name in entry.outcomes and entry.line in rows and entry.finding.level in HOLDING
    ]
    wrong: list[WrongSetting] = []
    answered: set[tuple[int, str]] = set()
    for i, item in enumerate(accepted):
        at = ("outcomes", outcome.name, "audit", "accept", i)
        whose = f"row that is selected from {selection.table}"
        unknown = _unknown_columns(item, selection, at)
        unknown = unknown or unknown_levels(selection.rows, item.where, at, whose)
        open_doubts = [(c, row) for c, row in doubts if (row.line, c) not in answered]
        wrong += unknown or _idle(item, open_doubts, at) or _numberless(item, doubts, outcome, at)
        answered |= {(row.line, c) for c, row in doubts if item.covers(row.cells, c)}
    return wrong


def _unknown_columns(
    item: Acceptance, selection: Selection, at: tuple[str | int, ...]
) -> list[WrongSetting]:
    known = {column for row in selection.rows for column in row.cells}
    rule = f"{selection.table} has no such column"
    return [
        WrongSetting((*at, column), rule, did_you_mean(column, known), column, "unknown-column")
        for column in item.where
        if column not in known
    ]


def _idle(
    item: Acceptance, doubts: Sequence[tuple[str, TableRow]], at: tuple[str | int, ...]
) -> list[WrongSetting]:
    """An acceptance, or one of its levels, that answers no finding which holds a row out.

    It is misspelt, needed no more, or stands beside another that answers the same.
    """
    matching = RowFilter(item.where)
    named = {check for check, row in doubts if matching.matches(row.cells)}
    if named and item.check in ("", *named):
        rule = "holds no row that the audit holds out"
        return [
            WrongSetting((*at, column), rule, "Remove it", level, code="idle-acceptance")
            for column, levels in item.where.items()
            for level in levels
            if not any(
                row.cells.get(column, "") == level and item.covers(row.cells, check)
                for check, row in doubts
            )
        ]
    rule = "accepts nothing that the audit holds out"
    said = did_you_mean(item.check, named) if item.check and named else ""
    shown = item.check or str(matching)
    return [WrongSetting(at, rule, said or "Remove it", shown, code="idle-acceptance")]


def _numberless(
    item: Acceptance,
    doubts: Sequence[tuple[str, TableRow]],
    outcome: Outcome,
    at: tuple[str | int, ...],
) -> list[WrongSetting]:
    """An acceptance of a row that gives no number even as it is printed."""
    model = outcome.plans[0].model
    for check, row in doubts:
        if not item.covers(row.cells, check):
            continue
        try:
            prepare(model.measure, [row.cells], model.correlation, as_printed=[0])
        except ValueError as error:
            rule = f"accepts line {row.line}, which gives no number to pool: {error}"
            advice = "Remove it, or give the numbers that the measure needs"
            return [WrongSetting(at, rule, advice, code="acceptance-without-number")]
    return []
