"""Check a review: config.yaml, tables, and whether the extracted numbers can be true.

Prints what a person can act on and writes results/audit.csv; computes no result.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from math import prod
from pathlib import Path

from metamill.audit.finding import CONTRADICTION, HOLDING, IMPOSSIBLE, INFO, QUESTION
from metamill.audit.record import Fates, fates
from metamill.audit.review import Entry
from metamill.audit.second.words import summary
from metamill.errors import AuditBlock, EnvironmentFault, Problem
from metamill.files import write_text
from metamill.jobs import Jobs, plan

_HEADINGS = {
    IMPOSSIBLE: "Impossible as printed",
    CONTRADICTION: "Contradictions",
    QUESTION: "Questions to the authors or the extractor",
    INFO: "For information",
}
READINGS = "sd_hypotheses"
"""What an impossible SD could be: told beneath the finding it belongs to."""
EXPLAINED = ("sd_maximum", "sd_minimum", "se_as_sd")
_WORDS = {
    IMPOSSIBLE: "impossible",
    CONTRADICTION: "contradictory",
    QUESTION: "to ask about",
    INFO: "for information",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the review's folder")


def main(options: argparse.Namespace) -> None:
    jobs = plan(options.folder)
    for line in audit_lines(jobs):
        print(line)
    if jobs.notices:
        print("Read and noted:")
    for notice in jobs.notices:
        print(f"  {notice}")
    if jobs.second is not None:
        print(f"{summary(jobs.second)}. `metamill compare` lists them.")
    _write(options.folder / "results" / "audit.csv", jobs.audit())
    analyses = sum(len(outcome.plans) for outcome in jobs.review.outcomes.values())
    rows = {(s.table, row.line) for s in jobs.selections.values() for row in s.rows}
    combined = [o.multiverse for o in jobs.review.outcomes.values() if o.multiverse]
    combinations = sum(prod(len(item.choices) for item in part.of) for part in combined)
    parts = [_number(len(jobs.outcomes), "outcome"), _number(analyses, "analysis", "analyses")]
    parts += [_number(combinations, "combination") + " of choices"] if combined else []
    print(
        f"{options.folder / 'config.yaml'} and its tables can be read: "
        f"{', '.join(parts)}, {_number(len(rows), 'row')} used."
    )
    print(counts(jobs))
    refuse_empty(jobs)


def _number(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def counts(jobs: Jobs) -> str:
    """How many findings of each level, and how many rows they hold out."""
    found = Counter(entry.finding.level for entry in jobs.entries)
    held = len(jobs.held())
    words = [f"{found[level]} {word}" for level, word in _WORDS.items() if found[level]]
    what = ", ".join(words) or "nothing found"
    return f"Audit: {what}; {held} {'row' if held == 1 else 'rows'} held out of primary analyses."


def audit_lines(jobs: Jobs) -> Iterator[str]:
    """The findings, gravest first: place, arithmetic, and what becomes of the row."""
    known = fates(jobs.review.outcomes, jobs.selections)
    readings = [entry for entry in jobs.entries if entry.finding.check == READINGS]
    others = [entry for entry in jobs.entries if entry.finding.check != READINGS]
    for level, entries in groupby(others, key=lambda entry: entry.finding.level):
        yield f"{_HEADINGS[level]}:"
        for entry in sorted(entries, key=lambda entry: not entry.outcomes):
            said = f"{entry.finding.arithmetic}.{_fate(entry, known)} [{entry.finding.check}]"
            yield f"  {_place(entry)}: {said}"
            for reading in readings if entry.finding.check in EXPLAINED else ():
                if _same_number(reading, entry):
                    yield f"    {reading.finding.arithmetic}."


def _same_number(one: Entry, two: Entry) -> bool:
    """Whether two findings are about the same printed number of the same row."""
    places = [(item.table, item.line, item.finding.columns[0]) for item in (one, two)]
    return places[0] == places[1]


def _place(entry: Entry) -> str:
    named = (entry.study, entry.about, ", ".join(entry.finding.columns))
    return ", ".join(filter(None, (f"extracted/{entry.table}, line {entry.line}", *named)))


def _fate(entry: Entry, known: Fates) -> str:
    """What becomes of a row that cannot be true, by outcome."""
    if entry.finding.level not in HOLDING:
        return ""
    names: dict[str, list[str]] = {}
    for name in entry.outcomes:
        _, fate = known.of(entry, name)
        names.setdefault(fate, []).append(name)
    return "".join(f" {fate} ({', '.join(those)})." for fate, those in names.items())


def refuse_empty(jobs: Jobs) -> None:
    """Raise AuditBlock where the audit leaves an outcome nothing to pool."""
    empty = jobs.emptied()
    if empty:
        rule = "the audit holds out every row that is left to pool"
        advice = "Correct the rows by their sources, or accept them with a reason (audit: accept)"
        raise AuditBlock(
            [
                Problem(
                    "config.yaml",
                    rule,
                    advice,
                    column=f"outcomes.{name}",
                    code="nothing-left",
                )
                for name in empty
            ]
        )


def _write(path: Path, text: str) -> None:
    """Write audit.csv unless it says the same already."""
    try:
        if not path.is_file() or path.read_bytes() != text.encode("utf-8"):
            write_text(path, text)
    except OSError as error:
        rule = f"cannot be written ({error.strerror})"
        raise EnvironmentFault(Problem(str(path), rule, "Check the folder")) from None
