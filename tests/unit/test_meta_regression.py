"""Meta-regression: the kernel's properties, and from rows to results what is refused and said."""

import csv
import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metamill.analysis import analyse
from metamill.config.load import load_review
from metamill.config.settings import (
    Explorations,
    Model,
    Moderators,
    Outcome,
    Plan,
    outcome_from_dict,
)
from metamill.errors import ConfigError
from metamill.explored.regression import Regression
from metamill.jobs import plan
from metamill.pooling import pool
from metamill.pooling.glmm_regression import regress_proportions, regress_rates
from metamill.pooling.identified import NotIdentified
from metamill.pooling.predictive import PREDICTIONS
from metamill.pooling.regression import TESTS, predict, regress
from metamill.pooling.residual_tau2 import METHODS, fitted, residual_tau2
from metamill.record.crosscheck import crosscheck
from metamill.results import Result, read, write
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

Y = np.array([0.31, 0.22, 0.82, 0.75, -0.41, 0.61, -0.31, 0.74, 0.42, 1.13, -0.2, 0.1])
V = np.array([0.01, 0.02, 0.005, 0.04, 0.015, 0.008, 0.02, 0.01, 0.03, 0.02, 0.01, 0.005])
YEARS = np.array([2004, 2011, 1999, 2003, 2012, 1996, 2009, 2001, 2010, 1998, 2015, 2006.0])
SIDES = ["b", "b", "a", "c", "b", "a", "c", "a", "b", "a", "c", "b"]
ONES = np.ones(len(Y))


def line(x=YEARS):
    return np.column_stack([ONES, x])


def rel(value, expected, limit):
    return np.allclose(value, expected, rtol=limit, atol=0)


# ---- kernel ----


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("method", METHODS)
def test_an_intercept_alone_is_the_pool(method, test):
    fit, whole = regress(Y, V, ONES[:, None], method, test), pool(Y, V, method, test)
    found = (fit.b[0], fit.se[0], fit.low[0], fit.high[0], fit.p_value[0], fit.i2, fit.h2, fit.qe)
    expected = (whole.mu, whole.se, whole.mu_low, whole.mu_high, whole.p_value)
    assert rel(found, (*expected, whole.i2, whole.h2, whole.q), 1e-11)
    assert abs(fit.tau2 - whole.tau2) <= 1e-12 * V.mean()
    assert rel(fit.weights, whole.weights, 1e-11)


