"""statements.csv: every number that a paper prints of itself, so that it can be held to the others.

No outcome pools a statement. Two statements of one thing may disagree: that is what they are for.
"""

import os
from pathlib import Path

from metamill.config.instruments import INSTRUMENTS
from metamill.errors import Problem, did_you_mean
from metamill.tables.codebook import is_numeric
from metamill.tables.reader import read_table
from metamill.tables.table import Findings, Table, TableRow

STATEMENTS = "statements.csv"
COLUMNS = {
    "quantity": "what is counted or measured, in the same words in every row about it",
    "group": "who was counted or measured",
    "category": "one of several findings that exclude each other and together are the whole group",
    "part_of": "the larger group that this group and others with the same entry make up completely",
    "occasion": "when it was measured, where it was more than once",
    "section": "the part of the paper that prints it: abstract, results, table 2, discussion",
    "instrument": "questionnaire or scale whose possible scores are known",
    "p_printed": 'p as printed, with its sign: "<0.01", "0.000"',
}
"""The columns that only statements have; the others are those of the codebook."""
REQUIRED = ("quantity", "group", "section", "source", "location")
NOT_TOLD = ("time_months", "year", "step", "items", "ci_level", "correlation")
"""Numbers about a statement, or chosen by the reviewer, that are no statement of their own."""


def told(name: str) -> bool:
    """Whether a column holds a number that the paper prints, and not one about it."""
    return is_numeric(name) and name not in NOT_TOLD


def read_statements(folder: Path, findings: Findings) -> Table | None:
    """Read extracted/statements.csv under `folder`; None without it, or with any error in it.

    Problems and notices go into `findings`, as those of every other table do.
    """
    path = folder / "extracted" / STATEMENTS
    if not os.path.lexists(path):
        return None
    name, before = f"extracted/{STATEMENTS}", len(findings.problems)
    table = read_table(path, name, findings)
    if table is None:
        return None
    lacking = [column for column in REQUIRED if column not in table.columns]
    for column in lacking:
        rule = "the table lacks this column, and every statement needs it"
        where = f"column '{column}'"
        findings.problems.append(Problem(name, rule, "Add it", 1, where, code="missing-label"))
    if not lacking:
        for row in table.rows:
            findings.problems += _of_row(row, name)
    return table if len(findings.problems) == before else None


def _of_row(row: TableRow, name: str) -> list[Problem]:
    problems = []

    def wrong(column: str, rule: str, advice: str, code: str, value: str | None = None) -> None:
        where = f"column '{column}'"
        problems.append(Problem(name, rule, advice, row.line, where, value, code))

    for column in REQUIRED:
        if not row.cells[column]:
            rule = "is empty, and every statement needs it"
            wrong(column, rule, f"Fill it in: {_MEANT[column]}", "missing-value")
    if not any(cell and (told(c) or c == "p_printed") for c, cell in row.cells.items()):
        rule = "the statement holds no number"
        wrong("quantity", rule, "Fill one in, or remove the row", "missing-value")
    whole, group = row.cells.get("part_of", ""), row.cells["group"]
    if whole and whole.casefold() == group.casefold():
        wrong("part_of", "a group is no part of itself", "Name the larger group", "part-of-itself")
    instrument = row.cells.get("instrument", "")
    if instrument and instrument not in INSTRUMENTS:
        advice = did_you_mean(instrument, INSTRUMENTS)
        rule = "is no instrument whose scores are known"
        wrong("instrument", rule, advice, "unknown-instrument", instrument)
    return problems


_MEANT = COLUMNS | {
    "source": "the document or page where the number was read",
    "location": "the line, table or section in it",
}
