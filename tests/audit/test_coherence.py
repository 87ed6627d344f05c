"""Several forms of one number: contradictions are found, and rows that are right are left alone."""

import re
from itertools import combinations
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from valid_rows import (
    CUTTING,
    IN_TENS,
    MAKERS,
    ROUNDING,
    binomial_intervals,
    one_group,
    printed,
    with_zeros,
)

from metamill.audit.coherence import CHECKS, check_coherence
from metamill.audit.finding import CONTRADICTION, HOLDING, IMPOSSIBLE, QUESTION
from metamill.audit.intervals import (
    SPARE,
    asymmetry,
    effective_units,
    fewest_units,
    fits,
    fitting,
    interval_of,
)
from metamill.audit.p_values import recomputed
from metamill.audit.rows import Scale
from metamill.measures.derive import derive
from metamill.measures.derive.change import implied_correlation, implied_limits
from metamill.measures.derive.printed import span
from metamill.measures.prepare import prepare
from metamill.measures.scales import FORWARD
from metamill.tables.needs import COLUMN_SETS
from metamill.tables.printed import unit

SCORES = {"mean_pre": "78", "sd_pre": "18.8", "mean_post": "33", "sd_post": "15.6", "n": "30"}
MEAN = {"mean": "10.0", "sd": "5.0", "n": "25"}
SURVIVAL = {"estimate": "0.796", "ci_low": "0.648", "ci_high": "0.977", "n": "27", "scale": "log"}
ARMS = {
    "mean_treatment": "20",
    "sd_treatment": "4",
    "n_treatment": "30",
    "mean_control": "21",
    "sd_control": "2",
    "n_control": "30",
}

ERRORS = {
    "mean_treatment": "45.2",
    "sd_treatment": "2.7",
    "n_treatment": "30",
    "mean_control": "51.0",
    "sd_control": "2.6",
    "n_control": "30",
}
COUNTED = {
    "events_treatment": "5",
    "total_treatment": "40",
    "events_control": "10",
    "total_control": "40",
}


def found(row, measure=""):
    return list(check_coherence(row, Scale(), measure))


def told(row, measure=""):
    return [(item.check, item.level) for item in found(row, measure)]


def only(row, measure=""):
    (item,) = found(row, measure)
    return item


# worked examples


@pytest.mark.fault("V24")
@pytest.mark.fault("B8")
def test_the_interval_of_a_survival_estimate_fits_the_log_scale_and_its_27_patients():
    interval = interval_of("79.6", "64.8", "97.7", percent=True)
    off = {scale: round(asymmetry(interval, scale), 3) for scale in FORWARD}
    assert off == {"identity": 0.1, "log": -0.002, "logit": 0.521, "cloglog": -0.561}
    assert fitting(interval) == ["log"]
    half = log(0.977 / 0.648) / 2
    assert effective_units(0.796, half, "log") == pytest.approx(23.4, abs=0.05)
    assert fewest_units(interval) < 27
    assert found(SURVIVAL, "GEN") == []
    assert found({"percent": "79.6", "ci_low": "64.8", "ci_high": "97.7", "n": "27"}) == []


@pytest.mark.fault("V18")
@pytest.mark.fault("B9")
@pytest.mark.parametrize(
    ("sd_change", "verdict"),
    [
        ("12.0", []),
        ("3.2", [("correlation_range", QUESTION)]),
        ("3", [("correlation_range", QUESTION)]),
        ("3.0", [("change_sd", QUESTION)]),
        ("2.9", [("change_sd", IMPOSSIBLE)]),
        ("34.4", [("correlation_range", QUESTION)]),
        ("34.6", [("change_sd", IMPOSSIBLE)]),
        ("40", [("change_sd", IMPOSSIBLE)]),
    ],
)
def test_the_sd_of_a_change_lies_between_the_difference_and_the_sum_of_two(sd_change, verdict):
    row = SCORES | {"sd_change": sd_change}
    assert told(row, "MC") == verdict
    for item in found(row):
        if item.check == "change_sd":
            assert "their difference 3.2 and their sum 34.4" in item.arithmetic
            assert item.allowed == "an SD of the change from 3.1 to 34.5"


