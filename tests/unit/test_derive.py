"""Quantities that are derived from others: right, recorded, and refused where they contradict."""

import json
import math
import re
import subprocess
import sys
from decimal import (
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Decimal,
    localcontext,
)
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri, stdtr

from metamill.measures.derive import (
    SiblingCorrelation,
    derive,
    measure_columns,
    sibling_correlations,
)
from metamill.measures.derive.agreement import contradictions
from metamill.measures.derive.change import change_sd, change_sd_limits, mean_correlation
from metamill.measures.derive.five_numbers import (
    mean_factor,
    mean_weights,
    sd_factor,
    sd_weights,
    skewed,
)
from metamill.measures.derive.order_statistics import linear_moments, normal_moments
from metamill.measures.derive.possible import largest_sd
from metamill.measures.derive.printed import count_from_percent, span
from metamill.measures.prepare import prepare
from metamill.measures.registry import effect_sizes, study_limits
from metamill.measures.scales import BACK
from metamill.tables.codebook import COLUMNS
from metamill.tables.derivations import (
    DERIVATIONS,
    FIVE,
    FROM_ORDER,
    QUARTILES,
    RANGE,
)
from metamill.tables.needs import COLUMN_SETS, missing_columns

ROOT = Path(__file__).resolve().parents[2]
FROZEN = json.loads((ROOT / "tests/reference/derive.json").read_text())
PAGE = (ROOT / "docs/statistics/preparation.md").read_text(encoding="utf-8")
CLOSED = 1e-9
ROUNDING = (ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN)


def cells(**columns):
    """Cells as text; floats with every digit, so that no rounding is left to allow for."""
    return {name: x if isinstance(x, str) else repr(x) for name, x in columns.items()}


def of(case, *names):
    return cells(**{name: case[name] for name in names})


def mean_row(**columns):
    return derive("MN", cells(**columns))


def change_row(**columns):
    return derive("MC", cells(**columns))


BASE = {"mean_pre": "50", "sd_pre": "10", "mean_post": "30", "sd_post": "8", "n": "20"}
ARMS = {"mean_treatment": "10.0", "n_treatment": "25", "mean_control": "6.2", "n_control": "22"}


# SDs from standard errors, intervals, t and p


def test_the_frozen_grid_is_complete():
    assert {kind: len(cases) for kind, cases in FROZEN["tests"].items()} == {
        "one": 4,
        "paired": 4,
        "two": 3,
    }
    assert [case["n"] for case in FROZEN["order_statistics"]] == [5, 9, 21]
    assert {"R", "metafor", "MASS"} <= set(FROZEN["versions"])


@pytest.mark.parametrize("case", FROZEN["tests"]["one"], ids=lambda case: case["source"])
@pytest.mark.parametrize("names", [("se",), ("ci_low", "ci_high")])
def test_the_sd_of_a_sample_comes_back_from_the_t_test_of_r(case, names):
    row = derive("MN", of(case, "n", "mean", *names))
    assert row.columns["sd"] == pytest.approx(case["sd"], rel=CLOSED)
    assert row.factor == 1


@pytest.mark.parametrize("case", FROZEN["tests"]["paired"], ids=lambda case: case["source"])
@pytest.mark.parametrize("means", [("mean_change",), ("mean_pre", "mean_post")])
@pytest.mark.parametrize(
    "names", [("se_change",), ("ci_low_change", "ci_high_change"), ("t_change",), ("p_change",)]
)
def test_the_sd_of_a_change_comes_back_from_the_paired_t_test_of_r(case, means, names):
    row = derive("MC", of(case, "n", *means, *names))
    assert row.columns["sd_change"] == pytest.approx(case["sd_change"], rel=CLOSED)
    assert row.columns["mean_change"] == pytest.approx(case["mean_change"], rel=CLOSED)


@pytest.mark.parametrize("case", FROZEN["tests"]["two"], ids=lambda case: case["source"])
@pytest.mark.parametrize(
    "names",
    [
        ("se_difference",),
        ("ci_low_difference", "ci_high_difference"),
        ("t_difference",),
        ("p_difference",),
    ],
)
def test_the_pooled_sd_comes_back_from_the_two_sample_t_test_of_r(case, names):
    sides = ("mean_treatment", "n_treatment", "mean_control", "n_control")
    row = derive("MD", of(case, *sides, *names))
    for arm in ("treatment", "control"):
        assert row.columns[f"sd_{arm}"] == pytest.approx(case["pooled_sd"], rel=CLOSED)
    assert len(row.derived) == 2 and len(row.flags) == 1


@pytest.mark.parametrize("case", FROZEN["tests"]["paired"], ids=lambda case: case["source"])
def test_everything_r_says_of_one_data_set_agrees(case):
    columns = [name for name in case if name != "source"]
    row = derive("SMCR", of(case, *columns))
    assert row.derived == () and row.flags == ()
    without_r = derive("SMCR", of(case, *(name for name in columns if name != "correlation")))
    assert without_r.columns["correlation"] == pytest.approx(case["correlation"], rel=CLOSED)


def test_handbook_6_5_2_2_quantile_for_25_units():
    row = mean_row(mean="30", n="25", ci_low="25.872", ci_high="34.128")
    assert row.columns["sd"] == pytest.approx(5 * 8.256 / 4.128, rel=1e-4), "2 x 2.0639"


def test_handbook_6_5_2_3_pooled_sd_from_p_of_0_008():
    row = derive("MD", cells(**ARMS, p_difference="0.008"))
    assert round(row.columns["sd_control"], 2) == pytest.approx(4.68, abs=0.011)
    assert row.flags[0] == "pooled SD from p of the difference"
    by_t = derive("MD", cells(**ARMS, t_difference="2.78"))
    assert 3.8 / 2.78 / math.sqrt(1 / 25 + 1 / 22) == pytest.approx(by_t.columns["sd_control"])


@pytest.mark.parametrize(
    ("pre", "post", "change", "r"),
    [("6.4", "7.1", "4.5", 0.78), ("7.0", "6.9", "4.2", 0.82)],
    ids=["experimental", "control"],
)
def test_handbook_6_5_2_8_correlations(pre, post, change, r):
    row = derive("SMCR", BASE | {"sd_pre": pre, "sd_post": post, "sd_change": change})
    assert round(row.columns["correlation"], 2) == r


@settings(max_examples=60)
@given(st.floats(1e-3, 1e6), st.integers(2, 10**6))
def test_an_sd_survives_the_way_to_its_standard_error_and_back(sd, n):
    row = mean_row(mean="0", n=n, se=sd / math.sqrt(n))
    assert row.columns["sd"] == pytest.approx(sd, rel=1e-12)


@pytest.mark.parametrize(
    ("row", "how"),
    [
        ({"sd": "5", "se": "1.0", "ci_low": "7.9", "ci_high": "12.1"}, None),
        ({"se": "1.0", "ci_low": "7.9", "ci_high": "12.1"}, "from standard error"),
        ({"ci_low": "7.9", "ci_high": "12.1", "q1": "7", "q3": "13"}, "from CI"),
        ({"q1": "7", "q3": "13", "min": "1", "max": "19"}, "from median, quartiles and range"),
    ],
)
def test_the_most_direct_way_is_taken_and_recorded(row, how):
    found = mean_row(mean="10", n="25", **row)
    assert [item.how.split(" (")[0] for item in found.derived] == ([how] if how else [])
    for item in found.derived:
        assert item.column == "sd" and item.value == found.columns["sd"]
        assert set(item.source_columns) <= {*row, "n"}


