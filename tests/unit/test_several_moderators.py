"""Several moderators in one regression, permutations, and rows that depend on each other."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from test_meta_regression import SIDES, YEARS, V, Y, effects, proportions, result_of, review

from metamill.config.load import load_review
from metamill.config.settings import Model, Moderators
from metamill.errors import ConfigError
from metamill.exploring.permutations import permutation_test, possible_orders
from metamill.jobs import plan
from metamill.pooling.regression import regress
from metamill.pooling.resampling import permutation_fits
from metamill.record.crosscheck import crosscheck
from metamill.results import read, write

BOTH = Moderators(("year", "side"))


def regressed(rows, asked=BOTH, measure="GEN", **model):
    (found,) = result_of(rows, Model(measure, **model), asked).regressions
    return found


def test_one_regression_has_several_moderators_and_each_its_own_part():
    found = regressed(effects())
    year, side = found.parts
    levels = [[float(s == level) for level in ("a", "c")] for s in SIDES]
    x = np.column_stack([np.ones(12), YEARS - year.centre, levels])
    fit = regress(Y, V, x)
    assert (found.kind, found.moderator, found.k) == ("several", "year + side", 12)
    assert [c.term for c in found.coefficients] == ["intercept", "year", "side=a", "side=c"]
    assert [c.b for c in found.coefficients] == fit.b.tolist()
    assert (found.tau2, found.r2, found.df, found.qm) == (
        fit.tau2,
        fit.r2,
        8,
        pytest.approx(fit.qm),
    )
    assert (year.kind, side.kind, side.reference) == ("numeric", "factor", "b")
    assert year.qm == pytest.approx(float(fit.statistic[1]) ** 2)
    assert year.gvif == pytest.approx(found.coefficients[1].vif) and side.qm_df == 2
    assert any("fewer than 10 for each" in note for note in found.notes)


def test_adjusted_lines_and_studies_keep_the_residuals_of_the_regression():
    found = regressed(effects())
    fitted = {part.moderator: part for part in found.parts}
    slope, intercept = found.coefficients[1].b, found.coefficients[0].b
    line = {m.x: m.mean for m in fitted["year"].means}
    for x, mean in line.items():
        assert mean == pytest.approx(intercept + slope * (x - fitted["year"].centre), rel=1e-9)
    shift = {"b": 0.0, "a": found.coefficients[2].b, "c": found.coefficients[3].b}
    for point, y, side in zip(fitted["year"].points, Y, SIDES, strict=True):
        assert point.estimate == pytest.approx(y - shift[side], rel=1e-9)
    for point, y, x in zip(fitted["side"].points, Y, YEARS, strict=True):
        assert point.estimate == pytest.approx(y - slope * (x - fitted["year"].centre), rel=1e-9)


def test_the_reference_may_be_stated():
    found = regressed(effects(), Moderators(("side",), {"side": "c"}))
    assert found.reference == "c" and [c.term for c in found.coefficients[1:]] == [
        "side=a",
        "side=b",
    ]


double = [f"{2 * x:.0f}" for x in YEARS]
REFUSED = [
    (Moderators(("side",), {"side": "d"}), {}, "no study has side 'd'.*there is 'a', 'b', 'c'"),
    (Moderators(("year",), {"year": "1999"}), {}, "year is a column of numbers, which has no ref"),
    (Moderators(("year", "twice")), {"twice": double}, "twice follows from year"),
    (Moderators(("side", "where")), {"where": [f"in {s}" for s in SIDES]},
     "where=in a follows from side=a"),
    (Moderators(("side", "year")), {"year": ["1"] * 11 + ["2"]}, "the same in every study but one"),
    (Moderators(("side", "group")), {"group": [*"xxxxxxxxxxy", "y"]}, ""),
    (Moderators(("side", "year")), {"year": [""] * 3 + [f"{x:.0f}" for x in YEARS[3:]]},
     "9 studies say side and year"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "columns", "words"), REFUSED)
def test_moderators_that_tell_nothing_are_refused_by_name(asked, columns, words):
    found = regressed(effects(**columns), asked)
    if not words:
        assert found.coefficients
        return
    assert found.coefficients == found.parts == ()
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.notes[0])


def test_rows_that_miss_one_moderator_are_left_out_and_say_which():
    rows = effects(side=["", *SIDES[1:]], year=["", "", *(f"{x:.0f}" for x in YEARS[2:])])
    found = regressed(rows)
    assert [(x.row, x.reason) for x in found.left_out] == [
        (0, "year and side are not reported"),
        (1, "year is not reported"),
    ]


@pytest.mark.parametrize(("measure", "method", "test"), [
    ("GEN", "REML", "adhoc"), ("GEN", "DL", "z"), ("GEN", "PM", "knha"), ("PLO", "GLMM", "t"),
    ("GEN", "REML", "cr2"),
])  # fmt: skip
def test_every_number_of_several_moderators_is_recomputed(tmp_path: Path, measure, method, test):
    rows = proportions() if measure == "PLO" else effects()
    rows = tuple(replace(r, cells=r.cells | {"side": s}) for r, s in zip(rows, SIDES, strict=True))
    write(result_of(rows, Model(measure, method, test), BOTH), tmp_path / "result.json")
    checks = [c for c in crosscheck(read(tmp_path / "result.json")) if "regression:" in c.analysis]
    assert [(c.quantity, c.ours, c.theirs) for c in checks if not c.agrees] == []
    names = {c.quantity for c in checks}
    assert {"year, b", "mean 5, estimate"} <= names
    if test != "cr2":
        assert {"year, vif", "side, gvif", "side, qm", "side, qm_p", "mean 5, pi_low"} <= names


@pytest.mark.parametrize("field", ["qm", "qm_p", "gvif"])
def test_a_wrong_number_of_a_part_is_found(field):
    result = result_of(effects(), Model("GEN"), BOTH)
    (found,) = result.regressions
    first, second = found.parts
    wrong = replace(second, **{field: getattr(second, field) * 1.001})
    changed = replace(result, regressions=(replace(found, parts=(first, wrong)),))
    assert {c.quantity for c in crosscheck(changed) if not c.agrees} == {f"side, {field}"}


# ---- permutations ----


@pytest.mark.parametrize("test", ["z", "knha"])
def test_all_orders_are_those_of_brute_force(test):
    y, v = Y[:6], V[:6]
    x = np.column_stack([np.ones(6), [0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1]])
    fit = regress(y, v, x, "DL", test)
    found = permutation_test(
        x, (fit.statistic, fit.qm), lambda o: permutation_fits(y, v, x, "DL", test, o), 1000, 1
    )
    assert found.exact and found.orders == found.possible == 90 == possible_orders(x)
    counts = np.zeros(4)
    every = list(permutations(range(6)))
    for order in every:
        other = regress(y, v, x[list(order)], "DL", test)
        counts[:3] += np.abs(other.statistic) >= np.abs(fit.statistic) - 1e-8
        counts[3] += other.qm >= fit.qm - 1e-8
    assert [*found.p, found.qm_p] == pytest.approx((counts / len(every)).tolist(), abs=1e-12)
    assert found.qm_se == 0


def test_a_sample_begins_with_the_observed_order_and_has_its_error():
    x = np.column_stack([np.ones(12), np.arange(12.0) % 5])
    fit = regress(Y, V, x, "DL")
    fits = lambda o: permutation_fits(Y, V, x, "DL", "adhoc", o)  # noqa: E731
    one, two, other = (
        permutation_test(x, (fit.statistic, fit.qm), fits, 200, seed) for seed in (1, 1, 2)
    )
    assert not one.exact and one.orders == 200 and one.possible == 1_663_200
    assert one.p.tolist() == two.p.tolist() and one.p.tolist() != other.p.tolist()
    assert one.p[1] >= 1 / 200 and (one.p * 200 % 1 < 1e-9).all()
    assert one.se[1] == pytest.approx(np.sqrt(one.p[1] * (1 - one.p[1]) / 200))


def test_the_least_p_of_a_sample_is_that_of_the_observed_order_alone():
    x = np.column_stack([np.ones(12), YEARS - 2005])
    nothing = lambda o: (np.zeros((2, len(o))), np.zeros(len(o)))  # noqa: E731
    found = permutation_test(x, (np.ones(2), 1.0), nothing, 200, 1)
    assert found.p.tolist() == [1 / 200] * 2 and found.qm_p == 1 / 200


def test_an_order_without_a_statistic_counts_against_the_moderator():
    x = np.column_stack([np.ones(4), [0, 0, 1, 1]])
    nothing = lambda o: (np.full((2, len(o)), np.nan), np.full(len(o), np.nan))  # noqa: E731
    found = permutation_test(x, (np.ones(2), 1.0), nothing, 10, 1)
    assert found.p.tolist() == [1, 1] and found.qm_p == 1


def test_a_regression_carries_its_permutation_test():
    found = regressed(effects())
    told = found.permutations
    assert (told.exact, told.orders, told.seed) == (False, 30, 1) and told.possible > 30
    intercept, *others = found.coefficients
    assert intercept.permutation_p is None
    assert all(0 < c.permutation_p <= 1 and c.permutation_se >= 0 for c in others)


def test_one_level_in_two_is_permuted_exactly():
    sides = ["x"] * 2 + ["y"] * 8
    rows = tuple(
        replace(r, cells=r.cells | {"side": s}) for r, s in zip(effects()[:10], sides, strict=True)
    )
    told = regressed(rows, Moderators(("side",))).permutations
    assert not told.exact and told.possible == 45


# ---- dependent rows ----


def shifted(row, n):
    return str(float(row.cells["yi"]) + 0.1 * n)


def test_rows_of_one_study_are_regressed_robustly_by_rve_and_cr2():
    rows = effects()
    pairs = tuple(
        replace(r, line=r.line + 20 * n, cells=r.cells | {"arm": str(n), "yi": shifted(r, n)})
        for n in (0, 1)
        for r in rows
    )  # fmt: skip
    for model in ({"method": "RVE", "rho": 0.8}, {"method": "REML"}):
        found = regressed(pairs, Moderators(("year",)), test="cr2", **model)
        assert found.k == 12 and found.df is None and found.q is None
        slope = found.coefficients[1]
        assert 1 < slope.df < 12 and found.qm == pytest.approx((slope.b / slope.se) ** 2)
        assert found.qm_df2 == pytest.approx(slope.df) and found.qm_p == pytest.approx(
            slope.p_value
        )
        assert found.permutations.orders == 0 and "belong together" in found.permutations.note
        assert found.means[0].ci_low < found.means[0].mean < found.means[0].ci_high


# ---- settings ----


def test_a_mapping_is_one_regression(tmp_path: Path):
    lines = "    moderators: [year, {columns: [year, dose], reference: {dose: 1.10}}]\n"
    folder = review(tmp_path, lines)
    loaded = load_review(folder / "config.yaml")
    assert loaded.outcomes["a"].moderators == (
        Moderators(("year",)), Moderators(("year", "dose"), {"dose": "1.10"}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("[{columns: [year, dosis]}]", "moderators.0.columns.1: 'dosis'"),
        ("[{columns: [year, year]}]", "same thing twice"),
        ("[{columns: []}]", "empty"),
        ("[{column: [year]}]", "not a setting"),
        ("[year, {columns: [year]}]", "same thing twice"),
        ("[{columns: [year], reference: {dose: 1}}]", "is no moderator of this regression"),
        ("[{columns: [year, dose], reference: {dose: 99}}]", "which has no reference level"),
        ("[{columns: [year], formula: 'y ~ x'}]", "not a setting"),
    ],
)
def test_a_regression_that_cannot_be_is_refused_at_its_line(tmp_path: Path, written, words):
    with pytest.raises(ConfigError, match=words) as caught:
        plan(review(tmp_path, f"    moderators: {written}\n"))
    assert all(problem.line == 7 for problem in caught.value.problems)
