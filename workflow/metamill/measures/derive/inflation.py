"""How much a mean from the median is less precise than the mean that was not reported.

The usual variance SD^2/n belongs to a sample mean; for an estimate from quartiles or range it is
too small (McGrath et al. 2023).
"""

from collections.abc import Mapping
from math import sqrt


def variance_factor(
    measure: str, values: Mapping[str, float], factors: Mapping[str, float]
) -> float:
    """The factor, at least 1, on the sampling variance of a row's effect.

    `factors` holds, for each mean and SD that was estimated from order statistics, its variance
    over that of the sample mean or SD. MN, MD and ROM have exact weights; changes an upper bound;
    standardised effects take the largest factor, which bounds both parts of their variance.
    """
    if not factors:
        return 1.0
    largest = max(factors.values())
    if measure == "MN":
        return factors.get("mean", 1.0)
    if measure in ("MD", "ROM"):
        return _two_means(measure, values, factors)
    if measure == "MC":
        return _change(values, factors)
    if measure in ("SMCC", "SMCR"):
        return max(largest, _change(values, factors))
    return largest


def _two_means(measure: str, values: Mapping[str, float], factors: Mapping[str, float]) -> float:
    parts = {}
    for arm in ("treatment", "control"):
        scale = values[f"mean_{arm}"] if measure == "ROM" else 1.0
        if scale == 0:
            return 1.0
        parts[arm] = (values[f"sd_{arm}"] / scale) ** 2 / values[f"n_{arm}"]
    widened = sum(part * factors.get(f"mean_{arm}", 1.0) for arm, part in parts.items())
    return max(1.0, widened / sum(parts.values()))


def _change(values: Mapping[str, float], factors: Mapping[str, float]) -> float:
    """Bound on the variance of a change of two estimated means over SD_change^2/n.

    An estimate is the sample mean plus an error that is independent of the sample means (Basu),
    with variance (f - 1) SD^2/n. Errors before and after are functions of pairs with correlation
    r, so theirs is at most |r| (Gebelein 1941), and above 0 only where it helps: none is assumed.
    """
    change = values["sd_change"]
    before, after = (
        (factors[f"mean_{side}"] - 1) * values[f"sd_{side}"] ** 2
        if f"mean_{side}" in factors
        else 0.0
        for side in ("pre", "post")
    )
    if not change > 0:
        return 1.0
    r = values["correlation"]
    shared = -2 * r * sqrt(before * after) if r < 0 else 0.0
    return 1 + (before + after + shared) / change**2
