"""Compare a second extraction in extracted/second/ with extracted/, cell by cell.

Prints what differs and how far the two agree, and writes both as tables; corrects nothing.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from metamill.audit.second.comparison import Comparison, Difference
from metamill.audit.second.folders import FOLDER, compare_folders
from metamill.audit.second.words import (
    KINDS,
    agreement_csv,
    list_csv,
    percent_words,
    statistics_words,
    summary,
    with_totals,
)
from metamill.errors import Problem, TableError
from metamill.files import write_text
from metamill.jobs import SECOND_FILES
from metamill.tables.table import Findings

LIST_FILE, AGREEMENT_FILE, _ = SECOND_FILES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the review's folder")


def main(options: argparse.Namespace) -> None:
    findings = Findings()
    comparison = compare_folders(options.folder, findings)
    if findings.problems:
        raise TableError(findings.problems)
    if comparison is None:
        raise TableError(_nothing(options.folder))
    write_text(options.folder / LIST_FILE, list_csv(comparison))
    write_text(options.folder / AGREEMENT_FILE, agreement_csv(comparison))
    for notice in findings.notices:
        print(f"note: {notice}")
    for line in report_lines(comparison):
        print(line)
    print(f"Written: {LIST_FILE}, {AGREEMENT_FILE}")


def _nothing(folder: Path) -> Problem:
    """Why there is no comparison: the first folder on the way that is missing, or a link."""
    if (folder / "extracted").is_symlink():
        rule, advice = "is a link and not a folder", "Put the folder itself into the review"
        return Problem("extracted", rule, advice, code="not-a-regular-file")
    missing = FOLDER if (folder / "extracted").is_dir() else "extracted"
    advice = f"Put the tables of the second extraction into {FOLDER}/"
    return Problem(missing, "does not exist", advice, code="missing-second")


def report_lines(comparison: Comparison) -> Iterator[str]:
    """The comparison as lines: one to begin with, the agreement, then what differs."""
    yield summary(comparison)
    for item in with_totals(comparison):
        name = f"{item.table}, {item.column}" if item.column else item.table or "all tables"
        counts = f"{item.agree} of {item.cells} cells agree" if item.cells else "no cell"
        parts = [counts, percent_words(item.percent), statistics_words(item), item.note]
        yield f"  {name}: {'; '.join(filter(None, parts))}"
    for table, columns in comparison.uncompared:
        yield f"  {table}: {', '.join(columns)} in one extraction only, not compared"
    if comparison.differences:
        yield "What differs:"
    for difference in comparison.differences:
        yield f"  {_words(difference)}"


def _words(item: Difference) -> str:
    where = ", ".join(filter(None, (item.table, item.study, item.row, item.column)))
    if not item.column:
        line = item.first_line if item.first_line is not None else item.second_line
        return f"{where} (line {line}): {KINDS[item.kind]}; {item.note}"
    cells = (
        f"{cell or 'blank'} (line {line})"
        for cell, line in ((item.first, item.first_line), (item.second, item.second_line))
    )
    return f"{where}: {KINDS[item.kind]}, {' and '.join(cells)}"
