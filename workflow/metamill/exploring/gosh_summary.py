"""Very many estimates of subsets as the few numbers that a result keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.explored.gosh import Cloud, Crossing, Gosh, GoshStudy, Spread
from metamill.exploring.conclusions import references_of
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES, to_natural
from metamill.measures.scales import double_arcsine_to_proportion
from metamill.results import Pooled

ACROSS, UP = 60, 40
"""Bins of the estimate and of heterogeneity."""
_SAME = 1e-9
"""Estimates closer than this, as a share of their size, differ by rounding."""
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def summary(
    found: Gosh,
    keep: Array,
    fits: tuple[Array, Array, Array],
    data: Data,
    model: Model,
    whole: Pooled,
    labels: Sequence[str],
) -> Gosh:
    """`found` with all that its subsets say; keep (k, m), `fits` mu, tau2 and I2 of each, (m,)."""
    known = np.isfinite(fits[0])
    found = replace(found, failed=int((~known).sum()))
    if not known.any():
        return replace(found, note="no subset has an estimate")
    if not known.all():
        keep, fits = keep[:, known], (fits[0][known], fits[1][known], fits[2][known])
    mu, tau2, i2 = fits
    natural = _natural(mu, keep, data, model)
    y_is, heterogeneity = _heterogeneity(tau2, i2)
    by_estimate = _sorted(natural)
    by_tau2 = _sorted(tau2) if np.isfinite(tau2).all() else None
    mu_in_order = mu[by_estimate.order]
    studies = tuple(
        _study(name, keep[study].view(bool), by_estimate, mu_in_order, by_tau2)
        for study, name in enumerate(labels)
    )
    splits = [abs(study.split or 0.0) for study in studies]
    mover = int(np.argmax(splits))
    return replace(
        found,
        estimate=_spread(by_estimate.values),
        tau2=None if by_tau2 is None else _spread(by_tau2.values),
        heterogeneity=_spread(np.sort(heterogeneity[np.isfinite(heterogeneity)])) if y_is else None,
        crossings=tuple(_crossings(natural, whole, model)),
        studies=studies,
        cloud=_cloud(natural, heterogeneity, y_is, keep[mover] > 0, labels[mover], data, model)
        if y_is
        else None,
        note="" if y_is else "the model has neither I2 nor tau, so there is no second axis",
    )


def _without_noise(split: float) -> float:
    return 0.0 if abs(split) < _SAME else split


def _natural(mu: Array, keep: Array, data: Data, model: Model) -> Array:
    """The estimates on the natural scale, within the bounds of the measure."""
    if model.measure == "PFT":
        each = np.bincount(data.study).astype(float)
        inverse = np.bincount(data.study, 1 / data.columns["total"])
        harmonic = (each @ keep) / (inverse @ keep)
        natural = double_arcsine_to_proportion(mu, harmonic)
    else:
        natural = to_natural(model.measure, mu, scale=data.scale)
    return np.clip(natural, *MEASURES[model.measure].bounds)


def _heterogeneity(tau2: Array, i2: Array) -> tuple[str, Array]:
    """What stands upwards: I2 where any subset has it, else tau, else nothing ("")."""
    if np.isfinite(i2).any():
        return "i2", i2
    return ("tau", np.sqrt(tau2)) if np.isfinite(tau2).any() else ("", i2)


def _ranks(n: int) -> list[int]:
    """Places from 0 of the least, the quantiles and the most of n values in their order.

    A quantile is number ceil(share n) of n.
    """
    return [0, *(max(0, int(np.ceil(share * n - 1e-9)) - 1) for share in _SHARES), n - 1]


def _spread(ordered: Array) -> Spread:
    return Spread(*map(float, ordered[_ranks(len(ordered))]))


@dataclass(frozen=True)
class _Sorted:
    """Values of all subsets in their order, and which subset each belongs to."""

    order: Array
    values: Array


def _sorted(values: Array) -> _Sorted:
    order = np.argsort(values)
    return _Sorted(order, values[order])


def _study(
    name: str, inside: Array, natural: _Sorted, mu: Array, tau2: _Sorted | None
) -> GoshStudy:
    """What tells the subsets with a study (`inside`, a mask) from those without it.

    mu: on the model scale, in the order of `natural`.
    """
    estimates, medians = [], []
    for at in _places(inside, natural):
        estimates.append(Spread(*map(float, natural.values[at])) if len(at) else None)
        medians.append(mu[at[len(at) // 2]] if len(at) else np.nan)
    tau2s: list[Spread | None] = [None, None]
    if tau2 is not None:
        found = _places(inside, tau2)
        tau2s = [Spread(*map(float, tau2.values[at])) if len(at) else None for at in found]
    ranks = _ranks(len(mu))
    width = float(mu[ranks[4]] - mu[ranks[2]])
    if width <= _SAME * float(np.abs(mu).max()):
        width = 0.0
    split = float(medians[0] - medians[1]) / width if width else np.nan
    count = int(np.count_nonzero(inside))
    return GoshStudy(
        study=name,
        subsets_with=count,
        estimate_with=estimates[0],
        estimate_without=estimates[1],
        tau2_with=tau2s[0],
        tau2_without=tau2s[1],
        split=_without_noise(split) if np.isfinite(split) else None,
    )


def _places(inside: Array, among: _Sorted) -> tuple[Array, Array]:
    """Where, among all values in their order, those of each part lie that make its spread."""
    members = inside[among.order]
    parts = (np.flatnonzero(members), np.flatnonzero(~members))
    return parts[0][_some(parts[0])], parts[1][_some(parts[1])]


def _some(part: Array) -> list[int]:
    return _ranks(len(part)) if len(part) else []


def _crossings(natural: Array, whole: Pooled, model: Model) -> list[Crossing]:
    if whole.estimate is None:
        return []
    words = {"null": "no effect", "threshold": "threshold"}
    return [
        Crossing(
            words[item.kind],
            item.value,
            float(np.mean((natural > item.value) != (whole.estimate > item.value))),
        )
        for item in references_of(model)
    ]


def _cloud(
    x: Array, y: Array, y_is: str, inside: Array, mover: str, data: Data, model: Model
) -> Cloud:
    placed = np.isfinite(y)
    unplaced = int((~placed).sum())
    x, y, inside = x[placed], y[placed], inside[placed]
    log = MEASURES[model.measure].log_axis or data.scale == "log"
    log = log and bool((x > 0).all())
    low, high = float(x.min()), float(x.max())
    if high - low <= _SAME * max(abs(low), abs(high)):
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    top = 100.0 if y_is == "i2" else float(y.max()) or 1.0
    ends = np.log([low, high]) if log else np.array([low, high])
    along = _bins(np.log(x) if log else x, float(ends[0]), float(ends[1]), ACROSS)
    cell = along + ACROSS * _bins(y, 0.0, top, UP)
    every, with_it = (np.bincount(c, minlength=ACROSS * UP) for c in (cell, cell[inside]))
    counts, counts_with = (
        tuple(tuple(map(int, row)) for row in counted.reshape(UP, ACROSS))
        for counted in (every, with_it)
    )
    return Cloud(y_is, low, high, log, top, counts, mover, counts_with, unplaced)


def _bins(values: Array, low: float, high: float, count: int) -> Array:
    """The bin of each value; rounded first, so that a last bit moves none across an edge."""
    place = np.round((values - low) / (high - low) * count, 6)
    return np.clip(np.floor(place), 0, count - 1).astype(int)
