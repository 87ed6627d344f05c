"""What is said of a comparison: findings for the audit, two tables, a section of the report."""

from collections.abc import Iterator
from typing import Any

from metamill.audit.finding import INFO, QUESTION, Check, Finding
from metamill.audit.second.comparison import (
    BLANK,
    DIFFER,
    DIGITS,
    FIRST_ONLY,
    NUMBER,
    SECOND_ONLY,
    SPELLING,
    Agreement,
    Comparison,
    Difference,
    total,
)
from metamill.audit.second.folders import FOLDER
from metamill.files import csv_text

CHECK = Check(
    code="second_extraction",
    number="B18",
    name="Two extractions",
    rule="a cell of extracted/ and the same cell of extracted/second/ say the same",
    source="Cochrane Handbook for Systematic Reviews of Interventions, section 5.5",
    wrong_when="the second extraction is the wrong one, or the rows describe different groups",
)
CHECKS = (CHECK,)

LIST_COLUMNS = (
    "table,study,row,column,first_line,first,second_line,second,kind,difference,note"
).split(",")
"""Of second_extraction.csv: one row per cell or row to look at."""
AGREEMENT_COLUMNS = (
    "table,column,kind,cells,agree,agree_percent,told,differ,blank,paired,exact_percent,"
    "kappa,kappa_low,kappa_high,bias,limit_low,limit_high,icc,note"
).split(",")
"""Of second_agreement.csv: one row per column, per table (no column) and for all (neither)."""
KINDS = {
    DIFFER: "differ",
    BLANK: "blank in one",
    DIGITS: "same number, other digits",
    SPELLING: "same word, other letters",
    FIRST_ONLY: "in the first only",
    SECOND_ONLY: "in the second only",
}
_TOLD = {DIGITS: "as numbers they are equal", SPELLING: "apart from capitals they are equal"}


def findings_of(comparison: Comparison) -> list[tuple[str, int, Finding]]:
    """A finding for each difference in a row of extracted/, with its table and line there.

    A question where the extractions disagree, or where the second has the study and not the row;
    information where they print one number with other digits, or where the second leaves out the
    whole study. Rows that only the second has are in no analysis, and have no finding.
    """
    return [
        (item.table, item.first_line, _row_finding(item) if not item.column else _finding(item))
        for item in comparison.differences
        if item.first_line is not None
    ]


def _finding(item: Difference) -> Finding:
    first, second = item.first or "blank", item.second or "blank"
    told = _TOLD.get(item.kind, "")
    return Finding(
        check=CHECK.code,
        level=INFO if told else QUESTION,
        columns=(item.column,),
        printed=f"{item.column} {first}",
        allowed=f"{second} in the second extraction",
        arithmetic=(
            f"{item.column} is {first} in extracted/{item.table}, line {item.first_line}, and "
            f"{second} in {FOLDER}/{item.table}, line {item.second_line}"
            + (f"; {told}" if told else "")
        ),
        assumption=f"both rows are the same: {_named(item)}",
    )


def _row_finding(item: Difference) -> Finding:
    row = f"the row in line {item.first_line} of extracted/{item.table}"
    joint = "; it" if item.columns else ":"
    return Finding(
        check=CHECK.code,
        level=INFO if item.study_absent else QUESTION,
        columns=item.columns or ("study",),
        printed=_named(item),
        allowed="no such row in the second extraction",
        arithmetic=f"{row} has no counterpart in {FOLDER}/{item.table}{joint} {item.note}",
    )


def _named(item: Difference) -> str:
    return ", ".join(filter(None, (item.study, item.row)))


def summary(comparison: Comparison) -> str:
    """One line: how many cells agree, and what is to be resolved."""
    overall, single = comparison.overall, len(comparison.single_rows)
    if not overall.cells:
        said = "no cell could be compared"
    else:
        said = f"{overall.agree} of {overall.cells} cells agree"
        waiting = len(comparison.to_resolve)
        said += f"; {waiting} to resolve" if waiting else ""
    if single:
        said += f"; {single} {'row stands' if single == 1 else 'rows stand'} in one extraction only"
    return f"second extraction: {said}"


