"""The unconditional two-group model against metafor's rma.glmm (UM.FS) and a dense grid."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit, gammaln, ndtr, ndtri, stdtrit, xlogy

from metamill.pooling.glmm_two_groups import (
    _ascent,
    _Counts,
    _settled,
    pool_two_groups,
    pool_two_rates,
)
from metamill.pooling.identified import NotIdentified

FROZEN = json.loads(Path(__file__).with_name("glmm_two_groups.json").read_text())
CASES = {case["set"]: case for case in FROZEN["cases"]}
METAFOR_TOLERANCE, DENSE_TOLERANCE = 1e-5, 1e-9

# metafor's se comes from lme4's finite differences, which lose digits when one study has 88391
# units, and what is made of it inherits that; the dense grid, frozen beside it, agrees with ours.
KNOWN_DIFFERENCES = {("bcg", field) for field in ("se", "mu_high", "statistic", "p_value")}
METAFOR_FAILS = {"identical"}
BY_METAFOR = sorted(CASES.keys() - METAFOR_FAILS)

bounded = settings(derandomize=True, max_examples=25, deadline=None, database=None)


def columns(case):
    size = "total" if case["measure"] == "OR" else "time"
    names = ("events_treatment", f"{size}_treatment", "events_control", f"{size}_control")
    return [np.array(case[name], float) for name in names]


@cache
def ours(name):
    pool = pool_two_groups if CASES[name]["measure"] == "OR" else pool_two_rates
    return pool(*columns(CASES[name]))


def close(value, expected, tolerance, scale=None):
    return abs(value - expected) <= tolerance * (abs(expected) if scale is None else scale)


@pytest.mark.parametrize("name", BY_METAFOR)
def test_estimates_equal_metafor(name):
    frozen, fit = CASES[name]["metafor"], ours(name)
    for field in ("mu", "se", "mu_low", "mu_high", "tau2", "statistic", "p_value"):
        if (name, field) in KNOWN_DIFFERENCES:
            continue
        value, expected = getattr(fit, field), frozen[field]
        if field == "tau2" and CASES[name]["dense"]["tau2"] == 0:
            assert value == 0
            assert expected < 1e-12
            continue
        scale = abs(expected) if field in ("se", "tau2") else max(abs(expected), frozen["se"])
        if field == "statistic":
            scale = 1 + abs(expected)
        elif field == "p_value":
            scale = (2 + abs(frozen["statistic"])) * expected
        assert close(value, expected, METAFOR_TOLERANCE, scale), field


@pytest.mark.parametrize("name", BY_METAFOR)
def test_likelihood_ratio_q_equals_metafor(name):
    """metafor's glm stops its iterations at 1e-8 of the deviance, hence fewer digits."""
    frozen, fit = CASES[name]["metafor"], ours(name)
    assert close(fit.q, frozen["q_lrt"], 1e-9)
    assert fit.q_df == frozen["q_df"]
    assert close(fit.q_p, frozen["q_lrt_p"], 1e-9 * (1 + frozen["q_lrt"]))


@pytest.mark.parametrize("name", CASES)
def test_everything_equals_the_dense_grid_likelihood(name):
    """Maximum over all parameters, full information and profile interval of sums in R."""
    case, fit = CASES[name], ours(name)
    frozen = case["dense"]
    for field in ("mu", "se", "tau2", "tau2_low", "tau2_high"):
        value, expected = getattr(fit, field), frozen[field]
        assert close(value, expected, DENSE_TOLERANCE), field
    keep = ~np.isnan(fit.empirical_bayes)
    x = np.array(columns(case)[::2])[:, keep]
    n = np.array(columns(case)[1::2])[:, keep]
    if case["measure"] == "OR":
        constant = (gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)).sum()
    else:
        constant = (xlogy(x, n) - gammaln(x + 1)).sum()
    scale = abs(frozen["loglik"])
    assert close(fit.loglik, frozen["loglik"] + constant, DENSE_TOLERANCE, scale)
    gained = 2 * (frozen["loglik"] - frozen["loglik_common"]) if frozen["tau2"] > 0 else 0.0
    assert close(fit.lrt, gained, DENSE_TOLERANCE, scale)


@pytest.mark.parametrize("name", CASES)
def test_studies_without_information_are_left_out_by_index_as_in_metafor(name):
    case, fit = CASES[name], ours(name)
    assert list(fit.uninformative) == case["left_out"]
    assert np.flatnonzero(fit.weights == 0).tolist() == case["left_out"]
    assert np.flatnonzero(np.isnan(fit.empirical_bayes)).tolist() == case["left_out"]
    assert fit.k == len(case["events_treatment"]) - len(case["left_out"])
    assert fit.q_df == fit.k - 1
    if name not in METAFOR_FAILS:
        assert fit.k == case["metafor"]["k"]


