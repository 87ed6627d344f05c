"""results.lock is a record that can fail: every kind of drift is found and named."""

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Review

pytestmark = pytest.mark.slow


def metamill(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "metamill", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.fixture
def locked(review: Review) -> Review:
    done = metamill("lock", review.folder)
    assert done.returncode == 0, done.stderr
    return review


def test_a_fresh_rebuild_holds_to_the_last_byte(locked: Review):
    done = metamill("verify", locked.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as recorded" in done.stdout


def test_a_changed_cell_is_a_numeric_drift_that_names_the_numbers(locked: Review):
    locked.edit("extracted/odi.csv", "37.8", "37.9")
    done = metamill("verify", locked.folder)
    assert done.returncode == 5
    assert "number odi_change_per_patient | primary | estimate: -36.59" in done.stdout


def test_a_changed_title_is_a_drift_of_files_only(locked: Review):
    locked.edit("config.yaml", "title: Cement leakage per screw", "title: Leakage per screw")
    done = metamill("verify", locked.folder)
    assert done.returncode == 6, done.stdout
    assert "file cement_leakage_per_screw/forest.caption.txt" in done.stdout
    assert "number" not in done.stdout.replace("0 numbers", "")


def test_an_edited_record_does_not_pass(locked: Review):
    lock = locked.folder / "results.lock"
    lines = lock.read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if "odi_change_per_patient | primary | se" in line)
    value = float(lines[at].split(" = ")[1])
    lines[at] = lines[at].split(" = ")[0] + f" = {value * (1 + 1e-6):.10g}\n"
    lock.write_text("".join(lines))
    done = metamill("verify", locked.folder)
    assert done.returncode == 5
    assert "1 numbers and 0 files differ" in done.stdout


def test_a_missing_record_says_what_to_do(review: Review):
    (review.folder / "results.lock").unlink(missing_ok=True)
    done = metamill("verify", review.folder)
    assert done.returncode == 6
    assert "metamill lock" in done.stderr


def test_the_manifest_names_every_output_with_its_hash(review: Review):
    results = review.folder / "results"
    files = json.loads((results / "manifest.json").read_text())["files"]
    made = {
        path.relative_to(results).as_posix()
        for path in results.rglob("*")
        if path.is_file() and "logs" not in path.parts
    }
    assert set(files) == made - {"manifest.json"}
    for name, recorded in files.items():
        assert hashlib.sha256((results / name).read_bytes()).hexdigest() == recorded


def test_a_wrong_number_is_caught_by_the_second_engine(review: Review):
    result = review.folder / "results/odi_change_per_patient/result.json"
    content = json.loads(result.read_text())
    content["analyses"][0]["pooled"]["se"] *= 1 + 1e-3
    result.write_text(json.dumps(content))
    done = metamill("crosscheck", result, "--crosscheck", review.folder / "crosscheck.csv")
    assert done.returncode == 5
    assert "primary, se" in done.stderr
    assert not (review.folder / "crosscheck.csv").exists()


def test_run_makes_a_review_and_says_what_it_found(review: Review):
    done = metamill("run", review.folder)
    assert done.returncode == 0, done.stderr
    assert "odi_change_per_patient: k = 2, -36.6" in done.stdout
    assert "report.html" in done.stdout


def test_results_that_were_edited_are_not_published(review: Review):
    summary = review.folder / "results/summary.csv"
    summary.write_text(summary.read_text().replace("0.17", "0.5", 1))
    done = metamill("lock", review.folder)
    assert done.returncode == 6
    assert "summary.csv: is not the file that the run recorded" in done.stderr


def test_results_of_other_tables_are_not_published(review: Review):
    review.edit("extracted/odi.csv", "37.8", "37.9")
    done = metamill("lock", review.folder)
    assert done.returncode == 6
    assert "was made from other settings or tables" in done.stderr


def test_a_failed_run_leaves_no_manifest_and_nothing_to_publish(review: Review):
    review.edit("extracted/odi.csv", "37.8", "37.9")
    figures = review.workflow / "workflow/metamill/commands/draw.py"
    figures.write_text(figures.read_text() + "\nraise SystemExit(1)\n")
    assert review.snakemake().returncode != 0
    assert not (review.folder / "results/manifest.json").exists()
    done = metamill("lock", review.folder)
    assert done.returncode == 6
    assert "no finished results" in done.stderr


def test_the_last_digits_of_other_engines_are_not_part_of_the_record(locked: Review):
    before = (locked.folder / "results.lock").read_text()
    results = locked.folder / "results"
    with open(results / "crosscheck.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    rows[-1]["theirs"] = repr(float(rows[-1]["theirs"]) * (1 + 1e-10))
    with open(results / "crosscheck.csv", "w", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    manifest = json.loads((results / "manifest.json").read_text())
    content = (results / "crosscheck.csv").read_bytes()
    manifest["files"]["crosscheck.csv"] = hashlib.sha256(content).hexdigest()
    (results / "manifest.json").write_text(json.dumps(manifest))
    assert metamill("lock", locked.folder).returncode == 0
    assert (locked.folder / "results.lock").read_text() == before


def test_verify_says_what_is_wrong_with_a_broken_review(locked: Review):
    locked.edit("config.yaml", "outcomes:", "outcomess:")
    assert metamill("verify", locked.folder).returncode == 2


def test_deleted_and_edited_results_are_made_again(review: Review):
    results = review.folder / "results"
    before = (results / "summary.csv").read_bytes()
    (results / "report.html").unlink()
    (results / "odi_change_per_patient/forest.png").unlink()
    (results / "summary.csv").write_bytes(before.replace(b"0.17", b"0.57", 1))
    assert metamill("run", review.folder).returncode == 0
    assert (results / "report.html").is_file()
    assert (results / "odi_change_per_patient/forest.png").is_file()
    assert (results / "summary.csv").read_bytes() == before


def test_numbers_truth_values_and_braces_pass_through_the_command_line(review: Review):
    settings = ("model.level=90", "model.prediction=false", "review.title=H_{2}O {x}")
    done = metamill("run", review.folder, "--config", *settings)
    assert done.returncode == 0, done.stderr
    run_config = (review.folder / "results/run_config.yaml").read_text()
    assert "level: 90.0" in run_config
    assert "prediction: false" in run_config
    assert "H_{2}O {x}" in (review.folder / "results/report.html").read_text()
