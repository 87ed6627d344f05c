"""What a number printed as an SD could be instead: each is tried, none is put in its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from metamill.tables.printed import Interval

IQR_OF_NORMAL = Fraction(2 * NormalDist().inv_cdf(0.75))
"""Interquartile range of a normal distribution in units of its SD: 1.349."""
_NEAR = Fraction(3, 2)
"""How far, as a ratio, an SD may lie from that of a normal sample with its interquartile range."""
_T_975 = {1: 12.7062, 2: 4.30265, 3: 3.18245, 4: 2.77645}


@dataclass(frozen=True)
class Hypothesis:
    """`name` of what was printed, the SD it would mean in words, and the squares of that SD."""

    name: str
    conversion: str
    squares: Interval


def hypotheses(sd: Interval, n: int, iqr: bool, width: bool) -> Iterator[Hypothesis]:
    """The SD that each reading of a number printed as SD would mean.

    `iqr` and `width` ask for a normal distribution to turn an interquartile range or a range into
    an SD, for groups that do not print their own.
    """
    low, high = max(sd[0], Fraction(0)), sd[1]
    squares = (low**2, high**2)
    yield Hypothesis("standard error", "times the square root of n", _times(squares, Fraction(n)))
    yield Hypothesis("variance", "its square root", (low, high))
    t, z = student_975(n - 1), Fraction(NormalDist().inv_cdf(0.975))
    yield Hypothesis(
        "half-width of a 95 % confidence interval",
        "times the square root of n, over t or 1.96",
        (squares[0] * n / t**2, squares[1] * n / z**2),
    )
    if iqr:
        yield Hypothesis("interquartile range", "over 1.349", _times(squares, 1 / IQR_OF_NORMAL**2))
    if width:
        mean_range = normal_range(n)
        conversion = f"over {float(mean_range):.3g}, the mean range of {n} normal values"
        yield Hypothesis("range", conversion, _times(squares, 1 / mean_range**2))


def beside_quartiles(sd: Interval, width: Fraction) -> bool:
    """Whether the SD goes with a printed range that is an interquartile one: near width/1.349."""
    normal = width / IQR_OF_NORMAL
    return sd[0] <= normal * _NEAR and sd[1] >= normal / _NEAR


def student_975(df: int) -> Fraction:
    """97.5 % quantile of Student's t, to four digits (Abramowitz and Stegun 1964, 26.7.5)."""
    if df in _T_975:
        return Fraction(_T_975[df])
    z = NormalDist().inv_cdf(0.975)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return Fraction(z + sum(term / df**power for power, term in enumerate(terms, 1)))


def normal_range(n: int) -> Fraction:
    """Expected range of n standard normal values, by Blom's (1958) expected largest value."""
    return Fraction(2 * NormalDist().inv_cdf((n - 0.375) / (n + 0.25)))


def _times(squares: Interval, factor: Fraction) -> Interval:
    return squares[0] * factor, squares[1] * factor
