"""What a multiverse found: every combination of choices, pooled."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """A choice and the estimates under it, on the natural scale.

    All numbers are over the analyses with an estimate in which it is taken and every other choice
    counts: `specifications` of them, different from each other. The quantiles are those of their
    combinations, None where there are none. `changed` of the `concluded` that have an interval
    conclude otherwise than the pre-specified one beside any value of reference (see `Beside`), None
    where there is no such value or the pre-specified one has no interval.
    """

    name: str
    standing: str
    prespecified: bool
    specifications: int
    median: float | None = None
    low: float | None = None
    high: float | None = None
    changed: int | None = None
    concluded: int | None = None


@dataclass(frozen=True)
class Decision:
    """A decision: how much of the variance of the estimate lies between its choices (0 to 1).

    `spread` is the range of the medians of its counted choices, on the natural scale. None where
    nothing varies or fewer than two choices have an estimate.
    """

    name: str
    choices: tuple[Choice, ...]
    share: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Specifications:
    """The distinct analyses by column, m values in each, in the order in which they were combined.

    `choices` has a column per decision, with the place of the choice taken; `combinations` counts
    those that come to the same rows and model. Estimate and limits are on the natural scale.
    `standing` is a place in config.decisions.STANDINGS: that of the least standing of its choices.
    `note` is a place in `notes`, of which the first is empty.
    """

    choices: tuple[tuple[int, ...], ...]
    combinations: tuple[int, ...]
    standing: tuple[int, ...]
    k: tuple[int, ...]
    estimate: tuple[float | None, ...]
    ci_low: tuple[float | None, ...]
    ci_high: tuple[float | None, ...]
    p_value: tuple[float | None, ...]
    tau2: tuple[float | None, ...]
    note: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Beside:
    """Where the specifications lie beside one value: the null, or an important difference.

    `other_side` have their estimate on the other side than the pre-specified one (None where that
    lies on the value itself); of the intervals `below` and `above` lie wholly to one side, and
    `including` hold the value. `changed` have an interval that says something else than the
    pre-specified one of the three (None where it has none).
    """

    value: float
    kind: str
    other_side: int | None
    below: int
    above: int
    including: int
    changed: int | None


@dataclass(frozen=True)
class Summary:
    """The specifications of some standings: how many, the quantiles of their estimates.

    `quantiles` are those of `levels` (0 to 1), on the natural scale, of the `estimated`
    specifications that have an estimate. `outside` have theirs outside the interval of the
    pre-specified one (None where it has none).
    """

    standings: tuple[str, ...]
    specifications: int
    estimated: int
    with_interval: int
    levels: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()
    outside: int | None = None
    beside: tuple[Beside, ...] = ()


@dataclass(frozen=True)
class Refused:
    """Combinations that cannot be, and why."""

    reason: str
    combinations: int


@dataclass(frozen=True)
class Band:
    """Neighbouring specifications in the order of their estimates, too many to be drawn singly.

    `first` and `last` are places in that order, from 1. `estimate` is their median; the interval's
    limits have a median (`low`, `high`), a 5 % quantile of the lower one (`low_outer`) and a 95 %
    quantile of the upper one (`high_outer`), None where no interval exists.
    """

    first: int
    last: int
    estimate: float
    low: float | None
    high: float | None
    low_outer: float | None
    high_outer: float | None


@dataclass(frozen=True)
class Multiverse:
    """All specifications of an outcome.

    `combinations` of the choices came to `len(specifications.k)` different analyses; `conflicting`
    cannot be, for the reasons in `refused`. `prespecified` is the place of the primary analysis
    and `rank` (from 1) that of its estimate among the `summaries[0].estimated` that count.
    `interactions` is the share of the variance that no decision explains alone, None where
    combinations are missing and shares overlap. `summaries` are of those that count together
    (equivalent and uncertain), then of each standing that occurs. `bands` are those of all
    specifications with an estimate, where these are many. `without_effect` names choices under
    which every analysis is the pre-specified choice's.
    """

    decisions: tuple[Decision, ...]
    specifications: Specifications
    combinations: int
    conflicting: int
    refused: tuple[Refused, ...]
    prespecified: int
    rank: int | None
    interactions: float | None
    log: bool
    summaries: tuple[Summary, ...]
    bands: tuple[Band, ...] = ()
    without_effect: tuple[str, ...] = ()
