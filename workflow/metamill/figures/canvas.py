"""A drawing in millimetres: what is on it, where its texts end, and its bytes in three formats.

The origin is the upper left corner and y grows downwards. Files hold the same bytes for the same
drawing: fixed metadata, hash salt and fonts, coordinates rounded to a micrometre.
"""

import io
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import matplotlib
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon as PolygonPatch
from matplotlib.text import Text as TextArtist
from matplotlib.transforms import Affine2D, Transform

from metamill.figures.text import (
    ASCENT,
    DESCENT,
    FAMILY,
    MM_PER_POINT,
    clean,
    font_file,
    is_missing,
    width,
)
from metamill.files import write_bytes

FORMATS = ("pdf", "svg", "png")
PNG_DPI = 300

Align = Literal["left", "center", "right"]
Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Text:
    """One line of text; `y` is its baseline, `size` in points, `align` left, center or right."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    italic: bool = False
    align: Align = "left"
    colour: str = "black"
    role: str = ""

    @property
    def box(self) -> Box:
        """Left, top, right and bottom in mm."""
        wide = width(self.text, self.size, self.bold, self.italic)
        left = self.x - {"left": 0.0, "center": 0.5, "right": 1.0}[self.align] * wide
        em = self.size * MM_PER_POINT
        return left, self.y - ASCENT * em, left + wide, self.y + DESCENT * em


@dataclass(frozen=True)
class Line:
    """A straight line; `width` in points, `dash` as lengths on and off in points."""

    x1: float
    y1: float
    x2: float
    y2: float
    width: float
    colour: str = "black"
    dash: tuple[float, ...] = ()
    role: str = ""

    @property
    def box(self) -> Box:
        x, y = sorted((self.x1, self.x2)), sorted((self.y1, self.y2))
        return x[0], y[0], x[1], y[1]


@dataclass(frozen=True)
class Polygon:
    """A closed shape; `fill` or `edge` None leaves it out, `width` of the edge in points."""

    points: tuple[Point, ...]
    fill: str | None = "black"
    edge: str | None = None
    width: float = 0.0
    role: str = ""

    @property
    def box(self) -> Box:
        x, y = zip(*self.points, strict=True)
        return min(x), min(y), max(x), max(y)


def rectangle(
    box: Box, fill: str | None, edge: str | None = None, width: float = 0.0, role: str = ""
) -> Polygon:
    """The polygon that covers a box."""
    left, top, right, bottom = box
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Polygon(corners, fill, edge, width, role)


Primitive = Text | Line | Polygon


@dataclass
class Canvas:
    """What is drawn on a page of width_mm x height_mm, later items over earlier ones."""

    width_mm: float
    height_mm: float
    title: str = ""
    items: list[Primitive] = field(default_factory=list)

    def add(self, items: Iterable[Primitive]) -> None:
        self.items.extend(items)

    @property
    def texts(self) -> list[Text]:
        return [item for item in self.items if isinstance(item, Text)]

    def with_role(self, role: str) -> list[Primitive]:
        return [item for item in self.items if item.role == role]

    def missing_glyphs(self) -> str:
        """The characters that the bundled font cannot draw, sorted."""
        found = {c for text in self.texts for c in text.text if is_missing(c)}
        return "".join(sorted(found))

    def render(self, file_format: str) -> bytes:
        """The drawing as pdf, svg or png. Raises ValueError for another format."""
        if file_format not in FORMATS:
            raise ValueError(f"'{file_format}' is not one of {', '.join(FORMATS)}")
        buffer = io.BytesIO()
        with _fixed_settings():
            self._figure().savefig(
                buffer, format=file_format, dpi=PNG_DPI, metadata=self._metadata(file_format)
            )
        return buffer.getvalue()

    def save(self, path: Path) -> None:
        """Write the drawing in the format that the name of `path` ends in."""
        write_bytes(path, self.render(path.suffix.removeprefix(".")))

    def _metadata(self, file_format: str) -> dict[str, str | None]:
        fixed: dict[str, dict[str, str | None]] = {
            "pdf": {"CreationDate": None},
            "svg": {"Date": None},
            "png": {"Software": None},
        }
        title = clean(self.title)
        return fixed[file_format] | ({"Title": title} if title else {})

    def _figure(self) -> Figure:
        figure = Figure(figsize=(self.width_mm / 25.4, self.height_mm / 25.4), facecolor="white")
        place = (
            Affine2D().scale(1 / 25.4, -1 / 25.4).translate(0, self.height_mm / 25.4)
            + figure.dpi_scale_trans
        )
        for order, item in enumerate(self.items):
            artist = _artist(item, place)
            artist.set_zorder(order)
            figure.add_artist(artist, clip=False)
        return figure


@contextmanager
def _fixed_settings() -> Iterator[None]:
    """Settings of our own, whatever the user's matplotlibrc says; no warning of missing glyphs."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "path.simplify": False,
                "pdf.fonttype": 42,
                "svg.fonttype": "none",
                "svg.hashsalt": "metamill",
                "text.hinting": "no_hinting",
                "text.parse_math": False,
            }
        )
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _round(value: float) -> float:
    return round(value, 3)


def _text_artist(item: Text, place: Transform) -> TextArtist:
    font = FontProperties(
        family=list(FAMILY),
        weight="bold" if item.bold else "normal",
        style="italic" if item.italic else "normal",
        size=item.size,
        fname=font_file(item.bold, item.italic),
    )
    return TextArtist(
        _round(item.x),
        _round(item.y),
        item.text,
        color=item.colour,
        fontproperties=font,
        horizontalalignment=item.align,
        verticalalignment="baseline",
        transform=place,
    )


def _line_artist(item: Line, place: Transform) -> Line2D:
    return Line2D(
        [_round(item.x1), _round(item.x2)],
        [_round(item.y1), _round(item.y2)],
        linewidth=item.width,
        color=item.colour,
        linestyle=(0, item.dash) if item.dash else "-",
        solid_capstyle="butt",
        dash_capstyle="butt",
        transform=place,
    )


def _polygon_artist(item: Polygon, place: Transform) -> PolygonPatch:
    return PolygonPatch(
        [(_round(x), _round(y)) for x, y in item.points],
        closed=True,
        facecolor=item.fill or "none",
        edgecolor=item.edge or "none",
        linewidth=item.width,
        joinstyle="miter",
        transform=place,
    )


def _artist(item: Primitive, place: Transform) -> Artist:
    match item:
        case Text():
            return _text_artist(item, place)
        case Line():
            return _line_artist(item, place)
        case Polygon():
            return _polygon_artist(item, place)
