"""p values recomputed from what is printed beside them: t tests over every rounding."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, sqrt

from scipy.special import stdtr

from metamill.audit.difference_spread import standard_errors
from metamill.audit.finding import QUESTION, Finding
from metamill.measures.derive.printed import ROUNDED, Reading, Span, habits
from metamill.measures.derive.spread import effect_of, shown, sizes_of, spreads
from metamill.tables.derivations import T, Way
from metamill.tables.printed import unit, value

Cells = Mapping[str, str]


@dataclass(frozen=True)
class Recomputed:
    """The p values that `sources` allow, at the degrees of freedom a test may have had."""

    p: Span
    sources: tuple[str, ...]
    what: str


def check_p_values(cells: Cells) -> Iterator[Finding]:
    """Questions on p_change and p_difference: printed as zero, or no p of the numbers beside it."""
    for of in ("change", "difference"):
        name = f"p_{of}"
        if not cells.get(name):
            continue
        if value(cells[name]) == 0:
            yield _zero(name, cells)
            continue
        readings = (ROUNDED, *habits(cells))
        ways = [recomputed(of, cells, reading) for reading in readings]
        for items in zip(*ways, strict=True):
            pairs = zip(readings, items, strict=True)
            if not any(how.meet(how.span(cells[name]), item.p) for how, item in pairs):
                yield _unlike(name, items[0], cells)
                break


def recomputed(of: str, cells: Cells, reading: Reading = ROUNDED) -> list[Recomputed]:
    """The two-sided p of a change (paired t test) or difference (Student's and Welch's t test).

    One entry for t itself, and one for each form of the SD beside the effect.
    """
    effect = _effect(of, cells, reading)
    n = ("n",) if of == "change" else ("n_treatment", "n_control")
    if not all(cells.get(name) for name in n):
        return []
    sizes = [int(cells[name]) for name in n]
    if min(sizes) < 2:
        return []
    degrees = (min(sizes) - 1, sum(sizes) - len(sizes))
    found = []
    if cells.get(f"t_{of}"):
        t = sizes_of(reading.span(cells[f"t_{of}"]))
        what = f"t {cells[f't_{of}']} with {_degrees(degrees)}"
        found.append(Recomputed(_p(t, degrees), (f"t_{of}", *n), what))
    if effect is not None:
        means, size = effect
        for se, sources in _errors(of, cells, sizes, reading):
            t = (size[0] / se[1] if se[1] else inf, size[1] / se[0] if se[0] else inf)
            columns = tuple(dict.fromkeys((*means, *sources, *n)))
            what = f"{shown(columns, cells)}: t from {t[0]:.3g} to {t[1]:.3g}, {_degrees(degrees)}"
            found.append(Recomputed(_p(t, degrees), columns, what))
    return found


def _effect(of: str, cells: Cells, reading: Reading) -> tuple[tuple[str, ...], Span] | None:
    ways = {
        "change": (("mean_change",), ("mean_pre", "mean_post")),
        "difference": (("mean_treatment", "mean_control"),),
    }[of]
    for means in ways:
        if all(cells.get(name) for name in means):
            return means, sizes_of(effect_of(Way(T, means, of), cells, reading)[1])
    return None


def _errors(
    of: str, cells: Cells, sizes: list[int], reading: Reading
) -> Iterator[tuple[Span, tuple[str, ...]]]:
    """Standard errors of the effect, by every form of the SD but t and p themselves."""
    if of == "change":
        for item in spreads("sd_change", _without_p(cells), reading):
            if item.by != T:
                low, high = item.compatible
                yield (low / sqrt(sizes[0]), high / sqrt(sizes[0])), item.sources
        return
    arms = [spreads(f"sd_{arm}", _without_p(cells), reading) for arm in ("treatment", "control")]
    if not all(arms):
        return
    first, second = (forms[0] for forms in arms)
    if first.by == T:
        return
    pairs = zip(first.compatible, second.compatible, strict=True)
    ends = [standard_errors(pair, (sizes[0], sizes[1])) for pair in pairs]
    yield (min(ends[0]), max(ends[1])), tuple(dict.fromkeys((*first.sources, *second.sources)))


def _without_p(cells: Cells) -> Cells:
    """A row whose p values are the question and no source."""
    return {name: "" if name in ("p_change", "p_difference") else x for name, x in cells.items()}


def _p(t: Span, degrees: tuple[int, int]) -> Span:
    """Smallest and largest two-sided p of t values at degrees of freedom from few to many."""
    few, many = degrees
    return 2 * float(stdtr(many, -t[1])), 2 * float(stdtr(few, -t[0]))


def _degrees(degrees: tuple[int, int]) -> str:
    few, many = degrees
    return f"{many} degrees of freedom" if few == many else f"{few} to {many} degrees of freedom"


def _zero(name: str, cells: Cells) -> Finding:
    half = float(unit(cells[name]) / 2)
    return Finding(
        "p_value",
        QUESTION,
        (name,),
        f"{name} {cells[name]}",
        f"below {half:g}",
        f"No p value is zero; one printed as {cells[name]} is below {half:g}, half a unit of its "
        "last digit",
    )


def _unlike(name: str, item: Recomputed, cells: Cells) -> Finding:
    low, high = item.p
    said = f"{_shown(low)} to {_shown(high)}"
    sided = ""
    a, b = ROUNDED.span(cells[name])
    if ROUNDED.meet((2 * a, 2 * b), item.p):
        sided = f". Half of that fits: a one-sided p of {cells[name]} would agree"
    return Finding(
        "p_value",
        QUESTION,
        (name, *item.sources),
        shown((name, *item.sources), cells),
        f"p from {said}",
        f"{item.what} give a two-sided p from {said}; {cells[name]} is printed{sided}",
        "a t test of unadjusted means (Student's, Welch's or paired)",
    )


def _shown(p: float) -> str:
    return f"{p:.2g}" if p >= 1e-4 else "below 0.0001"
