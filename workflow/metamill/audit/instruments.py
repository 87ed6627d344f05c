"""Can the instrument give the numbers that a row prints? (B6)"""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from metamill.audit.finding import IMPOSSIBLE, INFO, QUESTION, Check, Finding, Group
from metamill.audit.rows import Scale, groups_of
from metamill.config.instruments import INSTRUMENTS, Instrument
from metamill.tables.printed import Interval, rounded, value

CHECKS = (
    Check(
        "outside_scale",
        "B6",
        "Value outside the scale",
        "a mean, median, quartile or end of a range lies between the ends of the scale",
        "definition of the instrument, or scale.min and scale.max of config.yaml",
        "the scale is another one than config.yaml says, or a change is printed and not a score",
    ),
    Check(
        "unattainable_score",
        "B6",
        "Score that no patient can have",
        "the lowest, highest and (odd n) middle value is a score that the instrument gives",
        "scoring of the instrument, named in each finding",
        "half points, scores averaged over visits or sides, another way of scoring missing answers",
    ),
    Check(
        "percent_scale",
        "B6",
        "Points or per cent",
        "a value above half the length of the longer scale shows that it is the longer one",
        "definition of the instrument",
        "patients with little disability, whose scores in per cent are all below 50",
    ),
)
_PLACED = ("min", "q1", "median", "q3", "max", "mean")
_SCORES = ("_pre", "_post")
"""Sides on which only a score can stand; elsewhere it may be a mean change."""


def check_instruments(cells: Mapping[str, str], scale: Scale, measure: str) -> Iterator[Finding]:
    """Values outside the scale, scores that nobody can have, points taken for per cent."""
    known = INSTRUMENTS.get(scale.instrument)
    groups = list(groups_of(cells, scale))
    for group in groups:
        yield from _outside(group, scale)
    change = cells.get("mean_change", "")
    if change and scale.low is not None and scale.high is not None:
        widest = scale.high - scale.low
        if _apart(rounded(change), (-widest, widest)):
            yield Finding(
                "outside_scale",
                IMPOSSIBLE,
                ("mean_change",),
                f"mean_change {change}",
                f"between {-widest} and {widest}",
                f"A score that runs from {scale.low} to {scale.high} changes by at most {widest}; "
                f"a mean change of {change} is printed",
                "the scale is the one that is named for the numbers",
            )
    for group in groups:
        yield from _unattainable(group, scale, known)
    if known is not None and groups:
        yield from _points_or_percent(groups, scale.instrument, known)


def _apart(one: Interval, two: Interval) -> bool:
    return one[1] < two[0] or two[1] < one[0]


def _outside(group: Group, scale: Scale) -> Iterator[Finding]:
    low, high = scale.low, scale.high
    for name in _PLACED:
        cell = group.cells.get(name, "")
        if not cell:
            continue
        smallest, largest = rounded(cell)
        below = low is not None and largest < low
        if not below and not (high is not None and smallest > high):
            continue
        column = group.column(name)
        change = below and group.suffix not in _SCORES
        if change and low is not None and high is not None:
            change = largest >= low - high
        words = f"The scale {_ends(low, high)}; {column} is printed as {cell}"
        known = INSTRUMENTS.get(scale.instrument)
        if not below and known is not None and known.longer:
            longer = INSTRUMENTS[known.longer]
            if smallest <= longer.high:
                words += f". It would fit {longer.name}, which ends at {longer.high}"
        elif change:
            words += ". It would fit a mean change, which is no score"
        yield Finding(
            "outside_scale",
            QUESTION if change else IMPOSSIBLE,
            (column,),
            f"{column} {cell}",
            f"at least {low}" if below else f"at most {high}",
            words,
            "the scale is the one that is named for the numbers",
        )


def _ends(low: Fraction | None, high: Fraction | None) -> str:
    if low is None:
        return f"ends at {high}"
    return f"begins at {low}" if high is None else f"runs from {low} to {high}"