def test_correlations_of_the_worked_example():
    assert implied_correlation(18.8, 15.6, 12.0) == pytest.approx(0.77, abs=0.005)
    assert implied_correlation(18.8, 15.6, 40) == pytest.approx(-1.7, abs=0.02)
    low, high = implied_limits(span("18.8"), span("15.6"), span("3.0"))
    assert low == pytest.approx(1.0005, abs=5e-5) and high == pytest.approx(1.0037, abs=5e-5)


@settings(max_examples=200)
@given(
    *(st.tuples(st.floats(0.1, 20), st.floats(0, 2)) for _ in range(3)),
    st.lists(st.tuples(*(st.floats(0, 1) for _ in range(3))), min_size=1, max_size=20),
)
def test_no_implied_correlation_lies_outside_its_limits(pre, post, change, where):
    spans = [(a, a + b) for a, b in (pre, post, change)]
    low, high = implied_limits(*spans)
    for shares in where:
        sds = (x + s * (y - x) for (x, y), s in zip(spans, shares, strict=True))
        assert low - 1e-9 * abs(low) <= implied_correlation(*sds) <= high + 1e-9 * abs(high)


@pytest.mark.fault("V28")
@pytest.mark.parametrize(
    ("p", "verdict"), [("0.02", []), ("0.0056", []), ("0.004", [("p_value", QUESTION)])]
)
def test_inspect_sr_4_9_two_sample_p_over_the_box_of_rounding(p, verdict):
    (item,) = recomputed("difference", ARMS)
    assert item.p == (pytest.approx(0.0056, abs=5e-5), 1)
    assert told(ARMS | {"p_difference": p}, "MD") == verdict


@pytest.mark.fault("V29")
def test_p_printed_as_zero_is_below_half_a_unit():
    item = only(ARMS | {"p_difference": "0.000"})
    assert (item.check, item.level, item.allowed) == ("p_value", QUESTION, "below 0.0005")


# every check speaks, with arithmetic that can be done by hand


