"""Which model regresses the effects of a primary analysis, and where none does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import stdtr

from metamill.config.methods import is_inverse_variance
from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.estimating.inverse_variance import LRT
from metamill.explored.common import Test
from metamill.exploring.moderators import NoRegression
from metamill.exploring.permutations import Fits
from metamill.exploring.regression_tests import Tested, together
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES
from metamill.pooling.dependent.robust import RELIABLE_DF
from metamill.pooling.dependent.robust_regression import (
    RobustRegression,
    cr2_regression,
    htz,
    rve_regression,
    satterthwaite,
)
from metamill.pooling.glmm_regression import (
    MixedRegressionFit,
    regress_proportions,
    regress_rates,
)
from metamill.pooling.identified import NotIdentified
from metamill.pooling.predictive import prediction_df, prediction_interval, t_quantile
from metamill.pooling.regression import Predicted, RegressionFit, predict, regress
from metamill.pooling.resampling import permutation_fits
from metamill.results import Pooled

_HALF = 0.5
MIXED_ORDERS = 200
"""A mixed model takes so long that a permutation test fits it no more often."""
LRT_MODERATORS = "likelihood ratio test of the moderators"


@dataclass(frozen=True)
class Regressed:
    """A regression and the model that made it, which may be another than that of the pool.

    `predict` gives means at places of the design, `permuted` the statistics of other orders of its
    rows, of which `orders` are worth their time; without any, `not_permuted` says why. `df` are
    those of the coefficients where each has its own. `q_test` names the test of `fit.qe`. `robust`
    is what rows of one study that depend on each other are judged by.
    """

    fit: RegressionFit
    model: Model
    predict: Callable[[Array], Predicted]
    permuted: Fits | None = None
    orders: int | None = None
    not_permuted: str = ""
    df: Array | None = None
    q_test: str = "Q"
    tests: tuple[Test, ...] = ()
    notes: tuple[str, ...] = ()
    robust: RobustRegression | None = None

    def together(self, columns: Sequence[int]) -> Tested:
        """The test of some coefficients together, nan where there is none."""
        if self.robust is None:
            return together(self.fit, columns)
        try:
            return htz(self.robust, columns)
        except NotIdentified:
            return float("nan"), len(columns), float("nan"), float("nan")


def refuse_model(model: Model, primary: Pooled) -> None:
    """Raises NoRegression where the model of the primary analysis has no moderators here."""
    one_group = MEASURES[model.measure].null is None
    if model.method == "MV" or model.aggregate:
        raise NoRegression(
            "rows of one study depend on each other, which it would not know; method: RVE or test: "
            "cr2 does"
        )
    if model.method == "GLMM" and not one_group:
        raise NoRegression(
            "the mixed model of two groups has no moderators here, and the continuity correction "
            "would decide the ratio of every study with an empty group; method: REML regresses "
            "ratios as they are pooled there"
        )
    if model.method not in ("GLMM", "RVE") and not is_inverse_variance(model.method):
        raise NoRegression(f"method {model.method} has no moderators here")
    if model.test == "pl":
        raise NoRegression("test pl gives no limits of coefficients; test: adhoc, t or z does")
    if not primary.pooled:
        raise NoRegression("the primary analysis pools nothing")


def regressed(
    model: Model, data: Data, x: Array, names: Sequence[str], tested: Sequence[int] | None = None
) -> Regressed:
    """The effects of `data` on the design x (k, p) by `model`.

    Proportions and rates of a GLMM are regressed in their mixed model, and where that refuses by
    REML and adhoc on its scale, with the reason in the notes. Raises NoRegression or NotIdentified.
    """
    try:
        return by_own_model(model, data, x, names, tested)
    except NotIdentified as why:
        if model.method != "GLMM":
            raise
        if data.effects.corrected.mean() > _HALF:
            raise NoRegression(
                f"{why}; and more than half of the studies have no event or nothing but events, so "
                "that by inverse variance the continuity correction would make their effects"
            ) from why
        by = replace(model, method="REML", test="adhoc")
        scale = "logit" if model.measure == "PLO" else "log"
        note = (
            f"inverse variance on the {scale} scale by REML and test adhoc, as the mixed model has "
            f"no answer: {why}"
        )
        found = _by_weights(by, data, x, names, tested)
        return replace(found, notes=(note, *found.notes))


def by_own_model(
    model: Model, data: Data, x: Array, names: Sequence[str], tested: Sequence[int] | None = None
) -> Regressed:
    """As `regressed`, by no other model than the one given."""
    regress_by = _mixed if model.method == "GLMM" else _by_weights
    if model.dependent:
        regress_by = _robust
    return regress_by(model, data, x, names, tested)


def _by_weights(
    model: Model, data: Data, x: Array, names: Sequence[str], tested: Sequence[int] | None
) -> Regressed:
    y, v = data.effects.yi, data.effects.vi
    fit = regress(y, v, x, model.method, model.test, model.level, names, tested)
    if fit.widened == 0:
        raise NoRegression(
            "the effects lie exactly on the line, so Knapp-Hartung has no width: no interval; "
            "test: adhoc gives one"
        )
    notes = []
    corrected = int(data.effects.corrected.sum())
    if corrected:
        notes.append(f"continuity correction in {corrected} of {fit.k} rows")
    if model.method == "EE":
        notes.append("equal effects: no residual tau2, no R2 and no prediction; I2 and H2 from Q")
    if fit.dispersion == 0 and model.prediction and model.prediction_interval == "knha":
        notes.append("no prediction: the effects lie on the line, so Knapp-Hartung has no width")
    return Regressed(
        fit,
        model,
        lambda places: predict(fit, places, model.level, model.prediction_interval),
        lambda orders: permutation_fits(y, v, x, model.method, model.test, orders),
        notes=tuple(notes),
    )


def _mixed(
    model: Model, data: Data, x: Array, names: Sequence[str], tested: Sequence[int] | None
) -> Regressed:
    """The mixed model of proportions (PLO) or rates (IRLN) on the design x."""
    fit = _mixed_fit(model, data, x, names, tested)
    tests = [Test(LRT, fit.lrt_tau2, None, fit.lrt_tau2_p)]
    if np.isfinite(fit.lrt):
        tests.append(Test(LRT_MODERATORS, fit.lrt, float(fit.lrt_df), fit.lrt_p))

    def permuted(orders: Array) -> tuple[Array, Array]:
        found = np.full((x.shape[1], len(orders)), np.nan)
        together = np.full(len(orders), np.nan)
        for i, order in enumerate(orders):
            try:
                other = _mixed_fit(model, data, x[order], names, tested)
            except ArithmeticError:
                continue
            found[:, i], together[i] = other.statistic, other.qm
        return found, together

    corrected = int(data.effects.corrected.sum())
    note = (
        f"{corrected} of {fit.k} rows are drawn with a continuity correction that it does not use"
    )
    return Regressed(
        fit,
        model,
        lambda places: predict(fit, places, model.level, model.prediction_interval),
        permuted,
        MIXED_ORDERS,
        q_test="likelihood ratio",
        tests=tuple(tests),
        notes=(note,) if corrected else (),
    )


def _mixed_fit(
    model: Model, data: Data, x: Array, names: Sequence[str], tested: Sequence[int] | None
) -> MixedRegressionFit:
    columns = data.columns
    if model.measure == "PLO":
        counts = columns["events"], columns["total"]
        return regress_proportions(*counts, x, model.level, model.test, names, tested)
    counts = columns["events"], columns["time"]
    return regress_rates(*counts, x, model.level, model.test, names, tested)


def _robust(
    model: Model, data: Data, x: Array, names: Sequence[str], tested: Sequence[int] | None
) -> Regressed:
    """RVE, or CR2 after random effects as if rows were independent; studies are the clusters."""
    y, v, study = data.effects.yi, data.effects.vi, data.study
    if model.method == "RVE":
        rho = model.rho or 0.0
        base = regress(y, v, x, "EE", "z", model.level, names, tested)
        robust = rve_regression(y, v, study, x, rho)
        alone = rve_regression(y, v, study, np.ones((len(y), 1)), rho).tau2
        i2 = 100 * max(0.0, 1 - robust.expected / robust.q) if robust.q > 0 else 0.0
        h2, note = float("nan"), f"correlation of one study's sampling errors assumed as {rho:g}"
    else:
        base = regress(y, v, x, model.method, "z", model.level, names, tested)
        robust = cr2_regression(y, v, study, x, float(base.tau2))
        alone, i2, h2 = float(base.tau2_alone), float(base.i2), float(base.h2)
        weights = "equal-effects weights" if model.method == "EE" else f"tau2 by {model.method}"
        note = f"{weights} as if rows were independent; standard errors are robust"
    df = satterthwaite(robust, np.eye(x.shape[1]))
    se = np.sqrt(np.diag(robust.covariance))
    reach = t_quantile(df, 0.5 + model.level / 200) * se
    nan = float("nan")
    numbers: dict[str, Any] = {
        "tau2": robust.tau2,
        "tau2_alone": alone,
        "r2": 100 * max(0.0, 1 - robust.tau2 / alone) if alone > 0 else nan,
        "i2": i2,
        "h2": h2,
    }
    numbers |= dict.fromkeys(("qe", "qe_p", "df", "dispersion"), nan)
    fit = replace(
        base,
        **numbers,
        method=model.method,
        b=robust.b,
        se=se,
        statistic=robust.b / se,
        p_value=2 * stdtr(df, -np.abs(robust.b / se)),
        low=robust.b - reach,
        high=robust.b + reach,
        covariance=robust.covariance,
        weights=robust.weights,
    )

    def predicted(places: Array) -> Predicted:
        mean, own = places @ robust.b, satterthwaite(robust, places)
        error = np.sqrt(np.einsum("ni,ij,nj->n", places, robust.covariance, places))
        half = t_quantile(own, 0.5 + model.level / 200) * error
        left = prediction_df(robust.studies - x.shape[1] + 1, model.prediction_interval)
        law = own if model.prediction_interval == "t" else np.full(len(places), left)
        tau2 = np.nan if model.method == "EE" else robust.tau2
        new = prediction_interval(mean, error, tau2, law, model.level)
        return Predicted(mean, mean - half, mean + half, *new)

    few = [name for name, each in zip(names[1:], df[1:], strict=True) if each < RELIABLE_DF]
    notes = [note]
    if few:
        least = float(df[1:].min())
        notes.append(
            f"{', '.join(few)}: {least:.1f} degrees of freedom, below 4 a robust interval is "
            "unreliable"
        )
    return Regressed(
        fit,
        model,
        predicted,
        not_permuted="rows of one study belong together, so their orders are not equally likely",
        df=df,
        notes=tuple(notes),
        robust=robust,
    )
