"""What many specifications say together: quantiles, which side they lie on, what moves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from metamill.config.decisions import NON_EQUIVALENT, STANDINGS, Decisions
from metamill.explored.multiverse import Band, Beside, Choice, Decision, Summary
from metamill.exploring.conclusions import Reference
from metamill.measures.effects import Array
from metamill.pooling.decomposition import main_effects

LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
SINGLY, BANDS = 400, 200
"""As many specifications are drawn one by one; more are drawn in so many bands."""
COUNTED = tuple(name for name in STANDINGS if name != NON_EQUIVALENT)


@dataclass(frozen=True)
class Columns:
    """The specifications as arrays (m,): nan where a number does not exist."""

    standing: Array
    estimate: Array
    low: Array
    high: Array

    def take(self, rows: Array) -> "Columns":
        return Columns(self.standing[rows], self.estimate[rows], self.low[rows], self.high[rows])


def counted(standing: Array) -> Array:
    """Which specifications, or combinations, count."""
    return standing != STANDINGS.index(NON_EQUIVALENT)


def summaries(
    columns: Columns, prespecified: int, references: Sequence[Reference]
) -> tuple[Summary, ...]:
    """That of those that count together, then one per standing that occurs."""
    own = columns.take(np.array([prespecified]))
    groups = [COUNTED]
    present = [name for i, name in enumerate(STANDINGS) if (columns.standing == i).any()]
    groups += [(name,) for name in present if present != [present[0]] or name not in COUNTED]
    places = [[STANDINGS.index(name) for name in group] for group in groups]
    return tuple(
        _summary(group, columns.take(np.isin(columns.standing, at)), own, references)
        for group, at in zip(groups, places, strict=True)
    )


def bands(columns: Columns) -> tuple[Band, ...]:
    """All specifications with an estimate, in order, in at most BANDS parts; none for few."""
    known = np.flatnonzero(np.isfinite(columns.estimate))
    if len(known) <= SINGLY:
        return ()
    order = known[np.argsort(columns.estimate[known], kind="stable")]
    edges = np.linspace(0, len(order), BANDS + 1).round().astype(int)
    found = []
    for start, end in pairwise(edges):
        part = columns.take(order[start:end])
        limits = [
            _quantile(values, level)
            for values, level in (
                (part.low, 0.5),
                (part.high, 0.5),
                (part.low, 0.05),
                (part.high, 0.95),
            )
        ]
        middle = float(np.median(part.estimate))
        found.append(Band(int(start) + 1, int(end), middle, *limits))
    return tuple(found)


def _quantile(values: Array, level: float) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.quantile(known, level)) if len(known) else None


def _summary(
    standings: tuple[str, ...],
    of: Columns,
    own: Columns,
    references: Sequence[Reference],
) -> Summary:
    known = of.estimate[np.isfinite(of.estimate)]
    quantiles = tuple(np.quantile(known, LEVELS).tolist()) if len(known) else ()
    low, high = float(own.low[0]), float(own.high[0])
    outside = int(((known < low) | (known > high)).sum()) if np.isfinite(low + high) else None
    return Summary(
        standings,
        len(of.estimate),
        len(known),
        int(np.isfinite(of.low + of.high).sum()),
        LEVELS if len(known) else (),
        quantiles,
        outside,
        tuple(_beside(item, of, own) for item in references),
    )


def _beside(reference: Reference, of: Columns, own: Columns) -> Beside:
    value = reference.value
    estimate = float(own.estimate[0])
    side = np.sign(estimate - value)
    other = int((np.sign(of.estimate - value) == -side).sum()) if side in (-1, 1) else None
    below, above = of.high < value, of.low > value
    including = (of.low <= value) & (of.high >= value)
    now = [bool(own.high[0] < value), bool(own.low[0] > value)]
    known = np.isfinite(own.low[0] + own.high[0])
    here = below if now[0] else above if now[1] else including
    total = int(below.sum() + above.sum() + including.sum())
    return Beside(
        value,
        reference.kind,
        other,
        int(below.sum()),
        int(above.sum()),
        int(including.sum()),
        total - int(here.sum()) if known else None,
    )


def _concludes_otherwise(
    columns: Columns, prespecified: int, references: Sequence[Reference]
) -> Array | None:
    """Which specifications (m,) conclude otherwise beside any reference: 1, 0, nan (no interval).

    None where there is nothing to conclude.
    """
    known = np.isfinite(columns.low + columns.high)
    if not references or not known[prespecified]:
        return None
    places = [
        np.where(columns.high < item.value, -1, np.where(columns.low > item.value, 1, 0))
        for item in references
    ]
    other = np.any([place != place[prespecified] for place in places], axis=0)
    return np.where(known, other.astype(float), np.nan)


def _counts(differs: Array | None, which: Array) -> tuple[int | None, int | None]:
    if differs is None:
        return None, None
    found = differs[which]
    return int((found == 1).sum()), int(np.isfinite(found).sum())


def described(
    decisions: Decisions,
    choices: Array,
    of: Array,
    columns: Columns,
    log: bool,
    prespecified: int,
    references: Sequence[Reference],
) -> tuple[tuple[Decision, ...], float | None]:
    """The decisions with what their choices do, and the share of their interactions.

    choices: (d, n) places of the choices of every combination; of: (n,) its specification or -1;
    `prespecified` is the specification of the primary analysis, beside the values of reference.
    Medians and shares are over combinations with an estimate, so that a choice which changes
    nothing beside another is not lost; shares are those of the logarithm where `log`.
    """
    estimate = np.where(of >= 0, columns.estimate[of], np.nan)
    standing = [
        np.array([STANDINGS.index(choice.standing) for choice in item.choices])
        for item in decisions.of
    ]
    own = np.array([of_choice[at] for of_choice, at in zip(standing, choices, strict=True)])
    usable = np.isfinite(estimate)
    all_count = usable & counted(own.max(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(estimate) if log else estimate
    sound = all_count & np.isfinite(values)
    effects = main_effects(values[sound], choices[:, sound]) if sound.any() else None
    differs = _concludes_otherwise(columns, prespecified, references)
    complete = bool((sound | ~counted(own.max(axis=0))).all())
    found = []
    for d, item in enumerate(decisions.of):
        others = counted(np.delete(own, d, axis=0).max(axis=0, initial=0)) & usable
        told: list[Choice] = []
        medians: list[float] = []
        for place, choice in enumerate(item.choices):
            here = others & (choices[d] == place)
            under, which = estimate[here], np.unique(of[here])
            median, low, high = (
                np.quantile(under, (0.5, 0.0, 1.0)).tolist() if len(under) else (None,) * 3
            )
            if median is not None and choice.standing != NON_EQUIVALENT:
                medians.append(median)
            told.append(
                Choice(
                    choice.name,
                    choice.standing,
                    place == item.prespecified,
                    len(which),
                    median,
                    low,
                    high,
                    *_counts(differs, which),
                )
            )
        found.append(
            Decision(
                item.name,
                tuple(told),
                float(effects.shares[d]) if effects and len(medians) > 1 else None,
                max(medians) - min(medians) if len(medians) > 1 else None,
            )
        )
    rest = effects.rest if effects and complete else float("nan")
    return tuple(found), None if np.isnan(rest) else float(rest)
