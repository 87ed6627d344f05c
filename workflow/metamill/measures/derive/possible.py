"""What the printed numbers of one group allow: its mean, its SD and its count."""

from collections.abc import Mapping
from math import sqrt

from metamill.measures.derive.printed import Span, at_most, prints_as, span
from metamill.tables.derivations import size_column

Cells = Mapping[str, str]


def check_count(column: str, cells: Cells) -> None:
    """Raise ValueError where a percentage beside a count is no rounding of it."""
    percent, total = (column.replace("events", name, 1) for name in ("percent", "total"))
    if not all(cells.get(name) for name in (column, percent, total)):
        return
    if not prints_as(cells[percent], cells[column], cells[total]):
        share = float(cells[column]) / float(cells[total])
        raise ValueError(
            f"{column} {cells[column]} of {total} {cells[total]} and {percent} {cells[percent]} "
            f"contradict each other: the count is {100 * share:.3f} %"
        )


def check_mean(column: str, cells: Cells) -> None:
    """Raise ValueError where a mean lies outside the range of its values, beyond rounding."""
    low, high = _range_columns(column.removeprefix("mean"))
    if not cells.get(column):
        return
    least, most = span(cells[column])
    under = bool(cells.get(low)) and not at_most(span(cells[low])[0], most)
    over = bool(cells.get(high)) and not at_most(least, span(cells[high])[1])
    if under or over:
        name = low if under else high
        raise ValueError(
            f"{column} {cells[column]} is {'below' if under else 'above'} {name} {cells[name]}, "
            "which no mean of these values can be"
        )


def largest_sd(suffix: str, cells: Cells) -> float | None:
    """The largest SD that n values of a printed range and mean can have, None without a range.

    sqrt((max - mean)(mean - min) n/(n - 1)) (Bhatia and Davis 2000), at the mean that
    allows most; without a mean at the middle of the range (Popoviciu 1935). All three may be off
    by half a unit of their last digit.
    """
    low, high = _range_columns(suffix)
    n = int(cells.get(size_column(suffix)) or 0)
    if n < 2 or not (cells.get(low) and cells.get(high)):
        return None
    least, most = span(cells[low])[0], span(cells[high])[1]
    middle = (least + most) / 2
    around: Span = span(cells[f"mean{suffix}"]) if cells.get(f"mean{suffix}") else (least, most)
    mean = min(max(middle, around[0]), around[1])
    return sqrt(max((most - mean) * (mean - least), 0.0) * n / (n - 1))


def shown_range(suffix: str, cells: Cells) -> str:
    """The numbers that `largest_sd` is computed from, by their columns."""
    names = (size_column(suffix), f"mean{suffix}", *_range_columns(suffix))
    return ", ".join(f"{name} {cells[name]}" for name in names if cells.get(name))


def impossible_sd(column: str, cells: Cells) -> str:
    """Why no data have the reported SD, or nothing where some have."""
    suffix = column.removeprefix("sd")
    most = largest_sd(suffix, cells) if cells.get(column) else None
    if most is None or at_most(span(cells[column])[0], most):
        return ""
    return (
        f"{column} {cells[column]} is impossible: with {shown_range(suffix, cells)} no SD is above "
        f"{most:.4g}"
    )


def _range_columns(suffix: str) -> tuple[str, str]:
    return f"min{suffix}", f"max{suffix}"
