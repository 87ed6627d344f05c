"""Every fault of a table that the catalogue knows, through `metamill check`: what is said, and that
nothing else happens. The reviews are made up.
"""

import csv
import io
import os
import time
from pathlib import Path

import pytest
from table_reviews import HEADER, MEANS, SOUND, STUDIES, Content, check, write

from metamill.files import csv_text
from metamill.jobs import plan
from metamill.tables.reader import MAX_BYTES

AT = "extracted/a.csv, line"
DIGITS = (
    "Write one number in digits 0-9; words and signs belong into the column 'note'. [type-error]"
)
EMPTY = "Leave the cell empty if the source does not say. [missing-token]"
REPEAT = (
    "Remove one, or add a column (arm, unit, time_months) that tells them apart. [repeated-row]"
)
COMMA = (
    "A comma inside a cell needs quotation marks around the cell; numbers take a decimal point, "
    "not a comma. [extra-cell]"
)
POINT = "Write a decimal point instead of the comma, and nothing between thousands. [decimal-comma]"


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Assert that a table is refused with these messages and no other."""

    def assert_refused(table, *messages: str, measure: str = "PLO", more: str = "", code=3) -> None:
        said = check(write(tmp_path / "review", table, measure, more), capsys)
        assert said.errors == messages
        assert said.code == code

    return assert_refused


@pytest.fixture
def read(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Assert that a table is read with these notes and no other; gives its rows."""

    def assert_read(table, *notes: str, measure: str = "PLO", more: str = "") -> list[dict]:
        folder = write(tmp_path / "review", table, measure, more)
        said = check(folder, capsys)
        assert said.notes == notes
        assert (said.code, said.errors) == (0, ())
        with open(folder / "results" / "audit.csv", encoding="utf-8", newline="") as handle:
            told = [row for row in csv.DictReader(handle) if row["check"] == "reading"]
        assert len(told) == len(notes), "what is said stands in audit.csv too"
        return [row.cells for row in plan(folder).selections["a"].rows]

    return assert_read


def mean(cell: str) -> str:
    return MEANS + f'A,"{cell}",2,10\nB,2,3,12\n'


def counts(events: str = "1", total: str = "10") -> str:
    return HEADER + f'A,"{events}","{total}"\nB,2,20\n'


def in_mean(cell: str, rest: str) -> str:
    return f"{AT} 2, column 'mean': '{cell}': {rest}"


@pytest.mark.fault("C1")
def test_a_byte_order_mark_is_passed_over(read):
    rows = read("\ufeff" + SOUND, f"{AT} 1: a byte-order mark was passed over. [byte-order-mark]")
    assert [row["study"] for row in rows] == ["A", "B"]


@pytest.mark.fault("C2")
def test_bytes_of_another_encoding_are_never_guessed(refused):
    message = "byte 0xfc is not UTF-8. Save the file as UTF-8. [encoding-error]"
    refused(SOUND.encode() + b"M\xfcller,1,9\n", f"{AT} 4, character 2: {message}")


def _misread() -> list[tuple[str, str]]:
    """Words, and what their UTF-8 is as Windows-1252 or Latin-1 where that holds no control."""
    words = ("Müller", "≥ 5 µg", "Österreich", "α = 0.05", "don’t", "Łódź", "naïve")
    wrong = [(word, word.encode().decode("latin-1")) for word in words]
    wrong += [(word, word.encode().decode("cp1252", "replace")) for word in words]
    return [(w, x) for w, x in wrong if not any("\x7f" < letter < "\xa0" for letter in x)]


@pytest.mark.fault("C3")
@pytest.mark.parametrize(("right", "wrong"), _misread())
def test_letters_that_were_read_in_another_encoding_are_warned_of(read, right, wrong):
    rule = "looks like UTF-8 that was read as another encoding. Correct the letters"
    if "\ufffd" in wrong:
        rule = "holds U+FFFD, which stands for a letter that was lost. Type the letter again"
    table = f"study,events,total,note\nA,1,10,{wrong}\nB,2,20,{right} „Spaß“ Ångström\n"
    read(table, f"{AT} 2, column 'note': '{wrong}': {rule}. [mojibake]")


