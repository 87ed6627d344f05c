"""The audit of one group's summary: worked rows, no false alarm, and what is said."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from brute_force import ROUNDINGS, TRUNCATION
from scipy.special import stdtrit
from simulated_summaries import DESIGNS, changes, groups, padded, trimmed, without_n

from metamill.audit.beside.plausible import check_plausible
from metamill.audit.finding import HOLDING, IMPOSSIBLE, INFO, LEVELS, QUESTION, Group
from metamill.audit.rows import Scale, groups_of, scale_of
from metamill.audit.summary.exact_text import root_text
from metamill.audit.summary.group import CHECKS, check_group
from metamill.audit.summary.hypotheses import normal_range, student_975

CODES = tuple(check.code for check in CHECKS)


def group(suffix="", step=None, items=1, low=None, high=None, **cells):
    def number(x):
        return None if x is None else Fraction(x)

    cells = {name: str(cell) for name, cell in cells.items()}
    return Group(cells, suffix, number(step), items, number(low), number(high))


def found(*args, **kwargs):
    return [(f.check, f.level) for f in check_group(group(*args, **kwargs)) if f.level != INFO]


WORKED = [
    ("30", "78", "18.8", "64", "85", "10.08", [("sd_maximum", IMPOSSIBLE)]),
    ("30", "33", "15.6", "21", "44", "11.70", [("sd_maximum", IMPOSSIBLE)]),
    ("30", "8.2", "1.8", "7", "9", "0.9965", [("sd_maximum", IMPOSSIBLE)]),
    ("30", "2.3", "1.6", "1", "3", "0.9803", [("sd_maximum", IMPOSSIBLE)]),
    ("12", "3", "1", "2", "4", "", []),
    ("10", "1", "1", "0", "2", "", []),
]


@pytest.mark.fault("V19")
@pytest.mark.parametrize(("n", "mean", "sd", "low", "high", "most", "expected"), WORKED)
@pytest.mark.parametrize("step", [1, None])
def test_the_worked_rows_get_their_verdict(n, mean, sd, low, high, most, expected, step):
    cells = {"n": n, "mean": mean, "sd": sd, "min": low, "max": high}
    assert found(step=step, **cells) == expected
    for finding in check_group(group(step=step, **cells)):
        if finding.check == "sd_maximum" and step == 1:
            assert finding.allowed == f"at most {most}"
            assert f"can have is {most}; {sd} is printed" in finding.arithmetic


@pytest.mark.fault("V20")
def test_the_row_that_fails_grim_fails_its_largest_sd_too():
    cells = {"n": 8, "mean": "2.17", "sd": "0.83", "min": 2, "max": 3}
    assert found(step=1, **cells) == [("grim", IMPOSSIBLE), ("sd_maximum", IMPOSSIBLE)]
    sd = next(f for f in check_group(group(step=1, **cells)) if f.check == "sd_maximum")
    assert "8 values between 2 and 3" in sd.arithmetic, "not whole numbers: no such mean"
    assert sd.allowed == "at most 0.3615"


def test_an_unknown_step_widens_the_range_and_says_both_figures():
    (finding, *_) = check_group(group("_pre", n=30, mean=78, sd="18.8", min=64, max=85))
    assert finding.columns == ("sd_pre", "min_pre", "max_pre", "mean_pre", "n")
    assert finding.printed == "sd_pre 18.8"
    assert finding.allowed == "at most 10.08"
    assert finding.arithmetic == (
        "The largest SD that 30 values between 64 and 85 with mean 78 can have is 10.08 (10.70 if"
        " the range is rounded as well); 18.8 is printed. 10.08 is the SD of 10 values of 64, 1 of"
        " 70 and 19 of 85."
    )
    assert "same 30 values" in finding.assumption


@pytest.mark.parametrize(
    ("sd", "level"), [("10.0", []), ("10.3", [QUESTION]), ("10.8", [IMPOSSIBLE])]
)
def test_the_verdict_is_that_of_the_widened_range(sd, level):
    cells = {"n": 30, "mean": 78, "sd": sd, "min": 64, "max": 85}
    assert [f for _, f in found(**cells)] == level
    assert [f for _, f in found(step=1, **cells)] == ([IMPOSSIBLE] if level else [])


@pytest.mark.fault("V9")
@pytest.mark.parametrize("step", [1, None])
def test_a_standard_error_in_the_column_of_the_sd_is_one_finding(step):
    # an SD of 6.02 in 30 patients printed as its standard error
    cells = {"n": 30, "mean": 78, "sd": "1.1", "min": 64, "max": 85}
    assert found(step=step, **cells) == [("se_as_sd", IMPOSSIBLE)]
    (finding, *others) = check_group(group(step=step, **cells))
    assert "1.1 times the square root of 30, which is 6.025 and possible" in finding.arithmetic
    assert "standard error" not in [other.allowed for other in others]


def test_an_sd_too_small_for_any_reading_is_not_called_a_standard_error():
    assert found(step=1, n=30, mean=78, sd="0.1", min=64, max=85) == [("sd_minimum", IMPOSSIBLE)]


def test_an_sd_with_divisor_n_is_not_too_small():
    # one value at each end and the others between: SD 2.897 with n - 1, 2.848 with n
    cells = {"n": 30, "mean": 78, "min": 64, "max": 85}
    assert found(sd="2.85", **cells, step=1) in ([], [("grimmer", QUESTION)])
    assert found(sd="2.83", **cells, step=1) == [("sd_minimum", IMPOSSIBLE)]


@pytest.mark.fault("V10")
@pytest.mark.parametrize(
    ("sd", "allowed"),
    [
        ("18.8", ["variance"]),
        ("1.1", []),
        ("2.2", ["half-width of a 95 % confidence interval"]),
        ("21", ["range", "variance"]),
        ("35", ["variance"]),
        ("300", ["none of those tried"]),
        ("13", ["interquartile range", "variance"]),
    ],
)
def test_each_other_meaning_of_an_impossible_sd_that_fits_is_a_line(sd, allowed):
    cells = {"n": 30, "mean": 78, "sd": sd, "min": 64, "max": 85}
    lines = [f for f in check_group(group(step=1, **cells)) if f.check == "sd_hypotheses"]
    got = {line.allowed for line in lines}
    assert set(allowed) <= got
    assert all(line.level == INFO and "nothing is corrected" in line.assumption for line in lines)


@pytest.mark.fault("V10")
def test_an_sd_in_the_column_of_the_standard_error_is_too_large():
    cells = {"n": 30, "mean": 78, "se": "6.0", "min": 64, "max": 85}
    assert found(step=1, **cells) == [("sd_maximum", IMPOSSIBLE)]
    first, line = check_group(group(step=1, **cells))
    assert first.allowed == "at most 1.841", "10.0816 over the square root of 30"
    assert first.columns[0] == "se"
    assert line.allowed == "standard deviation"
    assert found(step=1, **(cells | {"se": "1.1"})) == []


def test_quartiles_bound_the_sd_of_a_skewed_follow_up():
    cells = {"n": 27, "mean": "50.9", "min": 2, "q1": 21, "median": 54, "q3": 78, "max": 103}
    assert found(sd="32.2", **cells) == []
    assert found(sd="22.9", **cells) == []
    assert found(sd="20.2", **cells) == [("sd_minimum", IMPOSSIBLE)]
    without = {k: v for k, v in cells.items() if k in ("n", "mean", "min", "max")}
    assert found(sd="20.2", **without) == []


@pytest.mark.parametrize(
    ("mean", "expected"), [("65.1", IMPOSSIBLE), ("39.0", IMPOSSIBLE), ("60", None)]
)
def test_a_mean_that_median_and_quartiles_do_not_allow(mean, expected):
    cells = {"n": 27, "mean": mean, "min": 2, "q1": 21, "median": 54, "q3": 78, "max": 103}
    assert found(step=1, **cells) == ([("mean_range", expected)] if expected else [])


def test_a_mean_at_the_end_of_a_range_that_n_values_must_reach():
    assert found(n=10, mean="1.1", min=1, max=5, step=1) == [("mean_range", IMPOSSIBLE)]
    assert found(n=10, mean="1.4", min=1, max=5, step=1) == []


def test_a_scale_bounds_the_sd_where_no_range_is_printed():
    cells = {"n": 20, "mean": "9.1", "sd": "4.1", "step": 1}
    assert found("_pre", **cells, low=0, high=10) == [("sd_maximum", IMPOSSIBLE)]
    assert found("_pre", **cells) == []


@pytest.mark.parametrize("missing", ["n", "mean", "sd", "min", "max"])
@pytest.mark.parametrize("step", [1, None])
def test_what_is_not_printed_is_not_judged(missing, step):
    cells = {"n": "30", "mean": "78", "sd": "18.8", "min": "64", "max": "85"} | {missing: ""}
    codes = {code for code, _ in found(step=step, **cells)}
    assert codes <= ({"sd_maximum"} if missing in ("mean", "n") else set())
    del cells[missing]
    assert {code for code, _ in found(step=step, **cells)} == codes


@pytest.mark.parametrize("n", ["0", "1", "2.5", "-3"])
def test_less_than_two_values_are_not_judged(n):
    assert found(n=n, mean="78.3", sd="18.8", min=64, max=85, step=1) == []


@pytest.mark.parametrize(
    "cell", ["1e2", "+3", ".5", "5.", "0", "0.00", "-2", "1E-3", "123456789012345"]
)
@pytest.mark.parametrize("name", ["n", "mean", "sd", "se", "min", "q1", "median", "q3", "max"])
def test_any_number_the_reader_accepts_can_stand_anywhere(cell, name):
    plain = {
        "n": "9",
        "mean": "3.1",
        "sd": "1.2",
        "min": "1",
        "q1": "2",
        "median": "3",
        "q3": "4",
        "max": "5",
    }
    for known in ({}, {"step": "1"}, {"step": "0.5", "items": 3, "low": 0, "high": 10}):
        for finding in check_group(group(**(plain | {name: cell} | known))):
            assert finding.check in CODES
            assert finding.level in LEVELS
            assert finding.arithmetic.endswith(".")


@pytest.mark.parametrize("size", ["2", "30", "999999", "999999999999999"])
def test_large_groups_take_bounded_time(size):
    cells = {"n": size, "mean": "2.13", "sd": "0.001", "min": "1", "max": "5"}
    for step in ("1", "0.001", None):
        list(check_group(group(step=step, **cells)))


SOUND = [
    pytest.param(900, {}, id="all designs"),
    pytest.param(600, {"designs": DESIGNS[:2], "scales": (True,), "knowing": (True,)}, id="binary"),
    pytest.param(30_000, {}, id="all designs, many", marks=pytest.mark.slow),
    pytest.param(
        20_000,
        {"designs": DESIGNS[:2], "scales": (True,), "knowing": (True,)},
        id="binary, many",
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize(("count", "how"), SOUND)
@pytest.mark.parametrize("rule", ["rounded", "cut off"])
def test_no_valid_summary_is_held(count, how, rule):
    roundings = tuple(ROUNDINGS.values()) if rule == "rounded" else (TRUNCATION,)
    held = [
        (design, valid, finding)
        for design, valid in groups(random.Random(20), count, roundings, **how)
        for finding in check_group(valid)
        if finding.level in HOLDING
    ]
    assert held == []


MADE_OVER = {"trimmed": trimmed, "padded": padded, "without n": without_n}


@pytest.mark.parametrize("name", MADE_OVER)
def test_no_valid_summary_is_held_for_what_a_spreadsheet_or_a_reader_did_to_it(name):
    chance = random.Random(22)
    made = [MADE_OVER[name](valid, chance) for _, valid in groups(chance, 400)]
    found = [(group, f) for group in made for f in check_group(group)]
    assert [pair for pair in found if pair[1].level in HOLDING] == []


def test_zeros_that_a_spreadsheet_added_are_asked_about():
    chance = random.Random(22)
    made = [padded(valid, chance) for _, valid in groups(chance, 200, knowing=(True,))]
    asked = [f for group in made for f in check_group(group) if f.level == QUESTION]
    assert sum("a spreadsheet added the zeros" in f.arithmetic for f in asked) >= 10


@pytest.mark.parametrize("change", [None, padded])
def test_no_changes_of_scores_are_held_for_the_scale_of_the_scores(change):
    chance = random.Random(23)
    found = [
        (group, f)
        for _, group in changes(chance, 250)
        for f in check_group(change(group, chance) if change else group)
    ]
    assert [pair for pair in found if pair[1].level in HOLDING] == []
    assert sum("would be possible for changes" in f.arithmetic for _, f in found) >= 10


@pytest.mark.parametrize("suffix", ["", "_treatment", "_control", "_pre", "_post"])
def test_a_change_is_not_held_for_the_scale_of_its_score(suffix):
    cells = {"n": 20, "mean": "0.5", "sd": "2.6", "low": 0, "high": 10}
    first, *others = check_group(group(suffix, **cells))
    assert first.check == "sd_maximum"
    if suffix in ("_pre", "_post"):
        assert first.level == IMPOSSIBLE
        assert not any("If the values are scores" in f.arithmetic for f in others)
        return
    assert first.level == QUESTION
    words = "It would be possible for changes, which run from -10 to 10."
    assert first.arithmetic.endswith(words)
    assert others
    for line in others:
        assert line.arithmetic.startswith("If the values are scores from 0 to 10: ")


def test_an_sd_too_large_for_changes_as_well_is_impossible():
    cells = {"n": 20, "mean": "0.5", "sd": "12.6", "low": 0, "high": 10}
    assert found("_treatment", **cells) == [("sd_maximum", IMPOSSIBLE)]


def test_skewed_calls_the_end_of_the_scale_lowest_only_for_scores():
    scale = Scale(low=Fraction(0), high=Fraction(10))
    for suffix, told in (("", True), ("_treatment", True), ("_pre", False)):
        cells = {f"mean{suffix}": "1.5", f"sd{suffix}": "2.6", "n": "20"}
        (finding,) = check_plausible(cells, scale, "MN")
        assert ("if these are scores and no changes" in finding.arithmetic) is told


@pytest.mark.parametrize(
    ("mean", "sd", "level"),
    [("3.30", "1.20", QUESTION), ("3.31", "1.20", IMPOSSIBLE), ("3.30", "1.21", IMPOSSIBLE)],
)
def test_zeros_at_the_end_of_mean_and_sd_may_be_added(mean, sd, level):
    # 26/8 = 3.25 prints as 3.3, and nothing of eight as 3.30
    first = next(check_group(group(step=1, n=8, mean=mean, sd=sd)))
    assert (first.check, first.level) == ("grim", level)
    assert ("a spreadsheet added the zeros" in first.arithmetic) is (level == QUESTION)


@pytest.mark.parametrize(
    ("scale", "low", "high", "instrument"),
    [
        ("0-10", 0, 10, ""),
        ("-5 to 5", -5, 5, ""),
        ("0\u201310", 0, 10, ""),
        ("0-100", 0, 100, "odi_percent"),
        ("10-0", 0, 100, "odi_percent"),
        ("log", 0, 100, "odi_percent"),
        ("", 0, 100, "odi_percent"),
    ],
)
def test_a_row_on_a_scale_of_its_own_is_judged_by_it(scale, low, high, instrument):
    outcome = Scale(Fraction(2), 1, Fraction(0), Fraction(100), "odi_percent")
    own = scale_of({"scale": scale}, outcome)
    assert (own.low, own.high, own.instrument) == (low, high, instrument)
    assert own.step == (2 if instrument else None), "the step of another scale says nothing"
    assert scale_of({"scale": scale, "step": "1"}, outcome).step == 1


def test_no_valid_row_on_its_own_scale_is_held_and_an_sd_off_it_is():
    outcome = Scale(Fraction(1), 1, Fraction(0), Fraction(100), "odi_percent")
    for _, valid in groups(random.Random(24), 200, designs=DESIGNS[3:4], scales=(True,)):
        cells = {f"{name}_pre": cell for name, cell in valid.cells.items() if name != "n"}
        cells |= {"n": valid.cells["n"], "scale": "0-10"}
        (seen,) = groups_of(cells, scale_of(cells, outcome))
        assert not [f for f in check_group(seen) if f.level in HOLDING]
    cells = {"mean_pre": "7.3", "sd_pre": "15.2", "n": "30"}
    for scale, expected in (("0-100", []), ("0-10", ["sd_maximum"])):
        row = cells | {"scale": scale}
        (seen,) = groups_of(row, scale_of(row, outcome))
        assert [f.check for f in check_group(seen) if f.level in HOLDING] == expected


@pytest.mark.parametrize(
    ("sd", "expected"),
    [("14.8", []), ("14.9", [("sd_maximum", QUESTION)]), ("15.7", [("sd_maximum", IMPOSSIBLE)])],
)
def test_without_n_an_sd_is_at_most_the_range_over_the_root_of_two(sd, expected):
    # 21/sqrt(2) = 14.849, and 22/sqrt(2) = 15.556 if the range is rounded
    cells = {"mean": "78", "sd": sd, "min": 64, "max": 85, "q1": 70, "q3": 80}
    assert found("_pre", **cells) == expected
    for finding in check_group(group("_pre", **cells)):
        assert finding.columns == ("sd_pre", "min_pre", "max_pre")
        assert finding.allowed.startswith("at most 14.8")
    on_scale = group("_pre", mean="78", sd=sd, low=64, high=85)
    level = [IMPOSSIBLE] if expected else []
    assert [f.level for f in check_group(on_scale)] == level


def test_a_range_that_is_an_interquartile_one_is_named():
    cells = {"n": 30, "mean": 78, "min": 64, "max": 85}
    for sd, told in (("18.8", True), ("40", False)):
        lines = [f.allowed for f in check_group(group(step=1, sd=sd, **cells))]
        assert ("the range is the interquartile range" in lines) is told
    cells |= {"q1": 70, "q3": 80}
    lines = [f.allowed for f in check_group(group(step=1, sd="18.8", **cells))]
    assert "the range is the interquartile range" not in lines, "quartiles are printed"


@pytest.mark.parametrize(("sd", "code"), [("1.1", "se_as_sd"), ("0.1", "sd_minimum")])
def test_a_range_that_may_be_that_of_the_scale_is_said_in_the_finding(sd, code):
    cells = {"n": 30, "mean": 78, "sd": sd, "min": 64, "max": 85, "step": 1}
    words = "The range may be that of the scale instead of the values."
    for ends, said in (({"low": 64, "high": 85}, True), ({"low": 0, "high": 100}, False)):
        first = next(check_group(group("_pre", **cells, **ends)))
        assert first.check == code
        assert (words in first.arithmetic) is said
        assert first.level == (QUESTION if said and code == "se_as_sd" else IMPOSSIBLE)


def test_rounded_valid_summaries_rarely_raise_a_question():
    asked = sum(
        any(f.level == QUESTION for f in check_group(valid))
        for _, valid in groups(random.Random(21), 500)
    )
    assert asked <= 3


@pytest.mark.parametrize("design", DESIGNS[2:5], ids=lambda design: design[0])
def test_shifting_all_values_changes_no_verdict(design):
    for _, valid in groups(random.Random(5), 40, designs=(design,), scales=(False,)):
        cells = dict(valid.cells, sd=str(3 * Fraction(valid.cells["sd"]) // 1 + 1))
        moved = {
            name: cell if name in ("n", "sd") else shifted(cell, 1000)
            for name, cell in cells.items()
        }
        one = [(f.check, f.level) for f in check_group(replace(valid, cells=cells))]
        assert one == [(f.check, f.level) for f in check_group(replace(valid, cells=moved))]


def shifted(cell, by):
    whole, dot, decimals = cell.partition(".")
    return f"{int(whole) + by}{dot}{decimals}"


def test_every_check_is_described_once():
    assert len(set(CODES)) == len(CODES) == 9
    for check in CHECKS:
        assert all((check.name, check.rule, check.source, check.wrong_when, check.number))


def test_roots_show_the_digits_that_decide():
    assert root_text(Fraction(2)) == "1.414"
    assert root_text(Fraction(9999999, 10**7), below=Fraction(1)) == "0.9999999"
    assert root_text(Fraction(10000001, 10**7), above=Fraction(1)) == "1.00000005"
    assert root_text(Fraction(0)) == "0"


@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 6, 10, 29, 200, 10**6])
def test_quantiles_of_student_are_right_to_three_digits(df):
    assert float(student_975(df)) == pytest.approx(stdtrit(df, 0.975), rel=1e-3)


@pytest.mark.parametrize(("n", "expected"), [(2, 1.128), (5, 2.326), (10, 3.078), (30, 4.086)])
def test_the_mean_range_of_normal_values_is_near_the_tabled_one(n, expected):
    assert float(normal_range(n)) == pytest.approx(expected, rel=0.05)
