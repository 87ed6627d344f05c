"""Mean and SD from minimum, quartiles, median and maximum of a sample taken as normal.

Every estimator is a weighted sum of the five numbers, in the order (minimum, lower quartile,
median, upper quartile, maximum); numbers that were not reported have weight 0.
"""

from collections.abc import Container, Sequence
from functools import cache
from itertools import pairwise
from math import exp, isnan, log, nan, sqrt

from scipy.special import gammaln, ndtri

from metamill.measures.derive.draft import Cells, Draft
from metamill.measures.derive.order_statistics import linear_moments
from metamill.tables.derivations import (
    FIVE,
    FROM_ORDER,
    QUARTILES,
    RANGE,
    SUFFIXES,
    Way,
    open_ways,
    size_column,
)

FEWEST = 5
"""Below five units five numbers are more than the data, and the formulas have no basis."""

Weights = tuple[float, float, float, float, float]


def mean_weights(by: str, n: int) -> Weights:
    """Weights of the mean from range, quartiles or both (Luo et al. 2018, scenarios S1 to S3)."""
    if by == RANGE:
        w = 4 / (4 + n**0.75)
        return w / 2, 0.0, 1 - w, 0.0, w / 2
    if by == QUARTILES:
        w = 0.7 + 0.39 / n
        return 0.0, w / 2, 1 - w, w / 2, 0.0
    outer, inner = 2.2 / (2.2 + n**0.75), 0.7 - 0.72 / n**0.55
    return outer / 2, inner / 2, 1 - outer - inner, inner / 2, outer / 2


def sd_weights(by: str, n: int) -> Weights:
    """Weights of the SD: from range or quartiles Wan et al. 2014 (scenarios C1, C3), from both
    Shi et al. 2020."""
    extreme = float(ndtri((n - 0.375) / (n + 0.25)))
    quarter = float(ndtri((0.75 * n - 0.125) / (n + 0.25)))
    across, within = 1 / (2 * extreme), 1 / (2 * quarter)
    if by == RANGE:
        return -across, 0.0, 0.0, 0.0, across
    if by == QUARTILES:
        return 0.0, -within, 0.0, within, 0.0
    across = 1 / ((2 + 0.14 * n**0.6) * extreme)
    within = 1 / ((2 + 2 / (0.07 * n**0.6)) * quarter)
    return -across, -within, 0.0, within, across


def weighted(weights: Weights, numbers: Sequence[float]) -> float:
    """The weighted sum; numbers of weight 0 may be nan."""
    return sum(w * x for w, x in zip(weights, numbers, strict=True) if w != 0)


def skewed(by: str, numbers: Sequence[float], n: int) -> bool:
    """Whether the five numbers are too asymmetric for a normal sample, at the 5 % level.

    Tests and critical values of Shi et al. 2023 for each of the three sets of numbers.
    """
    low, q1, median, q3, high = numbers
    if by != QUARTILES:
        across = abs(low + high - 2 * median) / (high - low)
        if by == RANGE:
            return across >= 1 / log(n + 9) + 2.5 / (n + 1)
    within = abs(q1 + q3 - 2 * median) / (q3 - q1)
    if by == QUARTILES:
        return within >= 2.65 / sqrt(n) - 6 / n**2
    return max(2.65 * log(0.6 * n) / sqrt(n) * across, within) >= 3 / sqrt(n) - 40 / n**3


def _ranks(n: int) -> Weights:
    """Ranks of the five numbers; whole where n - 1 is a multiple of four, as in all the papers."""
    step = (n - 1) / 4
    return 1.0, 1 + step, 1 + 2 * step, 1 + 3 * step, float(n)


@cache
def mean_factor(by: str, n: int) -> float:
    """Variance of the mean by `mean_weights` over that of the mean of the n values themselves.

    At least 1: no unbiased estimator has less variance than the mean of a normal sample. Exact
    for a normal sample, by the covariances of its order statistics.
    """
    _, variance = linear_moments(mean_weights(by, n), _ranks(n), n)
    return max(1.0, n * variance)


@cache
def sd_factor(by: str, n: int) -> float:
    """Squared coefficient of variation of the SD by `sd_weights` over that of the sample SD."""
    mean, variance = linear_moments(sd_weights(by, n), _ranks(n), n)
    c4 = sqrt(2 / (n - 1)) * exp(gammaln(n / 2) - gammaln((n - 1) / 2))
    return max(1.0, variance / mean**2 / (1 / c4**2 - 1))


def complete_means(draft: Draft, used: Container[str]) -> None:
    """Means, then SDs, that are `used` and still lacking, from median, quartiles and range."""
    for suffix in SUFFIXES:
        mean, sd = f"mean{suffix}", f"sd{suffix}"
        ways = {
            column: next((w for w in open_ways(column, draft.cells) if w.by in FROM_ORDER), None)
            for column in (mean, sd)
            if column in used and draft.lacks(column)
        }
        if not any(ways.values()):
            continue
        n = int(draft.cells[size_column(suffix)])
        five = _read_five(draft.cells, suffix, n)
        if (way := ways.get(mean)) is not None:
            weights = mean_weights(way.by, n)
            draft.add(mean, weighted(weights, five), f"from {way.by} (Luo 2018)", way.sources)
            draft.factors[mean] = mean_factor(way.by, n)
        if (way := ways.get(sd)) is not None:
            weights = sd_weights(way.by, n)
            draft.add(sd, weighted(weights, five), f"from {way.by} ({_PAPER[way.by]})", way.sources)
            draft.factors[sd] = sd_factor(way.by, n)
        _flag_five(draft, ways.get(mean), ways.get(sd), five, n)


def _flag_five(
    draft: Draft, mean: Way | None, sd: Way | None, five: tuple[float, ...], n: int
) -> None:
    if mean is not None:
        what = "mean and SD" if sd is not None else "mean"
        draft.flag(f"{what} from {mean.by}")
    elif sd is not None:
        draft.flag(f"SD from {_WITHOUT_MEDIAN[sd.by]}")
    way = mean or sd
    if way is not None and not isnan(five[2]) and skewed(way.by, five, n):
        unreliable = (
            "mean from median" if mean is not None else f"SD from {_WITHOUT_MEDIAN[way.by]}"
        )
        draft.flag(f"skewed: {unreliable} unreliable")


def _read_five(cells: Cells, suffix: str, n: int) -> tuple[float, ...]:
    """The five numbers of one side, nan where not reported; ValueError where they cannot be."""
    names = tuple(f"{name}{suffix}" for name in ("min", "q1", "median", "q3", "max"))
    five = tuple(float(cells.get(name) or nan) for name in names)
    given = [(name, x) for name, x in zip(names, five, strict=True) if not isnan(x)]
    if n < FEWEST:
        raise ValueError(
            f"{', '.join(name for name, _ in given)} of {n} units give no mean and SD: at least "
            f"{FEWEST} units are needed"
        )
    for (first, low), (second, high) in pairwise(given):
        if low > high:
            raise ValueError(f"{first} {low:.10g} is larger than {second} {high:.10g}")
    if five[1] == five[3] or five[0] == five[4]:
        same = names[1] if five[1] == five[3] else names[0]
        other = names[3] if five[1] == five[3] else names[4]
        raise ValueError(f"{same} and {other} are both {cells[same]}, which gives no SD")
    return five


_WITHOUT_MEDIAN = {by: by.removeprefix("median, ").removeprefix("median and ") for by in FROM_ORDER}
_PAPER = {FIVE: "Shi 2020", QUARTILES: "Wan 2014", RANGE: "Wan 2014"}
