"""Leave-one-out refits: all at once or one by one the same bits, and what each study does."""

import json
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from degenerate_data import COLUMNS, DATA, GENERIC, PROPORTIONS, TRIALS, model_of, rows, table

from metamill.analysis import analyse
from metamill.config.settings import Model, Outcome, Plan
from metamill.errors import NumericError
from metamill.estimating import Data, estimate
from metamill.explored.refits import Refit
from metamill.exploring import refits as module
from metamill.exploring.influence import Cutoffs, Influence, cutoffs, influence, is_influential
from metamill.exploring.refits import LEAST, leave_one_out
from metamill.measures.effects import Effects
from metamill.pooling import METHODS, TESTS
from metamill.preparation import prepared_data
from metamill.results import Result, read, write
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

SETS = json.loads(
    (Path(__file__).parents[1] / "reference/inverse_variance.json").read_text(encoding="utf-8")
)["sets"]
STATISTICS = tuple(field.name for field in fields(Influence))
OF_THE_WHOLE = ("hat", "weight", "baujat_x")
OF_A_REFIT = ("rstudent", "dffits", "dfbetas", "baujat_y")


def data_of(y, v) -> Data:
    k = len(y)
    effects = Effects(np.array(y, float), np.array(v, float), np.zeros(k, bool))
    return Data({"n": np.full(k, np.nan)}, effects, np.arange(k))


def refits_of(data: Data, model: Model) -> tuple[Refit, ...]:
    labels = [f"S{i}" for i in range(len(data.study))]
    return leave_one_out(data, model, estimate(data, model).pooled, labels)


def without_each(y, v, method="REML", test="adhoc", **more) -> tuple[Refit, ...]:
    return refits_of(data_of(y, v), Model("GEN", method, test, **more))


def at_the_edge(measure: str) -> Iterator[tuple[Data, Model]]:
    """Every table of the measure that can be pooled and has studies to leave out, by turns."""
    models = [(method, test) for method in ("REML", "EE", "DL", "SJ") for test in TESTS[:4]]
    for i, (name, values) in enumerate(DATA[COLUMNS[measure]].items()):
        model = Model(measure, *models[(5 * i) % len(models)])
        rows_of_it = numbered(table(COLUMNS[measure], *values))
        try:
            data = prepared_data(rows_of_it, Plan(name, model), "t.csv").data
        except NumericError:
            continue
        if len(data.study) >= LEAST and estimate(data, model).pooled.pooled:
            yield data, model


def result_of(values: list[TableRow], model: Model, **more) -> Result:
    outcome = Outcome("outcome", "t.csv", {}, (Plan("primary", model),), **more)
    return analyse(outcome, Selection("extracted/t.csv", tuple(values), ()))


def numbered(values: list[TableRow]) -> list[TableRow]:
    return [TableRow(row.line, row.cells | {"study": f"S{i}"}) for i, row in enumerate(values)]


SPREAD = ([0.51, 0.92, -0.33, 0.74, 0.11, 1.4], [0.103, 0.051, 0.207, 0.023, 0.3, 0.08])


# ---- all at once ----

COMBINATIONS = [(method, ("z", "t", "knha", "adhoc")[i % 4]) for i, method in enumerate(METHODS)]
COMBINATIONS += [("REML", "z"), ("REML", "knha"), ("REML", "adhoc"), ("ML", "pl"), ("EE", "knha")]
SEVERAL = [
    *("bcg_or", "raudenbush1985", "hine1989_rd", "three_studies", "equal_variances"),
    *("identical_effects", "homogeneous", "very_spread_variances", "huge_units", "two_maxima"),
]


def plain(refit: Refit) -> Refit:
    """Without what compares it with the pool of all."""
    nothing = dict.fromkeys((*STATISTICS, "cook", "covariance_ratio", "influential"))
    return replace(refit, left_out="", **nothing)


def one_by_one(data: Data, model: Model) -> list[Refit]:
    """What `estimate` says of each set, and the cautions among its notes that are of the mean."""
    found = []
    for study in range(len(data.study)):
        pooled = estimate(data.take(data.study != study), model).pooled
        names = {field.name for field in fields(Refit)} & {field.name for field in fields(pooled)}
        words = ("robust interval is unreliable", "two studies:", "no width")
        notes = [n for n in pooled.notes if not pooled.pooled or any(w in n for w in words)]
        notes = [note.replace("no prediction interval, and ", "") for note in notes]
        numbers = {name: getattr(pooled, name) for name in names}
        found.append(Refit("", "", note="; ".join(notes), **numbers))
    return found


