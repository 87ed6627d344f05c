"""Write results.lock from the finished results of a review."""

import argparse
from pathlib import Path

from metamill.errors import EnvironmentFault, Problem
from metamill.files import write_text
from metamill.record.lock import from_results, to_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the review's folder")


def main(options: argparse.Namespace) -> None:
    results = options.folder / "results"
    if not (results / "manifest.json").is_file():
        raise EnvironmentFault(
            Problem(str(results), "holds no finished results", "Run the review first")
        )
    lock = from_results(results)
    path = options.folder / "results.lock"
    write_text(path, to_text(lock))
    print(f"{path}: {len(lock.numbers)} numbers, {len(lock.hashes)} files")
