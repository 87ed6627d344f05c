"""Write report.html from every outcome's result and figures."""

import argparse
import json
from pathlib import Path

from metamill import results
from metamill.config.figures import FIGURES, REVIEW_FIGURES
from metamill.config.settings import Display
from metamill.errors import EnvironmentFault, Problem
from metamill.files import file_sha256, write_text
from metamill.reporting.page import Entry, Picture, read_table, render


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, nargs="+", help="result.json of every outcome")
    parser.add_argument("--about", required=True, help="the review and how it is shown, as JSON")
    parser.add_argument("--crosscheck", type=Path, required=True)
    parser.add_argument("--audit", type=Path, required=True)
    parser.add_argument("--audit-sha256", required=True, help="of the audit.csv planned for")
    parser.add_argument("--second", type=Path, nargs="*", help="comparison of two extractions")
    parser.add_argument("--report", type=Path, required=True)


def main(options: argparse.Namespace) -> None:
    if file_sha256(options.audit) != options.audit_sha256:
        rule = "changed while the review ran"
        raise EnvironmentFault(Problem(str(options.audit), rule, "Run it again"))
    about, displays, figures, used = json.loads(options.about)
    entries = []
    for path in options.results:
        result = results.read(path)
        display = Display(**json.loads(displays[result.outcome]))
        names = figures[result.outcome]
        forest, *others = (_picture(path.parent, name, FIGURES[name].title) for name in names)
        entries.append(Entry(result, display, forest, tuple(others)))
    folder = options.report.parent / "review"
    whole = [_picture(folder, name, REVIEW_FIGURES[name]) for name in figures["review"]]
    checks, findings = read_table(options.crosscheck), read_table(options.audit)
    second = [json.loads(path.read_text(encoding="utf-8")) for path in options.second or ()]
    page = render(about, entries, checks, findings, whole, second[0] if second else None, used)
    write_text(options.report, page)


def _picture(folder: Path, name: str, title: str) -> Picture:
    def words(end: str) -> str:
        return (folder / f"{name}.{end}").read_text(encoding="utf-8").strip()

    svg = (folder / f"{name}.svg").read_bytes()
    return Picture(title, svg, words("txt"), words("caption.txt"))
