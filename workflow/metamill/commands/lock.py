"""Write results.lock from the finished results of a review."""

import argparse
from pathlib import Path

from metamill.errors import EnvironmentFault, Problem
from metamill.files import write_text
from metamill.jobs import package_digest, plan
from metamill.record.lock import from_results, to_text
from metamill.record.manifest import RUN, read_manifest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the review's folder")


def main(options: argparse.Namespace) -> None:
    results = options.folder / "results"
    lock = from_results(results)
    manifest = read_manifest(results)
    if manifest["settings_and_rows"] != plan(options.folder).everything():
        rule = "was made from other settings or tables than stand in the folder now"
        raise EnvironmentFault(Problem(str(results), rule, RUN))
    if manifest["code"] != package_digest():
        rule = "was made by another version of metamill"
        raise EnvironmentFault(Problem(str(results), rule, RUN))
    path = options.folder / "results.lock"
    write_text(path, to_text(lock))
    print(f"{path}: {len(lock.numbers)} numbers, {len(lock.hashes)} files")