@pytest.mark.fault("C4")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_named(refused, encoding):
    wide = encoding[:6].upper()
    refused(
        SOUND.encode(encoding),
        f"{AT} 1: the file is {wide}. Save it as UTF-8. [encoding-error]",
    )


@pytest.mark.fault("C5")
def test_a_nul_byte_is_refused_at_its_place(refused):
    message = "the character U+0000 cannot be used in text. Delete it. [forbidden-character]"
    refused(SOUND + "C\0,1,9\n", f"{AT} 4, character 2: {message}")


@pytest.mark.fault("C6")
@pytest.mark.parametrize("letter", ["\x07", "\x1b", "\x7f", "\x85", "\ufffe", "\uffff"])
def test_control_characters_are_refused(refused, letter):
    message = f"the character U+{ord(letter):04X} cannot be used in text. Delete it"
    refused(SOUND + f"C,1,{letter}9\n", f"{AT} 4, character 5: {message}. [forbidden-character]")


@pytest.mark.fault("C6")
def test_half_a_surrogate_is_no_utf_8(refused):
    message = "byte 0xed is not UTF-8. Save the file as UTF-8. [encoding-error]"
    refused(SOUND.encode() + b"\xed\xa0\x80,1,9\n", f"{AT} 4, character 1: {message}")


