"""Made-up rows that are right: forms of one sample's numbers, shortened as journals do."""

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from math import hypot, sqrt

import numpy as np
from scipy.special import betaincinv, ndtri, stdtr, stdtrit

from metamill.measures.scales import BACK, FORWARD

ROUNDING = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_HALF_DOWN)
CUTTING = (ROUND_DOWN,)
Z = float(ndtri(0.975))


def t_of(df):
    return float(stdtrit(df, 0.975))


def shorten(x, digits, rule):
    text = f"{Decimal(repr(float(x))).quantize(Decimal(1).scaleb(-digits), rule):f}"
    return text.removeprefix("-") if float(text) == 0 else text


def printed(rng, numbers, rules, positive=(), tens=False):
    """Some of the numbers as cells, each with its own digits, all shortened by one rule.

    A `positive` number that prints as zero is left out: readers refuse it. With `tens` the numbers
    of size are rounded to tens or, where that leaves two digits or more, to hundreds.
    """
    rule = rules[rng.integers(len(rules))]
    row = {}
    for name, x in numbers.items():
        if rng.random() < 0.25:
            continue
        whole = name == "n" or name.startswith(("n_", "events", "total"))
        cell = str(int(x)) if whole else shorten(x, int(rng.integers(4)), rule)
        if tens and not whole and not name.startswith(("t_", "p_", "correlation")):
            cell = shorten(x, -2 if abs(x) >= 1000 and rng.random() < 0.5 else -1, rule)
            if float(cell) == 0:
                continue
        if float(cell) > 0 or name not in positive:
            row[name] = cell
    return row


def with_zeros(rng, row, habit):
    """The row with zeros at the end of its decimals `trimmed`, or some `added`, as by a program."""
    if habit not in ("trimmed", "added"):
        return row
    found = dict(row)
    for name, cell in row.items():
        number = name != "scale" and not name.startswith(("n", "events", "total"))
        if number and habit == "trimmed" and "." in cell:
            found[name] = cell.rstrip("0").removesuffix(".")
        elif number and habit == "added":
            zeros = "0" * int(rng.integers(4))
            found[name] = cell + (zeros if "." in cell or not zeros else f".{zeros}")
    return found


def _size(rng):
    return int(np.exp(rng.uniform(np.log(2), np.log(300))))


def _sample(rng, n, scale):
    kind = rng.integers(3)
    if kind == 0:
        return scale * (rng.normal(size=n) + rng.uniform(-3, 3))
    return scale * (rng.exponential(size=n) if kind == 1 else rng.integers(0, 11, n) + 0.0)


def _group(rng, x, suffix, size):
    n, mean, sd = len(x), x.mean(), x.std(ddof=1)
    se = sd / sqrt(n)
    reach = se * (t_of(n - 1) if rng.random() < 0.5 else Z)
    named = {
        "mean": mean,
        "sd": sd,
        "se": se,
        "ci_low": mean - reach,
        "ci_high": mean + reach,
        "min": x.min(),
        "max": x.max(),
    }
    return {f"{name}{suffix}": value for name, value in named.items()} | {size: n}


def _unit(rng, tens):
    """The scale of a sample; costs and the like are rounded to tens."""
    return 10 ** (rng.uniform(3, 4) if tens else rng.uniform(-1, 2))


def one_group(rng, rules, tens=False):
    x = _sample(rng, _size(rng), _unit(rng, tens))
    numbers = _group(rng, x, "", "n")
    return "MN", printed(rng, numbers, rules, ("sd", "se"), tens)


def before_and_after(rng, rules, tens=False):
    n, scale = _size(rng), _unit(rng, tens)
    pre = _sample(rng, n, scale)
    post = rng.uniform(0, 1) * pre + scale * rng.uniform(0.1, 1) * rng.normal(size=n)
    change = post - pre
    numbers = _group(rng, pre, "_pre", "n") | _group(rng, post, "_post", "n")
    own = _group(rng, change, "_change", "n")
    numbers |= {name: own[name] for name in own if not name.startswith(("min", "max"))}
    if pre.std() > 0 and post.std() > 0:
        numbers["correlation"] = float(np.clip(np.corrcoef(pre, post)[0, 1], -1, 1))
    if own["se_change"] > 0:
        t = own["mean_change"] / own["se_change"]
        numbers |= {"t_change": t, "p_change": 2 * float(stdtr(n - 1, -abs(t)))}
    positive = [name for name in numbers if name.startswith(("sd", "se", "p_"))]
    return "MC", printed(rng, numbers, rules, positive, tens)


