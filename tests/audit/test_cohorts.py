"""Patients who may stand in two rows: what is declared, what authors and counts suggest."""

import pytest
from honest_reviews import outcome, overlap_asked, rows, share, table

from metamill.audit.rows import Scale
from metamill.audit.studies.cohorts import check_cohorts, check_patients, check_shared_control
from metamill.audit.studies.dates import months, overlap_of_recruitment
from metamill.audit.studies.overlap import authors_of, check_overlap
from metamill.config.settings import RowFilter
from metamill.tables.selection import Selection

A = {"study": "A", "cohort": "TOWN", "cohort_certainty": "confirmed", "country": "Spain"}
B = A | {"study": "B"}


LEFT = RowFilter({"study": ("B",)}, "a shorter follow-up")


def told(*studies, selected=("A", "B"), names=("score",), **plan):
    found = Selection("t.csv", rows(*({"study": study} for study in selected)), ())
    outcomes = dict.fromkeys(names, outcome("MD", **plan))
    about = table("studies.csv", *studies)
    return list(check_cohorts(about, outcomes, dict.fromkeys(names, found)))


@pytest.mark.parametrize(
    ("certainty", "words"),
    [
        ("confirmed", "Cohort TOWN: A, B are the same patients."),
        ("assumed", "Cohort TOWN: A, B are taken to be the same patients."),
        ("suspected", "Cohort TOWN: A, B may share patients."),
        ("", "Cohort TOWN: A, B may share patients (how surely is not stated)."),
    ],
)
def test_a_declared_cohort_is_told_once_at_its_first_study_with_its_certainty(certainty, words):
    stated = {"cohort_certainty": certainty}
    ((name, line, finding),) = told({"study": "Z"}, A | stated, B | stated, exclude=(LEFT,))
    assert (name, line, finding.level) == ("studies.csv", 3, "info")
    assert finding.arithmetic == f"{words} score: pools A, leaves out B (a shorter follow-up)"


def test_a_certainty_that_differs_between_the_studies_of_a_cohort_is_told_for_each():
    ((*_, finding),) = told(A, B | {"cohort_certainty": ""}, exclude=(LEFT,))
    assert "A, B may share patients (A confirmed, B not stated)." in finding.arithmetic


def test_outcomes_that_treat_a_cohort_alike_are_named_together():
    three = RowFilter({"study": ("B", "C")}, "a part of A")
    ((*_, finding),) = told(
        A, B, A | {"study": "C"}, selected="ABC", names=("score", "pain"), exclude=(three,)
    )
    assert finding.arithmetic == (
        "Cohort TOWN: A, B, C are the same patients. "
        "score, pain: pools A, leaves out B, C (a part of A)"
    )


def test_a_cohort_of_which_no_study_is_pooled_is_no_question():
    both = RowFilter({"study": ("A", "B")}, "other units")
    ((*_, finding),) = told(A, B, exclude=(both,))
    assert finding.level == "info"
    assert finding.arithmetic.endswith("score: pools none, leaves out A, B (other units)")


@pytest.mark.parametrize("certainty", ["confirmed", "assumed", "suspected", ""])
def test_two_studies_of_a_cohort_in_one_pool_are_a_question_with_the_reason_given(certainty):
    stated = {"cohort_certainty": certainty}
    ((*_, finding),) = told(A | stated, B | stated, same_cohort={"TOWN": "two wards"})
    assert finding.level == "question"
    assert finding.arithmetic.endswith("score: pools A, B (same_cohort: two wards)")


@pytest.mark.parametrize("selected", [(), ("A",)])
def test_a_cohort_that_no_outcome_selects_twice_is_told_once(selected):
    found = told(A, B, selected=selected)
    assert [(line, finding.level) for _, line, finding in found] == [(2, "info")]
    assert found[0][2].arithmetic == (
        "Cohort TOWN: A, B are the same patients. No outcome selects two of them"
    )


def test_a_cohort_of_one_study_and_studies_without_a_cohort_are_not_told():
    assert not told(A, {"study": "B"})
    assert not told({"study": "A"}, {"study": "B"})
    assert not list(check_cohorts(None, {}, {}))


@pytest.mark.parametrize(
    ("citation", "authors"),
    [
        (
            "Guo HZ, Tang YC, Guo DQ, et al. The leakage. Spine 2019",
            ("Guo HZ", "Tang YC", "Guo DQ"),
        ),
        ("Dong LF et al. (zh) short-segment fixation", ("Dong LF",)),
        ("Wuisman PI, Van Dijk M, Staal H, Van Royen BJ. A. B", None),
        ("El-Sayed M, O'Neil K, Müller A. B", ("El-Sayed M", "O'Neil K", "Müller A")),
        ("Percutaneous fixation, a series (authors not shown)", ()),
        ("Comparison of unilateral and bilateral PMMA, spine", ()),
        ("full citation not found", ()),
        ("", ()),
        ("a" * 9000 + " Z1", ()),
    ],
)
def test_authors_are_read_from_a_list_at_the_beginning_of_a_citation(citation, authors):
    wanted = ("Wuisman PI", "Van Dijk M", "Staal H", "Van Royen BJ") if authors is None else authors
    assert authors_of(citation) == wanted


