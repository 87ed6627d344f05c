"""Sentences about one analysis that figures and the report share.

Nothing here computes a statistic: complements of a probability and rounding are all it does.
"""

from collections.abc import Iterator

from metamill.explored.common import Test
from metamill.explored.refits import Refit
from metamill.explored.regression import Coefficient, Regression
from metamill.results import Beyond, Pooled, Quantity, Result
from metamill.wording import (
    NumberFormat,
    capital,
    count_text,
    interval_text,
    number_text,
    p_text,
    result_format,
    significant_text,
)

_MODEL_SCALE = NumberFormat(3)
_PERCENT = NumberFormat(0)


def probability_text(p: float) -> str:
    """A probability in per cent that is never shown as 0 or 100: "93%", "<1%", ">99%"."""
    if p < 0.01:
        return "<1%"
    return ">99%" if p > 0.99 else f"{number_text(p, 0, 100)}%"


def beyond_words(
    item: Beyond, form: NumberFormat, lower_is_better: bool | None, null: float | None = None
) -> str:
    """One threshold: "A new study's true value lies below -10 with probability 93%".

    Where neither side is better it is the side away from `null`, or else the likelier one.
    """
    at = form.text(item.threshold) + form.suffix
    below = item.above < 0.5 if null is None else item.threshold < null
    below = below if lower_is_better is None else lower_is_better
    side, p = ("below", 1 - item.above) if below else ("above", item.above)
    return f"A new study's true value lies {side} {at} with probability {probability_text(p)}"


def test_words(test: Test) -> str:
    """ "Likelihood ratio test of tau2 = 0: 3.21 (p = 0.036)"."""
    df = "" if test.df is None else f"df = {number_text(test.df, 0)}, "
    return f"{capital(test.name)}: {number_text(test.statistic, 2)} ({df}{p_text(test.p)})"


def quantity_words(item: Quantity, form: NumberFormat) -> str:
    """A further quantity with its interval: "Mean proportion: 12.3% [8.0, 17.1]"."""
    if item.scale == "natural":
        value = form.text(item.value) + form.suffix
        limits = form
    elif item.scale == "percent":
        value, limits = f"{_PERCENT.text(item.value)}%", _PERCENT
    else:
        value = "not available" if item.value is None else significant_text(item.value, 3)
        limits = _MODEL_SCALE
    if item.low is None and item.high is None:
        return f"{capital(item.name)}: {value}"
    return f"{capital(item.name)}: {value} {interval_text(item.low, item.high, limits)}"


def both_definitions(pooled: Pooled) -> str:
    """I2 and H2 by tau2 and by Q, where both exist."""
    if pooled.i2_q is None:
        return ""
    parts = []
    if pooled.tau2 is not None and pooled.i2 is not None and pooled.h2 is not None:
        i2 = (
            f"{number_text(pooled.i2, 0)}% {interval_text(pooled.i2_low, pooled.i2_high, _PERCENT)}"
        )
        parts.append(f"from tau² and the typical sampling variance I² = {i2}, {_h2(pooled.h2)}")
    i2_q = number_text(pooled.i2_q, 0)
    limits = interval_text(pooled.i2_q_low, pooled.i2_q_high, _PERCENT)
    h2_q = "" if pooled.h2_q is None else f", {_h2(pooled.h2_q)}"
    parts.append(f"from Q I² = {i2_q}% {limits}{h2_q}")
    return capital("; ".join(parts))


def _h2(value: float) -> str:
    return f"H² = {number_text(value, 2)}"


def details(pooled: Pooled, result: Result, lower_is_better: bool | None) -> Iterator[str]:
    """Everything an analysis has besides its estimate: thresholds, tests, further quantities."""
    form = result_format(result)
    yield from (
        beyond_words(item, form, lower_is_better, result.measure.null) for item in pooled.beyond
    )
    yield from (quantity_words(item, form) for item in pooled.also)
    yield from (test_words(item) for item in pooled.tests)
    words = both_definitions(pooled)
    if words:
        yield words


def leave_one_out_words(refits: tuple[Refit, ...], form: NumberFormat) -> str:
    """The range of estimates when one study is left out, with the studies at its ends."""
    known = [item for item in refits if item.estimate is not None and item.mu is not None]
    if not known:
        return ""
    least, most = (f(known, key=lambda item: item.estimate or 0.0) for f in (min, max))
    low, high = (form.text(item.estimate) + form.suffix for item in (least, most))
    text = (
        f"Without one study in turn the estimate lies between {low} (without {least.left_out}) and "
        f"{high} (without {most.left_out})"
    )
    failed = [item.left_out for item in refits if item.mu is None]
    return f"{text}; no estimate without {'; '.join(failed)}" if failed else text


def regression_words(item: Regression) -> str:
    """A meta-regression in one sentence, or why there is none."""
    name = item.moderator.replace("_", " ")
    if not item.coefficients:
        return f"Meta-regression on {name}: none; {'; '.join(item.notes)}"
    told = [
        f"{_term(term, item.kind == 'several')} {_MODEL_SCALE.text(term.b)} "
        f"{interval_text(term.low, term.high, _MODEL_SCALE)} ({p_text(term.p_value)})"
        for term in item.coefficients
        if term.term != "intercept"
    ]
    plural = "s" if item.kind == "several" else ""
    test = "" if item.qm is None else f"; test of the moderator{plural} {p_text(item.qm_p)}"
    permuted = item.permutations
    if test and permuted is not None and permuted.qm_p is not None:
        count = count_text(permuted.orders)
        orders = f"all {count} orders" if permuted.exact else f"{count} random orders"
        test += f" (by permutation {p_text(permuted.qm_p)}, {orders})"
    share = "" if item.r2 is None else f"; R² {number_text(item.r2, 0)}%"
    notes = "".join(f"; {note}" for note in item.notes)
    return f"Meta-regression on {name} (k = {item.k}): {'; '.join(told)}{test}{share}{notes}"


def _term(term: Coefficient, several: bool) -> str:
    moderator, _, level = term.term.partition("=")
    if several and level:
        names = moderator.replace("_", " "), level.replace("_", " ")
        return f"{names[0]}, {names[1]} against the reference"
    return f"{level.replace('_', ' ')} against the reference" if level else f"slope of {moderator}"
