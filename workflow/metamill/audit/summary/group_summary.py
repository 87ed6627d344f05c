"""What the printed summary of one group allows: sums, samples of largest and smallest SD.

A row's printed numbers are read in one of three ways. ROUNDED: by any rounding rule. CUT: all with
further digits cut off. AS_PRINTED: order statistics are exact, means and SDs rounded.
"""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import ceil, floor

from metamill.audit.finding import Group
from metamill.audit.summary import sd_limits
from metamill.audit.summary.grim import admissible_sums
from metamill.audit.summary.order_statistics import ORDER, ordered_blocks
from metamill.audit.summary.sd_limits import Block, Sample
from metamill.tables.printed import Interval, rounded, truncated, unit, value


class Reading(Enum):
    """How printed digits are taken."""

    ROUNDED = "rounded"
    CUT = "cut off"
    AS_PRINTED = "order statistics exact"


@dataclass(frozen=True)
class Extremes:
    """Samples with the smallest and the largest SD (None: an end of the values is not known).

    `with_mean` is False where no mean is printed, or where none of the samples can have it;
    `on_lattice` where the grain is not known, or the printed numbers are not on it.
    """

    smallest: Sample
    largest: Sample | None
    with_mean: bool
    on_lattice: bool


def size(group: Group) -> int | None:
    """n, where it is a whole number of at least 2."""
    cell = group.cells.get("n", "")
    n = value(cell) if cell else Fraction(0)
    return int(n) if n.denominator == 1 and n >= 2 else None


FINEST = Fraction(1, 10**9)


def grain(group: Group) -> Fraction | None:
    """Single values are multiples of this: the step of an answer over the number of answers.

    None also for a lattice so fine that no printed number can miss it.
    """
    if group.step is None or group.step / group.items < FINEST:
        return None
    return group.step / group.items


def read(cell: str, reading: Reading = Reading.ROUNDED) -> Interval:
    """All values that can stand behind a printed mean or SD."""
    return truncated(cell) if reading is Reading.CUT else rounded(cell)


def order_cells(group: Group) -> dict[str, str]:
    """The printed order statistics, from the smallest."""
    return {name: group.cells[name] for name in ORDER if group.cells.get(name)}


def extremes(group: Group, n: int, reading: Reading) -> Extremes | None:
    """Samples of smallest and largest SD with the printed range, quartiles and mean.

    Where no sample has the printed mean, those without it; None if there is no sample at all.
    """
    step, order = _order(group, reading)
    least, most, bounded = _ends(group, order, n, step)
    ways = list(ordered_blocks(n, order, least, most))
    for sums in (*_sums(group, n, reading, step), None):
        found = [pair for blocks in ways if (pair := _samples(blocks, sums, step is not None))]
        if found:
            smallest = min((low for low, _ in found), key=sd_limits.sum_of_squares)
            largest = max((high for _, high in found), key=sd_limits.sum_of_squares)
            scale = Fraction(1) if step is None else step
            return Extremes(
                _scaled(smallest, scale),
                _scaled(largest, scale) if bounded else None,
                sums is not None,
                step is not None and not isinstance(sums, tuple),
            )
    return None


def mean_limits(group: Group, n: int, reading: Reading) -> Interval | None:
    """Least and largest mean that the printed order statistics allow; None if nothing follows."""
    step, order = _order(group, reading)
    least, most, bounded = _ends(group, order, n, step)
    if not order or not bounded:
        return None
    limits = [sd_limits.sum_limits(blocks) for blocks in ordered_blocks(n, order, least, most)]
    scale = (Fraction(1) if step is None else step) / n
    return (
        (min(low for low, _ in limits) * scale, max(high for _, high in limits) * scale)
        if limits
        else None
    )