SPEAKING = [
    pytest.param(
        MEAN | {"se": "5.0"},
        ("sd_forms", CONTRADICTION),
        "sd 5.0 and se 5.0, n 25 contradict each other: as sd they give 5 and 25",
        id="SD in the column of standard errors",
    ),
    pytest.param(
        MEAN | {"sd": "1.0", "ci_low": "7.9", "ci_high": "12.1"},
        ("sd_forms", CONTRADICTION),
        "as sd they give 1 and 5.087",
        id="SE typed as SD beside an interval",
    ),
    pytest.param(
        SCORES | {"sd_change": "12.0", "t_change": "-12.0"},
        ("sd_forms", CONTRADICTION),
        "t_change -12.0, n 30 contradict each other: as sd_change they give 12 and 20.54",
        id="t of another SD",
    ),
    pytest.param(
        {"mean": "3", "sd": "1", "n": "1"},
        ("sd_of_one", CONTRADICTION),
        "one value has no SD",
        id="n = 1",
    ),
    pytest.param(
        {"mean": "10", "se": "2.0", "n": "25", "min": "5", "max": "15"},
        ("derived_sd", CONTRADICTION),
        "give sd 10, which values with n 25, mean 10, min 5, max 15 cannot have",
        id="SD typed as SE",
    ),
    pytest.param(
        MEAN | {"ci_low": "12.9", "ci_high": "17.1"},
        ("ci_excludes_estimate", CONTRADICTION),
        "does not hold mean 10",
        id="mean outside its interval",
    ),
    pytest.param(
        {"events": "5", "total": "27", "ci_low": "20.1", "ci_high": "41.0"},
        ("ci_excludes_estimate", CONTRADICTION),
        "events 5, total 27 is 18.52 %, which the interval 20.1 to 41.0 does not hold",
        id="share outside its interval",
    ),
    pytest.param(
        {"mean": "10", "n": "25", "ci_low": "8.0", "ci_high": "16.0"},
        ("ci_centre", CONTRADICTION),
        "has its middle at 12 and not at mean 10",
        id="the only source of the SD is no t interval",
    ),
    pytest.param(
        MEAN | {"ci_low": "9.0", "ci_high": "13.4"},
        ("ci_centre", QUESTION),
        "has its middle at 11.2",
        id="an interval off centre beside an SD",
    ),
    pytest.param(
        MEAN | {"ci_low": "7.2", "ci_high": "12.8"},
        ("ci_level", QUESTION),
        "as sd they give 5 and 6.783",
        id="99 % interval",
    ),
    pytest.param(
        MEAN | {"ci_low": "8.36", "ci_high": "11.64", "n": "25"},
        ("ci_level", QUESTION),
        "as sd they give 5 and 3.973",
        id="90 % interval",
    ),
    pytest.param(
        {"yi": "0.50", "sei": "0.10", "ci_low": "0.336", "ci_high": "0.664"},
        ("ci_level", QUESTION),
        "as printed the standard errors are 0.1 and 0.08368",
        id="90 % interval of an effect",
    ),
    pytest.param(
        {"estimate": "2.00", "ci_low": "1.00", "ci_high": "4.00", "scale": "identity"},
        ("ci_scale", QUESTION),
        "0.33 half-widths above the estimate; on the log scale the interval is symmetric",
        id="log interval called identity",
    ),
    pytest.param(
        {"estimate": "1.60", "ci_low": "0.60", "ci_high": "2.60", "scale": "log"},
        ("ratio_ci", QUESTION),
        "as printed the interval is symmetric. These may be logarithms already",
        id="raw interval of a ratio",
    ),
    pytest.param(
        {"events": "5", "total": "27", "ci_low": "16.2", "ci_high": "20.9"},
        ("ci_units", IMPOSSIBLE),
        "units or more; 27 are printed",
        id="interval of screws, count of patients",
    ),
    pytest.param(
        {
            "estimate": "0.796",
            "ci_low": "0.747",
            "ci_high": "0.837",
            "scale": "cloglog",
            "n": "27",
        },
        ("ci_units", IMPOSSIBLE),
        "units or more; 27 are printed",
        id="survival of more patients than there are",
    ),
    pytest.param(
        SURVIVAL | {"ci_low": "0.757", "ci_high": "0.837"},
        ("ci_units", QUESTION),
        "units or more; 27 are printed",
        id="a proportion, or a ratio below 1",
    ),
    pytest.param(
        SCORES | {"sd_change": "12.0", "p_change": "0.04"},
        ("p_value", QUESTION),
        "give a two-sided p from below 0.0001 to below 0.0001; 0.04 is printed",
        id="paired p",
    ),
    pytest.param(
        {"t_change": "1.80", "p_change": "0.041", "n": "29"},
        ("p_value", QUESTION),
        "a one-sided p of 0.041 would agree",
        id="one-sided p",
    ),
    pytest.param(
        {"mean_change": "-5", "t_change": "3.2", "n": "9"},
        ("t_sign", QUESTION),
        "t_change is 3.2, but the change is -5: they should have one sign (post minus pre)",
        id="sign of t",
    ),
    pytest.param(
        {"yi": "0.69", "estimate": "3.0", "scale": "log"},
        ("effect_twice", CONTRADICTION),
        "on the log scale the effects are 0.69 and 1.099",
        id="effect given twice",
    ),
    pytest.param(
        SCORES | {"mean_change": "-35"},
        ("change_mean", CONTRADICTION),
        "mean_change is -35, but mean_post 33 minus mean_pre 78 is -45",
        id="change of means",
    ),
    pytest.param(
        SCORES | {"mean_change": "45"},
        ("change_mean", CONTRADICTION),
        "mean_change is 45, but mean_post 33 minus mean_pre 78 is -45",
        id="pre minus post",
    ),
    pytest.param(
        SCORES | {"sd_change": "12.0", "correlation": "0.20"},
        ("correlation_sd", CONTRADICTION),
        "the correlation is 0.772",
        id="correlation beside three SDs",
    ),
    pytest.param(
        SCORES | {"correlation": "0.98"},
        ("correlation_range", QUESTION),
        "A correlation of 0.98, and scores of one patient",
        id="correlation above 0.95",
    ),
    pytest.param(
        ERRORS | {"ci_low_difference": "-13.3", "ci_high_difference": "1.7"},
        ("difference_spread", QUESTION),
        "The SDs may be standard errors: as such they give 3.748",
        id="standard errors typed as SDs in both arms",
    ),
    pytest.param(
        COUNTED | {"estimate": "3.5", "ci_low": "1.1", "ci_high": "11.1", "scale": "log"},
        ("estimate_of_counts", QUESTION),
        "5/40 against 10/40 is an odds ratio of 0.4286 and a risk ratio of 0.5, below 1; estimate "
        "3.5 is above 1",
        id="ratio on the other side of 1",
    ),
]


