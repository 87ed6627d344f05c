"""How findings name the values of a group: "30 values between 64 and 85 with mean 78"."""

from fractions import Fraction

from metamill.audit.finding import Group
from metamill.audit.summary.exact_text import decimal_text, series
from metamill.audit.summary.group_summary import order_cells
from metamill.audit.summary.sd_limits import Sample

_NAMES = {"min": "minimum", "q1": "first quartile", "q3": "third quartile", "max": "maximum"}
CUT = "It would fit if digits were cut off instead of rounded."


def values_text(group: Group) -> str:
    """What single values are: `whole numbers`, `multiples of 0.5`, `values`."""
    if group.step is None:
        return "values"
    if group.items > 1:
        return f"means of {group.items} answers in steps of {decimal_text(group.step)}"
    return "whole numbers" if group.step == 1 else f"multiples of {decimal_text(group.step)}"


def described(group: Group, n: int, with_mean: bool, on_lattice: bool = True) -> str:
    """The values with the limits, order statistics and mean that are printed of them."""
    kind = values_text(group) if on_lattice else "values"
    cells = order_cells(group)
    low = cells.get("min") or _end(group.low)
    high = cells.get("max") or _end(group.high)
    named = {k: v for k, v in cells.items() if k not in ("min", "max") or not (low and high)}
    if with_mean:
        named["mean"] = group.cells["mean"]
    between = f" between {low} and {high}" if low and high else ""
    words = [f"{_NAMES.get(name, name)} {cell}" for name, cell in named.items()]
    having = f" with {series(words)}" if words else ""
    return f"{n} {kind}{between}{having}"


def sample_text(sample: Sample) -> str:
    """`10 values of 64, 1 of 70 and 19 of 85`."""
    (count, x), *others = sample
    first = f"{count} {'value' if count == 1 else 'values'} of {decimal_text(x, 5)}"
    return series([first, *(f"{k} of {decimal_text(y, 5)}" for k, y in others)])


def lattice_assumption(group: Group) -> str:
    """What GRIM and GRIMMER take for granted."""
    return (
        f"single values are {values_text(group)}, and all n of them were averaged: no missing"
        " answer, no weights, nothing imputed"
    )


def same_values(group: Group, n: int) -> str:
    """What bounds by range and quartiles take for granted."""
    cells = order_cells(group)
    ends = {"min", "max"} <= set(cells)
    what = ["minimum", "maximum"] if ends else []
    what += ["quartiles"] if cells.keys() & {"q1", "q3"} else []
    what += ["median"] if "median" in cells else []
    scale = "" if ends or None in (group.low, group.high) else "; no value lies off the scale"
    return f"{series([*what, 'mean', 'SD'])} are of the same {n} values{scale}"


def _end(end: Fraction | None) -> str:
    return "" if end is None else decimal_text(end)
