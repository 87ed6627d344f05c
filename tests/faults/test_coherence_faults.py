"""Forms of one number that disagree, through the front door: `metamill check` and its audit.csv."""

import csv
from pathlib import Path

import pytest

from metamill.analysis import analyse
from metamill.cli import main
from metamill.jobs import plan

CONFIG = """\
review: {{title: A review}}
outcomes:
  pain:
    title: Pain
    table: pain.csv
    measure: {measure}
"""
CHANGES = (
    "A,60,9,40,11,30,,,,,,,",
    "B,64,10,45,12,41,,,,,,,",
    "C,58,8,35,9,25,,,,,,,",
)
COLUMNS = {
    "MC": "study,mean_pre,sd_pre,mean_post,sd_post,n,mean_change,sd_change,t_change,p_change,"
    "ci_low_change,ci_high_change,correlation",
    "MN": "study,mean,sd,n,se,ci_low,ci_high,ci_level",
    "GEN": "study,yi,sei,estimate,ci_low,ci_high,scale,n",
    "MD": "study,mean_treatment,sd_treatment,n_treatment,mean_control,sd_control,n_control,"
    "ci_low_difference,ci_high_difference,t_difference",
    "PLO": "study,events,total,percent,ci_low,ci_high",
}
SOUND = {
    "MC": CHANGES,
    "MN": ("A,10,5,25,,,,", "B,12,6,31,,,,", "C,11,5,28,,,,"),
    "MD": ("A,45,14,30,51,15,30,,,", "B,44,13,25,50,14,25,,,", "C,46,12,41,50,13,41,,,"),
    "GEN": ("A,,,2.0,1.0,4.0,log,", "B,,,1.5,0.9,2.5,log,", "C,,,1.8,1.2,2.7,log,"),
    "PLO": ("A,3,30,10,,", "B,5,41,12.2,,", "C,2,25,8,,"),
}


