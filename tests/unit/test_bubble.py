"""The bubble plot: circles and line where the axes say, areas as weights, factors by level.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
from dataclasses import replace
from math import exp

import pytest
from golden import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_regression import MD, RR, factor, numeric, refused, result
from page_checks import axis_ticks, check_pages, value_at
from scatter_results import MEASURES

from metamill.config.settings import Display
from metamill.explored.regression import Permutations, RegressionPart
from metamill.figures.page.canvas import Circle, Curve, Polygon
from metamill.figures.page.render import render
from metamill.figures.points.bubble import bubble
from metamill.figures.style import STYLES

STYLE = STYLES["default"]
DISPLAY = Display("Cement in screws")
LABELS = [f"Müller {1980 + i}" for i in range(14)]
YEARS = [1980.0 + i for i in range(14)]
LEVELS = ["pmma", "calcium_phosphate", "none"]


def of_role(page, role):
    return [item for item in page.items if item.role == role]


def notes(page) -> str:
    return " ".join(text.text for text in of_role(page, "note")).replace("\xa0", " ")


@pytest.mark.parametrize("measure", [RR, MD])
@pytest.mark.parametrize("width", [84.0, 174.0])
def test_circles_lie_at_moderator_and_effect(measure, width):
    made = numeric(result(LABELS, measure), YEARS)
    page = bubble(made, replace(DISPLAY, width_mm=width), STYLE).pages[0]
    x, y = axis_ticks(page, "x"), axis_ticks(page, "y")
    found = sorted(
        (round(value_at(c.x, x), 6), round(value_at(c.y, y, measure.log_axis), 6))
        for c in of_role(page, "study")
    )
    assert found == [(p.x, round(p.estimate, 6)) for p in made.regressions[0].points]


def test_areas_are_as_weights():
    made = numeric(result(LABELS), YEARS)
    page = bubble(made, DISPLAY, STYLE).pages[0]
    x = axis_ticks(page, "x")
    weights = {round(p.x): p.weight for p in made.regressions[0].points}
    ratios = [c.radius**2 / weights[round(value_at(c.x, x))] for c in of_role(page, "study")]
    assert max(ratios) == pytest.approx(min(ratios))


def test_line_and_bands_are_those_of_the_result():
    made = numeric(result(LABELS), YEARS)
    page = bubble(made, DISPLAY, STYLE).pages[0]
    x, y = axis_ticks(page, "x"), axis_ticks(page, "y")
    means = made.regressions[0].means
    (line,) = of_role(page, "regression line")
    assert isinstance(line, Curve)
    for point, mean in zip(line.points, means, strict=True):
        assert value_at(point[0], x) == pytest.approx(mean.x)
        assert value_at(point[1], y, log=True) == pytest.approx(mean.mean)
    (band,) = of_role(page, "interval band")
    assert isinstance(band, Polygon)
    for point, mean in zip(band.points[:50], means, strict=True):
        assert value_at(point[1], y, log=True) == pytest.approx(mean.ci_low)
    lower, upper = of_role(page, "prediction")
    assert lower.dash and upper.dash
    assert value_at(lower.points[0][1], y, log=True) == pytest.approx(means[0].pi_low)
    assert value_at(upper.points[-1][1], y, log=True) == pytest.approx(means[-1].pi_high)


def test_slope_r2_and_test_stand_below():
    words = notes(bubble(numeric(result(LABELS), YEARS), DISPLAY, STYLE).pages[0])
    assert "Slope per unit of year on the log scale: 0.0123 [0.00430, 0.0203], p = 0.006" in words
    assert "R² = 34%" in words
    assert "F = 9.40 (df = 1, 12, p = 0.006)" in words


def test_a_factor_has_a_strip_for_each_level_with_its_mean():
    made = factor(result(LABELS), LEVELS)
    page = bubble(made, DISPLAY, STYLE).pages[0]
    x = axis_ticks(page, "x")
    assert [t.text.replace("\xa0", " ") for t in of_role(page, "label")] == [
        "Pmma (k = 5)", "Calcium phosphate (k = 4)", "None (k = 4)",
    ]  # fmt: skip
    means = [value_at((m.box[0] + m.box[2]) / 2, x, log=True) for m in of_role(page, "mean")]
    assert means == pytest.approx([m.mean for m in made.regressions[0].means])
    bars = [value_at(item.box[0], x, log=True) for item in of_role(page, "interval")]
    assert bars == pytest.approx([m.ci_low for m in made.regressions[0].means])
    found = sorted(value_at(c.x, x, log=True) for c in of_role(page, "study"))
    assert found == pytest.approx(sorted(p.estimate for p in made.regressions[0].points))
    assert "Left out, as they do not say the moderator: Müller 1993" in notes(page)


def test_circles_of_a_strip_lie_apart_while_there_is_room():
    page = bubble(factor(result(LABELS), LEVELS), DISPLAY, STYLE).pages[0]
    circles = of_role(page, "study")
    for i, a in enumerate(circles):
        for b in circles[:i]:
            assert (a.x - b.x) ** 2 + (a.y - b.y) ** 2 > (0.8 * (a.radius + b.radius)) ** 2


def test_each_moderator_has_a_page_and_a_refused_one_its_reason_under_the_last():
    made = refused(factor(numeric(result(LABELS), YEARS), LEVELS), "age", "fewer than 10 studies")
    drawn = bubble(made, DISPLAY, STYLE)
    assert len(drawn.pages) == 2
    told = "Not drawn: Age: fewer than 10 studies."
    assert told in notes(drawn.pages[1]) and told not in notes(drawn.pages[0])
    assert told in drawn.caption and told in drawn.alt


def test_many_levels_go_over_pages_with_the_axis_on_each():
    levels = [f"level {i}" for i in range(60)]
    drawn = bubble(factor(result([f"S {i}" for i in range(181)]), levels), DISPLAY, STYLE)
    check_pages(drawn.pages, DISPLAY.width_mm, DISPLAY.height_mm)
    strips = [page for page in drawn.pages if of_role(page, "mean")]
    assert len(strips) > 2 and all(of_role(page, "tick label") for page in strips)
    assert sum(len(of_role(page, "mean")) for page in strips) == 60
    assert sum(len(of_role(page, "study")) for page in strips) == 180


def test_without_any_regression_the_reason_is_the_figure():
    made = refused(result(LABELS), "age", "fewer than 10 studies say age")
    assert "fewer than 10 studies say age" in bubble(made, DISPLAY, STYLE).alt
    assert "no moderator" in bubble(result(LABELS), DISPLAY, STYLE).alt


def test_a_study_outside_the_axis_is_hollow_at_its_end():
    made = numeric(result(LABELS), YEARS)
    line = made.regressions[0]
    far = (replace(line.points[0], estimate=1e9), *line.points[1:])
    made = replace(made, regressions=(replace(line, points=far),))
    page = bubble(made, DISPLAY, STYLE).pages[0]
    hollow = [c for c in of_role(page, "study") if c.fill == STYLE.paper]
    assert len(hollow) == 1
    assert "1 study lies outside the axis" in notes(page)


def test_names_not_drawn_are_counted():
    labels = [f"A long name of study {i}" for i in range(300)]
    page = bubble(numeric(result(labels), [float(i % 40) for i in range(300)]), DISPLAY, STYLE)
    named = len(of_role(page.pages[0], "point name"))
    assert f"{300 - named} of 300 studies are not named" in notes(page.pages[0])


def test_the_table_holds_points_means_and_coefficients():
    made = factor(numeric(result(LABELS), YEARS), LEVELS)
    rows = list(csv.DictReader(io.StringIO(bubble(made, DISPLAY, STYLE).table)))
    points = [r for r in rows if r["item"] == "study" and r["moderator"] == "year"]
    assert [float(r["x"]) for r in points] == YEARS
    assert [float(r["estimate"]) for r in points] == pytest.approx(
        [p.estimate for p in made.regressions[0].points]
    )
    assert sum(r["item"] == "mean" for r in rows) == 50 + 3
    (slope,) = [r for r in rows if r["item"] == "coefficient" and r["label"] == "year"]
    assert (slope["estimate"], slope["p_value"]) == ("0.0123", "0.0056")
    assert [r["label"] for r in rows if r["item"] == "left out"] == ["Müller 1993"]


def test_words_name_moderator_slope_and_model():
    drawn = bubble(numeric(result(LABELS), YEARS), DISPLAY, STYLE)
    assert "14 studies by year" in drawn.alt
    assert "0.0123 [0.00430, 0.0203]" in drawn.alt
    assert "Meta-regression (REML), Hartung-Knapp" in drawn.caption


@settings(max_examples=25, deadline=None)
@given(
    labels=st.lists(st.text(max_size=60), min_size=10, max_size=40),
    repeat=st.sampled_from([1, 1, 7]),
    levels=st.lists(st.text(max_size=50), min_size=2, max_size=8, unique=True),
    name=st.text(max_size=60),
    measure=st.sampled_from([RR, MD]),
    spread=st.sampled_from([0.0, 0.5, 30.0]),
    width=st.sampled_from([66.0, 84.0, 174.0]),
    step=st.sampled_from([1e-4, 1.0, 1e6]),
)
def test_nothing_overlaps_or_leaves_the_page(
    labels, repeat, levels, name, measure, spread, width, step
):
    labels = labels * repeat
    made = numeric(result(labels, measure, spread), [step * i for i in range(len(labels))], name)
    made = factor(made, levels, name)
    drawn = bubble(made, replace(DISPLAY, width_mm=width), STYLE)
    check_pages(drawn.pages, width, DISPLAY.height_mm)
    assert len(of_role(drawn.pages[0], "study")) == len(labels)
    assert len(of_role(drawn.pages[1], "study")) == len(labels) - 1
    assert all(isinstance(item, Circle) for item in of_role(drawn.pages[0], "study"))


def test_it_is_the_same_bytes_twice():
    made = factor(numeric(result(LABELS), YEARS), LEVELS)
    one, two = (render(bubble(made, DISPLAY, STYLE).pages, "svg") for _ in range(2))
    assert one == two


def test_the_figure_is_as_frozen():
    made = factor(numeric(result(LABELS), YEARS), LEVELS)
    check_golden("bubble", bubble(made, DISPLAY, STYLE).pages)


def on_scale(back):
    """Reported effects (GEN) with a way back, and a line over them."""
    made = numeric(result(LABELS, MEASURES["GEN"]), YEARS)
    primary = made.primary
    pooled = replace(primary.pooled, mu=-0.3, estimate=back(-0.3))
    return replace(made, analyses=(replace(primary, pooled=pooled),))


def test_slopes_of_reported_effects_name_their_scale():
    words = notes(bubble(on_scale(lambda x: 1 / (1 + exp(-x))), DISPLAY, STYLE).pages[0])
    assert "Slope per unit of year on the logit scale: 0.0123" in words
    words = notes(bubble(on_scale(lambda x: exp(-exp(x))), DISPLAY, STYLE).pages[0])
    assert "on the log(-log) scale, which falls as the estimate rises: 0.0123" in words
    words = notes(bubble(on_scale(lambda x: x), DISPLAY, STYLE).pages[0])
    assert "Slope per unit of year: 0.0123" in words


@pytest.mark.parametrize("make", [numeric, factor])
def test_a_prediction_is_explained_only_where_there_is_one(make):
    made = make(result(LABELS), YEARS if make is numeric else LEVELS)
    assert "the 95% prediction interval" in bubble(made, DISPLAY, STYLE).caption
    line = made.regressions[0]
    means = tuple(replace(mean, pi_low=None, pi_high=None) for mean in line.means)
    made = replace(made, regressions=(replace(line, means=means),))
    caption = bubble(made, DISPLAY, STYLE).caption
    assert "prediction" not in caption and "dashed" not in caption


def test_every_line_begins_with_a_capital():
    made = numeric(result(LABELS), YEARS)
    made = replace(made, regressions=(replace(made.regressions[0], r2=None),))
    words = notes(bubble(made, DISPLAY, STYLE).pages[0])
    assert ". Test of the moderator F = 9.40" in words


def test_rows_of_the_same_study_are_estimates():
    made = numeric(result(LABELS), YEARS)
    pooled = replace(made.primary.pooled, k=7)
    made = replace(made, analyses=(replace(made.primary, pooled=pooled),))
    drawn = bubble(made, DISPLAY, STYLE)
    assert "14 estimates by year" in drawn.alt
    assert "Circles are estimates" in drawn.caption


def test_a_slope_below_zero_has_no_dash_between_its_limits():
    made = numeric(result(LABELS), YEARS)
    line = made.regressions[0]
    slope = replace(line.coefficients[1], b=-0.01, low=-0.03, high=-0.001)
    made = replace(made, regressions=(replace(line, coefficients=(slope,)),))
    drawn = bubble(made, DISPLAY, STYLES["jama"])
    assert "−0.0100 (−0.0300 to −0.00100)" in notes(drawn.pages[0])
    assert "(−0.0300 to −0.00100)" in drawn.alt


def test_a_score_ends_where_its_values_do():
    made = numeric(result(LABELS, MD), YEARS)
    line = made.regressions[0]
    means = tuple(replace(mean, pi_low=-9.0, pi_high=9.0) for mean in line.means)
    made = replace(made, regressions=(replace(line, means=means),))
    page = bubble(made, replace(DISPLAY, minimum=0.0, maximum=1.0), STYLE).pages[0]
    values = [value for _, value in axis_ticks(page, "y")]
    assert min(values) == -1 and max(values) == 1


@pytest.mark.parametrize("k", [14, 300])
@pytest.mark.parametrize("width", [84.0, 174.0])
def test_the_study_furthest_from_the_line_is_named(k, width):
    labels = [f"Author {i}, 1999" for i in range(k)]
    made = numeric(result(labels, MD), [float(i % 40) for i in range(k)])
    line = made.regressions[0]
    means = tuple(replace(mean, pi_low=None, pi_high=None) for mean in line.means)
    far = replace(line.points[7], estimate=line.means[0].mean + 3.0)
    points = (*line.points[:7], far, *line.points[8:])
    made = replace(made, regressions=(replace(line, points=points, means=means),))
    page = bubble(made, replace(DISPLAY, width_mm=width), STYLE).pages[0]
    assert "Author 7, 1999" in [text.text for text in of_role(page, "point name")]


def test_a_line_to_a_name_crosses_no_other_circle():
    page = bubble(numeric(result(LABELS), YEARS), replace(DISPLAY, width_mm=84), STYLE).pages[0]
    lines = of_role(page, "name line")
    assert lines
    for line in lines:
        crossed = 0
        for circle in of_role(page, "study"):
            shares = [i / 50 for i in range(51)]
            along = [(line.x1 + s * (line.x2 - line.x1), line.y1 + s * (line.y2 - line.y1))
                     for s in shares]  # fmt: skip
            near = min((x - circle.x) ** 2 + (y - circle.y) ** 2 for x, y in along) ** 0.5
            crossed += near < circle.radius - 1e-6
        assert crossed == 0


def test_the_caption_begins_with_the_kind_and_explains_moderator_and_lines():
    caption = bubble(numeric(result(LABELS), YEARS), DISPLAY, STYLE).caption
    assert caption.startswith("Bubble plot: Cement in screws. ")
    assert "by year." in caption and "Dotted: no effect." in caption


def several():
    """A year and a cement in one regression, from the two regressions that were made up."""
    made = factor(numeric(result(LABELS), YEARS), LEVELS)
    line, strip = made.regressions
    parts = tuple(
        RegressionPart(
            item.moderator, item.kind, item.levels, item.reference, item.centre, qm=2.5,
            qm_df=len(item.coefficients) - 1, qm_df2=9, qm_p=0.13, gvif=1.2, means=item.means,
            points=item.points,
        )
        for item in (line, strip)
    )  # fmt: skip
    terms = [replace(c, permutation_p=0.02) for c in line.coefficients + strip.coefficients[1:]]
    whole = replace(
        line, moderator="year + cement_type", kind="several", centre=None, parts=parts, means=(),
        coefficients=tuple(terms), left_out=strip.left_out, qm_df=3, qm_df2=9.0,
        permutations=Permutations(False, 10_000, 87_178_291_200, 1, 0.031, 0.0017),
    )  # fmt: skip
    return replace(made, regressions=(whole,))


def test_each_of_several_moderators_has_a_panel_that_says_what_is_held():
    drawn = bubble(several(), DISPLAY, STYLE)
    assert len(drawn.pages) == 2
    year, cement = (notes(page) for page in drawn.pages)
    assert "Adjusted: mean and effects are those at cement type pmma" in year
    assert "Adjusted: mean and effects are those at year 1980" in cement
    assert "p = 0.006, by permutation p = 0.020" in year and "df = 1, 9, p = 0.130" in year
    assert "The whole regression: R² = 34%" in cement and "R²" not in year
    assert "Permutation test of the regression (10,000 random orders): p = 0.031" in cement
    assert "each is adjusted for the others" in drawn.caption
    assert "by year, adjusted" in drawn.alt
    rows = list(csv.DictReader(io.StringIO(drawn.table)))
    assert {row["moderator"] for row in rows} == {"year", "cement_type"}
    assert all("adjusted" in row["note"] for row in rows if row["item"] == "study")
    (slope,) = [r for r in rows if r["item"] == "coefficient" and r["label"] == "year"]
    assert slope["permutation_p"] == "0.02"


@pytest.mark.parametrize("width", [84.0, 174.0])
def test_panels_of_several_moderators_stay_on_their_pages(width):
    drawn = bubble(several(), replace(DISPLAY, width_mm=width), STYLE)
    check_pages(drawn.pages, width, DISPLAY.height_mm)


def test_panels_of_several_moderators_are_as_frozen():
    check_golden("bubble_several", bubble(several(), DISPLAY, STYLE).pages)


def test_a_permutation_test_that_could_not_be_says_why():
    made = numeric(result(LABELS), YEARS)
    line = replace(made.regressions[0], permutations=Permutations(note="rows belong together"))
    words = notes(bubble(replace(made, regressions=(line,)), DISPLAY, STYLE).pages[0])
    assert "No permutation test: rows belong together." in words
