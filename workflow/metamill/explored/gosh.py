"""What all subsets of the studies of an outcome give: a graphical display of study heterogeneity.

Olkin, Dahabreh and Trikalinos 2012 (doi 10.1002/jrsm.1053).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Where the estimates of subsets lie: the least, the most, and quantiles between them.

    A quantile is the value of one subset: the smallest that so large a share does not exceed.
    """

    least: float
    p5: float
    q1: float
    median: float
    q3: float
    p95: float
    most: float


@dataclass(frozen=True)
class GoshStudy:
    """The subsets that contain a study, and those that do not.

    `study` is its label. Estimates are on the natural scale. `split` is the median estimate of the
    subsets with the study less that of those without it, in units of the interquartile range of
    all, on the model scale and with the sign of the natural one; None where that range is 0.
    """

    study: str
    subsets_with: int
    estimate_with: Spread | None
    estimate_without: Spread | None
    tau2_with: Spread | None = None
    tau2_without: Spread | None = None
    split: float | None = None


@dataclass(frozen=True)
class Crossing:
    """The share of subsets whose estimate lies on the other side of a value than that of all.

    `what` is "no effect" or "threshold"; `value` is on the natural scale.
    """

    what: str
    value: float
    share: float


@dataclass(frozen=True)
class Cloud:
    """Subsets counted in bins: estimate on the natural scale (x) by heterogeneity (y).

    `y_is` is "i2" (per cent) or "tau". The bins of x are equally wide from x_low to x_high, on the
    scale of logarithms where `log`; those of y from 0 to y_high. `counts` has a row for each bin of
    y, from the lowest; `counts_with` counts only the subsets that contain the study
    `mover`. `unplaced` subsets have an estimate and no y.
    """

    y_is: str
    x_low: float
    x_high: float
    log: bool
    y_high: float
    counts: tuple[tuple[int, ...], ...]
    mover: str
    counts_with: tuple[tuple[int, ...], ...]
    unplaced: int = 0

    def edge(self, number: int) -> float:
        """The left end of bin `number` of x, counted from 0; one beyond the last is x_high."""
        share = number / len(self.counts[0])
        if self.log:
            return self.x_low * (self.x_high / self.x_low) ** share
        return self.x_low + (self.x_high - self.x_low) * share


@dataclass(frozen=True)
class Gosh:
    """The primary analysis on subsets of at least two of its k independent studies.

    `possible` is how many such subsets there are (None from 2^53 on), `tried` how many were pooled,
    `failed` how many of these have no estimate. `every` says that all were tried; otherwise they
    are a sample without replacement in which each study is in with probability 1/2, from the random
    numbers that begin with `seed`. `heterogeneity` are the values of the y of the cloud. Without a
    cloud or an estimate `note` says why. `studies` are in the order of the table.
    """

    k: int
    possible: int | None = None
    tried: int = 0
    failed: int = 0
    every: bool = False
    seed: int | None = None
    estimate: Spread | None = None
    tau2: Spread | None = None
    heterogeneity: Spread | None = None
    crossings: tuple[Crossing, ...] = ()
    studies: tuple[GoshStudy, ...] = ()
    cloud: Cloud | None = None
    note: str = ""
