"""Counts, scales and statements that are wrong, through `metamill check`."""

import csv
from pathlib import Path

import pytest

from metamill.cli import main

CONFIG = """\
review: {{title: A made-up review}}
outcomes:
  a: {{title: A, table: a.csv, {more}}}
"""
COUNTS = "study,denominator,unit,events,total,percent\n"
SOUND = COUNTS + "A,all,patient,1,10,10\nB,all,patient,2,20,10\nC,all,patient,5,27,18.5\n"
STATEMENTS = "study,quantity,group,category,part_of,section,n,events,total,percent,mean,sd"
PLACE = "source,location"


def write(folder: Path, table: str, more: str = "measure: PLO", statements: str = "") -> Path:
    (folder / "extracted").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG.format(more=more), encoding="utf-8")
    studies = "study,year\nA,2001\nB,2002\nC,2003\n"
    for name, text in {
        "a.csv": table,
        "studies.csv": studies,
        "statements.csv": statements,
    }.items():
        if text:
            (folder / "extracted" / name).write_text(text, encoding="utf-8")
    return folder


def stated(*rows: str) -> str:
    lines = [f"{row},paper,L{at}" for at, row in enumerate(rows, 1)]
    return "\n".join((f"{STATEMENTS},{PLACE}", *lines)) + "\n"


