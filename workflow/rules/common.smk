"""The review as planned, before any rule: settings, rows and code as short texts.

A wrong config.yaml or table stops here, with every error named, before any output.
"""

import os
import shlex
import sys
from pathlib import Path

WORKFLOW = Path(workflow.current_basedir).parent
sys.path.insert(0, str(WORKFLOW))

from metamill.cli import failed
from metamill.errors import MetamillError
from metamill.files import canonical_json
from metamill.jobs import code_digest, package_digest, plan

shell.prefix(
    f"export PYTHONPATH={shlex.quote(str(WORKFLOW))} "
    f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH "
    "OPENBLAS_NUM_THREADS=1 PYTHONHASHSEED=0 PYTHONSAFEPATH=1; "
)

try:
    JOBS = plan(Path(), config)
    JOBS.discard_other_audit(Path())
except MetamillError as error:
    sys.exit(failed(error))


onstart:
    # Results are complete only while the manifest, which is made last, is there.
    Path("results/manifest.json").unlink(missing_ok=True)


wildcard_constraints:
    outcome="|".join(JOBS.outcomes),


RESULTS = expand("results/{outcome}/result.json", outcome=JOBS.outcomes)
FIGURES = [file for outcome in JOBS.outcomes for file in JOBS.figure_files(outcome)]
FIGURES += JOBS.review_figure_files()
DELIVERABLES = [
    "results/run_config.yaml",
    "results/audit.csv",
    "results/review/review.json",
    "results/summary.csv",
    "results/crosscheck.csv",
    "results/report.html",
    *JOBS.second_files(),
    *RESULTS,
    *expand("results/{outcome}/effects.csv", outcome=JOBS.outcomes),
    *FIGURES,
]


# Free text of a review may hold braces: as functions, parameters are not read for wildcards.
def about_of(wildcards):
    return JOBS.about()


def overrides_of(wildcards):
    return canonical_json(JOBS.review.overrides)


def settings_of(wildcards):
    return JOBS.settings(wildcards.outcome)


def rows_of(wildcards):
    return JOBS.rows(wildcards.outcome)


def bias_of(wildcards):
    return JOBS.bias(wildcards.outcome)


def look_of(wildcards):
    return JOBS.look()


def table_of(wildcards):
    return f"extracted/{JOBS.table(wildcards.outcome)}"


def display_of(outcome):
    return lambda wildcards: JOBS.display(outcome)
