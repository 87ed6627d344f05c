"""What the workflow needs to know about a review before any job runs.

Everything a job depends on travels as a short text in the rule's parameters: the settings as one
line of JSON, a digest of the rows, a digest of the code that makes the output. Snakemake compares
these texts, so a change reruns exactly what it touches, whatever the files' times say.
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from metamill.audit.hold import held_out, wrong_acceptances
from metamill.audit.record import audit_csv
from metamill.audit.review import Entry, audit_review
from metamill.audit.second.comparison import Comparison
from metamill.audit.second.folders import compare_folders
from metamill.audit.second.words import agreement_csv, comparison_section, list_csv
from metamill.config.figures import REVIEW_FIGURES, figures_of
from metamill.config.flow import Flow
from metamill.config.flow_file import FILE as FLOW
from metamill.config.flow_file import FLOW_SCHEMA_FILE, read_flow
from metamill.config.load import SCHEMA_FILE, read_review
from metamill.config.notices import notices as notices_of_settings
from metamill.config.settings import Review
from metamill.errors import ConfigError, Problem, TableError
from metamill.files import canonical_json, digest, file_sha256, json_text
from metamill.record.manifest import PACKAGES
from metamill.review_result import ReviewResult, review_result
from metamill.tables.assessments import Assessment, assessments_digest, for_outcome
from metamill.tables.chronology import ordered_by_year
from metamill.tables.extracted import STUDIES, Extracted, read_extracted
from metamill.tables.reader import Findings
from metamill.tables.risk_of_bias import FILE as RISK_OF_BIAS
from metamill.tables.risk_of_bias import read_risk_of_bias, unjudged
from metamill.tables.selection import Selection, apply_plan, check_selections, select_rows
from metamill.tables.statements import STATEMENTS, read_statements
from metamill.tables.table import Table
from metamill.tables.unread import unread_files

PACKAGE = Path(__file__).resolve().parent
_SCHEMAS = {
    "metamill.config.load": SCHEMA_FILE,
    "metamill.config.flow_file": FLOW_SCHEMA_FILE,
}
_IMPORT = re.compile(
    r"^\s*(?:from (metamill[\w.]*) import ([^#\n(]+|\([^)]*\))|import (metamill[\w.]*))", re.M
)


SECOND_FILES = (
    "results/second_extraction.csv",
    "results/second_agreement.csv",
    "results/review/second.json",
)
"""The cells to resolve, the agreement by column, and both as the report says them."""
TWINS = ("csv", "caption.txt", "txt")
"""What stands beside every figure: its numbers, its caption, its description in words."""


@dataclass(frozen=True)
class Jobs:
    """A checked review: its settings, the rows of every outcome, and what was cleaned.

    `entries` are what the audit found. `assessments` and `flow` are those of the review's own
    files, `second` is the comparison with a second extraction, if it has them.
    """

    review: Review
    selections: dict[str, Selection]
    notices: tuple[Problem, ...]
    entries: tuple[Entry, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    flow: Flow | None = None
    second: Comparison | None = None

    @property
    def outcomes(self) -> tuple[str, ...]:
        return tuple(self.review.outcomes)

    def settings(self, outcome: str) -> str:
        return self.review.outcomes[outcome].to_json()

    def rows(self, outcome: str) -> str:
        return self.selections[outcome].digest

    def bias(self, outcome: str) -> str:
        """A digest of the judgements of the studies that an outcome selects."""
        studies = _studies(self.selections)[outcome]
        return assessments_digest(for_outcome(self.assessments, outcome, studies))

    def whole(self) -> ReviewResult:
        """The review besides its outcomes: studies, judgements, flow."""
        rows = {name: [row.cells for row in s.rows] for name, s in self.selections.items()}
        return review_result(self.review.about["title"], rows, self.assessments, self.flow)

    def audit(self) -> str:
        """The text of audit.csv."""
        return audit_csv(self.entries, self.notices, self.review.outcomes, self.selections)

    def second_files(self) -> list[str]:
        """The files of the comparison of two extractions; none without a second one."""
        return list(SECOND_FILES) if self.second else []

    def second_texts(self) -> dict[str, str]:
        """What the comparison of two extractions leaves in the results, by file; empty without."""
        if self.second is None:
            return {}
        texts = (
            list_csv(self.second),
            agreement_csv(self.second),
            json_text(comparison_section(self.second)),
        )
        return dict(zip(SECOND_FILES, texts, strict=True))

    def discard_other_audit(self, folder: Path) -> None:
        """Remove an audit.csv that says something else, as `metamill check` of other tables leaves.

        Snakemake sees that an output is missing, and not that another program changed it.
        """
        path = folder / "results" / "audit.csv"
        if path.is_file() and file_sha256(path) != self.audit_sha256():
            path.unlink()

    def audit_sha256(self) -> str:
        return hashlib.sha256(self.audit().encode("utf-8")).hexdigest()

    def found(self) -> str:
        """A digest of audit.csv and of the comparison of two extractions."""
        return digest("\n".join((self.audit(), *self.second_texts().values())))

    def held(self) -> set[tuple[str, int]]:
        """The rows (table and line) that the audit holds out of a primary analysis."""
        found: set[tuple[str, int]] = set()
        for name, outcome in self.review.outcomes.items():
            rows = self.selections[name].rows
            held = apply_plan(rows, outcome.plans[0]).held
            found |= {(outcome.table, rows[at].line) for at in held}
        return found

    def emptied(self) -> tuple[str, ...]:
        """Outcomes of which the audit leaves no row to pool."""
        return tuple(
            name
            for name, outcome in self.review.outcomes.items()
            if not apply_plan(self.selections[name].rows, outcome.plans[0]).used
        )

    def display(self, outcome: str) -> str:
        return self.review.displays[outcome].to_json()

    def table(self, outcome: str) -> str:
        return self.review.outcomes[outcome].table

    def figures(self, outcome: str) -> tuple[str, ...]:
        """The names of the figures that an outcome gets."""
        settings, display = self.review.outcomes[outcome], self.review.displays[outcome]
        rows = len(apply_plan(self.selections[outcome].rows, settings.plans[0]).used)
        return figures_of(settings, rows, self.review.figures, display.caterpillar_above)

    def figure_files(self, outcome: str) -> list[str]:
        """The files of those figures, beside the outcome's result."""
        return _files(outcome, self.figures(outcome), self.review.formats)

    def review_figures(self) -> tuple[str, ...]:
        """The names of the figures that the whole review gets."""
        there = {
            "flow": self.flow is not None,
            "risk_of_bias": bool(self.assessments),
            "risk_of_bias_summary": bool(self.assessments),
            "study_map": len(self.whole().studies) > 1,
        }
        return tuple(n for n in REVIEW_FIGURES if n in self.review.figures and there[n])

    def review_figure_files(self) -> list[str]:
        """The files of those figures."""
        return _files("review", self.review_figures(), self.review.formats)

    def look(self) -> str:
        """How those figures are shown, and what the outcomes are called in them."""
        titles = {name: display.title for name, display in self.review.displays.items()}
        return canonical_json([asdict(self.review.look), titles])

    def about(self) -> str:
        """What the report says besides the results: the review, its figures, how it is shown."""
        displays = {name: self.display(name) for name in self.outcomes}
        figures = {name: self.figures(name) for name in self.outcomes}
        figures["review"] = self.review_figures()
        settings = [self.settings(name) for name in self.outcomes]
        off = {name: o.switched_off for name, o in self.review.outcomes.items() if o.switched_off}
        used = {
            "overrides": self.review.overrides,
            "settings": digest(canonical_json(settings)),
            "switched_off": off,
        }
        return canonical_json([self.review.about, displays, figures, used])

    def all_settings(self) -> str:
        """A digest of all settings, those of figures included."""
        parts = [self.settings(name) for name in self.outcomes]
        drawn = [self.review.formats, self.review.figures, self.look()]
        return digest(canonical_json([parts, self.about(), drawn]))

    def everything(self) -> str:
        """A digest of all settings, all rows, all judgements and the flow."""
        rows = [self.rows(name) for name in self.outcomes]
        return digest(canonical_json([self.all_settings(), rows, self.whole().digest]))


