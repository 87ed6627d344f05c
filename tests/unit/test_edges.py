"""What exactly is said where there is little to pool, too much spread, or no data at all."""

import math
from fractions import Fraction

import pytest
from degenerate_data import (
    CHANGE,
    COLUMNS,
    CORRELATION,
    DATA,
    GENERIC,
    MEAN,
    MEANS,
    PROPORTIONS,
    RATES,
    TRIALS,
    model_of,
    table,
)

from metamill.analysis import analyse
from metamill.config.methods import METHODS
from metamill.config.settings import Model, Outcome, Plan, RowFilter
from metamill.errors import NumericError
from metamill.measures import MEASURES
from metamill.results import Result, summary_rows
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection


def result_of(values: list[TableRow], model: Model, *plan: RowFilter, **outcome: object) -> Result:
    named = Outcome("outcome", "t.csv", {}, (Plan("primary", model, plan),), **outcome)
    one_row_each = [
        TableRow(row.line, row.cells | {"study": f"S{i}"}) for i, row in enumerate(values)
    ]
    return analyse(named, Selection("extracted/t.csv", tuple(one_row_each), ()))


def pooled(columns: str, name: str, measure: str, method: str = "REML", test: str = "adhoc"):
    values = table(columns, *DATA[columns][name])
    return result_of(values, Model(measure, method, test)).primary.pooled


def generic(*effects: tuple[float, float], **model: object):
    return result_of(table(GENERIC, *effects), Model("GEN", **model)).primary.pooled


@pytest.mark.parametrize("measure", list(MEASURES))
@pytest.mark.fault("A1")
def test_no_study_is_no_number_whatever_the_measure(measure):
    found = pooled(COLUMNS[measure], "no study", measure)
    assert (found.k, found.estimate, found.tau2) == (0, None, None)
    assert found.notes == ("no study to pool",)


def test_an_outcome_whose_rows_are_all_left_out_still_has_its_row_in_the_summary():
    everything = RowFilter({"unit": ("patient",)}, "printed SD impossible")
    values = table(GENERIC, *DATA[GENERIC]["two studies"])
    result = result_of(values, Model("GEN"), everything)
    (row,) = summary_rows(result)
    assert row["k"] == 0 and row["estimate"] is None and "no study to pool" in row["note"]
    assert [item.reason for item in result.primary.left_out] == ["printed SD impossible"] * 2


@pytest.mark.parametrize("measure", list(MEASURES))
@pytest.mark.fault("A2")
def test_one_study_is_its_own_result_whatever_the_measure(measure):
    found = pooled(COLUMNS[measure], "one study", measure)
    assert found.k == 1 and not found.pooled
    assert found.ci_low < found.estimate < found.ci_high
    lacks = (found.tau2, found.i2, found.q, found.pi_low, found.p_value)
    assert lacks == (None,) * 5


@pytest.mark.parametrize("measure", list(MEASURES))
@pytest.mark.fault("A3")
def test_two_studies_have_one_degree_of_freedom_and_no_prediction(measure):
    found = pooled(COLUMNS[measure], "two studies", measure)
    assert found.q_df == 1 and found.pi_low is None
    assert "one degree of freedom" in found.notes[0]


@pytest.mark.parametrize("method", ["DL", "REML", "PM", "SJ", "GLMM", "MH"])
@pytest.mark.fault("A5")
def test_double_zero_trials_give_no_comparison(method):
    test = METHODS[method].tests[0]
    for name in ("no event at all", "nothing but events"):
        found = pooled(TRIALS, name, "OR", method, test)
        assert found.estimate is None and not found.pooled
        assert "no comparison can be pooled" in found.notes[0]


