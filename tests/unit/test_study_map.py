"""The study map: every study and outcome with data has its mark, follow-up where the axis says.

The studies here are made up for the tests and exist nowhere.
"""

import csv
import io
from dataclasses import replace
from math import sqrt

import pytest
from golden import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from page_checks import axis_ticks, check_pages, value_at

from metamill.config.settings import Display
from metamill.figures.page.render import render
from metamill.figures.review.study_map import study_map
from metamill.figures.style import STYLES
from metamill.results import Analysis, Effect, MeasureText, Pooled, Result, StudyRow
from metamill.review_result import ReviewResult, Study

STYLE = STYLES["default"]
DISPLAY = Display("Cement in screws")
MD = MeasureText("MD", "mean difference", "mean difference", "difference", 0.0, False)


def outcome(name: str, rows: list[tuple[str, str, str, float | None, bool]]) -> Result:
    """Rows of (study, label, months, size, pooled)."""
    made = tuple(
        StudyRow(study, label, line, {"time_months": months, "year": "2001"}, size=size)
        for line, (study, label, months, size, _) in enumerate(rows, 2)
    )
    effects = tuple(
        Effect(i, 0.0, 1.0, 0.0, -1.0, 1.0, None) for i, row in enumerate(rows) if row[4]
    )
    primary = Analysis("primary", {}, effects, Pooled(len(effects)))
    return Result(name, "t.csv", "patient", MD, {}, made, (primary,))


def example() -> tuple[list[Result], ReviewResult]:
    pain = outcome(
        "pain_at_rest",
        [
            ("A", "Álvarez 2009", "6", 40.0, True),
            ("A", "Álvarez 2009", "24", 36.0, True),
            ("B", "Berg 2001", "", 10.0, True),
            ("C", "崔 2001", "120", None, False),
        ],
    )
    loosening = outcome("loosening", [("B", "Berg 2001", "12", 160.0, True)])
    review = ReviewResult(
        "Screws",
        (
            Study("A", "Álvarez 2009", 2009, ("pain_at_rest",)),
            Study("B", "Berg 2001", 2001, ("pain_at_rest", "loosening")),
            Study("C", "崔 2001", 2001, ("pain_at_rest",)),
            Study("D", "Dahl 1999", 1999, ("function",)),
        ),
    )
    return [pain, loosening], review


def of_role(drawn, role):
    return [item for page in drawn.pages for item in page.items if item.role == role]


def notes(drawn) -> str:
    return " ".join(text.text for text in of_role(drawn, "note")).replace("\xa0", " ")


def test_studies_stand_by_year_and_then_by_name():
    drawn = study_map(*example(), DISPLAY, STYLE)
    assert [text.text for text in of_role(drawn, "label")] == [
        "Berg 2001", "崔 2001", "Álvarez 2009",
    ]  # fmt: skip


def test_every_outcome_of_a_study_has_a_mark_hollow_if_no_row_is_pooled():
    drawn = study_map(*example(), DISPLAY, STYLE)
    assert len(of_role(drawn, "data")) == 3
    (hollow,) = of_role(drawn, "not pooled")
    assert hollow.fill == STYLE.paper


def test_areas_are_as_the_units_within_an_outcome():
    drawn = study_map(*example(), DISPLAY, STYLE)
    radii = sorted(item.radius for item in of_role(drawn, "data"))
    assert radii[0] == pytest.approx(radii[1] * sqrt(10 / 40))
    assert radii[1] == radii[2]


def test_months_lie_where_the_axis_says():
    drawn = study_map(*example(), DISPLAY, STYLE)
    ticks = axis_ticks(drawn.pages[0], "x")
    found = sorted(value_at(item.x, ticks, log=True) for item in of_role(drawn, "month"))
    assert found == pytest.approx([6, 12, 24, 120])
    (line,) = of_role(drawn, "months")
    assert value_at(line.x1, ticks, log=True) == pytest.approx(6)
    assert value_at(line.x2, ticks, log=True) == pytest.approx(24)