@pytest.mark.parametrize(("name", "field"), sorted(KNOWN_DIFFERENCES))
def test_a_known_difference_is_a_difference_and_the_dense_grid_takes_our_side(name, field):
    case, fit = CASES[name], ours(name)
    assert not close(getattr(fit, field), case["metafor"][field], METAFOR_TOLERANCE)
    se = case["dense"]["se"]
    reach = stdtrit(fit.k - 1, 0.975) * se
    assert close(fit.se, se, DENSE_TOLERANCE)
    assert close(fit.mu_high, case["dense"]["mu"] + reach, DENSE_TOLERANCE, se)


def test_metafor_cannot_fit_identical_studies_whose_answer_is_closed():
    """Three times 4 of 20 against 8 of 20: the pooled log odds ratio with Woolf's error."""
    assert CASES["identical"]["metafor"].keys() == {"error"}
    fit = ours("identical")
    assert fit.tau2 == fit.tau2_low == fit.lrt == 0
    assert fit.lrt_p == 1
    assert close(fit.mu, np.log((4 * 12) / (16 * 8)), 1e-12)
    assert close(fit.se, np.sqrt((1 / 4 + 1 / 16 + 1 / 8 + 1 / 12) / 3), 1e-12)
    assert abs(fit.q) < 1e-10


def test_the_frozen_cases_are_complete():
    assert len(CASES) == len(FROZEN["cases"]) == 14
    assert {name for name in CASES if "error" in CASES[name]["metafor"]} == METAFOR_FAILS
    for name, case in CASES.items():
        assert None not in case["dense"].values(), name
        assert None not in case["metafor"].values(), name
    assert sum(case["measure"] == "IRR" for case in CASES.values()) == 3
    assert sum(case["dense"]["tau2"] == 0 for case in CASES.values()) >= 4
    assert sum(bool(case["left_out"]) for case in CASES.values()) >= 4
    assert any(case["dense"]["tau2_low"] > 0 for case in CASES.values())


# Intervals and tests


def test_z_takes_normal_quantiles_for_mu_and_t_for_prediction():
    by_t = ours("nielweise2007")
    by_z = pool_two_groups(*columns(CASES["nielweise2007"]), level=90, test="z")
    assert close(by_z.mu_high - by_z.mu, ndtri(0.95) * by_z.se, 1e-12)
    assert close(by_z.p_value, 2 * ndtr(-abs(by_z.statistic)), 1e-12)
    assert by_z.statistic == by_t.statistic == by_t.mu / by_t.se
    reach = stdtrit(16, 0.95) * np.hypot(np.sqrt(by_z.tau2), by_z.se)
    assert close(by_z.pi_high - by_z.mu, reach, 1e-12)
    assert by_t.tau2_high > by_z.tau2_high


def test_the_likelihood_ratio_test_of_tau2_has_half_the_chi_squared_tail():
    fit = ours("bcg")
    assert close(fit.lrt_p, ndtr(-np.sqrt(fit.lrt)), 1e-12)
    assert ours("hine1989").lrt == 0
    assert ours("hine1989").lrt_p == 1


def test_the_marginal_ratio_is_the_mean_over_studies_with_a_delta_method_interval():
    """The mean of a log-normal ratio; at tau = 0 it is the median, with the limits of mu."""
    fit = ours("bcg")
    assert close(fit.marginal, np.exp(fit.mu + fit.tau2 / 2), 1e-12)
    middle = np.log([fit.marginal_low * fit.marginal_high]) / 2
    assert close(middle[0], np.log(fit.marginal), 1e-12)
    assert fit.marginal_high > np.exp(fit.mu_high)
    assert fit.tau2_se > 0
    flat = ours("hine1989")
    limits = (flat.marginal, flat.marginal_low, flat.marginal_high)
    np.testing.assert_allclose(limits, np.exp([flat.mu, flat.mu_low, flat.mu_high]), rtol=1e-12)
    assert np.isnan(flat.tau2_se)


def test_weights_are_per_cent_and_the_effect_of_a_large_study_is_its_own():
    fit = ours("bcg")
    assert close(fit.weights.sum(), 100, 1e-12)
    a, n1, c, n2 = columns(CASES["bcg"])
    own = np.log(a * (n2 - c) / (c * (n1 - a)))
    shrunken = np.log(fit.empirical_bayes)
    assert abs(shrunken[7] - own[7]) < 0.02
    assert (np.abs(shrunken - fit.mu) < np.abs(own - fit.mu) + 0.05).all()


