"""The tornado plot and what is said of robustness: ranges as they are, and no sentence too many."""

import csv
import io
from dataclasses import replace
from math import log

import numpy as np
import pytest
from degenerate_data import CHANGE, DATA, TRIALS, table
from golden import check_golden
from page_checks import check_pages

from metamill.analysis import analyse
from metamill.config.settings import Display, Explorations, Model, Outcome, Plan
from metamill.explored.flips import (
    Alternative,
    Bar,
    Change,
    Changing,
    Conclusion,
    FlipPoint,
    Omission,
)
from metamill.figures.page.canvas import Polygon, Text
from metamill.figures.refits.tornado import tornado
from metamill.figures.refits.tornado_words import (
    flip_words,
    grouped,
    omission_words,
    robustness_words,
)
from metamill.figures.style import STYLES
from metamill.reporting.robustness_section import robustness_section
from metamill.results import Result, read, write
from metamill.tables.selection import Selection

ONLY = Explorations(small_study_effects=False, gosh=0, permutations=0)
EVENTS = [(3, 40, 9, 38), (5, 30, 12, 31), (2, 50, 9, 48), (4, 60, 9, 61), (1, 33, 4, 35)]
SCORES = [(50, 10, 30, 8, 20), (48, 9, 33, 10, 31), (52, 12, 41, 9, 25), (47, 11, 30, 9, 28)]
SCORE_COLUMNS = CHANGE.removesuffix(" correlation")
DISPLAY = Display("Made up", "lower")


def result_of(model: Model, rows, plans=(), **changes) -> Result:
    primary = Plan("primary", model)
    every = (primary, *(replace(primary, name=name, model=m) for name, m in plans))
    outcome = Outcome("made", "made.csv", {}, every, explorations=ONLY, **changes)
    return analyse(outcome, Selection("made.csv", tuple(rows), ()))


@pytest.fixture(scope="module")
def trials() -> Result:
    model = Model("OR")
    return result_of(
        model, table(TRIALS, *EVENTS), [("sensitivity:own", replace(model, level=80.0))]
    )


@pytest.fixture(scope="module")
def scores() -> Result:
    model = Model("MC", thresholds=(-10.0,))
    rows = table(SCORE_COLUMNS, *SCORES)
    rows = [replace(row, cells=row.cells | {"study": f"S{i}"}) for i, row in enumerate(rows)]
    plans = [(f"sensitivity:r = {r:g}", replace(model, correlation=r, sibling_correlation=False))
             for r in (0.2, 0.8)]  # fmt: skip
    return result_of(model, rows, plans)


@pytest.fixture(scope="module")
def proportions() -> Result:
    return result_of(
        Model("PLO", "GLMM", "t"), table("events total", (3, 40), (9, 50), (2, 60), (7, 45))
    )


def test_a_bar_is_the_range_of_the_analyses_of_its_decision(trials):
    found = trials.explored.robustness
    told = {item.analysis: item for item in found.alternatives}
    primary = trials.primary.pooled
    for bar in found.bars:
        if bar.kind == "omitted":
            parts = [refit for refit in trials.leave_one_out if refit.mu is not None]
        else:
            parts = [
                a.pooled for a in trials.analyses[1:]
                if a.name in told and told[a.name].compared and told[a.name].kind == bar.kind
                and bar.name in ("", a.name)
            ]  # fmt: skip
        assert bar.count == len(parts)
        parts = [primary, *parts]
        for name, pick, field in (
            ("low", min, "estimate"), ("high", max, "estimate"),
            ("ci_low", min, "ci_low"), ("ci_high", max, "ci_high"),
        ):  # fmt: skip
            of = parts if field == "estimate" else parts[1:]
            assert getattr(bar, name) == pick(getattr(part, field) for part in of)


def test_the_widest_bar_stands_first(trials):
    widths = [log(bar.high / bar.low) for bar in trials.explored.robustness.bars]
    assert widths == sorted(widths, reverse=True)


def test_every_other_analysis_is_told_once(trials):
    names = [item.analysis for item in trials.explored.robustness.alternatives]
    assert names == [a.name for a in trials.analyses[1:] if not a.name.startswith("subgroup:")]


def test_an_analysis_of_another_quantity_is_not_compared():
    model = Model("OR", "MH", "z")
    rows = table(TRIALS, *EVENTS, (0, 20, 0, 21))
    result = result_of(model, rows)
    found = {item.analysis: item for item in result.explored.robustness.alternatives}
    name = "companion:risk difference with the studies without events"
    assert not found[name].compared
    assert all(found[other].compared for other in found if other != name)


def test_the_result_is_read_back_as_it_was(trials, tmp_path):
    write(trials, tmp_path / "result.json")
    again = read(tmp_path / "result.json").explored.robustness
    assert [b.kind for b in again.bars] == [b.kind for b in trials.explored.robustness.bars]
    assert again.flips[0].assumption == trials.explored.robustness.flips[0].assumption


def test_nothing_is_searched_where_nothing_is_concluded(proportions):
    found = proportions.explored.robustness
    assert (found.conclusions, found.flips, found.omission) == ((), (), None)
    assert all(not item.changes for item in found.alternatives)
    assert robustness_section(proportions)["no_conclusion"]


