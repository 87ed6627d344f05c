"""How often each check finds a slip: the numbers of docs/audit/summaries.md, from fixed seeds."""

import random
from fractions import Fraction

from brute_force import ROUNDINGS, printed, printed_root, spread

from metamill.audit.finding import Group
from metamill.audit.summary.debit import debit_fits
from metamill.audit.summary.grim import admissible_sums
from metamill.audit.summary.grimmer import grimmer_fits
from metamill.audit.summary.group import check_group
from metamill.tables.printed import rounded

ONE = Fraction(1)
HALF_UP = ROUNDINGS["half up"]
TRIES, SLIPS = 200, 100


def grim(n):
    """Share of the means .00 to .99 that no n whole numbers have."""
    cells = [f"{k / 100:.2f}" for k in range(100)]
    return sum(not admissible_sums(rounded(cell), n, ONE) for cell in cells) / 100


def grimmer(n):
    """Share of SDs from 0.50 to 2.50 refused beside a mean of n answers from 1 to 7."""
    chance = random.Random(n)
    refused = 0
    for _ in range(TRIES):
        mean = printed(Fraction(chance.randint(2 * n, 6 * n), n), 2, HALF_UP)
        sd = rounded(f"{chance.randint(50, 250) / 100:.2f}")
        refused += not grimmer_fits(admissible_sums(rounded(mean), n, ONE), sd, n, n - 1, ONE)
    return refused / TRIES


def debit(n):
    """Share of SDs from 0.00 to 0.50 refused beside the mean of n zeros and ones."""
    chance = random.Random(n)
    refused = 0
    for _ in range(TRIES):
        mean = printed(Fraction(chance.randint(0, n), n), 2, HALF_UP)
        sd = rounded(f"{chance.randint(0, 50) / 100:.2f}")
        refused += not debit_fits(admissible_sums(rounded(mean), n, ONE), sd, n, n - 1)
    return refused / TRIES


def slip(name, n):
    """Share of slips in the SD of n scores within 0 to 100 that are found by the SD's limits.

    Scores are normal about 50 with SD 15, whole and cut to the scale; range and mean are printed.
    """
    chance = random.Random(n)
    caught = 0
    for _ in range(SLIPS):
        values = sorted(min(100, max(0, round(chance.gauss(50, 15)))) for _ in range(n))
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
        codes = {f.check for f in check_group(Group(cells, step=ONE)) if f.level == "impossible"}
        caught += bool(codes & {"sd_minimum", "sd_maximum", "se_as_sd"})
    return caught / SLIPS
