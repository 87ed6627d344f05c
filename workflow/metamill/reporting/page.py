"""report.html: one self-contained page, from the results and how they are shown."""

import base64
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from metamill import wording
from metamill.config.settings import Display
from metamill.explored.refits import Refit
from metamill.figures.refits.tornado_words import grouped
from metamill.figures.refits.words import COHORT, in_orders, order_words
from metamill.files import plain_cell
from metamill.reporting.audit_page import audit_page
from metamill.reporting.gosh_section import gosh_section, outlier_words
from metamill.reporting.multiverse_section import multiverse_section
from metamill.reporting.regressions_section import regressions_section, subgroups_section
from metamill.reporting.robustness_section import robustness_section
from metamill.reporting.small_study_section import small_study_section
from metamill.results import Analysis, Effect, Pooled, Result, StudyRow
from metamill.sentences import (
    details,
    leave_one_out_words,
    quantity_words,
    test_words,
)
from metamill.tables.needs import COLUMN_SETS
from metamill.wording import NumberFormat

CONVENTIONAL_LEVEL = 95.0
_LOWER = {"lower": True, "higher": False}
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it."""

    title: str
    svg: bytes
    alt: str
    caption: str

    @property
    def refused(self) -> bool:
        """Whether the picture holds nothing but the reason why there is none."""
        return b'<g class="reason">' in self.svg and self.svg.count(b"<g ") == 1

    @property
    def data(self) -> str:
        return base64.b64encode(self.svg).decode("ascii")


@dataclass(frozen=True)
class Entry:
    """One outcome of the report: its result, how it is shown, its forest plot, other figures."""

    result: Result
    display: Display
    forest: Picture
    others: tuple[Picture, ...] = ()


def render(
    about: Mapping[str, Any],
    entries: Sequence[Entry],
    checks: Sequence[Mapping[str, str]],
    findings: Sequence[Mapping[str, str]],
    pictures: Sequence[Picture] = (),
    second: Mapping[str, Any] | None = None,
    used: Mapping[str, Any] | None = None,
) -> str:
    """The page as HTML; everything that comes from the review is escaped.

    `pictures` are the figures of the whole review, `second` is the comparison with a second
    extraction, `used` holds a digest of the settings and what --config laid over them.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        about=about,
        outcomes=[_outcome(entry, _off(used, entry)) for entry in entries],
        engines=_engines(checks, {e.result.outcome: e.display.title for e in entries}),
        audit=audit_page(findings, _labels(entries)),
        pictures=pictures,
        second=second,
        used=used or {"settings": "", "overrides": {}},
        versions=entries[0].result.versions if entries else {},
    )


def _off(used: Mapping[str, Any] | None, entry: Entry) -> Sequence[str]:
    """The explorations that the settings switch off for an outcome."""
    found: Sequence[str] = (used or {}).get("switched_off", {}).get(entry.result.outcome, ())
    return found


def _labels(entries: Sequence[Entry]) -> dict[str, str]:
    """The name of each study in figures, by its id."""
    rows = (row for entry in entries for row in entry.result.rows)
    return {row.study: row.label for row in rows}


def read_table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(handle)
        return [{name: plain_cell(cell or "") for name, cell in row.items()} for row in rows]


