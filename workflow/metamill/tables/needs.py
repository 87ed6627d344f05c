"""What each measure needs from a row, as plain data: importing it costs nothing."""

from collections.abc import Mapping

from metamill.tables.derivations import ALTERNATIVES, open_ways

_PROPORTION = (("events", "total"),)
_CHANGE = (("mean_pre", "sd_pre", "mean_post", "sd_post", "n"),)
_TWO_COUNTS = (("events_treatment", "total_treatment", "events_control", "total_control"),)
_TWO_RATES = (("events_treatment", "time_treatment", "events_control", "time_control"),)
_TWO_MEANS = (
    ("mean_treatment", "sd_treatment", "n_treatment", "mean_control", "sd_control", "n_control"),
)

COLUMN_SETS: dict[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(("PR", "PLN", "PLO", "PAS", "PFT"), _PROPORTION),
    **dict.fromkeys(("IR", "IRLN", "IRS"), (("events", "time"),)),
    "MN": (("mean", "sd", "n"),),
    **dict.fromkeys(("MC", "SMCC", "SMCR"), _CHANGE),
    **dict.fromkeys(("OR", "RR", "RD", "AS"), _TWO_COUNTS),
    **dict.fromkeys(("MD", "SMD", "ROM"), _TWO_MEANS),
    **dict.fromkeys(("IRR", "IRD"), _TWO_RATES),
    **dict.fromkeys(("COR", "ZCOR"), (("correlation", "n"),)),
    "GEN": (("yi", "vi"), ("yi", "sei"), ("estimate", "ci_low", "ci_high", "scale")),
}
"""For each measure the sets of columns of which one must be complete."""


def missing_columns(measure: str, cells: Mapping[str, str]) -> list[str]:
    """The columns a row lacks, of the set that it comes closest to; empty if one is complete.

    A column that another form of the same quantity gives is not lacking. Sets that hold the
    change itself count only for rows that give it.
    """

    def lacking(columns: tuple[str, ...]) -> list[str]:
        gone = [c for c in columns if not cells.get(c) and not any(open_ways(c, cells))]
        return [c for c in gone if not any(open_ways(c, cells, tuple(gone)))]

    found = [lacking(columns) for columns in COLUMN_SETS[measure]]
    for columns in ALTERNATIVES.get(measure, ()):
        change = {"mean_change", "sd_change"}.intersection(columns)
        rest = lacking(columns)
        if not rest or change.difference(rest):
            found.append(rest)
    return min(found, key=len)


WITHIN_PATIENTS = ("screw", "vertebra", "segment")
"""Units of which one patient has several."""


def missing_clusters(measure: str, cells: Mapping[str, str]) -> list[str]:
    """The columns with the number of patients that an intra-class correlation needs."""
    arms = ("_treatment", "_control") if "events_treatment" in COLUMN_SETS[measure][0] else ("",)
    return [f"clusters{arm}" for arm in arms if not cells.get(f"clusters{arm}")]


GENERIC_SCALES: dict[str, tuple[float, float]] = {
    "identity": (float("-inf"), float("inf")),
    "log": (0.0, float("inf")),
    "logit": (0.0, 1.0),
    "cloglog": (0.0, 1.0),
}
"""Scales of measure GEN, and the open range that an estimate and its limits must lie in."""
