"""Pages as bytes: pdf, svg, png, tiff and eps, the same bytes for the same pages.

Metadata, fonts and settings are fixed and coordinates are rounded to a micrometre; no file holds a
time. Every file carries its title, its words and its provenance (see `provenance`).
"""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FaceFlags, FT2Font
from matplotlib.path import Path as Outline
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Transform
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from metamill.figures.page.canvas import (
    Canvas,
    Circle,
    Curve,
    Line,
    Point,
    Polygon,
    Text,
    stacked,
)
from metamill.figures.page.provenance import EPS_COMMENT, PNG_KEYWORD, TIFF_TAG
from metamill.figures.page.svg import svg
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, is_missing, runs, width

FORMATS = ("pdf", "svg", "png", "tiff", "eps")
MM_PER_INCH = 25.4
_CREATOR = "metamill"
_BOX = Outline([(0.1, 0), (0.9, 0), (0.9, CAPITAL), (0.1, CAPITAL), (0.1, 0)], closed=True)
"""What stands for a character that no font has, in em."""
_BOX_EDGE = 0.06
_COMMENT = 200
"""Characters of a comment; a line of EPS has at most 255."""


@dataclass(frozen=True)
class Label:
    """What a file says of itself: a title, words for who cannot see it, and where it is from."""

    title: str = ""
    alt: str = ""
    provenance: str = ""


def render(
    pages: Sequence[Canvas],
    file_format: str,
    label: Label = Label(),
    dpi: int = 300,
    grey: bool = False,
) -> bytes:
    """The pages as a file. pdf and tiff hold pages; in svg, png and eps they lie under each other.

    `dpi` is for png and tiff; `grey` turns colours into their luminance. Raises ValueError for a
    format that is not one of FORMATS.
    """
    label = Label(clean(label.title), clean(label.alt), label.provenance)
    if file_format not in FORMATS:
        raise ValueError(f"'{file_format}' is not one of {', '.join(FORMATS)}")
    if file_format == "svg":
        text = svg(stacked(pages), label.title, label.alt, label.provenance)
        return (_greyed(text) if grey else text).encode("utf-8")
    with _fixed_settings():
        if file_format == "pdf":
            return _pdf(pages, label, grey)
        if file_format == "eps":
            return _eps(stacked(pages), label, grey)
        if file_format == "png":
            return _png(_image(stacked(pages), dpi, grey), label, dpi)
        return _tiff([_image(page, dpi, grey) for page in pages], label, dpi)


def grey_of(colour: str) -> str:
    """The grey of the same luminance (ITU-R BT.709 weights), both as #rrggbb."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + f"{round(0.2126 * red + 0.7152 * green + 0.0722 * blue):02x}" * 3


def _greyed(text: str) -> str:
    return re.sub(r'="(#[0-9a-f]{6})"', lambda found: f'="{grey_of(found[1])}"', text)


class _Page(Artist):
    """A canvas as one artist, so that no text is laid out again."""

    def __init__(self, page: Canvas, grey: bool, named: bool = False) -> None:
        super().__init__()
        self.page, self.grey, self.named = page, grey, named

    def draw(self, renderer: RendererBase) -> None:
        pen = _Pen(renderer, self.page.height_mm, self.grey, self.named)
        for item in self.page.items:
            match item:
                case Text():
                    pen.text(item)
                case Line() | Curve():
                    pen.line(item)
                case Polygon():
                    pen.area(_closed(item.points), pen.place, item)
                case Circle():
                    round_it = Affine2D().scale(item.radius).translate(item.x, item.y) + pen.place
                    pen.area(Outline.unit_circle(), round_it, item)


class _Pen:
    """Draws items by a renderer; knows how millimetres become its pixels.

    `named`: the renderer finds glyphs by their names, so that text in a font without names is drawn
    as outlines.
    """

    def __init__(
        self, renderer: RendererBase, height_mm: float, grey: bool, named: bool = False
    ) -> None:
        self.renderer, self.grey, self.named = renderer, grey, named
        self.scale = _pixels_per_point(renderer) / MM_PER_POINT
        self.height = height_mm * self.scale
        self.place = Affine2D().scale(self.scale, -self.scale).translate(0, self.height)

    def colour(self, colour: str) -> tuple[float, float, float, float]:
        shown = grey_of(colour) if self.grey else colour
        red, green, blue = (int(shown[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return red, green, blue, 1.0

    def context(self, colour: str, width: float, dash: Sequence[float] = ()) -> GraphicsContextBase:
        context = self.renderer.new_gc()
        context.set_foreground(self.colour(colour), isRGBA=True)
        context.set_linewidth(width)
        context.set_dashes(0, dash or None)
        context.set_capstyle("butt")
        context.set_joinstyle("miter")
        return context

    def text(self, item: Text) -> None:
        context = self.context(item.colour, _BOX_EDGE * item.size)
        em = item.size * MM_PER_POINT * self.scale
        x, y = (round(value, 3) * self.scale for value in item.start)
        for piece in _pieces(item):
            if piece.font is None:
                place = Affine2D().scale(em).rotate_deg(item.angle).translate(x, self.height - y)
                self.renderer.draw_path(context, _BOX, place)
            elif self.named and not _names_glyphs(piece.font):
                outline = Outline(*_outline(piece.text, str(piece.font)))
                place = Affine2D().scale(em / text_to_path.FONT_SCALE).rotate_deg(item.angle)
                place = place.translate(x, self.height - y)
                fill = self.colour(item.colour)
                self.renderer.draw_path(self.context(item.colour, 0.0), outline, place, fill)
            else:
                at = y if self.renderer.flipy() else self.height - y
                font = _properties(str(piece.font), item.size)
                self.renderer.draw_text(context, x, at, piece.text, font, item.angle)
            x += piece.width * em * (item.angle == 0)
            y -= piece.width * em * (item.angle != 0)
        context.restore()

    def line(self, item: Line | Curve) -> None:
        context = self.context(item.colour, item.width, item.dash)
        self.renderer.draw_path(context, Outline(_rounded(item.points)), self.place)
        context.restore()

    def area(self, outline: Outline, place: Transform, item: Polygon | Circle) -> None:
        context = self.context(item.edge or "#000000", item.width if item.edge else 0.0)
        fill = None if item.fill is None else self.colour(item.fill)
        self.renderer.draw_path(context, outline, place, fill)
        context.restore()


@dataclass(frozen=True)
class _Piece:
    """What is drawn at once; `width` in em, `font` None for a character that no font has."""

    text: str
    font: Path | None
    width: float


def _pieces(item: Text) -> Iterator[_Piece]:
    for run in runs(item.text, item.bold, item.italic):
        if not any(map(is_missing, run.text)):
            yield _Piece(run.text, run.font, run.width)
            continue
        for missing, characters in groupby(run.text, is_missing):
            part = "".join(characters)
            if missing:
                yield from (_Piece(character, None, 1.0) for character in part)
            else:
                em = width(part, 1 / MM_PER_POINT, item.bold, item.italic)
                yield _Piece(part, run.font, em)


def _pixels_per_point(renderer: RendererBase) -> float:
    return float(np.asarray(renderer.points_to_pixels(1.0)))


def _closed(points: Sequence[Point]) -> Outline:
    return Outline(_rounded([*points, points[0]]), closed=True)


def _rounded(points: Sequence[Point]) -> list[Point]:
    return [(round(x, 3), round(y, 3)) for x, y in points]


def _outline(text: str, file: str) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and codes of the shapes of `text`, for an em of FONT_SCALE."""
    vertices, codes = text_to_path.get_text_path(FontProperties(fname=file), text)
    return np.asarray(vertices), np.asarray(codes)


