"""The pages in docs/ say what the code does, and every number in the worked example is computed."""

import ast
import json
import math
import re
from dataclasses import fields
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from scipy.special import ndtr, ndtri, stdtrit

from metamill.analysis import analyse
from metamill.config import layers, methods
from metamill.config.figures import FIGURES, REVIEW_FIGURES
from metamill.config.load import read_review, schema
from metamill.config.settings import Model, Outcome, Plan
from metamill.exploring import companions
from metamill.figures import STYLES
from metamill.jobs import PACKAGE, plan
from metamill.measures import MEASURES
from metamill.measures.effects import CORRECTION_RULES
from metamill.pooling import METHODS, TESTS
from metamill.pooling.policy import POLICY
from metamill.results import SUMMARY_COLUMNS
from metamill.tables.needs import COLUMN_SETS
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
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


def prints_as(value: float | None, printed: str) -> bool:
    """True if `value` is within half a unit of the last digit of `printed`; None prints as ""."""
    if value is None or not printed:
        return value is None and not printed
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
    assert steps()["I2_from_Q"] == pytest.approx(primary.i2_q, rel=1e-11)
    assert steps()["I2_Q_high"] == pytest.approx(primary.i2_q_high, rel=1e-11)


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


def test_every_number_without_one_study_is_computed(result):
    header, *rows = next(t for t in tables(EXAMPLE) if t[0][0] == "left out")
    assert [row[0] for row in rows] == [refit.left_out for refit in result.leave_one_out]
    for refit, row in zip(result.leave_one_out, rows, strict=True):
        for column, number in zip(header[1:], row[1:], strict=True):
            assert prints_as(getattr(refit, column), number), (row[0], column)


def test_the_steps_without_study_b_are_those_of_the_refit(result):
    refit = next(item for item in result.leave_one_out if item.left_out == "Study B")
    names = {"mu_AC": "mu", "se_AC": "se", "Q_AC": "q", "RR_AC": "estimate", "cook_B": "cook"}
    for name, field in {**names, "ratio_B": "covariance_ratio"}.items():
        assert steps()[name] == pytest.approx(getattr(refit, field), rel=1e-11), name
    assert refit.tau2 == 0


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
    known = [*steps().values()]
    for analysis in result.analyses:
        known += [x for x in vars(analysis.pooled).values() if isinstance(x, float)]
    for number in numbers:
        assert any(prints_as(value, number) for value in known), number


STATISTICS = page("statistics.md")


def test_every_measure_has_one_row():
    codes = [row[0] for row in table(STATISTICS, "code", "effect y")] + ["GEN"]
    assert sorted(codes) == sorted(MEASURES)
    assert re.search(r"^GEN takes", STATISTICS, re.M)


def test_every_estimator_and_test_has_one_row():
    assert [row[0] for row in table(STATISTICS, "method", "tau2")] == list(METHODS)
    allowed = schema()["$defs"]["test"]["enum"]
    assert [row[0] for row in table(STATISTICS, "test", "standard error of mu")] == allowed
    assert set(TESTS) <= set(allowed)


def test_the_table_of_methods_is_the_table_of_the_code():
    stated = {
        code: (tuple(tests.split()), None if measures == "all" else tuple(measures.split()))
        for codes, _, measures, tests, _ in table(STATISTICS, "method", "model", "measures")
        for code in codes.split()
    }
    assert stated == {code: (m.tests, m.measures) for code, m in methods.METHODS.items()}
    assert set(stated) == set(schema()["$defs"]["method"]["enum"])


def test_the_columns_of_a_measure_are_those_that_tables_are_checked_for():
    rows = table(STATISTICS, "measure", "columns that every pooled row must fill")
    named = {code: columns for codes, columns in rows for code in codes.split()}
    assert set(named) == set(COLUMN_SETS) == set(MEASURES)
    for code, columns in named.items():
        for needed in COLUMN_SETS[code]:
            assert set(needed) <= set(re.findall(r"\w+", columns)), code


def test_every_correction_is_the_registrys():
    stated = {
        code: (float(add), to)
        for codes, add, to in table(STATISTICS, "measures", "add", "to")
        for code in codes.split()
    }
    assert stated == {code: (measure.add, measure.to) for code, measure in MEASURES.items()}
    for rule in CORRECTION_RULES:
        assert f"`{rule}`" in STATISTICS


