"""What an engine is asked, what it answers, and how far rounding may move an answer.

A number is a pair (value, error): the error is absolute and says what the digits of the data, of
our tau2 where an engine needs it, and of the engine's own iteration leave open.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from metamill.record.engines.natural import Scale

Array = np.ndarray
Pair = tuple[float, float]
Pairs = dict[str, Pair]

CLOSED_FORM = 1e-9
"""Relative to the size of a number: ours come with 10 digits, effects with 12."""

AT_OUR_TAU2 = "at our tau2"


@dataclass(frozen=True)
class Numbers:
    """What one engine computes: values by the name of ours, relative tolerances, notes."""

    engine: str
    values: dict[str, float]
    tolerance: dict[str, float]
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What every engine needs beside the data of an analysis.

    `settings` are the fields of config.settings.Model, k counts independent studies, `null` says
    whether the measure has a value of no effect, `scale` leads to the natural scale, and `sizes`
    are what a difference is measured against where a number itself may be near zero.
    """

    settings: Mapping[str, Any]
    k: int
    null: bool
    scale: Scale
    sizes: Mapping[str, float]

    @property
    def level(self) -> float:
        return self.settings["level"] / 100

    def size(self, name: str) -> float:
        """What a difference in the number `name` is at least measured against."""
        if name.startswith("test "):
            return 1e-12 if name.endswith(", p") else 1.0
        if name.startswith("also variance ") and "share" not in name:
            return self.sizes["tau2"]
        return self.sizes.get(name, 1e-9)

    @property
    def tail(self) -> float:
        return (1 - self.level) / 2

    @property
    def drop(self) -> float:
        """What a log-likelihood may lose within an interval of one parameter."""
        return float(stats.chi2.ppf(self.level, 1) / 2)


@contextmanager
def quiet() -> Iterator[None]:
    """Engines warn of few studies and divide by zero where a number of theirs does not exist."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def judged(
    engine: str, question: Question, found: Pairs, notes: Mapping[str, str] | None = None
) -> Numbers:
    """Numbers from pairs (value, absolute error)."""
    tolerance = {}
    for name, (value, error) in found.items():
        tolerance[name] = CLOSED_FORM + float(error / max(abs(value), question.size(name)))
    values = {name: float(value) for name, (value, _) in found.items()}
    return Numbers(engine, values, tolerance, dict(notes or {}))


def law(df: float | None) -> Any:
    """Student's t, or the normal distribution for None."""
    return stats.norm if df is None else stats.t(df)


def moved(function: Any, x: float, error: float) -> Pair:
    """The value of a monotone function, and how far an error of x moves it."""
    value = float(function(x))
    ends = [abs(float(function(x + sign * error)) - value) for sign in (-1, 1)]
    return value, max(ends)


def of_tail(statistic: Pair, df: float) -> Pair:
    """The chi-squared tail of a statistic."""
    value, error = statistic
    found = float(stats.chi2.sf(value, df))
    return found, max(
        abs(float(stats.chi2.sf(max(value + sign * error, 0.0), df)) - found) for sign in (-1, 1)
    )


def root(square: Pair) -> Pair:
    """The square root of a number that is not negative."""
    value, error = max(square[0], 0.0), square[1]
    centre = float(np.sqrt(value))
    return centre, min(float(np.sqrt(error)), error / (2 * centre) if centre else np.inf)


def inferred(
    question: Question,
    mu: Pair,
    se: Pair,
    df: float | None,
    limits: tuple[Pair, Pair] | None = None,
) -> Pairs:
    """mu, se, limits and the p value by t with df (None: normal), with the natural scale.

    `limits` replace those of the normal or t distribution, and leave p out.
    """
    found: Pairs = {"mu": mu, "se": se}
    quantile = float(law(df).isf(question.tail))
    reach = quantile * se[0], quantile * se[1]
    low, high = limits or (
        (mu[0] - reach[0], mu[1] + reach[1]),
        (mu[0] + reach[0], mu[1] + reach[1]),
    )
    found |= {"mu_low": low, "mu_high": high}
    if question.null and limits is None:
        found["p_value"] = two_sided(mu, se, df)
    return found | natural(question, mu, low, high, "ci")


def two_sided(mu: Pair, se: Pair, df: float | None) -> Pair:
    """The p value of mu = 0."""
    if se[0] == 0:
        return 0.0, 0.0
    ratio = abs(mu[0]) / se[0]
    error = (mu[1] + ratio * se[1]) / se[0]
    return moved(lambda x: 2 * law(df).sf(abs(x)), ratio, error)


def natural(question: Question, mu: Pair | None, low: Pair, high: Pair, name: str) -> Pairs:
    """The estimate and two limits on the natural scale, the lower limit first."""
    back = question.scale.back
    ends = sorted(moved(back, *end) for end in (low, high))
    found = {f"{name}_low": ends[0], f"{name}_high": ends[1]}
    return found if mu is None else found | {"estimate": moved(back, *mu)}


def predicted(question: Question, mu: Pair, se: Pair, tau2: Pair, df: float | None) -> Pairs:
    """The prediction interval and the probabilities beyond thresholds, from three studies on."""
    settings = question.settings
    if not settings["prediction"] or question.k < 3 or settings["method"] in ("EE", "MH", "PETO"):
        return {}
    variance = tau2[0] + se[0] ** 2
    if variance <= 0:
        return {}
    spread = float(np.sqrt(variance))
    uncertain = (tau2[1] + 2 * se[0] * se[1]) / (2 * spread)
    quantile = float(law(df).isf(question.tail))
    ends = [(mu[0] + sign * quantile * spread, mu[1] + quantile * uncertain) for sign in (-1, 1)]
    found = natural(question, None, ends[0], ends[1], "pi")
    return found | beyond(question, lambda x: _above(x, mu, (spread, uncertain), df))


def _above(x: float, mu: Pair, spread: Pair, df: float | None) -> Pair:
    at = (x - mu[0]) / spread[0]
    if not np.isfinite(at):
        return (0.0, 0.0) if at > 0 else (1.0, 0.0)
    error = (mu[1] + abs(at) * spread[1]) / spread[0]
    return moved(law(df).sf, at, error)


def beyond(question: Question, above: Any) -> Pairs:
    """P(new true value > threshold) for every threshold; `above` gives it on the model scale."""
    found: Pairs = {}
    for threshold in question.settings["thresholds"]:
        place = question.scale.forward(threshold)
        if place is None:
            continue
        value, error = above(place)
        found[f"beyond {threshold:.10g}"] = (
            (1 - value, error) if question.scale.falling else (value, error)
        )
    return found


def prediction_df(settings: Mapping[str, Any], k: int) -> float | None:
    """Degrees of freedom of a prediction from k studies; None is the normal distribution."""
    lost = {"t": 1, "knha": 1, "hts": 2}.get(settings["prediction_interval"])
    return None if lost is None else float(k - lost)


def spreads(tau2: Pair, typical: float, end: str = "") -> Pairs:
    """I2 and H2 from tau2 and the typical sampling variance."""
    value, error = tau2
    error += CLOSED_FORM * max(value, typical)
    total = value + typical
    return {
        f"i2{end}": (100 * value / total, 100 * typical / total**2 * error),
        f"h2{end}": (total / typical, error / typical),
    }
