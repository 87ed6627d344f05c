"""The forest plot: everything in it, nothing cut or overlapping, and the same bytes each time.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text as TextArtist

from metamill import wording
from metamill.config.settings import Display
from metamill.figures import STYLES, draw, forest, forest_alt, forest_caption, forest_csv
from metamill.figures.axis import linear_axis, log_axis
from metamill.figures.canvas import Canvas, Line, Polygon, Text
from metamill.figures.text import clean, width, wrap
from metamill.results import (
    Analysis,
    Effect,
    LeftOut,
    MeasureText,
    Pooled,
    Result,
    StudyRow,
    SubgroupTest,
)

STYLE = STYLES["default"]
PLO = MeasureText("PLO", "logit proportion", "proportion", "proportion", None, False)
OR = MeasureText("OR", "log odds ratio", "odds ratio", "ratio", 1.0, True)
MC = MeasureText("MC", "mean change", "mean change", "change", 0.0, False)
MD = MeasureText("MD", "mean difference", "mean difference", "difference", 0.0, False)
GLMM = {
    "measure": "PLO", "method": "GLMM", "test": "t", "level": 95.0, "prediction": True,
    "correlation": 0.5, "add": 0.5, "to": "only0",
}  # fmt: skip
REML = GLMM | {"method": "REML", "test": "adhoc"}


def result(
    measure: MeasureText,
    studies: list[tuple[str, dict[str, str], Effect]],
    pooled: Pooled,
    model: dict[str, object],
    left_out: tuple[tuple[str, dict[str, str], str], ...] = (),
    **more: object,
) -> Result:
    """A result whose primary analysis pools `studies` and leaves out `left_out`."""
    labels = [*((label, cells) for label, cells, _ in studies), *(item[:2] for item in left_out)]
    rows = tuple(
        StudyRow(label.upper().replace(" ", ""), label, line, cells)
        for line, (label, cells) in enumerate(labels, start=2)
    )
    effects = tuple(replace(effect, row=row) for row, (_, _, effect) in enumerate(studies))
    left = tuple(LeftOut(len(studies) + i, item[2]) for i, item in enumerate(left_out))
    primary = Analysis("primary", model, effects, pooled, left)
    analyses = (primary, *more.pop("subgroups", ()))  # type: ignore[misc]
    return Result(
        "outcome",
        "table.csv",
        more.pop("unit", "screw"),
        measure,
        model,
        rows,
        analyses,
        **more,  # type: ignore[arg-type]
    )


def effect(
    estimate: float,
    low: float,
    high: float,
    weight: float | None = None,
    flags: tuple[str, ...] = (),
) -> Effect:
    return Effect(0, estimate, 0.1, estimate, low, high, weight, flags=flags)


def counts(events: int, total: int) -> dict[str, str]:
    return {"events": str(events), "total": str(total)}


def screws() -> Result:
    """Eight series of screws with a GLMM, two flags, and two rows that are not pooled."""
    numbers = (
        ("Alpha 2020", 3, 336, 0.00893, 0.00304, 0.0259, 17.1, ()),
        ("Beta 2015", 1, 157, 0.00637, 0.00113, 0.0352, 10.2, ()),
        ("Gamma 2022", 0, 124, 0.0, 0.0, 0.03, 6.5, ("implied zero",)),
        ("Delta 2017", 4, 98, 0.0408, 0.016, 0.1002, 16.4, ()),
        ("Epsilon 2024", 9, 254, 0.0354, 0.0188, 0.066, 21.9, ("derived from percent",)),
        ("Zeta 2000", 1, 64, 0.0156, 0.0028, 0.0834, 9.8, ()),
        ("Eta 2015", 2, 210, 0.0095, 0.0026, 0.0341, 13.5, ()),
        ("Small series 2009", 1, 9, 0.1111, 0.0199, 0.435, 4.6, ("implied zero", "assumed unit")),
    )
    studies = [
        (label, counts(x, n), effect(p, low, high, weight, flags))
        for label, x, n, p, low, high, weight, flags in numbers
    ]
    pooled = Pooled(
        8, n=1252, events=21, estimate=0.0163, ci_low=0.0074, ci_high=0.0355, pi_low=0.0021,
        pi_high=0.1143, mu=-4.1, se=0.35, mu_low=-4.9, mu_high=-3.3, tau2=0.52, tau2_low=0.0,
        tau2_high=3.4, tau=0.721, i2=48.2, i2_low=0.0, i2_high=86.1, h2=1.93, q=13.87, q_df=7,
        q_p=0.0535, q_test="likelihood ratio", marginal=0.0205, weights="approximate",
        notes=("implied zero in 2 of 8 rows",),
    )  # fmt: skip
    left = (
        ("Theta 2019", counts(2, 172), "patients may overlap with Alpha 2020; the larger is kept"),
        ("Early 1999", counts(1, 16), "loose at the end of the operation, not at follow-up"),
    )
    return result(PLO, studies, pooled, GLMM, left, not_reported=("A", "B"))


def changes() -> Result:
    """Four series with a score before and after: negative effects, a doubtful prediction."""
    numbers = (
        ("Pi 2021", "32", "7.97", "0.74", "2.34", "1.59", -5.63, -6.11, -5.15, 25.0),
        ("Gamma 2022", "37", "4.30", "1.58", "0.30", "0.70", -4.0, -4.44, -3.56, 25.3),
        ("Lambda 2009", "37", "7.87", "0.95", "2.30", "1.61", -5.57, -6.02, -5.12, 25.2),
        ("Mu series 2023", "15", "6.0", "1.2", "0.5", "0.6", -5.5, -6.03, -4.97, 24.5),
    )
    names = ("n", "mean_pre", "sd_pre", "mean_post", "sd_post")
    studies = [
        (
            label,
            dict(zip(names, cells, strict=True)),
            effect(y, low, high, weight, ("assumed r = 0.5",)),
        )
        for label, *cells, y, low, high, weight in numbers
    ]
    pooled = Pooled(
        4, n=121, estimate=-5.17, ci_low=-6.43, ci_high=-3.91, pi_low=-7.88, pi_high=-2.46,
        pi_doubtful=True, p_value=0.00101, tau2=0.5687, tau2_low=0.1421, tau2_high=8.512,
        tau=0.7541, i2=91.4, i2_low=71.1, i2_high=99.3, q=34.88, q_df=3, q_p=1.3e-7,
        notes=("fewer than five studies: the prediction interval is unreliable",),
    )  # fmt: skip
    left = (("Nu 2021", {"n": "30"}, "the printed SDs are impossible for the ranges"),)
    return result(MC, studies, pooled, REML, left, unit="patient")


def arms(x1: int, n1: int, x0: int, n0: int) -> dict[str, str]:
    return {
        "events_treatment": str(x1), "total_treatment": str(n1),
        "events_control": str(x0), "total_control": str(n0),
    }  # fmt: skip


def odds() -> Result:
    """Two trials on a log axis: the interval from one degree of freedom reaches far outside."""
    studies = [
        ("Theta 2019", arms(2, 172, 8, 152), effect(0.212, 0.0442, 1.013, 41.0)),
        (
            "Alpha 2020",
            arms(0, 336, 33, 390),
            effect(0.0161, 0.00098, 0.2637, 59.0, ("continuity correction",)),
        ),
    ]
    pooled = Pooled(
        2, n=1050, events=43, estimate=0.0741, ci_low=0.0000021, ci_high=2612.0, p_value=0.3113,
        tau2=2.1, tau2_low=0.0, tau2_high=None, tau=1.45, i2=60.4, q=2.52, q_df=1, q_p=0.112,
        notes=("two studies: no prediction interval", "continuity correction in 1 of 2 rows"),
    )  # fmt: skip
    return result(OR, studies, pooled, REML)


def one_study() -> Result:
    pooled = Pooled(
        1, n=40, events=0, pooled=False, estimate=0.0, ci_low=0.0, ci_high=0.0876,
        notes=("one study: its own result, nothing is pooled",),
    )  # fmt: skip
    studies = [("Iota 2023", counts(0, 40), effect(0.0, 0.0, 0.0876))]
    return result(PLO, studies, pooled, GLMM, unit="patient")


def all_zero() -> Result:
    studies = [
        ("Iota 2023", counts(0, 40), effect(0.0, 0.0, 0.0876)),
        ("Kappa 2018", counts(0, 10), effect(0.0, 0.0, 0.2775)),
    ]
    note = "no study has an event: no model can be fitted, the limits are exact ones of the total"
    pooled = Pooled(
        2, n=50, events=0, pooled=False, estimate=0.0, ci_low=0.0, ci_high=0.0711, notes=(note,)
    )
    return result(PLO, studies, pooled, GLMM, unit="patient")


def many(k: int, labels: list[str] | None = None) -> Result:
    """k series; the labels repeat, the numbers vary smoothly."""
    named = labels or ["Double-Name 2017", "Xi 2011", "A series without a year"]
    studies = []
    for i in range(k):
        total = 20 + 37 * (i % 7)
        events = (i * 5) % 11
        p = events / total
        limits = (max(0.0, p - 1.5 / total**0.5 * 0.3), min(1.0, p + 1.7 / total**0.5 * 0.5))
        studies.append((named[i % len(named)], counts(events, total), effect(p, *limits, 100 / k)))
    pooled = Pooled(
        k, n=131 * k, events=5 * k, estimate=0.0412, ci_low=0.0287, ci_high=0.0588, pi_low=0.0061,
        pi_high=0.2325, tau2=0.81, tau2_low=0.31, tau2_high=1.9, tau=0.9, i2=71.8, i2_low=50.2,
        i2_high=85.0, q=151.2, q_df=k - 1, q_p=2e-9, q_test="likelihood ratio", marginal=0.0551,
        weights="approximate",
    )  # fmt: skip
    return result(PLO, studies, pooled, GLMM)


def subgroups() -> Result:
    """Three levels: one pooled, one without an estimate, one with a single study."""
    whole = screws()
    primary = whole.primary

    def part(level: str, rows: range, pooled: Pooled) -> Analysis:
        chosen = tuple(primary.effects[i] for i in rows)
        return Analysis(f"subgroup:setting={level}", GLMM, chosen, pooled)

    main = replace(primary.pooled, k=5, n=969, events=17, tau2=0.44, tau=0.663, q=9.91, q_df=4)
    flat = Pooled(2, n=274, events=3, pooled=False, notes=("no estimate: the likelihood is flat",))
    one = Pooled(1, n=9, events=1, pooled=False, estimate=0.1111, ci_low=0.0199, ci_high=0.435)
    parts = (
        part("primary_augmentation", range(5), main),
        part("salvage", range(5, 7), flat),
        part("tumour", range(7, 8), one),
    )
    levels = ("primary_augmentation", "salvage", "tumour")
    test = SubgroupTest("setting", levels, None, None, None, "not in the test: salvage, tumour")
    return replace(whole, analyses=(primary, *parts), subgroup_tests=(test,))


def rates() -> Result:
    """Rates on a log axis: a study without an event, and one far outside all others."""
    studies = [
        ("A 2001", {"events": "3", "time": "410.5"}, effect(0.00731, 0.00151, 0.02136, 40.0)),
        ("B 2002", {"events": "5", "time": "512"}, effect(0.00977, 0.00317, 0.02279, 45.0)),
        ("C 2003", {"events": "0", "time": "98"}, effect(0.0, 0.0, 0.03764, 10.0)),
        ("D 2004", {"events": "4", "time": "0.05"}, effect(80.0, 21.8, 204.8, 5.0)),
    ]
    pooled = Pooled(
        4, n=1020.55, events=12, estimate=0.0102, ci_low=0.0051, ci_high=0.0204, tau2=0.1,
        tau=0.316, i2=10.0, q=3.1, q_df=3, q_p=0.376,
    )  # fmt: skip
    measure = MeasureText("IRLN", "log incidence rate", "incidence rate", "rate", None, True)
    return result(measure, studies, pooled, REML, unit="patient")


def means() -> Result:
    """Two arms with means; higher is better."""
    names = [f"{name}_{arm}" for arm in ("treatment", "control") for name in ("mean", "sd", "n")]
    numbers = (
        ("A 2001", "12.1 4.0 30 10.0 4.1 31", effect(2.1, 0.07, 4.13, 45.0)),
        ("B 2002", "13.0 3.0 41 12.5 3.3 40", effect(0.5, -0.88, 1.88, 43.0)),
        ("C 2003", "15.5 9.0 12 6.0 8.0 11", effect(9.5, 2.6, 16.4, 12.0)),
    )
    studies = [(a, dict(zip(names, b.split(), strict=True)), e) for a, b, e in numbers]
    pooled = Pooled(
        3, n=165, estimate=1.9, ci_low=-3.9, ci_high=7.7, pi_low=-9.1, pi_high=12.9,
        pi_doubtful=True, p_value=0.294, tau2=4.1, tau2_low=0.0, tau2_high=120.0, tau=2.02, i2=71.0,
        i2_low=0.0, i2_high=98.6, q=7.01, q_df=2, q_p=0.03,
    )  # fmt: skip
    return result(MD, studies, pooled, REML, unit="patient")


def nothing() -> Result:
    left = (("Iota 2023", counts(0, 40), "counts venous leakage only"),)
    pooled = Pooled(0, pooled=False, notes=("no study to pool",))
    return result(PLO, [], pooled, GLMM, left)


EXAMPLES = {
    "screws": (screws(), Display("Screw loosening", direction="lower")),
    "changes": (
        changes(),
        Display("Pain", direction="lower", minimum=0, maximum=10, important_difference=2),
    ),
    "odds": (odds(), Display("Loosening", direction="lower", treatment="Augmented")),
    "rates": (rates(), Display("Events", direction="lower")),
    "means": (means(), Display("Score", direction="higher", important_difference=2.5)),
    "one study": (one_study(), Display("Leakage")),
    "all zero": (all_zero(), Display("Leakage")),
    "sixty": (many(60), Display("Leakage")),
    "long labels": (
        many(
            6,
            [
                "A consortium with a very long name and several centres, first report 2011",
                "Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrikationsstudie 2012",
                "漢字の研究 2020",
                "$x_1$ <b> & \\alpha {} % _a\n2001\x00",
            ],
        ),
        Display("Leakage"),
    ),
    "subgroups": (subgroups(), Display("Screw loosening")),
    "nothing": (nothing(), Display("Leakage")),
}


def drawn(name: str) -> Canvas:
    return forest(*EXAMPLES[name], STYLE)


def overlap(a: Text, b: Text, tolerance: float = 0.02) -> bool:
    left, top, right, bottom = a.box
    left2, top2, right2, bottom2 = b.box
    wide = min(right, right2) - max(left, left2)
    high = min(bottom, bottom2) - max(top, top2)
    return wide > tolerance and high > tolerance


def assert_laid_out(canvas: Canvas) -> None:
    """Everything is on the page, and no text touches another."""
    for item in canvas.items:
        left, top, right, bottom = item.box
        assert left >= -1e-6, item
        assert top >= -1e-6, item
        assert right <= canvas.width_mm + 1e-6, item
        assert bottom <= canvas.height_mm + 1e-6, item
    for a, b in combinations(canvas.texts, 2):
        assert not overlap(a, b), (a, b)


def assert_text_avoids_lines(canvas: Canvas) -> None:
    """No guide, interval or rule runs through a text."""
    for line in canvas.items:
        if isinstance(line, Line) and line.role in ("null", "estimate", "interval", "rule"):
            left, top, right, bottom = line.box
            for text in canvas.texts:
                left2, top2, right2, bottom2 = text.box
                apart = right < left2 or right2 < left or bottom < top2 or bottom2 < top
                assert apart, (line, text)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("width_mm", [120.0, 174.0, 190.0])
def test_nothing_is_cut_and_no_text_overlaps_another(name: str, width_mm: float) -> None:
    example, display = EXAMPLES[name]
    canvas = forest(example, replace(display, width_mm=width_mm), STYLE)
    assert canvas.width_mm == width_mm
    assert_laid_out(canvas)
    assert_text_avoids_lines(canvas)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    labels=st.lists(st.text(max_size=90), min_size=1, max_size=5),
    k=st.integers(2, 30),
    width_mm=st.floats(110, 220),
)
def test_any_labels_and_any_k_are_laid_out(labels: list[str], k: int, width_mm: float) -> None:
    canvas = forest(many(k, labels), Display("Title", width_mm=width_mm), STYLE)
    assert_laid_out(canvas)
    assert len(canvas.with_role("square")) == k


@pytest.mark.parametrize("name", ["screws", "odds"])
def test_a_single_column_of_a_journal_is_wide_enough(name: str) -> None:
    example, display = EXAMPLES[name]
    canvas = forest(example, replace(display, width_mm=90.0), STYLE)
    assert_laid_out(canvas)
    assert any("Not shown for lack of width" in text.text for text in canvas.texts)


def test_a_width_that_cannot_hold_the_plot_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs \d+ mm, not 40 mm"):
        forest(screws(), Display("Title", width_mm=40), STYLE)


@pytest.mark.parametrize("bold", [False, True])
def test_measured_widths_are_those_that_matplotlib_draws(bold: bool) -> None:
    for text in ("Wang KC 2021", "Random effects, k = 8", "[−6.11,", "Tä Ç To AV 1.0", "(%)"):
        canvas = Canvas(100, 10)
        canvas.add([Text(10, 5, text, 7.0, bold)])
        figure = canvas._figure()
        figure.set_dpi(1200)
        renderer = FigureCanvasAgg(figure).get_renderer()
        (artist,) = figure.findobj(TextArtist)
        box = artist.get_window_extent(renderer)
        assert width(text, 7.0, bold) == pytest.approx(box.width / 1200 * 25.4, abs=0.25)


def test_rows_have_one_pitch_of_at_least_4_2_mm() -> None:
    squares = drawn("sixty").with_role("square")
    middles = [(item.box[1] + item.box[3]) / 2 for item in squares]
    steps = [b - a for a, b in pairwise(middles)]
    assert min(steps) >= 4.2
    assert max(steps) == pytest.approx(min(steps))


def test_text_has_at_least_7_points_except_the_raised_marks() -> None:
    assert all(text.size >= 7 for text in drawn("screws").texts if text.role != "mark")


@pytest.mark.parametrize("name", EXAMPLES)
def test_there_is_one_square_per_pooled_study(name: str) -> None:
    example, _ = EXAMPLES[name]
    assert len(drawn(name).with_role("square")) == len(example.primary.effects)


def test_the_area_of_a_square_is_proportional_to_the_weight() -> None:
    areas = []
    for item in drawn("screws").with_role("square"):
        left, top, right, bottom = item.box
        areas.append((right - left) * (bottom - top))
    weights = [item.weight for item in screws().primary.effects]
    ratios = [area / weight for area, weight in zip(areas, weights, strict=True)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))


def test_an_interval_beyond_the_axis_ends_in_an_arrow_and_is_not_dropped() -> None:
    canvas = drawn("screws")
    assert len(canvas.with_role("interval")) == 8
    (arrow,) = canvas.with_role("arrow")
    (axis,) = canvas.with_role("axis")
    assert arrow.box[2] == pytest.approx(axis.box[2])
    last = canvas.with_role("square")[-1]
    assert arrow.box[1] < (last.box[1] + last.box[3]) / 2 < arrow.box[3]


def test_an_estimate_beyond_the_axis_is_a_hollow_square_at_its_end() -> None:
    canvas = drawn("rates")
    hollow = [item for item in canvas.with_role("square") if item.edge]
    (axis,) = canvas.with_role("axis")
    middles = [(item.box[0] + item.box[2]) / 2 for item in hollow]
    assert middles == pytest.approx([axis.box[0], axis.box[2]])
    assert any("Hollow square" in text.text for text in canvas.texts)


def test_the_diamond_spans_the_interval_of_the_mean_and_points_at_the_estimate() -> None:
    canvas = drawn("screws")
    (diamond,) = canvas.with_role("diamond")
    (dashed,) = canvas.with_role("estimate")
    ticks = canvas.with_role("tick")
    labels = [text for text in canvas.texts if text.role == "tick label"]
    per_mm = (float(labels[-1].text) - float(labels[0].text)) / (ticks[-1].box[0] - ticks[0].box[0])

    def value(x: float) -> float:
        return (x - ticks[0].box[0]) * per_mm + float(labels[0].text)

    assert [value(diamond.box[0]), value(dashed.box[0]), value(diamond.box[2])] == pytest.approx(
        [0.74, 1.63, 3.55], abs=1e-6
    )
    (bar,) = canvas.with_role("prediction")
    assert [value(bar.box[0]), value(bar.box[2])] == pytest.approx([0.21, 11.43], abs=1e-6)


def test_a_doubtful_prediction_interval_is_grey() -> None:
    assert [item.fill for item in drawn("changes").with_role("prediction")] == [STYLE.doubtful]
    assert [item.fill for item in drawn("screws").with_role("prediction")] == [STYLE.accent]


def test_one_study_has_no_diamond_and_says_so() -> None:
    canvas = drawn("one study")
    assert not canvas.with_role("diamond")
    assert "nothing is pooled" in written(canvas)


def test_without_events_the_exact_limit_is_drawn_without_a_diamond() -> None:
    canvas = drawn("all zero")
    assert not canvas.with_role("diamond")
    assert len(canvas.with_role("end")) == 2
    assert "Exact limits of the total" in plain(canvas)
    assert "no model can be fitted" in plain(canvas)


def test_an_outcome_without_any_pooled_row_still_lists_its_rows() -> None:
    canvas = drawn("nothing")
    assert not canvas.with_role("axis")
    assert "Iota 2023" in plain(canvas)


def written(canvas: Canvas) -> str:
    return " ".join(text.text for text in canvas.texts)


def plain(canvas: Canvas) -> str:
    return written(canvas).replace("\N{NO-BREAK SPACE}", " ")


def test_rows_not_pooled_are_listed_with_numbered_reasons() -> None:
    texts = [text.text for text in drawn("screws").texts]
    start = texts.index("Not pooled")
    assert texts[start + 1 : start + 5] == ["Theta 2019", "1", "2", "172"]
    assert texts[start + 5 : start + 9] == ["Early 1999", "2", "1", "16"]
    assert "Patients may overlap with Alpha 2020; the larger is kept." in texts
    assert "Loose at the end of the operation, not at follow-up." in texts
    assert "2 other studies of the review give no data for this analysis." in texts


def test_what_was_done_to_a_row_is_marked_and_explained() -> None:
    texts = [text.text for text in drawn("screws").texts]
    assert texts[texts.index("Gamma 2022") + 1] == "a"
    assert texts[texts.index("Small series 2009") + 1] == "a,c"
    assert texts[texts.index("Zero events are implied by the source, not printed.") - 1] == "a"
    assert "implied zero in" not in written(drawn("screws"))


def numbers_in(value: object) -> set[float]:
    if isinstance(value, dict):
        return {x for item in value.values() for x in numbers_in(item)}
    if isinstance(value, list | tuple):
        return {x for item in value for x in numbers_in(item)}
    if isinstance(value, str):
        return {float(x) for x in re.findall(r"\d+(?:\.\d+)?", value)}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {float(value)}
    return _fields(value)


def _fields(value: object) -> set[float]:
    found = getattr(value, "__dict__", None)
    return numbers_in(found) if found else set()


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_number_printed_occurs_in_the_result(name: str) -> None:
    example, display = EXAMPLES[name]
    known = numbers_in(example) | {display.important_difference or 0.0}
    known |= {100 * x for x in known} | {1.0, float(len(example.not_reported))}
    for text in drawn(name).texts:
        if text.role in ("tick label", "mark"):
            continue
        printed = text.text.replace(wording.MINUS, "-").replace("\N{NO-BREAK SPACE}", " ")
        printed = printed.replace("p < 0.001", "").replace(",", "").replace("²", "")
        for token, digits in re.findall(r"(?<![\w.])(<?-?\d+(?:\.(\d+))?)", printed):
            if token.startswith("<"):
                assert any(0 < x < float(token[1:]) for x in known), (token, text)
                continue
            half = 0.5 * 10.0 ** -len(digits) * (1 + 1e-9)
            assert any(abs(float(token) - x) <= half for x in known), (token, text)


def test_the_estimate_column_is_aligned_on_the_decimal() -> None:
    numbers = [text for text in drawn("screws").texts if text.role == "number"]
    rights: dict[float, int] = {}
    for text in numbers:
        rights[round(text.x, 6)] = rights.get(round(text.x, 6), 0) + 1
        assert text.align == "right"
    assert sorted(rights.values()) == [9, 10, 10]
    assert {len(re.sub(r"[^\d.]", "", text.text).partition(".")[2]) for text in numbers} == {1}


def test_a_ratio_has_a_logarithmic_axis_with_its_null_and_both_sides_named() -> None:
    canvas = drawn("odds")
    assert len(canvas.with_role("null")) == 1
    assert {"←\N{NO-BREAK SPACE}Favours", "augmented"} <= {text.text for text in canvas.texts}
    example, display = EXAMPLES["odds"]
    higher = forest(example, replace(display, direction="higher", width_mm=190), STYLE)
    assert "← Favours control" in plain(higher)
    nobody = forest(example, replace(display, direction=None), STYLE)
    assert "Favours" not in written(nobody)


def test_a_change_from_baseline_favours_nobody() -> None:
    text = plain(drawn("changes"))
    assert "← Improvement" in text
    assert "Worsening →" in text
    assert "Favours" not in text


def test_the_important_difference_is_drawn_on_the_better_side() -> None:
    canvas = drawn("changes")
    (dotted,) = canvas.with_role("important")
    (null,) = canvas.with_role("null")
    assert dotted.box[0] < null.box[0]
    assert "Dotted line: important difference (2)." in plain(canvas)


def test_model_and_heterogeneity_are_said_in_words_with_tau_first() -> None:
    text = plain(drawn("screws"))
    assert "Binomial-normal GLMM (maximum likelihood), t interval." in text
    assert text.index("τ = 0.72") < text.index("χ² = 13.87") < text.index("I² = 48% [0, 86]")


def test_subgroups_have_headings_own_means_and_the_whole_comes_last() -> None:
    canvas = drawn("subgroups")
    labels = [t.text.replace("\N{NO-BREAK SPACE}", " ") for t in canvas.texts if t.role == "label"]
    order = [
        "Primary augmentation", "Alpha 2020", "Subtotal, k = 5", "Salvage", "Zeta 2000",
        "No pooled estimate, k = 2", "Tumour", "Small series 2009", "Random effects, k = 8",
    ]  # fmt: skip
    places = [labels.index(label) for label in order]
    assert places == sorted(places)
    assert len(canvas.with_role("diamond")) == 2
    text = plain(canvas)
    assert text.index("Test of differences between subgroups") < text.index("Random effects, k = 8")


def test_a_proportion_axis_stays_between_0_and_100_per_cent() -> None:
    full = effect(1.0, 0.8, 1.0, 50.0)
    studies = [("A", counts(20, 20), full), ("B", counts(19, 20), effect(0.95, 0.76, 0.99, 50.0))]
    pooled = Pooled(2, estimate=0.97, ci_low=0.1, ci_high=0.999)
    canvas = forest(result(PLO, studies, pooled, GLMM), Display("x"), STYLE)
    ticks = [text.text for text in canvas.texts if text.role == "tick label"]
    assert ticks == ["0", "20", "40", "60", "80", "100"]


def test_linear_ticks_are_round_and_hold_the_range() -> None:
    assert linear_axis(-48.7, 0.0, 0, 60).ticks == (-50, -40, -30, -20, -10, 0)
    assert linear_axis(0.0, 0.034, 0, 40).ticks == (0, 0.01, 0.02, 0.03, 0.04)


def test_a_linear_axis_stops_at_what_the_score_can_be() -> None:
    axis = linear_axis(-40.0, 0.0, 0, 60, (-26.0, 26.0))
    assert (axis.low, axis.high, axis.ticks[0]) == (-26, 0, -25)
    assert axis.beyond(-30) == -1
    outside = linear_axis(120.0, 130.0, 0, 60, (0.0, 100.0))
    assert (outside.low, outside.high) == (120, 130)


def test_logarithmic_ticks_are_round() -> None:
    assert log_axis(0.04, 1.2, 0, 60).ticks == (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
    assert log_axis(0.004, 300, 0, 60).ticks == (0.001, 0.01, 0.1, 1, 10, 100, 1000)


@pytest.mark.parametrize("file_format", ["pdf", "svg", "png"])
def test_the_same_result_gives_the_same_bytes(file_format: str) -> None:
    assert drawn("screws").render(file_format) == drawn("screws").render(file_format)


_RENDER = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import test_forest as t
for name in ("screws", "odds"):
    for file_format in ("pdf", "svg", "png"):
        print(name, file_format, hashlib.sha256(t.drawn(name).render(file_format)).hexdigest())
"""


