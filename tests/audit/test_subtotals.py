"""Parts and their whole: what must be found, and nothing where the numbers are true."""

import itertools
import random
import re
from fractions import Fraction
from math import sqrt
from pathlib import Path

import pytest
from stated import table

from metamill.audit.finding import CONTRADICTION, QUESTION
from metamill.audit.stated.combined import Part, whole_mean, whole_variance
from metamill.audit.stated.statements import check_statements
from metamill.audit.stated.subtotals import check_subtotals
from metamill.tables.printed import rounded
from metamill.tables.statements import read_statements
from metamill.tables.table import Findings


def found(*statements):
    return [(line, f) for _, line, f in check_subtotals(table(*statements))]


def seen(*statements):
    return [(f.check, f.level, line) for line, f in found(*statements)]


def categories(counts, section="results", **more):
    """Categories a, b, c ... with these events."""
    return [
        {"category": "abcdefgh"[i], "events": str(k), "section": section, **more}
        for i, k in enumerate(counts)
    ]


def stay(group, n, mean, sd, part_of="", **more):
    return {"group": group, "n": n, "mean": mean, "sd": sd, "part_of": part_of, **more}


@pytest.mark.fault("V34", "B10")
def test_categories_that_do_not_add_up_to_their_total_are_a_contradiction():
    ((line, finding),) = found(*categories((20, 7, 4), total="30"))
    assert (finding.check, finding.level, line) == ("count_of_parts", CONTRADICTION, 4)
    assert "20 + 7 + 4 = 31" in finding.arithmetic


def test_categories_that_add_up_pass():
    assert not seen(*categories((20, 7, 3), total="30"))
    assert not seen(*categories((3, 3, 2, 1, 1)), {"events": "10", "total": "27"})
    assert not seen({"events": "9", "total": "27"}, *categories((3, 1, 1, 1, 1, 2), total="27"))


@pytest.mark.fault("V34")
def test_a_header_that_names_another_number_of_patients_is_a_contradiction():
    header = {"n": "5", "section": "table 2"}
    assert seen(header, *categories((20, 7, 3), total="30")) == [
        ("count_of_parts", CONTRADICTION, 2)
    ]


def test_each_section_is_held_to_the_whole_by_itself():
    one, two = categories((2, 1, 1)), categories((1, 2, 1), section="discussion")
    assert not seen({"events": "4", "total": "27"}, *one, *two)
    three = categories((1, 2, 2), section="discussion")
    assert seen({"events": "4"}, *one, *three) == [("count_of_parts", CONTRADICTION, 2)]


def test_a_section_that_leaves_out_a_category_is_not_called_wrong():
    short = categories((2, 1), section="discussion")
    assert not seen({"events": "4"}, *categories((2, 1, 1)), *short)


def test_categories_from_several_sections_are_put_together():
    a, b = categories((17, 10), total="27")
    assert not seen(a, b | {"section": "table 1"})
    wrong = b | {"section": "table 1", "events": "9"}
    assert seen(a, wrong) == [("count_of_parts", CONTRADICTION, 3)]


def test_a_category_alone_says_nothing():
    assert not seen(*categories((17,), total="27"))


def test_one_whole_divided_in_two_ways_is_a_question():
    one = categories((2, 2))
    two = [
        row | {"section": "discussion", "category": name}
        for row, name in zip(categories((2, 1, 1)), "abz", strict=True)
    ]
    ((_, finding),) = found(*one, *two)
    assert (finding.check, finding.level) == ("divided_differently", QUESTION)
    assert "z 1" in finding.printed


@pytest.mark.fault("B10")
def test_percentages_that_do_not_add_up_are_a_question():
    shares = [
        row | {"percent": p}
        for row, p in zip(categories((1, 1, 1)), ("66.7", "23.3", "11"), strict=True)
    ]
    assert seen(*[row | {"events": ""} for row in shares]) == [("percent_total", QUESTION, 4)]
    fine = [
        row | {"percent": p, "events": ""}
        for row, p in zip(categories((1, 1, 1)), ("63.3", "3.3", "33.3"), strict=True)
    ]
    assert not seen(*fine)
    third = [row | {"percent": "11.1", "events": ""} for row in categories((1, 1, 1))]
    assert not seen({"percent": "33.3"}, *third)


