"""What must hold for any data: symmetries, limits and maxima of the pooling kernel."""

from dataclasses import fields
from fractions import Fraction

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import chdtri, expit, log_expit, logsumexp, ndtr, stdtr, stdtrit

from metamill.measures import effect_sizes
from metamill.pooling import METHODS, TESTS, pool, tau2_interval
from metamill.pooling.glmm import NotIdentified, pool_proportions, proportion_studies
from metamill.pooling.glmm_quadrature import Likelihood, likelihood
from metamill.pooling.heterogeneity import heterogeneity, typical_variance
from metamill.pooling.predictive import (
    PREDICTIONS,
    prediction_df,
    prediction_interval,
    probability_beyond,
)
from metamill.pooling.profile import likelihood_ratio_tau2

bounded = settings(derandomize=True, max_examples=40, deadline=None, database=None)

RANDOM_EFFECTS = [method for method in METHODS if method != "EE"]
LIKELIHOOD = ["ML", "REML"]
# Test pl belongs to ML.
COMBINATIONS = [(m, t) for m in METHODS for t in TESTS if t != "pl" or m == "ML"]
EXACT = 1e-12

thousandths = st.integers(-100_000, 100_000).map(lambda i: i / 1000)


@st.composite
def effects(draw, least=2, most=10, ratio=100):
    """y in multiples of 1/64, so that whole numbers are added without rounding, and v."""
    k = draw(st.integers(least, most))
    y = draw(st.lists(st.integers(-256, 256), min_size=k, max_size=k))
    v = draw(st.lists(st.floats(1 / ratio, 1.0), min_size=k, max_size=k))
    return np.array(y) / 64, np.array(v)


@st.composite
def counts(draw, least=2, most=8, largest=400):
    """Events and totals that are neither all empty nor all full."""
    n = draw(st.lists(st.integers(1, largest), min_size=least, max_size=most))
    x = [draw(st.integers(0, size)) for size in n]
    assume(0 < sum(x) < sum(n))
    return np.array(x, float), np.array(n, float)


def scales(v, fit):
    """The size against which the error of a field counts: se, typical variance, or itself.

    The mean and its limits can fall near zero, as can tau2, Q, and the H2 of EE, which is
    Q/(k - 1). Wald's standard error stands in for that of Knapp and Hartung, which is zero for
    identical effects.
    """
    wald = np.sqrt(1 / (1 / (v + fit.tau2)).sum())
    spread = max(wald, fit.se) * 13
    variance = typical_variance(v[:, None], np.ones((len(v), 1))).item() + fit.tau2
    return {
        **dict.fromkeys(("mu", "se", "mu_low", "mu_high"), spread),
        **dict.fromkeys(("pi_low", "pi_high"), spread + 13 * np.sqrt(fit.tau2)),
        "tau2": variance,
        "q": 1 + fit.q,
        "q_p": 1 + fit.q,
        "i2": 100.0,
        "h2": 1 + fit.h2,
    }


def assert_same_fit(found, expected, v, tolerance, unit=1.0, shift=0.0):
    """`found` is `expected` after y -> shift + unit y."""
    for name, scale in scales(v, expected).items():
        value, wanted = getattr(found, name), getattr(expected, name)
        if name in ("mu", "mu_low", "mu_high", "pi_low", "pi_high"):
            value = value / unit - shift
        elif name == "se":
            value = value / unit
        elif name == "tau2":
            value = value / unit**2
        if np.isnan(wanted):
            assert np.isnan(value), name
        else:
            assert abs(value - wanted) <= tolerance * scale, (name, value, wanted)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=0, atol=100 * tolerance)


@pytest.mark.parametrize(("method", "test"), COMBINATIONS)
@bounded
@given(data=effects(), seed=st.integers(0, 1000))
def test_the_order_of_studies_changes_nothing(method, test, data, seed):
    y, v = data
    order = np.random.default_rng(seed).permutation(len(y))
    expected, found = pool(y, v, method, test), pool(y[order], v[order], method, test)
    back = {f.name: getattr(found, f.name) for f in fields(found)}
    back["weights"] = found.weights[np.argsort(order)]
    assert_same_fit(type(found)(**back), expected, v, EXACT)


@bounded
@given(data=counts(), seed=st.integers(0, 1000))
def test_the_order_of_studies_changes_no_glmm(data, seed):
    x, n = data
    order = np.random.default_rng(seed).permutation(len(x))
    try:
        expected = pool_proportions(x, n)
    except NotIdentified:
        with pytest.raises(NotIdentified):
            pool_proportions(x[order], n[order])
        return
    found = pool_proportions(x[order], n[order])
    for name in ("mu", "mu_low", "mu_high", "se", "tau2", "q", "marginal"):
        scale = 13 * expected.se + abs(getattr(expected, name))
        assert abs(getattr(found, name) - getattr(expected, name)) <= EXACT * scale, name


