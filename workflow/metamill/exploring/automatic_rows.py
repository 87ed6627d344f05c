"""The primary analysis on other rows: without what the source does not print, other studies."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from metamill.config.settings import Plan, RowFilter
from metamill.tables.needs import missing_clusters, missing_columns
from metamill.tables.pools import apply_plan
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

STATED = ("", "reported")
"""Values of value_status that say that the source prints the numbers."""


def other_rows(plan: Plan, selection: Selection) -> list[Plan]:
    """The plans that pool other rows than `plan`, each for one reason."""
    return [*_without_statuses(plan, selection), *_other_studies(plan, selection)]


def _without_statuses(plan: Plan, selection: Selection) -> Iterator[Plan]:
    """Without the rows of each value_status, one at a time, where others are left."""
    used = [selection.rows[at].cells for at in apply_plan(selection.rows, plan).used]
    statuses = [cells.get("value_status", "") for cells in used]
    for status in sorted(set(statuses) - set(STATED)):
        if any(other != status for other in statuses):
            words = "implied zeros" if status == "implied_zero" else _marked(status)
            left_out = RowFilter({"value_status": (status,)}, f"left out by 'without {words}'")
            yield replace(plan, name=f"sensitivity:without {words}", drop=left_out)


def _marked(status: str) -> str:
    return f"numbers marked {status.replace('_', ' ')}"


def _other_studies(plan: Plan, selection: Selection) -> Iterator[Plan]:
    """One study of a cohort instead of the one that is pooled.

    Only where an exclusion names the study (or its cohort) and nothing else keeps its row out: a
    row that is left out for what it counts is no other source of the same number. Nor is a row
    that the audit holds out or that lacks a number. A study with several such rows is passed over
    unless the model pools several, as nothing says which of them to take.
    """
    rows = selection.rows
    divided = apply_plan(rows, plan)
    held = {item.line for item in plan.held}
    pooled: dict[str, list[TableRow]] = {}
    for at in divided.used:
        cohort = rows[at].cells.get("cohort", "")
        if cohort:
            pooled.setdefault(cohort.casefold(), []).append(rows[at])
    candidates = [
        rows[at]
        for at, _ in divided.left_out
        if rows[at].cells.get("cohort", "").casefold() in pooled
        and rows[at].line not in held
        and _left_out_by_name(rows[at], plan)
        and not missing_columns(plan.model.measure, rows[at].cells)
        and not (
            plan.model.icc is not None and missing_clusters(plan.model.measure, rows[at].cells)
        )
    ]
    count = Counter(row.cells["study"].casefold() for row in candidates)
    taken = set()
    for row in candidates:
        study, cohort = row.cells["study"], row.cells["cohort"]
        instead = pooled[cohort.casefold()]
        same = study.casefold() in {other.cells["study"].casefold() for other in instead}
        ambiguous = count[study.casefold()] > 1 and not plan.model.dependent
        if same or ambiguous or study.casefold() in taken:
            continue
        taken.add(study.casefold())
        exchanged = _exchanged(plan, row, instead)
        if _takes_only(exchanged, row, selection, plan):
            yield exchanged


def _left_out_by_name(row: TableRow, plan: Plan) -> bool:
    reasons = [item for item in plan.exclude if item.matches(row.cells)]
    return bool(reasons) and all({"study", "cohort"} & set(item.where) for item in reasons)


def _exchanged(plan: Plan, row: TableRow, instead: list[TableRow]) -> Plan:
    names = list(dict.fromkeys(_label(other) for other in instead))
    cohort = row.cells["cohort"]
    name = f"{_label(row)} instead of {' and '.join(names)} (cohort {cohort})"
    studies = tuple(dict.fromkeys(other.cells["study"] for other in instead))
    return replace(
        plan,
        name=f"sensitivity:{name}",
        include=RowFilter({"study": (row.cells["study"],)}),
        drop=RowFilter({"study": studies}, f"left out by '{name}'"),
    )


def _takes_only(exchanged: Plan, row: TableRow, selection: Selection, plan: Plan) -> bool:
    """Whether no row but those of the study wanted comes back: one, or several if pooled so."""
    before = set(apply_plan(selection.rows, plan).used)
    back = [i for i in apply_plan(selection.rows, exchanged).used if i not in before]
    ours = all(selection.rows[i].cells["study"] == row.cells["study"] for i in back)
    return ours and (len(back) == 1 or (plan.model.dependent and bool(back)))


def _label(row: TableRow) -> str:
    return row.cells.get("label") or row.cells["study"]
