"""A small real review (three outcomes of the shipped one) and a way to ask what would run."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
OUTCOMES = ("cement_leakage_per_screw", "cement_leakage_per_patient", "odi_change_per_patient")


def _rule(name: str) -> tuple[str, str]:
    """A rule and its outcome: figures have a rule for each outcome, draw_<outcome>."""
    if name.startswith("draw_") and name != "draw_review":
        return "draw", name.removeprefix("draw_")
    return name, ""


class Review:
    """A review folder and a copy of the workflow, run by Snakemake as a user runs it."""

    def __init__(self, folder: Path, workflow: Path):
        self.folder = folder
        self.workflow = workflow

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", *arguments]
        command += ["--snakefile", str(self.workflow / "Snakefile")]
        command += ["--directory", str(self.folder), "--cores", "2"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SNAKEMAKE")}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=300, env=environment, check=False
        )

    def run(self, *arguments: str) -> Counter[str]:
        """Run, and count the jobs that finished by rule."""
        done = self.snakemake(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        names = re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", done.stderr)
        finished = Counter(_rule(name)[0] for name in names)
        finished.pop("all", None)
        return finished

    def would_run(self) -> dict[str, list[str]]:
        """Rules of a dry run, each with the outcomes it would run for ('' for none)."""
        planned = self.snakemake("--dry-run")
        assert planned.returncode == 0, planned.stdout + planned.stderr
        rules: dict[str, list[str]] = {}
        for block in re.split(r"\n\s*\n|\n(?=\[)", planned.stdout + planned.stderr):
            rule = re.search(r"rule (\w+):", block)
            if rule and rule[1] != "all":
                name, drawn = _rule(rule[1])
                outcome = re.search(r"wildcards: outcome=(\w+)", block)
                rules.setdefault(name, []).append(outcome[1] if outcome else drawn)
        return {rule: sorted(outcomes) for rule, outcomes in sorted(rules.items())}

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) >= 1, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def small_review(folder: Path) -> Path:
    """The shipped review cut down to OUTCOMES."""
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    config["outcomes"] = {name: config["outcomes"][name] for name in OUTCOMES}
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    shutil.copytree(REPOSITORY / "extracted", folder / "extracted")
    return folder


def copy_workflow(folder: Path) -> Path:
    shutil.copytree(
        REPOSITORY / "workflow", folder / "workflow", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("profiles", "envs"):
        shutil.copytree(REPOSITORY / name, folder / name)
    shutil.copy2(REPOSITORY / "Snakefile", folder)
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Review, Counter[str]]:
    """A finished run in a folder with a space in its name, and the jobs it took."""
    base = tmp_path_factory.mktemp("a review")
    review = Review(small_review(base / "review"), copy_workflow(base / "metamill"))
    return review, review.run()


@pytest.fixture
def review(finished: tuple[Review, Counter[str]], tmp_path: Path) -> Review:
    """A copy of the finished run that a test may change."""
    done, _ = finished
    folder = tmp_path / "copy of review"
    shutil.copytree(done.folder, folder)
    return Review(folder, copy_workflow(tmp_path / "copy of metamill"))
