"""Risk of bias: strict reading, nothing concluded, each outcome with the judgements of its studies.

All studies and judgements are made up for the tests.
"""

import csv
import io
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from metamill import results, review_result
from metamill.analysis import analyse
from metamill.commands import pool, settle
from metamill.errors import ConfigError, EnvironmentFault, Problem, TableError
from metamill.jobs import Jobs, plan
from metamill.tables.assessments import NOT_JUDGED, Assessment, for_outcome
from metamill.tables.bias_tools import KINDS, OVERALL, TOOLS

REPOSITORY = Path(__file__).resolve().parents[2]
HEADER = "study,tool,outcome,domain,judgement,support,source,location\n"
CONFIG = """\
review: {title: Made up}
outcomes:
  a: {title: A, table: a.csv, measure: PLO}
  b: {title: B, table: b.csv, measure: PLO}
"""
A = "study,events,total\nS1,1,10\nS2,2,10\nS3,3,10\n"
B = "study,events,total\nS3,1,10\nS4,2,10\n"
STUDIES = "study,label,year\nS1,One 2001,2001\nS2,Two 2002,2002\nS3,Three 2003,\nS4,,2004\n"
ROB2 = tuple(domain.code for domain in TOOLS["RoB2"].domains)


class Folder:
    """A review of two outcomes that share the study S3; the test writes its judgements."""

    def __init__(self, path: Path):
        self.path = path
        (path / "extracted").mkdir()
        (path / "config.yaml").write_text(CONFIG, encoding="utf-8")
        for name, text in (("a.csv", A), ("b.csv", B), ("studies.csv", STUDIES)):
            (path / "extracted" / name).write_text(text, encoding="utf-8")

    def plan(self, *rows: str, header: str = HEADER) -> Jobs:
        text = header + "".join(f"{row}\n" for row in rows)
        (self.path / "extracted/risk_of_bias.csv").write_text(text, encoding="utf-8")
        return plan(self.path)

    def problems(self, *rows: str, header: str = HEADER) -> list[Problem]:
        with pytest.raises(TableError) as caught:
            self.plan(*rows, header=header)
        return list(caught.value.problems)

    def assessed(self, *rows: str) -> tuple[Assessment, ...]:
        return self.plan(*rows).assessments


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def row(study: str, domain: str, judgement: str, tool: str = "RoB2", outcome: str = "") -> str:
    return f"{study},{tool},{outcome},{domain},{judgement},reason,paper,p. 1"


def rob2(study: str, *judgements: str, outcome: str = "") -> list[str]:
    codes = (*ROB2, OVERALL)
    return [row(study, c, j, outcome=outcome) for c, j in zip(codes, judgements, strict=False)]


def best(code: str) -> list[str]:
    """Study S1 judged best in every item of a tool."""
    return [row("S1", d.code, d.levels[0].judgement, code) for d in TOOLS[code].domains]


@pytest.mark.parametrize(
    ("code", "domains", "most"),
    [
        ("RoB2", 5, None),
        ("ROBINS-I", 7, None),
        ("NOS-cohort", 8, 9),
        ("NOS-case-control", 8, 9),
        ("MINORS", 8, 16),
        ("MINORS-comparative", 12, 24),
        ("JBI-case-series", 10, None),
        ("JBI-prevalence", 9, None),
        ("JBI-cohort", 11, None),
    ],
)
def test_a_tool_has_the_domains_and_the_largest_sum_that_its_authors_gave_it(code, domains, most):
    tool = TOOLS[code]
    assert (len(tool.domains), tool.most) == (domains, most)
    assert len({domain.code for domain in tool.domains}) == domains
    assert tool.doi.startswith("10.") or code.startswith("NOS")
    for domain in tool.domains:
        order = [KINDS.index(level.kind) for level in domain.levels]
        assert order == sorted(order), "judgements stand from good to bad"
        points = [level.points for level in domain.levels if level.points is not None]
        assert all(a > b for a, b in pairwise(points))
        assert bool(points) == (tool.overall == "sum")


def test_the_tools_tested_are_all_tools():
    (mark,) = test_a_tool_has_the_domains_and_the_largest_sum_that_its_authors_gave_it.pytestmark
    assert [case[0] for case in mark.args[1]] == list(TOOLS)


