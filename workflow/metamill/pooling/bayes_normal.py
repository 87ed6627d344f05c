"""Bayesian normal-normal model: y_i ~ N(theta_i, v_i), theta_i ~ N(mu, tau2), half-normal tau.

Roever 2020 (doi 10.18637/jss.v093.i06), sections 2.1 to 2.8. Given tau, mu and every theta are
normal, so all posteriors are mixtures of normals over tau. The integral over tau is a midpoint
rule in u, tau = s sinh(u): the integrand is an even analytic function of u, for which the error of
that rule falls exponentially with the number of points, whatever the ratio of v to the prior.
"""

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.bayes import (
    Array,
    BayesFit,
    checked_prior,
    half_line,
    moved,
    normal_mixture,
    one,
    part,
    shifted,
    sinc_mixture,
    summarise,
    summarise_tau,
    tau_width_ratio,
)
from metamill.pooling.identified import NotIdentified

_NEGLIGIBLE = 46.0  # exp(-46) = 1e-20
_COARSE_STEP = 0.05
_AGREEMENT = 1e-7


class _Model:
    """The data about their own centre, and the closed forms given tau."""

    def __init__(self, y: Array, v: Array, scale: float, mu_prior: tuple[float, float] | None):
        self.y, self.v, self.scale = y, v, scale
        self.prior_mean, self.prior_precision = (
            (0.0, 0.0) if mu_prior is None else (mu_prior[0], 1 / mu_prior[1] ** 2)
        )

    def given(self, tau: Array) -> tuple[Array, Array, Array]:
        """Mean and variance of mu given tau, and log p(y, tau), each of tau's shape (n,)."""
        w = 1 / (self.v + tau[:, None] ** 2)
        precision = w.sum(axis=1) + self.prior_precision
        mean = (w @ self.y + self.prior_precision * self.prior_mean) / precision
        misfit = (w * (self.y - mean[:, None]) ** 2).sum(axis=1)
        misfit += self.prior_precision * (mean - self.prior_mean) ** 2
        log_joint = 0.5 * (
            np.log(w).sum(axis=1) - np.log(precision) - misfit - (tau / self.scale) ** 2
        )
        return mean, 1 / precision, log_joint


def _bulk(model: _Model, unit: float, last: float) -> tuple[float, float]:
    """The range of u that holds all of tau's posterior but exp(-46), by repeated zooming.

    The logarithm of the integrand varies on the scale of one u, so the first grid sees every
    peak of it; within a peak it can be much narrower, which the following grids resolve.
    """
    low, high = 0.0, last
    points = int(np.ceil(last / _COARSE_STEP)) + 2
    for _ in range(60):
        u = np.linspace(low, high, points)
        height = model.given(unit * np.sinh(u))[2] + np.log(np.cosh(u))
        rise = np.abs(np.diff(height))
        hidden = np.maximum(np.append(rise, 0), np.insert(rise, 0, 0))
        peak = np.ones(points, bool)
        peak[1:] &= height[1:] >= height[:-1]
        peak[:-1] &= height[:-1] >= height[1:]
        kept = np.flatnonzero(height + np.where(peak, hidden, 0) > height.max() - _NEGLIGIBLE)
        first, final = max(kept[0] - 1, 0), min(kept[-1] + 1, points - 1)
        low, high = u[first], u[final]
        if (final - first) >= 0.4 * points:
            return float(low), float(high)
        points = 65
    raise NotIdentified("the posterior of tau could not be located")


def _quadrature(model: _Model, unit: float, last: float) -> tuple[Array, Array, float, float]:
    """Points u, their log masses, the spacing, and the log of their sum.

    Points lie at odd multiples of half the spacing, so every third is the same rule three times
    coarser; the spacing is right when both agree.
    """
    low, high = _bulk(model, unit, last)
    step = min(_COARSE_STEP, (high - low) / 120)
    for _ in range(8):
        start = 3 * int(low / (3 * step))
        stop = 3 * (int(high / (3 * step)) + 1)
        u = (np.arange(start, stop) + 0.5) * step
        height = model.given(unit * np.sinh(u))[2] + np.log(unit * np.cosh(u) * step)
        top = height.max()
        mass = np.exp(height - top)
        if abs(3 * mass[1::3].sum() / mass.sum() - 1) <= _AGREEMENT:
            return u, height, step, float(top + np.log(mass.sum()))
        step /= 2
    raise NotIdentified("the integral over tau did not converge")


