"""Dependent effects against robumeta, metafor and clubSandwich, and against dense matrices here."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.special import betainc, chdtri, ndtri

from metamill.pooling import pool
from metamill.pooling.dependent import aggregate, cr2, rve, three_level
from metamill.pooling.dependent.likelihood import ascend, derivatives, model, moments
from metamill.pooling.dependent.rows import rows
from metamill.pooling.dependent.sandwich import robust_variance
from metamill.pooling.identified import NotIdentified

FROZEN = json.loads(Path(__file__).with_name("dependent.json").read_text())
CASES = {case["set"]: case for case in FROZEN["cases"]}
CLOSED, ITERATIVE, DENSE = 1e-9, 1e-6, 1e-9
"""metafor's optimisers stop at seven or eight digits, dense matrices do not."""
FITS = [(name, i) for name in CASES for i in range(4)]
REML_FITS = [(name, i) for name in CASES for i in range(2)]

# robumeta subtracts the distribution function from one, so a p value has absolute accuracy only;
# ours equals the incomplete beta function.
KNOWN_DIFFERENCES = {("ishak2007", "p_value")}


def data(name):
    return tuple(np.array(CASES[name][key]) for key in ("y", "v", "study"))


@cache
def fitted(name, rho, method="REML", test="t"):
    return three_level(*data(name), rho=rho, method=method, test=test)


def close(value, expected, tolerance, scale=0.0):
    return abs(value - expected) <= tolerance * max(abs(expected), scale)


def betainc_p(statistic, df):
    return betainc(df / 2, 0.5, df / (df + statistic**2))


# Dense matrices: nothing below is shared with the package.


def sampling(v, study, rho):
    s = np.sqrt(v)
    same = study[:, None] == study
    return np.where(np.eye(len(v), dtype=bool), np.diag(v), rho * same * np.outer(s, s))


def kernels(study):
    return (study[:, None] == study).astype(float), np.eye(len(study))


class Dense:
    """Log-likelihood, score and Hessian in theta = (between, within) from k by k matrices."""

    def __init__(self, y, v, study, rho, theta, restricted=True):
        k, ones = len(y), np.ones(len(y))
        parts = kernels(study)
        self.m = sampling(v, study, rho) + theta[0] * parts[0] + theta[1] * parts[1]
        w = np.linalg.inv(self.m)
        total = ones @ w @ ones
        p = w - np.outer(w @ ones, w @ ones) / total
        inside = p if restricted else w
        self.mu, self.se, self.total, self.p = ones @ w @ y / total, total**-0.5, total, p
        free = k - 1 if restricted else k
        logdet = np.linalg.slogdet(self.m)[1]
        self.loglik = -0.5 * (free * np.log(2 * np.pi) + logdet + y @ p @ y)
        if restricted:
            self.loglik += 0.5 * np.log(k) - 0.5 * np.log(total)
        py = p @ y
        self.score = np.array([py @ a @ py - np.trace(inside @ a) for a in parts]) / 2
        self.hessian = np.array(
            [
                [0.5 * np.trace(inside @ a @ inside @ b) - py @ a @ p @ b @ py for b in parts]
                for a in parts
            ]
        )


def dense_climb(name, rho, theta, movable, restricted=True):
    """Newton's method with dense derivatives from a start within the basin."""
    y, v, study = data(name)
    theta = np.array(theta, float)
    for _ in range(60):
        at = Dense(y, v, study, rho, theta, restricted)
        free = movable & ((theta > 0) | (at.score > 0))
        if not free.any():
            break
        step = np.zeros(2)
        step[free] = -np.linalg.solve(at.hessian[np.ix_(free, free)], at.score[free])
        while (theta + step < 0).any():
            step /= 2
        theta = theta + step
        if (np.abs(step) <= 1e-13 * theta.sum()).all():
            break
    return theta, Dense(y, v, study, rho, theta, restricted)


def inverse_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**-0.5) @ vectors.T


