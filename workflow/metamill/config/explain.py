"""Errors of the schema in words that a reviewer can act on."""

import re
from collections.abc import Iterable, Iterator
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
        "type-error",
    ),
    "uniqueItems": ("names the same thing twice", "Keep one of them", "duplicate-item"),
    "maxLength": ("is too long", "Shorten it", "too-long"),
    "maxItems": ("names too many things", "Keep at most {limit}", "too-long"),
    "minItems": ("is empty", "Fill it in or remove it", "too-short"),
    "minProperties": ("says too little", "Fill it in or remove it", "too-short"),
}
"""Other keywords of the schema: the rule in words, what to do, the code."""
EXPLAINED = frozenset(
    {"additionalProperties", "required", "pattern", "enum", "type", *_BOUNDS, *_RULES}
)
"""The keywords of JSON Schema that have words here."""


def explained(error: ValidationError, origin: Origin) -> Iterator[Problem]:
    """The problems that one schema error stands for, each at its setting."""
    path: Path = tuple(error.absolute_path)
    limit: Any = error.validator_value
    rules: Any = error.schema
    instance: Any = error.instance
    about = rules.get("description", "").strip().rstrip(".")

    def problem(
        code: str, rule: str, advice: str = "", at: Path = path, value: Any = instance
    ) -> Problem:
        written = isinstance(value, str | int | float | None) and value != ""
        text = shown(value) if written else None
        return Problem(rule=rule, advice=advice, value=text, code=code, **origin.place(at))

    match error.validator:
        case "additionalProperties":
            known = sorted(rules["properties"])
            for key in instance:
                if key not in known:
                    advice = did_you_mean(key, known)
                    yield problem("unknown-setting", "is not a setting", advice, (*path, key), key)
        case "required":
            for key in limit:
                if key not in instance:
                    yield problem("missing-setting", f"the setting '{key}' is missing", "Add it")
        case "pattern":
            is_name = "propertyNames" in error.absolute_schema_path
            if not is_name and not instance.strip():
                yield problem("blank-text", "says nothing", "Write some words")
                return
            code, at = ("bad-name", (*path, instance)) if is_name else ("bad-file-name", path)
            yield problem(code, "cannot stand here", about, at)
        case "enum":
            advice = did_you_mean(shown(instance), [shown(item) for item in limit])
            yield problem("unknown-value", "is not one of the values allowed", advice)
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            words = " or ".join(_TYPES[kind] for kind in kinds)
            advice = _type_advice(kinds[0], instance) or about
            yield problem("type-error", f"must be {words}", advice)
        case "minProperties" if any(key not in instance for key in rules.get("required", ())):
            return
        case other:
            rule, advice, code = _wording(str(other), limit)
            empty = other == "minProperties" and not instance
            advice = _named(rules.get("properties", {}) if empty else {}) or advice
            yield problem(code, rule, advice or about)


def _named(keys: Iterable[str]) -> str:
    """What to do where one of these settings must stand; "" where none is known."""
    named = ", ".join(keys)
    return f"Set one of {named}, or remove it" if named else ""


def _wording(keyword: str, limit: Any) -> tuple[str, str, str]:
    if keyword in _BOUNDS:
        return f"must be {_BOUNDS[keyword]} {limit:,.15g}", "", "out-of-range"
    rule, advice, code = _RULES[keyword]
    return rule, advice.format(limit=limit), code


def _type_advice(wanted: str, instance: Any) -> str:
    if instance is None:
        return "Fill it in or remove it"
    if wanted == "string" and not isinstance(instance, dict | list):
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
