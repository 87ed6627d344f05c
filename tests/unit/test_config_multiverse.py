"""Decisions in config.yaml: what a choice may set, and which lists of choices are refused."""

from pathlib import Path

import pytest

from metamill.cli import main
from metamill.config.decisions import STANDINGS
from metamill.config.load import load_review
from metamill.config.multiverse import MOST_SPECIFICATIONS, SAME_NATURAL_SCALE, model_of
from metamill.config.settings import Outcome
from metamill.errors import ConfigError, Problem
from metamill.jobs import plan
from metamill.measures import MEASURES

HEAD = "review: {title: T}\noutcomes:\n  a:\n    title: A\n    table: a.csv\n"
TABLE = "study,mean_pre,sd_pre,mean_post,sd_post,n\nA,60,12,31,14,30\nB,55,10,30,11,24\n"


def write(folder: Path, settings: str, *decisions: str) -> Path:
    (folder / "extracted").mkdir(exist_ok=True)
    (folder / "extracted" / "a.csv").write_text(TABLE)
    lines = [f"    {line}" for line in settings.splitlines()] + ["    multiverse:"]
    for number, choices in enumerate(decisions):
        lines += [f"      - decision: Decision {number}", "        choices:"]
        lines += [f"          - {{{_judged(choice)}}}" for choice in choices.split(" | ")]
    (folder / "config.yaml").write_text(HEAD + "\n".join(lines) + "\n")
    return folder / "config.yaml"


def _judged(choice: str) -> str:
    """The choice with the standing that everything but a mere name must have."""
    said = "," not in choice or "standing" in choice
    return choice.replace(", without standing", "") if said else f"{choice}, standing: equivalent"


def outcome(folder: Path, settings: str, *decisions: str) -> Outcome:
    return load_review(write(folder, settings, *decisions)).outcomes["a"]


