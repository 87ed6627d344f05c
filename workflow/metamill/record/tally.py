"""What an analysis pools, read back from the cells of its rows for the engines."""

from collections.abc import Sequence

import numpy as np

from metamill.record.engines.numbers import Array
from metamill.results import Analysis, Result

_TWO_TOTALS = ("total_treatment", "total_control")
_TWO_EVENTS = ("events_treatment", "events_control")
_SIZES = {
    **dict.fromkeys(("PR", "PLN", "PLO", "PAS", "PFT"), ("total",)),
    **dict.fromkeys(("OR", "RR", "RD", "AS"), _TWO_TOTALS),
    **dict.fromkeys(("MN", "MC", "SMCC", "SMCR", "COR", "ZCOR", "GEN"), ("n",)),
    **dict.fromkeys(("MD", "SMD", "ROM"), ("n_treatment", "n_control")),
}
_EVENTS = {
    **dict.fromkeys(("PR", "PLN", "PLO", "PAS", "PFT", "IR", "IRLN", "IRS"), ("events",)),
    **dict.fromkeys(("OR", "RR", "RD", "AS", "IRR", "IRD"), _TWO_EVENTS),
}
_DEPENDENT = ("RVE", "MV")


class NotInTheRows(LookupError):
    """A column that the rows do not print and whose derivation the result does not hold."""


def columns(result: Result, analysis: Analysis, names: Sequence[str]) -> list[Array]:
    """Columns of the pooled rows, (k,), divided by the design effect where an ICC is assumed.

    A number that a row does not print is the one recorded as derived. Raises NotInTheRows.
    """
    derived = {(item.row, item.column): item.value for item in result.derived}
    icc = analysis.settings["icc"]
    found = []
    for name in names:
        kind, _, side = name.partition("_")
        values = []
        for effect in analysis.effects:
            cells = result.rows[effect.row].cells
            value = float(cells[name]) if cells.get(name) else derived.get((effect.row, name))
            if value is None and name in ("events", "total"):
                value = effect.events if name == "events" else effect.size
                values.append(value)
                continue
            if icc is not None and kind in ("events", "total") and value is not None:
                ending = f"_{side}" if side else ""
                total = _number(cells, derived, effect.row, f"total{ending}")
                clusters = float(cells[f"clusters{ending}"])
                value /= 1 + (total / clusters - 1) * icc
            values.append(value)
        if any(value is None for value in values):
            raise NotInTheRows(name)
        found.append(np.array(values, float))
    return found


def _number(
    cells: dict[str, str], derived: dict[tuple[int, str], float], row: int, name: str
) -> float:
    return float(cells[name]) if cells.get(name) else derived[row, name]


def studies(result: Result, analysis: Analysis) -> Array:
    """A number per independent study: a cohort, or a study, where the model knows of several
    rows, and else the row."""
    settings = analysis.settings
    rows = [result.rows[effect.row].cells for effect in analysis.effects]
    dependent = settings["aggregate"] or settings["test"] == "cr2"
    if not dependent and settings["method"] not in _DEPENDENT:
        return np.arange(len(rows))
    names = [(cells.get("cohort") or cells["study"]).casefold() for cells in rows]
    return np.unique(names, return_inverse=True)[1]


def sums(result: Result, analysis: Analysis) -> tuple[list[float | None], list[float | None]]:
    """What each row adds to n and to events, from its cells; else what its effect says."""
    measure = analysis.settings["measure"]
    found: list[list[float | None]] = []
    for names, own in ((_SIZES.get(measure, ()), "size"), (_EVENTS.get(measure, ()), "events")):
        try:
            parts = columns(result, analysis, names)
        except NotInTheRows:
            found.append([getattr(effect, own) for effect in analysis.effects])
            continue
        found.append(np.sum(parts, axis=0).tolist() if parts else [None] * len(analysis.effects))
    return found[0], found[1]


def tables(result: Result, analysis: Analysis) -> tuple[Array, Array]:
    """Events and totals (or times) of both groups, each (2, k), treatment first."""
    size = "time" if analysis.settings["measure"] in ("IRR", "IRD") else "total"
    a, c = columns(result, analysis, _TWO_EVENTS)
    n1, n2 = columns(result, analysis, (f"{size}_treatment", f"{size}_control"))
    return np.array([a, c]), np.array([n1, n2])
