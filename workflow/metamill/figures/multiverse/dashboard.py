"""Under the curve: a row per choice that shows which specifications take it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from metamill.config.decisions import NON_EQUIVALENT
from metamill.explored.multiverse import Choice, Decision
from metamill.figures.colours import tint
from metamill.figures.multiverse.marks import OTHER, colour_of, diamond, place_of
from metamill.figures.multiverse.plan import Ordered, cells, shares
from metamill.figures.multiverse.words import percent_words
from metamill.figures.page.canvas import Box, Line, Primitive, Text, rectangle
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, tied, width, wrap
from metamill.figures.style import Style
from metamill.wording import NumberFormat

BAR_MM, MEDIAN_GAP_MM, TICK_SHARE = 16.0, 2.5, 0.72
"""The width of a full bar, the space before the medians, the height of a tick in its row."""


@dataclass(frozen=True)
class Columns:
    """Where the columns of the dashboard lie, in mm: labels, ticks, medians, bars.

    `medians` is where medians end, `bar` the length of a full bar.
    """

    left: float
    plot_left: float
    plot_right: float
    medians: float
    bars: float
    right: float
    bar: float


@dataclass(frozen=True)
class Group:
    """A decision as the dashboard shows it: wrapped heading and labels of its choices.

    `first` is the place of the first of these choices; a longer list goes on in another group.
    """

    index: int
    decision: Decision
    heading: list[str]
    labels: list[list[str]]
    first: int = 0

    def height(self, style: Style) -> float:
        lines = len(self.heading) + sum(len(label) for label in self.labels)
        return lines * style.line_mm + 0.35 * style.line_mm


def label_room(decisions: Sequence[Decision], page: float, style: Style) -> float:
    """As wide as the widest label, within a third of the page."""
    size, indent = style.font_size, style.indent_mm + style.symbol_mm
    names = [indent + width(clean(c.name), size) for d in decisions for c in d.choices]
    names += [width(clean(d.name), size, bold=True) for d in decisions]
    return min(max(names), 0.32 * page)


def groups(decisions: Sequence[Decision], columns: Columns, style: Style) -> list[Group]:
    room = columns.plot_left - columns.left - style.gap_mm
    inside = room - style.indent_mm - style.symbol_mm
    return [
        Group(
            index,
            decision,
            wrap(tied(clean(decision.name)), room, style.font_size, bold=True),
            [wrap(tied(clean(c.name)), inside, style.font_size) for c in decision.choices],
        )
        for index, decision in enumerate(decisions)
    ]


def parts(group: Group, room: float, style: Style) -> Iterator[Group]:
    """The group in as many parts as it takes for each to be no higher than `room`."""
    taken: list[list[str]] = []
    first = group.first
    for label in group.labels:
        longer = replace(group, labels=[*taken, label])
        if taken and longer.height(style) > room:
            yield replace(group, labels=taken, first=first)
            first, taken = first + len(taken), []
        taken = [*taken, label]
    yield replace(group, labels=taken, first=first)


def group_items(
    group: Group, shown: Ordered, columns: Columns, top: float, form: NumberFormat, style: Style
) -> Iterator[Primitive]:
    """A decision from `top` down: its heading and its bar, then its choices.

    Cells are as dark as their share is large beside the largest of the decision.
    """
    size, line = style.font_size, style.line_mm
    y = top
    for text in group.heading:
        y += line
        base = y - 0.25 * line
        yield Text(columns.left, base, text, size, bold=True, colour=style.ink, role="decision")
    if group.first == 0:
        yield from _bar(group.decision, columns, y - 0.25 * line, style)
    every = group.decision.choices
    density = None if shown.singly else shares(shown, group.index, len(every))
    most = max(max(part) for part in density) if density else 1.0
    for place, label in enumerate(group.labels, start=group.first):
        choice = every[place]
        height = len(label) * line
        row = (columns.plot_left, y, columns.plot_right, y + height)
        yield from _labels(choice, label, columns, y, style)
        yield from _median(choice, columns, y, form, style)
        if place % 2 == 0:
            yield rectangle(row, style.band, role="row")
        if density is None:
            yield from _ticks(shown, group.index, place, row, style)
        else:
            yield from _density(shown, [part / most for part in density[place]], row, style)
        y += height


def _labels(
    choice: Choice, label: Sequence[str], columns: Columns, top: float, style: Style
) -> Iterator[Primitive]:
    other = choice.standing == NON_EQUIVALENT
    colour = style.soft if other else style.ink
    x = columns.left + style.indent_mm + style.symbol_mm
    for number, text in enumerate(label):
        base = top + (number + 0.75) * style.line_mm
        yield Text(x, base, text, style.font_size, italic=other, colour=colour, role="choice")
    if choice.prespecified:
        middle = top + 0.75 * style.line_mm - CAPITAL * style.font_size * MM_PER_POINT / 2
        yield diamond(x - 1.6, middle, 0.9, style, "pre-specified choice")


def _median(
    choice: Choice, columns: Columns, top: float, form: NumberFormat, style: Style
) -> Iterator[Primitive]:
    if choice.median is not None:
        base = top + 0.75 * style.line_mm
        yield Text(
            columns.medians, base, form.text(choice.median), style.font_size, align="right",
            colour=style.soft if choice.standing == NON_EQUIVALENT else style.ink, role="median",
        )  # fmt: skip


def _bar(decision: Decision, columns: Columns, base: float, style: Style) -> Iterator[Primitive]:
    if decision.share is None:
        return
    capital = CAPITAL * style.font_size * MM_PER_POINT
    length = columns.bar * decision.share
    box = (columns.bars, base - capital, columns.bars + length, base)
    yield rectangle(box, style.accent, role="share")
    text = percent_words(decision.share)
    x = columns.bars + length + 0.8
    yield Text(x, base, text, style.font_size, colour=style.ink, role="share in words")


def _ticks(
    shown: Ordered, decision: int, place: int, row: Box, style: Style
) -> Iterator[Primitive]:
    columns = shown.found.specifications
    taken, count = columns.choices[decision], shown.count
    pitch = (row[2] - row[0]) / count
    thick = min(1.2, max(0.25, 0.6 * pitch * 72 / 25.4))
    line = min(style.line_mm, row[3] - row[1])
    gap = (1 - TICK_SHARE) / 2 * line
    for index, i in enumerate(shown.order):
        if taken[i] == place:
            standing = columns.standing[i]
            x, colour = place_of(index, count, row), colour_of(standing, style)
            start = row[1] + (0.5 * line if standing == OTHER else gap)
            yield Line(x, start, x, row[1] + line - gap, thick, colour, role="tick of a choice")


def _density(shown: Ordered, share: Sequence[float], row: Box, style: Style) -> Iterator[Primitive]:
    gap = (1 - TICK_SHARE) / 2 * (row[3] - row[1])
    for (start, end), part in zip(cells(shown), share, strict=True):
        if part > 0:
            left = place_of(start - 0.5, shown.count, row)
            right = place_of(end - 0.5, shown.count, row)
            box = (left, row[1] + gap, right, row[3] - gap)
            yield rectangle(box, tint(style.accent, 0.08 + 0.92 * part), role="share of a choice")
