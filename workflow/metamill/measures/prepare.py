"""From the cells of rows to the arrays a measure needs, with a record of all that was derived."""

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from metamill.measures.derive import DerivedCell, derive, measure_columns, sibling_correlations
from metamill.measures.derive.generic import generic_effect
from metamill.measures.derive.spread import PRINTED_LEVEL
from metamill.measures.effects import Array
from metamill.measures.scales import FORWARD

__all__ = ["PRINTED_LEVEL", "Prepared", "generic_scale", "numbers", "prepare"]

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
    measure: str,
    rows: Sequence[Cells],
    correlation: float,
    siblings: Sequence[Cells] = (),
    as_printed: Container[int] = (),
) -> Prepared:
    """Columns of `measure` from `rows`, and per row what had to be assumed or derived.

    A change whose SD nothing in its row gives takes the mean correlation of the `siblings` on its
    scale (all rows of the table, say), and only where they have none the assumed `correlation`.
    `as_printed` are the positions of rows that are taken knowingly although their cells contradict
    each other: each contradiction is a flag. Raises ValueError, naming the study, where other
    cells do, and where a row gives no number at all.
    """
    if measure == "GEN":
        return _generic(rows, as_printed)
    r = sibling_correlations(siblings)
    found = []
    for i, row in enumerate(rows):
        sibling = r.get(row.get("scale") or "")
        with _naming(row):
            found.append(
                derive(
                    measure,
                    row,
                    siblings=sibling,
                    assumed=correlation,
                    as_printed=i in as_printed,
                )
            )
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


def _generic(rows: Sequence[Cells], as_printed: Container[int]) -> Prepared:
    """yi and vi: as given, from a standard error, or from a 95 % interval on the row's scale."""
    scale, found = generic_scale(rows), []
    for i, row in enumerate(rows):
        with _naming(row):
            found.append(generic_effect(row, scale, as_printed=i in as_printed))
    columns = {name: numbers(rows, name) for name in ("estimate", "ci_low", "ci_high", "n")}
    columns["yi"] = np.array([item.yi for item in found], float)
    columns["vi"] = np.array([item.vi for item in found], float)
    nothing: tuple[tuple[DerivedCell, ...], ...] = tuple(() for _ in rows)
    return Prepared(columns, tuple(item.flags for item in found), nothing, np.ones(len(rows)))


@contextmanager
def _naming(row: Cells) -> Iterator[None]:
    """Say of which study a row is that cannot be."""
    try:
        yield
    except ValueError as reason:
        raise ValueError(f"{row.get('study')}: {reason}") from None
