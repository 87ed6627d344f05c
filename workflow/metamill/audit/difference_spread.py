"""Do the SDs of two arms give the standard error that is printed of their difference? (B8)"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import hypot, inf, sqrt

from metamill.audit.finding import QUESTION, Check, Finding
from metamill.measures.derive.printed import ROUNDED, Reading, Span, figures, habits
from metamill.measures.derive.spread import (
    Spread,
    effect_of,
    shown,
    sizes_of,
    spreads,
    t_quantile,
    z_quantile,
)
from metamill.tables.derivations import T, Way

Cells = Mapping[str, str]

CHECK = Check(
    "difference_spread",
    "B8",
    "Standard error of a difference",
    "sqrt(s1^2/n1 + s2^2/n2), or s sqrt(1/n1 + 1/n2) with the pooled SD, is the printed standard "
    "error of the difference, half its interval over q, or difference/t",
    "definitions; Cochrane Handbook 6.5.2.3",
    "the difference is of a model that adjusts or allows for clusters, or of fewer patients",
)
ADJUSTED = 1.5
"""Up to this many times apart a model that adjusts, or allows for clusters, is the first guess."""
AS_ERRORS = 1.1
"""Numbers read as standard errors of the arms fit if they are at most this many times off."""


@dataclass(frozen=True)
class _Error:
    """A standard error of the difference, by the cells it is from."""

    around: Span
    columns: tuple[str, ...]


def standard_errors(sds: Span, sizes: tuple[int, int]) -> Span:
    """The standard errors of a difference of means by Student (equal variances) and by Welch."""
    (a, b), (n, m) = sds, sizes
    pooled = sqrt(((n - 1) * a**2 + (m - 1) * b**2) / (n + m - 2))
    return pooled * sqrt(1 / n + 1 / m), hypot(a / sqrt(n), b / sqrt(m))


def check_difference_spread(cells: Cells) -> Iterator[Finding]:
    """A question where the arms do not give the printed spread of their difference.

    Intervals among the cells are those of 95 %.
    """
    if not all(cells.get(name) for name in _SIZES):
        return
    sizes = int(cells[_SIZES[0]]), int(cells[_SIZES[1]])
    if min(sizes) < 2:
        return
    readings = (ROUNDED, *habits(cells))
    arms = [_arms(cells, sizes, reading) for reading in readings]
    for at, stated in enumerate(_stated(cells, sizes, ROUNDED)):
        pairs = [
            (reading, arm, _stated(cells, sizes, reading)[at])
            for reading, arm in zip(readings, arms, strict=True)
        ]
        given = arms[0]
        if given is not None and not any(
            arm is not None and how.meet(arm.around, one.around) for how, arm, one in pairs
        ):
            yield _finding(given, stated, cells)
            return


def _arms(cells: Cells, sizes: tuple[int, int], reading: Reading) -> _Error | None:
    """What the spread of each arm says; None where an arm prints none of its own."""
    own = _own(cells, reading)
    if own is None:
        return None
    first, second = own
    ends = [
        standard_errors(pair, sizes)
        for pair in zip(first.compatible, second.compatible, strict=True)
    ]
    columns = tuple(dict.fromkeys((*first.sources, *second.sources, *_SIZES)))
    return _Error((min(ends[0]), max(ends[1])), columns)


def _own(cells: Cells, reading: Reading) -> tuple[Spread, Spread] | None:
    forms = [spreads(f"sd_{arm}", cells, reading) for arm in ("treatment", "control")]
    if not all(forms) or any(found[0].of != "mean" for found in forms):
        return None
    return forms[0][0], forms[1][0]


def _stated(cells: Cells, sizes: tuple[int, int], reading: Reading) -> list[_Error]:
    """What the row prints of the difference itself: standard error, interval, t."""
    found = []
    if cells.get("se_difference"):
        found.append(_Error(reading.span(cells["se_difference"]), ("se_difference",)))
    if all(cells.get(name) for name in _LIMITS):
        (a, b), (c, d) = (reading.span(cells[name]) for name in _LIMITS)
        widest = t_quantile(min(sizes) - 1)
        around = max(c - b, 0.0) / (2 * widest), max(d - a, 0.0) / (2 * z_quantile())
        found.append(_Error(around, _LIMITS))
    if all(cells.get(name) for name in ("t_difference", *_MEANS)):
        size = sizes_of(effect_of(Way(T, _MEANS, "difference"), cells, reading)[1])
        t = sizes_of(reading.span(cells["t_difference"]))
        around = (size[0] / t[1] if t[1] else inf, size[1] / t[0] if t[0] else inf)
        found.append(_Error(around, ("t_difference", *_MEANS)))
    return found


def _finding(given: _Error, stated: _Error, cells: Cells) -> Finding:
    (a, b), (c, d) = given.around, stated.around
    times = _times(given.around, stated.around)
    said = (
        f"{shown(given.columns, cells)} give a standard error of the difference from {figures(a)} "
        f"to {figures(b)} (Student, Welch), but {shown(stated.columns, cells)} one from "
        f"{figures(c)} to {figures(d)}"
    )
    if times <= ADJUSTED:
        said += ". A model that adjusts, or allows for clusters, may explain it"
    elif as_errors := _as_errors(stated, cells):
        said += f". {as_errors}"
    else:
        said += f", {times:.2g} times as {'large' if c > b else 'small'} or more"
    columns = (*given.columns, *(name for name in stated.columns if name not in given.columns))
    return Finding(
        CHECK.code,
        QUESTION,
        columns,
        shown(columns, cells),
        f"a standard error of the difference from {figures(a)} to {figures(b)}",
        said,
        "the difference of the two means, unadjusted, of the same patients",
    )


def _as_errors(stated: _Error, cells: Cells) -> str:
    """The reading of both SDs as standard errors, where they give what is stated."""
    names = ("sd_treatment", "sd_control")
    if not all(cells.get(name) for name in names):
        return ""
    (a, b), (c, d) = (ROUNDED.span(cells[name]) for name in names)
    around = hypot(max(a, 0.0), max(c, 0.0)), hypot(b, d)
    if _times(around, stated.around) > AS_ERRORS:
        return ""
    value = hypot(*(float(cells[name]) for name in names))
    return f"The SDs may be standard errors: as such they give {figures(value)}"


def _times(one: Span, two: Span) -> float:
    """How many times one of two spans above zero is larger than the other at their nearest ends."""
    low, high = sorted((one, two))
    return high[0] / low[1] if low[1] else inf


_SIZES = ("n_treatment", "n_control")
_MEANS = ("mean_treatment", "mean_control")
_LIMITS = ("ci_low_difference", "ci_high_difference")
