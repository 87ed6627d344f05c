"""Every exploration of one primary analysis, as its settings ask."""

from collections.abc import Mapping
from dataclasses import dataclass

from metamill.config.settings import Outcome
from metamill.estimating import Data
from metamill.explored import Explored
from metamill.results import Analysis
from metamill.tables.selection import Selection


@dataclass(frozen=True)
class Base:
    """A primary analysis and what it was made of.

    `rows` are the positions in the selection of the rows it pools, `cells` their cells and `data`
    their numbers, all in one order. `analyses` are all that were made, the primary one first.
    """

    outcome: Outcome
    selection: Selection
    rows: tuple[int, ...]
    cells: tuple[Mapping[str, str], ...]
    data: Data
    analyses: tuple[Analysis, ...]

    @property
    def primary(self) -> Analysis:
        return self.analyses[0]


def explore(base: Base) -> Explored:
    """What the settings ask for, and what the number of studies allows."""
    return Explored()
