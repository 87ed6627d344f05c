"""Names, paths and free text of config.yaml: a name is no path, and no text is code or a template.

Every review goes through `metamill check`, in this process.
"""

import unicodedata
from pathlib import Path

import pytest
import yaml
from config_review import CONFIG, Review, event, named, tabled

from metamill.cli import main
from metamill.commands.settle import run_config
from metamill.config.load import read_review
from metamill.config.notices import notices
from metamill.config.overrides import parse_overrides
from metamill.jobs import plan


@pytest.fixture
def review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Review:
    return Review(tmp_path, capsys)


@pytest.mark.fault("K20")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            named("../../escaped"),
            "line 3, outcomes.../../escaped: '../../escaped': cannot stand here. Use lower-case",
        ),
        (
            tabled("../../a.csv"),
            "line 5, outcomes.event.table: '../../a.csv': cannot stand here. Name a .csv file that",
        ),
        (tabled("x/a.csv"), "'x/a.csv': cannot stand here"),
    ],
)
def test_no_name_and_no_table_leads_out_of_its_folder(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K21")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        *(
            (tabled(path), "without a folder. [bad-file-name]")
            for path in (
                *("/etc/passwd.csv", "~/a.csv", "$HOME/a.csv", "file:///a.csv", "C:a.csv"),
                *("https://example.org/a.csv", "'\\\\\\\\host\\a.csv'", "C:/a.csv", "..csv"),
            )
        ),
        *(
            (named(name), "Use lower-case letters, digits, - and _")
            for name in ("/abs", "'~'", "$HOME", "'C:'", "'\\\\host'", "'http://x'")
        ),
    ],
)
def test_a_table_or_name_is_no_path_variable_or_address(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K22")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        *(
            (named(name), "Use lower-case letters, digits, - and _")
            for name in (
                *("a b", '"a\'b"', "a;ls", "a$(ls)", "'`ls`'", "'a&b'", "'a*'", "'a?'", "'[a]'"),
                *('"a\\nb"', '"a\\n"', "-rf", "--help", "'a|b'", "'a>b'", "é", '"a\\u202eb"'),
            )
        ),
    ],
)
def test_signs_of_shells_and_spaces_are_refused_in_names_of_outcomes(
    review: Review, content: str, said: str
):
    assert said in review.refused(content)


@pytest.mark.fault("K23")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (named("'{x}'"), "outcomes.{x}: '{x}': cannot stand"),
        (named("'{0.__init__.__globals__}'"), "cannot stand here"),
    ],
)
def test_braces_are_refused_in_names_of_outcomes(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K24")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (named("x" * 300), "at most 64; the title may hold"),
        (named("x" * 65), "at most 64; the title may hold"),
        (CONFIG.replace("Event", "E" * 301), "is too long. Shorten it. [too-long]"),
    ],
)
def test_long_names_and_titles_are_refused(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K25")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (named("Event"), "'Event': cannot stand here"),
        (named("müller"), "'müller': cannot stand here"),
        (
            event("sensitivity:", "- {name: Müller, level: 90}", "- {name: MÜLLER, level: 80}"),
            "line 9, outcomes.event.sensitivity.1.name: 'MÜLLER': another sensitivity analysis of",
        ),
    ],
)
def test_names_that_differ_in_case_alone_are_refused(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K26")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        *(
            (
                named(name),
                f"line 3, outcomes.{name}: is reserved. Choose another name. [reserved-name]",
            )
            for name in ("con", "nul", "aux", "prn", "com1", "lpt9", "all", "pooled", "review")
        ),
        (named("."), "'.': cannot stand here"),
        (named(".."), "'..': cannot stand here"),
    ],
)
def test_names_that_folders_cannot_have_are_refused(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K28")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            event("moderators: [\"I(__import__('os').mkdir('ran') * events)\"]"),
            "line 7, outcomes.event.moderators.0: \"I(__import__('os').mkdir('ran') * events)\":",
        ),
        (event("moderators: [events + total]"), "no such column"),
        (event("cumulative: year ** 2"), "no such column"),
    ],
)
def test_a_formula_is_no_moderator(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K29")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            event("select: {\"@__import__('os').mkdir('ran')\": x}"),
            "extracted/a.csv has no such column.",
        ),
        (
            event('select: "events > 3"'),
            "line 7, outcomes.event.select: 'events > 3': must be a mapping of names to values.",
        ),
        (
            event('select: {events: "> 3"}'),
            "line 7, outcomes.event.select.events: '> 3': no row of extracted/a.csv has this.",
        ),
    ],
)
def test_an_expression_is_no_filter(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K31")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        *(
            (tabled(glob), "without a folder. [bad-file-name]")
            for glob in ("'*.csv'", "'?.csv'", "'[a-z].csv'", "'{a,b}.csv'")
        ),
        (
            tabled("b.csv"),
            "line 5, outcomes.event.table: 'b.csv': there is no such file in extracted/.",
        ),
    ],
)
def test_a_wildcard_is_no_table_and_a_close_name_is_offered(
    review: Review, content: str, said: str
):
    assert said in review.refused(content)


