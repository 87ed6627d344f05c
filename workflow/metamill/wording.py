"""The words and number formats that figures, tables and text share.

Nothing here computes a statistic: every number comes from a result and is only rounded. Numbers
are rounded half to even on their shortest decimal form, with a true minus sign, and never as -0.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from math import floor, isfinite, log10
from typing import Any

from metamill.explored.subgroups import SubgroupTest
from metamill.results import Analysis, Effect, MeasureText, Pooled, Result

MINUS = "\N{MINUS SIGN}"
ABSENT = "\N{EN DASH}"

_EXACT = Context(prec=700)
"""Room for every decimal of any float."""

Brackets = tuple[str, str, str]
SQUARE: Brackets = ("[", ", ", "]")
ROUND: Brackets = ("(", " to ", ")")
DASHED: Brackets = ("(", "-", ")")


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of one outcome are printed.

    Values are multiplied by `factor` (100 for per cent) and rounded to `decimals`; `suffix` is for
    running text. With `positive`, for ratios and rates, a value above zero never reads as zero
    ("<0.01") and one from 1000 on has no decimals.
    """

    decimals: int
    factor: int = 1
    suffix: str = ""
    positive: bool = False

    def text(self, value: float | None) -> str:
        """The number without its suffix, as in a column of a table."""
        if value is None or not isfinite(value):
            return ABSENT
        if abs(value) * self.factor >= TOO_LONG:
            return power_text(value * self.factor)
        if self.positive and value >= 1000:
            return number_text(value, 0)
        printed = number_text(value, self.decimals, self.factor)
        if self.positive and value > 0 and not printed.strip("0."):
            return f"<{Decimal(1).scaleb(-self.decimals)}"
        return printed


TOO_LONG = 1e7
"""From here on a number is printed as a power of ten."""
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def power_text(value: float) -> str:
    """Two significant digits and a power of ten, with a raised exponent."""
    digits, _, exponent = f"{abs(value):.1e}".partition("e")
    sign = MINUS if value < 0 else ""
    return f"{sign}{digits}×10{str(int(exponent)).translate(_RAISED)}"


def share_text(value: float) -> str:
    """A relative difference, which may be none at all: 0, or a power of ten."""
    if value == 0 or not isfinite(value):
        return "0" if value == 0 else ABSENT
    return power_text(value)


def number_text(value: float, decimals: int, factor: int = 1) -> str:
    """`factor * value` with that many decimals and a comma from 10,000 on.

    number_text(-0.04, 1) is "0.0".
    """
    exact = Decimal(f"{value:.12g}") * factor
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN, _EXACT)
    printed = f"{abs(rounded):,f}" if abs(rounded) >= 10_000 else f"{abs(rounded):f}"
    return MINUS + printed if rounded < 0 else printed


def significant_text(value: float, digits: int = 2) -> str:
    """At least `digits` significant digits, without exponent: 0.0123, 0.72, 12."""
    if value == 0 or not isfinite(value):
        return "0" if value == 0 else ABSENT
    return number_text(value, max(0, digits - 1 - floor(log10(abs(value)))))


def count_text(value: float | None) -> str:
    """A count, with a comma from five digits on: 9999, but 12,345."""
    if value is None:
        return ABSENT
    if value != int(value):
        return significant_text(value, 3)
    return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))


def result_format(result: Result) -> NumberFormat:
    """The one rule for all estimates and limits of an outcome.

    Proportions are per cent with one decimal, or two where the estimate is below 1 %; ratios have
    two decimals, or three where an estimate is below 0.05; correlations have two; rates have two
    significant digits at their centre; other measures have the decimals that their size asks for.
    """
    return _format(result.primary, result.measure)


def analysis_format(result: Result, analysis: Analysis) -> NumberFormat:
    """The rule of the outcome, or one of its own for an analysis of another measure."""
    if analysis.measure is None or analysis.measure.natural == result.measure.natural:
        return result_format(result)
    return _format(analysis, analysis.measure)


def _format(primary: Analysis, measure: MeasureText) -> NumberFormat:
    items: list[Effect | Pooled] = [*primary.effects, primary.pooled]
    family = measure.family
    if family == "proportion":
        centre = _centre(primary.pooled, primary.effects)
        return NumberFormat(2 if 0 < centre < 0.01 else 1, 100, "%")
    if family == "rate":
        centre = _centre(primary.pooled, primary.effects)
        decimals = 1 - floor(log10(centre)) if centre > 0 else 3
        return NumberFormat(min(max(decimals, 1), 6), positive=True)
    if family == "correlation":
        return NumberFormat(2)
    if measure.log_axis:
        smallest = min((item.estimate for item in items if item.estimate), default=1.0)
        return NumberFormat(3 if smallest < 0.05 else 2, positive=True)
    numbers = [x for item in items for x in (item.estimate, item.ci_low, item.ci_high)]
    largest = max((abs(x) for x in numbers if x is not None and isfinite(x)), default=1.0)
    if 0 < largest < 1:
        return NumberFormat(min(2 - floor(log10(largest)), 9))
    steps = ((1000.0, 0), (10.0, 1), (1.0, 2), (0.0, 3))
    return NumberFormat(next(decimals for least, decimals in steps if largest >= least))


