"""How robust an outcome is, in words that the figure and the report share."""

from collections.abc import Iterable, Sequence

from metamill.explored.flips import Bar, Change, Conclusion, FlipPoint, Omission, Robustness
from metamill.results import Analysis, Result
from metamill.wording import (
    NumberFormat,
    count_text,
    power_text,
    result_format,
    significant_text,
    typeset,
)

KINDS = {
    "model": "Model",
    "tau2": "Estimator of τ²",
    "interval": "Kind of interval",
    "correction": "Continuity correction",
    "correlation": "Assumed correlation before and after",
    "icc": "Assumed correlation within patients",
    "rho": "Assumed correlation within studies",
    "prior": "Prior of τ",
    "omitted": "One study left out",
}
ASSUMPTIONS = {
    "correlation": ("the correlation before and after", "r"),
    "icc": ("the correlation within patients", "ICC"),
    "rho": ("the correlation within studies", "rho"),
    "tau2": ("the variance between studies", "τ²"),
    "null_studies": ("studies without an effect", ""),
}
"""An assumption in words, and its symbol."""


def bar_name(bar: Bar) -> str:
    """The decision of a bar: "Estimator of τ²", or the name of a single analysis."""
    return KINDS.get(bar.kind) or analysis_name(bar.name)


def analysis_name(name: str) -> str:
    """The name without its kind, with a capital."""
    words = name.partition(":")[2] or name
    return words if words.startswith("r = ") else words[:1].upper() + words[1:]


def value_text(value: float, form: NumberFormat) -> str:
    return form.text(value) + form.suffix


def reference_words(item: Conclusion, result: Result) -> str:
    """The value that an interval is compared with: "0 (no change)", "the threshold 2.00"."""
    value = value_text(item.value, result_format(result))
    if item.kind == "null":
        return f"{significant_text(item.value, 1)} ({_no_effect(result)})"
    return f"the threshold {value}"


def _no_effect(result: Result) -> str:
    return "no change" if result.measure.family == "change" else "no effect"


def conclusions_words(found: Sequence[Conclusion], result: Result) -> str:
    """ "the interval lies below 0 (no change) and includes the threshold 2.00"."""
    told, before = [], ""
    for item in found:
        value = reference_words(item, result)
        if item.interval == "includes":
            side = f" (the estimate lies {item.estimate} it)" if item.estimate else ""
            told.append(f"includes {value}{side}")
        else:
            verb = "" if before not in ("", "includes") else "lies "
            told.append(f"{verb}{item.interval} {value}")
        before = item.interval
    return f"the interval {_joined(told)}"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def flip_words(flip: FlipPoint, result: Result) -> str:
    """What a search found, as a sentence without its full stop."""
    what, symbol = ASSUMPTIONS[flip.assumption]
    if flip.low is None or flip.high is None:
        reason = f": {flip.note}" if flip.note else ""
        return f"{what[:1].upper()}{what[1:]}: no value was searched{reason}"
    if flip.assumption == "null_studies":
        return _added_words(flip, result)
    note = f"; {typeset(flip.note)}" if flip.note else ""
    if flip.below is None and flip.above is None:
        far = _range_words(flip)
        return f"No value of {symbol} {far} changes a conclusion{_plausible(flip)}{note}"
    told = []
    for change, side in ((flip.below, "below"), (flip.above, "above")):
        if change is not None:
            then = conclusions_words(change.after, result)
            told.append(f"{side} {number(change.value)} {then}")
    used = "" if flip.used is None else f" ({number(flip.used)} is used)"
    again = "; beyond a further value it changes again, back or otherwise"
    again = again if _comes_and_goes(flip) else ""
    return f"With {symbol}{used} {'; '.join(told)}{again}{_plausible(flip)}{note}"


def _range_words(flip: FlipPoint) -> str:
    """From where to where a value was searched."""
    low, high = number(flip.low or 0.0), number(flip.high or 0.0)
    return (
        f"up to {high}" if flip.assumption == "tau2" and not flip.low else f"from {low} to {high}"
    )


def _comes_and_goes(flip: FlipPoint) -> bool:
    return flip.changes > sum(item is not None for item in (flip.below, flip.above))