@pytest.mark.parametrize("measure", ["PR", "PLN", "PLO", "PAS", "PFT"])
@pytest.mark.fault("A5")
@pytest.mark.fault("A6")
def test_all_empty_and_all_full_studies_are_mirror_images_in_every_proportion(measure):
    empty = pooled(PROPORTIONS, "no event at all", measure)
    full = pooled(PROPORTIONS, "nothing but events", measure)
    assert (empty.estimate, full.estimate) == (0, 1)
    assert full.ci_low == pytest.approx(1 - empty.ci_high, rel=1e-12)
    assert empty.ci_high == pytest.approx(1 - 0.025 ** (1 / 100), rel=1e-12)


@pytest.mark.fault("A7")
def test_an_empty_arm_is_corrected_in_sight_or_not_at_all():
    values = table(TRIALS, *DATA[TRIALS]["no event under treatment"])
    effects = result_of(values, Model("OR")).primary.effects
    assert {effect.flags for effect in effects} == {("continuity correction",)}
    effects = result_of(values, Model("OR", "GLMM", "t")).primary.effects
    shown = ("continuity correction, to show the row only",)
    assert {effect.flags for effect in effects} == {shown}


@pytest.mark.parametrize("name", ["no event under treatment", "no event under control"])
@pytest.mark.parametrize("method", ["MH", "GLMM"])
def test_separation_is_refused_and_never_pooled_at_the_edge_of_a_search(method, name):
    found = pooled(TRIALS, name, "OR", method, METHODS[method].tests[0])
    assert found.estimate is None and found.mu is None and found.se is None
    assert any(note.startswith("no estimate: ") for note in found.notes)


def test_one_informative_trial_identifies_no_random_effects():
    found = pooled(TRIALS, "one study with events", "OR", "GLMM", "t")
    assert found.estimate is None or found.q_df == 0
    assert any("say nothing" in note or "no estimate" in note for note in found.notes)


def test_mantel_haenszel_with_one_informative_trial_is_that_trial():
    found = pooled(TRIALS, "one study with events", "OR", "MH", "z")
    assert found.estimate == pytest.approx(3 * 25 / (27 * 6), rel=1e-12)
    assert found.q is None and any("2 of 3 studies say nothing" in note for note in found.notes)


def test_peto_answers_where_one_arm_has_no_event():
    found = pooled(TRIALS, "no event under treatment", "OR", "PETO", "z")
    assert 0 < found.estimate < 1 and found.ci_low < found.estimate < found.ci_high


@pytest.mark.fault("A8")
def test_a_double_arcsine_stays_a_proportion_and_names_its_paradox():
    found = pooled(PROPORTIONS, "a rare and a common one", "PFT")
    assert 0 <= found.ci_low <= found.estimate <= found.ci_high <= 1
    assert any("harmonic mean" in note for note in found.notes)


CAN_BE_ZERO = ["DL", "DL2", "HE", "HS", "ML", "REML", "EB", "PM"]


@pytest.mark.parametrize("method", CAN_BE_ZERO)
@pytest.mark.fault("A9")
def test_without_excess_spread_tau2_is_exactly_zero_and_the_prediction_is_the_interval(method):
    found = generic((0.5, 1), (0.6, 2), (0.4, 1), (0.5, 3), method=method, test="t")
    assert found.tau2 == 0 and found.i2 == 0 and found.tau2_low == 0
    assert (found.pi_low, found.pi_high) == pytest.approx((found.ci_low, found.ci_high))


@pytest.mark.fault("A10")
def test_an_empty_interval_of_tau2_is_zero_to_zero_and_said_to_be_empty():
    found = pooled(GENERIC, "Q far below its expectation", "GEN")
    assert (found.tau2_low, found.tau2_high) == (0, 0)
    assert any("interval of tau2 is empty" in note for note in found.notes)


@pytest.mark.fault("A12")
def test_a_likelihood_with_two_maxima_is_said_to_have_them():
    effects = [(-0.0002, 1.4e-5), (0.0015, 3.05e-5), (-0.002, 3.09e-5), (4.9464, 1.21)]
    effects += [(3.2546, 0.771), (1.6941, 0.622), (4.0241, 1.47)]
    found = generic(*effects, method="ML", test="pl", tau2_interval="PL")
    assert sum("several maxima" in note for note in found.notes) == 2