def _centre(pooled: Pooled, effects: Iterable[Effect]) -> float:
    if pooled.estimate is not None:
        return pooled.estimate
    estimates = sorted(effect.estimate for effect in effects)
    return estimates[len(estimates) // 2] if estimates else 0.0


def interval_text(
    low: float | None, high: float | None, form: NumberFormat, brackets: Brackets = SQUARE
) -> str:
    """The limits in their brackets: "[4.5, 20.1]" or "(4.5 to 20.1)"."""
    if low is None or high is None:
        return "no interval"
    opening, between, closing = brackets
    return f"{opening}{form.text(low)}{between}{form.text(high)}{closing}"


def estimate_text(
    estimate: float | None,
    low: float | None,
    high: float | None,
    form: NumberFormat,
    brackets: Brackets = SQUARE,
) -> str:
    """Estimate and interval for running text: "12.3% [4.5, 20.1]"."""
    return f"{form.text(estimate)}{form.suffix} {interval_text(low, high, form, brackets)}"


def p_text(p: float | None) -> str:
    """ "p = 0.012", never 0.000 and never 1.000."""
    if p is None or not isfinite(p):
        return "p not available"
    if p < 0.001:
        return "p < 0.001"
    if p > 0.9995:
        return "p > 0.999"
    return "p < 0.050" if 0.0495 < p < 0.05 else f"p = {number_text(p, 3)}"


def jama_p_text(p: float | None) -> str:
    """A P value as JAMA prints it: "P = .02", "P = .003", "P < .001", "P > .99".

    Near .05 it has three digits, so that rounding does not carry it over."""
    if p is None or not isfinite(p):
        return "P not available"
    if p < 0.001:
        return "P < .001"
    if p > 0.99:
        return "P > .99"
    if 0.0495 < p < 0.05:
        return "P < .050"
    exact = p < 0.01 or 0.045 <= p < 0.0505
    return f"P = {number_text(p, 3 if exact else 2).removeprefix('0')}"


def level_text(settings: Mapping[str, Any]) -> str:
    """ "95% CI" from the level of the settings."""
    return f"{settings['level']:g}% CI"


_PLURALS = {"vertebra": "vertebrae"}


EXPLORATION_WORDS = {
    "small_study_effects": "small-study effects",
    "automatic_sensitivity": "automatic sensitivity analyses",
    "flip_points": "flip points",
    "gosh": "subsets of the studies (GOSH)",
    "permutations": "permutation tests of moderators",
    "leave_one_out": "leaving out single studies",
}
"""What an exploration is called where it is said to be switched off."""


def switched_off_words(keys: Iterable[str]) -> str:
    """One sentence on the explorations that the settings switch off; "" without any."""
    named = ", ".join(EXPLORATION_WORDS[key] for key in keys)
    return f"Switched off in config.yaml: {named}." if named else ""


def unit_words(unit: str | None, count: float | None = None) -> str:
    """The unit as counted: "1 screw", "40 screws", "screws"; "units" where none is stated."""
    name = unit or "unit"
    plural = _PLURALS.get(name, f"{name}s")
    return plural if count is None else f"{count_text(count)} {name if count == 1 else plural}"


def capital(text: str) -> str:
    """The text with a capital, but for a symbol such as r at its beginning."""
    return text if text.startswith("r = ") else text[:1].upper() + text[1:]


def level_words(level: str) -> str:
    """A level of a column, as words: primary_augmentation -> Primary augmentation."""
    return capital(level.replace("_", " "))


MODEL_SCALES = {
    "PLO": "logit",
    "PLN": "log",
    "PAS": "arcsine",
    "PFT": "double arcsine",
    "IRLN": "log",
    "IRS": "square root",
    "OR": "log",
    "RR": "log",
    "ROM": "log",
    "IRR": "log",
    "ZCOR": "Fisher z",
}
"""The scale on which a measure is pooled, where it is not the printed one."""

METHODS = {
    "EE": "inverse variance",
    "DL": "DerSimonian-Laird",
    "HE": "Hedges",
    "HS": "Hunter-Schmidt",
    "SJ": "Sidik-Jonkman",
    "ML": "maximum likelihood",
    "REML": "REML",
    "EB": "empirical Bayes",
    "PM": "Paule-Mandel",
    "DL2": "two-step DerSimonian-Laird",
    "MH": "Mantel-Haenszel",
    "PETO": "Peto",
    "BAYES": "Bayes",
    "RVE": "correlated effects, robust variance",
    "MV": "three levels, REML",
}
EQUAL_EFFECTS = ("EE", "MH", "PETO")

TESTS = {
    "z": "normal interval",
    "t": "t interval",
    "knha": "Hartung-Knapp interval",
    "adhoc": "Hartung-Knapp interval with max(1, q)",
    "pl": "profile-likelihood interval",
    "cr2": "cluster-robust interval (CR2, Satterthwaite)",
}


def effects_name(settings: Mapping[str, Any]) -> str:
    """ "Random effects" or "Equal effects"."""
    return "Equal effects" if settings["method"] in EQUAL_EFFECTS else "Random effects"


def model_words(settings: Mapping[str, Any]) -> str:
    """The model in full: "Random effects (REML), Hartung-Knapp interval with max(1, q)"."""
    method, test = settings["method"], settings["test"]
    if method == "BAYES":
        return f"Random effects, Bayes with half-normal({settings['tau_prior']:g}) prior of tau"
    name = _MODEL_NAMES.get(method, {}).get(settings["measure"])
    if name is None:
        name = f"{effects_name(settings)} ({METHODS.get(method, method)})"
    elif "{glmm}" in name:
        name = name.format(glmm=settings["glmm"])
    if settings.get("aggregate"):
        name += f", one effect per study (rho = {settings['rho']:g})"
    if method in EQUAL_EFFECTS and test == "z":
        return name
    return f"{name}, {TESTS.get(test, test)}"


_MODEL_NAMES: dict[str, dict[str, str]] = {
    "GLMM": {
        "PLO": "Binomial-normal GLMM (maximum likelihood)",
        "IRLN": "Poisson-normal GLMM (maximum likelihood)",
        "OR": "Binomial-normal GLMM of two groups ({glmm}, maximum likelihood)",
        "IRR": "Poisson-normal GLMM of two groups ({glmm}, maximum likelihood)",
    },
    "BETABIN": {"PLO": "Beta-binomial model (maximum likelihood)"},
}
"""Models of counts, by method and measure."""


def heterogeneity_words(
    pooled: Pooled, measure: MeasureText, p_words: Callable[[float | None], str] = p_text
) -> str:
    """Heterogeneity in one line: tau first, then the test of heterogeneity, I2 last."""
    parts = []
    if pooled.tau is not None:
        scale = MODEL_SCALES.get(measure.code)
        where = f" ({scale} scale)" if scale else ""
        parts.append(f"τ = {significant_text(pooled.tau)}{where}")
        if pooled.tau2 is not None:
            limits = _limits(pooled.tau2_low, pooled.tau2_high)
            parts.append(f"τ² = {significant_text(pooled.tau2)}{limits}")
    if pooled.q is not None and pooled.q_df is not None:
        name = "Q" if pooled.q_test == "Q" else f"{pooled.q_test} χ²"
        parts.append(
            f"{name} = {number_text(pooled.q, 2)} (df = {pooled.q_df}, {p_words(pooled.q_p)})"
        )
    if pooled.i2 is not None:
        known = pooled.i2_low is not None and pooled.i2_high is not None
        limits = interval_text(pooled.i2_low, pooled.i2_high, NumberFormat(0)) if known else ""
        parts.append(f"I² = {number_text(pooled.i2, 0)}% {limits}".rstrip())
    return "; ".join(parts)


def _limits(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    lower = ABSENT if low is None else significant_text(low)
    upper = "no upper limit" if high is None else significant_text(high)
    return f" [{lower}, {upper}]"


def subgroup_words(test: SubgroupTest, p_words: Callable[[float | None], str] = p_text) -> str:
    """The test between subgroups, or why there is none."""
    about = f"{test.column.replace('_', ' ')}; {test.tau2_of} τ²"
    name = f"Test of differences between subgroups ({about})"
    note = test.note.replace("_", " ")
    if test.q is None or test.q_df is None:
        return f"{name}: {note}" if note else f"{name}: none"
    statistic, df = ("Q", f"{test.q_df}") if test.df is None else ("F", f"{test.q_df}, {test.df}")
    found = f"{statistic} = {number_text(test.q, 2)} (df = {df}, {p_words(test.q_p)})"
    return f"{name}: {found}; {note}" if note else f"{name}: {found}"


_FLAGS = {
    "continuity correction": "continuity correction, to pool the row",
    "implied zero": "zero events are implied by the source, not printed",
    "derived from percent": "count derived from a printed percentage",
    "derived denominator": "total derived from the percentage or from other counts",
    "derived complement": "count derived from the units without the event",
    "derived sum": "count added up from parts",
}


def flag_words(flag: str) -> str:
    """What was done to a row, as a footnote: "Assumed r = 0.5"."""
    return capital(_FLAGS.get(flag, flag))


_SYMBOLS = {"tau2": "τ²", "tau": "τ", "I2": "I²", "H2": "H²", "chi2": "χ²"}


def typeset(note: str) -> str:
    """A note of a result with its symbols as they are printed."""
    return re.sub(r"\b(tau2|tau|I2|H2|chi2)\b(?!_)", lambda found: _SYMBOLS[found[1]], note)


def own_notes(pooled: Pooled, effects: Iterable[Effect]) -> tuple[str, ...]:
    """The notes of an analysis that do not only count the flags of its rows."""
    flags = {flag for effect in effects for flag in effect.flags}
    return tuple(
        typeset(note)
        for note in pooled.notes
        if not any(note.startswith(f"{flag} in ") for flag in flags)
    )