def _added_words(flip: FlipPoint, result: Result) -> str:
    if flip.above is None:
        most = number(flip.high or 0.0)
        last = "there is no estimate"
        if flip.estimate_at_high is not None:
            last = f"the estimate is {value_text(flip.estimate_at_high, result_format(result))}"
        return (
            f"No number of added studies without an effect, tried up to {most}, changes a "
            f"conclusion; after {most} {last}"
        )
    count = int(flip.above.value)
    studies = "1 added study" if count == 1 else f"{count} added studies"
    then = conclusions_words(flip.above.after, result)
    return f"After {studies} without an effect, of median variance, {then}"


def _plausible(flip: FlipPoint) -> str:
    if flip.plausible_low is None or flip.plausible_high is None:
        return ""
    low, high = number(flip.plausible_low), number(flip.plausible_high)
    values = low if low == high else f"{low} to {high}"
    reached = flip.below is not None and flip.plausible_low < flip.below.value
    reached |= flip.above is not None and flip.plausible_high > flip.above.value
    changes = flip.below is not None or flip.above is not None
    if flip.assumption == "correlation":
        verb = "have" if " rows " in flip.plausible else "has"
    else:
        verb = "is"
    then = f", which {'reaches' if reached else 'does not reach'} that far"
    return f"; {flip.plausible} {verb} {values}{then if changes else ''}"


def number(value: float) -> str:
    """A value of an assumption with two or three significant digits."""
    if abs(value) >= 1e5:
        return power_text(value)
    if abs(value) >= 1:
        return significant_text(value, 3)
    return significant_text(value, 3 if abs(value) > 0.9 else 2)


def omission_words(found: Omission, result: Result) -> str:
    """The fewest studies without which a conclusion changes, without a full stop; "" for none."""
    if not found.searched:
        return ""
    lost = _unanswered(found)
    if found.size is None:
        studies = "study" if found.searched == 1 else f"{found.searched} studies"
        single = "any single study" if found.searched == 1 else f"any {studies} or fewer"
        why = f" ({found.note})" if found.note else ""
        return f"Leaving out {single} changes no conclusion{why}{lost}"
    names = "; ".join(" with ".join(names) for names in found.sets)
    more = f" and {found.count - len(found.sets)} more" if found.count > len(found.sets) else ""
    if found.size == 1:
        one = "1 study" if found.count == 1 else f"each of {found.count} studies"
        return f"Leaving out {one} changes a conclusion: {names}{more}{lost}"
    sets = "1 set" if found.count == 1 else f"{found.count} sets"
    return (
        f"No {'single study' if found.size == 2 else 'two studies'} left out "
        f"{'changes' if found.size == 2 else 'change'} a conclusion, "
        f"{sets} of {found.size} studies left out {'does' if found.count == 1 else 'do'}: "
        f"{names}{more}{lost}"
    )


def _unanswered(found: Omission) -> str:
    """How many of the analyses without studies have no answer; "" where all have one."""
    if not found.unanswered:
        return ""
    have = "has" if found.unanswered == 1 else "have"
    these = f"{count_text(found.unanswered)} of these {count_text(found.fits)} analyses"
    return f"; {these} {have} no estimate with an interval"


def bar_flip_words(bar: Bar, found: Robustness, result: Result) -> str:
    """Under a bar: how many of its analyses change a conclusion, and where the value would."""
    told = []
    if bar.changed:
        told.append(
            "changes a conclusion"
            if bar.count == 1
            else f"{bar.changed} of {bar.count} change a conclusion"
        )
    flip = next((item for item in found.flips if item.assumption == bar.kind), None)
    changes: Iterable[tuple[str, Change | None]] = ()
    if flip is not None and flip.low is not None:
        changes = (("below", flip.below), ("above", flip.above))
        symbol = ASSUMPTIONS[bar.kind][1]
        at = [f"{side} {number(item.value)}" for side, item in changes if item is not None]
        told.append(
            f"conclusion changes with {symbol} {' or '.join(at)}"
            if at
            else f"no value of {symbol} {_range_words(flip)} changes a conclusion"
        )
    return "; ".join(told)


