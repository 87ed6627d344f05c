"""No text of a review can do harm, or lose its meaning, in anything that a run writes."""

import ast
import csv
import html
import json
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hostile_review import (
    ARABIC,
    BY_FORMULA,
    CHINESE,
    COMMAND,
    DEVANAGARI,
    EMOJI,
    HEBREW,
    LONG,
    SCRIPT,
    TEXTS,
    TURNED,
    UNBROKEN,
    write_review,
)
from hypothesis import given
from hypothesis import strategies as st
from whole_run import make_results

from metamill import results
from metamill.analysis import analyse
from metamill.cli import main
from metamill.config.settings import Display, Model, Outcome, Plan
from metamill.figures import STYLES
from metamill.figures.catalogue import OUTCOME_FIGURES
from metamill.figures.page.render import FORMATS
from metamill.figures.page.text import clean
from metamill.files import csv_text, inert, json_text, plain_cell
from metamill.jobs import plan
from metamill.tables.reader import Findings, TableRow, read_table
from metamill.tables.selection import Selection
from metamill.wording import NumberFormat, number_text, p_text, significant_text

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "workflow/metamill"
SVG = "{http://www.w3.org/2000/svg}"
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20\t\r")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?")
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "review"
    make_results(write_review(folder))
    return folder


@pytest.fixture(scope="module")
def outputs(review: Path) -> list[Path]:
    return sorted(path for path in (review / "results").rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def page(review: Path) -> str:
    return (review / "results/report.html").read_text(encoding="utf-8")


def of_kind(outputs: list[Path], ending: str) -> list[Path]:
    found = [path for path in outputs if path.name.endswith(ending)]
    assert found, ending
    return found


def cells(path: Path) -> list[list[str]]:
    with open(path, encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle, strict=True))


def drawn_text(path: Path) -> list[str]:
    """Every text of an svg, whose characters are those of the page."""
    return ["".join(text.itertext()) for text in ElementTree.parse(path).iter(f"{SVG}text")]


