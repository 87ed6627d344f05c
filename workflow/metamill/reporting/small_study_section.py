"""Small-study effects in words: a sentence first, then the tests, estimates and chances."""

from collections.abc import Sequence
from typing import Any

from metamill import wording
from metamill.explored.small_study import (
    AdjustedEstimate,
    FailSafe,
    Selection,
    SmallStudyEffects,
    SmallStudyTest,
)
from metamill.results import Result
from metamill.wording import NumberFormat

SIGNIFICANT = 0.10
"""Tests of asymmetry have little power, so that 0.10 is their usual level (Egger et al. 1997)."""


def small_study_section(result: Result) -> dict[str, Any] | None:
    """What the page says of small-study effects; None where they were not asked for."""
    found = result.explored.small_study
    if found is None:
        return None
    form = wording.result_format(result)
    level = wording.level_text(result.primary.settings)
    made = [test for test in found.tests if not test.refused]
    drawn = [item for item in found.adjusted if item.estimate is not None]
    baseline = [] if found.baseline is None or not drawn else [found.baseline]
    return {
        "words": wording.typeset(_words(found)),
        "level": level,
        "notes": [wording.capital(wording.typeset(note)) for note in found.notes],
        "tests": [_test(test) for test in made],
        "estimates": [_estimate(item, form) for item in (*baseline, *drawn)],
        "terms": "; ".join(_terms([*baseline, *drawn])),
        "selections": [_selection(item, level) for item in found.selections],
        "fail_safe": [_fail_safe(item) for item in found.fail_safe if item.studies is not None],
        "refused": _refused(found),
    }


def _words(found: SmallStudyEffects) -> str:
    """The finding in words that claim no more than a test of asymmetry can."""
    if found.reason:
        return f"No test of small-study effects: {found.reason}"
    made = [test for test in found.tests if test.p_value is not None]
    if not made:
        return "No test of small-study effects suits these effects, as said below"
    seen = [test for test in made if test.p_value is not None and test.p_value < SIGNIFICANT]
    count = "1 test" if len(made) == 1 else f"{len(made)} tests"
    if not seen:
        return (
            f"Exploratory: {count} found no small-study effect (all p {_at_least()}). With "
            f"{found.k} studies their power is low, so that this rules none out"
        )
    told = "; ".join(f"{test.name}, {wording.p_text(test.p_value)}" for test in seen)
    kinds = list(dict.fromkeys(test.direction for test in seen if test.direction))
    shown = f"; small studies show {kinds[0]} values" if len(kinds) == 1 else ""
    points = "points" if len(seen) == 1 else "point"
    which = "the test" if len(made) == 1 else f"{len(seen)} of {count}"
    return (
        f"Exploratory: {which} {points} to small-study effects, of which publication bias is "
        f"one cause ({told}{shown}). Other causes are differences in patients, care and quality "
        "between small and large studies, and chance"
    )


def _at_least() -> str:
    return f"≥ {wording.number_text(SIGNIFICANT, 2)}"


def _test(test: SmallStudyTest) -> dict[str, str]:
    significant = wording.significant_text
    statistic = "" if test.statistic is None else wording.number_text(test.statistic, 2)
    if test.df is not None:
        statistic += f" (df = {wording.number_text(test.df, 0)})"
    slope = ""
    if test.slope is not None:
        opening, between, closing = wording.SQUARE
        ends = [wording.ABSENT if x is None else significant(x, 3) for x in (test.low, test.high)]
        slope = f"{significant(test.slope, 3)} {opening}{between.join(ends)}{closing}"
    model = ", ".join(part for part in (test.method, test.test) if part)
    return {
        "name": test.name + (f" ({model})" if model else ""),
        "k": str(test.k),
        "predictor": test.predictor,
        "slope": slope,
        "statistic": statistic,
        "p": wording.p_text(test.p_value),
        "assumes": _assumption(test.assumes),
        "notes": wording.capital(wording.typeset("; ".join(test.notes))),
    }


_TERMS = {
    "PET": "PET: precision-effect test",
    "PEESE": "PEESE: precision-effect estimate with standard error",
    "L0": "L0, R0: the estimators of the number of missing studies by ranks and by the longest run",
}


def _terms(drawn: Sequence[AdjustedEstimate]) -> list[str]:
    """Short names among these estimates, spelled out."""
    names = " ".join(item.name for item in drawn).replace("R0", "L0")
    return [words for short, words in _TERMS.items() if short in names]


def _assumption(words: str) -> str:
    """What a method assumes, as it stands under that heading."""
    return wording.capital(wording.typeset(words.removeprefix("that ")))


def _estimate(item: AdjustedEstimate, form: NumberFormat) -> dict[str, str]:
    return {
        "name": item.name,
        "estimate": form.text(item.estimate) + form.suffix,
        "interval": wording.interval_text(item.ci_low, item.ci_high, form),
        "p": "" if item.p_value is None else wording.p_text(item.p_value),
        "tau": "" if item.tau2 is None else wording.significant_text(item.tau2**0.5),
        "assumes": _assumption(item.assumes),
        "notes": wording.capital(wording.typeset("; ".join(item.notes))),
    }


def _selection(item: Selection, level: str) -> str:
    """A selection model's chances of publication in one sentence."""
    first, *others = item.chances
    names = {"selection_3": "one step", "selection_4": "two steps"}
    told = "; ".join(
        f"p {_p(c.above)} to {_p(c.upto)}: {wording.number_text(c.chance, 2)} "
        f"{wording.interval_text(c.low, c.high, NumberFormat(2))} ({c.count} studies)"
        for c in others
    )
    return (
        f"Selection model ({names[item.code]}): chance of publication relative to that of "
        f"one-sided p up to {_p(first.upto)} ({first.count} studies; small p for {item.favours} "
        f"values), with {level}: {told}. Test of equal chances: χ² = "
        f"{wording.number_text(item.lrt, 2)} (df = {item.df}, {wording.p_text(item.p_value)})"
    )


def _p(value: float) -> str:
    return f"{value:g}"


def _fail_safe(item: FailSafe) -> str:
    return f"{item.name}: {wording.count_text(item.studies)} (undone at {item.undone})"


def _refused(found: SmallStudyEffects) -> list[str]:
    """Each reason once, with what it refuses."""
    named: dict[str, list[str]] = {}
    everything: tuple[SmallStudyTest | AdjustedEstimate | FailSafe, ...] = (
        *found.tests,
        *found.adjusted,
        *found.fail_safe,
    )
    for item in everything:
        if item.refused:
            named.setdefault(item.refused, []).append(item.name)
    return [
        f"{', '.join(dict.fromkeys(names))}: {wording.typeset(why)}" for why, names in named.items()
    ]
