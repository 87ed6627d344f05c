"""Flip points of tau2 once more: the interval at a fixed tau2 by its own formula."""

from collections.abc import Iterator

import numpy as np
from scipy import optimize, stats

from metamill.explored.flips import Change, FlipPoint
from metamill.record.recompute import question_of
from metamill.results import Result

TOLERANCE = 1e-6
"""Effects come with 12 digits and flip points with 10; a limit may be steep in tau2."""
NEAR = 0.05
"""The root is looked for within this share of ours."""

Found = tuple[str, float, float]
"""A quantity, our number and the engine's (nan: there is no change near ours)."""


def recomputed(result: Result) -> Iterator[Found]:
    """Every tau2 at which a conclusion of the primary analysis changes.

    Others are not computed again: those of r need the cells once more, added and omitted studies
    are counts of many pools.
    """
    robust = result.explored.robustness
    if robust is None:
        return
    flips = [item for item in robust.flips if item.assumption == "tau2"]
    for flip in flips:
        for side, change in (("below", flip.below), ("above", flip.above)):
            if change is not None:
                yield f"tau2 {side} which a conclusion changes", *_both(result, flip, change)


def _both(result: Result, flip: FlipPoint, change: Change) -> tuple[float, float]:
    primary = result.primary
    question = question_of(result, primary, primary.pooled.k)
    y = np.array([effect.yi for effect in primary.effects])
    v = np.array([effect.vi for effect in primary.effects])
    test = question.settings["test"]

    def numbers(tau2: float) -> tuple[float, float, float]:
        weights = 1 / (v + tau2)
        mean = float(np.average(y, weights=weights))
        variance = 1 / weights.sum()
        factor = float(weights @ (y - mean) ** 2 / (len(y) - 1))
        if test in ("knha", "adhoc"):
            variance *= factor if test == "knha" else max(1.0, factor)
        law = stats.norm() if test == "z" else stats.t(len(y) - 1)
        reach = float(law.ppf(1 - question.tail) * np.sqrt(variance))
        return mean, mean - reach, mean + reach

    low, high = (1 - NEAR) * change.value, (1 + NEAR) * change.value
    roots = []
    for item in change.after:
        at = question.scale.forward(item.value)
        if at is None or not np.isfinite(at):
            continue
        for index in range(3):
            ends = [numbers(tau2)[index] - at for tau2 in (low, high)]
            if ends[0] * ends[1] < 0:
                root = optimize.brentq(
                    lambda tau2, i=index, c=at: numbers(tau2)[i] - c, low, high, xtol=1e-15
                )
                roots.append(float(root))
    nearest = min(roots, key=lambda x: abs(x - change.value), default=float("nan"))
    return change.value, nearest
