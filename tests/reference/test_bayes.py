"""The Bayesian models against dense grids, nested quadrature, published output and limits."""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, ndtri

from metamill.pooling.bayes import Summary, probability_above
from metamill.pooling.bayes_binomial import bayes_proportions
from metamill.pooling.bayes_normal import bayes
from metamill.pooling.identified import NotIdentified
from metamill.pooling.inverse_variance import pool

FROZEN = json.loads(Path(__file__).with_name("bayes.json").read_text())
NORMAL = {case["set"]: case for case in FROZEN["normal"]}
BINOMIAL = {case["set"]: case for case in FROZEN["binomial"]}
FIELDS = tuple(Summary.__annotations__)
PARTS = ("mu", "tau", "new", "theta")

# R's optimize finds a maximum to the root of the machine precision only.
NORMAL_TOLERANCE, BINOMIAL_TOLERANCE, MODE_TOLERANCE = 1e-9, 1e-7, 1e-6


@cache
def normal(name, level=95.0):
    case = NORMAL[name]
    return bayes(case["y"], case["v"], case["prior_scale"], level, case["mu_prior"])


@cache
def binomial(name):
    case = BINOMIAL[name]
    return bayes_proportions(
        case["events"], case["total"], case["prior_scale"], mu_prior=case["mu_prior"]
    )


def differences(fit, case, part):
    """Every number of one part, as a share of its posterior sd."""
    ours, frozen = getattr(fit, part), case[part]
    sd = np.array(frozen["sd"])
    return {f: np.max(np.abs(np.array(getattr(ours, f)) - frozen[f]) / sd) for f in FIELDS}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", NORMAL)
def test_normal_model_equals_the_dense_grid(name, part):
    worst = differences(normal(name), NORMAL[name], part)
    assert max(worst.values()) <= NORMAL_TOLERANCE, worst


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", BINOMIAL)
def test_binomial_model_equals_the_dense_grid(name, part):
    worst = differences(binomial(name), BINOMIAL[name], part)
    assert max(worst.values()) <= BINOMIAL_TOLERANCE, worst


@pytest.mark.parametrize("name", [*NORMAL, *BINOMIAL])
def test_mode_of_tau_and_marginal_likelihood_equal_the_dense_grid(name):
    fit = normal(name) if name in NORMAL else binomial(name)
    case = (NORMAL | BINOMIAL)[name]
    assert abs(fit.tau_mode - case["tau_mode"]) <= MODE_TOLERANCE * case["tau"]["sd"]
    if case["log_marginal"] is None:
        assert np.isnan(fit.log_marginal)
    else:
        assert abs(fit.log_marginal - case["log_marginal"]) <= 1e-8


def test_the_frozen_cases_are_complete():
    assert len(NORMAL) == 8 and len(BINOMIAL) == 3
    for case in [*FROZEN["normal"], *FROZEN["binomial"]]:
        k = len(case["y"] if "y" in case else case["events"])
        for part in PARTS:
            assert set(case[part]) == set(FIELDS)
            assert np.isfinite([case[part][f] for f in FIELDS]).all()
        assert all(len(case["theta"][f]) == k for f in FIELDS)
    assert any(case["tau_mode"] == 0 for case in FROZEN["normal"])
    assert any(case["tau"]["shortest_low"] > 0 for case in FROZEN["normal"])


# Roever 2020, section 3.3, as printed by bayesmeta. Digits of tau are those of an adaptive
# integral; mu and theta come from its grid over tau (tuning parameters 0.01 and 0.0001).
PUBLISHED = {
    "tau": {"median": 0.3445023, "mean": 0.3810562, "sd": 0.2593672, "shortest_high": 0.8607193},
    "mu": {
        "median": -1.5734819,
        "mean": -1.5764365,
        "sd": 0.3295301,
        "shortest_low": -2.2311251,
        "shortest_high": -0.9263075,
    },
    "new": {
        "median": -1.5701653,
        "mean": -1.5764365,
        "sd": 0.5671855,
        "shortest_low": -2.7661319,
        "shortest_high": -0.4072970,
    },
}
# bayesmeta prints seven digits; its grid over tau leaves three to four of them right for mu, theta.
KNOWN_DIFFERENCES = {("mu", "sd"), ("new", "sd"), ("new", "shortest_low"), ("new", "shortest_high")}