def test_a_follow_up_of_zero_is_hollow_at_the_end():
    results, review = example()
    results.append(outcome("x", [("B", "Berg 2001", "0", 3.0, True), ("A", "Á", "1", 3.0, True)]))
    drawn = study_map(results, review, DISPLAY, STYLE)
    assert sum(item.fill == STYLE.paper for item in of_role(drawn, "month")) == 1
    assert "of 0 months" in notes(drawn)


def test_studies_without_an_outcome_are_named():
    drawn = study_map(*example(), DISPLAY, STYLE)
    assert "Dahl 1999" in drawn.alt
    assert any("Dahl 1999" in text.text for text in of_role(drawn, "note"))


def test_titles_of_outcomes_are_headings_and_letters_where_there_is_no_room():
    titles = {"pain_at_rest": "Pain at rest (VAS)"}
    wide = study_map(*example(), DISPLAY, STYLE, titles)
    assert "Pain at rest (VAS)" in [text.text for text in of_role(wide, "header")]
    results, review = example()
    many = [replace(results[0], outcome=f"outcome_{i}") for i in range(30)]
    drawn = study_map(many, review, replace(DISPLAY, width_mm=84.0), STYLE)
    heads = [text.text for text in of_role(drawn, "header")]
    assert "A" in heads and "AD" in heads
    key = dict(zip(texts(drawn, "key"), texts(drawn, "key words"), strict=True))
    assert key == {head: f"Outcome {i}" for i, head in enumerate(letters(30))}


def letters(count: int) -> list[str]:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [*alphabet, *(f"A{letter}" for letter in alphabet)][:count]


def texts(drawn, role: str) -> list[str]:
    """In the order of reading a key: down each column."""
    found = of_role(drawn, role)
    return [text.text for text in sorted(found, key=lambda text: (text.x, text.y))]


@pytest.mark.parametrize(("width", "columns"), [(84.0, 1), (174.0, 3)])
def test_the_key_is_a_list_in_columns(width, columns):
    results, review = example()
    titles = {f"o{i}": f"A score of pain and walking, {i} months" for i in range(26)}
    many = [replace(results[0], outcome=name) for name in titles]
    drawn = study_map(many, review, replace(DISPLAY, width_mm=width), STYLE, titles)
    found = of_role(drawn, "key")
    assert len({text.x for text in found}) == columns
    assert [text.text for text in sorted(found, key=lambda t: (t.x, t.y))] == letters(26)
    assert not [t for t in of_role(drawn, "note") if "score" in t.text]


@pytest.mark.parametrize("width", [84.0, 174.0])
def test_a_single_outcome_has_a_flat_heading_and_no_empty_rows_beside_it(width):
    (_, one), review = example()
    display, titles = replace(DISPLAY, width_mm=width), {"loosening": "Loosening of screws"}
    bare = replace(one, rows=tuple(replace(row, cells={}) for row in one.rows))
    drawn = study_map([bare], review, display, STYLE, titles)
    heads = of_role(drawn, "header")
    assert [text.text for text in heads] == ["Study", "Loosening of screws"]
    assert not any(text.angle for text in heads)
    right = max(text.box[2] for text in heads)
    for line in of_role(drawn, "row") + of_role(drawn, "rule"):
        assert right <= line.x2 <= right + STYLE.gap_mm
    timed = study_map([one], review, display, STYLE, titles)
    assert not any(text.angle for text in of_role(timed, "header"))


@pytest.mark.parametrize("width", [66.0, 84.0, 174.0])
@pytest.mark.parametrize("count", [1, 2, 8, 30])
def test_headings_are_bold(count, width):
    results, review = example()
    many = [replace(results[0], outcome=f"outcome_{i}") for i in range(count)]
    heads = of_role(study_map(many, review, replace(DISPLAY, width_mm=width), STYLE), "header")
    assert heads and all(text.bold for text in heads)


