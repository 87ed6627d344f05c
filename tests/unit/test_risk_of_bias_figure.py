"""Risk of bias: every judgement has its sign, apart for every eye, and bars add up.

The judgements here are made up for the tests and belong to no study.
"""

import csv
import io
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from golden import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_judgements import judged_review
from page_checks import axis_ticks, check_pages, value_at

from metamill.config.settings import Display
from metamill.figures.colours import JUDGEMENTS, ON_JUDGEMENTS
from metamill.figures.page.canvas import Circle
from metamill.figures.page.render import grey_of, render
from metamill.figures.review.bias_summary import risk_of_bias_summary
from metamill.figures.review.bias_symbol import bias_symbol
from metamill.figures.review.risk_of_bias import risk_of_bias
from metamill.figures.style import STYLES
from metamill.review_result import ReviewResult
from metamill.tables.bias_tools import BAD, CRITICAL, GOOD, KINDS, SOME, TOOLS

STYLE = STYLES["default"]
DISPLAY = Display("Cement in screws")
FIGURES = [risk_of_bias, risk_of_bias_summary]
MIXED = ("RoB2", "ROBINS-I", "MINORS-comparative", "NOS-cohort", "JBI-cohort")
LABELS = [f"Müller {1990 + i}" for i in range(15)]


def of_role(drawn, role):
    return [item for page in drawn.pages for item in page.items if item.role.startswith(role)]


def notes(drawn) -> str:
    return " ".join(text.text for text in of_role(drawn, "note")).replace("\xa0", " ")


def rows(drawn) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(drawn.table)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_symbol_lies_in_its_size_around_its_place(kind):
    items = bias_symbol(kind, 10.0, 20.0, 3.0, STYLE)
    assert items
    for item in items:
        left, top, right, bottom = item.box
        assert left >= 8.5 - 1e-9 and right <= 11.5 + 1e-9
        assert top >= 18.5 - 1e-9 and bottom <= 21.5 + 1e-9


def sign(kind):
    """The strokes, and whether there is a circle around them."""
    items = bias_symbol(kind, 0.0, 0.0, 3.0, STYLE)
    strokes = tuple(item.points for item in items if not isinstance(item, Circle))
    return strokes, len(strokes) < len(items)


def test_every_kind_has_a_sign_of_its_own_and_other_kinds_are_refused():
    assert len({sign(kind) for kind in KINDS}) == len(KINDS)
    with pytest.raises(KeyError):
        bias_symbol("purple", 0.0, 0.0, 3.0, STYLE)


def test_judgements_are_darker_the_worse_they_are_and_their_signs_stand_out():
    greys = [int(grey_of(JUDGEMENTS[kind])[1:3], 16) for kind in (GOOD, SOME, BAD, CRITICAL)]
    assert all(a - b >= 30 for a, b in pairwise(greys))
    for kind in KINDS:
        fill, ink = (int(grey_of(c[kind])[1:3], 16) for c in (JUDGEMENTS, ON_JUDGEMENTS))
        assert abs(fill - ink) >= 120


@pytest.mark.parametrize("tools", [("RoB2",), ("ROBINS-I",), ("JBI-prevalence",)])
def test_every_judgement_has_its_sign(tools):
    review = judged_review(LABELS, tools)
    drawn = risk_of_bias(review, DISPLAY, STYLE)
    expected = Counter(j.kind for a in review.assessments for j in a.judgements)
    for item in review.assessments:
        if TOOLS[item.tool].overall == "stated":
            expected[item.overall.kind if item.overall else "none"] += 1
    signs = Counter(i.role.removeprefix("bias ") for i in of_role(drawn, "bias ")
                    if isinstance(i, Circle))  # fmt: skip
    expected.pop("not applicable", None)
    assert signs == expected


@pytest.mark.parametrize("tool", ["NOS-cohort", "MINORS"])
def test_points_are_numbers_and_the_sum_is_that_of_the_assessment(tool):
    review = judged_review(LABELS, (tool,))
    drawn = risk_of_bias(review, DISPLAY, STYLE)
    printed = [text.text for text in of_role(drawn, "points")]
    sums = [f"{a.score}/{a.most}" if a.score is not None else "?" for a in review.assessments]
    each = len(TOOLS[tool].domains) + 1
    assert printed[each - 1 :: each] == sums
    for start, total in zip(range(0, len(printed), each), sums, strict=True):
        if total != "?":
            points = sum(map(int, printed[start : start + each - 1]))
            assert points == int(total.partition("/")[0])


