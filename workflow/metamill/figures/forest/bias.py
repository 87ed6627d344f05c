"""Risk of bias beside the studies of a forest plot: its columns, their cells, a legend."""

from collections.abc import Iterable, Sequence

from metamill.figures.review.bias_words import SIGNS
from metamill.tables.assessments import Assessment, Judgement

OVERALL, SUM = "Overall", "Sum"


def bias_headers(assessments: Sequence[Assessment]) -> tuple[str, ...]:
    """The codes of the tool's domains and its overall column; that alone where tools differ."""
    if not assessments:
        return ()
    ends = []
    if any(item.overall for item in assessments):
        ends.append(OVERALL)
    elif any(item.score is not None for item in assessments):
        ends.append(SUM)
    if len({item.tool for item in assessments}) > 1:
        return (OVERALL if any(item.overall for item in assessments) else SUM,)
    return (*(judged.domain for judged in assessments[0].judgements), *ends)


def bias_cells(item: Assessment | None, headers: Sequence[str]) -> tuple[str, ...]:
    """For each column the kind of the judgement, or the words that stand there ("6/9")."""
    if item is None:
        return ()
    kinds = {judged.domain: judged.kind for judged in item.judgements}
    whole = item.overall.kind if item.overall else ""
    if not whole and item.score is not None:
        whole = f"{item.score}/{item.most}"
    return tuple(kinds.get(header, whole) for header in headers)


def bias_legend(assessments: Sequence[Assessment], headers: Sequence[str]) -> Iterable[str]:
    """What codes and signs mean, tool by tool, as far as the columns show them."""
    tools: dict[str, list[Assessment]] = {}
    for item in assessments:
        tools.setdefault(item.tool, []).append(item)
    for items in tools.values():
        first = items[0]
        shown = [one for one in first.judgements if one.domain in headers]
        domains = ", ".join(f"{one.domain} {one.name}" for one in shown)
        signs = ", ".join(_signs(items, headers))
        parts = [part for part in (domains, f"signs: {signs}" if signs else "") if part]
        yield f"Risk of bias ({first.tool_name}){': ' if parts else ''}{'; '.join(parts)}."


def _signs(items: Iterable[Assessment], headers: Sequence[str]) -> Iterable[str]:
    words: dict[str, dict[str, None]] = {}
    for item in items:
        judged: list[Judgement] = [one for one in item.judgements if one.domain in headers]
        judged += [item.overall] if item.overall else []
        for one in judged:
            words.setdefault(one.kind, {})[one.judgement] = None
    return [f"{SIGNS[kind]} {' or '.join(words[kind])}" for kind in SIGNS if kind in words]
