"""Simulated reviews of single-arm proportions, and what the models make of them.

The logit of the risk of a study is normal with standard deviation tau around the logit of the
median risk; its events are binomial. Study sizes are log-uniform from 15 to 120, as in case series.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from metamill.measures.limits import clopper_pearson
from metamill.measures.registry import effect_sizes, to_natural
from metamill.pooling import pool
from metamill.pooling.beta_binomial import beta_binomial
from metamill.pooling.glmm import pool_proportions
from metamill.pooling.identified import NotIdentified

Array = np.ndarray

SMALLEST, LARGEST = 15, 120
_SCENARIOS = ((0.02, 0.0), (0.02, 0.5), (0.02, 0.8), (0.2, 0.0), (0.2, 0.5), (0.2, 1.0))
_SEED = 20_200_713


@dataclass(frozen=True)
class Cell:
    """k studies, `risk` the median over studies, `tau` on the logit scale."""

    risk: float
    tau: float
    k: int

    @property
    def mean(self) -> float:
        """The mean risk over studies."""
        z = np.linspace(-9, 9, 721)
        density = np.exp(-0.5 * z**2)
        return float(density @ expit(logit(self.risk) + self.tau * z) / density.sum())


CELLS = tuple(Cell(risk, tau, k) for (risk, tau), k in product(_SCENARIOS, (3, 5, 10, 20)))


@dataclass(frozen=True)
class Answers:
    """What one method says of m reviews, as proportions (m,); nan where it says nothing."""

    estimate: Array
    low: Array
    high: Array
    pi_low: Array | None = None
    pi_high: Array | None = None


@dataclass(frozen=True)
class Record:
    """How one method did, in per cent of the reviews it answered; width in percentage points.

    `bias` is that of the mean estimate, relative to the target, and `bias_error` its Monte Carlo
    standard error. `content` is the mean probability that the true risk of a new study lies in the
    prediction interval.
    """

    coverage: float
    width: float
    bias: float
    bias_error: float
    content: float


@dataclass(frozen=True)
class CellResult:
    """Records by method; shares in per cent: of reviews without any event, of those whose exact
    limits hold the median, and of reviews with an event to which a model gives no answer."""

    records: dict[str, Record]
    no_event: float
    exact_coverage: float
    refused: dict[str, float]


def draw(cell: Cell, reviews: int) -> tuple[Array, Array]:
    """Events and totals, each (k, reviews); the seed belongs to the cell."""
    chance = np.random.default_rng(
        [_SEED, *(round(1000 * x) for x in (cell.risk, cell.tau)), cell.k]
    )
    shape = (cell.k, reviews)
    ends = np.log([SMALLEST, LARGEST + 1])
    totals = np.floor(np.exp(chance.uniform(*ends, shape)))
    theta = logit(cell.risk) + cell.tau * chance.standard_normal(shape)
    return chance.binomial(totals.astype(int), expit(theta)).astype(float), totals


def _inverse_variance(code: str, test: str) -> Callable[[Array, Array], dict[str, Answers]]:
    def answer(events: Array, totals: Array) -> dict[str, Answers]:
        effects = effect_sizes(code, {"events": events, "total": totals})
        fit = pool(effects.yi, effects.vi, "REML", test)
        scale = np.stack([fit.mu, fit.mu_low, fit.mu_high, fit.pi_low, fit.pi_high])
        if code == "PFT":
            columns = zip(scale.T, totals.T, strict=True)
            natural = np.array([to_natural(code, x, sizes=n) for x, n in columns]).T
        else:
            natural = to_natural(code, scale)
        return {f"{code} {test}": Answers(*natural)}

    return answer


def _glmm(events: Array, totals: Array) -> dict[str, Answers]:
    """One fit gives the interval by t and by z of the median, and that by t of the mean."""
    rows = np.full((events.shape[1], 10), np.nan)
    for i, (x, n) in enumerate(zip(events.T, totals.T, strict=True)):
        try:
            fit = pool_proportions(x, n)
        except NotIdentified:
            continue
        # without an upper limit of tau the analysis refuses the fit
        if np.isnan(fit.tau2_high):
            continue
        reach = ndtri(0.975) * fit.se
        median = expit([fit.mu, fit.mu_low, fit.mu_high, fit.mu - reach, fit.mu + reach])
        mean = (fit.marginal, fit.marginal_low, fit.marginal_high)
        rows[i] = [*median, *mean, *expit([fit.pi_low, fit.pi_high])]
    mu, t_low, t_high, z_low, z_high, mean, mean_low, mean_high, *prediction = rows.T
    return {
        "GLMM t": Answers(mu, t_low, t_high, *prediction),
        "GLMM z": Answers(mu, z_low, z_high),
        "GLMM mean": Answers(mean, mean_low, mean_high),
    }


def _beta_binomial(events: Array, totals: Array) -> dict[str, Answers]:
    """The prediction is the spread of the fitted beta distribution."""
    rows = np.full((events.shape[1], 5), np.nan)
    for i, (x, n) in enumerate(zip(events.T, totals.T, strict=True)):
        try:
            fit = beta_binomial(x, n)
        except NotIdentified:
            continue
        rows[i] = [fit.p, *expit([fit.mu_low, fit.mu_high]), fit.beta_low, fit.beta_high]
    return {"BETABIN": Answers(*rows.T)}


_MODELS = (
    _glmm,
    _inverse_variance("PLO", "adhoc"),
    _inverse_variance("PLO", "z"),
    _inverse_variance("PAS", "adhoc"),
    _inverse_variance("PFT", "adhoc"),
    _beta_binomial,
)

MEDIAN = ("GLMM t", "GLMM z", "PLO adhoc", "PLO z", "PAS adhoc", "PFT adhoc")
"""Methods that are judged by the median risk, as the pooled proportion is read as one."""
MEAN = ("GLMM mean", "BETABIN")
PREDICTING = ("GLMM t", "PLO adhoc", "PLO z", "PAS adhoc", "PFT adhoc", "BETABIN")


def answers_of(events: Array, totals: Array) -> dict[str, Answers]:
    """What every method says of reviews with events, each (k, m)."""
    answers: dict[str, Answers] = {}
    for model in _MODELS:
        answers |= model(events, totals)
    return answers


def simulate(cell: Cell, reviews: int) -> CellResult:
    """All methods on the same reviews; those without any event are left to the exact limits."""
    events, totals = draw(cell, reviews)
    some = events.sum(axis=0) > 0
    answers = answers_of(events[:, some], totals[:, some])
    upper = [clopper_pearson(0.0, float(n), 95.0)[1] for n in totals[:, ~some].sum(axis=0)]
    return CellResult(
        records={name: judge(cell, name, answers[name]) for name in (*MEDIAN, *MEAN)},
        no_event=100 * float((~some).mean()),
        exact_coverage=100 * float(np.mean(np.array(upper) >= cell.risk))
        if upper
        else float("nan"),
        refused={
            name: 100 * float(np.isnan(answers[name].low).sum()) / reviews
            for name in ("GLMM t", "BETABIN")
        },
    )


def judge(cell: Cell, name: str, answers: Answers) -> Record:
    """How the answers of one method compare with what the reviews were drawn from."""
    target = cell.mean if name in MEAN else cell.risk
    known = ~np.isnan(answers.low)
    if not known.any():
        return Record(*[float("nan")] * 5)
    kept = {f: getattr(answers, f) for f in ("estimate", "low", "high", "pi_low", "pi_high")}
    a = replace(answers, **{f: None if x is None else x[known] for f, x in kept.items()})
    inside = (a.low <= target) & (target <= a.high)
    return Record(
        coverage=100 * float(inside.mean()),
        width=100 * float((a.high - a.low).mean()),
        bias=100 * float(a.estimate.mean() / target - 1),
        bias_error=100 * float(a.estimate.std() / target / np.sqrt(known.sum())),
        content=float("nan") if a.pi_low is None else _content(cell, a.pi_low, a.pi_high),
    )


def _content(cell: Cell, low: Array, high: Array) -> float:
    """Mean probability, in per cent, that the risk of a new study lies between the limits."""
    if cell.tau == 0:
        return 100 * float(((low <= cell.risk) & (cell.risk <= high)).mean())
    centre = logit(cell.risk)
    probability = ndtr((logit(high) - centre) / cell.tau) - ndtr((logit(low) - centre) / cell.tau)
    return 100 * float(probability.mean())