def shown(value: object) -> str:
    """A default as the page writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value in ("", ()):
        return "not set"
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_every_default_is_the_settings():
    stated = {setting: value for setting, value, _ in table(STATISTICS, "setting", "default")}
    model = {f.name: f.default for f in fields(Model) if f.name != "measure"}
    outcome = {name: getattr(Outcome, name) for name in ("leave_one_out", "cumulative")}
    assert stated == {name: shown(value) for name, value in (model | outcome).items()}


def test_what_is_assumed_where_nothing_is_set_is_the_codes():
    why = {setting: text for setting, _, text in table(STATISTICS, "setting", "default")}
    grid = " and ".join(", ".join(f"{x:g}" for x in methods.ASSUMED_CORRELATIONS).rsplit(", ", 1))
    assert f"{grid} are all run" in why["rho"] and f"of {grid} are run" in why["correlation"]
    assert why["rho"].startswith(f"{layers.DEFAULT_RHO:g} where")
    assert why["tau_prior"].startswith(f"{methods.DEFAULT_TAU_PRIOR:g} for method BAYES")
    assert why["icc"].endswith("0.05, 0.1 and 0.2 are run beside.")
    assert methods.ASSUMED_ICC == (0, 0.05, 0.1, 0.2)


def test_settings_of_the_section_model_are_those_the_page_names():
    settings = {row[0] for row in table(STATISTICS, "setting", "default")}
    known = schema()["properties"]["model"]["properties"]
    below = {"aggregate", "icc", "thresholds"}
    assert settings - set(known) == below | {"leave_one_out", "cumulative"}
    assert below <= set(schema()["$defs"]["sensitivity"]["properties"])
    assert settings <= set(known) | set(schema()["$defs"]["outcome"]["properties"])


def test_what_k_studies_allow_is_the_policy():
    said = {True: "yes", False: "no"}
    ends = [*(entry.least - 1 for entry in POLICY[1:]), None]
    stated = table(STATISTICS, "k", "pooled", "prediction interval")
    for entry, last, row in zip(POLICY, ends, stated, strict=True):
        k = f"{entry.least} or more" if last is None else f"{entry.least} to {last}"
        prediction = "unreliable" if entry.doubtful_prediction else said[entry.prediction]
        companion = said[entry.bayesian_companion]
        label = str(entry.least) if last == entry.least else k
        assert row == [label, said[entry.pooled], prediction, companion, entry.reason]


AUTOMATIC = """
review: {title: t}
explorations: {automatic_sensitivity: false}
outcomes:
  a: {title: a, table: t.csv, measure: MC, correlation: 0.4}
  b: {title: b, table: t.csv, measure: GEN, method: RVE, rho: 0.4}
  c: {title: c, table: t.csv, measure: PLO, method: GLMM}
  d: {title: d, table: t.csv, measure: OR, method: MH}
