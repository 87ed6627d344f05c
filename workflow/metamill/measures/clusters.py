"""Units within patients: counts and sizes divided by their design effect.

Screws of one patient loosen together more often than screws of two, so that n screws say less than
n patients would. The approximate analysis of the Cochrane Handbook (version 6, 23.1.4) divides
events and totals, or the n of a mean, by the design effect; the proportion, the mean and the SD
stay. Results are fractional, since rounding a small effective size would move the proportion.
"""

import numpy as np
from numpy.typing import ArrayLike

from metamill.measures.effects import Array


def design_effect(total: ArrayLike, clusters: ArrayLike, icc: ArrayLike) -> Array:
    """1 + (m - 1) ICC with m = total/clusters, the mean number of units of a patient.

    total: units (screws); clusters: the patients that they belong to; icc: intracluster
    correlation. Arrays of one shape, or numbers. The result lies between 1 and m, and is exactly 1
    where ICC = 0 or m = 1. Clusters of unequal size have a somewhat larger one. Raises ValueError
    for an ICC outside [0, 1], fewer than one cluster, or more clusters than units.
    """
    total, clusters, icc = (np.asarray(value, float) for value in (total, clusters, icc))
    if not (np.isfinite(total) & np.isfinite(clusters)).all():
        raise ValueError("units and patients must be finite numbers")
    if not ((icc >= 0) & (icc <= 1)).all():
        raise ValueError("the intracluster correlation must lie between 0 and 1")
    if (clusters < 1).any():
        raise ValueError("there must be at least one patient")
    if (clusters > total).any():
        raise ValueError("there cannot be more patients than units: each has at least one")
    return np.asarray(1 + (total / clusters - 1) * icc)


def effective_size(total: ArrayLike, clusters: ArrayLike, icc: ArrayLike) -> Array:
    """The number of independent units that say as much as `total` units in `clusters` patients.

    It lies between the number of patients (ICC = 1) and `total` (ICC = 0, bit for bit). For a
    mean it takes the place of n. Arguments and errors are those of `design_effect`.
    """
    return np.asarray(total, float) / design_effect(total, clusters, icc)


def effective_counts(
    events: ArrayLike, total: ArrayLike, clusters: ArrayLike, icc: ArrayLike
) -> tuple[Array, Array]:
    """Events and total, both divided by the design effect and so fractional.

    Arguments and errors are those of `design_effect`; also ValueError for events that are not
    between 0 and total.
    """
    events, total = np.asarray(events, float), np.asarray(total, float)
    divisor = design_effect(total, clusters, icc)
    if not ((events >= 0) & (events <= total)).all():
        raise ValueError("events must lie between 0 and the total")
    return events / divisor, total / divisor


def effective_flag(total: float, clusters: float, icc: float, cluster: str = "patient") -> str:
    """What a row's flag says, e.g. "effective sample size 100.6 of 120 (ICC 0.1, 2.9 per patient)".

    Empty where nothing changes (ICC = 0, or one unit per patient). `cluster` is the word for what
    holds the units. Errors are those of `design_effect`.
    """
    if design_effect(total, clusters, icc) == 1:
        return ""
    effective = float(effective_size(total, clusters, icc))
    return (
        f"effective sample size {effective:.1f} of {total:.10g} "
        f"(ICC {icc:.6g}, {total / clusters:.1f} per {cluster})"
    )
