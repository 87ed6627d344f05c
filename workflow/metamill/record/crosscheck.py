"""The results once more, beside the numbers of other engines; a difference fails the run.

A number that an engine computes and that is missing among ours is a difference too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from metamill.files import significant
from metamill.pooling.heterogeneity import profile_loglik, typical_variance
from metamill.record import engines
from metamill.record.engines import Array, Numbers
from metamill.results import Analysis, Pooled, Result, SubgroupTest

LOWER_MAXIMUM = "the engine stopped at a tau2 of lower likelihood"
NO_NUMBER = "the engine gives no number"
OF_TAU2 = ("tau2", "tau", "i2", "h2")

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
    checks = [check for item in result.analyses for check in _analysis_checks(result, item)]
    return checks + [
        check for test in result.subgroup_tests for check in _test_checks(result, test)
    ]


def _analysis_checks(result: Result, analysis: Analysis) -> Iterator[Check]:
    pooled = analysis.pooled
    if not pooled.pooled:
        return
    if analysis.settings["method"] == "GLMM":
        cells = [result.rows[effect.row].cells for effect in analysis.effects]
        x, n = (np.array([float(row[name]) for row in cells]) for name in ("events", "total"))
        found = [
            engines.binomial_deviance(x, n),
            engines.dense_grid(x, n, analysis.settings),
        ]
        scale = _scales(pooled, 1.0)
    else:
        y = np.array([effect.yi for effect in analysis.effects])
        v = np.array([effect.vi for effect in analysis.effects])
        null = result.measure.null is not None
        data = engines.Data(y, v, analysis.settings, pooled.tau2 or 0.0, null)
        found = [engines.pymare(data), engines.statsmodels(data)]
        found = [_pardoned(numbers, y, v, analysis) for numbers in found]
        scale = _scales(pooled, float(typical_variance(v[:, None], np.ones((len(v), 1)))[0]))
    for numbers in found:
        yield from _compared(result.outcome, analysis.name, pooled, numbers, scale)


def _scales(pooled: Pooled, typical: float) -> dict[str, float]:
    """What a difference is measured against where the number itself may be near zero."""
    spread = max(pooled.se or 0.0, float(np.sqrt(typical / pooled.k)))
    natural = spread if pooled.estimate == pooled.mu else 1e-3
    return {
        **dict.fromkeys(("mu", "mu_low", "mu_high", "se"), spread),
        **dict.fromkeys(("tau2", "tau2_low", "tau2_high"), typical),
        **dict.fromkeys(("estimate", "ci_low", "ci_high", "pi_low", "pi_high"), natural),
        **dict.fromkeys(("i2", "h2", "q"), 1.0),
        **dict.fromkeys(("p_value", "q_p"), 1e-12),
        "tau": float(np.sqrt(typical)),
    }


def _pardoned(numbers: Numbers, y: Array, v: Array, analysis: Analysis) -> Numbers:
    """Mark a tau2 of PyMARE that is a lower maximum of the likelihood than ours.

    Several maxima occur where sampling variances are very unequal; nothing but tau2 and what
    follows from it is ever excused.
    """
    method = analysis.settings["method"]
    if numbers.engine != "PyMARE" or method not in ("ML", "REML"):
        return numbers
    ours, theirs = (
        profile_loglik(y, v, tau2, method == "REML")
        for tau2 in (analysis.pooled.tau2 or 0.0, numbers.values["tau2"])
    )
    if ours <= theirs + 1e-9:
        return numbers
    notes = numbers.notes | dict.fromkeys(OF_TAU2, LOWER_MAXIMUM)
    return Numbers(numbers.engine, numbers.values, numbers.tolerance, notes)


def _compared(
    outcome: str,
    analysis: str,
    ours_of: Pooled | SubgroupTest,
    numbers: Numbers,
    scale: dict[str, float],
) -> Iterator[Check]:
    for quantity, theirs in numbers.values.items():
        ours = getattr(ours_of, quantity)
        tolerance, note = numbers.tolerance[quantity], numbers.notes.get(quantity, "")
        if ours is None and _refused(ours_of, quantity):
            continue
        if not np.isfinite(theirs):
            difference, theirs_shown, note = 0.0, None, NO_NUMBER
        elif ours is None:
            difference, theirs_shown = float("inf"), theirs
        else:
            size = max(abs(ours), abs(theirs), scale.get(quantity, 0.0))
            difference = float(abs(ours - theirs) / size) if size else 0.0
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


def _refused(ours_of: Pooled | SubgroupTest, quantity: str) -> bool:
    """Whether we withhold the number on purpose: Knapp-Hartung without width has no interval."""
    withheld = ("se", "p_value", "mu_low", "mu_high", "ci_low", "ci_high", "pi_low", "pi_high")
    return (
        isinstance(ours_of, Pooled)
        and quantity in withheld
        and any(note.startswith("the effects are identical") for note in ours_of.notes)
    )


def _test_checks(result: Result, test: SubgroupTest) -> Iterator[Check]:
    if test.q is None:
        return
    parts = [part.pooled for part in result.subgroups(test.column)]
    entering = [(p.mu, p.se) for p in parts if p.pooled and p.mu is not None and p.se]
    mu, se = np.array(entering, float).T
    numbers = engines.subgroup_differences(mu, se)
    name = f"subgroup:{test.column}"
    yield from _compared(result.outcome, name, test, numbers, {"q": 1.0, "q_p": 1e-12})
