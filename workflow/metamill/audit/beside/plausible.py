"""Numbers that are possible and look copied, computed or skewed."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from math import log10, pi, sqrt

from metamill.audit.beside.digits import significant_digits as digits
from metamill.audit.beside.scale_limits import beyond_scale
from metamill.audit.finding import INFO, QUESTION, Check, Finding, Group
from metamill.audit.rows import Scale, groups_of
from metamill.audit.summary.other_readings import may_be_changes
from metamill.config.settings import Outcome
from metamill.measures.derive.five_numbers import FEWEST, skewed
from metamill.tables.codebook import COLUMNS, NUMBER
from metamill.tables.derivations import FIVE, QUARTILES, RANGE
from metamill.tables.printed import value
from metamill.tables.table import TableRow, number

CHECKS = (
    Check(
        "computed_number",
        "B12",
        "Numbers with more digits than papers print",
        "12 significant digits or more; or a mean or SD with more than 4 decimals where all "
        "other studies have at most 2",
        "convention of print",
        "a number that was computed or read from data, as the row's value_status should say",
    ),
    Check(
        "identical_groups",
        "B12",
        "Two groups with the same numbers",
        "both arms agree in mean, SD and n, or both time points in mean and SD",
        "Simonsohn 2013, Psychol Sci 24:1875 (similarity of summaries)",
        "few digits; question from 5 significant digits of mean and SD on, info below",
    ),
    Check(
        "repeated_pair",
        "B12",
        "The same means and SDs in two studies",
        "two rows of different studies print the same mean and SD, of one group or of several; "
        "the digits after the first of each of these numbers add up to 3 or more, and to "
        "log10(pairs of groups compared) + 0.5 or more",
        "Simonsohn 2013",
        "chance, in large reviews of short scales; one patient group under two names",
    ),
    Check(
        "equal_sds",
        "B12",
        "All SDs of a study are equal",
        "3 SDs or more in the rows of one study, all printed alike",
        "Simonsohn 2013",
        "one pooled SD printed for every group; SDs of few digits",
    ),
    Check(
        "skewed",
        "B15",
        "A mean and SD of skewed values",
        "(mean - median) / SD beyond 0.2 and beyond 1.48/sqrt(n); quartiles or range that fail "
        "the test of Shi; an SD larger than the way from the mean to the end of the scale",
        "Cochrane Handbook 10.5.3; Shi et al. 2023, Stat Methods Med Res 32:1338",
        "never: it is a description. A mean of skewed values can be pooled in large studies",
    ),
)
FLOATS = 12
"""Significant digits that nobody prints."""
LONG, USUAL = 4, 2
TELLING = 5
"""Significant digits of mean and SD together from which equality is worth a question."""
FEWEST_TELLING = 3
"""Digits after the first of each number that two studies must share to be asked about."""
MARGIN = 0.5
"""How far they must exceed the logarithm of the comparisons, of which each may match by chance."""
FEWEST_SDS = 3
APART = 0.2
CHANCE = 1.96 * sqrt(pi / 2 - 1)
"""Over sqrt(n): how far apart mean and median of n normal values lie in one sample of twenty."""
Pair = tuple[str, str]
"""A mean and its SD as they are printed."""
_COMPUTED = ("yi", "vi", "sei")
_PAIRS = (("_treatment", "_control", "both groups"), ("_pre", "_post", "before and after"))
_SUFFIXES = ("", "_pre", "_post", "_treatment", "_control", "_change")


def check_plausible(cells: Mapping[str, str], scale: Scale, measure: str) -> Iterator[Finding]:
    """One row by itself: digits of a computer, groups that are copies, skewed values."""
    yield from _floats(cells)
    yield from _identical_groups(cells)
    for group in groups_of(cells, scale):
        if not beyond_scale(group):
            yield from _skewed(group)


def _floats(cells: Mapping[str, str]) -> Iterator[Finding]:
    if cells.get("value_status", "reported") not in ("", "reported"):
        return
    for column, cell in cells.items():
        known = COLUMNS.get(column)
        numeric = cell and known is not None and known.kind == NUMBER and column not in _COMPUTED
        if numeric and digits(cell) >= FLOATS:
            yield Finding(
                "computed_number",
                INFO,
                (column,),
                f"{column} {cell}",
                f"fewer than {FLOATS} digits",
                f"{column} has {digits(cell)} digits, as computers write and papers do not. If it "
                "was computed, say so in value_status; if it was printed, type what is printed, "
                "because the checks read its last digit",
            )
            return


def _identical_groups(cells: Mapping[str, str]) -> Iterator[Finding]:
    for one, two, words in _PAIRS:
        names = ["mean", "sd"] if one == "_pre" else ["mean", "sd", "n"]
        printed = [cells.get(f"{name}{one}", "") for name in names]
        if all(printed) and printed == [cells.get(f"{name}{two}", "") for name in names]:
            mean, sd = printed[:2]
            telling = digits(mean) + digits(sd) >= TELLING
            yield Finding(
                "identical_groups",
                QUESTION if telling else INFO,
                tuple(f"{name}{arm}" for name in names[:2] for arm in (one, two)),
                f"{mean} ± {sd} twice",
                "",
                f"The row says {mean} ± {sd} for {words}: by chance, or one of the two was typed "
                "or copied in place of the other",
            )


def _skewed(group: Group) -> Iterator[Finding]:
    cells = {name: cell for name, cell in group.cells.items() if cell}
    mean, sd = cells.get("mean"), cells.get("sd")
    if not mean or not sd or value(sd) <= 0:
        return
    columns = [group.column("mean"), group.column("sd")]
    reasons = []
    if median := cells.get("median"):
        shift = float((value(mean) - value(median)) / value(sd))
        chance = CHANCE / sqrt(int(cells["n"])) if cells.get("n") else 0.0
        if abs(shift) > max(APART, chance):
            columns.append(group.column("median"))
            side = "above" if shift > 0 else "below"
            reasons.append(f"the mean {mean} lies {abs(shift):.2g} SD {side} the median {median}")
    if words := _asymmetric(cells):
        reasons.append(words)
    for end, name in ((group.low, "lowest"), (group.high, "highest")):
        if end is not None and 0 <= abs(value(mean) - end) < value(sd):
            room = float(abs(value(mean) - end))
            scores = ", if these are scores and no changes" if may_be_changes(group) else ""
            reasons.append(
                f"the SD {sd} is larger than the {room:g} between the mean and the {name} value "
                f"({float(end):g}){scores}"
            )
    if reasons:
        yield Finding(
            "skewed",
            INFO,
            tuple(columns),
            f"{mean} ± {sd}",
            "",
            f"The values are skewed: {'; '.join(reasons)}. A mean and an SD then say less than "
            "median and quartiles",
        )


def _asymmetric(cells: Mapping[str, str]) -> str:
    """In words, that quartiles or range are too asymmetric for a normal sample; or ""."""
    if not cells.get("n") or int(cells["n"]) < FEWEST or "median" not in cells:
        return ""
    n = int(cells["n"])
    numbers = [number(cells.get(name, "")) for name in ("min", "q1", "median", "q3", "max")]
    low, q1, median, q3, high = numbers
    if low < high and q1 < q3 and skewed(FIVE, numbers, n):
        return f"range {low:g}, {high:g} and quartiles {q1:g}, {q3:g} around the median {median:g}"
    if not low < high and q1 < q3 and skewed(QUARTILES, numbers, n):
        return f"quartiles {q1:g}, {q3:g} around the median {median:g}"
    if low < high and not q1 < q3 and skewed(RANGE, numbers, n):
        return f"range {low:g}, {high:g} around the median {median:g}"
    return ""


def check_repeated_numbers(
    rows: Sequence[TableRow], outcome: Outcome, scale: Scale
) -> Iterator[tuple[int, Finding]]:
    """Rows against each other: decimals, means and SDs of two studies, equal SDs of a study."""
    yield from _long_decimals(rows)
    yield from _repeated_pairs(rows)
    yield from _equal_sds(rows)


def _decimals(cell: str) -> int:
    exponent = Decimal(cell).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _long_decimals(rows: Sequence[TableRow]) -> Iterator[tuple[int, Finding]]:
    for name in ("mean", "sd"):
        for suffix in _SUFFIXES:
            column = f"{name}{suffix}"
            filled = [(i, row.cells[column]) for i, row in enumerate(rows) if row.cells.get(column)]
            most: dict[str, int] = {}
            for at, cell in filled:
                study = rows[at].cells["study"]
                most[study] = max(most.get(study, 0), _decimals(cell))
            top = sorted(most.values())[-2:]
            for at, cell in filled:
                study = rows[at].cells["study"]
                others = top[0] if most[study] == top[-1] else top[-1]
                usual = others if len(most) > 1 else LONG
                stated = rows[at].cells.get("value_status", "") in ("", "reported")
                if stated and usual <= USUAL and _decimals(cell) > LONG and digits(cell) < FLOATS:
                    yield (
                        at,
                        Finding(
                            "computed_number",
                            INFO,
                            (column,),
                            f"{column} {cell}",
                            f"{usual} decimals in the other studies",
                            f"{column} has {_decimals(cell)} decimals, and no other study has more "
                            f"than {usual}. If it was computed, say so in value_status",
                        ),
                    )


def _repeated_pairs(rows: Sequence[TableRow]) -> Iterator[tuple[int, Finding]]:
    """Rows of two studies that share enough printed means and SDs, each pair of studies once."""
    printed = [_printed_pairs(row.cells) for row in rows]
    needed = max(FEWEST_TELLING, log10(max(_comparisons(rows, printed), 1)) + MARGIN)
    seen: dict[tuple[Pair, ...], int] = {}
    told: set[tuple[str, str]] = set()
    for at, pairs in enumerate(printed):
        study, asked = rows[at].cells["study"], False
        for shared in _subsets(sorted(pairs)):
            if sum(digits(cell) - 1 for pair in shared for cell in pair) < needed:
                continue
            first = rows[seen.setdefault(shared, at)]
            studies = (first.cells["study"], study)
            if asked or first.cells["study"] == study or studies in told:
                continue
            asked = True
            told.add(studies)
            words = " and ".join(f"{mean} ± {sd}" for mean, sd in shared)
            suffixes = [pairs[pair] for pair in shared]
            yield (
                at,
                Finding(
                    "repeated_pair",
                    QUESTION,
                    tuple(f"{name}{suffix}" for suffix in suffixes for name in ("mean", "sd")),
                    words,
                    "",
                    f"{study} and {first.cells['study']} (line {first.line}) both say {words}: by "
                    "chance, one typed in place of the other, or the same patients",
                ),
            )


def _printed_pairs(cells: Mapping[str, str]) -> dict[Pair, str]:
    """Every mean and SD that a row prints of one group, with the group's suffix."""
    found: dict[Pair, str] = {}
    for suffix in _SUFFIXES:
        mean, sd = (cells.get(f"{name}{suffix}", "") for name in ("mean", "sd"))
        if mean and sd:
            found.setdefault((mean, sd), suffix)
    return found


