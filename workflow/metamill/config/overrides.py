"""Settings laid over config.yaml from the command line, as strictly read as the file."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from metamill.config.origin import OVERRIDES, shown
from metamill.config.plain_text import forbidden_character
from metamill.config.strict_yaml import MAX_DEPTH, Path, parse_value
from metamill.errors import ConfigError, Problem


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """{"model": {"method": "DL"}} from ["model.method=DL"].

    Raises ConfigError with every pair that is not KEY=VALUE, or that contradicts another.
    """
    nested: dict[str, Any] = {}
    problems: list[Problem] = []
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not all(key.split(".")):
            advice = "For example model.method=DL"
            problems.append(Problem(OVERRIDES, "is not KEY=VALUE", advice, value=pair))
            continue
        document = parse_value(value, OVERRIDES)
        problems += document.problems
        if not _lay(nested, key.split("."), document.data):
            rule = "sets again what another value of --config sets"
            problems.append(Problem(OVERRIDES, rule, "Keep one of them", value=pair))
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
        return [Problem(OVERRIDES, f"values are nested deeper than {MAX_DEPTH} levels")]
    if isinstance(value, Mapping):
        problems = [
            Problem(OVERRIDES, "is not allowed as a name", advice, None, setting, shown(key))
            for key in value
            if not isinstance(key, str) or forbidden_character(key) or key.startswith("__")
        ]
        for key, item in value.items():
            problems += not_plain(item, (*path, str(key)))
        return problems
    if isinstance(value, list):
        return [found for i, item in enumerate(value) for found in not_plain(item, (*path, i))]
    plain = value is None or isinstance(value, bool | int | float | str)
    if isinstance(value, float) and not math.isfinite(value):
        plain = False
    if isinstance(value, str) and forbidden_character(value):
        plain, advice = False, "Remove the character that cannot be shown"
    if plain:
        return []
    return [Problem(OVERRIDES, "is not a usable value", advice, None, setting, str(value))]
