"""The Baujat plot: every study in its place, names and numbers that cannot be misread.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
from dataclasses import replace

import pytest
from golden import check_golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_checks import axis_ticks, check_pages, value_at
from refit_results import GLMM, PLO, made_up, names

from metamill.config.settings import Display
from metamill.figures.page.canvas import Canvas, Circle, Line, Polygon
from metamill.figures.page.render import render
from metamill.figures.refits.baujat import FEW, MOST_KEYED, MOST_LISTED, baujat
from metamill.figures.style import STYLES, fitted
from metamill.results import Pooled, Result

STYLE = STYLES["default"]
MARKS = ("point", "influential")


def display(**more: object) -> Display:
    return Display("Loosening", **more)  # type: ignore[arg-type]


def words(pages: tuple[Canvas, ...], *roles: str) -> str:
    texts = [t.text for page in pages for t in page.texts if not roles or t.role in roles]
    return " ".join(texts).replace("\N{NO-BREAK SPACE}", " ")


def marks(page: Canvas) -> list[tuple[float, float]]:
    boxes = [item.box for role in MARKS for item in page.with_role(role)]
    return sorted(((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in boxes)


def test_each_mark_lies_where_the_axes_have_its_numbers():
    result = made_up(names(15))
    (page,) = baujat(result, display(), STYLE).pages
    x, y = axis_ticks(page, "x"), axis_ticks(page, "y")
    found = sorted((value_at(a, x), value_at(b, y)) for a, b in marks(page))
    expected = sorted((r.baujat_x, r.baujat_y) for r in result.leave_one_out)
    assert len(found) == 15
    for (a, b), (c, d) in zip(found, expected, strict=True):
        assert a == pytest.approx(c, abs=0.005 * x[-1][1])
        assert b == pytest.approx(d, abs=0.005 * y[-1][1])


def test_influential_studies_differ_by_shape_and_colour():
    (page,) = baujat(made_up(names(6)), display(), STYLE).pages
    marked, others = page.with_role("influential"), page.with_role("point")
    assert len(marked) == 2 and len(others) == 4
    assert all(isinstance(item, Polygon) and item.fill == STYLE.striking for item in marked)
    assert all(isinstance(item, Circle) and item.fill == STYLE.accent for item in others)
    assert "Square: influential" in words((page,), "note")


def test_the_study_furthest_out_is_named_beside_its_mark():
    result = made_up(names(40))
    far = replace(result.leave_one_out[7], baujat_x=50.0, baujat_y=3.0)
    refits = (*result.leave_one_out[:7], far, *result.leave_one_out[8:])
    drawn = baujat(replace(result, leave_one_out=refits), display(), STYLE)
    (name,) = [t for t in drawn.pages[0].texts if t.text == "Study 8 1984"]
    x, y = marks(drawn.pages[0])[-1]
    left, top, right, bottom = name.box
    assert top - 2 < y < bottom + 2 and (abs(left - x) < 3 or abs(right - x) < 3)
    assert "Furthest out: Study 8 1984 (50.0, 3.00)" in drawn.alt


@pytest.mark.parametrize("k", [3, 20, 60, 300])
@pytest.mark.parametrize("width", [66.0, 84.0, 174.0, 400.0])
def test_every_study_is_named_numbered_with_a_key_or_counted_as_unnamed(k, width):
    drawn = baujat(made_up(names(k)), display(width_mm=width), STYLE)
    check_pages(drawn.pages, width, 240)
    texts = [t for page in drawn.pages for t in page.texts]
    beside = [t.text for t in texts if t.role == "point name"]
    named = [text for text in beside if text.startswith("Study")]
    numbers = [text for text in beside if text.isdigit()]
    keyed = [t.text for t in texts if t.role == "key number"]
    assert sorted(numbers) == sorted(keyed) and (k <= FEW or len(keyed) <= MOST_KEYED)
    unnamed = k - len(named) - len(numbers)
    note = words(drawn.pages, "note")
    counted = f"{unnamed} of {k} {'is' if unnamed == 1 else 'are'} not named for lack of room"
    assert (counted in note) is (unnamed > 0) and (unnamed > 0 or "not named" not in note)
    assert len(marks(drawn.pages[0])) == k


def at_places(labels: list[str], places: list[tuple[float, float]]) -> Result:
    """Studies of these names whose numbers are the places, none of them influential."""
    result = made_up(labels)
    refits = tuple(
        replace(refit, baujat_x=x, baujat_y=y, influential=False)
        for refit, (x, y) in zip(result.leave_one_out, places, strict=True)
    )
    return replace(result, leave_one_out=refits)


def test_crowded_studies_of_an_empty_plot_have_numbers_with_lines_and_a_key():
    labels = [f"Surname & Other {letter}, 2001" for letter in "ABCDEFG"]
    crowd = [(0.1 + 0.03 * i, 0.02 * (i % 2)) for i in range(6)]
    drawn = baujat(at_places(labels, [(5.0, 100.0), *crowd]), display(), STYLE)
    (page,) = drawn.pages
    check_pages(drawn.pages, 174, 240)
    beside = [t.text for t in page.texts if t.role == "point name"]
    keyed = [t.text for t in page.texts if t.role == "key number"]
    assert len(beside) == 7 and keyed and page.with_role("leader")
    assert "not named" not in words(drawn.pages, "note")
    lines = [item for item in page.with_role("leader") if isinstance(item, Line)]
    for line in lines:
        assert any(abs(line.x1 - x) + abs(line.y1 - y) < 2 for x, y in marks(page))


def test_few_studies_without_room_even_for_a_number_are_named_in_the_note():
    labels = [f"Surname {i}, 2001" for i in range(40)]
    result = at_places(labels, [(1.0, 1.0)] * 40)
    drawn = baujat(result, display(width_mm=66.0), STYLE)
    note = words(drawn.pages, "note")
    assert "of 40 are not named for lack of room; the table" in note
    texts = [t.text for page in drawn.pages for t in page.texts]
    most = [t for t in texts if t.isdigit()]
    assert most
    few = next(
        found
        for k in range(3, 40)
        if (found := baujat(at_places(labels[:k], [(1.0, 1.0)] * k), display(width_mm=66.0), STYLE))
        and "not named" in words(found.pages, "note")
    )
    told = words(few.pages, "note").partition("for lack of room: ")[2]
    assert (
        1 <= told.count("Surname") <= MOST_LISTED and told.count(";") == told.count("Surname") - 1
    )


def test_names_keep_clear_of_the_marks_of_other_studies():
    labels = [f"A name that is long {letter}" for letter in "ABCDEF"]
    result = at_places(labels, [(0.2 * i, 0.01 * i) for i in range(5)] + [(5.0, 5.0)])
    (page, *_) = baujat(result, display(), STYLE).pages
    for text in (t for t in page.texts if t.role == "point name"):
        left, top, right, bottom = text.box
        near = [
            (x, y)
            for x, y in marks(page)
            if left - 1.8 < x < right + 1.8 and top - 1.8 < y < bottom + 1.8
        ]
        assert len(near) <= 1


@pytest.mark.parametrize("width", [84.0, 174.0])
def test_a_number_and_a_name_on_one_line_are_clearly_parted(width):
    labels = [f"Comstock & Webster {i}, 1969" for i in range(12)]
    places = [(0.1 + 0.15 * i, 1.0 - 0.02 * (i % 3)) for i in range(12)]
    (page, *_) = baujat(at_places(labels, places), display(width_mm=width), STYLE).pages
    texts = [t for t in page.texts if t.role == "point name"]
    for i, a in enumerate(texts):
        for b in texts[i + 1 :]:
            one_line = a.box[1] < b.box[3] and b.box[1] < a.box[3]
            led = any(abs(t.box[0] - line.x2) < 5 or abs(t.box[2] - line.x2) < 5
                      for t in (a, b) for line in page.with_role("leader"))  # fmt: skip
            gap = max(a.box[0] - b.box[2], b.box[0] - a.box[2])
            assert not one_line or gap >= (0.9 if led else 2.9)


@pytest.mark.parametrize("journal", ["springer-single", "elsevier-single"])
def test_axes_are_labelled_within_the_margin_and_both_ticks_at_the_origin_are_there(journal):
    look = display(journal=journal, width_mm=84.0, height_mm=222.0)
    style = fitted(STYLE, look)
    result = at_places(names(6), [(0.3 * i, 0.04 * i) for i in range(6)])
    (page, *_) = baujat(result, look, style).pages
    check_pages((page,), 84)
    assert all(t.box[0] >= style.margin_mm - 0.05 for t in page.texts)
    zeros = [t for t in page.texts if t.role == "tick label" and float(t.text) == 0]
    assert sorted(t.align for t in zeros) == ["center", "right"]
    rotated = [t.text for t in page.texts if t.role == "axis label" and t.angle == 90]
    assert " ".join(rotated).startswith("Influence on the pooled estimate")


def test_lists_of_names_are_parted_by_semicolons():
    labels = [f"Surname & Other {i}, 2001" for i in range(5)]
    alt = baujat(at_places(labels, [(float(i), float(i)) for i in range(5)]), display(), STYLE).alt
    told = alt.partition("Furthest out: ")[2]
    assert told.startswith("Surname & Other 4, 2001 (4.00, 4.00); Surname & Other 3, 2001 (3.00")


@pytest.mark.parametrize("step", [0.014, 0.02, 0.024, 0.03])
def test_numbers_beside_points_never_read_as_one(step):
    result = made_up([f"{'A very long name ' * 12}{i}" for i in range(20)])
    row = [
        replace(refit, baujat_x=1 - step * i, baujat_y=1.0, influential=False)
        for i, refit in enumerate(result.leave_one_out)
    ]
    (page, *_) = baujat(replace(result, leave_one_out=tuple(row)), display(), STYLE).pages
    numbers = [t.box for t in page.texts if t.role == "point name"]
    assert len(numbers) > 5
    for i, a in enumerate(numbers):
        for b in numbers[i + 1 :]:
            same_line = a[1] < b[3] and b[1] < a[3]
            assert not same_line or a[2] + 0.5 < b[0] or b[2] + 0.5 < a[0]


labels = st.text(
    st.sampled_from(list("abcXYZ 0189$_<&\"'-éßğ王小明試験محمداختبار")), min_size=1, max_size=80
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    studies=st.lists(labels, min_size=3, max_size=40),
    scale=st.sampled_from([0.0, 1e-6, 1.0, 1e6]),
    seed=st.integers(0, 10**6),
    width=st.floats(66, 400),
    height=st.floats(100, 400),
)
def test_no_text_is_cut_or_overlaps_whatever_the_labels_and_numbers(
    studies, scale, seed, width, height
):
    result = made_up(studies, seed=seed)
    refits = tuple(
        replace(r, baujat_x=scale * r.baujat_x, baujat_y=scale * r.baujat_y)
        for r in result.leave_one_out
    )
    result = replace(result, leave_one_out=refits)
    drawn = baujat(result, display(width_mm=width, height_mm=height), STYLE)
    check_pages(drawn.pages, width, height)
    assert len(marks(drawn.pages[0])) == len(studies)


def test_a_study_without_the_numbers_is_listed():
    result = made_up(names(5))
    first = replace(result.leave_one_out[0], baujat_y=None, note="no variation")
    drawn = baujat(
        replace(result, leave_one_out=(first, *result.leave_one_out[1:])), display(), STYLE
    )
    assert len(marks(drawn.pages[0])) == 4
    assert "Not shown: Study 1 1980 (no variation)." in words(drawn.pages, "note")
    assert "Not shown: Study 1 1980" in drawn.alt


def test_the_table_holds_the_drawn_numbers_and_no_others():
    result = made_up(names(5))
    rows = list(csv.DictReader(io.StringIO(baujat(result, display(), STYLE).table)))
    assert list(rows[0]) == ["number", "study", "baujat_x", "baujat_y", "influential", "note"]
    for row, refit in zip(rows, result.leave_one_out, strict=True):
        assert float(row["baujat_x"]) == pytest.approx(refit.baujat_x, rel=1e-9)
        assert float(row["baujat_y"]) == pytest.approx(refit.baujat_y, rel=1e-9)


def with_tau2(result: Result, tau2: float | None) -> Result:
    whole = replace(result.primary.pooled, tau2=tau2)
    return replace(result, analyses=(replace(result.primary, pooled=whole),))


@pytest.mark.parametrize(
    ("tau2", "label"), [(0.0, "Contribution to Q"), (None, "Contribution to Q"), (0.3, "Squared")]
)
def test_the_x_axis_is_called_a_contribution_to_q_only_where_it_is_one(tau2, label):
    drawn = baujat(with_tau2(made_up(names(6)), tau2), display(), STYLE)
    assert label in words(drawn.pages, "axis label")


def test_caption_names_the_shapes_and_the_model():
    drawn = baujat(made_up(names(6)), display(), STYLE)
    assert drawn.caption.startswith("Baujat plot: Loosening. Each mark is a study")
    assert "Squares are influential" in drawn.caption
    assert "Random effects (REML)" in drawn.caption


def test_the_same_result_gives_the_same_bytes():
    made = [render(baujat(made_up(names(5)), display(), STYLE).pages, "svg") for _ in range(2)]
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (made_up(names(2)), "this analysis has 2 studies"),
        (made_up(names(6), PLO, GLMM), "pooled by inverse variance, and this model is another"),
        (replace(made_up(names(6)), leave_one_out=()), "holds no analysis"),
    ],
    ids=["two", "another model", "not asked for"],
)
def test_what_cannot_be_drawn_says_why(result, reason):
    drawn = baujat(result, display(), STYLE)
    assert reason in drawn.alt and reason in words(drawn.pages)


def test_no_pool_says_why():
    result = made_up(names(5))
    whole = Pooled(5, pooled=False, notes=("no study has an event",))
    analyses = (replace(result.primary, pooled=whole),)
    drawn = baujat(replace(result, analyses=analyses, leave_one_out=()), display(), STYLE)
    assert "no study has an event" in drawn.alt


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("journal", "width"), [("springer-single", 84.0), ("plos", 190.5)])
def test_larger_text_of_a_journal_and_other_styles_fit(journal, width, style):
    look = display(journal=journal, width_mm=width, height_mm=222.0, direction="lower")
    drawn = baujat(made_up(names(12)), look, fitted(STYLES[style], look))
    check_pages(drawn.pages, width, 222)


def test_the_figure_is_as_it_was():
    labelled = ["Äsop 1990", "王小明 1994", "محمد 1995", "O'Neill & <Sons> $x_1$ 1999", *names(3)]
    check_golden("baujat", baujat(made_up(labelled), display(), STYLE).pages)
