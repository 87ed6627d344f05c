"""The specification curve: every specification in its place, the same in words and as a table.

The results drawn here are made up for the tests and belong to no study.
"""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from golden import check_golden
from page_checks import axis_ticks, check_pages, value_at
from refit_results import MD, PLO, RR, made_up, names

from metamill.config.decisions import Choice as Asked
from metamill.config.decisions import Decision as AskedDecision
from metamill.config.decisions import Decisions
from metamill.config.settings import Display
from metamill.explored.multiverse import Choice, Decision, Multiverse, Refused, Specifications
from metamill.exploring.conclusions import references
from metamill.exploring.multiverse_summary import Columns, bands, described, summaries
from metamill.figures.drawn import TooNarrow
from metamill.figures.multiverse.specifications import multiverse
from metamill.figures.multiverse.words import combinations_words, share_words, statements
from metamill.figures.page.canvas import Canvas, Line
from metamill.figures.style import STYLES
from metamill.reporting.multiverse_section import multiverse_section
from metamill.results import Result

STYLE = STYLES["default"]
THREE = ("equivalent", "uncertain", "non-equivalent")


def display(**more: object) -> Display:
    return Display("Loosening", **more)  # type: ignore[arg-type]


def made(sizes, measure=MD, missing=0, seed=1, refused=(), long=False) -> Result:
    """A result with a multiverse of made-up numbers: as many choices per decision as `sizes`."""
    rng = np.random.default_rng(seed)
    count = int(np.prod(sizes))
    held = np.array(np.unravel_index(np.arange(count), sizes))
    words = " that is described at a length nobody would call short" if long else ""
    asked = Decisions(
        tuple(
            AskedDecision(
                f"Decision {d + 1}{words}",
                tuple(
                    Asked(f"choice {c + 1}{words}", THREE[c % 3] if c else "equivalent")
                    for c in range(size)
                ),
            )
            for d, size in enumerate(sizes)
        ),
        ({},),
    )
    middle = {MD: -3.0, PLO: 0.2, RR: 0.8}[measure]
    scale = {MD: 1.0, PLO: 0.04, RR: 0.15}[measure]
    effect = sum(rng.normal(0, 1, size)[of] for size, of in zip(sizes, held, strict=True))
    estimate = middle + scale * (effect + 0.1 * rng.normal(size=count))
    half = scale * (1 + rng.random(count))
    low, high = estimate - half, estimate + half
    if measure != MD:
        low, estimate, high = (np.clip(x, 0.01, 0.99) for x in (low, estimate, high))
    estimate[count - missing :] = low[count - missing :] = high[count - missing :] = np.nan
    standing = held.max(axis=0) % 3
    columns = Columns(standing, estimate, low, high)
    null = {MD: references(0.0, (-2.0,)), PLO: (), RR: references(1.0, ())}[measure]
    decisions, rest = described(asked, held, np.arange(count), columns, measure == RR, 0, null)

    def cells(values):
        return tuple(None if np.isnan(x) else float(x) for x in values)

    found = Multiverse(
        decisions,
        Specifications(
            tuple(tuple(row.tolist()) for row in held),
            (1,) * count,
            tuple(standing.tolist()),
            (8,) * count,
            cells(estimate),
            cells(low),
            cells(high),
            (None,) * count,
            (0.1,) * count,
            (0,) * (count - missing) + (1,) * missing,
            ("", "no estimate: the likelihood has no maximum"),
        ),
        count + sum(item.combinations for item in refused),
        sum(item.combinations for item in refused),
        tuple(refused),
        0,
        1 + int((estimate[standing < 2] < estimate[0]).sum()),
        rest,
        measure == RR,
        summaries(columns, 0, null),
        bands(columns),
    )
    result = made_up(names(8), measure)
    return replace(result, explored=replace(result.explored, multiverse=found))


def rows_of(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table)))


def texts(pages: tuple[Canvas, ...], role: str) -> list[str]:
    return [text.text for page in pages for text in page.texts if text.role == role]


