"""Effect sizes, sampling variances and back-transformations against metafor's escalc."""

import json
from pathlib import Path

import numpy as np
import pytest

from metamill.measures import MEASURES, effect_sizes, to_natural

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
CORRECTED = ONE_GROUP | {"IRLN", "OR", "RR", "RD"}


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


@pytest.mark.parametrize(
    "case", FROZEN["natural"], ids=lambda case: f"{case['measure']}-{len(case.get('sizes', []))}"
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


def test_the_grid_holds_zero_and_full_cells_for_every_corrected_measure():
    for measure in CORRECTED:
        cases = [case["columns"] for case in FROZEN["cases"] if case["measure"] == measure]
        arms = ["_treatment", "_control"] if measure in {"OR", "RR", "RD"} else [""]
        for arm in arms:
            assert any(0 in columns[f"events{arm}"] for columns in cases)
            if measure != "IRLN":
                assert any(
                    np.equal(columns[f"events{arm}"], columns[f"total{arm}"]).any()
                    for columns in cases
                )


def test_generic_effects_pass_through_unchanged():
    effects = effect_sizes("GEN", {"yi": [0.3, -1.25], "vi": [0.04, 0.5]})
    assert effects.yi.tolist() == [0.3, -1.25]
    assert effects.vi.tolist() == [0.04, 0.5]
    assert not effects.corrected.any()
