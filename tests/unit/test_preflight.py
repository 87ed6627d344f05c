"""Pre-flight: every way in which a figure falls short of a journal is found, and no other.

Canvases and reviews are made up.
"""

import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from made_up_review import pool, write_review

from metamill import review_result
from metamill.cli import main
from metamill.config.figures import FORMATS
from metamill.config.journals import JOURNALS, Journal
from metamill.config.load import schema
from metamill.config.settings import Display
from metamill.figures.catalogue import OUTCOME_FIGURES
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Canvas, Circle, Line, Polygon, Text
from metamill.figures.page.preflight import preflight
from metamill.figures.page.render import render
from metamill.figures.style import STYLES, fitted
from metamill.jobs import plan

DOCS = Path(__file__).resolve().parents[2] / "docs" / "figures" / "journals.md"
CATALOGUE = "metamill.commands.preflight.OUTCOME_FIGURES"
RENDER, PREFLIGHT = (f"metamill.commands.preflight.{name}" for name in ("render", "preflight"))
PATHS = {"PYTHONPATH": os.pathsep.join(sys.path)}
ASKED = Journal(
    90, 100, 7, 0.5, 300, ("pdf", "eps", "tiff", "png"), "made up", narrowest_mm=50, megabytes=1
)
ONLY_FOREST = "figures: {{draw: [forest]{}}}\n"
ORANGE, BLUE, SKY = "#e69f00", "#0072b2", "#56b4e9"


def canvas(*items, width=90.0, height=60.0) -> Canvas:
    fine = (
        Text(5, 10, "Study", 7, role="label"),
        Line(5, 20, 60, 20, 0.5, role="rule"),
        Circle(30, 30, 2, ORANGE, "#000000", 0.5, role="study"),
    )
    return Canvas(width, height, [*fine, *items])


def found(*pages: Canvas, journal: Journal = ASKED, formats=(), dpi=300, grey=False):
    files = {name: render(pages, name, dpi=dpi, grey=grey) for name in formats}
    return {finding.what: finding.words for finding in preflight(pages, files, journal)}


def test_a_figure_within_all_limits_passes():
    assert not found(canvas(), formats=ASKED.formats)


@pytest.mark.parametrize(
    ("page", "what", "words"),
    [
        (canvas(width=90.2), "width", "90.2 mm wide, at most 90 mm fit"),
        (canvas(width=49), "width", "49 mm wide, at least 50 mm are asked"),
        (canvas(height=100.1), "height", "100.1 mm high, at most 100 mm fit"),
        (canvas(Text(5, 40, "Small", 6.5, role="note")), "text",
         "text of 6.5 pt (note: 'Small'), at least 7 pt are asked"),
        (canvas(Line(5, 40, 9, 40, 0.4, role="tick")), "line",
         "a line of 0.4 pt (tick), at least 0.5 pt are asked"),
        (canvas(Circle(9, 40, 1, None, "#000000", 0.25, role="study")), "line",
         "a line of 0.25 pt (study), at least 0.5 pt are asked"),
        (canvas(Text(5, 40, "\U0001f984", 7)), "glyphs",
         "no font for \U0001f984: boxes are drawn in their place"),
    ],
)  # fmt: skip
def test_each_shortcoming_of_a_page_is_found_alone(page, what, words):
    assert found(page) == {what: words}


@pytest.mark.parametrize("size", [6.9999, 7.0, 7.1])
def test_the_limit_itself_passes(size):
    assert bool(found(canvas(Text(5, 40, "Text", size)))) == (size < 7)


def test_a_shape_without_an_edge_has_no_line():
    assert not found(canvas(Polygon(((1, 40), (2, 41), (3, 40)), ORANGE, None, 0.0)))


def test_the_smallest_text_of_each_role_is_named():
    texts = [Text(5, 40 + i, f"size {s}", s, role="note") for i, s in enumerate((6, 4, 5))]
    said = preflight([canvas(*texts, Text(50, 40, "other", 6.5, role="axis"))], {}, ASKED)
    assert [finding.words.split(",")[0] for finding in said] == [
        "text of 4 pt (note: 'size 4')",
        "text of 6.5 pt (axis: 'other')",
    ]


@pytest.mark.parametrize("file_format", ["png", "tiff"])
@pytest.mark.parametrize("width", [84.0, 90.0])
def test_resolution_is_that_of_the_file_at_final_size(file_format, width):
    page = canvas(width=width)
    assert not found(page, formats=(file_format,), dpi=300)
    words = found(page, formats=(file_format,), dpi=200)["resolution"]
    assert words == f"{file_format} of 200 dpi, at least 300 dpi are asked"
    relaxed = replace(ASKED, dpi=600, least_dpi=150)
    assert not found(page, journal=relaxed, formats=(file_format,), dpi=200)


