"""What the explorations of one outcome found, as it stands in result.json."""

from dataclasses import dataclass

from metamill.explored.flips import Robustness
from metamill.explored.gosh import Gosh
from metamill.explored.multiverse import Multiverse
from metamill.explored.outliers import Outliers
from metamill.explored.small_study import SmallStudyEffects


@dataclass(frozen=True)
class Explored:
    """The explorations of a primary analysis; None where one was not asked for or not possible."""

    robustness: Robustness | None = None
    multiverse: Multiverse | None = None
    outliers: Outliers | None = None
    gosh: Gosh | None = None
    small_study: SmallStudyEffects | None = None