@pytest.mark.parametrize(("method", "test"), COMBINATIONS)
@bounded
@given(data=effects(), shift=st.integers(-1000, 1000))
def test_a_shift_of_all_effects_shifts_the_mean_and_nothing_else(method, test, data, shift):
    """Near 1000 a double has 13 decimals, and standard errors go down to 0.03."""
    y, v = data
    expected, found = pool(y, v, method, test), pool(y + shift, v, method, test)
    assert_same_fit(found, expected, v, 1e-11, shift=shift)


@pytest.mark.parametrize(("method", "test"), COMBINATIONS)
@bounded
@given(data=effects(), exponent=st.integers(-12, 12))
def test_a_change_of_unit_changes_the_unit_of_the_answer(method, test, data, exponent):
    y, v = data
    unit = 10.0**exponent
    expected, found = pool(y, v, method, test), pool(unit * y, unit**2 * v, method, test)
    assert_same_fit(found, expected, v, EXACT, unit=unit)


KINDS = [("QP", "REML"), ("PL", "ML"), ("PL", "REML")]


@pytest.mark.parametrize(("kind", "method"), KINDS)
@bounded
@given(data=effects(), exponent=st.integers(-12, 12))
def test_a_change_of_unit_changes_the_unit_of_the_tau2_interval(kind, method, data, exponent):
    y, v = data
    unit = 10.0**exponent
    typical = typical_variance(v[:, None], np.ones((len(v), 1))).item()
    for found, expected in zip(
        tau2_interval(unit * y, unit**2 * v, 95, kind, method),
        tau2_interval(y, v, 95, kind, method),
        strict=True,
    ):
        assert abs(found / unit**2 - expected) <= EXACT * (typical + expected)


@pytest.mark.parametrize("to", ["only0", "all", "if0all"])
@bounded
@given(data=counts())
def test_events_and_non_events_are_mirror_images_on_the_logit_scale(to, data):
    x, n = data
    found = effect_sizes("PLO", {"events": n - x, "total": n}, add=0.5, to=to)
    expected = effect_sizes("PLO", {"events": x, "total": n}, add=0.5, to=to)
    np.testing.assert_allclose(found.yi, -expected.yi, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found.vi, expected.vi, rtol=1e-13)
    for method in METHODS:
        mirrored, fit = (pool(e.yi, e.vi, method) for e in (found, expected))
        assert abs(mirrored.mu + fit.mu) <= 1e-11 * fit.se
        assert abs(mirrored.mu_low + fit.mu_high) <= 1e-11 * fit.se * 13


