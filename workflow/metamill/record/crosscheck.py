"""The results once more, from PyMARE and statsmodels, beside ours.

Each engine is used where it is right and kept from where it is known to go wrong: data are scaled
first (PyMARE's Q-profile has an absolute tolerance), a negative DerSimonian-Laird tau2 of
statsmodels is truncated, one estimator object serves one fit. Where an engine lacks an estimator
of tau2 it recomputes the mean and its error at our tau2, and the row says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import statsmodels.api as sm
from pymare import Dataset
from pymare.estimators import (
    DerSimonianLaird,
    Hedges,
    VarianceBasedLikelihoodEstimator,
    WeightedLeastSquares,
)
from scipy.special import ndtri
from statsmodels.stats.meta_analysis import combine_effects

from metamill.files import significant
from metamill.pooling.heterogeneity import profile_loglik, typical_variance
from metamill.results import Analysis, Result

CLOSED_FORM = 1e-9
PAULE_MANDEL = 1e-6
LIKELIHOOD = 1e-4
Q_PROFILE = 1e-8
NOISE = 1e-10
"""Relative tolerances: PyMARE minimises the likelihood, which leaves half the digits of tau2;
statsmodels stops its Paule-Mandel iteration at 1e-5 of Q."""

COLUMNS = (
    "outcome,analysis,quantity,ours,engine,version,theirs,difference,tolerance,agrees,note"
).split(",")

AT_OUR_TAU2 = "at our tau2"
LOWER_MAXIMUM = "the engine stopped at a tau2 of lower likelihood"


@dataclass(frozen=True)
class Check:
    """One number of ours beside an engine's; `difference` is relative to `scale` or larger."""

    outcome: str
    analysis: str
    quantity: str
    ours: float
    engine: str
    theirs: float
    difference: float
    tolerance: float
    note: str = ""

    @property
    def agrees(self) -> bool:
        return self.difference <= self.tolerance or self.note == LOWER_MAXIMUM

    def row(self) -> dict[str, Any]:
        """A row of crosscheck.csv; a difference that is rounding noise is written as 0."""
        values = {name: getattr(self, name) for name in COLUMNS if name != "version"}
        shown = 0.0 if self.difference < NOISE else significant(self.difference, 2)
        return values | {"version": version(self.engine.lower()), "difference": shown}


@dataclass(frozen=True)
class _Theirs:
    """Numbers of one engine by the name of ours, with tolerances and a note."""

    engine: str
    values: dict[str, float]
    tolerance: dict[str, float]
    note: str = ""


def crosscheck(result: Result) -> list[Check]:
    """Every number of `result` that an engine can recompute."""
    return [check for analysis in result.analyses for check in _checks(result, analysis)]


def _checks(result: Result, analysis: Analysis) -> Iterator[Check]:
    pooled = analysis.pooled
    if not pooled.pooled:
        return
    if analysis.settings["method"] == "GLMM":
        rows = [result.rows[effect.row] for effect in analysis.effects]
        engines = [_binomial_deviance(rows)]
        scale = {}
    else:
        y = np.array([effect.yi for effect in analysis.effects])
        v = np.array([effect.vi for effect in analysis.effects])
        engines = [_pymare(y, v, analysis), _statsmodels(y, v, analysis)]
        typical = float(typical_variance(v[:, None], np.ones((len(v), 1)))[0])
        spread = pooled.se or float(np.sqrt(typical))
        scale = dict.fromkeys(("mu", "mu_low", "mu_high", "se"), spread)
        scale |= dict.fromkeys(("tau2", "tau2_low", "tau2_high"), typical)
        scale |= {"q": 1.0}
    for engine in engines:
        for quantity, theirs in engine.values.items():
            ours = getattr(pooled, quantity)
            if ours is None or not np.isfinite(theirs):
                continue
            size = max(abs(ours), abs(theirs), scale.get(quantity, 0.0))
            note = engine.note if quantity not in ("q",) else ""
            difference = float(abs(ours - theirs) / size) if size else 0.0
            if (
                difference > engine.tolerance[quantity]
                and engine.engine == "PyMARE"
                and analysis.settings["method"] in ("ML", "REML")
                and _lower_likelihood(y, v, analysis, engine.values["tau2"])
            ):
                note = LOWER_MAXIMUM
            yield Check(
                result.outcome,
                analysis.name,
                quantity,
                ours,
                engine.engine,
                theirs,
                difference,
                engine.tolerance[quantity],
                note,
            )


def _lower_likelihood(y: np.ndarray, v: np.ndarray, analysis: Analysis, theirs: float) -> bool:
    restricted = analysis.settings["method"] == "REML"
    ours = analysis.pooled.tau2 or 0.0
    best, other = (profile_loglik(y, v, tau2, restricted) for tau2 in (ours, theirs))
    return best > other + 1e-9


_CORRECTIONS = {"z": "wald", "knha": "knapp-hartung", "adhoc": "knapp-hartung-conservative"}