@pytest.mark.fault("C6")
@pytest.mark.parametrize("mark", ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad"])
def test_marks_without_width_are_taken_out_of_ids(read, mark):
    note = "was read as 'A' (invisible marks). [cleaned-cell]"
    rows = read(
        HEADER + f"A{mark},1,10\nB,2,20\n", f"{AT} 2, column 'study': {'A' + mark!r}: {note}"
    )
    assert rows[0]["study"] == "A"


@pytest.mark.fault("C6")
@pytest.mark.parametrize(
    ("mark", "more"),
    [("\u202e", " and turns the direction of text"), ("\u200f", ""), ("\u3164", "")],
)
def test_marks_that_turn_or_hide_text_are_warned_of(read, mark, more):
    note = f"holds U+{ord(mark):04X}, which is invisible{more}. Remove it. [invisible-mark]"
    read(
        f"study,events,total,note\nA,1,10,{mark}abc\nB,2,20,\n",
        f"{AT} 2, column 'note': {mark + 'abc'!r}: {note}",
    )


@pytest.mark.fault("C7")
@pytest.mark.parametrize(
    ("mark", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
)
def test_other_separators_are_named(refused, mark, name):
    advice = "Save the table as comma-separated CSV, with decimal points. [wrong-separator]"
    table = "study,mean,sd,n\nA,1.5,2,10\n".replace(",", mark).replace(".", ",")
    refused(table, f"{AT} 1: the columns are separated by {name}. {advice}", measure="MN")


@pytest.mark.fault("C7")
@pytest.mark.fault("C10")
@pytest.mark.fault("C23")
@pytest.mark.parametrize("key", ["delimiter", "decimal", "missing", "comment", "encoding"])
def test_no_setting_makes_a_table_mean_something_else(refused, key):
    said = f"config.yaml, line 3, outcomes.a.{key}: '{key}': is not a setting."
    with pytest.raises(AssertionError) as caught:
        refused(SOUND, more=f', {key}: ","', code=2)
    assert said in str(caught.value)


@pytest.mark.fault("C8")
@pytest.mark.fault("C9")
def test_a_decimal_comma_without_quotation_marks_shifts_no_column(refused):
    message = f"the row has 5 cells where the header has 4. {COMMA}"
    refused(
        MEANS + "A,1,5,2,10\nB,2.5,3,12\nC,2,5,3,12\n",
        f"{AT} 2: 'A,1,5,2,10': {message}",
        f"{AT} 4: 'C,2,5,3,12': {message}",
        measure="MN",
    )


@pytest.mark.fault("C10")
@pytest.mark.parametrize("cell", ["1,5", "-0,5", "1,234"])
def test_a_quoted_decimal_comma_is_ambiguous(refused, cell):
    refused(mean(cell), in_mean(cell, f"is not a number. {POINT}"), measure="MN")


@pytest.mark.fault("C11")
@pytest.mark.fault("C12")
@pytest.mark.parametrize(
    "cell", ["1,234", "1.234", "1 234", "1'234", "1\u2019234", "12.345", "1_000"]
)
def test_a_count_has_no_separators_of_thousands(refused, cell):
    rule = "is not a whole number. Write the number without separators. [thousands-separator]"
    refused(counts(total=cell), f"{AT} 2, column 'total': {cell!r}: {rule}")


@pytest.mark.fault("C13")
@pytest.mark.parametrize("cell", ["3-Oct", "Oct-03", "2/5", "5-10", "2020-01-02", "3. Mai"])
def test_dates_that_a_spreadsheet_made_of_numbers_are_named(refused, cell):
    advice = "It looks like a date or a range: type the number again, in a cell of text"
    rule = f"{advice}. [date-or-range]" if "Mai" not in cell else DIGITS
    refused(counts(cell), f"{AT} 2, column 'events': '{cell}': is not a whole number. {rule}")


@pytest.mark.fault("C14")
def test_days_of_a_spreadsheet_are_warned_of_in_counts(read):
    rule = "is 3 October 2022 as a spreadsheet counts days. Check that it is a count"
    read(counts(total="44837"), f"{AT} 2, column 'total': '44837': {rule}. [date-serial]")


@pytest.mark.fault("C14")
def test_more_events_than_patients_are_refused(refused):
    rule = "is larger than total (10). Check both against the source. [wrong-order]"
    refused(counts("44837"), f"{AT} 2, column 'events': '44837': {rule}")


@pytest.mark.fault("C15")
@pytest.mark.parametrize("above", ["sep=,\n", "Table 1. Leakage,,\n", "Table 1\nby arm,,\n"])
def test_rows_above_the_header_are_named(refused, above):
    line = above.count("\n") + 1
    rule = f"the first row is not the header, which seems to stand in line {line}"
    advice = f"Remove what stands above line {line}. [header-not-first]"
    refused(above + SOUND, f"{AT} 1: {rule}. {advice}")


@pytest.mark.fault("C15")
def test_a_table_without_a_header_is_refused(refused):
    rule = "the first row does not hold the column 'study'"
    advice = "Begin the table with its column names. [missing-label]"
    refused("A,1,10\nB,2,20\n", f"{AT} 1: {rule}. {advice}")


@pytest.mark.fault("C16")
@pytest.mark.fault("C19")
@pytest.mark.parametrize("cell", [" 10", "10 ", "\u00a010", "10\u2009", "\t10"])
def test_spaces_around_a_number_are_noted(read, cell):
    note = f"{AT} 2, column 'total': {cell!r}: was read as '10' (spaces). [cleaned-cell]"
    assert read(counts(total=cell), note)[0]["total"] == "10"


@pytest.mark.fault("C17")
def test_ids_that_differ_in_spaces_are_one_study(refused):
    table = HEADER + "A  x,1,10\n A x ,2,20\n"
    refused(
        table, f"{AT} 3, column 'study': 'A x': repeats the row in line 2: same study. {REPEAT}"
    )


@pytest.mark.fault("C18")
def test_spaces_around_the_name_of_a_column_are_noted(read):
    note = "the name was read as 'events' (spaces). [cleaned-label]"
    rows = read(SOUND.replace("events", " events "), f"{AT} 1, column 'events': ' events ': {note}")
    assert rows[0]["events"] == "1"


@pytest.mark.fault("C18")
def test_names_of_columns_that_are_equal_without_their_spaces_are_refused(refused):
    rule = "the name is used twice, first in column 2. Rename or remove one. [duplicate-label]"
    table = "study,events, events ,total\nA,1,1,10\n"
    refused(table, f"{AT} 1, column 'events': {rule}")


@pytest.mark.fault("C19")
@pytest.mark.parametrize("space", ["\u00a0", "\u2009", "\u202f", "\u2007"])
def test_a_space_inside_a_number_is_refused(refused, space):
    rule = "is not a number. Write the number without separators. [thousands-separator]"
    refused(mean(f"1{space}234.5"), in_mean("1 234.5", rule), measure="MN")


@pytest.mark.fault("C20")
def test_the_typographic_minus_is_read_and_noted(read):
    note = in_mean("\u22121.5", "was read as '-1.5' (minus sign). [cleaned-cell]")
    assert read(mean("\u22121.5"), note, measure="MN")[0]["mean"] == "-1.5"


@pytest.mark.fault("C20")
@pytest.mark.parametrize("cell", ["\u20131.5", "2\u20134", "\u20141", "\u20101"])
def test_other_dashes_are_refused(refused, cell):
    rule = "Write - for a minus; the two ends of a range belong into min and max. [other-dash]"
    refused(mean(cell), in_mean(cell, f"is not a number. {rule}"), measure="MN")


@pytest.mark.fault("C21")
@pytest.mark.parametrize("cell", ["\uff11", "\u0662", "1\u00bd", "\u2460"])
def test_other_digits_are_refused(refused, cell):
    rule = "is not a number. Type the number again with the digits 0-9. [other-digits]"
    refused(mean(cell), in_mean(cell, rule), measure="MN")


@pytest.mark.fault("C22")
@pytest.mark.parametrize("cell", ["0x10", "inf", "-Infinity", "1e", "1.2.3", "1d5", "++1"])
def test_what_a_program_might_take_for_a_number_is_refused(refused, cell):
    refused(mean(cell), in_mean(cell, f"is not a number. {DIGITS}"), measure="MN")


@pytest.mark.fault("C22")
@pytest.mark.parametrize(
    "cell", ["1e400", "1e-400", "1e101", "1e-101", "9" * 16, "0." + "0" * 101 + "1"]
)
def test_numbers_beyond_any_measurement_are_refused(refused, tmp_path, capsys, cell):
    said = check(write(tmp_path / "review", mean(cell), "MN"), capsys)
    (error,) = said.errors
    assert said.code == 3
    assert "is beyond any real measurement. Check the " in error
    assert error.endswith("exponent. [extreme-number]")


@pytest.mark.fault("C23")
@pytest.mark.parametrize("cell", ["12%", "<0.001", "78 ± 18.8", "12*", "≥5", "5 (3)", "about 3"])
def test_a_number_with_anything_around_it_is_refused(refused, cell):
    refused(mean(cell), in_mean(cell, f"is not a number. {DIGITS}"), measure="MN")


@pytest.mark.fault("C23")
@pytest.mark.parametrize(
    "cell",
    ["n/a", "NA", "NR", "n.r.", "nan", "None", "null", "-", "\u2014", "?", "not reported", "#N/A"],
)
def test_words_for_a_missing_number_are_refused_for_an_empty_cell(refused, cell):
    refused(mean(cell), in_mean(cell, f"is not a number. {EMPTY}"), measure="MN")


@pytest.mark.fault("C24")
@pytest.mark.fault("C25")
@pytest.mark.fault("C26")
@pytest.mark.fault("C27")
@pytest.mark.parametrize(
    "study",
    ["NA", "None", "nan", "null", "N/A", "001", "1e5", "2E3", "TRUE", "no", "3-Oct", "2020-01-02"],
)
def test_ids_and_labels_are_text_whatever_they_look_like(read, study):
    files = {
        "a.csv": f"study,arm,events,total\n{study},{study},1,10\nB,{study},2,20\n",
        "studies.csv": f"study,label\n{study},{study}\nB,b\n",
    }
    rows = read(files, more=", subgroups: [arm]")
    assert rows[0] == {"study": study, "label": study, "arm": study, "events": "1", "total": "10"}


@pytest.mark.fault("C28")
def test_two_columns_of_one_name_are_refused(refused):
    rule = "the name is used twice, first in column 3. Rename or remove one. [duplicate-label]"
    refused("study,events,total,total\nA,1,10,10\n", f"{AT} 1, column 'total': {rule}")


@pytest.mark.fault("C29")
@pytest.mark.parametrize(
    ("header", "advice"),
    [("size", "Add it"), ("totals_n", "Add it, or rename the column 'totals_n'")],
)
def test_a_missing_column_is_named_with_the_nearest_header(refused, header, advice):
    rule = "the table lacks this column, and measure PLO needs it"
    refused(
        f"study,events,{header}\nA,1,10\nB,2,20\n",
        f"{AT} 1, column 'total': {rule}. {advice}. [missing-label]",
    )


@pytest.mark.fault("C30")
@pytest.mark.parametrize(
    ("column", "meant"), [("totl", "total"), ("Total", "total"), ("Time Months", "time_months")]
)
def test_a_misspelt_column_is_refused(refused, column, meant):
    rule = f"looks like a misspelt column. Did you mean '{meant}'? [incorrect-label]"
    refused(f"study,events,{column}\nA,1,10\n", f"{AT} 1, column '{column}': {rule}")


@pytest.mark.fault("C30")
def test_a_column_of_the_review_is_text_that_tells_rows_apart(read):
    table = "study,surgeon,events,total\nA,x,1,10\nA,y,2,20\nB,x,1,9\n"
    rows = read(
        table,
        f"{AT} 3, column 'study': 'A': is selected by no outcome. [unselected-row]",
        more=", select: {surgeon: x}",
    )
    assert [row["surgeon"] for row in rows] == ["x", "x"]


@pytest.mark.fault("C31")
def test_a_column_with_cells_needs_a_name(refused):
    rule = "the column has no name. Name it or remove it. [blank-label]"
    refused("study,events,,total\nA,1,x,10\nB,2,,20\n", f"{AT} 1, column 3: {rule}")


@pytest.mark.fault("C31")
def test_columns_that_are_empty_from_top_to_bottom_are_passed_over(read):
    rule = "a column without a name and without a cell was passed over. [empty-column]"
    rows = read(
        "study,events,total,,\nA,1,10,,\nB,2,20,, \n",
        f"{AT} 1, column 4: {rule}",
        f"{AT} 1, column 5: {rule}",
    )
    assert [list(row) for row in rows] == [["study", "year", "events", "total"]] * 2


@pytest.mark.fault("C32")
def test_commas_at_the_end_of_rows_shift_no_column(refused):
    rule = "the row has 4 cells where the header has 3. Remove the commas at its end. [extra-cell]"
    refused(
        HEADER + "A,1,10,\nB,2,20,\n", f"{AT} 2: 'A,1,10,': {rule}", f"{AT} 3: 'B,2,20,': {rule}"
    )


@pytest.mark.fault("C33")
def test_a_short_row_is_not_filled_up(refused):
    rule = "the row has 2 cells where the header has 3. An empty cell needs its comma too"
    refused(HEADER + "A,1\nB,2,20\n", f"{AT} 2: 'A,1': {rule}. [missing-cell]")


@pytest.mark.fault("C34")
def test_a_long_row_is_not_cut(refused):
    rule = f"the row has 4 cells where the header has 3. {COMMA}"
    refused(HEADER + "A,1,10\nB,2,20,5\n", f"{AT} 3: 'B,2,20,5': {rule}")


@pytest.mark.fault("C35")
@pytest.mark.parametrize("table", ["", "\n", "\n \n,,\n", "\ufeff"])
def test_an_empty_file_is_refused(refused, table):
    refused(table, f"{AT} 1: the file is empty. Add a header and rows. [empty-file]")


@pytest.mark.fault("C36")
def test_a_header_without_a_row_is_refused(refused):
    refused(HEADER, f"{AT} 1: there is a header but no row. Add studies. [no-rows]")


@pytest.mark.fault("C37")
def test_empty_rows_are_passed_over_and_noted(read):
    rows = read(
        HEADER + "A,1,10\n\nB,2,20\n,,\n \nC,1,9\n\n\n",
        f"{AT} 3: an empty row was passed over. [blank-row]",
        f"{AT} 5: 2 empty rows were passed over. [blank-row]",
    )
    assert [row["study"] for row in rows] == ["A", "B", "C"]


@pytest.mark.fault("C37")
def test_half_a_row_is_no_empty_row(refused):
    rule = "the row names no study. Fill in the id of the study. [missing-study]"
    refused(HEADER + "A,1,10\n,2,20\n", f"{AT} 3, column 'study': {rule}")


@pytest.mark.fault("C38")
@pytest.mark.parametrize(
    "name",
    [
        "Total",
        "Subtotal",
        "Overall",
        "Pooled",
        "Total (95% CI)",
        "RE Model",
        "Heterogeneity: Q = 3",
    ],
)
def test_a_row_that_is_called_a_total_is_refused(refused, name):
    rule = "looks like a row of totals. Remove it: the estimate over all studies is computed"
    table = HEADER + f"A,1,10\nB,2,20\n{name},4,31\n"
    refused(table, f"{AT} 4, column 'study': '{name}': {rule}. [total-row]")


@pytest.mark.fault("C38")
def test_a_last_row_whose_counts_are_all_sums_is_refused(refused):
    rule = "its total and events are the sums of the other studies"
    advice = "Remove the row of totals; if it is a study, put it before another one"
    table = HEADER + "A,1,10\nB,2,20\nC,3,25\nD,6,55\n"
    refused(table, f"{AT} 5, column 'study': 'D': {rule}. {advice}. [total-row]")


@pytest.mark.fault("C38")
@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ("A,1,10\nB,2,20\nC,3,25\nD,5,55\n", 5, "total is the sum"),
        ("A,1,10\nD,6,55\nB,2,20\nC,3,25\n", 3, "total and events are the sums"),
    ],
)
def test_a_size_that_is_the_sum_of_the_others_is_warned_of(read, rows, line, words):
    rule = f"its {words} of the other studies. Remove the row if it is one of totals"
    read(HEADER + rows, f"{AT} {line}, column 'study': 'D': {rule}. [sum-of-others]")