def test_nothing_is_searched_where_the_settings_want_none():
    primary = Plan("primary", Model("OR"))
    off = replace(ONLY, flip_points=False)
    outcome = Outcome("made", "made.csv", {}, (primary,), explorations=off)
    result = analyse(outcome, Selection("made.csv", tuple(table(TRIALS, *EVENTS)), ()))
    found = result.explored.robustness
    assert found.conclusions
    assert (found.flips, found.omission) == ((), None)
    assert found.bars


@pytest.mark.parametrize("name", DATA[TRIALS])
def test_every_degenerate_table_has_an_answer_or_none(name):
    result = result_of(Model("OR"), table(TRIALS, *DATA[TRIALS][name]))
    found, pooled = result.explored.robustness, result.primary.pooled
    assert (found is None) == (not pooled.pooled or pooled.ci_low is None)
    drawn = tornado(result, DISPLAY, STYLES["default"])
    check_pages(drawn.pages, DISPLAY.width_mm)
    robustness_section(result)


# Words.


def with_alternatives(result: Result, *told: Alternative) -> Result:
    found = replace(result.explored.robustness, alternatives=told)
    return replace(result, explored=replace(result.explored, robustness=found))


def test_all_is_said_only_where_all_agree(scores):
    same = [Alternative(f"sensitivity:{i}", "model", True) for i in range(3)]
    first = robustness_words(with_alternatives(scores, *same))[0]
    assert "the same holds in all 3 other analyses that were run" in first
    other = replace(same[0], changes=(Conclusion("null", 0.0, "includes"),))
    first, second = robustness_words(with_alternatives(scores, other, *same[1:]))[:2]
    assert "the same holds in 2 of 3 other analyses" in first
    assert second == "In “0” the interval includes 0 (no change)."
    absent = replace(same[0], compared=False)
    first = robustness_words(with_alternatives(scores, absent, *same[1:]))[0]
    assert "all 2 other analyses that were run (1 more has no comparable estimate)" in first
    first = robustness_words(with_alternatives(scores, absent))[0]
    assert first.endswith("; the one other analysis has no comparable estimate.")
    alone = replace(scores.explored.robustness, alternatives=())
    for found, words in (
        (replace(alone, omission=None), "no other analysis was run that could show otherwise"),
        (alone, "but for leaving out single studies, no other analysis was run"),
    ):
        explored = replace(scores.explored, robustness=found)
        first = robustness_words(replace(scores, explored=explored))[0]
        assert (words in first) == (found.omission is None or alone.omission is not None)


def test_a_flip_point_is_said_with_what_is_plausible(scores):
    flip = FlipPoint(
        "correlation", 0.5, -0.999, 0.999,
        below=Change(0.1234, (Conclusion("null", 0.0, "includes"),)), changes=1,
        plausible_low=0.4, plausible_high=0.7,
        plausible="3 rows of this outcome that report or imply it",
    )  # fmt: skip
    assert flip_words(flip, scores) == (
        "With r (0.50 is used) below 0.12 the interval includes 0 (no change); 3 rows of this "
        "outcome that report or imply it have 0.40 to 0.70, which does not reach that far"
    )
    reached = replace(flip, plausible_low=0.1)
    assert flip_words(reached, scores).endswith("have 0.10 to 0.70, which reaches that far")
    again = replace(flip, changes=2)
    assert "beyond a further value it changes again" in flip_words(again, scores)
    short = replace(flip, note="searched from -0.5 to 0.6: beyond there is no estimate")
    assert flip_words(short, scores).endswith("to 0.6: beyond there is no estimate")
    none = replace(flip, below=None, changes=0)
    assert flip_words(none, scores).startswith("No value of r from −0.999 to 0.999 changes")


def test_added_studies_that_change_nothing_are_said_with_the_estimate_after_them(scores):
    flip = FlipPoint("null_studies", 0.0, 0.0, 1000.0, estimate_at_high=-0.3)
    most = "1,000" if "1,000" in flip_words(flip, scores) else "1000"
    assert flip_words(flip, scores) == (
        f"No number of added studies without an effect, tried up to {most}, changes a conclusion; "
        f"after {most} the estimate is −0.3"
    )


def test_analyses_without_an_answer_are_counted_among_those_left_out(scores):
    found = Omission(None, 1, fits=5, unanswered=1)
    assert omission_words(found, scores) == (
        "Leaving out any single study changes no conclusion; 1 of these 5 analyses has no estimate "
        "with an interval"
    )


