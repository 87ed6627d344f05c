"""Every model from settings to numbers: which one runs, what comes with it, what is refused."""

import math
from pathlib import Path

import numpy as np
import pytest

from metamill.analysis import analyse
from metamill.config.load import load_review
from metamill.config.settings import Model, Outcome, Plan
from metamill.errors import ConfigError, TableError
from metamill.jobs import plan
from metamill.pooling import pool
from metamill.pooling.bayes_normal import bayes
from metamill.pooling.dependent import aggregate, rve, three_level
from metamill.pooling.glmm import pool_proportions
from metamill.pooling.glmm_two_groups import pool_two_groups
from metamill.pooling.mantel_haenszel import mantel_haenszel
from metamill.results import Result, read, write
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

SCREWS = [(3, 40, 20), (5, 30, 15), (9, 50, 25), (2, 44, 20), (14, 60, 31), (1, 25, 9)]
TRIALS = [(3, 40, 6, 38), (5, 30, 9, 31), (0, 50, 4, 52), (2, 44, 2, 40), (7, 60, 12, 61)]
REPEATED = [
    ("A", 0.30, 0.04),
    ("A", 0.45, 0.05),
    ("B", 0.10, 0.02),
    ("C", 0.62, 0.06),
    ("C", 0.51, 0.03),
    ("C", 0.70, 0.05),
    ("D", 0.25, 0.03),
    ("E", 0.05, 0.02),
    ("E", 0.20, 0.04),
]


def table(*cells: dict[str, str]) -> tuple[TableRow, ...]:
    named = [{"study": f"S{i}", "unit": "patient"} | c for i, c in enumerate(cells)]
    return tuple(TableRow(i + 2, c) for i, c in enumerate(named))


def proportions(data=SCREWS, unit="patient") -> tuple[TableRow, ...]:
    names = ("events", "total", "clusters")
    return table(*(dict(zip(names, map(str, row), strict=False)) | {"unit": unit} for row in data))


def trials(data=TRIALS) -> tuple[TableRow, ...]:
    names = ("events_treatment", "total_treatment", "events_control", "total_control")
    return table(*(dict(zip(names, map(str, row), strict=True)) for row in data))


def effects(data=REPEATED) -> tuple[TableRow, ...]:
    return table(
        *(
            {"study": study, "arm": str(i), "yi": str(y), "vi": str(v)}
            for i, (study, y, v) in enumerate(data)
        )
    )


def result_of(rows: tuple[TableRow, ...], model: Model, **more) -> Result:
    outcome = Outcome("outcome", "t.csv", {}, (Plan("primary", model),), **more)
    return analyse(outcome, Selection("extracted/t.csv", rows, ()))


def pooled(rows: tuple[TableRow, ...], **model):
    return result_of(rows, Model(**model)).primary.pooled


def columns(data=TRIALS) -> dict[str, np.ndarray]:
    names = ("events_treatment", "total_treatment", "events_control", "total_control")
    return dict(zip(names, np.array(data, float).T, strict=True))


def test_a_two_group_glmm_is_the_kernels():
    fit = pool_two_groups(**columns())
    found = pooled(trials(), measure="OR", method="GLMM", test="t")
    assert (found.mu, found.se, found.tau2) == (fit.mu, fit.se, fit.tau2)
    assert found.estimate == pytest.approx(math.exp(fit.mu), rel=1e-14)
    assert found.p_value == fit.p_value
    assert found.marginal is None, "a mean odds ratio is not a mean proportion"


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_mantel_haenszel_is_the_kernels_and_corrects_nothing(measure):
    fit = mantel_haenszel(columns(), measure)
    result = result_of(trials(), Model(measure, method="MH", test="z"))
    found = result.primary.pooled
    assert (found.mu, found.se, found.q) == (fit.mu, fit.se, fit.q)
    assert found.tau2 is None and found.pi_low is None
    assert not any("continuity correction" in e.flags for e in result.primary.effects)
    assert any("no continuity correction" in note for note in found.notes)


