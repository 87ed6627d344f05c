"""The multiverse: its numbers are those of single analyses, and what it says of them is counted."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import yaml

from metamill.analysis import analyse
from metamill.config.settings import outcome_from_dict
from metamill.errors import ConfigError
from metamill.explored.multiverse import Multiverse
from metamill.exploring.multiverse import multiverse
from metamill.jobs import Jobs, plan
from metamill.pooling.decomposition import main_effects

PROPORTIONS = """\
study,cohort,events,total,value_status,design
A,,3,40,,cohort
B,,0,25,implied_zero,cohort
C,,7,61,,series
D,,2,18,derived_from_percent,series
E,X,5,90,,cohort
F,,1,33,,series
G,,9,47,,cohort
H,X,4,52,,series
"""
CHANGES = """\
study,mean_pre,sd_pre,mean_post,sd_post,n,correlation,scale,setting
A,60,12,31,14,30,0.6,ODI,primary
B,55,10,30,11,24,,ODI,primary
C,58,15,22,12,41,,ODI,salvage
D,49,9,35,10,18,,ODI,primary
E,62,11,28,13,29,,ODI,salvage
F,57,14,33,16,35,0.4,ODI,primary
"""
TRIALS = """\
study,events_treatment,total_treatment,events_control,total_control,group
A,3,60,6,60,x
B,0,45,4,50,x
C,8,71,9,66,y
D,2,38,7,41,y
E,5,90,12,88,x
F,11,120,10,118,y
"""
MODELS = [
    {"name": "GLMM"},
    {"name": "logit", "method": "REML"},
    {"name": "logit, common", "method": "EE", "test": "z"},
    {"name": "arcsine", "measure": "PAS", "method": "DL"},
    {"name": "double arcsine", "measure": "PFT", "method": "PM", "test": "knha"},
    {"name": "beta-binomial", "method": "BETABIN", "standing": "uncertain"},
]
SETS = {
    "proportions": (
        PROPORTIONS,
        {"measure": "PLO", "exclude": [{"study": "H", "reason": "patients of E"}]},
        [
            ("Model", MODELS),
            (
                "Rows",
                [
                    {"name": "all"},
                    {"name": "no zeros", "exclude": {"value_status": "implied_zero"}},
                    {"name": "cohorts", "exclude": {"design": "series"}},
                    {"name": "H for E", "include": {"study": "H"}, "exclude": {"study": "E"}},
                ],
            ),
        ],
    ),
    "changes": (
        CHANGES,
        {"measure": "MC", "direction": "lower", "scale": {"important_difference": 24}},
        [
            (
                "Correlation",
                [
                    {"name": "of siblings"},
                    {"name": "0.2", "correlation": 0.2},
                    {"name": "0.8", "correlation": 0.8, "standing": "uncertain"},
                ],
            ),
            ("Method", [{"name": "REML"}, {"name": "EB", "method": "EB"}]),
            ("Interval", [{"name": "adhoc"}, {"name": "z", "test": "z"}]),
            (
                "Salvage",
                [
                    {"name": "in"},
                    {
                        "name": "out",
                        "exclude": {"setting": "salvage"},
                        "standing": "non-equivalent",
                    },
                ],
            ),
        ],
    ),
    "trials": (
        TRIALS,
        {"measure": "OR", "direction": "lower"},
        [
            (
                "Model",
                [
                    {"name": "REML"},
                    {"name": "MH", "method": "MH"},
                    {"name": "Peto", "method": "PETO"},
                    {"name": "GLMM", "method": "GLMM", "glmm": "CM.EL"},
                    {"name": "Bayes", "method": "BAYES", "standing": "uncertain"},
                    {"name": "PL", "method": "ML", "test": "pl"},
                ],
            ),
            (
                "Correction",
                [{"name": "0.5"}, {"name": "0.1", "add": 0.1}, {"name": "all", "to": "if0all"}],
            ),
            ("Group", [{"name": "both"}, {"name": "x", "exclude": {"group": "y"}}]),
        ],
    ),
}


QUIET = {
    "small_study_effects": False,
    "automatic_sensitivity": False,
    "flip_points": False,
    "gosh": 0,
    "permutations": 0,
}


def write(folder: Path, table: str, outcome: dict, decisions: list, sensitivity=()) -> Path:
    (folder / "extracted").mkdir(parents=True, exist_ok=True)
    (folder / "extracted" / "a.csv").write_text(table)
    entry = {"title": "A", "table": "a.csv", "explorations": QUIET, **outcome}
    if decisions:
        entry["multiverse"] = [
            {"decision": n, "choices": [{"standing": "equivalent"} | item for item in c]}
            for n, c in decisions
        ]
    if sensitivity:
        entry["sensitivity"] = list(sensitivity)
    config = {"review": {"title": "T"}, "outcomes": {"a": entry}}
    # by way of JSON, as YAML would write what stands twice as an alias
    plain = json.loads(json.dumps(config))
    (folder / "config.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))
    return folder


def found_in(jobs: Jobs) -> Multiverse:
    found = multiverse(jobs.review.outcomes["a"], jobs.selections["a"])
    assert found is not None
    return found


def run(folder: Path, table: str, outcome: dict, decisions: list) -> Multiverse:
    return found_in(plan(write(folder, table, outcome, decisions)))


@pytest.mark.parametrize("name", SETS)
def test_every_specification_is_bit_for_bit_the_analysis_of_the_same_settings(tmp_path, name):
    table, outcome, decisions = SETS[name]
    found = run(tmp_path, table, outcome, decisions)
    wanted = []
    for number, taken in enumerate(product(*(choices for _, choices in decisions))):
        merged = {"name": str(number)}
        for choice in taken:
            keys = {k: v for k, v in choice.items() if k not in ("name", "standing")}
            assert not {"include", "exclude"} & keys.keys() & merged.keys()
            merged |= keys
        wanted.append(merged)
    asked = [item for item in wanted if len(item) > 1]
    used: list = []
    refused: set[str] = set()
    for item in asked:
        try:
            plan(write(tmp_path, table, outcome, [], [item]))
            used.append(item)
        except ConfigError as error:
            refused |= {problem.code for problem in error.problems}
    assert refused <= {"idle-setting", "same-analysis"}
    jobs = plan(write(tmp_path, table, outcome, decisions, used))
    alone = {
        a.name: a.pooled for a in analyse(jobs.review.outcomes["a"], jobs.selections["a"]).analyses
    }
    columns, compared = found.specifications, 0
    sizes = [len(choices) for _, choices in decisions]
    for index, choices in enumerate(zip(*columns.choices, strict=True)):
        number = int(np.ravel_multi_index(choices, sizes))
        key = "primary" if index == found.prespecified else f"sensitivity:{number}"
        if key not in alone:
            continue
        pooled = alone[key]
        for field in ("k", "estimate", "ci_low", "ci_high", "p_value", "tau2"):
            assert getattr(columns, field)[index] == getattr(pooled, field), (key, field)
        compared += 1
    assert compared == len(columns.k)


def test_choices_that_come_to_the_same_analysis_are_one_specification(tmp_path):
    table, outcome, decisions = SETS["trials"]
    found = run(tmp_path, table, outcome, decisions)
    # the correction means something to REML, ML and Bayes of the effects, not to the other three
    assert found.combinations == 36 and len(found.specifications.k) == 2 * (3 * 3 + 3)
    assert sorted(set(found.specifications.combinations)) == [1, 3]


def test_a_choice_that_changes_no_analysis_is_named(tmp_path):
    table, outcome, _ = SETS["changes"]
    full = table.replace(",,ODI", ",0.5,ODI")
    rows = [
        ("Rows", [{"name": "all"}, {"name": "printed", "rows": "as printed"}]),
        ("Method", [{"name": "REML"}, {"name": "DL", "method": "DL"}]),
    ]
    found = run(tmp_path, full, outcome, rows)
    assert found.without_effect == ("Rows: printed",)
    assert len(found.specifications.k) == 2 and found.combinations == 4


def test_combinations_that_cannot_be_are_counted_by_reason(tmp_path):
    table, outcome, _ = SETS["proportions"]
    decisions = [
        ("Model", [{"name": "GLMM"}, {"name": "logit", "method": "REML"}]),
        ("Interval", [{"name": "t"}, {"name": "Knapp-Hartung", "test": "knha"}]),
        ("H", [{"name": "out"}, {"name": "in", "include": {"study": "H"}}]),
    ]
    found = run(tmp_path, table, outcome, decisions)
    assert found.combinations == 8 and found.conflicting == 5
    told = {item.reason: item.combinations for item in found.refused}
    assert told == {
        "knha is no test of method GLMM": 2,
        "H: shares its cohort X with E (line 6), and both would be pooled": 3,
    }
    assert found.interactions is None


def test_no_row_left_is_a_reason(tmp_path):
    table, outcome, _ = SETS["trials"]
    decisions = [
        ("X", [{"name": "in"}, {"name": "out", "exclude": {"group": "x"}}]),
        ("Y", [{"name": "in"}, {"name": "out", "exclude": {"group": "y"}}]),
    ]
    found = run(tmp_path, table, outcome, decisions)
    assert [(r.reason, r.combinations) for r in found.refused] == [("no row is left to pool", 1)]


def test_what_is_not_equivalent_is_shown_and_never_counted(tmp_path):
    table, outcome, decisions = SETS["changes"]
    found = run(tmp_path, table, outcome, decisions)
    columns, counted, *each = found.specifications, *found.summaries
    out = decisions[3][1][1]
    assert out["standing"] == "non-equivalent"
    other = [i for i, place in enumerate(columns.choices[3]) if place == 1]
    assert {columns.standing[i] for i in other} == {2}
    assert counted.standings == ("equivalent", "uncertain") and counted.specifications == 12
    assert [s.specifications for s in each] == [8, 4, 12]
    own = [e for e, s in zip(columns.estimate, columns.standing, strict=True) if s < 2]
    assert counted.quantiles == tuple(np.quantile(own, counted.levels))
    without = [choices for choices in decisions if choices[0] != "Salvage"]
    smaller = run(tmp_path / "b", table, outcome, without)
    assert smaller.summaries[0] == counted and smaller.rank == found.rank
    assert [d.share for d in smaller.decisions] == [d.share for d in found.decisions[:3]]
    assert found.decisions[3].share is None and found.decisions[3].spread is None


def test_sides_of_the_null_and_of_the_important_difference_are_counted(tmp_path):
    table, outcome, decisions = SETS["changes"]
    found = run(tmp_path, table, outcome, decisions)
    columns, (null, threshold) = found.specifications, found.summaries[0].beside
    assert (null.value, null.kind, threshold.value, threshold.kind) == (0, "null", -24, "threshold")
    rows = [i for i, standing in enumerate(columns.standing) if standing < 2]
    own = columns.estimate[found.prespecified]
    crossing = [i for i in rows if (columns.estimate[i] < -24) != (own < -24)]
    assert threshold.other_side == len(crossing) and null.other_side == 0
    assert null.below == len(rows) and null.changed == 0
    spanning = [i for i in rows if columns.ci_low[i] <= -24 <= columns.ci_high[i]]
    assert threshold.including == len(spanning)
    assert threshold.below + threshold.above + threshold.including == len(rows)


def test_the_pre_specified_specification_is_the_primary_analysis(tmp_path):
    for name, (table, outcome, decisions) in SETS.items():
        jobs = plan(write(tmp_path / name, table, outcome, decisions))
        primary = analyse(jobs.review.outcomes["a"], jobs.selections["a"]).primary.pooled
        found, columns = found_in(jobs), found_in(jobs).specifications
        at = found.prespecified
        assert columns.estimate[at] == primary.estimate and columns.ci_low[at] == primary.ci_low
        assert columns.standing[at] == 0 and all(not of[at] for of in columns.choices)
        known = sorted(e for e, s in zip(columns.estimate, columns.standing, strict=True) if s < 2)
        assert known[found.rank - 1] == primary.estimate


def test_no_multiverse_is_run_where_none_is_asked_for(tmp_path):
    table, outcome, _ = SETS["trials"]
    jobs = plan(write(tmp_path, table, outcome, []))
    assert multiverse(jobs.review.outcomes["a"], jobs.selections["a"]) is None


def test_rows_that_the_audit_doubts_are_a_decision(tmp_path):
    # no scores between 0 and 100 with a mean of 60 have an SD of 75
    table = CHANGES + "G,60,75,30,10,20,,ODI,primary\n"
    outcome = {**SETS["changes"][1]}
    outcome["scale"] = {"min": 0, "max": 100, "important_difference": 24}
    decisions = [
        (
            "Doubted",
            [
                {"name": "held out"},
                {"name": "as printed", "rows": "as printed"},
                {"name": "without", "rows": "without doubted", "standing": "uncertain"},
            ],
        )
    ]
    found = run(tmp_path, table, outcome, decisions)
    assert found.specifications.k == (6, 7) and found.specifications.combinations == (2, 1)


def test_several_effects_of_a_study_are_pooled_as_such_or_refused(tmp_path):
    table = (
        "study,arm,yi,vi\nA,x,0.2,0.04\nA,y,0.5,0.05\nB,x,0.1,0.02\nC,x,0.6,0.09\nC,y,0.3,0.05\n"
    )
    outcome = {"measure": "GEN", "method": "RVE", "test": "cr2"}
    decisions = [
        (
            "Model",
            [
                {"name": "RVE"},
                {"name": "three levels", "method": "MV", "test": "t"},
                {"name": "one per study", "method": "REML", "aggregate": True, "test": "adhoc"},
                {"name": "as if independent", "method": "REML", "test": "adhoc"},
            ],
        )
    ]
    found = run(tmp_path, table, outcome, decisions)
    assert found.conflicting == 1 and "in one pool twice" in found.refused[0].reason
    assert found.specifications.k == (3, 3, 3)


def test_settings_with_decisions_survive_json(tmp_path):
    table, outcome, decisions = SETS["proportions"]
    jobs = plan(write(tmp_path, table, outcome, decisions))
    again = outcome_from_dict(json.loads(jobs.settings("a")))
    assert again == jobs.review.outcomes["a"]


def test_shares_are_those_of_a_balanced_analysis_of_variance():
    rng = np.random.default_rng(3)
    levels = np.array(list(product(range(3), range(2), range(4)))).T
    effect = [np.array([0.0, 1.0, 4.0]), np.array([0.0, 2.0]), np.zeros(4)]
    additive = sum(of[level] for of, level in zip(effect, levels, strict=True))
    found = main_effects(additive, levels)
    between = [24 * of.var() for of in effect]
    assert found.shares == pytest.approx(np.array(between) / sum(between), abs=1e-12)
    assert found.rest == pytest.approx(0, abs=1e-12)
    noisy = main_effects(additive + rng.normal(size=24), levels)
    assert noisy.shares.sum() + noisy.rest == pytest.approx(1) and noisy.rest > 0


def test_a_level_that_does_not_occur_leaves_a_design_balanced():
    levels = np.array(list(product((0, 2), range(3)))).T
    found = main_effects(np.arange(6.0) ** 2, levels)
    assert found.shares.sum() + found.rest == pytest.approx(1) and np.isfinite(found.rest)


def test_shares_do_not_depend_on_units_and_identical_values_have_none():
    levels = np.array(list(product(range(2), range(3)))).T
    y = np.array([1.0, 2.0, 4.0, 3.0, 7.0, 1.5])
    plain, scaled = main_effects(y, levels), main_effects(1e-9 * y + 1e-8, levels)
    assert scaled.shares == pytest.approx(plain.shares, rel=1e-9)
    assert (
        main_effects(np.full(6, 0.1), levels) is None and main_effects(y[:1], levels[:, :1]) is None
    )
    assert np.isnan(main_effects(y[:5], levels[:, :5]).rest)


def test_a_larger_standing_never_makes_a_specification_better(tmp_path):
    """One analysis reached by several combinations has the standing of the best of them."""
    table, outcome, _ = SETS["trials"]
    decisions = [
        ("Model", [{"name": "REML"}, {"name": "MH", "method": "MH"}]),
        (
            "Correction",
            [{"name": "0.5"}, {"name": "0.1", "add": 0.1, "standing": "non-equivalent"}],
        ),
    ]
    found = run(tmp_path, table, outcome, decisions)
    columns = found.specifications
    told = dict(zip(zip(*columns.choices, strict=True), columns.standing, strict=True))
    assert told == {(0, 0): 0, (0, 1): 2, (1, 0): 0}


def test_order_of_decisions_changes_no_number(tmp_path):
    table, outcome, decisions = SETS["changes"]
    one = run(tmp_path / "a", table, outcome, decisions)
    two = run(tmp_path / "b", table, outcome, decisions[::-1])
    assert sorted(one.specifications.estimate) == sorted(two.specifications.estimate)
    assert one.summaries == two.summaries and one.rank == two.rank
    shares = {d.name: d.share for d in one.decisions}
    for item in two.decisions:
        share = shares[item.name]
        assert item.share == (None if share is None else pytest.approx(share, rel=1e-12))
    assert replace(one, decisions=()) != replace(two, decisions=())
