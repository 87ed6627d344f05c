"""Meta-regression robust to dependence within studies: CR2 with Satterthwaite's degrees of freedom.

Tipton 2015 (doi 10.1037/met0000011); Pustejovsky and Tipton 2018 (doi
10.1080/07350015.2016.1247004), eqs. 9 to 16. With the working covariance Phi = diag(phi), weights
W = Phi^-1, M = (X'WX)^-1 and A_j the symmetric adjustment of study j the covariance of b is
sum T_j' e_j e_j' T_j, T_j = A_j W_j X_j M, which is unbiased when the working covariance is right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from metamill.pooling.dependent.rows import Array, Rows, rows, several_studies
from metamill.pooling.identified import NotIdentified

_SINGULAR = 1e-10
_ROUNDING = 1e-20


@dataclass(frozen=True)
class RobustRegression:
    """p coefficients of k rows of n studies; what follows b belongs to its robust covariance.

    `bread` is M (p, p), `own` T_j'Phi_j T_j and `cross` X_j'T_j of every study, (n, p, p). tau2 is
    in the weights (k,), which are per cent; `q` is Cochran's about the regression at tau2 = 0 and
    `expected` its expectation without heterogeneity, nan where the method has its own.
    """

    studies: int
    b: Array
    covariance: Array
    bread: Array
    own: Array
    cross: Array
    tau2: float
    weights: Array
    q: float = float("nan")
    expected: float = float("nan")


def cr2_regression(
    y: ArrayLike, v: ArrayLike, study: ArrayLike, x: ArrayLike, tau2: float
) -> RobustRegression:
    """Weighted least squares with weights 1/(v + tau2) on the design x (k, p).

    y, v, study: (k,), at least two studies; tau2 >= 0 as estimated beforehand. Raises ValueError
    for input that is not data and NotIdentified where the studies lie exactly on the regression.
    """
    data, design = _checked(y, v, study, x)
    return _fit(data, design, data.v + tau2 / data.unit**2, tau2)


def rve_regression(
    y: ArrayLike, v: ArrayLike, study: ArrayLike, x: ArrayLike, rho: float = 0.8
) -> RobustRegression:
    """Robust variance estimation under the correlated-effects model on the design x (k, p).

    Hedges, Tipton and Johnson 2010 (doi 10.1002/jrsm.5), eqs. 15 and 16: every row of study j has
    the weight 1/(k_j (mean v_j + tau2)), tau2 the moment estimate cut at zero with rho in [0, 1]
    the assumed correlation of its sampling errors. Errors as in `cr2_regression`.
    """
    if not 0 <= rho <= 1:
        raise ValueError(f"rho must lie between 0 and 1, not {rho}")
    data, design = _checked(y, v, study, x)
    size = data.size[data.index]
    mean_v = (data.sums(data.v) / data.size)[data.index]
    w = 1 / (size * mean_v)
    bread = np.linalg.inv(design.T @ (w[:, None] * design))
    residual = data.y - design @ (bread @ (design.T @ (w * data.y)))
    q = float((w * residual**2).sum())
    sums = data.sums(design)
    each = w[data.first]
    alone = design.T @ ((w / size)[:, None] * design)
    shared = sums.T @ ((each / data.size)[:, None] * sums) - alone
    expected = len(data.size) - float((bread * alone).sum()) - rho * float((bread * shared).sum())
    squares = sums.T @ ((each**2)[:, None] * sums)
    tau2 = max(0.0, (q - expected) / (float(w.sum()) - float((bread * squares).sum())))
    return _fit(data, design, size * (mean_v + tau2), tau2 * data.unit**2, q, expected)


def _checked(y: ArrayLike, v: ArrayLike, study: ArrayLike, x: ArrayLike) -> tuple[Rows, Array]:
    data, design = rows(y, v, study), np.asarray(x, float)
    if design.ndim != 2 or len(design) != len(data.y) or not np.isfinite(design).all():
        raise ValueError(f"the design has shape {design.shape}; it must be (k, p) and finite")
    several_studies(data)
    return data, design[data.order]


def _fit(
    data: Rows,
    design: Array,
    phi: Array,
    tau2: float,
    q: float = float("nan"),
    expected: float = float("nan"),
) -> RobustRegression:
    size = np.abs(design).max(axis=0)
    x = design / size
    y = data.y + data.start / data.unit
    root, upper = np.linalg.qr(x / np.sqrt(phi)[:, None])
    back = np.linalg.inv(upper)
    bread = back @ back.T
    b = back @ (root.T @ (y / np.sqrt(phi)))
    residual = y - x @ b
    if (residual**2 / phi).sum() <= _ROUNDING * (y**2 / phi).sum():
        raise NotIdentified("the studies lie exactly on the regression: no robust standard error")
    p = x.shape[1]
    own, cross, meat = (np.empty((len(data.size), p, p)) for _ in range(3))
    for j, (first, count) in enumerate(zip(data.first, data.size, strict=True)):
        at = slice(first, first + count)
        t = _adjusted(x[at], phi[at], bread)
        own[j] = t.T @ (phi[at][:, None] * t)
        cross[j] = x[at].T @ t
        score = t.T @ residual[at]
        meat[j] = np.outer(score, score)
    unit = data.unit / size
    both = np.outer(unit, unit)
    return RobustRegression(
        studies=len(data.size),
        b=b * unit,
        covariance=meat.sum(axis=0) * both,
        bread=bread * both,
        own=own * both,
        cross=cross * np.outer(1 / unit, unit),
        tau2=tau2,
        weights=data.unsorted(100 / phi / (1 / phi).sum()),
        q=q,
        expected=expected,
    )


def _adjusted(x: Array, phi: Array, bread: Array) -> Array:
    """T_j = A_j W_j X_j M with A_j = D B^(-1/2) D, D = Phi_j^(1/2).

    B = D (Phi_j - X_j M X_j') D.
    """
    root = np.sqrt(phi)
    inside = root[:, None] * x
    b = np.diag(phi**2) - inside @ bread @ inside.T
    value, vectors = np.linalg.eigh(b)
    kept = value > _SINGULAR * value[-1]
    # what a study alone decides has no residual, and the pseudo-inverse passes it over
    power = np.where(kept, 1 / np.sqrt(np.where(kept, value, 1.0)), 0.0)
    adjust = root[:, None] * ((vectors * power) @ vectors.T) * root
    return adjust @ (x / phi[:, None]) @ bread


def satterthwaite(fit: RobustRegression, contrasts: ArrayLike) -> Array:
    """Degrees of freedom of c'b for every row c of `contrasts` (m, p), shape (m,)."""
    found = []
    for c in np.asarray(contrasts, float):
        d = np.einsum("a,jab,b->j", c, fit.own, c)
        u = fit.cross @ c
        inside = np.einsum("jp,pq,jq->j", u, fit.bread, u)
        between = fit.bread @ (u.T @ u)
        trace = (d - inside).sum()
        squares = (d**2 - 2 * d * inside).sum() + np.trace(between @ between)
        found.append(trace**2 / squares)
    return np.array(found)


def htz(fit: RobustRegression, columns: Sequence[int]) -> tuple[float, int, float, float]:
    """The approximate Hotelling test of some coefficients: F, its degrees of freedom, p.

    Pustejovsky and Tipton 2018, eqs. 12 to 16, with eta from the variance of the whole matrix
    (HTZ). Raises NotIdentified where eta leaves no degrees of freedom.
    """
    which = list(columns)
    q = len(which)
    own = fit.own[:, which][:, :, which]
    half = fit.cross[:, :, which]
    expected = (own - np.einsum("jpa,pq,jqb->jab", half, fit.bread, half)).sum(axis=0)
    value, vectors = np.linalg.eigh(expected)
    root = (vectors / np.sqrt(value)) @ vectors.T
    d = np.einsum("ca,jcd,db->jab", root, own, root)
    u = half @ root
    inside = np.einsum("jpa,pq,jqb->jab", u, fit.bread, u)
    outer = np.einsum("jpa,jqb->abpq", u, u)
    variance = 0.0
    for i in range(q):
        for j in range(q):
            m_ij, m_ji = fit.bread @ outer[i, j], fit.bread @ outer[j, i]
            same = d[:, i, i] * d[:, j, j] - d[:, i, i] * inside[:, j, j]
            variance += (same - d[:, j, j] * inside[:, i, i]).sum() + np.trace(m_ij @ m_ji)
            variance += (d[:, i, j] ** 2 - 2 * d[:, i, j] * inside[:, i, j]).sum()
            variance += np.trace(m_ji @ m_ji)
    eta = q * (q + 1) / variance
    df = float(eta - q + 1)
    if not df > 0:
        raise NotIdentified("too few studies tell the moderators together apart")
    b = fit.b[which]
    statistic = float(b @ np.linalg.solve(fit.covariance[np.ix_(which, which)], b))
    f = df / (eta * q) * statistic
    return float(f), q, df, float(fdtrc(q, df, f))
