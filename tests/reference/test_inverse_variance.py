"""Inverse-variance pooling, intervals of tau2 and mu, and predictions against R."""

import json
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from metamill.pooling import METHODS, TESTS, pool, tau2_interval
from metamill.pooling.heterogeneity import INTERVALS, heterogeneity, i2_h2, typical_variance
from metamill.pooling.predictive import PREDICTIONS
from metamill.pooling.profile import likelihood_ratio_tau2

FROZEN = json.loads(Path(__file__).with_name("inverse_variance.json").read_text())
SETS = FROZEN["sets"]
FITS = {(fit["set"], fit["method"]): fit for fit in FROZEN["fits"]}
HETEROGENEITY = {entry["set"]: entry for entry in FROZEN["heterogeneity"]}
LIKELIHOOD = ("ML", "REML")

CLOSED_FORM = {"EE", "DL", "HE", "HS", "DL2"}
CLOSED_TOLERANCE, ITERATED_TOLERANCE = 1e-9, 1e-7

# metafor raises an error in place of an answer. Its threshold of 1e-12 is absolute, and at tau2 of
# 1e11 two successive values cannot be that close.
GAPS = {("huge_units", "ML"), ("huge_units", "EB")}

# metafor's answer is not the estimator's value; tests below show that ours is.
EARLY_STOP = "metafor's threshold is absolute: it stops early when tau2 is about 1e-13"
LOWER_MAXIMUM = "metafor stops at the lower of two maxima, tau2 = 0"
KNOWN_DIFFERENCES = {
    ("tiny_units", "ML"): EARLY_STOP,
    ("tiny_units", "REML"): EARLY_STOP,
    ("tiny_units", "EB"): EARLY_STOP,
    ("tiny_units", "PM"): EARLY_STOP,
    ("tiny_units", "Q-profile"): EARLY_STOP,
    ("two_maxima", "ML"): LOWER_MAXIMUM,
    ("two_maxima", "REML"): LOWER_MAXIMUM,
    ("tiny_units", "PL ML"): EARLY_STOP,
    ("tiny_units", "PL REML"): EARLY_STOP,
    ("two_maxima", "PL ML"): LOWER_MAXIMUM,
    ("two_maxima", "PL REML"): LOWER_MAXIMUM,
}
# What metafor's ML error leaves without an interval.
PROFILE_GAPS = {("huge_units", "ML")}
# metafor predicts an interval of width zero from identical effects under Knapp and Hartung.
NO_WIDTH = "identical_effects"

COMPARED = [key for key in FITS if key not in GAPS and key not in KNOWN_DIFFERENCES]


def tolerance(method):
    return CLOSED_TOLERANCE if method in CLOSED_FORM else ITERATED_TOLERANCE


@cache
def ours(name, method, test="z"):
    return pool(SETS[name]["yi"], SETS[name]["vi"], method=method, test=test)


def typical(name):
    v = np.array(SETS[name]["vi"])[:, None]
    return typical_variance(v, np.ones_like(v)).item()


def assert_near(value, frozen, scale, limit, label):
    """|value - frozen| <= limit * scale; null is nan, and "inf" is an infinite statistic."""
    if frozen is None:
        assert np.isnan(value), f"{label}: {value}, metafor has none"
        return
    frozen = float(frozen)
    if np.isinf(frozen):
        assert value == frozen, label
        return
    assert abs(value - frozen) <= limit * scale, f"{label}: {value!r} against {frozen!r}"


def allowed_tests(method):
    """Test pl belongs to ML."""
    return [test for test in TESTS if test != "pl" or method == "ML"]


CASES = [(name, method, test) for name, method in COMPARED for test in allowed_tests(method)]


