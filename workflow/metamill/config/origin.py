"""Where a setting stands: in a line of config.yaml, or in --config laid over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metamill.config.plain_text import cleaned
from metamill.config.strict_yaml import Document, Path
from metamill.errors import LONGEST

OVERRIDES = "--config"


@dataclass(frozen=True)
class Origin:
    """The document called `name` and the settings laid over it."""

    document: Document
    overrides: Mapping[str, Any]
    name: str

    def place(self, path: Path) -> dict[str, Any]:
        """File, line and setting of `path`, as a Problem takes them."""
        setting = ".".join(_step(step) for step in path)
        if self._overridden(path):
            return {"file": OVERRIDES, "column": setting}
        return {"file": self.name, "line": self.line(path), "column": setting}

    def line(self, path: Path) -> int:
        """The line of `path` or, if it is not written out, of what it is a part of."""
        while path and path not in self.document.places:
            path = path[:-1]
        return self.document.places.get(path, (1, 1))[0]

    def text(self, path: Path, value: Any) -> str:
        """A value as it is spelt in the file (1.10 is not 1.1), on one line, in composed form."""
        if isinstance(value, str):
            return cleaned(value)
        spelt = None if self._overridden(path) else self.document.spellings.get(path)
        return spelt or shown(value)

    def levels(self, path: Path, raw: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """The levels that a filter at `path` names, by column: one or a list of them."""
        return {
            column: tuple(self.text((*path, column, i), value) for i, value in enumerate(values))
            if isinstance(values, list)
            else (self.text((*path, column), values),)
            for column, values in raw.items()
        }

    def _overridden(self, path: Path) -> bool:
        """Whether --config says what stands at `path`, or made it what it is."""
        inside: Any = self.overrides
        for step in path:
            if not isinstance(inside, Mapping):
                return True
            if step not in inside:
                return False
            inside = inside[step]
        return not isinstance(inside, Mapping) or path not in self.document.places


def shown(value: Any) -> str:
    """A value as YAML writes it: null, true, 0.5."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _step(step: str | int) -> str:
    text = str(step)
    return text if text.isprintable() and len(text) <= LONGEST else repr(text[:LONGEST])
