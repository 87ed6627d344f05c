"""What each measure needs from a row, as plain data: importing it costs nothing."""

from collections.abc import Mapping

_PROPORTION = (("events", "total"),)
_CHANGE = (("mean_pre", "sd_pre", "mean_post", "sd_post", "n"),)
_TWO_COUNTS = (("events_treatment", "total_treatment", "events_control", "total_control"),)
_TWO_MEANS = (
    ("mean_treatment", "sd_treatment", "n_treatment", "mean_control", "sd_control", "n_control"),
)

COLUMN_SETS: dict[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(("PR", "PLN", "PLO", "PAS", "PFT"), _PROPORTION),
    "IRLN": (("events", "time"),),
    **dict.fromkeys(("MC", "SMCC", "SMCR"), _CHANGE),
    **dict.fromkeys(("OR", "RR", "RD"), _TWO_COUNTS),
    **dict.fromkeys(("MD", "SMD"), _TWO_MEANS),
    "GEN": (("yi", "vi"), ("yi", "sei"), ("estimate", "ci_low", "ci_high", "scale")),
}
"""For each measure the sets of columns of which one must be complete."""


def missing_columns(measure: str, cells: Mapping[str, str]) -> list[str]:
    """The columns a row lacks, of the set that it comes closest to; empty if one is complete."""
    lacking = [
        [column for column in columns if not cells.get(column)] for columns in COLUMN_SETS[measure]
    ]
    return min(lacking, key=len)


GENERIC_SCALES: dict[str, tuple[float, float]] = {
    "identity": (float("-inf"), float("inf")),
    "log": (0.0, float("inf")),
    "logit": (0.0, 1.0),
    "cloglog": (0.0, 1.0),
}
"""Scales of measure GEN, and the open range that an estimate and its limits must lie in."""
