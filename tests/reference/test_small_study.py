"""Tests of small-study effects and adjusted estimates, against metafor and lm."""

import json
from pathlib import Path

import numpy as np
import pytest

from metamill.pooling.identified import NotIdentified
from metamill.pooling.inverse_variance import pool
from metamill.pooling.small_study import (
    arcsine,
    harbord,
    limit_estimate,
    line,
    mixed_line,
    orwin,
    peters,
    precision_estimate,
    rank_test,
    rosenberg,
    rosenthal,
    step_selection,
    trim_and_fill,
)
from metamill.pooling.small_study.selection_likelihood import (
    loglik,
    profile,
    selected,
    value_and_slopes,
)

FROZEN = json.loads((Path(__file__).parent / "small_study.json").read_text(encoding="utf-8"))
SETS = {name: (np.array(s["yi"]), np.array(s["vi"])) for name, s in FROZEN["sets"].items()}
CLOSED, ITERATED = 1e-9, 1e-7
OF_LM = ("slope", "se", "statistic", "p_value", "low", "high", "intercept", "intercept_se",
         "intercept_low", "intercept_high", "intercept_statistic", "intercept_p", "df")  # fmt: skip

KNOWN_DIFFERENCES = {
    "Egger by ML, li2007": "metafor stops at tau2 = 0, a lower maximum of the likelihood",
    "REML in small units": "metafor stops at a step of tau2 below 1e-12, whatever its size",
    "R0, k0 = 0": "metafor's p of no missing study is 0.5 where none is found; the chance of at "
    "least none is 1",
    "selection, where metafor stops": "metafor's optimisers end at a likelihood at most 1e-7 below "
    "the maximum, or at a lower maximum, or not at all",
}


def by_name(case):
    return "-".join(str(x) for key, x in case.items() if key in _NAMING and x != "")


_NAMING = ("set", "method", "test", "estimator", "asked", "steps", "alternative")


def near(ours, theirs, limit, scale=None):
    if theirs is None:
        assert np.isnan(ours)
        return
    scale = max(abs(theirs), scale or 0.0)
    assert abs(ours - theirs) <= limit * scale, (ours, theirs)


def same_line(fit, frozen, limit=CLOSED):
    for name in OF_LM:
        if name not in frozen:
            continue
        theirs = frozen[name]
        spread = frozen["intercept_se"] if name.startswith("intercept") else frozen["se"]
        scale = {"statistic": 1, "intercept_statistic": 1}.get(name, spread)
        if name in ("p_value", "intercept_p"):
            scale = 10 * theirs * (1 + abs(frozen.get("statistic", 0)))
        near(getattr(fit, name), theirs, limit, scale)


@pytest.mark.parametrize("case", FROZEN["asymmetry"], ids=by_name)
def test_eggers_test_and_peese_equal_lm_and_regtest(case):
    y, v = SETS[case["set"]]
    same_line(line(y, v, np.sqrt(v)), case["egger"])
    peese, frozen = precision_estimate(y, v, v), case["peese"]
    near(peese.mu, frozen["intercept"], CLOSED, frozen["intercept_se"])
    near(peese.se, frozen["intercept_se"], CLOSED)
    near(peese.low, frozen["intercept_low"], CLOSED, frozen["intercept_se"])
    near(peese.p_value, frozen["intercept_p"], 10 * CLOSED * (1 + abs(peese.statistic)))


def higher(y, v, ours, theirs):
    """Whether the likelihood of the residuals is higher at our tau2 (KNOWN_DIFFERENCES)."""

    def at(tau2):
        x, w = np.column_stack([np.ones_like(v), np.sqrt(v)]), 1 / (v + tau2)
        r = y - x @ np.linalg.solve(x.T * w @ x, x.T @ (w * y))
        return 0.5 * (np.log(w).sum() - (w * r**2).sum())

    return at(ours) > at(theirs) + 1e-6


@pytest.mark.parametrize("case", FROZEN["asymmetry"], ids=by_name)
def test_the_mixed_egger_test_equals_regtest_for_every_method_and_test(case):
    y, v = SETS[case["set"]]
    assert len(case["mixed"]) == 15
    for frozen in case["mixed"]:
        fit = mixed_line(y, v, np.sqrt(v), frozen["method"], frozen["test"])
        if frozen["method"] == "ML" and higher(y, v, fit.tau2, frozen["tau2"]):
            continue
        same_line(fit, frozen, ITERATED if frozen["method"] not in ("EE", "DL") else CLOSED)
        if frozen["method"] != "EE":
            near(fit.tau2, frozen["tau2"], ITERATED, np.median(v))


