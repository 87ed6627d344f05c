"""Values that no table may hold are refused by line and column, before any output."""

from pathlib import Path

import pytest

from metamill.cli import main

PROPORTION = "study,events,total"
CHANGE = "study,mean_pre,sd_pre,mean_post,sd_post,n,min_pre,q1_pre,median_pre,q3_pre,max_pre"
EFFECT = "study,yi,vi"


def check(folder: Path, measure: str, header: str, row: str) -> int:
    (folder / "extracted").mkdir()
    (folder / "config.yaml").write_text(
        "review: {title: A review}\noutcomes:\n  one:\n    title: One\n    table: one.csv\n"
        f"    measure: {measure}\n",
        encoding="utf-8",
    )
    sound = {PROPORTION: "A,1,10", CHANGE: "A,60,9,40,8,20,,,,,", EFFECT: "A,0.1,0.2"}[header]
    (folder / "extracted" / "one.csv").write_text(f"{header}\n{sound}\n{row}\n", encoding="utf-8")
    return main(["check", str(folder)])


@pytest.mark.parametrize(
    ("measure", "header", "row", "column", "rule"),
    [
        pytest.param(
            "PR", PROPORTION, "B,12,10", "events", "is larger than total (10)",
            marks=pytest.mark.fault("V1"),
        ),
        pytest.param(
            "PR", PROPORTION, "B,-1,10", "events", "is not a whole number",
            marks=pytest.mark.fault("V2"),
        ),
        pytest.param(
            "MC", CHANGE, "B,60,-9,40,8,20,,,,,", "sd_pre", "must be above 0",
            marks=pytest.mark.fault("V2"),
        ),
        pytest.param(
            "PR", PROPORTION, "B,2.5,10", "events", "is not a whole number",
            marks=pytest.mark.fault("V3"),
        ),
        pytest.param(
            "PR", PROPORTION, "B,0,0", "total", "must be at least 1",
            marks=pytest.mark.fault("V4"),
        ),
        pytest.param(
            "MC", CHANGE, "B,60,0,40,8,20,,,,,", "sd_pre", "must be above 0",
            marks=pytest.mark.fault("V7"),
        ),
        pytest.param(
            "MC", CHANGE, "B,60,9,40,8,20,70,,,,50", "min_pre", "is larger than max_pre (50)",
            marks=pytest.mark.fault("V21"),
        ),
        pytest.param(
            "MC", CHANGE, "B,60,9,40,8,20,,66,,62,", "q1_pre", "is larger than q3_pre (62)",
            marks=pytest.mark.fault("V21"),
        ),
        pytest.param(
            "MC", CHANGE, "B,90,9,40,8,20,50,,,,80", "mean_pre", "is larger than max_pre (80)",
            marks=pytest.mark.fault("V21"),
        ),
        pytest.param(
            "GEN", EFFECT, "B,inf,0.1", "yi", "is not a number", marks=pytest.mark.fault("V30")
        ),
        pytest.param(
            "GEN", EFFECT, "B,nan,0.1", "yi", "is not a number", marks=pytest.mark.fault("V30")
        ),
        pytest.param(
            "GEN", EFFECT, "B,1,0.00001e-99", "vi", "is beyond", marks=pytest.mark.fault("V31")
        ),
        pytest.param(
            "GEN", EFFECT, "B,1e200,0.1", "yi", "is beyond", marks=pytest.mark.fault("V31")
        ),
    ],
)  # fmt: skip
def test_a_value_that_cannot_stand_is_refused_where_it_stands(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    measure: str,
    header: str,
    row: str,
    column: str,
    rule: str,
) -> None:
    assert check(tmp_path, measure, header, row) == 3
    said = capsys.readouterr().err
    assert f"extracted/one.csv, line 3, column '{column}'" in said
    assert rule in said
    assert not (tmp_path / "results").exists()


@pytest.mark.fault("V4", "V7")
def test_a_spread_of_one_unit_is_held_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, "MC", CHANGE, "B,60,9,40,8,1,,,,,") == 0
    said = capsys.readouterr().out
    assert "one value has no SD" in said
    assert "1 row held out of primary analyses" in said
