"""Numbers and words that figures and text share."""

import math
from dataclasses import replace

import pytest

from metamill import wording
from metamill.explored.subgroups import SubgroupTest
from metamill.results import Analysis, Beyond, Effect, MeasureText, Pooled, Result
from metamill.sentences import beyond_words
from metamill.wording import NumberFormat

PLO = MeasureText("PLO", "logit proportion", "proportion", "proportion", None, False)
OR = MeasureText("OR", "log odds ratio", "odds ratio", "ratio", 1.0, True)
MD = MeasureText("MD", "mean difference", "mean difference", "difference", 0.0, False)
RATE = MeasureText("IRLN", "log incidence rate", "incidence rate", "rate", None, True)
PER_CENT = NumberFormat(1, 100, "%")
SETTINGS = {"method": "REML", "test": "adhoc", "level": 95.0}


def outcome(measure: MeasureText, estimate: float, low: float, high: float) -> Result:
    effects = (Effect(0, 0.0, 1.0, estimate, low, high, 100.0),)
    pooled = Pooled(2, estimate=estimate, ci_low=low, ci_high=high)
    primary = Analysis("primary", SETTINGS, effects, pooled)
    return Result("o", "t.csv", None, measure, SETTINGS, (), (primary,))


@pytest.mark.parametrize(
    ("value", "decimals", "factor", "text"),
    [
        (-0.04, 1, 1, "0.0"),
        (-0.0, 2, 1, "0.00"),
        (-5.17, 2, 1, "−5.17"),
        (2.675, 2, 1, "2.68"),
        (0.25, 1, 1, "0.2"),
        (0.35, 1, 1, "0.4"),
        (0.0145, 1, 100, "1.4"),
        (0.29, 1, 100, "29.0"),
        (105715.2, 0, 1, "105,715"),
        (1e-9, 3, 1, "0.000"),
    ],
)
@pytest.mark.fault("O22")
@pytest.mark.fault("O23")
def test_numbers_are_rounded_as_printed_in_decimal(
    value: float, decimals: int, factor: int, text: str
) -> None:
    assert wording.number_text(value, decimals, factor) == text


def test_what_is_not_known_is_a_dash_and_never_nan() -> None:
    assert PER_CENT.text(None) == "–"
    assert PER_CENT.text(math.nan) == "–"
    assert PER_CENT.text(math.inf) == "–"


def test_a_ratio_above_zero_never_reads_as_zero() -> None:
    form = NumberFormat(2, positive=True)
    assert form.text(0.004) == "<0.01"
    assert form.text(0.0) == "0.00"
    assert form.text(2612.4) == "2612"
    assert NumberFormat(2).text(0.004) == "0.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "0.012"), (0.72, "0.72"), (12.3, "12"), (0, "0"), (-0.5, "−0.50"), (999.6, "1000")],
)
def test_two_significant_digits_without_exponent(value: float, text: str) -> None:
    assert wording.significant_text(value) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "p < 0.001"),
        (0.000999, "p < 0.001"),
        (0.001, "p = 0.001"),
        (0.0535, "p = 0.054"),
        (0.9996, "p > 0.999"),
        (None, "p not available"),
    ],
)
@pytest.mark.fault("A27")
@pytest.mark.fault("O22")
def test_p_values_are_never_0_and_never_1(p: float | None, text: str) -> None:
    assert wording.p_text(p) == text


def test_intervals_in_either_form() -> None:
    assert wording.interval_text(0.045, 0.201, PER_CENT) == "[4.5, 20.1]"
    assert (
        wording.estimate_text(0.123, 0.045, 0.201, PER_CENT, wording.ROUND) == "12.3% (4.5 to 20.1)"
    )
    assert wording.interval_text(None, None, PER_CENT) == "no interval"


@pytest.mark.parametrize(
    ("result", "form"),
    [
        (outcome(PLO, 0.16, 0.1, 0.2), NumberFormat(1, 100, "%")),
        (outcome(PLO, 0.0062, 0.001, 0.05), NumberFormat(2, 100, "%")),
        (outcome(PLO, 0.0, 0.0, 0.05), NumberFormat(1, 100, "%")),
        (outcome(OR, 0.3, 0.0001, 5.0), NumberFormat(2, positive=True)),
        (outcome(OR, 0.03, 0.001, 5.0), NumberFormat(3, positive=True)),
        (outcome(RATE, 0.0102, 0.005, 0.02), NumberFormat(3, positive=True)),
        (outcome(MD, -36.6, -128.1, 54.9), NumberFormat(1)),
        (outcome(MD, -5.17, -6.43, -3.91), NumberFormat(2)),
        (outcome(MD, -0.05, -0.1, 0.02), NumberFormat(3)),
    ],
)
def test_one_rule_of_decimals_per_outcome(result: Result, form: NumberFormat) -> None:
    assert wording.result_format(result) == form


