"""Studies far from the pool of the others, and the analysis without them.

Inverse variance: the externally studentised residual beyond 1.96 (Viechtbauer and Cheung 2010, doi
10.1002/jrsm.11). Mixed models: counts whose two-sided tail probability is below 0.05 under the
effect that the others predict for a new study, N(mu_-i, tau2_-i + se_-i^2) on the model scale. By
either rule about one study in twenty is called an outlier where none is; under knha, whose residual
is divided by a spread estimated from the k - 1 others, about twice the tail of t with k - 2 degrees
of freedom.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import stdtr

from metamill.config.methods import is_inverse_variance
from metamill.config.settings import Model, Outcome, Plan, RowFilter
from metamill.estimating import Data
from metamill.explored.outliers import Outlier, Outliers
from metamill.explored.refits import Refit
from metamill.exploring.units import Cells, rows_of_units
from metamill.pooling.outlying import binomial_tail, hypergeometric_tail, poisson_tail
from metamill.tables.pools import identity
from metamill.tables.selection import Selection

RESIDUAL, BY_CHANCE = 1.96, 0.05
"""The least absolute residual of an outlier, and the share of studies beyond it by chance."""
MOST_NAMED = 3
"""More outliers than these are counted in the name of the analysis, and not named."""
LEAST_LEFT = 2
WITHOUT = "sensitivity:without outliers"


def with_tails(refits: Sequence[Refit], data: Data, model: Model) -> tuple[Refit, ...]:
    """Refits of a mixed model of one row per study, with the tail probability of each left out."""
    if model.method != "GLMM" or len(refits) != len(data.study):
        return tuple(refits)
    return tuple(
        refit
        if refit.mu is None or refit.se is None or refit.tau2 is None
        else replace(refit, tail_p=_tail(data, row, refit.mu, refit.tau2 + refit.se**2))
        for row, refit in zip(np.argsort(data.study), refits, strict=True)
    )


def _tail(data: Data, row: int, mu: float, variance: float) -> float | None:
    """None for two groups of effective sizes, which have no tables to count."""
    numbers = {name: float(values[row]) for name, values in data.columns.items()}
    if "events" in numbers:
        if "time" in numbers:
            return poisson_tail(numbers["events"], numbers["time"], mu, variance)
        return binomial_tail(numbers["events"], numbers["total"], mu, variance)
    a, c = numbers["events_treatment"], numbers["events_control"]
    if "time_treatment" in numbers:
        # given all events of both groups, those under treatment are binomial
        offset = float(np.log(numbers["time_treatment"] / numbers["time_control"]))
        return binomial_tail(a, a + c, mu, variance, offset) if a + c > 0 else 1.0
    totals = numbers["total_treatment"], numbers["total_control"]
    if any(x % 1 for x in (a, c, *totals)):
        return None
    return hypergeometric_tail((a, c), totals, mu, variance)


def outliers(refits: Sequence[Refit], model: Model) -> Outliers:
    """What the rule of the model says of the studies left out in turn."""
    mixed = model.method == "GLMM"
    judged = sum(_value(refit, mixed) is not None for refit in refits)
    if not judged:
        return Outliers(note=_why_not(refits, model))
    rule, cutoff = ("tail", BY_CHANCE) if mixed else ("rstudent", RESIDUAL)
    beyond = tuple(
        Outlier(refit.left_out, value)
        for refit in refits
        if (value := _value(refit, mixed)) is not None and _is_outlier(refit, mixed)
    )
    return Outliers(rule, cutoff, judged, _by_chance(model, len(refits)) * judged, beyond)


def _by_chance(model: Model, k: int) -> float:
    """The share of k studies that the rule takes for outliers where none is."""
    if model.method == "GLMM" or model.test != "knha" or k <= LEAST_LEFT:
        return BY_CHANCE
    return 2 * float(stdtr(k - 2, -RESIDUAL))


def _value(refit: Refit, mixed: bool) -> float | None:
    return refit.tail_p if mixed else refit.rstudent


def _is_outlier(refit: Refit, mixed: bool) -> bool:
    value = _value(refit, mixed)
    return value is not None and (value < BY_CHANCE if mixed else abs(value) > RESIDUAL)


def _why_not(refits: Sequence[Refit], model: Model) -> str:
    if not refits:
        return "no study was left out in turn"
    if not is_inverse_variance(model.method) and model.method != "GLMM":
        return f"there is no rule for outliers under method {model.method}"
    return "the rule takes one effect per study and a pool of the others, which are not there"


def without_outliers(
    outcome: Outcome,
    selection: Selection,
    data: Data,
    cells: Sequence[Cells],
    refits: Sequence[Refit],
) -> tuple[Outliers, list[Plan]]:
    """Who is an outlier, and the analysis without them: once, not again without those it then has.

    `cells` are those of the rows of `data`. No analysis where nothing would be left to pool, or
    where one of the settings pools the same rows in the same way already: that one is named.
    """
    primary = outcome.plans[0]
    found = outliers(refits, primary.model)
    if not found.studies:
        return found, []
    units = rows_of_units(data.study, cells)
    mixed = found.rule == "tail"
    out = [unit for unit, refit in enumerate(refits) if _is_outlier(refit, mixed)]
    if not outcome.explorations.automatic_sensitivity:
        return found, []
    if len(units) - len(out) < LEAST_LEFT:
        return replace(found, note="without the outliers fewer than two studies are left"), []
    studies = tuple(dict.fromkeys(row["study"] for unit in out for row in units[unit]))
    plan = replace(
        primary,
        name=f"{WITHOUT} ({_named([item.study for item in found.studies])})",
        drop=RowFilter({"study": studies}, "an outlier"),
    )
    wanted = identity(selection.rows, plan)
    for other in outcome.plans[1:]:
        if identity(selection.rows, other) == wanted:
            return replace(found, analysis=other.name), []
    return replace(found, analysis=plan.name), [plan]


def _named(labels: Sequence[str]) -> str:
    return "; ".join(labels) if len(labels) <= MOST_NAMED else f"{len(labels)} studies"
