"""What can be wrong with config.yaml: refused before anything is written, with line and advice.

Every review goes through `metamill check`, in this process.
"""

import os
import time
from pathlib import Path

import pytest
from config_review import CONFIG, SETTINGS_REFUSED, TABLE, Review, event, named

from metamill.cli import main
from metamill.jobs import plan


@pytest.fixture
def review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Review:
    return Review(tmp_path, capsys)


@pytest.mark.fault("K1")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            event("levle: 95"),
            "line 7, outcomes.event.levle: 'levle': is not a setting. Did you mean 'level'?",
        ),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_spelling_that_was_meant(
    review: Review, content: str, said: str
):
    assert said in review.refused(content)


@pytest.mark.fault("K2")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            event("level: 95", "level: 90"),
            "line 8, character 5: 'level': is a name used twice here, first in line 7.",
        ),
    ],
)
def test_a_name_used_twice_is_refused_with_both_lines(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K3")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "review: {title: T}\noutcomes: abc\n",
            "line 2, outcomes: 'abc': must be a mapping of names to values.",
        ),
        (
            "review: {title: T}\noutcomes:\n  - {title: A}\n",
            "line 2, outcomes: must be a mapping of names to values.",
        ),
    ],
)
def test_a_list_or_a_text_is_not_taken_for_outcomes(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K4")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "review: {title: T}\n",
            "line 1: the setting 'outcomes' is missing. Add it. [missing-setting]",
        ),
        (
            "review: {title: T}\noutcomes: {}\n",
            "line 2, outcomes: says too little. Fill it in or remove it. [too-short]",
        ),
        ("review: {title: T}\noutcomes: []\n", "line 2, outcomes: must be a mapping"),
        (
            "review: {title: T}\noutcomes:\n  event: {title: A, table: a.csv}\n",
            "line 3, outcomes.event: the setting 'measure' is missing",
        ),
    ],
)
def test_what_must_be_there_and_is_not_is_named(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K5")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (event("prediction: yes"), "'yes': must be true or false"),
        (event("level: 1:30"), "'1:30': must be a number"),
        (event("level: 095"), "'095': must be a number"),
        (event("level: 1_000"), "'1_000': must be a number"),
        (
            CONFIG.replace("A review", "2024"),
            "line 1, review.title: '2024': must be text. Put quotes around it. [type-error]",
        ),
    ],
)
def test_words_for_yes_times_and_padded_numbers_are_not_turned_into_numbers(
    review: Review, content: str, said: str
):
    assert said in review.refused(content)


@pytest.mark.fault("K6")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            event("level: 95,0"),
            "line 7, outcomes.event.level: '95,0': must be a number. Write a decimal point instead",
        ),
        (event("icc: 0,05"), "'0,05': must be a number"),
    ],
)
def test_a_decimal_comma_is_refused_with_the_advice_to_write_a_point(
    review: Review, content: str, said: str
):
    assert said in review.refused(content)


@pytest.mark.fault("K7")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            CONFIG.replace("title: Event", "title: null"),
            "line 4, outcomes.event.title: 'null': must be text",
        ),
        (
            CONFIG.replace("title: Event", "title:"),
            "line 4, outcomes.event.title: 'null': must be text",
        ),
        (named("NO"), "outcomes.NO: 'NO': cannot stand here"),
        (named("~"), "outcomes.~: '~': cannot stand here"),
        (
            "review: {title: T}\noutcomes: {event: null}\n",
            "line 2, outcomes.event: 'null': must be a mapping",
        ),
    ],
)
def test_nothing_is_not_a_title_and_null_and_no_are_not_names_of_results(
    review: Review, content: str, said: str
):
    assert said in review.refused(content)


@pytest.mark.fault("K8")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "line 1: the file must hold settings"),
        ("# nothing\n", "line 1: the file must hold settings"),
        ("settings\n", "line 1: the file must hold settings"),
        ("- a\n", "Begin with review: and outcomes:. [no-mapping]"),
        (
            CONFIG + "---\n" + CONFIG,
            "line 7: a second document begins here. Keep one, and remove the line ---.",
        ),
    ],
)
def test_a_file_that_is_not_one_mapping_is_refused(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K9")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "review:\n\ttitle: T\n",
            "line 2, character 1: not readable as YAML (found character '\\t'",
        ),
        (
            CONFIG.replace("title: Event", "title: ODI: before"),
            "line 4, character 15: not readable as YAML (mapping values are not allowed here).",
        ),
        (
            CONFIG.replace("title: Event", "title: @event"),
            "line 4, character 12: not readable as YAML (found character '@'",
        ),
    ],
)
def test_tabs_and_bare_colons_are_refused_at_line_and_character(
    review: Review, content: str, said: str
):
    assert said in review.refused(content)


