"""The mixed models against metafor's rma.glmm, a dense-grid likelihood, papers and themselves."""

import json
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.special import chdtri, expit, gammaln, log_expit, logit, logsumexp, ndtri, xlogy

from metamill.pooling.glmm import (
    TABLES_MAX,
    NotIdentified,
    TooCostly,
    conditional_studies,
    point_fits,
    pool_conditional,
    pool_proportions,
    pool_rate_ratios,
    pool_rates,
    proportion_studies,
    rate_ratio_studies,
    rate_studies,
)
from metamill.pooling.glmm_families import loglik, slopes
from metamill.pooling.glmm_maximum import maximise, profile
from metamill.pooling.glmm_quadrature import evaluate, likelihood, place, serves, total
from metamill.pooling.glmm_subsets import _near

FROZEN = json.loads(Path(__file__).with_name("glmm.json").read_text())
GROUPS = ("cases", "rates", "odds_ratios", "rate_ratios")
CASES = {(group, case["set"]): case for group in GROUPS for case in FROZEN[group]}
NAMES = sorted(CASES)
METAFOR_TOLERANCE, DENSE_TOLERANCE = 1e-5, 1e-9
TWO_ARMS = ("events_treatment", "{}_treatment", "events_control", "{}_control")

# metafor's standard error comes from finite differences, of lme4 (which lose digits when one study
# has 88391 units) or of an integral by quadrature (CM.EL); the limits inherit it. Near tau2 = 0 the
# optimiser of CM.EL stops early, and its standard error is then off by any factor. The dense grid,
# frozen beside metafor's numbers, is what ours agrees with.
KNOWN_DIFFERENCES = {
    ("cases", "bcg_treated", "se"),
    ("cases", "bcg_treated", "mu_high"),
    ("odds_ratios", "nielweise2007 CM.EL", "se"),
    ("odds_ratios", "nielweise2007 CM.EL", "mu_low"),
    ("odds_ratios", "nielweise2007 CM.EL", "mu_high"),
    ("odds_ratios", "small_ratios CM.EL", "se"),
    ("odds_ratios", "small_ratios CM.EL", "mu_low"),
    ("odds_ratios", "small_ratios CM.EL", "mu_high"),
    ("odds_ratios", "hahn2001 CM.EL", "mu"),
    ("odds_ratios", "hahn2001 CM.EL", "se"),
    ("odds_ratios", "hahn2001 CM.EL", "mu_low"),
    ("odds_ratios", "hahn2001 CM.EL", "mu_high"),
    ("odds_ratios", "hahn2001 CM.EL", "tau2"),
}


def columns(group, case):
    if group in ("cases", "rates"):
        return [case["events"], case["total" if group == "cases" else "time"]]
    size = "total" if group == "odds_ratios" else "time"
    return [case[name.format(size)] for name in TWO_ARMS]


def fitted(group, arrays, **options):
    pool = {
        "cases": pool_proportions,
        "rates": pool_rates,
        "odds_ratios": pool_conditional,
        "rate_ratios": pool_rate_ratios,
    }[group]
    return pool(*arrays, **options)


@cache
def ours(group, name):
    case = CASES[group, name]
    options = {"likelihood": case["likelihood"]} if group == "odds_ratios" else {}
    return fitted(group, columns(group, case), **options)


def studies_of(group, name):
    case = CASES[group, name]
    arrays = columns(group, case)
    if group == "cases":
        return proportion_studies(*arrays)
    if group == "rates":
        return rate_studies(*arrays)
    if group == "rate_ratios":
        return rate_ratio_studies(*arrays)[0]
    return conditional_studies(*arrays, likelihood=case["likelihood"])[0]


def at_boundary(group, name):
    """The likelihood falls from tau2 = 0 on."""
    return CASES[group, name]["dense"]["tau2"] == 0


@pytest.mark.parametrize(("group", "name"), NAMES)
def test_estimates_equal_metafor(group, name):
    frozen, fit = CASES[group, name], ours(group, name)
    for field in ("mu", "se", "mu_low", "mu_high", "tau2"):
        if (group, name, field) in KNOWN_DIFFERENCES:
            continue
        value, expected = getattr(fit, field), frozen[field]
        if field == "tau2" and at_boundary(group, name):
            assert value == 0
            assert expected < 1e-12
            continue
        scale = abs(expected) if field in ("se", "tau2") else max(abs(expected), frozen["se"])
        assert abs(value - expected) <= METAFOR_TOLERANCE * scale, field


@pytest.mark.parametrize(("group", "name"), NAMES)
def test_test_of_the_mean_equals_metafor(group, name):
    frozen, fit = CASES[group, name], ours(group, name)
    if (group, name, "se") in KNOWN_DIFFERENCES:
        assert fit.statistic == fit.mu / fit.se
        return
    assert fit.statistic == pytest.approx(frozen["statistic"], rel=2 * METAFOR_TOLERANCE)
    change = METAFOR_TOLERANCE * 2 * fit.statistic**2 + METAFOR_TOLERANCE
    assert fit.p_value == pytest.approx(frozen["p_value"], rel=change)