def dense_cr2(y, m, study):
    """Adjustment matrices with a Cholesky factor, and the degrees of freedom, by definition."""
    k, ones = len(y), np.ones(len(y))
    w = np.linalg.inv(m)
    total = ones @ w @ ones
    hat = np.outer(ones, ones @ w) / total
    residual_maker = np.eye(k) - hat
    e, variance, g = residual_maker @ y, 0.0, []
    for code in np.unique(study):
        at = np.flatnonzero(study == code)
        d = np.linalg.cholesky(m[np.ix_(at, at)]).T
        part = residual_maker[at]
        a = d.T @ inverse_root(d @ part @ m @ part.T @ d.T) @ d
        row = ones[at] @ w[np.ix_(at, at)] @ a / total
        variance += (row @ e[at]) ** 2
        g.append(part.T @ row)
    inner = np.array(g) @ m @ np.array(g).T
    return ones @ w @ y / total, variance**0.5, np.trace(inner) ** 2 / (inner**2).sum()


def test_the_frozen_cases_are_complete():
    assert len(CASES) == len(FROZEN["cases"]) == 12
    required = ("konstantopoulos2011", "assink2016", "berkey1998", "ishak2007", "bornmann2007")
    assert set(required) <= set(CASES)
    for name, case in CASES.items():
        assert [r["rho"] for r in case["rve"]] == [0, 0.8, 1], name
        assert [r["tau2"] for r in case["cr2"]] == [0, 0.05, 1], name
        assert [(r["rho"], r["method"]) for r in case["three_level"]] == [
            (0, "REML"),
            (0.6, "REML"),
            (0, "ML"),
            (0.6, "ML"),
        ], name
        assert len(case["aggregate"]) == 8, name
        for fit in (*case["rve"], *case["cr2"], *case["three_level"]):
            assert "error" not in fit and None not in fit.values(), name
            if fit.get("method") == "REML":
                for which in ("between", "within"):
                    limits = fit[f"sigma2_{which}_limits"]
                    assert isinstance(limits, list) and len(limits) == 2, (name, limits)
    zero = [CASES[name]["three_level"][0] for name in CASES]
    assert any(f["sigma2_between"] == 0 < f["sigma2_within"] for f in zero)
    assert any(f["sigma2_within"] == 0 < f["sigma2_between"] for f in zero)
    assert any(f["sigma2_within"] == f["sigma2_between"] == 0 for f in zero)


# ---- RVE and CR2 ----


@pytest.mark.parametrize("name", CASES)
def test_rve_equals_robumeta(name):
    for frozen in CASES[name]["rve"]:
        fit = rve(*data(name), rho=frozen["rho"])
        for field in ("mu", "se", "df", "statistic", "mu_low", "mu_high", "tau2", "i2"):
            scale = frozen["se"] if field.startswith("mu") else 0
            assert close(getattr(fit, field), frozen[field], CLOSED, scale), field
        assert abs(fit.p_value - frozen["p_value"]) <= 1e-13
        assert close(fit.p_value, betainc_p(fit.statistic, fit.df), CLOSED)
        if (name, "p_value") in KNOWN_DIFFERENCES:
            assert not close(fit.p_value, frozen["p_value"], CLOSED)
        order = np.argsort(data(name)[2], kind="stable")
        weights = np.array(frozen["weights"])
        np.testing.assert_allclose(fit.weights[order], 100 * weights / weights.sum(), rtol=CLOSED)
        assert fit.reliable == (frozen["df"] >= 4)


@pytest.mark.parametrize("name", CASES)
def test_cr2_of_random_effects_equals_club_sandwich(name):
    for frozen in CASES[name]["cr2"]:
        fit = cr2(*data(name), tau2=frozen["tau2"])
        for field in ("mu", "se", "df", "p_value"):
            assert close(getattr(fit, field), frozen[field], CLOSED), field


