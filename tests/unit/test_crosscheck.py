"""The second engines agree with right numbers and find every number that is changed."""

from dataclasses import replace

import numpy as np
import pytest

from metamill.analysis import analyse
from metamill.config.methods import METHODS as CONFIGURED
from metamill.config.settings import Model, Outcome, Plan
from metamill.pooling import METHODS
from metamill.record import recompute
from metamill.record.crosscheck import LOWER_MAXIMUM, crosscheck, numbers_of
from metamill.results import Analysis, Pooled, Result
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

ONE_GROUP = "events,total,clusters"
COUNTS = ["3,40,20", "5,30,15", "0,50,25", "9,44,40", "2,61,30", "7,20,10"]
TWO_GROUPS = "events_treatment,total_treatment,events_control,total_control"
TABLES = ["3,40,6,42", "5,31,9,30", "0,50,2,48", "9,44,8,40", "2,61,7,66"]
RATES = "events_treatment,time_treatment,events_control,time_control"
TIMES = ["3,40.5,6,42", "5,31,9,30.2", "0,50,2,48", "9,44,8,40"]
EFFECTS = "yi,vi"
SPREAD_OUT = ["0.10,0.02", "0.55,0.04", "-0.20,0.03", "0.31,0.01", "0.92,0.05", "0.44,0.02"]
SEVERAL = [f"{row},{study}" for row, study in zip(SPREAD_OUT, "AABBCC", strict=True)]

COMPUTED_ALONE = ("shortest interval",)
"""Parts of the names of numbers that no engine computes."""

CASES = {
    "DL2": (Model("PLO", "DL2", "t", prediction_interval="knha"), ONE_GROUP, COUNTS),
    "DL with thresholds": (Model("PLO", "DL", "z", thresholds=(0.1, 0.3)), ONE_GROUP, COUNTS),
    "PM": (Model("PAS", "PM", "knha", prediction_interval="hts"), ONE_GROUP, COUNTS),
    "EE": (Model("PFT", "EE", "z"), ONE_GROUP, COUNTS),
    "ML, profile": (Model("GEN", "ML", "pl", tau2_interval="PL"), EFFECTS, SPREAD_OUT),
    "REML, z prediction": (Model("RD", prediction_interval="z"), TWO_GROUPS, TABLES),
    "aggregate": (Model("GEN", rho=0.6, aggregate=True), EFFECTS + ",study", SEVERAL),
    "CR2": (Model("GEN", "REML", "cr2"), EFFECTS + ",study", SEVERAL),
    "CR2, equal effects": (Model("GEN", "EE", "cr2"), EFFECTS + ",study", SEVERAL),
    "RVE": (Model("GEN", "RVE", "cr2", rho=0.8), EFFECTS + ",study", SEVERAL),
    "MV": (Model("GEN", "MV", "t", rho=0.5), EFFECTS + ",study", SEVERAL),
    "MV, CR2": (Model("GEN", "MV", "cr2", rho=0.5), EFFECTS + ",study", SEVERAL),
    "MH OR": (Model("OR", "MH", "z"), TWO_GROUPS, TABLES),
    "MH RR": (Model("RR", "MH", "z"), TWO_GROUPS, TABLES),
    "MH RD": (Model("RD", "MH", "z"), TWO_GROUPS, TABLES),
    "MH IRR": (Model("IRR", "MH", "z"), RATES, TIMES),
    "MH IRD": (Model("IRD", "MH", "z"), RATES, TIMES),
    "PETO": (Model("OR", "PETO", "z"), TWO_GROUPS, TABLES),
    "GLMM": (Model("PLO", "GLMM", "t"), ONE_GROUP, COUNTS),
    "GLMM, ICC": (Model("PLO", "GLMM", "t", icc=0.1), ONE_GROUP, COUNTS),
    "GLMM rates": (Model("IRLN", "GLMM", "z"), "events,time", ["3,40", "9,30", "0,50", "2,61.5"]),
    "UM.FS": (Model("OR", "GLMM", "t"), TWO_GROUPS, TABLES),
    "CM.AL": (Model("OR", "GLMM", "t", glmm="CM.AL"), TWO_GROUPS, TABLES),
    "CM.EL": (Model("OR", "GLMM", "z", glmm="CM.EL"), TWO_GROUPS, TABLES),
    "UM.FS rates": (Model("IRR", "GLMM", "t"), RATES, TIMES),
    "BETABIN": (Model("PLO", "BETABIN", "t"), ONE_GROUP, COUNTS),
    "BAYES": (Model("SMCC", "BAYES", "posterior", thresholds=(0.5,)), "", []),
    "BAYES counts": (Model("PLO", "BAYES", "posterior"), ONE_GROUP, COUNTS[:3]),
}
CHANGED = {
    "DL2": ("tau2", "tau", "i2", "i2_high", "h2_low", "pi_low", "n", "events", "k", "q_df"),
    "DL with thresholds": ("beyond 0.1", "beyond 0.3", "h2_q", "i2_q_high", "h2_q_low"),
    "PM": ("tau2", "estimate", "pi_high"),
    "EE": ("i2", "h2", "estimate", "ci_low", "i2_q"),
    "ML, profile": ("mu_low", "mu_high", "tau2_low", "tau2_high", "test"),
    "REML, z prediction": ("pi_low", "p_value", "test", "tau2"),
    "aggregate": ("mu", "se", "tau2", "q_df"),
    "CR2": ("se", "mu_low", "tau2", "i2", "pi_high"),
    "CR2, equal effects": ("mu", "se", "ci_high"),
    "RVE": ("mu", "se", "mu_high", "tau2", "i2"),
    "MV": ("mu", "se", "tau2", "q", "i2", "also variance between studies"),
    "MV, CR2": ("se", "mu_low"),
    "MH OR": ("mu", "se", "q", "test"),
    "MH RR": ("mu", "se", "p_value", "i2"),
    "MH RD": ("mu", "se"),
    "MH IRR": ("mu", "se", "test"),
    "MH IRD": ("mu", "se"),
    "PETO": ("mu", "se", "q", "h2"),
    "GLMM": ("mu", "se", "tau2", "tau2_high", "marginal", "marginal_high", "q", "test", "i2"),
    "GLMM, ICC": ("mu", "n", "events"),
    "GLMM rates": ("mu", "se", "tau2", "tau2_high", "marginal_low"),
    "UM.FS": ("mu", "se", "q", "also mean odds ratio over studies"),
    "CM.AL": ("mu", "tau2_high", "p_value"),
    "CM.EL": ("mu", "se", "q"),
    "UM.FS rates": ("mu", "q"),
    "BETABIN": ("mu", "se", "also intra-class correlation of units within studies"),
    "BAYES": ("mu", "mu_low", "se", "tau", "tau2_high", "pi_low", "ci_high", "beyond 0.5"),
    "BAYES counts": ("mu", "mu_high", "tau2"),
}


