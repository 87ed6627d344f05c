"""What subsets of the studies and rules for outliers say of an outcome, as the report has it."""

from typing import Any

from metamill.explored.gosh import GoshStudy, Spread
from metamill.explored.outliers import Outlier, Outliers
from metamill.figures.refits.gosh_words import sentences, value_text
from metamill.results import Result
from metamill.wording import (
    ABSENT,
    NumberFormat,
    capital,
    number_text,
    p_text,
    result_format,
    significant_text,
)


def gosh_section(result: Result) -> dict[str, Any] | None:
    """The subsets in sentences, and a row for each study; None where nothing was asked for."""
    found = result.explored.gosh
    if found is None:
        return None
    if found.estimate is None:
        words = [f"No subsets of the studies were pooled: {found.note}."]
        return {"sentences": words, "studies": []}
    form = result_format(result)
    return {
        "sentences": list(sentences(found, result)),
        "studies": [_study(item, form) for item in found.studies],
    }


def _study(item: GoshStudy, form: NumberFormat) -> dict[str, str]:
    return {
        "study": item.study,
        "with": _middle(item.estimate_with, form),
        "without": _middle(item.estimate_without, form),
        "split": ABSENT if item.split is None else significant_text(item.split),
    }


def _middle(spread: Spread | None, form: NumberFormat) -> str:
    """ "0.49 (0.43 to 0.55)": the median and the middle half."""
    if spread is None:
        return ABSENT
    q1, q3 = form.text(spread.q1), form.text(spread.q3)
    return f"{value_text(spread.median, form)} ({q1} to {q3})"


def outlier_words(found: Outliers | None) -> str:
    """Who lies far from the pool of the others, by which rule, and what chance would give."""
    if found is None or not found.rule:
        return ""
    rule = (
        f"absolute externally studentised residual above {found.cutoff:g}"
        if found.rule == "rstudent"
        else f"two-sided tail probability of its counts below {found.cutoff:g}"
    )
    judged = f"{found.judged} {'study' if found.judged == 1 else 'studies'}"
    chance = (
        f"about {significant_text(found.expected or 0.0)} of {judged} expected by chance, more "
        "where studies are few"
    )
    if not found.studies:
        return f"No study is an outlier ({rule}; {chance})."
    named = "; ".join(f"{item.study} ({_value(item, found)})" for item in found.studies)
    told = f"Outliers ({rule}; {chance}): {named}."
    if found.analysis:
        name = found.analysis.partition(":")[2]
        return f"{told} The analysis without them is '{name}'; it is never the main result."
    return f"{told} {capital(found.note)}." if found.note else told


def _value(item: Outlier, found: Outliers) -> str:
    if found.rule == "tail":
        return p_text(item.value)
    return number_text(item.value, 2)