@pytest.mark.parametrize(("name", "i"), FITS)
def test_cr2_of_three_levels_equals_club_sandwich_at_the_same_variances(name, i):
    frozen = CASES[name]["three_level"][i]
    y, v, study = data(name)
    scaled = rows(y, v, study)
    m = model(scaled, frozen["rho"], restricted=True)
    b, w = (frozen[f"sigma2_{part}"] / scaled.unit**2 for part in ("between", "within"))
    at = moments(m, np.array([b]), np.array([w]))
    robust = robust_variance(scaled, at.d[:, 0], m.x, b, m.y - m.x * at.mu[0])
    assert close(scaled.start + scaled.unit * at.mu[0], frozen["cr2"]["mu"], CLOSED, frozen["se"])
    assert close(scaled.unit * robust.variance**0.5, frozen["cr2"]["se"], CLOSED)
    assert close(robust.df, frozen["cr2"]["df"], CLOSED)


@pytest.mark.parametrize(("name", "i"), FITS)
def test_cr2_of_three_levels_equals_dense_matrices_at_its_own_variances(name, i):
    frozen = CASES[name]["three_level"][i]
    y, v, study = data(name)
    fit = fitted(name, frozen["rho"], frozen["method"], "cr2")
    theta = fit.sigma2_between, fit.sigma2_within
    mu, se, df = dense_cr2(y, Dense(y, v, study, frozen["rho"], theta).m, study)
    assert close(fit.mu, mu, DENSE, se)
    assert close(fit.se, se, DENSE)
    assert close(fit.df, df, DENSE)
    for field in ("mu", "se", "df", "pi_low", "pi_high"):
        expected = frozen["cr2"][field]
        assert close(getattr(fit, field), expected, ITERATIVE, frozen["se"]), field


def test_cr2_keeps_its_digits_where_one_study_carries_nearly_all_of_the_weight():
    """Two studies: with p and q = 1 - p of the weight, variance = p q (p + q) D^2 = p q D^2."""
    for share in (1e-2, 1e-5, 1e-9):
        fit = cr2([1.0, 3.0], [share, 1.0], [1, 2], tau2=0.0)
        p = 1 / (1 + share)
        assert close(fit.se, (p * (share * p)) ** 0.5 * 2, 1e-12)
    # Equal variances within studies: the adjustment is 1/sqrt(1 - p) in closed form.
    y, v, study = [1.0, 1.2, 3.0, 2.0], [1e-8, 1e-8, 1.0, 1.0], [1, 1, 2, 3]
    fit = cr2(y, v, study, tau2=0.0)
    weight = np.array([2e8, 1, 1])
    p, rest = weight / weight.sum(), np.array([2, 2e8 + 1, 2e8 + 1]) / weight.sum()
    means = np.array([1.1, 3, 2])
    e = np.array([-(0.9 * p[2] + 1.9 * p[1]), 3 - p @ means, 2 - p @ means])
    assert close(fit.se, ((p * e) ** 2 / rest).sum() ** 0.5, 1e-9)


def test_rve_with_one_row_per_study_is_dersimonian_laird():
    y, v, _ = data("assink2016")
    fit = rve(y, v, np.arange(len(y)))
    other = pool(y, v, method="DL")
    assert close(fit.tau2, other.tau2, 1e-12)
    assert close(fit.mu, other.mu, 1e-12)
    np.testing.assert_allclose(fit.weights, other.weights, rtol=1e-12)


# ---- three levels ----


def test_konstantopoulos_2011_table_5_has_these_variance_components():
    """Unconditional three-level model by ML, Res. Synth. Methods 2:61-76, p. 71."""
    fit = fitted("konstantopoulos2011", 0, "ML", "z")
    assert round(fit.mu, 3) == 0.184 and round(fit.se, 3) == 0.080
    assert round(fit.sigma2_between, 3) == 0.058 and round(fit.sigma2_within, 3) == 0.033


