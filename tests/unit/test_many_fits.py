"""Many fits at once are the fits alone, bit for bit, and lose no maximum."""

from dataclasses import fields

import numpy as np
import pytest

from metamill.pooling import METHODS, maxima, normal_mean, pool, resampling
from metamill.pooling.heterogeneity import estimate_tau2, pairs
from metamill.pooling.identified import NotIdentified
from metamill.pooling.profile import loglik
from metamill.pooling.regression import regress
from metamill.pooling.resampling import parametric_bootstrap, permutation_fits
from metamill.pooling.residual_tau2 import METHODS as RESIDUAL
from metamill.pooling.residual_tau2 import fitted, residual_tau2
from metamill.pooling.subset_sample import every_subset
from metamill.pooling.subsets import SubsetFits, fit_subsets

NAMES = [field.name for field in fields(SubsetFits)]


def made_up(k, seed, kind="plain"):
    """Effects and variances: plain, one study of tiny variance, precise studies that agree among
    others that do not, or one far effect."""
    generator = np.random.default_rng(seed)
    v = np.exp(generator.normal(-2.5, 1.0, k))
    y = generator.normal(0.0, np.sqrt(v + 0.15))
    if kind == "tiny":
        v[seed % k] = 1e-6
    if kind == "bimodal":
        half = k // 2
        v = np.append(np.exp(0.3 * y[:half]), 1e-4 * np.exp(y[half:]))
        side = np.where(np.arange(k) % 2, 1.0, -1.0)
        y = generator.normal(np.where(np.arange(k) < half, 5 * side, 0.0), 1.3 * np.sqrt(v))
    if kind == "far":
        y[0] += 1e6
    return y, v


KINDS = ("plain", "tiny", "bimodal", "far")


def drawn_masks(k, m, seed):
    keep = np.random.default_rng(seed).random((k, m)) < 0.5
    keep[:2, keep.sum(axis=0) < 2] = True
    return keep.astype(np.uint8)


def all_masks(k):
    return np.hstack([np.eye(k, dtype=np.uint8), every_subset(k)])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_subset_has_the_bits_of_pool_of_its_studies_alone(kind, method):
    y, v = made_up(9, 3, kind)
    keep = all_masks(9)
    fits = fit_subsets(y, v, keep, method)
    for column in range(0, keep.shape[1], 11):
        inside = keep[:, column] > 0
        alone = pool(y[inside], v[inside], method, "z")
        for name in NAMES:
            found, expected = getattr(fits, name)[column], getattr(alone, name)
            assert np.array_equal(found, expected, equal_nan=True), (name, column)


@pytest.mark.parametrize("method", ["EE", "DL", "ML", "REML", "PM"])
def test_subsets_in_any_company_have_the_same_bits(method):
    """Alone, in a few, and beyond the number that is looked at together."""
    y, v = made_up(12, 8, "bimodal")
    keep = drawn_masks(12, 9001, 1)
    together = fit_subsets(y, v, keep, method)
    for columns in (slice(0, 1), slice(4, 9), slice(100, 700)):
        for name in NAMES:
            apart = getattr(fit_subsets(y, v, keep[:, columns], method), name)
            assert np.array_equal(apart, getattr(together, name)[columns], equal_nan=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["ML", "REML"])
def test_a_mask_is_the_removal_of_its_rows_in_pool_and_whatever_is_shared(kind, method):
    y, v = made_up(14, 5, kind)
    keep = drawn_masks(14, 60, 2).astype(float)
    columns = [np.repeat(x[:, None], 60, axis=1) for x in (y, v)]
    masked = pool(*columns, method, "z", keep=keep)
    for j in range(60):
        inside = keep[:, j] > 0
        alone = pool(y[inside], v[inside], method, "z")
        assert (alone.tau2, alone.mu, alone.q) == (masked.tau2[j], masked.mu[j], masked.q[j])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["ML", "REML"])
