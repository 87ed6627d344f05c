"""Tables: bytes are read strictly, every error has its line, nothing is guessed."""

import csv
import io
import os
import unicodedata
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metamill.tables.codebook import COLUMNS, is_numeric
from metamill.tables.printed import decimals, rounded, truncated, unit
from metamill.tables.reader import MAX_BYTES, MAX_CELL, Findings, Table, read_table

SHIPPED = Path(__file__).resolve().parents[2] / "extracted"
FUZZ = settings(derandomize=True, max_examples=300, deadline=None, database=None)
_POOLED = sorted(path.name for path in SHIPPED.glob("*.csv") if path.name != "excluded.csv")
HEADER = "study,unit,events,total\n"


def _read(folder: Path, content: str | bytes) -> tuple[Table | None, Findings]:
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    findings = Findings()
    return read_table(path, "extracted/t.csv", findings), findings


def _only_problem(folder: Path, content: str | bytes):
    _, findings = _read(folder, content)
    (problem,) = findings.problems
    assert problem.file == "extracted/t.csv"
    assert problem.advice
    return problem


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("", 1, "file is empty"),
        ("\n \n,,\n", 1, "file is empty"),
        (HEADER, 1, "no row"),
        ("\n\n" + HEADER, 3, "no row"),
        ("study;n;mean\nA;5;2,5\n", 1, "separated by semicolons"),
        ("study;mean\nA;2,5\n", 1, "separated by semicolons"),
        ("study\tn\nA\t5\n", 1, "separated by tabs"),
        ("study|n\nA|5\n", 1, "separated by vertical bars"),
        ("sep=;\nstudy;n\nA;1\n", 1, "separated by semicolons"),
        ("Table 1\nstudy,n\nA,1\n", 1, "seems to stand in line 2"),
        ("A,1\nB,2\n", 1, "does not hold the column 'study'"),
        ("study,n,n\nA,1,1\n", 1, "name is used twice, first in column 2"),
        ("study,n, n \nA,1,1\n", 1, "name is used twice, first in column 2"),
        ("study,n,\nA,1,x\n", 1, "column has no name"),
        (f"study,{'x' * 101}\nA,1\n", 1, "more than 100 characters"),
        ("study,evnets\nA,1\n", 1, "Did you mean 'events'?"),
        ("Study,n\nA,1\n", 1, "Did you mean 'study'?"),
        ("study,Mean Pre\nA,1\n", 1, "Did you mean 'mean_pre'?"),
        ("study,mean,sd\nA,1,5,2\n", 2, "decimal point, not a comma"),
        ("study,n\nA,1,\n", 2, "Remove the commas at its end"),
        ("study,n,note\nA,1\n", 2, "has 2 cells where the header has 3"),
        ('study,n\nA,1\n"B,2\nC,3\n', 3, "opened here and not closed"),
        ('study,n\n"A" x,1\n', 2, "text follows a closing quotation mark"),
        ('study,n,note\nA,1,"two\nlines"\n\n"B\nx",y,\n', 5, "is not a whole number"),
        (f"study,note\nA,{'x' * 10_001}\n", 2, "longer than 10,000"),
        (f"study,note\nA,{'x' * 200_000}\n", 2, "longer than 10,000"),
        ("study,n\nA,1\n,2\n", 3, "names no study"),
        ("study,n\nA,1\n# checked,2\n", 3, "looks like a comment"),
        ("study,n\nA\x00,1\n", 2, "U+0000"),
        ("study,n\rA\x07,1\r", 2, "U+0007"),
        ("study,n\nA\ufffe,1\n", 2, "U+FFFE"),
        (b"study,n\r\nA,1\r\nM\xfcller,2\r\n", 3, "byte 0xfc is not UTF-8"),
        (b"study,n\n\xed\xa0\x80,2\n", 2, "byte 0xed is not UTF-8"),
        ("study,n\nA,1\n".encode("utf-16"), 1, "UTF-16"),
        ("study,n\nA,1\n".encode("utf-16-le"), 1, "UTF-16"),
    ],
)
def test_what_is_no_strict_table_is_refused_at_its_line(tmp_path, content, line, words):
    problem = _only_problem(tmp_path, content)
    assert words in str(problem)
    assert problem.line == line


