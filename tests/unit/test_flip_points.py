"""Flip points: where a conclusion changes, against closed forms, fine scans and brute force."""

import json
from dataclasses import replace
from itertools import combinations
from math import ceil
from pathlib import Path

import numpy as np
import pytest
from degenerate_data import TRIALS
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from metamill.config.settings import Model, Plan
from metamill.estimating import Data, estimate
from metamill.explored.flips import Conclusion
from metamill.exploring.added_studies import (
    LISTED,
    MOST_ADDED,
    fewest_omitted,
    first_count,
    with_null_studies,
)
from metamill.exploring.assumed import R_END, Source
from metamill.exploring.conclusions import concluded, margins, new_ones, references, states
from metamill.exploring.crossings import nearest_changes
from metamill.exploring.flip_points import flip_points
from metamill.exploring.quick import numbers_of, of_pooled
from metamill.measures.effects import Effects
from metamill.preparation import prepared_data
from metamill.tables.reader import TableRow

SETS = json.loads(
    (Path(__file__).parents[1] / "reference/inverse_variance.json").read_text(encoding="utf-8")
)["sets"]
Z = float(ndtri(0.975))


def data_of(y, v) -> Data:
    k = len(y)
    effects = Effects(np.array(y, float), np.array(v, float), np.zeros(k, bool))
    sizes = {name: np.full(k, np.nan) for name in ("n_treatment", "n_control")}
    return Data(sizes, effects, np.arange(k))


def source_of(data: Data, model: Model, rows=()) -> Source:
    pooled = estimate(data, model).pooled
    return Source(Plan("primary", model), "made.csv", tuple(rows), tuple(rows), data, pooled, False)


def flip_of(name: str, source: Source, thresholds=()):
    wanted = references(0.0, thresholds)
    return next(item for item in flip_points(source, wanted) if item.assumption == name)


def test_under_equal_effects_tau2_flips_where_the_z_interval_touches_zero():
    y, v = np.array([0.4, 0.5, 0.6, 0.7]), np.full(4, 0.04)
    flip = flip_of("tau2", source_of(data_of(y, v), Model("MD", "EE", "z")))
    assert flip.used == 0
    assert flip.below is None
    assert flip.above.value == pytest.approx(4 * (0.55 / Z) ** 2 - 0.04, rel=1e-9)
    assert flip.above.after == (Conclusion("null", 0.0, "includes"),)


def test_a_threshold_flips_where_the_limit_touches_it():
    y, v = np.array([0.4, 0.5, 0.6, 0.7]), np.full(4, 0.04)
    flip = flip_of("tau2", source_of(data_of(y, v), Model("MD", "EE", "z")), (0.2,))
    assert flip.above.value == pytest.approx(4 * (0.35 / Z) ** 2 - 0.04, rel=1e-9)
    assert flip.above.after == (Conclusion("threshold", 0.2, "includes", "above"),)


def change_rows(mean_post, n=25, sd=10.0, **more) -> list[TableRow]:
    return [
        TableRow(
            line,
            {
                "study": f"S{line}", "mean_pre": "50", "sd_pre": f"{sd:g}",
                "mean_post": f"{post:g}", "sd_post": f"{sd:g}", "n": str(n), **more,
            },
        )
        for line, post in enumerate(mean_post, start=2)
    ]  # fmt: skip


def change_source(rows, model: Model) -> Source:
    prepared = prepared_data(rows, Plan("primary", model), "made.csv", rows)
    return source_of(prepared.data, model, rows)


def test_under_equal_effects_the_correlation_flips_at_its_closed_form():
    model = Model("MC", "EE", "z", correlation=0.5)
    flip = flip_of("correlation", change_source(change_rows([47, 46.5, 47.5]), model))
    # 3/sqrt(2 sd^2 (1 - r)/(3 n)) = z
    assert flip.below.value == pytest.approx(1 - (3 / Z) ** 2 * 75 / 200, rel=1e-9)
    assert flip.above is None
    assert (flip.used, flip.low, flip.high) == (0.5, -R_END, R_END)


