"""No module of the package turns text into code, so that no text of a review can become any."""

import ast
from functools import cache
from pathlib import Path

import pytest

from metamill.jobs import PACKAGE

FORBIDDEN_CALLS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "input"),
    *("pickle.load", "pickle.loads", "marshal.loads", "shelve.open", "dill.load"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.full_load_all"),
}
FORBIDDEN_METHODS = {"query", "eval", "from_string"}
"""Methods of data frames and templates that make code of text."""


@cache
def _nodes() -> list[tuple[Path, ast.AST]]:
    """Every node of every module."""
    return [
        (path, node)
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _unsafe(call: ast.Call) -> bool:
    """Whether a call could run what a review says."""
    name, last = _dotted(call.func), getattr(call.func, "attr", "")
    given = {word.arg: word.value for word in call.keywords}
    if name in ("yaml.load", "yaml.compose", "yaml.parse", "yaml.scan"):
        return _dotted(given.get("Loader", ast.Name(""))) != "yaml.SafeLoader"
    shell = given.get("shell")
    return (
        name in FORBIDDEN_CALLS
        or last in FORBIDDEN_METHODS
        or (shell is not None and getattr(shell, "value", True) is not False)
    )


@pytest.mark.fault("K15")
@pytest.mark.fault("K27")
@pytest.mark.fault("K28")
@pytest.mark.fault("K29")
def test_no_module_makes_code_of_text():
    found = [
        f"{path.name}:{node.lineno}"
        for path, node in _nodes()
        if isinstance(node, ast.Call) and _unsafe(node)
    ]
    imported = [
        f"{path.name}: {alias.name}"
        for path, node in _nodes()
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if {"pickle", "marshal", "shelve", "dill"} & {alias.name, getattr(node, "module", "")}
    ]
    assert found == [] and imported == []


@pytest.mark.fault("K27")
def test_templates_are_files_of_the_package_and_escape_what_they_are_given():
    made = [
        {word.arg: word.value for word in node.keywords}
        for path, node in _nodes()
        if isinstance(node, ast.Call) and _dotted(node.func) in ("Environment", "Template")
    ]
    assert made
    for given in made:
        assert ast.unparse(given["autoescape"]) == "True"
        assert ast.unparse(given["loader"]).startswith("FileSystemLoader(TEMPLATES")


@pytest.mark.fault("K15")
@pytest.mark.parametrize(
    "code",
    [
        *("eval(x)", "exec(x)", "yaml.load(x)", "yaml.load(x, Loader=yaml.Loader)"),
        *("yaml.unsafe_load(x)", "pickle.loads(x)", "os.system(x)", "frame.query(x)"),
        *("subprocess.run(x, shell=True)", "subprocess.run(x, shell=y)", "env.from_string(x)"),
        *("yaml.compose(x, Loader=yaml.FullLoader)", "yaml.parse(x)"),
    ],
)
def test_the_search_for_code_made_of_text_finds_it(code: str):
    (call,) = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    assert _unsafe(call)
