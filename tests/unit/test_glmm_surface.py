"""Fits of many subsets by surfaces of the studies' likelihoods equal one fit per subset."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from metamill.pooling import glmm_surface
from metamill.pooling.glmm import (
    NotIdentified,
    conditional_studies,
    point_fits,
    proportion_studies,
    rate_studies,
    surface_fits,
)
from metamill.pooling.glmm_cells import POINTS, cell_of, tau_of
from metamill.pooling.glmm_families import refusal, take
from metamill.pooling.glmm_maximum import maximise
from metamill.pooling.glmm_quadrature import likelihood, values

FROZEN = json.loads((Path(__file__).parents[1] / "reference/glmm.json").read_text())
PROPORTIONS = ("pritz1997", "debruin2009", "bcg_treated", "li2007_control", "rare_events")
RATES = ("nielweise2008_treated", "rare_rates")
SETS = (*PROPORTIONS, *RATES, "bcg CM.AL", "small_ratios CM.EL")
ACCURATE = 1e-6


def studies_of(name):
    case = next(
        case
        for group in ("cases", "rates", "odds_ratios")
        for case in FROZEN[group]
        if case["set"] == name
    )
    if name in PROPORTIONS:
        return proportion_studies(case["events"], case["total"])
    if name in RATES:
        return rate_studies(case["events"], case["time"])
    arms = ("events_treatment", "total_treatment", "events_control", "total_control")
    arrays = [case[arm] for arm in arms]
    return conditional_studies(*arrays, likelihood=case["likelihood"])[0]


def subsets(k, m, seed):
    rng = np.random.default_rng(seed)
    return (rng.random((k, m)) < rng.choice([0.3, 0.5, 0.8], m)).astype(float)


def single(studies, column):
    part = take(studies, column > 0)
    try:
        return maximise(part) if refusal(part) is None else None
    except NotIdentified:
        return None


def check(name, m, seed):
    studies = studies_of(name)
    keep = subsets(len(studies.x), m, seed)
    mu, se, tau2 = surface_fits(studies, keep)
    boundaries = 0
    for i in range(m):
        one = single(studies, keep[:, i])
        if one is None:
            assert np.isnan([mu[i], se[i], tau2[i]]).all()
            continue
        assert abs(mu[i] - one.mu) <= ACCURATE * (1 + abs(one.mu))
        if one.tau > 0.01:
            assert abs(np.sqrt(tau2[i]) - one.tau) <= ACCURATE
        else:
            assert abs(tau2[i] - one.tau**2) <= ACCURATE
        assert se[i] == pytest.approx(np.sqrt(one.covariance[0, 0]), rel=1e-3)
        assert (tau2[i] == 0) == (one.tau == 0)
        boundaries += one.tau == 0
    return boundaries


@pytest.mark.parametrize("name", SETS)
def test_a_subset_by_the_surface_is_its_own_fit(name):
    check(name, 70, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PROPORTIONS, "nielweise2008_treated"])
def test_a_thousand_subsets_by_the_surface_are_their_own_fits(name):
    check(name, 1000, 2)


def test_subsets_at_the_boundary_are_among_those_checked():
    assert check("rare_events", 40, 3) > 3


def test_all_subsets_include_those_that_identify_nothing():
    studies = proportion_studies([0, 0, 3, 5, 20], [15, 20, 18, 30, 20])
    keep = np.array(list(product((0, 1), repeat=5))).T
    mu, _, tau2 = surface_fits(studies, keep)
    for i, column in enumerate(keep.T):
        one = single(studies, column)
        assert np.isnan(mu[i]) == (one is None), column
        if one is not None:
            assert mu[i] == pytest.approx(one.mu, abs=ACCURATE)
            assert tau2[i] == pytest.approx(one.tau**2, abs=ACCURATE)
    assert np.isnan(mu).sum() > 6


def test_no_subsets_are_no_fits():
    studies = studies_of("pritz1997")
    assert [len(values) for values in surface_fits(studies, np.zeros((14, 0)))] == [0, 0, 0]
    assert np.isnan(surface_fits(studies, np.zeros((14, 3)))).all()


@pytest.mark.parametrize("keep", [np.ones((3, 2)), np.full((14, 2), 0.5), np.ones(14)])
def test_what_is_no_subset_is_a_value_error(keep):
    for fits in (surface_fits, point_fits):
        with pytest.raises(ValueError, match="one row per study"):
            fits(studies_of("pritz1997"), keep)


def test_many_subsets_of_point_fits_are_those_of_the_surface_and_few_agree():
    studies = studies_of("debruin2009")
    keep = subsets(13, 80, 4)
    many, few = point_fits(studies, keep), point_fits(studies, keep[:, :20])
    for all_of_them, some in zip(many, few, strict=True):
        np.testing.assert_allclose(all_of_them[:20], some, atol=1e-7, equal_nan=True)
    np.testing.assert_array_equal(many, surface_fits(studies, keep))


def test_the_order_and_the_number_of_subsets_decide_nothing():
    studies = studies_of("pritz1997")
    keep = subsets(14, 90, 5)
    order = np.random.default_rng(6).permutation(90)
    straight, mixed = surface_fits(studies, keep), surface_fits(studies, keep[:, order])
    np.testing.assert_allclose(np.array(straight)[:, order], mixed, rtol=1e-9)


def test_a_subset_that_the_surface_loses_is_fitted_alone(monkeypatch):
    studies = studies_of("debruin2009")
    keep = subsets(13, 12, 7)
    straight = surface_fits(studies, keep)
    monkeypatch.setattr(glmm_surface, "_MOVES", 0)
    np.testing.assert_allclose(surface_fits(studies, keep), straight, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("name", ["pritz1997", "bcg_treated", "nielweise2008_treated"])
def test_values_at_many_points_are_the_likelihood_at_each(name):
    studies = studies_of(name)
    mu, tau = np.array([-3.0, -1.0, 0.2, -2.0]), np.array([0.003, 0.1, 0.9, 7.0])
    found = values(studies, mu, tau)
    for i in range(4):
        expected = likelihood(studies, mu[i], tau[i]).value[0]
        assert found[i].sum() == pytest.approx(expected, rel=1e-11)


def test_a_cell_interpolates_the_likelihood_of_every_study():
    studies = studies_of("pritz1997")
    cell = cell_of(studies, 0.24, -2.0, 1.5)
    rng = np.random.default_rng(8)
    mu = cell.mu_middle + cell.mu_half * rng.uniform(-1, 1, 20)
    s = cell.s_middle + cell.s_half * rng.uniform(-1, 1, 20)
    expected = values(studies, mu, tau_of(s, 0.24))
    coefficients = cell.coefficients.reshape(-1, POINTS, POINTS)
    for i in range(20):
        angles = (
            np.arccos((mu[i] - cell.mu_middle) / cell.mu_half),
            np.arccos((s[i] - cell.s_middle) / cell.s_half),
        )
        by_mu, by_s = (np.cos(np.arange(POINTS) * angle) for angle in angles)
        found = by_mu @ coefficients @ by_s
        np.testing.assert_allclose(found, expected[i], rtol=1e-10, atol=1e-10)


def test_the_higher_of_two_maxima_is_taken():
    """Large studies that agree beside small ones that do not: now this, now that peak is higher."""
    events = np.array([590, 637, 626, 609, 561, 4, 1, 2, 3, 13])
    studies = proportion_studies(events, [2000, 2000, 2000, 2000, 2000, 11, 31, 20, 39, 32])
    keep = (np.random.default_rng(9).random((10, 100)) < 0.8).astype(float)
    mu, _, tau2 = surface_fits(studies, keep)
    ones = [single(studies, column) for column in keep.T]
    np.testing.assert_allclose(mu, [one.mu for one in ones], atol=ACCURATE)
    np.testing.assert_allclose(np.sqrt(tau2), [one.tau for one in ones], atol=ACCURATE)
    assert (tau2 > 0.1).sum() > 10
    assert ((tau2 > 0) & (tau2 < 0.01)).sum() > 10
