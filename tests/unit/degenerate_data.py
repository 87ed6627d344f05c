"""Tables at the edge for every kind of effect: a dozen ways in which there is little to pool."""

from metamill.config.methods import DEPENDENT
from metamill.config.settings import Model
from metamill.tables.reader import TableRow


def rows(*cells: dict[str, object]) -> list[TableRow]:
    """Two rows of the first study, for methods that pool several rows of one."""
    names = ["S0" if i < 2 else f"S{i}" for i in range(len(cells))]
    named = [
        {"study": name, "arm": str(i), "unit": "patient"} | {k: str(v) for k, v in c.items()}
        for i, (name, c) in enumerate(zip(names, cells, strict=True))
    ]
    return [TableRow(i + 2, c) for i, c in enumerate(named)]


def table(columns: str, *values: tuple[object, ...]) -> list[TableRow]:
    return rows(*(dict(zip(columns.split(), row, strict=True)) for row in values))


PROPORTIONS = "events total"
TRIALS = "events_treatment total_treatment events_control total_control"
RATES = "events time"
RATE_TRIALS = "events_treatment time_treatment events_control time_control"
MEAN = "mean sd n"
CHANGE = "mean_pre sd_pre mean_post sd_post n correlation"
MEANS = "mean_treatment sd_treatment n_treatment mean_control sd_control n_control"
CORRELATION = "correlation n"
GENERIC = "yi vi"

