"""Results with meta-regressions made up for the tests of figures: numbers that belong to nobody."""

from collections.abc import Sequence
from dataclasses import replace
from math import exp, sin

from metamill.explored.common import LeftOut
from metamill.explored.regression import Coefficient, Regression, RegressionMean, RegressionPoint
from metamill.results import Analysis, Effect, MeasureText, Pooled, Result, StudyRow

RR = MeasureText("RR", "log risk ratio", "risk ratio", "ratio", 1.0, True)
MD = MeasureText("MD", "mean difference", "mean difference", "difference", 0.0, False)
REML = {
    "measure": "RR", "method": "REML", "test": "adhoc", "level": 95.0, "prediction": True,
    "prediction_interval": "t", "correlation": 0.5, "add": 0.5, "to": "only0", "glmm": "UM.FS",
}  # fmt: skip


def studies(labels: Sequence[str], log: bool, spread: float = 0.6) -> list[tuple[float, float]]:
    """(natural estimate, weight) of each study, scattered without chance."""
    raw = [-0.3 + 0.02 * i * 20 / len(labels) + spread * sin(2.7 * i) for i in range(len(labels))]
    weights = [1 + 5 * abs(sin(1.3 * i + 0.4)) for i in range(len(labels))]
    total = sum(weights)
    return [(exp(y) if log else y, 100 * w / total) for y, w in zip(raw, weights, strict=True)]


def result(labels: Sequence[str], measure: MeasureText = RR, spread: float = 0.6) -> Result:
    """A result of these studies without a regression."""
    rows, effects = [], []
    for index, (label, (y, weight)) in enumerate(
        zip(labels, studies(labels, measure.log_axis, spread), strict=True)
    ):
        rows.append(StudyRow(f"S{index}", label, index + 2, {}))
        effects.append(Effect(index, y, 0.1, y, y * 0.8, y * 1.2, weight))
    settings = REML | {"measure": measure.code}
    pooled = Pooled(len(labels), estimate=effects[0].estimate, mu=0.0)
    primary = Analysis("primary", settings, tuple(effects), pooled)
    return Result("pain", "t.csv", "patient", measure, settings, tuple(rows), (primary,))


def numeric(made: Result, xs: Sequence[float], name: str = "year") -> Result:
    """With a line over xs, a wide band and a wider prediction."""
    log, low, high = made.measure.log_axis, min(xs), max(xs)
    points = tuple(
        RegressionPoint(e.row, x, "", e.estimate, e.weight or 0.0)
        for e, x in zip(made.primary.effects, xs, strict=True)
    )
    means = []
    for step in range(50):
        x = low + (high - low) * step / 49
        y, half = -0.3 + 0.4 * step / 49, 0.2 + 0.2 * abs(step / 49 - 0.5)
        limits = (y, y - half, y + half, y - half - 0.8, y + half + 0.8)
        means.append(RegressionMean(x, "", *(map(exp, limits) if log else limits)))
    slope = Coefficient(name, 0.0123, 0.004, 0.0043, 0.0203, 3.07, 0.0056)
    line = Regression(
        name, "numeric", len(points), "REML", "adhoc", centre=low,
        coefficients=(Coefficient("intercept", -0.3, 0.1, -0.5, -0.1), slope),
        df=len(points) - 2, tau2=0.21, tau2_without=0.32, r2=34.4, i2=60.0, q=30.1,
        q_df=len(points) - 2, q_p=0.01, qm=9.4, qm_df=1, qm_p=0.0056, means=tuple(means),
        points=points, notes=("years are months of publication",),
    )  # fmt: skip
    return replace(made, regressions=(*made.regressions, line))


def factor(made: Result, levels: Sequence[str], name: str = "cement_type") -> Result:
    """With a mean for each of the levels, which the studies have in turn; the last row has none."""
    log, known = made.measure.log_axis, made.primary.effects[:-1]
    points = tuple(
        RegressionPoint(e.row, None, levels[i % len(levels)], e.estimate, e.weight or 0.0)
        for i, e in enumerate(known)
    )
    means = []
    for index, level in enumerate(levels):
        y = -0.4 + 0.3 * index
        limits = (y, y - 0.25, y + 0.25, y - 1.1, y + 1.1)
        means.append(RegressionMean(None, level, *(map(exp, limits) if log else limits)))
    told = [Coefficient("intercept", -0.4, 0.1, -0.6, -0.2)]
    told += [Coefficient(f"{name}={level}", 0.3, 0.2, -0.1, 0.7, 1.5, 0.15) for level in levels[1:]]
    last = len(made.rows) - 1
    strip = Regression(
        name, "factor", len(points), "REML", "adhoc", tuple(levels), levels[0],
        coefficients=tuple(told), df=len(points) - len(levels), tau2=0.2, r2=10.0, qm=1.2,
        qm_df=len(levels) - 1, qm_p=0.31, means=tuple(means), points=points,
        left_out=(LeftOut(last, f"no {name}"),),
    )  # fmt: skip
    return replace(made, regressions=(*made.regressions, strip))


def refused(made: Result, name: str, reason: str) -> Result:
    return replace(made, regressions=(*made.regressions, Regression(name, notes=(reason,))))
