"""A meta-regression read back from the cells of its rows for the engines, and by their names.

Levels that share one tau2 are a regression too, of which the engines give every mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from metamill.explored.regression import Regression, RegressionMean, RegressionPart
from metamill.explored.subgroups import SubgroupTest
from metamill.record import tally
from metamill.record.engines import glmm_regression
from metamill.record.engines.normal import Effects
from metamill.record.engines.numbers import Array, Numbers, Question
from metamill.record.engines.regression import Regressed, coefficients, heterogeneity
from metamill.record.recompute import question_of
from metamill.results import Result

_DRAWN = ("ci_low", "ci_high", "pi_low", "pi_high")

Term = Regression | RegressionPart


def terms_of(regression: Regression) -> tuple[Term, ...]:
    """The moderators: several parts, or the regression itself for one."""
    return regression.parts or (regression,)


def recomputed(result: Result, regression: Regression) -> tuple[Question, list[Numbers]]:
    """Coefficients, tests and means at the ends of a line or at the levels; tau2 and shares."""
    of_row = {effect.row: effect for effect in result.primary.effects}
    rows = [point.row for point in regression.points]
    used = replace(
        result.primary,
        effects=tuple(of_row[row] for row in rows),
        settings=result.primary.settings | {"method": regression.method, "test": regression.test},
    )
    question = question_of(result, used, len(rows))
    x, places, blocks = _design(regression, [result.rows[row].cells for row in rows])
    asked = Regressed(
        Effects(
            np.array([effect.yi for effect in used.effects]),
            np.array([effect.vi for effect in used.effects]),
            regression.tau2 or 0.0,
        ),
        x,
        _names(regression),
        places,
        question.null,
        blocks,
    )
    if regression.method == "GLMM":
        rates = question.settings["measure"] == "IRLN"
        columns = ("events", "time" if rates else "total")
        events, size = tally.columns(result, used, columns)
        counted = glmm_regression.Counted(events, size, rates)
        asked = replace(asked, error=glmm_regression.ERROR)
        ours = numbers_of(regression)
        return question, glmm_regression.regression(counted, asked, question, ours)
    if regression.test == "cr2":
        # robust errors are computed once; what they stand beside is weighted least squares
        if regression.method == "RVE":
            return question, []
        plain = dict(question.settings) | {"test": "z", "prediction": False}
        found = coefficients(asked, replace(question, settings=plain))
        estimates = {name: name for name in found.values if name.endswith((", b", ", estimate"))}
        return question, _renamed([found], estimates)
    return question, [coefficients(asked, question), heterogeneity(asked, question)]


def _names_of(term: Term) -> tuple[str, ...]:
    others = [f"{term.moderator}={level}" for level in term.levels[1:]]
    return tuple(others or [term.moderator])


def _names(regression: Regression) -> tuple[str, ...]:
    return ("intercept", *(name for term in terms_of(regression) for name in _names_of(term)))


def _design(
    regression: Regression, rows: Sequence[dict[str, str]]
) -> tuple[Array, Array, tuple[tuple[str, tuple[int, ...]], ...]]:
    """The columns of the rows, those of the places drawn, and each moderator's own columns."""
    terms = terms_of(regression)
    parts = [_columns(term, [row[term.moderator] for row in rows]) for term in terms]
    width = 1 + sum(columns.shape[1] for columns, _ in parts)
    x = _beside_ones(np.hstack([columns for columns, _ in parts]))
    places, blocks, start = [], [], 1
    for term, (columns, drawn) in zip(terms, parts, strict=True):
        own = tuple(range(start, start + columns.shape[1]))
        at = np.zeros((len(drawn), width))
        at[:, 0], at[:, own] = 1.0, drawn
        places.append(at)
        blocks.append((term.moderator, own))
        start += columns.shape[1]
    return x, np.vstack(places), tuple(blocks)


def _columns(term: Term, said: Sequence[str]) -> tuple[Array, Array]:
    if term.centre is not None:
        x = np.array([float(cell) for cell in said])
        ends = np.array([x.min(), x.max()])
        return (x - term.centre)[:, None], (ends - term.centre)[:, None]
    levels = np.array(term.levels)
    of_rows, of_levels = (
        np.equal.outer(np.array(names), levels[1:]).astype(float) for names in (said, levels)
    )
    return of_rows, of_levels


