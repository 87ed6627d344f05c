"""The prediction distribution: its shape is that of the prediction interval, and all is drawn.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
from dataclasses import replace
from math import exp, floor, inf, log, log10, sqrt

import pytest
from golden import check_golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_checks import axis_ticks, check_pages, value_at
from scatter_results import (
    DISPLAY,
    made_up,
    random_effects,
    with_df,
    with_rows_per_study,
    with_silent,
)
from scipy.special import expit, logit, stdtr

from metamill.figures.axes.axis import log_axis
from metamill.figures.axes.spaced import (
    ARCSINE,
    CLOGLOG,
    FISHER,
    IDENTITY,
    LOG,
    LOGIT,
    ROOT,
    spaced_axis,
)
from metamill.figures.axes.ticks import tick_texts
from metamill.figures.curves.law import Law, law_of
from metamill.figures.curves.prediction import prediction
from metamill.figures.drawn import Drawn
from metamill.figures.page.canvas import Canvas, Curve, Line, Polygon
from metamill.figures.page.render import render
from metamill.figures.style import STYLES
from metamill.results import Beyond, Result

STYLE = STYLES["default"]


def with_pooled(result: Result, **changes: object) -> Result:
    primary = result.primary
    pooled = replace(primary.pooled, **changes)  # type: ignore[arg-type]
    return replace(result, analyses=(replace(primary, pooled=pooled), *result.analyses[1:]))


def with_settings(result: Result, **changes: object) -> Result:
    primary = replace(result.primary, settings=result.primary.settings | changes)
    return replace(result, analyses=(primary, *result.analyses[1:]))


def law(result: Result) -> Law:
    found = law_of(result)
    assert isinstance(found, Law), found
    return found


def table(drawn: Drawn) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(drawn.table)))


def of_role(page: Canvas, role: str) -> list:
    return [item for item in page.items if item.role == role]


@pytest.mark.parametrize("code", ["MD", "OR", "PLO", "PAS", "ZCOR"])
@pytest.mark.parametrize("k", [5, 12])
def test_the_spread_is_that_of_tau2_and_the_mean(code, k):
    result = random_effects(code, k, mu=0.7, tau=0.2)
    pooled = result.primary.pooled
    found = law(result)
    assert found.spread == pytest.approx(sqrt(pooled.tau2 + pooled.se**2), rel=1e-6)
    assert found.df == k - 1
    assert found.reach(95) == pytest.approx(
        float(found.scale.forward(pooled.pi_high)) - pooled.mu, rel=1e-6
    )


def test_the_density_is_that_of_t_and_holds_95_per_cent_between_the_limits():
    result = random_effects("OR", 8)
    found, pooled = law(result), result.primary.pooled
    low, high = log(pooled.pi_low), log(pooled.pi_high)
    steps = 4000
    width = (high - low) / steps
    area = sum(found.density(low + (i + 0.5) * width) for i in range(steps)) * width
    assert area == pytest.approx(0.95, abs=1e-6)
    x = found.centre + 0.7 * found.spread
    slope = (stdtr(7, 0.7 + 1e-5) - stdtr(7, 0.7 - 1e-5)) / 2e-5 / found.spread
    assert found.density(x) == pytest.approx(slope, rel=1e-6)


def test_a_normal_prediction_has_a_normal_density():
    result = with_settings(random_effects("MD", 9), prediction_interval="z")
    found = law(result)
    assert found.df == inf
    assert found.density(found.centre) == pytest.approx(0.3989422804 / found.spread)


def test_two_degrees_are_lost_by_hts():
    result = with_settings(random_effects("MD", 9), prediction_interval="hts")
    assert law(result).df == 7


def test_a_robust_model_has_the_degrees_of_freedom_that_its_interval_says():
    result = with_settings(random_effects("MD", 9), method="RVE")
    assert law(result).df == pytest.approx(8, rel=1e-6)


@pytest.mark.parametrize("scale", [IDENTITY, LOG, LOGIT, CLOGLOG, ARCSINE, ROOT, FISHER])
@pytest.mark.parametrize("x", [0.001, 0.2, 0.5, 0.97])
def test_a_scale_and_its_way_back_undo_each_other_and_increase(scale, x):
    assert scale.back(scale.forward(x)) == pytest.approx(x, rel=1e-12)
    assert scale.forward(x) < scale.forward(x + 0.01)


def test_limits_cut_at_the_end_of_the_scale_do_not_mislead():
    result = random_effects("PAS", 6, mu=0.25, tau=0.1)
    whole = law(result)
    pooled = result.primary.pooled
    assert pooled.pi_low == 0.0 or whole.low == 0.0
    cut = with_pooled(result, pi_low=0.0)
    assert law(cut).spread == pytest.approx(whole.spread, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"method": "EE"}, "one effect common to all"),
        ({"prediction": False}, "was asked for"),
        ({}, "gives no prediction interval"),
    ],
)
def test_without_a_prediction_interval_the_reason_is_the_figure(change, reason):
    result = with_settings(
        with_pooled(random_effects("OR", 6), pi_low=None, pi_high=None), **change
    )
    drawn = prediction(result, DISPLAY, STYLE)
    assert reason in drawn.alt and "not drawn" in drawn.alt
    assert not of_role(drawn.pages[0], "density")


def test_two_studies_give_no_distribution():
    result = with_pooled(random_effects("OR", 2), pi_low=None, pi_high=None)
    assert "fewer than three studies" in prediction(result, DISPLAY, STYLE).alt


def test_an_interval_of_every_possible_value_has_no_shape():
    result = with_pooled(random_effects("PAS", 6, mu=0.7), pi_low=0.0, pi_high=1.0)
    assert "every possible value" in prediction(result, DISPLAY, STYLE).alt


def test_an_interval_of_another_shape_is_refused():
    result = random_effects("OR", 6)
    crooked = with_pooled(result, pi_high=result.primary.pooled.pi_high * 1.5)
    assert "not symmetric" in prediction(crooked, DISPLAY, STYLE).alt
    bayes = with_settings(result, method="BAYES")
    assert "Bayesian" in prediction(bayes, DISPLAY, STYLE).alt


@pytest.mark.parametrize("code", ["MD", "OR", "PLO"])
@pytest.mark.parametrize("width", [66.0, 84.0, 174.0])
def test_bars_and_studies_lie_where_the_axis_says(code, width):
    result = random_effects(code, 12, mu=-0.4)
    page = prediction(result, replace(DISPLAY, width_mm=width), STYLE).pages[0]
    pooled = result.primary.pooled
    factor = 100 if code == "PLO" else 1
    ticks = [(mm, value / factor) for mm, value in axis_ticks(page, "x")]

    def read(mm: float) -> float:
        if code != "PLO":
            return value_at(mm, ticks, code == "OR")
        placed = [(at, float(logit(value))) for at, value in ticks]
        return float(expit(value_at(mm, placed)))

    (bar,) = of_role(page, "prediction")
    assert read(bar.box[0]) == pytest.approx(pooled.pi_low, rel=1e-6)
    assert read(bar.box[2]) == pytest.approx(pooled.pi_high, rel=1e-6)
    (bar,) = of_role(page, "confidence")
    assert read(bar.box[0]) == pytest.approx(pooled.ci_low, rel=1e-6)
    assert read(bar.box[2]) == pytest.approx(pooled.ci_high, rel=1e-6)
    marks = [item for item in of_role(page, "study") if isinstance(item, Line)]
    arrows = [item for item in of_role(page, "arrow") if isinstance(item, Polygon)]
    assert len(marks) + len(arrows) == 12
    inside = {round(read(item.x1), 6) for item in marks}
    assert inside <= {round(e.estimate, 6) for e in result.primary.effects}


def test_the_curve_is_highest_at_the_mean_and_has_the_heights_of_the_density():
    result = random_effects("OR", 12)
    page = prediction(result, DISPLAY, STYLE).pages[0]
    (curve,) = of_role(page, "density")
    assert isinstance(curve, Curve)
    found, ticks = law(result), axis_ticks(page, "x")
    peak = min(y for _, y in curve.points)
    base = max(item.box[3] for item in of_role(page, "area"))
    for x, y in curve.points[::17]:
        value = log(value_at(x, ticks, log=True))
        share = found.density(value) / found.density(found.centre)
        assert (base - y) / (base - peak) == pytest.approx(share, abs=1e-6)


def test_thresholds_are_shaded_on_the_better_side_with_the_probability_of_the_result():
    result = with_pooled(random_effects("MD", 12, mu=-2.0), beyond=(Beyond(-1.0, 0.017),))
    display = replace(DISPLAY, direction="lower")
    drawn = prediction(result, display, STYLE)
    assert "below −1.00 with probability 98%" in drawn.alt
    page = drawn.pages[0]
    ticks = axis_ticks(page, "x")
    _, shaded = of_role(page, "area")
    assert value_at(shaded.box[2], ticks) == pytest.approx(-1.0, abs=1e-6)
    (line,) = of_role(page, "threshold")
    assert value_at(line.x1, ticks) == pytest.approx(-1.0, abs=1e-6)
    better = replace(display, direction="higher")
    _, shaded = of_role(prediction(result, better, STYLE).pages[0], "area")
    assert value_at(shaded.box[0], ticks) == pytest.approx(-1.0, abs=1e-6)


def test_few_studies_are_grey_and_say_so():
    result = with_pooled(random_effects("OR", 4), pi_doubtful=True)
    drawn = prediction(result, DISPLAY, STYLE)
    (curve,) = of_role(drawn.pages[0], "density")
    assert curve.colour == STYLE.doubtful
    assert "unreliable" in drawn.alt


def test_a_study_outside_the_axis_is_an_arrow_and_counted():
    result = made_up("OR", [0.0, 0.1, -0.1, 0.05, 9.0], [0.1] * 5)
    result = with_pooled(result, **random_effects("OR", 5).primary.pooled.__dict__)
    drawn = prediction(result, DISPLAY, STYLE)
    assert "1 study lies above the axis" in drawn.alt
    hollow = [item for item in of_role(drawn.pages[0], "arrow") if item.fill is None]
    assert len(hollow) == 1


def test_the_table_holds_what_is_drawn():
    result = with_pooled(random_effects("OR", 7), beyond=(Beyond(0.8, 0.4),))
    rows = table(prediction(result, DISPLAY, STYLE))
    studies = [row for row in rows if row["item"] == "study"]
    assert [float(row["value"]) for row in studies] == pytest.approx(
        [effect.estimate for effect in result.primary.effects]
    )
    (row,) = [row for row in rows if row["item"] == "prediction"]
    assert float(row["low"]) == pytest.approx(result.primary.pooled.pi_low)
    (row,) = [row for row in rows if row["item"] == "threshold"]
    assert float(row["above"]) == 0.4
    found = law(result)
    for row in [row for row in rows if row["item"] == "density"][::29]:
        assert float(row["density"]) == pytest.approx(
            found.density(log(float(row["value"]))), rel=1e-6
        )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    k=st.integers(3, 300),
    code=st.sampled_from(["OR", "MD", "PLO", "PAS", "ZCOR", "RD", "IRLN"]),
    mu=st.floats(-6, 6),
    tau=st.floats(0.01, 4),
    width=st.sampled_from([66.0, 84.0, 119.0, 174.0]),
    names=st.tuples(st.text(max_size=60), st.text(max_size=60)),
    thresholds=st.lists(st.floats(-5, 5), max_size=4),
)
def test_nothing_overlaps_or_leaves_the_page(k, code, mu, tau, width, names, thresholds):
    result = random_effects(code, k, mu=mu, tau=tau)
    at = [exp(x) if code in ("OR", "IRLN") else x for x in thresholds]
    result = with_pooled(result, beyond=tuple(Beyond(x, 0.5) for x in at))
    display = replace(DISPLAY, width_mm=width, treatment=names[0], control=names[1])
    drawn = prediction(result, display, STYLE)
    check_pages(drawn.pages, width, display.height_mm)


def test_it_is_the_same_bytes_twice():
    result = random_effects("PLO", 12)
    one, two = (render(prediction(result, DISPLAY, STYLE).pages, "svg") for _ in range(2))
    assert one == two


def test_the_figure_is_as_frozen():
    result = with_pooled(random_effects("MD", 6, mu=-2.0), beyond=(Beyond(-1.0, 0.05),))
    check_golden("prediction", prediction(result, DISPLAY, STYLE).pages)


def test_the_labels_of_a_logarithmic_axis_are_in_per_cent():
    axis = log_axis(0.004, 0.9, 0.0, 150.0)
    shown = [float(text) for text in tick_texts(axis, 100)]
    assert shown == pytest.approx([100 * tick for tick in axis.ticks])
    assert tick_texts(axis) == [f"{tick:.{-floor(log10(tick))}f}" if tick < 1 else "1"
                                for tick in axis.ticks]  # fmt: skip


@pytest.mark.parametrize("yi", [[-0.1, -0.3, -0.2, -0.5, -0.25], [-3.4, -3.0, -2.5, -3.3, -2.8]])
def test_a_log_proportion_lies_where_its_axis_in_per_cent_says(yi):
    result = made_up("PLN", yi, [0.01] * 5)
    page = prediction(result, DISPLAY, STYLE).pages[0]
    ticks = axis_ticks(page, "x")
    assert len(ticks) >= 3 and ticks[-1][1] <= 100
    found = [100 * effect.estimate for effect in result.primary.effects]
    lines = [item for item in of_role(page, "study") if isinstance(item, Line)]
    assert sorted(value_at(line.x1, ticks, log=True) for line in lines) == pytest.approx(
        sorted(found)
    )


def cut_proportion() -> Result:
    result = made_up("PR", [0.9, 0.8, 0.7, 0.95, 0.85], [0.01] * 5, tau2=0.01)
    pooled = result.primary.pooled
    return with_pooled(result, ci_high=min(pooled.ci_high, 1), pi_high=1.0)


def test_what_lies_beyond_the_possible_values_is_said_and_not_drawn():
    result = cut_proportion()
    found = law(result)
    beyond = 1 - float(stdtr(found.df, (1 - found.centre) / found.spread))
    assert beyond > 0.05
    drawn = prediction(result, DISPLAY, STYLE)
    assert f"{100 * beyond:.0f}% of the distribution lies beyond 100.0%" in drawn.alt
    assert "areas are probabilities as far as values are possible" in drawn.caption
    whole = prediction(random_effects("OR", 8), DISPLAY, STYLE)
    assert "of the distribution lies beyond" not in whole.alt
    assert "areas are probabilities." in whole.caption


def test_a_change_of_a_score_ends_where_the_score_does():
    result = random_effects("MC", 6, mu=-6.0, tau=3.0)
    display = replace(DISPLAY, minimum=0.0, maximum=10.0)
    page = prediction(result, display, STYLE).pages[0]
    (curve,) = of_role(page, "density")
    ticks = axis_ticks(page, "x")
    assert value_at(min(x for x, _ in curve.points), ticks) == pytest.approx(-10)
    free = prediction(result, DISPLAY, STYLE).pages[0]
    (curve,) = of_role(free, "density")
    assert value_at(min(x for x, _ in curve.points), axis_ticks(free, "x")) < -10
    assert "of the distribution lies beyond −10.0" in prediction(result, display, STYLE).alt


def test_without_a_better_side_both_important_differences_are_shaded_outwards():
    result = random_effects("MD", 12, mu=-0.2, tau=1.0)
    result = with_pooled(result, beyond=(Beyond(-1.0, 0.8), Beyond(1.0, 0.1)))
    drawn = prediction(result, replace(DISPLAY, direction=None), STYLE)
    assert "below −1.00 with probability 20%" in drawn.alt
    assert "above 1.00 with probability 10%" in drawn.alt
    page = drawn.pages[0]
    ticks = axis_ticks(page, "x")
    _, *shaded = of_role(page, "area")
    ends = sorted((value_at(a.box[0], ticks), value_at(a.box[2], ticks)) for a in shaded)
    assert ends[0][1] == pytest.approx(-1.0, abs=1e-6)
    assert ends[1][0] == pytest.approx(1.0, abs=1e-6)


def test_degrees_of_freedom_go_by_the_studies_with_events():
    result = with_settings(
        with_df(with_silent(random_effects("OR", 12), (3, 7)), 9), method="GLMM", glmm="UM.FS"
    )
    found, pooled = law(result), result.primary.pooled
    assert found.df == 9
    assert found.spread == pytest.approx(sqrt(pooled.tau2 + pooled.se**2), rel=1e-6)
    assert "t with 9 degrees of freedom" in prediction(result, DISPLAY, STYLE).caption


def test_studies_without_events_are_counted_and_not_drawn():
    result = with_df(with_silent(random_effects("OR", 12), (3, 7)), 9)
    drawn = prediction(result, DISPLAY, STYLE)
    marks = [item for item in of_role(drawn.pages[0], "study") if isinstance(item, Line)]
    hollow = [item for item in of_role(drawn.pages[0], "arrow") if item.fill is None]
    assert len(marks) + len(hollow) == 10
    assert "from 10 studies." in drawn.alt
    assert "Not drawn, no event in either group: 2 studies." in drawn.alt
    gone = [row for row in table(drawn) if row["item"] == "not drawn"]
    assert [row["value"] for row in gone] == ["", ""]


def test_rows_of_the_same_study_are_estimates():
    result = with_df(with_rows_per_study(random_effects("OR", 12), 3), 3)
    drawn = prediction(result, DISPLAY, STYLE)
    assert "from 12 estimates of 4 studies." in drawn.alt
    assert "12 estimates" in [text.text for text in of_role(drawn.pages[0], "label")]
    assert "the estimates, each a stroke. " in drawn.caption


@pytest.mark.parametrize("scale", [IDENTITY, LOG, LOGIT, ROOT, ARCSINE, FISHER])
@pytest.mark.parametrize("half", [0.001, 0.02, 0.1, 0.4])
def test_a_narrow_range_has_ticks(scale, half):
    for middle in (0.5, 0.83, 1.1):
        axis = spaced_axis(scale, middle - half, middle + half, 30.0, 80.0, 7.0, 1)
        assert len(axis.ticks) >= 2


def test_an_important_difference_is_named_with_the_digits_in_which_it_was_given():
    result = random_effects("MC", 12, mu=-3.0, tau=2.0)
    display = replace(DISPLAY, direction="lower", important_difference=2.0, width_mm=84)
    for beyond in ((), (Beyond(-2.0, 0.01),)):
        drawn = prediction(with_pooled(result, beyond=beyond), display, STYLE)
        check_pages(drawn.pages, 84)
        names = [text.text for text in of_role(drawn.pages[0], "guide label")]
        assert sorted(names) == ["important difference −2", "no change"]
        assert "dotted: important difference; solid: no change" in drawn.caption


@pytest.mark.parametrize("width", [84.0, 174.0])
def test_directions_stand_under_the_two_ends_of_the_axis(width):
    display = replace(DISPLAY, direction="lower", treatment="Cemented", width_mm=width)
    page = prediction(random_effects("OR", 12), display, STYLE).pages[0]
    (axis,) = of_role(page, "axis")
    told = of_role(page, "direction")
    assert told[0].box[0] == pytest.approx(axis.x1)
    assert told[-1].box[2] == pytest.approx(axis.x2)
    first = [text.y for text in told if text.align == "left"]
    assert first[0] == next(text.y for text in told if text.align == "right")


def test_the_caption_begins_with_the_kind_and_names_the_lines():
    drawn = prediction(random_effects("OR", 12), DISPLAY, STYLE)
    assert drawn.caption.startswith("Prediction distribution: Loosening of screws. ")
    assert "Vertical lines, dashed: the mean; solid: no effect." in drawn.caption


def test_a_logarithmic_axis_says_so():
    page = prediction(random_effects("OR", 12), DISPLAY, STYLE).pages[0]
    label = " ".join(text.text for text in of_role(page, "axis label"))
    assert label.replace("\xa0", " ") == "True odds ratio (log scale)"
