"""Statements of one number: found where they disagree, passed where they can be one."""

import pytest
from stated import table

from metamill.audit.finding import CONTRADICTION, INFO, QUESTION
from metamill.audit.stated.same_number import agreement, other_divisor
from metamill.audit.stated.statements import check_statements


def found(*statements):
    return [(line, f) for _, line, f in check_statements(table(*statements))]


def seen(*statements):
    return [(f.check, f.level, line) for line, f in found(*statements)]


RESULTS, DISCUSSION = {"section": "results"}, {"section": "discussion"}


@pytest.mark.fault("V33", "B10")
def test_a_count_printed_twice_with_different_numbers_is_a_contradiction_that_names_both_places():
    one = RESULTS | {"events": "20", "total": "30", "percent": "66.7", "location": "L87"}
    two = DISCUSSION | {"events": "19", "total": "30", "percent": "63.3", "location": "L151"}
    ((line, finding),) = found(one, two)
    assert (finding.check, finding.level, line) == ("printed_twice", CONTRADICTION, 3)
    assert finding.columns == ("events", "percent")
    assert "results, L87 (line 2)" in finding.arithmetic
    assert "discussion, L151" in finding.arithmetic


def test_the_same_number_with_other_digits_passes():
    assert not seen(RESULTS | {"mean": "2.17"}, DISCUSSION | {"mean": "2.2"})
    assert not seen(RESULTS | {"percent": "6.67"}, DISCUSSION | {"percent": "7"})
    assert not seen(RESULTS | {"mean": "50.9"}, DISCUSSION | {"mean": "50.90"})
    assert not seen(RESULTS | {"n": "27"}, DISCUSSION | {"n": "27"})


def test_digits_cut_off_and_ties_are_questions():
    assert agreement("mean", "5.2", "5.26") == QUESTION
    assert agreement("mean", "12", "13") == QUESTION
    assert agreement("mean", "5.2", "5.31") == CONTRADICTION
    assert agreement("mean", "-5.2", "-5.26") == QUESTION
    assert agreement("events", "12", "13") == CONTRADICTION
    assert agreement("mean", "12", "14") == CONTRADICTION
    assert agreement("mean", "12", "12.5") == ""
    assert agreement("mean", "12", "12.4") == ""


def test_zeros_that_are_no_digits_are_questions():
    assert agreement("mean", "12.00", "12.3") == QUESTION
    assert agreement("mean", "12300", "12345") == QUESTION
    assert agreement("mean", "12300", "12400") == QUESTION
    assert agreement("mean", "12300", "12500") == CONTRADICTION
    assert agreement("mean", "80", "84") == CONTRADICTION
    assert agreement("percent", "100", "96") == CONTRADICTION


def test_sds_with_n_and_n_minus_1_as_divisor_are_a_question_where_n_is_known():
    one, two = RESULTS | {"sd": "4.47", "n": "5"}, DISCUSSION | {"sd": "5.00"}
    ((_, finding),) = found(one, two)
    assert finding.level == QUESTION
    assert "an SD of 4.47 with n as divisor is 4.998 with n - 1 (n = 5)" in finding.arithmetic
    assert seen(two, one) == [("printed_twice", QUESTION, 3)]
    assert seen(one | {"n": ""}, two) == [("printed_twice", CONTRADICTION, 3)]
    assert seen(one | {"n": "9"}, two) == [("printed_twice", CONTRADICTION, 3)]
    assert seen(one | {"mean": "3"}, two | {"mean": "9"}) == [("printed_twice", CONTRADICTION, 3)]
    assert not other_divisor("3", "4", 1)


def test_a_percentage_elsewhere_that_was_made_to_add_up_is_a_question():
    assert seen(DISCUSSION | {"percent": "34"}, RESULTS | {"events": "1", "total": "3"}) == [
        ("printed_twice", QUESTION, 3)
    ]


def test_a_count_is_held_to_a_percentage_printed_elsewhere():
    count = RESULTS | {"events": "2", "total": "20"}
    told = [("other_total", "info", 3)]
    assert seen(count, DISCUSSION | {"percent": "2"}) == told
    assert ("printed_twice", CONTRADICTION, 3) in seen(DISCUSSION | {"percent": "2"}, count)
    assert not seen(DISCUSSION | {"percent": "10"}, count)


@pytest.mark.parametrize(
    "other",
    [
        {"quantity": "y"},
        {"group": "half"},
        {"category": "c"},
        {"occasion": "after"},
        {"study": "B"},
        {"unit": "screw"},
        {"time_months": "12"},
    ],
)
def test_statements_of_other_things_are_not_compared(other):
    one = RESULTS | {"mean": "5", "unit": "patient", "time_months": "6"}
    assert not seen(one, DISCUSSION | {"mean": "9"} | other)


def test_a_unit_that_is_left_open_does_not_hide_a_disagreement():
    one = RESULTS | {"percent": "6.7", "unit": "patient"}
    assert seen(one, DISCUSSION | {"percent": "2"}) == [("printed_twice", CONTRADICTION, 3)]


@pytest.mark.fault("V33")
def test_the_same_events_in_two_groups_are_a_question():
    one = {"events": "5", "total": "27", "group": "all"}
    two = {"events": "5", "total": "19", "group": "with CT"}
    ((line, finding),) = found(one, two)
    assert (finding.check, finding.level, line) == ("same_events_stated", QUESTION, 3)
    assert "18.52 % and 26.32 %" in finding.arithmetic


def test_parts_of_one_whole_may_have_as_many_events():
    one = {"events": "5", "total": "27", "group": "men", "part_of": "all"}
    assert not seen(one, {"events": "5", "total": "19", "group": "women", "part_of": "all"})
    assert not seen({"events": "0", "total": "27"}, {"events": "0", "total": "19", "group": "y"})


@pytest.mark.fault("V32", "B7")
def test_a_percentage_of_too_few_patients_is_told_what_else_it_may_be_out_of():
    events = {"events": "2", "total": "30", "percent": "6.7"}
    two = {"group": "fixation", "total": "20", "percent": "2", "section": "discussion"}
    told = [f for _, f in found(events, two) if f.check == "other_total"]
    assert told[0].level == INFO and "80 to 133" in told[0].arithmetic
    three = {"group": "fixation", "events": "2", "total": "20", "percent": "6.7"}
    told = [f for _, f in found(events, three) if f.check == "other_total"]
    assert "2 are 6.7 % of 30 (x, all, results, L2)" in told[0].arithmetic


@pytest.mark.parametrize(
    ("printed", "below"), [("0.000", "0.0005"), ("p = .00", "0.005"), ("0", "0.5")]
)
def test_a_p_of_zero_is_a_question(printed, below):
    ((_, finding),) = found({"p_printed": printed})
    assert finding.check == "p_zero" and finding.arithmetic.endswith(f"below {below}")


@pytest.mark.parametrize("printed", ["<0.01", "0.001", "<0.000", "n.s.", "p=0.03", ""])
def test_other_p_values_pass(printed):
    assert not seen({"p_printed": printed})


def test_there_may_be_no_statements():
    assert not list(check_statements(None))