def _unattainable(group: Group, scale: Scale, known: Instrument | None) -> Iterator[Finding]:
    n = group.cells.get("n", "")
    # With a step of the reviewer's own the median is held against it by audit/summary/grim.py.
    odd = bool(n) and int(value(n)) % 2 == 1 and scale.step is None
    middle = ("median",) if odd else ()
    for name in ("min", *middle, "max"):
        cell = group.cells.get(name, "")
        if not cell:
            continue
        smallest, largest = rounded(cell)
        column = group.column(name)
        if known is not None and known.sections:
            yield from _by_sections(column, cell, known)
            continue
        origin, step = Fraction(0), scale.step
        if step is None and known is not None:
            origin, step = known.low, known.step
        if step is None:
            continue
        step /= scale.items
        if -(-(smallest - origin) // step) > (largest - origin) // step:
            below = (smallest - origin) // step * step + origin
            whose = known.name if known is not None else "the score"
            yield Finding(
                "unattainable_score",
                QUESTION,
                (column,),
                f"{column} {cell}",
                f"{_plain(below)} or {_plain(below + step)}",
                f"Values of {whose} go in steps of {_plain(step)}: {_plain(below)} and "
                f"{_plain(below + step)} are possible, and {cell} is printed for one patient",
                "each value is that of one patient at one visit",
            )


def _by_sections(column: str, cell: str, known: Instrument) -> Iterator[Finding]:
    smallest, largest = rounded(cell)
    if smallest > known.high or largest < known.low:
        return
    answers = known.answers(smallest, largest)
    if known.sections in answers:
        return
    unit = known.high / (known.points * known.sections)
    below = smallest // unit * unit
    near = f"{_plain(below)} and {_plain(below + unit)} with all {known.sections} sections answered"
    rule = f"{_plain(known.high)} k / ({known.points} m), k points from m answered sections"
    if answers:
        listed = " or ".join(map(str, reversed(answers)))
        words = f"{cell} takes a patient who answered {listed} of {known.sections} sections"
        level, allowed = INFO, f"{listed} sections answered"
    else:
        words = f"{cell} is not among them for any m up to {known.sections}"
        level, allowed = QUESTION, near
    yield Finding(
        "unattainable_score",
        level,
        (column,),
        f"{column} {cell}",
        allowed,
        f"Scores of {known.name} are {rule} ({known.source}); {words}; near it are {near}",
        "each value is that of one patient at one visit, scored by whole points",
    )


def _points_or_percent(groups: list[Group], name: str, known: Instrument) -> Iterator[Finding]:
    """V14: what a row says on whether a score of points was printed in per cent."""
    shorter = next((k for k in INSTRUMENTS.values() if k.longer == name and known.sections), None)
    if shorter is None:
        return
    columns: list[str] = []
    for group in groups:
        reach, of = _reach(group)
        if reach > shorter.high:
            return
        columns += [group.column(column) for column in of]
    if not columns:
        return
    ends = [group for group in groups if group.cells.get("max")]
    yield Finding(
        "percent_scale",
        QUESTION if len(ends) == len(groups) else INFO,
        tuple(columns),
        ", ".join(columns),
        f"a value above {shorter.high} would show per cent",
        f"Nothing that is printed lies above {shorter.high}, so that the numbers fit "
        f"{shorter.name}, as well as {known.name}: the source should say which",
        "",
    )


def _reach(group: Group) -> tuple[Fraction, tuple[str, ...]]:
    """A value that some patient reaches for certain, and the columns that say so.

    The largest of n values is at least mean + SD / sqrt(n): n - 1 values lie that far above the
    mean where one alone lies below it, and in any other arrangement one lies farther.
    """
    reach, of = Fraction(-1), []
    for name in _PLACED:
        cell = group.cells.get(name, "")
        if cell:
            reach = max(reach, rounded(cell)[0])
            of.append(name)
    n, mean, sd = (group.cells.get(name, "") for name in ("n", "mean", "sd"))
    if n and mean and sd:
        above = rounded(sd)[0] / Fraction(int(value(n)) ** 0.5).limit_denominator(10**6)
        reach = max(reach, rounded(mean)[0] + above)
    return reach, tuple(of)


def _plain(x: Fraction) -> str:
    return f"{float(x):.4g}"
