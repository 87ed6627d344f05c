"""Influence statistics and Baujat's numbers against metafor's influence() and baujat().

Everything goes the way of a review: `estimate` for the pool, `leave_one_out` for the studies.
"""

import json
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from metamill.config.settings import Model
from metamill.estimating import Data, estimate
from metamill.exploring.refits import leave_one_out
from metamill.measures.effects import Effects

FROZEN = json.loads(Path(__file__).with_name("influence.json").read_text())
SETS = FROZEN["sets"]
CASES = {(case["set"], case["method"]): case for case in FROZEN["cases"]}
METHODS, TESTS = ("EE", "DL", "REML"), ("z", "knha", "adhoc")

SHARED = ("tau2", "q", "hat", "weight", "baujat_x")
BY_TEST = ("rstudent", "dffits", "cook", "covariance_ratio", "dfbetas", "baujat_y")

TOLERANCE = {"EE": 1e-9, "DL": 1e-9, "REML": 1e-7}
SMALL = 1e-5
"""What differs by rounding from zero is compared on this share of its unit, a standard error."""

KNOWN_DIFFERENCES = {
    ("identical_effects", "knha"): "metafor stops with an error: the standard error is 0",
    ("three_identical", "knha"): "metafor divides by a standard error of 0: infinite statistics",
}
GRID = list(product(SETS, METHODS, TESTS))
COMPARED = [case for case in GRID if (case[0], case[2]) not in KNOWN_DIFFERENCES]


@cache
def ours(name, method, test):
    y, v = (np.array(SETS[name][column]) for column in ("yi", "vi"))
    k = len(y)
    data = Data({"n": np.full(k, np.nan)}, Effects(y, v, np.zeros(k, bool)), np.arange(k))
    model = Model("GEN", method, test)
    whole = estimate(data, model).pooled
    return leave_one_out(data, model, whole, [str(i) for i in range(k)])


@pytest.mark.parametrize(("name", "method", "test"), COMPARED)
def test_every_number_of_every_study_equals_metafor(name, method, test):
    case = CASES[name, method]
    refits = ours(name, method, test)
    for field in (*SHARED, *BY_TEST):
        frozen = np.array(case[field] if field in SHARED else case["tests"][test][field])
        found = np.array([getattr(refit, field) for refit in refits], float)
        if field == "tau2" and method == "EE":
            assert np.isnan(found).all() and not frozen.any()
            continue
        small = np.median(SETS[name]["vi"]) if field == "tau2" else SMALL
        size = np.maximum(np.abs(frozen), small)
        worst = (np.abs(found - frozen) / size).max()
        assert worst <= TOLERANCE[method], (field, worst)


@pytest.mark.parametrize(("name", "method", "test"), COMPARED)
def test_the_studies_called_influential_are_metafors(name, method, test):
    frozen = CASES[name, method]["tests"][test]["influential"]
    assert [refit.influential for refit in ours(name, method, test)] == frozen


@pytest.mark.parametrize("method", METHODS)
def test_known_difference_what_would_be_infinite_is_not_there(method):
    """Without the one study apart the others are identical; Cook's distance still tells of it."""
    frozen = CASES["three_identical", method]["tests"]["knha"]
    *others, apart = ours("three_identical", method, "knha")
    for field in ("rstudent", "dffits", "dfbetas", "baujat_y"):
        assert frozen[field][-1] == "inf" and getattr(apart, field) is None
        expected = pytest.approx(frozen[field][:-1], rel=TOLERANCE[method])
        assert [getattr(refit, field) for refit in others] == expected
    assert apart.covariance_ratio is None and frozen["covariance_ratio"][-1] == 0
    assert apart.cook == pytest.approx(frozen["cook"][-1], rel=TOLERANCE[method])
    assert [refit.influential for refit in (*others, apart)] == frozen["influential"]


@pytest.mark.parametrize("method", METHODS)
def test_known_difference_identical_effects_under_knapp_hartung_have_what_needs_no_error(method):
    """Where metafor has no answer at all: each residual is 0, and the weights are known."""
    assert "error" in CASES["identical_effects", method]["tests"]["knha"]
    by_z = ours("identical_effects", method, "z")
    for refit, plain in zip(ours("identical_effects", method, "knha"), by_z, strict=True):
        assert (refit.hat, refit.weight, refit.baujat_x) == (plain.hat, plain.weight, 0.0)
        lacks = {getattr(refit, field) for field in (*BY_TEST, "influential")}
        assert lacks == {None}
        assert "no width" in refit.note


def test_the_grid_is_complete():
    """Every set, method and test, every study, and both answers of the rule."""
    assert tuple(FROZEN["methods"]) == METHODS and tuple(FROZEN["tests"]) == TESTS
    assert set(CASES) == set(product(SETS, METHODS)) and len(CASES) == len(FROZEN["cases"])
    assert sum("metadat" in item["source"] for item in SETS.values()) >= 6
    flags = set()
    for (name, _), case in CASES.items():
        k = len(SETS[name]["yi"])
        assert all(len(case[field]) == k for field in SHARED)
        assert tuple(case["tests"]) == TESTS
        for test, frozen in case["tests"].items():
            assert ("error" in frozen) == ((name, test) == ("identical_effects", "knha"))
            if "error" not in frozen:
                assert set(frozen) == {*BY_TEST, "influential"}
                assert all(len(values) == k for values in frozen.values())
                assert None not in [x for values in frozen.values() for x in values]
                flags |= set(frozen["influential"])
    assert flags == {True, False}
