"""The numbers of an analysis from software written by others, under the names of ours.

Each engine is used where it is right and kept from where it is known to go wrong: data are
centred and scaled first (PyMARE's Q-profile has an absolute tolerance), a negative
DerSimonian-Laird tau2 of statsmodels is truncated, one estimator object serves one fit.
"""

from dataclasses import dataclass, field
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
from scipy import integrate, optimize, special, stats
from statsmodels.genmod.families import links
from statsmodels.stats.meta_analysis import combine_effects

Array = np.ndarray

CLOSED_FORM = 1e-9
PAULE_MANDEL = 1e-5
LIKELIHOOD = 1e-4
Q_PROFILE = 1e-8
DENSE_GRID = 1e-5
SECOND_DIFFERENCES = 1e-3
"""Relative tolerances. PyMARE minimises the likelihood, which leaves half the digits of tau2;
statsmodels stops its Paule-Mandel iteration at 1e-5 of Q; the dense grid is maximised without
derivatives."""

AT_OUR_TAU2 = "at our tau2"


@dataclass(frozen=True)
class Numbers:
    """What one engine computes: values by the name of ours, their tolerances, a note for each."""

    engine: str
    values: dict[str, float]
    tolerance: dict[str, float]
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Data:
    """Effects and variances (k,) with the settings under which they were pooled, and our tau2."""

    y: Array
    v: Array
    settings: dict[str, Any]
    tau2: float
    null: bool

    @property
    def level(self) -> float:
        return self.settings["level"] / 100

    @property
    def typical(self) -> float:
        """Typical sampling variance, by pairs of weights."""
        w = 1 / self.v
        pairs = sum(w[i] * w[:i].sum() for i in range(len(w)))
        return float((len(w) - 1) * w.sum() / 2 / pairs)

    @property
    def rounding(self) -> float:
        """What 12 digits of y and v leave uncertain, relative to sums of squares."""
        return float(5e-11 * np.abs(self.y).max() / np.sqrt(self.v.min()))


def pymare(data: Data) -> Numbers:
    """Means by PyMARE; tau2 where it has the estimator, otherwise everything at our tau2."""
    method, test = data.settings["method"], data.settings["test"]
    unit = float(np.exp(np.log(data.v).mean()))
    centre, root = float(data.y.mean()), float(np.sqrt(unit))
    scaled = Dataset(y=(data.y - centre) / root, v=data.v / unit)
    corrections = {"knha": "knapp-hartung", "adhoc": "knapp-hartung-conservative"}
    correction = corrections.get(test, "wald")
    if method in ("DL", "HE"):
        estimator = (DerSimonianLaird if method == "DL" else Hedges)(
            small_sample_correction=correction
        )
        notes = {}
    else:
        estimator = WeightedLeastSquares(tau2=data.tau2 / unit, small_sample_correction=correction)
        notes = {} if method == "EE" else dict.fromkeys(_OF_THE_MEAN, AT_OUR_TAU2)
    summary = estimator.fit_dataset(scaled).summary()
    mean = summary.get_fe_stats(alpha=1 - data.level)
    values = {
        "mu": _one(mean["est"]) * root + centre,
        "se": _one(mean["se"]) * root,
        "q": _one(summary.get_heterogeneity_stats()["Q"]),
    }
    tolerance = {}
    if method in ("DL", "HE"):
        values["tau2"] = _one(summary.tau2) * unit
    elif method in ("ML", "REML"):
        own = VarianceBasedLikelihoodEstimator(method=method).fit_dataset(scaled).summary()
        values["tau2"] = _one(own.tau2) * unit
        tolerance = dict.fromkeys(("tau2", "tau", "i2", "h2"), LIKELIHOOD)
    if method != "EE":
        interval = summary.get_re_stats(alpha=1 - data.level)
        values["tau2_low"] = _one(interval["ci_l"]) * unit
        values["tau2_high"] = _one(interval["ci_u"]) * unit
        tolerance |= dict.fromkeys(("tau2_low", "tau2_high"), Q_PROFILE + 10 * data.rounding)
    return _completed(Numbers("PyMARE", values, tolerance, notes), data)


