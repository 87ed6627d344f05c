"""What a check says about printed numbers, and what it is told about them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

IMPOSSIBLE, CONTRADICTION, QUESTION, INFO = "impossible", "contradiction", "question", "info"
LEVELS = (IMPOSSIBLE, CONTRADICTION, QUESTION, INFO)
"""From a theorem, and two printed numbers that disagree, to what a reader may want to know."""
HOLDING = (IMPOSSIBLE, CONTRADICTION)
"""Levels that hold a row out of the primary analysis."""
READING = "reading"
"""What stands for a check in audit.csv where reading the tables cleaned or noticed something."""


@dataclass(frozen=True)
class Check:
    """One check as its page in the docs and the report name it.

    `code` stands in audit.csv, `number` in the catalogue of audits (B1 to B16). `source` is the
    paper or theorem, `wrong_when` what makes the check speak although nothing is wrong.
    """

    code: str
    number: str
    name: str
    rule: str
    source: str
    wrong_when: str


@dataclass(frozen=True)
class Finding:
    """What one check found in one row.

    `columns` are those whose numbers are at odds, the one to look at first. `printed` and
    `allowed` are short ("sd_pre 18.8", "at most 10.08"); `arithmetic` is a whole sentence a
    reviewer can check by hand; `assumption` is what the verdict takes for granted.
    """

    check: str
    level: str
    columns: tuple[str, ...]
    printed: str
    allowed: str
    arithmetic: str
    assumption: str = ""


_SIDES = {
    "pre": "before",
    "post": "after",
    "change": "of the change",
    "difference": "of the difference",
}
_NAMES = {"sd": "SD", "se": "SE", "ci_low": "lower limit", "ci_high": "upper limit"}
_COLUMN = re.compile(
    r"\b(mean|sd|se|n|min|q1|median|q3|max|ci_low|ci_high|events|total|percent|t|p)"
    r"_(pre|post|treatment|control|change|difference)\b|\b(sd|se|ci_low|ci_high)\b"
)


def in_words(text: str) -> str:
    """Names of columns in a short text as words: "SD before 18.8" for "sd_pre 18.8"."""

    def said(found: re.Match[str]) -> str:
        name, side = found[1] or found[3], found[2]
        words = _NAMES.get(name, name)
        if side is None:
            return words
        if name == "mean" and side in ("change", "difference"):
            return f"mean {side}"
        return f"{words} {_SIDES.get(side, f'({side})')}"

    return _COLUMN.sub(said, text)


CHANGE = "_change"
"""Suffix of the columns that hold a change."""


@dataclass(frozen=True)
class Group:
    """What a row prints of one group at one time.

    `cells` holds the printed numbers by plain name (n, mean, sd, se, min, q1, median, q3, max,
    ci_low, ci_high), "" where nothing is printed. `suffix` is that of the row's columns ("_pre",
    "_treatment", ""). Single values are multiples of `step` (None: not known), each the mean of
    `items` such answers; the scale runs from `low` to `high` (None: not known).
    """

    cells: Mapping[str, str]
    suffix: str = ""
    step: Fraction | None = None
    items: int = 1
    low: Fraction | None = None
    high: Fraction | None = None

    def column(self, name: str) -> str:
        """The row's column that holds the plain `name`: one n for before, after and change."""
        paired = name == "n" and self.suffix in ("_pre", "_post", CHANGE)
        return name if paired else f"{name}{self.suffix}"
