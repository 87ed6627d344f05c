"""Meta-regression in the mixed models against rma.glmm, glmer, a dense grid, and itself."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from metamill.pooling.glmm import (
    conditional_studies,
    pool_conditional,
    pool_proportions,
    pool_rates,
    proportion_studies,
)
from metamill.pooling.glmm_regression import (
    regress_proportions,
    regress_rates,
    regress_studies,
)
from metamill.pooling.glmm_separation import separation
from metamill.pooling.identified import NotIdentified
from metamill.pooling.regression import predict

FROZEN = json.loads(Path(__file__).with_name("glmm_regression.json").read_text())
CASES = {case["set"]: case for case in FROZEN["cases"]}
NAMES = sorted(CASES)
METAFOR, DENSE = 1e-5, 1e-9
REGRESS = {"proportions": regress_proportions, "rates": regress_rates}

# lme4 takes the standard errors from finite differences of a deviance, which lose digits where one
# study has 88391 units; tests and limits inherit it. The dense grid is what ours agrees with.
KNOWN_DIFFERENCES = {"bcg_latitude", "bcg_control_three", "bcg_cell_means"}
COARSE = 5e-4


def design_of(case):
    return np.array(case["design"], float)


@cache
def ours(name, test="t"):
    case = CASES[name]
    return REGRESS[case["kind"]](case["events"], case["size"], design_of(case), test=test)


def close(value, expected, relative, scale=0.0):
    value, expected = np.asarray(value, float), np.asarray(expected, float)
    return bool(np.all(np.abs(value - expected) <= relative * np.maximum(np.abs(expected), scale)))


def test_the_frozen_cases_are_complete():
    assert len(CASES) == 12
    assert sum(case["kind"] == "rates" for case in CASES.values()) == 3
    for name, case in CASES.items():
        assert "error" not in case, name
        assert "error" not in case["dense"], name
        assert "error" not in case["glmer"], name
    assert sum(case["dense"]["tau2"] == 0 for case in CASES.values()) >= 2
    assert any(len(case["terms"]) == 4 for case in CASES.values())
    assert any("intercept" not in case["terms"] for case in CASES.values())


@pytest.mark.parametrize("name", NAMES)
def test_everything_equals_the_dense_grid_likelihood(name):
    frozen, fit = CASES[name]["dense"], ours(name)
    assert close(fit.b, frozen["b"], DENSE, fit.se)
    assert close(fit.se, frozen["se"], 2 * DENSE)
    size = np.outer(fit.se, fit.se)
    assert close(fit.covariance / size, np.array(frozen["covariance"]) / size, 4 * DENSE, 1.0)
    assert close(fit.tau2, frozen["tau2"], DENSE)
    if "dense_alone" in CASES[name] and CASES[name]["dense_alone"] is not None:
        alone = CASES[name]["dense_alone"]
        assert close(fit.tau2_alone, alone["tau2"], DENSE)
        assert close(fit.lrt, 2 * (frozen["loglik"] - alone["loglik"]), 1e-9 * abs(fit.loglik), 1.0)
        r2 = 100 * max(0.0, 1 - frozen["tau2"] / alone["tau2"])
        assert close(fit.r2, r2, 1e-7, 1.0)
    else:
        assert np.isnan([fit.tau2_alone, fit.r2, fit.lrt]).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("test", ["t", "z"])
def test_coefficients_and_tests_equal_metafor(name, test):
    frozen, fit = CASES[name]["tests"][test], ours(name, test)
    known = name in KNOWN_DIFFERENCES
    tolerance = COARSE if known else METAFOR
    assert close(fit.b, frozen["b"], METAFOR, fit.se)
    if fit.tau2 == 0:
        assert frozen["tau2"] < 1e-12
    else:
        assert close(fit.tau2, frozen["tau2"], METAFOR)
    assert close(fit.se, frozen["se"], tolerance)
    for field in ("low", "high", "statistic"):
        assert close(getattr(fit, field), frozen[field], tolerance, 10 * fit.se.clip(1)), field
    change = tolerance * (2 + 2 * fit.statistic**2)
    assert np.all(np.abs(fit.p_value - frozen["p_value"]) <= change * frozen["p_value"])
    assert close(fit.qm, frozen["qm"], 3 * tolerance)
    assert fit.qm_df == frozen["qm_df"]
    assert abs(fit.qm_p - frozen["qm_p"]) <= tolerance * 10 * (1 + fit.qm * fit.qm_df) * fit.qm_p
    assert close(fit.qe, frozen["qe"], 1e-9)
    assert fit.qe_df == frozen["qe_df"]
    assert close(fit.qe_p, frozen["qe_p"], 1e-9 * (1 + fit.qe))
    k, p = design_of(CASES[name]).shape
    assert fit.df == k - p if test == "t" else np.isnan(fit.df)


@pytest.mark.parametrize("name", sorted(KNOWN_DIFFERENCES))
def test_a_known_difference_is_a_difference_and_the_dense_grid_takes_our_side(name):
    fit, case = ours(name), CASES[name]
    assert not close(fit.se, case["tests"]["t"]["se"], METAFOR)
    assert close(fit.se, case["dense"]["se"], 2 * DENSE)


@pytest.mark.parametrize("name", NAMES)
def test_coefficients_and_likelihood_ratio_equal_glmer(name):
    frozen, fit = CASES[name]["glmer"], ours(name)
    assert close(fit.b, frozen["b"], 2 * METAFOR, fit.se)
    assert close(fit.tau2, frozen["tau2"], METAFOR, 1e-3)
    alone = CASES[name].get("alone")
    if alone is not None:
        assert close(fit.lrt, 2 * (frozen["loglik"] - alone["loglik"]), 1e-5, 1.0)


# ---- itself ----


def made_up(seed, k=12, p=2, tau=0.7, kind="proportions"):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(k), rng.normal(size=(k, p - 1))])
    theta = x @ np.array([-1.0, *[0.4] * (p - 1)]) + tau * rng.normal(size=k)
    size = rng.integers(8, 90, k).astype(float)
    if kind == "rates":
        return rng.poisson(size * np.exp(theta) / 5).astype(float), size / 5, x
    return rng.binomial(size.astype(int), 1 / (1 + np.exp(-theta))).astype(float), size, x


@pytest.mark.parametrize("seed", range(12))
def test_a_column_of_ones_is_the_pooled_model(seed):
    tau = (0.0, 0.15, 0.7, 1.8)[seed % 4]
    kind, pool = (("proportions", pool_proportions), ("rates", pool_rates))[seed % 2]
    events, size, x = made_up(seed, k=3 + 3 * seed, tau=tau, kind=kind)
    fit, alone = REGRESS[kind](events, size, x[:, :1]), pool(events, size)
    pairs = {
        "b": alone.mu,
        "se": alone.se,
        "low": alone.mu_low,
        "high": alone.mu_high,
        "statistic": alone.statistic,
        "p_value": alone.p_value,
        "tau2": alone.tau2,
        "tau2_alone": alone.tau2,
        "qe": alone.q,
        "qe_p": alone.q_p,
        "lrt_tau2": alone.lrt,
        "lrt_tau2_p": alone.lrt_p,
        "loglik": alone.loglik,
        "weights": alone.weights,
    }
    for field, expected in pairs.items():
        assert close(getattr(fit, field), expected, 1e-9, 1e-2), field
    mean = predict(fit, np.ones((1, 1)))
    assert close(mean.pi_low[0], alone.pi_low, 1e-9)
    assert close(mean.high[0], alone.mu_high, 1e-9)


def test_conditional_odds_ratios_take_a_design_too():
    arrays = ([3, 1, 7, 2, 5], [40, 30, 60, 25, 44], [5, 4, 6, 6, 11], [41, 28, 66, 27, 40])
    studies, _ = conditional_studies(*arrays)
    fit, alone = regress_studies(studies, np.ones((5, 1))), pool_conditional(*arrays)
    assert fit.b[0] == pytest.approx(alone.mu, rel=1e-9)
    assert fit.tau2 == pytest.approx(alone.tau2, rel=1e-9)
    assert regress_studies(studies, np.column_stack([np.ones(5), range(5)])).k == 5


@pytest.mark.parametrize("kind", ["proportions", "rates"])
def test_the_order_of_studies_decides_nothing(kind):
    events, size, x = made_up(1, p=3, kind=kind)
    order = np.random.default_rng(2).permutation(len(x))
    one, other = REGRESS[kind](events, size, x), REGRESS[kind](events[order], size[order], x[order])
    assert close(one.b, other.b, 1e-10)
    assert close(one.tau2, other.tau2, 1e-9)
    assert close(one.weights[order], other.weights, 1e-9)


@pytest.mark.parametrize("kind", ["proportions", "rates"])
def test_units_and_origin_of_a_moderator_change_its_coefficient_only(kind):
    events, size, x = made_up(3, kind=kind)
    moved = x.copy()
    moved[:, 1] = 2000 + 8 * x[:, 1]
    one, other = REGRESS[kind](events, size, x), REGRESS[kind](events, size, moved)
    assert close(one.b[1] / 8, other.b[1], 1e-9)
    for field in ("tau2", "qm", "lrt", "qe", "r2"):
        assert close(getattr(one, field), getattr(other, field), 1e-7), field
    here, there = predict(one, x[:2]), predict(other, moved[:2])
    assert close(here.pi_low, there.pi_low, 1e-7)


def test_the_complement_of_proportions_changes_every_sign():
    events, size, x = made_up(4, p=3)
    one, other = regress_proportions(events, size, x), regress_proportions(size - events, size, x)
    assert close(one.b, -other.b, 1e-9)
    assert close(one.tau2, other.tau2, 1e-9)
    assert close(one.low, -other.high, 1e-9)


def test_the_unit_of_time_moves_the_intercept_alone():
    events, time, x = made_up(5, kind="rates")
    one, other = regress_rates(events, time, x), regress_rates(events, time * 365.25, x)
    assert close(one.b - [np.log(365.25), 0], other.b, 1e-9)
    assert close(one.covariance, other.covariance, 1e-8, 1e-3)


def test_cell_means_and_a_reference_level_are_one_model():
    events, size, _ = made_up(6, k=15)
    group = np.arange(15) % 3
    cells = (group[:, None] == np.arange(3)).astype(float)
    reference = np.column_stack([np.ones(15), cells[:, 1:]])
    means, contrasts = (regress_proportions(events, size, x) for x in (cells, reference))
    assert close(means.b[1:] - means.b[0], contrasts.b[1:], 1e-9)
    assert close(means.tau2, contrasts.tau2, 1e-9)
    assert close(means.loglik, contrasts.loglik, 1e-12)
    assert contrasts.tested == (1, 2)
    assert means.tested == (0, 1, 2)


def test_the_likelihood_ratio_of_some_columns_is_that_of_two_fits():
    events, size, x = made_up(7, k=20, p=4)
    whole, part = regress_proportions(events, size, x, tested=[2, 3]), x[:, :2]
    without = regress_proportions(events, size, part)
    assert whole.lrt == pytest.approx(2 * (whole.loglik - without.loglik), abs=1e-11)
    assert whole.lrt_df == whole.qm_df == 2


@pytest.mark.parametrize("name", NAMES)
def test_nothing_nearby_is_likelier(name):
    """The score of every coefficient is zero: a part of its error away loses by squares only."""
    case, fit = CASES[name], ours(name)
    x = design_of(case)
    shift = 1e-3 * fit.se
    for j in range(len(fit.b)):
        step = np.zeros(len(fit.b))
        step[j] = shift[j]
        low, high = (loglik_at(case, x, fit.b + s * step, fit.tau2) for s in (-1, 1))
        top = loglik_at(case, x, fit.b, fit.tau2)
        assert max(low, high) < top
        assert abs(high - low) <= 1e-9 + 0.05 * (2 * top - low - high)


def loglik_at(case, x, b, tau2):
    """Summed over a wide grid of z, without constants."""
    z = np.linspace(-11, 11, 20_001)
    eta = (x @ b)[:, None] + np.sqrt(tau2) * z
    events, size = (np.array(case[name], float)[:, None] for name in ("events", "size"))
    if case["kind"] == "rates":
        h = events * eta - size * np.exp(eta)
    else:
        h = events * eta - size * np.logaddexp(0, eta)
    h = h - 0.5 * z**2
    top = h.max(axis=1, keepdims=True)
    return float((top[:, 0] + np.log(np.exp(h - top).sum(axis=1))).sum())


@pytest.mark.parametrize("seed", range(8))
def test_large_studies_far_apart_are_not_taken_for_studies_that_agree(seed):
    """The curve in tau is then too steep near zero for any look from far away."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(8, 25))
    x = np.column_stack([np.ones(k), rng.normal(size=k), rng.integers(0, 2, k)])
    size = np.round(10 ** rng.uniform(0.3, 5.3, k)).clip(1)
    theta = rng.normal(-3, 4, k)
    events = rng.binomial(size.astype(int), 1 / (1 + np.exp(-theta))).astype(float)
    fit = regress_proportions(events, size, x)
    assert fit.tau2 > 1
    case = {"kind": "proportions", "events": events, "size": size}
    top = loglik_at(case, x, fit.b, fit.tau2)
    for tau in (0.5, 0.8, 1.25):
        assert loglik_at(case, x, fit.b, fit.tau2 * tau) < top


