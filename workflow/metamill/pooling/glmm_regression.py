"""Meta-regression in the mixed models: counts on a design of moderators, by maximum likelihood.

The effect of study i is theta_i = x_i b + tau z_i, z standard normal, and its counts follow as in
`glmm`: events ~ Binomial(total, expit(theta)) or events ~ Poisson(time exp(theta)). With a column
of ones as the design this is the pooled model. Subgroups that share one tau2 are a design of their
indicators; a test of small-study effects is one of a moderator such as 1/sqrt(total).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, fdtrc

from metamill.pooling.glmm import proportion_studies, rate_studies
from metamill.pooling.glmm_families import Array, Studies, refusal, saturated, slopes
from metamill.pooling.glmm_fit import check_question
from metamill.pooling.glmm_quadrature import modes
from metamill.pooling.glmm_regression_maximum import Peak, highest
from metamill.pooling.glmm_separation import separation
from metamill.pooling.identified import NotIdentified
from metamill.pooling.regression import RegressionFit, check_design
from metamill.pooling.wald import wald

_OF_WALD = ("statistic", "p_value", "low", "high")


@dataclass(frozen=True)
class MixedRegressionFit(RegressionFit):
    """A meta-regression of counts; k studies, p coefficients on the link scale (logit, log rate).

    Fields of RegressionFit for one data set: arrays (p,), `covariance` (p, p), `weights` (k,), the
    others numbers. `df` is k - p, nan for test z. `tau2` is the residual variance, `r2` the share
    in per cent by which it is below `tau2_alone`, that of the intercept alone (nan where that is
    zero or not identified, or the design has no intercept). `qm` is the Wald test of the columns
    in `tested` (chi-squared on `qm_df` for test z, else F on `qm_df` and `df`), `lrt` their
    likelihood-ratio test: chi-squared on `lrt_df`, nan where no column would be left without them.
    `qe` is the likelihood ratio of the design without random effects against one effect per study,
    on `qe_df`; `lrt_tau2` that of tau2 = 0, whose p value is half that of chi-squared with one
    degree of freedom (1 where tau2 = 0). `weights` are information weights as in GLMMFit. `i2`,
    `h2` and `dispersion` have no meaning for counts and are nan; `widened` is 1.
    """

    lrt: float
    lrt_df: int
    lrt_p: float
    lrt_tau2: float
    lrt_tau2_p: float
    loglik: float


def regress_proportions(
    events: ArrayLike,
    totals: ArrayLike,
    x: ArrayLike,
    level: float = 95.0,
    test: str = "t",
    names: Sequence[str] = (),
    tested: Sequence[int] | None = None,
) -> MixedRegressionFit:
    """Regress the logit of `events` out of `totals`, each (k,), on the design x (k, p).

    The intercept is a column of ones where one is wanted. Counts may be fractional. test: "t"
    (k - p degrees of freedom) or "z"; level: per cent. `names` of the columns are for messages;
    `tested` are the columns that QM and the likelihood-ratio test take together, by default all but
    the intercept. `regression.predict` gives means and limits at points of the design. Raises
    ValueError for input that is not data and NotIdentified, with the column named, for a design
    that does not tell its coefficients, for separation (a group with no event, or with nothing
    else) and where the likelihood has no interior maximum.
    """
    return regress_studies(proportion_studies(events, totals), x, level, test, names, tested)


def regress_rates(
    events: ArrayLike,
    times: ArrayLike,
    x: ArrayLike,
    level: float = 95.0,
    test: str = "t",
    names: Sequence[str] = (),
    tested: Sequence[int] | None = None,
) -> MixedRegressionFit:
    """Regress the log rate of `events` in `times` (person-time), each (k,), on the design x (k, p).

    Arguments and errors as in `regress_proportions`.
    """
    return regress_studies(rate_studies(events, times), x, level, test, names, tested)


def regress_studies(
    studies: Studies,
    x: ArrayLike,
    level: float = 95.0,
    test: str = "t",
    names: Sequence[str] = (),
    tested: Sequence[int] | None = None,
) -> MixedRegressionFit:
    """Regress the effects of `studies` of any family on x (k, p), one row per informative study.

    Arguments and errors as in `regress_proportions`.
    """
    check_question(level, test)
    design = _checked(x, len(studies.x))
    k, p = design.shape
    names = list(names) or [f"column {j + 1}" for j in range(p)]
    if len(names) != p:
        raise ValueError(f"{len(names)} names were given for {p} columns")
    reason = refusal(studies)
    if reason is not None:
        raise NotIdentified(reason)
    check_design(design, names)
    reason = separation(studies, design, names)
    if reason is not None:
        raise NotIdentified(reason)
    constant = [j for j in range(p) if np.ptp(design[:, j]) == 0]
    if tested is None:
        tested = [j for j in range(p) if j not in constant] or constant
    if not tested or len(set(tested)) < len(tested) or not set(tested) <= set(range(p)):
        raise ValueError(f"tested must name some of the columns 0 to {p - 1}, once, not {tested}")
    top = highest(studies, design)
    df = k - p if test == "t" else None
    se = np.sqrt(np.diag(top.covariance))
    rest = [j for j in range(p) if j not in tested]
    intercept = top if p == len(constant) else _peak(studies, design[:, constant])
    without = intercept if rest == constant else _peak(studies, design[:, rest])
    alone = float("nan") if intercept is None else intercept.tau**2
    r2 = 100 * max(0.0, 1 - top.tau**2 / alone) if alone > 0 else float("nan")
    qe = max(0.0, 2 * (float(saturated(studies).sum()) - top.value_common))
    lrt_tau2 = max(0.0, 2 * (top.value - top.value_common)) if top.tau > 0 else 0.0
    told = [wald(b, error, df or np.inf, level) for b, error in zip(top.b, se, strict=True)]
    # plain numbers where RegressionFit has arrays, as it does for one data set itself
    numbers: dict[str, Any] = {
        "df": float("nan") if df is None else float(df),
        "tau2": top.tau**2,
        "tau2_alone": alone,
        "r2": r2,
        "i2": float("nan"),
        "h2": float("nan"),
        "qe": qe,
        "qe_df": k - p,
        "qe_p": float(chdtrc(k - p, qe)),
        "dispersion": float("nan"),
        "widened": 1.0,
        "lrt_tau2": lrt_tau2,
        "lrt_tau2_p": 0.5 * float(chdtrc(1, lrt_tau2)) if top.tau > 0 else 1.0,
        "loglik": top.value + studies.constant,
        **{name: np.array([getattr(each, name) for each in told]) for name in _OF_WALD},
        **_together(top, tested, df),
        **_ratio(top, without, len(tested)),
    }
    return MixedRegressionFit(
        k=k,
        method="GLMM",
        tested=tuple(tested),
        b=top.b,
        se=se,
        covariance=top.covariance,
        weights=_weights(studies, design, top),
        **numbers,
    )


def _checked(x: ArrayLike, k: int) -> Array:
    design = np.ascontiguousarray(x, float)
    if design.ndim != 2 or design.shape[0] != k or design.shape[1] == 0:
        raise ValueError(f"the design has shape {design.shape}; it must be (k, p) with k = {k}")
    if not np.isfinite(design).all():
        raise ValueError("the design must be finite: a study without its moderator is left out")
    return design


def _peak(studies: Studies, design: Array) -> Peak | None:
    """The maximum with this design; None for one without columns, and where there is none."""
    try:
        return highest(studies, design) if design.shape[1] else None
    except NotIdentified:
        return None


def _together(top: Peak, tested: Sequence[int], df: int | None) -> dict[str, Any]:
    """b'C^-1b of the columns tested, as chi-squared, or as F where there are degrees of freedom."""
    columns = list(tested)
    b, covariance = top.b[columns], top.covariance[np.ix_(columns, columns)]
    # in units of the standard errors, so that the units of the columns do not matter
    size = np.sqrt(np.diag(covariance))
    along = np.linalg.solve(np.linalg.cholesky(covariance / np.outer(size, size)), b / size)
    count, statistic = len(columns), float(along @ along)
    if df is None:
        return {"qm": statistic, "qm_df": count, "qm_p": float(chdtrc(count, statistic))}
    f = statistic / count
    return {"qm": f, "qm_df": count, "qm_p": float(fdtrc(count, df, f))}


def _ratio(top: Peak, without: Peak | None, count: int) -> dict[str, Any]:
    """Likelihood-ratio test of `count` columns, tau2 estimated with and without them."""
    if without is None:
        return {"lrt": float("nan"), "lrt_df": count, "lrt_p": float("nan")}
    lrt = max(0.0, 2 * (top.value - without.value))
    return {"lrt": lrt, "lrt_df": count, "lrt_p": float(chdtrc(count, lrt))}


def _weights(studies: Studies, design: Array, top: Peak) -> Array:
    """1/(tau2 + 1/information) at the posterior modes, in per cent."""
    mean = (design @ top.b)[:, None]
    theta = modes(studies, mean, np.array(top.tau), 1e-8) if top.tau > 0 else mean
    information = slopes(studies, theta)[1][:, 0]
    weights = information / (1 + top.tau**2 * information)
    return 100 * weights / weights.sum()