@pytest.mark.parametrize("measure", [MD, PLO, RR])
@pytest.mark.parametrize("sizes", [(2,), (3, 2, 4), (2, 2, 2, 2, 2, 2, 2), (10, 10, 6)])
@pytest.mark.parametrize("width", [66.0, 84.0, 174.0])
def test_nothing_overlaps_or_leaves_the_page(measure, sizes, width):
    drawn = multiverse(made(sizes, measure), display(width_mm=width), STYLE)
    check_pages(drawn.pages, width, 240.0, least_pt=6.0)


def test_long_names_are_wrapped_and_many_choices_go_on_on_the_next_page():
    drawn = multiverse(made((8, 6, 7, 5), long=True), display(height_mm=150.0), STYLE)
    assert len(drawn.pages) > 1
    check_pages(drawn.pages, 174.0, 150.0, least_pt=6.0)
    heads = [[t.text for t in page.texts if t.role == "header"] for page in drawn.pages]
    assert all("Share of variance" in head for head in heads[:-1])


def test_a_decision_with_more_choices_than_a_page_has_lines_goes_on_on_the_next():
    drawn = multiverse(made((45, 2)), display(height_mm=100.0), STYLE)
    check_pages(drawn.pages, 174.0, 100.0, least_pt=6.0)
    assert len(texts(drawn.pages, "choice")) == 47 and len(drawn.pages) > 2
    assert len([1 for page in drawn.pages for _ in page.with_role("tick of a choice")]) == 180


def test_a_page_without_room_for_the_curve_says_how_wide_it_would_have_to_be():
    with pytest.raises(TooNarrow, match="needs"):
        multiverse(made((3, 3), long=True), display(width_mm=40.0), STYLE)


def test_every_interval_ends_where_its_numbers_say():
    result = made((3, 2, 4))
    (page,) = multiverse(result, display(), STYLE).pages
    found = result.explored.multiverse.specifications
    order = sorted(range(24), key=lambda i: found.estimate[i])
    lines = [item for item in page.with_role("interval") if isinstance(item, Line)]
    at = axis_ticks(page, "y")
    assert len(lines) == 24 and [line.x1 for line in lines] == sorted(line.x1 for line in lines)
    for line, i in zip(lines, order, strict=True):
        assert value_at(line.y1, at) == pytest.approx(found.ci_low[i], abs=0.02)
        assert value_at(line.y2, at) == pytest.approx(found.ci_high[i], abs=0.02)


def test_every_specification_has_one_tick_per_decision():
    (page,) = multiverse(made((3, 2, 4)), display(), STYLE).pages
    assert len(page.with_role("tick of a choice")) == 24 * 3
    assert len(page.with_role("pre-specified choice")) == 3
    assert len(page.with_role("pre-specified")) == 1


def test_standings_differ_in_shape_and_in_colour():
    (page,) = multiverse(made((3, 3)), display(), STYLE).pages
    marks = page.with_role("estimate")
    looks = {(type(item).__name__, item.fill, item.edge) for item in marks}
    assert len(looks) == 3


def test_many_specifications_are_drawn_as_bands_and_cells():
    result = made((10, 10, 6))
    pages = multiverse(result, display(), STYLE).pages
    roles = [item.role for page in pages for item in page.items]
    assert roles.count("inner band") == roles.count("outer band") == 200
    assert not roles.count("interval") and not roles.count("tick of a choice")
    assert 100 <= roles.count("estimate") <= 200 and roles.count("share of a choice") > 1000


def test_the_table_has_every_specification_in_the_order_drawn():
    result = made((3, 2, 4), missing=2)
    drawn = multiverse(result, display(), STYLE)
    rows = rows_of(drawn.table)
    known = [float(row["estimate"]) for row in rows if row["estimate"]]
    assert len(rows) == 24 and known == sorted(known) and len(known) == 22
    assert [row["rank"] for row in rows[-2:]] == ["", ""] and rows[-1]["note"].startswith("no est")
    assert [row["prespecified"] for row in rows].count("yes") == 1
    assert {row["decision: Decision 2"] for row in rows} == {"choice 1", "choice 2"}