@pytest.mark.parametrize(("group", "name"), NAMES)
def test_likelihood_ratio_q_equals_metafor(group, name):
    frozen, fit = CASES[group, name], ours(group, name)
    # metafor's saturated model leaves a part of 1e-9 where a cell is empty, or CM.EL was optimised
    tolerance = 1e-9 if group in ("cases", "rates") else 2e-7
    assert abs(fit.q - frozen["q_lrt"]) <= tolerance * frozen["q_lrt"]
    assert fit.q_df == frozen["q_df"] == fit.k - 1
    assert abs(fit.q_p - frozen["q_lrt_p"]) <= tolerance * (1 + frozen["q_lrt"]) * frozen["q_lrt_p"]


@pytest.mark.parametrize(("group", "name"), NAMES)
def test_everything_equals_the_dense_grid_likelihood(group, name):
    """Maximum, information and profile interval of a likelihood summed on a uniform grid in R."""
    frozen, fit = CASES[group, name]["dense"], ours(group, name)
    for field in ("mu", "se", "mu_low", "mu_high", "tau2", "tau2_low", "tau2_high"):
        value, expected = getattr(fit, field), frozen[field]
        assert abs(value - expected) <= DENSE_TOLERANCE * abs(expected), field
    expected = frozen["loglik"] + studies_of(group, name).constant
    assert abs(fit.loglik - expected) <= DENSE_TOLERANCE * abs(frozen["loglik"])
    lrt = max(0, 2 * (frozen["loglik"] - frozen["loglik_common"]))
    assert abs(fit.lrt - lrt) <= DENSE_TOLERANCE * abs(frozen["loglik"])
    if not at_boundary(group, name):
        tau2_se = 2 * np.sqrt(frozen["tau2"] * frozen["var_tau"])
        assert fit.tau2_se == pytest.approx(tau2_se, rel=1e-8)


def test_loglik_of_proportions_and_rates_is_that_of_the_counts():
    """The constant is the binomial coefficient, or log x!."""
    x, n = (np.array(values, float) for values in columns("cases", CASES["cases", "pritz1997"]))
    coefficients = (gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)).sum()
    assert proportion_studies(x, n).constant == pytest.approx(coefficients, rel=1e-12)
    assert rate_studies(x, n).constant == pytest.approx(-gammaln(x + 1).sum(), rel=1e-12)


@pytest.mark.parametrize(("group", "name", "field"), sorted(KNOWN_DIFFERENCES))
def test_a_known_difference_is_a_difference_and_the_dense_grid_takes_our_side(group, name, field):
    frozen, value = CASES[group, name], getattr(ours(group, name), field)
    assert abs(value - frozen[field]) > METAFOR_TOLERANCE * abs(frozen[field])
    dense = frozen["dense"][field]
    assert abs(value - dense) <= DENSE_TOLERANCE * abs(dense)


def test_the_frozen_cases_are_complete():
    sizes = {group: len(FROZEN[group]) for group in GROUPS}
    assert sizes == {"cases": 12, "rates": 5, "odds_ratios": 7, "rate_ratios": 2}
    assert len(CASES) == sum(sizes.values())
    for name, case in CASES.items():
        assert "error" not in case, name
        assert None not in [value for value in case.values() if not isinstance(value, list)], name
    for group in GROUPS:
        assert any(at_boundary(*name) for name in NAMES if name[0] == group) or group == "rates"
    assert any(0 in case["events"] for case in FROZEN["cases"])
    assert {case["likelihood"] for case in FROZEN["odds_ratios"]} == {"CM.AL", "CM.EL"}


# ---- published ----


def printed(value, digits):
    return abs(float(value) - float(digits)) <= 0.5 * 10 ** -len(digits.split(".")[1])


def normal_limits(fit):
    reach = ndtri(0.975) * fit.se
    return np.exp([fit.mu, fit.mu - reach, fit.mu + reach])


def test_stijnen_2010_table_3_exact_conditional_likelihood():
    """Stijnen, Hamza and Oezdemir 2010, Table III, p. 3052, hypergeometric-normal model.

    The paper prints an odds ratio of 0.25; exp(-1.353) is 0.26.
    """
    fit = ours("odds_ratios", "nielweise2007 CM.EL")
    values = [fit.mu, fit.se, np.sqrt(fit.tau2), *normal_limits(fit)]
    assert all(map(printed, values, ["-1.353", "0.351", "0.83", "0.26", "0.13", "0.51"]))


def test_stijnen_2010_table_3_approximate_conditional_likelihood():
    """Stijnen, Hamza and Oezdemir 2010, Table III, p. 3052, binomial-normal model.

    The paper prints 0.77 for tau; the data give 0.775 (just above the half unit).
    """
    fit = ours("odds_ratios", "nielweise2007 CM.AL")
    values = [fit.mu, fit.se, np.sqrt(fit.tau2), *normal_limits(fit)]
    assert all(map(printed, values, ["-1.303", "0.339", "0.78", "0.27", "0.14", "0.53"]))