@pytest.mark.fault("K10")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            CONFIG.replace("title: Event", "title: ODI #2"),
            "line 4, character 16: 'ODI': everything from '#2' would be taken for a comment. Put",
        ),
        (
            event("subgroups: [arm #2", "]"),
            "line 7, character 21: 'arm': everything from '#2' would be taken",
        ),
        (
            CONFIG.replace("title: Event", "title: #2"),
            "line 4, character 12: everything from '#2' would be taken",
        ),
    ],
)
def test_a_hash_that_would_cut_a_name_short_is_refused(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K12")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
            "line 1: anchors (&) and aliases (*) are not allowed. Write it out, or put quotes.",
        ),
    ],
)
def test_aliases_of_aliases_are_refused_unbuilt(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K13")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: &a [*a]\n", "line 1: anchors (&) and aliases (*)"),
    ],
)
def test_an_alias_that_holds_itself_is_refused(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K14")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "a: " + "[" * 1000 + "]" * 1000,
            "line 1: values are nested deeper than 20 levels. Settings are flat. [too-deep]",
        ),
        ("a: " + "{b: " * 1000, "deeper than 20 levels"),
        ("- " * 1000 + "a", "deeper than 20 levels"),
    ],
)
def test_deep_nesting_is_refused_unbuilt(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K15")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "a: !!python/object/apply:os.mkdir [ran]\n",
            "line 1: the tag 'tag:yaml.org,2002:python/object/apply:os.mkdir' is not allowed.",
        ),
        ("a: !!python/name:os.system\n", "line 1: the tag 'tag:yaml.org"),
    ],
)
def test_tags_that_make_objects_are_refused(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K16")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "__use_yte__: true\n? __import__('os').mkdir('ran')\n: 1\n",
            "line 1, character 1: '__use_yte__': is not allowed as a name",
        ),
        (
            CONFIG + "__definitions__:\n  - import os\n",
            "line 7, character 1: '__definitions__': is not allowed as a name. Use another name or",
        ),
    ],
)
def test_names_that_other_readers_run_as_code_are_refused(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K18")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (event("<<: {level: 90}"), "line 7, character 5: '<<': is not allowed as a name"),
    ],
)
def test_merge_keys_are_refused(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.fault("K19")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            event("thresholds: [.nan]"),
            "line 7, outcomes.event.thresholds.0: '.nan': must be a number",
        ),
        (event("thresholds: [.inf]"), "'.inf': must be a number"),
        (event("thresholds: [1e999]"), "'1e999': must be a"),
        (
            event("level: 0.95"),
            "line 7, outcomes.event.level: '0.95': must be at least 50. Confidence level in per",
        ),
        (event("level: -95"), "'-95': must be at least 50"),
        (event("level: 100"), "'100': must be below 100"),
        (
            event("thresholds: [20]"),
            "line 7, outcomes.event.thresholds: '20': a threshold of PLO lies between 0 and 1.",
        ),
    ],
)
def test_numbers_are_finite_and_within_their_range(review: Review, content: str, said: str):
    assert said in review.refused(content)


@pytest.mark.parametrize(
    "level",
    [
        pytest.param(text, marks=pytest.mark.fault("K5"))
        for text in ("NO", "on", "yes", "1:30", "012", "1_000", "1e-3", "2024-01-01", "1.10", "~x")
    ],
)
def test_a_level_that_yaml_would_turn_into_something_else_is_read_as_it_is_spelt(
    review: Review, level: str
):
    table = TABLE.replace(",x,", f",{level},")
    (review.folder / "extracted" / "a.csv").write_text(table, encoding="utf-8")
    assert "5 rows used" in review.accepted(event(f"select: {{arm: {level}}}"))


@pytest.mark.fault("K10")
@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("title: ODI # the second", "ODI"),
        ("title: ODI #", "ODI"),
        ('title: "ODI #2"', "ODI #2"),
        ("title: 'ODI #2' #2", "ODI #2"),
        ("title: ODI#2", "ODI#2"),
        ("title: >-  # folded\n      ODI #2", "ODI #2"),
        ("#title: other\n    title: ODI", "ODI"),
    ],
)
def test_comments_and_quoted_hashes_are_read(review: Review, line: str, title: str):
    review.accepted(CONFIG.replace("title: Event", line))
    assert plan(review.folder).review.displays["event"].title == title


@pytest.mark.fault("K11")
def test_a_byte_order_mark_is_read_over(review: Review):
    assert "can be read" in review.accepted(b"\xef\xbb\xbf" + CONFIG.encode())


@pytest.mark.fault("K17")
@pytest.mark.alone
def test_a_huge_config_is_refused_without_reading_it_all(review: Review):
    path = review.folder / "config.yaml"
    path.touch()
    os.truncate(path, 100_000_000)
    began = time.perf_counter()
    assert main(["check", str(review.folder)]) == SETTINGS_REFUSED
    assert time.perf_counter() - began < 1
    assert "config.yaml: is larger than 1,000,000 bytes" in review.capsys.readouterr().err


@pytest.mark.fault("K12")
@pytest.mark.fault("K17")
def test_thousands_of_errors_are_told_in_a_hundred_lines(review: Review):
    anchors = review.refused("a: [" + "&x a, " * 20_000)
    settings = review.refused(CONFIG + "".join(f"x{i}: 1\n" for i in range(3_000)))
    assert anchors.count("\n  ") == 100
    assert settings.count("\n  ") == 101
    assert "further problems. Mend these first. [further-problems]" in settings