def statsmodels(data: Data) -> Numbers:
    """Weighted least squares at our tau2; tau2 by combine_effects or from its weights."""
    method, test = data.settings["method"], data.settings["test"]
    centre, k = float(data.y.mean()), len(data.y)
    y = data.y - centre
    code = {"DL": "dl", "PM": "pm", "EB": "pm"}.get(method, "dl")
    with np.errstate(invalid="ignore", divide="ignore"):
        combined = combine_effects(y, data.v, method_re=code, use_t=True)

    def least_squares(tau2: float) -> Any:
        return sm.WLS(y, np.ones(k), weights=1 / (data.v + tau2)).fit(cov_type="fixed scale")

    fit = least_squares(data.tau2)
    factor = fit.ssr / (k - 1)
    widened = {"knha": factor, "adhoc": max(1.0, factor)}.get(test, 1.0)
    q = float(combined.q)
    values = {
        "mu": float(fit.params[0]) + centre,
        "se": float(fit.bse[0] * np.sqrt(widened)),
        "q": q,
    }
    tolerance: dict[str, float] = {}
    if method in ("DL", "PM", "EB"):
        values["tau2"] = max(0.0, float(combined.tau2))
        if code == "pm":
            tolerance = _stopped_early(data, values["tau2"], least_squares(values["tau2"]))
    elif method == "HS":
        values["tau2"] = max(0.0, (q - k) / float((1 / data.v).sum()))
    elif method == "SJ" and (start := float(np.var(y))) > 0:
        values["tau2"] = start * float(least_squares(start).ssr) / (k - 1)
    notes = {} if method == "EE" else dict.fromkeys(_OF_THE_MEAN, AT_OUR_TAU2)
    return _completed(Numbers("statsmodels", values, tolerance, notes), data)


def _stopped_early(data: Data, tau2: float, fit: Any) -> dict[str, float]:
    """What stopping at PAULE_MANDEL of Q leaves uncertain in tau2 and what follows from it."""
    slope = float(((fit.resid / (data.v + tau2)) ** 2).sum())
    off = PAULE_MANDEL + (2 * PAULE_MANDEL / slope / data.typical if slope > 0 else 0.0)
    return {"tau2": off, "h2": off, "i2": 100 * off, "tau": float(np.sqrt(off))}


_OF_THE_MEAN = (
    "mu",
    "se",
    "mu_low",
    "mu_high",
    "p_value",
    "estimate",
    "ci_low",
    "ci_high",
    "pi_low",
    "pi_high",
)

_INVERSE = {
    **dict.fromkeys(("PLO",), links.Logit().inverse),
    **dict.fromkeys(("IRLN", "OR", "RR", "ROM", "IRR"), links.Log().inverse),
    "PLN": lambda x: min(1.0, float(np.exp(x))),
    "PR": lambda x: min(1.0, max(0.0, x)),
    "PAS": lambda x: float(0.5 - 0.5 * np.cos(2 * min(np.pi / 2, max(0.0, x)))),
    "IR": lambda x: max(0.0, x),
    "IRS": lambda x: max(0.0, x) ** 2,
    **dict.fromkeys(("RD", "COR"), lambda x: min(1.0, max(-1.0, x))),
    "ZCOR": np.tanh,
    "AS": lambda x: min(np.pi / 2, max(-np.pi / 2, x)),
    **dict.fromkeys(("MN", "MC", "SMCC", "SMCR", "MD", "SMD", "IRD"), links.Identity().inverse),
}
"""The way back to the natural scale, within its limits, for measures where it is one function."""


def _completed(numbers: Numbers, data: Data) -> Numbers:
    """Intervals, p values, I2 and natural scale, from the engine's mean and tau2 by scipy.stats."""
    values, k = dict(numbers.values), len(data.y)
    df = k - 1
    values |= _intervals(values, data.settings, df, data.tau2)
    values["q_p"] = float(stats.chi2.sf(values["q"], df))
    if data.null:
        reference = stats.norm if data.settings["test"] == "z" else stats.t(df)
        ratio = abs(values["mu"]) / values["se"] if values["se"] else np.inf
        values["p_value"] = float(2 * reference.sf(ratio))
    if data.settings["method"] == "EE":
        excess = 1 - df / values["q"] if values["q"] > 0 else 0.0
        values |= {"h2": values["q"] / df, "i2": 100 * max(0.0, excess)}
    elif "tau2" in values:
        typical, tau2 = data.typical, values["tau2"]
        values |= {"tau": np.sqrt(tau2), "h2": tau2 / typical + 1}
        values["i2"] = float(100 * tau2 / (tau2 + typical))
    base = CLOSED_FORM + data.rounding
    tolerance = dict.fromkeys(values, base) | numbers.tolerance
    return Numbers(numbers.engine, values, _conditioned(values, tolerance, df), numbers.notes)


