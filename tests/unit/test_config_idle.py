"""Settings that would do nothing are refused; figures that nobody will get are noted."""

from pathlib import Path

import pytest

from metamill.config.figures import FIGURES
from metamill.config.idle import COUNT_MEASURES, NO_PREDICTION, TWO_GROUP_MEASURES
from metamill.config.journals import JOURNALS
from metamill.config.load import load_review, read_review
from metamill.config.methods import METHODS
from metamill.config.notices import RISK_OF_BIAS, notices
from metamill.config.overrides import parse_overrides
from metamill.errors import ConfigError, Problem
from metamill.measures import MEASURES
from metamill.tables.risk_of_bias import FILE

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [ROOT / "config.yaml", ROOT / "docs" / "gallery" / "bcg" / "config.yaml"]
HEAD = "review: {title: T}\noutcomes:\n  a:\n    title: A\n    table: a.csv\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "extracted").mkdir()
    (tmp_path / "extracted" / "a.csv").touch()
    return tmp_path


def write(folder: Path, lines: str, more: str = "") -> Path:
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    (folder / "config.yaml").write_text(HEAD + body + more, encoding="utf-8")
    return folder / "config.yaml"


def problems(folder: Path, lines: str, more: str = "") -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_review(write(folder, lines, more))
    return list(caught.value.problems)


def noted(folder: Path, lines: str, more: str = "") -> list[Problem]:
    return notices(*read_review(write(folder, lines, more)), folder)


@pytest.mark.parametrize(
    ("lines", "setting", "why"),
    [
        ("measure: PLO\ncorrelation: 0.5", "correlation", "as MC, SMCC, SMCR do"),
        ("measure: MD\nsibling_correlation: true", "sibling_correlation", "MD needs no"),
        ("measure: COR\ncorrelation: 0.5", "correlation", "COR needs no correlation of scores"),
        ("measure: MC\nadd: 0.5", "add", "MC has no counts to correct"),
        ("measure: GEN\nto: all", "to", "GEN has no counts"),
        ("measure: PLO\nadd: 0.5", "add", "method GLMM models the counts themselves"),
        ("measure: OR\nmethod: MH\nto: all", "to", "method MH models the counts"),
        ("measure: PLO\nmethod: BAYES\nadd: 1", "add", "method BAYES models the counts"),
        ("measure: OR\nto: none\nadd: 1", "add", "to: none corrects no row"),
        ("measure: OR\nglmm: CM.EL", "glmm", "method GLMM, not one of REML"),
        ("measure: PLO\nglmm: CM.EL", "glmm", "PLO has one group and one GLMM"),
        ("measure: OR\nmethod: RVE\ntau_prior: 1", "tau_prior", "no Bayesian companion"),
        ("measure: PLO\nicc: 0.1\ntau_prior: 1", "tau_prior", "no Bayesian companion"),
        ("measure: OR\nmethod: MH\nprediction: true", "prediction", "MH gives no prediction"),
        ("measure: PLO\nmethod: BETABIN\nprediction: true", "prediction", "BETABIN gives no"),
        ("measure: OR\nmethod: EE\nprediction_interval: z", "prediction_interval", "EE gives no"),
        (
            "measure: OR\nprediction: false\nprediction_interval: z",
            "prediction_interval",
            "prediction: false leaves the interval out",
        ),
        (
            "measure: OR\nmethod: BAYES\nprediction_interval: z",
            "prediction_interval",
            "predicts from its posterior",
        ),
        ("measure: OR\nmethod: EE\ntau2_interval: QP", "tau2_interval", "EE has no tau2"),
        (
            "measure: SMD\nscale: {important_difference: 2}",
            "scale.important_difference",
            "only MC and MD are in the score's own points",
        ),
        ("measure: MN\nscale: {important_difference: 2}", "scale.important_difference", "only MC"),
        ("measure: OR\nscale: {min: 0}", "scale.min", "OR is made of counts and has no score"),
        ("measure: IR\nscale: {max: 9}", "scale.max", "IR is made of counts"),
        ("measure: PR\ngroups: {control: C}", "groups", "PR does not compare two groups"),
        ("measure: MC\ngroups: {control: C}", "groups", "MC does not compare two groups"),
    ],
)
def test_a_setting_of_an_outcome_that_does_nothing_there_is_refused(folder, lines, setting, why):
    (problem,) = problems(folder, lines)
    assert problem.column == f"outcomes.a.{setting}" and problem.code == "idle-setting"
    assert problem.rule.startswith("does nothing here: ") and why in problem.rule
    assert problem.line == 5 + len(lines.splitlines())