@pytest.mark.parametrize(("name", "i"), FITS)
def test_three_levels_equal_metafor(name, i):
    frozen = CASES[name]["three_level"][i]
    fit = fitted(name, frozen["rho"], frozen["method"])
    total = frozen["sigma2_between"] + frozen["sigma2_within"]
    for field in ("sigma2_between", "sigma2_within"):
        assert abs(getattr(fit, field) - frozen[field]) <= ITERATIVE * total, field
    assert fit.loglik >= frozen["loglik"] - 1e-12 * (1 + abs(frozen["loglik"]))
    assert close(fit.loglik, frozen["loglik"], CLOSED, 10)
    for field in ("mu", "se", "mu_low", "mu_high", "pi_low", "pi_high"):
        assert close(getattr(fit, field), frozen[field], ITERATIVE, frozen["se"]), field
    for field in ("i2_between", "i2_within"):
        assert close(getattr(fit, field), frozen[field], ITERATIVE, 100), field
    assert close(fit.p_value, frozen["p_value"], ITERATIVE * (1 + fit.statistic**2))
    assert fit.df == frozen["df"] == fit.studies - 1
    assert close(fit.q, frozen["q"], CLOSED)
    assert close(fit.q_p, frozen["q_p"], CLOSED * (1 + frozen["q"]))
    np.testing.assert_allclose(fit.weights, frozen["weights"], atol=100 * ITERATIVE)


@pytest.mark.parametrize(("name", "i"), FITS)
def test_the_normal_test_changes_only_the_inference(name, i):
    frozen = CASES[name]["three_level"][i]
    fit = fitted(name, frozen["rho"], frozen["method"], "z")
    assert fit.df == np.inf
    assert close(fit.p_value, frozen["z_p_value"], ITERATIVE * (1 + fit.statistic**2))
    for side in ("low", "high"):
        expected = frozen[f"z_mu_{side}"]
        assert close(getattr(fit, f"mu_{side}"), expected, ITERATIVE, frozen["se"])
        same = getattr(fitted(name, frozen["rho"], frozen["method"]), f"pi_{side}")
        assert getattr(fit, f"pi_{side}") == same


@pytest.mark.parametrize(("name", "i"), FITS)
def test_the_maximum_is_that_of_dense_matrices(name, i):
    """A dense climb from two per cent away ends where ours does; no grid point is higher."""
    frozen = CASES[name]["three_level"][i]
    rho, restricted = frozen["rho"], frozen["method"] == "REML"
    fit = fitted(name, rho, frozen["method"])
    ours = np.array([fit.sigma2_between, fit.sigma2_within])
    theta, at = dense_climb(name, rho, ours * 1.02, np.array([True, True]), restricted)
    scale = max(theta.sum(), 1e-3 * np.median(data(name)[1]))
    assert (np.abs(theta - ours) <= DENSE * scale).all()
    assert close(fit.loglik, at.loglik, DENSE, 1)
    assert close(fit.mu, at.mu, DENSE, at.se)
    assert close(fit.se, at.se, DENSE)
    assert (at.score[theta == 0] <= 0).all()
    grid = np.append(0, np.geomspace(1e-2, 1e1, 4)) * (theta.sum() or scale)
    heights = [
        Dense(*data(name), rho, np.array([b, w]), restricted).loglik for b in grid for w in grid
    ]
    assert max(heights) <= fit.loglik + 1e-9


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("rho", [0.0, 0.6])
@pytest.mark.parametrize("name", ["assink2016", "far_variances", "one_large_study"])
def test_score_and_hessian_equal_dense_matrices(name, rho, restricted):
    y, v, study = data(name)
    scaled = rows(y, v, study)
    m, u2 = model(scaled, rho, restricted), scaled.unit**2
    for theta in ([0.0, 0.0], [0.0, 0.1], [0.3, 0.0], [0.2, 0.05], [50.0, 0.01]):
        at = derivatives(m, np.array(theta) / u2)
        dense = Dense(y, v, study, rho, theta, restricted)
        np.testing.assert_allclose(at.score / u2, dense.score, rtol=1e-7, atol=1e-7)
        scale = np.abs(dense.hessian).max()
        np.testing.assert_allclose(at.hessian / u2**2, dense.hessian, rtol=1e-7, atol=1e-9 * scale)


