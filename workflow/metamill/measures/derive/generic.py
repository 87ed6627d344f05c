"""One row of measure GEN: its effect from yi, vi and sei, or from a printed 95 % interval."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import isfinite, nan, sqrt

import numpy as np

from metamill.measures.derive.agreement import OTHER_LEVELS
from metamill.measures.derive.contradiction import Contradiction, confirmed, doubts
from metamill.measures.derive.draft import Cells
from metamill.measures.derive.printed import ROUNDED, Reading, Span, figures
from metamill.measures.derive.spread import t_quantile, z_quantile
from metamill.measures.scales import FORWARD

SKEWED = 0.05
"""An estimate further from the middle of its interval than this share of the width is flagged."""

WHERE = {
    "identity": "as printed",
    "log": "on the log scale",
    "logit": "on the logit scale",
    "cloglog": "on the log(-log) scale",
}
"""The scales of scales.FORWARD in words."""

FEWEST_DF = 4
"""Degrees of freedom that an interval of Student's t may have had where n is not printed."""


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
    columns: tuple[str, ...]
    shown: str
    at_other_levels: tuple[Span, ...] = ()


@dataclass(frozen=True)
class _Forms:
    """Everything a row prints of its effect, in one reading of its digits."""

    centres: list[_Number]
    errors: list[_Number]
    limits: list[_Number]


def generic_effect(cells: Cells, scale: str, *, as_printed: bool = False) -> GenericEffect:
    """The effect of one row: yi, else the estimate; vi, else sei^2, else ((high - low)/(2 z))^2.

    `scale` (one of scales.FORWARD) is that of yi, vi and sei; the estimate and its 95 % limits are
    on the natural scale. A quantity that the row does not give is nan, and so are both beside a
    cell that is not finite. Raises ValueError for printed numbers that have no place on the scale
    and, unless the row is taken `as_printed`, for what `generic_contradictions` is certain of.
    """
    if not _finite(cells):
        return GenericEffect(nan, nan, ())
    flags = list(doubts(generic_contradictions(cells, scale), as_printed))
    forms = _forms(cells, scale, ROUNDED)
    yi = forms.centres[0].value if forms.centres else nan
    if cells.get("vi"):
        vi = float(cells["vi"])
    else:
        vi = forms.errors[0].value ** 2 if forms.errors else nan
    if _skewed(forms):
        flags.append(f"the interval is not symmetric {WHERE[scale]}")
    return GenericEffect(yi, vi, tuple(flags))


def generic_contradictions(cells: Cells, scale: str) -> list[Contradiction]:
    """Forms of one effect that disagree by more than the rounding of their digits.

    effect_twice: yi and the estimate, two standard errors, or a limit and what the others say;
    ci_level where the interval fits another level (uncertain); ci_excludes_estimate. An interval
    may have been made with the quantile of Student's t. Raises ValueError for printed numbers that
    have no place on the `scale`, and for limits in the wrong order.
    """
    if not _finite(cells):
        return []
    if cells.get("ci_low") and cells.get("ci_high"):
        low, high = cells["ci_low"], cells["ci_high"]
        if float(low) > float(high):
            raise ValueError(f"ci_low {low} is larger than ci_high {high}")
    return confirmed(lambda reading: _found(cells, scale, reading), cells)


def _found(cells: Cells, scale: str, reading: Reading) -> Iterator[Contradiction]:
    forms = _forms(cells, scale, reading)
    for pair in combinations(forms.errors, 2):
        yield from _twice(*pair, ("a", "standard error"), WHERE[scale], reading)
    for pair in combinations(forms.centres, 2):
        yield from _twice(*pair, ("an", "effect"), WHERE[scale], reading)
    if not forms.centres:
        return
    centre = forms.centres[0]
    if len(forms.limits) == 1 and forms.errors:
        upper = bool(cells.get("ci_high")) != (scale in _FALLING)
        limit = _limit(centre, forms.errors[0], upper, _widest_quantile(cells))
        yield from _twice(limit, forms.limits[0], ("a", "limit"), WHERE[scale], reading)
    if len(forms.limits) == 2:
        low, high = forms.limits
        if not reading.meet(centre.around, (low.around[0], high.around[1])):
            yield Contradiction(
                "ci_excludes_estimate",
                (*centre.columns, *low.columns, *high.columns),
                f"{centre.shown} is outside its interval ({low.shown}, {high.shown}): "
                f"{WHERE[scale]} it is {figures(centre.value)}, and the interval "
                f"{figures(low.value)} to {figures(high.value)}",
                f"an effect from {figures(low.value)} to {figures(high.value)} {WHERE[scale]}",
            )


def _finite(cells: Cells) -> bool:
    filled = (cells[name] for name in (*_GIVEN, *_PRINTED) if cells.get(name))
    return all(isfinite(float(cell)) for cell in filled)


