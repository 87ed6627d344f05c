"""Sentences about a multiverse that its figure and the report share; nothing here is computed."""

from collections.abc import Iterator, Sequence

from metamill.explored.multiverse import Beside, Decision, Multiverse, Summary
from metamill.results import Result
from metamill.wording import NumberFormat, count_text, interval_text, number_text, result_format

STANDING_WORDS = {
    "equivalent": "as good as the pre-specified one",
    "uncertain": "perhaps as good",
    "non-equivalent": "an answer to another question, not counted",
}


def without_estimate(found: Multiverse) -> list[str]:
    """Why specifications have no estimate, no interval, or no pool, each reason with its count."""
    columns = found.specifications
    counts: dict[int, int] = {}
    for note in columns.note:
        counts[note] = counts.get(note, 0) + 1
    return [
        f"{_number(count, 'specification')}: {columns.notes[note]}"
        for note, count in sorted(counts.items(), key=lambda item: -item[1])
        if columns.notes[note]
    ]


def share_words(count: int, total: int) -> str:
    """ "12 of 240 (5%)"; never 0% or 100% unless it is none or all."""
    if count in (0, total) or not total:
        return f"{'none' if count == 0 else 'all'} of {count_text(total)}"
    share = number_text(count / total, 0, 100)
    share = {"0": "<1", "100": ">99"}.get(share, share)
    return f"{count_text(count)} of {count_text(total)} ({share}%)"


def statements(found: Multiverse, result: Result) -> list[str]:
    """What the multiverse says, most important first, each a sentence without its full stop."""
    form = result_format(result)
    counted = found.summaries[0]
    return [
        _position(found, counted, form),
        *_over_several(counted, found, result),
        *(_of_standing(item, form) for item in found.summaries[1:]),
    ]


def _over_several(counted: Summary, found: Multiverse, result: Result) -> Iterator[str]:
    """What only several specifications can say."""
    if counted.specifications > 1:
        yield from (_beside(item, counted, found, result) for item in counted.beside)
        yield from _outside(counted)
        yield from _most(found, result_format(result))


def combinations_words(found: Multiverse) -> list[str]:
    """How many combinations there were, how many are equal, and which cannot be."""
    distinct = len(found.specifications.k)
    decisions = len(found.decisions)
    words = f"{_number(decisions, 'decision')} with {_number(found.combinations, 'combination')}"
    possible = found.combinations - found.conflicting
    if distinct == possible == found.combinations:
        said = [f"{words} of choices, each another analysis"]
    elif distinct == possible:
        said = [f"{words} of choices; {count_text(distinct)} of them can be analysed"]
    else:
        said = [f"{words} of choices, which come to {_number(distinct, 'different analysis')}"]
        said[0] += ": the others pool the same rows by the same model"
        if found.conflicting:
            said[0] += " or cannot be"
    for item in found.refused:
        said.append(f"{_number(item.combinations, 'combination')} cannot be: {item.reason}")
    if found.without_effect:
        said.append(f"Choices that change no analysis: {'; '.join(found.without_effect)}")
    return said


_PLURALS = {"different analysis": "different analyses"}


def _number(count: int, what: str) -> str:
    return f"{count_text(count)} {what if count == 1 else _PLURALS.get(what, what + 's')}"


def _told(value: float, form: NumberFormat) -> str:
    return form.text(value) + form.suffix


def quantile(summary: Summary, level: float) -> float:
    """One of the quantiles that a summary has."""
    return summary.quantiles[summary.levels.index(level)]


def range_words(summary: Summary, form: NumberFormat) -> str:
    """ "9.9% to 33.3%, median 21.4%"."""
    ends = [_told(quantile(summary, level), form) for level in (0.0, 1.0)]
    if ends[0] == ends[1]:
        return ends[0] if summary.estimated == 1 else f"{ends[0]} throughout"
    return f"{ends[0]} to {ends[1]}, median {_told(quantile(summary, 0.5), form)}"


