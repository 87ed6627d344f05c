"""Mantel-Haenszel, Peto and the tests of tables against metafor, R's mantelhaen.test, statsmodels
and printed examples; the beta-binomial model against its log-gamma likelihood in R."""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import betainc, betaincinv, gammaln

from metamill.pooling.beta_binomial import _steps, beta_binomial
from metamill.pooling.count_tests import (
    breslow_day,
    cochran_mantel_haenszel,
    mantel_haenszel_rates,
    tarone,
)
from metamill.pooling.identified import NotIdentified
from metamill.pooling.mantel_haenszel import MEASURES, mantel_haenszel
from metamill.pooling.peto import peto

FROZEN = json.loads(Path(__file__).with_name("counts.json").read_text())
CLOSED, ITERATIVE = 1e-9, 1e-7
TABLE = ("events_treatment", "total_treatment", "events_control", "total_control")
RATE = ("events_treatment", "time_treatment", "events_control", "time_control")
CASES = {(c["set"], c["measure"]): c for c in FROZEN["mantel_haenszel"] + FROZEN["peto"]}
BETA_BINOMIAL = {c["set"]: c for c in FROZEN["beta_binomial"]}
RATES = ("IRR", "IRD")

# metafor gives a study without any variance (0 of n against all of n) an infinite weight in Q.
INFINITE_Q = {("edges", "RD")}
# metafor's fitted cells subtract two nearly equal numbers when the odds ratio is 1 up to rounding.
UNIT_ODDS_RATIO = {"unit_odds_ratio"}
# metafor prints an effect of 0 with a standard error of 0, a certainty nobody has.
NO_VARIANCE = {
    ("no_event", "RD"),
    ("every_event", "RD"),
    ("every_event", "RR"),
    ("no_event", "IRD"),
}
# metafor squares |distance| - 0.5 also where it is negative: the smaller the distance from no
# effect, the larger its test.
SMALL_DISTANCE = {"opposite_zeros", "unit_odds_ratio"}
KNOWN_DIFFERENCES = {
    "q of RD with a study of variance 0": INFINITE_Q,
    "Breslow-Day at an odds ratio of 1": UNIT_ODDS_RATIO,
    "an estimate without variance": NO_VARIANCE,
    "continuity correction beyond the distance": SMALL_DISTANCE,
}


def columns_of(name, measure="OR"):
    group = FROZEN["rates" if measure in RATES else "tables"][name]
    return {c: group[c] for c in (RATE if measure in RATES else TABLE)}


def fit_of(name, measure, **options):
    columns = columns_of(name, measure)
    return (
        peto(columns, **options)
        if measure == "PETO"
        else mantel_haenszel(columns, measure, **options)
    )


def number(value):
    return float("nan") if value is None else float(value)


def close(value, expected, scale, tolerance=CLOSED):
    return abs(value - expected) <= tolerance * scale


def p_close(value, expected, statistic):
    """Relative 1e-9, or what 1e-9 of the statistic makes of a tail; 0 is metafor's underflow."""
    return abs(value - expected) <= CLOSED * (1 + abs(statistic) ** 2) * abs(expected) + 1e-300


@pytest.mark.parametrize(("name", "measure"), CASES)
def test_estimates_intervals_and_weights_equal_metafor(name, measure):
    frozen = CASES[name, measure]
    if frozen.get("mu") is None or (name, measure) in NO_VARIANCE:
        with pytest.raises(NotIdentified):
            fit_of(name, measure)
        return
    fit = fit_of(name, measure)
    assert close(fit.se, frozen["se"], frozen["se"])
    for field in ("mu", "mu_low", "mu_high"):
        scale = max(abs(frozen[field]), frozen["se"])
        assert close(getattr(fit, field), frozen[field], scale), field
    assert close(fit.statistic, frozen["statistic"], max(1, abs(frozen["statistic"])))
    assert p_close(fit.p_value, frozen["p_value"], frozen["statistic"])
    np.testing.assert_allclose(fit.weights, frozen["weights"], rtol=CLOSED, atol=1e-12)


