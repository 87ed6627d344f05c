"""Through the front door: what the audit asks about rows and studies beside each other."""

import csv
from pathlib import Path

import pytest
from table_reviews import write

from metamill.cli import main
from metamill.jobs import plan

PAIN = "study,mean,sd,n\nA,50.2,11.2,36\nB,52.1,12.9,40\nC,49.3,10.4,38\nD,51.4,13.1,42\n"
ARMS = "study,mean_treatment,sd_treatment,n_treatment,mean_control,sd_control,n_control\n"
TRIALS = "A,40.1,11.2,36,50.2,11.4,36\nB,41.2,12.9,40,52.1,12.2,40\nC,40.3,10.4,38,51.3,11,38\n"
CHANGE = "study,mean_pre,sd_pre,mean_post,sd_post,n\nA,60,9,40,11,30\nB,64,10,45,12,41\n"


def audit(folder: Path) -> list[dict[str, str]]:
    """audit.csv after `metamill check`, which finds the review in order."""
    assert main(["check", str(folder)]) == 0
    with open(folder / "results" / "audit.csv", encoding="utf-8", newline="") as handle:
        return [row for row in csv.DictReader(handle) if row["check"] != "reading"]


def asked(folder: Path) -> list[tuple[str, str, str, str]]:
    return [(row["table"], row["study"], row["check"], row["level"]) for row in audit(folder)]


def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["check", str(folder)]) == 3
    assert not (folder / "results").exists()
    return capsys.readouterr().err


@pytest.mark.fault("V11")
def test_a_mean_and_sd_of_skewed_values_are_noted(tmp_path):
    table = PAIN.replace("n\n", "n,median\n").replace(",36\n", ",36,60\n")
    table = table.replace("40\n", "40,\n").replace("38\n", "38,\n").replace("42\n", "42,\n")
    found = asked(write(tmp_path / "review", table, "MN", ", direction: lower"))
    assert found == [("a.csv", "A", "skewed", "info")]


@pytest.mark.fault("V13")
def test_millimetres_among_centimetres_are_asked_about(tmp_path):
    folder = write(tmp_path / "review", PAIN + "E,5.1,1.2,30\n", "MN", ", direction: lower")
    (row,) = audit(folder)
    assert (row["study"], row["check"], row["level"]) == ("E", "unit_of_peers", "question")
    assert "as if in centimetres where they have millimetres" in row["reason"]


@pytest.mark.fault("V15")
def test_an_outcome_that_does_not_say_which_end_is_better_is_noted(tmp_path):
    assert asked(write(tmp_path / "review", CHANGE, "MC")) == [
        ("a.csv", "", "direction_unstated", "info")
    ]
    assert not asked(write(tmp_path / "other", CHANGE, "MC", ", direction: lower"))


@pytest.mark.fault("V16")
def test_groups_that_are_swapped_in_one_study_are_asked_about(tmp_path):
    swapped = "D,52.4,13.1,42,41.4,12.1,42\n"
    folder = write(tmp_path / "review", ARMS + TRIALS + swapped, "MD", ", direction: lower")
    assert asked(folder) == [("a.csv", "D", "opposite_direction", "question")]


@pytest.mark.fault("V35")
def test_more_patients_than_were_randomised_are_held_out_and_dates_out_of_order_asked_about(
    tmp_path,
):
    counts = "study,unit,events,total,n_randomised,time_months\n"
    files = {
        "a.csv": counts + "A,patient,1,31,30,12\nB,patient,2,30,30,12\nC,patient,2,30,,40\n",
        "studies.csv": "study,recruitment_start,last_follow_up,year\n"
        "A,2011-05,2019-02,2018\nB,2011-05,2013-05,2014\nC,2011-05,2013-05,2014\n",
    }
    assert asked(write(tmp_path / "review", files)) == [
        ("a.csv", "A", "more_than_randomised", "contradiction"),
        ("a.csv", "C", "follow_up_window", "question"),
        ("studies.csv", "A", "study_dates", "question"),
    ]
    assert plan(tmp_path / "review").held() == {("a.csv", 2)}


COHORT = "study,cohort,cohort_certainty\nA,TOWN,confirmed\nB,TOWN,confirmed\nC,,\n"
COUNTS = "study,events,total\nA,1,10\nB,2,20\nC,3,30\n"


@pytest.mark.fault("V36")
def test_two_studies_of_one_cohort_in_one_pool_are_refused(tmp_path, capsys):
    folder = write(tmp_path / "review", {"a.csv": COUNTS, "studies.csv": COHORT})
    said = refused(folder, capsys)
    assert "shares its cohort TOWN with A (line 2), and both would be pooled" in said


