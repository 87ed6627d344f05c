"""From the bytes of extracted/flow.yaml to a `Flow`, or to every error at its line."""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from metamill.config.explain import explained
from metamill.config.flow import Flow, flow_from_dict, remarks
from metamill.config.origin import Origin, shown
from metamill.config.plain_text import cleaned, decoded, read_bytes
from metamill.config.strict_yaml import MAX_BYTES, Document, parse, parse_value
from metamill.errors import Problem

FILE = "flow.yaml"
NAME = f"extracted/{FILE}"
FLOW_SCHEMA_FILE = Path(__file__).resolve().parents[2] / "schemas" / "flow.schema.yaml"

_LISTS = (
    ("databases", "name"),
    ("registers", "name"),
    ("excluded_reports", "reason"),
    ("other_methods", "excluded_reports", "reason"),
)
"""The lists of the file, each with what tells its items apart."""
_SEPARATED = re.compile(r"[0-9]{1,3}([, .'\u00a0\u202f][0-9]{3})+")


def read_flow(folder: Path) -> tuple[Flow | None, list[Problem], list[Problem]]:
    """The flow of the review in `folder`, what is wrong with it, and what was not checked.

    None with a problem, or where there is no such file.
    """
    path = folder / "extracted" / FILE
    if not os.path.lexists(path):
        return None, [], []
    document = _document(path)
    if document.problems:
        return None, document.problems, []
    origin = Origin(document, {}, NAME)
    errors = sorted(_validator().iter_errors(document.data), key=lambda e: str(e.path))
    problems = [problem for error in errors for problem in _explained(error, origin)]
    if not errors:
        problems += _repeated(document.data, origin)
    if problems:
        return None, sorted(dict.fromkeys(problems), key=lambda p: p.line or 0), []
    flow = flow_from_dict(_in_one_line(document.data))
    said: dict[bool, list[Problem]] = {True: [], False: []}
    for remark in remarks(flow):
        place = origin.place(remark.path)
        code = "wrong-sum" if remark.wrong else "unchecked-sum"
        problem = Problem(rule=remark.rule, advice=remark.advice, code=code, **place)
        said[remark.wrong].append(problem)
    return (None if said[True] else flow), said[True], said[False]


def _document(path: Path) -> Document:
    content = read_bytes(path, NAME, MAX_BYTES)
    text = content if isinstance(content, Problem) else decoded(content, NAME)
    if isinstance(text, Problem):
        return Document(problems=[text])
    document = parse_value(text.removeprefix("\ufeff"), NAME)
    if not document.problems and not isinstance(document.data, dict):
        rule, advice = "the file must hold numbers", "Begin with source: and databases:"
        problem = Problem(NAME, f"{rule}, one 'name: value' a line", advice, 1, code="no-mapping")
        document.problems.append(problem)
    return document


@cache
def _validator() -> Any:
    """Validates against the schema; 12.0 is a number with decimals and so no count."""
    document = parse(FLOW_SCHEMA_FILE.read_bytes(), FLOW_SCHEMA_FILE.name)
    assert not document.problems, document.problems
    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return extend(Draft202012Validator, type_checker=types)(document.data)


def _explained(error: ValidationError, origin: Origin) -> Iterator[Problem]:
    if error.validator != "type" or error.validator_value != "integer":
        yield from explained(error, origin)
        return
    value: Any = error.instance
    advice = "Write the number in digits"
    if value is None:
        advice = "Write 0 if there were none, or remove the line if the number is not reported"
    elif isinstance(value, float):
        advice = "Counts have no decimals"
    elif isinstance(value, str) and _SEPARATED.fullmatch(value):
        advice = "Write the number without separators"
    elif isinstance(value, str):
        advice = "Write the number in digits, or remove the line if it is not reported"
    written = shown(value) if isinstance(value, str | int | float) else None
    place = origin.place(tuple(error.absolute_path))
    rule, code = "must be a whole number", "type-error"
    yield Problem(rule=rule, advice=advice, value=written, code=code, **place)


def _repeated(data: dict[str, Any], origin: Origin) -> Iterator[Problem]:
    """Databases, registers and reasons stand once in their list."""
    for *path, key in _LISTS:
        items: Any = data
        for step in path:
            items = items.get(step, {})
        seen: set[str] = set()
        for index, item in enumerate(items):
            word = cleaned(item[key]).casefold()
            if word in seen:
                place = origin.place((*path, index, key))
                rule, advice, code = "stands in this list twice", "Add the two", "duplicate-item"
                yield Problem(rule=rule, advice=advice, value=item[key], code=code, **place)
            seen.add(word)


def _in_one_line(value: Any) -> Any:
    """Plain data with every text cleaned."""
    if isinstance(value, dict):
        return {key: _in_one_line(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_one_line(item) for item in value]
    return cleaned(value) if isinstance(value, str) else value
