"""The families of checks, by what they look at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from metamill.audit import coherence, counts, instruments, number
from metamill.audit.beside import baseline, digits, peers, plausible
from metamill.audit.finding import IMPOSSIBLE, QUESTION, Check, Finding
from metamill.audit.rows import Scale, change_of, groups_of
from metamill.audit.second import words as second_words
from metamill.audit.stated import statements, subtotals
from metamill.audit.studies import cohorts, overlap, timeline
from metamill.audit.summary import group
from metamill.config.settings import Outcome
from metamill.tables.table import TableRow

RowCheck = Callable[[Mapping[str, str], Scale, str], Iterator[Finding]]
"""Looks at one row: its cells joined with its study's, the scale, the measure pooled or ""."""
PoolCheck = Callable[[Sequence[TableRow], Outcome, Scale], Iterator[tuple[int, Finding]]]
"""Looks at all rows that an outcome selects; names the row by its position."""


def check_groups(cells: Mapping[str, str], scale: Scale, measure: str) -> Iterator[Finding]:
    """The summary of each group that a row prints."""
    for item in groups_of(cells, scale):
        yield from group.check_group(item)
    change = change_of(cells, scale)
    if change is not None:
        yield from map(_of_a_change, group.check_group(change))


def _of_a_change(finding: Finding) -> Finding:
    """A mean that a model adjusted is no mean of the values: a question where that explains it."""
    if finding.level != IMPOSSIBLE or finding.check not in ("grim", "grimmer", "mean_range"):
        return finding
    words = f"{finding.arithmetic.rstrip('.')}. A change that a model adjusted need not fit"
    return replace(finding, level=QUESTION, arithmetic=words)


ROW_CHECKS: tuple[RowCheck, ...] = (
    check_groups,
    instruments.check_instruments,
    counts.check_counts,
    coherence.check_coherence,
    plausible.check_plausible,
    timeline.check_timeline,
)
POOL_CHECKS: tuple[PoolCheck, ...] = (
    counts.check_same_events,
    peers.check_peers,
    plausible.check_repeated_numbers,
    timeline.check_follow_up,
    cohorts.check_shared_control,
)
_FAMILIES = (
    group,
    instruments,
    counts,
    coherence,
    number,
    statements,
    subtotals,
    cohorts,
    overlap,
    timeline,
    peers,
    plausible,
    digits,
    baseline,
    second_words,
)
CHECKS: dict[str, Check] = {check.code: check for family in _FAMILIES for check in family.CHECKS}
"""Every check by its code."""