@pytest.mark.parametrize("part", PUBLISHED)
def test_roever_2020_acute_rejection(part):
    ours = getattr(normal("crins2014"), part)
    for name, printed in PUBLISHED[part].items():
        tolerance = 5.1e-8 if part == "tau" else 2e-3 if name != "median" else 1e-4
        assert abs(getattr(ours, name) - printed) <= tolerance, name


@pytest.mark.parametrize(("part", "name"), sorted(KNOWN_DIFFERENCES))
def test_a_known_difference_from_bayesmeta_has_the_dense_grid_on_our_side(part, name):
    ours, printed = getattr(getattr(normal("crins2014"), part), name), PUBLISHED[part][name]
    assert abs(ours - printed) > 1e-4
    assert abs(ours - NORMAL["crins2014"][part][name]) < 1e-9


def test_roever_2020_central_interval_tail_and_shrinkage():
    fit = normal("crins2014", 99.0)
    assert abs(fit.tau.low - 0.003547657) <= 5.1e-10
    assert abs(fit.tau.high - 1.205400562) <= 5.1e-10
    assert abs(fit.tau.shortest_high - 1.109186) <= 5.1e-7
    assert abs(probability_above(normal("crins2014"), 0)[0] - 6.187343e-05) <= 2e-6
    theta = normal("crins2014").theta
    for i, printed in enumerate(
        [
            (-1.7778965, 0.4229425, -1.7411356, -2.6561049, -0.9920023),
            (-1.2339736, 0.4488759, -1.2821722, -2.0455088, -0.3089461),
        ]
    ):
        ours = [theta.mean, theta.sd, theta.median, theta.shortest_low, theta.shortest_high]
        np.testing.assert_allclose([value[i] for value in ours], printed, atol=1e-3)


def test_roever_2020_two_randomised_studies():
    fit = normal("crins2014_randomised")
    printed = [("mu", -1.78, -2.86, -0.69), ("new", -1.78, -3.25, -0.28)]
    for part, median, low, high in printed:
        ours = getattr(fit, part)
        assert round(ours.median, 2) == median
        assert round(ours.shortest_low, 2) == low
        assert round(ours.shortest_high, 2) == high
    assert abs(1 - probability_above(fit, 0)[0] - 0.9974968) <= 5e-5


def test_roever_2020_mode_of_tau():
    assert abs(normal("crins2014").tau_mode - 0.2453139) <= 2e-6


@pytest.mark.parametrize(
    ("y", "v", "scale", "prior"),
    [((-0.4, 0.8), (0.05, 0.04), 0.5, (0.0, 2.0)), ((1.0, 2.0, 0.2), (0.2, 0.1, 0.4), 1.0, None)],
)
def test_normal_model_equals_nested_quadrature_of_the_joint_density(y, v, scale, prior):
    """scipy.integrate.dblquad over (mu, tau) knows nothing of conjugacy or of mixtures."""
    from scipy.integrate import dblquad

    fit = bayes(y, v, scale, 95, prior)

    def joint(mu, tau):
        total = np.array(v) + tau**2
        log = -0.5 * (np.log(2 * np.pi * total) + (np.array(y) - mu) ** 2 / total).sum()
        log += 0.5 * np.log(2 / np.pi) - np.log(scale) - 0.5 * (tau / scale) ** 2
        if prior is not None:
            log += -0.5 * ((mu - prior[0]) / prior[1]) ** 2 - np.log(prior[1] * np.sqrt(2 * np.pi))
        return np.exp(log)

    def integral(f, low, high):
        options = {"epsabs": 1e-12, "epsrel": 1e-9}
        return dblquad(f, 0, 8 * scale, low, high, **options)[0]

    total = integral(joint, -20, 20)
    below = integral(joint, -20, fit.mu.low)
    assert abs(below / total - 0.025) < 1e-8
    mean = integral(lambda mu, tau: tau * joint(mu, tau), -20, 20) / total
    assert abs(mean - fit.tau.mean) < 1e-8
    if prior is not None:
        assert abs(np.log(total) - fit.log_marginal) < 1e-8


