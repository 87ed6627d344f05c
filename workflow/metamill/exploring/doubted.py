"""The other side of what the audit decides: the primary analysis with, or without, doubted rows."""

from dataclasses import replace

from metamill.config.settings import HeldRow, Outcome, Plan
from metamill.tables.pools import apply_plan
from metamill.tables.table import TableRow

WITH_HELD = "sensitivity:with the rows that the audit holds out, as printed"
WITHOUT_DOUBTED = "sensitivity:without the rows that are inconsistent as printed"


def doubted_rows(outcome: Outcome, rows: tuple[TableRow, ...]) -> list[Plan]:
    """The primary analysis with the rows held out, and without those accepted as printed.

    Each is added only where it pools other rows than the primary analysis, and no analysis of the
    settings is the same already.
    """
    primary = outcome.plans[0]
    every = tuple(HeldRow(line, "inconsistent as printed") for line in primary.doubted)
    candidates = (
        replace(primary, name=WITH_HELD, held=()),
        replace(primary, name=WITHOUT_DOUBTED, held=every),
    )
    there = [(plan.model, apply_plan(rows, plan).used) for plan in outcome.plans]
    return [plan for plan in candidates if (plan.model, apply_plan(rows, plan).used) not in there]