def test_predictions_have_the_limits_of_the_coefficients_at_zero():
    fit = ours("debruin2009_quality")
    at_zero = predict(fit, [[1.0, 0.0]])
    assert close(at_zero.mean[0], fit.b[0], 1e-12)
    assert close(at_zero.low[0], fit.low[0], 1e-12)
    assert at_zero.pi_low[0] < at_zero.low[0]


# ---- refusals ----

ONES = [1.0] * 6


def refused(events, x, names=(), size=(20,) * 6, regress=regress_proportions):
    with pytest.raises(NotIdentified) as caught:
        regress(events, size, x, names=names)
    return str(caught.value)


def test_a_level_without_events_is_named():
    x = np.column_stack([ONES, [1, 1, 1, 0, 0, 0]])
    names = ("intercept", "technique = cement")
    assert refused([0, 0, 0, 3, 4, 2], x, names).startswith(
        "no study of technique = cement has an event"
    )
    assert refused([20, 20, 20, 3, 4, 2], x, names).startswith(
        "every unit in the studies of technique = cement has an event"
    )
    assert "the reference level" in refused([3, 4, 2, 0, 0, 0], x, names)
    rates = refused([0, 0, 0, 3, 4, 2], x, names, regress=regress_rates)
    assert rates.startswith("no study of technique = cement has an event")


