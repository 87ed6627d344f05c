"""The rows of one outcome: joined with their studies and selected."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from metamill.config.settings import Outcome, RowFilter
from metamill.errors import Problem, WrongSetting, closest, did_you_mean
from metamill.files import canonical_json, digest
from metamill.tables.pools import apply_plan, check_filters, check_plans, filters, unknown_levels
from metamill.tables.reader import read_table
from metamill.tables.table import Findings, Table, TableRow
from metamill.tables.values import check_one_row_per_study

__all__ = ["Selection", "apply_plan", "load_outcome_rows", "select"]

STUDIES = "studies.csv"


@dataclass(frozen=True)
class Selection:
    """The rows an outcome selects, in table order, and what it left unsaid.

    `cells` of each row hold the study's own columns beneath the row's. `not_reported` are
    studies that the review includes and that have no selected row. `digest` changes when any of
    this does.
    """

    table: str
    rows: tuple[TableRow, ...]
    not_reported: tuple[str, ...]

    @property
    def digest(self) -> str:
        rows = [[row.line, row.cells] for row in self.rows]
        return digest(canonical_json([self.table, rows, self.not_reported]))


def load_outcome_rows(
    folder: Path, outcomes: Iterable[Outcome], findings: Findings
) -> dict[str, Selection]:
    """Read extracted/ under `folder` once for all outcomes; problems go into `findings`.

    Settings that the tables contradict are judged only where the tables themselves are sound:
    a row that could not be read must not make a filter look wrong. Pools are judged where the
    settings are sound: a misspelt exclusion must not make its row look like a repeat.
    """
    tables: dict[str, Table | None] = {}
    unsound: set[str] = set()
    extracted = folder / "extracted"

    def table(name: str) -> Table | None:
        if name not in tables:
            before = len(findings.problems)
            tables[name] = read_table(extracted / name, f"extracted/{name}", findings)
            if len(findings.problems) > before:
                unsound.add(name)
        return tables[name]

    if extracted.is_symlink():
        rule, advice = "is a link and not a folder", "Put the folder itself into the review"
        findings.problems.append(Problem("extracted", rule, advice))
        return {}
    studies = None
    if os.path.lexists(extracted / STUDIES):
        studies = table(STUDIES)
        if studies is not None:
            check_one_row_per_study(studies, findings)
    else:
        rule, advice = "does not exist", "Add it to give studies their citation, year and cohort"
        findings.notices.append(Problem(f"extracted/{STUDIES}", rule, advice))
    selections = {}
    for outcome in outcomes:
        source = table(outcome.table)
        if source is not None:
            sound = not unsound & {outcome.table, STUDIES}
            before = len(findings.settings)
            selection = select(source, studies, outcome, findings, sound)
            if sound and selection.rows:
                known = _known_columns(source, studies)
                check_filters(selection.rows, source.name, known, outcome, findings)
            if len(findings.settings) == before:
                check_plans(selection.rows, source, outcome, findings)
            selections[outcome.name] = selection
    for name, source in tables.items():
        if source is not None and name != STUDIES:
            findings.notices += _unselected(source, selections.values())
    return selections


def select(
    table: Table,
    studies: Table | None,
    outcome: Outcome,
    findings: Findings,
    judge_settings: bool = True,
) -> Selection:
    """The rows of `table` that `outcome` selects, each joined with its study."""
    about = {row.cells["study"]: row.cells for row in studies.rows} if studies else {}
    joined = [
        TableRow(row.line, about.get(row.cells["study"], {}) | _filled(row.cells))
        for row in table.rows
    ]
    rows = tuple(
        row
        for row in joined
        if all(row.cells.get(column, "") in levels for column, levels in outcome.select.items())
    )
    if studies is not None:
        findings.notices += _undescribed(rows, about, table.name)
    absent = _absent_columns(outcome, _known_columns(table, studies), table.name)
    findings.settings += absent
    if judge_settings and not absent:
        at = ("outcomes", outcome.name, "select")
        wrong = unknown_levels(joined, outcome.select, at, f"row of {table.name}")
        if not rows and not wrong:
            rule = f"no row of {table.name} has all of this"
            said = str(RowFilter(outcome.select))
            wrong = [WrongSetting(at, rule, "Check it against the table", said)]
        findings.settings += wrong
    present = {row.cells["study"] for row in rows}
    included = {study for study, cells in about.items() if cells.get("included", "yes") == "yes"}
    return Selection(table.name, rows, tuple(sorted(included - present)))


def _unselected(table: Table, selections: Iterable[Selection]) -> list[Problem]:
    """Rows that none of the outcomes selects, so that none is lost in silence."""
    selected = {row.line for item in selections if item.table == table.name for row in item.rows}
    rule, where = "is selected by no outcome", "column 'study'"
    return [
        Problem(table.name, rule, "", row.line, where, row.cells["study"])
        for row in table.rows
        if row.line not in selected
    ]


def _known_columns(table: Table, studies: Table | None) -> set[str]:
    return {*table.columns, *(studies.columns if studies else ())}


def _filled(cells: dict[str, str]) -> dict[str, str]:
    """An empty cell of the table does not hide what studies.csv says (both may have a note)."""
    return {column: cell for column, cell in cells.items() if cell or column == "study"}


def _undescribed(
    rows: Iterable[TableRow], about: dict[str, dict[str, str]], name: str
) -> list[Problem]:
    notices = []
    for row in rows:
        study = row.cells["study"]
        if study not in about:
            close = closest(study, about)
            advice = f"Did you mean '{close}'?" if close else "Add one with its citation"
            rule = f"the study has no row in {STUDIES}"
            notices.append(Problem(name, rule, advice, row.line, "column 'study'", study))
    return notices


def _absent_columns(outcome: Outcome, known: set[str], table: str) -> list[WrongSetting]:
    """Columns that settings name and neither the table nor studies.csv has, each once a place."""
    at: tuple[str | int, ...] = ("outcomes", outcome.name)
    named = [((*at, "select", column), column) for column in outcome.select]
    if outcome.cumulative:
        named.append(((*at, "cumulative"), outcome.cumulative))
    named += [((*at, "subgroups", i), column) for i, column in enumerate(outcome.subgroups)]
    named += [((*at, "moderators", i), column) for i, column in enumerate(outcome.moderators)]
    named += [((*path, column), column) for path, item in filters(outcome) for column in item.where]
    return [
        WrongSetting(path, f"{table} has no such column", did_you_mean(column, known), column)
        for path, column in named
        if column not in known
    ]
