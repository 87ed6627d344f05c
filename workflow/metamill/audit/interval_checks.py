"""What is asked about the interval of a reported effect, a proportion or a percentage."""

from collections.abc import Iterator, Mapping
from math import isfinite

from metamill.audit.finding import CONTRADICTION, IMPOSSIBLE, QUESTION, Finding
from metamill.audit.intervals import (
    SPARE,
    Interval,
    asymmetry,
    fewest_units,
    fitting,
    interval_of,
)
from metamill.measures.derive.generic import WHERE, asymmetric
from metamill.measures.derive.printed import ADDED, CUT, ROUNDED, Reading, Span
from metamill.measures.derive.spread import PRINTED_LEVEL, shown
from metamill.measures.scales import FORWARD
from metamill.tables.needs import GENERIC_SCALES

Cells = Mapping[str, str]

UNSURE = 1.15
"""Intervals of a proportion that are a little narrower than those of the theorem: no question."""


def at_95(cells: Cells) -> bool:
    """Whether the row's intervals are of the level that all tables print."""
    return not cells.get("ci_level") or float(cells["ci_level"]) == PRINTED_LEVEL


def scale_of_effect(cells: Cells) -> str:
    return cells.get("scale") or "identity"


def of_effect(cells: Cells) -> dict[str, str] | None:
    """The cells of a reported effect (measure GEN), None where there is none to compare.

    That is where the row names another scale, or numbers have no place on the one it names.
    """
    limits = _LIMITS if at_95(cells) else ()
    found = {name: cells[name] for name in (*_EFFECT, *limits, "n") if cells.get(name)}
    scale = scale_of_effect(cells)
    if not found.keys() & {"yi", "vi", "sei", "estimate"} or scale not in FORWARD:
        return None
    low, high = GENERIC_SCALES[scale]
    printed = [float(found[name]) for name in ("estimate", *_LIMITS) if name in found]
    if not all(isfinite(x) and low < x < high for x in printed):
        return None
    if set(_LIMITS) <= found.keys() and float(found["ci_low"]) > float(found["ci_high"]):
        return None
    return found | ({"scale": scale} if cells.get("scale") else {})


def check_intervals(cells: Cells) -> Iterator[Finding]:
    """Intervals that leave out their share, are symmetric on another scale, or are too narrow."""
    if not (at_95(cells) and all(cells.get(name) for name in _LIMITS)):
        return
    if float(cells["ci_low"]) > float(cells["ci_high"]):
        return
    effect = of_effect(cells)
    if effect is not None and cells.get("estimate"):
        yield from _scale(effect)
        yield from _units_of_estimate(effect, cells)
    elif not any(cells.get(name) for name in ("estimate", "yi", "mean", "time")):
        yield from _share(cells)


def _scale(effect: Cells) -> Iterator[Finding]:
    declared = scale_of_effect(effect)
    if not asymmetric(effect, declared):
        return
    interval = interval_of(effect["estimate"], effect["ci_low"], effect["ci_high"])
    off = asymmetry(interval, declared)
    fit = [scale for scale in fitting(interval) if scale != declared]
    columns: tuple[str, ...] = ("estimate", *_LIMITS)
    said = (
        f"{shown(columns, effect)}: {WHERE[declared]} the middle of the limits is {abs(off):.2f} "
        f"half-widths {'above' if off > 0 else 'below'} the estimate"
    )
    if fit:
        names = " and ".join(WHERE[scale] for scale in fit)
        said += f"; {names} the interval is symmetric"
    raw = declared == "log" and "identity" in fit
    if raw:
        said += ". These may be logarithms already, or the interval was made on the raw scale"
    columns += ("scale",) if "scale" in effect else ()
    yield Finding(
        "ratio_ci" if raw else "ci_scale",
        QUESTION,
        columns,
        shown(columns, effect),
        f"symmetric {WHERE[declared]}",
        said,
        "an interval of estimate and standard error (Wald), not an exact or a profile one",
    )


def _units_of_estimate(effect: Cells, cells: Cells) -> Iterator[Finding]:
    """An effect on the log(-log) scale is a survival estimate; one on another scale may be."""
    scale, n = scale_of_effect(effect), cells.get("n", "")
    if scale == "identity" or not n:
        return
    columns = ("estimate", *_LIMITS, "n")
    readings = [
        interval_of(effect["estimate"], effect["ci_low"], effect["ci_high"], reading=reading)
        for reading in _READINGS
    ]
    yield from _units(readings, int(n), columns, cells, sure=scale == "cloglog")


