"""Leaving out where several studies share a cohort: the whole of it, and one study of it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.explored.refits import Refit
from metamill.exploring.refits import LEAST, refit_on
from metamill.exploring.units import Cells, label, shared_cohorts
from metamill.results import Pooled

COHORT, STUDY_OF_COHORT = "cohort", "study of a cohort"
"""What is left out, where it is not one study that shares no participants."""


def told_apart(refits: Sequence[Refit], data: Data, cells: Sequence[Cells]) -> tuple[Refit, ...]:
    """Leave-one-out refits, those without a whole cohort of several studies marked so."""
    whole = {
        int(data.study[rows][0])
        for _, rows in shared_cohorts(cells)
        if len(set(data.study[rows])) == 1
    }
    return tuple(
        replace(refit, unit=COHORT) if unit in whole else refit for unit, refit in enumerate(refits)
    )


def other_level(
    data: Data, model: Model, whole: Pooled, cells: Sequence[Cells]
) -> tuple[Refit, ...]:
    """The refits that leaving out one independent study at a time does not give.

    Where the model takes the rows of a cohort for one unit: the analysis without one of its studies
    in turn. Where it takes its studies for independent ones (as config.yaml may declare): the
    analysis without all of them. Empty where no cohort is shared or fewer than three independent
    studies were pooled.
    """
    if not whole.pooled or len(np.unique(data.study)) < LEAST:
        return ()
    found: list[Refit] = []
    for cohort, rows in shared_cohorts(cells):
        inside = [int(row) for row in np.flatnonzero(rows)]
        if len(set(data.study[inside])) > 1:
            names = list(dict.fromkeys(label(cells[i]) for i in inside))
            found.append(
                _without(data, model, whole, rows, f"{cohort} ({', '.join(names)})", COHORT)
            )
            continue
        studies = np.array([row["study"].casefold() for row in cells])
        for study in dict.fromkeys(studies[inside]):
            part = rows & (studies == study)
            name = f"{label(cells[int(np.flatnonzero(part)[0])])} (of {cohort})"
            found.append(_without(data, model, whole, part, name, STUDY_OF_COHORT))
    return tuple(found)


def _without(
    data: Data, model: Model, whole: Pooled, rows: np.ndarray, name: str, unit: str
) -> Refit:
    """One refit without `rows`."""
    return replace(refit_on(data.take(~rows), model, whole), left_out=name, unit=unit)