def robustness_words(result: Result) -> tuple[str, ...]:
    """Two or three sentences for a reader who wants to know how far to rely on the result."""
    found = result.explored.robustness
    if found is None:
        return ()
    return tuple(
        f"{words}."
        for words in (
            *_holds(found, result),
            *_single_studies(found, result),
            *_moves(found, result),
        )
    )


def _holds(found: Robustness, result: Result) -> Iterable[str]:
    compared = [item for item in found.alternatives if item.compared]
    without = len(found.alternatives) - len(compared)
    rest = f" ({without} more {'has' if without == 1 else 'have'} no comparable estimate)"
    rest = rest if without else ""
    if not found.conclusions:
        return
    told = conclusions_words(found.conclusions, result)
    told = f"{told[:1].upper()}{told[1:]}"
    changed = [item for item in compared if item.changes]
    if not compared:
        yield f"{told}; {_nothing_compared(without, found.omission is not None)}"
    elif not changed:
        others = f"all {len(compared)} other analyses that were run"
        others = "the one other analysis that was run" if len(compared) == 1 else others
        yield f"{told}; the same holds in {others}{rest}"
    else:
        same = len(compared) - len(changed)
        yield f"{told}; the same holds in {same} of {len(compared)} other analyses{rest}"
        told_ones = [
            f"in “{analysis_name(item.analysis)}” {conclusions_words(item.changes, result)}"
            for item in changed[:3]
        ]
        more = f"; and in {len(changed) - 3} more something else" if len(changed) > 3 else ""
        words = "; ".join(told_ones) + more
        yield f"{words[:1].upper()}{words[1:]}"


def _nothing_compared(without: int, omitted: bool) -> str:
    """What can be said where no other analysis has an estimate that compares."""
    if without:
        others = "the one other analysis" if without == 1 else f"all {without} other analyses"
        has = "has" if without == 1 else "have"
        return f"{others} {has} no comparable estimate"
    if omitted:
        return "but for leaving out single studies, no other analysis was run"
    return "no other analysis was run that could show otherwise"


def _single_studies(found: Robustness, result: Result) -> Iterable[str]:
    words = "" if found.omission is None else omission_words(found.omission, result)
    if words:
        yield words


def _moves(found: Robustness, result: Result) -> Iterable[str]:
    bars = [bar for bar in found.bars if bar.kind != "omitted"]
    omitted = len(bars) < len(found.bars)
    if not bars:
        return
    form = result_format(result)
    low, high = (value_text(f(x), form) for f, x in (
        (min, [bar.low for bar in bars]), (max, [bar.high for bar in bars])))  # fmt: skip
    centre = value_text(found.estimate or 0.0, form)
    widest = bars[0]
    count = sum(bar.count for bar in bars)
    aside = ", leaving out single studies aside," if omitted else ""
    analyses = "1 other analysis" if count == 1 else f"{count} other analyses"
    yield (
        f"Over {analyses}{aside} the estimate lies between {low} and {high} "
        f"({centre} in the primary one)"
        + (
            f"; the widest range comes from “{bar_name(widest)}”"
            if count > 1 and widest.high > widest.low
            else ""
        )
    )


def grouped(result: Result) -> list[tuple[str, Analysis]]:
    """All analyses, each with the heading of its group.

    The primary one, those of config.yaml, those run for every review by what they change, and
    subgroups.
    """
    found = result.explored.robustness
    told = {} if found is None else {item.analysis: item for item in found.alternatives}

    def heading(analysis: Analysis) -> tuple[int, str]:
        if analysis is result.primary:
            return 0, ""
        if analysis.name.startswith("subgroup:"):
            return 90, "Subgroups"
        item = told.get(analysis.name)
        if item is None or not item.automatic:
            return 1, "Named in the settings, or the grid of an assumption"
        order = list(KINDS)
        if item.kind in order:
            return 10 + order.index(item.kind), f"Run for every review: {KINDS[item.kind]}"
        return 80, "Run for every review: Other rows"

    ordered = sorted(result.analyses, key=lambda analysis: heading(analysis)[0])
    return [(heading(analysis)[1], analysis) for analysis in ordered]