@pytest.mark.parametrize("ratio", [1e7, 1e12, 1e17])
@pytest.mark.fault("A13")
def test_variances_far_apart_give_what_exact_arithmetic_gives(ratio):
    """Equal effects and DerSimonian-Laird in fractions."""
    y, v = [0.5, 0.9, 0.1, 0.3], [1 / ratio, 1.0, 0.5, 2.0]
    exact_y, w = [Fraction(x) for x in y], [1 / Fraction(x) for x in v]
    total = sum(w)
    mu = sum(a * b for a, b in zip(w, exact_y, strict=True)) / total
    q = sum(a * (b - mu) ** 2 for a, b in zip(w, exact_y, strict=True))
    tau2 = max(0, (q - 3) / (total - sum(a * a for a in w) / total))
    equal = generic(*zip(y, v, strict=True), method="EE", test="z")
    random = generic(*zip(y, v, strict=True), method="DL", test="z")
    assert equal.mu == pytest.approx(float(mu), rel=1e-9)
    assert equal.q == pytest.approx(float(q), rel=1e-9)
    assert random.tau2 == pytest.approx(float(tau2), rel=1e-9)


@pytest.mark.fault("A14")
def test_a_giant_study_is_seen_in_its_weight_and_in_leaving_it_out():
    values = table(GENERIC, *DATA[GENERIC]["a giant study"])
    result = result_of(values, Model("GEN", "EE", "z"))
    assert result.primary.effects[0].weight > 99.9
    without, *others = (refit.mu for refit in result.leave_one_out)
    mu = result.primary.pooled.mu
    assert abs(without - mu) > 1000 * max(abs(x - mu) for x in others)


@pytest.mark.parametrize("unit", [1e-40, 1e-10, 1e10, 1e40])
@pytest.mark.parametrize("method", ["DL", "HE", "SJ", "PM", "ML", "REML"])
@pytest.mark.fault("A15")
def test_the_unit_of_the_effects_changes_nothing_else(method, unit):
    effects = [(0.5, 0.1), (0.9, 0.05), (-0.3, 0.2), (0.7, 0.02)]
    plain = generic(*effects, method=method)
    scaled = generic(*((unit * y, unit**2 * v) for y, v in effects), method=method)
    for name, power in {"mu": 1, "se": 1, "pi_low": 1, "tau2": 2, "i2": 0, "q": 0}.items():
        wanted = getattr(plain, name) * unit**power
        assert getattr(scaled, name) == pytest.approx(wanted, rel=1e-9), name


@pytest.mark.fault("A20")
def test_a_level_of_one_study_is_shown_and_left_out_of_the_subgroup_test():
    settings = ["a", "a", "a", "b"]
    values = [
        TableRow(row.line, row.cells | {"setting": setting})
        for row, setting in zip(table(PROPORTIONS, *[(3, 40)] * 3, (9, 50)), settings, strict=True)
    ]
    result = result_of(values, Model("PLO"), subgroups=("setting",))
    alone = result.analyses[-1].pooled
    assert alone.k == 1 and not alone.pooled and alone.estimate == 9 / 50
    (test,) = result.subgroup_tests
    assert test.q is None or test.q_df == 0 or test.note


@pytest.mark.fault("A26")
def test_i2_of_two_studies_stays_between_0_and_100_with_limits_to_match():
    for effects in ([(0, 1), (0.01, 1)], [(0, 1), (1e6, 1)]):
        found = generic(*effects)
        assert 0 <= found.i2_low <= found.i2 <= 100 and found.i2 <= found.i2_high <= 100


