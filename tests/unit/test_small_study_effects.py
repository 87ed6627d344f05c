"""Small-study effects of an outcome: what is done, what is refused, and what is said of it."""

import csv
import io
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from golden import check_golden
from made_up_small_studies import (
    QUIET,
    changes,
    correlated,
    counts,
    means,
    one_group,
    rates,
    reported,
    result_of,
)
from page_checks import check_pages

from metamill.config.settings import Display
from metamill.decoding import decoded
from metamill.explored.small_study import SmallStudyEffects
from metamill.figures.points.small_study import small_study
from metamill.figures.points.trim_fill import trim_fill
from metamill.figures.style import STYLES
from metamill.pooling.glmm_regression import regress_proportions
from metamill.pooling.identified import NotIdentified
from metamill.pooling.small_study import (
    chooses_peese,
    limit_estimate,
    line,
    orwin,
    precision_estimate,
    rank_test,
    step_selection,
    trim_and_fill,
)
from metamill.record.crosscheck import crosscheck
from metamill.reporting.small_study_section import small_study_section

ONE_GROUP = [("PLO", one_group), ("PFT", one_group), ("PR", one_group), ("IRLN", rates)]
BY_SE = {"egger", "egger_mixed", "begg"}
BY_LINE = {"pet", "peese", "pet_peese"}
BY_FUNNEL = {"trim_fill_l0", "trim_fill_r0", "limit"}
BY_P = {"selection_3", "selection_4"}
DISPLAY = Display("Mortality", direction="lower", treatment="New", control="Old")
STYLE = STYLES["default"]


def found(cells, measure, **model) -> SmallStudyEffects:
    return result_of(cells, measure, **model).explored.small_study


def made(effects):
    return {item.code for item in (*effects.tests, *effects.adjusted) if not item.refused}


def refused(effects):
    return {item.code: item.refused for item in (*effects.tests, *effects.adjusted) if item.refused}


@pytest.mark.parametrize("k", [0, 1, 2, 3, 9])
def test_fewer_than_ten_studies_have_no_test_and_the_reason_is_said(k):
    effects = found(counts(k), "OR")
    assert "fewer than the 10" in effects.reason
    assert not (effects.tests or effects.adjusted or effects.fail_safe)


@pytest.mark.parametrize(("measure", "cells"), ONE_GROUP)
def test_proportions_and_rates_are_tested_by_their_size_and_never_by_their_standard_error(
    measure, cells
):
    effects = found(cells(), measure)
    assert made(effects) == {"size"}
    assert set(refused(effects)) == BY_SE | BY_LINE | BY_FUNNEL | BY_P
    assert "depends on the" in refused(effects)["egger"]
    assert not effects.fail_safe and effects.baseline is None


def test_the_size_test_of_proportions_is_the_slope_of_the_mixed_model():
    cells = one_group()
    events, total = (np.array([float(c[name]) for c in cells]) for name in ("events", "total"))
    test = found(cells, "PLO", method="GLMM", test="t").tests[0]
    fit = regress_proportions(events, total, np.column_stack([np.ones(14), 1 / np.sqrt(total)]))
    assert (test.slope, test.p_value) == pytest.approx((fit.b[1], fit.p_value[1]), rel=1e-9)
    assert test.df == 12
    assert (test.method, test.test, test.predictor) == ("GLMM", "t", "1/sqrt(n)")
    assert test.direction == "lower"


def test_odds_ratios_have_their_own_tests_and_eggers_is_flagged():
    effects = found(counts(), "OR")
    assert [t.code for t in effects.tests][:3] == ["harbord", "peters", "arcsine"]
    egger = next(t for t in effects.tests if t.code == "egger")
    assert "depends on the effect" in egger.notes[-1]
    assert "too often shows small-study effects" in effects.notes[0]
    assert made(effects) >= BY_LINE | BY_FUNNEL


def test_risk_differences_have_peters_test_alone_and_no_funnel_is_filled():
    effects = found(counts(), "RD")
    assert {t.code for t in effects.tests if not t.refused} == {"peters"}
    assert set(refused(effects)) >= BY_SE | BY_LINE | BY_FUNNEL