def test_the_codebook_lists_every_tool_domain_and_judgement():
    page = (REPOSITORY / "extracted/README.md").read_text(encoding="utf-8")
    for tool in TOOLS.values():
        (line,) = re.findall(rf"^\| `{re.escape(tool.code)}` \|.*$", page, re.M)
        _, name, doi, domains, judgements, overall = line.strip("| ").split(" | ")
        assert name == tool.name
        assert doi == (tool.doi or "no doi")
        stated = [f"{d.code} {d.name[0].lower()}{d.name[1:]}" for d in tool.domains]
        assert domains == ", ".join(stated)
        levels = {level.judgement for d in tool.domains for level in d.levels}
        assert set(re.findall("`([^`]+)`", judgements)) == levels
        expected = {"stated": f"`{OVERALL}`", "sum": f"0 to {tool.most}", "none": "none"}
        assert expected[tool.overall] in overall


@pytest.mark.parametrize(
    ("wrong", "column", "words", "advice"),
    [
        (row("S1", "D1", "low", "ROB 2"), "tool", "is not a tool", "Did you mean 'RoB2'?"),
        (row("S1", "D1", "low", ""), "tool", "names no tool", "Known are JBI-case-series"),
        (
            row("S1", "D6", "low"),
            "domain",
            "is not a domain of RoB2",
            "D1, D2, D3, D4, D5, overall",
        ),
        (row("S1", "d1", "low"), "domain", "is not a domain", "Did you mean 'D1'?"),
        (row("S1", "", "low"), "domain", "names no domain", "Known are D1"),
        (row("S1", "D1", "Low"), "judgement", "is not a judgement", "Did you mean 'low'?"),
        (row("S1", "D1", "serious"), "judgement", "of RoB2 in domain D1", "high, low, some"),
        (row("S1", "D1", ""), "judgement", "names no judgement", "high, low, some"),
        (row("S1", "O1", "two stars", "NOS-cohort"), "judgement", "O1", "Did you mean 'star'?"),
        (row("S1", "1", "3", "MINORS"), "judgement", "of MINORS in domain 1", "0, 1, 2"),
        (row("S1", "9", "2", "MINORS"), "domain", "not a domain of MINORS", "Known are 1"),
        (row("S1", "overall", "12", "MINORS"), "domain", "the sum of its items", "Remove the row"),
        (row("S1", "overall", "yes", "JBI-cohort"), "domain", "does not exist", "Remove the row"),
        (row("S1", "D1", "low", outcome="c"), "outcome", "is not an outcome", "Known are a, b"),
        (row("", "D1", "low"), "study", "names no study", "Fill in"),
    ],
)
def test_what_a_tool_does_not_know_is_refused_at_its_cell(folder, wrong, column, words, advice):
    (problem,) = folder.problems(*rob2("S2", "low"), wrong)
    assert (problem.file, problem.line) == ("extracted/risk_of_bias.csv", 3)
    assert problem.column == f"column '{column}'"
    assert words in problem.rule and advice in problem.advice


def test_every_error_of_the_table_is_reported_at_once_in_the_order_of_its_lines(folder: Folder):
    wrong = [
        "S1,RoB2,,D1,low,a,b",
        row("S1", "D2", "lwo"),
        row("S1", "D9", "low"),
        row("", "D1", "x"),
    ]
    problems = folder.problems(*wrong)
    assert [problem.line for problem in problems] == [2, 3, 4, 5, 5]


@pytest.mark.parametrize("second", ["low", "high"])
def test_a_domain_judged_twice_is_refused_once_whether_the_judgements_agree(folder, second):
    (problem,) = folder.problems(row("S1", "D1", "low"), row("S1", "D1", second))
    assert (problem.line, problem.column) == (3, "column 'domain'")
    assert "twice, first in line 2" in problem.rule and "'outcome'" in problem.advice


def test_a_study_is_judged_by_one_tool_for_one_outcome(folder: Folder):
    other = row("S1", "D1", "low", "ROBINS-I")
    (problem,) = folder.problems(*rob2("S1", "low"), other)
    assert (problem.line, problem.column) == (3, "column 'tool'")
    assert "RoB2 in line 2" in problem.rule
    (problem,) = folder.problems(*rob2("S1", "low", outcome="a"), other)
    assert problem.line == 3, "a row for all outcomes is for this one too"
    jobs = folder.plan(*rob2("S1", "low", outcome="a"), other.replace(",,", ",b,"))
    assert [(item.tool, item.outcome) for item in jobs.assessments] == [
        ("RoB2", "a"),
        ("ROBINS-I", "b"),
    ]


