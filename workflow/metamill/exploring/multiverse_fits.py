"""The pooled numbers of many specifications, bit for bit those of `estimate`.

Rows are prepared once for all specifications that prepare them alike. Effects pooled by inverse
variance are fitted many at a time, in columns; what `estimate` decides in another way is left to
it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metamill.config.methods import CHANGE_MEASURES, own_counts
from metamill.config.settings import Model, Plan
from metamill.errors import NumericError
from metamill.estimating import Data, estimate
from metamill.estimating.scales import natural_limits, natural_value
from metamill.exploring.plain import by_pool, is_plain, one_effect_each
from metamill.exploring.specifications import Specification
from metamill.measures.registry import MEASURES
from metamill.pooling.inverse_variance import pool
from metamill.preparation import prepared_data
from metamill.tables.selection import Selection

BLOCK = 2048
"""How many specifications are fitted at once."""
LEAST = 2
"""Fewer columns are summed by numpy in another order than several."""


@dataclass(frozen=True)
class Found:
    """What one specification gives, on the natural scale; `note` says why something is missing."""

    k: int
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    tau2: float | None = None
    note: str = ""


def fitted(
    specifications: Sequence[Specification], primary: Plan, selection: Selection
) -> list[Found]:
    """The numbers of every specification, in order.

    `primary` says which rows are doubted or excluded, and so are pooled as they are printed.
    """
    of = _Prepared(primary, selection)
    found: list[Found | None] = [None] * len(specifications)
    together: dict[tuple[str, str, float, int], list[int]] = {}
    for index, item in enumerate(specifications):
        data = of.data(item)
        if isinstance(data, str):
            found[index] = Found(len(item.rows), note=data)
        elif of.plain(item):
            model = item.model
            key = (model.method, model.test, model.level, len(data.study))
            together.setdefault(key, []).append(index)
        else:
            found[index] = _alone(data, item.model)
    for indices in together.values():
        for start in range(0, len(indices), BLOCK):
            block = indices[start : start + BLOCK]
            items = [specifications[index] for index in block]
            parts = [of.known(item) for item in items]
            for index, fit in zip(block, _at_once(parts, [x.model for x in items]), strict=True):
                found[index] = fit
    return [item for item in found if item is not None]


class _Prepared:
    """The data of specifications, each made once; and whether `pool` alone decides their numbers.

    Where no row borrows from another the rows of all specifications are prepared at once.
    """

    def __init__(self, primary: Plan, selection: Selection):
        self.selection = selection
        excluded = {
            row.line
            for row in selection.rows
            if any(item.matches(row.cells) for item in primary.exclude)
        }
        known = tuple(sorted({*primary.doubted, *excluded}))
        self.plan = replace(primary, exclude=(), include=None, drop=None, held=(), doubted=known)
        self.made: dict[tuple[object, ...], Data | str] = {}
        self.whole: dict[tuple[object, ...], dict[int, tuple[Data, int]]] = {}
        self.ordinary: dict[tuple[object, ...], bool] = {}

    def data(self, item: Specification) -> Data | str:
        """What a specification pools, or why its rows give nothing."""
        key = (item.rows, *_preparing(item.model))
        if key not in self.made:
            self.made[key] = self._make(item)
        return self.made[key]

    def known(self, item: Specification) -> Data:
        data = self.data(item)
        assert isinstance(data, Data)
        return data

    def plain(self, item: Specification) -> bool:
        """Whether `estimate` does nothing but pool: one varying effect per study, no more rules."""
        model, data = item.model, self.known(item)
        if not by_pool(model):
            return False
        key = (item.rows, *_preparing(model))
        if key not in self.ordinary:
            self.ordinary[key] = one_effect_each(data) and is_plain(data, model)
        return self.ordinary[key]

    def _make(self, item: Specification) -> Data | str:
        if _row_by_row(item.model):
            at = self._each(item.model)
            if all(row in at for row in item.rows):
                data = at[item.rows[0]][0]
                return data.take(np.array([at[row][1] for row in item.rows]))
        return self._prepare(item.rows, item.model)

    def _each(self, model: Model) -> Mapping[int, tuple[Data, int]]:
        """Every row of the selection that can be prepared, with its place; empty if one cannot."""
        key = _preparing(model)
        if key not in self.whole:
            rows = tuple(range(len(self.selection.rows)))
            data = self._prepare(rows, model)
            self.whole[key] = {} if isinstance(data, str) else {row: (data, row) for row in rows}
        return self.whole[key]

    def _prepare(self, rows: Sequence[int], model: Model) -> Data | str:
        chosen = [self.selection.rows[row] for row in rows]
        plan = replace(self.plan, model=model)
        try:
            return prepared_data(chosen, plan, self.selection.table, chosen).data
        except (NumericError, KeyError, ValueError) as error:
            if not isinstance(error, NumericError):
                return "these rows lack a number that the measure needs"
            return error.reason


def _preparing(model: Model) -> tuple[object, ...]:
    """What decides how rows become effects."""
    own = own_counts(model.method, model.measure)
    change = (model.correlation, model.sibling_correlation)
    return (
        model.measure,
        change if model.measure in CHANGE_MEASURES else (),
        model.icc,
        () if own else (model.add, model.to),
        own,
        model.dependent,
    )


def _row_by_row(model: Model) -> bool:
    """Whether what a row gives depends on no other row."""
    if model.dependent or model.to == "if0all" or model.measure == "GEN":
        return False
    return model.measure not in CHANGE_MEASURES or not model.sibling_correlation


def _alone(data: Data, model: Model) -> Found:
    pooled = estimate(data, model).pooled
    silent = pooled.pooled and pooled.ci_low is not None
    return Found(
        pooled.k,
        pooled.estimate,
        pooled.ci_low,
        pooled.ci_high,
        pooled.p_value,
        pooled.tau2,
        "" if silent else "; ".join(pooled.notes),
    )


_OF_THE_KERNEL = ("mu", "se", "mu_low", "mu_high", "tau2", "p_value")


def _at_once(parts: Sequence[Data], models: Sequence[Model]) -> list[Found]:
    """Parts with equally many studies, whose models share method, test and level."""
    if len(parts) < LEAST:
        return [_alone(part, model) for part, model in zip(parts, models, strict=True)]
    first = models[0]
    yi, vi = (
        np.column_stack([getattr(part.effects, name) for part in parts]) for name in ("yi", "vi")
    )
    try:
        fit = pool(yi, vi, first.method, first.test, first.level)
    except ArithmeticError:
        return [_alone(part, model) for part, model in zip(parts, models, strict=True)]
    columns = [getattr(fit, name).tolist() for name in _OF_THE_KERNEL]
    return [
        _plain(dict(zip(_OF_THE_KERNEL, numbers, strict=True)), part, model)
        for numbers, part, model in zip(zip(*columns, strict=True), parts, models, strict=True)
    ]


def _plain(numbers: Mapping[str, float], data: Data, model: Model) -> Found:
    """The numbers of the kernel as `estimate` shows them."""
    needed = [value for name, value in numbers.items() if name != "p_value"]
    if not (numbers["se"] > 0 and np.isfinite(needed).all()):
        return _alone(data, model)
    low, high = natural_limits(numbers["mu_low"], numbers["mu_high"], data, model)
    tested = MEASURES[model.measure].null is not None
    return Found(
        len(data.study),
        natural_value(numbers["mu"], data, model),
        low,
        high,
        numbers["p_value"] if tested else None,
        None if model.method == "EE" else numbers["tau2"],
    )
