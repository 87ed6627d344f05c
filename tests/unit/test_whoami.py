"""`metamill whoami`: a figure names the review, data and code it is from, and what changed since.

The review is made up.
"""

import shlex
import shutil

import pytest
from made_up_review import draw_forest, pool, write_review

from metamill.cli import main
from metamill.config.overrides import parse_overrides
from metamill.figures.page.canvas import Canvas
from metamill.figures.page.provenance import provenance
from metamill.figures.page.render import FORMATS, Label, render
from metamill.files import digest
from metamill.jobs import code_digest, plan

CHANGED = 6


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = write_review(tmp_path_factory.mktemp("finished"))
    pool(folder)
    draw_forest(folder, FORMATS)
    return folder


@pytest.fixture
def review(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "my review")


def asked(capsys, *arguments) -> tuple[int, str, str]:
    code = main(["whoami", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_fresh_figure_is_that_of_the_review(review, capsys, file_format):
    figure = review / "results" / "event" / f"forest.{file_format}"
    code, said, _ = asked(capsys, figure, "--review", review)
    assert code == 0
    assert f"{figure}: Forest plot (forest) of outcome event\n" in said
    for name in ("rows", "settings", "display", "code"):
        assert f"  {name} " in said
    assert said.count(": the same") == 4 and "still draws it so" in said
    assert "drawn with matplotlib " in said and ", metamill " in said


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_command_it_prints_makes_that_file(review, capsys, file_format):
    figure = review / "results" / "event" / f"forest.{file_format}"
    _, said, _ = asked(capsys, figure, "--review", review)
    (command,) = (line for line in said.splitlines() if line.startswith("To make it again: "))
    words = shlex.split(command.removeprefix("To make it again: "))
    assert words[:4] == ["metamill", "run", str(review), f"results/event/forest.{file_format}"]
    overrides = parse_overrides(words[5:]) if words[4:5] == ["--config"] else {}
    assert (file_format in ("tiff", "eps")) == bool(overrides)
    assert words[3] in plan(review, overrides).figure_files("event")


def edit(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("extracted/event.csv", "Author 1 1990,3,", "Author 1 1990,4,", "rows"),
        ("config.yaml", "measure: OR", "measure: RR", "settings"),
        ("config.yaml", "title: Event", "title: Other", "display"),
    ],
)
def test_what_changed_is_named(review, capsys, file, old, new, changed):
    edit(review / file, old, new)
    code, said, _ = asked(capsys, review / "results/event/forest.svg", "--review", review)
    assert code == CHANGED
    assert f"would draw it anew: {changed} changed" in said and said.count(": now ") == 1


def test_changed_code_is_named(review, capsys, monkeypatch):
    monkeypatch.setattr("metamill.commands.whoami.code_digest", lambda _: "0" * 16)
    code, said, _ = asked(capsys, review / "results/event/forest.png", "--review", review)
    assert code == CHANGED and f"now {'0' * 16} (the code that draws)" in said


def test_a_figure_of_the_whole_review_is_compared_with_it(review, tmp_path, capsys):
    jobs = plan(review)
    digests = {
        "review": jobs.whole().digest,
        "display": digest(jobs.look()),
        "code": code_digest("draw_review"),
    }
    label = Label(provenance=provenance("study_map", "", digests))
    figure = tmp_path / "study_map.pdf"
    figure.write_bytes(render([Canvas(50, 50)], "pdf", label))
    code, said, _ = asked(capsys, figure, "--review", review)
    assert code == 0 and said.count(": the same") == 3
    assert f"{figure}: Outcomes and follow-up, study by study (study_map) of the whole" in said
    made = f"{shlex.quote(str(review))} results/review/study_map.pdf"
    assert f"To make it again: metamill run {made}\n" in said
    write_review(review, k=7)
    code, said, _ = asked(capsys, figure, "--review", review)
    assert code == CHANGED and "would draw it anew: review changed" in said


def test_without_a_review_it_says_what_the_file_says(review, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said, _ = asked(capsys, review / "results/event/forest.pdf")
    assert code == 0
    assert "Not compared: no config.yaml here" in said and "To make it again" not in said
    assert plan(review).rows("event") in said


def test_the_review_of_the_current_folder_is_compared(review, capsys, monkeypatch):
    monkeypatch.chdir(review)
    code, said, _ = asked(capsys, "results/event/forest.pdf")
    assert code == 0
    assert "To make it again: metamill run . results/event/forest.pdf\n" in said


def test_an_outcome_that_is_gone_is_said(review, capsys):
    edit(review / "config.yaml", "  event:", "  other:")
    code, said, _ = asked(capsys, review / "results/event/forest.png", "--review", review)
    assert code == CHANGED and "has no outcome event" in said


@pytest.mark.parametrize("name", ["forest.csv", "forest.txt", "forest.caption.txt"])
def test_the_twins_of_a_figure_point_to_it(review, capsys, name):
    code, said, wrong = asked(capsys, review / "results" / "event" / name)
    assert code == 6 and not said
    assert "does not say where it is from" in wrong and "e.g. forest.pdf" in wrong


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"%PDF-1.4 nothing", b"\x89PNG\r\n\x1a\n"])
def test_other_files_are_refused_in_words(tmp_path, capsys, content):
    (tmp_path / "file.pdf").write_bytes(content)
    code, said, wrong = asked(capsys, tmp_path / "file.pdf")
    assert code == 6 and not said and "file.pdf" in wrong and "Traceback" not in wrong


def test_a_missing_file_or_review_is_refused_in_words(review, tmp_path, capsys):
    code, _, wrong = asked(capsys, tmp_path / "none.pdf")
    assert code == 6 and "none.pdf" in wrong
    code, _, wrong = asked(capsys, review / "results/event/forest.pdf", "--review", tmp_path / "no")
    assert code == 2 and "config.yaml" in wrong
