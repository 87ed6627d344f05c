"""Event rates of two groups, study by study, as a plot of L'Abbé shows them."""

from dataclasses import dataclass
from math import asin, pi, sin, sqrt

from metamill.results import Effect, Result

COUNTS = ("events_treatment", "total_treatment", "events_control", "total_control")


@dataclass(frozen=True)
class Point:
    """A study: its counts, the rates of control (x) and treatment (y), its share of area."""

    effect: Effect
    counts: tuple[float, ...]
    x: float
    y: float
    area: float


@dataclass(frozen=True)
class Labbe:
    """The studies that can be drawn, those that cannot, and whether areas are weights.

    `negative` counts weights below 0, which some rows of a multilevel model have and no area.
    """

    result: Result
    points: tuple[Point, ...]
    without: tuple[Effect, ...]
    weighted: bool
    negative: int = 0

    @property
    def estimate(self) -> float | None:
        pooled = self.result.primary.pooled
        return pooled.estimate if pooled.pooled else None


def plan_of(result: Result) -> Labbe:
    """The points of the primary analysis; areas by weight, by units where one has no weight."""
    found = [(effect, _counts(result, effect)) for effect in result.primary.effects]
    known = [(effect, counts) for effect, counts in found if counts is not None]
    weights = [effect.weight for effect, _ in known]
    weighted = bool(weights) and all(weight is not None for weight in weights)
    sizes = [
        (effect.weight or 0.0) if weighted else counts[1] + counts[3] for effect, counts in known
    ]
    largest = max(sizes, default=0.0) or 1.0
    areas = [max(size, 0.0) / largest for size in sizes]
    points = tuple(
        Point(effect, counts, counts[2] / counts[3], counts[0] / counts[1], area)
        for (effect, counts), area in zip(known, areas, strict=True)
    )
    without = tuple(effect for effect, counts in found if counts is None)
    return Labbe(result, points, without, weighted, sum(size < 0 for size in sizes))


def _counts(result: Result, effect: Effect) -> tuple[float, ...] | None:
    """Events and totals of both groups, as printed or derived; None if one is missing."""
    cells = result.rows[effect.row].cells
    derived = {item.column: item.value for item in result.derived if item.row == effect.row}
    try:
        counts = tuple(float(cells[name]) if cells.get(name) else derived[name] for name in COUNTS)
    except (KeyError, ValueError):
        return None
    a, n1, c, n2 = counts
    return counts if 0 <= a <= n1 and 0 <= c <= n2 and n1 > 0 and n2 > 0 else None


def treated_rate(code: str, effect: float, control: float) -> float | None:
    """The rate under treatment that an effect of measure OR, RR, RD or AS makes of a rate.

    Rates are fractions. None where the effect would lead out of [0, 1].
    """
    if code == "OR":
        return effect * control / (1 - control + effect * control) if effect > 0 else 0.0
    if code == "AS":
        angle = asin(sqrt(control)) + effect
        return sin(angle) ** 2 if 0 <= angle <= pi / 2 else None
    rate = effect * control if code == "RR" else control + effect
    return rate if -1e-12 <= rate <= 1 + 1e-12 else None
