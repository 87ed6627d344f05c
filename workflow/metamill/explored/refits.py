"""The primary analysis on other rows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refit:
    """The primary analysis on other rows: one study left out, or the studies up to one.

    `left_out` or `up_to` names the study (its label), the other is empty. `k` counts studies;
    numbers as in Pooled, None where there is no pooled estimate, and then `note` says why. `cook`
    (Cook's distance) and `covariance_ratio` compare a leave-one-out refit with the analysis of all
    studies (Viechtbauer and Cheung 2010), on the model scale. The fields after them say what the
    study left out does to an inverse-variance pool of one effect per study (see
    exploring.influence); `weight` is in per cent of the pool of all. None for every other model and
    for `up_to`. `tail_p` is the two-sided tail probability of the counts of the study left out
    under what a mixed model of the others predicts. `unit` is "cohort" or "study of a cohort" where
    that is left out, and `order` the column (or "precision") by which studies were added.
    """

    left_out: str
    up_to: str
    k: int
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    mu: float | None = None
    se: float | None = None
    tau2: float | None = None
    i2: float | None = None
    q: float | None = None
    p_value: float | None = None
    cook: float | None = None
    covariance_ratio: float | None = None
    rstudent: float | None = None
    dffits: float | None = None
    hat: float | None = None
    weight: float | None = None
    dfbetas: float | None = None
    baujat_x: float | None = None
    baujat_y: float | None = None
    influential: bool | None = None
    tail_p: float | None = None
    unit: str = ""
    order: str = ""
    note: str = ""
