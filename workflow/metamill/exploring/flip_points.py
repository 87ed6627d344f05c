"""For each assumption of a primary analysis, the nearest value at which a conclusion changes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from metamill.explored.flips import Change, Conclusion, FlipPoint
from metamill.exploring.added_studies import MOST_ADDED, first_count, with_null_studies
from metamill.exploring.assumed import Assumed, Source, assumptions
from metamill.exploring.conclusions import Reference, concluded, margins, new_ones, states
from metamill.exploring.crossings import Crossing, nearest_changes
from metamill.exploring.quick import is_quick, of_pooled
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES


def flip_points(source: Source, wanted: Sequence[Reference]) -> tuple[FlipPoint, ...]:
    """What is searched for the primary analysis of `source`, which must have an interval."""
    base = states(margins(wanted, of_pooled(source.pooled)))
    found = [_flip(item, wanted, base) for item in assumptions(source)]
    null = MEASURES[source.plan.model.measure].null
    if null is not None:
        found.append(_null_studies(source, null, wanted, base))
    return tuple(found)


def _flip(item: Assumed, wanted: Sequence[Reference], base: Array) -> FlipPoint:
    told = FlipPoint(
        item.name,
        item.used,
        plausible_low=item.plausible_low,
        plausible_high=item.plausible_high,
        plausible=item.plausible,
        note=item.note,
    )
    if not item.grid or item.used is None:
        return told

    def at(x: float) -> Array:
        return margins(wanted, item.numbers(x))

    here = at(item.used)
    if not np.isfinite(here).all() or (states(here) != base).any():
        # Rows with correlations of their siblings are not reproduced by one value for all.
        note = "the analysis cannot be reproduced from this value alone"
        return replace(told, note=note)
    found = nearest_changes(at, item.used, item.grid)
    before = concluded(wanted, base)
    return replace(
        told,
        low=found.low,
        high=found.high,
        below=_change(found.below, wanted, before),
        above=_change(found.above, wanted, before),
        changes=sum(found.changes),
        fits=found.fits,
        note=_cut_short(item, found.low, found.high),
    )


def _cut_short(item: Assumed, low: float, high: float) -> str:
    if low > min(item.grid) or high < max(item.grid):
        return f"searched from {low:.3g} to {high:.3g}: beyond there is no estimate"
    return ""


def _change(
    found: Crossing | None, wanted: Sequence[Reference], before: Sequence[Conclusion]
) -> Change | None:
    if found is None:
        return None
    return Change(float(found.at), new_ones(before, concluded(wanted, found.state)))


def _null_studies(
    source: Source, null: float, wanted: Sequence[Reference], base: Array
) -> FlipPoint:
    """Studies without an effect that are added until a conclusion changes."""
    model, data = source.plan.model, source.data
    if not is_quick(data, model):
        note = "studies without an effect are added to inverse-variance pools only"
        return FlipPoint("null_studies", note=note)
    numbers = with_null_studies(data, model, null)
    known: dict[int, Array] = {}

    def state(n: int) -> Array | None:
        if n not in known:
            known[n] = margins(wanted, numbers(n))
        return states(known[n]) if np.isfinite(known[n]).all() else None

    count = first_count(_differs(state, base))
    before = concluded(wanted, base)
    above = None
    if count is not None:
        after = state(count)
        assert after is not None
        above = Change(float(count), new_ones(before, concluded(wanted, list(after))))
    last = float(numbers(MOST_ADDED)[0]) if above is None else np.nan
    return FlipPoint(
        "null_studies", 0.0, 0.0, float(MOST_ADDED), None, above, int(above is not None),
        fits=len(known), estimate_at_high=last if np.isfinite(last) else None,
    )  # fmt: skip


def _differs(state: Callable[[int], Array | None], base: Array) -> Callable[[int], bool]:
    def changed(n: int) -> bool:
        found = state(n)
        return found is not None and bool((found != base).any())

    return changed
