"""Measures of means: one group, change within one group, and two groups compared.

Effects are post minus pre, and treatment minus control. Columns hold float arrays (k,).
"""

import numpy as np
from scipy.special import gammaln

from metamill.measures.effects import Array, Columns, Effects, uncorrected


def hedges_correction(df: Array) -> Array:
    """Exact small-sample correction J of a standardised mean (Hedges 1981, eq. 6e).

    J = Gamma(m/2)/(sqrt(m/2) Gamma((m - 1)/2)) for m = `df`, to 1e-14 for any m; nan below two
    degrees of freedom, where J has no finite expectation to correct. From 50 on, where a difference
    of log Gammas cancels, their asymptotic series (Abramowitz and Stegun 1964, eq. 6.1.40).
    """
    m = np.where(df > 1, df, np.nan)
    a = (np.maximum(m, 50) - 1) / 2
    series = -1 / (8 * a) + 1 / (192 * a**3) - 1 / (640 * a**5) + 17 / (14336 * a**7)
    large = np.exp(series + 0.5 * np.log1p(-1 / np.maximum(m, 50)))
    few = np.minimum(m, 50)
    small = np.exp(gammaln(few / 2) - 0.5 * np.log(few / 2) - gammaln((few - 1) / 2))
    return np.where(m < 50, small, large)


def raw_mean(columns: Columns, add: float, to: str) -> Effects:
    """MN: the mean, with variance sd^2/n."""
    return uncorrected(columns["mean"], columns["sd"] ** 2 / columns["n"])


def sd_of_change(columns: Columns) -> Array:
    """SD of the change: reported, else from both SDs and their correlation (Handbook 6.5.2.8)."""
    pre, post = columns["sd_pre"], columns["sd_post"]
    derived = np.sqrt(pre**2 + post**2 - 2 * columns["correlation"] * pre * post)
    reported = columns.get("sd_change", np.full_like(pre, np.nan))
    return np.where(np.isnan(reported), derived, reported)


def change_of_mean(columns: Columns) -> Array:
    """The mean change: as reported, else post minus pre."""
    difference = columns["mean_post"] - columns["mean_pre"]
    reported = columns.get("mean_change", np.full_like(difference, np.nan))
    return np.where(np.isnan(reported), difference, reported)


def mean_change(columns: Columns, add: float, to: str) -> Effects:
    """MC: post minus pre, with variance SD_change^2/n."""
    yi = change_of_mean(columns)
    return uncorrected(yi, sd_of_change(columns) ** 2 / columns["n"])


def standardised_change(columns: Columns, add: float, to: str) -> Effects:
    """SMCC: change over the SD of the change, with variance 1/n + y^2/(2n) (Gibbons 1993)."""
    n = columns["n"]
    change = change_of_mean(columns)
    yi = hedges_correction(n - 1) * change / sd_of_change(columns)
    return uncorrected(yi, 1 / n + yi**2 / (2 * n))


def standardised_change_raw(columns: Columns, add: float, to: str) -> Effects:
    """SMCR: change over the SD before, with variance 2(1 - r)/n + y^2/(2n) (Becker 1988)."""
    n = columns["n"]
    change = change_of_mean(columns)
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


def log_ratio_of_means(columns: Columns, add: float, to: str) -> Effects:
    """ROM: log(m1/m2), with variance sd1^2/(n1 m1^2) + sd2^2/(n2 m2^2) (Hedges et al. 1999).

    nan unless both means are above zero: a ratio has no meaning on a scale without a true zero.
    """
    positive = (columns["mean_treatment"] > 0) & (columns["mean_control"] > 0)
    m1, m2 = (np.where(positive, columns[f"mean_{arm}"], np.nan) for arm in _ARMS)
    v1, v2 = (columns[f"sd_{arm}"] ** 2 / columns[f"n_{arm}"] for arm in _ARMS)
    return uncorrected(np.log(m1) - np.log(m2), v1 / m1**2 + v2 / m2**2)


_ARMS = ("treatment", "control")
