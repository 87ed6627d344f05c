"""The one result object: everything that figures, tables and text may say about an outcome.

`result.json` is this object, and nothing downstream computes a statistic: a number that is
printed anywhere is read from here. Effects carry 12 significant digits and pooled numbers 10,
which is what every processor agrees on; what does not exist is null, with a reason among the
notes.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from metamill.decoding import decoded
from metamill.explored import Explored
from metamill.explored.common import LeftOut, Test
from metamill.explored.refits import Refit
from metamill.explored.regression import Regression
from metamill.explored.subgroups import SubgroupTest
from metamill.files import SIGNIFICANT_TABLE, csv_text, json_text, rounded, write_text
from metamill.tables.assessments import Assessment

FORMAT = "metamill-result/2"


@dataclass(frozen=True)
class StudyRow:
    """One row of the extracted table that the outcome selected.

    `cells` holds the row as printed in the table (text by column) with the study's own columns
    joined; `events` and `size` are what the row adds to the totals (None where it has none).
    """

    study: str
    label: str
    line: int
    cells: dict[str, str]
    events: float | None = None
    size: float | None = None


@dataclass(frozen=True)
class Effect:
    """One study in one analysis.

    `row` indexes the result's rows; yi and vi are on the model scale, estimate and its limits on
    the natural scale; `weight` is in per cent. `flags` name what was done to the row
    (for example "continuity correction", "assumed r = 0.5").
    """

    row: int
    yi: float
    vi: float
    estimate: float
    ci_low: float
    ci_high: float
    weight: float | None
    events: float | None = None
    size: float | None = None
    posterior: float | None = None
    posterior_low: float | None = None
    posterior_high: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Beyond:
    """The probability that a new study's true value lies above a threshold (natural scale)."""

    threshold: float
    above: float


@dataclass(frozen=True)
class Quantity:
    """A number with its interval that only some models have, under its name.

    `scale` says where it lives: "natural" as the estimate, "model" as mu, "percent" as I2.
    """

    name: str
    scale: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Pooled:
    """The pooled numbers of one analysis; fields are columns of summary.csv.

    estimate, ci_*, pi_* are on the natural scale, mu, se, mu_* on the model scale; i2* in per
    cent. I2 and H2 are defined by tau2 and the typical sampling variance, i2_q* and h2_q* by Q.
    `marginal` is the mean proportion of a GLMM, beside its median `estimate`. `q_test` names the
    heterogeneity test. `weights` says what the weights are: "inverse variance", "approximate"
    (the information of each study in a GLMM) and others. `interval` is "confidence" or
    "credible". `pooled` is False where the numbers are one study's or an exact limit.
    `pi_doubtful` marks a prediction interval from fewer than five studies. `tests` and `also` are
    what only some models have;
    `policy` says what this number of studies allows.
    """

    k: int
    n: float | None = None
    events: float | None = None
    pooled: bool = True
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    pi_low: float | None = None
    pi_high: float | None = None
    pi_doubtful: bool = False
    p_value: float | None = None
    mu: float | None = None
    se: float | None = None
    mu_low: float | None = None
    mu_high: float | None = None
    tau2: float | None = None
    tau2_low: float | None = None
    tau2_high: float | None = None
    tau: float | None = None
    i2: float | None = None
    i2_low: float | None = None
    i2_high: float | None = None
    h2: float | None = None
    h2_low: float | None = None
    h2_high: float | None = None
    i2_q: float | None = None
    i2_q_low: float | None = None
    i2_q_high: float | None = None
    h2_q: float | None = None
    h2_q_low: float | None = None
    h2_q_high: float | None = None
    q: float | None = None
    q_df: int | None = None
    q_p: float | None = None
    q_test: str = "Q"
    marginal: float | None = None
    marginal_low: float | None = None
    marginal_high: float | None = None
    interval: str = "confidence"
    weights: str = "inverse variance"
    tests: tuple[Test, ...] = ()
    beyond: tuple[Beyond, ...] = ()
    also: tuple[Quantity, ...] = ()
    policy: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Analysis:
    """One way of pooling an outcome.

    `name` is "primary", "subgroup:<column>=<level>", "sensitivity:<name>" or "companion:<name>";
    `settings` are the resolved model settings (the fields of config.settings.Model). `measure` is
    what it pools, where that is not the outcome's measure. `totals` are the sums of the columns
    that count events, units or time, over the rows it uses. `common_tau2` marks a subgroup that
    has one tau2 with the other levels of its column.
    """

    name: str
    settings: dict[str, Any]
    effects: tuple[Effect, ...]
    pooled: Pooled
    left_out: tuple[LeftOut, ...] = ()
    measure: "MeasureText | None" = None
    totals: dict[str, float] = field(default_factory=dict)
    common_tau2: bool = False


@dataclass(frozen=True)
class Derived:
    """One number that a row does not print and that was computed from others it prints."""

    row: int
    column: str
    value: float
    how: str


@dataclass(frozen=True)
class AuditNote:
    """What a check says of a row: its code and level (see docs/audit), the arithmetic in words.

    `held_out` says that the audit keeps the row out of the primary analysis, `accepted` the reason
    with which config.yaml takes it all the same.
    """

    row: int
    check: str
    level: str
    words: str
    held_out: bool = False
    accepted: str = ""


