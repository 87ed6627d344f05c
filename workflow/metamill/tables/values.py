"""Rules for the cells of one table: numbers, limits, order, rows that repeat."""

import re

from metamill.errors import Problem, did_you_mean
from metamill.tables.codebook import COLUMNS, COUNT, NUMBER, ORDERED, Column, identifies, is_numeric
from metamill.tables.table import Findings, Table, number

_NUMBER = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_COUNT = re.compile(r"[0-9]{1,9}")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_THOUSANDS = re.compile(r"[0-9]{1,3}([, .'][0-9]{3})+")
_DATE = re.compile(
    r"[0-9]{1,2}[-/. ]?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
    r"|[0-9]{1,4}[-/][0-9]{1,2}([-/][0-9]{1,4})?",
    re.IGNORECASE,
)
_TOTALS = re.compile(
    r"(sub|grand )?totals?|overall|pooled|sum|summary|all studies|average|combined", re.IGNORECASE
)
_MISSING = re.compile(r"n/?[ar]|n\.[ar]\.|none|null|nan|nd|not reported|-+|\?+|\.+", re.IGNORECASE)


def is_number(cell: str) -> bool:
    """Whether a cell is one decimal number in ASCII digits."""
    return _NUMBER.fullmatch(cell) is not None


def check_values(table: Table, findings: Findings) -> None:
    for row in table.rows:
        broken = set()
        rule, advice = _study_rule_broken(row.cells["study"])
        if rule:
            shown = row.cells["study"] or None
            findings.problems.append(
                Problem(table.name, rule, advice, row.line, "column 'study'", shown)
            )
        for name, cell in row.cells.items():
            column = COLUMNS.get(name)
            if column is None or not cell:
                continue
            rule, advice = _rule_broken(column, cell)
            if rule:
                broken.add(name)
                findings.problems.append(
                    Problem(table.name, rule, advice, row.line, f"column '{name}'", cell)
                )
        for low, high in ORDERED:
            small, large = row.cells.get(low, ""), row.cells.get(high, "")
            if small and large and not broken & {low, high} and number(small) > number(large):
                broken |= {low, high}
                rule = f"is larger than {high} ({large})"
                advice = "Check both against the source"
                findings.problems.append(
                    Problem(table.name, rule, advice, row.line, f"column '{low}'", small)
                )


def _study_rule_broken(study: str) -> tuple[str, str]:
    """The rule the id of a study breaks and what to do, or two empty strings."""
    if not study:
        return "the row names no study", "Fill in the id of the study"
    if study.startswith("#"):
        return "looks like a comment", "Remove the row; words belong into the column 'note'"
    if _TOTALS.fullmatch(study.rstrip(" :")):
        return "looks like a row of totals", "Remove it: the estimate over all studies is computed"
    return "", ""


def _rule_broken(column: Column, cell: str) -> tuple[str, str]:
    """The rule a cell breaks and what to do, or two empty strings."""
    if column.levels and cell not in column.levels:
        return "is not a level of this column", did_you_mean(cell, column.levels)
    if column.kind not in (COUNT, NUMBER):
        return "", ""
    whole = column.kind == COUNT
    if not (_COUNT if whole else _NUMBER).fullmatch(cell):
        return "is not a whole number" if whole else "is not a number", _number_advice(cell, whole)
    value = float(cell)
    vanished = value == 0 and re.search("[1-9]", re.split("[eE]", cell)[0])
    if abs(value) > 1e100 or 0 < abs(value) < 1e-100 or vanished:
        return "is beyond any real measurement", "Check the exponent"
    if column.minimum is not None and value < column.minimum:
        return f"must be at least {column.minimum:g}", "Check the source"
    if column.maximum is not None and value > column.maximum:
        return f"must be at most {column.maximum:g}", "Check the source"
    if column.above is not None and value <= column.above:
        return f"must be above {column.above:g}", "Check the source"
    return "", ""


def _number_advice(cell: str, whole: bool) -> str:
    if _MISSING.fullmatch(cell):
        return "Leave the cell empty if the source does not say"
    if whole and _THOUSANDS.fullmatch(cell):
        return "Write the number without separators"
    if _DECIMAL_COMMA.fullmatch(cell):
        return "Write a decimal point instead of the comma, and nothing between thousands"
    if _DATE.fullmatch(cell):
        return "It looks like a date or a range: type the number again, in a cell of text"
    if whole and _NUMBER.fullmatch(cell):
        return "Counts have no decimals and no sign; a percentage is not a count"
    return "Write one number in digits 0-9; words and signs belong into the column 'note'"


def check_repeats(table: Table, findings: Findings) -> None:
    """Rows of one study must differ in a column that tells rows apart."""
    keys = [column for column in table.columns if identifies(column)]
    seen: dict[tuple[str | float, ...], int] = {}
    for row in table.rows:
        key = tuple(same_level(column, row.cells[column]) for column in keys)
        if key in seen and row.cells["study"]:
            rule = f"repeats the row in line {seen[key]}: same {', '.join(keys)}"
            advice = "Remove one, or add a column (arm, unit, time_months) that tells them apart"
            findings.problems.append(
                Problem(table.name, rule, advice, row.line, "column 'study'", row.cells["study"])
            )
        seen.setdefault(key, row.line)


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
            at = "column 'study'"
            findings.problems.append(
                Problem(studies.name, rule, "Keep one of the rows", row.line, at, study)
            )