def test_two_studies_may_be_judged_by_two_tools(folder: Folder):
    rows = [*rob2("S1", "low"), row("S2", "1", "2", "MINORS")]
    assert [item.tool for item in folder.assessed(*rows)] == ["RoB2", "MINORS"]


@pytest.mark.parametrize(
    ("header", "column", "advice"),
    [
        (HEADER.replace("support,", ""), "support", "Add it"),
        (HEADER.replace("domain", "domian"), "domain", "Rename the column 'domian'"),
        (HEADER.replace("outcome", "Outcomes"), "outcome", "Rename the column 'Outcomes'"),
    ],
)
def test_a_missing_or_misspelt_column_is_named(folder: Folder, header, column, advice):
    cells = ["S1", "RoB2", "", "D1", "low", "r", "s", "l"][: header.count(",") + 1]
    (problem,) = folder.problems(",".join(cells), header=header)
    assert (problem.line, problem.column, problem.advice) == (1, f"column '{column}'", advice)


def test_the_column_outcome_may_be_absent_and_a_column_that_is_not_read_is_noted(folder: Folder):
    header = HEADER.replace("outcome,", "").replace("location", "location,note,assessor")
    jobs = folder.plan("S1,RoB2,D1,low,r,s,l,n,me", header=header)
    (assessment,) = jobs.assessments
    assert assessment.outcome == ""
    (notice,) = [n for n in jobs.notices if "is not read" in n.rule]
    assert notice.column == "column 'assessor'"


def test_a_study_that_studies_csv_does_not_know_is_a_notice(folder: Folder):
    jobs = folder.plan(*rob2("s1", *["low"] * 6))
    (notice,) = [n for n in jobs.notices if "no row in studies.csv" in n.rule]
    assert (notice.line, notice.value, notice.advice) == (2, "s1", "Did you mean 'S1'?")


def test_an_assessment_holds_every_domain_in_the_order_of_the_tool_with_its_facts(folder: Folder):
    rows = [row("S1", "overall", "high"), row("S1", "D4", "high"), row("S1", "D2", "some concerns")]
    jobs = folder.plan(*rows)
    (found,) = jobs.assessments
    assert (found.study, found.label, found.tool_name) == ("S1", "One 2001", "RoB 2")
    assert [item.domain for item in found.judgements] == list(ROB2)
    assert [item.judgement for item in found.judgements] == [
        *(NOT_JUDGED, "some concerns", NOT_JUDGED, "high", NOT_JUDGED),
    ]
    assert [item.kind for item in found.judgements] == ["none", "some", "none", "bad", "none"]
    judged = found.judgements[3]
    assert judged.name == "Measurement of the outcome"
    assert (judged.support, judged.source, judged.location) == ("reason", "paper", "p. 1")
    assert found.overall is not None and found.overall.kind == "bad"
    (notice,) = [n for n in jobs.notices if "not judged are" in n.rule]
    assert (notice.value, notice.rule) == ("S1", "RoB2: not judged are D1, D3, D5")


@pytest.mark.parametrize("worst", ["low", "high"])
def test_an_overall_judgement_is_never_made_from_the_domains(folder: Folder, worst: str):
    jobs = folder.plan(*rob2("S1", "low", "low", "low", "low", worst))
    (found,) = jobs.assessments
    assert (found.overall, found.score, found.note) == (None, None, "overall not stated")
    assert any(n.rule == "RoB2: not judged are overall" for n in jobs.notices)


@pytest.mark.parametrize("code", [code for code, tool in TOOLS.items() if tool.overall == "sum"])
def test_a_sum_is_given_where_every_item_is_judged_and_nowhere_else(folder: Folder, code: str):
    (found,) = folder.assessed(*best(code))
    assert (found.score, found.most, found.note) == (TOOLS[code].most, TOOLS[code].most, "")
    (found,) = folder.assessed(*best(code)[1:])
    assert found.score is None
    assert f"1 of {len(TOOLS[code].domains)} items not judged" in found.note


def test_items_that_are_not_best_lower_the_sum(folder: Folder):
    rows = [r.replace(",two stars,", ",star,") for r in best("NOS-cohort")]
    rows[0] = rows[0].replace(",star,", ",none,")
    (found,) = folder.assessed(*rows)
    assert found.score == 9 - 1 - 1


def test_a_checklist_without_an_overall_says_so(folder: Folder):
    (found,) = folder.assessed(*best("JBI-prevalence"))
    assert (found.overall, found.score, found.most) == (None, None, None)
    assert found.note == "JBI-prevalence has no overall judgement"