@pytest.mark.parametrize(("name", "measure"), CASES)
def test_heterogeneity_equals_metafor_without_correction(name, measure):
    frozen = CASES[name, measure]
    if frozen.get("mu") is None or (name, measure) in INFINITE_Q | NO_VARIANCE:
        return
    fit = fit_of(name, measure)
    assert fit.q_df == max(frozen["q_studies"] - 1, 0)
    if fit.q_df == 0:
        assert all(math.isnan(v) for v in (fit.q, fit.q_p, fit.i2, fit.h2))
        return
    assert close(fit.q, frozen["q"], max(frozen["q"], 1e-6))
    assert p_close(fit.q_p, frozen["q_p"], fit.q)
    assert close(fit.i2, frozen["i2"], 100)
    assert close(fit.h2, frozen["h2"], max(frozen["h2"], 1e-6))


@pytest.mark.parametrize("name", FROZEN["tables"])
def test_tests_of_tables_equal_metafor(name):
    frozen = CASES[name, "OR"]
    columns = columns_of(name)
    pairs = [
        (lambda: cochran_mantel_haenszel(columns, correct=False), "cmh"),
        (lambda: breslow_day(columns), "breslow_day"),
        (lambda: tarone(columns), "tarone"),
    ]
    for compute, field in pairs:
        expected = frozen[field]
        if name in UNIT_ODDS_RATIO and field != "cmh":
            continue
        if expected["p_value"] is None:
            with pytest.raises(NotIdentified):
                compute()
            continue
        test = compute()
        assert test.df == expected["df"]
        assert close(test.statistic, expected["statistic"], max(expected["statistic"], 1e-3))
        assert p_close(test.p_value, expected["p_value"], test.statistic)


def distance(columns):
    a, n1, c, n2 = (np.array(columns[name], float) for name in TABLE)
    return abs(((a * n2 - c * n1) / (n1 + n2)).sum())


@pytest.mark.parametrize("name", FROZEN["tables"])
def test_the_continuity_correction_equals_metafor_where_it_fits(name):
    frozen, columns = CASES[name, "OR"]["cmh_corrected"], columns_of(name)
    if frozen["p_value"] is None:
        return
    ours = cochran_mantel_haenszel(columns)
    if distance(columns) >= 0.5:
        assert close(ours.statistic, frozen["statistic"], max(frozen["statistic"], 1e-3))
        assert p_close(ours.p_value, frozen["p_value"], ours.statistic)
    else:
        assert ours.statistic == 0 and ours.p_value == 1


@pytest.mark.parametrize("name", FROZEN["rates"])
def test_the_test_of_rates_equals_metafor(name):
    frozen, columns = CASES[name, "IRR"], columns_of(name, "IRR")
    for correct, field in ((True, "cmh_corrected"), (False, "cmh")):
        if frozen[field]["p_value"] is None:
            with pytest.raises(NotIdentified):
                mantel_haenszel_rates(columns, correct)
            continue
        ours = mantel_haenszel_rates(columns, correct)
        assert close(ours.statistic, frozen[field]["statistic"], frozen[field]["statistic"])
        assert p_close(ours.p_value, frozen[field]["p_value"], ours.statistic)


@pytest.mark.parametrize("frozen", FROZEN["mantelhaen_test"], ids=lambda c: c["set"])
def test_odds_ratio_and_test_equal_mantelhaen_test_of_r(frozen):
    columns = columns_of(frozen["set"])
    test = cochran_mantel_haenszel(columns, correct=False)
    assert close(test.statistic, frozen["cmh"]["statistic"], max(frozen["cmh"]["statistic"], 1e-3))
    if distance(columns) >= 0.5:
        corrected = cochran_mantel_haenszel(columns)
        expected = frozen["cmh_corrected"]["statistic"]
        assert close(corrected.statistic, expected, max(expected, 1e-3))
    fit = mantel_haenszel(columns, "OR")
    for value, field in ((fit.mu, "estimate"), (fit.mu_low, "low"), (fit.mu_high, "high")):
        assert close(math.exp(value), frozen[field], frozen[field]), field


