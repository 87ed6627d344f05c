"""The plot of L'Abbé: rates where the counts say, the effect on its own scale, a true square.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
from dataclasses import replace
from math import asin, sqrt

import pytest
from golden import check_golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_checks import axis_ticks, check_pages, value_at
from scatter_results import (
    DISPLAY,
    random_effects,
    two_groups,
    with_rows_per_study,
    with_silent,
    without_pool,
)

from metamill.figures.drawn import Drawn
from metamill.figures.page.canvas import Canvas, Circle, Curve
from metamill.figures.page.render import render
from metamill.figures.points.labbe import labbe
from metamill.figures.points.labbe_plan import COUNTS, treated_rate
from metamill.figures.style import STYLES
from metamill.results import Derived, Result

STYLE = STYLES["default"]


def table(drawn: Drawn) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(drawn.table)))


def read(page: Canvas, x: float, y: float) -> tuple[float, float]:
    """A point in mm as fractions, read from the tick labels in per cent."""
    return (
        value_at(x, axis_ticks(page, "x")) / 100,
        value_at(y, axis_ticks(page, "y")) / 100,
    )


def circles(page: Canvas) -> list[Circle]:
    return [item for item in page.with_role("study") if isinstance(item, Circle)]


def rates(result: Result) -> list[tuple[float, float]]:
    counts = [[float(row.cells[name]) for name in COUNTS] for row in result.rows]
    return [(c / n2, a / n1) for a, n1, c, n2 in counts]


@pytest.mark.parametrize("k", [2, 10, 60, 300])
@pytest.mark.parametrize("width", [66.0, 84.0, 174.0])
def test_every_study_is_drawn_and_no_text_lies_on_a_circle(k: int, width: float) -> None:
    display = replace(DISPLAY, width_mm=width)
    drawn = labbe(two_groups("RR", k, rate=0.15), display, STYLE)
    check_pages(drawn.pages, width, display.height_mm, over_text=("study",))
    assert len(circles(drawn.pages[0])) == k


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.8])
def test_circles_lie_at_the_rates_of_the_counts(rate: float) -> None:
    result = two_groups("OR", 15, rate=rate)
    page = labbe(result, DISPLAY, STYLE).pages[0]
    found = sorted(read(page, item.x, item.y) for item in circles(page))
    for point, wanted in zip(found, sorted(rates(result)), strict=True):
        assert point == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("width", [66.0, 84.0, 119.0, 174.0])
@pytest.mark.parametrize("rate", [0.02, 0.4])
def test_both_axes_have_the_same_scale(width: float, rate: float) -> None:
    page = labbe(two_groups("RR", 12, rate=rate), replace(DISPLAY, width_mm=width), STYLE).pages[0]
    x, y = axis_ticks(page, "x"), axis_ticks(page, "y")
    (x1, a), (x2, b) = x[0], x[-1]
    (y1, c), (y2, d) = y[0], y[-1]
    assert (x2 - x1) / (b - a) == pytest.approx((y1 - y2) / (d - c), rel=1e-6)
    assert (a, c) == (0.0, 0.0)


@pytest.mark.parametrize("code", ["OR", "RR", "RD", "AS"])
def test_the_curve_is_the_pooled_effect_at_every_rate(code: str) -> None:
    result = two_groups(code, 12)
    page = labbe(result, DISPLAY, STYLE).pages[0]
    estimate = result.primary.pooled.estimate or 0.0
    points = [point for item in page.with_role("estimate") if isinstance(item, Curve)
              for point in item.points]  # fmt: skip
    assert len(points) > 50
    for p, q in [read(page, *point) for point in points[2:-2]]:
        effect = {
            "OR": lambda p, q: q / (1 - q) / (p / (1 - p)),
            "RR": lambda p, q: q / p,
            "RD": lambda p, q: q - p,
            "AS": lambda p, q: asin(sqrt(q)) - asin(sqrt(p)),
        }[code](p, q)
        assert effect == pytest.approx(estimate, rel=1e-4, abs=1e-6)


def test_rates_that_an_effect_cannot_make_are_none() -> None:
    assert treated_rate("RR", 2.0, 0.6) is None
    assert treated_rate("RD", -0.3, 0.2) is None
    assert treated_rate("AS", 0.5, 0.99) is None
    assert treated_rate("OR", 5.0, 1.0) == 1.0 and treated_rate("OR", 5.0, 0.0) == 0.0


def test_areas_of_circles_are_in_proportion_to_weights() -> None:
    result = two_groups("OR", 8)
    page = labbe(result, DISPLAY, STYLE).pages[0]
    radii = sorted((item.radius for item in circles(page)), reverse=True)
    weights = sorted((e.weight or 0 for e in result.primary.effects), reverse=True)
    for radius, weight in zip(radii, weights, strict=True):
        share = weight / weights[0]
        assert (radius / radii[0]) ** 2 == pytest.approx(max(share, 0.04), rel=1e-9)
    bare = tuple(replace(effect, weight=None) for effect in result.primary.effects)
    primary = replace(result.primary, effects=bare)
    by_size = labbe(replace(result, analyses=(primary,)), DISPLAY, STYLE)
    assert "proportional to its number of units" in by_size.caption


def test_circles_stay_inside_the_axes() -> None:
    page = labbe(two_groups("RR", 40, rate=0.02), DISPLAY, STYLE).pages[0]
    left = min(line.x1 for line in page.with_role("axis"))  # type: ignore[union-attr]
    bottom = max(line.y2 for line in page.with_role("axis"))  # type: ignore[union-attr]
    for item in circles(page):
        assert item.x - item.radius >= left - 0.01 and item.y + item.radius <= bottom + 0.01


def test_a_count_that_was_derived_is_drawn_and_one_that_is_missing_is_listed() -> None:
    result = two_groups("OR", 5)
    cells = [dict(row.cells) for row in result.rows]
    events = float(cells[0].pop("events_control"))
    del cells[1]["total_control"]
    rows = tuple(replace(row, cells=c) for row, c in zip(result.rows, cells, strict=True))
    derived = (Derived(0, "events_control", events, "from a percentage"),)
    drawn = labbe(replace(result, rows=rows, derived=derived), DISPLAY, STYLE)
    assert len(circles(drawn.pages[0])) == 4
    assert f"counts of both groups are not known: {rows[1].label}." in drawn.caption


def test_the_table_holds_exactly_what_is_drawn() -> None:
    result = two_groups("OR", 9)
    rows = [row for row in table(labbe(result, DISPLAY, STYLE)) if row["row"] == "study"]
    for row, source, (x, y) in zip(rows, result.rows, rates(result), strict=True):
        assert [row[name] for name in COUNTS] == [source.cells[name] for name in COUNTS]
        assert (float(row["x"]), float(row["y"])) == pytest.approx((x, y), rel=1e-9)


def test_words_name_the_numbers_of_the_result() -> None:
    result = two_groups("OR", 12)
    drawn, pooled = labbe(result, DISPLAY, STYLE), result.primary.pooled
    told = f"{pooled.estimate:.2f} [{pooled.ci_low:.2f}, {pooled.ci_high:.2f}]"
    assert told in drawn.alt and told in drawn.caption
    below = sum(y < x for x, y in rates(result))
    assert f"Below the diagonal (fewer events under Cement): {below}," in drawn.alt
    assert "Cement" in drawn.alt and "No cement" in drawn.alt


def test_what_cannot_be_drawn_says_why() -> None:
    assert "does not compare" in labbe(random_effects("MD", 5), DISPLAY, STYLE).alt
    assert "it takes 2 studies" in labbe(two_groups("OR", 1), DISPLAY, STYLE).alt
    empty = two_groups("RD", 4)
    rows = tuple(
        replace(row, cells=row.cells | {"events_treatment": "0", "events_control": "0"})
        for row in empty.rows
    )
    assert "no study has an event" in labbe(replace(empty, rows=rows), DISPLAY, STYLE).alt


def test_without_a_pooled_effect_only_the_studies_and_the_diagonal_are_drawn() -> None:
    drawn = labbe(without_pool(two_groups("OR", 6)), DISPLAY, STYLE)
    assert not drawn.pages[0].with_role("estimate") and drawn.pages[0].with_role("null")
    assert "There is no pooled effect to draw." in drawn.caption


def test_the_same_result_gives_the_same_bytes() -> None:
    pages = [labbe(two_groups("OR", 20), DISPLAY, STYLE).pages for _ in range(2)]
    assert render(pages[0], "svg") == render(pages[1], "svg")


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["OR", "RR", "RD", "AS"]),
    st.lists(st.text(max_size=60), min_size=2, max_size=30),
    st.floats(0.001, 0.9),
    st.integers(0, 1000),
    st.sampled_from([66.0, 84.0, 174.0, 400.0]),
    st.text(max_size=50),
)
def test_any_numbers_and_labels_draw(
    code: str, labels: list[str], rate: float, seed: int, width: float, arm: str
) -> None:
    result = two_groups(code, len(labels), seed, rate, labels)
    display = replace(DISPLAY, width_mm=width, treatment=arm)
    drawn = labbe(result, display, STYLE)
    check_pages(drawn.pages, width, display.height_mm, over_text=("study",))
    if any(x or y for x, y in rates(result)):
        assert len(circles(drawn.pages[0])) == len(labels)


def test_the_drawing_is_the_frozen_one() -> None:
    check_golden("labbe", labbe(two_groups("OR", 10), replace(DISPLAY, width_mm=110), STYLE).pages)


def test_a_weight_below_zero_has_the_smallest_circle_and_a_note() -> None:
    result = two_groups("OR", 10)
    primary = result.primary
    effects = (replace(primary.effects[0], weight=-0.4), *primary.effects[1:])
    drawn = labbe(replace(result, analyses=(replace(primary, effects=effects),)), DISPLAY, STYLE)
    assert len(circles(drawn.pages[0])) == 10
    assert "1 study has a weight below 0" in drawn.caption
    assert float(table(drawn)[0]["area"]) == 0


def test_rows_of_the_same_study_are_estimates() -> None:
    drawn = labbe(with_rows_per_study(two_groups("OR", 12), 3), DISPLAY, STYLE)
    assert "Each circle is an estimate" in drawn.caption
    assert "12 estimates of 4 studies" in drawn.alt


def test_a_study_without_events_is_drawn_and_counted_here() -> None:
    drawn = labbe(with_silent(two_groups("OR", 12), (1,)), DISPLAY, STYLE)
    assert len(circles(drawn.pages[0])) == 12
    assert "event rates of 12 studies" in drawn.alt


def test_a_name_may_leave_the_plot_as_far_as_the_page_goes() -> None:
    labels = [f"A rather long name of authors, {1990 + i}" for i in range(6)]
    page = labbe(two_groups("OR", 6, labels=labels), replace(DISPLAY, width_mm=174), STYLE).pages[0]
    right = max(line.x2 for line in page.with_role("axis"))  # type: ignore[union-attr]
    assert any(text.box[2] > right for text in page.texts if text.role == "point name")


def test_names_without_room_are_counted_and_parted_by_semicolons() -> None:
    labels = [f"Author {i}, {1990 + i}" for i in range(12)]
    drawn = labbe(
        two_groups("OR", 12, rate=0.01, labels=labels), replace(DISPLAY, width_mm=66), STYLE
    )
    named = {text.text for text in drawn.pages[0].texts if text.role == "point name"}
    without = [label for label in labels if label not in named]
    assert len(without) > 1
    told = f"{len(without)} of 12 studies are not named for lack of room: "
    assert told in drawn.caption
    listed = drawn.caption.partition(told)[2].partition(". ")[0].rstrip(".")
    assert sorted(listed.split("; ")) == sorted(without)