@pytest.mark.fault("C39")
def test_a_comment_is_no_study(refused):
    rule = "looks like a comment. Remove the row; words belong into the column 'note'"
    refused(
        HEADER + "A,1,10\n# seen,2,20\n", f"{AT} 3, column 'study': '# seen': {rule}. [comment-row]"
    )


@pytest.mark.fault("C40")
def test_an_open_quotation_mark_is_refused_where_it_opens(refused):
    rule = "a quotation mark is opened here and not closed. Close it, or remove it"
    refused(HEADER + 'A,1,10\n"B,2,20\nC,3,30\n', f"{AT} 3: {rule}. [unclosed-quote]")


@pytest.mark.fault("C41")
@pytest.mark.fault("C42")
def test_quotation_marks_and_line_ends_inside_cells_are_read(read):
    rows = read(
        'study,events,total,note\nA,1,10,"6"" nail, ""x"""\nB,2,20,a "b" c\n"C",1,9,"x\ry\r\nz"\n',
        f"{AT} 4, column 'note': 'x\\ny\\nz': was read as 'x y z' (spaces). [cleaned-cell]",
    )
    assert [row["note"] for row in rows] == ['6" nail, "x"', 'a "b" c', "x y z"]


@pytest.mark.fault("C42")
def test_no_table_that_is_written_holds_a_line_end_inside_a_cell():
    text = csv_text(["a", "b"], [{"a": "x\ry", "b": "x\r\ny"}])
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], ["x y", "x y"]]
    assert "\r" not in text


