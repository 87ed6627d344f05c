"""How many studies must be left out, or added without an effect, until a conclusion changes."""

from collections.abc import Callable, Sequence
from itertools import combinations, islice
from math import comb

import numpy as np

from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.explored.flips import Omission
from metamill.exploring.conclusions import Reference, margins, states
from metamill.exploring.quick import is_quick, numbers_of, weighted_numbers
from metamill.measures.effects import Array

LISTED = 10
"""Of the sets whose omission changes a conclusion, so many are named."""
MOST_FITS = 20_000
"""Sets of a size are tried only if they and the smaller ones are at most so many."""
LARGEST = 3
LEFT = 2
"""So many studies are left at least, as fewer are no pool."""
BLOCK = 2048
MOST_ADDED = 1000


def fewest_omitted(
    data: Data,
    model: Model,
    wanted: Sequence[Reference],
    base: Array,
    labels: Sequence[str],
    without_one: Sequence[tuple[str, Array]],
) -> Omission:
    """The smallest set of studies, up to three, without which a conclusion changes.

    Every set of a size is tried, if inverse variance pools one effect per study and the sets are
    at most MOST_FITS in total; other models are tried without each single study, whose name and
    numbers are `without_one` ((3,) each, nan without a pool). `base` is the state of the primary
    analysis. A set that `estimate` cannot pool changes nothing and is counted as
    unanswered; what is reported is what it gives.
    """
    k, fits = len(labels), 0
    if not is_quick(data, model):
        answers = [(name, _changes(wanted, numbers, base)) for name, numbers in without_one]
        sets: list[tuple[str, ...]] = [(name,) for name, changes in answers if changes]
        lost = sum(changes is None for _, changes in answers)
        note = "larger sets are tried for inverse-variance pools only"
        if not len(without_one):
            note = "the analysis is not repeated without single studies"
        tried = 1 if len(without_one) else 0
        size = 1 if sets else None
        count = len(without_one)
        return Omission(size, tried, len(sets), tuple(sets[:LISTED]), count, note, lost)
    searched, lost, note = 0, 0, ""
    for size in range(1, LARGEST + 1):
        if k - size < LEFT:
            note = f"{k} studies: no more can be left out"
            break
        if fits + comb(k, size) > MOST_FITS:
            note = f"more than {MOST_FITS:,} analyses would be needed for sets of {size}"
            break
        tries = [_tried(part, data, model, wanted, base) for part in _blocks(k, size)]
        hits = [item for found, _ in tries for item in found]
        lost += sum(without for _, without in tries)
        fits += comb(k, size)
        searched = size
        if hits:
            sets = [tuple(labels[i] for i in item) for item in hits[:LISTED]]
            return Omission(size, searched, len(hits), tuple(sets), fits, unanswered=lost)
    return Omission(None, searched, fits=fits, note=note, unanswered=lost)


def _blocks(k: int, size: int) -> list[Array]:
    every = combinations(range(k), size)
    return [np.array(part, int) for part in iter(lambda: list(islice(every, BLOCK)), [])]


def _tried(
    sets: Array, data: Data, model: Model, wanted: Sequence[Reference], base: Array
) -> tuple[list[tuple[int, ...]], int]:
    """The sets (m, size) of studies without which the state is another one; how many have none."""
    order = np.argsort(data.study)
    yi, vi = (
        np.repeat(x[order][:, None], len(sets), axis=1) for x in (data.effects.yi, data.effects.vi)
    )
    keep = np.ones_like(yi)
    for column in range(sets.shape[1]):
        keep[sets[:, column], np.arange(len(sets))] = 0
    found = margins(wanted, weighted_numbers(yi, vi, data, model, keep=keep))
    known = np.isfinite(found).all(axis=-1)
    changed = known & (states(found) != base).any(axis=-1)
    hits, lost = [], 0
    for i in np.flatnonzero(changed | ~known):
        omitted = tuple(int(x) for x in sets[i])
        left = data.take(~np.isin(data.study, omitted))
        changes = _changes(wanted, numbers_of(left, model), base)
        if changes is None:
            lost += 1
        elif changes:
            hits.append(omitted)
    return hits, lost


def _changes(wanted: Sequence[Reference], numbers: Array, base: Array) -> bool | None:
    """None where there is no estimate with an interval."""
    found = margins(wanted, numbers)
    return bool((states(found) != base).any()) if np.isfinite(found).all() else None


def with_null_studies(data: Data, model: Model, null: float) -> Callable[[int], Array]:
    """Estimate and limits (3,) after adding n studies that found exactly `null` (model scale).

    Each has the median of the sampling variances of the studies; the same model is fitted again.
    """
    yi, vi = data.effects.yi, data.effects.vi
    variance = float(np.median(vi))

    def numbers(n: int) -> Array:
        added = np.full(n, null), np.full(n, variance)
        return weighted_numbers(
            np.concatenate([yi, added[0]]), np.concatenate([vi, added[1]]), data, model
        )

    return numbers


def counts_to_try() -> list[int]:
    """Every count to 16, then steps of about an eighth, to MOST_ADDED."""
    found = list(range(1, 17))
    while found[-1] < MOST_ADDED:
        found.append(min(MOST_ADDED, max(found[-1] + 1, round(found[-1] * 1.125))))
    return found


def first_count(changed: Callable[[int], bool]) -> int | None:
    """The least count among those tried at which `changed` holds; exact between its neighbours."""
    before = 0
    for n in counts_to_try():
        if changed(n):
            low, high = before, n
            while high - low > 1:
                middle = (low + high) // 2
                if changed(middle):
                    high = middle
                else:
                    low = middle
            return high
        before = n
    return None
