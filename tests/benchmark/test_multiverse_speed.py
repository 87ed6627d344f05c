"""Ten thousand specifications of fifteen studies, one in twenty a GLMM, in seconds.

Run with `-s` to see the time, which is of the processor. Half as much again is allowed for noise.
"""

import sys
import time
from pathlib import Path

import pytest

from metamill.exploring.multiverse import multiverse
from metamill.jobs import plan

SPECIFICATIONS, TARGET, NOISE = 10_000, 10.0, 1.5
METHODS = ("DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM", "EE")


def review(folder: Path) -> Path:
    """Fifteen studies of a proportion, four ways to leave some out, twenty models."""
    (folder / "extracted").mkdir(parents=True)
    rows = ["study,events,total,first,second,third,fourth"]
    for i in range(15):
        groups = (i % 5, (i // 2) % 5, (i // 3) % 5, i % 4)
        rows.append(f"S{i},{1 + (7 * i) % 9},{40 + (13 * i) % 60}," + ",".join(map(str, groups)))
    (folder / "extracted" / "a.csv").write_text("\n".join(rows) + "\n")
    models = ["{name: GLMM}"]
    models += [f"{{name: logit {m}, method: {m}}}" for m in METHODS]
    models += [f"{{name: arcsine {m}, measure: PAS, method: {m}}}" for m in METHODS]
    models += ["{name: raw, measure: PR, method: REML}"]
    lines = ["review: {title: T}", "outcomes:", "  a:", "    title: A", "    table: a.csv"]
    lines += ["    measure: PLO", "    multiverse:", "      - decision: Model", "        choices:"]
    equivalent = ", standing: equivalent}"
    lines += [f"          - {model[:-1]}{equivalent}" for model in models]
    for name, size in (("first", 5), ("second", 5), ("third", 5), ("fourth", 4)):
        lines += [f"      - decision: Without some by {name}", "        choices:"]
        lines += ["          - {name: all}"]
        lines += [
            f"          - {{name: without {level}, exclude: {{{name}: '{level}'}}{equivalent}"
            for level in range(1, size)
        ]
    (folder / "config.yaml").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.alone
def test_ten_thousand_specifications_take_less_than_ten_seconds(tmp_path: Path) -> None:
    jobs = plan(review(tmp_path / "review"))
    start = time.process_time()
    found = multiverse(jobs.review.outcomes["a"], jobs.selections["a"])
    seconds = time.process_time() - start
    assert found is not None and found.combinations == SPECIFICATIONS
    distinct = len(found.specifications.k)
    told = f"{found.combinations} combinations, {distinct} specifications: {seconds:.2f} s"
    sys.stdout.write(f"\n{told}\n")
    assert seconds < NOISE * TARGET
