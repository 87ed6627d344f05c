"""What instruments can give: the registry, and rows held to it."""

from fractions import Fraction

import pytest

from metamill.audit.finding import IMPOSSIBLE, INFO, QUESTION
from metamill.audit.instruments import check_instruments
from metamill.audit.rows import Scale, scale_named
from metamill.config.instruments import INSTRUMENTS

ODI, VAS = scale_named("ODI"), scale_named("VAS-cm")


def found(scale, **cells):
    return list(check_instruments({"study": "A", **cells}, scale, "MC"))


def seen(scale, **cells):
    return [(f.check, f.level, f.columns[0]) for f in found(scale, **cells)]


@pytest.mark.fault("B6")
def test_the_odi_can_be_64_and_44_but_not_21_and_85_only_with_sections_left_out():
    odi = INSTRUMENTS["ODI"]

    def answers(x: int) -> tuple[int, ...]:
        return odi.answers(x - Fraction(1, 2), x + Fraction(1, 2))

    assert answers(21) == ()
    assert answers(85) == (4, 8)
    assert 10 in answers(64) and 10 in answers(44)
    assert {9, 10} <= set(answers(64))


def test_attainable_odi_scores_are_those_of_every_questionnaire_that_can_be_filled_in():
    odi = INSTRUMENTS["ODI"]
    scores = {m: {Fraction(100 * k, 5 * m) for k in range(5 * m + 1)} for m in range(1, 11)}
    for tenth in range(1001):
        x = Fraction(tenth, 10)
        low, high = x - Fraction(1, 20), x + Fraction(1, 20)
        expected = tuple(m for m, of in scores.items() if any(low <= s <= high for s in of))
        assert odi.answers(low, high) == expected


@pytest.mark.fault("B6")
def test_a_range_that_no_questionnaire_gives_is_a_question():
    cells = {"min_pre": "64", "max_pre": "85", "min_post": "21", "max_post": "44", "n": "30"}
    assert seen(ODI, **cells) == [
        ("unattainable_score", INFO, "max_pre"),
        ("unattainable_score", QUESTION, "min_post"),
    ]


def test_a_middle_value_is_a_patient_only_where_n_is_odd():
    assert seen(ODI, median="21", max="60", n="29")[0] == ("unattainable_score", QUESTION, "median")
    assert not seen(ODI, median="21", max="60", n="30")


def test_a_step_of_the_reviewer_is_held_to_the_ends_of_a_range():
    days = Scale(step=Fraction(1))
    assert seen(days, min="0.5", max="3") == [("unattainable_score", QUESTION, "min")]
    assert not seen(days, min="0", max="3")
    assert not seen(Scale(step=Fraction(1), items=2), min="0.5", max="3")
    assert seen(scale_named("RMDQ"), max="11.5") == [("unattainable_score", QUESTION, "max")]


@pytest.mark.fault("V12")
@pytest.mark.parametrize(
    ("scale", "cells"),
    [
        (ODI, {"mean_pre": "101"}),
        (ODI, {"mean_pre": "-1"}),
        (VAS, {"max_post": "10.5"}),
        (VAS, {"q3": "70"}),
        (scale_named("RMDQ"), {"median_treatment": "25"}),
        (Scale(low=Fraction(1), high=Fraction(5)), {"mean_post": "0.4"}),
        (Scale(high=Fraction(5)), {"mean": "5.6"}),
        (VAS, {"mean_change": "-10.6"}),
    ],
)
def test_a_value_outside_the_scale_is_impossible(scale, cells):
    (column,) = cells
    assert seen(scale, **cells)[0] == ("outside_scale", IMPOSSIBLE, column)


@pytest.mark.parametrize(
    ("scale", "cells"),
    [
        (VAS, {"mean_pre": "10", "max_pre": "10.0"}),
        (VAS, {"min_post": "0", "mean_post": "0.0", "max_post": "9"}),
        (VAS, {"ci_high_pre": "10.4", "mean_pre": "9.8"}),
        (VAS, {"mean_change": "-10"}),
        (Scale(), {"mean": "1e6"}),
    ],
)
def test_the_ends_of_the_scale_and_limits_of_intervals_pass(scale, cells):
    assert not seen(scale, **cells)


@pytest.mark.fault("V12")
def test_below_the_scale_where_a_change_may_stand_is_a_question():
    assert seen(VAS, mean_treatment="-4.2") == [("outside_scale", QUESTION, "mean_treatment")]
    assert seen(VAS, mean="-12") == [("outside_scale", IMPOSSIBLE, "mean")]


def test_millimetres_on_a_scale_of_centimetres_are_named():
    (finding,) = found(VAS, mean_pre="72")
    assert "visual analogue scale, mm" in finding.arithmetic


@pytest.mark.fault("V14")
def test_a_value_above_50_shows_that_the_odi_is_in_per_cent():
    assert not seen(ODI, mean_pre="78", mean_post="33", n="30")
    (finding,) = found(scale_named("ODI-50"), mean_pre="78")
    assert finding.level == IMPOSSIBLE and "per cent" in finding.arithmetic


@pytest.mark.fault("V14")
def test_an_odi_below_50_throughout_may_be_in_points():
    assert seen(ODI, mean_pre="36.61", sd_pre="2.17") == [("percent_scale", INFO, "mean_pre")]
    both = {"min_pre": "22", "max_pre": "44", "mean_pre": "36", "n": "28"}
    assert seen(ODI, **both)[-1][:2] == ("percent_scale", QUESTION)


def test_a_mean_and_its_sd_can_show_that_somebody_is_above_50():
    # 47.27 + 16.97 / sqrt(37) = 50.06
    assert not seen(ODI, mean_pre="47.27", sd_pre="16.97", n="37", mean_post="3.36")


def test_somebody_reaches_the_mean_and_an_sd_over_the_root_of_n():
    # the worst case: all above the mean but one
    values = [50.06 + 0.01] * 36 + [50.06 - 36 * 1.0]
    mean = sum(values) / 37
    sd = (sum((x - mean) ** 2 for x in values) / 36) ** 0.5
    assert max(values) >= mean + sd / 37**0.5 - 1e-9


def test_instruments_without_a_known_lattice_say_nothing_about_single_values():
    assert not seen(scale_named("VAS-mm"), min="3.7", max="88.2")
    assert not seen(scale_named("JOA-29"), min="-5", max="28.5")


def test_an_unknown_name_is_an_unknown_scale():
    assert scale_named("") == scale_named("EQ-5D") == Scale()


def test_every_instrument_is_in_order_and_has_a_source():
    for name, known in INSTRUMENTS.items():
        assert known.low < known.high and known.source and known.name, name
        assert bool(known.sections) == bool(known.points)
        if known.longer:
            assert INSTRUMENTS[known.longer].high == known.high * known.times
        if known.step:
            assert (known.high - known.low) % known.step == 0
