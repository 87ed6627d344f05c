"""The results once more, beside the numbers of other engines; a difference fails the run.

A number that an engine computes and that is missing among ours is a difference too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import Any

import numpy as np

from metamill.explored.regression import Regression
from metamill.explored.small_study import SmallStudyEffects
from metamill.explored.subgroups import LevelsTest, SubgroupTest
from metamill.files import significant
from metamill.record import flips, recompute, regressions, small_study
from metamill.record.engines.normal import subgroup_differences
from metamill.record.engines.numbers import Array, Numbers, Question
from metamill.results import Analysis, Pooled, Result

Ours = Pooled | SubgroupTest | LevelsTest | Regression | SmallStudyEffects

LOWER_MAXIMUM = recompute.LOWER_MAXIMUM
NO_NUMBER = "the engine gives no number"

COLUMNS = (
    "outcome,analysis,quantity,ours,engine,version,theirs,difference,tolerance,agrees,note"
).split(",")


@dataclass(frozen=True)
class Check:
    """One number of ours beside an engine's; None where one of them has no number."""

    outcome: str
    analysis: str
    quantity: str
    ours: float | None
    engine: str
    theirs: float | None
    difference: float
    tolerance: float
    note: str = ""

    @property
    def agrees(self) -> bool:
        return self.difference <= self.tolerance or self.note == LOWER_MAXIMUM

    def row(self) -> dict[str, Any]:
        """A row of crosscheck.csv."""
        values = {name: getattr(self, name) for name in COLUMNS if name != "version"}
        return values | {
            "version": version(self.engine.lower()),
            "difference": significant(self.difference, 2),
            "tolerance": significant(self.tolerance, 2),
        }


def crosscheck(result: Result) -> list[Check]:
    """Every number of `result` that an engine can recompute."""
    known: recompute.Known = {}
    checks = [
        check
        for item in result.analyses
        if not item.common_tau2
        for check in _analysis_checks(result, item, known)
    ]
    checks += [check for test in result.subgroup_tests for check in _test_checks(result, test)]
    checks += _small_study_checks(result)
    checks += _flip_checks(result)
    return checks + [
        check for item in result.regressions for check in _regression_checks(result, item)
    ]


def _analysis_checks(result: Result, analysis: Analysis, known: recompute.Known) -> Iterator[Check]:
    pooled = analysis.pooled
    question, found = recompute.recomputed(result, analysis, numbers_of(pooled), known)
    for numbers in found:
        yield from _compared(result.outcome, analysis.name, pooled, numbers, question)


def numbers_of(ours: Ours) -> dict[str, float | None]:
    """Every number of ours by the name that engines give it."""
    if isinstance(ours, Regression):
        return regressions.numbers_of(ours)
    if isinstance(ours, SmallStudyEffects):
        return small_study.numbers_of(ours)
    found: dict[str, float | None] = {
        field.name: value
        for field in fields(ours)
        if not isinstance(value := getattr(ours, field.name), str | bool | tuple | LevelsTest)
    }
    if not isinstance(ours, Pooled):
        return found
    for test in ours.tests:
        found[f"test {test.name}"], found[f"test {test.name}, p"] = test.statistic, test.p
        if test.df is not None:
            found[f"test {test.name}, df"] = test.df
    for item in ours.beyond:
        found[f"beyond {item.threshold:.10g}"] = item.above
    for quantity in ours.also:
        name = f"also {quantity.name}"
        found |= {name: quantity.value, f"{name}, low": quantity.low}
        found[f"{name}, high"] = quantity.high
    return found


def _compared(
    outcome: str,
    analysis: str,
    ours_of: Ours,
    numbers: Numbers,
    question: Question,
) -> Iterator[Check]:
    all_ours = numbers_of(ours_of)
    for quantity, theirs in numbers.values.items():
        ours = all_ours.get(quantity)
        tolerance, note = numbers.tolerance[quantity], numbers.notes.get(quantity, "")
        if ours is None and _refused(ours_of, quantity):
            continue
        if not np.isfinite(theirs):
            difference, theirs_shown, note = 0.0, None, NO_NUMBER
        elif ours is None:
            difference, theirs_shown = float("inf"), theirs
        else:
            size = max(abs(ours), abs(theirs), question.size(quantity))
            difference = float(abs(ours - theirs) / size)
            theirs_shown = theirs
        if note == LOWER_MAXIMUM and difference <= tolerance:
            note = ""
        yield Check(
            outcome,
            analysis,
            quantity,
            ours,
            numbers.engine,
            theirs_shown,
            difference,
            tolerance,
            note,
        )


_WITHHELD = ("se", "p_value", "mu_low", "mu_high", "ci_low", "ci_high", "pi_low", "pi_high")


def _refused(ours_of: Ours, quantity: str) -> bool:
    """Whether we withhold the number on purpose: Knapp-Hartung without width has no interval."""
    return (
        isinstance(ours_of, Pooled)
        and (quantity in _WITHHELD or quantity.startswith("beyond "))
        and any(note.startswith("the effects are identical") for note in ours_of.notes)
    )


def _test_checks(result: Result, test: SubgroupTest) -> Iterator[Check]:
    """The tests between levels, and the means of levels that share one tau2.

    Of the means that a test with separate tau2 compares the result has none where the levels share
    one: then it stands unchecked.
    """
    found = regressions.common_levels(result, test)
    common = test if test.tau2_of == "common" else test.other
    if found is not None and common is not None:
        name = f"subgroup:{test.column}, common tau2"
        for numbers in found.test:
            yield from _compared(result.outcome, name, common, numbers, found.question)
        for part in result.subgroups(test.column) if test.tau2_of == "common" else ():
            for numbers in found.levels.get(part.name, ()) if part.common_tau2 else ():
                yield from _compared(
                    result.outcome, part.name, part.pooled, numbers, found.question
                )
    if test.q is None or test.tau2_of != "separate":
        return
    parts = [part.pooled for part in result.subgroups(test.column)]
    entering = [(p.mu, p.se) for p in parts if p.pooled and p.mu is not None and p.se]
    values: Array = np.array(entering, float).T
    question = recompute.question_of(result, result.primary, len(entering))
    numbers = subgroup_differences(question, *values)
    name = f"subgroup:{test.column}"
    yield from _compared(result.outcome, name, test, numbers, question)


def _flip_checks(result: Result) -> Iterator[Check]:
    for quantity, ours, theirs in flips.recomputed(result):
        apart = abs(ours - theirs) / abs(ours) if np.isfinite(theirs) else float("inf")
        shown = theirs if np.isfinite(theirs) else None
        yield Check(
            result.outcome, "primary", quantity, ours, "scipy", shown, apart, flips.TOLERANCE
        )


def _regression_checks(result: Result, regression: Regression) -> Iterator[Check]:
    if not regression.coefficients:
        return
    question, found = regressions.recomputed(result, regression)
    for numbers in found:
        name = f"regression:{regression.moderator}"
        yield from _compared(result.outcome, name, regression, numbers, question)


def _small_study_checks(result: Result) -> Iterator[Check]:
    ours = result.explored.small_study
    if ours is None or ours.reason:
        return
    question, found = small_study.recomputed(result, ours)
    for numbers in found:
        yield from _compared(result.outcome, "small-study effects", ours, numbers, question)
