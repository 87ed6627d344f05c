"""Can the printed SD be that of values with the printed range, quartiles and mean?"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from metamill.audit.finding import IMPOSSIBLE, INFO, QUESTION, Finding, Group
from metamill.audit.summary.exact_text import decimal_text, root_text
from metamill.audit.summary.group_summary import (
    Extremes,
    Reading,
    extremes,
    mean_limits,
    order_cells,
    read,
)
from metamill.audit.summary.group_words import CUT, described, same_values, sample_text
from metamill.audit.summary.hypotheses import (
    IQR_OF_NORMAL,
    Hypothesis,
    beside_quartiles,
    hypotheses,
)
from metamill.audit.summary.sd_limits import sum_of_squares
from metamill.tables.printed import Interval, value


@dataclass(frozen=True)
class _Spread:
    """A printed SD, or the SD that a printed standard error means: `factor` times its square."""

    name: str
    cell: str
    factor: int

    def squares(self, reading: Reading) -> Interval:
        low, high = read(self.cell, reading)
        return max(low, Fraction(0)) ** 2 * self.factor, high**2 * self.factor


@dataclass(frozen=True)
class _Bounds:
    """Squares of the smallest and largest SD, each with the divisor that lets more pass."""

    found: Extremes
    n: int

    @property
    def least(self) -> Fraction:
        return sum_of_squares(self.found.smallest) / self.n

    @property
    def usual_least(self) -> Fraction:
        return sum_of_squares(self.found.smallest) / (self.n - 1)

    @property
    def most(self) -> Fraction | None:
        largest = self.found.largest
        return None if largest is None else sum_of_squares(largest) / (self.n - 1)

    def too_large(self, squares: Interval) -> bool:
        return self.most is not None and squares[0] > self.most

    def too_small(self, squares: Interval) -> bool:
        return squares[1] < self.least

    def fit(self, squares: Interval) -> bool:
        return not self.too_large(squares) and not self.too_small(squares)


def check_mean_range(group: Group, n: int) -> Iterator[Finding]:
    """A mean that no values with the printed range, median and quartiles have."""
    cell = group.cells.get("mean", "")
    if not cell:
        return
    limits = mean_limits(group, n, Reading.ROUNDED)
    if limits is None or _overlap(read(cell), limits):
        return
    lenient = mean_limits(group, n, Reading.CUT)
    cut = lenient is not None and _overlap(read(cell, Reading.CUT), lenient)
    low, high = (decimal_text(end) for end in limits)
    yield Finding(
        "mean_range",
        QUESTION if cut else IMPOSSIBLE,
        tuple(map(group.column, ("mean", *order_cells(group), "n"))),
        f"{group.column('mean')} {cell}",
        f"{low} to {high}",
        f"The mean of {described(group, n, False)} is from {low} to {high}; {cell} is printed."
        + (f" {CUT}" if cut else ""),
        same_values(group, n),
    )


def check_spread(group: Group, n: int) -> Iterator[Finding]:
    """An SD, or a standard error, that is too large or too small; what else it could be."""
    spread = _spread(group, n)
    if spread is None or not (order_cells(group) or None not in (group.low, group.high)):
        return
    bounds = _bounds(group, n, Reading.ROUNDED)
    if bounds is None:
        return
    squares = spread.squares(Reading.ROUNDED)
    large, small = bounds.too_large(squares), bounds.too_small(squares)
    if not large and not small:
        yield from _only_if_range_is_rounded(group, n, spread, bounds)
        return
    exact = _as_printed(group, n, bounds)
    lenient = _bounds(group, n, Reading.CUT)
    cut = lenient is not None and lenient.fit(spread.squares(Reading.CUT))
    level = QUESTION if cut else IMPOSSIBLE
    after = f" {CUT}" if cut else ""
    as_se = small and spread.factor == 1 and bounds.fit((squares[0] * n, squares[1] * n))
    if small and _range_is_scale(group):
        after += " The range may be that of the scale instead of the values."
        level = QUESTION if as_se else level
    if large:
        yield _too_large(group, n, spread, level, exact, bounds, after)
    else:
        yield _too_small(group, n, spread, level, exact, bounds, after, as_se)
    if spread.factor == 1:
        yield from _what_else(group, n, spread, bounds, as_se)
    elif large:
        yield from _sd_as_se(group, spread, bounds)


def _spread(group: Group, n: int) -> _Spread | None:
    for name, factor in (("sd", 1), ("se", n)):
        if group.cells.get(name):
            return _Spread(name, group.cells[name], factor)
    return None


def _bounds(group: Group, n: int, reading: Reading) -> _Bounds | None:
    found = extremes(group, n, reading)
    return None if found is None else _Bounds(found, n)


def _too_large(
    group: Group, n: int, spread: _Spread, level: str, exact: _Bounds, bounds: _Bounds, after: str
) -> Finding:
    edge = read(spread.cell)[0] if spread.factor == 1 else None
    largest, most = exact.found.largest, exact.most
    assert largest is not None
    assert most is not None
    assert bounds.most is not None
    figure, rounded = root_text(most, below=edge), root_text(bounds.most, below=edge)
    also = f" ({rounded} if the range is rounded as well)" if figure != rounded else ""
    return Finding(
        "sd_maximum",
        level,
        _columns(group, spread, exact),
        f"{group.column(spread.name)} {spread.cell}",
        f"at most {root_text(most / spread.factor, below=edge)}",
        f"The largest SD that {_described(group, n, exact)} can have is {figure}{also};"
        f" {_printed_words(spread, n)}. {figure} is the SD of {sample_text(largest)}.{after}",
        same_values(group, n),
    )


def _too_small(
    group: Group,
    n: int,
    spread: _Spread,
    level: str,
    exact: _Bounds,
    bounds: _Bounds,
    after: str,
    as_se: bool,
) -> Finding:
    edge = read(spread.cell)[1] if spread.factor == 1 else None
    figure = root_text(exact.usual_least, above=edge)
    with_n = root_text(exact.least, above=edge)
    rounded = root_text(bounds.usual_least, above=edge)
    also = f", and {rounded} if the range is rounded as well" if figure != rounded else ""
    words = (
        f"The smallest SD that {_described(group, n, exact)} can have is {figure}"
        f" ({with_n} with divisor n instead of n - 1{also}); {_printed_words(spread, n)}. {figure}"
        f" is the SD of {sample_text(exact.found.smallest)}."
    )
    if as_se:
        sd = root_text(value(spread.cell) ** 2 * n)
        words += (
            f" Read as a standard error it means an SD of {spread.cell} times the square root of"
            f" {n}, which is {sd} and possible."
        )
    return Finding(
        "se_as_sd" if as_se else "sd_minimum",
        level,
        _columns(group, spread, exact),
        f"{group.column(spread.name)} {spread.cell}",
        f"at least {root_text(exact.least / spread.factor, above=edge)}",
        words + after,
        same_values(group, n),
    )


def _only_if_range_is_rounded(
    group: Group, n: int, spread: _Spread, bounds: _Bounds
) -> Iterator[Finding]:
    """An SD that values within the very range printed cannot have, but some that print so can.

    On a known lattice nothing is left open: the range is exact, or any value that prints as it.
    """
    if group.step is not None or set(order_cells(group)) != {"min", "max"}:
        return
    exact = _as_printed(group, n, bounds)
    squares = spread.squares(Reading.ROUNDED)
    after = " It is possible only if the printed range is rounded."
    if exact.too_large(squares):
        yield _too_large(group, n, spread, QUESTION, exact, exact, after)
    elif exact.too_small(squares):
        yield _too_small(group, n, spread, QUESTION, exact, exact, after, False)


def _as_printed(group: Group, n: int, bounds: _Bounds) -> _Bounds:
    """The bounds that people expect, of the very range that is printed, where there are any."""
    exact = _bounds(group, n, Reading.AS_PRINTED)
    same = exact is not None and exact.found.with_mean == bounds.found.with_mean
    return exact if exact is not None and same else bounds


def _what_else(
    group: Group, n: int, spread: _Spread, bounds: _Bounds, as_se: bool
) -> Iterator[Finding]:
    """One line for each other meaning that fits, or one that says that none does."""
    sd = read(spread.cell)
    iqr, width = _gap(group, "q1", "q3"), _gap(group, "min", "max")
    tried = list(hypotheses(sd, n, iqr is None, width is None))
    fitting = [(h.name, _meaning(h, bounds)) for h in tried if bounds.fit(h.squares)]
    for name, gap, words in (
        ("interquartile range", iqr, "third less the first quartile"),
        ("range", width, "maximum less the minimum"),
    ):
        if gap is not None and sd[0] <= gap <= sd[1]:
            fitting.append((name, f"the {words} is {decimal_text(gap)}"))
    names = [h.name for h in tried]
    names += [name for name in ("interquartile range", "range") if name not in names]
    lines = [
        (name, f"Read as the {name} it would fit: {words}.")
        for name, words in fitting
        if not (as_se and name == "standard error")
    ]
    if width is not None and iqr is None and bounds.too_large((sd[0] ** 2, sd[1] ** 2)):
        names.append("SD beside an interquartile range")
        if beside_quartiles(sd, width):
            words = (
                "It would fit if the range is an interquartile one:"
                f" {decimal_text(width)} over 1.349 is an SD of"
                f" {root_text((width / IQR_OF_NORMAL) ** 2)}."
            )
            lines.append(("the range is the interquartile range", words))
    if not fitting and not lines:
        words = f"It fits as none of these either: {', '.join(names)}."
        lines.append(("none of those tried", words))
    for allowed, words in lines:
        yield _info(group, spread, allowed, words)


def _sd_as_se(group: Group, spread: _Spread, bounds: _Bounds) -> Iterator[Finding]:
    if bounds.fit(_Spread(spread.name, spread.cell, 1).squares(Reading.ROUNDED)):
        words = f"Read as the SD itself, {spread.cell} would fit."
        yield _info(group, spread, "standard deviation", words)


def _info(group: Group, spread: _Spread, allowed: str, words: str) -> Finding:
    return Finding(
        "sd_hypotheses",
        INFO,
        (group.column(spread.name),),
        f"{group.column(spread.name)} {spread.cell}",
        allowed,
        words,
        "nothing is corrected: the source decides",
    )


def _meaning(hypothesis: Hypothesis, bounds: _Bounds) -> str:
    low, high = (root_text(square) for square in hypothesis.squares)
    least = root_text(bounds.least)
    most = "no known limit" if bounds.most is None else root_text(bounds.most)
    return (
        f"{hypothesis.conversion}, an SD between {low} and {high}, where {least} to {most} is"
        " possible"
    )


def _described(group: Group, n: int, bounds: _Bounds) -> str:
    return described(group, n, bounds.found.with_mean, bounds.found.on_lattice)


def _printed_words(spread: _Spread, n: int) -> str:
    if spread.factor == 1:
        return f"{spread.cell} is printed"
    sd = root_text(value(spread.cell) ** 2 * n)
    return f"the printed standard error {spread.cell} means an SD of {sd}"


def _columns(group: Group, spread: _Spread, bounds: _Bounds) -> tuple[str, ...]:
    mean = ("mean",) if bounds.found.with_mean else ()
    return tuple(map(group.column, (spread.name, *order_cells(group), *mean, "n")))


def _gap(group: Group, low: str, high: str) -> Fraction | None:
    first, last = group.cells.get(low, ""), group.cells.get(high, "")
    return value(last) - value(first) if first and last else None


def _range_is_scale(group: Group) -> bool:
    """Whether the printed minimum and maximum are the two ends of the scale."""
    low, high = group.cells.get("min", ""), group.cells.get("max", "")
    if not low or not high:
        return False
    return (value(low), value(high)) == (group.low, group.high)


def _overlap(one: Interval, other: Interval) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