def write(folder: Path, measure: str, row: str, sound: tuple[str, ...] = ()) -> Path:
    """A review of one table whose line 5 is `row`."""
    (folder / "extracted").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG.format(measure=measure), encoding="utf-8")
    lines = (COLUMNS[measure], *(sound or SOUND[measure]), row)
    (folder / "extracted" / "pain.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def findings(folder: Path) -> list[dict[str, str]]:
    assert main(["check", str(folder)]) == 0
    with open(folder / "results" / "audit.csv", encoding="utf-8", newline="") as handle:
        return [row for row in csv.DictReader(handle) if row["line"] == "5"]


HELD = [
    pytest.param("PLO", "Z,5,40,50,,", "percent_count", "contradiction", id="percentage"),
    pytest.param(
        "MC", "Z,78,9,33,8,30,-35,,,,,,", "change_mean", "contradiction", id="mean change"
    ),
    pytest.param(
        "MC", "Z,78,18.8,33,15.6,30,,2.9,,,,,", "change_sd", "impossible", id="SD of the change"
    ),
    pytest.param(
        "MN", "Z,10.0,5,25,,12.9,17.1,", "ci_excludes_estimate", "contradiction", id="interval"
    ),
    pytest.param("MN", "Z,10.0,5.0,25,5.0,,,", "sd_forms", "contradiction", id="standard error"),
    pytest.param(
        "GEN", "Z,0.69,0.35,3.0,,,log,", "effect_twice", "contradiction", id="effect given twice"
    ),
    pytest.param(
        "PLO", "Z,5,27,18.5,16.2,20.9", "ci_units", "impossible", id="interval of other units"
    ),
]


@pytest.mark.fault("V6")
@pytest.mark.fault("V17")
@pytest.mark.fault("V18")
@pytest.mark.fault("V22")
@pytest.mark.fault("V25")
@pytest.mark.fault("B9")
@pytest.mark.parametrize(("measure", "row", "check", "level"), HELD)
def test_a_row_that_contradicts_itself_is_held_out(
    tmp_path: Path,
    measure: str,
    row: str,
    check: str,
    level: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write(tmp_path / "review", measure, row)
    (found,) = [item for item in findings(folder) if item["level"] in ("impossible", level)]
    assert (found["check"], found["level"], found["held_out"]) == (check, level, "yes")
    assert found["table"] == "pain.csv" and found["study"] == "Z"
    said = capsys.readouterr()
    assert "extracted/pain.csv, line 5, Z" in said.out and "Traceback" not in said.err
    jobs = plan(folder)
    result = analyse(jobs.review.outcomes["pain"], jobs.selections["pain"])
    assert result.primary.pooled.k == 3
    beside = [item for item in result.analyses if "as printed" in item.name]
    assert [item.pooled.k for item in beside] == [4]


ASKED = [
    pytest.param("MN", "Z,10.0,5.0,25,,7.2,12.8,", "ci_level", id="99 % interval"),
    pytest.param("GEN", "Z,,,2.0,1.0,3.0,log,", "ratio_ci", id="ratio on the raw scale"),
    pytest.param("GEN", "Z,,,2.0,1.0,9.0,log,", "ci_scale", id="asymmetric interval"),
    pytest.param("MC", "Z,78,9,33,8,30,,12,,0.04,,,", "p_value", id="paired p"),
    pytest.param("MC", "Z,78,9,33,8,30,,,,,,,0.98", "correlation_range", id="correlation"),
    pytest.param("MC", "Z,78,9,33,8,30,,12,20.5,,,,", "t_sign", id="t without its sign"),
    pytest.param("MN", "Z,12300,4500,97,460,,,", "sd_forms", id="rounded to tens and hundreds"),
    pytest.param("MN", "Z,25.00,5.00,25,1.05,,,", "sd_forms", id="zeros added"),
    pytest.param(
        "MD", "Z,45.2,2.7,30,51.0,2.6,30,-13.3,1.7,", "difference_spread", id="errors as SDs"
    ),
    pytest.param("PLO", "Z,1,3,34,,", "percent_count", id="made to add up to 100"),
]


@pytest.mark.fault("V24")
@pytest.mark.fault("V26")
@pytest.mark.fault("V27")
@pytest.mark.fault("V28")
@pytest.mark.fault("V43")
@pytest.mark.fault("B8")
@pytest.mark.parametrize(("measure", "row", "check"), ASKED)
def test_what_may_be_right_is_asked_and_stays_in_the_pool(
    tmp_path: Path, measure: str, row: str, check: str
) -> None:
    folder = write(tmp_path / "review", measure, row)
    found = {item["check"]: item["level"] for item in findings(folder)}
    assert found[check] == "question" and "impossible" not in found.values()
    jobs = plan(folder)
    result = analyse(jobs.review.outcomes["pain"], jobs.selections["pain"])
    assert result.primary.pooled.k == 4


REFUSED = [
    pytest.param("MN", "Z,10,5,25,0,,,", "'se': '0': must be above 0", id="SE of 0"),
    pytest.param("MN", "Z,10,5,25,-1,,,", "'se': '-1': must be above 0", id="SE below 0"),
    pytest.param("GEN", "Z,0.5,0,,,,log,", "'sei': '0': must be above 0", id="error of 0"),
    pytest.param("MN", "Z,10,5,25,,12,8,", "'ci_low': '12': is larger than ci_high", id="order"),
    pytest.param("GEN", "Z,,,2.0,0,4,log,", "must be above 0 on the scale log", id="limit of 0"),
    pytest.param(
        "MN", "Z,10,5,25,,7.2,12.8,99", "column 'ci_level'", id="interval declared as 99 %"
    ),
    pytest.param("MC", "Z,78,9,33,8,30,,,,<0.05,,,", "is not a number", id="p as an inequality"),
    pytest.param("MC", "Z,78,9,33,8,30,,,,0.000,,,", "must be above 0", id="p of zero"),
    pytest.param("MC", "Z,78,9,33,8,30,,,,,,,1.2", "must be at most 1", id="correlation above 1"),
]


@pytest.mark.fault("V8")
@pytest.mark.fault("V23")
@pytest.mark.fault("V26")
@pytest.mark.fault("V27")
@pytest.mark.fault("V29")
@pytest.mark.fault("V43")
@pytest.mark.parametrize(("measure", "row", "words"), REFUSED)
def test_numbers_that_no_reading_can_save_stop_the_review(
    tmp_path: Path, measure: str, row: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "review", measure, row)
    assert main(["check", str(folder)]) == 3
    said = capsys.readouterr().err
    assert "extracted/pain.csv, line 5" in said and words in said and "Traceback" not in said
    assert not (folder / "results").exists()


def test_no_contradiction_of_a_row_stops_a_run_in_its_middle(tmp_path: Path) -> None:
    """What a derivation would refuse the audit has held out before; accepted, it is pooled."""
    row = "Z,78,18.8,33,15.6,30,-35,2.9,12,0.5,-60,-50,0.2"
    folder = write(tmp_path / "review", "MC", row)
    checks = {item["check"] for item in findings(folder) if item["held_out"] == "yes"}
    assert checks == {"change_mean", "change_sd", "sd_forms", "ci_excludes_estimate"}
    accept = "    audit: {accept: [{study: Z, reason: confirmed by the authors}]}\n"
    with open(folder / "config.yaml", "a", encoding="utf-8") as handle:
        handle.write(accept)
    jobs = plan(folder)
    result = analyse(jobs.review.outcomes["pain"], jobs.selections["pain"])
    assert result.primary.pooled.k == 4
    (effect,) = [item for item in result.primary.effects if result.rows[item.row].study == "Z"]
    assert effect.yi == -35 and effect.vi == pytest.approx(2.9**2 / 30)
    assert any("mean_change is -35, but mean_post 33" in flag for flag in effect.flags)
