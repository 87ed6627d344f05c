"""Levels of a column that are written almost alike and would be pooled apart."""

import difflib
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from metamill.errors import Problem
from metamill.tables.table import TableRow
from metamill.tables.values import is_number

ALMOST = 0.9
"""Share of letters that two words have in common where one may be a misspelling of the other."""
_LEAST_LETTERS = 6
_ACCENTS = re.compile("[\u0300-\u036f]")
_SPACES = re.compile(r"(?<!\d)[\s_]+|[\s_]+(?!\d)")
_INSIDE_WORDS = re.compile(r"(?<=[^\W\d])[-.,'\u2019\u2010\u2011\u2013]+(?=[^\W\d])")


def near_equal_levels(rows: Iterable[TableRow], columns: Iterable[str], name: str) -> list[Problem]:
    """A problem for each level that is probably another level of its column, spelt otherwise.

    Two levels that differ in case, accents, spaces or marks only are one; a level of a single row
    may also be a misspelling of a long word. Numbers are never near each other. `name` is how
    messages call the table.
    """
    rows = tuple(rows)
    problems = []
    for column in dict.fromkeys(columns):
        first: dict[str, TableRow] = {}
        counted = Counter(row.cells.get(column, "") for row in rows)
        for row in rows:
            first.setdefault(row.cells.get(column, ""), row)
        words = [level for level in first if level and not is_number(level)]
        for index, level in enumerate(words):
            rule = _nearness(level, words[:index], counted)
            if rule is not None:
                other, how = rule
                problems.append(
                    Problem(
                        name,
                        f"is a level of its own beside '{other}' (line {first[other].line}), from "
                        f"which it differs in {how}",
                        "Write both alike if they are the same",
                        first[level].line,
                        f"column '{column}'",
                        level,
                        "near-equal-level",
                    )
                )
    return problems


def all_numbers(rows: Iterable[TableRow], column: str) -> bool:
    """Whether a column has cells in `rows` and all of them are numbers."""
    said = [cell for row in rows if (cell := row.cells.get(column, ""))]
    return bool(said) and all(map(is_number, said))


def _nearness(level: str, earlier: Iterable[str], counted: Counter[str]) -> tuple[str, str] | None:
    """The earlier level that this one seems to be, and in what the two differ."""
    for other in earlier:
        if _letters(level) == _letters(other):
            return other, "case, accents, spaces or marks only"
        if 1 in (counted[level], counted[other]) and _almost(level, other):
            return other, "hardly a letter"
    return None


def _letters(level: str) -> str:
    """A level without case, accents, spaces and the marks inside words.

    What tells levels apart stays: "HIV+" and "HIV-", "<50" and ">50", "1.5" and "15".
    """
    return _INSIDE_WORDS.sub("", _SPACES.sub("", _plain(level))).rstrip(".")


def _plain(level: str) -> str:
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", level.casefold()))


def _almost(level: str, other: str) -> bool:
    """Whether one long word of a level is a word of the other, misspelt.

    Neither "symptomatic" and "asymptomatic" nor "stage I" and "stage II" are.
    """
    pairs = list(itertools.zip_longest(_words(level), _words(other), fillvalue=""))
    differing = [(a, b) for a, b in pairs if a != b]
    if len(differing) != 1:
        return False
    a, b = differing[0]
    short = min(len(a), len(b)) < _LEAST_LETTERS
    if short or a[0] != b[0] or _digits(a) != _digits(b):
        return False
    return difflib.SequenceMatcher(None, a, b, autojunk=False).ratio() >= ALMOST


def _words(level: str) -> list[str]:
    return re.findall(r"[^\W_]+", _plain(level))


def _digits(word: str) -> str:
    return "".join(filter(str.isdigit, word))
