"""Say where a figure is from, whether the review still draws it so, and how to make it again.

Exit code 0 if nothing changed or there is no review to compare with, 6 if something changed.
"""

import argparse
import shlex
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from metamill.config.figures import FIGURES, FORMATS, REVIEW_FIGURES
from metamill.errors import EnvironmentFault, Problem
from metamill.figures.page.provenance import read_provenance
from metamill.files import digest
from metamill.jobs import TWINS, Jobs, code_digest, plan

CHANGED = 6
_MEANING = {
    "rows": "the rows of its table",
    "settings": "the settings that decide its numbers",
    "review": "the studies, judgements and flow of the review",
    "display": "how it is shown",
    "code": "the code that draws",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("figure", type=Path, help="a figure: pdf, svg, png, tiff or eps")
    parser.add_argument(
        "--review", type=Path, metavar="FOLDER", help="the review to compare with; else this folder"
    )


def main(options: argparse.Namespace) -> int:
    told = _read(options.figure)
    print(f"{options.figure}: {_named(told)}")
    print("drawn with " + ", ".join(f"{k} {v}" for k, v in sorted(told["versions"].items())))
    folder = options.review or Path()
    if options.review is None and not (folder / "config.yaml").is_file():
        for name in _digests(told):
            print(f"  {name} {told[name] or 'not recorded'}")
        print("Not compared: no config.yaml here; name the review's folder with --review.")
        return 0
    jobs = plan(folder)
    if told["outcome"] and told["outcome"] not in jobs.outcomes:
        print(f"{folder / 'config.yaml'} has no outcome {told['outcome']}.")
        return CHANGED
    changed = _compared(told, _now(jobs, told["outcome"]))
    if changed:
        print(f"The review in {folder} would draw it anew: {' and '.join(changed)} changed.")
    else:
        print(f"The review in {folder} still draws it so.")
    print(_remade(folder, jobs, told, options.figure))
    return CHANGED if changed else 0


def _read(path: Path) -> dict[str, Any]:
    for end in TWINS:
        if path.name.endswith(f".{end}"):
            figure = path.name.removesuffix(f".{end}")
            rule = "is text and does not say where it is from"
            raise EnvironmentFault(
                Problem(str(path), rule, f"Ask a figure beside it, e.g. {figure}.pdf")
            )
    try:
        return read_provenance(path)
    except ValueError as error:
        advice = f"Figures are {', '.join(FORMATS)} files that metamill drew"
        raise EnvironmentFault(Problem(str(path), str(error), advice)) from None


def _named(told: Mapping[str, Any]) -> str:
    name = told["figure"]
    title = FIGURES[name].title if name in FIGURES else REVIEW_FIGURES.get(name, "")
    of = f"outcome {told['outcome']}" if told["outcome"] else "the whole review"
    return f"{title} ({name}) of {of}" if title else f"{name} of {of}"


def _digests(told: Mapping[str, Any]) -> list[str]:
    others = sorted(set(told) - {"format", "figure", "outcome", "versions", *_MEANING})
    return [name for name in (*_MEANING, *others) if name in told]


def _now(jobs: Jobs, outcome: str) -> dict[str, str]:
    """The digests that a figure drawn now would carry."""
    if not outcome:
        return {
            "review": jobs.whole().digest,
            "display": digest(jobs.look()),
            "code": code_digest("draw_review"),
        }
    return {
        "rows": jobs.rows(outcome),
        "settings": digest(jobs.settings(outcome)),
        "display": digest(jobs.display(outcome)),
        "code": code_digest("draw"),
    }


def _compared(told: Mapping[str, Any], now: Mapping[str, str]) -> list[str]:
    """Print each digest beside that of now; return what changed."""
    changed = []
    for name in _digests(told):
        then, meaning = told[name], _MEANING.get(name, name)
        if not then or name not in now:
            verdict = "not recorded" if not then else "cannot be compared"
        elif then == now[name]:
            verdict = "the same"
        else:
            verdict = f"now {now[name]}"
            changed.append(name)
        print(f"  {name} {then or '-'}: {verdict} ({meaning})")
    for package, then in sorted(told["versions"].items()):
        if _version(package) != then:
            print(f"  {package} {then}: now {_version(package)}")
            changed.append(package)
    return changed


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _remade(folder: Path, jobs: Jobs, told: Mapping[str, Any], path: Path) -> str:
    """The command that makes the figure, in its own format, from the review as it is now."""
    outcome, name, end = told["outcome"], told["figure"], path.suffix.lstrip(".")
    drawn = jobs.figures(outcome) if outcome else jobs.review_figures()
    if name not in drawn:
        return f"The review as it is now draws no {name} of it."
    file_format = end if end in FORMATS else jobs.review.formats[0]
    target = f"results/{outcome or 'review'}/{name}.{file_format}"
    command = ["metamill", "run", str(folder), target]
    if file_format not in jobs.review.formats:
        wanted = ",".join((*jobs.review.formats, file_format))
        command += ["--config", f"figures.formats=[{wanted}]"]
    return f"To make it again: {shlex.join(command)}"
