"""The pages in docs/ say what the code does, and every number in the worked example is computed."""

import ast
import json
import math
import re
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from scipy.special import ndtr, ndtri, stdtrit

from metamill.analysis import analyse
from metamill.config.load import schema
from metamill.config.settings import Model, Outcome, Plan
from metamill.jobs import PACKAGE, plan
from metamill.measures import MEASURES
from metamill.measures.effects import CORRECTION_RULES
from metamill.pooling import METHODS, TESTS
from metamill.pooling.policy import permission
from metamill.results import SUMMARY_COLUMNS
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

DOCS = Path(__file__).resolve().parents[2] / "docs"
TYPED_DIGITS = 5e-5
"""What the page promises of typing its printed digits: four digits."""


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a page, each a list of rows of cells, the first row being the header."""
    found: list[list[list[str]]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not set("".join(cells)) <= set("-: "):
                found[-1].append(cells)
        before = line
    return found


def table(text: str, *header: str) -> list[list[str]]:
    """The rows, without the header, of all tables whose header begins with `header`."""
    rows = [row for t in tables(text) if tuple(t[0][: len(header)]) == header for row in t[1:]]
    assert rows, header
    return rows


def prints_as(value: float, printed: str) -> bool:
    """True if `value` is within half a unit of the last digit of `printed`."""
    half = Decimal(5).scaleb(Decimal(printed).as_tuple().exponent - 1)
    return abs(Decimal(float(value)) - Decimal(printed)) <= half


def code_block(text: str, file: str) -> str:
    found = re.search(rf"^`{re.escape(file)}`\n\n```\w+\n(.*?)^```$", text, re.M | re.S)
    assert found, file
    return found[1]


EXAMPLE = page("worked-example.md")
STEPS = table(EXAMPLE, "name", "formula", "with numbers", "value")
CALCULATOR = {
    "ln": math.log,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "abs": abs,
    "max": max,
    "Phi": lambda x: float(ndtr(x)),
    "normal": lambda p: float(ndtri(p)),
    "student": lambda p, df: float(stdtrit(df, p)),
}


@cache
def steps() -> dict[str, float]:
    """Every step of the page, its formula computed without rounding from the steps above it."""
    values: dict[str, float] = {}
    for name, formula, _, _ in STEPS:
        assert name not in values, name
        values[name] = eval(formula.strip("`"), CALCULATOR | values)
    return values


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """The result of the page's own config and table."""
    folder = tmp_path_factory.mktemp("worked_example")
    for file in ("config.yaml", "extracted/recurrence.csv"):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(code_block(EXAMPLE, file), encoding="utf-8")
    jobs = plan(folder)
    assert jobs.outcomes == ("recurrence",)
    return analyse(jobs.review.outcomes["recurrence"], jobs.selections["recurrence"])


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[0])
def test_every_step_prints_what_its_formula_gives(step):
    name, _, _, printed = step
    assert prints_as(steps()[name], printed)
    assert len(re.sub(r"^-?[0.]*|\.", "", printed)) >= 6, "six significant digits"


@pytest.mark.parametrize("step", [s for s in STEPS if s[2]], ids=lambda step: step[0])
def test_every_step_typed_with_printed_digits_gives_four_digits(step):
    _, formula, typed, printed = step
    assert eval(typed.strip("`"), dict(CALCULATOR)) == pytest.approx(
        float(printed), rel=TYPED_DIGITS
    )
    values = {n: f"({p})" if p.startswith("-") else p for n, _, _, p in STEPS}
    spelled = re.sub(r"[A-Za-z_]\w*", lambda m: values.get(m[0], m[0]), formula)
    assert typed == spelled, "the formula with the names replaced by their values"