def test_a_level_with_an_event_is_fitted():
    x = np.column_stack([ONES, [1, 1, 1, 0, 0, 0]])
    assert np.isfinite(regress_proportions([0, 1, 0, 3, 4, 2], [20] * 6, x).b).all()


def test_a_line_that_tells_studies_without_events_is_refused_by_its_columns():
    x = np.column_stack([ONES, range(6)])
    reason = refused([0, 0, 0, 0, 0, 7], x, ("intercept", "year"))
    assert "told from the others by intercept, year" in reason
    assert np.isfinite(regress_proportions([0, 0, 2, 0, 0, 7], [20] * 6, x).b).all()


@pytest.mark.parametrize("seed", range(60))
def test_separation_is_what_a_linear_programme_finds(seed):
    """Some step moves no effect the wrong way and one at least the right way."""
    rng = np.random.default_rng(seed)
    k, p = 7, int(rng.integers(1, 4))
    x = rng.integers(-2, 3, (k, p)).astype(float)
    x[:, 0] = 1
    size = np.full(k, 4.0)
    events = rng.choice([0.0, 0.0, 4.0, 2.0], k)
    if np.linalg.matrix_rank(x) < p:
        x = x[:, :1]
    sign = np.where(events == 0, -1.0, 1.0)[:, None] * x
    inner = (events > 0) & (events < size)
    best = linprog(
        -sign[~inner].sum(axis=0),
        A_ub=-sign[~inner] if (~inner).any() else None,
        b_ub=np.zeros((~inner).sum()) if (~inner).any() else None,
        A_eq=x[inner] if inner.any() else None,
        b_eq=np.zeros(inner.sum()) if inner.any() else None,
        bounds=[(-1, 1)] * x.shape[1],
    )
    names = [f"column {j}" for j in range(x.shape[1])]
    told = separation(proportion_studies(events, size), x, names)
    assert (told is not None) == (-best.fun > 1e-7)