@pytest.mark.parametrize(
    ("method", "test", "words"),
    [
        ("REML", "adhoc", "Random effects (REML), Hartung-Knapp interval with max(1, q)"),
        ("DL", "z", "Random effects (DerSimonian-Laird), normal interval"),
        ("PM", "knha", "Random effects (Paule-Mandel), Hartung-Knapp interval"),
        ("GLMM", "t", "Binomial-normal GLMM (maximum likelihood), t interval"),
        ("EE", "z", "Equal effects (inverse variance)"),
        ("EE", "t", "Equal effects (inverse variance), t interval"),
    ],
)
def test_models_are_named_in_words(method: str, test: str, words: str) -> None:
    settings = {"method": method, "test": test, "measure": "PLO"}
    assert wording.model_words(settings) == words


def test_heterogeneity_begins_with_tau_and_ends_with_i2() -> None:
    pooled = Pooled(
        4, tau=0.7541, tau2=0.5687, tau2_low=0.1421, tau2_high=8.512, q=34.88, q_df=3, q_p=1.3e-7,
        i2=91.4, i2_low=71.1, i2_high=99.3,
    )  # fmt: skip
    assert wording.heterogeneity_words(pooled, MD) == (
        "τ = 0.75; τ² = 0.57 [0.14, 8.5]; Q = 34.88 (df = 3, p < 0.001); I² = 91% [71, 99]"
    )


def test_heterogeneity_names_scale_and_test_and_says_when_there_is_no_limit() -> None:
    pooled = Pooled(
        3, tau=0.8, tau2=0.64, tau2_low=0.0, q=14.9, q_df=2, q_p=0.0112, q_test="likelihood ratio"
    )
    assert wording.heterogeneity_words(pooled, PLO) == (
        "τ = 0.80 (logit scale); τ² = 0.64 [0, no upper limit]; "
        "likelihood ratio χ² = 14.90 (df = 2, p = 0.011)"
    )
    assert wording.heterogeneity_words(Pooled(1), PLO) == ""


def test_the_test_between_subgroups_or_why_there_is_none() -> None:
    known = SubgroupTest("bone_cement", ("a", "b"), 0.81, 1, 0.3692)
    assert wording.subgroup_words(known) == (
        "Test of differences between subgroups (bone cement; separate τ²): "
        "Q = 0.81 (df = 1, p = 0.369)"
    )
    common = replace(known, tau2_of="common", df=11)
    assert wording.subgroup_words(common) == (
        "Test of differences between subgroups (bone cement; common τ²): "
        "F = 0.81 (df = 1, 11, p = 0.369)"
    )
    none = SubgroupTest("setting", ("a",), None, None, None, "fewer than two levels")
    assert wording.subgroup_words(none).endswith("(setting; separate τ²): fewer than two levels")


def test_units_are_counted_in_their_plural() -> None:
    assert wording.unit_words("screw", 1252) == "1252 screws"
    assert wording.unit_words("patient", 1) == "1 patient"
    assert wording.unit_words("vertebra") == "vertebrae"
    assert wording.unit_words(None, 12345) == "12,345 units"


def test_notes_that_only_count_flags_are_left_to_the_footnotes() -> None:
    effects = (Effect(0, 0.0, 1.0, 0.0, 0.0, 0.1, None, flags=("implied zero",)),)
    pooled = Pooled(2, notes=("implied zero in 1 of 2 rows", "two studies: no conclusion"))
    assert wording.own_notes(pooled, effects) == ("two studies: no conclusion",)


def test_words_of_flags_and_levels() -> None:
    assert wording.flag_words("assumed r = 0.5") == "Assumed r = 0.5"
    assert wording.flag_words("implied zero").startswith("Zero events are implied")
    assert wording.level_words("primary_augmentation") == "Primary augmentation"
    assert wording.level_text({"level": 97.5}) == "97.5% CI"


def test_rounding_carries_no_p_value_over_five_per_cent() -> None:
    assert wording.p_text(0.04996) == "p < 0.050"
    assert wording.p_text(0.05001) == "p = 0.050"
    assert wording.jama_p_text(0.0496) == "P < .050"
    assert wording.jama_p_text(0.046) == "P = .046"
    assert wording.jama_p_text(0.031) == "P = .03"
    assert wording.jama_p_text(0.0034) == "P = .003"
    assert wording.jama_p_text(0.9999) == "P > .99"


def test_a_number_too_long_to_print_is_a_power_of_ten() -> None:
    assert wording.NumberFormat(2).text(-1.21e31) == "−1.2×10³¹"
    assert wording.NumberFormat(1).text(9_999_999.0) == "9,999,999.0"


def test_thresholds_without_a_better_side_are_read_away_from_no_effect() -> None:
    form = wording.NumberFormat(1)
    below, above = Beyond(-2.0, 0.6), Beyond(2.0, 0.1)
    assert "below −2.0 with probability 40%" in beyond_words(below, form, None, 0.0)
    assert "above 2.0 with probability 10%" in beyond_words(above, form, None, 0.0)
    assert "below 2.0 with probability 90%" in beyond_words(above, form, True, 0.0)
