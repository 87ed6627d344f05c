"""The way from the model scale to the natural scale and back, written apart from measures/."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize
from statsmodels.genmod.families import links

Way = Callable[[float], float]


@dataclass(frozen=True)
class Scale:
    """`back` leads to the natural scale, within its bounds; `falling` where it turns the order.

    `forward` gives the model scale of a threshold: infinite where every or no value lies above
    it, None where no single inverse exists.
    """

    back: Way
    forward: Callable[[float], float | None]
    falling: bool = False


def _logit() -> Scale:
    link = links.Logit()
    return Scale(lambda x: float(link.inverse(x)), lambda p: _inside(link, p, 0.0, 1.0))


def _log(most: float = np.inf) -> Scale:
    link = links.Log()
    return Scale(lambda x: min(most, float(link.inverse(x))), lambda x: _inside(link, x, 0.0, most))


def _inside(link: Callable[[float], float], x: float, least: float, most: float) -> float:
    if x <= least:
        return -np.inf
    return np.inf if x >= most else float(link(x))


def _cut(least: float, most: float) -> Scale:
    def forward(x: float) -> float:
        if x < least:
            return -np.inf
        return np.inf if x >= most else x

    return Scale(lambda x: min(most, max(least, x)), forward)


def _arcsine() -> Scale:
    def back(x: float) -> float:
        return float(0.5 - 0.5 * np.cos(2 * min(np.pi / 2, max(0.0, x))))

    def forward(p: float) -> float:
        if not 0 <= p < 1:
            return -np.inf if p < 0 else np.inf
        return float(np.arctan2(np.sqrt(p), np.sqrt(1 - p)))

    return Scale(back, forward)


def _double_arcsine(sizes: Sequence[float]) -> Scale:
    """At the harmonic mean of the sizes: the proportion whose double arcsine is x, by a search."""
    n = len(sizes) / sum(1 / size for size in sizes)

    def forward(p: float) -> float:
        low, high = p * n / (n + 1), (p * n + 1) / (n + 1)
        return float(0.5 * (np.arcsin(np.sqrt(low)) + np.arcsin(np.sqrt(high))))

    def back(x: float) -> float:
        if x <= forward(0.0) or x >= forward(1.0):
            return 0.0 if x <= forward(0.0) else 1.0
        return float(optimize.brentq(lambda p: forward(p) - x, 0, 1, xtol=1e-16, rtol=1e-14))

    return Scale(back, lambda _: None)


def _cloglog() -> Scale:
    link = links.LogLog()
    return Scale(
        lambda x: float(link.inverse(-x)),
        lambda p: -_inside(link, p, 0.0, 1.0),
        falling=True,
    )


def _square() -> Scale:
    return Scale(lambda x: max(0.0, x) ** 2, lambda x: float(x**0.5) if x >= 0 else -np.inf)


def _fisher() -> Scale:
    def forward(r: float) -> float:
        if abs(r) >= 1:
            return np.inf if r > 0 else -np.inf
        return float(0.5 * np.log((1 + r) / (1 - r)))

    return Scale(lambda x: float(1 - 2 / (np.exp(2 * min(x, 300.0)) + 1)), forward)


_REPORTED = {"identity": _cut(-np.inf, np.inf), "log": _log(), "logit": _logit()}
_BY_MEASURE: dict[str, Scale] = {
    "PLO": _logit(),
    **dict.fromkeys(("IRLN", "OR", "RR", "ROM", "IRR"), _log()),
    "PLN": _log(1.0),
    "PR": _cut(0.0, 1.0),
    "PAS": _arcsine(),
    "IR": _cut(0.0, np.inf),
    "IRS": _square(),
    **dict.fromkeys(("RD", "COR"), _cut(-1.0, 1.0)),
    "ZCOR": _fisher(),
    "AS": _cut(-np.pi / 2, np.pi / 2),
}


def scale_of(measure: str, sizes: Sequence[float], reported: str) -> Scale:
    """The scale of a measure; `sizes` are the study sizes (PFT), `reported` is GEN's own scale."""
    if measure == "PFT":
        return _double_arcsine(sizes)
    if measure == "GEN":
        return _cloglog() if reported == "cloglog" else _REPORTED[reported or "identity"]
    return _BY_MEASURE.get(measure, _cut(-np.inf, np.inf))