def test_products_of_matrices_decide_nothing(monkeypatch, kind, method):
    """With nothing shared every data set is looked at by itself."""
    y, v = made_up(14, 6, kind)
    keep = drawn_masks(14, 500, 3).astype(float)
    columns = [np.repeat(x[:, None], 500, axis=1) for x in (y, v)]
    fast = estimate_tau2(*columns, keep, method)
    monkeypatch.setattr(normal_mean, "_FEW", 10**9)
    assert np.array_equal(fast, estimate_tau2(*columns, keep, method))


def test_a_power_of_2_as_unit_changes_no_bit():
    y, v = made_up(10, 7, "bimodal")
    keep = drawn_masks(10, 300, 4)
    plain, other = fit_subsets(y, v, keep), fit_subsets(y * 2.0**70, v * 4.0**70, keep)
    assert np.array_equal(plain.tau2 * 4.0**70, other.tau2)
    assert np.array_equal(plain.mu * 2.0**70, other.mu)
    assert np.array_equal(plain.i2, other.i2, equal_nan=True)


def test_variances_too_far_apart_for_common_units_are_fitted_each_in_their_own():
    y, v = np.array([0.1, 0.9, -0.4, 1e60, 3e60]), np.array([0.1, 0.2, 0.3, 1e119, 2e119])
    keep = all_masks(5)
    fits = fit_subsets(y, v, keep)
    for column in range(keep.shape[1]):
        inside = keep[:, column] > 0
        alone = pool(y[inside], v[inside], "REML", "z")
        assert (fits.mu[column], fits.tau2[column]) == (alone.mu, alone.tau2)


def lost(y, v, restricted, seed, m):
    """How far the maximum found lies below the highest of 2,000 points, for m random subsets."""
    keep = drawn_masks(len(y), m, seed).astype(float)
    columns = [np.repeat(x[:, None], m, axis=1) for x in (y, v)]
    found = estimate_tau2(*columns, keep, "REML" if restricted else "ML")
    at_found = loglik(*columns, keep, found, restricted)
    spread = 2 * np.ptp(y) ** 2
    best = loglik(*columns, keep, np.zeros(m), restricted)
    for tau2 in np.geomspace(1e-5 * v.min(), spread, 2000):
        best = np.maximum(best, loglik(*columns, keep, np.full(m, tau2), restricted))
    return best - at_found, 1 + np.abs(at_found)


@pytest.mark.slow
@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("kind", ["plain", "tiny", "bimodal"])
def test_no_maximum_is_lower_than_an_exhaustive_scan_of_20000_subsets(kind, restricted):
    for seed in range(20):
        below, size = lost(*made_up(9, seed, kind), restricted, seed, 1000)
        assert (below <= 1e-12 * size).all()


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("kind", ["tiny", "bimodal"])
def test_no_maximum_is_lower_than_an_exhaustive_scan(kind, restricted):
    below, size = lost(*made_up(8, 4, kind), restricted, 4, 60)
    assert (below <= 1e-12 * size).all()


def test_some_of_these_likelihoods_have_several_maxima():
    """Else the tests above would test nothing."""
    several = 0
    for seed in range(8):
        y, v = made_up(8, seed, "bimodal")
        points = np.geomspace(1e-7, 40, 400)
        columns = [np.repeat(x[:, None], 400, axis=1) for x in (y, v)]
        heights = loglik(*columns, np.ones((8, 400)), points, True)
        several += int((np.diff(np.sign(np.diff(heights))) < 0).sum() > 1)
    assert several >= 3


def test_sums_over_pairs_are_the_same_by_rows_and_by_columns():
    w = np.random.default_rng(2).exponential(size=(20, 400))
    assert np.array_equal(pairs(w)[:100], pairs(np.ascontiguousarray(w[:, :100])))


def test_lattice_points_are_exact_and_enclose_every_number():
    x = np.append(np.random.default_rng(3).exponential(size=500), [1.0, np.sqrt(2.0), 2.0, 1e-200])
    index = maxima.lattice_index(x)
    assert (maxima.lattice_point(index) <= x).all() and (x < maxima.lattice_point(index + 1)).all()
    assert np.array_equal(maxima.lattice_index(x * 2.0**40), index + 80)


def test_blocks_cover_every_column_and_leave_none_alone():
    for count in (2, 3, 64, 65, 66, 4096, 4097, 8193):
        parts = list(maxima.blocks(count, 2000))
        assert [i for part in parts for i in range(part.start, part.stop)] == list(range(count))
        assert all(part.stop - part.start > 1 for part in parts)