def two_arms(rng, rules, tens=False):
    scale, equal = _unit(rng, tens), rng.random() < 0.5
    a, b = (_sample(rng, _size(rng), scale) for _ in range(2))
    numbers = _group(rng, a, "_treatment", "n_treatment") | _group(rng, b, "_control", "n_control")
    parts = [x.var(ddof=1) / len(x) for x in (a, b)]
    se, df = hypot(*np.sqrt(parts)), len(a) + len(b) - 2
    if equal:
        pooled = sqrt(sum((len(x) - 1) * x.var(ddof=1) for x in (a, b)) / df)
        se = pooled * sqrt(1 / len(a) + 1 / len(b))
    elif se > 0:
        df = sum(parts) ** 2 / sum(v**2 / (len(x) - 1) for v, x in zip(parts, (a, b), strict=True))
    difference = a.mean() - b.mean()
    reach = se * (t_of(df) if rng.random() < 0.7 else Z)
    numbers |= {
        "se_difference": se,
        "ci_low_difference": difference - reach,
        "ci_high_difference": difference + reach,
    }
    if se > 0:
        t = difference / se
        numbers |= {"t_difference": t, "p_difference": 2 * float(stdtr(df, -abs(t)))}
    if rng.random() < 0.5:
        own = ("sd", "se_t", "se_c", "ci_low_t", "ci_low_c", "ci_high_t", "ci_high_c")
        numbers = {name: x for name, x in numbers.items() if not name.startswith(own)}
    positive = [name for name in numbers if name.startswith(("sd", "se", "p_"))]
    return "MD", printed(rng, numbers, rules, positive, tens)


def reported_effect(rng, rules):
    scale = ("identity", "log", "logit", "cloglog")[rng.integers(4)]
    n = int(np.exp(rng.uniform(np.log(6), np.log(300))))
    yi, se = rng.uniform(-1.5, 1), rng.uniform(0.05, 0.5)
    s = float(BACK[scale](np.array(yi)))
    if scale in ("logit", "cloglog"):
        slope = 1 / (1 - s) if scale == "logit" else 1 / np.log(s)
        se = sqrt((1 - s) / (s * n)) * abs(slope) * rng.uniform(1, 2)
    q = t_of(n - 2) if rng.random() < 0.3 else Z
    ends = [float(BACK[scale](np.array(yi + s * q * se))) for s in (-1, 1)]
    numbers = {
        "yi": yi,
        "vi": se**2,
        "sei": se,
        "estimate": float(BACK[scale](np.array(yi))),
        "ci_low": min(ends),
        "ci_high": max(ends),
    }
    row = printed(rng, numbers, rules, ("vi", "sei"))
    low, high = {"identity": (-9e9, 9e9), "log": (0, 9e9)}.get(scale, (0, 1))
    inside = (low < float(row[x]) < high for x in ("estimate", "ci_low", "ci_high") if x in row)
    if not all(inside):
        row = {name: row[name] for name in ("yi", "vi", "sei") if name in row}
    sure_n = q != Z or rng.random() < 0.5
    return "GEN", row | {"scale": scale} | ({"n": str(n)} if sure_n else {})


def binomial_intervals(x, n):
    """Limits of x of n by the usual methods; those on a scale need 0 < x < n."""
    p = x / n
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    tilde = (x + Z**2 / 2) / (n + Z**2)
    wide = Z * sqrt(tilde * (1 - tilde) / (n + Z**2))
    found = {
        "Wilson": (middle - half, middle + half),
        "Agresti-Coull": (tilde - wide, tilde + wide),
        "exact": (
            float(betaincinv(x, n - x + 1, 0.025)) if x else 0.0,
            float(betaincinv(x + 1, n - x, 0.975)) if x < n else 1.0,
        ),
        "Jeffreys": tuple(float(betaincinv(x + 0.5, n - x + 0.5, q)) for q in (0.025, 0.975)),
    }
    if 0 < x < n:
        on_log = sqrt((1 - p) / x)
        slopes = {"identity": p, "log": 1, "logit": 1 / (1 - p), "cloglog": 1 / abs(np.log(p))}
        for scale, slope in slopes.items():
            f = float(FORWARD[scale](np.array(p)))
            ends = [float(BACK[scale](np.array(f + s * Z * on_log * slope))) for s in (-1, 1)]
            found[scale] = (min(ends), max(ends))
    return {name: (max(low, 0.0), min(high, 1.0)) for name, (low, high) in found.items()}


def proportion(rng, rules):
    total = _size(rng)
    events = int(rng.binomial(total, rng.uniform(0, 1)))
    found = binomial_intervals(events, total)
    low, high = list(found.values())[rng.integers(len(found))]
    by = 100 if rng.random() < 0.7 else 1
    numbers = {"ci_low": by * low, "ci_high": by * high, "percent": 100 * events / total}
    row = printed(rng, numbers, rules)
    counts = {"events": str(events), "total": str(total)}
    return "PLO", row | (counts if rng.random() < 0.7 else {"n": str(total)})


MAKERS = (one_group, before_and_after, two_arms, reported_effect, proportion)
IN_TENS = (one_group, before_and_after, two_arms)
