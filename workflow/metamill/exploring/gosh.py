"""The primary analysis on all subsets of its studies, or on a sample of them.

Olkin, Dahabreh and Trikalinos 2012, GOSH: a graphical display of study heterogeneity (doi
10.1002/jrsm.1053). A subset is what `estimate` pools of its studies; where very many can be fitted
at once that is done, with the same numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metamill.config.settings import Explorations, Model
from metamill.estimating import Data, estimate
from metamill.explored.gosh import Gosh
from metamill.exploring.gosh_summary import summary
from metamill.exploring.plain import by_pool, one_effect_each
from metamill.exploring.units import Cells, unit_labels
from metamill.measures.effects import Array
from metamill.pooling.glmm import proportion_studies, rate_studies
from metamill.pooling.glmm_families import Studies
from metamill.pooling.glmm_surface import surface_fits
from metamill.pooling.mantel_haenszel import mantel_haenszel
from metamill.pooling.peto import peto
from metamill.pooling.subset_sample import every_subset, possible_subsets, sampled_subsets
from metamill.pooling.subsets import fit_subsets
from metamill.progress import progress
from metamill.results import Pooled

LEAST = 3
"""Fewer studies have one subset of two, which is all of them."""
MOST_STUDIES = 20
"""Up to so many studies every subset is pooled."""
MOST_CELLS = 20_971_520
"""At most so many studies, each counted in every subset tried: what all subsets of 20 take."""
MOST_MIXED, MOST_SLOW, MOST_TWO_GROUPS = 32_768, 200, 40
"""Subsets of mixed models of one group, of models that are fitted one by one, and of mixed models
of two groups, each of which takes a twentieth of a second, at most."""
BLOCK = 2**15
COUNTABLE = 2**53
"""More subsets than these are not counted: other programs could not read the number."""


@dataclass(frozen=True)
class Fits:
    """mu, tau2 and I2 (per cent) of each subset, (m,); nan where there is none."""

    mu: Array
    tau2: Array
    i2: Array


Fitting = Callable[[Array], Fits]


def gosh(
    data: Data, model: Model, whole: Pooled, cells: Sequence[Cells], settings: Explorations
) -> Gosh | None:
    """What the subsets of the studies give; `cells` are those of the rows of `data`.

    None where `settings` want none. With at most 20 studies all subsets are pooled; above, as many
    as the settings say, fewer where studies are so many that it would take long. Mixed models of
    one group take 32,768 subsets at most; models of dependent rows and the beta-binomial are fitted
    one by one, on 200, and two-group mixed models on 40.
    """
    if not settings.gosh:
        return None
    k = int(data.study.max()) + 1 if len(data.study) else 0
    note = _refusal(k, model, whole)
    if note:
        return Gosh(k, note=note)
    fitting, most = _engine(data, model)
    possible = possible_subsets(k)
    wanted = possible if k <= MOST_STUDIES else min(settings.gosh, max(MOST_SLOW, MOST_CELLS // k))
    count = min(wanted, most, possible)
    every = count == possible
    keep = every_subset(k) if every else _sampled(data, k, count, settings.seed)
    block = BLOCK if most > MOST_SLOW else 1
    starts = range(0, count, block)
    parts = [
        fitting(keep[:, start : start + block])
        for start in progress(starts, len(starts), "Pooling subsets of studies")
    ]
    fits = Fits(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("mu", "tau2", "i2")))
    labels = unit_labels(data.study, cells)
    return summary(
        Gosh(
            k,
            possible if possible < COUNTABLE else None,
            count,
            every=every,
            seed=None if every else settings.seed,
        ),
        keep,
        (fits.mu, fits.tau2, fits.i2),
        data,
        model,
        whole,
        labels,
    )


def _sampled(data: Data, k: int, count: int, seed: int) -> Array:
    """The same subsets of the same studies, in whatever order their rows stand."""
    y, v = (np.bincount(data.study, x) for x in (data.effects.yi, data.effects.vi))
    keep = np.empty((k, count), np.uint8)
    keep[np.lexsort((v, y))] = sampled_subsets(k, count, seed)
    return keep


def _refusal(k: int, model: Model, whole: Pooled) -> str:
    if k < LEAST:
        return "it takes three studies"
    if model.method == "BAYES":
        return "a Bayesian analysis is too slow to be repeated on every subset of the studies"
    if not whole.pooled or whole.mu is None:
        return "no model was fitted to all studies"
    return ""


def _engine(data: Data, model: Model) -> tuple[Fitting, int]:
    """How subsets are fitted, given as (k, m) of 0 and 1, and to how many that is done at most."""
    if not one_effect_each(data):
        return lambda keep: _one_by_one(data, model, keep), MOST_SLOW
    rows = data.take(np.argsort(data.study))
    columns = rows.columns
    if by_pool(model):
        yi, vi = rows.effects.yi, rows.effects.vi
        return lambda keep: _weighted(yi, vi, keep, model.method, _varied(rows, keep)), MOST_CELLS
    if model.method in ("MH", "PETO"):
        return lambda keep: _of_counts(rows, model, keep), MOST_CELLS
    if model.method == "GLMM" and model.measure in ("PLO", "IRLN"):
        rates = model.measure == "IRLN"
        size = columns["time" if rates else "total"]
        studies = (rate_studies if rates else proportion_studies)(columns["events"], size)
        return lambda keep: _mixed(studies, keep), MOST_MIXED
    most = MOST_TWO_GROUPS if model.method == "GLMM" else MOST_SLOW
    return lambda keep: _one_by_one(data, model, keep), most


def _weighted(yi: Array, vi: Array, keep: Array, method: str, varied: Array) -> Fits:
    """By inverse variance; subsets without variation in their counts have no model."""
    out = Fits(*(np.full(keep.shape[1], np.nan) for _ in range(3)))
    columns = np.flatnonzero(varied)
    if not len(columns):
        return out
    try:
        found = fit_subsets(yi, vi, keep[:, columns], method)
    except ArithmeticError:
        if len(columns) == 1:
            return out
        parts = [_part(varied, half) for half in np.array_split(columns, 2)]
        first, second = (_weighted(yi, vi, keep, method, part) for part in parts)
        for name in ("mu", "tau2", "i2"):
            filled = np.where(parts[0], getattr(first, name), getattr(second, name))
            getattr(out, name)[:] = filled
        return out
    out.mu[columns], out.i2[columns] = found.mu, found.i2
    if method != "EE":
        out.tau2[columns] = found.tau2
    return out


def _part(like: Array, columns: Array) -> Array:
    chosen = np.zeros_like(like)
    chosen[columns] = True
    return chosen


def _varied(rows: Data, keep: Array) -> Array:
    """Whether the counts of each subset vary: some study has an event, some a unit without, (m,).

    As estimating.edges has it, for all subsets at once. Effects without counts always may.
    """
    columns = rows.columns
    arms = ("_treatment", "_control") if "events_treatment" in columns else ("",)
    varied = np.ones(keep.shape[1], bool)
    if f"events{arms[0]}" not in columns:
        return varied
    some = np.any([columns[f"events{arm}"] > 0 for arm in arms], axis=0)
    varied &= some.astype(float) @ keep > 0
    if f"total{arms[0]}" in columns:
        less = np.any([columns[f"events{a}"] != columns[f"total{a}"] for a in arms], axis=0)
        varied &= less.astype(float) @ keep > 0
    return varied


def _of_counts(rows: Data, model: Model, keep: Array) -> Fits:
    """Mantel-Haenszel and Peto: one common effect, no tau2."""
    if model.method == "PETO":
        fit = peto(rows.columns, model.level, keep)
    else:
        fit = mantel_haenszel(rows.columns, model.measure, model.level, keep)
    mu = np.where(_varied(rows, keep), fit.mu, np.nan)
    return Fits(mu, np.full(len(mu), np.nan), np.where(np.isfinite(mu), fit.i2, np.nan))


def _mixed(studies: Studies, keep: Array) -> Fits:
    """Mixed models of one group, from the likelihood surface that all subsets share."""
    mu, _, tau2 = surface_fits(studies, keep)
    return Fits(mu, tau2, np.full(len(mu), np.nan))


def _one_by_one(data: Data, model: Model, keep: Array) -> Fits:
    found = []
    for column in keep.T:
        part = data.take(column[data.study] > 0)
        pooled = estimate(part, model).pooled
        numbers = (pooled.mu, pooled.tau2, pooled.i2) if pooled.pooled else (None,) * 3
        found.append([np.nan if x is None else x for x in numbers])
    return Fits(*np.array(found, float).T)
