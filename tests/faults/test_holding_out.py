"""A row that cannot be true is held out of the primary analysis, marked, and shown beside it."""

import csv
import json
import re
from pathlib import Path

import pytest

from metamill import results
from metamill.analysis import analyse
from metamill.cli import main
from metamill.jobs import Jobs, plan
from metamill.results import Result

CONFIG = """\
review: {{title: A review}}
outcomes:
  pain:
    title: Pain
    table: pain.csv
    measure: MC
    direction: lower
    scale: {{min: 0, max: 100, step: 1}}
{more}"""
HEADER = "study,mean_pre,sd_pre,mean_post,sd_post,n,min_pre,max_pre"
SOUND = ("A,60,9,40,11,30,41,79", "B,64,10,45,12,41,44,85", "C,58,8,35,9,25,42,73")
IMPOSSIBLE = "Z,78,18.8,33,10,30,64,85"
ACCEPT = "    audit: {accept: [{study: Z, check: sd_maximum, reason: confirmed by the authors}]}\n"
TAKE_BACK = "    sensitivity: [{name: with Z, include: {study: Z}}]\n"


def write(folder: Path, more: str = "", rows: tuple[str, ...] = (*SOUND, IMPOSSIBLE)) -> Path:
    (folder / "extracted").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG.format(more=more), encoding="utf-8")
    (folder / "extracted" / "pain.csv").write_text("\n".join((HEADER, *rows)) + "\n")
    return folder


def analysed(folder: Path) -> tuple[Jobs, Result]:
    jobs = plan(folder)
    return jobs, analyse(jobs.review.outcomes["pain"], jobs.selections["pain"])


def audit_rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "results" / "audit.csv", encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def names(result: Result) -> dict[str, int]:
    return {analysis.name: analysis.pooled.k for analysis in result.analyses}


@pytest.mark.fault("V19")
def test_an_impossible_row_is_not_pooled_and_both_results_are_shown(tmp_path: Path) -> None:
    _, result = analysed(write(tmp_path / "review"))
    assert result.primary.pooled.k == 3
    ((left),) = result.primary.left_out
    assert result.rows[left.row].study == "Z"
    assert left.reason.startswith("held out by the audit: SD before 18.8 (at most 10.08")
    assert names(result)["sensitivity:with the rows that the audit holds out, as printed"] == 4
    assert [(n.check, n.level, n.held_out) for n in result.audit if n.held_out] == [
        ("sd_maximum", "impossible", True)
    ]


def test_the_result_survives_being_written_and_read(tmp_path: Path) -> None:
    _, result = analysed(write(tmp_path / "review"))
    results.write(result, tmp_path / "result.json")
    assert results.read(tmp_path / "result.json").audit == result.audit
    assert set(results.held_effects(result)) == {3}


def test_an_accepted_row_is_pooled_as_printed_and_the_pool_without_it_is_shown(
    tmp_path: Path,
) -> None:
    jobs, result = analysed(write(tmp_path / "review", ACCEPT))
    assert result.primary.pooled.k == 4
    (effect,) = [item for item in result.primary.effects if result.rows[item.row].study == "Z"]
    assert "inconsistent as printed" in effect.flags
    assert names(result)["sensitivity:without the rows that are inconsistent as printed"] == 3
    (note,) = [item for item in result.audit if item.check == "sd_maximum"]
    assert (note.held_out, note.accepted) == (False, "confirmed by the authors")
    assert "accepted by config.yaml: confirmed by the authors" in jobs.audit()


def test_an_analysis_may_take_a_held_row_back_and_is_not_repeated(tmp_path: Path) -> None:
    _, result = analysed(write(tmp_path / "review", TAKE_BACK))
    assert names(result)["sensitivity:with Z"] == 4
    assert not [name for name in names(result) if "audit holds out" in name]


def test_a_row_that_config_leaves_out_is_not_held_out_as_well(tmp_path: Path) -> None:
    exclude = "    exclude: [{study: Z, reason: another population}]\n"
    jobs, result = analysed(write(tmp_path / "review", exclude))
    assert [item.reason for item in result.primary.left_out] == ["another population"]
    assert not any(note.held_out for note in result.audit)
    assert "Left out by config.yaml: another population" in jobs.audit()


