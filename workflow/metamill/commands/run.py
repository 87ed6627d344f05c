"""Make the results of a review: check it, then let Snakemake make what is missing or stale."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from metamill import results
from metamill.commands.check import counts, refuse_empty
from metamill.config.overrides import parse_overrides
from metamill.errors import EnvironmentFault, Problem
from metamill.files import file_sha256
from metamill.jobs import PACKAGE, Jobs, plan

REPOSITORY = PACKAGE.parents[1]
INTERRUPTED = 130
_PROGRESS = re.compile(r"^(\d+) of (\d+) steps")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the review's folder")
    parser.add_argument("targets", nargs="*", help="single files, e.g. results/summary.csv")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument(
        "--config",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings laid over config.yaml, e.g. model.method=DL",
    )


def main(options: argparse.Namespace) -> int:
    results_folder = options.folder / "results"
    if results_folder.is_symlink() or (results_folder.exists() and not results_folder.is_dir()):
        raise EnvironmentFault(
            Problem(str(results_folder), "is not a folder", "Move it out of the way")
        )
    overrides = parse_overrides(options.config)
    jobs = plan(options.folder, overrides)
    code = run_workflow(options.folder, options.targets, options.cores, overrides)
    if code == 0 and not options.targets:
        _say_results(options.folder, jobs)
        refuse_empty(jobs)
    return code


def run_workflow(
    folder: Path,
    targets: list[str],
    cores: int,
    overrides: dict[str, Any] | None = None,
    quiet: bool = False,
) -> int:
    """Run Snakemake on `folder`; the exit code is that of the first failing step, or 0."""
    snakefile = REPOSITORY / "Snakefile"
    if not snakefile.is_file():
        raise EnvironmentFault(
            Problem(str(snakefile), "does not exist", "Install metamill from its repository")
        )
    command = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(snakefile)]
    command += ["--directory", str(folder), "--cores", str(cores), "--rerun-incomplete"]
    command += ["--show-failed-logs", "--profile", str(REPOSITORY / "profiles" / "default")]
    _discard_changed(folder / "results")
    with tempfile.TemporaryDirectory(prefix="metamill-") as scratch:
        if overrides:
            settings = Path(scratch) / "overrides.json"
            settings.write_text(json.dumps(overrides), encoding="utf-8")
            command += ["--configfile", str(settings)]
        note = Path(scratch) / "exit_code"
        environment = os.environ | {"METAMILL_EXIT_CODE_FILE": str(note)}
        with subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            try:
                lines = _follow(process, quiet)
            except KeyboardInterrupt:
                process.wait()
                return INTERRUPTED
        if process.returncode == 0:
            return 0
        print("".join(lines), file=sys.stderr, end="")
        return int(note.read_text()) if note.is_file() else 1


def _discard_changed(results_folder: Path) -> None:
    """Remove files that are not what the last run recorded, so that they are made again."""
    try:
        recorded = json.loads((results_folder / "manifest.json").read_text(encoding="utf-8"))
        files = dict(recorded["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    for name, sha256 in files.items():
        path = results_folder / name
        inside = path.resolve().is_relative_to(results_folder.resolve())
        if inside and path.is_file() and file_sha256(path) != sha256:
            path.unlink()


def _follow(process: "subprocess.Popen[str]", quiet: bool) -> list[str]:
    """Keep what Snakemake prints, and show how far it is on a terminal."""
    show = sys.stderr.isatty() and not quiet
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        progress = _PROGRESS.match(line)
        if show and progress:
            done, total = map(int, progress.groups())
            bar = ("#" * (30 * done // total)).ljust(30)
            print(f"\r[{bar}] {done} of {total}", end="", file=sys.stderr, flush=True)
    if show:
        print(file=sys.stderr)
    process.wait()
    return lines


def _say_results(folder: Path, jobs: Jobs) -> None:
    for name in jobs.outcomes:
        pooled = results.read(folder / "results" / name / "result.json").primary.pooled
        shown = "no estimate" if pooled.estimate is None else f"{pooled.estimate:.4g}"
        if pooled.ci_low is not None and pooled.ci_high is not None:
            shown += f" ({pooled.ci_low:.4g} to {pooled.ci_high:.4g})"
        print(f"{name}: k = {pooled.k}, {shown}")
    print(counts(jobs))
    print(f"The report: {folder / 'results' / 'report.html'}")
