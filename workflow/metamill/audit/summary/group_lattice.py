"""Can n values on a lattice have the printed mean, median and SD? GRIM, GRIMMER and DEBIT."""

from collections.abc import Iterator
from fractions import Fraction
from math import floor
from typing import Protocol

from metamill.audit.finding import IMPOSSIBLE, INFO, QUESTION, Finding, Group
from metamill.audit.summary.debit import debit_fits
from metamill.audit.summary.exact_text import decimal_text
from metamill.audit.summary.grim import (
    admissible_sums,
    fitting_sizes,
    median_fits,
    neighbours,
    only_half_down,
)
from metamill.audit.summary.grimmer import Ends, grimmer_fits
from metamill.audit.summary.group_summary import Reading, grain, order_interval, read
from metamill.audit.summary.group_words import CUT, lattice_assumption, values_text
from metamill.tables.printed import decimals, rounded, unit, value

_FEW = 100
"""Totals up to which SDs that would fit are looked for."""


class _Fits(Protocol):
    """Whether mean and SD go together under a reading and a divisor; `cell` for another SD."""

    def __call__(self, reading: Reading, divisor: int, cell: str = ...) -> bool: ...


def is_binary(group: Group) -> bool:
    """Whether single values are 0 or 1."""
    return group.low == 0 and group.high == 1 and group.step == 1 and group.items == 1


def check_grim(group: Group, n: int) -> Iterator[Finding]:
    """A mean that n values on the lattice cannot have."""
    cell, step = group.cells.get("mean", ""), grain(group)
    if not cell or step is None:
        return
    columns = (group.column("mean"), group.column("n"))
    printed = f"{columns[0]} {cell}, {columns[1]} {n}"
    if admissible_sums(read(cell), n, step):
        if only_half_down(cell, n, step):
            sums = admissible_sums(rounded(cell), n, step)
            tie = sums[0] * step / n
            words = (
                f"{decimal_text(sums[0] * step)}/{n} = {decimal_text(tie, 15)} is the only mean"
                f" that fits; half up and half to even print it otherwise, {cell} is rounded half"
                " down or cut off."
            )
            yield Finding("grim", INFO, columns, printed, "a tie", words, lattice_assumption(group))
        return
    cut = bool(admissible_sums(read(cell, Reading.CUT), n, step))
    near = " and ".join(
        f"{decimal_text(t * step)}/{n} = {_digits(t * step / n, cell)}"
        for t in neighbours(value(cell), n, step)
    )
    yield Finding(
        "grim",
        QUESTION if cut else IMPOSSIBLE,
        columns,
        printed,
        _sizes(fitting_sizes(read(cell), n, step)),
        f"No total of {n} {values_text(group)} has a mean that prints as {cell}: {near} are next to"
        f" it.{f' {CUT}' if cut else ''}",
        lattice_assumption(group),
    )


def check_median(group: Group, n: int) -> Iterator[Finding]:
    """A median that n values on the lattice cannot have."""
    cell, step = group.cells.get("median", ""), grain(group)
    if not cell or step is None or median_fits(read(cell), n, step):
        return
    cut = median_fits(read(cell, Reading.CUT), n, step)
    which = "the middle one" if n % 2 else "the mean of the middle two"
    apart = step if n % 2 else step / 2
    low = floor(value(cell) / apart) * apart
    near = f"{_digits(low, cell)} or {_digits(low + apart, cell)}"
    yield Finding(
        "grim_median",
        QUESTION if cut else IMPOSSIBLE,
        (group.column("median"), group.column("n")),
        f"{group.column('median')} {cell}, {group.column('n')} {n}",
        near,
        f"The median of {n} {values_text(group)} is {which}, {near}; {cell} is printed."
        f"{f' {CUT}' if cut else ''}",
        lattice_assumption(group),
    )


def check_sd_lattice(group: Group, n: int) -> Iterator[Finding]:
    """A pair of mean and SD that n values on the lattice cannot have, where GRIM passes."""
    mean, sd, step = group.cells.get("mean", ""), group.cells.get("sd", ""), grain(group)
    if not mean or not sd or step is None or not admissible_sums(read(mean), n, step):
        return
    fits = _fits(group, n, mean, sd, step)
    if fits(Reading.ROUNDED, n - 1):
        return
    divisor_n = fits(Reading.ROUNDED, n)
    cut = not divisor_n and (fits(Reading.CUT, n - 1) or fits(Reading.CUT, n))
    binary = is_binary(group)
    sums = admissible_sums(read(mean), n, step)
    first, last = (decimal_text(t * step) for t in (sums[0], sums[-1]))
    totals = f"total {first}" if first == last else f"totals {first} to {last}"
    kinds = "values that are 0 or 1" if binary else values_text(group)
    words = (
        f"{n} {kinds} with a mean that prints as {mean} ({totals}) cannot have an SD that prints as"
        f" {sd}."
    )
    if divisor_n:
        words += " It fits if the SD was computed with divisor n instead of n - 1."
    elif cut:
        words += f" {CUT}"
    names = ("sd", "mean", "n")
    yield Finding(
        "debit" if binary else "grimmer",
        QUESTION if divisor_n or cut else IMPOSSIBLE,
        tuple(map(group.column, names)),
        f"{group.column('mean')} {mean}, {group.column('sd')} {sd}, {group.column('n')} {n}",
        _nearest_sds(fits, sd, n - 1, len(sums)),
        words,
        lattice_assumption(group),
    )


def _fits(group: Group, n: int, mean: str, sd: str, step: Fraction) -> _Fits:
    def fits(reading: Reading, divisor: int, cell: str = sd) -> bool:
        sums, spread = admissible_sums(read(mean, reading), n, step), read(cell, reading)
        if is_binary(group):
            return debit_fits(sums, spread, n, divisor)
        return grimmer_fits(sums, spread, n, divisor, step, lattice_ends(group, reading))

    return fits


def _nearest_sds(fits: _Fits, sd: str, divisor: int, totals: int) -> str:
    """The printed SDs next to the printed one that would fit, if they are among 100 each way."""
    if totals > _FEW:
        return ""
    last = unit(sd)
    digits = decimals(sd)
    found = []
    for way in (-1, 1):
        for k in range(1, 101):
            x = value(sd) + way * k * last
            cell = f"{x * 10**digits // 1}e-{digits}"
            if x > 0 and fits(Reading.ROUNDED, divisor, cell):
                found.append(decimal_text(x, 15))
                break
    return f"SD {' or '.join(found)}" if found else ""


def lattice_ends(group: Group, reading: Reading) -> Ends | None:
    """The range in units of the grain: as printed, or else the scale; None where neither is known.

    A range whose digits leave more than one value is widened, and then not known to be reached.
    """
    step = grain(group)
    low, high = group.cells.get("min", ""), group.cells.get("max", "")
    if step is None:
        return None
    if low and high:
        a, b = order_interval(low, reading, step), order_interval(high, reading, step)
        if a is None or b is None or a[0] > b[1]:
            return None
        return Ends(int(a[0]), int(b[1]), a[0] == a[1] and b[0] == b[1])
    if group.low is None or group.high is None or low or high:
        return None
    return Ends(-floor(-group.low / step), floor(group.high / step), False)


def _digits(x: Fraction, cell: str) -> str:
    """Three decimals more than are printed, without zeros at the end."""
    return decimal_text(x, max(1, len(str(abs(floor(x))))) + decimals(cell) + 2)


def _sizes(sizes: list[int]) -> str:
    return f"n = {', '.join(map(str, sizes))}, ..." if sizes else ""
