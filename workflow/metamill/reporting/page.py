"""report.html: one self-contained page, from the results and how they are shown."""

import base64
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from metamill import wording
from metamill.config.settings import Display
from metamill.results import Analysis, LeftOut, Pooled, Result, StudyRow, SubgroupTest

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Entry:
    """One outcome of the report: its result, how it is shown, its forest plot and alt text."""

    result: Result
    display: Display
    forest_svg: bytes
    forest_alt: str


def render(
    about: Mapping[str, Any],
    entries: Sequence[Entry],
    checks: Sequence[Mapping[str, str]],
    findings: Sequence[Mapping[str, str]],
) -> str:
    """The page as HTML; everything that comes from the review is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        about=about,
        outcomes=[_outcome(entry) for entry in entries],
        engines=_engines(checks),
        checks=checks,
        findings=findings,
        versions=entries[0].result.versions if entries else {},
    )


def read_table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _outcome(entry: Entry) -> dict[str, Any]:
    result, display = entry.result, entry.display
    primary = result.primary
    decimals = wording.decimals(result)
    return {
        "name": result.outcome,
        "title": display.title,
        "unit": result.unit or "unit not stated",
        "table": result.table,
        "model": wording.model_words(primary.settings),
        "measure": result.measure.name,
        "glance": _pooled(result, primary, decimals),
        "heterogeneity": wording.heterogeneity_words(primary.pooled)
        if primary.pooled.pooled
        else "",
        "marginal": _marginal(result, primary.pooled, decimals),
        "notes": primary.pooled.notes,
        "figure": base64.b64encode(entry.forest_svg).decode("ascii"),
        "alt": entry.forest_alt,
        "analyses": [
            _pooled(result, analysis, decimals)
            | {"name": _analysis_name(analysis), "notes": analysis.pooled.notes}
            for analysis in result.analyses
        ],
        "subgroup_tests": [_subgroup_test(test) for test in result.subgroup_tests],
        "columns": _data_columns(result),
        "studies": [_study(result, effect, decimals) for effect in primary.effects],
        "left_out": [_left_out(result, item) for item in primary.left_out],
        "not_reported": result.not_reported,
    }


def _analysis_name(analysis: Analysis) -> str:
    kind, _, name = analysis.name.partition(":")
    return (
        f"{kind}: {name.replace('=', ' = ', 1) if kind == 'subgroup' else name}" if name else kind
    )


def _pooled(result: Result, analysis: Analysis, decimals: int) -> dict[str, Any]:
    pooled = analysis.pooled
    family = result.measure.family

    def value(x: float | None) -> str:
        return wording.natural(x, family, decimals)

    return {
        "k": pooled.k,
        "n": wording.count(pooled.n),
        "events": wording.count(pooled.events),
        "method": f"{analysis.settings['measure']}, {analysis.settings['method']}",
        "estimate": value(pooled.estimate),
        "interval": wording.interval(pooled.ci_low, pooled.ci_high, family, decimals),
        "prediction": wording.interval(pooled.pi_low, pooled.pi_high, family, decimals),
        "doubtful": pooled.pi_doubtful,
        "tau": wording.number(pooled.tau, 3),
        "i2": wording.number(pooled.i2, 0),
        "p": wording.p_value(pooled.p_value),
    }


def _marginal(result: Result, pooled: Pooled, decimals: int) -> str:
    if pooled.marginal is None:
        return ""
    value = wording.natural(pooled.marginal, result.measure.family, decimals)
    return f"The estimate is the median over studies; the mean over studies is {value}."


def _subgroup_test(test: SubgroupTest) -> str:
    if test.q is None:
        return f"{test.column}: no test of differences ({test.note})."
    words = (
        f"{test.column}: test of differences Q = {wording.number(test.q, 2)}, "
        f"df = {test.q_df}, {wording.p_value(test.q_p)}"
    )
    return f"{words} ({test.note})." if test.note else f"{words}."


def _data_columns(result: Result) -> list[str]:
    """The columns of the table that hold this measure's numbers, in the table's order."""
    numeric = wording.DATA_COLUMNS[result.measure.family]
    return [c for c in numeric if any(row.cells.get(c) for row in result.rows)]


def _study(result: Result, effect: Any, decimals: int) -> dict[str, Any]:
    row = result.rows[effect.row]
    family = result.measure.family
    return _source(row) | {
        "label": row.label,
        "line": row.line,
        "data": [row.cells.get(column, "") for column in _data_columns(result)],
        "estimate": wording.natural(effect.estimate, family, decimals),
        "interval": wording.interval(effect.ci_low, effect.ci_high, family, decimals),
        "weight": wording.number(effect.weight, 1),
        "flags": ", ".join(effect.flags),
    }


def _source(row: StudyRow) -> dict[str, str]:
    return {name: row.cells.get(name, "") for name in ("citation", "source", "location", "note")}


def _left_out(result: Result, item: LeftOut) -> dict[str, Any]:
    row = result.rows[item.row]
    return {
        "label": row.label,
        "line": row.line,
        "data": [row.cells.get(column, "") for column in _data_columns(result)],
        "reason": item.reason,
    }


def _engines(checks: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Per engine and version: how many numbers it recomputed and the largest difference."""
    engines: dict[tuple[str, str], list[float]] = {}
    for check in checks:
        key = (check["engine"], check["version"])
        engines.setdefault(key, []).append(float(check["difference"]))
    return [
        {"name": name, "version": version, "numbers": len(found), "largest": f"{max(found):.1e}"}
        for (name, version), found in sorted(engines.items())
    ]
