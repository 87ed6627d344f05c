"""What findings do: rows that cannot be true are held out of the primary analysis.

Nothing is corrected. A row stays in the tables and figures, marked, and an analysis beside the
primary one shows what it would change. config.yaml can accept a finding with a reason; then the
row is pooled as it is printed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from metamill.audit.finding import HOLDING
from metamill.audit.review import Entry
from metamill.config.settings import Acceptance, HeldRow, Outcome, RowFinding
from metamill.errors import WrongSetting, did_you_mean
from metamill.tables.selection import Selection


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
    said = (f"{entry.finding.printed} ({entry.finding.allowed})" for entry in entries)
    return f"held out by the audit: {', '.join(dict.fromkeys(said))}"


def idle_acceptances(
    outcome: Outcome,
    selection: Selection,
    entries: Sequence[Entry],
    accepted: Sequence[Acceptance],
) -> list[WrongSetting]:
    """Acceptances that answer no finding which holds a row out: misspelt, or no longer needed."""
    cells = {row.line: row.cells for row in selection.rows}
    own = [
        (entry.finding.check, cells[entry.line])
        for entry in entries
        if outcome.name in entry.outcomes and entry.line in cells and entry.finding.level in HOLDING
    ]
    wrong = []
    for i, item in enumerate(accepted):
        if any(item.covers(row, check) for check, row in own):
            continue
        at = ("outcomes", outcome.name, "audit", "accept", i)
        rule = "accepts nothing that the audit holds out"
        said = did_you_mean(item.check, {check for check, _ in own}) if item.check else ""
        wrong.append(
            WrongSetting(at, rule, said or "Remove it", item.check or None, code="idle-acceptance")
        )
    return wrong
