"""A wrong review stops before any output: every error in one run, no traceback, no results/."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = """\
review: {title: A review}
outcomes:
  missing_column:
    title: Missing column
    table: missing_column.csv
    measure: PR
  text_in_a_number:
    title: Text in a number
    table: text_in_a_number.csv
    measure: MC
  more_events_than_patients:
    title: More events than patients
    table: more_events.csv
    measure: PR
  undeclared_repeat:
    title: Undeclared repeat
    table: undeclared_repeat.csv
    measure: PR
  mixed_units:
    title: Mixed units
    table: mixed_units.csv
    measure: PR
"""
TABLES = {
    "missing_column.csv": "study,events,size\nA,1,10\nB,2,10\n",
    "text_in_a_number.csv": (
        "study,mean_pre,sd_pre,mean_post,sd_post,n\nA,50,9,30,9,20\nB,78 ± 18.8,9,33,9,30\n"
    ),
    "more_events.csv": 'study,events,total,note\nA,1,10,"two\nlines"\nB,12,10,\n',
    "undeclared_repeat.csv": "study,arm,events,total\nA,x,1,10\nB,x,2,10\nB,x,3,10\n",
    "mixed_units.csv": "study,unit,events,total\nA,patient,1,10\nB,screw,2,60\n",
}
TABLE_ERRORS = """\
extracted/missing_column.csv, line 1, column 'total': the table lacks this column, and measure PR \
needs it. Add it.
extracted/text_in_a_number.csv, line 3, column 'mean_pre': '78 ± 18.8': is not a number. Write one \
number in digits 0-9;
extracted/more_events.csv, line 4, column 'events': '12': is larger than total (10). Check both \
against the source.
extracted/undeclared_repeat.csv, line 4, column 'study': 'B': repeats the row in line 3: same \
study, arm. Remove one, or add a column
extracted/mixed_units.csv, line 3, column 'unit': 'screw': different units would be pooled: \
patient (line 2), screw (line 3). Select one unit in config.yaml
""".splitlines()
WRONG_CONFIG = """\
review: {title: A review}
model: {metod: DL}
outcomes:
  Screw Loosening:
    title: A bad name
    table: mixed_units.csv
    measure: PR
  missing_table:
    title: A missing table
    table: mixed_unit.csv
    measure: PR
"""
CONFIG_ERRORS = """\
config.yaml, line 2, model.metod: 'metod': is not a setting. Did you mean 'method'?
config.yaml, line 4, outcomes.Screw Loosening: 'Screw Loosening': cannot stand here. Use \
lower-case letters, digits, - and _
config.yaml, line 10, outcomes.missing_table.table: 'mixed_unit.csv': there is no such file in \
extracted/. Did you mean 'mixed_units.csv'?
""".splitlines()


def _review(folder: Path, config: str) -> Path:
    (folder / "extracted").mkdir(parents=True)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    for name, content in TABLES.items():
        (folder / "extracted" / name).write_text(content, encoding="utf-8")
    return folder


def _command(way: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    if way == "snakemake":
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
        command += ["--directory", str(folder), "--cores", "1", *arguments]
    else:
        command = [sys.executable, "-m", "metamill", way, str(folder), *arguments]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SNAKEMAKE")}
    environment["PYTHONPATH"] = str(REPOSITORY / "workflow")
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=environment, check=False
    )


def _assert_stopped(
    done: subprocess.CompletedProcess[str], folder: Path, errors: list[str]
) -> None:
    assert "Traceback" not in done.stdout + done.stderr
    for error in errors:
        assert done.stderr.count(error) == 1, done.stderr
    assert done.stderr.count("\n  ") == len(errors), done.stderr
    assert not (folder / "results").exists()


@pytest.mark.parametrize("way", ["check", "run", "snakemake"])
def test_five_wrong_tables_are_reported_in_one_run(tmp_path: Path, way: str):
    folder = _review(tmp_path / "a review", CONFIG)
    done = _command(way, folder)
    assert done.returncode == 3
    _assert_stopped(done, folder, TABLE_ERRORS)


@pytest.mark.parametrize("way", ["check", "run", "snakemake"])
def test_a_wrong_config_is_reported_in_one_run(tmp_path: Path, way: str):
    folder = _review(tmp_path / "a review", WRONG_CONFIG)
    done = _command(way, folder)
    assert done.returncode == 2
    _assert_stopped(done, folder, CONFIG_ERRORS)


@pytest.mark.parametrize("way", ["check", "run", "snakemake"])
def test_a_setting_the_tables_contradict_is_an_error_of_the_config(tmp_path: Path, way: str):
    outcome = "{title: A, table: mixed_units.csv, measure: PR, select: {unit: patients}}"
    config = f"review: {{title: A review}}\noutcomes:\n  a: {outcome}\n"
    folder = _review(tmp_path / "a review", config)
    done = _command(way, folder)
    assert done.returncode == 2
    said = (
        "config.yaml, line 3, outcomes.a.select.unit: 'patients': no row of extracted/mixed_units"
    )
    _assert_stopped(done, folder, [said])


@pytest.mark.parametrize(
    ("way", "override"),
    [
        ("run", "model.metod=DL"),
        ("run", "model.metod"),
        ("run", "model.method=[DL"),
        ("snakemake", "model={metod: DL}"),
        ("snakemake", "model=3"),
    ],
)
def test_a_wrong_override_is_named_as_such(tmp_path: Path, way: str, override: str):
    folder = _review(tmp_path / "a review", CONFIG)
    done = _command(way, folder, "--config", override)
    assert done.returncode == 2
    _assert_stopped(done, folder, ["  --config"])


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a: &x [*x]", b"__use_yte__: true\n"])
def test_a_config_that_cannot_be_read_stops_at_once(tmp_path: Path, content: bytes):
    folder = _review(tmp_path / "a review", CONFIG)
    (folder / "config.yaml").write_bytes(content)
    done = _command("check", folder)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "config.yaml" in done.stderr


def test_code_in_a_config_is_not_run_by_snakemake(tmp_path: Path):
    folder = _review(tmp_path / "a review", CONFIG)
    code = "__use_yte__: true\na: ?__import__('pathlib').Path('ran').touch()\n"
    (folder / "config.yaml").write_text(code, encoding="utf-8")
    done = _command("snakemake", folder)
    assert done.returncode == 2
    assert not (folder / "ran").exists()
    assert "'__use_yte__': is not allowed as a name" in done.stderr


def test_no_config_is_an_error_of_the_config(tmp_path: Path):
    done = _command("check", tmp_path)
    assert done.returncode == 2
    assert "config.yaml: does not exist" in done.stderr
