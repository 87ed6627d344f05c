"""Figures: drawings of a result, each with its numbers as a table and its words as alt text.

Nothing here computes a statistic: what is drawn and printed is read from the result.
"""

from collections.abc import Iterable
from pathlib import Path

from metamill.config.settings import Display
from metamill.figures.forest import forest, forest_alt, forest_caption, forest_csv
from metamill.figures.style import STYLES, Style
from metamill.files import write_text
from metamill.results import Result

__all__ = [
    "STYLES",
    "Style",
    "draw",
    "forest",
    "forest_alt",
    "forest_caption",
    "forest_csv",
]


def draw(result: Result, display: Display, formats: Iterable[str], folder: Path) -> str:
    """Write forest.<format> for each format, its numbers, caption and alt text to `folder`.

    Returns the characters that the font lacks and the figure shows as boxes. Raises KeyError for
    an unknown style and ValueError for an unknown format or a width that is too small.
    """
    canvas = forest(result, display, STYLES[display.style])
    for file_format in formats:
        canvas.save(folder / f"forest.{file_format}")
    write_text(folder / "forest.csv", forest_csv(result))
    write_text(folder / "forest.caption.txt", forest_caption(result, display))
    write_text(folder / "forest.txt", forest_alt(result, display))
    return canvas.missing_glyphs()