@pytest.mark.parametrize("name", FROZEN["tables"])
def test_statsmodels_agrees_on_odds_ratio_risk_ratio_and_tests(name):
    from statsmodels.stats.contingency_tables import StratifiedTable

    if CASES[name, "OR"].get("mu") is None or name in UNIT_ODDS_RATIO:
        return
    columns = columns_of(name)
    a, n1, c, n2 = (np.array(columns[key], float) for key in TABLE)
    inside = (a + c > 0) & (a + c < n1 + n2)
    tables = [
        np.array([[a[i], n1[i] - a[i]], [c[i], n2[i] - c[i]]]) for i in np.flatnonzero(inside)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = StratifiedTable(tables)
        fit = mantel_haenszel(columns, "OR")
        assert close(fit.mu, other.logodds_pooled, max(abs(fit.mu), fit.se))
        assert close(fit.se, other.logodds_pooled_se, fit.se)
        null = other.test_null_odds(correction=False).statistic
        assert close(
            cochran_mantel_haenszel(columns, correct=False).statistic, null, max(null, 1e-3)
        )
        if inside.all():
            risk = mantel_haenszel(columns, "RR").mu
            assert close(risk, math.log(other.riskratio_pooled), max(abs(risk), 1e-3))
        # statsmodels divides by the odds ratio less 1
        if inside.sum() > 1 and fit.mu != 0:
            equal = other.test_equal_odds(adjust=True).statistic
            assert close(tarone(columns).statistic, equal, max(equal, 1e-3), 1e-7)


# ---- known differences from metafor ----


def test_known_differences_are_all_there_are():
    assert all(KNOWN_DIFFERENCES.values())
    assert {key for key, c in CASES.items() if c.get("q") == "inf"} == INFINITE_Q
    assert {key for key, c in CASES.items() if c.get("se") == 0} == NO_VARIANCE
    tested = {n for n in FROZEN["tables"] if CASES[n, "OR"]["cmh"]["p_value"] is not None}
    assert {n for n in tested if distance(columns_of(n)) < 0.5} == SMALL_DISTANCE
    for name in SMALL_DISTANCE:
        theirs = CASES[name, "OR"]["cmh_corrected"]["statistic"]
        assert theirs > cochran_mantel_haenszel(columns_of(name)).statistic == 0
    for name in UNIT_ODDS_RATIO:
        assert CASES[name, "OR"]["breslow_day"]["p_value"] is None


def test_q_of_risk_differences_is_that_of_the_studies_with_a_variance():
    columns = columns_of("edges", "RD")
    a, n1, c, n2 = (np.array(columns[name], float) for name in TABLE)
    v = a * (n1 - a) / n1**3 + c * (n2 - c) / n2**3
    fit = mantel_haenszel(columns, "RD")
    use = v > 0
    y = a / n1 - c / n2
    assert fit.q_df == use.sum() - 1
    assert close(fit.q, ((y - fit.mu)[use] ** 2 / v[use]).sum(), fit.q)


def test_breslow_day_of_equal_odds_ratios_is_zero():
    """Every fitted table is the observed one, so there is nothing left to test."""
    columns = columns_of("unit_odds_ratio")
    for test in (breslow_day(columns), tarone(columns)):
        assert test.df == 1 and abs(test.statistic) < 1e-20 and test.p_value == pytest.approx(1)


def test_the_corrected_test_never_exceeds_the_plain_one():
    for name in FROZEN["tables"]:
        if CASES[name, "OR"]["cmh"]["p_value"] is None:
            continue
        plain = cochran_mantel_haenszel(columns_of(name), correct=False)
        assert cochran_mantel_haenszel(columns_of(name)).statistic <= plain.statistic


# ---- printed examples ----


def rounds_to(value, printed):
    digits = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.5001 * 10**-digits


def test_yusuf_1985_short_term_trials_page_107():
    """Yusuf et al. 1985, oral beta blockers, Table 6: odds ratio 0.93 (0.74 to 1.18).

    Digits and page as quoted in the tests of metafor's analysis examples.
    """
    fit = peto(columns_of("yusuf1985_6"))
    for value, printed in ((fit.mu, "0.93"), (fit.mu_low, "0.74"), (fit.mu_high, "1.18")):
        assert rounds_to(math.exp(value), printed)


def test_rothman_greenland_lash_2008_table_15_1():
    """Tolbutamide (UGDP), 90 % limits, digits as quoted in metafor's analysis examples.

    The chapter prints an upper limit of 0.088 for the risk difference; the data give 0.0874.
    """
    columns = columns_of("rothman2008_15_1")
    fits = {m: mantel_haenszel(columns, m, level=90) for m in ("RD", "RR", "OR")}
    printed = [(fits["RD"].mu, "0.0349"), (fits["RD"].mu_low, "-0.0176")]
    printed += [(fits["RD"].mu_high, "0.0874"), (fits["RD"].q, "0.0017")]
    for measure, digits in (
        ("RR", ("1.3256", "0.8658", "2.0296")),
        ("OR", ("1.4031", "0.8411", "2.3409")),
    ):
        fit = fits[measure]
        limits = (fit.mu, fit.mu_low, fit.mu_high)
        printed += [(math.exp(v), d) for v, d in zip(limits, digits, strict=True)]
    printed += [(fits["RR"].q, "0.4472"), (fits["OR"].q, "0.3474"), (fits["OR"].q_p, "0.5556")]
    printed += [(cochran_mantel_haenszel(columns, correct=False).statistic, "1.1914")]
    printed += [(tarone(columns).statistic, "0.3489"), (tarone(columns).p_value, "0.5547")]
    for value, digits in printed:
        assert rounds_to(value, digits), (value, digits)


def test_rothman_greenland_lash_2008_table_15_2():
    """Smoking and coronary deaths (British doctors), 90 % limits, per 10 000 person-years."""
    columns = columns_of("rothman2008_15_2", "IRR")
    ratio, difference = (mantel_haenszel(columns, m, level=90) for m in RATES)
    printed = [(math.exp(ratio.mu), "1.4247"), (math.exp(ratio.mu_low), "1.1944")]
    printed += [(math.exp(ratio.mu_high), "1.6994"), (ratio.q, "10.4117"), (ratio.q_p, "0.0340")]
    printed += [(difference.mu, "11.4392"), (difference.mu_low, "6.3498")]
    printed += [(difference.mu_high, "16.5286"), (difference.q, "26.8758")]
    printed += [(mantel_haenszel_rates(columns).statistic, "10.7021")]
    printed += [(mantel_haenszel_rates(columns, correct=False).statistic, "11.0162")]
    for value, digits in printed:
        assert rounds_to(value, digits), (value, digits)


def test_berkeley_admissions_as_printed_by_r():
    """R's example(mantelhaen.test), UCBAdmissions."""
    columns = columns_of("ucb_admissions")
    fit, test = mantel_haenszel(columns, "OR"), cochran_mantel_haenszel(columns)
    printed = [(test.statistic, "1.4269"), (test.p_value, "0.2323")]
    printed += [(math.exp(fit.mu), "0.9046968"), (math.exp(fit.mu_low), "0.7719074")]
    printed += [(math.exp(fit.mu_high), "1.0603298")]
    for value, digits in printed:
        assert rounds_to(value, digits), (value, digits)


# ---- which studies inform, and what is refused ----


@pytest.mark.parametrize(
    ("measure", "expected"),
    [("OR", (0, 2)), ("RR", (0,)), ("RD", ()), ("PETO", (0, 2))],
)
def test_studies_without_information_are_listed(measure, expected):
    """Study 0 has no event, study 2 nothing but events."""
    columns = {
        "events_treatment": [0, 3, 5, 4],
        "total_treatment": [10, 12, 5, 9],
        "events_control": [0, 1, 6, 2],
        "total_control": [9, 12, 6, 8],
    }
    fit = peto(columns) if measure == "PETO" else mantel_haenszel(columns, measure)
    assert fit.uninformative == expected
    assert fit.k == 4 and fit.k_informative == 4 - len(expected)
    kept = [i for i in range(4) if i not in expected]
    subset = {name: np.array(values)[kept] for name, values in columns.items()}
    again = peto(subset) if measure == "PETO" else mantel_haenszel(subset, measure)
    assert close(again.mu, fit.mu, abs(fit.mu)) and close(again.se, fit.se, fit.se)


def test_a_study_with_one_empty_arm_is_informative():
    columns = {"events_treatment": [0, 4, 3], "total_treatment": [20, 25, 30]}
    columns |= {"events_control": [3, 0, 2], "total_control": [20, 25, 30]}
    rates = {name.replace("total", "time"): values for name, values in columns.items()}
    for fit in (
        *(mantel_haenszel(columns, m) for m in ("OR", "RR", "RD")),
        *(mantel_haenszel(rates, m) for m in RATES),
        peto(columns),
    ):
        assert fit.k_informative == 3 and fit.uninformative == () and fit.q_df <= 2


def test_a_study_without_events_changes_the_risk_difference():
    columns = {"events_treatment": [3, 0], "total_treatment": [20, 50]}
    columns |= {"events_control": [1, 0], "total_control": [20, 50]}
    first = {name: values[:1] for name, values in columns.items()}
    both, alone = mantel_haenszel(columns, "RD"), mantel_haenszel(first, "RD")
    assert both.uninformative == () and 0 < both.mu < 0.5 * alone.mu


@pytest.mark.parametrize(
    ("name", "measure", "words"),
    [
        ("none_treated", "OR", "odds ratio is 0"),
        ("none_control", "OR", "odds ratio is infinite"),
        ("none_treated", "RR", "risk ratio is 0"),
        ("none_control", "RR", "risk ratio is infinite"),
        ("no_event", "OR", "both an event and a unit without one"),
        ("every_event", "OR", "both an event and a unit without one"),
        ("no_event", "RR", "no study has an event"),
        ("every_event", "RR", "no variance"),
        ("no_event", "RD", "no study has an event"),
        ("every_event", "RD", "every unit has an event"),
        ("no_event", "PETO", "both an event and a unit without one"),
        ("every_event", "PETO", "both an event and a unit without one"),
        ("none_treated", "IRR", "rate ratio is 0"),
        ("no_event", "IRR", "no study has an event"),
        ("no_event", "IRD", "no study has an event"),
    ],
)
def test_an_estimate_that_does_not_exist_is_refused_in_words(name, measure, words):
    with pytest.raises(NotIdentified, match=words):
        fit_of(name, measure)


def test_a_risk_difference_of_one_without_variance_is_refused():
    for size in (3, 7, 49):
        columns = {"events_treatment": [size], "total_treatment": [size]}
        columns |= {"events_control": [0], "total_control": [size + 4]}
        with pytest.raises(NotIdentified, match="not positive"):
            mantel_haenszel(columns, "RD")


def test_peto_and_the_test_exist_where_the_odds_ratio_is_zero():
    columns = columns_of("none_treated")
    assert peto(columns).mu < 0
    assert cochran_mantel_haenszel(columns, correct=False).statistic > 0


def test_tests_need_two_informative_studies():
    for test in (breslow_day, tarone):
        with pytest.raises(NotIdentified, match="fewer than two"):
            test(columns_of("one_study"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"events_treatment": [5, -1]}, "whole numbers"),
        ({"events_treatment": [5, 1.5]}, "whole numbers"),
        ({"events_treatment": [5, 31]}, "no smaller than their events"),
        ({"events_treatment": [5, np.nan]}, "finite"),
        ({"total_control": [20, 0], "events_control": [2, 0]}, "units or time"),
        ({"total_control": [20, 20.5]}, "whole numbers"),
        ({"events_treatment": [5]}, "one shape"),
        ({name: [] for name in TABLE}, "nothing to pool"),
    ],
)
def test_what_cannot_be_counts_is_a_value_error(change, words):
    columns = {
        "events_treatment": [5, 3],
        "total_treatment": [20, 30],
        "events_control": [2, 4],
        "total_control": [20, 30],
    } | change
    for compute in (lambda: peto(columns), lambda: mantel_haenszel(columns, "RR")):
        with pytest.raises(ValueError, match=words):
            compute()