CANNULATED = stay("cannulated", "8", "2.17", "0.83", "fixation", min="2", max="3")
USUAL = stay("usual", "12", "3", "1", "fixation", min="2", max="4")


@pytest.mark.fault("V34", "B10")
def test_a_mean_of_the_whole_that_its_parts_cannot_have_is_a_contradiction():
    whole = stay("fixation", "20", "2.17", "0.83", min="2", max="4")
    ((line, finding),) = found(CANNULATED, USUAL, whole)
    assert (finding.check, finding.level, line) == ("mean_of_parts", CONTRADICTION, 4)
    assert finding.allowed == "2.366 to 2.97"


def test_eight_stays_of_2_17_and_twelve_of_3_have_mean_2_668_and_sd_1_003():
    # 3 and 1 taken as printed with two decimals, as exact as the other arm
    exact = stay("usual", "12", "3.00", "1.00", "fixation", min="2", max="4")
    assert not seen(CANNULATED, exact, stay("fixation", "20", "2.67", "1.00"))
    assert seen(CANNULATED, exact, stay("fixation", "20", "2.67", "0.83")) == [
        ("sd_of_parts", QUESTION, 4)
    ]
    sure = exact | {"sd": "1.01"}
    assert seen(CANNULATED, sure, stay("fixation", "20", "2.67", "0.83")) == [
        ("sd_of_parts", CONTRADICTION, 4)
    ]
    between = 8 * (2.17 - 2.668) ** 2 + 12 * (3 - 2.668) ** 2
    assert sqrt((7 * 0.83**2 + 11 + between) / 19) == pytest.approx(1.003, abs=5e-4)


def test_levels_of_004_pass():
    parts = [stay("not revised", "18", "5.3", "", "all"), stay("revised", "9", "6.4", "", "all")]
    assert not seen(*parts, stay("all", "27", "5.7", ""))
    assert seen(*parts, stay("all", "27", "5.9", "")) == [("mean_of_parts", CONTRADICTION, 4)]


def test_a_range_that_no_part_reaches_is_a_contradiction():
    whole = stay("fixation", "20", "2.7", "1.0", min="0", max="4")
    assert seen(CANNULATED, USUAL, whole) == [("range_of_parts", CONTRADICTION, 4)]
    whole = stay("fixation", "20", "2.7", "1.0", min="2", max="5")
    assert seen(CANNULATED, USUAL, whole) == [("range_of_parts", QUESTION, 4)]


@pytest.mark.fault("V34")
def test_sizes_that_do_not_add_up_are_told_once_and_no_mean_is_judged():
    whole = stay("fixation", "22", "9.9", "0.83")
    assert seen(CANNULATED, USUAL, whole) == [("count_of_parts", CONTRADICTION, 4)]


def test_events_and_totals_of_parts_add_up():
    men = {"group": "men", "events": "2", "total": "10", "part_of": "all"}
    women = {"group": "women", "events": "3", "total": "17", "part_of": "all"}
    assert not seen(men, women, {"events": "5", "total": "27"})
    assert seen(men, women, {"events": "6", "total": "27"}) == [
        ("count_of_parts", CONTRADICTION, 4)
    ]


def test_digits_cut_off_are_a_question():
    parts = [stay("b", "8", "2.17", "", "a"), stay("c", "12", "3.00", "", "a")]
    assert seen(*parts, stay("a", "20", "2.6", "")) == [("mean_of_parts", QUESTION, 4)]


def test_zeros_that_are_no_digits_are_a_question():
    parts = [stay("b", "8", "2170", "", "a"), stay("c", "12", "3000", "", "a")]
    assert seen(*parts, stay("a", "20", "2700", "")) == [("mean_of_parts", QUESTION, 4)]
    parts = [stay("b", "8", "2.00", "", "a"), stay("c", "12", "3.00", "", "a")]
    ((_, finding),) = found(*parts, stay("a", "20", "2.70", ""))
    assert finding.level == QUESTION
    assert finding.arithmetic.endswith(
        "Zeros that were added at the end of decimals would explain it"
    )


