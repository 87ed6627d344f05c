"""Rebuild a review in a scratch folder and compare every number and hash with results.lock.

Exit code 0 if all hold, 5 if a number differs, 6 if only bytes of files do.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from metamill.commands.run import run_workflow
from metamill.errors import EnvironmentFault, Problem
from metamill.jobs import plan
from metamill.record.lock import Drift, compare, from_results, from_text

SHOWN = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the review's folder")
    parser.add_argument("--cores", type=int, default=2)


def main(options: argparse.Namespace) -> int:
    path = options.folder / "results.lock"
    if not path.is_file():
        raise EnvironmentFault(
            Problem(str(path), "does not exist", "Run the review, then metamill lock")
        )
    try:
        recorded = from_text(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise EnvironmentFault(Problem(str(path), str(error))) from None
    plan(options.folder)
    with tempfile.TemporaryDirectory(prefix="metamill-verify-") as scratch:
        folder = Path(scratch) / "review"
        folder.mkdir()
        shutil.copy2(options.folder / "config.yaml", folder)
        shutil.copytree(options.folder / "extracted", folder / "extracted")
        code = run_workflow(folder, [], options.cores, quiet=True)
        if code:
            return code
        rebuilt = from_results(folder / "results")
    drifts = compare(recorded, rebuilt)
    for drift in drifts[:SHOWN]:
        print(_said(drift))
    if len(drifts) > SHOWN:
        print(f"... and {len(drifts) - SHOWN} more")
    if not drifts:
        count = f"{len(recorded.numbers)} numbers and {len(recorded.hashes)} files"
        print(f"{path} holds: {count} are as recorded.")
        return 0
    numbers = sum(drift.numeric for drift in drifts)
    files = len(drifts) - numbers
    print(f"{path} does not hold: {numbers} numbers and {files} files differ.")
    return 5 if numbers else 6


def _said(drift: Drift) -> str:
    kind = "number" if drift.numeric else "file"
    if not drift.recorded:
        return f"{kind} {drift.what}: new, {drift.rebuilt}"
    if not drift.rebuilt:
        return f"{kind} {drift.what}: gone, was {drift.recorded}"
    return f"{kind} {drift.what}: {drift.recorded} recorded, {drift.rebuilt} rebuilt"