def problems(folder: Path, settings: str, *decisions: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_review(write(folder, settings, *decisions))
    return list(caught.value.problems)


def test_measures_with_one_natural_scale_are_those_of_the_registry():
    grouped = [code for codes in SAME_NATURAL_SCALE for code in codes]
    for codes in SAME_NATURAL_SCALE:
        assert len({MEASURES[code].natural for code in codes}) == 1
    names = [m.natural for code, m in MEASURES.items() if code not in grouped]
    assert len(names) == len(set(names))


def test_the_choice_that_changes_nothing_is_the_pre_specified_one_wherever_it_stands(tmp_path):
    found = outcome(
        tmp_path,
        "measure: MC\nmethod: DL",
        "name: r = 0.2, correlation: 0.2 | name: as planned",
        "name: PM, method: PM | name: EE, method: EE | name: DL, method: DL",
    )
    assert [item.prespecified for item in found.multiverse.of] == [1, 2]


def test_a_correlation_that_is_written_out_takes_no_siblings_and_so_changes_something(tmp_path):
    found = problems(
        tmp_path, "measure: MC", "name: r = 0.5, correlation: 0.5 | name: r, correlation: 0.2"
    )
    assert [(p.code, p.line) for p in found] == [("prespecified-choice", 9)]
    assert "none of these choices is the primary analysis" in str(found[0])


def test_two_choices_that_change_nothing_are_refused_by_name_and_line(tmp_path):
    found = problems(
        tmp_path, "measure: MC", "name: a | name: PM, method: PM | name: b, method: REML"
    )
    assert [(p.code, p.line, p.value) for p in found] == [("prespecified-choice", 12, "b")]


def test_the_primary_analysis_is_equivalent_to_itself(tmp_path):
    found = problems(tmp_path, "measure: MC", "name: a, standing: uncertain | name: b, method: PM")
    assert [(p.code, p.line, p.value) for p in found] == [("prespecified-choice", 10, "uncertain")]


def test_a_single_choice_is_no_decision(tmp_path):
    found = problems(tmp_path, "measure: MC", "name: a")
    assert [p.code for p in found] == ["idle-setting"]
    assert "at least two choices" in str(found[0])


@pytest.mark.parametrize(
    ("settings", "choices", "line"),
    [
        ("measure: MC", "name: a | name: b, method: PM, add: 1", 11),
        ("measure: OR\nmethod: MH", "name: a | name: b, to: all", 12),
        ("measure: OR", "name: a | name: b, test: z, glmm: CM.EL", 11),
    ],
)
def test_a_setting_that_no_combination_uses_is_refused(tmp_path, settings, choices, line):
    found = problems(tmp_path, settings, choices)
    assert [(p.code, p.line) for p in found] == [("idle-setting", line)]


def test_a_setting_that_only_another_choice_makes_use_of_is_allowed(tmp_path):
    found = outcome(
        tmp_path,
        "measure: PLO",
        "name: GLMM | name: logit, method: REML",
        "name: half | name: quarter, add: 0.25",
    )
    assert [item.prespecified for item in found.multiverse.of] == [0, 0]


def test_more_specifications_than_are_run_are_refused_with_their_number(tmp_path):
    rows = [f"name: kept | name: out, exclude: {{study: S{i}}}" for i in range(17)]
    found = problems(tmp_path, "measure: MC", *rows)
    assert [p.code for p in found] == ["too-many-specifications"] and "131,072" in str(found[0])
    assert MOST_SPECIFICATIONS == 100_000
    assert len(outcome(tmp_path, "measure: MC", *rows[:16]).multiverse.of) == 16


def test_a_choice_says_how_good_it_is_beside_the_primary_analysis(tmp_path):
    choices = "name: a | name: b, method: PM, without standing | name: c, method: DL"
    found = problems(tmp_path, "measure: MC", choices)
    assert [(p.code, p.line, p.value) for p in found] == [("missing-setting", 11, "b")]
    assert "Say equivalent, uncertain or non-equivalent." in str(found[0])


@pytest.mark.parametrize(
    ("first", "second", "key", "value"),
    [
        ("method: PM", "method: DL", "method", "DL"),
        ("correlation: 0.2, test: z", "test: knha", "test", "knha"),
        ("rows: as printed", "rows: without doubted", "rows", "without doubted"),
        ("exclude: {study: [A, B]}", "exclude: {study: [B, C]}", "exclude", "study: B or C"),
        ("include: {study: A}", "exclude: {study: A}", "exclude", "study: A"),
        ("same_cohort: {X: why}", "same_cohort: {X: other}", "same_cohort", "X"),
    ],
)
def test_what_two_decisions_set_is_refused_by_name(tmp_path, first, second, key, value):
    found = problems(
        tmp_path, "measure: MC", f"name: a | name: b, {first}", f"name: c | name: d, {second}"
    )
    assert [(p.code, p.line, p.value) for p in found] == [("decided-twice", 15, value)]
    assert found[0].column.endswith(f"multiverse.1.choices.1.{key}")
    assert "'b' of 'Decision 0'" in str(found[0])


def test_what_the_primary_analysis_does_may_be_written_out_before_it_is_decided(tmp_path):
    scale = "name: odds | name: arcsine, measure: PAS, method: REML"
    tau2 = "name: REML | name: DL, method: DL"
    settings = "measure: PLO\nmethod: REML"
    assert len(outcome(tmp_path, settings, scale, tau2).multiverse.of) == 2
    found = problems(tmp_path, settings, tau2, scale)
    assert [(p.code, p.value) for p in found] == [("decided-twice", "REML")]


def test_filters_of_two_decisions_may_share_a_column_or_a_level_but_no_row(tmp_path):
    found = outcome(
        tmp_path,
        "measure: MC",
        "name: a | name: b, exclude: {study: A} | name: c, exclude: {study: [A, B]}",
        "name: a | name: b, exclude: {study: C}",
        "name: a | name: b, include: {study: D, arm: x}",
        "name: a | name: b, include: {study: E, arm: x}",
    )
    assert len(found.multiverse.of) == 4


def test_names_of_decisions_differ(tmp_path):
    both = ("name: a | name: b, method: PM", "name: a | name: b, test: z")
    path = write(tmp_path, "measure: MC", *both)
    path.write_text(path.read_text().replace("Decision 1", "DECISION 0"))
    with pytest.raises(ConfigError) as caught:
        load_review(path)
    assert [(p.code, p.line) for p in caught.value.problems] == [("duplicate-choice", 12)]


@pytest.mark.parametrize(
    "key", ["level: 90", "thresholds: [1]", "tau2_interval: PL", "prediction: false"]
)
def test_what_decides_neither_estimate_nor_interval_is_no_choice(tmp_path, key):
    found = problems(tmp_path, "measure: MC", f"name: a | name: b, {key}")
    assert [p.code for p in found] == ["unknown-setting"]


def test_settings_that_belong_to_another_method_make_no_conflict(tmp_path):
    """An interval of tau2 is no number of a multiverse, so a method without one is no conflict."""
    found = outcome(
        tmp_path, "measure: MC\ntau2_interval: PL\nthresholds: [3]", "name: a | name: b, method: DL"
    )
    decisions = found.multiverse
    assert [model_of((c,), decisions.layers)[1] for c in decisions.of[0].choices] == ["", ""]


def test_a_choice_follows_the_rules_of_a_sensitivity_analysis(tmp_path):
    layers = [{"method": "REML", "test": "adhoc"}, {"measure": "PLO", "method": "GLMM"}]
    found = outcome(tmp_path, "measure: PLO", "name: a | name: b, method: BETABIN")
    for choice, wanted in zip(
        found.multiverse.of[0].choices, (("GLMM", "t"), ("BETABIN", "t")), strict=True
    ):
        model, why = model_of((choice,), layers)
        assert (model.method, model.test, why) == (*wanted, "")


@pytest.mark.parametrize(
    ("where", "code"),
    [("{stdy: A}", "unknown-column"), ("{study: Z}", "unknown-level")],
)
@pytest.mark.parametrize("key", ["include", "exclude"])
def test_filters_of_choices_are_checked_against_the_table(tmp_path, where, code, key):
    write(tmp_path, "measure: MC", f"name: a | name: b, {key}: {where}")
    with pytest.raises(ConfigError) as caught:
        plan(tmp_path)
    assert [(p.code, p.line) for p in caught.value.problems] == [(code, 11)]


FILTERS = "measure: MC\nexclude: [{study: B, reason: other}]"


@pytest.mark.parametrize(
    ("key", "where", "code", "rule"),
    [
        ("include", "{study: A}", "idle-filter", "takes back no row that the outcome leaves out"),
        ("exclude", "{study: B}", "idle-filter", "leaves out no row that would be pooled"),
        ("exclude", "{study: [A, B]}", "empty-pool", "this choice leaves no row to pool"),
        ("exclude", "{study: A}", "empty-pool", "this choice leaves no row to pool"),
    ],
)
def test_a_choice_that_changes_no_row_or_leaves_none_is_refused(tmp_path, key, where, code, rule):
    write(tmp_path, FILTERS, f"name: a | name: b, {key}: {where}")
    with pytest.raises(ConfigError) as caught:
        plan(tmp_path)
    assert [(p.code, p.line) for p in caught.value.problems] == [(code, 12)]
    assert rule in str(caught.value.problems[0])


def test_a_choice_may_leave_out_what_only_another_choice_takes_back(tmp_path):
    write(
        tmp_path,
        FILTERS,
        "name: a | name: both, include: {study: B}",
        "name: a | name: b, exclude: {n: 24}",
    )
    assert len(plan(tmp_path).review.outcomes["a"].multiverse.of) == 2


def test_check_says_how_many_combinations_there_are(tmp_path, capsys):
    path = write(tmp_path, "measure: MC\nselect: {study: A}", "name: a | name: b, method: PM")
    assert main(["check", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "can be read: 1 outcome, 3 analyses, 2 combinations of choices, 1 row used." in said
    path.write_text(HEAD + "    measure: GEN\n    leave_one_out: false\n")
    table = "study,yi,vi\nA,1,2\nB,2,1\n"
    (tmp_path / "extracted" / "a.csv").write_text(table)
    assert main(["check", str(tmp_path)]) == 0
    assert "can be read: 1 outcome, 1 analysis, 2 rows used." in capsys.readouterr().out


def test_standings_are_those_of_the_schema():
    from metamill.config.load import schema

    assert tuple(schema()["$defs"]["choice"]["properties"]["standing"]["enum"]) == STANDINGS


def test_a_setting_laid_over_the_file_may_be_one_of_the_choices(tmp_path: Path) -> None:
    settings = "measure: MC\nmethod: REML"
    write(tmp_path, settings, "name: REML | name: DL, standing: uncertain, method: DL")
    choices = plan(tmp_path, {"outcomes": {"a": {"method": "DL"}}}).review.outcomes["a"]
    assert choices.plans[0].model.method == "DL"
