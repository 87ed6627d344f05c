"""Meta-regression against metafor's rma and predict."""

import json
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from metamill.pooling.predictive import PREDICTIONS
from metamill.pooling.regression import TESTS, predict, regress
from metamill.pooling.residual_tau2 import METHODS

FROZEN = json.loads(Path(__file__).with_name("regression.json").read_text())
SETS = FROZEN["sets"]
FITS = {(fit["set"], fit["method"]): fit for fit in FROZEN["fits"]}
R2 = {(entry["set"], entry["method"]): entry["r2"] for entry in FROZEN["r2"]}

CLOSED_FORM = {"EE", "DL", "HE", "HS", "DL2"}
CLOSED_TOLERANCE, ITERATED_TOLERANCE = 1e-9, 1e-7

# metafor's answer is not the estimator's value; a test below shows that ours is.
EARLY_STOP = "metafor's threshold is absolute: it stops early when tau2 is about 1e-12"
KNOWN_DIFFERENCES = {
    ("tiny_units", "ML"): EARLY_STOP,
    ("tiny_units", "PM"): EARLY_STOP,
}
COMPARED = [key for key in FITS if key not in KNOWN_DIFFERENCES]
CASES = [(*key, test) for key, test in product(COMPARED, TESTS)]


def tolerance(method):
    return CLOSED_TOLERANCE if method in CLOSED_FORM else ITERATED_TOLERANCE


@cache
def ours(name, method, test="z"):
    s = SETS[name]
    return regress(s["yi"], s["vi"], s["design"], method, test, names=s["terms"])


def assert_near(value, frozen, scale, limit, label):
    """|value - frozen| <= limit * scale; null is nan."""
    if frozen is None:
        assert np.isnan(value), f"{label}: {value}, metafor has none"
        return
    assert abs(value - frozen) <= limit * scale, f"{label}: {value!r} against {frozen!r}"


@pytest.mark.parametrize(("name", "method", "test"), CASES)
def test_coefficients_equal_metafor(name, method, test):
    """b, se, covariance, limits, statistics and p, the latter as ill-conditioned as a tail is."""
    frozen, fit = FITS[name, method]["tests"][test], ours(name, method, test)
    limit = tolerance(method)
    se = np.array(frozen["se"])
    assert_near(fit.df, frozen["df"], 0, limit, "df")
    for i, term in enumerate(SETS[name]["terms"]):
        for field in ("b", "low", "high"):
            scale = max(abs(frozen[field][i]), se[i])
            assert_near(getattr(fit, field)[i], frozen[field][i], scale, limit, f"{term} {field}")
        assert_near(fit.se[i], se[i], se[i], limit, f"{term} se")
        z = frozen["statistic"][i]
        assert_near(fit.statistic[i], z, max(1, abs(z)), limit, f"{term} statistic")
        assert_near(
            fit.p_value[i], frozen["p_value"][i], frozen["p_value"][i] * (1 + z**2), limit, term
        )
        for j in range(len(se)):
            scale = se[i] * se[j]
            assert_near(fit.covariance[i, j], frozen["covariance"][i][j], scale, limit, "cov")


@pytest.mark.parametrize(("name", "method", "test"), CASES)
def test_the_test_of_all_moderators_equals_metafor(name, method, test):
    frozen, fit = FITS[name, method]["tests"][test], ours(name, method, test)
    assert fit.qm_df == frozen["qm_df"]
    assert_near(fit.qm, frozen["qm"], max(1, frozen["qm"]), tolerance(method), "QM")
    condition = frozen["qm_p"] * (1 + frozen["qm"] * frozen["qm_df"])
    assert_near(fit.qm_p, frozen["qm_p"], condition, tolerance(method), "p of QM")


