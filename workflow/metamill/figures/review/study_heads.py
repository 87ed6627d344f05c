"""Headings of the columns of a map: flat, upright or as letters, whichever fits."""

from collections.abc import Mapping
from dataclasses import dataclass

from metamill.figures.page.text import width, wrap
from metamill.figures.style import Style

FLAT, UPRIGHT, LETTERS = "flat", "upright", "letters"
_HEAD_MM = 50.0
"""The height of upright headings, at most."""
_FLAT_MM, _FLAT_LINES = 30.0, 4
"""Width and number of the lines of a heading that is not turned, at most."""


@dataclass(frozen=True)
class Heads:
    """How headings stand, the lines of each, and the mm from one column to the next."""

    kind: str
    lines: Mapping[str, list[str]]
    pitch: float


def heads_of(titles: Mapping[str, str], room: float, beside: float, style: Style) -> Heads:
    """Headings for a column of each title in `room` mm, of which `beside` are kept for others.

    Letters take their place where they do not fit.
    """
    spare = (room - beside) / len(titles) - style.gap_mm
    flat = _flat(titles, min(spare, _FLAT_MM if len(titles) > 1 else 2 * _FLAT_MM), style)
    if flat:
        widest = max(_bold(line, style) for lines in flat.values() for line in lines)
        return Heads(FLAT, flat, max(style.row_mm, widest + style.gap_mm))
    size = style.font_size
    upright = {name: wrap(title, _HEAD_MM, size, bold=True) for name, title in titles.items()}
    pitch = max(style.row_mm, (max(map(len, upright.values())) + 0.4) * style.line_mm)
    if len(titles) * pitch + beside <= room:
        return Heads(UPRIGHT, upright, pitch)
    letters = {name: [letter(index)] for index, name in enumerate(titles)}
    widest = max(_bold(code, style) for (code,) in letters.values())
    return Heads(LETTERS, letters, max(style.row_mm, widest + 1.0))


def _flat(titles: Mapping[str, str], limit: float, style: Style) -> dict[str, list[str]]:
    """Lines of `limit` mm; none where a word is too long, or the lines are too many."""
    words = (word for title in titles.values() for word in title.split())
    if any(_bold(word, style) > limit for word in words):
        return {}
    size = style.font_size
    heads = {name: wrap(title, limit, size, bold=True) for name, title in titles.items()}
    return heads if max(map(len, heads.values())) <= _FLAT_LINES else {}


def _bold(text: str, style: Style) -> float:
    return width(text, style.font_size, bold=True)


def letter(index: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    before, last = divmod(index, 26)
    return (letter(before - 1) if before else "") + chr(ord("A") + last)
