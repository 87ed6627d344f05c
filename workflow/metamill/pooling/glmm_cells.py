"""Log-likelihoods of studies as polynomials of (mu, s) in a cell, and Newton's method on sums.

s = log(1 + tau^2/scale^2), see `glmm_surface`. Interpolation at Chebyshev points converges
exponentially for functions that are analytic around the cell.
"""

from dataclasses import dataclass

import numpy as np

from metamill.pooling.glmm_families import Array, Studies
from metamill.pooling.glmm_maximum import SINGULAR
from metamill.pooling.glmm_quadrature import values

POINTS = 18
WIDTH, _MARGIN = 1.5, 0.3
_ROUNDS = 40
_CLOSE = 1e-8
_ACCURATE = 1e-6


def tau_of(s: Array, scale: float) -> Array:
    """The standard deviation at the coordinate s."""
    return scale * np.sqrt(np.expm1(s))


@dataclass(frozen=True)
class Cell:
    """Coefficients (k, POINTS^2) of products of Chebyshev polynomials, mu times s.

    `tails` (k,) are the largest of the last coefficients, which say how near each study's
    polynomial is to its log-likelihood.
    """

    coefficients: Array
    tails: Array
    mu_middle: float
    mu_half: float
    s_middle: float
    s_half: float


def cell_of(studies: Studies, scale: float, mu_low: float, s_low: float) -> Cell:
    """The cell from (mu_low, s_low) on, WIDTH a side, and its margins."""
    mu_low, mu_high = mu_low - _MARGIN, mu_low + WIDTH + _MARGIN
    s_low, s_high = max(0.0, s_low - _MARGIN), s_low + WIDTH + _MARGIN
    angles = (np.arange(POINTS) + 0.5) * np.pi / POINTS
    at = np.cos(angles)
    mu = 0.5 * (mu_low + mu_high) + 0.5 * (mu_high - mu_low) * at
    s = 0.5 * (s_low + s_high) + 0.5 * (s_high - s_low) * at
    mus, taus = np.tile(mu, POINTS), np.repeat(tau_of(s, scale), POINTS)
    heights = values(studies, mus, taus).T.reshape(-1, POINTS, POINTS).swapaxes(1, 2)
    turn = np.cos(np.arange(POINTS)[:, None] * angles) * (2 / POINTS)
    turn[0] /= 2
    coefficients = turn @ heights @ turn.T
    last = np.maximum(np.abs(coefficients[:, -2:]), np.abs(coefficients[:, :, -2:]).swapaxes(1, 2))
    return Cell(
        coefficients.reshape(len(heights), -1),
        last.max(axis=(1, 2)),
        0.5 * (mu_low + mu_high),
        0.5 * (mu_high - mu_low),
        0.5 * (s_low + s_high),
        0.5 * (s_high - s_low),
    )


def _chebyshev(x: Array) -> Array:
    """T_n, its first and second derivative at x (m,): (m, points, 3)."""
    out = np.zeros((3, POINTS, len(x)))
    out[0, 0], out[0, 1], out[1, 1] = 1.0, x, 1.0
    for n in range(2, POINTS):
        out[0, n] = 2 * x * out[0, n - 1] - out[0, n - 2]
        out[1, n] = 2 * (out[0, n - 1] + x * out[1, n - 1]) - out[1, n - 2]
        out[2, n] = 2 * (2 * out[1, n - 1] + x * out[2, n - 1]) - out[2, n - 2]
    return np.ascontiguousarray(out.transpose(2, 1, 0))


@dataclass(frozen=True)
class Ends:
    """Where each climb ended, (m,): settled at a maximum, left for another cell, or neither."""

    mu: Array
    s: Array
    value: Array
    se: Array
    settled: Array
    left: Array


def climb(cell: Cell, inside: Array, mu: Array, s: Array) -> Ends:
    """Newton's method in (mu, s >= 0) on the cell's polynomials for subsets (m, k).

    Concave in mu, so that mu takes Newton's steps; s takes those of the profile where this bends
    down, and a step of fixed length up the slope elsewhere.
    """
    m = len(mu)
    coefficients = (inside @ cell.coefficients).reshape(m, POINTS, POINTS)
    tails = inside @ cell.tails
    mu, s = mu.copy(), s.copy()
    value, se = np.full(m, np.nan), np.full(m, np.nan)
    settled, left = np.zeros(m, bool), np.zeros(m, bool)
    live = np.arange(m)
    for _ in range(_ROUNDS):
        here_mu, here_s = mu[live], s[live]
        x = _chebyshev((here_mu - cell.mu_middle) / cell.mu_half)
        y = _chebyshev((here_s - cell.s_middle) / cell.s_half)
        part = coefficients if len(live) == m else coefficients[live]
        table = x.transpose(0, 2, 1) @ (part @ y)
        by_mu, by_s = table[:, 1, 0] / cell.mu_half, table[:, 0, 1] / cell.s_half
        mu_mu, s_s = table[:, 2, 0] / cell.mu_half**2, table[:, 0, 2] / cell.s_half**2
        cross = table[:, 1, 1] / (cell.mu_half * cell.s_half)
        concave = mu_mu < 0
        safe = np.where(concave, mu_mu, -1.0)
        slope, bend = by_s - cross / safe * by_mu, s_s - cross**2 / safe
        held = (here_s <= 0) & (slope <= 0)
        down = bend < 0
        step_s = np.where(down, -slope / np.where(down, bend, -1.0), np.sign(slope) * 0.4)
        step_s = np.where(held, 0.0, np.clip(step_s, -0.6, 0.6))
        step_s = np.maximum(step_s, -here_s)
        step_mu = np.clip(-(by_mu + cross * step_s) / safe, -0.5, 0.5)
        mu[live], s[live] = here_mu + step_mu, here_s + step_s
        error = 1 / np.sqrt(-safe)
        close = concave & (held | down) & (np.abs(step_mu) <= _CLOSE * error)
        close &= np.abs(step_s) <= _CLOSE
        flat = ~held & (bend * safe <= SINGULAR * np.abs(safe * s_s))
        curved = np.where(down, bend, -1.0) / np.minimum(s_s, -1e-300)
        information = -safe * np.where(held, 1.0, curved)
        # what the polynomials may be wrong by, as a slope, and what that moves the maximum by
        wrong = tails[live] * POINTS
        good = wrong / np.minimum(information, np.where(held, np.inf, np.abs(bend))) <= _ACCURATE
        done = close & ~flat & good
        value[live[done]] = table[done, 0, 0]
        se[live[done]] = 1 / np.sqrt(information[done])
        settled[live[done]] = True
        outside = np.abs(mu[live] - cell.mu_middle) > cell.mu_half
        outside |= np.abs(s[live] - cell.s_middle) > cell.s_half * (1 + 1e-12)
        outside &= ~done
        left[live[outside]] = True
        live = live[~(done | outside | ~concave | close)]
        if len(live) == 0:
            break
    return Ends(mu, s, value, se, settled, left)