@pytest.mark.parametrize(("name", "method"), COMPARED)
def test_residual_heterogeneity_equals_metafor(name, method):
    """tau2 in the units of the typical variance where it is 0; QE, I2, H2, and R2."""
    frozen, fit, limit = FITS[name, method], ours(name, method), tolerance(method)
    typical = np.exp(np.log(SETS[name]["vi"]).mean())
    assert_near(fit.tau2, frozen["tau2"], frozen["tau2"] or typical, limit, "tau2")
    alone = frozen["tau2_alone"]
    assert_near(fit.tau2_alone, alone, alone or typical, limit, "tau2 alone")
    assert_near(fit.i2, frozen["i2"], max(1, frozen["i2"]), limit, "I2")
    assert_near(fit.h2, frozen["h2"], frozen["h2"], limit, "H2")
    assert_near(fit.qe, frozen["qe"], frozen["qe"], CLOSED_TOLERANCE, "QE")
    condition = frozen["qe_p"] * (1 + frozen["qe"])
    assert_near(fit.qe_p, frozen["qe_p"], condition, CLOSED_TOLERANCE, "p of QE")
    if (name, method) in R2 and alone:
        assert_near(fit.r2, R2[name, method], 1 + R2[name, method], limit, "R2")
    else:
        assert method in ("EE", "DL2") or name == "bcg_cell_means" or alone == 0


@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize(("name", "method", "test"), CASES)
def test_means_and_predictions_equal_metafor(name, method, test, kind):
    frozen = FITS[name, method]["tests"][test]["predicted"]
    found = predict(ours(name, method, test), SETS[name]["points"], kind=kind)
    limit = tolerance(method)
    for i in range(len(frozen["mean"])):
        width = frozen["high"][i] - frozen["low"][i]
        for field in ("mean", "low", "high"):
            scale = max(abs(frozen[field][i]), width)
            assert_near(getattr(found, field)[i], frozen[field][i], scale, limit, field)
        if method == "EE":
            assert np.isnan([found.pi_low[i], found.pi_high[i]]).all()
            continue
        low, high = (frozen["kinds"][kind][end][i] for end in ("low", "high"))
        scale = 0 if low is None else max(abs(low), abs(high))
        assert_near(found.pi_low[i], low, scale, limit, "pi_low")
        assert_near(found.pi_high[i], high, scale, limit, "pi_high")


@pytest.mark.parametrize(("name", "method"), KNOWN_DIFFERENCES)
def test_known_difference_metafor_stops_early_in_tiny_units(name, method):
    """The same data in larger units, where metafor converges, have the same answer."""
    assert SETS[name]["yi"] == pytest.approx(
        1e-6 * np.array(SETS["heterogeneous"]["yi"]), rel=1e-12
    )
    right = FITS["heterogeneous", method]
    fit = ours(name, method)
    assert abs(fit.tau2 / right["tau2"] * 1e12 - 1) <= ITERATED_TOLERANCE
    b, se = (np.array(right["tests"]["z"][field]) for field in ("b", "se"))
    assert (np.abs(fit.b * 1e6 - b) <= ITERATED_TOLERANCE * se).all()
    assert abs(FITS[name, method]["tau2"] / fit.tau2 - 1) > 1e-6


def test_the_frozen_grid_is_complete():
    assert set(FITS) == set(product(SETS, METHODS))
    assert all("error" not in fit and set(fit["tests"]) == set(TESTS) for fit in FITS.values())
    with_r2 = set(product(set(SETS) - {"bcg_cell_means"}, set(METHODS) - {"EE", "DL2"}))
    assert set(R2) == with_r2
    for fit in FITS.values():
        kinds = [test["predicted"].get("kinds") for test in fit["tests"].values()]
        assert all(
            k is None if fit["method"] == "EE" else set(k) == set(PREDICTIONS) for k in kinds
        )


def test_the_frozen_sets_reach_the_edges():
    assert sum(s["source"].startswith("metadat") for s in SETS.values()) >= 6
    assert FITS["homogeneous", "REML"]["tau2"] == 0
    assert any("intercept" not in s["terms"] for s in SETS.values())
    assert max(len(s["terms"]) for s in SETS.values()) >= 4
    assert any(len(s["yi"]) == len(s["terms"]) + 1 for s in SETS.values())