@bounded
@given(data=counts())
def test_events_and_non_events_are_mirror_images_in_a_glmm(data):
    x, n = data
    try:
        fit = pool_proportions(x, n)
    except NotIdentified:
        with pytest.raises(NotIdentified):
            pool_proportions(n - x, n)
        return
    mirrored = pool_proportions(n - x, n)
    scale = fit.se + abs(fit.mu)
    pairs = (("mu", "mu"), ("mu_low", "mu_high"), ("pi_low", "pi_high"))
    for name, opposite in pairs:
        assert abs(getattr(mirrored, name) + getattr(fit, opposite)) <= 1e-8 * scale, name
    for name in ("se", "tau2", "tau2_low", "tau2_high", "q", "loglik"):
        value, wanted = getattr(mirrored, name), getattr(fit, name)
        both_unknown = np.isnan(value) and np.isnan(wanted)
        assert both_unknown or abs(value - wanted) <= 1e-8 * (1 + abs(wanted)), name
    assert abs(mirrored.marginal + fit.marginal - 1) <= 1e-9
    np.testing.assert_allclose(mirrored.empirical_bayes, 1 - fit.empirical_bayes, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
@bounded
@given(y=thousandths, v=st.floats(1e-6, 1e6), k=st.integers(2, 30))
def test_identical_studies_have_no_heterogeneity(method, y, v, k):
    assert pool(np.full(k, y), np.full(k, v), method, "z").tau2 == 0


@bounded
@given(y=thousandths, v=st.floats(1e-6, 1e6), k=st.integers(2, 30))
def test_identical_studies_have_a_knapp_hartung_standard_error_of_zero(y, v, k):
    assert pool(np.full(k, y), np.full(k, v), "REML", "knha").se == 0


@pytest.mark.parametrize("method", METHODS)
@bounded
@given(y=thousandths, v=st.floats(1e-6, 1e6), k=st.integers(2, 30))
def test_identical_studies_have_their_own_mean(method, y, v, k):
    fit = pool(np.full(k, y), np.full(k, v), method, "z")
    assert abs(fit.mu - y) <= EXACT * (abs(y) + fit.se)
    assert fit.se == pytest.approx(np.sqrt(v / k), rel=EXACT)
    assert fit.q <= EXACT * (1 + y**2 / v)


@pytest.mark.parametrize("method", ["EE", "HS", "ML"])
@bounded
@given(data=effects())
def test_every_study_twice_is_the_same_mean_and_half_the_variance(method, data):
    """Holds where tau2 does not count degrees of freedom."""
    y, v = data
    once, twice = pool(y, v, method, "z"), pool(np.tile(y, 2), np.tile(v, 2), method, "z")
    assert abs(twice.mu - once.mu) <= 1e-11 * once.se
    assert abs(twice.tau2 - once.tau2) <= 1e-11 * (once.tau2 + v.mean())
    assert twice.se == pytest.approx(once.se / np.sqrt(2), rel=1e-11)


@bounded
@given(data=counts(largest=100))
def test_every_study_twice_is_the_same_glmm_with_half_the_variance(data):
    x, n = data
    try:
        once = pool_proportions(x, n)
    except NotIdentified:
        return
    twice = pool_proportions(np.tile(x, 2), np.tile(n, 2))
    assert abs(twice.mu - once.mu) <= 1e-8 * (once.se + abs(once.mu))
    assert abs(twice.tau2 - once.tau2) <= 1e-8 * (1 + once.tau2)
    assert twice.se == pytest.approx(once.se / np.sqrt(2), rel=1e-8)


@pytest.mark.parametrize("test", [t for t in TESTS if t != "pl"])
@pytest.mark.parametrize("method", [m for m in RANDOM_EFFECTS if m != "SJ"])
@bounded
@given(
    v=st.lists(st.floats(0.5, 2.0), min_size=2, max_size=10),
    side=st.lists(st.sampled_from([-1, 1]), min_size=10, max_size=10),
)
def test_no_excess_spread_gives_tau2_zero_and_the_equal_effects_mean(method, test, v, side):
    """Effects within a tenth of a standard error: Q is far below k - 1."""
    v = np.array(v)
    y = 3 + 0.1 * np.sqrt(v) * np.array(side[: len(v)])
    fit, equal = pool(y, v, method, test), pool(y, v, "EE", test)
    assert fit.tau2 == 0 and fit.i2 == 0
    assert (fit.mu, fit.se, fit.mu_low, fit.mu_high) == (
        equal.mu,
        equal.se,
        equal.mu_low,
        equal.mu_high,
    )


@bounded
@given(data=effects())
def test_sidik_jonkman_is_positive_unless_all_effects_are_equal(data):
    y, v = data
    assert (pool(y, v, "SJ").tau2 > 0) == bool(np.ptp(y) > 0)


@pytest.mark.parametrize("method", ["EE", *LIKELIHOOD])
@bounded
@given(data=effects(least=3))
def test_a_study_without_information_is_as_good_as_absent(method, data):
    """Where tau2 comes from a likelihood or is not estimated."""
    y, v = data
    v = v.copy()
    v[-1] = 1e16
    with_it, without = pool(y, v, method, "z"), pool(y[:-1], v[:-1], method, "z")
    assert with_it.weights[-1] < 1e-13
    assert abs(with_it.mu - without.mu) <= 1e-9 * without.se
    assert abs(with_it.tau2 - without.tau2) <= 1e-9 * (without.tau2 + v[:-1].mean())
    assert with_it.se == pytest.approx(without.se, rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
@bounded
@given(data=effects(least=3))
def test_a_study_without_information_has_no_weight(method, data):
    """Whatever tau2 the method gives, the mean is that of the other studies at this tau2."""
    y, v = data
    v = v.copy()
    v[-1] = 1e16
    fit = pool(y, v, method, "z")
    w = 1 / (v[:-1] + fit.tau2)
    assert fit.weights[-1] < 1e-10
    assert abs(fit.mu - (w * y[:-1]).sum() / w.sum()) <= 1e-10 * (fit.se + np.abs(y).max())


@pytest.mark.parametrize(("method", "test"), COMBINATIONS)
@bounded
@given(data=effects(least=3, most=8), seed=st.integers(0, 1000))
def test_masked_analyses_equal_separate_fits(method, test, data, seed):
    y, v = data
    chance = np.random.default_rng(seed)
    keep = chance.random((len(y), 12)) < 0.6
    keep[:2] = True
    m = keep.shape[1]
    together = pool(np.tile(y[:, None], m), np.tile(v[:, None], m), method, test, keep=keep)
    for column in range(m):
        inside = keep[:, column]
        alone = pool(y[inside], v[inside], method, test)
        values = {f.name: getattr(together, f.name)[..., column] for f in fields(together)}
        assert (values["weights"][~inside] == 0).all()
        values["weights"] = values["weights"][inside]
        assert_same_fit(type(together)(**values), alone, v[inside], EXACT)


def dense_loglik(x, n, mu, tau):
    """The likelihood of the binomial-normal model by a plain sum over 400 001 points of z.

    The peak of a study lies within tau n of zero, and no further out than where its proportion
    has reached the observed one, at about (|mu| + 10)/tau; the normal density adds 15.
    """
    reach = 15 + min(tau * n.max(), (abs(mu) + 10) / tau)
    z = np.linspace(-reach, reach, 400_001)
    eta = mu + tau * z
    success, failure = log_expit(eta), log_expit(-eta)
    weight = -0.5 * z**2 - 0.5 * np.log(2 * np.pi) + np.log(z[1] - z[0])
    return sum(
        float(logsumexp(xi * success + (ni - xi) * failure + weight))
        for xi, ni in zip(x, n, strict=True)
    )


points = st.tuples(st.floats(-6, 6), st.floats(0.01, 6))


def _likelihood(x, n, mu, tau):
    """The binomial-normal log-likelihood of x out of n with its derivatives, as numbers."""
    at = likelihood(proportion_studies(x, n), mu, tau)
    mu_mu, cross, tau_tau = at.hessian[0]
    return Likelihood(at.value[0], at.gradient[0], np.array([[mu_mu, cross], [cross, tau_tau]]))


@settings(bounded, max_examples=25)
@given(data=counts(most=4, largest=2000), at=points)
def test_glmm_likelihood_equals_a_sum_on_a_dense_grid(data, at):
    x, n = data
    expected = dense_loglik(x, n, *at)
    assert abs(_likelihood(x, n, *at).value - expected) <= 1e-9 * (1 + abs(expected))


def five_point(function, at, step):
    """Derivative of fourth order in the step."""
    f = [function(at + i * step) for i in (-2, -1, 1, 2)]
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step)


@bounded
@given(data=counts(), at=st.tuples(st.floats(-4, 4), st.floats(0.1, 4)))
def test_glmm_gradient_and_hessian_are_derivatives_of_its_likelihood(data, at):
    """Against differences, whose own error is the rounding of the value over the step."""
    x, n = data
    mu, tau = at
    here = _likelihood(x, n, mu, tau)
    step = 2e-3 / np.sqrt(1 + n.max()) * 5
    along_mu = five_point(lambda m: _likelihood(x, n, m, tau).value, mu, step)
    along_tau = five_point(lambda t: _likelihood(x, n, mu, t).value, tau, step)
    size = n.sum() * (1 + tau)
    np.testing.assert_allclose(here.gradient, [along_mu, along_tau], rtol=0, atol=1e-7 * size)
    hessian = [
        five_point(lambda m: _likelihood(x, n, m, tau).gradient, mu, step),
        five_point(lambda t: _likelihood(x, n, mu, t).gradient, tau, step),
    ]
    np.testing.assert_allclose(here.hessian, hessian, rtol=0, atol=1e-6 * size)


@bounded
@given(data=counts(least=3))
def test_glmm_estimate_is_where_the_likelihood_has_no_slope_and_no_higher_point(data):
    x, n = data
    try:
        fit = pool_proportions(x, n)
    except NotIdentified:
        return
    tau = np.sqrt(fit.tau2)
    top = _likelihood(x, n, fit.mu, tau).value
    gradient = _likelihood(x, n, fit.mu, tau).gradient
    assert np.abs(gradient).max() <= 1e-6 * (1 + n.sum()) or (tau == 0 and gradient[1] <= 1e-9)
    for other_mu in fit.mu + fit.se * np.linspace(-4, 4, 9):
        for other_tau in [0.0, *np.geomspace(0.01, 8, 25)]:
            assert _likelihood(x, n, other_mu, other_tau).value <= top + 1e-8


@pytest.mark.filterwarnings("ignore:Perfect separation")
@bounded
@given(
    n=st.lists(st.integers(20, 400), min_size=2, max_size=10),
    p=st.floats(0.1, 0.9),
    level=st.sampled_from([80.0, 95.0, 99.0]),
)
def test_a_glmm_whose_tau_is_zero_is_the_binomial_glm(n, p, level):
    """Events as near to one proportion as whole numbers allow: less spread than binomial."""
    n = np.array(n, float)
    x = np.round(p * n)
    fit = pool_proportions(x, n, level)
    model = sm.GLM(np.column_stack([x, n - x]), np.ones_like(n), family=sm.families.Binomial())
    glm = model.fit(tol=1e-14, maxiter=100)
    assert fit.tau2 == 0
    assert fit.mu == pytest.approx(glm.params[0], rel=1e-9, abs=1e-12)
    assert fit.se == pytest.approx(glm.bse[0], rel=1e-9)
    assert fit.loglik == pytest.approx(glm.llf, rel=1e-9)
    assert fit.q == pytest.approx(glm.deviance, rel=1e-7, abs=1e-9)
    assert fit.marginal == pytest.approx(expit(fit.mu), rel=1e-12)
    np.testing.assert_allclose(fit.weights, 100 * n / n.sum(), rtol=1e-12)


def logliks(y, v, tau2, restricted):
    """Log-likelihood with mu profiled out of each column; y, v of shape (k, m), tau2 (m,)."""
    w = 1 / (v + tau2)
    mu = (w * y).sum(axis=0) / w.sum(axis=0)
    value = 0.5 * np.log(w).sum(axis=0) - 0.5 * (w * (y - mu) ** 2).sum(axis=0)
    return value - 0.5 * np.log(w.sum(axis=0)) if restricted else value


def scanned(y, v, restricted):
    """Heights at 4001 values of tau2 per column, from zero to far above any maximum."""
    top = 4 * np.ptp(y, axis=0) ** 2
    low = v.min(axis=0) * 1e-4
    steps = np.linspace(0, 1, 4000)[:, None]
    grid = np.vstack([np.zeros(y.shape[1]), low * (top / low) ** steps])
    return np.array([logliks(y, v, tau2, restricted) for tau2 in grid])


def several_maxima(heights):
    """Columns of heights with more than one local maximum, the boundary tau2 = 0 included."""
    rises = np.diff(heights, axis=0) > 1e-13
    falls = np.diff(heights, axis=0) < -1e-13
    inside = (rises[:-1] & falls[1:]).sum(axis=0)
    return inside + falls[0] > 1


@pytest.mark.parametrize("method", LIKELIHOOD)
@pytest.mark.parametrize(("k", "spread"), [(3, 0.5), (4, 1.5), (6, 2.0), (12, 2.0)])
def test_likelihood_estimates_are_the_highest_of_a_dense_scan(method, k, spread):
    chance = np.random.default_rng(20260101 + k)
    m = 500
    v = np.exp(chance.normal(0, spread, (k, m)))
    y = chance.normal(0, np.sqrt(v + chance.choice([0.0, 0.1, 1.0], m)))
    restricted = method == "REML"
    heights = scanned(y, v, restricted)
    ours = logliks(y, v, pool(y, v, method).tau2, restricted)
    assert (ours >= heights.max(axis=0) - 1e-10).all()


@pytest.mark.parametrize("method", LIKELIHOOD)
def test_likelihood_estimates_are_the_highest_of_several_maxima(method):
    """A few precise studies apart and a few vague ones further apart give two maxima."""
    chance = np.random.default_rng(20260102)
    m = 1500
    v = np.exp(np.where(np.arange(6)[:, None] < 3, -9.0, 0.0) + chance.normal(0, 1.5, (6, m)))
    spread = np.where(np.arange(6)[:, None] < 3, chance.choice([0.0, 0.02, 0.1], m), 2.0)
    y = chance.normal(0, np.sqrt(v) + spread)
    restricted = method == "REML"
    heights = scanned(y, v, restricted)
    several = several_maxima(heights)
    assert several.sum() >= 20, "the sets hold likelihoods of several maxima"
    ours = logliks(y, v, pool(y, v, method).tau2, restricted)
    short = heights.max(axis=0) - ours
    assert (short[several] <= 1e-10).all()
    assert (short <= 1e-10).all()


@pytest.mark.parametrize("exponent", [0, 6, 10, 12, 14, 16])
def test_one_giant_weight_costs_no_digits(exponent):
    """DL and I2 against exact rational arithmetic."""
    y = [Fraction(0), Fraction(1), Fraction(3), Fraction(-2)]
    v = [Fraction(1, 10**exponent), Fraction(1), Fraction(1), Fraction(2)]
    w = [1 / x for x in v]
    mean = sum(a * b for a, b in zip(w, y, strict=True)) / sum(w)
    q = sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True))
    pairs = sum(w) ** 2 - sum(a * a for a in w)
    tau2 = max(Fraction(0), (q - 3) * sum(w) / pairs)
    typical = 3 * sum(w) / pairs
    fit = pool([float(x) for x in y], [float(x) for x in v], "DL", "z")
    assert fit.tau2 == pytest.approx(float(tau2), rel=1e-9)
    assert fit.i2 == pytest.approx(float(100 * tau2 / (tau2 + typical)), rel=1e-9)