@pytest.mark.fault("V36", "B11")
def test_a_cohort_is_told_once_with_what_config_makes_of_it(tmp_path):
    more = ", exclude: [{study: B, reason: the earlier report}]"
    folder = write(tmp_path / "review", {"a.csv": COUNTS, "studies.csv": COHORT}, more=more)
    (row,) = audit(folder)
    assert (row["study"], row["check"], row["level"]) == ("A", "cohort", "info")
    assert "a: pools A, leaves out B (the earlier report)" in row["reason"]


@pytest.mark.fault("V36", "B11")
def test_two_studies_of_one_cohort_that_config_pools_are_asked_about(tmp_path):
    more = ", same_cohort: {TOWN: two wards}"
    folder = write(tmp_path / "review", {"a.csv": COUNTS, "studies.csv": COHORT}, more=more)
    (row,) = audit(folder)
    assert (row["study"], row["check"], row["level"]) == ("A", "cohort", "question")
    assert "a: pools A, B (same_cohort: two wards)" in row["reason"]


@pytest.mark.fault("V36", "B11")
def test_a_cohort_that_nobody_declared_is_asked_about(tmp_path):
    cited = '"Guo HZ, Tang YC, Guo DQ, et al. One"'
    studies = f'study,citation\nA,{cited}\nB,{cited}\nC,"Wang Z, Liu Y. Two"\nD,"Wang Z. Three"\n'
    folder = write(tmp_path / "review", {"a.csv": COUNTS + "D,4,40\n", "studies.csv": studies})
    assert asked(folder) == [("studies.csv", "B", "possible_overlap", "question")]


SHARED = (
    "study,arm,events_treatment,total_treatment,events_control,total_control\n"
    "A,x,4,40,9,41\nA,y,5,39,9,41\nB,x,3,30,6,30\nC,x,8,50,12,52\n"
)


@pytest.mark.fault("V37")
def test_a_control_group_used_twice_is_refused(tmp_path, capsys):
    said = refused(write(tmp_path / "review", SHARED, "RR"), capsys)
    assert "the study is in one pool twice, first in line 2" in said


@pytest.mark.fault("V37")
def test_a_control_group_used_twice_in_a_model_of_dependence_is_asked_about(tmp_path):
    folder = write(tmp_path / "review", SHARED, "RR", ", method: MV, rho: 0.5")
    assert asked(folder) == [("a.csv", "A", "shared_control", "question")]


@pytest.mark.fault("V38")
def test_short_and_long_follow_up_in_one_pool_are_noted(tmp_path):
    table = "study,events,total,time_months\nA,1,10,6\nB,2,20,24\nC,3,30,12\n"
    (row,) = audit(write(tmp_path / "review", table))
    assert (row["study"], row["check"], row["level"]) == ("B", "follow_up_mixed", "info")
    assert "The pool of a mixes" in row["reason"] and "from A 6 to B 24 months" in row["reason"]


@pytest.mark.fault("V39")
def test_a_year_that_is_none_is_refused(tmp_path, capsys):
    studies = "study,year\nA,20224\nB,2002\nC,2003\n"
    said = refused(write(tmp_path / "review", {"a.csv": COUNTS, "studies.csv": studies}), capsys)
    assert "extracted/studies.csv, line 2, column 'year': '20224': must be at most 2100" in said


@pytest.mark.fault("V39")
def test_a_follow_up_longer_than_a_life_is_asked_about(tmp_path):
    table = "study,events,total,time_months\nA,1,10,1300\nB,2,20,1290\n"
    assert asked(write(tmp_path / "review", table)) == [
        ("a.csv", study, "follow_up_window", "question") for study in "AB"
    ]


@pytest.mark.fault("V40")
@pytest.mark.parametrize("cell", ["50.333333333333336", "50.33333"])
def test_a_number_with_more_digits_than_papers_print_is_noted(tmp_path, cell):
    folder = write(tmp_path / "review", PAIN.replace("50.2", cell), "MN", ", direction: lower")
    assert asked(folder) == [("a.csv", "A", "computed_number", "info")]


@pytest.mark.fault("V41")
def test_one_mean_and_sd_in_two_studies_is_asked_about(tmp_path):
    folder = write(tmp_path / "review", PAIN + "E,52.1,12.9,31\n", "MN", ", direction: lower")
    assert asked(folder) == [("a.csv", "E", "repeated_pair", "question")]


