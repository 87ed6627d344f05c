"""The flow of records: strict reading, exact sums, nothing invented where a number is missing.

All numbers are made up for the tests.
"""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from metamill.config.flow import Flow, Included, flow_from_dict, remarks
from metamill.config.flow_file import FLOW_SCHEMA_FILE, read_flow
from metamill.errors import Problem, TableError
from metamill.jobs import plan

CONFIG = "review: {title: Made up}\noutcomes:\n  a: {title: A, table: a.csv, measure: PLO}\n"
FUZZ = settings(derandomize=True, max_examples=200, deadline=None, database=None)
WHOLE = """\
source: made up for the tests
databases:
  - {name: One, records: 1000}
  - {name: Two, records: 204}
registers:
  - {name: Three, records: 310}
removed: {duplicates: 287, automation: 0, other: 0}
screened: 1227
excluded: 1100
sought: 127
not_retrieved: 7
assessed: 120
excluded_reports:
  - {reason: other population, reports: 60}
  - {reason: no outcome, reports: 20}
other_methods:
  websites: 2
  organisations: 0
  citation_searching: 10
  sought: 12
  not_retrieved: 1
  assessed: 11
  excluded_reports:
    - {reason: other population, reports: 8}
previous: {studies: 5, reports: 6}
included: {studies: 40, reports: 43}
"""


class Folder:
    """A review with one table; the test writes its flow.yaml."""

    def __init__(self, path: Path):
        self.path = path
        (path / "extracted").mkdir()
        (path / "config.yaml").write_text(CONFIG, encoding="utf-8")
        (path / "extracted/a.csv").write_text("study,events,total\nS1,1,10\nS2,2,10\n")

    def read(self, content: str | bytes) -> tuple[Flow | None, list[Problem], list[Problem]]:
        content = content if isinstance(content, bytes) else content.encode()
        (self.path / "extracted/flow.yaml").write_bytes(content)
        return read_flow(self.path)

    def problem(self, content: str | bytes) -> Problem:
        flow, problems, _ = self.read(content)
        assert flow is None
        (problem,) = problems
        assert problem.file == "extracted/flow.yaml"
        assert problem.advice
        return problem


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def changed(old: str, new: str) -> str:
    assert WHOLE.count(old) == 1, old
    return WHOLE.replace(old, new)


def without(*keys: str) -> str:
    return yaml.safe_dump({k: v for k, v in yaml.safe_load(WHOLE).items() if k not in keys})


def test_numbers_that_agree_are_read_as_they_stand(folder: Folder):
    flow, problems, notices = folder.read(WHOLE)
    assert (problems, notices) == ([], [])
    assert flow is not None
    assert flow.source == "made up for the tests"
    assert [(item.name, item.records) for item in flow.databases or ()] == [
        ("One", 1000),
        ("Two", 204),
    ]
    assert flow.count("databases") == 1204 and flow.count("registers") == 310
    assert flow.count("removed", "duplicates") == 287
    assert flow.count("excluded_reports") == 80
    assert flow.count("other_methods", "excluded_reports") == 8
    assert flow.total == Included(45, 49)
    assert flow_from_dict(asdict(flow)) == flow


def test_a_contradiction_spells_out_the_sum(folder: Folder):
    problem = folder.problem(changed("screened: 1227", "screened: 1220").replace("1100", "1093"))
    assert (problem.line, problem.column) == (8, "screened")
    assert problem.rule == "1 204 + 310 - 287 = 1 227 records, but screened says 1 220"
    assert "databases + registers - removed.duplicates" in problem.advice


