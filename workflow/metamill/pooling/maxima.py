"""The highest maximum of a likelihood of tau2, for many data sets at once.

With unequal sampling variances the likelihood can have several maxima. Nothing here follows one of
them: the signs of its slope on a fixed lattice bracket them all, each is polished inside its
bracket by Newton's method, and the highest wins. The lattice is the powers of the square root of 2,
whatever the data, and the start within a bracket one of 1024 points: a data set meets the same
numbers alone and among others, and has the same bits. Each weight 1/(v + tau2) is a logistic
function of log tau2 with a width of several e-folds, so that a pair of turning points within half
an octave differs by next to nothing in height.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

Array = np.ndarray

_EPS = np.finfo(float).eps
_ROOT_2 = float(np.sqrt(2.0))
_NEWTON_STEPS = 400
_WIDTH = 2048
"""Numbers of tau2 times data sets that are looked at together: they stay in the cache."""
_BELOW = 1 / 4
"""As share of the smallest sampling variance: below it the weights change by less than from one
lattice point to the next above it."""
_ELEMENTS = 2**18
_BLOCK = 4096
_ROOM = 2**21
_PARTS = 1024
_SENSITIVE = 32
_SETTLED = 2.0**-25
"""A Newton step of this share of tau2 leaves an error of the order of its square."""


class Likelihood(Protocol):
    """Log-likelihoods of tau2 of m data sets; least: (m,), the smallest of their v."""

    @property
    def least(self) -> Array: ...

    def take(self, columns: Array) -> Self:
        """Those of the data sets `columns`, in this order."""

    def slope(self, tau2: Array) -> Array:
        """The first derivative at tau2 of shape (n, m), over (sum w)^2: nearly a straight line."""

    def slopes(self, tau2: Array) -> tuple[Array, Array]:
        """The first derivative at tau2 of shape (m,), and its own so far as it differs from the
        derivative of `slope` by the factor (sum w)^2 only: Newton's step is that of `slope`."""

    def gain(self, tau2: Array, over: Array) -> Array:
        """How much higher it is at `tau2` than at `over`, shape (m,); the same for y in any unit
        that is a power of 2."""


def lattice_index(x: Array) -> Array:
    """The number of the last lattice point not above x > 0; exact, so that no unit matters."""
    fraction, exponent = np.frexp(x)
    return 2 * (exponent.astype(np.int64) - 1) + (2 * fraction >= _ROOT_2)


def lattice_point(index: Array) -> Array:
    """2^(index/2)."""
    return np.ldexp(np.where(index & 1, _ROOT_2, 1.0), index >> 1)


def first_index(least: Array) -> Array:
    """Of the lattice point where a search begins, from the smallest sampling variances."""
    return lattice_index(least * _BELOW)


def power_of_4(log_v: Array) -> Array:
    """The power of 4 next to the typical variance exp(log_v)."""
    return np.exp2(2 * np.rint(log_v / np.log(4.0)))


def at_least_two(columns: Array) -> Array:
    """A single column twice: numpy sums one column pairwise, and several row by row, and a data
    set must have the bits alone that it has among others."""
    return np.repeat(columns, 2) if columns.size == 1 else columns