@cache
def _properties(file: str, size: float) -> FontProperties:
    return FontProperties(fname=file, size=size)


def _figure(page: Canvas, grey: bool, named: bool = False) -> Figure:
    size = page.width_mm / MM_PER_INCH, page.height_mm / MM_PER_INCH
    figure = Figure(figsize=size, facecolor="white")
    figure.add_artist(_Page(page, grey, named), clip=False)
    return figure


def _pdf(pages: Sequence[Canvas], label: Label, grey: bool) -> bytes:
    buffer = io.BytesIO()
    told = {"Title": label.title, "Subject": label.alt, "Keywords": label.provenance}
    metadata: dict[str, str | None] = {name: text for name, text in told.items() if text}
    metadata |= {"Creator": _CREATOR, "CreationDate": None}
    with PdfPages(buffer, metadata=metadata) as file:
        for page in pages:
            file.savefig(_figure(page, grey))
    return buffer.getvalue()


def _eps(page: Canvas, label: Label, grey: bool) -> bytes:
    buffer = io.BytesIO()
    _figure(page, grey, named=True).savefig(buffer, format="eps", metadata={"Creator": _CREATOR})
    text = re.sub(r"(?m)^%%CreationDate:.*\n", "", buffer.getvalue().decode("latin-1"))
    title = label.title.encode("ascii", "replace").decode("ascii")[:_COMMENT]
    told = [f"%%Title: {title}\n"] if title else []
    told += [f"{EPS_COMMENT}{part}\n" for part in _parts(label.provenance)]
    head = "%%EndComments\n"
    text = text.replace(head, "".join(told) + head, 1) + "%%Trailer\n%%EOF\n"
    return text.encode("latin-1")


@cache
def _names_glyphs(font: Path) -> bool:
    return bool(FT2Font(font).face_flags & FaceFlags.GLYPH_NAMES)


def _parts(text: str) -> list[str]:
    return [text[i : i + _COMMENT] for i in range(0, len(text), _COMMENT)]


def _image(page: Canvas, dpi: int, grey: bool) -> Image.Image:
    figure = _figure(page, grey)
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
    return image.convert("L" if grey else "RGB")


def _png(image: Image.Image, label: Label, dpi: int) -> bytes:
    told = PngInfo()
    for name, text in (
        ("Title", label.title),
        ("Description", label.alt),
        (PNG_KEYWORD, label.provenance),
    ):
        if text:
            told.add_itxt(name, text)
    buffer = io.BytesIO()
    # level 1 is the fastest, and with thin lines on white its files are the smallest
    image.save(buffer, "png", pnginfo=told, dpi=(dpi, dpi), compress_level=1)
    return buffer.getvalue()


def _tiff(images: Sequence[Image.Image], label: Label, dpi: int) -> bytes:
    buffer = io.BytesIO()
    first, *more = images
    first.save(
        buffer,
        "tiff",
        save_all=True,
        append_images=more,
        compression="tiff_lzw",
        dpi=(dpi, dpi),
        tiffinfo={TIFF_TAG: label.provenance},
    )
    return buffer.getvalue()


@contextmanager
def _fixed_settings() -> Iterator[None]:
    """Settings of our own, whatever the user's matplotlibrc says; no warning of missing glyphs."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "path.simplify": False,
                "path.snap": False,
                "pdf.fonttype": 42,
                "ps.fonttype": 42,
                "text.hinting": "no_hinting",
            }
        )
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
