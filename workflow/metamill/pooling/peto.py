"""Peto's one-step odds ratio: observed minus expected events over hypergeometric variances.

Yusuf, Peto, Lewis, Collins and Sleight 1985 (doi 10.1016/S0033-0620(85)80003-7). One Newton step
of the conditional likelihood from an odds ratio of 1: good for rare events, balanced groups and
small effects, biased otherwise (Greenland and Salvan 1990, doi 10.1002/sim.4780090307).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.mantel_haenszel import CountsFit, Pooled, finish, read_counts


def peto(
    columns: Mapping[str, ArrayLike], level: float = 95.0, keep: ArrayLike | None = None
) -> CountsFit:
    """Pool 2x2 tables by Peto's method; mu is the log odds ratio sum(O - E)/sum(V).

    columns: events_treatment, total_treatment, events_control, total_control, each (k,) or
    (k, m); keep: 1 where a study belongs to an analysis, (k,) or (k, m). One data set gives
    numbers, several give arrays. V is the hypergeometric variance of a study's events under
    treatment; weights are V, se is 1/sqrt(sum V), and q = sum V ((O - E)/V - mu)^2. A study
    without events, or with nothing else, has V = 0: no information. Nothing is corrected.
    Raises ValueError for what cannot be counts and NotIdentified where every V is 0 (for one
    analysis; among several its numbers are nan and `reason` says why).
    """
    counts, one = read_counts(columns, "total", keep)
    x1, n1, x2, n2, kept = counts
    n, events = n1 + n2, x1 + x2
    variance = kept * (n1 / n) * (n2 / n) * events * ((n - events) / (n - 1))
    distance = kept * (x1 * n2 - x2 * n1) / n
    total = variance.sum(axis=0)
    words = "no study has both an event and a unit without one"
    with np.errstate(all="ignore"):
        pooled = Pooled(
            mu=distance.sum(axis=0) / total,
            variance=1 / total,
            reason=np.where(total > 0, "", words),
            weights=variance,
            informative=variance > 0,
            effect=distance / variance,
            effect_variance=1 / variance,
        )
    return finish(pooled, kept, level, one)
