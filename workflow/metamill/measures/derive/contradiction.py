"""What two forms of one number are called that cannot both be."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from metamill.measures.derive.printed import CUT, ROUNDED, Reading


@dataclass(frozen=True)
class Contradiction:
    """Cells of one row that disagree.

    `kind` is a stable name (see agreement.py), `columns` the cells at odds, the one to look at
    first. `reason` is a sentence with the arithmetic, `allowed` what the other cells leave. It is
    `certain` if the cells disagree however their digits were shortened, and under no assumption
    but that each column holds what its name says. `mended`: digits that were cut off rather than
    rounded would explain it.
    """

    kind: str
    columns: tuple[str, ...]
    reason: str
    allowed: str
    certain: bool = True
    mended: bool = False


Find = Callable[[Reading], Iterable[Contradiction]]


def confirmed(find: Find) -> list[Contradiction]:
    """What `find` sees in rounded numbers; certain only where cutting off digits does not mend it.

    A pair of cells is named once.
    """
    rounded = {(item.kind, item.columns): item for item in find(ROUNDED)}
    if not rounded:
        return []
    cut = {item.columns: item.certain for item in find(CUT)}
    return [
        replace(
            item,
            certain=item.certain and cut.get(item.columns, False),
            mended=item.columns not in cut,
        )
        for item in rounded.values()
    ]


def doubts(found: Iterable[Contradiction], as_printed: bool) -> Iterator[str]:
    """The reasons to flag; ValueError for the first certain one unless taken `as_printed`."""
    for item in found:
        if item.certain and not as_printed:
            raise ValueError(item.reason)
        yield item.reason
