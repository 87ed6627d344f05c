"""The text of one cell: what is cleaned in it, and what in it looks damaged."""

import re
import unicodedata

from metamill.config.plain_text import cleaned

_TRAIL = bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")
_MOJIBAKE = re.compile(
    f"[\u00c2-\u00c5\u00ce-\u00d1][{re.escape(_TRAIL)}]|\u00e2[{re.escape(_TRAIL)}]{{2}}"
)
"""Two letters that are the bytes of one: \u00fc, \u03b1, \u2265 read as Windows-1252."""
_LOST = "\ufffd"
_BLANK_LETTERS = "\u034f\u115f\u1160\u2800\u3164\uffa0"
_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
MINUS = "\u2212"


def clean(cell: str, numeric: bool) -> tuple[str, str]:
    """A cell as it is used, and in words what was changed in it ("" if nothing was).

    Spaces around it, doubled spaces, line ends, zero-width marks and letters in pieces (Unicode's
    composed form is used) are cleaned everywhere; the typographic minus sign only in numbers.
    """
    plain = cleaned(cell)
    if numeric and MINUS in plain:
        plain = plain.replace(MINUS, "-")
    return plain, ("" if plain == cell else _change(cell, plain, numeric))


def _change(cell: str, plain: str, numeric: bool) -> str:
    spaced = " ".join(cell.split())
    marks = [
        ("spaces", spaced != cell),
        ("minus sign", numeric and MINUS in cell),
        ("letters in pieces", unicodedata.normalize("NFC", spaced) != spaced),
    ]
    found = [word for word, true in marks if true]
    bare = unicodedata.normalize("NFC", spaced)
    if (bare.replace(MINUS, "-") if numeric else bare) != plain:
        found.append("invisible marks")
    return " and ".join(found)


def damage(cell: str, plain: str) -> tuple[str, str, str] | None:
    """The rule, the advice and the code of what looks wrong with the letters of a cell."""
    if plain.isascii():
        return None
    if _LOST in plain:
        rule = "holds U+FFFD, which stands for a letter that was lost"
        return rule, "Type the letter again", "mojibake"
    if _MOJIBAKE.search(cell):
        rule = "looks like UTF-8 that was read as another encoding"
        return rule, "Correct the letters", "mojibake"
    for letter in plain:
        if letter in _BLANK_LETTERS or unicodedata.category(letter) == "Cf":
            what = (
                "turns the direction of text" if unicodedata.bidirectional(letter) in _TURNS else ""
            )
            rule = f"holds U+{ord(letter):04X}, which is invisible" + (what and f" and {what}")
            return rule, "Remove it", "invisible-mark"
    return None
