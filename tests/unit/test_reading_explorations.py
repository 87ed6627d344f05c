"""docs/reading-explorations.md quotes the report of the shipped review, word for word."""

from pathlib import Path

import pytest

from metamill.analysis import analyse
from metamill.jobs import plan
from metamill.reporting.gosh_section import gosh_section
from metamill.reporting.multiverse_section import multiverse_section
from metamill.reporting.robustness_section import robustness_section
from metamill.reporting.small_study_section import small_study_section
from metamill.results import Result

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "reading-explorations.md").read_text(encoding="utf-8")
QUOTES = [line.removeprefix("> ") for line in PAGE.splitlines() if line.startswith("> ")]
OUTCOMES = ("vas_change_per_patient", "cement_leakage_per_patient")


def sentences(result: Result) -> str:
    robust, gosh = robustness_section(result), gosh_section(result)
    combined, small = multiverse_section(result), small_study_section(result)
    assert robust and gosh and combined and small
    said = [*robust["sentences"], *robust["flips"], *gosh["sentences"], *combined["sentences"]]
    return "\n".join([*said, small["words"] + "."])


@pytest.fixture(scope="module")
def said() -> str:
    jobs = plan(REPOSITORY)
    of = (analyse(jobs.review.outcomes[name], jobs.selections[name]) for name in OUTCOMES)
    return "\n".join(map(sentences, of))


@pytest.mark.parametrize("quote", QUOTES)
def test_a_quoted_line_is_what_the_report_says(said: str, quote: str) -> None:
    assert quote.removesuffix(".") in said


def test_the_page_quotes_each_kind_of_exploration() -> None:
    assert len(QUOTES) >= 12