def test_binomial_model_equals_nested_quadrature_of_the_joint_density():
    """scipy.integrate.dblquad over (mu, tau), Gauss-Hermite over each study's effect."""
    from scipy.integrate import dblquad

    x, n = np.array([[1], [4]]), np.array([[6], [9]])
    fit = bayes_proportions(x[:, 0], n[:, 0], 0.5, mu_prior=(0, 2))
    z, weight = np.polynomial.hermite_e.hermegauss(120)
    coefficients = np.array([6, 126])

    def joint(mu, tau):
        p = expit(mu + tau * z)
        each = (p**x * (1 - p) ** (n - x)) @ weight / np.sqrt(2 * np.pi) * coefficients
        priors = np.exp(-0.5 * (mu / 2) ** 2 - 2 * tau**2) / (2 * np.pi * 0.5)
        return each.prod() * priors

    def integral(low, high):
        return dblquad(joint, 0, 4, low, high, epsabs=1e-13, epsrel=1e-8)[0]

    total = integral(-16, 16)
    assert abs(np.log(total) - fit.log_marginal) < 1e-8
    assert abs(integral(-16, fit.mu.low) / total - 0.025) < 1e-8
    assert abs(integral(-16, fit.mu.median) / total - 0.5) < 1e-8


def test_a_prior_that_fixes_tau_at_zero_is_refused_for_counts():
    with pytest.raises(NotIdentified, match="equal effects"):
        bayes_proportions([3, 6, 10], [11, 17, 21], 1e-6)


@pytest.mark.parametrize("name", ["crins2014_uniform", "bcg", "outlier"])
@pytest.mark.parametrize("factor", [1e-10, 1e-3, 1e10])
def test_everything_is_scale_equivariant(name, factor):
    case, fit = NORMAL[name], normal(name)
    y, v = np.array(case["y"]) * factor, np.array(case["v"]) * factor**2
    scaled = bayes(y, v, case["prior_scale"] * factor)
    for part in PARTS:
        for f in FIELDS:
            expected = np.array(getattr(getattr(fit, part), f)) * factor
            value = np.array(getattr(getattr(scaled, part), f))
            sd = np.array(getattr(fit, part).sd) * factor
            assert (np.abs(value - expected) <= 1e-9 * sd).all(), (part, f)


@pytest.mark.parametrize("ratio", [1e-10, 1e-5, 1e-2, 1e2, 1e5, 1e10])
def test_posterior_of_tau_and_mu_is_right_whatever_the_variances_are_to_the_prior(ratio):
    """Masses from adaptive integrals over log tau, in which no scale is special."""
    from scipy.integrate import quad

    rng = np.random.default_rng(5)
    v = rng.uniform(0.5, 2, 6) * ratio
    y = rng.normal(size=6) * np.sqrt(v) * 1.5
    fit = bayes(y, v)

    def log_joint(tau):
        w = 1 / (v + tau**2)
        mean = (w @ y) / w.sum()
        return 0.5 * (np.log(w).sum() - np.log(w.sum()) - w @ (y - mean) ** 2) - 2 * tau**2

    grid = np.linspace(np.log(1e-9 * fit.tau.median), np.log(1e3 * fit.tau.median), 400)
    top = max(log_joint(np.exp(t)) + t for t in grid)

    def mass(low, high):
        edges = np.linspace(low, high, 41)
        return sum(
            quad(lambda t: np.exp(log_joint(np.exp(t)) + t - top), a, b, epsrel=1e-12)[0]
            for a, b in pairwise(edges)
        )

    total = mass(grid[0], grid[-1])
    for value, p in ((fit.tau.low, 0.025), (fit.tau.median, 0.5), (fit.tau.high, 0.975)):
        assert abs(mass(grid[0], np.log(value)) / total - p) < 1e-8


