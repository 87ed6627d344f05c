"""A clear effect on the other side of no effect than those of all other studies."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, sqrt

import numpy as np

from metamill.audit.finding import QUESTION, Finding
from metamill.measures import MEASURES, effect_sizes
from metamill.measures.derive import measure_columns
from metamill.measures.prepare import numbers, prepare
from metamill.tables.derivations import ALTERNATIVES, SUFFIXES, open_ways, size_column
from metamill.tables.needs import COLUMN_SETS
from metamill.tables.table import TableRow, number

FEWEST = 3
"""Other studies below which nothing is compared."""
SIGNIFICANT = 1.959964
ASSUMED = 0.5
"""The correlation of before and after where a row says nothing of it."""
_POINTS = (("mean_treatment", "mean_control"), ("mean_post", "mean_pre"))

Cells = Mapping[str, str]


def check_opposite(rows: Sequence[TableRow], measure: str) -> Iterator[tuple[int, Finding]]:
    """The study whose clear effect is alone on its side, and at least 3 others clear on the other.

    A side with two clear studies has no lonely one, so few rows are derived as an analysis
    derives them: those that may be clear, until a side has its second study.
    """
    if MEASURES[measure].null is None:
        return
    leaning = _leaning(rows, measure)
    known: dict[int, int] = {}

    def clear(side: int) -> Iterator[int]:
        """The rows with a clear effect on a side, each derived at most once."""
        for at in leaning[side]:
            if at not in known:
                known[at] = _clear_side(rows[at].cells, measure)
            if known[at] == side:
                yield at

    for side in (1, -1):
        alone: list[int] = []
        for at in clear(side):
            alone.append(at)
            if rows[at].cells["study"] != rows[alone[0]].cells["study"]:
                break
        studies = {rows[at].cells["study"] for at in alone}
        if len(studies) == 1:
            against = {rows[at].cells["study"] for at in clear(-side)} - studies
            if len(against) >= FEWEST:
                yield from ((at, _finding(rows[at], measure, side, len(against))) for at in alone)


def _leaning(rows: Sequence[TableRow], measure: str) -> dict[int, list[int]]:
    """For each side of no effect the rows whose effect may be clear there.

    Rows that print what the measure needs are computed at once. Of the others two printed means
    tell the side; a row without them may lean either way.
    """
    filled = [_with_sds(row.cells) for row in rows]
    direct = [at for at, cells in enumerate(filled) if _is_direct(cells, measure)]
    z = dict(zip(direct, _direct_z([filled[at] for at in direct], measure), strict=True))

    def may_be_clear(at: int, side: int) -> bool:
        return z[at] * side > SIGNIFICANT if at in z else _way(filled[at], measure) != -side

    return {side: [at for at in range(len(rows)) if may_be_clear(at, side)] for side in (1, -1)}


def _with_sds(cells: Cells) -> Cells:
    """The cells with the SDs that standard errors stand for, where no SD is printed."""
    found = {}
    for suffix in (*SUFFIXES, "_change"):
        se, n = cells.get(f"se{suffix}"), cells.get(size_column(suffix))
        if se and n and not cells.get(f"sd{suffix}"):
            found[f"sd{suffix}"] = str(number(se) * sqrt(int(n)))
    return {**cells, **found} if found else cells


def _is_direct(cells: Cells, measure: str) -> bool:
    """Whether a row prints the very columns from which its effect would be computed."""
    if measure in ALTERNATIVES:
        derived = not cells.get("sd_change") and any(open_ways("sd_change", cells))
        implied = measure == "SMCR" and cells.get("sd_change")
        if derived or implied:
            return False
    sets = (*COLUMN_SETS[measure], *ALTERNATIVES.get(measure, ()))
    return any(all(cells.get(name) for name in names) for names in sets)


def _direct_z(rows: Sequence[Cells], measure: str) -> list[float]:
    if not rows:
        return []
    columns = {name: numbers(rows, name) for name in measure_columns(measure)}
    if measure in ALTERNATIVES:
        r = columns["correlation"]
        columns["correlation"] = np.where(np.isnan(r), ASSUMED, r)
    effects = effect_sizes(measure, columns)
    return [_over_error(y, v) for y, v in zip(effects.yi, effects.vi, strict=True)]


def _way(cells: Cells, measure: str) -> int:
    """The side on which the printed means put an effect; 0 where they do not tell."""
    if measure in ALTERNATIVES and cells.get("mean_change"):
        return int(np.sign(number(cells["mean_change"])))
    for last, first in _POINTS:
        if last in COLUMN_SETS[measure][0] and cells.get(last) and cells.get(first):
            return int(np.sign(number(cells[last]) - number(cells[first])))
    return 0


def _clear_side(cells: Cells, measure: str) -> int:
    """1 or -1 for an effect above or below none that is significant at 5 %, else 0."""
    try:
        effects = effect_sizes(measure, prepare(measure, [cells], ASSUMED).columns)
    except ValueError:
        return 0
    z = _over_error(effects.yi[0], effects.vi[0])
    return int(np.sign(z)) if abs(z) > SIGNIFICANT else 0


def _over_error(y: float, v: float) -> float:
    """The effect over its standard error; 0 where there is none."""
    return float(y) / sqrt(v) if isfinite(y) and isfinite(v) and v > 0 else 0.0


def _finding(row: TableRow, measure: str, side: int, against: int) -> Finding:
    here, there = ("above", "below")[::side]
    return Finding(
        "opposite_direction",
        QUESTION,
        COLUMN_SETS[measure][0][:1],
        f"effect {here} none",
        f"{there} none in {against} other studies",
        f"{row.cells['study']} shows a clear effect in one direction and {against} other studies a "
        "clear one in the other, none beside it: groups or times swapped, or a score whose other "
        "end is better",
    )
