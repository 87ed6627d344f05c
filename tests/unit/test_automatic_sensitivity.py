"""Automatic sensitivity analyses: which are run, none twice, each by settings that go together."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from degenerate_data import DATA, PROPORTIONS, TRIALS, model_of, table

from metamill.analysis import analyse
from metamill.config.conflicts import conflicts
from metamill.config.methods import METHODS
from metamill.config.settings import Explorations, HeldRow, Model, Outcome, Plan, RowFilter
from metamill.exploring.automatic import _other_models, automatic
from metamill.exploring.tornado import kind_of
from metamill.jobs import plan as planned
from metamill.results import Analysis, Effect, Pooled
from metamill.tables.pools import apply_plan
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

ROOT = Path(__file__).resolve().parents[2]
OFF = Explorations(False, False, False, gosh=0, permutations=0)
ON = replace(OFF, automatic_sensitivity=True)

OF_PROPORTIONS = ["normal interval", "arcsine, inverse variance"]
OF_CHANGES = [
    "tau2 by DL",
    "tau2 by PM",
    "tau2 by ML",
    "tau2 by SJ",
    "equal effects (no tau2)",
    "Hartung-Knapp interval",
    "t interval",
    "normal interval",
]
SHIPPED = {
    "cement_leakage_per_screw": [*OF_PROPORTIONS, "without numbers marked derived sum"],
    "cement_leakage_per_patient": OF_PROPORTIONS,
    "screw_loosening_per_screw": OF_PROPORTIONS,
    "screw_loosening_per_patient": [*OF_PROPORTIONS, "without numbers marked derived denominator"],
    "infection_per_patient": [*OF_PROPORTIONS, "without numbers marked derived sum"],
    "revision_surgery_per_patient": [*OF_PROPORTIONS, "without numbers marked derived complement"],
    "revision_surgery_after_salvage_per_patient": [
        *OF_PROPORTIONS,
        "without numbers marked derived complement",
    ],
    "pulmonary_cement_embolism_per_patient": OF_PROPORTIONS,
    "odi_change_per_patient": OF_CHANGES,
    "vas_change_per_patient": OF_CHANGES,
    "screw_loosening_two_arms_per_screw": [],
    "screw_loosening_two_arms_per_patient": [],
    "revision_free_survival_per_patient": [],
}
"""What config.yaml names itself (inverse variance, implied zeros, other studies) is not in it."""


def primary_of(outcome: Outcome, selection: Selection) -> Analysis:
    alone = replace(
        outcome, plans=outcome.plans[:1], leave_one_out=False, explorations=OFF, moderators=(),
        subgroups=(), cumulative=(),
    )  # fmt: skip
    return analyse(alone, selection).primary


@pytest.fixture(scope="module")
def shipped():
    jobs = planned(ROOT)
    return {
        name: (outcome, jobs.selections[name], primary_of(outcome, jobs.selections[name]))
        for name, outcome in jobs.review.outcomes.items()
    }


def names(plans) -> list[str]:
    return [item.name.removeprefix("sensitivity:") for item in plans]


def test_the_shipped_review_gets_exactly_these(shipped):
    assert {name: names(automatic(*made)) for name, made in shipped.items()} == SHIPPED


def test_nothing_is_run_twice_in_the_shipped_review(shipped):
    for outcome, selection, primary in shipped.values():
        every = [*outcome.plans, *automatic(outcome, selection, primary)]
        keys = [(item.model, apply_plan(selection.rows, item).used) for item in every]
        assert len(set(keys)) == len(keys)
        assert len({item.name.casefold() for item in every}) == len(every)


def test_none_is_run_where_the_settings_want_none(shipped):
    for outcome, selection, primary in shipped.values():
        assert automatic(replace(outcome, explorations=OFF), selection, primary) == []


def outcome_of(plan: Plan) -> Outcome:
    return Outcome("made", "made.csv", {}, (plan,), explorations=ON, leave_one_out=False)


def made(model: Model, rows: list[TableRow], **changes) -> list[Plan]:
    selection = Selection("made.csv", tuple(rows), ())
    plan = replace(Plan("primary", model), **changes)
    outcome = outcome_of(plan)
    return automatic(outcome, selection, primary_of(outcome, selection))


EVENTS = [(3, 40, 6, 38), (5, 30, 9, 31), (2, 50, 4, 48), (7, 60, 9, 61)]
WITH_ZERO = [*EVENTS, (0, 20, 3, 22)]


def test_corrected_rows_bring_other_corrections_and_models_that_need_none():
    model = Model("OR")
    without = names(made(model, table(TRIALS, *EVENTS)))
    corrected = names(made(model, table(TRIALS, *WITH_ZERO)))
    assert [name for name in corrected if name not in without] == [
        "0.25 added to cells", "all rows corrected", "Mantel-Haenszel", "Peto",
        "mixed model UM.FS",
    ]  # fmt: skip
    assert set(without) < set(corrected)


def test_a_mixed_model_of_two_groups_is_run_in_its_other_forms():
    found = names(made(Model("OR", "GLMM", "t"), table(TRIALS, *EVENTS)))
    assert found == [
        "normal interval", "mixed model CM.AL", "mixed model CM.EL", "inverse variance"
    ]  # fmt: skip


def test_a_common_effect_of_counts_is_run_by_the_other_methods():
    found = names(made(Model("OR", "MH", "z"), table(TRIALS, *EVENTS)))
    assert found == ["Peto", "mixed model UM.FS", "inverse variance"]


def test_several_rows_of_a_study_are_pooled_by_the_other_models_of_dependence():
    rows = table(TRIALS, *EVENTS)
    found = names(made(Model("OR", "RVE", "cr2", rho=0.5), rows))
    assert found == ["three levels (MV)", "one effect per study"]


OF_COLUMNS = {TRIALS: "OR", PROPORTIONS: "PLO"}
SETS = [(columns, name) for columns in OF_COLUMNS for name in DATA[columns]]


@pytest.mark.parametrize("method", METHODS)
def test_every_automatic_analysis_has_settings_that_go_together(method):
    for columns, name in SETS:
        measure, rows = OF_COLUMNS[columns], table(columns, *DATA[columns][name])
        model = model_of(method, measure, METHODS[method].tests[0])
        if list(conflicts(model)):
            continue
        selection = Selection("made.csv", tuple(rows), ())
        flags = ("continuity correction",)
        effects = tuple(
            Effect(i, 0.0, 1.0, 0.5, 0.1, 0.9, None, flags=flags) for i in range(len(rows))
        )
        primary = Analysis("primary", {}, effects, Pooled(len(rows), pooled=len(rows) > 1))
        found = automatic(outcome_of(Plan("primary", model)), selection, primary)
        assert all(not list(conflicts(item.model)) for item in found), name
        assert len({item.model for item in found} | {model}) == len(found) + 1, name
        assert bool(found) == (len(rows) > 1), name


def test_every_name_is_on_the_page():
    page = (ROOT / "docs/statistics/sensitivity.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([^`]*)`", page.split("## Which are run")[1].split("The grids")[0]))
    found = set()
    for measure, method, test, rho in (
        ("OR", "REML", "adhoc", None), ("OR", "DL", "z", None), ("OR", "MH", "z", None),
        ("OR", "PETO", "z", None), ("OR", "GLMM", "t", None), ("OR", "RVE", "cr2", 0.5),
        ("OR", "MV", "t", 0.5), ("PLO", "GLMM", "t", None), ("PLO", "BETABIN", "t", None),
        ("IRLN", "GLMM", "t", None), ("PLO", "REML", "adhoc", None),
    ):  # fmt: skip
        model = Model(measure, method, test, rho=rho)
        found |= {what for what, _ in _other_models(model, corrected=True)}
    short = {f"tau2 by {name}" for name in ("DL", "PM", "ML", "SJ")}
    short |= {f"mixed model {name}" for name in ("CM.AL", "CM.EL")}
    assert found - short <= named
    assert {"DL", "PM", "ML", "SJ", "CM.AL", "CM.EL"} <= named


# Rows.


def proportion(study: str, events: int, line: int, **cells: str) -> TableRow:
    return TableRow(line, {"study": study, "events": str(events), "total": "40", **cells})


STATUSES = [
    proportion("A", 3, 2, value_status="reported"),
    proportion("B", 0, 3, value_status="implied_zero"),
    proportion("C", 5, 4, value_status="derived_from_percent"),
    proportion("D", 5, 5),
]
PLO = Model("PLO", "GLMM", "t")


def rows_only(plans: list[Plan]) -> list[Plan]:
    return [item for item in plans if item.model == PLO]


def test_each_status_is_left_out_alone():
    found = rows_only(made(PLO, STATUSES))
    assert names(found) == [
        "without numbers marked derived from percent",
        "without implied zeros",
    ]
    used = [apply_plan(tuple(STATUSES), item).used for item in found]
    assert used == [(0, 1, 3), (0, 2, 3)]


def test_a_status_of_every_row_is_not_left_out():
    rows = [
        proportion(name, 3 + i, i + 2, value_status="implied_zero") for i, name in enumerate("ABC")
    ]
    assert rows_only(made(PLO, rows)) == []


COHORT = [
    proportion("A", 3, 2, cohort="X", label="Alpha 2001"),
    proportion("B", 9, 3, cohort="X", label="Beta 2003"),
    proportion("C", 5, 4),
    proportion("D", 6, 5, cohort="X", definition="other"),
]
BY_NAME = RowFilter({"study": ("B",)}, "may overlap with Alpha")
BY_CONTENT = RowFilter({"definition": ("other",)}, "counts something else")


def test_a_study_left_out_by_name_takes_the_place_of_the_one_of_its_cohort():
    (found,) = rows_only(made(PLO, COHORT, exclude=(BY_NAME, BY_CONTENT)))
    assert found.name == "sensitivity:Beta 2003 instead of Alpha 2001 (cohort X)"
    assert apply_plan(tuple(COHORT), found).used == (1, 2)


def test_a_row_left_out_for_what_it_counts_is_no_other_source():
    rows = [COHORT[0], COHORT[2], COHORT[3]]
    assert rows_only(made(PLO, rows, exclude=(BY_CONTENT,))) == []


def test_a_row_that_the_audit_holds_out_takes_nobodys_place():
    held = (HeldRow(3, "impossible"),)
    assert rows_only(made(PLO, COHORT, exclude=(BY_NAME, BY_CONTENT), held=held)) == []


def test_a_row_without_its_numbers_takes_nobodys_place():
    rows = [COHORT[0], TableRow(3, COHORT[1].cells | {"total": ""}), COHORT[2]]
    assert rows_only(made(PLO, rows, exclude=(BY_NAME,))) == []


def test_a_study_with_several_such_rows_is_passed_over():
    rows = [*COHORT, proportion("B", 8, 6, cohort="X", definition="late")]
    assert rows_only(made(PLO, rows, exclude=(BY_NAME, BY_CONTENT))) == []


def test_only_rows_are_changed_where_one_study_is_all_there_is():
    rows = COHORT[:2]
    found = made(PLO, rows, exclude=(BY_NAME,))
    assert names(found) == ["Beta 2003 instead of Alpha 2001 (cohort X)"]


# Kinds.


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"method": "DL"}, "tau2"),
        ({"method": "EE"}, "model"),
        ({"method": "GLMM", "test": "t"}, "model"),
        ({"test": "z"}, "interval"),
        ({"level": 90.0}, "interval"),
        ({"add": 0.25}, "correction"),
        ({"correlation": 0.2}, "correlation"),
        ({"icc": 0.1}, "icc"),
        ({"measure": "RD"}, "model"),
    ],
)
def test_the_kind_is_read_from_what_differs(changes, kind):
    settings = {
        "measure": "OR", "method": "REML", "test": "adhoc", "level": 95.0, "aggregate": False,
        "glmm": "UM.FS", "add": 0.5, "to": "only0", "correlation": 0.5, "icc": None, "rho": None,
        "tau_prior": None,
    }  # fmt: skip
    rows = table(TRIALS, *EVENTS)
    outcome = outcome_of(Plan("primary", Model("OR")))
    primary = primary_of(outcome, Selection("made.csv", tuple(rows), ()))
    primary = replace(primary, settings=settings)
    other = replace(primary, name="sensitivity:x", settings=settings | changes)
    assert kind_of(primary, other) == kind
    fewer = replace(primary, name="sensitivity:y", effects=primary.effects[1:])
    assert kind_of(primary, fewer) == "rows"
    assert kind_of(primary, replace(fewer, settings=settings | changes)) == "several"