@pytest.mark.parametrize(
    ("accept", "message"),
    [
        ("{study: A, reason: x}", "accepts nothing that the audit holds out"),
        ("{study: Z, check: sd_maximun, reason: x}", "Did you mean 'sd_maximum'?"),
        ("{study: Z, check: grim, reason: x}", "accepts nothing that the audit holds out"),
    ],
)
def test_an_acceptance_that_answers_nothing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], accept: str, message: str
) -> None:
    folder = write(tmp_path / "review", f"    audit: {{accept: [{accept}]}}\n")
    assert main(["check", str(folder)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert re.search(r"config.yaml, line 9, outcomes.pain.audit.accept.0", said)


def test_an_acceptance_needs_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "review", "    audit: {accept: [{study: Z}]}\n")
    assert main(["check", str(folder)]) == 2
    assert "the setting 'reason' is missing" in capsys.readouterr().err


def test_check_says_the_arithmetic_and_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "review")
    assert main(["check", str(folder)]) == 0
    said = capsys.readouterr().out
    expected = (
        "The largest SD that 30 whole numbers between 64 and 85 with mean 78 can have is 10.08"
    )
    assert expected in said
    assert "Held out of the primary analysis (pain)" in said
    (row,) = [row for row in audit_rows(folder) if row["check"] == "sd_maximum"]
    assert (row["line"], row["study"], row["held_out"]) == ("5", "Z", "yes")
    before = (folder / "results" / "audit.csv").stat().st_mtime_ns
    assert main(["check", str(folder)]) == 0
    assert (folder / "results" / "audit.csv").stat().st_mtime_ns == before


@pytest.mark.fault("A32")
def test_an_outcome_of_which_nothing_is_left_says_so_and_ends_with_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "review", rows=(IMPOSSIBLE,))
    assert main(["check", str(folder)]) == 4
    said = capsys.readouterr().err
    assert "outcomes.pain: the audit holds out every row that is left to pool" in said
    _, result = analysed(folder)
    assert not result.primary.pooled.pooled
    assert result.primary.pooled.estimate is None
    told = "nothing to pool: the audit holds out every row that is left"
    assert told in result.primary.pooled.notes


def test_what_the_audit_finds_is_part_of_what_pool_depends_on(tmp_path: Path) -> None:
    with_audit = json.loads(plan(write(tmp_path / "one")).settings("pain"))
    assert with_audit["plans"][0]["held"] == [
        {"line": 5, "reason": with_audit["plans"][0]["held"][0]["reason"]}
    ]


SCORES = "study,mean,sd,n,min,max,step"
BINARY = "review: {title: A review}\noutcomes:\n  pain:\n    title: Pain\n    table: pain.csv\n"


@pytest.mark.parametrize(
    ("row", "scale", "check", "words"),
    [
        pytest.param(
            "Z,2.17,,8,,,1", "{min: 0, max: 30}", "grim", "17/8 = 2.125 and 18/8 = 2.25",
            marks=pytest.mark.fault("B1", "V20"),
        ),
        pytest.param(
            "Z,2.5,1.33,10,,,1", "{min: 0, max: 10}", "grimmer", "1.33",
            marks=pytest.mark.fault("B2", "V20"),
        ),
        pytest.param(
            "Z,0.35,0.11,20,,,1", "{min: 0, max: 1}", "debit", "0.11",
            marks=pytest.mark.fault("B3"),
        ),
        pytest.param(
            "Z,8.2,1.8,30,7,9,1", "{min: 0, max: 10}", "sd_maximum", "0.9965",
            marks=pytest.mark.fault("B4", "V10"),
        ),
        pytest.param(
            "Z,8.2,0.1,30,7,9,1", "{min: 0, max: 10}", "se_as_sd", "standard error",
            marks=pytest.mark.fault("B5", "V9"),
        ),
        pytest.param(
            "Z,8.2,0.35,30,7,9,1", "{min: 0, max: 10}", "sd_minimum", "0.35",
            marks=pytest.mark.fault("B5"),
        ),
    ],
)  # fmt: skip
def test_every_check_of_a_summary_holds_out_through_the_front_door(
    tmp_path: Path, row: str, scale: str, check: str, words: str
) -> None:
    (tmp_path / "extracted").mkdir()
    settings = f"{BINARY}    measure: MN\n    scale: {scale}\n"
    (tmp_path / "config.yaml").write_text(settings, encoding="utf-8")
    sd = row if row.split(",")[2] else row.replace(",,8", ",0.9,8")
    (tmp_path / "extracted" / "pain.csv").write_text(f"{SCORES}\n{sd}\nA,0.5,0.5,12,,,\n")
    jobs = plan(tmp_path)
    found = {entry.finding.check: entry for entry in jobs.entries if entry.line == 2}
    assert check in found
    assert words in found[check].finding.arithmetic
    assert ("pain.csv", 2) in jobs.held()


def test_a_row_with_two_findings_is_released_only_if_both_are_accepted(tmp_path: Path) -> None:
    rows = (*SOUND, "Z,78,60,33,10,30,64,120")
    one = "{study: Z, check: sd_maximum, reason: x}"
    two = f"{one}, {{study: Z, check: outside_scale, reason: y}}"
    for accepted, held in ((one, {("pain.csv", 5)}), (two, set())):
        accept = f"    audit: {{accept: [{accepted}]}}\n"
        jobs = plan(write(tmp_path / str(len(held)), accept, rows))
        doubts = {e.finding.check for e in jobs.entries if e.finding.level == "impossible"}
        assert doubts == {"sd_maximum", "outside_scale"}
        assert jobs.held() == held


