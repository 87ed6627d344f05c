"""A meta-regression of the effects of a primary analysis."""

from dataclasses import dataclass

from metamill.explored.common import LeftOut, Test


@dataclass(frozen=True)
class Coefficient:
    """One coefficient of a meta-regression, on the model scale.

    `term` is "intercept", the moderator, or "<moderator>=<level>" for a level against the
    reference. No p value where 0 does not mean "no effect", as for the intercept of one group.
    `vif` is the variance inflation factor, 1 for a moderator alone. `permutation_p` is what a
    permutation test gives, `permutation_se` its Monte Carlo standard error (0 where it is exact).
    `df` are Satterthwaite's, where each coefficient has its own.
    """

    term: str
    b: float
    se: float
    low: float
    high: float
    statistic: float | None = None
    p_value: float | None = None
    vif: float | None = None
    permutation_p: float | None = None
    permutation_se: float | None = None
    df: float | None = None


@dataclass(frozen=True)
class RegressionMean:
    """The mean at a value or a level of the moderator, on the natural scale, with its limits."""

    x: float | None
    level: str
    mean: float
    ci_low: float
    ci_high: float
    pi_low: float | None = None
    pi_high: float | None = None


@dataclass(frozen=True)
class RegressionPoint:
    """One study as a meta-regression has it; `weight` in per cent, `estimate` natural.

    `estimate` is the effect that was regressed, with its continuity correction where `corrected`.
    """

    row: int
    x: float | None
    level: str
    estimate: float
    weight: float
    corrected: bool = False


@dataclass(frozen=True)
class RegressionPart:
    """One of several moderators of a regression.

    `kind`, `levels`, `reference` and `centre` as in Regression. `qm` tests its coefficients
    together; `gvif` is their generalised variance inflation factor (Fox and Monette 1992). `means`
    are those at its values with every other moderator at its centre or reference, and each of
    `points` is moved there along the others' coefficients: its residual is that of the regression.
    """

    moderator: str
    kind: str
    levels: tuple[str, ...] = ()
    reference: str = ""
    centre: float | None = None
    qm: float | None = None
    qm_df: int | None = None
    qm_df2: float | None = None
    qm_p: float | None = None
    gvif: float | None = None
    means: tuple[RegressionMean, ...] = ()
    points: tuple[RegressionPoint, ...] = ()


@dataclass(frozen=True)
class Permutations:
    """A permutation test: all distinct orders of the moderators' rows, or a sample of them.

    `orders` counts those tried, the observed one among them; `possible` all there are, where that
    is a number of at most 15 digits. `seed` begins the sample. `qm_p` is that of all coefficients
    together, with its Monte Carlo standard error (0 where `exact`). Without orders there is none,
    and `note` says why.
    """

    exact: bool = False
    orders: int = 0
    possible: int | None = None
    seed: int | None = None
    qm_p: float | None = None
    qm_se: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Regression:
    """The effects of the primary analysis on one moderator, or on several together.

    Without coefficients there is none, and the first note says why. `kind` is "numeric", where
    `centre` is the value the intercept belongs to, or "factor", where `levels` begin with the
    `reference`, or "several", where each of `parts` is one of the moderators and has these, and
    `moderator` names them all. `method` and `test` are those used. `df` is that of the
    coefficients (None: normal, or each has its own). `tau2`, `i2`, `h2` and `q` are residual, and
    `q_test` names the test of that; `tau2_without` is tau2 of the same rows but without the
    moderators, `r2` the share of it in per cent that they account for. `qm` tests the moderators:
    F on `qm_df` and `qm_df2`, chi-squared on `qm_df` where that is None. `means` are 50 from the
    least to the largest value, or one a level. `tests` are what only some models have. `left_out`
    are rows that do not say a moderator.
    """

    moderator: str
    kind: str = ""
    k: int = 0
    method: str = ""
    test: str = ""
    levels: tuple[str, ...] = ()
    reference: str = ""
    centre: float | None = None
    coefficients: tuple[Coefficient, ...] = ()
    df: int | None = None
    tau2: float | None = None
    tau2_without: float | None = None
    r2: float | None = None
    i2: float | None = None
    h2: float | None = None
    q: float | None = None
    q_df: int | None = None
    q_p: float | None = None
    q_test: str = "Q"
    qm: float | None = None
    qm_df: int | None = None
    qm_df2: float | None = None
    qm_p: float | None = None
    tests: tuple[Test, ...] = ()
    means: tuple[RegressionMean, ...] = ()
    points: tuple[RegressionPoint, ...] = ()
    parts: tuple[RegressionPart, ...] = ()
    permutations: Permutations | None = None
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
