"""One row: every quantity a measure needs, reported or derived, with a record of what was done."""

from collections.abc import Iterable
from dataclasses import dataclass

from metamill.measures.derive.change import (
    SiblingCorrelation,
    complete_correlation,
    complete_mean_change,
    mean_correlation,
    own_correlation,
)
from metamill.measures.derive.draft import Cells, DerivedCell, Draft, begin
from metamill.measures.derive.five_numbers import complete_means
from metamill.measures.derive.inflation import variance_factor
from metamill.measures.derive.printed import count_from_percent
from metamill.measures.derive.spread import (
    Spread,
    check_agreement,
    check_interval,
    check_possible,
    effect_of,
    sd_by,
)
from metamill.tables.derivations import (
    ALTERNATIVES,
    CI,
    FROM_ORDER,
    PERCENT,
    Way,
    open_ways,
    size_column,
)
from metamill.tables.needs import COLUMN_SETS

IMPRECISE = 0.1
"""An SD that the printed digits leave open by more than this share is flagged."""


@dataclass(frozen=True)
class Derivation:
    """A completed row.

    `columns` holds every column of the measure, nan where a row does without it. `flags` are
    short texts for readers; they name what was assumed or estimated. `factor` (at least 1)
    multiplies the sampling variance of the effect.
    """

    columns: dict[str, float]
    derived: tuple[DerivedCell, ...]
    flags: tuple[str, ...]
    factor: float


def measure_columns(measure: str) -> tuple[str, ...]:
    """All columns that a measure may use, in a fixed order."""
    sets = (*COLUMN_SETS[measure], *ALTERNATIVES.get(measure, ()))
    further = ("mean_change", "sd_change", "correlation") if measure in ALTERNATIVES else ()
    return tuple(dict.fromkeys((*(name for names in sets for name in names), *further)))


def derive(
    measure: str,
    cells: Cells,
    *,
    siblings: SiblingCorrelation | None = None,
    assumed: float = 0.5,
) -> Derivation:
    """Complete one row for `measure` (any but GEN) from the cells it fills.

    `siblings` is the mean correlation before with after of other studies, `assumed` the one that
    is taken where neither the row nor siblings give one. A column that nothing gives stays nan.
    Raises ValueError where cells contradict each other or cannot be true; see
    docs/statistics/preparation.md for every formula.
    """
    draft = begin(cells, measure_columns(measure))
    _counts(draft)
    _spreads(draft)
    complete_means(draft)
    if measure in ALTERNATIVES:
        complete_mean_change(draft)
        complete_correlation(draft, siblings, assumed, needed=measure == "SMCR")
    factor = variance_factor(measure, draft.values, draft.factors)
    return Derivation(draft.values, tuple(draft.derived), tuple(draft.flags), factor)


def sibling_correlations(rows: Iterable[Cells]) -> dict[str, SiblingCorrelation]:
    """For each `scale` the mean correlation of the rows that report or imply one.

    Rows whose cells contradict each other give none.
    """
    found: dict[str, list[tuple[str, float, int]]] = {}
    for cells in rows:
        draft = begin(cells, ("sd_pre", "sd_post", "sd_change", "correlation"))
        try:
            _spreads(draft)
            r = own_correlation(draft)
        except ValueError:
            continue
        if r is not None and cells.get("n"):
            key = cells.get("scale") or ""
            found.setdefault(key, []).append((cells.get("study") or "", r, int(cells["n"])))
    means = {scale: mean_correlation(rs) for scale, rs in found.items()}
    return {scale: mean for scale, mean in means.items() if mean is not None}


def _counts(draft: Draft) -> None:
    for column in [name for name in draft.values if draft.lacks(name)]:
        for way in open_ways(column, draft.cells):
            if way.by == PERCENT:
                percent, total = (draft.cells[name] for name in way.sources)
                count = float(count_from_percent(percent, total))
                draft.add(column, count, f"the only count that is {percent} %", way.sources)
                draft.flag(f"count from {percent} %")


def _spreads(draft: Draft) -> None:
    """SDs from standard errors, intervals, t and p; reported ones are checked against them."""
    for column in [name for name in draft.values if name.startswith("sd")]:
        ways = [w for w in open_ways(column, draft.cells) if w.by not in FROM_ORDER]
        for way in ways:
            if way.by == CI:
                _check_ci(way, column, draft.cells)
        spreads = [sd_by(way, draft.cells) for way in ways]
        if draft.has(column):
            limits = draft.limits[column]
            reported = Spread(draft.values[column], limits, limits, "SD", (column,))
            check_agreement([reported, *spreads], column, draft.cells)
        elif spreads:
            check_agreement(spreads, column, draft.cells)
            _add_spread(draft, column, ways[0], spreads[0])


def _add_spread(draft: Draft, column: str, way: Way, spread: Spread) -> None:
    suffix = column.removeprefix("sd")
    if column != "sd_change":
        n = int(draft.cells[size_column(suffix)])
        check_possible(spread, suffix, n, draft.cells, column)
    what, of = _WHOSE[way.of]
    draft.add(column, spread.value, f"from {spread.by}{of}", spread.sources)
    draft.limits[column] = spread.limits
    draft.flag(f"{what} from {spread.by}{of}")
    low, high = spread.limits
    if max(high - spread.value, spread.value - low) > IMPRECISE * spread.value:
        draft.flag(f"the digits of {spread.by} allow {column} from {low:.3g} to {high:.3g}")


def _check_ci(way: Way, column: str, cells: Cells) -> None:
    """A printed interval must lie around the mean, the change or the difference it belongs to."""
    effect = {
        "mean": ((column.replace("sd", "mean", 1),),),
        "change": (("mean_change",), ("mean_pre", "mean_post")),
        "difference": (("mean_treatment", "mean_control"),),
    }[way.of]
    for names in effect:
        if all(cells.get(name) for name in names):
            value, around = effect_of(Way(CI, names, way.of), cells)
            centre = names[0] if len(names) == 1 else f"the {way.of}"
            check_interval((way.sources[0], way.sources[1]), cells, centre, value, around)


_WHOSE = {
    "mean": ("SD", ""),
    "change": ("SD of the change", ""),
    "difference": ("pooled SD", " of the difference"),
}
