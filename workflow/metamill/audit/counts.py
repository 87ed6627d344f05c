"""Do counts and percentages agree, and out of which total? (B7)"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from math import lcm

from metamill.audit.finding import CONTRADICTION, IMPOSSIBLE, INFO, QUESTION, Check, Finding
from metamill.audit.rows import Scale
from metamill.config.settings import Outcome
from metamill.measures.derive.printed import one_unit_off, without_zeros
from metamill.tables.codebook import identifies
from metamill.tables.pools import apply_plan
from metamill.tables.printed import Interval, rounded, truncated, unit, value
from metamill.tables.table import TableRow

CHECKS = (
    Check(
        "percent_count",
        "B7",
        "Percentage against its count",
        "100 x events / total rounds to the printed percentage",
        "arithmetic; a percentage stands for half a unit of its last digit either way",
        "weighted or adjusted percentages, or a percentage out of another total than the row's; a "
        "question where digits were cut off, zeros added, or it is less than one unit away",
    ),
    Check(
        "percent_without_count",
        "B7",
        "Percentage that no count gives",
        "some whole number of events out of the total rounds to the printed percentage",
        "arithmetic, as GRIM for a yes or no (Brown and Heathers, 2017)",
        "weighted percentages, Kaplan-Meier percentages, units without a value left out of the "
        "total",
    ),
    Check(
        "same_events",
        "B7",
        "The same events out of two totals",
        "two rows of one study and arm with equal events have equal totals",
        "arithmetic; which of the totals was examined is for the reader to decide",
        "different patients or time points that happen to have as many events",
    ),
)
ARMS = ("", "_treatment", "_control")
_TOTALS = tuple(f"{name}{arm}" for arm in ARMS for name in ("total", "n", "clusters"))
_WEIGHTS = "every unit counts once, and the percentage is out of this total"
_SHARE = ("percent", "events", "total")
_COMPARED = 10
"""Earlier rows with the same events that a row is compared with."""
_SEARCHED = 2000


def check_counts(cells: Mapping[str, str], scale: Scale, measure: str) -> Iterator[Finding]:
    """Percentages against the counts and totals of their row, arm by arm."""
    for arm in ARMS:
        percent, total = cells.get(f"percent{arm}", ""), cells.get(f"total{arm}", "")
        events = cells.get(f"events{arm}", "")
        if percent and total and events:
            yield from _with_events(cells, arm, percent, int(events), int(total))
        elif percent and total:
            yield from _without_events(cells, arm, percent, int(total))


def percent_of(events: int, total: int, interval: Interval) -> bool:
    """Whether `events` of `total` make a percentage within the interval."""
    low, high = interval
    return low <= Fraction(100 * events, total) <= high


def counts_within(total: int, interval: Interval) -> range:
    """All counts out of `total` whose percentage lies within the interval."""
    low, high = (end * total / 100 for end in interval)
    return range(max(0, -(-low // 1)), min(total, high // 1) + 1)


def totals_of(events: int, interval: Interval) -> tuple[int, int | None] | None:
    """The smallest and largest total of which `events` make a percentage within the interval.

    None if there is none; a largest total of None where the interval reaches to zero.
    """
    low, high = interval
    if events == 0 or high <= 0:
        return None
    smallest = max(events, -(-100 * events // high))
    largest = 100 * events // low if low > 0 else None
    return None if largest is not None and largest < smallest else (int(smallest), largest)


def _with_events(
    cells: Mapping[str, str], arm: str, percent: str, events: int, total: int
) -> Iterator[Finding]:
    if percent_of(events, total, rounded(percent)):
        return
    share = Fraction(100 * events, total)
    columns = (f"percent{arm}", f"events{arm}", f"total{arm}")
    words = [f"{events} of {total} is {_percent(share)} %; {percent} % is printed"]
    mend = _mended(percent, share)
    level = QUESTION if mend else CONTRADICTION
    if mend:
        words.append(mend)
    if _exchanged(cells, arm):
        words.append("each percentage fits the other arm's count: the two are exchanged")
    elif mend:
        pass
    elif percent_of(events, total, _hundredfold(percent)):
        words.append("it fits as a proportion that was taken for a percentage")
    elif value(percent) == events and counts_within(total, rounded(percent)):
        count = counts_within(total, rounded(percent))[0]
        words.append(
            f"{percent} stands in both cells, and {count} of {total} would print as {percent} %: "
            "the percentage may have been taken for the count"
        )
    elif others := _other_totals(cells, columns[2], events, percent):
        words.append(f"it fits {events} of {others}")
    totals = totals_of(events, rounded(percent))
    if totals is not None and level == CONTRADICTION:
        words.append(f"{events} print as {percent} % out of {span(totals)}")
    yield Finding(
        "percent_count",
        level,
        columns,
        f"{columns[0]} {percent}",
        f"{_percent(share)} ({events} of {total})",
        "; ".join(words),
        _WEIGHTS,
    )


def _mended(percent: str, share: Fraction) -> str:
    """How a share, in per cent, may have been printed as a percentage that it does not round to."""
    low, high = truncated(percent)
    if low <= share <= high:
        return "it fits where further digits are cut off instead of rounded"
    low, high = without_zeros(percent)
    if low <= share <= high:
        return f"it fits as {_percent(value(percent))} %, where zeros were added at the end"
    if one_unit_off(percent, share):
        return (
            "it is less than one unit of the last digit away, as are percentages that were made to "
            "add up to 100"
        )
    return ""


def _exchanged(cells: Mapping[str, str], arm: str) -> bool:
    """Whether the percentages of two arms fit each other's counts."""
    if not arm or not all(cells.get(f"{name}{x}") for name in _SHARE for x in ARMS[1:]):
        return False
    return all(
        percent_of(int(cells[f"events{one}"]), int(cells[f"total{one}"]), rounded(percent))
        for one, two in (ARMS[1:], ARMS[:0:-1])
        for percent in (cells[f"percent{two}"],)
    )


