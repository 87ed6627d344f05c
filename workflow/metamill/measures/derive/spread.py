"""SDs from standard errors, intervals, t and p (Cochrane Handbook 6.5.2.2 and 6.5.2.3).

Every way gives the SD that the printed digits say and the interval of SDs that print like that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan, nan, sqrt

from scipy.special import ndtri, stdtrit

from metamill.measures.derive.printed import ROUNDED, Reading, Span
from metamill.tables.derivations import CI, FROM_ORDER, SE, P, Way, open_ways

Cells = Mapping[str, str]

PRINTED_LEVEL = 95.0
"""Level of every confidence interval that a table prints, in per cent."""


@dataclass(frozen=True)
class Spread:
    """An SD that was derived `by` its `sources`, of what `of` says (see derivations.Way).

    `value` is nan where the digits leave no number (a t of 0). They allow the SD to lie within
    `limits`; `compatible` holds besides what other habits of an author allow: a normal quantile
    in an interval, the degrees of freedom of Welch's test. `normal` is the factor on the SD if the
    interval is one of the normal quantile, and `degrees` the fewest and most degrees of freedom
    that its quantile of t may have.
    """

    value: float
    limits: Span
    compatible: Span
    by: str
    sources: tuple[str, ...]
    of: str = "mean"
    normal: float = 1.0
    degrees: tuple[int, int] = (0, 0)


def spreads(column: str, cells: Cells, reading: Reading = ROUNDED) -> list[Spread]:
    """The SD of `column` in every form its row gives, the most direct first.

    One unit has no SD and gives none. A test counts once: with the change that is printed, or
    else with that of the two means. Raises ValueError for a p that is none.
    """
    found = []
    if cells.get(column):
        limits = reading.span(cells[column])
        found.append(Spread(float(cells[column]), limits, limits, "SD", (column,)))
    tests: set[str] = set()
    for way in open_ways(column, cells):
        if way.by in FROM_ORDER or min(_sizes(way, cells)) < 2:
            continue
        test = _test_of(way)
        if test not in tests:
            found.append(_spread(way, cells, reading))
        tests |= {test} if test else set()
    return found


def chosen(found: Sequence[Spread], witnesses: Iterable[Span] = ()) -> Spread:
    """The most direct of several forms of an SD.

    An interval is taken for one of Student's t, unless another form or witness (the limits of the
    SD) rules that out and fits the normal quantile.
    """
    first = found[0]
    if first.normal == 1:
        return first
    normal = replace(
        first,
        value=first.value * first.normal,
        limits=(first.limits[0] * first.normal, first.limits[1] * first.normal),
        by=f"{first.by} of the normal quantile",
    )
    others = [*(other.compatible for other in found[1:]), *witnesses]
    missed = [other for other in others if not ROUNDED.meet(first.limits, other)]
    fits = bool(missed) and all(ROUNDED.meet(normal.limits, other) for other in missed)
    return normal if fits else first


def t_quantile(df: float, level: float = PRINTED_LEVEL) -> float:
    return float(stdtrit(df, 0.5 + level / 200))


def z_quantile(level: float = PRINTED_LEVEL) -> float:
    return float(ndtri(0.5 + level / 200))


def effect_of(way: Way, cells: Cells, reading: Reading = ROUNDED) -> tuple[float, Span]:
    """The mean change or difference among the sources of a way, and the values it can have had."""
    means = [name for name in way.sources if name.startswith("mean")]
    if len(means) == 1:
        return float(cells[means[0]]), reading.span(cells[means[0]])
    first, last = means if way.of == "difference" else means[::-1]
    (a, b), (c, d) = reading.span(cells[first]), reading.span(cells[last])
    return float(cells[first]) - float(cells[last]), (a - d, b - c)


def shown(names: Iterable[str], cells: Cells) -> str:
    return ", ".join(f"{name} {cells[name]}" for name in names)


def _sizes(way: Way, cells: Cells) -> list[int]:
    return [int(cells[name]) for name in way.sources if name in SIZES]


def _test_of(way: Way) -> str:
    return next((name for name in way.sources if name.startswith(("t_", "p_"))), "")


def _spread(way: Way, cells: Cells, reading: Reading) -> Spread:
    """Of a mean's units, of their change, or pooled over two arms.

    For the change and the difference t and p belong to the paired t test and to the t test with
    equal variances, both two-sided.
    """
    sizes = _sizes(way, cells)
    df = sum(sizes) - len(sizes)
    per_se = 1 / sqrt(sum(1 / n for n in sizes))
    welch = min(sizes) - 1
    normal = 1.0
    if way.by == SE:
        (name,) = (name for name in way.sources if name not in SIZES)
        se, limits = float(cells[name]), reading.span(cells[name])
        around = limits
    elif way.by == CI:
        se, limits = _se_of_interval(way, cells, df, reading)
        normal = t_quantile(df) / z_quantile()
        around = (limits[0] * t_quantile(df) / t_quantile(welch), limits[1] * normal)
    else:
        se, limits = _se_of_test(way, cells, df, reading)
        around = (_se_of_test(way, cells, welch, reading)[1][0], limits[1])
    return Spread(
        se * per_se if se > 0 else nan,
        _scaled(limits, per_se),
        _scaled(around, per_se),
        way.by,
        way.sources,
        way.of,
        normal,
        (welch, df),
    )


def _scaled(limits: Span, factor: float) -> Span:
    return max(limits[0], 0.0) * factor, limits[1] * factor


def _se_of_interval(way: Way, cells: Cells, df: int, reading: Reading) -> tuple[float, Span]:
    """Half the width of an interval over the t quantile."""
    lower, upper, *_ = way.sources
    (least, low_most), (high_least, most) = (reading.span(cells[name]) for name in (lower, upper))
    t = t_quantile(df)
    se = (float(cells[upper]) - float(cells[lower])) / (2 * t)
    return se, (max(high_least - low_most, 0.0) / (2 * t), (most - least) / (2 * t))


def _se_of_test(way: Way, cells: Cells, df: int, reading: Reading) -> tuple[float, Span]:
    """The size of an effect over that of its t, which a two-sided p stands for too."""
    effect, effect_span = effect_of(way, cells, reading)
    name = _test_of(way)
    printed = float(cells[name])
    if way.by == P:
        if not 0 < printed <= 1:
            raise ValueError(f"{name} is {cells[name]}, but a p value is above 0 and at most 1")
        low, high = reading.span(cells[name])
        t, t_least, t_most = (_t_of(p, df) for p in (printed, min(high, 1.0), low))
    else:
        t = abs(printed)
        t_least, t_most = sizes_of(reading.span(cells[name]))
    smallest, largest = sizes_of(effect_span)
    return (
        abs(effect) / t if t > 0 else nan,
        (smallest / t_most if t_most > 0 else inf, largest / t_least if t_least > 0 else inf),
    )


def sizes_of(limits: Span) -> Span:
    """Smallest and largest absolute value within limits."""
    small, large = sorted(abs(x) for x in limits)
    return (0.0 if limits[0] <= 0 <= limits[1] else small), large


def _t_of(p: float, df: int) -> float:
    t = abs(float(stdtrit(df, p / 2)))
    return inf if isnan(t) else t


SIZES = ("n", "n_treatment", "n_control")
"""Columns that hold how many units a mean has."""
