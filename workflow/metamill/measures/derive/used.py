"""Which quantities the effect of a row is computed from: nothing else is derived."""

from dataclasses import dataclass

from metamill.measures.derive.draft import Draft
from metamill.tables.derivations import ALTERNATIVES, FROM_ORDER, open_ways


@dataclass(frozen=True)
class Used:
    """Columns that the effect and its variance are computed from, and those that the factor for
    estimated means takes besides."""

    effect: frozenset[str]
    factor: frozenset[str] = frozenset()

    @property
    def columns(self) -> frozenset[str]:
        return self.effect | self.factor


def used_columns(measure: str, exact: Draft, correlation: float | None) -> Used:
    """What `measure` takes from a row.

    `exact` is the row with all that was reported or is exactly derived, `correlation` its own.
    A change that was reported needs no means, and its reported SD neither SDs nor correlation;
    the change over the SD before (SMCR) needs the other two SDs only to imply the correlation.
    """
    if measure not in ALTERNATIVES:
        return Used(frozenset(exact.values))
    means = () if exact.has("mean_change") else ("mean_pre", "mean_post")
    sides = ("sd_pre", "sd_post")
    spread: tuple[str, ...]
    if measure == "SMCR":
        implied = correlation is not None and not exact.has("correlation")
        spread = (*sides, "sd_change") if implied else ("sd_pre",)
        spread = (*spread, "correlation")
    else:
        spread = ("sd_change",) if exact.has("sd_change") else (*sides, "sd_change", "correlation")
    estimated = [name for name in means if exact.lacks(name) and _from_order(name, exact)]
    factor: tuple[str, ...] = ()
    if estimated:
        behind = tuple(name.replace("mean", "sd") for name in estimated)
        ways = sides if not exact.has("sd_change") else ()
        shared = ("correlation",) if ways or len(estimated) == len(means) else ()
        factor = (*behind, *ways, *shared, "sd_change")
    return Used(frozenset(("n", "mean_change", *means, *spread)), frozenset(factor))


def _from_order(column: str, row: Draft) -> bool:
    return any(way.by in FROM_ORDER for way in open_ways(column, row.cells))
