"""Every exploration of one primary analysis, as its settings ask."""

from collections.abc import Mapping
from dataclasses import dataclass

from metamill.config.settings import Outcome
from metamill.estimating import Data
from metamill.explored import Explored
from metamill.explored.outliers import Outliers
from metamill.explored.refits import Refit
from metamill.exploring.gosh import gosh
from metamill.exploring.multiverse import multiverse
from metamill.exploring.robustness import robustness
from metamill.exploring.small_study import small_study_effects
from metamill.results import Analysis
from metamill.tables.selection import Selection


@dataclass(frozen=True)
class Base:
    """A primary analysis and what it was made of.

    `rows` are the positions in the selection of the rows it pools, `cells` their cells and `data`
    their numbers, all in one order. `analyses` are all that were made, the primary one first;
    `outliers` are the studies that one of them leaves out as such.
    """

    outcome: Outcome
    selection: Selection
    rows: tuple[int, ...]
    cells: tuple[Mapping[str, str], ...]
    data: Data
    analyses: tuple[Analysis, ...]
    outliers: Outliers
    leave_one_out: tuple[Refit, ...] = ()

    @property
    def primary(self) -> Analysis:
        return self.analyses[0]


def explore(base: Base) -> Explored:
    """What the settings ask for, and what the number of studies allows."""
    model, pooled = base.outcome.plans[0].model, base.primary.pooled
    return Explored(
        multiverse=multiverse(base.outcome, base.selection),
        outliers=base.outliers,
        gosh=gosh(base.data, model, pooled, base.cells, base.outcome.explorations),
        robustness=robustness(
            base.outcome, base.selection, base.rows, base.data, base.analyses, base.leave_one_out
        ),
        small_study=small_study_effects(model, base.data, base.rows, pooled)
        if base.outcome.explorations.small_study_effects
        else None,
    )
