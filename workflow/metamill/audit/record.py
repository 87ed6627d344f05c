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


class Fates:
    """What becomes of doubted rows in the primary analyses; each analysis is looked at once."""

    def __init__(self, outcomes: Mapping[str, Outcome], selections: Mapping[str, Selection]):
        self._accepted = {
            (name, item.line, item.check): item.accepted
            for name, outcome in outcomes.items()
            for item in outcome.findings
        }
        self._left_out: dict[str, dict[int, str]] = {}
        self._held: dict[str, dict[int, str]] = {}
        for name, outcome in outcomes.items():
            rows, plan = selections[name].rows, outcome.plans[0]
            left_out = apply_plan(rows, plan).left_out
            self._left_out[name] = {rows[at].line: reason for at, reason in left_out}
            self._held[name] = {item.line: item.reason for item in plan.held}

    def of(self, entry: Entry, outcome: str) -> tuple[bool, str]:
        """Whether the audit keeps the row out of the outcome's primary analysis, and in words."""
        left_out = self._left_out[outcome].get(entry.line)
        held = self._held[outcome].get(entry.line)
        if left_out is not None and left_out != held:
            return False, f"Left out by config.yaml: {left_out}"
        if held is not None:
            return True, "Held out of the primary analysis"
        accepted = self._accepted[outcome, entry.line, entry.finding.check]
        return False, f"Pooled as printed, accepted by config.yaml: {accepted}"


def audit_csv(
    entries: Iterable[Entry],
    notices: Iterable[Problem],
    outcomes: Mapping[str, Outcome],
    selections: Mapping[str, Selection],
) -> str:
    """The text of audit.csv: findings, gravest first, then notices of reading."""
    fates = Fates(outcomes, selections)
    rows = [row for entry in entries for row in _rows(entry, fates)]
    return csv_text(COLUMNS, [*rows, *map(_noticed, notices)])


def _rows(entry: Entry, fates: Fates) -> Iterator[dict[str, object]]:
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
            held, fate = fates.of(entry, name)
        reason = f"{finding.arithmetic}. {fate}".strip() if fate else finding.arithmetic
        yield row | {"outcome": name, "held_out": held, "reason": reason}


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