@pytest.mark.fault("A27")
def test_a_p_value_far_in_the_tail_is_small_and_not_zero():
    """36 standard errors: 1 - Phi would be 0 from 8.3 on."""
    trial = (36, 1, 2, 0, 1, 2)
    values = table(MEANS, (36 / math.sqrt(2), *trial[1:]), (36 / math.sqrt(2), *trial[1:]))
    found = result_of(values, Model("MD", "EE", "z")).primary.pooled
    assert found.mu / found.se == pytest.approx(36)
    assert 0 < found.p_value < 1e-280
    assert found.p_value == pytest.approx(
        math.erfc(found.mu / found.se / math.sqrt(2)), rel=1e-9, abs=0
    )


@pytest.mark.parametrize("method", ["EE", "DL", "HE", "SJ", "PM", "ML", "REML"])
@pytest.mark.fault("A29")
def test_the_order_of_the_rows_does_not_reach_ten_digits(method):
    effects = [(0.51, 0.103), (0.92, 0.051), (-0.33, 0.207), (0.74, 0.023), (0.11, 0.3)]
    printed = []
    for order in (effects, effects[::-1]):
        found = generic(*order, method=method)
        values = (found.mu, found.se, found.q, found.i2, found.ci_low, found.tau2 or 0.0)
        printed.append([f"{value:.10g}" for value in values])
    assert printed[0] == printed[1]


@pytest.mark.fault("A30")
def test_leaving_one_of_two_studies_out_is_not_offered_and_the_first_of_a_sequence_is_itself():
    values = table(GENERIC, *DATA[GENERIC]["two studies"])
    values = [TableRow(row.line, row.cells | {"year": "2020"}) for row in values]
    result = result_of(values, Model("GEN"), cumulative=("year",))
    assert result.leave_one_out == ()
    first, second = result.cumulative
    assert (first.k, first.estimate) == (1, 0.5) and "one study" in first.note
    assert second.k == 2 and second.tau2 is not None


REFUSED = {
    "an effect without variance": ("GEN", GENERIC, (0.5, 0)),
    "a negative variance": ("GEN", GENERIC, (0.5, -1)),
    "an effect that is no number": ("GEN", GENERIC, ("nan", 1)),
    "an infinite effect": ("GEN", GENERIC, ("inf", 1)),
    "more events than units": ("PLO", PROPORTIONS, (9, 5)),
    "fewer events than none": ("PLO", PROPORTIONS, (-1, 5)),
    "no units": ("PLO", PROPORTIONS, (0, 0)),
    "more events than units in one group": ("OR", TRIALS, (9, 5, 1, 5)),
    "no units in one group": ("RD", TRIALS, (0, 0, 1, 5)),
    "no time": ("IRLN", RATES, (1, 0)),
    "a mean without spread": ("MN", MEAN, (5, 0, 20)),
    "a negative SD": ("MN", MEAN, (5, -1, 20)),
    "a difference without spread": ("MD", MEANS, (5, 0, 20, 6, 0, 20)),
    "one patient in each group": ("SMD", MEANS, (5, 2, 1, 6, 2, 1)),
    "a ratio of a mean below zero": ("ROM", MEANS, (-5, 2, 9, 6, 2, 9)),
    "a change without spread": ("MC", CHANGE, (50, 10, 30, 10, 20, 1)),
    "a correlation of scores above 1": ("MC", CHANGE, (50, 10, 30, 8, 20, 1.2)),
    "a correlation above 1": ("COR", CORRELATION, (1.2, 20)),
    "a perfect correlation": ("ZCOR", CORRELATION, (1, 20)),
    "too few patients for Fisher's z": ("ZCOR", CORRELATION, (0.1, 3)),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("method", ["REML", "EE", "BAYES"])
def test_what_cannot_be_data_stops_with_its_line(method, what):
    measure, columns, values = REFUSED[what]
    sound = DATA[columns]["two studies"][0]
    model = model_of(method, measure, METHODS[method].tests[0])
    with pytest.raises(NumericError, match=r"line 2.*'S0'.*has no usable"):
        result_of(table(columns, values, sound), model)
