"""Write report.html from every outcome's result and figure."""

import argparse
import json
from pathlib import Path

from metamill import results
from metamill.config.settings import Display
from metamill.files import write_text
from metamill.reporting.page import Entry, read_table, render


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, nargs="+", help="result.json of every outcome")
    parser.add_argument("--about", required=True, help="the review and how it is shown, as JSON")
    parser.add_argument("--crosscheck", type=Path, required=True)
    parser.add_argument("--audit", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)


def main(options: argparse.Namespace) -> None:
    about, displays = json.loads(options.about)
    entries = []
    for path in options.results:
        result = results.read(path)
        entries.append(
            Entry(
                result,
                Display(**json.loads(displays[result.outcome])),
                path.with_name("forest.svg").read_bytes(),
                path.with_name("forest.txt").read_text(encoding="utf-8").strip(),
                path.with_name("forest.caption.txt").read_text(encoding="utf-8").strip(),
            )
        )
    checks, findings = read_table(options.crosscheck), read_table(options.audit)
    write_text(options.report, render(about, entries, checks, findings))
