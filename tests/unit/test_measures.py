"""What holds of effect measures whatever the data: exactness, limits, refusals, symmetries."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from metamill.figures.forest.columns import LAYOUTS
from metamill.measures import MEASURES, effect_sizes, to_natural
from metamill.measures.means import hedges_correction
from metamill.measures.registry import study_limits
from metamill.measures.scales import double_arcsine_to_proportion, harmonic_mean, pft_range
from metamill.pooling.inverse_variance import pool
from metamill.results import Analysis, MeasureText, Pooled, Result
from metamill.tables.needs import COLUMN_SETS
from metamill.wording import NumberFormat, result_format


def exact_corrections(last):
    """J for 2 to `last` degrees of freedom with 40 digits.

    By R(m) R(m + 1) = (m - 1)/2, where R(m) = Gamma(m/2)/Gamma((m - 1)/2) and R(2) = 1/sqrt(pi).
    """
    with localcontext() as context:
        context.prec = 40
        ratio = 1 / Decimal("3.141592653589793238462643383279502884197169").sqrt()
        for m in range(2, last + 1):
            yield m, ratio / (Decimal(m) / 2).sqrt()
            ratio = Decimal(m - 1) / 2 / ratio


def test_hedges_correction_is_exact_up_to_twenty_thousand_degrees_of_freedom():
    degrees, exact = zip(*exact_corrections(20_000), strict=True)
    ours = hedges_correction(np.array(degrees, float))
    assert np.all(np.abs(ours - np.array(exact, float)) <= 1e-14 * ours)


def test_hedges_correction_at_a_million_degrees_of_freedom_is_its_expansion():
    m = 1e6
    assert hedges_correction(np.array([m]))[0] == pytest.approx(
        1 - 3 / (4 * m) - 7 / (32 * m**2), rel=1e-15, abs=0
    )


def test_hedges_correction_does_not_exist_below_two_degrees_of_freedom():
    assert np.isnan(hedges_correction(np.array([1.0, 0.0, -1.0, np.nan]))).all()


NOT_DATA = [
    ("PLO", {"events": [5], "total": [4]}),
    ("PR", {"events": [-1], "total": [4]}),
    ("PFT", {"events": [0], "total": [0]}),
    ("IR", {"events": [3], "time": [-2]}),
    ("IRS", {"events": [0], "time": [0]}),
    (
        "RD",
        {
            "events_treatment": [1],
            "total_treatment": [9],
            "events_control": [8],
            "total_control": [7],
        },
    ),
    (
        "IRD",
        {
            "events_treatment": [-1],
            "time_treatment": [9],
            "events_control": [8],
            "time_control": [7],
        },
    ),
    ("MN", {"mean": [1], "sd": [-1], "n": [5]}),
    ("COR", {"correlation": [1.2], "n": [50]}),
    ("ZCOR", {"correlation": [-1.2], "n": [50]}),
]


@pytest.mark.parametrize(("measure", "columns"), NOT_DATA, ids=lambda x: str(x)[:4])
def test_numbers_that_cannot_be_data_give_no_effect(measure, columns):
    effects = effect_sizes(measure, columns)
    assert np.isnan(effects.yi).all() and np.isnan(effects.vi).all()


def test_a_row_that_is_not_data_leaves_the_other_rows_as_they_are():
    good = {"events": [3.0, 8.0], "total": [10.0, 20.0]}
    mixed = {"events": [3.0, 12.0, 8.0], "total": [10.0, 10.0, 20.0]}
    alone, among = effect_sizes("PLO", good), effect_sizes("PLO", mixed)
    assert among.yi[[0, 2]].tolist() == alone.yi.tolist()
    assert np.isnan(among.yi[1])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_correlation_of_fewer_than_four_pairs_has_no_effect(n):
    for measure in ("COR", "ZCOR"):
        effects = effect_sizes(measure, {"correlation": [0.5], "n": [n]})
        assert not np.isfinite(effects.vi).any()


def test_fisher_z_of_a_tiny_correlation_is_that_correlation():
    effects = effect_sizes("ZCOR", {"correlation": [1e-8, -3e-12], "n": [40, 40]})
    assert effects.yi.tolist() == [1e-8, -3e-12]


def test_limits_of_a_correlation_do_not_depend_on_how_it_is_pooled():
    columns = {"correlation": np.array([0.97, -0.2]), "n": np.array([5.0, 60.0])}
    found = [
        study_limits(code, columns, effect_sizes(code, columns), 95.0) for code in ("COR", "ZCOR")
    ]
    assert np.array_equal(*found)
    raw = effect_sizes("COR", columns)
    assert (raw.yi + 1.96 * np.sqrt(raw.vi))[0] > 1 > found[0][2][0]


def test_a_negative_limit_on_the_root_scale_is_a_rate_of_zero():
    assert to_natural("IRS", [-0.3, 0.0, 0.3]).tolist() == [0.0, 0.0, 0.09]


@pytest.mark.parametrize("code", sorted(set(MEASURES) - {"GEN"}))
def test_natural_values_stay_within_the_bounds_of_the_measure(code):
    """Where the way back is no identity; there the pool cuts its limits at the bounds."""
    if MEASURES[code].scale in ("identity", "log"):
        return
    low, high = MEASURES[code].bounds
    natural = to_natural(code, np.linspace(-9, 9, 401), sizes=[5, 60])
    assert low <= natural.min() and natural.max() <= high


SIZES = np.unique(np.geomspace(1, 1e7, 300).astype(int)).astype(float)


@pytest.mark.parametrize("x", np.linspace(-0.05, 1.65, 69))
def test_a_double_arcsine_comes_back_higher_or_lower_with_the_size_but_never_both(x):
    values = np.array([double_arcsine_to_proportion(np.array(x), n) for n in SIZES])
    steps = np.diff(values)
    assert np.all(steps >= -1e-15) or np.all(steps <= 1e-15)
    low, high = pft_range(x, SIZES)
    assert low == values.min() and high == values.max()


def test_the_range_holds_the_proportion_at_the_harmonic_mean():
    sizes = np.array([10, 12, 15, 40, 20, 200000])
    x = np.linspace(0.01, 1.56, 200)
    low, high = pft_range(x, sizes)
    centre = to_natural("PFT", x, sizes=sizes)
    assert np.all((low <= centre) & (centre <= high))
    assert np.all(high - low < 0.1) and np.any(high - low > 0.03)


def test_the_double_arcsine_of_one_study_comes_back_as_its_own_proportion():
    x, n = np.meshgrid(np.arange(0, 41), np.arange(40, 400, 60))
    columns = {"events": x.ravel(), "total": n.ravel()}
    yi = effect_sizes("PFT", columns).yi
    for y, events, size in zip(yi, x.ravel(), n.ravel(), strict=True):
        low, high = pft_range(y, [size])
        assert low == high == pytest.approx(events / size, rel=1e-12, abs=1e-15)


def test_a_rare_proportion_of_a_huge_study_keeps_its_digits():
    yi = effect_sizes("PFT", {"events": [3], "total": [10**9]}).yi
    assert double_arcsine_to_proportion(yi, 1e9)[0] == pytest.approx(3e-9, rel=1e-9, abs=0)


RARE = {
    "events": np.array([2.0, 3, 1, 0, 32]),
    "total": np.array([16557.0, 676, 44, 29, 1_800_000]),
}
"""Constructed in the manner of Schwarzer et al. 2019: rare events, very different sizes."""


def test_a_pool_of_38_events_comes_back_as_zero_at_the_harmonic_mean_and_the_range_says_so():
    effects = effect_sizes("PFT", RARE)
    mean = pool(effects.yi, effects.vi, "EE", "z").mu
    assert to_natural("PFT", mean, sizes=RARE["total"]) == 0
    low, high = pft_range(mean, RARE["total"])
    assert low == 0
    assert high == pytest.approx(RARE["events"].sum() / RARE["total"].sum(), rel=0.15)


def test_a_size_of_one_over_the_variance_would_make_the_estimate_depend_on_the_test():
    """Why Barendregt's way back is not offered; one and the same mean, as the page prints it."""
    effects = effect_sizes("PFT", RARE)
    found = {}
    for test in ("z", "adhoc"):
        fit = pool(effects.yi, effects.vi, "DL", test)
        size = (1 / float(fit.se) ** 2 - 2) / 4
        found[test] = float(double_arcsine_to_proportion(np.array(fit.mu), size))
    assert f"{fit.mu:.4f}" == "0.0184"
    assert {test: f"{100 * p:.3f}" for test, p in found.items()} == {"z": "0.022", "adhoc": "0.006"}
    low, high = pft_range(fit.mu, RARE["total"])
    assert (low, f"{100 * high:.3f}") == (0, "0.034")
    apart = effect_sizes("PFT", {"events": [1, 9], "total": [100, 12]})
    assert (1 / float(pool(apart.yi, apart.vi, "REML", "adhoc").se) ** 2 - 2) / 4 < 1