def test_a_missing_column_a_bad_level_and_a_bad_measure_are_errors():
    columns = columns_of("bcg")
    with pytest.raises(ValueError, match="time_treatment"):
        mantel_haenszel(columns, "IRR")
    for level in (0, 100, float("nan")):
        with pytest.raises(ValueError, match="level"):
            mantel_haenszel(columns, "OR", level=level)
    with pytest.raises(KeyError):
        mantel_haenszel(columns, "SMD")
    with pytest.raises(ValueError, match="nothing to pool"):
        peto(columns, keep=np.zeros(13))
    with pytest.raises(ValueError, match="0 and 1"):
        peto(columns, keep=np.full(13, 0.5))
    with pytest.raises(ValueError, match="keep has shape"):
        peto(columns, keep=np.ones(12))


# ---- many analyses at once ----


@pytest.mark.parametrize("measure", [*MEASURES, "PETO"])
def test_leave_one_out_at_once_equals_one_by_one(measure):
    name = "edges" if measure in RATES else "nielweise2007"
    columns = columns_of(name, measure)
    k = len(columns["events_treatment"])
    keep = 1 - np.eye(k)
    together = fit_of(name, measure, keep=keep)
    for i in range(k):
        subset = {c: np.delete(np.array(v, float), i) for c, v in columns.items()}
        alone = peto(subset) if measure == "PETO" else mantel_haenszel(subset, measure)
        for field in ("mu", "se", "q", "i2", "k", "k_informative", "q_df", "p_value"):
            np.testing.assert_allclose(getattr(together, field)[i], getattr(alone, field), 1e-12)
        assert len(together.uninformative[i]) == len(alone.uninformative)
        assert together.weights[i, i] == 0 and i not in together.uninformative[i]


