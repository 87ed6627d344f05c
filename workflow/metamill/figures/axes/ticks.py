"""The words at the ticks of an axis, and as many ticks as there is room for their words."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from metamill.figures.axes.axis import TICK_ROOM_MM, Axis, log_tick_texts, tick_decimals
from metamill.figures.page.text import width
from metamill.wording import number_text

GROWTH = 1.3
"""By how much ticks move apart at each attempt."""
ATTEMPTS = 16
BETWEEN_EM = 0.6
"""The least space between two labels."""


def tick_texts(axis: Axis, factor: int = 1) -> list[str]:
    """The label of every tick; values are multiplied by `factor` (100 for per cent)."""
    if axis.log:
        shown = tuple(float(f"{tick * factor:.12g}") for tick in axis.ticks)
        return log_tick_texts(replace(axis, ticks=shown))
    decimals = tick_decimals(axis, factor)
    return [number_text(tick, decimals, factor) for tick in axis.ticks]


def legible(make: Callable[[float], Axis], size: float, factor: int = 1) -> Axis:
    """The axis with the most ticks whose labels, side by side at `size` points, do not meet.

    `make` gives an axis whose ticks are so many mm apart, or more.
    """
    room = TICK_ROOM_MM
    for _ in range(ATTEMPTS):
        axis = make(room)
        if _apart(axis, size, factor):
            break
        room *= GROWTH
    return axis


def _apart(axis: Axis, size: float, factor: int) -> bool:
    space = width("0", size) * BETWEEN_EM
    ends = sorted(
        (axis.position(tick) - width(text, size) / 2, axis.position(tick) + width(text, size) / 2)
        for tick, text in zip(axis.ticks, tick_texts(axis, factor), strict=True)
    )
    return all(b[0] - a[1] >= space for a, b in pairwise(ends))
