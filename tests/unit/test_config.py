"""config.yaml: strict scalars, every error at its line, layers of settings, overrides."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from metamill.config.explain import explained
from metamill.config.load import load_review, schema
from metamill.config.origin import Origin
from metamill.config.overrides import parse_overrides
from metamill.config.settings import Model, Outcome, outcome_from_dict
from metamill.config.strict_yaml import MAX_BYTES, parse
from metamill.errors import ConfigError, MetamillError, Problem, did_you_mean

SHIPPED = Path(__file__).resolve().parents[2] / "config.yaml"
FUZZ = settings(derandomize=True, max_examples=300, deadline=None, database=None)


class Folder:
    """A review folder whose config.yaml the test writes; the table a.csv is there."""

    def __init__(self, path: Path):
        self.config = path / "config.yaml"
        (path / "extracted").mkdir()
        (path / "extracted" / "a.csv").write_text("study,events,total\nA,1,9\n")

    def load(self, content: str | bytes, overrides: dict | None = None):
        self.config.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_review(self.config, overrides)

    def problems(self, content: str | bytes, overrides: dict | None = None) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            self.load(content, overrides)
        return list(caught.value.problems)

    def outcome(self, lines: str, model: str = "{}") -> Outcome:
        return self.load(_review(lines, model)).outcomes["a"]


def _review(lines: str = "measure: PLO", model: str = "{}") -> str:
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    head = f"review: {{title: T}}\nmodel: {model}\noutcomes:\n  a:\n"
    return f"{head}    title: A\n    table: a.csv\n{body}"


FIRST = 7
"""The line of config.yaml on which the lines given to `_review` begin."""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *(("NO", "NO"), ("on", "on"), ("yes", "yes"), ("1:30", "1:30"), ("012", "012")),
        *(("1_000", "1_000"), ("0x10", "0x10"), ("2024-01-01", "2024-01-01"), (".nan", ".nan")),
        *((".inf", ".inf"), ("1e999", "1e999"), ("0,05", "0,05"), ('"5"', "5")),
        *(("true", True), ("False", False), ("null", None), ("~", None), ("", None)),
        *(("12", 12), ("-3", -3), ("1e-3", 0.001), ("1.10", 1.1), (".5", 0.5)),
    ],
)
def test_scalars_are_those_of_yaml_1_2_and_nothing_more(written, read):
    document = parse(f"value: {written}\n".encode(), "c")
    assert document.problems == []
    assert document.data == {"value": read}
    assert type(document.data["value"]) is type(read)


def test_a_level_of_a_column_keeps_its_spelling(folder: Folder):
    outcome = folder.outcome(
        "measure: PR\nselect: {t: 012, u: 1.10, v: [NO, 1e3, true], w: ' x  y '}"
    )
    assert outcome.select == {
        "t": ("012",),
        "u": ("1.10",),
        "v": ("NO", "1e3", "true"),
        "w": ("x y",),
    }


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("", 1, "must hold settings"),
        ("just text", 1, "must hold settings"),
        ("- a\n- b\n", 1, "must hold settings"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: 1\nb: 2\na: 3\n", 3, "used twice here, first in line 1"),
        ("a: 1\n__use_yte__: true\n", 2, "not allowed as a name"),
        ("a: {__definitions__: 1}\n", 1, "not allowed as a name"),
        ("a: &x 1\n", 1, "anchors"),
        ("a: 1\nb: *x\n", 2, "anchors"),
        ("a:\n  <<: {b: 1}\n", 2, "not allowed as a name"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "tag"),
        ("a: !x 1\n", 1, "tag"),
        ("? [a]\n: 1\n", 1, "is not a name"),
        ("a: " + "[" * 1000, 1, "nested deeper than 20"),
        ("a: " + "{b: " * 1000, 1, "nested deeper than 20"),
        ("a:\n\tb: 1\n", 2, "not readable as YAML"),
        ("a: b: c\n", 1, "not readable as YAML"),
        ("a: @x\n", 1, "not readable as YAML"),
        ("a: 1\nb: \x07\n", 2, "U+0007"),
        ('a: "\\ud800"\n', 1, "cannot be shown"),
        ('a: "\\0"\n', 1, "cannot be shown"),
        ('a: 1\nb: "\\U00110000"\n', 2, "no character"),
        (b"a: 1\nb: \xff\n", 2, "0xff is not UTF-8"),
        ("a: 1".encode("utf-16"), 1, "UTF-16"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_at_its_line(content, line, words):
    found = parse(content if isinstance(content, bytes) else content.encode(), "config.yaml")
    assert [problem.line for problem in found.problems][:1] == [line]
    assert words in str(found.problems[0])
    assert all(problem.advice for problem in found.problems)


@pytest.mark.parametrize(("lists", "refused"), [(19, False), (20, True)])
def test_twenty_levels_are_the_limit(lists: int, refused: bool):
    found = parse(b"a: " + b"[" * lists + b"]" * lists, "config.yaml")
    assert bool(found.problems) == refused


def test_several_references_are_reported_at_once():
    found = parse(b"a: &x 1\nb: !t 2\nc: *x\n", "config.yaml").problems
    assert [problem.line for problem in found] == [1, 2, 3]


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(folder: Folder):
    plain = folder.load(_review())
    marked = folder.load(("\ufeff" + _review().replace("\n", "\r\n")).encode())
    assert marked == plain


def test_a_file_over_the_limit_is_refused_unparsed(folder: Folder):
    (problem,) = folder.problems(b"#" * (MAX_BYTES + 1))
    assert "larger than" in problem.rule


@pytest.mark.parametrize(
    ("lines", "setting", "words"),
    [
        ("measure: PR\nlevle: 95", "levle", "Did you mean 'level'?"),
        ("measure: plo", "measure", "Did you mean 'PLO'?"),
        ("measure: NO", "measure", "Known are AS, COR, GEN, IR,"),
        ("measure:", "measure", "'null': is not one of the values"),
        ("measure: PR\nlevel: 0.95", "level", "at least 50. Confidence level in per cent"),
        ("measure: PR\nlevel: 100", "level", "below 100"),
        ("measure: PR\nlevel: -95", "level", "at least 50"),
        ("measure: PR\nlevel: .nan", "level", "'.nan': must be a number"),
        ("measure: PR\nlevel: 1e999", "level", "'1e999': must be a number"),
        ("measure: PR\nlevel: 1_000", "level", "'1_000': must be a number"),
        ("measure: PR\nlevel: 095", "level", "'095': must be a number"),
        ("measure: PR\nlevel: '0,95'", "level", "decimal point instead of the comma"),
        ("measure: PR\nlevel: '95'", "level", "must be a number. Remove the quotes around it"),
        ("measure: PR\nprediction: yes", "prediction", "'yes': must be true or false"),
        ("measure: PR\nselect: [unit]", "select", "without the dashes"),
        ("measure: PR\nselect: {unit: null}", "select.unit", "one value, or a list"),
        ("measure: PR\nselect: {unit: []}", "select.unit", "one value, or a list"),
        ("measure: PR\nselect: {}", "select", "says too little"),
        (
            "measure: PR\nexplorations: {}",
            "explorations",
            (
                "Set one of small_study_effects, automatic_sensitivity, flip_points, gosh, "
                "permutations, seed, or remove it."
            ),
        ),
        (
            "measure: PR\nexplorations: {gosh: 2000000}",
            "explorations.gosh",
            "must be at most 1,000,000.",
        ),
        ("measure: PR\nexclude: {a: b}", "exclude", "must be a list"),
        ("measure: PR\nexclude: [{study: A}]", "exclude.0", "'reason' is missing"),
        ("measure: PR\nexclude: [{reason: r}]", "exclude.0", "says too little"),
        ("measure: PR\nsubgroups: arm", "subgroups", "Write [arm]"),
        ("measure: PR\nsubgroups: [arm, arm]", "subgroups", "same thing twice"),
        ("measure: PR\nsensitivity: [{name: x}]", "sensitivity.0", "says too little"),
        ("measure: MC\nscale: {min: 10, max: 0}", "scale", "min must be below max"),
        ("measure: PR\ndirection: down", "direction", "Known are higher, lower"),
    ],
)
def test_a_wrong_setting_is_reported_once_with_line_and_advice(folder, lines, setting, words):
    (problem,) = folder.problems(_review(lines))
    assert words in str(problem)
    assert problem.column == f"outcomes.a.{setting}"
    if not words.startswith("'reason'"):
        assert problem.advice
    at = FIRST + (1 if "\n" in lines else 0)
    assert (problem.file, problem.line) == ("config.yaml", at)


@pytest.mark.parametrize(
    ("setting", "written", "words"),
    [
        ("dpi", "300.5", "'300.5': must be a whole number. Dots per inch of png and tiff"),
        ("dpi", '"300"', "'300': must be a whole number. Remove the quotes around it"),
        ("caterpillar_above", "60.5", "'60.5': must be a whole number. Number of studies"),
        ("caterpillar_above", "[60]", "must be a whole number"),
    ],
)
def test_what_counts_is_a_whole_number(folder: Folder, setting: str, written: str, words: str):
    (problem,) = folder.problems(_review() + f"figures: {{{setting}: {written}}}\n")
    assert words in str(problem) and problem.column == f"figures.{setting}" and problem.advice


def _rules(part: Any) -> Iterator[Mapping[str, Any]]:
    """Every schema within a schema."""
    if isinstance(part, Mapping):
        yield part
        for inner in part.values():
            yield from _rules(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _rules(inner)


def _types() -> list[Any]:
    """Every type, or list of types, that the schema names."""
    named = [rule["type"] for rule in _rules(schema()) if isinstance(rule.get("type"), str | list)]
    return [kind for index, kind in enumerate(named) if kind not in named[:index]]


@pytest.mark.parametrize("kind", _types(), ids=str)
def test_every_type_of_the_schema_has_words(kind):
    found = [
        problem
        for wrong in (None, "x", "1", 1.5, [], {})
        for error in Draft202012Validator({"type": kind}).iter_errors(wrong)
        for problem in explained(error, Origin(parse(b"a: 1\n", "c"), {}, "c"))
    ]
    assert found and all(problem.rule.startswith("must be ") for problem in found)


@pytest.mark.parametrize("title", ["2024", "true", "[a]", "''", "'  '", "x" * 301])
def test_a_title_is_some_words(folder: Folder, title: str):
    (problem,) = folder.problems(_review().replace("title: A", f"title: {title}"))
    assert (problem.line, problem.column) == (5, "outcomes.a.title")


@pytest.mark.parametrize(
    "name", ["A", "a b", "../a", "-a", "_a", '"a\\n"', "é", "a.b", "'a;ls'", "x" * 65, "'{a}'"]
)
def test_an_outcome_has_a_name_that_is_safe_for_folders(folder: Folder, name: str):
    (problem,) = folder.problems(_review().replace("  a:\n", f"  {name}:\n"))
    assert problem.line == 4
    assert "lower-case letters" in problem.advice


@pytest.mark.parametrize("name", ["all", "con", "com1", "lpt9", "pooled", "logs"])
def test_reserved_names_are_refused(folder: Folder, name: str):
    (problem,) = folder.problems(_review().replace("  a:\n", f"  {name}:\n"))
    assert (problem.line, problem.rule) == (4, "is reserved")


@pytest.mark.parametrize(
    "table",
    ["../a.csv", "/a.csv", "b/a.csv", "~/a.csv", "a.tsv", '"a.csv\\n"', ".a.csv", "'$x.csv'"],
)
def test_no_table_lies_outside_extracted(folder: Folder, table: str):
    (problem,) = folder.problems(_review().replace("a.csv", table))
    assert problem.line == 6
    assert "without a folder" in problem.advice


def test_a_table_that_is_not_there_is_an_error_of_the_setting(folder: Folder):
    (problem,) = folder.problems(_review().replace("a.csv", "A.csv"))
    assert (problem.line, problem.column) == (6, "outcomes.a.table")
    assert problem.advice == "Did you mean 'a.csv'?"


def test_outcomes_repeated_are_duplicate_names(folder: Folder):
    repeated = _review() + "  a: {title: B, table: a.csv, measure: PR}\n"
    (problem,) = folder.problems(repeated)
    assert (problem.line, problem.value) == (8, "a")


@pytest.mark.parametrize("second", ["x", "X", "' x '"])
def test_sensitivity_analyses_have_names_of_their_own(folder: Folder, second: str):
    lines = f"measure: PR\nsensitivity:\n- {{name: x, level: 90}}\n- {{name: {second}, level: 80}}"
    (problem,) = folder.problems(_review(lines))
    assert problem.line == FIRST + 3
    assert "has this name" in problem.rule


def test_a_sensitivity_analysis_cannot_take_a_name_of_the_r_grid(folder: Folder):
    lines = "measure: MC\nsensitivity: [{name: r = 0.2, level: 90}]"
    (problem,) = folder.problems(_review(lines))
    assert problem.value == "r = 0.2"


def test_all_errors_of_the_file_appear_at_once_in_the_order_of_lines(folder: Folder):
    found = folder.problems(
        "review: {titel: T}\noutcomes:\n  Bad Name: {title: B, table: a.csv, measure: PR}\n"
        "  c: {title: C}\n  d: {title: D, table: none.csv, measure: PR, level: 3}\nfigure: {}\n"
    )
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)
    said = [(problem.line, problem.rule) for problem in found]
    assert set(said) == {
        (1, "the setting 'title' is missing"),
        (1, "is not a setting"),
        (3, "cannot stand here"),
        (4, "the setting 'table' is missing"),
        (4, "the setting 'measure' is missing"),
        (5, "there is no such file in extracted/"),
        (5, "must be at least 50"),
        (6, "is not a setting"),
    }
    assert len(said) == len(set(said))


@pytest.mark.parametrize("make", ["missing", "folder", "link", "pipe"])
def test_config_that_is_no_file_is_refused_at_once(tmp_path: Path, make: str):
    import os

    path = tmp_path / "config.yaml"
    if make == "folder":
        path.mkdir()
    if make == "link":
        path.symlink_to("/dev/zero")
    if make == "pipe":
        os.mkfifo(path)
    with pytest.raises(ConfigError, match=r"config\.yaml: "):
        load_review(path)


@pytest.mark.parametrize(
    ("model", "lines", "tests"),
    [
        ("{}", "measure: PLO\nmethod: GLMM", ["t"]),
        ("{method: REML, test: adhoc}", "measure: PLO\nmethod: GLMM", ["t"]),
        (
            "{test: z}",
            "measure: PLO\nmethod: GLMM\nsensitivity: [{name: x, method: REML}]",
            ["t", "z"],
        ),
        (
            "{method: REML, test: z}",
            "measure: PLO\nmethod: GLMM\nsensitivity: [{name: x, method: REML}]",
            ["t", "z"],
        ),
        (
            "{}",
            "measure: PLO\nmethod: GLMM\nsensitivity: [{name: x, method: REML}]",
            ["t", "adhoc"],
        ),
        (
            "{test: z}",
            "measure: PLO\nmethod: GLMM\nsensitivity: [{name: x, method: REML, test: knha}]",
            ["t", "knha"],
        ),
        ("{test: z}", "measure: PR\nsensitivity: [{name: x, measure: PLO}]", ["z", "t"]),
        ("{}", "measure: PLO\nmethod: GLMM\nsensitivity: [{name: x, level: 90}]", ["t", "t"]),
        ("{}", "measure: PR\ntest: knha\nsensitivity: [{name: x, method: DL}]", ["knha", "knha"]),
        ("{test: adhoc}", "measure: PLO", ["t"]),
        ("{}", "measure: IRLN\nsensitivity: [{name: x, method: REML}]", ["t", "adhoc"]),
    ],
)
def test_a_glmm_takes_t_and_what_leaves_it_takes_the_inherited_test(folder, model, lines, tests):
    assert [plan.model.test for plan in folder.outcome(lines, model).plans] == tests


@pytest.mark.parametrize(
    ("model", "lines", "place"),
    [
        ("{}", "measure: PLO\nmethod: GLMM\ntest: knha", (FIRST + 2, "outcomes.a.test")),
        ("{method: GLMM, test: adhoc}", "measure: PLO", (2, "model.test")),
        (
            "{}",
            "measure: PLO\nmethod: GLMM\nsensitivity: [{name: x, test: pl}, {name: y, level: 90}]",
            (FIRST + 2, "outcomes.a.sensitivity.0.test"),
        ),
        ("{method: GLMM}", "measure: RR", (FIRST, "outcomes.a.measure")),
        ("{}", "measure: PLO\ntest: adhoc", (FIRST + 1, "outcomes.a.test")),
    ],
)
def test_what_a_glmm_cannot_do_is_refused_once_where_it_is_asked_for(folder, model, lines, place):
    (problem,) = folder.problems(_review(lines, model))
    assert (problem.line, problem.column) == place


@pytest.mark.parametrize(
    ("model", "lines", "methods"),
    [
        ("{}", "measure: PLO\nsensitivity: [{name: x, measure: PR}]", ["GLMM", "REML"]),
        ("{}", "measure: IRLN", ["GLMM"]),
        ("{}", "measure: MC", ["REML"] * 3),
        ("{method: DL}", "measure: PLO", ["DL"]),
    ],
)
def test_counts_of_one_group_are_pooled_by_a_glmm_unless_a_method_is_set(
    folder, model, lines, methods
):
    assert [plan.model.method for plan in folder.outcome(lines, model).plans] == methods


@pytest.mark.parametrize(
    ("r", "others"), [(0.5, [0.2, 0.8]), (0.2, [0.5, 0.8]), (0.6, [0.2, 0.5, 0.8])]
)
def test_changes_run_over_the_grid_of_assumed_correlations(folder: Folder, r, others):
    outcome = folder.outcome(f"measure: MC\ncorrelation: {r}\nexclude: [{{study: A, reason: x}}]")
    primary, *grid = outcome.plans
    assert primary.model.correlation == r
    assert [plan.name for plan in grid] == [f"sensitivity:r = {other:g}" for other in others]
    assert [plan.model.correlation for plan in grid] == others
    assert all(plan.exclude == primary.exclude for plan in grid)


def test_proportions_have_no_grid_of_correlations(folder: Folder):
    assert len(folder.outcome("measure: PLO").plans) == 1


def test_settings_survive_json(folder: Folder):
    import json

    for outcome in load_review(SHIPPED).outcomes.values():
        assert outcome_from_dict(json.loads(outcome.to_json())) == outcome


def test_shipped_review_resolves_as_it_is_described():
    review = load_review(SHIPPED)
    leakage = review.outcomes["cement_leakage_per_screw"]
    assert leakage.plans[0].model == Model("PLO", "GLMM", "t")
    assert leakage.plans[1].model == Model("PLO", "REML", "adhoc")


def test_overrides_are_laid_over_key_by_key(folder: Folder):
    over = parse_overrides(["model.method=DL", "outcomes.a.level=90", "outcomes.a.select={u: 012}"])
    review = folder.load(_review("measure: PLO\ntest: z"), over)
    assert review.outcomes["a"].plans[0].model == Model("PLO", "DL", "z", 90.0)
    assert review.outcomes["a"].select == {"u": ("012",)}
    assert review.overrides == over


@pytest.mark.parametrize(
    ("over", "setting"),
    [
        ({"model": {"method": "reml"}}, "model.method"),
        ({"model": 3}, "model"),
        ({"outcomes": None}, "outcomes"),
        ({"outcomes": {"a": {"levl": 3}}}, "outcomes.a.levl"),
        (
            {"outcomes": {"a": {"sensitivity": [{"name": "x", "test": "q"}]}}},
            "outcomes.a.sensitivity.0.test",
        ),
        ({"outcomes": {"A b": {"title": "B", "table": "a.csv", "measure": "PR"}}}, "outcomes.A b"),
        ({"outcomes": {"a": {"table": "b.csv"}}}, "outcomes.a.table"),
        ({"outcomes": {"a": {"table": "../a.csv"}}}, "outcomes.a.table"),
        ({"outcomes": {1: {}}}, "outcomes"),
        ({"model": {"level": float("nan")}}, "model.level"),
        ({"model": {"level": float("inf")}}, "model.level"),
        ({"review": {"title": "\x00"}}, "review.title"),
        ({"review": {"title": {1, 2}}}, "review.title"),
        ({"__use_yte__": True}, ""),
        ({"model.method": "DL"}, "model.method"),
        ({"model": {"method": "GLMM", "test": "knha"}}, "model.test"),
    ],
)
def test_a_wrong_override_is_named_as_config_on_the_command_line(folder, over, setting):
    (problem,) = folder.problems(_review(), over)
    assert (problem.file, problem.line, problem.column) == ("--config", None, setting)


def test_what_the_file_lacks_is_not_blamed_on_an_override(folder: Folder):
    (problem,) = folder.problems(_review("level: 95"), {"outcomes": {"a": {"test": "z"}}})
    assert (problem.file, problem.rule) == ("config.yaml", "the setting 'measure' is missing")


@pytest.mark.parametrize(
    "pairs", [["x"], ["=1"], ["a..b=1"], ["a=[1"], ["a=!x 1"], ["a=1", "a.b=2"], ["a.b=1", "a.b=2"]]
)
def test_an_override_that_cannot_be_read_is_refused(pairs: list[str]):
    with pytest.raises(ConfigError, match="--config"):
        parse_overrides(pairs)


def test_a_folder_after_config_is_refused_with_the_way_out():
    with pytest.raises(ConfigError, match=r"'my-review': is not KEY=VALUE.* before --config"):
        parse_overrides(["model.method=DL", "my-review"])


def test_did_you_mean_ends_as_a_question_and_sees_through_case():
    assert str(Problem("f", "is wrong", did_you_mean("reml", ["REML", "ML"]), 1)) == (
        "f, line 1: is wrong. Did you mean 'REML'?"
    )
    assert did_you_mean("qqq", ["b", "a"]) == "Known are a, b"
    assert did_you_mean("x", []) == ""


def _refused_or_read(folder: Path, content: bytes, over: dict | None = None) -> None:
    (folder / "config.yaml").write_bytes(content)
    try:
        load_review(folder / "config.yaml", over)
    except MetamillError as refused:
        problems, message = refused.problems, str(refused)
    else:
        return
    assert problems
    assert all(problem.rule for problem in problems)
    assert message


@FUZZ
@given(
    st.binary(max_size=200)
    | st.text(st.characters(), max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_are_read_or_refused(tmp_path_factory, content: bytes):
    _refused_or_read(_scratch(tmp_path_factory), content)


_CONFIG = SHIPPED.read_bytes()
_SNIPPETS = (
    b":",
    b"-",
    b"\n",
    b"  ",
    b"\t",
    b"{",
    b"}",
    b"[",
    b"]",
    b"&a",
    b"*a",
    b"!t",
    b"#",
    b'"',
    b"'",
    b"|",
    b">",
    b"? ",
    b"null",
    b"1e999",
    b".nan",
    b"\x00",
    b"\xff",
    b"---\n",
    b"__x__: 1",
    b"<<: ",
    b"\xed\xa0\x80",
    b'"\\ud800"',
    b"9" * 400,
    b"NO",
    b"[[[[",
    b"%",
    b"\xe2\x80\xa8",
    b"\xc2\x85",
    b"\r",
)


@FUZZ
@given(
    st.lists(
        st.tuples(st.integers(0, 2500), st.integers(0, 12), st.sampled_from(_SNIPPETS)),
        min_size=1,
        max_size=4,
    )
)
def test_any_damage_to_the_shipped_config_is_read_or_refused(tmp_path_factory, damage):
    content = _CONFIG[:2500]
    for start, length, snippet in damage:
        content = content[:start] + snippet + content[start + length :]
    _refused_or_read(_scratch(tmp_path_factory), content)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "title",
                    "table",
                    "measure",
                    "model",
                    "outcomes",
                    "a",
                    "select",
                    "exclude",
                    "sensitivity",
                    "name",
                    "reason",
                    "level",
                    "scale",
                    "min",
                    "review",
                    "B b",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@FUZZ
@given(st.dictionaries(st.sampled_from(["model", "outcomes", "review", "figures", "x"]), _json))
def test_any_override_is_laid_over_or_refused(tmp_path_factory, over):
    folder = _scratch(tmp_path_factory)
    _refused_or_read(folder, _review().encode(), over)


def _scratch(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "fuzzed config"
    (folder / "extracted").mkdir(parents=True, exist_ok=True)
    (folder / "extracted" / "a.csv").touch()
    return folder
