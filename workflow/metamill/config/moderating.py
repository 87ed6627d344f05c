"""The meta-regressions that an outcome names: columns alone, or several with their references."""

from collections.abc import Mapping
from typing import Any

from metamill.config.origin import Origin
from metamill.config.plain_text import cleaned
from metamill.config.settings import Moderators
from metamill.config.strict_yaml import Path
from metamill.errors import Problem


def moderators_of(
    entry: Mapping[str, Any], at: Path, origin: Origin, problems: list[Problem]
) -> tuple[Moderators, ...]:
    """One regression for each item under `moderators`; `at` is the path to them.

    A reference of a column that the regression does not have, and a regression that stands there
    twice, are added to `problems`.
    """
    found: list[Moderators] = []
    for index, item in enumerate(entry.get("moderators", ())):
        here = (*at, index)
        made = _one(item, here, origin)
        for column in made.reference:
            if column not in made.columns:
                rule = "does nothing here: it is no moderator of this regression"
                place = origin.place((*here, "reference", column))
                advice, code = "Remove it, or name it under columns", "idle-setting"
                problems.append(Problem(rule=rule, advice=advice, value=column, code=code, **place))
        if any(_same(made, other) for other in found):
            rule, advice = "names the same thing twice", "Keep one of them"
            place = origin.place(here)
            problems.append(Problem(rule=rule, advice=advice, code="duplicate-item", **place))
        found.append(made)
    return tuple(found)


def _one(item: str | Mapping[str, Any], at: Path, origin: Origin) -> Moderators:
    if isinstance(item, str):
        return Moderators((item,))
    reference = {
        cleaned(column): origin.text((*at, "reference", column), level)
        for column, level in item.get("reference", {}).items()
    }
    return Moderators(tuple(item["columns"]), reference)


def _same(one: Moderators, other: Moderators) -> bool:
    return set(one.columns) == set(other.columns) and one.reference == other.reference