def test_a_vanishing_prior_scale_gives_equal_effects():
    y, v = NORMAL["crins2014"]["y"], NORMAL["crins2014"]["v"]
    fit, equal = bayes(y, v, 1e-9), pool(y, v, "EE", "z")
    for value, expected in (
        (fit.mu.mean, equal.mu),
        (fit.mu.sd, equal.se),
        (fit.mu.low, equal.mu_low),
        (fit.mu.shortest_high, equal.mu_high),
        (fit.new.high, equal.mu_high),
        (fit.theta.median[2], equal.mu),
    ):
        assert abs(value - expected) <= 1e-12 * abs(expected)
    quarter = 1e-9 * ndtri(0.75)
    assert abs(fit.tau.median - quarter) <= 1e-12 * quarter


def test_many_studies_of_one_size_give_the_conditional_normal():
    """Where the data pin tau down, mu is normal with variance (tau2 + v)/k."""
    fit = bayes(np.tile([-1.0, 1.0], 200), np.full(400, 0.25), 5.0)
    assert abs(fit.tau.median - np.sqrt(0.75)) < 1e-2
    assert abs(fit.mu.sd - np.sqrt(1 / 400)) < 1e-3
    assert not fit.leans_on_prior


@pytest.mark.parametrize("name", ["outlier", "two_apart", "two_rates"])
def test_intervals_hold_their_probability_and_the_shortest_is_no_wider(name):
    fit = normal(name) if name in NORMAL else binomial(name)
    for law, summary in ((fit.mu_law, fit.mu), (fit.new_law, fit.new)):
        for low, high in (
            (summary.low, summary.high),
            (summary.shortest_low, summary.shortest_high),
        ):
            ends = law.cdf(np.array([[low, high]]))[0]
            assert abs(ends[1] - ends[0] - 0.95) < 1e-12
        assert summary.shortest_high - summary.shortest_low <= summary.high - summary.low
        f = law.density(np.array([[summary.shortest_low, summary.shortest_high]]))[0]
        assert abs(f[0] / f[1] - 1) < 1e-9


def test_the_shortest_interval_of_a_two_peaked_posterior_is_the_narrowest_of_all():
    """An effect far from the rest keeps a true effect that may be either: two peaks."""
    y, v = [0.0, 0.1, -0.1, 0.05, 3.0], [0.01, 0.01, 0.01, 0.01, 0.7]
    fit = bayes(y, v, 0.5, 50)
    theta = fit.theta
    assert np.isfinite(theta.shortest_low).all()
    assert (theta.shortest_high - theta.shortest_low <= theta.high - theta.low).all()


def test_identical_effects_stay_where_they_are():
    fit = normal("identical")
    for value in (fit.mu.median, fit.new.median, *fit.theta.median):
        assert abs(value - 0.3) < 1e-14
    assert fit.tau_mode == 0 and fit.tau.shortest_low == 0
    assert abs(fit.mu.low - fit.mu.shortest_low) < 1e-9


@pytest.mark.parametrize("distance", [1e6, 1e8])
def test_two_effects_very_far_apart_have_the_posterior_of_the_saddle_point(distance):
    """exp(-D^2/(4 tau^2) - tau^2/(2 a^2)) peaks at tau^2 = a D/sqrt(2) with curvature 4/a^2."""
    fit = bayes([0, distance], [1, 1], 0.5)
    assert abs(fit.tau_mode / np.sqrt(0.5 * distance / np.sqrt(2)) - 1) < 1e-5
    assert abs(fit.tau.sd / 0.25 - 1) < 1e-4


def test_a_large_offset_of_all_effects_costs_no_digits_of_the_spread():
    y, v = np.array([0.0, 1.0, 0.5]), np.array([0.2, 0.4, 0.3])
    near, far = bayes(y, v), bayes(y + 2.0**29, v)
    for part in PARTS[:3]:
        ours, expected = getattr(far, part), getattr(near, part)
        offset = 0 if part == "tau" else 2.0**29
        assert abs(ours.shortest_low - offset - expected.shortest_low) < 1e-6
        assert abs(ours.sd - expected.sd) < 1e-8