def asked(one, two, counts=({}, {})):
    about = table("studies.csv", {"study": "A"} | one, {"study": "B"} | two)
    found = rows(*({"study": study} | cells for study, cells in zip("AB", counts, strict=True)))
    return [finding for *_, finding in check_overlap(about, {"x": Selection("t.csv", found, ())})]


PAIR = {"citation": "Guo HZ, Tang YC, Mo GY, et al. One"}
LARGE = {"events": "27", "total": "128"}
DATED = {"recruitment_start": "2011-05", "recruitment_end": "2015-03"}
FIRST = {"citation": "Wang Z, Liu Y, et al. One", "country": "China"}


@pytest.mark.parametrize(
    ("one", "two", "counts", "wanted"),
    [
        (PAIR, {"citation": "Tang YC, Guo HZ. Two"}, ({}, {}), True),
        (PAIR, {"citation": "Tang YC, Guo HZ. Two", "cohort": "X"}, ({}, {}), True),
        (
            PAIR | {"cohort": "X"},
            {"citation": "Tang YC, Guo HZ. Two", "cohort": "x"},
            ({}, {}),
            False,
        ),
        (PAIR, {"citation": "Lin A, Guo HZ. Two"}, ({}, {}), False),
        (FIRST, FIRST | {"citation": "Wang Z, Lin A. Two"}, ({}, {}), False),
        (FIRST | DATED, FIRST | DATED | {"citation": "Wang Z, Lin A. Two"}, ({}, {}), True),
        (FIRST, {"citation": "Wang Z, Lin A. Two"}, (LARGE, LARGE), True),
        ({}, {}, (LARGE, LARGE), False),
        (FIRST, {"citation": "Wang Z. Two"}, ({"events": "0", "total": "128"},) * 2, False),
        (FIRST, {"citation": "Wang Z. Two"}, ({"events": "1", "total": "20"},) * 2, False),
    ],
)
def test_a_pair_is_asked_about_where_its_signals_add_up(one, two, counts, wanted):
    found = asked(one, two, counts)
    assert [(f.check, f.level) for f in found] == [("possible_overlap", "question")] * wanted


def test_a_pair_in_two_outcomes_is_asked_about_once_and_never_outside_an_outcome():
    about = table(
        "studies.csv", {"study": "A"} | PAIR, {"study": "B"} | PAIR, {"study": "C"} | PAIR
    )
    one = Selection("t.csv", rows({"study": "A"}, {"study": "B"}, {"study": "B", "arm": "x"}), ())
    found = list(check_overlap(about, {"x": one, "y": one}))
    assert [(name, line) for name, line, _ in found] == [("studies.csv", 3)]
    assert found[0][2].arithmetic.startswith("B and A share: the authors Guo HZ, Tang YC, Mo GY.")


def test_honest_studies_are_rarely_asked_whether_they_are_one_cohort():
    assert share(60, overlap_asked) <= 0.1


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [("2013", (24156, 24167)), ("2013-05", (24160, 24160)), ("2013-13", None), ("5/2013", None)],
)
def test_a_date_is_the_months_it_can_mean(cell, wanted):
    assert months(cell) == wanted


def test_recruitment_overlaps_only_where_it_surely_does():
    early, late = (
        {"recruitment_start": start, "recruitment_end": end}
        for start, end in (("2011-05", "2015-03"), ("2015-03", "2018"))
    )
    assert overlap_of_recruitment(early, late)
    assert not overlap_of_recruitment(early, late | {"recruitment_start": "2015"})
    assert not overlap_of_recruitment(early, {"recruitment_start": "2011-05"})


MEANS = {"mean_control": "5.1", "sd_control": "1.2", "n_control": "20"}
COUNTS = {"events_control": "3", "total_control": "40"}


@pytest.mark.parametrize("control", [MEANS, COUNTS])
def test_a_control_group_in_two_rows_of_the_pool_is_asked_about(control):
    arms = {name.replace("control", "treatment"): cell for name, cell in control.items()}
    first = next(iter(arms))
    two = rows(
        control | arms | {"study": "A", "arm": "x"},
        control | arms | {"study": "A", "arm": "y", first: "7"},
    )
    ((at, finding),) = check_shared_control(two, outcome(), Scale())
    assert (at, finding.check, finding.level) == (1, "shared_control", "question")
    left = RowFilter({"arm": ("y",)}, "one comparison per study")
    assert not list(check_shared_control(two, outcome("MD", exclude=(left,)), Scale()))
    other = rows(two[0].cells, two[1].cells | {"study": "B"})
    assert not list(check_shared_control(other, outcome(), Scale()))


def test_another_number_of_patients_of_one_study_in_another_table_is_told():
    row = {"study": "A", "arm": "x", "unit": "patient", "total": "27", "time_months": "6"}
    one = table("one.csv", row)

    def sizes(**cells):
        other = {"two.csv": table("two.csv", row | {"total": "26"} | cells)}
        return [(name, line, f.level) for name, line, f in check_patients({"one.csv": one} | other)]

    assert sizes() == [("two.csv", 2, "info")]
    assert sizes(time_months="6.0") == [("two.csv", 2, "info")]
    for differing in ({"total": "27"}, {"unit": "screw"}, {"arm": "y"}, {"time_months": "12"}):
        assert not sizes(**differing)
    assert not sizes(denominator="ct_assessed")