def _share(cells: Cells) -> Iterator[Finding]:
    """The interval of events out of a total, or of a percentage; as proportion or in per cent."""
    columns: tuple[str, ...] = ("percent",)
    if cells.get("events") and cells.get("total"):
        columns = ("events", "total")
    elif not cells.get("percent"):
        return
    told = (*columns, *_LIMITS)
    share = _share_of(columns, cells, ROUNDED)
    possible = [by for by in (0.01, 1.0) if _holds(columns, by, cells)]
    middle = sum(share) / 2
    if not possible:
        added = any(_holds(columns, by, cells, (ADDED,)) for by in (0.01, 1.0))
        sure = share[0] > 0 and share[1] < 1 and not added
        yield Finding(
            "ci_excludes_estimate",
            CONTRADICTION if sure else QUESTION,
            told,
            shown(told, cells),
            f"an interval around {100 * middle:.4g} %",
            f"{shown(columns, cells)} is {100 * middle:.4g} %, which the interval "
            f"{cells['ci_low']} to {cells['ci_high']} does not hold, in per cent or as proportion"
            f"{f'. {ADDED.excuse} would explain it' if added else ''}",
            "the interval is that of this share",
        )
    size = next((name for name in ("total", "n") if cells.get(name)), "")
    if size and len(possible) == 1:
        readings = [_interval(columns, possible[0], cells, reading) for reading in _READINGS]
        whole = tuple(dict.fromkeys((*told, size)))
        yield from _units(readings, int(cells[size]), whole, cells, sure=True)


def _interval(columns: tuple[str, ...], by: float, cells: Cells, reading: Reading) -> Interval:
    """A share with its interval in units of `by`, as proportions."""
    low, high = ((a * by, b * by) for a, b in (reading.span(cells[name]) for name in _LIMITS))
    share = _share_of(columns, cells, reading)
    middle = sum(_share_of(columns, cells, ROUNDED)) / 2
    printed = (middle, float(cells["ci_low"]) * by, float(cells["ci_high"]) * by)
    return Interval(share, low, high, printed)


def _share_of(columns: tuple[str, ...], cells: Cells, reading: Reading) -> Span:
    """The proportion that a count or a percentage says."""
    if columns == ("events", "total"):
        share = int(cells["events"]) / int(cells["total"])
        return share, share
    low, high = reading.span(cells["percent"])
    return low / 100, high / 100


def _holds(
    columns: tuple[str, ...],
    by: float,
    cells: Cells,
    readings: tuple[Reading, ...] = (ROUNDED, CUT),
) -> bool:
    """Whether the interval, in units of `by`, holds the share in one of the readings."""
    return any(
        reading.meet(
            _share_of(columns, cells, reading),
            (reading.span(cells["ci_low"])[0] * by, reading.span(cells["ci_high"])[1] * by),
        )
        for reading in readings
    )


def _units(
    readings: list[Interval], n: int, columns: tuple[str, ...], cells: Cells, sure: bool
) -> Iterator[Finding]:
    """`readings` are the interval in each of `_READINGS`; certain is what all of them say."""
    interval, found = readings[0], [fewest_units(reading) for reading in readings]
    fewest = found[0]
    if not isfinite(fewest) or fewest <= UNSURE * n:
        return
    certain = sure and all(isfinite(units) and units > SPARE * n for units in found)
    yield Finding(
        "ci_units",
        IMPOSSIBLE if certain else QUESTION,
        columns,
        shown(columns, cells),
        f"at most {n} units",
        f"An interval from {interval.printed[1]:.4g} to {interval.printed[2]:.4g} around "
        f"{interval.printed[0]:.4g} is that of {fewest:.0f} units or more; {n} are printed. "
        "It may be of other units (screws, not patients), of another level, or reach one standard "
        "error",
        "a proportion or a Kaplan-Meier estimate of n units with a 95 % interval",
    )


_READINGS = (ROUNDED, CUT, ADDED)
_LIMITS = ("ci_low", "ci_high")
_EFFECT = ("yi", "vi", "sei", "estimate")
