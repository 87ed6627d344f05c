"""The multiverse of an outcome: its primary analysis under every combination of other choices."""

from collections.abc import Sequence

import numpy as np

from metamill.config.decisions import Decisions
from metamill.config.settings import Outcome
from metamill.explored.multiverse import Multiverse, Refused, Specifications
from metamill.exploring.conclusions import references_of
from metamill.exploring.multiverse_fits import Found, fitted
from metamill.exploring.multiverse_summary import Columns, bands, counted, described, summaries
from metamill.exploring.specifications import Grid, specifications_of, standing_of
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES
from metamill.tables.selection import Selection


def multiverse(outcome: Outcome, selection: Selection) -> Multiverse | None:
    """Every specification of an outcome with a `multiverse`; None without, or where none can be.

    Each combination of one choice per decision is an analysis. Those that come to the same rows
    and model are one specification, with the standing of the best of them; those that cannot be
    are counted by reason.
    """
    decisions, primary = outcome.multiverse, outcome.plans[0]
    if decisions is None:
        return None
    grid = specifications_of(decisions, primary, selection)
    if grid.of[grid.prespecified] < 0:
        return None
    found = fitted(grid.specifications, primary, selection)
    standing_here = standing_of(decisions, grid.choices)
    taken = _representatives(grid, standing_here)
    held, standing = grid.choices[:, taken], standing_here[taken]
    columns = Columns(
        standing, *(_numbers(found, name) for name in ("estimate", "ci_low", "ci_high"))
    )
    prespecified = int(grid.of[grid.prespecified])
    log = MEASURES[primary.model.measure].log_axis
    beside = references_of(primary.model)
    told, interactions = described(
        decisions, grid.choices, grid.of, columns, log, prespecified, beside
    )
    refused = sorted(grid.refused.items(), key=lambda item: (-item[1], item[0]))
    return Multiverse(
        decisions=told,
        specifications=_columns(found, grid, held, standing),
        combinations=len(grid.of),
        conflicting=int((grid.of < 0).sum()),
        refused=tuple(Refused(*item) for item in refused),
        prespecified=prespecified,
        rank=_rank(columns, prespecified),
        interactions=interactions,
        log=log,
        summaries=summaries(columns, prespecified, beside),
        bands=bands(columns),
        without_effect=_without_effect(decisions, grid),
    )


def _representatives(grid: Grid, standing: Array) -> Array:
    """For each specification the combination that stands for it: (m,).

    That of the best standing, the first of these; for the primary analysis the pre-specified one.
    """
    sound = np.flatnonzero(grid.of >= 0)
    order = sound[np.lexsort((sound, standing[sound]))]
    _, first = np.unique(grid.of[order], return_index=True)
    taken = order[first]
    taken[grid.of[grid.prespecified]] = grid.prespecified
    return taken


def _numbers(found: Sequence[Found], name: str) -> Array:
    values = [getattr(item, name) for item in found]
    return np.array([np.nan if value is None else value for value in values], float)


def _columns(found: Sequence[Found], grid: Grid, held: Array, standing: Array) -> Specifications:
    notes = tuple(dict.fromkeys(["", *(item.note for item in found)]))
    at = {note: index for index, note in enumerate(notes)}
    sound = grid.of[grid.of >= 0]
    return Specifications(
        choices=tuple(tuple(row.tolist()) for row in held),
        combinations=tuple(np.bincount(sound, minlength=len(found)).tolist()),
        standing=tuple(standing.tolist()),
        k=tuple(item.k for item in found),
        estimate=tuple(item.estimate for item in found),
        ci_low=tuple(item.ci_low for item in found),
        ci_high=tuple(item.ci_high for item in found),
        p_value=tuple(item.p_value for item in found),
        tau2=tuple(item.tau2 for item in found),
        note=tuple(at[item.note] for item in found),
        notes=notes,
    )


def _rank(columns: Columns, prespecified: int) -> int | None:
    """The place of the pre-specified estimate among those that count, the smallest is 1."""
    own = columns.estimate[prespecified]
    if not np.isfinite(own):
        return None
    return 1 + int((columns.estimate[counted(columns.standing)] < own).sum())


def _without_effect(decisions: Decisions, grid: Grid) -> tuple[str, ...]:
    """Choices under which every combination is the same analysis as under the pre-specified one."""
    sizes = [len(item.choices) for item in decisions.of]
    shaped = grid.of.reshape(sizes)
    idle = []
    for axis, item in enumerate(decisions.of):
        own = np.take(shaped, item.prespecified, axis)
        for place, choice in enumerate(item.choices):
            if place != item.prespecified and np.array_equal(np.take(shaped, place, axis), own):
                idle.append(f"{item.name}: {choice.name}")
    return tuple(idle)
