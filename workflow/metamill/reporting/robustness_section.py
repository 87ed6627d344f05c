"""How robust an outcome is, as the report says it: sentences first, then tables."""

from typing import Any

from metamill.explored.flips import Bar
from metamill.figures.refits.tornado_words import (
    analysis_name,
    bar_flip_words,
    bar_name,
    flip_words,
    robustness_words,
    value_text,
)
from metamill.results import Result
from metamill.wording import capital, interval_text, result_format


def robustness_section(result: Result) -> dict[str, Any] | None:
    """Sentences, the bars of the tornado plot and the flip points in words; None without any."""
    found = result.explored.robustness
    if found is None or not (found.bars or found.conclusions):
        return None
    searched = [f"{capital(flip_words(flip, result))}." for flip in found.flips]
    return {
        "sentences": list(robustness_words(result)),
        "flips": searched,
        "no_conclusion": not found.conclusions,
        "bars": [_bar(bar, result) for bar in found.bars],
        "not_compared": [
            analysis_name(item.analysis) for item in found.alternatives if not item.compared
        ],
    }


def _bar(bar: Bar, result: Result) -> dict[str, Any]:
    form, found = result_format(result), result.explored.robustness
    assert found is not None
    ends = ((bar.low, bar.at_low), (bar.high, bar.at_high))
    low, high = (
        f"{value_text(value, form)} ({analysis_name(at) if at else 'primary'})"
        for value, at in ends
    )
    return {
        "name": bar_name(bar),
        "count": bar.count,
        "low": low,
        "high": high,
        "limits": interval_text(bar.ci_low, bar.ci_high, form),
        "words": capital(bar_flip_words(bar, found, result)),
    }