def test_signs_stand_in_the_row_of_their_study_and_the_column_of_their_domain():
    review = judged_review(LABELS[:4])
    page = risk_of_bias(review, DISPLAY, STYLE).pages[0]
    heads = {t.text: t.x for t in page.texts if t.role == "header"}
    names = {t.text: (t.box[1] + t.box[3]) / 2 for t in page.texts if t.role == "label"}
    circles = [item for item in page.items if isinstance(item, Circle)]
    for item in review.assessments:
        for judgement in item.judgements:
            (found,) = [
                c for c in circles
                if abs(c.x - heads[judgement.domain]) < 0.1 and abs(c.y - names[item.label]) < 1.0
            ]  # fmt: skip
            assert found.role == f"bias {judgement.kind}"


def test_the_names_of_all_domains_and_the_signs_are_explained():
    review = judged_review(LABELS, MIXED)
    words = notes(risk_of_bias(review, DISPLAY, STYLE))
    for tool in review.tools:
        for domain in tool.domains:
            assert f"{domain.code} = {domain.name}" in words
    assert "Signs, RoB 2: + low" in words
    assert "not concluded" in notes(risk_of_bias(judged_review(LABELS), DISPLAY, STYLE))


def test_an_overall_judgement_that_is_not_stated_is_not_made_up():
    review = judged_review(LABELS)
    silent = next(a for a in review.assessments if a.overall is None)
    only = replace(review, assessments=(silent,))
    assert "1 not stated" in risk_of_bias(only, DISPLAY, STYLE).alt
    assert "overall not stated" in notes(risk_of_bias_summary(only, DISPLAY, STYLE))


@pytest.mark.parametrize("width", [84.0, 174.0])
def test_forty_nine_studies_are_legible_on_one_page(width):
    review = judged_review([f"Study number {i} 2001" for i in range(49)])
    drawn = risk_of_bias(review, replace(DISPLAY, width_mm=width), STYLE)
    assert len(drawn.pages) == 1
    assert len(of_role(drawn, "label")) == 49
    assert {text.size for text in of_role(drawn, "label")} == {7.0}


def test_pages_repeat_the_heading():
    review = judged_review([f"Study {i}" for i in range(300)])
    drawn = risk_of_bias(review, DISPLAY, STYLE)
    assert len(drawn.pages) > 4
    full = [page for page in drawn.pages if page.with_role("label")]
    assert all("D1" in [t.text for t in page.with_role("header")] for page in full)
    assert len(of_role(drawn, "label")) == 300


def test_bars_have_the_lengths_of_their_counts():
    review = judged_review(LABELS)
    page = risk_of_bias_summary(review, DISPLAY, STYLE).pages[0]
    texts = [replace(t, text=t.text.rstrip("%")) for t in page.texts]
    ticks = axis_ticks(replace(page, items=list(texts)), "x")
    found = [value_at(i.box[2], ticks) - value_at(i.box[0], ticks) for i in page.with_role("share")]
    wanted = [float(row["percent"]) for row in rows(risk_of_bias_summary(review, DISPLAY, STYLE))]
    assert found == pytest.approx(wanted, abs=1e-4)
    domains = len(TOOLS["RoB2"].domains) + 1
    assert sum(found) == pytest.approx(100 * domains)


def test_the_parts_of_a_bar_follow_each_other_from_0_to_100():
    page = risk_of_bias_summary(judged_review(LABELS), DISPLAY, STYLE).pages[0]
    (axis,) = page.with_role("axis")
    rows_of = {}
    for item in page.with_role("share"):
        rows_of.setdefault(item.box[1], []).append(item.box)
    assert len(rows_of) == len(TOOLS["RoB2"].domains) + 1
    for boxes in rows_of.values():
        ends = [axis.x1, *(box[2] for box in boxes)]
        assert [box[0] for box in boxes] == pytest.approx(ends[:-1])
        assert ends[-1] == pytest.approx(axis.x2)


def test_the_summary_says_that_it_does_not_weight():
    assert "not weighted" in notes(risk_of_bias_summary(judged_review(LABELS), DISPLAY, STYLE))


def test_the_tables_hold_every_judgement():
    review = judged_review(LABELS, MIXED)
    told = rows(risk_of_bias(review, DISPLAY, STYLE))
    for item in review.assessments:
        for judgement in item.judgements:
            assert any(
                row["study"] == item.study and row["domain"] == judgement.domain
                and row["judgement"] == judgement.judgement and row["kind"] == judgement.kind
                for row in told
            )  # fmt: skip
    counted = rows(risk_of_bias_summary(review, DISPLAY, STYLE))
    domains = {(row["tool"], row["domain"]) for row in counted}
    for tool, domain in domains:
        count = sum(
            int(r["studies"]) for r in counted if (r["tool"], r["domain"]) == (tool, domain)
        )
        assert count == sum(a.tool_name == tool for a in review.assessments)