def _without_events(
    cells: Mapping[str, str], arm: str, percent: str, total: int
) -> Iterator[Finding]:
    if counts_within(total, rounded(percent)):
        return
    columns = (f"percent{arm}", f"total{arm}")
    below = int(value(percent) * total / 100)
    words = [f"No whole number of {total} is {percent} %"]
    words += [
        f"{k} of {total} is {_percent(Fraction(100 * k, total))} %"
        for k in (below, below + 1)
        if k <= total
    ]
    level = IMPOSSIBLE
    if mends := _mends_of_total(percent, total):
        level = QUESTION
        words.append(mends)
    elif as_share := counts_within(total, _hundredfold(percent)):
        words.append(f"as a proportion taken for a percentage it fits {as_share[0]} of {total}")
    near = _fitting_totals(percent, total)
    words.append(f"the nearest totals that fit are {', '.join(map(str, near))}")
    yield Finding(
        "percent_without_count",
        level,
        columns,
        f"{columns[0]} {percent}",
        f"totals such as {', '.join(map(str, near))}",
        "; ".join(words),
        _WEIGHTS,
    )


def _mends_of_total(percent: str, total: int) -> str:
    """The first count whose share may have been printed as a percentage by another habit."""
    step = unit(percent)
    low, high = without_zeros(percent)
    wide = min(low, value(percent) - step), max(high, value(percent) + step)
    for count in counts_within(total, wide):
        if mend := _mended(percent, Fraction(100 * count, total)):
            return f"for {count} of {total} {mend}"
    return ""