def bayes(
    y: ArrayLike,
    v: ArrayLike,
    prior_scale: float = 0.5,
    level: float = 95.0,
    mu_prior: tuple[float, float] | None = None,
) -> BayesFit:
    """Posterior of effects `y` with sampling variances `v`, each (k,), k >= 2.

    `prior_scale` is the scale (not the mean) of the half-normal prior of tau, in units of y;
    `mu_prior` the mean and sd of the normal prior of mu, uniform if None; `level` in per cent.
    Raises ValueError for input that is not data or not a prior, NotIdentified if an integral or
    a quantile is not reached.
    """
    y, v = np.asarray(y, float), np.asarray(v, float)
    if y.shape != v.shape or y.ndim != 1 or len(y) < 2:
        raise ValueError("effects and variances must be two vectors of one length, at least 2")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise ValueError("effects must be finite and sampling variances finite and positive")
    prior = checked_prior(prior_scale, level, mu_prior)

    centre = float((y / v).sum() / (1 / v).sum())
    y = y - centre
    model = _Model(y, v, prior_scale, None if prior is None else (prior[0] - centre, prior[1]))
    precision = (1 / v).sum() + model.prior_precision
    unit = min(prior_scale, 1 / np.sqrt(precision))
    misfit = (y**2 / v).sum() + model.prior_precision * model.prior_mean**2
    last = float(np.arcsinh(prior_scale * np.sqrt(misfit + 400) / unit))
    u, height, step, log_total = _quadrature(model, unit, last)
    mass = np.exp(height - log_total)
    tau = unit * np.sinh(u)
    tau_law = half_line(
        sinc_mixture(
            np.concatenate([mass, mass])[None, :] / 2,
            np.concatenate([-u, u])[None, :],
            np.full((1, 2 * len(u)), step),
        ),
        unit,
    )
    tau_summary, tau_mode = summarise_tau(tau_law, tau, level)

    used = mass > 1e-19
    weights = mass[used] / mass[used].sum()
    mean, variance, _ = model.given(tau[used])
    square = tau[used] ** 2
    pull = v[:, None] / (v[:, None] + square)
    centres = np.vstack([mean, mean, pull * mean + (1 - pull) * y[:, None]])
    variances = np.vstack([variance, variance + square, pull * square + pull**2 * variance])
    widths = np.sqrt(variances)
    means = centres @ weights
    sds = np.sqrt((variances + (centres - means[:, None]) ** 2) @ weights)
    law = normal_mixture(weights, centres, widths)
    reach = 10 * widths
    low, high = (centres - reach).min(axis=1), (centres + reach).max(axis=1)
    summary = moved(summarise(law, means, sds, level, low, high), centre)
    # p(y, tau) above is without the constants of its densities.
    constants = 0.5 * (np.log(2 / np.pi) - len(y) * np.log(2 * np.pi)) - np.log(prior_scale)
    return BayesFit(
        k=len(y),
        level=level,
        prior_scale=float(prior_scale),
        mu_prior=prior,
        mu=one(summary, 0),
        tau=tau_summary,
        tau_mode=tau_mode,
        new=one(summary, 1),
        theta=part(summary, slice(2, None)),
        tau_width_ratio=tau_width_ratio(tau_summary, prior_scale, level),
        mu_width_ratio=float("nan") if prior is None else float(sds[0] / prior[1]),
        log_marginal=(
            float("nan") if prior is None else float(log_total + constants - np.log(prior[1]))
        ),
        mu_law=shifted(normal_mixture(weights, centres[:1], widths[:1]), centre),
        new_law=shifted(normal_mixture(weights, centres[1:2], widths[1:2]), centre),
    )