def test_a_design_that_tells_nothing_is_refused_by_name():
    constant = np.column_stack([ONES, [3.0] * 6])
    assert refused([1, 2, 3, 4, 5, 6], constant, ("intercept", "year")) == (
        "year is the same in every study"
    )
    doubled = np.column_stack([ONES, range(6), 2.0 * np.arange(6)])
    assert "twice follows from intercept, once" in refused(
        [1, 2, 3, 4, 5, 6], doubled, ("intercept", "once", "twice")
    )
    assert "do not tell 6 coefficients" in refused(
        [1, 2, 3, 4, 5, 6], np.vander(np.arange(1.0, 7), 6) / 100, ()
    )


def test_counts_that_identify_nothing_are_refused_in_words():
    x = np.column_stack([ONES, range(6)])
    assert refused([0] * 6, x) == "no study has an event"
    assert refused([20] * 6, x) == "every unit has an event"
    with pytest.raises(NotIdentified, match="so far apart"):
        regress_proportions([0, 10**6, 1, 10**6 - 1, 0, 10**6] * 2, [10**6] * 12, np.ones((12, 1)))


def test_input_that_is_no_data_is_a_value_error():
    x = np.column_stack([ONES, range(6)])
    events, size = [1, 2, 3, 4, 5, 6], [20] * 6
    wrong = [
        (events, size, x[:5], {}),
        (events, size, np.full((6, 2), np.nan), {}),
        (events, size, x[:, 0], {}),
        (events, size, x[:, :0], {}),
        ([-1, *events[1:]], size, x, {}),
        ([21, *events[1:]], size, x, {}),
        (events, size, x, {"level": 100}),
        (events, size, x, {"test": "knha"}),
        (events, size, x, {"names": ("one",)}),
        (events, size, x, {"tested": ()}),
        (events, size, x, {"tested": (2,)}),
    ]
    for events_, size_, x_, options in wrong:
        with pytest.raises(ValueError, match=r"\w"):
            regress_proportions(events_, size_, x_, **options)


def test_two_studies_more_than_coefficients_are_enough_and_one_too():
    fit = regress_proportions([1, 4, 9], [20, 22, 30], np.column_stack([np.ones(3), [0, 1, 3]]))
    assert fit.df == 1
    assert np.isfinite(fit.high).all()


def test_identical_studies_have_no_residual_heterogeneity():
    fit = regress_proportions([2] * 6, [20] * 6, np.column_stack([ONES, range(6)]))
    assert fit.tau2 == 0
    assert fit.b[1] == pytest.approx(0, abs=1e-12)
    assert np.isnan(fit.r2)
    assert fit.lrt_tau2_p == 1
