"""The largest SD of values within a range where n is not printed."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from metamill.audit.finding import IMPOSSIBLE, QUESTION, Finding, Group
from metamill.audit.summary.exact_text import root_text
from metamill.audit.summary.group_summary import Reading, extremes, order_cells, read
from metamill.audit.summary.group_words import CUT, described
from metamill.audit.summary.sd_limits import sum_of_squares

_FEWEST = 2
"""Of all sizes the one with the largest SD: half the range times the root of n/(n - 1)."""


def check_without_size(group: Group) -> Iterator[Finding]:
    """An SD above the range, or the scale, over the root of 2: too large for any n."""
    cell = group.cells.get("sd", "")
    # a mean, a median and quartiles bound the SD of two values otherwise than that of many
    names = {"min", "max", "sd"}
    bare = replace(group, cells={k: v for k, v in group.cells.items() if k in names})
    most = {reading: _largest_square(bare, reading) for reading in Reading}
    widest = most[Reading.ROUNDED]
    if not cell or widest is None:
        return
    edge = max(read(cell)[0], Fraction(0))
    exact = most[Reading.AS_PRINTED] or widest
    if edge**2 <= min(widest, exact):
        return
    lenient = most[Reading.CUT]
    after, level = "", IMPOSSIBLE
    if edge**2 <= widest:
        after, level = " It is possible only if the printed range is rounded.", QUESTION
    elif lenient is not None and max(read(cell, Reading.CUT)[0], Fraction(0)) ** 2 <= lenient:
        after, level = f" {CUT}", QUESTION
    figure, rounded = root_text(exact, below=edge), root_text(widest, below=edge)
    also = f" ({rounded} if the range is rounded as well)" if figure != rounded else ""
    if level == QUESTION and not after.endswith(CUT):
        also = ""
    values = described(bare, _FEWEST, with_mean=False)
    yield Finding(
        "sd_maximum",
        level,
        tuple(map(group.column, ("sd", *order_cells(bare)))),
        f"{group.column('sd')} {cell}",
        f"at most {figure}",
        f"n is not printed. The SD is largest for n = 2: {values} have an SD of at most"
        f" {figure}{also}; {cell} is printed.{after}",
        "the range or the scale is that of the values behind the SD",
    )


def _largest_square(group: Group, reading: Reading) -> Fraction | None:
    found = extremes(group, _FEWEST, reading)
    if found is None or found.largest is None:
        return None
    return sum_of_squares(found.largest) / (_FEWEST - 1)
