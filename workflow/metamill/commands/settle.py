"""Write down what a run uses (run_config.yaml), what the audit found (audit.csv), how far a second
extraction agrees, and the review as a whole (review.json): its studies, how they were judged, how
they were found.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import yaml

from metamill import review_result
from metamill.errors import EnvironmentFault, Problem
from metamill.files import write_text
from metamill.jobs import Jobs, plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--review", type=Path, default=Path(), help="the review's folder")
    parser.add_argument("--overrides", default="{}", help="settings given with --config, as JSON")
    parser.add_argument("--whole", required=True, help="digest of the review.json planned for")
    parser.add_argument("--found", required=True, help="digest of the audit.csv planned for")
    parser.add_argument("--run-config", type=Path, required=True)
    parser.add_argument("--audit", type=Path, required=True)
    parser.add_argument("--review-result", type=Path, required=True)


def main(options: argparse.Namespace) -> None:
    jobs = plan(options.review, json.loads(options.overrides))
    whole = jobs.whole()
    if whole.digest != options.whole or jobs.found() != options.found:
        rule = "changed while the review ran"
        raise EnvironmentFault(Problem(f"{options.review / 'extracted'}", rule, "Run it again"))
    write_text(options.run_config, run_config(jobs))
    write_text(options.audit, jobs.audit())
    for name, text in jobs.second_texts().items():
        write_text(options.review / name, text)
    review_result.write(whole, options.review_result)


def run_config(jobs: Jobs) -> str:
    """The settings after defaults and overrides, every analysis written out, as YAML."""
    review = jobs.review
    settings = {
        "review": review.about,
        "outcomes": {
            name: {
                "display": asdict(review.displays[name]),
                "score": asdict(review.scores[name]),
                "accepted": [asdict(item) for item in review.accepted[name]],
            }
            | {key: x for key, x in asdict(review.outcomes[name]).items() if key != "findings"}
            for name in jobs.outcomes
        },
        "figures": {"formats": review.formats},
        "overrides": review.overrides,
    }
    plain = json.loads(json.dumps(settings))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
