"""audit.csv: every finding with its arithmetic, and what was noted while the tables were read."""

from collections.abc import Iterable, Iterator, Mapping

from metamill.audit.finding import HOLDING
from metamill.audit.review import Entry
from metamill.config.settings import Outcome
from metamill.errors import Problem
from metamill.files import csv_text
from metamill.tables.pools import apply_plan
from metamill.tables.selection import Selection

COLUMNS = (
    "table,line,study,outcome,check,level,printed,allowed,assumption,held_out,reason,source"
).split(",")
"""One row per finding and outcome; `reason` is the arithmetic and what was made of it."""
READING = "reading"
"""The check of what was cleaned or noticed while the tables were read."""


def audit_csv(
    entries: Iterable[Entry],
    notices: Iterable[Problem],
    outcomes: Mapping[str, Outcome],
    selections: Mapping[str, Selection],
) -> str:
    """The text of audit.csv: findings, gravest first, then notices of reading."""
    rows = [row for entry in entries for row in _rows(entry, outcomes, selections)]
    return csv_text(COLUMNS, [*rows, *map(_noticed, notices)])


def _rows(
    entry: Entry, outcomes: Mapping[str, Outcome], selections: Mapping[str, Selection]
) -> Iterator[dict[str, object]]:
    finding = entry.finding
    row = {
        "table": entry.table,
        "line": entry.line,
        "study": entry.study,
        "check": finding.check,
        "level": finding.level,
        "printed": f"{entry.about}: {finding.printed}" if entry.about else finding.printed,
        "allowed": finding.allowed,
        "assumption": finding.assumption,
        "source": entry.source,
    }
    for name in entry.outcomes or ("",):
        held, fate = False, ""
        if name and finding.level in HOLDING:
            held, fate = what_becomes(entry, outcomes[name], selections[name])
        reason = f"{finding.arithmetic}. {fate}".strip() if fate else finding.arithmetic
        yield row | {"outcome": name, "held_out": held, "reason": reason}


def what_becomes(entry: Entry, outcome: Outcome, selection: Selection) -> tuple[bool, str]:
    """Whether the audit keeps a doubted row out of the primary analysis, and what happens to it."""
    plan = outcome.plans[0]
    left_out = {selection.rows[i].line: why for i, why in apply_plan(selection.rows, plan).left_out}
    held = {item.line: item.reason for item in plan.held}
    if entry.line in left_out and left_out[entry.line] != held.get(entry.line):
        return False, f"Left out by config.yaml: {left_out[entry.line]}"
    if entry.line in held:
        return True, "Held out of the primary analysis"
    accepted = next(
        item.accepted
        for item in outcome.findings
        if item.line == entry.line and item.check == entry.finding.check
    )
    return False, f"Pooled as printed, accepted by config.yaml: {accepted}"


def _noticed(notice: Problem) -> dict[str, object]:
    return {
        "table": notice.file.removeprefix("extracted/"),
        "line": notice.line,
        "study": notice.value if notice.column == "column 'study'" else "",
        "check": READING,
        "level": "info",
        "printed": notice.value,
        "held_out": False,
        "reason": f"{notice.column}: {notice.rule}" if notice.column else notice.rule,
    }
