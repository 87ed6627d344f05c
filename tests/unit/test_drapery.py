"""The drapery plot: curves that meet the limits of the result at its level, and only such curves.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
from dataclasses import replace
from math import log, sqrt
from statistics import NormalDist

import pytest
from golden import check_golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_checks import axis_ticks, check_pages, value_at
from scatter_results import (
    BACK,
    DISPLAY,
    made_up,
    proportions,
    random_effects,
    with_df,
    with_rows_per_study,
    with_silent,
    without_pool,
)
from scipy.special import expit, stdtr

from metamill.figures.curves.drapery import drapery
from metamill.figures.curves.drapery_plan import Drapery, plan_of
from metamill.figures.drawn import Drawn
from metamill.figures.page.canvas import Canvas, Curve
from metamill.figures.page.render import render
from metamill.figures.style import STYLES
from metamill.results import Result

STYLE = STYLES["default"]


def table(drawn: Drawn) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(drawn.table)))


def limits(drawn: Drawn, row: str, p: str) -> tuple[float, float]:
    (found,) = [r for r in table(drawn) if r["row"] == row and r["p"] == p]
    return float(found["low"]), float(found["high"])


def example(code: str, k: int = 12, **more: object) -> Result:
    if code in ("PLO", "PAS", "PFT", "IRLN"):
        return proportions(code, k)
    return random_effects(code, k, **more)  # type: ignore[arg-type]


def at_level(page: Canvas, role: str, p: float) -> list[float]:
    """Where the curves of a role are cut at height p, in mm, by straight lines between points."""
    y = axis_ticks(page, "y")
    (y0, a), (y1, b) = y[0], y[-1]
    height = y0 + (log(p) - log(a)) / (log(b) - log(a)) * (y1 - y0)
    found = []
    for curve in page.with_role(role):
        assert isinstance(curve, Curve)
        for (x1, h1), (x2, h2) in zip(curve.points, curve.points[1:], strict=False):
            if min(h1, h2) <= height < max(h1, h2):
                found.append(x1 + (height - h1) / (h2 - h1) * (x2 - x1))
    return sorted(found)


@pytest.mark.parametrize("test", ["t", "z"])
@pytest.mark.parametrize("code", ["OR", "MD", "ZCOR", "PLO", "PAS", "IRLN"])
def test_at_its_level_the_bold_curve_meets_the_interval_of_the_result(code: str, test: str) -> None:
    result = example(code) if code in ("PLO", "PAS", "IRLN") else example(code, test=test)
    drawn, pooled = drapery(result, DISPLAY, STYLE), result.primary.pooled
    assert limits(drawn, "pooled", "0.05") == pytest.approx(
        (pooled.ci_low, pooled.ci_high), rel=1e-6, abs=1e-9
    )
    assert limits(drawn, "prediction", "0.05") == pytest.approx(
        (pooled.pi_low, pooled.pi_high), rel=1e-3
    )
    page = drawn.pages[0]
    log_axis, factor = result.measure.log_axis, 100 if result.measure.family == "proportion" else 1
    ticks = axis_ticks(page, "x")
    cut = [value_at(mm, ticks, log_axis) / factor for mm in at_level(page, "estimate", 0.05)]
    span = (pooled.ci_high or 0) - (pooled.ci_low or 0)
    assert cut == pytest.approx([pooled.ci_low, pooled.ci_high], abs=0.01 * span)


def test_curves_have_the_p_values_of_a_normal_and_of_a_t_test() -> None:
    result = example("OR")
    drawn, pooled = drapery(result, DISPLAY, STYLE), result.primary.pooled
    low, _ = limits(drawn, "pooled", "0.01")
    t = abs(log(low) - (pooled.mu or 0)) / (pooled.se or 1)
    assert 2 * stdtr(11, -t) == pytest.approx(0.01, rel=1e-6)
    effect = result.primary.effects[3]
    row = next(r for r in table(drawn) if r["label"] == result.rows[3].label and r["p"] == "0.01")
    z = abs(log(float(row["high"])) - effect.yi) / sqrt(effect.vi)
    assert 2 * NormalDist().cdf(-z) == pytest.approx(0.01, rel=1e-6)


def test_a_proportion_is_drawn_in_per_cent_by_the_way_back_of_its_scale() -> None:
    result = example("PLO")
    rows = [r for r in table(drapery(result, DISPLAY, STYLE)) if r["p"] == "1"]
    for row, effect in zip(rows, result.primary.effects, strict=False):
        assert float(row["low"]) == pytest.approx(float(expit(effect.yi)), rel=1e-9)


def test_a_scale_without_a_way_back_is_drawn_as_the_model_has_it_and_named() -> None:
    drawn = drapery(example("PFT"), DISPLAY, STYLE)
    labels = [text.text.replace("\N{NO-BREAK SPACE}", " ") for text in drawn.pages[0].texts]
    assert "Double arcsine proportion (model scale)" in labels
    assert "No curve of a prediction" in drawn.caption
    assert limits(drawn, "pooled", "0.05")[0] == pytest.approx(
        example("PFT").primary.pooled.mu_low, rel=1e-9
    )


@pytest.mark.parametrize("k", [2, 10, 60, 300])
@pytest.mark.parametrize("width", [66.0, 84.0, 174.0])
def test_every_study_has_its_curve_and_nothing_leaves_the_page(k: int, width: float) -> None:
    display = replace(DISPLAY, width_mm=width)
    drawn = drapery(example("OR", k), display, STYLE)
    check_pages(drawn.pages, width, display.height_mm)
    curves = drawn.pages[0].with_role("study")
    assert len(curves) >= k
    assert len({row["study"] for row in table(drawn) if row["row"] == "study"}) == k


def test_pooled_study_and_prediction_differ_without_colour() -> None:
    page = drapery(example("OR"), DISPLAY, STYLE).pages[0]
    looks = {
        role: {(c.width, c.dash) for c in page.with_role(role) if isinstance(c, Curve)}
        for role in ("study", "estimate", "prediction")
    }
    assert all(len(look) == 1 for look in looks.values())
    assert len(set.union(*looks.values())) == 3


@pytest.mark.parametrize("interval", ["skewed", "wider", "credible"])
def test_an_interval_that_is_no_multiple_of_the_standard_error_is_refused(interval: str) -> None:
    result = example("OR")
    pooled = result.primary.pooled
    changed = {
        "skewed": replace(pooled, mu_high=(pooled.mu_high or 0) + 0.1),
        "wider": replace(
            pooled, mu_low=(pooled.mu_low or 0) - 0.1, mu_high=(pooled.mu_high or 0) + 0.1
        ),
        "credible": replace(pooled, interval="credible"),
    }[interval]
    other = replace(result, analyses=(replace(result.primary, pooled=changed),))
    drawn = drapery(other, DISPLAY, STYLE)
    assert "not its estimate and a quantile of standard errors" in drawn.alt
    assert isinstance(plan_of(other), str) and isinstance(plan_of(result), Drapery)


def test_a_doubtful_prediction_is_grey_and_said_to_be_doubtful() -> None:
    result = example("OR", 4)
    pooled = replace(result.primary.pooled, pi_doubtful=True)
    other = replace(result, analyses=(replace(result.primary, pooled=pooled),))
    drawn = drapery(other, DISPLAY, STYLE)
    (curve,) = drawn.pages[0].with_role("prediction")
    assert isinstance(curve, Curve) and curve.colour == STYLE.doubtful
    assert "fewer than five studies is doubtful" in drawn.caption


def test_what_cannot_be_drawn_says_why() -> None:
    assert "it takes 2 studies" in drapery(example("OR", 1), DISPLAY, STYLE).alt
    assert "no pooled effect" in drapery(without_pool(example("OR")), DISPLAY, STYLE).alt


def test_a_study_whose_peak_is_beyond_the_axis_is_named() -> None:
    yi = [0.1 * (i % 5) for i in range(12)] + [60.0]
    drawn = drapery(made_up("MD", yi, [0.05] * 12 + [0.1]), DISPLAY, STYLE)
    assert "The peak lies beyond the axis: Study 13 2002." in drawn.caption


def test_words_name_the_numbers_of_the_result() -> None:
    result = example("OR")
    drawn, pooled = drapery(result, DISPLAY, STYLE), result.primary.pooled
    told = f"{pooled.estimate:.2f} [{pooled.ci_low:.2f}, {pooled.ci_high:.2f}]"
    assert told in drawn.alt and told in drawn.caption
    assert f"[{pooled.pi_low:.2f}, {pooled.pi_high:.2f}] (95% prediction)" in drawn.alt


def test_the_same_result_gives_the_same_bytes() -> None:
    pages = [drapery(example("OR"), DISPLAY, STYLE).pages for _ in range(2)]
    assert render(pages[0], "svg") == render(pages[1], "svg")


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["OR", "MD", "ZCOR", "PLO", "PAS", "PFT"]),
    st.lists(
        st.tuples(
            st.text(max_size=40),
            st.floats(-3, 3) | st.floats(-100, 100),
            st.floats(0.01, 4) | st.floats(1e-8, 1e4) | st.just(0.0),
        ),
        min_size=2,
        max_size=30,
    ),
    st.sampled_from([66.0, 84.0, 174.0, 400.0]),
)
def test_any_numbers_and_labels_draw(
    code: str, drawn_rows: list[tuple[str, float, float]], width: float
) -> None:
    labels, yi, vi = zip(*drawn_rows, strict=True)
    result = made_up(code, yi, vi, labels, flagged=[0], tau2=1.0)
    display = replace(DISPLAY, width_mm=width)
    drawn = drapery(result, display, STYLE)
    check_pages(drawn.pages, width, display.height_mm)


def test_every_way_back_of_the_tests_is_that_of_the_product() -> None:
    from metamill.measures.registry import to_natural

    for code, back in BACK.items():
        if code != "PFT":
            assert back(0.3) == pytest.approx(float(to_natural(code, 0.3)), rel=1e-12)


def test_the_drawing_is_the_frozen_one() -> None:
    check_golden("drapery", drapery(example("OR", 4), replace(DISPLAY, width_mm=110), STYLE).pages)


@pytest.mark.parametrize("code", ["PR", "PLN"])
def test_no_curve_leaves_the_possible_values(code: str) -> None:
    yi = [0.9, 0.8, 0.7, 0.95, 0.85]
    result = made_up(code, yi if code == "PR" else [log(y) for y in yi], [0.01] * 5, tau2=0.01)
    pooled = result.primary.pooled
    cut = replace(pooled, ci_high=min(pooled.ci_high or 0, 1), pi_high=min(pooled.pi_high or 0, 1))
    drawn = drapery(
        replace(result, analyses=(replace(result.primary, pooled=cut),)), DISPLAY, STYLE
    )
    rows = [row for row in table(drawn) if row["p"]]
    assert len(rows) == 7 * 7
    assert all(0 <= float(row["low"]) <= float(row["high"]) <= 1 for row in rows)
    assert max(float(row["high"]) for row in rows) == 1
    page = drawn.pages[0]
    ticks = axis_ticks(page, "x")
    for role in ("study", "estimate", "prediction"):
        for curve in page.with_role(role):
            assert isinstance(curve, Curve)
            assert all(value_at(x, ticks) < 100 + 1e-6 for x, _ in curve.points)


def test_an_interval_of_the_mean_cut_at_the_end_is_still_known() -> None:
    result = made_up("PR", [0.97, 0.95, 0.99, 0.96], [0.002] * 4, tau2=0.0)
    pooled = result.primary.pooled
    assert (pooled.ci_high or 0) > 1
    cut = replace(pooled, ci_high=1.0, pi_high=1.0)
    other = replace(result, analyses=(replace(result.primary, pooled=cut),))
    assert isinstance(plan_of(other), Drapery)


def test_studies_without_events_have_no_curve_and_no_degree_of_freedom() -> None:
    result = with_df(with_silent(example("OR", 12), (3, 7)), 9)
    drawn, pooled = drapery(result, DISPLAY, STYLE), result.primary.pooled
    assert limits(drawn, "pooled", "0.05") == pytest.approx((pooled.ci_low, pooled.ci_high))
    low, _ = limits(drawn, "pooled", "0.01")
    t = abs(log(low) - (pooled.mu or 0)) / (pooled.se or 1)
    assert 2 * stdtr(9, -t) == pytest.approx(0.01, rel=1e-6)
    assert limits(drawn, "prediction", "0.05") == pytest.approx((pooled.pi_low, pooled.pi_high))
    assert len({row["study"] for row in table(drawn) if row["row"] == "study"}) == 10
    gone = [row for row in table(drawn) if row["row"] == "not drawn"]
    assert [(row["p"], row["low"], row["high"]) for row in gone] == [("", "", "")] * 2
    assert "p-value functions of 10 studies" in drawn.alt
    assert "Not drawn, no event in either group: 2 studies." in drawn.caption


def test_one_study_with_events_is_too_few() -> None:
    drawn = drapery(with_silent(example("OR", 3), (0, 1)), DISPLAY, STYLE)
    assert "it takes 2 studies with an event" in drawn.alt


def test_the_prediction_is_wider_only_where_it_is() -> None:
    assert "a new study is wider: " in drapery(example("OR"), DISPLAY, STYLE).alt
    same = random_effects("OR", 12)
    pooled = replace(same.primary.pooled, tau2=0.0, pi_low=same.primary.pooled.ci_low,
                     pi_high=same.primary.pooled.ci_high)  # fmt: skip
    same = replace(same, analyses=(replace(same.primary, pooled=pooled),))
    alt = drapery(same, DISPLAY, STYLE).alt
    assert "The dashed curve of a new study: " in alt and "wider" not in alt


def test_rows_of_the_same_study_are_estimates() -> None:
    drawn = drapery(with_df(with_rows_per_study(example("OR", 12), 3), 3), DISPLAY, STYLE)
    assert "Grey: single estimates" in drawn.caption
    assert "12 estimates of 4 studies" in drawn.alt
    assert "Single estimate" in {text.text for text in drawn.pages[0].texts}


def test_the_lines_at_the_null_and_at_the_level_are_named_and_explained() -> None:
    for code, words in (("MC", "no change"), ("MD", "no effect")):
        drawn = drapery(random_effects(code, 12), DISPLAY, STYLE)
        legend = [text.text for text in drawn.pages[0].texts if text.role == "legend"]
        assert words.capitalize() in legend
        assert f"Vertical line: {words}." in drawn.caption
        assert "Dotted: the height at which curves give 95% intervals." in drawn.caption


def test_both_directions_are_named_on_a_narrow_page() -> None:
    display = replace(
        DISPLAY, width_mm=84, direction="lower", treatment="BCG vaccine", control="No vaccine"
    )
    drawn = drapery(random_effects("OR", 12), display, STYLE)
    check_pages(drawn.pages, 84, display.height_mm)
    told = " ".join(text.text for text in drawn.pages[0].texts if text.role == "direction")
    assert "BCG" in told and "no vaccine" in told
