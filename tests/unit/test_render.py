"""Files of a page: what is drawn lies where it was planned, in every format, always as same bytes.

Other programs are the judges: an XML parser, Pillow, fontTools' outlines by way of poppler,
Ghostscript and Chromium; where one is not installed, its test is skipped and says so.
"""

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from metamill.config.journals import JOURNALS
from metamill.figures.page.canvas import (
    Canvas,
    Circle,
    Curve,
    Line,
    Polygon,
    Text,
    missing_glyphs,
    stacked,
)
from metamill.figures.page.preflight import preflight
from metamill.figures.page.provenance import provenance, read_provenance
from metamill.figures.page.render import FORMATS, MM_PER_INCH, Label, grey_of, render
from metamill.figures.page.text import clean

PACKAGE = Path(__file__).resolve().parents[2] / "workflow"
DPI = 300
DARK = 128
SVG = "{http://www.w3.org/2000/svg}"

TEXTS = {
    "latin": Text(5, 10, "Study of $x_1$, a_b^2 < & > 100% \\alpha", 8),
    "bold": Text(5, 10, "Bold", 8, bold=True),
    "right": Text(55, 10, "Right 1.23 [0.45, 6.78]", 8, align="right"),
    "centred": Text(30, 10, "Émile Ŝtefan Ångström", 7, align="center", italic=True),
    "upwards": Text(30, 35, "Standard error", 8, angle=90),
    "upwards, centred": Text(30, 20, "Upwards 中文", 8, align="center", angle=90),
    "chinese": Text(5, 10, "中文研究 2020 and Latin", 8),
    "cyrillic": Text(5, 10, "Исследование", 8),
    "arabic": Text(5, 10, "دراسة السلامة 2021", 9),
    "arabic, right": Text(55, 10, "دراسة (abc) x", 9, align="right"),
    "arabic in italics": Text(5, 10, "Latin دراسة (2021)", 8, italic=True),
    "hebrew": Text(5, 10, "שלום עולם", 8),
    "no font": Text(5, 10, "鱼\U0001f984\U0001f984 unicorn", 8),
    "no font, upwards": Text(30, 35, "\U0001f984\U0001f984 \U0001f984", 8, angle=90),
    "no font, shaped": Text(55, 10, "हिन्दी", 8, align="right"),
}


def page(*items, width=60.0, height=40.0) -> Canvas:
    return Canvas(width, height, list(items))


def everything() -> Canvas:
    """Each kind of item, apart from the others."""
    return page(
        Text(5, 8, "Plain $x_1$ 100% (a) \\", 8, role="label"),
        Text(55, 14, "Right and bold", 8, bold=True, align="right", role="number"),
        Text(5, 20, "中文研究 2020", 8, colour="#1f4e79", role="label"),
        Text(57, 36, "upwards", 7, angle=90, role="axis"),
        Line(5, 25, 25, 25, 1.0, "#d55e00", (3, 2), role="rule"),
        Curve(((30, 28), (35, 24), (40, 28)), 0.75, "#0072b2", role="curve"),
        Polygon(((5, 32), (9, 30), (13, 32), (9, 34)), "#009e73", "#000000", 0.5, role="diamond"),
        Circle(25, 32, 2.0, "#e69f00", "#000000", 0.5, role="study"),
    )


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"))


def ink(image: np.ndarray, box, dots_per_mm: float):
    """The extent in mm of what is not white within `box`."""
    left, top, right, bottom = (max(0, round(edge * dots_per_mm)) for edge in box)
    rows, columns = np.nonzero(image[top:bottom, left:right] < 255 - DARK / 2)
    assert rows.size, "nothing is drawn there"
    edges = (columns.min() + left, rows.min() + top, columns.max() + left + 1, rows.max() + top + 1)
    return np.array(edges) / dots_per_mm


def around(box, by=1.0):
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_lies_where_its_box_says(name):
    text = TEXTS[name]
    image = pixels(render([page(text)], "png", dpi=DPI))
    left, top, right, bottom = ink(image, (0, 0, 60, 40), DPI / MM_PER_INCH)
    box = text.box
    assert left >= box[0] - 0.2 and right <= box[2] + 0.2
    assert top >= box[1] - 0.1 and bottom <= box[3] + 0.1
    long, drawn = (box[2] - box[0], right - left) if text.angle == 0 else (
        box[3] - box[1], bottom - top
    )  # fmt: skip
    assert drawn >= long - 0.2 * text.size * 25.4 / 72, "as long as measured"


@pytest.mark.parametrize("shape", [i for i in everything().items if not isinstance(i, Text)])
def test_a_shape_lies_where_its_box_says(shape):
    drawn = ink(pixels(render([page(shape)], "png", dpi=600)), (0, 0, 60, 40), 600 / 25.4)
    half = shape.width / 2 * 25.4 / 72
    assert np.all(np.abs(drawn - shape.box) <= 2.5 * half + 0.06)


