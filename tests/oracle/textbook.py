"""Textbook definitions at 50 digits, and how far double precision may be from each of them.

Every bound follows from the formula alone. Let u = 2^-53 be the unit rounding. A sum of k terms,
each a product of a few rounded numbers, is computed with an error of at most (k + few) u times the
sum of the absolute terms (Higham 2002, Accuracy and Stability of Numerical Algorithms, sections
3.1 and 4.2). No formula here multiplies more than three such sums or has more than twenty other
roundings, so gamma = (3 k + 60) u covers it. Effects are measured from the first study's: only
d_i = y_i - y_1 is rounded, by u |d_i|. With r_i = d_i - mu and A = sum w |d|/sum w:

    mu    gamma A: its terms are w d
    Q     gamma (Q + 2 sum w |r| |d|) + sum w (gamma A)^2: dQ/dd_i = 2 w_i r_i, and an error common
          to all r_i counts by its square, as sum w r = 0

Bounds of what is made of these follow by the chain rule and stand beside each formula.
"""

from dataclasses import dataclass
from functools import cache

import mpmath
from scipy.special import chdtri, stdtrit

mp = mpmath.mp.clone()
mp.dps = 50
mpf = mp.mpf

UNIT = mpf(2) ** -53


def gamma(k):
    return (3 * k + 60) * UNIT


@dataclass(frozen=True)
class Sample:
    """Effects, variances, and effects from the first one, all exactly the doubles given."""

    y: list
    v: list
    d: list

    @property
    def k(self):
        return len(self.y)


def sample(y, v):
    y, v = ([mpf(float(x)) for x in values] for values in (y, v))
    return Sample(y, v, [x - y[0] for x in y])


@dataclass(frozen=True)
class Moments:
    """Weights 1/(v + tau2), their mean of d, and the weighted sum of squares, with error bounds."""

    w: list
    sum_w: object
    mean: object
    r: list
    q: object
    mean_error: object
    q_error: object


def moments(data, tau2):
    tau2 = mpf(tau2)
    w = [1 / (v + tau2) for v in data.v]
    sum_w = mp.fsum(w)
    mean = mp.fdot(w, data.d) / sum_w
    r = [d - mean for d in data.d]
    wr = [a * abs(b) for a, b in zip(w, r, strict=True)]
    q = mp.fdot(wr, [abs(x) for x in r])
    distances = [abs(d) for d in data.d]
    mean_error = gamma(data.k) * mp.fdot(w, distances) / sum_w
    q_error = gamma(data.k) * (q + 2 * mp.fdot(wr, distances)) + sum_w * mean_error**2
    return Moments(w, sum_w, mean, r, q, mean_error, q_error)


def pairs(w):
    """(sum w)^2 - sum w^2, which is sum w - sum w^2/sum w times sum w."""
    return mp.fsum(w) ** 2 - mp.fdot(w, w)


def typical_variance(at_zero, k):
    """Higgins and Thompson 2002, eq. 9: positive terms only, so its error is gamma times it."""
    return (k - 1) * at_zero.sum_w / pairs(at_zero.w)


# ---- estimators of tau2 in closed form: (value before it is cut at 0, error) ----


def dersimonian_laird(data, at_zero):
    factor = at_zero.sum_w / pairs(at_zero.w)
    df = data.k - 1
    return (at_zero.q - df) * factor, (at_zero.q_error + gamma(data.k) * (at_zero.q + df)) * factor


def two_step(data, at_first):
    """DerSimonian and Kacker 2007 with weights a = 1/(v + first tau2), both doubles given."""
    a, total = at_first.w, at_first.sum_w
    factor = total / pairs(a)
    expected = mp.fdot(a, data.v) - mp.fdot([x * x for x in a], data.v) / total
    error = at_first.q_error + gamma(data.k) * (at_first.q + 3 * expected)
    return (at_first.q - expected) * factor, error * factor


def _spread(data, divisor):
    """Sum of squares about the plain mean over `divisor`: Q with equal weights, over a number."""
    mean = mp.fsum(data.d) / data.k
    r = [d - mean for d in data.d]
    mean_error = gamma(data.k) * mp.fsum(abs(d) for d in data.d) / data.k
    q = mp.fdot(r, r)
    slope = 2 * mp.fdot([abs(x) for x in r], [abs(d) for d in data.d])
    return q / divisor, (gamma(data.k) * (q + slope) + data.k * mean_error**2) / divisor


