"""The primary analysis on other rows: without each study in turn, and study after study.

Every refit is bit for bit what `estimate` gives for those effects, whatever the model. The effects
are those of the primary analysis: what a row borrows from others (a sibling's correlation,
`to: if0all`) stays.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from metamill.config.settings import Model
from metamill.estimating import Data, estimate
from metamill.estimating.data import known
from metamill.estimating.scales import on_natural_scale
from metamill.explored.refits import Refit
from metamill.exploring.influence import with_influence
from metamill.exploring.plain import is_plain, is_weighted
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES
from metamill.pooling.inverse_variance import pool
from metamill.pooling.policy import permission
from metamill.results import Pooled

LEAST = 3
"""Fewer studies leave one study or none, which is no pool to compare with."""

BLOCK = 256
"""How many refits are fitted at once, so that memory grows with the studies and not their square.
"""


def leave_one_out(
    data: Data, model: Model, whole: Pooled, labels: Sequence[str]
) -> tuple[Refit, ...]:
    """One refit per study of `data` without it; `labels` name the studies in their order.

    Cook's distance (mu - mu_i)^2/se^2 and the covariance ratio se_i^2/se^2 are those of Viechtbauer
    and Cheung 2010 (doi 10.1002/jrsm.11), with the standard errors of the test chosen. Where one
    effect per study is pooled by inverse variance the other statistics of exploring.influence come
    with them, and all refits are fitted at once. Empty where fewer than three studies were pooled.
    """
    studies = int(data.study.max()) + 1 if len(data.study) else 0
    if not whole.pooled or studies < LEAST:
        return ()
    weighted = is_weighted(data, model)
    refits: list[Refit] = []
    for start in range(0, studies, BLOCK):
        left_out = range(start, min(start + BLOCK, studies))
        parts = [data.take(data.study != study) for study in left_out]
        refits += _at_once(data, left_out, parts, model) if weighted else _one_by_one(parts, model)
    found = [
        replace(_compared(refit, whole), left_out=label)
        for refit, label in zip(refits, labels, strict=True)
    ]
    if not weighted:
        return tuple(found)
    rows = np.argsort(data.study)
    return with_influence(found, whole, data.effects.yi[rows], data.effects.vi[rows])


def cumulative(data: Data, model: Model, order: Array, labels: Sequence[str]) -> tuple[Refit, ...]:
    """One refit per study, of it and those before it; `order` lists the studies first to last."""
    refits = []
    for count in range(1, len(order) + 1):
        part = data.take(np.isin(data.study, order[:count]))
        refit = replace(_refit_of(part, model), up_to=labels[order[count - 1]])
        if count == 1 and part.effects.corrected.any() and refit.mu is not None:
            refit = replace(refit, note=f"{refit.note}; its effect has a continuity correction")
        refits.append(refit)
    return tuple(refits)


def _refit_of(part: Data, model: Model) -> Refit:
    """What `estimate` gives of a part, as a refit that names no study yet."""
    pooled = estimate(part, model).pooled
    names = ("estimate", "ci_low", "ci_high", "mu", "se", "tau2", "i2", "q", "p_value")
    told = [
        note.replace(_OF_PREDICTION, "")
        for note in pooled.notes
        if not pooled.pooled or _CAUTION.search(note)
    ]
    values = {name: getattr(pooled, name) for name in names}
    return Refit(left_out="", up_to="", k=pooled.k, note="; ".join(told), **values)


def _one_by_one(parts: Sequence[Data], model: Model) -> list[Refit]:
    return [_refit_of(part, model) for part in parts]


_CAUTION = re.compile("robust interval is unreliable|^two studies|no width: no interval")
"""Notes that a reader of one line of refits must not miss: those on what the line shows."""
_OF_PREDICTION = "no prediction interval, and "
"""Refits have no prediction interval, so nothing is said of it."""


def _compared(refit: Refit, whole: Pooled) -> Refit:
    if refit.mu is None or whole.mu is None or not whole.se:
        return refit
    return replace(
        refit,
        cook=((whole.mu - refit.mu) / whole.se) ** 2,
        covariance_ratio=(refit.se / whole.se) ** 2 if refit.se else None,
    )


def refit_on(part: Data, model: Model, whole: Pooled) -> Refit:
    """The analysis on a part of its data, compared with that of all; it names no study yet."""
    return _compared(_refit_of(part, model), whole)


def _at_once(
    data: Data, left_out: Sequence[int], parts: Sequence[Data], model: Model
) -> list[Refit]:
    """`_one_by_one` of `parts`, `data` without each study, bit for bit, from one call of `pool`.

    The parts have one effect per study and equally many studies, so their caution is one and the
    same and is taken from the first of them that is like any other. A part where `estimate` has
    more to decide (no variation in the counts, effects that are identical or nearly) is left to it.
    A single part is too: numpy sums one column in another order than several.
    """
    plain = [is_plain(part, model) for part in parts]
    if len(parts) == 1 or not any(plain):
        return _one_by_one(parts, model)
    caution = _refit_of(parts[plain.index(True)], model).note
    keep = data.study[:, None] != np.array(left_out)
    yi, vi = (np.repeat(x[:, None], len(parts), axis=1) for x in (data.effects.yi, data.effects.vi))
    try:
        fit = pool(yi, vi, model.method, model.test, model.level, keep)
    except ArithmeticError:
        return _one_by_one(parts, model)
    refits = []
    for column, part in enumerate(parts):
        numbers = {name: float(getattr(fit, name)[column]) for name in _OF_THE_KERNEL}
        sound = numbers["se"] > 0 and all(np.isfinite(value) for value in numbers.values())
        ordinary = plain[column] and sound
        refits.append(_plain(part, model, numbers, caution) if ordinary else _refit_of(part, model))
    return refits


_OF_THE_KERNEL = ("mu", "se", "mu_low", "mu_high", "tau2", "q", "p_value", "i2")


def _plain(part: Data, model: Model, numbers: dict[str, float], caution: str) -> Refit:
    """A part whose numbers are those of the kernel, as `estimate` shows them."""
    k = len(part.study)
    equal_effects = model.method == "EE"
    no_prediction = {"pi_low": np.nan, "pi_high": np.nan}
    natural = on_natural_scale(numbers | no_prediction, part, model, permission(k))
    limits: dict[str, Any] = {name: natural.get(name) for name in ("estimate", "ci_low", "ci_high")}
    return Refit(
        left_out="",
        up_to="",
        k=k,
        **limits,
        mu=numbers["mu"],
        se=numbers["se"],
        tau2=None if equal_effects else numbers["tau2"],
        i2=known(numbers["i2"]),
        q=numbers["q"],
        p_value=None if MEASURES[model.measure].null is None else numbers["p_value"],
        note=caution,
    )
