"""Very many fits to subsets of the same studies: every study's log-likelihood as a polynomial.

A subset's log-likelihood is the sum of those of its studies, so what is known of each study as a
function of (mu, tau) is known of every subset by a product of matrices. The coordinate of tau is
s = log(1 + tau^2/c^2), c the smallest standard error of a study: for a normal likelihood of
variance v >= c^2, a function of v + tau^2, the strip |Im s| < pi holds no singularity, and tau = 0
is the plain edge s = 0. A coarse grid finds the maxima of each subset; around them the functions
are interpolated at Chebyshev points in cells of (mu, s), on which Newton's method costs little.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.glmm_cells import WIDTH, Cell, cell_of, climb, tau_of
from metamill.pooling.glmm_families import (
    Array,
    Studies,
    bounds,
    loglik,
    refusal,
    slopes,
    take,
)
from metamill.pooling.glmm_maximum import TAU_MAX, Maximum, maximise
from metamill.pooling.glmm_quadrature import along_mu, coarse_nodes, rows_at_once
from metamill.pooling.identified import NotIdentified

_GRID_S, _GRID_MU, _BEYOND = 0.5, 0.125, 1.5
_BLOCK = 1024
# a maximum of the grid this much lower than another is not the higher one; its height comes from a
# parabola, whose error is a part of what that adds
_DOUBT, _DOUBT_OF_GAIN = 0.5, 0.1
_MOVES = 8


@dataclass(frozen=True)
class Surface:
    """The coarse grid of `studies`, from which `fits` goes on, and the scale c of tau.

    `mu` (M,) evenly spaced, `s` (S,) from 0 to that of TAU_MAX, `heights` (k, S M) the
    log-likelihood of every study there, to about five digits.
    """

    studies: Studies
    scale: float
    mu: Array
    s: Array
    heights: Array


def surface(studies: Studies) -> Surface:
    """The coarse grid, wide enough for the effects of the studies and 1.5 beyond."""
    k = len(studies.x)
    range_of_own = np.linspace(studies.own.min(), studies.own.max(), 17)
    sharpest = slopes(studies, np.broadcast_to(range_of_own, (k, 17)))[1].max()
    scale = 1 / float(np.sqrt(max(sharpest, studies.information.max())))
    top = float(np.log1p((TAU_MAX / scale) ** 2))
    s = np.linspace(0.0, top, 2 + int(top / _GRID_S))
    low, high = studies.own.min() - _BEYOND, studies.own.max() + _BEYOND
    mu = np.linspace(low, high, 2 + int((high - low) / _GRID_MU))
    heights = np.empty((k, len(s), len(mu)))
    heights[:, 0] = loglik(studies, np.broadcast_to(mu, (k, len(mu))))
    taus = tau_of(s[1:], scale)
    each = max(1, rows_at_once(studies, 13) // len(mu))
    for i in range(0, len(taus), each):
        tau = np.repeat(taus[i : i + each], len(mu))
        mus = np.tile(mu, len(tau) // len(mu))
        found = along_mu(coarse_nodes(studies, mus, tau), mus, tau)[0]
        heights[:, 1 + i : 1 + i + each] = found.T.reshape(k, -1, len(mu))
    return Surface(studies, scale, mu, s, heights.reshape(k, -1))


def identified(studies: Studies, inside: Array) -> Array:
    """Whether nothing is plainly missing (`refusal`) in each subset; inside: (m, k), gives (m,)."""
    fewer, more = bounds(studies)
    facts = np.stack([np.ones_like(fewer), fewer > 0, more > 0, fewer + more > 1], axis=1)
    enough = np.array([2, 1, 1, 1])
    blocks = range(0, len(inside), _BLOCK)
    told = [(inside[i : i + _BLOCK] @ facts >= enough).all(axis=1) for i in blocks]
    return np.concatenate(told) if told else np.zeros(0, bool)


def alone(studies: Studies) -> Maximum | None:
    """The maximum, or None where the studies do not identify one."""
    try:
        return maximise(studies) if refusal(studies) is None else None
    except NotIdentified:
        return None


def surface_fits(studies: Studies, keep: ArrayLike) -> tuple[Array, Array, Array]:
    """mu, its standard error and tau2 (m,) of m subsets of the studies; keep: (k, m) of 0 and 1.

    As good as one fit per subset (1e-7), at some hundredth of its cost; a subset whose maximum lies
    at the edge of the surface, or where the surface is not good enough, is fitted alone. nan where
    a subset identifies nothing. Raises ValueError for another shape of keep or other numbers.
    """
    inside = checked(studies, keep)
    fits = np.full((3, len(inside)), np.nan)
    known = np.flatnonzero(identified(studies, inside))
    if len(known) == 0:
        return fits[0], fits[1], fits[2]
    part = inside[known]
    look = surface(studies)
    row, mu, s = _candidates(look, part)
    at = _ends(look, part, row, mu, s)
    order = np.lexsort((-at[0], row))
    first = order[np.append(True, np.diff(row[order]) > 0)]
    fits[:, known[row[first]]] = at[1:, first]
    # a candidate that went astray may have been the highest
    fits[:, known[row[~np.isfinite(at).all(axis=0)]]] = np.nan
    for column in known[~np.isfinite(fits[0, known])]:
        single = alone(take(studies, inside[column]))
        if single is not None:
            error = np.sqrt(single.covariance[0, 0])
            fits[:, column] = single.mu, error, single.tau**2
    return fits[0], fits[1], fits[2]


def checked(studies: Studies, keep: ArrayLike) -> Array:
    """keep (k, m) as truth values (m, k); ValueError unless it has a row per study, of 0 and 1."""
    given = np.asarray(keep)
    if given.ndim != 2 or len(given) != len(studies.x):
        raise ValueError("keep must have one row per study, and hold 0 and 1 only")
    inside = np.ascontiguousarray(given.T == 1)
    if not (given == inside.T).all():
        raise ValueError("keep must have one row per study, and hold 0 and 1 only")
    return inside


def _candidates(look: Surface, inside: Array) -> tuple[Array, Array, Array]:
    """Row, mu and s (n,) near every local maximum of each subset that may be its highest.

    At each s the log-likelihood is concave in mu; its top is that of a parabola through the
    highest point of the grid and its neighbours.
    """
    wide = len(look.mu)
    found = []
    for start in range(0, len(inside), _BLOCK):
        part = inside[start : start + _BLOCK].astype(float)
        heights = (part @ look.heights).reshape(-1, wide)
        best = heights.argmax(axis=1)
        edge = (best == 0) | (best == wide - 1)
        best = np.clip(best, 1, wide - 2)
        lines = np.arange(len(best))
        below, here, above = (heights[lines, best + j] for j in (-1, 0, 1))
        bend = np.maximum(2 * here - below - above, 1e-300)
        shift = np.clip(0.5 * (above - below) / bend, -1, 1)
        gain = 0.25 * (above - below) * shift
        gain = np.where(edge, 0.0, np.maximum(gain, 0.0))
        mu = look.mu[best] + shift * (look.mu[1] - look.mu[0])
        mu = np.where(edge, np.nan, mu).reshape(len(part), -1)
        tops = (here + gain).reshape(len(part), -1)
        slack = _DOUBT + _DOUBT_OF_GAIN * gain.reshape(len(part), -1)
        padded = np.pad(tops, ((0, 0), (1, 1)), constant_values=-np.inf)
        peak = (tops >= padded[:, :-2]) & (tops >= padded[:, 2:])
        peak &= tops + slack >= tops.max(axis=1, keepdims=True)
        row, at = np.nonzero(peak)
        s = look.s[at]
        inner = (at > 0) & (at < len(look.s) - 1)
        left, mid, right = (tops[row[inner], at[inner] + j] for j in (-1, 0, 1))
        curve = np.maximum(2 * mid - left - right, 1e-300)
        s[inner] += np.clip(0.5 * (right - left) / curve, -1, 1) * (look.s[1] - look.s[0])
        mu_at = np.where(at == len(look.s) - 1, np.nan, mu[row, at])
        found.append((row + start, mu_at, s))
    if not found:
        return np.zeros(0, int), np.zeros(0), np.zeros(0)
    row, mu, s = (np.concatenate(values) for values in zip(*found, strict=True))
    return row, mu, s


def _ends(look: Surface, inside: Array, rows: Array, mu: Array, s: Array) -> Array:
    """Value, mu, se and tau2 (4, n) at the end of each climb; nan where there is none."""
    out = np.full((4, len(rows)), np.nan)
    cells: dict[tuple[int, int], Cell] = {}
    live = np.flatnonzero(np.isfinite(mu))
    for _ in range(_MOVES):
        away = []
        for which, members in _by_cell(look, mu, s, live):
            if which not in cells:
                low = look.mu[0] + which[0] * WIDTH
                cells[which] = cell_of(look.studies, look.scale, low, which[1] * WIDTH)
            for i in range(0, len(members), _BLOCK):
                part = members[i : i + _BLOCK]
                ends = climb(cells[which], inside[rows[part]].astype(float), mu[part], s[part])
                mu[part], s[part] = ends.mu, ends.s
                stay = part[ends.settled]
                out[:, stay] = np.stack(
                    [ends.value, ends.mu, ends.se, tau_of(ends.s, look.scale) ** 2]
                )[:, ends.settled]
                away.append(part[ends.left])
        live = np.concatenate(away) if away else np.zeros(0, int)
        if len(live) == 0:
            break
    return out


def _by_cell(
    look: Surface, mu: Array, s: Array, live: Array
) -> Iterator[tuple[tuple[int, int], Array]]:
    """The cells that candidates lie in, and which these are; none for those beyond the grid."""
    inside = (mu[live] >= look.mu[0]) & (mu[live] <= look.mu[-1])
    live = live[inside & (s[live] >= 0) & (s[live] <= look.s[-1])]
    across = np.floor((mu[live] - look.mu[0]) / WIDTH).astype(int)
    up = np.floor(s[live] / WIDTH).astype(int)
    for i, j in sorted(set(zip(across.tolist(), up.tolist(), strict=True))):
        yield (i, j), live[(across == i) & (up == j)]
