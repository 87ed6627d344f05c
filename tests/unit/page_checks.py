"""What every figure must fulfil on its pages: nothing cut, nothing overlapping, text to be read."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import exp
from math import log as ln

from metamill.figures.page.canvas import Box, Canvas, Primitive, Text

TOUCH_MM = 0.05
"""Boxes may share this much, which is less than any line is wide."""


def check_pages(
    pages: Sequence[Canvas],
    width_mm: float,
    height_mm: float = float("inf"),
    *,
    over_text: Iterable[str] = (),
    least_pt: float = 5.0,
) -> None:
    """Pages have the width asked for and at most the height; items lie on them; texts are apart.

    `over_text` are roles of items, other than texts, that no text may touch ("study", say). Raises
    AssertionError that names what is wrong.
    """
    assert pages, "a figure has at least one page"
    for page in pages:
        assert abs(page.width_mm - width_mm) < 1e-6, f"{page.width_mm} mm wide, not {width_mm}"
        assert page.height_mm <= height_mm + 1e-6, f"{page.height_mm} mm high, above {height_mm}"
        outside = off_page(page)
        assert not outside, f"off the page: {outside[:3]}"
        pairs = overlapping_texts(page)
        assert not pairs, f"texts overlap: {pairs[:3]}"
        covered = texts_on(page, over_text)
        assert not covered, f"text on a shape: {covered[:3]}"
        small = [text for text in page.texts if text.size < least_pt]
        assert not small, f"too small to read: {small[:3]}"


def off_page(page: Canvas) -> list[Primitive]:
    """Items that leave the page."""
    width, height = page.width_mm + TOUCH_MM, page.height_mm + TOUCH_MM

    def leaves(box: Box) -> bool:
        left, top, right, bottom = box
        return not (left >= -TOUCH_MM and top >= -TOUCH_MM and right <= width and bottom <= height)

    return [item for item in page.items if leaves(item.box)]


def overlapping_texts(page: Canvas) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes meet."""
    boxes = sorted(((text.box, text.text) for text in page.texts if text.text), key=lambda b: b[0])
    return [(a, b) for (box, a), (other, b) in combinations(boxes, 2) if meet(box, other)]


def texts_on(page: Canvas, roles: Iterable[str]) -> list[tuple[str, str]]:
    """Texts that meet an item of one of the roles: (text, role)."""
    wanted = set(roles)
    shapes = [item for item in page.items if item.role in wanted and not isinstance(item, Text)]
    return [
        (text.text, shape.role)
        for text in page.texts
        for shape in shapes
        if meet(text.box, shape.box)
    ]


def meet(a: Box, b: Box) -> bool:
    """Whether two boxes share more than TOUCH_MM in both directions."""
    return (
        min(a[2], b[2]) - max(a[0], b[0]) > TOUCH_MM
        and min(a[3], b[3]) - max(a[1], b[1]) > TOUCH_MM
    )


def value_at(mm: float, ticks: Sequence[tuple[float, float]], log: bool = False) -> float:
    """The value at a place of an axis, read from two of its ticks: (mm, value) each."""
    (a, low), (b, high) = ticks[0], ticks[-1]
    share = (mm - a) / (b - a)
    if log:
        return exp(ln(low) + share * (ln(high) - ln(low)))
    return low + share * (high - low)


def axis_ticks(page: Canvas, side: str) -> list[tuple[float, float]]:
    """(mm, printed number) of the tick labels below ("x") or left ("y") of the first axes.

    Labels below are centred on their tick; labels to the left end at the axis. A label that is no
    plain number ("10⁻⁵") is left out.
    """
    found = []
    for text in page.texts:
        if text.role != "tick label":
            continue
        try:
            value = float(text.text.replace("\N{MINUS SIGN}", "-").replace(",", ""))
        except ValueError:
            continue
        if side == "x" and text.align == "center":
            found.append((text.x, value))
        elif side == "y" and text.align == "right":
            capital = 0.73 * text.size * 25.4 / 72
            found.append((text.y - capital / 2, value))
    return sorted(found, key=lambda item: item[1])
