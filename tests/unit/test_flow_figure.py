"""The flow diagram: every number in its box, boxes joined by arrows and apart from each other.

The numbers here are made up for the tests and belong to no review.
"""

import csv
import io
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from golden import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_judgements import FULL_FLOW, SIMPLE_FLOW
from page_checks import check_pages, meet

from metamill.config.flow import Exclusion, Flow, OtherMethods, Removed
from metamill.config.settings import Display
from metamill.figures.page.render import render
from metamill.figures.review.flow import flow
from metamill.figures.review.flow_boxes import boxes_of
from metamill.figures.style import STYLES
from metamill.review_result import ReviewResult

STYLE = STYLES["default"]
DISPLAY = Display("Cement in screws")


def review(found: Flow | None) -> ReviewResult:
    return ReviewResult("Screws", (), flow=found)


def drawn_of(found: Flow, width: float = 174.0):
    return flow(review(found), replace(DISPLAY, width_mm=width), STYLE)


def of_role(drawn, role):
    return [item for page in drawn.pages for item in page.items if item.role == role]


def said(drawn) -> str:
    words = " ".join(text.text for text in of_role(drawn, "box text"))
    return " ".join(words.replace("\xa0", " ").split())


@pytest.mark.parametrize("width", [66.0, 84.0, 119.0, 174.0])
@pytest.mark.parametrize("found", [FULL_FLOW, SIMPLE_FLOW, replace(FULL_FLOW, previous=None)])
def test_every_number_is_in_a_box(found, width):
    drawn = drawn_of(found, width)
    words = said(drawn) + " ".join(t.text for t in of_role(drawn, "note")).replace("\xa0", " ")
    for box in boxes_of(found, long_lists=True):
        for _, number, counted in box.lines:
            if counted and number is not None:
                text = f"{number:,}" if number >= 10_000 else str(number)
                assert f"(n = {text})" in words


def test_what_is_not_known_is_not_reported_and_zero_is_zero():
    drawn = drawn_of(SIMPLE_FLOW)
    assert "Registers (not reported)" in said(drawn)
    assert "Reports not retrieved (n = 0)" in said(drawn)
    assert "automation tools (not reported)" in drawn.alt


def test_each_box_has_its_own_number():
    words = said(drawn_of(FULL_FLOW))
    for text in (
        "Databases (n = 15,140)", "Registers (n = 35)", "Duplicates (n = 2871)",
        "Records screened (n = 12,301)", "Records excluded (n = 12,100)",
        "Reports sought for retrieval (n = 201)", "Reports not retrieved (n = 11)",
        "Reports assessed for eligibility (n = 190)", "Citation searching (n = 24)",
        "Reports sought for retrieval (n = 36)", "New studies included (n = 38)",
        "Studies of the previous version (n = 12)", "Studies in total (n = 50)",
    ):  # fmt: skip
        assert text in words


def test_reasons_of_exclusion_are_listed_with_their_reports():
    words = said(drawn_of(FULL_FLOW))
    assert "Wrong population (n = 80)" in words
    assert "Double publication (n = 15)" in words
    assert "Reports excluded (n = 155)" in words


@pytest.mark.parametrize("width", [66.0, 84.0, 119.0, 174.0])
@pytest.mark.parametrize("found", [FULL_FLOW, SIMPLE_FLOW, replace(FULL_FLOW, previous=None)])
def test_boxes_are_apart_and_hold_their_text(found, width):
    drawn = drawn_of(found, width)
    boxes = [item.box for item in of_role(drawn, "box") + of_role(drawn, "heading")
             if not hasattr(item, "text")]  # fmt: skip
    assert not any(meet(a, b) for a, b in combinations(boxes, 2))
    for text in of_role(drawn, "box text"):
        left, top, right, bottom = text.box
        assert any(
            a[0] <= left and a[1] <= top + 0.2 and right <= a[2] and bottom <= a[3] + 0.2
            for a in boxes
        ), text.text


@pytest.mark.parametrize("width", [84.0, 174.0])
@pytest.mark.parametrize("found", [FULL_FLOW, replace(FULL_FLOW, previous=None), SIMPLE_FLOW])
def test_every_box_but_the_first_of_an_arm_is_the_end_of_an_arrow(found, width):
    drawn = drawn_of(found, width)
    tips = [item.points[0] for item in of_role(drawn, "arrow")]
    reached = [
        place for place in (item.box for item in of_role(drawn, "box"))
        if any(_on_edge(tip, place) for tip in tips)
    ]  # fmt: skip
    arms = 1 + (found.other_methods is not None) + (found.previous is not None)
    assert len(reached) == len(of_role(drawn, "box")) - arms