def test_an_analysis_may_leave_out_what_the_audit_holds_out_already(tmp_path: Path) -> None:
    leave = "    sensitivity: [{name: without Z, exclude: {study: Z}}]\n"
    jobs, result = analysed(write(tmp_path / "review", leave))
    assert jobs.held() == {("pain.csv", 5)}
    assert names(result)["sensitivity:without Z"] == 3


@pytest.mark.parametrize(
    ("accept", "message"),
    [
        ("{study: ZZ, reason: x}", "no row that is selected from extracted/pain.csv has this"),
        ("{studi: Z, reason: x}", "has no such column. Did you mean 'study'?"),
        (
            "{study: [Z, A], reason: x}",
            "accept.0.study: 'A': holds no row that the audit holds out",
        ),
        (
            "{study: Z, reason: x}, {study: Z, check: sd_maximum, reason: y}",
            "accept.1: 'sd_maximum': accepts nothing that the audit holds out",
        ),
    ],
)
def test_an_acceptance_of_no_row_names_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], accept: str, message: str
) -> None:
    folder = write(tmp_path / "review", f"    audit: {{accept: [{accept}]}}\n")
    assert main(["check", str(folder)]) == 2
    assert message in capsys.readouterr().err


SHARES = "review: {title: A}\noutcomes:\n  falls: {title: Falls, table: falls.csv, measure: PR}\n"


def test_a_held_row_without_a_number_stays_out_of_the_analysis_beside(tmp_path: Path) -> None:
    (tmp_path / "extracted").mkdir()
    (tmp_path / "config.yaml").write_text(SHARES, encoding="utf-8")
    table = "study,events,total,percent\nA,3,30,10\nB,4,40,10\nC,,28,12\nD,6,50,20\n"
    (tmp_path / "extracted" / "falls.csv").write_text(table)
    jobs = plan(tmp_path)
    result = analyse(jobs.review.outcomes["falls"], jobs.selections["falls"])
    assert jobs.held() == {("falls.csv", 4), ("falls.csv", 5)}
    beside = [a for a in result.analyses if "audit holds out" in a.name]
    assert [a.pooled.k for a in beside] == [3]


def test_an_audit_of_other_tables_is_not_taken_for_that_of_these(tmp_path: Path) -> None:
    folder = write(tmp_path / "review")
    jobs, path = plan(folder), folder / "results" / "audit.csv"
    path.parent.mkdir()
    path.write_text(jobs.audit(), encoding="utf-8")
    jobs.discard_other_audit(folder)
    assert path.is_file()
    path.write_bytes(b"x;\xe9\n")
    jobs.discard_other_audit(folder)
    assert not path.exists()
    path.write_bytes(b"x;\xe9\n")
    assert main(["check", str(folder)]) == 0
    assert path.read_text(encoding="utf-8") == jobs.audit()


def test_a_second_extraction_asks_about_pooled_rows_only_and_is_part_of_what_was_found(
    tmp_path: Path,
) -> None:
    exclude = "    exclude: [{study: Z, reason: another population}]\n"
    folder = write(tmp_path / "review", exclude)
    alone = plan(folder).found()
    second = folder / "extracted" / "second"
    second.mkdir()
    rows = (SOUND[0].replace("60,9", "61,9"), *SOUND[1:], IMPOSSIBLE.replace("78,", "77,"))
    (second / "pain.csv").write_text("\n".join((HEADER, *rows)) + "\n")
    jobs = plan(folder)
    asked = {e.line: e for e in jobs.entries if e.finding.check == "second_extraction"}
    assert list(asked) == [2]
    assert (asked[2].finding.level, asked[2].outcomes) == ("question", ("pain",))
    assert jobs.found() != alone
    assert set(jobs.second_texts()) == set(jobs.second_files())


def test_a_row_that_gives_no_number_is_held_out_before_a_run_begins(tmp_path: Path) -> None:
    (tmp_path / "extracted").mkdir()
    (tmp_path / "config.yaml").write_text(SHARES, encoding="utf-8")
    table = "study,events,total,percent\nA,3,30,10\nB,4,40,10\nC,,38,5.2\n"
    (tmp_path / "extracted" / "falls.csv").write_text(table)
    jobs = plan(tmp_path)
    assert jobs.held() == {("falls.csv", 4)}
    (found,) = [entry.finding for entry in jobs.entries if entry.finding.check == "no_number"]
    assert "no count of 38 prints as 5.2 %" in found.arithmetic.replace("No count", "no count")
    result = analyse(jobs.review.outcomes["falls"], jobs.selections["falls"])
    assert result.primary.pooled.k == 2
