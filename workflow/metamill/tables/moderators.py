"""Moderators and references that the selected rows contradict."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from metamill.config.settings import Outcome
from metamill.errors import WrongSetting
from metamill.tables.derivations import ALTERNATIVES, DERIVATIONS
from metamill.tables.levels import all_numbers
from metamill.tables.needs import COLUMN_SETS
from metamill.tables.pools import Path, apply_plan
from metamill.tables.table import TableRow
from metamill.tables.values import is_number


def wrong_moderators(rows: tuple[TableRow, ...], outcome: Outcome) -> Iterator[WrongSetting]:
    """Moderators that cannot explain the effects of `rows`, and references of numbers.

    A regression on a number that the effect is made of would find the effect in itself; one on a
    column with a level of its own for every study would have a coefficient for each of them.
    """
    primary = outcome.plans[0]
    measure = primary.model.measure
    own = _columns_of(measure)
    pooled = [rows[index].cells for index in apply_plan(rows, replace(primary, held=())).used]
    for i, item in enumerate(outcome.moderators):
        here: Path = ("outcomes", outcome.name, "moderators", i)
        for j, column in enumerate(item.columns):
            at = (*here, "columns", j) if len(item.columns) > 1 else here
            said = [(cells["study"], cells[column]) for cells in pooled if cells.get(column)]
            if column in own and said:
                rule = f"is one of the numbers that the effect ({measure}) is made of"
                code = "moderator-of-effect"
            elif _level_per_study(said):
                rule = "has a level of its own for every study, so that no two can be compared"
                code = "level-per-study"
            else:
                continue
            yield WrongSetting(at, rule, "Name a column that describes studies", column, code=code)
        for column, level in item.reference.items():
            if all_numbers(rows, column):
                rule = f"{column} is a column of numbers, which has no reference level"
                at = (*here, "reference", column)
                yield WrongSetting(at, rule, "Remove it", level, code="reference-of-numbers")


def _columns_of(measure: str) -> set[str]:
    """The columns that an effect is computed from, directly or by another of their forms."""
    sets = (*COLUMN_SETS[measure], *ALTERNATIVES.get(measure, ()))
    direct = {column for columns in sets for column in columns}
    ways = (way for column in direct for way in DERIVATIONS.get(column, ()))
    return direct | {source for way in ways for source in way.sources}


def _level_per_study(said: Sequence[tuple[str, str]]) -> bool:
    """Whether no two studies share a level; `said` are studies with theirs, numbers never do."""
    studies = {study for study, _ in said}
    if len(studies) < 2 or all(is_number(level) for _, level in said):
        return False
    return len(set(said)) == len({level for _, level in said})