def test_among_several_analyses_the_refused_one_is_nan_with_its_reason():
    columns = {"events_treatment": [2, 0], "total_treatment": [20, 30]}
    columns |= {"events_control": [1, 4], "total_control": [20, 30]}
    fit = mantel_haenszel(columns, "OR", keep=[[1, 0], [1, 1]])
    assert np.isfinite(fit.mu[0]) and fit.reason[0] == ""
    assert np.isnan([fit.mu[1], fit.se[1], fit.q[1], fit.i2[1], fit.p_value[1]]).all()
    assert np.isnan(fit.weights[:, 1]).all() and "odds ratio is 0" in fit.reason[1]


# ---- properties ----


@st.composite
def tables(draw, largest=40):
    k = draw(st.integers(1, 6))
    n1, n2 = (
        np.array(draw(st.lists(st.integers(1, largest), min_size=k, max_size=k))) for _ in "ab"
    )
    a, c = (
        np.array([draw(st.integers(0, int(size))) for size in sizes], float) for sizes in (n1, n2)
    )
    return dict(zip(TABLE, (a, n1.astype(float), c, n2.astype(float)), strict=True))


def swapped(columns):
    order = (TABLE[2], TABLE[3], TABLE[0], TABLE[1])
    return {to: columns[of] for to, of in zip(TABLE, order, strict=True)}


