"""Posterior probabilities at our numbers, turned back into differences.

The posterior of (mu, tau) is a sum over Gauss-Legendre panels whose edges include our own
quantiles, so that the probability up to each of them is a sum of whole panels. Where it differs
from what it should be, the quantile is moved by the difference over the density there.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import optimize, stats

from metamill.record.engines import likelihoods
from metamill.record.engines.numbers import Array, Numbers, Pair, Pairs, Question, beyond, judged
from metamill.record.engines.numbers import moved as carried

POSTERIOR = 1e-6
"""Of a probability: what the panels leave."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_MU_SD = 4.0


def _panels(edges: Array) -> tuple[Array, Array]:
    """Nodes and weights over successive panels, each (panels, 10)."""
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + edges[1:, None]) / 2 + half * _NODES, half * _WEIGHTS


def _edges(
    marks: Sequence[float], low: float, high: float, finest: float, pieces: int = 2
) -> Array:
    """Panel edges at `marks` and, growing from them, up to low and high."""
    inner = np.unique(np.clip(marks, low, high))
    parts = [np.linspace(a, b, pieces + 1) for a, b in pairwise(inner)]
    width = max(finest, float(np.ptp(inner)) / 6)
    ratio = min(1.4, 1 + 1.2 / pieces)
    outward = width * np.cumsum(ratio ** np.arange(40 * pieces))
    above, below = inner[-1] + outward, inner[0] - outward
    ends = [above[above < high], below[below > low], [low, high]]
    return np.unique(np.concatenate([*parts, *ends, inner]))


def normal(y: Array, v: Array, question: Question, ours: Mapping[str, Any]) -> Numbers:
    """Normal effects, uniform prior of mu: given tau, mu is normal, so one sum over tau is left."""
    scale = question.settings["tau_prior"] or 0.5
    centre = float(np.average(y, weights=1 / v))

    def given(tau: Array) -> tuple[Array, Array, Array]:
        w = 1 / (v + np.asarray(tau)[..., None] ** 2)
        precision = w.sum(axis=-1)
        mean = (w * (y - centre)).sum(axis=-1) / precision
        misfit = (w * (y - centre - mean[..., None]) ** 2).sum(axis=-1)
        height = 0.5 * np.log(w).sum(axis=-1) - 0.5 * np.log(precision) - 0.5 * misfit
        return mean + centre, 1 / np.sqrt(precision), height + stats.halfnorm.logpdf(tau, 0, scale)

    marks = [0.0, *(ours[f"tau{end}"] for end in _ENDS)]
    edges = _tau_edges(marks, scale * 9 + marks[-1], float(np.sqrt(v.min())), 12)
    tau, weight = _panels(edges)
    mean, sd, height = given(tau)
    mass = np.exp(height - height.max()) * weight
    mass, total = mass / mass.sum(), mass.sum()
    density = np.exp(given(np.array(marks))[2] - height.max()) / total

    def of_mu(x: float) -> Pair:
        law = stats.norm(mean, sd)
        return float((mass * law.cdf(x)).sum()), float((mass * law.pdf(x)).sum())

    def of_new(x: float) -> Pair:
        law = stats.norm(mean, np.hypot(sd, tau))
        return float((mass * law.cdf(x)).sum()), float((mass * law.pdf(x)).sum())

    average = float((mass * mean).sum())
    variance = float((mass * (sd**2 + (mean - average) ** 2)).sum())
    steps = _Steps(edges, mass, marks, density)
    return _numbers(question, ours, steps, of_mu, of_new, float(np.sqrt(variance)))


