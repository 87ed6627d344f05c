"""Errors of the schema in words that a reviewer can act on."""

import re
from collections.abc import Iterator
from typing import Any

from jsonschema.exceptions import ValidationError

from metamill.config.origin import Origin, shown
from metamill.config.strict_yaml import Path
from metamill.errors import Problem, did_you_mean

_TYPES = {
    "string": "text",
    "object": "a mapping of names to values",
    "array": "a list",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}
_NUMBER = {"number": r"-?(0|[1-9]\d*)(\.\d+)?", "integer": r"-?(0|[1-9]\d*)"}
"""Texts that would be a value of the type without their quotes."""
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}
_RULES = {
    "oneOf": (
        "must be one value, or a list of different values",
        "Write column: level, or column: [level, other level]",
    ),
    "uniqueItems": ("names the same thing twice", "Keep one of them"),
    "maxLength": ("is too long", "Shorten it"),
    "minItems": ("is empty", "Fill it in or remove it"),
    "minProperties": ("says too little", "Fill it in or remove it"),
}


def explained(error: ValidationError, origin: Origin) -> Iterator[Problem]:
    """The problems that one schema error stands for, each at its setting."""
    path: Path = tuple(error.absolute_path)
    limit: Any = error.validator_value
    rules: Any = error.schema
    instance: Any = error.instance
    about = rules.get("description", "").strip().rstrip(".")

    def problem(rule: str, advice: str = "", at: Path = path, value: Any = instance) -> Problem:
        written = isinstance(value, str | int | float | None) and value != ""
        text = shown(value) if written else None
        return Problem(rule=rule, advice=advice, value=text, **origin.place(at))

    match error.validator:
        case "additionalProperties":
            known = sorted(rules["properties"])
            for key in instance:
                if key not in known:
                    yield problem("is not a setting", did_you_mean(key, known), (*path, key), key)
        case "required":
            for key in limit:
                if key not in instance:
                    yield problem(f"the setting '{key}' is missing", "Add it")
        case "pattern":
            is_name = "propertyNames" in error.absolute_schema_path
            yield problem("cannot stand here", about, (*path, instance) if is_name else path)
        case "enum":
            advice = did_you_mean(shown(instance), [shown(item) for item in limit])
            yield problem("is not one of the values allowed", advice)
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            words = " or ".join(_TYPES[kind] for kind in kinds)
            yield problem(f"must be {words}", _type_advice(kinds[0], instance) or about)
        case bound if bound in _BOUNDS:
            yield problem(f"must be {_BOUNDS[str(bound)]} {limit:g}", about)
        case "minProperties" if any(key not in instance for key in rules.get("required", ())):
            return
        case other:
            rule, advice = _RULES[str(other)]
            yield problem(rule, advice or about)


def _type_advice(wanted: str, instance: Any) -> str:
    if wanted == "string" and not isinstance(instance, dict | list | None):
        return "Put quotes around it"
    if wanted == "number" and isinstance(instance, str) and "," in instance:
        return "Write a decimal point instead of the comma"
    if wanted in _NUMBER and isinstance(instance, str) and re.fullmatch(_NUMBER[wanted], instance):
        return "Remove the quotes around it"
    if wanted == "array" and isinstance(instance, str):
        return f"Write [{instance[:60]}]"
    if wanted == "array" and isinstance(instance, dict):
        return "Begin each item with a dash"
    if wanted == "object" and isinstance(instance, list):
        return "Write 'name: value' without the dashes"
    return ""
