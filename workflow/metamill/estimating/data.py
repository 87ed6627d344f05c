"""What an analysis pools, and what comes back."""

from dataclasses import dataclass, replace

import numpy as np

from metamill.config.settings import Model
from metamill.measures.effects import Array, Effects
from metamill.pooling.identified import informs_a_ratio
from metamill.results import Pooled


@dataclass(frozen=True)
class Data:
    """What one analysis pools: the columns of its measure, its effects, the study of each row.

    Every array has shape (k,). `study` numbers the independent studies (or shared cohorts) from 0;
    rows with one number depend on each other. `scale` is the scale of reported effects (GEN).
    """

    columns: dict[str, Array]
    effects: Effects
    study: Array
    scale: str | None = None

    def take(self, rows: Array) -> "Data":
        """The same data for some rows, given as indices or as a mask."""
        effects = Effects(
            self.effects.yi[rows], self.effects.vi[rows], self.effects.corrected[rows]
        )
        columns = {name: values[rows] for name, values in self.columns.items()}
        study = np.unique(self.study[rows], return_inverse=True)[1]
        return replace(self, columns=columns, effects=effects, study=study)


def informative_studies(data: Data, model: Model) -> int:
    """How many studies say something about the effect under the model.

    A ratio learns nothing from a study without an event in either group, or with nothing else.
    """
    conditional = model.method == "GLMM" or (
        model.method in ("MH", "PETO") and model.measure == "OR"
    )
    if not conditional or "events_treatment" not in data.columns:
        return len(np.unique(data.study))
    return int(informative_rows(data).sum())


def informative_rows(data: Data) -> Array:
    """Which rows of counts in two groups say something about a ratio, (k,)."""
    columns = data.columns
    events = columns["events_treatment"] + columns["events_control"]
    totals = "total_treatment" in columns
    units = columns["total_treatment"] + columns["total_control"] if totals else None
    return informs_a_ratio(events, units)


def known(value: float | Array) -> float | None:
    """The number, or None for nan, which stands for one that does not exist."""
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True)
class Estimate:
    """The pooled numbers, and per row the weight in per cent and the posterior.

    `weights` has shape (k,), `posterior` (k, 3) or (k, 1): the natural-scale value the model
    gives each study, with its limits where it has them. None where there is none.
    """

    pooled: Pooled
    weights: Array | None = None
    posterior: Array | None = None
