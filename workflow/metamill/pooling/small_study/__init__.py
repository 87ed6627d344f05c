"""Small-study effects: tests of funnel-plot asymmetry, and estimates that allow for them.

Everything here takes effects y and sampling variances v, each (k,), or counts, and knows nothing
of which test suits which measure; `exploring.small_study` does.
"""

from metamill.pooling.small_study.asymmetry import (
    Asymmetry,
    arcsine,
    harbord,
    line,
    mixed_line,
    peters,
)
from metamill.pooling.small_study.fail_safe import orwin, rosenberg, rosenthal
from metamill.pooling.small_study.limit import limit_estimate
from metamill.pooling.small_study.precision import (
    PrecisionEstimate,
    chooses_peese,
    precision_estimate,
)
from metamill.pooling.small_study.rank import RankTest, rank_test
from metamill.pooling.small_study.selection import SelectionFit, step_selection
from metamill.pooling.small_study.trim_and_fill import TrimAndFill, trim_and_fill

__all__ = [
    "Asymmetry",
    "PrecisionEstimate",
    "RankTest",
    "SelectionFit",
    "TrimAndFill",
    "arcsine",
    "chooses_peese",
    "harbord",
    "limit_estimate",
    "line",
    "mixed_line",
    "orwin",
    "peters",
    "precision_estimate",
    "rank_test",
    "rosenberg",
    "rosenthal",
    "step_selection",
    "trim_and_fill",
]
