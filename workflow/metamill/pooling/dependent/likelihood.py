"""The (restricted) likelihood of the three-level model, its derivatives and its maxima.

y_ij = mu + u_j + w_ij + e_ij with Var u = b (between studies), Var w = w (within studies) and
Cov(e_j) = V_j known. Rotating the rows of each study to the eigenvectors of V_j once turns its
covariance into diag(lam + w) + b x x', whatever b and w, x being the rotated column of ones. What
is left needs sums over rows only (Sherman and Morrison): with a = x/(lam + w), A = x'a and the
weighted study mean m = a'y/A, a study contributes m with variance b + 1/A, and deviations from m
that b does not enter. Parameters are theta = (b, w), both >= 0.
"""

from dataclasses import dataclass

import numpy as np

from metamill.pooling.dependent.rows import Array, Rows
from metamill.pooling.identified import NotIdentified

BETWEEN, WITHIN = 0, 1

_STEPS = 300
_SETTLED = 1e-13
_KKT = 1e-6
_FLAT = 1e-10
_SINGULAR = 1e-12
_LEAST, _MOST = 1e-3, 4.0
_PER_DECADE, _FEWEST, _POINTS = 2, 8, 40


@dataclass(frozen=True)
class Model:
    """Rotated rows: y, x and eigenvalues lam, (k,); `turns` holds each study's eigenvectors."""

    data: Rows
    y: Array
    x: Array
    lam: Array
    turns: tuple[Array | None, ...]
    restricted: bool
    axis: Array

    def unrotated(self, values: Array) -> Array:
        """(k,) values back in the sorted rows of `data`."""
        result = values.copy()
        for first, size, turn in zip(self.data.first, self.data.size, self.turns, strict=True):
            if turn is not None:
                at = slice(first, first + size)
                result[at] = turn @ values[at]
        return result


def model(data: Rows, rho: float, restricted: bool) -> Model:
    """Rotate the rows; rho in [0, 1) correlates the sampling errors of a study."""
    y, x, lam = data.y.copy(), np.ones_like(data.y), data.v.copy()
    turns: list[Array | None] = [None] * len(data.size)
    if rho > 0:
        for j in np.flatnonzero(data.size > 1):
            at = slice(data.first[j], data.first[j] + data.size[j])
            s = np.sqrt(data.v[at])
            block = (1 - rho) * np.diag(data.v[at]) + rho * np.outer(s, s)
            lam[at], turn = np.linalg.eigh(block)
            if lam[at].min() <= _SINGULAR * lam[at].max():
                raise NotIdentified(
                    f"the sampling errors of study {data.codes[j]} have a singular covariance: its "
                    "variances are too far apart, or rho is too near 1"
                )
            y[at], x[at], turns[j] = turn.T @ data.y[at], turn.sum(axis=0), turn
    least = _LEAST * lam.min()
    most = max(_MOST * np.ptp(data.y) ** 2, 10 * least)
    points = int(np.clip(_FEWEST + _PER_DECADE * np.log10(most / least), _FEWEST, _POINTS))
    axis = np.append(0.0, np.geomspace(least, most, points))
    return Model(data, y, x, lam, tuple(turns), restricted, axis)


@dataclass(frozen=True)
class Moments:
    """Sums at one or many theta; rows first, then theta. Names as in the head of this file."""

    d: Array
    a: Array
    big_a: Array
    shrink: Array
    weight: Array
    total: Array
    mu: Array
    residual: Array
    deviation: Array
    q: Array
    logdet: Array