@dataclass(frozen=True)
class MeasureText:
    """What a reader must know of the measure to draw or word it.

    `null` is on the natural scale, None where no value means "no effect".
    """

    code: str
    name: str
    natural: str
    family: str
    null: float | None
    log_axis: bool


@dataclass(frozen=True)
class Result:
    """Everything computed for one outcome; see the field types.

    `bias` are the assessments of the studies of `rows`, each study once, those made for this
    outcome before those made for all.
    """

    outcome: str
    table: str
    unit: str | None
    measure: MeasureText
    settings: dict[str, Any]
    rows: tuple[StudyRow, ...]
    analyses: tuple[Analysis, ...]
    subgroup_tests: tuple[SubgroupTest, ...] = ()
    leave_one_out: tuple[Refit, ...] = ()
    leave_cohort_out: tuple[Refit, ...] = ()
    cumulative: tuple[Refit, ...] = ()
    regressions: tuple[Regression, ...] = ()
    explored: Explored = field(default_factory=Explored)
    derived: tuple[Derived, ...] = ()
    audit: tuple[AuditNote, ...] = ()
    not_reported: tuple[str, ...] = ()
    bias: tuple[Assessment, ...] = ()
    digests: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def primary(self) -> Analysis:
        return self.analyses[0]

    def subgroups(self, column: str) -> tuple[Analysis, ...]:
        return tuple(a for a in self.analyses if a.name.startswith(f"subgroup:{column}="))


def held_effects(result: Result) -> dict[int, Effect]:
    """The effects, as printed, of the rows that the audit holds out of the primary analysis.

    Each is that of the first analysis of the same measure that pools the row.
    """
    held = {note.row for note in result.audit if note.held_out}
    found: dict[int, Effect] = {}
    for analysis in result.analyses:
        for effect in analysis.effects if analysis.measure is None else ():
            if effect.row in held:
                found.setdefault(effect.row, effect)
    return found


def write(result: Result, path: Path) -> None:
    content = {"format": FORMAT} | asdict(result)
    for analysis in content["analyses"]:
        analysis["pooled"] = rounded(analysis["pooled"], SIGNIFICANT_TABLE)
    for refits in ("leave_one_out", "leave_cohort_out", "cumulative", "regressions", "explored"):
        content[refits] = rounded(content[refits], SIGNIFICANT_TABLE)
    write_text(path, json_text(content))


def read(path: Path) -> Result:
    """Read a result.json. Raises ValueError if it is not one of this format."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or raw.pop("format", None) != FORMAT:
        raise ValueError(f"{path}: not a {FORMAT} file")
    result: Result = decoded(Result, raw)
    return result


SUMMARY_COLUMNS = (
    "outcome,analysis,measure,unit,method,test,k,n,events,estimate,ci_low,ci_high,pi_low,pi_high,"
    "p_value,mu,se,mu_low,mu_high,tau2,tau2_low,tau2_high,tau,i2,i2_low,i2_high,h2,q,q_df,q_p,note"
).split(",")

_POOLED_COLUMNS = tuple(f.name for f in fields(Pooled) if f.name in SUMMARY_COLUMNS)


def summary_rows(result: Result) -> list[dict[str, Any]]:
    """One row of summary.csv per analysis."""
    return [
        {
            "outcome": result.outcome,
            "analysis": analysis.name,
            "unit": result.unit or "",
            "note": "; ".join((*analysis.pooled.notes, *_absent(result, analysis))),
            **{key: analysis.settings[key] for key in ("measure", "method", "test")},
            **{column: getattr(analysis.pooled, column) for column in _POOLED_COLUMNS},
        }
        for analysis in result.analyses
    ]


def _absent(result: Result, analysis: Analysis) -> list[str]:
    """Why cells are empty that no note of the analysis explains."""
    pooled, measure = analysis.pooled, result.measure
    reasons = []
    if pooled.pooled and pooled.p_value is None and measure.null is None:
        what = "a reported effect" if measure.family == "generic" else "one group"
        reasons.append(f"no p value: {what} has no known value of no effect")
    if pooled.pooled and not analysis.settings["prediction"]:
        reasons.append("no prediction interval: not asked for")
    if pooled.n is None and pooled.k:
        reasons.append("no n: time or effects are pooled, not units")
    if pooled.events is None and pooled.k:
        reasons.append("no events: this measure counts none")
    return reasons


EFFECT_COLUMNS = "study,label,line,used,yi,vi,estimate,ci_low,ci_high,weight,flags".split(",")


def effects_csv(result: Result) -> str:
    """effects.csv: every selected row, pooled or not, as the primary analysis has it."""
    used = {effect.row: effect for effect in result.primary.effects}
    reasons = {item.row: item.reason for item in result.primary.left_out}
    rows = []
    for index, row in enumerate(result.rows):
        line: dict[str, Any] = {"study": row.study, "label": row.label, "line": row.line}
        if index in used:
            effect = used[index]
            line |= {name: getattr(effect, name) for name in EFFECT_COLUMNS[4:-1]}
            line |= {"used": True, "flags": "; ".join(effect.flags)}
        else:
            line |= {"used": False, "flags": f"left out: {reasons[index]}"}
        rows.append(line)
    return csv_text(EFFECT_COLUMNS, rows)
