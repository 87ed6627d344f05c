"""An axis in natural units that is spaced by the scale on which a model is symmetric."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import asin, atanh, cos, exp, inf, isfinite, log, log1p, pi, sin, sqrt, tanh

from metamill.figures.axes.axis import linear_axis, log_axis
from metamill.figures.axes.ticks import tick_texts
from metamill.figures.page.text import width
from metamill.wording import number_text


@dataclass(frozen=True)
class Scale:
    """A model scale: its name in words, and the way to it and back, both increasing.

    `forward` gives -inf or inf at an end of the natural scale, `back` stays within its ends.
    """

    name: str
    forward: Callable[[float], float]
    back: Callable[[float], float]


def _log(x: float) -> float:
    return log(x) if x > 0 else -inf


def _exp(x: float) -> float:
    return exp(min(x, 700.0))


def _logit(p: float) -> float:
    if p <= 0 or p >= 1:
        return -inf if p <= 0 else inf
    return log(p) - log1p(-p)


def _expit(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(max(x, -700.0)) / (1 + exp(max(x, -700.0)))


def _arcsine(p: float) -> float:
    return asin(sqrt(min(max(p, 0.0), 1.0)))


def _from_arcsine(x: float) -> float:
    inside = min(max(x, 0.0), pi / 2)
    return sin(inside) ** 2 if inside < 1.5 else 1 - cos(inside) ** 2


def _fisher(r: float) -> float:
    if abs(r) >= 1:
        return inf if r > 0 else -inf
    return atanh(r)


IDENTITY = Scale("", lambda x: x, lambda x: x)
LOG = Scale("log", _log, _exp)
LOGIT = Scale("logit", _logit, _expit)
CLOGLOG = Scale(
    "log(-log)",
    # decreasing in the survival probability, so turned round
    lambda p: -_log(-log(p)) if 0 < p < 1 else (-inf if p <= 0 else inf),
    lambda x: exp(-_exp(-x)),
)
ARCSINE = Scale("arcsine", _arcsine, _from_arcsine)
ROOT = Scale("square root", lambda x: sqrt(max(x, 0.0)), lambda x: max(x, 0.0) ** 2)
FISHER = Scale("Fisher z", _fisher, tanh)


@dataclass(frozen=True)
class Spaced:
    """From `low` at `left` mm to `high` at `right` mm, both on the model scale; natural ticks."""

    scale: Scale
    low: float
    high: float
    left: float
    right: float
    ticks: tuple[tuple[float, str], ...]

    def place(self, x: float) -> float:
        """Where a value of the model scale lies in mm; what is beyond an end lies at that end."""
        inside = min(max(x, self.low), self.high)
        share = (inside - self.low) / (self.high - self.low)
        return self.left + share * (self.right - self.left)

    def position(self, value: float) -> float:
        """Where a natural value lies in mm; what is beyond an end lies at that end."""
        return self.place(self.scale.forward(value))

    def beyond(self, value: float) -> int:
        """-1 below the axis, 1 above it, 0 on it, for a natural value."""
        at, room = self.scale.forward(value), 1e-9 * (self.high - self.low)
        return -1 if at < self.low - room else int(at > self.high + room)


def spaced_axis(
    scale: Scale, low: float, high: float, left: float, right: float, size: float, factor: int
) -> Spaced:
    """The axis over low..high of the model scale, with as many round ticks as have room.

    `size` is that of the tick labels in points, `factor` 100 where they are per cent.
    """
    bare = Spaced(scale, low, high, left, right, ())
    chosen: list[tuple[float, str]] = []
    taken: list[tuple[float, float]] = []
    for tick, text in _candidates(bare, factor):
        if bare.beyond(tick) or not isfinite(scale.forward(tick)):
            continue
        at, half = bare.position(tick), width(text, size) / 2 + 0.8
        if all(at + half <= start or end <= at - half for start, end in taken):
            chosen.append((tick, text))
            taken.append((at - half, at + half))
    return Spaced(scale, low, high, left, right, tuple(sorted(chosen)))


FEWEST_TICKS = 3
"""With fewer round ticks on a logarithmic or logit scale they stand at even steps."""
_TAILS = (0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6, 0.05, 0.2, 0.02, 0.005, 0.3, 0.002)


def _candidates(axis: Spaced, factor: int) -> Iterable[tuple[float, str]]:
    """Ticks with their labels, the most wanted first."""
    low, high = (axis.scale.back(x) for x in (axis.low, axis.high))
    if axis.scale is LOG:
        whole = log_axis(low, high, axis.left, axis.right)
        if sum(low <= tick <= high for tick in whole.ticks) >= FEWEST_TICKS:
            yield from zip(whole.ticks, tick_texts(whole, factor), strict=True)
            return
    if axis.scale is LOGIT and high - low > 0.3 * min(high, 1 - low):
        tails = (p for tail in _TAILS for p in (tail, 1 - tail))
        wanted = [p for p in (0.5, *tails) if low <= p <= high]
        if len(wanted) >= FEWEST_TICKS:
            yield from ((p, _shortest(p, factor)) for p in wanted)
            return
    even = linear_axis(low, high, axis.left, axis.right)
    yield from zip(even.ticks, tick_texts(even, factor), strict=True)


def _shortest(value: float, factor: int) -> str:
    text = f"{value * factor:.8f}".rstrip("0")
    return number_text(value, len(text.partition(".")[2]), factor)