def moments(m: Model, b: Array, w: Array) -> Moments:
    """b and w of shape (g,): `weight`, S_j = 1/(b + 1/A_j), is (n, g); mu, q, logdet are (g,)."""
    data = m.data
    x, y = m.x[:, None], m.y[:, None]
    d = m.lam[:, None] + w
    a = x / d
    big_a = data.sums(x * a)
    mean = data.sums(a * y) / big_a
    shrink = 1 / (1 + b * big_a)
    weight = big_a * shrink
    total = weight.sum(axis=0)
    mu = (weight * mean).sum(axis=0) / total
    alone = (data.size == 1)[data.index][:, None]
    deviation = np.where(alone, 0.0, y - x * mean[data.index])
    residual = mean - mu
    q = (deviation**2 / d).sum(axis=0) + (weight * residual**2).sum(axis=0)
    logdet = np.log(d).sum(axis=0) + np.log1p(b * big_a).sum(axis=0)
    return Moments(d, a, big_a, shrink, weight, total, mu, residual, deviation, q, logdet)


def _height(m: Model, at: Moments) -> Array:
    value = -0.5 * (at.logdet + at.q)
    return value - 0.5 * np.log(at.total) if m.restricted else value


def loglik(m: Model, b: Array, w: Array) -> Array:
    """The (restricted) log-likelihood with mu profiled out, up to a constant, shape (g,)."""
    return _height(m, moments(m, b, w))


@dataclass(frozen=True)
class Derivatives:
    """Value, score (2,), Hessian and expected information (2, 2) in theta."""

    value: float
    score: Array
    hessian: Array
    information: Array


def derivatives(m: Model, theta: Array) -> Derivatives:
    """Score -tr(PK)/2 + y'PKPy/2 and Hessian tr(PKPK')/2 - y'PKPK'Py (Searle et al. 1992, 6.6).

    K is 1 1' in each study for b and the identity for w; for maximum likelihood W = M^-1 stands
    in the traces instead of P.
    """
    at = moments(m, theta[:1], theta[1:])
    sums = m.data.sums
    b = theta[BETWEEN]
    d, a, big_a = at.d[:, 0], at.a[:, 0], at.big_a[:, 0]
    u, s, total = at.shrink[:, 0], at.weight[:, 0], at.total[0]
    mean, index = at.residual[:, 0], m.data.index
    aa, aaa = sums(a**2), sums(a**2 / d)
    wx = a * u[index]
    g = at.deviation[:, 0] / d + wx * mean[index]
    a_g = sums(a * g)

    trace_w = (u[index] / d * (1 + b * (big_a[index] - m.x * a))).sum()
    norm = u**2 * aa
    cubic = u**2 * (aaa - b * u * aa**2)
    frobenius = sums(1 / d**2) - 2 * b * u * aaa + (b * u * aa) ** 2
    trace = np.array([s.sum(), trace_w])
    bb, bw, ww = (s**2).sum(), norm.sum(), frobenius.sum()
    if m.restricted:
        s2, n2 = (s**2).sum() / total, norm.sum() / total
        trace = trace - np.array([s2, n2])
        bb += s2**2 - 2 * (s**3).sum() / total
        bw += s2 * n2 - 2 * (s * norm).sum() / total
        ww += n2**2 - 2 * cubic.sum() / total
    # x'g of a study is t, and x'W g is u a'g; h_b = x t and h_w = g give y'PK.
    t, xwg = s * mean, u * a_g
    lead_b, lead_w = (t * s).sum(), xwg.sum()
    quad_bb = (t**2 * s).sum() - lead_b**2 / total
    quad_bw = (t * xwg).sum() - lead_b * lead_w / total
    quad_ww = (g**2 / d).sum() - (b * u * a_g**2).sum() - lead_w**2 / total
    information = 0.5 * np.array([[bb, bw], [bw, ww]])
    quadratic = np.array([[quad_bb, quad_bw], [quad_bw, quad_ww]])
    score = 0.5 * (np.array([(t**2).sum(), (g**2).sum()]) - trace)
    return Derivatives(float(_height(m, at)[0]), score, information - quadratic, information)


def _standard_errors(at: Derivatives) -> Array:
    """Roots of the information about each variance; NotIdentified where rounding left none."""
    information = np.diag(at.information)
    if not (np.isfinite(information).all() and (information > 0).all()):
        raise NotIdentified("effects or variances are too far apart for a three-level model")
    return np.sqrt(information)


