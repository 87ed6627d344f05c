"""What config.yaml says of the values behind an outcome, and whether that can be."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from metamill.config.instruments import INSTRUMENTS
from metamill.config.origin import Origin
from metamill.config.settings import Score
from metamill.errors import Problem


def score_of(name: str, entry: Mapping[str, Any], origin: Origin) -> Score:
    """The section `scale` of an outcome, as it is spelt."""
    said = entry.get("scale", {})

    def text(key: str) -> str:
        return origin.text(("outcomes", name, "scale", key), said[key]) if key in said else ""

    return Score(text("min"), text("max"), text("step"), text("instrument"))


def score_problems(name: str, entry: Mapping[str, Any], origin: Origin) -> list[Problem]:
    """Ends that the named instrument does not have, and steps that do not lead to both ends."""
    score = score_of(name, entry, origin)
    problems = []

    def wrong(key: str, rule: str, advice: str, value: str, code: str) -> None:
        place = origin.place(("outcomes", name, "scale", key))
        problems.append(Problem(rule=rule, advice=advice, value=value, code=code, **place))

    instrument = INSTRUMENTS.get(score.instrument)
    if instrument is not None:
        ends = (("min", score.minimum, instrument.low), ("max", score.maximum, instrument.high))
        for key, written, end in ends:
            if written and Fraction(Decimal(written)) != end:
                rule = f"is not where the {instrument.name} ends ({end})"
                wrong(key, rule, "Remove it, or the instrument", written, "scale-of-instrument")
    if score.step and score.minimum and score.maximum and not problems:
        low, high, step = (
            Fraction(Decimal(text)) for text in (score.minimum, score.maximum, score.step)
        )
        if low < high and ((high - low) % step or low % step):
            rule = f"does not lead from {score.minimum} to {score.maximum}"
            advice = "Give the smallest difference between two values, 1 for whole numbers"
            wrong("step", rule, advice, score.step, "step-of-scale")
    return problems
