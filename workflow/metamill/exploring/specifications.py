"""From decisions to specifications: every combination of choices, as rows and a model."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metamill.config.decisions import AS_PRINTED, STANDINGS, WITHOUT_DOUBTED, Choice, Decisions
from metamill.config.idle import unused_keys
from metamill.config.multiverse import model_of
from metamill.config.settings import HeldRow, Model, Plan, RowFilter
from metamill.exploring.doubted import every_doubted, without_number
from metamill.files import canonical_json
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES
from metamill.tables.pools import divided, pool_problems
from metamill.tables.selection import Selection
from metamill.tables.table import Table


@dataclass(frozen=True)
class Specification:
    """One analysis: the rows it pools, as positions in the selection, and its model.

    Settings that the model does not use stand at their defaults, so that equal analyses are equal.
    """

    rows: tuple[int, ...]
    model: Model


@dataclass(frozen=True)
class Grid:
    """All combinations of choices and the distinct specifications they come to.

    `choices` (d, n) has the place of the choice that each of n combinations takes of each of d
    decisions; `of` (n,) is its specification, -1 where it cannot be, for one of the reasons
    counted in `refused`. `prespecified` is a combination.
    """

    choices: Array
    of: Array
    specifications: tuple[Specification, ...]
    refused: dict[str, int]
    prespecified: int


def specifications_of(decisions: Decisions, primary: Plan, selection: Selection) -> Grid:
    """Every combination of one choice per decision; equal analyses are one specification."""
    sizes = tuple(len(item.choices) for item in decisions.of)
    choices = np.array(np.unravel_index(np.arange(np.prod(sizes)), sizes), int)
    at = tuple(item.prespecified for item in decisions.of)
    by_model, of_model = _distinct(decisions, choices, lambda c: canonical_json(c.changes))
    models = [model_of(chosen, decisions.layers) for chosen in by_model]
    plain = [model if why else _as_used(model) for model, why in models]
    by_rows, of_rows = _distinct(decisions, choices, lambda c: c.row_settings)
    pools = [_pool_of(chosen, primary, selection) for chosen in by_rows]
    pairs, of = np.unique(of_model * len(pools) + of_rows, return_inverse=True)
    whole = _Pool(tuple(sorted({row for pool in pools for row in pool.rows})))
    made: dict[Specification, int] = {}
    refused: dict[str, int] = {}
    told: dict[Hashable, str] = {}
    places = np.empty(len(pairs), int)
    for index, (pair, count) in enumerate(zip(pairs, np.bincount(of), strict=True)):
        why, model = models[pair // len(pools)][1], plain[pair // len(pools)]
        pool = pools[pair % len(pools)]
        if not why:
            kind = (model.dependent, model.measure, model.icc is None)
            # rows that can all stand in one pool can do so in any smaller one
            for part in (whole, pool):
                if (part, kind) not in told:
                    told[part, kind] = _refusal(part, model, primary, selection)
                why = told[part, kind]
                if not why:
                    break
            why = pool.refusal or why
        if why:
            refused[why] = refused.get(why, 0) + int(count)
            places[index] = -1
        else:
            places[index] = made.setdefault(Specification(pool.rows, model), len(made))
    return Grid(choices, places[of], tuple(made), refused, int(np.ravel_multi_index(at, sizes)))


def standing_of(decisions: Decisions, choices: Array) -> Array:
    """The standing of combinations (n,): that of the least standing of their choices (d, n)."""
    parts = [
        np.array([STANDINGS.index(choice.standing) for choice in item.choices])[of]
        for item, of in zip(decisions.of, choices, strict=True)
    ]
    return np.max(parts, axis=0)


def _distinct(
    decisions: Decisions, choices: Array, key: Callable[[Choice], Hashable]
) -> tuple[list[tuple[Choice, ...]], Array]:
    """Combinations that differ by `key`: one of each, as choices, and which each combination is.

    Choices that are alike by the key count as one, so that what has to be made is made once.
    """
    code = np.zeros(choices.shape[1], int)
    for item, of in zip(decisions.of, choices, strict=True):
        keys = [key(choice) for choice in item.choices]
        alike = np.array([keys.index(of_choice) for of_choice in keys])
        code = code * len(keys) + alike[of]
    _, first, places = np.unique(code, return_index=True, return_inverse=True)
    chosen = [
        tuple(item.choices[at] for item, at in zip(decisions.of, choices[:, i], strict=True))
        for i in first
    ]
    return chosen, places


def _as_used(model: Model) -> Model:
    """The model with everything it does not use, and every correction, at the measure's own."""
    own = MEASURES[model.measure]
    unused: dict[str, Any] = {key: getattr(Model, key) for key in unused_keys(model)}
    model = replace(model, **unused)
    return replace(
        model,
        add=own.add if model.add is None else model.add,
        to=own.to if model.to is None else model.to,
    )


@dataclass(frozen=True)
class _Pool:
    """Positions in the selection, cohorts that may repeat, and why there is no pool at all."""

    rows: tuple[int, ...]
    cohorts: tuple[tuple[str, str], ...] = ()
    refusal: str = ""


def _pool_of(choices: Sequence[Choice], primary: Plan, selection: Selection) -> _Pool:
    """The rows of one choice per decision."""
    asked = {choice.rows for choice in choices} - {""}
    if len(asked) > 1:
        return _Pool((), refusal=f"rows {' and '.join(sorted(asked))} at the same time")
    back = [RowFilter(choice.include) for choice in choices if choice.include]
    drop = [RowFilter(choice.exclude) for choice in choices if choice.exclude]
    held = _held("".join(asked), primary, selection)
    used = divided(selection.rows, primary.exclude, held, back, drop).used
    cohorts = {cohort: why for choice in choices for cohort, why in choice.same_cohort.items()}
    none = "" if used else "no row is left to pool"
    return _Pool(used, tuple(sorted(cohorts.items())), none)


def _held(asked: str, primary: Plan, selection: Selection) -> tuple[HeldRow, ...]:
    """The rows that stay out because the audit doubts them."""
    if asked == WITHOUT_DOUBTED:
        return every_doubted(primary)
    return without_number(primary, selection) if asked == AS_PRINTED else primary.held


def _refusal(pool: _Pool, model: Model, primary: Plan, selection: Selection) -> str:
    """Why rows cannot be pooled together under a model; "" where they can."""
    cohorts = {**primary.same_cohort, **dict(pool.cohorts)}
    plan = replace(primary, model=model, same_cohort=cohorts)
    columns = dict.fromkeys(name for row in selection.rows for name in row.cells)
    table = Table(selection.table, tuple(columns), ())
    pooled = [selection.rows[row] for row in pool.rows]
    wrong = next(pool_problems(pooled, plan, table, ""), None)
    return wrong.reason if wrong else ""