def test_a_climb_leaves_zero_where_the_likelihood_rises_and_stays_where_it_falls():
    for name, ends in (("konstantopoulos2011", (True, True)), ("within_zero", (True, False))):
        y, v, study = data(name)
        m = model(rows(y, v, study), 0.0, restricted=True)
        theta, _ = ascend(m, np.zeros(2), np.array([True, True]))
        assert tuple(theta > 0) == ends
        fit = fitted(name, 0)
        expected = np.array([fit.sigma2_between, fit.sigma2_within]) / rows(y, v, study).unit ** 2
        np.testing.assert_allclose(theta, expected, rtol=1e-9)


def profile_fall(name, rho, which, limit, fit):
    """How far the dense profile at `limit` lies below the maximum, over a grid and a climb."""
    total = fit.tau2 or np.median(data(name)[1])
    movable = np.arange(2) != which
    best = -np.inf
    for start in np.append(0, np.geomspace(1e-4, 10, 11)) * total:
        theta = np.where(movable, start, limit)
        height = Dense(*data(name), rho, theta).loglik
        if height > best:
            best, peak = height, theta
    _, at = dense_climb(name, rho, peak, movable)
    return fit.loglik - max(best, at.loglik)


@pytest.mark.parametrize(("name", "i"), REML_FITS)
@pytest.mark.parametrize("which", ["between", "within"])
def test_profile_limits_are_where_dense_matrices_fall_by_half_chi_squared(name, i, which):
    frozen = CASES[name]["three_level"][i]
    fit = fitted(name, frozen["rho"])
    drop = chdtri(1, 0.05) / 2
    for side in ("low", "high"):
        limit = getattr(fit, f"sigma2_{which}_{side}")
        fall = profile_fall(name, frozen["rho"], int(which == "within"), limit, fit)
        if limit == 0:
            assert fall <= drop + 1e-9
        else:
            assert abs(fall - drop) <= 1e-8
    low, high = (getattr(fit, f"sigma2_{which}_{side}") for side in ("low", "high"))
    assert low <= getattr(fit, f"sigma2_{which}") <= high
    assert not fit.disconnected


@pytest.mark.parametrize(("name", "i"), REML_FITS)
@pytest.mark.parametrize("which", ["between", "within"])
def test_profile_limits_equal_metafor(name, i, which):
    frozen = CASES[name]["three_level"][i]
    fit = fitted(name, frozen["rho"])
    for side, expected in zip(("low", "high"), frozen[f"sigma2_{which}_limits"], strict=True):
        value = getattr(fit, f"sigma2_{which}_{side}")
        assert close(value, expected, ITERATIVE, 1e-3 * fit.tau2), side


def test_balanced_rows_with_equal_variances_give_the_anova_estimates():
    """REML then equates mean squares and expectations: MSW - v, and (MSB - MSW)/m."""
    generator = np.random.default_rng(20)
    n, m, v = 7, 4, 0.05
    y = generator.normal(size=n)[:, None] + 0.6 * generator.normal(size=(n, m))
    msw = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum() / (n * (m - 1))
    msb = m * y.mean(axis=1).var(ddof=1)
    study = np.repeat(np.arange(n), m)
    fit = three_level(y.ravel(), np.full(n * m, v), study)
    assert close(fit.sigma2_within, msw - v, 1e-11)
    assert close(fit.sigma2_between, (msb - msw) / m, 1e-11)
    assert close(fit.se, (msb / (n * m)) ** 0.5, 1e-11)
    # With correlated errors rho v moves from within to between, and nothing else changes.
    other = three_level(y.ravel(), np.full(n * m, v), study, rho=0.5)
    assert close(other.sigma2_within, msw - v / 2, 1e-11)
    assert close(other.sigma2_between, (msb - msw) / m - v / 2, 1e-11)
    assert close(other.se, fit.se, 1e-11)