@pytest.mark.parametrize("case", FROZEN["asymmetry"], ids=by_name)
def test_the_rank_test_equals_ranktest_with_and_without_ties(case):
    y, v = SETS[case["set"]]
    found, frozen = rank_test(y, v), case["rank"]
    near(found.tau, frozen["tau"], CLOSED, 1)
    near(found.p_value, frozen["p_value"], CLOSED)
    tied = len(set(v.tolist())) < len(v)
    assert found.exact is not tied


@pytest.mark.parametrize("case", FROZEN["counts"], ids=by_name)
def test_peters_harbord_and_the_arcsine_test_equal_regressions_in_r(case):
    columns = {name: np.array(x, float) for name, x in case["columns"].items()}
    events, totals = (
        tuple(columns[f"{name}_{arm}"] for arm in ("treatment", "control"))
        for name in ("events", "total")
    )
    same_line(peters(case["log_or"], events, totals), case["peters"])
    same_line(harbord(events, totals), case["harbord"])
    fit = arcsine(events, totals)
    same_line(fit, case["arcsine"])
    near(fit.tau2, case["arcsine"]["tau2"], CLOSED, 1e-3)


@pytest.mark.parametrize("case", FROZEN["fills"], ids=by_name)
def test_trim_and_fill_finds_the_same_studies_as_trimfill(case):
    y, v = SETS[case["set"]]
    side = case["asked"] or None
    if "error" in case:
        with pytest.raises(NotIdentified):
            trim_and_fill(y, v, case["estimator"], case["method"], side)
        return
    found = trim_and_fill(y, v, case["estimator"], case["method"], side)
    assert (found.k0, found.side) == (case["k0"], case["side"])
    near(found.se_k0, case["se_k0"], CLOSED)
    if case["estimator"] == "R0" and found.k0:
        near(found.p_value, case["p_value"], CLOSED)
    order, theirs = np.argsort(found.y), np.argsort(case["y"])
    limit = CLOSED if case["method"] != "REML" else ITERATED
    if case["method"] == "REML" and case["set"] == "small_effects_down":
        limit = 1e-5
    for ours, frozen in zip(found.y[order], np.array(case["y"])[theirs], strict=True):
        near(ours, frozen, limit, np.ptp(y))
    refit = pool(np.concatenate([y, found.y]), np.concatenate([v, found.v]), case["method"])
    near(refit.mu, case["mu"], limit, refit.se)
    near(refit.mu_low, case["low"], 10 * limit, refit.se)
    if case["method"] != "EE":
        near(refit.tau2, case["tau2"], 10 * limit, np.median(v))


def test_r0_without_a_missing_study_is_no_evidence_of_one():
    """metafor prints 0.5 for it (KNOWN_DIFFERENCES): at least none are always missing."""
    none = [c for c in FROZEN["fills"] if c["estimator"] == "R0" and c.get("k0") == 0]
    assert none
    for case in none:
        y, v = SETS[case["set"]]
        found = trim_and_fill(y, v, "R0", case["method"], case["asked"] or None)
        assert found.p_value == 1.0
        assert case["p_value"] == 0.5


@pytest.mark.parametrize("case", FROZEN["selections"], ids=by_name)
def test_selection_models_reach_at_least_the_likelihood_of_selmodel(case):
    """Where both end at one maximum their numbers agree to the digits that metafor's optimiser has.

    Where an interval has no study, or no optimiser of metafor converges, ours refuses or is shown
    to be the maximum by the test below.
    """
    y, v = SETS[case["set"]]
    sign = 1.0 if case["alternative"] == "greater" else -1.0
    try:
        fit = step_selection(y, v, tuple(case["steps"]), sign)
    except NotIdentified as why:
        assert "error" in case or 0 in case["counts"], why  # noqa: PT017
        return
    if "error" in case:
        return
    assert list(fit.counts) == case["counts"]
    assert fit.loglik >= case["loglik"] - 1e-9 * abs(case["loglik"])
    if fit.loglik > case["loglik"] + 1e-6:
        return
    near(fit.mu, case["mu"], 1e-3, fit.se)
    near(fit.se, case["se"], 2e-3)
    near(fit.tau2, case["tau2"], 1e-3, np.median(v))
    near(fit.lrt, case["lrt"], 1e-6, 1)
    near(fit.lrt_p, case["lrt_p"], 1e-5, 1)
    for j in range(1, len(fit.delta)):
        near(fit.delta[j], case["delta"][j], 2e-3, fit.delta_se[j])
        near(fit.delta_se[j], case["delta_se"][j], 5e-3)


