"""Percentages against counts: what must be found, and nothing where the numbers are true."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest

from metamill.audit.counts import check_counts, check_same_events, counts_within, totals_of
from metamill.audit.finding import CONTRADICTION, IMPOSSIBLE, INFO, QUESTION
from metamill.audit.rows import Scale
from metamill.config.settings import HeldRow, Model, Outcome, Plan, RowFilter
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


@pytest.mark.fault("V6")
def test_zeros_that_a_spreadsheet_added_are_a_question():
    for cells in ({"events": "2", "total": "30"}, {"total": "30"}):
        finding = only(**cells, percent="6.70")
        assert finding.level == QUESTION and "it fits as 6.7 %" in finding.arithmetic
    assert not found(events="2", total="30", percent="6.67")
    assert only(events="2", total="30", percent="6.90").level == CONTRADICTION


@pytest.mark.fault("V6")
@pytest.mark.parametrize(("events", "percent"), [("1", "34"), ("2", "66")])
def test_a_percentage_that_was_made_to_add_up_to_100_is_a_question(events, percent):
    for cells in ({"events": events, "total": "3"}, {"total": "3"}):
        finding = only(**cells, percent=percent)
        reason = "add up to 100" if percent == "34" else "cut off"
        assert finding.level == QUESTION and reason in finding.arithmetic
    assert only(events="1", total="3", percent="35").level == CONTRADICTION
    assert only(total="3", percent="32").level == IMPOSSIBLE


@pytest.mark.fault("V6")
def test_percentages_of_two_arms_that_are_exchanged_are_named():
    cells = {"events_treatment": "5", "total_treatment": "40", "percent_treatment": "25"}
    cells |= {"events_control": "10", "total_control": "40", "percent_control": "12.5"}
    one, two = found(**cells)
    for finding in (one, two):
        assert finding.level == CONTRADICTION and "the two are exchanged" in finding.arithmetic
    (other,) = found(**cells | {"percent_control": "25"})
    assert "exchanged" not in other.arithmetic


def test_so_many_percentages_are_impossible_or_asked_about_as_the_page_says():
    for total, digits, expected in ((20, 0, (60, 20)), (100, 1, (800, 100))):
        levels = [
            finding.level
            for units in range(100 * 10**digits + 1)
            for finding in found(total=str(total), percent=f"{units / 10**digits:.{digits}f}")
        ]
        assert (levels.count(IMPOSSIBLE), levels.count(QUESTION)) == expected


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


@pytest.mark.parametrize(
    "how", ["half up", "half down", "half even", "cut off", "trimmed", "zeros added", "one up"]
)
def test_no_true_percentage_is_called_false(how):
    draw = random.Random(20)
    # a finding searches for totals that fit, which costs time
    for _ in range(400 if how in ("zeros added", "one up") else 20_000):
        total = draw.randint(1, draw.choice((12, 60, 400)))
        events = draw.randint(0, total)
        digits = draw.randint(0, 3)
        rule = how if how.startswith(("half", "cut")) else "half even"
        percent = _printed(Fraction(100 * events, total), digits, rule)
        if how == "trimmed" and digits:
            percent = percent.rstrip("0").removesuffix(".")
        elif how == "zeros added":
            percent += "00" if digits else ".00"
        elif how == "one up":
            true = Fraction(100 * events, total)
            up = float(Fraction(percent) + Fraction((1, -1)[Fraction(percent) > true], 10**digits))
            percent = f"{min(max(up, 0), 100):.{digits}f}"
        for cells in (
            {"events": str(events), "total": str(total), "percent": percent},
            {"total": str(total), "percent": percent},
        ):
            levels = {finding.level for finding in found(**cells)}
            asked = how in ("cut off", "zeros added", "one up")
            if how != "one up" or Fraction(percent) != true + Fraction(1, 10**digits):
                assert levels <= ({QUESTION} if asked else set()), cells


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
def test_the_same_events_out_of_two_totals_are_told_with_the_one_that_config_chooses():
    left_out = RowFilter({"denominator": ("all",)}, "a reason")
    ((at, finding),) = check_same_events(rows(FIRST, SECOND), outcome(left_out), Scale())
    assert (at, finding.level) == (1, INFO)
    assert "18.52 % and 26.32 %" in finding.arithmetic
    assert "config.yaml chooses 5/19 and leaves out 5/27 (a reason)" in finding.arithmetic


@pytest.mark.parametrize(
    ("excluded", "level", "fate"),
    [
        ((), QUESTION, "one of them has to be chosen. The primary analysis pools both"),
        (("all", "ct"), INFO, "config.yaml leaves out both, 5/27 (a reason) and 5/19 (a reason)"),
        (("ct",), INFO, "config.yaml chooses 5/27 and leaves out 5/19 (a reason)"),
    ],
)
def test_two_totals_are_a_question_only_where_config_leaves_both_in_the_pool(excluded, level, fate):
    filters = (RowFilter({"denominator": excluded}, "a reason"),) if excluded else ()
    ((_, finding),) = check_same_events(rows(FIRST, SECOND), outcome(*filters), Scale())
    assert (finding.level, finding.arithmetic.partition("; ")[2]) == (level, fate)


def test_a_row_that_the_audit_holds_out_is_not_one_that_config_left_out():
    settings = outcome()
    plan = replace(settings.plans[0], held=(HeldRow(2, "held out by the audit"),))
    settings = replace(settings, plans=(plan,))
    ((_, finding),) = check_same_events(rows(FIRST, SECOND), settings, Scale())
    assert finding.level == QUESTION


def test_events_are_compared_as_numbers_and_each_later_total_with_each_earlier():
    third = FIRST | {"denominator": "mri", "total": "11", "events": "05"}
    found = check_same_events(rows(FIRST, SECOND, third), outcome(), Scale())
    assert [(at, f.printed) for at, f in found] == [
        (1, "5/19, and 5/27 in line 2"),
        (2, "05/11, and 5/27 in line 2"),
        (2, "05/11, and 5/19 in line 3"),
    ]


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
