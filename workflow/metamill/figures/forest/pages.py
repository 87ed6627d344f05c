"""Slabs on pages: a header on each, rows that belong together kept together, an axis under each."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from metamill.figures.forest.slabs import Slab, at_top
from metamill.figures.page.canvas import Canvas, Primitive, Text
from metamill.figures.style import Style

Guides = Callable[[float, float, float | None], Iterable[Primitive]]
"""The lines of the plot from a top to a bottom; with the place of the mean, if it is there."""


def paginate(
    header: Slab,
    rows: Sequence[Slab],
    axis: Slab,
    end: Slab,
    tail: Sequence[Slab],
    guides: Guides,
    width_mm: float,
    height_mm: float,
    style: Style,
) -> tuple[Canvas, ...]:
    """All pages, each at most height_mm high unless one row with header and axis is higher.

    `axis` ends every page but the last, which ends with `end` (the axis with words beside it);
    `tail` follows, on pages without header if it has to.
    """
    more = style.line_mm
    frame = 2 * style.margin_mm + header.height
    parts = list(
        _parts(rows, height_mm - frame - axis.height - more, height_mm - frame - end.height)
    )
    pages = []
    for number, part in enumerate(parts, start=1):
        last = number == len(parts)
        canvas = Canvas(width_mm, style.margin_mm)
        _put(canvas, [header])
        top = canvas.height_mm
        placed = [
            at_top(slab, top + sum(s.height for s in part[:i])) for i, slab in enumerate(part)
        ]
        bottom = top + sum(slab.height for slab in part)
        mean = next((slab.mean for slab in placed if slab.mean is not None), None)
        canvas.add(item for slab in placed for item in slab.under)
        canvas.add(guides(top, bottom, mean))
        canvas.add(item for slab in placed for item in slab.items)
        canvas.height_mm = bottom
        _put(canvas, [end if last else axis])
        if not last:
            words = f"Continued on page {number + 1}"
            canvas.add([_continued(words, width_mm, canvas.height_mm, style)])
            canvas.height_mm += more
        pages.append(canvas)
    for group in _together(tail):
        needed = sum(slab.height for slab in group)
        if pages[-1].height_mm + needed + style.margin_mm > height_mm:
            if pages[-1].height_mm + more + style.margin_mm <= height_mm:
                words = f"Notes on page {len(pages) + 1}"
                pages[-1].add([_continued(words, width_mm, pages[-1].height_mm, style)])
                pages[-1].height_mm += more
            pages.append(Canvas(width_mm, style.margin_mm))
        _put(pages[-1], group)
    for page in pages:
        page.height_mm += style.margin_mm
    return tuple(pages)


def _continued(words: str, width_mm: float, top: float, style: Style) -> Text:
    """A word at the right end of a page on what follows."""
    return Text(
        width_mm - style.margin_mm,
        top + 0.75 * style.line_mm,
        words,
        style.font_size,
        italic=True,
        align="right",
        colour=style.soft,
        role="continued",
    )


def _put(canvas: Canvas, slabs: Iterable[Slab]) -> None:
    """Add slabs at the end of a page that is as high as what is on it."""
    for slab in slabs:
        canvas.add(at_top(slab, canvas.height_mm).items)
        canvas.height_mm += slab.height


def _together(slabs: Iterable[Slab]) -> Iterator[list[Slab]]:
    """Slabs in groups that no page parts."""
    group: list[Slab] = []
    for slab in slabs:
        group.append(slab)
        if not slab.with_next:
            yield group
            group = []
    if group:
        yield group


def _parts(rows: Sequence[Slab], room: float, last_room: float) -> Iterator[list[Slab]]:
    """The rows of each page: as many as fit in `room`, the last page's in `last_room`."""
    groups = [(group, sum(slab.height for slab in group)) for group in _together(rows)]
    left = sum(height for _, height in groups)
    page: list[Slab] = []
    used = 0.0
    for index, (group, height) in enumerate(groups, start=1):
        final = used + left <= last_room
        full = used + height > room and not final
        if page and (full or (index == len(groups) and used + height > last_room)):
            yield page
            again = group[0].section
            page, used = ([again], again.height) if again else ([], 0.0)
        page += group
        used += height
        left -= height
    yield page
