"""From rows to results: what is pooled, what is refused, and what is said about it."""

import math

import pytest

from metamill.analysis import analyse
from metamill.config.settings import Model, Outcome, Plan, RowFilter
from metamill.errors import NumericError
from metamill.results import SUMMARY_COLUMNS, Result, effects_csv, read, summary_rows, write
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection


def rows(*cells: dict[str, str]) -> tuple[TableRow, ...]:
    named = [{"study": f"S{i}", "unit": "patient"} | c for i, c in enumerate(cells)]
    return tuple(TableRow(i + 2, c) for i, c in enumerate(named))


def counts(*pairs: tuple[int, int]) -> tuple[TableRow, ...]:
    return rows(*({"events": str(x), "total": str(n)} for x, n in pairs))


def result_of(
    table_rows: tuple[TableRow, ...], *plans: Plan, subgroups: tuple[str, ...] = ()
) -> Result:
    outcome = Outcome("outcome", "t.csv", {}, plans, subgroups)
    return analyse(outcome, Selection("extracted/t.csv", table_rows, ("ELSEWHERE",)))


def pooled(table_rows: tuple[TableRow, ...], **model: object):
    return result_of(table_rows, Plan("primary", Model(**model))).primary.pooled


GLMM = {"measure": "PLO", "method": "GLMM", "test": "t"}


def test_no_study_left_is_said_and_nothing_is_estimated():
    everything = RowFilter({"unit": ("patient",)}, "all out")
    result = result_of(counts((1, 10), (2, 10)), Plan("primary", Model("PLO"), (everything,)))
    assert result.primary.pooled.k == 0
    assert result.primary.pooled.estimate is None
    assert result.primary.pooled.notes == ("no study to pool",)
    assert [item.reason for item in result.primary.left_out] == ["all out", "all out"]


@pytest.mark.parametrize("method", ["GLMM", "REML", "EE"])
def test_one_study_is_shown_as_it_is_and_not_pooled(method):
    found = pooled(counts((0, 40)), measure="PLO", method=method, test="t")
    assert not found.pooled
    assert found.estimate == 0
    assert found.ci_high == pytest.approx(0.08762, abs=5e-6), "Wilson limit of 0/40"
    assert found.mu is None and found.tau2 is None and found.pi_low is None
    assert "nothing is pooled" in found.notes[0]


def test_two_studies_have_no_prediction_interval_and_a_warning():
    found = pooled(counts((3, 40), (5, 30)), measure="PLO", test="adhoc")
    assert found.pooled and found.pi_low is None
    assert "one degree of freedom" in found.notes[0]


def test_prediction_interval_of_fewer_than_five_studies_is_marked():
    assert pooled(counts((3, 40), (5, 30), (9, 50)), measure="PLO").pi_doubtful
    five = counts((3, 40), (5, 30), (9, 50), (2, 20), (4, 44))
    assert not pooled(five, measure="PLO").pi_doubtful


@pytest.mark.parametrize("method", ["GLMM", "REML", "DL"])
def test_no_events_anywhere_gives_the_exact_limit_of_the_total(method):
    found = pooled(counts((0, 20), (0, 30), (0, 50)), measure="PLO", method=method, test="t")
    assert (found.estimate, found.ci_low) == (0, 0)
    assert found.ci_high == pytest.approx(1 - 0.025 ** (1 / 100), rel=1e-12)
    assert found.tau2 is None and not found.pooled
    assert "no study has an event" in found.notes[0]


def test_all_events_is_the_mirror_of_no_events():
    full = pooled(counts((20, 20), (30, 30), (50, 50)), **GLMM)
    none = pooled(counts((0, 20), (0, 30), (0, 50)), **GLMM)
    assert full.estimate == 1 and full.ci_high == 1
    assert full.ci_low == pytest.approx(1 - none.ci_high, rel=1e-12)


def test_studies_at_both_ends_are_refused_by_the_glmm_with_a_reason():
    found = pooled(counts((0, 50), (0, 60), (70, 70), (80, 80)), **GLMM)
    assert found.estimate is None and found.tau2 is None
    assert any(note.startswith("no estimate:") for note in found.notes)