@pytest.mark.parametrize(("row", "verdict", "words"), SPEAKING)
def test_numbers_that_disagree_are_named_with_their_arithmetic(row, verdict, words):
    item = only(row)
    assert (item.check, item.level) == verdict
    assert words in item.arithmetic
    assert item.allowed and not item.arithmetic.endswith((".", "?"))
    assert set(item.columns) <= row.keys()
    for name in item.columns:
        assert row[name] in item.printed


def test_every_check_has_an_example_and_every_finding_a_check():
    said = {case.values[1][0] for case in SPEAKING} | {"change_sd"}
    assert said == {check.code for check in CHECKS}
    assert all(check.rule and check.source and check.wrong_when for check in CHECKS)


# what is right is left alone


@pytest.mark.parametrize(
    "row",
    [
        MEAN | {"se": "1.0", "ci_low": "7.9", "ci_high": "12.1"},
        MEAN | {"se": "1.0", "ci_low": "8.0", "ci_high": "12.0"},
        {"mean": "10.0", "n": "25", "ci_low": "8.0", "ci_high": "12.0", "se": "1.0"},
        SCORES | {"mean_change": "-45", "sd_change": "12.0", "t_change": "-20.5"},
        SCORES | {"mean_change": "-46", "correlation": "0.77", "sd_change": "12"},
        {"mean_change": "0.0", "sd_change": "5.1", "n": "9", "t_change": "0.0", "p_change": "1"},
        ARMS | {"t_difference": "-1.22", "p_difference": "0.23"},
        ERRORS | {"se_difference": "0.68", "t_difference": "-8.5"},
        ERRORS | {"sd_treatment": "14.8", "sd_control": "14.2", "se_difference": "3.75"},
        ERRORS | {"ci_low_difference": "-7.2", "ci_high_difference": "-4.4"},
        COUNTED | {"estimate": "0.43", "ci_low": "0.13", "ci_high": "1.4", "scale": "log"},
        COUNTED | {"estimate": "0.9", "ci_low": "0.3", "ci_high": "2.7", "scale": "log"},
        COUNTED | {"estimate": "1.0", "ci_low": "0.3", "ci_high": "3.3", "scale": "log"},
        {"events": "5", "total": "40", "estimate": "0.2", "scale": "logit"},
        {"events": "5", "total": "40", "estimate": "12.5", "scale": "identity"},
        {"events": "5", "total": "40", "estimate": "3.5", "scale": "log"},
        {"events": "0", "total": "40", "estimate": "0.05", "scale": "logit"},
        {"events": "5", "total": "40", "estimate": "0.35", "scale": "0-100"},
        {"events": "5", "total": "40", "estimate": "35", "mean": "34"},
        {"events": "0", "total": "30", "ci_low": "0", "ci_high": "11.6"},
        {"events": "2", "total": "500", "ci_low": "0.05", "ci_high": "1.4"},
        {"estimate": "0.62", "ci_low": "0.45", "ci_high": "0.85", "scale": "log", "n": "900"},
        {"estimate": "12", "ci_low": "3", "ci_high": "20", "scale": "0-100"},
        {"correlation": "0.98", "n": "40"},
        {"mean": "34", "events": "3", "total": "20", "ci_low": "1.2", "ci_high": "31.7"},
        {
            "sd": "5.0",
            "mean": "10",
            "n": "25",
            "ci_low": "8.4",
            "ci_high": "11.6",
            "ci_level": "90",
        },
        {},
    ],
)
def test_numbers_that_agree_raise_nothing(row):
    assert found(row) == []


