"""The radial plot: points, line, band and right axis by the formulas of Galbraith.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
from dataclasses import replace
from math import exp, log, sqrt

import pytest
from golden import check_golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_checks import axis_ticks, check_pages, value_at
from scatter_results import (
    DISPLAY,
    made_up,
    proportions,
    random_effects,
    with_rows_per_study,
    with_silent,
    without_pool,
)

from metamill.figures.drawn import Drawn
from metamill.figures.page.canvas import Canvas, Circle, Curve, Text
from metamill.figures.page.render import render
from metamill.figures.points.radial import BAND, radial
from metamill.figures.style import STYLES

STYLE = STYLES["default"]


def table(drawn: Drawn) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(drawn.table)))


def read(page: Canvas, point: tuple[float, float]) -> tuple[float, float]:
    return tuple(value_at(mm, axis_ticks(page, side)) for mm, side in zip(point, "xy", strict=True))  # type: ignore[return-value]


def circles(page: Canvas) -> list[Circle]:
    return [item for item in page.with_role("study") if isinstance(item, Circle)]


def names(page: Canvas) -> list[Text]:
    return [text for text in page.texts if text.role == "point name"]


@pytest.mark.parametrize("k", [3, 10, 60, 300])
@pytest.mark.parametrize("width", [66.0, 84.0, 174.0])
def test_every_study_is_drawn_and_no_text_lies_on_a_mark(k: int, width: float) -> None:
    display = replace(DISPLAY, width_mm=width)
    drawn = radial(random_effects("OR", k), display, STYLE)
    check_pages(drawn.pages, width, display.height_mm, over_text=("study",))
    assert len(circles(drawn.pages[0])) == k


@pytest.mark.parametrize("code", ["OR", "MD", "ZCOR", "PLO"])
def test_marks_lie_at_precision_and_standardised_effect(code: str) -> None:
    result = proportions("PLO", 20) if code == "PLO" else random_effects(code, 20)
    page = radial(result, DISPLAY, STYLE).pages[0]
    found = sorted(read(page, (item.x, item.y)) for item in circles(page))
    want = sorted((1 / sqrt(e.vi), e.yi / sqrt(e.vi)) for e in result.primary.effects)
    for point, wanted in zip(found, want, strict=True):
        assert point == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_the_line_leaves_the_origin_with_the_slope_of_the_pooled_effect() -> None:
    result = random_effects("OR", 20)
    page = radial(result, DISPLAY, STYLE).pages[0]
    (line,) = page.with_role("estimate")
    assert isinstance(line, Curve)
    start, end = (read(page, point) for point in line.points)
    assert start == pytest.approx((0, 0), abs=1e-6)
    assert end[1] / end[0] == pytest.approx(result.primary.pooled.mu, rel=1e-6)
    bands = [read(page, item.points[0]) for item in page.with_role("band")
             if isinstance(item, Curve)]  # fmt: skip
    assert sorted(y for _, y in bands) == pytest.approx([-BAND, BAND])


@pytest.mark.parametrize(("code", "log_scale"), [("OR", True), ("MD", False), ("PLO", False)])
def test_the_right_axis_reads_the_effect_of_a_line_from_the_origin(
    code: str, log_scale: bool
) -> None:
    result = proportions("PLO", 20) if code == "PLO" else random_effects(code, 20)
    page = radial(result, DISPLAY, STYLE).pages[0]
    labels = [text for text in page.texts if text.role == "right tick label"]
    edge = max(line.x2 for line in page.with_role("axis"))  # type: ignore[union-attr]
    assert len(labels) >= 2
    for text in labels:
        x, y = read(page, (edge, text.y - 0.73 * text.size * 25.4 / 72 / 2))
        printed = float(text.text.replace("\N{MINUS SIGN}", "-"))
        assert y / x == pytest.approx(log(printed) if log_scale else printed, abs=1e-6)


def test_a_scale_without_a_straight_way_back_is_named_as_the_model_scale() -> None:
    page = radial(proportions("PLO", 12), DISPLAY, STYLE).pages[0]
    assert any(
        "(model scale)" in text.text.replace("\xa0", " ")
        for text in page.texts
        if text.role == "axis label"
    )


def test_studies_outside_the_band_are_named_or_listed_and_no_others() -> None:
    result = random_effects("OR", 60, tau=0.6)
    drawn = radial(result, DISPLAY, STYLE)
    mu = result.primary.pooled.mu or 0.0
    outside = {
        result.rows[e.row].label
        for e in result.primary.effects
        if abs(e.yi - mu) / sqrt(e.vi) > BAND
    }
    named = {text.text for text in names(drawn.pages[0])}
    assert outside and named <= outside
    rows = {row["label"] for row in table(drawn) if row["in_band"] == "no"}
    assert rows == outside
    left_off = len(outside) - len(named)
    if left_off:
        told = (
            f"{left_off} of {len(outside)} studies outside the band are not named for lack of room"
        )
        assert told in drawn.caption
    assert f"Outside the band of two standard errors: {len(outside)} of 60" in drawn.alt


def test_the_table_holds_exactly_what_is_drawn() -> None:
    result = random_effects("OR", 12, flagged=[3])
    rows = table(radial(result, DISPLAY, STYLE))
    for row, effect in zip(rows, result.primary.effects, strict=False):
        assert float(row["x"]) == pytest.approx(1 / sqrt(effect.vi), rel=1e-9)
        assert float(row["y"]) == pytest.approx(effect.yi / sqrt(effect.vi), rel=1e-9)
        assert float(row["estimate"]) == pytest.approx(exp(effect.yi), rel=1e-9)
    assert rows[-1]["row"] == "pooled"
    assert rows[3]["flags"] == "continuity correction"


def test_an_effect_without_a_standard_error_is_listed_and_not_drawn() -> None:
    drawn = radial(made_up("MD", [0, 1, 2, 3], [1, 1, 0.0, 1], tau2=0.1), DISPLAY, STYLE)
    assert len(circles(drawn.pages[0])) == 3
    assert "the standard error is zero or unknown: Study 3 1992." in drawn.caption


def test_a_count_that_lies_where_only_a_correction_puts_it_is_named() -> None:
    result = proportions("PLO", 12)
    first = replace(result.primary.effects[0], estimate=0.0)
    primary = replace(result.primary, effects=(first, *result.primary.effects[1:]))
    drawn = radial(replace(result, analyses=(primary,)), DISPLAY, STYLE)
    assert f"Drawn with a continuity correction: {result.rows[0].label}." in drawn.caption


def test_what_cannot_be_drawn_says_why() -> None:
    few = radial(random_effects("OR", 2), DISPLAY, STYLE)
    assert "it takes 3 studies with a standard error" in few.alt
    bare = radial(without_pool(random_effects("OR", 10)), DISPLAY, STYLE)
    assert "no pooled effect on the scale of the model" in bare.alt


def test_words_name_the_numbers_of_the_result() -> None:
    result = random_effects("OR", 20)
    drawn, pooled = radial(result, DISPLAY, STYLE), result.primary.pooled
    told = f"{pooled.estimate:.2f} [{pooled.ci_low:.2f}, {pooled.ci_high:.2f}]"
    assert told in drawn.alt and told in drawn.caption


def test_the_same_result_gives_the_same_bytes() -> None:
    pages = [radial(random_effects("OR", 30), DISPLAY, STYLE).pages for _ in range(2)]
    assert render(pages[0], "svg") == render(pages[1], "svg")


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["OR", "MD", "ZCOR", "PLO"]),
    st.lists(
        st.tuples(
            st.text(max_size=40),
            st.floats(-3, 3) | st.floats(-200, 200),
            st.floats(0.01, 4) | st.floats(1e-8, 1e6) | st.just(0.0),
        ),
        min_size=3,
        max_size=40,
    ),
    st.sampled_from([66.0, 84.0, 174.0, 400.0]),
)
def test_any_numbers_and_labels_draw(
    code: str, drawn_rows: list[tuple[str, float, float]], width: float
) -> None:
    labels, yi, vi = zip(*drawn_rows, strict=True)
    result = made_up(code, yi, vi, labels, flagged=[0], tau2=1.0)
    display = replace(DISPLAY, width_mm=width)
    drawn = radial(result, display, STYLE)
    check_pages(drawn.pages, width, display.height_mm, over_text=("study",))
    marks = [i for p in drawn.pages for i in p.items if i.role in ("study", "study outside")]
    usable = sum(v > 0 for v in vi)
    if usable >= 2:
        assert len(marks) == usable


def test_the_drawing_is_the_frozen_one() -> None:
    check_golden("radial", radial(random_effects("OR", 12, flagged=[1]), DISPLAY, STYLE).pages)


@pytest.mark.parametrize("width", [84.0, 174.0])
def test_a_log_proportion_reads_in_per_cent_and_never_above_100(width: float) -> None:
    result = made_up("PLN", [-0.1, -0.2, -0.15, -0.4, -0.02], [0.02, 0.01, 0.005, 0.03, 0.002])
    page = radial(result, replace(DISPLAY, width_mm=width), STYLE).pages[0]
    labels = [text for text in page.texts if text.role == "right tick label"]
    edge = max(line.x2 for line in page.with_role("axis"))  # type: ignore[union-attr]
    assert len(labels) >= 2
    for text in labels:
        x, y = read(page, (edge, text.y - 0.73 * text.size * 25.4 / 72 / 2))
        assert float(text.text) <= 100
        assert y / x == pytest.approx(log(float(text.text) / 100), abs=1e-6)


def test_the_most_precise_study_is_inside_however_precise() -> None:
    yi = [-0.3, 0.1, 0.2, -0.1, 0.05, 0.12]
    drawn = radial(made_up("OR", yi, [0.5, 0.6, 0.4, 0.5, 0.7, 0.0004]), DISPLAY, STYLE)
    assert len(circles(drawn.pages[0])) == 6
    assert not drawn.pages[0].with_role("study outside")


def test_a_study_beyond_the_axes_has_its_effect_in_the_note() -> None:
    yi = [0.1, 0.0, -0.1, 0.05, 0.02, 60.0]
    drawn = radial(made_up("MD", yi, [0.1] * 6, tau2=500.0), DISPLAY, STYLE)
    assert drawn.pages[0].with_role("study outside")
    assert "whose effects the right axis does not show: Study 6 1995 (60.0)." in drawn.caption


def test_rows_of_the_same_study_are_estimates() -> None:
    drawn = radial(with_rows_per_study(random_effects("OR", 12), 2), DISPLAY, STYLE)
    assert "Each circle is an estimate" in drawn.caption
    assert "95% of estimates would lie" in drawn.caption
    assert "12 estimates of 6 studies" in drawn.alt


def test_a_study_without_events_is_counted_and_not_drawn() -> None:
    drawn = radial(with_silent(random_effects("OR", 12), (2, 5)), DISPLAY, STYLE)
    assert len(circles(drawn.pages[0])) == 10
    assert "Scatter plot of 10 studies" in drawn.alt and "of 10" in drawn.alt
    assert "Not drawn, no event in either group: 2 studies." in drawn.caption
    rows = [row for row in table(drawn) if row["row"] == "not drawn"]
    assert [(row["x"], row["y"], row["estimate"]) for row in rows] == [("", "", "")] * 2


def test_the_brackets_are_those_of_the_style() -> None:
    drawn = radial(random_effects("OR", 12), DISPLAY, STYLES["bmj"])
    pooled = random_effects("OR", 12).primary.pooled
    told = f"({pooled.ci_low:.2f} to {pooled.ci_high:.2f})"
    assert told in drawn.caption and told in drawn.alt


@pytest.mark.parametrize("width", [84.0, 174.0])
def test_the_line_at_zero_is_explained_where_it_is_drawn(width: float) -> None:
    drawn = radial(random_effects("OR", 12), replace(DISPLAY, width_mm=width), STYLE)
    assert drawn.pages[0].with_role("zero")
    assert "Thin horizontal line: zero." in drawn.caption
