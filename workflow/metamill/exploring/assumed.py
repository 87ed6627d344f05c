"""What a primary analysis assumes, as functions of the assumed value: r, ICC, rho and tau2."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from metamill.config.methods import CHANGE_MEASURES, is_inverse_variance
from metamill.config.settings import Model, Plan
from metamill.errors import NumericError
from metamill.estimating import Data
from metamill.exploring.quick import NONE, is_quick, numbers_of, weighted_numbers
from metamill.measures.derive import sibling_correlations
from metamill.measures.effects import Array, Effects
from metamill.preparation import Prepared, prepared_data
from metamill.results import Pooled
from metamill.tables.reader import TableRow

R_END = 0.999
"""Correlations are searched from -R_END to R_END: at 1 the SD of a change may be 0."""
_PROBES = (0.1, 0.7)


@dataclass(frozen=True)
class Assumed:
    """One assumption of an analysis.

    `numbers` gives estimate and limits (3,) on the natural scale for a value, nan without; `used`
    is the value in use and `grid` the values to scan. `plausible` says in words what the range
    `plausible_low` to `plausible_high` is, "" where nothing is known. Where nothing can be searched
    `note` says why and `grid` is empty.
    """

    name: str
    used: float | None = None
    grid: tuple[float, ...] = ()
    numbers: Callable[[float], Array] = lambda _: NONE
    plausible_low: float | None = None
    plausible_high: float | None = None
    plausible: str = ""
    note: str = ""


@dataclass(frozen=True)
class Source:
    """A primary analysis as it can be made again: its plan, its rows, all that is selected.

    `clustered` says whether an intra-class correlation could be assumed for its rows.
    """

    plan: Plan
    table: str
    rows: tuple[TableRow, ...]
    selected: tuple[TableRow, ...]
    data: Data
    pooled: Pooled
    clustered: bool

    def prepared(self, model: Model) -> Prepared:
        return prepared_data(
            list(self.rows), replace(self.plan, model=model), self.table, self.rows
        )


def assumptions(source: Source) -> Iterator[Assumed]:
    """Every assumption with a value that the primary analysis makes."""
    model = source.plan.model
    if model.measure in CHANGE_MEASURES:
        yield from _correlation(source)
    if source.clustered:
        yield _icc(source)
    if model.rho is not None:
        yield _rho(source)
    if is_inverse_variance(model.method) or model.method in ("GLMM", "BAYES", "MV", "RVE"):
        yield _tau2(source)


def _correlation(source: Source) -> Iterator[Assumed]:
    """r of the scores before and after, in all rows that do not say it themselves."""
    model = source.plan.model

    def with_r(r: float) -> Data | None:
        try:
            return source.prepared(
                replace(model, correlation=float(r), sibling_correlation=False)
            ).data
        except NumericError:
            return None

    probes = [with_r(r) for r in _PROBES]
    if any(probe is None for probe in probes):
        return
    low, high = (probe.effects for probe in probes if probe is not None)
    open_rows = np.flatnonzero((low.vi != high.vi) | (low.yi != high.yi))
    if not len(open_rows):
        return
    values = [
        item.value
        for row in open_rows
        for item in source.prepared(model).derived[row]
        if item.column == "correlation"
    ]
    used = float(np.mean(values)) if values else model.correlation
    reported = [
        item.value for row in source.selected for item in sibling_correlations([row.cells]).values()
    ]
    told: dict[str, float | str] = {}
    if reported:
        count = len(reported)
        told = {
            "plausible_low": min(reported),
            "plausible_high": max(reported),
            "plausible": f"{count} {'row' if count == 1 else 'rows'} of this outcome that "
            f"{'reports or implies' if count == 1 else 'report or imply'} it",
        }
    if max(values, default=used) - min(values, default=used) > 1e-12:
        note = "the rows take different correlations from their sibling studies"
        yield Assumed("correlation", note=note)
        return
    part = replace(source, rows=tuple(source.rows[i] for i in open_rows))
    whole = source.data

    def numbers(r: float) -> Array:
        changed = replace(model, correlation=float(r), sibling_correlation=False)
        try:
            new = part.prepared(changed).data.effects
        except NumericError:
            return NONE
        yi, vi = whole.effects.yi.copy(), whole.effects.vi.copy()
        yi[open_rows], vi[open_rows] = new.yi, new.vi
        if not (np.isfinite(yi).all() and (vi > 0).all()):
            return NONE
        effects = Effects(yi, vi, whole.effects.corrected)
        return numbers_of(replace(whole, effects=effects), model)

    grid = (-R_END, *np.linspace(-0.95, 0.95, 39), R_END)
    yield Assumed("correlation", used, tuple(map(float, grid)), numbers, **told)  # type: ignore[arg-type]


def _icc(source: Source) -> Assumed:
    model = source.plan.model

    def numbers(icc: float) -> Array:
        changed = replace(model, icc=float(icc))
        try:
            return numbers_of(source.prepared(changed).data, changed)
        except NumericError:
            return NONE

    grid = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
    return Assumed("icc", model.icc or 0.0, grid, numbers)


def _rho(source: Source) -> Assumed:
    model, data = source.plan.model, source.data

    def numbers(rho: float) -> Array:
        return numbers_of(data, replace(model, rho=float(rho)))

    grid = tuple(float(x) for x in (*np.linspace(0, 0.95, 11), 0.99))
    return Assumed("rho", model.rho, grid, numbers)


FAR = 1e4
"""tau2 is searched up to this many times the largest variance or squared distance of effects."""


def _tau2(source: Source) -> Assumed:
    """tau2 fixed at a value: the pool of the same effects under equal effects with v + tau2."""
    model, data, pooled = source.plan.model, source.data, source.pooled
    if not is_quick(data, model):
        note = "tau² is estimated together with the mean and is not fixed at other values here"
        return Assumed("tau2", note=note)
    if model.test == "pl":
        return Assumed("tau2", note="the profile likelihood has no interval at a fixed tau²")
    yi, vi = data.effects.yi, data.effects.vi
    unit = float(np.median(vi))
    top = FAR * max(float(vi.max()), float(np.ptp(yi)) ** 2)

    def numbers(tau2: float) -> Array:
        return weighted_numbers(yi, vi + tau2, data, model, "EE")

    ends = np.arcsinh(top / unit)
    grid = unit * np.sinh(np.linspace(0.0, float(ends), 48))
    used = 0.0 if pooled.tau2 is None else pooled.tau2
    told: dict[str, float | str] = {}
    if pooled.tau2_low is not None and pooled.tau2_high is not None:
        told = {
            "plausible_low": pooled.tau2_low,
            "plausible_high": pooled.tau2_high,
            "plausible": f"the {model.level:g}% interval of τ²",
        }
    return Assumed("tau2", used, tuple(map(float, grid)), numbers, **told)  # type: ignore[arg-type]
