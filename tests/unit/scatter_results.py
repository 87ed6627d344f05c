"""Results for plots of single studies, made up for the tests: they belong to no study.

The pooled numbers are an inverse-variance mean with the t or normal quantile that the model names,
so that they agree with each other as those of a real result do.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import asin, exp, log, sin, sqrt, tanh
from random import Random
from statistics import NormalDist

from scipy.special import expit, stdtrit

from metamill.config.settings import Display
from metamill.results import Analysis, Effect, MeasureText, Pooled, Result, StudyRow

MEASURES = {
    code: MeasureText(code, *rest)
    for code, *rest in (
        ("OR", "log odds ratio", "odds ratio", "ratio", 1.0, True),
        ("RR", "log risk ratio", "risk ratio", "ratio", 1.0, True),
        ("RD", "risk difference", "risk difference", "difference", 0.0, False),
        ("AS", "arcsine difference", "arcsine difference", "difference", 0.0, False),
        ("MD", "mean difference", "mean difference", "difference", 0.0, False),
        ("MC", "mean change", "mean change", "change", 0.0, False),
        ("PLO", "logit proportion", "proportion", "proportion", None, False),
        ("PAS", "arcsine proportion", "proportion", "proportion", None, False),
        ("PLN", "log proportion", "proportion", "proportion", None, False),
        ("PR", "raw proportion", "proportion", "proportion", None, False),
        ("PFT", "double arcsine proportion", "proportion", "proportion", None, False),
        ("IRLN", "log incidence rate", "incidence rate", "rate", None, True),
        ("ZCOR", "Fisher z of the correlation", "correlation", "correlation", 0.0, False),
        ("GEN", "effect as reported", "estimate", "generic", None, False),
    )
}
BACK: dict[str, Callable[[float], float]] = {
    "OR": lambda y: exp(min(y, 700.0)),
    "RR": lambda y: exp(min(y, 700.0)),
    "IRLN": lambda y: exp(min(y, 700.0)),
    "PLO": lambda y: float(expit(y)),
    "PAS": lambda y: sin(min(max(y, 0.0), 1.5707963)) ** 2,
    "PFT": lambda y: sin(min(max(y, 0.0), 1.5707963)) ** 2 * 0.99,
    "PLN": lambda y: exp(min(y, 700.0)),
    "ZCOR": tanh,
}
DISPLAY = Display("Loosening of screws", direction="lower", treatment="Cement", control="No cement")
MODEL = {
    "measure": "OR", "method": "REML", "test": "t", "level": 95.0, "prediction": True,
    "prediction_interval": "t", "correlation": 0.5, "add": 0.5, "to": "only0",
}  # fmt: skip


def made_up(
    code: str,
    yi: Sequence[float],
    vi: Sequence[float],
    labels: Sequence[str] = (),
    *,
    cells: Sequence[dict[str, str]] = (),
    sizes: Sequence[float] = (),
    flagged: Sequence[int] = (),
    levels: Sequence[str] = (),
    test: str = "t",
    tau2: float = 0.02,
) -> Result:
    """A result of measure `code` for effects and variances on the model scale."""
    k = len(yi)
    labels = labels or [f"Study {i + 1} {1990 + i % 30}" for i in range(k)]
    back = BACK.get(code, float)
    z = NormalDist().inv_cdf(0.975)
    weights = [1 / (v + tau2) if v + tau2 > 0 else 0.0 for v in vi]
    total = sum(weights) or 1.0
    rows = tuple(
        StudyRow(f"S{i}", labels[i], i + 2, dict(cells[i]) if cells else {}) for i in range(k)
    )
    effects = tuple(
        Effect(
            i, y, v, back(y), back(y - z * sqrt(v)), back(y + z * sqrt(v)), 100 * w / total,
            size=sizes[i] if sizes else None,
            flags=("continuity correction",) if i in flagged else (),
        )
        for i, (y, v, w) in enumerate(zip(yi, vi, weights, strict=True))
    )  # fmt: skip
    mu = sum(w * y for w, y in zip(weights, yi, strict=True)) / total
    se = sqrt(1 / total)
    q = float(stdtrit(max(k - 1, 1), 0.975)) if test == "t" else z
    low, high = mu - q * se, mu + q * se
    pi_q = float(stdtrit(max(k - 1, 1), 0.975))
    reach = pi_q * sqrt(tau2 + se**2)
    pooled = Pooled(
        k, estimate=back(mu), ci_low=back(low), ci_high=back(high), pi_low=back(mu - reach),
        pi_high=back(mu + reach), mu=mu, se=se, mu_low=low, mu_high=high, tau2=tau2,
        tau=sqrt(tau2), p_value=0.2,
    )  # fmt: skip
    settings = MODEL | {"measure": code, "test": test}
    primary = Analysis("primary", settings, effects, pooled)
    parts = tuple(
        Analysis(
            f"subgroup:design={level}",
            settings,
            tuple(effects[i] for i in range(k) if levels[i] == level),
            Pooled(sum(item == level for item in levels)),
        )
        for level in dict.fromkeys(levels)
    )
    return Result(
        "outcome", "table.csv", "screw", MEASURES[code], settings, rows, (primary, *parts)
    )


def with_rows_per_study(result: Result, rows: int) -> Result:
    """The same effects as several rows of fewer studies."""
    primary = result.primary
    named = tuple(replace(row, study=f"S{i // rows}") for i, row in enumerate(result.rows))
    pooled = replace(primary.pooled, k=len({row.study for row in named}))
    return replace(
        result, rows=named, analyses=(replace(primary, pooled=pooled), *result.analyses[1:])
    )


def with_silent(result: Result, silent: Sequence[int]) -> Result:
    """With studies that have no event in either group and no weight."""
    primary, flags = result.primary, ("no event in either group",)
    effects = tuple(
        replace(e, weight=0.0, flags=(*e.flags, *flags)) if e.row in silent else e
        for e in primary.effects
    )
    return replace(result, analyses=(replace(primary, effects=effects), *result.analyses[1:]))


def with_df(result: Result, df: int) -> Result:
    """The limits of the mean and of the prediction with other degrees of freedom."""
    primary, pooled = result.primary, result.primary.pooled
    back, t = BACK.get(result.measure.code, float), float(stdtrit(df, 0.975))
    half = t * pooled.se
    reach = t * sqrt(pooled.tau2 + pooled.se**2)
    changed = replace(
        pooled, mu_low=pooled.mu - half, mu_high=pooled.mu + half, ci_low=back(pooled.mu - half),
        ci_high=back(pooled.mu + half), pi_low=back(pooled.mu - reach),
        pi_high=back(pooled.mu + reach),
    )  # fmt: skip
    return replace(result, analyses=(replace(primary, pooled=changed), *result.analyses[1:]))


def reported_on(result: Result, back: Callable[[float], float]) -> Result:
    """Reported effects (GEN) whose way back to the natural scale is `back`."""
    primary, pooled = result.primary, result.primary.pooled
    effects = []
    for e in primary.effects:
        low, high = sorted((back(e.ci_low), back(e.ci_high)))
        effects.append(replace(e, estimate=back(e.yi), ci_low=low, ci_high=high))
    ends = {}
    for name in ("ci", "pi"):
        limits = getattr(pooled, f"{name}_low"), getattr(pooled, f"{name}_high")
        ends[f"{name}_low"], ends[f"{name}_high"] = sorted(map(back, limits))
    natural = replace(pooled, estimate=back(pooled.mu), **ends)
    changed = replace(primary, effects=tuple(effects), pooled=natural)
    return replace(result, analyses=(changed, *result.analyses[1:]))


def random_effects(
    code: str, k: int, seed: int = 1, mu: float = -0.3, tau: float = 0.3, **more: object
) -> Result:
    """k effects of studies of different size."""
    random = Random(seed)
    vi = [4 / (20 * exp(random.uniform(0, 3.5))) for _ in range(k)]
    yi = [random.gauss(mu, sqrt(tau**2 + v)) for v in vi]
    return made_up(code, yi, vi, tau2=tau**2, **more)  # type: ignore[arg-type]


def two_groups(code: str, k: int, seed: int = 1, rate: float = 0.3, labels=()) -> Result:
    """k studies with counts of both groups."""
    random = Random(seed)
    cells, yi, vi, flagged = [], [], [], []
    for i in range(k):
        n1, n2 = (int(20 * exp(random.uniform(0, 3))) for _ in range(2))
        control = min(max(random.gauss(rate, rate / 2), 0.01), 0.95)
        c = sum(random.random() < control for _ in range(n2))
        a = sum(random.random() < 0.7 * control for _ in range(n1))
        names = ("events_treatment", "total_treatment", "events_control", "total_control")
        cells.append(dict(zip(names, map(str, (a, n1, c, n2)), strict=True)))
        x = 0.5 * (0 in (a, c, n1 - a, n2 - c))
        flagged += [i] if x else []
        a1, b1, c1, d1 = a + x, n1 - a + x, c + x, n2 - c + x
        p, q = a1 / (a1 + b1), c1 / (c1 + d1)
        effect, variance = {
            "OR": (log(a1 / b1) - log(c1 / d1), 1 / a1 + 1 / b1 + 1 / c1 + 1 / d1),
            "RR": (log(p / q), 1 / a1 - 1 / (a1 + b1) + 1 / c1 - 1 / (c1 + d1)),
            "RD": (p - q, p * (1 - p) / n1 + q * (1 - q) / n2),
            "AS": (asin(sqrt(p)) - asin(sqrt(q)), 1 / (4 * n1) + 1 / (4 * n2)),
        }[code]
        yi.append(effect)
        vi.append(variance)
    return made_up(code, yi, vi, labels, cells=cells, flagged=flagged, tau2=0.02)


def proportions(code: str, k: int, seed: int = 1, labels=()) -> Result:
    """k proportions (PLO, PAS, PFT) or rates (IRLN) with their sizes or times."""
    random = Random(seed)
    sizes = [float(int(10 * exp(random.uniform(0, 3.5)))) for _ in range(k)]
    p = [min(max(random.gauss(0.15, 0.05), 0.02), 0.6) for _ in range(k)]
    if code == "IRLN":
        yi = [log(x) for x in p]
        vi = [1 / (x * n) for x, n in zip(p, sizes, strict=True)]
        cells = [{"time": f"{n:g}", "events": "3"} for n in sizes]
        return made_up(code, yi, vi, labels, cells=cells)
    forward = (lambda x: log(x / (1 - x))) if code == "PLO" else (lambda x: asin(sqrt(x)))
    yi = [forward(x) for x in p]
    vi = [
        1 / (n * x * (1 - x)) if code == "PLO" else 1 / (4 * n)
        for x, n in zip(p, sizes, strict=True)
    ]
    return made_up(code, yi, vi, labels, sizes=sizes)


def without_pool(result: Result) -> Result:
    """The same studies without a pooled estimate."""
    primary = result.primary
    pooled = Pooled(primary.pooled.k, pooled=False)
    return replace(result, analyses=(replace(primary, pooled=pooled), *result.analyses[1:]))