def table(columns: str, lines: list[str]) -> tuple[TableRow, ...]:
    names = columns.split(",")
    cells = [dict(zip(names, line.split(","), strict=True)) for line in lines]
    return tuple(TableRow(i + 2, {"study": f"S{i}"} | row) for i, row in enumerate(cells))


def pooled_by(model: Model, rows: tuple[TableRow, ...], subgroups: tuple[str, ...] = ()) -> Result:
    plan = Plan("primary", model)
    outcome = Outcome("o", "t.csv", {}, (plan,), subgroups, leave_one_out=False)
    result = analyse(outcome, Selection("extracted/t.csv", rows, ()))
    kept = (a for a in result.analyses if not a.name.startswith("companion"))
    return replace(result, analyses=tuple(kept))


def changes(post: tuple[str, ...]) -> tuple[TableRow, ...]:
    columns = "mean_pre,sd_pre,sd_post,n,mean_post"
    return table(columns, [f"50,9,8,30,{value}" for value in post])


def case(name: str) -> Result:
    model, columns, lines = CASES[name]
    rows = table(columns, lines) if columns else changes(("30", "35", "41", "38"))
    return pooled_by(model, rows)


def result_of(model: Model, subgroups: tuple[str, ...] = ()) -> Result:
    lines = [f"{line},{'a' if i < 3 else 'b'}" for i, line in enumerate(COUNTS)]
    return pooled_by(model, table(f"{ONE_GROUP},setting", lines), subgroups)


def effects_of(y: list[float], v: list[float], method: str, test: str = "z") -> Result:
    lines = [f"{a!r},{b!r}" for a, b in zip(y, v, strict=True)]
    return pooled_by(Model("GEN", method, test), table(EFFECTS, lines))


def with_pooled(result: Result, pooled: Pooled) -> Result:
    changed: Analysis = replace(result.primary, pooled=pooled)
    return replace(result, analyses=(changed, *result.analyses[1:]))


def tampered(result: Result, field: str, value: float | None) -> Result:
    return with_pooled(result, replace(result.primary.pooled, **{field: value}))


def moved(value: float) -> float:
    return value * 1.01 + 1e-3


def planted(result: Result, name: str) -> tuple[Result, str]:
    """The result with one number changed, and the name under which that must be found."""
    pooled = result.primary.pooled
    if name == "test":
        tests = (replace(pooled.tests[0], statistic=moved(pooled.tests[0].statistic)),)
        changed = replace(pooled, tests=tests + pooled.tests[1:])
        return with_pooled(result, changed), f"test {pooled.tests[0].name}"
    if name.startswith("beyond "):
        items = [
            replace(item, above=moved(item.above)) if f"beyond {item.threshold:g}" == name else item
            for item in pooled.beyond
        ]
        return with_pooled(result, replace(pooled, beyond=tuple(items))), name
    if name.startswith("also "):
        also = [
            replace(item, value=moved(item.value)) if f"also {item.name}" == name else item
            for item in pooled.also
        ]
        return with_pooled(result, replace(pooled, also=tuple(also))), name
    return tampered(result, name, moved(getattr(pooled, name))), name


def disagreeing(result: Result) -> set[str]:
    return {check.quantity for check in crosscheck(result) if not check.agrees}


