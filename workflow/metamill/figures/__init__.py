"""Figures: drawings of a result, each with its numbers as a table and its words as alt text.

Nothing here computes a statistic: what is drawn and printed is read from the result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from metamill.config.figures import FIGURES, REVIEW_FIGURES
from metamill.config.settings import Display
from metamill.figures.catalogue import OUTCOME_FIGURES, review_figure
from metamill.figures.drawn import Drawn
from metamill.figures.page.canvas import missing_glyphs
from metamill.figures.page.provenance import provenance
from metamill.figures.page.render import Label, render
from metamill.figures.page.text import clean
from metamill.figures.style import STYLES, Style, fitted, suited
from metamill.files import canonical_json, digest, write_bytes, write_text
from metamill.results import Result
from metamill.review_result import ReviewResult

__all__ = ["STYLES", "Drawn", "Style", "draw", "draw_review", "save"]


def draw(
    result: Result,
    display: Display,
    names: Iterable[str],
    formats: Iterable[str],
    folder: Path,
    code: str,
) -> str:
    """Draw the figures `names` of an outcome into `folder`, one process for all of them.

    For each: <name>.<format>, its numbers (.csv), its caption (.caption.txt) and its alt text
    (.txt). `code` is the digest of the code. Returns the characters that no bundled font has, which
    are drawn as boxes. Raises ValueError for an unknown format or a width that is too small.
    """
    formats, style = tuple(formats), suited(fitted(STYLES[display.style], display), result)
    missing: set[str] = set()
    for name in names:
        drawn = OUTCOME_FIGURES[name](result, display, style)
        title = f"{FIGURES[name].title}: {display.title}"
        digests = {
            "rows": result.digests.get("rows", ""),
            "settings": result.digests.get("settings", ""),
            "display": digest(display.to_json()),
            "code": code,
        }
        origin = provenance(name, result.outcome, digests)
        save(drawn, name, title, origin, display, formats, folder)
        missing.update(missing_glyphs(drawn.pages))
    return "".join(sorted(missing))


def draw_review(
    results: Sequence[Result],
    review: ReviewResult,
    display: Display,
    titles: Mapping[str, str],
    names: Iterable[str],
    formats: Iterable[str],
    folder: Path,
    code: str,
) -> str:
    """Draw the figures `names` of a whole review, as `draw`; `titles` are those of its outcomes."""
    formats, style = tuple(formats), fitted(STYLES[display.style], display)
    look = digest(canonical_json([asdict(display), titles]))
    digests = {"review": review.digest, "display": look, "code": code}
    missing: set[str] = set()
    for name in names:
        drawn = review_figure(name, results, review, display, style, titles)
        title = f"{REVIEW_FIGURES[name]}: {display.title}"
        save(drawn, name, title, provenance(name, "", digests), display, formats, folder)
        missing.update(missing_glyphs(drawn.pages))
    return "".join(sorted(missing))


def save(
    drawn: Drawn,
    name: str,
    title: str,
    origin: str,
    display: Display,
    formats: Iterable[str],
    folder: Path,
) -> None:
    """Write a figure in every format, and its twins."""
    label = Label(title, drawn.alt, origin)
    for file_format in formats:
        content = render(drawn.pages, file_format, label, display.dpi, display.grey)
        write_bytes(folder / f"{name}.{file_format}", content)
    write_text(folder / f"{name}.csv", drawn.table)
    write_text(folder / f"{name}.caption.txt", clean(drawn.caption) + "\n")
    write_text(folder / f"{name}.txt", clean(drawn.alt) + "\n")
