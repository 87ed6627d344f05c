"""Judgements of risk of bias by tool, and what is said of them: names, signs, counts, table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from metamill.figures.page.text import TIED, clean
from metamill.files import csv_text
from metamill.review_result import Assessment, Judgement, ReviewResult, Study, Tool
from metamill.tables.bias_tools import (
    BAD,
    CRITICAL,
    GOOD,
    KINDS,
    NONE,
    NOT_APPLICABLE,
    OVERALL,
    SOME,
    STATED,
    SUM,
)
from metamill.wording import ABSENT, MINUS, count_text


@dataclass(frozen=True)
class Part:
    """The assessments by one tool, for one outcome or (empty) for all."""

    tool: Tool
    outcome: str
    assessments: tuple[Assessment, ...]

    @property
    def title(self) -> str:
        where = f", {self.outcome.replace('_', ' ')}" if self.outcome else ""
        return f"{self.tool.name}{where}"

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(domain.code for domain in self.tool.domains)

    @property
    def sums(self) -> bool:
        return self.tool.overall == SUM


def parts_of(review: ReviewResult) -> list[Part]:
    """One part for each tool and outcome, in the order of the tools, studies by their order."""
    place = {study.study: index for index, study in enumerate(review.studies)}
    tools = {tool.code: index for index, tool in enumerate(review.tools)}
    ordered = sorted(
        review.assessments,
        key=lambda a: (tools[a.tool], a.outcome, place.get(a.study, len(place)), a.label),
    )
    return [
        Part(review.tools[tools[code]], outcome, tuple(items))
        for (code, outcome), items in groupby(ordered, lambda a: (a.tool, a.outcome))
    ]


def points_of(tool: Tool, judgement: Judgement) -> int | None:
    domain = tool.domain(judgement.domain)
    level = domain.level(judgement.judgement) if domain else None
    return level.points if level else None


def sum_text(item: Assessment) -> str:
    return "?" if item.score is None else f"{item.score}/{item.most}"


SIGNS = {
    GOOD: "+", SOME: MINUS, BAD: "×", CRITICAL: "!", NONE: "?", NOT_APPLICABLE: ABSENT,
}  # fmt: skip


def domain_names(parts: Sequence[Part]) -> Iterator[str]:
    """Full names of the domains of each tool, once."""
    for tool in {part.tool.code: part.tool for part in parts}.values():
        pairs = (_whole(f"{domain.code} = {domain.name}") for domain in tool.domains)
        yield f"{tool.name}: {'; '.join(pairs)}."


def sign_words(parts: Sequence[Part]) -> Iterator[str]:
    """What each sign stands for in the words of its tool, one line a tool."""
    for tool in {part.tool.code: part.tool for part in parts}.values():
        words: dict[str, dict[str, None]] = {}
        for part in parts:
            if part.tool.code == tool.code:
                for _, judged in judgements_of(part):
                    for item in judged:
                        words.setdefault(item.kind, {})[_told(item.judgement)] = None
        told = (
            _whole(f"{SIGNS[kind]} {' or '.join(words[kind])}") for kind in KINDS if kind in words
        )
        yield f"Signs, {tool.name}: {'; '.join(told)}."


def _told(judgement: str) -> str:
    if not judgement.isdecimal():
        return judgement
    return f"{judgement} {'point' if judgement == '1' else 'points'}"


def _whole(text: str) -> str:
    return text.replace(" ", TIED)


def judgements_of(part: Part) -> Iterator[tuple[str, list[Judgement]]]:
    """The judgements of each domain, and of the whole where the tool has that one stated."""
    for code in part.codes:
        yield code, [j for a in part.assessments for j in a.judgements if j.domain == code]
    if part.tool.overall == STATED:
        silent = Judgement(OVERALL, "Overall", "overall not stated", NONE)
        yield OVERALL, [a.overall or silent for a in part.assessments]


def silences(parts: Sequence[Part]) -> Iterator[str]:
    """What is said of points, and of overall judgements that are not there."""
    if any(part.sums for part in parts):
        yield "Numbers are points (stars), last their sum of the most possible; ? is not judged."
    stated = [part for part in parts if part.tool.overall == STATED]
    if any(item.overall is None for part in stated for item in part.assessments):
        yield "An overall judgement that is not stated is not concluded from the domains."


def unjudged(review: ReviewResult) -> dict[str, list[Study]]:
    """Studies without a judgement, by the outcome that lacks it; empty for those without any."""
    known = {(item.study, item.outcome) for item in review.assessments}
    lacking: dict[str, list[Study]] = {}
    for study in review.studies:
        if (study.study, "") in known:
            continue
        without = [name for name in study.outcomes if (study.study, name) not in known]
        if len(without) == len(study.outcomes):
            lacking.setdefault("", []).append(study)
        else:
            for name in without:
                lacking.setdefault(name, []).append(study)
    return dict(sorted(lacking.items()))


def unjudged_words(review: ReviewResult) -> Iterator[str]:
    """A note that names those studies, one for each outcome."""
    for outcome, studies in unjudged(review).items():
        where = f" for {outcome.replace('_', ' ')}" if outcome else ""
        names = "; ".join(clean(study.label) or study.study for study in studies)
        yield f"Without a judgement{where} ({count_text(len(studies))}): {names}."


def bias_csv(parts: Sequence[Part], review: ReviewResult) -> str:
    """One row per study and domain, one for each overall judgement or sum, and one for each study
    without a judgement."""
    rows: list[dict[str, object]] = []
    for part in parts:
        for item in part.assessments:
            about: dict[str, object] = {
                "study": item.study,
                "label": item.label,
                "tool": item.tool_name,
            }
            about["outcome"] = item.outcome
            judged = [*item.judgements, *([item.overall] if item.overall else [])]
            rows += [
                about
                | {"domain": j.domain, "name": j.name, "judgement": j.judgement, "kind": j.kind}
                for j in judged
            ]
            if part.sums:
                rows.append(about | {"domain": "sum", "judgement": sum_text(item)})
    for outcome, studies in unjudged(review).items():
        rows += [{"study": s.study, "label": s.label, "outcome": outcome} for s in studies]
    columns = "study,label,tool,outcome,domain,name,judgement,kind".split(",")
    return csv_text(columns, rows)


def bias_alt(title: str, parts: Sequence[Part], review: ReviewResult) -> str:
    words = [title + ".", *map(_part_words, parts), *unjudged_words(review)]
    return " ".join(words) + "\n"


def _part_words(part: Part) -> str:
    """What a tool found, as counts of the overall judgements or the range of the sums."""
    count = len(part.assessments)
    studies = f"{count_text(count)} {'study' if count == 1 else 'studies'} by {part.title}"
    if part.sums:
        scores = [item.score for item in part.assessments if item.score is not None]
        known = f"sums from {min(scores)} to {max(scores)}" if scores else "no sum known"
        return f"{studies}: {known}."
    if part.tool.overall == STATED:
        words = counted(
            [a.overall.judgement if a.overall else "not stated" for a in part.assessments]
        )
        return f"{studies}; overall: {words}."
    told = (f"{code} {counted(_domain_words(part, code))}" for code in part.codes)
    return f"{studies}; {'; '.join(told)}."


def _domain_words(part: Part, code: str) -> list[str]:
    return [j.judgement for a in part.assessments for j in a.judgements if j.domain == code]


def counted(words: Sequence[str]) -> str:
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