def complement(columns):
    return columns | {
        "events_treatment": columns["total_treatment"] - columns["events_treatment"],
        "events_control": columns["total_control"] - columns["events_control"],
    }


def fitted(columns, measure):
    try:
        return peto(columns) if measure == "PETO" else mantel_haenszel(columns, measure)
    except NotIdentified:
        return None


@settings(max_examples=60, deadline=None)
@given(tables(), st.sampled_from(["OR", "RR", "RD", "PETO"]))
def test_swapping_the_arms_turns_the_sign(columns, measure):
    one, other = fitted(columns, measure), fitted(swapped(columns), measure)
    assert (one is None) == (other is None)
    assume(one is not None)
    assert close(one.mu, -other.mu, max(abs(one.mu), 1e-3), 1e-10)
    assert close(one.se, other.se, one.se, 1e-7)


@settings(max_examples=60, deadline=None)
@given(tables(), st.sampled_from(["OR", "RD", "PETO"]))
def test_counting_the_other_outcome_turns_the_sign(columns, measure):
    one, other = fitted(columns, measure), fitted(complement(columns), measure)
    assert (one is None) == (other is None)
    assume(one is not None)
    assert close(one.mu, -other.mu, max(abs(one.mu), 1e-3), 1e-10)
    assert close(one.se, other.se, one.se, 1e-7)


