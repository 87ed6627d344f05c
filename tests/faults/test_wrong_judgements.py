"""Wrong judgements and a wrong flow stop a review before any output, whoever starts it.

The review, its studies and its numbers are made up for the tests.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = {
    "config.yaml": (
        "review: {title: Made up}\noutcomes:\n  a: {title: A, table: a.csv, measure: PLO}\n"
    ),
    "extracted/a.csv": "study,events,total\nS1,1,10\nS2,12,10\n",
    "extracted/risk_of_bias.csv": (
        "study,tool,outcome,domain,judgement,support,source,location\n"
        "S1,RoB2,,D1,lwo,r,s,l\n"
        "S1,RoB2,,D2,low,r,s,l\n"
        "S1,RoB2,,D2,high,r,s,l\n"
        "S2,RoB3,,D1,low,r,s,l\n"
        "S2,ROBINS-I,b,D1,critical,r,s,l\n"
    ),
    "extracted/flow.yaml": (
        "source: made up\n"
        "databases: [{name: X, records: 1204}]\n"
        "registers: [{name: Y, records: 310}]\n"
        "removed: {duplicates: 287, automation: 0, other: 0}\n"
        "screened: 1220\n"
        "excluded: 1,000\n"
    ),
}
ERRORS = """\
extracted/a.csv, line 3, column 'events': '12': is larger than total (10).
extracted/risk_of_bias.csv, line 2, column 'judgement': 'lwo': is not a judgement of RoB2 in \
domain D1. Did you mean 'low'?
extracted/risk_of_bias.csv, line 4, column 'domain': 'D2': the study is judged in this domain \
twice, first in line 3.
extracted/risk_of_bias.csv, line 5, column 'tool': 'RoB3': is not a tool that is known here. Did \
you mean 'RoB2'?
extracted/risk_of_bias.csv, line 6, column 'outcome': 'b': is not an outcome of config.yaml.
extracted/flow.yaml, line 6, excluded: '1,000': must be a whole number. Write the number without \
separators.
""".splitlines()
SUM = (
    "extracted/flow.yaml, line 5, screened: 1 204 + 310 - 287 = 1 227 records, but screened says "
    "1 220."
)


def _review(folder: Path) -> Path:
    (folder / "extracted").mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def _command(way: str, folder: Path) -> subprocess.CompletedProcess[str]:
    if way == "snakemake":
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
        command += ["--directory", str(folder), "--cores", "1"]
    else:
        command = [sys.executable, "-m", "metamill", way, str(folder)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SNAKEMAKE")}
    environment["PYTHONPATH"] = str(REPOSITORY / "workflow")
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=environment, check=False
    )


@pytest.mark.parametrize("way", ["check", "run", "snakemake"])
def test_every_error_of_tables_judgements_and_flow_is_reported_in_one_run(tmp_path, way):
    folder = _review(tmp_path / "a review")
    done = _command(way, folder)
    assert done.returncode == 3
    assert "Traceback" not in done.stdout + done.stderr
    for error in ERRORS:
        assert done.stderr.count(error) == 1, done.stderr
    assert done.stderr.count("\n  ") == len(ERRORS), done.stderr
    assert not (folder / "results").exists()


def test_a_sum_that_does_not_hold_stops_the_review(tmp_path: Path):
    folder = _review(tmp_path / "a review")
    (folder / "extracted/a.csv").write_text("study,events,total\nS1,1,10\nS2,2,10\n")
    (folder / "extracted/risk_of_bias.csv").unlink()
    flow = folder / "extracted/flow.yaml"
    flow.write_text(FILES["extracted/flow.yaml"].replace("1,000", "1000"))
    done = _command("check", folder)
    assert done.returncode == 3
    assert SUM in done.stderr
    flow.write_text(flow.read_text().replace("1220", "1227"))
    assert _command("check", folder).returncode == 0
