"""Subgroups with separate and with a common tau2: what they pool, test, refuse and say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metamill.analysis import analyse
from metamill.config.load import load_review
from metamill.config.settings import Explorations, Model, Outcome, Plan
from metamill.errors import ConfigError
from metamill.pooling import pool
from metamill.pooling.glmm_regression import regress_proportions
from metamill.pooling.regression import regress
from metamill.record.crosscheck import crosscheck
from metamill.results import Result, read, write
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

Y = np.array([0.31, 0.22, 0.82, 0.75, -0.41, 0.61, -0.31, 0.74, 0.42, 1.13, -0.2, 0.1])
V = np.array([0.01, 0.02, 0.005, 0.04, 0.015, 0.008, 0.02, 0.01, 0.03, 0.02, 0.01, 0.005])
SIDES = ["b", "b", "a", "c", "b", "a", "c", "a", "b", "a", "c", "b"]
EVENTS = [3, 5, 9, 2, 14, 1, 7, 4, 6, 2, 8, 2]
QUIET = Explorations(False, False, False, gosh=0, permutations=0)


def rows(sides=SIDES, y=Y, **more):
    return tuple(
        TableRow(
            i + 2,
            {"study": f"S{i}", "unit": "patient", "side": side, "yi": str(y[i]), "vi": str(V[i])}
            | {"events": str(EVENTS[i]), "total": str(30 + 5 * i)}
            | {name: cells[i] for name, cells in more.items()},
        )
        for i, side in enumerate(sides)
    )


def result_of(table, tau2="common", measure="GEN", **model) -> Result:
    outcome = Outcome(
        "o",
        "t.csv",
        {},
        (Plan("primary", Model(measure, **model)),),
        ("side",),
        leave_one_out=False,
        subgroup_tau2=tau2,
        explorations=QUIET,
    )
    return analyse(outcome, Selection("extracted/t.csv", table, ()))


def dummies(sides=SIDES, levels=("a", "b", "c")):
    return np.array([[1.0, *(float(side == level) for level in levels[1:])] for side in sides])


@pytest.mark.parametrize("method", ["DL", "REML", "PM"])
@pytest.mark.parametrize("test", ["z", "t", "knha", "adhoc"])
def test_levels_with_a_common_tau2_are_those_of_a_regression_on_the_column(method, test):
    result = result_of(rows(), method=method, test=test)
    cells = np.array([[float(side == level) for level in "abc"] for side in SIDES])
    fit, by = regress(Y, V, cells, method, test), regress(Y, V, dummies(), method, test)
    parts = result.subgroups("side")
    assert all(part.common_tau2 for part in parts)
    for i, part in enumerate(parts):
        found = part.pooled
        assert (found.mu, found.se) == pytest.approx((fit.b[i], fit.se[i]), rel=1e-11)
        assert (found.mu_low, found.mu_high) == pytest.approx((fit.low[i], fit.high[i]), rel=1e-10)
        assert found.tau2 == pytest.approx(by.tau2, rel=1e-11)
        assert sum(effect.weight for effect in part.effects) == pytest.approx(100)
        assert found.tau2_low is found.i2_low is None and found.i2 is not None
        assert any("tau2 in common with the other levels" in note for note in found.notes)
    (told,) = result.subgroup_tests
    assert (told.tau2_of, told.q_df) == ("common", 2)
    assert (told.q, told.q_p) == pytest.approx((by.qm, by.qm_p), rel=1e-10)
    assert told.df == (None if test == "z" else 9) and told.tau2 == pytest.approx(by.tau2)


def test_both_tests_are_given_and_that_of_the_settings_comes_first():
    separate, common = (
        result_of(rows(), tau2).subgroup_tests[0] for tau2 in ("separate", "common")
    )
    assert separate.other.tau2_of == "common" and common.other.tau2_of == "separate"
    for one, other in ((separate, common.other), (common, separate.other)):
        assert (one.q, one.q_df, one.q_p, one.df) == (other.q, other.q_df, other.q_p, other.df)
    groups = [[i for i, side in enumerate(SIDES) if side == level] for level in "abc"]
    fits = [pool(Y[i], V[i]) for i in groups]
    mu, w = np.array([f.mu for f in fits]), np.array([1 / f.se**2 for f in fits])
    assert separate.q == pytest.approx((w * (mu - (w * mu).sum() / w.sum()) ** 2).sum(), rel=1e-9)


def test_studies_rows_and_units_of_each_level_are_counted_and_silence_is_a_level():
    sides = [*SIDES[:10], "", ""]
    (test,) = result_of(rows(sides), measure="PLO", method="GLMM", test="t").subgroup_tests
    assert test.levels == ("a", "b", "c", "not reported")
    assert [(size.level, size.k, size.rows) for size in test.sizes] == [
        ("a", 4, 4), ("b", 4, 4), ("c", 2, 2), ("not reported", 2, 2),
    ]  # fmt: skip
    assert test.sizes[0].n == sum(30 + 5 * i for i, side in enumerate(sides) if side == "a")


def test_a_level_of_one_study_keeps_its_own_result_and_is_named():
    sides = ["d", *SIDES[1:]]
    result = result_of(rows(sides))
    *shared, alone = result.subgroups("side")
    assert all(part.common_tau2 for part in shared) and not alone.common_tau2
    assert alone.pooled.k == 1 and not alone.pooled.pooled
    (test,) = result.subgroup_tests
    assert "without d" in test.note and test.sizes[-1].pooled is False
    fit = regress(Y[1:], V[1:], dummies(sides[1:]))
    assert test.q == pytest.approx(fit.qm, rel=1e-10)


def test_proportions_share_the_tau2_of_their_mixed_model():
    result = result_of(rows(), measure="PLO", method="GLMM", test="t")
    fit = regress_proportions(EVENTS, [30 + 5 * i for i in range(12)], dummies())
    (test,) = result.subgroup_tests
    assert (test.q, test.q_p, test.tau2) == pytest.approx((fit.qm, fit.qm_p, fit.tau2), rel=1e-9)
    first = result.subgroups("side")[0].pooled
    assert first.mu == pytest.approx(fit.b[0], rel=1e-9)
    assert 0 < first.ci_low < first.estimate < first.ci_high < 1


def test_a_level_without_an_event_keeps_its_exact_limit():
    table = tuple(
        TableRow(row.line, row.cells | ({"events": "0"} if row.cells["side"] == "c" else {}))
        for row in rows()
    )
    result = result_of(table, measure="PLO", method="GLMM", test="t")
    *shared, last = result.subgroups("side")
    assert all(part.common_tau2 for part in shared) and not last.common_tau2
    assert last.pooled.estimate == 0 and "without c" in result.subgroup_tests[0].note


def test_two_levels_of_two_studies_have_the_degrees_of_freedom_of_four():
    result = result_of(rows()[2:4] + rows()[5:7], test="t")
    for part in result.subgroups("side"):
        assert not any(note.startswith("two studies") for note in part.pooled.notes)
    (test,) = result.subgroup_tests
    assert test.df == 2


def test_one_level_shares_with_nobody():
    result = result_of(rows(["a"] * 12))
    (part,) = result.subgroups("side")
    assert not part.common_tau2 and result.subgroup_tests[0].q is None
    assert "fewer than two" in result.subgroup_tests[0].note


def test_shared_cohorts_have_no_test_and_no_common_tau2():
    result = result_of(rows(study=["S0", "S1", "S0", *(f"S{i}" for i in range(3, 12))],
                            arm=[str(i) for i in range(12)]))  # fmt: skip
    (test,) = result.subgroup_tests
    assert test.q is None and "several levels" in test.note
    assert not any(part.common_tau2 for part in result.subgroups("side"))


def test_models_without_a_common_tau2_have_one_test():
    (test,) = result_of(rows(), "separate", method="EE", test="z").subgroup_tests
    assert test.other is None and test.q is not None


CHECKED = [
    ("GEN", "REML", "adhoc"),
    ("GEN", "DL", "z"),
    ("GEN", "PM", "knha"),
    ("PLO", "GLMM", "t"),
    ("PLO", "GLMM", "z"),
]


@pytest.mark.parametrize("tau2", ["common", "separate"])
@pytest.mark.parametrize(("measure", "method", "test"), CHECKED)
def test_means_and_tests_are_recomputed(tmp_path: Path, tau2, measure, method, test):
    write(result_of(rows(), tau2, measure, method=method, test=test), tmp_path / "result.json")
    result = read(tmp_path / "result.json")
    checks = [check for check in crosscheck(result) if check.analysis.startswith("subgroup")]
    assert [(c.analysis, c.quantity, c.ours, c.theirs) for c in checks if not c.agrees] == []
    told = {(c.analysis, c.quantity) for c in checks}
    assert ("subgroup:side, common tau2", "q") in told
    names = {"mu", "se", "ci_high", "pi_low", "estimate"}
    assert {("subgroup:side=b", name) for name in names} <= told


@pytest.mark.parametrize("field", ["mu", "se", "ci_low", "pi_high", "tau2"])
def test_a_wrong_mean_of_a_level_is_found(field):
    result = result_of(rows())
    index = next(i for i, a in enumerate(result.analyses) if a.name == "subgroup:side=b")
    part = result.analyses[index]
    wrong = replace(part.pooled, **{field: getattr(part.pooled, field) * 1.001})
    analyses = list(result.analyses)
    analyses[index] = replace(part, pooled=wrong)
    bad = [c for c in crosscheck(replace(result, analyses=tuple(analyses))) if not c.agrees]
    assert ("subgroup:side=b", field) in {(c.analysis, c.quantity) for c in bad}


HEAD = "review: {title: T}\noutcomes:\n  a:\n    title: A\n    table: t.csv\n"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("    measure: GEN\n    subgroup_tau2: common\n", "there are no subgroups"),
        (
            "    measure: GEN\n    method: EE\n    subgroups: [x]\n    subgroup_tau2: common\n",
            "method EE has no tau2 that levels share",
        ),
        (
            "    measure: OR\n    method: GLMM\n    subgroups: [x]\n    subgroup_tau2: common\n",
            "method GLMM has no tau2 that levels share",
        ),
        ("    measure: GEN\n    subgroups: [x]\n    subgroup_tau2: same\n", "not one of"),
    ],
)
def test_a_common_tau2_that_would_do_nothing_is_refused(tmp_path: Path, lines, words):
    (tmp_path / "extracted").mkdir()
    (tmp_path / "extracted/t.csv").write_text("study,yi,vi,x\n")
    (tmp_path / "config.yaml").write_text(HEAD + lines)
    with pytest.raises(ConfigError, match=words):
        load_review(tmp_path / "config.yaml")
