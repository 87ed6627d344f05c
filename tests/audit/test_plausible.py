"""Numbers that look copied, computed or skewed; and quartiles that are no reason for doubt."""

from fractions import Fraction

import pytest
from honest_reviews import outcome, rows

from metamill.audit.beside.plausible import check_plausible, check_repeated_numbers
from metamill.audit.rows import Scale


def found(cells, scale=None):
    return [(f.check, f.level) for f in check_plausible(cells, scale or Scale(), "MD")]


def pooled(*cells):
    told = check_repeated_numbers(rows(*cells), outcome(), Scale())
    return [(at, f.check, f.level) for at, f in told]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"mean": "7.333333333333333"}, True),
        ({"sd_pre": "0.123456789012"}, True),
        ({"mean": "7.33333"}, False),
        ({"mean": "7.333333333333333", "value_status": "derived_from_CI"}, False),
        ({"mean": "7.333333333333333", "value_status": "reported"}, True),
        ({"yi": "0.123456789012345", "note": "7.333333333333333"}, False),
    ],
)
def test_a_number_with_the_digits_of_a_computer_is_told(cells, told):
    assert found(cells) == ([("computed_number", "info")] if told else [])


def test_decimals_beyond_those_of_all_other_studies_are_told():
    usual = [{"mean": "5.1"}, {"mean": "5.25"}]
    assert pooled(*usual, {"mean": "5.12345"}) == [(2, "computed_number", "info")]
    assert not pooled(*usual, {"mean": "5.1234"})
    assert not pooled({"mean": "5.125"}, {"mean": "5.12345"})
    assert not pooled({"mean": "5.12345"})
    assert not pooled(*usual, {"mean": "5.12345", "value_status": "derived_from_CI"})


def arms(mean, sd, n, mean_control, sd_control, n_control):
    return {
        "mean_treatment": mean,
        "sd_treatment": sd,
        "n_treatment": n,
        "mean_control": mean_control,
        "sd_control": sd_control,
        "n_control": n_control,
    }


@pytest.mark.parametrize(
    ("cells", "level"),
    [
        (arms("78.3", "18.8", "30", "78.3", "18.8", "30"), "question"),
        (arms("7.3", "1.8", "30", "7.3", "1.8", "30"), "info"),
        (arms("78.3", "18.8", "30", "78.3", "18.8", "31"), None),
        (arms("78.3", "18.8", "30", "78.30", "18.8", "30"), None),
        (arms("", "", "", "", "", ""), None),
        (
            {"mean_pre": "78.3", "sd_pre": "18.8", "mean_post": "78.3", "sd_post": "18.8"},
            "question",
        ),
        ({"mean_pre": "78.3", "sd_pre": "18.8", "mean_post": "33.1", "sd_post": "18.8"}, None),
    ],
)
def test_two_groups_with_the_same_numbers_are_asked_about(cells, level):
    assert found(cells) == ([("identical_groups", level)] if level else [])


def test_equal_counts_in_both_arms_are_no_reason_for_doubt():
    cells = {"events_treatment": "1", "total_treatment": "20", "events_control": "1"}
    assert not found(cells | {"total_control": "20"})


def test_one_mean_and_sd_in_two_studies_is_asked_about():
    one = {"mean_pre": "78.3", "sd_pre": "18.8"}
    assert pooled(one, {"mean_post": "78.3", "sd_post": "18.8"}) == [
        (1, "repeated_pair", "question")
    ]
    assert pooled(one, one, one) == [(i, "repeated_pair", "question") for i in (1, 2)]
    assert not pooled(one, one | {"sd_pre": "18.9"})
    assert not pooled({"mean_pre": "8.3", "sd_pre": "1.8"}, {"mean_pre": "8.3", "sd_pre": "1.8"})
    assert not pooled(one | {"study": "A"}, one | {"study": "A", "arm": "x"})


def test_equal_sds_throughout_a_study_are_told_once():
    cells = {"sd_pre": "12.1", "sd_post": "12.1", "sd_change": "12.1"}
    assert pooled(cells, {"sd_pre": "12.2"}) == [(0, "equal_sds", "info")]
    assert not pooled(cells | {"sd_post": "12.2"})
    assert not pooled({"sd_pre": "12.1", "sd_post": "12.1"})


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"mean": "20", "sd": "30", "median": "10", "n": "100"}, "0.33 SD above the median 10"),
        ({"mean": "20", "sd": "30", "median": "30", "n": "100"}, "0.33 SD below the median 30"),
        (
            {"mean": "20", "sd": "9", "median": "19", "q1": "18", "q3": "40", "n": "90"},
            "quartiles 18, 40 around the median 19",
        ),
        (
            {"mean": "20", "sd": "9", "median": "19", "min": "18", "max": "90", "n": "90"},
            "range 18, 90 around the median 19",
        ),
    ],
)
def test_a_mean_and_sd_of_skewed_values_are_told(cells, words):
    (finding,) = check_plausible(cells, Scale(), "MN")
    assert (finding.check, finding.level) == ("skewed", "info")
    assert words in finding.arithmetic


@pytest.mark.parametrize(
    "cells",
    [
        {"mean": "20", "sd": "30", "median": "15", "n": "100"},
        {"mean": "20", "sd": "30", "median": "10", "n": "10"},  # chance, in so few
        {"mean": "20", "sd": "30"},
        {"mean": "20", "sd": "30", "median": "", "n": ""},
        {"median": "10", "q1": "9", "q3": "40", "n": "90"},  # no mean is printed
        {"mean": "20", "sd": "9", "median": "19", "q1": "19", "q3": "19", "n": "90"},
        {"mean": "20", "sd": "9", "median": "19", "q1": "18", "q3": "40", "n": "4"},
    ],
)
def test_what_chance_explains_is_not_called_skewed(cells):
    assert not found(cells)


def test_an_sd_larger_than_the_way_to_the_end_of_the_scale_is_told():
    scale = Scale(low=Fraction(0), high=Fraction(100))
    assert found({"mean_post": "3.36", "sd_post": "5.70"}, scale) == [("skewed", "info")]
    assert found({"mean_post": "96", "sd_post": "5.70"}, scale) == [("skewed", "info")]
    assert not found({"mean_post": "8.3", "sd_post": "2.8"}, scale)
    assert not found({"mean_post": "3.36", "sd_post": "5.70"})


@pytest.mark.fault("B15")
def test_quartiles_that_no_normal_sample_has_are_no_reason_to_doubt_an_sd():
    """A flat sample: its quartiles would be those of a normal one with SD 45, not 32.2."""
    follow_up = {"mean": "50.9", "sd": "32.2", "median": "54", "q1": "21", "q3": "78", "n": "27"}
    assert not found(follow_up | {"min": "2", "max": "103"})
    assert not found(follow_up)
