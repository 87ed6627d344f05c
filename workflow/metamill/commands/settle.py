"""Write down what a run uses (run_config.yaml), what reading the tables found (audit.csv) and the
review as a whole (review.json): its studies, how they were judged, how they were found.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import yaml

from metamill import review_result
from metamill.errors import EnvironmentFault, Problem
from metamill.files import csv_text, write_text
from metamill.jobs import Jobs, plan

AUDIT_COLUMNS = (
    "table,line,study,outcome,check,level,printed,allowed,assumption,held_out,reason,source"
).split(",")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--review", type=Path, default=Path(), help="the review's folder")
    parser.add_argument("--overrides", default="{}", help="settings given with --config, as JSON")
    parser.add_argument("--whole", required=True, help="digest of the review.json planned for")
    parser.add_argument("--run-config", type=Path, required=True)
    parser.add_argument("--audit", type=Path, required=True)
    parser.add_argument("--review-result", type=Path, required=True)


def main(options: argparse.Namespace) -> None:
    jobs = plan(options.review, json.loads(options.overrides))
    whole = jobs.whole()
    if whole.digest != options.whole:
        rule = "changed while the review ran"
        raise EnvironmentFault(Problem(f"{options.review / 'extracted'}", rule, "Run it again"))
    write_text(options.run_config, run_config(jobs))
    write_text(options.audit, csv_text(AUDIT_COLUMNS, _audit_rows(jobs)))
    review_result.write(whole, options.review_result)


def run_config(jobs: Jobs) -> str:
    """The settings after defaults and overrides, every analysis written out, as YAML."""
    review = jobs.review
    settings = {
        "review": review.about,
        "outcomes": {
            name: {"display": asdict(review.displays[name])} | asdict(review.outcomes[name])
            for name in jobs.outcomes
        },
        "figures": {"formats": review.formats},
        "overrides": review.overrides,
    }
    plain = json.loads(json.dumps(settings))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)


def _audit_rows(jobs: Jobs) -> list[dict[str, object]]:
    """Cells that were cleaned and studies without a description: nothing that changes a number."""
    return [
        {
            "table": notice.file,
            "line": notice.line,
            "study": notice.value if notice.column == "column 'study'" else "",
            "check": "reading",
            "level": "info",
            "printed": notice.value,
            "held_out": False,
            "reason": f"{notice.column}: {notice.rule}" if notice.column else notice.rule,
        }
        for notice in jobs.notices
    ]