def apart(chance, spread):
    """Precise studies together and vague ones apart: the likelihood often has two maxima."""
    few, many = chance.integers(2, 5), chance.integers(3, 7)
    v = np.exp(np.r_[chance.normal(-9, 1, few), chance.normal(0, 0.8, many)])
    y = np.r_[chance.normal(0, np.sqrt(v[:few])), chance.normal(1, spread, many)]
    return y, v


def pieces(compatible):
    return int(compatible[0]) + int((~compatible[:-1] & compatible[1:]).sum())


@pytest.mark.parametrize("method", LIKELIHOOD)
def test_profile_limits_of_tau2_are_the_ends_of_a_dense_scan(method):
    chance = np.random.default_rng(20260103)
    several = 0
    for _ in range(120):
        y, v = apart(chance, 3)
        interval = tau2_interval(y, v, 95, "PL", method)
        grid = np.append(0.0, np.geomspace(v.min() * 1e-6, 1e6, 30_000))
        column = np.tile(y[:, None], len(grid)), np.tile(v[:, None], len(grid))
        heights = logliks(*column, grid, method == "REML")
        compatible = heights > heights.max() - chdtri(1, 0.05) / 2
        inside = grid[compatible]
        step = grid[2] / grid[1]
        assert interval.low <= inside[0] <= interval.low * step**2 + grid[1]
        assert inside[-1] <= interval.high * (1 + 1e-6) <= inside[-1] * step**2
        assert interval.disconnected == (pieces(compatible) > 1)
        several += interval.disconnected
    assert several >= 3, "some sets are disconnected"


