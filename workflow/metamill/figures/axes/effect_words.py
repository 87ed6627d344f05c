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
    SQUARE,
    Brackets,
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
        told = "; ".join(
            f"{uncapital(words.rstrip('.'))} ({count})" for words, count in counts.items()
        )
        yield f"{mark}: {told}."


def uncapital(text: str) -> str:
    """A sentence as it goes on after a colon; a word in capitals keeps them."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def null_words(result: Result) -> str:
    """What the null value means in a legend: "no change" of a score, else "no effect"."""
    return "no change" if result.measure.family == "change" else "no effect"


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
        yield f"Drawn with a continuity correction: {'; '.join(names)}."


def interval_words(result: Result, brackets: Brackets = SQUARE) -> str:
    """The pooled estimate with its interval: "0.49 [0.30, 0.80] (95% CI)"; empty without one."""
    pooled = result.primary.pooled
    if pooled.estimate is None or not pooled.pooled:
        return ""
    form = result_format(result)
    told = estimate_text(pooled.estimate, pooled.ci_low, pooled.ci_high, form, brackets)
    return f"{told} ({level_text(result.primary.settings)})"


def pooled_words(result: Result, brackets: Brackets = SQUARE) -> str:
    """ "pooled estimate 0.49 [0.30, 0.80] (95% CI)", or that there is none."""
    words = interval_words(result, brackets)
    return f"pooled estimate {words}" if words else "no pooled estimate"


def model_sentence(result: Result) -> str:
    return f"{model_words(result.primary.settings)}."


def studies_words(count: int) -> str:
    return f"{number_text(count, 0)} {'study' if count == 1 else 'studies'}"


def noun_of(result: Result, count: int | None = None) -> str:
    """Rows of the primary analysis: "1 study", "3 studies", without a count "studies".

    Where a study has several rows they are estimates: "100 estimates".
    """
    more = "estimates" if one_of(result) == "estimate" else "studies"
    if count is None:
        return more
    return f"{number_text(count, 0)} {one_of(result) if count == 1 else more}"


def one_of(result: Result) -> str:
    """What a row of the primary analysis is: "study", or "estimate" where these are more."""
    several = len(result.primary.effects) != result.primary.pooled.k
    return "estimate" if several else "study"


def each_of(result: Result) -> str:
    """A row of the primary analysis with its article: "a study" or "an estimate"."""
    return {"study": "a study", "estimate": "an estimate"}[one_of(result)]


def rows_words(result: Result, silent: bool = False) -> str:
    """How many studies an analysis pools, and how many estimates where these are more.

    Those of which it learns nothing count only with `silent`.
    """
    effects, pooled = result.primary.effects, result.primary.pooled
    k, rows = informative_studies(result), len(heard(effects))
    if silent:
        k, rows = pooled.k, len(effects)
    if len(effects) == pooled.k:
        return studies_words(k)
    return f"{noun_of(result, rows)} of {studies_words(k)}"


def is_silent(effect: Effect) -> bool:
    """Whether neither group has an event and the pool learns nothing from it."""
    return "no event in either group" in effect.flags and not effect.weight


def heard(effects: Iterable[Effect]) -> list[Effect]:
    """The effects of which the pool learns something."""
    return [effect for effect in effects if not is_silent(effect)]


def informative_studies(result: Result) -> int:
    """How many of the pooled studies have an effect of which the pool learns something."""
    effects, rows = result.primary.effects, result.rows
    told = {rows[effect.row].study for effect in heard(effects)}
    silent = {rows[effect.row].study for effect in effects if is_silent(effect)} - told
    return result.primary.pooled.k - len(silent)


def silent_note(result: Result) -> Iterator[str]:
    """How many rows are not drawn for want of an event in either group; nothing where none is."""
    count = sum(is_silent(effect) for effect in result.primary.effects)
    if count:
        yield f"Not drawn, no event in either group: {noun_of(result, count)}."


def finite_effects(effects: Iterable[Effect]) -> list[Effect]:
    """Effects with a sampling variance above zero, which a standard error is made of."""
    return [e for e in effects if isfinite(e.yi) and isfinite(e.vi) and e.vi > 0]
