"""How far two people who read the same sources agree: Cohen's kappa, limits of agreement, ICC.

Counts and printed numbers are exact, so they are added exactly; a statistic becomes a float at its
end. What a set of pairs does not define is None, with the reason in words.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

Z95 = 1.959963984540054
"""The normal quantile at 0.975."""
FEWEST_FOR_LIMITS, FEWEST_FOR_ICC = 3, 5


@dataclass(frozen=True)
class Kappa:
    """Chance-corrected agreement of `pairs` judgements, with its 95 % interval within -1 to 1."""

    pairs: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Limits:
    """Mean of first minus second, and the limits that hold 95 % of such differences."""

    pairs: int
    bias: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Icc:
    """The share of the variance that lies between what was read; at most 1, may be negative."""

    pairs: int
    value: float | None = None
    reason: str = ""


def cohen_kappa(pairs: Iterable[tuple[Hashable, Hashable]]) -> Kappa:
    """Unweighted kappa of (first, second) levels, with the large-sample interval.

    Cohen 1960 (doi 10.1177/001316446002000104); the variance is that of Fleiss, Cohen and Everitt
    1969 (doi 10.1037/h0028106, eq. 13), not the one under the hypothesis of no agreement. With n
    pairs, cells x_ij, margins r_i and c_j, D = sum x_ii, E = sum r_i c_i and M = n^2 - E:

    kappa = (nD - E)/M, var = n A/M^4,
    A = n[sum_i x_ii (M - (r_i + c_i)(n - D))^2 + (n - D)^2 sum_{i != j} x_ij (c_i + r_j)^2]
        - (n^2 D - 2nE + ED)^2

    all in whole numbers, so that a variance of zero is found exactly. It says that the formula
    fails (perfect agreement, one extractor with one level), not that kappa is certain.
    """
    cells = Counter(pairs)
    n = cells.total()
    if not n:
        return Kappa(0, reason="kappa: no cell is filled in both")
    rows: Counter[Hashable] = Counter()
    columns: Counter[Hashable] = Counter()
    for (first, second), count in cells.items():
        rows[first] += count
        columns[second] += count
    agreed = sum(count for (first, second), count in cells.items() if first == second)
    chance = sum(count * columns[level] for level, count in rows.items())
    rest = n * n - chance
    if not rest:
        return Kappa(n, reason="kappa: not defined, both use one level only")
    value = (n * agreed - chance) / rest
    spread = 0
    for (first, second), count in cells.items():
        if first == second:
            spread += count * (rest - (rows[first] + columns[first]) * (n - agreed)) ** 2
        else:
            spread += count * ((n - agreed) * (columns[first] + rows[second])) ** 2
    scaled = n * spread - (n * n * agreed - 2 * n * chance + chance * agreed) ** 2
    if not scaled:
        why = "kappa: no interval, its large-sample variance is zero"
        if len(rows) == 1 or len(columns) == 1:
            why = "kappa: 0 by definition, one extractor uses one level only"
        return Kappa(n, value, reason=why)
    half = Z95 * math.sqrt(Fraction(n * scaled, rest**4))
    return Kappa(n, value, max(-1.0, value - half), min(1.0, value + half))


def bland_altman(pairs: Sequence[tuple[Decimal, Decimal]]) -> Limits:
    """Bias and 95 % limits of agreement of (first, second) numbers in their own unit.

    Bland and Altman 1986 (doi 10.1016/S0140-6736(86)90837-8): mean of the differences first minus
    second, -+ 1.96 of their standard deviation (divisor n - 1). None below three pairs.
    """
    n = len(pairs)
    if n < FEWEST_FOR_LIMITS:
        return Limits(n, reason=f"limits of agreement: fewer than {FEWEST_FOR_LIMITS} pairs")
    apart = [Fraction(first) - Fraction(second) for first, second in pairs if first != second]
    total = sum(apart, Fraction())
    squares = sum((d * d for d in apart), Fraction())
    largest = max(map(abs, apart), default=Fraction(1))
    spread = (squares - total * total / n) / (n - 1) / largest**2
    half = Z95 * math.sqrt(spread) * float(largest)
    bias = float(total / n)
    return Limits(n, bias, bias - half, bias + half)


def icc(pairs: Sequence[Sequence[Decimal]]) -> Icc:
    """ICC(2,1): absolute agreement of single readings by readers who are a sample of readers.

    Shrout and Fleiss 1979 (doi 10.1037/0033-2909.86.2.420, case 2), for n rows of k readings:

    (BMS - EMS)/(BMS + (k - 1) EMS + k (JMS - EMS)/n)

    with the mean squares of rows, residuals and readers. None below five rows, or where all
    readings are one number.
    """
    n = len(pairs)
    if n < FEWEST_FOR_ICC:
        return Icc(n, reason=f"ICC: fewer than {FEWEST_FOR_ICC} pairs")
    k = len(pairs[0])
    origin = pairs[0][0]
    table = [[float(x - origin) for x in row] for row in pairs]
    largest = max(abs(x) for row in table for x in row)
    if not largest:
        return Icc(n, reason="ICC: not defined, all numbers are the same")
    table = [[x / largest for x in row] for row in table]
    row_means = [sum(row) / k for row in table]
    readers = [math.fsum(row[j] for row in table) / n for j in range(k)]
    grand = math.fsum(x for row in table for x in row) / (n * k)
    between = k * math.fsum((m - grand) ** 2 for m in row_means) / (n - 1)
    judges = n * math.fsum((m - grand) ** 2 for m in readers) / (k - 1)
    left = math.fsum(
        (x - m - (reader - grand)) ** 2
        for row, m in zip(table, row_means, strict=True)
        for x, reader in zip(row, readers, strict=True)
    ) / ((n - 1) * (k - 1))
    return Icc(n, (between - left) / (between + (k - 1) * left + k * (judges - left) / n))
