"""Estimate and interval of many variants of one analysis, without what else `estimate` computes."""

from dataclasses import replace

import numpy as np

from metamill.config.settings import Model
from metamill.errors import NumericError
from metamill.estimating import Data, estimate
from metamill.exploring.plain import is_plain, is_weighted
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES, to_natural
from metamill.pooling.inverse_variance import pool
from metamill.results import Pooled

NONE = np.full(3, np.nan)


def is_quick(data: Data, model: Model) -> bool:
    """Whether `weighted_numbers` serves: one effect per study is pooled by inverse variance.

    Not for the double arcsine, whose way back depends on the sizes of the studies pooled.
    """
    return is_weighted(data, model) and model.measure != "PFT"


def numbers_of(data: Data, model: Model) -> Array:
    """Estimate and limits (3,) on the natural scale as `estimate` gives them; nan without a pool.

    An estimate without interval counts as none.
    """
    if is_quick(data, model) and is_plain(data, model):
        return weighted_numbers(data.effects.yi, data.effects.vi, data, model)
    try:
        with np.errstate(over="ignore"):
            pooled = estimate(data, replace(model, prediction=False, thresholds=())).pooled
    except NumericError:
        return NONE
    return of_pooled(pooled)


def of_pooled(pooled: Pooled) -> Array:
    """Estimate and limits (3,) of a result; nan where it is not pooled or has no interval."""
    numbers = (pooled.estimate, pooled.ci_low, pooled.ci_high)
    if not pooled.pooled or any(x is None for x in numbers):
        return NONE
    return np.array(numbers, float)


def weighted_numbers(
    yi: Array,
    vi: Array,
    data: Data,
    model: Model,
    method: str | None = None,
    keep: Array | None = None,
) -> Array:
    """Estimate and limits by `pool` of effects (k,) or (k, m): shape (3,) or (m, 3), nan without.

    `data` gives the scale; `method` and `keep` as in `pool`.
    """
    try:
        fit = pool(yi, vi, method or model.method, model.test, model.level, keep=keep)
    except ArithmeticError:
        return np.full((*np.shape(yi)[1:], 3), np.nan)
    limits = [np.atleast_1d(x) for x in (fit.mu, fit.mu_low, fit.mu_high)]
    least, most = MEASURES[model.measure].bounds
    with np.errstate(over="ignore"):  # a limit beyond all numbers is endless
        mu, low, high = (
            np.clip(to_natural(model.measure, x, scale=data.scale), least, most) for x in limits
        )
    found = np.stack([mu, np.minimum(low, high), np.maximum(low, high)], axis=-1)
    found[~(np.atleast_1d(fit.se) > 0)] = np.nan
    return found[0] if np.ndim(yi) == 1 else found