def test_the_odds_ratio_of_mantel_haenszel_comes_with_its_three_tests():
    names = [test.name.lower() for test in pooled(trials(), measure="OR", method="MH").tests]
    assert len(names) == 3
    assert any("breslow-day" in n for n in names) and any("tarone" in n for n in names)


def test_several_rows_of_a_study_count_as_one_study():
    y, v = (np.array([row[i] for row in REPEATED]) for i in (1, 2))
    study = np.array([ord(row[0]) - ord("A") for row in REPEATED])
    robust = pooled(effects(), measure="GEN", method="RVE", test="cr2", rho=0.8)
    fit = rve(y, v, study, 0.8)
    assert robust.k == 5 and (robust.mu, robust.se) == (fit.mu, fit.se)
    assert any(note.startswith("9 effects of 5 studies") for note in robust.notes)
    assert robust.n is None and robust.events is None
    levels = pooled(effects(), measure="GEN", method="MV", test="t", rho=0.0)
    fit = three_level(y, v, study)
    assert (levels.mu, levels.se, levels.tau2) == (fit.mu, fit.se, fit.tau2)
    assert [item.value for item in levels.also][::2] == [fit.sigma2_between, fit.sigma2_within]


def test_aggregated_rows_are_pooled_as_studies_and_share_their_weight():
    y, v = (np.array([row[i] for row in REPEATED]) for i in (1, 2))
    study = np.array([ord(row[0]) - ord("A") for row in REPEATED])
    one = aggregate(y, v, study, 0.5)
    fit = pool(one.y, one.v)
    result = result_of(effects(), Model("GEN", aggregate=True, rho=0.5))
    assert result.primary.pooled.mu == fit.mu and result.primary.pooled.k == 5
    weights = np.array([effect.weight for effect in result.primary.effects])
    assert np.bincount(study, weights) == pytest.approx(fit.weights, rel=1e-12)
    assert (weights * y).sum() / 100 == pytest.approx(fit.mu, rel=1e-12)


def test_a_bayesian_analysis_gives_credible_intervals_and_shrunken_studies():
    rows = effects([(study, y, v) for study, y, v in REPEATED if study in "BD"])
    result = result_of(rows, Model("GEN", method="BAYES", test="posterior", tau_prior=0.5))
    found = result.primary.pooled
    fit = bayes(np.array([0.10, 0.25]), np.array([0.02, 0.03]), 0.5)
    assert found.mu == fit.mu.median and found.interval == "credible"
    assert (found.pi_low, found.pi_high) == (fit.new.low, fit.new.high)
    for effect in result.primary.effects:
        assert effect.posterior_low < effect.posterior < effect.posterior_high
        assert min(effect.yi, found.mu) < effect.posterior < max(effect.yi, found.mu)


def test_few_studies_get_a_bayesian_companion_where_the_scale_has_a_unit():
    few = result_of(proportions(SCREWS[:3]), Model("PLO", method="GLMM", test="t"))
    names = [analysis.name for analysis in few.analyses]
    assert [n for n in names if "Bayes" in n] == [
        "companion:Bayes, half-normal(0.5) prior of tau",
        "companion:Bayes, half-normal(1) prior of tau",
    ]
    many = result_of(proportions(), Model("PLO", method="GLMM", test="t"))
    assert not [a.name for a in many.analyses if "Bayes" in a.name]
    points = result_of(effects(REPEATED[2:4]), Model("GEN"))
    names = [a.name for a in points.analyses if not a.name.startswith("sensitivity:")]
    assert names == ["primary"], "points have no scale known before"
    chosen = result_of(effects(REPEATED[2:4]), Model("GEN", tau_prior=10.0))
    assert len([a for a in chosen.analyses if not a.name.startswith("sensitivity:")]) == 2


def test_a_glmm_of_proportions_has_the_beta_binomial_beside_it():
    result = result_of(proportions(), Model("PLO", method="GLMM", test="t"))
    beta = next(a for a in result.analyses if a.name == "companion:beta-binomial")
    assert beta.settings["method"] == "BETABIN"
    assert beta.pooled.estimate == pytest.approx(result.primary.pooled.marginal, abs=0.02)


