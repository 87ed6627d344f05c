"""Leave-one-out and cumulative forest plots: every refit, in its place, on pages that hold it.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
from dataclasses import replace
from itertools import pairwise
from math import exp, inf

import pytest
from golden import check_golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_checks import check_pages, value_at
from refit_results import GLMM, MD, PLO, RR, made_up, names

from metamill.config.settings import Display
from metamill.figures.page.canvas import Canvas, Circle, Line, Polygon, Text
from metamill.figures.page.render import render
from metamill.figures.refits.forests import cumulative, leave_one_out
from metamill.figures.style import STYLES, fitted
from metamill.results import MeasureText, Pooled, Result
from metamill.wording import DASHED, ROUND, SQUARE, jama_p_text, result_format

STYLE = STYLES["default"]
SHAPES = ("interval", "point", "arrow", "diamond")
FIGURES = (leave_one_out, cumulative)
GEN = MeasureText("GEN", "estimate", "estimate", "difference", None, False)
NO_MODEL = dict.fromkeys(("mu", "se", "tau2", "i2", "q", "p_value", "cook", "covariance_ratio"))
NO_ESTIMATE = NO_MODEL | dict.fromkeys(("estimate", "ci_low", "ci_high"))


def display(**more: object) -> Display:
    return Display("Loosening", **more)  # type: ignore[arg-type]


def words(pages: tuple[Canvas, ...], *roles: str) -> str:
    """All text of the roles (of all, if none) in reading order, wrapped lines joined."""
    texts = [t.text for page in pages for t in page.texts if not roles or t.role in roles]
    return " ".join(texts).replace("\N{NO-BREAK SPACE}", " ")


def points(page: Canvas) -> list[tuple[float, float]]:
    """Where the markers of studies are, from the top down."""
    found = []
    for item in page.with_role("point"):
        left, top, right, bottom = item.box
        found.append(((left + right) / 2, (top + bottom) / 2))
    return sorted(found, key=lambda at: at[1])


def ticks(page: Canvas) -> list[tuple[float, float]]:
    """(mm, value) of the printed ticks."""
    minus = "\N{MINUS SIGN}"
    texts = [text for text in page.texts if text.role == "tick label"]
    return sorted((text.x, float(text.text.replace(minus, "-"))) for text in texts)


def rows_of(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table)))


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(("measure", "log"), [(RR, True), (MD, False)])
def test_markers_and_intervals_lie_where_the_axis_has_the_numbers(figure, measure, log):
    result = made_up(names(12), measure, spread=0.2)
    page = figure(result, display(), STYLE).pages[0]
    refits = result.leave_one_out if figure is leave_one_out else result.cumulative
    scale = ticks(page)
    assert len(points(page)) == len(refits)
    lines = sorted(page.with_role("interval"), key=lambda line: line.y1)
    arrows = page.with_role("arrow")
    for refit, (x, y), line in zip(refits, points(page), lines, strict=True):
        assert value_at(x, scale, log) == pytest.approx(refit.estimate, rel=0.01, abs=0.01)
        cut = [arrow for arrow in arrows if arrow.box[1] < y < arrow.box[3]]
        if not cut:
            assert value_at(line.x1, scale, log) == pytest.approx(refit.ci_low, rel=0.01, abs=0.01)
            assert value_at(line.x2, scale, log) == pytest.approx(refit.ci_high, rel=0.01, abs=0.01)


def test_diamond_band_and_dashed_line_are_those_of_all_studies():
    result = made_up(names(8), MD)
    page = leave_one_out(result, display(), STYLE).pages[0]
    whole, scale = result.primary.pooled, ticks(page)
    (diamond,), (band,), (centre,) = map(page.with_role, ("diamond", "band", "estimate"))
    for box in (diamond.box, band.box):
        assert value_at(box[0], scale) == pytest.approx(whole.ci_low, abs=0.01)
        assert value_at(box[2], scale) == pytest.approx(whole.ci_high, abs=0.01)
    assert isinstance(centre, Line) and centre.dash
    assert value_at(centre.x1, scale) == pytest.approx(whole.estimate, abs=0.01)
    assert not cumulative(result, display(), STYLE).pages[0].with_role("band")


def test_every_number_printed_is_rounded_from_the_result():
    result = made_up(names(6))
    page = leave_one_out(result, display(), STYLE).pages[0]
    form = result_format(result)
    printed = [t.text for t in page.texts if t.role == "number"]
    items = [*result.leave_one_out, result.primary.pooled]
    expected = [
        text
        for item in items
        for text in (
            form.text(item.estimate),
            f"[{form.text(item.ci_low)},",
            f"{form.text(item.ci_high)}]",
        )
    ]
    assert printed == expected


@pytest.mark.parametrize("figure", FIGURES)
def test_numbers_align_on_the_decimal_point(figure):
    result = made_up(names(9), spread=1.5)
    page = figure(result, display(), STYLE).pages[0]
    columns: dict[int, set[float]] = {}
    texts = [t for t in page.texts if t.role == "number" and "." in t.text]
    for index, text in enumerate(t for t in texts if not t.bold):
        before = replace(text, text=text.text.partition(".")[0])
        columns.setdefault(index % 3, set()).add(round(before.box[2], 6))
    assert all(len(places) == 1 for places in columns.values())


def test_a_study_without_which_the_result_changes_is_marked_by_shape_and_in_words():
    result = made_up(names(5), spread=0.0)
    whole = replace(result.primary.pooled, estimate=0.5, ci_low=0.3, ci_high=0.9)
    refits = [
        replace(r, estimate=0.5, ci_low=0.25, ci_high=0.95, note="") for r in result.leave_one_out
    ]
    refits[0] = replace(refits[0], estimate=0.6, ci_low=0.3, ci_high=1.2)
    refits[1] = replace(refits[1], estimate=1.1, ci_low=1.02, ci_high=1.3)
    analyses = (replace(result.primary, pooled=whole),)
    result = replace(result, analyses=analyses, leave_one_out=tuple(refits))
    drawn = leave_one_out(result, display(), STYLE)
    told = words(drawn.pages, "words")
    assert "Interval includes no effect" in told
    assert "Estimate on the other side of no effect" in told
    assert "estimate outside the interval of all studies" in told
    shapes = [type(item) for item in drawn.pages[0].with_role("point")]
    assert shapes == [Polygon, Polygon, Circle, Circle, Circle]
    assert drawn.alt.count("It changes") == 1 and "Study 2 1981" in drawn.alt
    assert "Squares mark" in drawn.caption
    assert [bool(row["words"]) for row in rows_of(drawn.table)][:5] == [True, True, *[False] * 3]


def test_nothing_is_marked_where_nothing_changes():
    result = made_up(names(5), spread=0.0)
    steady = [replace(r, estimate=0.5, ci_low=0.3, ci_high=0.8) for r in result.leave_one_out]
    whole = replace(result.primary.pooled, estimate=0.5, ci_low=0.3, ci_high=0.8)
    analyses = (replace(result.primary, pooled=whole),)
    result = replace(result, analyses=analyses, leave_one_out=tuple(steady))
    drawn = leave_one_out(result, display(), STYLE)
    assert not words(drawn.pages, "words")
    assert "No estimate leaves the interval of all studies" in drawn.alt
    assert all(isinstance(item, Circle) for item in drawn.pages[0].with_role("point"))


@pytest.mark.parametrize("figure", FIGURES)
def test_a_row_without_an_estimate_is_shown_with_its_reason(figure):
    result = made_up(names(7))
    empty = dict.fromkeys(("estimate", "ci_low", "ci_high", "mu", "se", "tau2", "i2", "q"))
    reason = "no estimate: these data do not identify the model"
    first = [replace(result.leave_one_out[0], note=reason, **empty), *result.leave_one_out[1:]]
    second = [replace(result.cumulative[0], note=reason, **empty), *result.cumulative[1:]]
    result = replace(result, leave_one_out=tuple(first), cumulative=tuple(second))
    drawn = figure(result, display(), STYLE)
    assert "Study 1 1980" in words(drawn.pages, "label")
    assert "identify the model" in words(drawn.pages, "note")
    assert len(drawn.pages[0].with_role("point")) == 6
    check_pages(drawn.pages, 174, 240, over_text=SHAPES)


def test_doubtful_rows_are_grey_with_a_footnote_shared_by_equal_notes():
    drawn = cumulative(made_up(names(9)), display(), STYLE)
    page = drawn.pages[0]
    fills = [item.fill for item in page.with_role("point")]
    assert fills == [STYLE.doubtful] * 4 + [STYLE.accent] * 5
    marks = [t.text for t in page.texts if t.role == "mark"]
    assert marks == ["(a)"] * 5
    assert "4 rows are grey" in drawn.alt


def test_studies_are_added_in_the_order_of_the_result_with_the_years_their_names_lack():
    labels = [f"Author {letter}" for letter in "ABCDE"]
    years = ["1990", "1991", "1991", "1995", "2001"]
    drawn = cumulative(made_up(labels, years=years), display(), STYLE)
    told = [t.text for t in drawn.pages[0].texts if t.role == "label"]
    assert told == ["Author A", *(f"+ {label}" for label in labels[1:]), "All studies"]
    assert [row["year"] for row in rows_of(drawn.table)] == [*years, ""]
    printed = words(drawn.pages, "data")
    assert all(year in printed for year in years)


@pytest.mark.parametrize(
    ("labels", "years"),
    [
        (["A 1990", "B 1991", "C 1992"], ["1990", "1991", "1992"]),
        (["A", "B", "C"], ["1992", "1990", "1991"]),
    ],
    ids=["named", "another order"],
)
def test_years_are_left_out_where_names_have_them_or_studies_stand_in_another_order(labels, years):
    drawn = cumulative(made_up(labels, years=years), display(), STYLE)
    assert "Year" not in words(drawn.pages, "header")


def test_two_studies_of_one_name_keep_their_own_years():
    result = made_up(["Lam", "Wu", "Lam"], years=["1985", "1986", "1987"])
    drawn = cumulative(result, display(), STYLE)
    assert [row["year"] for row in rows_of(drawn.table)][:3] == ["1985", "1986", "1987"]


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(("measure", "shown"), [(RR, True), (PLO, False)])
def test_p_has_a_column_only_where_something_is_compared(figure, measure, shown):
    model = GLMM if measure is PLO else None
    pages = figure(made_up(names(6), measure, model), display(), STYLE).pages
    headers = [t.text for t in pages[0].texts if t.role == "header"]
    assert ("p" in headers) is shown and "k" in headers and "τ" in headers


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("k", [3, 10, 60, 300])
@pytest.mark.parametrize("width", [66.0, 84.0, 174.0, 400.0])
def test_pages_hold_any_number_of_studies_at_any_width(figure, k, width):
    result = made_up(names(k))
    drawn = figure(result, display(width_mm=width, direction="lower"), STYLE)
    check_pages(drawn.pages, width, 240, over_text=SHAPES)
    assert sum(len(points(page)) for page in drawn.pages) == k
    with_rows = [page for page in drawn.pages if points(page)]
    assert all(page.with_role("header") and page.with_role("axis") for page in with_rows)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_name_longer_than_a_page_goes_on_on_the_next(figure):
    labels = ["A name of many words " * 120, "Study B 1990", "Study C 1991"]
    drawn = figure(made_up(labels), display(width_mm=66.0, height_mm=100.0), STYLE)
    check_pages(drawn.pages, 66, 100, over_text=SHAPES)
    assert len(drawn.pages) > 2
    assert words(drawn.pages, "label").count("many") == 120
    assert sum(len(points(page)) for page in drawn.pages) == 3


names_in_any_writing = st.text(
    st.sampled_from(list("abcXYZ 0189$_<&\"'-éßğ王小明試験محمداختبار")), min_size=1, max_size=60
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    labels=st.lists(names_in_any_writing, min_size=3, max_size=40),
    measure=st.sampled_from([RR, MD, PLO]),
    spread=st.sampled_from([0.0, 0.01, 1.0, 30.0]),
    seed=st.integers(0, 10**6),
    width=st.floats(66, 400),
    height=st.floats(100, 400),
)
def test_no_text_is_cut_or_covered_whatever_the_labels_and_numbers(
    labels, measure, spread, seed, width, height
):
    result = made_up(labels, measure, GLMM if measure is PLO else None, spread, seed)
    look = display(width_mm=width, height_mm=height, direction="lower")
    for figure in FIGURES:
        drawn = figure(result, look, STYLE)
        check_pages(drawn.pages, width, height, over_text=SHAPES)
        assert sum(len(points(page)) for page in drawn.pages) == len(labels)


def test_an_estimate_beyond_the_axis_is_hollow_at_its_end_and_a_note_says_so():
    result = made_up(names(10), MD, spread=0.01)
    far = replace(result.leave_one_out[3], estimate=900.0, ci_low=800.0, ci_high=1000.0)
    refits = (*result.leave_one_out[:3], far, *result.leave_one_out[4:])
    drawn = leave_one_out(replace(result, leave_one_out=refits), display(), STYLE)
    (hollow,) = [p for p in drawn.pages[0].with_role("point") if p.fill == STYLE.paper]
    (axis,) = drawn.pages[0].with_role("axis")
    assert isinstance(hollow, Polygon)
    assert (hollow.box[0] + hollow.box[2]) / 2 == pytest.approx(axis.x2)
    assert "Hollow" in words(drawn.pages, "note")


@pytest.mark.parametrize("figure", FIGURES)
def test_the_table_holds_the_drawn_numbers_and_no_others(figure):
    result = made_up(names(5))
    refits = result.leave_one_out if figure is leave_one_out else result.cumulative
    rows = rows_of(figure(result, display(), STYLE).table)
    assert [row["row"] for row in rows][-1] == "all" and len(rows) == len(refits) + 1
    for row, item in zip(rows, (*refits, result.primary.pooled), strict=True):
        for name in ("estimate", "ci_low", "ci_high", "i2", "p_value"):
            assert float(row[name]) == pytest.approx(getattr(item, name), rel=1e-9)
        assert float(row["tau"]) ** 2 == pytest.approx(item.tau2, rel=1e-9)
        assert int(row["k"]) == item.k


@pytest.mark.parametrize("figure", FIGURES)
def test_alt_and_caption_name_what_is_shown(figure):
    result = made_up(names(8))
    drawn = figure(result, display(), STYLE)
    form = result_format(result)
    refits = result.leave_one_out if figure is leave_one_out else result.cumulative
    whole = result.primary.pooled if figure is leave_one_out else refits[-1]
    assert "Loosening" in drawn.alt and "Loosening" in drawn.caption
    assert "8 studies" in drawn.alt and form.text(whole.estimate) in drawn.alt
    assert "Random effects (REML)" in drawn.caption and "95%" in drawn.caption


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("file_format", ["svg", "pdf"])
def test_the_same_result_gives_the_same_bytes(figure, file_format):
    made = [
        render(figure(made_up(names(5)), display(), STYLE).pages, file_format) for _ in range(2)
    ]
    assert made[0] == made[1]


def without_model(result: Result, k: int, note: str) -> Result:
    pooled = Pooled(k, pooled=False, notes=(note,))
    analyses = (replace(result.primary, pooled=pooled),)
    return replace(result, analyses=analyses, leave_one_out=(), cumulative=())


@pytest.mark.parametrize(
    ("figure", "result", "reason"),
    [
        (leave_one_out, made_up(names(2)), "three studies, and this analysis has 2 studies"),
        (leave_one_out, without_model(made_up(names(5)), 5, "all zero"), "all zero"),
        (leave_one_out, replace(made_up(names(5)), leave_one_out=()), "holds no analysis"),
        (cumulative, replace(made_up(names(5)), cumulative=()), "study after study"),
    ],
    ids=["two", "no model", "not asked for", "no order"],
)
def test_what_cannot_be_drawn_says_why(figure, result, reason):
    drawn = figure(result, display(), STYLE)
    assert reason in drawn.alt and reason in words(drawn.pages)
    check_pages(drawn.pages, 174)


def test_refits_without_any_estimate_say_why():
    result = made_up(names(3))
    empty = [replace(r, estimate=None, note="no data") for r in result.cumulative]
    drawn = cumulative(replace(result, cumulative=tuple(empty)), display(), STYLE)
    assert "no data" in drawn.alt


def test_columns_are_dropped_before_the_plot_is_too_narrow_and_the_figure_says_so():
    result = made_up(names(6))
    wide, narrow = (
        leave_one_out(result, display(width_mm=width), STYLE).pages[0] for width in (174.0, 84.0)
    )
    assert "Not shown" not in words((wide,), "note")
    assert "Not shown for lack of width: I² (%)" in words((narrow,), "note")
    for page in (wide, narrow):
        (axis,) = page.with_role("axis")
        assert axis.x2 - axis.x1 >= STYLE.plot_least_mm - 1e-6


def test_rows_do_not_touch_and_marks_stand_at_their_row():
    page = cumulative(made_up(names(9)), display(), STYLE).pages[0]
    heights = [y for _, y in points(page)]
    assert all(b - a > STYLE.row_mm - 1e-6 for a, b in pairwise(heights))
    labels = [t for t in page.texts if t.role == "label"]
    for (_, y), label in zip(points(page), labels, strict=False):
        assert label.box[1] < y < label.box[3]


def test_infinite_limits_are_arrows():
    result = made_up(names(4), MD)
    endless = replace(result.leave_one_out[0], ci_high=inf, ci_low=-inf)
    refits = (endless, *result.leave_one_out[1:])
    drawn = leave_one_out(replace(result, leave_one_out=refits), display(), STYLE)
    assert len(drawn.pages[0].with_role("arrow")) >= 2


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("journal", "width"), [("springer-single", 84.0), ("plos", 190.5)])
@pytest.mark.parametrize("figure", FIGURES)
def test_larger_text_of_a_journal_and_other_styles_fit(figure, journal, width, style):
    look = display(journal=journal, width_mm=width, height_mm=222.0, direction="lower")
    drawn = figure(
        made_up([f"A series of a long name {i} 1990" for i in range(12)]),
        look,
        fitted(STYLES[style], look),
    )
    check_pages(drawn.pages, width, 222, over_text=SHAPES)


@pytest.mark.parametrize("figure", FIGURES)
def test_the_figure_is_as_it_was(figure):
    labels = ["Äsop 1990", "王小明 1994", "محمد 1995", "O'Neill & <Sons> $x_1$ 1999", *names(3)]
    drawn = figure(made_up(labels), display(direction="lower"), STYLE)
    check_golden(figure.__name__, drawn.pages)


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    ("brackets", "told"),
    [(SQUARE, "[0.16, 0.84]"), (DASHED, "(0.16-0.84)"), (ROUND, "(0.16 to 0.84)")],
)
@pytest.mark.parametrize("width", [66.0, 174.0])
def test_limits_and_their_heading_stand_in_the_brackets_of_the_style(figure, brackets, told, width):
    result = made_up(names(6), spread=0.0)
    whole = replace(result.primary.pooled, estimate=0.5, ci_low=0.16, ci_high=0.84)
    result = replace(result, analyses=(replace(result.primary, pooled=whole),))
    style = replace(STYLES["jama"], brackets=brackets)
    drawn = figure(result, display(width_mm=width), style)
    check_pages(drawn.pages, width, 240, over_text=SHAPES)
    opening, _, closing = brackets
    printed = words(drawn.pages, "header", "number", "label")
    assert told in printed and f"{opening}95% CI{closing}" in printed
    assert brackets is SQUARE or "[" not in words(drawn.pages)


@pytest.mark.parametrize("figure", FIGURES)
def test_p_values_are_printed_as_the_style_has_them(figure):
    result = made_up(names(9))
    whole = replace(result.primary.pooled, p_value=0.0004)
    result = replace(result, analyses=(replace(result.primary, pooled=whole),))
    page = figure(result, display(width_mm=240.0), STYLES["jama"]).pages[0]
    headers = [t.text for t in page.texts if t.role == "header"]
    assert "P" in headers and "p" not in headers
    refits = result.leave_one_out if figure is leave_one_out else result.cumulative
    printed = [t.text for t in page.texts if t.role == "data" and t.text.lstrip("<>")[0] == "."]
    expected = [jama_p_text(item.p_value) for item in (*refits, result.primary.pooled)]
    assert printed == [
        text.removeprefix("P ").removeprefix("= ").replace(" ", "") for text in expected
    ]
    assert printed[-1] == "<.001"


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    ("back", "scale"),
    [
        (exp, "log"),
        (lambda x: 1 / (1 + exp(-x)), "logit"),
        (lambda x: exp(-exp(x)), "log(-log)"),
        (lambda x: x, ""),
        (lambda x: x**3 + 2, ""),
    ],
    ids=["log", "logit", "cloglog", "none", "unknown"],
)
def test_the_scale_of_tau_of_a_generic_measure_is_that_of_its_estimate(figure, back, scale):
    result = made_up(names(6), GEN)
    whole = replace(result.primary.pooled, estimate=back(result.primary.pooled.mu))
    result = replace(result, analyses=(replace(result.primary, pooled=whole),))
    note = words(figure(result, display(), STYLE).pages, "note")
    assert (f"τ is on the {scale} scale." in note) is bool(scale)
    assert ("τ is on" in note) is bool(scale)


@pytest.mark.parametrize("figure", FIGURES)
def test_the_scale_of_tau_is_told_only_under_a_column_of_tau(figure):
    result = made_up(names(6))
    assert "τ is on the log scale" in words(figure(result, display(), STYLE).pages, "note")
    left, up = (
        tuple(replace(refit, tau2=None) for refit in refits)
        for refits in (result.leave_one_out, result.cumulative)
    )
    whole = replace(result.primary.pooled, tau=None, tau2=None)
    analyses = (replace(result.primary, pooled=whole),)
    without = replace(result, analyses=analyses, leave_one_out=left, cumulative=up)
    assert "τ" not in words(figure(without, display(), STYLE).pages)


def test_all_studies_without_a_model_are_a_grey_circle_with_a_footnote_in_shape_and_words():
    result = made_up(names(6))
    reason = "every unit has the event: no model can be fitted"
    whole = replace(Pooled(6, pooled=False, notes=(reason,)), estimate=0.5, ci_low=0.3, ci_high=0.8)
    last = replace(result.cumulative[-1], note=reason, **NO_MODEL)
    result = replace(
        result,
        analyses=(replace(result.primary, pooled=whole),),
        cumulative=(*result.cumulative[:-1], last),
    )
    drawn = cumulative(result, display(), STYLE)
    (page,) = drawn.pages
    assert not page.with_role("diamond") and "diamond" not in drawn.caption
    assert "The grey circle in the last row is all studies, without a model" in drawn.caption
    assert page.with_role("point")[-1].fill == STYLE.doubtful
    marks = [t.text for t in page.texts if t.role == "mark"]
    assert marks == ["(a)"] * 4 + ["(b)", "(b)", "(a)", "(b)"]
    assert "The diamond is the estimate" in cumulative(made_up(names(6)), display(), STYLE).caption


def test_a_refit_without_a_model_is_told_and_not_compared():
    result = made_up(names(5), spread=0.0)
    whole = replace(result.primary.pooled, estimate=0.5, ci_low=0.3, ci_high=0.8)
    refits = [replace(r, estimate=0.5, ci_low=0.3, ci_high=0.8) for r in result.leave_one_out]
    crude = replace(refits[0], **NO_MODEL | {"estimate": 0.2, "ci_low": 0.1, "ci_high": 3.0})
    refits[0] = replace(crude, note="no study has an event")
    refits[1] = replace(refits[1], note="no comparison can be pooled", **NO_ESTIMATE)
    analyses = (replace(result.primary, pooled=whole),)
    result = replace(result, analyses=analyses, leave_one_out=tuple(refits))
    drawn = leave_one_out(result, display(), STYLE)
    assert (
        "Without Study 1 1980 no model is fitted (no study has an event); its grey row, "
        "0.20 (0.10 to 3.00), is not compared. Without Study 2 1981 there is no estimate "
        "(no comparison can be pooled)."
    ) in drawn.alt
    assert "Of 3 refits with a pooled estimate, none leaves the interval" in drawn.alt
    assert "The result changes" not in drawn.alt and "no estimate without" not in drawn.alt
    assert "Square" not in drawn.caption and "Grey rows have no model" in drawn.caption
    assert not words(drawn.pages, "words") and "Square" not in words(drawn.pages, "note")
    fills = [item.fill for item in drawn.pages[0].with_role("point")]
    assert fills == [STYLE.doubtful] + [STYLE.accent] * 3
    assert not any(row["words"] for row in rows_of(drawn.table))


def test_a_range_of_one_number_is_told_as_that_number():
    result = made_up(names(5))
    left = tuple(replace(refit, tau2=0.0) for refit in result.leave_one_out)
    up = tuple(replace(refit, estimate=0.5, note="") for refit in result.cumulative)
    result = replace(result, leave_one_out=left, cumulative=up)
    assert "Tau is 0 throughout." in leave_one_out(result, display(), STYLE).alt
    assert "the estimate is 0.50 throughout." in cumulative(result, display(), STYLE).alt
    other = leave_one_out(made_up(names(5)), display(), STYLE)
    assert "Tau lies between" in other.alt


def test_the_band_begins_under_the_rule_of_the_header():
    (page,) = leave_one_out(made_up(names(5)), display(), STYLE).pages
    roles = [item.role for item in page.items]
    assert roles.index("band") < roles.index("rule")


@pytest.mark.parametrize("figure", FIGURES)
def test_a_tau_is_printed_with_its_own_two_digits_and_zero_as_0(figure):
    result = made_up(names(3))
    left, up = (
        tuple(
            replace(refit, tau2=tau**2)
            for refit, tau in zip(refits, (0.0, 0.0123, 2.34), strict=True)
        )
        for refits in (result.leave_one_out, result.cumulative)
    )
    page = figure(replace(result, leave_one_out=left, cumulative=up), display(), STYLE).pages[0]
    (head,) = [t for t in page.texts if t.text == "τ"]
    column = [t for t in page.texts if t.role == "data" and abs(t.x - head.x) < 5]
    assert [t.text for t in column] == ["0", "0.012", "2.3", "0.80"]


def directions(page: Canvas) -> list[Text]:
    return [t for t in page.texts if t.role == "direction"]


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("width", [120.0, 174.0])
def test_the_better_side_is_told_under_the_two_ends_of_the_axis(figure, width):
    look = display(
        width_mm=width, direction="lower", treatment="New treatment", control="Usual care"
    )
    page = figure(made_up(names(6)), look, STYLE).pages[0]
    (axis,) = page.with_role("axis")
    assert isinstance(axis, Line)
    left, right = ([t for t in directions(page) if t.align == align] for align in ("left", "right"))
    assert len(left) + len(right) == len(directions(page))
    assert {t.x for t in left} == {axis.x1} and {t.x for t in right} == {axis.x2}
    assert left[0].y == right[0].y
    assert left[0].text.startswith("←") and right[-1].text.endswith("→")
    middle = (axis.x1 + axis.x2) / 2
    wrapped = len(left) > 1
    assert not wrapped or max(t.box[2] for t in left) < middle < min(t.box[0] for t in right)


def test_directions_are_stacked_only_where_a_word_is_wider_than_half_the_axis():
    result = made_up(names(6))
    look = display(direction="lower", treatment="Pneumonoultramicroscopicsilicovolcanoconiosis")
    page = leave_one_out(result, replace(look, width_mm=100.0), STYLE).pages[0]
    assert {t.align for t in directions(page)} == {"left"}
    assert len({t.y for t in directions(page)}) == len(directions(page))
    check_pages((page,), 100, over_text=SHAPES)


def test_studies_without_a_year_have_a_dash_and_a_note():
    labels = ["Author A 1990", "Author B 1991", "Author C"]
    drawn = cumulative(made_up(labels, years=["1990", "1991", ""]), display(), STYLE)
    assert "Year" in words(drawn.pages, "header")
    assert [row["year"] for row in rows_of(drawn.table)][:3] == ["1990", "1991", ""]
    assert "– under Year: no year is known; such studies are added last." in words(
        drawn.pages, "note"
    )
    other = cumulative(made_up(labels, years=["1990", "1991", "in press"]), display(), STYLE)
    assert [row["year"] for row in rows_of(other.table)][:3] == ["1990", "1991", ""]
    first = cumulative(made_up(labels, years=["", "1991", "1992"]), display(), STYLE)
    assert "Year" not in words(first.pages, "header")
    complete = cumulative(made_up(list("ABC"), years=["1990", "1991", "1992"]), display(), STYLE)
    assert "no year" not in words(complete.pages, "note")
    narrow = cumulative(made_up(labels, years=["1990", "1991", ""]), display(width_mm=66.0), STYLE)
    assert "no year" not in words(narrow.pages, "note")


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("width", [84.0, 174.0])
def test_the_heading_of_a_proportion_has_two_lines_at_most(figure, width):
    small = {"estimate": 0.02, "ci_low": 0.01, "ci_high": 0.03}
    result = made_up(names(6), PLO, GLMM)
    left, up = (
        tuple(replace(refit, **small) for refit in refits)
        for refits in (result.leave_one_out, result.cumulative)
    )
    whole = replace(result.primary.pooled, **small)
    analyses = (replace(result.primary, pooled=whole),)
    result = replace(result, analyses=analyses, leave_one_out=left, cumulative=up)
    page = figure(result, display(width_mm=width), STYLE).pages[0]
    told = [t.text.replace("\N{NO-BREAK SPACE}", " ") for t in page.texts if t.role == "header"]
    assert "Proportion (%)" in told and "[95% CI]" in told


@pytest.mark.parametrize(
    ("figure", "kind"), [(leave_one_out, "Leave-one-out"), (cumulative, "Cumulative")]
)
def test_captions_begin_with_the_kind_of_figure_and_the_title(figure, kind):
    caption = figure(made_up(names(6)), display(), STYLE).caption
    assert caption.startswith(f"{kind} forest plot: Loosening. The pooled risk ratio")


def test_text_is_at_least_five_points_and_labels_seven():
    texts: list[Text] = leave_one_out(made_up(names(5)), display(), STYLE).pages[0].texts
    assert min(t.size for t in texts if t.role != "mark") == STYLE.font_size
