"""A meta-regression read back from the cells of its rows for the engines, and by their names."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from metamill.record.engines.normal import Effects
from metamill.record.engines.numbers import Array, Numbers, Question
from metamill.record.engines.regression import Regressed, coefficients, heterogeneity
from metamill.record.recompute import question_of
from metamill.results import Regression, Result

_DRAWN = ("ci_low", "ci_high", "pi_low", "pi_high")


def recomputed(result: Result, regression: Regression) -> tuple[Question, list[Numbers]]:
    """Coefficients, tests and means at the ends of the line or at the levels; tau2 and shares."""
    of_row = {effect.row: effect for effect in result.primary.effects}
    rows = [point.row for point in regression.points]
    used = replace(
        result.primary,
        effects=tuple(of_row[row] for row in rows),
        settings=result.primary.settings | {"method": regression.method, "test": regression.test},
    )
    question = question_of(result, used, len(rows))
    said = [result.rows[row].cells[regression.moderator] for row in rows]
    x, places = _design(regression, said)
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
    )
    return question, [coefficients(asked, question), heterogeneity(asked, question)]


def _names(regression: Regression) -> tuple[str, ...]:
    others = [f"{regression.moderator}={level}" for level in regression.levels[1:]]
    return ("intercept", *(others or [regression.moderator]))


def _design(regression: Regression, said: Sequence[str]) -> tuple[Array, Array]:
    if regression.centre is not None:
        x = np.array([float(cell) for cell in said])
        ends = np.array([x.min(), x.max()])
        columns, places = (a[:, None] - regression.centre for a in (x, ends))
    else:
        levels = np.array(regression.levels)
        columns, places = (
            np.equal.outer(np.array(names), levels[1:]).astype(float) for names in (said, levels)
        )
    return _beside_ones(columns), _beside_ones(places)


def _beside_ones(columns: Array) -> Array:
    return np.hstack([np.ones((len(columns), 1)), columns])


def numbers_of(ours: Regression) -> dict[str, float | None]:
    """Every number of ours that the engines have, by the name they give it."""
    found: dict[str, float | None] = {
        item.name: value
        for item in fields(ours)
        if not isinstance(value := getattr(ours, item.name), str | tuple)
    }
    for name, coefficient in zip(_names(ours), ours.coefficients, strict=True):
        for field in ("b", "se", "low", "high", "statistic", "p_value"):
            found[f"{name}, {field}"] = getattr(coefficient, field)
    drawn = ours.means if ours.levels else (ours.means[0], ours.means[-1])
    for i, mean in enumerate(drawn, 1):
        found[f"mean {i}, estimate"] = mean.mean
        found |= {f"mean {i}, {end}": getattr(mean, end) for end in _DRAWN}
    return found
