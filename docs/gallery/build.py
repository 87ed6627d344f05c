"""Make the gallery: `python docs/gallery/build.py` draws every picture and writes README.md.

The pictures are drawn by the steps of the pipeline from the shipped review and, for figures that it
has too few studies for, from two published data sets beside this file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from metamill.analysis import analyse
from metamill.config.figures import FIGURES, REVIEW_FIGURES
from metamill.config.settings import Display
from metamill.figures import STYLES, Drawn
from metamill.figures.catalogue import OUTCOME_FIGURES, review_figure
from metamill.figures.page.render import Label, render
from metamill.figures.page.text import clean
from metamill.jobs import Jobs, plan
from metamill.results import Result
from metamill.review_result import ReviewResult, review_result
from metamill.tables.reader import Findings
from metamill.tables.risk_of_bias import read_risk_of_bias

HERE = Path(__file__).resolve().parent
SHIPPED, BCG, APPS = HERE.parents[1], HERE / "bcg", HERE / "apps"


@dataclass(frozen=True)
class Picture:
    """One picture of the page: a figure of an outcome ("" for a whole review) and its look."""

    figure: str
    review: Path
    outcome: str = ""
    look: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    words: str = ""

    @property
    def file(self) -> str:
        return f"{self.name or self.figure}.svg"

    @property
    def title(self) -> str:
        title = FIGURES[self.figure].title if self.outcome else REVIEW_FIGURES[self.figure]
        return f"{title}{self.words}"


SCREWS, LEAKAGE = "screw_loosening_per_patient", "cement_leakage_per_patient"
PAIN, BY_SCREW, VACCINE = "vas_change_per_patient", "cement_leakage_per_screw", "tuberculosis"
PICTURES = (
    Picture("forest", SHIPPED, SCREWS),
    Picture("forest", SHIPPED, PAIN, name="forest_change", words=", scores before and after"),
    Picture("forest", BCG, VACCINE, name="forest_groups", words=", two groups"),
    *(
        Picture("forest", SHIPPED, BY_SCREW, {"style": look}, f"forest_{look}", f", style {look}")
        for look in STYLES
    ),
    Picture(
        "forest", BCG, VACCINE, {"caterpillar_above": 10}, "caterpillar",
        " without names, as above `caterpillar_above` studies",
    ),
    Picture("forest", SHIPPED, PAIN, {"width_mm": 84.0}, "forest_column", ", one column of 84 mm"),
    Picture("leave_one_out", SHIPPED, LEAKAGE),
    Picture("cumulative", SHIPPED, LEAKAGE),
    Picture("prediction", SHIPPED, PAIN),
    Picture("drapery", SHIPPED, PAIN),
    Picture("funnel", SHIPPED, LEAKAGE, name="funnel_size", words=" against patients"),
    Picture("funnel", BCG, VACCINE),
    Picture("funnel_contour", BCG, VACCINE),
    Picture("radial", SHIPPED, PAIN),
    Picture("labbe", BCG, VACCINE),
    Picture("baujat", BCG, VACCINE),
    Picture("influence", BCG, VACCINE),
    Picture("influence", SHIPPED, LEAKAGE, name="influence_glmm", words=", mixed model of counts"),
    Picture("bubble", BCG, VACCINE),
    Picture("trim_fill", BCG, VACCINE),
    Picture("small_study", BCG, VACCINE),
    Picture("gosh", BCG, VACCINE),
    Picture("gosh", SHIPPED, LEAKAGE, name="gosh_glmm", words=", mixed model of counts"),
    Picture("tornado", SHIPPED, PAIN),
    Picture("multiverse", BCG, VACCINE),
    Picture("study_map", SHIPPED),
    Picture("flow", BCG),
    Picture("risk_of_bias", APPS),
    Picture("risk_of_bias_summary", APPS),
)  # fmt: skip

HEAD = """# Gallery

Every kind of figure, drawn by `make docs` with the steps of the pipeline. Most are of the shipped
review. Where that has too few studies: thirteen trials of BCG vaccine (Colditz et al., JAMA
1994;271:698-702; [bcg/](bcg/)), and the judgements of 23 trials of smartphone apps (PMC10196895,
table 3; [apps/](apps/)). Under each picture stands the caption that is made with it.
"""


@cache
def _jobs(review: Path) -> Jobs:
    return plan(review)


@cache
def _result(review: Path, outcome: str) -> Result:
    jobs = _jobs(review)
    return analyse(jobs.review.outcomes[outcome], jobs.selections[outcome])


def _whole(review: Path) -> ReviewResult:
    if review != APPS:
        return _jobs(review).whole()
    findings = Findings()
    assessments = read_risk_of_bias(APPS, None, findings)
    if findings.problems:
        raise ValueError("; ".join(map(str, findings.problems)))
    return review_result("Smartphone apps and physical activity", {}, assessments, None)


def drawn(picture: Picture) -> Drawn:
    """The figure that a picture shows."""
    if picture.outcome:
        display = replace(_jobs(picture.review).review.displays[picture.outcome], **picture.look)
        result = _result(picture.review, picture.outcome)
        return OUTCOME_FIGURES[picture.figure](result, display, STYLES[display.style])
    whole = _whole(picture.review)
    display, style = Display(whole.title), STYLES["default"]
    results, titles = [], {}
    if picture.figure == "study_map":
        jobs = _jobs(picture.review)
        results = [_result(picture.review, name) for name in jobs.outcomes]
        titles = {name: shown.title for name, shown in jobs.review.displays.items()}
    return review_figure(picture.figure, results, whole, display, style, titles)


def files() -> Iterator[tuple[str, str]]:
    """Every file of the gallery: its name and its text."""
    page = [HEAD]
    for picture in PICTURES:
        figure = drawn(picture)
        label = Label(picture.title, figure.alt)
        yield picture.file, render(figure.pages, "svg", label).decode("utf-8")
        alt = clean(figure.alt).replace("[", "(").replace("]", ")")
        page.append(f"## {picture.title}\n\n![{alt}]({picture.file})\n\n{clean(figure.caption)}\n")
    yield "README.md", "\n".join(page)


if __name__ == "__main__":
    for name, text in files():
        (HERE / name).write_text(text, encoding="utf-8")
