"""The gallery of the docs is what the pipeline draws, and every number in it is of its result."""

import re
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from metamill.config.figures import FIGURES, REVIEW_FIGURES
from metamill.figures import STYLES
from metamill.wording import MINUS

GALLERY = Path(__file__).parents[2] / "docs/gallery"
sys.path.insert(0, str(GALLERY))

import build  # noqa: E402

NAMES = [*(picture.file for picture in build.PICTURES), "README.md"]
TEXT = "{http://www.w3.org/2000/svg}text"
GROUP = "{http://www.w3.org/2000/svg}g"
OWN_NUMBERS = ("tick label", "mark", "panel tick", "key")
"""Roles whose numbers belong to the drawing: an axis, a footnote, the number of a point."""


@cache
def files() -> dict[str, str]:
    """Drawn when first asked for, not while tests are being collected."""
    return dict(build.files())


def test_the_files_of_the_gallery_are_its_pictures_and_its_page() -> None:
    assert [*files()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_gallery_is_what_the_pipeline_draws(name: str) -> None:
    committed = (GALLERY / name).read_text(encoding="utf-8")
    assert committed == files()[name], "run python docs/gallery/build.py and look at it"


def test_every_kind_of_figure_and_every_style_is_in_the_gallery() -> None:
    shown = {picture.figure for picture in build.PICTURES}
    assert shown | {"forest_studies"} == {*FIGURES, *REVIEW_FIGURES}
    assert {picture.look.get("style") for picture in build.PICTURES} >= set(STYLES)
    assert not any("not drawn" in text for text in files().values())


def numbers_in(value: object) -> set[float]:
    """Every number of plain data, those inside its texts included."""
    if isinstance(value, dict):
        return {x for pair in value.items() for item in pair for x in numbers_in(item)}
    if isinstance(value, list | tuple | set):
        return {x for item in value for x in numbers_in(item)}
    if isinstance(value, str):
        return {float(x) for x in re.findall(r"\d+(?:\.\d+)?", value)}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {float(value)}
    return set()


def known_numbers(picture: build.Picture) -> set[float]:
    """The numbers of a result, as they are, in per cent, as roots, and what is counted in it."""
    if picture.outcome:
        result = build._result(picture.review, picture.outcome)
        known = numbers_in(asdict(result))
        known |= {x**0.5 for x in known if x >= 0}
        display = build._jobs(picture.review).review.displays[picture.outcome]
        known |= numbers_in(asdict(display))
        known |= {float(len(result.not_reported)), float(len(result.rows))}
    else:
        whole, known = build._whole(picture.review), set()
        known |= numbers_in(asdict(whole)) | set(map(float, range(len(whole.assessments) + 1)))
        if picture.figure == "study_map":
            jobs = build._jobs(picture.review)
            results = [build._result(picture.review, name) for name in jobs.outcomes]
            known |= numbers_in([asdict(result) for result in results])
            known |= numbers_in([display.title for display in jobs.review.displays.values()])
    return known | {-x for x in known} | {100 * x for x in known}


def drawn_numbers(svg: str) -> list[tuple[str, str]]:
    """(number, text) for every number of a text that is not the drawing's own."""
    found = []
    for group in ElementTree.fromstring(svg).iter(GROUP):
        if group.get("class") in OWN_NUMBERS:
            continue
        for text in group.iter(TEXT):
            words = "".join(text.itertext()).replace(MINUS, "-").replace("\N{NO-BREAK SPACE}", " ")
            plain = re.sub(r"p [<>] 0\.\d+|P [<>] \.\d+|[²]", "", words).replace(",", "")
            found += [(n, words) for n in re.findall(r"(?<![\w.<])-?\d*\.?\d+(?![\w.])", plain)]
    return found


CONSTANTS = {0.0, 1.0, 2.0, 25.0, 50.0, 75.0, 80.0, 90.0, 95.0, 99.0, 99.9, 100.0}
CONSTANTS |= {0.1, 0.05, 0.01, 1.96}
"""Levels, quantiles and cutoffs that a figure names."""


@pytest.mark.parametrize("picture", build.PICTURES, ids=lambda picture: picture.file)
@pytest.mark.fault("O28")
def test_every_number_in_a_picture_is_a_number_of_its_result(picture: build.Picture) -> None:
    known = known_numbers(picture) | CONSTANTS
    numbers = drawn_numbers(files()[picture.file])
    assert numbers or picture.figure in ("risk_of_bias", "funnel", "funnel_contour")
    for number, words in numbers:
        decimals = len(number.partition(".")[2])
        half = 0.5 * 10.0**-decimals * (1 + 1e-9)
        assert any(abs(float(number) - x) <= half for x in known), (number, words)
