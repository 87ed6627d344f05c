"""Pairs of studies that look like one cohort and are not declared as one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from metamill.audit.finding import QUESTION, Check, Finding
from metamill.audit.studies.dates import overlap_of_recruitment
from metamill.tables.extracted import STUDIES
from metamill.tables.selection import Selection
from metamill.tables.table import Table

CHECKS = (
    Check(
        "possible_overlap",
        "B11",
        "Cohorts nobody declared",
        "two studies of one outcome score 3 or more: two shared authors 3; the same first author "
        "1; the same country or centre 1; overlapping recruitment 1; the same counts out of 30 "
        "or more 2",
        "Senn 2009; von Elm et al. 2004, JAMA 291:974 (duplicate publication)",
        "authors of a common name, or a group that reports different patients",
    ),
)
ASK = 3
"""The score from which a pair of studies is asked about."""
LARGE = 30
"""Counts out of fewer than this agree by chance."""
_INITIALS = re.compile("[A-Z]{1,4}")
_WORD = re.compile(r"[^\W\d_][^\W\d_'’-]*(?:['’-][^\W\d_'’-]+)*")
_LONGEST_SURNAME = 3

Found = tuple[str, int, Finding]


def authors_of(citation: str) -> tuple[str, ...]:
    """Authors at the beginning of a citation, "Guo HZ, Tang YC, et al. Title": surname, initials.

    Empty where the citation does not begin with such a list. Case and accents count.
    """
    authors: list[str] = []
    for part in citation.split(".", 1)[0].split(","):
        words = part.split()
        if words[-2:] == ["et", "al"]:
            words = words[:-2]
        if words and not _is_author(words):
            break
        if words:
            authors.append(" ".join(words))
    return tuple(authors)


def _is_author(words: Sequence[str]) -> bool:
    *surname, initials = words
    named = 0 < len(surname) <= _LONGEST_SURNAME and all(map(_WORD.fullmatch, surname))
    return named and _INITIALS.fullmatch(initials) is not None


COMMON = 40
"""A name, or counts, that more studies of one outcome share tell nothing."""


def check_overlap(studies: Table | None, selections: Mapping[str, Selection]) -> Iterator[Found]:
    """Pairs of studies in one outcome that look like one cohort and are not declared as one."""
    about = {row.cells["study"]: row for row in studies.rows} if studies else {}
    authors = {name: authors_of(row.cells.get("citation", "")) for name, row in about.items()}
    counts: dict[tuple[str, str], str] = {}
    for selection in selections.values():
        for pair, words in _alike(selection, authors):
            counts[pair] = counts.get(pair) or words
    for first, second in sorted(counts, key=lambda pair: [about[name].line for name in pair]):
        one, two = about[first].cells, about[second].cells
        cohort = one.get("cohort", "").casefold()
        if cohort and cohort == two.get("cohort", "").casefold():
            continue
        signals = [*_signals(one, two, authors[first], authors[second])]
        signals += [(2, counts[first, second])] if counts[first, second] else []
        if sum(points for points, _ in signals) >= ASK:
            words = "; ".join(word for _, word in signals)
            yield (
                STUDIES,
                about[second].line,
                Finding(
                    "possible_overlap",
                    QUESTION,
                    ("citation",),
                    f"{second} beside {first}",
                    "different patients",
                    f"{second} and {first} share: {words}. If patients are in both, give the two "
                    "one cohort in studies.csv and pool one of them",
                ),
            )


def _alike(
    selection: Selection, authors: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[tuple[str, str], str]]:
    """Pairs of studies of one outcome that share an author ("") or counts (in words).

    No other pair can have a score to ask about. The study that studies.csv names first is first.
    """
    order = {name: i for i, name in enumerate(authors)}
    sharing: dict[tuple[str, ...], dict[str, int]] = {}
    for row in selection.rows:
        study = row.cells["study"]
        if study in order:
            for key in (*((author,) for author in authors[study]), *_counts(row.cells)):
                sharing.setdefault(key, {}).setdefault(study, row.line)
    for key, lines in sharing.items():
        if len(lines) > COMMON:
            continue
        for first, second in combinations(sorted(lines, key=order.__getitem__), 2):
            words = ""
            if len(key) > 1:
                where = f"lines {lines[first]} and {lines[second]} of {selection.table}"
                words = f"{' of '.join(key)} ({where})"
            yield (first, second), words


def _counts(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Events and total of a row where they rarely agree by chance."""
    for arm in ("", "_treatment", "_control"):
        events, total = (cells.get(f"{name}{arm}", "") for name in ("events", "total"))
        if events and total and int(total) >= LARGE and 0 < int(events) < int(total):
            yield events, total


def _signals(
    one: Mapping[str, str], two: Mapping[str, str], ours: Sequence[str], theirs: Sequence[str]
) -> Iterator[tuple[int, str]]:
    shared = [author for author in ours if author in theirs]
    if len(shared) >= 2:
        yield 3, f"the authors {', '.join(shared)}"
    elif shared and ours[0] == theirs[0]:
        yield 1, f"the first author {shared[0]}"
    place = one.get("country", "")
    if place and place.casefold() == two.get("country", "").casefold():
        yield 1, f"the place ({place})"
    if overlap_of_recruitment(one, two):
        yield 1, "a time of recruitment that overlaps"
