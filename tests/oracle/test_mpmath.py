"""The inverse-variance kernel against textbook definitions at 50 digits, on random data sets.

A number passes if it lies within the rounding error that its formula cannot avoid (derived in
textbook.py), which is about (3 k + 60) 1e-16 of it where nothing cancels: nowhere is 1e-9 needed.
500 sets run by default, 20 000 with the slow ones.
"""

from dataclasses import fields

import numpy as np
import pytest
import textbook as tb
from random_sets import batches
from textbook import mp, mpf

from metamill.pooling import METHODS, pool, tau2_interval

CHUNK = 500
TESTS = ("z", "t", "knha", "adhoc")
QUANTILE = mpf("1e-14")
"""Relative accuracy asked of a quantile of scipy."""
TAIL = mpf("1e-13")
"""Relative accuracy asked of a tail probability of scipy."""
TINY = mpf("1e-300")


class Disagreements(list):
    """What is wrong, in words; `compare` adds to it."""

    def compare(self, where, found, wanted, error):
        found = mpf(float(found))
        if not abs(found - wanted) <= error:
            self.append(f"{where}: {mp.nstr(found, 17)} is not {mp.nstr(wanted, 17)}")

    def small(self, where, value, error):
        if not abs(value) <= error:
            self.append(f"{where}: {mp.nstr(value, 5)} is not within {mp.nstr(error, 5)} of 0")


def fit_or_reason(y, v, method, test="z"):
    """The fit, or the words with which the kernel refuses."""
    try:
        return pool(y, v, method, test)
    except ArithmeticError as refusal:
        return str(refusal)


def check_tau2(wrong, where, data, cache, method, tau2, first):
    """tau2 against its definition; `first` is the kernel's DL, from which DL2 starts."""
    at_zero = cache(0.0)
    closed = {
        "EE": lambda: (mpf(0), mpf(0)),
        "DL": lambda: tb.dersimonian_laird(data, at_zero),
        "DL2": lambda: tb.two_step(data, cache(first)),
        "HE": lambda: tb.hedges(data),
        "HS": lambda: tb.hunter_schmidt(data, at_zero),
        "SJ": lambda: tb.sidik_jonkman(data),
    }
    if method in closed:
        raw, error = closed[method]()
        wrong.compare(where, tau2, max(raw, mpf(0)), error)
        return
    if method in ("PM", "EB"):
        value, error = tb.q_equation(data, tau2, cache(tau2), data.k - 1)
    else:
        value, error = tb.score(data, tau2, cache(tau2), method == "REML")
    if tau2 == 0:
        # At the boundary the function may only fall.
        wrong.small(f"{where} at the boundary", max(value, mpf(0)), error)
    else:
        wrong.small(where, value, error)


def check_interval(wrong, where, data, cache, y, v):
    """The Q-profile limits solve Q = 97.5 % and 2.5 % quantile; 0 where Q(0) is below."""
    found = tau2_interval(y, v)
    for tau2, upper_tail in zip(found, ("0.025", "0.975"), strict=True):
        target = tb.chi2_quantile(data.k - 1, upper_tail)
        value, error = tb.q_equation(data, tau2, cache(tau2), target)
        value = max(value, mpf(0)) if tau2 == 0 else value
        wrong.small(f"{where} QP {upper_tail}", value, error + QUANTILE * target)


def check_root(wrong, where, data, tau2):
    """Paule-Mandel once more, by bisection: within twice the error its equation allows."""
    df = data.k - 1
    if tb.moments(data, 0).q <= df:
        return
    low, high = mpf(0), mpf(1)
    while tb.moments(data, high).q > df:
        high *= 16
    while high - low > mpf("1e-20") * high:
        middle = (low + high) / 2
        low, high = (middle, high) if tb.moments(data, middle).q > df else (low, middle)
    at = tb.moments(data, high)
    slope = mp.fsum((a * b) ** 2 for a, b in zip(at.w, at.r, strict=True))
    error = tb.q_equation(data, tau2, at, df)[1] / slope
    wrong.compare(f"{where} by bisection", tau2, high, 2 * error)