@pytest.mark.parametrize(
    ("x", "n"),
    [
        ([0, 500000], [10**6, 10**6]),
        ([1, 2], [10**8, 10**8]),
        ([5, 90], [10, 10**6]),
        ([500000] * 4, [10**6] * 4),
        ([1, 0], [1, 1]),
    ],
)
def test_counts_of_any_size_have_a_posterior(x, n):
    """Each quadrature refuses where a coarser sum disagrees, so a number is a checked number."""
    fit = bayes_proportions(x, n, 0.5)
    ends = fit.mu_law.cdf(np.array([[fit.mu.low, fit.mu.median, fit.mu.high]]))[0]
    np.testing.assert_allclose(ends, [0.025, 0.5, 0.975], atol=1e-13)
    observed = np.log((np.array(x) + 0.5) / (np.array(n) - np.array(x) + 0.5))
    large = (np.array(x) > 1000) & (np.array(n) - np.array(x) > 1000)
    np.testing.assert_allclose(fit.theta.median[large], observed[large], atol=1e-3)


def test_permuted_studies_give_the_same_posterior():
    case, order = NORMAL["outlier"], [3, 0, 4, 2, 1]
    fit = bayes(np.array(case["y"])[order], np.array(case["v"])[order], case["prior_scale"])
    np.testing.assert_allclose(fit.mu.median, normal("outlier").mu.median, rtol=1e-11)
    np.testing.assert_allclose(fit.theta.median, normal("outlier").theta.median[order], rtol=1e-11)


def test_swapping_events_and_non_events_mirrors_the_logits():
    x, n = np.array([3, 6, 10, 1]), np.array([11, 17, 21, 6])
    one, other = bayes_proportions(x, n, 0.5), bayes_proportions(n - x, n, 0.5)
    assert abs(one.mu.median + other.mu.median) < 1e-10
    assert abs(one.new.low + other.new.high) < 1e-10
    assert abs(one.tau.median - other.tau.median) < 1e-10
    np.testing.assert_allclose(one.theta.shortest_low, -other.theta.shortest_high, rtol=1e-8)


@pytest.mark.parametrize(("x", "n"), [((0, 0), (12, 30)), ((12, 30), (12, 30)), ((0, 9), (9, 9))])
def test_all_or_no_events_have_a_posterior_that_says_it_leans_on_the_prior(x, n):
    fit = bayes_proportions(x, n, 0.5)
    assert fit.leans_on_prior
    assert fit.tau_width_ratio > 0.8
    assert np.isfinite([fit.mu.shortest_low, fit.new.high, *fit.theta.shortest_high]).all()


def test_no_event_in_more_units_means_a_lower_proportion():
    medians = [bayes_proportions([0, 0], [n, n], 0.5).mu.median for n in (5, 50, 5000)]
    assert medians[0] > medians[1] > medians[2]


@pytest.mark.parametrize(
    ("y", "v", "options"),
    [
        ([], [], {}),
        ([1], [1], {}),
        ([1, 2], [1, 0], {}),
        ([1, np.nan], [1, 1], {}),
        ([1, 2], [1, 1, 1], {}),
        ([1, 2], [1, 1], {"prior_scale": 0}),
        ([1, 2], [1, 1], {"prior_scale": np.inf}),
        ([1, 2], [1, 1], {"level": 100}),
        ([1, 2], [1, 1], {"mu_prior": (0, 0)}),
        ([1, 2], [1, 1], {"mu_prior": (np.nan, 1)}),
    ],
)
def test_input_that_is_no_data_or_no_prior_is_refused(y, v, options):
    with pytest.raises(ValueError, match=r"must|two vectors"):
        bayes(y, v, **options)


@pytest.mark.parametrize(
    ("x", "n"),
    [([1], [2]), ([1, 3], [2, 2]), ([0.5, 1], [2, 2]), ([0, 0], [0, 4]), ([-1, 1], [2, 2])],
)
def test_counts_that_are_no_counts_are_refused(x, n):
    with pytest.raises(ValueError, match=r"must"):
        bayes_proportions(x, n, 0.5)


def test_binomial_model_refuses_a_uniform_prior_of_mu():
    with pytest.raises(ValueError, match="normal prior"):
        bayes_proportions([1, 2], [9, 9], 0.5, mu_prior=None)
