"""Assessments of risk of bias with the facts of their tool: plain data, to and from JSON."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from metamill.files import canonical_json, digest

NOT_JUDGED = "not judged"
"""The judgement of a domain that the table has no row for."""


@dataclass(frozen=True)
class Judgement:
    """What was judged of one domain, and why.

    `domain` is the code and `name` the name of the domain; `judgement` is in the words of the
    tool, or NOT_JUDGED; `kind` is one of bias_tools.KINDS. `support` is the quote or the reason,
    `source` and `location` say where it was read.
    """

    domain: str
    name: str
    judgement: str
    kind: str
    support: str = ""
    source: str = ""
    location: str = ""


@dataclass(frozen=True)
class Assessment:
    """One study judged by one tool, for one outcome or (`outcome` empty) for all.

    `judgements` are those of every domain of the tool, in its order. `overall` is the overall
    judgement as stated; `score` of `most` is the sum of the items of tools that sum. Where neither
    is there, `note` says why: nothing is concluded from the domains.
    """

    study: str
    label: str
    tool: str
    tool_name: str
    outcome: str
    judgements: tuple[Judgement, ...]
    overall: Judgement | None = None
    score: int | None = None
    most: int | None = None
    note: str = ""


def assessments_digest(assessments: Iterable[Assessment]) -> str:
    """Changes when any judgement, or what is said of it, does."""
    return digest(canonical_json([asdict(item) for item in assessments]))


def for_outcome(
    assessments: Iterable[Assessment], outcome: str, studies: Iterable[str]
) -> tuple[Assessment, ...]:
    """The assessment of each study for an outcome, in the order of `studies`, each once.

    The outcome's own comes before one for all outcomes; a study without either has none.
    """
    known = {(item.study, item.outcome): item for item in assessments}
    found = (
        known.get((study, outcome)) or known.get((study, "")) for study in dict.fromkeys(studies)
    )
    return tuple(item for item in found if item is not None)
