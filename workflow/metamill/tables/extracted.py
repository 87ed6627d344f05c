"""The tables of a review, each read once."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from metamill.config.settings import Outcome
from metamill.errors import Problem
from metamill.tables.reader import read_table
from metamill.tables.table import Findings, Table
from metamill.tables.values import check_one_row_per_study

STUDIES = "studies.csv"


@dataclass(frozen=True)
class Extracted:
    """The tables that outcomes name, and studies.csv if there is one.

    A table that cannot be read at all is missing; `unsound` are those with any error in them.
    """

    tables: dict[str, Table]
    studies: Table | None
    unsound: frozenset[str]

    def without_errors(self) -> "Extracted":
        """Only the tables without an error; none where studies.csv has one, as it is for all."""
        tables = {name: t for name, t in self.tables.items() if name not in self.unsound}
        if STUDIES in self.unsound:
            return Extracted({}, None, self.unsound)
        return Extracted(tables, self.studies, self.unsound)

    def sound(self, outcome: Outcome) -> bool:
        """Whether all that an outcome is made from could be read without an error."""
        there = outcome.table in self.tables
        return there and not self.unsound & {outcome.table, STUDIES}


def read_extracted(folder: Path, outcomes: Iterable[Outcome], findings: Findings) -> Extracted:
    """Read extracted/ under `folder` once for all outcomes; problems go into `findings`."""
    extracted = folder / "extracted"
    if extracted.is_symlink():
        rule, advice = "is a link and not a folder", "Put the folder itself into the review"
        findings.problems.append(Problem("extracted", rule, advice, code="not-a-regular-file"))
        return Extracted({}, None, frozenset())
    named = list(dict.fromkeys(outcome.table for outcome in outcomes))
    if os.path.lexists(extracted / STUDIES):
        named.insert(0, STUDIES)
    else:
        rule, advice = "does not exist", "Add it to give studies their citation, year and cohort"
        code = "missing-studies-table"
        findings.notices.append(Problem(f"extracted/{STUDIES}", rule, advice, code=code))
    tables, unsound = {}, set()
    for name in dict.fromkeys(named):
        before = len(findings.problems)
        table = read_table(extracted / name, f"extracted/{name}", findings)
        if table is not None:
            tables[name] = table
            if name == STUDIES:
                check_one_row_per_study(table, findings)
        if len(findings.problems) > before:
            unsound.add(name)
    return Extracted(tables, tables.get(STUDIES), frozenset(unsound))
