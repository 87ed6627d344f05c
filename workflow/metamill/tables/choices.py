"""Choices of a multiverse that the selected rows contradict."""

from collections.abc import Iterator
from dataclasses import replace

from metamill.config.settings import Levels, Outcome, RowFilter
from metamill.errors import WrongSetting
from metamill.tables.pools import Path, apply_plan
from metamill.tables.table import TableRow


def wrong_choices(rows: tuple[TableRow, ...], outcome: Outcome) -> Iterator[WrongSetting]:
    """Filters of choices that change no row in any combination, and those that leave none.

    A choice may leave out rows that only another choice takes back.
    """
    decisions = outcome.multiverse.of if outcome.multiverse else ()
    if not decisions:
        return

    def matching(where: Levels) -> set[int]:
        return {i for i, row in enumerate(rows) if where and RowFilter(where).matches(row.cells)}

    primary = outcome.plans[0]
    usual = set(apply_plan(rows, primary).used)
    reached = set(apply_plan(rows, replace(primary, held=())).used)
    for item in decisions:
        for choice in item.choices:
            reached |= matching(choice.include)
    for index, item in enumerate(decisions):
        for place, choice in enumerate(item.choices):
            here: Path = ("outcomes", outcome.name, "multiverse", index, "choices", place)
            out = matching(choice.exclude)
            if choice.include and matching(choice.include) <= usual:
                rule, at = "takes back no row that the outcome leaves out", (*here, "include")
                said = str(RowFilter(choice.include))
                yield WrongSetting(at, rule, "Remove it", said, code="idle-filter")
            if choice.exclude and not out & reached:
                rule, at = "leaves out no row that would be pooled", (*here, "exclude")
                said = str(RowFilter(choice.exclude))
                yield WrongSetting(at, rule, "Remove it", said, code="idle-filter")
            elif reached <= out:
                rule, at = "this choice leaves no row to pool", (*here, "exclude")
                said = str(RowFilter(choice.exclude))
                yield WrongSetting(at, rule, "Exclude less", said, code="empty-pool")