def check_inference(wrong, where, data, cache, method, test, fit):
    """Everything but tau2, at the kernel's own tau2, so that neither error hides the other."""
    k, df, g = data.k, data.k - 1, tb.gamma(data.k)
    tau2 = mpf(float(fit.tau2))
    at, at_zero = cache(float(fit.tau2)), cache(0.0)
    mu = data.y[0] + at.mean
    mu_error = at.mean_error + g * abs(mu)
    wrong.compare(f"{where} mu", fit.mu, mu, mu_error)

    wald = 1 / at.sum_w
    knapp_hartung = wald * at.q / df
    kh_error = wald * at.q_error / df + g * knapp_hartung
    variance, error = {
        "knha": (knapp_hartung, kh_error),
        "adhoc": (max(wald, knapp_hartung), max(g * wald, kh_error)),
    }.get(test, (wald, g * wald))
    se = mp.sqrt(variance)
    # |sqrt(a + e) - sqrt(a)| is at most e/sqrt(a), and at most sqrt(e).
    se_error = min(error / se, mp.sqrt(error)) if se else mp.sqrt(error)
    wrong.compare(f"{where} se", fit.se, se, se_error)

    quantile = tb.normal_quantile() if test == "z" else tb.t_quantile(df)
    reach_error = quantile * (se_error + (g + QUANTILE) * se)
    wrong.compare(f"{where} low", fit.mu_low, mu - quantile * se, mu_error + reach_error)
    wrong.compare(f"{where} high", fit.mu_high, mu + quantile * se, mu_error + reach_error)

    if fit.se > 0:
        statistic = mu / se
        error = (mu_error + abs(statistic) * se_error) / min(se, mpf(float(fit.se))) + g * abs(
            statistic
        )
        wrong.compare(f"{where} statistic", fit.statistic, statistic, error)
        x = mpf(float(fit.statistic))
        p = tb.normal_tails(x) if test == "z" else tb.t_tails(x, df)
        wrong.compare(f"{where} p", fit.p_value, p, p_error(p, x, df, test, g))

    if method == "EE":
        if not np.isnan(fit.pi_low) or not np.isnan(fit.pi_high):
            wrong.append(f"{where}: a prediction interval of equal effects")
        i2, h2 = max(mpf(0), 1 - df / at_zero.q) if at_zero.q else mpf(0), at_zero.q / df
        i2_error = min(at_zero.q_error * df / at_zero.q**2, mpf(1)) + g if at_zero.q else mpf(0)
        h2_error = at_zero.q_error / df + g * h2
    else:
        typical = tb.typical_variance(at_zero, k)
        i2, h2 = tau2 / (tau2 + typical), 1 + tau2 / typical
        i2_error, h2_error = g * i2, g * h2
        if fit.se > 0 or tau2 > 0:
            scale = mp.sqrt(tau2 + variance)
            reach = tb.t_quantile(df) * scale
            error = mu_error + tb.t_quantile(df) * se_error + (g + QUANTILE) * reach
            wrong.compare(f"{where} pi_low", fit.pi_low, mu - reach, error)
            wrong.compare(f"{where} pi_high", fit.pi_high, mu + reach, error)
    wrong.compare(f"{where} i2", fit.i2, 100 * i2, 100 * i2_error)
    wrong.compare(f"{where} h2", fit.h2, h2, h2_error)

    wrong.compare(f"{where} q", fit.q, at_zero.q, at_zero.q_error)
    tail = tb.chi2_tail(mpf(float(fit.q)), df)
    wrong.compare(f"{where} q_p", fit.q_p, tail, tail * (TAIL + g * (1 + mpf(float(fit.q)))) + TINY)
    for found, w in zip(fit.weights, at.w, strict=True):
        wrong.compare(f"{where} weight", found, 100 * w / at.sum_w, g * 100 * w / at.sum_w)


def p_error(p, x, df, test, g):
    """Error of a p value at the statistic x.

    Normal: d ln p/d ln x is about -x^2. One degree of freedom: scipy takes the angle from
    1/(1 + x^2), whose rounding moves it by u/|x|, until x itself is lost. Below 1e-300 doubles
    lose digits.
    """
    error = p * (g + TAIL) + TINY
    if test == "z":
        return error + p * 4 * tb.UNIT * x * x
    return error + min(2 * abs(x), 2 * tb.UNIT / abs(x)) if df == 1 and x else error


LONG = np.longdouble


