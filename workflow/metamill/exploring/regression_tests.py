"""Tests of a moderator's coefficients together, and how much the others inflate their variances."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc

from metamill.measures.effects import Array
from metamill.pooling.regression import RegressionFit


@dataclass(frozen=True)
class Inflation:
    """Variance inflation factors of the coefficients but the intercept, and of moderators.

    `gvif` has one generalised factor for each moderator (Fox and Monette 1992, doi
    10.1080/01621459.1992.10475190).
    """

    vif: Array
    gvif: Array


def inflation(covariance: Array, own: Sequence[Sequence[int]]) -> Inflation:
    """From the covariance (p, p) of the coefficients, intercept first, and each moderator's own.

    det R11 det R22/det R with R the correlations of the coefficients, R11 those of a block and R22
    those of the others; for one coefficient the diagonal of the inverse of R.
    """
    se = np.sqrt(np.diag(covariance)[1:])
    r = covariance[1:, 1:] / np.outer(se, se)
    blocks = [[j - 1 for j in block] for block in own]
    single = [[j] for j in range(len(r))]
    vif, gvif = ([_generalised(r, block) for block in many] for many in (single, blocks))
    return Inflation(np.array(vif), np.array(gvif))


def _generalised(r: Array, block: Sequence[int]) -> float:
    rest = [j for j in range(len(r)) if j not in block]
    if not rest:
        return 1.0
    parts = (np.linalg.slogdet(r[np.ix_(which, which)])[1] for which in (block, rest))
    return float(np.exp(sum(parts) - np.linalg.slogdet(r)[1]))


Tested = tuple[float, int, float, float]
"""A statistic, its degrees of freedom (the second nan for chi-squared) and p."""


def together(fit: RegressionFit, columns: Sequence[int]) -> Tested:
    """b'C^-1 b of some columns: chi-squared, or F where the fit has degrees of freedom."""
    which, count = list(columns), len(columns)
    b, c = fit.b[which], fit.covariance[np.ix_(which, which)]
    se = np.sqrt(np.diag(c))
    # in units of the standard errors, so that the units of the columns do not matter
    along = np.linalg.solve(np.linalg.cholesky(c / np.outer(se, se)), b / se)
    chi_squared = float(along @ along)
    if np.isnan(fit.df):
        return chi_squared, count, float("nan"), float(chdtrc(count, chi_squared))
    f = chi_squared / count
    return f, count, float(fit.df), float(fdtrc(count, fit.df, f))
