"""Percentages against counts: what must be found, and nothing where the numbers are true."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest

from metamill.audit.counts import check_counts, check_same_events, counts_within, totals_of
from metamill.audit.finding import CONTRADICTION, IMPOSSIBLE, QUESTION
from metamill.audit.rows import Scale
from metamill.config.settings import Model, Outcome, Plan, RowFilter
from metamill.tables.printed import rounded
from metamill.tables.table import TableRow


def found(**cells):
    return list(check_counts({"study": "A", **cells}, Scale(), ""))


def only(**cells):
    (finding,) = found(**cells)
    return finding


@pytest.mark.fault("B7")
@pytest.mark.parametrize(
    ("events", "total", "percent"),
    [
        *(("2", "30", "6.7"), ("3", "30", "10"), ("20", "30", "66.7"), ("7", "30", "23.3")),
        *(("1", "30", "3.3"), ("5", "27", "18.5"), ("4", "27", "14.8"), ("2", "27", "7.4")),
        *(("18", "27", "66.7"), ("16", "27", "59.3"), ("10", "27", "37"), ("1", "27", "3.7")),
        *(("17", "27", "63"), ("12", "27", "44.4"), ("3", "27", "11.1"), ("0", "40", "0")),
        *(("33", "390", "8.46"), ("146", "157", "93"), ("40", "40", "100"), ("1", "8", "12.5")),
    ],
)
def test_percentages_as_papers_print_them_pass(events, total, percent):
    assert not found(events=events, total=total, percent=percent)


def test_a_tie_passes_whichever_way_it_was_rounded():
    for percent in ("12", "13"):
        assert not found(events="1", total="8", percent=percent)


@pytest.mark.fault("B7")
def test_a_percentage_of_another_total_is_a_contradiction_that_names_the_total():
    finding = only(events="2", total="20", percent="6.7")
    assert (finding.check, finding.level) == ("percent_count", CONTRADICTION)
    assert "2 of 20 is 10 %" in finding.arithmetic and "out of 30" in finding.arithmetic


def test_four_of_48_is_not_5_5_percent():
    assert only(events="4", total="48", percent="5.5").level == CONTRADICTION
    assert only(events="1", total="16", percent="5.5").level == CONTRADICTION


def test_another_total_of_the_row_is_named_where_it_fits():
    assert "2 of 30 (n)" in only(events="2", total="20", percent="6.7", n="30").arithmetic


@pytest.mark.fault("B7")
def test_a_percentage_cut_off_is_a_question():
    assert only(events="2", total="38", percent="5.2").level == QUESTION
    assert only(total="38", percent="5.2").level == QUESTION


@pytest.mark.fault("V5")
def test_a_proportion_in_the_percentage_column_is_named():
    finding = only(events="2", total="3", percent="0.667")
    assert finding.level == CONTRADICTION and "proportion" in finding.arithmetic
    finding = only(total="30", percent="0.17")
    assert finding.level == IMPOSSIBLE and "5 of 30" in finding.arithmetic


@pytest.mark.fault("V5")
def test_a_percentage_in_the_events_column_is_named():
    finding = only(events="20", total="45", percent="20")
    assert finding.level == CONTRADICTION
    assert "9 of 45" in finding.arithmetic and "taken for the count" in finding.arithmetic


@pytest.mark.fault("B7")
def test_a_percentage_that_no_count_gives_is_impossible_and_names_totals_that_fit():
    finding = only(total="20", percent="2")
    assert (finding.check, finding.level) == ("percent_without_count", IMPOSSIBLE)
    assert "40, 41" in finding.allowed
    assert all(counts_within(n, rounded("2")) for n in (40, 41))


def test_two_events_print_as_2_percent_of_80_to_133():
    assert totals_of(2, rounded("2")) == (80, 133)
    assert totals_of(2, rounded("6.7")) == (30, 30)
    assert totals_of(5, rounded("0")) == (1000, None)
    assert totals_of(0, rounded("2")) is None
    assert totals_of(1, rounded("5.5")) is None


def test_both_arms_are_looked_at():
    cells = {"events_treatment": "1", "total_treatment": "4", "percent_treatment": "25"}
    cells |= {"total_control": "4", "percent_control": "30"}
    assert [f.columns[0] for f in found(**cells)] == ["percent_control"]


def test_nothing_is_said_without_a_total():
    assert not found(events="2", percent="2") and not found(percent="2") and not found()


@pytest.mark.parametrize("cell", ["1e1", "+10", "10.", "1.0e1", "10.0"])
def test_every_spelling_of_a_number_is_understood(cell):
    assert not found(events="3", total="30", percent=cell)


def _printed(share: Fraction, digits: int, how: str) -> str:
    """`share` with `digits` decimals, by one rule of rounding."""
    scaled = share * 10**digits
    whole = scaled // 1
    rest = scaled - whole
    if how == "half up":
        whole += rest >= Fraction(1, 2)
    elif how == "half down":
        whole += rest > Fraction(1, 2)
    elif how == "half even":
        whole = round(scaled)
    text = str(int(whole)).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text


@pytest.mark.parametrize("how", ["half up", "half down", "half even", "cut off"])
def test_no_true_percentage_is_called_false(how):
    draw = random.Random(20)
    for _ in range(20_000):
        total = draw.randint(1, draw.choice((12, 60, 400)))
        events = draw.randint(0, total)
        percent = _printed(Fraction(100 * events, total), draw.randint(0, 3), how)
        for cells in (
            {"events": str(events), "total": str(total), "percent": percent},
            {"total": str(total), "percent": percent},
        ):
            levels = {finding.level for finding in found(**cells)}
            assert levels <= ({QUESTION} if how == "cut off" else set()), cells


def test_what_is_called_impossible_is_unreachable():
    for total in range(1, 40):
        reachable = {_printed(Fraction(100 * k, total), 0, "half even") for k in range(total + 1)}
        for percent in map(str, range(101)):
            said = found(total=str(total), percent=percent)
            if said:
                assert percent not in reachable
            elif percent not in reachable:
                assert any(
                    abs(Fraction(100 * k, total) - int(percent)) == Fraction(1, 2)
                    for k in range(total + 1)
                )


def outcome(*exclude: RowFilter) -> Outcome:
    plan = Plan("primary", Model("PLO"), exclude=exclude)
    return Outcome("loosening", "loosening.csv", {}, (plan,))


def rows(*cells: dict[str, str]) -> tuple[TableRow, ...]:
    return tuple(TableRow(line, row) for line, row in enumerate(cells, 2))


FIRST = {"study": "A", "arm": "x", "denominator": "all", "events": "5", "total": "27"}
SECOND = FIRST | {"denominator": "ct", "total": "19"}


@pytest.mark.fault("V33")
def test_the_same_events_out_of_two_totals_are_a_question_that_names_the_row_pooled():
    left_out = RowFilter({"denominator": ("all",)}, "a reason")
    ((at, finding),) = check_same_events(rows(FIRST, SECOND), outcome(left_out), Scale())
    assert (at, finding.level) == (1, QUESTION)
    assert "18.52 % and 26.32 %" in finding.arithmetic
    assert "primary analysis pools 5/19" in finding.arithmetic


@pytest.mark.parametrize(
    ("excluded", "fate"),
    [((), "pools both"), (("all", "ct"), "pools neither"), (("ct",), "pools 5/27")],
)
def test_it_is_said_which_rows_are_pooled(excluded, fate):
    filters = (RowFilter({"denominator": excluded}, "a reason"),) if excluded else ()
    ((_, finding),) = check_same_events(rows(FIRST, SECOND), outcome(*filters), Scale())
    assert fate in finding.arithmetic


@pytest.mark.parametrize(
    "other",
    [
        SECOND | {"events": "4"},
        SECOND | {"total": "27"},
        SECOND | {"study": "B"},
        SECOND | {"arm": "y"},
        SECOND | {"time_months": "12"},
        SECOND | {"events": ""},
    ],
)
def test_rows_of_other_patients_or_times_are_no_question(other):
    assert not list(check_same_events(rows(FIRST, other), outcome(), Scale()))


def test_no_events_out_of_two_totals_say_nothing():
    none = [row | {"events": "0"} for row in (FIRST, SECOND)]
    assert not list(check_same_events(rows(*none), outcome(), Scale()))


def test_arms_of_a_comparison_are_looked_at_too():
    two = [
        {
            "study": "A",
            "denominator": row["denominator"],
            "events_control": "5",
            "total_control": row["total"],
        }
        for row in (FIRST, SECOND)
    ]
    ((_, finding),) = check_same_events(rows(*two), replace(outcome()), Scale())
    assert finding.columns == ("total_control", "events_control")
