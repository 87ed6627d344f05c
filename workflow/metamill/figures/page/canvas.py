"""A page in millimetres: texts, lines and shapes with their places; no file, no library.

The origin is the upper left corner and y grows downwards. Every item has a `role`, a word that says
what it stands for ("label", "number", "diamond"); tests find items by it, and an SVG carries it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import cos, radians, sin
from typing import Literal

from metamill.figures.page.text import ASCENT, DESCENT, MM_PER_POINT, is_missing, width

Align = Literal["left", "center", "right"]
Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Text:
    """One line of text; `y` is its baseline, `size` in points, `align` left, center or right.

    `angle` is 0, or 90 for text that reads upwards; then x is the baseline and y the anchor.
    """

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    italic: bool = False
    align: Align = "left"
    colour: str = "#000000"
    role: str = ""
    angle: int = 0

    @property
    def start(self) -> Point:
        """Where the first character begins, on the baseline."""
        back = {"left": 0.0, "center": 0.5, "right": 1.0}[self.align] * self.width
        angle = radians(self.angle)
        return self.x - back * cos(angle), self.y + back * sin(angle)

    @property
    def width(self) -> float:
        return width(self.text, self.size, self.bold, self.italic)

    @property
    def box(self) -> Box:
        """Left, top, right and bottom in mm."""
        x, y = self.start
        em = self.size * MM_PER_POINT
        if self.angle == 90:
            return x - ASCENT * em, y - self.width, x + DESCENT * em, y
        return x, y - ASCENT * em, x + self.width, y + DESCENT * em


@dataclass(frozen=True)
class Line:
    """A straight line; `width` in points, `dash` as lengths on and off in points."""

    x1: float
    y1: float
    x2: float
    y2: float
    width: float
    colour: str = "#000000"
    dash: tuple[float, ...] = ()
    role: str = ""

    @property
    def box(self) -> Box:
        x, y = sorted((self.x1, self.x2)), sorted((self.y1, self.y2))
        return x[0], y[0], x[1], y[1]

    @property
    def points(self) -> tuple[Point, Point]:
        return (self.x1, self.y1), (self.x2, self.y2)


@dataclass(frozen=True)
class Curve:
    """An open line through points; otherwise as Line."""

    points: tuple[Point, ...]
    width: float
    colour: str = "#000000"
    dash: tuple[float, ...] = ()
    role: str = ""

    @property
    def box(self) -> Box:
        return _around(self.points)


@dataclass(frozen=True)
class Polygon:
    """A closed shape; `fill` or `edge` None leaves it out, `width` of the edge in points."""

    points: tuple[Point, ...]
    fill: str | None = "#000000"
    edge: str | None = None
    width: float = 0.0
    role: str = ""

    @property
    def box(self) -> Box:
        return _around(self.points)


@dataclass(frozen=True)
class Circle:
    """A disc of `radius` mm around (x, y); fill, edge and width as in Polygon."""

    x: float
    y: float
    radius: float
    fill: str | None = "#000000"
    edge: str | None = None
    width: float = 0.0
    role: str = ""

    @property
    def box(self) -> Box:
        return (
            self.x - self.radius,
            self.y - self.radius,
            self.x + self.radius,
            self.y + self.radius,
        )


def _around(points: Sequence[Point]) -> Box:
    x, y = zip(*points, strict=True)
    return min(x), min(y), max(x), max(y)


def rectangle(
    box: Box, fill: str | None, edge: str | None = None, width: float = 0.0, role: str = ""
) -> Polygon:
    """The polygon that covers a box."""
    left, top, right, bottom = box
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Polygon(corners, fill, edge, width, role)


Primitive = Text | Line | Curve | Polygon | Circle


@dataclass
class Canvas:
    """What is drawn on a page of width_mm x height_mm, later items over earlier ones."""

    width_mm: float
    height_mm: float
    items: list[Primitive] = field(default_factory=list)

    def add(self, items: Iterable[Primitive]) -> None:
        self.items.extend(items)

    @property
    def texts(self) -> list[Text]:
        return [item for item in self.items if isinstance(item, Text)]

    def with_role(self, role: str) -> list[Primitive]:
        return [item for item in self.items if item.role == role]


def missing_glyphs(pages: Iterable[Canvas]) -> str:
    """The characters that no bundled font can draw, sorted."""
    found = {c for page in pages for text in page.texts for c in text.text if is_missing(c)}
    return "".join(sorted(found))


def moved(item: Primitive, dx: float, dy: float) -> Primitive:
    """The same item elsewhere."""
    match item:
        case Line():
            return replace(item, x1=item.x1 + dx, y1=item.y1 + dy, x2=item.x2 + dx, y2=item.y2 + dy)
        case Curve() | Polygon():
            return replace(item, points=tuple((x + dx, y + dy) for x, y in item.points))
        case _:
            return replace(item, x=item.x + dx, y=item.y + dy)


def stacked(pages: Sequence[Canvas], gap_mm: float = 6.0) -> Canvas:
    """All pages on one, from top to bottom: for formats that have no pages."""
    if len(pages) == 1:
        return pages[0]
    whole = Canvas(max(page.width_mm for page in pages), 0.0)
    for page in pages:
        whole.add(moved(item, 0.0, whole.height_mm) for item in page.items)
        whole.height_mm += page.height_mm + gap_mm
    whole.height_mm -= gap_mm
    return whole
