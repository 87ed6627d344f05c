"""Draw the figures of finished results as journals want them, in memory, and say what falls short.

Exit code 0 if every figure passes, 4 if one does not.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from metamill import results
from metamill.config.journals import JOURNALS
from metamill.config.settings import Display
from metamill.errors import EnvironmentFault, Problem
from metamill.figures.catalogue import OUTCOME_FIGURES
from metamill.figures.page.preflight import RASTER, Finding, preflight
from metamill.figures.page.render import Label, render
from metamill.figures.style import STYLES, fitted
from metamill.jobs import Jobs, plan
from metamill.results import Result

FALLS_SHORT = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the review's folder")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--journal", choices=JOURNALS, help="the journal; else that of config.yaml, else all"
    )
    which.add_argument("--all", action="store_true", help="every journal that is known")


def main(options: argparse.Namespace) -> int:
    jobs = plan(options.folder)
    own = jobs.review.look.journal
    named = "" if options.all else options.journal or own
    names = [named] if named else list(JOURNALS)
    found = dict(_read(options.folder, jobs))
    for outcome, result in found.items():
        if result.digests.get("rows") != jobs.rows(outcome):
            print(f"note: {outcome} is of other rows than its table holds now; run the review")
    passing = drawn = 0
    for name in names:
        print(f"{name}:")
        for finding in _of_formats(jobs, name, own):
            print(f"  figures.formats: {finding.words}")
        for outcome, result in found.items():
            display = _display(jobs.review.displays[outcome], name, own)
            for figure in jobs.figures(outcome):
                if figure in OUTCOME_FIGURES:
                    findings = _checked(figure, result, display, name, thorough=len(names) == 1)
                    drawn, passing = drawn + 1, passing + (not findings)
                    _say(f"{outcome}/{figure}", findings)
    print(f"{passing} of {drawn} figures pass.")
    if len(names) > 1:
        print("Resolution and file size are checked with --journal NAME.")
    fine = passing == drawn and not any(_of_formats(jobs, name, own) for name in names)
    return 0 if fine else FALLS_SHORT


def _read(folder: Path, jobs: Jobs) -> Iterator[tuple[str, Result]]:
    for outcome in jobs.outcomes:
        path = folder / "results" / outcome / "result.json"
        if not path.is_file():
            raise EnvironmentFault(Problem(str(path), "does not exist", "Run the review first"))
        try:
            yield outcome, results.read(path)
        except (ValueError, KeyError, TypeError):
            rule = "was made by another version of metamill"
            raise EnvironmentFault(Problem(str(path), rule, "Run the review again")) from None


def _display(display: Display, name: str, own: str) -> Display:
    """As the journal wants it; what config.yaml says besides holds for its own journal."""
    if name == own:
        return display
    journal = JOURNALS[name]
    return replace(
        display,
        journal=name,
        width_mm=journal.width_mm,
        height_mm=journal.height_mm,
        dpi=journal.dpi,
        grey=journal.grey,
    )


def _of_formats(jobs: Jobs, name: str, own: str) -> list[Finding]:
    """Whether the run makes any file that the review's own journal takes."""
    taken = JOURNALS[name].formats
    if name != own or set(taken) & set(jobs.review.formats):
        return []
    made = ", ".join(jobs.review.formats)
    return [Finding("format", f"the run makes {made}; the journal takes {', '.join(taken)}")]


def _checked(
    figure: str, result: Result, display: Display, name: str, thorough: bool
) -> tuple[Finding, ...]:
    journal = JOURNALS[name]
    try:
        drawn = OUTCOME_FIGURES[figure](result, display, fitted(STYLES[display.style], display))
    except ValueError as error:
        return (Finding("width", str(error)),)
    vector = [item for item in journal.formats if item not in RASTER][:1]
    formats = journal.formats if thorough else vector
    label = Label(display.title, drawn.alt)
    files = {f: render(drawn.pages, f, label, display.dpi, display.grey) for f in formats}
    return preflight(drawn.pages, files, journal)


def _say(name: str, findings: Iterable[Finding]) -> None:
    words = [finding.words for finding in findings]
    if not words:
        print(f"  {name}: passes")
    for line in words:
        print(f"  {name}: {line}")
