"""How often each check finds a slip: the numbers of docs/audit/summaries.md, from fixed seeds."""

import random
from fractions import Fraction

from brute_force import ROUNDINGS, printed, printed_root, spread

from metamill.audit.finding import HOLDING, QUESTION, Group
from metamill.audit.summary.group import check_group

ONE = Fraction(1)
HALF_UP = ROUNDINGS["half up"]
TRIES, SLIPS = 200, 100


Shares = tuple[float, float]
"""Of slips: held, and held or asked about."""


def _shares(groups, codes) -> Shares:
    levels = [{f.level for f in check_group(group) if f.check in codes} for group in groups]
    held = sum(bool(found & set(HOLDING)) for found in levels)
    told = sum(bool(found & {*HOLDING, QUESTION}) for found in levels)
    return held / len(levels), told / len(levels)


def grim(n):
    """Means from .00 to .99 of n whole numbers."""
    groups = (Group({"n": str(n), "mean": f"{k / 100:.2f}"}, step=ONE) for k in range(100))
    return _shares(groups, {"grim"})


def grimmer(n):
    """SDs from 0.50 to 2.50 beside a mean of n answers from 1 to 7."""
    chance = random.Random(n)
    groups = []
    for _ in range(TRIES):
        mean = printed(Fraction(chance.randint(2 * n, 6 * n), n), 2, HALF_UP)
        sd = f"{chance.randint(50, 250) / 100:.2f}"
        groups.append(Group({"n": str(n), "mean": mean, "sd": sd}, step=ONE))
    return _shares(groups, {"grimmer"})


def debit(n):
    """SDs from 0.00 to 0.50 beside the mean of n zeros and ones, in columns that hold scores."""
    chance = random.Random(n)
    groups = []
    for _ in range(TRIES):
        mean = printed(Fraction(chance.randint(0, n), n), 2, HALF_UP)
        cells = {"n": str(n), "mean": mean, "sd": f"{chance.randint(0, 50) / 100:.2f}"}
        groups.append(Group(cells, "_pre", step=ONE, low=Fraction(0), high=ONE))
    return _shares(groups, {"debit"})


def slip(name, n, scale=(50, 15, 100)):
    """Slips in the SD of n scores that are found by the SD's limits.

    Scores are normal about the first number of `scale` with the second as SD, whole and cut to 0
    and the third; range and mean are printed.
    """
    chance = random.Random(n)
    centre, sd, most = scale
    groups = []
    for _ in range(SLIPS):
        values = sorted(min(most, max(0, round(chance.gauss(centre, sd)))) for _ in range(n))
        square = Fraction(spread(values), n - 1)
        iqr = values[(3 * n) // 4] - values[n // 4]
        slipped = {
            "standard error": square / n,
            "variance": square**2,
            "times 1.8": square * Fraction("3.24"),
            "interquartile range": Fraction(iqr) ** 2,
        }[name]
        cells = {
            "n": str(n),
            "mean": printed(Fraction(sum(values), n), 1, HALF_UP),
            "sd": printed_root(slipped, 1, HALF_UP),
            "min": str(values[0]),
            "max": str(values[-1]),
        }
        groups.append(Group(cells, step=ONE))
    return _shares(groups, {"sd_minimum", "sd_maximum", "se_as_sd"})


def variance_of_pain(sd, n=30):
    """Variances printed as SDs of n whole scores of pain from 0 to 10 with the given SD."""
    return slip("variance", n, (5, sd, 10))
