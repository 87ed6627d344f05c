"""What journals ask of a figure, as far as their author pages say it; facts, not branches.

Pages change: `source` says where the numbers come from, `read` which of them stand on a page that
was read (the others are usual or remembered), and a journal's own page has the last word.
"""

from dataclasses import dataclass

POINTS = 7.0
"""Smallest legible text in print, where a journal names none."""
HAIRLINE = 0.25
"""Thinnest line that prints, in points, where a journal names none."""


@dataclass(frozen=True)
class Journal:
    """Width and height in mm, smallest text and thinnest line in points, dots per inch.

    A figure is drawn `width_mm` wide; one that is wider than `widest_mm` (None: width_mm) or
    narrower than `narrowest_mm` is refused. `dpi` is for a figure that combines lines, text and
    tints, and a raster below `least_dpi` (None: dpi) is refused. `formats` are those accepted, the
    preferred one first. `pages`: a file may hold several.
    """

    width_mm: float
    height_mm: float
    text_pt: float
    line_pt: float
    dpi: int
    formats: tuple[str, ...]
    source: str
    read: tuple[str, ...] = ()
    grey: bool = False
    widest_mm: float | None = None
    narrowest_mm: float | None = None
    least_dpi: int | None = None
    megabytes: float | None = None
    pages: bool = True


_ELSEVIER = "artwork sizing, artwork types; guides for authors: 1063 and 2244 px at 300 dpi"
_SPRINGER = "artwork and illustrations guidelines; sizes remembered"
_BMC = "illustrations and figures, file formats; full width and height remembered"
_SPANDIDOS = "guidelines for electronic submission of figures"
_TEXT = ("text_pt", "line_pt", "dpi", "formats")
_WIDE = ("width_mm", *_TEXT)

JOURNALS: dict[str, Journal] = {
    "elsevier-single": Journal(90, 240, 7, 0.1, 500, ("eps", "pdf", "tiff"), _ELSEVIER, _WIDE),
    "elsevier-onehalf": Journal(140, 240, 7, 0.1, 500, ("eps", "pdf", "tiff"), _ELSEVIER, _TEXT),
    "elsevier-double": Journal(190, 240, 7, 0.1, 500, ("eps", "pdf", "tiff"), _ELSEVIER, _WIDE),
    "springer-single": Journal(84, 234, 8, 0.3, 600, ("eps", "tiff"), _SPRINGER, _TEXT),
    "springer": Journal(174, 234, 8, 0.3, 600, ("eps", "tiff"), _SPRINGER, _TEXT),
    "springer-small": Journal(119, 195, 8, 0.3, 600, ("eps", "tiff"), _SPRINGER, _TEXT),
    "plos": Journal(
        190.5, 222.3, 8, 0.5, 600, ("tiff", "eps"), "figures: preparation checklist",
        (*_WIDE[:2], "height_mm", "narrowest_mm", "dpi", "formats", "megabytes", "pages"),
        narrowest_mm=66.8, least_dpi=300, megabytes=10, pages=False,
    ),
    "bmc-single": Journal(
        85, 225, 8, 0.5, 600, ("pdf", "eps", "tiff", "png"), _BMC, _WIDE,
        least_dpi=300, megabytes=10,
    ),
    "bmc": Journal(
        170, 225, 8, 0.5, 600, ("pdf", "eps", "tiff", "png"), _BMC, _TEXT,
        least_dpi=300, megabytes=10,
    ),
    "taylor-francis": Journal(
        174, 230, POINTS, 0.3, 600, ("eps", "tiff", "pdf"), "submission of electronic artwork",
        ("line_pt", "dpi", "formats"),
    ),
    "spandidos-single": Journal(
        80, 230, POINTS, HAIRLINE, 600, ("eps", "tiff"), _SPANDIDOS, ("width_mm", "formats")
    ),
    "spandidos": Journal(
        170, 230, POINTS, HAIRLINE, 600, ("eps", "tiff"), _SPANDIDOS,
        ("width_mm", "narrowest_mm", "formats"), narrowest_mm=140,
    ),
    "ama": Journal(
        174, 230, POINTS, HAIRLINE, 350, ("eps", "tiff", "pdf"),
        "AMA Manual of Style: preparing and submitting figures; pdf remembered",
        ("narrowest_mm", "dpi"), widest_mm=400, narrowest_mm=127,
    ),
    "print-grey": Journal(
        174, 240, POINTS, 0.5, 600, ("pdf", "eps", "tiff"), "any journal printed in black",
        grey=True,
    ),
}  # fmt: skip
