"""What the figure of a multiverse shows: specifications in order, and where each stands."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from metamill.explored.multiverse import Multiverse
from metamill.figures.axes.axis import Axis, linear_axis, log_axis, visible_range
from metamill.figures.axes.effect_words import bounds_of
from metamill.results import Result

CELLS = 200
"""Columns of the dashboard where there are more specifications than can be told apart."""


@dataclass(frozen=True)
class Ordered:
    """The specifications with an estimate, the smallest first.

    `order` are their places in the result, `prespecified` the place in `order` of the primary
    analysis (None where it has no estimate), `singly` whether each is drawn by itself.
    """

    found: Multiverse
    order: tuple[int, ...]
    prespecified: int | None
    singly: bool

    @property
    def count(self) -> int:
        return len(self.order)


def ordered(found: Multiverse) -> Ordered:
    columns = found.specifications
    known = [(value, i) for i, value in enumerate(columns.estimate) if value is not None]
    order = tuple(i for _, i in sorted(known))
    own = order.index(found.prespecified) if found.prespecified in order else None
    return Ordered(found, order, own, not found.bands)


def estimate_axis(shown: Ordered, result: Result, bottom: float, top: float) -> Axis | None:
    """The upward axis of the estimates; far limits are clipped. None where nothing is finite."""
    columns = shown.found.specifications
    rows = [
        (
            _or(columns.ci_low[i], columns.estimate[i]),
            _or(columns.estimate[i]),
            _or(columns.ci_high[i], columns.estimate[i]),
        )
        for i in shown.order
    ]
    own = columns.estimate[shown.found.prespecified]
    log = result.measure.log_axis
    required = [row[1] for row in rows if isfinite(row[1])]
    required += [item.value for item in shown.found.summaries[0].beside]
    required += [] if own is None else [own]
    span = visible_range(rows, (), required, log)
    if span is None:
        return None
    length = bottom - top
    axis = (
        log_axis(*span, 0.0, length)
        if log
        else linear_axis(*span, 0.0, length, bounds_of(result.measure))
    )
    return replace(axis, left=bottom, right=top)


def _or(*values: float | None) -> float:
    return next((value for value in values if value is not None), float("nan"))


def cells(shown: Ordered) -> list[tuple[int, int]]:
    """The columns of a dashboard of many specifications, as first and last place, from 0."""
    size = min(CELLS, shown.count)
    edges = [round(i * shown.count / size) for i in range(size + 1)]
    return [(edges[i], edges[i + 1]) for i in range(size)]


def shares(shown: Ordered, decision: int, places: int) -> list[list[float]]:
    """For each choice of a decision the share of the specifications of each cell that take it."""
    taken = shown.found.specifications.choices[decision]
    ordered_choices: Sequence[int] = [taken[i] for i in shown.order]
    found = [[0.0] * len(cells(shown)) for _ in range(places)]
    for column, (start, end) in enumerate(cells(shown)):
        for place in ordered_choices[start:end]:
            found[place][column] += 1 / (end - start)
    return found
