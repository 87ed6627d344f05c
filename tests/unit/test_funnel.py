"""Funnel plots: every study where its numbers say, limits and contours by their formulas.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
from dataclasses import replace
from math import exp, log, sqrt
from statistics import NormalDist

import pytest
from golden import check_golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_checks import axis_ticks, check_pages, value_at
from scatter_results import (
    DISPLAY,
    MEASURES,
    made_up,
    proportions,
    random_effects,
    reported_on,
    with_rows_per_study,
    with_silent,
    without_pool,
)

from metamill.figures.drawn import Drawn
from metamill.figures.page.canvas import Canvas, Circle, Curve, Polygon, Text, rectangle
from metamill.figures.page.render import render
from metamill.figures.points.funnel import clipped, funnel, funnel_contour
from metamill.figures.points.marks import Entry, legend_rows, line_entry
from metamill.figures.style import STYLES
from metamill.results import Result

STYLE = STYLES["default"]


def table(drawn: Drawn) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(drawn.table)))


def studies(page: Canvas) -> list[tuple[float, float]]:
    """The middles of the marks of studies, in mm."""
    return [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in (i.box for i in page.items
             if i.role == "study")]  # fmt: skip


def read(page: Canvas, point: tuple[float, float], log_x: bool, log_y: bool = False):
    """A point in mm as values, read from the tick labels."""
    x = value_at(point[0], axis_ticks(page, "x"), log_x)
    return x, value_at(point[1], axis_ticks(page, "y"), log_y)


def expected(result: Result, natural: bool = True) -> list[tuple[float, float]]:
    return [
        (effect.estimate if natural else effect.yi, sqrt(effect.vi))
        for effect in result.primary.effects
    ]


@pytest.mark.parametrize("k", [10, 60, 300])
@pytest.mark.parametrize("width", [66.0, 84.0, 174.0])
def test_every_study_is_drawn_and_nothing_leaves_the_page(k: int, width: float) -> None:
    display = replace(DISPLAY, width_mm=width)
    for draw in (funnel, funnel_contour):
        drawn = draw(random_effects("OR", k), display, STYLE)
        check_pages(drawn.pages, width, display.height_mm)
        marks = [item for page in drawn.pages for item in page.items
                 if item.role in ("study", "study outside")]  # fmt: skip
        assert len(marks) == k


@pytest.mark.parametrize(
    ("code", "log_x", "natural"), [("OR", True, True), ("MD", False, True), ("ZCOR", False, False)]
)
def test_marks_lie_where_the_tick_labels_read_the_effect_and_its_standard_error(
    code: str, log_x: bool, natural: bool
) -> None:
    result = random_effects(code, 25)
    page = funnel(result, DISPLAY, STYLE).pages[0]
    found = sorted(read(page, point, log_x) for point in studies(page))
    for (x, y), (want_x, want_y) in zip(found, sorted(expected(result, natural)), strict=True):
        assert x == pytest.approx(want_x, rel=1e-6, abs=1e-6)
        assert y == pytest.approx(want_y, rel=1e-6)


def test_proportions_are_drawn_against_their_size_in_per_cent_without_limits() -> None:
    result = proportions("PLO", 20)
    drawn = funnel(result, DISPLAY, STYLE)
    page = drawn.pages[0]
    found = sorted(read(page, point, False, True) for point in studies(page))
    want = sorted((100 * e.estimate, e.size) for e in result.primary.effects)
    for (x, y), (want_x, want_y) in zip(found, want, strict=True):
        assert x == pytest.approx(want_x, rel=1e-6)
        assert y == pytest.approx(want_y, rel=1e-6)
    assert not page.with_role("limit") and page.with_role("estimate")
    assert "No limits are drawn" in drawn.caption


def test_rates_are_drawn_against_the_time_at_risk() -> None:
    result = proportions("IRLN", 12)
    rows = [row for row in table(funnel(result, DISPLAY, STYLE)) if row["row"] == "study"]
    assert [float(row["y"]) for row in rows] == [float(r.cells["time"]) for r in result.rows]


def test_a_rate_without_its_time_is_listed_and_not_drawn() -> None:
    result = proportions("IRLN", 12)
    rows = (replace(result.rows[0], cells={}), *result.rows[1:])
    drawn = funnel(replace(result, rows=rows), DISPLAY, STYLE)
    assert f"Not drawn, no size is known: {result.rows[0].label}." in drawn.caption
    assert [row["label"] for row in table(drawn) if row["row"] == "not drawn"] == [
        result.rows[0].label
    ]


def test_limits_are_the_pooled_estimate_and_normal_quantiles_of_the_standard_error() -> None:
    result = random_effects("OR", 20)
    page = funnel(result, DISPLAY, STYLE).pages[0]
    z = NormalDist().inv_cdf(0.975)
    limits = page.with_role("limit")
    assert len(limits) == 2
    for curve in limits:
        assert isinstance(curve, Curve)
        x, y = read(page, curve.points[-1], True)
        assert abs(log(x) - (result.primary.pooled.mu or 0)) == pytest.approx(z * y, rel=1e-6)


def test_contours_have_the_p_values_they_are_named_after() -> None:
    page = funnel_contour(random_effects("OR", 20), DISPLAY, STYLE).pages[0]
    for level in (0.10, 0.05, 0.01):
        (region,) = page.with_role(f"region p > {level:g}")
        assert isinstance(region, Polygon)
        deepest = max(y for _, y in region.points)
        right = max(x for x, y in region.points if y == deepest)
        corner = next((x, y) for x, y in region.points if x == right)
        x, se = read(page, corner, True)
        assert 2 * (1 - NormalDist().cdf(abs(log(x)) / se)) == pytest.approx(level, rel=1e-5)


def test_greys_of_the_regions_differ_and_leave_marks_visible() -> None:
    shades = [int(colour[1:3], 16) for colour in STYLE.regions]
    assert len(set(shades)) == 4
    assert min(abs(a - b) for i, a in enumerate(shades) for b in shades[:i]) >= 20
    assert int(STYLE.accent[1:3], 16) < min(shades) - 90


@pytest.mark.fault("A25")
def test_fewer_than_ten_studies_are_refused_with_the_reason() -> None:
    drawn = funnel(random_effects("OR", 9), DISPLAY, STYLE)
    assert "not drawn, with fewer than 10 studies (9 studies)" in drawn.alt
    assert drawn.caption == drawn.alt
    check_pages(drawn.pages, DISPLAY.width_mm)


def test_contours_need_a_value_of_no_effect() -> None:
    assert "no value of no effect" in funnel_contour(proportions("PLO", 20), DISPLAY, STYLE).alt


def test_a_study_beyond_the_axes_is_a_triangle_at_the_edge_and_named() -> None:
    yi = [0.1 * (i % 5) for i in range(12)] + [40.0, 0.2]
    vi = [0.05 + 0.01 * i for i in range(12)] + [0.1, 1e6]
    drawn = funnel(made_up("OR", yi, vi), DISPLAY, STYLE)
    page = drawn.pages[0]
    assert len(page.with_role("study outside")) == 2 and len(studies(page)) == 12
    (note,) = [text for text in drawn.caption.split(". ") if "beyond the axes" in text]
    assert "Study 13" in note and "Study 14" in note
    assert [row["inside"] for row in table(drawn)][12:14] == ["no", "no"]
    check_pages(drawn.pages, DISPLAY.width_mm)


def test_flagged_studies_are_hollow_and_the_note_says_why() -> None:
    drawn = funnel(random_effects("OR", 12, flagged=[2, 5]), DISPLAY, STYLE)
    hollow = [item for item in drawn.pages[0].with_role("study")
              if isinstance(item, Circle) and item.fill == STYLE.paper]  # fmt: skip
    assert len(hollow) == 2
    assert "Hollow: continuity correction, to pool the row (2)." in drawn.caption


@pytest.mark.fault("O11")
@pytest.mark.fault("O27")
def test_subgroups_differ_in_shape_as_well_as_colour_and_are_in_the_legend() -> None:
    result = random_effects("OR", 12, levels=["randomised", "cohort", "registry"] * 4)
    page = funnel(result, DISPLAY, STYLE).pages[0]
    looks = {
        (type(item).__name__, len(getattr(item, "points", ())), item.fill)
        for item in page.with_role("study")
        if isinstance(item, Circle | Polygon)
    }
    assert len(looks) == 3 and len({look[:2] for look in looks}) == 3
    legend = {text.text for text in page.texts if text.role == "legend"}
    assert {"Randomised", "Cohort", "Registry"} <= legend


def test_the_table_holds_exactly_what_is_drawn() -> None:
    result = random_effects("OR", 15, levels=["a", "b", "c"] * 5)
    rows = table(funnel(result, DISPLAY, STYLE))
    drawn = [row for row in rows if row["row"] == "study"]
    assert [row["label"] for row in drawn] == [row.label for row in result.rows]
    assert [row["subgroup"] for row in drawn] == ["A", "B", "C"] * 5
    for row, (x, y) in zip(drawn, expected(result), strict=True):
        assert float(row["x"]) == pytest.approx(x, rel=1e-9)
        assert float(row["y"]) == pytest.approx(y, rel=1e-9)
    (pooled,) = [row for row in rows if row["row"] == "pooled"]
    assert float(pooled["x"]) == pytest.approx(result.primary.pooled.estimate, rel=1e-9)


def test_words_name_the_numbers_of_the_result() -> None:
    result = random_effects("OR", 20)
    drawn = funnel(result, DISPLAY, STYLE)
    pooled = result.primary.pooled
    told = f"{pooled.estimate:.2f} [{pooled.ci_low:.2f}, {pooled.ci_high:.2f}]"
    assert told in drawn.alt and told in drawn.caption
    assert "20 studies" in drawn.alt and DISPLAY.title in drawn.alt
    below = sum(e.yi < (pooled.mu or 0) for e in result.primary.effects)
    assert f"Below the pooled estimate: {below}, above it: {20 - below}." in drawn.alt


def test_without_a_pooled_estimate_the_studies_are_still_drawn() -> None:
    drawn = funnel(without_pool(random_effects("OR", 12)), DISPLAY, STYLE)
    assert len(studies(drawn.pages[0])) == 12
    assert not drawn.pages[0].with_role("estimate")
    assert "There is no pooled estimate to draw." in drawn.caption


def test_the_same_result_gives_the_same_bytes() -> None:
    result = random_effects("OR", 30)
    pages = [funnel_contour(result, DISPLAY, STYLE).pages for _ in range(2)]
    assert render(pages[0], "svg") == render(pages[1], "svg")


def test_clipping_keeps_a_polygon_between_two_lines() -> None:
    shape = clipped([(0.0, 0.0), (10.0, 10.0), (-10.0, 10.0)], -5.0, 4.0)
    assert min(x for x, _ in shape) == -5.0 and max(x for x, _ in shape) == 4.0
    assert (4.0, 4.0) in shape and (-5.0, 5.0) in shape
    assert clipped([(0.0, 0.0), (1.0, 1.0), (-1.0, 1.0)], 5.0, 6.0) == []


LABELS = st.text(min_size=0, max_size=40)
EXTREME = st.floats(-1e3, 1e3) | st.floats(-3, 3)
VARIANCES = st.floats(1e-8, 1e6) | st.floats(0.01, 4) | st.just(0.0)


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["OR", "MD", "ZCOR", "PLO"]),
    st.lists(st.tuples(LABELS, EXTREME, VARIANCES), min_size=10, max_size=40),
    st.sampled_from([66.0, 84.0, 174.0, 400.0]),
    st.booleans(),
)
def test_any_numbers_and_labels_draw(
    code: str, drawn_rows: list[tuple[str, float, float]], width: float, contours: bool
) -> None:
    labels, yi, vi = zip(*drawn_rows, strict=True)
    yi = [y / 5 if code != "MD" else y for y in yi]
    sizes = [1 + abs(y) for y in yi]
    result = made_up(code, yi, vi, labels, sizes=sizes, flagged=[0], tau2=1.0)
    display = replace(DISPLAY, width_mm=width)
    drawn = (funnel_contour if contours else funnel)(result, display, STYLE)
    check_pages(drawn.pages, width, display.height_mm)
    if contours and code == "PLO":
        return
    marks = [i for p in drawn.pages for i in p.items if i.role in ("study", "study outside")]
    rows = [row for row in table(drawn) if row["row"] == "study"]
    assert len(marks) == len(rows) == len(yi)


def test_three_hundred_studies_in_forty_subgroups_fit_further_pages() -> None:
    levels = [f"A level with a rather long name, number {i % 40}" for i in range(300)]
    display = replace(DISPLAY, width_mm=66.0, height_mm=90.0)
    drawn = funnel(random_effects("OR", 300, levels=levels), display, STYLE)
    assert len(drawn.pages) > 1
    check_pages(drawn.pages, 66.0, 90.0)


def test_measures_of_the_tests_are_those_of_the_product() -> None:
    from metamill.measures.registry import MEASURES as PRODUCT

    for code, text in MEASURES.items():
        measure = PRODUCT[code]
        assert (text.name, text.natural, text.family) == (
            measure.name, measure.natural, measure.family
        )  # fmt: skip
        assert text.log_axis == measure.log_axis


def test_the_drawing_is_the_frozen_one() -> None:
    result = random_effects("OR", 12, flagged=[1], levels=["randomised", "cohort"] * 6)
    check_golden("funnel", funnel(result, DISPLAY, STYLE).pages)
    check_golden("funnel_size", funnel(proportions("PLO", 12), DISPLAY, STYLE).pages)
    narrow = replace(DISPLAY, width_mm=84.0)
    check_golden("funnel_contour", funnel_contour(result, narrow, STYLE).pages)


def test_the_smallest_studies_are_inside_but_for_one_of_another_order() -> None:
    yi, vi = [0.1 * (-1) ** i for i in range(12)], [0.04] * 11
    near = funnel(made_up("MD", yi, [*vi, 0.04 * 19**2], tau2=0.1), DISPLAY, STYLE)
    assert not near.pages[0].with_role("study outside")
    assert len(near.pages[0].with_role("study")) == 12
    far = funnel(made_up("MD", yi, [*vi, 0.04 * 21**2], tau2=0.1), DISPLAY, STYLE)
    assert len(far.pages[0].with_role("study outside")) == 1


def test_below_and_above_mean_the_estimate_where_the_model_scale_runs_the_other_way() -> None:
    yi = [-1.2, -1.1, -1.0, *[-0.3 - 0.01 * i for i in range(8)]]
    made = made_up("GEN", yi, [0.02] * 11)
    drawn = funnel(reported_on(made, lambda x: exp(-exp(x))), DISPLAY, STYLE)
    assert "(log(-log) scale)" in drawn.alt
    pooled = reported_on(made, lambda x: exp(-exp(x))).primary.pooled.estimate or 0.0
    above = sum(exp(-exp(y)) > pooled for y in yi)
    assert above == 3
    assert "Below the pooled estimate: 8, above it: 3." in drawn.alt


def test_rows_of_the_same_study_are_estimates() -> None:
    drawn = funnel_contour(with_rows_per_study(random_effects("OR", 30), 3), DISPLAY, STYLE)
    assert "Each mark is an estimate." in drawn.caption
    assert "95% of estimates would lie" in drawn.caption
    assert "p value of a single estimate" in drawn.caption
    assert "30 estimates of 10 studies" in drawn.alt


def test_studies_without_events_are_counted_and_neither_drawn_nor_described() -> None:
    drawn = funnel(with_silent(random_effects("OR", 14), (0, 13)), DISPLAY, STYLE)
    assert len(drawn.pages[0].with_role("study")) == 12
    assert "Scatter plot of 12 studies" in drawn.alt and "of 12 lie within" in drawn.alt
    assert "Not drawn, no event in either group: 2 studies." in drawn.caption
    rows = [row for row in table(drawn) if row["row"] == "not drawn"]
    assert [(row["x"], row["y"]) for row in rows] == [("", "")] * 2


def test_studies_without_events_do_not_make_ten() -> None:
    drawn = funnel(with_silent(random_effects("OR", 11), (0, 1)), DISPLAY, STYLE)
    assert "with fewer than 10 studies (9 studies)" in drawn.alt


def test_hollow_marks_are_as_large_as_filled_ones() -> None:
    page = funnel(random_effects("OR", 12, flagged=[2]), DISPLAY, STYLE).pages[0]
    marks = [item for item in page.with_role("study") if isinstance(item, Circle)]
    (hollow,) = (item for item in marks if item.fill == STYLE.paper)
    filled = next(item for item in marks if item.fill != STYLE.paper)
    mm = 25.4 / 72
    assert hollow.radius + hollow.width / 2 * mm == pytest.approx(
        filled.radius - filled.width / 2 * mm
    )


@pytest.mark.parametrize("width", [66.0, 84.0, 174.0])
def test_both_directions_stand_under_the_ends_of_the_axis(width: float) -> None:
    display = replace(
        DISPLAY, width_mm=width, direction="lower", treatment="Cemented", control="No cement"
    )
    drawn = funnel(random_effects("OR", 12), display, STYLE)
    check_pages(drawn.pages, width, display.height_mm)
    page = drawn.pages[0]
    told = [text for text in page.texts if text.role == "direction"]
    words = " ".join(text.text for text in told).replace("\xa0", " ")
    assert words == "← Favours cemented Favours no cement →"
    ends = [line for line in page.with_role("axis") if line.y1 == line.y2]  # type: ignore[union-attr]
    left, right = ends[0].x1, ends[0].x2  # type: ignore[union-attr]
    assert told[0].box[0] == pytest.approx(left) and told[-1].box[2] == pytest.approx(right)
    assert len({text.y for text in told}) == (1 if width > 80 else 2)


@pytest.mark.parametrize("width", [84.0, 174.0])
def test_the_keys_of_the_contours_stand_in_one_row(width: float) -> None:
    drawn = funnel_contour(random_effects("OR", 12), replace(DISPLAY, width_mm=width), STYLE)
    assert len({item.box[1] for item in drawn.pages[0].with_role("legend region")}) == 1


def test_symbols_are_as_near_to_their_words_as_lines_are() -> None:
    def sample(box):
        return [rectangle(box, "#000000", role="sample")]

    found = [
        legend_rows([Entry(sample, "A word", wide)], DISPLAY, STYLE)[0][0] for wide in (1.8, 6.0)
    ]
    gaps = [text.box[0] - shape.box[2] for shape, text in found]
    assert gaps[0] == pytest.approx(gaps[1])


def test_a_legend_does_not_break_in_brackets_that_fit_the_line() -> None:
    words = "A name of a subgroup that goes on for long until the line ends (n = 33)"
    rows = legend_rows([line_entry(words, 0.5, "#000000")], replace(DISPLAY, width_mm=84), STYLE)
    lines = [item.text for item in rows[0][0] if isinstance(item, Text)]
    assert len(lines) == 2 and lines[-1].endswith("(n\xa0=\xa033)")


def test_the_null_value_of_a_change_is_no_change() -> None:
    for code, words in (("MC", "no change"), ("MD", "no effect")):
        drawn = funnel(random_effects(code, 12), DISPLAY, STYLE)
        legend = [text.text for text in drawn.pages[0].texts if text.role == "legend"]
        assert words.capitalize() in legend
        assert f"Solid line: {words}." in drawn.caption


def test_a_title_that_ends_with_a_stop_has_one_in_the_caption() -> None:
    drawn = funnel(random_effects("OR", 12), replace(DISPLAY, title="Loosening."), STYLE)
    assert drawn.caption.startswith("Funnel plot: Loosening. Each mark")
