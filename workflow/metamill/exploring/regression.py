"""Meta-regressions of the primary analysis's effects, each on one moderator or on several."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from metamill.config.settings import Explorations, Model, Moderators
from metamill.estimating import Data
from metamill.estimating.data import known
from metamill.estimating.scales import natural_limits, natural_value, predicts
from metamill.explored.common import LeftOut
from metamill.explored.regression import (
    Coefficient,
    Permutations,
    Regression,
    RegressionMean,
    RegressionPart,
    RegressionPoint,
)
from metamill.exploring.moderators import Design, NoRegression, design
from metamill.exploring.permutations import Permuted, permutation_test
from metamill.exploring.regression_models import Regressed, refuse_model, regressed
from metamill.exploring.regression_tests import Inflation, inflation
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES
from metamill.pooling.policy import POLICY, permission
from metamill.results import Pooled

LEAST = next(entry.least for entry in POLICY if entry.meta_regression)
"""Fewer studies that say the moderators are not regressed on them; a coefficient should have as
many (Cochrane Handbook 10.11.4)."""
TOGETHER = " + "
"""Between the names of several moderators."""
_HALF = 0.5


def regressions(
    moderators: Sequence[Moderators],
    model: Model,
    data: Data,
    rows: Sequence[int],
    cells: Sequence[Mapping[str, str]],
    primary: Pooled,
    explorations: Explorations,
) -> tuple[Regression, ...]:
    """One mixed-effects meta-regression for each of `moderators`.

    `data` is what the primary analysis pools, `rows` (indices in the result) and `cells` are its
    rows in the same order, `primary` is what came of it. The primary analysis's own method and test
    regress; where its mixed model has no answer REML and adhoc do, which the notes say. Rows that
    do not say a moderator are listed and left out. What cannot be regressed carries the reason in
    its first note and has no coefficients. `explorations` say how many permutations are tried.
    """
    return tuple(
        _regression(item, model, data, rows, cells, primary, explorations) for item in moderators
    )


def _regression(
    asked: Moderators,
    model: Model,
    data: Data,
    rows: Sequence[int],
    cells: Sequence[Mapping[str, str]],
    primary: Pooled,
    explorations: Explorations,
) -> Regression:
    unsaid = [[name for name in asked.columns if not row.get(name)] for row in cells]
    left_out = tuple(
        LeftOut(row, f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not reported")
        for row, names in zip(rows, unsaid, strict=True)
        if names
    )
    said = np.array([not names for names in unsaid], bool)
    used = np.flatnonzero(said).tolist()
    part = data.take(said)
    k = len(np.unique(part.study)) if len(used) else 0
    base = Regression(TOGETHER.join(asked.columns), k=k, left_out=left_out)
    if len(asked.columns) > 1:
        base = replace(base, kind="several")
    try:
        refuse_model(model, primary)
        _refuse_few(asked.columns, base.k)
        said_cells = {name: [cells[i][name] for i in used] for name in asked.columns}
        made = design(said_cells, asked.reference)
        base = replace(base, **_about(made))
        found = regressed(model, part, made.columns, made.names)
    except (NoRegression, ArithmeticError) as why:
        return replace(base, notes=(f"no meta-regression: {why}",))
    tried, told = _permuted(found, made, part, explorations)
    drawn = _drawn(found, made, part, [rows[i] for i in used])
    by = found.model
    notes = (
        *found.notes,
        *_notes(by, found, made, base.k, [m for item in drawn for m in item.means]),
        *_one_decides(found, made),
    )
    base = replace(
        base,
        method=by.method,
        test=by.test,
        **_numbers(found, made, tried),
        permutations=told,
        notes=notes,
    )
    if base.kind == "several":
        return replace(base, parts=drawn, points=_several_points(found, part, rows, used))
    return replace(base, means=drawn[0].means, points=drawn[0].points)


def _refuse_few(columns: Sequence[str], k: int) -> None:
    if k >= LEAST:
        return
    names = " and ".join(columns)
    if k == 0:
        raise NoRegression(f"no study says {names}")
    studies = "one study says" if k == 1 else f"{k} studies say"
    raise NoRegression(f"{studies} {names}, fewer than the {LEAST} that it takes")


def _about(made: Design) -> dict[str, Any]:
    if len(made.terms) > 1:
        return {}
    (term,) = made.terms
    return {
        "kind": term.kind,
        "levels": term.levels,
        "reference": term.reference,
        "centre": term.centre,
    }


def _numbers(found: Regressed, made: Design, tried: Permuted | None) -> dict[str, Any]:
    fit, model = found.fit, found.model
    qm, qm_df, qm_df2, qm_p = found.together(tuple(range(1, len(made.names))))
    has_null = MEASURES[model.measure].null is not None
    inflated = inflation(fit.covariance, made.own)
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
                vif=float(inflated.vif[i - 1]) if i else None,
                permutation_p=float(tried.p[i]) if i and tried else None,
                permutation_se=float(tried.se[i]) if i and tried else None,
                df=None if found.df is None else float(found.df[i]),
            )
            for i, term in enumerate(made.names)
        ),
        "df": None if np.isnan(fit.df) else int(fit.df),
        "tau2": None if model.method == "EE" else float(fit.tau2),
        "tau2_without": known(fit.tau2_alone),
        "r2": known(fit.r2),
        "i2": known(fit.i2),
        "h2": known(fit.h2),
        "q": known(fit.qe),
        "q_df": None if np.isnan(fit.qe) else fit.qe_df,
        "q_p": known(fit.qe_p),
        "q_test": found.q_test,
        "qm": known(qm),
        "qm_df": qm_df,
        "qm_df2": known(qm_df2),
        "qm_p": known(qm_p),
        "tests": found.tests,
    }


def _permuted(
    found: Regressed, made: Design, data: Data, explorations: Explorations
) -> tuple[Permuted | None, Permutations | None]:
    most = explorations.permutations
    if most == 0:
        return None, None
    if found.permuted is None:
        return None, Permutations(note=found.not_permuted)
    if most == 1:
        return None, Permutations(note="one order is no permutation test")
    most = min(most, found.orders or most)
    observed = found.fit.statistic, float(found.fit.qm)
    if not (np.isfinite(observed[0]).all() and np.isfinite(observed[1])):
        return None, Permutations(note="the effects lie on the line: there is no statistic")
    named = np.lexsort((data.effects.vi, data.effects.yi))
    tried = permutation_test(made.columns, observed, found.permuted, most, explorations.seed, named)
    seed = None if tried.exact else explorations.seed
    told = Permutations(tried.exact, tried.orders, tried.possible, seed, tried.qm_p, tried.qm_se)
    return tried, told


def _drawn(
    found: Regressed, made: Design, data: Data, rows: Sequence[int]
) -> tuple[RegressionPart, ...]:
    """Each moderator with its means and studies, the others at their centre or reference."""
    inflated = inflation(found.fit.covariance, made.own)
    return tuple(
        _part(found, made, index, data, rows, inflated) for index in range(len(made.terms))
    )


def _part(
    found: Regressed, made: Design, index: int, data: Data, rows: Sequence[int], vif: Inflation
) -> RegressionPart:
    term, own, fit = made.terms[index], made.own[index], found.fit
    others = [j for j in range(1, len(made.names)) if j not in own]
    moved = made.columns[:, others] @ fit.b[others] if others else np.zeros(len(term.x))
    qm, qm_df, qm_df2, qm_p = found.together(own)
    return RegressionPart(
        term.moderator,
        term.kind,
        term.levels,
        term.reference,
        term.centre,
        known(qm),
        qm_df,
        known(qm_df2),
        known(qm_p),
        gvif=float(vif.gvif[index]),
        means=_means(found, made, index, data),
        points=_points(found, data, rows, data.effects.yi - moved, term.x, term.of),
    )


def _means(found: Regressed, made: Design, index: int, data: Data) -> tuple[RegressionMean, ...]:
    term, model = made.terms[index], found.model
    at = found.predict(made.places(index))
    predicted = predicts(model, permission(found.fit.k)) and np.isfinite(at.pi_low).all()
    means = []
    for i, (x, level) in enumerate(zip(term.at, term.levels or ("",) * len(term.at), strict=True)):
        limits = natural_limits(float(at.low[i]), float(at.high[i]), data, model)
        new = (
            natural_limits(float(at.pi_low[i]), float(at.pi_high[i]), data, model)
            if predicted
            else (None, None)
        )
        mean = natural_value(float(at.mean[i]), data, model)
        means.append(RegressionMean(x, level, mean, *limits, *new))
    return tuple(means)


def _points(
    found: Regressed,
    data: Data,
    rows: Sequence[int],
    y: Array,
    xs: Sequence[float | None],
    levels: Sequence[str],
) -> tuple[RegressionPoint, ...]:
    return tuple(
        RegressionPoint(
            row,
            x,
            level,
            natural_value(float(y[i]), data, found.model),
            float(found.fit.weights[i]),
            bool(data.effects.corrected[i]),
        )
        for i, (row, x, level) in enumerate(zip(rows, xs, levels, strict=True))
    )


def _several_points(
    found: Regressed, data: Data, rows: Sequence[int], used: Sequence[int]
) -> tuple[RegressionPoint, ...]:
    """The studies of a regression on several moderators, with the effects as regressed."""
    nothing = [None] * len(used)
    return _points(found, data, [rows[i] for i in used], data.effects.yi, nothing, [""] * len(used))


def _notes(
    model: Model, found: Regressed, made: Design, k: int, means: Sequence[RegressionMean]
) -> list[str]:
    fit, notes = found.fit, []
    count = len(made.names) - 1
    if k < LEAST * count:
        notes.append(
            f"{k} studies for {count} coefficients, fewer than {LEAST} for each: what it finds may "
            "be chance"
        )
    if model.method != "EE" and np.isnan(fit.r2):
        without = "moderator" if len(made.terms) == 1 else "moderators"
        notes.append(
            f"no R2: tau2 is 0 without the {without}"
            if fit.tau2_alone == 0
            else f"no R2: tau2 is not known without the {without}"
        )
    ends = {x for x in MEASURES[model.measure].bounds if np.isfinite(x)}
    if any(ends & {m.mean, m.ci_low, m.ci_high, m.pi_low, m.pi_high} for m in means):
        notes.append("means and limits beyond the range of the measure are cut there")
    if model.measure == "PFT":
        notes.append("double arcsine: turned back at the harmonic mean of the study sizes")
    return notes


def _one_decides(found: Regressed, made: Design) -> list[str]:
    """A note for each slope of which one study holds more than half of what is known.

    That is w r^2 of the studies, r what is left of the moderator after regressing it, with the
    weights w, on the other columns.
    """
    weights, notes = found.fit.weights, []
    for term, own in zip(made.terms, made.own, strict=True):
        if term.kind != "numeric":
            continue
        root = np.sqrt(weights)[:, None]
        others = np.delete(made.columns, own, axis=1) * root
        x = made.columns[:, own[0]] * root[:, 0]
        left = x - others @ np.linalg.lstsq(others, x, rcond=None)[0]
        share = float((left**2).max() / (left**2).sum())
        if share > _HALF:
            of = "" if len(made.terms) == 1 else f" of {term.moderator}"
            notes.append(
                f"one study decides {100 * share:.0f}% of the slope{of}, by its weight and its "
                "distance"
            )
    return notes