def test_the_steps_are_the_numbers_of_the_result(result):
    by_name = {analysis.name: analysis.pooled for analysis in result.analyses}
    primary = result.primary.pooled
    knha = by_name["sensitivity:Knapp-Hartung"]
    adhoc = by_name["sensitivity:Knapp-Hartung at least Wald"]
    expected = {
        **{f"y_{result.rows[e.row].study}": e.yi for e in result.primary.effects},
        **{f"v_{result.rows[e.row].study}": e.vi for e in result.primary.effects},
        **{f"share_{result.rows[e.row].study}": e.weight for e in result.primary.effects},
        **{name: getattr(primary, name) for name in ("tau2", "tau", "mu", "se", "p_value")},
        "mu_low": primary.mu_low,
        "mu_high": primary.mu_high,
        "Q": primary.q,
        "p_Q": primary.q_p,
        "I2": primary.i2,
        "H2": primary.h2,
        "se_KH": knha.se,
        "KH_low": knha.mu_low,
        "KH_high": knha.mu_high,
        "se_adhoc": adhoc.se,
        "adhoc_low": adhoc.mu_low,
        "adhoc_high": adhoc.mu_high,
        "RR": primary.estimate,
        "RR_low": primary.ci_low,
        "RR_high": primary.ci_high,
        "RR_KH_low": knha.ci_low,
        "RR_KH_high": knha.ci_high,
        "RR_adhoc_low": adhoc.ci_low,
        "RR_adhoc_high": adhoc.ci_high,
        "RR_pred_low": primary.pi_low,
        "RR_pred_high": primary.pi_high,
    }
    for name, value in expected.items():
        assert steps()[name] == pytest.approx(value, rel=1e-11), name
    assert steps()["I2_from_Q"] == pytest.approx(steps()["I2"], rel=1e-12)


def test_every_number_of_the_results_table_is_computed(result):
    block = next(t for t in tables(EXAMPLE) if t[0][0] == "quantity")
    assert block[0][1:] == [analysis.name for analysis in result.analyses]
    for column, *printed in block[1:]:
        assert column in SUMMARY_COLUMNS
        for analysis, number in zip(result.analyses, printed, strict=True):
            value = getattr(analysis.pooled, column)
            assert prints_as(value, number), (analysis.name, column, value, number)


def test_the_results_table_leaves_out_no_number(result):
    shown = {row[0] for row in table(EXAMPLE, "quantity")}
    words = {"outcome", "analysis", "measure", "unit", "method", "test", "note"}
    assert shown == set(SUMMARY_COLUMNS) - words


def test_every_number_of_the_study_table_is_computed(result):
    header, *rows = next(t for t in tables(EXAMPLE) if t[0][:2] == ["study", "yi"])
    assert [row[0] for row in rows] == [result.rows[e.row].study for e in result.primary.effects]
    for effect, row in zip(result.primary.effects, rows, strict=True):
        for column, number in zip(header[1:], row[1:], strict=True):
            assert prints_as(getattr(effect, column), number), (row[0], column)


def test_the_counts_shown_are_those_of_the_table(result):
    columns = ("events_treatment", "total_treatment", "events_control", "total_control")
    shown = table(EXAMPLE, "study", "events, treatment")
    assert shown == [[r.study, *(r.cells[c] for c in columns)] for r in result.rows]


def test_every_decimal_number_in_the_prose_is_a_number_of_the_steps_or_the_result(result):
    prose = re.sub(r"^```.*?^```$", "", EXAMPLE.split("## References")[0], flags=re.M | re.S)
    lines = [line for line in prose.splitlines() if not line.startswith("|")]
    numbers = re.findall(r"(?<![\w.])-?\d+\.\d+", "\n".join(lines))
    assert len(numbers) >= 5
    known = [*steps().values(), result.analyses[-1].pooled.tau2]
    for number in numbers:
        assert any(prints_as(value, number) for value in known), number


STATISTICS = page("statistics.md")


def test_every_measure_has_one_row():
    codes = [row[0] for row in table(STATISTICS, "code", "effect y")] + ["GEN"]
    assert sorted(codes) == sorted(MEASURES)
    assert re.search(r"^GEN takes", STATISTICS, re.M)


