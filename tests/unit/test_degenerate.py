"""Every method on every measure gives sound numbers or a reason on degenerate data."""

import math
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pytest
from degenerate_data import COLUMNS, DATA, model_of, table

from metamill.config.methods import METHODS, NO_TAU2
from metamill.config.settings import Model, Plan
from metamill.errors import NumericError
from metamill.estimating import Estimate, estimate
from metamill.measures import MEASURES
from metamill.preparation import prepared_data
from metamill.tables.reader import TableRow

ROUNDING = 1e-9
GRID = [
    (method, measure)
    for method, rules in METHODS.items()
    for measure in (rules.measures or tuple(MEASURES))
]


def numbers(value: object, path: str = "") -> Iterator[tuple[str, float]]:
    """Every float in a result, with its place."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from numbers(item, f"{path}[{index}]")
    elif isinstance(value, float):
        yield path, value


def at_most(low: float | None, high: float | None) -> bool:
    if low is None or high is None:
        return True
    return low <= high + ROUNDING * (abs(low) + abs(high))


def faults(found: Estimate, model: Model) -> list[str]:
    """What no result may be, in words; empty for a sound one."""
    p = found.pooled
    wrong = [f"{path} is {x}" for path, x in numbers(asdict(p)) if not math.isfinite(x)]
    pairs = [(p.ci_low, p.estimate), (p.estimate, p.ci_high), (p.pi_low, p.estimate)]
    pairs += [(p.estimate, p.pi_high), (p.mu_low, p.mu), (p.mu, p.mu_high)]
    pairs += [(p.tau2_low, p.tau2_high), (p.i2_low, p.i2_high), (p.h2_low, p.h2_high)]
    pairs += [(0.0, x) for x in (p.se, p.tau2, p.tau2_low, p.q, p.i2, p.i2_low, p.h2)]
    pairs += [(x, 100.0) for x in (p.i2, p.i2_high)]
    pairs += [(x, 1.0) for x in (p.p_value, p.q_p)] + [(0.0, x) for x in (p.p_value, p.q_p)]
    least, most = MEASURES[model.measure].bounds
    limits = (p.estimate, p.ci_low, p.ci_high, p.pi_low, p.pi_high)
    pairs += [(least, x) for x in limits] + [(x, most) for x in limits]
    wrong += [f"{low} is above {high}" for low, high in pairs if not at_most(low, high)]
    for low, high in ((p.ci_low, p.ci_high), (p.pi_low, p.pi_high), (p.mu_low, p.mu_high)):
        if (low is None) != (high is None):
            wrong.append("half an interval")
        if p.pooled and low is not None and low == high and (least, most) == (-math.inf, math.inf):
            wrong.append(f"an interval of no width at {low}")
    lacks = p.estimate is None or p.ci_low is None
    if lacks and not any(len(note.split()) > 3 for note in p.notes):
        wrong.append("no estimate or interval, and no reason")
    if p.estimate is None and any(x is not None for x in (p.mu, p.se, p.tau2, p.ci_low, p.pi_low)):
        wrong.append("numbers without an estimate")
    if p.tau2 is not None and model.method in NO_TAU2:
        wrong.append("tau2 of a common effect")
    if found.weights is not None and not abs(found.weights.sum() - 100) <= 1e-6:
        wrong.append(f"weights {found.weights}")
    if found.posterior is not None and not np.isfinite(found.posterior).all():
        wrong.append("a posterior that is no number")
    return wrong


def outcome_of(model: Model, values: list[TableRow]) -> list[str]:
    """Faults of one analysis; a refusal with its place and reason is none."""
    try:
        prepared = prepared_data(values, Plan("primary", model), "extracted/t.csv")
    except NumericError as refusal:
        message = str(refusal)
        return [] if "line " in message and len(message.split()) > 6 else [message]
    return faults(estimate(prepared.data, model), model)


def offered_tests(method: str, measure: str) -> tuple[str, ...]:
    """Every test on one measure of each kind of effect, the method's own on the others."""
    return METHODS[method].tests if measure in ("GEN", "PLO", "OR") else METHODS[method].tests[:1]


@pytest.mark.parametrize(("method", "measure"), GRID)
def test_every_method_answers_soundly_or_with_a_reason_on_degenerate_data(method, measure):
    columns = COLUMNS[measure]
    wrong = []
    for name, values in DATA[columns].items():
        for test in offered_tests(method, measure):
            found = outcome_of(model_of(method, measure, test), table(columns, *values))
            wrong += [f"{name}, test {test}: {fault}" for fault in found]
    assert not wrong, "\n".join(wrong)


def test_the_grid_holds_every_measure_and_a_dozen_data_sets_of_each_kind():
    assert set(COLUMNS) == set(MEASURES)
    assert all(len(sets) >= 11 for sets in DATA.values())


TWO_GROUPS = [
    (measure, likelihood)
    for measure in ("OR", "IRR")
    for likelihood in ("UM.FS", "CM.EL", "CM.AL")
    if measure in (METHODS["GLMM"].measures or ()) and (measure, likelihood) != ("IRR", "CM.AL")
]


@pytest.mark.parametrize(("measure", "likelihood"), TWO_GROUPS)
def test_every_model_of_two_groups_of_counts_answers_or_says_why_not(measure, likelihood):
    columns = COLUMNS[measure]
    wrong = []
    for name, values in DATA[columns].items():
        model = model_of("GLMM", measure, "t", glmm=likelihood)
        wrong += [f"{name}: {fault}" for fault in outcome_of(model, table(columns, *values))]
    assert not wrong, "\n".join(wrong)
