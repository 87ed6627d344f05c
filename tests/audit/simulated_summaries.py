"""Summaries of samples drawn from a seed, printed as papers print them, and slips in them."""

from dataclasses import replace
from fractions import Fraction
from itertools import cycle

from brute_force import ROUNDINGS, printed, printed_root, quantile, spread

from metamill.audit.finding import Group
from metamill.audit.summary.order_statistics import ORDER, quartile_positions

ROUNDED = tuple(ROUNDINGS.values())
DESIGNS = (
    # name, step, items, low, high, sizes, weights of values towards the low end (1: none)
    ("rare events", 1, 1, 0, 1, (100, 300), 20.0),
    ("even events", 1, 1, 0, 1, (5, 120), 1.0),
    ("skewed 1 to 5", 1, 1, 1, 5, (5, 150), 3.0),
    ("0 to 10", 1, 1, 0, 10, (3, 60), 1.0),
    ("wide 0 to 100", 1, 1, 0, 100, (4, 80), 1.0),
    ("halves", "0.5", 1, 0, 10, (3, 50), 1.5),
    ("twos", 2, 1, 0, 100, (3, 50), 1.0),
    ("fives", 5, 1, 0, 100, (3, 50), 0.7),
    ("tenths", "0.1", 1, 0, 10, (3, 50), 1.0),
    ("means of items", 1, None, 1, 5, (3, 50), 1.5),
)


def drawn(chance, design):
    """(values, step, items) of one group."""
    _, step, items, low, high, sizes, skew = design
    step = Fraction(step)
    items = items or chance.randint(2, 10)
    grain = step / items
    first, last = Fraction(low) / grain, Fraction(high) / grain
    n = chance.randint(*sizes)
    centre, width = chance.random(), chance.choice((0.2, 0.5, 1.0))

    def value():
        u = centre * (1 - width) + width * chance.random()
        return int(min(last, first + int((last - first + 1) * u**skew)))

    return sorted(value() * grain for _ in range(n)), step, items


def summary(chance, values, rounding, decimals):
    """The printed cells, with quartiles by one definition and order statistics at times exact."""
    n = len(values)
    first, third = chance.choice(list(quartile_positions(n).values()))
    at = dict(zip(ORDER, (1, first, Fraction(n + 1, 2), third, n), strict=True))
    shown = chance.choice((ORDER, ("min", "max"), ("min", "median", "max"), ("q1", "q3"), ()))
    # a mean may have a digit more than the values it was computed from
    fewer = max(0, decimals - chance.choice((0, 0, 1)))
    return {
        "n": str(n),
        "mean": printed(sum(values) / Fraction(n), decimals, rounding),
        "sd": printed_root(spread(values) / (n - 1), decimals, rounding),
        **{name: printed(quantile(values, Fraction(at[name])), fewer, rounding) for name in shown},
    }


def groups(
    chance,
    count,
    roundings=ROUNDED,
    knowing=(True, True, False),
    designs=DESIGNS,
    scales=(True, False),
):
    """`count` valid groups over all designs, rounding rules and decimals."""
    rules, designs = cycle(roundings), cycle(designs)
    for _ in range(count):
        design = next(designs)
        values, step, items = drawn(chance, design)
        cells = summary(chance, values, next(rules), chance.randint(0, 3))
        known, scale = chance.choice(knowing), chance.choice(scales)
        yield (
            design[0],
            Group(
                cells,
                step=step if known else None,
                items=items if known else 1,
                low=Fraction(design[3]) if scale else None,
                high=Fraction(design[4]) if scale else None,
            ),
        )


def trimmed(group, chance):
    """The group as a spreadsheet leaves it that cuts the zeros at the end of decimals."""
    cells = {
        name: cell.rstrip("0").rstrip(".") if "." in cell else cell
        for name, cell in group.cells.items()
    }
    return replace(group, cells=cells)


def padded(group, chance):
    """The group with zeros that a spreadsheet's format adds to mean and SD, at times to all."""
    zeros = chance.randint(1, 2)
    names = chance.choice((("mean", "sd"), tuple(name for name in group.cells if name != "n")))
    cells = {
        name: cell + ("" if "." in cell else ".") + "0" * zeros if name in names else cell
        for name, cell in group.cells.items()
    }
    return replace(group, cells=cells)


def without_n(group, chance):
    return replace(group, cells={**group.cells, "n": ""})


def changes(chance, count, roundings=ROUNDED):
    """`count` groups of changes of scores whose scale is stated, half of them as large as can be.

    Their columns are those of an arm or of a single mean.
    """
    rules, designs = cycle(roundings), cycle(DESIGNS[2:])
    for _ in range(count):
        design = next(designs)
        low, high = Fraction(design[3]), Fraction(design[4])
        after, step, items = drawn(chance, design)
        before = [chance.choice(after) for _ in after]
        if chance.random() < 0.5:
            after = [chance.choice((low, high)) for _ in after]
            before = [low + high - x for x in after]
        values = sorted(a - b for a, b in zip(after, before, strict=True))
        cells = summary(chance, values, next(rules), chance.randint(0, 3))
        known, suffix = chance.random() < 0.7, chance.choice(("", "_treatment", "_control"))
        yield (
            design[0],
            Group(cells, suffix, step if known else None, items if known else 1, low, high),
        )
