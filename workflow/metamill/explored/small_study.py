"""What was found of small-study effects, and what was refused, with the reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SmallStudyTest:
    """One test of funnel-plot asymmetry; without a p value `refused` says why there is none.

    `code` names it: egger, egger_mixed, begg, peters, harbord, arcsine, sample_size (effects on a
    function of the sizes) or size (counts on 1/sqrt of the size, in the mixed model). `slope` and
    its limits are on the model scale per unit of `predictor`; Begg's test has Kendall's tau as
    `statistic` and no slope. `df` None: normal, or exact. `method` and `test` are those of a model
    with an additive variance `tau2`. `direction` is what small studies show, "higher" or "lower"
    effects on the model scale. `assumes` says what the test rests on.
    """

    code: str
    name: str
    assumes: str
    k: int = 0
    predictor: str = ""
    statistic: float | None = None
    df: float | None = None
    p_value: float | None = None
    slope: float | None = None
    se: float | None = None
    low: float | None = None
    high: float | None = None
    tau2: float | None = None
    method: str = ""
    test: str = ""
    direction: str = ""
    notes: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class AdjustedEstimate:
    """A pooled estimate that allows for small-study effects, beside the one that does not.

    `code`: pet, peese, pet_peese, trim_fill_l0, trim_fill_r0, limit, selection_3 or selection_4.
    `estimate` and ci_* are on the natural scale, mu, se and mu_* on the model scale. Without an
    estimate `refused` says why there is none.
    """

    code: str
    name: str
    assumes: str
    k: int = 0
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    mu: float | None = None
    se: float | None = None
    mu_low: float | None = None
    mu_high: float | None = None
    p_value: float | None = None
    tau2: float | None = None
    notes: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class FilledStudy:
    """A reflection that trim and fill adds: yi, vi on the model scale, estimate natural.

    `row` indexes the result's rows: the study it is the reflection of.
    """

    row: int
    yi: float
    vi: float
    estimate: float


@dataclass(frozen=True)
class Filling:
    """Trim and fill by one estimator (L0, R0): `k0` studies are filled in on `side`.

    `side` is left (below the mean, on the model scale) or right; `se_k0` belongs to the estimator
    before it is rounded (None: has none). `p_value` of no missing study is R0's only.
    """

    estimator: str
    side: str
    k0: int
    se_k0: float | None
    p_value: float | None
    studies: tuple[FilledStudy, ...] = ()


@dataclass(frozen=True)
class PublicationChance:
    """How often studies with one-sided p in (above, upto] are published, relative to the first.

    `count` of studies there; the first interval has chance 1 and no limits.
    """

    above: float
    upto: float
    count: int
    chance: float
    se: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Selection:
    """What a step selection model says of publication; `code` as in AdjustedEstimate.

    `favours` is the direction of effects with small p values, "higher" or "lower" on the model
    scale. `lrt` tests, on `df` degrees of freedom, that every chance is the same.
    """

    code: str
    favours: str
    chances: tuple[PublicationChance, ...]
    lrt: float
    df: int
    p_value: float


@dataclass(frozen=True)
class FailSafe:
    """Unseen studies of no effect that would undo the result, by a method; None: `refused`."""

    code: str
    name: str
    studies: int | None = None
    undone: str = ""
    refused: str = ""


@dataclass(frozen=True)
class SmallStudyEffects:
    """Tests of small-study effects and estimates that allow for them; exploratory all of them.

    `reason` says why there is nothing at all (then the other fields are empty). `notes` concern
    every result: heterogeneity, studies alike in size, why significance may not matter. `baseline`
    is the pooled estimate of the effects under `method` and `test`, which the adjusted ones are to
    be compared with where the primary analysis is of another kind.
    """

    k: int
    reason: str = ""
    method: str = ""
    test: str = ""
    notes: tuple[str, ...] = ()
    tests: tuple[SmallStudyTest, ...] = ()
    baseline: AdjustedEstimate | None = None
    adjusted: tuple[AdjustedEstimate, ...] = ()
    fillings: tuple[Filling, ...] = ()
    selections: tuple[Selection, ...] = ()
    fail_safe: tuple[FailSafe, ...] = ()
