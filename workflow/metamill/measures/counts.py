"""Measures of counts: proportions and rates of one group, and two groups compared.

Formulas and the continuity rules (`add` to every cell of the rows that `to` names) are those of
metafor's escalc, so that a review can be compared digit by digit. Columns hold float arrays (k,).
"""

import numpy as np

from metamill.measures.effects import Array, Columns, Effects, corrected_rows, uncorrected


def _one_group(columns: Columns, add: float, to: str) -> tuple[Array, Array, Array]:
    """Events, total and correction flags, corrected by adding `add` to events and non-events."""
    x, n = columns["events"], columns["total"]
    rows = corrected_rows((x == 0) | (x == n), to) & (add > 0)
    return x + add * rows, n + 2 * add * rows, rows


def raw_proportion(columns: Columns, add: float, to: str) -> Effects:
    """PR: p, with variance p(1 - p)/n."""
    x, n, rows = _one_group(columns, add, to)
    p = x / n
    return Effects(p, p * (1 - p) / n, rows)


def log_proportion(columns: Columns, add: float, to: str) -> Effects:
    """PLN: log p, with variance 1/x - 1/n."""
    x, n, rows = _one_group(columns, add, to)
    return Effects(np.log(x / n), 1 / x - 1 / n, rows)


def logit_proportion(columns: Columns, add: float, to: str) -> Effects:
    """PLO: logit p, with variance 1/x + 1/(n - x)."""
    x, n, rows = _one_group(columns, add, to)
    return Effects(np.log(x / (n - x)), 1 / x + 1 / (n - x), rows)


def arcsine_proportion(columns: Columns, add: float, to: str) -> Effects:
    """PAS: asin sqrt p, with variance 1/(4n)."""
    x, n, rows = _one_group(columns, add, to)
    return Effects(np.arcsin(np.sqrt(x / n)), 1 / (4 * n), rows)


def double_arcsine_proportion(columns: Columns, add: float, to: str) -> Effects:
    """PFT: Freeman and Tukey 1950, halved, with variance 1/(4n + 2)."""
    x, n, rows = _one_group(columns, add, to)
    yi = 0.5 * (np.arcsin(np.sqrt(x / (n + 1))) + np.arcsin(np.sqrt((x + 1) / (n + 1))))
    return Effects(yi, 1 / (4 * n + 2), rows)


def _one_rate(columns: Columns, add: float, to: str) -> tuple[Array, Array, Array]:
    """Events, time and correction flags; only the events grow, and only none is a zero cell."""
    x, t = columns["events"], columns["time"]
    rows = corrected_rows(x == 0, to) & (add > 0)
    return x + add * rows, t, rows


def raw_rate(columns: Columns, add: float, to: str) -> Effects:
    """IR: x/t, with variance x/t^2."""
    x, t, rows = _one_rate(columns, add, to)
    return Effects(x / t, x / t**2, rows)


def log_rate(columns: Columns, add: float, to: str) -> Effects:
    """IRLN: log(x/t), with variance 1/x."""
    x, t, rows = _one_rate(columns, add, to)
    return Effects(np.log(x / t), 1 / x, rows)


def root_rate(columns: Columns, add: float, to: str) -> Effects:
    """IRS: sqrt(x/t), with variance 1/(4t)."""
    x, t, rows = _one_rate(columns, add, to)
    return Effects(np.sqrt(x / t), 1 / (4 * t), rows)


def _two_groups(columns: Columns, add: float, to: str) -> tuple[Array, ...]:
    """Cells a, b (treatment) and c, d (control), corrected, and correction flags."""
    a, c = columns["events_treatment"], columns["events_control"]
    b, d = columns["total_treatment"] - a, columns["total_control"] - c
    zero = (a == 0) | (b == 0) | (c == 0) | (d == 0)
    rows = corrected_rows(zero, to) & (add > 0)
    return (*(cell + add * rows for cell in (a, b, c, d)), rows)


def log_odds_ratio(columns: Columns, add: float, to: str) -> Effects:
    """OR: log(ad/bc), with Woolf's variance."""
    a, b, c, d, rows = _two_groups(columns, add, to)
    return Effects(np.log(a / b) - np.log(c / d), 1 / a + 1 / b + 1 / c + 1 / d, rows)


def log_risk_ratio(columns: Columns, add: float, to: str) -> Effects:
    """RR: log of the ratio of risks, with variance 1/a - 1/n1 + 1/c - 1/n2."""
    a, b, c, d, rows = _two_groups(columns, add, to)
    yi = np.log(a / (a + b)) - np.log(c / (c + d))
    return Effects(yi, 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d), rows)


def risk_difference(columns: Columns, add: float, to: str) -> Effects:
    """RD: difference of risks, with the unpooled binomial variance."""
    a, b, c, d, rows = _two_groups(columns, add, to)
    p, q, n1, n2 = a / (a + b), c / (c + d), a + b, c + d
    return Effects(p - q, p * (1 - p) / n1 + q * (1 - q) / n2, rows)


def arcsine_difference(columns: Columns, add: float, to: str) -> Effects:
    """AS: asin sqrt p - asin sqrt q, with variance 1/(4 n1) + 1/(4 n2) (Ruecker et al. 2009)."""
    a, b, c, d, rows = _two_groups(columns, add, to)
    n1, n2 = a + b, c + d
    yi = np.arcsin(np.sqrt(a / n1)) - np.arcsin(np.sqrt(c / n2))
    return Effects(yi, 1 / (4 * n1) + 1 / (4 * n2), rows)


def _two_rates(columns: Columns, add: float, to: str) -> tuple[Array, ...]:
    """Events and time under treatment, then under control, and correction flags."""
    x1, x2 = columns["events_treatment"], columns["events_control"]
    rows = corrected_rows((x1 == 0) | (x2 == 0), to) & (add > 0)
    t1, t2 = columns["time_treatment"], columns["time_control"]
    return x1 + add * rows, t1, x2 + add * rows, t2, rows


def log_rate_ratio(columns: Columns, add: float, to: str) -> Effects:
    """IRR: log of the ratio of rates, with variance 1/x1 + 1/x2."""
    x1, t1, x2, t2, rows = _two_rates(columns, add, to)
    return Effects(np.log(x1 / t1) - np.log(x2 / t2), 1 / x1 + 1 / x2, rows)


def rate_difference(columns: Columns, add: float, to: str) -> Effects:
    """IRD: difference of rates, with variance x1/t1^2 + x2/t2^2."""
    x1, t1, x2, t2, rows = _two_rates(columns, add, to)
    return Effects(x1 / t1 - x2 / t2, x1 / t1**2 + x2 / t2**2, rows)


def generic(columns: Columns, add: float, to: str) -> Effects:
    """GEN: effects that the study itself reports, already with their variances."""
    return uncorrected(columns["yi"], columns["vi"])