def _of_tail(q: float, df: int, tolerance: float) -> float:
    """The tolerance of the tail probability of q, from that of q."""
    off = tolerance * max(1.0, q)
    steepest = max(stats.chi2.pdf([max(q - off, off), q + off], df))
    return float(CLOSED_FORM + 2 * off * steepest / max(stats.chi2.sf(q + off, df), 1e-12))


def _conditioned(
    values: dict[str, float], tolerance: dict[str, float], df: int
) -> dict[str, float]:
    """Wider where a number magnifies the errors of what it is computed from.

    A tail probability by the square of its quantile, a limit on the natural scale by its distance
    from the origin of the model scale.
    """
    found = dict(tolerance)
    far = 1 + max(abs(values[name]) for name in ("mu", "mu_low", "mu_high"))
    for name in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high"):
        if name in found:
            found[name] *= 2 * far
    found["q_p"] = _of_tail(values["q"], df, tolerance["q"])
    if "p_value" in found:
        found["p_value"] *= 1 + (values["mu"] / values["se"]) ** 2 if values["se"] else 1.0
    return found


def _intervals(
    values: dict[str, float], settings: dict[str, Any], df: int, tau2: float
) -> dict[str, float]:
    """Limits of the mean and of a new study on both scales."""
    tail = (1 - settings["level"] / 100) / 2
    t = float(stats.t.isf(tail, df))
    reach = (float(stats.norm.isf(tail)) if settings["test"] == "z" else t) * values["se"]
    found = {"mu_low": values["mu"] - reach, "mu_high": values["mu"] + reach}
    inverse = _INVERSE.get(settings["measure"])
    if inverse is not None:
        natural = {"estimate": values["mu"], "ci_low": found["mu_low"], "ci_high": found["mu_high"]}
        if settings["prediction"] and settings["method"] != "EE" and df > 1:
            far = t * np.sqrt(tau2 + values["se"] ** 2)
            natural |= {"pi_low": values["mu"] - far, "pi_high": values["mu"] + far}
        found |= {name: float(inverse(x)) for name, x in natural.items()}
    return found


def _one(values: Any) -> float:
    return float(np.asarray(values).ravel()[0])


def binomial_deviance(x: Array, n: Array) -> Numbers:
    """The likelihood-ratio Q of a GLMM: the deviance of one common proportion."""
    family = sm.families.Binomial()
    fit = sm.GLM(np.column_stack([x, n - x]), np.ones((len(x), 1)), family=family).fit(tol=1e-14)
    q = float(fit.deviance)
    values = {"q": q, "q_p": float(stats.chi2.sf(q, len(x) - 1))}
    rounding = float(np.finfo(float).eps * n.sum())
    tolerance = {"q": CLOSED_FORM + 10 * rounding}
    tolerance["q_p"] = _of_tail(q, len(x) - 1, tolerance["q"])
    return Numbers("statsmodels", values, tolerance)


def _brute_force_loglik(x: Array, n: Array, mu: float, tau: float) -> float:
    """Binomial-normal log-likelihood by a plain trapezoidal sum, without coefficients.

    The range of each study's integral is found by looking: a grid from -12 to 12 is narrowed to
    where the integrand is not negligible, which is one stretch, as it is log-concave.
    """

    def log_terms(z: Array) -> Array:
        eta = mu + tau * z
        events = x[:, None] * special.log_expit(eta) + (n - x)[:, None] * special.log_expit(-eta)
        return events - 0.5 * z**2

    low, high = np.full(len(x), -12.0), np.full(len(x), 12.0)
    rows = np.arange(len(x))
    for _ in range(4):
        z = np.linspace(low, high, 201, axis=1)
        terms = log_terms(z)
        counts = terms > terms.max(axis=1, keepdims=True) - 45
        first, last = counts.argmax(axis=1), 200 - counts[:, ::-1].argmax(axis=1)
        low, high = z[rows, np.maximum(first - 1, 0)], z[rows, np.minimum(last + 1, 200)]
    z = np.linspace(low, high, 1201, axis=1)
    terms = log_terms(z)
    top = terms.max(axis=1, keepdims=True)
    area = integrate.trapezoid(np.exp(terms - top), z, axis=1)
    return float((np.log(area) + top[:, 0] - 0.5 * np.log(2 * np.pi)).sum())