def test_other_times_and_units_are_no_parts():
    other = stay("fixation", "20", "9", "1", occasion="later")
    assert not seen(CANNULATED, USUAL, other)


def _text(x: float, digits: int, how: str) -> str:
    scaled = Fraction(x) * 10**digits
    whole = scaled // 1
    if how != "cut off":
        whole = round(scaled)
    text = str(int(whole)).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text


@pytest.mark.parametrize("how", ["rounded", "cut off", "zeros added"])
def test_no_true_whole_is_called_false(how):
    draw = random.Random(31)
    for _ in range(20_000 // 8):
        digits = draw.randint(0, 3)
        high = draw.choice((1, 4, 10, 100))
        parts = [
            [draw.randint(0, high) for _ in range(draw.randint(2, 30))]
            for _ in range(draw.randint(2, 5))
        ]
        divisor = draw.choice((0, 1))
        zeros = "0" * draw.randint(1, 2)
        added = "" if how != "zeros added" else zeros if digits else f".{zeros}"

        def row(values, divisor=divisor, digits=digits, added=added, **more):
            mean = sum(values) / len(values)
            squares = sum((x - mean) ** 2 for x in values) / (len(values) - divisor)
            return {
                "n": str(len(values)),
                "mean": _text(mean, digits, how) + added,
                "sd": _text(sqrt(squares), digits, how) + added,
                "min": str(min(values)),
                "max": str(max(values)),
                **more,
            }

        rows = [row(p, group=f"g{i}", part_of="all") for i, p in enumerate(parts)]
        rows.append(row(list(itertools.chain(*parts))))
        levels = {f.level for _, f in found(*rows)}
        assert levels <= (set() if how == "rounded" else {QUESTION}), rows


def test_bounds_hold_for_every_corner_and_the_smallest_is_reached():
    draw = random.Random(5)
    for _ in range(60):
        parts = []
        for _ in range(draw.randint(2, 4)):
            mean, sd = (rounded(f"{draw.uniform(0, 9):.1f}") for _ in range(2))
            parts.append(Part(draw.randint(2, 9), mean, (max(sd[0], Fraction(0)), sd[1])))
        size = sum(part.n for part in parts)
        low, high = whole_variance(parts)
        lowest = whole_mean(parts)
        values = []
        grids = [[p.mean[0] + (p.mean[1] - p.mean[0]) * i / 4 for i in range(5)] for p in parts]
        for means in itertools.product(*grids):
            m = sum(p.n * x for p, x in zip(parts, means, strict=True)) / size
            assert lowest[0] <= m <= lowest[1]
            between = sum(p.n * (x - m) ** 2 for p, x in zip(parts, means, strict=True))
            within = [sum((p.n - 1) * p.sd[i] ** 2 for p in parts) for i in (0, 1)]
            values.append((within[0] + between) / (size - 1))
            assert low <= values[-1] and (within[1] + between) / (size - 1) <= high
        least = min(values) * (size - 1) / size
        assert low <= least <= low + Fraction(1, 50)


def test_there_may_be_no_statements():
    assert not list(check_subtotals(None))


def test_the_example_of_the_page_says_what_the_page_says(tmp_path):
    page = (Path(__file__).parents[2] / "docs/audit/statements.md").read_text(encoding="utf-8")
    example = re.search(r"```csv\n(.*?)```", page, re.DOTALL)
    assert example is not None
    (tmp_path / "extracted").mkdir()
    (tmp_path / "extracted/statements.csv").write_text(example[1], encoding="utf-8")
    findings = Findings()
    statements = read_statements(tmp_path, findings)
    assert statements is not None and not findings.problems
    checks = [f for _, _, f in (*check_statements(statements), *check_subtotals(statements))]
    assert [f.check for f in checks] == [
        "printed_twice",
        "count_of_parts",
        "percent_total",
        "mean_of_parts",
        "sd_of_parts",
    ]
    assert "17 + 12 = 29" in checks[1].arithmetic and "96.7" in checks[2].arithmetic
    assert checks[3].allowed == "2.663 to 2.673"
