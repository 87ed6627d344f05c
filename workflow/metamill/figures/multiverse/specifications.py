"""The figure of a multiverse: every specification in order, over the choices that made it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from metamill.config.decisions import STANDINGS
from metamill.config.settings import Display
from metamill.figures.axes.axis import Axis
from metamill.figures.axes.effect_words import effect_label, factor_of, null_words
from metamill.figures.axes.panel import paragraphs
from metamill.figures.axes.ticks import tick_texts
from metamill.figures.drawn import Drawn, TooNarrow, not_drawn
from metamill.figures.multiverse.dashboard import (
    BAR_MM,
    MEDIAN_GAP_MM,
    Columns,
    Group,
    group_items,
    groups,
    label_room,
    parts,
)
from metamill.figures.multiverse.marks import OTHER, curve, diamond, mark, place_of
from metamill.figures.multiverse.plan import Ordered, estimate_axis, ordered
from metamill.figures.multiverse.table import caption, description, multiverse_csv
from metamill.figures.page.canvas import Box, Canvas, Line, Primitive, Text, moved
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, tied, width, wrap
from metamill.figures.style import Style
from metamill.results import Result
from metamill.wording import count_text, level_text, result_format

CURVE_MM = 52.0
PLOT_LEAST_MM = 10.0
BAR_SHARE = 0.1
"""Bars are no wider than this part of the page."""
SHARE_HEADS = ("Share of variance", "Share")


def multiverse(result: Result, display: Display, style: Style) -> Drawn:
    """The curve, the dashboard of choices with their medians, and the share of every decision."""
    title = f"Specification curve: {clean(display.title).rstrip('.')}"
    found = result.explored.multiverse
    if found is None:
        reason = "the primary analysis pools no row"
        return not_drawn(title, reason, display.width_mm, style)
    shown = ordered(found)
    pages = _pages(shown, result, display, style) if shown.count else None
    if pages is None:
        return not_drawn(title, "no specification has an estimate", display.width_mm, style)
    return Drawn(
        pages,
        multiverse_csv(shown),
        caption(shown, result, title),
        " ".join(description(shown, result, title)),
    )


def _pages(
    shown: Ordered, result: Result, display: Display, style: Style
) -> tuple[Canvas, ...] | None:
    em = style.font_size * MM_PER_POINT
    top = style.margin_mm + 0.5 * em
    axis = estimate_axis(shown, result, top + CURVE_MM, top)
    if axis is None:
        return None
    columns = _columns(shown, result, axis, display, style)
    box = (columns.plot_left, top, columns.plot_right, top + CURVE_MM)
    page = Canvas(display.width_mm, box[3])
    page.add(_frame(axis, box, columns, result, style))
    page.add(_references(shown, axis, box, style))
    page.add(curve(shown, axis, box, style))
    page.add(_own_mark(shown, axis, box, style))
    form = result_format(result)
    page.height_mm += 1.2 * style.line_mm
    page.add(_heads(shown, columns, page.height_mm, form.suffix, style))
    page.height_mm += 0.5 * style.line_mm
    pages, last = [page], display.height_mm - style.margin_mm
    starts = [page.height_mm]
    whole = last - style.margin_mm - 1.7 * style.line_mm
    every = groups(shown.found.decisions, columns, style)
    for group in (part for item in every for part in parts(item, whole, style)):
        page = pages[-1]
        if page.height_mm + group.height(style) > last and len(page.items) > 0:
            page = Canvas(display.width_mm, style.margin_mm + 1.2 * style.line_mm)
            page.add(_heads(shown, columns, page.height_mm, form.suffix, style))
            page.height_mm += 0.5 * style.line_mm
            starts.append(page.height_mm)
            pages.append(page)
        page.add(_group(group, shown, columns, page.height_mm, result, style))
        page.height_mm += group.height(style)
    for page, start in zip(pages, starts, strict=True):
        line = list(_own_line(shown, columns, start, page.height_mm, style))
        at = 0 if shown.singly else len(page.items)
        page.items[at:at] = line
    for items, height in _below(shown, result, columns, _beyond(shown, axis), style):
        if pages[-1].height_mm + height > last:
            pages.append(Canvas(display.width_mm, style.margin_mm))
        pages[-1].add(_lowered(items, pages[-1].height_mm))
        pages[-1].height_mm += height
    for page in pages:
        page.height_mm += style.margin_mm
    return tuple(pages)


def _group(
    group: Group, shown: Ordered, columns: Columns, top: float, result: Result, style: Style
) -> Iterator[Primitive]:
    yield from group_items(group, shown, columns, top, result_format(result), style)


def _columns(shown: Ordered, result: Result, axis: Axis, display: Display, style: Style) -> Columns:
    size, form = style.font_size, result_format(result)
    left, right = style.margin_mm, display.width_mm - style.margin_mm
    names = label_room(shown.found.decisions, right - left, style) + style.gap_mm
    ticks = max(width(text, size) for text in tick_texts(axis, factor_of(result.measure)))
    names = max(names, ticks + style.tick_mm + 1.6 + 0.3 * size * MM_PER_POINT + 2 * style.line_mm)
    medians = [
        width(form.text(choice.median), size)
        for item in shown.found.decisions
        for choice in item.choices
        if choice.median is not None
    ]
    head = width("Median", size)
    room = max([head, *medians])
    bar = min(BAR_MM, BAR_SHARE * (right - left))
    bars = max(bar + 0.8 + width("100%", size), width(SHARE_HEADS[-1], size))
    plot_right = right - bars - MEDIAN_GAP_MM - room - MEDIAN_GAP_MM
    if plot_right - (left + names) < PLOT_LEAST_MM:
        wider = display.width_mm + PLOT_LEAST_MM - (plot_right - left - names)
        raise TooNarrow(f"a specification curve needs {wider:.0f} mm")
    medians_at = plot_right + MEDIAN_GAP_MM + room
    return Columns(left, left + names, plot_right, medians_at, right - bars, right, bar)


def _frame(
    axis: Axis, box: Box, columns: Columns, result: Result, style: Style
) -> Iterator[Primitive]:
    left, top, right, bottom = box
    size, em, thin = style.font_size, style.font_size * MM_PER_POINT, style.rule_width
    yield Line(left, bottom, right, bottom, thin, style.ink, role="axis")
    yield Line(left, top, left, bottom, thin, style.ink, role="axis")
    texts = tick_texts(axis, factor_of(result.measure))
    for tick, text in zip(axis.ticks, texts, strict=True):
        y, start = axis.position(tick), left - style.tick_mm
        yield Line(start, y, left, y, thin, style.ink, role="tick")
        base = y + CAPITAL * em / 2
        yield Text(
            start - 0.8, base, text, size, align="right", colour=style.ink, role="tick label"
        )
    widest = max(width(text, size) for text in texts)
    lines = wrap(tied(clean(effect_label(result))), bottom - top, size)
    for number, text in enumerate(reversed(lines)):
        x = left - style.tick_mm - 1.6 - 0.3 * size * MM_PER_POINT - widest - number * style.line_mm
        yield Text(x, (top + bottom) / 2, text, size, align="center", colour=style.ink,
                   role="axis label", angle=90)  # fmt: skip


def _references(shown: Ordered, axis: Axis, box: Box, style: Style) -> Iterator[Primitive]:
    for item in shown.found.summaries[0].beside:
        if axis.beyond(item.value) == 0:
            y, dash = axis.position(item.value), () if item.kind == "null" else (2.0, 1.5)
            colour = style.line if item.kind == "null" else style.striking
            yield Line(box[0], y, box[2], y, style.rule_width, colour, dash, role=item.kind)


def _own_mark(shown: Ordered, axis: Axis, box: Box, style: Style) -> Iterator[Primitive]:
    columns, at = shown.found.specifications, shown.found.prespecified
    value = columns.estimate[at]
    if shown.prespecified is None or value is None:
        return
    x = place_of(shown.prespecified, shown.count, box)
    low, high = columns.ci_low[at], columns.ci_high[at]
    if low is not None and high is not None:
        ends = axis.position(low), axis.position(high)
        yield Line(x, *_y(ends, x), 1.4 * style.interval_width, style.ink, role="own interval")
    yield diamond(x, axis.position(value), 1.3, style, "pre-specified")


def _y(ends: tuple[float, float], x: float) -> tuple[float, float, float]:
    return ends[0], x, ends[1]


def _own_line(
    shown: Ordered, columns: Columns, top: float, bottom: float, style: Style
) -> Iterator[Primitive]:
    """Down from the pre-specified analysis through its choices."""
    if shown.prespecified is not None:
        row = (columns.plot_left, top, columns.plot_right, bottom)
        x = place_of(shown.prespecified, shown.count, row)
        yield Line(x, top, x, bottom, style.rule_width, style.ink, role="own line")


def _heads(
    shown: Ordered, columns: Columns, y: float, suffix: str, style: Style
) -> Iterator[Primitive]:
    size, base = style.font_size, y
    plot = columns.plot_right - columns.plot_left
    count = count_text(shown.count)
    medians = _fitting((f"Median ({suffix})", "Median") if suffix else ("Median",),
                       columns.medians - columns.plot_right - 0.8, size)  # fmt: skip
    share = _fitting(SHARE_HEADS, columns.right - columns.bars, size)
    order = _fitting((f"{count} specifications in order", f"{count} in order", count), plot, size)
    middle = (columns.plot_left + columns.plot_right) / 2
    yield Text(
        columns.medians, base, medians, size, align="right", colour=style.soft, role="header"
    )
    yield Text(columns.bars, base, share, size, colour=style.soft, role="header")
    yield Text(middle, base, order, size, align="center", colour=style.soft, role="header")


def _fitting(words: Sequence[str], room: float, size: float) -> str:
    """The first of these words that fits, else the last."""
    return next((text for text in words if width(text, size) <= room), words[-1])


def _below(
    shown: Ordered, result: Result, columns: Columns, beyond: int, style: Style
) -> Iterator[tuple[list[Primitive], float]]:
    """The key and the notes line by line, each from (0, 0), with its height."""
    yield [], 0.3 * style.line_mm
    size, em = style.font_size, style.font_size * MM_PER_POINT
    x, row = columns.left, 0.75 * style.line_mm
    items: list[Primitive] = []
    for draw, words in _key(shown, style):
        length = 2.4 + width(words, size) + style.gap_mm
        if x + length > columns.right and items:
            yield items, style.line_mm
            items, x = [], columns.left
        items.append(draw(x + 1.0, row - CAPITAL * em / 2))
        items.append(Text(x + 2.6, row, words, size, colour=style.ink, role="key"))
        x += length
    yield items, 1.2 * style.line_mm
    lines, _ = paragraphs(_notes(shown, result, beyond), columns.left, 0.0, columns.right, style)
    for number, text in enumerate(lines):
        yield [replace(text, y=text.y - number * style.line_mm)], style.line_mm


def _key(shown: Ordered, style: Style) -> Iterator[tuple[Callable[[float, float], Primitive], str]]:
    """What draws each mark at a place, and what it stands for."""

    def of(standing: int) -> Callable[[float, float], Primitive]:
        return lambda x, y: mark(standing, x, y, 0.75, style, "key mark")

    own = shown.found.prespecified
    present = {shown.found.specifications.standing[i] for i in shown.order if i != own}
    yield (lambda x, y: diamond(x, y, 1.1, style, "key mark")), "pre-specified"
    for standing, name in enumerate(STANDINGS):
        if standing in present:
            yield of(standing), f"{name} (not counted)" if standing == OTHER else name


def _beyond(shown: Ordered, axis: Axis) -> int:
    """How many intervals are cut at an end of the axis."""
    columns = shown.found.specifications
    ends = ((columns.ci_low[i], columns.ci_high[i]) for i in shown.order)
    return sum(any(x is not None and axis.beyond(x) != 0 for x in pair) for pair in ends)


def _notes(shown: Ordered, result: Result, beyond: int) -> Iterator[str]:
    level = level_text(result.primary.settings)
    lines = [f"Lines: {level}."]
    if not shown.singly:
        lines = [
            f"Dark band: between the median limits of the {level} of neighbouring specifications.",
            "Light band: from the 5% quantile of lower limits to the 95% quantile of upper ones.",
            "Some estimates are marked. Darker cells hold more specifications with the choice.",
        ]
    kinds = [item.kind for item in shown.found.summaries[0].beside]
    if "null" in kinds:
        lines.append(f"Grey line: {null_words(result)}.")
    if "threshold" in kinds:
        lines.append(f"Dashed: threshold{'s' if kinds.count('threshold') > 1 else ''}.")
    if shown.singly and beyond:
        number = "1 line goes" if beyond == 1 else f"{count_text(beyond)} lines go"
        lines.append(f"{number} on beyond the axis.")
    if shown.singly and OTHER in {shown.found.specifications.standing[i] for i in shown.order}:
        lines.append("Half strokes: not counted.")
    yield " ".join(lines)
    yield (
        "Share of variance of the estimate that lies between the choices of a decision; medians "
        "and shares are over what counts."
    )


def _lowered(items: Iterable[Primitive], by: float) -> Iterator[Primitive]:
    return (moved(item, 0.0, by) for item in items)
