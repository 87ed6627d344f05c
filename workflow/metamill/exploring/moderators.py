"""Moderators from the cells of their studies to the columns of a design."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metamill.files import SIGNIFICANT_TABLE, significant
from metamill.measures.effects import Array
from metamill.tables.values import is_number

LINE_POINTS = 50
"""Places at which the line of a numeric moderator is drawn, from its least to its largest value."""

_TOLD_APART = 1e-8
"""What a column must add to those before it, as a share of its size: half the digits of a slope."""


class NoRegression(ValueError):
    """Why there is no regression on a moderator, in words."""


@dataclass(frozen=True)
class Term:
    """A moderator as q columns for its k studies (k, q), and at the n places drawn (n, q).

    `x` is each study's value, `at` that of each place; None for a factor, where `of` and `levels`
    name the levels instead. `names` are those of the columns.
    """

    moderator: str
    kind: str
    names: tuple[str, ...]
    columns: Array
    places: Array
    x: tuple[float | None, ...]
    at: tuple[float | None, ...]
    of: tuple[str, ...]
    levels: tuple[str, ...] = ()
    centre: float | None = None

    @property
    def reference(self) -> str:
        return self.levels[0] if self.levels else ""


@dataclass(frozen=True)
class Design:
    """Terms beside an intercept: `columns` (k, p), their `names`, and each term's own columns."""

    terms: tuple[Term, ...]
    columns: Array
    names: tuple[str, ...]
    own: tuple[tuple[int, ...], ...]

    def places(self, index: int) -> Array:
        """Where a term is drawn, the others at their centre or reference: (n, p)."""
        term = self.terms[index]
        found = np.zeros((len(term.places), len(self.names)))
        found[:, 0] = 1.0
        found[:, self.own[index]] = term.places
        return found


def design(said: Mapping[str, Sequence[str]], reference: Mapping[str, str]) -> Design:
    """The design of moderators whose cells, none of them empty, are `said`, each of shape (k,).

    A moderator is numeric, about its mean (ten digits of it), where every cell is a number; else a
    factor, against its `reference` or its most frequent level (of equally frequent ones the first
    by the alphabet). Raises NoRegression, by name, for a moderator that is the same in every study
    or in all but one, for levels of one study, for a reference that no study has or that a number
    cannot have, for columns that follow from others, and where one study alone decides a
    coefficient.
    """
    terms = tuple(_term(name, cells, reference.get(name)) for name, cells in said.items())
    columns = [np.ones((len(terms[0].x), 1)), *(term.columns for term in terms)]
    names = ("intercept", *(name for term in terms for name in term.names))
    starts = np.cumsum([1, *(len(term.names) for term in terms)])
    own = tuple(
        tuple(range(start, start + len(term.names)))
        for start, term in zip(starts, terms, strict=False)
    )
    made = Design(terms, np.hstack(columns), names, own)
    if len(terms) > 1:
        _refuse_aliased(made)
    return made


def _term(moderator: str, said: Sequence[str], reference: str | None) -> Term:
    if len(set(said)) == 1:
        raise NoRegression(f"{moderator} is {said[0]} in every study")
    if all(map(is_number, said)):
        if reference is not None:
            raise NoRegression(
                f"{moderator} is a column of numbers, which has no reference level such as "
                f"'{reference}'"
            )
        return _numeric(moderator, said)
    return _factor(moderator, said, reference)


def _numeric(moderator: str, said: Sequence[str]) -> Term:
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
    return Term(
        moderator,
        "numeric",
        (moderator,),
        (x - centre)[:, None],
        (at - centre)[:, None],
        tuple(x.tolist()),
        tuple(at.tolist()),
        ("",) * len(x),
        centre=centre,
    )


def _factor(moderator: str, said: Sequence[str], reference: str | None) -> Term:
    counted = Counter(said)
    if reference is not None and reference not in counted:
        raise NoRegression(
            f"no study has {moderator} '{reference}', which is to be the reference; there is "
            f"{_few(sorted(counted))}"
        )
    alone = sorted(level for level, count in counted.items() if count == 1)
    if alone:
        raise NoRegression(
            f"a single study has {moderator} {_few(alone)}: the coefficient would be that study's "
            "own"
        )
    if reference is None:
        reference = min(counted, key=lambda level: (-counted[level], level))
    levels = (reference, *sorted(set(counted) - {reference}))
    columns, places = (
        np.array([[float(own == level) for level in levels[1:]] for own in rows])
        for rows in (said, levels)
    )
    return Term(
        moderator,
        "factor",
        tuple(f"{moderator}={level}" for level in levels[1:]),
        columns,
        places,
        (None,) * len(said),
        (None,) * len(levels),
        tuple(said),
        levels,
    )


def _few(levels: Sequence[str]) -> str:
    more = f" and {len(levels) - 3} more levels" if len(levels) > 3 else ""
    return ", ".join(f"'{level}'" for level in levels[:3]) + more


def _refuse_aliased(made: Design) -> None:
    """Refuse, by name, a column that follows from those before it, and a study that no other joins.

    A study with a leverage of 1 lies on the fit whatever its effect: it alone decides some
    coefficient.
    """
    k, p = made.columns.shape
    size = np.abs(made.columns).max(axis=0)
    scaled = made.columns / size
    for j in range(1, p):
        before, column = scaled[:, :j], scaled[:, j]
        shares = np.linalg.lstsq(before, column, rcond=None)[0]
        left = column - before @ shares
        if np.sqrt(left @ left) <= _TOLD_APART * np.sqrt(column @ column):
            named = [name for name, b in zip(made.names[1:j], shares[1:], strict=True)
                     if abs(b) > 1e-6]  # fmt: skip
            others = _listed(named or made.names[1:j])
            raise NoRegression(
                f"{made.names[j]} follows from {others}, so that it has no coefficient of its own"
            )
    if k <= p:
        raise NoRegression(f"{k} studies do not tell {p} coefficients and the scatter about them")
    root = np.linalg.qr(scaled)[0]
    if ((root**2).sum(axis=1) >= 1 - _TOLD_APART).any():
        raise NoRegression(
            "one study alone has its combination of moderators, and a coefficient would be that "
            "study's own"
        )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
