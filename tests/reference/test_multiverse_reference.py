"""Every specification of seven multiverses of published data against metafor, each fitted alone.

Everything goes the way of a review: config.yaml, a table, the job's plan, `multiverse`.
"""

import csv
import json
from functools import cache
from pathlib import Path

import pytest
import yaml

from metamill.exploring.multiverse import multiverse
from metamill.jobs import plan

FROZEN = json.loads(Path(__file__).with_name("multiverse.json").read_text())
SETS = FROZEN["sets"]
NAMES = FROZEN["numbers"]
TOLERANCE = 1e-7
SMALL = {"tau2": 1e-3, "ci_low": 1e-3, "ci_high": 1e-3}
"""Values nearer to zero than this are compared on its scale."""


def write(folder: Path, name: str) -> Path:
    """The review that has this multiverse: a table, and decisions as config.yaml says them."""
    of = SETS[name]
    (folder / "extracted").mkdir(parents=True)
    columns = of["columns"]
    with open(folder / "extracted" / "a.csv", "w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["study", *columns])
        for i, row in enumerate(zip(*columns.values(), strict=True)):
            writer.writerow([f"Study {i + 1}", *row])
    outcome = {
        "title": of["source"],
        "table": "a.csv",
        "measure": of["measure"],
        "method": "REML",
        "test": "adhoc",
        "multiverse": [
            {
                "decision": item["name"],
                "choices": [{"standing": "equivalent"} | choice for choice in item["choices"]],
            }
            for item in of["decisions"]
        ],
    }
    config = {"review": {"title": name}, "outcomes": {"a": outcome}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return folder


@pytest.fixture(scope="module")
def found_of(tmp_path_factory):
    @cache
    def found(name):
        jobs = plan(write(tmp_path_factory.mktemp(name) / "review", name))
        return multiverse(jobs.review.outcomes["a"], jobs.selections["a"])

    return found


def analysis_of(name, choices):
    """What a combination pools and how: equal for combinations that are one analysis."""
    of, settings = SETS[name], {}
    kept = set(range(len(next(iter(of["columns"].values())))))
    for item, place in zip(of["decisions"], choices, strict=True):
        choice = dict(item["choices"][place])
        for column, level in choice.pop("exclude", {}).items():
            kept -= {i for i, cell in enumerate(of["columns"][column]) if cell == level}
        settings |= {key: value for key, value in choice.items() if key != "name"}
    return frozenset(kept), tuple(sorted(settings.items()))


@pytest.mark.parametrize("name", SETS)
def test_every_specification_equals_metafor(name, found_of):
    columns = found_of(name).specifications
    held = zip(*columns.choices, strict=True)
    at = {analysis_of(name, choices): i for i, choices in enumerate(held)}
    for case in SETS[name]["cases"]:
        index = at[analysis_of(name, case["choices"])]
        ours = [getattr(columns, field)[index] for field in NAMES]
        for field, mine, theirs in zip(NAMES, ours, case["numbers"], strict=True):
            if theirs is None:
                assert mine is None, (case["choices"], field)
                continue
            close = pytest.approx(theirs, rel=TOLERANCE, abs=TOLERANCE * SMALL.get(field, 0))
            assert mine == close, (case["choices"], field)


@pytest.mark.parametrize("name", SETS)
def test_no_combination_is_missing_and_equal_ones_are_one(name, found_of):
    found = found_of(name)
    cases = SETS[name]["cases"]
    distinct = {analysis_of(name, case["choices"]) for case in cases}
    assert found.combinations == sum(found.specifications.combinations) == len(cases)
    assert len(found.specifications.k) == len(distinct) and found.conflicting == 0


def test_three_quarters_of_the_bcg_multiverse_find_protection(found_of):
    """The conclusion of Colditz et al. 1994 holds for most ways to pool, and not for all."""
    found = found_of("bcg")
    each = {analysis_of("bcg", case["choices"]): case for case in SETS["bcg"]["cases"]}
    cases = [case["numbers"] for case in each.values()]
    below = sum(case[3] < 1 for case in cases)
    beside = found.summaries[0].beside[0]
    assert (beside.value, beside.kind) == (1.0, "null")
    assert beside.below == below and beside.above == sum(case[2] > 1 for case in cases)
    assert beside.other_side == sum(case[1] > 1 for case in cases)
