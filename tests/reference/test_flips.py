"""Flip points against brute force with metafor: the same conclusions change at the same values."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from metamill.config.settings import Model, Plan
from metamill.estimating import Data, estimate
from metamill.exploring.added_studies import fewest_omitted
from metamill.exploring.assumed import Source
from metamill.exploring.conclusions import concluded, margins, references, states
from metamill.exploring.flip_points import flip_points
from metamill.exploring.quick import of_pooled
from metamill.measures.effects import Effects
from metamill.preparation import prepared_data
from metamill.tables.reader import TableRow

FROZEN = json.loads(Path(__file__).with_name("flips.json").read_text(encoding="utf-8"))
CASES = FROZEN["cases"]
WANTED = references(0.0, ())
TOLERANCE = {"EE": 1e-9, "DL": 1e-9, "REML": 1e-7}
KNOWN_DIFFERENCES: dict[tuple[str, str, str], str] = {}


def data_of(item) -> Data:
    y, v = (np.array(item[name], float) for name in ("yi", "vi"))
    k = len(y)
    sizes = {name: np.full(k, np.nan) for name in ("n_treatment", "n_control")}
    return Data(sizes, Effects(y, v, np.zeros(k, bool)), np.arange(k))


@cache
def flips(name, method, test):
    data, model = data_of(FROZEN["sets"][name]), Model("MD", method, test)
    pooled = estimate(data, model).pooled
    source = Source(Plan("primary", model), "", (), (), data, pooled, False)
    state = states(margins(WANTED, of_pooled(pooled)))
    return data, model, state, {item.assumption: item for item in flip_points(source, WANTED)}


def name_of(case):
    return f"{case['set']}-{case['method']}-{case['test']}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_tau2_changes_the_conclusion_where_metafor_says(case):
    *_, state, found = flips(case["set"], case["method"], case["test"])
    assert concluded(WANTED, state)[0].interval == case["state"]
    for side in ("above", "below"):
        frozen, ours = case["tau2"].get(side), getattr(found["tau2"], side)
        if frozen is None:
            # The frozen scan ends nearer than ours.
            assert ours is None or (side == "above" and ours.value > 10 * (found["tau2"].used or 0))
            continue
        assert ours is not None
        assert ours.value == pytest.approx(frozen["value"], rel=1e-7, abs=1e-12)
        assert ours.after[0].interval == frozen["state"]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_as_many_null_studies_change_the_conclusion_as_with_metafor(case):
    *_, found = flips(case["set"], case["method"], case["test"])
    above = found["null_studies"].above
    if case["added"] is None:
        assert above is None or above.value > FROZEN["most_added"]
    else:
        assert above is not None
        assert above.value == case["added"]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_same_studies_change_the_conclusion_when_left_out(case):
    data, model, state, _ = flips(case["set"], case["method"], case["test"])
    k = len(data.study)
    if k > 13:
        pytest.skip("not frozen: too many pairs")
    labels = [str(i) for i in range(k)]
    found = fewest_omitted(data, model, WANTED, state, labels, ())
    frozen = case["omitted"]
    if frozen is None:
        assert found.size in (None, 3)
        return
    assert (found.size, found.count) == (frozen["size"], frozen["count"])
    assert found.sets[0] == tuple(str(int(i)) for i in frozen["first"])


@pytest.mark.parametrize("case", FROZEN["correlations"], ids=name_of)
def test_the_correlation_changes_the_conclusion_where_metafor_says(case):
    columns = FROZEN["changes"][case["set"]]
    names = ("mean_pre", "sd_pre", "mean_post", "sd_post", "n")
    rows = [
        TableRow(i + 2, {"study": f"S{i}"} | {n: f"{columns[n][i]:g}" for n in names})
        for i in range(len(columns["n"]))
    ]
    model = Model("MC", case["method"], case["test"], correlation=0.5)
    prepared = prepared_data(rows, Plan("primary", model), "made.csv", rows)
    pooled = estimate(prepared.data, model).pooled
    source = Source(
        Plan("primary", model), "made.csv", tuple(rows), tuple(rows), prepared.data, pooled, False
    )
    state = states(margins(WANTED, of_pooled(pooled)))
    assert concluded(WANTED, state)[0].interval == case["state"]
    (found,) = (f for f in flip_points(source, WANTED) if f.assumption == "correlation")
    for side in ("below", "above"):
        frozen, ours = case.get(side), getattr(found, side)
        assert (ours is None) == (frozen is None)
        if ours is not None:
            assert ours.value == pytest.approx(frozen["value"], rel=TOLERANCE[case["method"]])
