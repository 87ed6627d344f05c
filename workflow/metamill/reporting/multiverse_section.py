"""The multiverse of an outcome, as the report says it: sentences first, then tables."""

from typing import Any

from metamill.config.decisions import NON_EQUIVALENT
from metamill.explored.multiverse import Choice, Decision, Multiverse
from metamill.figures.multiverse.words import (
    combinations_words,
    percent_words,
    statements,
    without_estimate,
)
from metamill.results import Result
from metamill.wording import (
    ABSENT,
    NumberFormat,
    capital,
    count_text,
    interval_text,
    result_format,
    typeset,
)


def multiverse_section(result: Result) -> dict[str, Any] | None:
    """What the combinations came to, and each decision with its choices; None without a multiverse.

    `sentences` say what was found, `combinations` what was combined and what cannot be; `concluded`
    whether there is a value that intervals are compared with.
    """
    found = result.explored.multiverse
    if found is None:
        return None
    form = result_format(result)
    missing = without_estimate(found)
    return {
        "sentences": [f"{typeset(text)}." for text in statements(found, result)],
        "combinations": [f"{capital(typeset(text))}." for text in combinations_words(found)],
        "missing": [f"{capital(typeset(text))}." for text in missing],
        "concluded": bool(found.summaries[0].beside),
        "decisions": [_decision(item, found, form) for item in found.decisions],
    }


def _decision(item: Decision, found: Multiverse, form: NumberFormat) -> dict[str, Any]:
    spread = ABSENT if item.spread is None else form.text(item.spread) + form.suffix
    return {
        "name": item.name,
        "share": ABSENT if item.share is None else percent_words(item.share),
        "spread": spread,
        "choices": [_choice(choice, form) for choice in item.choices],
    }


def _choice(choice: Choice, form: NumberFormat) -> dict[str, Any]:
    known = choice.median is not None
    own = ", its own" if choice.standing == NON_EQUIVALENT else ""
    other = ABSENT
    if choice.changed is not None and choice.concluded:
        other = f"{count_text(choice.changed)} of {count_text(choice.concluded)}"
    return {
        "name": choice.name,
        "standing": "pre-specified" if choice.prespecified else choice.standing,
        "specifications": count_text(choice.specifications) + own,
        "median": form.text(choice.median) + form.suffix if known else ABSENT,
        "range": interval_text(choice.low, choice.high, form) if known else "",
        "other": other,
    }
