"""Last digits of the means and SDs of a table."""

import random

import pytest
from honest_reviews import digits_asked, share, table
from scipy.special import chdtrc

from metamill.audit.beside.digits import check_digits, significant_digits, uniform_test


def asked(cells, column="mean"):
    told = check_digits({"t.csv": table("t.csv", *({column: cell} for cell in cells))})
    return [finding for *_, finding in told]


def spread(n):
    return [f"{20 + i // 10}.{i % 10}" for i in range(n)]


def test_the_chi_square_and_its_tail_are_those_of_the_textbook():
    for counts in ([5] * 10, [10, 5, 3, 2, 8, 9, 4, 4, 4, 1], [60, *[1] * 9], [0] * 8 + [9, 50]):
        x, p = uniform_test(counts)
        assert x == pytest.approx(
            sum((c - sum(counts) / 10) ** 2 for c in counts) / sum(counts) * 10
        )
        assert p == pytest.approx(float(chdtrc(9, x)), rel=1e-12)
        x, p = uniform_test(counts[:9])
        assert p == pytest.approx(float(chdtrc(8, x)), rel=1e-12)


def test_digits_that_all_come_up_ask_nothing():
    assert not asked(spread(200))


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            [f"{i}.5" for i in range(20, 60)] + [f"{i}.0" for i in range(20, 60)],
            "read from a graph",
        ),
        (
            [cell for cell in spread(700) if cell[-1] != "0"] + ["20.0"],
            "0 is rare as where a spreadsheet cuts the zeros",
        ),
        ([f"{i}.7" for i in range(20, 80)], "no common cause fits"),
    ],
)
def test_digits_that_do_not_come_up_are_asked_about_with_a_hypothesis(cells, words):
    if "common" in words:
        cells = [*cells, *(f"{i}.{j}" for i in range(5) for j in range(10))]
    (finding,) = asked(cells)
    assert (finding.check, finding.level) == ("terminal_digits", "question")
    assert words in finding.arithmetic


def test_a_table_without_its_zeros_at_the_end_is_judged_by_the_other_digits():
    cells = [cell.removesuffix(".0") for cell in spread(700)]
    assert {"20", "30"} <= set(cells), "what is left of 20.0 ends in 0 as well"
    assert not asked(cells)
    (finding,) = asked([*cells, *(f"{i}.7" for i in range(100, 300))])
    assert "8 degrees of freedom" in finding.arithmetic
    assert "No decimals end in 0" in finding.arithmetic
    assert "0: " not in finding.printed


def test_whole_numbers_keep_their_zeros():
    (finding,) = asked([str(10 * i + 1 + j) for i in range(10, 40) for j in range(3)])
    assert "9 degrees of freedom" in finding.arithmetic


def test_below_fifty_values_nothing_is_ever_asked():
    assert not asked([f"{i}.5" for i in range(20, 69)])
    assert asked([f"{i}.5" for i in range(20, 70)])


def test_one_digit_repeats_and_words_do_not_count():
    assert not asked(["5"] * 500)
    assert not asked(["0.5"] * 500)
    assert not asked(["15e3", "15."] * 300)
    assert not asked(["78 ± 18.8"] * 500)
    study = {"study": "A", "mean": "12.5"}
    told = check_digits({"t.csv": table("t.csv", *[study | {"arm": str(i)} for i in range(99)])})
    assert not list(told)


def test_means_and_sds_are_two_families():
    cells = [{"mean": m, "sd_pre": "12.5"} for m in spread(100)]
    (found,) = check_digits({"t.csv": table("t.csv", *cells)})
    assert found[:2] == ("t.csv", 1)
    assert found[2].columns == ("sd_pre",)


def test_significant_digits_keep_zeros_at_the_end_and_drop_those_before():
    cells = {"0.230": 3, "10": 2, "-1.0": 2, "0": 1, "007": 1}
    assert {cell: significant_digits(cell) for cell in cells} == cells


def test_honest_tables_are_asked_once_in_a_thousand():
    assert share(1000, digits_asked) <= 0.005


def test_digits_do_not_depend_on_the_order_of_rows():
    cells = [f"{i}.5" for i in range(20, 90)]
    (one,) = asked(cells)
    random.Random(1).shuffle(cells)
    assert asked(cells) == [one]