def as_read(text: str) -> str:
    """A text as the reader takes it from a cell."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.fault("O1")
def test_no_cell_of_any_table_begins_a_formula(outputs: list[Path]) -> None:
    for path in of_kind(outputs, ".csv"):
        rows = cells(path)
        assert {len(row) for row in rows} == {len(rows[0])}, path
        for cell in (cell for row in rows for cell in row):
            parts = [cell, *(part.lstrip(" ") for part in cell.split(";")[1:])]
            for part in parts:
                assert not part.startswith(FORMULA) or NUMBER.fullmatch(cell), (path, cell)


@pytest.mark.fault("O1")
def test_numbers_are_not_made_text() -> None:
    text = csv_text(("a", "b", "c"), [{"a": -1.5, "b": -2, "c": "-1.5"}])
    assert text == "a,b,c\n-1.5,-2,'-1.5\n"


@pytest.mark.fault("O1")
def test_a_column_of_a_review_begins_no_formula_either() -> None:
    assert csv_text((BY_FORMULA,), []) == f"'{BY_FORMULA}\n"


CELLS = st.text(st.sampled_from("=+-@\uff1d'; ,\"\nab1\u00e9") | st.characters(codec="utf-8"))


@pytest.mark.fault("O25")
@given(CELLS)
def test_an_inert_text_comes_back_as_it_was(text: str) -> None:
    assert plain_cell(inert(text)) == text
    assert not inert(text).startswith(FORMULA[:-2])
    assert not re.search(r"; ?[=+\-@]", inert(text))


@pytest.mark.fault("O25")
def test_our_reader_reads_our_tables_and_every_study_is_called_as_before(review: Path) -> None:
    for outcome in ("trials", "share", "change"):
        findings = Findings()
        path = review / "results" / outcome / "effects.csv"
        table = read_table(path, path.name, findings)
        assert table is not None and findings.problems == []
        result = results.read(path.with_name("result.json"))
        told = [(plain_cell(r.cells["study"]), plain_cell(r.cells["label"])) for r in table.rows]
        assert told == [(row.study, row.label) for row in result.rows]
        assert {row.label for row in result.rows} <= {as_read(text) for text in TEXTS}
        assert [row.cells["yi"] for row in table.rows if row.cells["used"] == "yes"] == [
            f"{effect.yi:.10g}" for effect in result.primary.effects
        ]


@pytest.mark.fault("O2")
def test_nothing_writes_html_but_the_template() -> None:
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"to_html|Styler|to_latex|to_markdown|Markup", source), path
    template = (PACKAGE / "reporting/templates/report.html.j2").read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe\b|autoescape|<script|\bon\w+=", template)


class Document(HTMLParser):
    """The tags, attributes and text of a page; raises where a tag is not closed in its order."""

    void = frozenset({"meta", "img", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.comments: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    unknown_decl = handle_comment


TAGS = set(
    "html head meta title style body header main nav ol h1 h2 h3 p div table caption thead tbody "
    "tr th td a details summary ul li figure img figcaption small code pre section".split()
)
ATTRIBUTES = set(
    "lang charset http-equiv content name class id href src alt loading colspan open scope".split()
)


@pytest.mark.fault("O2")
@pytest.mark.fault("O3")
def test_the_report_has_the_tags_of_its_template_alone(page: str) -> None:
    document = Document(page)
    assert document.tags <= TAGS
    assert {name for _, name, _ in document.attributes} <= ATTRIBUTES
    assert document.comments == []
    policy = [value for _, name, value in document.attributes if name == "content"]
    assert any("default-src 'none'" in value and "script" not in value for value in policy)


@pytest.mark.fault("O2")
@pytest.mark.fault("O3")
def test_the_report_says_every_text_as_it_was_written(page: str) -> None:
    said = squeezed("".join(Document(page).words))
    for text in TEXTS:
        assert squeezed(TURNING.sub("", as_read(text))) in said, text
    assert "49" not in re.findall(r"7\*7[^<]{0,8}", page)[0]


@pytest.mark.fault("O6")
def test_the_report_links_to_itself_and_holds_its_pictures(page: str) -> None:
    targets = [v for _, name, v in Document(page).attributes if name in ("href", "src")]
    assert targets
    assert all(re.fullmatch(r"#[a-z0-9_-]+|data:image/svg\+xml;base64,\S+", v) for v in targets)


@pytest.mark.fault("O4")
@pytest.mark.fault("O6")
def test_an_svg_is_xml_of_shapes_and_texts_and_nothing_else(outputs: list[Path]) -> None:
    drawn = {f"{SVG}{name}" for name in "svg title desc metadata rect g text line polyline".split()}
    drawn |= {f"{SVG}{name}" for name in ("polygon", "circle")}
    for path in of_kind(outputs, ".svg"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<!|<\?(?!xml version)|xlink|href|<script", text), path
        for element in ElementTree.fromstring(text.encode()).iter():
            assert element.tag in drawn, path
            assert not any(name.startswith("on") for name in element.attrib), path


@pytest.mark.fault("O4")
@pytest.mark.fault("O9")
@pytest.mark.fault("O10")
@pytest.mark.fault("O11")
def test_every_label_stands_in_its_forest_plot_letter_by_letter(review: Path) -> None:
    for outcome in ("trials", "share", "change"):
        folder = review / "results" / outcome
        said = squeezed("".join(drawn_text(folder / "forest.svg")))
        for row in results.read(folder / "result.json").rows:
            label = squeezed(TURNING.sub("", row.label))
            short = label if len(label) < 100 else label[:20]
            assert short in said, row.label


@pytest.mark.fault("O9")
@pytest.mark.fault("O10")
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_the_pdf_of_a_forest_plot_has_the_same_words(review: Path, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    shutil.copy(review / "results/trials/result.json", path)
    step = ["draw", "--result", str(path), "--display", plan(review).display("trials")]
    assert main([*step, "--figures", "forest", "--formats", "pdf", "--code", "none"]) == 0
    path = tmp_path / "forest.pdf"
    said = subprocess.run(
        ["pdftotext", "-raw", str(path), "-"], capture_output=True, text=True, check=True
    ).stdout
    for text in (COMMAND, "$x_$ and $5 vs $6", "\\input{/etc/passwd}", "{{ 7*7 }}", SCRIPT, "001"):
        assert squeezed(text) in squeezed(said), text


@pytest.mark.fault("O5")
@pytest.mark.parametrize("character", ["\x00", "\x08", "\x1b", "\x85", "\ufffe"])
def test_what_no_svg_may_hold_stops_before_any_output(
    tmp_path: Path, character: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_review(tmp_path / "review", few=True)
    table = folder / "extracted/trials.csv"
    text = table.read_text(encoding="utf-8").replace("leading", f"lea{character}ding", 1)
    table.write_text(text, encoding="utf-8", newline="")
    assert main(["check", str(folder)]) == 3
    said = capsys.readouterr().err
    assert f"U+{ord(character):04X}" in said and "trials.csv, line" in said
    assert not (folder / "results").exists()


@pytest.mark.fault("O5")
@given(st.text())
def test_no_text_makes_a_figure_that_is_no_xml(text: str) -> None:
    root = ElementTree.fromstring(f"<t>{html.escape(clean(text))}</t>".encode())
    assert root.text is None or "\n" not in root.text
    assert not TURNING.search(clean(text))


@pytest.mark.fault("O7")
@pytest.mark.fault("O8")
def test_no_markdown_and_no_latex_is_written(outputs: list[Path]) -> None:
    kinds = {path.suffix for path in outputs}
    assert kinds == {".csv", ".html", ".json", ".svg", ".txt", ".yaml"}


@pytest.mark.fault("O12")
def test_signs_without_a_font_are_told_and_chinese_has_one(
    review: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = review / "results/trials"
    jobs = plan(review)
    step = ["draw", "--result", str(folder / "result.json"), "--display", jobs.display("trials")]
    main([*step, "--figures", "forest", "--formats", "svg", "--code", "none"])
    told = capsys.readouterr().err
    assert "the fonts of the figures lack" in told
    assert set("शर्मा") - {" "} <= set(told)
    assert not set(CHINESE + EMOJI + ARABIC + HEBREW) & set(told.partition("lack")[2].strip())
    said = drawn_text(folder / "forest.svg")
    for text in (CHINESE, EMOJI, DEVANAGARI):
        assert text in said


@pytest.mark.fault("O13")
def test_arabic_and_hebrew_names_are_texts_of_their_own(review: Path) -> None:
    said = drawn_text(review / "results/trials/forest.svg")
    assert ARABIC in said and HEBREW in said
    page = (review / "results/report.html").read_text(encoding="utf-8")
    for name in (ARABIC, HEBREW):
        assert f'<td class="keep">{name}</td>' in page


@pytest.mark.fault("O13")
def test_no_mark_of_a_name_turns_the_numbers_beside_it(outputs: list[Path], page: str) -> None:
    shown = [path for kind in (".svg", ".txt") for path in of_kind(outputs, kind)]
    for path in shown:
        assert not TURNING.search(path.read_text(encoding="utf-8")), path
    assert not TURNING.search(page) and not re.search("&#(8234|8238|8295|x202e);", page)
    assert TURNING.sub("", TURNED) in html.unescape(page)


@pytest.mark.fault("O14")
def test_everything_but_the_list_of_what_was_read_is_in_composed_form(outputs: list[Path]) -> None:
    for path in outputs:
        if path.suffix in (".svg", ".txt", ".csv", ".json") and path.name != "audit.csv":
            text = path.read_text(encoding="utf-8")
            assert unicodedata.is_normalized("NFC", text), path


@pytest.mark.fault("O15")
@pytest.mark.fault("O19")
@pytest.mark.parametrize("outcome", ["trials", "share", "change"])
def test_nothing_leaves_the_page_and_every_study_is_drawn(review: Path, outcome: str) -> None:
    jobs = plan(review)
    result = results.read(review / "results" / outcome / "result.json")
    display = jobs.review.displays[outcome]
    for name in jobs.figures(outcome):
        drawn = OUTCOME_FIGURES[name](result, display, STYLES[display.style])
        for page in drawn.pages:
            for item in page.items:
                left, top, right, bottom = item.box
                inside = left >= -0.05 and top >= -0.05
                inside &= right <= page.width_mm + 0.05 and bottom <= page.height_mm + 0.05
                assert inside, (name, item)
        if name == "forest":
            squares = [item for page in drawn.pages for item in page.with_role("square")]
            assert len(squares) == len(result.primary.effects)


@pytest.mark.fault("O15")
def test_a_name_of_two_hundred_letters_is_cut_with_an_ellipsis(review: Path) -> None:
    said = drawn_text(review / "results/trials/forest.svg")
    assert any(text.startswith(UNBROKEN[:10]) for text in said)
    assert sum(text.endswith("…") for text in said) >= 2
    assert max(map(len, said)) < 150
    page = (review / "results/report.html").read_text(encoding="utf-8")
    assert UNBROKEN in page and as_read(LONG) in page


@pytest.mark.fault("O16")
def test_line_breaks_and_tabs_are_single_spaces(outputs: list[Path], review: Path) -> None:
    assert "two lines" in drawn_text(review / "results/trials/forest.svg")
    for path in of_kind(outputs, ".svg"):
        assert not any(re.search(r"[\t\r\n]", text) for text in drawn_text(path))
    for path in of_kind(outputs, ".csv"):
        assert not any(re.search(r"[\t\r\n]", cell) for row in cells(path) for cell in row)


def shares(events: list[int], label: str = "Smith 2020", **outcome: object) -> results.Result:
    rows = tuple(
        TableRow(
            i + 2,
            {"study": f"S{i}", "label": label, "events": str(x), "total": "40"}
            | {"setting": ("_cement", "__none")[i % 2]},
        )
        for i, x in enumerate(events)
    )
    model = Model("PLO", "DL", "z")
    named = Outcome("o", "t.csv", {}, (Plan("primary", model),), leave_one_out=False, **outcome)
    return analyse(named, Selection("extracted/t.csv", rows, ()))


@pytest.mark.fault("O11")
def test_a_level_that_begins_with_an_underscore_is_in_legend_and_headings() -> None:
    result = shares([2, 9, 4, 6, 3, 8, 5, 7, 1, 4, 6, 2], subgroups=("setting",))
    funnel = OUTCOME_FIGURES["funnel"](result, Display("T"), STYLES["default"])
    legend = {text.text for page in funnel.pages for text in page.texts if text.role == "legend"}
    assert {"cement", "none"} <= {text.casefold() for text in legend}
    forest = OUTCOME_FIGURES["forest"](result, Display("T"), STYLES["default"])
    labels = [text.text.casefold() for page in forest.pages for text in page.texts]
    assert any("= cement" in text or text == "cement" for text in labels), labels


@pytest.mark.fault("O17")
def test_five_thousand_studies_are_drawn_on_pages_and_none_is_lost() -> None:
    result = shares([i % 7 for i in range(5000)])
    named = OUTCOME_FIGURES["forest"](
        result, Display("Many", caterpillar_above=5000), STYLES["default"]
    )
    assert sum(len(page.with_role("square")) for page in named.pages) == 5000
    assert len(named.pages) > 50 and max(page.height_mm for page in named.pages) < 300
    unnamed = OUTCOME_FIGURES["forest"](result, Display("Many"), STYLES["default"])
    assert sum(len(page.with_role("study")) for page in unnamed.pages) == 5000
    assert len(named.table.splitlines()) > 5000


@pytest.mark.fault("O19")
def test_studies_of_one_name_are_drawn_as_two() -> None:
    drawn = OUTCOME_FIGURES["forest"](shares([2, 9]), Display("Two"), STYLES["default"])
    labels = [item for page in drawn.pages for item in page.texts if item.text == "Smith 2020"]
    assert len(labels) == 2 and labels[0].y != labels[1].y


@pytest.mark.fault("O21")
@pytest.mark.parametrize("cell", ["1e308", "1e309", "-1e101", "inf", "nan", "1e-320"])
def test_no_number_reaches_a_figure_that_overflows(
    tmp_path: Path, cell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "extracted").mkdir()
    config = "review: {title: T}\noutcomes: {a: {title: A, table: a.csv, measure: GEN}}\n"
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "extracted/a.csv").write_text(f"study,yi,vi\nA,{cell},1\nB,1,1\n")
    assert main(["check", str(tmp_path)]) == 3
    assert "a.csv, line 2, column 'yi'" in capsys.readouterr().err


@pytest.mark.fault("O22")
def test_no_output_shows_minus_zero_or_a_p_value_of_zero(outputs: list[Path], page: str) -> None:
    shown = " ".join(Document(page).words)
    shown += " ".join(text for path in of_kind(outputs, ".svg") for text in drawn_text(path))
    shown += " ".join(path.read_text(encoding="utf-8") for path in of_kind(outputs, ".txt"))
    shown += " ".join(
        cell for path in of_kind(outputs, ".csv") for row in cells(path) for cell in row
    )
    assert not re.search(r"(?<![\d.\w])[-\N{MINUS SIGN}]0(\.0+)?(?![\d.\w%])", shown)
    assert not re.search(r"[pP]\s[=<]\s0?\.0+(?!\d)|[pP]\s=\s1\.0", shown)


@pytest.mark.fault("O22")
def test_zero_has_no_sign_in_words_tables_and_json() -> None:
    assert number_text(-0.0004, 2) == "0.00"
    assert NumberFormat(1).text(-0.0) == "0.0"
    assert significant_text(-0.0) == "0"
    assert csv_text(("x",), [{"x": -0.0}]) == "x\n0\n"
    assert "-0" not in json_text({"x": -0.0})
    assert p_text(1e-300) == p_text(0.0) == "p < 0.001"


@pytest.mark.fault("O23")
def test_halves_are_rounded_to_even_in_decimal_as_documented() -> None:
    assert [number_text(x, 2) for x in (2.675, 2.665, 1.005, 0.125)] == [
        *("2.68", "2.66", "1.00", "0.12"),
    ]
    assert number_text(0.25, 1) == "0.2" and number_text(0.0025, 1, 100) == "0.2"
    documented = (REPOSITORY / "docs/figures/files.md").read_text(encoding="utf-8")
    assert "half to even" in " ".join(documented.split())
    assert "2.675" in documented and number_text(2.675, 2) in documented


@pytest.mark.fault("O24")
def test_tables_hold_ten_significant_digits_and_results_twelve(outputs: list[Path]) -> None:
    def digits(text: str) -> int:
        return len(re.sub(r"e.*|[-+.]", "", text).lstrip("0"))

    decimals = []
    for path in of_kind(outputs, ".csv"):
        if path.name != "crosscheck.csv":
            found = [c for row in cells(path) for c in row if NUMBER.fullmatch(c) and "." in c]
            assert all(digits(cell) <= 10 for cell in found), path
            decimals += found
    assert len(decimals) > 1000
    for path in of_kind(outputs, ".json"):
        found = re.findall(r"[:\s](-?\d+\.\d+(?:e[-+]\d+)?)[,\n]", path.read_text(encoding="utf-8"))
        assert all(digits(number) <= 12 for number in found), path


@pytest.mark.fault("O26")
def test_names_of_files_are_the_same_on_every_system(outputs: list[Path], review: Path) -> None:
    names = [path.relative_to(review).as_posix() for path in outputs]
    assert len({name.casefold() for name in names}) == len(names)
    reserved = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
    for name in names:
        for part in name.split("/"):
            assert re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,80}", part) and not part.endswith(".")
            assert not reserved.fullmatch(part)


@pytest.mark.fault("O27")
def test_every_figure_has_its_words_for_who_cannot_see_it(outputs: list[Path], page: str) -> None:
    for path in of_kind(outputs, ".svg"):
        told = path.with_suffix(".txt").read_text(encoding="utf-8").strip()
        caption = path.with_suffix(".caption.txt").read_text(encoding="utf-8").strip()
        root = ElementTree.parse(path).getroot()
        assert root.get("role") == "img" and len(told) > 20 and len(caption) > 20
        assert root.findtext(f"{SVG}title") and root.findtext(f"{SVG}desc") == told
    alt = [value for tag, name, value in Document(page).attributes if (tag, name) == ("img", "alt")]
    assert alt and all(len(value) > 20 for value in alt)


def numbers_in(value: object) -> set[float]:
    """Every number of plain data, those inside its texts included."""
    if isinstance(value, dict):
        return {x for pair in value.items() for item in pair for x in numbers_in(item)}
    if isinstance(value, list | tuple | set):
        return {x for item in value for x in numbers_in(item)}
    if isinstance(value, str):
        return {float(x) for x in re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", value)}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {float(value)}
    return set()


CONSTANTS = {0.0, 0.001, 0.05, 0.999, 1.0, 5.0, 95.0, 100.0}
"""Levels and cut-offs that sentences name: p < 0.001, k < 5, 95% CI, <1%."""


def known_numbers(review: Path) -> set[float]:
    """The numbers of all results, in per cent, as squares' roots and as complements of a chance."""
    known: set[float] = set(CONSTANTS)
    for path in (review / "results").rglob("*.json"):
        known |= numbers_in(json.loads(path.read_text(encoding="utf-8")))
    for name in ("config.yaml", "extracted/flow.yaml"):
        known |= numbers_in((review / name).read_text(encoding="utf-8"))
    for name in ("audit.csv", "crosscheck.csv"):
        known |= numbers_in(cells(review / "results" / name))
    for path in (review / "results").rglob("result.json"):
        raw = json.loads(path.read_text(encoding="utf-8"))
        known |= {1 - item["above"] for a in raw["analyses"] for item in a["pooled"]["beyond"]}
        known |= set(map(float, range(len(raw["rows"]) + 1)))
        known.add(float(len(raw["not_reported"])))
    checks = cells(review / "results/crosscheck.csv")
    engine, outcome = (checks[0].index(name) for name in ("engine", "outcome"))
    for counted in (
        Counter(row[engine] for row in checks),
        Counter((row[engine], row[outcome]) for row in checks),
    ):
        known |= set(map(float, counted.values()))
    known = {abs(x) for x in known}
    known |= {x**0.5 for x in known}
    return known | {100 * x for x in known if x <= 1}