@pytest.mark.parametrize(("method", "test"), COMBINATIONS)
@pytest.mark.parametrize("name", SEVERAL)
def test_all_refits_at_once_are_bit_for_bit_those_of_estimate(name, method, test):
    y, v = SETS[name]["yi"], SETS[name]["vi"]
    model = Model("GEN", method, test, level=90.0)
    found = without_each(y, v, method, test, level=90.0)
    assert [plain(refit) for refit in found] == one_by_one(data_of(y, v), model)


@pytest.mark.parametrize("measure", COLUMNS)
def test_all_refits_at_once_are_those_of_estimate_whatever_the_measure(measure):
    """With the way back to the natural scale, the p value or none, and counts without variation."""
    tried = 0
    for data, model in at_the_edge(measure):
        expected = one_by_one(data, model)
        assert [plain(refit) for refit in refits_of(data, model)] == expected
        tried += 1
    assert tried >= 3


@pytest.mark.parametrize("method", ["EE", "DL", "REML"])
@pytest.mark.parametrize("block", [1, 2, 7, 18])
def test_blocks_of_refits_change_no_bit(monkeypatch, block, method):
    """19 studies; a block of one is among them, at the end or throughout."""
    columns = SETS["raudenbush1985"]["yi"], SETS["raudenbush1985"]["vi"]
    together = without_each(*columns, method)
    monkeypatch.setattr(module, "BLOCK", block)
    assert without_each(*columns, method) == together