@pytest.mark.parametrize(
    "keep", [np.zeros((3, 2)), np.ones((2, 2)), np.ones(3)], ids=["empty", "shape", "vector"]
)
def test_subsets_that_are_none_are_refused(keep):
    with pytest.raises(ValueError, match=r"no study|keep has shape"):
        fit_subsets([0.1, 0.2, 0.3], [1.0, 1.0, 1.0], keep)


def test_an_unknown_method_is_refused():
    with pytest.raises(KeyError):
        fit_subsets([0.1, 0.2], [1.0, 1.0], np.ones((2, 1)), "MEDIAN")
    with pytest.raises(KeyError):
        parametric_bootstrap([0.1, 0.2], [1.0, 1.0], 0.0, 0.1, 3, 1, "MEDIAN")


def test_identical_effects_have_no_heterogeneity_in_any_subset():
    fits = fit_subsets(np.full(6, 0.1), made_up(6, 1)[1], all_masks(6))
    assert not fits.tau2.any() and not fits.q.any() and (fits.mu == 0.1).all()


# ---- permutations ----

MODERATORS = {
    "normal": lambda r, k: r.normal(size=k),
    "rare": lambda r, k: (np.arange(k) < 3).astype(float),
    "year": lambda r, k: 2000.0 + r.integers(0, 20, k),
}


def permuted(k, seed, moderator, m):
    generator = np.random.default_rng(seed)
    z = MODERATORS[moderator](generator, k)
    order = np.array([generator.permutation(k) for _ in range(m)])
    return np.column_stack([np.ones(k), z]), order


@pytest.mark.parametrize("moderator", MODERATORS)
@pytest.mark.parametrize("method", RESIDUAL)
def test_every_permutation_has_the_bits_of_regress_alone(method, moderator):
    y, v = made_up(18, 9, "bimodal" if moderator == "rare" else "plain")
    x, order = permuted(18, 9, moderator, 400)
    test = ("z", "knha", "adhoc", "t")[len(method + moderator) % 4]
    statistics, together = permutation_fits(y, v, x, method, test, order)
    for row in range(0, 400, 40):
        back = np.argsort(order[row])
        alone = regress(y[back], v[back], x, method, test)
        assert np.array_equal(statistics[:, row], alone.statistic)
        assert together[row] == alone.qm


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_permutations_of_any_design_are_those_of_regress(columns):
    generator = np.random.default_rng(columns)
    y, v = made_up(12, 2)
    x = generator.normal(size=(12, columns))
    order = np.array([generator.permutation(12) for _ in range(40)])
    statistics, together = permutation_fits(y, v, x, "REML", "knha", order)
    for row in (0, 17, 39):
        back = np.argsort(order[row])
        alone = regress(y[back], v[back], x, "REML", "knha")
        assert np.array_equal(statistics[:, row], alone.statistic) and together[row] == alone.qm


def test_the_order_that_changes_nothing_gives_the_analysis_itself():
    y, v = made_up(15, 1)
    x, _ = permuted(15, 1, "normal", 1)
    statistics, together = permutation_fits(y, v, x, "REML", "adhoc", [np.arange(15)])
    fit = regress(y, v, x)
    assert np.array_equal(statistics[:, 0], fit.statistic) and together[0] == fit.qm


def test_permuted_rows_are_those_of_the_design():
    """Row order[j] of the design stands beside effect j."""
    y, v = made_up(10, 3)
    x, order = permuted(10, 3, "normal", 1)
    statistics, _ = permutation_fits(y, v, x, "REML", "z", order)
    expected = regress(y, v, x[order[0]], test="z").statistic
    np.testing.assert_allclose(statistics[:, 0], expected, rtol=1e-10)


def test_what_is_no_permutation_is_refused():
    y, v = made_up(5, 3)
    x = np.column_stack([np.ones(5), np.arange(5.0)])
    for order in ([[0, 1, 2, 3, 3]], [[0, 1, 2, 3]], [0, 1, 2, 3, 4]):
        with pytest.raises(ValueError, match="permutations"):
            permutation_fits(y, v, x, "REML", "z", order)
    with pytest.raises(NotIdentified):
        permutation_fits(y, v, np.ones((5, 2)), "REML", "z", [range(5)])


