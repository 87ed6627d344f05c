"""Permutation tests of a meta-regression: the rows of its design against its effects.

Higgins and Thompson 2004 (doi 10.1002/sim.1752): if no moderator has anything to do with the
effects, every order of the design's rows beside the effects and their variances is as likely as
the observed one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import factorial, prod

import numpy as np

from metamill.measures.effects import Array

_SAME = 1e-8
"""Statistics closer than this, of 1 + their size, are the same: iteration and rounding differ."""
_BLOCK = 4096
_MOST_DIGITS = 15

Fits = Callable[[Array], tuple[Array, Array]]
"""From orders (m, k), row orders[i, j] of the design beside effect j, to the statistics of the
coefficients (p, m) and of all of them together (m,)."""


@dataclass(frozen=True)
class Permuted:
    """p values and their Monte Carlo standard errors of the p coefficients, blocks and QM.

    `orders` were tried, the observed one among them; `possible` are all that differ (None: beyond
    15 digits). Where `exact`, all were tried and the standard errors are 0.
    """

    exact: bool
    orders: int
    possible: int | None
    p: Array
    se: Array
    qm_p: float
    qm_se: float


def possible_orders(x: Array) -> int:
    """How many orders of the rows of x (k, p) differ: k! over the factorials of equal rows."""
    counts = np.unique(x, axis=0, return_counts=True)[1]
    return factorial(len(x)) // prod(factorial(int(count)) for count in counts)


def permutation_test(
    x: Array,
    observed: tuple[Array, float],
    fits: Fits,
    most: int,
    seed: int,
    named: Array | None = None,
) -> Permuted:
    """Every distinct order of the rows of x where there are at most `most`, else a sample.

    named: the rows (k,) in an order that does not go by where they stand, so that the same sample
    is drawn for the same studies. observed: statistics of the coefficients (p,) and QM. The sample
    has `most` orders of which the first is the observed one, so that p = (1 + b)/(1 + B) with b of
    the B others at least as extreme, two-sided by the absolute value, QM by its size. An order
    without a statistic counts as at least as extreme. Raises ValueError for most < 2.
    """
    if most < 2:
        raise ValueError("a permutation test needs at least two orders")
    possible = possible_orders(x)
    exact = possible <= most
    statistic, together = np.abs(np.asarray(observed[0])), float(observed[1])
    rows = np.arange(len(x)) if named is None else named
    source = _distinct(x) if exact else _drawn(rows, most - 1, seed)
    beyond, beyond_all, tried = np.zeros(len(statistic)), 0.0, 0
    while len(block := np.array(list(islice(source, _BLOCK)))):
        found, qm = fits(block)
        with np.errstate(invalid="ignore"):
            less = np.abs(found) < (statistic - _SAME * (1 + statistic))[:, None]
            less_all = qm < together - _SAME * (1 + together)
        beyond += (~less).sum(axis=1)
        beyond_all += (~less_all).sum()
        tried += len(block)
    if not exact:
        beyond, beyond_all, tried = beyond + 1, beyond_all + 1, tried + 1
    p, qm_p = beyond / tried, beyond_all / tried
    spread = 0.0 if exact else 1 / tried
    return Permuted(
        exact,
        tried,
        possible if possible < 10**_MOST_DIGITS else None,
        p,
        np.sqrt(p * (1 - p) * spread),
        float(qm_p),
        float(np.sqrt(qm_p * (1 - qm_p) * spread)),
    )


def _distinct(x: Array) -> Iterator[Array]:
    """Every distinct order of the rows of x, each as indices (k,), in lexicographic order."""
    codes = np.unique(x, axis=0, return_inverse=True)[1].ravel()
    rows = np.argsort(codes, kind="stable")
    rank = codes[rows].tolist()
    while True:
        order = np.empty_like(rows)
        order[np.argsort(rank, kind="stable")] = rows
        yield order
        i = len(rank) - 2
        while i >= 0 and rank[i] >= rank[i + 1]:
            i -= 1
        if i < 0:
            return
        j = len(rank) - 1
        while rank[j] <= rank[i]:
            j -= 1
        rank[i], rank[j] = rank[j], rank[i]
        rank[i + 1 :] = rank[:i:-1]


def _drawn(rows: Array, count: int, seed: int) -> Iterator[Array]:
    generator = np.random.default_rng(seed)
    for _ in range(count):
        order = np.empty_like(rows)
        order[rows] = rows[generator.permutation(len(rows))]
        yield order