def test_a_correlation_that_is_pooled_itself_is_no_correlation_of_before_and_after():
    row = {"correlation": "0.98", "n": "40", "mean_pre": "3"}
    assert told(row, "ZCOR") == [("correlation_range", QUESTION)] or found(row, "ZCOR") == []


def test_truncation_is_named_where_it_alone_saves_a_row():
    row = {"mean_pre": "5", "mean_post": "9.9", "mean_change": "4.0", "n": "9"}
    item = only(row)
    assert (item.check, item.level) == ("change_mean", QUESTION)
    assert item.arithmetic.endswith("Digits that were cut off instead of rounded would explain it")
    assert told(row | {"mean_change": "3.8"}) == [("change_mean", CONTRADICTION)]


@pytest.mark.parametrize(
    ("row", "check", "excuse"),
    [
        (
            {"mean": "12300", "sd": "4500", "se": "460", "n": "97"},
            "sd_forms",
            "Whole numbers that were rounded to tens or hundreds would explain it",
        ),
        (
            {"mean": "25.00", "sd": "5.00", "se": "1.05", "n": "25"},
            "sd_forms",
            "Zeros that were added at the end of decimals would explain it",
        ),
        (
            {"mean_pre": "2500", "mean_post": "2130", "mean_change": "-400", "n": "9"},
            "change_mean",
            "Whole numbers that were rounded to tens or hundreds would explain it",
        ),
        (
            {"events": "5", "total": "27", "ci_low": "19.00", "ci_high": "41.00"},
            "ci_excludes_estimate",
            "Zeros that were added at the end of decimals would explain it",
        ),
    ],
)
def test_zeros_that_are_no_digits_make_a_question(row, check, excuse):
    item = only(row)
    assert (item.check, item.level) == (check, QUESTION)
    assert item.arithmetic.endswith(excuse)


def test_zeros_explain_only_what_they_can():
    row = {"mean": "12300", "sd": "4500", "n": "97"}
    assert told(row | {"se": "640"}) == [("sd_forms", CONTRADICTION)]
    assert told(SCORES | {"mean_change": "-30"}) == [("change_mean", CONTRADICTION)]
    assert told(MEAN | {"sd": "5.00", "se": "1.25"}) == [("sd_forms", CONTRADICTION)]


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"se_difference": "3.75"}, "as such they give 3.748"),
        ({"t_difference": "-1.55"}, "as such they give 3.748"),
        ({"se_difference": "0.95"}, "allows for clusters, may explain it"),
        ({"se_difference": "0.50"}, "allows for clusters, may explain it"),
        ({"se_difference": "1.75"}, "2.5 times as large or more"),
        ({"se_difference": "0.21"}, "3.1 times as small or more"),
    ],
)
def test_a_difference_that_its_arms_do_not_spread_like_is_asked_about(difference, words):
    item = only(ERRORS | difference, "MD")
    assert (item.check, item.level) == ("difference_spread", QUESTION)
    assert words in item.arithmetic
    assert "from 0.6714 to 0.6973 (Student, Welch)" in item.arithmetic


def test_the_spread_of_a_difference_is_asked_about_once():
    row = ERRORS | {"se_difference": "3.75", "t_difference": "-1.55"}
    row |= {"ci_low_difference": "-13.3", "ci_high_difference": "1.7"}
    assert told(row, "MD") == [("difference_spread", QUESTION)]
    assert told(row | {"ci_level": "90", "se_difference": "", "t_difference": ""}) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"estimate": "0.35", "scale": "logit"}, "exact interval from 4.186 to 26.8 %"),
        ({"estimate": "0.35", "scale": "identity"}, "estimate 0.35 is outside"),
        ({"estimate": "35"}, "estimate 35 is outside"),
        ({"estimate": "0.875"}, "The rest of it, 12.5 %, is within"),
    ],
)
def test_a_proportion_that_its_counts_do_not_give_is_asked_about(row, words):
    item = only({"events": "5", "total": "40"} | row, "GEN")
    assert (item.check, item.level) == ("estimate_of_counts", QUESTION)
    assert words in item.arithmetic


