"""From the bytes of config.yaml (and overrides) to a `Review`, or to every error at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from metamill.config.resolve import resolve
from metamill.config.settings import Review
from metamill.config.strict_yaml import Document, parse
from metamill.errors import ConfigError, Problem, did_you_mean

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "schemas" / "config.schema.yaml"


def load_review(path: Path, overrides: Mapping[str, Any] | None = None) -> Review:
    """Read the review's settings from `path`; `overrides` are merged over them.

    Raises ConfigError with every problem found, each at its line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            Problem(str(path), f"cannot be read ({error.strerror})", "A review needs this file")
        ) from None
    document = parse(content, path.name)
    if document.problems:
        raise ConfigError(document.problems)
    overrides = dict(overrides or {})
    data = _merged(document.data, overrides)
    problems = _schema_problems(data, document, overrides, path.name)
    if problems:
        raise ConfigError(problems)
    review, problems = resolve(
        data, overrides, lambda at: _place(at, document, overrides, path.name)
    )
    if problems:
        raise ConfigError(problems)
    return review


def schema() -> dict[str, Any]:
    """The JSON Schema of config.yaml."""
    document = parse(SCHEMA_FILE.read_bytes(), SCHEMA_FILE.name)
    assert not document.problems, document.problems
    return document.data


def _merged(base: Any, over: Any) -> Any:
    if isinstance(base, dict) and isinstance(over, Mapping):
        return base | {key: _merged(base.get(key), value) for key, value in over.items()}
    return over


def _schema_problems(
    data: Any, document: Document, overrides: dict[str, Any], name: str
) -> list[Problem]:
    problems = []
    errors = Draft202012Validator(schema()).iter_errors(data)
    for error in sorted(errors, key=lambda e: _line(e, document)):
        problems.extend(_explained(error, document, overrides, name))
    return problems


def _line(error: ValidationError, document: Document) -> tuple[int, int]:
    path: tuple[Any, ...] = tuple(error.absolute_path)
    while path and path not in document.places:
        path = path[:-1]
    return document.places.get(path, (0, 0))


def _place(
    path: tuple[str | int, ...], document: Document, overrides: dict[str, Any], name: str
) -> dict[str, Any]:
    """The file, line and setting of `path`, for a Problem."""
    inside: Any = overrides
    for step in path:
        inside = inside.get(step) if isinstance(inside, Mapping) else None
    setting = ".".join(str(step) for step in path)
    if inside is not None:
        return {"file": "--config", "column": setting}
    known = path
    while known and known not in document.places:
        known = known[:-1]
    line = document.places.get(known, (1, 1))[0]
    return {"file": name, "line": line, "column": setting}


def _explained(
    error: ValidationError, document: Document, overrides: dict[str, Any], name: str
) -> list[Problem]:
    """A schema error in words a reviewer can act on."""
    path: tuple[Any, ...] = tuple(error.absolute_path)
    limit: Any = error.validator_value
    rules: Any = error.schema
    instance: Any = error.instance

    def problem(
        rule: str, advice: str = "", at: tuple[Any, ...] = path, value: Any = None
    ) -> Problem:
        shown = None if value is None else str(value)
        return Problem(
            rule=rule, advice=advice, value=shown, **_place(at, document, overrides, name)
        )

    match error.validator:
        case "additionalProperties" if limit is False:
            known = sorted(rules.get("properties", {}))
            return [
                problem("is not a setting", did_you_mean(str(key), known), (*path, key), key)
                for key in instance
                if key not in known
            ]
        case "required":
            missing = [key for key in limit if key not in instance]
            here = ".".join(str(step) for step in path) or "the file"
            return [problem(f"{here} lacks the setting '{key}'", "Add it") for key in missing]
        case "propertyNames" | "pattern" if "pattern" in (error.validator, *rules):
            return [_name_problem(problem, path, error)]
        case "enum":
            advice = did_you_mean(str(instance), [str(item) for item in limit])
            return [problem("is not one of the values allowed", advice, value=instance)]
        case "type":
            wanted = limit if isinstance(limit, str) else " or ".join(limit)
            words = {"string": "text", "object": "a mapping of names to values"}
            advice = "Put quotes around it" if wanted == "string" else ""
            return [problem(f"must be {words.get(wanted, wanted)}", advice, value=instance)]
        case "oneOf":
            return [problem("must be one value or a list of values", value=instance)]
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            sign = {
                "minimum": "at least",
                "exclusiveMinimum": "above",
                "maximum": "at most",
                "exclusiveMaximum": "below",
            }[error.validator]
            return [problem(f"must be {sign} {limit}", value=instance)]
        case "minItems" | "minProperties" | "minLength":
            here = path[-1] if path else "the file"
            return [problem(f"'{here}' says nothing", "Fill it in or remove it")]
        case "uniqueItems":
            return [problem("names the same thing twice", value=instance)]
        case _:
            return [problem(error.message)]


def _name_problem(problem: Any, path: tuple[Any, ...], error: ValidationError) -> Problem:
    name = error.instance
    if path and path[-1] == "table":
        return problem(
            "is not the name of a table",
            "Name a .csv file that lies in extracted/, without a folder",
            value=name,
        )
    return problem(
        "is not usable as a name of files",
        "Use lower-case letters, digits, - and _, beginning with a letter or digit, at most 64;"
        " the title may hold anything",
        (*path, name) if path == ("outcomes",) else path,
        name,
    )