@pytest.mark.parametrize("figure", FIGURES)
def test_words_name_tool_studies_and_judgements(figure):
    drawn = figure(judged_review(LABELS), DISPLAY, STYLE)
    assert "15 studies by RoB 2; overall: 5 low, 5 some concerns, 4 high, 1 not stated" in drawn.alt
    assert "Sterne" in drawn.caption


@pytest.mark.parametrize("figure", FIGURES)
def test_the_caption_begins_with_the_kind_of_figure(figure):
    kind = {risk_of_bias: "Risk of bias", risk_of_bias_summary: "Risk of bias, summary"}[figure]
    caption = figure(judged_review(LABELS), DISPLAY, STYLE).caption
    assert caption.startswith(f"{kind}: Cement in screws. ")


@pytest.mark.parametrize("figure", FIGURES)
def test_studies_without_a_judgement_are_named(figure):
    review = judged_review(LABELS)
    kept = review.assessments[:12]
    for_pain = tuple(replace(item, outcome="pain") for item in kept[:2])
    two = tuple(replace(s, outcomes=("pain", "back_pain")) for s in review.studies[:2])
    some = replace(review, studies=(*two, *review.studies[2:]), assessments=(*for_pain, *kept[2:]))
    drawn = figure(some, DISPLAY, STYLE)
    for told in (notes(drawn), drawn.alt):
        assert "Without a judgement (3): Müller 2002; Müller 2003; Müller 2004." in told
        assert "Without a judgement for back pain (2): Müller 1990; Müller 1991." in told
    whole = figure(review, DISPLAY, STYLE)
    assert "Without a judgement" not in notes(whole) + whole.alt
    if figure is risk_of_bias:
        lacking = [(r["label"], r["outcome"]) for r in rows(drawn) if not r["tool"]]
        assert lacking == [
            ("Müller 2002", ""), ("Müller 2003", ""), ("Müller 2004", ""),
            ("Müller 1990", "back_pain"), ("Müller 1991", "back_pain"),
        ]  # fmt: skip


@pytest.mark.parametrize("width", [66.0, 84.0, 174.0])
@pytest.mark.parametrize("tool", TOOLS)
def test_headings_are_bold_and_apart(tool, width):
    drawn = risk_of_bias(judged_review(LABELS, (tool,)), replace(DISPLAY, width_mm=width), STYLE)
    for page in drawn.pages:
        lines = {}
        for text in page.with_role("header"):
            assert text.bold
            lines.setdefault(text.y, []).append(text.box)
        for boxes in lines.values():
            for one, other in pairwise(sorted(boxes)):
                assert other[0] - one[2] >= 1.7


@pytest.mark.parametrize("width", [84.0, 174.0])
def test_tools_begin_at_the_same_place(width):
    review, display = judged_review(LABELS, MIXED), replace(DISPLAY, width_mm=width)
    summary = risk_of_bias_summary(review, display, STYLE)
    assert len({item.x1 for item in of_role(summary, "axis")}) == 1
    columns: dict[float, float] = {}
    for page in risk_of_bias(review, display, STYLE).pages:
        for text in page.with_role("header"):
            if text.text != "Study":
                at = (id(page), text.y)
                columns[at] = min(columns.get(at, 999.0), text.box[0])
    assert len(columns) >= len(MIXED) and max(columns.values()) - min(columns.values()) < 3.0


@pytest.mark.parametrize("figure", FIGURES)
def test_without_judgements_the_reason_is_the_figure(figure):
    assert "no study is judged" in figure(ReviewResult("S", ()), DISPLAY, STYLE).alt


@pytest.mark.parametrize("figure", FIGURES)
@settings(max_examples=20, deadline=None)
@given(
    labels=st.lists(st.text(max_size=70), min_size=1, max_size=45),
    tools=st.lists(st.sampled_from(list(TOOLS)), min_size=1, max_size=4, unique=True),
    width=st.sampled_from([66.0, 84.0, 119.0, 174.0]),
    seed=st.integers(0, 50),
)
def test_nothing_overlaps_or_leaves_the_page(figure, labels, tools, width, seed):
    drawn = figure(judged_review(labels, tools, seed), replace(DISPLAY, width_mm=width), STYLE)
    check_pages(drawn.pages, width, DISPLAY.height_mm)


@pytest.mark.parametrize("figure", FIGURES)
def test_it_is_the_same_bytes_twice(figure):
    review = judged_review(LABELS, MIXED)
    one, two = (render(figure(review, DISPLAY, STYLE).pages, "svg") for _ in range(2))
    assert one == two


@pytest.mark.parametrize("figure", FIGURES)
def test_the_figure_is_as_frozen(figure):
    drawn = figure(judged_review(LABELS[:6], ("RoB2", "MINORS")), DISPLAY, STYLE)
    check_golden(figure.__name__, drawn.pages)