@pytest.mark.parametrize(
    "lines",
    [
        "measure: MC\ncorrelation: 0.4\nsibling_correlation: false",
        "measure: OR\nadd: 1\nto: all",
        "measure: OR\nadd: 0\nto: none",
        "measure: OR\nmethod: BAYES\nadd: 1",
        "measure: OR\nmethod: GLMM\nglmm: CM.EL",
        "measure: OR\ntau_prior: 0.3",
        "measure: OR\nmethod: MH\nprediction: false",
        "measure: OR\nmethod: EE\nmoderators: [x]\nprediction_interval: z",
        "measure: OR\nmethod: GLMM\nprediction_interval: z",
        "measure: SMD\nscale: {min: 0, max: 9}",
        "measure: MN\nscale: {min: 0}",
        "measure: IRD\ngroups: {control: C}",
        "measure: PLO\nadd: 1\nsensitivity: [{name: x, method: REML}]",
        "measure: OR\nglmm: CM.EL\nsensitivity: [{name: x, method: GLMM}]",
        "measure: SMD\nscale: {important_difference: 2}\nsensitivity: [{name: x, measure: MD}]",
        "measure: PLO\nscale: {min: 0}\nsensitivity: [{name: x, measure: MN}]",
        "measure: GEN\nmethod: RVE\ntau_prior: 1\nsensitivity: [{name: x, method: BAYES}]",
    ],
)
def test_a_setting_that_one_of_the_analyses_uses_is_not_idle(folder: Path, lines: str):
    load_review(write(folder, lines))


@pytest.mark.parametrize(
    ("lines", "at"),
    [
        ("measure: PLO\nsensitivity: [{name: x, method: REML, glmm: CM.EL}]", "0.glmm"),
        ("measure: PLO\nsensitivity: [{name: x, correlation: 0.2}]", "0.correlation"),
        ("measure: OR\nsensitivity: [{name: x, level: 90, tau_prior: 1}]", "0.tau_prior"),
        (
            "measure: OR\nsensitivity: [{name: y, level: 90}, {name: x, method: MH, add: 1}]",
            "1.add",
        ),
    ],
)
def test_a_setting_of_an_analysis_is_judged_by_that_analysis(folder: Path, lines: str, at: str):
    found = problems(folder, lines)
    assert f"outcomes.a.sensitivity.{at}" in [problem.column for problem in found]
    assert {problem.code for problem in found} <= {"idle-setting", "same-analysis"}


def test_a_setting_that_every_analysis_replaces_is_idle(folder: Path):
    lines = "measure: PLO\nadd: 1\nsensitivity: [{name: x, method: REML, add: 0.5}]"
    (problem,) = problems(folder, lines)
    assert problem.column == "outcomes.a.add"


def test_defaults_may_be_of_no_use_to_an_outcome(folder: Path):
    model = "correlation: 0.5, add: 0.5, to: only0, glmm: CM.EL, tau_prior: 1, prediction: true"
    load_review(write(folder, "measure: GEN\nmethod: EE", f"model: {{{model}}}\n"))


def test_an_override_that_does_nothing_is_named_as_such(folder: Path):
    path = write(folder, "measure: OR")
    load_review(path, parse_overrides(["model.glmm=CM.EL"]))
    with pytest.raises(ConfigError, match=r"--config, outcomes\.a\.glmm: 'CM\.EL': does nothing"):
        load_review(path, parse_overrides(["outcomes.a.glmm=CM.EL"]))


def test_what_contradicts_the_method_is_not_called_idle_as_well(folder: Path):
    (problem,) = problems(folder, "measure: OR\nmethod: MH\ntau2_interval: QP")
    assert problem.code == "interval-of-method"


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (
            "measure: OR\nsensitivity: [{name: x, method: REML}]",
            7,
            "'x': is the same analysis as the primary analysis. Change something, or remove it.",
        ),
        (
            "measure: OR\nsensitivity:\n- {name: x, level: 90}\n- {name: y, level: 90}",
            9,
            "'y': is the same analysis as 'x'.",
        ),
    ],
)
def test_an_analysis_that_repeats_another_is_refused(folder: Path, lines, line, said):
    (problem,) = problems(folder, lines)
    assert said in str(problem) and (problem.line, problem.code) == (line, "same-analysis")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_the_shipped_settings_give_no_cause(path: Path):
    assert notices(*read_review(path), path.parent) == []


