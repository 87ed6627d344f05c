"""SDs from standard errors, intervals, t and p (Cochrane Handbook 6.5.2.2 and 6.5.2.3).

Every way gives the SD that the printed digits say, the interval of SDs that print like that, and
a reason where the numbers contradict each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from scipy.special import ndtri, stdtrit

from metamill.measures.derive.possible import largest_sd, shown_range
from metamill.measures.derive.printed import Span, at_most, overlap, span
from metamill.tables.derivations import CI, SE, P, Way

PRINTED_LEVEL = 95.0
"""Level of every confidence interval that a table prints, in per cent."""


@dataclass(frozen=True)
class Spread:
    """An SD that was derived `by` its `sources`.

    The digits of the sources allow it to lie within `limits`, and those and an author who took a
    normal quantile for an interval within `compatible`.
    """

    value: float
    limits: Span
    compatible: Span
    by: str
    sources: tuple[str, ...]


def sd_by(way: Way, cells: Mapping[str, str]) -> Spread:
    """The SD that `way` gives: of a mean's units, of their change, or pooled over two arms.

    For the change and the difference t and p belong to the paired t test and to the t test with
    equal variances, both two-sided. Raises ValueError where the cells contradict each other.
    """
    sizes = [int(cells[name]) for name in way.sources if name in _SIZES]
    df = sum(sizes) - len(sizes)
    if df < 1:
        raise ValueError(f"{' and '.join(map(str, sizes))} units have no standard deviation")
    per_se = 1 / sqrt(sum(1 / n for n in sizes))
    if way.by == SE:
        (name,) = (name for name in way.sources if name not in _SIZES)
        se, limits = float(cells[name]), span(cells[name])
    elif way.by == CI:
        se, limits = _se_of_interval(way, cells, df)
    else:
        se, limits = _se_of_test(way, cells, df)
    if not se > 0:
        raise ValueError(f"{_shown(way.sources, cells)} give no standard deviation")
    low, high = max(limits[0], 0.0) * per_se, limits[1] * per_se
    normal = _t_quantile(df) / float(ndtri(_TAIL)) if way.by == CI else 1.0
    return Spread(se * per_se, (low, high), (low, high * normal), way.by, way.sources)


def _se_of_interval(way: Way, cells: Mapping[str, str], df: int) -> tuple[float, Span]:
    """Half the width of an interval over the t quantile."""
    lower, upper, *_ = way.sources
    (least, low_most), (high_least, most) = span(cells[lower]), span(cells[upper])
    t = _t_quantile(df)
    se = (float(cells[upper]) - float(cells[lower])) / (2 * t)
    return se, ((high_least - low_most) / (2 * t), (most - least) / (2 * t))


def _t_quantile(df: int) -> float:
    return float(stdtrit(df, _TAIL))


def _se_of_test(way: Way, cells: Mapping[str, str], df: int) -> tuple[float, Span]:
    """The effect over its t, which a two-sided p stands for too."""
    effect, effect_span = effect_of(way, cells)
    (name,) = (name for name in way.sources if name.startswith(("t_", "p_")))
    printed = float(cells[name])
    if way.by == P:
        if not 0 < printed <= 1:
            raise ValueError(f"{name} is {cells[name]}, but a p value is above 0 and at most 1")
        low, high = span(cells[name])
        t, t_least, t_most = (_t_of(p, df) for p in (printed, min(high, 1.0), low))
    else:
        if printed * effect < 0:
            raise ValueError(
                f"{name} is {cells[name]}, but the {way.of} is {effect:.10g}: they must have one "
                f"sign ({_SIGN[way.of]})"
            )
        t, (least, most) = abs(printed), span(cells[name])
        t_least, t_most = sorted((abs(least), abs(most)))
    if t == 0 or effect == 0:
        raise ValueError(
            f"{name} of {cells[name]} with a {way.of} of {effect:.10g} gives no standard deviation"
        )
    sizes = sorted(abs(x) for x in effect_span)
    smallest = 0.0 if effect_span[0] <= 0 <= effect_span[1] else sizes[0]
    return abs(effect) / t, (smallest / t_most, sizes[1] / t_least)


def _t_of(p: float, df: int) -> float:
    return abs(float(stdtrit(df, p / 2)))


def effect_of(way: Way, cells: Mapping[str, str]) -> tuple[float, Span]:
    """The mean change or difference among the sources of a way, and the values it can have had."""
    means = [name for name in way.sources if name.startswith("mean")]
    if len(means) == 1:
        return float(cells[means[0]]), span(cells[means[0]])
    first, last = means if way.of == "difference" else means[::-1]
    (a, b), (c, d) = span(cells[first]), span(cells[last])
    return float(cells[first]) - float(cells[last]), (a - d, b - c)


def check_agreement(spreads: list[Spread], column: str, cells: Mapping[str, str]) -> None:
    """Raise ValueError where two ways to one SD disagree by more than the rounding of cells.

    The first is the one that is used, so an interval there must be one of Student's t.
    """
    for i, first in enumerate(spreads):
        for other in spreads[i + 1 :]:
            mine = first.limits if i == 0 else first.compatible
            if not overlap(mine, other.compatible):
                raise ValueError(
                    f"{_shown(first.sources, cells)} and {_shown(other.sources, cells)} contradict "
                    f"each other: as {column} they give {first.value:.4g} and {other.value:.4g}"
                )


def check_interval(
    names: tuple[str, str], cells: Mapping[str, str], centre: str, value: float, around: Span
) -> None:
    """Raise ValueError where a printed interval does not lie symmetrically around its `centre`."""
    low, high = (float(cells[name]) for name in names)
    shown = f"the interval {cells[names[0]]} to {cells[names[1]]} ({', '.join(names)})"
    spans = [span(cells[name]) for name in names]
    if not spans[0][0] <= value <= spans[1][1]:
        raise ValueError(f"{shown} does not hold {centre} {value:.10g}")
    middle = tuple((a + b) / 2 for a, b in zip(*spans, strict=True))
    if not overlap((middle[0], middle[1]), around):
        raise ValueError(
            f"{shown} has its middle at {(low + high) / 2:.10g} and not at {centre} "
            f"{value:.10g}, so it is no t interval of a mean"
        )


def check_possible(spread: Spread, suffix: str, cells: Mapping[str, str], column: str) -> None:
    """Raise ValueError where the range of the data has no room for a derived SD."""
    most = largest_sd(suffix, cells)
    if most is not None and not at_most(spread.compatible[0], most):
        raise ValueError(
            f"{_shown(spread.sources, cells)} give {column} {spread.value:.4g}, which values with "
            f"{shown_range(suffix, cells)} cannot have: is the {spread.by} what its column says?"
        )


def _shown(names: tuple[str, ...], cells: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {cells[name]}" for name in names)


_TAIL = 0.5 + PRINTED_LEVEL / 200
_SIZES = ("n", "n_treatment", "n_control")
_SIGN = {"change": "post minus pre", "difference": "treatment minus control"}
