"""How the effects of a result are named on axes and in sentences, and which way back they have."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isclose, isfinite, pi

from metamill.config.settings import Display
from metamill.figures.axes.spaced import (
    ARCSINE,
    CLOGLOG,
    FISHER,
    IDENTITY,
    LOG,
    LOGIT,
    ROOT,
    Scale,
)
from metamill.figures.page.text import clean
from metamill.results import Effect, MeasureText, Result
from metamill.wording import (
    capital,
    estimate_text,
    flag_words,
    level_text,
    model_words,
    number_text,
    result_format,
    unit_words,
)

_SCALES = {"PLO": LOGIT, "PLN": LOG, "PAS": ARCSINE, "IRLN": LOG, "IRS": ROOT, "ZCOR": FISHER,
           "OR": LOG, "RR": LOG, "ROM": LOG, "IRR": LOG}  # fmt: skip
_AGREE = 1e-6


@dataclass(frozen=True)
class Way:
    """From the model scale to the natural scale; `sign` -1 where the one falls as the other rises.

    `known` is False for a scale whose way back needs more than the value itself: then numbers stay
    on the model scale.
    """

    scale: Scale
    sign: int = 1
    known: bool = True

    def natural(self, value: float) -> float:
        """A value of the model scale in natural units."""
        return self.scale.back(self.sign * value)

    def model(self, value: float) -> float:
        """A natural value on the model scale, infinite at an end of the natural one."""
        return self.sign * self.scale.forward(value)

    @property
    def straight(self) -> bool:
        """Whether the natural axis, linear or logarithmic, is spaced as the model scale."""
        return self.known and (self.scale is IDENTITY or self.scale is LOG)


def way_of(result: Result) -> Way:
    """The way back of a result's measure, checked on its pooled estimate or its effects.

    The double arcsine has none that is free of the study sizes.
    """
    measure, pooled = result.measure, result.primary.pooled
    if measure.code == "PFT":
        return Way(IDENTITY, known=False)
    if measure.code != "GEN":
        return Way(_SCALES.get(measure.code, IDENTITY))
    if pooled.mu is not None and pooled.estimate is not None:
        pairs = [(pooled.mu, pooled.estimate)]
    else:
        pairs = [(effect.yi, effect.estimate) for effect in result.primary.effects]
    ways = [Way(scale) for scale in (IDENTITY, LOG, LOGIT)] + [Way(CLOGLOG, -1)]
    for way in ways:
        if all(isclose(way.natural(y), x, rel_tol=_AGREE, abs_tol=1e-12) for y, x in pairs):
            return way
    return Way(IDENTITY, known=False)


def effect_label(result: Result, log: bool | None = None) -> str:
    """The natural scale as the label of an axis, with its unit."""
    measure = result.measure
    log = measure.log_axis if log is None else log
    if measure.family == "proportion":
        of = f" of {unit_words(result.unit)}" if result.unit else ""
        return f"{capital(measure.natural)}{of} (%)"
    if measure.family == "change":
        return f"{capital(measure.natural)} from baseline"
    return f"{capital(measure.natural)}{' (log scale)' if log else ''}"


def model_label(result: Result, way: Way) -> str:
    """The model scale as words: "log odds ratio", "estimate (log scale)"."""
    measure = result.measure
    if measure.code == "GEN":
        return f"estimate{f' ({way.scale.name} scale)' if way.scale.name else ''}"
    return measure.name


def factor_of(measure: MeasureText) -> int:
    """100 for what is shown in per cent."""
    return 100 if measure.family == "proportion" else 1


def bounds_of(measure: MeasureText, display: Display | None = None) -> tuple[float, float]:
    """The values that a measure can take, within the limits of a score that `display` has."""
    low, high = (None, None) if display is None else (display.minimum, display.maximum)
    infinite = float("inf")
    if measure.family == "proportion":
        return 0.0, 1.0
    if measure.family == "rate":
        return 0.0, infinite
    if measure.family == "correlation" or measure.code == "RD":
        return -1.0, 1.0
    if measure.code == "AS":
        return -pi / 2, pi / 2
    if measure.family == "mean":
        return -infinite if low is None else low, infinite if high is None else high
    if measure.code in ("MC", "MD") and low is not None and high is not None:
        return low - high, high - low
    return -infinite, infinite


def label_of(result: Result, effect: Effect) -> str:
    return result.rows[effect.row].label


def flag_notes(effects: Sequence[Effect], mark: str) -> Iterator[str]:
    """What hollow marks stand for: one sentence that counts every flag."""
    counts: dict[str, int] = {}
    for effect in effects:
        for flag in effect.flags:
            counts[flag_words(flag)] = counts.get(flag_words(flag), 0) + 1
    if counts:
        told = "; ".join(f"{words.rstrip('.')} ({count})" for words, count in counts.items())
        yield f"{mark}: {told}."


def corrected_note(result: Result, way: Way, effects: Iterable[Effect]) -> Iterator[str]:
    """Counts whose place is not what the study reports: zero events have no logarithm."""
    if not way.known or result.measure.family not in ("proportion", "rate"):
        return
    names = [
        clean(label_of(result, effect))
        for effect in effects
        if not isclose(way.natural(effect.yi), effect.estimate, rel_tol=_AGREE, abs_tol=1e-9)
    ]
    if names:
        yield f"Drawn with a continuity correction: {', '.join(names)}."


def interval_words(result: Result) -> str:
    """The pooled estimate with its interval: "0.49 [0.30, 0.80] (95% CI)"; empty without one."""
    pooled = result.primary.pooled
    if pooled.estimate is None or not pooled.pooled:
        return ""
    told = estimate_text(pooled.estimate, pooled.ci_low, pooled.ci_high, result_format(result))
    return f"{told} ({level_text(result.primary.settings)})"


def pooled_words(result: Result) -> str:
    """ "pooled estimate 0.49 [0.30, 0.80] (95% CI)", or that there is none."""
    words = interval_words(result)
    return f"pooled estimate {words}" if words else "no pooled estimate"


def model_sentence(result: Result) -> str:
    return f"{model_words(result.primary.settings)}."


def studies_words(count: int) -> str:
    return f"{number_text(count, 0)} {'study' if count == 1 else 'studies'}"


def rows_words(result: Result) -> str:
    """How many studies an analysis pools, and how many estimates where these are more."""
    k, rows = result.primary.pooled.k, len(result.primary.effects)
    if rows == k:
        return studies_words(k)
    return f"{number_text(rows, 0)} estimates of {studies_words(k)}"


def finite_effects(effects: Iterable[Effect]) -> list[Effect]:
    """Effects with a sampling variance above zero, which a standard error is made of."""
    return [e for e in effects if isfinite(e.yi) and isfinite(e.vi) and e.vi > 0]