@pytest.mark.fault("C43")
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_change_nothing(read, tmp_path, end):
    rows = read(SOUND.replace("\n", end))
    here = plan(tmp_path / "review").selections["a"].digest
    assert here == plan(write(tmp_path / "other", SOUND)).selections["a"].digest
    assert [row["total"] for row in rows] == ["10", "20"]


LONG = b"x" * (MAX_BYTES - 100)


@pytest.mark.fault("C44")
@pytest.mark.parametrize(
    ("table", "line", "code"),
    [
        (SOUND.encode() + LONG, 4, "cell-too-long"),
        (SOUND.encode() + b'"' + LONG + b'"', 4, "cell-too-long"),
        (LONG, 1, "cell-too-long"),
        (b"study" + b"," * (MAX_BYTES - 100), 1, "too-many-columns"),
        (b"study\n" + b"A\n" * 9_000_000, 100_001, "too-many-rows"),
        (HEADER.encode() + b"A,1,1\n" + b"x" * 10_001 + b",1,1\n", 3, "cell-too-long"),
        (SOUND.encode() + LONG + LONG, None, "file-too-large"),
    ],
    ids=["field", "quoted", "line", "columns", "rows", "cell", "file"],
)
@pytest.mark.alone
def test_what_is_too_large_is_refused_at_once(tmp_path, capsys, table, line, code):
    folder = write(tmp_path / "review", table)
    start = time.monotonic()
    said = check(folder, capsys)
    assert time.monotonic() - start < 10
    (error,) = said.errors
    assert said.code == 3
    assert error.startswith(f"{AT} {line}" if line else "extracted/a.csv: is larger than")
    assert error.endswith(f"[{code}]")
    assert len(error) < 400


