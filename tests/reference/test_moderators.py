"""Several moderators, permutations, a common tau2 and dependent rows against metafor and others."""

import json
from pathlib import Path

import numpy as np
import pytest

from metamill.config.settings import Explorations, Model, Moderators
from metamill.estimating import Data
from metamill.exploring.common_tau2 import common_tau2
from metamill.exploring.permutations import permutation_test, possible_orders
from metamill.exploring.regression import regressions
from metamill.measures.effects import Effects
from metamill.pooling.dependent.robust_regression import (
    cr2_regression,
    htz,
    rve_regression,
    satterthwaite,
)
from metamill.pooling.regression import regress
from metamill.pooling.resampling import permutation_fits
from metamill.results import Pooled

FROZEN = json.loads(Path(__file__).with_name("moderators.json").read_text())
SETS = FROZEN["sets"]
CLOSED_FORM = ("DL",)


def tolerance(method):
    return 1e-9 if method in CLOSED_FORM else 1e-7


def named(kind):
    return [
        pytest.param(case, id="-".join(str(case.get(x, "")) for x in ("set", "method", "test")))
        for case in FROZEN[kind]
    ]


def data_of(y, v):
    k = len(y)
    return Data({}, Effects(np.array(y), np.array(v), np.zeros(k, bool)), np.arange(k))


def near(found, frozen, limit):
    return found == pytest.approx(frozen, rel=limit, abs=limit * 1e-3)


@pytest.mark.parametrize("case", named("several"))
def test_several_moderators_are_those_of_metafor(case):
    s, limit = SETS[case["set"]], 10 * tolerance(case["method"])
    names = tuple(s["cells"])
    # levels that are coded as numbers, written as words
    words = dict.fromkeys(("grade", "feedback"), "level ")
    columns = [[words.get(name, "") + cell for cell in s["cells"][name]] for name in names]
    cells = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    kind = "z" if case["test"] == "z" else "t"
    model = Model("GEN", case["method"], case["test"], prediction_interval=kind)
    none = Explorations(permutations=0)
    data, k = data_of(s["yi"], s["vi"]), len(cells)
    (found,) = regressions((Moderators(names),), model, data, range(k), cells, Pooled(k), none)
    assert found.kind == "several" and found.k == k
    for name in ("b", "se", "low", "high", "p_value"):
        # the centre of a number has ten digits here, and the intercept is that at the centre
        ours = [getattr(c, name) for c in found.coefficients[1:]]
        assert near(ours, case[name][1:], limit), name
    assert near(found.coefficients[0].b, case["b"][0], 1e-6)
    assert near([c.vif for c in found.coefficients[1:]], case["vif"], limit)
    assert near([part.gvif for part in found.parts], case["gvif"], limit)
    frozen = [case[name] for name in ("tau2", "i2", "qe", "qm")]
    assert near((found.tau2, found.i2, found.q, found.qm), frozen, limit)
    assert near([part.qm for part in found.parts], case["block_qm"], limit)
    assert near([part.qm_p for part in found.parts], case["block_p"], 10 * limit)
    assert [part.qm_df for part in found.parts] == case["block_df"]
    assert near(found.r2, case["r2"], limit)
    line = found.parts[0].means
    for name, ours in (("mean", "mean"), ("ci_low", "ci_low"), ("ci_high", "ci_high"),
                       ("pi_low", "pi_low"), ("pi_high", "pi_high")):  # fmt: skip
        assert near([getattr(line[i], ours) for i in (0, -1)], case[name], limit), name


@pytest.mark.parametrize("case", named("levels"))
def test_levels_with_a_common_tau2_are_those_of_metafor(case):
    s, limit = SETS[case["set"]], 10 * tolerance(case["method"])
    y, v, cells = np.array(s["yi"]), np.array(s["vi"]), np.array(s["cells"][case["column"]])
    levels = case["levels"]
    data = [data_of(y[cells == level], v[cells == level]) for level in levels]
    alone = [Pooled(len(item.study), mu=0.0, se=1.0) for item in data]
    model = Model("GEN", case["method"], case["test"])
    found = common_tau2(case["column"], levels, alone, data, model)
    assert near([p.mu for p in found.pooled], case["mu"], limit)
    assert near([p.se for p in found.pooled], case["se"], limit)
    assert near([p.mu_low for p in found.pooled], case["low"], limit)
    assert near([p.mu_high for p in found.pooled], case["high"], limit)
    assert near(found.test.tau2, case["tau2"], limit)
    assert near((found.test.q, found.test.q_p), (case["qm"], case["qm_p"]), 10 * limit)


@pytest.mark.parametrize("case", named("permuted"))
def test_all_orders_give_the_p_values_of_metafor(case):
    y, v = np.array(case["yi"]), np.array(case["vi"])
    x = np.column_stack([np.ones(len(y)), np.array(case["x"])])
    assert possible_orders(x) == case["orders"]
    fit = regress(y, v, x, case["method"], case["test"])
    found = permutation_test(
        x,
        (fit.statistic, fit.qm),
        lambda orders: permutation_fits(y, v, x, case["method"], case["test"], orders),
        2000,
        1,
    )
    assert found.exact and found.orders == case["orders"] and (found.se == 0).all()
    assert found.p[1:].tolist() == pytest.approx(case["p"], abs=1e-12)
    assert found.qm_p == pytest.approx(case["qm_p"], abs=1e-12)


@pytest.mark.parametrize("case", named("robust"))
def test_dependent_rows_are_those_of_clubsandwich_and_robumeta(case):
    arrays = (np.array(case[name]) for name in ("yi", "vi", "study", "x"))
    if case["method"] == "RVE":
        fit, limit = rve_regression(*arrays, case["rho"]), 1e-9
    else:
        fit, limit = cr2_regression(*arrays, case["tau2"]), 1e-8
    assert near(fit.tau2, case["tau2"], limit)
    assert near(fit.b, case["b"], limit)
    assert near(np.sqrt(np.diag(fit.covariance)), case["se"], limit)
    assert near(satterthwaite(fit, np.eye(len(fit.b))), case["df"], limit)
    if "qm" in case:
        f, _, df, p = htz(fit, range(1, len(fit.b)))
        assert near((f, df, p), (case["qm"], case["qm_df2"], case["qm_p"]), 1e-7)
