"""Levels of a column, and the tests of differences between them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SubgroupLevel:
    """How many studies, rows and units (None: not counted) a level of a column has.

    `pooled` says whether it has a pooled mean, and so is in the test.
    """

    level: str
    k: int
    rows: int
    n: float | None = None
    pooled: bool = True


@dataclass(frozen=True)
class LevelsTest:
    """A test of differences between levels with `tau2_of` them "separate" or "common".

    Q is chi-squared on `q_df` where `df` is None, else F on `q_df` and `df`. `tau2` is the common
    one. Without a q there is none, and `note` says why.
    """

    tau2_of: str
    q: float | None = None
    q_df: int | None = None
    q_p: float | None = None
    df: int | None = None
    tau2: float | None = None
    note: str = ""


@dataclass(frozen=True)
class SubgroupTest:
    """Test of differences between the subgroups of one column.

    `tau2_of`, `df` and `tau2` as in LevelsTest: that of the settings, `other` is the other one.
    """

    column: str
    levels: tuple[str, ...]
    q: float | None
    q_df: int | None
    q_p: float | None
    note: str = ""
    tau2_of: str = "separate"
    df: int | None = None
    tau2: float | None = None
    sizes: tuple[SubgroupLevel, ...] = ()
    other: LevelsTest | None = None