@pytest.mark.fault("V41")
def test_two_studies_that_agree_in_all_their_numbers_are_asked_about(tmp_path):
    table = f"{ARMS}A,2.9,1.7,60,3.9,1.9,60\nB,2.9,1.7,60,3.9,1.9,60\nC,3.1,1.8,44,4.2,1.6,45\n"
    folder = write(tmp_path / "review", table, "MD", ", direction: lower")
    assert asked(folder) == [("a.csv", "B", "repeated_pair", "question")]


@pytest.mark.fault("V41")
def test_equal_sds_throughout_a_study_are_noted(tmp_path):
    table = (
        "study,mean_pre,sd_pre,mean_post,sd_post,sd_change,n\n"
        "A,60,9.4,40,9.4,9.4,30\nB,64,10.2,45,12.1,11.3,41\n"
    )
    folder = write(tmp_path / "review", table, "MC", ", direction: lower")
    assert asked(folder) == [("a.csv", "A", "equal_sds", "info")]


@pytest.mark.fault("V42")
def test_two_arms_with_the_same_numbers_are_asked_about(tmp_path):
    folder = write(
        tmp_path / "review",
        ARMS + TRIALS + "D,47.4,13.1,42,47.4,13.1,42\n",
        "MD",
        ", direction: lower",
    )
    assert asked(folder) == [("a.csv", "D", "identical_groups", "question")]


@pytest.mark.fault("B12")
def test_last_digits_that_do_not_come_up_are_asked_about(tmp_path):
    means = "".join(f"S{i},{i}.5,{10 + i % 7}.{i % 10},30\n" for i in range(20, 75))
    folder = write(tmp_path / "review", "study,mean,sd,n\n" + means, "MN", ", direction: lower")
    found = [row for row in audit(folder) if row["check"] == "terminal_digits"]
    assert [(row["table"], row["line"], row["level"]) for row in found] == [
        ("a.csv", "1", "question")
    ]


@pytest.mark.fault("B14")
def test_no_sample_is_made_up_for_a_summary_that_one_could_give(tmp_path):
    """1 ± 1 of ten whole days between 0 and 2 is almost the largest SD, and possible."""
    table = "study,mean,sd,n,min,max\nA,1,1,10,0,2\nB,1,1,12,0,2\n"
    folder = write(
        tmp_path / "review", table, "MN", ", direction: lower, scale: {min: 0, max: 30, step: 1}"
    )
    assert not [row for row in audit(folder) if row["level"] in ("impossible", "contradiction")]


@pytest.mark.fault("B16")
@pytest.mark.parametrize(("sd", "words"), [("2.0", "a standard error"), ("144", "a variance")])
def test_an_sd_unlike_its_peers_is_asked_about_with_what_it_may_be(tmp_path, sd, words):
    folder = write(tmp_path / "review", f"{PAIN}E,50.4,{sd},36\n", "MN", ", direction: lower")
    found = [row for row in audit(folder) if row["check"] == "sd_of_peers"]
    assert [(row["study"], row["level"]) for row in found] == [("E", "question")]
    assert words in found[0]["reason"]


@pytest.mark.fault("B16")
def test_an_sd_of_a_change_unlike_its_peers_is_asked_about(tmp_path):
    sds = zip("ABCDE", ("11.2", "12.9", "11.4", "12.1", "2.0"), strict=True)
    changes = "".join(f"{study},-9.{i},{sd},36\n" for i, (study, sd) in enumerate(sds))
    table = f"study,mean_change,sd_change,n\n{changes}"
    (row,) = audit(write(tmp_path / "review", table, "MC", ", direction: lower"))
    assert (row["study"], row["check"], row["level"]) == ("E", "sd_of_peers", "question")
    assert "a standard error (SD 12 with n = 36)" in row["reason"]


@pytest.mark.fault("B15")
def test_an_impossible_sd_is_called_neither_skewed_nor_unlike_its_peers(tmp_path):
    table = "study,mean,sd,n\nA,2.1,1.1,36\nB,2.4,1.3,40\nC,2.2,1.2,38\nD,2.3,9,42\n"
    more = ", direction: lower, scale: {min: 0, max: 10}"
    found = asked(write(tmp_path / "review", table, "MN", more))
    told = {code for _, study, code, _ in found if study == "D"}
    assert "sd_maximum" in told and not told & {"skewed", "sd_of_peers"}


@pytest.mark.fault("B16")
def test_groups_more_than_two_sds_apart_are_asked_about(tmp_path):
    table = ARMS + "A,40.1,2.2,36,50.2,2.4,36\nB,47.2,12.9,40,52.1,12.2,40\n"
    folder = write(tmp_path / "review", table, "MD", ", direction: lower")
    assert asked(folder) == [("a.csv", "A", "large_smd", "question")]