def through(program: str, *arguments: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    subprocess.run([program, *arguments], check=True, capture_output=True, timeout=60)


def by_poppler(file: Path, picture: Path) -> None:
    through("pdftoppm", "-r", "300", "-png", "-singlefile", str(file), str(picture.with_suffix("")))


def by_ghostscript(file: Path, picture: Path) -> None:
    how = ("-q", "-dNOPAUSE", "-dBATCH", "-dEPSCrop", "-sDEVICE=png16m", "-r300")
    through("gs", *how, "-dGraphicsAlphaBits=4", "-dTextAlphaBits=4", f"-o{picture}", str(file))


def by_chromium(file: Path, picture: Path) -> None:
    how = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    size = ("--window-size=227,152", f"--force-device-scale-factor={300 / 96}")
    through("chromium", *how, *size, f"--screenshot={picture}", file.as_uri())


@pytest.mark.parametrize(
    ("file_format", "draw"), [("pdf", by_poppler), ("eps", by_ghostscript), ("svg", by_chromium)]
)
def test_every_format_agrees_with_the_png(tmp_path, file_format, draw):
    canvas = everything()
    expected = pixels(render([canvas], "png", dpi=300))
    file, picture = tmp_path / f"figure.{file_format}", tmp_path / "seen.png"
    file.write_bytes(render([canvas], file_format))
    draw(file, picture)
    seen = pixels(picture.read_bytes())
    for item in canvas.items:
        box = around(item.box)
        same = np.abs(ink(expected, box, 300 / 25.4) - ink(seen, box, 300 / 25.4))
        assert np.all(same < 0.35), (item.role, same)


def test_a_pdf_holds_its_text_as_text(tmp_path):
    file = tmp_path / "figure.pdf"
    file.write_bytes(render([everything()], "pdf"))
    through("pdftotext", str(file), str(tmp_path / "text"))
    told = (tmp_path / "text").read_text(encoding="utf-8")
    for text in ("Plain $x_1$ 100% (a) \\", "Right and bold", "中文研究 2020"):
        assert text in told


@pytest.mark.parametrize("file_format", ["pdf", "eps"])
@pytest.mark.parametrize("names", [("latin", "bold"), tuple(TEXTS)], ids=["latin", "all"])
def test_every_font_is_embedded(file_format, names):
    canvas = page(*(TEXTS[name] for name in names))
    content = render([canvas], file_format)
    journal = JOURNALS["elsevier-double"]
    assert "fonts" not in {f.what for f in preflight([canvas], {file_format: content}, journal)}
    if file_format == "pdf":
        assert content.count(b"/FontFile2") == content.count(b"/Type /FontDescriptor") > 0
    else:
        assert b"/FontType 42 def" in content and b"/FontType 3 def" not in content


@pytest.mark.parametrize("angle", [0, 90])
def test_chinese_in_an_eps_leaves_other_texts_text(tmp_path, angle):
    canvas = page(
        Text(8, 30, "中文研究 2020", 8, angle=angle), TEXTS["arabic, right"], TEXTS["bold"]
    )
    content = render([canvas], "eps")
    fonts = sorted(set(re.findall(rb"/FontName /([\w-]+?)-\d+ def", content)))
    assert fonts == [b"DejaVuSans", b"MetamillSans", b"MetamillSans-Bold"]
    file, picture = tmp_path / "figure.eps", tmp_path / "seen.png"
    file.write_bytes(content)
    by_ghostscript(file, picture)
    expected, seen = pixels(render([canvas], "png", dpi=300)), pixels(picture.read_bytes())
    for item in canvas.items:
        box = around(item.box)
        same = np.abs(ink(expected, box, 300 / 25.4) - ink(seen, box, 300 / 25.4))
        assert np.all(same < 0.35), (item.text, same)


def test_pages_are_pages_or_lie_under_each_other():
    first, second = everything(), page(Text(5, 10, "Second", 8), height=20)
    pdf, tiff = render([first, second], "pdf"), render([first, second], "tiff", dpi=100)
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 2
    image = Image.open(io.BytesIO(tiff))
    assert image.n_frames == 2 and image.size == (236, 157)
    image.seek(1)
    assert image.size == (236, 78) and np.asarray(image).min() < DARK
    for file_format in ("png", "svg", "eps"):
        whole = render([stacked([first, second])], file_format)
        assert render([first, second], file_format) == whole
    assert Image.open(io.BytesIO(render([first, second], "png"))).size[1] == int(66 * 300 / 25.4)


@pytest.mark.parametrize("dpi", [72, 300, 600])
def test_a_raster_has_the_pixels_of_its_size_and_says_so(dpi):
    for file_format in ("png", "tiff"):
        image = Image.open(io.BytesIO(render([page()], file_format, dpi=dpi)))
        assert image.size == (int(60 / 25.4 * dpi), int(40 / 25.4 * dpi))
        assert image.info["dpi"] == pytest.approx((dpi, dpi), abs=0.01)
        assert image.mode == "RGB"


LABEL = Label(
    "Title <&> (é) 中 %%EOF \\",
    'Alt text\nwith "quotes" (a) and 中文.',
    provenance("forest", "out", {"rows": "a(b)\\c", "code": "é <x>" * 60}),
)


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_file_says_where_it_is_from(tmp_path, file_format):
    file = tmp_path / f"some figure.{file_format}"
    file.write_bytes(render([everything(), page()], file_format, LABEL))
    told = read_provenance(file)
    assert (told["figure"], told["outcome"], told["rows"]) == ("forest", "out", "a(b)\\c")
    assert told["code"] == "é <x>" * 60 and set(told["versions"]) == {"metamill", "matplotlib"}
    file.rename(tmp_path / "without an ending")
    assert read_provenance(tmp_path / "without an ending") == told


@settings(derandomize=True, max_examples=30, deadline=None, database=None)
@given(st.text(max_size=40), st.sampled_from(["svg", "png", "tiff", "eps", "pdf"]))
def test_any_text_in_the_provenance_comes_back(tmp_path_factory, text, file_format):
    folder = tmp_path_factory.mktemp("any")
    text = text.encode("utf-8", "ignore").decode("utf-8")
    label = Label(text, text, provenance("funnel", "", {"display": text}))
    (folder / "figure").write_bytes(render([page(width=5.0, height=5.0)], file_format, label))
    assert read_provenance(folder / "figure")["display"] == text


@settings(derandomize=True, max_examples=200, deadline=None, database=None)
@given(
    st.sampled_from([b"", b"%PDF-1.4\n", b"%!PS-Adobe-3.0\n", b"\x89PNG\r\n\x1a\n", b"II*\0",
                     b"MM\0*", b"<svg><metadata>"]),
    st.binary(max_size=60),
)  # fmt: skip
def test_other_files_are_refused_in_words(tmp_path_factory, head, tail):
    file = tmp_path_factory.mktemp("other") / "file"
    file.write_bytes(head + tail)
    with pytest.raises(ValueError, match=r"^(is|was|has|says) "):
        read_provenance(file)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("", "was not drawn by metamill"),
        ("{}", "was not drawn by metamill"),
        ("[" * 10000, "was not drawn by metamill"),
        ('{"format": "metamill-figure/9"}', "metamill-figure/9"),
        ('{"format": "metamill-figure/1", "figure": 1}', "damaged"),
        ('{"format": "metamill-figure/1", "figure": "a", "outcome": "b"}', "damaged"),
    ],
)
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_figure_of_others_is_refused_in_words(tmp_path, file_format, told, words):
    file = tmp_path / "figure"
    file.write_bytes(render([page()], file_format, Label(provenance=told)))
    with pytest.raises(ValueError, match=words):
        read_provenance(file)