@pytest.mark.parametrize(
    ("old", "new", "setting", "rule"),
    [
        (
            "sought: 127",
            "sought: 128",
            "sought",
            "1 227 - 1 100 = 127 records, but sought says 128",
        ),
        (
            "retrieved: 7",
            "retrieved: 6",
            "assessed",
            "127 - 6 = 121 reports, but assessed says 120",
        ),
        (
            "reports: 60",
            "reports: 61",
            "included.reports",
            "120 + 11 - 81 - 8 = 42 reports, but included.reports says 43",
        ),
        (
            "not_retrieved: 1\n",
            "not_retrieved: 0\n",
            "other_methods.assessed",
            "12 = 12 reports, but other_methods.assessed says 11",
        ),
        (
            "organisations: 0\n  citation_searching: 10",
            "organisations: 0\n  citation_searching: 9",
            "other_methods.sought",
            "2 + 0 + 9 leaves at most 11 reports, but other_methods.sought says 12",
        ),
        (
            "included: {studies: 40",
            "included: {studies: 44",
            "included.studies",
            "44 studies have only 43 reports",
        ),
        (
            "previous: {studies: 5",
            "previous: {studies: 7",
            "previous.studies",
            "7 studies have only",
        ),
    ],
)
def test_every_sum_is_checked(folder: Folder, old, new, setting, rule):
    _, problems, _ = folder.read(changed(old, new))
    (problem,) = [item for item in problems if item.column == setting]
    assert rule in problem.rule


def test_every_contradiction_is_reported_at_once(folder: Folder):
    _, problems, _ = folder.read(changed("screened: 1227", "screened: 1"))
    assert [p.column for p in problems] == ["screened", "sought"]
    assert "1 - 1 100 = -1 099 records" in problems[1].rule


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        (without("registers"), ["registers"]),
        (without("screened"), ["screened", "screened"]),
        (without("assessed"), ["assessed", "assessed"]),
        (changed(", automation: 0, other: 0", ""), ["removed.automation, removed.other"]),
        (changed("{studies: 40, reports: 43}", "{studies: 40}"), ["included.reports"]),
    ],
)
def test_a_number_left_out_is_not_reported_and_its_sum_not_checked(folder, content, missing):
    flow, problems, notices = folder.read(content)
    assert flow is not None and problems == []
    assert len(notices) == len(missing)
    for notice, name in zip(notices, missing, strict=True):
        assert f"was not checked: {name} not reported" in notice.rule
        assert notice.line


def test_zero_is_not_the_same_as_not_reported(folder: Folder):
    flow, _, _ = folder.read("source: made up\nregisters: []\nexcluded: 0\n")
    assert flow is not None
    assert (flow.count("registers"), flow.excluded) == (0, 0)
    assert (flow.count("databases"), flow.screened) == (None, None)
    assert flow.count("removed", "other") is None
    assert flow.count("other_methods", "websites") is None
    assert flow.total is None


def test_a_total_with_an_unknown_part_is_unknown(folder: Folder):
    flow, _, _ = folder.read(
        changed("previous: {studies: 5, reports: 6}", "previous: {studies: 5}")
    )
    assert flow is not None and flow.total == Included(45, None)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (
            "databases: [{name: X, records: 9}]\nregisters: []\nremoved: {other: 2}\nscreened: 8",
            "9 + 0 - 2 leaves at most 7 records, but screened says 8",
        ),
        ("screened: 5\nexcluded: 6", "5 - 6 leaves at most -1 records"),
        (
            "assessed: 5\nincluded: {reports: 6}",
            "5 leaves at most 5 reports, but included.reports says 6",
        ),
    ],
)
def test_what_is_impossible_whatever_the_missing_numbers_are_is_an_error(folder, content, rule):
    _, problems, _ = folder.read(f"source: made up\n{content}\n")
    assert rule in [problem.rule for problem in problems]


def test_fewer_reports_sought_than_found_by_other_methods_is_a_notice(folder: Folder):
    flow, problems, notices = folder.read(
        changed("citation_searching: 10", "citation_searching: 15")
    )
    assert flow is not None and problems == []
    (notice,) = notices
    assert "2 + 0 + 15 = 17 reports were found" in notice.rule


