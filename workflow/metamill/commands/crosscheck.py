"""Write crosscheck.csv; fail if an engine disagrees with a number."""

import argparse
from pathlib import Path

from metamill import results
from metamill.errors import NumericError, Problem
from metamill.files import csv_text, write_text
from metamill.record.crosscheck import COLUMNS, crosscheck


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, nargs="+", help="result.json of every outcome")
    parser.add_argument("--crosscheck", type=Path, required=True)


def main(options: argparse.Namespace) -> None:
    checks = [check for path in options.results for check in crosscheck(results.read(path))]
    disagreeing = [check for check in checks if not check.agrees]
    if disagreeing:
        raise NumericError(
            Problem(
                f"results/{check.outcome}/result.json",
                f"{check.engine} computes {check.theirs!r}, a relative difference of "
                f"{check.difference:.1e} where {check.tolerance:.0e} is allowed",
                "This is an error of metamill or of the engine: report it",
                column=f"{check.analysis}, {check.quantity}",
                value=repr(check.ours),
            )
            for check in disagreeing
        )
    write_text(options.crosscheck, csv_text(COLUMNS, [check.row() for check in checks]))
    engines = {check.engine for check in checks}
    print(f"{len(checks)} numbers recomputed by {' and '.join(sorted(engines)) or 'no engine'}")