def list_csv(comparison: Comparison) -> str:
    """The text of second_extraction.csv."""
    rows = [
        {
            "table": item.table,
            "study": item.study,
            "row": item.row,
            "column": item.column,
            "first_line": item.first_line,
            "first": item.first,
            "second_line": item.second_line,
            "second": item.second,
            "kind": item.kind,
            "difference": float(item.amount) if item.amount else None,
            "note": item.note,
        }
        for item in comparison.differences
    ]
    return csv_text(LIST_COLUMNS, rows)


def agreement_csv(comparison: Comparison) -> str:
    """The text of second_agreement.csv: each table's columns, the table, and last all tables."""
    return csv_text(AGREEMENT_COLUMNS, map(_agreement_row, with_totals(comparison)))


def with_totals(comparison: Comparison) -> Iterator[Agreement]:
    """The agreement by column, each table followed by its total; the total of all at the end."""
    for table in comparison.tables:
        columns = [item for item in comparison.columns if item.table == table]
        yield from columns
        yield total(columns, table)
    yield comparison.overall


def _agreement_row(item: Agreement) -> dict[str, Any]:
    own = {name: getattr(item, name) for name in AGREEMENT_COLUMNS if hasattr(item, name)}
    return own | {"agree_percent": item.percent}


def comparison_section(comparison: Comparison) -> dict[str, Any]:
    """What the report says of a second extraction: numbers, lists of dicts, and ready words."""
    overall = comparison.overall
    return {
        "sentence": summary(comparison).removeprefix("second extraction: "),
        "tables": list(comparison.tables),
        "rows": comparison.rows,
        "cells": overall.cells,
        "agree": overall.agree,
        "percent": percent_words(overall.percent),
        "told": overall.told,
        "to_resolve": len(comparison.to_resolve),
        "single_rows": len(comparison.single_rows),
        "agreement": [
            {
                "table": item.table or "all tables",
                "column": item.column or "all columns",
                "cells": item.cells,
                "agree": item.agree,
                "percent": percent_words(item.percent),
                "statistics": statistics_words(item),
                "note": item.note,
            }
            for item in with_totals(comparison)
        ],
        "differences": [
            {
                "table": item.table,
                "study": item.study,
                "row": item.row,
                "column": item.column,
                "first": _cell_words(item.first, item.first_line, item.column),
                "second": _cell_words(item.second, item.second_line, item.column),
                "kind": KINDS[item.kind],
                "note": item.note,
            }
            for item in comparison.differences
        ],
        "uncompared": [
            {"table": table, "columns": ", ".join(columns)}
            for table, columns in comparison.uncompared
        ],
    }


def _cell_words(cell: str, line: int | None, column: str) -> str:
    if line is None:
        return "no row"
    return f"{cell or 'blank'} (line {line})" if column else f"line {line}"


def percent_words(percent: float | None) -> str:
    """One decimal; 100.0 only where all agree, 0.0 only where none does."""
    if percent is None:
        return ""
    if 0 < percent < 100:
        percent = min(max(percent, 0.1), 99.9)
    return f"{percent:.1f} %"


def statistics_words(item: Agreement) -> str:
    """Kappa, or bias with limits of agreement and ICC, as far as there are any."""
    words = []
    if item.kappa is not None:
        words.append(f"kappa {_share(item.kappa)}")
        if item.kappa_low is not None and item.kappa_high is not None:
            words[-1] += f" ({_share(item.kappa_low)} to {_share(item.kappa_high)})"
    if item.kind == NUMBER and item.exact_percent is not None:
        words.append(f"exact {percent_words(item.exact_percent)}")
    if item.bias is not None and item.limit_low is not None and item.limit_high is not None:
        limits = f"{_amount(item.limit_low)} to {_amount(item.limit_high)}"
        words.append(f"bias {_amount(item.bias)} (limits {limits})")
    if item.icc is not None:
        words.append(f"ICC {_share(item.icc)}")
    return "; ".join(words)


def _amount(value: float) -> str:
    """Three significant digits, whole numbers whole, no power of ten where none is needed."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e15 else f"{value + 0.0:.3g}"


def _share(value: float) -> str:
    """Two decimals; 1.00 only where it is 1."""
    return "above 0.99" if 0.995 <= value < 1 else f"{value + 0.0:.2f}"
