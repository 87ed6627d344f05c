"""Several rows per study: PyMARE for robust variance estimation, dense matrices for the rest."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pymare import Dataset
from pymare.estimators import DerSimonianLaird
from scipy import linalg, optimize

from metamill.record.engines.normal import Effects, estimated_tau2, least_squares
from metamill.record.engines.numbers import (
    AT_OUR_TAU2,
    CLOSED_FORM,
    Array,
    Numbers,
    Pair,
    Pairs,
    Question,
    inferred,
    judged,
    of_tail,
    predicted,
    quiet,
    root,
    spreads,
)
from metamill.record.engines.profiles import Profile

COMPONENTS = 1e-5
"""Relative to a variance component and the sampling variances; a simplex has half the digits."""

_BETWEEN = "variance between studies"
_WITHIN = "variance between rows of one study"


def composites(data: Effects, study: Array, rho: float) -> Effects:
    """One effect per study by the inverse of its dense covariance matrix."""
    y, v = [], []
    for code in np.unique(study):
        rows = study == code
        inverse = np.linalg.inv(_sampling(data.v[rows], study[rows], rho))
        v.append(1 / inverse.sum())
        y.append(v[-1] * float(inverse.sum(axis=0) @ data.y[rows]))
    return replace(data, y=np.array(y), v=np.array(v))


def _sampling(v: Array, study: Array, rho: float) -> Array:
    """Covariance of sampling errors: rho within a study, 0 between studies."""
    matrix = np.where(study[:, None] == study, rho, 0.0) * np.sqrt(np.outer(v, v))
    np.fill_diagonal(matrix, v)
    return matrix


def _robust(y: Array, working: Array, study: Array) -> tuple[float, float, float]:
    """CR2 by explicit matrices: the mean, its variance and Satterthwaite's degrees of freedom.

    Pustejovsky and Tipton 2018, eqs. 9 to 12: A_j = D_j'(D_j (Phi_j - 1 1'/S) D_j')^(-1/2) D_j with
    D_j the Cholesky factor of Phi_j; the degrees of freedom are 2 E(V)^2/Var(V).
    """
    k, codes = len(y), np.unique(study)
    weight = np.linalg.inv(working)
    total = weight.sum()
    mean = float(weight.sum(axis=0) @ y / total)
    hat = np.outer(np.ones(k), weight.sum(axis=0) / total)
    directions = []
    for code in codes:
        rows = np.flatnonzero(study == code)
        block = working[np.ix_(rows, rows)]
        d = linalg.cholesky(block)
        b = d @ (block - 1 / total) @ d.T
        value, vector = np.linalg.eigh((b + b.T) / 2)
        # at a study's last direction, where its residual has no variance, the inverse is general
        inverse = np.where(value > 1e-12 * value.max(), value, np.inf) ** -0.5
        adjust = d.T @ (vector * inverse) @ vector.T @ d
        residual = (np.eye(k) - hat)[rows]
        own = weight[np.ix_(rows, rows)].sum(axis=0)
        directions.append(own @ adjust @ residual / total)
    g = np.array(directions)
    covariance = g @ working @ g.T
    variance = float(((g @ y) ** 2).sum())
    df = float(np.trace(covariance) ** 2 / (covariance**2).sum())
    return mean, variance, df


def _robust_df(settings: Mapping[str, Any], df: float, studies: int) -> float | None:
    """Degrees of freedom of a prediction: the test's own, or studies less 2, or normal."""
    kinds = {"z": None, "hts": float(studies - 2)}
    return kinds.get(settings["prediction_interval"], df)


def rve(data: Effects, study: Array, question: Question) -> Numbers:
    """The correlated-effects model of Hedges, Tipton and Johnson 2010 by PyMARE."""
    unit = float(np.exp(np.log(data.v).mean()))
    centre, side = float(data.y.mean()), float(np.sqrt(unit))
    rho = question.settings["rho"] or 0.0
    estimator = DerSimonianLaird(weight_scheme="rescale", rho=rho)
    # centring and scaling take nothing away; labels must be told apart by their order alone
    dataset = Dataset(y=(data.y - centre) / side, v=data.v / unit, g=study)
    with quiet():
        summary = estimator.fit_dataset(dataset).summary()
        mean = summary.get_fe_stats(alpha=1 - question.level)
    tau2 = max(0.0, float(np.ravel(summary.tau2)[0])) * unit
    mu = float(np.ravel(mean["est"])[0]) * side + centre
    se = float(np.ravel(mean["se"])[0]) * side
    averages = np.array([data.v[study == c].mean() for c in np.unique(study)])
    level = np.array([data.y[study == c].mean() for c in np.unique(study)])
    _, _, df = _robust(level - centre, np.diag(averages + tau2), np.arange(len(level)))
    found = _mean(data, question, (mu, se, df), (tau2, 0.0))
    found["i2"] = _excess(data, study, rho), 1e-6
    return judged("PyMARE", question, found)