def test_each_analysis_that_changes_a_conclusion_has_a_line_of_its_own(scores):
    found = scores.explored.robustness
    changing = (Changing("sensitivity:x", -12.0, -14.0, -9.0),)
    bar = Bar("model", "", 3, -20, -10, -24, -9, "", "", changed=1, changing=changing)
    robust = replace(found, bars=(bar, *found.bars[1:]))
    result = replace(scores, explored=replace(scores.explored, robustness=robust))
    drawn = tornado(result, DISPLAY, STYLES["default"])
    check_pages(drawn.pages, DISPLAY.width_mm, DISPLAY.height_mm, least_pt=6.0)
    lines = [item for page in drawn.pages for item in page.with_role("changing")]
    limits = [item for page in drawn.pages for item in page.with_role("limits")]
    assert len(lines) == sum(len(b.changing) for b in robust.bars if b.count > 1)
    assert limits[0].x1 < lines[0].x1 and lines[0].x2 == pytest.approx(limits[0].x2)
    rows = list(csv.DictReader(io.StringIO(drawn.table)))
    assert [row["ci_low"] for row in rows if row["row"] == "changing"][:1] == ["-14"]


def test_the_analyses_of_a_bar_that_change_a_conclusion_are_kept_with_their_numbers(scores):
    found = scores.explored.robustness
    told = {item.analysis: item for item in found.alternatives}
    named = {item.name: item.pooled for item in scores.analyses}
    for bar in found.bars:
        assert bar.changed == len(bar.changing)
        for item in bar.changing:
            if bar.kind != "omitted":
                assert told[item.analysis].changes
                assert item.estimate == named[item.analysis].estimate


def test_studies_left_out_are_said_with_the_bound(scores):
    found = Omission(None, 2, fits=100, note="more than 20,000 analyses would be needed")
    assert omission_words(found, scores) == (
        "Leaving out any 2 studies or fewer changes no conclusion (more than 20,000 analyses would "
        "be needed)"
    )
    found = Omission(1, 1, 2, (("A",), ("B",)), 5)
    assert (
        omission_words(found, scores) == "Leaving out each of 2 studies changes a conclusion: A; B"
    )


def test_all_analyses_are_grouped_and_none_is_lost(trials):
    found = grouped(trials)
    assert found[0] == ("", trials.primary)
    assert sorted(a.name for _, a in found) == sorted(a.name for a in trials.analyses)
    titles = [title for title, _ in found]
    assert all(
        titles[i] == titles[i + 1] or titles[i + 1] not in titles[:i]
        for i in range(len(titles) - 1)
    )


# The figure.


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("which", ["trials", "scores", "proportions"])
@pytest.mark.parametrize("width", [84.0, 174.0])
def test_nothing_is_cut_or_overlaps(which, style, width, request):
    result = request.getfixturevalue(which)
    display = replace(DISPLAY, width_mm=width)
    drawn = tornado(result, display, STYLES[style])
    check_pages(drawn.pages, width, display.height_mm, least_pt=6.0)


@pytest.mark.parametrize("which", ["trials", "scores", "proportions"])
def test_the_figure_is_drawn_as_frozen(which, request):
    drawn = tornado(request.getfixturevalue(which), DISPLAY, STYLES["default"])
    check_golden(f"tornado_{which}", drawn.pages)


def test_the_table_holds_every_number_of_the_bars(scores):
    found = scores.explored.robustness
    drawn = tornado(scores, DISPLAY, STYLES["default"])
    rows = list(csv.DictReader(io.StringIO(drawn.table)))
    assert rows[0]["row"] == "primary"
    bars = [row for row in rows if row["row"] == "bar"]
    for row, bar in zip(bars, found.bars, strict=True):
        for name in ("low", "high", "ci_low", "ci_high"):
            assert float(row[name]) == pytest.approx(getattr(bar, name), rel=1e-9)
    assert [row["value"] for row in rows if row["row"] == "threshold"] == ["-10"]


def test_bars_lie_where_their_estimates_are(scores):
    found = scores.explored.robustness
    drawn = tornado(scores, DISPLAY, STYLES["default"])
    bars = [item for page in drawn.pages for item in page.with_role("bar")]
    assert len(bars) == len(found.bars)
    assert all(isinstance(item, Polygon) for item in bars)
    wide = [(bar, item.box) for bar, item in zip(found.bars, bars, strict=True)
            if item.box[2] - item.box[0] > 0.5]  # fmt: skip
    xs = [x for bar, _ in wide for x in (bar.low, bar.high)]
    places = [x for _, box in wide for x in (box[0], box[2])]
    slope, start = np.polyfit(xs, places, 1)
    assert np.allclose(slope * np.array(xs) + start, places, atol=1e-6)


def test_a_changed_conclusion_is_told_in_words_and_not_by_colour_alone(scores):
    found = scores.explored.robustness
    bars = (Bar("model", "", 2, -20, -10, -30, 1, "", "sensitivity:x", changed=1), *found.bars[1:])
    robust = replace(found, bars=bars)
    result = replace(scores, explored=replace(scores.explored, robustness=robust))
    drawn = tornado(result, DISPLAY, STYLES["default"])
    words = [
        t.text.replace("\N{NO-BREAK SPACE}", " ")
        for page in drawn.pages
        for t in page.items
        if isinstance(t, Text)
    ]
    assert "1 of 2 change a conclusion" in words


def test_without_a_pool_the_reason_is_drawn():
    result = result_of(Model("OR"), table(TRIALS, *EVENTS[:1]))
    drawn = tornado(result, DISPLAY, STYLES["default"])
    assert "nothing is pooled" in drawn.caption
