"""The rows of an outcome: joined, selected, divided among analyses, and fit for one pool."""

import csv
import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metamill.config.load import load_review
from metamill.config.settings import Model, Plan, RowFilter
from metamill.errors import ConfigError, MetamillError, TableError
from metamill.jobs import Jobs, plan
from metamill.tables.reader import Findings, TableRow
from metamill.tables.selection import apply_plan, load_outcome_rows

REPOSITORY = Path(__file__).resolve().parents[2]
PRIMARY = Plan("primary", Model("PR"))
STUDIES = "study,label,cohort,setting\nA,A 2020,X,one\nB,B 2021,X,two\nC,C 2022,,one\n"
TABLE = (
    "study,arm,unit,events,total\n"
    "A,x,patient,1,9\nB,x,patient,2,9\nC,x,patient,3,9\nC,y,patient,0,9\n"
)
OUTCOME = "    title: A\n    table: t.csv\n    measure: PR\n"


class Folder:
    """A review of one outcome, `a`, whose table, studies and settings the test writes."""

    def __init__(self, path: Path):
        self.path = path
        (path / "extracted").mkdir()

    def plan(self, lines: str = "select: {arm: x}", table=TABLE, studies=STUDIES) -> Jobs:
        (self.path / "extracted" / "t.csv").write_text(table)
        if studies:
            (self.path / "extracted" / "studies.csv").write_text(studies)
        body = "".join(f"    {line}\n" for line in lines.splitlines())
        head = "review: {title: T}\noutcomes:\n  a:\n" + OUTCOME
        (self.path / "config.yaml").write_text(head + body)
        return plan(self.path)

    def wrong_settings(self, *given: str):
        with pytest.raises(ConfigError) as caught:
            self.plan(*given)
        return caught.value.problems

    def wrong_tables(self, *given: str):
        with pytest.raises(TableError) as caught:
            self.plan(*given)
        return caught.value.problems


FIRST = 7
KEPT = "\nexclude: [{study: B, reason: same patients}]"


MODERATED = "study,year,design,note,events,total\n" + "".join(
    f"{name},{2000 + i},{'abc'[i % 2]},n{i},{i + 1},9\n" for i, name in enumerate("ABCD")
)


@pytest.mark.parametrize(
    ("moderators", "code", "setting"),
    [
        ("[study]", "level-per-study", "moderators.0"),
        ("[year, note]", "level-per-study", "moderators.1"),
        ("[{columns: [design, note]}]", "level-per-study", "moderators.0.columns.1"),
        ("[events]", "moderator-of-effect", "moderators.0"),
        ("[{columns: [year, total]}]", "moderator-of-effect", "moderators.0.columns.1"),
        (
            "[{columns: [year, design], reference: {year: 2001}}]",
            "reference-of-numbers",
            "moderators.0.reference.year",
        ),
    ],
)
def test_a_moderator_that_cannot_explain_an_effect_is_refused(tmp_path, moderators, code, setting):
    found = Folder(tmp_path).wrong_settings(f"moderators: {moderators}", MODERATED, "")
    assert [(p.code, p.line, p.column) for p in found] == [(code, FIRST, f"outcomes.a.{setting}")]


def test_a_moderator_of_numbers_or_of_shared_levels_is_allowed(tmp_path):
    lines = "moderators: [year, design, {columns: [year, design], reference: {design: b}}]"
    assert len(Folder(tmp_path).plan(lines, MODERATED, "").review.outcomes["a"].moderators) == 3