def test_studies_without_any_event_are_kept_in_a_companion():
    none = [*TRIALS, (0, 20, 0, 22)]
    result = result_of(trials(none), Model("OR", method="MH", test="z"))
    kept = next(a for a in result.analyses if a.name.startswith("companion:risk difference"))
    assert kept.settings["measure"] == "RD" and kept.pooled.k == 6
    assert any("1 of 6 studies say nothing" in note for note in result.primary.pooled.notes)


def test_units_within_patients_run_over_a_grid_of_correlations():
    result = result_of(proportions(unit="screw"), Model("PLO", method="GLMM", test="t"))
    grid = {a.name: a for a in result.analyses if "ICC" in a.name}
    assert list(grid) == [f"sensitivity:ICC = {icc}" for icc in ("0.05", "0.1", "0.2")]
    effect = grid["sensitivity:ICC = 0.1"].effects[0]
    assert effect.size == pytest.approx(40 / (1 + (40 / 20 - 1) * 0.1))
    assert effect.estimate == pytest.approx(3 / 40), "a proportion does not change"
    fit = pool_proportions(
        [e.events for e in grid["sensitivity:ICC = 0.1"].effects],
        [e.size for e in grid["sensitivity:ICC = 0.1"].effects],
    )
    assert grid["sensitivity:ICC = 0.1"].pooled.mu == pytest.approx(fit.mu, rel=1e-10)
    assert any("effective sample size" in flag for flag in effect.flags)
    widths = [result.primary, *grid.values()]
    spans = [a.pooled.ci_high - a.pooled.ci_low for a in widths]
    assert spans == sorted(spans)
    assert not any("independent" in n for n in grid["sensitivity:ICC = 0.2"].pooled.notes)


@pytest.mark.parametrize("model", [{"method": "GLMM", "test": "t"}, {"method": "REML"}])
def test_leaving_one_study_out_is_the_analysis_of_the_others(model):
    result = result_of(proportions(), Model("PLO", **model))
    assert [refit.left_out for refit in result.leave_one_out] == [f"S{i}" for i in range(6)]
    for i, refit in enumerate(result.leave_one_out):
        others = pooled(
            tuple(r for j, r in enumerate(proportions()) if j != i), measure="PLO", **model
        )
        assert (refit.k, refit.mu, refit.se, refit.tau2) == (5, others.mu, others.se, others.tau2)
        whole = result.primary.pooled
        assert refit.cook == pytest.approx(((whole.mu - refit.mu) / whole.se) ** 2)
        assert refit.covariance_ratio == pytest.approx((refit.se / whole.se) ** 2)


def test_studies_are_added_in_the_order_of_a_column():
    years = ("2019", "2011", "", "2015", "2011", "2020")
    rows = tuple(
        TableRow(r.line, r.cells | {"year": y}) for r, y in zip(proportions(), years, strict=True)
    )
    result = result_of(rows, Model("PLO", method="GLMM", test="t"), cumulative=("year",))
    assert [r.up_to for r in result.cumulative] == ["S1", "S4", "S3", "S0", "S5", "S2"]
    assert [r.k for r in result.cumulative] == [1, 2, 3, 4, 5, 6]
    assert result.cumulative[-1].mu == pytest.approx(result.primary.pooled.mu, rel=1e-9)
    assert "one study" in result.cumulative[0].note


def test_a_threshold_gives_the_probability_of_lying_beyond_it():
    found = pooled(effects(), measure="GEN", thresholds=(0.0, 1.0, 0.3))
    above = {item.threshold: item.above for item in found.beyond}
    assert above[0.0] > 0.8 > above[0.3] > 0.3 > above[1.0]
    middle = pooled(effects(), measure="GEN", thresholds=(found.mu,))
    assert middle.beyond[0].above == pytest.approx(0.5)


