"""A page as SVG 1.1: text stays text, every item carries its role, the words for who cannot see."""

import unicodedata
from html import escape
from itertools import groupby

from metamill.figures.page.canvas import Canvas, Circle, Curve, Line, Polygon, Primitive, Text
from metamill.figures.page.text import FAMILY, MM_PER_POINT, is_missing, runs
from metamill.files import digest

_FONTS = ", ".join(f"'{name}'" if " " in name else name for name in FAMILY)
_MEASURED = "MetamillSans"
_RIGHT_TO_LEFT = ("R", "AL")
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}


def svg(page: Canvas, title: str = "", alt: str = "", provenance: str = "") -> str:
    """The page as a document whose unit is the millimetre.

    `title` and `alt` become the accessible name and description, `provenance` the metadata. Their
    ids differ from figure to figure, so that several can stand in one web page.
    """
    key = digest(f"{title}|{alt}|{provenance}")[:8]
    wide, high = _number(page.width_mm), _number(page.height_mm)
    root = (
        'xmlns="http://www.w3.org/2000/svg"',
        f'width="{wide}mm" height="{high}mm" viewBox="0 0 {wide} {high}"',
        f'role="img" aria-labelledby="title-{key} desc-{key}"',
        f'font-family="{_FONTS}" style="font-kerning: none"',
    )
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f"<svg {' '.join(root)}>",
        f'<title id="title-{key}">{escape(title, quote=False)}</title>',
        f'<desc id="desc-{key}">{escape(alt, quote=False)}</desc>',
        f"<metadata>{escape(provenance, quote=False)}</metadata>",
        f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
    ]
    for role, items in groupby(page.items, lambda item: item.role):
        lines += [f'<g class="{escape(role)}">', *map(_element, items), "</g>"]
    return "\n".join([*lines, "</svg>\n"])


def _number(value: float) -> str:
    """Millimetres to a micrometre, without trailing zeros."""
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")


def _element(item: Primitive) -> str:
    match item:
        case Text():
            return _text(item)
        case Line():
            x1, y1, x2, y2 = map(_number, (item.x1, item.y1, item.x2, item.y2))
            where = f'x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"'
            return f"<line {where} {_stroke(item)}/>"
        case Curve():
            return f'<polyline points="{_points(item)}" fill="none" {_stroke(item)}/>'
        case Polygon():
            return f'<polygon points="{_points(item)}" {_filled(item)}/>'
        case Circle():
            where = f'cx="{_number(item.x)}" cy="{_number(item.y)}" r="{_number(item.radius)}"'
            return f"<circle {where} {_filled(item)}/>"


def _points(item: Curve | Polygon) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in item.points)


def _stroke(item: Line | Curve) -> str:
    drawn = f'stroke="{item.colour}" stroke-width="{_number(item.width * MM_PER_POINT)}"'
    if not item.dash:
        return drawn
    dash = " ".join(_number(length * MM_PER_POINT) for length in item.dash)
    return f'{drawn} stroke-dasharray="{dash}"'


def _filled(item: Polygon | Circle) -> str:
    fill = f'fill="{item.fill or "none"}"'
    if item.edge is None:
        return fill
    return f'{fill} stroke="{item.edge}" stroke-width="{_number(item.width * MM_PER_POINT)}"'


def _text(item: Text) -> str:
    x, y = _number(item.x), _number(item.y)
    style = [f'x="{x}" y="{y}" font-size="{_number(item.size * MM_PER_POINT)}"']
    if item.align != "left":
        style.append(f'text-anchor="{_ANCHORS[item.align]}"')
    if item.bold:
        style.append('font-weight="bold"')
    if item.italic:
        style.append('font-style="italic"')
    if item.colour != "#000000":
        style.append(f'fill="{item.colour}"')
    if not _has_known_widths(item):
        # the viewer's font for these signs is unknown: keep the text in its measured place
        style.append(f'textLength="{_number(item.width)}" lengthAdjust="spacingAndGlyphs"')
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in item.text):
        style.append('style="unicode-bidi: plaintext"')
    if item.angle:
        style.append(f'transform="rotate({-item.angle} {x} {y})"')
    return f"<text {' '.join(style)}>{escape(item.text, quote=False)}</text>"


def _has_known_widths(item: Text) -> bool:
    """Whether the fonts of FAMILY set the text as wide as it was measured."""
    return all(
        run.font.stem.startswith(_MEASURED) and not any(map(is_missing, run.text))
        for run in runs(item.text, item.bold, item.italic)
    )
