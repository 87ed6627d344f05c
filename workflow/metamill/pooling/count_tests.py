"""Chi-squared tests over 2x2 tables and rates: no effect, and one effect in all studies."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from metamill.pooling.identified import NotIdentified
from metamill.pooling.mantel_haenszel import Array, Counts, mantel_haenszel, read_counts


class CountTest(NamedTuple):
    """A chi-squared test; df is its degrees of freedom."""

    name: str
    statistic: float
    df: int
    p_value: float


def _strata(columns: Mapping[str, ArrayLike], size: str) -> Counts:
    counts, one = read_counts(columns, size, None)
    if not one:
        raise ValueError("a test takes one data set: columns of shape (k,)")
    return Counts(*(array[:, 0] for array in counts))


def _score_test(name: str, distance: float, variance: float, correct: bool) -> CountTest:
    if not variance > 0:
        raise NotIdentified("no study has both an event and a unit without one")
    # A correction larger than the distance leaves none: squaring a negative one would invent it.
    left = max(0.0, abs(distance) - 0.5) if correct else distance
    statistic = float(left**2 / variance)
    name += " with continuity correction" if correct else ""
    return CountTest(name, statistic, 1, float(chdtrc(1, statistic)))


def cochran_mantel_haenszel(columns: Mapping[str, ArrayLike], correct: bool = True) -> CountTest:
    """Test of no effect over 2x2 tables, Mantel and Haenszel 1959: hypergeometric variances.

    columns as for OR, each (k,). correct: the distance shrinks by 0.5, not below 0. Exists where
    the pooled odds ratio is 0 or infinite. Raises NotIdentified without an informative study.
    """
    x1, n1, x2, n2, _ = _strata(columns, "total")
    n, events = n1 + n2, x1 + x2
    variance = ((n1 / n) * (n2 / n) * events * ((n - events) / (n - 1))).sum()
    distance = ((x1 * n2 - x2 * n1) / n).sum()
    return _score_test("Cochran-Mantel-Haenszel", distance, variance, correct)


def mantel_haenszel_rates(columns: Mapping[str, ArrayLike], correct: bool = True) -> CountTest:
    """The same test for rates, binomial given the events of a study (Rothman et al. 2008, ch. 15).

    columns as for IRR, each (k,). Raises NotIdentified without an event.
    """
    x1, t1, x2, t2, _ = _strata(columns, "time")
    t, events = t1 + t2, x1 + x2
    variance = ((t1 / t) * (t2 / t) * events).sum()
    if not variance > 0:
        raise NotIdentified("no study has an event")
    distance = (x1 * (t2 / t) - x2 * (t1 / t)).sum()
    return _score_test("Mantel-Haenszel", distance, variance, correct)


def _fitted_cell(psi: float, row: Array, column: Array, n: Array) -> Array:
    """The cell of row and column total at odds ratio psi, by the root form that does not cancel."""
    linear = psi * (row + column) + (n - row - column)
    constant = psi * row * column
    root = np.sqrt(np.maximum(linear**2 - 4 * (psi - 1) * constant, 0))
    with np.errstate(all="ignore"):
        return np.where(
            linear > 0, 2 * constant / (linear + root), (linear - root) / (2 * (psi - 1))
        )


def _departures(columns: Mapping[str, ArrayLike]) -> tuple[Array, Array]:
    """Observed minus fitted a at the pooled odds ratio, and its variance: informative studies."""
    psi = float(np.exp(mantel_haenszel(columns, "OR").mu))
    x1, n1, x2, n2, _ = _strata(columns, "total")
    events, n = x1 + x2, n1 + n2
    use = (events > 0) & (events < n)
    if use.sum() < 2:
        raise NotIdentified("fewer than two studies have both an event and a unit without one")
    x1, n1, n2, events, n = (array[use] for array in (x1, n1, n2, events, n))
    a = _fitted_cell(psi, n1, events, n)
    b = _fitted_cell(1 / psi, n1, n - events, n)
    c = _fitted_cell(1 / psi, n2, events, n)
    d = _fitted_cell(psi, n2, n - events, n)
    return x1 - a, 1 / (1 / a + 1 / b + 1 / c + 1 / d)


def breslow_day(columns: Mapping[str, ArrayLike]) -> CountTest:
    """Test of one odds ratio in all studies (Breslow and Day 1980), without Tarone's correction.

    columns as for OR, each (k,). df is the number of informative studies less one. Raises
    NotIdentified where the pooled odds ratio does not exist or fewer than two studies inform it.
    """
    departure, variance = _departures(columns)
    statistic, df = float((departure**2 / variance).sum()), len(variance) - 1
    return CountTest("Breslow-Day", statistic, df, float(chdtrc(df, statistic)))


def tarone(columns: Mapping[str, ArrayLike]) -> CountTest:
    """Breslow and Day's test with Tarone's 1985 correction (doi 10.1093/biomet/72.1.91).

    The pooled odds ratio is Mantel and Haenszel's, not the likelihood's: without the correction
    the statistic is too large.

    Arguments and errors as for `breslow_day`.
    """
    departure, variance = _departures(columns)
    plain = (departure**2 / variance).sum()
    statistic, df = (
        max(0.0, float(plain - departure.sum() ** 2 / variance.sum())),
        len(variance) - 1,
    )
    return CountTest("Tarone", statistic, df, float(chdtrc(df, statistic)))
