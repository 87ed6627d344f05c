"""Confidence intervals: on which scale one is symmetric, and how many units it can be of."""

from dataclasses import dataclass
from math import inf, isfinite, log, sinh

import numpy as np

from metamill.measures.derive.printed import ROUNDED, Reading, Span
from metamill.measures.derive.spread import z_quantile
from metamill.measures.scales import FORWARD

SPARE = 1.5
"""A proportion's interval must be of more than this many times the units to be impossible: exact,
mid-p and Bayesian intervals are a little narrower than those of the theorem."""


@dataclass(frozen=True)
class Interval:
    """A printed estimate with its limits; spans in units of the estimate."""

    estimate: Span
    low: Span
    high: Span
    printed: tuple[float, float, float]


def interval_of(
    estimate: str, low: str, high: str, percent: bool = False, reading: Reading = ROUNDED
) -> Interval:
    """Three cells as an interval; those of a percentage become proportions."""
    by = 0.01 if percent else 1.0
    a, b, c = ((x * by, y * by) for x, y in map(reading.span, (estimate, low, high)))
    x, y, z = (float(cell) * by for cell in (estimate, low, high))
    return Interval(a, b, c, (x, y, z))


def asymmetry(interval: Interval, scale: str) -> float:
    """How far the middle of the limits is from the estimate, in half-widths of the interval.

    0 for an interval that is symmetric on `scale`; nan where it has no place there.
    """
    estimate, low, high = (_forward(x, scale) for x in interval.printed)
    if not all(map(isfinite, (estimate, low, high))) or low == high:
        return float("nan")
    return ((low + high) / 2 - estimate) / (abs(high - low) / 2)


def fits(interval: Interval, scale: str, reading: Reading = ROUNDED) -> bool:
    """Whether the interval can be symmetric on `scale`, up to the digits printed."""
    if not all(isfinite(_forward(x, scale)) for x in interval.printed):
        return False
    estimate, low, high = (
        _image(span, scale) for span in (interval.estimate, interval.low, interval.high)
    )
    middle = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
    return reading.meet(estimate, middle)


def fitting(interval: Interval) -> list[str]:
    return [scale for scale in FORWARD if fits(interval, scale)]


def fewest_units(interval: Interval) -> float:
    """The smallest number of units that an interval of a proportion can be of.

    Over all values that print like its numbers and every scale on which it is symmetric; a limit
    cut at 1 says nothing. inf where it is symmetric on none.
    """
    estimate, low, high = interval.printed
    if not (0 < low <= estimate < 1 and low < high):
        return inf
    clipped = interval.high[1] >= 1
    least, most = (min(max(x, 1e-9), 1 - 1e-9) for x in interval.estimate)
    found = [inf]
    for scale in ("identity", "log") if clipped else FORWARD:
        if clipped:
            half = _image(interval.estimate, scale)[1] - _image(interval.low, scale)[0]
        elif fits(interval, scale):
            ends = (*_image(interval.low, scale), *_image(interval.high, scale))
            half = (max(ends) - min(ends)) / 2
        else:
            continue
        found += [effective_units(float(s), half, scale) for s in np.linspace(least, most, 9)]
    return min(found)


def effective_units(s: float, half: float, scale: str) -> float:
    """How many uncensored units an interval of a proportion `s` is of.

    `half` is half its width on `scale`. (1 - S)/(S se^2) with se the standard error of log S: a
    Kaplan-Meier estimate of n units has at least the variance (1 - S)/(n S) (Greenwood 1926), with
    equality if nobody is censored.

    On the logit scale the interval may be Wilson's, whose half-width is 2 asinh(z/(2 se')).
    """
    z = z_quantile()
    if not half > 0:
        return inf
    if scale == "logit":
        return (z / (2 * sinh(min(half / 2, 300.0)))) ** 2 / (s * (1 - s))
    on_log = {"log": 1.0, "identity": 1 / s, "cloglog": abs(log(s))}[scale]
    return (1 - s) / (s * (half / z * on_log) ** 2)


def _forward(x: float, scale: str) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(FORWARD[scale](np.array(x)))


def _image(span: Span, scale: str) -> Span:
    """A span on `scale`; an end that has no place there has none to keep it."""
    ends = [_forward(x, scale) for x in span]
    known = [x for x in ends if not np.isnan(x)]
    return (min(known), max(known)) if len(known) > 1 else (-inf, inf)
