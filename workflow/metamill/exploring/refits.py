"""The primary analysis on other rows: without each study in turn, and study after study.

Every refit goes through the same `estimate` as the primary analysis, so it works for every model
and gives bit for bit what `estimate` gives for those effects. The effects are those of the primary
analysis: what a row borrows from others (a sibling's correlation, `to: if0all`) stays.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metamill.config.settings import Model
from metamill.estimating import Data, estimate
from metamill.measures.effects import Array
from metamill.results import Pooled, Refit

LEAST = 3
"""Fewer studies leave one study or none, which is no pool to compare with."""


def leave_one_out(
    data: Data, model: Model, whole: Pooled, labels: Sequence[str]
) -> tuple[Refit, ...]:
    """One refit per study of `data` without it; `labels` name the studies in their order.

    Cook's distance (mu - mu_i)^2/se^2 and the covariance ratio se_i^2/se^2 are those of Viechtbauer
    and Cheung 2010 (doi 10.1002/jrsm.11), with the standard errors of the test chosen. Empty where
    fewer than three studies were pooled.
    """
    studies = int(data.study.max()) + 1 if len(data.study) else 0
    if not whole.pooled or studies < LEAST:
        return ()
    refits = []
    for study, label in enumerate(labels):
        pooled = estimate(data.take(data.study != study), model).pooled
        refits.append(_influence(_refit(pooled, left_out=label), whole))
    return tuple(refits)


def cumulative(data: Data, model: Model, order: Array, labels: Sequence[str]) -> tuple[Refit, ...]:
    """One refit per study, of it and those before it; `order` lists the studies first to last."""
    refits = []
    for count in range(1, len(order) + 1):
        part = data.take(np.isin(data.study, order[:count]))
        refit = _refit(estimate(part, model).pooled, up_to=labels[order[count - 1]])
        if count == 1 and part.effects.corrected.any() and refit.mu is not None:
            refit = replace(refit, note=f"{refit.note}; its effect has a continuity correction")
        refits.append(refit)
    return tuple(refits)


def _refit(pooled: Pooled, left_out: str = "", up_to: str = "") -> Refit:
    names = ("estimate", "ci_low", "ci_high", "mu", "se", "tau2", "i2", "q", "p_value")
    told = [note for note in pooled.notes if not pooled.pooled or _CAUTION.search(note)]
    note = "; ".join(told)
    values = {name: getattr(pooled, name) for name in names}
    return Refit(left_out=left_out, up_to=up_to, k=pooled.k, note=note, **values)


_CAUTION = re.compile("unreliable|^two studies")
"""Notes that a reader of one line of refits must not miss."""


def _influence(refit: Refit, whole: Pooled) -> Refit:
    if refit.mu is None or not refit.se or whole.mu is None or not whole.se:
        return refit
    return replace(
        refit,
        cook=((whole.mu - refit.mu) / whole.se) ** 2,
        covariance_ratio=(refit.se / whole.se) ** 2,
    )