@pytest.mark.parametrize(
    "total", ["Total", "TOTAL", "Totals:", "Subtotal", "Overall", "Pooled", "Sum"]
)
def test_a_row_of_totals_is_no_study(tmp_path: Path, total: str):
    problem = _only_problem(tmp_path, f"study,n\nA,1\n{total},1\n")
    assert (problem.line, problem.value) == (3, total)
    assert "totals" in problem.rule


@pytest.mark.parametrize(
    "study", ["None", "NA", "null", "001", "1e5", "3-Oct", "Totally 2020", "Summers 2019", "Ünal"]
)
def test_any_other_id_of_a_study_is_text(tmp_path: Path, study: str):
    table, findings = _read(tmp_path, f"study,n\n{study},1\n")
    assert findings == Findings()
    assert table is not None
    assert table.rows[0].cells["study"] == study


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        *(
            ("events", cell, "no decimals and no sign")
            for cell in ("2.0", "66.7", "-1", "+1", "1e2")
        ),
        *(("n", cell, "digits 0-9") for cell in ("0x10", "٣", "１２", "12%", "≥5", "12*")),
        *(("n", cell, "without separators") for cell in ("1,234", "1 234", "12.345", "1_000")),
        *(
            ("mean", cell, "Leave the cell empty")
            for cell in ("NR", "n/a", "NA", "nan", "None", "-")
        ),
        *(("mean", cell, "digits 0-9") for cell in ("inf", "<0.001", "78 ± 18.8", "12%")),
        *(("mean", cell, "exponent") for cell in ("1e400", "9" * 16, "1e-400")),
        ("mean", "2–4", "the two ends of a range"),
        ("n", "1234567890", "beyond any real"),
        *(("mean", cell, "decimal point") for cell in ("1,5", "-0,5", "1,234")),
        *(("mean", cell, "date or a range") for cell in ("3-Oct", "2/5", "5-10", "2020-01-02")),
        ("mean", "9999e99", "exponent"),
        ("mean", "." + "0" * 50 + "1e-99", "exponent"),
        ("mean", "." + "0" * 400 + "1", "exponent"),
        ("total", "0", "Check the source"),
        ("sd", "0", "above 0"),
        ("sd", "-1", "above 0"),
        ("vi", "0", "above 0"),
        ("sei", "-0.1", "above 0"),
        ("correlation", "1.01", "at most 1"),
        ("correlation", "-2", "at least -1"),
        ("time_months", "-3", "at least 0"),
        ("year", "20224", "at most 2100"),
        ("step", "0", "above 0"),
        ("items", "0", "at least 1"),
        ("n_randomised_control", "0", "at least 1"),
        *(("ci_level", cell, "above 50") for cell in ("0.95", "50")),
        ("ci_level", "100", "below 100"),
        ("ci_level", "90", "only 95 % intervals are read"),
        ("unit", "pateint", "Did you mean 'patient'?"),
        ("unit", "Patient", "Did you mean 'patient'?"),
    ],
)
def test_a_cell_that_breaks_a_rule_is_named_with_what_to_do(tmp_path, column, cell, words):
    problem = _only_problem(tmp_path, f'study,{column}\nA,\nB,"{cell}"\n')
    assert (problem.line, problem.column, problem.value) == (3, f"column '{column}'", cell)
    assert words in str(problem)


@pytest.mark.parametrize(
    ("header", "row", "column"),
    [
        ("events,total", "5,4", "events"),
        ("events_treatment,total_treatment", "5,4", "events_treatment"),
        ("events_control,total_control", "5,4", "events_control"),
        ("min,max", "5,4", "min"),
        ("min,mean,max", "5,4,6", "min"),
        ("min,mean,max", "5,7,6", "mean"),
        ("min_pre,median_pre", "5,4", "min_pre"),
        ("median_post,max_post", "5,4", "median_post"),
        ("q1,q3", "5,4", "q1"),
        ("q1,median,q3", "3,2,4", "q1"),
        ("ci_low,estimate,ci_high", "2,1,3", "ci_low"),
        ("ci_low,estimate,ci_high", "1,4,3", "estimate"),
        ("ci_low,estimate,ci_high", ".9,.8,.6", "ci_low"),
        ("min,mean,max", "9,5,1", "min"),
    ],
)
def test_numbers_in_the_wrong_order_are_reported_once(tmp_path, header, row, column):
    problem = _only_problem(tmp_path, f"study,{header}\nA,{row}\n")
    assert problem.column == f"column '{column}'"
    assert "is larger than" in problem.rule