def test_a_ratio_is_compared_whatever_measure_pools_the_row():
    assert told(COUNTED | {"estimate": "3.5"}, "OR") == [("estimate_of_counts", QUESTION)]
    none = COUNTED | {"events_treatment": "0", "scale": "log"}
    assert "infinity" not in only(none | {"estimate": "3.5"}).arithmetic
    assert told(none | {"estimate": "0.2"}) == []
    full = COUNTED | {"events_control": "40", "events_treatment": "40", "scale": "log"}
    assert told(full | {"estimate": "0.2"}) == []


def test_an_exact_interval_that_was_cut_off_is_not_impossible():
    row = {"percent": "83.33", "n": "6", "ci_low": "43.649", "ci_high": "96"}
    assert told(row, "PLO") == [("ci_units", QUESTION)]


def test_the_bare_interval_of_a_pooled_mean_belongs_to_the_mean_whatever_stands_beside_it():
    row = {"mean": "10", "n": "25", "ci_low": "12", "ci_high": "14", "percent": "13"}
    assert ("ci_excludes_estimate", CONTRADICTION) in told(row, "MN")
    assert told(row) == []


def _simulated(rows, seed, rules, habit="as they are"):
    rng = np.random.default_rng(seed)
    if habit == "in tens":
        return [IN_TENS[i % len(IN_TENS)](rng, rules, tens=True) for i in range(rows)]
    made = [MAKERS[i % len(MAKERS)](rng, rules) for i in range(rows)]
    return [(measure, with_zeros(rng, row, habit)) for measure, row in made]


@pytest.mark.parametrize("rules", [ROUNDING, CUTTING], ids=["rounded", "cut off"])
@pytest.mark.parametrize("habit", ["as they are", "trimmed", "added", "in tens"])
@pytest.mark.parametrize(
    ("rows", "seed"), [(1500, 1), pytest.param(20_000, 2, marks=pytest.mark.slow)]
)
def test_no_valid_row_is_called_impossible_or_contradictory(rows, seed, rules, habit):
    """Numbers that were cut off and given zeros, or rounded to tens, are no habit that is read."""
    if rules is CUTTING and habit in ("added", "in tens"):
        return
    for measure, row in _simulated(
        rows if habit == "as they are" else rows // 3, seed, rules, habit
    ):
        wrong = [item for item in found(row, measure) if item.level in HOLDING]
        assert not wrong, (measure, row, wrong)


def test_rounded_valid_rows_raise_no_question_but_of_correlation_and_units():
    allowed = {"correlation_range", "ci_units", "ci_excludes_estimate"}
    for measure, row in _simulated(1500, 3, ROUNDING):
        assert {item.check for item in found(row, measure)} <= allowed, row


@pytest.mark.parametrize("digits", [0, 1, 2])
def test_no_usual_interval_of_a_proportion_is_of_too_many_units(digits):
    rng = np.random.default_rng(digits)
    for _ in range(400):
        n = int(np.exp(rng.uniform(np.log(3), np.log(1000))))
        x = int(rng.integers(1, n))
        for low, high in binomial_intervals(x, n).values():
            cells = (f"{100 * value:.{digits}f}" for value in (x / n, low, high))
            interval = interval_of(*cells, percent=True)
            units = fewest_units(interval)
            assert not np.isfinite(units) or units <= SPARE * n


def test_wilsons_interval_is_symmetric_on_the_logit_scale():
    for x, n in ((1, 9), (5, 27), (90, 100)):
        low, high = binomial_intervals(x, n)["Wilson"]
        interval = interval_of(*(f"{value:.9f}" for value in (x / n, low, high)))
        assert fits(interval, "logit")
        assert fewest_units(interval) == pytest.approx(n, rel=1e-6)


# the audit and the derivation speak of the same contradictions


def _spoilt(rng, row):
    """A valid row with one number replaced by another."""
    numbers = [name for name in row if name not in ("n", "scale", "events", "total")]
    if not numbers:
        return row
    name = numbers[rng.integers(len(numbers))]
    factor = rng.choice([-1, 0.1, 0.5, 1.5, 2, 5, 10])
    if name.startswith(("sd", "se", "p", "vi")):
        factor = abs(factor)
    cell = f"{float(row[name]) * factor:.3f}"
    limit = 1.0 if name.startswith("p_") else 1e9
    return row | {name: cell} if 0 < abs(float(cell)) <= limit else row