def per_1000_days(arm):
    events, time = columns("rates", CASES["rates", f"nielweise2008_{arm}"])
    return pool_rates(events, np.array(time) / 1000)


def test_stijnen_2010_table_7_control_arm_poisson_normal():
    """Stijnen, Hamza and Oezdemir 2010, Table VII, p. 3054; the paper has tau2 0.316."""
    fit = per_1000_days("control")
    values = [fit.mu, fit.se, fit.tau2, *normal_limits(fit)]
    assert all(map(printed, values, ["1.401", "0.231", "0.317", "4.06", "2.58", "6.38"]))


def test_stijnen_2010_table_7_treated_arm_poisson_normal():
    """Stijnen, Hamza and Oezdemir 2010, Table VII, p. 3054; 0.850 and 1.23 in the paper."""
    fit = per_1000_days("treated")
    values = [fit.mu, fit.se, fit.tau2, *normal_limits(fit)]
    assert all(map(printed, values, ["0.849", "0.330", "0.654", "2.34", "1.22", "4.47"]))


def test_stijnen_2010_table_8_rate_ratio():
    """Stijnen, Hamza and Oezdemir 2010, Table VIII, p. 3055, binomial-normal model."""
    fit = ours("rate_ratios", "nielweise2008")
    values = [fit.mu, fit.se, np.sqrt(fit.tau2), *normal_limits(fit)]
    assert all(map(printed, values, ["-0.476", "0.238", "0.35", "0.62", "0.39", "0.99"]))


# ---- the likelihood ----


def plain_loglik(group, arrays, theta):
    """Each study's log-likelihood (k, points), written down again."""
    arrays = [np.array(values, float)[:, None] for values in arrays]
    if group == "rates":
        x, time = arrays
        return x * (theta + np.log(time)) - time * np.exp(theta)
    if group == "cases":
        x, n = arrays
        return x * log_expit(theta) + (n - x) * log_expit(-theta)
    a, n1, c, n2 = arrays
    rows = []
    for i in range(len(a)):
        j = np.arange(max(0, a[i, 0] + c[i, 0] - n2[i, 0]), min(n1[i, 0], a[i, 0] + c[i, 0]) + 1)
        others = a[i] + c[i] - j

        def ways(m, n):
            return gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1)

        logs = ways(j, n1[i]) + ways(others, n2[i])
        own = logs[j == a[i, 0]] + a[i] * theta[i]
        rows.append(own - logsumexp(logs[:, None] + j[:, None] * theta[i], axis=0))
    return np.array(rows)


POINTS = [(-6, 0.05), (-4, 0.3), (-2, 1.0), (0, 0.7), (1, 2.0), (-3, 5.0)]
FAMILIES = {
    "cases": (proportion_studies, [[0, 3, 400, 12, 7], [30, 40, 2000, 12, 88391]]),
    "rates": (rate_studies, [[0, 3, 400, 12, 0], [30, 40, 2000, 1.5, 88391]]),
    "odds_ratios": (
        lambda *arrays: conditional_studies(*arrays)[0],
        [[0, 3, 40, 5, 1], [30, 40, 200, 5, 1], [2, 3, 31, 2, 0], [33, 44, 190, 6, 1]],
    ),
}


@pytest.mark.parametrize("at", POINTS)
@pytest.mark.parametrize("group", FAMILIES)
def test_the_likelihood_is_a_sum_on_a_dense_grid(group, at):
    make, arrays = FAMILIES[group]
    mu, tau = at
    # in units of tau around the prior, wide enough for a study 30 deviations away
    z = np.linspace(-60, 60, 100_001) if tau < 0.1 else np.linspace(-25, 25, 100_001)
    expected = 0.0
    for i in range(len(arrays[0])):
        one = [values[i : i + 1] for values in arrays]
        h = plain_loglik(group, one, (mu + tau * z)[None])[0]
        expected += logsumexp(h - 0.5 * z**2) + np.log((z[1] - z[0]) / np.sqrt(2 * np.pi))
    value = likelihood(make(*arrays), mu, tau).value[0]
    assert abs(value - expected) <= 1e-10 * (1 + abs(expected))


