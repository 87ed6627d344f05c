"""All results of a review without a workflow: every step in its order, in this process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metamill.cli import main
from metamill.jobs import code_digest, plan


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """The folder as the working directory, as the rules have it."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def make_results(folder: Path) -> Path:
    """Every step of the workflow, in its order and in this process; the folder of the results."""

    def step(*arguments: object) -> None:
        assert main([str(argument) for argument in arguments]) == 0, arguments[0]

    with inside(folder):
        jobs, results = plan(Path()), Path("results")
        step(
            *("settle", "--whole", jobs.whole().digest, "--found", jobs.found()),
            *("--run-config", results / "run_config.yaml"),
            *("--audit", results / "audit.csv"),
            *("--review-result", results / "review/review.json"),
        )
        for name in jobs.outcomes:
            step(
                *("pool", "--settings", jobs.settings(name)),
                *("--rows", jobs.rows(name), "--bias", jobs.bias(name)),
                *("--result", results / name / "result.json"),
                *("--effects", results / name / "effects.csv"),
            )
            step(
                *("draw", "--result", results / name / "result.json"),
                *("--display", jobs.display(name), "--figures", *jobs.figures(name)),
                *("--formats", *jobs.review.formats, "--code", code_digest("draw")),
            )
        every = [results / name / "result.json" for name in jobs.outcomes]
        step(
            *("draw_review", *every, "--review-result", results / "review/review.json"),
            *("--look", jobs.look(), "--figures", *jobs.review_figures()),
            *("--formats", *jobs.review.formats, "--code", code_digest("draw_review")),
        )
        step("summarise", *every, "--summary", results / "summary.csv")
        step("crosscheck", *every, "--crosscheck", results / "crosscheck.csv")
        step(
            *("report", *every, "--about", jobs.about()),
            *("--crosscheck", results / "crosscheck.csv", "--audit", results / "audit.csv"),
            *("--audit-sha256", jobs.audit_sha256()),
            *("--report", results / "report.html"),
        )
        outputs = sorted(path for path in results.rglob("*") if path.is_file())
        step(
            *("record", *outputs, "--settings", jobs.everything(), "--code", "none"),
            *("--manifest", results / "manifest.json"),
        )
    return folder / "results"
