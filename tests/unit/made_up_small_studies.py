"""Rows made up for tests of small-study effects: they belong to no study."""

from math import exp, sin

from metamill.analysis import analyse
from metamill.config.settings import Explorations, Model, Outcome, Plan
from metamill.results import Result
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

QUIET = Explorations(automatic_sensitivity=False, flip_points=False, gosh=0, permutations=0)


def counts(k: int = 14) -> list[dict[str, str]]:
    """Two groups whose small studies show fewer events under treatment."""
    found = []
    for i in range(k):
        n = round(40 * exp(0.25 * i))
        share = 0.2 - 0.5 / (i + 4) * (1 + 0.3 * sin(3 * i))
        found.append(
            {
                "events_treatment": str(max(1, round(share * n))),
                "total_treatment": str(n),
                "events_control": str(round(0.2 * n * (1 + 0.1 * sin(5 * i)))),
                "total_control": str(n + i),
            }
        )
    return found


def one_group(k: int = 14) -> list[dict[str, str]]:
    return [{"events": c["events_treatment"], "total": c["total_treatment"]} for c in counts(k)]


def rates(k: int = 14) -> list[dict[str, str]]:
    return [{"events": c["events_treatment"], "time": c["total_treatment"]} for c in counts(k)]


def means(k: int = 14) -> list[dict[str, str]]:
    """Two groups on one scale."""
    return [
        {
            "mean_treatment": f"{10 + 2 * sin(3 * i) + 6 / (i + 3):.2f}",
            "sd_treatment": "4", "n_treatment": str(15 + 6 * i), "mean_control": "9.5",
            "sd_control": "4.5", "n_control": str(16 + 7 * i),
        }
        for i in range(k)
    ]  # fmt: skip


def changes(k: int = 14) -> list[dict[str, str]]:
    return [
        {
            "mean_pre": "50", "sd_pre": "12", "mean_post": f"{30 + 3 * sin(2 * i):.2f}",
            "sd_post": "11", "n": str(20 + 7 * i),
        }
        for i in range(k)
    ]  # fmt: skip


def correlated(k: int = 14) -> list[dict[str, str]]:
    return [{"correlation": f"{0.3 + 0.1 * sin(i):.3f}", "n": str(30 + 9 * i)} for i in range(k)]


def reported(k: int = 14, scale: str = "log") -> list[dict[str, str]]:
    return [
        {"yi": f"{-0.3 + 0.4 * sin(2.3 * i):.3f}", "vi": f"{0.02 + 0.01 * i:.3f}", "scale": scale}
        for i in range(k)
    ]


def result_of(
    cells: list[dict[str, str]],
    measure: str,
    explorations: Explorations = QUIET,
    **model: object,
) -> Result:
    """The result of these rows, without the other explorations."""
    named = [{"study": f"S{i}", "unit": "patient"} | c for i, c in enumerate(cells)]
    rows = tuple(TableRow(i + 2, c) for i, c in enumerate(named))
    plan = Plan("primary", Model(measure, **model))
    outcome = Outcome(
        "outcome", "t.csv", {}, (plan,), leave_one_out=False, explorations=explorations
    )
    return analyse(outcome, Selection("extracted/t.csv", rows, ()))