def test_whatever_a_derivation_refuses_the_audit_has_held_out():
    rng = np.random.default_rng(5)
    refused, pooled = 0, []
    elsewhere = ("cannot be true", "is impossible: values", "no mean of these", "the count is")
    for measure, row in _simulated(3000, 6, ROUNDING):
        spoilt = _spoilt(rng, row)
        try:
            prepare(measure, [spoilt | {"study": "A"}], 0.5)
        except ValueError as reason:
            try:
                prepare(measure, [spoilt | {"study": "A"}], 0.5, as_printed=(0,))
            except ValueError:
                continue
            if any(words in str(reason) for words in elsewhere):
                continue
            refused += 1
            if not any(level in HOLDING for _, level in told(spoilt, measure)):
                pooled.append((spoilt, reason))
    assert refused > 300 and not pooled


def test_a_row_taken_as_printed_says_what_the_audit_says():
    row = SCORES | {"sd_change": "2.9", "mean_change": "-35"}
    item, other = found(row, "MC")
    flags = derive("MC", row, as_printed=True).flags
    assert {item.arithmetic, other.arithmetic} == set(flags)


# every cell that a reader accepts


CELLS = st.sampled_from(
    ["1e2", "+3", ".5", "5.", "-2", "0.0", "1e-9", "1e99", "-1e99", "12.50", "0.999", "3", "7e-99"]
)
NAMES = sorted(
    {name for sets in COLUMN_SETS.values() for names in sets for name in names}
    - {"scale", "n", "total", "n_treatment", "n_control"}
    | set("se ci_low ci_high se_change ci_low_change ci_high_change t_change p_change".split())
    | set("se_pre se_post ci_low_pre ci_high_pre t_difference p_difference se_difference".split())
    | set("ci_low_difference ci_high_difference min max min_pre max_pre percent sei".split())
    | {"mean_change", "sd_change", "correlation"}
)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), CELLS, max_size=14),
    st.sampled_from(["1", "2", "5", "30", "999999999", ""]),
    st.sampled_from(["", "log", "logit", "cloglog", "identity", "0-100"]),
    st.sampled_from(["", "MN", "MC", "MD", "GEN", "PLO"]),
)
def test_no_cells_that_a_reader_accepts_break_the_check(cells, n, scale, measure):
    positive = ("sd", "se", "p_", "vi", "events", "percent", "time")
    row = {
        name: cell.removeprefix("-") if name.startswith(positive) else cell
        for name, cell in cells.items()
    }
    row = {name: "3" if name.startswith("events") else cell for name, cell in row.items()}
    sizes = dict.fromkeys(("n", "total", "n_treatment", "n_control"), n)
    for item in found(row | sizes | {"scale": scale}, measure):
        assert item.arithmetic and not re.search(r"\bnan\b", item.arithmetic)


# power


def _fine(row, *names):
    """Whether the numbers have ten units of their last digit or more, as have their distances."""
    units = max(float(unit(row[name])) for name in names)
    cells = [float(row[name]) for name in names]
    return min(*cells, *(abs(x - y) for x, y in combinations(cells, 2))) >= 10 * units


@pytest.mark.parametrize(("smallest", "share"), [(3, 0.85), (10, 0.99)])
def test_a_standard_error_typed_as_sd_is_found_beside_its_interval(smallest, share):
    rng, caught, tried = np.random.default_rng(11), 0, 0
    while tried < 300:
        _, row = one_group(rng, ROUNDING)
        full = {"mean", "se", "ci_low", "ci_high", "n"} <= row.keys()
        if full and int(row["n"]) >= smallest and _fine(row, "se", "ci_low", "ci_high"):
            tried += 1
            wrong = {name: x for name, x in row.items() if name != "se"} | {"sd": row["se"]}
            caught += any(item.level in HOLDING for item in found(wrong, "MN"))
    assert caught / tried > share


def test_printed_numbers_keep_their_digits():
    rng = np.random.default_rng(1)
    assert all(float(x) > 0 for x in printed(rng, {"sd": 1e-9}, ROUNDING, ("sd",)).values())
