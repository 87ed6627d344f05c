"""Months as studies.csv writes them, and which of a study's dates can follow which."""

import re
from collections.abc import Mapping

Months = tuple[int, int]
"""First and last month that a date can mean, counted from the year 0."""

COLUMNS = ("recruitment_start", "recruitment_end", "last_follow_up", "published")
"""In the order in which they happen."""
_DATE = re.compile(r"(1[89][0-9]{2}|2[0-9]{3})(?:-(0[1-9]|1[0-2]))?")


def months(cell: str) -> Months | None:
    """The months that "2013" or "2013-05" can mean; None for anything else."""
    found = _DATE.fullmatch(cell)
    if found is None:
        return None
    january = 12 * int(found[1])
    if found[2] is None:
        return january, january + 11
    month = january + int(found[2]) - 1
    return month, month


def dates_of(cells: Mapping[str, str]) -> dict[str, Months]:
    """The dates of a study that can be read, in the order of time; `year` is a publication too."""
    found = {name: months(cells.get(name, "")) for name in COLUMNS}
    if found["published"] is None:
        found["published"] = months(cells.get("year", ""))
    return {name: date for name, date in found.items() if date is not None}


def window(cells: Mapping[str, str]) -> int | None:
    """The longest follow-up in months that the study's dates allow; None if they leave it open.

    From the first day of the first possible month of recruitment to the last day of the last
    possible month of follow-up, or of publication where that is all that is known.
    """
    dates = dates_of(cells)
    start = dates.get("recruitment_start")
    end = dates.get("last_follow_up") or dates.get("published")
    return end[1] - start[0] + 1 if start and end else None


def overlap_of_recruitment(one: Mapping[str, str], two: Mapping[str, str]) -> bool:
    """Whether both studies say when they recruited, and surely did so at the same time."""
    spans = []
    for cells in (one, two):
        dates = dates_of(cells)
        if not {"recruitment_start", "recruitment_end"} <= dates.keys():
            return False
        spans.append((dates["recruitment_start"][1], dates["recruitment_end"][0]))
    return max(start for start, _ in spans) <= min(end for _, end in spans)