def test_a_threshold_outside_the_scale_is_certain():
    found = pooled(proportions(), measure="PLO", thresholds=(-0.5, 1.5, 0.1))
    above = {item.threshold: item.above for item in found.beyond}
    assert above[-0.5] == 1 and above[1.5] == 0 and 0 < above[0.1] < 1


@pytest.mark.parametrize("kind", ["t", "z", "hts", "knha"])
def test_each_kind_of_prediction_interval_is_the_kernels(kind):
    y, v = (np.array([row[i] for row in REPEATED]) for i in (1, 2))
    fit = pool(y, v, prediction=kind)
    found = pooled(effects(), measure="GEN", prediction_interval=kind)
    assert (found.pi_low, found.pi_high) == (fit.pi_low, fit.pi_high)


def test_both_intervals_of_tau2_and_both_definitions_of_i2_are_there():
    profile = pooled(effects(), measure="GEN", tau2_interval="PL")
    q_profile = pooled(effects(), measure="GEN")
    assert profile.tau2 == q_profile.tau2
    assert profile.tau2_high != q_profile.tau2_high
    assert q_profile.i2_q == pytest.approx(100 * max(0, 1 - q_profile.q_df / q_profile.q))
    assert q_profile.i2_q_low <= q_profile.i2_q <= q_profile.i2_q_high
    assert [test.name for test in q_profile.tests] == ["likelihood ratio test of tau² = 0"]


def test_every_number_of_studies_comes_with_what_it_allows():
    for k, words in ((1, "one study"), (2, "two studies"), (3, "three or four"), (6, "five to")):
        assert pooled(proportions(SCREWS[:k]), measure="PLO").policy.startswith(words)


def test_a_result_with_all_of_this_reads_back_as_it_was_written(tmp_path):
    for rows, model in (
        (proportions(SCREWS[:3], "screw"), Model("PLO", method="GLMM", test="t")),
        (effects(), Model("GEN", method="MV", test="cr2", rho=0.5, thresholds=(0.1,))),
        (trials(), Model("OR", method="MH", test="z")),
    ):
        result = result_of(rows, model, cumulative=("study",))
        write(result, tmp_path / "result.json")
        write(read(tmp_path / "result.json"), tmp_path / "again.json")
        assert (tmp_path / "again.json").read_bytes() == (tmp_path / "result.json").read_bytes()


def review(folder: Path, lines: str, rows: str) -> Path:
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    (folder / "config.yaml").write_text(
        f"review: {{title: T}}\noutcomes:\n  a:\n    title: A\n    table: a.csv\n{indented}"
    )
    (folder / "extracted").mkdir()
    (folder / "extracted" / "a.csv").write_text(rows)
    return folder


ROWS = "study,arm,yi,vi\nA,1,0.3,0.04\nA,2,0.4,0.05\nB,1,0.1,0.02\n"


@pytest.mark.parametrize(
    "lines",
    [
        "measure: GEN\nmethod: RVE",
        "measure: GEN\nmethod: MV\nrho: 0.6",
        "measure: GEN\naggregate: true",
        "measure: GEN\ntest: cr2",
    ],
)
def test_several_rows_per_study_are_declared_by_the_model(tmp_path, lines):
    jobs = plan(review(tmp_path, lines, ROWS))
    result = analyse(jobs.review.outcomes["a"], jobs.selections["a"])
    assert result.primary.pooled.k == 2


def test_several_rows_per_study_are_refused_without_such_a_model(tmp_path):
    with pytest.raises(TableError, match="in one pool twice"):
        plan(review(tmp_path, "measure: GEN", ROWS))


def test_an_assumed_rho_runs_over_its_grid(tmp_path):
    loaded = load_review(review(tmp_path, "measure: GEN\nmethod: RVE", ROWS) / "config.yaml")
    plans = loaded.outcomes["a"].plans
    assert [(p.name, p.model.rho) for p in plans] == [
        ("primary", 0.5),
        ("sensitivity:rho = 0.2", 0.2),
        ("sensitivity:rho = 0.8", 0.8),
    ]
    assert {p.model.test for p in plans} == {"cr2"}


