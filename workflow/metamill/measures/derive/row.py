"""One row: every quantity a measure needs, reported or derived, with a record of what was done."""

from collections.abc import Container, Iterable
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
from metamill.measures.derive.possible import check_count, check_mean, impossible_sd
from metamill.measures.derive.printed import count_from_percent
from metamill.measures.derive.spread import (
    Spread,
    check_agreement,
    check_interval,
    check_possible,
    effect_of,
    sd_by,
)
from metamill.measures.derive.used import used_columns
from metamill.tables.derivations import (
    ALTERNATIVES,
    CI,
    FROM_ORDER,
    PERCENT,
    SUFFIXES,
    Way,
    open_ways,
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
    as_printed: bool = False,
) -> Derivation:
    """Complete one row for `measure` (any but GEN) from the cells it fills.

    `siblings` is the mean correlation before with after of other studies, `assumed` the one that
    is taken where neither the row nor siblings give one. A column that nothing gives stays nan.
    Nothing is derived that the effect does not use. Raises ValueError where cells contradict each
    other or cannot be true, used or not; a reported SD that the printed range rules out is a flag
    instead where `as_printed` says that it is taken knowingly. See
    docs/statistics/preparation.md for every formula.
    """
    columns = measure_columns(measure)
    exact = begin(cells, columns)
    doubts = _impossible(exact)
    if doubts and not as_printed:
        raise ValueError(doubts[0])
    _spreads(exact)
    r = own_correlation(exact) if measure in ALTERNATIVES else None
    used = used_columns(measure, exact, r)
    draft = begin(cells, columns)
    draft.flags.extend(doubts)
    _counts(draft)
    _spreads(draft, used.columns)
    complete_means(draft, used.columns)
    if measure in ALTERNATIVES:
        complete_mean_change(draft)
        complete_correlation(draft, r, siblings, assumed, used)
    factors = {name: f for name, f in draft.factors.items() if name in used.effect}
    factor = variance_factor(measure, draft.values, factors)
    return Derivation(draft.values, tuple(draft.derived), tuple(draft.flags), factor)


def sibling_correlations(rows: Iterable[Cells]) -> dict[str, SiblingCorrelation]:
    """For each `scale` the mean correlation of the rows that report or imply one.

    Rows whose cells contradict each other give none.
    """
    found: dict[str, list[tuple[str, float, int]]] = {}
    for cells in rows:
        draft = begin(cells, ("sd_pre", "sd_post", "sd_change", "correlation"))
        try:
            if _impossible(draft):
                continue
            _spreads(draft)
            r = own_correlation(draft)
        except ValueError:
            continue
        if r is not None and cells.get("n"):
            key = cells.get("scale") or ""
            found.setdefault(key, []).append((cells.get("study") or "", r, int(cells["n"])))
    means = {scale: mean_correlation(rs) for scale, rs in found.items()}
    return {scale: mean for scale, mean in means.items() if mean is not None}


def _impossible(draft: Draft) -> list[str]:
    """The reported SDs that cannot be; ValueError where a count or a mean contradicts its row."""
    for column in draft.limits:
        if column.startswith("events"):
            check_count(column, draft.cells)
        elif column.startswith("mean") and column != "mean_change":
            check_mean(column, draft.cells)
    reasons = (impossible_sd(name, draft.cells) for name in draft.limits if name in _SDS)
    return [reason for reason in reasons if reason]


def _counts(draft: Draft) -> None:
    for column in [name for name in draft.values if draft.lacks(name)]:
        for way in open_ways(column, draft.cells):
            if way.by == PERCENT:
                percent, total = (draft.cells[name] for name in way.sources)
                count = float(count_from_percent(percent, total))
                draft.add(column, count, f"the only count that is {percent} %", way.sources)
                draft.flag(f"count from {percent} %")


def _spreads(draft: Draft, used: Container[str] | None = None) -> None:
    """SDs from standard errors, intervals, t and p, those `used` (all without); reported ones are
    checked against them."""
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
        elif spreads and (used is None or column in used):
            check_agreement(spreads, column, draft.cells)
            _add_spread(draft, column, ways[0], spreads[0])


def _add_spread(draft: Draft, column: str, way: Way, spread: Spread) -> None:
    suffix = column.removeprefix("sd")
    if column != "sd_change":
        check_possible(spread, suffix, draft.cells, column)
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


_SDS = tuple(f"sd{suffix}" for suffix in SUFFIXES)
_WHOSE = {
    "mean": ("SD", ""),
    "change": ("SD of the change", ""),
    "difference": ("pooled SD", " of the difference"),
}
