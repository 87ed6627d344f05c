"""The rows of one outcome: joined with their studies, selected, and checked for one pool."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from metamill.config.settings import Outcome, Plan
from metamill.errors import Problem, did_you_mean
from metamill.files import canonical_json, digest
from metamill.tables.codebook import identifies
from metamill.tables.needs import missing_columns
from metamill.tables.reader import Findings, Table, TableRow, read_table

STUDIES = "studies.csv"


@dataclass(frozen=True)
class Selection:
    """The rows an outcome selects, in table order, and what it left unsaid.

    `cells` of each row hold the study's own columns beneath the row's. `not_reported` are
    studies of the review without any selected row. `digest` changes when any of this does.
    """

    table: str
    rows: tuple[TableRow, ...]
    not_reported: tuple[str, ...]

    @property
    def digest(self) -> str:
        rows = [[row.line, row.cells] for row in self.rows]
        return digest(canonical_json([self.table, rows, self.not_reported]))


@dataclass(frozen=True)
class PlanRows:
    """Positions in a selection that an analysis pools, and why it leaves out the others."""

    used: tuple[int, ...]
    left_out: tuple[tuple[int, str], ...]


def apply_plan(rows: tuple[TableRow, ...], plan: Plan) -> PlanRows:
    """Divide the selected rows into those the plan pools and those it leaves out."""
    used, left_out = [], []
    for index, row in enumerate(rows):
        back = plan.include is not None and plan.include.matches(row.cells)
        reasons = [item.reason for item in plan.exclude if item.matches(row.cells) and not back]
        if plan.drop is not None and plan.drop.matches(row.cells):
            reasons.append(plan.drop.reason)
        if reasons:
            left_out.append((index, reasons[0]))
        else:
            used.append(index)
    return PlanRows(tuple(used), tuple(left_out))


def load_outcome_rows(
    folder: Path, outcomes: Iterable[Outcome], findings: Findings
) -> dict[str, Selection]:
    """Read extracted/ under `folder` once for all outcomes; problems go into `findings`."""
    tables: dict[str, Table | None] = {}
    extracted = folder / "extracted"

    def table(name: str) -> Table | None:
        if name not in tables:
            tables[name] = read_table(extracted / name, f"extracted/{name}", findings)
        return tables[name]

    studies = table(STUDIES) if (extracted / STUDIES).exists() else None
    selections = {}
    for outcome in outcomes:
        source = table(outcome.table)
        if source is not None:
            selection = select(source, studies, outcome, findings)
            check_plans(selection, outcome, findings)
            selections[outcome.name] = selection
    return selections


def select(table: Table, studies: Table | None, outcome: Outcome, findings: Findings) -> Selection:
    """The rows of `table` that `outcome` selects, each joined with its study."""
    about = {row.cells["study"]: row.cells for row in studies.rows} if studies else {}
    known = {*table.columns, *(studies.columns if studies else ())}
    for column in _columns_used(outcome):
        if column not in known:
            findings.problems.append(
                Problem(
                    "config.yaml",
                    f"{table.name} has no such column",
                    did_you_mean(column, sorted(known)),
                    column=f"outcomes.{outcome.name}",
                    value=column,
                )
            )
    joined = [
        TableRow(row.line, about.get(row.cells["study"], {}) | _filled(row.cells))
        for row in table.rows
    ]
    rows = tuple(
        row
        for row in joined
        if all(row.cells.get(column, "") in levels for column, levels in outcome.select.items())
    )
    for row in rows:
        if studies and row.cells["study"] not in about:
            findings.notices.append(
                Problem(
                    table.name,
                    "the study has no row in studies.csv",
                    "Add one with its citation",
                    row.line,
                    "column 'study'",
                    row.cells["study"],
                )
            )
    if not rows:
        findings.problems.append(
            Problem(
                "config.yaml",
                f"no row of {table.name} is selected by {_said(outcome.select)}",
                "Check the spelling of the levels",
                column=f"outcomes.{outcome.name}.select",
            )
        )
    present = {row.cells["study"] for row in rows}
    return Selection(table.name, rows, tuple(sorted(set(about) - present)))


def _filled(cells: dict[str, str]) -> dict[str, str]:
    """An empty cell of the table does not hide what studies.csv says (both may have a note)."""
    return {column: cell for column, cell in cells.items() if cell}


def _columns_used(outcome: Outcome) -> list[str]:
    filters = [item for plan in outcome.plans for item in plan.filters]
    named = [*outcome.select, *(column for item in filters for column in item.where)]
    return list(dict.fromkeys([*named, *outcome.subgroups]))


def _said(levels: dict[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{column}: {' or '.join(v)}" for column, v in levels.items()) or "nothing"


def check_plans(selection: Selection, outcome: Outcome, findings: Findings) -> None:
    """What would make a pool wrong: repeats, mixed units, shared cohorts, missing numbers."""
    reported: set[str] = set()
    for plan in outcome.plans:
        at = f"outcomes.{outcome.name}" + ("" if plan.name == "primary" else f", {plan.name}")
        for item in plan.filters:
            if not any(item.matches(row.cells) for row in selection.rows):
                rule = f"no selected row has {item}"
                _once(findings, reported, Problem("config.yaml", rule, "Remove it", column=at))
        rows = [selection.rows[index] for index in apply_plan(selection.rows, plan).used]
        for check in (_mixed_units, _repeated_studies, _shared_cohorts, _missing_numbers):
            for problem in check(rows, plan, selection.table, at):
                _once(findings, reported, problem)


def _once(findings: Findings, reported: set[str], problem: Problem) -> None:
    key = str(problem).replace(problem.column, "") if problem.line is None else str(problem)
    if key not in reported:
        reported.add(key)
        findings.problems.append(problem)


def _mixed_units(rows: list[TableRow], plan: Plan, table: str, at: str) -> list[Problem]:
    first: dict[str, TableRow] = {}
    for row in rows:
        first.setdefault(row.cells.get("unit", ""), row)
    if len(first) < 2:
        return []
    named = ", ".join(f"{unit or 'no unit'} (line {row.line})" for unit, row in first.items())
    odd = list(first.values())[1]
    return [
        Problem(
            table,
            f"different units would be pooled: {named}",
            f"Select one unit in config.yaml ({at}.select, unit: ...)",
            odd.line,
            "column 'unit'",
            odd.cells.get("unit", ""),
        )
    ]


def _repeated_studies(rows: list[TableRow], plan: Plan, table: str, at: str) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, TableRow] = {}
    for row in rows:
        study = row.cells["study"]
        earlier = seen.setdefault(study, row)
        if earlier is not row:
            differ = [
                column
                for column in row.cells.keys() | earlier.cells.keys()
                if identifies(column) and row.cells.get(column) != earlier.cells.get(column)
            ]
            problems.append(
                Problem(
                    table,
                    f"the study is in one pool twice, first in line {earlier.line}",
                    f"Select or exclude by {' or '.join(sorted(differ))} in config.yaml ({at})",
                    row.line,
                    "column 'study'",
                    study,
                )
            )
    return problems


def _shared_cohorts(rows: list[TableRow], plan: Plan, table: str, at: str) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, TableRow] = {}
    for row in rows:
        cohort = row.cells.get("cohort", "")
        earlier = seen.setdefault(cohort, row) if cohort else row
        if earlier.cells["study"] != row.cells["study"] and cohort not in plan.same_cohort:
            problems.append(
                Problem(
                    table,
                    f"shares its cohort {cohort} with {earlier.cells['study']} "
                    f"(line {earlier.line}), and both would be pooled",
                    f"Exclude one with a reason in config.yaml ({at}), or say under same_cohort "
                    "why the patients differ",
                    row.line,
                    "column 'study'",
                    row.cells["study"],
                )
            )
    return problems


def _missing_numbers(rows: list[TableRow], plan: Plan, table: str, at: str) -> list[Problem]:
    return [
        Problem(
            table,
            f"measure {plan.model.measure} needs {missing}, which is empty or not a column",
            f"Fill it in, or exclude the row with a reason in config.yaml ({at})",
            row.line,
            "column 'study'",
            row.cells["study"],
        )
        for row in rows
        for missing in missing_columns(plan.model.measure, row.cells)
    ]