DATA: dict[str, dict[str, list[tuple[object, ...]]]] = {
    PROPORTIONS: {
        "no study": [],
        "one study": [(3, 40)],
        "two studies": [(3, 40), (9, 50)],
        "no event at all": [(0, 20), (0, 30), (0, 50)],
        "nothing but events": [(20, 20), (30, 30), (50, 50)],
        "one study with events": [(0, 20), (4, 30), (0, 50), (0, 9)],
        "identical studies": [(5, 40)] * 4,
        "both ends": [(0, 50), (0, 60), (70, 70), (80, 80)],
        "both ends of two": [(0, 50), (70, 70)],
        "one unit each": [(0, 1), (1, 1), (0, 1), (1, 1)],
        "one event": [(1, 40), (0, 30), (0, 25)],
        "a giant study": [(30, 1_000_000), (2, 9), (1, 12), (4, 15)],
        "no spread at all": [(5, 50), (10, 100), (20, 200), (1, 10)],
        "a rare and a common one": [(1, 1_000_000), (999_999, 1_000_000), (5, 10)],
    },
    TRIALS: {
        "no study": [],
        "one study": [(3, 40, 6, 38)],
        "two studies": [(3, 40, 6, 38), (5, 30, 9, 31)],
        "no event at all": [(0, 20, 0, 22), (0, 30, 0, 31), (0, 50, 0, 40)],
        "nothing but events": [(20, 20, 22, 22), (30, 30, 31, 31), (50, 50, 40, 40)],
        "one study with events": [(0, 20, 0, 22), (3, 30, 6, 31), (0, 50, 0, 40)],
        "no event under treatment": [(0, 20, 3, 22), (0, 30, 4, 31), (0, 50, 9, 40)],
        "no event under control": [(3, 20, 0, 22), (4, 30, 0, 31), (9, 50, 0, 40)],
        "perfect separation": [(20, 20, 0, 22), (30, 30, 0, 31), (50, 50, 0, 40)],
        "perfect separation both ways": [(20, 20, 0, 22), (0, 30, 31, 31), (50, 50, 0, 40)],
        "identical studies": [(5, 40, 8, 40)] * 4,
        "no difference": [(5, 40, 5, 40), (9, 50, 9, 50), (2, 30, 2, 30)],
        "one unit each": [(0, 1, 1, 1), (1, 1, 0, 1), (0, 1, 1, 1)],
        "one event": [(1, 40, 0, 40), (0, 30, 0, 30), (0, 20, 0, 20)],
        "a giant study": [(300, 900_000, 280, 900_000), (2, 9, 1, 12), (4, 15, 3, 14)],
        "no or all events": [(0, 20, 0, 22), (30, 30, 31, 31), (0, 9, 0, 8)],
    },
    RATES: {
        "no study": [],
        "one study": [(3, 40)],
        "two studies": [(3, 40), (9, 50.5)],
        "no event at all": [(0, 20), (0, 30), (0, 50)],
        "one study with events": [(0, 20), (4, 30), (0, 50)],
        "identical studies": [(5, 40)] * 4,
        "one event": [(1, 40), (0, 30), (0, 25)],
        "a giant study": [(30_000, 1e9), (2, 9), (1, 12)],
        "a tiny time": [(3, 1e-9), (9, 1e9), (2, 1)],
        "no spread at all": [(5, 50), (10, 100), (20, 200)],
        "far apart": [(1, 1e6), (1000, 1), (2, 1e6), (5000, 1)],
    },
    RATE_TRIALS: {
        "no study": [],
        "one study": [(3, 40, 6, 38)],
        "two studies": [(3, 40, 6, 38), (5, 30, 9, 31)],
        "no event at all": [(0, 20, 0, 22), (0, 30, 0, 31), (0, 50, 0, 40)],
        "one study with events": [(0, 20, 0, 22), (3, 30, 6, 31), (0, 50, 0, 40)],
        "no event under treatment": [(0, 20, 3, 22), (0, 30, 4, 31), (0, 50, 9, 40)],
        "no event under control": [(3, 20, 0, 22), (4, 30, 0, 31), (9, 50, 0, 40)],
        "separation both ways": [(20, 20, 0, 22), (0, 30, 31, 31), (50, 50, 0, 40)],
        "identical studies": [(5, 40, 8, 40)] * 4,
        "one event": [(1, 40, 0, 40), (0, 30, 0, 30), (0, 20, 0, 20)],
        "a giant study": [(300, 9e8, 280, 9e8), (2, 9, 1, 12), (4, 15, 3, 14)],
        "a tiny time": [(3, 1e-9, 9, 1e9), (2, 1, 1, 1), (4, 5, 3, 6)],
    },
    MEAN: {
        "no study": [],
        "one study": [(5, 2, 20)],
        "two studies": [(5, 2, 20), (6, 3, 25)],
        "identical studies": [(5, 2, 20)] * 4,
        "same mean": [(5, 2, 20), (5, 3, 25), (5, 1, 30)],
        "an outlier": [(5, 2, 20), (6, 3, 25), (1e9, 2, 30)],
        "a giant study": [(5, 2, 100_000_000), (6, 3, 25), (4, 2, 30)],
        "tiny numbers": [(5e-9, 2e-9, 20), (6e-9, 3e-9, 25), (9e-9, 2e-9, 30)],
        "huge numbers": [(5e12, 2e12, 20), (6e12, 3e12, 25), (9e12, 2e12, 30)],
        "no spread": [(5, 0, 20), (6, 3, 25), (4, 2, 30)],
        "one patient": [(5, 2, 1), (6, 3, 25), (4, 2, 30)],
        "two patients each": [(5, 2, 2), (6, 3, 2), (4, 2, 2)],
    },
    CHANGE: {
        "no study": [],
        "one study": [(50, 10, 30, 8, 20, 0.5)],
        "two studies": [(50, 10, 30, 8, 20, 0.5), (48, 9, 33, 10, 31, 0.4)],
        "identical studies": [(50, 10, 30, 8, 20, 0.5)] * 4,
        "no change": [(50, 10, 50, 10, 20, 0.5), (48, 9, 48, 9, 31, 0.4)],
        "an outlier": [(50, 10, 30, 8, 20, 0.5), (48, 9, -1e7, 10, 31, 0.4), (9, 1, 8, 2, 9, 0)],
        "a giant study": [
            (50, 10, 30, 8, 10**8, 0.5),
            (48, 9, 33, 10, 31, 0.4),
            (9, 1, 8, 2, 9, 0),
        ],
        "perfect correlation": [(50, 10, 30, 10, 20, 1), (48, 9, 33, 10, 31, 0.4)],
        "opposite correlation": [(50, 10, 30, 10, 20, -1), (48, 9, 33, 10, 31, 0.4)],
        "no spread before": [(50, 0, 30, 8, 20, 0.5), (48, 9, 33, 10, 31, 0.4)],
        "no spread": [(50, 0, 30, 0, 20, 0.5), (48, 9, 33, 10, 31, 0.4)],
        "two patients": [(50, 10, 30, 8, 2, 0.5), (48, 9, 33, 10, 31, 0.4)],
    },
    MEANS: {
        "no study": [],
        "one study": [(5, 2, 20, 6, 2, 20)],
        "two studies": [(5, 2, 20, 6, 2, 20), (5, 3, 12, 7, 2, 14)],
        "identical studies": [(5, 2, 20, 6, 2, 20)] * 4,
        "no difference": [(5, 2, 20, 5, 2, 20), (6, 3, 9, 6, 3, 9), (7, 1, 12, 7, 1, 12)],
        "an outlier": [(5, 2, 20, 6, 2, 20), (5, 3, 12, 7, 2, 14), (1e9, 2, 20, 6, 2, 20)],
        "a giant study": [(5, 2, 10**8, 6, 2, 10**8), (5, 3, 12, 7, 2, 14), (9, 2, 20, 6, 2, 20)],
        "no spread in one group": [
            (5, 0, 20, 6, 2, 20),
            (5, 3, 12, 7, 2, 14),
            (9, 2, 20, 6, 2, 20),
        ],
        "no spread": [(5, 0, 20, 6, 0, 20), (5, 3, 12, 7, 2, 14), (9, 2, 20, 6, 2, 20)],
        "one patient in a group": [(5, 2, 1, 6, 2, 20), (5, 3, 12, 7, 2, 14)],
        "two patients in each group": [(5, 2, 2, 6, 2, 2), (5, 3, 2, 7, 2, 2), (9, 2, 2, 6, 2, 2)],
        "a mean of zero": [(0, 2, 20, 6, 2, 20), (5, 3, 12, 7, 2, 14)],
        "a mean below zero": [(-5, 2, 20, 6, 2, 20), (5, 3, 12, 7, 2, 14)],
    },
    CORRELATION: {
        "no study": [],
        "one study": [(0.3, 40)],
        "two studies": [(0.3, 40), (0.5, 60)],
        "identical studies": [(0.3, 40)] * 4,
        "no correlation": [(0, 40), (0, 60), (0, 20)],
        "perfect": [(1, 40), (0.5, 60), (0.3, 20)],
        "nearly perfect": [(0.999999, 40), (0.5, 60), (0.3, 20)],
        "both ends": [(0.999, 40), (-0.999, 60), (0.9999, 20), (-0.9999, 30)],
        "three patients": [(0.3, 3), (0.5, 60), (0.3, 20)],
        "four patients each": [(0.3, 4), (0.5, 4), (-0.9, 4)],
        "two patients": [(0.3, 2), (0.5, 60)],
        "a giant study": [(0.3, 10**9), (0.5, 60), (0.1, 20)],
    },
    GENERIC: {
        "no study": [],
        "one study": [(0.5, 0.1)],
        "two studies": [(0.5, 0.1), (0.9, 0.2)],
        "identical effects": [(0.5, 0.1), (0.5, 0.2), (0.5, 0.3)],
        "all zero": [(0, 0.1), (0, 0.2), (0, 0.3)],
        "identical but for rounding": [(0.1 + 0.2, 0.1), (0.3, 0.2), (0.3, 0.3)],
        "Q far below its expectation": [(0.5, 1), (0.5001, 2), (0.4999, 1), (0.5, 3), (0.5002, 1)],
        "no variance": [(0.5, 0), (0.9, 0.2), (0.1, 0.3)],
        "variances 1e7 apart": [(0.5, 1e-7), (0.9, 1), (0.1, 0.3)],
        "variances 1e17 apart": [(0.5, 1e-17), (0.9, 1), (0.1, 0.3)],
        "a giant study": [(0.5, 1e-8), (0.9, 0.2), (0.1, 0.3), (0.2, 0.4)],
        "an outlier": [(0.5, 0.1), (1e9, 0.2), (0.1, 0.3), (0.2, 0.4)],
        "tiny numbers": [(5e-40, 1e-80), (9e-40, 2e-80), (1e-40, 3e-80)],
        "huge numbers": [(5e40, 1e80), (9e40, 2e80), (1e40, 3e80)],
        "far beyond their errors": [(5, 1e-20), (-9, 2e-20), (100, 3e-20)],
    },
}

COLUMNS = {
    **dict.fromkeys(("PR", "PLN", "PLO", "PAS", "PFT"), PROPORTIONS),
    **dict.fromkeys(("OR", "RR", "RD", "AS"), TRIALS),
    **dict.fromkeys(("IR", "IRLN", "IRS"), RATES),
    **dict.fromkeys(("IRR", "IRD"), RATE_TRIALS),
    "MN": MEAN,
    **dict.fromkeys(("MC", "SMCC", "SMCR"), CHANGE),
    **dict.fromkeys(("MD", "SMD", "ROM"), MEANS),
    **dict.fromkeys(("COR", "ZCOR"), CORRELATION),
    "GEN": GENERIC,
}


def model_of(method: str, measure: str, test: str, **more: object) -> Model:
    rho = 0.6 if method in DEPENDENT else None
    prior = 0.5 if method == "BAYES" else None
    return Model(measure, method, test, rho=rho, tau_prior=prior, **more)
