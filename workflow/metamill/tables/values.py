"""Rules for the cells of one table: numbers, limits, order, rows that repeat."""

import re
from datetime import date, timedelta
from functools import lru_cache

from metamill.errors import Problem, did_you_mean
from metamill.tables.codebook import COLUMNS, COUNT, NUMBER, ORDERED, Column, identifies, is_numeric
from metamill.tables.number_faults import EXTREME, is_count, is_number, number_fault
from metamill.tables.table import MOST_PROBLEMS, Findings, Table, TableRow, number
from metamill.tables.totals import is_named_as_total

__all__ = [
    "check_one_row_per_study",
    "check_repeats",
    "check_values",
    "is_number",
    "same_level",
]

CI_LEVEL = 95.0
"""The confidence level, in per cent, of the intervals that are read."""
_NAMED = 8
_DAY_ZERO = date(1899, 12, 30)
_DAYS = range(36526, 47849)
"""2000 to 2030 as a spreadsheet counts days."""


def check_values(table: Table, findings: Findings) -> None:
    """The rules for single cells and for the order of two cells of one row."""
    known = [(name, COLUMNS[name]) for name in table.columns if name in COLUMNS]
    checked = [
        (name, column) for name, column in known if column.levels or column.kind in (COUNT, NUMBER)
    ]
    pairs = [pair for pair in ORDERED if set(pair) <= set(table.columns)]
    for row in table.rows:
        if len(findings.problems) > MOST_PROBLEMS:
            break
        _check_row(row, table.name, checked, pairs, findings)


def _check_row(
    row: TableRow,
    name: str,
    checked: list[tuple[str, Column]],
    pairs: list[tuple[str, str]],
    findings: Findings,
) -> None:
    def wrong(column: str, fault: tuple[str, str, str], cell: str | None) -> None:
        broken.add(column)
        rule, advice, code = fault
        where = f"column '{column}'"
        findings.problems.append(Problem(name, rule, advice, row.line, where, cell, code=code))

    broken: set[str] = set()
    study = row.cells["study"]
    fault = _study_fault(study)
    if fault:
        wrong("study", fault, study or None)
    for column_name, column in checked:
        cell = row.cells[column_name]
        fault = _cell_fault(column_name, column, cell) if cell else None
        if fault:
            wrong(column_name, fault, cell)
        elif cell and column.kind == COUNT and column_name != "year" and int(cell) in _DAYS:
            day = _DAY_ZERO + timedelta(days=int(cell))
            rule, where = (
                f"is {day:%-d %B %Y} as a spreadsheet counts days",
                f"column '{column_name}'",
            )
            advice = "Check that it is a count"
            notice = Problem(name, rule, advice, row.line, where, cell, code="date-serial")
            findings.notices.append(notice)
    for low, high in pairs:
        small, large = row.cells[low], row.cells[high]
        if small and large and not broken & {low, high} and number(small) > number(large):
            rule, advice = f"is larger than {high} ({large})", "Check both against the source"
            wrong(low, (rule, advice, "wrong-order"), small)
            broken.add(high)


def _study_fault(study: str) -> tuple[str, str, str] | None:
    """The rule that the id of a study breaks, what to do, and the code of the rule."""
    if not study:
        return "the row names no study", "Fill in the id of the study", "missing-study"
    if study.startswith("#"):
        advice = "Remove the row; words belong into the column 'note'"
        return "looks like a comment", advice, "comment-row"
    if is_named_as_total(study):
        advice = "Remove it: the estimate over all studies is computed"
        return "looks like a row of totals", advice, "total-row"
    return None


def _cell_fault(name: str, column: Column, cell: str) -> tuple[str, str, str] | None:
    """The rule that a cell breaks, what to do, and the code of the rule."""
    if column.levels:
        advice = did_you_mean(cell, column.levels)
        known = cell in column.levels
        return None if known else ("is not a level of this column", advice, "constraint-error")
    whole = column.kind == COUNT
    if not (is_count(cell) if whole else is_number(cell)):
        return number_fault(cell, whole)
    value = float(cell)
    vanished = value == 0 and re.search("[1-9]", re.split("[eE]", cell)[0])
    if abs(value) > 1e100 or 0 < abs(value) < 1e-100 or vanished:
        return "is beyond any real measurement", "Check the exponent", EXTREME
    limit = _limit_broken(column, value)
    if limit:
        return f"must be {limit}", "Check the source", "constraint-error"
    if name == "ci_level" and value != CI_LEVEL:
        advice = f"Give the limits of {CI_LEVEL:g} %, or the standard error in their place"
        return f"only {CI_LEVEL:g} % intervals are read", advice, "other-ci-level"
    return None


def _limit_broken(column: Column, value: float) -> str:
    if column.minimum is not None and value < column.minimum:
        return f"at least {column.minimum:g}"
    if column.maximum is not None and value > column.maximum:
        return f"at most {column.maximum:g}"
    if column.above is not None and value <= column.above:
        return f"above {column.above:g}"
    if column.below is not None and value >= column.below:
        return f"below {column.below:g}"
    return ""


def check_repeats(table: Table, findings: Findings) -> None:
    """Rows of one study must differ in a column that tells rows apart."""
    keys = [column for column in table.columns if identifies(column)]
    seen: dict[tuple[str | float, ...], int] = {}
    for row in table.rows:
        if len(findings.problems) > 2 * MOST_PROBLEMS:
            break
        key = tuple(same_level(column, row.cells[column]) for column in keys)
        if key in seen and row.cells["study"]:
            same = ", ".join(keys[:_NAMED]) + (", ..." if len(keys) > _NAMED else "")
            rule = f"repeats the row in line {seen[key]}: same {same}"
            advice = "Remove one, or add a column (arm, unit, time_months) that tells them apart"
            where, study = "column 'study'", row.cells["study"]
            problem = Problem(table.name, rule, advice, row.line, where, study, code="repeated-row")
            findings.problems.append(problem)
        seen.setdefault(key, row.line)


@lru_cache(4096)
def same_level(column: str, cell: str) -> str | float:
    """What two cells share that say the same: 6 and 6.0 months, MADRID and Madrid."""
    return number(cell) if is_numeric(column) and is_number(cell) else cell.casefold()


def check_one_row_per_study(studies: Table, findings: Findings) -> None:
    """studies.csv describes a study once."""
    seen: dict[str, int] = {}
    for row in studies.rows:
        study = row.cells["study"]
        first = seen.setdefault(study.casefold(), row.line)
        if study and first != row.line:
            rule = f"the study is described twice, first in line {first}"
            advice, where = "Keep one of the rows", "column 'study'"
            problem = Problem(
                studies.name, rule, advice, row.line, where, study, code="duplicate-study"
            )
            findings.problems.append(problem)