@pytest.mark.parametrize(
    ("measure", "cells"), [("SMD", means), ("ROM", means), ("COR", correlated)]
)
def test_a_standard_error_that_holds_the_effect_gives_way_to_the_sizes(measure, cells):
    effects = found(cells(), measure)
    assert {t.code for t in effects.tests if not t.refused} == {"sample_size"}
    assert "limit" in refused(effects)
    pet = next(e for e in effects.adjusted if e.code == "pet")
    assert "in place of the standard error" in pet.notes[0]


def test_an_uncontrolled_change_is_tested_and_its_p_value_is_said_not_to_matter():
    effects = found(changes(), "MC")
    assert made(effects) == BY_SE | BY_LINE | BY_FUNNEL
    assert "significance does not decide what is published" in effects.notes[0]
    assert set(refused(effects)) == BY_P
    assert [item.studies for item in effects.fail_safe] == [None]


@pytest.mark.parametrize("measure", ["SMCC", "SMCR"])
def test_a_standardised_change_has_nothing_but_the_test_by_size(measure):
    assert made(found(changes(), measure)) == {"sample_size"}


def test_mean_differences_and_fisher_z_have_everything():
    for cells, measure in ((means(), "MD"), (correlated(), "ZCOR")):
        effects = found(cells, measure)
        assert made(effects) >= BY_SE | BY_LINE | BY_FUNNEL
        assert not set(refused(effects)) - BY_P


def test_reported_effects_are_tested_on_scales_without_proportions_only():
    effects = found(reported(), "GEN")
    assert made(effects) == BY_SE | {"pet", "peese"} | BY_FUNNEL
    assert "not known" in refused(effects)["pet_peese"]
    assert not made(found([c | {"yi": "0.2"} for c in reported(scale="logit")], "GEN"))


def test_several_rows_of_one_study_are_refused():
    cells = [c | {"study": f"S{i // 2}"} for i, c in enumerate(reported(24))]
    effects = found(cells, "GEN", method="RVE", test="cr2", rho=0.5)
    assert "several rows of one study" in effects.reason


def test_a_primary_analysis_of_another_kind_is_compared_with_inverse_variance():
    effects = found(counts(), "OR", method="MH", test="z")
    assert (effects.method, effects.test) == ("REML", "adhoc")
    assert any("the primary analysis is of another kind" in note for note in effects.notes)
    own = result_of(counts(), "OR")
    assert own.explored.small_study.baseline.mu == own.primary.pooled.mu


def test_mostly_empty_groups_are_refused():
    cells = [c | {"events_treatment": "0"} if i < 8 else c for i, c in enumerate(counts())]
    assert "continuity correction" in found(cells, "OR").reason


def test_orwins_number_needs_a_threshold_between_no_effect_and_the_mean():
    effects = found(means(), "MD", thresholds=(0.5, 40.0))
    ours = {f.undone: f for f in effects.fail_safe if f.code == "orwin"}
    yi = [e.yi for e in result_of(means(), "MD").primary.effects]
    assert ours["a mean of 0.5"].studies == orwin(yi, 0.5)
    assert "does not lie between" in ours["a mean of 40"].refused
    assert "whatever the data" in found(means(), "MD").fail_safe[-1].refused


@pytest.mark.parametrize(("effects", "target"), [([1.0, -1.0], 0.5), ([1.0, 2.0], 0.0)])
def test_orwins_number_refuses_a_mean_or_a_target_of_nothing(effects, target):
    with pytest.raises(ValueError, match="does not lie between"):
        orwin(effects, target)


def test_the_exploration_can_be_switched_off():
    quiet = replace(QUIET, small_study_effects=False)
    result = result_of(reported(), "GEN", explorations=quiet)
    assert result.explored.small_study is None
    assert small_study_section(result) is None


def test_the_result_survives_the_way_through_json():
    effects = found(counts(), "OR")
    assert decoded(SmallStudyEffects, json.loads(json.dumps(asdict(effects)))) == effects


@pytest.mark.parametrize(
    ("measure", "cells"),
    [("OR", counts), ("RR", counts), ("MD", means), ("MC", changes), ("GEN", reported)],
)
def test_other_engines_find_the_same_numbers(measure, cells):
    checks = [c for c in crosscheck(result_of(cells(), measure)) if "small-study" in c.analysis]
    assert len(checks) >= 22
    assert all(c.agrees and c.theirs is not None for c in checks)
    assert {c.engine for c in checks} == {"statsmodels", "scipy"}


