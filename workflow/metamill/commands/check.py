"""Check a review's config.yaml and tables; print what was found, compute nothing."""

import argparse
from pathlib import Path

from metamill.jobs import plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the review's folder")


def main(options: argparse.Namespace) -> None:
    jobs = plan(options.folder)
    for notice in jobs.notices:
        print(f"note: {notice}")
    analyses = sum(len(outcome.plans) for outcome in jobs.review.outcomes.values())
    rows = {(s.table, row.line) for s in jobs.selections.values() for row in s.rows}
    print(
        f"{options.folder / 'config.yaml'} and its tables are in order: "
        f"{len(jobs.outcomes)} outcomes, {analyses} analyses, {len(rows)} rows used."
    )
