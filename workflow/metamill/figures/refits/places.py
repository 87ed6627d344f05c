"""Where a table of intervals has its columns: every text is measured before anything is placed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from metamill.figures.page.text import TIED, clean, tied, width, wrap
from metamill.figures.style import Style
from metamill.wording import ABSENT, NumberFormat

PLAIN, STRIKING, DOUBTFUL, MEAN = "plain", "striking", "doubtful", "mean"
HEADING_MM = 30.0
"""Names of estimates up to this long stand in one line, as in the forest plot."""


@dataclass(frozen=True)
class Entry:
    """One row: its label, a raised mark, words under the label, cells by column, an interval.

    `kind` is plain (circle), striking (square), doubtful (grey circle) or mean (diamond).
    """

    label: str
    cells: dict[str, str]
    low: float | None = None
    estimate: float | None = None
    high: float | None = None
    kind: str = PLAIN
    mark: str = ""
    words: str = ""


@dataclass(frozen=True)
class Table:
    """What is drawn: rows, the mean under them, lines of reference, words around the plot.

    `before` and `after` are the columns left and right of the plot; `dropped` are left out in this
    order on a narrow page. `numbers` names the estimates and `interval` their limits. `band` is
    shaded behind the rows; `null`, `centre` and `important` are lines. `sides` say what left and
    right of the null mean; `column_notes` belong to columns and are told only where those are
    shown.
    """

    header: str
    rows: tuple[Entry, ...]
    mean: Entry | None
    before: tuple[str, ...]
    after: tuple[str, ...]
    dropped: tuple[str, ...]
    numbers: str
    interval: str
    form: NumberFormat
    axis_label: str
    null: float | None = None
    centre: float | None = None
    band: tuple[float, float] | None = None
    important: tuple[float, ...] = ()
    sides: tuple[str, str] | None = None
    footnotes: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    column_notes: tuple[tuple[str, str], ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.rows if self.mean is None else (*self.rows, self.mean)


@dataclass(frozen=True)
class Column:
    """A column of texts that align on the decimal: `point` mm from its left."""

    name: str
    left: float
    width: float
    point: float


@dataclass(frozen=True)
class Places:
    """Where everything is, in mm. `stacked`: the numbers stand under the labels, not in columns."""

    label_left: float
    label_right: float
    columns: tuple[Column, ...]
    plot_left: float
    plot_right: float
    number_lefts: tuple[float, ...]
    number_points: tuple[float, ...]
    numbers_box: tuple[float, float]
    stacked: bool = False
    missing: tuple[str, ...] = ()


def number_texts(entry: Entry, table: Table, style: Style) -> tuple[str, str, str]:
    """Estimate and limits as they are printed, with their brackets.

    Where nothing parts the limits but a dash, they are one text.
    """
    opening, between, closing = style.brackets
    form = table.form
    if entry.estimate is None:
        return ABSENT, "", ""
    if entry.low is None or entry.high is None:
        return form.text(entry.estimate), "", f"{opening}{ABSENT}{closing}"
    estimate, low, high = (form.text(x) for x in (entry.estimate, entry.low, entry.high))
    if between == between.strip():
        return estimate, "", f"{opening}{low}{between}{high}{closing}"
    return estimate, f"{opening}{low}{between.rstrip()}", f"{high}{closing}"


def numbers_heading(table: Table, style: Style) -> tuple[str, str]:
    """What the estimates are, and the level of their limits in the brackets of these."""
    opening, _, closing = style.brackets
    return tied(clean(table.numbers)), tied(f"{opening}{table.interval}{closing}")


def decimals_from(text: str) -> int:
    """Where the decimals of a number begin, or what follows a whole one."""
    found = re.search(r"\.\d", text)
    if found:
        return found.start()
    return next((i + 1 for i in reversed(range(len(text))) if text[i].isdigit()), len(text))


def _point_and_width(texts: Iterable[tuple[str, bool]], size: float) -> tuple[float, float]:
    """Of texts (and whether they are bold) that align on the decimal: its place, their width."""
    before = after = 0.0
    for text, bold in texts:
        cut = decimals_from(text)
        before = max(before, width(text[:cut], size, bold))
        after = max(after, width(text[cut:], size, bold))
    return before, before + after


def header_lines(table: Table, style: Style, room: float) -> list[str]:
    """The heading of the numbers; brackets in a line of their own unless `room` mm hold everything.

    The name has as much room, HEADING_MM or that of its longest word.
    """
    size = style.font_size
    name, interval = numbers_heading(table, style)
    if width(f"{name} {interval}", size, bold=True) <= room:
        return [f"{name} {interval}"]
    longest = max(width(word, size, bold=True) for word in (*name.split(" "), interval))
    return [*wrap(name, max(room, longest, HEADING_MM) + 1e-6, size, bold=True), interval]


def places_of(table: Table, page_width: float, style: Style) -> Places:
    for count in range(len(table.dropped) + 1):
        least = style.plot_min_mm if count < len(table.dropped) - 1 else style.plot_least_mm
        found = _in_columns(table, page_width, style, table.dropped[:count], least)
        if found is not None:
            return found
    names = (*table.before, *table.after)
    size = style.font_size
    wanted = max(
        max(
            width(clean(entry.label), size, entry.kind == MEAN)
            + width(entry.mark, style.mark_size)
            + 0.5,
            width(TIED.join(filter(None, number_texts(entry, table, style))), size, True),
        )
        for entry in table.entries
    )
    right = page_width - style.margin_mm
    most = right - style.margin_mm - style.plot_gap_mm - style.plot_least_mm
    label_right = style.margin_mm + min(wanted, most)
    plot_left = label_right + style.plot_gap_mm
    box = (style.margin_mm, label_right)
    return Places(
        style.margin_mm, label_right, (), plot_left, right, (), (), box, stacked=True, missing=names
    )


def _in_columns(
    table: Table, page_width: float, style: Style, dropped: Sequence[str], least: float
) -> Places | None:
    """The places without the columns `dropped`; None where the plot has not `least` mm."""
    size = style.font_size
    entries = table.entries
    names = [[n for n in side if n not in dropped] for side in (table.before, table.after)]
    sizes: dict[str, tuple[float, float]] = {}
    for name in (*names[0], *names[1]):
        texts = [(entry.cells.get(name, ""), entry.kind == MEAN) for entry in entries]
        point, text_width = _point_and_width(texts, size)
        head = width(name, size, True)
        sizes[name] = point + max(0.0, (head - text_width) / 2), max(head, text_width)
    parts = [number_texts(entry, table, style) for entry in entries]
    bold = [entry.kind == MEAN for entry in entries]
    number = [
        _point_and_width(zip((part[i] for part in parts), bold, strict=True), size)
        for i in range(3)
    ]
    space = 1.4 * width(" ", size)
    steps = [wide + space if wide else 0.0 for _, wide in number]
    together = sum(steps) - space
    lines = header_lines(table, style, together)
    heading = max(width(line, size, True) for line in lines)
    numbers_wide = max(together, heading)
    natural = max(
        width(clean(entry.label), size, entry.kind == MEAN)
        + (width(entry.mark, style.mark_size) + 0.5 if entry.mark else 0.0)
        for entry in entries
    )
    natural = max(natural, width(table.header, size, True))
    columns = sum(sizes[name][1] + style.gap_mm for name in sizes)
    room = page_width - 2 * style.margin_mm - numbers_wide - columns - 2 * style.plot_gap_mm
    label = min(natural, room - least)
    if label < min(natural, style.label_min_mm):
        return None
    placed, at = [], style.margin_mm + label
    for name in names[0]:
        placed.append(Column(name, at + style.gap_mm, sizes[name][1], sizes[name][0]))
        at += style.gap_mm + sizes[name][1]
    plot_left = at + style.plot_gap_mm
    plot_right = plot_left + room - label
    numbers_left = plot_right + style.plot_gap_mm
    at = numbers_left + numbers_wide
    for name in names[1]:
        placed.append(Column(name, at + style.gap_mm, sizes[name][1], sizes[name][0]))
        at += style.gap_mm + sizes[name][1]
    lefts, left = [], numbers_left + (numbers_wide - together) / 2
    for step in steps:
        lefts.append(left)
        left += step
    points = tuple(point for point, _ in number)
    box = (numbers_left, numbers_left + numbers_wide)
    return Places(
        style.margin_mm, style.margin_mm + label, tuple(placed), plot_left, plot_right,
        tuple(lefts), points, box, missing=tuple(dropped),
    )  # fmt: skip


def with_marks(rows: Iterable[tuple[Entry, str]]) -> tuple[list[Entry], list[tuple[str, str]]]:
    """Rows with letters in brackets for their notes ("" for none), and the notes by letter."""
    letters: dict[str, str] = {}
    marked = []
    for entry, note in rows:
        if note:
            count = len(letters)
            letter = chr(ord("a") + count % 26) * (1 + count // 26)
            letters.setdefault(note, f"({letter})")
        marked.append(replace(entry, mark=letters[note]) if note else entry)
    return marked, [(letter, note) for note, letter in letters.items()]
