"""Effect sizes, sampling variances and back-transformations against metafor's escalc.

Limits of single studies are compared with those of R's prop.test (without continuity correction)
and poisson.test, and with Fisher's z by metafor's transformations.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from metamill.measures import MEASURES, effect_sizes, to_natural
from metamill.measures.registry import study_limits
from metamill.measures.scales import BACK

FROZEN = json.loads(Path(__file__).with_name("effect_sizes.json").read_text())
TOLERANCE = 1e-9
ONE_GROUP = {"PR", "PLN", "PLO", "PAS", "PFT"}
RULES = {
    (None, None),
    (0.5, "only0"),
    (0.5, "all"),
    (0.5, "if0all"),
    (0.5, "none"),
    (0.1, "only0"),
    (0.0, "only0"),
}
RATES = {"IR", "IRLN", "IRS"}
TWO_GROUPS = {"OR", "RR", "RD", "AS"}
TWO_RATES = {"IRR", "IRD"}
CORRECTED = ONE_GROUP | RATES | TWO_GROUPS | TWO_RATES

KNOWN_DIFFERENCES = {("ROM", "edges"): {4: "both means below zero"}}
"""Rows (by position) to which metafor gives an effect that is refused here, and why."""


def name(case):
    rule = "default" if case["to"] is None else f"{case['to']}-{case['add']:g}"
    return f"{case['measure']}-{case['set']}-{rule}"


def numbers(values):
    """Frozen numbers as floats; null, where metafor has no finite effect, as nan."""
    return np.array([np.nan if value is None else float(value) for value in values])


def assert_same(ours, frozen, label):
    """Relative comparison; an effect or variance of exactly zero must be zero to rounding."""
    scale = np.where(frozen == 0, 1e-6, np.abs(frozen))
    error = np.abs(ours - frozen) / scale
    assert np.all(error <= TOLERANCE), f"{label}: {ours} against {frozen}"


@pytest.mark.parametrize("case", FROZEN["cases"], ids=name)
def test_effects_and_variances_are_those_of_escalc(case):
    effects = effect_sizes(case["measure"], case["columns"], add=case["add"], to=case["to"])
    yi, vi = numbers(case["yi"]), numbers(case["vi"])
    exists = np.isfinite(yi) & np.isfinite(vi)
    for row in KNOWN_DIFFERENCES.get((case["measure"], case["set"]), {}):
        assert exists[row]
        exists[row] = False
    finite = np.isfinite(effects.yi) & np.isfinite(effects.vi)
    assert finite.tolist() == exists.tolist()
    assert_same(effects.yi[exists], yi[exists], "yi")
    assert_same(effects.vi[exists], vi[exists], "vi")


@pytest.mark.parametrize("case", FROZEN["cases"], ids=name)
def test_rows_marked_corrected_are_those_the_correction_changed(case):
    """`corrected` is true exactly where the frozen numbers differ from those without correction."""
    effects = effect_sizes(case["measure"], case["columns"], add=case["add"], to=case["to"])
    if case["measure"] not in CORRECTED:
        assert not effects.corrected.any()
        return
    plain = next(
        other
        for other in FROZEN["cases"]
        if (other["measure"], other["set"]) == (case["measure"], case["set"])
        and (other["add"], other["to"]) == (0, "only0")
    )
    changed = (np.array(case["yi"]) != np.array(plain["yi"])) | (
        np.array(case["vi"]) != np.array(plain["vi"])
    )
    assert effects.corrected.tolist() == changed.tolist()


def test_a_ratio_of_means_below_zero_is_refused_because_it_says_the_opposite():
    """Where less is below zero, -2 against -3 is the larger mean and its ratio is below 1."""
    group = {"sd_treatment": [1.0], "n_treatment": [5], "sd_control": [1.0], "n_control": [5]}
    larger = {"mean_treatment": [-2.0], "mean_control": [-3.0]}
    assert effect_sizes("MD", group | larger).yi[0] > 0
    assert np.log(-2.0 / -3.0) < 0
    assert np.isnan(effect_sizes("ROM", group | larger).yi[0])


@pytest.mark.parametrize(
    "case",
    FROZEN["natural"],
    ids=lambda case: f"{case['measure']}-{len(case.get('sizes', []))}",
)
def test_back_transformations_are_those_of_metafor(case):
    natural = to_natural(case["measure"], case["x"], sizes=case.get("sizes"))
    assert_same(natural, numbers(case["value"]), case["measure"])


def test_the_grid_covers_every_measure_and_every_correction_rule():
    grid = {}
    for case in FROZEN["cases"]:
        key = case["measure"], case["set"]
        grid.setdefault(key, []).append((case["add"], case["to"]))
    assert {measure for measure, _ in grid} == set(MEASURES) - {"GEN"}
    for (measure, _), rules in grid.items():
        expected = RULES if measure in CORRECTED else {(None, None)}
        assert set(rules) == expected
        assert len(rules) == len(expected)


def test_every_measure_has_two_published_tables_and_constructed_edges():
    for measure in set(MEASURES) - {"GEN"}:
        sources = {c["set"]: c["source"] for c in FROZEN["cases"] if c["measure"] == measure}
        constructed = [name for name, text in sources.items() if text.startswith("constructed")]
        assert constructed and len(sources) - len(constructed) >= 2, measure


def test_every_scale_that_is_turned_back_is_frozen():
    assert {case["measure"] for case in FROZEN["natural"]} >= set(MEASURES) - {"GEN"}
    assert {MEASURES[code].scale for code in MEASURES} - {"PFT"} <= set(BACK)


def test_the_grid_holds_zero_and_full_cells_for_every_corrected_measure():
    for measure in CORRECTED:
        cases = [case["columns"] for case in FROZEN["cases"] if case["measure"] == measure]
        arms = ["_treatment", "_control"] if measure in TWO_GROUPS | TWO_RATES else [""]
        for arm in arms:
            assert any(0 in columns[f"events{arm}"] for columns in cases)
            if measure not in RATES | TWO_RATES:
                assert any(
                    np.equal(columns[f"events{arm}"], columns[f"total{arm}"]).any()
                    for columns in cases
                )
        if len(arms) == 2:
            assert any(
                (0, 0) in zip(columns["events_treatment"], columns["events_control"], strict=True)
                for columns in cases
            )


LIMITED = {"PR", "PLO"} | RATES | {"COR", "ZCOR"}


@pytest.mark.parametrize(
    "case", FROZEN["limits"], ids=lambda case: f"{case['measure']}-{case['level']:g}"
)
def test_limits_of_single_studies_are_those_of_r(case):
    columns = {name: np.array(values, float) for name, values in case["columns"].items()}
    effects = effect_sizes(case["measure"], columns)
    _, low, high = study_limits(case["measure"], columns, effects, case["level"])
    for ours, frozen in ((low, numbers(case["low"])), (high, numbers(case["high"]))):
        assert np.isfinite(ours).tolist() == np.isfinite(frozen).tolist()
        known = np.isfinite(frozen)
        assert np.all(np.abs(ours - frozen)[known] <= TOLERANCE * np.maximum(1, frozen[known]))


def test_the_limits_are_frozen_at_two_levels_for_every_measure_that_has_its_own():
    assert {(c["measure"], c["level"]) for c in FROZEN["limits"]} == {
        (measure, level) for measure in LIMITED for level in (90, 95)
    }


def test_exchanging_the_groups_turns_the_sign_of_every_comparison():
    for case in FROZEN["cases"]:
        if MEASURES[case["measure"]].null is None or "_control" not in "".join(case["columns"]):
            continue
        other = {"treatment": "control", "control": "treatment"}
        arms = {name: name.rpartition("_") for name in case["columns"]}
        swapped = {
            f"{kind}_{other[arm]}": case["columns"][name] for name, (kind, _, arm) in arms.items()
        }
        rules = {"add": case["add"], "to": case["to"]}
        one = effect_sizes(case["measure"], case["columns"], **rules)
        two = effect_sizes(case["measure"], swapped, **rules)
        known = np.isfinite(one.yi) & np.isfinite(one.vi)
        assert np.allclose(one.yi[known], -two.yi[known], rtol=1e-12, atol=1e-14)
        assert np.allclose(one.vi[known], two.vi[known], rtol=1e-12, atol=0)


def test_generic_effects_pass_through_unchanged():
    effects = effect_sizes("GEN", {"yi": [0.3, -1.25], "vi": [0.04, 0.5]})
    assert effects.yi.tolist() == [0.3, -1.25]
    assert effects.vi.tolist() == [0.04, 0.5]
    assert not effects.corrected.any()