def test_what_a_mean_is_derived_from_is_part_of_the_effect(tmp_path):
    table = "study,median,q1,q3,n,arm\nA,5,3,7,20,x\nB,6,4,8,30,x\nC,7,4,9,20,y\n"
    folder = Folder(tmp_path)
    config = "measure: MN\nmoderators: [median]"
    lines = OUTCOME.replace("    measure: PR\n", "")
    (tmp_path / "extracted" / "t.csv").write_text(table)
    body = "".join(f"    {line}\n" for line in config.splitlines())
    (tmp_path / "config.yaml").write_text(f"review: {{title: T}}\noutcomes:\n  a:\n{lines}{body}")
    with pytest.raises(ConfigError) as caught:
        plan(folder.path)
    assert [p.code for p in caught.value.problems] == ["moderator-of-effect"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def _rows(*studies: str, **cells: str) -> tuple[TableRow, ...]:
    return tuple(TableRow(i + 2, {"study": name, **cells}) for i, name in enumerate(studies))


def test_rows_are_joined_with_their_study_and_keep_their_own_cells(folder: Folder):
    studies = STUDIES.replace("setting\n", "setting,arm\n").replace("one\n", "one,none\n")
    studies = studies.replace("two\n", "two,\n")
    selection = folder.plan("select: {arm: x}" + KEPT, TABLE, studies).selections["a"]
    assert [row.line for row in selection.rows] == [2, 3, 4]
    assert [row.cells["setting"] for row in selection.rows] == ["one", "two", "one"]
    assert [row.cells["arm"] for row in selection.rows] == ["x"] * 3


def test_rows_are_selected_by_what_their_study_says(folder: Folder):
    selection = folder.plan("select: {arm: x, setting: one}").selections["a"]
    assert [row.cells["study"] for row in selection.rows] == ["A", "C"]
    assert selection.not_reported == ("B",)


def test_lists_select_any_of_their_levels(folder: Folder):
    selection = folder.plan("select: {study: [A, C], arm: x}").selections["a"]
    assert [row.cells["study"] for row in selection.rows] == ["A", "C"]


def test_a_study_without_a_description_is_noted_with_what_it_may_be(folder: Folder):
    jobs = folder.plan("select: {arm: x}", TABLE, "study,label\na,A\nB,B\n")
    assert [(n.line, n.value, n.advice) for n in jobs.notices] == [
        (2, "A", "Did you mean 'a'?"),
        (4, "C", "Add one with its citation"),
        (5, "C", ""),
    ]
    assert "selected by no outcome" in jobs.notices[-1].rule


def test_every_row_that_no_outcome_selects_is_named():
    unselected = {
        (notice.file, notice.line, notice.value)
        for notice in plan(REPOSITORY).notices
        if "selected by no outcome" in notice.rule
    }
    expected = set()
    for table in ("cement_leakage", "screw_loosening", "infection", "revision_surgery"):
        for line, row in _table(REPOSITORY / "extracted" / f"{table}.csv"):
            if row["unit"] not in ("patient", "screw") or row["arm"] != "augmented":
                expected.add((f"extracted/{table}.csv", line, row["study"]))
    ours = {item for item in unselected if item[0] != "extracted/vas.csv"}
    assert ours == expected
    assert ("extracted/vas.csv", 6, "MOON2009") in unselected, "pain in the leg"


def test_a_review_without_studies_csv_runs_and_says_so(folder: Folder):
    jobs = folder.plan("select: {arm: x}", TABLE, "")
    assert jobs.notices[0].file == "extracted/studies.csv"
    assert "does not exist" in jobs.notices[0].rule


def test_rows_excluded_are_left_out_with_the_first_reason():
    rule = replace(
        PRIMARY,
        exclude=(RowFilter({"study": ("A",)}, "first"), RowFilter({"arm": ("x",)}, "second")),
    )
    divided = apply_plan(_rows("A", "B", arm="x"), rule)
    assert divided.used == ()
    assert divided.left_out == ((0, "first"), (1, "second"))


def test_all_conditions_of_a_filter_must_hold():
    rows = (*_rows("A", arm="x"), *_rows("A", arm="y"))
    rule = replace(PRIMARY, exclude=(RowFilter({"study": ("A",), "arm": ("y",)}, "r"),))
    assert apply_plan(rows, rule).used == (0,)


def test_include_takes_rows_back_and_drop_wins_over_it():
    rows = _rows("A", "B", "C")
    exclude = (RowFilter({"study": ("A", "B")}, "r"),)
    back = replace(PRIMARY, exclude=exclude, include=RowFilter({"study": ("A",)}))
    assert apply_plan(rows, back).used == (0, 2)
    dropped = replace(back, drop=RowFilter({"study": ("A", "C")}, "d"))
    assert apply_plan(rows, dropped).left_out == ((0, "d"), (1, "r"), (2, "d"))


def test_an_empty_cell_matches_the_empty_level_and_no_other():
    item = RowFilter({"arm": ("",)})
    assert item.matches({"study": "A"})
    assert not item.matches({"arm": "x"})


@pytest.mark.parametrize(
    ("lines", "line", "setting", "words"),
    [
        ("select: {amr: x}", 0, "select.amr", "Did you mean 'arm'?"),
        ("select: {arm: X}", 0, "select.arm", "Did you mean 'x'?"),
        ("select: {arm: [x, z]}", 0, "select.arm", "'z': no row of extracted/t.csv has this"),
        ("select: {arm: y, study: A}", 0, "select", "'arm: y, study: A'"),
        ("select: {arm: x}\nsubgroups:\n- seting", 2, "subgroups.0", "Did you mean 'setting'?"),
        ("select: {arm: x}\nexclude:\n- {stdy: B, reason: r}", 2, "exclude.0.stdy", "'study'?"),
        (
            "select: {arm: x}\nexclude:\n- {study: D, reason: r}",
            2,
            "exclude.0.study",
            "'D': no row",
        ),
        ("select: {arm: x}\nexclude: [{study: [B, D], reason: r}]", 1, "exclude.0.study", "'D'"),
        (
            "select: {arm: x}\nexclude: [{study: A, setting: two, reason: r}]",
            1,
            "exclude.0",
            "'study: A, setting: two': no row",
        ),
        (
            f"select: {{arm: x}}{KEPT}\nsensitivity:\n- {{name: s, include: {{study: D}}}}",
            3,
            "sensitivity.0.include.study",
            "'D': no row",
        ),
        (
            f"select: {{arm: x}}{KEPT}\nsensitivity:\n- {{name: s, include: {{study: C}}}}",
            3,
            "sensitivity.0.include",
            "takes back no row",
        ),
        (
            f"select: {{arm: x}}{KEPT}\nsensitivity:\n- {{name: s, exclude: {{study: B}}}}",
            3,
            "sensitivity.0.exclude",
            "leaves out no row",
        ),
        (
            f"select: {{arm: x}}{KEPT}\nsensitivity:\n- {{name: s, exclude: {{arm: x}}}}",
            3,
            "sensitivity.0",
            "leaves no row to pool",
        ),
        ("select: {arm: x}\nexclude: [{arm: x, reason: r}]", 1, "exclude", "leave no row to pool"),
        (
            f"select: {{arm: x}}{KEPT}\nsame_cohort: {{Y: r}}",
            2,
            "same_cohort.Y",
            "no selected row is of",
        ),
    ],
)
def test_a_setting_the_tables_contradict_is_an_error_of_the_config(
    folder, lines, line, setting, words
):
    (problem,) = folder.wrong_settings(lines)
    assert (problem.file, problem.line) == ("config.yaml", FIRST + line)
    assert problem.column == f"outcomes.a.{setting}"
    assert words in str(problem)


def test_a_filter_on_a_column_that_is_empty_in_every_row_selected_is_reported(folder: Folder):
    table = TABLE.replace("total\n", "total,site\n").replace(",9\n", ",9,\n")
    (problem,) = folder.wrong_settings("exclude: [{site: leg, reason: r}]", table)
    assert (problem.column, problem.value) == ("outcomes.a.exclude.0.site", "leg")


def test_an_outcome_without_rows_is_reported_once_however_many_analyses_it_has(folder: Folder):
    lines = "exclude: [{unit: patient, reason: r}]\nsensitivity: [{name: s, level: 90}]"
    (problem,) = folder.wrong_settings(lines)
    assert (problem.line, problem.column) == (FIRST, "outcomes.a.exclude")


def test_an_override_the_tables_contradict_is_named_as_such(folder: Folder):
    folder.plan("select: {arm: x}" + KEPT)
    with pytest.raises(ConfigError) as caught:
        plan(folder.path, {"outcomes": {"a": {"select": {"arm": "q"}}}})
    assert [(p.file, p.column) for p in caught.value.problems] == [
        ("--config", "outcomes.a.select.arm")
    ]


def test_settings_and_tables_that_are_wrong_are_reported_together(folder: Folder):
    problems = folder.wrong_settings("select: {amr: x}", TABLE.replace("3,9", "30,9"))
    assert [(p.file, p.line) for p in problems] == [
        ("config.yaml", FIRST),
        ("extracted/t.csv", 4),
    ]


def test_a_row_that_cannot_be_read_makes_no_filter_look_wrong(folder: Folder):
    problems = folder.wrong_tables("select: {arm: x}" + KEPT, TABLE.replace("B,x,", "B,x,,"))
    assert [problem.line for problem in problems] == [3]


@pytest.mark.parametrize(
    ("table", "line", "words"),
    [
        (TABLE.replace("B,x,patient", "B,x,screw"), 3, "patient (line 2), screw (line 3)"),
        (TABLE.replace("B,x,patient", "B,x,"), 3, "no unit (line 3)"),
        (TABLE.replace("total", "size"), 1, "lacks this column"),
        (TABLE.replace("2,9", "2,"), 3, "is empty, and measure PR needs it (study B)"),
        (TABLE.replace("C,y", "c,x"), 5, "repeats the row"),
    ],
)
def test_what_would_make_a_pool_wrong_is_an_error_of_the_table(folder, table, line, words):
    lines = "select: {arm: x}\nsame_cohort: {X: different years}"
    lines += "\nsensitivity: [{name: s, level: 90}]"
    problem = folder.wrong_tables(lines, table)[0]
    assert (problem.file, problem.line) == ("extracted/t.csv", line)
    assert words in problem.rule
    assert problem.advice


def test_an_undeclared_repeat_names_the_columns_that_could_tell_the_rows_apart(folder: Folder):
    (problem,) = folder.wrong_tables("exclude: [{study: B, reason: r}]")
    assert (problem.line, problem.value) == (5, "C")
    assert "Select or exclude by arm in config.yaml (outcomes.a)" in problem.advice


def test_two_studies_of_one_cohort_are_not_pooled_undeclared(folder: Folder):
    (problem,) = folder.wrong_tables("select: {arm: x}")
    assert (problem.line, problem.value) == (3, "B")
    assert "shares its cohort X with A (line 2)" in problem.rule


@pytest.mark.parametrize(
    "lines",
    [
        "select: {arm: x}\nexclude: [{study: B, reason: r}]",
        "select: {arm: x}\nsame_cohort: {X: other patients}",
    ],
)
def test_a_cohort_is_pooled_once_or_with_a_reason(folder: Folder, lines: str):
    assert folder.plan(lines).outcomes == ("a",)


def test_a_sensitivity_analysis_that_takes_a_cohort_back_needs_a_reason_of_its_own(folder: Folder):
    lines = f"select: {{arm: x}}{KEPT}\nsensitivity:\n- name: both\n  include: {{study: B}}\n"
    (problem,) = folder.wrong_tables(lines)
    assert "outcomes.a, sensitivity:both" in problem.advice
    assert folder.plan(lines + "  same_cohort: {X: shown}\n").outcomes == ("a",)


def test_cohorts_that_differ_in_case_are_one(folder: Folder):
    (problem,) = folder.wrong_tables("select: {arm: x}", TABLE, STUDIES.replace("2021,X", "2021,x"))
    assert problem.line == 3


def test_a_study_is_described_once(folder: Folder):
    problems = folder.wrong_tables("select: {arm: x}" + KEPT, TABLE, STUDIES + "a,A again,,two\n")
    assert [(p.file, p.line) for p in problems] == [("extracted/studies.csv", 5)]


def test_a_row_without_a_study_is_an_error_and_no_crash(folder: Folder):
    problems = folder.wrong_tables("select: {arm: x}" + KEPT, TABLE.replace("A,x", ",x"))
    assert [problem.line for problem in problems] == [2]


def test_a_link_in_place_of_extracted_is_refused(folder: Folder, tmp_path_factory):
    folder.plan("select: {arm: x}" + KEPT)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "extracted"
    shutil.move(folder.path / "extracted", elsewhere)
    (folder.path / "extracted").symlink_to(elsewhere)
    with pytest.raises(TableError, match="is a link and not a folder"):
        plan(folder.path)


@pytest.mark.parametrize(
    ("scale", "numbers", "words"),
    [
        ("log", "0.5,0,2", "above 0 on the scale log"),
        ("logit", "0.5,0.1,1", "below 1 on the scale logit"),
        ("cloglog", "1.5,0.1,2", "below 1 on the scale cloglog"),
        ("0-10", "0.5,0.1,2", "no scale that an estimate can be pooled on"),
        ("identity", "0.5,0.1,2", "different scales would be pooled: log (line 2)"),
    ],
)
def test_an_interval_lies_where_its_scale_is_defined(tmp_path, scale, numbers, words):
    (tmp_path / "extracted").mkdir()
    table = f"study,estimate,ci_low,ci_high,scale\nD,0.5,0.2,0.9,log\nE,{numbers},{scale}\n"
    (tmp_path / "extracted" / "t.csv").write_text(table)
    (tmp_path / "config.yaml").write_text(
        "review: {title: T}\noutcomes:\n  a: {title: A, table: t.csv, measure: GEN}\n"
    )
    with pytest.raises(TableError) as caught:
        plan(tmp_path)
    problems = caught.value.problems
    assert all(problem.line == 3 for problem in problems)
    assert any(words in str(problem) for problem in problems)


def _selected(folder: Path, outcomes) -> dict[str, object]:
    """By outcome the joined rows and the included studies without one, read with csv alone."""
    about = {row["study"]: row for _, row in _table(folder / "extracted" / "studies.csv")}
    chosen: dict[str, object] = {}
    for outcome in outcomes:
        rows = {}
        for line, row in _table(folder / "extracted" / outcome.table):
            cells = about.get(row["study"], {}) | {k: v for k, v in row.items() if v}
            if all(cells.get(column, "") in levels for column, levels in outcome.select.items()):
                rows[line] = cells
        included = {study for study, cells in about.items() if cells["included"] == "yes"}
        chosen[outcome.name] = rows, included - {cells["study"] for cells in rows.values()}
    return chosen


def _table(path: Path) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    return [(reader.line_num, row) for row in reader]


def _digests(folder: Path, outcomes) -> dict[str, str]:
    selections = load_outcome_rows(folder, outcomes, Findings())
    return {name: selection.digest for name, selection in selections.items()}


_NAMES = sorted(
    path.name for path in (REPOSITORY / "extracted").glob("*.csv") if path.name != "excluded.csv"
)
_CELLS = [
    (name, row, column)
    for name in _NAMES
    for row, cells in enumerate(
        csv.reader(io.StringIO((REPOSITORY / "extracted" / name).read_text(encoding="utf-8")))
    )
    for column in range(len(cells))
    if row
]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copy2(REPOSITORY / "config.yaml", folder)
    shutil.copytree(REPOSITORY / "extracted", folder / "extracted")
    outcomes = tuple(load_review(folder / "config.yaml").outcomes.values())
    return folder, outcomes, _digests(folder, outcomes), _selected(folder, outcomes)


@settings(
    derandomize=True,
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(_CELLS))
def test_the_digest_of_an_outcome_changes_exactly_with_its_rows_and_their_studies(shipped, cell):
    folder, outcomes, before, chosen_before = shipped
    name, row, column = cell
    path = folder / "extracted" / name
    content = path.read_text(encoding="utf-8")
    records = list(csv.reader(io.StringIO(content)))
    records[row][column] += "7"
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(records)
    path.write_text(buffer.getvalue(), encoding="utf-8")
    try:
        after, chosen_after = _digests(folder, outcomes), _selected(folder, outcomes)
    finally:
        path.write_text(content, encoding="utf-8")
    expected = {name for name in before if chosen_after[name] != chosen_before[name]}
    assert {outcome for outcome in before if after.get(outcome) != before[outcome]} == expected


def test_every_shipped_outcome_selects_rows_and_every_analysis_pools_some():
    jobs = plan(REPOSITORY)
    for name, outcome in jobs.review.outcomes.items():
        for item in outcome.plans:
            assert apply_plan(jobs.selections[name].rows, item).used


def test_a_missing_review_is_an_error_and_no_crash(tmp_path: Path):
    with pytest.raises(MetamillError, match="does not exist"):
        plan(tmp_path / "nowhere")


_SNIPPETS = [
    *("", ",", '"', "\n", "-1", "1.5", "NR", "patient", "screw", "LUGANO", "TANTA2021", "Total"),
    *(
        "{",
        "}",
        "]",
        ": ",
        "MC",
        "GEN",
        "GLMM",
        "z",
        "include",
        "exclude",
        "study",
        "\x00",
        "\u2212",
    ),
]


@settings(derandomize=True, max_examples=100, deadline=None, database=None)
@given(
    st.sampled_from(["config.yaml", *(f"extracted/{name}" for name in _NAMES)]),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(_SNIPPETS)),
        min_size=1,
        max_size=4,
    ),
)
def test_any_damage_to_the_shipped_review_is_planned_or_refused(shipped, name, damage):
    path = shipped[0] / name
    content = path.read_text(encoding="utf-8")
    damaged = content
    for where, length, snippet in damage:
        start = int(where * len(damaged))
        damaged = damaged[:start] + snippet + damaged[start + length :]
    path.write_text(damaged, encoding="utf-8")
    try:
        plan(shipped[0])
    except MetamillError as refused:
        found = refused
    else:
        return
    finally:
        path.write_text(content, encoding="utf-8")
    assert found.exit_code in (2, 3)
    assert all(problem.rule and problem.advice for problem in found.problems)
    assert len(set(found.problems)) == len(found.problems)


def test_a_study_that_the_review_does_not_include_is_no_missing_report():
    jobs = plan(REPOSITORY)
    missing = jobs.selections["odi_change_per_patient"].not_reported
    assert "MA2023" in missing, "included, and says nothing of the ODI"
    assert "LEWIS2014" not in missing, "a case report that no outcome uses"
