"""Pool one outcome: its rows and settings in, result.json and effects.csv out."""

import argparse
import json
from pathlib import Path

from metamill import results
from metamill.analysis import analyse
from metamill.config.settings import outcome_from_dict
from metamill.errors import EnvironmentFault, Problem, TableError
from metamill.files import write_text
from metamill.tables.assessments import assessments_digest, for_outcome
from metamill.tables.reader import Findings
from metamill.tables.risk_of_bias import NAME, read_risk_of_bias
from metamill.tables.selection import load_outcome_rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--review", type=Path, default=Path(), help="the review's folder")
    parser.add_argument("--settings", required=True, help="the outcome's settings, as JSON")
    parser.add_argument("--rows", required=True, help="digest of the rows that were planned for")
    parser.add_argument("--bias", required=True, help="digest of the judgements planned for")
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--effects", type=Path, required=True)


def main(options: argparse.Namespace) -> None:
    outcome = outcome_from_dict(json.loads(options.settings))
    findings = Findings()
    selections = load_outcome_rows(options.review, [outcome], findings)
    assessments = read_risk_of_bias(options.review, None, findings)
    if findings.problems:
        raise TableError(findings.problems)
    selection = selections[outcome.name]
    if selection.digest != options.rows:
        raise _changed(selection.table)
    bias = for_outcome(assessments, outcome.name, [row.cells["study"] for row in selection.rows])
    if assessments_digest(bias) != options.bias:
        raise _changed(NAME)
    result = analyse(outcome, selection, bias)
    write_text(options.effects, results.effects_csv(result))
    results.write(result, options.result)


def _changed(table: str) -> EnvironmentFault:
    rule = "the table changed while the review ran"
    return EnvironmentFault(Problem(table, rule, "Run it again"))