@pytest.mark.parametrize("method", METHODS)
def test_a_shift_or_another_unit_of_the_moderator_moves_only_what_it_must(method):
    fit = regress(Y, V, line(YEARS - 2005), method)
    raw, decades = regress(Y, V, line(), method), regress(Y, V, line((YEARS - 2005) / 1e9), method)
    assert rel(raw.b[1], fit.b[1], 1e-10) and rel(raw.se[1], fit.se[1], 1e-10)
    assert rel(raw.b[0], fit.b[0] - 2005 * fit.b[1], 1e-10)
    assert rel([raw.qm, raw.h2], [fit.qm, fit.h2], 1e-10)
    assert rel([decades.b[1], decades.se[1]], [1e9 * fit.b[1], 1e9 * fit.se[1]], 1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_effects_moved_along_a_line_have_the_same_scatter(method):
    before = regress(Y, V, line(YEARS - 2005), method)
    after = regress(Y + 3 - 0.5 * (YEARS - 2005), V, line(YEARS - 2005), method)
    assert rel(after.b, before.b + np.array([3, -0.5]), 1e-11) or method == "SJ"
    if method == "SJ":
        return  # starts from the variance about the mean, line and all
    assert rel([after.qe, after.h2], [before.qe, before.h2], 1e-10)


@pytest.mark.parametrize("unit", [1e-30, 1e-6, 1e30])
@pytest.mark.parametrize("method", METHODS)
def test_units_of_the_effect_change_nothing_else(method, unit):
    fit, other = (regress(Y * u, V * u**2, line(), method) for u in (1.0, unit))
    assert rel(other.b, fit.b * unit, 1e-11) and rel(other.se, fit.se * unit, 1e-11)
    assert rel([other.qe, other.qm, other.qm_p], [fit.qe, fit.qm, fit.qm_p], 1e-10)
    assert rel(other.tau2, fit.tau2 * unit**2, 1e-10)


@settings(derandomize=True, max_examples=40, deadline=None, database=None)
@given(st.permutations(range(len(Y))), st.sampled_from(METHODS))
def test_the_order_of_the_studies_does_not_matter(order, method):
    fit = regress(Y, V, line(), method)
    other = regress(Y[order], V[order], line()[order], method)
    assert rel(other.b, fit.b, 1e-9) and rel(other.se, fit.se, 1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_data_set_has_the_same_bits_alone_and_among_others(method):
    rng = np.random.default_rng(7)
    order = np.argsort(rng.random((len(Y), 5)), axis=0)
    y, v = Y[order], V[order]
    together = regress(y, v, line(), method)
    for column in range(5):
        alone = regress(y[:, column], v[:, column], line(), method)
        assert (alone.b == together.b[:, column]).all()
        assert alone.tau2 == together.tau2[column] and alone.qm == together.qm[column]


def restricted_height(tau2, x, restricted):
    """The log-likelihood by dense matrices."""
    variance = np.diag(V + tau2)
    inverse = np.linalg.inv(variance)
    information = x.T @ inverse @ x
    residual = Y - x @ np.linalg.solve(information, x.T @ inverse @ Y)
    height = -0.5 * np.linalg.slogdet(variance)[1] - 0.5 * residual @ inverse @ residual
    return height - 0.5 * np.linalg.slogdet(information)[1] * restricted


@pytest.mark.parametrize(("method", "restricted"), [("ML", False), ("REML", True)])
def test_no_tau2_has_a_higher_likelihood(method, restricted):
    x = np.column_stack([ONES, YEARS - 2005, Y.round(0) + (YEARS - 2005) ** 2 / 50])
    fit = regress(Y, V, x, method)
    best = restricted_height(fit.tau2, x, restricted)
    others = [restricted_height(t, x, restricted) for t in [0.0, *np.geomspace(1e-6, 10, 400)]]
    assert best >= max(others) - 1e-12


def test_the_higher_of_two_maxima_wins():
    y = np.array([-0.21, 1, -1.15, 0.4, -2.81, -0.11])
    v = np.array([0.004, 18.459, 1.358, 0.139, 0.475, 0.053])
    ones = np.ones((6, 1))
    for method in ("ML", "REML"):
        assert regress(y, v, ones, method).tau2 == pytest.approx(pool(y, v, method).tau2, rel=1e-9)
        assert regress(y, v, ones, method).tau2 > 0.7


def test_a_moment_estimator_solves_its_equation():
    x = line(YEARS - 2005)
    for method in ("PM", "EB"):
        fit = regress(Y, V, x, method)
        at = fitted(Y[:, None], V[:, None], x, np.array([fit.tau2]))
        assert at.q[0] == pytest.approx(len(Y) - 2, rel=1e-12)


def test_tested_columns_may_be_chosen_and_all_but_the_intercept_are_by_default():
    x = np.column_stack([YEARS - 2005, ONES, np.arange(12.0) % 3])
    fit = regress(Y, V, x, test="z")
    assert fit.tested == (0, 2) and fit.qm_df == 2
    part = [0, 2]
    b, c = fit.b[part], fit.covariance[np.ix_(part, part)]
    assert fit.qm == pytest.approx(b @ np.linalg.solve(c, b), rel=1e-11)
    one = regress(Y, V, x, test="z", tested=[2])
    assert one.qm == pytest.approx(float(one.statistic[2]) ** 2, rel=1e-11)
    assert rel(one.b, fit.b, 1e-12)


def test_adhoc_is_never_narrower_than_t_and_is_knha_where_that_is_wider():
    near, far = regress(Y, V, line(), "SJ", "adhoc"), regress(Y, V, line(), "EE", "adhoc")
    for fit, method in ((near, "SJ"), (far, "EE")):
        t, knha = (regress(Y, V, line(), method, test) for test in ("t", "knha"))
        assert rel(fit.se, np.maximum(t.se, knha.se), 1e-13)
    assert near.dispersion < 1 < far.dispersion


def test_a_prediction_is_wider_than_the_mean_and_narrowest_in_the_middle():
    x = np.linspace(YEARS.min(), YEARS.max(), 9) - 2005
    found = predict(regress(Y, V, line(YEARS - 2005)), np.column_stack([np.ones(9), x]))
    assert (found.pi_low < found.low).all() and (found.high < found.pi_high).all()
    assert np.argmin(found.high - found.low) not in (0, 8)


def test_permutations_share_one_design_and_need_only_their_tau2():
    rng = np.random.default_rng(1)
    order = np.argsort(rng.random((len(Y), 1000)), axis=0)
    y, v = Y[order], V[order]
    at = fitted(y, v, line(YEARS - 2005), residual_tau2(y, v, line(YEARS - 2005), "DL"))
    whole = regress(y, v, line(YEARS - 2005), "DL", "z")
    assert rel(at.along[-1] ** 2, whole.qm, 1e-11)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([ONES, 0 * ONES], "two is zero in every study"),
        ([ONES, 2000 * ONES], "two is the same in every study"),
        ([ONES, YEARS, 3 * YEARS - 7], "three follows from one, two"),
        ([ONES, YEARS * 1e-6 + 1e3], "two follows from one"),
        ([ONES, YEARS, YEARS + 1e-9 * Y], "three follows from one, two"),
    ],
)
@pytest.mark.fault("A16")
@pytest.mark.fault("A18")
def test_a_design_that_tells_nothing_is_refused_by_name(columns, words):
    names = ("one", "two", "three")[: len(columns)]
    with pytest.raises(NotIdentified, match=words):
        regress(Y, V, np.column_stack(columns), names=names)