def _outcome(entry: Entry, off: Sequence[str]) -> dict[str, Any]:
    result, display = entry.result, entry.display
    primary = result.primary
    form = wording.result_format(result)
    columns = _data_columns(result)
    heterogeneity = wording.heterogeneity_words(primary.pooled, result.measure)
    robust, subsets, many = (
        make(result) for make in (robustness_section, gosh_section, multiverse_section)
    )
    told = [words for part in (robust, subsets, many) if part for words in part["sentences"]]
    return {
        "name": result.outcome,
        "title": display.title,
        "unit": wording.unit_words(result.unit, 1).removeprefix("1 ")
        if result.unit
        else "not stated",
        "table": result.table,
        "model": wording.model_words(primary.settings),
        "measure": result.measure.name,
        "level": wording.level_text(primary.settings),
        "percent": form.suffix,
        "glance": _pooled(primary, form),
        "heterogeneity": heterogeneity if primary.pooled.pooled else "",
        "marginal": _marginal(primary.pooled, form, result.measure.natural),
        "details": list(details(primary.pooled, result, _LOWER.get(display.direction or ""))),
        "bayes": [
            _bayes(analysis, result, form, _LOWER.get(display.direction or ""))
            for analysis in result.analyses
            if analysis.settings["method"] == "BAYES" and analysis.pooled.pooled
        ],
        "regressions": regressions_section(result),
        "robustness": robust,
        "switched_off": wording.switched_off_words(off),
        "small_study": small_study_section(result),
        "multiverse": many,
        "leave_one_out": leave_one_out_words(result.leave_one_out, form),
        "outliers": outlier_words(result.explored.outliers),
        "gosh": subsets,
        "refits": [
            _refit(item, form) for item in (*result.leave_one_out, *result.leave_cohort_out)
        ],
        "cumulative": [
            {
                "title": f"Study after study, {order_words(part[0].order)}",
                "rows": [_refit(item, form) for item in part],
            }
            for part in in_orders(result.cumulative)
        ],
        "derived": [
            {
                "label": (row := result.rows[item.row]).label,
                "line": row.line,
                "column": item.column,
                "value": f"{item.value:.6g}",
                "how": item.how,
            }
            for item in result.derived
        ],
        "notes": [wording.typeset(note) for note in primary.pooled.notes],
        "policy": wording.capital(primary.pooled.policy),
        "figure": entry.forest,
        "others": [_once(picture, told) for picture in entry.others],
        "analyses": [
            _pooled(analysis, wording.analysis_format(result, analysis))
            | {
                "name": _analysis_name(analysis),
                "reason": _own_words(analysis, result),
                "group": group,
            }
            for group, analysis in grouped(result)
        ],
        "subgroup_tests": subgroups_section(result),
        "columns": columns,
        "studies": [_study(result, effect, columns, form) for effect in primary.effects],
        "left_out": [
            {
                "label": (row := result.rows[item.row]).label,
                "line": row.line,
                "data": _printed(row, columns),
                "reason": item.reason,
            }
            for item in primary.left_out
        ],
        "not_reported": result.not_reported,
    }


def _once(picture: Picture, told: Sequence[str]) -> Picture:
    """The picture without those sentences of its caption that the text of the page has."""
    caption = picture.caption
    for words in told:
        caption = caption.replace(words, "")
    return replace(picture, caption=" ".join(caption.split()))


def _analysis_name(analysis: Analysis) -> str:
    kind, _, name = analysis.name.partition(":")
    if kind == "subgroup":
        column, _, level = name.partition("=")
        return f"Subgroup, {column.replace('_', ' ')}: {wording.level_words(level)}"
    return name or wording.capital(kind)


def _model_codes(settings: Mapping[str, Any]) -> list[str]:
    """What tells analyses of one outcome apart: measure, method, test, and kinds of interval."""
    codes = [settings["measure"], settings["method"]]
    codes += [settings["test"]] if settings["test"] != "posterior" else []
    codes += [f"{settings['level']:g}%"] if settings["level"] != CONVENTIONAL_LEVEL else []
    kind = settings["prediction_interval"]
    codes += [f"prediction {kind}"] if kind != "t" else []
    codes += [f"tau² {settings['tau2_interval']}"] if settings["tau2_interval"] else []
    return codes


def _own_words(analysis: Analysis, result: Result) -> str:
    """The notes of an analysis that the primary one has not, and what only its model gives."""
    primary, pooled = result.primary, analysis.pooled
    if analysis is primary:
        return "" if pooled.pooled else wording.capital(pooled.notes[0])
    own = wording.own_notes(pooled, analysis.effects)
    told = [note for note in own if note not in primary.pooled.notes]
    if analysis.settings["method"] in ("MH", "BETABIN", "MV"):
        form = wording.analysis_format(result, analysis)
        told += [quantity_words(item, form) for item in pooled.also]
        told += [test_words(item) for item in pooled.tests]
    return wording.capital("; ".join(told))