def test_selection_models_find_maxima_that_an_optimiser_from_one_start_does_not():
    """Magnesium after a heart attack (KNOWN_DIFFERENCES): one huge trial makes a second maximum."""
    case = next(
        c
        for c in FROZEN["selections"]
        if (c["set"], c["alternative"], len(c["steps"])) == ("egger2001", "less", 1)
    )
    y, v = SETS["egger2001"]
    fit = step_selection(y, v, (0.025,), -1.0)
    assert fit.loglik > case["loglik"] + 0.5
    data = selected(-y, v, (0.025,))
    frozen = loglik(data, -case["mu"], case["tau2"], np.log(case["delta"][1:]))
    assert frozen == pytest.approx(case["loglik"], abs=1e-6), "one likelihood, two maxima"


def test_units_and_directions_change_nothing_but_the_numbers_that_have_them():
    y, v = SETS["hackshaw1998"]
    for steps in ((0.025,), (0.025, 0.5)):
        fit = step_selection(y, v, steps)
        turned = step_selection(-1e-5 * y, 1e-10 * v, steps, -1.0)
        assert turned.mu == pytest.approx(-1e-5 * fit.mu, rel=1e-7)
        assert turned.delta == pytest.approx(fit.delta, rel=1e-7)
        assert turned.lrt == pytest.approx(fit.lrt, abs=1e-9)
        assert (turned.low, turned.high) == pytest.approx((-1e-5 * fit.high, -1e-5 * fit.low))
    filled, turned = trim_and_fill(y, v), trim_and_fill(-1e-5 * y, 1e-10 * v)
    assert (filled.k0, filled.side, turned.side) == (turned.k0, "left", "right")
    assert turned.y == pytest.approx(-1e-5 * filled.y)


@pytest.mark.parametrize("case", FROZEN["selections"], ids=by_name)
def test_a_selection_fit_is_flat_at_its_top_and_no_scan_exceeds_it(case):
    """A denser scan of means and tau2 than the fit's own, and steps beside the fit, stay below."""
    y, v = SETS[case["set"]]
    sign, steps = (1.0 if case["alternative"] == "greater" else -1.0), tuple(case["steps"])
    try:
        fit = step_selection(y, v, steps, sign)
    except NotIdentified:
        return
    data = selected(sign * y, v, steps)
    eta = np.log(fit.delta[1:])
    value, gradient, _ = value_and_slopes(data, sign * fit.mu, fit.tau2, eta)
    assert value == pytest.approx(fit.loglik, abs=1e-9)
    scale = np.array([fit.se, max(fit.tau2, 1e-3 * np.median(v)), *np.ones(len(steps))])
    slopes = gradient * scale
    if fit.tau2 == 0:
        assert slopes[1] <= 1e-9
        slopes[1] = 0
    assert np.abs(slopes).max() < 1e-6
    width = np.ptp(y)
    means = np.linspace((sign * y).min() - width, (sign * y).max() + width, 61)
    tau2 = np.concatenate([[0.0], np.geomspace(1e-3 * np.sqrt(np.median(v)), 2 * width, 40)]) ** 2
    mu, t = (a.ravel() for a in np.meshgrid(means, tau2))
    assert profile(data, mu, t)[0].max() <= fit.loglik + 1e-9


@pytest.mark.parametrize("case", FROZEN["fail_safe"], ids=by_name)
def test_fail_safe_numbers_equal_fsn(case):
    y, v = SETS[case["set"]]
    assert rosenthal(y, v) == case["rosenthal"]
    assert rosenberg(y, v) == case["rosenberg"]
    assert orwin(y, y.mean() / 2) == case["orwin"]


@pytest.mark.parametrize("case", FROZEN["limit"], ids=by_name)
def test_the_limit_estimate_is_the_generalised_radial_regression(case):
    y, v = SETS[case["set"]]
    found = limit_estimate(y, v, case["tau2"])
    near(found.mu, case["mu"], CLOSED, case["se"])
    near(found.se, case["se"], CLOSED)


def test_slopes_of_the_selection_likelihood_are_its_differences():
    y, v = SETS["hackshaw1998"]
    data = selected(y, v, (0.025, 0.5))
    at = np.array([0.1, 0.03, -0.5, -1.2])
    _, gradient, hessian = value_and_slopes(data, at[0], at[1], at[2:])
    for i, step in enumerate(1e-6 * np.eye(4)):
        (up, g_up, _), (down, g_down, _) = (
            value_and_slopes(data, x[0], x[1], x[2:]) for x in (at + step, at - step)
        )
        assert (up - down) / 2e-6 == pytest.approx(gradient[i], rel=1e-6)
        assert (g_up - g_down) / 2e-6 == pytest.approx(hessian[i], rel=1e-5, abs=1e-4)
    assert loglik(data, 0.1, 0.03, np.zeros(2)) == pytest.approx(
        float((-0.5 * np.log(2 * np.pi * (v + 0.03)) - (y - 0.1) ** 2 / (2 * (v + 0.03))).sum())
    )