def test_rows_of_one_study_differ_in_a_declared_column(tmp_path: Path):
    content = "study,arm,time_months,n\nA,x,6,1\nA,x,12,1\nA,y,6,1\na,X,6.0,2\n"
    problem = _only_problem(tmp_path, content)
    assert (problem.line, problem.rule) == (
        5,
        "repeats the row in line 2: same study, arm, time_months",
    )


@pytest.mark.parametrize("column", ["sex", "title", "site", "time2", "age", "scale_type", "mean_x"])
def test_columns_of_its_own_are_no_misspellings(tmp_path: Path, column: str):
    _, findings = _read(tmp_path, f"study,{column}\nA,x\n")
    assert findings.problems == []


def test_all_errors_of_a_table_appear_at_once_in_the_order_of_lines(tmp_path: Path):
    _, findings = _read(
        tmp_path, HEADER + "A,patient,5,4\nB,patient,x,1\nB,patient,1\nB,patient,1,1\n"
    )
    assert [problem.line for problem in findings.problems] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (" 5 ", "5"),
        ("\u00a05", "5"),
        ("\u22125", "-5"),
        ("2.30", "2.30"),
        ('"5"', "5"),
        ("\u200b5", "5"),
    ],
)
def test_what_is_cleaned_is_noted_and_digits_are_kept(tmp_path: Path, raw: str, read: str):
    table, findings = _read(tmp_path, f"study,mean\nA,{raw}\n")
    assert table is not None
    assert table.rows[0].cells["mean"] == read
    noted = [(n.line, n.column, n.value) for n in findings.notices]
    assert noted == ([] if raw.strip('"') == read else [(2, "column 'mean'", raw)])


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_and_a_byte_order_mark_change_no_row(tmp_path: Path, ending: str):
    plain, _ = _read(tmp_path, 'study,n,note\nA,1,"x, ""y"""\n\nB,2,\n')
    other, findings = _read(
        tmp_path, '\ufeffstudy,n,note\nA,1,"x, ""y"""\n\nB,2,\n'.replace("\n", ending)
    )
    assert other == plain
    assert [notice.line for notice in findings.notices] == [1, 3]


def test_lines_are_counted_through_cells_of_several_lines(tmp_path: Path):
    table, _ = _read(tmp_path, 'study,note\nA,"one\ntwo\rthree"\nB,\n')
    assert table is not None
    assert [(row.line, row.cells["note"]) for row in table.rows] == [(2, "one two three"), (5, "")]


def test_mojibake_and_turned_text_are_noted(tmp_path: Path):
    _, findings = _read(tmp_path, "study,note\nM\u00c3\u00bcller,\nA,\u202eabc\n")
    assert [(notice.line, notice.column) for notice in findings.notices] == [
        (2, "column 'study'"),
        (3, "column 'note'"),
    ]


@pytest.mark.parametrize("make", ["missing", "folder", "pipe", "link", "device"])
def test_only_regular_files_are_tables(tmp_path: Path, make: str):
    path = tmp_path / "t.csv"
    if make == "folder":
        path.mkdir()
    elif make == "pipe":
        os.mkfifo(path)
    elif make == "link":
        (tmp_path / "real.csv").write_text("study,n\nA,1\n")
        path.symlink_to(tmp_path / "real.csv")
    elif make == "device":
        path.symlink_to("/dev/zero")
    findings = Findings()
    assert read_table(path, "extracted/t.csv", findings) is None
    (problem,) = findings.problems
    assert problem.advice


def test_a_table_over_the_limit_is_refused(tmp_path: Path):
    with (tmp_path / "t.csv").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    findings = Findings()
    assert read_table(tmp_path / "t.csv", "extracted/t.csv", findings) is None
    assert "larger than" in findings.problems[0].rule