def test_rows_of_an_outcome_come_before_those_for_all_and_bring_their_own_overall(folder: Folder):
    every = rob2("S3", "low", "low", "low", "low", "low", "low")
    jobs = folder.plan(*every, row("S3", "D4", "high", outcome="b"))
    general, own = jobs.assessments
    assert (general.outcome, own.outcome) == ("", "b")
    assert general.overall is not None
    assert [item.judgement for item in own.judgements] == ["low", "low", "low", "high", "low"]
    assert own.overall is None, "the overall of all outcomes was not made with this judgement"
    assert for_outcome(jobs.assessments, "a", ["S3"]) == (general,)
    assert for_outcome(jobs.assessments, "b", ["S4", "S3", "S3"]) == (own,)


def test_a_study_without_a_judgement_for_an_outcome_that_selects_it_is_a_notice(folder: Folder):
    jobs = folder.plan(*rob2("S1", *["low"] * 6), *rob2("S3", *["low"] * 6, outcome="a"))
    lacking = {n.value: n.rule for n in jobs.notices if "has no judgement" in n.rule}
    assert lacking == {
        "S2": "has no judgement for a",
        "S3": "has no judgement for b",
        "S4": "has no judgement for b",
    }


def test_without_a_table_nothing_is_judged_and_nothing_is_said(folder: Folder):
    jobs = plan(folder.path)
    assert jobs.assessments == () and jobs.flow is None
    assert not any("risk_of_bias" in notice.file for notice in jobs.notices)


@pytest.mark.parametrize("name", ["Risk of bias.csv", "riskofbias.CSV", "risk-of-bias.csv"])
def test_a_table_whose_name_is_spelt_otherwise_is_not_passed_over(folder: Folder, name: str):
    (folder.path / "extracted" / name).write_text(HEADER)
    with pytest.raises(TableError, match=r"Rename it to risk_of_bias\.csv"):
        plan(folder.path)


def test_a_link_is_not_followed(folder: Folder):
    (folder.path / "elsewhere.csv").write_text(HEADER + "\n".join(rob2("S1", "low")))
    (folder.path / "extracted/risk_of_bias.csv").symlink_to(folder.path / "elsewhere.csv")
    with pytest.raises(TableError, match="is a link"):
        plan(folder.path)


def test_errors_of_judgements_and_of_other_tables_are_reported_together(folder: Folder):
    table = folder.path / "extracted/a.csv"
    table.write_text(A.replace("1,10", "11,10"))
    problems = folder.problems(row("S1", "D1", "lwo"))
    assert [p.file for p in problems] == ["extracted/a.csv", "extracted/risk_of_bias.csv"]


JUDGED = [*rob2("S1", *["low"] * 6), *rob2("S3", *["low"] * 6), *rob2("S4", *["low"] * 6)]


@pytest.mark.parametrize(
    ("change", "outcomes"),
    [
        (lambda rows: [r.replace("S1,RoB2,,D2,low", "S1,RoB2,,D2,high") for r in rows], {"a"}),
        (lambda rows: [r.replace("S4,RoB2,,D2,low", "S4,RoB2,,D2,high") for r in rows], {"b"}),
        (lambda rows: [r.replace("S3,RoB2,,D2,low", "S3,RoB2,,D2,high") for r in rows], {"a", "b"}),
        (
            lambda rows: [r.replace("S4,RoB2,,D2,low,reason", "S4,RoB2,,D2,low,x") for r in rows],
            {"b"},
        ),
        (lambda rows: [*rows, row("S3", "D1", "high", outcome="b")], {"b"}),
        (lambda rows: [*rows, *rob2("S9", "low")], set()),
        (lambda rows: rows[::-1], set()),
    ],
    ids=["of one", "of the other", "of both", "a reason", "for one", "of neither", "order"],
)
def test_an_outcome_is_pooled_again_exactly_if_a_judgement_of_its_studies_changes(
    folder, change, outcomes
):
    before, after = folder.plan(*JUDGED), folder.plan(*change(JUDGED))
    assert {name for name in "ab" if before.bias(name) != after.bias(name)} == outcomes
    assert before.rows("a") == after.rows("a")


def test_any_change_of_a_judgement_is_a_change_of_the_review_and_its_record(folder: Folder):
    before = folder.plan(*JUDGED)
    after = folder.plan(*JUDGED[:-1], JUDGED[-1].replace("low", "high"))
    assert before.whole().digest != after.whole().digest
    assert before.everything() != after.everything()