@pytest.mark.fault("K21")
@pytest.mark.parametrize("link", ["extracted/a.csv", "extracted", "config.yaml"])
def test_a_link_out_of_the_review_is_not_followed(review: Review, link: str):
    review.write(CONFIG)
    path, elsewhere = review.folder / link, review.outside / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert main(["check", str(review.folder)]) in (2, 3)
    assert "is a link and not a" in review.capsys.readouterr().err


@pytest.mark.fault("K25")
def test_names_of_analyses_in_two_unicode_forms_are_one_name(review: Review):
    composed, apart = (unicodedata.normalize(form, "Müller") for form in ("NFC", "NFD"))
    assert composed != apart
    lines = (f"- {{name: {composed}, level: 90}}", f"- {{name: {apart}, level: 80}}")
    assert "[duplicate-analysis]" in review.refused(event("sensitivity:", *lines))


@pytest.mark.fault("K22")
@pytest.mark.fault("K23")
@pytest.mark.fault("K27")
@pytest.mark.parametrize(
    "title",
    ["{x} {0.__init__.__globals__}", "{{7*7}}", "{% for x in y %}", "a; rm -rf $(x) `y` & *?[z]"],
)
def test_free_text_is_kept_to_the_letter(review: Review, title: str):
    review.accepted(CONFIG.replace("Event", f"'{title}'").replace("A review", f"'{title}'"))
    jobs = plan(review.folder)
    written = yaml.safe_load(run_config(jobs))
    assert jobs.review.displays["event"].title == title
    assert written["review"]["title"] == title


@pytest.mark.fault("K30")
def test_settings_laid_over_the_file_are_echoed_and_change_the_digest(review: Review):
    review.write(CONFIG)
    over = parse_overrides(["model.level=90", "outcomes.event.title='#2'"])
    plain, laid = plan(review.folder), plan(review.folder, over)
    written = yaml.safe_load(run_config(laid))
    assert written["overrides"] == over
    assert written["outcomes"]["event"]["plans"][0]["model"]["level"] == 90
    assert written["outcomes"]["event"]["display"]["title"] == "#2"
    assert plain.everything() != laid.everything()


@pytest.mark.fault("K32")
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "selects the same rows for the same measure as outcome 'event'. Tell them apart"),
        ("level: 90", "as outcome 'event'. Tell them apart"),
        ("exclude: [{study: A, reason: x}]", "'event', and differs in what is excluded."),
        ("select: {arm: x}", ""),
    ],
)
def test_two_outcomes_of_the_same_rows_are_noted(review: Review, lines: str, said: str):
    second = f"  again:\n    title: Again\n    table: a.csv\n    measure: PLO\n    {lines}\n"
    review.accepted(CONFIG + second)
    found = notices(*read_review(review.folder / "config.yaml"), review.folder)
    assert [problem.line for problem in found] == ([7] if said else [])
    assert all(said in str(problem) and problem.code == "same-rows" for problem in found)