@pytest.mark.parametrize("sizes", [[], [10, 0], [10, np.nan], [10, np.inf], [-4]])
def test_sizes_that_are_not_above_zero_are_refused(sizes):
    for refuse in (harmonic_mean, lambda given: pft_range(0.2, given)):
        with pytest.raises(ValueError, match="above zero"):
            refuse(sizes)
    with pytest.raises(ValueError, match="above zero"):
        to_natural("PFT", 0.2, sizes=sizes)


@pytest.mark.parametrize("factor", [1e-6, 365.25, 1e6])
def test_rates_follow_the_unit_of_time(factor):
    table = {
        "events_treatment": [9, 8, 2],
        "time_treatment": [413, 263, 487],
        "events_control": [19, 19, 13],
        "time_control": [398, 245, 478],
    }
    longer = {n: np.array(v) * (factor if "time" in n else 1) for n, v in table.items()}
    ratio, same = effect_sizes("IRR", table), effect_sizes("IRR", longer)
    assert np.allclose(ratio.yi, same.yi, rtol=1e-12) and np.array_equal(ratio.vi, same.vi)
    difference, scaled = effect_sizes("IRD", table), effect_sizes("IRD", longer)
    assert np.allclose(difference.yi, scaled.yi * factor, rtol=1e-12)
    assert np.allclose(difference.vi, scaled.vi * factor**2, rtol=1e-12)