@pytest.mark.parametrize("at", [(-4.0, 0.02), (-3.0, 0.2), (-2.0, 0.6), (0.0, 1.5)])
@pytest.mark.parametrize("group", FAMILIES)
def test_nodes_that_serve_other_parameters_are_as_good_as_their_own(group, at):
    make, arrays = FAMILIES[group]
    # a study of 88391 rounds to 1e-10, so it is not among these
    studies = make(*(values[:4] for values in arrays))
    mu, tau = at
    nodes = place(studies, mu, tau)
    mus, taus = (
        x.ravel()
        for x in np.meshgrid(mu + tau * np.linspace(-1, 1, 9), tau * np.geomspace(0.3, 3, 25))
    )
    good = serves(nodes, mus, taus)
    assert 5 <= good.sum() < len(good)
    found = total(evaluate(nodes, mus[good], taus[good]))
    for i, (other_mu, other_tau) in enumerate(zip(mus[good], taus[good], strict=True)):
        own = likelihood(studies, other_mu, other_tau)
        assert abs(found.value[i] - own.value[0]) <= 1e-10 * (1 + abs(own.value[0]))
        error = np.abs(found.gradient[i] - own.gradient[0]) * other_tau
        assert (error <= 1e-9 * (1 + np.abs(own.gradient[0] * other_tau))).all()


@pytest.mark.parametrize("group", FAMILIES)
def test_derivatives_of_a_family_are_those_of_its_likelihood(group):
    make, arrays = FAMILIES[group]
    studies = make(*arrays)
    theta = np.tile(np.array([-4.0, -1.0, 0.3, 2.0]), (5, 1))
    step = 1e-3

    def central(function):
        f = [function(theta + i * step) for i in (-2, -1, 1, 2)]
        return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step)

    slope, information = slopes(studies, theta)
    size = 1 + np.abs(loglik(studies, theta))
    assert (np.abs(slope - central(lambda t: loglik(studies, t))) <= 1e-9 * size).all()
    bend = central(lambda t: slopes(studies, t)[0])
    assert (np.abs(information + bend) <= 1e-9 * size).all()


@pytest.mark.parametrize("at", [(-3.0, 0.4), (-1.0, 1.5), (0.5, 3.0)])
@pytest.mark.parametrize("group", FAMILIES)
def test_gradient_and_hessian_are_derivatives_of_the_likelihood(group, at):
    make, arrays = FAMILIES[group]
    studies = make(*arrays)
    mu, tau = at
    step = 1e-3

    def central(function):
        f = [function(i * step) for i in (-2, -1, 1, 2)]
        return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step)

    here = likelihood(studies, mu, tau)
    by_mu = central(lambda d: likelihood(studies, mu + d, tau).value[0])
    by_tau = central(lambda d: likelihood(studies, mu, tau + d).value[0])
    np.testing.assert_allclose(here.gradient[0], [by_mu, by_tau], rtol=1e-7, atol=1e-7)
    mu_row = central(lambda d: likelihood(studies, mu + d, tau).gradient[0])
    tau_row = central(lambda d: likelihood(studies, mu, tau + d).gradient[0])
    expected = [mu_row[0], mu_row[1], tau_row[1]]
    np.testing.assert_allclose(here.hessian[0], expected, rtol=1e-7, atol=1e-7)


# ---- the maximum and the interval ----

# Large studies that agree and small ones that do not: a maximum for each group of them.
TWO_MAXIMA = ([594, 548, 606, 3, 1, 10], [2000, 2000, 2000, 16, 30, 17])


SEVERAL_MAXIMA = [
    (*TWO_MAXIMA, 0.041406),
    ([595, 602, 608, 583, 18, 1, 2, 6], [2000, 2000, 2000, 2000, 31, 21, 34, 39], 0.75219),
    ([610, 612, 600, 605, 11, 11, 13, 0], [2000, 2000, 2000, 2000, 33, 14, 16, 12], 0),
    ([606, 584, 2, 2, 17, 13], [2000, 2000, 21, 12, 27, 29], 0.64260),
]


@pytest.mark.parametrize(("events", "totals", "tau"), SEVERAL_MAXIMA)
def test_the_higher_of_two_maxima_is_found(events, totals, tau):
    studies = proportion_studies(events, totals)
    fit = pool_proportions(events, totals)
    heights = np.array(
        [profile(studies, at, fit.mu)[1].value[0] for at in np.geomspace(1e-3, 8, 120)]
    )
    padded = np.r_[-np.inf, heights, -np.inf]
    assert ((padded[1:-1] > padded[:-2]) & (padded[1:-1] > padded[2:])).sum() == 2
    assert fit.loglik - studies.constant >= heights.max()
    assert np.sqrt(fit.tau2) == pytest.approx(tau, rel=1e-4)


