"""Whether the numbers of a row agree: what its cells cannot all be at once.

Everything here is arithmetic on printed digits: two numbers contradict each other only if no
values that print like them agree.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from math import isnan

from metamill.measures.derive.change import change_sd_limits, implied_correlation
from metamill.measures.derive.contradiction import Contradiction, confirmed
from metamill.measures.derive.possible import derived_sd, mean_range, percent_count, sd_maximum
from metamill.measures.derive.printed import ROUNDED, Reading, Span, figures
from metamill.measures.derive.spread import (
    Spread,
    effect_of,
    shown,
    spreads,
    t_quantile,
    z_quantile,
)
from metamill.tables.derivations import CI, SUFFIXES, P, T, Way

Cells = Mapping[str, str]

OTHER_LEVELS = (90.0, 99.0)
"""Levels of confidence that a printed interval may have instead, in per cent."""


def contradictions(cells: Cells, columns: Collection[str]) -> list[Contradiction]:
    """Cells that disagree on one of `columns` (of a measure, say), by kind.

    - percent_count, mean_range, sd_maximum: a number that its group rules out.
    - ci_excludes_estimate, ci_centre: an interval that does not hold its mean, change or
      difference, or not in its middle; the latter is certain only where the SD is derived from it.
    - sd_forms: SD, standard error, interval and t that give different SDs. Uncertain, ci_level
      where the interval fits another level, and p_value where p is one of the two.
    - derived_sd: a form whose SD the printed range rules out.
    - t_sign: a t of the other sign; uncertain, as papers print t without its sign.
    - change_sd, correlation_sd: SDs before, after and of the change that no correlation gives, or
      not the printed one. change_mean: a change that is not the second mean minus the first.

    Raises ValueError for a p that is none.
    """
    return confirmed(lambda reading: _found(cells, columns, reading), cells)


def _found(cells: Cells, columns: Collection[str], reading: Reading) -> Iterator[Contradiction]:
    for column in columns:
        if column.startswith("events"):
            yield from percent_count(column, cells, reading)
        elif column.startswith("mean") and column != "mean_change":
            yield from mean_range(column, cells, reading)
    for column in columns:
        if column in _SDS:
            yield from sd_maximum(column, cells, reading)
    for column in columns:
        if column in (*_SDS, "sd_change"):
            yield from _signs(column, cells, reading)
            yield from _intervals(column, cells, reading)
            yield from _forms(column, cells, reading)
    if "sd_change" in columns:
        yield from _change_sd(cells, reading)
    if "mean_change" in columns:
        yield from _change_mean(cells, reading)


def interval_of(column: str) -> tuple[Way, ...]:
    """The intervals beside which an SD may stand, each with the means whose middle it has."""
    if column == "sd_change":
        limits = ("ci_low_change", "ci_high_change")
        return (
            Way(CI, (*limits, "mean_change"), "change"),
            Way(CI, (*limits, "mean_pre", "mean_post"), "change"),
        )
    suffix = column.removeprefix("sd")
    own = (Way(CI, (f"ci_low{suffix}", f"ci_high{suffix}", f"mean{suffix}")),)
    if suffix not in ("_treatment", "_control"):
        return own
    arms = ("mean_treatment", "mean_control")
    return (*own, Way(CI, ("ci_low_difference", "ci_high_difference", *arms), "difference"))


def _intervals(column: str, cells: Cells, reading: Reading) -> Iterator[Contradiction]:
    """Intervals that do not hold what they belong to, or not in their middle."""
    forms = spreads(column, cells)
    for way in interval_of(column):
        if not all(cells.get(name) for name in way.sources):
            continue
        low, high, *means = way.sources
        value, around = effect_of(way, cells, reading)
        centre = means[0] if len(means) == 1 else f"the {way.of}"
        said = f"the interval {cells[low]} to {cells[high]} ({low}, {high})"
        ends = (reading.span(cells[low]), reading.span(cells[high]))
        middle = tuple((a + b) / 2 for a, b in zip(*ends, strict=True))
        derived = bool(forms) and low in forms[0].sources
        if not reading.meet(around, (ends[0][0], ends[1][1])):
            yield Contradiction(
                "ci_excludes_estimate",
                (low, high, *means),
                f"{said} does not hold {centre} {value:.10g}",
                f"an interval around {value:.10g}",
                certain=derived or len(means) == 1,
            )
        elif not reading.meet(around, (middle[0], middle[1])):
            half = (float(cells[low]) + float(cells[high])) / 2
            yield Contradiction(
                "ci_centre",
                (low, high, *means),
                f"{said} has its middle at {half:.10g} and not at {centre} {value:.10g}, so it is "
                "no t interval of a mean",
                f"a middle of {value:.10g}",
                certain=derived,
            )


def _forms(column: str, cells: Cells, reading: Reading) -> Iterator[Contradiction]:
    """Forms of one SD that disagree; an interval off its centre says nothing of one."""
    found = spreads(column, cells, reading)
    off = {name for item in _intervals(column, cells, ROUNDED) for name in item.columns}
    sound = [item for item in found if not (item.by == CI and item.sources[0] in off)]
    for first, second in combinations(sound, 2):
        if not reading.meet(first.compatible, second.compatible):
            kind = _kind(first, second, reading)
            yield Contradiction(
                kind,
                (*first.sources, *second.sources),
                f"{shown(first.sources, cells)} and {shown(second.sources, cells)} contradict "
                f"each other: as {column} they give {_said(first)} and {_said(second)}",
                f"{column} {_between(second.compatible)} from the {second.by}",
                certain=kind == "sd_forms",
            )
    if found and found[0].by != "SD":
        yield from derived_sd(column, found[0], cells, reading)


def _kind(first: Spread, second: Spread, reading: Reading) -> str:
    if P in (first.by, second.by):
        return "p_value"
    if CI in (first.by, second.by):
        interval, other = (first, second) if first.by == CI else (second, first)
        for level in OTHER_LEVELS:
            if reading.meet(at_level(interval, level), other.compatible):
                return "ci_level"
    return "sd_forms"


def at_level(interval: Spread, level: float) -> Span:
    """The SDs that an interval gives if it is one of another level, of t or the normal."""
    few, many = interval.degrees
    low, high = interval.limits
    t = t_quantile(many)
    return low * t / t_quantile(few, level), high * t / z_quantile(level)


def _signs(column: str, cells: Cells, reading: Reading) -> Iterator[Contradiction]:
    for way in _SIGNED.get(column, ()):
        name, *means = way.sources
        if not all(cells.get(source) for source in way.sources):
            continue
        effect, around = effect_of(way, cells, reading)
        t = reading.span(cells[name])
        if (t[0] > 0 and around[1] < 0) or (t[1] < 0 and around[0] > 0):
            yield Contradiction(
                "t_sign",
                (name, *means),
                f"{name} is {cells[name]}, but the {way.of} is {effect:.10g}: they should have one "
                f"sign ({_ORDER[way.of]}); papers also print t without its sign",
                f"{name} {'above' if effect > 0 else 'below'} 0",
                certain=False,
            )
            return


def _change_sd(cells: Cells, reading: Reading) -> Iterator[Contradiction]:
    """SDs before, after and of the change that have no correlation, or not that of the row."""
    found = [spreads(column, cells, reading) for column in ("sd_pre", "sd_post", "sd_change")]
    if not all(found):
        return
    first = [forms[0] for forms in found]
    values = [item.value for item in first]
    if not all(x > 0 for x in values):
        return
    pre, post, change = (item.compatible for item in first)
    columns = tuple(dict.fromkeys(name for item in first[::-1] for name in item.sources))
    implied = implied_correlation(*values)
    limits = change_sd_limits(pre, post, (-1.0, 1.0))
    if not reading.meet(change, limits):
        yield Contradiction(
            "change_sd",
            columns,
            f"an SD of the change of {figures(values[2])} is impossible with SDs of "
            f"{figures(values[0])} and {figures(values[1])} (correlation {implied:.4g}): it lies "
            f"between their difference {figures(abs(values[0] - values[1]))} and their sum "
            f"{figures(values[0] + values[1])}",
            f"an SD of the change {_between(limits)}",
        )
    elif cells.get("correlation"):
        r = cells["correlation"]
        limits = change_sd_limits(pre, post, reading.span(r))
        if not reading.meet(change, limits):
            yield Contradiction(
                "correlation_sd",
                ("correlation", *columns),
                f"correlation {r} and an SD of the change of {figures(values[2])} contradict each "
                f"other: with SDs of {figures(values[0])} and {figures(values[1])} the "
                f"correlation is {implied:.3g}",
                f"an SD of the change {_between(limits)}",
            )


def _change_mean(cells: Cells, reading: Reading) -> Iterator[Contradiction]:
    columns = ("mean_change", "mean_pre", "mean_post")
    if not all(cells.get(name) for name in columns):
        return
    difference, around = effect_of(Way(CI, columns[1:], "change"), cells, reading)
    if not reading.meet(around, reading.span(cells["mean_change"])):
        yield Contradiction(
            "change_mean",
            columns,
            f"mean_change is {cells['mean_change']}, but mean_post {cells['mean_post']} minus "
            f"mean_pre {cells['mean_pre']} is {difference:.10g}",
            f"a change {_between(around)}",
        )


def _said(spread: Spread) -> str:
    return figures(spread.value) if not isnan(spread.value) else _between(spread.limits)


def _between(limits: Span) -> str:
    return f"from {figures(limits[0])} to {figures(limits[1])}"


_SDS = tuple(f"sd{suffix}" for suffix in SUFFIXES)
_ORDER = {"change": "post minus pre", "difference": "treatment minus control"}
_T_CHANGE = (
    Way(T, ("t_change", "mean_change"), "change"),
    Way(T, ("t_change", "mean_pre", "mean_post"), "change"),
)
_T_DIFFERENCE = (Way(T, ("t_difference", "mean_treatment", "mean_control"), "difference"),)
_SIGNED = {"sd_change": _T_CHANGE, "sd_treatment": _T_DIFFERENCE}