def test_an_interval_with_a_normal_quantile_agrees_with_its_sd():
    reach = 1.959963984540054 * 5 / math.sqrt(8)
    row = {"mean": 10.0, "sd": 5.0, "n": 8, "ci_low": 10 - reach, "ci_high": 10 + reach}
    assert mean_row(**row).columns["sd"] == 5


@pytest.mark.parametrize("witness", [{"t_change": -6.172134}, {"correlation": 0.5}])
def test_a_normal_quantile_that_a_witness_proves_is_taken(witness):
    sd = change_sd(10, 8, 0.5)
    reach = 1.959963984540054 * sd / math.sqrt(8)
    row = BASE | {"n": 8, "ci_low_change": -20 - reach, "ci_high_change": -20 + reach}
    found = change_row(**row | {"sd_pre": "10.00", "sd_post": "8.00"} | witness)
    assert found.columns["sd_change"] == pytest.approx(sd, rel=1e-12)
    assert found.flags == ("SD of the change from CI of the normal quantile",)


def test_coarse_digits_are_told():
    row = change_row(mean_change="-20", p_change="0.3", n="20")
    assert row.flags == (
        "SD of the change from p",
        "the digits of p allow sd_change from 73.5 to 95.7",
    )
    assert change_row(mean_change="-20", p_change="0.300", n="20").flags == row.flags[:1]
    by_t = change_row(mean_change="-20", t_change="-0.4", n="20")
    assert by_t.flags[1] == "the digits of t allow sd_change from 194 to 262"


