"""Which columns may be derived from which, in which order, as plain data.

The arithmetic is in measures/derive/. Importing this costs nothing: tables are checked with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SE, CI, T, P = "standard error", "CI", "t", "p"
PERCENT = "percentage"
FIVE, QUARTILES, RANGE = (
    "median, quartiles and range",
    "median and quartiles",
    "median and range",
)
FROM_ORDER = (FIVE, QUARTILES, RANGE)


@dataclass(frozen=True)
class Way:
    """One way to a column: what it is derived `by`, and the columns that must be filled.

    `of` is what a standard error, interval, t or p belongs to: a mean, the change or the
    difference of two arms. The way is closed where one of `absent` is filled.
    """

    by: str
    sources: tuple[str, ...]
    of: str = "mean"
    absent: tuple[str, ...] = ()


SUFFIXES = ("", "_pre", "_post", "_treatment", "_control")
_ARMS = ("_treatment", "_control")


def size_column(suffix: str) -> str:
    """The column with the number of units behind a mean: one for before and after."""
    return f"n{suffix}" if suffix in _ARMS else "n"


def _around_a_mean(suffix: str) -> tuple[Way, ...]:
    n = size_column(suffix)
    return (
        Way(SE, (f"se{suffix}", n)),
        Way(CI, (f"ci_low{suffix}", f"ci_high{suffix}", n)),
    )


def _five_numbers(suffix: str, centre: bool) -> tuple[Way, ...]:
    """The widest set of order statistics comes first; a mean needs the median, an SD does not."""
    n = size_column(suffix)
    median = (f"median{suffix}",) if centre else ()
    low, q1, q3, high = (f"{name}{suffix}" for name in ("min", "q1", "q3", "max"))
    return (
        Way(FIVE, (low, q1, *median, q3, high, n)),
        Way(QUARTILES, (q1, *median, q3, n)),
        Way(RANGE, (low, *median, high, n)),
    )


def _from_effect(effect: tuple[str, ...], name: str, n: tuple[str, ...]) -> tuple[Way, ...]:
    return tuple(Way(by, (*effect, f"{by}_{name}", *n), name) for by in (T, P))


_CHANGE = (
    Way(SE, ("se_change", "n"), "change"),
    Way(CI, ("ci_low_change", "ci_high_change", "n"), "change"),
    *_from_effect(("mean_change",), "change", ("n",)),
    *_from_effect(("mean_pre", "mean_post"), "change", ("n",)),
)
_ARM_SIZES = ("n_treatment", "n_control")
_OWN_SPREAD = tuple(f"{name}{arm}" for arm in _ARMS for name in ("sd", "se", "ci_low", "ci_high"))
_DIFFERENCE = tuple(
    Way(way.by, way.sources, "difference", _OWN_SPREAD)
    for way in (
        Way(SE, ("se_difference", *_ARM_SIZES)),
        Way(CI, ("ci_low_difference", "ci_high_difference", *_ARM_SIZES)),
        *_from_effect(("mean_treatment", "mean_control"), "difference", _ARM_SIZES),
    )
)

DERIVATIONS: dict[str, tuple[Way, ...]] = {
    **{f"events{s}": (Way(PERCENT, (f"percent{s}", f"total{s}")),) for s in ("", *_ARMS)},
    **{f"mean{s}": _five_numbers(s, centre=True) for s in SUFFIXES},
    **{
        f"sd{s}": (
            *_around_a_mean(s),
            *(_DIFFERENCE if s in _ARMS else ()),
            *_five_numbers(s, centre=False),
        )
        for s in SUFFIXES
    },
    "sd_change": _CHANGE,
}
"""For each column that can be derived its ways, the most direct first."""

_REPORTED_CHANGE = (
    ("mean_pre", "mean_post", "sd_change", "n"),
    ("mean_change", "sd_pre", "sd_post", "n"),
    ("mean_change", "sd_change", "n"),
)
ALTERNATIVES: dict[str, tuple[tuple[str, ...], ...]] = {
    "MC": _REPORTED_CHANGE,
    "SMCC": _REPORTED_CHANGE,
    "SMCR": (("mean_change", "sd_pre", "sd_post", "n"),),
}
"""Sets of columns that serve a measure as well as its own: the change itself was reported."""


def open_ways(
    column: str, cells: Mapping[str, str], assumed: tuple[str, ...] = ()
) -> Iterator[Way]:
    """The ways to `column` that a row's cells allow, in order; `assumed` count as filled."""
    for way in DERIVATIONS.get(column, ()):
        filled = all(cells.get(name) or name in assumed for name in way.sources)
        if filled and not any(cells.get(name) for name in way.absent):
            yield way
