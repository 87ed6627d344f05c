"""The catalogue of faults is complete: every number once, each with an answer and with a test."""

import pytest
from catalogue_page import ANSWERS, FAMILIES, PAGE, catalogue, page, places_by_number


@pytest.mark.parametrize("letter", FAMILIES)
def test_every_number_of_a_family_stands_once(letter: str) -> None:
    numbers = [row.number for row in catalogue() if row.number.startswith(letter)]
    assert numbers == [f"{letter}{i + 1}" for i in range(FAMILIES[letter][1])]


def test_every_number_has_a_test_and_every_test_a_number() -> None:
    assert {row.number for row in catalogue()} == set(places_by_number())


def test_every_answer_is_one_of_the_catalogue() -> None:
    assert {row.answer for row in catalogue()} <= set(ANSWERS)
    assert all(row.fault and row.detail for row in catalogue())


def test_the_page_is_that_of_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
