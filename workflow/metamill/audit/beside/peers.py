"""A row beside the other studies of its outcome: size, spread and direction."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from math import log10, sqrt
from statistics import median

from metamill.audit.beside.directions import FEWEST, SIGNIFICANT, check_opposite
from metamill.audit.beside.scale_limits import beyond_scale
from metamill.audit.finding import INFO, QUESTION, Check, Finding
from metamill.audit.rows import Scale, groups_of, scale_of
from metamill.config.settings import Display, Outcome
from metamill.measures.derive.five_numbers import sd_weights
from metamill.tables.derivations import RANGE, SUFFIXES, size_column
from metamill.tables.needs import COLUMN_SETS
from metamill.tables.table import TableRow, number

CHECKS = (
    Check(
        "large_smd",
        "B16",
        "A very large difference between two groups",
        "standardised difference beyond 2, and beyond twice the median of the other studies "
        "where there are 3",
        "Kadlec et al. 2023, Sports Med 53:313 (standard errors taken for SDs)",
        "treatments that differ that much; very homogeneous patients",
    ),
    Check(
        "sd_of_peers",
        "B16",
        "An SD unlike those of the other studies",
        "ratio of the SD (or SE sqrt(n), where no SD is printed) to the median SD of at least 3 "
        "other studies outside 1/3 to 3",
        "Cochrane Handbook 6.5.2 (standard errors, variances and intervals taken for SDs)",
        "studies whose patients are much more, or much less, alike",
    ),
    Check(
        "unit_of_peers",
        "B16",
        "A row in another unit",
        "means and SDs are all about 10, 100 or 1000 times, or that part, of the medians of at "
        "least 3 other studies",
        "comparison of orders of magnitude",
        "patients who are that much better or worse, with an SD to match",
    ),
    Check(
        "opposite_direction",
        "B16",
        "An effect in the opposite direction",
        "the effect is significant (5 %), and at least 3 other studies are so on the other side "
        "of no effect and none on its side",
        "comparison of signs",
        "a study of other patients, or of another comparison, in which the effect is opposite",
    ),
    Check(
        "direction_unstated",
        "B16",
        "Which end of a score is better",
        "an outcome of means without `direction` in config.yaml",
        "convention",
        "never: it is a description",
    ),
)
RATIO = 3.0
LARGE = 2.0
NEAR = 2.0
"""A hypothesis fits where it brings the SD within this ratio of the other studies."""
_SHARE = 0.3
"""How far, in powers of ten, a ratio may lie from 10, 100 or 1000."""
_UNITS = {1: ("millimetres", "centimetres"), 2: ("per cent", "shares"), 3: ("mg", "g")}
"""For each power of ten two units that differ by it, the smaller first."""
_FREE_OF_UNITS = ("SMD", "SMCC", "SMCR", "ROM")
"""Measures that pool different instruments: only rows that name one scale are compared."""
_GROUPS = (*SUFFIXES, "_change")
_SCORES = ("MN", "MC", "SMCC", "SMCR", "MD", "SMD", "ROM")


def check_peers(
    rows: Sequence[TableRow], outcome: Outcome, scale: Scale
) -> Iterator[tuple[int, Finding]]:
    """Every row of an outcome beside the rows of other studies, with hypotheses named.

    Nothing is said of an SD that is impossible on its scale: that has a finding of its own.
    """
    measure = outcome.plans[0].model.measure
    yield from _large_differences(rows)
    for at, ratios in _ratios(rows, measure):
        row = rows[at]
        power = _power_of_ten(list(ratios.values()))
        strange = {
            column: ratio
            for column, ratio in ratios.items()
            if not column.startswith("mean") and not 1 / RATIO <= ratio <= RATIO
        }
        if strange and not power:
            groups = groups_of(row.cells, scale_of(row.cells, scale))
            for column in [group.column("sd") for group in groups if beyond_scale(group)]:
                strange.pop(column, None)
        if power:
            yield at, _other_unit(row, ratios, power)
        elif strange:
            yield at, _strange_sd(row, strange)
    yield from check_opposite(rows, measure)


def _ratios(rows: Sequence[TableRow], measure: str) -> Iterator[tuple[int, dict[str, float]]]:
    """Each mean and SD of a row over the median of the other studies on the same instrument.

    A standard error counts by the SD that follows from it, where no SD stands beside it.
    """
    if measure not in _SCORES:
        return
    sizes: dict[tuple[str, str], list[tuple[int, float]]] = {}
    columns: dict[tuple[int, str], str] = {}
    for at, row in enumerate(rows):
        instrument = row.cells.get("scale", "").casefold()
        if instrument or measure not in _FREE_OF_UNITS:
            for kind, column, size in _sizes(row.cells):
                sizes.setdefault((instrument, kind), []).append((at, size))
                columns[at, kind] = column
    ratios: dict[int, dict[str, float]] = {}
    for (_, kind), items in sizes.items():
        usual = medians_of_others(rows, items)
        for at, size in items:
            if size > 0 and usual[at] > 0:
                ratios.setdefault(at, {})[columns[at, kind]] = size / usual[at]
    yield from sorted(ratios.items())


def _sizes(cells: Mapping[str, str]) -> Iterator[tuple[str, str, float]]:
    """Means and SDs of a row: what is compared, the column it stands in, and its size."""
    for suffix in _GROUPS:
        mean, sd, se = (f"{name}{suffix}" for name in ("mean", "sd", "se"))
        if cells.get(mean):
            yield mean, mean, abs(number(cells[mean]))
        size = cells.get(size_column(suffix))
        if cells.get(sd):
            yield sd, sd, abs(number(cells[sd]))
        elif cells.get(se) and size:
            yield sd, se, abs(number(cells[se])) * sqrt(int(size))


def medians_of_others(
    rows: Sequence[TableRow], items: Sequence[tuple[int, float]]
) -> dict[int, float]:
    """For each row the median over the other studies, each once; 0 where they are too few."""
    of_study: dict[str, list[float]] = {}
    for at, size in items:
        of_study.setdefault(rows[at].cells["study"], []).append(size)
    own = {study: median(sizes) for study, sizes in of_study.items()}
    ordered = sorted(own.values())
    if len(ordered) <= FEWEST:
        return dict.fromkeys((at for at, _ in items), 0.0)

    def without(size: float) -> float:
        """The median of the others: those behind the place of `size` move up by one."""
        gone, left = bisect_left(ordered, size), len(ordered) - 1
        low, high = ((i + 1 if i >= gone else i) for i in ((left - 1) // 2, left // 2))
        return (ordered[low] + ordered[high]) / 2

    return {at: without(own[rows[at].cells["study"]]) for at, _ in items}


def _power_of_ten(ratios: Sequence[float]) -> int:
    """The power of ten by which all ratios are too large (or, negative, too small); 0 if none."""
    if len(ratios) < 2:
        return 0
    logs = [log10(ratio) for ratio in ratios]
    least = log10(RATIO)
    if not (min(logs) >= least or max(logs) <= -least):
        return 0
    power = round(median(logs))
    return power if abs(power) in _UNITS and abs(median(logs) - power) <= _SHARE else 0


def _other_unit(row: TableRow, ratios: Mapping[str, float], power: int) -> Finding:
    words = ", ".join(f"{column} {row.cells[column]}" for column in ratios)
    factor = 10 ** abs(power)
    size = f"{factor} times" if power > 0 else f"a {factor}th of"
    here, there = _UNITS[abs(power)][:: 1 if power > 0 else -1]
    return Finding(
        "unit_of_peers",
        QUESTION,
        tuple(ratios),
        words,
        "the unit of the other studies",
        f"All numbers of {row.cells['study']} ({words}) are about {size} those of the other "
        f"studies, as if in {here} where they have {there}",
        "the studies measured similar patients on one scale",
    )


def _strange_sd(row: TableRow, strange: Mapping[str, float]) -> Finding:
    column, ratio = max(strange.items(), key=lambda item: abs(log10(item[1])))
    sd, follows = number(row.cells[column]), ""
    if column.startswith("se"):
        n = row.cells[size_column(column.removeprefix("se"))]
        sd *= sqrt(int(n))
        follows = f" (SD {sd:.3g} with n = {n})"
    usual = sd / ratio
    said = [words for words, would_be in _hypotheses(row, column, ratio) if _near(would_be, usual)]
    hypothesis = f"It would fit as {' or '.join(said)}" if said else "No common slip would fit"
    times = f"{ratio:.2g} times" if ratio > 1 else f"1/{1 / ratio:.2g} of"
    return Finding(
        "sd_of_peers",
        QUESTION,
        tuple(strange),
        ", ".join(f"{name} {row.cells[name]}" for name in strange),
        f"SD from {usual / RATIO:.3g} to {usual * RATIO:.3g}",
        f"{column} {row.cells[column]}{follows} is {times} {usual:.3g}, the median SD of the other "
        f"studies. {hypothesis}",
        "the other studies have similar patients on one scale",
    )


def _near(would_be: float, usual: float) -> bool:
    return 1 / NEAR <= would_be / usual <= NEAR


def _hypotheses(row: TableRow, column: str, ratio: float) -> Iterator[tuple[str, float]]:
    """What the number may be instead of an SD (or a standard error), and the SD that follows."""
    if column.startswith("se"):
        sd = number(row.cells[column])
        yield f"an SD typed as a standard error (SD {sd:.3g})", sd
        return
    sd = number(row.cells[column])
    size = row.cells.get(size_column(column.removeprefix("sd")), "")
    n = int(size) if size else 0
    if ratio > 1:
        yield f"a variance (SD {sqrt(sd):.3g})", sqrt(sd)
        if n > 1:
            as_range = sd_weights(RANGE, n)[4] * sd
            yield f"a range (SD about {as_range:.3g})", as_range
    elif n > 1:
        yield f"a standard error (SD {sd * sqrt(n):.3g} with n = {n})", sd * sqrt(n)
        half = sd * sqrt(n) / SIGNIFICANT
        yield f"half the width of a 95 % interval (SD about {half:.3g})", half


def _large_differences(rows: Sequence[TableRow]) -> Iterator[tuple[int, Finding]]:
    found = {at: d for at, row in enumerate(rows) if (d := _standardised(row.cells)) is not None}
    usual = medians_of_others(rows, [(at, abs(d)) for at, d in found.items()])
    for at, d in found.items():
        row = rows[at]
        if abs(d) > LARGE and abs(d) > 2 * usual[at]:
            as_se = _standardised(row.cells, as_standard_errors=True) or 0.0
            yield (
                at,
                Finding(
                    "large_smd",
                    QUESTION,
                    ("sd_treatment", "sd_control"),
                    f"standardised difference {d:.3g}",
                    "-2 to 2",
                    f"The groups lie {abs(d):.3g} SD apart, which is rare. If the two SDs were "
                    f"standard errors, it would be about {abs(as_se):.2g}",
                    "the SDs are those of single patients",
                ),
            )


def _standardised(cells: Mapping[str, str], as_standard_errors: bool = False) -> float | None:
    """The difference of two means over their pooled SD; None where the row lacks a number."""
    names = [f"{name}_{arm}" for name in ("mean", "sd", "n") for arm in ("treatment", "control")]
    if not all(cells.get(name) for name in names):
        return None
    m1, m2, s1, s2, n1, n2 = (number(cells[name]) for name in names)
    if min(n1, n2) < 2 or min(s1, s2) <= 0:
        return None
    if as_standard_errors:
        s1, s2 = s1 * sqrt(n1), s2 * sqrt(n2)
    return (m1 - m2) / sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / (n1 + n2 - 2))


def check_directions(
    outcomes: Mapping[str, Outcome], displays: Mapping[str, Display]
) -> Iterator[tuple[str, int, Finding]]:
    """Outcomes of scores for which config.yaml does not say which end is better, told at line 1."""
    for name, outcome in outcomes.items():
        measure = outcome.plans[0].model.measure
        if measure in _SCORES and displays[name].direction is None:
            yield (
                outcome.table,
                1,
                Finding(
                    "direction_unstated",
                    INFO,
                    COLUMN_SETS[measure][0][:1],
                    f"outcome {name}",
                    "direction: lower, or direction: higher",
                    f"Which end of the score is better is not stated for {name}, so a scale that "
                    "runs the other way in one study cannot be told",
                ),
            )
