"""Write summary.csv: one row per outcome and analysis, in the order of config.yaml."""

import argparse
from pathlib import Path

from metamill import results
from metamill.files import csv_text, write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, nargs="+", help="result.json of every outcome")
    parser.add_argument("--summary", type=Path, required=True)


def main(options: argparse.Namespace) -> None:
    rows = [row for path in options.results for row in results.summary_rows(results.read(path))]
    write_text(options.summary, csv_text(results.SUMMARY_COLUMNS, rows))