@pytest.mark.parametrize(("name", "method", "test"), CASES)
def test_pooled_estimate_equals_metafor(name, method, test):
    """mu, se, limits, statistic and p of one test (pl: of the likelihood written out in R).

    mu and every limit is a difference that can fall near zero, so its error is relative to the
    larger of itself and its se. p is ill-conditioned in the statistic z by the factor z^2.
    """
    frozen, fit, limit = (
        FITS[name, method]["tests"][test],
        ours(name, method, test),
        tolerance(method),
    )
    for field in ("mu", "mu_low", "mu_high"):
        scale = max(abs(frozen[field]), frozen["se"])
        assert_near(getattr(fit, field), frozen[field], scale, limit, field)
    assert_near(fit.se, frozen["se"], frozen["se"], limit, "se")
    statistic = float(frozen["statistic"])
    assert_near(fit.statistic, frozen["statistic"], max(1, abs(statistic)), limit, "statistic")
    condition = 1 + statistic**2 if np.isfinite(statistic) else 1
    assert_near(fit.p_value, frozen["p_value"], frozen["p_value"] * condition, limit, "p_value")
    assert_near(fit.df, frozen["df"], 0, limit, "df")


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize(("name", "method", "test"), CASES)
def test_prediction_interval_equals_metafor(name, method, test, prediction):
    s = SETS[name]
    fit = pool(s["yi"], s["vi"], method, test, prediction=prediction)
    frozen = FITS[name, method]["tests"][test]
    if method == "EE" or (name == NO_WIDTH and "knha" in (test, prediction)):
        assert np.isnan([fit.pi_low, fit.pi_high]).all()
        return
    low, high = frozen["prediction"][prediction]
    size = 0 if low is None else max(abs(low), abs(high))
    assert_near(fit.pi_low, low, size, tolerance(method), "pi_low")
    assert_near(fit.pi_high, high, size, tolerance(method), "pi_high")


@pytest.mark.parametrize("method", [m for m in METHODS if m != "EE"])
def test_known_difference_metafor_predicts_a_width_of_zero_from_identical_effects(method):
    low, high = FITS[NO_WIDTH, method]["tests"]["knha"]["prediction"]["t"]
    assert low == high


@pytest.mark.parametrize("name", ["two_maxima", "tiny_units"])
def test_profile_limits_of_the_mean_need_no_metafor(name):
    """Written out in R, so they hold where metafor's own ML fit is a known difference."""
    frozen, fit = FITS[name, "ML"]["tests"]["pl"], ours(name, "ML", "pl")
    for field in ("mu_low", "mu_high", "statistic", "p_value"):
        assert_near(getattr(fit, field), frozen[field], abs(frozen[field]), 1e-7, field)


def test_profile_limits_of_the_mean_that_enclose_two_pieces_say_so():
    assert ours("two_pieces", "ML", "pl").mu_disconnected
    assert not [n for n in SETS if n != "two_pieces" and ours(n, "ML", "pl").mu_disconnected]


# metafor's predict for dat.bcg, RR, DL, to three decimals.
BCG_PREDICTIONS = {
    ("z", "z"): (-1.858, 0.430),
    ("z", "t"): (-1.986, 0.558),
    ("knha", "t"): (-1.987, 0.559),
    ("z", "knha"): (-1.987, 0.559),
    ("z", "hts"): (-1.999, 0.571),
    ("knha", "hts"): (-2.000, 0.572),
}


@pytest.mark.parametrize(("test", "prediction"), BCG_PREDICTIONS)
def test_the_five_predictions_of_bcg(test, prediction):
    fit = pool(SETS["bcg_rr"]["yi"], SETS["bcg_rr"]["vi"], "DL", test, prediction=prediction)
    low, high = BCG_PREDICTIONS[test, prediction]
    assert fit.pi_low == pytest.approx(low, abs=5.1e-4)
    assert fit.pi_high == pytest.approx(high, abs=5.1e-4)


@pytest.mark.parametrize(("name", "method"), COMPARED)
def test_heterogeneity_and_weights_equal_metafor(name, method):
    """tau2, Q with its p, I2, H2 and the weights.

    Where metafor's tau2 is zero, or is rounding left at the boundary (below 1e-9 of the typical
    sampling variance), tau2 and I2 are compared on the scale of that variance and of 100 %.
    """
    frozen, fit, limit = FITS[name, method], ours(name, method), tolerance(method)
    at_boundary = frozen["tau2"] <= 1e-9 * typical(name)
    tau2_scale = typical(name) if at_boundary else frozen["tau2"]
    assert_near(fit.tau2, frozen["tau2"], tau2_scale, limit, "tau2")
    assert_near(fit.i2, frozen["i2"], 100 if at_boundary else frozen["i2"], limit, "i2")
    assert_near(fit.h2, frozen["h2"], frozen["h2"], limit, "h2")
    assert_near(fit.q, frozen["q"], frozen["q"], CLOSED_TOLERANCE, "q")
    assert fit.q_df == frozen["q_df"]
    assert_near(fit.q_p, frozen["q_p"], frozen["q_p"] * (1 + frozen["q"]), CLOSED_TOLERANCE, "q_p")
    np.testing.assert_allclose(fit.weights, frozen["weights"], rtol=limit)


