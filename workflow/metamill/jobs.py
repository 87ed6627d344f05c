"""What the workflow needs to know about a review before any job runs.

Everything a job depends on travels as a short text in the rule's parameters: the settings as one
line of JSON, a digest of the rows, a digest of the code that makes the output. Snakemake compares
these texts, so a change reruns exactly what it touches, whatever the files' times say.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from metamill.config.load import SCHEMA_FILE, read_review
from metamill.config.settings import Review
from metamill.errors import ConfigError, Problem, TableError
from metamill.files import canonical_json, digest
from metamill.record.manifest import PACKAGES
from metamill.tables.reader import Findings
from metamill.tables.selection import Selection, load_outcome_rows

PACKAGE = Path(__file__).resolve().parent
_IMPORT = re.compile(
    r"^\s*(?:from (metamill[\w.]*) import ([^#\n(]+|\([^)]*\))|import (metamill[\w.]*))", re.M
)


@dataclass(frozen=True)
class Jobs:
    """A checked review: its settings, the rows of every outcome, and what was cleaned."""

    review: Review
    selections: dict[str, Selection]
    notices: tuple[Problem, ...]

    @property
    def outcomes(self) -> tuple[str, ...]:
        return tuple(self.review.outcomes)

    def settings(self, outcome: str) -> str:
        return self.review.outcomes[outcome].to_json()

    def rows(self, outcome: str) -> str:
        return self.selections[outcome].digest

    def display(self, outcome: str) -> str:
        return self.review.displays[outcome].to_json()

    def table(self, outcome: str) -> str:
        return self.review.outcomes[outcome].table

    def about(self) -> str:
        """What the report says besides the results: the review and how outcomes are shown."""
        displays = {name: self.display(name) for name in self.outcomes}
        return canonical_json([self.review.about, displays])

    def all_settings(self) -> str:
        """A digest of all settings, those of figures included."""
        parts = [self.settings(name) for name in self.outcomes]
        return digest(canonical_json([parts, self.about(), self.review.formats]))

    def everything(self) -> str:
        """A digest of all settings and all rows."""
        rows = [self.rows(name) for name in self.outcomes]
        return digest(canonical_json([self.all_settings(), rows]))


def plan(folder: Path, overrides: Mapping[str, Any] | None = None) -> Jobs:
    """Read and check the review in `folder`.

    Raises ConfigError or TableError with every problem found.
    """
    review, origin = read_review(folder / "config.yaml", overrides)
    findings = Findings()
    selections = load_outcome_rows(folder, review.outcomes.values(), findings)
    if findings.settings:
        wrong = [
            Problem(rule=item.rule, advice=item.advice, value=item.value, **origin.place(item.path))
            for item in findings.settings
        ]
        raise ConfigError([*wrong, *findings.problems])
    if findings.problems:
        raise TableError(findings.problems)
    return Jobs(review, selections, tuple(dict.fromkeys(findings.notices)))


def code_digest(command: str) -> str:
    """A digest of every module that `metamill <command>` may import, and of what they read."""
    modules = sorted(_reachable(f"metamill.commands.{command}"))
    parts = [_source(module) for module in modules]
    parts += [file.read_text(encoding="utf-8") for file in _data_files(modules)]
    parts += [f"{name} {version(name)}" for name in PACKAGES]
    return digest("\n".join(parts))


def package_digest() -> str:
    """A digest of all code of the package, and so of all that can change a result."""
    files = sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.j2"), SCHEMA_FILE])
    return digest("\n".join(file.read_text(encoding="utf-8") for file in files))


def _data_files(modules: Iterable[str]) -> list[Path]:
    """What the code reads besides itself: templates of a package, the schema of config.yaml."""
    folders = [PACKAGE.joinpath(*module.split(".")[1:], "templates") for module in modules]
    templates = sorted(file for folder in folders for file in folder.glob("*.j2"))
    return [*templates, *([SCHEMA_FILE] if "metamill.config.load" in modules else [])]


def _reachable(module: str) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            parts = name.split(".")
            waiting += [".".join(parts[:i]) for i in range(1, len(parts))]
            waiting += _imported(name)
    return found


@cache
def _imported(module: str) -> tuple[str, ...]:
    names = []
    for package, members, plain in _IMPORT.findall(_source(module)):
        names.append(plain or package)
        names += [
            f"{package}.{member}"
            for member in re.findall(r"\w+", members)
            if _file(f"{package}.{member}")
        ]
    return tuple(name for name in names if _file(name))


def _file(module: str) -> Path | None:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _source(module: str) -> str:
    file = _file(module)
    return file.read_text(encoding="utf-8") if file else ""