def _direction(at: Derivatives, free: Array) -> Array:
    """A Newton step where the likelihood is concave in the free parameters, else a scoring step."""
    step = np.zeros(2)
    part = np.ix_(free, free)
    scale = _standard_errors(at)[free]
    for matrix in (-at.hessian, at.information):
        scaled = matrix[part] / np.outer(scale, scale)
        if np.linalg.eigvalsh(scaled)[0] > _FLAT:
            step[free] = np.linalg.solve(scaled, at.score[free] / scale) / scale
            return step
    step[free] = at.score[free] / scale**2
    return step


def ascend(m: Model, theta: Array, movable: Array) -> tuple[Array, Derivatives]:
    """The local maximum uphill of theta over the `movable` parameters, both kept >= 0.

    Verified at the end: the standardised score is zero for a positive parameter and not positive
    for one at zero. Raises NotIdentified otherwise.
    """
    at = derivatives(m, theta)
    last = np.inf
    for _ in range(_STEPS):
        free = movable & ((theta > 0) | (at.score > 0))
        if not free.any():
            break
        step = _direction(at, free)
        slack = 1e-13 * (1 + abs(at.value))
        length = 1.0
        while True:
            following = np.maximum(theta + length * step, 0.0)
            then = derivatives(m, following)
            if then.value >= at.value - slack or length < 1e-12:
                break
            length /= 2
        moved = np.abs(following - theta)
        relative = float((moved / (following + _SETTLED * m.lam.min())).max())
        theta, at = following, then
        # Below 1e-8 a step that does not shrink any more is rounding.
        if relative <= _SETTLED or (relative < 1e-8 and relative > 0.5 * last):
            break
        last = relative
    standard = at.score / _standard_errors(at)
    wrong = movable & np.where(theta > 0, np.abs(standard) > _KKT, standard > _KKT)
    if wrong.any():
        raise NotIdentified("the likelihood of the variance components did not converge")
    return theta, at


def _peaks(heights: Array) -> Array:
    """Indices of the grid points not below any neighbour, highest first, at most a dozen."""
    padded = np.pad(heights, 1, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3,) * heights.ndim)
    around = windows.max(axis=tuple(range(heights.ndim, 2 * heights.ndim)))
    found = np.argwhere(heights >= around)
    return found[np.argsort(-heights[tuple(found.T)], kind="stable")][:12]


def surface(m: Model) -> Array:
    """Log-likelihood on axis by axis, (between, within)."""
    b, w = (part.ravel() for part in np.meshgrid(m.axis, m.axis, indexing="ij"))
    return loglik(m, b, w).reshape(len(m.axis), -1)


def maximise(m: Model, heights: Array) -> tuple[Array, Derivatives]:
    """theta at the highest maximum: every peak of the grid, edges included, is climbed.

    Raises ArithmeticError if a climb does not end in a maximum, and NotIdentified where the
    likelihood is flat there.
    """
    climbed = [ascend(m, m.axis[peak], np.array([True, True])) for peak in _peaks(heights)]
    theta, at = max(climbed, key=lambda end: end[1].value)
    positive = theta > 0
    if positive.any():
        scale = np.sqrt(np.diag(at.information)[positive])
        curvature = -at.hessian[np.ix_(positive, positive)] / np.outer(scale, scale)
        if np.linalg.eigvalsh(curvature)[0] <= _FLAT:
            raise NotIdentified("the likelihood of the variance components is flat at its maximum")
    return theta, at


def profile(m: Model, which: int, value: float) -> Derivatives:
    """At theta[which] = value the highest maximum over the other parameter."""
    pairs = [np.full_like(m.axis, value), m.axis]
    heights = loglik(m, *(pairs if which == BETWEEN else pairs[::-1]))
    movable = np.arange(2) != which
    ends = []
    for peak in _peaks(heights):
        start = np.where(movable, m.axis[peak], value)
        ends.append(ascend(m, start, movable)[1])
    return max(ends, key=lambda end: end.value)