def test_formats_that_are_not_accepted_are_found():
    only = replace(ASKED, formats=("tiff", "eps"))
    assert found(canvas(), journal=only, formats=("pdf",)) == {
        "format": "pdf is not accepted, tiff, eps are"
    }
    assert not found(canvas(), journal=only, formats=("tiff", "eps"))


def test_files_that_are_too_large_are_found():
    small = replace(ASKED, megabytes=0.001)
    assert "at most 0.001 MB are taken" in found(canvas(), journal=small, formats=("pdf",))["size"]


@pytest.mark.parametrize("file_format", ["pdf", "eps"])
def test_fonts_that_are_not_embedded_are_found(file_format):
    content = render([canvas()], file_format)
    assert not preflight([canvas()], {file_format: content}, ASKED)
    held = {"pdf": (b"/FontFile2", b"/Nothing"), "eps": (b"/FontName /Metamill", b"/FontName /X")}
    without = content.replace(*held[file_format])
    (finding,) = preflight([canvas()], {file_format: without}, ASKED)
    assert finding.what == "fonts" and "MetamillSans" in finding.words


def test_a_font_of_the_reader_is_not_embedded():
    page, entry = (
        canvas(),
        b"9 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj",
    )
    (finding,) = preflight([page], {"pdf": render([page], "pdf") + entry}, ASKED)
    assert finding.words == "pdf without the font Helvetica"


def test_several_pages_are_found_where_one_is_asked_or_where_there_are_no_pages():
    one = replace(ASKED, pages=False)
    assert found(canvas(), canvas(), journal=one) == {
        "pages": "2 pages, and a figure has to be one page"
    }
    assert not found(canvas(), canvas(), formats=("pdf", "tiff"))
    assert found(canvas(), canvas(), formats=("pdf", "eps")) == {
        "height": "eps: 2 pages under each other are 126.0 mm high, at most 100 mm fit"
    }


@pytest.mark.parametrize("file_format", ["pdf", "eps", "tiff", "png"])
def test_colour_is_found_where_grey_is_asked(file_format):
    grey = replace(ASKED, grey=True)
    words = found(canvas(), journal=grey, formats=(file_format,))["colour"]
    assert words == f"{file_format} is in colour, grey is asked"
    assert not found(canvas(), journal=grey, formats=(file_format,), grey=True)


def test_colours_that_fall_together_in_grey_are_found_where_they_carry_meaning():
    grey = replace(ASKED, grey=True)
    triangle = ((1, 40), (2, 42), (3, 40))

    def said(*items):
        return found(canvas(*items), journal=grey)

    same = "#d55e00"
    assert said(Circle(40, 30, 2, SKY, role="study")) == {
        "grey": f"{ORANGE} and {SKY} (study) are nearly the same grey"
    }
    assert not said(Circle(40, 30, 2, BLUE, role="study"))
    assert not said(Circle(40, 30, 2, SKY, role="mean")), "another role"
    assert not said(Polygon(triangle, SKY, role="study")), "another shape"
    assert not said(Circle(40, 30, 2, ORANGE, role="study")), "the same colour"
    assert said(Polygon(triangle, same, role="a"), Polygon(triangle, "#7c7c7c", role="a"))
    assert not found(canvas(Circle(40, 30, 2, SKY, role="study"))), "colour is not refused"


@pytest.mark.parametrize("name", JOURNALS)
def test_presets_are_possible(name):
    journal = JOURNALS[name]
    assert 66 <= journal.width_mm <= 400 and 100 <= journal.height_mm <= 400
    assert (journal.narrowest_mm or 0) <= journal.width_mm <= (journal.widest_mm or 400)
    assert (journal.least_dpi or 0) <= journal.dpi <= 1200
    assert set(journal.formats) <= set(FORMATS) and journal.formats
    assert set(journal.read) <= {field.name for field in fields(Journal)} and journal.source


def test_the_schema_names_every_preset():
    figures = schema()["properties"]["figures"]["properties"]
    assert figures["journal"]["enum"] == list(JOURNALS)


@pytest.mark.parametrize("name", JOURNALS)
def test_a_fitted_style_has_no_text_and_no_line_below_the_journal(name):
    journal, display = JOURNALS[name], Display("T", journal=name)
    for style in STYLES.values():
        fit = fitted(style, display)
        assert min(fit.font_size, fit.mark_size) >= journal.text_pt
        assert min(fit.interval_width, fit.rule_width, fit.thin_width) >= journal.line_pt


