"""The forest plot: everything in it, nothing cut or overlapping.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from forest_examples import (
    EXAMPLES,
    GLMM,
    MD,
    OR,
    PLO,
    REML,
    arms,
    counts,
    effect,
    many,
    result,
    screws,
    subgroups,
)
from golden import check_golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_checks import check_pages

from metamill import wording
from metamill.config.journals import JOURNALS
from metamill.config.settings import Display
from metamill.explored.regression import Coefficient, Regression
from metamill.figures import STYLES, draw
from metamill.figures.axes.axis import linear_axis, log_axis
from metamill.figures.forest.forest import forest, forest_pages, forest_studies
from metamill.figures.forest.words import forest_alt, forest_caption, forest_csv
from metamill.figures.page.canvas import Canvas, Line
from metamill.figures.page.text import clean, width, wrap
from metamill.figures.style import fitted
from metamill.results import Analysis, Derived, Pooled
from metamill.tables.assessments import Assessment, Judgement

STYLE = STYLES["default"]


def drawn(name: str, **look: object) -> Canvas:
    """The only page of an example."""
    example, display = EXAMPLES[name]
    display = replace(display, height_mm=1000.0, **look)  # type: ignore[arg-type]
    (page,) = forest_pages(example, display, STYLES[display.style])
    return page


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
    for style in STYLES.values():
        pages = forest_pages(example, replace(display, width_mm=width_mm), style)
        check_pages(pages, width_mm, display.height_mm)
        for page in pages:
            assert_text_avoids_lines(page)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    labels=st.lists(st.text(max_size=90), min_size=1, max_size=5),
    k=st.one_of(st.integers(2, 30), st.integers(31, 300)),
    width_mm=st.floats(84, 220),
    style=st.sampled_from(sorted(STYLES)),
)
@pytest.mark.fault("O15")
def test_any_labels_and_any_k_are_laid_out(
    labels: list[str], k: int, width_mm: float, style: str
) -> None:
    display = Display("Title", width_mm=width_mm, style=style)
    pages = forest_studies(many(k, labels), display, STYLES[style]).pages
    check_pages(pages, width_mm, display.height_mm)
    assert sum(len(page.with_role("square")) for page in pages) == k


@settings(max_examples=40, deadline=None)
@given(
    exponents=st.lists(st.floats(-12, 12), min_size=1, max_size=12),
    spread=st.floats(0.001, 30),
    log=st.booleans(),
)
@pytest.mark.fault("O18")
def test_extreme_intervals_stay_on_the_page_and_none_is_lost(
    exponents: list[float], spread: float, log: bool
) -> None:
    measure = OR if log else MD
    numbers = [10**e if log else e * 1e6 for e in exponents]
    reach = [10**spread if log else spread * 1e7] * len(numbers)
    limits = [
        (x / r, x * r) if log else (x - r, x + r) for x, r in zip(numbers, reach, strict=True)
    ]
    studies = [
        (f"S {i}", {}, effect(x, *ends, 100 / len(numbers)))
        for i, (x, ends) in enumerate(zip(numbers, limits, strict=True))
    ]
    pooled = Pooled(
        len(numbers),
        estimate=numbers[0],
        ci_low=limits[0][0],
        ci_high=limits[0][1],
        tau2=0.0,
        tau=0.0,
    )
    drawing = forest(result(measure, studies, pooled, REML), Display("x"), STYLE)
    check_pages(drawing.pages, 174, 240)
    assert len(drawing.pages[0].with_role("square")) == len(numbers)
    assert len(drawing.pages[0].with_role("interval")) == len(numbers)


@pytest.mark.parametrize("name", ["screws", "odds"])
def test_a_single_column_of_a_journal_is_wide_enough(name: str) -> None:
    example, display = EXAMPLES[name]
    (canvas,) = forest_pages(example, replace(display, width_mm=84.0), STYLE)
    check_pages([canvas], 84.0)
    assert any("Not shown for lack of width" in text.text for text in canvas.texts)


def test_a_width_that_cannot_hold_the_plot_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs \d+ mm, not 40 mm"):
        forest(screws(), Display("Title", width_mm=40), STYLE)


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


@pytest.mark.fault("O18")
@pytest.mark.fault("O20")
def test_an_interval_beyond_the_axis_ends_in_an_arrow_and_is_not_dropped() -> None:
    canvas = drawn("screws")
    assert len(canvas.with_role("interval")) == 8
    (arrow,) = canvas.with_role("arrow")
    (axis,) = canvas.with_role("axis")
    assert arrow.box[2] == pytest.approx(axis.box[2])
    last = canvas.with_role("square")[-1]
    assert arrow.box[1] < (last.box[1] + last.box[3]) / 2 < arrow.box[3]


@pytest.mark.fault("O20")
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
    assert texts[start + 1 : start + 5] == ["Theta 2019", "(1)", "2", "172"]
    assert texts[start + 5 : start + 9] == ["Early 1999", "(2)", "1", "16"]
    assert "Patients may overlap with Alpha 2020; the larger is kept." in texts
    assert "Loose at the end of the operation, not at follow-up." in texts
    assert "2 other studies of the review give no data for this analysis." in texts


def test_what_was_done_to_a_row_is_marked_and_explained() -> None:
    texts = [text.text for text in drawn("screws").texts]
    assert texts[texts.index("Gamma 2022") + 1] == "(a)"
    assert texts[texts.index("Small series 2009") + 1] == "(a,c)"
    assert texts[texts.index("Zero events are implied by the source, not printed.") - 1] == "(a)"
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
    assert "← Favours augmented" in plain(canvas)
    example, display = EXAMPLES["odds"]
    (higher,) = forest_pages(example, replace(display, direction="higher", width_mm=190), STYLE)
    assert "← Favours control" in plain(higher)
    (nobody,) = forest_pages(example, replace(display, direction=None), STYLE)
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
    (band,) = canvas.with_role("important band")
    (axis,) = canvas.with_role("axis")
    assert (band.box[0], band.box[2]) == pytest.approx((axis.box[0], dotted.box[0]))
    assert "Dotted line: important difference (2); shaded: beyond it." in plain(canvas)


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
    (canvas,) = forest(result(PLO, studies, pooled, GLMM), Display("x"), STYLE).pages
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


def test_draw_writes_each_format_with_its_table_and_its_words(tmp_path: Path) -> None:
    example, display = EXAMPLES["screws"]
    formats = ("pdf", "svg", "png")
    missing = draw(example, display, ("forest",), formats, tmp_path, "0" * 16)
    assert missing == "", "no glyph is missing"
    names = {path.name for path in tmp_path.iterdir()}
    endings = ("pdf", "svg", "png", "csv", "txt", "caption.txt")
    assert names == {f"forest.{ending}" for ending in endings}
    assert (tmp_path / "forest.caption.txt").read_text() == forest_caption(example, display, STYLE)
    assert (tmp_path / "forest.txt").read_text() == forest_alt(example, display)
    assert "Screw loosening" in (tmp_path / "forest.svg").read_text()


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
    assert "diamond" in forest_caption(*EXAMPLES["screws"], STYLE)
    assert "prediction" not in forest_caption(*EXAMPLES["odds"], STYLE)
    assert "diamond" not in forest_caption(*EXAMPLES["all zero"], STYLE)


@pytest.mark.fault("O16")
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
    shared = (
        r"results|review_result|explored(\.\w+)?|files|config\.\w+|tables\.(assessments|bias_tools)"
    )
    allowed = rf"metamill\.(figures|wording|sentences|{shared})\b"
    for path in (package / "wording.py", *(package / "figures").rglob("*.py")):
        for name in re.findall(r"(?:from|import) (metamill\S*)", path.read_text()):
            assert re.match(allowed, name), (path.name, name)
            assert path.name != "wording.py" or "figures" not in name


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["screws", "changes", "odds", "subgroups"])
def test_each_style_looks_as_it_did(style: str, name: str) -> None:
    example, display = EXAMPLES[name]
    pages = forest_pages(example, replace(display, style=style), STYLES[style])
    check_golden(f"forest_{style}_{name}", pages)


def test_columns_stand_in_the_order_of_the_style() -> None:
    for style in STYLES.values():
        (page,) = forest_pages(*EXAMPLES["screws"], style)
        (axis,) = page.with_role("axis")
        places = {
            "label": min(t.box[0] for t in page.texts if t.role == "label"),
            "data": min(t.box[0] for t in page.texts if t.role == "data"),
            "numbers": min(t.box[0] for t in page.texts if t.role == "number"),
            "weight": min(t.box[0] for t in page.texts if t.role == "weight"),
            "plot": axis.box[0],
        }
        wanted = [name for name in style.columns if name in places]
        assert sorted(places, key=places.__getitem__) == wanted


def test_jama_prints_p_without_a_leading_zero_and_the_sides_over_the_plot() -> None:
    page = drawn("changes", style="jama")
    assert "P = .001" in plain(page) or "P < .001" in plain(page)
    (axis,) = page.with_role("axis")
    sides = [t for t in page.texts if t.text in ("Improvement", "Worsening")]
    assert len(sides) == 2
    assert all(t.bold and t.y < axis.box[1] for t in sides)
    assert "(−6.11 to −5.15)" in " ".join(t.text for t in page.texts).replace("to ", "to "), (
        "a dash would read as a sign"
    )
    assert "(0.3-2.6)" in plain(drawn("screws", style="jama"))


@pytest.mark.fault("O17")
def test_a_long_plot_goes_on_with_its_header_and_axis_on_every_page() -> None:
    example = many(300)
    display = Display("Leakage")
    pages = forest_studies(example, display, STYLE).pages
    check_pages(pages, 174, display.height_mm)
    assert len(pages) == 7
    assert sum(len(page.with_role("square")) for page in pages) == 300
    for page in pages:
        assert "Study" in {text.text for text in page.texts}
        assert len(page.with_role("axis")) == 1
    assert [len(page.with_role("continued")) for page in pages] == [1] * 6 + [0]
    assert [len(page.with_role("diamond")) for page in pages] == [0] * 6 + [1]
    assert {page.with_role("axis")[0].box[0] for page in pages} == {
        pages[0].with_role("axis")[0].box[0]
    }


def test_above_the_limit_the_studies_have_no_names_and_lie_by_size() -> None:
    example, display = many(300), Display("Leakage", caterpillar_above=299)
    drawing = forest(example, display, STYLE)
    (page,) = drawing.pages
    check_pages([page], 174, 240)
    dots = page.with_role("study")
    assert len(dots) == 300
    assert [dot.x for dot in dots] == sorted(dot.x for dot in dots)
    assert "300 studies by size" in plain(page)
    assert "Xi 2011" not in plain(page)
    assert "by size of the estimate" in drawing.caption
    assert drawing.table == forest_studies(example, display, STYLE).table
    named = forest(example, replace(display, caterpillar_above=300), STYLE)
    assert len(named.pages) == 7


def test_a_study_without_an_event_in_either_group_is_shown_as_not_estimable() -> None:
    silent = effect(
        0.98,
        0.02,
        48.0,
        0.0,
        ("continuity correction, to show the row only", "no event in either group"),
    )
    studies = [
        ("A", arms(3, 40, 6, 41), effect(0.5, 0.13, 1.9, 100.0)),
        ("B", arms(0, 25, 0, 26), silent),
    ]
    pooled = Pooled(2, estimate=0.5, ci_low=0.13, ci_high=1.9, q=0.0, q_df=1, q_p=1.0)
    mantel = REML | {"method": "MH", "test": "z"}
    (page,) = forest_pages(result(OR, studies, pooled, mantel), Display("x"), STYLE)
    assert len(page.with_role("square")) == 1
    told = [text.text for text in page.texts if text.role == "told"]
    assert told == ["not estimable"]
    assert "0.98" not in plain(page)
    assert {"B", "25", "26"} <= {text.text for text in page.texts}


def order_of(page: Canvas) -> list[str]:
    names = {label for label, *_ in [(row.label,) for row in screws().rows]}
    return [t.text for t in page.texts if t.role == "label" and t.text in names][:8]


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [
        ("table", "Alpha 2020", "Small series 2009"),
        ("label", "Alpha 2020", "Zeta 2000"),
        ("effect", "Gamma 2022", "Small series 2009"),
        ("weight", "Epsilon 2024", "Small series 2009"),
    ],
)
def test_studies_stand_in_the_order_asked_for(order: str, first: str, last: str) -> None:
    names = order_of(drawn("screws", order=order))
    assert (names[0], names[-1]) == (first, last)


def test_what_a_table_does_not_print_but_the_analysis_derived_is_shown() -> None:
    studies = [
        ("A", {"total": "50"}, effect(0.1, 0.04, 0.2, 50.0)),
        ("B", counts(3, 30), effect(0.1, 0.03, 0.26, 50.0)),
    ]
    pooled = Pooled(2, estimate=0.1, ci_low=0.05, ci_high=0.2, tau2=0.0, tau=0.0)
    example = replace(
        result(PLO, studies, pooled, GLMM), derived=(Derived(0, "events", 5.0, "from 10%"),)
    )
    (page,) = forest_pages(example, Display("x"), STYLE)
    data = [text.text for text in page.texts if text.role == "data"]
    assert data[:2] == ["5", "50"]


def judged(study: str, *kinds: str) -> Assessment:
    judgements = tuple(
        Judgement(f"D{i}", f"domain {i}", kind, kind) for i, kind in enumerate(kinds, 1)
    )
    overall = Judgement("overall", "Overall", kinds[-1], kinds[-1])
    return Assessment(study, study, "TOOL", "A tool", "", judgements, overall)


def test_risk_of_bias_stands_beside_each_study_with_its_legend() -> None:
    example, display = EXAMPLES["screws"]
    kinds = ("good", "some", "bad", "critical", "none")
    example = replace(example, bias=(judged("ALPHA2020", *kinds), judged("ZETA2000", *kinds)))
    (page,) = forest_pages(example, replace(display, height_mm=1000), STYLE)
    check_pages([page], 174)
    for kind in kinds:
        assert len(page.with_role(f"bias {kind}")) == (4 if kind == "none" else 2)
    assert "Risk of bias (A tool): D1 domain 1" in plain(page)
    (narrow,) = forest_pages(example, replace(display, width_mm=120), STYLE)
    assert "Not shown for lack of width: weights and risk of bias" in plain(narrow)


@pytest.mark.parametrize("journal", JOURNALS)
def test_a_journal_gets_its_width_and_its_least_text(journal: str) -> None:
    preset = JOURNALS[journal]
    for name in ("screws", "changes", "odds", "sixty"):
        example, display = EXAMPLES[name]
        display = replace(
            display, journal=journal, width_mm=preset.width_mm, height_mm=preset.height_mm
        )
        pages = forest_pages(example, display, fitted(STYLE, display))
        check_pages(pages, preset.width_mm, preset.height_mm, least_pt=preset.text_pt)


def test_a_weight_below_zero_is_drawn_as_the_smallest_square_and_named() -> None:
    studies = [("A", {}, effect(0.5, 0.1, 0.9, 110.0)), ("B", {}, effect(0.4, 0.0, 0.8, -10.0))]
    pooled = Pooled(2, estimate=0.5, ci_low=0.1, ci_high=0.9, tau2=0.0, tau=0.0)
    (page,) = forest_pages(result(MD, studies, pooled, REML), Display("x"), STYLE)
    assert len(page.with_role("square")) == 2
    assert "1 row has a weight below 0, which no square can show." in plain(page)


def test_the_mean_of_equal_effects_is_not_called_random() -> None:
    style = STYLES["metafor"]
    example, display = EXAMPLES["means"]
    equal = replace(example.primary, settings=REML | {"method": "EE", "test": "z"})
    (page,) = forest_pages(replace(example, analyses=(equal,)), display, style)
    assert "EE Model, k = 3" in plain(page)
    (page,) = forest_pages(example, display, style)
    assert "RE Model, k = 3" in plain(page)


def test_several_rows_of_a_study_are_not_called_studies() -> None:
    example = many(80)
    primary = replace(example.primary, pooled=replace(example.primary.pooled, k=17))
    drawing = forest(replace(example, analyses=(primary,)), Display("x"), STYLE)
    assert "80 estimates by size" in plain(drawing.pages[0])
    assert "Dots and lines are estimates" in drawing.caption


def test_what_is_not_estimable_has_no_effect_in_the_table_and_comes_last_by_effect() -> None:
    flags = ("continuity correction, to show the row only", "no event in either group")
    studies = [
        ("Silent", arms(0, 25, 0, 26), effect(0.1, 0.02, 48.0, 0.0, flags)),
        ("A", arms(3, 40, 6, 41), effect(0.5, 0.13, 1.9, 100.0)),
    ]
    pooled = Pooled(2, estimate=0.5, ci_low=0.13, ci_high=1.9)
    example = result(OR, studies, pooled, REML | {"method": "MH", "test": "z"})
    row = next(csv.DictReader(io.StringIO(forest_csv(example))))
    assert (row["label"], row["estimate"], row["ci_low"]) == ("Silent", "", "")
    assert row["note"].startswith("not estimable")
    (page,) = forest_pages(example, Display("x", order="effect"), STYLE)
    labels = [text.text for text in page.texts if text.role == "label"]
    assert labels.index("A") < labels.index("Silent")


def test_studies_judged_by_different_tools_share_only_the_overall_column() -> None:
    example, display = EXAMPLES["screws"]
    summed = replace(
        judged("ZETA2000", "good", "bad"),
        tool="NOS",
        tool_name="NOS",
        overall=None,
        score=6,
        most=9,
    )
    example = replace(example, bias=(judged("ALPHA2020", "good", "some", "bad"), summed))
    (page,) = forest_pages(example, display, STYLE)
    check_pages([page], 174)
    assert "Overall" in {text.text for text in page.texts if text.role == "header"}
    assert not {"D1", "D2", "D3"} & {text.text for text in page.texts}
    assert [text.text for text in page.texts if text.role == "bias sum"] == ["6/9"]
    assert len(page.with_role("bias bad")) == 1
    assert not page.with_role("bias good")


def test_a_page_that_begins_inside_a_subgroup_repeats_its_heading() -> None:
    whole = many(90)
    effects = whole.primary.effects
    parts = tuple(
        Analysis(f"subgroup:arm={level}", GLMM, chosen, replace(whole.primary.pooled, k=45))
        for level, chosen in (("first", effects[:45]), ("second", effects[45:]))
    )
    example = replace(whole, analyses=(whole.primary, *parts))
    pages = forest_studies(example, Display("x"), STYLE).pages
    check_pages(pages, 174, 240)
    headings = [
        [t.text for t in page.texts if t.text.startswith(("First", "Second"))] for page in pages
    ]
    assert headings[0] == ["First"]
    assert headings[1][0] == "First (continued)"
    assert "Second" in [word for page in headings for word in page]
    assert headings[-1][0] == "Second (continued)"


@pytest.mark.fault("O15")
def test_a_very_long_name_has_three_lines_and_an_ellipsis() -> None:
    name = "Study group of " + "many hospitals and " * 20
    (page,) = forest_pages(many(2, [name, "Xi 2011"]), Display("x", width_mm=120), STYLE)
    lines = [text.text for text in page.texts if text.role == "label"][:3]
    assert lines[2].endswith("…")
    assert name.strip() in forest_csv(many(2, [name, "Xi 2011"]))


def test_counts_share_a_column_before_any_column_is_left_out() -> None:
    (wide,) = forest_pages(*EXAMPLES["screws"], STYLE)
    assert "Events" in plain(wide)
    example, display = EXAMPLES["screws"]
    (page,) = forest_pages(example, replace(display, width_mm=124), STYLE)
    assert "Events/total" in plain(page)
    assert "Not shown" not in plain(page)


def test_the_plot_of_a_caterpillar_takes_the_room_that_names_would_have() -> None:
    pages = forest(many(70), Display("x"), STYLE).pages
    (axis,) = pages[0].with_role("axis")
    assert axis.box[2] - axis.box[0] > 90


def test_what_only_a_subgroup_must_say_stands_in_a_note_with_its_name() -> None:
    example, display = EXAMPLES["subgroups"]
    primary, main, *others = example.analyses
    note = "fewer than five studies: the prediction interval is unreliable"
    doubtful = replace(main, pooled=replace(main.pooled, pi_doubtful=True, notes=(note,)))
    example = replace(example, analyses=(primary, doubtful, *others))
    (page,) = forest_pages(example, replace(display, height_mm=1000), STYLE)
    assert f"Primary augmentation: {note}." in plain(page)


def test_the_total_and_the_estimate_of_jama_are_apart() -> None:
    page = drawn("odds", style="jama")
    totals = [text.box[2] for text in page.texts if text.role == "data"]
    estimates = [t.box[0] for t in page.texts if t.role == "number" and not t.text.startswith("(")]
    assert min(estimates) - max(totals) > 1.0


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("width_mm", [150.0, 166.0, 170.0, 174.0])
def test_no_heading_of_risk_of_bias_leaves_the_page(style: str, width_mm: float) -> None:
    kinds = ("good", "some", "bad", "critical", "none")
    for name in ("screws", "odds"):
        example, display = EXAMPLES[name]
        bias = tuple(judged(row.study, *kinds) for row in example.rows)
        display = replace(display, width_mm=width_mm, height_mm=1000)
        pages = forest_pages(replace(example, bias=bias), display, STYLES[style])
        check_pages(pages, width_mm)


def test_sides_over_the_plot_are_never_broken_inside_a_word() -> None:
    page = drawn("changes", style="jama", width_mm=84.0)
    words = {word for text in page.texts for word in plain_text(text.text).split()}
    assert {"Improvement", "Worsening"} <= words


def plain_text(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_sums_of_two_tools_stand_under_sum() -> None:
    example, display = EXAMPLES["screws"]
    nos = {"tool": "NOS", "tool_name": "NOS", "overall": None, "score": 6, "most": 9}
    minors = nos | {"tool": "MINORS", "tool_name": "MINORS", "score": 8, "most": 16}
    bias = (
        replace(judged("ALPHA2020", "good"), **nos),
        replace(judged("ZETA2000", "good"), **minors),
    )
    (page,) = forest_pages(replace(example, bias=bias), display, STYLE)
    assert "Sum" in {text.text for text in page.texts if text.role == "header"}
    assert [text.text for text in page.texts if text.role == "bias sum"] == ["6/9", "8/16"]


def test_a_slope_below_zero_changes_no_bracket_of_a_forest_plot() -> None:
    example, display = EXAMPLES["odds"]
    slope = Regression("year", coefficients=(Coefficient("year", -0.1, 0.02, -0.14, -0.06),))
    (page,) = forest_pages(replace(example, regressions=(slope,)), display, STYLES["jama"])
    assert "(0.044-1.013)" in plain(page)


def test_a_sentence_that_ends_in_et_al_has_one_full_stop() -> None:
    assert clean("Influential: Otsubo et al..") == "Influential: Otsubo et al."
    assert clean("and so on...") == "and so on..."