def binomial(x: Array, n: Array, question: Question, ours: Mapping[str, Any]) -> Numbers:
    """Counts with a normal(0, 4) prior of the mean logit, on panels in mu and tau."""
    scale = question.settings["tau_prior"] or 0.5
    study = likelihoods.binomial(x, n, np.zeros(len(x)))

    def height(mu: Array, tau: Array) -> Array:
        parts = likelihoods.integrated(study, mu.ravel(), tau.ravel() ** 2, len(x), 141).sum(axis=1)
        prior = stats.norm.logpdf(mu, 0, _MU_SD) + stats.halfnorm.logpdf(tau, 0, scale)
        return parts.reshape(mu.shape) + prior

    tau_marks = [0.0, *(ours[f"tau{end}"] for end in _ENDS)]
    mu_marks = [ours[f"mu{end}"] for end in _ENDS]
    width = mu_marks[2] - mu_marks[0]
    # few studies leave tails as long as the prior of tau allows, and the variance feels them
    reach = 7 * width + 10 * scale
    finest, ends = width / 6, (mu_marks[0] - reach, mu_marks[2] + reach)
    # where tau is small, the law of a new study is a step in mu at each place that is asked for
    asked = [question.scale.forward(x) for x in question.settings["thresholds"]]
    sharp = [
        x for x in (*asked, ours["new_low"], ours["new_high"]) if x is not None and np.isfinite(x)
    ]
    mu_marks += [x + d * width for x in sharp for d in (-0.06, 0.0, 0.06)]
    # and where tau is small mu is known as well as all units together tell it
    p = (x.sum() + 0.5) / (n.sum() + 1)
    error = float(1 / np.sqrt(n.sum() * p * (1 - p)))
    outward = error * 2.0 ** np.arange(12)
    near = np.log(p / (1 - p)) + np.concatenate([-outward, [0.0], outward])
    mu_marks += near[np.abs(near - mu_marks[1]) < width].tolist()
    mu_edges = _edges(mu_marks, *ends, finest, 1)
    finest = 0.6 * min(tau_marks[1], error)
    tau_edges = _tau_edges(tau_marks, max(scale * 8, 1.5 * tau_marks[3]), finest)
    (mu, mu_weight), (tau, tau_weight) = _panels(mu_edges), _panels(tau_edges)
    grid_mu, grid_tau = np.meshgrid(mu.ravel(), tau.ravel(), indexing="ij")
    cells = _worth_summing(height, mu[:, 5], tau[:, 5])
    inside = np.kron(cells, np.ones((len(_NODES), len(_NODES)))) > 0
    heights = np.full(grid_mu.shape, -np.inf)
    heights[inside] = height(grid_mu[inside], grid_tau[inside])
    mass = np.exp(heights - heights.max()) * np.outer(mu_weight.ravel(), tau_weight.ravel())
    mass, total = mass / mass.sum(), mass.sum()

    def at_tau(t: float) -> float:
        line = height(mu.ravel(), np.full(mu.size, t))
        return float((np.exp(line - heights.max()) * mu_weight.ravel()).sum() / total)

    def at_mu(m: float) -> float:
        line = height(np.full(tau.size, m), tau.ravel())
        return float((np.exp(line - heights.max()) * tau_weight.ravel()).sum() / total)

    by_mu = mass.sum(axis=1)

    def of_mu(x: float) -> Pair:
        upto = int(np.searchsorted(mu_edges, x * (1 - np.sign(x) * 1e-12)))
        return float(by_mu[: upto * len(_NODES)].sum()), at_mu(x)

    def of_new(x: float) -> Pair:
        law = stats.norm(grid_mu[inside], grid_tau[inside])
        part = mass[inside]
        return float((part * law.cdf(x)).sum()), float((part * law.pdf(x)).sum())

    average = float((mass * grid_mu).sum())
    sd = float(np.sqrt((mass * (grid_mu - average) ** 2).sum()))
    by_tau = mass.sum(axis=0).reshape(tau.shape)
    density = np.array([at_tau(t) for t in tau_marks])
    steps = _Steps(tau_edges, by_tau, tau_marks, density)
    return _numbers(question, ours, steps, of_mu, of_new, sd)