def table_of_presets() -> str:
    """The table of docs/figures/journals.md; a number that was not read is in brackets."""
    rows = ["| journal | width mm | height mm | text pt | line pt | dpi | formats | other |",
            "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, journal in JOURNALS.items():
        others = {
            "narrowest_mm": (journal.narrowest_mm, "from {:g} mm"),
            "widest_mm": (journal.widest_mm, "up to {:g} mm"),
            "dpi": (journal.least_dpi, "at least {:g} dpi"),
            "megabytes": (journal.megabytes, "{:g} MB"),
            "pages": (None if journal.pages else 1, "one page"),
            "grey": (1 if journal.grey else None, "grey"),
        }
        bounds = [
            words.format(value) if key in (*journal.read, "grey") else f"({words.format(value)})"
            for key, (value, words) in others.items()
            if value is not None
        ]
        cells = {
            "width_mm": f"{journal.width_mm:g}",
            "height_mm": f"{journal.height_mm:g}",
            "text_pt": f"{journal.text_pt:g}",
            "line_pt": f"{journal.line_pt:g}",
            "dpi": f"{journal.dpi}",
            "formats": " ".join(journal.formats),
        }
        shown = [cell if key in journal.read else f"({cell})" for key, cell in cells.items()]
        rows.append(f"| `{name}` | {' | '.join(shown)} | {', '.join(bounds)} |")
    return "\n".join(rows)


def test_the_page_holds_the_presets():
    page = DOCS.read_text(encoding="utf-8")
    assert table_of_presets() in page, table_of_presets()
    for name in JOURNALS:
        assert len(re.findall(rf"^\| `{name}` \|", page, re.M)) == 1


@pytest.fixture
def review(tmp_path):
    folder = write_review(tmp_path / "review")
    pool(folder)
    review_result.write(plan(folder).whole(), folder / "results" / "review" / "review.json")
    return folder


def asked(capsys, *arguments) -> tuple[int, str, str]:
    code = main(["preflight", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_figures_that_pass_are_counted_and_named_only_where_asked(review, capsys, monkeypatch):
    monkeypatch.setattr(RENDER, lambda *_: b"")
    monkeypatch.setattr(PREFLIGHT, lambda *_: ())
    code, said, _ = asked(capsys, review, "--journal", "springer")
    assert code == 0 and re.fullmatch(r"springer:\n  (\d+) of \1 figures pass\.\n", said)
    _, said, _ = asked(capsys, review, "--journal", "springer", "--verbose")
    names = [*plan(review).figures("event"), *plan(review).review_figures()]
    assert re.findall(r"^  \w+/(\w+): passes$", said, re.M) == names


def test_the_command_asks_all_journals_without_one_in_the_configuration(
    review, capsys, monkeypatch
):
    def never(*_):
        raise AssertionError("no file is written for many journals")

    monkeypatch.setattr(RENDER, never)
    _, said, progress = asked(capsys, review)
    assert re.findall(r"^(\S+):$", said, re.M) == list(JOURNALS)
    assert len(re.findall(r"^  \d+ of \d+ figures pass\.$", said, re.M)) == len(JOURNALS)
    assert ": passes" not in said
    assert progress.count("checking ") == len(JOURNALS) and "plos (7 of 14)" in progress


def test_journals_with_equal_pages_texts_and_lines_share_a_drawing(review, capsys, monkeypatch):
    calls = []

    def counted(result, display, style):
        calls.append((display.width_mm, display.height_mm, style))
        return OUTCOME_FIGURES["forest"](result, display, style)

    monkeypatch.setattr(CATALOGUE, {**OUTCOME_FIGURES, "forest": counted})
    asked(capsys, review)
    assert len(calls) == len(set(calls)) < len(JOURNALS)


def test_the_figures_of_the_whole_review_are_checked(tmp_path, capsys, monkeypatch):
    folder = write_review(tmp_path / "review")
    pool(folder)
    (folder / "extracted" / "risk_of_bias.csv").write_text(
        "study,tool,domain,judgement,support,source,location\nAuthor 1 1990,RoB2,D1,low,a,b,c\n"
    )
    (folder / "extracted" / "flow.yaml").write_text("source: made up\nscreened: 5\n")
    code, _, wrong = asked(capsys, folder, "--journal", "bmc")
    assert code == 6 and "review.json" in wrong and "Run the review first" in wrong
    whole = plan(folder).whole()
    path = folder / "results" / "review" / "review.json"
    review_result.write(whole, path)
    monkeypatch.setattr(RENDER, lambda *_: b"")
    monkeypatch.setattr(PREFLIGHT, lambda *_: ())
    _, said, _ = asked(capsys, folder, "--journal", "bmc", "--verbose")
    found = re.findall(r"^  review/(\w+): passes$", said, re.M)
    assert found == ["flow", "risk_of_bias", "risk_of_bias_summary", "study_map"]
    assert not said.startswith("note:")
    old = replace(whole, digests=whole.digests | {"flow": "other"})
    review_result.write(old, path)
    _, said, _ = asked(capsys, folder, "--journal", "bmc")
    assert said.startswith("note: review is of other studies")


def test_a_shortcoming_of_a_figure_of_the_review_is_found(review, capsys, monkeypatch):
    small = Drawn((Canvas(170, 50, [Text(5, 10, "Small", 5, role="note")]),), "", "", "")
    monkeypatch.setattr("metamill.commands.preflight.review_figure", lambda *_: small)
    write_review(review, more="figures: {draw: [study_map]}\n")
    code, said, _ = asked(capsys, review, "--journal", "bmc")
    assert code == 4 and "review/study_map: text of 5 pt" in said


def test_a_figure_that_is_only_a_reason_is_not_counted_as_one(review, capsys, monkeypatch):
    def refused(result, display, style):
        return not_drawn("Forest plot: Event", "no row is pooled", display.width_mm, style)

    monkeypatch.setattr(CATALOGUE, {**OUTCOME_FIGURES, "forest": refused})
    monkeypatch.setattr(RENDER, lambda *_: b"")
    monkeypatch.setattr(PREFLIGHT, lambda *_: ())
    code, said, _ = asked(capsys, review, "--journal", "bmc")
    every = len(plan(review).figures("event")) + len(plan(review).review_figures())
    assert code == 0 and "  event/forest: not drawn: no row is pooled\n" in said
    assert f"  {every - 1} of {every - 1} figures pass; 1 not drawn.\n" in said
    assert "passes" not in said


def test_a_reader_who_has_enough_is_left_in_peace(review):
    start = "import sys; from metamill.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", start, "preflight", str(review)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | PATHS
    ) as process:
        process.stdout.close()
        wrong = process.stderr.read().decode()
    assert process.returncode == 141
    assert [line for line in wrong.splitlines() if not line.startswith("checking ")] == []


def test_the_journal_of_the_configuration_is_the_default(review, capsys):
    write_review(review, more="figures: {journal: plos}\n")
    code, said, _ = asked(capsys, review)
    assert code == 0 and re.findall(r"^(\S+):$", said, re.M) == ["plos"]
    _, said, _ = asked(capsys, review, "--all")
    assert re.findall(r"^(\S+):$", said, re.M) == list(JOURNALS)


def test_what_the_configuration_changes_of_its_journal_is_judged(review, capsys):
    write_review(review, more=ONLY_FOREST.format(", journal: plos, width_mm: 195, dpi: 200"))
    code, said, _ = asked(capsys, review)
    assert code == 4
    assert "event/forest: 195 mm wide, at most 190.5 mm fit" in said
    assert "event/forest: tiff of 200 dpi, at least 300 dpi are asked" in said


def test_formats_that_the_run_makes_are_judged(review, capsys):
    write_review(review, more=ONLY_FOREST.format(", journal: plos, formats: [pdf, png]"))
    code, said, _ = asked(capsys, review)
    assert code == 4 and "the run makes pdf, svg, png; the journal takes tiff, eps" in said


def test_a_figure_too_wide_for_a_column_is_a_finding_with_the_needed_width(
    review, capsys, monkeypatch
):
    def too_wide(result, display, style):
        raise ValueError(f"the forest plot of {result.outcome} needs 95 mm, not 84 mm")

    monkeypatch.setattr(CATALOGUE, {**OUTCOME_FIGURES, "forest": too_wide})
    monkeypatch.setattr(RENDER, lambda *_: b"")
    monkeypatch.setattr(PREFLIGHT, lambda *_: ())
    code, said, _ = asked(capsys, review, "--journal", "springer-single")
    assert code == 4 and "event/forest: the forest plot of event needs 95 mm, not 84 mm" in said
    every = len(plan(review).figures("event")) + len(plan(review).review_figures())
    assert f"  {every - 1} of {every} figures pass." in said


def test_without_results_it_says_what_to_do(tmp_path, capsys):
    folder = write_review(tmp_path / "review")
    code, _, wrong = asked(capsys, folder)
    assert code == 6 and "does not exist. Run the review first" in wrong
    (folder / "results" / "event").mkdir(parents=True)
    (folder / "results" / "event" / "result.json").write_text("{}")
    code, _, wrong = asked(capsys, folder)
    assert code == 6 and "another version" in wrong


def test_results_of_other_rows_are_said(review, capsys, monkeypatch):
    monkeypatch.setattr(RENDER, lambda *_: b"")
    monkeypatch.setattr(PREFLIGHT, lambda *_: ())
    write_review(review, k=7)
    _, said, _ = asked(capsys, review, "--journal", "bmc")
    assert said.startswith("note: event is of other rows than its table holds now")


def test_an_unknown_journal_is_refused(review):
    with pytest.raises(SystemExit):
        main(["preflight", str(review), "--journal", "nature"])
