"""audit.csv: every finding with its arithmetic, and what was noted while the tables were read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from metamill.audit.finding import HOLDING, READING
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


@dataclass(frozen=True)
class Fates:
    """What becomes of doubted rows, by outcome and line, in the primary analyses.

    `held` are the rows that the audit keeps out, `left_out` those that config.yaml leaves out, with
    its reason; `accepted` has the reasons of those pooled all the same, by check as well.
    """

    held: frozenset[tuple[str, int]]
    left_out: dict[tuple[str, int], str]
    accepted: dict[tuple[str, int, str], str]

    def of(self, entry: Entry, outcome: str) -> tuple[bool, str]:
        """Whether the audit keeps the row out of the outcome's primary analysis, and in words."""
        row = outcome, entry.line
        if row in self.held:
            return True, "Held out of the primary analysis"
        if row in self.left_out:
            return False, f"Left out by config.yaml: {self.left_out[row]}"
        accepted = self.accepted[*row, entry.finding.check]
        return False, f"Pooled as printed, accepted by config.yaml: {accepted}"


def fates(outcomes: Mapping[str, Outcome], selections: Mapping[str, Selection]) -> Fates:
    """The fates of all rows; each primary analysis is looked at once."""
    held: set[tuple[str, int]] = set()
    left_out: dict[tuple[str, int], str] = {}
    accepted: dict[tuple[str, int, str], str] = {}
    for name, outcome in outcomes.items():
        lines = [row.line for row in selections[name].rows]
        divided = apply_plan(selections[name].rows, outcome.plans[0])
        held |= {(name, lines[at]) for at in divided.held}
        left_out |= {(name, lines[at]): reason for at, reason in divided.left_out}
        accepted |= {(name, item.line, item.check): item.accepted for item in outcome.findings}
    return Fates(frozenset(held), left_out, accepted)


def audit_csv(
    entries: Iterable[Entry],
    notices: Iterable[Problem],
    outcomes: Mapping[str, Outcome],
    selections: Mapping[str, Selection],
) -> str:
    """The text of audit.csv: findings, gravest first, then notices of reading."""
    known = fates(outcomes, selections)
    rows = [row for entry in entries for row in _rows(entry, known)]
    return csv_text(COLUMNS, [*rows, *map(_noticed, notices)])


def _rows(entry: Entry, known: Fates) -> Iterator[dict[str, object]]:
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
            held, fate = known.of(entry, name)
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
