"""Numbers that look copied, computed or skewed; and quartiles that are no reason for doubt."""

import random
from fractions import Fraction

import pytest
from honest_reviews import outcome, review, rows

from metamill.audit.beside.plausible import check_plausible, check_repeated_numbers
from metamill.audit.beside.scale_limits import beyond_scale
from metamill.audit.finding import Group
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


def test_the_digits_of_all_means_and_sds_that_two_studies_share_add_up():
    both = arms("2.9", "1.7", "60", "3.9", "1.9", "60")
    ((at, finding),) = check_repeated_numbers(rows(both, both), outcome(), Scale())
    assert (at, finding.check, finding.level) == (1, "repeated_pair", "question")
    assert finding.columns == ("mean_treatment", "sd_treatment", "mean_control", "sd_control")
    assert finding.arithmetic.startswith("S3 and S2 (line 2) both say 2.9 ± 1.7 and 3.9 ± 1.9: ")
    assert not pooled(both, both | {"mean_control": "3.8"})
    swapped = arms("3.9", "1.9", "60", "2.9", "1.7", "60")
    assert pooled(both, swapped) == [(1, "repeated_pair", "question")]
    change = {"mean_change": "-1.2", "sd_change": "0.8"}
    assert pooled(both | change, both) == [(1, "repeated_pair", "question")]


def test_two_studies_of_several_rows_are_asked_about_once():
    one, two = {"mean": "78.3", "sd": "18.8"}, {"mean": "64.2", "sd": "12.7"}
    table = [one | {"study": "A"}, two | {"study": "A"}, one | {"study": "B"}, two | {"study": "B"}]
    assert pooled(*table) == [(2, "repeated_pair", "question")]


def test_the_more_pairs_are_compared_the_more_digits_two_studies_must_share():
    def others(count):
        return [{"mean": f"{i}", "sd": "7"} for i in range(100, 100 + count)]

    pair = [{"mean": "78.3", "sd": "18.8"}] * 2  # four digits after the first ones
    exact = [{"mean": "78.31", "sd": "18.84"}] * 2  # six
    assert [code for _, code, _ in pooled(*pair, *others(70))] == ["repeated_pair"]
    assert not pooled(*pair, *others(90))
    assert [code for _, code, _ in pooled(*exact, *others(300))] == ["repeated_pair"]


def test_an_honest_table_of_300_studies_is_hardly_asked_about_repeated_numbers():
    found = [code for seed in range(4) for _, code, _ in pooled(*honest_cells(seed))]
    assert found.count("repeated_pair") <= 2


def honest_cells(seed):
    rng = random.Random(seed)
    drawn = [row.cells for _ in range(30) for row in review(rng, places=seed % 3)]
    return [cells | {"study": f"T{i}"} for i, cells in enumerate(drawn)]


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


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"mean": "30", "sd": "50.4", "n": "30"}, False),  # at most 46.6 with a mean of 30
        ({"mean": "50", "sd": "51.2", "n": "30"}, False),  # at most 50.9
        ({"mean": "50", "sd": "50.4", "n": "30"}, True),
        ({"mean": "50", "sd": "51.2", "n": "5"}, True),  # at most 55.9
        ({"mean": "50", "sd": "51.2"}, True),  # of two values it may be
        ({"mean": "50", "sd": "72", "n": ""}, False),
        ({"mean": "60", "sd": "41", "n": "30", "min": "50", "max": "100"}, False),
    ],
)
def test_an_sd_that_is_impossible_on_its_scale_is_not_called_skewed(cells, told):
    scale = Scale(low=Fraction(0), high=Fraction(100))
    assert found(cells, scale) == ([("skewed", "info")] if told else [])


def test_no_limits_and_one_unit_say_nothing_about_an_sd():
    cells = {"mean": "50", "sd": "51.2", "n": "30"}
    assert not beyond_scale(Group(cells))
    assert not beyond_scale(Group(cells, low=Fraction(0)))
    assert not beyond_scale(Group(cells | {"n": "1"}, low=Fraction(0), high=Fraction(100)))
    assert not beyond_scale(Group(cells | {"mean": "412"}, low=Fraction(0), high=Fraction(100)))
    assert beyond_scale(Group(cells, low=Fraction(0), high=Fraction(100)))


@pytest.mark.fault("B15")
def test_quartiles_that_no_normal_sample_has_are_no_reason_to_doubt_an_sd():
    """A flat sample: its quartiles would be those of a normal one with SD 45, not 32.2."""
    follow_up = {"mean": "50.9", "sd": "32.2", "median": "54", "q1": "21", "q3": "78", "n": "27"}
    assert not found(follow_up | {"min": "2", "max": "103"})
    assert not found(follow_up)