@pytest.mark.parametrize(
    ("lines", "setting", "words"),
    [
        ("measure: MD\nmethod: MH", "measure|method", "MH pools two groups of counts"),
        ("measure: RR\nmethod: PETO", "measure|method", "PETO pools log odds ratios"),
        ("measure: OR\nmethod: MH\ntest: t", "test", "is no test of method MH"),
        ("measure: OR\nmethod: REML\ntest: pl", "test", "is no test of method REML"),
        ("measure: PLO\nmethod: BAYES\ntest: z", "test", "is no test of method BAYES"),
        ("measure: MD\nmethod: BAYES", "measure|method", "needs the scale of the prior"),
        ("measure: PLO\ntau2_interval: PL\nmethod: DL", "tau2_interval", "belongs to ML and REML"),
        ("measure: PLO\nmethod: GLMM\naggregate: true", "aggregate", "cannot pool aggregated"),
        ("measure: PFT\naggregate: true", "aggregate", "not pooled by PFT"),
        ("measure: SMD\nmethod: BAYES\naggregate: true", "aggregate", "PFT, BAYES or cr2"),
        ("measure: SMD\ntest: cr2\naggregate: true", "aggregate", "BAYES or cr2"),
        ("measure: PLO\nthresholds: [50]", "thresholds", "between 0 and 1"),
        ("measure: OR\nthresholds: [0, 2]", "thresholds", "above 0"),
        ("measure: SMD\ntest: cr2\ntau2_interval: QP", "tau2_interval", "gives no interval"),
        ("measure: PLO\nrho: 0.5", "rho", "uses no correlation within studies"),
        ("measure: MD\nicc: 0.1", "icc", "cannot pool effective sample sizes"),
        ("measure: OR\nmethod: MH\nicc: 0.1", "icc", "cannot pool effective sample sizes"),
        ("measure: IRR\nmethod: GLMM\nglmm: CM.AL", "glmm", "no approximate one"),
        ("measure: PLO\nmethod: GLMM\nprediction_interval: knha", "prediction_interval", "Knapp"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_by_name(tmp_path, lines, setting, words):
    with pytest.raises(ConfigError) as caught:
        load_review(review(tmp_path, lines, ROWS) / "config.yaml")
    (problem,) = caught.value.problems
    assert words in str(problem)
    assert problem.column in {f"outcomes.a.{name}" for name in setting.split("|")}


CROSSED = [
    (s, y + shift, 0.02)
    for s, y in zip("ABCDE", (0.1, 0.5, 0.9, 1.3, 1.7), strict=True)
    for shift in (0, 0.2)
]


@pytest.mark.parametrize("model", [{"method": "RVE", "test": "cr2", "rho": 0.8}, {"test": "cr2"}])
def test_levels_that_share_studies_are_not_compared_as_if_independent(model):
    rows = effects(CROSSED)
    rows = tuple(TableRow(r.line, r.cells | {"side": "ab"[i % 2]}) for i, r in enumerate(rows))
    (test,) = result_of(rows, Model("GEN", **model), subgroups=("side",)).subgroup_tests
    assert test.q is None and "5 studies have rows in several levels" in test.note


@pytest.mark.parametrize(("method", "test"), [("MV", "t"), ("RVE", "cr2"), ("REML", "cr2")])
def test_rows_of_one_study_have_no_exact_limits_of_their_sum(method, test):
    rows = table(
        *(
            {"study": study, "arm": str(month), "events": "0", "total": "20"}
            for study in "AB"
            for month in (3, 6, 12)
        )
    )
    found = pooled(rows, measure="PLO", method=method, test=test, rho=0.5)
    assert found.k == 2 and found.n is None and found.estimate is None
    assert "no study has an event" in found.notes[0]


def test_the_policy_counts_the_studies_that_say_something():
    silent = [(0, 30, 0, 31), (0, 40, 0, 38), (0, 25, 0, 25)]
    result = result_of(
        trials([*TRIALS[:2], *silent]),
        Model("OR", method="GLMM", test="t", thresholds=(0.5,), prediction_interval="hts"),
    )
    found = result.primary.pooled
    assert found.k == 5 and found.policy.startswith("two studies")
    assert found.pi_low is None and found.beyond == ()
    assert any("Bayes" in analysis.name for analysis in result.analyses)


def test_a_single_study_with_an_empty_cell_says_that_its_effect_is_corrected():
    (effect,) = result_of(trials([(0, 40, 6, 38)]), Model("OR")).primary.effects
    assert effect.flags == ("continuity correction, to show the row only",)


@pytest.mark.parametrize("threshold", [0.0, -1.0])
def test_a_threshold_at_the_end_of_the_scale_is_answered(threshold):
    model = Model("OR", method="BAYES", test="posterior", thresholds=(threshold,))
    assert pooled(trials(), **vars(model)).beyond[0].above == 1


def test_a_subgroup_borrows_the_correlations_of_the_whole_pool():
    base = {"mean_pre": "50", "sd_pre": "10", "mean_post": "30", "sd_post": "8", "n": "20"}
    rows = table(
        base | {"correlation": "0.9", "side": "a"},
        base | {"correlation": "0.85", "side": "a"},
        base | {"side": "b"},
        base | {"side": "b"},
    )
    result = result_of(rows, Model("MC"), subgroups=("side",))
    inside = next(a for a in result.analyses if a.name == "subgroup:side=b")
    assert [e.vi for e in inside.effects] == [e.vi for e in result.primary.effects[2:]]


MIXED = (
    "measure: MC\nscale: {important_difference: 10}\ndirection: lower\ntau_prior: 8\n"
    "sensitivity: [{name: x, measure: SMCC}, {name: y, correlation: 0.1}]"
)


def test_thresholds_and_priors_stay_with_the_measure_they_were_set_for(tmp_path):
    primary, other, assumed, *_ = (
        load_review(review(tmp_path, MIXED, ROWS) / "config.yaml").outcomes["a"].plans
    )
    assert (primary.model.thresholds, primary.model.tau_prior) == ((-10.0,), 8.0)
    assert (other.model.thresholds, other.model.tau_prior) == ((), None)
    assert not assumed.model.sibling_correlation and primary.model.sibling_correlation


def test_a_default_prior_holds_where_its_scale_is_known(tmp_path):
    folder = review(tmp_path, "measure: MD", ROWS)
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(f"{text}model: {{tau_prior: 0.5}}\n")
    assert load_review(folder / "config.yaml").outcomes["a"].plans[0].model.tau_prior is None
    (folder / "config.yaml").write_text(f"{text.replace('MD', 'OR')}model: {{tau_prior: 0.7}}\n")
    assert load_review(folder / "config.yaml").outcomes["a"].plans[0].model.tau_prior == 0.7


def test_studies_are_added_by_a_column_that_exists(tmp_path):
    with pytest.raises(ConfigError, match="has no such column"):
        plan(review(tmp_path, "measure: GEN\naggregate: true\ncumulative: yeer", ROWS))


def test_a_prior_that_the_data_contradict_is_said_so():
    far = effects([("A", 0.1, 0.001), ("B", 2.1, 0.001), ("C", 4.5, 0.001)])
    found = pooled(far, measure="GEN", method="BAYES", test="posterior", tau_prior=0.5)
    assert any("data and prior disagree" in note for note in found.notes)


def test_the_settings_of_a_result_are_those_that_were_used():
    result = result_of(trials(), Model("OR", method="BAYES", test="posterior"))
    assert result.primary.settings["tau_prior"] == 0.5


def test_a_refit_of_few_studies_keeps_its_warning():
    rows = effects([row for row in REPEATED if row[0] in "ABC"])
    result = result_of(rows, Model("GEN", method="RVE", test="cr2", rho=0.8))
    assert all("unreliable" in refit.note for refit in result.leave_one_out)
    assert all(refit.cook is not None for refit in result.leave_one_out)
