"""Measures of means: change within one group, and two groups compared.

Effects are post minus pre, and treatment minus control. Columns hold float arrays (k,).
"""

import numpy as np
from scipy.special import gammaln

from metamill.measures.effects import Array, Columns, Effects, uncorrected


def hedges_correction(df: Array) -> Array:
    """Exact small-sample correction J of a standardised mean (Hedges 1981, eq. 6e).

    nan below two degrees of freedom, where J has no finite expectation to correct.
    """
    usable = np.where(df > 1, df, np.nan)
    return np.exp(gammaln(usable / 2) - 0.5 * np.log(usable / 2) - gammaln((usable - 1) / 2))


def sd_of_change(columns: Columns) -> Array:
    """SD of the change: reported, else from both SDs and their correlation (Handbook 6.5.2.8)."""
    pre, post = columns["sd_pre"], columns["sd_post"]
    derived = np.sqrt(pre**2 + post**2 - 2 * columns["correlation"] * pre * post)
    reported = columns.get("sd_change", np.full_like(pre, np.nan))
    return np.where(np.isnan(reported), derived, reported)


def mean_change(columns: Columns, add: float, to: str) -> Effects:
    """MC: post minus pre, with variance SD_change^2/n."""
    yi = columns["mean_post"] - columns["mean_pre"]
    return uncorrected(yi, sd_of_change(columns) ** 2 / columns["n"])


def standardised_change(columns: Columns, add: float, to: str) -> Effects:
    """SMCC: change over the SD of the change, with variance 1/n + y^2/(2n) (Gibbons 1993)."""
    n = columns["n"]
    change = columns["mean_post"] - columns["mean_pre"]
    yi = hedges_correction(n - 1) * change / sd_of_change(columns)
    return uncorrected(yi, 1 / n + yi**2 / (2 * n))


def standardised_change_raw(columns: Columns, add: float, to: str) -> Effects:
    """SMCR: change over the SD before, with variance 2(1 - r)/n + y^2/(2n) (Becker 1988)."""
    n = columns["n"]
    change = columns["mean_post"] - columns["mean_pre"]
    yi = hedges_correction(n - 1) * change / columns["sd_pre"]
    return uncorrected(yi, 2 * (1 - columns["correlation"]) / n + yi**2 / (2 * n))


def mean_difference(columns: Columns, add: float, to: str) -> Effects:
    """MD: treatment minus control, with separate variances."""
    variance = sum(columns[f"sd_{arm}"] ** 2 / columns[f"n_{arm}"] for arm in _ARMS)
    return uncorrected(columns["mean_treatment"] - columns["mean_control"], np.asarray(variance))


def standardised_mean_difference(columns: Columns, add: float, to: str) -> Effects:
    """SMD: Hedges' g with variance 1/n1 + 1/n2 + g^2/(2(n1 + n2)) (Hedges 1982, eq. 8)."""
    n1, n2 = (columns[f"n_{arm}"] for arm in _ARMS)
    s1, s2 = (columns[f"sd_{arm}"] for arm in _ARMS)
    df = n1 + n2 - 2
    pooled = np.sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / df)
    difference = columns["mean_treatment"] - columns["mean_control"]
    yi = hedges_correction(df) * difference / pooled
    return uncorrected(yi, 1 / n1 + 1 / n2 + yi**2 / (2 * (n1 + n2)))


_ARMS = ("treatment", "control")