def _cleaned(cell: str, column: str) -> str:
    """The normalisations that are promised, written independently of the reader."""
    for mark in "\u00ad\u180e\u200b\u200c\u200d\u2060\ufeff":
        cell = cell.replace(mark, "")
    cell = unicodedata.normalize("NFC", " ".join(cell.split()))
    return cell.replace("\u2212", "-") if is_numeric(column) else cell


def _assert_round_trip(content: bytes, table: Table, findings: Findings) -> None:
    text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    records = [record for record in csv.reader(io.StringIO(text)) if any(map(str.strip, record))]
    columns = [_cleaned(name, "") for name in records[0]]
    assert list(table.columns) == [name for name in columns if name]
    expected = [dict(zip(columns, record, strict=True)) for record in records[1:]]
    for raw in expected:
        assert not raw.pop("", "").strip(), "what has no name is empty"
    noted = {(notice.line, notice.column) for notice in findings.notices}
    assert len(table.rows) == len(expected)
    for row, raw in zip(table.rows, expected, strict=True):
        assert row.cells == {name: _cleaned(cell, name) for name, cell in raw.items()}
        changed = {name for name, cell in raw.items() if row.cells[name] != cell}
        assert {(row.line, f"column '{name}'") for name in changed} <= noted


@pytest.mark.parametrize("name", _POOLED)
def test_shipped_tables_are_read_cell_by_cell_without_a_remark(name: str):
    findings = Findings()
    table = read_table(SHIPPED / name, name, findings)
    assert findings == Findings()
    assert table is not None
    _assert_round_trip((SHIPPED / name).read_bytes(), table, findings)


def _read_or_refused(factory: pytest.TempPathFactory, content: bytes) -> None:
    table, findings = _read(factory.getbasetemp(), content)
    assert table is not None or findings.problems
    for problem in findings.problems:
        assert problem.rule
        assert problem.advice
        assert str(problem)
    if table is not None and not findings.problems:
        _assert_round_trip(content, table, findings)


_names = st.sampled_from([*COLUMNS, "extra", "Study", "sample"])
_cells = st.text(max_size=6) | st.sampled_from(
    ["1", "2.50", "patient", "-1", "1e9", "\u22123", " 4 ", '"', "a,b", "x\ny", "\u00a0", "NR", ""]
)


@FUZZ
@given(st.binary(max_size=300).map(lambda tail: b"study,n\n" + tail) | st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content: bytes):
    _read_or_refused(tmp_path_factory, content)


@FUZZ
@given(
    st.lists(_names, max_size=5, unique=True),
    st.lists(st.lists(_cells, min_size=6, max_size=6), min_size=1, max_size=4),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_written_table_is_read_as_written_or_refused(tmp_path_factory, names, rows, ending):
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=ending)
    writer.writerow(["study", *(name for name in names if name != "study")])
    width = 1 + len([name for name in names if name != "study"])
    writer.writerows([f"S{i}", *row[1:width]] for i, row in enumerate(rows))
    _read_or_refused(tmp_path_factory, buffer.getvalue().encode("utf-8", "surrogatepass"))


_SHIPPED_BYTES = [path.read_bytes() for path in sorted(SHIPPED.glob("*.csv"))]
_SNIPPETS = [
    b",",
    b'"',
    b"\n",
    b"\r",
    b"\x00",
    b"\xff",
    b";",
    b"-",
    b" ",
    b"\xc2\xa0",
    b"\xe2\x88\x92",
    b"1,5",
    b"Total",
    b"#",
    b"\xef\xbb\xbf",
    b"9" * 20,
    b"1e400",
    b"nan",
    b"\xe2\x80\xa8",
    b"\xc2\x85",
    b"",
]


@FUZZ
@given(
    st.sampled_from(_SHIPPED_BYTES),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 10), st.sampled_from(_SNIPPETS)),
        min_size=1,
        max_size=5,
    ),
)
def test_any_damage_to_a_shipped_table_is_read_or_refused(tmp_path_factory, content, damage):
    for where, length, snippet in damage:
        start = int(where * len(content))
        content = content[:start] + snippet + content[start + length :]
    _read_or_refused(tmp_path_factory, content)


def test_the_longest_cell_is_still_read(tmp_path: Path):
    _, findings = _read(tmp_path, f"study,note\nA,{'x' * MAX_CELL}\n")
    assert findings.problems == []