@pytest.mark.fault("A4")
def test_identical_effects_under_knapp_hartung_have_no_interval_of_width_zero():
    same = rows(*({"yi": "0.5", "vi": v} for v in ("0.1", "0.2", "0.3")))
    found = pooled(same, measure="GEN", test="knha")
    assert found.mu == pytest.approx(0.5)
    assert found.mu_low is None and found.se is None and found.pi_low is None
    assert any("identical" in note for note in found.notes)
    assert pooled(same, measure="GEN", test="adhoc").se > 0


def test_equal_effects_have_no_tau2_and_no_prediction_interval():
    found = pooled(counts((3, 40), (5, 30), (9, 50)), measure="PLO", method="EE", test="z")
    assert found.tau2 is None and found.tau is None and found.pi_low is None
    assert found.i2 is not None


def test_a_printed_interval_is_shown_as_printed_and_pooled_on_its_scale():
    survival = rows(
        {"estimate": "0.796", "ci_low": "0.648", "ci_high": "0.977", "scale": "log", "n": "27"}
    )
    result = result_of(survival, Plan("primary", Model("GEN")))
    effect = result.primary.effects[0]
    assert (effect.estimate, effect.ci_low, effect.ci_high) == (0.796, 0.648, 0.977)
    assert effect.yi == pytest.approx(math.log(0.796))
    assert math.sqrt(effect.vi) == pytest.approx(0.1047, abs=5e-5)
    assert result.primary.pooled.n == 27


def test_effects_on_different_scales_are_refused():
    mixed = rows(
        {"estimate": "0.8", "ci_low": "0.6", "ci_high": "0.9", "scale": "log"},
        {"estimate": "0.8", "ci_low": "0.6", "ci_high": "0.9", "scale": "logit"},
    )
    with pytest.raises(NumericError, match="different scales"):
        pooled(mixed, measure="GEN")


def test_a_cloglog_interval_keeps_its_limits_in_order():
    survival = rows(
        {"estimate": "0.80", "ci_low": "0.70", "ci_high": "0.87", "scale": "cloglog"},
        {"estimate": "0.75", "ci_low": "0.60", "ci_high": "0.85", "scale": "cloglog"},
    )
    found = pooled(survival, measure="GEN")
    assert found.ci_low < found.estimate < found.ci_high


def test_a_change_says_where_its_correlation_comes_from():
    base = {"mean_pre": "50", "sd_pre": "10", "mean_post": "30", "sd_post": "8", "n": "20"}
    table = rows(base | {"correlation": "0.7"}, base | {"sd_change": "7"}, base)
    alone = Model("MC", sibling_correlation=False)
    result = result_of(table, Plan("primary", alone))
    flags = [effect.flags for effect in result.primary.effects]
    assert flags == [(), (), ("assumed r = 0.5",)]
    variances = [effect.vi for effect in result.primary.effects]
    assert variances[0] == pytest.approx((100 + 64 - 2 * 0.7 * 80) / 20)
    assert variances[1] == pytest.approx(49 / 20)
    assert variances[2] == pytest.approx((100 + 64 - 80) / 20)
    assert "assumed r = 0.5 in 1 of 3 rows" in result.primary.pooled.notes


def test_siblings_lend_their_correlation_before_one_is_assumed():
    base = {"mean_pre": "50", "sd_pre": "10", "mean_post": "30", "sd_post": "8", "n": "20"}
    table = rows(base | {"correlation": "0.7"}, base | {"correlation": "0.7"}, base)
    effect = result_of(table, Plan("primary", Model("MC"))).primary.effects[2]
    assert effect.vi == pytest.approx((100 + 64 - 2 * 0.7 * 80) / 20)
    (flag,) = effect.flags
    assert "from 2 sibling studies" in flag


def test_corrected_rows_are_flagged_where_the_correction_is_used():
    table = counts((0, 20), (3, 30), (2, 25))
    by_variance = result_of(table, Plan("primary", Model("PLO", "REML")))
    assert by_variance.primary.effects[0].flags == ("continuity correction",)
    by_likelihood = result_of(table, Plan("primary", Model("PLO", "GLMM", "t")))
    assert by_likelihood.primary.effects[0].flags == ()


