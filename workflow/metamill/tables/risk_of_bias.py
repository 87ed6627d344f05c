"""extracted/risk_of_bias.csv: one judgement a row, checked against its tool, to assessments.

Nothing is concluded that the table does not state: a domain without a row is "not judged", and an
overall judgement is never made from the domains.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from metamill.errors import Problem, closest, did_you_mean
from metamill.tables.assessments import NOT_JUDGED, Assessment, Judgement
from metamill.tables.bias_tools import NONE, OVERALL, STATED, SUM, TOOLS, Domain, Tool
from metamill.tables.reader import read_table
from metamill.tables.table import Findings, Table, TableRow

FILE = "risk_of_bias.csv"
NAME = f"extracted/{FILE}"
COLUMNS = ("study", "tool", "domain", "judgement", "support", "source", "location")
OPTIONAL = ("outcome", "note")

Rows = dict[str, TableRow]
"""The rows of one assessment by their domain."""


def read_risk_of_bias(
    folder: Path, outcomes: Collection[str] | None, findings: Findings
) -> tuple[Assessment, ...]:
    """The assessments of the review in `folder`, in the order of the table; () without a table.

    `outcomes` are the names that may stand in the column `outcome` (None: not checked). A study
    judged for all outcomes and again for one gives an assessment each; the second takes the
    domains it does not judge from the first, but not the overall judgement, which was not made of
    it. Problems and notices go into `findings`; with a problem there are no assessments.
    """
    path = folder / "extracted" / FILE
    if not os.path.lexists(path):
        return ()
    found = Findings()
    # Judgements repeat each other by other columns than rows of a pool do.
    table = read_table(path, NAME, found, rows_differ=False)
    if table is not None:
        found.problems += _absent_columns(table, found) or _row_problems(table, outcomes)
    findings.problems += sorted(found.problems, key=lambda problem: problem.line or 0)
    findings.notices += found.notices
    if table is None or found.problems:
        return ()
    labels = _labels(folder)
    if labels is not None:
        findings.notices += _undescribed(table, labels)
    return tuple(_assessments(table, labels or {}, findings))


def unjudged(
    assessments: Iterable[Assessment], studies: Mapping[str, Iterable[str]]
) -> list[Problem]:
    """A notice for each of the `studies` of an outcome that has no assessment for it."""
    known = {(item.study, item.outcome) for item in assessments}
    lacking: dict[str, list[str]] = {}
    for outcome, names in studies.items():
        for study in dict.fromkeys(names):
            if known and not known & {(study, outcome), (study, "")}:
                lacking.setdefault(study, []).append(outcome)
    return [
        Problem(
            NAME,
            f"has no judgement for {', '.join(names)}",
            column="column 'study'",
            value=study,
            code="unjudged-study",
        )
        for study, names in lacking.items()
    ]


def _labels(folder: Path) -> dict[str, str] | None:
    """The label of each study in studies.csv, whose own problems are found elsewhere."""
    path = folder / "extracted" / "studies.csv"
    table = read_table(path, path.name, Findings()) if os.path.lexists(path) else None
    if table is None:
        return None
    return {row.cells["study"]: row.cells.get("label", "") for row in table.rows}


def _absent_columns(table: Table, found: Findings) -> list[Problem]:
    """Columns that are missing; columns that nothing reads are a notice."""
    others = [name for name in table.columns if name not in (*COLUMNS, *OPTIONAL)]
    problems = []
    for name in (*COLUMNS, "outcome"):
        close = closest(name, others)
        if name not in table.columns and (close or name in COLUMNS):
            advice = f"Rename the column '{close}'" if close else "Add it"
            rule = "the table lacks this column"
            where = f"column '{name}'"
            problems.append(Problem(table.name, rule, advice, 1, where, code="missing-label"))
    advice = "Use the column 'note' for words"
    found.notices += [
        Problem(table.name, "is not read", advice, 1, f"column '{name}'", code="unread-column")
        for name in others
    ]
    return problems


def _row_problems(table: Table, outcomes: Collection[str] | None) -> list[Problem]:
    problems = [item for row in table.rows for item in _wrong_cells(row, outcomes)]
    return [*problems, *_repeated(table), *_second_tools(table)]


def _wrong_cells(row: TableRow, outcomes: Collection[str] | None) -> Iterator[Problem]:
    def wrong(column: str, rule: str, known: Iterable[str], code: str) -> Problem:
        cell, where = row.cells[column], f"column '{column}'"
        said = rule if cell else f"the row names no {column}"
        advice = did_you_mean(cell, known)
        return Problem(NAME, said, advice, row.line, where, cell or None, code=code)

    tool = TOOLS.get(row.cells["tool"])
    if tool is None:
        yield wrong("tool", "is not a tool that is known here", TOOLS, "unknown-tool")
    else:
        code = row.cells["domain"]
        domain = tool.domain(code)
        if domain is not None:
            levels = [level.judgement for level in domain.levels]
            if row.cells["judgement"] not in levels:
                rule = f"is not a judgement of {tool.code} in domain {code}"
                yield wrong("judgement", rule, levels, "unknown-judgement")
        elif code.casefold() == OVERALL and tool.overall != STATED:
            what = "is the sum of its items" if tool.overall == SUM else "does not exist"
            rule = f"the overall judgement of {tool.code} {what}"
            where, why = "column 'domain'", "computed-overall"
            yield Problem(NAME, rule, "Remove the row", row.line, where, code, code=why)
        else:
            yield wrong("domain", f"is not a domain of {tool.code}", tool.codes, "unknown-domain")
    outcome = row.cells.get("outcome", "")
    if outcome and outcomes is not None and outcome not in outcomes:
        yield wrong("outcome", "is not an outcome of config.yaml", outcomes, "unknown-outcome")


def _repeated(table: Table) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], int] = {}
    for row in table.rows:
        cells = row.cells
        key = (cells["study"].casefold(), cells.get("outcome", ""), cells["tool"], cells["domain"])
        first = seen.setdefault(key, row.line)
        if first != row.line and all((cells["study"], cells["tool"], cells["domain"])):
            rule = f"the study is judged in this domain twice, first in line {first}"
            advice = "Keep one of the rows, or tell them apart in the column 'outcome'"
            where, domain = "column 'domain'", cells["domain"]
            yield Problem(NAME, rule, advice, row.line, where, domain, code="repeated-judgement")


def _second_tools(table: Table) -> Iterator[Problem]:
    """A study may be judged by one tool for one outcome; a row for all outcomes is for each."""
    told: set[int] = set()
    for groups in _by_study(table.rows).values():
        for outcome, own in groups.items():
            rows = own if not outcome else [*groups.get("", ()), *own]
            known = [row for row in rows if row.cells["tool"] in TOOLS]
            first, *others = sorted(known, key=lambda row: row.line) or [own[0]]
            tools = {first.cells["tool"]}
            for row in others:
                tool = row.cells["tool"]
                if tool not in tools and row.line not in told:
                    tools.add(tool)
                    told.add(row.line)
                    where = f"{first.cells['tool']} in line {first.line}"
                    rule = f"the study is judged by another tool for the same outcome, {where}"
                    advice = "Keep one tool, or say in the column 'outcome' what each is for"
                    where = "column 'tool'"
                    yield Problem(NAME, rule, advice, row.line, where, tool, code="second-tool")


def _by_study(rows: Iterable[TableRow]) -> dict[str, dict[str, list[TableRow]]]:
    """Rows by study and, within it, by outcome, both in the order of the table."""
    found: dict[str, dict[str, list[TableRow]]] = {}
    for row in rows:
        groups = found.setdefault(row.cells["study"], {})
        groups.setdefault(row.cells.get("outcome", ""), []).append(row)
    return found


def _undescribed(table: Table, labels: Mapping[str, str]) -> Iterator[Problem]:
    for study, groups in _by_study(table.rows).items():
        if study not in labels:
            close = closest(study, labels)
            advice = f"Did you mean '{close}'?" if close else "Add one with its citation"
            line = min(row.line for rows in groups.values() for row in rows)
            rule = "the study has no row in studies.csv"
            where = "column 'study'"
            yield Problem(NAME, rule, advice, line, where, study, code="undescribed-study")


def _assessments(
    table: Table, labels: Mapping[str, str], findings: Findings
) -> Iterator[Assessment]:
    for study, groups in _by_study(table.rows).items():
        label = labels.get(study) or study
        general = {row.cells["domain"]: row for row in groups.get("", ())}
        general_domains = {code: row for code, row in general.items() if code != OVERALL}
        for outcome, own in groups.items():
            rows = {row.cells["domain"]: row for row in own}
            merged = general if not outcome else general_domains | rows
            tool = TOOLS[own[0].cells["tool"]]
            assessment = _assessment(study, label, tool, outcome, merged)
            findings.notices += _gaps(assessment, tool, own[0].line)
            yield assessment


def _assessment(study: str, label: str, tool: Tool, outcome: str, rows: Rows) -> Assessment:
    judgements = tuple(_judgement(domain, rows.get(domain.code)) for domain in tool.domains)
    overall, score, note = None, None, ""
    stated = tool.domain(OVERALL)
    if stated is not None:
        overall = _judgement(stated, rows[OVERALL]) if OVERALL in rows else None
        note = "" if overall else "overall not stated"
    elif tool.overall == SUM:
        lacking = sum(item.judgement == NOT_JUDGED for item in judgements)
        note = f"no sum: {lacking} of {len(judgements)} items not judged" if lacking else ""
        score = None if lacking else sum(_points(tool, item) for item in judgements)
    else:
        note = f"{tool.code} has no overall judgement"
    return Assessment(
        study=study,
        label=label,
        tool=tool.code,
        tool_name=tool.name,
        outcome=outcome,
        judgements=judgements,
        overall=overall,
        score=score,
        most=tool.most,
        note=note,
    )


def _judgement(domain: Domain, row: TableRow | None) -> Judgement:
    level = domain.level(row.cells["judgement"]) if row else None
    if row is None or level is None:
        return Judgement(domain.code, domain.name, NOT_JUDGED, NONE)
    said = {name: row.cells[name] for name in ("support", "source", "location")}
    return Judgement(domain.code, domain.name, level.judgement, level.kind, **said)


def _points(tool: Tool, judgement: Judgement) -> int:
    domain = tool.domain(judgement.domain)
    level = domain.level(judgement.judgement) if domain else None
    assert level is not None
    assert level.points is not None
    return level.points


def _gaps(assessment: Assessment, tool: Tool, line: int) -> list[Problem]:
    """A notice where domains, or the overall judgement that the tool has, are missing."""
    gaps = [item.domain for item in assessment.judgements if item.judgement == NOT_JUDGED]
    if tool.overall == STATED and assessment.overall is None:
        gaps.append(OVERALL)
    if not gaps:
        return []
    where = f" for {assessment.outcome}" if assessment.outcome else ""
    rule = f"{tool.code}{where}: not judged are {', '.join(gaps)}"
    where, study = "column 'study'", assessment.study
    return [Problem(NAME, rule, "", line, where, study, code="unjudged-domain")]
