"""What may stand in config.yaml and is still worth a word: repeats, and figures nobody will get."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from metamill.config.figures import FIGURES, REVIEW_FIGURES, Figure, suits
from metamill.config.flow_file import FILE as FLOW
from metamill.config.journals import JOURNALS
from metamill.config.origin import Origin, shown
from metamill.config.overrides import merged
from metamill.config.settings import Outcome, Review
from metamill.errors import Problem

RISK_OF_BIAS = "risk_of_bias.csv"
_FILES = {"flow": FLOW, "risk_of_bias": RISK_OF_BIAS, "risk_of_bias_summary": RISK_OF_BIAS}
"""The table in extracted/ without which a figure of the review cannot be drawn."""


def notices(review: Review, origin: Origin, folder: Path) -> list[Problem]:
    """Notes on the settings of the review in `folder`; none of them stops a run."""
    data: Mapping[str, Any] = merged(origin.document.data, origin.overrides)
    figures = data.get("figures", {})
    return [
        *_same_pools(review, origin),
        *_figures_without_data(review, figures, origin, folder),
        *_against_the_journal(review, figures, origin),
    ]


def _same_pools(review: Review, origin: Origin) -> Iterator[Problem]:
    first: dict[str, Outcome] = {}
    for outcome in review.outcomes.values():
        primary = outcome.plans[0]
        select = {column: sorted(levels) for column, levels in sorted(outcome.select.items())}
        other = first.setdefault(f"{outcome.table} {select} {primary.model.measure}", outcome)
        if other is not outcome:
            rule = f"selects the same rows for the same measure as outcome '{other.name}'"
            if primary.exclude != other.plans[0].exclude:
                rule += ", and differs in what is excluded"
            advice = "Tell them apart under select, or pool them once"
            place = origin.place(("outcomes", outcome.name))
            yield Problem(rule=rule, advice=advice, code="same-rows", **place)


def _figures_without_data(
    review: Review, figures: Mapping[str, Any], origin: Origin, folder: Path
) -> Iterator[Problem]:
    for index, name in enumerate(figures.get("draw", ())):
        place = origin.place(("figures", "draw", index))
        rule, code = "will not be drawn", "figure-without-data"
        if name in REVIEW_FIGURES:
            file = _FILES.get(name)
            if file is not None and not (folder / "extracted" / file).exists():
                advice = f"Add extracted/{file}, or remove {name}"
                rule = f"{rule}: there is no extracted/{file}"
                yield Problem(rule=rule, advice=advice, value=name, code=code, **place)
        elif not any(suits(FIGURES[name], outcome) for outcome in review.outcomes.values()):
            rule = f"{rule}: {_lacking(FIGURES[name], review.outcomes.values())}"
            yield Problem(rule=rule, advice="Remove it", value=name, code=code, **place)


def _lacking(figure: Figure, outcomes: Collection[Outcome]) -> str:
    """Why no outcome has the figure: an exploration that is switched off, or what it needs."""
    key = figure.setting
    fit = [outcome for outcome in outcomes if suits(replace(figure, setting=""), outcome)]
    off = [outcome for outcome in fit if key in outcome.explorations.switched_off]
    if off and len(off) == len(fit):
        return f"{key} is {shown(getattr(off[0].explorations, key))} in explorations"
    return f"no outcome has {_needs(figure)}"


def _needs(figure: Figure) -> str:
    needs = [f"measure {' or '.join(figure.measures)}"] if figure.measures else []
    needs += ["a measure with a value of no effect"] if figure.without else []
    needs += [f"method {' or '.join(figure.methods)}"] if figure.methods else []
    needs += [figure.setting] if figure.setting else []
    return " and ".join(needs)


def _against_the_journal(
    review: Review, figures: Mapping[str, Any], origin: Origin
) -> Iterator[Problem]:
    """What is written beside a journal wins, and may be what the journal sends back."""
    name = figures.get("journal", "")
    journal = JOURNALS.get(name)
    if journal is None:
        return
    look, widest = review.look, journal.widest_mm or journal.width_mm
    narrowest, dpi = journal.narrowest_mm or 0.0, journal.least_dpi or journal.dpi
    found = []
    if look.width_mm > widest:
        found.append(("width_mm", f"{name} takes figures up to {widest:g} mm wide"))
    if look.width_mm < narrowest:
        found.append(("width_mm", f"{name} takes figures from {narrowest:g} mm on"))
    if look.height_mm > journal.height_mm:
        found.append(("height_mm", f"a page of {name} is {journal.height_mm:g} mm high"))
    if look.dpi < dpi:
        found.append(("dpi", f"{name} asks for {dpi} dpi"))
    if journal.grey and not look.grey:
        found.append(("grey", f"{name} prints without colour"))
    if not set(journal.formats) & set(review.formats):
        found.append(("formats", f"{name} takes {', '.join(journal.formats)}"))
    for key, rule in found:
        place, advice = origin.place(("figures", key)), "Remove it to have the journal's own"
        value = ", ".join(figures[key]) if key == "formats" else f"{figures[key]}"
        yield Problem(rule=rule, advice=advice, value=value, code="against-journal", **place)
