"""What the explorations of one outcome found, as it stands in result.json."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explored:
    """The explorations of a primary analysis; None where one was not asked for or not possible."""