@pytest.mark.parametrize(
    ("events", "totals"),
    [
        TWO_MAXIMA,
        ([2969, 3014, 11, 9], [10000, 10000, 15, 18]),
        ([0, 0, 0, 0, 0, 3, 2], [7, 1, 6, 2, 6, 6, 5]),
        ([1, 0, 1], [7, 4, 1]),
        ([2, 13, 15, 22], [5, 13, 43, 22]),
        ([10, 40, 90, 5], [100, 100, 100, 100]),
    ],
)
@pytest.mark.parametrize("level", [80.0, 95.0])
def test_the_limits_of_tau2_are_the_outermost_where_the_profile_is_critical(events, totals, level):
    studies = proportion_studies(events, totals)
    fit = pool_proportions(events, totals, level)
    top = fit.loglik - studies.constant
    critical = top - 0.5 * chdtri(1, 1 - level / 100)

    def height(tau):
        return profile(studies, tau, fit.mu)[1].value[0] - critical

    high = np.sqrt(fit.tau2_high)
    assert abs(height(high)) <= 1e-9 * (1 + abs(top))
    assert all(height(high * more) < 0 for more in (1.01, 1.3, 2, 4))
    if fit.tau2_low == 0:
        assert likelihood(studies, logit(sum(events) / sum(totals)), 0.0).value[0] >= critical
    else:
        low = np.sqrt(fit.tau2_low)
        assert abs(height(low)) <= 1e-9 * (1 + abs(top))
        assert all(height(low * less) < 0 for less in (0.99, 0.7, 0.3))


def test_tau2_above_every_limit_has_no_upper_limit():
    assert np.isnan(pool_proportions([1, 0, 1], [7, 4, 1], 99.0).tau2_high)


@pytest.mark.parametrize("seed", range(12))
def test_no_point_of_a_scan_is_higher_than_the_fit(seed):
    chance = np.random.default_rng(seed)
    k = 6
    n = np.where(np.arange(k) < 3, 10 ** chance.integers(2, 5, k), chance.integers(3, 30, k))
    x = chance.binomial(n, expit(chance.normal(-1, chance.choice([0.02, 0.3, 1.5]), k)))
    studies = proportion_studies(x, n)
    fit = pool_proportions(x, n)
    top = fit.loglik - studies.constant
    for tau in np.geomspace(1e-3, 8, 60):
        assert profile(studies, tau, fit.mu)[1].value[0] <= top + 1e-9 * (1 + abs(top))


# ---- one fit, seen from several sides ----


def assert_alike(found, expected, shift=0.0, sign=1, tolerance=1e-9):
    """found.mu = shift + sign expected.mu, and the rest that does not depend on it."""
    scale = expected.se
    assert abs(found.mu - shift - sign * expected.mu) <= tolerance * scale
    for name in ("se", "tau2", "tau2_low", "tau2_high", "q", "lrt"):
        value, wanted = getattr(found, name), getattr(expected, name)
        assert value == pytest.approx(wanted, rel=1e-8, abs=1e-9, nan_ok=True), name


def test_the_unit_of_time_moves_the_log_rate_and_nothing_else():
    events, time = columns("rates", CASES["rates", "hart1999_treated"])
    expected = pool_rates(events, time)
    for unit in (1e-6, 365.25, 1e9):
        assert_alike(pool_rates(events, np.array(time) * unit), expected, -np.log(unit))


@pytest.mark.parametrize("likelihood_of", ["CM.AL", "CM.EL"])
def test_exchanged_groups_turn_the_sign_of_a_ratio(likelihood_of):
    a, n1, c, n2 = columns("odds_ratios", CASES["odds_ratios", "nielweise2007 CM.EL"])
    expected = pool_conditional(a, n1, c, n2, likelihood=likelihood_of)
    found = pool_conditional(c, n2, a, n1, likelihood=likelihood_of)
    assert_alike(found, expected, sign=-1, tolerance=1e-8)
    assert found.p_value == pytest.approx(expected.p_value, rel=1e-8)


def test_events_and_non_events_turn_the_sign_of_an_exact_odds_ratio():
    a, n1, c, n2 = (
        np.array(values)
        for values in columns("odds_ratios", CASES["odds_ratios", "small_ratios CM.EL"])
    )
    expected = pool_conditional(a, n1, c, n2)
    assert_alike(pool_conditional(n1 - a, n1, n2 - c, n2), expected, sign=-1, tolerance=1e-8)


def test_the_approximate_likelihood_is_the_limit_of_the_exact_one_for_rare_events():
    a, n1, c, n2 = (
        np.array(values)
        for values in columns("odds_ratios", CASES["odds_ratios", "hahn2001 CM.EL"])
    )
    far = []
    for factor in (1, 100, 10_000):
        arrays = (a, n1 * factor, c, n2 * factor)
        exact, near = (pool_conditional(*arrays, likelihood=name) for name in ("CM.EL", "CM.AL"))
        far.append(abs(exact.mu - near.mu))
    assert far[0] > 50 * far[1] > 2500 * far[2]
    assert far[2] < 1e-4


def test_a_rate_ratio_is_the_approximate_odds_ratio_of_times():
    arrays = columns("rate_ratios", CASES["rate_ratios", "nielweise2008"])
    assert pool_rate_ratios(*arrays).mu == pool_conditional(*arrays, likelihood="CM.AL").mu


