"""The value nearest to one in use at which a conclusion changes: scan, bracket, root."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from metamill.exploring.conclusions import states
from metamill.measures.effects import Array

_GOLDEN = (5**0.5 - 1) / 2
_DIP_STEPS = 30
_JUST_BEYOND = 1e-4
_INWARDS = 1e-4


@dataclass(frozen=True)
class Crossing:
    """Where a state changes, and the state (r,) just beyond."""

    at: float
    state: tuple[bool, ...]


@dataclass(frozen=True)
class Crossings:
    """The nearest changes below and above the start; how many changes the scan met on each side.

    `low` to `high` is what could be searched: the scan ends where there is no estimate.
    """

    below: Crossing | None
    above: Crossing | None
    changes: tuple[int, int]
    low: float
    high: float
    fits: int


def nearest_changes(
    margins: Callable[[float], Array], start: float, grid: Sequence[float]
) -> Crossings:
    """The changes of state nearest to `start` on both sides, within the ends of `grid`.

    `margins` gives an array (r,) whose signs are the state (see `conclusions.states`), nan where
    there is no estimate; at `start` it must have one, else ValueError. Each side of the sorted grid
    is scanned; between neighbours of equal state a margin that comes nearer to 0 and departs again
    is followed to its turning point, so that two changes between neighbours are not missed as long
    as the margin has one turning point there. A change is then found to 12 digits by Brent's
    method, which needs no derivative and ends at the jump where the margin is not continuous.
    """
    known: dict[float, Array] = {}

    def at(x: float) -> Array:
        if x not in known:
            known[x] = np.asarray(margins(x), float)
        return known[x]

    if not np.isfinite(at(start)).all():
        raise ValueError("there is no estimate at the value that is used")
    sides = (
        sorted((x for x in grid if x < start), reverse=True),
        sorted(x for x in grid if x > start),
    )
    found: list[Crossing | None] = []
    counts, ends = [], []
    for side in sides:
        points = [start]
        for x in side:
            if not np.isfinite(at(x)).all():
                break
            points.append(x)
        first, count = _first_change(at, points)
        found.append(first)
        counts.append(count)
        ends.append(points[-1])
    return Crossings(found[0], found[1], (counts[0], counts[1]), ends[0], ends[1], len(known))


def _first_change(
    at: Callable[[float], Array], points: Sequence[float]
) -> tuple[Crossing | None, int]:
    """The change nearest to the first of `points`, and how many the scan meets."""
    scanned = list(points)
    for i in range(1, len(points) - 1):
        scanned += _dips(at, points[i - 1], points[i], points[i + 1])
    if len(points) > 1:
        scanned += _dips_at_end(at, points[0], points[1])
        scanned += _dips_at_end(at, points[-1], points[-2])
    scanned = sorted(set(scanned), key=lambda x: abs(x - points[0]))
    seen = [states(at(x)) for x in scanned]
    changed = [i for i in range(1, len(seen)) if (seen[i] != seen[i - 1]).any()]
    if not changed:
        return None, 0
    first = changed[0]
    a, b = scanned[first - 1], scanned[first]
    roots = [_root(at, int(i), a, b) for i in np.flatnonzero(seen[first] != seen[first - 1])]
    root = min(roots, key=lambda x: abs(x - a))
    beyond = states(at(root + _JUST_BEYOND * (b - root)))
    if (beyond == seen[first - 1]).all():
        beyond = seen[first]
    return Crossing(root, tuple(bool(x) for x in beyond)), len(changed)


def _root(at: Callable[[float], Array], index: int, a: float, b: float) -> float:
    from scipy.optimize import brentq  # noqa: PLC0415, costs 0.15 s and a change is rarely met

    def margin(x: float) -> float:
        return float(at(x)[index])

    if margin(a) == 0:
        return a
    if margin(a) * margin(b) > 0:
        return b
    return float(brentq(margin, a, b, xtol=1e-13 * max(abs(a), abs(b)), rtol=1e-12))


def _dips(at: Callable[[float], Array], a: float, b: float, c: float) -> Iterator[float]:
    """Turning points beyond 0 of margins that come nearer to 0 at `b` than at `a` and `c`."""
    left, middle, right = (at(x) for x in (a, b, c))
    for i in range(len(middle)):
        same = left[i] * middle[i] > 0 and middle[i] * right[i] > 0
        if same and abs(middle[i]) < min(abs(left[i]), abs(right[i])):
            turned = _turning_point(at, i, a, c)
            if turned is not None:
                yield turned


def _dips_at_end(at: Callable[[float], Array], end: float, inner: float) -> Iterator[float]:
    """Turning points beyond 0 next to an end of the scan, which is no neighbour's neighbour.

    Margins that come nearer to 0 from `end` inwards and lie farther from it at `inner`.
    """
    near = end + _INWARDS * (inner - end)
    here, there, beside = at(end), at(inner), at(near)
    for i in range(len(here)):
        if here[i] * there[i] <= 0 or abs(here[i]) > abs(there[i]):
            continue
        if beside[i] * here[i] < 0:
            yield near
        elif abs(beside[i]) < abs(here[i]):
            turned = _turning_point(at, i, end, inner)
            if turned is not None:
                yield turned


def _turning_point(at: Callable[[float], Array], index: int, a: float, c: float) -> float | None:
    """A point between `a` and `c` where a margin has another sign, by golden sections."""
    sign = np.sign(at(a)[index])

    def margin(x: float) -> float:
        return float(at(x)[index])

    one, two = c - _GOLDEN * (c - a), a + _GOLDEN * (c - a)
    first, second = sign * margin(one), sign * margin(two)
    for _ in range(_DIP_STEPS):
        for x, value in ((one, first), (two, second)):
            if value < 0:
                return x
            if not np.isfinite(value):
                return None
        if first < second:
            c, two, second = two, one, first
            one = c - _GOLDEN * (c - a)
            first = sign * margin(one)
        else:
            a, one, first = one, two, second
            two = a + _GOLDEN * (c - a)
            second = sign * margin(two)
    return None