def hedges(data):
    spread, error = _spread(data, data.k - 1)
    within = mp.fsum(data.v) / data.k
    return spread - within, error + gamma(data.k) * (spread + within)


def hunter_schmidt(data, at_zero):
    error = at_zero.q_error + gamma(data.k) * (at_zero.q + data.k)
    return (at_zero.q - data.k) / at_zero.sum_w, error / at_zero.sum_w


def sidik_jonkman(data):
    """t0 Q(t0)/(k - 1); the logarithmic slope of t0 Q(t0) in t0 lies between 0 and Q."""
    start, start_error = _spread(data, data.k)
    if start == 0:
        return mpf(0), mpf(0)
    at = moments(data, start)
    error = at.q_error + (gamma(data.k) + start_error / start) * at.q
    return start * at.q / (data.k - 1), start * error / (data.k - 1)


# ---- estimators that solve an equation: (what must be zero, how far it may be from it) ----


def q_equation(data, tau2, at, target):
    """Q(tau2) - target, which falls; tau2 itself is rounded a few times, 8 u in all."""
    slope = mp.fsum((a * b) ** 2 for a, b in zip(at.w, at.r, strict=True))
    error = at.q_error + gamma(data.k) * target + 8 * UNIT * mpf(tau2) * slope
    return at.q - target, error


def score(data, tau2, at, restricted):
    """Derivative of the profile log-likelihood in tau2, Viechtbauer 2005, eqs. 9 to 12.

    1/2 (sum w^2 r^2 - sum w + [sum w^2/sum w]). Here an error of mu counts once, as sum w^2 r is
    not zero; `bend` bounds the second derivative, by which the rounding of tau2 counts.
    """
    g = gamma(data.k)
    w, r = at.w, [abs(x) for x in at.r]
    w2 = [x * x for x in w]
    w2_r = [a * b for a, b in zip(w2, r, strict=True)]
    sum_w2, sum_w3 = mp.fsum(w2), mp.fdot(w2, w)
    squares = mp.fdot(w2_r, r)
    signed = abs(mp.fdot(w2, at.r))
    value = squares - at.sum_w
    slips = 2 * g * mp.fdot(w2_r, [abs(d) for d in data.d])
    slips += 2 * signed * at.mean_error + sum_w2 * at.mean_error**2
    # A relative error of the weights moves mu too: by sum |dw| |r|/sum w.
    slips += 2 * signed * g * mp.fdot(w, r) / at.sum_w
    error = slips + g * (squares + at.sum_w)
    bend = sum_w2 + 2 * mp.fdot([a * b for a, b in zip(w2_r, r, strict=True)], w)
    bend += 2 * mp.fsum(w2_r) ** 2 / at.sum_w
    if restricted:
        ratio = sum_w2 / at.sum_w
        value, error = value + ratio, error + g * ratio
        bend += ratio**2 + 2 * sum_w3 / at.sum_w
    return value / 2, (error + 16 * UNIT * mpf(tau2) * bend) / 2


# ---- distributions ----


@cache
def normal_quantile():
    return mp.sqrt(2) * mp.erfinv(mpf("0.95"))


@cache
def t_quantile(df):
    """The 97.5 % quantile of t."""
    return mp.findroot(lambda x: t_tails(x, df) - mpf("0.05"), mpf(float(stdtrit(df, 0.975))))


@cache
def chi2_quantile(df, upper_tail):
    """The value with `upper_tail` (a string of decimals) above it."""
    start = mpf(float(chdtri(df, float(upper_tail))))
    return mp.findroot(lambda x: chi2_tail(x, df) - mpf(upper_tail), start)


def normal_tails(x):
    return mp.erfc(abs(x) / mp.sqrt(2))


def t_tails(x, df):
    share = df / (df + x * x)
    return mp.betainc(mpf(df) / 2, mpf(1) / 2, 0, share, regularized=True)


def chi2_tail(x, df):
    return mp.gammainc(mpf(df) / 2, x / 2, mp.inf, regularized=True)