def test_uninformative_studies_are_named_and_change_nothing():
    arrays = columns("odds_ratios", CASES["odds_ratios", "nielweise2007 CM.EL"])
    fit = ours("odds_ratios", "nielweise2007 CM.EL")
    assert fit.uninformative == (14,)
    assert fit.k == 17 and fit.q_df == 16
    assert fit.weights[14] == 0 and np.isnan(fit.empirical_bayes[14])
    assert fit.weights.sum() == pytest.approx(100)
    without = pool_conditional(*(np.delete(values, 14) for values in arrays))
    assert_alike(without, fit)
    full = [[*values, extra] for values, extra in zip(arrays, (7, 7, 9, 9), strict=True)]
    assert pool_conditional(*full).uninformative == (14, 18)
    assert_alike(pool_conditional(*full), fit)
    nothing = [[*values, extra] for values, extra in zip(arrays, (0, 70, 0, 9), strict=True)]
    assert pool_rate_ratios(*nothing).uninformative == (14, 18)


def test_counts_divided_by_a_design_effect_multiply_the_variance_by_it():
    """Of a common proportion and a common rate, exactly; near whole numbers nothing jumps."""
    events, totals = np.array([3.0, 6, 12, 1]), np.array([30.0, 60, 120, 10])
    for pool in (pool_proportions, pool_rates):
        whole, less = pool(events, totals), pool(events / 1.5, totals / 1.5)
        assert less.mu == pytest.approx(whole.mu, rel=1e-12)
        assert less.se == pytest.approx(whole.se * np.sqrt(1.5), rel=1e-12)
    arrays = [np.array(v, float) for v in columns("cases", CASES["cases", "pritz1997"])]
    whole, near = pool_proportions(*arrays), pool_proportions(arrays[0], arrays[1] + 1e-7)
    assert near.mu == pytest.approx(whole.mu, abs=1e-6)
    assert near.tau2 == pytest.approx(whole.tau2, rel=1e-5)


def test_identical_rates_have_the_rate_of_the_total():
    events, time = np.array([3.0, 6, 12, 1]), np.array([30.0, 60, 120, 10])
    fit = pool_rates(events, time)
    assert fit.tau2 == fit.tau2_low == fit.lrt == 0 and fit.lrt_p == 1
    assert fit.mu == pytest.approx(np.log(0.1), rel=1e-12)
    assert fit.se == pytest.approx(1 / np.sqrt(22), rel=1e-12)
    assert fit.q == pytest.approx(0, abs=1e-12)
    assert np.isnan(fit.tau2_se)
    assert fit.loglik == pytest.approx((xlogy(events, events) - events - gammaln(events + 1)).sum())


def test_z_and_t_differ_in_the_quantile_of_the_mean_only():
    arrays = columns("rates", CASES["rates", "hart1999_control"])
    t, z = pool_rates(*arrays), pool_rates(*arrays, test="z")
    assert z.mu_high - z.mu == pytest.approx(ndtri(0.975) * z.se)
    assert t.mu_high - t.mu > z.mu_high - z.mu
    assert (t.pi_low, t.pi_high, t.statistic) == (z.pi_low, z.pi_high, z.statistic)
    assert z.p_value < t.p_value


@pytest.mark.parametrize(("group", "name"), NAMES)
def test_the_likelihood_ratio_test_of_tau2_is_half_of_chi_squared(group, name):
    fit = ours(group, name)
    if fit.tau2 == 0:
        assert (fit.lrt, fit.lrt_p) == (0, 1)
    else:
        assert chdtri(1, 2 * fit.lrt_p) == pytest.approx(fit.lrt, rel=1e-6, abs=1e-7)
        assert fit.lrt_p < 0.5


@pytest.mark.parametrize(("group", "name"), NAMES)
def test_the_marginal_effect_and_its_limits_are_the_delta_method(group, name):
    """Mean by a plain sum, its gradient by differences, covariance of (mu, tau) frozen from R."""
    fit, dense = ours(group, name), CASES[group, name]["dense"]
    z = np.linspace(-12, 12, 4001)
    density = np.exp(-0.5 * z**2)
    density /= density.sum()
    back, link = (expit, logit) if group == "cases" else (np.exp, np.log)

    def mean(mu, tau):
        return link(density @ back(mu + tau * z))

    tau = np.sqrt(fit.tau2)
    step = 1e-4
    slope = np.array(
        [
            (mean(fit.mu + step, tau) - mean(fit.mu - step, tau)) / (2 * step),
            (mean(fit.mu, tau + step) - mean(fit.mu, tau - step)) / (2 * step),
        ]
    )
    cross, spread = dense.get("cov_mu_tau", 0.0), dense.get("var_tau", 0.0)
    covariance = np.array([[dense["se"] ** 2, cross], [cross, spread]])
    reach = (fit.mu_high - fit.mu) / fit.se * np.sqrt(slope @ covariance @ slope)
    centre = mean(fit.mu, tau)
    assert fit.marginal == pytest.approx(back(centre), rel=1e-9)
    assert link(fit.marginal_low) == pytest.approx(centre - reach, rel=1e-6)
    assert link(fit.marginal_high) == pytest.approx(centre + reach, rel=1e-6)


