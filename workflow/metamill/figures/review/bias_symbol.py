"""The symbol of a judgement of risk of bias."""

from math import cos, radians, sin

from metamill.figures.colours import JUDGEMENTS, ON_JUDGEMENTS
from metamill.figures.page.canvas import Circle, Curve, Point, Primitive
from metamill.figures.page.text import MM_PER_POINT
from metamill.figures.style import Style
from metamill.tables.bias_tools import BAD, CRITICAL, GOOD, NONE, NOT_APPLICABLE, SOME


def bias_symbol(kind: str, x: float, y: float, size_mm: float, style: Style) -> list[Primitive]:
    """The symbol of a kind of judgement around (x, y), `size_mm` across; told by sign and colour.

    + good, - some, x bad, ! critical, ? nothing known, and a dash without a circle for what does
    not apply. Raises KeyError for an unknown kind.
    """
    ink, radius = ON_JUDGEMENTS[kind], size_mm / 2
    items: list[Primitive] = []
    if kind != NOT_APPLICABLE:
        edge = style.soft if kind == NONE else style.ink
        items.append(
            Circle(x, y, radius, JUDGEMENTS[kind], edge, style.thin_width, role=f"bias {kind}")
        )
    pen = max(style.rule_width, 0.11 * size_mm / MM_PER_POINT)
    for part in _SIGNS[kind]:
        points = tuple((x + dx * radius, y + dy * radius) for dx, dy in part)
        items.append(Curve(points, pen, ink, role=f"bias sign {kind}"))
    return items


def _hook() -> tuple[Point, ...]:
    """The bow of a question mark, from its left end over the top to its stem."""
    bow = tuple(
        (0.3 * cos(radians(angle)), -0.26 + 0.3 * sin(radians(angle)))
        for angle in range(-180, 61, 20)
    )
    return (*bow, (0.0, 0.14), (0.0, 0.3))


_DOT: tuple[Point, ...] = ((0.0, 0.42), (0.0, 0.6))
_SIGNS: dict[str, tuple[tuple[Point, ...], ...]] = {
    GOOD: (((-0.55, 0.0), (0.55, 0.0)), ((0.0, -0.55), (0.0, 0.55))),
    SOME: (((-0.55, 0.0), (0.55, 0.0)),),
    BAD: (((-0.42, -0.42), (0.42, 0.42)), ((-0.42, 0.42), (0.42, -0.42))),
    CRITICAL: (((0.0, -0.6), (0.0, 0.2)), _DOT),
    NONE: (_hook(), _DOT),
    NOT_APPLICABLE: (((-0.5, 0.0), (0.5, 0.0)),),
}
"""The strokes of each sign in a circle of radius 1, y downwards."""