def assert_limits(name, interval, frozen):
    """Limits of tau2 and what they make of I2 and H2; a limit of 0 must be 0 in both."""
    for side, value in zip(("low", "high"), interval, strict=True):
        expected = frozen[f"tau2_{side}"]
        assert abs(value - expected) <= ITERATED_TOLERANCE * expected
        i2, h2 = i2_h2(value, typical(name))
        assert abs(i2 - frozen[f"i2_{side}"]) <= ITERATED_TOLERANCE * frozen[f"i2_{side}"]
        assert abs(h2 - frozen[f"h2_{side}"]) <= ITERATED_TOLERANCE * frozen[f"h2_{side}"]


@pytest.mark.parametrize("name", [n for n in SETS if (n, "Q-profile") not in KNOWN_DIFFERENCES])
def test_q_profile_limits_equal_metafor(name):
    s = SETS[name]
    assert_limits(name, tau2_interval(s["yi"], s["vi"]), HETEROGENEITY[name]["QP"])


PROFILES = list(product(SETS, LIKELIHOOD))


@pytest.mark.parametrize(
    ("name", "method"),
    [
        (name, method)
        for name, method in PROFILES
        if (name, method) not in PROFILE_GAPS and (name, f"PL {method}") not in KNOWN_DIFFERENCES
    ],
)
def test_profile_likelihood_limits_equal_metafor(name, method):
    s = SETS[name]
    interval = tau2_interval(s["yi"], s["vi"], 95, "PL", method)
    assert_limits(name, interval, HETEROGENEITY[name]["PL"][method]["metafor"])


@pytest.mark.parametrize(("name", "method"), PROFILES)
def test_profile_likelihood_limits_and_ratio_test_equal_the_likelihood_written_out(name, method):
    s, frozen = SETS[name], HETEROGENEITY[name]["PL"][method]["written_out"]
    interval = tau2_interval(s["yi"], s["vi"], 95, "PL", method)
    assert_near(interval.low, frozen["tau2_low"], frozen["tau2_low"], 1e-9, "low")
    assert_near(interval.high, frozen["tau2_high"], frozen["tau2_high"], 1e-9, "high")
    assert interval.disconnected == (frozen["pieces"] > 1)
    ratio = likelihood_ratio_tau2(s["yi"], s["vi"], method)
    size = 1 + frozen["statistic"]
    assert_near(ratio.statistic, frozen["statistic"], size, 1e-9, "statistic")
    assert_near(ratio.p_value, frozen["p_value"], frozen["p_value"] * size, 1e-7, "p")


@pytest.mark.parametrize("method", LIKELIHOOD)
def test_the_sets_hold_a_disconnected_profile_interval_of(method):
    """Otherwise the flag would be tested by nothing."""
    assert any(HETEROGENEITY[n]["PL"][method]["written_out"]["pieces"] > 1 for n in SETS)


@pytest.mark.parametrize("name", SETS)
def test_i2_and_h2_from_q_equal_the_formulas_of_higgins_and_thompson(name):
    s = SETS[name]
    found = heterogeneity(s["yi"], s["vi"], 0.0, 0.0, 0.0)
    for field, expected in HETEROGENEITY[name]["by_q"].items():
        scale = 100 if field.startswith("i2") else expected
        assert_near(getattr(found, field), expected, scale, CLOSED_TOLERANCE, field)


def test_the_grid_is_complete():
    """Every set has every method, test, prediction and interval, but for the recorded gaps."""
    assert len(SETS) >= 25
    assert tuple(FROZEN["methods"]) == METHODS
    assert tuple(FROZEN["tests"]) == TESTS
    assert tuple(FROZEN["predictions"]) == PREDICTIONS
    assert tuple(FROZEN["kinds"]) == INTERVALS
    assert len(FROZEN["fits"]) == len(FITS)
    assert set(FITS) == set(product(SETS, METHODS))
    assert set(HETEROGENEITY) == set(SETS)
    gaps = set()
    for key, fit in FITS.items():
        tests = allowed_tests(key[1])
        assert list(fit["tests"]) == tests
        errors = [frozen["error"] for frozen in fit["tests"].values() if "error" in frozen]
        assert len(errors) in (0, len(tests))
        if errors:
            gaps.add(key)
            assert all("did not converge" in error for error in errors)
        elif key[1] != "EE":
            assert all(tuple(f["prediction"]) == PREDICTIONS for f in fit["tests"].values())
    assert gaps == GAPS
    for name, entry in HETEROGENEITY.items():
        assert len(entry["QP"]) == len(entry["by_q"]) == 6
        assert tuple(entry["PL"]) == LIKELIHOOD
        for method, profile in entry["PL"].items():
            assert None not in profile["written_out"].values()
            assert ("error" in profile["metafor"]) == ((name, method) in PROFILE_GAPS)