@pytest.mark.parametrize(("group", "name"), NAMES)
def test_empirical_bayes_is_the_posterior_mode(group, name):
    fit, studies = ours(group, name), studies_of(group, name)
    kept = np.delete(fit.empirical_bayes, fit.uninformative)
    theta = (logit if group == "cases" else np.log)(kept)[:, None]
    slope, information = slopes(studies, theta)
    if fit.tau2 == 0:
        np.testing.assert_allclose(theta, fit.mu, rtol=1e-12)
    else:
        error = slope - (theta - fit.mu) / fit.tau2
        assert (np.abs(error) <= 1e-9 * (1 / fit.tau2 + information)).all()


# ---- subsets ----


@pytest.mark.parametrize(("group", "name"), NAMES)
def test_leaving_one_out_equals_separate_fits(group, name):
    studies = studies_of(group, name)
    k = len(studies.x)
    mu, se, tau2 = point_fits(studies, 1 - np.eye(k))
    case = CASES[group, name]
    informative = np.delete(
        np.arange(len(columns(group, case)[0])), ours(group, name).uninformative
    )
    options = {"likelihood": case["likelihood"]} if group == "odds_ratios" else {}
    for i in range(k):
        rest = np.delete(informative, i)
        arrays = [np.array(values)[rest] for values in columns(group, case)]
        alone = fitted(group, arrays, **options)
        assert mu[i] == pytest.approx(alone.mu, rel=1e-9), i
        assert se[i] == pytest.approx(alone.se, rel=1e-8), i
        assert tau2[i] == pytest.approx(alone.tau2, rel=1e-8, abs=1e-12), i


def test_any_subset_equals_a_separate_fit_and_what_identifies_nothing_is_nan():
    events, totals = (
        np.array(v) for v in columns("cases", CASES["cases", "nielweise2007_treated"])
    )
    chance = np.random.default_rng(3)
    keep = (chance.random((len(events), 25)) < 0.4).astype(float)
    keep[:, 0] = events == 0
    keep[:, 1] = np.arange(len(events)) == 4
    keep[:, 2] = 0
    mu, se, tau2 = point_fits(proportion_studies(events, totals), keep)
    for column in range(25):
        inside = keep[:, column] > 0
        if inside.sum() < 2 or events[inside].sum() == 0:
            assert np.isnan([mu[column], se[column], tau2[column]]).all()
            continue
        alone = pool_proportions(events[inside], totals[inside])
        assert mu[column] == pytest.approx(alone.mu, rel=1e-9)
        assert se[column] == pytest.approx(alone.se, rel=1e-8)
        assert tau2[column] == pytest.approx(alone.tau2, rel=1e-8, abs=1e-12)
    assert np.isnan(mu[:3]).all()


def test_alike_subsets_share_the_nodes_of_all_studies():
    """What makes leaving one out cheap: few of 40 subsets of 39 are fitted alone."""
    chance = np.random.default_rng(40)
    n = chance.integers(20, 300, 40)
    x = chance.binomial(n, expit(chance.normal(-2, 0.6, 40)))
    studies = proportion_studies(x, n)
    near, (mu, se, tau2) = _near(studies, maximise(studies), 1 - np.eye(40))
    assert near.sum() >= 36
    for i in np.flatnonzero(near)[[0, 17, -1]]:
        alone = pool_proportions(np.delete(x, i), np.delete(n, i))
        assert (mu[i], se[i]) == (
            pytest.approx(alone.mu, rel=1e-9),
            pytest.approx(alone.se, rel=1e-9),
        )
        assert tau2[i] == pytest.approx(alone.tau2, rel=1e-9)


@pytest.mark.parametrize(("events", "totals", "tau"), SEVERAL_MAXIMA)
def test_subsets_of_two_maxima_are_fitted_alone(events, totals, tau):
    """All pairs left out: now this and now that maximum is the higher one."""
    k = len(events)
    keep = np.array([[i not in out for out in combinations(range(k), 2)] for i in range(k)], float)
    mu, _, tau2 = point_fits(proportion_studies(events, totals), keep)
    for column, out in enumerate(combinations(range(k), 2)):
        alone = pool_proportions(np.delete(events, out), np.delete(totals, out))
        assert mu[column] == pytest.approx(alone.mu, rel=1e-8), out
        assert tau2[column] == pytest.approx(alone.tau2, rel=1e-8, abs=1e-12), out
    assert (tau2 > 0.1).any() and (tau2 < 0.01).any()


def test_a_maximum_near_that_of_all_studies_is_not_taken_where_another_is_higher():
    """Without the sixth study tau is 0.58; there is still a lower maximum, near that of all."""
    events = np.array([590, 637, 626, 609, 561, 4, 1, 2, 3, 13])
    totals = np.array([2000, 2000, 2000, 2000, 2000, 11, 31, 20, 39, 32])
    _, _, tau2 = point_fits(proportion_studies(events, totals), 1 - np.eye(10))
    assert np.sqrt(pool_proportions(events, totals).tau2) == pytest.approx(0.05267, rel=1e-3)
    assert np.sqrt(tau2[5]) == pytest.approx(0.57963, rel=1e-4)


