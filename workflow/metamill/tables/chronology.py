"""Whether the studies of an outcome can be added in the order of their years."""

from dataclasses import replace

from metamill.config.settings import YEAR, Outcome
from metamill.tables.pools import apply_plan
from metamill.tables.selection import Selection
from metamill.tables.values import is_number

LEAST_DATED = 3
"""So many studies must say their year for an order by it that nobody asked for."""


def ordered_by_year(outcome: Outcome, selection: Selection) -> Outcome:
    """The outcome with the order of a cumulative analysis, where its settings leave that open.

    By year where at least three studies of the primary analysis say it; not for Bayesian primary
    analyses, which are slow to repeat.
    """
    if outcome.cumulative is not None:
        return outcome
    primary = outcome.plans[0]
    pooled = (selection.rows[row].cells for row in apply_plan(selection.rows, primary).used)
    dated = {cells["study"].casefold() for cells in pooled if is_number(cells.get(YEAR, ""))}
    enough = len(dated) >= LEAST_DATED and primary.model.method != "BAYES"
    return replace(outcome, cumulative=(YEAR,) if enough else ())
