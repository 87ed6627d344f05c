"""By how much the alternatives to each decision move the estimate and its interval."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, log10
from typing import Any

import numpy as np

from metamill.config.methods import NO_TAU2, is_inverse_variance
from metamill.explored.flips import Alternative, Bar, Changing, Conclusion
from metamill.explored.refits import Refit
from metamill.exploring.conclusions import Reference, concluded, margins, new_ones, states
from metamill.exploring.quick import of_pooled
from metamill.measures.effects import Array
from metamill.results import Analysis

_ONE_EACH = ("rows", "several")
"""Kinds of which every analysis is a decision of its own."""
OMITTED = "omitted"


@dataclass(frozen=True)
class _Variant:
    name: str
    kind: str
    numbers: Array
    changed: bool


def alternatives(
    analyses: Sequence[Analysis], configured: Iterable[str], wanted: Sequence[Reference]
) -> tuple[Alternative, ...]:
    """What each analysis beside the primary one (the first) has to do with it; no subgroups.

    `configured` are the names of those that the settings hold.
    """
    primary, known = analyses[0], set(configured)
    numbers = of_pooled(primary.pooled)
    base = concluded(wanted, list(states(margins(wanted, numbers)))) if wanted else ()
    found = []
    for analysis in analyses[1:]:
        if analysis.name.startswith("subgroup:"):
            continue
        theirs = of_pooled(analysis.pooled)
        compared = bool(np.isfinite(theirs).all()) and _same_scale(primary, analysis)
        changes: tuple[Conclusion, ...] = ()
        if compared and base:
            changes = new_ones(base, concluded(wanted, list(states(margins(wanted, theirs)))))
        kind, automatic = kind_of(primary, analysis), analysis.name not in known
        found.append(Alternative(analysis.name, kind, automatic, compared, changes))
    return tuple(found)


def _same_scale(primary: Analysis, analysis: Analysis) -> bool:
    """Whether the estimates of both are the same quantity in the same units."""
    if analysis.measure is None or primary.measure is analysis.measure:
        return True
    ours, theirs = (item.settings["measure"] for item in (primary, analysis))
    return any(ours in group and theirs in group for group in _ONE_QUANTITY)


_ONE_QUANTITY = (("PR", "PLN", "PLO", "PAS", "PFT"), ("IR", "IRLN", "IRS"), ("COR", "ZCOR"))


def kind_of(primary: Analysis, analysis: Analysis) -> str:
    """The one decision in which an analysis differs from the primary one, by settings and rows."""
    ours, theirs = primary.settings, analysis.settings
    moved = {effect.row for effect in primary.effects} != {
        effect.row for effect in analysis.effects
    }
    kinds = set(_differences(ours, theirs))
    if moved or not analysis.effects:
        return "rows" if not kinds else "several"
    for kind in _ORDER:
        if kind in kinds:
            return kind
    return "several"


_ORDER = (
    "model", "tau2", "correction", "correlation", "icc", "rho", "prior", "interval"
)  # fmt: skip
"""Where settings differ in several ways, the first of these is the decision; the others follow."""


def _differences(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterable[str]:
    def differ(*names: str) -> bool:
        return any(ours.get(name) != theirs.get(name) for name in names)

    if differ("measure", "aggregate"):
        yield "model"
    if ours["method"] == theirs["method"] == "GLMM" and differ("glmm"):
        yield "model"
    if differ("method"):
        estimated = all(
            is_inverse_variance(item["method"]) and item["method"] not in NO_TAU2
            for item in (ours, theirs)
        )
        yield "tau2" if estimated else "model"
    if differ("add", "to"):
        yield "correction"
    if differ("correlation"):
        yield "correlation"
    if differ("icc"):
        yield "icc"
    if differ("rho"):
        yield "rho"
    if differ("tau_prior") and ours["method"] == theirs["method"] == "BAYES":
        yield "prior"
    if differ("test", "level"):
        yield "interval"


def bars(
    primary: Analysis,
    analyses: Sequence[Analysis],
    told: Sequence[Alternative],
    refits: Sequence[Refit],
    wanted: Sequence[Reference],
    log: bool = False,
) -> tuple[Bar, ...]:
    """One bar for each decision, the one that moves the estimate most first.

    Ratios are compared as ratios (`log`). Ties go to the wider range of limits, then to the order
    of the analyses.
    """
    of_name = {analysis.name: analysis for analysis in analyses}
    variants = [
        _Variant(item.analysis, item.kind, of_pooled(of_name[item.analysis].pooled),
                 bool(item.changes))
        for item in told
        if item.compared
    ]  # fmt: skip
    whole = of_pooled(primary.pooled)
    base = states(margins(wanted, whole)) if wanted else np.zeros(0, bool)
    for refit in refits:
        numbers = refit_numbers(refit)
        if np.isfinite(numbers).all():
            changed = bool(wanted) and bool((states(margins(wanted, numbers)) != base).any())
            variants.append(_Variant(refit.left_out, OMITTED, numbers, changed))
    groups: dict[tuple[str, str], list[_Variant]] = {}
    for variant in variants:
        name = variant.name if variant.kind in _ONE_EACH else ""
        groups.setdefault((variant.kind, name), []).append(variant)
    found = [_bar(kind, name, group, whole) for (kind, name), group in groups.items()]
    return tuple(sorted(found, key=lambda bar: _widths(bar, log), reverse=True))


def _widths(bar: Bar, log: bool) -> tuple[float, float]:
    """How wide the estimates lie, and the limits, as they are drawn."""
    found = []
    for low, high in ((bar.low, bar.high), (bar.ci_low, bar.ci_high)):
        if log and low > 0:
            found.append(log10(high) - log10(low))
        else:
            found.append(inf if log and high > 0 else high - low)
    return found[0], found[1]


def refit_numbers(refit: Refit) -> Array:
    """Estimate and limits (3,) of a refit; nan where no model was fitted."""
    numbers = (refit.estimate, refit.ci_low, refit.ci_high)
    if refit.mu is None or any(x is None for x in numbers):
        return np.full(3, np.nan)
    return np.array(numbers, float)


def _bar(kind: str, name: str, group: Sequence[_Variant], whole: Array) -> Bar:
    every = np.vstack([whole, *(item.numbers for item in group)])
    names = ["", *(item.name for item in group)]
    least, most = int(np.argmin(every[:, 0])), int(np.argmax(every[:, 0]))
    changing = tuple(
        Changing(item.name, *map(float, item.numbers)) for item in group if item.changed
    )
    return Bar(
        kind,
        name,
        len(group),
        float(every[least, 0]),
        float(every[most, 0]),
        float(every[1:, 1].min()),
        float(every[1:, 2].max()),
        names[least],
        names[most],
        len(changing),
        changing,
    )
