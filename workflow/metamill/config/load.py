"""From the bytes of config.yaml (and overrides) to a `Review`, or to every error at once."""

import re
from collections.abc import Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from metamill.config.explain import explained
from metamill.config.idle import idle_settings
from metamill.config.origin import Origin
from metamill.config.overrides import merged, not_plain
from metamill.config.plain_text import read_bytes
from metamill.config.resolve import resolve
from metamill.config.settings import Review
from metamill.config.strict_yaml import MAX_BYTES, MOST, parse
from metamill.errors import ConfigError, Problem, closest

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "schemas" / "config.schema.yaml"


def load_review(path: Path, overrides: Mapping[str, Any] | None = None) -> Review:
    """Read the review's settings from `path`; `overrides` are merged over them.

    Raises ConfigError with every problem found, each at its line.
    """
    review, _ = read_review(path, overrides)
    return review


def read_review(path: Path, overrides: Mapping[str, Any] | None = None) -> tuple[Review, Origin]:
    """As `load_review`, and where each setting stands, for what the tables say about it.

    The tables named must lie in extracted/ beside `path`; they are not read.
    """
    overrides = dict(overrides or {})
    problems = not_plain(overrides)
    content = read_bytes(path, path.name, MAX_BYTES)
    if isinstance(content, Problem):
        raise ConfigError([content, *problems])
    document = parse(content, path.name)
    problems = [*document.problems, *problems]
    if problems:
        raise ConfigError(problems)
    origin = Origin(document, overrides, path.name)
    data = merged(document.data, overrides)
    errors = sorted(Draft202012Validator(schema()).iter_errors(data), key=lambda e: str(e.path))
    found = (problem for error in errors for problem in explained(error, origin))
    problems = list(islice(found, 2 * MOST))
    problems += _missing_tables(data, origin, path.parent / "extracted")
    review = None
    if not errors:
        review, unsound = resolve(data, origin)
        problems += unsound
        told = {(problem.file, problem.line, problem.column) for problem in problems}
        for name, outcome in review.outcomes.items():
            idle = idle_settings(outcome, data["outcomes"][name], origin)
            problems += [item for item in idle if (item.file, item.line, item.column) not in told]
    if problems or review is None:
        raise ConfigError(_first(sorted(dict.fromkeys(problems), key=lambda p: p.line or 0)))
    return review, origin


def _first(problems: list[Problem]) -> list[Problem]:
    """No more of them than anybody would read, and how many there are."""
    if len(problems) <= MOST:
        return problems
    rule = f"there are {len(problems) - MOST} further problems"
    more = Problem(problems[0].file, rule, "Mend these first", code="further-problems")
    return [*problems[:MOST], more]


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of config.yaml."""
    document = parse(SCHEMA_FILE.read_bytes(), SCHEMA_FILE.name)
    assert not document.problems, document.problems
    return document.data


def _missing_tables(data: Any, origin: Origin, folder: Path) -> list[Problem]:
    """Tables that outcomes name and that are not there, whatever else is wrong with the file."""
    outcomes = data.get("outcomes")
    if not isinstance(outcomes, Mapping):
        return []
    present = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    usable = schema()["$defs"]["outcome"]["properties"]["table"]["pattern"]
    problems = []
    for name, entry in outcomes.items():
        table = entry.get("table") if isinstance(entry, Mapping) else None
        if isinstance(table, str) and re.search(usable, table) and table not in present:
            close = closest(table, present)
            advice = f"Did you mean '{close}'?" if close else "Put the table there"
            place = origin.place(("outcomes", name, "table"))
            rule = f"there is no such file in {folder.name}/"
            code = "missing-table"
            problems.append(Problem(rule=rule, advice=advice, value=table, code=code, **place))
    return problems
