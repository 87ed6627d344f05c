"""Limits of the ordered values of a group that follow from its range, median and quartiles.

Quartiles have many definitions (Hyndman and Fan 1996 list nine, R and SAS and SPSS differ). All of
them put a quartile at a position of the ordered sample or between two neighbours; what is said
here of a group has to hold under every definition.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import ceil, floor

from metamill.audit.summary.sd_limits import Block
from metamill.tables.printed import Interval

ORDER = ("min", "q1", "median", "q3", "max")
Positions = Mapping[str, tuple[int, int]]
"""For each statistic the positions, from 1 to n, of the two values it lies between (or is)."""


def _half_even(x: Fraction) -> Fraction:
    return Fraction(round(x))


def quartile_positions(n: int) -> dict[str, tuple[Fraction, Fraction]]:
    """Where each definition puts the first and the third quartile of n ordered values."""
    quarter, three = Fraction(1, 4), Fraction(3, 4)

    def averaged(p: Fraction) -> Fraction:
        return n * p + Fraction(1, 2) if (n * p).denominator == 1 else Fraction(ceil(n * p))

    hinge = Fraction((n + 1) // 2 + 1, 2)
    without_median = Fraction(n // 2 + 1, 2)
    rules = {
        "type 1": lambda p: Fraction(ceil(n * p)),
        "type 2 (SAS)": averaged,
        "type 3": lambda p: _half_even(n * p),
        "type 4": lambda p: n * p,
        "type 5": lambda p: n * p + Fraction(1, 2),
        "type 6 (SPSS, Minitab)": lambda p: (n + 1) * p,
        "type 7 (R, Excel)": lambda p: (n - 1) * p + 1,
        "type 8": lambda p: (n + Fraction(1, 3)) * p + Fraction(1, 3),
        "type 9": lambda p: (n + Fraction(1, 4)) * p + Fraction(3, 8),
    }
    return {
        **{name: (rule(quarter), rule(three)) for name, rule in rules.items()},
        "hinges (Tukey)": (hinge, n + 1 - hinge),
        "halves without the median": (without_median, n + 1 - without_median),
    }


@lru_cache(maxsize=256)
def positions(n: int) -> tuple[Positions, ...]:
    """The positions of all five statistics, once for each way of placing the quartiles."""
    middle = Fraction(n + 1, 2)
    found: list[Positions] = []
    for first, third in quartile_positions(n).values():
        at = dict(zip(ORDER, (Fraction(1), first, middle, third, Fraction(n)), strict=True))
        held = {name: min(max(h, Fraction(1)), Fraction(n)) for name, h in at.items()}
        placed = {name: (floor(h), ceil(h)) for name, h in held.items()}
        if placed not in found:
            found.append(placed)
    return tuple(found)


def ordered_blocks(
    n: int, printed: Mapping[str, Interval], least: Fraction, most: Fraction
) -> Iterator[tuple[Block, ...]]:
    """The limits of n ordered values from least to most with the `printed` order statistics.

    A statistic between positions i and j says that the i-th value is at most its upper end and the
    j-th at least its lower end. One tuple for each way of placing the quartiles; ways that leave a
    value no room are left out.
    """
    seen: set[tuple[Block, ...]] = set()
    quartiles = "q1" in printed or "q3" in printed
    for placed in positions(n) if quartiles else positions(n)[:1]:
        at = [(*placed[name], *interval) for name, interval in printed.items()]
        cuts = sorted({0, n, *(i for i, _, _, _ in at), *(j - 1 for _, j, _, _ in at)})
        blocks = tuple(
            Block(
                stop - start,
                max([least, *(low for _, j, low, _ in at if j <= start + 1)]),
                min([most, *(high for i, _, _, high in at if i >= stop)]),
            )
            for start, stop in pairwise(cuts)
        )
        if blocks not in seen and all(block.low <= block.high for block in blocks):
            seen.add(blocks)
            yield blocks