def _worth_summing(height: Any, mu: Array, tau: Array) -> Array:
    """Which panels, by one point of each and of its neighbours, hold more than exp(-50)."""
    at = height(*np.meshgrid(mu, tau, indexing="ij"))
    high = np.pad(at > at.max() - 50, 1)
    around = np.lib.stride_tricks.sliding_window_view(high, (3, 3))
    return np.asarray(around.any(axis=(2, 3)))


_ENDS = ("_low", "", "_high")


def _tau_edges(marks: Sequence[float], high: float, finest: float, pieces: int = 2) -> Array:
    inner = np.concatenate([marks, finest * np.array([0.25, 0.5, 1.0])])
    return _edges(inner[inner < high].tolist(), 0.0, high, finest, pieces)


class _Steps:
    """The posterior of tau: probabilities up to our numbers, and densities there."""

    def __init__(self, edges: Array, mass: Array, marks: Sequence[float], density: Array) -> None:
        upto = [int(np.searchsorted(edges, mark - 1e-14 * mark)) for mark in marks]
        self.probability = [float(mass[:i].sum()) for i in upto]
        self.density = density

    def __call__(self, mark: int) -> Pair:
        return self.probability[mark], float(self.density[mark])


def _numbers(
    question: Question,
    ours: Mapping[str, Any],
    of_tau: _Steps,
    of_mu: Any,
    of_new: Any,
    sd: float,
) -> Numbers:
    shares = {"_low": question.tail, "": 0.5, "_high": 1 - question.tail}
    found: Pairs = {"se": (sd, 1e-6 * sd)}
    model: Pairs = {}
    for i, (end, share) in enumerate(shares.items()):
        model[f"mu{end}"] = _corrected(ours[f"mu{end}"], of_mu(ours[f"mu{end}"]), share)
        tau = _corrected(ours[f"tau{end}"], of_tau(i + 1), share)
        model[f"tau{end}"] = tau
        found[f"tau2{end}"] = tau[0] ** 2, 2 * tau[0] * tau[1]
        new = ours[f"new{end}"] if end else None
        if new is not None:
            new = _searched(of_new, share, ours) if np.isnan(new) else new
            model[f"new{end}"] = _corrected(new, of_new(new), share)
    found |= {name: model[name] for name in ("mu", "mu_low", "mu_high", "tau")}
    tau_name = "also tau with its central interval (scale of the model)"
    for end, suffix in (("", ""), ("_low", ", low"), ("_high", ", high")):
        found[tau_name + suffix] = model[f"tau{end}"]
    back = question.scale.back
    found["estimate"] = carried(back, *model["mu"])
    for name, at in (("ci", "mu"), ("pi", "new")):
        if f"{at}_low" in model:
            ends = sorted(carried(back, *model[f"{at}{end}"]) for end in ("_low", "_high"))
            found |= {f"{name}_low": ends[0], f"{name}_high": ends[1]}
    if question.settings["prediction"]:
        found |= beyond(question, lambda x: _above(x, of_new))
    return judged("scipy", question, found)


def _searched(of_new: Any, share: float, ours: Mapping[str, Any]) -> float:
    """The quantile of a new study where ours is cut at the end of the scale, or has no way back."""
    reach = ours["mu_high"] - ours["mu_low"] + ours["tau_high"]
    low, high = ours["mu"] - reach, ours["mu"] + reach
    while of_new(low)[0] > share or of_new(high)[0] < share:
        reach *= 2
        low, high = low - reach, high + reach
    return float(optimize.brentq(lambda x: of_new(x)[0] - share, low, high, rtol=1e-10))


def _above(x: float, of_new: Any) -> Pair:
    if not np.isfinite(x):
        return (0.0, 0.0) if x > 0 else (1.0, 0.0)
    return 1 - of_new(x)[0], 10 * POSTERIOR


def _corrected(x: float, at: Pair, share: float) -> Pair:
    """The quantile next to x by one Newton step; its error is that of the probability."""
    probability, density = at
    return x - (probability - share) / density, POSTERIOR / density