def _excess(data: Effects, study: Array, rho: float) -> float:
    """100 (Q - E)/Q, E by the trace of the dense working weights times the sampling covariance."""
    codes, size = np.unique(study, return_counts=True)
    average = np.array([data.v[study == c].mean() for c in codes])
    index = np.searchsorted(codes, study)
    w = 1 / (size * average)[index]
    projection = np.diag(w) - np.outer(w, w) / w.sum()
    y = data.y - data.y.mean()
    q = float(y @ projection @ y)
    same = np.where(study[:, None] == study, rho, 0.0)
    np.fill_diagonal(same, 1.0)
    expected = float(np.trace(projection @ (same * average[index])))
    return 100 * max(0.0, 1 - expected / q) if q > 0 else 0.0


def _mean(data: Effects, question: Question, fit: tuple[float, float, float], tau2: Pair) -> Pairs:
    """Interval, p, prediction, tau2 and tau of a mean with its own degrees of freedom."""
    mu, se, df = fit
    slack = (1e-8 + data.rounding) * question.sizes["mu"]
    found = inferred(question, (mu, slack), (se, slack), df)
    size = max(tau2[0], data.typical)
    tau2 = tau2[0], tau2[1] + (CLOSED_FORM + 10 * data.rounding) * size
    pi_df = _robust_df(question.settings, df, question.k)
    if pi_df is None or pi_df > 0:
        found |= predicted(question, (mu, slack), (se, slack), tau2, pi_df)
    if question.settings["method"] != "EE":
        found |= {"tau2": tau2, "tau": root(tau2)}
    return found


def cr2(data: Effects, study: Array, question: Question) -> list[Numbers]:
    """The mean and its CR2 error at our tau2; tau2 by the engines of independent rows."""
    fit = least_squares(data.y - data.y.mean(), data.v, data.tau2)
    mu = float(fit.params[0]) + float(data.y.mean())
    working = np.diag(data.v + data.tau2)
    _, variance, df = _robust(data.y - data.y.mean(), working, study)
    found = _mean(data, question, (mu, float(np.sqrt(variance)), df), (data.tau2, 0.0))
    found.pop("tau2", None), found.pop("tau", None)
    numbers = [judged("numpy", question, found, dict.fromkeys(found, AT_OUR_TAU2))]
    method = question.settings["method"]
    if method == "EE":
        return numbers
    if method in ("ML", "REML"):
        profile = Profile(data, method == "REML")
        value = profile.peak(profile)[0] * profile.unit
        tau2: Pair | None = (value, 1e-6 * max(value, data.typical))
        engine = "scipy"
    else:
        tau2, engine = estimated_tau2(data, method), "statsmodels"
    if tau2 is not None:
        own = {"tau2": tau2, "tau": root(tau2), "i2": spreads(tau2, data.typical)["i2"]}
        numbers.append(judged(engine, question, own))
    return numbers


class _ThreeLevels:
    """The restricted likelihood of both variances by dense matrices, in units of the errors."""

    def __init__(self, data: Effects, study: Array, rho: float) -> None:
        self.unit = float(np.exp(np.log(data.v).mean()))
        self.y = (data.y - data.y.mean()) / np.sqrt(self.unit)
        self.sampling = _sampling(data.v / self.unit, study, rho)
        self.same = (study[:, None] == study).astype(float)

    def matrix(self, b: float, w: float) -> Array:
        return self.sampling + b * self.same + w * np.eye(len(self.y))

    def __call__(self, b: float, w: float) -> float:
        factor = linalg.cho_factor(self.matrix(b, w), lower=True)
        solved = linalg.cho_solve(factor, np.column_stack([np.ones_like(self.y), self.y]))
        total = solved[:, 0].sum()
        mu = solved[:, 1].sum() / total
        r = self.y - mu
        q = float(r @ (solved[:, 1] - mu * solved[:, 0]))
        return float(-np.log(np.diag(factor[0])).sum() - 0.5 * q - 0.5 * np.log(total))

    def best(self, starts: list[tuple[float, float]]) -> tuple[float, float, float]:
        """The highest end of searches from several starts, in roots, and the edges beside them."""
        ends = [(self(0.0, 0.0), 0.0, 0.0)]
        options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 600}
        for start in starts:
            fit = optimize.minimize(
                lambda r: -self(r[0] ** 2, r[1] ** 2),
                np.sqrt(start) + 1e-3,
                method="Nelder-Mead",
                options=options,
            )
            ends.append((-float(fit.fun), float(fit.x[0] ** 2), float(fit.x[1] ** 2)))
        for which in (0, 1):
            height, other = self.profile(which, 0.0)
            ends.append((height, 0.0, other) if which == 0 else (height, other, 0.0))
        return max(ends)

    def profile(self, which: int, value: float) -> tuple[float, float]:
        """The height at one variance with the other at its best, and that other."""

        def at(other: float) -> float:
            return self(value, other) if which == 0 else self(other, value)

        grid = np.append(0.0, np.geomspace(1e-3, 10 * float(np.ptp(self.y)) ** 2 + 1, 24))
        heights = [at(x) for x in grid]
        i = int(np.argmax(heights))
        bounds = grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)]
        fit = optimize.minimize_scalar(
            lambda x: -at(x), bounds=bounds, method="bounded", options={"xatol": 1e-10 * bounds[1]}
        )
        return max((-float(fit.fun), float(fit.x)), (heights[i], float(grid[i])))


