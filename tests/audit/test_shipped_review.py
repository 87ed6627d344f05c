"""What the audit says of the shipped review: all that is known to be wrong, and nothing else."""

import csv
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from metamill.audit.finding import HOLDING
from metamill.audit.review import Entry
from metamill.jobs import Jobs, plan

REPOSITORY = Path(__file__).resolve().parents[2]
STATED = "statements.csv"
STAY, REVISION = "hospital stay, days", "rescue to revision, months"

WRONG = {
    # check, table, study, quantity or "", the column to look at first: how often
    ("sd_maximum", "odi.csv", "TANTA2021", "", "sd_pre"): 1,
    ("sd_maximum", "odi.csv", "TANTA2021", "", "sd_post"): 1,
    ("sd_maximum", "vas.csv", "TANTA2021", "", "sd_pre"): 1,
    ("sd_maximum", "vas.csv", "TANTA2021", "", "sd_post"): 1,
    ("sd_maximum", STATED, "TANTA2021", STAY, "sd"): 2,
    ("grim", STATED, "TANTA2021", STAY, "mean"): 2,
    ("mean_of_parts", STATED, "TANTA2021", STAY, "mean"): 1,
    ("percent_count", STATED, "TANTA2021", "screw loosening", "percent"): 1,
    ("printed_twice", STATED, "TANTA2021", "screw loosening", "percent"): 1,
    ("printed_twice", STATED, "TANTA2021", "motor improvement", "events"): 3,
    ("count_of_parts", STATED, "TANTA2021", "motor improvement", "n"): 1,
    ("grim_median", STATED, "POLINELLI2024", REVISION, "median"): 1,
    ("printed_twice", STATED, "POLINELLI2024", "new fracture, site", "events"): 2,
    ("printed_twice", STATED, "POLINELLI2024", "new fracture, treatment", "events"): 1,
    ("percent_count", STATED, "WUISMAN2000", "cement leakage", "percent"): 1,
    ("percent_count", STATED, "WUISMAN2000", "loose at the end of the operation", "percent"): 1,
    ("percent_count", STATED, "COSTA2013", "fusion", "percent"): 1,
}
"""Impossible or contradictory as printed."""

ASKED = {
    ("same_events_stated", STATED, "TANTA2021", "screw loosening", "total"),
    ("same_events_stated", STATED, "POLINELLI2024", "screw loosening", "total"),
    ("grim", STATED, "POLINELLI2024", REVISION, "mean"),
    ("unattainable_score", "odi.csv", "TANTA2021", "", "min_post"),
    ("divided_differently", STATED, "POLINELLI2024", "revision surgery, reason", "category"),
    ("divided_differently", STATED, "POLINELLI2024", "new fracture, treatment", "category"),
    ("percent_without_count", STATED, "SERIES38_2021", "pulmonary cement embolism", "percent"),
}
"""Questions that must be among those asked."""

SAID = {
    # table, column: what the finding says
    ("odi.csv", "sd_pre"): ("18.8", "10.08"),
    ("odi.csv", "sd_post"): ("15.6", "11.70"),
    ("vas.csv", "sd_pre"): ("1.8", "0.9965"),
    ("vas.csv", "sd_post"): ("1.6", "0.980"),
}


@cache
def review() -> Jobs:
    return plan(REPOSITORY)


@cache
def quantities() -> dict[int, str]:
    with open(REPOSITORY / "extracted" / STATED, encoding="utf-8", newline="") as handle:
        return {line: row["quantity"] for line, row in enumerate(csv.DictReader(handle), 2)}


def named(entry: Entry) -> tuple[str, str, str, str, str]:
    quantity = quantities()[entry.line] if entry.table == STATED else ""
    finding = entry.finding
    return finding.check, entry.table, entry.study, quantity, finding.columns[0]


def test_what_cannot_be_true_is_found_and_nothing_else() -> None:
    found = Counter(named(entry) for entry in review().entries if entry.finding.level in HOLDING)
    assert found == WRONG


def test_what_is_doubtful_is_asked() -> None:
    asked = {named(entry) for entry in review().entries if entry.finding.level == "question"}
    assert asked >= ASKED


def test_each_cohort_that_shares_patients_is_named_once_and_is_no_question() -> None:
    told = [e.finding for e in review().entries if e.finding.check == "cohort"]
    cohorts = ("LUGANO", "GUANGZHOU", "MADRID", "CHOSUN", "CHONGQING", "OSAKA")
    assert [f.arithmetic.split(":")[0] for f in told] == [f"Cohort {name}" for name in cohorts]
    assert {f.level for f in told} == {"info"}
    assert "POLINELLI2024, CIANFONI2018 are the same patients" in told[0].arithmetic


def test_totals_that_config_chooses_with_a_reason_are_no_question() -> None:
    told = [e for e in review().entries if e.finding.check == "same_events"]
    assert {(e.study, e.finding.level) for e in told} == {
        ("TANTA2021", "info"),
        ("POLINELLI2024", "info"),
    }


@pytest.mark.parametrize(("table", "column"), SAID)
def test_the_arithmetic_is_that_of_the_codebook(table: str, column: str) -> None:
    (words,) = [
        entry.finding.arithmetic
        for entry in review().entries
        if entry.finding.check == "sd_maximum"
        and (entry.table, entry.finding.columns[0]) == (table, column)
    ]
    assert all(number in words for number in SAID[table, column])


def test_a_statement_that_repeats_a_row_is_not_told_twice() -> None:
    rows, stated = set(), set()
    for entry in review().entries:
        (stated if entry.table == STATED else rows).add((entry.study, entry.finding))
    assert not rows & stated


def test_the_three_rates_of_loosening_are_told_apart() -> None:
    words = " ".join(
        entry.finding.arithmetic
        for entry in review().entries
        if entry.study == "TANTA2021" and "loosening" in quantities().get(entry.line, "")
    )
    assert "6.667 % and 10 %" in words and "80 to 133" in words


def test_no_statement_holds_out_a_row() -> None:
    assert all(not e.outcomes for e in review().entries if e.table == STATED)


def test_every_statement_says_where_it_was_read() -> None:
    with open(REPOSITORY / "extracted" / STATED, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    with open(REPOSITORY / "extracted" / "studies.csv", encoding="utf-8", newline="") as handle:
        studies = {row["study"] for row in csv.DictReader(handle)}
    assert all(row["source"] and row["location"] for row in rows)
    assert {row["study"] for row in rows} <= studies


def test_most_statements_are_sound() -> None:
    doubted = {e.line for e in review().entries if e.table == STATED and e.finding.level != "info"}
    assert len(doubted) < len(quantities()) / 5
