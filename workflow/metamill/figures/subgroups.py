"""The subgroups that figures show: those of the first column by which an outcome is divided."""

from metamill.results import Analysis, Result
from metamill.wording import level_words


def first_subgroups(result: Result) -> tuple[Analysis, ...]:
    """The analyses of the first column by which the outcome is divided."""
    parts = [item for item in result.analyses if item.name.startswith("subgroup:")]
    if not parts:
        return ()
    return result.subgroups(subgroup_of(parts[0])[0])


def subgroup_of(analysis: Analysis) -> tuple[str, str]:
    """Column and level of a subgroup's analysis."""
    column, _, level = analysis.name.removeprefix("subgroup:").partition("=")
    return column, level


def first_levels(result: Result) -> dict[int, str]:
    """The level of every row, in words; empty without subgroups."""
    return {
        effect.row: level_words(subgroup_of(part)[1])
        for part in first_subgroups(result)
        for effect in part.effects
    }
