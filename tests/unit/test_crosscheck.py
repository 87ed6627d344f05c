"""The second engines agree with right numbers and find every number that is changed."""

from dataclasses import replace

import numpy as np
import pytest

from metamill.analysis import analyse
from metamill.config.settings import Model, Outcome, Plan
from metamill.pooling import METHODS, TESTS
from metamill.record.crosscheck import LOWER_MAXIMUM, crosscheck
from metamill.results import Analysis, Result
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

COUNTS = [("3", "40"), ("5", "30"), ("0", "50"), ("9", "44"), ("2", "61"), ("7", "20")]
NATURAL = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
MEAN = ("mu", "se", "mu_low", "mu_high")
SPREAD = ("tau2", "tau", "i2", "h2", "q", "q_p")


def result_of(model: Model, subgroups: tuple[str, ...] = ()) -> Result:
    rows = tuple(
        TableRow(
            i + 2, {"study": f"S{i}", "events": x, "total": n, "setting": "a" if i < 3 else "b"}
        )
        for i, (x, n) in enumerate(COUNTS)
    )
    return analyse(
        Outcome("o", "t.csv", {}, (Plan("primary", model),), subgroups),
        Selection("extracted/t.csv", rows, ()),
    )


def effects_of(y: list[float], v: list[float], method: str, test: str = "z") -> Result:
    rows = tuple(
        TableRow(i + 2, {"study": f"S{i}", "yi": repr(a), "vi": repr(b)})
        for i, (a, b) in enumerate(zip(y, v, strict=True))
    )
    plan = Plan("primary", Model("GEN", method, test))
    return analyse(Outcome("o", "t.csv", {}, (plan,)), Selection("extracted/t.csv", rows, ()))


def tampered(result: Result, field: str, value: float | None) -> Result:
    primary = result.primary
    changed: Analysis = replace(primary, pooled=replace(primary.pooled, **{field: value}))
    return replace(result, analyses=(changed, *result.analyses[1:]))


def disagreeing(result: Result) -> set[str]:
    return {check.quantity for check in crosscheck(result) if not check.agrees}


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("method", METHODS)
def test_right_numbers_agree(method: str, test: str):
    assert disagreeing(result_of(Model("PLO", method, test))) == set()


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("method", [m for m in METHODS if m != "EE"])
def test_every_number_of_a_random_effects_pool_is_recomputed(method: str, test: str):
    result = result_of(Model("PLO", method, test))
    for field in (*NATURAL, *MEAN, *SPREAD, "tau2_low", "tau2_high"):
        value = getattr(result.primary.pooled, field)
        changed = tampered(result, field, value * 1.05 + 1e-3)
        assert field in disagreeing(changed), f"{field} is checked by nobody"


def test_every_number_of_a_glmm_but_the_limits_of_tau2_is_recomputed():
    result = result_of(Model("PLO", "GLMM", "t"))
    assert disagreeing(result) == set()
    for field in (*NATURAL, *MEAN, "tau2", "tau", "q", "q_p", "marginal"):
        value = getattr(result.primary.pooled, field)
        assert field in disagreeing(tampered(result, field, value * 1.01 + 1e-3)), field


@pytest.mark.parametrize("field", ["mu", "se", "mu_low", "tau2", "tau2_high", "q", "pi_low"])
def test_a_missing_number_is_a_disagreement(field: str):
    assert field in disagreeing(tampered(result_of(Model("PLO")), field, None))


def test_the_p_value_is_recomputed_where_no_effect_has_a_meaning():
    change = {"mean_pre": "50", "sd_pre": "9", "sd_post": "8", "n": "30"}
    rows = tuple(
        TableRow(i + 2, {"study": f"S{i}", "mean_post": post, **change})
        for i, post in enumerate(("30", "35", "41"))
    )
    plan = Plan("primary", Model("MC"))
    result = analyse(Outcome("o", "t.csv", {}, (plan,)), Selection("extracted/t.csv", rows, ()))
    assert disagreeing(result) == set()
    p = result.primary.pooled.p_value
    assert "p_value" in disagreeing(tampered(result, "p_value", p * 1.01))


def test_the_test_between_subgroups_is_recomputed():
    result = result_of(Model("PLO"), ("setting",))
    assert disagreeing(result) == set()
    (test,) = result.subgroup_tests
    changed = replace(result, subgroup_tests=(replace(test, q=test.q * 1.01),))
    assert disagreeing(changed) == {"q"}


def test_a_lower_maximum_of_the_engine_excuses_tau2_and_nothing_else():
    y = [-6.198, -0.024, 0.053]
    v = [6.26, 8.4e-4, 1.7e-5]
    result = effects_of(y, v, "ML")
    notes = {check.quantity: check.note for check in crosscheck(result)}
    assert disagreeing(result) == set()
    assert LOWER_MAXIMUM not in {notes[q] for q in ("mu", "se", "q", "tau2_low", "tau2_high")}
    for field in ("mu_low", "mu_high", "tau2_high"):
        value = getattr(result.primary.pooled, field)
        assert field in disagreeing(tampered(result, field, value * 3))


@pytest.mark.parametrize("around", [0.0, 100.0, 1000.0])
def test_effects_with_many_digits_raise_no_false_alarm(around: float):
    random = np.random.default_rng(7)
    for _ in range(10):
        y = (around + random.normal(size=12) / 3).tolist()
        v = (random.uniform(0.5, 2, size=12) / 7).tolist()
        assert disagreeing(effects_of(y, v, "REML", "adhoc")) == set()


def test_identical_effects_raise_no_false_alarm():
    y = [10.1 - 5.1, 7.3 - 2.3, 8.2 - 3.2, 6.4 - 1.4]
    result = effects_of(y, [0.1, 0.2, 0.3, 0.4], "REML", "knha")
    assert result.primary.pooled.se is None
    assert disagreeing(result) == set()
