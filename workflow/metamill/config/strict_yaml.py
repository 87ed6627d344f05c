"""YAML as plain data: no tags, anchors, merges or repeated keys, and no surprising scalars.

Scalars follow the YAML 1.2 core schema, so NO, on, 1:30 and 2024-01-01 stay text; so do numbers
that would lose digits (012). Every value keeps its line and column, so that an error can point at
it, and every plain scalar its spelling, so that a level of a column can be 1.10.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from metamill.config.plain_text import decoded, forbidden_character
from metamill.errors import Problem

Path = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_DEPTH = 20

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MAX_DIGITS = 300


@dataclass
class Document:
    """Plain data; by path, where a value or key stands (line, column, from 1) and its spelling."""

    data: Any = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    spellings: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def parse(content: bytes, name: str) -> Document:
    """Parse a mapping strictly; what is wrong is collected in the document's problems."""
    text = decoded(content, name)
    if isinstance(text, Problem):
        return Document(problems=[text])
    document = parse_value(text.removeprefix("\ufeff"), name)
    if not document.problems and not isinstance(document.data, dict):
        rule = "the file must hold settings, one 'name: value' a line"
        document.problems.append(Problem(name, rule, "Begin with review: and outcomes:", 1))
    return document


def parse_value(text: str, name: str) -> Document:
    """Parse any one value strictly."""
    document = Document()
    if len(text) > MAX_BYTES:
        rule = f"is larger than {MAX_BYTES:,} bytes"
        document.problems.append(Problem(name, rule, "A review needs a fraction of that"))
        return document
    try:
        _refuse_references(text, name, document)
        node = None if document.problems else yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        document.problems.append(_syntax_problem(error, name))
    except ValueError:
        rule = "an escape in a quoted text stands for no character"
        document.problems.append(Problem(name, rule, "Check the \\U escapes"))
    else:
        if node is not None:
            document.data = _value(node, (), name, document)
    return document


def _refuse_references(text: str, name: str, document: Document) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1

        def refuse(rule: str, advice: str, at: int = line) -> None:
            document.problems.append(Problem(name, rule, advice, at))

        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents == 2:
                refuse("a second document begins here", "Keep one, and remove the line ---")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            refuse("anchors (&) and aliases (*) are not allowed", "Write it out, or put quotes")
        explicit = getattr(event, "tag", None)
        if explicit is not None:
            refuse(f"the tag {explicit[:80]!r} is not allowed", "Remove it, or put quotes")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                refuse(f"values are nested deeper than {MAX_DEPTH} levels", "Settings are flat")
                return
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    rule = f"not readable as YAML ({what})"
    advice = "Check indentation (spaces, no tabs) and put quotes around text with : # @ or %"
    if mark is None:
        return Problem(name, rule, advice)
    return Problem(name, rule, advice, mark.line + 1, f"character {mark.column + 1}")


def _value(node: Node, path: Path, name: str, document: Document) -> Any:
    mark = node.start_mark
    document.places.setdefault(path, (mark.line + 1, mark.column + 1))
    if isinstance(node, ScalarNode):
        return _scalar(node, path, name, document)
    if isinstance(node, SequenceNode):
        return [_value(item, (*path, i), name, document) for i, item in enumerate(node.value)]
    assert isinstance(node, MappingNode)
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, ScalarNode) else None
        problem = _key_problem(key, (*path, key or ""), document.places)
        if problem or key is None:
            mark = key_node.start_mark
            rule, advice = problem
            at = f"character {mark.column + 1}"
            document.problems.append(Problem(name, rule, advice, mark.line + 1, at, key))
            continue
        mark = key_node.start_mark
        document.places[(*path, key)] = (mark.line + 1, mark.column + 1)
        mapping[key] = _value(value_node, (*path, key), name, document)
    return mapping


def _key_problem(
    key: str | None, path: Path, places: dict[Path, tuple[int, int]]
) -> tuple[str, ...]:
    """The rule that a name breaks and what to do; empty if it may stand."""
    if key is None:
        return "a list or mapping is not a name", "Put quotes around a name with brackets or braces"
    if not key or forbidden_character(key) or key == "<<" or key.startswith("__"):
        return "is not allowed as a name", "Use another name or remove it"
    if path in places:
        return f"is a name used twice here, first in line {places[path][0]}", "Keep one of them"
    return ()


def _scalar(node: ScalarNode, path: Path, name: str, document: Document) -> Any:
    text = node.value
    mark = node.start_mark
    if node.style is not None:
        if forbidden_character(text):
            rule, advice = "holds a character that cannot be shown", "Remove the escape"
            at = f"character {mark.column + 1}"
            document.problems.append(Problem(name, rule, advice, mark.line + 1, at, text))
        return text
    document.spellings[path] = text
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if len(text) > _MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else text
    return text
