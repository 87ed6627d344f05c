"""Which studies lie far from the pool of the others."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outlier:
    """A study beyond the rule; `value` is its residual, or its tail probability."""

    study: str
    value: float


@dataclass(frozen=True)
class Outliers:
    """The studies that a rule calls outliers, and the analysis without them.

    `rule` is "rstudent" (the absolute externally studentised residual above `cutoff`) or "tail"
    (the two-sided tail probability under the prediction of the others below `cutoff`); `judged`
    studies have the statistic, and `expected` of them pass by chance. `analysis` names the analysis
    without them, "" where there is none. Where the rule does not apply `note` says why.
    """

    rule: str = ""
    cutoff: float | None = None
    judged: int = 0
    expected: float | None = None
    studies: tuple[Outlier, ...] = ()
    analysis: str = ""
    note: str = ""
