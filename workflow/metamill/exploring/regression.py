"""Meta-regression of the primary analysis's effects on one moderator at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from metamill.config.methods import is_inverse_variance
from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.estimating.data import known
from metamill.estimating.scales import natural_limits, natural_value, predicts
from metamill.exploring.moderators import Design, NoRegression, design
from metamill.measures.registry import MEASURES
from metamill.pooling.policy import POLICY, permission
from metamill.pooling.regression import RegressionFit, predict, regress
from metamill.results import (
    Coefficient,
    LeftOut,
    Pooled,
    Regression,
    RegressionMean,
    RegressionPoint,
)

LEAST = next(entry.least for entry in POLICY if entry.meta_regression)
"""Fewer studies that say the moderator are not regressed on it."""
_HALF = 0.5


def regressions(
    moderators: Sequence[str],
    model: Model,
    data: Data,
    rows: Sequence[int],
    cells: Sequence[Mapping[str, str]],
    primary: Pooled,
) -> tuple[Regression, ...]:
    """One univariable mixed-effects meta-regression per moderator.

    `data` is what the primary analysis pools, `rows` (indices in the result) and `cells` are its
    rows in the same order, `primary` is what came of it. Inverse-variance models are regressed by
    their own method and test; proportions and rates of a GLMM by REML and adhoc, which the notes
    say. Rows that do not say the moderator are listed and left out. What cannot be regressed
    carries the reason in its first note and has no coefficients.
    """
    return tuple(_regression(name, model, data, rows, cells, primary) for name in moderators)


def _regression(
    moderator: str,
    model: Model,
    data: Data,
    rows: Sequence[int],
    cells: Sequence[Mapping[str, str]],
    primary: Pooled,
) -> Regression:
    said = np.array([bool(row.get(moderator)) for row in cells], bool)
    reason = f"{moderator} is not reported"
    left_out = tuple(
        LeftOut(row, reason) for row, there in zip(rows, said, strict=True) if not there
    )
    base = Regression(moderator, k=int(said.sum()), left_out=left_out)
    used = [i for i, there in enumerate(said) if there]
    try:
        _refuse_model(model, primary)
        _refuse_few(moderator, base.k)
        terms = design(moderator, [cells[i][moderator] for i in used])
        base = replace(
            base,
            kind=terms.kind,
            levels=terms.levels,
            reference=terms.levels[0] if terms.levels else "",
            centre=terms.centre,
        )
        part = data.take(said)
        own = is_inverse_variance(model.method)
        if not own and part.effects.corrected.mean() > _HALF:
            raise NoRegression(
                "more than half of the studies have no event or nothing but events: their effects "
                "would be made by the continuity correction, and so would the regression"
            )
        by = model if own else replace(model, method="REML", test="adhoc")
        fit = regress(
            part.effects.yi,
            part.effects.vi,
            terms.columns,
            by.method,
            by.test,
            by.level,
            terms.names,
        )
        if fit.widened == 0:
            raise NoRegression(
                "the effects lie exactly on the line, so Knapp-Hartung has no width: no interval; "
                "test: adhoc gives one"
            )
    except (NoRegression, ArithmeticError) as why:
        return replace(base, notes=(f"no meta-regression: {why}",))
    means = _means(fit, terms, part, by)
    return replace(
        base,
        method=by.method,
        test=by.test,
        **_numbers(fit, terms.names, by),
        means=means,
        points=_points(fit, terms, part, by, [rows[i] for i in used]),
        notes=(*_notes(model, by, part, fit, means), *_one_decides(fit, terms)),
    )


def _refuse_model(model: Model, primary: Pooled) -> None:
    one_group = MEASURES[model.measure].null is None
    if model.dependent:
        raise NoRegression("rows of one study depend on each other, which it would not know")
    if model.method == "GLMM" and not one_group:
        raise NoRegression(
            "the mixed model of two groups has no moderators here, and the continuity correction "
            "would decide the ratio of every study with an empty group; method: REML regresses "
            "ratios as they are pooled there"
        )
    if model.method != "GLMM" and not is_inverse_variance(model.method):
        raise NoRegression(f"method {model.method} has no moderators here")
    if model.test == "pl":
        raise NoRegression("test pl gives no limits of coefficients; test: adhoc, t or z does")
    if not primary.pooled:
        raise NoRegression("the primary analysis pools nothing")


def _refuse_few(moderator: str, k: int) -> None:
    if k >= LEAST:
        return
    if k == 0:
        raise NoRegression(f"no study says {moderator}")
    studies = "one study says" if k == 1 else f"{k} studies say"
    raise NoRegression(f"{studies} {moderator}, fewer than the {LEAST} that it takes")


def _numbers(fit: RegressionFit, names: Sequence[str], model: Model) -> dict[str, Any]:
    has_null = MEASURES[model.measure].null is not None
    equal = model.method == "EE"
    return {
        "coefficients": tuple(
            Coefficient(
                term,
                b=float(fit.b[i]),
                se=float(fit.se[i]),
                low=float(fit.low[i]),
                high=float(fit.high[i]),
                statistic=float(fit.statistic[i]) if i or has_null else None,
                p_value=float(fit.p_value[i]) if i or has_null else None,
            )
            for i, term in enumerate(names)
        ),
        "df": None if np.isnan(fit.df) else int(fit.df),
        "tau2": None if equal else float(fit.tau2),
        "tau2_without": known(fit.tau2_alone),
        "r2": known(fit.r2),
        "i2": float(fit.i2),
        "h2": float(fit.h2),
        "q": float(fit.qe),
        "q_df": fit.qe_df,
        "q_p": float(fit.qe_p),
        "qm": float(fit.qm),
        "qm_df": fit.qm_df,
        "qm_p": float(fit.qm_p),
    }


def _means(
    fit: RegressionFit, terms: Design, data: Data, model: Model
) -> tuple[RegressionMean, ...]:
    found = predict(fit, terms.places, model.level, model.prediction_interval)
    predicted = predicts(model, permission(fit.k)) and np.isfinite(found.pi_low).all()
    means = []
    for i, (x, level) in enumerate(
        zip(terms.at, terms.levels or ("",) * len(terms.at), strict=True)
    ):
        limits = natural_limits(float(found.low[i]), float(found.high[i]), data, model)
        new = (
            natural_limits(float(found.pi_low[i]), float(found.pi_high[i]), data, model)
            if predicted
            else (None, None)
        )
        mean = natural_value(float(found.mean[i]), data, model)
        means.append(RegressionMean(x, level, mean, *limits, *new))
    return tuple(means)


def _points(
    fit: RegressionFit, terms: Design, data: Data, model: Model, rows: Sequence[int]
) -> tuple[RegressionPoint, ...]:
    effects = data.effects
    return tuple(
        RegressionPoint(
            row,
            x,
            level,
            natural_value(float(effects.yi[i]), data, model),
            float(fit.weights[i]),
            bool(effects.corrected[i]),
        )
        for i, (row, x, level) in enumerate(zip(rows, terms.x, terms.of, strict=True))
    )


def _notes(
    model: Model, by: Model, data: Data, fit: RegressionFit, means: Sequence[RegressionMean]
) -> tuple[str, ...]:
    notes = []
    if by.method != model.method:
        scale = "logit" if model.measure == "PLO" else "log"
        notes.append(
            f"inverse variance on the {scale} scale by {by.method} and test {by.test}; the mixed "
            "model that pools the studies has no moderators here"
        )
    corrected = int(data.effects.corrected.sum())
    if corrected:
        notes.append(f"continuity correction in {corrected} of {fit.k} rows")
    if by.method == "EE":
        notes.append("equal effects: no residual tau2, no R2 and no prediction; I2 and H2 from Q")
    elif np.isnan(fit.r2):
        notes.append("no R2: tau2 is 0 without the moderator")
    if fit.dispersion == 0 and by.prediction and by.prediction_interval == "knha":
        notes.append("no prediction: the effects lie on the line, so Knapp-Hartung has no width")
    ends = {x for x in MEASURES[model.measure].bounds if np.isfinite(x)}
    if any(ends & {m.mean, m.ci_low, m.ci_high, m.pi_low, m.pi_high} for m in means):
        notes.append("means and limits beyond the range of the measure are cut there")
    if model.measure == "PFT":
        notes.append("double arcsine: turned back at the harmonic mean of the study sizes")
    return tuple(notes)


def _one_decides(fit: RegressionFit, terms: Design) -> tuple[str, ...]:
    """A note where one study holds more than half of what is known of the slope."""
    if terms.kind != "numeric":
        return ()
    x = terms.columns[:, 1]
    parts = fit.weights * (x - np.average(x, weights=fit.weights)) ** 2
    share = float(parts.max() / parts.sum())
    if share <= _HALF:
        return ()
    return (f"one study decides {100 * share:.0f}% of the slope, by its weight and its distance",)
