"""Ids of studies that are written almost alike: tables are joined by the exact id."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from metamill.errors import Problem
from metamill.tables.table import Findings, Table

_WORDS = re.compile(r"[^\W\d_]+|\d+|[^\w\s\-.,;:'\u2019\u2010-\u2013/()&]")
_YEAR = re.compile(r"(19|20)\d\d")
_PASSED_OVER = frozenset({"et", "al", "and"})


def check_near_ids(table: Table, findings: Findings) -> None:
    """A note for each id that differs from an earlier one in how it is written only."""
    first: dict[str, int] = {}
    for row in table.rows:
        first.setdefault(row.cells["study"], row.line)
    for study, other in near_ids(first):
        rule = f"is almost '{other}' (line {first[other]}), and another study by its id"
        advice = "Write one id if it is one study"
        at, code = first[study], "near-duplicate-study"
        findings.notices.append(
            Problem(table.name, rule, advice, at, "column 'study'", study, code=code)
        )


def near_ids(ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each id with the first earlier one that differs in case, accents, marks, "et al" or a year's
    letter only. Two letters tell two publications of a year apart ("2019a" and "2019b")."""
    groups: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for study in dict.fromkeys(ids):
        words, letter = _plain(study)
        if not words:
            continue
        earlier = groups.setdefault(words, [])
        other = next((name for name, of in earlier if "" in (letter, of) or letter == of), None)
        if other is not None:
            yield study, other
        earlier.append((study, letter))


def _plain(study: str) -> tuple[tuple[str, ...], str]:
    """The words and numbers of an id without case, accents and marks, and the year's letter."""
    letters = unicodedata.normalize("NFKD", study.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = [word for word in _WORDS.findall(bare) if word not in _PASSED_OVER]
    if (
        len(words) > 1
        and _YEAR.fullmatch(words[-2])
        and len(words[-1]) == 1
        and words[-1].isalpha()
    ):
        return tuple(words[:-1]), words[-1]
    return tuple(words), ""
