"""YAML as plain data: no tags, anchors, merges or repeated keys, and no surprising scalars.

Scalars follow the YAML 1.2 core schema, so NO, on, 1:30 and 2024-01-01 stay text. Every value
keeps its line and column, so that an error can point at it.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from metamill.errors import Problem

Path = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_DEPTH = 20

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass
class Document:
    """Plain data, and where each value and key of it stands: path -> (line, column), from 1."""

    data: Any = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def parse(content: bytes, name: str) -> Document:
    """Parse `content` strictly; what is wrong is collected in the document's problems."""
    document = Document()
    if len(content) > MAX_BYTES:
        document.problems.append(Problem(name, f"the file is larger than {MAX_BYTES:,} bytes"))
        return document
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        document.problems.append(
            Problem(
                name,
                f"byte 0x{content[error.start]:02x} is not UTF-8",
                "Save the file as UTF-8",
                line,
            )
        )
        return document
    try:
        _refuse_references(text, name, document)
        node = None if document.problems else yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        document.problems.append(_syntax_problem(error, name))
        return document
    except RecursionError:
        document.problems.append(Problem(name, f"values are nested deeper than {MAX_DEPTH} levels"))
        return document
    if not document.problems:
        if isinstance(node, MappingNode):
            document.data = _value(node, (), name, document)
        else:
            document.problems.append(
                Problem(name, "the file must hold settings, one 'name: value' a line", "", 1)
            )
    return document


def _refuse_references(text: str, name: str, document: Document) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            document.problems.append(
                Problem(name, "anchors (&) and aliases (*) are not allowed", "Write it out", line)
            )
        explicit = getattr(event, "tag", None)
        if explicit is not None and not isinstance(event, yaml.AliasEvent):
            document.problems.append(
                Problem(name, f"the tag {explicit} is not allowed", "Remove it", line)
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                document.problems.append(
                    Problem(name, f"values are nested deeper than {MAX_DEPTH} levels", "", line)
                )
                return
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is None:
        return Problem(name, f"not readable as YAML ({what})")
    return Problem(
        name, f"not readable as YAML ({what})", "", mark.line + 1, f"column {mark.column + 1}"
    )


def _value(node: Node, path: Path, name: str, document: Document) -> Any:
    mark = node.start_mark
    document.places.setdefault(path, (mark.line + 1, mark.column + 1))
    if isinstance(node, ScalarNode):
        return _scalar(node)
    if isinstance(node, SequenceNode):
        return [_value(item, (*path, i), name, document) for i, item in enumerate(node.value)]
    assert isinstance(node, MappingNode)
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        key = key_node.value if isinstance(key_node, ScalarNode) else None
        if key is None or key == "<<" or key.startswith("__"):
            document.problems.append(
                Problem(name, "not allowed as a name", "", line, f"column {column}", str(key))
            )
            continue
        if key in mapping:
            first = document.places[(*path, key)][0]
            document.problems.append(
                Problem(
                    name,
                    f"the name is used twice here, first in line {first}",
                    "Keep one of them",
                    line,
                    f"column {column}",
                    key,
                )
            )
            continue
        document.places[(*path, key)] = (line, column)
        mapping[key] = _value(value_node, (*path, key), name, document)
    return mapping


def _scalar(node: ScalarNode) -> Any:
    text = node.value
    if node.style is not None:
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
