"""A row as the checks see it: its printed numbers by group, and what is known about their scale."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from metamill.audit.finding import CHANGE, Group
from metamill.config.instruments import INSTRUMENTS
from metamill.config.settings import Score
from metamill.tables.derivations import SUFFIXES, size_column
from metamill.tables.printed import value

_ENDS = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:[-\u2013\u2014]|to)\s*(-?\d+(?:\.\d+)?)\s*")
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


def scale_named(instrument: str) -> Scale:
    """The ends of a known instrument's scale; nothing known for any other name.

    Its step is left out: a mean of visits is no multiple of it, so that only a reviewer can say
    that single values are.
    """
    known = INSTRUMENTS.get(instrument)
    return Scale(low=known.low, high=known.high, instrument=instrument) if known else Scale()


def scale_from(score: Score) -> Scale:
    """What config.yaml says of an outcome's values; the ends it leaves out are the instrument's."""
    named = scale_named(score.instrument)
    return replace(
        named,
        step=value(score.step) if score.step else None,
        low=value(score.minimum) if score.minimum else named.low,
        high=value(score.maximum) if score.maximum else named.high,
    )


def scale_of(cells: Mapping[str, str], outcome: Scale) -> Scale:
    """The scale of a row: its own `step`, `items` and `scale`, else its outcome's.

    A row whose `scale` reads as two ends ("0-10") that are not the outcome's is judged by these,
    and by nothing that is said of the outcome's scale: neither its instrument nor, where the
    outcome's ends are known, its step.
    """
    step, items = cells.get("step", ""), cells.get("items", "")
    low, high = outcome.low, outcome.high
    own = _ends_of(cells.get("scale", ""))
    if own is not None and own != (low, high):
        if (low, high) != (None, None):
            outcome = Scale()
        low, high = own
        outcome = replace(outcome, instrument="")
    return Scale(
        value(step) if step else outcome.step,
        int(items) if items else outcome.items,
        low,
        high,
        outcome.instrument,
    )


def _ends_of(scale: str) -> tuple[Fraction, Fraction] | None:
    """The ends that a cell such as "0-100" names; None for any other words."""
    found = _ENDS.fullmatch(scale)
    if found is None:
        return None
    low, high = value(found[1]), value(found[2])
    return (low, high) if low < high else None


def groups_of(cells: Mapping[str, str], scale: Scale) -> Iterator[Group]:
    """The groups whose summary a row prints: one, two arms, or before and after."""
    for suffix in SUFFIXES:
        printed = {name: cells.get(f"{name}{suffix}", "") for name in SUMMARY}
        if any(printed.values()):
            printed["n"] = cells.get(size_column(suffix), "")
            yield Group(printed, suffix, scale.step, scale.items, scale.low, scale.high)


def change_of(cells: Mapping[str, str], scale: Scale) -> Group | None:
    """The change that a row prints, as a group of its own; None without one.

    Changes of a score between two ends run from minus to plus the length of the scale.
    """
    printed = {name: cells.get(f"{name}{CHANGE}", "") for name in SUMMARY}
    if not any(printed.values()):
        return None
    printed["n"] = cells.get("n", "")
    low = high = None
    if scale.low is not None and scale.high is not None:
        high = scale.high - scale.low
        low = -high
    return Group(printed, CHANGE, scale.step, scale.items, low, high)