def _files(folder: str, names: Iterable[str], formats: Iterable[str]) -> list[str]:
    ends = (*formats, *TWINS)
    return [f"results/{folder}/{name}.{end}" for name in names for end in ends]


def plan(folder: Path, overrides: Mapping[str, Any] | None = None) -> Jobs:
    """Read and check the review in `folder`.

    Raises ConfigError or TableError with every problem found.
    """
    review, origin = read_review(folder / "config.yaml", overrides)
    findings = Findings()
    findings.notices += notices_of_settings(review, origin, folder)
    extracted = read_extracted(folder, review.outcomes.values(), findings)
    selections = select_rows(extracted, review.outcomes.values(), findings)
    statements = read_statements(folder, findings)
    second = compare_folders(folder, findings, extracted.without_errors().tables)
    entries, review = _audited(review, extracted, statements, second, selections, findings)
    check_selections(extracted, selections, review.outcomes.values(), findings)
    review = _in_order(review, selections)
    assessments, flow = _own_files(folder, review, selections, findings)
    if findings.settings:
        wrong = [
            Problem(
                rule=item.rule,
                advice=item.advice,
                value=item.value,
                code=item.code,
                **origin.place(item.path),
            )
            for item in findings.settings
        ]
        raise ConfigError([*wrong, *findings.problems])
    if findings.problems:
        raise TableError(findings.problems)
    notices = tuple(dict.fromkeys(findings.notices))
    return Jobs(review, selections, notices, entries, assessments, flow, second)