@pytest.mark.parametrize("file_format", FORMATS)
def test_no_file_holds_a_time(file_format):
    content = render([everything()], file_format, LABEL)
    assert not re.search(rb"CreationDate|ModDate|tIME|dc:date|20[0-9]{2}-[01][0-9]-", content)
    if file_format == "tiff":
        assert 306 not in Image.open(io.BytesIO(content)).tag_v2


@pytest.mark.fault("O27")
def test_an_svg_is_xml_with_roles_and_words_for_who_cannot_see():
    root = ElementTree.fromstring(render([everything()], "svg", LABEL))
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title.text == clean(LABEL.title) and description.text == clean(LABEL.alt)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert (root.get("width"), root.get("viewBox")) == ("60mm", "0 0 60 40")
    texts = {element.text: element for element in root.iter(f"{SVG}text")}
    assert set(texts) == {text.text for text in everything().texts}
    groups = [group.get("class") for group in root.iter(f"{SVG}g")]
    assert groups == ["label", "number", "label", "axis", "rule", "curve", "diamond", "study"]
    other = ElementTree.fromstring(render([everything()], "svg", Label("Other")))
    for name, element in (("title", title), ("desc", description)):
        told = "several fit in one web page"
        assert other.find(f"{SVG}{name}").get("id") != element.get("id"), told


