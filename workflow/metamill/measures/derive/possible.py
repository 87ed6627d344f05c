"""What the printed numbers of one group allow: its mean, its SD and its count.

The audit has sharper bounds on the values of a scale; these hold for any values.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import inf, sqrt

from metamill.measures.derive.contradiction import Contradiction
from metamill.measures.derive.printed import ROUNDED, Reading, one_unit_off, prints_as
from metamill.measures.derive.spread import Spread, shown
from metamill.tables.derivations import size_column

Cells = Mapping[str, str]


def percent_count(column: str, cells: Cells, reading: Reading) -> Iterator[Contradiction]:
    """A percentage that is no shortening of the count in `column` beside it.

    Uncertain where it is less than one unit off: it may have been made to add up to 100.
    """
    percent, total = (column.replace("events", name, 1) for name in ("percent", "total"))
    if not all(cells.get(name) for name in (column, percent, total)):
        return
    if not prints_as(cells[percent], cells[column], cells[total], reading):
        exact = 100 * Fraction(cells[column]) / Fraction(cells[total])
        share = float(exact)
        yield Contradiction(
            "percent_count",
            (percent, column, total),
            f"{column} {cells[column]} of {total} {cells[total]} and {percent} {cells[percent]} "
            f"contradict each other: the count is {share:.3f} %",
            f"{share:.3f} %",
            certain=not one_unit_off(cells[percent], exact),
        )


def mean_range(column: str, cells: Cells, reading: Reading) -> Iterator[Contradiction]:
    """A mean outside the range of its values."""
    if not cells.get(column):
        return
    mean = reading.span(cells[column])
    low, high = _range_columns(column.removeprefix("mean"))
    for name in (low, high):
        if not cells.get(name):
            continue
        end = reading.span(cells[name])
        if not reading.meet(mean, (end[0], inf) if name == low else (-inf, end[1])):
            side, sign = ("below", "least") if name == low else ("above", "most")
            yield Contradiction(
                "mean_range",
                (column, name),
                f"{column} {cells[column]} is {side} {name} {cells[name]}, which no mean of these "
                "values can be",
                f"at {sign} {cells[name]}",
            )


def sd_maximum(column: str, cells: Cells, reading: Reading) -> Iterator[Contradiction]:
    """A reported SD that is larger than values of the printed range can have."""
    suffix = column.removeprefix("sd")
    most = largest_sd(suffix, cells, reading) if cells.get(column) else None
    if most is not None and not reading.meet(reading.span(cells[column]), (0.0, most)):
        yield Contradiction(
            "sd_maximum",
            (column, *_range_columns(suffix)),
            f"{column} {cells[column]} is impossible: values with {shown_range(suffix, cells)} "
            "have a smaller one",
            f"at most {most:.4g}",
        )


def derived_sd(
    column: str, spread: Spread, cells: Cells, reading: Reading
) -> Iterator[Contradiction]:
    """An SD, derived from another form, that is larger than the printed range allows.

    A pooled SD says nothing of one arm: it may be at most the two largest SDs pooled.
    """
    suffix = column.removeprefix("sd")
    if spread.of == "difference":
        most, where = _largest_pooled(cells, reading), _shown_ranges(_ARMS, cells)
    else:
        most, where = largest_sd(suffix, cells, reading), shown_range(suffix, cells)
    if most is not None and not reading.meet(spread.compatible, (0.0, most)):
        yield Contradiction(
            "derived_sd",
            spread.sources,
            f"{shown(spread.sources, cells)} give {column} {spread.value:.4g}, which values with "
            f"{where} cannot have; the {spread.by} may not be what its column says",
            f"an SD of at most {most:.4g}",
        )


def largest_sd(suffix: str, cells: Cells, reading: Reading = ROUNDED) -> float | None:
    """The largest SD that n values of a printed range and mean can have, None without a range.

    sqrt((max - mean)(mean - min) n/(n - 1)) (Bhatia and Davis 2000), at the mean that
    allows most; without a mean at the middle of the range (Popoviciu 1935). All three may be off
    by what `reading` allows.
    """
    low, high = _range_columns(suffix)
    n = int(cells.get(size_column(suffix)) or 0)
    if n < 2 or not (cells.get(low) and cells.get(high)):
        return None
    least, most = reading.span(cells[low])[0], reading.span(cells[high])[1]
    middle = (least + most) / 2
    mean = cells.get(f"mean{suffix}")
    around = reading.span(mean) if mean else (least, most)
    centre = min(max(middle, around[0]), around[1])
    return sqrt(max((most - centre) * (centre - least), 0.0) * n / (n - 1))


def shown_range(suffix: str, cells: Cells) -> str:
    """The numbers that `largest_sd` is computed from, by their columns."""
    names = (size_column(suffix), f"mean{suffix}", *_range_columns(suffix))
    return shown((name for name in names if cells.get(name)), cells)


def _largest_pooled(cells: Cells, reading: Reading) -> float | None:
    """The largest SD that a standard error of the difference can say, Student's or Welch's."""
    squares = units = variance = per_se = 0.0
    for suffix in _ARMS:
        most = largest_sd(suffix, cells, reading)
        if most is None:
            return None
        n = int(cells[size_column(suffix)])
        squares, units = squares + (n - 1) * most**2, units + n - 1
        variance, per_se = variance + most**2 / n, per_se + 1 / n
    return sqrt(max(squares / units, variance / per_se))


def _shown_ranges(suffixes: tuple[str, ...], cells: Cells) -> str:
    return " and ".join(shown_range(suffix, cells) for suffix in suffixes)


def _range_columns(suffix: str) -> tuple[str, str]:
    return f"min{suffix}", f"max{suffix}"


_ARMS = ("_treatment", "_control")