@pytest.mark.parametrize("scale", [1e-6, 1e5])
@pytest.mark.parametrize("name", ["konstantopoulos2011", "within_zero", "one_large_study"])
def test_every_method_follows_units_location_order_and_labels(name, scale):
    y, v, study = data(name)
    order = np.random.default_rng(1).permutation(len(y))
    changed = (scale * (y[order] + 3), scale**2 * v[order], 900 - 7 * study[order])
    pairs = [
        (fitted(name, 0.6, test="cr2"), three_level(*changed, rho=0.6, test="cr2")),
        (rve(y, v, study), rve(*changed)),
        (cr2(y, v, study, tau2=0.1), cr2(*changed, tau2=0.1 * scale**2)),
    ]
    for before, after in pairs:
        assert close(after.mu, scale * (before.mu + 3), 1e-9)
        assert close(after.se, scale * before.se, 1e-9)
        assert close(after.df, before.df, 1e-9)
        assert close(after.tau2, scale**2 * before.tau2, 1e-9)
        np.testing.assert_allclose(after.weights, before.weights[order], rtol=1e-8)
    before, after = pairs[0]
    for field in ("sigma2_between_high", "sigma2_within_high", "sigma2_within_low"):
        assert close(getattr(after, field), scale**2 * getattr(before, field), 1e-8), field


def test_the_level_widens_every_interval():
    for test in ("z", "t", "cr2"):
        narrow, wide = (
            three_level(*data("konstantopoulos2011"), level=level, test=test) for level in (80, 99)
        )
        assert wide.mu_low < narrow.mu_low and wide.pi_high > narrow.pi_high
        assert wide.sigma2_between_low < narrow.sigma2_between_low
        assert wide.sigma2_within_high > narrow.sigma2_within_high
    fit = fitted("konstantopoulos2011", 0, test="z")
    assert close(fit.mu_high - fit.mu, ndtri(0.975) * fit.se, 1e-12)


def test_identical_effects_have_no_variance_and_their_own_mean():
    fit = three_level([0.3] * 5, [0.1, 0.2, 0.1, 0.3, 0.2], [1, 1, 2, 2, 3])
    assert fit.sigma2_between == fit.sigma2_within == fit.q == fit.i2 == 0
    assert fit.mu == 0.3
    assert fit.sigma2_between_low == 0 < fit.sigma2_between_high


# ---- composites ----


@pytest.mark.parametrize("name", CASES)
def test_composites_equal_metafor(name):
    y, v, study = data(name)
    for frozen in CASES[name]["aggregate"]:
        arguments = (y, v, study, frozen["rho"], frozen["weighted"])
        if "error" in frozen:
            assert "non-positive-definite" in frozen["error"]
            with pytest.raises(ValueError, match="largest study"):
                aggregate(*arguments)
            continue
        composite = aggregate(*arguments)
        np.testing.assert_allclose(composite.v, frozen["v"], rtol=CLOSED)
        assert (
            np.abs(composite.y - frozen["y"]) <= CLOSED * (np.abs(frozen["y"]) + composite.v**0.5)
        ).all()


@pytest.mark.parametrize("rho", [-0.2, 0.0, 0.7, 1 - 1e-7])
def test_composites_equal_dense_matrices(rho):
    y, v, study = np.array([0.1, 0.5, 0.2, 0.9]), np.array([1.0, 1.0, 1.0, 2.0]), [1, 1, 1, 2]
    block = sampling(v[:3], np.ones(3), rho)
    w = np.linalg.inv(block)
    for weighted, row in ((True, w.sum(axis=0) / w.sum()), (False, np.full(3, 1 / 3))):
        composite = aggregate(y, v, study, rho, weighted)
        assert close(composite.y[0], row @ y[:3], 1e-8)
        assert close(composite.v[0], row @ block @ row, 1e-8)
        assert composite.y[1] == 0.9 and composite.v[1] == 2.0
        assert composite.rows.tolist() == [3, 1] and composite.study.tolist() == [1, 2]