@pytest.mark.parametrize("name", TEXTS)
def test_an_svg_keeps_the_measured_width_where_the_viewers_fonts_have_others(name):
    text = TEXTS[name]
    (element,) = ElementTree.fromstring(render([page(text)], "svg")).iter(f"{SVG}text")
    known = name in ("latin", "bold", "right", "centred", "upwards", "cyrillic")
    length = element.get("textLength")
    assert length is None if known else float(length) == pytest.approx(text.width, abs=6e-4)
    right_to_left = name.startswith(("arabic", "hebrew"))
    assert (element.get("style") == "unicode-bidi: plaintext") == right_to_left


@pytest.mark.fault("O12")
def test_characters_without_a_font_are_drawn_as_boxes_and_reported():
    canvas = page(TEXTS["no font"], TEXTS["latin"])
    assert missing_glyphs([canvas]) == "\U0001f984"
    image = pixels(render([page(Text(5, 20, "\U0001f984" * 3, 20))], "png", dpi=300))
    em = 20 * 25.4 / 72
    left, top, right, bottom = ink(image, (0, 0, 60, 40), 300 / 25.4)
    assert (left, right) == pytest.approx((5 + 0.1 * em, 5 + 2.9 * em), abs=0.3)
    assert (top, bottom) == pytest.approx((20 - 0.73 * em, 20), abs=0.3)
    middle = image[round((20 - 0.36 * em) * 300 / 25.4)] < DARK
    assert np.count_nonzero(np.diff(middle.astype(int)) == 1) == 6, "two sides for each"


def test_an_eps_keeps_to_its_rules():
    text = render([everything()], "eps", LABEL).decode("latin-1")
    head = text[: text.index("%%EndComments")].splitlines()
    assert head[0] == "%!PS-Adobe-3.0 EPSF-3.0"
    assert "%%Title: Title <&> (?) ? %%EOF \\" in head
    assert "%%BoundingBox: 0 0 171 114" in head
    assert max(map(len, head)) <= 255
    assert text.endswith("\nshowpage\n%%Trailer\n%%EOF\n")


@pytest.mark.parametrize("file_format", FORMATS)
def test_grey_files_have_no_colour_and_the_luminance_of_the_colours(file_format):
    canvas, journal = everything(), JOURNALS["print-grey"]
    for grey in (True, False):
        files = {file_format: render([canvas], file_format, grey=grey)}
        found = {finding.what for finding in preflight([canvas], files, journal)}
        if file_format in journal.formats:
            assert ("colour" in found) == (not grey)
    assert grey_of("#ffffff") == "#ffffff" and grey_of("#000000") == "#000000"
    assert grey_of("#00ff00") == "#b6b6b6" and grey_of("#0000ff") == "#121212"
    if file_format == "png":
        (content,) = files.values()
        grey_image = Image.open(io.BytesIO(render([canvas], "png", grey=True)))
        assert grey_image.mode == "L" and Image.open(io.BytesIO(content)).mode == "RGB"
        at = (round(25 * 300 / 25.4), round(32 * 300 / 25.4))
        assert grey_image.getpixel(at) == int(grey_of("#e69f00")[1:3], 16)


def test_unknown_formats_are_refused():
    with pytest.raises(ValueError, match="'gif' is not one of pdf, svg, png, tiff, eps"):
        render([page()], "gif")


def test_an_empty_page_is_a_file_in_every_format():
    for file_format in FORMATS:
        assert render([page()], file_format)


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
from test_render import LABEL, everything, TEXTS, page
from metamill.figures.page.render import FORMATS, render
pages = [everything(), page(*TEXTS.values())]
for name in FORMATS:
    print(name, hashlib.sha256(render(pages, name, LABEL, 150)).hexdigest())
"""
HOSTILE = """\
backend: ps
text.usetex: True
font.family: serif
savefig.dpi: 33
figure.facecolor: red
lines.linewidth: 9
path.snap: True
pdf.fonttype: 3
pdf.compression: 0
ps.useafm: True
text.antialiased: False
savefig.bbox: tight
savefig.pad_inches: 2
"""


def test_the_same_bytes_whatever_surrounds_the_process(tmp_path):
    pages = [everything(), page(*TEXTS.values())]
    here = [f"{f} {hashlib.sha256(render(pages, f, LABEL, 150)).hexdigest()}" for f in FORMATS]
    again = [f"{f} {hashlib.sha256(render(pages, f, LABEL, 150)).hexdigest()}" for f in FORMATS]
    assert here == again
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    surroundings = [
        {"TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "America/New_York", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "77",
         "MPLCONFIGDIR": str(tmp_path), "HOME": str(tmp_path / "missing"),
         "OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4", "SOURCE_DATE_EPOCH": "1"},
    ]  # fmt: skip
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    for surrounding in surroundings:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(PACKAGE), str(Path(__file__).parent)],
            env=kept | {"HOME": str(tmp_path), "OMP_NUM_THREADS": "1"} | surrounding,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split("\n")[:-1] == here, surrounding