def order_interval(cell: str, reading: Reading, step: Fraction | None) -> Interval | None:
    """What a printed order statistic stands for, in units of `step` if that is known.

    On the lattice it is exact where its digits tell neighbouring values apart, and otherwise any
    of the values that print as it; None where there are none.
    """
    if step is None:
        x = value(cell)
        return (x, x) if reading is Reading.AS_PRINTED else read(cell, reading)
    x = value(cell) / step
    if reading is Reading.AS_PRINTED and x.denominator == 1:
        return x, x
    low, high = (end / step for end in read(cell, reading))
    whole = unit(cell) / step
    # a value one unit away would print as itself, however its digits are shortened
    first = max(ceil(low), floor(x - whole) + 1)
    last = min(floor(high), ceil(x + whole) - 1)
    return (Fraction(first), Fraction(last)) if first <= last else None


def _order(group: Group, reading: Reading) -> tuple[Fraction | None, dict[str, Interval]]:
    """The grain and the order statistics in its units; no grain where one is off the lattice."""
    cells = order_cells(group)
    for step in (grain(group), None):
        found: dict[str, Interval | None] = {}
        for name, cell in cells.items():
            # medians and quartiles between two values may be off the lattice
            inner = step is not None and name not in ("min", "max")
            interval = order_interval(cell, reading, None if inner else step)
            if inner and interval is not None and step is not None:
                interval = (interval[0] / step, interval[1] / step)
            found[name] = interval
        order = {name: interval for name, interval in found.items() if interval is not None}
        if len(order) == len(cells):
            return step, order
    raise AssertionError("real numbers always fit")


def _ends(
    group: Group, order: dict[str, Interval], n: int, step: Fraction | None
) -> tuple[Fraction, Fraction, bool]:
    """Least and largest value, and whether both are known, from the range or else the scale.

    An end that is not known is put so far off that no sample of smallest SD reaches it.
    """
    unit_ = Fraction(1) if step is None else step
    mean = group.cells.get("mean", "")
    inner = [end for interval in order.values() for end in interval]
    known = [abs(x) for x in inner] + ([(abs(value(mean)) + unit(mean)) / unit_] if mean else [])
    far = Fraction(ceil(2 * n * max(known, default=Fraction(0))) + 1)
    low = None if group.low is None else Fraction(ceil(group.low / unit_)) if step else group.low
    high = (
        None if group.high is None else Fraction(floor(group.high / unit_)) if step else group.high
    )
    # a scale that the printed numbers leave says nothing about them
    low = None if low is None or any(x < low for _, x in order.values()) else low
    high = None if high is None or any(x > high for x, _ in order.values()) else high
    lower = [low] if low is not None else []
    upper = [high] if high is not None else []
    lower += [order["min"][0]] if "min" in order else []
    upper += [order["max"][1]] if "max" in order else []
    return max(lower, default=-far), min(upper, default=far), bool(lower and upper)


def _sums(group: Group, n: int, reading: Reading, step: Fraction | None) -> list[range | Interval]:
    """Totals that the printed mean allows: on the lattice first, then real ones, as `extremes`."""
    cell = group.cells.get("mean", "")
    if not cell:
        return []
    mean = read(cell, reading)
    if step is None:
        return [(mean[0] * n, mean[1] * n)]
    whole = admissible_sums(mean, n, step)
    real = (mean[0] * n / step, mean[1] * n / step)
    return [whole, real] if whole else [real]


def _samples(
    blocks: tuple[Block, ...], sums: range | Interval | None, whole: bool
) -> tuple[Sample, Sample] | None:
    if whole:
        blocks = tuple(
            Block(b.count, Fraction(ceil(b.low)), Fraction(floor(b.high))) for b in blocks
        )
        if any(block.low > block.high for block in blocks):
            return None
    if sums is None:
        low, high = sd_limits.sum_limits(blocks)
        sums = range(int(low), int(high) + 1) if whole else (low, high)
    if isinstance(sums, range):
        ends = (Fraction(sums.start), Fraction(sums.stop - 1))
        smallest = sd_limits.smallest_whole(blocks, sums)
    else:
        ends = sums
        smallest = sd_limits.smallest(blocks, sums)
    largest = sd_limits.largest(blocks, ends)
    return None if smallest is None or largest is None else (smallest, largest)


def _scaled(sample: Sample, by: Fraction) -> Sample:
    return tuple((count, x * by) for count, x in sample)
