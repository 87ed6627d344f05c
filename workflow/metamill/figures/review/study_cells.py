"""What each study gives to a review: outcomes, how many units, how long it followed them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from metamill.figures.page.text import clean
from metamill.results import Result
from metamill.review_result import ReviewResult


@dataclass(frozen=True)
class Cell:
    """What a study gives for an outcome: its largest row, and whether a row is pooled."""

    size: float | None
    pooled: bool


@dataclass(frozen=True)
class MapStudy:
    study: str
    name: str
    year: int | None
    cells: Mapping[str, Cell]
    months: tuple[float, ...]


def studies_of(results: Sequence[Result], review: ReviewResult) -> tuple[list[MapStudy], list[str]]:
    """Studies with data by year and name, and the names of those without."""
    known = {item.study: (item.label, item.year) for item in review.studies}
    cells: dict[str, dict[str, Cell]] = {study: {} for study in known}
    months: dict[str, set[float]] = {study: set() for study in known}
    for result in results:
        pooled = {effect.row for effect in result.primary.effects}
        for index, row in enumerate(result.rows):
            known.setdefault(row.study, (row.label, _year(row.cells.get("year", ""))))
            own = cells.setdefault(row.study, {})
            before = own.get(result.outcome, Cell(None, False))
            sizes = [size for size in (before.size, row.size) if size is not None]
            own[result.outcome] = Cell(max(sizes, default=None), before.pooled or index in pooled)
            time = _number(row.cells.get("time_months", ""))
            months.setdefault(row.study, set()).update(() if time is None else (time,))
    every = [
        MapStudy(study, clean(name) or study, year, cells[study], tuple(sorted(months[study])))
        for study, (name, year) in known.items()
    ]
    every.sort(key=lambda item: (item.year is None, item.year or 0, item.name, item.study))
    return [s for s in every if s.cells], [s.name for s in every if not s.cells]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and value >= 0 else None


def _year(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