def test_profile_limits_of_the_mean_are_the_ends_of_a_dense_scan():
    """The likelihood at every mean and tau2 of two dense grids, with no profile formula."""
    chance = np.random.default_rng(20260104)
    for _ in range(25):
        y, v = apart(chance, chance.choice([0.5, 3]))
        fit = pool(y, v, "ML", "pl")
        t = np.append(0.0, np.geomspace(v.min() * 1e-4, 1e4, 3000))
        w = 1 / (v[:, None] + t)
        a, b, c = w.sum(axis=0), (w * y[:, None]).sum(axis=0), (w * y[:, None] ** 2).sum(axis=0)
        constant = 0.5 * np.log(w).sum(axis=0)

        def height(mu, a=a, b=b, c=c, constant=constant):
            square = c - 2 * b * mu[:, None] + a * mu[:, None] ** 2
            return (constant - 0.5 * square).max(axis=1)

        critical = (constant - 0.5 * (c - b**2 / a)).max() - chdtri(1, 0.05) / 2
        width = fit.mu_high - fit.mu_low
        outside = np.linspace(1e-3, 3, 200) * width
        assert (height(fit.mu_low - outside) < critical).all()
        assert (height(fit.mu_high + outside) < critical).all()
        edges = np.array([fit.mu_low, fit.mu_high])
        np.testing.assert_allclose(height(edges), critical, rtol=0, atol=1e-4)
        ratio = 2 * (critical + chdtri(1, 0.05) / 2 - height(np.zeros(1))[0])
        assert fit.statistic**2 == pytest.approx(ratio, rel=1e-3, abs=1e-3)


