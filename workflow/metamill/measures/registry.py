"""The one registry of measures, under metafor's codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from metamill.measures import correlations, counts, means, scales
from metamill.measures.effects import Array, Columns, Effects, usable_rows
from metamill.measures.limits import poisson_exact, wilson
from metamill.measures.prepare import PRINTED_LEVEL


@dataclass(frozen=True)
class Measure:
    """What one effect measure needs and how it is read.

    The columns it needs are those of tables/needs.py. `null` is the value of no effect on the
    model scale, None for one group, where no such value exists. `scale` names the transformation
    back to the natural scale. `add` and `to` are the default continuity correction. `size` and
    `event` name the columns that add up to n and to events.
    """

    code: str
    name: str
    natural: str
    family: str
    effects: Callable[[Columns, float, str], Effects]
    scale: str = "identity"
    null: float | None = None
    add: float = 0.0
    to: str = "none"
    size: tuple[str, ...] = ()
    event: tuple[str, ...] = ()

    @property
    def natural_null(self) -> float | None:
        """The value of no effect on the natural scale, None for one group."""
        return 1.0 if self.null is not None and self.scale == "log" else self.null

    @property
    def bounds(self) -> tuple[float, float]:
        """Limits that a value on the natural scale cannot pass."""
        return _BOUNDS.get(self.code) or _BOUNDS.get(self.family, (-np.inf, np.inf))

    @property
    def log_axis(self) -> bool:
        """Ratios, and rates that are pooled as logarithms, are drawn on a logarithmic axis."""
        return self.family in ("ratio", "rate") and self.scale == "log"


_BOUNDS = {
    "proportion": (0.0, 1.0),
    "rate": (0.0, np.inf),
    "ratio": (0.0, np.inf),
    "correlation": (-1.0, 1.0),
    "RD": (-1.0, 1.0),
    "AS": (-np.pi / 2, np.pi / 2),
}
"""Limits of a family of measures, or of one."""


def _proportion(
    code: str, name: str, scale: str, effects: Callable[..., Effects], add: float = 0.5
) -> Measure:
    return Measure(
        code,
        name,
        "proportion",
        "proportion",
        effects,
        scale,
        add=add,
        to="only0",
        size=("total",),
        event=("events",),
    )


def _rate(
    code: str, name: str, scale: str, effects: Callable[..., Effects], add: float = 0.5
) -> Measure:
    return Measure(
        code,
        name,
        "incidence rate",
        "rate",
        effects,
        scale,
        add=add,
        to="only0",
        event=("events",),
    )


_TWO_TOTALS = ("total_treatment", "total_control")


def _two_counts(
    code: str,
    name: str,
    family: str,
    scale: str,
    effects: Callable[..., Effects],
    add: float = 0.5,
    size: tuple[str, ...] = _TWO_TOTALS,
) -> Measure:
    return Measure(
        code,
        name,
        name.removeprefix("log "),
        family,
        effects,
        scale,
        null=0.0,
        add=add,
        to="only0",
        size=size,
        event=("events_treatment", "events_control"),
    )


def _change(code: str, name: str, effects: Callable[..., Effects]) -> Measure:
    return Measure(
        code,
        name,
        name,
        "change",
        effects,
        null=0.0,
        size=("n",),
    )


def _two_means(
    code: str,
    name: str,
    effects: Callable[..., Effects],
    family: str = "difference",
    scale: str = "identity",
) -> Measure:
    return Measure(
        code,
        name,
        name.removeprefix("log "),
        family,
        effects,
        scale,
        null=0.0,
        size=("n_treatment", "n_control"),
    )


def _correlation(code: str, name: str, scale: str, effects: Callable[..., Effects]) -> Measure:
    return Measure(
        code,
        name,
        "correlation",
        "correlation",
        effects,
        scale,
        null=0.0,
        size=("n",),
    )


_MEAN = Measure("MN", "mean", "mean", "mean", means.raw_mean, size=("n",))

_GENERIC = Measure(
    "GEN",
    "effect as reported",
    "estimate",
    "generic",
    counts.generic,
    size=("n",),
)

MEASURES: dict[str, Measure] = {
    measure.code: measure
    for measure in (
        _proportion("PR", "raw proportion", "identity", counts.raw_proportion),
        _proportion("PLN", "log proportion", "log", counts.log_proportion),
        _proportion("PLO", "logit proportion", "logit", counts.logit_proportion),
        _proportion("PAS", "arcsine proportion", "arcsine", counts.arcsine_proportion, 0.0),
        _proportion(
            "PFT", "double arcsine proportion", "PFT", counts.double_arcsine_proportion, 0.0
        ),
        _rate("IR", "incidence rate", "identity", counts.raw_rate),
        _rate("IRLN", "log incidence rate", "log", counts.log_rate),
        _rate("IRS", "square root of the incidence rate", "square", counts.root_rate, 0.0),
        _MEAN,
        _change("MC", "mean change", means.mean_change),
        _change("SMCC", "standardised mean change", means.standardised_change),
        _change("SMCR", "standardised mean change (baseline SD)", means.standardised_change_raw),
        _two_counts("OR", "log odds ratio", "ratio", "log", counts.log_odds_ratio),
        _two_counts("RR", "log risk ratio", "ratio", "log", counts.log_risk_ratio),
        _two_counts("RD", "risk difference", "difference", "identity", counts.risk_difference),
        _two_counts(
            "AS", "arcsine difference", "difference", "identity", counts.arcsine_difference, 0.0
        ),
        _two_means("MD", "mean difference", means.mean_difference),
        _two_means("SMD", "standardised mean difference", means.standardised_mean_difference),
        _two_means("ROM", "log ratio of means", means.log_ratio_of_means, "ratio", "log"),
        _two_counts(
            "IRR", "log incidence rate ratio", "ratio", "log", counts.log_rate_ratio, size=()
        ),
        _two_counts(
            "IRD",
            "incidence rate difference",
            "difference",
            "identity",
            counts.rate_difference,
            size=(),
        ),
        _correlation("COR", "correlation", "identity", correlations.raw_correlation),
        _correlation("ZCOR", "Fisher z of the correlation", "tanh", correlations.fisher_z),
        _GENERIC,
    )
}


def effect_sizes(
    code: str,
    columns: Mapping[str, ArrayLike],
    *,
    add: float | None = None,
    to: str | None = None,
) -> Effects:
    """Effects and sampling variances of measure `code` from its columns, each of shape (k,).

    `add` and `to` replace the measure's own continuity correction (see docs/statistics.md). Rows
    whose numbers cannot be data (more events than units, a correlation beyond 1) or have no such
    effect are nan or infinite. Raises KeyError for an unknown measure, rule or missing column.
    """
    measure = MEASURES[code]
    arrays = {name: np.asarray(values, float) for name, values in columns.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        found = measure.effects(
            arrays, measure.add if add is None else add, measure.to if to is None else to
        )
        usable = usable_rows(arrays)
    return Effects(
        np.where(usable, found.yi, np.nan), np.where(usable, found.vi, np.nan), found.corrected
    )


def to_natural(
    code: str, x: ArrayLike, *, sizes: ArrayLike | None = None, scale: str | None = None
) -> Array:
    """Values of measure `code` from the model scale to the natural scale.

    `sizes` (study sizes, of which the harmonic mean is taken) are needed for PFT only, and
    scales.pft_range says what depends on them; `scale` overrides the measure's own for GEN. Raises
    ValueError for PFT without sizes or with sizes that are not above zero.
    """
    values = np.asarray(x, float)
    if code == "PFT":
        if sizes is None:
            raise ValueError("the double arcsine needs the study sizes to be turned back")
        return scales.double_arcsine_to_proportion(values, scales.harmonic_mean(sizes))
    return scales.BACK[scale or MEASURES[code].scale](values)


def study_limits(
    code: str, columns: Columns, effects: Effects, level: float, scale: str | None = None
) -> tuple[Array, Array, Array]:
    """Each study's own estimate and limits on the natural scale, each of shape (k,).

    Counts of one group use the observed proportion or rate with Wilson or exact limits, so that
    a continuity correction never moves what a study reported; correlations have the limits of
    Fisher's z, whichever way they are pooled; the rest use yi -+ z sqrt(vi).
    """
    family = MEASURES[code].family
    if family == "generic":
        return _reported_limits(columns, effects, level, scale)
    if family == "proportion":
        estimate = columns["events"] / columns["total"]
        return estimate, *wilson(columns["events"], columns["total"], level)
    if family == "rate":
        estimate = columns["events"] / columns["time"]
        return estimate, *poisson_exact(columns["events"], columns["time"], level)
    if family == "correlation":
        r = columns["correlation"]
        return r, *correlations.fisher_limits(r, columns["n"], level)
    return _normal_limits(code, effects, level, scale)


def _normal_limits(
    code: str, effects: Effects, level: float, scale: str | None
) -> tuple[Array, Array, Array]:
    reach = ndtri(0.5 + level / 200) * np.sqrt(effects.vi)
    centre, low, high = (
        to_natural(code, x, scale=scale)
        for x in (effects.yi, effects.yi - reach, effects.yi + reach)
    )
    return centre, low, high


def _reported_limits(
    columns: Columns, effects: Effects, level: float, scale: str | None
) -> tuple[Array, Array, Array]:
    """An estimate that the study printed with its interval at this level is shown as printed."""
    computed = _normal_limits("GEN", effects, level, scale)
    if level != PRINTED_LEVEL:
        return computed
    printed = [columns[name] for name in ("estimate", "ci_low", "ci_high")]
    complete = ~np.isnan(printed).any(axis=0)
    centre, low, high = (np.where(complete, p, c) for p, c in zip(printed, computed, strict=True))
    return centre, low, high