def test_a_result_carries_the_assessments_of_its_studies_through_its_file(folder: Folder):
    jobs = folder.plan(*JUDGED)
    bias = for_outcome(jobs.assessments, "b", ["S3", "S4"])
    result = analyse(jobs.review.outcomes["b"], jobs.selections["b"], bias)
    path = folder.path / "result.json"
    results.write(result, path)
    assert results.read(path).bias == bias
    assert [item.label for item in bias] == ["Three 2003", "S4"]


def test_the_result_of_the_review_is_read_back_as_it_was_written(folder: Folder):
    flow = "source: made up\ndatabases: [{name: X, records: 3}]\nregisters: []\n"
    (folder.path / "extracted/flow.yaml").write_text(flow)
    whole = folder.plan(*JUDGED, row("S2", "1", "2", "MINORS")).whole()
    path = folder.path / "results/review/review.json"
    review_result.write(whole, path)
    assert review_result.read(path) == whole
    assert [tool.code for tool in whole.tools] == ["RoB2", "MINORS"]
    assert [(s.study, s.label, s.year, s.outcomes) for s in whole.studies] == [
        ("S1", "One 2001", 2001, ("a",)),
        ("S2", "Two 2002", 2002, ("a",)),
        ("S3", "Three 2003", None, ("a", "b")),
        ("S4", "S4", 2004, ("b",)),
    ]
    path.write_text("{}")
    with pytest.raises(ValueError, match="metamill-review/1"):
        review_result.read(path)


def _command(module, folder: Folder, arguments: dict[str, object]) -> None:
    import argparse

    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    words = [w for k, v in arguments.items() for w in (f"--{k}", str(v))]
    module.main(parser.parse_args(["--review", str(folder.path), *words]))


def test_the_steps_write_what_was_planned_and_refuse_what_changed_meanwhile(folder: Folder):
    jobs, out = folder.plan(*JUDGED), folder.path / "results"
    pooling = {
        "settings": jobs.settings("b"),
        "rows": jobs.rows("b"),
        "bias": jobs.bias("b"),
        "result": out / "b/result.json",
        "effects": out / "b/effects.csv",
    }
    settling = {
        "whole": jobs.whole().digest,
        "found": jobs.found(),
        "run-config": out / "run_config.yaml",
        "audit": out / "audit.csv",
        "review-result": out / "review/review.json",
    }
    _command(pool, folder, pooling)
    _command(settle, folder, settling)
    assert [item.study for item in results.read(out / "b/result.json").bias] == ["S3", "S4"]
    assert review_result.read(out / "review/review.json") == jobs.whole()
    audit = list(csv.DictReader(io.StringIO((out / "audit.csv").read_text(encoding="utf-8"))))
    assert ("S2", "has no judgement for a") in {
        (line["study"], line["reason"].removeprefix("column 'study': ")) for line in audit
    }
    folder.plan(*JUDGED[:-1], JUDGED[-1].replace("low", "high"))
    for command, arguments in ((pool, pooling), (settle, settling)):
        with pytest.raises(EnvironmentFault, match="changed while the review ran"):
            _command(command, folder, arguments)


def test_an_outcome_may_not_be_named_as_the_folder_of_the_review(folder: Folder):
    config = folder.path / "config.yaml"
    config.write_text(CONFIG.replace("  b:", "  review:"))
    with pytest.raises(ConfigError, match=r"line 4, outcomes\.review: is reserved"):
        plan(folder.path)


def test_judgements_and_flow_are_checked_without_a_heavy_library(folder: Folder):
    (folder.path / "extracted/flow.yaml").write_text("source: made up\nscreened: 3\n")
    folder.plan(*JUDGED)
    code = (
        "import sys; from metamill.cli import main; "
        f"assert main(['check', {str(folder.path)!r}]) == 0; "
        "sys.exit(any(name in sys.modules for name in ('pandas', 'matplotlib', 'snakemake')))"
    )
    workflow = str(REPOSITORY / "workflow")
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": workflow}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_shipped_review_has_no_judgements_and_an_empty_section():
    whole = plan(REPOSITORY).whole()
    assert (whole.tools, whole.assessments, whole.flow) == ((), (), None)
    assert len(whole.studies) == 35
    assert all(study.outcomes for study in whole.studies)


def test_the_best_judgement_of_every_domain_is_good(folder: Folder):
    for code in TOOLS:
        (found,) = folder.assessed(*best(code))
        assert {item.kind for item in found.judgements} == {"good"}