@bounded
@given(data=effects(), level=st.sampled_from([50.0, 80.0, 95.0, 99.0]))
def test_the_profile_interval_of_the_mean_excludes_what_its_test_rejects(data, level):
    """The test of mu = 0 after a shift, at a limit, has p = 1 - level."""
    y, v = data
    fit = pool(y, v, "ML", "pl", level)
    assert fit.mu_low < fit.mu < fit.mu_high
    for limit in (fit.mu_low, fit.mu_high):
        assert pool(y - limit, v, "ML", "pl", level).p_value == pytest.approx(
            1 - level / 100, rel=1e-7
        )


@bounded
@given(data=effects(), level=st.floats(1, 99.9))
def test_a_higher_level_gives_a_wider_profile_interval(data, level):
    y, v = data
    for method in LIKELIHOOD:
        estimate = pool(y, v, method).tau2
        low, high = tau2_interval(y, v, level, "PL", method)
        assert low <= estimate <= high
        lower, higher = tau2_interval(y, v, level + 0.05, "PL", method)
        assert lower <= low and higher >= high


@bounded
@given(
    d=st.floats(0.0, 20.0), v=st.tuples(st.floats(0.01, 10), st.floats(0.01, 10)), e=st.floats(0, 1)
)
def test_two_studies_have_reml_in_closed_form(d, v, e):
    """tau2 = (d^2 - v1 - v2)/2; the likelihood depends on v1 + v2 + 2 tau2 = s only.

    With e near 0 tau2 is tiny and the likelihood as flat as can be at its maximum.
    """
    total = sum(v)
    for distance in (d, np.sqrt(total * (1 + e**20))):
        y, v = np.array([0.0, distance]), np.array(v)
        tau2 = pool(y, v, "REML").tau2
        assert abs(tau2 - max(0.0, (distance**2 - total) / 2)) <= 1e-14 * (total + distance**2)

    best = max(total, distance**2)
    low, high = tau2_interval(y, v, 95, "PL", "REML")

    def fall(s):
        return np.log(s / best) + distance**2 * (1 / s - 1 / best)

    assert fall(total + 2 * high) == pytest.approx(chdtri(1, 0.05), rel=1e-12)
    if low > 0:
        assert fall(total + 2 * low) == pytest.approx(chdtri(1, 0.05), rel=1e-9)
    else:
        assert fall(total) <= chdtri(1, 0.05) * (1 + 1e-12)


