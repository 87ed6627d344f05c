"""Mixed-effects meta-regression: effects on a design of moderators, by weighted least squares."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, fdtrc, ndtr, stdtr

from metamill.pooling.heterogeneity import i2_h2
from metamill.pooling.identified import NotIdentified
from metamill.pooling.maxima import power_of_4
from metamill.pooling.predictive import prediction_df, prediction_interval, t_quantile
from metamill.pooling.residual_tau2 import METHODS, Array, Fitted, fitted, residual_tau2
from metamill.pooling.wald import check_level

TESTS = ("z", "t", "knha", "adhoc")

_TOLD_APART = 1e-8
"""What a column must add to those before it, as a share of its size: half the digits of a slope."""
_ON_THE_LINE = 1e-24
"""Weighted sums of squares of residuals below this share of that of the effects are rounding."""


@dataclass(frozen=True)
class RegressionFit:
    """One meta-regression per data set, on the model scale; k studies, p coefficients.

    `b`, `se`, `statistic`, `p_value`, `low`, `high` are (p, m), `covariance` (p, p, m), `weights`
    (k, m) in per cent, the others (m,); without the last axis where `regress` was given one data
    set. What does not exist is nan. `df` is that of the coefficients, k - p, nan for test z.
    `tau2_alone` is tau2 without moderators, `r2` the share of it in per cent that they account for.
    `qe` tests the residual heterogeneity, on `qe_df`; `qm` the coefficients in `tested` together: a
    chi-squared statistic on `qm_df` for test z, else F on `qm_df` and `df`. `dispersion` is
    q = sum w r^2/(k - p), `widened` what the test multiplies the variance by: 1, q, or max(1, q).
    """

    k: int
    method: str
    tested: tuple[int, ...]
    b: Array
    se: Array
    statistic: Array
    p_value: Array
    low: Array
    high: Array
    covariance: Array
    df: Array
    tau2: Array
    tau2_alone: Array
    r2: Array
    i2: Array
    h2: Array
    qe: Array
    qe_df: int
    qe_p: Array
    qm: Array
    qm_df: int
    qm_p: Array
    dispersion: Array
    widened: Array
    weights: Array


@dataclass(frozen=True)
class Predicted:
    """The mean at n points of the design with its limits and those of a new study, each (n,)."""

    mean: Array
    low: Array
    high: Array
    pi_low: Array
    pi_high: Array


def check_design(x: Array, names: Sequence[str]) -> None:
    """Raises NotIdentified, naming the column, where the design does not tell its coefficients.

    x: (k, p), `names` of its columns. Needs k > p, and every column to add at least 1e-8 of its
    size to those before it: a constant column beside the intercept, one that follows from others
    or columns that differ in their last digits only have no coefficient worth printing.
    """
    k, p = x.shape
    before: list[Array] = []
    for column, name in zip(x.T, names, strict=True):
        size = np.abs(column).max(initial=0.0)
        if size == 0:
            raise NotIdentified(f"{name} is zero in every study")
        scaled = column / size
        new = scaled
        for other in before:
            new = new - (other @ new) * other
        length = float(np.sqrt(new @ new))
        if length <= _TOLD_APART * float(np.sqrt(scaled @ scaled)):
            if np.ptp(column) == 0:
                raise NotIdentified(f"{name} is the same in every study")
            raise NotIdentified(
                f"{name} follows from {', '.join(names[: len(before)])}, so that it has no "
                "coefficient of its own"
            )
        before.append(new / length)
    if k <= p:
        raise NotIdentified(f"{k} studies do not tell {p} coefficients and the scatter about them")


def _checked(y: ArrayLike, v: ArrayLike, x: ArrayLike) -> tuple[Array, Array, Array]:
    y, v, x = (np.ascontiguousarray(a, float) for a in (y, v, x))
    if y.shape != v.shape or y.ndim not in (1, 2):
        raise ValueError(f"y has shape {y.shape} and v {v.shape}; both must be (k,) or (k, m)")
    if x.ndim != 2 or x.shape[0] != y.shape[0] or x.shape[1] == 0:
        raise ValueError(f"the design has shape {x.shape}; it must be (k, p) with k = {len(y)}")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise ValueError("effects must be finite and sampling variances finite and positive")
    if not np.isfinite(x).all():
        raise ValueError("the design must be finite: a study without its moderator is left out")
    return y, v, x


def regress(
    y: ArrayLike,
    v: ArrayLike,
    x: ArrayLike,
    method: str = "REML",
    test: str = "adhoc",
    level: float = 95.0,
    names: Sequence[str] = (),
    tested: Sequence[int] | None = None,
) -> RegressionFit:
    """Regress effects y with sampling variances v on the design x.

    y, v: (k,) for one data set or (k, m) for m of them that share x: (k, p), the intercept being a
    column of ones where one is wanted. method: EE or an estimator of the residual tau2
    (`residual_tau2`). test: z, t (k - p degrees of freedom), knha (Knapp and Hartung 2003, doi
    10.1002/sim.1482: t, the covariance times q = sum w r^2/(k - p)) or adhoc (max(1, q)). `names`
    of the columns are for messages. `tested` are the columns that QM tests together, by default
    all but the intercept. R2 = max(0, 1 - tau2/tau2_alone) (Raudenbush 2009); I2 and H2 from tau2
    and the typical variance (k - p)/tr P, for EE from QE. Raises ValueError for input that is not
    data or a level outside (0, 100), KeyError for another method or test, and NotIdentified by
    `check_design`.
    """
    one = np.ndim(y) == 1
    y, v, x = _checked(y, v, x)
    check_level(level)
    if test not in TESTS:
        raise KeyError(test)
    if method not in METHODS:
        raise KeyError(method)
    k, p = x.shape
    check_design(x, names or [f"column {j + 1}" for j in range(p)])
    layout = design_layout(x, tested)
    if one:
        # twice, as numpy sums a single column in another order than several
        y, v = (np.repeat(a[:, None], 2, axis=1) for a in (y, v))
    unit = power_of_4(np.log(v).mean(axis=0))
    y_scaled, v_scaled = y / np.sqrt(unit), v / unit
    tau2 = residual_tau2(y_scaled, v_scaled, layout.design, method)
    at, fixed = (fitted(y_scaled, v_scaled, layout.design, t) for t in (tau2, 0.0))
    df = k - p
    found = coefficients(at, y_scaled, layout, test)
    b, se, root, widened = found.b, found.se, found.root, found.widened
    alone = _alone(y_scaled, v_scaled, x, method, layout.constant)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(alone > 0, 100 * np.maximum(0.0, 1 - tau2 / alone), np.nan)
        if method == "EE":
            i2, h2 = 100 * np.maximum(0.0, 1 - df / fixed.q), fixed.q / df
        else:
            i2, h2 = i2_h2(tau2, df / fixed.trace)
    fit = RegressionFit(
        k=k,
        method=method,
        tested=layout.tested,
        b=b * np.sqrt(unit),
        se=se * np.sqrt(unit),
        covariance=np.einsum("ilm,jlm->ijm", root, root) * unit,
        tau2=tau2 * unit,
        tau2_alone=alone * unit,
        r2=r2,
        i2=i2,
        h2=h2,
        qe=fixed.q,
        qe_df=df,
        qe_p=chdtrc(df, fixed.q),
        dispersion=found.dispersion,
        widened=widened,
        weights=100 * at.w / at.w.sum(axis=0),
        **_inference(b, se, df if test != "z" else None, np.sqrt(unit), level),
        **_together(found.chi_squared, len(layout.tested), df if test != "z" else None),
    )
    return _single(fit) if one else fit


@dataclass(frozen=True)
class Layout:
    """A design as it is fitted: the `tested` columns last, each over a power of 2 next to its size,
    which changes no digit. `constant` columns are intercepts."""

    design: Array
    size: Array
    order: tuple[int, ...]
    tested: tuple[int, ...]
    constant: tuple[int, ...]


def design_layout(x: Array, tested: Sequence[int] | None = None) -> Layout:
    """x: (k, p); tested: as for `regress`."""
    columns = range(x.shape[1])
    constant = [j for j in columns if np.ptp(x[:, j]) == 0]
    if tested is None:
        tested = [j for j in columns if j not in constant] or constant
    size = np.exp2(np.floor(np.log2(np.abs(x).max(axis=0))))
    order = [*(j for j in columns if j not in tested), *tested]
    return Layout((x / size)[:, order], size, tuple(order), tuple(tested), tuple(constant))


@dataclass(frozen=True)
class Coefficients:
    """In the units of the data: b, se (p, m), a root (p, p, m) of the covariance; others (m,).

    `dispersion`, `widened`: as in `RegressionFit`; `chi_squared`: of the tested coefficients.
    """

    b: Array
    se: Array
    root: Array
    dispersion: Array
    widened: Array
    chi_squared: Array


def coefficients(at: Fitted, y: Array, layout: Layout, test: str) -> Coefficients:
    """The coefficients of a fit on `layout.design`, their errors by `test`, and b'C^-1b of those
    tested, which is what they add to the weighted sum of squares."""
    k, p = layout.design.shape
    dispersion = _dispersion(at, y, k - p)
    widened = {"knha": dispersion, "adhoc": np.maximum(1.0, dispersion)}.get(
        test, np.ones_like(dispersion)
    )
    inverse = _inverse(at.upper)[np.argsort(layout.order)] / layout.size[:, None, None]
    root = inverse * np.sqrt(widened)
    with np.errstate(divide="ignore", invalid="ignore"):
        chi_squared = (at.along[p - len(layout.tested) :] ** 2).sum(axis=0) / widened
    b, se = (inverse * at.along).sum(axis=1), np.sqrt((root**2).sum(axis=1))
    return Coefficients(b, se, root, dispersion, widened, chi_squared)


def _dispersion(at: Fitted, y: Array, df: int) -> Array:
    """sum w r^2/(k - p), exactly zero where the residuals are no more than rounding."""
    rounding = _ON_THE_LINE * (at.w * y**2).sum(axis=0)
    return np.where(at.q <= rounding, 0.0, at.q) / df


def _inverse(upper: Array) -> Array:
    """The inverse of upper triangles (p, p, m)."""
    p = len(upper)
    found = np.zeros_like(upper)
    for j in range(p):
        found[j, j] = 1 / upper[j, j]
        for i in range(j - 1, -1, -1):
            rest = sum(upper[i, m] * found[m, j] for m in range(i + 1, j + 1))
            found[i, j] = -rest / upper[i, i]
    return found


def _alone(y: Array, v: Array, x: Array, method: str, constant: Sequence[int]) -> Array:
    """tau2 of the intercept alone; nan without one, and for equal effects."""
    if method == "EE" or not constant:
        return np.full(y.shape[1], np.nan)
    return residual_tau2(y, v, np.ones((len(x), 1)), method)


def _inference(b: Array, se: Array, df: int | None, unit: Array, level: float) -> dict[str, Any]:
    """Statistic, p value and limits of every coefficient by t with df, or normal for None."""
    law = np.inf if df is None else float(df)
    reach = t_quantile(law, 0.5 + level / 200) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = b / se
    below = -np.abs(statistic)
    return {
        "statistic": statistic,
        "p_value": 2 * (ndtr(below) if df is None else stdtr(df, below)),
        "low": (b - reach) * unit,
        "high": (b + reach) * unit,
        "df": np.full(b.shape[1], np.nan if df is None else law),
    }


def _together(chi_squared: Array, count: int, df: int | None) -> dict[str, Any]:
    if df is None:
        return {"qm": chi_squared, "qm_df": count, "qm_p": chdtrc(count, chi_squared)}
    f = chi_squared / count
    return {"qm": f, "qm_df": count, "qm_p": fdtrc(count, df, f)}


def _single(fit: RegressionFit) -> RegressionFit:
    values = {}
    for item in fields(RegressionFit):
        value = getattr(fit, item.name)
        if isinstance(value, np.ndarray):
            value = value[..., 0].item() if value.ndim == 1 else value[..., 0]
        values[item.name] = value
    return RegressionFit(**values)


def predict(
    fit: RegressionFit, points: ArrayLike, level: float = 95.0, kind: str = "t"
) -> Predicted:
    """The mean at points of the design, its interval and that of the effect in a new study there.

    fit: of one data set; points: (n, p), columns as in the design. The interval of the mean has
    the law of the fit's test. kind: of prediction, as for `pool`, with p - 1 degrees of freedom
    fewer: t (k - p, the variance of the test), z (normal), hts (k - p - 1), knha (k - p and the
    variance times q whatever the test); nan for EE, and where it has no degree of freedom. Raises
    ValueError for points of another shape, a fit of several data sets, a level outside (0, 100) and
    an unknown kind.
    """
    at = np.asarray(points, float)
    if np.ndim(fit.b) != 1:
        raise ValueError("a prediction is made from the fit of one data set")
    if at.ndim != 2 or at.shape[1] != len(fit.b):
        raise ValueError(f"points have shape {at.shape}; they must be (n, {len(fit.b)})")
    check_level(level)
    mean = at @ fit.b
    se = np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", at, fit.covariance, at), 0.0))
    law = np.inf if np.isnan(fit.df) else fit.df
    reach = t_quantile(law, 0.5 + level / 200) * se
    hartung = np.sqrt(fit.dispersion / fit.widened) if fit.widened > 0 else 1.0
    pi_df = prediction_df(fit.k - len(fit.b) + 1, kind)
    if fit.method == "EE":
        pi_df = np.full_like(pi_df, np.nan)
    pi_se = se * hartung if kind == "knha" else se
    pi_low, pi_high = prediction_interval(mean, pi_se, fit.tau2, pi_df, level)
    return Predicted(mean, mean - reach, mean + reach, pi_low, pi_high)