def _notes(folder: Path, content: str) -> list[tuple[int | None, str]]:
    _, findings = _read(folder, content)
    assert findings.problems == []
    return [(notice.line, notice.code) for notice in findings.notices]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jones 2019a", "Jones 2019b"),
        ("S1", "S10"),
        ("1.5", "15"),
        ("HIV+", "HIV-"),
        ("Wang 2019", "Wang 2020"),
        ("Wang K 2019", "Wang Z 2019"),
        ("王 2019", "張 2019"),
        ("---", "..."),
    ],
)
def test_ids_of_two_studies_are_not_almost_alike(tmp_path: Path, one: str, other: str):
    assert _notes(tmp_path, f"study,n\n{one},1\n{other},2\n") == []


@pytest.mark.parametrize(
    "rows",
    [
        "A,x,1,10\nB,x,2,20\nC,x,3,30\n",
        "A,x,1,10\nA,y,2,20\nA,z,3,25\nA,all,6,55\n",
        "A,x,0,10\nB,x,0,20\nC,x,0,25\nD,x,0,60\n",
        "A,x,2,10\nB,x,2,20\nC,x,2,25\nD,x,6,40\n",
    ],
)
def test_rows_that_add_up_by_chance_or_within_a_study_are_no_totals(tmp_path: Path, rows: str):
    assert _notes(tmp_path, "study,arm,events,total\n" + rows) == []


def test_totals_of_an_arm_are_found_among_its_rows(tmp_path: Path):
    rows = "A,x,1,10\nB,x,2,20\nC,x,3,25\nE,y,9,90\nD,x,6,55\nF,y,1,11\n"
    assert _notes(tmp_path, "study,arm,events,total\n" + rows) == [(6, "sum-of-others")]


def test_other_numbers_than_counts_are_no_dates(tmp_path: Path):
    content = "study,mean,year,time,n\nA,44837,2000,44837,36525\nB,1,2001,1,47849\n"
    assert _notes(tmp_path, content) == []
    told = _notes(tmp_path, "study,n\nA,36526\nB,47848\n")
    assert told == [(2, "date-serial"), (3, "date-serial")]


def test_what_an_interval_of_another_level_is_pooled_as_is_never_asked(tmp_path: Path):
    table, findings = _read(tmp_path, "study,ci_low,ci_high,ci_level\nA,1,2,95.0\nB,1,2,\n")
    assert table is not None
    assert findings == Findings()


def test_no_more_is_told_of_a_table_than_can_be_read(tmp_path: Path):
    _, findings = _read(tmp_path, "study,n\n" + "".join(f" S{i} ,x\n" for i in range(3000)))
    assert (len(findings.problems), len(findings.notices)) == (201, 1001)
    assert findings.problems[-1].code == findings.notices[-1].code == "further-problems"
    assert [problem.line for problem in findings.problems[:-1]] == list(range(2, 202))


@pytest.mark.parametrize(
    ("cell", "meant"),
    [("2.3000000000000003", "2.3"), ("2.2999999999999998", "2.3"), ("-10.000000000000002", "-10")],
)
def test_the_noise_of_a_computer_is_no_digit_of_a_printed_number(cell, meant):
    for how in (rounded, truncated):
        low, high = how(cell)
        assert low <= Fraction(meant) <= high
        assert high - low < Fraction(1, 10**9)
    assert decimals(cell) <= 12


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1.5e3", 100),
        ("1.50E3", 10),
        ("2e-3", Fraction(1, 1000)),
        ("1500", 1),
        ("2.30", Fraction(1, 100)),
    ],
)
def test_the_unit_of_a_printed_number_is_that_of_its_last_digit(cell, expected):
    assert unit(cell) == expected
    low, high = rounded(cell)
    assert high - low == expected


@pytest.mark.parametrize(
    ("cell", "low", "high"),
    [("0.0", "-0.1", "0.1"), ("-0.0", "-0.1", "0.1"), ("0.1", "0.1", "0.2"), ("-2", "-3", "-2")],
)
def test_digits_are_cut_off_towards_zero_and_a_zero_comes_from_either_side(cell, low, high):
    assert truncated(cell) == (Fraction(low), Fraction(high))
