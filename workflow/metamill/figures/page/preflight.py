"""What a journal would send back: sizes, lines, resolution, fonts, formats, colours of a figure."""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from metamill.config.journals import Journal
from metamill.figures.page.canvas import (
    Canvas,
    Circle,
    Curve,
    Line,
    Polygon,
    Primitive,
    Text,
    missing_glyphs,
    stacked,
)
from metamill.figures.page.render import MM_PER_INCH, grey_of

STACKED = ("svg", "png", "eps")
"""Formats without pages."""
RASTER = ("png", "tiff")
_SLACK_MM = 0.05
_SLACK_PT = 1e-6
_APART = 26
"""Two greys of 0 to 255 closer than this (a tenth) look the same in print."""
_WIDTH_TAG, _PHOTOMETRIC_TAG = 256, 262
_GREY_TIFF, _GREY_PNG = (0, 1), (0, 4)
"""Photometric interpretations and colour types without colour."""


@dataclass(frozen=True)
class Finding:
    """One thing a journal would send a figure back for: what it concerns, and words."""

    what: str
    words: str


def preflight(
    pages: Sequence[Canvas],
    files: Mapping[str, bytes],
    journal: Journal,
    formats: Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Everything in which a figure falls short of `journal`; empty if nothing does.

    `pages` are the figure, in final size; `files` are its renderings, by format, and `formats`
    others that it would be sent in, of which only the size of the pages is judged.
    """
    found = [
        *_sizes(pages, [*files, *formats], journal),
        *_texts(pages, journal),
        *_lines(pages, journal),
        *_glyphs(pages),
    ]
    if journal.grey:
        found += _falling_together(pages)
    for file_format, content in files.items():
        found += _file(file_format, content, pages, journal)
    return tuple(found)


def _sizes(pages: Sequence[Canvas], formats: Sequence[str], journal: Journal) -> Iterator[Finding]:
    wide = max(page.width_mm for page in pages)
    widest = journal.width_mm if journal.widest_mm is None else journal.widest_mm
    if wide > widest + _SLACK_MM:
        yield Finding("width", f"{wide:g} mm wide, at most {widest:g} mm fit")
    if journal.narrowest_mm is not None and wide < journal.narrowest_mm - _SLACK_MM:
        yield Finding("width", f"{wide:g} mm wide, at least {journal.narrowest_mm:g} mm are asked")
    high = max(page.height_mm for page in pages)
    if high > journal.height_mm + _SLACK_MM:
        yield Finding("height", f"{high:.1f} mm high, at most {journal.height_mm:g} mm fit")
    if len(pages) == 1:
        return
    if not journal.pages:
        yield Finding("pages", f"{len(pages)} pages, and a figure has to be one page")
    together = [name for name in formats if name in STACKED]
    total = stacked(pages).height_mm
    if together and total > journal.height_mm + _SLACK_MM >= high:
        names = " and ".join(together)
        words = f"{names}: {len(pages)} pages under each other are {total:.1f} mm high"
        yield Finding("height", f"{words}, at most {journal.height_mm:g} mm fit")


def _texts(pages: Sequence[Canvas], journal: Journal) -> Iterator[Finding]:
    small: dict[str, Text] = {}
    for text in (text for page in pages for text in page.texts):
        limit = small[text.role].size if text.role in small else journal.text_pt - _SLACK_PT
        if text.size < limit:
            small[text.role] = text
    for role, least in small.items():
        words = f"text of {least.size:.3g} pt ({role or 'text'}: '{_shortened(least.text)}')"
        yield Finding("text", f"{words}, at least {journal.text_pt:g} pt are asked")


def _lines(pages: Sequence[Canvas], journal: Journal) -> Iterator[Finding]:
    thin: dict[str, float] = {}
    for item in (item for page in pages for item in page.items):
        width = _stroke(item)
        if width is not None and width < journal.line_pt - _SLACK_PT:
            thin[item.role] = min(width, thin.get(item.role, width))
    for role, least in thin.items():
        words = f"a line of {least:.3g} pt ({role or 'line'})"
        yield Finding("line", f"{words}, at least {journal.line_pt:g} pt are asked")


def _stroke(item: Primitive) -> float | None:
    match item:
        case Line() | Curve():
            return item.width
        case Polygon() | Circle() if item.edge is not None:
            return item.width
    return None


def _glyphs(pages: Sequence[Canvas]) -> Iterator[Finding]:
    missing = missing_glyphs(pages)
    if missing:
        yield Finding("glyphs", f"no font for {' '.join(missing)}: boxes are drawn in their place")


def _falling_together(pages: Sequence[Canvas]) -> Iterator[Finding]:
    """Colours that tell marks of one role and shape apart, and do not in print."""
    fills: dict[tuple[str, str], dict[str, None]] = {}
    for page in pages:
        for item in page.items:
            if isinstance(item, Polygon | Circle) and item.fill is not None:
                corners = len(item.points) if isinstance(item, Polygon) else 0
                fills.setdefault((item.role, f"{corners}"), {})[item.fill] = None
    for (role, _), colours in fills.items():
        for first, second in combinations(colours, 2):
            if abs(_lightness(first) - _lightness(second)) < _APART:
                words = f"{first} and {second} ({role or 'shape'}) are nearly the same grey"
                yield Finding("grey", words)


def _lightness(colour: str) -> int:
    return int(grey_of(colour)[1:3], 16)


def _file(
    file_format: str, content: bytes, pages: Sequence[Canvas], journal: Journal
) -> Iterator[Finding]:
    if file_format not in journal.formats:
        taken = ", ".join(journal.formats)
        yield Finding("format", f"{file_format} is not accepted, {taken} are")
        return
    megabytes = len(content) / 1e6
    if journal.megabytes is not None and megabytes > journal.megabytes:
        words = f"{file_format} of {megabytes:.1f} MB, at most {journal.megabytes:g} MB are taken"
        yield Finding("size", words)
    if file_format in RASTER:
        wide = pages[0].width_mm if file_format == "tiff" else max(p.width_mm for p in pages)
        least = journal.dpi if journal.least_dpi is None else journal.least_dpi
        pixels = _pixels(file_format, content)
        if pixels < int(wide / MM_PER_INCH * least):
            dpi = pixels * MM_PER_INCH / wide
            words = f"{file_format} of {dpi:.0f} dpi, at least {least} dpi are asked"
            yield Finding("resolution", words)
    elif file_format != "svg":
        bare = _fonts_left_out(file_format, content)
        if bare:
            yield Finding("fonts", f"{file_format} without the font {' and '.join(bare)}")
    if journal.grey and _has_colour(file_format, content):
        yield Finding("colour", f"{file_format} is in colour, grey is asked")


def _pixels(file_format: str, content: bytes) -> int:
    if file_format == "png":
        return int(struct.unpack_from(">I", content, 16)[0])
    return _tiff_tags(content)[_WIDTH_TAG]


def _tiff_tags(content: bytes) -> dict[int, int]:
    """The single numbers among the tags of the first page."""
    order = "<" if content.startswith(b"II") else ">"
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (entries,) = struct.unpack_from(f"{order}H", content, start)
    tags = {}
    for at in range(start + 2, start + 2 + 12 * entries, 12):
        tag, kind = struct.unpack_from(f"{order}HH", content, at)
        if kind in (3, 4):
            tags[tag] = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", content, at + 8)
    return {tag: int(value[0]) for tag, value in tags.items()}


def _fonts_left_out(file_format: str, content: bytes) -> list[str]:
    if file_format == "eps":
        used = set(re.findall(rb"^/(\S+) [\d.]+ selectfont", content, re.M))
        held = set(re.findall(rb"/FontName\s*/(\S+)\s+def", content))
        return sorted(name.decode("latin-1") for name in used - held)
    bare = []
    for entry in re.findall(rb"\d+ 0 obj\s(<<.*?>>)\s*(?:endobj|stream)", content, re.S):
        descriptor = b"/Type /FontDescriptor" in entry
        plain = b"/Type /Font" in entry and re.search(rb"/(Type1|TrueType|CIDFontType\d)\b", entry)
        if (descriptor and b"/FontFile" not in entry and b"/CharProcs" not in content) or (
            plain and not descriptor and b"/FontDescriptor" not in entry
        ):
            name = re.search(rb"/(?:FontName|BaseFont)\s*/([^\s/<>\[\]]+)", entry)
            bare.append(name[1].decode("latin-1") if name else "?")
    return sorted(set(bare))


def _has_colour(file_format: str, content: bytes) -> bool:
    match file_format:
        case "png":
            return content[25] not in _GREY_PNG
        case "tiff":
            return _tiff_tags(content).get(_PHOTOMETRIC_TAG) not in _GREY_TIFF
        case "svg":
            shown = re.findall(rb'"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})"', content)
        case "eps":
            shown = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) setrgbcolor", content)
        case _:
            drawn = b"\n".join(_inflated(content))
            shown = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) (?:rg|RG)\b", drawn)
    return any(len(set(parts)) > 1 for parts in shown)


def _inflated(content: bytes) -> Iterator[bytes]:
    """The streams of a PDF that hold drawing, unpacked."""
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.S):
        try:
            yield zlib.decompress(stream)
        except zlib.error:
            continue


def _shortened(text: str, limit: int = 30) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