def _position(found: Multiverse, counted: Summary, form: NumberFormat) -> str:
    columns, at = found.specifications, found.prespecified
    own = columns.estimate[at]
    if counted.specifications == 1 and own is not None:
        interval = interval_text(columns.ci_low[at], columns.ci_high[at], form)
        return f"Only the pre-specified specification is counted: {_told(own, form)} {interval}"
    what = f"{_number(counted.specifications, 'counted specification')} (equivalent or uncertain)"
    if not counted.estimated or own is None:
        return f"{what}, of which {count_text(counted.estimated)} have an estimate"
    interval = interval_text(columns.ci_low[at], columns.ci_high[at], form)
    half = [_told(quantile(counted, level), form) for level in (0.25, 0.75)]
    spread = range_words(counted, form)
    verb = "go from" if ", median" in spread else "are"
    said = f"The estimates of {what} {verb} {spread}"
    if len(set(half)) > 1:
        said += f", half of them between {half[0]} and {half[1]}"
    missing = counted.specifications - counted.estimated
    if missing:
        said += f"; {count_text(missing)} have no estimate"
    one = f"{_told(own, form)} {interval}"
    if verb == "are":
        return f"{said}; the pre-specified one is {one}"
    return f"{said}; the pre-specified one, {one}, is number {found.rank} from the smallest"


def _beside(item: Beside, counted: Summary, found: Multiverse, result: Result) -> str:
    form = result_format(result)
    at = _told(item.value, form)
    value = f"no effect ({at})" if item.kind == "null" else f"the threshold {at}"
    said = ""
    if item.other_side is not None:
        count = share_words(item.other_side, counted.estimated)
        own = found.specifications.estimate[found.prespecified] or 0.0
        sides = ("above", "below") if own < item.value else ("below", "above")
        said = (
            f"The estimate lies {sides[0]} {value} in {count} specifications (the pre-specified "
            f"one {sides[1]} it)"
        )
    else:
        said = f"The pre-specified estimate lies on {value} itself"
    level = f"{result.primary.settings['level']:g}%"
    total = counted.with_interval
    parts = [
        f"{words} in {count_text(count)}"
        for words, count in (
            ("lies below it", item.below),
            ("includes it", item.including),
            ("lies above it", item.above),
        )
        if count
    ]
    said += f"; the {level} interval {', '.join(parts)}" if parts else ""
    if item.changed is not None and parts:
        count = share_words(item.changed, total)
        said += f", so that {count} differ from the pre-specified one"
    return said


def _outside(counted: Summary) -> Iterator[str]:
    if counted.outside is not None and counted.estimated:
        count = share_words(counted.outside, counted.estimated)
        yield f"The estimate lies outside the pre-specified interval in {count}"


def by_share(decisions: Sequence[Decision]) -> list[Decision]:
    """Decisions that something can be said of, the one that moves the estimate most first."""
    known = [item for item in decisions if item.share is not None]
    return sorted(known, key=lambda item: -(item.share or 0.0))


def _most(found: Multiverse, form: NumberFormat) -> Iterator[str]:
    known = by_share(found.decisions)
    if not known:
        return
    first = known[0]
    medians = [
        choice.median
        for choice in first.choices
        if choice.median is not None and choice.standing != "non-equivalent"
    ]
    ends = [_told(f(medians), form) for f in (min, max)]
    if ends[0] == ends[1]:
        return
    what = "the logarithm of the estimate" if found.log else "the estimate"
    said = (
        f"What moves the estimate most is '{first.name}': {percent_words(first.share or 0.0)} of "
        f"the variance of {what} lies between its choices, whose medians go from {ends[0]} to "
        f"{ends[1]}"
    )
    second = [
        f"'{item.name}' ({percent_words(item.share or 0.0)})" for item in known[1:3] if item.share
    ]
    if second:
        said += f"; then {' and '.join(second)}"
    if found.interactions is not None:
        said += f"; {percent_words(found.interactions)} lies in what choices do together only"
    else:
        said += "; as combinations are missing, the shares of decisions may overlap"
    yield said


def percent_words(share: float) -> str:
    """A share of 1 in per cent, never 0 or 100 unless it is nothing or all."""
    text = number_text(share, 0, 100)
    if text == "0" and share > 0:
        return "<1%"
    return ">99%" if text == "100" and share < 1 else f"{text}%"


def _of_standing(item: Summary, form: NumberFormat) -> str:
    name = " or ".join(item.standings)
    if item.standings == ("equivalent",) and item.specifications == 1:
        return "No other specification is equivalent to the pre-specified one"
    what = _number(item.specifications, f"{name} specification")
    if not item.estimated:
        return f"{what}, none with an estimate"
    return f"{what} ({STANDING_WORDS[name]}): {range_words(item, form)}"