def three_levels(
    data: Effects, study: Array, question: Question, ours: Mapping[str, Any]
) -> Numbers:
    """The model by dense matrices; `ours` has both variances, where one search starts."""
    settings = question.settings
    rho = settings["rho"] or 0.0
    model = _ThreeLevels(data, study, rho)
    unit, k = model.unit, len(data.y)
    middle = float(np.var(model.y)) / 2
    start = tuple(max(0.0, ours[name] / unit) for name in ("between", "within"))
    height, b, w = model.best([start, (middle, middle), (0.05, 0.05)])
    at_ours = model(*start)
    if at_ours >= height - 1e-10:
        # as high to rounding: the same maximum, told apart by no digit of the likelihood
        b, w, height = *start, max(height, at_ours)
    working = model.matrix(b, w)
    mean, variance, df = _robust(model.y, working, study)
    if settings["test"] != "cr2":
        variance, df = 1 / float(np.linalg.inv(working).sum()), float(question.k - 1)
    mu = mean * np.sqrt(unit) + float(data.y.mean())
    se = float(np.sqrt(variance * unit))
    slack = (1e-5 + data.rounding) * max(question.sizes["mu"], se)
    law_df = None if settings["test"] == "z" else df
    found = inferred(question, (mu, slack), (se, slack), law_df)
    tau2 = (b + w) * unit, COMPONENTS * (b + w + 1) * unit
    pi_df = _robust_df(settings, df, question.k)
    if pi_df is None or pi_df > 0:
        found |= predicted(question, (mu, slack), (se, slack), tau2, pi_df)
    found |= {"tau2": tau2, "tau": root(tau2)}
    fixed = np.linalg.inv(model.sampling)
    projection = fixed - np.outer(fixed.sum(axis=0), fixed.sum(axis=0)) / fixed.sum()
    typical = (k - 1) / float(np.trace(projection))
    q = float(model.y @ projection @ model.y)
    statistic = q, (1e-8 + data.rounding) * max(1.0, q)
    found |= {"q": statistic, "q_df": (k - 1.0, 0.0), "q_p": of_tail(statistic, k - 1)}
    share = 100 / (b + w + typical)
    error = 100 * COMPONENTS * (b + w + 1) / (b + w + typical)
    found["i2"] = share * (b + w), 2 * error
    for which, (name, value) in enumerate(((_BETWEEN, b), (_WITHIN, w))):
        found[f"also {name}"] = value * unit, COMPONENTS * (value + 1) * unit
        found[f"also {name}, share of the total"] = share * value, 2 * error
        for end, limit in _limits(model, which, value, height - question.drop):
            found[f"also {name}{end}"] = limit * unit, 10 * COMPONENTS * (limit + 1) * unit
    return judged("numpy", question, found)


def _limits(
    model: _ThreeLevels, which: int, value: float, critical: float
) -> list[tuple[str, float]]:
    def above(x: float) -> float:
        return model.profile(which, x)[0] - critical

    found = [(", low", 0.0)]
    if value > 0 and above(0.0) < 0:
        found = [(", low", float(optimize.brentq(above, 0.0, value, xtol=1e-9, rtol=1e-9)))]
    inside, outside = value, 2 * value + 1.0
    while above(outside) > 0:
        inside, outside = outside, 4 * outside
    return [*found, (", high", float(optimize.brentq(above, inside, outside, rtol=1e-9)))]