def check(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code and all that is said; a review that is refused leaves nothing behind."""
    code = main(["check", str(folder)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    if code in (2, 3):
        assert not (folder / "results").exists()
    return code, out + err


def audit(folder: Path) -> list[dict[str, str]]:
    with open(folder / "results" / "audit.csv", encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def row_of(folder: Path, check_code: str) -> dict[str, str]:
    (row,) = [row for row in audit(folder) if row["check"] == check_code]
    return row


def test_a_sound_review_has_nothing_to_answer_for(tmp_path, capsys):
    folder = write(tmp_path / "review", SOUND, statements=stated("A,x,all,,,results,,1,10,10,,"))
    code, _ = check(folder, capsys)
    assert code == 0
    assert not [row for row in audit(folder) if row["level"] not in ("info",)]


@pytest.mark.fault("V5")
@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("D,all,patient,2,3,0.667", "proportion that was taken for a percentage"),
        ("D,all,patient,20,45,20", "the percentage may have been taken for the count"),
    ],
)
def test_percentages_in_the_wrong_place_are_held_out(tmp_path, capsys, row, said):
    folder = write(tmp_path / "review", f"{SOUND}{row}\n")
    code, text = check(folder, capsys)
    assert code == 0 and said in text and "extracted/a.csv, line 5, D, percent" in text
    found = row_of(folder, "percent_count")
    assert (found["level"], found["held_out"]) == ("contradiction", "yes")


@pytest.mark.fault("V5")
def test_a_count_with_decimals_is_refused(tmp_path, capsys):
    code, text = check(write(tmp_path / "review", SOUND + "D,all,patient,66.7,90,\n"), capsys)
    assert code == 3 and "a percentage is not a count" in text


@pytest.mark.fault("B7", "V32")
def test_a_percentage_that_no_count_gives_is_held_out_and_names_totals(tmp_path, capsys):
    folder = write(tmp_path / "review", SOUND + "D,all,patient,,20,2\n")
    assert check(folder, capsys)[0] == 0
    found = row_of(folder, "percent_without_count")
    assert (found["level"], found["held_out"], found["line"]) == ("impossible", "yes", "5")
    assert found["allowed"] == "totals such as 40, 41"


@pytest.mark.fault("V32")
def test_units_in_one_pool_are_refused(tmp_path, capsys):
    code, text = check(write(tmp_path / "review", SOUND + "D,all,screw,1,80,\n"), capsys)
    assert code == 3 and "different units would be pooled: patient (line 2), screw (line 5)" in text


@pytest.mark.fault("V33")
def test_the_same_events_out_of_two_totals_are_told_with_the_total_that_config_chooses(
    tmp_path, capsys
):
    more = "measure: PLO, exclude: [{study: C, denominator: all, reason: CT only}]"
    folder = write(tmp_path / "review", SOUND + "C,ct,patient,5,19,26.3\n", more)
    code, text = check(folder, capsys)
    assert code == 0 and "config.yaml chooses 5/19 and leaves out 5/27 (CT only)" in text
    found = row_of(folder, "same_events")
    assert (found["level"], found["line"], found["held_out"]) == ("info", "5", "no")


SCORES = "study,mean_pre,sd_pre,mean_post,sd_post,n\nA,60,9,40,11,30\nB,64,10,45,12,41\n"
ODI = "measure: MC, direction: lower, scale: {min: 0, max: 100}"


@pytest.mark.fault("V12", "B6")
def test_a_mean_outside_its_scale_is_held_out(tmp_path, capsys):
    folder = write(tmp_path / "review", SCORES + "C,412,9,40,11,25\n", ODI)
    code, text = check(folder, capsys)
    assert code == 0 and "The scale runs from 0 to 100; mean_pre is printed as 412" in text
    found = row_of(folder, "outside_scale")
    assert (found["level"], found["held_out"], found["allowed"]) == (
        "impossible",
        "yes",
        "at most 100",
    )


@pytest.mark.fault("V14", "B6")
def test_an_odi_that_fits_50_points_is_noted_and_one_above_50_is_not(tmp_path, capsys):
    odi = "measure: MC, direction: lower, scale: {min: 0, max: 100, instrument: ODI}"
    folder = write(tmp_path / "review", SCORES + "C,24,4,12,4,25\n", odi)
    code, text = check(folder, capsys)
    assert code == 0 and "the source should say which" in text
    assert [row["line"] for row in audit(folder) if row["check"] == "percent_scale"] == ["4"]


@pytest.mark.fault("B10", "V33")
def test_statements_that_disagree_are_told_with_both_places(tmp_path, capsys):
    statements = stated("A,x,all,,,results,,20,30,,,", "A,x,all,,,discussion,,19,30,,,")
    folder = write(tmp_path / "review", SOUND, statements=statements)
    code, text = check(folder, capsys)
    assert code == 0 and "events 20 in results, L1 (line 2), but events 19 in discussion" in text
    found = row_of(folder, "printed_twice")
    assert (found["level"], found["held_out"], found["table"]) == (
        "contradiction",
        "no",
        "statements.csv",
    )


@pytest.mark.fault("B10", "V34")
def test_parts_that_do_not_make_up_their_whole_are_told(tmp_path, capsys):
    parts = ("A,x,b,,all,results,8,,,,2.17,", "A,x,c,,all,results,12,,,,3.00,")
    folder = write(
        tmp_path / "review", SOUND, statements=stated(*parts, "A,x,all,,,results,20,,,,2.17,")
    )
    code, text = check(folder, capsys)
    assert code == 0 and "together have a mean of 2.663 to 2.673; 2.17 is printed" in text
    folder = write(
        tmp_path / "other", SOUND, statements=stated(*parts, "A,x,all,,,results,21,,,,2.67,")
    )
    assert check(folder, capsys)[0] == 0
    assert row_of(folder, "count_of_parts")["level"] == "contradiction"


def test_a_percentage_in_a_statement_is_checked_like_one_in_a_table(tmp_path, capsys):
    statements = stated("A,x,all,,,results,,4,48,5.5,,")
    folder = write(tmp_path / "review", SOUND, statements=statements)
    assert check(folder, capsys)[0] == 0
    found = row_of(folder, "percent_count")
    assert (found["level"], found["held_out"]) == ("contradiction", "no")


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ("study,quantity,group\nA,x,all\n", "column 'section': the table lacks this column"),
        (stated("A,,all,,,results,,1,10,,,"), "column 'quantity': is empty"),
        (stated("A,x,all,,,results,,,,,,"), "the statement holds no number"),
        (stated("A,x,all,,All,results,,1,10,,,"), "a group is no part of itself"),
        (
            stated("A,x,all,,,results,,1,10,,,", "A,x,all,,,results,,2,10,,,"),
            "repeats the row in line 2",
        ),
        (
            stated("A,x,all,,,results,,1,10,,,").replace("location", "location,instrument")[:-1]
            + ",OID\n",
            "column 'instrument': 'OID': is no instrument whose scores are known. Did you mean",
        ),
        (stated("A,x,all,,,results,,1.5,10,,,"), "is not a whole number"),
    ],
)
def test_statements_that_cannot_be_read_are_refused(tmp_path, capsys, statements, said):
    code, text = check(write(tmp_path / "review", SOUND, statements=statements), capsys)
    assert code == 3 and said in text and "extracted/statements.csv, line" in text
