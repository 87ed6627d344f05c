"""What stands in the boxes of a flow diagram, and the same as a table and in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metamill.config.flow import Exclusion, Flow, Included, Searched
from metamill.figures.page.text import TIED, clean
from metamill.files import csv_text
from metamill.wording import count_text

ITEM = f"\N{EN DASH}{TIED}"
"""What begins an item of a list in a box."""
MAIN, SIDE, OTHER, OTHER_SIDE, PREVIOUS = "main", "side", "other", "other side", "previous"


@dataclass(frozen=True)
class Box:
    """A box: its name, column and row, and its lines.

    A line is its words, its number (None: not reported) and whether it has one at all.
    """

    name: str
    column: str
    row: str
    lines: tuple[tuple[str, int | None, bool], ...]


def boxes_of(found: Flow, long_lists: bool) -> list[Box]:
    """Every box of the diagram; without `long_lists` reasons and databases only as their sum."""
    old, new, other = found.previous, found.included, found.other_methods
    boxes = []
    if old is not None:
        boxes.append(_included("Previous", "of the previous version", PREVIOUS, "found", old))
    boxes.append(
        Box("Identified", MAIN, "found", (
            ("Records identified from", None, False),
            *_searched("Databases", found.databases, found.count("databases"), long_lists),
            *_searched("Registers", found.registers, found.count("registers"), long_lists),
        ))
    )  # fmt: skip
    removed = found.removed
    boxes += [
        Box("Removed", SIDE, "found", (
            ("Records removed before screening", None, False),
            ("Duplicates", removed.duplicates, True),
            ("Marked by automation tools", removed.automation, True),
            ("Other reasons", removed.other, True),
        )),
        Box("Screened", MAIN, "screened", (("Records screened", found.screened, True),)),
        Box("Excluded", SIDE, "screened", (("Records excluded", found.excluded, True),)),
        *_assessed(MAIN, SIDE, found.sought, found.not_retrieved, found.assessed),
        _reasons(SIDE, found.excluded_reports, long_lists),
    ]  # fmt: skip
    if other is not None:
        boxes += [
            Box("Identified by other methods", OTHER, "found", (
                ("Records identified from", None, False),
                ("Websites", other.websites, True),
                ("Organisations", other.organisations, True),
                ("Citation searching", other.citation_searching, True),
            )),
            *_assessed(OTHER, OTHER_SIDE, other.sought, other.not_retrieved, other.assessed),
            _reasons(OTHER_SIDE, other.excluded_reports, long_lists),
        ]  # fmt: skip
    boxes.append(_included("Included", "included", MAIN, "included", new, old is not None))
    if found.total is not None:
        boxes.append(_included("Total", "in total", MAIN, "total", found.total))
    return boxes


def _included(name: str, words: str, column: str, row: str, of: Included, new: bool = False) -> Box:
    which = "New s" if new else "S"
    lines = (
        (f"{which}tudies {words}", of.studies, True),
        ("Their reports", of.reports, True),
    )
    return Box(name, column, row, lines)


def _searched(
    name: str, items: Sequence[Searched] | None, count: int | None, long: bool
) -> Iterable[tuple[str, int | None, bool]]:
    yield name, count, True
    if long and items is not None and len(items) > 1:
        yield from ((f"{ITEM}{clean(item.name)}", item.records, True) for item in items)
    elif items is not None and len(items) == 1:
        yield f"{ITEM}{clean(items[0].name)}", None, False


def _assessed(
    main: str, side: str, sought: int | None, missed: int | None, assessed: int | None
) -> list[Box]:
    arm = " (other methods)" if main == OTHER else ""
    return [
        Box(f"Sought{arm}", main, "sought", (("Reports sought for retrieval", sought, True),)),
        Box(f"Not retrieved{arm}", side, "sought", (("Reports not retrieved", missed, True),)),
        Box(
            f"Assessed{arm}", main, "assessed",
            (("Reports assessed for eligibility", assessed, True),),
        ),
    ]  # fmt: skip


def _reasons(side: str, items: Sequence[Exclusion] | None, long: bool) -> Box:
    arm = " (other methods)" if side == OTHER_SIDE else ""
    total = None if items is None else sum(item.reports for item in items)
    lines: list[tuple[str, int | None, bool]] = [("Reports excluded", total, True)]
    if long:
        lines += [(f"{ITEM}{clean(item.reason)}", item.reports, True) for item in items or ()]
    elif items:
        lines.append(("Reasons: see the list", None, False))
    return Box(f"Excluded after assessment{arm}", side, "assessed", tuple(lines))


def line_text(words: str, number: int | None, counted: bool) -> str:
    if not counted:
        return words
    return (
        f"{words} (n = {count_text(number)})" if number is not None else f"{words} (not reported)"
    )


def lists_of(found: Flow) -> Iterable[str]:
    """What the boxes leave out where the page is too low for it."""
    for name, items in (("Databases", found.databases), ("Registers", found.registers)):
        if items and len(items) > 1:
            told = (f"{clean(item.name)} (n = {count_text(item.records)})" for item in items)
            yield f"{name}: {'; '.join(told)}."
    other = found.other_methods
    for name, reasons in (
        ("Reports excluded", found.excluded_reports),
        ("Reports excluded, other methods", other.excluded_reports if other else None),
    ):
        if reasons:
            yield f"{name}:"
            yield from (
                f"{ITEM}{clean(item.reason)} (n = {count_text(item.reports)})" for item in reasons
            )


def boxes_csv(boxes: Sequence[Box]) -> str:
    """Every line of every box; `number` is empty where it is not reported."""
    rows = [
        {"box": box.name, "item": words.removeprefix(ITEM), "number": number}
        for box in boxes
        for words, number, counted in box.lines
        if counted
    ]
    return csv_text(("box", "item", "number"), rows)


def boxes_alt(boxes: Sequence[Box], title: str) -> str:
    told = (
        f"{box.name}: "
        + ", ".join(line_text(*line).removeprefix(ITEM) for line in box.lines if line[2])
        for box in boxes
    )
    return f"{title}. {'; '.join(told)}.\n"
