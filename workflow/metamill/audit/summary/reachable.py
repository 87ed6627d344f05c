"""Which sums of squares can whole numbers of a given sum have? Exactly, where that is cheap."""

from functools import lru_cache

_MOST_STEPS = 60_000
"""Shifts of a long integer: some 20 ms."""


def is_small(n: int, width: int) -> bool:
    """Whether `sums_of_squares(n, width)` is cheap enough to be asked for."""
    return n * (width + 1) * (n * width + 1) <= _MOST_STEPS


@lru_cache(maxsize=64)
def sums_of_squares(n: int, width: int) -> tuple[int, ...]:
    """For each sum s of n whole numbers from 0 to `width`: the reachable sums of squares.

    They are the bits of element s: bit q is set where n such numbers have sum s and sum of squares
    q. Dynamic programming over the numbers, one shift for each value of the next.
    """
    reached = [1]
    for _ in range(n):
        longer = [0] * (len(reached) + width)
        for s, squares in enumerate(reached):
            for x in range(width + 1):
                longer[s + x] |= squares << (x * x)
        reached = longer
    return tuple(reached)


def any_reached(n: int, width: int, total: int, least: int, most: int) -> bool:
    """Whether some sum of squares from `least` to `most` is reached with that sum."""
    least, most = max(least, 0), min(most, n * width * width)
    if not 0 <= total <= n * width or most < least:
        return False
    squares = sums_of_squares(n, width)[total]
    return bool((squares >> least) & ((1 << (most - least + 1)) - 1))
