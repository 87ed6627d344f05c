"""How robust a primary analysis is: its conclusions, the other analyses, flip points, bars."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metamill.config.conflicts import conflicts
from metamill.config.settings import Outcome
from metamill.estimating import Data
from metamill.explored.flips import Robustness
from metamill.explored.refits import Refit
from metamill.exploring.added_studies import fewest_omitted
from metamill.exploring.assumed import Source
from metamill.exploring.conclusions import concluded, margins, references_of, states
from metamill.exploring.flip_points import flip_points
from metamill.exploring.quick import of_pooled
from metamill.exploring.tornado import alternatives, bars, refit_numbers
from metamill.exploring.units import unit_labels
from metamill.measures.registry import MEASURES
from metamill.results import Analysis
from metamill.tables.selection import Selection


def robustness(
    outcome: Outcome,
    selection: Selection,
    rows: Sequence[int],
    data: Data,
    analyses: Sequence[Analysis],
    leave_one_out: Sequence[Refit],
) -> Robustness | None:
    """What is known of the primary analysis (the first of `analyses`); None where none is pooled.

    `rows` are the positions of the rows of `data`. Flip points are searched where the settings want
    them and the analysis has a conclusion: an interval, and a value of no effect or a threshold.
    """
    primary, plan = analyses[0], outcome.plans[0]
    numbers = of_pooled(primary.pooled)
    if not np.isfinite(numbers).all():
        return None
    measure = MEASURES[plan.model.measure]
    wanted = references_of(plan.model)
    told = alternatives(analyses, [item.name for item in outcome.plans], wanted)
    found = Robustness(
        estimate=float(numbers[0]),
        ci_low=float(numbers[1]),
        ci_high=float(numbers[2]),
        alternatives=told,
        bars=bars(primary, analyses, told, leave_one_out, wanted, measure.log_axis),
    )
    if not wanted:
        return found
    state = states(margins(wanted, numbers))
    found = replace(found, conclusions=concluded(wanted, list(state)))
    if not outcome.explorations.flip_points:
        return found
    chosen = tuple(selection.rows[row] for row in rows)
    source = Source(
        plan,
        selection.table,
        chosen,
        selection.rows,
        data,
        primary.pooled,
        any(analysis.settings.get("icc") is not None for analysis in analyses)
        and not list(conflicts(replace(plan.model, icc=0.1))),
    )
    return replace(
        found,
        flips=flip_points(source, wanted),
        omission=fewest_omitted(
            data,
            plan.model,
            wanted,
            state,
            unit_labels(data.study, [row.cells for row in chosen]),
            [(refit.left_out, refit_numbers(refit)) for refit in leave_one_out],
        ),
    )
