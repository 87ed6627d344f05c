"""What an interval says about values of reference, as signs of margins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metamill.config.settings import Model
from metamill.explored.flips import Conclusion
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES

LARGE = 1e100
"""An endless limit counts as this far away."""


@dataclass(frozen=True)
class Reference:
    """A value on the natural scale that an interval is compared with: "null" or "threshold"."""

    kind: str
    value: float


def references_of(model: Model) -> tuple[Reference, ...]:
    """What the results of a model are compared with."""
    return references(MEASURES[model.measure].natural_null, model.thresholds)


def references(null: float | None, thresholds: Sequence[float]) -> tuple[Reference, ...]:
    """The value of no effect, where there is one, and the thresholds that are not that value."""
    found = [] if null is None else [Reference("null", null)]
    further = dict.fromkeys(float(x) for x in thresholds if x != null)
    return (*found, *(Reference("threshold", x) for x in further))


def margins(wanted: Sequence[Reference], numbers: Array) -> Array:
    """What decides the conclusions, by sign: lower limit, upper limit and estimate less the value.

    `numbers` has shape (..., 3): estimate, lower and upper limit on the natural scale; the result
    (..., 3 r) for r references. nan where there is no estimate. The estimate decides nothing about
    the null, so its margin there is that of the lower limit again.
    """
    estimate, low, high = np.moveaxis(np.clip(numbers, -LARGE, LARGE), -1, 0)
    found = []
    for item in wanted:
        found += [low - item.value, high - item.value]
        found.append((low if item.kind == "null" else estimate) - item.value)
    return np.stack(found, axis=-1)


def states(found: Array) -> Array:
    """Margins (..., 3 r) as truths: lower limit above, upper limit below, estimate above."""
    signs = np.where(np.arange(found.shape[-1]) % 3 == 1, -1.0, 1.0)
    truths: Array = found * signs > 0
    return truths


def concluded(wanted: Sequence[Reference], state: Sequence[bool] | Array) -> tuple[Conclusion, ...]:
    """One row of `states` in words."""
    told = []
    for index, item in enumerate(wanted):
        above, below, higher = (bool(x) for x in state[3 * index : 3 * index + 3])
        interval = "above" if above else "below" if below else "includes"
        side = "" if item.kind == "null" else "above" if higher else "below"
        told.append(Conclusion(item.kind, item.value, interval, side))
    return tuple(told)


def new_ones(before: Sequence[Conclusion], after: Sequence[Conclusion]) -> tuple[Conclusion, ...]:
    """The conclusions of `after` that differ from those of `before` on the same value."""
    return tuple(b for a, b in zip(before, after, strict=True) if a != b)
