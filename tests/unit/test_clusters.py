"""Units within patients: the design effect and what it leaves alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metamill.measures.clusters import (
    design_effect,
    effective_counts,
    effective_flag,
    effective_size,
)

bounded = settings(derandomize=True, max_examples=100, deadline=None, database=None)


@st.composite
def rows(draw):
    """Events, total, clusters and ICC of one to six rows."""
    k = draw(st.integers(1, 6))
    total = [draw(st.integers(1, 5000)) for _ in range(k)]
    clusters = [draw(st.integers(1, n)) for n in total]
    events = [draw(st.integers(0, n)) for n in total]
    icc = draw(st.lists(st.floats(0, 1), min_size=k, max_size=k))
    return tuple(np.array(values, float) for values in (events, total, clusters, icc))


def test_cochrane_handbook_23_1_5_cluster_randomized_classrooms():
    """295 + 330 children in 10 + 11 classrooms, ICC 0.02: 63/295 and 84/330 become 40.0/187.2 and
    53.3/209.4. The Handbook goes on from m rounded to 29.8, hence the last digit."""
    effect = design_effect(295 + 330, 10 + 11, 0.02)
    assert effect == pytest.approx(1.576, abs=0.001)
    assert design_effect(29.8 * 21, 21, 0.02) == pytest.approx(1.576, abs=1e-12)
    assert 295 / effect == pytest.approx(187.2, abs=0.1)
    assert 330 / effect == pytest.approx(209.4, abs=0.1)
    assert 63 / effect == pytest.approx(40.0, abs=0.05)
    assert 84 / effect == pytest.approx(53.3, abs=0.05)


def test_two_screws_per_patient_worked_by_hand():
    """m = 2, ICC = 0.5: design effect 1.5."""
    assert design_effect(120, 60, 0.5) == 1.5
    assert effective_size(120, 60, 0.5) == 80
    assert effective_counts(9, 120, 60, 0.5) == (6, 80)


@given(rows())
@bounded
def test_no_correlation_changes_nothing_bit_for_bit(data):
    events, total, clusters, _ = data
    x, n = effective_counts(events, total, clusters, 0)
    assert x.tobytes() == events.tobytes()
    assert n.tobytes() == total.tobytes()
    assert effective_size(total, clusters, 0).tobytes() == total.tobytes()


@given(rows())
@bounded
def test_one_unit_per_patient_changes_nothing_bit_for_bit(data):
    events, total, _, icc = data
    x, n = effective_counts(events, total, total, icc)
    assert x.tobytes() == events.tobytes()
    assert n.tobytes() == total.tobytes()


@given(rows())
@bounded
def test_the_effective_size_lies_between_patients_and_units_and_keeps_the_proportion(data):
    events, total, clusters, icc = data
    x, n = effective_counts(events, total, clusters, icc)
    assert (n <= total).all()
    assert (n >= clusters * (1 - 1e-12)).all()
    assert (x <= n).all()
    np.testing.assert_allclose(x / n, events / total, rtol=1e-14)
    np.testing.assert_array_equal(n, effective_size(total, clusters, icc))


@given(rows())
@bounded
def test_full_correlation_leaves_the_patients(data):
    _, total, clusters, _ = data
    np.testing.assert_allclose(effective_size(total, clusters, 1), clusters, rtol=1e-14)


@given(rows())
@bounded
def test_the_effective_size_falls_as_the_correlation_rises(data):
    _, total, clusters, icc = data
    lower, higher = effective_size(total, clusters, icc / 2), effective_size(total, clusters, icc)
    assert (higher <= lower).all()


def test_rows_do_not_touch_each_other():
    together, _ = effective_counts([3, 10, 0], [20, 40, 9], [10, 40, 3], [0.1, 0.9, 0.5])
    alone = [
        effective_counts(*row)[0] for row in [(3, 20, 10, 0.1), (10, 40, 40, 0.9), (0, 9, 3, 0.5)]
    ]
    assert together.tolist() == [float(x) for x in alone]


@pytest.mark.parametrize(
    ("total", "clusters", "icc", "words"),
    [
        (10, 11, 0.1, "more patients than units"),
        (10, 0, 0.1, "at least one patient"),
        (10, -3, 0.1, "at least one patient"),
        (0, 1, 0.1, "more patients than units"),
        (10, 5, -0.01, "between 0 and 1"),
        (10, 5, 1.01, "between 0 and 1"),
        (10, 5, np.nan, "between 0 and 1"),
        (np.nan, 5, 0.1, "finite"),
        (np.inf, 5, 0.1, "finite"),
        (10, np.nan, 0.1, "finite"),
    ],
)
def test_what_is_not_data_is_refused_in_words(total, clusters, icc, words):
    for function in (design_effect, effective_size, effective_flag):
        with pytest.raises(ValueError, match=words):
            function(total, clusters, icc)
    with pytest.raises(ValueError, match=words):
        effective_counts([0.0, 1.0], [total, 10], [clusters, 10], [icc, 0.0])


@pytest.mark.parametrize("events", [-1, 11, np.nan])
def test_events_that_are_not_events_of_the_total_are_refused(events):
    with pytest.raises(ValueError, match="between 0 and the total"):
        effective_counts(events, 10, 5, 0.1)


def test_the_flag_of_a_row_says_both_sizes_the_correlation_and_the_units_per_patient():
    assert (
        effective_flag(120, 41, 0.1)
        == "effective sample size 100.6 of 120 (ICC 0.1, 2.9 per patient)"
    )
    assert effective_flag(1234567, 617283.5, 0.5, "spine").endswith(
        "823044.7 of 1234567 (ICC 0.5, 2.0 per spine)"
    )


def test_a_row_that_does_not_change_has_no_flag():
    assert effective_flag(120, 41, 0) == effective_flag(120, 120, 0.3) == ""