@pytest.mark.parametrize(
    ("measure", "row", "words"),
    [
        ("MN", {"mean": "10", "n": "25", "sd": "1.0", "se": "1.0"}, "sd 1.0 and se 1.0, n 25 con"),
        ("MN", {"mean": "10", "n": "25", "se": "1.1", "ci_low": "9", "ci_high": "11"}, "contrad"),
        ("MN", {"mean": "10", "n": "25", "ci_low": "12", "ci_high": "14"}, "does not hold mean 10"),
        ("MN", {"mean": "10", "n": "25", "ci_low": "8.0", "ci_high": "16.0"}, "middle at 12 and"),
        ("MN", {"mean": "10", "n": "25", "ci_low": "10", "ci_high": "10"}, "no standard dev"),
        ("MN", {"mean": "10", "n": "1", "se": "2"}, "1 units have no standard deviation"),
        ("MN", {"mean": "10", "n": "25", "se": "2.0", "min": "5", "max": "15"}, "cannot have"),
        ("MN", {"median": "10", "q1": "9", "q3": "12", "n": "4"}, "at least 5 units"),
        ("MN", {"median": "10", "q1": "11", "q3": "12", "n": "9"}, "q1 11 is larger than median"),
        ("MN", {"median": "10", "q1": "10", "q3": "10", "n": "9"}, "both 10, which gives no SD"),
        ("MN", {"median": "10", "min": "10", "max": "10", "n": "9"}, "min and max are both 10"),
        ("MC", {"mean_change": "-5", "p_change": "0", "n": "9"}, "p_change is 0, but a p value"),
        ("MC", {"mean_change": "-5", "p_change": "0.000", "n": "9"}, "above 0 and at most 1"),
        ("MC", {"mean_change": "-5", "p_change": "1.2", "n": "9"}, "above 0 and at most 1"),
        ("MC", {"mean_change": "-5", "p_change": "1", "n": "9"}, "gives no standard deviation"),
        ("MC", {"mean_change": "0", "p_change": "0.5", "n": "9"}, "gives no standard deviation"),
        ("MC", {"mean_change": "-5", "t_change": "0", "n": "9"}, "gives no standard deviation"),
        ("MC", {"mean_change": "0", "t_change": "0", "n": "9"}, "gives no standard deviation"),
        ("MC", BASE | {"mean_change": "20"}, "mean_change is 20, but mean_post 30 minus mean_pre"),
        ("MC", BASE | {"sd_change": "20"}, "impossible with SDs of 10 and 8"),
        ("MC", BASE | {"sd_change": "0.5"}, "impossible with SDs of 10 and 8"),
        ("MC", BASE | {"se_change": "9"}, "impossible with SDs of 10 and 8"),
        ("MC", BASE | {"sd_change": "7", "correlation": "0.2"}, "correlation 0.2 and an SD of"),
        ("MC", BASE | {"sd_change": "7", "t_change": "-1.5"}, "contradict each other"),
        ("MC", BASE | {"ci_low_change": "-18", "ci_high_change": "-5"}, "does not hold the change"),
        (
            "MD",
            ARMS | {"ci_low_difference": "5.1", "ci_high_difference": "6.2"},
            "does not hold the difference 3.8",
        ),
        ("PLO", {"percent": "43.2", "total": "38"}, "the nearest are 16 (42.105 %) and 17 (44.737"),
        ("PLO", {"percent": "43", "total": "150"}, "fits 64 (42.667 %) and 65 (43.333 %)"),
        ("PLO", {"percent": "0", "total": "5000"}, "all counts from 0 (0.000 %) to 25 (0.500 %)"),
        ("PLO", {"percent": "101", "total": "50"}, "is no share of a group"),
    ],
)
def test_cells_that_contradict_each_other_are_named(measure, row, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        derive(measure, row)


@pytest.mark.parametrize(
    ("measure", "row", "expected", "words"),
    [
        (
            "MC",
            {"mean_change": "-5", "t_change": "3.2", "n": "9"},
            {"sd_change": 15 / 3.2},
            "they should have one sign (post minus pre); papers also print t without its sign",
        ),
        (
            "MD",
            ARMS | {"t_difference": "-2.78"},
            {"sd_control": 3.8 / 2.78 / 0.29234},
            "they should have one sign (treatment minus control)",
        ),
    ],
)
def test_a_t_without_its_sign_gives_the_sd_of_its_size_and_is_told(measure, row, expected, words):
    found = derive(measure, row)
    assert any(words in flag for flag in found.flags)
    for name, value in expected.items():
        assert found.columns[name] == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(
    ("measure", "row", "excuse"),
    [
        (
            "MN",
            {"mean": "12300", "sd": "4500", "se": "460", "n": "97"},
            "Whole numbers that were rounded to tens or hundreds would explain it",
        ),
        ("MN", {"mean": "25.00", "sd": "5.00", "se": "1.05", "n": "25"}, "Zeros that were added"),
        ("OR", {"events_control": "1", "total_control": "3", "percent_control": "34"}, "contra"),
    ],
)
def test_what_another_habit_of_printing_explains_is_flagged_and_not_refused(measure, row, excuse):
    (found,) = contradictions(row, measure_columns(measure))
    assert not found.certain
    assert excuse in f"{found.mended} would explain it, {found.reason}"


def test_numbers_beyond_every_habit_are_certain_to_contradict_each_other():
    for row in (
        {"mean": "12300", "sd": "4500", "se": "640", "n": "97"},
        {"mean": "25.00", "sd": "5.00", "se": "1.25", "n": "25"},
        {"mean": "104", "sd": "20", "se": "5", "n": "25"},
    ):
        assert [item.certain for item in contradictions(row, ("sd",))] == [True]


def test_an_impossible_sd_of_a_change_is_told_with_four_digits():
    row = BASE | {"se_change": "9.123"}
    (found,) = contradictions(row, ("sd_change",))
    assert "an SD of the change of 40.8 is impossible" in found.reason


def test_a_contradiction_of_the_last_digit_alone_is_none():
    assert mean_row(mean="10", n="25", sd="5.2", se="1.0").columns["sd"] == 5.2
    assert derive("SMCR", BASE | {"sd_change": "18.4"}).columns["correlation"] == -1
    assert change_row(**BASE | {"mean_change": "-21"}).columns["mean_change"] == -21


# the change and its correlation


def test_the_sources_of_the_sd_of_a_change_are_taken_in_order():
    siblings = SiblingCorrelation(0.6, 3)
    ways = {"sd_change": "7", "se_change": "1.565", "correlation": "0.72"}
    sd = []
    for dropped in range(4):
        row = BASE | dict(list(ways.items())[dropped:])
        sd.append(derive("MC", row, siblings=siblings).columns["sd_change"])
    sd.append(derive("MC", BASE).columns["sd_change"])
    expected = [7, 1.565 * math.sqrt(20), *(change_sd(10, 8, r) for r in (0.72, 0.6, 0.5))]
    assert sd == pytest.approx(expected, rel=1e-14)


def test_p_of_welchs_test_agrees_with_its_standard_error():
    sizes = {"n_treatment": "103", "n_control": "3"}
    means = {"mean_treatment": "10.00", "mean_control": "6.20"}
    t = 3.8 / 1.9
    p = 2 * stdtr(2.1, -t)
    row = sizes | means | {"se_difference": "1.900", "p_difference": f"{p:.4f}"}
    found = derive("MD", row)
    assert found.flags == ("pooled SD from standard error of the difference",)
    assert derive("MD", row | {"p_difference": "0.5"}).flags[0].endswith("9.585")


def test_what_was_taken_for_the_correlation_is_told():
    siblings = SiblingCorrelation(0.6, 3)
    assert derive("MC", BASE, siblings=siblings).flags == ("r = 0.6 from 3 sibling studies",)
    assert derive("MC", BASE, assumed=0.2).flags == ("assumed r = 0.2",)
    own = derive("MC", BASE | {"correlation": "0.7"})
    assert own.flags == ()
    assert [(item.column, item.how) for item in own.derived] == [("sd_change", "from own r")]


def test_a_reported_change_needs_neither_means_nor_correlation():
    row = change_row(mean_change="-20", sd_change="7", n="20")
    assert row.flags == () and row.derived == ()
    assert (row.columns["mean_change"], row.columns["sd_change"]) == (-20, 7)
    assert math.isnan(row.columns["mean_pre"]) and math.isnan(row.columns["correlation"])


def test_the_change_is_post_minus_pre():
    assert change_row(**BASE).columns["mean_change"] == -20


def test_siblings_are_averaged_on_fishers_scale_by_n_minus_3_and_by_scale_of_the_score():
    rows = [
        {"study": "A", "n": "13", "correlation": "0.5", "scale": "0-10"},
        BASE | {"study": "B", "n": "33", "sd_change": "7", "scale": "0-10"},
        {"study": "C", "n": "40", "correlation": "0.9", "scale": "0-100"},
        {"study": "D", "n": "40", "correlation": "1", "scale": "0-10"},
        {"study": "E", "n": "3", "correlation": "0.1", "scale": "0-10"},
        BASE | {"study": "contradiction", "sd_change": "40", "scale": "0-10"},
        BASE | {"study": "nothing", "scale": "0-10"},
    ]
    found = sibling_correlations(rows)
    r = (100 + 64 - 49) / 160
    z = (10 * math.atanh(0.5) + 30 * math.atanh(r)) / 40
    assert found["0-10"].value == pytest.approx(math.tanh(z), rel=1e-14)
    assert found["0-10"].studies == 2
    assert found["0-100"].value == pytest.approx(0.9) and found["0-100"].studies == 1
    assert mean_correlation([]) is None and sibling_correlations(rows[3:5]) == {}


def test_only_siblings_that_are_given_are_used():
    rows = [BASE | {"study": "A"}, BASE | {"study": "B", "correlation": "0.7"}]
    assert prepare("MC", rows, 0.5).flags == (("assumed r = 0.5",), ())
    assert prepare("MC", rows, 0.5, rows).flags == (("r = 0.7 from 1 sibling study",), ())


@settings(max_examples=200)
@given(
    *(st.tuples(st.floats(0.1, 20), st.floats(0, 2)) for _ in range(2)),
    st.tuples(st.floats(-1, 1), st.floats(0, 0.1)),
    st.lists(st.tuples(*(st.floats(0, 1) for _ in range(3))), min_size=1, max_size=20),
)
def test_no_sd_of_a_change_lies_outside_its_limits(pre, post, r, where):
    spans = [(a, a + b) for a, b in (pre, post, r)]
    low, high = change_sd_limits(*spans)
    for shares in where:
        a, b, rho = (x + s * (y - x) for (x, y), s in zip(spans, shares, strict=True))
        sd = change_sd(a, b, min(rho, 1.0))
        assert low - 1e-6 <= sd <= high + 1e-6


# counts


def _prints(count, total, digits, rules=ROUNDING):
    """What a percentage can print as under the rules of rounding, by decimal arithmetic."""
    with localcontext() as context:
        context.prec = 60
        value = Decimal(100 * count) / Decimal(total)
        unit = Decimal(1).scaleb(-digits)
        return {str(value.quantize(unit, rule)) for rule in rules}


@settings(max_examples=300)
@given(st.integers(1, 900), st.data(), st.integers(0, 2))
def test_a_count_is_returned_if_and_only_if_it_is_the_only_one(total, data, digits):
    printed = str(Decimal(data.draw(st.integers(0, 100 * 10**digits))).scaleb(-digits))
    fits = [count for count in range(total + 1) if printed in _prints(count, total, digits)]
    if len(fits) == 1:
        assert count_from_percent(printed, str(total)) == fits[0]
    else:
        with pytest.raises(ValueError, match="no count of" if not fits else "is not known") as told:
            count_from_percent(printed, str(total))
        for count in fits if len(fits) <= 5 else (fits[0], fits[-1]):
            assert f" {count} (" in str(told.value)


def test_the_printed_digits_decide_the_count():
    assert span("43.20") == (43.195, 43.205) and span("43") == (42.5, 43.5)
    assert count_from_percent("5.26", "38") == 2
    with pytest.raises(ValueError, match=r"no count of 38 prints as 5\.2 %"):
        count_from_percent("5.2", "38")


def test_both_arms_take_their_counts_from_percentages():
    row = {"percent_treatment": "6.7", "total_treatment": "30", "events_control": "3"}
    found = derive("OR", row | {"total_control": "40"})
    assert found.columns["events_treatment"] == 2 and found.columns["events_control"] == 3
    assert found.flags == ("count from 6.7 %",)


# five numbers


@pytest.mark.parametrize("case", FROZEN["order_statistics"], ids=lambda case: f"n={case['n']}")
def test_moments_of_order_statistics_are_those_of_nested_quadrature(case):
    means, covariances = normal_moments(tuple(map(float, case["ranks"])), case["n"])
    assert means == pytest.approx(np.array(case["means"]), rel=CLOSED, abs=1e-12)
    frozen = np.array(case["covariance"]).reshape(5, 5)
    assert covariances == pytest.approx(frozen, rel=CLOSED)


@pytest.mark.parametrize("n", [2, 5, 40])
def test_covariances_with_all_order_statistics_add_up_to_one(n):
    _, covariances = normal_moments(tuple(map(float, range(1, n + 1))), n)
    assert covariances.sum(axis=1) == pytest.approx(np.ones(n), abs=1e-12)


@pytest.mark.parametrize(
    ("n", "expected"), [(2, 1.128), (5, 2.326), (10, 3.078), (20, 3.735), (25, 3.931)]
)
def test_the_expected_range_is_that_of_the_tables_for_control_charts(n, expected):
    means, _ = normal_moments((1.0, float(n)), n)
    assert means[1] - means[0] == pytest.approx(expected, abs=5.1e-4)


@pytest.mark.parametrize(("q", "expected"), [(1, 0.990), (2, 1.144), (3, 1.206)])
def test_wan_2014_table_2_expected_distance_of_the_quartiles(q, expected):
    means, _ = normal_moments((q + 1.0, 3 * q + 1.0), 4 * q + 1)
    assert means[1] - means[0] == pytest.approx(expected, abs=5.1e-4)


RANKS = {n: (1, (n + 3) / 4, (n + 1) / 2, (3 * n + 1) / 4, n) for n in (5, 9, 21, 101, 1001)}


@pytest.mark.parametrize("by", FROM_ORDER)
@pytest.mark.parametrize("n", RANKS)
def test_the_estimators_are_unbiased_for_normal_samples(by, n):
    weights = mean_weights(by, n)
    assert sum(weights) == pytest.approx(1, abs=1e-15)
    assert weights == weights[::-1] and sum(sd_weights(by, n)) == pytest.approx(0, abs=1e-15)
    expected, _ = linear_moments(sd_weights(by, n), RANKS[n], n)
    assert expected == pytest.approx(1, abs=0.015)


@pytest.mark.parametrize("by", FROM_ORDER)
@pytest.mark.parametrize("n", [9, 41])
def test_simulated_samples_have_the_computed_mean_sd_and_precision(by, n):
    rng = np.random.default_rng(20240601)
    reps = 40_000
    samples = np.sort(rng.normal(7, 3, (reps, n)), axis=1)
    five = samples[:, [0, (n - 1) // 4, (n - 1) // 2, 3 * (n - 1) // 4, n - 1]]
    mean, sd = five @ np.array(mean_weights(by, n)), five @ np.array(sd_weights(by, n))
    assert mean.mean() == pytest.approx(7, abs=5 * mean.std() / math.sqrt(reps))
    assert sd.mean() == pytest.approx(3, rel=0.015)
    assert mean.var() / (9 / n) == pytest.approx(mean_factor(by, n), rel=0.04)
    sample_sd = samples.std(axis=1, ddof=1)
    ratio = (sd.var() / sd.mean() ** 2) / (sample_sd.var() / sample_sd.mean() ** 2)
    assert ratio == pytest.approx(sd_factor(by, n), rel=0.05)


@pytest.mark.parametrize(
    ("by", "limit"),
    [
        (RANGE, math.pi / 2),
        (QUARTILES, 1.16199),
        (FIVE, 1.16199),
    ],
)
def test_the_loss_of_precision_grows_to_that_of_central_quantiles(by, limit):
    factors = [mean_factor(by, n) for n in (5, 9, 21, 101, 1001, 10**6)]
    assert factors == sorted(factors) and factors[0] >= 1
    assert factors[-1] == pytest.approx(limit, rel=1e-3)


@pytest.mark.parametrize("by", FROM_ORDER)
@pytest.mark.parametrize("n", [9, 41, 201])
def test_the_skewness_test_keeps_its_level_and_finds_an_exponential(by, n):
    rng = np.random.default_rng(7)
    at = [0, (n - 1) // 4, (n - 1) // 2, 3 * (n - 1) // 4, n - 1]

    def share(samples):
        fives = np.sort(samples, axis=1)[:, at]
        return np.mean([skewed(by, tuple(five), n) for five in fives])

    assert 0.03 < share(rng.normal(size=(5000, n))) < 0.06
    if n > 9:
        assert share(rng.exponential(size=(1000, n))) > 0.2


def test_a_skewed_sample_is_flagged_loudly():
    row = mean_row(median="10", q1="9.5", q3="14", n="40")
    assert row.flags == (
        "mean and SD from median and quartiles",
        "skewed: mean from median unreliable",
    )
    only_sd = mean_row(mean="11", median="10", q1="9.5", q3="14", n="40")
    assert only_sd.flags == ("SD from quartiles", "skewed: SD from quartiles unreliable")
    assert only_sd.factor == 1


def test_luo_and_wan_by_hand():
    row = mean_row(median="10", q1="7", q3="14", n="40")
    w = 0.7 + 0.39 / 40
    assert row.columns["mean"] == pytest.approx(w * 10.5 + (1 - w) * 10, rel=1e-14)
    assert row.columns["sd"] == pytest.approx(7 / (2 * ndtri(29.875 / 40.25)), rel=1e-14)
    assert row.factor == mean_factor(QUARTILES, 40)
    row = mean_row(median="10", min="1", max="25", n="16")
    assert row.columns["mean"] == pytest.approx((4 * 13 + 8 * 10) / 12, rel=1e-14)
    assert row.columns["sd"] == pytest.approx(24 / (2 * ndtri(15.625 / 16.25)), rel=1e-14)


@settings(max_examples=60)
@given(
    st.lists(st.integers(-999, 999), min_size=5, max_size=5, unique=True).map(sorted),
    st.integers(5, 400),
    st.sampled_from([("q1", "median", "q3"), ("min", "median", "max"), ("q1", "q3", "median")]),
    st.integers(-50, 50),
)
def test_units_and_origin_of_a_score_change_nothing_but_units_and_origin(five, n, names, shift):
    given_numbers = dict(zip(("min", "q1", "median", "q3", "max"), five, strict=True))

    def row(change):
        return mean_row(n=n, **{name: change(given_numbers[name]) for name in names})

    plain, moved = row(lambda x: x), row(lambda x: 10 * x + shift)
    assert moved.columns["sd"] == pytest.approx(10 * plain.columns["sd"], rel=1e-12)
    assert moved.columns["mean"] == pytest.approx(10 * plain.columns["mean"] + shift, abs=1e-8)
    assert (moved.flags, moved.factor) == (plain.flags, plain.factor)


def test_the_factors_on_the_page_are_the_computed_ones():
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE, re.M)
    assert len(rows) == 4
    for n, *printed in rows:
        computed = [mean_factor(by, int(n)) for by in (RANGE, QUARTILES, FIVE)]
        assert [f"{factor:.3f}" for factor in computed] == printed


# what a loss of precision does to an effect


def test_the_factor_of_a_difference_weighs_its_arms():
    five = {"median_control": "6", "q1_control": "4", "q3_control": "8.5", "n_control": "22"}
    row = {"mean_treatment": "10", "sd_treatment": "3", "n_treatment": "25"} | five
    found = derive("MD", row)
    f, sd = mean_factor(QUARTILES, 22), found.columns["sd_control"]
    expected = (9 / 25 + f * sd**2 / 22) / (9 / 25 + sd**2 / 22)
    assert found.factor == pytest.approx(expected, rel=1e-14)
    assert 1 < found.factor < f
    ratio = derive("ROM", row)
    m1, m2 = 10, found.columns["mean_control"]
    parts = 9 / 25 / m1**2, sd**2 / 22 / m2**2
    assert ratio.factor == pytest.approx((parts[0] + f * parts[1]) / sum(parts), rel=1e-14)
    assert derive("SMD", row).factor == pytest.approx(sd_factor(QUARTILES, 22))


@pytest.mark.parametrize("r", [-0.6, 0.0, 0.5, 0.9])
def test_the_variance_of_a_change_of_two_estimated_means_is_bounded(r):
    rng, n, reps = np.random.default_rng(5), 21, 20_000
    z = rng.normal(size=(2, reps, n))
    scores = np.stack([z[0], r * z[0] + math.sqrt(1 - r * r) * z[1]])
    five = np.sort(scores, axis=2)[:, :, [0, 5, 10, 15, 20]]
    means = five @ np.array(mean_weights(QUARTILES, n))
    real = (means[1] - means[0]).var() / (2 * (1 - r) / n)
    f = mean_factor(QUARTILES, n)
    row = derive(
        "MC",
        cells(
            n=n,
            correlation=r,
            sd_pre=1.0,
            sd_post=1.0,
            **{f"{name}_{t}": x for t in ("pre", "post") for name, x in QUARTERS.items()},
        ),
    )
    shared = -2 * r * (f - 1) if r < 0 else 0
    assert row.factor == pytest.approx(1 + (2 * (f - 1) + shared) / (2 * (1 - r)), rel=1e-12)
    assert 1.05 < real < row.factor * 1.03


QUARTERS = {"q1": -0.7, "median": 0.0, "q3": 0.7}


# nothing is derived that the effect does not use


QUARTILES_BEFORE_AND_AFTER = {
    "median_pre": "50",
    "q1_pre": "40",
    "q3_pre": "60",
    "median_post": "40",
    "q1_post": "30",
    "q3_post": "50",
}
CHANGE = {"mean_change": "-10", "sd_change": "8", "n": "30"}
MEANS = {"mean_pre": "50", "mean_post": "40"}


def variance(measure, row, **options):
    """The sampling variance that is pooled, and the row it came from."""
    found = derive(measure, row, **options)
    columns = {name: [x] for name, x in found.columns.items()}
    return effect_sizes(measure, columns).vi[0] * found.factor, found


def smcc_variance(change, sd, n):
    m = n - 1
    j = math.exp(math.lgamma(m / 2) - math.lgamma((m - 1) / 2)) / math.sqrt(m / 2)
    return 1 / n + (j * change / sd) ** 2 / (2 * n)


@pytest.mark.parametrize("row", [CHANGE, CHANGE | MEANS, MEANS | {"sd_change": "8", "n": "30"}])
@pytest.mark.parametrize(
    "beside",
    [
        QUARTILES_BEFORE_AND_AFTER,
        {"se_pre": "2.7", "se_post": "2.7"},
        {"q1_pre": "40", "q3_pre": "40", "median_pre": "40"},
    ],
    ids=["quartiles", "standard errors", "quartiles without spread"],
)
def test_a_reported_change_is_as_precise_as_reported_whatever_stands_beside_it(row, beside):
    vi, found = variance("MC", row | beside)
    assert vi == pytest.approx(8**2 / 30, rel=1e-14)
    assert (found.flags, found.derived, found.factor) == ((), (), 1)
    vi, found = variance("SMCC", row | beside)
    assert vi == pytest.approx(smcc_variance(-10, 8, 30), rel=1e-12)
    assert vi == pytest.approx(0.05803, abs=1e-5)
    assert (found.flags, found.derived, found.factor) == ((), (), 1)


def test_the_change_over_the_sd_before_does_not_use_the_sd_after():
    row = {"mean_change": "-10", "sd_pre": "12", "n": "30", "correlation": "0.7"}
    after = {name: x for name, x in QUARTILES_BEFORE_AND_AFTER.items() if "post" in name}
    for beside in (after, {"se_post": "2.7"}, {"sd_post": "14"}):
        vi, found = variance("SMCR", row | beside)
        assert vi == pytest.approx(2 * 0.3 / 30 + smcc_variance(-10, 12, 30) - 1 / 30, rel=1e-12)
        assert (found.flags, found.derived, found.factor) == ((), (), 1)
    assumed = {name: x for name, x in row.items() if name != "correlation"} | after
    vi, found = variance("SMCR", assumed, assumed=0.7)
    assert vi == pytest.approx(variance("SMCR", row)[0], rel=1e-14)
    assert found.flags == ("assumed r = 0.7",)
    before = {name: x for name, x in QUARTILES_BEFORE_AND_AFTER.items() if "pre" in name}
    del row["sd_pre"]
    assert derive("SMCR", row | before).factor == sd_factor(QUARTILES, 30)


def test_sds_that_imply_the_correlation_are_used():
    row = {"mean_change": "-10", "sd_pre": "12", "n": "30", "sd_change": "8", "se_post": "2.5"}
    found = derive("SMCR", row)
    assert [item.column for item in found.derived] == ["sd_post", "correlation"]
    assert found.flags == ("SD from standard error",)


def test_estimated_means_of_a_change_with_its_own_sd_widen_it_by_the_sds_behind_them():
    row = {"sd_change": "8", "n": "30"} | QUARTILES_BEFORE_AND_AFTER
    f, sd = mean_factor(QUARTILES, 30), 20 * sd_weights(QUARTILES, 30)[3]
    widened = 1 + 2 * (f - 1) * sd**2 / 64
    for measure in ("MC", "SMCC"):
        found = derive(measure, row)
        assert found.flags == ("mean and SD from median and quartiles",)
        assert found.factor == pytest.approx(widened, rel=1e-12)
    one = {name: x for name, x in row.items() if not name.endswith("_post")} | {"mean_post": "40"}
    found = derive("MC", one)
    assert found.factor == pytest.approx(1 + (f - 1) * sd**2 / 64, rel=1e-12)
    assert {item.column for item in found.derived} == {"mean_pre", "sd_pre"}


def test_cells_that_the_effect_does_not_use_must_still_agree():
    with pytest.raises(ValueError, match="impossible with SDs of 54"):
        derive("MC", CHANGE | {"se_pre": "10.0", "se_post": "2.00"})
    with pytest.raises(ValueError, match="contradict each other"):
        derive("MC", CHANGE | {"se_pre": "2.00", "sd_pre": "20.0"})


# numbers that cannot stand side by side


@pytest.mark.parametrize(
    ("measure", "row", "words"),
    [
        (
            "PLO",
            {"events": "5", "total": "40", "percent": "50"},
            "events 5 of total 40 and percent 50 contradict each other: the count is 12.500 %",
        ),
        ("PLO", {"events": "5", "total": "40", "percent": "12.4"}, "contradict each other"),
        ("PLO", {"events": "5", "total": "0", "percent": "12.4"}, "is no share of a group"),
        (
            "OR",
            {"events_control": "5", "total_control": "40", "percent_control": "13.5"},
            "events_control 5 of total_control 40 and percent_control 13.5 contradict",
        ),
        ("MN", {"mean": "12", "min": "3", "max": "10"}, "mean 12 is above max 10"),
        ("MN", {"mean": "2.4", "min": "3.0"}, "mean 2.4 is below min 3.0"),
        ("MD", {"mean_control": "12", "max_control": "10"}, "mean_control 12 is above max_control"),
        (
            "MN",
            {"mean": "78", "sd": "18.8", "n": "30", "min": "64", "max": "85"},
            "sd 18.8 is impossible: values with n 30, mean 78, min 64, max 85 have a smaller one",
        ),
        ("MC", BASE | {"min_post": "25", "max_post": "35"}, "sd_post 8 is impossible"),
        ("MN", {"sd": "7.0", "n": "10", "min": "0.0", "max": "10.0"}, "sd 7.0 is impossible"),
        ("MN", {"mean": "2.1", "se": "0.76", "n": "25", "min": "1.1", "max": "8.9"}, "cannot have"),
    ],
)
def test_numbers_that_no_data_have_are_named(measure, row, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        derive(measure, row)


@pytest.mark.parametrize("percent", ["12.5", "12", "13", "12.50"])
def test_a_percentage_beside_its_count_may_be_rounded_either_way(percent):
    found = derive("PLO", {"events": "5", "total": "40", "percent": percent})
    assert (found.columns["events"], found.flags) == (5, ())


def _near(printed, count, total, digits):
    """Less than a unit away, or right as what is left without zeros at the end."""
    off = abs(Fraction(100 * count, total) - Fraction(printed))
    bare = printed.rstrip("0") if digits else printed
    decimals = len(bare.partition(".")[2])
    return off < Fraction(1, 10**digits) or off <= Fraction(1, 2 * 10**decimals)


@settings(max_examples=200)
@given(st.integers(1, 900), st.data(), st.integers(0, 2))
def test_a_percentage_is_accepted_if_and_only_if_its_count_can_print_like_it(total, data, digits):
    count = data.draw(st.integers(0, total))
    near = 100 * count * 10**digits // total
    units = data.draw(st.integers(max(near - 2, 0), min(near + 3, 100 * 10**digits)))
    printed = str(Decimal(units).scaleb(-digits))
    row = {"events": str(count), "total": str(total), "percent": printed}
    if printed in _prints(count, total, digits):
        assert derive("PLO", row).flags == ()
    elif _near(printed, count, total, digits):
        (flag,) = derive("PLO", row).flags
        assert "contradict each other" in flag, "cut off, zeros added or near: told, not refused"
    else:
        with pytest.raises(ValueError, match="contradict each other"):
            derive("PLO", row)


def test_a_mean_may_pass_its_range_by_rounding_only():
    assert mean_row(mean="10.4", sd="1", max="10").columns["mean"] == 10.4
    assert mean_row(mean="2.6", sd="1", min="3").columns["mean"] == 2.6


@settings(max_examples=200)
@given(st.lists(st.integers(-50, 50), min_size=2, max_size=12), st.integers(0, 2))
def test_no_sd_of_real_data_is_called_impossible(sample, digits):
    row = {
        "n": str(len(sample)),
        "mean": f"{np.mean(sample):.{digits}f}",
        "sd": f"{np.std(sample, ddof=1):.{digits}f}",
        "min": str(min(sample)),
        "max": str(max(sample)),
    }
    assert derive("MN", row).flags == ()


def test_half_of_the_values_at_each_end_have_the_largest_sd():
    sample = [0.0] * 5 + [10.0] * 5
    row = cells(n=10, mean=5.0, min=0.0, max=10.0)
    assert largest_sd("", row) == pytest.approx(np.std(sample, ddof=1), rel=0.02)
    assert largest_sd("", row | {"mean": "1.000"}) < largest_sd("", row)
    assert largest_sd("", row | {"n": "1"}) is None and largest_sd("_pre", row) is None


def test_an_impossible_sd_that_is_taken_knowingly_is_flagged():
    row = {"study": "A", "mean": "78", "sd": "18.8", "n": "30", "min": "64", "max": "85"}
    with pytest.raises(ValueError, match=r"^A: sd 18\.8 is impossible"):
        prepare("MN", [row, row], 0.5, as_printed=(1,))
    found = prepare("MN", [row], 0.5, as_printed=(0,))
    assert found.columns["sd"].tolist() == [18.8]
    assert found.flags[0] == (
        "sd 18.8 is impossible: values with n 30, mean 78, min 64, max 85 have a smaller one",
    )
    assert (
        "mean 90 is above max 85, which no mean of these values can be"
        in (prepare("MN", [row | {"mean": "90"}], 0.5, as_printed=(0,)).flags[0])
    )


AS_PRINTED = [
    ("MN", {"mean": "10", "n": "25", "sd": "1.0", "se": "1.0"}, {"sd": 1.0}),
    ("MN", {"mean": "10", "n": "25", "se": "1.1", "ci_low": "9", "ci_high": "11"}, {"sd": 5.5}),
    ("MN", {"mean": "10", "n": "25", "ci_low": "12.0", "ci_high": "14.0"}, {"sd": 5 / 2.0639}),
    ("MN", {"mean": "10", "n": "25", "ci_low": "8.0", "ci_high": "16.0"}, {"sd": 20 / 2.0639}),
    ("MN", {"mean": "10", "n": "25", "se": "2.0", "min": "5", "max": "15"}, {"sd": 10.0}),
    ("MN", {"mean": "12", "sd": "2", "n": "9", "max": "10"}, {"mean": 12.0}),
    ("MN", {"mean": "78", "sd": "18.8", "n": "30", "min": "64", "max": "85"}, {"sd": 18.8}),
    ("MC", BASE | {"mean_change": "20"}, {"mean_change": 20.0}),
    ("MC", BASE | {"sd_change": "20"}, {"sd_change": 20.0}),
    ("SMCR", BASE | {"sd_change": "0.5"}, {"correlation": 0.5}),
    ("MC", BASE | {"se_change": "9"}, {"sd_change": 9 * math.sqrt(20)}),
    ("SMCR", BASE | {"sd_change": "7", "correlation": "0.2"}, {"correlation": 0.2}),
    ("MC", BASE | {"sd_change": "7", "t_change": "-1.5"}, {"sd_change": 7.0}),
    ("PLO", {"events": "5", "total": "40", "percent": "50"}, {"events": 5.0}),
]


@pytest.mark.parametrize(("measure", "row", "expected"), AS_PRINTED)
def test_a_row_taken_as_printed_comes_from_its_most_direct_source_and_says_so(
    measure, row, expected
):
    with pytest.raises(ValueError, match=r".") as refused:
        derive(measure, row)
    found = derive(measure, row, as_printed=True)
    assert str(refused.value) in found.flags
    for name, value in expected.items():
        assert found.columns[name] == pytest.approx(value, rel=1e-4)
    assert effect_sizes(measure, {name: [x] for name, x in found.columns.items()}).vi[0] > 0


@pytest.mark.parametrize(
    ("measure", "row"),
    [
        ("PLO", {"percent": "43.2", "total": "38"}),
        ("PLO", {"percent": "43", "total": "150"}),
        ("MN", {"mean": "10", "n": "1", "se": "2"}),
        ("MN", {"mean": "10", "n": "25", "ci_low": "10", "ci_high": "10"}),
        ("MN", {"median": "10", "q1": "10", "q3": "10", "n": "9"}),
        ("MC", {"mean_change": "0", "t_change": "0", "n": "9"}),
    ],
)
def test_a_row_without_any_number_is_refused_even_as_printed(measure, row):
    with pytest.raises(ValueError, match=r"no count|not known|no SD|no standard deviation"):
        derive(measure, row, as_printed=True)


def test_a_test_that_gives_no_number_is_no_contradiction_beside_one():
    row = {"mean_change": "0.0", "sd_change": "5.1", "n": "9", "t_change": "0.0", "p_change": "1"}
    assert change_row(**row).columns["sd_change"] == 5.1
    assert change_row(**BASE | {"mean_change": "-20", "t_change": "0.0"} | {"n": "20"}).flags


def test_siblings_with_impossible_sds_lend_no_correlation():
    good = BASE | {"sd_change": "7"}
    assert sibling_correlations([good])
    assert sibling_correlations([good | {"min_pre": "48", "max_pre": "52"}]) == {}


# effects as reported


HAZARD = {"estimate": "2", "ci_low": "1", "ci_high": "4", "scale": "log"}
FINE = {"estimate": "2.00", "ci_low": "1.00", "ci_high": "4.00", "scale": "log"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (HAZARD | {"sei": "2.0"}, "given twice, by sei 2.0 and ci_low 1, ci_high 4, which con"),
        (FINE | {"sei": "2.0"}, "on the log scale the standard errors are 2 and 0.3537"),
        (FINE | {"yi": "3"}, "given twice, by yi 3 and estimate 2.00"),
        (FINE | {"vi": "0.5"}, "given twice, by vi 0.5 and ci_low 1.00, ci_high 4.00"),
        ({"yi": ".5", "vi": ".01", "estimate": "9"}, "as printed the effects are 0.5 and 9"),
        ({"yi": "0.5", "vi": "0.01", "sei": "0.2"}, "given twice, by vi 0.01 and sei 0.2"),
        (
            {"yi": "0.69", "sei": "0.35", "ci_low": "1.5", "scale": "log"},
            "on the log scale the limits are",
        ),
        ({"yi": "3", "ci_low": "1", "ci_high": "4", "scale": "log"}, "yi 3 is outside its inter"),
        (FINE | {"estimate": "4.80"}, "estimate 4.80 is outside its interval"),
        (FINE | {"ci_low": "4.00", "ci_high": "1.00"}, "ci_low 4.00 is larger than ci_high 1.00"),
        (FINE | {"ci_low": "0.00"}, "ci_low 0.00 has no value on the log scale"),
    ],
)
def test_an_effect_given_twice_must_agree(row, words):
    with pytest.raises(ValueError, match=re.escape(words)) as told:
        prepare("GEN", [{"study": "A"} | row], 0.5)
    assert str(told.value).startswith("A: ")


@pytest.mark.parametrize(
    ("beside", "yi", "vi"),
    [
        ({"yi": "0.6931", "vi": "0.125"}, 0.6931, 0.125),
        ({"yi": "0.6931", "sei": "0.354"}, 0.6931, 0.354**2),
        ({"sei": "0.354", "vi": "0.125"}, math.log(2), 0.125),
        ({}, math.log(2), (math.log(4) / (2 * ndtri(0.975))) ** 2),
    ],
)
def test_an_effect_given_twice_that_agrees_is_taken_from_its_own_columns(beside, yi, vi):
    found = prepare("GEN", [FINE | beside], 0.5)
    assert found.columns["yi"][0] == pytest.approx(yi, rel=1e-14)
    assert found.columns["vi"][0] == pytest.approx(vi, rel=1e-14)
    assert found.flags == ((),)


@pytest.mark.parametrize(
    ("row", "yi", "se"),
    [
        (FINE | {"sei": "2.0"}, math.log(2), 2.0),
        (FINE | {"yi": "3"}, 3.0, math.log(4) / (2 * ndtri(0.975))),
        (FINE | {"vi": "0.5"}, math.log(2), math.sqrt(0.5)),
        ({"yi": "0.69", "sei": "0.35", "ci_low": "1.5", "scale": "log"}, 0.69, 0.35),
        (FINE | {"estimate": "4.20"}, math.log(4.2), math.log(4) / (2 * ndtri(0.975))),
    ],
)
def test_an_effect_taken_as_printed_comes_from_its_own_columns(row, yi, se):
    found = prepare("GEN", [{"study": "A"} | row], 0.5, as_printed=(0,))
    assert found.columns["yi"][0] == pytest.approx(yi, rel=1e-12)
    assert found.columns["vi"][0] == pytest.approx(se**2, rel=1e-12)
    assert re.search("given twice|outside its interval", found.flags[0][0])


def test_an_interval_of_student_t_is_no_second_effect():
    row = {"yi": "0.50", "sei": "0.101", "ci_low": "0.274", "ci_high": "0.726"}
    assert prepare("GEN", [{"study": "A", "n": "11"} | row], 0.5).flags == ((),)
    with pytest.raises(ValueError, match="given twice"):
        prepare("GEN", [{"study": "A", "n": "100"} | row], 0.5)


def test_an_interval_of_another_level_is_told_and_not_refused():
    row = {"yi": "0.50", "sei": "0.10", "ci_low": "0.336", "ci_high": "0.664"}
    ((flag,),) = prepare("GEN", [{"study": "A"} | row], 0.5).flags
    assert "given twice" in flag
    found = mean_row(mean="10.0", sd="5.0", n="25", ci_low="7.2", ci_high="12.8")
    assert found.columns["sd"] == 5 and "contradict each other" in found.flags[0]


def test_what_is_shown_of_a_reported_effect_is_never_a_mixture():
    rows = [FINE, {"yi": "0.70", "vi": "0.10", "estimate": "2.0", "scale": "log"}]
    columns = prepare("GEN", rows, 0.5).columns
    centre, low, high = study_limits("GEN", columns, effect_sizes("GEN", columns), 95.0, "log")
    assert [centre[0], low[0], high[0]] == [2, 1, 4]
    reach = ndtri(0.975) * math.sqrt(0.1)
    assert [centre[1], low[1], high[1]] == pytest.approx(np.exp([0.7, 0.7 - reach, 0.7 + reach]))


@pytest.mark.parametrize(
    ("row", "flagged"),
    [
        (FINE, False),
        (HAZARD | {"ci_high": "5"}, False),
        (FINE | {"ci_high": "4.60"}, False),
        (FINE | {"ci_high": "5.00"}, True),
        (FINE | {"scale": "identity"}, True),
        ({"estimate": "0.80", "ci_low": "0.70", "ci_high": "0.87", "scale": "cloglog"}, False),
        ({"estimate": "0.80", "ci_low": "0.50", "ci_high": "0.82", "scale": "cloglog"}, True),
        ({"estimate": "0.796", "ci_low": "0.648", "ci_high": "0.977", "scale": "log"}, False),
    ],
)
def test_an_interval_that_is_not_symmetric_on_its_scale_is_flagged(row, flagged):
    (flags,) = prepare("GEN", [row], 0.5).flags
    where = {"identity": "as printed", "cloglog": "on the log(-log) scale"}
    expected = f"the interval is not symmetric {where.get(row['scale'], 'on the log scale')}"
    assert flags == ((expected,) if flagged else ())


@settings(max_examples=200)
@given(
    st.sampled_from(["identity", "log", "logit", "cloglog"]),
    st.floats(-2, 2),
    st.floats(0.05, 0.6),
    st.integers(3, 6),
)
def test_a_symmetric_interval_agrees_with_its_effect_on_every_scale(scale, yi, se, digits):
    reach = ndtri(0.975) * se
    ends = [float(BACK[scale](np.array(x))) for x in (yi, yi - reach, yi + reach)]
    printed = [f"{x:.{digits}f}" for x in (ends[0], min(ends[1:]), max(ends[1:]))]
    row = dict(zip(("estimate", "ci_low", "ci_high"), printed, strict=True)) | {"scale": scale}
    if len(set(printed)) < 3 or (scale != "identity" and {float(x) for x in printed} & {0, 1}):
        return
    both = prepare("GEN", [row | {"yi": repr(yi), "sei": repr(se)}], 0.5)
    assert both.flags == ((),) and both.columns["vi"][0] == se**2
    one = {name: x for name, x in row.items() if name != "ci_high"}
    assert prepare("GEN", [one | {"yi": repr(yi), "sei": repr(se)}], 0.5).flags == ((),)


# tables: what a row lacks


CANDIDATES = {
    "MN": "mean sd n se ci_low ci_high median q1 q3 min max",
    "PLO": "events total percent",
    "MD": "mean_treatment sd_treatment n_treatment mean_control sd_control n_control "
    "t_difference se_control ci_low_control ci_high_control median_control q1_control q3_control",
    "MC": "mean_pre sd_pre mean_post sd_post n mean_change sd_change t_change se_change "
    "median_pre q1_pre q3_pre correlation",
    "SMCR": "mean_pre sd_pre mean_post sd_post n mean_change sd_change se_post correlation",
    "OR": "events_treatment total_treatment events_control total_control percent_control",
}
TRUE = dict(
    pair.split("=")
    for pair in (
        "mean=10.0 sd=5.0 n=25 se=1.0 "
        "ci_low=7.94 ci_high=12.06 median=10 q1=6.6 "
        "q3=13.4 min=0 max=20 events=5 "
        "total=20 percent=25 mean_treatment=12.0 sd_treatment=5.0 "
        "n_treatment=25 mean_control=10.0 sd_control=5.0 n_control=25 "
        "t_difference=1.414 se_control=1.0 ci_low_control=7.94 ci_high_control=12.06 "
        "median_control=10 q1_control=6.6 q3_control=13.4 mean_pre=50 "
        "sd_pre=10.0 mean_post=30 sd_post=10.0 mean_change=-20 "
        "sd_change=10.0 t_change=-10.0 se_change=2.0 median_pre=50 "
        "q1_pre=43.2 q3_pre=56.8 se_post=2.0 correlation=0.5 "
        "percent_control=25 events_treatment=5 total_treatment=20 events_control=5 "
        "total_control=20 "
    ).split()
)


@pytest.mark.parametrize("measure", CANDIDATES)
def test_a_row_lacks_nothing_exactly_where_its_effect_can_be_computed(measure):
    names = CANDIDATES[measure].split()
    for picked in product((False, True), repeat=len(names)):
        row = {name: TRUE[name] for name, taken in zip(names, picked, strict=True) if taken}
        columns = {name: [x] for name, x in derive(measure, row).columns.items()}
        effects = effect_sizes(measure, columns)
        computed = bool(np.isfinite(effects.yi[0]) and np.isfinite(effects.vi[0]))
        if measure == "SMCR" and not {"sd_post", "se_post"} & set(row):
            assert missing_columns(measure, row) != [], "the table asks for it, the effect does not"
        else:
            assert computed == (missing_columns(measure, row) == []), row


def test_a_row_without_other_forms_lacks_what_it_lacked():
    for measure, sets in COLUMN_SETS.items():
        assert missing_columns(measure, {}) == list(min(sets, key=len))
    assert missing_columns("MC", {"n": "9", "mean_pre": "1", "sd_pre": "1"}) == [
        "mean_post",
        "sd_post",
    ]
    assert missing_columns("PLO", {"percent": "5"}) == ["total"]
    assert missing_columns("MC", {"n": "9", "mean_change": "1"}) == ["sd_change"]
    assert missing_columns("MN", {"mean": "9", "se": "1"}) == ["n"]
    assert missing_columns("GEN", {"yi": "1"}) == ["vi"]


def test_asking_what_a_row_lacks_loads_no_numerical_library():
    code = "import sys, metamill.tables.needs; sys.exit('numpy' in sys.modules)"
    assert subprocess.call([sys.executable, "-c", code], cwd=ROOT / "workflow") == 0


def test_every_column_that_leads_to_another_is_in_the_codebook_and_on_the_page():
    for column, ways in DERIVATIONS.items():
        assert column in COLUMNS
        assert ways
        for way in ways:
            assert set(way.sources) <= set(COLUMNS), way
            assert set(way.absent) <= set(COLUMNS)
            assert column not in way.sources
    listed = {name for ways in DERIVATIONS.values() for way in ways for name in way.sources}
    sides = ("_pre", "_post", "_treatment", "_control")
    for name in listed:
        stem = next((name.removesuffix(s) for s in sides if name.endswith(s)), name)
        assert stem in PAGE, name


# all rows of an analysis


def test_prepare_names_the_study_whose_cells_contradict_each_other():
    with pytest.raises(ValueError, match=r"^B: sd 1.0 and se 1.0, n 25 contradict"):
        prepare("MN", [{"study": "A"}, {"study": "B", "sd": "1.0", "se": "1.0", "n": "25"}], 0.5)


def test_prepare_gives_arrays_flags_records_and_factors_of_one_length():
    rows = [
        {"study": "A", "mean": "10", "sd": "5", "n": "25"},
        {"study": "B", "median": "10", "q1": "7", "q3": "14", "n": "40"},
    ]
    found = prepare("MN", rows, 0.5)
    assert {name: column.shape for name, column in found.columns.items()} == {
        "mean": (2,),
        "sd": (2,),
        "n": (2,),
    }
    assert found.flags == ((), ("mean and SD from median and quartiles",))
    assert [len(items) for items in found.derived] == [0, 2]
    assert found.inflation.tolist() == [1, mean_factor(QUARTILES, 40)]


@pytest.mark.parametrize("measure", sorted(COLUMN_SETS))
def test_no_rows_give_empty_arrays(measure):
    found = prepare(measure, [], 0.5)
    assert found.flags == found.derived == () and found.inflation.shape == (0,)
    assert all(column.shape == (0,) for column in found.columns.values())


def test_the_order_of_rows_changes_nothing():
    rows = [BASE | {"study": s, "n": n, "correlation": r} for s, n, r in SOME]
    forward, backward = prepare("MC", rows, 0.5, rows), prepare("MC", rows[::-1], 0.5, rows[::-1])
    for name, column in forward.columns.items():
        assert backward.columns[name][::-1] == pytest.approx(column, rel=1e-14, nan_ok=True)
    assert backward.flags[::-1] == forward.flags


SOME = (("A", "20", ""), ("B", "30", "0.7"), ("C", "15", "0.4"))


def test_numbers_that_were_reported_are_passed_on_as_they_are():
    for measure, row in REPORTED.items():
        found = prepare(measure, [row], 0.5)
        assert found.flags == ((),) and found.inflation.tolist() == [1]
        for name in COLUMN_SETS[measure][0]:
            assert found.columns[name].tolist() == [float(row[name])]


REPORTED = {
    measure: {name: TRUE.get(name, "3") for name in COLUMN_SETS[measure][0]}
    | {"correlation": "0.5"}
    for measure in COLUMN_SETS
    if measure != "GEN"
}