def _audited(
    review: Review,
    extracted: Extracted,
    statements: Table | None,
    second: Comparison | None,
    selections: Mapping[str, Selection],
    findings: Findings,
) -> tuple[tuple[Entry, ...], Review]:
    """What the audit finds in tables without an error, and the review without what it holds out."""
    extracted = extracted.without_errors()
    sound = {name: o for name, o in review.outcomes.items() if extracted.sound(o)}
    rows = {name: selections[name] for name in sound}
    entries = audit_review(extracted, statements, second, review, rows)
    audited = {}
    for name, outcome in sound.items():
        accepted = review.accepted[name]
        findings.settings += wrong_acceptances(outcome, rows[name], entries, accepted)
        audited[name] = held_out(outcome, rows[name], entries, accepted)
    return entries, replace(review, outcomes=review.outcomes | audited)


def _in_order(review: Review, selections: Mapping[str, Selection]) -> Review:
    """The review with the order in which the studies of each outcome are added."""
    outcomes = {
        name: ordered_by_year(outcome, selections[name]) if name in selections else outcome
        for name, outcome in review.outcomes.items()
    }
    return replace(review, outcomes=outcomes)


def _own_files(
    folder: Path, review: Review, selections: Mapping[str, Selection], findings: Findings
) -> tuple[tuple[Assessment, ...], Flow | None]:
    """What the review says of its studies besides the tables of its outcomes."""
    if (folder / "extracted").is_symlink():
        return (), None
    tables = {outcome.table for outcome in review.outcomes.values()}
    findings.problems += _misnamed(folder / "extracted", tables)
    read = {*tables, STUDIES, RISK_OF_BIAS, FLOW, STATEMENTS}
    findings.notices += unread_files(folder / "extracted", read)
    assessments = read_risk_of_bias(folder, review.outcomes, findings)
    findings.notices += unjudged(assessments, _studies(selections))
    flow, problems, notices = read_flow(folder)
    findings.problems += problems
    findings.notices += notices
    return assessments, flow


def _misnamed(extracted: Path, tables: Collection[str]) -> list[Problem]:
    """Files that nobody would read because their name is spelt otherwise."""

    def letters(name: str) -> str:
        return re.sub(r"[\W_]", "", name.casefold().replace(".yml", ".yaml"))

    return [
        Problem(
            f"{extracted.name}/{name}",
            "would not be read",
            f"Rename it to {meant}",
            code="misnamed-file",
        )
        for name in sorted(os.listdir(extracted))
        for meant in (RISK_OF_BIAS, FLOW)
        if name not in {meant, *tables} and letters(name) == letters(meant)
    ]


def _studies(selections: Mapping[str, Selection]) -> dict[str, list[str]]:
    """The studies that each outcome selects, in the order of its rows."""
    return {name: [row.cells["study"] for row in s.rows] for name, s in selections.items()}


def code_digest(command: str) -> str:
    """A digest of every module that `metamill <command>` may import, and of what they read."""
    modules = sorted(_reachable(f"metamill.commands.{command}"))
    parts = [_source(module) for module in modules]
    parts += [file_sha256(file) for file in _data_files(modules)]
    parts += [f"{name} {version(name)}" for name in PACKAGES]
    return digest("\n".join(parts))


def package_digest() -> str:
    """A digest of all code of the package, and so of all that can change a result."""
    kinds = ("*.py", "*.j2", "*.ttf")
    files = sorted([*(file for kind in kinds for file in PACKAGE.rglob(kind)), *_SCHEMAS.values()])
    return digest("\n".join(map(file_sha256, files)))


def _data_files(modules: Iterable[str]) -> list[Path]:
    """What the code reads besides itself: templates and fonts of a package, schemas of files."""
    packages = [PACKAGE.joinpath(*module.split(".")[1:]) for module in modules]
    beside = sorted(
        file
        for package in packages
        for kind in ("templates/*.j2", "fonts/*.ttf")
        for file in package.glob(kind)
    )
    return [*beside, *(file for module, file in _SCHEMAS.items() if module in modules)]


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