def test_empirical_bayes_effects_are_posterior_modes():
    """The score of a study at its mode balances that of the normal density, at the dense alpha."""
    case, fit = CASES["nielweise2007"], ours("nielweise2007")
    keep = ~np.isnan(fit.empirical_bayes)
    a, n1, c, n2 = (values[keep] for values in columns(case))
    theta, alpha = np.log(fit.empirical_bayes[keep]), np.array(case["dense"]["alpha"])
    score = (a - n1 * expit(alpha + theta / 2) - c + n2 * expit(alpha - theta / 2)) / 2
    np.testing.assert_allclose(score, (theta - fit.mu) / fit.tau2, atol=1e-7)


# What must hold for any data

SMALL = st.integers(1, 60)


@st.composite
def two_groups(draw, rates=False):
    k = draw(st.integers(2, 6))
    n1, n2 = (draw(st.lists(SMALL, min_size=k, max_size=k)) for _ in range(2))
    a, c = ([draw(st.integers(0, size)) for size in sizes] for sizes in (n1, n2))
    return [np.array(values, float) for values in (a, n1, c, n2)]


def fitted(pool, data):
    try:
        return pool(*data)
    except NotIdentified:
        assume(False)


def assert_same(one, two, sign=1.0, tolerance=1e-8):
    assert abs(one.mu - sign * two.mu) <= tolerance * (1 + one.se)
    assert abs(one.tau2 - two.tau2) <= tolerance * (1 + one.tau2)
    for field in ("se", "q", "loglik"):
        value, other = getattr(one, field), getattr(two, field)
        assert abs(value - other) <= tolerance * (1 + abs(value)), field
    if not np.isnan(one.tau2_high):
        assert abs(one.tau2_high - two.tau2_high) <= tolerance * (1 + one.tau2_high)


@pytest.mark.parametrize("pool", [pool_two_groups, pool_two_rates])
@given(data=two_groups())
@bounded
def test_exchanged_groups_turn_the_sign_and_nothing_else(pool, data):
    a, n1, c, n2 = data
    assert_same(fitted(pool, data), pool(c, n2, a, n1), sign=-1.0)


@given(data=two_groups())
@bounded
def test_exchanged_events_and_non_events_turn_the_sign_and_nothing_else(data):
    a, n1, c, n2 = data
    assert_same(fitted(pool_two_groups, data), pool_two_groups(n1 - a, n1, n2 - c, n2), sign=-1.0)


@pytest.mark.parametrize("pool", [pool_two_groups, pool_two_rates])
@given(data=two_groups())
@bounded
def test_the_order_of_studies_and_those_without_information_do_not_matter(pool, data):
    fit = fitted(pool, data)
    order = np.arange(len(data[0]))[::-1]
    empty = (0.0, 11.0, 0.0, 23.0)
    turned = pool(
        *(np.append(values[order], more) for values, more in zip(data, empty, strict=True))
    )
    assert_same(fit, turned)
    assert turned.k == fit.k
    np.testing.assert_allclose(turned.weights[:-1], fit.weights[::-1], rtol=1e-7)
    assert turned.weights[-1] == 0
    assert np.isnan(turned.empirical_bayes[-1])
    assert len(data[0]) in turned.uninformative


@given(data=two_groups())
@bounded
def test_the_unit_of_time_does_not_matter(data):
    a, t1, c, t2 = data
    assert_same(fitted(pool_two_rates, data), pool_two_rates(a, t1 * 365.25, c, t2 * 365.25))


@pytest.mark.parametrize("name", ["nielweise2008", "rare_rates"])
def test_odds_of_events_in_many_short_moments_are_rates(name):
    a, t1, c, t2 = columns(CASES[name])
    odds, rate = pool_two_groups(a, t1 * 1e7, c, t2 * 1e7), ours(name)
    for field in ("mu", "se", "tau2", "tau2_high", "q", "lrt"):
        assert close(getattr(odds, field), getattr(rate, field), 1e-5), field


@given(data=two_groups())
@bounded
def test_no_tau_has_a_higher_likelihood(data):
    fit = fitted(pool_two_groups, data)
    counts = informative(data)
    best, path = _ascent(counts)
    assert close(best.tau**2, fit.tau2, 1e-12)
    at = path[0]
    for tau in np.linspace(0.05, 7.95, 40):
        at = _settled(counts, tau, at)
        assert at.value <= best.value + 1e-9


def informative(data):
    a, n1, c, n2 = data
    keep = (a + c > 0) & (a + c < n1 + n2)
    return _Counts(np.array([a, c])[:, keep], np.array([n1, n2])[:, keep], True)


def test_the_higher_of_two_maxima_is_found():
    """The likelihood falls from tau = 0 on, and has its highest point beyond 2."""
    data = [np.array(v, float) for v in ([2024, 10], [2721, 10], [1910, 558], [2212, 1524])]
    _, path = _ascent(informative(data))
    assert path[0].value > path[1].value
    fit = pool_two_groups(*data)
    assert 2 < np.sqrt(fit.tau2) < 3
    assert fit.loglik > path[0].value
    assert fit.lrt > 0