def test_the_arcsine_difference_needs_no_correction_for_empty_and_full_cells():
    columns = {
        "events_treatment": [0, 0, 10, 0],
        "total_treatment": [10, 10, 10, 10],
        "events_control": [0, 12, 12, 3],
        "total_control": [12, 12, 12, 12],
    }
    effects = effect_sizes("AS", columns)
    assert not effects.corrected.any()
    assert effects.yi.tolist()[:3] == [0.0, -np.pi / 2, 0.0]
    assert np.isfinite(effects.yi).all() and np.all(effects.vi > 0)


@pytest.mark.parametrize("code", sorted(set(MEASURES) - {"GEN", "PFT"}))
def test_the_second_engine_turns_every_measure_back_as_the_registry_does(code):
    from metamill.record.engines.natural import scale_of

    back = scale_of(code, (), "").back
    x = np.linspace(-3, 3, 121)
    ours = np.clip(to_natural(code, x), *MEASURES[code].bounds)
    assert np.allclose([back(value) for value in x], ours, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("code", sorted(MEASURES))
def test_every_measure_has_its_columns_in_the_forest_plot(code):
    shown = {cell for column in LAYOUTS[code] for cell in column.cells}
    needed = {name for names in COLUMN_SETS[code] for name in names}
    assert shown <= needed | {"n"}
    if code not in ("GEN", "COR", "ZCOR"):
        assert shown == needed


def shown_with(code, estimate, low, high):
    measure = MEASURES[code]
    text = MeasureText(code, measure.name, measure.natural, measure.family, measure.null, False)
    pooled = Pooled(2, estimate=estimate, ci_low=low, ci_high=high)
    primary = Analysis("primary", {}, (), pooled)
    return result_format(Result("o", "t.csv", None, text, {}, (), (primary,)))


@pytest.mark.parametrize("size", [0.9, 0.04, 3e-4, 2e-7])
def test_a_small_difference_of_rates_is_printed_with_at_least_two_digits(size):
    printed = shown_with("IRD", -size / 2, -size, size / 3).text(-size)
    assert len(printed.partition(".")[2].lstrip("0")) >= 2


def test_a_correlation_has_two_decimals():
    assert shown_with("COR", 0.013, -0.004, 0.03) == NumberFormat(2)