def test_bytes_do_not_depend_on_the_process_or_the_hash_seed() -> None:
    here = [
        f"{name} {kind} {hashlib.sha256(drawn(name).render(kind)).hexdigest()}"
        for name in ("screws", "odds")
        for kind in ("pdf", "svg", "png")
    ]
    path = os.pathsep.join(sys.path)
    for seed in ("1", "4242"):
        ran = subprocess.run(
            [sys.executable, "-c", _RENDER, str(Path(__file__).parent)],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path, "TZ": "Asia/Tokyo"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.splitlines() == here


def test_a_user_setting_of_matplotlib_changes_nothing() -> None:
    import matplotlib

    before = drawn("screws").render("svg")
    with matplotlib.rc_context({"savefig.bbox": "tight", "font.size": 20, "lines.linewidth": 9}):
        assert drawn("screws").render("svg") == before


def test_an_svg_is_well_formed_holds_text_as_text_and_has_the_exact_width() -> None:
    root = ElementTree.fromstring(drawn("long labels").render("svg"))
    assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(174 / 25.4 * 72)
    texts = {"".join(item.itertext()) for item in root.iter("{http://www.w3.org/2000/svg}text")}
    assert "$x_1$ <b> & \\alpha {} % _a 2001" in texts


def test_missing_glyphs_are_named_and_do_not_stop_the_drawing() -> None:
    canvas = drawn("long labels")
    assert set(canvas.missing_glyphs()) == set("漢字の研究")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert canvas.render("pdf").startswith(b"%PDF")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="'gif' is not one of pdf, svg, png"):
        drawn("screws").render("gif")


