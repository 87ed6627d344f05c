"""Mantel-Haenszel and Peto against exact rational arithmetic: agreement, or refusal where due.

Every estimate and variance is a rational number (or the logarithm of one) of the counts, so
fractions give it without rounding. The kernel adds up positive terms of a few roundings each,
with a relative error below gamma = (3 k + 60) u of their sums; the two places where terms cancel
(the variance of RD, and the means of RD, IRD and PETO) count it on the sum of absolute terms.
"""

from fractions import Fraction

import numpy as np
import pytest
from textbook import gamma, mp, mpf

from metamill.pooling.identified import NotIdentified
from metamill.pooling.mantel_haenszel import mantel_haenszel
from metamill.pooling.peto import peto

NAMES = ("events_treatment", "size_treatment", "events_control", "size_control")
METHODS = ("OR", "RR", "RD", "IRR", "IRD", "PETO")


def number(x):
    return mpf(x.numerator) / mpf(x.denominator)


def random_counts(chance, method):
    """Counts with zeros, full groups, rare events, tiny and huge groups; times for rates."""
    k = int(chance.integers(1, 13))
    largest = 10 ** chance.uniform(0.3, 6)
    sizes = np.ceil(largest ** chance.random((2, k))).astype(int)
    if method in ("IRR", "IRD"):
        events = chance.poisson(chance.choice([0.2, 3.0, 300.0]), (2, k))
        times = sizes * chance.choice([1.0, 0.125, 365.25])
        return events[0], times[0], events[1], times[1]
    p = chance.beta(*chance.choice([[0.3, 5.0], [1.0, 1.0], [5.0, 0.3], [0.05, 0.05]]), (2, k))
    events = chance.binomial(sizes, p)
    whole = chance.random((2, k)) < chance.choice([0.0, 0.3, 0.9])
    ends = np.where(chance.random() < 0.5, 0, sizes)
    events = np.where(whole, ends, events)
    return events[0], sizes[0], events[1], sizes[1]


def exact(method, a, n1, c, n2):
    """(estimate, its error, variance, its error), or None where there is no finite estimate.

    The first is on the model scale; the definitions are those the docstrings of the kernel cite.
    """
    a, n1, c, n2 = ([Fraction(float(x)) for x in column] for column in (a, n1, c, n2))
    rows = list(zip(a, n1, c, n2, strict=True))
    g = gamma(len(rows))
    if method == "PETO":
        total = sum(
            (x + y) * (m + n - x - y) * m * n / ((m + n) ** 2 * (m + n - 1)) for x, m, y, n in rows
        )
        if total == 0:
            return None
        parts = [(x * n, y * m, m + n) for x, m, y, n in rows]
        mean = sum((p - q) / s for p, q, s in parts) / total
        size = sum((p + q) / s for p, q, s in parts) / total
        return number(mean), g * number(size + abs(mean)), 1 / number(total), g / number(total)
    if method in ("RD", "IRD"):
        return _difference(rows, method, g)
    if method == "OR":
        r = [x * (n - y) / (m + n) for x, m, y, n in rows]
        s = [y * (m - x) / (m + n) for x, m, y, n in rows]
    else:
        r = [x * n / (m + n) for x, m, y, n in rows]
        s = [y * m / (m + n) for x, m, y, n in rows]
    sum_r, sum_s = sum(r), sum(s)
    if sum_r == 0 or sum_s == 0:
        return None
    if method == "OR":
        # Robins, Breslow and Greenland 1986.
        p = [(x + n - y) / (m + n) for x, m, y, n in rows]
        q = [1 - x for x in p]
        variance = sum(x * y for x, y in zip(p, r, strict=True)) / sum_r**2
        variance += sum(w * z + x * y for w, x, y, z in zip(p, q, r, s, strict=True)) / (
            sum_r * sum_s
        )
        variance += sum(x * y for x, y in zip(q, s, strict=True)) / sum_s**2
        variance /= 2
    elif method == "RR":
        # Greenland and Robins 1985.
        spread = sum((m * n * (x + y) - x * y * (m + n)) / (m + n) ** 2 for x, m, y, n in rows)
        variance = spread / (sum_r * sum_s)
    else:
        variance = sum(m * n * (x + y) / (m + n) ** 2 for x, m, y, n in rows) / (sum_r * sum_s)
    if variance == 0:
        return None
    mean = mp.log(number(sum_r / sum_s))
    return mean, g * (1 + abs(mean)), number(variance), g * number(variance)


def _difference(rows, method, g):
    weight = sum(m * n / (m + n) for _, m, _, n in rows)
    mean = sum((x * n - y * m) / (m + n) for x, m, y, n in rows) / weight
    size = sum((x * n + y * m) / (m + n) for x, m, y, n in rows) / weight
    if method == "IRD":
        variance = sum((m * n / (m + n)) ** 2 * (x / m**2 + y / n**2) for x, m, y, n in rows)
        if variance == 0:
            return None
        variance = number(variance / weight**2)
        return number(mean), g * number(size), variance, g * variance
    # Sato, Greenland and Robins 1989.
    p = [(m**2 * y, -(n**2) * x, m * n * (n - m) / 2, (m + n) ** 2) for x, m, y, n in rows]
    q = [(x * (n - y) + y * (m - x)) / (m + n) / 2 for x, m, y, n in rows]
    sum_p = sum((i + j + h) / s for i, j, h, s in p)
    size_p = sum((abs(i) + abs(j) + abs(h)) / s for i, j, h, s in p)
    variance = (mean * sum_p + sum(q)) / weight**2
    variance_size = (abs(mean) * size_p + size * abs(sum_p) + sum(q)) / weight**2
    no_spread = all(x + y == 0 for x, _, y, _ in rows)
    no_spread |= all(x == m and y == n for x, m, y, n in rows)
    # The kernel refuses a variance that is no more than its own rounding error.
    if no_spread or number(variance) <= mpf("2e-12") * number(variance_size):
        return None
    return number(mean), g * number(size), number(variance), g * number(variance_size)


def pooled(method, *columns):
    size = "time" if method in ("IRR", "IRD") else "total"
    named = {
        name.replace("size", size): values for name, values in zip(NAMES, columns, strict=True)
    }
    return peto(named) if method == "PETO" else mantel_haenszel(named, method)


def check(method, sets):
    answered = refused = 0
    chance = np.random.default_rng([7, METHODS.index(method)])
    for serial in range(sets):
        columns = random_counts(chance, method)
        where = f"{method} set {serial}: {[x.tolist() for x in columns]}"
        expected = exact(method, *columns)
        if expected is None:
            refused += 1
            with pytest.raises(NotIdentified, match=r"\w+ \w+"):
                pooled(method, *columns)
            continue
        answered += 1
        fit = pooled(method, *columns)
        mean, mean_error, variance, variance_error = expected
        assert abs(mpf(fit.mu) - mean) <= mean_error, where
        found = mpf(fit.se) ** 2
        assert abs(found - variance) <= variance_error + gamma(2) * variance, where
    assert answered > sets / 5, "too few sets with an answer to mean anything"
    assert refused > 0, "no set that has to be refused"


@pytest.mark.parametrize("method", METHODS)
def test_mantel_haenszel_and_peto_are_exact_or_refused(method):
    check(method, 50)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_mantel_haenszel_and_peto_are_exact_or_refused_on_500_sets(method):
    check(method, 500)
