"""What two forms of one number are called that cannot both be."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from metamill.measures.derive.printed import ROUNDED, Reading, habits


@dataclass(frozen=True)
class Contradiction:
    """Cells of one row that disagree.

    `kind` is a stable name (see agreement.py), `columns` the cells at odds, the one to look at
    first. `reason` is a sentence with the arithmetic, `allowed` what the other cells leave. It is
    `certain` if the cells disagree however their digits were shortened, and under no assumption
    but that each column holds what its name says. `mended` names the habit of printing numbers
    that would explain it, "" if none does.
    """

    kind: str
    columns: tuple[str, ...]
    reason: str
    allowed: str
    certain: bool = True
    mended: str = ""


Find = Callable[[Reading], Iterable[Contradiction]]


def confirmed(find: Find, cells: Mapping[str, str]) -> list[Contradiction]:
    """What `find` sees in the rounded numbers of `cells`; certain where no other habit mends it.

    Habits are digits cut off, zeros added, and whole numbers in tens (printed.habits). A pair of
    cells is named once.
    """
    rounded = {(item.kind, item.columns): item for item in find(ROUNDED)}
    if not rounded:
        return []
    others = [
        (reading.excuse, {item.columns: item.certain for item in find(reading)})
        for reading in habits(cells)
    ]
    return [
        replace(
            item,
            certain=item.certain and all(seen.get(item.columns, False) for _, seen in others),
            mended=next((excuse for excuse, seen in others if item.columns not in seen), ""),
        )
        for item in rounded.values()
    ]


def doubts(found: Iterable[Contradiction], as_printed: bool) -> Iterator[str]:
    """The reasons to flag; ValueError for the first certain one unless taken `as_printed`."""
    for item in found:
        if item.certain and not as_printed:
            raise ValueError(item.reason)
        yield item.reason