def test_no_correlation_changes_what_is_far_from_zero():
    model = Model("MC", "EE", "z", correlation=0.5)
    flip = flip_of("correlation", change_source(change_rows([20, 21, 22]), model))
    assert (flip.below, flip.above, flip.changes) == (None, None, 0)


def test_the_correlation_is_not_searched_where_every_row_says_its_own():
    model = Model("MC", "EE", "z", correlation=0.5)
    source = change_source(change_rows([47, 46, 48], correlation="0.4"), model)
    assert "correlation" not in {item.assumption for item in flip_points(source, references(0, ()))}


def test_the_rows_that_say_their_correlation_are_told_as_what_is_plausible():
    model = Model("MC", "EE", "z", correlation=0.5, sibling_correlation=False)
    rows = [
        *change_rows([47, 46.5]),
        *(TableRow(9 + i, row.cells | {"study": f"T{i}", "correlation": r})
          for i, (row, r) in enumerate(zip(change_rows([47, 48]), ("0.4", "0.7"), strict=True))),
    ]  # fmt: skip
    flip = flip_of("correlation", change_source(rows, model))
    assert (flip.plausible_low, flip.plausible_high) == (pytest.approx(0.4), pytest.approx(0.7))
    assert flip.plausible.startswith("2 rows")


@pytest.mark.parametrize("m", [0.3, 0.45, 0.8, 1.7])
def test_under_equal_effects_the_null_studies_to_be_added_have_a_closed_form(m):
    k, v = 5, 0.1
    data = data_of(np.full(k, m) + np.linspace(-0.01, 0.01, k), np.full(k, v))
    flip = flip_of("null_studies", source_of(data, Model("MD", "EE", "z")))
    expected = ceil((k * m / Z) ** 2 / v - k)
    assert flip.above.value == expected
    assert flip.above.after == (Conclusion("null", 0.0, "includes"),)


def test_up_to_a_thousand_null_studies_may_change_nothing():
    data = data_of([5.0, 5.1, 4.9], np.full(3, 1e-4))
    flip = flip_of("null_studies", source_of(data, Model("MD", "EE", "z")))
    assert flip.above is None
    assert flip.high == MOST_ADDED


def test_the_least_count_is_exact_whatever_it_is():
    for least in (1, 2, 16, 17, 18, 99, 487, 999, 1000):
        assert first_count(lambda n, least=least: n >= least) == least
    assert first_count(lambda n: False) is None


# Scan, bracket and root on functions that are known.


def margin(f):
    return lambda x: np.array([f(x)] * 3)


def test_the_nearest_change_of_several_is_found_on_each_side():
    found = nearest_changes(margin(lambda x: (x - 1) * (x - 2) * (x + 3)), 0.0, np.arange(-5.5, 6))
    assert found.below.at == pytest.approx(-3, rel=1e-12)
    assert found.above.at == pytest.approx(1, rel=1e-12)
    assert found.changes == (1, 2)


def test_two_changes_between_neighbours_of_the_scan_are_found():
    found = nearest_changes(margin(lambda x: (x - 1.4) ** 2 - 1e-4), 0.0, np.arange(0.0, 4.0))
    assert found.above.at == pytest.approx(1.39, rel=1e-10)
    assert found.changes == (0, 2)


@pytest.mark.parametrize("turn", [0.3, 1e-3, 2.7, 3 - 1e-3])
def test_two_changes_next_to_an_end_of_the_scan_are_found(turn):
    """Where the margin lies farther from 0 at the neighbour of the end than at the end."""
    width = 1e-4 if min(turn, 3 - turn) < 0.01 else 1e-2
    found = nearest_changes(margin(lambda x: (x - turn) ** 2 - width**2), 0.0, np.arange(0.0, 4.0))
    assert found.above.at == pytest.approx(turn - width, rel=1e-6)


