"""One row of measure GEN: its effect from yi, vi and sei, or from a printed 95 % interval."""

from dataclasses import dataclass
from itertools import combinations
from math import isfinite, nan, sqrt

import numpy as np
from scipy.special import ndtri

from metamill.measures.derive.draft import Cells
from metamill.measures.derive.printed import Span, overlap, span
from metamill.measures.derive.spread import PRINTED_LEVEL
from metamill.measures.scales import FORWARD

SKEWED = 0.05
"""An estimate further from the middle of its interval than this share of the width is flagged."""


@dataclass(frozen=True)
class GenericEffect:
    """An effect on the scale that is pooled, its sampling variance, and flags for readers."""

    yi: float
    vi: float
    flags: tuple[str, ...]


@dataclass(frozen=True)
class _Number:
    """A number on the scale that is pooled, the values that print like it, and its cells."""

    value: float
    around: Span
    shown: str


def generic_effect(cells: Cells, scale: str) -> GenericEffect:
    """The effect of one row: yi, else the estimate; vi, else sei^2, else ((high - low)/(2 z))^2.

    `scale` (one of scales.FORWARD) is that of yi, vi and sei; the estimate and its 95 % limits are
    on the natural scale. A quantity that the row does not give is nan, and so are both beside a
    cell that is not finite. Raises ValueError where one is given twice and the two disagree by
    more than the rounding of their digits, where the estimate is outside its interval, and for
    printed numbers that have no place on the scale.
    """
    filled = [name for name in ("yi", "vi", "sei", *_PRINTED) if cells.get(name)]
    if not all(isfinite(float(cells[name])) for name in filled):
        return GenericEffect(nan, nan, ())
    given = {name: _given(name, cells) for name in filled if name not in _PRINTED}
    printed = {name: _printed(name, cells, scale) for name in filled if name in _PRINTED}
    limits = sorted(
        (printed[x] for x in _PRINTED[1:] if x in printed), key=lambda limit: limit.value
    )
    centre = given.get("yi", printed.get("estimate"))
    errors = [given[name] for name in ("vi", "sei") if name in given]
    if len(limits) == 2:
        if float(cells["ci_low"]) > float(cells["ci_high"]):
            raise ValueError(f"ci_low {cells['ci_low']} is larger than ci_high {cells['ci_high']}")
        errors.append(_error_of(*limits))
    for first, second in combinations(errors, 2):
        _check_twice(first, second, f"standard error on the {scale} scale")
    if "yi" in given and "estimate" in printed:
        _check_twice(given["yi"], printed["estimate"], f"effect on the {scale} scale")
    if centre is not None and len(limits) == 1 and errors:
        upper = ("ci_high" in printed) != (scale in _FALLING)
        _check_twice(_limit(centre, errors[0], upper), limits[0], f"limit on the {scale} scale")
    flags: tuple[str, ...] = ()
    if centre is not None and len(limits) == 2:
        flags = _asymmetry(centre, limits[0], limits[1], scale)
    vi = float(cells["vi"]) if "vi" in given else errors[0].value ** 2 if errors else nan
    return GenericEffect(nan if centre is None else centre.value, vi, flags)


def _given(name: str, cells: Cells) -> _Number:
    """yi as it is, and the standard error that sei or vi says."""
    value, (low, high) = float(cells[name]), span(cells[name])
    shown = f"{name} {cells[name]}"
    if name != "vi":
        return _Number(value, (low, high), shown)
    return _Number(sqrt(max(value, 0.0)), (sqrt(max(low, 0.0)), sqrt(max(high, 0.0))), shown)


def _printed(name: str, cells: Cells, scale: str) -> _Number:
    shown = f"{name} {cells[name]}"
    with np.errstate(divide="ignore", invalid="ignore"):
        values = FORWARD[scale](np.array([float(cells[name]), *span(cells[name])]))
    value, *ends = (float(x) for x in values)
    if not isfinite(value):
        raise ValueError(f"{shown} has no value on the {scale} scale")
    return _Number(value, (min(ends), max(ends)), shown)


def _error_of(low: _Number, high: _Number) -> _Number:
    """The standard error that a 95 % interval says."""
    reach = 2 * float(ndtri(0.5 + PRINTED_LEVEL / 200))
    narrowest, widest = high.around[0] - low.around[1], high.around[1] - low.around[0]
    return _Number(
        (high.value - low.value) / reach,
        (max(narrowest, 0.0) / reach, widest / reach),
        f"{low.shown}, {high.shown}",
    )


def _limit(centre: _Number, error: _Number, upper: bool) -> _Number:
    reach = float(ndtri(0.5 + PRINTED_LEVEL / 200)) * (1 if upper else -1)
    ends = [c + reach * e for c in centre.around for e in error.around]
    value = centre.value + reach * error.value
    return _Number(value, (min(ends), max(ends)), f"{centre.shown}, {error.shown}")


def _check_twice(first: _Number, second: _Number, what: str) -> None:
    if not overlap(first.around, second.around):
        raise ValueError(
            f"the effect is given twice, by {first.shown} and {second.shown}, which contradict "
            f"each other: as {what} they are {first.value:.4g} and {second.value:.4g}; keep one"
        )


def _asymmetry(centre: _Number, low: _Number, high: _Number, scale: str) -> tuple[str, ...]:
    """A flag where the centre is not in the middle of its interval; ValueError if outside it."""
    if not overlap(centre.around, (low.around[0], high.around[1])):
        raise ValueError(
            f"{centre.shown} is outside its interval ({low.shown}, {high.shown}): on the {scale} "
            f"scale it is {centre.value:.4g}, and the interval {low.value:.4g} to {high.value:.4g}"
        )
    slack = SKEWED * (high.value - low.value)
    middle = [(a + b) / 2 for a, b in zip(low.around, high.around, strict=True)]
    if overlap(centre.around, (middle[0] - slack, middle[1] + slack)):
        return ()
    return (f"the interval is not symmetric on the {scale} scale",)


_PRINTED = ("estimate", "ci_low", "ci_high")
_FALLING = ("cloglog",)
"""Scales on which a larger estimate has a smaller value."""