def test_perfect_correlation_needs_equal_variances_unless_the_mean_is_taken():
    composite = aggregate([0.1, 0.5, 0.3], [2.0, 2.0, 1.0], [1, 1, 2], rho=1)
    assert close(composite.y[0], 0.3, 1e-15) and close(composite.v[0], 2.0, 1e-15)
    with pytest.raises(NotIdentified, match="study 1 differ"):
        aggregate([0.1, 0.5, 0.3], [2.0, 1.0, 1.0], [1, 1, 2], rho=1)
    mean = aggregate([0.1, 0.5], [4.0, 1.0], [1, 1], rho=1, weighted=False)
    assert close(mean.v[0], 2.25, 1e-15)


def test_a_composite_outside_its_rows_is_marked():
    composite = aggregate([0.0, 1.0, 0.4], [0.1, 1.0, 1.0], [1, 1, 2], rho=0.9)
    assert composite.outside.tolist() == [True, False]
    assert composite.y[0] < 0
    assert not aggregate([0.0, 1.0, 0.4], [0.1, 1.0, 1.0], [1, 1, 2], rho=0.1).outside.any()


# ---- refusals ----


def test_what_the_data_cannot_answer_is_refused_with_its_reason():
    one = ([0.1, 0.2], [0.1, 0.1], [1, 1])
    for function in (rve, three_level, lambda *d: cr2(*d, tau2=0)):
        with pytest.raises(NotIdentified, match="one study"):
            function(*one)
        with pytest.raises(NotIdentified, match="one study"):
            function([0.1], [0.1], [1])
    with pytest.raises(NotIdentified, match="one row"):
        three_level([0.1, 0.2, 0.5], [0.1, 0.1, 0.2], [1, 2, 3])
    agree = ([0.1, 0.3, 0.2, 0.2], [0.1, 0.1, 0.2, 0.2], [1, 1, 2, 2])
    for function in (rve, lambda *d: cr2(*d, tau2=0), lambda *d: three_level(*d, test="cr2")):
        with pytest.raises(NotIdentified, match="agree exactly"):
            function(*agree)
    far = ([0.1, 0.3, 0.2], [1e-14, 1.0, 1.0], [1, 2, 3])
    for function in (rve, lambda *d: cr2(*d, tau2=0)):
        with pytest.raises(NotIdentified, match="all of the weight"):
            function([0.1, 0.1, 0.1001], *far[1:])
    with pytest.raises(NotIdentified, match="singular"):
        three_level([0.1, 0.3, 0.2], [1e-13, 1.0, 1.0], [1, 1, 2], rho=0.9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([], [], []), "one length"),
        (([1, 2], [1, 1], [1]), "one length"),
        (([[1, 2]], [[1, 1]], [[1, 2]]), "one length"),
        (([1, np.nan], [1, 1], [1, 2]), "finite"),
        (([1, 2], [1, 0], [1, 2]), "positive"),
        (([1, 2], [1, np.inf], [1, 2]), "finite"),
        (([1, 2], [1, 1], [1, 1.5]), "whole numbers"),
        (([1, 2], [1, 1], ["a", "b"]), "whole numbers"),
        (([1, 2], [1, 1], [1, np.nan]), "whole numbers"),
    ],
)
def test_input_that_is_not_data_is_an_error(arguments, words):
    functions = (rve, three_level, lambda *d: cr2(*d, tau2=0), lambda *d: aggregate(*d, rho=0.5))
    for function in functions:
        with pytest.raises(ValueError, match=words):
            function(*arguments)


def test_settings_out_of_range_are_errors():
    some = data("berkey1998")
    for call in (
        lambda: rve(*some, rho=1.1),
        lambda: rve(*some, level=100),
        lambda: cr2(*some, tau2=-0.1),
        lambda: cr2(*some, tau2=np.nan),
        lambda: three_level(*some, rho=1.0),
        lambda: three_level(*some, rho=-0.1),
        lambda: three_level(*some, level=0),
        lambda: aggregate(*some, rho=-1.0),
        lambda: aggregate(*some, rho=1.01),
        lambda: aggregate(*some, rho=np.nan),
    ):
        with pytest.raises(ValueError, match=r"must (lie|be)"):
            call()
    for setting in ({"test": "knha"}, {"method": "DL"}):
        with pytest.raises(KeyError):
            three_level(*some, **setting)
