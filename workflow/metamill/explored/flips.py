"""How robust a primary analysis is: conclusions, what changes them, and by how much it moves."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Conclusion:
    """Where an interval lies to one value of reference, on the natural scale.

    `kind` is "null" or "threshold". `interval` is "below", "above" or "includes"; `estimate`, of a
    threshold only, is "below" or "above".
    """

    kind: str
    value: float
    interval: str
    estimate: str = ""


@dataclass(frozen=True)
class Alternative:
    """An analysis that was run beside the primary one, and what it has to do with it.

    `kind` names the one decision that differs: "model", "tau2", "interval", "correction",
    "correlation", "icc", "rho", "prior", "rows" or "several". `automatic`: config.yaml does not
    name it. `changes` are the conclusions that it does not share; `compared` is False where it has
    no pooled estimate with an interval on the scale of the primary analysis.
    """

    analysis: str
    kind: str
    automatic: bool
    compared: bool = True
    changes: tuple[Conclusion, ...] = ()


@dataclass(frozen=True)
class Change:
    """The value at which a conclusion changes, and the conclusions that are new beyond it."""

    value: float
    after: tuple[Conclusion, ...]


@dataclass(frozen=True)
class FlipPoint:
    """One assumption: the values nearest to the one used at which any conclusion changes.

    `assumption` is "correlation", "icc", "rho", "tau2" or "null_studies" (studies without an effect
    that are added). `low` to `high` was searched; `below` and `above` are the nearest changes on
    either side of `used`, None where there is none. `changes` counts the changes a scan of the
    whole range met: more than one on a side means that the conclusion comes and goes.
    `plausible_low` to `plausible_high` is what `plausible` says. `fits` analyses were fitted.
    Where nothing could be searched `low` and `high` are None and `note` says why; elsewhere it says
    where the search had to end. `estimate_at_high`, of added studies only, is the pooled estimate
    after the most that were tried, None where it does not exist.
    """

    assumption: str
    used: float | None = None
    low: float | None = None
    high: float | None = None
    below: Change | None = None
    above: Change | None = None
    changes: int = 0
    plausible_low: float | None = None
    plausible_high: float | None = None
    plausible: str = ""
    fits: int = 0
    note: str = ""
    estimate_at_high: float | None = None


@dataclass(frozen=True)
class Omission:
    """The fewest studies without which a conclusion changes.

    `size` is None where none of the sets tried changes any. `sets` are those of that size (their
    labels), the first `LISTED` of `count`. All sets up to `searched` studies were tried, `fits` in
    total, of which `unanswered` have no estimate with an interval. `note` says why larger ones were
    not.
    """

    size: int | None
    searched: int
    count: int = 0
    sets: tuple[tuple[str, ...], ...] = ()
    fits: int = 0
    note: str = ""
    unanswered: int = 0


@dataclass(frozen=True)
class Changing:
    """An analysis of a bar that changes a conclusion, with its estimate and limits."""

    analysis: str
    estimate: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class Bar:
    """The range of estimates and of the ends of intervals over the alternatives of one decision.

    `kind` as in Alternative, or "omitted" for one study left out in turn. `low` and `high` are the
    smallest and the largest estimate, the primary one among them, `at_low` and `at_high` the
    analyses that have them ("" for the primary one), `ci_low` and `ci_high` the outermost limits of
    the other analyses, without the primary one. `count` analyses were compared, of which `changed`
    change a conclusion: those in `changing`.
    """

    kind: str
    name: str
    count: int
    low: float
    high: float
    ci_low: float
    ci_high: float
    at_low: str = ""
    at_high: str = ""
    changed: int = 0
    changing: tuple[Changing, ...] = ()


@dataclass(frozen=True)
class Robustness:
    """What is known of how far the primary analysis depends on what was decided or assumed.

    `estimate`, `ci_low` and `ci_high` are those of the primary analysis. Without `conclusions`
    there is nothing to change: only movements are told. `bars` are sorted, the widest first.
    """

    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    conclusions: tuple[Conclusion, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    flips: tuple[FlipPoint, ...] = ()
    omission: Omission | None = None
    bars: tuple[Bar, ...] = ()
