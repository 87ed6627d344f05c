"""Likelihoods of mixed models by brute force: plain sums over the random effect.

Every study's integral over z, theta = mu + sqrt(s) z, is a trapezoidal sum over a range that is
found by looking: a grid from -13 to 13 is narrowed to where the integrand, which is log-concave,
is not negligible. Neither nodes about modes nor derivatives are used.
"""

from collections.abc import Callable

import numpy as np
from scipy import interpolate, special, stats

from metamill.record.engines.numbers import Array

Study = Callable[[Array], Array]
"""Log-likelihood of every study at theta, (g, k, z) or broadcast against it, to (g, k, z)."""

_REACH = 13.0
_NEGLIGIBLE = 55.0
_LOOK, _POINTS = 25, 321
_BLOCK = 400_000
_FAR = 40.0


def integrated(study: Study, mu: Array, s: Array, k: int, points: int = _POINTS) -> Array:
    """Log of each study's likelihood with z integrated out; mu, s (g,) to (g, k)."""
    found = np.empty((len(mu), k))
    rows = max(1, _BLOCK // (k * points))
    for start in range(0, len(mu), rows):
        part = slice(start, start + rows)
        found[part] = _block(study, mu[part, None, None], np.sqrt(s[part, None, None]), k, points)
    return found


def _block(study: Study, mu: Array, tau: Array, k: int, points: int = _POINTS) -> Array:
    shape = (len(mu), k, 1)
    low, high = np.full(shape, -_REACH), np.full(shape, _REACH)

    def terms(z: Array) -> Array:
        return study(mu + tau * z) - 0.5 * z**2

    share = np.linspace(0.0, 1.0, _LOOK)
    for _ in range(8):
        z = low + (high - low) * share
        height = terms(z)
        kept = height > height.max(axis=2, keepdims=True) - _NEGLIGIBLE
        first = np.maximum(kept.argmax(axis=2) - 1, 0)[:, :, None]
        last = np.minimum(_LOOK - kept[:, :, ::-1].argmax(axis=2), _LOOK - 1)[:, :, None]
        low, high = np.take_along_axis(z, first, 2), np.take_along_axis(z, last, 2)
        if (last - first).min() >= _LOOK // 2:
            break
    z = low + (high - low) * np.linspace(0.0, 1.0, points)
    height = terms(z)
    top = height.max(axis=2, keepdims=True)
    area = np.exp(height - top).sum(axis=2) * (high - low)[:, :, 0] / (points - 1)
    return np.log(area) + top[:, :, 0] - 0.5 * np.log(2 * np.pi)


def binomial(x: Array, n: Array, offset: Array) -> Study:
    """x of n at logit offset + theta, (k,), less the largest value it can have."""
    x, n, offset = (values[:, None] for values in (x, n, offset))
    best = special.xlogy(x, x / n) + special.xlogy(n - x, (n - x) / n)

    def value(theta: Array) -> Array:
        eta = theta + offset
        size = np.abs(eta)
        other = np.where(eta > 0, n - x, x)
        return -other * size - n * np.log1p(np.exp(-size)) - best

    return value


def poisson(x: Array, time: Array) -> Study:
    """x events in time at log rate theta, (k,), less the largest value it can have."""
    x, log_time = x[:, None], np.log(time)[:, None]
    best = special.xlogy(x, x) - x

    def value(theta: Array) -> Array:
        eta = np.minimum(theta + log_time, 300.0)
        return x * eta - np.exp(eta) - best

    return value


def hypergeometric(a: Array, n1: Array, c: Array, n2: Array) -> Study:
    """a of n1 against c of n2 given a + c: scipy's central distribution, tilted by theta.

    A spline of the seventh order through points 0.05 apart stands for each study, and beyond
    theta = -40 and 40 the straight line that only the end of the support leaves.
    """
    grid = np.linspace(-_FAR, _FAR, 1601)
    curves, ends = [], []
    for i in range(len(a)):
        events = int(a[i] + c[i])
        j = np.arange(max(0, events - int(n2[i])), min(int(n1[i]), events) + 1)
        log_p = stats.hypergeom.logpmf(j, int(n1[i] + n2[i]), events, int(n1[i]))
        distance = j - a[i]
        weight = (log_p - log_p[distance == 0])[:, None]
        heights = -special.logsumexp(weight + distance[:, None] * grid, axis=0)
        curves.append(interpolate.make_interp_spline(grid, heights, k=7))
        ends.append((distance[0], distance[-1]))

    def value(theta: Array) -> Array:
        found = np.empty(np.broadcast_shapes(theta.shape, (1, len(a), 1)))
        theta = np.broadcast_to(theta, found.shape)
        inside = np.clip(theta, -_FAR, _FAR)
        for i, (curve, (least, most)) in enumerate(zip(curves, ends, strict=True)):
            beyond = theta[:, i] - inside[:, i]
            found[:, i] = curve(inside[:, i]) - np.where(beyond > 0, most, least) * beyond
        return found

    return value


def two_groups(x: Array, n: Array, rates: bool) -> Callable[[Array, Array], Array]:
    """UM.FS, x and n (2, k), n time for rates: the value at (mu, s) with every alpha at its best.

    alpha moves by Newton's steps on differences; what the last step still gains is added.
    """
    k = x.shape[1]
    if rates:
        arms = [poisson(x[i], n[i]) for i in (0, 1)]
        information = x.sum(axis=0) + 0.5
        crude = np.log((x.sum(axis=0) + 0.5) / n.sum(axis=0))
    else:
        arms = [binomial(x[i], n[i], np.zeros(k)) for i in (0, 1)]
        information = ((x + 0.5) * (n - x + 0.5) / (n + 1)).sum(axis=0)
        crude = special.logit((x.sum(axis=0) + 0.5) / (n.sum(axis=0) + 1))
    h = 0.02 / np.sqrt(information)
    # a call starts where the middle of the last one ended
    near = [crude]

    def at(alpha: Array, mu: Array, s: Array) -> Array:
        def study(theta: Array) -> Array:
            level = alpha[:, :, None]
            return arms[0](level + theta / 2) + arms[1](level - theta / 2)

        return _whole(study, mu, s, k)

    def value(mu: Array, s: Array) -> Array:
        alpha = np.broadcast_to(near[0], (len(mu), k)).copy()
        for _ in range(60):
            below, middle, above = (at(alpha + d * h, mu, s) for d in (-1, 0, 1))
            slope, bend = (above - below) / 2, above - 2 * middle + below
            step = np.where(bend < 0, -slope / np.where(bend < 0, bend, -1), np.sign(slope))
            step = np.clip(step, -0.5 / h, 0.5 / h)
            if np.abs(step * h * np.sqrt(information)).max() < 1e-4:
                near[0] = alpha[len(mu) // 2]
                return np.asarray((middle + slope * step / 2).sum(axis=1))
            alpha = alpha + h * step
        return np.full(len(mu), np.nan)

    return value


def _whole(study: Study, mu: Array, s: Array, k: int) -> Array:
    """`integrated` in one block, for studies whose arrays follow the rows of mu."""
    return _block(study, mu[:, None, None], np.sqrt(s)[:, None, None], k)