def log_likelihood(name, tau2, restricted):
    """Viechtbauer 2005 (doi 10.3102/10769986030003261), eqs. 10 and 13, without constants."""
    y, v = np.array(SETS[name]["yi"]), np.array(SETS[name]["vi"])
    w = 1 / (v + tau2)
    mu = (w * y).sum() / w.sum()
    value = 0.5 * np.log(w).sum() - 0.5 * (w * (y - mu) ** 2).sum()
    return value - 0.5 * np.log(w.sum()) if restricted else value


def generalised_q(name, tau2):
    y, v = np.array(SETS[name]["yi"]), np.array(SETS[name]["vi"])
    w = 1 / (v + tau2)
    return (w * (y - (w * y).sum() / w.sum()) ** 2).sum()


@pytest.mark.parametrize(("name", "method"), [k for k in KNOWN_DIFFERENCES if k[1] in METHODS])
def test_a_known_difference_is_a_difference_and_ours_is_the_better_answer(name, method):
    """Higher likelihood for ML and REML, Q nearer to k - 1 for EB and PM."""
    frozen, tau2 = FITS[name, method]["tau2"], ours(name, method).tau2
    assert abs(tau2 - frozen) > ITERATED_TOLERANCE * tau2
    if method in ("ML", "REML"):
        restricted = method == "REML"
        assert log_likelihood(name, tau2, restricted) > log_likelihood(name, frozen, restricted)
    else:
        target = len(SETS[name]["yi"]) - 1
        miss, metafor_miss = (abs(generalised_q(name, t) - target) for t in (tau2, frozen))
        assert miss < 1e-12 * target
        assert metafor_miss > 1e-6


def test_known_difference_of_the_q_profile_limits_in_tiny_units():
    """Ours put Q at the chi-squared(2) quantiles 2 log 40 and 2 log(40/39); metafor's do not."""
    name, frozen = "tiny_units", HETEROGENEITY["tiny_units"]["QP"]
    s = SETS[name]
    targets = 2 * np.log(40), 2 * np.log(40 / 39)
    for side, target, value in zip(
        ("low", "high"), targets, tau2_interval(s["yi"], s["vi"]), strict=True
    ):
        miss = abs(generalised_q(name, value) - target)
        assert miss < 1e-11 * target
        assert abs(generalised_q(name, frozen[f"tau2_{side}"]) - target) > 1000 * miss


@pytest.mark.parametrize("method", LIKELIHOOD)
@pytest.mark.parametrize("name", ["two_maxima", "tiny_units"])
def test_known_difference_of_profile_limits_ours_lie_at_the_critical_height(name, method):
    """A limit that is not 0 is chi-squared(1)/2 = 1.9207 below the highest point; metafor's is not.

    metafor measures from a lower maximum in two_maxima, and stops early in tiny_units.
    """
    restricted = method == "REML"
    s, frozen = SETS[name], HETEROGENEITY[name]["PL"][method]["metafor"]
    top = log_likelihood(name, ours(name, method).tau2, restricted)

    def miss(tau2):
        return abs(top - log_likelihood(name, tau2, restricted) - 1.9207294103470494)

    interval = tau2_interval(s["yi"], s["vi"], 95, "PL", method)
    for value in interval:
        if value > 0:
            assert miss(value) < 1e-12
    assert miss(frozen["tau2_high"]) > 1e-7


@pytest.mark.parametrize("method", ["ML", "REML"])
def test_two_maxima_ours_is_the_highest_point_of_the_likelihood(method):
    restricted = method == "REML"
    grid = np.concatenate([[0.0], np.geomspace(1e-8, 1e4, 4000)])
    heights = [log_likelihood("two_maxima", tau2, restricted) for tau2 in grid]
    assert log_likelihood("two_maxima", ours("two_maxima", method).tau2, restricted) >= max(heights)


@pytest.mark.parametrize(("name", "unit"), [("tiny_units", 1e-6), ("huge_units", 1e6)])
@pytest.mark.parametrize("method", METHODS)
def test_a_change_of_units_gives_metafors_answer_in_the_old_units(name, unit, method):
    """Fills the gaps and the early stops: the same data in metafor's reach is three_studies."""
    frozen, fit = FITS["three_studies", method], ours(name, method)
    limit = tolerance(method)
    assert abs(fit.tau2 / unit**2 - frozen["tau2"]) <= limit * frozen["tau2"]
    assert abs(fit.mu / unit - frozen["tests"]["z"]["mu"]) <= limit * frozen["tests"]["z"]["se"]
    assert abs(fit.se / unit - frozen["tests"]["z"]["se"]) <= limit * frozen["tests"]["z"]["se"]
    assert abs(fit.i2 - frozen["i2"]) <= limit * frozen["i2"]