def test_a_margin_that_only_comes_near_is_no_change():
    found = nearest_changes(margin(lambda x: (x - 1.4) ** 2 + 1e-9), 0.0, np.arange(0.0, 4.0))
    assert (found.above, found.below) == (None, None)


def test_a_jump_is_found_where_it_is():
    found = nearest_changes(margin(lambda x: 1.0 if x < 0.377 else -1.0), 0.0, [0.0, 0.5, 1.0])
    assert found.above.at == pytest.approx(0.377, abs=1e-9)


def test_the_search_ends_where_there_is_no_estimate():
    found = nearest_changes(
        margin(lambda x: 2.5 - x if x < 1.5 else np.nan), 0.0, [0.0, 1.0, 2.0, 3.0]
    )
    assert (found.above, found.high) == (None, 1.0)
    with pytest.raises(ValueError, match="no estimate"):
        nearest_changes(margin(lambda x: np.nan), 0.0, [0.0, 1.0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=5), st.floats(-0.9, 0.9))
def test_no_change_lies_nearer_than_the_one_found_by_a_fine_scan(weights, start):
    def f(x):
        waves = [w * np.cos((i + 0.5) * (x + 0.3 * i)) for i, w in enumerate(weights)]
        return float(sum(waves)) + 0.123

    found = nearest_changes(margin(f), start, np.linspace(-1, 1, 41))
    here = f(start) > 0
    for side, end in ((found.below, -1.0), (found.above, 1.0)):
        xs = start + (end - start) * np.linspace(0, 1, 4001)[1:]
        differs = [x for x in xs if (f(x) > 0) != here]
        if side is None:
            assert not differs
        elif differs:
            assert abs(side.at - start) <= abs(differs[0] - start) + 1e-12
            assert abs(side.at - differs[0]) <= 1e-3


# The numbers behind the search are those of an analysis.


@pytest.mark.parametrize("method", ["EE", "DL", "PM", "ML", "REML", "SJ"])
@pytest.mark.parametrize("test", ["z", "t", "knha", "adhoc"])
@pytest.mark.parametrize("measure", ["MD", "RR", "PLO"])
def test_a_variant_has_the_numbers_that_estimate_gives(method, test, measure):
    for item in SETS.values():
        y, v = np.array(item["yi"]), np.array(item["vi"])
        if len(y) < 2 or np.abs(y).max() > 100:
            continue
        data = data_of(y, v)
        names = {"PLO": ("events", "total"), "RR": TRIALS.split()}.get(measure, ())
        if names:
            columns = {name: np.full(len(y), 1.0 + 8 * ("total" in name)) for name in names}
            data = replace(data, columns=columns)
        model = Model(measure, method, test)
        expected = of_pooled(estimate(data, model).pooled)
        found = numbers_of(data, model)
        assert np.array_equal(found, expected, equal_nan=True)


def test_conclusions_are_read_from_the_interval_and_of_thresholds_from_the_estimate():
    wanted = references(0.0, (-2.0, 0.0, -10.0))
    assert [item.value for item in wanted] == [0.0, -2.0, -10.0]
    state = states(margins(wanted, np.array([-5.0, -12.0, -1.0])))
    told = concluded(wanted, state)
    assert told == (
        Conclusion("null", 0.0, "below"),
        Conclusion("threshold", -2.0, "includes", "below"),
        Conclusion("threshold", -10.0, "includes", "above"),
    )
    later = concluded(wanted, states(margins(wanted, np.array([-5.0, -12.0, 1.0]))))
    assert new_ones(told, later) == (Conclusion("null", 0.0, "includes"),)


def test_an_interval_that_ends_at_the_value_includes_it():
    wanted = references(0.0, ())
    (told,) = concluded(wanted, states(margins(wanted, np.array([1.0, 0.0, 2.0]))))
    assert told.interval == "includes"


# Studies left out.


