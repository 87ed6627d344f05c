"""What a reader is told of an outcome besides its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Display:
    """Title, width and meaning of the scale.

    `direction` says which end is better ("lower", "higher" or None); `minimum`, `maximum` and
    `important_difference` belong to the score, in its own points. `treatment` and `control` name
    the groups of two-armed outcomes.
    """

    title: str
    width_mm: float = 174.0
    direction: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    important_difference: float | None = None
    treatment: str = "Treatment"
    control: str = "Control"

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Display":
        """The display of an outcome from its settings; settings of other things are passed over."""
        return cls(**{item.name: raw[item.name] for item in fields(cls) if item.name in raw})