@pytest.mark.parametrize("method", METHODS)
def test_right_numbers_agree_under_every_test_of_a_method(method: str):
    for test in CONFIGURED[method].tests:
        assert disagreeing(result_of(Model("PLO", method, test))) == set(), test


@pytest.mark.parametrize("name", CASES)
def test_every_number_of_a_model_is_recomputed_and_agrees(name: str):
    result = case(name)
    checks = crosscheck(result)
    assert [check for check in checks if not check.agrees] == []
    sharp = {check.quantity for check in checks if check.tolerance < 0.01}
    ours = {q for q, value in numbers_of(result.primary.pooled).items() if value is not None}
    alone = {q for q in ours if any(part in q for part in COMPUTED_ALONE)}
    assert ours - alone - sharp == set()


@pytest.mark.parametrize("name", CASES)
def test_a_changed_number_of_every_engine_is_found(name: str):
    result = case(name)
    for field in CHANGED[name]:
        changed, quantity = planted(result, field)
        assert quantity in disagreeing(changed), f"{field} is checked by nobody"


def test_every_case_of_every_configured_method_is_tested():
    assert set(CASES) == set(CHANGED)
    tested = {model.method for model, _, _ in CASES.values()} | set(METHODS)
    assert tested == set(CONFIGURED)


@pytest.mark.parametrize("field", ["mu", "se", "mu_low", "tau2", "tau2_high", "q", "pi_low"])
def test_a_missing_number_is_a_disagreement(field: str):
    assert field in disagreeing(tampered(result_of(Model("PLO")), field, None))


def test_a_glmm_at_the_wrong_maximum_is_found():
    result = case("GLMM rates")
    pooled = result.primary.pooled
    assert pooled.tau2 > 0
    at_zero = replace(pooled, tau2=0.0, tau=0.0, tau2_low=0.0)
    assert {"tau2", "tau"} <= disagreeing(with_pooled(result, at_zero))


def test_the_p_value_is_recomputed_where_no_effect_has_a_meaning():
    result = pooled_by(Model("MC"), changes(("30", "35", "41")))
    assert disagreeing(result) == set()
    p = result.primary.pooled.p_value
    assert "p_value" in disagreeing(tampered(result, "p_value", p * 1.01))


def test_the_test_between_subgroups_is_recomputed():
    result = result_of(Model("PLO"), ("setting",))
    assert disagreeing(result) == set()
    (test,) = result.subgroup_tests
    changed = replace(result, subgroup_tests=(replace(test, q=test.q * 1.01),))
    assert disagreeing(changed) == {"q"}


@pytest.mark.parametrize(
    ("measure", "columns", "line"),
    [
        ("PLO", "events,total", "0,40"),
        ("PLN", "events,total", "7,40"),
        ("IRLN", "events,time", "3,40.5"),
        ("IRS", "events,time", "0,40.5"),
        ("ZCOR", "correlation,n", "0.4,30"),
        ("OR", TWO_GROUPS, "3,40,6,42"),
        ("GEN", "estimate,ci_low,ci_high,scale", "0.796,0.648,0.977,cloglog"),
    ],
)
def test_the_numbers_of_one_study_are_recomputed(measure: str, columns: str, line: str):
    result = pooled_by(Model(measure), table(columns, [line]))
    assert not result.primary.pooled.pooled
    assert disagreeing(result) == set()
    for field in ("estimate", "ci_low", "ci_high"):
        changed, _ = planted(result, field)
        assert field in disagreeing(changed), field


@pytest.mark.parametrize(
    ("measure", "columns", "lines"),
    [
        ("PLO", "events,total", ["0,20", "0,30"]),
        ("PLO", "events,total", ["20,20", "30,30"]),
        ("IRLN", "events,time", ["0,20.5", "0,30"]),
    ],
)
def test_exact_limits_of_a_whole_are_recomputed(measure: str, columns: str, lines: list[str]):
    result = pooled_by(Model(measure, "GLMM", "t"), table(columns, lines))
    assert disagreeing(result) == set()
    for field in ("estimate", "ci_low", "ci_high"):
        changed, _ = planted(result, field)
        assert field in disagreeing(changed), field


def test_a_lower_maximum_of_the_engine_excuses_tau2_and_nothing_else():
    y = [-6.198, -0.024, 0.053]
    v = [6.26, 8.4e-4, 1.7e-5]
    result = effects_of(y, v, "ML")
    checks = [check for check in crosscheck(result) if check.engine == "PyMARE"]
    notes = {check.quantity: check.note for check in checks}
    assert disagreeing(result) == set()
    assert notes["tau2"] == LOWER_MAXIMUM
    assert LOWER_MAXIMUM not in {notes[q] for q in ("mu", "se", "q", "tau2_low", "tau2_high")}
    for field in ("mu_low", "mu_high", "tau2_high", "tau2"):
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


def test_equal_data_are_maximised_once():
    result = case("GLMM")
    twice = replace(result, analyses=(result.primary, replace(result.primary, name="again")))
    known: recompute.Known = {}
    for analysis in twice.analyses:
        recompute.recomputed(twice, analysis, numbers_of(analysis.pooled), known)
    assert len(known) == 1