def _forms(cells: Cells, scale: str, reading: Reading) -> _Forms:
    given = {name: _given(name, cells, reading) for name in _GIVEN if cells.get(name)}
    printed = {name: _printed(name, cells, scale, reading) for name in _PRINTED if cells.get(name)}
    centres = [*(given[x] for x in ("yi",) if x in given)]
    centres += [printed[x] for x in ("estimate",) if x in printed]
    errors = [given[name] for name in ("vi", "sei") if name in given]
    limits = [printed[x] for x in _PRINTED[1:] if x in printed]
    limits.sort(key=lambda limit: limit.value)
    if len(limits) == 2:
        errors.append(_error_of(limits[0], limits[1], _widest_quantile(cells)))
    return _Forms(centres, errors, limits)


def _given(name: str, cells: Cells, reading: Reading) -> _Number:
    """yi as it is, and the standard error that sei or vi says."""
    value, (low, high) = float(cells[name]), reading.span(cells[name])
    shown = f"{name} {cells[name]}"
    if name != "vi":
        return _Number(value, (low, high), (name,), shown)
    value, low, high = (sqrt(max(x, 0.0)) for x in (value, low, high))
    return _Number(value, (low, high), (name,), shown)


def _printed(name: str, cells: Cells, scale: str, reading: Reading) -> _Number:
    shown = f"{name} {cells[name]}"
    with np.errstate(divide="ignore", invalid="ignore"):
        values = FORWARD[scale](np.array([float(cells[name]), *reading.span(cells[name])]))
    value, *ends = (float(x) for x in values)
    if not isfinite(value):
        raise ValueError(f"{shown} has no value on the {scale} scale")
    return _Number(value, (min(ends), max(ends)), (name,), shown)


def _widest_quantile(cells: Cells) -> float:
    """The largest multiple of its standard error that half a 95 % interval may be."""
    df = int(cells["n"]) - 4 if cells.get("n") else FEWEST_DF
    return t_quantile(max(df, 1))


def _error_of(low: _Number, high: _Number, most: float) -> _Number:
    """The standard error that a 95 % interval says, whose half is z to `most` of them."""
    narrow = max(high.around[0] - low.around[1], 0.0) / 2
    wide = (high.around[1] - low.around[0]) / 2
    z = z_quantile()
    others = [z_quantile(level) for level in OTHER_LEVELS]
    return _Number(
        (high.value - low.value) / (2 * z),
        (narrow / most, wide / z),
        (*low.columns, *high.columns),
        f"{low.shown}, {high.shown}",
        tuple((narrow / other, wide / other) for other in others),
    )


def _limit(centre: _Number, error: _Number, upper: bool, most: float) -> _Number:
    z, sign = z_quantile(), 1 if upper else -1
    ends = [c + sign * q * e for c in centre.around for e in error.around for q in (z, most)]
    value = centre.value + sign * z * error.value
    columns = (*centre.columns, *error.columns)
    return _Number(value, (min(ends), max(ends)), columns, f"{centre.shown}, {error.shown}")


def _twice(
    first: _Number, second: _Number, what: tuple[str, str], where: str, reading: Reading
) -> Iterator[Contradiction]:
    """`what` is a kind of number with its article, `where` its scale in words."""
    if reading.meet(first.around, second.around):
        return
    other = any(reading.meet(first.around, span) for span in second.at_other_levels)
    article, name = what
    least, most = map(figures, second.around)
    yield Contradiction(
        "ci_level" if other else "effect_twice",
        (*first.columns, *second.columns),
        f"the effect is given twice, by {first.shown} and {second.shown}, which contradict "
        f"each other: {where} the {name}s are {figures(first.value)} and {figures(second.value)}; "
        "keep one",
        f"{article} {name} {where} from {least} to {most}",
        certain=not other,
    )


def asymmetric(cells: Cells, scale: str) -> bool:
    """Whether the effect is off the middle of its interval, by more than digits and `SKEWED`.

    Raises ValueError for printed numbers that have no place on the `scale`.
    """
    return _skewed(_forms(cells, scale, ROUNDED))


def _skewed(forms: _Forms) -> bool:
    if not forms.centres or len(forms.limits) < 2:
        return False
    low, high = forms.limits
    slack = SKEWED * (high.value - low.value)
    middle = [(a + b) / 2 for a, b in zip(low.around, high.around, strict=True)]
    return not ROUNDED.meet(forms.centres[0].around, (middle[0] - slack, middle[1] + slack))


_GIVEN = ("yi", "vi", "sei")
_PRINTED = ("estimate", "ci_low", "ci_high")
_FALLING = ("cloglog",)
"""Scales on which a larger estimate has a smaller value."""