def dense_grid(x: Array, n: Array, settings: dict[str, Any]) -> Numbers:
    """The binomial-normal model by brute force: plain sums on a dense grid and a simplex.

    Neither the adaptive nodes nor the derivatives of the fit are used; the standard error comes
    from second differences. The point tau = 0 is the common proportion.
    """

    def minus_loglik(parameters: Array) -> float:
        return -_brute_force_loglik(x, n, parameters[0], abs(parameters[1]))

    common = float(special.logit(x.sum() / n.sum()))
    options = {"xatol": 1e-8, "fatol": 1e-12, "maxiter": 2000, "maxfev": 2000}
    fits = [
        optimize.minimize(minus_loglik, [common, start], method="Nelder-Mead", options=options)
        for start in (0.2, 1.5)
    ]
    best = min(fits, key=lambda fit: fit.fun)
    mu, tau = float(best.x[0]), abs(float(best.x[1]))
    if minus_loglik(np.array([common, 0.0])) <= best.fun + 1e-11:
        mu, tau = common, 0.0
    values = {"mu": mu, "se": _standard_error(minus_loglik, x, n, mu, tau)}
    values |= {"tau2": tau**2, "tau": tau}
    values |= _intervals(values, settings, len(x) - 1, tau**2)
    values["marginal"] = float(
        integrate.quad(
            lambda z: special.expit(mu + tau * z) * stats.norm.pdf(z), -12, 12, limit=400
        )[0]
    )
    rounding = float(4 * np.sqrt(np.finfo(float).eps * abs(best.fun)))
    tolerance = dict.fromkeys(values, SECOND_DIFFERENCES + rounding)
    tolerance |= dict.fromkeys(("mu", "tau2", "estimate", "marginal"), DENSE_GRID + rounding)
    tolerance["tau"] = float(np.sqrt(tolerance["tau2"]))
    return Numbers("scipy", values, tolerance)


def _standard_error(minus_loglik: Any, x: Array, n: Array, mu: float, tau: float) -> float:
    """From second differences of the likelihood in (mu, tau), or in mu alone where tau is about 0.

    Steps are a twentieth of the errors to be expected, where neither rounding nor the fourth
    order is felt.
    """
    p = special.expit(mu)
    step = 0.05 * float(np.sqrt((tau**2 + 1 / (n.mean() * p * (1 - p))) / len(x)))

    step_tau = min(step, tau / 4)

    def at(i: int, j: int) -> float:
        return minus_loglik(np.array([mu + i * step, tau + j * step_tau]))

    def second(i: int, j: int) -> float:
        """Second derivative along (i, j) in units of the steps."""
        outer = at(2 * i, 2 * j) + at(-2 * i, -2 * j)
        inner = at(i, j) + at(-i, -j)
        return (-outer + 16 * inner - 30 * at(0, 0)) / 12

    by_mu = second(1, 0)
    if tau < 1e-3:
        return float(step / np.sqrt(by_mu))
    by_tau, both = second(0, 1), second(1, 1)
    cross = (both - by_mu - by_tau) / 2
    return float(step / np.sqrt(by_mu - cross**2 / by_tau))


def subgroup_differences(mu: Array, se: Array) -> Numbers:
    """Q between subgroup means: the equal-effects Q of the means as if they were studies.

    mu and se come with 10 digits, and Q is as uncertain as these leave it.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        q = float(combine_effects(mu - mu.mean(), se**2, method_re="dl").q)
    values = {"q": q, "q_p": float(stats.chi2.sf(q, len(mu) - 1))}
    residual = np.abs(mu - (mu / se**2).sum() / (1 / se**2).sum()) / se
    rounding = 1e-10 * float((residual * np.abs(mu) / se + residual**2).sum()) / max(1.0, q)
    tolerance = {"q": CLOSED_FORM + 20 * rounding}
    tolerance["q_p"] = _of_tail(q, len(mu) - 1, tolerance["q"])
    return Numbers("statsmodels", values, tolerance)