def _comparisons(rows: Sequence[TableRow], printed: Sequence[Mapping[Pair, str]]) -> int:
    """How many pairs of groups of two studies there are, and so chances to agree."""
    of_study: dict[str, int] = {}
    for row, pairs in zip(rows, printed, strict=True):
        of_study[row.cells["study"]] = of_study.get(row.cells["study"], 0) + len(pairs)
    return (sum(of_study.values()) ** 2 - sum(k * k for k in of_study.values())) // 2


def _subsets(pairs: Sequence[Pair]) -> Iterator[tuple[Pair, ...]]:
    """All that another row may share with one, the most first."""
    for size in range(len(pairs), 0, -1):
        yield from combinations(pairs, size)


def _equal_sds(rows: Sequence[TableRow]) -> Iterator[tuple[int, Finding]]:
    of_study: dict[str, list[tuple[int, str, str]]] = {}
    for at, row in enumerate(rows):
        sds = [(at, s, row.cells[f"sd{s}"]) for s in _SUFFIXES if row.cells.get(f"sd{s}")]
        of_study.setdefault(row.cells["study"], []).extend(sds)
    for study, sds in of_study.items():
        if len(sds) >= FEWEST_SDS and len({cell for _, _, cell in sds}) == 1:
            at, suffix, cell = sds[0]
            yield (
                at,
                Finding(
                    "equal_sds",
                    INFO,
                    (f"sd{suffix}",),
                    f"SD {cell}, {len(sds)} times",
                    "",
                    f"All {len(sds)} SDs of {study} are {cell}: one pooled SD, or one "
                    "typed in place of the others",
                ),
            )
