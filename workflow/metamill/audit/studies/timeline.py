"""Dates, follow-up and numbers of patients that have to fit each other."""

from collections.abc import Iterator, Mapping, Sequence

from metamill.audit.finding import CONTRADICTION, INFO, QUESTION, Check, Finding
from metamill.audit.rows import Scale
from metamill.audit.studies.dates import COLUMNS, dates_of, months, window
from metamill.config.settings import Outcome
from metamill.tables.extracted import STUDIES
from metamill.tables.pools import apply_plan
from metamill.tables.printed import rounded
from metamill.tables.statements import STATEMENTS
from metamill.tables.table import Table, TableRow, number

CHECKS = (
    Check(
        "more_than_randomised",
        "B11",
        "More analysed than randomised",
        "n (patients) is larger than n_randomised",
        "counting",
        "n_randomised counts something else, such as patients of one centre",
    ),
    Check(
        "follow_up_window",
        "B11",
        "Follow-up longer than the study",
        "a follow-up is longer than the time from the first recruitment to the last follow-up "
        "(or publication), or than 100 years",
        "counting",
        "months that are weeks; follow-up by register before recruitment began",
    ),
    Check(
        "study_dates",
        "B11",
        "Order of a study's dates",
        "recruitment_start, recruitment_end, last_follow_up, published follow each other",
        "counting",
        "a paper published before its final follow-up and corrected later",
    ),
    Check(
        "date_format",
        "B11",
        "Dates that are not read",
        "dates are written 2013 or 2013-05",
        "format of the columns",
        "never: such a date is not used",
    ),
    Check(
        "follow_up_mixed",
        "B11",
        "Short and long follow-up in one pool",
        "the longest time_months of the primary pool is more than 4 times the shortest, or they "
        "lie at 6 or less and at 24 or more",
        "Cochrane Handbook 10.10 (heterogeneity)",
        "an event that happens early or never",
    ),
)
CENTURY = 1200
SHORT, LONG, FACTOR = 6, 24, 4
_SIZES = {
    "": ("n", "total"),
    "_treatment": ("n_treatment", "total_treatment"),
    "_control": ("n_control", "total_control"),
}


def check_timeline(cells: Mapping[str, str], scale: Scale, measure: str) -> Iterator[Finding]:
    """A row joined with its study: numbers analysed and follow-up against what the study says."""
    yield from _randomised(cells)
    yield from _follow_up(cells)


def _randomised(cells: Mapping[str, str]) -> Iterator[Finding]:
    unit = cells.get("unit", "")
    if unit not in ("", "patient"):
        return
    for arm, columns in _SIZES.items():
        limit = cells.get(f"n_randomised{arm}", "")
        if not limit:
            continue
        analysed = {
            column: (cells[column], int(cells[column])) for column in columns if cells.get(column)
        }
        if not arm and not analysed:
            analysed = dict(_both_arms(cells))
        for column, (shown, n) in analysed.items():
            if n > int(limit):
                yield Finding(
                    "more_than_randomised",
                    CONTRADICTION if unit else QUESTION,
                    (column, f"n_randomised{arm}"),
                    f"{column} {shown}",
                    f"at most {limit}",
                    f"{shown} patients are analysed, and only {limit} were randomised",
                    "both numbers count patients" if unit else "the rows count patients",
                )
                break


def _both_arms(cells: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, int]]]:
    for name in ("n", "total"):
        sizes = [cells.get(f"{name}{arm}", "") for arm in ("_treatment", "_control")]
        if all(sizes):
            yield f"{name}_treatment", (" + ".join(sizes), sum(map(int, sizes)))


def _follow_up(cells: Mapping[str, str]) -> Iterator[Finding]:
    allowed, source = CENTURY, "a century"
    months_open = window(cells)
    if months_open is not None and 0 < months_open < CENTURY:
        dates = dates_of(cells)
        end = "last_follow_up" if "last_follow_up" in dates else "published"
        ended = cells.get(end) or cells.get("year", "")
        allowed = months_open
        source = f"the time from {cells['recruitment_start']} to {ended} ({end})"
    for column in _months_columns(cells):
        if rounded(cells[column])[0] > allowed:
            yield Finding(
                "follow_up_window",
                QUESTION,
                (column,),
                f"{column} {cells[column]}",
                f"at most {allowed}",
                f"A follow-up of {cells[column]} months is longer than {source}, "
                f"{allowed} months at most",
                "the follow-up is in months and began after recruitment",
            )
            return


def _months_columns(cells: Mapping[str, str]) -> Iterator[str]:
    """The columns with a follow-up in months, the longest first."""
    quantity = cells.get("quantity", "").casefold()
    if "follow-up" in quantity and "month" in quantity:
        yield from (name for name in ("max", "q3", "mean", "median") if cells.get(name))
    if cells.get("time_months"):
        yield "time_months"


def check_study_dates(
    studies: Table | None, statements: Table | None = None
) -> Iterator[tuple[str, int, Finding]]:
    """The order of each study's dates, and follow-up told in statements.csv against them."""
    about = {row.cells["study"]: row.cells for row in studies.rows} if studies else {}
    for row in studies.rows if studies else ():
        for finding in _dates(row.cells):
            yield STUDIES, row.line, finding
    for row in statements.rows if statements else ():
        dates = {
            name: about.get(row.cells["study"], {}).get(name, "") for name in (*COLUMNS, "year")
        }
        if window(dates) is not None:
            for finding in _follow_up(row.cells | dates):
                yield STATEMENTS, row.line, finding


def _dates(cells: Mapping[str, str]) -> Iterator[Finding]:
    for column in COLUMNS:
        cell = cells.get(column, "")
        if cell and months(cell) is None:
            yield Finding(
                "date_format",
                INFO,
                (column,),
                f"{column} {cell}",
                "2013 or 2013-05",
                f"{column} is not a year or a year with a month, so nothing is compared with it",
            )
    dates = list(dates_of(cells).items())
    for at, (later, after) in enumerate(dates):
        for earlier, before in dates[:at]:
            if before[0] > after[1]:
                column = later if cells.get(later) else "year"
                yield Finding(
                    "study_dates",
                    QUESTION,
                    (earlier, column),
                    f"{earlier} {cells[earlier]}, {column} {cells[column]}",
                    f"{column} not before {earlier}",
                    f"{earlier} ({cells[earlier]}) comes after {column} ({cells[column]})",
                )
                return


def check_follow_up(
    rows: Sequence[TableRow], outcome: Outcome, scale: Scale
) -> Iterator[tuple[int, Finding]]:
    """Follow-up times that lie far apart within the primary pool, told at the longest."""
    used = apply_plan(tuple(rows), outcome.plans[0]).used
    times = {
        at: number(rows[at].cells["time_months"])
        for at in used
        if rows[at].cells.get("time_months")
    }
    if not times:
        return
    first, last = (find(times, key=times.__getitem__) for find in (min, max))
    low, high = times[first], times[last]
    if high > FACTOR * low or (low <= SHORT and high >= LONG):
        ends = [
            f"{rows[at].cells['study']} {rows[at].cells['time_months']}" for at in (first, last)
        ]
        yield (
            last,
            Finding(
                "follow_up_mixed",
                INFO,
                ("time_months",),
                f"{low:g} to {high:g} months",
                "",
                f"The pool of {outcome.name} mixes short and long follow-up: from {ends[0]} to "
                f"{ends[1]} months. "
                "What happens with time is not the same at both ends",
            ),
        )
