"""What pools and explorations have in common: a test beside others, and a row left out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LeftOut:
    """A selected row that an analysis does not pool, and why."""

    row: int
    reason: str


@dataclass(frozen=True)
class Test:
    """A test beside the main one, for example of tau2 = 0; df None where it has none."""

    name: str
    statistic: float
    df: float | None
    p: float