def test_every_method_and_test_has_one_row():
    assert [row[0] for row in table(STATISTICS, "method", "tau2")] == list(METHODS)
    assert [row[0] for row in table(STATISTICS, "test", "standard error of mu")] == list(TESTS)
    allowed = schema()["$defs"]["method"]["enum"]
    for method in set(allowed) - set(METHODS):
        assert re.search(rf"^## {method}:", STATISTICS, re.M), method


def test_every_correction_is_the_registrys():
    stated = {
        code: (float(add), to)
        for codes, add, to in table(STATISTICS, "measures", "add", "to")
        for code in codes.split()
    }
    assert stated == {code: (measure.add, measure.to) for code, measure in MEASURES.items()}
    for rule in CORRECTION_RULES:
        assert f"`{rule}`" in STATISTICS


def test_every_default_is_the_settings():
    for setting, value, _ in table(STATISTICS, "setting", "default"):
        default = getattr(Model, setting)
        shown = str(default).lower() if isinstance(default, bool) else default
        assert value == (f"{shown:g}" if isinstance(shown, float) else shown), setting


def test_what_k_studies_allow_is_the_policy():
    rows = {row[0]: row[1] for row in table(STATISTICS, "k", "what is given")}
    assert list(rows) == ["0", "1", "2", "3 to 4", "5 or more"]
    for k in (0, 1):
        assert not permission(k).pooled
    assert permission(2).pooled and not permission(2).prediction
    assert permission(3) == permission(4) and permission(3).doubtful_prediction
    assert permission(5) == permission(500) and not permission(5).doubtful_prediction


GLMM_CASES = json.loads((DOCS.parent / "tests/reference/glmm.json").read_text())["cases"]


@pytest.mark.parametrize("case", GLMM_CASES, ids=lambda case: case["set"])
def test_i2_of_a_glmm_is_metafors(case):
    pairs = zip(case["events"], case["total"], strict=True)
    rows = tuple(
        TableRow(i, {"study": f"S{i}", "events": str(x), "total": str(n)})
        for i, (x, n) in enumerate(pairs, 2)
    )
    outcome = Outcome("o", "t.csv", {}, (Plan("primary", Model("PLO", "GLMM", "t")),))
    found = analyse(outcome, Selection("t.csv", rows, ())).primary.pooled
    assert abs(found.i2 - case["i2"]) <= 1e-5 * 100
    assert found.h2 == pytest.approx(case["h2"], rel=1e-5)


ARCHITECTURE = page("architecture.md")
ORDER = [row[0].strip("`") for row in table(ARCHITECTURE, "module", "what it does")]
SOURCES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def top(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Names of the top modules of metamill that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("metamill.")}
    return found - {"__version__"}


def test_the_page_lists_every_module_once():
    assert len(ORDER) == len(set(ORDER))
    assert {top(path) for path in SOURCES} - {"__init__", "__main__"} == set(ORDER)


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_module_imports_only_from_those_above_it(path):
    if top(path) in ("__init__", "__main__"):
        return
    above = {*ORDER[: ORDER.index(top(path))], top(path)}
    assert imported(path) <= above


@pytest.mark.parametrize("package", ["figures", "reporting"])
def test_what_shows_numbers_cannot_compute_them(package):
    forbidden = {"measures", "pooling", "exploring", "estimation", "analysis"}
    files = [path for path in SOURCES if top(path) == package]
    assert files
    for path in files:
        assert not imported(path) & forbidden, path


def test_every_rule_is_in_the_job_graph():
    rules = (PACKAGE.parent / "rules").glob("*.smk")
    named = {n for p in rules for n in re.findall(r"^rule (\w+):", p.read_text(), re.M)}
    listed = {n for row in table(ARCHITECTURE, "job") for n in row[0].split(", ")}
    assert listed == named
