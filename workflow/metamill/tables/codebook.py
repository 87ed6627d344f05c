"""The columns that metamill knows: their kind, their limits, what they mean.

A column that is not listed is free text: it may be used to select rows or to form subgroups.
"""

from dataclasses import dataclass

COUNT, NUMBER, LEVEL, PROSE = "count", "number", "level", "prose"


@dataclass(frozen=True)
class Column:
    """Kinds: `count` whole number; `number` decimal; `level` tells rows apart; `prose` words."""

    kind: str
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    levels: tuple[str, ...] = ()


def _both(names: str, suffixes: tuple[str, ...], column: Column) -> dict[str, Column]:
    return {f"{name}_{suffix}": column for name in names.split() for suffix in suffixes}


_SIDES = ("pre", "post", "treatment", "control")
_ARMS = ("treatment", "control")
_SIZE = Column(COUNT, "number of units analysed", minimum=1)
_EVENTS = Column(COUNT, "number of units with the event", minimum=0)
_RANDOMISED = Column(COUNT, "number of patients randomised", minimum=1)
_CLUSTERS = Column(COUNT, "number of patients whose units were counted", minimum=1)
_TIME = Column(NUMBER, "time at risk, in one unit of time for the whole table", above=0)
_MEAN = Column(NUMBER, "mean")
_SD = Column(NUMBER, "standard deviation", above=0)
_POINT = Column(NUMBER, "value of the score")
_SPREAD_OF = (*_SIDES, "change", "difference")
_SE = Column(NUMBER, "standard error of the mean, mean change or mean difference", above=0)
_LIMIT = Column(NUMBER, "95 % confidence limit of the mean, mean change or mean difference")
_T = Column(NUMBER, "t of the change (paired) or of the difference (equal variances)")
_P = Column(NUMBER, "exact two-sided p of that t test", above=0, maximum=1)
_PERCENT = Column(NUMBER, "percentage of units with the event, as printed", minimum=0, maximum=100)
_DATE = Column(PROSE, "when a study recruited or last saw a patient, 2013 or 2013-05")

COLUMNS: dict[str, Column] = {
    "study": Column(LEVEL, "id of the study, the same in every table"),
    "label": Column(PROSE, "name of the study in figures"),
    "citation": Column(PROSE, "full reference"),
    "doi": Column(PROSE, "digital object identifier"),
    "country": Column(PROSE, "country or centre"),
    "design": Column(PROSE, "study design"),
    "technique": Column(PROSE, "technique, in words"),
    "year": Column(COUNT, "year of publication", minimum=1900, maximum=2100),
    **dict.fromkeys(("recruitment_start", "recruitment_end"), _DATE),
    "last_follow_up": _DATE,
    "published": Column(
        PROSE, "date of publication, 2013 or 2013-05, where the year is too coarse"
    ),
    "included": Column(
        PROSE, "whether the review includes the study in any outcome", levels=("yes", "no")
    ),
    "cohort": Column(LEVEL, "patients that several publications may share"),
    "arm": Column(LEVEL, "group within the study"),
    "unit": Column(
        LEVEL, "what is counted", levels=("patient", "screw", "vertebra", "segment", "procedure")
    ),
    "events": _EVENTS,
    "total": _SIZE,
    "n": _SIZE,
    "time": _TIME,
    "clusters": _CLUSTERS,
    **_both("clusters", _ARMS, _CLUSTERS),
    **_both("events", _ARMS, _EVENTS),
    **_both("total n", _ARMS, _SIZE),
    **_both("time", _ARMS, _TIME),
    "n_randomised": _RANDOMISED,
    **_both("n_randomised", _ARMS, _RANDOMISED),
    "percent": _PERCENT,
    **_both("percent", _ARMS, _PERCENT),
    "mean": _MEAN,
    "mean_change": Column(NUMBER, "mean change as printed, post minus pre"),
    "sd": _SD,
    "se": _SE,
    **_both("se", _SPREAD_OF, _SE),
    **_both("ci_low ci_high", _SPREAD_OF, _LIMIT),
    **_both("t", ("change", "difference"), _T),
    **_both("p", ("change", "difference"), _P),
    "sd_change": _SD,
    **_both("mean", _SIDES, _MEAN),
    **_both("sd", _SIDES, _SD),
    "correlation": Column(
        NUMBER,
        "correlation of the scores before and after, or of the two variables of COR and ZCOR",
        minimum=-1,
        maximum=1,
    ),
    "yi": Column(NUMBER, "effect on the scale that is pooled"),
    "vi": Column(NUMBER, "sampling variance of the effect", above=0),
    "sei": Column(NUMBER, "standard error of the effect", above=0),
    "estimate": Column(NUMBER, "estimate as printed"),
    "ci_low": Column(NUMBER, "lower 95 % confidence limit as printed"),
    "ci_high": Column(NUMBER, "upper 95 % confidence limit as printed"),
    "ci_level": Column(
        NUMBER, "confidence level of the row's intervals, in per cent", above=50, below=100
    ),
    "scale": Column(LEVEL, "scale of the score, or scale on which an estimate is normal (GEN)"),
    "step": Column(
        NUMBER,
        "smallest difference between two values of one patient; 1 for whole numbers",
        above=0,
    ),
    "items": Column(
        COUNT, "number of answers of which the value of one patient is the mean", minimum=1
    ),
    "time_months": Column(NUMBER, "follow-up in months", minimum=0),
    "min": _POINT,
    "max": _POINT,
    "median": _POINT,
    "q1": _POINT,
    "q3": _POINT,
    **_both("min max median q1 q3", _SIDES, _POINT),
    "value_status": Column(LEVEL, "how the numbers came about"),
    "source": Column(PROSE, "document or page where the numbers were read"),
    "location": Column(PROSE, "line, table or section in the source"),
    "quote": Column(PROSE, "the words of the source"),
    "note": Column(PROSE, "anything that qualifies the numbers"),
}

NOT_IDENTIFYING = ("value_status",)


def is_numeric(name: str) -> bool:
    column = COLUMNS.get(name)
    return column is not None and column.kind in (COUNT, NUMBER)


def identifies(name: str) -> bool:
    """Whether the column tells rows of one study apart: levels, time points, unknown columns."""
    if name in NOT_IDENTIFYING:
        return False
    column = COLUMNS.get(name)
    return column is None or column.kind == LEVEL or name == "time_months"


_SPREAD = ("", "_pre", "_post", "_treatment", "_control")
ORDERED: tuple[tuple[str, str], ...] = (
    ("events", "total"),
    ("events_treatment", "total_treatment"),
    ("events_control", "total_control"),
    ("clusters", "total"),
    ("clusters_treatment", "total_treatment"),
    ("clusters_control", "total_control"),
    ("ci_low", "ci_high"),
    *((f"ci_low_{of}", f"ci_high_{of}") for of in _SPREAD_OF),
    ("ci_low", "estimate"),
    ("estimate", "ci_high"),
    *(
        (f"{low}{s}", f"{high}{s}")
        for s in _SPREAD
        for low, high in (
            *(("min", "max"), ("min", "mean"), ("mean", "max")),
            *(("q1", "q3"), ("q1", "median"), ("median", "q3")),
            *(("min", "median"), ("median", "max"), ("min", "q1"), ("q3", "max")),
        )
    ),
)
"""Pairs of columns of which the first may not be larger than the second; the outer pair first."""