def _pooled(analysis: Analysis, form: NumberFormat) -> dict[str, Any]:
    pooled = analysis.pooled
    known = pooled.pi_low is not None
    return {
        "k": pooled.k,
        "n": wording.count_text(pooled.n),
        "events": wording.count_text(pooled.events),
        "method": ", ".join(_model_codes(analysis.settings)),
        "estimate": form.text(pooled.estimate)
        + (form.suffix if pooled.estimate is not None else ""),
        "interval": wording.interval_text(pooled.ci_low, pooled.ci_high, form),
        "prediction": wording.interval_text(pooled.pi_low, pooled.pi_high, form) if known else "",
        "doubtful": pooled.pi_doubtful,
        "tau": "" if pooled.tau is None else wording.significant_text(pooled.tau),
        "i2": "" if pooled.i2 is None else f"{wording.number_text(pooled.i2, 0)}%",
    }


def _bayes(
    analysis: Analysis, result: Result, form: NumberFormat, lower_is_better: bool | None
) -> dict[str, Any]:
    """What a posterior says besides its median and interval, and each study shrunken to it."""
    return {
        "name": _analysis_name(analysis),
        "details": list(details(analysis.pooled, result, lower_is_better)),
        "studies": [
            {
                "label": result.rows[effect.row].label,
                "own": form.text(effect.estimate),
                "shrunken": form.text(effect.posterior),
                "interval": wording.interval_text(
                    effect.posterior_low, effect.posterior_high, form
                ),
            }
            for effect in analysis.effects
        ],
    }


def _refit(item: Refit, form: NumberFormat) -> dict[str, Any]:
    def number(value: float | None, digits: int = 2) -> str:
        return "" if value is None else wording.significant_text(value, digits)

    return {
        "study": (item.left_out or item.up_to) + (" (one cohort)" if item.unit == COHORT else ""),
        "k": item.k,
        "estimate": form.text(item.estimate) + (form.suffix if item.estimate is not None else ""),
        "interval": wording.interval_text(item.ci_low, item.ci_high, form),
        "tau2": number(item.tau2),
        "i2": "" if item.i2 is None else f"{wording.number_text(item.i2, 0)}%",
        "cook": number(item.cook),
        "note": wording.capital(item.note),
    }


def _marginal(pooled: Pooled, form: NumberFormat, what: str) -> str:
    if pooled.marginal is None:
        return ""
    value = form.text(pooled.marginal) + form.suffix
    if pooled.marginal_low is not None:
        value += f" {wording.interval_text(pooled.marginal_low, pooled.marginal_high, form)}"
    return f"The estimate is the median {what} over studies; their mean {what} is {value}."


def _data_columns(result: Result) -> list[str]:
    """The columns that hold this measure's numbers and are filled in some row."""
    named = dict.fromkeys(name for names in COLUMN_SETS[result.measure.code] for name in names)
    return [name for name in named if any(row.cells.get(name) for row in result.rows)]


def _printed(row: StudyRow, columns: Sequence[str]) -> list[str]:
    """Cells as they stand in the table."""
    return [row.cells.get(column, "") for column in columns]


def _study(
    result: Result, effect: Effect, columns: Sequence[str], form: NumberFormat
) -> dict[str, Any]:
    row = result.rows[effect.row]
    return _source(row) | {
        "label": row.label,
        "line": row.line,
        "data": _printed(row, columns),
        "estimate": form.text(effect.estimate),
        "interval": wording.interval_text(effect.ci_low, effect.ci_high, form),
        "weight": "" if effect.weight is None else f"{wording.number_text(effect.weight, 1)}%",
        "flags": "; ".join(wording.flag_words(flag) for flag in effect.flags),
    }


def _source(row: StudyRow) -> dict[str, str]:
    return {name: row.cells.get(name, "") for name in ("source", "location")}


def _engines(
    checks: Sequence[Mapping[str, str]], titles: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Per engine, version and outcome: how many numbers it recomputed, and how far the two lie
    apart at most."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for check in checks:
        engine = found.setdefault((check["engine"], check["version"]), {})
        difference = float(check["difference"] or 0.0)
        engine.setdefault(check["outcome"], []).append(difference)
    return [
        {
            "name": name,
            "version": version,
            "numbers": wording.count_text(sum(map(len, outcomes.values()))),
            "outcomes": [
                {
                    "title": titles.get(outcome, outcome),
                    "numbers": wording.count_text(len(differences)),
                    "difference": wording.share_text(max(differences)),
                }
                for outcome, differences in outcomes.items()
            ],
        }
        for (name, version), outcomes in sorted(found.items())
    ]
