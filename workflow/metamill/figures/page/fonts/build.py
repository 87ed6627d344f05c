"""Cut the fonts of the figures out of Liberation Sans 2.1.5: `python build.py FOLDER`.

What is left out (hinting, kerning, ligatures, scripts that the fallback fonts have) is what makes
embedding slow and widths depend on the shaping engine. The outlines and advances are unchanged, so
the widths are those of Arial. The licence reserves the name "Liberation" for the original.
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

STYLES = ("Regular", "Bold", "Italic", "BoldItalic")
RANGES = ((0x20, 0x24F), (0x370, 0x52F), (0x1E00, 0x2BFF))
"""Latin, Greek, Cyrillic, Vietnamese, punctuation, arrows, mathematical signs and shapes."""
LEFT_OUT = ("GPOS", "GSUB", "GDEF", "kern", "fpgm", "prep", "cvt ", "gasp", "FFTM")
FAMILY = "Metamill Sans"


def cut(source: Path, target: Path) -> None:
    font = TTFont(source, recalcTimestamp=False)
    options = Options(layout_features=[], hinting=False, glyph_names=True, notdef_outline=True)
    options.drop_tables = [*options.drop_tables, *LEFT_OUT]
    options.name_IDs = ["*"]
    cutter = Subsetter(options)
    cutter.populate(unicodes=[c for low, high in RANGES for c in range(low, high + 1)])
    cutter.subset(font)
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6, 16):
            name = str(record).replace("Liberation Sans", FAMILY)
            name = name.replace("LiberationSans", FAMILY.replace(" ", ""))
            font["name"].setName(
                name, record.nameID, record.platformID, record.platEncID, record.langID
            )
    font.save(target)


if __name__ == "__main__":
    here = Path(__file__).parent
    for style in STYLES:
        cut(Path(sys.argv[1], f"LiberationSans-{style}.ttf"), here / f"MetamillSans-{style}.ttf")
