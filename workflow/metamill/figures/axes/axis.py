"""The axis of effects: its range, its ticks, and where a value lies in millimetres."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, inf, isfinite, log10
from statistics import median

TICK_ROOM_MM = 9.0
"""One tick per this width at most."""
_LEAST_SPAN = 1e-9
"""As share of the values themselves; results hold ten digits."""


@dataclass(frozen=True)
class Axis:
    """A linear or logarithmic axis from `low` at `left` mm to `high` at `right` mm."""

    low: float
    high: float
    left: float
    right: float
    ticks: tuple[float, ...]
    log: bool = False

    def position(self, value: float) -> float:
        """Where `value` lies in mm; what is beyond an end lies at that end."""
        return self.place(min(max(value, self.low), self.high))

    def place(self, value: float) -> float:
        """Where `value` would lie in mm, were the axis long enough; finite values only."""
        low, high, at = (_scaled(x, self.log) for x in (self.low, self.high, value))
        return self.left + (at - low) / (high - low) * (self.right - self.left)

    def beyond(self, value: float) -> int:
        """-1 below the axis, 1 above it, 0 on it."""
        tolerance = 1e-9 * (_scaled(self.high, self.log) - _scaled(self.low, self.log))
        at = _scaled(value, self.log)
        if at < _scaled(self.low, self.log) - tolerance:
            return -1
        return 1 if at > _scaled(self.high, self.log) + tolerance else 0


def _scaled(value: float, log: bool) -> float:
    if not log:
        return value
    return log10(value) if value > 0 else -inf


def visible_range(
    studies: Sequence[tuple[float, float, float]],
    others: Sequence[float],
    required: Sequence[float],
    log: bool,
) -> tuple[float, float] | None:
    """The range worth drawing, in natural units; None if there is nothing to draw.

    `studies` are (low, estimate, high), `others` are further limits, `required` values are always
    inside. Limits of studies may widen the range that the estimates span by its own width on either
    side, other limits by twice that; what reaches further is clipped, and an estimate far
    outside all others does not stretch the axis.
    """
    scaled = [[_scaled(x, log) for x in study] for study in studies]
    points = [point for _, point, _ in scaled if isfinite(point)]
    widths = [high - low for low, _, high in scaled if isfinite(high - low)]
    typical = median(widths) if widths else 0.0
    if points:
        middle = median(points)
        spread = median(abs(point - middle) for point in points)
        reach = max(10 * spread, 3 * typical)
        points = [point for point in points if abs(point - middle) <= reach]
    core = [*points, *(x for x in (_scaled(x, log) for x in required) if isfinite(x))]
    ends = [x for low, _, high in scaled for x in (low, high) if isfinite(x)]
    core = core or ends
    if not core:
        return None
    room = max(max(core) - min(core), 1.5 * typical)
    low, high = min(core), max(core)
    far = [x for x in (_scaled(x, log) for x in others) if isfinite(x)]
    for limits, reach in ((ends, room), (far, 2 * room)):
        low = min(low, max(min(limits, default=low), min(core) - reach))
        high = max(high, min(max(limits, default=high), max(core) + reach))
    if high - low <= 1e-9 * max(abs(low), abs(high), 1.0):
        low, high = low - 0.5, high + 0.5
    return (10**low, 10**high) if log else (low, high)


def linear_axis(
    low: float,
    high: float,
    left: float,
    right: float,
    bounds: tuple[float, float] = (-inf, inf),
    room: float = TICK_ROOM_MM,
) -> Axis:
    """A linear axis from tick to tick that holds low..high and stays within `bounds`.

    Ticks are `room` mm apart or more, as far as two of them allow. Data wholly outside the bounds
    are drawn where they are.
    """
    if min(high, bounds[1]) > max(low, bounds[0]):
        low, high = max(low, bounds[0]), min(high, bounds[1])
    else:
        bounds = (-inf, inf)
    if not high - low > _LEAST_SPAN * max(abs(low), abs(high)):
        # equal to the digits that a result holds
        middle, reach = (low + high) / 2, max(abs(low), abs(high), 1.0) * _LEAST_SPAN
        low, high = middle - reach, middle + reach
    wanted = max(2, min(6, int((right - left) / room)))
    step = _round_step((high - low) / wanted)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    if first * step < bounds[0] - 1e-9 * step:
        first += 1
    if last * step > bounds[1] + 1e-9 * step:
        last -= 1
    ticks = tuple(float(f"{index * step:.12g}") for index in range(first, last + 1))
    return Axis(min(low, ticks[0]), max(high, ticks[-1]), left, right, ticks)


def _round_step(step: float) -> float:
    power = 10.0 ** floor(log10(step))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= step * (1 - 1e-9))


_MANTISSAS = ((1, 2, 5), (1, 3), (1,))


def log_axis(
    low: float, high: float, left: float, right: float, room: float = TICK_ROOM_MM
) -> Axis:
    """A logarithmic axis with round ticks (1, 2, 5; or 1, 3; or powers of ten) around low..high."""
    share = room / (right - left)
    for mantissas in _MANTISSAS:
        ticks = _log_ticks(low, high, mantissas)
        span = log10(ticks[-1] / ticks[0])
        if all(log10(b / a) / span >= share for a, b in pairwise(ticks)):
            return Axis(ticks[0], ticks[-1], left, right, ticks, log=True)
    every = ceil(share * span)
    return Axis(ticks[0], ticks[-1], left, right, ticks[::every], log=True)


def _log_ticks(low: float, high: float, mantissas: tuple[int, ...]) -> tuple[float, ...]:
    """The ticks inside low..high with the nearest one on either side."""
    powers = range(floor(log10(low)) - 1, ceil(log10(high)) + 2)
    ticks = [float(f"{mantissa}e{power}") for power in powers for mantissa in mantissas]
    first = max(i for i, tick in enumerate(ticks) if tick <= low * (1 + 1e-9))
    last = min(i for i, tick in enumerate(ticks) if tick >= high * (1 - 1e-9))
    return tuple(ticks[first : max(last, first + 1) + 1])


def tick_decimals(axis: Axis, factor: int) -> int:
    """The decimals that tell linear ticks apart when printed `factor` times as large."""
    texts = (f"{tick * factor:.10f}".rstrip("0").partition(".")[2] for tick in axis.ticks)
    return max(map(len, texts))


def log_tick_texts(axis: Axis) -> list[str]:
    """Labels of logarithmic ticks: 0.05, 1, 200; powers of ten where one has over five digits."""
    exponents = [floor(log10(tick) + 1e-9) for tick in axis.ticks]
    plain = all(-4 <= exponent <= 4 for exponent in exponents)
    return [
        f"{tick:.{max(0, -exponent)}f}" if plain or tick == 1 else _power_text(tick, exponent)
        for tick, exponent in zip(axis.ticks, exponents, strict=True)
    ]


_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def _power_text(value: float, exponent: int) -> str:
    mantissa = round(value / 10.0**exponent)
    return ("" if mantissa == 1 else f"{mantissa}×") + "10" + str(exponent).translate(_RAISED)