def _fitting_totals(percent: str, total: int) -> list[int]:
    """The two nearest totals on either side in which some count prints as the percentage.

    Every total above 100 units of the last digit fits; the search ends where it costs time.
    """
    low, high = rounded(percent)
    parts = lcm(low.denominator, high.denominator)
    least, most, hundred = int(low * parts), int(high * parts), 100 * parts

    def fits(n: int) -> bool:
        """Whether some count of n lies within the interval, in whole numbers for speed."""
        return max(0, -(-least * n // hundred)) <= min(n, most * n // hundred)

    def fitting(totals: range) -> list[int]:
        return list(islice(filter(fits, totals), 2))

    below = fitting(range(total - 1, max(0, total - _SEARCHED), -1))
    return below[::-1] + fitting(range(total + 1, total + _SEARCHED))


def _hundredfold(percent: str) -> Interval:
    low, high = rounded(percent)
    return 100 * low, 100 * high


def _other_totals(cells: Mapping[str, str], own: str, events: int, percent: str) -> str:
    """Other totals of the row out of which the percentage would be right."""
    fitting = [
        f"{cells[name]} ({name})"
        for name in _TOTALS
        if name != own and cells.get(name) and int(cells[name]) > 0
        if percent_of(events, int(cells[name]), rounded(percent))
    ]
    return " or ".join(fitting)


def span(totals: tuple[int, int | None]) -> str:
    """Totals in words: "80 to 133", "30", "200 or more"."""
    smallest, largest = totals
    if largest is None:
        return f"{smallest} or more"
    return f"{smallest}" if smallest == largest else f"{smallest} to {largest}"


def _percent(share: Fraction) -> str:
    return f"{float(share):.4g}"


def check_same_events(
    rows: Sequence[TableRow], outcome: Outcome, scale: Scale
) -> Iterator[tuple[int, Finding]]:
    """Rows of one study and arm that an outcome selects: equal events out of two totals (V33).

    A question, unless config.yaml leaves out one of the rows with a reason.
    """
    plan = replace(outcome.plans[0], held=())
    left_out = dict(apply_plan(tuple(rows), plan).left_out)
    seen: dict[tuple[str, ...], list[int]] = {}
    for at, row in enumerate(rows):
        for arm in ARMS:
            events = row.cells.get(f"events{arm}", "")
            if not events or not row.cells.get(f"total{arm}") or int(events) == 0:
                continue
            key = (row.cells["study"], row.cells.get("arm", ""), arm, str(int(events)))
            alike = seen.setdefault(key, [])
            for before in alike[:_COMPARED]:
                if _other_total(rows[before].cells, row.cells, arm):
                    reasons = (left_out.get(before), left_out.get(at))
                    yield at, _two_totals(rows[before], row, arm, reasons)
            alike.append(at)


def _other_total(one: Mapping[str, str], two: Mapping[str, str], arm: str) -> bool:
    """Whether rows with the same events have two totals and are told apart by one column."""
    total = f"total{arm}"
    known = {name for name in (*one, *two) if identifies(name)}
    apart = [name for name in known if one.get(name, "") != two.get(name, "")]
    return len(apart) == 1 and int(one[total]) != int(two[total])


def _two_totals(
    earlier: TableRow, row: TableRow, arm: str, reasons: tuple[str | None, str | None]
) -> Finding:
    """`reasons` say why config.yaml leaves out either row, None where it is pooled."""
    events, total = f"events{arm}", f"total{arm}"
    one, two = (f"{cells[events]}/{cells[total]}" for cells in (earlier.cells, row.cells))
    first, second = reasons
    if first is None and second is None:
        fate = "one of them has to be chosen. The primary analysis pools both"
    elif first is None or second is None:
        chosen, other = (one, two) if first is None else (two, one)
        fate = f"config.yaml chooses {chosen} and leaves out {other} ({first or second})"
    else:
        fate = f"config.yaml leaves out both, {one} ({first}) and {two} ({second})"
    shares = " and ".join(
        f"{_percent(Fraction(100 * int(cells[events]), int(cells[total])))} %"
        for cells in (earlier.cells, row.cells)
    )
    return Finding(
        "same_events",
        QUESTION if first is None and second is None else INFO,
        (total, events),
        f"{two}, and {one} in line {earlier.line}",
        "one total, chosen in config.yaml",
        f"The same {row.cells[events]} events are given out of two totals, {shares}; {fate}",
        "the rows count the same events",
    )