@pytest.mark.parametrize("method", LIKELIHOOD)
@bounded
@given(data=effects())
def test_the_ratio_test_and_the_profile_interval_agree_on_zero(method, data):
    """tau2 = 0 is in the interval exactly if the statistic is at most the chi2(1) quantile."""
    y, v = data
    ratio = likelihood_ratio_tau2(y, v, method)
    low, _ = tau2_interval(y, v, 95, "PL", method)
    assert ratio.statistic >= 0 and 0 <= ratio.p_value <= 1
    assert (pool(y, v, method).tau2 == 0) == (ratio.p_value == 1)
    if abs(ratio.statistic - chdtri(1, 0.05)) > 1e-9:
        assert (low == 0) == (ratio.statistic < chdtri(1, 0.05))


@pytest.mark.parametrize(("kind", "method"), KINDS)
def test_one_study_is_compatible_with_every_tau2(kind, method):
    low, high = tau2_interval([0.3], [0.02], 95, kind, method)
    assert low == 0 and np.isnan(high)


def test_one_study_has_no_profile_no_prediction_and_no_ratio_test():
    for prediction in PREDICTIONS:
        fit = pool([0.3], [0.02], "ML", "pl", prediction=prediction)
        assert fit.mu == 0.3 and fit.se == pytest.approx(np.sqrt(0.02))
        missing = (fit.mu_low, fit.mu_high, fit.p_value, fit.statistic, fit.pi_low, fit.pi_high)
        assert np.isnan(missing).all()
    ratio = likelihood_ratio_tau2([0.3], [0.02])
    assert np.isnan([ratio.statistic, ratio.p_value]).all()
    found = heterogeneity([0.3], [0.02], 0.0, 0.0, 0.0)
    assert all(np.isnan(getattr(found, f.name)) for f in fields(found))


def test_two_studies_have_no_hts_prediction():
    fit = pool([0.3, 0.9], [0.02, 0.03], prediction="hts")
    assert np.isnan([fit.pi_low, fit.pi_high]).all()
    assert np.isfinite(pool([0.3, 0.9, 0.1], [0.02, 0.03, 0.05], prediction="hts").pi_low)


@bounded
@given(y=thousandths, v=st.floats(1e-6, 1e6), k=st.integers(2, 30))
def test_identical_studies_have_profile_intervals_from_zero(y, v, k):
    """-(k - f)/2 log(1 + t/v) falls by chi2(1)/2 at a known t; f is 1 for REML."""
    for method, free in (("ML", 0), ("REML", 1)):
        low, high = tau2_interval(np.full(k, y), np.full(k, v), 95, "PL", method)
        assert low == 0
        assert high == pytest.approx(v * np.expm1(chdtri(1, 0.05) / (k - free)), rel=1e-11)
    assert likelihood_ratio_tau2(np.full(k, y), np.full(k, v)).p_value == 1


@pytest.mark.parametrize("kind", PREDICTIONS)
@bounded
@given(data=effects(least=3), test=st.sampled_from(["z", "adhoc"]))
def test_a_prediction_limit_has_a_tail_of_its_own_probability(kind, data, test):
    y, v = data
    assume(np.ptp(y) > 0)
    fit = pool(y, v, "DL", test, 90, prediction=kind)
    limits = [fit.pi_low, fit.pi_high]
    tails = probability_beyond(fit.mu, fit.pi_se, fit.tau2, fit.pi_df, limits)
    np.testing.assert_allclose(tails, [0.95, 0.05], rtol=1e-9)
    mirrored = probability_beyond(-fit.mu, fit.pi_se, fit.tau2, fit.pi_df, [-fit.pi_low])
    assert mirrored[0] == pytest.approx(0.05, rel=1e-9)