def _on_edge(point, place) -> bool:
    x, y = point
    left, top, right, bottom = place
    inside = left - 1e-6 <= x <= right + 1e-6 and top - 1e-6 <= y <= bottom + 1e-6
    edge = min(abs(x - left), abs(x - right), abs(y - top), abs(y - bottom))
    return inside and edge < 1e-6


@pytest.mark.parametrize("width", [66.0, 84.0, 174.0])
@pytest.mark.parametrize("found", [FULL_FLOW, replace(FULL_FLOW, previous=None)])
def test_no_line_crosses_a_box(found, width):
    drawn = drawn_of(found, width)
    places = [item.box for item in of_role(drawn, "box")]
    for link in of_role(drawn, "link"):
        for (x0, y0), (x1, y1) in pairwise(link.points):
            around = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
            for left, top, right, bottom in places:
                inner = (left + 0.1, top + 0.1, right - 0.1, bottom - 0.1)
                apart = (
                    around[2] < inner[0] or around[0] > inner[2]
                    or around[3] < inner[1] or around[1] > inner[3]
                )  # fmt: skip
                assert apart


def test_long_lists_go_on_a_page_of_their_own():
    reasons = tuple(Exclusion(f"A long reason number {i} of many", i + 1) for i in range(120))
    drawn = drawn_of(replace(FULL_FLOW, excluded_reports=reasons), 84.0)
    assert len(drawn.pages) > 1
    notes = " ".join(text.text for text in of_role(drawn, "note")).replace("\xa0", " ")
    assert "A long reason number 119 of many (n = 120)" in notes
    assert "see the list" in said(drawn)
    check_pages(drawn.pages, 84.0, DISPLAY.height_mm)


def test_a_page_that_is_too_low_for_the_boxes_says_what_they_need():
    low = flow(review(FULL_FLOW), replace(DISPLAY, height_mm=60.0), STYLE)
    assert "needs a page of" in low.alt


def test_the_table_holds_every_number():
    rows = list(csv.DictReader(io.StringIO(drawn_of(FULL_FLOW).table)))
    numbers = {(row["box"], row["item"]): row["number"] for row in rows}
    assert numbers["Screened", "Records screened"] == "12301"
    assert numbers["Removed", "Marked by automation tools"] == ""
    assert numbers["Excluded after assessment", "Wrong population"] == "80"
    assert numbers["Identified", "PubMed"] == "12040"
    assert numbers["Total", "Studies in total"] == "50"


def test_words_hold_every_number_and_the_source():
    drawn = drawn_of(FULL_FLOW)
    for number in ("12,301", "12,100", "n = 201", "n = 38", "n = 50"):
        assert number in drawn.alt
    assert "the search log" in drawn.caption


def test_the_caption_begins_with_the_kind_of_figure():
    drawn = flow(ReviewResult("S", (), flow=SIMPLE_FLOW), Display("Screws."), STYLE)
    assert drawn.caption.startswith("PRISMA 2020 flow diagram: Screws. Records, reports and")


def test_without_numbers_the_reason_is_the_figure():
    assert "no numbers of a flow" in flow(review(None), DISPLAY, STYLE).alt


COUNTS = st.none() | st.integers(0, 10**7)
EXCLUSIONS = st.none() | st.lists(
    st.builds(Exclusion, st.text(max_size=80), st.integers(0, 5000)), max_size=12
).map(tuple)


@settings(max_examples=40, deadline=None)
@given(
    found=st.builds(
        Flow,
        source=st.text(max_size=30),
        removed=st.builds(Removed, COUNTS, COUNTS, COUNTS),
        screened=COUNTS,
        excluded=COUNTS,
        sought=COUNTS,
        assessed=COUNTS,
        excluded_reports=EXCLUSIONS,
        other_methods=st.none()
        | st.builds(OtherMethods, COUNTS, COUNTS, COUNTS, COUNTS, excluded_reports=EXCLUSIONS),
        previous=st.sampled_from([None, FULL_FLOW.previous]),
    ),
    width=st.sampled_from([66.0, 84.0, 119.0, 174.0, 400.0]),
)
def test_nothing_overlaps_or_leaves_the_page(found, width):
    drawn = drawn_of(found, width)
    check_pages(drawn.pages, width, DISPLAY.height_mm)


def test_it_is_the_same_bytes_twice():
    one, two = (render(drawn_of(FULL_FLOW).pages, "svg") for _ in range(2))
    assert one == two


def test_the_figure_is_as_frozen():
    check_golden("flow", drawn_of(FULL_FLOW).pages)
