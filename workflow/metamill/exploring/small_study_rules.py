"""Which tests of small-study effects suit which measure, and why the others do not."""

from dataclasses import dataclass

import numpy as np

from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES

BY_SE = ("egger", "egger_mixed", "begg")
BY_LINE = ("pet", "peese", "pet_peese")
BY_FUNNEL = ("trim_fill_l0", "trim_fill_r0", "limit")
BY_P = ("selection_3", "selection_4")
ADJUSTED = (*BY_LINE, *BY_FUNNEL, *BY_P)

_PROPORTION = (
    "the standard error of a proportion depends on the proportion itself, so that a funnel plot is "
    "skewed without any small-study effect; proportions are tested by the size of the studies"
)
_RATE = (
    "the standard error of a rate depends on the rate itself, so that a funnel plot is skewed "
    "without any small-study effect; rates are tested by the time at risk"
)
_MEAN = (
    "the standard deviation of a score grows with its mean where the score ends at 0, so that the "
    "standard error may follow the mean without any small-study effect; means are tested by the "
    "size of the studies"
)
_STANDARDISED = (
    "the standard error of this measure is made of the effect itself, so that the two go together "
    "without any small-study effect; a function of the sizes stands in its place"
)
_DIFFERENCE = (
    "the standard error of a difference of two risks or rates depends on both of them, so that a "
    "funnel plot is skewed without any small-study effect"
)
_TRANSFORMED = (
    "effects reported on a logit or complementary log-log scale are proportions, whose standard "
    "error depends on the proportion itself"
)
_NO_NULL = "one group has no value of no effect, so that no p value decides what is published"
_CHANGE = (
    "nearly every uncontrolled change differs from 0, so that its p value does not decide what is "
    "published"
)
_FLAG = "goes by a standard error that depends on the effect"
_GENERIC_FLAG = "goes by a standard error that may depend on the effect"
_RATIO = (
    "the standard error of the log {what} depends on the {what}, so that what goes by it too often "
    "shows small-study effects that are not there, most where events are rare or the effect is "
    "large: Egger's and Begg's tests and every estimate but those of selection models"
)
_GENERIC = (
    "whether the standard errors of these reported effects depend on the effects, which would look "
    "like a small-study effect, is not known here"
)
_UNCONTROLLED = (
    "an uncontrolled change differs from 0 in nearly every study, so that significance does not "
    "decide what is published; small studies may differ by their patients, their care or the "
    "regression of bad scores to the mean"
)


@dataclass(frozen=True)
class Rules:
    """What is done for a measure, in the order it is shown.

    `tests` and `adjusted` are made, `refused` gives the reason for each code that is not. `flags`
    are the words that go with a code that is made all the same. `fail_safe` says why there are no
    fail-safe numbers. `notes` concern everything.
    """

    tests: tuple[str, ...]
    adjusted: tuple[str, ...]
    refused: dict[str, str]
    flags: dict[str, str]
    fail_safe: str = ""
    notes: tuple[str, ...] = ()


def rules_of(model: Model, data: Data) -> Rules:
    """The rules of a measure; `fail_safe` is why there are no fail-safe numbers, or ""."""
    measure = MEASURES[model.measure]
    match measure.family:
        case "proportion":
            return _by_size("size", _PROPORTION)
        case "rate":
            return _by_size("size", _RATE)
        case "mean":
            return _by_size("sample_size", _MEAN)
        case "generic":
            return _generic(data)
    match model.measure:
        case "MC":
            refused = dict.fromkeys(BY_P, _CHANGE)
            adjusted = (*BY_LINE, *BY_FUNNEL)
            return Rules(BY_SE, adjusted, refused, {}, _CHANGE, (_UNCONTROLLED,))
        case "SMCC" | "SMCR":
            found = _by_size("sample_size", _STANDARDISED)
            refused = found.refused | dict.fromkeys(BY_P, _CHANGE)
            return Rules(found.tests, (), refused, {}, _CHANGE, (_UNCONTROLLED,))
        case "SMD" | "ROM" | "COR":
            refused = dict.fromkeys((*BY_SE, "limit"), _STANDARDISED)
            shown = ("trim_fill_l0", "trim_fill_r0")
            flag = dict.fromkeys(shown, _FLAG)
            return Rules(("sample_size",), (*BY_LINE, *shown, *BY_P), refused, flag)
        case "OR" | "RR" | "IRR":
            own = {
                "OR": ("harbord", "peters", "arcsine"),
                "RR": ("peters", "arcsine"),
                "IRR": ("sample_size",),
            }[model.measure]
            flags = dict.fromkeys((*BY_SE, *BY_LINE, *BY_FUNNEL), _FLAG)
            notes = (_RATIO.format(what=measure.natural),)
            return Rules((*own, *BY_SE), ADJUSTED, {}, flags, notes=notes)
        case "RD" | "IRD":
            refused = dict.fromkeys((*BY_SE, *BY_LINE, *BY_FUNNEL), _DIFFERENCE)
            return Rules(("peters" if model.measure == "RD" else "sample_size",), BY_P, refused, {})
    return Rules(BY_SE, ADJUSTED, {}, {})


def _by_size(code: str, why: str) -> Rules:
    refused = dict.fromkeys((*BY_SE, *BY_LINE, *BY_FUNNEL), why)
    return Rules((code,), (), refused | dict.fromkeys(BY_P, _NO_NULL), {}, _NO_NULL)


def _generic(data: Data) -> Rules:
    unknown = "what value of a reported effect means no effect is not known here"
    if data.scale not in ("log", "identity"):
        refused = dict.fromkeys((*BY_SE, *BY_LINE, *BY_FUNNEL), _TRANSFORMED)
        tests = ("sample_size",)
        return Rules(tests, (), refused | dict.fromkeys(BY_P, unknown), {}, unknown)
    codes = (*BY_SE, "pet", "peese", *BY_FUNNEL)
    refused = dict.fromkeys(("pet_peese", *BY_P), unknown)
    flags = dict.fromkeys(codes, _GENERIC_FLAG)
    adjusted = ("pet", "peese", *BY_FUNNEL)
    return Rules(BY_SE, adjusted, refused, flags, unknown, (_GENERIC,))


def size_predictor(model: Model, data: Data) -> tuple[Array, str] | None:
    """What is large where a study is small and does not depend on its effect, with its name.

    sqrt(1/n1 + 1/n2) (Pustejovsky and Rodgers 2019), or 1/sqrt(n) for one group, of units or of
    time at risk. None where a study does not say its size.
    """
    columns = data.columns
    of_family = {"proportion": ("total",), "rate": ("time",)}
    names: tuple[str, ...] = _SIZES_OF_GROUPS.get(
        model.measure, of_family.get(MEASURES[model.measure].family, ("n",))
    )
    if any(name not in columns for name in names):
        return None
    found = np.sqrt(np.asarray(sum(1 / columns[name] for name in names)))
    if not np.isfinite(found).all():
        return None
    unit = "time" if "time" in names[0] else "n"
    return found, f"1/sqrt({unit})" if len(names) == 1 else f"sqrt(1/{unit}1 + 1/{unit}2)"


_SIZES_OF_GROUPS: dict[str, tuple[str, ...]] = {
    "SMD": ("n_treatment", "n_control"),
    "ROM": ("n_treatment", "n_control"),
    "IRR": ("time_treatment", "time_control"),
    "IRD": ("time_treatment", "time_control"),
}