def test_a_block_of_outcomes_names_only_studies_with_a_mark_in_it():
    results, review = example()
    many = [replace(results[i >= 9], outcome=f"outcome_{i}") for i in range(18)]
    drawn = study_map(many, review, replace(DISPLAY, width_mm=84.0), STYLE)
    marks = [(page, item.y) for page in drawn.pages for item in page.items
             if item.role in ("data", "not pooled")]  # fmt: skip
    assert len(of_role(drawn, "rule")) > 1
    for page in drawn.pages:
        for name in page.with_role("label"):
            middle = (name.box[1] + name.box[3]) / 2
            assert any(at is page and abs(y - middle) < 1.0 for at, y in marks), name.text
    assert len(of_role(drawn, "data")) == 9 * 2 + 9
    assert "studies with data for one" in notes(drawn)


def test_studies_without_a_year_stand_last_and_a_note_says_so():
    results, review = example()
    told = "Studies without a year stand last."

    def noted(drawn) -> bool:
        return told in notes(drawn)

    assert not noted(study_map(results, review, DISPLAY, STYLE))
    first = replace(review.studies[1], year=None)
    some = replace(review, studies=(first, *(s for s in review.studies if s.study != "B")))
    drawn = study_map(results, some, DISPLAY, STYLE)
    assert noted(drawn) and of_role(drawn, "label")[-1].text == "Berg 2001"
    none = replace(review, studies=tuple(replace(s, year=None) for s in review.studies))
    assert not noted(study_map(results, none, DISPLAY, STYLE))


def test_the_table_has_every_mark_and_every_follow_up():
    drawn = study_map(*example(), DISPLAY, STYLE)
    rows = list(csv.DictReader(io.StringIO(drawn.table)))
    marks = [row for row in rows if row["outcome"]]
    assert {(row["study"], row["outcome"]) for row in marks} == {
        ("A", "pain_at_rest"), ("B", "pain_at_rest"), ("C", "pain_at_rest"), ("B", "loosening"),
    }  # fmt: skip
    assert sorted(float(row["months"]) for row in rows if row["months"]) == [6, 12, 24, 120]


def test_words_name_studies_outcomes_and_follow_up():
    drawn = study_map(*example(), DISPLAY, STYLE)
    assert "3 studies in rows" in drawn.alt
    assert "Pain at rest: 3 studies, 2 pooled; Loosening: 1 study, 1 pooled" in drawn.alt
    assert "from 6 to 120 months" in drawn.alt
    assert "hollow disc" in drawn.caption
    assert drawn.caption.startswith("Study map: Cement in screws. ")


def test_without_data_the_reason_is_the_figure():
    drawn = study_map([], ReviewResult("Screws", ()), DISPLAY, STYLE)
    assert "no study gives data" in drawn.alt


@settings(max_examples=25, deadline=None)
@given(
    labels=st.lists(st.text(max_size=70), min_size=1, max_size=40),
    repeat=st.sampled_from([1, 1, 7]),
    outcomes=st.integers(1, 30),
    width=st.sampled_from([66.0, 84.0, 174.0]),
    months=st.lists(st.sampled_from(["", "0", "0.25", "12", "60", "200"]), min_size=1),
)
def test_nothing_overlaps_or_leaves_the_page(labels, repeat, outcomes, width, months):
    labels = labels * repeat
    results = [
        outcome(
            f"o{n}",
            [
                (f"S{i}", label, months[(i + n) % len(months)], float(i + 1), (i + n) % 3 > 0)
                for i, label in enumerate(labels)
                if (i + n) % 2 == 0 or n == 0
            ],
        )
        for n in range(outcomes)
    ]
    drawn = study_map(results, ReviewResult("S", ()), replace(DISPLAY, width_mm=width), STYLE)
    check_pages(drawn.pages, width, DISPLAY.height_mm)
    assert len(of_role(drawn, "data") + of_role(drawn, "not pooled")) == sum(
        len(result.rows) for result in results
    )


def test_it_is_the_same_bytes_twice():
    one, two = (render(study_map(*example(), DISPLAY, STYLE).pages, "svg") for _ in range(2))
    assert one == two


def test_the_figure_is_as_frozen():
    check_golden("study_map", study_map(*example(), DISPLAY, STYLE).pages)
