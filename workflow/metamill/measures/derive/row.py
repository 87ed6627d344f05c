"""One row: every quantity a measure needs, reported or derived, with a record of what was done."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from math import isnan

from metamill.measures.derive.agreement import contradictions
from metamill.measures.derive.change import (
    SiblingCorrelation,
    change_sd_limits,
    complete_correlation,
    complete_mean_change,
    mean_correlation,
    own_correlation,
)
from metamill.measures.derive.contradiction import doubts
from metamill.measures.derive.draft import Cells, DerivedCell, Draft, begin
from metamill.measures.derive.five_numbers import complete_means
from metamill.measures.derive.inflation import variance_factor
from metamill.measures.derive.printed import Span, count_from_percent
from metamill.measures.derive.spread import SIZES, Spread, chosen, shown, spreads
from metamill.measures.derive.used import used_columns
from metamill.tables.derivations import ALTERNATIVES, FROM_ORDER, PERCENT, open_ways
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
    as_printed: bool = False,
) -> Derivation:
    """Complete one row for `measure` (any but GEN) from the cells it fills.

    `siblings` is the mean correlation before with after of other studies, `assumed` the one that
    is taken where neither the row nor siblings give one. A column that nothing gives stays nan.
    Nothing is derived that the effect does not use. Raises ValueError where no number exists at
    all, and where cells are certain to contradict each other, used or not; a row that is taken
    knowingly `as_printed` is derived from the most direct source, and each contradiction is a
    flag. See docs/statistics/preparation.md for every formula.
    """
    columns = measure_columns(measure)
    flags = list(doubts(contradictions(cells, columns), as_printed))
    exact = begin(cells, columns)
    _spreads(exact)
    r = own_correlation(exact) if measure in ALTERNATIVES else None
    used = used_columns(measure, exact, r)
    draft = begin(cells, columns)
    draft.flags.extend(flags)
    _counts(draft)
    _spreads(draft, used.columns)
    complete_means(draft, used.columns)
    if measure in ALTERNATIVES:
        complete_mean_change(draft)
        complete_correlation(draft, r, siblings, assumed, used)
    for column, reason in draft.numberless.items():
        if draft.lacks(column) and column in used.effect:
            raise ValueError(reason)
    factors = {name: f for name, f in draft.factors.items() if name in used.effect}
    factor = variance_factor(measure, draft.values, factors)
    return Derivation(draft.values, tuple(draft.derived), tuple(draft.flags), factor)


def sibling_correlations(rows: Iterable[Cells]) -> dict[str, SiblingCorrelation]:
    """For each `scale` the mean correlation of the rows that report or imply one.

    Rows whose cells contradict each other give none.
    """
    columns = ("sd_pre", "sd_post", "sd_change", "correlation")
    found: dict[str, list[tuple[str, float, int]]] = {}
    for cells in rows:
        if contradictions(cells, columns):
            continue
        draft = begin(cells, columns)
        _spreads(draft)
        r = own_correlation(draft)
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


def _spreads(draft: Draft, used: Container[str] | None = None) -> None:
    """SDs from standard errors, intervals, t and p, those `used` (all without)."""
    for column in [name for name in draft.values if name.startswith("sd") and draft.lacks(name)]:
        if used is not None and column not in used:
            continue
        ways = [way for way in open_ways(column, draft.cells) if way.by not in FROM_ORDER]
        if not ways:
            continue
        found = [item for item in spreads(column, draft.cells) if not isnan(item.value)]
        if found:
            _add_spread(draft, column, chosen(found, _witness(column, draft)))
        else:
            draft.numberless[column] = _why_numberless(ways[0].sources, draft.cells)


def _witness(column: str, draft: Draft) -> list[Span]:
    """What both SDs and their correlation say of the SD of the change."""
    sides, r = ("sd_pre", "sd_post"), draft.limits.get("correlation")
    if column != "sd_change" or r is None or not all(name in draft.limits for name in sides):
        return []
    return [change_sd_limits(draft.limits["sd_pre"], draft.limits["sd_post"], r)]


def _why_numberless(sources: tuple[str, ...], cells: Cells) -> str:
    sizes = [cells[name] for name in sources if name in SIZES]
    if min(map(int, sizes)) < 2:
        return f"{' and '.join(sizes)} units have no standard deviation"
    return f"{shown(sources, cells)} gives no standard deviation"


def _add_spread(draft: Draft, column: str, spread: Spread) -> None:
    what, of = _WHOSE[spread.of]
    draft.add(column, spread.value, f"from {spread.by}{of}", spread.sources)
    draft.limits[column] = spread.limits
    draft.flag(f"{what} from {spread.by}{of}")
    low, high = spread.limits
    if max(high - spread.value, spread.value - low) > IMPRECISE * spread.value:
        draft.flag(f"the digits of {spread.by} allow {column} from {low:.3g} to {high:.3g}")


_WHOSE = {
    "mean": ("SD", ""),
    "change": ("SD of the change", ""),
    "difference": ("pooled SD", " of the difference"),
}
