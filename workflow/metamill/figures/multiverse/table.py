"""The figure of a multiverse without the drawing: its numbers, its caption, its description."""

from collections.abc import Iterator
from typing import Any

from metamill.config.decisions import STANDINGS
from metamill.figures.multiverse.plan import Ordered
from metamill.figures.multiverse.words import combinations_words, statements
from metamill.figures.page.text import clean, tied
from metamill.files import csv_text
from metamill.results import Result
from metamill.wording import level_text, model_words, typeset

_NUMBERS = ("k", "estimate", "ci_low", "ci_high", "p_value", "tau2", "combinations")


def multiverse_csv(shown: Ordered) -> str:
    """A row per specification, in the order drawn, those without an estimate last."""
    columns = shown.found.specifications
    there = set(shown.order)
    rest = [i for i in range(len(columns.k)) if i not in there]
    names = _decision_columns(shown)
    rows: list[dict[str, Any]] = []
    for rank, i in enumerate((*shown.order, *rest), start=1):
        choices = {
            name: decision.choices[taken[i]].name
            for name, decision, taken in zip(
                names, shown.found.decisions, columns.choices, strict=True
            )
        }
        rows.append(
            {
                "rank": rank if i in there else None,
                "standing": STANDINGS[columns.standing[i]],
                "prespecified": "yes" if i == shown.found.prespecified else "no",
                **choices,
                **{name: getattr(columns, name)[i] for name in _NUMBERS},
                "note": columns.notes[columns.note[i]],
            }
        )
    return csv_text(("rank", "standing", "prespecified", *names, *_NUMBERS, "note"), rows)


def _decision_columns(shown: Ordered) -> list[str]:
    """The names of decisions, apart from those of the other columns."""
    return [f"decision: {item.name}" for item in shown.found.decisions]


def caption(shown: Ordered, result: Result, title: str) -> str:
    level = level_text(result.primary.settings)
    said = [
        f"{title}.",
        (
            f"The pooled {result.measure.natural} of {shown.count} specifications in the order of "
            f"their estimates, with {level}, over the choices that each of them makes."
        ),
        "The diamond is the pre-specified analysis; the vertical line leads through its choices.",
        (
            "On the right the median estimate under each choice and, for each decision, the share "
            "of the variance of the estimates that lies between its choices."
        ),
        f"Pre-specified: {tied(model_words(result.primary.settings))}.",
    ]
    return " ".join(said)


def description(shown: Ordered, result: Result, title: str) -> Iterator[str]:
    yield f"{title}."
    for text in (*combinations_words(shown.found), *statements(shown.found, result)):
        yield f"{typeset(clean(text)).rstrip('.')}."