def _pymare(y: np.ndarray, v: np.ndarray, analysis: Analysis) -> _Theirs:
    method, test = analysis.settings["method"], analysis.settings["test"]
    level = analysis.settings["level"]
    unit = float(np.exp(np.log(v).mean()))
    data = Dataset(y=(y - y.mean()) / np.sqrt(unit), v=v / unit)
    correction = _CORRECTIONS.get(test, "wald")
    note, mean_tolerance, tau2_tolerance = "", CLOSED_FORM, CLOSED_FORM
    if method == "DL":
        estimator = DerSimonianLaird(small_sample_correction=correction)
    elif method == "HE":
        estimator = Hedges(small_sample_correction=correction)
    elif method in ("ML", "REML"):
        estimator = VarianceBasedLikelihoodEstimator(
            method=method, small_sample_correction=correction
        )
        mean_tolerance = tau2_tolerance = LIKELIHOOD
    else:
        tau2 = (analysis.pooled.tau2 or 0.0) / unit
        estimator = WeightedLeastSquares(tau2=tau2, small_sample_correction=correction)
        note = "" if method == "EE" else AT_OUR_TAU2
    summary = estimator.fit_dataset(data).summary()
    fixed = summary.get_fe_stats(alpha=1 - level / 100)
    heterogeneity = summary.get_heterogeneity_stats()
    root = np.sqrt(unit)
    values = {"mu": _one(fixed["est"]) * root + y.mean(), "q": _one(heterogeneity["Q"])}
    if test in _CORRECTIONS:
        values |= {
            "se": _one(fixed["se"]) * root,
            "mu_low": _one(fixed["ci_l"]) * root + y.mean(),
            "mu_high": _one(fixed["ci_u"]) * root + y.mean(),
        }
    if not note and method != "EE":
        values["tau2"] = _one(summary.tau2) * unit
    if method != "EE":
        interval = summary.get_re_stats(alpha=1 - level / 100)
        values |= {"tau2_low": _one(interval["ci_l"]) * unit}
        values |= {"tau2_high": _one(interval["ci_u"]) * unit}
    tolerance = dict.fromkeys(values, mean_tolerance)
    tolerance |= {"tau2": tau2_tolerance, "q": CLOSED_FORM}
    tolerance |= {"tau2_low": Q_PROFILE, "tau2_high": Q_PROFILE}
    return _Theirs("PyMARE", values, tolerance, note)


def _one(values: Any) -> float:
    return float(np.asarray(values).ravel()[0])


def _statsmodels(y: np.ndarray, v: np.ndarray, analysis: Analysis) -> _Theirs:
    """combine_effects where it has the estimator, otherwise weighted least squares at our tau2."""
    method, test = analysis.settings["method"], analysis.settings["test"]
    centre = y.mean()
    code = {"DL": "dl", "PM": "pm", "EB": "pm"}.get(method)
    with np.errstate(invalid="ignore"):
        combined = combine_effects(y - centre, v, method_re=code or "dl", use_t=True)
    values = {"q": float(combined.q)}
    tolerance = {"q": CLOSED_FORM}
    note = ""
    if code:
        tau2 = max(0.0, float(combined.tau2))
        values["tau2"] = tau2
        tolerance["tau2"] = CLOSED_FORM if code == "dl" else PAULE_MANDEL
    else:
        tau2 = analysis.pooled.tau2 or 0.0
        note = "" if method == "EE" else AT_OUR_TAU2
    fit = sm.WLS(y - centre, np.ones(len(y)), weights=1 / (v + tau2)).fit(cov_type="fixed scale")
    factor = 1.0
    if test in ("knha", "adhoc"):
        q = float((fit.resid**2 / (v + tau2)).sum() / (len(y) - 1))
        factor = np.sqrt(q if test == "knha" else max(1.0, q))
    values |= {"mu": float(fit.params[0]) + centre, "se": float(fit.bse[0]) * factor}
    mean_tolerance = PAULE_MANDEL if code == "pm" else CLOSED_FORM
    tolerance |= {"mu": mean_tolerance, "se": mean_tolerance}
    if test == "z":
        reach = float(ndtri(0.5 + analysis.settings["level"] / 200)) * values["se"]
        values |= {"mu_low": values["mu"] - reach, "mu_high": values["mu"] + reach}
        tolerance |= dict.fromkeys(("mu_low", "mu_high"), mean_tolerance)
    return _Theirs("statsmodels", values, tolerance, note)


def _binomial_deviance(rows: list[Any]) -> _Theirs:
    """The likelihood-ratio Q of a GLMM: the deviance of one common proportion."""
    x = np.array([row.events for row in rows])
    n = np.array([row.size for row in rows])
    fit = sm.GLM(
        np.column_stack([x, n - x]), np.ones((len(x), 1)), family=sm.families.Binomial()
    ).fit(tol=1e-14, maxiter=200)
    return _Theirs("statsmodels", {"q": float(fit.deviance)}, {"q": CLOSED_FORM})
