"""Dates, follow-up and numbers of patients that have to fit each other."""

import pytest
from honest_reviews import outcome, rows, table

from metamill.audit.rows import Scale
from metamill.audit.studies.dates import window
from metamill.audit.studies.timeline import check_follow_up, check_study_dates, check_timeline
from metamill.config.settings import RowFilter

LUGANO = {"recruitment_start": "2013-05", "last_follow_up": "2023-11", "year": "2024"}


def found(cells):
    return [(f.check, f.level) for f in check_timeline(cells, Scale(), "PLO")]


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ({"unit": "patient", "n_randomised": "30", "n": "31"}, "contradiction"),
        ({"unit": "patient", "n_randomised": "30", "total": "31"}, "contradiction"),
        ({"n_randomised": "30", "total": "31"}, "question"),
        ({"unit": "screw", "n_randomised": "30", "total": "172"}, None),
        ({"unit": "patient", "n_randomised": "30", "n": "30"}, None),
        ({"unit": "patient", "n": "30"}, None),
        ({"unit": "patient", "n_randomised_control": "9", "total_control": "10"}, "contradiction"),
        (
            {"unit": "patient", "n_randomised": "30", "n_treatment": "16", "n_control": "15"},
            "contradiction",
        ),
        ({"unit": "patient", "n_randomised": "30", "n_treatment": "16", "n_control": "14"}, None),
    ],
)
def test_no_more_patients_are_analysed_than_were_randomised(cells, wanted):
    assert found(cells) == ([("more_than_randomised", wanted)] if wanted else [])


def test_a_follow_up_fits_between_first_recruitment_and_last_follow_up():
    assert window(LUGANO) == 127  # May 2013 to November 2023, both whole
    assert not found(LUGANO | {"time_months": "103"})
    assert not found(LUGANO | {"time_months": "127"})
    assert found(LUGANO | {"time_months": "128"}) == [("follow_up_window", "question")]
    (finding,) = check_timeline(LUGANO | {"time_months": "140"}, Scale(), "PLO")
    assert finding.arithmetic == (
        "A follow-up of 140 months is longer than the time from 2013-05 to 2023-11 "
        "(last_follow_up), 127 months at most"
    )


def test_where_the_last_follow_up_is_not_known_publication_is_the_end():
    cells = {"recruitment_start": "2020", "year": "2021", "time_months": "24"}
    assert not found(cells)
    assert found(cells | {"time_months": "25"}) == [("follow_up_window", "question")]


def test_no_follow_up_is_longer_than_a_century_and_no_clock_is_read():
    assert not found({"time_months": "1200"})
    assert found({"time_months": "1201"}) == [("follow_up_window", "question")]
    assert not found({"recruitment_start": "2290", "time_months": "6", "year": "2299"})


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (LUGANO, []),
        ({"year": "2018", "last_follow_up": "2019-02"}, ["study_dates"]),
        ({"year": "2018", "last_follow_up": "2018-12"}, []),
        ({"published": "2018-03", "last_follow_up": "2018-04", "year": "2018"}, ["study_dates"]),
        ({"recruitment_start": "2015-03", "recruitment_end": "2011"}, ["study_dates"]),
        ({"recruitment_start": "2015-03", "recruitment_end": "2015"}, []),
        ({"recruitment_start": "May 2013"}, ["date_format"]),
        ({"recruitment_start": "2013-5", "year": ""}, ["date_format"]),
        ({}, []),
    ],
)
def test_the_dates_of_a_study_follow_each_other(cells, wanted):
    told = list(check_study_dates(table("studies.csv", cells)))
    assert [(line, finding.check) for _, line, finding in told] == [(2, check) for check in wanted]
    assert not list(check_study_dates(None))


def test_a_follow_up_told_in_the_statements_is_held_to_the_dates_of_the_study():
    studies = table("studies.csv", LUGANO | {"study": "A"})
    said = {"study": "A", "quantity": "follow-up, months", "max": "103", "mean": "50.9"}
    assert not list(check_study_dates(studies, table("statements.csv", said)))
    ((name, line, finding),) = check_study_dates(
        studies, table("statements.csv", said | {"max": "130"})
    )
    assert (name, line, finding.columns) == ("statements.csv", 2, ("max",))
    other = said | {"max": "130", "quantity": "age, years"}
    assert not list(check_study_dates(studies, table("statements.csv", other)))


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (("6", "24"), True),
        (("7", "24"), False),
        (("7", "28.1"), True),
        (("14.3", "50.9"), False),
        (("0", "1"), True),
        (("6", "20"), False),
        (("12",), False),
        ((), False),
    ],
)
def test_short_and_long_follow_up_in_one_pool_are_told_with_both_ends(times, told):
    pool = rows(*({"time_months": time} for time in times), {})
    findings = list(check_follow_up(pool, outcome(), Scale()))
    assert [(at, f.level) for at, f in findings] == ([(1, "info")] if told else [])
    if told:
        words = f"The pool of score mixes short and long follow-up: from S2 {times[0]} to S3"
        assert findings[0][1].arithmetic.startswith(f"{words} {times[1]} months")


def test_only_pooled_rows_count_for_follow_up():
    pool = rows({"time_months": "6"}, {"time_months": "60"})
    plan = outcome("MD", exclude=(RowFilter({"study": ("S3",)}, "why"),))
    assert not list(check_follow_up(pool, plan, Scale()))