@pytest.mark.parametrize("seed", range(12))
def test_the_fewest_studies_are_those_of_brute_force(seed):
    random = np.random.default_rng(seed)
    y, v = random.normal(0.35, 0.3, 7), random.uniform(0.02, 0.1, 7)
    model = Model("MD", ("REML", "EE", "DL")[seed % 3], ("z", "adhoc")[seed % 2])
    data, wanted = data_of(y, v), references(0.0, (0.3,))
    base = states(margins(wanted, of_pooled(estimate(data, model).pooled)))
    found = fewest_omitted(data, model, wanted, base, [str(i) for i in range(7)], ())
    for size in (1, 2, 3):
        expected = []
        for omitted in combinations(range(7), size):
            part = data.take(~np.isin(np.arange(7), omitted))
            state = states(margins(wanted, of_pooled(estimate(part, model).pooled)))
            if (state != base).any():
                expected.append(tuple(map(str, omitted)))
        if expected:
            assert (found.size, found.count) == (size, len(expected))
            assert list(found.sets) == expected[:LISTED]
            return
    assert found.size is None
    assert found.searched == 3


def test_the_bound_of_sets_is_said():
    k = 60
    data = data_of(np.linspace(0.9, 1.1, k), np.full(k, 0.01))
    model, wanted = Model("MD", "DL", "z"), references(0.0, ())
    base = states(margins(wanted, of_pooled(estimate(data, model).pooled)))
    found = fewest_omitted(data, model, wanted, base, [str(i) for i in range(k)], ())
    assert (found.size, found.searched) == (None, 2)
    assert found.note == "more than 20,000 analyses would be needed for sets of 3"
    assert found.fits == 60 + 1770


def test_sets_without_an_answer_are_counted(monkeypatch):
    data = data_of([0.5, 0.6, 0.7, 0.8], np.full(4, 1e-4))
    model = Model("MD", "EE", "z")
    wanted = references(0.0, ())
    base = states(margins(wanted, numbers_of(data, model)))
    monkeypatch.setattr(
        "metamill.exploring.added_studies.weighted_numbers",
        lambda y, v, *rest, keep: np.full((y.shape[1], 3), np.nan),
    )
    monkeypatch.setattr(
        "metamill.exploring.added_studies.numbers_of",
        lambda left, model: np.full(3, np.nan) if len(left.study) == 2 else np.ones(3),
    )
    found = fewest_omitted(data, model, wanted, base, list("abcd"), [])
    assert (found.size, found.searched, found.fits, found.unanswered) == (None, 2, 10, 6)


def test_two_studies_leave_none_out():
    data = data_of([0.5, 0.6], [0.01, 0.02])
    model, wanted = Model("MD", "EE", "z"), references(0.0, ())
    base = states(margins(wanted, of_pooled(estimate(data, model).pooled)))
    found = fewest_omitted(data, model, wanted, base, ["a", "b"], ())
    assert (found.size, found.searched, found.fits) == (None, 0, 0)


def test_added_studies_are_fitted_with_the_same_model():
    y, v = np.array([0.4, 0.5, 0.9]), np.array([0.01, 0.04, 0.02])
    data, model = data_of(y, v), Model("MD", "REML", "adhoc")
    found = with_null_studies(data, model, 0.0)(3)
    bigger = data_of([*y, 0, 0, 0], [*v, 0.02, 0.02, 0.02])
    assert np.array_equal(found, of_pooled(estimate(bigger, model).pooled))


def test_a_fixed_tau2_is_not_searched_for_a_mixed_model():
    columns = {"events": np.array([1.0, 3, 5, 2]), "total": np.array([10.0, 20, 30, 40])}
    effects = Effects(np.array([-2.0, -1.7, -1.6, -2.9]), np.full(4, 0.5), np.zeros(4, bool))
    data = Data(columns, effects, np.arange(4))
    source = source_of(data, Model("PLO", "GLMM", "t"))
    (flip,) = flip_points(source, references(None, (0.1,)))
    assert flip.low is None
    assert flip.note
