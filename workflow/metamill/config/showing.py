"""How outcomes and figures are shown, from what config.yaml says of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from metamill.config.figures import FORMATS
from metamill.config.journals import JOURNALS
from metamill.config.plain_text import cleaned
from metamill.config.settings import Display, Review


def formats_wanted(figures: Mapping[str, Any]) -> tuple[str, ...]:
    """Those asked for, else those of the journal with png for the screen; svg for the report."""
    journal = JOURNALS.get(figures.get("journal", ""))
    usual = (*journal.formats, "png") if journal else Review.formats
    wanted = {*figures.get("formats", usual), "svg"}
    return tuple(name for name in FORMATS if name in wanted)


def as_wanted(display: Display, figures: Mapping[str, Any]) -> Display:
    """`display` as the section `figures` wants it: a journal's sizes, or those given."""
    journal = JOURNALS.get(figures.get("journal", ""))
    if journal:
        display = replace(
            display,
            journal=figures["journal"],
            width_mm=journal.width_mm,
            height_mm=journal.height_mm,
            dpi=journal.dpi,
            grey=journal.grey,
        )
    names = ("style", "width_mm", "height_mm", "dpi", "grey", "order", "caterpillar_above")
    given: dict[str, Any] = {name: figures[name] for name in names if name in figures}
    for name in ("width_mm", "height_mm"):
        if name in given:
            given[name] = float(given[name])
    return replace(display, **given)


def display_of(entry: Mapping[str, Any]) -> Display:
    scale, groups = entry.get("scale", {}), entry.get("groups", {})
    return Display(
        title=cleaned(entry["title"]),
        direction=entry.get("direction"),
        minimum=scale.get("min"),
        maximum=scale.get("max"),
        important_difference=scale.get("important_difference"),
        treatment=cleaned(groups.get("treatment", Display.treatment)),
        control=cleaned(groups.get("control", Display.control)),
    )


def in_order(display: Display) -> bool:
    low, high = display.minimum, display.maximum
    return low is None or high is None or low < high
