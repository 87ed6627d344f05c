"""The other side of what the audit decides: the primary analysis with, or without, doubted rows."""

from dataclasses import replace

from metamill.config.settings import HeldRow, Outcome, Plan
from metamill.errors import NumericError
from metamill.preparation import prepared_data
from metamill.tables.pools import apply_plan, identity
from metamill.tables.selection import Selection

WITH_HELD = "sensitivity:with the rows that the audit holds out, as printed"
WITHOUT_DOUBTED = "sensitivity:without the rows that are inconsistent as printed"


def doubted_rows(outcome: Outcome, selection: Selection) -> list[Plan]:
    """The primary analysis with the rows held out, and without those accepted as printed.

    A held row that gives no number stays out. Each analysis is added only where it pools other rows
    than the primary one, and no analysis of the settings is the same already.
    """
    primary = outcome.plans[0]
    candidates = (
        replace(primary, name=WITH_HELD, held=without_number(primary, selection)),
        replace(primary, name=WITHOUT_DOUBTED, held=every_doubted(primary)),
    )
    rows = selection.rows
    there = {identity(rows, plan) for plan in outcome.plans}
    return [plan for plan in candidates if identity(rows, plan) not in there]


def every_doubted(primary: Plan) -> tuple[HeldRow, ...]:
    """All rows that are inconsistent as printed, accepted or not."""
    return tuple(HeldRow(line, "inconsistent as printed") for line in primary.doubted)


def without_number(primary: Plan, selection: Selection) -> tuple[HeldRow, ...]:
    """The held rows from which nothing can be pooled even as they are printed."""
    siblings = [selection.rows[at] for at in apply_plan(selection.rows, primary).used]
    rows = {row.line: row for row in selection.rows}
    found = []
    for item in primary.held:
        try:
            prepared_data([rows[item.line]], primary, selection.table, siblings)
        except NumericError:
            found.append(item)
    return tuple(found)