def test_tails_beyond_a_threshold_keep_their_relative_accuracy():
    """t on 2 degrees of freedom: 1/(x sqrt(2 + x^2) + 2 + x^2); on 1: arctan(1/x)/pi."""
    for x in (1.0, 1e3, 1e6, 1e9):
        (two,) = probability_beyond(0.0, 3.0, 16.0, 2, [5 * x])
        (one,) = probability_beyond(0.0, 3.0, 16.0, 1, [5 * x])
        (normal,) = probability_beyond(0.0, 3.0, 16.0, np.inf, [5 * min(x, 30)])
        assert two == pytest.approx(1 / (x * np.sqrt(2 + x * x) + 2 + x * x), rel=1e-12)
        assert one == pytest.approx(np.arctan(1 / x) / np.pi, rel=1e-12)
        assert normal == pytest.approx(float(ndtr(-min(x, 30))), rel=1e-12)
    assert probability_beyond(1.0, 0.1, 0.2, 7, 1.0) == 0.5


def test_equal_effects_and_identical_effects_have_no_probability_beyond():
    with pytest.raises(ValueError, match="equal effects"):
        probability_beyond(0.1, 0.2, None, 5, 0.0)
    assert np.isnan(probability_beyond(0.1, 0.0, 0.0, 5, 0.0))
    fit = pool([0.3] * 4, [0.1] * 4, prediction="knha")
    assert np.isnan([fit.pi_low, fit.pi_high]).all()
    assert np.isnan(pool([0.3, 0.5], [0.1] * 2, "EE").pi_df)


def test_prediction_quantiles_are_t_and_normal():
    low, high = prediction_interval([0.0] * 3, [0.6] * 3, 0.64, [3, np.inf, np.nan], 90)
    assert high[0] == pytest.approx(stdtrit(3, 0.95)) and stdtr(3, low[0]) == pytest.approx(0.05)
    assert ndtr(high[1]) == pytest.approx(0.95) and np.isnan(high[2])
    np.testing.assert_array_equal(prediction_df([1, 2, 3], "hts"), [np.nan, np.nan, 1])
    np.testing.assert_array_equal(prediction_df([1, 2, 3], "z"), [np.nan, np.inf, np.inf])


def test_without_heterogeneity_the_limits_of_i2_from_q_depend_on_k_only():
    """0 to 79 % for five studies: H = 1 and SE(ln H) = sqrt((1 - 1/27)/6)."""
    y = np.array([0.1, 0.11, 0.1, 0.12, 0.1])
    found = heterogeneity(y, np.full(5, 0.2), 0.0, 0.0, 0.1)
    assert (found.i2_q, found.i2_q_low) == (0, 0) and round(found.i2_q_high) == 79
    assert found.i2_high == pytest.approx(100 / 3) and found.h2_high == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda y, v: pool(y, v, "REML", "pl"), "method ML, not of REML"),
        (lambda y, v: pool(y, v, prediction="hksj"), "prediction 'hksj'"),
        (lambda y, v: pool(y, v, level=100), "level"),
        (lambda y, v: tau2_interval(y, v, 95, "BJ"), "kind 'BJ'"),
        (lambda y, v: tau2_interval(y, v, 95, "PL", "DL"), "not for DL"),
        (lambda y, v: tau2_interval(y, v, 0), "level"),
        (lambda y, v: tau2_interval(y, v, 101, "PL"), "level"),
        (lambda y, v: tau2_interval(y, -v), "positive"),
        (lambda y, v: tau2_interval(y * np.nan, v, 95, "PL"), "finite"),
        (lambda y, v: tau2_interval([], []), "shape"),
        (lambda y, v: likelihood_ratio_tau2(y, v, "PM"), "not for PM"),
        (lambda y, v: likelihood_ratio_tau2(y, v[:2]), "shape"),
        (lambda y, v: heterogeneity(y, v * 0, 0.0, 0.0, 0.0), "positive"),
        (lambda y, v: prediction_df(5, "boot"), "boot"),
        (lambda y, v: prediction_interval(0.0, 1.0, 0.0, 3, 0), "level"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(call, reason):
    with pytest.raises(ValueError, match=reason):
        call(np.array([0.1, 0.4, 0.9]), np.array([0.02, 0.1, 0.04]))