def test_fractional_counts_are_counts():
    """Half of every count twice is every count once for the information at tau = 0."""
    whole = ours("hine1989")
    halves = [np.tile(values / 2, 2) for values in columns(CASES["hine1989"])]
    fit = pool_two_groups(*halves)
    assert fit.tau2 == 0
    assert close(fit.mu, whole.mu, 1e-10)
    assert close(fit.se, whole.se, 1e-10)


def test_what_a_division_leaves_of_a_full_arm_is_not_a_unit():
    n = np.array([7.0, 9.0, 11.0])
    a = np.nextafter(n, 0)
    with pytest.raises(NotIdentified):
        pool_two_groups(a, n, a, n)


def test_ten_million_units_are_fitted():
    fit = pool_two_groups([5e6, 3e6, 20], [1e7, 8e6, 50], [4.9e6, 3.1e6, 25], [1e7, 8e6, 50])
    turned = pool_two_groups([4.9e6, 3.1e6, 25], [1e7, 8e6, 50], [5e6, 3e6, 20], [1e7, 8e6, 50])
    assert_same(fit, turned, sign=-1.0)
    assert 0.001 < fit.tau2 < 0.01


# What has no answer says why


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (([0, 0], [9, 8], [0, 0], [9, 8]), "no study has both events and units without"),
        (([9, 8], [9, 8], [9, 8], [9, 8]), "no study has both events and units without"),
        (([3, 0], [9, 8], [2, 0], [9, 8]), "only one study has both events and units without"),
        (([0, 0, 0], [9, 8, 7], [2, 1, 3], [9, 8, 7]), "odds ratio goes to zero"),
        (([2, 1, 3], [9, 8, 7], [0, 0, 0], [9, 8, 7]), "odds ratio goes to infinity"),
        (([9, 8, 3], [9, 8, 7], [2, 1, 0], [9, 8, 7]), "odds ratio goes to infinity"),
        (([2, 1, 0], [9, 8, 7], [9, 8, 3], [9, 8, 7]), "odds ratio goes to zero"),
        (([9, 0, 7], [9, 8, 7], [0, 8, 0], [9, 8, 7]), "nothing limits the between-study variance"),
        (([1, 0, 1], [1, 1, 1], [0, 1, 0], [1, 1, 1]), "nothing limits the between-study variance"),
        (
            ([500, 0, 400, 1], [500, 600, 400, 600], [0, 700, 1, 800], [500, 700, 400, 800]),
            "so far apart",
        ),
    ],
)
def test_odds_ratios_that_the_data_do_not_hold_are_refused_with_the_reason(data, words):
    with pytest.raises(NotIdentified, match=words):
        pool_two_groups(*data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (([0, 0], [9, 8], [0, 0], [9, 8]), "no study has an event"),
        (([3, 0], [9, 8], [2, 0], [9, 8]), "only one study has an event"),
        (([0, 0], [9, 8], [2, 1], [9, 8]), "no study has an event under treatment"),
        (([2, 1], [9, 8], [0, 0], [9, 8]), "no study has an event under control"),
    ],
)
def test_rate_ratios_that_the_data_do_not_hold_are_refused_with_the_reason(data, words):
    with pytest.raises(NotIdentified, match=words):
        pool_two_rates(*data)


@pytest.mark.parametrize("pool", [pool_two_groups, pool_two_rates])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (([], [], [], []), "at least two studies"),
        (([1], [9], [2], [9]), "at least two studies"),
        (([1, 2], [9, 9], [2], [9]), "one length"),
        (([[1, 2]], [[9, 9]], [[2, 2]], [[9, 9]]), "one length"),
        (([-1, 2], [9, 9], [2, 2], [9, 9]), "negative"),
        (([1, np.nan], [9, 9], [2, 2], [9, 9]), "finite"),
        (([1, 2], [9, np.inf], [2, 2], [9, 9]), "finite"),
        (([0, 2], [0, 9], [2, 2], [9, 9]), "positive"),
    ],
)
def test_what_is_not_data_is_an_error_of_value(pool, data, words):
    with pytest.raises(ValueError, match=words):
        pool(*data)


def test_more_events_than_units_are_an_error_but_more_events_than_time_are_not():
    data = ([10, 4], [9, 9], [2, 3], [9, 9])
    with pytest.raises(ValueError, match="exceed"):
        pool_two_groups(*data)
    assert pool_two_rates(*data).k == 2


@pytest.mark.parametrize(("level", "test"), [(0, "t"), (100, "t"), (np.nan, "t"), (95, "knha")])
def test_settings_that_do_not_exist_are_errors_of_value(level, test):
    with pytest.raises(ValueError, match="must"):
        pool_two_groups([1, 2], [9, 9], [2, 2], [9, 9], level=level, test=test)
