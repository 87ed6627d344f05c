"""Settings laid over config.yaml from the command line, as strictly read as the file."""

from collections.abc import Mapping, Sequence
from typing import Any

from metamill.config.origin import OVERRIDES, shown
from metamill.config.plain_text import forbidden_character
from metamill.config.strict_yaml import MAX_DEPTH, Path, parse_value
from metamill.errors import ConfigError, Problem

LARGEST = 1e300
"""Numbers as large as this, infinity and nan are no settings."""


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """{"model": {"method": "DL"}} from ["model.method=DL"].

    Raises ConfigError with every pair that is not KEY=VALUE, or that contradicts another.
    """
    nested: dict[str, Any] = {}
    problems: list[Problem] = []
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not all(key.split(".")):
            advice = "For example model.method=DL; the review's folder stands before --config"
            rule, code = "is not KEY=VALUE", "no-key-value"
            problems.append(Problem(OVERRIDES, rule, advice, value=pair, code=code))
            continue
        document = parse_value(value, OVERRIDES)
        problems += document.problems
        if not _lay(nested, key.split("."), document.data):
            rule = "sets again what another value of --config sets"
            advice, code = "Keep one of them", "set-twice"
            problems.append(Problem(OVERRIDES, rule, advice, value=pair, code=code))
    if problems:
        raise ConfigError(problems)
    return nested


def _lay(nested: dict[str, Any], steps: list[str], value: Any) -> bool:
    """Put `value` at `steps`; False if something stands there, or in the way."""
    *parents, last = steps
    for parent in parents:
        inside = nested.setdefault(parent, {})
        if not isinstance(inside, dict):
            return False
        nested = inside
    if last in nested:
        return False
    nested[last] = value
    return True


def merged(base: Any, over: Any) -> Any:
    """`over` laid over `base`: mappings key by key, anything else as a whole."""
    if isinstance(base, dict) and isinstance(over, Mapping):
        return base | {key: merged(base.get(key), value) for key, value in over.items()}
    return over


def not_plain(value: Any, path: Path = ()) -> list[Problem]:
    """What in overrides is no plain data: names that are not text, dates, nan, odd characters."""
    setting = ".".join(map(str, path))
    advice = "Put quotes around it"
    if len(path) > MAX_DEPTH:
        rule = f"values are nested deeper than {MAX_DEPTH} levels"
        return [Problem(OVERRIDES, rule, "Settings are flat", code="too-deep")]
    if isinstance(value, Mapping):
        rule, code = "is not allowed as a name", "bad-name"
        problems = [
            Problem(OVERRIDES, rule, advice, None, setting, _words(key), code)
            for key in value
            if not isinstance(key, str) or forbidden_character(key) or key.startswith("__")
        ]
        for key, item in value.items():
            problems += not_plain(item, (*path, _words(key)))
        return problems
    if isinstance(value, list):
        return [found for i, item in enumerate(value) for found in not_plain(item, (*path, i))]
    plain = value is None or isinstance(value, bool | int | float | str)
    if isinstance(value, int | float) and not abs(value) < LARGEST:
        plain, advice = False, "Write a number that can be used"
    if isinstance(value, str) and forbidden_character(value):
        plain, advice = False, "Remove the character that cannot be shown"
    if plain:
        return []
    rule, code = "is not a usable value", "no-plain-value"
    return [Problem(OVERRIDES, rule, advice, None, setting, _words(value), code)]


def _words(value: Any) -> str:
    """Any value as text; Python refuses to write out a number of thousands of digits."""
    try:
        return shown(value)
    except (ValueError, OverflowError):
        return "a number of thousands of digits"