def test_a_row_without_variance_stops_with_its_line():
    with pytest.raises(NumericError, match=r"line 2.*'S0'.*sampling variance 0"):
        pooled(counts((0, 20), (3, 30)), measure="PR", add=0.0, to="none")


@pytest.mark.fault("A22")
def test_subgroups_keep_a_level_that_is_not_reported():
    table = rows(
        *(
            {"events": x, "total": "40", "setting": s}
            for x, s in [("3", "a"), ("5", "a"), ("9", "b"), ("8", "b"), ("4", "")]
        )
    )
    result = result_of(table, Plan("primary", Model("PLO")), subgroups=("setting",))
    names = [a.name for a in result.analyses[1:] if not a.name.startswith("sensitivity:")]
    assert names == ["subgroup:setting=a", "subgroup:setting=b", "subgroup:setting=not reported"]
    (test,) = result.subgroup_tests
    assert test.q_df == 1 and 0 < test.q_p < 1
    assert "not reported" in test.note


def test_every_selected_row_is_in_effects_csv_used_or_with_its_reason():
    out = RowFilter({"study": ("S1",)}, "same patients as S0")
    result = result_of(counts((1, 10), (2, 10), (3, 10)), Plan("primary", Model("PLO"), (out,)))
    lines = effects_csv(result).splitlines()
    assert len(lines) == 1 + 3
    assert lines[2].startswith("S1,S1,3,no,") and lines[2].endswith("left out: same patients as S0")


def test_proportions_never_leave_zero_to_one():
    wide = counts((1, 3), (2, 3), (0, 4), (4, 4))
    found = pooled(wide, measure="PR")
    assert found.ci_low >= 0 and found.ci_high <= 1 and found.pi_low >= 0 and found.pi_high <= 1


def test_summary_has_a_row_per_analysis_and_a_reason_for_what_is_missing():
    result = result_of(counts((1, 10)), Plan("primary", Model("PLO")))
    (row,) = summary_rows(result)
    assert row["estimate"] == 0.1 and row["tau2"] is None
    assert "one study" in row["note"]


def test_two_patients_have_no_standardised_effect():
    table = rows(
        {"mean_pre": "10", "sd_pre": "2", "mean_post": "5", "sd_post": "2", "n": "2"},
        {"mean_pre": "10", "sd_pre": "2", "mean_post": "5", "sd_post": "2", "n": "20"},
    )
    with pytest.raises(NumericError, match="line 2"):
        pooled(table, measure="SMCC")


@pytest.mark.parametrize("sd_change", ["9", "0.5"])
def test_an_impossible_sd_of_the_change_is_refused(sd_change):
    base = {"mean_pre": "10", "sd_pre": "2", "mean_post": "5", "sd_post": "4", "n": "20"}
    with pytest.raises(NumericError, match=r"S1: an SD of the change of .* is impossible"):
        pooled(rows(base, base | {"sd_change": sd_change}), measure="SMCR")


def test_an_effect_given_twice_is_refused():
    twice = {"yi": "0.5", "vi": "0.1", "estimate": "9", "ci_low": "8", "ci_high": "10"}
    with pytest.raises(NumericError, match="given twice"):
        pooled(rows(twice | {"scale": "identity"}, {"yi": "1", "vi": "1"}), measure="GEN")


def test_effects_that_differ_by_rounding_only_are_identical():
    values = (10.1 - 5.1, 7.3 - 2.3, 8.2 - 3.2, 6.4 - 1.4)
    same = rows(*({"yi": repr(y), "vi": "0.1"} for y in values))
    found = pooled(same, measure="GEN", test="knha")
    assert found.p_value is None
    assert found.mu_low is None


def test_studies_of_one_unit_each_do_not_identify_a_glmm():
    found = pooled(counts((0, 1), (1, 1), (0, 1), (1, 1), (0, 1)), **GLMM)
    assert found.estimate is None
    assert "more than one unit" in found.notes[0]