def test_draw_writes_each_format_with_its_table_and_its_words(tmp_path: Path) -> None:
    example, display = EXAMPLES["screws"]
    assert draw(example, display, ("pdf", "svg", "png"), tmp_path) == "", "no glyph is missing"
    names = {path.name for path in tmp_path.iterdir()}
    endings = ("pdf", "svg", "png", "csv", "txt", "caption.txt")
    assert names == {f"forest.{ending}" for ending in endings}
    assert (tmp_path / "forest.caption.txt").read_text() == forest_caption(example, display)
    assert (tmp_path / "forest.txt").read_text() == forest_alt(example, display)
    assert (tmp_path / "forest.svg").read_bytes() == drawn("screws").render("svg")


def test_the_table_holds_the_plotted_numbers_unrounded() -> None:
    rows = list(csv.DictReader(io.StringIO(forest_csv(screws()))))
    assert [row["row"] for row in rows] == ["study"] * 8 + ["pooled"] + ["not pooled"] * 2
    assert float(rows[0]["ci_high"]) == 0.0259
    assert float(rows[8]["pi_high"]) == 0.1143
    assert rows[9]["note"] == "patients may overlap with Alpha 2020; the larger is kept"
    levels = [row["subgroup"] for row in csv.DictReader(io.StringIO(forest_csv(subgroups())))]
    assert levels[:6] == ["primary_augmentation"] * 6