@pytest.mark.fault("C45")
def test_a_row_that_stands_twice_is_refused(refused):
    rule = f"repeats the row in line 2: same study. {REPEAT}"
    refused(HEADER + "A,1,10\nA,1,10\nB,2,20\n", f"{AT} 3, column 'study': 'A': {rule}")


@pytest.mark.fault("C46")
def test_rows_of_one_arm_and_time_are_refused(refused):
    rule = f"repeats the row in line 2: same study, arm, time_months. {REPEAT}"
    table = "study,arm,time_months,events,total\nA,x,6,1,10\na,X,6.0,2,10\nB,x,6,2,20\n"
    refused(table, f"{AT} 3, column 'study': 'a': {rule}")


@pytest.mark.fault("C46")
def test_two_arms_of_one_study_are_not_pooled_as_two_studies(refused):
    rule = "the study is in one pool twice, first in line 2"
    advice = (
        "Select or exclude by arm in config.yaml (outcomes.a), or set a method for several rows of "
        "one study (RVE, MV, aggregate)"
    )
    table = "study,arm,events,total\nA,x,1,10\nA,y,2,10\nB,x,2,20\n"
    refused(table, f"{AT} 3, column 'study': 'A': {rule}. {advice}. [repeated-study]")


@pytest.mark.fault("C47")
def test_letters_in_pieces_are_the_same_study(refused):
    rule = f"repeats the row in line 2: same study. {REPEAT}"
    table = HEADER + "M\u00fcller,1,10\nMu\u0308ller,2,20\n"
    refused(table, f"{AT} 3, column 'study': 'M\u00fcller': {rule}")


