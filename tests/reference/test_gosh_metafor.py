"""Subsets and refits on other rows against metafor's gosh(), leave1out() and cumul()."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from metamill.config.settings import Explorations, Model
from metamill.estimating import Data, estimate
from metamill.exploring import gosh as module
from metamill.exploring.cumulating import cumulative_by
from metamill.exploring.refits import leave_one_out
from metamill.measures.effects import Effects
from metamill.pooling.subset_sample import every_subset, possible_subsets

FROZEN = json.loads(Path(__file__).with_name("gosh.json").read_text())
SETS = FROZEN["sets"]
TOLERANCE = {"EE": 1e-9, "DL": 1e-9, "REML": 1e-7}
METHODS = tuple(TOLERANCE)

KNOWN_DIFFERENCES = {
    "one study": "metafor's gosh() counts the k subsets of one study; here each has at least two",
    "no convergence": "metafor's REML gives nothing where its search does not end",
    "MH and PETO": "metafor gives infinite or zero odds ratios; here such a subset has no estimate",
}


def numbers(values) -> np.ndarray:
    return np.array([np.nan if value is None else float(value) for value in values])


def data_of(name: str) -> Data:
    y, v = (np.array(SETS[name][column], float) for column in ("yi", "vi"))
    k = len(y)
    columns = {name: np.full(k, np.nan) for name in ("estimate", "ci_low", "ci_high", "n")}
    return Data(columns, Effects(y, v, np.zeros(k, bool)), np.arange(k), "identity")


def in_order_of(subsets, keep) -> np.ndarray:
    """Where each of our subsets stands among metafor's."""
    at = {int(number): i for i, number in enumerate(subsets)}
    return np.array([at[int(n)] for n in (2 ** np.arange(len(keep))) @ keep.astype(int)])


@pytest.mark.parametrize("case", FROZEN["clouds"], ids=lambda c: f"{c['set']}-{c['method']}")
def test_every_subset_has_the_numbers_of_metafor(case):
    data, method = data_of(case["set"]), case["method"]
    k = len(data.study)
    keep = every_subset(k)
    at = in_order_of(case["subset"], keep)
    assert len(set(at)) == possible_subsets(k) == len(case["subset"]) - k
    fits = module._engine(data, Model("GEN", method, "z"))[0](keep)
    tau2 = numbers(case["tau2"])[at] if method != "EE" else np.zeros(len(at))
    known = np.isfinite(numbers(case["estimate"])[at])
    assert known.sum() >= 0.95 * len(at)
    size = np.median(SETS[case["set"]]["vi"])
    estimates = numbers(case["estimate"])[at]
    worst = np.abs(fits.mu - estimates)[known] / np.maximum(np.abs(estimates[known]), np.sqrt(size))
    assert worst.max() <= TOLERANCE[method]
    i2 = np.abs(fits.i2 - numbers(case["i2"])[at])[known]
    assert i2.max() <= 100 * TOLERANCE[method]
    if method == "EE":
        assert np.isnan(fits.tau2).all()
    else:
        off = np.abs(fits.tau2 - tau2)[known] / np.maximum(tau2[known], size)
        assert off.max() <= TOLERANCE[method]


@pytest.mark.parametrize("case", FROZEN["counts"], ids=lambda c: f"{c['set']}-{c['method']}")
def test_subsets_of_counts_have_the_odds_ratios_of_metafor(case):
    columns = {name: np.array(values, float) for name, values in case["columns"].items()}
    k = len(columns["events_control"])
    zeros = np.zeros(k)
    data = Data(columns, Effects(zeros, zeros + 1, zeros > 0), np.arange(k))
    keep = every_subset(k)
    at = in_order_of(case["subset"], keep)
    fits = module._engine(data, Model("OR", case["method"], "z"))[0](keep)
    theirs = numbers(case["estimate"])[at]
    ours = np.isfinite(fits.mu)
    assert ours.mean() > 0.9 and np.isfinite(theirs[ours]).all()
    assert np.abs(fits.mu - theirs)[ours].max() <= 1e-9 * np.abs(theirs[ours]).max()


def fields_of(refits, names):
    return {name: numbers([getattr(refit, name) for refit in refits]) for name in names}


@pytest.mark.parametrize(
    "case", FROZEN["refits"], ids=lambda c: f"{c['set']}-{c['method']}-{c['test']}"
)
def test_leave_one_out_and_cumulative_refits_are_those_of_metafor(case):
    data, model = data_of(case["set"]), Model("GEN", case["method"], case["test"])
    labels = [f"S{i}" for i in range(len(data.study))]
    order = SETS[case["set"]]["order"]
    cells = [{"study": name, "year": f"{x:g}"} for name, x in zip(labels, order, strict=True)]
    without = leave_one_out(data, model, estimate(data, model).pooled, labels)
    series = cumulative_by(("year", "precision"), data, model, cells)
    by_year, by_precision = series[: len(labels)], series[len(labels) :]
    assert {refit.order for refit in by_year} == {"year"}
    assert {refit.order for refit in by_precision} == {"precision"}
    # one study is its own result here, whatever the model: compared from two on
    for refits, frozen, first in (
        (without, case["leave_one_out"], 0),
        (by_year, case["cumulative"]["order"], 1),
        (by_precision, case["cumulative"]["precision"], 1),
    ):
        pairs = {"mu": "estimate", "se": "se", "ci_low": "low", "ci_high": "high", "q": "q"}
        found = fields_of(refits, (*pairs, "tau2", "i2"))
        size = np.median(SETS[case["set"]]["vi"])
        for ours, theirs in pairs.items():
            expected = numbers(frozen[theirs])[first:]
            scale = np.maximum(np.abs(expected), np.sqrt(size))
            off = np.abs(found[ours][first:] - expected) / scale
            assert off.max() <= TOLERANCE[case["method"]], (ours, off.max())
        if case["method"] != "EE":
            expected = numbers(frozen["tau2"])[first:]
            off = np.abs(found["tau2"][first:] - expected) / np.maximum(expected, size)
            assert off.max() <= TOLERANCE[case["method"]]


@pytest.mark.parametrize(("name", "method"), list(product(SETS, METHODS)))
def test_all_subsets_at_once_are_what_estimate_gives_of_each(name, method):
    data, model = data_of(name), Model("GEN", method, "z")
    keep = every_subset(len(data.study))
    fits = module._engine(data, model)[0](keep)
    single = module._one_by_one(data, model, keep)
    for field in ("mu", "tau2", "i2"):
        ours, theirs = getattr(fits, field), getattr(single, field)
        assert np.array_equal(np.isnan(ours), np.isnan(theirs))
        known = np.isfinite(ours)
        assert np.allclose(ours[known], theirs[known], rtol=1e-12, atol=1e-14)


def test_known_difference_subsets_of_one_study_are_not_counted():
    case = FROZEN["clouds"][0]
    data = data_of(case["set"])
    model = Model("GEN", case["method"], "z")
    cells = [{"study": f"S{i}"} for i in range(len(data.study))]
    found = module.gosh(data, model, estimate(data, model).pooled, cells, Explorations())
    assert found.tried == found.possible == len(case["subset"]) - len(data.study)