def printed_numbers(words: str) -> list[str]:
    plain = words.replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", " ")
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", plain)
    return re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)", plain)


def unknown_numbers(page: str, known: set[float]) -> list[str]:
    lost = []
    for words in Document(re.sub(r"(?s)<style>.*?</style>", "", page)).words:
        for number in printed_numbers(words):
            half = 0.5 * 10.0 ** -len(number.partition(".")[2]) * (1 + 1e-9)
            if not any(abs(float(number) - x) <= half for x in known):
                lost.append(f"{number} in {words.strip()[:80]!r}")
    return lost


@pytest.mark.fault("O28")
def test_every_number_of_the_report_is_in_a_result(review: Path, page: str) -> None:
    assert unknown_numbers(page, known_numbers(review)) == []


@pytest.mark.fault("O28")
def test_a_number_of_the_report_that_is_in_no_result_is_found(review: Path, page: str) -> None:
    pooled = results.read(review / "results/trials/result.json").primary.pooled
    shown = NumberFormat(2, positive=True).text(pooled.estimate)
    assert shown in page
    wrong = page.replace(shown, "0.77771234567")
    assert unknown_numbers(wrong, known_numbers(review))


@pytest.mark.fault("O29")
def test_no_output_holds_a_place_of_the_machine(outputs: list[Path], review: Path) -> None:
    places = [str(review), str(review.parent), str(Path.home()) + "/", str(REPOSITORY), sys.prefix]
    places.append("pytest-of-")
    for path in outputs:
        content = path.read_bytes()
        for place in places:
            assert place.encode() not in content, (path, place)


