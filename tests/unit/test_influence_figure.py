"""The influence panels: every statistic that a result has, every study in its place.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
from dataclasses import asdict, replace
from math import sqrt

import pytest
from golden import check_golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_checks import check_pages, value_at
from refit_results import GLMM, MD, PLO, RR, made_up, names

from metamill.config.settings import Display
from metamill.exploring.influence import cutoffs
from metamill.figures.page.canvas import Canvas, Circle, Line, Polygon
from metamill.figures.page.render import render
from metamill.figures.refits.influence import NAMED_UP_TO, influence
from metamill.figures.refits.panels import statistics
from metamill.figures.style import STYLES, fitted
from metamill.results import Pooled, Result

STYLE = STYLES["default"]
MARKS = ("point", "influential")
NINE = "rstudent,dffits,cook,covariance_ratio,tau,q,hat,weight,dfbetas".split(",")
MINUS = "\N{MINUS SIGN}"


def display(**more: object) -> Display:
    return Display("Loosening", **more)  # type: ignore[arg-type]


def words(pages: tuple[Canvas, ...], *roles: str) -> str:
    texts = [t.text for page in pages for t in page.texts if not roles or t.role in roles]
    return " ".join(texts).replace("\N{NO-BREAK SPACE}", " ")


def centre(item: Circle | Polygon) -> tuple[float, float]:
    left, top, right, bottom = item.box
    return (left + right) / 2, (top + bottom) / 2


def panels_of(page: Canvas) -> list[tuple[float, float, float, float]]:
    """The plotting areas, from their axes, in the order in which they were drawn."""
    lines = page.with_role("axis")
    return [
        (floor.x1, side.y1, floor.x2, floor.y1)
        for floor, side in zip(lines[::2], lines[1::2], strict=True)
        if isinstance(floor, Line) and isinstance(side, Line)
    ]


def scale_of(page: Canvas, box: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    """(mm, value) of the ticks to the left of a panel."""
    found = []
    for text in page.texts:
        near = box[0] - 15 < text.x < box[0] and box[1] - 2 < text.y < box[3] + 2
        if text.role == "tick label" and near:
            value = float(text.text.replace(MINUS, "-").replace(",", ""))
            found.append((text.y - 0.73 * text.size * 25.4 / 72 / 2, value))
    return sorted(found, key=lambda tick: tick[1])


@pytest.mark.parametrize("measure", [RR, MD])
def test_each_mark_lies_where_its_axis_has_the_statistic(measure):
    result = made_up(names(7), measure)
    (page,) = influence(result, display(), STYLE).pages
    found = statistics(result)
    boxes = panels_of(page)
    assert len(boxes) == len(found) == 9
    for box, panel in zip(boxes, found, strict=True):
        scale = scale_of(page, box)
        reach = abs(scale[-1][1] - scale[0][1])
        marks = sorted(
            centre(item)
            for role in MARKS
            for item in page.with_role(role)
            if box[0] <= centre(item)[0] <= box[2] and box[1] - 1 <= centre(item)[1] <= box[3] + 1
        )
        assert len(marks) == 7
        for (_, y), value in zip(marks, panel.values, strict=True):
            assert value_at(y, scale) == pytest.approx(value, abs=0.002 * reach)


def test_the_panels_show_the_numbers_of_the_result():
    result = made_up(names(5))
    found = {panel.name: panel for panel in statistics(result)}
    assert list(found) == NINE
    for name in NINE:
        expected = [
            sqrt(r.tau2) if name == "tau" else getattr(r, name) for r in result.leave_one_out
        ]
        assert list(found[name].values) == expected
    assert found["tau"].centre == result.primary.pooled.tau
    assert found["q"].centre == result.primary.pooled.q


@pytest.mark.parametrize("k", [3, 13, 300])
def test_dashed_lines_are_the_cutoffs_by_which_studies_are_called_influential(k):
    found = {panel.name: panel.limits for panel in statistics(made_up(names(k)))}
    expected = asdict(cutoffs(k))
    for name, limit in expected.items():
        assert found[name][-1] == pytest.approx(limit, rel=1e-12)
    assert found["dffits"][0] == -found["dffits"][1] and found["dfbetas"] == (-1.0, 1.0)
    assert found["weight"][0] == pytest.approx(100 * found["hat"][0])


def test_another_model_shows_only_what_it_has_and_the_estimate_without_each_study():
    result = made_up(names(6), PLO, GLMM)
    found = [panel.name for panel in statistics(result)]
    assert found == ["cook", "covariance_ratio", "tau", "q", "estimate"]
    drawn = influence(result, display(), STYLE)
    assert "Pooled proportion without the study (%)" in words(drawn.pages, "panel title")
    assert "no usual cutoffs" in drawn.alt
    assert not drawn.pages[0].with_role("influential")


def test_equal_effects_have_no_panel_of_tau():
    result = made_up(names(6))
    refits = tuple(replace(r, tau2=None) for r in result.leave_one_out)
    whole = replace(result.primary.pooled, tau=None, tau2=None)
    analyses = (replace(result.primary, pooled=whole),)
    found = statistics(replace(result, analyses=analyses, leave_one_out=refits))
    assert [panel.name for panel in found] == [name for name in NINE if name != "tau"]


def test_influential_studies_differ_by_shape_and_colour_and_are_named():
    result = made_up(names(7))
    drawn = influence(result, display(), STYLE)
    (page,) = drawn.pages
    marked, others = page.with_role("influential"), page.with_role("point")
    assert len(marked) == 2 * 9 and len(others) == 5 * 9
    assert all(isinstance(item, Polygon) and item.fill == STYLE.striking for item in marked)
    assert all(isinstance(item, Circle) and item.fill == STYLE.accent for item in others)
    bold = [t.text for t in page.texts if t.role == "key name" and t.bold]
    assert bold == ["Study 3 1981", "Study 6 1983"]
    assert "Influential: Study 3 1981; Study 6 1983." in drawn.alt


@pytest.mark.parametrize("k", [3, 13, NAMED_UP_TO])
def test_the_key_names_every_study_by_its_number(k):
    drawn = influence(made_up(names(k)), display(), STYLE)
    texts = [t for page in drawn.pages for t in page.texts]
    numbers = [t for t in texts if t.role == "key number"]
    told = {
        (n.text, t.text) for n in numbers for t in texts
        if t.role == "key name" and t.y == n.y and 0 < t.x - n.x < 1.5
    }  # fmt: skip
    assert told == {(str(i), name) for i, name in enumerate(names(k), start=1)}


def test_above_sixty_studies_only_influential_ones_are_named_and_a_note_says_so():
    drawn = influence(made_up(names(NAMED_UP_TO + 1)), display(), STYLE)
    named = [t.text for page in drawn.pages for t in page.texts if t.role == "key name"]
    assert len(named) == (NAMED_UP_TO + 1) // 3
    assert f"of {NAMED_UP_TO + 1} only" in words(drawn.pages, "note")


@pytest.mark.parametrize("k", [3, 10, 60, 300])
@pytest.mark.parametrize("width", [66.0, 84.0, 174.0, 400.0])
def test_pages_hold_any_number_of_studies_at_any_width(k, width):
    result = made_up(names(k))
    drawn = influence(result, display(width_mm=width), STYLE)
    check_pages(drawn.pages, width, 240)
    assert sum(len(page.with_role(r)) for page in drawn.pages for r in MARKS) == 9 * k


labels = st.text(
    st.sampled_from(list("abcXYZ 0189$_<&\"'-éßğ王小明試験محمداختبار")), min_size=1, max_size=80
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    studies=st.lists(labels, min_size=3, max_size=40),
    measure=st.sampled_from([RR, MD, PLO]),
    scale=st.sampled_from([0.0, 1e-12, 1e-3, 1.0, 1e6, 1e12]),
    seed=st.integers(0, 10**6),
    width=st.floats(66, 400),
    height=st.floats(100, 400),
)
def test_no_text_is_cut_or_overlaps_whatever_the_labels_and_numbers(
    studies, measure, scale, seed, width, height
):
    result = made_up(studies, measure, GLMM if measure is PLO else None, 1.0, seed)
    stretched = tuple(
        replace(r, cook=scale * r.cook, tau2=scale * r.tau2, q=scale * r.q)
        for r in result.leave_one_out
    )
    result = replace(result, leave_one_out=stretched)
    drawn = influence(result, display(width_mm=width, height_mm=height), STYLE)
    check_pages(drawn.pages, width, height)
    drawn_marks = sum(len(page.with_role(r)) for page in drawn.pages for r in MARKS)
    assert drawn_marks == len(statistics(result)) * len(studies)


def test_a_statistic_that_does_not_exist_is_told_and_not_drawn():
    result = made_up(names(5))
    first = replace(result.leave_one_out[0], rstudent=None, note="no variation")
    drawn = influence(replace(result, leave_one_out=(first, *result.leave_one_out[1:])),
                      display(), STYLE)  # fmt: skip
    assert sum(len(drawn.pages[0].with_role(r)) for r in MARKS) == 9 * 5 - 1
    assert "Without Study 1 1980: no Studentised residual to show (no variation)." in words(
        drawn.pages, "note"
    )


def test_values_that_are_all_equal_are_drawn():
    result = made_up(names(4))
    refits = tuple(replace(r, tau2=0.0, q=0.0, cook=0.0) for r in result.leave_one_out)
    whole = replace(result.primary.pooled, tau=0.0, tau2=0.0, q=0.0)
    analyses = (replace(result.primary, pooled=whole),)
    drawn = influence(replace(result, analyses=analyses, leave_one_out=refits), display(), STYLE)
    check_pages(drawn.pages, 174, 240)
    assert "τ without the study 0 for every study" in drawn.alt


def test_the_table_holds_the_drawn_numbers_the_references_and_no_others():
    result = made_up(names(5))
    rows = list(csv.DictReader(io.StringIO(influence(result, display(), STYLE).table)))
    kinds = [row["row"] for row in rows]
    assert kinds == ["study"] * 5 + ["reference", "lower cutoff", "upper cutoff"]
    for panel in statistics(result):
        numbers = [float(row[panel.name]) for row in rows[:5]]
        assert numbers == pytest.approx(list(panel.values), rel=1e-9)
        assert float(rows[5][panel.name]) == pytest.approx(panel.centre, rel=1e-9)
        told = [float(row[panel.name]) for row in rows[6:] if row[panel.name]]
        assert told == pytest.approx(list(panel.limits), rel=1e-9)
    assert set(rows[0]) == {"row", "number", "study", *NINE, "influential", "note"}
    assert [row["influential"] for row in rows[:5]] == ["no", "no", "yes", "no", "no"]


def test_alt_and_caption_name_the_statistics_and_the_model():
    drawn = influence(made_up(names(6)), display(), STYLE)
    for name in ("DFFITS", "Cook's distance", "DFBETAS"):
        assert name in drawn.alt and name in drawn.caption
    assert "9 panels, each with 6 studies" in drawn.alt
    assert "Random effects (REML)" in drawn.caption
    assert drawn.caption.startswith("Influence of single studies: Loosening. Each panel")


def test_a_model_whose_studies_are_not_called_influential_has_no_cutoffs_anywhere():
    drawn = influence(made_up(names(6), PLO, GLMM), display(), STYLE)
    assert not any(page.with_role("limit") for page in drawn.pages)
    assert "cutoff" not in drawn.caption and "Dashed" not in words(drawn.pages, "note")
    assert "lower cutoff" not in drawn.table and "upper cutoff" not in drawn.table
    assert "no usual cutoffs" in drawn.alt
    with_cutoffs = influence(made_up(names(6)), display(), STYLE)
    assert any(page.with_role("limit") for page in with_cutoffs.pages)
    assert "for Cook's distance" in with_cutoffs.caption


def calm(k: int) -> Result:
    """A result in which no study is influential or has a large residual."""
    result = made_up(names(k))
    refits = tuple(
        replace(refit, influential=False, rstudent=0.1 * index)
        for index, refit in enumerate(result.leave_one_out)
    )
    return replace(result, leave_one_out=refits)


def test_a_study_that_cannot_be_judged_is_named_and_not_called_uninfluential():
    result = calm(6)
    assert (
        "No study is influential by the usual cutoffs." in influence(result, display(), STYLE).alt
    )
    missing = {"influential": None, "dffits": None, "rstudent": None, "note": "nothing to pool"}
    first = replace(result.leave_one_out[0], **missing)
    result = replace(result, leave_one_out=(first, *result.leave_one_out[1:]))
    alt = influence(result, display(), STYLE).alt
    assert "Not judged, for lack of a statistic: Study 1 1980 (nothing to pool)." in alt
    assert "No other study is influential" in alt and "No study is" not in alt
    every = tuple(replace(refit, **missing) for refit in result.leave_one_out)
    alt = influence(replace(result, leave_one_out=every), display(), STYLE).alt
    assert "Not judged" in alt and "is influential by" not in alt and "no usual" not in alt


def test_studies_beyond_the_lines_of_the_residual_are_told_apart_from_influential_ones():
    result = calm(6)
    drawn = influence(result, display(), STYLE)
    assert "Beyond ±1.96" not in drawn.alt
    assert "beyond ±1.96" not in words(drawn.pages, "note")
    residuals = (0.1, -2.0, 1.9, 1.97, -1.96, 0.0)
    refits = tuple(
        replace(refit, rstudent=value)
        for refit, value in zip(result.leave_one_out, residuals, strict=True)
    )
    drawn = influence(replace(result, leave_one_out=refits), display(), STYLE)
    assert (
        "No study is influential by the usual cutoffs. "
        "Beyond ±1.96 by the studentised residual: Study 2 1981; Study 4 1982."
    ) in drawn.alt
    assert "Studentised residual beyond ±1.96: 2, 4." in words(drawn.pages, "note")


def test_caption_and_note_name_the_statistics_that_decide():
    drawn = influence(made_up(names(6)), display(), STYLE)
    decide = "beyond a cutoff of DFFITS, Cook's distance, the hat value or DFBETAS"
    assert decide in drawn.caption and decide in words(drawn.pages, "note")


@pytest.mark.parametrize("width", [66.0, 84.0, 130.0, 174.0])
@pytest.mark.parametrize("k", [9, 13, 22, 30, 110])
def test_all_panels_have_the_same_study_numbers_under_them(k, width):
    result = made_up(names(k))
    # Labels of very different widths at the sides of the panels.
    wide = tuple(replace(r, q=1e7 * r.q, cook=1e-3 * r.cook) for r in result.leave_one_out)
    drawn = influence(replace(result, leave_one_out=wide), display(width_mm=width), STYLE)
    check_pages(drawn.pages, width, 240)
    told = []
    for page in drawn.pages:
        texts = [t for t in page.texts if t.role == "study tick"]
        for left, _, right, bottom in panels_of(page):
            told.append(
                [
                    int(t.text) for t in texts
                    if left - 2 < t.x < right + 2 and bottom < t.y < bottom + 6
                ]
            )  # fmt: skip
    assert len(told) == 9 and told[0] and all(numbers == told[0] for numbers in told)


def boxes_meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_number_of_an_influential_study_is_clear_of_its_stem_and_of_lines_of_reference(side):
    result = made_up(names(10))
    refits = tuple(
        replace(
            refit, influential=index == 3, hat=0.12 if index == 3 else 0.1,
            weight=12.0 if index == 3 else 10.0, rstudent=side * (9.0 if index == 3 else 0.1),
        )
        for index, refit in enumerate(result.leave_one_out)
    )  # fmt: skip
    (page,) = influence(replace(result, leave_one_out=refits), display(), STYLE).pages
    numbers = [t for t in page.texts if t.role == "point name"]
    assert [t.text for t in numbers] == ["4"] * 9
    for text in numbers:
        for role in ("stem", "centre", "limit"):
            assert not any(boxes_meet(text.box, line.box) for line in page.with_role(role))


def test_a_note_says_so_where_squares_are_too_crowded_for_their_numbers():
    few, many = (influence(made_up(names(k)), display(), STYLE).pages for k in (6, 300))
    assert "some have no number" in words(many, "note")
    assert "some have no number" not in words(few, "note")


def test_panels_stand_two_by_two_in_a_column_of_a_journal():
    drawn = influence(made_up(names(13)), display(width_mm=84.0), STYLE)
    (page,) = drawn.pages
    assert len({round(box[2]) for box in panels_of(page)}) == 2


def test_one_long_name_leaves_the_others_their_columns_and_is_cut_after_two_lines():
    long = "A name without end " * 12
    drawn = influence(made_up([long, *names(29)]), display(), STYLE)
    check_pages(drawn.pages, 174, 240)
    texts = [t for page in drawn.pages for t in page.texts if t.role == "key name"]
    assert len({round(t.x, 1) for t in texts}) >= 4
    cut = [t.text for t in texts if "name" in t.text]
    assert len(cut) == 2 and cut[-1].endswith("…")
    assert long.strip() in drawn.table


def test_the_same_result_gives_the_same_bytes():
    made = [render(influence(made_up(names(5)), display(), STYLE).pages, "svg") for _ in range(2)]
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("k", "pooled", "reason"),
    [(2, True, "this analysis has 2 studies"), (5, False, "all zero"), (5, True, "holds no")],
)
def test_what_cannot_be_drawn_says_why(k, pooled, reason):
    result = made_up(names(k))
    whole = result.primary.pooled if pooled else Pooled(k, pooled=False, notes=("all zero",))
    analyses = (replace(result.primary, pooled=whole),)
    result = replace(result, analyses=analyses, leave_one_out=())
    drawn = influence(result, display(), STYLE)
    assert reason in drawn.alt and reason in words(drawn.pages)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("journal", "width"), [("springer-single", 84.0), ("plos", 190.5)])
def test_larger_text_of_a_journal_and_other_styles_fit(journal, width, style):
    look = display(journal=journal, width_mm=width, height_mm=222.0, direction="lower")
    drawn = influence(made_up(names(12)), look, fitted(STYLES[style], look))
    check_pages(drawn.pages, width, 222)


def test_the_figure_is_as_it_was():
    labelled = ["Äsop 1990", "王小明 1994", "محمد 1995", "O'Neill & <Sons> $x_1$ 1999", *names(3)]
    check_golden("influence", influence(made_up(labelled), display(), STYLE).pages)