@settings(max_examples=60, deadline=None)
@given(tables(), st.sampled_from(["OR", "RR", "RD", "PETO"]), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_and_two_copies_halve_the_variance(columns, measure, random):
    one = fitted(columns, measure)
    assume(one is not None)
    order = list(range(len(columns["events_treatment"]))) * 2
    random.shuffle(order)
    twice = fitted({name: values[order] for name, values in columns.items()}, measure)
    assert close(twice.mu, one.mu, max(abs(one.mu), 1e-3), 1e-10)
    assert close(twice.se**2, one.se**2 / 2, one.se**2, 1e-9)
    assert twice.k_informative == 2 * one.k_informative


@settings(max_examples=60, deadline=None)
@given(tables())
def test_every_fit_is_finite_and_ordered(columns):
    for measure in ("OR", "RR", "RD", "PETO"):
        fit = fitted(columns, measure)
        if fit is None:
            continue
        assert fit.se > 0 and fit.mu_low < fit.mu < fit.mu_high
        assert 0 <= fit.p_value <= 1 and fit.weights.sum() == pytest.approx(100)
        assert math.isnan(fit.q) or (fit.q >= 0 and 0 <= fit.i2 < 100)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_fitted_tables_keep_the_pooled_odds_ratio_so_one_study_has_no_departure(columns):
    first = {name: np.repeat(values[:1], 3) for name, values in columns.items()}
    assume(fitted(first, "OR") is not None)
    assert breslow_day(first).statistic < 1e-18 * float(first["total_treatment"][0]) + 1e-20


def test_time_units_rescale_rate_differences_and_leave_ratios():
    columns = columns_of("nielweise2008", "IRR")
    other = {n: np.array(v) * (1000 if n.startswith("time") else 1) for n, v in columns.items()}
    ratio, ratio_other = (mantel_haenszel(c, "IRR") for c in (columns, other))
    assert close(ratio.mu, ratio_other.mu, abs(ratio.mu)) and close(ratio.q, ratio_other.q, ratio.q)
    rate, rate_other = (mantel_haenszel(c, "IRD") for c in (columns, other))
    assert close(rate.mu, 1000 * rate_other.mu, abs(rate.mu))
    assert close(rate.se, 1000 * rate_other.se, rate.se)


# ---- beta-binomial ----

FIELDS = """mu se p se_p mu_low mu_high wald_low wald_high rho rho_low rho_high alpha beta
loglik""".split()


@pytest.mark.parametrize("name", BETA_BINOMIAL)
def test_beta_binomial_equals_the_log_gamma_likelihood(name):
    frozen = BETA_BINOMIAL[name]
    fit = beta_binomial(frozen["events"], frozen["total"])
    for field in FIELDS:
        value, expected = getattr(fit, field), float(frozen[field])
        if math.isinf(expected):
            assert value == expected, field
            continue
        scale = (
            max(abs(expected), frozen["se"]) if field.startswith(("mu", "wald")) else abs(expected)
        )
        assert close(value, expected, scale, ITERATIVE), field
    probabilities = [0.025, 0.25, 0.5, 0.975]
    spread = math.isfinite(fit.alpha)
    quantiles = betaincinv(fit.alpha, fit.beta, probabilities) if spread else np.full(4, fit.p)
    np.testing.assert_allclose(quantiles, frozen["quantiles"], rtol=1e-5)
    np.testing.assert_allclose([fit.beta_low, fit.beta_high], quantiles[[0, 3]], rtol=1e-12)


def log_gamma_likelihood(x, n, alpha, beta):
    return (
        gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
        + gammaln(x + alpha) + gammaln(n - x + beta) - gammaln(n + alpha + beta)
        - gammaln(alpha) - gammaln(beta) + gammaln(alpha + beta)
    ).sum()  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(tables())
def test_no_neighbour_of_the_beta_binomial_maximum_is_higher(columns):
    x, n = columns["events_treatment"], columns["total_treatment"]
    try:
        fit = beta_binomial(x, n)
    except NotIdentified:
        assume(False)
    r_best = fit.rho / (1 - fit.rho)
    for mu in (fit.mu - 0.05, fit.mu, fit.mu + 0.05):
        for r in (1e-3, 0.02, 0.3, 2.0, 0.95 * r_best, 1.05 * r_best):
            if r > 0:
                p = 1 / (1 + math.exp(-mu))
                assert log_gamma_likelihood(x, n, p / r, (1 - p) / r) <= fit.loglik + 1e-9
    assert fit.rho_low <= fit.rho <= fit.rho_high < 1


@settings(max_examples=25, deadline=None)
@given(tables())
def test_beta_binomial_of_the_complement_is_the_mirror_image(columns):
    x, n = columns["events_treatment"], columns["total_treatment"]
    try:
        fit = beta_binomial(x, n)
    except NotIdentified:
        with pytest.raises(NotIdentified):
            beta_binomial(n - x, n)
        return
    other = beta_binomial(n - x, n)
    assert close(fit.mu, -other.mu, 1 + abs(fit.mu)) and close(fit.se, other.se, fit.se, 1e-7)
    assert close(fit.rho, other.rho, fit.rho, 1e-7)


def test_the_likelihood_of_the_fit_is_the_log_gamma_one():
    for frozen in BETA_BINOMIAL.values():
        fit = beta_binomial(frozen["events"], frozen["total"])
        if fit.rho > 0:
            x, n = np.array(frozen["events"], float), np.array(frozen["total"], float)
            expected = log_gamma_likelihood(x, n, fit.alpha, fit.beta)
            assert close(fit.loglik, expected, 1e-9 * n.sum() + abs(expected))


@pytest.mark.parametrize("r", [0, 1e-7, 1e-3, 0.4, 50.0])
def test_sums_over_large_counts_are_those_of_every_term(r):
    counts = np.array([3.0, 1024, 1025, 1026, 5000, 123456])
    steps = _steps(counts)
    for g in (
        lambda j: np.log(0.01 + j * r),
        lambda j: 1 / (0.01 + j * r),
        lambda j: j / (0.99 + j * r),
    ):
        expected = math.fsum(math.fsum(g(np.arange(count))) for count in counts)
        assert close(steps.w @ g(steps.j), expected, abs(expected), 1e-13)
    assert len(steps.j) < 2000


def test_risk_quantiles_invert_the_beta_distribution():
    frozen = BETA_BINOMIAL["pritz1997"]
    fit = beta_binomial(frozen["events"], frozen["total"], level=80)
    assert betainc(fit.alpha, fit.beta, fit.beta_low) == pytest.approx(0.1, rel=1e-12)
    assert betainc(fit.alpha, fit.beta, fit.beta_high) == pytest.approx(0.9, rel=1e-12)


def test_without_spread_the_model_is_binomial():
    fit = beta_binomial([3, 6, 9], [10, 20, 30])
    assert fit.rho == 0 == fit.rho_low and fit.p == pytest.approx(0.3, rel=1e-15)
    assert fit.se == pytest.approx(1 / math.sqrt(60 * 0.21), rel=1e-14)
    assert fit.beta_low == fit.beta_high == fit.p and math.isinf(fit.alpha)


@pytest.mark.parametrize(
    ("events", "totals", "words"),
    [
        ([0, 0, 0], [10, 20, 30], "no study has an event"),
        ([10, 20], [10, 20], "every unit has an event"),
        ([0, 20, 0], [10, 20, 5], "until the intra-class correlation is 1"),
        ([0, 1, 1], [1, 1, 1], "more than one unit"),
        ([3], [10], "one study"),
    ],
)
def test_beta_binomial_refuses_in_words(events, totals, words):
    with pytest.raises(NotIdentified, match=words):
        beta_binomial(events, totals)


@pytest.mark.parametrize(
    ("events", "totals"),
    [([], []), ([1, 2], [3]), ([4, 1], [3, 5]), ([-1, 1], [3, 5]), ([0.5, 1], [3, 5]),
     ([0, 1], [0, 5]), ([np.nan, 1], [3, 5]), ([[1, 2]], [[3, 4]])],
)  # fmt: skip
def test_beta_binomial_input_that_is_not_counts_is_a_value_error(events, totals):
    with pytest.raises(ValueError, match="events"):
        beta_binomial(events, totals)


def test_the_frozen_grid_is_complete():
    expected = {(s, m) for s in FROZEN["tables"] for m in ("OR", "RR", "RD", "PETO")}
    expected |= {(s, m) for s in FROZEN["rates"] for m in RATES}
    assert set(CASES) == expected
    assert len(FROZEN["tables"]) >= 20 and len(FROZEN["rates"]) >= 8
    assert len(FROZEN["mantelhaen_test"]) >= 12 and len(BETA_BINOMIAL) >= 14
    errors = {key for key, case in CASES.items() if "error" in case}
    assert errors == {("no_event", "PETO"), ("every_event", "PETO")}
    refused = {key for key, case in CASES.items() if case.get("mu") is None}
    assert {s for s, _ in refused} <= {"none_treated", "none_control", "no_event", "every_event"}
    assert sum(case["rho"] == 0 for case in BETA_BINOMIAL.values()) >= 3
    assert set(FROZEN["versions"]) == {"R", "metafor", "metadat"}