@dataclass(frozen=True)
class Levels:
    """What engines find of levels with one tau2: of the test between them, and of each analysis."""

    question: Question
    test: list[Numbers]
    levels: dict[str, list[Numbers]]


def common_levels(result: Result, test: SubgroupTest) -> Levels | None:
    """The levels of a column with a common tau2; None where no test has one."""
    told = test if test.tau2_of == "common" else test.other
    if told is None or told.tau2_of != "common" or told.q is None or told.tau2 is None:
        return None
    parts = [
        part
        for part in result.subgroups(test.column)
        if part.pooled.pooled and part.pooled.mu is not None
    ]
    effects = tuple(effect for part in parts for effect in part.effects)
    whole = replace(result.primary, effects=effects)
    question = question_of(result, whole, len(effects))
    codes = np.repeat(np.arange(len(parts)), [len(part.effects) for part in parts])
    places = _beside_ones(np.eye(len(parts))[:, 1:])
    data = Effects(
        np.array([effect.yi for effect in effects]),
        np.array([effect.vi for effect in effects]),
        told.tau2,
    )
    names = ("intercept", *(part.name for part in parts[1:]))
    asked = Regressed(data, places[codes], names, places, question.null, levels=True)
    if question.settings["method"] == "GLMM":
        rates = question.settings["measure"] == "IRLN"
        columns = ("events", "time" if rates else "total")
        events, size = tally.columns(result, whole, columns)
        counted = glmm_regression.Counted(events, size, rates)
        first = parts[0].pooled.mu or 0.0
        start = {"intercept, b": first, "tau2": told.tau2, "tau2_without": told.tau2}
        start |= {f"{part.name}, b": (part.pooled.mu or 0.0) - first for part in parts[1:]}
        asked = replace(asked, error=glmm_regression.ERROR)
        found = glmm_regression.regression(counted, asked, question, start)
    else:
        found = [coefficients(asked, question), heterogeneity(asked, question)]
    of_test = {"qm": "q", "qm_df": "q_df", "qm_p": "q_p", "qm_df2": "df", "tau2": "tau2"}
    levels = {
        part.name: [*_renamed(found, {f"mean {i}, {name}": name for name in _OF_A_LEVEL}),
                    *_renamed(found, {"tau2": "tau2"})]
        for i, part in enumerate(parts, 1)
    }  # fmt: skip
    return Levels(question, _renamed(found, of_test), levels)


_OF_A_LEVEL = ("estimate", "mu", "se", "mu_low", "mu_high", "p_value", *_DRAWN)


def _renamed(found: Sequence[Numbers], names: Mapping[str, str]) -> list[Numbers]:
    """What engines found of some names, under others."""
    kept = [
        replace(
            numbers,
            values={names[old]: x for old, x in numbers.values.items() if old in names},
            tolerance={names[old]: x for old, x in numbers.tolerance.items() if old in names},
            notes={names[old]: x for old, x in numbers.notes.items() if old in names},
        )
        for numbers in found
    ]
    return [numbers for numbers in kept if numbers.values]


def _beside_ones(columns: Array) -> Array:
    return np.hstack([np.ones((len(columns), 1)), columns])


def numbers_of(ours: Regression) -> dict[str, float | None]:
    """Every number of ours that the engines have, by the name they give it."""
    found: dict[str, float | None] = {
        item.name: value
        for item in fields(ours)
        if (value := getattr(ours, item.name)) is None or isinstance(value, int | float)
    }
    for name, coefficient in zip(_names(ours), ours.coefficients, strict=True):
        for field in ("b", "se", "low", "high", "statistic", "p_value", "vif"):
            found[f"{name}, {field}"] = getattr(coefficient, field)
    for part in ours.parts:
        for field in ("qm", "qm_df", "qm_p", "gvif"):
            found[f"{part.moderator}, {field}"] = getattr(part, field)
    for test in ours.tests:
        found |= {f"test {test.name}": test.statistic, f"test {test.name}, p": test.p}
        if test.df is not None:
            found[f"test {test.name}, df"] = test.df
    drawn = [mean for term in terms_of(ours) for mean in _compared(term)]
    for i, mean in enumerate(drawn, 1):
        found[f"mean {i}, estimate"] = mean.mean
        found |= {f"mean {i}, {end}": getattr(mean, end) for end in _DRAWN}
    return found


def _compared(term: Term) -> Sequence[RegressionMean]:
    return term.means if term.levels else (term.means[0], term.means[-1])