def no_higher_point(wrong, where, y, v, tau2, restricted):
    """On a grid of 600 values of tau2, in extended precision, none has a higher likelihood.

    The kernel compares heights in doubles, so heights within their rounding errors are equal.
    """
    y, v = (np.asarray(x, LONG) for x in (y, v))
    d = y - y[0]
    k = len(y)
    unit = np.exp(np.log(v).mean(axis=0))
    top = 4 * np.ptp(d, axis=0) ** 2 + v.max(axis=0)
    bottom = v.min(axis=0) * LONG(1e-8)
    steps = np.linspace(0, 1, 600).astype(LONG)[:, None]
    grid = bottom * (top / bottom) ** steps

    def height(t):
        w = 1 / (v + t)
        total = w.sum(axis=0)
        logs = np.log(w * unit)
        q = (w * (d - (w * d).sum(axis=0) / total) ** 2).sum(axis=0)
        value = (logs.sum(axis=0) - q) / 2
        size = np.abs(logs).sum(axis=0) + q
        return value - (np.log(total * unit) / 2 if restricted else 0), size

    ours, our_size = height(np.asarray(tau2, LONG))
    for point in [np.zeros_like(top), *grid]:
        there, size = height(point)
        slack = float(tb.gamma(k)) * (our_size + size + 1)
        for column in np.flatnonzero(there > ours + slack):
            wrong.append(
                f"{where} set {column}: the likelihood at {float(point[column])!r} is higher by "
                f"{float(there[column] - ours[column])!r} than at {tau2[column]!r}"
            )


def column(fit, c):
    return type(fit)(**{f.name: np.take(getattr(fit, f.name), c, axis=-1)[()] for f in fields(fit)})


def check_chunk(chunk):
    """Every method's tau2 for every set, alone and in a batch; one method's inference by turns."""
    wrong, refusals = Disagreements(), []
    serial = 0
    for y, v in batches(chunk, CHUNK):
        k, m = y.shape
        fits = {method: fit_or_reason(y, v, method) for method in METHODS}
        refusals += [reason for reason in fits.values() if isinstance(reason, str)]
        fits = {method: fit for method, fit in fits.items() if not isinstance(fit, str)}
        tests = {(method, test): pool(y, v, method, test) for method in fits for test in TESTS}
        for c in range(m):
            serial += 1
            data = tb.sample(y[:, c], v[:, c])
            known = {}

            def cache(tau2, data=data, known=known):
                if tau2 not in known:
                    known[tau2] = tb.moments(data, tau2)
                return known[tau2]

            where = f"chunk {chunk} k {k} set {c}"
            for method, fit in fits.items():
                first = float(fits["DL"].tau2[c])
                check_tau2(
                    wrong, f"{where} {method}", data, cache, method, float(fit.tau2[c]), first
                )
            check_interval(wrong, where, data, cache, y[:, c], v[:, c])
            method = list(fits)[serial % len(fits)]
            if serial % 25 == 0 and "PM" in fits:
                check_root(wrong, f"{where} PM", data, float(fits["PM"].tau2[c]))
            for test in TESTS:
                fit = column(tests[method, test], c)
                if serial % 2:
                    fit = pool(y[:, c], v[:, c], method, test)
                    first = pool(y[:, c], v[:, c], "DL").tau2
                    check_tau2(
                        wrong, f"{where} {method} alone", data, cache, method, fit.tau2, first
                    )
                check_inference(wrong, f"{where} {method} {test}", data, cache, method, test, fit)
        for method in {"ML", "REML"} & set(fits):
            no_higher_point(
                wrong, f"chunk {chunk} k {k} {method}", y, v, fits[method].tau2, method == "REML"
            )
    assert all(refusals), "a refusal without a reason"
    assert len(refusals) <= CHUNK // 100, refusals
    assert not wrong, "\n".join([f"{len(wrong)} disagreements", *wrong[:40]])


def test_the_kernel_agrees_with_50_digits_on_500_random_sets():
    check_chunk(0)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(1, 40))
def test_the_kernel_agrees_with_50_digits_on_20000_random_sets(chunk):
    check_chunk(chunk)


def test_a_data_set_alone_has_the_bits_that_it_has_in_a_batch():
    for y, v in batches(0, 50):
        for method in METHODS:
            together = pool(y, v, method, "adhoc")
            for c in range(y.shape[1]):
                alone = pool(y[:, c], v[:, c], method, "adhoc")
                for name, value in vars(column(together, c)).items():
                    assert np.array_equal(value, getattr(alone, name), equal_nan=True), name