@pytest.mark.fault("A17")
def test_as_many_coefficients_as_studies_are_refused():
    with pytest.raises(NotIdentified, match="2 studies do not tell 2 coefficients"):
        regress(Y[:2], V[:2], line(YEARS)[:2])
    with pytest.raises(NotIdentified, match="column 2 is the same in every study"):
        regress(Y[:1], V[:1], line(YEARS)[:1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("y", [0 * Y, 0 * Y + 0.3], ids=["zero", "identical"])
def test_identical_effects_have_no_slope_and_no_heterogeneity(method, y):
    fit = regress(y, V, line(YEARS - 2005), method, "adhoc")
    assert fit.tau2 == 0 and fit.dispersion == 0
    assert abs(fit.b[1]) <= 1e-16 and np.isnan(fit.r2)
    assert rel(fit.se, regress(y, V, line(YEARS - 2005), "EE", "z").se, 1e-12)


def test_knapp_hartung_has_no_width_on_a_line():
    fit = regress(0.3 - 0.02 * YEARS, V, line(YEARS - 2005), test="knha")
    assert fit.widened == 0 and (fit.se == 0).all()


@pytest.mark.parametrize(
    ("y", "v", "x", "words"),
    [
        (Y, V[:-1], line(), "both must be"),
        (Y, V, line()[:-1], "must be \\(k, p\\)"),
        (Y, V, YEARS, "must be \\(k, p\\)"),
        (Y, -V, line(), "variances"),
        (Y * np.nan, V, line(), "finite"),
        (Y, V, line(YEARS * np.inf), "left out"),
    ],
)
def test_input_that_is_not_data_is_refused(y, v, x, words):
    with pytest.raises(ValueError, match=words):
        regress(y, v, x)


@pytest.mark.parametrize("wrong", [{"method": "GLMM"}, {"test": "pl"}])
def test_an_unknown_method_or_test_is_refused(wrong):
    with pytest.raises(KeyError):
        regress(Y, V, line(), **wrong)


def test_predictions_are_made_at_points_of_one_fit():
    with pytest.raises(ValueError, match="points have shape"):
        predict(regress(Y, V, line()), [[1.0, 2.0, 3.0]])
    many = regress(np.column_stack([Y, Y]), np.column_stack([V, V]), line())
    with pytest.raises(ValueError, match="one data set"):
        predict(many, [[1.0, 2.0]])


# ---- from rows to results ----


def table(*cells: dict[str, str]) -> tuple[TableRow, ...]:
    named = [{"study": f"S{i}", "unit": "patient"} | c for i, c in enumerate(cells)]
    return tuple(TableRow(i + 2, c) for i, c in enumerate(named))


def effects(**more: list[str]) -> tuple[TableRow, ...]:
    """Twelve effects with years and sides; `more` replaces or adds columns."""
    columns = {"year": [f"{x:.0f}" for x in YEARS], "side": SIDES} | more
    return table(
        *(
            {"yi": str(y), "vi": str(v), **{name: cells[i] for name, cells in columns.items()}}
            for i, (y, v) in enumerate(zip(Y, V, strict=True))
        )
    )


EVENTS = [3, 5, 9, 2, 14, 1, 7, 4, 6, 0, 8, 2]
EVENTS_OF_NOTHING = [3, 5, 9, 2, 14, 1, 7, 4, 6, 0, 8, 0]


def proportions(events=EVENTS) -> tuple[TableRow, ...]:
    return table(
        *(
            {"events": str(x), "total": str(30 + 5 * i), "year": f"{YEARS[i]:.0f}"}
            for i, x in enumerate(events)
        )
    )


EXPLORED = Explorations(False, False, False, gosh=0, permutations=30)


def result_of(rows: tuple[TableRow, ...], model: Model, *moderators: str | Moderators) -> Result:
    asked = tuple(Moderators((item,)) if isinstance(item, str) else item for item in moderators)
    outcome = Outcome(
        "o",
        "t.csv",
        {},
        (Plan("primary", model),),
        leave_one_out=False,
        moderators=asked,
        explorations=EXPLORED,
    )
    return analyse(outcome, Selection("extracted/t.csv", rows, ()))


def regression(
    rows: tuple[TableRow, ...], moderator: str = "year", measure: str = "GEN", **model: object
) -> Regression:
    (found,) = result_of(rows, Model(measure, **model), moderator).regressions
    return found


def test_no_moderator_no_regression():
    assert result_of(effects(), Model("GEN")).regressions == ()


def test_a_column_of_numbers_is_regressed_about_its_mean():
    found = regression(effects())
    fit = regress(Y, V, line(YEARS - found.centre))
    assert (found.kind, found.k) == ("numeric", 12)
    assert found.centre == pytest.approx(YEARS.mean(), rel=1e-9)
    intercept, slope = found.coefficients
    assert (intercept.term, slope.term) == ("intercept", "year")
    assert (intercept.b, slope.b, slope.se) == (fit.b[0], fit.b[1], fit.se[1])
    assert (slope.low, slope.high, slope.p_value) == (fit.low[1], fit.high[1], fit.p_value[1])
    assert (found.tau2, found.tau2_without, found.r2) == (fit.tau2, fit.tau2_alone, fit.r2)
    assert (found.q, found.q_df, found.qm_df) == (fit.qe, 10, 1)
    assert found.qm == pytest.approx(fit.qm, rel=1e-14), "of the covariance, and of the basis"
    assert found.df == 10 and found.notes == () and found.left_out == ()
    assert intercept.statistic is intercept.p_value is None, (
        "a reported effect has no known value of no effect"
    )
    assert found.tau2_without == pytest.approx(pool(Y, V).tau2, rel=1e-12)


def test_the_line_runs_from_the_least_to_the_largest_value():
    found = regression(effects())
    assert len(found.means) == 50
    assert (found.means[0].x, found.means[-1].x) == (YEARS.min(), YEARS.max())
    intercept, slope = found.coefficients
    for mean in found.means:
        assert mean.x is not None and mean.pi_low is not None and mean.pi_high is not None
        assert mean.mean == pytest.approx(intercept.b + slope.b * (mean.x - found.centre), rel=1e-9)
        assert mean.pi_low < mean.ci_low < mean.mean < mean.ci_high < mean.pi_high


def test_ratios_are_drawn_as_ratios():
    logs = regression(effects(), measure="GEN")
    as_ratios = regression(effects(scale=["log"] * 12), measure="GEN")
    for log, ratio in zip(logs.means, as_ratios.means, strict=True):
        assert ratio.mean == pytest.approx(math.exp(log.mean), rel=1e-12)
        assert ratio.pi_high == pytest.approx(math.exp(log.pi_high), rel=1e-12)
    assert as_ratios.coefficients == logs.coefficients
    assert as_ratios.points[2].estimate == pytest.approx(math.exp(Y[2]), rel=1e-12)


def test_a_falling_scale_keeps_the_lower_limit_below():
    for mean in regression(effects(scale=["cloglog"] * 12)).means:
        assert mean.pi_low < mean.ci_low < mean.mean < mean.ci_high < mean.pi_high


def test_points_carry_row_value_and_weight():
    found = regression(effects())
    assert [point.row for point in found.points] == list(range(12))
    assert [point.x for point in found.points] == YEARS.tolist()
    assert sum(point.weight for point in found.points) == pytest.approx(100, rel=1e-12)
    assert [point.estimate for point in found.points] == pytest.approx(Y.tolist(), rel=1e-12)


def test_words_are_levels_against_the_most_frequent_one():
    found = regression(effects(), "side")
    assert (found.kind, found.levels, found.reference) == ("factor", ("b", "a", "c"), "b")
    assert [c.term for c in found.coefficients] == ["intercept", "side=a", "side=c"]
    assert found.centre is None and found.qm_df == 2 and found.df == 9
    assert [mean.level for mean in found.means] == ["b", "a", "c"]
    shift = found.coefficients[1].b
    assert found.means[1].mean == pytest.approx(found.coefficients[0].b + shift, rel=1e-12)
    assert {point.level for point in found.points} == {"a", "b", "c"}


def test_of_equally_frequent_levels_the_first_by_the_alphabet_is_the_reference():
    assert regression(effects(side=["z", "y"] * 6), "side").reference == "y"


def test_one_word_among_numbers_makes_levels_of_all():
    found = regression(effects(year=["1", "2", "3+"] * 4))
    assert found.kind == "factor" and found.levels == ("1", "2", "3+")


@pytest.mark.fault("A19")
def test_rows_without_the_moderator_are_listed_and_never_filled_in():
    years = [f"{x:.0f}" for x in YEARS]
    years[3] = years[7] = ""
    found = regression(effects(year=years))
    kept = [i for i in range(12) if i not in (3, 7)]
    assert [(item.row, item.reason) for item in found.left_out] == [
        (3, "year is not reported"),
        (7, "year is not reported"),
    ]
    assert found.k == 10 and [point.row for point in found.points] == kept
    fit = regress(Y[kept], V[kept], np.column_stack([np.ones(10), YEARS[kept] - found.centre]))
    assert found.coefficients[1].b == pytest.approx(fit.b[1], rel=1e-12)
    assert found.tau2_without == pytest.approx(pool(Y[kept], V[kept]).tau2, rel=1e-12)


TEN = ["2001"] * 5 + ["2002"] * 5
REFUSED = [
    ({"year": [""] * 12}, "no study says year"),
    ({"year": ["2001", *[""] * 11]}, "one study says year, fewer than the 10"),
    ({"year": [*(f"{x:.0f}" for x in YEARS[:9]), "", "", ""]}, "9 studies say year"),
    ({"year": ["2001"] * 12}, "year is 2001 in every study"),
    ({"year": ["2001", "2001.0"] * 6}, "year is 2001 in every study"),
    ({"year": ["2002", *["2001"] * 11]}, "the same in every study but one \\(2002\\)"),
    ({"year": ["old"] * 12}, "year is old in every study"),
    ({"year": ["old", "new", *["mid"] * 10]}, "a single study has year 'new', 'old'"),
    ({"year": [f"y{i}" for i in range(12)]}, "and 9 more levels"),
]


@pytest.mark.parametrize(("columns", "words"), REFUSED)
@pytest.mark.fault("A18")
def test_a_moderator_that_tells_nothing_is_refused_in_words(columns, words):
    found = regression(effects(**columns))
    assert found.coefficients == found.means == found.points == ()
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.notes[0])
    assert found.notes[0].startswith("no meta-regression: ") and found.tau2 is None


REFUSED_MODELS = [
    ({"method": "BAYES", "tau_prior": 0.5, "test": "posterior"}, "method BAYES"),
    ({"method": "MV", "test": "t", "rho": 0.5}, "rows of one study"),
    ({"aggregate": True, "rho": 0.5}, "rows of one study"),
    ({"method": "ML", "test": "pl"}, "test pl"),
]


@pytest.mark.parametrize(("model", "words"), REFUSED_MODELS)
def test_a_model_without_moderators_is_refused_in_words(model, words):
    found = regression(effects(), **model)
    assert words in found.notes[0] and found.coefficients == ()


TRIALS = table(
    *(
        {
            "events_treatment": str(2 + i % 4),
            "total_treatment": "40",
            "events_control": str(5 + i % 3),
            "total_control": "41",
            "year": f"{YEARS[i]:.0f}",
        }
        for i in range(12)
    )
)


@pytest.mark.parametrize(("method", "test"), [("MH", "z"), ("PETO", "z"), ("GLMM", "t")])
def test_models_of_two_groups_of_counts_are_refused_in_words(method, test):
    found = regression(TRIALS, measure="OR", method=method, test=test, glmm="CM.AL")
    assert found.coefficients == () and "no moderators here" in found.notes[0]


def test_ratios_by_inverse_variance_are_regressed():
    found = regression(TRIALS, measure="OR")
    assert found.coefficients[0].p_value is not None
    assert all(mean.mean > 0 for mean in found.means)


def test_proportions_of_a_mixed_model_are_regressed_in_it():
    found = regression(proportions(), measure="PLO", method="GLMM", test="t")
    totals = [30 + 5 * i for i in range(12)]
    fit = regress_proportions(EVENTS, totals, line(YEARS - found.centre))
    assert (found.method, found.test) == ("GLMM", "t")
    assert [c.b for c in found.coefficients] == fit.b.tolist()
    assert (found.tau2, found.q, found.q_test) == (fit.tau2, fit.qe, "likelihood ratio")
    assert {test.statistic for test in found.tests} == {fit.lrt, fit.lrt_tau2}
    assert found.i2 is found.h2 is None
    assert "1 of 12 rows are drawn with a continuity correction" in found.notes[0]
    assert [point.row for point in found.points if point.corrected] == [9]
    assert found.points[9].estimate == pytest.approx(0.5 / 76, rel=1e-12)
    assert all(0 < mean.mean < 1 for mean in found.means)
    assert found.coefficients[0].p_value is None and found.coefficients[1].p_value is not None
    assert found.permutations.orders == 30 and 0 < found.permutations.qm_p <= 1


def test_rates_of_a_mixed_model_are_regressed_in_it():
    rows = tuple(
        TableRow(row.line, row.cells | {"time": row.cells["total"]}) for row in proportions()
    )
    found = regression(rows, measure="IRLN", method="GLMM", test="z")
    fit = regress_rates(EVENTS, [30 + 5 * i for i in range(12)], line(YEARS - found.centre),
                        test="z")  # fmt: skip
    assert found.qm == pytest.approx(fit.qm, rel=1e-10) and found.df is None


SIDES_OF_NOTHING = ["a" if x else "b" for x in EVENTS_OF_NOTHING]


def test_where_the_mixed_model_has_no_answer_inverse_variance_says_why():
    rows = proportions(EVENTS_OF_NOTHING)
    rows = tuple(
        TableRow(row.line, row.cells | {"side": side})
        for row, side in zip(rows, SIDES_OF_NOTHING, strict=True)
    )
    found = regression(rows, "side", measure="PLO", method="GLMM", test="t")
    assert (found.method, found.test) == ("REML", "adhoc")
    assert "logit scale by REML and test adhoc, as the mixed model has no answer" in found.notes[0]
    plain = regression(rows, "side", measure="PLO")
    assert found.coefficients == plain.coefficients


def test_effects_that_a_correction_makes_are_not_regressed():
    rare = [0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 3, 0]
    rows = tuple(
        TableRow(row.line, row.cells | {"side": "a" if rare[i] else "b"})
        for i, row in enumerate(proportions(rare))
    )
    found = regression(rows, "side", measure="PLO", method="GLMM", test="t")
    assert "continuity correction" in found.notes[0] and found.coefficients == ()


def test_what_pools_nothing_is_not_regressed():
    found = regression(proportions([0] * 12), measure="PLO")
    assert found.notes == ("no meta-regression: the primary analysis pools nothing",)


def test_equal_effects_have_a_line_and_no_residual_heterogeneity():
    found = regression(effects(), method="EE", test="z")
    assert found.tau2 is found.tau2_without is found.r2 is None
    assert found.df is None and all(mean.pi_low is None for mean in found.means)
    assert "no residual tau2" in found.notes[0]


def test_no_heterogeneity_to_account_for_has_no_r2():
    rows = effects(yi=[f"{0.3 + 0.001 * i}" for i in range(12)])
    found = regression(rows)
    assert found.r2 is None and found.tau2_without == 0
    assert "no R2: tau2 is 0 without the moderator" in found.notes


def test_effects_on_a_line_have_no_knapp_hartung_interval():
    on_a_line = effects(yi=[f"{(x - 2000) / 100:.2f}" for x in YEARS])
    assert "test: adhoc gives one" in regression(on_a_line, test="knha").notes[0]
    found = regression(on_a_line, test="adhoc")
    assert found.coefficients[1].b == pytest.approx(0.01, rel=1e-9)
    kind = regression(on_a_line, prediction_interval="knha")
    assert kind.means[0].pi_low is None and any("no prediction" in note for note in kind.notes)


def test_a_prediction_not_asked_for_is_not_given():
    assert regression(effects(), prediction=False).means[0].pi_low is None


def test_means_beyond_the_range_of_a_measure_are_cut_and_said():
    found = regression(proportions(), measure="PR")
    assert min(mean.pi_low for mean in found.means) == 0
    assert any("cut there" in note for note in found.notes)


def test_one_study_that_decides_the_slope_is_named_in_a_note():
    years = [f"{x:.0f}" for x in YEARS]
    years[2] = "1850"
    found = regression(effects(year=years))
    assert any(note.startswith("one study decides") for note in found.notes)


def test_regressions_are_written_and_read_back(tmp_path: Path):
    rows = effects(side=[*SIDES[:10], "", ""])
    result = result_of(rows, Model("GEN"), "year", "side", "unit")
    assert [item.moderator for item in result.regressions] == ["year", "side", "unit"]
    assert not any(
        isinstance(x, float) and math.isnan(x)
        for item in result.regressions
        for x in asdict(item).values()
    )
    write(result, tmp_path / "result.json")
    again = read(tmp_path / "result.json")
    write(again, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "result.json").read_bytes()
    for ours, theirs in zip(result.regressions, again.regressions, strict=True):
        assert theirs.left_out == ours.left_out and theirs.notes == ours.notes
        assert theirs.tau2 == (ours.tau2 and pytest.approx(ours.tau2, rel=1e-9))
        assert len(theirs.means) == len(ours.means) and len(theirs.points) == len(ours.points)


# ---- the cross-check ----

CHECKED = [
    *(("GEN", method, "knha", "t") for method in METHODS),
    *(("GEN", "REML", test, kind) for test in TESTS for kind in PREDICTIONS),
    ("GEN", "EE", "z", "t"),
    ("PLO", "GLMM", "t", "t"),
    ("PLO", "DL", "t", "knha"),
]


@pytest.mark.parametrize(("measure", "method", "test", "kind"), CHECKED)
def test_every_number_is_recomputed_from_what_was_written(
    tmp_path: Path, measure, method, test, kind
):
    rows = proportions() if measure == "PLO" else effects()
    model = Model(measure, method, test, prediction_interval=kind)
    moderators = ("year",) if measure == "PLO" else ("year", "side")
    write(result_of(rows, model, *moderators), tmp_path / "result.json")
    result = read(tmp_path / "result.json")
    checks = [c for c in crosscheck(result) if c.analysis.startswith("regression:")]
    assert {c.analysis for c in checks} == {f"regression:{name}" for name in moderators}
    assert [(c.quantity, c.ours, c.theirs) for c in checks if not c.agrees] == []
    other = "scipy" if method == "GLMM" else "numpy"
    assert {check.row()["engine"] for check in checks} == {"statsmodels", other}
    limit = 5e-3 if method == "GLMM" else 1e-5
    assert max(check.tolerance for check in checks if check.ours) < limit
    names = {c.quantity for c in checks}
    assert {"year, b", "year, se", "qm_p", "q", "mean 2, ci_high"} <= names


@pytest.mark.parametrize("field", ["tau2", "tau2_without", "r2", "i2", "h2", "q", "qm", "qm_p"])
def test_a_number_that_is_wrong_is_found(field):
    result = result_of(effects(), Model("GEN"), "year")
    (ours,) = result.regressions
    wrong = replace(ours, **{field: getattr(ours, field) * 1.0001})
    found = crosscheck(replace(result, regressions=(wrong,)))
    assert field in {check.quantity for check in found if not check.agrees}


def test_a_coefficient_or_mean_that_is_wrong_is_found():
    result = result_of(effects(), Model("GEN"), "side")
    (ours,) = result.regressions
    first, second, third = ours.coefficients
    wrong = replace(
        ours,
        coefficients=(first, replace(second, se=second.se * 1.0001), third),
        means=(*ours.means[:2], replace(ours.means[2], pi_low=ours.means[2].pi_low + 1e-4)),
    )
    found = crosscheck(replace(result, regressions=(wrong,)))
    disagreeing = {check.quantity for check in found if not check.agrees}
    assert disagreeing == {"side=a, se", "mean 3, pi_low"}


# ---- settings ----

HEAD = "review: {title: T}\noutcomes:\n  a:\n    title: A\n    table: t.csv\n    measure: GEN\n"


def review(path: Path, lines: str) -> Path:
    (path / "extracted").mkdir()
    with (path / "extracted/t.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["study", "yi", "vi", "dose"])
        writer.writerows([[f"S{i}", *pair, i] for i, pair in enumerate(zip(Y, V, strict=True))])
    (path / "extracted/studies.csv").write_text(
        "study,year\n" + "".join(f"S{i},{x:.0f}\n" for i, x in enumerate(YEARS))
    )
    (path / "config.yaml").write_text(HEAD + lines)
    return path


def test_a_moderator_may_be_a_column_of_the_table_or_of_the_studies(tmp_path: Path):
    jobs = plan(review(tmp_path, "    moderators: [year, dose]\n"))
    outcome = jobs.review.outcomes["a"]
    assert outcome.moderators == (Moderators(("year",)), Moderators(("dose",)))
    assert outcome_from_dict(json.loads(outcome.to_json())) == outcome
    found = analyse(outcome, jobs.selections["a"]).regressions
    assert [(item.moderator, item.k, bool(item.coefficients)) for item in found] == [
        ("year", 12, True),
        ("dose", 12, True),
    ]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("[yeer]", "Did you mean 'year'"),
        ("[year, dosis]", "has no such column"),
        ("[year, year]", "same thing twice"),
        ("year", "Write \\[year\\]"),
        ("[]", "empty"),
    ],
)
def test_a_moderator_that_is_no_column_is_refused_at_its_line(tmp_path: Path, written, words):
    with pytest.raises(ConfigError, match=words) as caught:
        plan(review(tmp_path, f"    moderators: {written}\n"))
    assert all(problem.line == 7 for problem in caught.value.problems)


def test_without_the_key_there_are_no_moderators(tmp_path: Path):
    loaded = load_review(review(tmp_path, "") / "config.yaml")
    assert loaded.outcomes["a"].moderators == ()