@pytest.mark.slow
@pytest.mark.fault("O1")
@pytest.mark.fault("O29")
def test_a_run_through_the_shell_gives_the_same_bytes_and_says_no_name(tmp_path: Path) -> None:
    """Texts pass through Snakemake and bash; the user and the home are made up.

    Nothing of either is in the results or in the logs.
    """
    inside = write_review(tmp_path / "inside", FORMATS, few=True)
    outside = write_review(tmp_path / "outside", FORMATS, few=True)
    make_results(inside)
    home = tmp_path / "home_of_jdoe"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SNAKEMAKE")}
    environment |= {"PYTHONPATH": str(PACKAGE.parent), "HOME": str(home), "USER": "jdoe-the-user"}
    environment |= {"LOGNAME": "jdoe-the-user"}
    done = subprocess.run(
        [sys.executable, "-m", "metamill", "run", str(outside)],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (outside / "ran").exists() and not (tmp_path / "ran").exists()
    made = sorted(path for path in (inside / "results").rglob("*") if path.is_file())
    for path in made:
        if path.name != "manifest.json":
            there = outside / path.relative_to(inside)
            assert there.read_bytes() == path.read_bytes(), path.name
    for path in (path for path in (outside / "results").rglob("*") if path.is_file()):
        for name in (str(tmp_path), "jdoe", str(REPOSITORY)):
            assert name.encode() not in path.read_bytes(), (path, name)


@pytest.mark.fault("O1")
def test_every_text_of_a_result_passes_through_the_one_writer_of_tables() -> None:
    """No module joins commas itself, but the readers and the one page that says why not."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if path.name != "files.py":
            assert not names & {"DictWriter", "to_csv"}, path
            source = path.read_text(encoding="utf-8")
            assert "csv.writer(" not in source, path