def blocks(count: int, k: int) -> Iterator[slice]:
    """Slices of `count` columns of k studies that stay in the cache, none of a single column."""
    width = max(64, min(_ELEMENTS // k, _BLOCK))
    if count > width:
        # Freed at once, it makes glibc keep up to twice as much for what comes after: fresh pages
        # for every temporary would cost more than the arithmetic.
        np.empty(_ROOM)
    starts = list(range(0, max(count - 1, 1), width))
    for start, stop in zip(starts, [*starts[1:], count], strict=True):
        yield slice(start, stop)


def highest_maximum(of: Likelihood, top: Array) -> Array:
    """The tau2 >= 0 where each likelihood is highest, shape (m,), m > 1.

    top: (m,), no root of the slope is at or above it.
    tau2 = 0 competes with the roots where the likelihood falls from it, and only there: next to a
    tiny tau2 both are as high to a double.
    """
    low = first_index(of.least)
    count = int((lattice_index(top) + 1 - low).max(initial=0)) + 2
    points = np.vstack([np.zeros(low.size), lattice_point(low + np.arange(max(count, 2))[:, None])])
    rows = max(1, _WIDTH // low.size)
    slopes = np.vstack([of.slope(points[i : i + rows]) for i in range(0, len(points), rows)])
    positive = slopes > 0
    columns, cells = np.nonzero((positive[:-2] & ~positive[1:-1]).T)
    best = np.zeros(low.size)
    if not columns.size:
        return best
    several = at_least_two(np.arange(columns.size))
    columns, cells = columns[several], cells[several]
    three = cells + np.arange(3)[:, None]
    low, high, above = points[three, columns]
    start = start_within(low, high, parts_of_bracket((low, high, above), slopes[three, columns]))
    roots = polished(of.take(columns), low, high, start)
    turns = np.arange(columns.size) - np.searchsorted(columns, columns)
    beaten = ~positive[0]
    for turn in range(int(turns.max()) + 1):
        these = at_least_two(np.flatnonzero(turns == turn))
        who, root = columns[these], roots[these]
        rivals = at_least_two(np.flatnonzero(beaten[who]))
        better = np.ones(who.size, bool)
        if rivals.size:
            rival = who[rivals]
            better[rivals] = of.take(rival).gain(root[rivals], best[rival]) > 0
        best[who[better]] = root[better]
        beaten[who] = True
    return best


def parts_of_bracket(points: Array | tuple[Array, ...], slopes: Array) -> Array:
    """Where a likelihood may stop rising, in parts of its bracket, 0 to 1024.

    points, slopes: (3, m), the ends of the bracket and the lattice point above it. From where the
    straight line between the ends crosses zero, a step of Newton's on the parabola of all three.
    """
    low, high, above = points
    at_low, at_high, at_above = slopes
    reach = (above - low) / (high - low)
    fall = at_low - at_high
    line = at_low / fall
    bend = ((at_above - at_high) / (reach - 1) + fall) / reach
    tangent = np.minimum(bend * (2 * line - 1) - fall, -0.5 * fall)
    return _PARTS * np.minimum(np.maximum(line - bend * line * (line - 1) / tangent, 0.0), 1.0)


def start_within(low: Array, high: Array, parts: Array) -> Array:
    """The middle of one of the 1024 equal parts of a bracket."""
    part = np.minimum(np.floor(parts), _PARTS - 1)
    return low + (high - low) * ((part + 0.5) / _PARTS)


@dataclass(frozen=True)
class Brackets:
    """What is certain of data sets before their likelihoods are looked at, arrays of shape (m,).

    sure: no rounding matters and there is at most one root, without a rival at tau2 = 0; low, high:
    its bracket, both 0 without a root; start: where Newton's method starts in it.
    """

    sure: Array
    low: Array
    high: Array
    start: Array


def sure_brackets(
    points: Array,
    index: Array,
    low: Array,
    positive: Array,
    sure: Array,
    at: Callable[[Array], tuple[Array, Array]],
) -> Brackets:
    """Brackets from signs on 0 and the lattice points `index`: `points` (n,), `positive` (n, m).

    low: (m,), the lattice point where the search of each data set begins; sure: (m,), whether its
    signs are certain. at(rows), rows (3, m), gives `slope` at three points of each data set, and
    the error it may have, relative to it.
    """
    above = int(low.max()) - int(index[0])
    if above > 0:
        early = index[:above, None] < low
        np.copyto(positive[1 : 1 + above], positive[0], where=early)
    rises = (positive[1:] > positive[:-1]).any(axis=0)
    row = positive.sum(axis=0)
    sure = sure & ~rises & (row < points.size - 1)
    has_root = row > 0
    row = np.minimum(row, points.size - 2)
    before = np.maximum(row - 1, 0)
    before[(before > 0) & (index[before - 1] < low)] = 0
    rows = np.array([before, row, row + 1])
    three = points[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes, errors = at(rows)
        parts = parts_of_bracket(three, slopes)
        # the slopes move by no more than their errors, and where they cross zero by as much over
        # their fall; the parabola is at most a few times as sensitive as the line
        error = _SENSITIVE * (np.abs(slopes) * errors).sum(axis=0) / (slopes[0] - slopes[1])
    error = _PARTS * error + 1e-9
    beside = parts - np.floor(parts)
    within = (beside > error) & (1 - beside > error)
    low, high = three[:2] * has_root
    return Brackets(sure & (within | ~has_root), low, high, start_within(low, high, parts))


def highest_from(of: Likelihood, top: Array, brackets: Brackets) -> Array:
    """`highest_maximum`, bit for bit, from brackets that are known for some of the data sets."""
    found = np.zeros(top.size)
    roots = np.flatnonzero(brackets.sure & (brackets.high > 0))
    if roots.size:
        roots = at_least_two(roots)
        ends = (a[roots] for a in (brackets.low, brackets.high, brackets.start))
        some = of if roots.size == top.size else of.take(roots)
        found[roots] = polished(some, *ends)
    rest = np.flatnonzero(~brackets.sure)
    if rest.size:
        rest = at_least_two(rest)
        found[rest] = highest_maximum(of.take(rest), top[rest])
    return found


def polished(of: Likelihood, low: Array, high: Array, tau2: Array) -> Array:
    """Newton's method on the slope from tau2, held inside brackets where it falls through zero.

    All of shape (m,), m > 1. A column has settled by its own steps alone. Raises ArithmeticError
    if one has not settled after 400 steps.
    """
    found = tau2.copy()
    active, done = np.arange(tau2.size), np.zeros(tau2.size, bool)
    last = high - low
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(_NEWTON_STEPS):
            first, second = of.slopes(tau2)
            rises = first > 0
            low, high = np.where(rises, tau2, low), np.where(rises, high, tau2)
            newton = tau2 - first / second
            step = np.abs(newton - tau2)
            # A Newton step that does not halve the last one is no better than a bisection.
            good = (newton >= low) & (newton <= high) & (step <= 0.5 * last)
            if good.all():
                last, tau2 = step, newton
            else:
                last = np.where(good, step, 0.5 * (high - low))
                tau2 = np.where(good, newton, 0.5 * (low + high))
            noise = 4 * _EPS * (of.least + tau2)
            settled = (good & (step <= _SETTLED * tau2 + noise)) | (high - low <= noise)
            found[active] = np.where(done, found[active], tau2) if done.any() else tau2
            done |= settled
            left = np.flatnonzero(~done)
            if not left.size:
                return found
            if 4 * left.size <= 3 * done.size and done.size > 2:
                left = at_least_two(left)
                of, active, done = of.take(left), active[left], done[left]
                low, high, tau2, last = (a[left] for a in (low, high, tau2, last))
    raise ArithmeticError("the likelihood score did not converge")