def test_a_review_without_other_methods_has_one_arm(folder: Folder):
    text = changed("{studies: 40, reports: 43}", "{studies: 40, reports: 40}")
    data = yaml.safe_load(text)
    del data["other_methods"]
    flow, problems, notices = folder.read(yaml.safe_dump(data))
    assert flow is not None and flow.other_methods is None
    assert (problems, notices) == ([], [])


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("", 1, "must hold numbers"),
        ("- 1\n", 1, "must hold numbers"),
        ("source: x\nscreened: 1\nscreened: 1\n", 3, "used twice"),
        ("source: &a x\n", 1, "anchors"),
        ("source: !!python/object:os.system x\n", 1, "tag"),
        ("source: x\n\tscreened: 1\n", 2, "not readable as YAML"),
        (b"source: \xff\n", 1, "not UTF-8"),
        ("screened: 1\nexcluded: 1\n", 1, "'source' is missing"),
        ("source: x\n", 1, "says too little"),
        ("source: ' '\nscreened: 1\n", 1, "says nothing"),
        ("source: x\nscreend: 1\n", 2, "Did you mean 'screened'?"),
        ("source: x\nremoved: {duplicate: 1}\n", 2, "Did you mean 'duplicates'?"),
        ("source: x\ndatabases: 12\n", 2, "must be a list"),
        ("source: x\ndatabases: {PubMed: 12}\n", 2, "Begin each item with a dash"),
        ("source: x\ndatabases:\n- {name: PubMed}\n", 3, "'records' is missing"),
        ("source: x\nremoved: 3\n", 2, "must be a mapping"),
        ("source: x\nscreened: -1\n", 2, "must be at least 0"),
        ("source: x\nscreened: 1000000000\n", 2, "must be at most"),
        ("source: x\nscreened: 12.0\n", 2, "Counts have no decimals"),
        ("source: x\nscreened: 1e3\n", 2, "Counts have no decimals"),
        ("source: x\nscreened: true\n", 2, "must be a whole number"),
        ("source: x\nscreened: 1,204\n", 2, "without separators"),
        ("source: x\nscreened: 1 204\n", 2, "without separators"),
        ("source: x\nscreened: NR\n", 2, "remove the line"),
        ("source: x\nscreened:\n", 2, "remove the line"),
        ("source: x\nscreened: [1]\n", 2, "must be a whole number"),
        (
            "source: x\ndatabases:\n- {name: A, records: 1}\n- {name: ' a', records: 1}\n",
            4,
            "twice",
        ),
        (
            "source: x\nexcluded_reports:\n- {reason: a, reports: 1}\n- {reason: a, reports: 2}\n",
            4,
            "twice",
        ),
    ],
)
def test_what_is_no_flow_is_refused_at_its_line(folder: Folder, content, line, words):
    problem = folder.problem(content)
    assert problem.line == line
    assert words in str(problem)


def test_every_wrong_value_is_reported_at_once_in_the_order_of_the_lines(folder: Folder):
    _, problems, _ = folder.read("source: x\nscreened: NR\nexcluded: -1\nremoved: {other: 1.5}\n")
    assert [problem.line for problem in problems] == [2, 3, 4]


@pytest.mark.parametrize("make", ["folder", "link", "nothing behind the link"])
def test_only_a_file_is_read(folder: Folder, make: str):
    path = folder.path / "extracted/flow.yaml"
    if make == "folder":
        path.mkdir()
    else:
        path.symlink_to(folder.path / ("config.yaml" if make == "link" else "nowhere"))
    _, problems, _ = read_flow(folder.path)
    assert len(problems) == 1


def test_without_the_file_nothing_is_known_and_nothing_said(folder: Folder):
    assert read_flow(folder.path) == (None, [], [])


