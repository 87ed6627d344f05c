"""Every check is described where a reader looks for it."""

from checks_page import PAGE, page

from metamill.audit.families import CHECKS


def test_the_table_of_checks_is_that_of_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_check_is_explained_on_a_page_of_its_family() -> None:
    pages = [file for file in PAGE.parent.glob("*.md") if file != PAGE]
    text = "\n".join(file.read_text(encoding="utf-8") for file in pages)
    assert [code for code in CHECKS if f"`{code}`" not in text] == []


def test_every_check_says_what_makes_it_speak_wrongly() -> None:
    for check in CHECKS.values():
        assert check.rule and check.source and check.wrong_when
