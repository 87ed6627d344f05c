"""Text as it will be drawn: cleaned, measured and wrapped with the bundled font.

Widths are sums of the font's own advances and kerning, in millimetres. A character that the font
does not have counts as one em, so that a viewer which finds it elsewhere still has the room.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font, Kerning, LoadFlags

MM_PER_POINT = 25.4 / 72
FAMILY = ("DejaVu Sans", "Verdana", "sans-serif")
ASCENT, DESCENT = 0.93, 0.24
"""Height above and depth below the baseline, in em."""

_FILES = {
    (False, False): "DejaVuSans.ttf",
    (True, False): "DejaVuSans-Bold.ttf",
    (False, True): "DejaVuSans-Oblique.ttf",
    (True, True): "DejaVuSans-BoldOblique.ttf",
}
_AS_SPACE = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")
_SPACE = " "
_MEASURED_AT = 100
TIED = "\N{NO-BREAK SPACE}"


def font_file(bold: bool = False, italic: bool = False) -> Path:
    return Path(matplotlib.get_data_path(), "fonts", "ttf", _FILES[bold, italic])


@lru_cache(maxsize=4)
def _font(bold: bool, italic: bool) -> FT2Font:
    font = FT2Font(font_file(bold, italic))
    font.set_size(_MEASURED_AT, 72)
    return font


@lru_cache(maxsize=4096)
def _advance(character: str, bold: bool, italic: bool) -> float:
    """The advance of one character in em."""
    font = _font(bold, italic)
    if is_missing(character):
        return 1.0
    glyph = font.load_char(ord(character), flags=LoadFlags.NO_SCALE)
    return float(glyph.horiAdvance / font.units_per_EM)


@lru_cache(maxsize=4096)
def _kerning(left: str, right: str, bold: bool, italic: bool) -> float:
    """What is added between two characters, in em."""
    font = _font(bold, italic)
    glyphs = font.get_char_index(ord(left)), font.get_char_index(ord(right))
    return font.get_kerning(*glyphs, Kerning.UNFITTED) / 64 / _MEASURED_AT


@lru_cache(maxsize=4096)
def is_missing(character: str) -> bool:
    """Whether the bundled font has no shape for the character."""
    return _font(False, False).get_char_index(ord(character)) == 0


def clean(text: str) -> str:
    """One line without control characters, which no SVG may hold, in composed form (NFC).

    No-break spaces stay, all other space is single.
    """
    visible = (
        _SPACE if unicodedata.category(c) in _AS_SPACE and c != TIED else c
        for c in unicodedata.normalize("NFC", text)
    )
    return _SPACE.join(filter(None, "".join(visible).split(_SPACE)))


_TIES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]| [=<>] | (?=\[)|(?<=\b\w) ")


def tied(text: str) -> str:
    """`text` with no line break in brackets, at a relation or after a single letter."""
    return _TIES.sub(lambda found: found.group().replace(_SPACE, TIED), text)


@lru_cache(maxsize=4096)
def width(text: str, size: float, bold: bool = False, italic: bool = False) -> float:
    """Width of `text` in mm at `size` points."""
    advances = sum(_advance(c, bold, italic) for c in text)
    kerning = sum(_kerning(a, b, bold, italic) for a, b in pairwise(text))
    return (advances + kerning) * size * MM_PER_POINT


def wrap(
    text: str, limit: float, size: float, bold: bool = False, italic: bool = False
) -> list[str]:
    """Lines of at most `limit` mm: broken at spaces, else at tied spaces, else anywhere."""
    lines: list[str] = []
    line = ""
    for word in clean(text).split(_SPACE):
        longer = f"{line}{_SPACE}{word}" if line else word
        if width(longer, size, bold, italic) <= limit:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _broken(word, limit, size, bold, italic)
        lines.extend(whole)
    return [*lines, line]


def _broken(word: str, limit: float, size: float, bold: bool, italic: bool) -> list[str]:
    if width(word, size, bold, italic) <= limit:
        return [word]
    if TIED in word:
        return wrap(word.replace(TIED, _SPACE), limit, size, bold, italic)
    pieces = [""]
    for character in word:
        if pieces[-1] and width(pieces[-1] + character, size, bold, italic) > limit:
            pieces.append("")
        pieces[-1] += character
    return pieces