@pytest.mark.parametrize("name", ["flow.yml", "Flow.yaml"])
def test_a_file_whose_name_is_spelt_otherwise_is_not_passed_over(folder: Folder, name: str):
    (folder.path / "extracted" / name).write_text(WHOLE)
    with pytest.raises(TableError, match=r"Rename it to flow\.yaml"):
        plan(folder.path)


def test_the_flow_and_the_tables_are_wrong_together(folder: Folder):
    (folder.path / "extracted/a.csv").write_text("study,events,total\nS1,11,10\n")
    folder.read("source: x\nscreened: NR\n")
    with pytest.raises(TableError) as caught:
        plan(folder.path)
    assert [p.file for p in caught.value.problems] == ["extracted/a.csv", "extracted/flow.yaml"]


def test_a_changed_number_changes_the_review_and_no_outcome(folder: Folder):
    folder.read(WHOLE)
    before = plan(folder.path)
    folder.read(changed("previous: {studies: 5", "previous: {studies: 4"))
    after = plan(folder.path)
    assert before.whole().digest != after.whole().digest
    assert before.everything() != after.everything()
    assert (before.rows("a"), before.bias("a")) == (after.rows("a"), after.bias("a"))


COUNT = st.integers(0, 10_000)


@st.composite
def consistent(draw: st.DrawFn) -> Flow:
    """Any flow whose numbers follow from each other."""
    n = [draw(COUNT) for _ in range(14)]
    other_assessed, assessed = n[3] + n[4], n[5] + n[6]
    reports = n[4] + n[6]
    sought = assessed + n[7]
    screened = sought + n[8]
    identified = screened + n[9] + n[10] + n[11]
    in_registers = min(n[12], identified)
    other_sought = other_assessed + n[13]
    on_websites = min(n[0], other_sought)
    return flow_from_dict(
        {
            "source": "drawn",
            "databases": [{"name": "D", "records": identified - in_registers}],
            "registers": [{"name": "R", "records": in_registers}],
            "removed": {"duplicates": n[9], "automation": n[10], "other": n[11]},
            "screened": screened,
            "excluded": n[8],
            "sought": sought,
            "not_retrieved": n[7],
            "assessed": assessed,
            "excluded_reports": [{"reason": "E", "reports": n[5]}],
            "other_methods": {
                "websites": on_websites,
                "organisations": 0,
                "citation_searching": other_sought - on_websites,
                "sought": other_sought,
                "not_retrieved": n[13],
                "assessed": other_assessed,
                "excluded_reports": [{"reason": "E", "reports": n[3]}],
            },
            "included": {"studies": min(n[1], reports), "reports": reports},
        }
    )


NUMBERS = ("screened", "excluded", "sought", "not_retrieved", "assessed")


@FUZZ
@given(consistent())
def test_numbers_that_follow_from_each_other_never_contradict(flow: Flow):
    assert list(remarks(flow)) == []


@FUZZ
@given(consistent(), st.sampled_from(NUMBERS), st.integers(1, 5))
def test_one_wrong_number_always_contradicts_and_one_left_out_never_does(flow, name, more):
    wrong = replace(flow, **{name: getattr(flow, name) + more})
    assert any(remark.wrong for remark in remarks(wrong))
    unknown = list(remarks(replace(flow, **{name: None})))
    assert unknown and not any(remark.wrong for remark in unknown)


def test_the_codebook_names_every_key_of_the_schema():
    page = FLOW_SCHEMA_FILE.parents[2].joinpath("extracted/README.md").read_text(encoding="utf-8")
    section = page.split("### flow.yaml")[1].split("\n### ")[0]
    schema = yaml.safe_load(FLOW_SCHEMA_FILE.read_text(encoding="utf-8"))
    for name, entry in schema["properties"].items():
        assert name in section, name
        for inner in entry.get("properties", ()):
            assert f"`{inner}`" in section or inner in section, inner
        assert entry["description"]
    assert set(schema["properties"]) == set(Flow.__dataclass_fields__)
