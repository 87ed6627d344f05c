"""Simulated reviews of normally distributed effects with known sampling variances, under REML.

The variance of a study is 1 at the median study size, and inversely proportional to the size,
which is log-uniform from 15 to 120; the true effects are normal with mean 0 and variance tau2.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import ndtr

from metamill.pooling import pool
from metamill.pooling.predictive import prediction_df, prediction_interval

Array = np.ndarray

TESTS = ("z", "t", "knha", "adhoc")
PREDICTIONS = ("t", "knha", "hts", "z")
_SMALLEST, _LARGEST = 15, 120
_SEED = 20_151_114


@dataclass(frozen=True)
class Cell:
    """k studies; tau2 in units of the sampling variance at the median study size."""

    tau2: float
    k: int


CELLS = tuple(Cell(tau2, k) for tau2, k in product((0.0, 0.25, 1.0, 4.0), (3, 5, 10, 20)))


@dataclass(frozen=True)
class CellResult:
    """Coverage in per cent and mean width by test; content by kind of prediction, in per cent.

    `shorter` is the share of reviews in which the interval of knha is shorter than that of z.
    Predictions are those of test adhoc; knha has its own standard error whatever the test.
    """

    coverage: dict[str, float]
    width: dict[str, float]
    shorter: float
    content: dict[str, float]


def draw(cell: Cell, reviews: int) -> tuple[Array, Array]:
    """Effects and sampling variances, each (k, reviews); the seed belongs to the cell."""
    chance = np.random.default_rng([_SEED, round(1000 * cell.tau2), cell.k])
    shape = (cell.k, reviews)
    sizes = np.exp(chance.uniform(np.log(_SMALLEST), np.log(_LARGEST), shape))
    v = np.sqrt(_SMALLEST * _LARGEST) / sizes
    return np.sqrt(cell.tau2 + v) * chance.standard_normal(shape), v


def simulate(cell: Cell, reviews: int) -> CellResult:
    """All tests and predictions on the same reviews."""
    y, v = draw(cell, reviews)
    fits = {test: pool(y, v, "REML", test) for test in TESTS}
    widths = {test: fit.mu_high - fit.mu_low for test, fit in fits.items()}
    content = {}
    for kind in PREDICTIONS:
        fit = fits["knha" if kind == "knha" else "adhoc"]
        df = prediction_df(fit.k, kind)
        content[kind] = _content(cell, *prediction_interval(fit.mu, fit.se, fit.tau2, df))
    return CellResult(
        coverage={
            test: 100 * float(((fit.mu_low <= 0) & (fit.mu_high >= 0)).mean())
            for test, fit in fits.items()
        },
        width={test: float(width.mean()) for test, width in widths.items()},
        shorter=100 * float((widths["knha"] < widths["z"]).mean()),
        content=content,
    )


def _content(cell: Cell, low: Array, high: Array) -> float:
    """Mean probability, in per cent, that the effect of a new study lies between the limits."""
    if cell.tau2 == 0:
        return 100 * float(((low <= 0) & (high >= 0)).mean())
    tau = np.sqrt(cell.tau2)
    return 100 * float((ndtr(high / tau) - ndtr(low / tau)).mean())