def test_the_measures_are_those_of_the_registry():
    for code, measure in MEASURES.items():
        assert (code in COUNT_MEASURES) == bool(measure.event)
        paired = any(name.endswith("_control") for name in (*measure.size, *measure.event))
        assert (code in TWO_GROUP_MEASURES) == paired
    assert set(NO_PREDICTION) <= set(METHODS) and RISK_OF_BIAS == FILE


@pytest.mark.parametrize(
    ("draw", "lines", "said"),
    [
        ("[flow]", "measure: OR", "'flow': will not be drawn: there is no extracted/flow.yaml"),
        ("[risk_of_bias]", "measure: OR", "there is no extracted/risk_of_bias.csv. Add extracted"),
        ("[labbe]", "measure: PLO", "no outcome has measure OR or RR or RD or AS. Remove it"),
        ("[bubble]", "measure: PLO", "no outcome has moderators"),
        ("[cumulative]", "measure: PLO", "no outcome has cumulative"),
        ("[funnel_contour]", "measure: PLO", "no outcome has a measure with a value of no effect"),
        ("[radial]", "measure: PLO", "no outcome has method EE or DL"),
        ("[influence]", "measure: OR\nleave_one_out: false", "no outcome has leave_one_out"),
        ("[gosh]", "measure: OR\nexplorations: {gosh: 0}", "gosh is 0 in explorations"),
        (
            "[trim_fill]",
            "measure: OR\nexplorations: {small_study_effects: false}",
            "small_study_effects is false in explorations",
        ),
        (
            "[trim_fill]",
            "measure: PR\nexplorations: {small_study_effects: false}",
            "no outcome has a measure with a value of no effect",
        ),
    ],
)
def test_a_figure_that_nobody_will_get_is_noted(folder: Path, draw: str, lines: str, said: str):
    (problem,) = noted(folder, lines, f"figures: {{draw: {draw}}}\n")
    assert said in str(problem) and problem.code == "figure-without-data"
    assert problem.column == "figures.draw.0"


def test_figures_that_can_be_had_or_were_not_asked_for_are_not_noted(folder: Path):
    assert noted(folder, "measure: PLO") == []
    (folder / "extracted" / "flow.yaml").touch()
    lines = "measure: OR\nmoderators: [x]\ncumulative: x\nmultiverse:\n"
    lines += (
        "  - {decision: Tau, choices: [{name: REML}, {name: PM, method: PM, standing: uncertain}]}"
    )
    every = ", ".join([*FIGURES, "flow", "study_map"])
    assert noted(folder, lines, f"figures: {{draw: [{every}]}}\n") == []


@pytest.mark.parametrize(
    ("figures", "setting", "said"),
    [
        ("journal: plos, width_mm: 195", "width_mm", "'195': plos takes figures up to 190.5 mm"),
        ("journal: ama, width_mm: 100", "width_mm", "'100': ama takes figures from 127 mm on"),
        ("journal: springer, height_mm: 300", "height_mm", "a page of springer is 234 mm high"),
        ("journal: plos, dpi: 200", "dpi", "'200': plos asks for 300 dpi"),
        ("journal: print-grey, grey: false", "grey", "print-grey prints without colour"),
        ("journal: springer, formats: [pdf, png]", "formats", "'pdf, png': springer takes eps, t"),
    ],
)
def test_what_a_journal_would_send_back_is_noted(folder: Path, figures, setting, said):
    (problem,) = noted(folder, "measure: OR", f"figures: {{{figures}}}\n")
    assert said in str(problem) and problem.column == f"figures.{setting}"
    assert problem.advice.startswith("Remove it") and problem.code == "against-journal"


@pytest.mark.parametrize("journal", JOURNALS)
def test_a_journal_as_it_is_and_a_format_beside_it_give_no_cause(folder: Path, journal: str):
    assert noted(folder, "measure: OR", f"figures: {{journal: {journal}}}\n") == []
    formats = f"[{JOURNALS[journal].formats[0]}, png]"
    more = f"figures: {{journal: {journal}, formats: {formats}}}\n"
    assert noted(folder, "measure: OR", more) == []
