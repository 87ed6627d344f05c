"""Draw the figures of finished results as journals want them, in memory, and say what falls short.

Exit code 0 if every figure passes, 4 if one does not.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from metamill import results, review_result
from metamill.config.journals import JOURNALS, Journal
from metamill.config.settings import Display
from metamill.errors import EnvironmentFault, Problem
from metamill.figures.catalogue import OUTCOME_FIGURES, review_figure
from metamill.figures.drawn import Drawn
from metamill.figures.page.preflight import RASTER, Finding, preflight
from metamill.figures.page.render import Label, render
from metamill.figures.style import STYLES, Style, fitted, suited
from metamill.jobs import Jobs, plan
from metamill.results import Result
from metamill.review_result import ReviewResult

FALLS_SHORT = 4
Made = TypeVar("Made")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the review's folder")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--journal", choices=JOURNALS, help="the journal; else that of config.yaml, else all"
    )
    which.add_argument("--all", action="store_true", help="every journal that is known")
    parser.add_argument("--verbose", action="store_true", help="name figures that pass, too")


def main(options: argparse.Namespace) -> int:
    jobs = plan(options.folder)
    own = jobs.review.look.journal
    named = "" if options.all else options.journal or own
    names = [named] if named else list(JOURNALS)
    figures = _figures(options.folder, jobs)
    fine = True
    for number, name in enumerate(names, 1):
        print(f"{name}:")
        where = f"{name} ({number} of {len(names)})" if len(names) > 1 else name
        telling = _Progress(where, sys.stderr.isatty())
        passing = shown = refused = 0
        for finding in _of_formats(jobs, name, own):
            print(f"  figures.formats: {finding.words}")
            fine = False
        for index, figure in enumerate(figures, 1):
            telling.say(f"figure {index} of {len(figures)}, {figure.name}")
            verdict = figure.checked(_display(figure.display, name, own), name, len(names) == 1)
            telling.clear()
            refused += verdict.reason is not None
            shown += verdict.reason is None
            passing += verdict.reason is None and not verdict.findings
            for line in verdict.lines(options.verbose):
                print(f"  {figure.name}: {line}", flush=True)
        fine = fine and passing == shown
        rest = f"; {refused} not drawn" if refused else ""
        print(f"  {passing} of {shown} figures pass{rest}.", flush=True)
    if len(names) > 1:
        print("Files (resolution, size, fonts, colour) are checked with --journal NAME.")
    return 0 if fine else FALLS_SHORT


@dataclass
class _Progress:
    """What is being done, on stderr: one line that changes on a terminal, else one a journal."""

    journal: str
    terminal: bool

    def __post_init__(self) -> None:
        if not self.terminal:
            print(f"checking {self.journal}", file=sys.stderr)

    def say(self, words: str) -> None:
        if self.terminal:
            print(f"\r\033[K{self.journal}: {words}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self.terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class _Verdict:
    """What falls short in a figure, or (`reason`) why its data do not allow one."""

    findings: tuple[Finding, ...] = ()
    reason: str | None = None

    def lines(self, verbose: bool) -> list[str]:
        if self.reason is not None:
            return [f"not drawn: {self.reason}"]
        passes = ["passes"] if verbose else []
        return [finding.words for finding in self.findings] or passes


@dataclass(frozen=True)
class _Figure:
    """A figure of the review, and its drawings so far by everything that they depend on."""

    name: str
    display: Display
    draw: Callable[[Display, Style], Drawn]
    made: dict[tuple[Display, Style], Drawn | str] = field(default_factory=dict)

    def checked(self, display: Display, name: str, thorough: bool) -> _Verdict:
        """The verdict of a journal; `thorough`: on its files too, not on the drawing alone."""
        drawn = self._drawn(display)
        if isinstance(drawn, str):
            return _Verdict((Finding("width", drawn),))
        reason = _refusal(drawn)
        if reason is not None:
            return _Verdict(reason=reason)
        journal, label = JOURNALS[name], Label(display.title, drawn.alt)
        if not thorough:
            return _Verdict(preflight(drawn.pages, {}, journal, _vector(journal)))
        files = {
            item: render(drawn.pages, item, label, display.dpi, display.grey)
            for item in journal.formats
        }
        return _Verdict(preflight(drawn.pages, files, journal))

    def _drawn(self, display: Display) -> Drawn | str:
        """The drawing, or words why its width is too small."""
        style = fitted(STYLES[display.style], display)
        # journals whose pages and texts are alike share a drawing
        plain = replace(display, journal="", dpi=0, grey=False)
        if (plain, style) not in self.made:
            try:
                self.made[plain, style] = self.draw(plain, style)
            except ValueError as error:
                self.made[plain, style] = str(error)
        return self.made[plain, style]


def _vector(journal: Journal) -> list[str]:
    return [item for item in journal.formats if item not in RASTER][:1]


def _refusal(drawn: Drawn) -> str | None:
    """Why nothing is drawn (see `not_drawn`), if that is so."""
    if any(item.role != "reason" for page in drawn.pages for item in page.items):
        return None
    _, _, reason = drawn.alt.partition("not drawn, ")
    return reason.strip().rstrip(".")


def _figures(folder: Path, jobs: Jobs) -> list[_Figure]:
    """Every figure that a run of the review draws, with a note for results that are not current.

    Raises EnvironmentFault where a result is missing or cannot be read.
    """
    found = dict(_read(folder, jobs))
    made = []
    for outcome, result in found.items():
        if result.digests.get("rows") != jobs.rows(outcome):
            print(f"note: {outcome} is of other rows than its table holds now; run the review")
        for name in jobs.figures(outcome):
            display = jobs.review.displays[outcome]
            made.append(_Figure(f"{outcome}/{name}", display, _of_outcome(name, result)))
    names = jobs.review_figures()
    if names:
        whole = _whole(folder)
        if whole.digest != jobs.whole().digest:
            print("note: review is of other studies, judgements or numbers; run the review")
        titles = {name: display.title for name, display in jobs.review.displays.items()}
        every = list(found.values())
        made += [
            _Figure(f"review/{name}", jobs.review.look, _of_review(name, every, whole, titles))
            for name in names
        ]
    return made


def _of_outcome(name: str, result: Result) -> Callable[[Display, Style], Drawn]:
    return lambda display, style: OUTCOME_FIGURES[name](result, display, suited(style, result))


def _of_review(
    name: str, every: list[Result], whole: ReviewResult, titles: Mapping[str, str]
) -> Callable[[Display, Style], Drawn]:
    return lambda display, style: review_figure(name, every, whole, display, style, titles)


def _read(folder: Path, jobs: Jobs) -> Iterator[tuple[str, Result]]:
    for outcome in jobs.outcomes:
        yield outcome, _loaded(folder / "results" / outcome / "result.json", results.read)


def _whole(folder: Path) -> ReviewResult:
    return _loaded(folder / "results" / "review" / "review.json", review_result.read)


def _loaded(path: Path, read: Callable[[Path], Made]) -> Made:
    if not path.is_file():
        raise EnvironmentFault(Problem(str(path), "does not exist", "Run the review first"))
    try:
        return read(path)
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
