"""YAML as plain data: no tags, anchors, merges or repeated keys, and no surprising scalars.

Scalars follow the YAML 1.2 core schema, so NO, on, 1:30 and 2024-01-01 stay text; so do numbers
that would lose digits (012). Every value keeps its line and column, so that an error can point at
it, and every plain scalar its spelling, so that a level of a column can be 1.10. A value that an
unquoted # would cut short is an error.
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
MOST = 100
"""Problems of one file that are told; who has more begins with these."""

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MAX_DIGITS = 300
_NO_CHARACTER = re.compile(r"\\U(?!000[0-9A-Fa-f]|0010)[0-9A-Fa-f]{8}")
_CUT = re.compile(r"[ \t]+(#\S)")
"""A comment that begins like a name: `ODI #2` would be read as ODI."""


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
        rule, advice = "the file must hold settings", "Begin with review: and outcomes:"
        problem = Problem(name, f"{rule}, one 'name: value' a line", advice, 1, code="no-mapping")
        document.problems.append(problem)
    return document


def parse_value(text: str, name: str) -> Document:
    """Parse any one value strictly."""
    document = Document()
    if len(text) > MAX_BYTES:
        rule, advice = f"is larger than {MAX_BYTES:,} bytes", "A review needs a fraction of that"
        document.problems.append(Problem(name, rule, advice, code="file-too-large"))
        return document
    try:
        _refuse_references(text, name, document)
        node = None if document.problems else yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        document.problems.append(_syntax_problem(error, name))
    except (ValueError, OverflowError):
        rule, advice = "an escape in a quoted text stands for no character", "Check the \\U escapes"
        found = _NO_CHARACTER.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else None
        document.problems.append(Problem(name, rule, advice, line, code="bad-escape"))
    else:
        if node is not None:
            document.data = _value(node, (), name, document)
    return document


def _refuse_references(text: str, name: str, document: Document) -> None:
    """What makes YAML more than data, and what it would read otherwise than it is written."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1

        def refuse(rule: str, advice: str, code: str, at: int = line) -> None:
            document.problems.append(Problem(name, rule, advice, at, code=code))

        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents == 2:
                advice = "Keep one, and remove the line ---"
                refuse("a second document begins here", advice, "second-document")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            rule, advice = "anchors (&) and aliases (*) are not allowed", "Write it out"
            refuse(rule, f"{advice}, or put quotes", "anchor-or-alias")
        explicit = getattr(event, "tag", None)
        if explicit is not None:
            rule, advice = f"the tag {explicit[:80]!r} is not allowed", "Remove it, or put quotes"
            refuse(rule, advice, "explicit-tag")
        if isinstance(event, yaml.ScalarEvent) and event.style is None:
            document.problems += _cut_short(event, text, name)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                rule = f"values are nested deeper than {MAX_DEPTH} levels"
                refuse(rule, "Settings are flat", "too-deep")
                return
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if len(document.problems) >= MOST:
            return


def _cut_short(event: yaml.ScalarEvent, text: str, name: str) -> list[Problem]:
    """A plain value that YAML ends at a # which may have been meant as part of it."""
    end = event.end_mark
    found = _CUT.match(text, end.index) if end else None
    if not end or not found:
        return []
    kept, cut = event.value.strip()[-40:], text[found.start(1) :].split("\n", 1)[0][:40]
    rule = f"everything from {cut!r} would be taken for a comment"
    advice = "Put quotes around the whole, or a space after # if it is a comment"
    at = f"character {end.column + 1 + found.start(1) - end.index}"
    return [Problem(name, rule, advice, end.line + 1, at, kept or None, "unquoted-hash")]


def _syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    rule = f"not readable as YAML ({what})"
    advice = "Check indentation (spaces, no tabs) and put quotes around text with : # @ or %"
    if mark is None:
        return Problem(name, rule, advice, code="syntax-error")
    at = f"character {mark.column + 1}"
    return Problem(name, rule, advice, mark.line + 1, at, code="syntax-error")


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
            rule, advice, code = problem
            at = f"character {mark.column + 1}"
            document.problems.append(Problem(name, rule, advice, mark.line + 1, at, key, code))
            continue
        mark = key_node.start_mark
        document.places[(*path, key)] = (mark.line + 1, mark.column + 1)
        mapping[key] = _value(value_node, (*path, key), name, document)
    return mapping


def _key_problem(
    key: str | None, path: Path, places: dict[Path, tuple[int, int]]
) -> tuple[str, ...]:
    """The rule that a name breaks, what to do, and its code; empty if it may stand."""
    if key is None:
        advice = "Put quotes around a name with brackets or braces"
        return "a list or mapping is not a name", advice, "bad-name"
    if not key or forbidden_character(key) or key == "<<" or key.startswith("__"):
        return "is not allowed as a name", "Use another name or remove it", "bad-name"
    if path in places:
        rule = f"is a name used twice here, first in line {places[path][0]}"
        return rule, "Keep one of them", "duplicate-name"
    return ()


def _scalar(node: ScalarNode, path: Path, name: str, document: Document) -> Any:
    text = node.value
    mark = node.start_mark
    if node.style is not None:
        if forbidden_character(text):
            rule, advice = "holds a character that cannot be shown", "Remove the escape"
            at, code = f"character {mark.column + 1}", "forbidden-character"
            document.problems.append(Problem(name, rule, advice, mark.line + 1, at, text, code))
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