@pytest.mark.parametrize("keep", [np.ones(4), np.ones((3, 2)), np.full((4, 1), 0.5)])
def test_masks_of_another_shape_or_value_are_refused(keep):
    with pytest.raises(ValueError, match="keep"):
        point_fits(proportion_studies([1, 2, 3, 4], [9, 9, 9, 9]), keep)


# ---- what cannot be fitted ----


@pytest.mark.parametrize(
    ("pool", "arrays"),
    [
        (pool_proportions, ([1, -1], [5, 5])),
        (pool_proportions, ([1, 6], [5, 5])),
        (pool_proportions, ([1, np.nan], [5, 5])),
        (pool_proportions, ([1, 0], [5, 0])),
        (pool_proportions, ([1], [5])),
        (pool_proportions, ([], [])),
        (pool_proportions, ([1, 2, 3], [5, 5])),
        (pool_rates, ([1, -1], [5, 5])),
        (pool_rates, ([1, 2], [5, 0])),
        (pool_rates, ([1, 2], [5, np.inf])),
        (pool_conditional, ([1, 2], [5, 5], [1, 9], [5, 5])),
        (pool_conditional, ([1, 9], [5, 5], [1, 2], [5, 5])),
        (pool_conditional, ([1, 2.5], [5, 5], [1, 2], [5, 5])),
        (pool_rate_ratios, ([1, 2], [5, 5], [1, 2], [5, -5])),
    ],
)
def test_numbers_that_are_not_data_are_errors(pool, arrays):
    with pytest.raises(ValueError, match=r"events|totals|times|vectors|whole|finite"):
        pool(*arrays)


@pytest.mark.parametrize("options", [{"test": "knha"}, {"level": 0}, {"level": 100.0}])
def test_unknown_options_are_errors(options):
    with pytest.raises(ValueError, match=r"test|level"):
        pool_rates([1, 2], [5, 5], **options)


def test_an_unknown_likelihood_is_an_error():
    with pytest.raises(ValueError, match=r"CM\.AL, CM\.EL"):
        pool_conditional([1, 2], [5, 5], [1, 2], [5, 5], likelihood="UM.FS")


@pytest.mark.parametrize(
    ("pool", "arrays", "reason"),
    [
        (pool_proportions, ([0, 0], [5, 9]), "no study has an event"),
        (pool_proportions, ([5, 9], [5, 9]), "every unit has an event"),
        (pool_proportions, ([1, 0, 1], [1, 1, 1]), "more than one unit"),
        (pool_proportions, ([0, 0, 70, 80], [50, 60, 70, 80]), "rises up to"),
        (pool_rates, ([0, 0], [5, 9]), "no study has an event"),
        (pool_rates, ([0, 500], [1e6, 1]), "rises up to"),
        (pool_conditional, ([0, 0], [5, 9], [2, 1], [5, 9]), "possible are in the control group"),
        (pool_conditional, ([2, 1], [5, 9], [0, 0], [5, 9]), "possible are in the treatment group"),
        (pool_conditional, ([5, 9], [5, 9], [2, 1], [5, 9]), "possible are in the treatment group"),
        (pool_conditional, ([0, 1], [5, 9], [1, 0], [5, 9]), "more than one event"),
        (pool_conditional, ([0, 1], [5, 9], [0, 3], [5, 9]), "fewer than two studies"),
        (pool_conditional, ([0, 0], [5, 9], [0, 0], [5, 9]), "fewer than two studies"),
        (pool_rate_ratios, ([0, 0], [5, 9], [2, 1], [5, 9]), "possible are in the control group"),
    ],
)
def test_data_that_identify_nothing_are_refused_with_the_reason(pool, arrays, reason):
    with pytest.raises(NotIdentified, match=reason):
        pool(*arrays)
    if pool is pool_conditional and "possible" in reason and arrays[0][0] != 5:
        with pytest.raises(NotIdentified, match=reason):
            pool(*arrays, likelihood="CM.AL")


def test_too_many_tables_are_refused_with_the_number_and_the_limit():
    size = TABLES_MAX
    arrays = ([size // 2, 3], [size, 9], [size // 2, 2], [size, 9])
    with pytest.raises(TooCostly, match=rf"{size + 7} tables, more than {size}"):
        pool_conditional(*arrays)
    assert pool_conditional(*arrays, likelihood="CM.AL").k == 2


def test_two_studies_are_enough_for_a_fit():
    fit = pool_rates([2, 9], [10, 11])
    assert fit.k == 2 and fit.q_df == 1
    assert np.isfinite([fit.mu, fit.se, fit.tau2, fit.mu_low, fit.pi_high]).all()
