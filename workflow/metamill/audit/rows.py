"""A row as the checks see it: its printed numbers by group, and what is known about their scale."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from metamill.audit.finding import Group
from metamill.config.instruments import INSTRUMENTS
from metamill.tables.derivations import SUFFIXES, size_column
from metamill.tables.printed import value

SUMMARY = ("mean", "sd", "se", "min", "q1", "median", "q3", "max", "ci_low", "ci_high")


@dataclass(frozen=True)
class Scale:
    """What is known about the single values behind a row's summary.

    They are multiples of `step` (None: not known), each the mean of `items` answers, and lie
    between `low` and `high` (None: not known). `instrument` is a key of
    config.instruments.INSTRUMENTS, or "".
    """

    step: Fraction | None = None
    items: int = 1
    low: Fraction | None = None
    high: Fraction | None = None
    instrument: str = ""


def scale_of(cells: Mapping[str, str], outcome: Scale) -> Scale:
    """The scale of a row: its own `step` and `items`, else its outcome's; an instrument's bounds.

    The step of an instrument is not taken: a value may be the average of several visits.
    """
    step, items = cells.get("step", ""), cells.get("items", "")
    known = INSTRUMENTS.get(outcome.instrument)
    low = known.low if known and outcome.low is None else outcome.low
    high = known.high if known and outcome.high is None else outcome.high
    return Scale(
        value(step) if step else outcome.step,
        int(items) if items else outcome.items,
        low,
        high,
        outcome.instrument,
    )


def groups_of(cells: Mapping[str, str], scale: Scale) -> Iterator[Group]:
    """The groups whose summary a row prints: one, two arms, or before and after."""
    for suffix in SUFFIXES:
        printed = {name: cells.get(f"{name}{suffix}", "") for name in SUMMARY}
        if any(printed.values()):
            printed["n"] = cells.get(size_column(suffix), "")
            yield Group(printed, suffix, scale.step, scale.items, scale.low, scale.high)
