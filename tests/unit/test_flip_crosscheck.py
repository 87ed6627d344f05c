"""The cross-check of flip points: right ones agree, a wrong one fails."""

from dataclasses import replace

import pytest
from degenerate_data import TRIALS, table
from test_tornado import EVENTS, result_of

from metamill.config.settings import Model
from metamill.record.crosscheck import crosscheck
from metamill.results import Result, read, write


def checks_of(result: Result, tmp_path):
    write(result, tmp_path / "result.json")
    found = crosscheck(read(tmp_path / "result.json"))
    return [check for check in found if "conclusion changes" in check.quantity]


@pytest.mark.parametrize("test", ["z", "t", "knha", "adhoc"])
@pytest.mark.parametrize("method", ["EE", "REML"])
def test_the_flip_points_of_tau2_agree(method, test, tmp_path):
    model = Model("OR", method, test, thresholds=(0.9,))
    result = result_of(model, table(TRIALS, *EVENTS))
    found = checks_of(result, tmp_path)
    flip = next(f for f in result.explored.robustness.flips if f.assumption == "tau2")
    assert len(found) == (flip.below is not None) + (flip.above is not None)
    assert all(check.agrees for check in found)
    assert all(check.difference < 1e-8 for check in found)


def test_a_wrong_flip_point_does_not_agree(tmp_path):
    result = result_of(Model("OR", "EE", "z"), table(TRIALS, *EVENTS))
    robust = result.explored.robustness
    flips = tuple(
        replace(f, above=replace(f.above, value=1.00001 * f.above.value)) if f.above else f
        for f in robust.flips
    )
    changed = replace(result.explored, robustness=replace(robust, flips=flips))
    found = checks_of(replace(result, explored=changed), tmp_path)
    assert found
    assert not any(check.agrees for check in found)