@pytest.mark.fault("C47")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller 2019", "Muller 2019"),
        ("Smith 2019", "Smith et al. 2019"),
        ("Smith 2019", "Smith 2019a"),
        ("Smith, 2019", "Smith-2019"),
        ("Smith & Lee 2019", "Smith and Lee 2019"),
        ("SMITH2019", "Smith 2019"),
    ],
)
def test_ids_that_are_almost_alike_are_warned_of(read, one, other):
    files = {
        "a.csv": HEADER + f'"{one}",1,10\nB,2,20\n"{other}",3,31\n',
        "studies.csv": f'study\n"{one}"\nB\n"{other}"\n',
    }
    rule = f"is almost '{one}' (line {{}}), and another study by its id"
    advice = "Write one id if it is one study. [near-duplicate-study]"
    read(
        files,
        f"extracted/studies.csv, line 4, column 'study': '{other}': {rule.format(2)}. {advice}",
        f"{AT} 4, column 'study': '{other}': {rule.format(2)}. {advice}",
    )


@pytest.mark.fault("C48")
def test_another_number_of_patients_in_another_table_is_told(tmp_path):
    header = "study,unit,events,total,time_months\n"
    files = {
        "a.csv": header + "A,patient,1,10,6\nB,patient,2,20,6\n",
        "b.csv": header + "A,patient,1,12,6\nB,patient,2,20,6\n",
    }
    folder = write(tmp_path / "review", files)
    with open(folder / "config.yaml", "a", encoding="utf-8") as config:
        config.write("  b: {title: B, table: b.csv, measure: PLO}\n")
    told = [entry for entry in plan(folder).entries if entry.finding.check == "patients_differ"]
    assert [(entry.table, entry.line, entry.study) for entry in told] == [("b.csv", 2, "A")]


@pytest.mark.fault("C49")
def test_an_empty_cell_changes_no_other_number(tmp_path):
    table = "study,arm,events,total\nA,x,1,10\nB,y,,20\nC,x,3,999999999\n"
    rows = plan(write(tmp_path / "review", table, more=", select: {arm: x}")).selections["a"].rows
    assert [row.cells["total"] for row in rows] == ["10", "999999999"]