@pytest.mark.parametrize("restricted", ["ML", "REML"])
def test_products_of_matrices_decide_nothing_of_permutations(monkeypatch, restricted):
    y, v = made_up(16, 4, "bimodal")
    x, order = permuted(16, 4, "normal", 600)
    fast = permutation_fits(y, v, x, restricted, "z", order)
    monkeypatch.setattr(
        resampling,
        "_highest",
        lambda y, v, ys, vs, design, *_: residual_tau2(ys, vs, design, restricted),
    )
    slow = permutation_fits(y, v, x, restricted, "z", order)
    assert all(np.array_equal(a, b) for a, b in zip(fast, slow, strict=True))


def test_no_maximum_of_a_regression_is_lower_than_a_scan():
    for seed in range(6):
        y, v = made_up(9, seed, "bimodal")
        x, _ = permuted(9, seed, "normal", 1)
        points = np.append(0.0, np.geomspace(1e-7, 2 * np.ptp(y) ** 2, 2000))
        found = residual_tau2(*(np.repeat(a[:, None], 2, axis=1) for a in (y, v)), x, "REML")[0]
        at = fitted(y[:, None], v[:, None], x, np.append(points, found))
        heights = -0.5 * np.log(v[:, None] + np.append(points, found)).sum(axis=0) - 0.5 * at.q
        heights -= np.log(at.upper[0, 0]) + np.log(at.upper[1, 1])
        assert heights[-1] >= heights.max() - 1e-12 * (1 + abs(heights[-1]))


# ---- parametric bootstrap ----


def test_drawn_data_sets_depend_on_the_seed_and_not_on_their_number():
    y, v = made_up(15, 1)
    few, many = (parametric_bootstrap(y, v, 0.3, 0.1, n, 5, "REML") for n in (7, 9000))
    assert all(np.array_equal(a, b[:7]) for a, b in zip(few, many, strict=True))
    other = parametric_bootstrap(y, v, 0.3, 0.1, 7, 6, "REML")
    assert not np.array_equal(few[0], other[0])


def test_drawn_means_and_variances_are_those_of_the_model():
    """With equal v the mean has variance (v + tau2)/k, and DL's raw tau2 is unbiased."""
    v = np.full(20, 0.2)
    means, tau2 = parametric_bootstrap(np.zeros(20), v, 0.3, 0.5, 20_000, 2, "DL")
    assert abs(means.mean() - 0.3) < 5 * np.sqrt(0.035 / 20_000)
    assert abs(means.var() / 0.035 - 1) < 0.05 and abs(tau2.mean() - 0.5) < 0.01


@pytest.mark.parametrize("bad", [(np.nan, 0.1, 3), (0.0, -1.0, 3), (0.0, 0.1, 0)])
def test_a_model_that_cannot_be_drawn_from_is_refused(bad):
    with pytest.raises(ValueError, match="nothing to draw"):
        parametric_bootstrap([0.1, 0.2], [1.0, 1.0], *bad, 1, "REML")


@pytest.mark.parametrize("method", ["ML", "REML"])
@pytest.mark.parametrize("precise", [1.0, 1e-4])
def test_each_of_many_studies_left_out_is_the_fit_of_the_others(method, precise):
    """The sums of all studies less one of them stand in for products; no bit shows it."""
    generator = np.random.default_rng(4)
    v = np.exp(generator.normal(-2.5, 1.0, 450))
    v[7] *= precise
    y = generator.normal(0.2, np.sqrt(v + 0.15))
    found = fit_subsets(y, v, 1 - np.eye(450), method)
    for left_out in (0, 7, int(v.argmin()), int(v.argmax()), 300, 449):
        alone = pool(np.delete(y, left_out), np.delete(v, left_out), method, "z")
        assert (alone.mu, alone.tau2, alone.q) == tuple(
            float(values[left_out]) for values in (found.mu, found.tau2, found.q)
        )
