"""Every code of a message about the settings has a meaning, a page, and an example that is made."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from metamill.config.error_codes import CODES
from metamill.config.explain import EXPLAINED
from metamill.config.flow_file import FLOW_SCHEMA_FILE, read_flow
from metamill.config.load import SCHEMA_FILE, load_review, read_review
from metamill.config.notices import notices
from metamill.config.overrides import parse_overrides
from metamill.config.strict_yaml import MAX_BYTES, parse
from metamill.errors import ConfigError, Problem

CONFIG = Path(SCHEMA_FILE).parents[1] / "metamill" / "config"
PAGE = Path(SCHEMA_FILE).parents[2] / "docs" / "errors" / "config.md"
OTHERS = ("decisions.py", "error_codes.py", "journals.py", "plain_text.py")
"""Modules without a code of their own: plain_text.py has those of docs/errors/tables.md."""
HEAD = """\
review: {title: A review}
outcomes:
  screw_loosening:
    title: Screw loosening
    table: loosening.csv
"""


def outcome(lines: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in lines.split("\n"))


def second(lines: str) -> str:
    return outcome("measure: PLO") + f"  again: {{title: A, table: loosening.csv, {lines}}}\n"


def decision(choices: str) -> str:
    return f"measure: OR\nmultiverse:\n  - decision: Method\n    choices: [{choices}]"


MANY = "  - {{decision: {0}, choices: [{{name: kept}}, {{name: out, exclude: {{study: {0}}}}}]}}"

SETTINGS = {
    "aggregated-effects": outcome("measure: PLO\naggregate: true"),
    "another-natural-scale": outcome(decision("{name: odds}, {name: risks, measure: RR}")),
    "anchor-or-alias": outcome("measure: PLO\nselect: &chosen {arm: cement}"),
    "bad-escape": HEAD.replace("Screw loosening", '"\\U99999999"'),
    "bad-file-name": HEAD.replace("loosening.csv", "extracted/loosening.csv") + "    measure: PLO",
    "bad-name": outcome("measure: PLO").replace("screw_loosening:", "Screw loosening:"),
    "blank-text": outcome("measure: PLO").replace("Screw loosening", "''"),
    "decided-twice": outcome(
        "measure: OR\nmultiverse:\n"
        "  - decision: Method\n"
        "    choices: [{name: REML}, {name: PM, standing: equivalent, method: PM}]\n"
        "  - decision: Heterogeneity\n    choices:\n      - {name: as planned}\n"
        "      - {name: DL, standing: uncertain,\n         method: DL}"
    ),
    "duplicate-analysis": outcome(
        "measure: PLO\nsensitivity:\n  - {name: 2010 on, level: 90}\n  - {name: 2010 On, level: 80}"
    ),
    "duplicate-choice": outcome(decision("{name: REML}, {name: reml, method: DL}")),
    "duplicate-item": outcome("measure: PLO\nsubgroups: [country, country]"),
    "duplicate-name": outcome("measure: PLO\nmethod: GLMM\nmeasure: PR"),
    "exact-model": outcome("measure: IRR\nmethod: GLMM\nglmm: CM.AL"),
    "explicit-tag": outcome("measure: !code PLO"),
    "file-too-large": "#" * (MAX_BYTES + 1),
    "forbidden-character": HEAD.replace("Screw loosening", '"Screw\\0loosening"'),
    "further-problems": HEAD + "".join(f"    setting_{i}: 1\n" for i in range(150)),
    "icc-of-method": outcome("measure: OR\nmethod: GLMM\nglmm: CM.EL\nicc: 0.1"),
    "idle-setting": outcome("measure: PLO\ncorrelation: 0.5"),
    "interval-of-method": outcome("measure: PLO\nmethod: GLMM\ntau2_interval: QP"),
    "method-of-measure": outcome("measure: MD\nmethod: MH"),
    "min-above-max": outcome("measure: MC\nscale: {min: 100, max: 0}"),
    "missing-setting": HEAD,
    "missing-table": outcome("measure: PLO").replace("loosening.csv", "losening.csv"),
    "no-mapping": "Screw loosening\n",
    "no-prior": outcome("measure: MD\nmethod: BAYES"),
    "out-of-range": outcome("measure: PLO\nlevel: 0.95"),
    "prespecified-choice": outcome(decision("{name: PM, method: PM}, {name: DL, method: DL}")),
    "reserved-name": outcome("measure: PLO").replace("screw_loosening:", "pooled:"),
    "rho-of-method": outcome("measure: OR\nrho: 0.5"),
    "same-analysis": outcome("measure: OR\nsensitivity: [{name: by REML, method: REML}]"),
    "scale-of-instrument": outcome("measure: MC\nscale: {max: 100, instrument: NRS}"),
    "second-document": outcome("measure: PLO") + "---\n",
    "step-of-scale": outcome("measure: MC\nscale: {min: 0, max: 10, step: 3}"),
    "syntax-error": outcome("measure: PLO").replace("Screw loosening", "Screws: loosening"),
    "test-of-method": outcome("measure: PLO\nmethod: GLMM\ntest: knha"),
    "threshold-out-of-range": outcome("measure: PLO\nthresholds: [5]"),
    "too-deep": outcome("measure: PLO\nselect: " + "[" * 30),
    "too-long": outcome("measure: PLO").replace("Screw loosening", "Screw loosening " * 30),
    "too-many-specifications": outcome(
        "measure: OR\nmultiverse:\n"
        + "\n".join(MANY.format(letter) for letter in "abcdefghijklmnopq")
    ),
    "too-short": outcome("measure: PLO\nselect: {}"),
    "type-error": outcome("measure: PLO\nlevel: '95'"),
    "unknown-setting": outcome("measure: PLO\nmetod: GLMM"),
    "unknown-value": outcome("measure: plo"),
    "unquoted-hash": outcome("measure: PLO").replace("Screw loosening", "Loosening of screw #2"),
}
OVERRIDES = {
    "no-key-value": ["model.method"],
    "set-twice": ["model.method=DL", "model.method=PM"],
}
PLAIN = {"no-plain-value": {"model": {"level": float("nan")}}}
FLOW = {
    "wrong-sum": "source: made up\nscreened: 120\nexcluded: 80\nsought: 30\n",
    "unchecked-sum": "source: made up\nscreened: 120\n",
}
NOTED = {
    "against-journal": outcome("measure: PLO") + "figures: {journal: plos, width_mm: 195}\n",
    "figure-without-data": outcome("measure: PLO") + "figures: {draw: [forest, flow]}\n",
    "same-rows": second("measure: PLO"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "extracted").mkdir()
    (tmp_path / "extracted" / "loosening.csv").touch()
    (tmp_path / "config.yaml").write_text(outcome("measure: PLO"), encoding="utf-8")
    return tmp_path


def _raised(act: Callable[[], object]) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        act()
    return list(caught.value.problems)


def _example(code: str, folder: Path) -> Problem:
    """The problem with this code that the example makes."""
    config = folder / "config.yaml"
    if code in SETTINGS:
        config.write_text(SETTINGS[code], encoding="utf-8")
        found = _raised(lambda: load_review(config))
    elif code in OVERRIDES:
        found = _raised(lambda: parse_overrides(OVERRIDES[code]))
    elif code in PLAIN:
        found = _raised(lambda: load_review(config, PLAIN[code]))
    elif code in FLOW:
        (folder / "extracted" / "flow.yaml").write_text(FLOW[code], encoding="utf-8")
        _, problems, unchecked = read_flow(folder)
        found = problems + unchecked
    else:
        config.write_text(NOTED[code], encoding="utf-8")
        found = notices(*read_review(config), folder)
    return next(problem for problem in found if problem.code == code)


def test_the_modules_use_the_codes_that_are_listed_and_no_others():
    words = {
        node.value
        for path in CONFIG.glob("*.py")
        if path.name not in OTHERS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {word for word in words if re.fullmatch(r"[a-z]+(-[a-z]+)+", word)} == set(CODES)


def test_no_problem_is_made_without_a_code():
    for path in CONFIG.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
                given = {word.arg for word in node.keywords}
                assert "code" in given or len(node.args) == 7, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("code", CODES)
def test_the_page_explains_every_code_with_a_message_that_is_made(folder: Path, code: str):
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {code}\n")[1].split("\n## ")[0]
    said = str(_example(code, folder))
    assert f"    {said}\n" in section
    meaning = CODES[code]
    assert f"{meaning[0].upper()}{meaning[1:]}." in re.sub(r"\s+", " ", section)
    for part in ("Usual cause:", "What to do:"):
        assert section.count(part) == 1


def test_the_page_has_no_section_without_a_code():
    headings = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert headings == sorted(CODES)


@pytest.mark.parametrize("file", [SCHEMA_FILE, FLOW_SCHEMA_FILE], ids=lambda file: file.name)
def test_every_keyword_of_the_schemas_has_words(file: Path):
    """Keywords that can fail; the others only describe, or apply schemas that do."""
    passing = {
        *("$schema", "$defs", "$ref", "title", "description"),
        *("properties", "propertyNames", "items"),
    }

    def keywords(part: object, names: bool) -> set[str]:
        if isinstance(part, list):
            return set().union(*(keywords(item, False) for item in part))
        if not isinstance(part, dict):
            return set()
        own = set() if names else set(part)
        inner = (
            keywords(value, not names and key in ("properties", "$defs"))
            for key, value in part.items()
            if names or key not in ("enum", "required")
        )
        return own.union(*inner)

    used = keywords(parse(file.read_bytes(), file.name).data, False)
    assert used - passing <= EXPLAINED
