"""Only what changed runs again, and everything that changed does."""

import os
import shutil
from pathlib import Path

import pytest
from conftest import OUTCOMES, Review

SCREW, PATIENT, ODI = OUTCOMES
DRAWN = {"draw_review": [""], "record": [""], "report": [""]}
WHOLE = DRAWN | {"crosscheck": [""], "summarise": [""]}
pytestmark = pytest.mark.slow


def test_a_cold_run_makes_every_outcome_once(finished):
    _, jobs = finished
    assert jobs == {
        "settle": 1,
        "pool": 3,
        "draw": 3,
        "draw_review": 1,
        "summarise": 1,
        "crosscheck": 1,
        "report": 1,
        "record": 1,
    }


def test_nothing_changed_runs_nothing(review: Review):
    assert review.would_run() == {}


def test_a_touched_table_runs_nothing(review: Review):
    for table in (review.folder / "extracted").iterdir():
        os.utime(table)
    assert review.would_run() == {}


def test_one_changed_cell_reruns_its_outcome_and_what_summarises_it(review: Review):
    review.edit("extracted/cement_leakage.csv", "all,335,950", "all,334,950")
    assert review.would_run() == {"pool": [SCREW], "draw": [SCREW], **WHOLE}


def test_a_changed_cell_with_an_old_time_is_seen(review: Review):
    table = review.folder / "extracted/odi.csv"
    times = table.stat()
    review.edit("extracted/odi.csv", "37.8", "37.9")
    os.utime(table, ns=(times.st_atime_ns, times.st_mtime_ns - 10**12))
    assert review.would_run() == {"pool": [ODI], "draw": [ODI], **WHOLE}


def test_a_changed_title_redraws_and_reports_but_pools_nothing(review: Review):
    review.edit("config.yaml", "title: Cement leakage per screw", "title: Leakage per screw")
    assert review.would_run() == {"settle": [""], "draw": [SCREW], **DRAWN}


def test_a_changed_review_title_reruns_the_report_and_what_shows_the_review(review: Review):
    review.edit("config.yaml", "title: Cement-augmented", "title: On cement-augmented")
    assert review.would_run() == {"settle": [""], **DRAWN}


def test_swapped_settings_are_seen(review: Review):
    review.edit("config.yaml", "method: GLMM", "method: SWAPPED")
    review.edit("config.yaml", "method: REML\n    - name: Tang", "method: GLMM\n    - name: Tang")
    review.edit("config.yaml", "method: SWAPPED", "method: REML")
    assert review.would_run() == {"settle": [""], "pool": [SCREW], "draw": [SCREW], **WHOLE}


def test_code_of_the_figures_reruns_the_figures(review: Review):
    forest = review.workflow / "workflow/metamill/figures/forest/forest.py"
    forest.write_text(forest.read_text() + "\n# changed\n")
    assert review.would_run() == {"draw": sorted(OUTCOMES), **DRAWN}


def test_code_of_the_pooling_reruns_everything_that_may_use_it(review: Review):
    glmm = review.workflow / "workflow/metamill/pooling/glmm.py"
    glmm.write_text(glmm.read_text() + "\n# changed\n")
    assert review.would_run() == {"pool": sorted(OUTCOMES), "draw": sorted(OUTCOMES), **WHOLE}


def test_code_of_the_report_reruns_the_report(review: Review):
    (page,) = review.workflow.glob("workflow/metamill/commands/report.py")
    page.write_text(page.read_text() + "\n# changed\n")
    assert review.would_run() == {"report": [""], "record": [""]}


def test_a_moved_review_runs_nothing(review: Review, tmp_path: Path):
    shutil.move(review.folder, tmp_path / "moved")
    assert Review(tmp_path / "moved", review.workflow).would_run() == {}


def test_a_single_target_needs_no_figure(review: Review):
    shutil.rmtree(review.folder / "results")
    jobs = review.run("results/summary.csv")
    assert jobs == {"pool": 3, "summarise": 1}


def test_an_override_is_used_and_written_down(review: Review):
    jobs = review.run("--config", 'model={"method": "DL"}')
    assert jobs["pool"] == 2, "ODI, and the outcome whose choices stand on the section model"
    assert "method: DL" in (review.folder / "results/run_config.yaml").read_text()
    summary = (review.folder / "results/summary.csv").read_text()
    assert f"{ODI},primary,MC,patient,DL,adhoc" in summary