def test_the_words_are_those_of_the_numbers():
    result = made((3, 2, 4), refused=(Refused("two studies share a cohort", 3),), missing=1)
    drawn = multiverse(result, display(), STYLE)
    assert "3 combinations cannot be: two studies share a cohort." in drawn.alt
    section = multiverse_section(result)
    assert section is not None
    for text in (*section["sentences"], *section["combinations"]):
        assert text.rstrip(".")[1:] in drawn.alt.replace("\N{NO-BREAK SPACE}", " ")
    assert section["missing"] == ["1 specification: no estimate: the likelihood has no maximum."]
    first = max(result.explored.multiverse.decisions, key=lambda item: item.share or 0)
    assert f"moves the estimate most is '{first.name}'" in drawn.alt


def test_a_choice_is_told_with_the_specifications_that_its_numbers_are_over():
    result = made((3, 2, 4))
    found = result.explored.multiverse
    of = found.specifications

    def side(i):
        return (of.ci_high[i] < 0, of.ci_low[i] > 0), (of.ci_high[i] < -2, of.ci_low[i] > -2)

    for d, decision in enumerate(found.decisions):
        for place, choice in enumerate(decision.choices):
            others = [e for e in range(3) if e != d]
            over = [
                i for i in range(24)
                if of.choices[d][i] == place and all(of.choices[e][i] % 3 < 2 for e in others)
            ]  # fmt: skip
            assert choice.specifications == choice.concluded == len(over)
            assert choice.median == pytest.approx(np.median([of.estimate[i] for i in over]))
            assert choice.changed == sum(side(i) != side(0) for i in over)
    rows = [c for d in multiverse_section(result)["decisions"] for c in d["choices"]]
    assert {row["specifications"].endswith(", its own") for row in rows} == {True, False}
    assert all(" of " in row["other"] for row in rows)


def test_one_specification_is_said_as_such():
    result = made((2,))
    found = result.explored.multiverse
    one = replace(found.summaries[0], specifications=1, estimated=1)
    said = statements(replace(found, summaries=(one,)), result)
    assert len(said) == 1 and said[0].startswith("Only the pre-specified specification is counted")


def test_choices_whose_medians_print_alike_move_nothing():
    result = made((2, 2))
    found = result.explored.multiverse
    alike = tuple(
        replace(
            d, choices=tuple(replace(c, median=1.001 + i / 1e5) for i, c in enumerate(d.choices))
        )
        for d in found.decisions
    )
    assert any("moves" in text for text in statements(found, result))
    assert not any("moves" in text for text in statements(replace(found, decisions=alike), result))


def test_the_key_names_equivalent_only_where_another_specification_is():
    def keys(result):
        return texts(multiverse(result, display(), STYLE).pages, "key")

    assert "equivalent" in keys(made((4, 2)))
    assert "equivalent" not in keys(made((3,)))


def test_a_share_is_never_nothing_or_all_unless_it_is():
    assert share_words(0, 240) == "none of 240" and share_words(240, 240) == "all of 240"
    assert share_words(12, 240) == "12 of 240 (5%)" and share_words(1, 1000) == "1 of 1000 (<1%)"
    assert share_words(999, 1000) == "999 of 1000 (>99%)"


def test_identical_estimates_have_no_decision_that_moves_them():
    result = made((2, 2))
    found = result.explored.multiverse
    same = replace(
        found,
        decisions=tuple(replace(item, share=None, spread=0.0) for item in found.decisions),
    )
    said = " ".join(statements(same, result))
    assert "moves" not in said and combinations_words(same)[0].startswith("2 decisions with 4")


def test_no_multiverse_and_no_estimate_are_said():
    empty = multiverse(made_up(names(8), MD), display(), STYLE)
    assert "the primary analysis pools no row" in empty.caption
    none = multiverse(made((2, 2), missing=4), display(), STYLE)
    assert "no specification has an estimate" in none.caption


def test_a_choice_without_an_estimate_has_no_median():
    choice, *_ = made((2, 2), missing=4).explored.multiverse.decisions[0].choices
    assert choice == Choice("choice 1", "equivalent", True, 0)
    assert isinstance(made((2,)).explored.multiverse.decisions[0], Decision)


def test_the_figure_is_as_it_was():
    check_golden("multiverse", multiverse(made((3, 2, 4), RR), display(), STYLE).pages)
