"""Text as it will be drawn: cleaned, measured and wrapped with the bundled fonts.

Widths are in millimetres and come from the fonts' own advances, so that a text is measured once
and lies where it was planned in every format. Most text is set in Metamill Sans, which has the
widths of Arial; what it lacks comes from DejaVu Sans (Arabic, Hebrew, further signs) or Droid Sans
Fallback (Chinese, Japanese). A character that no font has counts as one em.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font, LoadFlags

MM_PER_POINT = 25.4 / 72
FAMILY = ("Arial", "Liberation Sans", "Helvetica", "DejaVu Sans", "sans-serif")
"""What an SVG asks its viewer for; the first three have the widths measured here."""
ASCENT, DESCENT = 0.93, 0.24
"""Height above and depth below the baseline, in em."""
CAPITAL = 0.73
"""Height of capitals and digits, in em."""

_FOLDER = Path(__file__).parent / "fonts"
_DEJAVU = Path(matplotlib.get_data_path(), "fonts", "ttf")
_CHAINS = {
    (bold, italic): (
        _FOLDER / f"MetamillSans-{metamill}.ttf",
        _DEJAVU / f"DejaVuSans{dejavu}.ttf",
        _DEJAVU / f"DejaVuSans{upright}.ttf",
        _FOLDER / "DroidSansFallbackFull.ttf",
    )
    for (bold, italic), metamill, dejavu, upright in (
        ((False, False), "Regular", "", ""),
        ((True, False), "Bold", "-Bold", "-Bold"),
        ((False, True), "Italic", "-Oblique", ""),
        ((True, True), "BoldItalic", "-BoldOblique", "-Bold"),
    )
}
_AS_SPACE = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")
_TURNING = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
"""Marks that turn, and could forge, what stands beside them; letters have a direction of their own.
"""
_SPACE = " "
_MEASURED_AT = 100
_SHAPED = ("R", "AL", "NSM")
"""Bidirectional classes of what cannot be measured character by character."""
TIED = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Run:
    """Part of a line in one font; `width` in em."""

    text: str
    font: Path
    width: float


@lru_cache(maxsize=16)
def _font(file: Path) -> FT2Font:
    font = FT2Font(file)
    font.set_size(_MEASURED_AT, 72)
    return font


@lru_cache(maxsize=65536)
def _has(file: Path, character: str) -> bool:
    return _font(file).get_char_index(ord(character)) != 0


@lru_cache(maxsize=65536)
def _advance(file: Path, character: str) -> float:
    """The advance of one character in em."""
    font = _font(file)
    if not _has(file, character):
        return 1.0
    glyph = font.load_char(ord(character), flags=LoadFlags.NO_SCALE)
    return float(glyph.horiAdvance / font.units_per_EM)


@lru_cache(maxsize=8192)
def runs(text: str, bold: bool = False, italic: bool = False) -> tuple[Run, ...]:
    """`text` in the order of reading, divided where the font changes.

    A line that one font can set whole is one run, which right-to-left writing needs.
    """
    chain = _CHAINS[bold, italic]
    for file in chain:
        if all(_has(file, character) for character in text):
            return (_run(text, file),)

    def font_of(character: str) -> Path:
        return next((file for file in chain if _has(file, character)), chain[0])

    return tuple(_run("".join(part), file) for file, part in groupby(text, font_of))


def _run(text: str, file: Path) -> Run:
    shaped = any(unicodedata.bidirectional(c) in _SHAPED for c in text)
    if shaped and all(_has(file, c) for c in text):
        font = _font(file)
        font.set_text(text, 0, flags=LoadFlags.NO_HINTING)
        return Run(text, file, font.get_width_height()[0] / 64 / _MEASURED_AT)
    return Run(text, file, sum(_advance(file, character) for character in text))


@lru_cache(maxsize=8192)
def is_missing(character: str) -> bool:
    """Whether no bundled font has a shape for the character."""
    return not any(_has(file, character) for file in _CHAINS[False, False])


def clean(text: str) -> str:
    """One line without control characters, which no SVG may hold, in composed form (NFC).

    Marks that override the direction of writing are left out.
    No-break spaces stay, all other space is single; a sentence that ends in "et al." has one stop.
    """
    visible = (
        _SPACE if unicodedata.category(c) in _AS_SPACE and c != TIED else c
        for c in unicodedata.normalize("NFC", text.translate(_TURNING))
    )
    line = _SPACE.join(filter(None, "".join(visible).split(_SPACE)))
    return re.sub(r"(?<!\.)\.\.(?!\.)", ".", line)


_TIES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]| [=<>] | (?=\[)|(?<=\b\w) ")


def tied(text: str) -> str:
    """`text` with no line break in brackets, at a relation or after a single letter."""
    return _TIES.sub(lambda found: found.group().replace(_SPACE, TIED), text)


def width(text: str, size: float, bold: bool = False, italic: bool = False) -> float:
    """Width of `text` in mm at `size` points."""
    return sum(run.width for run in runs(text, bold, italic)) * size * MM_PER_POINT


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


def shortened(line: str, limit: float, size: float, bold: bool = False) -> str:
    """The line with an ellipsis at its end, and as much of it as then fits in `limit` mm."""
    kept = line
    while kept and width(f"{kept}…", size, bold) > limit:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


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
