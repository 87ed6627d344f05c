"""Frozen dataclasses from plain JSON data, by the types of their fields."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


def decoded(kind: Any, raw: Any) -> Any:
    """`raw`, as json gives it, as a value of `kind`.

    kind: a dataclass whose fields have such kinds, tuple[X, ...], dict[str, X], X | None, Any, or
    int, float, str, bool, which stay as they are. A field that `raw` does not name keeps its
    default. Raises TypeError for a name that is no field, and ValueError for another shape.
    """
    if isinstance(kind, type) and is_dataclass(kind):
        _expect(raw, Mapping, kind)
        hints = _hints(kind)
        unknown = set(raw) - set(hints)
        if unknown:
            raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        return kind(**{name: decoded(hints[name], value) for name, value in raw.items()})
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (UnionType, Union):
        if raw is None:
            return None
        (kind,) = (part for part in inner if part is not NoneType)
        return decoded(kind, raw)
    if origin is tuple:
        _expect(raw, (list, tuple), kind)
        kinds = inner[:1] * len(raw) if inner[-1] is Ellipsis else inner
        return tuple(decoded(item, value) for item, value in zip(kinds, raw, strict=True))
    if origin is dict:
        _expect(raw, Mapping, kind)
        return {name: decoded(inner[1], value) for name, value in raw.items()}
    return raw


def _expect(raw: Any, shape: Any, kind: Any) -> None:
    if not isinstance(raw, shape):
        raise ValueError(f"{type(raw).__name__} where {kind} belongs")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {item.name: hints[item.name] for item in fields(kind)}
