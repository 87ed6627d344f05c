"""Meta-regressions of counts by brute force: sums over the random effect, and differences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import statsmodels.api as sm
from scipy import optimize

from metamill.record.engines import likelihoods
from metamill.record.engines.glmm import LRT, MAXIMUM
from metamill.record.engines.numbers import Array, Numbers, Pairs, Question, judged, of_tail, quiet
from metamill.record.engines.regression import Regressed, means_at, of_coefficients

ERROR = 2e-5
"""Relative to coefficients and standard errors, which come from differences."""
_FLAT = 1e-7
LRT_MODERATORS = "likelihood ratio test of the moderators"
_STARTS = (0.1, 1.5)
_STEP = 0.02
_ROUNDS = 12


@dataclass(frozen=True)
class Counted:
    """Events of `size` units, or in `size` of time where `rates`, (k,)."""

    events: Array
    size: Array
    rates: bool

    def value(self, x: Array, b: Array, s: float) -> float:
        """The log-likelihood at the coefficients b of the design x and the variance s."""
        along = x @ b
        if self.rates:
            study = likelihoods.poisson(self.events, self.size * np.exp(along))
        else:
            study = likelihoods.binomial(self.events, self.size, along)
        k = len(self.events)
        return float(likelihoods.integrated(study, np.zeros(1), np.array([s]), k).sum())


@dataclass(frozen=True)
class _Top:
    b: Array
    s: float
    height: float
    covariance: Array


def regression(
    counted: Counted, asked: Regressed, question: Question, ours: Mapping[str, float | None]
) -> list[Numbers]:
    """Everything of a mixed regression; searches start at our numbers and elsewhere."""
    start = np.array([ours[f"{name}, b"] or 0.0 for name in asked.names])
    top = _highest(counted, asked.x, start, ours["tau2"] or 0.0)
    ones = asked.x[:, :1]
    without = _highest(counted, ones, np.array([np.average(asked.x @ start)]),
                       ours["tau2_without"] or 0.0)  # fmt: skip
    free = None if question.settings["test"] == "z" else float(asked.df)
    found: Pairs = of_coefficients(asked, question, top.b, top.covariance, free)
    at = replace(asked, data=replace(asked.data, tau2=top.s))
    found |= means_at(at, question, top.b, top.covariance, (1.0, 1.0))
    scale = top.s + float(np.diag(top.covariance).min())
    found["tau2"] = top.s, 100 * MAXIMUM * scale if top.s > 0 else 0.0
    error = 100 * MAXIMUM * (without.s + scale)
    found["tau2_without"] = without.s, error
    if without.s > 0:
        share = 100 * max(0.0, 1 - top.s / without.s)
        found["r2"] = share, 200 * error / without.s * (1 + top.s / without.s)
    flat = _highest(counted, asked.x, start, 0.0, free=False)
    for name, df, gain in (
        (LRT, None, top.height - flat.height if top.s > 0 else 0.0),
        (LRT_MODERATORS, len(start) - 1, top.height - without.height),
    ):
        statistic = max(2 * gain, 0.0), _FLAT * (1 + abs(gain))
        tail, off = of_tail(statistic, df or 1)
        half = 1.0 if df else 0.5
        found[f"test {name}"] = statistic
        found[f"test {name}, p"] = (half * tail, half * off) if df or top.s > 0 else (1.0, 0.0)
        if df:
            found[f"test {name}, df"] = float(df), 0.0
    return [judged("scipy", question, found), _deviance(counted, asked, question)]


def _deviance(counted: Counted, asked: Regressed, question: Question) -> Numbers:
    """QE: the deviance of the design without random effects, by a generalised linear model."""
    x, n = counted.events, counted.size
    if counted.rates:
        model = sm.GLM(x, asked.x, family=sm.families.Poisson(), offset=np.log(n))
    else:
        model = sm.GLM(np.column_stack([x, n - x]), asked.x, family=sm.families.Binomial())
    with quiet():
        q = max(float(model.fit(tol=1e-14, maxiter=300).deviance), 0.0)
    statistic = q, 1e-8 * max(1.0, q)
    found = {"q": statistic, "q_p": of_tail(statistic, asked.df), "q_df": (float(asked.df), 0.0)}
    return judged("statsmodels", question, found)


def _highest(counted: Counted, x: Array, b: Array, s: float, free: bool = True) -> _Top:
    """The maximum over b and, where `free`, s: from (b, s), or from elsewhere if that is higher.

    s is fixed at 0 where it is not free, and where the likelihood falls from there.
    """
    size = np.abs(x).max(axis=0)
    x, b = x / size, b * size
    best = _climb(counted, x, b, s, free)
    if free:
        for tau in _STARTS:
            fit = optimize.minimize(
                lambda at: -counted.value(x, at[:-1], float(np.exp(at[-1]))),
                np.append(b, 2 * np.log(tau)),
                method="Nelder-Mead",
                options={"maxiter": 60 * len(b), "fatol": 1e-6, "xatol": 1e-3},
            )
            if -fit.fun > best.height + 1e-7:
                best = _climb(counted, x, fit.x[:-1], float(np.exp(fit.x[-1])), True)
    return _Top(best.b / size, best.s, best.height, best.covariance / np.outer(size, size))


def _climb(counted: Counted, x: Array, b: Array, s: float, free: bool) -> _Top:
    """Newton's method by differences of eighth of a standard error and less."""
    p = x.shape[1]
    steps = np.full(p + 1, _STEP)
    inside = free and s > 0
    at = np.append(b, s)
    for _ in range(_ROUNDS):
        which = range(p + 1) if inside else range(p)

        def value(point: Array) -> float:
            return counted.value(x, point[:p], float(point[p]))

        if inside:
            steps[p] = min(0.05 * at[p], steps[p] if steps[p] < at[p] else at[p])
        gradient, hessian = _differences(value, at, steps, which)
        covariance = np.linalg.inv(-hessian)
        move = covariance @ gradient
        at = at.copy()
        at[list(which)] += move
        if inside and at[p] <= 0:
            at[p], inside = 0.0, False
            continue
        widths = np.sqrt(np.abs(np.diag(covariance)))
        steps[list(which)] = _STEP * 3 * widths
        if inside:
            steps[p] = min(steps[p], 0.2 * at[p])
        if np.abs(move / widths).max() < MAXIMUM / 10:
            break
    return _Top(at[:p], float(at[p]), value(at), covariance[:p, :p])


def _differences(
    value: Callable[[Array], float], at: Array, steps: Array, which: range
) -> tuple[Array, Array]:
    """Gradient and Hessian, both without the error of the second order in the steps."""
    count = len(which)
    unit = np.eye(len(at)) * steps
    middle = value(at)
    gradient, hessian = np.empty(count), np.empty((count, count))
    for i in which:
        f = {m: value(at + m * unit[i]) for m in (-2, -1, 1, 2)}
        gradient[i] = (8 * (f[1] - f[-1]) - (f[2] - f[-2])) / (12 * steps[i])
        bend = 16 * (f[1] + f[-1]) - (f[2] + f[-2]) - 30 * middle
        hessian[i, i] = bend / (12 * steps[i] ** 2)
    for i in which:
        for j in range(i):

            def cross(m: int, a: Array = unit[i], c: Array = unit[j]) -> float:
                signs = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
                return sum(sign * value(at + m * (u * a + w * c)) for u, w, sign in signs)

            mixed = (16 * cross(1) - cross(2)) / 12 / (4 * steps[i] * steps[j])
            hessian[i, j] = hessian[j, i] = mixed
    return gradient, hessian