def test_where_one_set_cannot_be_fitted_the_others_keep_their_numbers(monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise ArithmeticError("no convergence")

    together = without_each(*SPREAD)
    monkeypatch.setattr(module, "pool", fails)
    assert without_each(*SPREAD) == together


@pytest.mark.parametrize("test", ["z", "knha", "adhoc"])
def test_effects_that_differ_by_rounding_are_judged_as_estimate_judges_them(test):
    y, v = [0.3, 0.1 + 0.2, 0.3, 0.9 - 0.6], [0.04, 0.09, 0.02, 0.15]
    assert len(set(y)) > 1
    found = without_each(y, v, "DL", test)
    assert [plain(refit) for refit in found] == one_by_one(data_of(y, v), Model("GEN", "DL", test))
    assert {refit.se is None for refit in found} == {test == "knha"}


# ---- the statistics ----


@pytest.mark.parametrize("test", ["z", "t"])
def test_with_equal_effects_the_statistics_are_those_of_weighted_regression(test):
    """Belsley, Kuh and Welsch 1980: with e = y - mu and h = w/W every one is a closed form."""
    y, v = map(np.array, SPREAD)
    w = 1 / v
    h, e = w / w.sum(), y - (w * y).sum() / w.sum()
    expected = {
        "rstudent": e / np.sqrt(v * (1 - h)),
        "dffits": e * np.sqrt(h / v) / (1 - h),
        "dfbetas": e * np.sqrt(h / v) / (1 - h),
        "cook": e**2 * h / v / (1 - h) ** 2,
        "covariance_ratio": 1 / (1 - h),
        "hat": h,
        "weight": 100 * h,
        "baujat_x": e**2 / v,
        "baujat_y": e**2 * h / v / (1 - h),
    }
    found = without_each(y, v, "EE", test)
    for name, values in expected.items():
        np.testing.assert_allclose([getattr(r, name) for r in found], values, rtol=1e-12)


def test_with_heterogeneity_each_is_its_definition():
    """Viechtbauer and Cheung 2010, one study at a time, from pools made without it."""
    y, v = map(np.array, SPREAD)
    whole = estimate(data_of(y, v), Model("GEN", "DL", "knha")).pooled
    for i, refit in enumerate(without_each(y, v, "DL", "knha")):
        rest = np.arange(len(y)) != i
        part = estimate(data_of(y[rest], v[rest]), Model("GEN", "DL", "knha")).pooled
        w = 1 / (v[rest] + part.tau2)
        q = (w * (y[rest] - part.mu) ** 2).sum() / (rest.sum() - 1)
        shift, total = whole.mu - part.mu, v[i] + part.tau2
        hat = (1 / (v + whole.tau2))[i] / (1 / (v + whole.tau2)).sum()
        expected = {
            "rstudent": (y[i] - part.mu) / np.sqrt(q * total + q / w.sum()),
            "dffits": shift / np.sqrt(q * hat * total),
            "dfbetas": shift / np.sqrt(q / (1 / (v + part.tau2)).sum()),
            "hat": hat,
            "baujat_x": (y[i] - whole.mu) ** 2 / (v[i] + whole.tau2),
            "baujat_y": shift**2 / (q / w.sum()),
        }
        for name, value in expected.items():
            assert getattr(refit, name) == pytest.approx(value, rel=1e-12), name


def test_under_adhoc_each_is_that_of_knha_or_of_z_as_q_is_above_or_below_1():
    y, v = [0.1, 0.15, 0.05, 0.12, 3.0], [0.05, 0.04, 0.06, 0.05, 0.03]
    by_test = {test: without_each(y, v, "EE", test) for test in ("z", "knha", "adhoc")}
    seen = set()
    for z, knha, adhoc in zip(*by_test.values(), strict=True):
        larger = knha if knha.se > z.se else z
        seen.add(larger is knha)
        for name in OF_A_REFIT:
            assert getattr(adhoc, name) == pytest.approx(getattr(larger, name), rel=1e-12)
    assert seen == {True, False}


def test_the_wald_tests_share_their_statistics():
    z, t, pl = (without_each(*SPREAD, "ML", test) for test in ("z", "t", "pl"))
    for name in (*STATISTICS, "cook", "influential"):
        assert len({tuple(getattr(r, name) for r in found) for found in (z, t, pl)}) == 1


def test_weights_add_up_and_baujats_x_add_up_to_q_where_tau2_is_zero():
    y, v = [0.31, 0.28, 0.35, 0.30, 0.26], [0.05, 0.04, 0.09, 0.03, 0.06]
    data = data_of(y, v)
    whole = estimate(data, Model("GEN", "DL", "z")).pooled
    found = without_each(y, v, "DL", "z")
    assert whole.tau2 == 0 and {refit.tau2 for refit in found} == {0.0}
    assert sum(refit.weight for refit in found) == pytest.approx(100, rel=1e-12)
    assert sum(refit.baujat_x for refit in found) == pytest.approx(whole.q, rel=1e-12)
    assert not any(refit.influential for refit in found)


@pytest.mark.parametrize("method", ["EE", "DL", "REML", "PM"])
def test_units_and_origin_of_the_effects_change_no_statistic(method):
    y, v = map(np.array, SPREAD)
    found = without_each(y, v, method)
    for unit, start in ((1e-40, 0.0), (1e40, 0.0), (-1.0, 0.0), (3.0, 20.0)):
        moved = without_each(start + unit * y, unit**2 * v, method)
        for name in STATISTICS:
            sign = np.sign(unit) if name in ("rstudent", "dffits", "dfbetas") else 1.0
            values = [sign * getattr(refit, name) for refit in moved]
            np.testing.assert_allclose(
                values, [getattr(r, name) for r in found], rtol=1e-7, atol=1e-12
            )


def test_the_order_of_the_studies_is_kept_when_their_numbers_are_not_in_order():
    y, v = map(np.array, SPREAD)
    numbers = np.array([3, 0, 5, 1, 4, 2])
    data = replace(data_of(y, v), study=numbers)
    model = Model("GEN", "DL", "z")
    found = refits_of(data, model)
    expected = without_each(y, v, "DL", "z")
    for row, number in enumerate(numbers):
        for name in ("mu", *STATISTICS):
            assert getattr(found[number], name) == pytest.approx(
                getattr(expected[row], name), rel=1e-12
            )


def test_statistics_of_vectors_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="one length"):
        influence([1, 2, 3], [1, 1, 1], 2.0, 0.0, [1, 2], [1, 1], [0, 0])


def test_what_would_be_divided_by_a_standard_error_of_0_is_nan():
    found = influence([1, 2, 6], [1, 1, 1], 3.0, 0.0, [4, 3.5, 1.5], [1, 1, 0], [0, 0, 0])
    for name in OF_A_REFIT:
        assert list(np.isnan(getattr(found, name))) == [False, False, True], name


# ---- the rule ----


def test_the_cutoffs_are_those_of_the_rule():
    limits = cutoffs(10)
    assert (limits.dffits, limits.hat, limits.dfbetas) == (1.0, 0.3, 1.0)
    assert limits.cook == pytest.approx(0.454936423119572, rel=1e-12)


BELOW = {"dffits": -0.99, "cook": 0.45, "hat": 0.3, "dfbetas": 1.0}
ABOVE = {"dffits": -1.01, "cook": 0.46, "hat": 0.31, "dfbetas": -1.01}