def test_a_wrong_number_is_found_by_the_other_engines():
    result = result_of(means(), "MD")
    effects = result.explored.small_study
    tests = tuple(replace(t, slope=t.slope and t.slope * (1 + 1e-5)) for t in effects.tests)
    wrong = replace(effects, tests=tests)
    explored = replace(result.explored, small_study=wrong)
    checks = crosscheck(replace(result, explored=explored))
    assert [c.quantity for c in checks if not c.agrees] == ["egger, slope"]


def test_words_claim_compatibility_and_never_publication_bias_alone():
    section = small_study_section(result_of(counts(), "OR"))
    assert section["words"].startswith("Exploratory: ")
    assert (
        "point to small-study effects, of which publication bias is one cause" in (section["words"])
    )
    calm = small_study_section(result_of(changes(), "MC"))
    assert "rules none out" in calm["words"]
    assert any(line.startswith("Egger's test") for line in
               small_study_section(result_of(one_group(), "PLO"))["refused"])  # fmt: skip


def test_the_forest_of_adjusted_estimates_shows_each_with_its_interval():
    result = result_of(counts(), "OR")
    drawn = small_study(result, DISPLAY, STYLE)
    check_pages(drawn.pages, DISPLAY.width_mm, least_pt=6)
    rows = list(csv.DictReader(io.StringIO(drawn.table)))
    ours = {e.name: e for e in result.explored.small_study.adjusted}
    for row in rows[1:]:
        item = ours[row["method"]]
        assert bool(row["refused"]) == bool(item.refused)
        if item.estimate is not None:
            assert float(row["estimate"]) == pytest.approx(item.estimate)
    assert rows[0]["row"] == "pooled"
    check_golden("small_study", drawn.pages)


def test_the_filled_funnel_shows_the_studies_their_reflections_and_both_means():
    result = result_of(counts(), "OR")
    drawn = trim_fill(result, DISPLAY, STYLE)
    check_pages(drawn.pages, DISPLAY.width_mm, least_pt=6)
    rows = list(csv.DictReader(io.StringIO(drawn.table)))
    filling = result.explored.small_study.fillings[0]
    assert filling.k0 > 0
    assert sum(row["row"] == "filled in" for row in rows) == filling.k0
    assert sum(row["row"] == "study" for row in rows) == 14
    marks = [item for item in drawn.pages[0].items if item.role in ("study", "study outside")]
    assert len(marks) == 14 + filling.k0
    check_golden("trim_fill", drawn.pages)


@pytest.mark.parametrize("figure", [small_study, trim_fill])
@pytest.mark.parametrize("width", [84.0, 174.0])
def test_figures_of_other_measures_fit_their_pages_or_say_why_they_are_not_drawn(figure, width):
    display = replace(DISPLAY, width_mm=width)
    for cells, measure in ((correlated(), "ZCOR"), (changes(), "MC"), (reported(), "GEN")):
        check_pages(figure(result_of(cells, measure), display, STYLE).pages, width)
    for cells, measure in ((one_group(), "PLO"), (counts(5), "OR")):
        drawn = figure(result_of(cells, measure), display, STYLE)
        assert "not drawn" in drawn.caption


def test_equal_standard_errors_and_equal_effects_are_refused_in_words():
    y, same = np.linspace(0, 1, 12), np.full(12, 0.1)
    for call in (
        lambda: line(y, same, np.sqrt(same)),
        lambda: limit_estimate(y, same, 0.1),
        lambda: trim_and_fill(y, same),
        lambda: rank_test(y, same),
        lambda: rank_test(np.ones(12), y + 0.1),
        lambda: precision_estimate(np.ones(12), y + 0.1, y + 0.1),
        lambda: step_selection(y + 5, same, (0.025,)),
    ):
        with pytest.raises(NotIdentified, match=r"\w+ \w+"):
            call()
    effects = found([c | {"vi": "0.1"} for c in reported()], "GEN")
    assert set(refused(effects)) >= BY_SE | {"pet", "peese"} | BY_FUNNEL


def test_peese_is_taken_on_the_side_of_the_pooled_estimate_only():
    v = np.linspace(0.01, 0.5, 15)
    y = -0.5 + 0.05 * np.sin(np.arange(15))
    pet = precision_estimate(y, v, np.sqrt(v))
    assert chooses_peese(pet, -1.0)
    assert not chooses_peese(pet, 1.0)
