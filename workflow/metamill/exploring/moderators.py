"""A moderator from the cells of its studies to the columns of a design."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metamill.files import SIGNIFICANT_TABLE, significant
from metamill.measures.effects import Array
from metamill.tables.values import is_number

LINE_POINTS = 50
"""Places at which the line of a numeric moderator is drawn, from its least to its largest value."""


class NoRegression(ValueError):
    """Why a moderator is not regressed on, in words."""


@dataclass(frozen=True)
class Design:
    """A moderator as columns beside the intercept: the studies' (k, p) and the places drawn (n, p).

    `x` is each study's value, `at` that of each place; None for a factor, where `of` and `levels`
    name the levels instead.
    """

    kind: str
    names: tuple[str, ...]
    columns: Array
    places: Array
    x: tuple[float | None, ...]
    at: tuple[float | None, ...]
    of: tuple[str, ...]
    levels: tuple[str, ...] = ()
    centre: float | None = None


def design(moderator: str, said: Sequence[str]) -> Design:
    """The design of a moderator whose cells, none of them empty, are `said`; shape (k,).

    Numeric, about its mean (ten digits of it), where every cell is a number; else a factor, against
    its most frequent level (of equally frequent ones the first by the alphabet). Raises
    NoRegression for a moderator that is the same in every study, or in all but one, and for levels
    of one study, by name.
    """
    if len(set(said)) == 1:
        raise NoRegression(f"{moderator} is {said[0]} in every study")
    return (_numeric if all(map(is_number, said)) else _factor)(moderator, said)


def _numeric(moderator: str, said: Sequence[str]) -> Design:
    x = np.array([float(cell) for cell in said])
    if np.ptp(x) == 0:
        raise NoRegression(f"{moderator} is {said[0]} in every study")
    values, counts = np.unique(x, return_counts=True)
    if len(values) == 2 and 1 in counts:
        lone = said[int(np.flatnonzero(x == values[counts == 1][0])[0])]
        raise NoRegression(
            f"{moderator} is the same in every study but one ({lone}), whose effect alone would be "
            "the slope"
        )
    at = np.linspace(x.min(), x.max(), LINE_POINTS)
    # one that is the same number in result.json
    centre = significant(float(x.mean()), SIGNIFICANT_TABLE)
    assert centre is not None
    columns, places = (np.column_stack([np.ones_like(a), a - centre]) for a in (x, at))
    return Design(
        "numeric",
        ("intercept", moderator),
        columns,
        places,
        tuple(x.tolist()),
        tuple(at.tolist()),
        ("",) * len(x),
        centre=centre,
    )


def _factor(moderator: str, said: Sequence[str]) -> Design:
    counted = Counter(said)
    alone = sorted(level for level, count in counted.items() if count == 1)
    if alone:
        more = f" and {len(alone) - 3} more levels" if len(alone) > 3 else ""
        names = ", ".join(f"'{level}'" for level in alone[:3]) + more
        raise NoRegression(
            f"a single study has {moderator} {names}: the coefficient would be that study's own"
        )
    reference = min(counted, key=lambda level: (-counted[level], level))
    levels = (reference, *sorted(set(counted) - {reference}))
    columns = np.array([[1.0, *(float(cell == level) for level in levels[1:])] for cell in said])
    places = np.array([[1.0, *(float(own == level) for level in levels[1:])] for own in levels])
    return Design(
        "factor",
        ("intercept", *(f"{moderator}={level}" for level in levels[1:])),
        columns,
        places,
        (None,) * len(said),
        (None,) * len(levels),
        tuple(said),
        levels,
    )