def test_each_part_of_the_rule_is_enough_and_at_its_cutoff_none_is():
    assert set(BELOW) == {field.name for field in fields(Cutoffs)}
    below = Refit("S0", "", 9, **BELOW)
    assert is_influential(below, 10) is False
    for name, value in ABOVE.items():
        assert is_influential(replace(below, **{name: value}), 10) is True


def test_without_a_part_of_the_rule_a_study_is_influential_or_it_is_not_known():
    for name in BELOW:
        part = Refit("S0", "", 9, **BELOW | {name: None})
        assert is_influential(part, 10) is None
        other = next(item for item in BELOW if item != name)
        assert is_influential(replace(part, **{other: ABOVE[other]}), 10) is True


# ---- little or too much ----


@pytest.mark.parametrize("method", ["EE", "DL", "REML"])
def test_three_studies_have_every_statistic_and_keep_the_warning_of_two(method):
    found = without_each([-0.3, 0.5, 0.9], [0.02, 0.05, 0.03], method)
    assert [refit.k for refit in found] == [2, 2, 2]
    for refit in found:
        assert None not in [getattr(refit, name) for name in (*STATISTICS, "influential")]
        assert refit.note.startswith("two studies")


@pytest.mark.parametrize("test", ["z", "t", "adhoc"])
def test_identical_effects_move_nothing(test):
    for refit in without_each([0.3] * 4, [0.04, 0.09, 0.02, 0.15], "REML", test):
        assert {getattr(refit, name) for name in (*OF_A_REFIT, "baujat_x", "cook")} == {0.0}
        assert refit.influential is False


def test_what_leaves_identical_effects_has_no_error_under_knapp_hartung_and_says_so():
    found = without_each([0.3, 0.3, 0.3, 1.2], [0.04, 0.09, 0.02, 0.05], "DL", "knha")
    *others, last = found
    assert last.mu == pytest.approx(0.3) and last.se is None and "no width" in last.note
    assert {getattr(last, name) for name in (*OF_A_REFIT, "covariance_ratio")} == {None}
    assert None not in [getattr(last, name) for name in OF_THE_WHOLE]
    assert last.cook > cutoffs(4).cook and last.influential is True
    for refit in others:
        assert None not in [getattr(refit, name) for name in (*STATISTICS, "influential")]
        assert "no width" not in refit.note


@pytest.mark.parametrize("ratio", [1e6, 1e12])
def test_a_study_that_outweighs_all_others_has_the_numbers_of_exact_arithmetic(ratio):
    y, v = [0.5, 0.9, 0.1, 0.3], [1 / ratio, 1.0, 0.5, 2.0]
    w = [1 / Fraction(x) for x in v]
    exact = [Fraction(x) for x in y]
    mu = sum(a * b for a, b in zip(w, exact, strict=True)) / sum(w)
    mu_rest = sum(a * b for a, b in zip(w[1:], exact[1:], strict=True)) / sum(w[1:])
    first, *others = without_each(y, v, "EE", "z")
    assert first.hat == pytest.approx(float(w[0] / sum(w)), rel=1e-12)
    assert first.baujat_y == pytest.approx(float((mu - mu_rest) ** 2 * sum(w[1:])), rel=1e-12)
    spread = float(Fraction(v[0]) + 1 / sum(w[1:]))
    assert first.rstudent == pytest.approx(float(exact[0] - mu_rest) / spread**0.5, rel=1e-12)
    assert first.influential is True and first.weight > 99.9
    assert not any(refit.influential for refit in others)


def test_a_refit_that_fails_keeps_its_reason_and_what_needs_no_refit():
    """Without the one study that has events there is no model, and Cook's distance has no value."""
    values = numbered(table(PROPORTIONS, (0, 20), (4, 30), (0, 50), (0, 9)))
    result = result_of(values, Model("PLO", "REML", "adhoc"))
    first, failed, *_ = result.leave_one_out
    assert failed.mu is None and "no study has an event" in failed.note
    assert {getattr(failed, name) for name in (*OF_A_REFIT, "cook")} == {None}
    assert None not in [getattr(failed, name) for name in OF_THE_WHOLE]
    assert failed.influential is None
    assert None not in [getattr(first, name) for name in (*STATISTICS, "influential")]


def test_a_refit_of_trials_that_fails_keeps_its_reason():
    values = numbered(table(TRIALS, (0, 30, 0, 31), (3, 30, 6, 31), (0, 40, 0, 39)))
    result = result_of(values, Model("OR", "DL", "z"))
    failed = result.leave_one_out[1]
    assert failed.mu is None and "no comparison can be pooled" in failed.note
    assert failed.hat == pytest.approx(result.primary.effects[1].weight / 100, rel=1e-12)


