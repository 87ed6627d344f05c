"""Results with refits for the tests of figures; every number is made up and of no study."""

from collections.abc import Sequence
from random import Random

from metamill.explored.refits import Refit
from metamill.results import Analysis, Effect, MeasureText, Pooled, Result, StudyRow

RR = MeasureText("RR", "log risk ratio", "risk ratio", "ratio", 1.0, True)
MD = MeasureText("MD", "mean difference", "mean difference", "difference", 0.0, False)
PLO = MeasureText("PLO", "logit proportion", "proportion", "proportion", None, False)
REML = {
    "measure": "RR", "method": "REML", "test": "adhoc", "level": 95.0, "prediction": True,
    "correlation": 0.5, "add": 0.5, "to": "only0",
}  # fmt: skip
GLMM = REML | {"measure": "PLO", "method": "GLMM", "test": "t"}


def names(k: int) -> list[str]:
    return [f"Study {i} {1980 + i // 2}" for i in range(1, k + 1)]


def made_up(
    labels: Sequence[str],
    measure: MeasureText = RR,
    model: dict[str, object] | None = None,
    spread: float = 0.3,
    seed: int = 1,
    years: Sequence[str] = (),
) -> Result:
    """A result of studies with these labels, each left out in turn and added in turn.

    `spread` scales estimates and intervals on the model scale. With a GLMM there are no statistics
    of inverse-variance pools. Every third study of more than three is influential.
    """
    random, k = Random(seed), len(labels)
    model = model or REML | {"measure": measure.code}
    weighted = model["method"] != "GLMM"

    def natural(x: float) -> float:
        if measure.log_axis:
            return 2.0 ** max(-900.0, min(900.0, x))
        return 1 / (1 + 2.0**-x) if measure.family == "proportion" else x

    def numbers(x: float, half: float) -> dict[str, float]:
        return {
            "estimate": natural(x), "ci_low": natural(x - half), "ci_high": natural(x + half),
            "mu": x, "se": half / 2, "tau2": (0.4 + random.random()) ** 2,
            "i2": 100 * random.random(), "q": 3 * k * random.random(),
        }  # fmt: skip

    def p_value() -> float | None:
        return None if measure.null is None else random.random() ** 3

    whole = Pooled(
        k, n=100.0 * k, events=10.0 * k, p_value=p_value(), tau=0.8, q_df=k - 1, q_p=0.02,
        **numbers(-1.0, 0.9) | {"tau2": 0.64},
    )  # fmt: skip
    left_out, up_to = [], []
    for index, label in enumerate(labels):
        beyond = {
            "rstudent": random.gauss(0, 1.5), "dffits": random.gauss(0, 0.6),
            "hat": 1 / k, "weight": 100 / k, "dfbetas": random.gauss(0, 0.6),
            "baujat_x": random.expovariate(1), "baujat_y": spread * random.expovariate(5),
            "influential": index % 3 == 2,
        } if weighted else {}  # fmt: skip
        left_out.append(
            Refit(
                label, "", k - 1, p_value=p_value(), cook=spread * random.expovariate(4),
                covariance_ratio=1 + 0.3 * random.random(), **beyond,
                **numbers(-1.0 + random.gauss(0, spread), 0.9 + spread * random.random()),
            )
        )  # fmt: skip
        few = "fewer than five studies: the prediction interval is unreliable"
        up_to.append(
            Refit(
                "", label, index + 1, p_value=p_value(), note=few if index < 4 else "",
                **numbers(-1.0 + random.gauss(0, 2 * spread), 1.0 + 4 * spread / (index + 1)),
            )
        )  # fmt: skip
    rows = tuple(
        StudyRow(f"S{i}", label, i + 2, {"year": years[i]} if years else {})
        for i, label in enumerate(labels)
    )
    effects = tuple(
        Effect(i, -1.0, 0.1, natural(-1.0), natural(-2.0), natural(0.0), 100 / k) for i in range(k)
    )
    return Result(
        "outcome", "table.csv", "patient", measure, model, rows,
        (Analysis("primary", model, effects, whole),),
        leave_one_out=tuple(left_out) if k >= 3 else (), cumulative=tuple(up_to),
    )  # fmt: skip
