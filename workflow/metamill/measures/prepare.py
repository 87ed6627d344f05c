"""From the cells of rows to the arrays a measure needs, with a record of all that was derived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from metamill.measures.derive import DerivedCell, derive, measure_columns, sibling_correlations
from metamill.measures.derive.spread import PRINTED_LEVEL
from metamill.measures.effects import Array
from metamill.measures.scales import FORWARD
from metamill.tables.needs import COLUMN_SETS

Cells = Mapping[str, str]


@dataclass(frozen=True)
class Prepared:
    """The k rows of an analysis as a measure takes them.

    `columns` are float arrays (k,), nan where a row does without the column. `flags` and `derived`
    say per row what a reader must know and every number that no cell holds. `inflation` (k,), at
    least 1, multiplies the sampling variances of the effects.
    """

    columns: dict[str, Array]
    flags: tuple[tuple[str, ...], ...]
    derived: tuple[tuple[DerivedCell, ...], ...]
    inflation: Array


def numbers(rows: Sequence[Cells], column: str) -> Array:
    """One column as floats, nan where the cell is empty; shape (k,)."""
    return np.array([float(row.get(column) or "nan") for row in rows])


def prepare(
    measure: str, rows: Sequence[Cells], correlation: float, siblings: Sequence[Cells] = ()
) -> Prepared:
    """Columns of `measure` from `rows`, and per row what had to be assumed or derived.

    A change whose SD nothing in its row gives takes the mean correlation of the `siblings` on its
    scale (all rows of the table, say), and only where they have none the assumed `correlation`.
    Raises ValueError, naming the study, where cells contradict each other.
    """
    nothing: tuple[tuple[()], ...] = tuple(() for _ in rows)
    if measure == "GEN":
        return Prepared(_generic(rows), nothing, nothing, np.ones(len(rows)))
    r = sibling_correlations(siblings)
    found = []
    for row in rows:
        try:
            sibling = r.get(row.get("scale") or "")
            found.append(derive(measure, row, siblings=sibling, assumed=correlation))
        except ValueError as reason:
            raise ValueError(f"{row.get('study')}: {reason}") from None
    return Prepared(
        {
            name: np.array([item.columns[name] for item in found], float)
            for name in measure_columns(measure)
        },
        tuple(item.flags for item in found),
        tuple(item.derived for item in found),
        np.array([item.factor for item in found], float),
    )


def generic_scale(rows: Sequence[Cells]) -> str:
    """The scale that all rows of a GEN outcome are pooled on; identity for no rows.

    Raises ValueError if they differ or if one is unknown.
    """
    scales = sorted({row.get("scale") or "identity" for row in rows}) or ["identity"]
    if len(scales) > 1:
        raise ValueError(f"effects on different scales cannot be pooled: {', '.join(scales)}")
    if scales[0] not in FORWARD:
        raise ValueError(f"'{scales[0]}' is not a scale; known are {', '.join(FORWARD)}")
    return scales[0]


def _generic(rows: Sequence[Cells]) -> dict[str, Array]:
    """yi and vi: as given, from a standard error, or from a 95 % interval on the row's scale."""
    forward = FORWARD[generic_scale(rows)]
    for row in rows:
        complete = [names for names in COLUMN_SETS["GEN"] if all(row.get(name) for name in names)]
        if len(complete) > 1:
            both = " and ".join(", ".join(names) for names in complete)
            raise ValueError(f"{row.get('study')}: the effect is given twice, by {both}; keep one")
    yi, vi, sei = (numbers(rows, name) for name in ("yi", "vi", "sei"))
    printed = {name: numbers(rows, name) for name in ("estimate", "ci_low", "ci_high")}
    with np.errstate(divide="ignore", invalid="ignore"):
        centre, low, high = (forward(values) for values in printed.values())
    from_interval = ((high - low) / (2 * ndtri(0.5 + PRINTED_LEVEL / 200))) ** 2
    vi = np.where(np.isnan(vi), np.where(np.isnan(sei), from_interval, sei**2), vi)
    yi = np.where(np.isnan(yi), centre, yi)
    return printed | {"yi": yi, "vi": vi, "n": numbers(rows, "n")}