@pytest.mark.parametrize("measure", COLUMNS)
def test_no_statistic_is_ever_nan_or_infinite(measure):
    for data, model in at_the_edge(measure):
        for refit in refits_of(data, model):
            numbers = [x for x in asdict(refit).values() if isinstance(x, float)]
            assert np.isfinite(numbers).all()
            assert 0 <= refit.hat <= 1 and refit.baujat_x >= 0


# ---- who has them ----

OTHERS = [
    ("PLO", Model("PLO", "GLMM", "t"), [(3, 40), (5, 30), (9, 50), (2, 44)], PROPORTIONS),
    ("OR", Model("OR", "MH", "z"), [(3, 40, 6, 38), (5, 30, 9, 31), (2, 44, 4, 40)], TRIALS),
    ("OR", Model("OR", "PETO", "z"), [(3, 40, 6, 38), (5, 30, 9, 31), (2, 44, 4, 40)], TRIALS),
    ("GEN", Model("GEN", "REML", "cr2"), [(0.1, 1), (0.5, 2), (0.9, 1), (0.3, 2)], GENERIC),
]


@pytest.mark.parametrize(("measure", "model", "values", "columns"), OTHERS)
def test_other_models_have_cooks_distance_alone(measure, model, values, columns):
    refits = result_of(numbered(table(columns, *values)), model).leave_one_out
    assert len(refits) == len(values)
    for refit in refits:
        assert refit.cook is not None and refit.covariance_ratio is not None
        assert {getattr(refit, name) for name in (*STATISTICS, "influential")} == {None}


@pytest.mark.parametrize("method", ["REML", "RVE", "MV"])
def test_studies_of_several_rows_have_none(method):
    """The first study of the table has two rows; REML takes them by `aggregate`."""
    values = rows(*({"yi": y, "vi": 0.1 + 0.05 * i} for i, y in enumerate((0.1, 0.2, 0.9, 0.4, 1))))
    model = model_of(method, "GEN", "adhoc" if method == "REML" else "cr2")
    model = replace(model, aggregate=method == "REML", rho=0.5)
    refits = result_of(values, model).leave_one_out
    assert len(refits) == 4
    assert None not in [refit.mu for refit in refits[1:]]
    for refit in refits:
        assert {getattr(refit, name) for name in (*STATISTICS, "influential")} == {None}


def test_aggregated_studies_have_none_even_of_one_row_each():
    values = numbered(table(GENERIC, (0.1, 1), (0.5, 2), (0.9, 1), (0.3, 2)))
    for refit in result_of(values, Model("GEN", aggregate=True, rho=0.5)).leave_one_out:
        assert refit.cook is not None
        assert {getattr(refit, name) for name in (*STATISTICS, "influential")} == {None}


def test_the_sequence_of_studies_has_none():
    values = [
        TableRow(row.line, row.cells | {"year": str(2000 + i)})
        for i, row in enumerate(numbered(table(GENERIC, (0.1, 1), (0.5, 2), (0.9, 1))))
    ]
    result = result_of(values, Model("GEN"), cumulative=("year",))
    for refit in result.cumulative:
        assert {getattr(refit, name) for name in (*STATISTICS, "influential")} == {None}


def test_refits_say_nothing_of_a_prediction_interval_which_they_do_not_show():
    values = [
        TableRow(row.line, row.cells | {"year": str(2000 + i)})
        for i, row in enumerate(
            numbered(table(GENERIC, (0.1, 1), (0.5, 2), (0.9, 1), (0.3, 2), (0.7, 1)))
        )
    ]
    result = result_of(values, Model("GEN"), cumulative=("year",))
    assert [refit.note for refit in result.leave_one_out] == [""] * 5
    one, two, *others = (refit.note for refit in result.cumulative)
    assert one.startswith("one study") and two.startswith("two studies: an interval of the mean")
    assert others == [""] * 3


def test_they_come_back_from_the_file_as_they_were_written(tmp_path):
    result = result_of(numbered(table(GENERIC, *zip(*SPREAD, strict=True))), Model("GEN"))
    write(result, tmp_path / "result.json")
    found = read(tmp_path / "result.json").leave_one_out
    for back, refit in zip(found, result.leave_one_out, strict=True):
        assert back.influential is refit.influential
        for name in STATISTICS:
            assert getattr(back, name) == pytest.approx(getattr(refit, name), rel=1e-9)