def test_a_level_spelt_not_reported_is_the_same_as_an_empty_cell():
    table = rows(
        *(
            {"events": "3", "total": "40", "setting": setting}
            for setting in ("a", "a", "not reported", "", "not reported")
        )
    )
    result = result_of(table, Plan("primary", Model("PLO")), subgroups=("setting",))
    names = [a.name for a in result.analyses[1:] if not a.name.startswith("sensitivity:")]
    assert names == ["subgroup:setting=a", "subgroup:setting=not reported"]
    assert result.analyses[-1].pooled.k == 3


def test_nothing_is_called_corrected_where_no_correction_is_used():
    for result in (
        result_of(counts((0, 20), (0, 30)), Plan("primary", Model("PLO"))),
        result_of(counts((0, 20)), Plan("primary", Model("PLO"))),
    ):
        assert not any("correction" in note for note in result.primary.pooled.notes)
        assert all(effect.flags == () for effect in result.primary.effects)


def test_the_unit_is_that_of_the_pooled_rows():
    table = rows(
        {"events": "1", "total": "9"},
        {"events": "2", "total": "9"},
        {"events": "30", "total": "90", "unit": "screw"},
    )
    screws = RowFilter({"unit": ("screw",)}, "screws")
    assert result_of(table, Plan("primary", Model("PLO"), (screws,))).unit == "patient"


def test_a_glmm_needs_no_correction_and_is_not_stopped_by_its_absence():
    table = counts((0, 20), (3, 30), (2, 25))
    plain = pooled(table, **GLMM)
    assert pooled(table, **GLMM, add=0.0, to="none").mu == plain.mu


def test_the_double_arcsine_comes_with_its_warning():
    found = pooled(counts((0, 20), (3, 30), (2, 25)), measure="PFT")
    assert any("harmonic" in note for note in found.notes)


def test_events_in_neither_group_are_marked():
    none = {"events_treatment": "0", "total_treatment": "20"}
    none |= {"events_control": "0", "total_control": "22"}
    some = none | {"events_treatment": "2", "events_control": "5"}
    result = result_of(rows(none, some, some), Plan("primary", Model("RR")))
    assert "no event in either group" in result.primary.effects[0].flags
    assert result.primary.effects[1].flags == ()


def test_units_within_patients_are_said_to_be_counted_as_if_independent():
    screws = rows(*({"unit": "screw", "events": x, "total": "90"} for x in ("1", "4", "2")))
    result = result_of(screws, Plan("primary", Model("PLO")))
    assert any("too narrow" in note for note in result.primary.pooled.notes)


def test_every_empty_cell_of_the_summary_has_a_reason():
    result = result_of(
        counts((3, 40), (5, 30), (9, 50)), Plan("primary", Model("PLO", prediction=False))
    )
    row = summary_rows(result)[0]
    assert row["p_value"] is None and "no p value" in row["note"]
    assert row["pi_low"] is None and "not asked for" in row["note"]
    change = {"mean_pre": "50", "sd_pre": "10", "mean_post": "30", "sd_post": "8", "n": "20"}
    row = summary_rows(result_of(rows(change, change, change), Plan("primary", Model("MC"))))[0]
    assert row["events"] is None and "no events" in row["note"]
    assert row["p_value"] is not None and "no p value" not in row["note"]


def test_the_summary_has_exactly_the_columns_of_its_contract():
    assert ",".join(SUMMARY_COLUMNS) == (
        "outcome,analysis,measure,unit,method,test,k,n,events,estimate,ci_low,ci_high,pi_low,"
        "pi_high,p_value,mu,se,mu_low,mu_high,tau2,tau2_low,tau2_high,tau,i2,i2_low,i2_high,h2,"
        "q,q_df,q_p,note"
    )
    row = summary_rows(result_of(counts((1, 10), (2, 20)), Plan("primary", Model("PLO"))))[0]
    assert set(row) == set(SUMMARY_COLUMNS)


def test_a_result_reads_back_as_it_was_written(tmp_path):
    result = result_of(counts((1, 10), (2, 20), (4, 30)), Plan("primary", Model("PLO")))
    write(result, tmp_path / "result.json")
    again = read(tmp_path / "result.json")
    write(again, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "result.json").read_bytes()
    assert again.primary.pooled.mu == pytest.approx(result.primary.pooled.mu, rel=1e-9)
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(ValueError, match="not a metamill-result"):
        read(tmp_path / "result.json")
