"""From the cells of rows to the arrays a measure needs, with a flag for everything assumed."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtri

from metamill.measures.effects import Array
from metamill.measures.scales import FORWARD
from metamill.tables.needs import COLUMN_SETS

Cells = Mapping[str, str]
Prepared = tuple[dict[str, Array], list[list[str]]]

PRINTED_LEVEL = 95.0


def numbers(rows: Sequence[Cells], column: str) -> Array:
    """One column as floats, nan where the cell is empty; shape (k,)."""
    return np.array([float(row.get(column) or "nan") for row in rows])


def prepare(measure: str, rows: Sequence[Cells], correlation: float) -> Prepared:
    """Columns of `measure` from `rows`, and per row what had to be assumed or derived.

    Raises ValueError where a cell holds what the measure cannot use.
    """
    flags: list[list[str]] = [[] for _ in rows]
    if measure == "GEN":
        return _generic(rows), flags
    columns = {name: numbers(rows, name) for name in COLUMN_SETS[measure][0]}
    if measure in ("MC", "SMCC", "SMCR"):
        columns |= _correlations(columns, rows, correlation, flags)
    return columns, flags


def _correlations(
    columns: dict[str, Array], rows: Sequence[Cells], assumed: float, flags: list[list[str]]
) -> dict[str, Array]:
    """The correlation of each row: reported, from the SD of the change, or assumed."""
    sd_change, r = numbers(rows, "sd_change"), numbers(rows, "correlation")
    pre, post = columns["sd_pre"], columns["sd_post"]
    derived = (pre**2 + post**2 - sd_change**2) / (2 * pre * post)
    for row, implied in zip(rows, derived, strict=True):
        if abs(implied) > 1:
            raise ValueError(
                f"{row.get('study')}: an SD of the change of {row['sd_change']} is impossible with "
                f"SDs of {row['sd_pre']} and {row['sd_post']} (correlation {implied:.3g})"
            )
    for index in np.flatnonzero(np.isnan(r) & np.isnan(derived)):
        flags[index].append(f"assumed r = {assumed:g}")
    r = np.where(np.isnan(r), np.where(np.isnan(derived), assumed, derived), r)
    return {"sd_change": sd_change, "correlation": r}


def generic_scale(rows: Sequence[Cells]) -> str:
    """The scale that all rows of a GEN outcome are pooled on.

    Raises ValueError if they differ or if one is unknown.
    """
    scales = sorted({row.get("scale") or "identity" for row in rows})
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
