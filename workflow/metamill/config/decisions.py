"""The decisions of a multiverse as settings: plain data that travels to the job that pools."""

from dataclasses import dataclass, field
from typing import Any

EQUIVALENT, UNCERTAIN, NON_EQUIVALENT = "equivalent", "uncertain", "non-equivalent"
STANDINGS = (EQUIVALENT, UNCERTAIN, NON_EQUIVALENT)
"""How a choice stands beside the pre-specified one, best first (Del Giudice and Gangestad 2021, doi
10.1177/2515245920954925): as good as it; perhaps as good; an answer to another question."""
AS_PRINTED, WITHOUT_DOUBTED = "as printed", "without doubted"
"""Which rows a choice takes of those whose printed numbers cannot all be true: all, or none."""


@dataclass(frozen=True)
class Choice:
    """One way to decide: the model keys it sets and the rows it takes or leaves.

    `include` takes rows back that the outcome leaves out, `exclude` leaves rows out besides, both
    by columns; `rows` is "", AS_PRINTED or WITHOUT_DOUBTED.
    """

    name: str
    standing: str = EQUIVALENT
    changes: dict[str, Any] = field(default_factory=dict)
    include: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: dict[str, tuple[str, ...]] = field(default_factory=dict)
    same_cohort: dict[str, str] = field(default_factory=dict)
    rows: str = ""

    @property
    def row_settings(self) -> tuple[Any, ...]:
        """What the choice says of rows; equal for choices that say the same of them."""
        parts = (self.include, self.exclude, self.same_cohort)
        return (*(tuple(sorted(part.items())) for part in parts), self.rows)


@dataclass(frozen=True)
class Decision:
    """A decision and its choices; `prespecified` is the place of the one that changes nothing."""

    name: str
    choices: tuple[Choice, ...]
    prespecified: int = 0


@dataclass(frozen=True)
class Decisions:
    """Every decision of an outcome; `layers` are the settings that the choices are laid over."""

    of: tuple[Decision, ...]
    layers: tuple[dict[str, Any], ...]
