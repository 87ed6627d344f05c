"""The binomial-normal model against its likelihood integrated with 30 digits.

Each study's likelihood is the integral over z of Binomial(x; n, expit(mu + tau z)) phi(z). The
trapezoidal rule converges exponentially for it: with steps of a third of the width of the peak,
and an eighth of the distance pi/tau to the nearest pole of expit, the error is below e^-50.
"""

import mpmath
import numpy as np
import pytest

from metamill.pooling.glmm import NotIdentified, pool_proportions

mp = mpmath.mp.clone()
mp.dps = 30
mpf = mp.mpf

ZERO_SCORE = 1e-8
"""What is left to climb, as a step in units of the estimate's standard error."""
NEARLY_ZERO = 1e-4
"""A maximum at a tau^2 below this part of the variance of mu may be taken for one at 0, and the
other way round: the two log-likelihoods differ by less than 1e-8."""
VALUE = 1e-11
"""Error of the log-likelihood relative to 1 + its size."""
CUT = 55
"""Terms e^-55 times the largest are dropped."""


def expit(x):
    return 1 / (1 + mp.exp(-x))


def log_expit(x):
    return -mp.log1p(mp.exp(-x)) if x > 0 else x - mp.log1p(mp.exp(x))


def peak(x, n, mu, tau):
    """Where the integrand is largest and how wide it is, in doubles: only the grid needs it."""
    low, high = -40.0, 40.0
    for _ in range(100):
        z = (low + high) / 2
        p = 1 / (1 + np.exp(-np.clip(mu + tau * z, -700, 700)))
        low, high = (z, high) if tau * (x - n * p) > z else (low, z)
    return z, 1 / np.sqrt(1 + tau**2 * n * p * (1 - p))


def study(x, n, mu, tau):
    """Log-likelihood of one study without its binomial coefficient, and its score (mu, tau)."""
    x, n, mu, tau = (mpf(value) for value in (x, n, mu, tau))
    if tau == 0:
        return x * log_expit(mu) + (n - x) * log_expit(-mu), x - n * expit(mu), mpf(0)
    centre, width = (mpf(value) for value in peak(float(x), float(n), float(mu), float(tau)))
    step = min(width / 3, mp.pi / (8 * tau))

    def log_term(z):
        eta = mu + tau * z
        return x * log_expit(eta) + (n - x) * log_expit(-eta) - z * z / 2

    top = log_term(centre)
    total, by_mu, by_tau = mpf(0), mpf(0), mpf(0)
    for side in (1, -1):
        i = 0 if side == 1 else 1
        while True:
            z = centre + side * i * step
            log_height = log_term(z) - top
            if log_height < -CUT:
                break
            height = mp.exp(log_height)
            slope = height * (x - n * expit(mu + tau * z))
            total, by_mu, by_tau = total + height, by_mu + slope, by_tau + slope * z
            i += 1
    return top + mp.log(total * step / mp.sqrt(2 * mp.pi)), by_mu / total, by_tau / total


def whole(events, totals, mu, tau):
    parts = [study(x, n, mu, tau) for x, n in zip(events, totals, strict=True)]
    value, by_mu, by_tau = (mp.fsum(part) for part in zip(*parts, strict=True))
    coefficients = mp.fsum(
        mp.loggamma(n + 1) - mp.loggamma(x + 1) - mp.loggamma(n - x + 1)
        for x, n in ((mpf(x), mpf(n)) for x, n in zip(events, totals, strict=True))
    )
    return value + coefficients, by_mu, by_tau


def random_counts(chance):
    k = int(chance.integers(2, 6))
    totals = np.ceil(10 ** chance.uniform(0.3, chance.uniform(0.5, 3.5), k))
    eta = chance.normal(chance.uniform(-6, 4), chance.choice([0.0, 0.3, 1.0, 3.0]), k)
    events = chance.binomial(totals.astype(int), 1 / (1 + np.exp(-eta)))
    return events.astype(float), totals


def fit_or_reason(events, totals):
    try:
        return pool_proportions(events, totals)
    except NotIdentified as refusal:
        return str(refusal)


def check(first, last):
    answered = 0
    for serial in range(first, last):
        events, totals = random_counts(np.random.default_rng([30, serial]))
        where = f"set {serial}: {events.tolist()} of {totals.tolist()}"
        fit = fit_or_reason(events, totals)
        if isinstance(fit, str):
            assert len(fit.split()) > 3, where
            continue
        answered += 1
        tau = np.sqrt(fit.tau2)
        value, by_mu, by_tau = whole(events, totals, fit.mu, tau)
        assert abs(mpf(fit.loglik) - value) <= VALUE * (1 + abs(value)), where
        assert abs(by_mu) * fit.se <= ZERO_SCORE, (where, by_mu)
        if fit.tau2 > NEARLY_ZERO * fit.se**2:
            assert abs(by_tau) * fit.tau2_se / (2 * tau) <= ZERO_SCORE, (where, by_tau)
        else:
            assert tau2_beyond_zero(events, totals, fit.mu) <= NEARLY_ZERO * fit.se**2, where
    assert answered > (last - first) / 2


def tau2_beyond_zero(events, totals, mu):
    """Newton's step in tau^2 from the boundary: slope 1/2 sum(r^2 - I) over bend 1/2 sum I^2."""
    p = expit(mpf(mu))
    information = [n * p * (1 - p) for n in totals]
    squares = mp.fsum((x - n * p) ** 2 for x, n in zip(events, totals, strict=True))
    return (squares - mp.fsum(information)) / mp.fsum(i * i for i in information)


def test_a_glmm_stands_on_the_summit_of_its_likelihood_in_300_random_sets():
    check(0, 300)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(9))
def test_a_glmm_stands_on_the_summit_of_its_likelihood_in_3000_random_sets(part):
    check(300 * (part + 1), 300 * (part + 2))
