"""The rows of one outcome: joined with their studies and selected."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from metamill.config.settings import PRECISION, Outcome, RowFilter
from metamill.errors import Problem, WrongSetting, closest, did_you_mean
from metamill.files import canonical_json, digest
from metamill.tables.choices import wrong_choices
from metamill.tables.extracted import STUDIES, Extracted, read_extracted
from metamill.tables.levels import near_equal_levels
from metamill.tables.moderators import wrong_moderators
from metamill.tables.pools import apply_plan, check_filters, check_plans, filters, unknown_levels
from metamill.tables.table import Findings, Table, TableRow

__all__ = [
    "Selection",
    "apply_plan",
    "check_selections",
    "load_outcome_rows",
    "select",
    "select_rows",
]


GUESSED = 20
"""Studies without a description for which a near name is looked for, which takes time."""


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
    """Read extracted/ under `folder`, select the rows of each outcome and check its pools."""
    outcomes = list(outcomes)
    extracted = read_extracted(folder, outcomes, findings)
    selections = select_rows(extracted, outcomes, findings)
    check_selections(extracted, selections, outcomes, findings)
    return selections


def select_rows(
    extracted: Extracted, outcomes: Iterable[Outcome], findings: Findings
) -> dict[str, Selection]:
    """The rows of every outcome whose table could be read.

    Settings that the tables contradict are judged only where the tables themselves are sound:
    a row that could not be read must not make a filter look wrong.
    """
    selections = {
        outcome.name: select(
            extracted.tables[outcome.table],
            extracted.studies,
            outcome,
            findings,
            extracted.sound(outcome),
        )
        for outcome in outcomes
        if outcome.table in extracted.tables
    }
    for name, table in extracted.tables.items():
        if name != STUDIES:
            findings.notices += _unselected(table, selections.values())
    return selections


def check_selections(
    extracted: Extracted,
    selections: Mapping[str, Selection],
    outcomes: Iterable[Outcome],
    findings: Findings,
) -> None:
    """What would make an analysis of the selected rows wrong.

    Pools are judged where the settings are sound: a misspelt exclusion must not make its row look
    like a repeat.
    """
    wrong = {item.path[1] for item in findings.settings}
    for outcome in outcomes:
        if outcome.name not in selections:
            continue
        selection, table = selections[outcome.name], extracted.tables[outcome.table]
        moderators = (column for item in outcome.moderators for column in item.columns)
        parting = (*outcome.subgroups, *moderators)
        findings.notices += near_equal_levels(selection.rows, parting, table.name)
        before = len(findings.settings)
        if extracted.sound(outcome) and selection.rows:
            known = _known_columns(table, extracted.studies)
            check_filters(selection.rows, table.name, known, outcome, findings)
            findings.settings += wrong_moderators(selection.rows, outcome)
            if outcome.name not in wrong and len(findings.settings) == before:
                findings.settings += wrong_choices(selection.rows, outcome)
        if outcome.name not in wrong and len(findings.settings) == before:
            check_plans(selection.rows, table, outcome, findings)


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
            wrong = [
                WrongSetting(
                    at, rule, "Check it against the table", said, code="filter-without-rows"
                )
            ]
        findings.settings += wrong
    present = {row.cells["study"] for row in rows}
    included = {study for study, cells in about.items() if cells.get("included", "yes") == "yes"}
    return Selection(table.name, rows, tuple(sorted(included - present)))


def _unselected(table: Table, selections: Iterable[Selection]) -> list[Problem]:
    """Rows that none of the outcomes selects, so that none is lost in silence."""
    selected = {row.line for item in selections if item.table == table.name for row in item.rows}
    rule, where = "is selected by no outcome", "column 'study'"
    return [
        Problem(table.name, rule, "", row.line, where, row.cells["study"], code="unselected-row")
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
    notices: list[Problem] = []
    for row in rows:
        study = row.cells["study"]
        if study not in about:
            close = closest(study, about) if len(notices) < GUESSED else None
            advice = f"Did you mean '{close}'?" if close else "Add one with its citation"
            rule = f"the study has no row in {STUDIES}"
            where = "column 'study'"
            notices.append(
                Problem(name, rule, advice, row.line, where, study, code="undescribed-study")
            )
    return notices


def _absent_columns(outcome: Outcome, known: set[str], table: str) -> list[WrongSetting]:
    """Columns that settings name and neither the table nor studies.csv has, each once a place."""
    at: tuple[str | int, ...] = ("outcomes", outcome.name)
    named = [((*at, "select", column), column) for column in outcome.select]
    orders = [column for column in outcome.cumulative or () if column != PRECISION]
    named += [((*at, "cumulative"), column) for column in orders]
    named += [((*at, "subgroups", i), column) for i, column in enumerate(outcome.subgroups)]
    for i, item in enumerate(outcome.moderators):
        here = (*at, "moderators", i)
        together = len(item.columns) > 1
        named += [
            ((*here, "columns", j) if together else here, column)
            for j, column in enumerate(item.columns)
        ]
    named += [((*path, column), column) for path, item in filters(outcome) for column in item.where]
    return [
        WrongSetting(
            path,
            f"{table} has no such column",
            did_you_mean(column, known),
            column,
            code="unknown-column",
        )
        for path, column in named
        if column not in known
    ]