def test_the_alt_text_says_what_the_figure_shows_in_one_paragraph() -> None:
    alt = forest_alt(*EXAMPLES["screws"])
    assert alt.count("\n") == 1
    for words in (
        "8 studies with 1252 screws and 21 events",
        "Pooled proportion: 1.6%, 95% CI 0.7 to 3.6%",
        "Prediction interval 0.2 to 11.4%",
        "tau 0.72, I² 48%",
        "2 selected rows are not pooled",
    ):
        assert words in alt


def test_the_caption_names_diamond_and_bar_only_where_they_are_drawn() -> None:
    assert "diamond" in forest_caption(*EXAMPLES["screws"])
    assert "prediction" not in forest_caption(*EXAMPLES["odds"])
    assert "diamond" not in forest_caption(*EXAMPLES["all zero"])


def test_a_label_is_one_line_of_visible_characters() -> None:
    assert clean(" Ma\n2023\t\x00\x1b (n  = 3) ") == "Ma 2023 (n = 3)"
    assert clean("Mu\u0308ller") == "Müller"


def test_wrapped_lines_fit_and_lose_no_character() -> None:
    text = "An unbreakableandverylongword in a label, then more of it"
    lines = wrap(text, 18.0, 7.0)
    assert all(width(line, 7.0) <= 18.0 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_figures_and_words_see_results_only() -> None:
    package = Path(wording.__file__).parent
    allowed = r"metamill\.(figures|wording|results|files|config\.settings)\b"
    for path in (package / "wording.py", *(package / "figures").glob("*.py")):
        for name in re.findall(r"(?:from|import) (metamill\S*)", path.read_text()):
            assert re.match(allowed, name), (path.name, name)
            assert path.name != "wording.py" or "figures" not in name


def test_polygons_and_lines_know_their_extent() -> None:
    assert Polygon(((1, 2), (3, 0), (2, 5))).box == (1, 0, 3, 5)
    assert Line(5, 1, 2, 3, 0.5).box == (2, 1, 5, 3)