"""


def test_automatic_analyses_are_those_on_the_page(tmp_path):
    """The grids that settings bring about, and the companions that data do."""
    (tmp_path / "extracted").mkdir()
    (tmp_path / "extracted/t.csv").write_text("study\nA\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text(AUTOMATIC, encoding="utf-8")
    review = read_review(tmp_path / "config.yaml")[0]
    found = {plan.name for o in review.outcomes.values() for plan in o.plans} - {"primary"}
    screws = {"unit": "screw", "clusters": "8"}
    arms = ("events_treatment", "total_treatment", "events_control", "total_control")
    for outcome, columns, counts in (
        ("c", ("events", "total"), ((1, 30), (2, 40), (5, 60))),
        ("d", arms, ((0, 30, 0, 30), (2, 40, 3, 41), (5, 60, 6, 60))),
    ):
        rows = tuple(
            TableRow(
                i, {"study": f"S{i}", **screws, **dict(zip(columns, map(str, x), strict=True))}
            )
            for i, x in enumerate(counts, 2)
        )
        result = analyse(review.outcomes[outcome], Selection("t.csv", rows, ()))
        found |= {analysis.name for analysis in result.analyses} - {"primary"}
    named = {
        name
        for row in table(STATISTICS, "analysis", "where", "why")
        for name in re.findall(r"`([^`]*)`", row[0])
    }
    assert found == named


def test_measures_with_a_companion_are_those_the_page_names():
    row = next(r for r in table(STATISTICS, "analysis", "where") if "half-normal" in r[0])
    codes = re.search(r"k of 2 to 4; ([A-Z ]+)\.", row[1])
    assert codes and set(codes[1].split()) == set(methods.KNOWN_TAU_SCALE)
    for scale in companions.HALF_NORMAL_SCALES:
        assert f"half-normal({scale:g})" in row[0]


REFERENCE = ROOT / "tests/reference"
GLMM = json.loads((REFERENCE / "glmm.json").read_text(encoding="utf-8"))
GLMM_CASES = [
    pytest.param(measure, case, id=f"{measure} {case['set']}")
    for measure, group in (
        ("PLO", "cases"),
        ("IRLN", "rates"),
        ("OR", "odds_ratios"),
        ("IRR", "rate_ratios"),
    )
    for case in GLMM[group]
]
METAFOR_STOPS_EARLY = {"hahn2001 CM.EL"}


@pytest.mark.parametrize(("measure", "case"), GLMM_CASES)
def test_i2_of_a_glmm_is_metafors(measure, case):
    columns = COLUMN_SETS[measure][0]
    rows = tuple(
        TableRow(
            i, {"study": f"S{i}", **{c: f"{x:.17g}" for c, x in zip(columns, cells, strict=True)}}
        )
        for i, cells in enumerate(zip(*(case[c] for c in columns), strict=True), 2)
    )
    model = Model(measure, "GLMM", "t", glmm=case.get("likelihood", "CM.EL"))
    outcome = Outcome("o", "t.csv", {}, (Plan("primary", model),), leave_one_out=False)
    found = analyse(outcome, Selection("t.csv", rows, ())).primary.pooled
    near = abs(found.i2 - case["i2"]) <= 1e-5 * 100 and abs(found.h2 / case["h2"] - 1) <= 1e-5
    assert near == (case["set"] not in METAFOR_STOPS_EARLY)


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
    forbidden = {"measures", "pooling", "estimating", "preparation", "exploring", "analysis"}
    files = [path for path in SOURCES if top(path) == package]
    assert files
    for path in files:
        assert not imported(path) & forbidden, path


def test_pooling_knows_nothing_but_arrays():
    files = [path for path in SOURCES if top(path) == "pooling"]
    assert files and not any(imported(path) - {"pooling"} for path in files)


def test_every_rule_is_in_the_job_graph():
    rules = (PACKAGE.parent / "rules").glob("*.smk")
    found = r"(?m)^ *rule (\w+):|^ *name:\s+f\"(\w+?)_\{"
    named = {a or b for p in rules for a, b in re.findall(found, p.read_text())}
    listed = {n for row in table(ARCHITECTURE, "job") for n in row[0].split(", ")}
    assert listed == named


REFERENCE_README = (REFERENCE / "README.md").read_text(encoding="utf-8")


def test_every_frozen_file_and_its_script_have_a_row():
    rows = table(REFERENCE_README, "file", "script")
    files, scripts = ({row[column].strip("`") for row in rows} for column in (0, 1))
    assert files == {path.name for path in REFERENCE.glob("*.json")}
    assert scripts == {path.name for path in REFERENCE.glob("freeze_*.R")}


PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "extracted/README.md",
    REFERENCE / "README.md",
    *sorted(DOCS.rglob("*.md")),
]


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_of_statistics_is_in_the_overview():
    listed = {link for row in table(STATISTICS, "page", "holds") for link in row[0].split("(")[1:]}
    there = {f"statistics/{path.name})" for path in (DOCS / "statistics").glob("*.md")}
    assert there <= listed


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_test_file_a_page_names_exists(path):
    for name in re.findall(r"\b(test_\w+\.py)\b", path.read_text(encoding="utf-8")):
        assert any((ROOT / "tests").rglob(name)), name


FIGURE_PAGE = (DOCS / "figures/figures.md").read_text(encoding="utf-8")


def test_the_page_of_figures_names_every_figure_with_its_title():
    rows = {row[0].strip("`"): row[1] for row in table(FIGURE_PAGE, "name")}
    titles = {name: figure.title for name, figure in FIGURES.items()} | REVIEW_FIGURES
    assert rows == titles
    for name, figure in FIGURES.items():
        needs = next(row[2] for row in table(FIGURE_PAGE, "name") if row[0] == f"`{name}`")
        assert figure.least == 1 or needs.startswith(f"{figure.least} rows"), name
        assert not figure.setting or f"`{figure.setting}`" in needs, name


def test_the_page_of_figures_has_every_style_with_its_columns():
    words = {"label": "study", "numbers": "estimate", "bias": "risk of bias"}
    for row in table(FIGURE_PAGE, "style"):
        style = STYLES[row[0].strip("`")]
        assert row[1] == ", ".join(words.get(name, name) for name in style.columns)
    assert [row[0].strip("`") for row in table(FIGURE_PAGE, "style")] == list(STYLES)


def test_the_page_of_figures_names_every_key_of_the_section():
    keys = {name for row in table(FIGURE_PAGE, "key of `figures:`") for name in row[0].split(", ")}
    assert keys == {f"`{name}`" for name in schema()["properties"]["figures"]["properties"]}