@pytest.mark.fault("C49")
def test_a_pooled_row_with_an_empty_cell_is_refused(refused):
    rule = "is empty, and measure PLO needs it (study B)"
    advice = "Fill it in, or exclude the row with a reason in config.yaml (outcomes.a)"
    refused(
        HEADER + "A,1,10\nB,,20\n", f"{AT} 3, column 'events': {rule}. {advice}. [missing-number]"
    )


@pytest.mark.fault("C50")
@pytest.mark.parametrize(
    ("more", "where", "rule"),
    [
        (
            "exclude: [{study: X, reason: other}]",
            "exclude.0.study: 'X'",
            "no row that is selected from {a} has this. Known are A, B. [unknown-level]",
        ),
        (
            "select: {study: [A, X]}",
            "select.study: 'X'",
            "no row of {a} has this. Known are A, B. [unknown-level]",
        ),
        (
            "same_cohort: {LUGANO: other patients}",
            "same_cohort.LUGANO: 'LUGANO'",
            "no selected row is of this cohort. Remove it. [unknown-cohort]",
        ),
        (
            "subgroups: [region]",
            "subgroups.0: 'region'",
            "{a} has no such column. Known are events, study, total, year. [unknown-column]",
        ),
    ],
)
def test_settings_that_name_what_no_row_has_are_refused(refused, more, where, rule):
    said = f"config.yaml, line 3, outcomes.a.{where}: {rule.format(a='extracted/a.csv')}"
    refused(SOUND, said, more=f", {more}", code=2)


def _linked(path: Path) -> None:
    path.with_name("real.csv").write_text(SOUND)
    path.symlink_to("real.csv")


@pytest.mark.fault("C51")
@pytest.mark.parametrize(
    ("put", "kind"),
    [
        (Path.mkdir, "a folder and not a file"),
        (os.mkfifo, "not a regular file"),
        (_linked, "a link and not a file"),
        (lambda path: path.symlink_to("/etc/hostname"), "a link and not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "a link and not a file"),
    ],
)
def test_only_a_regular_file_is_a_table(refused, put: Content, kind):
    advice = "Put the file itself there. [not-a-regular-file]"
    refused(put, f"extracted/a.csv: is {kind}. {advice}")


@pytest.mark.fault("C51")
def test_files_that_nothing_reads_are_named(read):
    beside = {".~lock.a.csv#": "x", "a.csv.bak": SOUND, "old": Path.mkdir, "~$a.csv": "x"}
    unread = "is read by nothing. Name it in config.yaml, or remove it. [unread-file]"
    locked = (
        "shows that a.csv is open in a spreadsheet. Save and close it, so that what is read is "
        "what you see. [open-table]"
    )
    read(
        {"a.csv": SOUND, ".DS_Store": "x", "README.md": "x", **beside},
        f"extracted/.~lock.a.csv#: {locked}",
        f"extracted/a.csv.bak: {unread}",
        f"extracted/old: {unread}",
        f"extracted/~$a.csv: {locked}",
    )


def test_only_intervals_of_95_per_cent_are_read(refused):
    rule = "only 95 % intervals are read"
    advice = "Give the limits of 95 %, or the standard error in their place. [other-ci-level]"
    source = "Check the source. [constraint-error]"
    refused(
        "study,estimate,ci_low,ci_high,scale,ci_level\nA,1,0,2,identity,90\nB,2,1,3,identity,95.0\n"
        "C,2,1,3,identity,0.95\n",
        f"{AT} 2, column 'ci_level': '90': {rule}. {advice}",
        f"{AT} 4, column 'ci_level': '0.95': must be above 50. {source}",
        measure="GEN",
    )


def test_a_wrong_table_brings_forth_a_message_that_can_be_read(tmp_path, capsys):
    rows = "".join(f"S{i},x,{i}\n" for i in range(1, 5000))
    said = check(write(tmp_path / "review", HEADER + rows), capsys)
    assert said.code == 3
    assert len(said.errors) == 201
    rule = "has more than 200 of these: only the first are listed. Mend these and check again"
    assert said.errors[-1] == f"extracted/a.csv: {rule}. [further-problems]"


def test_a_review_of_sound_tables_has_nothing_to_say(read):
    read({"a.csv": SOUND, "studies.csv": STUDIES})
