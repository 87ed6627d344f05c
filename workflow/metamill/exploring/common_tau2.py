"""Levels of a column pooled with one tau2: a regression on the column, one mean for each level."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtr

from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.estimating.data import known
from metamill.estimating.scales import beyond, natural_limits, natural_value, predicts
from metamill.explored.subgroups import LevelsTest
from metamill.exploring.regression_models import Regressed, by_own_model
from metamill.measures.effects import Array, Effects
from metamill.measures.registry import MEASURES
from metamill.pooling.heterogeneity import heterogeneity
from metamill.pooling.policy import POLICY, permission
from metamill.pooling.predictive import prediction_df, probability_beyond
from metamill.results import Pooled

COMMON, SEPARATE = "common", "separate"
_OF_FEW_STUDIES = tuple(entry.note for entry in POLICY if entry.note)
_OF_A_LEVEL_ALONE = (*_OF_FEW_STUDIES, "two studies:", "the effects are identical")
"""Beginnings of notes that hold for a level with its own tau2 and not for one that shares it."""


@dataclass(frozen=True)
class Shared:
    """The levels with one tau2: the pooled numbers and weights of each, None for those not in it.

    `test` compares them.
    """

    pooled: tuple[Pooled | None, ...]
    weights: tuple[Array | None, ...]
    test: LevelsTest


def common_tau2(
    column: str, levels: Sequence[str], pooled: Sequence[Pooled], data: Sequence[Data], model: Model
) -> Shared:
    """What a regression on the levels gives each of them, from `data` and `pooled` of each.

    A level is in it if it is pooled on its own: one study, or counts without any variation, say
    nothing of tau2 and keep what they have. With fewer than two such levels, and where the
    regression has no answer, no level is in it and the test says why.
    """
    entering = [i for i, item in enumerate(pooled) if item.pooled and item.mu is not None]
    nothing: tuple[None, ...] = (None,) * len(levels)
    if not model.shares_tau2:
        note = "this model gives levels no common tau2"
        return Shared(nothing, nothing, LevelsTest(COMMON, note=note))
    if len(entering) < 2:
        note = "not tested, fewer than two subgroups are pooled"
        return Shared(nothing, nothing, LevelsTest(COMMON, note=note))
    whole = _joined([data[i] for i in entering])
    sizes = [len(data[i].study) for i in entering]
    x = np.repeat(np.eye(len(entering)), sizes, axis=0)
    x[:, 0] = 1.0
    names = ("intercept", *(f"{column}={levels[i]}" for i in entering[1:]))
    try:
        found = by_own_model(model, whole, x, names)
    except (ArithmeticError, ValueError) as why:
        return Shared(nothing, nothing, LevelsTest(COMMON, note=f"not tested: {why}"))
    outside = [levels[i] for i in range(len(levels)) if i not in entering]
    note = f"without {', '.join(outside)}, which have no pooled mean" if outside else ""
    fit = found.fit
    test = LevelsTest(
        COMMON,
        float(fit.qm),
        fit.qm_df,
        float(fit.qm_p),
        None if np.isnan(fit.df) else int(fit.df),
        float(fit.tau2),
        note,
    )
    places = np.eye(len(entering))
    places[:, 0] = 1.0
    of_level = dict(zip(entering, range(len(entering)), strict=True))
    parts = tuple(
        _pooled(found, places[of_level[i]], pooled[i], data[i], model) if i in of_level else None
        for i in range(len(levels))
    )
    shares = np.split(np.asarray(fit.weights), np.cumsum(sizes)[:-1])
    weights = tuple(
        100 * shares[of_level[i]] / shares[of_level[i]].sum() if i in of_level else None
        for i in range(len(levels))
    )
    return Shared(parts, weights, test)


def _joined(parts: Sequence[Data]) -> Data:
    """The data of several levels, no study of which has rows in two of them."""
    effects = (
        np.concatenate([getattr(part.effects, name) for part in parts])
        for name in ("yi", "vi", "corrected")
    )
    columns = {
        name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns
    }
    starts = np.cumsum([0, *(int(part.study.max()) + 1 for part in parts)])
    study = np.concatenate([part.study + start for part, start in zip(parts, starts, strict=False)])
    return replace(parts[0], columns=columns, effects=Effects(*effects), study=study)


def _pooled(found: Regressed, place: Array, own: Pooled, data: Data, model: Model) -> Pooled:
    """A level's numbers by the regression; what belongs to a tau2 of its own is left out."""
    fit = found.fit
    at = found.predict(place[None])
    mu, low, high, pi_low, pi_high = (
        float(values[0]) for values in (at.mean, at.low, at.high, at.pi_low, at.pi_high)
    )
    se, tau2 = float(np.sqrt(place @ fit.covariance @ place)), float(fit.tau2)
    allowed = permission(fit.k)
    with_new = predicts(model, allowed) and np.isfinite(pi_low)
    ci, pi = (natural_limits(*ends, data, model) for ends in ((low, high), (pi_low, pi_high)))
    spread = heterogeneity(data.effects.yi, data.effects.vi, tau2, level=model.level)
    law = "normal" if np.isnan(fit.df) else f"{fit.df:.0f} degrees of freedom"
    notes = tuple(note for note in own.notes if not note.startswith(_OF_A_LEVEL_ALONE))
    without: dict[str, Any] = dict.fromkeys(_OF_ITS_OWN_TAU2)
    has_null = MEASURES[model.measure].null is not None
    return replace(
        own,
        estimate=natural_value(mu, data, model),
        ci_low=ci[0],
        ci_high=ci[1],
        pi_low=pi[0] if with_new else None,
        pi_high=pi[1] if with_new else None,
        pi_doubtful=with_new and allowed.doubtful_prediction,
        mu=mu,
        se=se,
        mu_low=low,
        mu_high=high,
        p_value=_p_value(mu / se, float(fit.df)) if has_null and se > 0 else None,
        tau2=tau2,
        tau=float(np.sqrt(tau2)),
        i2=known(spread.i2),
        h2=known(spread.h2),
        **without,
        tests=(),
        also=(),
        beyond=beyond(_above(found, mu, se, tau2), data, model, allowed) if with_new else (),
        policy=f"one tau2 with the other levels, so what their {fit.k} studies allow",
        notes=(*notes, f"tau2 in common with the other levels ({law})"),
    )


_OF_ITS_OWN_TAU2 = (
    *(f"{name}_{end}" for name in ("tau2", "i2", "h2") for end in ("low", "high")),
    *("marginal", "marginal_low", "marginal_high"),
)


def _p_value(statistic: float, df: float) -> float:
    below = -abs(statistic)
    return 2 * float(ndtr(below) if np.isnan(df) else stdtr(df, below))


def _above(found: Regressed, mu: float, se: float, tau2: float) -> Any:
    fit, kind = found.fit, found.model.prediction_interval
    df = float(prediction_df(fit.k - len(fit.b) + 1, kind))
    hartung = np.sqrt(fit.dispersion / fit.widened) if kind == "knha" else 1.0

    def above(threshold: float) -> float:
        return float(probability_beyond(mu, se * hartung, tau2, df, threshold))

    return above
